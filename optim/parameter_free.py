r"""Methods without a learning rate: the run measures how far away the minimum is.

In theory the best constant step size is the distance to the minimum over the root of the sum of squared gradients. The
distance is not known, but it can be bounded from below as the run goes on: DoG takes the distance already covered,
Prodigy an estimate from the gradients. Both take one number for all parameters, so they see all gradients before any
parameter moves.
"""

import numpy as np

from .clipping import global_norm
from .interface.hyperparameters import FRACTION, POSITIVE, active, optional, prepared
from .interface.optimizer import Optimizer


class DoG(Optimizer):
    r"""Distance over gradients.

    .. math::
        \theta_t = \theta_{t-1} - \gamma \, \eta_t \, g_t, \qquad
        \eta_t = \frac{\bar r_t}{\sqrt{G_t + \epsilon}}, \qquad
        \bar r_t = \max_{i < t} \|\theta_i - \theta_0\|, \qquad G_t = \sum_{i \le t} \|g_i\|^2

    The norms are taken over all parameters as one vector. The first steps are tiny, and grow geometrically until the
    distance covered is of the order of the distance to the minimum.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float, default 1
        γ; leave it.
    reps_rel : float, default 1e-6
        :math:`\bar r_1` is this multiple of :math:`1 + \|\theta_0\|`; 1e-4 for networks with batch normalisation.
    weight_decay : float, default 0
        Adds this multiple of θ to the gradient.
    eps : float, default 1e-8
        ε.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    The steps fall like 1/√t, but not to 0: the authors average the points, see `EMA`.

    References
    ----------
    .. [1] M. Ivgi, O. Hinder, Y. Carmon, "DoG is SGD's best friend: a parameter-free dynamic step size schedule", 2023,
       eqs. DoG and 2.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([100.0])
    >>> optimizer = optim.DoG([p])
    >>> for _ in range(300):
    ...     p.grad = 2 * p.data
    ...     optimizer.step()
    >>> bool(abs(p.data[0]) < 1e-6)
    True
    """

    elementwise = False
    ranges = {"reps_rel": POSITIVE}

    def __init__(self, params, lr=1.0, reps_rel=1e-6, weight_decay=0.0, eps=1e-8, *, maximize=False):
        super().__init__(params, lr=lr, reps_rel=reps_rel, weight_decay=weight_decay, eps=eps, maximize=maximize)

    def init_state(self, param):
        return {"start": param.copy(), "max_distance": 0.0, "sum_of_squares": 0.0, "eta": 0.0}

    def move_all(self, work):
        work = [(group, param, grad + group["weight_decay"] * param.data if active(group["weight_decay"]) else grad)
                for group, param, grad in work]
        starting = not self.states()
        for group, param, _ in work:
            if not self.state.get(param):
                self.first_state(group, param)
        states = [self.state[param] for _, param, _ in work]
        covered = global_norm([param.data - state["start"] for param, state in self.states().items()])
        for (_, _, grad), state in zip(work, states):
            state["sum_of_squares"] += float(np.vdot(grad, grad))
        total = sum(state["sum_of_squares"] for state in self.states().values())
        if starting and work:
            group = work[0][0]
            covered = group["reps_rel"] * (1 + global_norm([param.data for param in self.states()]))
        furthest = max([covered, *(state["max_distance"] for state in self.states().values())])
        for (group, _, _), state in zip(work, states):
            state["max_distance"], state["eta"] = furthest, furthest / (total + group["eps"]) ** 0.5
        super().move_all(work)

    def update(self, grad, state, param):
        return state["eta"] * grad


