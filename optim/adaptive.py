"""Adaptive methods: every coordinate has its own step size, learnt from the gradients it has seen.

One idea runs through the chapter: divide by the root of a sum of squared gradients. Adagrad sums, Adadelta and
RMSprop forget, Adam adds momentum. Each method after Adam changes one part of it: its decay, its norm, its momentum,
its start, or its variance. The last two keep the sum of squares in less memory.

The equations are the docstring of `update`, one for each statement below them. In all of them g is the gradient, θ
the parameter, t the number of the step, and φ what the optimizer steps along: θ ← θ − γ φ.
"""

from functools import reduce

import numpy as np

from .interface.annotations import Number, Pair, Params, Triple
from .interface.hyperparameters import (
    FRACTION,
    NOT_NEGATIVE,
    NOT_POSITIVE,
    UP_TO_1,
    active,
    at_least,
    optional,
    several,
)
from .interface.optimizer import Optimizer


class Adagrad(Optimizer):
    """Adaptive gradient: divide by the root of the sum of all squared gradients.

    What it adds to gradient descent: a step size for every coordinate. If the gradient of one coordinate is always a
    hundred times as large as that of another, so is its divisor. The units in which a coordinate is measured no
    longer matter: the first step is γ for each of them.

    Parameters
    ----------
    lr_decay : float or array, default 0
        η, makes the steps shrink even faster. The paper has none.
    initial_accumulator_value : float or array, default 0
        s₀; makes the first steps shorter.

    Notes
    -----
    *When it helps, when it hurts.* Sparse features: a word seen once a week takes a large step on that day. On convex
    problems its regret is as small as that of the best fixed choice of step sizes, up to a constant factor. But s
    only grows. While gradients keep their size, the steps shrink like 1/√t, even far from the minimum. (Where
    gradients fade, s converges: on a quadratic Adagrad ends up as gradient descent with a constant step size.)

    *Where libraries disagree.* The paper and PyTorch add ε to the root; optax and Keras add it under the root and start
    with s₀ = 0.1.

    *As a chain.* (with lr_decay=0) ``chain(params, add_decayed_weights(weight_decay),
    scale_by_rss(initial_accumulator_value, eps), lr=lr)``.

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
       optimization", 2011, Figure 1 with diagonal matrices.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Adagrad([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data
    array([0.9, 0.9])
    """

    ranges = {"lr_decay": NOT_NEGATIVE, "initial_accumulator_value": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1e-2, lr_decay: Number = 0, weight_decay: Number = 0,
                 initial_accumulator_value: Number = 0, eps: Number = 1e-10, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                         initial_accumulator_value=initial_accumulator_value, maximize=maximize)

    def init_state(self, param, *, initial_accumulator_value):
        return {"step": 0, "sum": np.full_like(param, initial_accumulator_value)}

    def update(self, grad, state, param, *, lr_decay, weight_decay, eps):
        """
        g ← g + λ θ
        s ← s + g²
        φ ← g / (√s + ε)
        φ ← φ / (1 + (t − 1) η)
        """
        s, t = state["sum"], state["step"]
        if active(weight_decay):
            grad = grad + weight_decay * param
        s += grad * grad
        phi = grad / (np.sqrt(s) + eps)
        if active(lr_decay):
            phi /= 1 + (t - 1) * lr_decay
        return phi


class Adadelta(Optimizer):
    """Adagrad with a window on the past, and steps in the units of the parameter.

    What it adds to Adagrad: old squares fade, because v is a moving average over about 1/(1 − ρ) steps. So the steps
    need not die out. And g/√v has no unit, while θ has one. The size √u of recent steps gives it back, and so no
    learning rate is needed: γ = 1.

    Parameters
    ----------
    lr : float or array, default 1
        γ, 1 in the paper.
    rho : float or array, default 0.9
        ρ in [0, 1], how slowly the past fades.
    eps : float or array, default 1e-6
        ε. It does more than prevent 0/0: u starts at 0, so ε sets the length of the first step, √ε / √(1 − ρ).

    Notes
    -----
    *When it helps, when it hurts.* When nobody wants to tune a learning rate. It starts very slowly, because its steps
    grow from √ε. In the end it hovers, because nothing makes the steps shrink.

    *Where libraries disagree.* Keras's default γ is 0.001: its steps are a thousand times shorter than the paper's.

    *As a chain.* ``chain(params, add_decayed_weights(weight_decay), scale_by_adadelta(rho, eps), lr=lr)``.

    References
    ----------
    .. [1] M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, Algorithm 1.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0])
    >>> optimizer = optim.Adadelta([x])
    >>> x.grad = 1000 * x.data
    >>> optimizer.step()
    >>> 1 - x.data
    array([0.00316])
    """

    ranges = {"rho": UP_TO_1}

    def __init__(self, params: Params, lr: Number = 1.0, rho: Number = 0.9, eps: Number = 1e-6,
                 weight_decay: Number = 0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "square_avg": np.zeros_like(param), "acc_delta": np.zeros_like(param)}

    def update(self, grad, state, param, *, rho, eps, weight_decay):
        """
        g ← g + λ θ
        v ← ρ v + (1 − ρ) g²
        φ ← √((u + ε) / (v + ε)) g
        u ← ρ u + (1 − ρ) φ²
        """
        v, u = state["square_avg"], state["acc_delta"]
        if active(weight_decay):
            grad = grad + weight_decay * param
        v *= rho
        v += (1 - rho) * grad * grad
        phi = np.sqrt((u + eps) / (v + eps)) * grad
        u *= rho
        u += (1 - rho) * phi * phi
        return phi


