r"""Averaging: the mean of the points on a path can be far better than the point at its end.

With a learning rate that does not fall, noise keeps the iterates hopping around the minimum; their mean is near it. The
chapter goes from an average beside the run (ASGD, EMA, SWA) to averages that take part in it (Lookahead,
Schedule-Free). Each has `averaged()`, which shows the parameters as they are on average.
"""

from contextlib import contextmanager

import numpy as np

from .interface.hooks import with_hooks
from .interface.hyperparameters import FINITE, NOT_NEGATIVE, UP_TO_1, active, whole
from .interface.optimizer import PIECE, Optimizer
from .interface.pieces import has_array, in_pieces
from .wrappers import Wrapper


def larger(x, y):
    """Return the larger of two numbers or, element by element, arrays; of two numbers, as Python's own."""
    return np.maximum(x, y) if isinstance(x, np.ndarray) or isinstance(y, np.ndarray) else max(x, y)


class HasAverage:
    """What the optimizers of this chapter share: a look at the averaged parameters."""

    looking = False

    def average(self, group, param):
        """Return the average of one parameter as an array, or None as long as there is none."""
        raise NotImplementedError

    @contextmanager
    def averaged(self):
        """Put the averages in the place of the parameters, as long as the `with` block lasts.

        Evaluate or save the model inside it. On leaving it, the parameters are what they were, to the last bit.

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
        self.looking = True
        try:
            for param, average in averages:
                if average is not None:
                    param.data[...] = average
            yield self
        finally:
            for param, data in before:
                param.data[...] = data
            self.looking = False

    @with_hooks
    def step(self, closure=None):
        if self.looking:
            raise RuntimeError("a step inside `with optimizer.averaged():` would be undone at its end; make it outside")
        return super().step(closure)


class ASGD(HasAverage, Optimizer):
    r"""Averaged stochastic gradient descent: steps that shrink slowly, and the mean of all points from some step on.

    .. math::
        \theta_t = (1 - \lambda \eta_t) \, \theta_{t-1} - \eta_t \, g_t, \qquad
        \eta_{t+1} = \frac{\gamma}{(1 + \lambda \gamma t)^\alpha}, \qquad
        \bar\theta_t = \bar\theta_{t-1} + \mu_t (\theta_t - \bar\theta_{t-1}), \qquad
        \mu_{t+1} = \frac{1}{\max(1, t - t_0)}

    If the steps shrink more slowly than 1/t, the mean reaches the best possible rate without knowing any curvature
    [1]_.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1e-2
        γ, the first step size.
    lambd : float or array, default 1e-4
        λ, a decay of the weights, and how fast the steps shrink.
    alpha : float or array, default 0.75
        α, the power with which they do.
    t0 : float, default 1e6
        The step at which averaging begins; until then the average is the last point.
    weight_decay : float or array, default 0
        Adds this multiple of θ to the gradient.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    The average is the state's entry "ax"; `averaged` shows it. PyTorch never uses it. Its η lags one step behind a
    schedule that moves γ; here η follows at once.

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

    def __init__(self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, *, maximize=False):
        super().__init__(params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param, *, lr):
        return {"step": 0, "eta": lr, "mu": 1.0, "ax": np.zeros_like(param)}

    @staticmethod
    def eta_and_mu(t, lr, lambd, alpha, t0):
        r"""Return :math:`\eta_{t+1}` and :math:`\mu_{t+1}`."""
        return lr / (1 + lambd * lr * t) ** alpha, 1 / larger(1, t - t0)

    def advance(self, state, *, lr, lambd, alpha, t0):
        # The entries are those of the next step, as in PyTorch.
        state["eta"], state["mu"] = self.eta_and_mu(state["step"], lr, lambd, alpha, t0)

    def update(self, grad, state, param, *, lr, lambd, alpha, t0, weight_decay):
        eta, mu = self.eta_and_mu(state["step"] - 1, lr, lambd, alpha, t0)
        if active(weight_decay):
            grad = grad + weight_decay * param
        step, ax = eta * (grad + lambd * param), state["ax"]
        if active(1 - mu):
            ax += mu * (param - step - ax)
        else:
            np.subtract(param, step, out=ax)
        return step

    def average(self, group, param):
        return self.state[param]["ax"] if self.state.get(param) else None