class Prodigy(Optimizer):
    r"""Adam, with its learning rate estimated.

    .. math::
        d_{t+1} = \max\Bigl(d_t, \; \frac{r_{t+1}}{\|s_{t+1}\|_1}\Bigr), \qquad
        r_{t+1} = \beta_3 r_t + \frac{d_t^2}{d_0} \gamma_t \langle g_t, \theta_0 - \theta_t \rangle, \qquad
        s_{t+1} = \beta_3 s_t + \frac{d_t^2}{d_0} \gamma_t g_t

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) d_t g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) d_t^2 g_t^2,
        \qquad \theta_{t+1} = \theta_t
        - \gamma_t d_t \Bigl( \frac{m_t}{\sqrt{v_t} + d_{t+1} \epsilon} + \lambda \theta_t \Bigr)

    By convexity :math:`\langle g, \theta_0 - \theta_* \rangle` bounds the distance to the minimum from below; d
    collects the best such bound. Compared with DoG, it can grow faster than the distance covered.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them. d is one number for all.
    lr : float, default 1
        γ; leave it, or move it by a schedule.
    betas : pair of floats, default (0.9, 0.999)
        β₁ and β₂.
    beta3 : float, optional
        β₃; by default the root of β₂.
    eps : float, default 1e-8
        ε.
    weight_decay : float, default 0
        λ, decoupled as in `AdamW`.
    use_bias_correction : bool, default False
        Multiply γ by Adam's correction :math:`\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`; optax always does.
    safeguard_warmup : bool, default False
        Leave γ out of s, so that a warm-up does not make the estimate too large.
    d0 : float, default 1e-6
        The first estimate.
    d_coef : float, default 1
        A factor of the estimate; 0.5 or 2 if a smaller or larger one is wanted.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    In the place of 1/d₀, which is that of the authors' program, the paper has 1 - β₃; d, a quotient of r and s, is the
    same.

    References
    ----------
    .. [1] K. Mishchenko, A. Defazio, "Prodigy: an expeditiously adaptive parameter-free learner", 2024, Algorithm 4.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([100.0])
    >>> optimizer = optim.Prodigy([p])
    >>> for _ in range(300):
    ...     p.grad = 2 * p.data
    ...     optimizer.step()
    >>> bool(abs(p.data[0]) < 1.0)
    True
    """

    elementwise = False
    ranges = {"beta3": optional(FRACTION), "d0": POSITIVE, "d_coef": POSITIVE}

    def __init__(self, params, lr=1.0, betas=(0.9, 0.999), beta3=None, eps=1e-8, weight_decay=0.0,
                 use_bias_correction=False, safeguard_warmup=False, d0=1e-6, d_coef=1.0, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, beta3=beta3, eps=eps, weight_decay=weight_decay,
                         use_bias_correction=use_bias_correction, safeguard_warmup=safeguard_warmup, d0=d0,
                         d_coef=d_coef, maximize=maximize)

    def init_state(self, param, *, d0):
        return {"step": 0, "start": param.copy(), "s": np.zeros_like(param), "r": 0.0, "d": d0, "d_last": d0,
                "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    def correction(self, t, betas, use_bias_correction):
        """Return the factor by which Adam makes up for moments that start at 0."""
        return (1 - betas[1] ** t) ** 0.5 / (1 - betas[0] ** t) if use_bias_correction else 1.0

    def move_all(self, work):
        for group, param, _ in work:
            if not self.state.get(param):
                self.first_state(group, param)
        d = max([state["d"] for state in self.states().values()], default=0.0)
        for group, param, grad in work:
            lr = prepared(group["lr"], param.data)
            self.observe(grad, self.state[param], param.data, d, lr, **self.chosen(self.observe, group, param.data))
        length = sum(float(np.abs(state["s"]).sum()) for state in self.states().values())
        projection = sum(state["r"] for state in self.states().values())
        for group, param, _ in work:
            estimate = group["d_coef"] * projection / length if length else 0.0
            self.state[param].update(d_last=d, d=max(d, estimate))
        super().move_all(work)

    def observe(self, grad, state, param, d, lr, *, betas, beta3, d0, use_bias_correction, safeguard_warmup):
        """Take a gradient into the sums from which the distance is estimated."""
        beta3 = betas[1] ** 0.5 if beta3 is None else beta3
        lr = lr * self.correction(state["step"] + 1, betas, use_bias_correction)
        state["r"] = beta3 * state["r"] + d / d0 * d * lr * float(np.vdot(grad, state["start"] - param))
        state["s"] *= beta3
        state["s"] += (d / d0 * d * (1 if safeguard_warmup else lr)) * grad

    def update(self, grad, state, param, *, betas, eps, weight_decay, use_bias_correction):
        (beta1, beta2), d = betas, state["d_last"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * d * grad
        v *= beta2
        v += (1 - beta2) * (d * d) * grad * grad
        phi = m / (np.sqrt(v) + state["d"] * eps) + weight_decay * param
        return self.correction(state["step"], betas, use_bias_correction) * d * phi
