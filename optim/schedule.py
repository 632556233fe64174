r"""Schedules: hyperparameters that change as the run goes on, first of all the learning rate.

The names, the arguments and the values are those of ``torch.optim.lr_scheduler``. Beyond that, every schedule takes
`name="lr"`. So any hyperparameter can be scheduled: "momentum", the first of the "betas" as "betas[0]", or
"scale_by_adam.b1" in a chain. A schedule is one function, the next value from the last one. So you can look at it
without training (`values`), put it in a sequence, and multiply it by others.

    for epoch in range(epochs):
        train(...)          # calls optimizer.step()
        schedule.step()
"""

import copy
import math
import warnings
import weakref
from bisect import bisect_right
from types import FunctionType

import numpy as np

from .interface.annotations import Any, Function, Iterable, Number
from .interface.hyperparameters import (
    FINITE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    UP_TO_1,
    check,
    check_callable,
    check_choice,
    optional,
    whole,
)
from .interface.keywords import KnownKeywords
from .interface.optimizer import Optimizer
from .interface.words import described
from .schedule_state import from_pytorch, to_pytorch

ATTACHED = weakref.WeakSet()  # all schedules in use, so that `explain` can say where a learning rate comes from


class LRScheduler(KnownKeywords):
    """What all schedules share. Your own schedule needs a method `value`. Its `__init__` ends by calling this one.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups hold the values. The value of step 0 is set at once. The value before that is kept in the group as
        "initial_lr" (or `"initial_"` and another name). Most schedules are multiples of it.
    last_epoch : int, default -1
        The number of the last step made. To resume a run, load the state dictionary instead.
    name : str, default "lr"
        The hyperparameter to schedule. If it is a tuple, all its entries, or the one named as in "betas[0]".

    Examples
    --------
    >>> import optim
    >>> class Halving(optim.schedule.LRScheduler):
    ...     def value(self, t, last, base):
    ...         return last / 2 if t else last
    >>> optimizer = optim.SGD([optim.Parameter([1.0])], lr=0.8)
    >>> schedule = Halving(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> optimizer.param_groups[0]["lr"]
    0.4
    >>> schedule.values(4)
    array([0.8, 0.4, 0.2, 0.1])
    """

    functions = ()  # the names of arguments that are functions
    schedulers = ()  # the parts of a composite schedule

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, *, name: str = "lr") -> None:
        check("last_epoch", last_epoch, whole(-1))
        self._attach(optimizer, (name,))
        if last_epoch >= 0 and any("initial_" + key(name) not in group for group in optimizer.param_groups):
            raise KeyError(f"last_epoch is {last_epoch}, but the groups have no {'initial_' + key(name)!r}: "
                           "load the optimizer's state first, or leave last_epoch out")
        self._begin(last_epoch + 1)

    def _attach(self, optimizer, names):
        check_optimizer(optimizer)
        for name in names:
            check_name(optimizer, name)
        self.optimizer = optimizer
        self.base_values = {name: [] for name in names}
        self._optimizer_has_stepped = False
        weak = weakref.ref(self)  # so that a schedule is freed as soon as nobody uses it

        def note_step(stepped, *_):
            schedule = weak()
            if schedule is not None and stepped is schedule.optimizer:  # and not a copy of it
                schedule._optimizer_has_stepped = True
            if schedule is None or stepped is schedule.optimizer:
                handle.remove()

        handle = optimizer.register_step_post_hook(note_step)
        ATTACHED.add(self)

    def _begin(self, t):
        """Set the values of step t: at 0 from what the groups hold, later by going through all steps from the base."""
        self.last_epoch = t
        for i, group in enumerate(self.optimizer.param_groups):
            for name in self.base_values:
                base = self.base(i, name)
                now = self._replayed(t, i, name) if t else self._next(0, read(group, name), base, i, name)
                write(group, name, now)

    # The one function that makes a schedule

    def value(self, t, last, base):
        """Return the value of step t = 0, 1, ...

        Parameters
        ----------
        t : int
            The step.
        last : float
            The value of the step before; at t = 0, the group's value before the schedule was made.
        base : float
            The initial value.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method `value(self, t, last, base)`")

    def value_in(self, i, name, t, last, base):
        """Return the value of `name` in group i; for schedules that treat groups or hyperparameters differently."""
        return self.value(t, last, base)

    def restarted(self, i, name, last, base):
        """Return the value with which the schedule starts if it is a later part of a sequence."""
        return self.value_in(i, name, 0, base, base)

    def _next(self, t, last, base, i, name):
        if isinstance(last, (tuple, list)):
            return tuple([self.value_in(i, name, t, one, its_base) for one, its_base in zip(last, base)])
        return self.value_in(i, name, t, last, base)

    def _replayed(self, t, i, name):
        value = base = self.base(i, name)
        for s in range(t + 1):
            value = self._next(s, value, base, i, name)
        return value

    def base(self, i, name):
        """Return the initial value in group i, which may have been added since the last step."""
        bases = self.base_values[name]
        for group in self.optimizer.param_groups[len(bases):i + 1]:
            group.setdefault("initial_" + key(name), copy.deepcopy(group[key(name)]))
            bases.append(copy.deepcopy(read(group, name, "initial_")))
        return bases[i]

    # A step

    def step(self):
        """Set the values of the next step. Call it after `optimizer.step()`.

        A group that was added after the last call joins in, with its present value as the initial one.
        """
        self._check_order()
        self.last_epoch += 1
        self._set(self.last_epoch)

    def _set(self, t):
        for name, bases in self.base_values.items():
            known = len(bases)
            for i, group in enumerate(self.optimizer.param_groups):
                base = self.base(i, name)
                now = self._next(t, read(group, name), base, i, name) if i < known else self._replayed(t, i, name)
                write(group, name, now)

    def _check_order(self):
        if not self._optimizer_has_stepped and self.last_epoch == 0:
            name, = list(self.base_values)[:1]
            first = read(self.optimizer.param_groups[0], name)
            warnings.warn(f"schedule.step() came before optimizer.step(): no step was made with the first value, "
                          f"{name} = {first}. Call optimizer.step() first, then schedule.step(); to look at a schedule "
                          "without training, use schedule.values(steps)", UserWarning, stacklevel=3)

    def get_last_lr(self) -> list:
        """Return the present value in each group."""
        name = next(iter(self.base_values))
        return [read(group, name) for group in self.optimizer.param_groups]

    def values(self, steps: int, group: int = 0, name: str | None = None) -> np.ndarray:
        """Return the values of the first steps, without changing anything.

        Parameters
        ----------
        steps : int
        group : int, default 0
            The number of a group.
        name : str, optional
            For schedules that move two hyperparameters, which one; by default the first.

        Returns
        -------
        ndarray, shape (steps, ...)
        """
        name = next(iter(self.base_values)) if name is None else name
        value = base = self.base(group, name)
        found = []
        for t in range(steps):
            value = self._next(t, value, base, group, name)
            found.append(value)
        return np.array(found)

    # The state dictionary

    def state_dict(self) -> dict:
        """Return what the schedule needs to resume, in PyTorch's layout if PyTorch has a schedule like it.

        As in PyTorch, functions that you passed are not saved; of other callable objects, the attributes are.
        """
        return to_pytorch(self, self._own_state())

    def _own_state(self):
        """Return the state under the names of the schedule's own attributes."""
        apart = {"optimizer", "schedulers", *self.functions}
        own = {name: copy.deepcopy(entry) for name, entry in vars(self).items()
               if name not in apart and not name.startswith("_")}
        own |= {name: memory(getattr(self, name)) for name in self.functions}
        now = {name: [copy.deepcopy(read(group, name)) for group in self.optimizer.param_groups]
               for name in self.base_values}
        parts = [part._own_state() for part in self.schedulers]
        return {"schedule": type(self).__name__, **own, "now": now, "schedulers": parts}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over what `state_dict` returned, here or in PyTorch, and set the values that the groups had then.

        It does not matter whether the optimizer's state is loaded before or after.
        """
        state = from_pytorch(self, copy.deepcopy(state_dict))
        self._check_state(state)
        self._take_over(state)

    def _check_state(self, state):
        own = self._own_state()
        if not isinstance(state, dict) or state.get("schedule") != own["schedule"]:
            found = state.get("schedule") if isinstance(state, dict) else state
            raise ValueError(f"this is not the state of a {own['schedule']}, but of {found!r}")
        if state.keys() != own.keys() or state["now"].keys() != own["now"].keys():
            raise ValueError(f"the state of {own['schedule']} has the keys {sorted(own)}, for {sorted(own['now'])}; "
                             f"got {sorted(state)} for {sorted(state.get('now', ()))}")
        for name, values in state["now"].items():
            if len(values) != len(own["now"][name]):
                raise ValueError(f"the state holds {len(values)} groups; this optimizer has {len(own['now'][name])}")
        for name in self.functions:
            if not is_like(state[name], own[name]):
                raise ValueError(f"the state was saved with another {name}: give the schedule the functions, or the "
                                 "objects that can be called, that it had")
        if len(state["schedulers"]) != len(self.schedulers):
            raise ValueError(f"the state holds {len(state['schedulers'])} schedules; expected {len(self.schedulers)}")
        for part, saved in zip(self.schedulers, state["schedulers"]):
            part._check_state(saved)

    def _take_over(self, state):
        for part, saved in zip(self.schedulers, state.pop("schedulers")):
            part._take_over(saved)
        for name, values in state.pop("now").items():
            for group, value in zip(self.optimizer.param_groups, values):
                write(group, name, value)
        for name in self.functions:
            remind(getattr(self, name), state.pop(name))
        state.pop("schedule")
        vars(self).update(state)

    def __repr__(self):
        arguments = ", ".join(f"{name}={described(value)}" for name, value in vars(self).items()
                              if name not in {"optimizer", "base_values"} and not name.startswith("_"))
        return f"{type(self).__name__}({arguments})"


# Multiples of the last value or of the first

class LambdaLR(LRScheduler):
    """The initial value times a function of the step.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callables
        Takes the step 0, 1, ... and returns a factor; a list has one function for each group. As in PyTorch, the state
        dictionary does not hold functions; of other callable objects, it holds the attributes.
    last_epoch, name
        See `LRScheduler`.
    """

    functions = ("lr_lambda",)

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1, *, name: str = "lr") -> None:
        for function in lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda]:
            if not callable(function):
                raise TypeError(f"lr_lambda is {lr_lambda!r}; expected a function of the step, or one for each group")
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch, name=name)

    def factor(self, i, t):
        """Return the factor of step t for group i."""
        return one_of("lr_lambda", self.lr_lambda, i)(t)

    def value_in(self, i, name, t, last, base):
        return base * self.factor(i, t)


class MultiplicativeLR(LambdaLR):
    """The last value times a function of the step, from step 1 on.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callables
        Takes the step 1, 2, ... and returns a factor; a list has one function for each group.
    last_epoch, name
        See `LRScheduler`.
    """

    def value_in(self, i, name, t, last, base):
        return last * self.factor(i, t) if t else last

    def restarted(self, i, name, last, base):
        return last * self.factor(i, 0)


class StepLR(LRScheduler):
    """Times `gamma` every `step_size` steps: a staircase.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float, default 0.1
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: Number = 0.1, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("step_size", step_size, whole(1))
        check("gamma", gamma, FINITE)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        return last * self.gamma if t and t % self.step_size == 0 else last


