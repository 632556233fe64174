"""The links of a chain, under the names and with the arguments that they have in optax.

First come the links that repair or clip a gradient, then memory, then scaling, then links that change the weights. The
classes have lower-case names because they are used like functions: `chain(params, clip(1.0), scale_by_adam(),
lr=1e-3)`. A link such as `scale_by_adam` runs the `update` of the optimizer that it names: no formula is written
twice.
"""

import numpy as np

from .adaptive import AdaBelief, Adadelta, Adagrad, Adam, Adamax, RAdam, Yogi
from .clipping import global_norm, shrink_factor
from .gradient_descent import SGD
from .interface.annotations import Any, Function, Number
from .interface.hyperparameters import (
    FINITE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    UP_TO_1,
    at_least,
    check_callable,
    check_choice,
    prepared,
)
from .layerwise import trust_ratio
from .sign import Lion
from .transform import Link, rule_of

# Before anything else: repair, clip, centre


class zero_nans(Link):
    """Replace every component that is not a number by 0; infinite ones stay.

    To leave out the whole step instead, wrap the optimizer in `ApplyIfFinite`.
    """

    def update(self, grad, state, param):
        return np.where(np.isnan(grad), 0, grad)


class clip(Link):
    """Clip every component to [-max_delta, max_delta].

    Parameters
    ----------
    max_delta : float or array
    """

    ranges = {"max_delta": POSITIVE}

    def __init__(self, max_delta: Number) -> None:
        super().__init__(max_delta=max_delta)

    def update(self, grad, state, param, *, max_delta):
        return np.clip(grad, -max_delta, max_delta)


class clip_by_block_rms(Link):
    r"""Shrink updates whose root mean square is above a threshold: :math:`u / \max(1, \mathrm{rms}(u)/d)`.

    Parameters
    ----------
    threshold : float
        d. Adafactor clips in this way, with d = 1 [1]_.

    References
    ----------
    .. [1] N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, section 6.
    """

    elementwise = False
    ranges = {"threshold": POSITIVE}

    def __init__(self, threshold: Number) -> None:
        super().__init__(threshold=threshold)

    def update(self, grad, state, param, *, threshold):
        rms = float(np.sqrt(np.mean(np.square(grad))))
        return grad / max(1.0, rms / threshold)


class clip_by_global_norm(Link):
    r"""Shrink all parameters' updates by one factor, :math:`\min(1, c / (|u| + 10^{-6}))`, \|u\| the norm of all.

    Parameters
    ----------
    max_norm : float
        c.

    See Also
    --------
    optim.clip_grad_norm_ : the same for the gradients themselves.

    Notes
    -----
    The :math:`10^{-6}` is PyTorch's; optax has none.
    """

    ranges = {"max_norm": POSITIVE}

    def __init__(self, max_norm: float) -> None:
        super().__init__(max_norm=max_norm)

    def survey(self, grads):
        self.norm = global_norm(grads)

    def update(self, grad, state, param, *, max_norm):
        return grad * prepared(shrink_factor(self.norm, max_norm), param)


class adaptive_grad_clip(Link):
    r"""Clip the gradient of each unit to a multiple of the norm of its weights: what counts is the relative change.

    .. math::
        g_i \leftarrow g_i \cdot \min\Bigl(1, \; \frac{\lambda \max(|w_i|, \epsilon)}{|g_i|}\Bigr)

    Parameters
    ----------
    clipping : float
        λ, such as 0.01.
    eps : float, default 1e-3
        ε, which lets units with weights near 0 move.
    axis : int or tuple of int, optional
        The axes over which a norm is taken. By default all but the first, which is a unit's row in the layout
        (out, in, ...) of PyTorch and minigrad; a vector is one unit. (optax expects (in, out): pass axis=0.)

    References
    ----------
    .. [1] A. Brock, S. De, S. L. Smith, K. Simonyan, "High-performance large-scale image recognition without
       normalization", 2021, eq. 3.
    """

    elementwise = False
    ranges = {"clipping": POSITIVE}

    def __init__(self, clipping: Number, eps: Number = 1e-3, axis: Any = None) -> None:
        self.axis = axis
        super().__init__(clipping=clipping, eps=eps)

    def unit_norm(self, array):
        """Return the norm of each unit."""
        axis = self.axis if self.axis is not None or array.ndim < 2 else tuple(range(1, array.ndim))
        return np.sqrt(np.sum(np.square(array), axis=axis, keepdims=True))

    def update(self, grad, state, param, *, clipping, eps):
        norm, longest = self.unit_norm(grad), clipping * np.maximum(self.unit_norm(param), eps)
        return np.where(norm < longest, grad, grad * (longest / np.maximum(norm, 1e-6)))


