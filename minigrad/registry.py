"""The table from NumPy's functions to what they do on Tensors; `rules/` fills it, `tensor.py` looks things up in it.

There are four kinds of functions. Some are primitives with derivative rules (`rule`). Some are written in terms of
other functions (`implements`). Some have no useful derivative and return plain arrays (`constant`). Some write into an
array and are refused (`in_place`). A function that is not in the table raises an error that says so.
"""

import inspect
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from .tape import Node, Primitive

TABLE: dict[Callable, Any] = {}
WITHOUT_EFFECT = {"casting", "order", "subok", "copy", "device", "writeable"}  # arguments that change no number
COMPUTE: dict[Callable, Callable] = {}  # for functions with derivatives: what computes the value, from plain arrays


def rule(function, *vjps, run=None):
    """Register the vector-Jacobian products of a NumPy function, one for each positional argument.

    Parameters
    ----------
    function : callable
        The NumPy function, as users name it.
    *vjps : callable or None
        `vjps[i](g, ans, *args, **keywords)` returns what the i-th argument receives when the result `ans` receives `g`;
        None for an argument that has no derivative. It is plain NumPy: the arguments are arrays, or Tensors at higher
        orders. The result can have the broadcast shape and any precision, because the tape sums and casts it.
    run : callable, optional
        Computes the value instead of `function`, because it is faster: Python's own operator, for instance.
    """
    if vjps and isinstance(vjps[0], each):
        vjps = vjps[0]
    COMPUTE[function] = run or function
    TABLE[function] = Primitive(COMPUTE[function], vjps, function.__name__)
    return TABLE[function]


class each:
    """The rules of a primitive with any number of arguments: `each(vjp)[i]` is `vjp(i, g, ans, *args, **keywords)`."""

    def __init__(self, vjp):
        self.vjp = vjp

    def __getitem__(self, position):
        return partial(self.vjp, position)


def implements(*functions, run=None):
    """Decorate a function of Tensors that computes what these NumPy functions do, written in terms of others.

    Where only the value is needed, NumPy's own function computes it, or `run`, if something faster exists.
    """
    def register(composition):
        for function in functions:
            TABLE[function], COMPUTE[function] = composition, run or function
        return composition
    return register


def constant(*functions):
    """Register NumPy functions whose derivative is zero or means nothing: on Tensors they return plain arrays."""
    for function in functions:
        TABLE[function] = partial(on_values, function)


def in_place(*functions):
    """Register NumPy functions that write into an array, which are refused."""
    for function in functions:
        TABLE[function] = partial(refuse, function)


def name_of(function):
    """Return what a function of NumPy is called, as np.exp or np.linalg.norm; for any other, its name and module."""
    name = function.__name__
    if isinstance(owner := getattr(function, "__self__", None), np.ufunc):
        return f"{name_of(owner)}.{name}"
    if getattr(np, name, None) is function:
        return f"np.{name}"
    module = getattr(function, "__module__", None)  # ufuncs of SciPy have none
    return f"{module}.{name}".replace("numpy.", "np.", 1) if module else name


def refuse(function, *args, **keywords):
    """Say what to write instead of a function that would write into an array."""
    raise TypeError(f"{name_of(function)} writes into an array, where no gradient can follow the numbers: "
                    "t.at[index].set(values) and np.broadcast_to(t, shape) return new Tensors")


def on_values(function, *args, **keywords):
    """Call `function` on the arrays inside Tensors, also where lists and tuples hold them."""
    return function(*map(value_of, args), **{name: value_of(arg) for name, arg in keywords.items()})


def value_of(arg):
    """Return the array of a Tensor, the same of each item of a list or tuple, and anything else as it is."""
    if isinstance(arg, Node):
        return arg.value
    if type(arg) in (list, tuple):
        return type(arg)(map(value_of, arg))
    return arg


def copied(x):
    """Return a copy of x as an array: as np.copy, which takes three times as long and lets subclasses take part."""
    return np.array(x) if type(x) in (np.ndarray, float) else np.copy(x)


def call(function, args, keywords):
    """Apply a NumPy function to arguments, some of them Tensors."""
    if function not in TABLE:
        raise TypeError(f"{name_of(function)} has no derivative rule. Apply it to t.data if no gradient has to flow "
                        "through it, or add the rule with minigrad.primitive")
    if len(args) > 2 and (place := place_of_out(function)) < len(args) and args[place] is not None:
        raise TypeError(f"{name_of(function)} got an array to write into, as argument {place}, where no gradient can "
                        "follow the numbers: leave it out")
    if keywords.get("dtype") is not None and np.dtype(keywords["dtype"]).kind not in "fc":
        return on_values(function, *args, **keywords)  # whole numbers have no derivative, as after t.astype(int)
    known = TABLE[function]
    if keywords and (names := accepted(known)) is not None:
        keywords = {name: value for name, value in keywords.items()
                    if value is not np._NoValue and (name in names or name not in WITHOUT_EFFECT)}
        if unknown := keywords.keys() - names:
            raise TypeError(f"{name_of(function)} on Tensors does not take {', '.join(sorted(unknown))}")
    return known(*args, **keywords)


@cache
def place_of_out(function):
    """Return the position at which a NumPy function takes `out`; infinity if it takes none, or has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # functions in C of older NumPys
        return math.inf
    names = [p.name for p in parameters if p.kind < p.VAR_POSITIONAL]
    return names.index("out") if "out" in names and not isinstance(function, np.ufunc) else math.inf


@cache
def accepted(known):
    """Return the names of the arguments that a primitive's rules, or a composition, take; None if it takes any."""
    if not isinstance(known, Primitive):
        parameters = inspect.signature(known).parameters
        return None if any(p.kind == p.VAR_KEYWORD for p in parameters.values()) else parameters.keys()
    vjps = [known.vjps.vjp] if isinstance(known.vjps, each) else known.vjps
    return set().union(*(inspect.signature(vjp).parameters for vjp in vjps if vjp is not None))