class Averaging(HasAverage, Wrapper):
    """What EMA and SWA share: an average beside the run, which does not change it."""

    def init_state(self, param):
        return {"n_averaged": 0, "average": param.copy()}

    def weight(self, group, n, data):
        """Return the weight of the next point after n others."""
        raise NotImplementedError

    def is_due(self):
        """Tell whether the point after this step is to be averaged."""
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
    r"""A running mean of the points, :math:`\bar\theta_t = d \, \bar\theta_{t-1} + (1-d) \theta_t`.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the steps.
    decay : float or array, default 0.999
        d. The mean reaches back about 1/(1 - d) steps.

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

    def __init__(self, optimizer, decay=0.999):
        super().__init__(optimizer, decay=decay)
        self.counts = {"steps": 0}

    def weight(self, group, n, data):
        return 1 - self.hyperparameter(group, "decay", data) if n else 1.0


class SWA(Averaging):
    r"""Stochastic weight averaging: the plain mean of points from the late part of a run.

    Run with a learning rate that stays high at the end (`optim.schedule.SWALR`), so that the points differ; their mean
    lies in the middle of the valley whose rim they walk.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the steps.
    swa_start : int, default 0
        The number of steps before the first one that may count.
    swa_freq : int, default 1
        Every how many steps from there a point is taken.

    Notes
    -----
    A mean and variance that batch normalisation has gathered are not those of the averaged network: compute them anew,
    by a pass over the data within `averaged()`.

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

    def __init__(self, optimizer, swa_start=0, swa_freq=1):
        for name, value, least in ("swa_start", swa_start, 0), ("swa_freq", swa_freq, 1):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} is {value!r}; expected an integer of at least {least}")
        super().__init__(optimizer)
        self.swa_start, self.swa_freq, self.counts = swa_start, swa_freq, {"steps": 0}

    def is_due(self):
        since = self.counts["steps"] - self.swa_start
        return since > 0 and since % self.swa_freq == 0

    def weight(self, group, n, data):
        return 1 / (n + 1)


class Lookahead(HasAverage, Wrapper):
    r"""k steps forward, one step back: slow weights follow the fast ones, and the fast ones start again from them.

    .. math::
        \text{every k steps:} \qquad s \leftarrow s + \alpha (\theta - s), \qquad \theta \leftarrow s

    Here the average is part of the run. The inner optimizer may be bolder, because what it gains on average is kept and
    what it swings to and fro is not.

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

    def __init__(self, optimizer, k=5, alpha=0.5):
        super().__init__(optimizer, k=k, alpha=alpha)
        self.counts = {"steps": 0}

    def init_state(self, param):
        return {"slow": param.copy()}

    def step_around(self, closure):
        for group in self.param_groups:
            for param in group["params"]:
                self.state_of(param)  # as it is before the first step
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
    r"""Gradient descent with the average in the place of a schedule.

    .. math::
        y_t = (1 - \beta) z_t + \beta x_t, \qquad
        z_{t+1} = z_t - \gamma_t \, d(y_t), \qquad
        x_{t+1} = (1 - c_{t+1}) \, x_t + c_{t+1} z_{t+1}, \qquad
        c_{t+1} = \frac{w_t}{\sum_{i \le t} w_i}, \quad w_t = t^r \bigl(\max_{i \le t} \gamma_i\bigr)^p

    z makes plain steps, x is the mean of its points, and the gradient (with its decay) is taken between the two, close
    to the mean. A schedule that falls to 0 must know when the run ends; x is at every time as good as such a run that
    ends there. This is not of the form θ - γφ: the parameters hold y, and `averaged()` shows x, which is the result.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 1
        γ; larger than for SGD, and without a schedule.
    momentum : float or array, default 0.9
        β in (0, 1), how close to the mean the gradient is taken.
    weight_decay : float or array, default 0
        λ; adds λy to the gradient.
    warmup_steps : int, default 0
        The steps during which γ rises in a straight line.
    r : float, default 0
        Later points weigh more by this power of t,
    weight_lr_power : float, default 2
        and by this power p of the highest γ until then.
    maximize : bool, default False
        Climb instead.

    Notes
    -----
    The state keeps z; x is found from y and z when it is wanted. Batch normalisation gathers its means at y; see `SWA`.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", 2024, eqs. 2 to 5.

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
    ranges = {"momentum": NOT_NEGATIVE, "warmup_steps": NOT_NEGATIVE,
              "r": NOT_NEGATIVE, "weight_lr_power": FINITE}

    def __init__(self, params, lr=1.0, momentum=0.9, weight_decay=0, warmup_steps=0, r=0.0, weight_lr_power=2.0, *,
                 maximize=False):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, warmup_steps=warmup_steps, r=r,
                         weight_lr_power=weight_lr_power, maximize=maximize)
        check_not_zero("momentum", momentum)

    def init_state(self, param, *, lr, warmup_steps, r, weight_lr_power):
        many = has_array((lr, warmup_steps, r, weight_lr_power))  # runs in one, each of which has its own sums
        zero = np.zeros_like(param) if many else 0.0
        return {"step": 0, "z": param.copy(), "lr_max": zero, "weight_sum": zero}

    def advance(self, state, *, lr, warmup_steps, r, weight_lr_power):
        state["lr_max"] = larger(state["lr_max"], warmed_up(lr, state, warmup_steps))
        state["weight_sum"] = state["weight_sum"] + weight(state, r, weight_lr_power)

    def update(self, grad, state, param, *, lr, momentum, weight_decay, warmup_steps, r, weight_lr_power):
        if active(weight_decay):
            grad = grad + weight_decay * param
        lr, w = warmed_up(lr, state, warmup_steps), weight(state, r, weight_lr_power)
        return averaging_step(grad, state, param, momentum, lr, w)

    def average(self, group, param):
        return mean_of(self.state[param]["z"], param.data, group["momentum"]) if self.state.get(param) else None


