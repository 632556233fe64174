"""Averaging: the mean of the points on a path can be far better than the point at its end.

With a learning rate that does not fall, noise keeps the iterates hopping around the minimum; their mean is near it. The
chapter goes from an average beside the run (ASGD, EMA, SWA) to averages that take part in it (Lookahead,
Schedule-Free). Each optimizer has `averaged()`, which puts the average into the parameters for a while.
"""

from contextlib import contextmanager

import numpy as np

from .interface.annotations import Number, Pair, Params
from .interface.hooks import with_hooks
from .interface.hyperparameters import FINITE, NOT_NEGATIVE, UP_TO_1, active, check, whole
from .interface.optimizer import PIECE, Optimizer
from .interface.pieces import has_array, in_pieces
from .wrappers import Wrapper


def larger(x, y):
    """Return the larger of two numbers, as a Python number, or of two arrays, element by element."""
    return np.maximum(x, y) if isinstance(x, np.ndarray) or isinstance(y, np.ndarray) else max(x, y)


class HasAverage:
    """What the optimizers of this chapter share: `averaged`, which shows the averaged parameters."""

    machinery = ()

    looking = False

    def average(self, group, param):
        """Return the average of one parameter as an array, or None if there is none yet."""
        raise NotImplementedError

    @contextmanager
    def averaged(self):
        """Replace the parameters by their averages inside a `with` block.

        Evaluate or save the model inside it. Afterwards the parameters are what they were, to the last bit.

        Examples
        --------
        >>> import numpy as np, optim
        >>> p = optim.Parameter([1.0])
        >>> optimizer = optim.SWA(optim.SGD([p], lr=1.0))
        >>> for g in (1.0, -2.0):
        ...     p.grad = np.array([g])
        ...     optimizer.step()
        >>> with optimizer.averaged():
        ...     print(p.data)  # the mean of 0 and 2
        [1.]
        >>> p.data
        array([2.])
        """
        averages = [(param, self.average(group, param)) for group in self.param_groups for param in group["params"]]
        before = [(param, param.data.copy()) for param, average in averages if average is not None]
        try:
            try:
                self.looking = True
                for param, average in averages:
                    if average is not None:
                        param.data[...] = average
                yield self
            finally:
                self._look_away(before)
        except BaseException:
            self._look_away(before)  # once more, since an interrupt may have come before it was done
            raise

    def _look_away(self, before):
        """Put the parameters back."""
        for param, data in before:
            param.data[...] = data
        self.looking = False

    @with_hooks
    def step(self, closure=None):
        if self.looking:
            raise RuntimeError("a step inside `with optimizer.averaged():` would be undone at its end; make it outside")
        return super().step(closure)


class ASGD(HasAverage, Optimizer):
    """Averaged stochastic gradient descent: steps that shrink slowly, and the mean of all points from some step on.

    If the steps shrink more slowly than 1/t, the mean reaches the best possible rate without knowing any curvature
    [1]_.

    Parameters
    ----------
    lr : float or array, default 1e-2
        γ, the first step size.
    lambd : float or array, default 1e-4
        κ, a decay of the weights, and how fast the steps shrink.
    alpha : float or array, default 0.75
        α, the power with which the steps shrink.
    t0 : float, default 1e6
        t₀, the step at which averaging begins; until then the average is the last point.

    Notes
    -----
    The average x̄ is the state's entry "ax"; `averaged` shows it. PyTorch never uses it. In PyTorch, η lags one step
    behind a schedule that changes γ; here η follows at once.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0])
    >>> optimizer = optim.ASGD([p], lr=1.0, lambd=0.0, t0=0)
    >>> for g in (-1.0, -1.0, -1.0):
    ...     p.grad = np.array([g])
    ...     optimizer.step()
    >>> with optimizer.averaged():
    ...     print(p.data)
    [2.5]
    """

    returns_step = True
    ranges = {"lambd": NOT_NEGATIVE, "alpha": NOT_NEGATIVE, "t0": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 1e-2, lambd: Number = 1e-4, alpha: Number = 0.75, t0: Number = 1e6,
                 weight_decay: Number = 0, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param, *, lr):
        return {"step": 0, "eta": lr, "mu": 1.0, "ax": np.zeros_like(param)}

    @staticmethod
    def eta_and_mu(t, lr, lambd, alpha, t0):
        """Return η and μ of step t + 1."""
        return lr / (1 + lambd * lr * t) ** alpha, 1 / larger(1, t - t0)

    def advance(self, state, *, lr, lambd, alpha, t0):
        # The entries are those of the next step, as in PyTorch.
        state["eta"], state["mu"] = self.eta_and_mu(state["step"], lr, lambd, alpha, t0)

    def update(self, grad, state, param, *, lr, lambd, alpha, t0, weight_decay):
        """
        η ← γ / (1 + κ γ (t − 1))^α
        μ ← 1 / max(1, t − 1 − t₀)
        g ← g + λ θ
        φ ← η (g + κ θ)                    the whole step
        x̄ ← x̄ + μ (θ − φ − x̄)
        x̄ ← θ − φ                          exactly, while μ = 1
        """
        t, ax = state["step"], state["ax"]
        eta, mu = self.eta_and_mu(t - 1, lr, lambd, alpha, t0)
        if active(weight_decay):
            grad = grad + weight_decay * param
        phi = eta * (grad + lambd * param)
        if active(1 - mu):
            ax += mu * (param - phi - ax)
        else:
            np.subtract(param, phi, out=ax)
        return phi

    def average(self, group, param):
        return self.state[param]["ax"] if self.state.get(param) else None


