"""Sign methods: only the direction of each coordinate counts, not the size of its gradient.

SignSGD drops the size, Signum takes the sign of the momentum, Lion mixes the two, and Rprop, the oldest, gives every
coordinate a step length that grows while its sign stays the same.

The equations are the docstring of `update`: g is the gradient, θ the parameter, and θ ← θ − γ φ is the step.
"""

import numpy as np

from .interface.annotations import Number, Pair, Params
from .interface.hyperparameters import NOT_NEGATIVE, POSITIVE, active, several
from .interface.optimizer import Optimizer


class SignSGD(Optimizer):
    """Gradient descent along the signs of the gradient.

    What it changes in gradient descent is the norm: of all steps whose largest coordinate is γ, this one descends
    the most, to first order. Every coordinate moves by γ, whatever its scale. It is Adam without its memory, β₁ = β₂ =
    0.

    Parameters
    ----------
    lr : float or array, default 1e-3
        γ, the length of each coordinate's step.
    weight_decay : float or array, default 0
        λ; takes γλθ off the parameter.

    Notes
    -----
    *When it helps, when it hurts.* Machines that share their gradients need to send only one bit per coordinate. Steps
    do not shrink towards the minimum, so in the end it hops over the minimum in steps of γ, unless γ falls. It goes
    the wrong way where a noisy gradient has its *mean* on one side and its *sign* mostly on the other.

    *As a chain.* ``chain(params, scale_by_sign(), add_decayed_weights(weight_decay), lr=lr)``.

    References
    ----------
    .. [1] J. Bernstein, Y.-X. Wang, K. Azizzadenesheli, A. Anandkumar, "signSGD: compressed optimisation for non-convex
       problems", 2018, Algorithm 1.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, -1.0, 0.0])
    >>> x.grad = 1000 * x.data
    >>> optim.SignSGD([x], lr=0.1).step()
    >>> x.data
    array([ 0.9, -0.9,  0. ])
    """

    def __init__(self, params: Params, lr: Number = 1e-3, weight_decay: Number = 0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)

    def update(self, grad, state, param, *, weight_decay):
        """
        φ ← sign(g)
        φ ← φ + λ θ
        """
        phi = np.sign(grad)
        if active(weight_decay):
            phi += weight_decay * param
        return phi


class Signum(Optimizer):
    """Gradient descent along the signs of the momentum.

    What it adds to SignSGD: the sign is taken after averaging, not before. Noise cancels before it is cut to one bit.

    Parameters
    ----------
    lr : float or array, default 1e-3
        γ, the length of each coordinate's step.
    momentum : float or array, default 0.9
        μ, the weight of the past. Heavy-ball momentum without the factor 1 − μ would have the same signs.
    weight_decay : float or array, default 0
        λ; takes γλθ off the parameter.

    Notes
    -----
    *When it helps, when it hurts.* As SignSGD, with far less noise. The average lags: after it has passed a minimum it
    walks on for several steps before the sign turns. If gradients of constant size change sign, that takes 7 steps at
    μ = 0.9, and about ln 2 / ln(1/μ) in general.

    *As a chain.* ``chain(params, ema(momentum, debias=False), scale_by_sign(), add_decayed_weights(weight_decay),
    lr=lr)``.

    References
    ----------
    .. [1] J. Bernstein, Y.-X. Wang, K. Azizzadenesheli, A. Anandkumar, "signSGD: compressed optimisation for non-convex
       problems", 2018, Algorithm 2.

    Examples
    --------
    One gradient to the left does not outweigh one, three times as large, to the right.

    >>> import numpy as np, optim
    >>> x = optim.Parameter([0.0])
    >>> optimizer = optim.Signum([x], lr=0.1)
    >>> for g in (3.0, -1.0):
    ...     x.grad = np.array([g])
    ...     optimizer.step()
    ...     print(x.data)
    [-0.1]
    [-0.2]
    """

    ranges = {"momentum": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1e-3, momentum: Number = 0.9, weight_decay: Number = 0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"momentum_buffer": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum, weight_decay):
        """
        m ← μ m + (1 − μ) g
        φ ← sign(m)
        φ ← φ + λ θ
        """
        m = state["momentum_buffer"]
        m *= momentum
        m += (1 - momentum) * grad
        phi = np.sign(m)
        if active(weight_decay):
            phi += weight_decay * param
        return phi


