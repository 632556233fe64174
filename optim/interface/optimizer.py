"""The interface: an `UpdateRule` says how a gradient becomes an update, an `Optimizer` applies it to parameters.

The rule is the paper's formula and nothing else, theta <- theta - lr * phi(g, s): `init_state` returns the state s_0,
and `update` returns phi. Everything else that a training loop needs is here, once for all optimizers: parameter groups,
the checks, `step` and `zero_grad`, hooks, and the state dictionary.
"""

from collections import defaultdict
from copy import deepcopy

import numpy as np

from .annotations import Any, Function, Params, any_signature
from .groups import ParamGroup, as_defaults, as_groups, as_list, check_apart, check_parameter
from .hooks import HookHandle, with_closure, with_hooks
from .hyperparameters import check_all, prepared, ranges_of
from .keywords import KnownKeywords
from .lost_state import watch
from .pieces import has_array, in_pieces, join_new
from .shared_parameters import describe_shared_parameters
from .signatures import (
    HANDED,
    advise,
    check_in_place,
    check_phi,
    check_requests,
    check_signature,
    check_state,
    hyperparameter_names,
    misspelt,
)
from .words import listed

PIECE = 96 * 1024  # numbers; a step on a million of them is twice to three times as fast in pieces as whole
DEVICE_FLAGS = {"foreach", "fused", "capturable", "differentiable"}  # PyTorch's choice of a kernel, dropped on loading


class UpdateRule(KnownKeywords):
    """What a named optimizer and a link of a chain share: phi(g, s).

    Each method gets those of the group's hyperparameters that its signature names after the `*`. A number arrives as a
    Python number, an array in the parameter's dtype.
    """

    machinery = ()  # marks a class that rules share: explanations show only its lines that move parameters
    elementwise = True  # phi of a piece is that piece of phi, so `update` may get pieces; False: whole arrays
    overflows = False  # True: it would make NaN of a gradient whose square overflows, so `step` refuses it
    ranges = {}  # ranges of hyperparameters, by name, where they differ from `hyperparameters.RANGES`
    returns_step = False  # True: `update` returns the whole step, and lr is 1 in theta <- theta - lr * phi

    def all_ranges(self):
        """Return the range of each hyperparameter that has one, by name."""
        return ranges_of(type(self))

    @any_signature
    def init_state(self, param):
        """Return s_0: a dictionary of arrays like `param`, numbers, and None. An entry `step` is counted for you."""
        return {}

    @any_signature
    def advance(self, state):
        """Advance the numbers of the state. This is called once a step, before any piece is updated."""

    @any_signature
    def update(self, grad, state, param):
        """Return phi(g, s). The state's arrays are changed in place; an entry that is None may be set to one."""
        advice = misspelt(type(self), UpdateRule)
        raise NotImplementedError(f"{type(self).__name__} needs a method `update(self, grad, state, param, *, ...)`"
                                  f"{': ' * bool(advice)}{advice}")


def check_square(rule, grad):
    """Raise a FloatingPointError if sums of a gradient's squares can overflow; infinities and NaN pass."""
    largest = np.max(np.abs(grad), initial=0)
    if float(np.finfo(grad.dtype).max) ** 0.4 < largest < np.inf:
        raise FloatingPointError(f"a gradient holds numbers as large as {largest:.3g}, whose squares overflow "
                                 f"{grad.dtype}, and {rule.__name__} would turn them into NaN: clip the gradients, or "
                                 "start from another point")