class RMSprop(Optimizer):
    """Divide by the root of a moving average of squared gradients.

    What it takes from Adadelta is the window on the past; the learning rate is back. ``centered`` replaces v, the mean
    of the squares, by an estimate of the variance: where gradients agree, the variance is small and the step is long.
    ``momentum`` adds up the scaled gradients, and steps along their sum b.

    Parameters
    ----------
    alpha : float or array, default 0.99
        α, how slowly the past fades.
    momentum : float or array, default 0
        μ, heavy-ball momentum of the scaled gradient.
    centered : bool, default False
        Divide by the standard deviation instead of the root mean square.

    Notes
    -----
    *When it helps, when it hurts.* Online problems and recurrent networks, where the size of gradients changes during
    a run. v starts at 0 and is not corrected, so the first step is γ/√(1 − α), ten times γ by default. Near a minimum
    it hops: g and √v shrink together, so the steps do not.

    *Where libraries disagree.* PyTorch and this class add ε to the root; Keras, and optax by default, add it under
    the root, where it counts for far more. TensorFlow 1 starts with v₀ = 1. Keras puts γ inside the momentum.

    *As a chain.* (not centered) ``chain(params, add_decayed_weights(weight_decay), scale_by_rms(alpha, eps),
    trace(momentum), lr=lr)``.

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, 2012.
    .. [2] A. Graves, "Generating sequences with recurrent neural networks", 2013, eqs. 38 to 41: centered, with
       momentum.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.RMSprop([x], lr=0.01)
    >>> x.grad = x.data * [10, 1000]
    >>> optimizer.step()
    >>> x.data.round(3)
    array([0.9, 0.9])
    """

    ranges = {"momentum": NOT_NEGATIVE, "alpha": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1e-2, alpha: Number = 0.99, eps: Number = 1e-8,
                 weight_decay: Number = 0, momentum: Number = 0, centered: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
                         weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param, *, momentum, centered):
        state = {"step": 0, "square_avg": np.zeros_like(param)}
        if active(momentum):
            state["momentum_buffer"] = np.zeros_like(param)
        if centered:
            state["grad_avg"] = np.zeros_like(param)
        return state

    def update(self, grad, state, param, *, alpha, eps, weight_decay, momentum, centered):
        """
        g ← g + λ θ
        v ← α v + (1 − α) g²
        ḡ ← α ḡ + (1 − α) g       if centered
        v ← max(v − ḡ², 0)        if centered
        φ ← g / (√v + ε)
        b ← μ b + φ               with momentum, and φ is b
        """
        v = state["square_avg"]
        if active(weight_decay):
            grad = grad + weight_decay * param
        v *= alpha
        v += (1 - alpha) * grad * grad
        if centered:
            g_bar = state["grad_avg"]
            g_bar *= alpha
            g_bar += (1 - alpha) * grad
            v = np.maximum(v - g_bar * g_bar, 0)  # rounding may make the difference negative
        phi = grad / (np.sqrt(v) + eps)
        if active(momentum):
            b = state["momentum_buffer"]
            b *= momentum
            b += phi
            return b
        return phi