class centralize(Link):
    """Subtract from the gradient of each unit its mean; a unit is a row in the layout (out, in). Vectors do not change.

    References
    ----------
    .. [1] H. Yong, J. Huang, X. Hua, L. Zhang, "Gradient centralization", 2020, eq. 1.
    """

    elementwise = False

    def update(self, grad, state, param):
        return grad - grad.mean(axis=tuple(range(1, grad.ndim)), keepdims=True) if grad.ndim > 1 else grad


class normalize_by_update_norm(Link):
    r"""Give the updates of all parameters together a fixed length, :math:`u \, c / (|u| + \epsilon)`.

    Parameters
    ----------
    scale_factor : float, default 1
        c, the length.
    eps : float, default 1e-6
        ε.
    """

    ranges = {"scale_factor": FINITE}

    def __init__(self, scale_factor: Number = 1.0, eps: Number = 1e-6) -> None:
        super().__init__(scale_factor=scale_factor, eps=eps)

    def survey(self, grads):
        self.norm = global_norm(grads)

    def update(self, grad, state, param, *, scale_factor, eps):
        return grad * (scale_factor / (self.norm + eps))


class add_noise(Link):
    r"""Add normal noise that fades, of variance :math:`\eta / t^\gamma` at step t.

    Parameters
    ----------
    eta : float
        η, the variance at the first step.
    gamma : float
        γ, how fast it fades; 0.55 in [1]_.
    seed : int or numpy.random.Generator
        The generator's state is part of the state dictionary, so a resumed run draws the same numbers as one without
        a pause.

    References
    ----------
    .. [1] A. Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015, section 3.
    """

    elementwise = False
    ranges = {"eta": NOT_NEGATIVE, "gamma": NOT_NEGATIVE}

    def __init__(self, eta: Number, gamma: Number, seed: Any) -> None:
        self.generator = np.random.default_rng(seed)
        super().__init__(eta=eta, gamma=gamma)

    def init_state(self, param):
        return {"step": 0}

    def update(self, grad, state, param, *, eta, gamma):
        noise = self.generator.standard_normal(grad.shape).astype(grad.dtype, copy=False)
        return grad + (eta / state["step"] ** gamma) ** 0.5 * noise

    def state_dict(self):
        return {"generator": self.generator.bit_generator.state}

    def load_state_dict(self, state_dict):
        if state_dict.keys() != {"generator"}:
            raise ValueError(f'the state of add_noise has the key "generator"; got {sorted(state_dict)}')
        self.generator.bit_generator.state = state_dict["generator"]


# Memory


class trace(rule_of):
    r"""Add up the gradients while they fade, :math:`b_t = g_t + d \, b_{t-1}`: the momentum of :class:`SGD`.

    Parameters
    ----------
    decay : float or array
        d, momentum.
    nesterov : bool, default False
        Return :math:`g_t + d \, b_t`.
    """

    ranges = {"decay": NOT_NEGATIVE}

    def __init__(self, decay: Number, nesterov: bool = False) -> None:
        super().__init__(SGD, decay=decay, nesterov=nesterov)

    def arguments(self, decay, nesterov):
        return {"momentum": decay, "nesterov": nesterov}


class ema(Link):
    r"""Average the gradients, with the most weight on the latest: :math:`m_t = d \, m_{t-1} + (1 - d) \, g_t`.

    Parameters
    ----------
    decay : float or array
        d. The average reaches back about 1/(1 - d) steps.
    debias : bool, default True
        Divide by :math:`1 - d^t`, the sum of the weights so far, because :math:`m_0 = 0` is not a gradient.
    """

    ranges = {"decay": FRACTION}

    def __init__(self, decay: Number, debias: bool = True) -> None:
        super().__init__(decay=decay, debias=debias)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param)}

    def update(self, grad, state, param, *, decay, debias):
        m = state["exp_avg"]
        m *= decay
        m += (1 - decay) * grad
        return m / (1 - decay ** state["step"]) if debias else m


# Scaling