class Lion(Optimizer):
    """Evolved sign momentum: the sign of a mixture in which the present gradient counts for more.

    What it adds to Signum: two rates of forgetting. The memory is long (β₂). The mixture whose sign is taken gives the
    last gradient more weight (β₁ < β₂), in the spirit of Nesterov's momentum. With β₁ = β₂ it is Signum. Nobody
    derived the rule: a search over programs found it.

    Parameters
    ----------
    lr : float or array, default 1e-4
        γ, the length of each coordinate's step. The authors advise a third to a tenth of Adam's.
    betas : pair of floats or arrays, default (0.9, 0.99)
        β₁ for the mixture, β₂ for the memory.
    weight_decay : float or array, default 0
        λ; takes γλθ off the parameter. The authors advise three to ten times AdamW's.

    Notes
    -----
    *When it helps, when it hurts.* Large batches, and half of Adam's memory. With small batches the sign is mostly
    noise.

    *Where libraries disagree.* optax's default weight decay is 1e-3, the authors' 0.

    *As a chain.* ``chain(params, scale_by_lion(*betas), add_decayed_weights(weight_decay), lr=lr)``.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic discovery of optimization algorithms", 2023, Algorithm 2.

    Examples
    --------
    >>> import optim
    >>> x = optim.Parameter([1.0, -1.0])
    >>> x.grad = x.data * [1, 1000]
    >>> optim.Lion([x], lr=0.1).step()
    >>> x.data
    array([ 0.9, -0.9])
    """

    def __init__(self, params: Params, lr: Number = 1e-4, betas: Pair = (0.9, 0.99), weight_decay: Number = 0.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"exp_avg": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, weight_decay):
        """
        φ ← sign(β₁ m + (1 − β₁) g)
        m ← β₂ m + (1 − β₂) g
        φ ← φ + λ θ
        """
        (beta1, beta2), m = betas, state["exp_avg"]
        phi = np.sign(beta1 * m + (1 - beta1) * grad)
        m *= beta2
        m += (1 - beta2) * grad
        if active(weight_decay):
            phi += weight_decay * param
        return phi


class Rprop(Optimizer):
    """Resilient propagation: every coordinate's step grows while its sign stays, and is cut when it turns.

    What it adds to SignSGD: a step length Δ for every coordinate, learnt by trial. The same sign twice means that the
    step was too short. If the sign has turned, the step jumped over a minimum, and the next one is half as long. That
    coordinate then waits for one step, because its gradient is set to 0 (the form known as iRprop⁻ [2]_).

    Parameters
    ----------
    lr : float or array, default 1e-2
        The first step length. It is not a factor: changing it later changes nothing.
    etas : pair of floats or arrays, default (0.5, 1.2)
        η₁ in (0, 1), by which a step shrinks, and η₂ > 1, by which it grows.
    step_sizes : pair of floats or arrays, default (1e-6, 50)
        The shortest and the longest step length.

    Notes
    -----
    *When it helps, when it hurts.* Full-batch training of small networks: hardly anything to tune, and steps that
    shrink geometrically at a minimum. It fails with mini-batches, because noise turns signs; RMSprop was invented to
    solve that. A valley at an angle to the axes slows it down, because each coordinate sees only itself.

    *Where libraries disagree.* The paper also takes back the step that jumped over; PyTorch, optax and this class do
    not.

    References
    ----------
    .. [1] M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
       algorithm", 1993.
    .. [2] C. Igel, M. Hüsken, "Empirical evaluation of the improved Rprop learning algorithms", 2003.

    Examples
    --------
    Down `|x|` from 1: the steps grow by a fifth each until 0 is passed.

    >>> import numpy as np, optim
    >>> x = optim.Parameter([1.0])
    >>> optimizer = optim.Rprop([x], lr=0.2)
    >>> for _ in range(6):
    ...     x.grad = np.sign(x.data)
    ...     optimizer.step()
    ...     print(x.data)
    [0.8]
    [0.56]
    [0.272]
    [-0.0736]
    [-0.0736]
    [0.0992]
    """

    returns_step = True
    ranges = {"etas": several(2, POSITIVE), "step_sizes": several(2, NOT_NEGATIVE)}

    def __init__(self, params: Params, lr: Number = 1e-2, etas: Pair = (0.5, 1.2), step_sizes: Pair = (1e-6, 50), *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)
        if not (np.all(np.less(0, etas[0])) and np.all(np.less(etas[0], 1)) and np.all(np.less(1, etas[1]))):
            raise ValueError(f"etas is {etas!r}; expected a factor in (0, 1) that shrinks and one above 1 that grows")

    def init_state(self, param, *, lr):
        return {"step": 0, "prev": np.zeros_like(param), "step_size": np.full_like(param, lr)}

    def update(self, grad, state, param, *, etas, step_sizes):
        """
        agreement ← sign(g g₀)             g₀ is the gradient of the step before
        same ← max(agreement, 0)           1 where the sign stays, else 0
        turned ← max(−agreement, 0)        1 where the sign turns, else 0
        Δ ← clip(Δ (1 + (η₂ − 1) same + (η₁ − 1) turned), shortest, longest)
        g₀ ← g (1 − turned)
        φ ← Δ sign(g₀)                     the whole step
        """
        (shrink, grow), (shortest, longest) = etas, step_sizes
        delta, prev = state["step_size"], state["prev"]
        agreement = np.sign(grad * prev)
        same, turned = np.maximum(agreement, 0), np.maximum(-agreement, 0)
        delta *= 1 + (grow - 1) * same + (shrink - 1) * turned
        np.clip(delta, shortest, longest, out=delta)
        prev[...] = grad * (1 - turned)
        return delta * np.sign(prev)