class ScheduleFreeAdamW(HasAverage, Optimizer):
    r"""AdamW with the average in the place of a schedule, and in that of Adam's momentum.

    What it changes in `ScheduleFreeSGD` is the direction, :math:`d = g / (\sqrt{\hat v} + \epsilon) + \lambda y` with
    Adam's :math:`\hat v`.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    lr : float or array, default 0.0025
        γ; up to ten times as large as for AdamW.
    betas : pair of floats or arrays, default (0.9, 0.999)
        How close to the mean the gradient is taken, and how much of v stays.
    eps : float or array, default 1e-8
        ε.
    weight_decay : float or array, default 0
        λ.
    warmup_steps : int, default 0
        The steps during which γ rises in a straight line; advisable here.
    r : float, default 0
        See `ScheduleFreeSGD`.
    weight_lr_power : float, default 2
        See `ScheduleFreeSGD`.
    maximize : bool, default False
        Climb instead.

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
    ranges = {"warmup_steps": NOT_NEGATIVE, "r": NOT_NEGATIVE, "weight_lr_power": FINITE}

    def __init__(self, params, lr=0.0025, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, warmup_steps=0, r=0.0,
                 weight_lr_power=2.0, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, warmup_steps=warmup_steps, r=r,
                         weight_lr_power=weight_lr_power, maximize=maximize)
        check_not_zero("betas", betas[0])

    def init_state(self, param, *, lr, warmup_steps, r, weight_lr_power):
        state = ScheduleFreeSGD.init_state(self, param, lr=lr, warmup_steps=warmup_steps, r=r,
                                           weight_lr_power=weight_lr_power)
        return {**state, "exp_avg_sq": np.zeros_like(param)}

    def update(self, grad, state, param, *, lr, betas, eps, weight_decay, warmup_steps, r, weight_lr_power):
        (beta1, beta2), v = betas, state["exp_avg_sq"]
        v *= beta2
        v += (1 - beta2) * grad * grad
        v_hat = v / (1 - beta2 ** state["step"])
        d = grad / (np.sqrt(v_hat) + eps) + weight_decay * param
        lr, w = warmed_up(lr, state, warmup_steps), weight(state, r, weight_lr_power)
        return averaging_step(d, state, param, beta1, lr, w)

    def average(self, group, param):
        return mean_of(self.state[param]["z"], param.data, group["betas"][0]) if self.state.get(param) else None


# The parts of Schedule-Free

def warmed_up(lr, state, warmup_steps):
    """Return γ_t: the learning rate after a rise of so many steps."""
    return lr / larger(1, warmup_steps / state["step"])


def weight(state, r, weight_lr_power):
    """Return w_t, the weight of this step's point in the mean."""
    return state["step"] ** r * state["lr_max"] ** weight_lr_power


def averaging_step(d, state, y, beta, lr, w):
    r"""Move z along d, and return :math:`y_t - y_{t+1}`, given the weight w of the new z in the mean."""
    z, weight_sum = state["z"], state["weight_sum"]
    c = w / (weight_sum + (weight_sum == 0))  # as long as lr is 0, no point counts
    step = c * (y - z) + lr * (1 - beta * (1 - c)) * d
    z -= lr * d
    return step


def mean_of(z, y, beta):
    """Return x, given z and y = (1 - beta) z + beta x."""
    return z + (y - z) / beta


def check_not_zero(name, beta):
    """Refuse beta = 0, at which the mean could not be found again."""
    if not np.all(np.asarray(beta) > 0):
        raise ValueError(f"{name} is {beta!r}; it must be above 0: at 0 the parameters would know nothing of the mean")