class scale(Link):
    """Multiply by a number.

    Parameters
    ----------
    step_size : float or array
    """

    ranges = {"step_size": FINITE}

    def __init__(self, step_size: Number) -> None:
        super().__init__(step_size=step_size)

    def update(self, grad, state, param, *, step_size):
        return step_size * grad


class scale_by_schedule(Link):
    """Multiply by a function of the number of steps made so far: 0 at the first.

    The schedules of `optim.schedule` change `lr`, or any other hyperparameter, from outside the chain; this link is
    part of it.

    Parameters
    ----------
    step_size_fn : callable
        Takes an int and returns a float.
    """

    def __init__(self, step_size_fn: Function) -> None:
        check_callable("step_size_fn", step_size_fn)
        self.step_size_fn = step_size_fn
        super().__init__()

    def init_state(self, param):
        return {"step": 0}

    def update(self, grad, state, param):
        return float(self.step_size_fn(state["step"] - 1)) * grad


class scale_by_sign(Link):
    """Keep only the sign of each component."""

    def update(self, grad, state, param):
        return np.sign(grad)


class scale_by_trust_ratio(Link):
    r"""Make the update's length a multiple of the parameter's: :math:`u \, c \, |\theta| / (|u| + \epsilon)`.

    Where either norm is 0 the update does not change.

    Parameters
    ----------
    min_norm : float, default 0
        Norms below it count as this much.
    trust_coefficient : float, default 1
        c; 0.001 in LARS [1]_, 1 in LAMB [2]_.
    eps : float, default 0
        ε.

    References
    ----------
    .. [1] Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017.
    .. [2] Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020, Algorithm 2.
    """

    elementwise = False
    ranges = {"min_norm": NOT_NEGATIVE, "trust_coefficient": NOT_NEGATIVE}

    def __init__(self, min_norm: Number = 0.0, trust_coefficient: Number = 1.0, eps: Number = 0.0) -> None:
        super().__init__(min_norm=min_norm, trust_coefficient=trust_coefficient, eps=eps)

    def update(self, grad, state, param, *, min_norm, trust_coefficient, eps):
        return grad * trust_ratio(param, grad, trust_coefficient, eps, min_norm)


# By the rule of an optimizer

class rule_with_betas(rule_of):
    r"""The rule of an optimizer whose `betas` are b1 and b2 here, as in optax.

    With `nesterov=True` the first moment is updated twice before it is used, the second time with the same gradient:
    :math:`\hat m = b_1 m_t / (1 - b_1^{t+1}) + (1 - b_1) g_t / (1 - b_1^t)`.
    """

    ranges = {"b1": FRACTION, "b2": FRACTION}

    def arguments(self, b1, b2, nesterov=False, **others):
        return {"betas": (b1, b2), **others}

    def update(self, grad, state, param, *, b1, nesterov=False, **others):
        if not nesterov:
            return super().update(grad, state, param, b1=b1, **others)
        m, t = state["exp_avg"], state["step"]
        m *= b1
        m += (1 - b1) * grad
        ahead = {**state, "exp_avg": (1 - b1**t) / (1 - b1 ** (t + 1)) * m}  # which the rule updates once more
        return super().update(grad, ahead, param, b1=b1, **others)


class scale_by_adam(rule_with_betas):
    """A running mean of the gradient over the root of a running mean of its square: the rule of :class:`Adam`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
        How much of each running mean stays.
    eps : float or array, default 1e-8
        Added to the root. (optax's ``eps_root``, under the root, is 0 here.)
    nesterov : bool, default False
        Look one step ahead along the first moment.
    """

    def __init__(self, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8, *, nesterov: bool = False) -> None:
        super().__init__(Adam, b1=b1, b2=b2, eps=eps, nesterov=nesterov)


class scale_by_amsgrad(scale_by_adam):
    """The rule of :class:`Adam` with ``amsgrad=True``: divide by the largest average of squares so far.

    As in PyTorch, the largest v is corrected for its start at 0, so the divisor itself can shrink while the correction
    fades. optax takes the largest of the corrected averages instead: its divisor never shrinks, and its updates are
    different.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
    eps : float or array, default 1e-8
    """

    def arguments(self, **hyperparameters):
        return {**super().arguments(**hyperparameters), "amsgrad": True}


class scale_by_adamax(rule_with_betas):
    """A running mean of the gradient over a fading maximum of its size: the rule of :class:`Adamax`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
    eps : float or array, default 1e-8
    """

    def __init__(self, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8) -> None:
        super().__init__(Adamax, b1=b1, b2=b2, eps=eps)


