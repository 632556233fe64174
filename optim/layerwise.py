"""Layer-wise methods: how far a parameter moves does not depend on how long its gradient is.

Large batches need large learning rates. A large learning rate is too large first for the layer whose weights are
small and whose gradient is large. The trust ratio ‖θ‖/‖φ‖ puts all layers on one scale: LARS uses it with momentum,
LAMB with Adam. NovoGrad divides by the gradient's length alone. A parameter (an array) is a layer here, and norms are
taken over the whole of it.
"""

import numpy as np

from .adaptive import AdamW
from .interface.annotations import Number, Pair, Params
from .interface.hyperparameters import NOT_NEGATIVE, active
from .interface.optimizer import Optimizer


def trust_ratio(param, phi, trust_coefficient=1.0, eps=0.0, min_norm=0.0):
    """Return η‖θ‖ / (‖φ‖ + ε), or 1 where one of the norms is 0, so that a parameter that starts at 0 can leave it."""
    param_norm, phi_norm = (max(float(np.linalg.norm(array)), min_norm) for array in (param, phi))
    return trust_coefficient * param_norm / (phi_norm + eps) if param_norm and phi_norm else 1.0


class LARS(Optimizer):
    """Layer-wise adaptive rate scaling: momentum over gradients that are as long as their parameters.

    What it adds to SGD is the trust ratio: before momentum, the gradient of a layer gets the length γ η ‖θ‖. By
    default the first step changes each layer by a thousandth of its length. While gradients agree, momentum makes the
    steps up to 1/(1 − μ) times as long, a hundredth by default.

    Parameters
    ----------
    lr : float, default 1
        Learning rate γ, inside the momentum: a change of γ reaches the momentum of earlier steps only as it fades.
    momentum : float, default 0.9
        μ, the part of the last step that stays.
    weight_decay : float, default 0
        λ; adds λθ to the gradient.
    trust_coefficient : float, default 1e-3
        η.
    eps : float, default 0
        ε, added to the length of the gradient.
    nesterov : bool, default False
        Step along the momentum to come, as in `SGD`.

    Notes
    -----
    *When it helps, when it hurts.* Convolutional networks with batches of many thousands, after a warm-up. With small
    batches plain momentum does as well. Biases and normalisation weights usually get a separate optimizer. Near
    a minimum its steps do not shrink with the gradient: the schedule must do that.

    *Where libraries disagree.* The paper divides by ‖g‖ + λ‖θ‖; optax and this class by the length of what is scaled,
    ‖g + λθ‖. Where a norm is 0, the ratio and its η are replaced by 1.

    *As a chain.* (while lr does not change) ``chain(params, add_decayed_weights(weight_decay), scale_by_trust_ratio(0,
    trust_coefficient, eps), trace(momentum, nesterov), lr=lr)``.

    *A relative.* Under batch normalisation, gradients are perpendicular to the weights. Each step of relative length γ
    then makes the weights longer by the factor √(1 + γ²). Fromage [2]_ takes no momentum and divides by this factor.
    With ``c = 1 / sqrt(1 + lr**2)`` it is ``chain(params, scale_by_trust_ratio(), scale(c),
    add_decayed_weights((1 - c) / lr), lr=lr)``.

    References
    ----------
    .. [1] Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017, Algorithm 1.
    .. [2] J. Bernstein, A. Vahdat, Y. Yue, M.-Y. Liu, "On the distance between two neural networks and the stability of
       learning", 2020.

    Examples
    --------
    Two layers change by the same percentage, though the gradient of one is ten thousand times as long.

    >>> import optim
    >>> v, w = optim.Parameter([1.0]), optim.Parameter([100.0])
    >>> optimizer = optim.LARS([v, w], trust_coefficient=0.01)
    >>> v.grad, w.grad = 1e6 * v.data, w.data.copy()
    >>> optimizer.step()
    >>> v.data, w.data
    (array([0.99]), array([99.]))
    """

    elementwise = False
    returns_step = True
    ranges = {"momentum": NOT_NEGATIVE, "trust_coefficient": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1.0, momentum: Number = 0.9, weight_decay: Number = 0.0,
                 trust_coefficient: Number = 1e-3, eps: Number = 0.0, nesterov: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay,
                         trust_coefficient=trust_coefficient, eps=eps, nesterov=nesterov, maximize=maximize)

    def init_state(self, param):
        return {"momentum_buffer": np.zeros_like(param)}

    def update(self, grad, state, param, *, lr, momentum, weight_decay, trust_coefficient, eps,
               nesterov):
        """
        g ← g + λ θ
        u ← γ η ‖θ‖ / (‖g‖ + ε) g        see `trust_ratio`
        b ← μ b + u
        φ ← u + μ b                      the whole step, with nesterov; else φ is b
        """
        b = state["momentum_buffer"]
        if active(weight_decay):
            grad = grad + weight_decay * param
        u = lr * trust_ratio(param, grad, trust_coefficient, eps) * grad
        b *= momentum
        b += u
        if nesterov:
            return u + momentum * b
        return b


