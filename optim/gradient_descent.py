r"""Gradient descent: walk downhill, first blindly, then with a memory, with foresight, and with the height in view.

The chapter asks the questions that every later one answers anew. In which direction? Along the gradient, along the
momentum, along a guess of the next gradient. And how far? As far as you were told, as Polyak's formula says, or as
far as a line search has tried.
"""

import numpy as np

from .interface.hyperparameters import FINITE, NOT_NEGATIVE, active
from .interface.optimizer import Optimizer


class SGD(Optimizer):
    r"""Gradient descent, with momentum as an option: the ball that rolls downhill.

    .. math::
        \theta_t = \theta_{t-1} - \gamma \, b_t, \qquad b_t = \mu \, b_{t-1} + (1 - \tau) \, g_t, \qquad b_1 = g_1

    Without momentum (:math:`\mu = 0`) the step is :math:`\gamma g_t`, steepest descent; "stochastic" says no more
    than that the gradient may be an estimate from part of the data. Momentum adds the gradients up while they fade:
    along a valley, where they agree, the steps grow up to :math:`1/(1 - \mu)` times as long; across it, where they
    alternate, they cancel. On a quadratic whose curvatures lie between m and L, plain descent shrinks the error by
    :math:`(\kappa - 1)/(\kappa + 1)` a step at best, :math:`\kappa = L/m`; with :math:`\gamma = 4/(\sqrt L + \sqrt
    m)^2` and :math:`\mu = ((\sqrt\kappa - 1)/(\sqrt\kappa + 1))^2` it becomes :math:`(\sqrt\kappa - 1)/(\sqrt\kappa +
    1)` [1]_.

    Nesterov's form steps along :math:`g_t + \mu b_t`: it adds the momentum that the *next* step will have, and so
    brakes sooner when the slope turns round.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-3
        Learning rate γ. Above 2/L the steps grow instead of shrinking.
    momentum : float or array, default 0
        μ, the part of the last direction that stays.
    dampening : float or array, default 0
        τ, taken off every gradient but the first.
    weight_decay : float or array, default 0
        λ; adds λθ to the gradient, which is the derivative of λ/2 |θ|².
    nesterov : bool, default False
        Step along the momentum to come [2]_.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    *Where libraries disagree.* Nesterov takes the gradient at the point looked ahead to, :math:`\theta + \mu v`.
    PyTorch, optax and this class take it at :math:`\theta` and keep, in θ's place, the point looked ahead to: the
    same run in other coordinates [3]_. Keras and Sutskever [4]_ put γ inside the momentum, :math:`v_t = \mu v_{t-1} -
    \gamma g_t`; the two part as soon as a schedule moves γ. Only PyTorch starts with :math:`b_1 = g_1` rather than
    :math:`(1 - \tau) g_1`.

    *When it helps, when it hurts.* With a good learning rate it is hard to beat on problems of modest conditioning,
    and its solutions generalise well. One γ for all coordinates is its weakness: the steepest one decides. Heavy-ball
    momentum overshoots, and on functions that are not quadratic the tuning above can circle for ever.

    *As a chain.* (without dampening) ``chain(params, add_decayed_weights(weight_decay), trace(momentum, nesterov),
    lr=lr)``.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964, eq. 9.
    .. [2] Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k²)", 1983.
    .. [3] Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent networks", 2013, section
       3.5.
    .. [4] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", 2013, eqs. 3 and 4.

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

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False):
        if nesterov and (not active(momentum) or active(dampening)):
            raise ValueError("nesterov=True looks ahead along the momentum: it needs momentum > 0 and dampening=0; "
                             f"got momentum={momentum!r}, dampening={dampening!r}")
        super().__init__(params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                         nesterov=nesterov, maximize=maximize)

    def init_state(self, param):
        return {"momentum_buffer": None}

    def update(self, grad, state, param, *, momentum, dampening, weight_decay, nesterov):
        if active(weight_decay):
            grad = grad + weight_decay * param
        if not active(momentum):
            return grad
        b = state["momentum_buffer"]
        if b is None:
            b = state["momentum_buffer"] = np.array(grad)
        else:
            b *= momentum
            b += (1 - dampening) * grad if active(dampening) else grad
        return grad + momentum * b if nesterov else b


class OptimisticGradient(Optimizer):
    r"""Optimistic gradient descent: step along a guess of the gradient to come.

    .. math::
        \theta_t = \theta_{t-1} - \gamma \, \bigl( g_t + \omega \, (g_t - g_{t-1}) \bigr), \qquad g_0 = g_1

    Momentum remembers the past; optimism extrapolates it. If the gradient has changed by :math:`g_t - g_{t-1}`,
    expect it to change by as much again. That is momentum with a minus sign: it damps the rotation which momentum
    feeds.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-2
        Learning rate γ.
    optimism : float or array, default 1
        ω, how much of the last change is expected again. 0 is plain gradient descent.
    maximize : bool, default False
        Climb instead: in a game, the group of the player who wants a large value.

    Notes
    -----
    *When it helps, when it hurts.* Games: on min over x, max over y of xy, gradient descent spirals outwards whatever
    γ is, and optimistic descent spirals into the equilibrium. It is the price of one gradient a step, where the
    extragradient method [1]_ pays two. For plain minimisation it gains nothing, and noise is doubled: the difference
    of two noisy gradients is noisier than either.

    *Where libraries disagree.* optax's ``optimistic_gradient_descent(lr, alpha, beta)`` steps along
    :math:`(\alpha + \beta) g_t - \beta g_{t-1}`: α only rescales γ, so it is left out here, and ω is its β.

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

    def __init__(self, params, lr=1e-2, optimism=1.0, *, maximize=False):
        super().__init__(params, lr=lr, optimism=optimism, maximize=maximize)

    def init_state(self, param):
        return {"last_grad": None}

    def update(self, grad, state, param, *, optimism):
        if state["last_grad"] is None:
            state["last_grad"] = np.array(grad)
            return grad
        guess = grad + optimism * (grad - state["last_grad"])
        state["last_grad"][...] = grad
        return guess