class MultiStepLR(LRScheduler):
    """Times `gamma` at each of the milestones.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        Steps; one that is listed twice counts twice.
    gamma : float, default 0.1
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: Number = 0.1, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("gamma", gamma, FINITE)
        self.milestones, self.gamma = sorted(whole_numbers("milestones", milestones)), gamma
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        return last * self.gamma ** self.milestones.count(t)


class ConstantLR(LRScheduler):
    """Times `factor` during the first `total_iters` steps.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float, default 1/3
        In [0, 1].
    total_iters : int, default 5
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, factor: Number = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("factor", factor, UP_TO_1)
        check("total_iters", total_iters, whole(0))
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        if t == 0:
            return last * self.factor
        if t == self.total_iters:
            return last / self.factor if self.factor else base
        return last


class LinearLR(LRScheduler):
    """From `start_factor` to `end_factor` times the initial value in a straight line: a warm-up, or a cooling.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float, default 1/3
        In (0, 1].
    end_factor : float, default 1
        In [0, 1].
    total_iters : int, default 5
        The number of steps from one to the other.
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, start_factor: Number = 1.0 / 3, end_factor: Number = 1.0,
                 total_iters: int = 5, last_epoch: int = -1, *, name: str = "lr") -> None:
        check("start_factor", start_factor, UP_TO_1)
        check("end_factor", end_factor, UP_TO_1)
        check("total_iters", total_iters, whole(0))
        if start_factor == 0:
            raise ValueError("start_factor is 0; it must be positive, because each value is a multiple of the last one")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        if t == 0:
            return last * self.start_factor
        if t > self.total_iters:
            return last
        rise = self.end_factor - self.start_factor
        return last * (1 + rise / (self.total_iters * self.start_factor + (t - 1) * rise))


class ExponentialLR(LRScheduler):
    """Times `gamma` at every step.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, gamma: Number, last_epoch: int = -1, *, name: str = "lr") -> None:
        check("gamma", gamma, FINITE)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        return last * self.gamma if t else last