class LAMB(AdamW):
    """Layer-wise adaptive moments: AdamW, with every layer's step as long as γ times the layer.

    What it changes in LARS is the direction: AdamW's instead of the gradient. The ratio comes last, after the moments
    and the decay.

    Parameters
    ----------
    lr : float, default 1e-3
        γ, the length of the step as a part of the layer's length.
    weight_decay : float, default 0
        λ, as in `AdamW`.

    Notes
    -----
    *When it helps, when it hurts.* Its paper trained BERT with batches of 32,768. Well-tuned Adam and Nesterov
    momentum have since done as well there [2]_. On a handful of numbers, as on a test surface, "a layer" means
    little: the steps shrink wherever θ happens to be near the origin.

    *Where libraries disagree.* The paper lets a function ψ clip ‖θ‖; optax and this class do not, others clip it to
    [0, 10]. Some leave out the corrections of the moments.

    *As a chain.* ``chain(params, scale_by_adam(*betas, eps), add_decayed_weights(weight_decay), scale_by_trust_ratio(),
    lr=lr)``.

    References
    ----------
    .. [1] Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020, Algorithm 2.
    .. [2] Z. Nado et al., "A large batch optimizer reality check: traditional, generic optimizers suffice across batch
       sizes", 2021, arXiv 2102.06356.

    Examples
    --------
    >>> import optim
    >>> v, w = optim.Parameter([1.0]), optim.Parameter([100.0])
    >>> optimizer = optim.LAMB([v, w], lr=0.01)
    >>> v.grad, w.grad = 1e6 * v.data, w.data.copy()
    >>> optimizer.step()
    >>> v.data, w.data, optimizer.state[w]["trust_ratio"]
    (array([0.99]), array([99.]), 100.0)
    """

    elementwise = False

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-6,
                 weight_decay: Number = 0.0, *, maximize: bool = False) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize)

    def init_state(self, param, *, amsgrad):
        return {**super().init_state(param, amsgrad=amsgrad), "trust_ratio": 1.0}

    def update(self, grad, state, param, *, betas, eps, weight_decay, amsgrad,
               decoupled_weight_decay):
        """
        φ ← AdamW's φ
        r ← ‖θ‖ / ‖φ‖
        φ ← r φ
        """
        phi = super().update(grad, state, param, betas=betas, eps=eps, weight_decay=weight_decay,
                             amsgrad=amsgrad, decoupled_weight_decay=decoupled_weight_decay)
        state["trust_ratio"] = trust_ratio(param, phi)
        return state["trust_ratio"] * phi


class NovoGrad(Optimizer):
    """Adam's second moment with one number for a whole layer, and momentum of what has been divided by it.

    What it changes in `LAMB`: the gradient gets a fixed length before it enters the momentum, not after. v is a moving
    average of the squared *norm*. So the state is half of Adam's, and the direction of the gradient is kept. No
    gradient adds more than 1/√(1 − β₂) to the length of the momentum, which is 1.15 by default.

    Parameters
    ----------
    lr : float, default 1e-3
        γ, the length of a layer's first step. While gradients agree, momentum makes steps up to 1/(1 − β₁) times as
        long.
    betas : pair of floats, default (0.9, 0.25)
        β₁ of the momentum, and β₂ of the norm, which forgets quickly.
    eps : float, default 1e-6
        ε.
    weight_decay : float, default 0
        λ, added after the division.

    Notes
    -----
    *When it helps, when it hurts.* It trained speech models over a wide range of learning rates and batch sizes. As
    for all of this chapter, on a handful of numbers "a layer" means little.

    *Where libraries disagree.* The momentum is a sum, as in the paper and optax, so it grows to 1/(1 − β₁) gradients;
    some libraries average instead.

    References
    ----------
    .. [1] B. Ginsburg et al., "Stochastic gradient methods with layer-wise adaptive moments for training of deep
       networks", 2019, arXiv 1905.11286, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> v, w = optim.Parameter([1.0, 1.0]), optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.NovoGrad([v, w], lr=0.1)
    >>> v.grad, w.grad = np.array([3.0, 4.0]), np.array([3e6, 4e6])
    >>> optimizer.step()
    >>> v.data, w.data
    (array([0.94, 0.92]), array([0.94, 0.92]))
    """

    elementwise = False

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.25), eps: Number = 1e-6,
                 weight_decay: Number = 0.0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": 0.0}

    def update(self, grad, state, param, *, betas, eps, weight_decay):
        """
        square ← ‖g‖²
        v ← β₂ v + (1 − β₂) square        square alone at the first step
        u ← g / (√v + ε) + λ θ
        m ← β₁ m + u                      φ is m
        """
        (beta1, beta2), m, v = betas, state["exp_avg"], state["exp_avg_sq"]
        square = float(np.sum(grad * grad))
        v = beta2 * v + (1 - beta2) * square if state["step"] > 1 else square
        state["exp_avg_sq"] = v
        u = grad / (v**0.5 + eps) + weight_decay * param
        m *= beta1
        m += u
        return m
