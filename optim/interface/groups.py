"""What an optimizer moves: parameters, and groups of them with the hyperparameters they share.

A parameter is anything with an array `.data` and an array or None as `.grad`.
"""

from collections import UserDict

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .annotations import ArrayLike
from .hyperparameters import check, check_broadcast
from .words import described

# Entries that schedules add to a group, besides "initial_lr", "initial_momentum", and so on.
SCHEDULED = {"max_lr", "min_lr", "base_lr", "max_momentum", "base_momentum", "swa_lr", "lr_scale"}


class Parameter:
    """The simplest parameter: numbers, and a gradient that you set.

    Parameters
    ----------
    data : array_like
        Real numbers. Copied; float32 and float64 keep their precision, integers become float64.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0, -2.0])
    >>> optimizer = optim.SGD([p], lr=0.1)
    >>> p.grad = 2 * p.data
    >>> optimizer.step()
    >>> p.data
    array([ 0.8, -1.6])
    """

    __slots__ = ("data", "grad")
    __array_ufunc__ = None  # `p -= ...` is an error and does not make a new array; `p.data -= ...` is meant

    def __init__(self, data: ArrayLike) -> None:
        self.data = np.array(data)
        if self.data.dtype.kind not in "biuf":
            raise TypeError(f"data is {described(data)}; expected real numbers")
        if self.data.dtype.kind != "f":
            self.data = self.data.astype(float)
        self.grad = None

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self):
        return f"Parameter({np.array2string(self.data, separator=', ', threshold=20, prefix='Parameter(')})"


class ParamGroup(UserDict):
    """A group's parameters and hyperparameters: a dictionary that refuses values that do not fit."""

    def __init__(self, optimizer, params, hyperparameters):
        self.optimizer_name, self.known = type(optimizer).__name__, frozenset(optimizer.defaults)
        self.ranges = optimizer.all_ranges()
        self.ready = {}  # hyperparameters prepared for arithmetic, by dtype, until one is set
        super().__init__({"params": params, **hyperparameters})

    def __missing__(self, name):
        raise KeyError(f"{self.optimizer_name} has no hyperparameter {name!r}; choose from "
                       f"{', '.join(sorted(self.known))}")

    def __setitem__(self, name, value):
        known = name in self.known or name.removeprefix("initial_") in self.known
        if not known and name not in SCHEDULED and name != "params":
            raise ValueError(f"{self.optimizer_name} does not know the hyperparameter {name!r}; "
                             f"it knows {sorted(self.known)}")
        if name in self.ranges:
            check(name, value, self.ranges[name])
        for param in self.data.get("params", ()):
            check_broadcast(name, value, param.data.shape)
        self.data[name] = value
        self.ready.clear()

    def __delitem__(self, name):
        if name in self.known or name == "params":
            raise ValueError(f"{self.optimizer_name} needs {name!r} in each of its groups")
        del self.data[name]


def is_parameter(value):
    """Return whether a value has `.data` and `.grad`.

    The class is asked first: reading `.grad` from a result of operations on Tensors would warn that it has none.
    """
    return hasattr(value, "data") and (hasattr(type(value), "grad") or hasattr(value, "grad"))


def as_list(params, name="params"):
    """Return the parameters of a group, one or several, as a list."""
    if is_parameter(params):
        return [params]
    try:
        return list(params)
    except TypeError:
        raise TypeError(f"{name} is {described(params)}; expected parameters, one or several") from None


def as_groups(params):
    """Return what was given as `params` as a list of group dictionaries."""
    if is_parameter(params):
        raise TypeError("params is a single parameter; expected an iterable of parameters: write [parameter]")
    if hasattr(params, "parameters") or (callable(params) and getattr(params, "__name__", "") == "parameters"):
        raise TypeError("params is a model or its method; expected its parameters: write model.parameters()")
    try:
        params = list(params)
    except TypeError:
        raise TypeError(f"params is {described(params)}; expected an iterable of parameters or of group "
                        "dictionaries") from None
    if not params:
        raise ValueError("params is empty: there is nothing to optimize (a generator may have been used up)")
    if any(isinstance(item, dict) for item in params):
        return params
    return [{"params": params}]


def as_defaults(defaults, kind):
    """Return the hyperparameters that were given as one dictionary, as in PyTorch; an empty one for None."""
    if defaults is None:
        return {}
    if not isinstance(defaults, dict):
        raise TypeError(f"{kind.__name__} passes super().__init__ {defaults!r} after params; expected its "
                        "hyperparameters, as in super().__init__(params, lr=lr) or super().__init__(params, "
                        "dict(lr=lr))")
    return defaults


def check_parameter(param):
    """Raise an error unless this is a parameter: it has a floating array `.data`, and `.grad`."""
    if not is_parameter(param) or isinstance(param, np.ndarray):
        raise TypeError(f"params holds {described(param)}, which is not a parameter: that has an array .data and an "
                        "array or None as .grad, like minigrad.Tensor(..., requires_grad=True) or optim.Parameter(...)")
    if not isinstance(param.data, np.ndarray) or param.data.dtype.kind != "f":
        raise TypeError(f"a parameter's .data is a {type(param.data).__name__} of dtype "
                        f"{getattr(param.data, 'dtype', None)}; expected an ndarray of floats")
    if not param.data.flags.writeable:
        raise ValueError(f"a parameter of shape {param.data.shape} is read-only and could not be moved: make it from a "
                         "copy, array.copy()")
    if getattr(param, "requires_grad", True) is False:
        raise ValueError(f"a parameter of shape {param.data.shape} does not require a gradient and would never move: "
                         "create it with requires_grad=True")
    if getattr(param, "is_leaf", True) is False:
        raise ValueError(f"params holds a result of operations, of shape {param.data.shape}, which gets no .grad and "
                         "would never move: give the Tensors that it was computed from")


def check_apart(params):
    """Raise an error if parameters share memory: a step along one gradient would also move the other one."""
    arrays = sorted([(*byte_bounds(param.data), i) for i, param in enumerate(params) if param.data.size])
    before = []  # those that end after the beginning of the next one
    for low, high, i in arrays:
        before = [(end, j) for end, j in before if end > low]
        for _, j in before:
            if share_memory(params[i].data, params[j].data):
                raise ValueError(f"two parameters, of shapes {params[j].data.shape} and {params[i].data.shape}, share "
                                 "memory: each would be moved twice a step. Give each its own array, array.copy()")
        before.append((high, i))


def share_memory(x, y):
    """Return whether two arrays share an element; False if that would take long to find out."""
    try:
        return np.shares_memory(x, y, max_work=10_000)
    except np.exceptions.TooHardError:
        return False
