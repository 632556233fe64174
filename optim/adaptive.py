r"""Adaptive methods: every coordinate has a step size of its own, learnt from the gradients it has seen.

One idea runs through the chapter: divide by the root of a sum of squared gradients. Adagrad sums, Adadelta and
RMSprop forget, Adam adds momentum; what follows changes one term of Adam each (its decay, its norm, its momentum, its
start, its variance), and the last two keep the sum of squares in less memory.
"""

from functools import reduce

import numpy as np

from .interface.hyperparameters import NOT_NEGATIVE, NOT_POSITIVE, UP_TO_1, active, at_least, optional
from .interface.optimizer import Optimizer


class Adagrad(Optimizer):
    r"""Adaptive gradient: divide by the root of the sum of all squared gradients.

    .. math::
        s_t = s_{t-1} + g_t^2, \qquad
        \theta_t = \theta_{t-1} - \frac{\gamma}{1 + (t - 1)\eta} \, \frac{g_t}{\sqrt{s_t} + \epsilon}

    What it adds to gradient descent: a step size for every coordinate. One whose gradient is always a hundred times
    as large has a divisor a hundred times as large, so the units in which a coordinate is measured no longer matter:
    the first step is γ for each of them.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-2
        Learning rate γ.
    lr_decay : float or array, default 0
        η, makes the steps fall off faster still. The paper has none.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    initial_accumulator_value : float or array, default 0
        s₀; makes the first steps shorter.
    eps : float or array, default 1e-10
        ε, keeps 0/0 away.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Sparse features: a word seen once a week takes a large step on that day. On convex
    problems its regret is as small as that of the best fixed choice of step sizes, up to a constant. But s only
    grows, so the steps shrink like 1/√t whether or not the minimum is near: over a long run it all but stands still.

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

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, *,
                 maximize=False):
        super().__init__(params, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                         initial_accumulator_value=initial_accumulator_value, maximize=maximize)

    def init_state(self, param, *, initial_accumulator_value):
        return {"step": 0, "sum": np.full_like(param, initial_accumulator_value)}

    def update(self, grad, state, param, *, lr_decay, weight_decay, eps):
        if active(weight_decay):
            grad = grad + weight_decay * param
        s = state["sum"]
        s += grad * grad
        phi = grad / (np.sqrt(s) + eps)
        return phi / (1 + (state["step"] - 1) * lr_decay) if active(lr_decay) else phi


class Adadelta(Optimizer):
    r"""Adagrad with a window on the past, and steps in the units of the parameter.

    .. math::
        v_t = \rho \, v_{t-1} + (1 - \rho) \, g_t^2, \qquad
        \Delta_t = \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} \, g_t, \qquad
        u_t = \rho \, u_{t-1} + (1 - \rho) \, \Delta_t^2, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \Delta_t

    What it adds to Adagrad: old squares fade (v is a moving average over some 1/(1-ρ) steps), so the steps need not
    die out. And g/√v has no unit, while θ has one: the size u of recent steps gives it back, which makes a learning
    rate unnecessary, γ = 1.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1
        γ, 1 in the paper.
    rho : float or array, default 0.9
        ρ in [0, 1], how slowly the past fades.
    eps : float or array, default 1e-6
        ε. Not a mere guard: with u₀ = 0 it sets the length of the first steps, √ε / √(1-ρ).
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Where nobody will tune a learning rate. It starts very slowly, because its steps
    grow from √ε, and in the end hovers, because nothing makes them shrink.

    *Where libraries disagree.* Keras's default γ is 0.001, which makes it a thousand times slower than the paper's.

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

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, *, maximize=False):
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "square_avg": np.zeros_like(param), "acc_delta": np.zeros_like(param)}

    def update(self, grad, state, param, *, rho, eps, weight_decay):
        if active(weight_decay):
            grad = grad + weight_decay * param
        v, u = state["square_avg"], state["acc_delta"]
        v *= rho
        v += (1 - rho) * grad * grad
        delta = np.sqrt((u + eps) / (v + eps)) * grad
        u *= rho
        u += (1 - rho) * delta * delta
        return delta