class PolyakSGD(Optimizer):
    r"""Gradient descent with Polyak's step size: the height above the minimum says how far to go.

    .. math::
        \theta_t = \theta_{t-1} - \gamma_t \, g_t, \qquad
        \gamma_t = \min\Bigl(\gamma, \; \frac{f(\theta_{t-1}) - f_{\min}}{\|g_t\|^2 + \epsilon}\Bigr)

    What it adds to gradient descent is the answer to "how far". A convex f lies above its tangent, so the minimum is
    at least :math:`(f - f_{\min}) / \|g\|` away: go just that far. Each step brings θ closer to the minimum, without
    knowing any curvature; on f = |θ| one step arrives.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; one gradient norm and one loss, over all of them.
    lr : float, default 1
        γ, the longest step allowed.
    f_min : float, default 0
        The value of the minimum. 0 is right for networks that can fit their data.
    eps : float, default 0
        ε, added to the squared norm.
    maximize : bool, default False
        Climb instead; `f_min` is then the value of the maximum.

    Notes
    -----
    *When it helps, when it hurts.* Where f_min is known: squares, distances, interpolating networks. With an `f_min`
    that is too low the steps are too long and the run hovers above the minimum; with one that is too high it stops
    where f = f_min (a gap below zero counts as zero here, SPS₊ in [3]_; optax's default steps uphill there).

    `step` needs a closure, because it needs the loss.

    References
    ----------
    .. [1] B. T. Polyak, "Introduction to Optimization", 1987, section 5.3.2.
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

    def __init__(self, params, lr=1.0, f_min=0.0, eps=0.0, *, maximize=False):
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
        gap = max(0.0, f_min - self.loss if maximize else self.loss - f_min)
        squared_norm = self.squared_norm + eps
        return min(lr, gap / squared_norm) * grad if squared_norm else grad  # without a slope, nowhere to go
