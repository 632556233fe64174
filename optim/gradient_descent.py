"""Gradient descent: walk downhill, first blindly, then with a memory, with foresight, and with the height in view.

The chapter asks two questions that every later chapter answers in its own way. In which direction? Along the gradient,
along the momentum, or along a guess of the next gradient. And how far? As far as the learning rate says, or as far as
Polyak's formula says.

The equations are the docstring of `update`, one for each statement below them. In all of them g is the gradient, θ
the parameter, and φ what the optimizer steps along: θ ← θ − γ φ.
"""

import numpy as np

from .interface.annotations import Number, Params
from .interface.hyperparameters import FINITE, NOT_NEGATIVE, active
from .interface.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum as an option: the ball that rolls downhill.

    Without momentum (μ = 0) the step is γ g, steepest descent. "Stochastic" only says that the gradient may be an
    estimate from part of the data. Momentum adds up the gradients while they fade. Along a valley, where they agree,
    the steps grow up to 1/(1 − μ) times as long; across it, where they alternate, they cancel.

    On a quadratic whose curvatures lie between l and L, plain descent at its best shrinks the error by
    (κ − 1)/(κ + 1) a step, where κ = L/l. With γ = 4/(√L + √l)² and μ = ((√κ − 1)/(√κ + 1))² the factor tends to
    (√κ − 1)/(√κ + 1) [1]_.

    Nesterov's form steps along g + μ b. It adds the momentum that the *next* step will have, and so brakes sooner
    when the slope turns round.

    Parameters
    ----------
    lr : float or array, default 1e-3
        Learning rate γ. Above 2/L, or 2(1 + μ)/L with momentum, the steps grow instead of shrinking.
    momentum : float or array, default 0
        μ, the part of the last direction that stays.
    dampening : float or array, default 0
        τ, the part taken off every gradient but the first.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient, which is the derivative of λ/2 ‖θ‖².
    nesterov : bool, default False
        Step along the momentum to come [2]_.

    Notes
    -----
    *Where libraries disagree.* Nesterov takes the gradient at a point ahead, θ + μ v. PyTorch, optax and
    this class take it at θ, and let θ be that point: the same run in other coordinates [3]_. Keras and
    Sutskever [4]_ put γ inside the momentum, v ← μ v − γ g; the two differ as soon as a schedule changes γ. Without
    dampening all of them start with b = g. With it, PyTorch and this class do not dampen the first gradient.

    *When it helps, when it hurts.* With a good learning rate it is hard to beat on problems that are not badly
    conditioned, and its solutions generalise well. Its weakness is the single γ for all coordinates: the steepest one
    decides. Heavy-ball momentum overshoots, and on functions that are not quadratic, the tuning above can run in
    circles for ever.

    *As a chain.* (without dampening) ``chain(params, add_decayed_weights(weight_decay), trace(momentum, nesterov),
    lr=lr)``.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    .. [2] Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k²)", 1983.
    .. [3] Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent networks", 2013, section
       3.5.
    .. [4] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", 2013: eqs. 1 and 2 for momentum, 3 and 4 for Nesterov's form.

    Examples
    --------
    Two steps down x²: momentum repeats nine tenths of the first one.

    >>> import optim
    >>> x = optim.Parameter([1.0])
    >>> optimizer = optim.SGD([x], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     x.grad = 2 * x.data
    ...     optimizer.step()
    ...     print(x.data)
    [0.8]
    [0.46]
    """

    ranges = {"momentum": NOT_NEGATIVE, "dampening": FINITE}

    def __init__(self, params: Params, lr: Number = 1e-3, momentum: Number = 0, dampening: Number = 0,
                 weight_decay: Number = 0, nesterov: bool = False, *, maximize: bool = False) -> None:
        if nesterov and (not active(momentum) or active(dampening)):
            raise ValueError("nesterov=True looks ahead along the momentum: it needs momentum > 0 and dampening=0; "
                             f"got momentum={momentum!r}, dampening={dampening!r}")
        super().__init__(params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                         nesterov=nesterov, maximize=maximize)

    def init_state(self, param):
        return {"momentum_buffer": None}

    def update(self, grad, state, param, *, momentum, dampening, weight_decay, nesterov):
        """
        g ← g + λ θ
        b ← g                     at the first step with momentum
        b ← μ b + (1 − τ) g       at all others
        φ ← g + μ b               with nesterov; else φ is b, and without momentum g
        """
        if active(weight_decay):
            grad = grad + weight_decay * param
        if not active(momentum):
            return grad
        b = state["momentum_buffer"]
        if b is None:
            b = state["momentum_buffer"] = np.copy(grad)
        else:
            b *= momentum
            b += (1 - dampening) * grad if active(dampening) else grad
        if nesterov:
            return grad + momentum * b
        return b


class OptimisticGradient(Optimizer):
    """Optimistic gradient descent: step along a guess of the gradient to come.

    Momentum remembers the past; optimism extrapolates it. If the gradient has just changed by some amount, expect it
    to change by as much again. That is momentum with a minus sign: it damps the rotation that momentum feeds.

    Parameters
    ----------
    lr : float or array, default 1e-2
        Learning rate γ.
    optimism : float or array, default 1
        ω, how much of the last change is expected again. 0 is plain gradient descent.
    maximize : bool, default False
        Climb instead: in a game, the group of the player who wants a large value.

    Notes
    -----
    *When it helps, when it hurts.* Games. On min over x, max over y of xy, gradient descent spirals outwards for every
    γ; optimistic descent (ω = 1) spirals into the equilibrium for γ < 1/√3. It does so with one gradient a step, where
    the extragradient method [1]_ needs two. For plain minimisation it gains nothing, and it amplifies noise: if the
    noise of each gradient is independent, that of 2g − g₀ has √5 times its standard deviation.

    *Where libraries disagree.* optax's ``optimistic_gradient_descent(lr, alpha, beta)`` steps along
    (α + β) g − β g₀. That is this class with the learning rate α γ and ω = β/α.

    *As a chain.* ``chain(params, rule_of(OptimisticGradient, optimism=optimism), lr=lr)``.

    References
    ----------
    .. [1] G. M. Korpelevich, "The extragradient method for finding saddle points and other problems", 1976.
    .. [2] L. D. Popov, "A modification of the Arrow-Hurwicz method for search of saddle points", 1980.
    .. [3] C. Daskalakis, A. Ilyas, V. Syrgkanis, H. Zeng, "Training GANs with optimism", 2018, section 2.

    Examples
    --------
    The game xy from (1, 1): descent for x, ascent for y.

    >>> import numpy as np, optim
    >>> x, y = optim.Parameter(1.0), optim.Parameter(1.0)
    >>> players = [{"params": [x]}, {"params": [y], "maximize": True}]
    >>> optimizer = optim.OptimisticGradient(players, lr=0.3)
    >>> for _ in range(200):
    ...     x.grad, y.grad = y.data.copy(), x.data.copy()
    ...     optimizer.step()
    >>> bool(np.hypot(x.data, y.data) < 1e-3)
    True
    """

    ranges = {"optimism": FINITE}

    def __init__(self, params: Params, lr: Number = 1e-2, optimism: Number = 1.0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, optimism=optimism, maximize=maximize)

    def init_state(self, param):
        return {"last_grad": None}

    def update(self, grad, state, param, *, optimism):
        """
        g₀ ← g                     at the first step; then it is the gradient before
        φ ← g + ω (g − g₀)
        """
        if state["last_grad"] is None:
            state["last_grad"] = np.copy(grad)
        last_grad = state["last_grad"]
        phi = grad + optimism * (grad - last_grad)
        last_grad[...] = grad
        return phi


class PolyakSGD(Optimizer):
    """Gradient descent with Polyak's step size: the height above the minimum says how far to go.

    What it adds to gradient descent is the answer to "how far". A convex f lies above its tangent, so the minimum is
    at least (f − f_min) / ‖g‖ away: go just that far. Each step brings θ closer to the minimum, without knowing any
    curvature. On f = ‖θ‖ one step arrives.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; one gradient norm and one loss, over all of them.
    lr : float, default 1
        γ, the largest factor of the gradient that is allowed.
    f_min : float, default 0
        The value of the minimum. 0 is right for networks that can fit their data.
    eps : float, default 0
        ε, added to the squared norm.
    maximize : bool, default False
        Climb instead; `f_min` is then the value of the maximum.

    Notes
    -----
    *When it helps, when it hurts.* Where f_min is known: squares, distances, networks that can fit their data. With an
    `f_min` that is too low the steps are too long, and the run hovers above the minimum. With one that is too high it
    stops where f = f_min: a gap below zero counts as zero here (SPS₊ in [3]_). optax's default steps uphill there.

    `step` needs a closure, because it needs the loss.

    References
    ----------
    .. [1] B. T. Polyak, "Introduction to Optimization", 1987.
    .. [2] N. Loizou, S. Vaswani, I. Laradji, S. Lacoste-Julien, "Stochastic Polyak step-size for SGD", 2021, eq.
       SPS_max.
    .. [3] G. Garrigos, R. M. Gower, F. Schaipp, "Function value learning", 2023.

    Examples
    --------
    >>> import numpy as np, optim
    >>> x = optim.Parameter([3.0, -4.0])
    >>> def distance():
    ...     x.grad = x.data / np.linalg.norm(x.data)
    ...     return np.linalg.norm(x.data)
    >>> optimizer = optim.PolyakSGD([x], lr=10)
    >>> float(optimizer.step(distance)), x.data
    (5.0, array([0., 0.]))
    """

    elementwise = False
    returns_step = True
    ranges = {"f_min": FINITE}

    def __init__(self, params: Params, lr: Number = 1.0, f_min: Number = 0.0, eps: Number = 0.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, f_min=f_min, eps=eps, maximize=maximize)

    def step(self, closure=None):
        """Call closure(), which computes the loss and the gradients, and step as far as the loss says.

        Raises
        ------
        TypeError
            Without a closure: Polyak's formula needs the loss.
        """
        if closure is None:
            raise TypeError("Polyak's step size needs the loss: write optimizer.step(closure), "
                            "where closure() computes the loss and the gradients and returns the loss")

        def remembered():
            loss = closure()
            self.loss = float(loss.item() if hasattr(loss, "item") else loss)  # a Tensor gives its number by item()
            return loss

        return super().step(remembered)

    def move_all(self, work):
        self.squared_norm = sum(float(np.vdot(grad, grad)) for _, _, grad in work)
        super().move_all(work)

    def update(self, grad, state, param, *, lr, f_min, eps, maximize):
        """
        gap ← max(0, f − f_min)                f_min − f to climb
        square ← ‖g‖² + ε                      of all gradients together
        φ ← min(γ, gap / square) g             the whole step; g, which is 0, if the square is 0
        """
        gap = max(0.0, f_min - self.loss if maximize else self.loss - f_min)
        square = self.squared_norm + eps
        return min(lr, gap / square) * grad if square else grad