class scale_by_radam(rule_with_betas):
    """Momentum until the divisor can be trusted: the rule of :class:`RAdam`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
    eps : float or array, default 1e-8
    threshold : float, default 5
        The length of the average above which the divisor is trusted; at least 4.
    nesterov : bool, default False
        Look one step ahead along the first moment.
    """

    ranges = {"threshold": at_least(4)}

    def __init__(self, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8, threshold: Number = 5.0, *,
                 nesterov: bool = False) -> None:
        super().__init__(RAdam, b1=b1, b2=b2, eps=eps, threshold=threshold, nesterov=nesterov)

    def arguments(self, threshold=None, **others):
        return super().arguments(**others)

    def update(self, grad, state, param, *, threshold, **others):
        self.rule.threshold = threshold
        return super().update(grad, state, param, **others)


class scale_by_belief(rule_with_betas):
    """Divide by how far the gradient is from its running mean: the rule of :class:`AdaBelief`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
    eps : float or array, default 1e-16
        Added to the squares and to the root.
    nesterov : bool, default False
        Look one step ahead along the first moment.
    """

    def __init__(self, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-16, *, nesterov: bool = False) -> None:
        super().__init__(AdaBelief, b1=b1, b2=b2, eps=eps, nesterov=nesterov)

    def update(self, grad, state, param, *, b1, b2, eps, nesterov):
        phi = super().update(grad, state, param, b1=b1, b2=b2, eps=eps)
        if not nesterov:
            return phi
        m, s, t = state["exp_avg"], state["exp_avg_var"], state["step"]
        m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * grad / (1 - b1**t)
        s_hat = s / (1 - b2**t)  # the distance is measured from m, not from the moment that looks ahead
        return m_hat / (np.sqrt(s_hat) + eps)


class scale_by_yogi(rule_with_betas):
    """Let the divisor change by small steps only: the rule of :class:`Yogi`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.999
    eps : float or array, default 1e-3
    initial_accumulator_value : float or array, default 1e-6
        What the running means start with.
    """

    def __init__(self, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-3,
                 initial_accumulator_value: Number = 1e-6) -> None:
        super().__init__(Yogi, b1=b1, b2=b2, eps=eps, initial_accumulator_value=initial_accumulator_value)


class scale_by_lion(rule_with_betas):
    """The sign of a mixture of the gradient and its running mean: the rule of :class:`Lion`.

    Parameters
    ----------
    b1, b2 : float or array, default 0.9 and 0.99
        For the mixture, and for the mean.
    mode : {"hard", "smooth", "refined"}
        The sign of the mixture, its tanh, or the mixture itself where it is smaller than 1.
    smooth_beta : float, default 1
        In mode "smooth" the mixture is multiplied by it, inside the tanh.
    """

    ranges = {"smooth_beta": FINITE}

    def __init__(self, b1: Number = 0.9, b2: Number = 0.99, *, mode: str = "hard", smooth_beta: Number = 1.0) -> None:
        check_choice("mode", mode, ("hard", "smooth", "refined"))
        super().__init__(Lion, b1=b1, b2=b2, mode=mode, smooth_beta=smooth_beta)

    def arguments(self, mode=None, smooth_beta=None, **betas):
        return super().arguments(**betas)

    def update(self, grad, state, param, *, b1, b2, mode, smooth_beta):
        mixture = b1 * state["exp_avg"] + (1 - b1) * grad
        sign = super().update(grad, state, param, b1=b1, b2=b2)
        if mode == "smooth":
            return np.tanh(smooth_beta * mixture)
        return sign if mode == "hard" else np.where(np.abs(mixture) < 1, mixture, sign)