class PolynomialLR(LRScheduler):
    r"""Down to 0 along a power of the time that is left: :math:`\gamma_0 (1 - t/T)^p`.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int, default 5
        T.
    power : float, default 1
        p.
    last_epoch, name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: Number = 1.0, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("total_iters", total_iters, whole(0))
        check("power", power, FINITE)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        if t == 0 or t > self.total_iters:
            return last
        return last * ((self.total_iters - t) / (self.total_iters - t + 1)) ** self.power


# Waves

def cosine(start, end, part):
    """Return the value on the half wave of a cosine from `start` to `end`, at a part of the way between 0 and 1."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


class CosineAnnealingLR(LRScheduler):
    r"""Down along half a cosine in `T_max` steps, and up again after them.

    .. math::
        \gamma_t = \gamma_{\min} + \tfrac12 (\gamma_0 - \gamma_{\min}) \left(1 + \cos\frac{\pi t}{T_{\max}}\right)

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
    eta_min : float, default 0
        γ_min.
    last_epoch, name
        See `LRScheduler`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, eq. 5.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: Number = 0.0, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("T_max", T_max, whole(1))
        check("eta_min", eta_min, FINITE)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch, name=name)

    def value(self, t, last, base):
        if t == 0:
            return last
        if (t - 1) % (2 * self.T_max) == self.T_max:  # from the lowest point, where the ratio below is 0 / 0
            return last + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return self.eta_min + (last - self.eta_min) * ratio


class CosineAnnealingWarmRestarts(LRScheduler):
    r"""Half a cosine down, then a jump up and down again, each time `T_mult` times as slowly.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        The steps until the first restart.
    T_mult : int, default 1
        The length of each descent, as a multiple of the one before it.
    eta_min : float, default 0
        The lowest value.
    last_epoch, name
        See `LRScheduler`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, eq. 5.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: Number = 0.0, last_epoch: int = -1, *,
                 name: str = "lr") -> None:
        check("T_0", T_0, whole(1))
        check("T_mult", T_mult, whole(1))
        check("eta_min", eta_min, FINITE)
        check("last_epoch", last_epoch, whole(-1))
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.time = last_epoch + 1
        super().__init__(optimizer, last_epoch, name=name)

    def step(self, epoch: float | None = None):
        """Set the values of the next step, or of any time `epoch`, which may be a fraction: epoch + batch / batches."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"epoch is {epoch}; it must not be negative")
        self._check_order()
        self.time = self.time + 1 if epoch is None else epoch
        self.last_epoch = math.floor(self.time)
        self._set(self.time)

    def since_restart(self, t):
        """Return the time since the last restart, and the time between it and the next one."""
        length, since = self.T_0, t
        if self.T_mult == 1:
            since = t % length
        while since >= length:
            since, length = since - length, length * self.T_mult
        return since, length

    def value(self, t, last, base):
        since, length = self.since_restart(t)
        return cosine(base, self.eta_min, since / length)


class CyclicLR(LRScheduler):
    """Up and down between two bounds in straight lines; the momentum the other way.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        The bounds; a list has one for each group.
    step_size_up : int, default 2000
        The steps from the lower to the upper bound.
    step_size_down : int, optional
        The steps back; by default the same number.
    mode : {"triangular", "triangular2", "exp_range"}
        The height of the triangles stays the same, is halved with every cycle, or is multiplied by `gamma` at every
        step.
    gamma : float, default 1
    scale_fn : callable, optional
        Takes the number of the cycle, from 1, or of the step, and returns the height of the triangle; `mode` is
        ignored.
    scale_mode : {"cycle", "iterations"}
        Which of the two `scale_fn` takes.
    cycle_momentum : bool, default True
        Move the momentum, or the first of the betas, too.
    base_momentum, max_momentum : float or list of float, default 0.8 and 0.9
        Its bounds. It is highest where the learning rate is lowest.
    last_epoch, name
        See `LRScheduler`.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.
    """

    functions = ("scale_fn",)

    def __init__(self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
                 step_size_down: int | None = None, mode: str = "triangular", gamma: Number = 1.0,
                 scale_fn: Function | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
                 base_momentum: Any = 0.8, max_momentum: Any = 0.9, last_epoch: int = -1, *, name: str = "lr") -> None:
        check_optimizer(optimizer)
        if scale_fn is None:
            check_choice("mode", mode, ("triangular", "triangular2", "exp_range"))
        else:
            check_callable("scale_fn", scale_fn)
        check_choice("scale_mode", scale_mode, ("cycle", "iterations"))
        for argument, value in dict(base_lr=base_lr, max_lr=max_lr, gamma=gamma, base_momentum=base_momentum,
                                    max_momentum=max_momentum).items():
            check(argument, value, FINITE)
        check("step_size_up", step_size_up, whole(1))
        check("step_size_down", step_size_down, optional(whole(1)))
        check("last_epoch", last_epoch, whole(-1))
        self.bounds = {name: (base_lr, max_lr)}
        if cycle_momentum:
            self.bounds[momentum_name(optimizer)] = max_momentum, base_momentum
        self.step_size_up = step_size_up
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self._attach(optimizer, tuple(self.bounds))
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                write(group, name, one_of("base_lr", base_lr, i))
        self._begin(last_epoch + 1)

    def height(self, t):
        """Return the height of the triangle that step t is on."""
        cycle = 1 + math.floor(t / (self.step_size_up + self.step_size_down))
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else t)
        return {"triangular": 1, "triangular2": 0.5 ** (cycle - 1), "exp_range": self.gamma**t}[self.mode]

    def value_in(self, i, name, t, last, base):
        start, end = self.bounds[name]
        start, end = one_of("base_lr", start, i), one_of("max_lr", end, i)
        since = t % (self.step_size_up + self.step_size_down)
        going_up = since <= self.step_size_up
        part = since / self.step_size_up if going_up else 1 - (since - self.step_size_up) / self.step_size_down
        return start + (end - start) * part * self.height(t)


class OneCycleLR(LRScheduler):
    """Once up to `max_lr` and down to almost nothing; the momentum the other way.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        The highest value; a list has one for each group.
    total_steps : int, optional
        The length of the cycle.
    epochs, steps_per_epoch : int, optional
        Instead of `total_steps`, which is their product.
    pct_start : float, default 0.3
        The part of the cycle that goes up.
    anneal_strategy : {"cos", "linear"}
        Along half waves of a cosine, or in straight lines.
    cycle_momentum : bool, default True
        Move the momentum, or the first of the betas, too.
    base_momentum, max_momentum : float or list of float, default 0.85 and 0.95
        Its bounds. It is highest where the learning rate is lowest.
    div_factor : float, default 25
        The first value is max_lr / div_factor.
    final_div_factor : float, default 1e4
        The last value is the first one / final_div_factor.
    three_phase : bool, default False
        Come down as steeply as up, to the first value, and from there to the last one.
    last_epoch, name
        See `LRScheduler`.

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
       2018.
    """

    def __init__(self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None, epochs: int | None = None,
                 steps_per_epoch: int | None = None, pct_start: Number = 0.3, anneal_strategy: str = "cos",
                 cycle_momentum: bool = True, base_momentum: Any = 0.85, max_momentum: Any = 0.95,
                 div_factor: Number = 25.0, final_div_factor: Number = 1e4, three_phase: bool = False,
                 last_epoch: int = -1, *, name: str = "lr") -> None:
        check_optimizer(optimizer)
        check("epochs", epochs, optional(whole(1)))
        check("steps_per_epoch", steps_per_epoch, optional(whole(1)))
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("the length of the cycle is missing: give total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        check("total_steps", total_steps, whole(1))
        check("pct_start", pct_start, UP_TO_1)
        check_choice("anneal_strategy", anneal_strategy, ANNEALED)
        for argument, value in dict(max_lr=max_lr, base_momentum=base_momentum, max_momentum=max_momentum).items():
            check(argument, value, FINITE)
        check("div_factor", div_factor, POSITIVE)
        check("final_div_factor", final_div_factor, POSITIVE)
        check("last_epoch", last_epoch, whole(-1))
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.max_lr, self.div_factor, self.final_div_factor = max_lr, div_factor, final_div_factor
        self.momentum = [momentum_name(optimizer) if cycle_momentum else None, base_momentum, max_momentum]
        top = pct_start * total_steps - 1
        self.turns = [0, top, 2 * top, total_steps - 1] if three_phase else [0, top, total_steps - 1]
        self._attach(optimizer, (name, self.momentum[0]) if cycle_momentum else (name,))
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                write(group, name, self.corners(i, name)[0])
                group["initial_" + key(name)] = group[key(name)]
        self._begin(last_epoch + 1)

    def corners(self, i, name):
        """Return the values between which the cycle moves, one for each of `turns`."""
        momentum, low, high = self.momentum
        if name == momentum:
            start = end = one_of("max_momentum", high, i)
            top = one_of("base_momentum", low, i)
        else:
            top = one_of("max_lr", self.max_lr, i)
            start = top / self.div_factor
            end = start / self.final_div_factor
        return [start, top, end] if len(self.turns) == 3 else [start, top, start, end]

    def value_in(self, i, name, t, last, base):
        if t > self.total_steps:
            raise ValueError(f"step {t} is after the end of the cycle of {self.total_steps} steps: make "
                             "total_steps larger")
        corners = self.corners(i, name)
        n = next((n for n in range(1, len(corners)) if t <= self.turns[n]), len(corners) - 1)
        length = self.turns[n] - self.turns[n - 1]
        part = min(1, (t - self.turns[n - 1]) / length) if length else 1
        return ANNEALED[self.anneal_strategy](corners[n - 1], corners[n], part)


def straight(start, end, part):
    """Return the value on the straight line from `start` to `end`, at a part of the way between 0 and 1."""
    return start + (end - start) * part


ANNEALED = {"cos": cosine, "linear": straight}


class SWALR(LRScheduler):
    """From the present value to `swa_lr` in `anneal_epochs` steps, and constant from there: for averaging with `SWA`.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        The final value; a list has one for each group.
    anneal_epochs : int, default 10
    anneal_strategy : {"cos", "linear"}
    last_epoch, name
        See `LRScheduler`.

    References
    ----------
    .. [1] P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018, section 3.
    """

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1, *, name: str = "lr") -> None:
        check_choice("anneal_strategy", anneal_strategy, ANNEALED)
        check("swa_lr", swa_lr, FINITE)
        check("anneal_epochs", anneal_epochs, whole(0))
        self.swa_lr, self.anneal_epochs, self.anneal_strategy = swa_lr, anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch, name=name)

    def part(self, t):
        """Return how much of the way to swa_lr is done at step t, from 0 to 1."""
        return ANNEALED[self.anneal_strategy](0.0, 1.0, min(1, max(0, t) / max(1, self.anneal_epochs)))

    def value_in(self, i, name, t, last, base):
        goal = one_of("swa_lr", self.swa_lr, i)
        before, now = self.part(t - 1), self.part(t if self.anneal_epochs else 1)
        return goal if before == 1 else goal + (last - goal) * (1 - now) / (1 - before)


# Schedules of schedules

class ChainedScheduler(LRScheduler):
    """Several schedules at once: each starts from the value that the one before it has set.

    Parameters
    ----------
    schedulers : list of LRScheduler
        All of one optimizer.
    optimizer : Optimizer, optional
        The optimizer of these schedules.
    """

    def __init__(self, schedulers: Iterable, optimizer: Optimizer | None = None) -> None:
        self.schedulers = list(schedulers)
        optimizer = check_parts(type(self).__name__, self.schedulers, optimizer)
        self._attach(optimizer, tuple(dict.fromkeys(name for part in self.schedulers for name in part.base_values)))
        self.last_epoch = 0
        for i in range(len(optimizer.param_groups)):
            for name in self.base_values:
                self.base(i, name)

    def value_in(self, i, name, t, last, base):
        for part in self.schedulers:
            if name in part.base_values:
                last = part.value_in(i, name, t, last, part.base(i, name))
        return last


class SequentialLR(LRScheduler):
    """One schedule after another.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRScheduler
        All of this optimizer.
    milestones : list of int
        The steps at which the second, the third, ... takes over; each starts at its own step 0.
    last_epoch
        See `LRScheduler`.

    Examples
    --------
    >>> import optim
    >>> from optim.schedule import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = optim.SGD([optim.Parameter([1.0])], lr=1.0)
    >>> parts = [LinearLR(optimizer, start_factor=0.25, total_iters=3), ExponentialLR(optimizer, gamma=0.5)]
    >>> SequentialLR(optimizer, parts, milestones=[3]).values(6)
    array([0.25, 0.5 , 0.75, 1.  , 0.5 , 0.25])
    """

    def __init__(self, optimizer: Optimizer, schedulers: Iterable, milestones: Iterable[int],
                 last_epoch: int = -1) -> None:
        self.schedulers, self.milestones = list(schedulers), whole_numbers("milestones", milestones)
        check_parts(type(self).__name__, self.schedulers, optimizer)
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(f"{len(self.schedulers)} schedules take turns at {len(self.schedulers) - 1} milestones; "
                             f"got the milestones {self.milestones}")
        self._attach(optimizer, tuple(dict.fromkeys(name for part in self.schedulers for name in part.base_values)))
        for group in optimizer.param_groups:  # undo what the parts set when they were made
            for name in self.base_values:
                write(group, name, read(group, name, "initial_"))
        self._begin(last_epoch + 1)

    def value_in(self, i, name, t, last, base):
        index = bisect_right(self.milestones, t)
        part, start = self.schedulers[index], self.milestones[index - 1] if index else 0
        if name not in part.base_values:
            return last
        base = part.base(i, name)
        if index and t == start:
            return part.restarted(i, name, last, base)
        return part.value_in(i, name, t - start, last, base)


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` whenever a measured number has stopped improving.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether the number should become small or large.
    factor : float, default 0.1
        Below 1.
    patience : int, default 10
        How many steps without an improvement are allowed.
    threshold : float, default 1e-4
        Smaller improvements do not count.
    threshold_mode : {"rel", "abs"}
        Whether the threshold is relative to the best number, or absolute.
    cooldown : int, default 0
        How many steps after each reduction are not counted.
    min_lr : float or list of float, default 0
        The lowest value; a list has one for each group.
    eps : float, default 1e-8
        A reduction that is not larger than this is left out.
    name
        See `LRScheduler`.
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: Number = 0.1, patience: int = 10,
                 threshold: Number = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: Any = 0,
                 eps: Number = 1e-8, *, name: str = "lr") -> None:
        check_choice("mode", mode, ("min", "max"))
        check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
        check("factor", factor, FRACTION)
        check("patience", patience, whole(0))
        check("cooldown", cooldown, whole(0))
        for argument, value in dict(threshold=threshold, min_lr=min_lr, eps=eps).items():
            check(argument, value, NOT_NEGATIVE)
        self._attach(optimizer, (name,))
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.min_lr, self.eps = threshold, threshold_mode, min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: Any):
        """Note the number that was measured last, and lower the values if it has stopped improving."""
        self.last_epoch += 1
        name, = self.base_values
        if self._is_due(float(metrics)):
            for i, group in enumerate(self.optimizer.param_groups):
                write(group, name, self.value_in(i, name, self.last_epoch, read(group, name), None))

    def _is_due(self, metric):
        if self.is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs <= self.patience:
            return False
        self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        return True

    def is_better(self, metric):
        """Return whether a number is better than the best one by more than the threshold."""
        threshold = -self.threshold if self.mode == "min" else self.threshold
        bar = self.best * (1 + threshold) if self.threshold_mode == "rel" else self.best + threshold
        return metric < bar if self.mode == "min" else metric > bar

    def value_in(self, i, name, t, last, base):
        lowered = np.maximum(last * self.factor, one_of("min_lr", self.min_lr, i))
        lowered = np.where(last - lowered > self.eps, lowered, last)
        return lowered if lowered.ndim else lowered.item()

    def values(self, metrics: Any, group: int = 0) -> np.ndarray:
        """Return the values that a sequence of measured numbers would lead to, without changing anything."""
        name, = self.base_values
        trial, value, found = copy.copy(self), read(self.optimizer.param_groups[group], name), []
        for t, metric in enumerate(metrics):
            if trial._is_due(float(metric)):
                value = self.value_in(group, name, t, value, None)
            found.append(value)
        return np.array(found)


# Common compositions

def warmup(optimizer, steps, name):
    """Return a straight rise whose step t is (t + 1) / (steps + 1) of the way, so that no step is wasted at 0."""
    check("warmup_steps", steps, whole(1))
    return LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps, name=name)


def warmup_cosine(optimizer: Optimizer, warmup_steps: int, total_steps: int, eta_min: Number = 0.0, *,
                  name: str = "lr") -> SequentialLR:
    """Return a schedule: up in a straight line, then down along half a cosine.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate is the highest.
    warmup_steps : int
    total_steps : int
        Warm-up included.
    eta_min : float, default 0
        The value at `total_steps`.
    name : str, default "lr"

    Returns
    -------
    SequentialLR

    Examples
    --------
    >>> import optim
    >>> optimizer = optim.SGD([optim.Parameter([1.0])], lr=1.0)
    >>> optim.schedule.warmup_cosine(optimizer, warmup_steps=3, total_steps=7).values(8).round(2)
    array([0.25, 0.5 , 0.75, 1.  , 0.85, 0.5 , 0.15, 0.  ])
    """
    check("total_steps", total_steps, whole(1))
    check("warmup_steps", warmup_steps, whole(1))
    if total_steps <= warmup_steps:
        raise ValueError(f"total_steps is {total_steps}; it must be more than warmup_steps, {warmup_steps}")
    parts = [warmup(optimizer, warmup_steps, name),
             CosineAnnealingLR(optimizer, T_max=total_steps - warmup_steps, eta_min=eta_min, name=name)]
    return SequentialLR(optimizer, parts, milestones=[warmup_steps])


def warmup_stable_decay(optimizer: Optimizer, warmup_steps: int, stable_steps: int, decay_steps: int,
                        final_factor: Number = 0.0, *, name: str = "lr") -> SequentialLR:
    """Return a schedule: up in a straight line, level, and down in a straight line.

    Because it is level for most of the run, you can decide later to make the run longer [1]_.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate is the highest.
    warmup_steps, stable_steps, decay_steps : int
    final_factor : float, default 0
        The value at the end, as a part of the highest one.
    name : str, default "lr"

    Returns
    -------
    SequentialLR

    References
    ----------
    .. [1] S. Hu et al., "MiniCPM: unveiling the potential of small language models with scalable training strategies",
       2024, section 4.

    Examples
    --------
    >>> import optim
    >>> optimizer = optim.SGD([optim.Parameter([1.0])], lr=1.0)
    >>> optim.schedule.warmup_stable_decay(optimizer, 1, 2, 4).values(8)
    array([0.5 , 1.  , 1.  , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    for argument, steps in dict(warmup_steps=warmup_steps, stable_steps=stable_steps, decay_steps=decay_steps).items():
        check(argument, steps, whole(0 if argument == "stable_steps" else 1))
    check("final_factor", final_factor, UP_TO_1)
    parts = [warmup(optimizer, warmup_steps, name), ConstantLR(optimizer, factor=1.0, name=name),
             LinearLR(optimizer, start_factor=1.0, end_factor=final_factor, total_iters=decay_steps, name=name)]
    return SequentialLR(optimizer, parts, milestones=[warmup_steps, warmup_steps + stable_steps])


def inverse_sqrt(optimizer: Optimizer, warmup_steps: int, *, name: str = "lr") -> SequentialLR:
    r"""Return a schedule: up in a straight line, then down as :math:`\gamma_0 \sqrt{T / t}` from t = T on.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate is the highest, γ_0.
    warmup_steps : int
        T.
    name : str, default "lr"

    Returns
    -------
    SequentialLR

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", 2017, eq. 3.

    Examples
    --------
    >>> import optim
    >>> optimizer = optim.SGD([optim.Parameter([1.0])], lr=1.0)
    >>> optim.schedule.inverse_sqrt(optimizer, warmup_steps=4).values(17)[[0, 4, 16]]
    array([0.2, 1. , 0.5])
    """
    check("warmup_steps", warmup_steps, whole(1))
    decay = LambdaLR(optimizer, lambda t: math.sqrt(warmup_steps / (warmup_steps + t)), name=name)
    return SequentialLR(optimizer, [warmup(optimizer, warmup_steps, name), decay], milestones=[warmup_steps])


# Hyperparameters by name, and arguments that may be one for each group

def key(name):
    """Return the group's key for a name such as "lr" or "betas[0]"."""
    return name.partition("[")[0]


def read(group, name, prefix=""):
    """Return a hyperparameter, or one entry of it where the name has an index."""
    entry, index = group[prefix + key(name)], name.partition("[")[2]
    return entry[int(index[:-1])] if index else entry


def write(group, name, value):
    """Set a hyperparameter, or one entry of it."""
    if index := name.partition("[")[2]:
        entries = list(group[key(name)])
        entries[int(index[:-1])] = value
        value = tuple(entries)
    group[key(name)] = value


def check_name(optimizer, name):
    """Raise an error unless the name is one of a hyperparameter that can be scheduled."""
    for group in optimizer.param_groups:
        try:
            found = is_number(read(group, name)) and ("[" in name) == name.endswith("]")
        except (KeyError, IndexError, TypeError, ValueError):
            found = False
        if not found:
            known = [name for name, entry in group.items() if is_number(entry)]
            raise ValueError(f"{name!r} cannot be scheduled; the numbers in this optimizer's groups are {known}")


def is_number(entry):
    """Return whether a hyperparameter is a number, an array, or a tuple of them."""
    if isinstance(entry, (tuple, list)):
        return all(is_number(one) for one in entry)
    return isinstance(entry, (int, float, np.number, np.ndarray)) and not isinstance(entry, bool)


def momentum_name(optimizer):
    """Return the name of this optimizer's momentum."""
    for candidate, name in ("betas", "betas[0]"), ("momentum", "momentum"):
        if candidate in getattr(optimizer, "defaults", ()):
            return name
    raise ValueError(f"{type(optimizer).__name__} has neither momentum nor betas to move the other way: write "
                     "cycle_momentum=False")


def one_of(argument, values, i):
    """Return the value for group i of an argument that may be a list with a value for each group."""
    if not isinstance(values, (list, tuple)):
        return values
    if i >= len(values):
        raise ValueError(f"{argument} has values for {len(values)} groups; the optimizer has more: give one for each")
    return values[i]


def memory(function):
    """Return a copy of the attributes of a callable object; None for a function, and a list for a list of them."""
    if isinstance(function, (list, tuple)):
        return [memory(one) for one in function]
    is_object = hasattr(function, "__dict__") and not isinstance(function, FunctionType)
    return copy.deepcopy(vars(function)) if is_object else None


def remind(function, saved):
    """Give a callable object the attributes that `memory` has returned."""
    if isinstance(saved, list):
        for one, its in zip(function, saved):
            remind(one, its)
    elif saved is not None:
        vars(function).update(saved)


def is_like(saved, own):
    """Return whether two results of `memory` are of callables of the same kinds."""
    if isinstance(saved, list) and isinstance(own, list):
        return len(saved) == len(own) and all(map(is_like, saved, own))
    return type(saved) is type(own)


def check_optimizer(optimizer):
    """Raise a TypeError unless this is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {described(optimizer)}; expected an Optimizer")


def whole_numbers(argument, values):
    """Return steps as a list; raise an error unless all are steps."""
    try:
        values = list(values)
    except TypeError:
        raise TypeError(f"{argument} is {described(values)}; expected a list of steps") from None
    check(argument, values, whole(0))
    return values


def check_parts(kind, schedulers, optimizer):
    """Return the optimizer of schedules; raise an error if they cannot be combined."""
    if not schedulers:
        raise ValueError(f"{kind} needs at least one schedule; got none")
    for part in schedulers:
        if not isinstance(part, LRScheduler):
            raise TypeError(f"{part!r} is not a schedule")
        if isinstance(part, ReduceLROnPlateau):
            raise ValueError(f"{kind} cannot hold ReduceLROnPlateau, whose step needs a measured number")
        optimizer = part.optimizer if optimizer is None else optimizer
        if part.optimizer is not optimizer:
            raise ValueError(f"the schedules of {kind} must all belong to one optimizer; {part!r} belongs to another")
    return optimizer
