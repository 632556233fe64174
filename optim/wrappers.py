"""Optimizers around an optimizer: each adds one thing to the optimizer inside.

A wrapper uses the groups of the inner optimizer, and puts its own hyperparameters into them under its name, as
"SAM.rho". It has its own state, and its state dictionary contains the inner one, so that a run resumes bit for bit.
Wrappers can be wrapped again.
"""

from collections import defaultdict
from copy import deepcopy

import numpy as np

from .clipping import global_norm, gradients
from .interface.annotations import Any, Number
from .interface.hyperparameters import NOT_NEGATIVE, check, check_all, optional, prepared, ranges_of, whole
from .interface.optimizer import Optimizer, fitted
from .interface.words import described


class Wrapper(Optimizer):
    """What all wrappers share. Your own wrapper has a `step_around`, and an `init_state` if it keeps something.

    Parameters
    ----------
    optimizer : Optimizer
        The inner one. From now on call `step` on the wrapper, not on the inner optimizer.
    **hyperparameters
        They join the inner optimizer's groups and defaults as "Name.hyperparameter".

    Attributes
    ----------
    optimizer : Optimizer
        The inner one.
    param_groups : list of dict
        Those of the inner optimizer.
    state : dict
        What the wrapper itself keeps for each parameter.
    counts : dict
        Numbers that it also keeps.

    Examples
    --------
    Every gradient is remembered for the next step:

    >>> import optim
    >>> class Late(optim.Wrapper):
    ...     def init_state(self, param):
    ...         return {"last": 0 * param}
    ...     def step_around(self, closure):
    ...         for _, param in self.with_gradients():
    ...             state = self.state_of(param)
    ...             param.grad, state["last"] = state["last"], param.grad
    ...         return self.optimizer.step()
    >>> p = optim.Parameter([1.0])
    >>> optimizer = Late(optim.SGD([p], lr=0.1))
    >>> for _ in range(2):
    ...     p.grad = 2 * p.data
    ...     optimizer.step()
    ...     print(p.data)
    [1.]
    [0.8]
    """

    machinery = ()

    elementwise = False  # it has no `update` of its own

    def __init__(self, optimizer: Optimizer, **hyperparameters: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {described(optimizer)}; {type(self).__name__} is wrapped around an "
                            "Optimizer")
        own = {self._full(name): value for name, value in hyperparameters.items()}
        ranges = {self._full(name): allowed for name, allowed in ranges_of(type(self)).items()}
        check_all(own, ranges)
        if own.keys() & optimizer.defaults.keys():
            raise ValueError(f"the optimizer is wrapped in {type(self).__name__} already")
        self.optimizer = optimizer
        self.counts: dict[str, int] = {}
        self.defaults, self.param_groups, self.state = optimizer.defaults, optimizer.param_groups, defaultdict(dict)
        self._before_step, self._after_step = {}, {}
        self.defaults.update(own)
        for group in self.param_groups:
            group.known, group.ranges = group.known.union(own), group.ranges | ranges
            group.update(deepcopy(own))

    def _full(self, name):
        return f"{type(self).__name__}.{name}"

    def hyperparameter(self, group, name, data):
        """Return one of the wrapper's own hyperparameters, ready for arithmetic with `data`."""
        return prepared(group[self._full(name)], data)

    def with_gradients(self):
        """Return the pairs (group, parameter) that have a gradient."""
        return [(group, param) for group in self.param_groups for param in group["params"] if param.grad is not None]

    def state_of(self, param):
        """Return the wrapper's state of a parameter, made if it is new."""
        if not self.state.get(param):
            self.state[param] = self.init_state(param.data)
        return self.state[param]

    def steps_itself(self):
        """The step is the inner optimizer's, which loads its own state."""
        return False

    def add_param_group(self, group: dict) -> None:
        """Add a group to the inner optimizer; see `Optimizer.add_param_group`."""
        self.optimizer.add_param_group(group)

    def step(self, closure=None):
        """Make one step of the wrapper, which contains the inner optimizer's; return the loss from closure()."""
        return self.step_around(closure)

    def step_around(self, closure):
        """Do what the wrapper does in a step, and return the loss; `self.optimizer.step` is called from here."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `step_around(self, closure)`")

    def state_dict(self) -> dict:
        """Return the inner optimizer's state dictionary, with the wrapper's own state under the wrapper's name."""
        params = [param for group in self.param_groups for param in group["params"]]
        state = {i: deepcopy(self.state[param]) for i, param in enumerate(params) if self.state.get(param)}
        return {**self.optimizer.state_dict(), type(self).__name__: {"state": state, **self.counts}}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over a copy of what `state_dict` returned; if anything does not fit, nothing changes."""
        name, params = type(self).__name__, [param for group in self.param_groups for param in group["params"]]
        own = state_dict.get(name) if isinstance(state_dict, dict) else None
        if not isinstance(own, dict) or own.keys() != {"state", *self.counts}:
            raise ValueError(f"this is not the state of an optimizer wrapped in {name}: it has no valid entry {name!r}")
        if strangers := own["state"].keys() - set(range(len(params))):
            raise ValueError(f"{name} has state for parameters {sorted(strangers)}, which are not in this optimizer")
        state = {}
        for i, saved in own["state"].items():
            data = params[i].data
            state[params[i]] = fitted(f"{name}'s state of parameter {i}", self.init_state(data), saved, data)
        self.optimizer.load_state_dict({key: entry for key, entry in state_dict.items() if key != name})
        self.state.clear()
        self.state.update(state)
        self.counts.update({key: type(value)(own[key]) for key, value in self.counts.items()})

    def __repr__(self):
        return f"{type(self).__name__}({self.optimizer!r})"


class GradientAccumulation(Wrapper):
    """Make one step of the inner optimizer with the mean of several gradients.

    This is as if the batch were `every` times as large, with the memory of a small one.

    Parameters
    ----------
    optimizer : Optimizer
    every : int
        How many gradients make a step; other calls of `step` do not move anything. Call `zero_grad` after each call.

    Notes
    -----
    Where a parameter has no gradient in a call, its gradient counts as 0. An interrupt may lose the gradients of one
    call, or count them twice; the next step is right again. Without this wrapper, call `zero_grad` only every few
    batches and divide each loss by their number: that does the same.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0])
    >>> optimizer = optim.GradientAccumulation(optim.SGD([p], lr=0.1), every=2)
    >>> for g in (2.0, 4.0):
    ...     p.grad = np.array([g])
    ...     optimizer.step()
    ...     print(p.data)
    [1.]
    [0.7]
    """

    def __init__(self, optimizer: Optimizer, every: int) -> None:
        check("every", every, whole(1))
        super().__init__(optimizer)
        self.every, self.counts = every, {"waiting": 0}

    def init_state(self, param):
        return {"sum": np.zeros_like(param)}

    def step_around(self, closure):
        loss = None if closure is None else closure()
        for group, param in self.with_gradients():
            self.optimizer.checked_gradient(param, group)
        if self.counts["waiting"] == 0:
            self.state.clear()  # sums that an interrupted step has left
        sums = {param: {"sum": self.state_of(param)["sum"] + param.grad} for _, param in self.with_gradients()}
        self.state.update(sums)
        self.counts["waiting"] += 1
        if self.counts["waiting"] >= self.every:
            for param, state in self.states().items():
                param.grad = state["sum"] / self.counts["waiting"]
            self.counts["waiting"] = 0
            self.state.clear()
            self.optimizer.step(None if closure is None else lambda: loss)
        return loss


class ApplyIfFinite(Wrapper):
    """Leave out every step whose gradients are not all finite, and count them.

    Such a step changes no parameter, and neither the state nor the step count of the inner optimizer.

    Parameters
    ----------
    optimizer : Optimizer
    max_consecutive_errors : int, optional
        After this many such steps in a row, the next one raises an error. By default, none does. (optax lets the next
        one through.)

    Attributes
    ----------
    counts : dict
        "total_notfinite", and "notfinite_count", the number in a row until now.

    Raises
    ------
    FloatingPointError
        From `step`, if there have been too many in a row.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0])
    >>> optimizer = optim.ApplyIfFinite(optim.Adam([p]))
    >>> p.grad = np.array([np.nan])
    >>> optimizer.step()
    >>> p.data, optimizer.counts["total_notfinite"]
    (array([1.]), 1)
    """

    def __init__(self, optimizer: Optimizer, max_consecutive_errors: int | None = None) -> None:
        check("max_consecutive_errors", max_consecutive_errors, optional(whole(0)))
        super().__init__(optimizer)
        self.max_consecutive_errors = max_consecutive_errors
        self.counts = {"notfinite_count": 0, "total_notfinite": 0}

    def step_around(self, closure):
        loss = None if closure is None else closure()
        if all(np.isfinite(array).all() for array in gradients(param for _, param in self.with_gradients())):
            self.counts["notfinite_count"] = 0
            self.optimizer.step(None if closure is None else known_at_first(loss, closure))
            return loss
        self.counts["notfinite_count"] += 1
        self.counts["total_notfinite"] += 1
        most = self.max_consecutive_errors
        if most is not None and self.counts["notfinite_count"] > most:
            raise FloatingPointError(f"{self.counts['notfinite_count']} steps in a row had gradients that are not "
                                     "finite: the learning rate may be too high, or the data bad")
        return loss


def known_at_first(loss, closure):
    """Return a closure that knows its first answer already, for optimizers that call it more than once."""
    answers = iter([loss])

    def again():
        for answer in answers:
            return answer
        return closure()

    return again


class SAM(Wrapper):
    r"""Sharpness-aware minimisation: step by the gradient at the worst point nearby.

    .. math::
        \hat\epsilon = \rho \, \frac{g(\theta)}{\|g(\theta)\|}, \qquad
        \theta \leftarrow \theta - \gamma \, \phi\bigl(g(\theta + \hat\epsilon)\bigr)

    A sharp minimum has a large gradient close by, a flat one does not. So the method finds flat minima, which often
    generalise better. Each step costs two gradients. The norm is taken over all parameters.

    Parameters
    ----------
    optimizer : Optimizer
        Makes the step, such as SGD with momentum.
    rho : float, default 0.05
        ρ, the distance within which the worst point is searched.
    adaptive : bool, default False
        ASAM [2]_: measure distance relative to each weight, :math:`\hat\epsilon = \rho \, \theta^2 g / \|\theta g\|`,
        so that rescaling the layers of a network changes nothing. ρ is then larger, 0.5 to 2.

    Notes
    -----
    `step` needs a closure that computes the loss and the gradients; it returns the loss at θ. (The paper's ASAM adds
    0.01 to \|θ\| for weights near 0; here, as in the usual form, nothing is added.)

    References
    ----------
    .. [1] P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-aware minimization for efficiently improving
       generalization", 2021, Algorithm 1.
    .. [2] J. Kwon, J. Kim, H. Park, I. K. Choi, "ASAM: adaptive sharpness-aware minimization for scale-invariant
       learning of deep neural networks", 2021, Algorithm 1.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0])
    >>> def closure():
    ...     p.grad = 2 * p.data
    ...     return float(p.data[0] ** 2)
    >>> optimizer = optim.SAM(optim.SGD([p], lr=0.1), rho=0.5)
    >>> optimizer.step(closure), p.data
    (1.0, array([0.7]))
    """

    ranges = {"rho": NOT_NEGATIVE}

    def __init__(self, optimizer: Optimizer, rho: Number = 0.05, adaptive: bool = False) -> None:
        super().__init__(optimizer, rho=rho)
        self.adaptive = adaptive

    def step_around(self, closure):
        if closure is None:
            raise TypeError("SAM needs the gradient at two points: write optimizer.step(closure), where closure() "
                            "computes the loss and the gradients")
        loss = closure()
        before = [(param, param.data.copy()) for _, param in self.with_gradients()]
        try:
            self._climb()
            closure()
        finally:
            for param, data in before:
                param.data[...] = data
        self.optimizer.step(known_at_first(loss, closure))
        return loss

    def _climb(self):
        """Move every parameter to the worst point nearby."""
        work = []
        for group, param in self.with_gradients():
            grad = self.optimizer.checked_gradient(param, group)
            work.append((group, param.data, np.abs(param.data) * grad if self.adaptive else grad))
        norm = global_norm([grad for _, _, grad in work]) + 1e-12
        for group, data, grad in work:
            factor = self.hyperparameter(group, "rho", data) / norm
            data += factor * (np.abs(data) * grad if self.adaptive else grad)