class RMSprop(Optimizer):
    r"""Divide by the root of a moving average of squared gradients.

    .. math::
        v_t = \alpha \, v_{t-1} + (1 - \alpha) \, g_t^2, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \frac{g_t}{\sqrt{v_t} + \epsilon}

    What it takes from Adadelta is the window on the past; the learning rate is back. ``centered`` replaces v by an
    estimate of the variance, :math:`v_t - \bar g_t^2` with :math:`\bar g_t = \alpha \bar g_{t-1} + (1 - \alpha) g_t`:
    where gradients agree, the variance is small and the step is long. ``momentum`` rolls the result, :math:`b_t = \mu
    b_{t-1} + g_t / (\sqrt{v_t} + \epsilon)`, and steps along b.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-2
        Learning rate γ.
    alpha : float or array, default 0.99
        α, how slowly the past fades.
    eps : float or array, default 1e-8
        ε, keeps 0/0 away.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    momentum : float or array, default 0
        μ, heavy-ball momentum of the scaled gradient.
    centered : bool, default False
        Divide by the standard deviation instead of the root mean square.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Online problems and recurrent networks, whose gradients change their size as they
    go. v starts at 0 and is not corrected, so the first step is γ/√(1-α), ten times γ. Near a minimum it hops: g and
    √v shrink together, so the steps do not.

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

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, *,
                 maximize=False):
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
        if active(weight_decay):
            grad = grad + weight_decay * param
        v = state["square_avg"]
        v *= alpha
        v += (1 - alpha) * grad * grad
        if centered:
            mean = state["grad_avg"]
            mean *= alpha
            mean += (1 - alpha) * grad
            v = np.maximum(v - mean * mean, 0)  # below 0 by rounding alone, when gradients stay the same for long
        phi = grad / (np.sqrt(v) + eps)
        if not active(momentum):
            return phi
        b = state["momentum_buffer"]
        b *= momentum
        b += phi
        return b


class Adam(Optimizer):
    r"""Adaptive moment estimation: RMSprop with momentum, both corrected for their start at zero.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2

        \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    What it adds to RMSprop: the gradient in the numerator is averaged too, and the two averages, which start at 0,
    are divided by the weight they have gathered, :math:`1 - \beta^t`. So the first step is γ sign(g), and no step is
    much longer than γ: the learning rate is a length in the units of θ, which is why 1e-3 so often works.

    ``amsgrad`` divides by the largest v so far, :math:`v^{\max}_t = \max(v^{\max}_{t-1}, v_t)`, in the place of v. A
    rare, large, and informative gradient is then not forgotten before it has had its effect [2]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-3
        Learning rate γ.
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ and β₂, how slowly the two averages forget.
    eps : float or array, default 1e-8
        ε, keeps 0/0 away. Where gradients are smaller than ε, Adam turns into gradient descent with momentum.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    amsgrad : bool, default False
        Divide by the largest average so far.
    maximize : bool, default False
        Climb instead.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead: that is `AdamW`.

    Notes
    -----
    *When it helps, when it hurts.* The method to try first: badly scaled and noisy problems with little tuning. Its
    weaknesses: near a minimum it does not settle unless γ falls; there are convex problems on which it runs the wrong
    way [2]_; it tends to generalise a little worse than SGD where that has been tuned; L2 decay is divided by √v like
    any gradient and so is weak where gradients are large (see `AdamW`).

    *Where libraries disagree.* Keras adds ε to √v before the correction (the paper's "epsilon hat"). AMSGrad: the paper
    corrects nothing, PyTorch corrects the largest v, optax takes the largest of the corrected v̂.

    *As a chain.* ``chain(params, add_decayed_weights(weight_decay), scale_by_adam(*betas, eps), lr=lr)``.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1.
    .. [2] S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", 2018, Algorithm 2.

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

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
                 maximize=False, decoupled_weight_decay=False):
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

    def update(self, grad, state, param, *, betas, eps, weight_decay, amsgrad, decoupled_weight_decay):
        decay = active(weight_decay)
        if decay and not decoupled_weight_decay:
            grad = grad + weight_decay * param
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        if amsgrad:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        # m_hat = m / c1, v_hat = v / c2**2, phi = m_hat / (sqrt(v_hat) + eps). Multiplied through by c2, it is the line
        # below, in which only numbers are corrected: two passes over the arrays less, 7 % of a step on a million.
        c1, c2 = 1 - beta1**t, (1 - beta2**t) ** 0.5
        phi = (c2 / c1) * m / (np.sqrt(v) + eps * c2)
        if decay and decoupled_weight_decay:
            phi += weight_decay * param
        return phi