class Optimizer(UpdateRule):
    """Applies an update rule to groups of parameters. Subclass it with `__init__`, `init_state` and `update`.

    Parameters
    ----------
    params : iterable
        Parameters, or dictionaries such as {"params": [...], "lr": 0.01}: groups with their own hyperparameters.
    defaults : dict, optional
        The hyperparameters of groups that do not set their own, as in PyTorch.
    **hyperparameters
        The same, by name. Numbers, or arrays that broadcast against the parameter: with `lr` of shape (N,) and a
        parameter of shape (2, N), one optimizer makes N independent runs.

    Attributes
    ----------
    param_groups : list of dict
        The one place where hyperparameters live: change them here between steps.
    state : dict
        The state of each parameter, made when its first gradient arrives.
    defaults : dict

    Examples
    --------
    >>> import numpy as np, optim
    >>> class SignDescent(optim.Optimizer):
    ...     def __init__(self, params, lr=0.01):
    ...         super().__init__(params, lr=lr)
    ...     def update(self, grad, state, param):
    ...         return np.sign(grad)
    >>> p = optim.Parameter([1.0, -2.0])
    >>> p.grad = p.data
    >>> SignDescent([p], lr=0.5).step()
    >>> p.data
    array([ 0.5, -1.5])

    The same as for PyTorch, with its own `step`:

    >>> class SignDescent(optim.Optimizer):
    ...     def __init__(self, params, lr=0.01):
    ...         super().__init__(params, dict(lr=lr))
    ...     def step(self, closure=None):
    ...         loss = None if closure is None else closure()
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 if p.grad is not None:
    ...                     p.data -= group["lr"] * np.sign(p.grad)
    ...         return loss
    >>> SignDescent([p], lr=0.5).step()
    >>> p.data
    array([ 0., -1.])
    """

    machinery = ()

    def __init__(self, params: Params, defaults: dict | None = None, **hyperparameters: Any) -> None:
        given = {**as_defaults(defaults, type(self)), **hyperparameters}
        self.defaults: dict[str, Any] = dict(given)
        if not self.steps_itself():
            self.defaults.setdefault("maximize", False)
        for method in HANDED:
            check_signature(type(self), method)
        check_requests(type(self), self._asked_for() - {"maximize"}, given)
        check_all(self.defaults, self.all_ranges())
        self.param_groups: list[Any] = []
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self._before_step, self._after_step = {}, {}
        for group in as_groups(params):
            self.add_param_group(group)

    def steps_itself(self):
        """Return whether the class has its own `step` and no `update`, like optimizers for PyTorch."""
        cls, rule = type(self), ("init_state", "update", "move", "move_all")
        return cls.step is not Optimizer.step and all(getattr(cls, name) is getattr(Optimizer, name) for name in rule)

    def _asked_for(self):
        """Return the names of the hyperparameters that a step needs: `lr`, and those that the methods name."""
        if self.steps_itself():
            return set()
        asked = {name for method in HANDED for name in hyperparameter_names(getattr(type(self), method))}
        return asked if self.returns_step else asked | {"lr"}

    # Groups

    def add_param_group(self, group: dict) -> None:
        """Add a group: a dictionary with "params" and, where they differ from the defaults, hyperparameters.

        Raises
        ------
        TypeError, ValueError
            If the group holds something that is not a parameter, a parameter that is read-only, one that is already
            there or shares memory with another, or a hyperparameter that is unknown or out of range. Then nothing is
            added.
        """
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'a parameter group is a dictionary with the key "params"; got {group!r}')
        params = as_list(group["params"])
        others = [param for other in self.param_groups for param in other["params"]]
        taken = {id(param) for param in others}
        for param in params:
            check_parameter(param)
            if id(param) in taken:
                raise ValueError(f"the same parameter, of shape {param.data.shape}, is given twice: "
                                 "it would be moved twice a step")
            taken.add(id(param))
        check_apart([*others, *params])
        entries = {**deepcopy(self.defaults), **{name: value for name, value in group.items() if name != "params"}}
        self.param_groups.append(ParamGroup(self, params, entries))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear all gradients: set them to None, or fill them with zeros."""
        try:
            groups = self.param_groups
        except AttributeError as error:
            advise(error)
            raise
        for group in groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad[...] = 0

    # A step

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        describe_shared_parameters(cls)
        if not getattr(cls.step, "calls_hooks", False):
            cls.step = with_hooks(with_closure(cls.step))

    @with_hooks
    def step(self, closure=None):
        """Move every parameter that has a gradient: theta <- theta - lr * phi(g, s).

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and the gradients, and returns the loss, which `step` returns.

        Raises
        ------
        TypeError, ValueError
            If a gradient's shape or dtype is not its parameter's. Then no parameter has been moved.

        Notes
        -----
        An error can come from outside while parameters are moved, such as Ctrl-C. Then parameters that have moved have
        the state of this step, and the others have that of the step before. For the one in between, all or part of
        its state may be one step ahead. To go on as if nothing had happened, load the last checkpoint.
        """
        loss = None if closure is None else closure()
        self.move_all([(group, param, self.checked_gradient(param, group))
                       for group in self.param_groups for param in group.data["params"] if param.grad is not None])
        return loss

    def checked_gradient(self, param, group):
        """Return the gradient to descend along; refuse one that does not fit its parameter."""
        grad, data = param.grad, param.data
        if not isinstance(grad, (np.ndarray, np.floating)):  # NumPy turns results from 0-d arrays into numbers
            raise TypeError(f"the gradient of a parameter of shape {data.shape} is {grad!r}; "
                            "expected an ndarray or None")
        if grad.shape != data.shape or grad.dtype != data.dtype:
            raise ValueError(f"a gradient has shape {grad.shape} and dtype {grad.dtype}; "
                             f"its parameter has shape {data.shape} and dtype {data.dtype}")
        if self.overflows:
            check_square(type(self), grad)
        return -grad if group.data.get("maximize") else grad

    def move_all(self, work):
        """Move all of `work`, a list of (group, param, gradient). Rules that need all gradients at once start here."""
        for group, param, grad in work:
            self.move(group, param, grad)

    def move(self, group, param, grad):
        """Advance the state of one parameter and move it, in pieces where that is allowed and faster."""
        data = param.data
        lr, hyper, advancing = group.ready.get(data.dtype) or self._prepare(group, data)
        state = self.advanced_state(group, param, advancing)
        if self.elementwise and data.size > PIECE:
            self._move_in_pieces(data, grad, state, (lr, hyper))
            return
        self.descend(data, lr, self.update(grad, state, data, **hyper))

    def descend(self, theta, lr, phi):
        """Move a parameter, or a piece of one: the line that this whole package is about."""
        if getattr(phi, "shape", None) != theta.shape:
            check_phi(self, phi, theta)
        theta -= lr * phi

    def advanced_state(self, group, param, hyper):
        """Return the state of one parameter, made if new, with its step counted and its numbers advanced."""
        state = self.state.get(param)
        if not state:
            state = self.first_state(group, param)
        if "step" in state:
            state["step"] += 1
        if hyper is not None:
            self.advance(state, **hyper)
        return state

    def first_state(self, group, param):
        """Make the state of a parameter that has none, or only the empty one that `self.state[param]` makes."""
        state = self.init_state(param.data, **self.chosen(self.init_state, group, param.data))
        check_state(self, state)
        self.state[param] = state
        watch(self, group, param)
        return state

    def rules(self):
        """Return the rules that a step applies, by the names under which the state holds their parts."""
        return {None: self}

    def states(self):
        """Return the states that have been made, by parameter."""
        return {param: state for param, state in self.state.items() if state}

    def _prepare(self, group, data):
        """Return lr and the hyperparameters of `update` and of `advance`, or None instead if a step need not call that.

        They are kept until one is set, except arrays, which may be changed in place. A number lr becomes an array
        without axes: NumPy multiplies a small array by it in half the time that it takes for a Python number.
        """
        lr = np.asarray(1 if self.returns_step else group["lr"], data.dtype)
        advances = type(self).advance is not UpdateRule.advance
        ready = lr, self.chosen(self.update, group, data), self.chosen(self.advance, group, data) if advances else None
        if not has_array(ready):
            group.ready[data.dtype] = ready
        return ready

    def _move_in_pieces(self, data, grad, state, settings):
        """Do what `move` does, piece by piece of the parameter, its gradient, and its state."""
        parts = []
        for theta, g, part, (lr, hyper) in in_pieces(PIECE, data, grad, state, settings):
            phi = self.update(g, part, theta, **hyper)
            if not parts:
                check_in_place(self, state, part)
            self.descend(theta, lr, phi)
            parts.append(part)
        join_new(state, parts, data.shape)

    @staticmethod
    def chosen(method, group, data):
        """Return the hyperparameters that a method's signature names, ready for arithmetic with `data`."""
        return {name: prepared(group[name], data) for name in hyperparameter_names(method.__func__)}

    # Hooks

    def register_step_pre_hook(self, hook: Function) -> HookHandle:
        """Call hook(optimizer, args, kwargs) before every step; returns a handle with `remove()`."""
        return HookHandle(self._before_step, hook)

    def register_step_post_hook(self, hook: Function) -> HookHandle:
        """Call hook(optimizer, args, kwargs) after every step; returns a handle with `remove()`."""
        return HookHandle(self._after_step, hook)

    # The state dictionary

    def state_dict(self) -> dict:
        """Return a copy of everything that a run needs to resume.

        The layout is PyTorch's, {"state": {0: {...}, ...}, "param_groups": [{..., "params": [0, ...]}]}: parameters are
        numbered in the order of the groups. An optimizer with its own `step` also saves the "shapes" of its
        parameters, since only it knows which shapes its state has.
        """
        params = [param for group in self.param_groups for param in group["params"]]
        number = {id(param): i for i, param in enumerate(params)}
        groups = [{**{name: deepcopy(value) for name, value in group.items() if name != "params"},
                   "params": [number[id(param)] for param in group["params"]]} for group in self.param_groups]
        saved = {"state": {i: deepcopy(self.state[param]) for i, param in enumerate(params) if self.state.get(param)},
                 "param_groups": groups}
        return {**saved, "shapes": [param.data.shape for param in params]} if self.steps_itself() else saved

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over a copy of what `state_dict` returned, here or in PyTorch's optimizer of the same name.

        Raises
        ------
        ValueError
            If the dictionary is from another optimizer, or the groups, the names or a shape do not fit. Then nothing
            changes.
        """
        self._check_keys(state_dict)
        pairs = zip_same("param_groups", self.param_groups, state_dict["param_groups"])
        groups = [self._loaded_group(own, saved) for own, saved in pairs]
        numbered = {i: param for own, saved in pairs for param, i in zip_same("params", own["params"], saved["params"])}
        if strangers := state_dict["state"].keys() - numbered.keys():
            raise ValueError(f"the dictionary has state for parameters {sorted(strangers)}, which no group has")
        group_of = {id(param): group for group in groups for param in group["params"]}
        state = {numbered[i]: self._loaded_state(i, numbered[i].data, group_of[id(numbered[i])], saved)
                 for i, saved in state_dict["state"].items()}
        self.param_groups[:] = groups
        self.state.clear()
        self.state.update(state)

    def _check_keys(self, state_dict):
        """Raise a ValueError if a state dictionary is not laid out as this optimizer's own."""
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError('a state dictionary has the keys "state" and "param_groups"')
        others = state_dict.keys() - {"state", "param_groups"}
        if self.steps_itself() and "shapes" in others:
            others.remove("shapes")
            shapes = [param.data.shape for group in self.param_groups for param in group["params"]]
            for i, (shape, saved) in enumerate(zip_same("params", shapes, state_dict["shapes"])):
                if tuple(saved) != shape:
                    raise ValueError(f"state of parameter {i} is for a parameter of shape {tuple(saved)}; "
                                     f"expected {shape}")
        if others:
            raise ValueError(f"this is not the state of {type(self).__name__} alone: it also has {sorted(others)}")

    def _loaded_group(self, own, saved):
        """Return a group with the saved hyperparameters and our parameters."""
        group = {name: deepcopy(value) for name, value in saved.items() if name not in DEVICE_FLAGS | {"params"}}
        if "maximize" in self.defaults:
            group.setdefault("maximize", False)  # PyTorch's Muon and LBFGS have none
        if missing := self.defaults.keys() - group.keys():
            raise ValueError(f"this is not the state of {type(self).__name__}: its groups lack {sorted(missing)}")
        return ParamGroup(self, own["params"], group)

    def _loaded_state(self, number, data, group, saved):
        """Return a copy of one parameter's state, checked against the state that this optimizer would start with."""
        if self.steps_itself():
            return copied(saved)
        fresh = self.init_state(data, **self.chosen(self.init_state, group, data))
        return fitted(f"state of parameter {number}", fresh, saved, data)

    def __repr__(self):
        return f"{type(self).__name__}({counted(self)}, {listed(hyperparameters_of(self))})"