class scale_by_rms(Link):
    """Divide by the root of a running mean of the square, as :class:`RMSprop` does.

    Parameters
    ----------
    decay : float or array, default 0.9
        How much of the running mean stays.
    eps : float or array, default 1e-8
        Added to the root.
    initial_scale : float or array, default 0
        What the mean of the squares starts with.
    eps_in_sqrt : bool, default False
        Add eps under the root instead. (That is optax's default; the other one is PyTorch's.)
    bias_correction : bool, default False
        Divide the mean by the sum of its weights so far, as Adam does.
    """

    ranges = {"decay": UP_TO_1, "initial_scale": NOT_NEGATIVE}

    def __init__(self, decay: Number = 0.9, eps: Number = 1e-8, initial_scale: Number = 0.0, eps_in_sqrt: bool = False,
                 bias_correction: bool = False) -> None:
        super().__init__(decay=decay, eps=eps, initial_scale=initial_scale, eps_in_sqrt=eps_in_sqrt,
                         bias_correction=bias_correction)

    def init_state(self, param, *, initial_scale):
        return {"step": 0, "square_avg": np.zeros_like(param) + initial_scale}

    def update(self, grad, state, param, *, decay, eps, eps_in_sqrt, bias_correction):
        v = state["square_avg"]
        v *= decay
        v += (1 - decay) * grad * grad
        v_hat = v / (1 - decay ** state["step"]) if bias_correction else v
        return grad / (np.sqrt(v_hat + eps) if eps_in_sqrt else np.sqrt(v_hat) + eps)


class scale_by_stddev(scale_by_rms):
    """Divide by a running standard deviation, as :class:`RMSprop` does with ``centered=True``.

    The arguments are those of :class:`scale_by_rms`.
    """

    def init_state(self, param, *, initial_scale):
        return {**super().init_state(param, initial_scale=initial_scale), "grad_avg": np.zeros_like(param)}

    def update(self, grad, state, param, *, decay, eps, eps_in_sqrt, bias_correction):
        v, m = state["square_avg"], state["grad_avg"]
        v *= decay
        v += (1 - decay) * grad * grad
        m *= decay
        m += (1 - decay) * grad
        weights = 1 - decay ** state["step"] if bias_correction else 1
        variance = np.maximum(v / weights - np.square(m / weights), 0)  # rounding may make it negative
        return grad / (np.sqrt(variance + eps) if eps_in_sqrt else np.sqrt(variance) + eps)


class scale_by_rss(rule_of):
    """Divide by the root of the sum of all squares: the rule of :class:`Adagrad`.

    Parameters
    ----------
    initial_accumulator_value : float or array, default 0.1
        The sum at the start.
    eps : float or array, default 1e-7
        Added to the root, as in PyTorch; optax adds it under the root.
    """

    def __init__(self, initial_accumulator_value: Number = 0.1, eps: Number = 1e-7) -> None:
        super().__init__(Adagrad, initial_accumulator_value=initial_accumulator_value, eps=eps)


class scale_by_adadelta(rule_of):
    """Divide by the root of a running mean, and give it the size of recent steps: the rule of :class:`Adadelta`.

    Parameters
    ----------
    rho : float or array, default 0.9
        How much of the running means stays.
    eps : float or array, default 1e-6
    """

    def __init__(self, rho: Number = 0.9, eps: Number = 1e-6) -> None:
        super().__init__(Adadelta, rho=rho, eps=eps)


# The weights themselves


class add_decayed_weights(Link):
    r"""Add the weights to the update, :math:`u + \lambda \theta`, so that they decay.

    Before a scaling it is L2 regularisation, the gradient of λ/2 \|θ\|²; after it, decoupled weight decay as in
    :class:`AdamW`.

    Parameters
    ----------
    weight_decay : float or array, default 0
        λ.
    mask : callable, optional
        Picks the parameters that decay, as in `masked`.
    """

    def __init__(self, weight_decay: Number = 0.0, mask: Function | None = None) -> None:
        super().__init__(weight_decay=weight_decay)
        if mask is not None:
            self.wants = mask

    def update(self, grad, state, param, *, weight_decay):
        return grad + weight_decay * param


class project(Link):
    r"""Bring the parameter back into a set after every move: :math:`\theta \leftarrow P(\theta - \gamma \phi)`.

    This is not of the form θ - γφ. Wherever it is in the chain, the link acts only after the parameter has moved.

    Parameters
    ----------
    projection : callable
        Takes an array and returns the nearest one in the set.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.9])
    >>> p.grad = np.array([-1.0])
    >>> optim.chain([p], optim.project(lambda x: np.clip(x, 0, 1)), lr=0.5).step()
    >>> p.data
    array([1.])
    """

    def __init__(self, projection: Function) -> None:
        check_callable("projection", projection)
        self.projection = projection
        super().__init__()

    def update(self, grad, state, param):
        return grad

    def settle(self, param):
        param[...] = self.projection(param)


class keep_params_nonnegative(project):
    """Set parameters that a move has made negative to 0."""

    def __init__(self) -> None:
        super().__init__(lambda param: np.maximum(param, 0))