class AdamW(Adam):
    r"""Adam with decoupled weight decay: the decay bypasses the moments.

    .. math::
        \theta_t = \theta_{t-1} - \gamma \left( \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}
        + \lambda \, \theta_{t-1} \right)

    What it changes in Adam is the place of one term. Adam with L2 adds λθ to g, then divides by √v: weights with
    large gradients hardly decay. Here every weight shrinks by the same factor :math:`1 - \gamma\lambda`. With λ = 0
    the two are one.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr, betas, eps, amsgrad, maximize
        As in `Adam`.
    weight_decay : float or array, default 1e-2
        λ, ten times or more what L2 would need.

    Notes
    -----
    *When it helps, when it hurts.* The usual choice for transformers, with a schedule for γ. Biases and normalisation
    layers are better left undecayed: give them a group with ``weight_decay=0``.

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

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
                 maximize=False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


class Adamax(Optimizer):
    r"""Adam with the largest recent gradient in the place of the root mean square.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon), \qquad
        \theta_t = \theta_{t-1} - \frac{\gamma}{1 - \beta_1^t} \, \frac{m_t}{u_t}

    What it changes in Adam is the norm: √v is a fading 2-norm of the past gradients, u the fading ∞-norm. A maximum
    needs no correction for its start, and no step is ever longer than γ.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 2e-3
        Learning rate γ.
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ for the momentum, β₂ for how slowly a maximum fades.
    eps : float or array, default 1e-8
        ε, keeps 0/0 away.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Sparse gradients: u remembers the last real one, where v would have faded. One
    outlier shortens the steps for about 1/(1-β₂) more.

    *Where libraries disagree.* The paper has no ε and divides by 0 if the first gradient is 0; PyTorch and optax add
    it to \|g\| as here, Keras to u.

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

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_inf": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay):
        if active(weight_decay):
            grad = grad + weight_decay * param
        (beta1, beta2), t = betas, state["step"]
        m, u = state["exp_avg"], state["exp_inf"]
        m *= beta1
        m += (1 - beta1) * grad
        u *= beta2
        np.maximum(u, np.abs(grad) + eps, out=u)
        return m / ((1 - beta1**t) * u)


