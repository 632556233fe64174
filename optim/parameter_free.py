"""Methods without a learning rate: the run measures how far away the minimum is.

In theory the best constant step size is the distance to the minimum over the root of the sum of squared gradients.
Nobody knows the distance, but a run can estimate it: DoG takes the largest distance covered so far, Prodigy a lower
bound that it computes from the gradients. Both have one number for all parameters, so they see all gradients before
any parameter moves.
"""

import numpy as np

from .clipping import global_norm
from .interface.annotations import Number, Pair, Params
from .interface.hyperparameters import FRACTION, POSITIVE, active, optional, prepared
from .interface.optimizer import Optimizer


class DoG(Optimizer):
    """Distance over gradients.

    The step size η is the largest distance from the start so far, over the root of the sum of all squared gradients.
    Norms are taken over all parameters as one vector. The first steps are tiny. They grow geometrically until the
    distance covered is of the order of the distance to the minimum. (With noisy gradients it can become larger than
    that: the distance covered is not a lower bound.)

    Parameters
    ----------
    lr : float, default 1
        γ, a factor of η; usually left at 1.
    reps_rel : float, default 1e-6
        The first distance is this multiple of 1 + ‖θ₀‖; the authors use 1e-4 for networks with batch normalisation.

    Notes
    -----
    With noise, the sum of squared gradients grows with t, and so η falls like 1/√t. That is too slow for the last
    point to settle: the authors average the points, see `EMA`.

    References
    ----------
    .. [1] M. Ivgi, O. Hinder, Y. Carmon, "DoG is SGD's best friend: a parameter-free dynamic step size schedule", 2023.

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

    def __init__(self, params: Params, lr: Number = 1.0, reps_rel: Number = 1e-6, weight_decay: Number = 0.0,
                 eps: Number = 1e-8, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, reps_rel=reps_rel, weight_decay=weight_decay, eps=eps, maximize=maximize)

    def init_state(self, param):
        return {"start": param.copy(), "max_distance": 0.0, "sum_of_squares": 0.0, "eta": 0.0}

    def move_all(self, work):
        """
        r ← max(r, ‖θ − θ₀‖)
        G ← G + ‖g‖²
        η ← r / √(G + ε)
        """
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
        """
        φ ← η g                    see `move_all` for η
        """
        return state["eta"] * grad


class Prodigy(Optimizer):
    """Adam, with its learning rate estimated.

    The estimate d replaces the distance to the minimum. r and s are weighted sums over the gradients, r of
    ⟨g, θ₀ − θ⟩ and s of g. For a convex loss without noise, r/‖s‖₁ is never more than the largest coordinate of
    θ₀ − θ*, the way to the minimum. d is the largest such quotient so far. It can grow faster than the distance
    covered, which DoG uses.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them. d is one number for all.
    lr : float, default 1
        γ; usually left at 1, or changed by a schedule.
    beta3 : float, optional
        β₃, the weight of the past in r and s; by default the root of β₂.
    weight_decay : float, default 0
        λ, decoupled as in `AdamW`.
    use_bias_correction : bool, default False
        Multiply γ by Adam's correction, √(1 − β₂ᵗ) / (1 − β₁ᵗ); optax always does this.
    safeguard_warmup : bool, default False
        Leave γ out of s, so that a warm-up does not make the estimate too large.
    d0 : float, default 1e-6
        The first estimate.
    d_coef : float, default 1
        A factor of the estimate; 0.5 or 2 if a smaller or larger one is wanted.

    Notes
    -----
    The authors' program and this class divide r and s by d₀, where the paper multiplies by 1 − β₃. The quotient of r
    and s, and so d, is the same.

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

    def __init__(self, params: Params, lr: Number = 1.0, betas: Pair = (0.9, 0.999), beta3: Number | None = None,
                 eps: Number = 1e-8, weight_decay: Number = 0.0, use_bias_correction: bool = False,
                 safeguard_warmup: bool = False, d0: Number = 1e-6, d_coef: Number = 1.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, beta3=beta3, eps=eps, weight_decay=weight_decay,
                         use_bias_correction=use_bias_correction, safeguard_warmup=safeguard_warmup, d0=d0,
                         d_coef=d_coef, maximize=maximize)

    def init_state(self, param, *, d0):
        return {"step": 0, "start": param.copy(), "s": np.zeros_like(param), "r": 0.0, "d": d0, "d_last": d0,
                "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    def correction(self, t, betas, use_bias_correction):
        """Return the factor by which Adam corrects moments that start at 0."""
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
        """
        r ← β₃ r + d² / d₀ γ ⟨g, θ₀ − θ⟩
        s ← β₃ s + d² / d₀ γ g                    then d ← max(d, Σ r / Σ ‖s‖₁) over all parameters
        """
        beta3 = betas[1] ** 0.5 if beta3 is None else beta3
        lr = lr * self.correction(state["step"] + 1, betas, use_bias_correction)
        state["r"] = beta3 * state["r"] + d / d0 * d * lr * float(np.vdot(grad, state["start"] - param))
        state["s"] *= beta3
        state["s"] += (d / d0 * d * (1 if safeguard_warmup else lr)) * grad

    def update(self, grad, state, param, *, betas, eps, weight_decay, use_bias_correction):
        """
        m ← β₁ m + (1 − β₁) d g
        v ← β₂ v + (1 − β₂) d² g²
        φ ← m / (√v + d′ ε) + λ θ        d′ is the new estimate, see `observe`
        φ ← d φ                          times Adam's correction, if it is used
        """
        (beta1, beta2), d = betas, state["d_last"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * d * grad
        v *= beta2
        v += (1 - beta2) * (d * d) * grad * grad
        phi = m / (np.sqrt(v) + state["d"] * eps) + weight_decay * param
        return self.correction(state["step"], betas, use_bias_correction) * d * phi