class Averaging(HasAverage, Wrapper):
    """What EMA and SWA share: an average beside the run, which does not change the run."""

    def init_state(self, param):
        return {"n_averaged": 0, "average": param.copy()}

    def weight(self, group, n, data):
        """Return the weight of the next point after n others."""
        raise NotImplementedError

    def is_due(self):
        """Return whether to average the point after this step."""
        return True

    def step_around(self, closure):
        loss = self.optimizer.step(closure)
        self.counts["steps"] += 1
        if self.is_due():
            for group in self.param_groups:
                for param in group["params"]:
                    state = self.state_of(param)
                    move_towards(param.data, state["average"], self.weight(group, state["n_averaged"], param.data))
                    state["n_averaged"] += 1
        return loss

    def average(self, group, param):
        return self.state[param]["average"] if self.state.get(param) else None


def move_towards(point, average, weight):
    """Move an average the part `weight` of the way to a point, in pieces that stay in the processor's cache."""
    if average.size > PIECE:
        for part, towards, _, w in in_pieces(PIECE, average, point, {}, weight):
            move_towards(towards, part, w)
    else:
        average += weight * (point - average)


class EMA(Averaging):
    """A running mean of the points, θ̄ ← d θ̄ + (1 − d) θ.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the steps.
    decay : float or array, default 0.999
        d. The mean reaches back about 1/(1 − d) steps.

    Notes
    -----
    It starts with the first point, as ``torch.optim.swa_utils.AveragedModel`` with ``get_ema_multi_avg_fn`` does.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0])
    >>> optimizer = optim.EMA(optim.SGD([p], lr=1.0), decay=0.75)
    >>> for g in (-4.0, -4.0):
    ...     p.grad = np.array([g])
    ...     optimizer.step()
    >>> with optimizer.averaged():
    ...     print(p.data)
    [5.]
    """

    ranges = {"decay": UP_TO_1}

    def __init__(self, optimizer: Optimizer, decay: Number = 0.999) -> None:
        super().__init__(optimizer, decay=decay)
        self.counts = {"steps": 0}

    def weight(self, group, n, data):
        return 1 - self.hyperparameter(group, "decay", data) if n else 1.0


class SWA(Averaging):
    """Stochastic weight averaging: the plain mean of points from the late part of a run.

    Use it with a learning rate that stays high at the end (`optim.schedule.SWALR`), so that the points differ. They
    lie around the bottom of a valley, and their mean lies nearer to it.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the steps.
    swa_start : int, default 0
        The number of steps before averaging begins.
    swa_freq : int, default 1
        From there on, the number of steps from one averaged point to the next.

    Notes
    -----
    The means and variances that batch normalisation has gathered do not belong to the averaged network: compute them
    again, in a pass over the data inside `averaged()`.

    References
    ----------
    .. [1] P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0])
    >>> optimizer = optim.SWA(optim.SGD([p], lr=1.0), swa_start=2)
    >>> for g in (-1.0, -1.0, -1.0, -1.0):  # to 1, 2, 3, 4
    ...     p.grad = np.array([g])
    ...     optimizer.step()
    >>> with optimizer.averaged():
    ...     print(p.data)
    [3.5]
    """

    def __init__(self, optimizer: Optimizer, swa_start: int = 0, swa_freq: int = 1) -> None:
        check("swa_start", swa_start, whole(0))
        check("swa_freq", swa_freq, whole(1))
        super().__init__(optimizer)
        self.swa_start, self.swa_freq, self.counts = swa_start, swa_freq, {"steps": 0}

    def is_due(self):
        since = self.counts["steps"] - self.swa_start
        return since > 0 and since % self.swa_freq == 0

    def weight(self, group, n, data):
        return 1 / (n + 1)