class Adam(Optimizer):
    """Adaptive moment estimation: RMSprop with momentum, both corrected for their start at zero.

    What it adds to RMSprop: the numerator is averaged too. Both averages start at 0, and are divided by the weight
    that they have gathered, 1 − βᵗ. So the first step is γ sign(g), and while gradients keep their size, steps are
    about γ or shorter. The learning rate is a length in the units of θ, which is why 1e-3 so often works. Steps can
    be longer than γ: a gradient after a long silence moves θ by (1 − β₁)/√(1 − β₂) γ, which is 3.2 γ by default. No
    step is ever longer than 7.3 γ by default, and in general no longer than

        γ (1 − β₁) / √((1 − β₂) (1 − β₁²/β₂))        for β₁² < β₂.

    ``amsgrad`` divides by the largest v so far instead of v. A rare, large, and informative gradient is then not
    forgotten before it has had its effect [2]_.

    Parameters
    ----------
    eps : float or array, default 1e-8
        ε, prevents 0/0. Where gradients are far smaller than ε, Adam is gradient descent with momentum and the
        learning rate γ/ε.
    amsgrad : bool, default False
        Divide by the largest average so far.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead of adding λθ to the gradient: that is `AdamW`.

    Notes
    -----
    *When it helps, when it hurts.* The method to try first: badly scaled and noisy problems with little tuning. Its
    weaknesses: near a minimum it does not settle unless γ falls. There are convex problems on which it runs the wrong
    way [2]_. Well-tuned SGD has been found to generalise better on several tasks [3]_. L2 decay is divided by √v like
    any gradient, and so is weak where gradients are large (see `AdamW`).

    *Where libraries disagree.* Keras adds ε to √v before the correction (the paper's "epsilon hat"). AMSGrad: the paper
    corrects nothing, PyTorch corrects the largest v, optax takes the largest of the corrected v̂.

    *As a chain.* ``chain(params, add_decayed_weights(weight_decay), scale_by_adam(*betas, eps), lr=lr)``.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1.
    .. [2] S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", 2018, Algorithm 2.
    .. [3] A. C. Wilson et al., "The marginal value of adaptive gradient methods in machine learning", 2017.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Adam([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data
    array([0.9, 0.9])
    """

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 0, amsgrad: bool = False, *, maximize: bool = False,
                 decoupled_weight_decay: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                         maximize=maximize, decoupled_weight_decay=decoupled_weight_decay)

    def _loaded_group(self, own, saved):
        group = super()._loaded_group(own, saved)
        if group["decoupled_weight_decay"] != own["decoupled_weight_decay"]:
            raise ValueError(f"this {type(self).__name__} has decoupled_weight_decay={own['decoupled_weight_decay']}, "
                             "the saved one has the opposite: Adam's state is for Adam, AdamW's for AdamW")
        return group

    def init_state(self, param, *, amsgrad):
        state = {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
        return {**state, "max_exp_avg_sq": np.zeros_like(param)} if amsgrad else state

    def update(self, grad, state, param, *, betas, eps, weight_decay, amsgrad,
               decoupled_weight_decay):
        """
        g ← g + λ θ               Adam
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        v ← max(v_max, v)         with amsgrad; kept as v_max
        m̂ ← m / (1 − β₁ᵗ)
        v̂ ← v / (1 − β₂ᵗ)
        φ ← m̂ / (√v̂ + ε)
        φ ← φ + λ θ               AdamW
        """
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        if not decoupled_weight_decay and active(weight_decay):
            grad = grad + weight_decay * param
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        if amsgrad:
            v_max = state["max_exp_avg_sq"]
            v = np.maximum(v_max, v, out=v_max)
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        phi = m_hat / (np.sqrt(v_hat) + eps)
        if decoupled_weight_decay and active(weight_decay):
            phi += weight_decay * param
        return phi


class AdamW(Adam):
    """Adam with decoupled weight decay: the decay bypasses the moments.

    What it changes in Adam is the place of one term. Adam with L2 adds λθ to g, then divides by √v: weights with
    large gradients hardly decay. AdamW adds λθ to φ at the end, and so every weight shrinks by the same factor,
    1 − γλ. With λ = 0 the two are the same.

    Parameters
    ----------
    amsgrad : bool, default False
        Divide by the largest average so far, as in `Adam`.
    weight_decay : float or array, default 1e-2
        λ; takes γλθ off the parameter.

    Notes
    -----
    *When it helps, when it hurts.* The usual choice for transformers, with a schedule for γ. Biases and normalisation
    layers are usually not decayed: give them a group with ``weight_decay=0``.

    *Where libraries disagree.* The paper multiplies λ by the schedule alone; PyTorch, optax and this class multiply
    it by γ, so a smaller learning rate also decays less.

    *As a chain.* ``chain(params, scale_by_adam(*betas, eps), add_decayed_weights(weight_decay), lr=lr)``.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019, Algorithm 2.

    Examples
    --------
    Without a gradient, only the decay is left.

    >>> import numpy as np, optim
    >>> x = optim.Parameter([1.0, 100.0])
    >>> optimizer = optim.AdamW([x], lr=0.1, weight_decay=0.5)
    >>> x.grad = np.zeros(2)
    >>> optimizer.step()
    >>> x.data
    array([ 0.95, 95. ])
    """

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 1e-2, amsgrad: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


class Adamax(Optimizer):
    """Adam with the largest recent gradient instead of the root mean square.

    What it changes in Adam is the norm: √v is a fading 2-norm of the past gradients, u the fading ∞-norm. A maximum
    needs no correction for its start. For β₁ < β₂ no step is longer than γ (1 − β₁)/(1 − β₁/β₂), which is 1.01 γ by
    default; Adam's bound is 7.3 γ.

    Parameters
    ----------
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ for the momentum, β₂ for how slowly a maximum fades.

    Notes
    -----
    *When it helps, when it hurts.* Rare large gradients: u takes the whole of each, √v only its √(1 − β₂) part. So
    no step is much longer than γ, but one outlier shortens the steps for about 1/(1 − β₂) more.

    *Where libraries disagree.* The paper has no ε and divides by 0 if the first gradient is 0; PyTorch and optax add
    it to the absolute value of g as here, Keras to u.

    *As a chain.* ``chain(params, add_decayed_weights(weight_decay), scale_by_adamax(*betas, eps), lr=lr)``.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 2.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Adamax([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data
    array([0.9, 0.9])
    """

    def __init__(self, params: Params, lr: Number = 2e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_inf": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay):
        """
        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g
        u ← max(β₂ u, |g| + ε)
        m̂ ← m / (1 − β₁ᵗ)
        φ ← m̂ / u
        """
        (beta1, beta2), t = betas, state["step"]
        m, u = state["exp_avg"], state["exp_inf"]
        if active(weight_decay):
            grad = grad + weight_decay * param
        m *= beta1
        m += (1 - beta1) * grad
        u *= beta2
        np.maximum(u, np.abs(grad) + eps, out=u)
        m_hat = m / (1 - beta1**t)
        return m_hat / u


class NAdam(Optimizer):
    """Adam with Nesterov's momentum.

    What it changes in Adam: as in `SGD` with ``nesterov=True``, the step is taken along the momentum that the next
    step will have, and so the present gradient counts once more. The momentum μ warms up from β₁/2 to β₁. The product
    of all μ so far replaces β₁ᵗ in the correction.

    Parameters
    ----------
    lr : float or array, default 2e-3
        Learning rate γ.
    momentum_decay : float or array, default 4e-3
        ψ, how fast μ warms up: half the way takes 0.69 / (0.041 ψ) steps, 4,200 by default.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead, as AdamW does.

    Notes
    -----
    *When it helps, when it hurts.* Often a little faster than Adam, above all early on. Where gradients are mostly
    noise, counting the last one twice does not help.

    *Where libraries disagree.* Dozat averages m with μ; PyTorch, Keras and this class with β₁. optax's ``nadam`` has
    no schedule: its μ is always β₁.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop, 2016.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.NAdam([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data
    array([0.894, 0.894])
    """

    ranges = {"momentum_decay": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 2e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 0, momentum_decay: Number = 4e-3, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                         decoupled_weight_decay=decoupled_weight_decay, maximize=maximize)

    def init_state(self, param, *, betas, momentum_decay):
        many = isinstance(betas[0] * momentum_decay, np.ndarray)
        return {"step": 0, "mu_product": np.ones_like(param) if many else 1.0,
                "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    @staticmethod
    def momentum_at(t, beta1, momentum_decay):
        """Return μ at step t."""
        return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def advance(self, state, *, betas, momentum_decay):
        """
        Π ← Π μ
        """
        state["mu_product"] *= self.momentum_at(state["step"], betas[0], momentum_decay)

    def update(self, grad, state, param, *, betas, eps, weight_decay, momentum_decay,
               decoupled_weight_decay):
        """
        g ← g + λ θ                                        unless decoupled
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        μ ← β₁ (1 − 0.5 · 0.96^(t ψ))
        μ′ ← β₁ (1 − 0.5 · 0.96^((t + 1) ψ))
        m̂ ← μ′ m / (1 − Π μ′) + (1 − μ) g / (1 − Π)        Π is the product of all μ so far
        v̂ ← v / (1 − β₂ᵗ)
        φ ← m̂ / (√v̂ + ε)
        φ ← φ + λ θ                                        if decoupled
        """
        (beta1, beta2), t, product = betas, state["step"], state["mu_product"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        if not decoupled_weight_decay and active(weight_decay):
            grad = grad + weight_decay * param
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        mu = self.momentum_at(t, beta1, momentum_decay)
        mu_next = self.momentum_at(t + 1, beta1, momentum_decay)
        m_hat = mu_next / (1 - product * mu_next) * m + (1 - mu) / (1 - product) * grad
        v_hat = v / (1 - beta2**t)
        phi = m_hat / (np.sqrt(v_hat) + eps)
        if decoupled_weight_decay and active(weight_decay):
            phi += weight_decay * param
        return phi


class Adan(Optimizer):
    """Adam with Nesterov's momentum, estimated from how the gradient changes.

    What it changes in Adam: Nesterov's momentum takes the gradient at a point ahead. Adan guesses that gradient from
    the last change: g + β₂ (g − g₀), with the gradient before as g₀. `OptimisticGradient` steps along the same guess;
    `NAdam` only counts g once more. Here both moments are made of it: the numerator averages g and its change, each
    with a β of its own, and the denominator averages the square of the guess.

    Parameters
    ----------
    betas : three floats or arrays, default (0.98, 0.92, 0.99)
        β₁ for the average of the gradients, β₂ for that of their changes, β₃ for that of the squares.
    weight_decay : float or array, default 0
        λ; after the step, θ is divided by 1 + γλ. The paper trains with 0.02.

    Notes
    -----
    *When it helps, when it hurts.* Large batches: with little noise, a change of the gradient shows the curvature. The
    paper takes 5 to 10 times the learning rate of Adam. With small batches the change is mostly noise. It keeps four
    arrays for each parameter where Adam keeps two.

    *Where libraries disagree.* The paper writes 1 − β for what is β here and in its authors' code. The paper starts m
    and n at the first gradient and its square; that code and this class start at 0 and correct, as Adam does. optax
    0.2 weighs the change by 1 − β₂ instead of β₂, 0.08 instead of 0.92, and so agrees for β₂ = 1/2 alone.

    References
    ----------
    .. [1] X. Xie et al., "Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models", 2022,
       Algorithm 1.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Adan([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data
    array([0.9, 0.9])
    """

    ranges = {"betas": several(3, FRACTION)}

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Triple = (0.98, 0.92, 0.99), eps: Number = 1e-8,
                 weight_decay: Number = 0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        averages = {name: np.zeros_like(param) for name in ("exp_avg", "exp_avg_diff", "exp_avg_sq")}
        return {"step": 0, "last_grad": None, **averages}

    def update(self, grad, state, param, *, lr, betas, eps, weight_decay):
        """
        g₀ ← g                                at the first step; then it is the gradient before
        d ← g − g₀
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) d
        n ← β₃ n + (1 − β₃) (g + β₂ d)²
        m̂ ← m / (1 − β₁ᵗ)
        v̂ ← v / (1 − β₂ᵗ)
        n̂ ← n / (1 − β₃ᵗ)
        φ ← (m̂ + β₂ v̂) / (√n̂ + ε)
        φ ← (φ + λ θ) / (1 + γ λ)
        """
        (beta1, beta2, beta3), t = betas, state["step"]
        m, v, n = state["exp_avg"], state["exp_avg_diff"], state["exp_avg_sq"]
        if state["last_grad"] is None:
            state["last_grad"] = np.copy(grad)
        last_grad = state["last_grad"]
        d = grad - last_grad
        last_grad[...] = grad
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * d
        n *= beta3
        n += (1 - beta3) * (grad + beta2 * d) ** 2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        n_hat = n / (1 - beta3**t)
        phi = (m_hat + beta2 * v_hat) / (np.sqrt(n_hat) + eps)
        if active(weight_decay):
            phi = (phi + weight_decay * param) / (1 + lr * weight_decay)
        return phi


class RAdam(Optimizer):
    """Adam that trusts its variance only when enough gradients have been seen.

    What it adds to Adam: ρ counts how many gradients the average v amounts to. While they are few (five steps at
    β₂ = 0.999), 1/√v is mostly chance, and the step is gradient descent with momentum. Then the rectification r grows
    from nearly 0 to 1. It is a warm-up that needs no tuning:

        ρ∞ = 2 / (1 − β₂) − 1
        ρ  = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
        r  = √((ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ))        for ρ > 5, else 0

    Parameters
    ----------
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ and β₂, as in `Adam`. Below β₂ = 2/3 the variance is never trusted.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead, as AdamW does.

    Notes
    -----
    *When it helps, when it hurts.* Instead of a hand-made warm-up. Its first five steps are γ m̂, with no division:
    where gradients are in the thousands, these steps alone can ruin the run.

    *Where libraries disagree.* The paper divides by √v as soon as ρ > 4; the authors' code, PyTorch, optax and this
    class wait for 5. PyTorch and this class add ε to √v before the correction, optax after it, as in Adam.

    *As a chain.* ``chain(params, add_decayed_weights(weight_decay), scale_by_radam(*betas, eps), lr=lr)``.

    References
    ----------
    .. [1] L. Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, Algorithm 2.

    Examples
    --------
    The first step is one of gradient descent.

    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.RAdam([x], lr=0.1)
    >>> x.grad = x.data * [1, 5]
    >>> optimizer.step()
    >>> x.data
    array([0.9, 0.5])
    """

    threshold = 5  # as in PyTorch; the paper has 4

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 0, decoupled_weight_decay: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                         decoupled_weight_decay=decoupled_weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay, decoupled_weight_decay):
        """
        g ← g + λ θ                               unless decoupled
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ ← m / (1 − β₁ᵗ)
        r ← rectification(t, β₂)                  0 while v is not to be trusted
        φ ← where(r > 0, r √(1 − β₂ᵗ) m̂ / (√v + ε), m̂)
        φ ← φ + λ θ                               if decoupled
        """
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        if not decoupled_weight_decay and active(weight_decay):
            grad = grad + weight_decay * param
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        m_hat = m / (1 - beta1**t)
        r = self.rectification(t, beta2)
        phi = np.where(r > 0, r * (1 - beta2**t) ** 0.5 * m_hat / (np.sqrt(v) + eps), m_hat)
        if decoupled_weight_decay and active(weight_decay):
            phi += weight_decay * param
        return phi

    def rectification(self, t, beta2):
        """Return r, which is 0 while the variance cannot be trusted."""
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2**t / (1 - beta2**t)
        trusted = rho > self.threshold
        limit, rho = 5 + trusted * (limit - 5), 5 + trusted * (rho - 5)  # never the root of a negative number
        return trusted * ((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) ** 0.5


class AdaBelief(Optimizer):
    """Adam that divides by the surprise: how far gradients stray from what the momentum expects.

    What it changes in Adam is the second moment: g² becomes (g − m)², the variance instead of the square. A large
    gradient that was expected now earns a long step, as in a straight valley. A small one that was not expected earns
    a short step.

    Parameters
    ----------
    eps : float or array, default 1e-16
        ε, in both places. Far smaller than Adam's, because s is.

    Notes
    -----
    *When it helps, when it hurts.* Long straight valleys. Where gradients barely change at all, s is almost 0 and the
    steps become very long: ε matters here. On Rosenbrock it needs time to brake before the bend.

    *Where libraries disagree.* The authors and optax let ε accumulate in s, as here; the paper's algorithm box does
    so in some versions and not in others. optax lets the two ε differ (``eps`` and ``eps_root``).

    References
    ----------
    .. [1] J. Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients", 2020,
       Algorithm 2.

    Examples
    --------
    If gradients never change, the surprise is β₁ᵗ g, it fades, and the steps grow.

    >>> import numpy as np, optim
    >>> x = optim.Parameter([0.0])
    >>> optimizer = optim.AdaBelief([x], lr=0.1)
    >>> x.grad = np.array([1.0])
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     print(x.data)
    [-0.111]
    [-0.228]
    [-0.350]
    """

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-16, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_var": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps):
        """
        m ← β₁ m + (1 − β₁) g
        surprise ← g − m
        s ← β₂ s + (1 − β₂) surprise² + ε
        m̂ ← m / (1 − β₁ᵗ)
        ŝ ← s / (1 − β₂ᵗ)
        φ ← m̂ / (√ŝ + ε)
        """
        (beta1, beta2), t = betas, state["step"]
        m, s = state["exp_avg"], state["exp_avg_var"]
        m *= beta1
        m += (1 - beta1) * grad
        surprise = grad - m
        s *= beta2
        s += (1 - beta2) * surprise * surprise + eps
        m_hat = m / (1 - beta1**t)
        s_hat = s / (1 - beta2**t)
        return m_hat / (np.sqrt(s_hat) + eps)


class Yogi(Optimizer):
    """Adam whose second moment moves by a bounded amount: the effective learning rate cannot leap.

    What it changes in Adam: there, v moves by (1 − β₂)(g² − v). When gradients vanish, v falls exponentially and the
    steps grow as fast. Here v moves by ±(1 − β₂) g². The direction is the same as in Adam, but the size depends on
    the gradient alone: small gradients cannot make v fall quickly.

    Parameters
    ----------
    eps : float or array, default 1e-3
        ε. Much larger than Adam's, on purpose: it limits how adaptive the method is.
    initial_accumulator_value : float or array, default 1e-6
        v₀, and m₀ as well.

    Notes
    -----
    *When it helps, when it hurts.* Sparse and noisy gradients, where Adam's short memory lets the steps grow while no
    gradient arrives. After a first burst of large gradients it takes long to speed up again.

    *Where libraries disagree.* The paper has no corrections for the start and m₀ = 0; optax has both corrections and
    starts m at `initial_accumulator_value` too, and so does this class.

    References
    ----------
    .. [1] M. Zaheer, S. Reddi, D. Sachan, S. Kale, S. Kumar, "Adaptive methods for nonconvex optimization", 2018,
       Algorithm 2.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Yogi([x], lr=0.1)
    >>> x.grad = x.data * [1, 1000]
    >>> optimizer.step()
    >>> x.data.round(3)
    array([0.9, 0.9])
    """

    overflows = True
    ranges = {"initial_accumulator_value": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1e-2, betas: Pair = (0.9, 0.999), eps: Number = 1e-3,
                 initial_accumulator_value: Number = 1e-6, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, initial_accumulator_value=initial_accumulator_value,
                         maximize=maximize)

    def init_state(self, param, *, initial_accumulator_value):
        return {"step": 0, "exp_avg": np.full_like(param, initial_accumulator_value),
                "exp_avg_sq": np.full_like(param, initial_accumulator_value)}

    def update(self, grad, state, param, *, betas, eps):
        """
        m ← β₁ m + (1 − β₁) g
        v ← v − (1 − β₂) sign(v − g²) g²
        m̂ ← m / (1 − β₁ᵗ)
        v̂ ← v / (1 − β₂ᵗ)
        φ ← m̂ / (√v̂ + ε)
        """
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v -= (1 - beta2) * np.sign(v - grad * grad) * grad * grad
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return m_hat / (np.sqrt(v_hat) + eps)


class Adafactor(Optimizer):
    """RMSprop for matrices in little memory: the squares are kept as one row and one column.

    What it changes in RMSprop: an n × m matrix of averages becomes n + m numbers, the means R of its rows and C of its
    columns. Their product R C / mean(R) has the right row and column sums. The average covers more and more steps and
    so needs no correction, an update that is too large as a whole is clipped, and the step is relative to the size of
    the weights.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them. Of those with more than two axes, the last two are rows and columns; vectors
        keep all their squares.
    lr : float, default 1e-2
        γ, the largest relative step, and the factor of weight decay.
    beta2_decay : float, default -0.8
        τ ≤ 0, how the average lengthens: at step t a new square has the weight t^τ.
    eps : pair of floats, default (None, 1e-3)
        ε₁, the least value of √v (None: the machine epsilon of the parameter's dtype), and ε₂, the least size of the
        weights, so that a parameter which starts at 0 can leave it.
    d : float, default 1
        Clipping threshold for the root mean square (RMS) of the update u, at least 1.
    weight_decay : float, default 0
        λ; takes γλθ off the parameter.

    Notes
    -----
    *When it helps, when it hurts.* Large embedding and attention matrices, where Adam's two copies do not fit. It has
    no momentum, and rank one is a coarse picture of the squares.

    *Where libraries disagree.* The paper adds ε₁ to g² and always has γ = 0.01; PyTorch and this class keep v
    above ε₁² instead, and let you set γ. Hugging Face follows the paper. optax has no min(γ, 1/√t), and factors only
    arrays in which two axes have 128 entries or more.

    References
    ----------
    .. [1] N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, Algorithms 4
       and 5.

    Examples
    --------
    A 100 × 200 matrix has a state of 300 numbers.

    >>> import numpy as np, optim
    >>> w = optim.Parameter(np.ones((100, 200)))
    >>> optimizer = optim.Adafactor([w])
    >>> w.grad = np.ones_like(w.data)
    >>> optimizer.step()
    >>> {name: np.shape(entry) for name, entry in optimizer.state[w].items()}
    {'step': (), 'row_var': (100, 1), 'col_var': (1, 200)}
    """

    elementwise = False
    returns_step = True
    ranges = {"beta2_decay": NOT_POSITIVE, "eps": optional(several(2, NOT_NEGATIVE)), "d": at_least(1)}

    def __init__(self, params: Params, lr: Number = 1e-2, beta2_decay: Number = -0.8, eps: tuple = (None, 1e-3),
                 d: Number = 1.0, weight_decay: Number = 0.0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
                         maximize=maximize)

    def init_state(self, param):
        if param.ndim < 2:
            return {"step": 0, "variance": np.zeros_like(param)}
        return {"step": 0, "row_var": np.zeros_like(param[..., :1]), "col_var": np.zeros_like(param[..., :1, :])}

    def update(self, grad, state, param, *, lr, beta2_decay, eps, d, weight_decay):
        """
        v ← R C / mean(R)                         of a vector, the average of g²; see `variance`
        u ← g / √max(v, ε₁²)
        u ← u / max(1, RMS(u) / d)
        α ← max(ε₂, RMS(θ)) min(γ, 1 / √t)
        φ ← α u + γ λ θ                           the whole step
        """
        (eps1, eps2), t = self.floors(eps, param), state["step"]
        v = self.variance(grad * grad, state, t**beta2_decay, eps1)
        u = grad / np.sqrt(np.maximum(v, eps1 * eps1))
        u /= max(1.0, root_mean_square(u) / d)
        alpha = max(eps2, root_mean_square(param)) * min(lr, t**-0.5)
        return alpha * u + (lr * weight_decay) * param

    @staticmethod
    def floors(eps, param):
        """Return ε₁, which is the machine epsilon unless it is set, and ε₂."""
        return np.finfo(param.dtype).eps if eps[0] is None else eps[0], eps[1]

    @staticmethod
    def variance(squared, state, weight, eps1):
        """
        R ← R + t^τ (mean of g² along each row − R)
        C ← C + t^τ (mean of g² along each column − C)
        v ← R C / mean(R)
        """
        if "variance" in state:
            state["variance"] += weight * (squared - state["variance"])
            return state["variance"]
        rows, columns = state["row_var"], state["col_var"]
        rows += weight * (squared.mean(axis=-1, keepdims=True) - rows)
        columns += weight * (squared.mean(axis=-2, keepdims=True) - columns)
        return rows / np.maximum(rows.mean(axis=-2, keepdims=True), eps1) * columns


def root_mean_square(x):
    """Return the root of the mean of the squares, as a Python float."""
    return float(np.sqrt(np.mean(x * x))) if x.size else 0.0


class SM3(Optimizer):
    """Adagrad for matrices in little memory: every row and every column keeps the largest sum of squares in it.

    What it changes in Adagrad: an element's sum of squares is at most the maximum c of its row, and at most that of
    its column. The smaller of the two replaces the sum. Unlike Adafactor's product it is never too small, so
    Adagrad's guarantees carry over. It works for any number of axes. Vectors keep all their sums, as in Adagrad.

    Parameters
    ----------
    lr : float, default 0.1
        Learning rate γ.
    momentum : float, default 0.9
        μ, the weight of the past in the average of the scaled gradients. With 0 the average still takes its memory.
    eps : float, default 1e-8
        ε, under the root.

    Notes
    -----
    *When it helps, when it hurts.* Embeddings and attention, where squares are similar along rows and columns. Its sums
    only grow, as in Adagrad: it slows down on long runs, and needs a warm-up because the first steps are large.

    *Where libraries disagree.* The paper takes 0/0 = 0 and has no ε; optax and this class add it under the root.

    References
    ----------
    .. [1] R. Anil, V. Gupta, T. Koren, Y. Singer, "Memory-efficient adaptive optimization", 2019, Algorithm SM3-II.

    Examples
    --------
    >>> import numpy as np, optim
    >>> w = optim.Parameter(np.ones((2, 3)))
    >>> optimizer = optim.SM3([w], lr=0.1, momentum=0)
    >>> w.grad = np.array([[1.0, 1, 1], [1, 1, 1000]])
    >>> optimizer.step()
    >>> w.data
    array([[0.9, 0.9, 0.9],
           [0.9, 0.9, 0.9]])
    """

    elementwise = False
    ranges = {"momentum": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 0.1, momentum: Number = 0.9, eps: Number = 1e-8, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=momentum, eps=eps, maximize=maximize)

    def init_state(self, param):
        if param.ndim < 2:
            covers = {"accumulator_0": np.zeros_like(param)}
        else:
            shapes = [[n if i == axis else 1 for i, n in enumerate(param.shape)] for axis in range(param.ndim)]
            covers = {f"accumulator_{axis}": np.zeros(shape, param.dtype) for axis, shape in enumerate(shapes)}
        return {**covers, "momentum_buffer": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum, eps):
        """
        s ← min(c of the row, c of the column) + g²
        c ← max(s) along the row, along the column
        m ← μ m + (1 − μ) g / √(s + ε)
        """
        covers = [state[f"accumulator_{axis}"] for axis in range(max(1, param.ndim))]
        s = reduce(np.minimum, covers) + grad * grad
        for axis, c in enumerate(covers):
            others = tuple([i for i in range(param.ndim) if i != axis])
            c[...] = s.max(axis=others, keepdims=True, initial=0)
        m = state["momentum_buffer"]
        m *= momentum
        m += (1 - momentum) * grad / np.sqrt(s + eps)
        return m