def counted(optimizer):
    """Return in words how many parameters an optimizer has, and in how many groups."""
    groups = optimizer.param_groups
    count = sum(len(group["params"]) for group in groups)
    return f"{count} parameter{'s' * (count != 1)}" + f" in {len(groups)} groups" * (len(groups) > 1)


def hyperparameters_of(optimizer):
    """Return the values that each hyperparameter has in the groups, by its name."""
    names = dict.fromkeys(name for group in optimizer.param_groups for name in group if name != "params")
    return {name: [group[name] for group in optimizer.param_groups if name in group] for name in names}


# Loading a state dictionary

def zip_same(name, own, saved):
    """Pair two lists, which must have the same length."""
    if len(own) != len(saved):
        raise ValueError(f"the dictionary has {len(saved)} {name} where this optimizer has {len(own)}")
    return list(zip(own, saved))


def copied(saved):
    """Return a copy of a state, with tensors of PyTorch as arrays."""
    if isinstance(saved, dict):
        return {name: copied(entry) for name, entry in saved.items()}
    return np.array(np.asarray(saved)) if hasattr(saved, "__array__") else deepcopy(saved)


def fitted(where, fresh, saved, data):
    """Return a copy of `saved`, with the types of `fresh`; raise an error for other shapes and names."""
    if isinstance(fresh, dict):
        if not isinstance(saved, dict) or fresh.keys() != saved.keys():
            found = sorted(saved) if isinstance(saved, dict) else saved
            raise ValueError(f"{where} has {found}; this optimizer keeps {sorted(fresh)}")
        return {name: fitted(f"{where}, {name!r}", entry, saved[name], data) for name, entry in fresh.items()}
    if saved is None or isinstance(saved, str):
        return saved
    if isinstance(fresh, np.ndarray) or fresh is None:
        shape, dtype = (data.shape, data.dtype) if fresh is None else (fresh.shape, fresh.dtype)
        if np.shape(saved) != shape:
            raise ValueError(f"{where} has shape {np.shape(saved)}; expected {shape}")
        return np.array(np.asarray(saved), dtype)  # in two steps, because tensors of PyTorch know no copy=True
    return type(fresh)(saved)