class NAdam(Optimizer):
    r"""Adam with Nesterov's momentum.

    .. math::
        \mu_t = \beta_1 \bigl(1 - \tfrac12 \, 0.96^{\, t \psi}\bigr), \qquad
        \tilde m_t = \frac{\mu_{t+1}}{1 - \prod_{i=1}^{t+1} \mu_i} \, m_t
        + \frac{1 - \mu_t}{1 - \prod_{i=1}^{t} \mu_i} \, g_t, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \frac{\tilde m_t}{\sqrt{\hat v_t} + \epsilon}

    with m and v̂ as in Adam. What it changes in Adam: as in `SGD` with ``nesterov=True``, the step is taken along the
    momentum that the next step will have, and the present gradient counts once more. The momentum μ warms up from
    β₁/2 to β₁, and its product over the steps takes the place of :math:`\beta_1^t` in the correction.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 2e-3
        Learning rate γ.
    betas, eps
        As in `Adam`.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    momentum_decay : float or array, default 4e-3
        ψ, how fast μ warms up: half the way takes 0.69 / (0.041 ψ) steps, 4,200 by default.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead, as AdamW does.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Often a little faster than Adam, above all early on; where gradients are mostly
    noise, counting the last one twice does not help.

    *Where libraries disagree.* Dozat averages m with μ_t; PyTorch, Keras and this class with β₁. optax's ``nadam``
    has no schedule: its μ is β₁ throughout.

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

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
                 decoupled_weight_decay=False, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                         decoupled_weight_decay=decoupled_weight_decay, maximize=maximize)

    def init_state(self, param, *, betas, momentum_decay):
        many = isinstance(betas[0] * momentum_decay, np.ndarray)
        return {"step": 0, "mu_product": np.ones_like(param) if many else 1.0,
                "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    @staticmethod
    def momentum_at(t, beta1, momentum_decay):
        """Return μ_t."""
        return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def advance(self, state, *, betas, momentum_decay):
        state["mu_product"] *= self.momentum_at(state["step"], betas[0], momentum_decay)

    def update(self, grad, state, param, *, betas, eps, weight_decay, momentum_decay, decoupled_weight_decay):
        decay = active(weight_decay)
        if decay and not decoupled_weight_decay:
            grad = grad + weight_decay * param
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        mu, mu_next = self.momentum_at(t, beta1, momentum_decay), self.momentum_at(t + 1, beta1, momentum_decay)
        product = state["mu_product"]
        c2 = (1 - beta2**t) ** 0.5  # gathered into numbers as in Adam
        m_tilde = (c2 * mu_next / (1 - product * mu_next)) * m + (c2 * (1 - mu) / (1 - product)) * grad
        phi = m_tilde / (np.sqrt(v) + eps * c2)
        if decay and decoupled_weight_decay:
            phi += weight_decay * param
        return phi


class RAdam(Optimizer):
    r"""Adam that trusts its variance only when enough gradients have been seen.

    .. math::
        \rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
        r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \, \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \, \rho_t}}

        \theta_t = \theta_{t-1} - \gamma \, \hat m_t \cdot
        \begin{cases}
        r_t \, \sqrt{1 - \beta_2^t} \, / \, (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\ 1 & \text{else}
        \end{cases}

    with m̂ and v as in Adam. What it adds to Adam: ρ_t counts the gradients that the average v amounts to. While they
    are few (five steps at β₂ = 0.999), 1/√v is mostly chance, and the step is gradient descent with momentum; then
    the rectification r_t grows from nearly 0 to 1. It is a warm-up that needs no tuning.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-3
        Learning rate γ.
    betas, eps
        As in `Adam`. Below β₂ = 2/3 the variance is never trusted.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient.
    decoupled_weight_decay : bool, default False
        Take γλθ off the parameter instead, as AdamW does.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* In the place of a hand-made warm-up. Its first five steps are γ m̂, with no
    division: where gradients are in the thousands, those alone may throw the run off.

    *Where libraries disagree.* The paper divides by √v as soon as ρ_t > 4; the authors' code, PyTorch, optax and this
    class wait for 5. ε is added to √v before the correction, unlike in Adam.

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

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *,
                 maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                         decoupled_weight_decay=decoupled_weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay, decoupled_weight_decay):
        decay = active(weight_decay)
        if decay and not decoupled_weight_decay:
            grad = grad + weight_decay * param
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        c1, r = 1 - beta1**t, self.rectification(t, beta2)
        if active(r):
            phi = (r * (1 - beta2**t) ** 0.5 / c1) * m / (np.sqrt(v) + eps)
            if isinstance(r, np.ndarray):  # many runs, of which some may not be that far
                phi = np.where(r, phi, m / c1)
        else:
            phi = m / c1
        if decay and decoupled_weight_decay:
            phi += weight_decay * param
        return phi

    @staticmethod
    def rectification(t, beta2):
        """Return r_t, or 0 while the variance is not to be trusted."""
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2**t / (1 - beta2**t)
        trusted = rho > 5
        limit, rho = 5 + trusted * (limit - 5), 5 + trusted * (rho - 5)  # never the root of a negative number
        return trusted * ((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) ** 0.5


class AdaBelief(Optimizer):
    r"""Adam that divides by the surprise: how far gradients stray from what the momentum expects.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad
        s_t = \beta_2 s_{t-1} + (1 - \beta_2) \, (g_t - m_t)^2 + \epsilon, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}

    What it changes in Adam is the second moment: g² becomes (g - m)², the variance in the place of the square. A large
    gradient that was expected now earns a long step (in a straight valley), a small one that was not, a short one.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-3
        Learning rate γ.
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ and β₂, as in `Adam`.
    eps : float or array, default 1e-16
        ε, in both places. Far smaller than Adam's, because s is.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Long straight valleys. Where gradients barely change at all, s is almost nothing
    and the steps become very long: ε matters here. On Rosenbrock it must be given time to brake before the bend.

    *Where libraries disagree.* The authors and optax let ε accumulate in s, as here; the paper's algorithm box does
    so in some versions and not in others. optax lets the two ε differ (``eps`` and ``eps_root``).

    References
    ----------
    .. [1] J. Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients", 2020,
       Algorithm 2.

    Examples
    --------
    Gradients that never change leave only the first surprise, and the steps grow.

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

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-16, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_var": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2), t = betas, state["step"]
        m, s = state["exp_avg"], state["exp_avg_var"]
        m *= beta1
        m += (1 - beta1) * grad
        surprise = grad - m
        s *= beta2
        s += (1 - beta2) * surprise * surprise + eps
        c1, c2 = 1 - beta1**t, (1 - beta2**t) ** 0.5  # gathered into numbers as in Adam
        return (c2 / c1) * m / (np.sqrt(s) + eps * c2)


class Yogi(Optimizer):
    r"""Adam whose second moment moves by a bounded amount: the effective learning rate cannot leap.

    .. math::
        v_t = v_{t-1} - (1 - \beta_2) \, \operatorname{sign}(v_{t-1} - g_t^2) \, g_t^2, \qquad
        \theta_t = \theta_{t-1} - \gamma \, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    What it changes in Adam: there, v moves by :math:`(1 - \beta_2)(g^2 - v)`, so when gradients vanish it falls
    exponentially and the steps grow as fast. Here the change is :math:`\pm(1 - \beta_2) g^2`: its direction is Adam's,
    its size depends on the gradient alone. Up as fast as in Adam, down only slowly.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-2
        Learning rate γ.
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁ and β₂, as in `Adam`.
    eps : float or array, default 1e-3
        ε. Much larger than Adam's, on purpose: it limits how adaptive the method is.
    initial_accumulator_value : float or array, default 1e-6
        v₀, and m₀ as well.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Sparse gradients and noisy ones, where Adam's short memory lets the steps grow while
    nothing is heard. After a first burst of large gradients it takes long to speed up again.

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

    ranges = {"initial_accumulator_value": NOT_NEGATIVE}

    def __init__(self, params, lr=1e-2, betas=(0.9, 0.999), eps=1e-3, initial_accumulator_value=1e-6, *,
                 maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, initial_accumulator_value=initial_accumulator_value,
                         maximize=maximize)

    def init_state(self, param, *, initial_accumulator_value):
        return {"step": 0, "exp_avg": np.full_like(param, initial_accumulator_value),
                "exp_avg_sq": np.full_like(param, initial_accumulator_value)}

    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        squared = grad * grad
        v -= (1 - beta2) * np.sign(v - squared) * squared
        c1, c2 = 1 - beta1**t, (1 - beta2**t) ** 0.5  # gathered into numbers as in Adam
        return (c2 / c1) * m / (np.sqrt(v) + eps * c2)


class Adafactor(Optimizer):
    r"""RMSprop for matrices in little memory: the squares are kept as one row and one column.

    .. math::
        R_t = \hat\beta_t R_{t-1} + (1 - \hat\beta_t) \, \operatorname{mean}_{\text{row}} G_t^2, \qquad
        C_t = \hat\beta_t C_{t-1} + (1 - \hat\beta_t) \, \operatorname{mean}_{\text{column}} G_t^2, \qquad
        \hat V_t = \frac{R_t C_t}{\operatorname{mean} R_t}

        U_t = \frac{G_t}{\sqrt{\hat V_t}}, \qquad
        \theta_t = \theta_{t-1} - \alpha_t \, \frac{U_t}{\max(1, \operatorname{RMS}(U_t) / d)}, \qquad
        \alpha_t = \max(\epsilon_2, \operatorname{RMS}(\theta_{t-1})) \, \min(\gamma, 1/\sqrt t)

    with :math:`\hat\beta_t = 1 - t^{\tau}`. What it changes in RMSprop: an n × m matrix of averages becomes n + m
    numbers whose product has the right row and column sums, the best of rank one. The average lengthens with time and
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
        τ ≤ 0, how the average lengthens.
    eps : pair of floats, default (None, 1e-3)
        ε₁, the least value of √V̂ (None: the machine epsilon of the parameter's dtype), and ε₂, the least size of the
        weights, so that a parameter which starts at 0 gets away from it.
    d : float, default 1
        Clipping threshold for the root mean square of U, at least 1.
    weight_decay : float, default 0
        λ; takes γλθ off the parameter.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Large embedding and attention matrices, where Adam's two copies do not fit. No
    momentum, and rank one is a coarse picture of the squares: where memory is no question, Adam learns faster.

    *Where libraries disagree.* The paper adds ε₁ to G² and has γ = 0.01 for good; PyTorch and this class keep V̂
    above ε₁² instead, and let γ be set. optax and Hugging Face follow the paper and add options of their own.

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
    ranges = {"beta2_decay": NOT_POSITIVE, "eps": optional(NOT_NEGATIVE), "d": at_least(1)}

    def __init__(self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, *, maximize=False):
        super().__init__(params, lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
                         maximize=maximize)

    def init_state(self, param):
        if param.ndim < 2:
            return {"step": 0, "variance": np.zeros_like(param)}
        return {"step": 0, "row_var": np.zeros_like(param[..., :1]), "col_var": np.zeros_like(param[..., :1, :])}

    def update(self, grad, state, param, *, lr, beta2_decay, eps, d, weight_decay):
        eps1 = np.finfo(param.dtype).eps if eps[0] is None else eps[0]
        v = self.variance(grad * grad, state, eps1, state["step"] ** beta2_decay)
        u = grad / np.sqrt(np.maximum(v, eps1 * eps1))
        u /= max(1.0, root_mean_square(u) / d)
        alpha = max(eps[1], root_mean_square(param)) * min(lr, state["step"] ** -0.5)
        return alpha * u + (lr * weight_decay) * param if active(weight_decay) else alpha * u

    @staticmethod
    def variance(squared, state, eps1, weight):
        """Average the squares, new ones with this weight; return the average, or for a matrix its rank-one estimate."""
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
    r"""Adagrad for matrices in little memory: every row and every column keeps the largest sum of squares in it.

    .. math::
        \nu_t(i, j) = \min\bigl(\mu^{\text{row}}_{t-1}(i), \; \mu^{\text{col}}_{t-1}(j)\bigr) + g_t(i, j)^2, \qquad
        \theta_t = \theta_{t-1} - \gamma \, m_t, \qquad
        m_t = \beta m_{t-1} + (1 - \beta) \, \frac{g_t}{\sqrt{\nu_t + \epsilon}}

        \mu^{\text{row}}_t(i) = \max_j \nu_t(i, j), \qquad \mu^{\text{col}}_t(j) = \max_i \nu_t(i, j)

    What it changes in Adagrad: an element's sum of squares is bounded by the maximum of its row and by that of its
    column; the smaller of the two bounds stands in for it. Unlike Adafactor's product it is never too small, so
    Adagrad's guarantees carry over. It works for any number of axes; vectors keep all their sums, and are Adagrad's.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float, default 0.1
        Learning rate γ.
    momentum : float, default 0.9
        β, the weight of the past in the average of the scaled gradients. 0 saves its memory's use, not the memory.
    eps : float, default 1e-8
        ε, under the root.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *When it helps, when it hurts.* Embeddings and attention, where squares are alike along rows and columns. Its sums
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

    def __init__(self, params, lr=0.1, momentum=0.9, eps=1e-8, *, maximize=False):
        super().__init__(params, lr=lr, momentum=momentum, eps=eps, maximize=maximize)

    def init_state(self, param):
        if param.ndim < 2:
            covers = {"accumulator_0": np.zeros_like(param)}
        else:
            shapes = [[n if i == axis else 1 for i, n in enumerate(param.shape)] for axis in range(param.ndim)]
            covers = {f"accumulator_{axis}": np.zeros(shape, param.dtype) for axis, shape in enumerate(shapes)}
        return {**covers, "momentum_buffer": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum, eps):
        covers = [state[f"accumulator_{axis}"] for axis in range(max(1, param.ndim))]
        v = reduce(np.minimum, covers) + grad * grad
        for axis, cover in enumerate(covers):
            others = tuple([i for i in range(param.ndim) if i != axis])
            cover[...] = v.max(axis=others, keepdims=True, initial=0)
        m = state["momentum_buffer"]
        m *= momentum
        m += (1 - momentum) * grad / np.sqrt(v + eps)
        return m