class Lookahead(HasAverage, Wrapper):
    """k steps forward, one step back: slow weights follow the fast ones, and the fast ones start again from them.

    Every k steps, with the slow weights s and the fast weights θ:

        s ← (1 − α) s + α θ
        θ ← s

    Here the average is part of the run. The inner optimizer can take bolder steps: the average progress is kept, and
    steps back and forth cancel.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the fast steps; its state is not reset.
    k : int, default 5
    alpha : float or array, default 0.5
        α, how far the slow weights go.

    Notes
    -----
    With k = 1 and α = 1 it is the inner optimizer.

    References
    ----------
    .. [1] M. R. Zhang, J. Lucas, G. Hinton, J. Ba, "Lookahead optimizer: k steps forward, 1 step back", 2019,
       Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0])
    >>> optimizer = optim.Lookahead(optim.SGD([p], lr=1.0), k=2)
    >>> for g in (-1.0, -1.0):
    ...     p.grad = np.array([g])
    ...     optimizer.step()
    ...     print(p.data)
    [1.]
    [1.]
    """

    ranges = {"k": whole(1), "alpha": NOT_NEGATIVE}

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: Number = 0.5) -> None:
        super().__init__(optimizer, k=k, alpha=alpha)
        self.counts = {"steps": 0}

    def init_state(self, param):
        return {"slow": param.copy()}

    def step_around(self, closure):
        for group in self.param_groups:
            for param in group["params"]:
                self.state_of(param)  # so it is before the first step
        loss = self.optimizer.step(closure)
        self.counts["steps"] += 1
        for group in self.param_groups:
            if self.counts["steps"] % group[self._full("k")] == 0:
                for param in group["params"]:
                    slow, alpha = self.state[param]["slow"], self.hyperparameter(group, "alpha", param.data)
                    slow *= 1 - alpha
                    slow += alpha * param.data
                    param.data[...] = slow
        return loss

    def average(self, group, param):
        return self.state[param]["slow"] if self.state.get(param) else None


class ScheduleFreeSGD(HasAverage, Optimizer):
    """Gradient descent with an average instead of a schedule.

    z makes plain steps, x is the weighted mean of its points, and the gradient (with its decay) is taken between the
    two, at y = (1 − β) z + β x:

        z ← z − γ g
        x ← (1 − c) x + c z        with c = w / Σ w and w = t^r (largest γ so far)^p

    A schedule that falls to 0 must know when the run ends. The paper finds that x is, at any time, about as good as
    the end of a run whose schedule ends at that time. This is not of the form θ − γ φ: the parameters hold y, and
    `averaged()` shows x, which is the result.

    Parameters
    ----------
    lr : float or array, default 1
        γ; larger than for SGD, and without a schedule.
    momentum : float or array, default 0.9
        β in (0, 1), how close to the mean the gradient is taken.
    warmup_steps : int, default 0
        The steps during which γ rises in a straight line.
    r : float, default 0
        The weight of a point grows with this power of t.
    weight_lr_power : float, default 2
        p; the weight of a point also grows with this power of the largest γ so far.

    Notes
    -----
    The state keeps z; x is computed from y and z when it is needed. Batch normalisation gathers its means at y; see
    `SWA`.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", 2024.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0])
    >>> optimizer = optim.ScheduleFreeSGD([p], lr=0.5)
    >>> for _ in range(2):
    ...     p.grad = p.data.copy()
    ...     optimizer.step()
    ...     print(optimizer.state[p]["z"])
    [0.5]
    [0.25]
    >>> with optimizer.averaged():
    ...     print(p.data)
    [0.375]
    """

    returns_step = True
    ranges = {"momentum": NOT_NEGATIVE, "warmup_steps": whole(0),
              "r": NOT_NEGATIVE, "weight_lr_power": FINITE}

    def __init__(self, params: Params, lr: Number = 1.0, momentum: Number = 0.9, weight_decay: Number = 0,
                 warmup_steps: int = 0, r: Number = 0.0, weight_lr_power: Number = 2.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, warmup_steps=warmup_steps, r=r,
                         weight_lr_power=weight_lr_power, maximize=maximize)
        check_not_zero("momentum", momentum)

    def init_state(self, param, *, lr, warmup_steps, r, weight_lr_power):
        many = has_array((lr, warmup_steps, r, weight_lr_power))  # many runs in one, each with its own sums
        zero = np.zeros_like(param) if many else 0.0
        return {"step": 0, "z": param.copy(), "lr_max": zero, "weight_sum": zero}

    def advance(self, state, *, lr, warmup_steps, r, weight_lr_power):
        state["lr_max"] = larger(state["lr_max"], warmed_up(lr, state, warmup_steps))
        state["weight_sum"] = state["weight_sum"] + weight(state, r, weight_lr_power)

    def update(self, grad, state, param, *, lr, momentum, weight_decay, warmup_steps, r,
               weight_lr_power):
        """
        g ← g + λ y                                 y is the parameter
        γ ← γ / max(1, warmup_steps / t)
        w ← t^r γ_max^p
        φ ← averaging_step(g)                       the whole step, y − y_next
        """
        if active(weight_decay):
            grad = grad + weight_decay * param
        lr, w = warmed_up(lr, state, warmup_steps), weight(state, r, weight_lr_power)
        return averaging_step(grad, state, param, momentum, lr, w)

    def average(self, group, param):
        return mean_of(self.state[param]["z"], param.data, group["momentum"]) if self.state.get(param) else None


class ScheduleFreeAdamW(HasAverage, Optimizer):
    """AdamW with an average instead of a schedule, and instead of Adam's momentum.

    What it changes in `ScheduleFreeSGD` is the direction: the gradient is divided by √v̂ as in Adam, and the decay is
    added after that.

    Parameters
    ----------
    lr : float or array, default 0.0025
        γ; the authors advise one to ten times AdamW's.
    betas : pair of floats or arrays, default (0.9, 0.999)
        β₁, how close to the mean the gradient is taken, and β₂, how much of v stays.
    weight_decay : float or array, default 0
        λ; takes γλy off the parameter y.
    warmup_steps : int, default 0
        The steps during which γ rises in a straight line; the authors advise using some.
    r, weight_lr_power : float, default 0 and 2
        See `ScheduleFreeSGD`.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", 2024, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0])
    >>> optimizer = optim.ScheduleFreeAdamW([p], lr=0.1)
    >>> for _ in range(2):
    ...     p.grad = np.array([1.0])
    ...     optimizer.step()
    >>> with optimizer.averaged():
    ...     print(p.data)  # the mean of 0.9 and 0.8
    [0.85]
    """

    returns_step = True
    advance = ScheduleFreeSGD.advance
    ranges = {"warmup_steps": whole(0), "r": NOT_NEGATIVE, "weight_lr_power": FINITE}

    def __init__(self, params: Params, lr: Number = 0.0025, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 weight_decay: Number = 0, warmup_steps: int = 0, r: Number = 0.0, weight_lr_power: Number = 2.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, warmup_steps=warmup_steps, r=r,
                         weight_lr_power=weight_lr_power, maximize=maximize)
        check_not_zero("betas", betas[0])

    def init_state(self, param, *, lr, warmup_steps, r, weight_lr_power):
        state = ScheduleFreeSGD.init_state(self, param, lr=lr, warmup_steps=warmup_steps, r=r,
                                           weight_lr_power=weight_lr_power)
        return {**state, "exp_avg_sq": np.zeros_like(param)}

    def update(self, grad, state, param, *, lr, betas, eps, weight_decay, warmup_steps, r,
               weight_lr_power):
        """
        v ← β₂ v + (1 − β₂) g²
        v̂ ← v / (1 − β₂ᵗ)
        d ← g / (√v̂ + ε) + λ y                      y is the parameter
        γ ← γ / max(1, warmup_steps / t)
        w ← t^r γ_max^p
        φ ← averaging_step(d)                       the whole step, y − y_next
        """
        (beta1, beta2), t, v = betas, state["step"], state["exp_avg_sq"]
        v *= beta2
        v += (1 - beta2) * grad * grad
        v_hat = v / (1 - beta2**t)
        d = grad / (np.sqrt(v_hat) + eps) + weight_decay * param
        lr, w = warmed_up(lr, state, warmup_steps), weight(state, r, weight_lr_power)
        return averaging_step(d, state, param, beta1, lr, w)

    def average(self, group, param):
        return mean_of(self.state[param]["z"], param.data, group["betas"][0]) if self.state.get(param) else None


# The parts of Schedule-Free

def warmed_up(lr, state, warmup_steps):
    """Return γ at this step: during the warm-up, a part of the learning rate."""
    return lr / larger(1, warmup_steps / state["step"])


def weight(state, r, weight_lr_power):
    """Return w, the weight of this step's point in the mean."""
    return state["step"] ** r * state["lr_max"] ** weight_lr_power


def averaging_step(d, state, y, beta, lr, w):
    """
    c ← w / Σ w
    φ ← c (y − z) + γ (1 − β (1 − c)) d          returned: y minus the next y
    z ← z − γ d
    """
    z, weight_sum = state["z"], state["weight_sum"]
    c = w / (weight_sum + (weight_sum == 0))  # while lr is 0, no point counts
    phi = c * (y - z) + lr * (1 - beta * (1 - c)) * d
    z -= lr * d
    return phi


def mean_of(z, y, beta):
    """Return x, given z and y = (1 − β) z + β x."""
    return z + (y - z) / beta


def check_not_zero(name, beta):
    """Raise an error for beta = 0, because the parameters would not contain the mean."""
    if not np.all(np.asarray(beta) > 0):
        raise ValueError(f"{name} is {beta!r}; it must be above 0, or the parameters would not contain the mean")
