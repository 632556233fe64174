"""Your own primitive: a function of arrays with its derivative rules, in a few lines and for every order.

This adds checks to `tape.Primitive`: results become arrays, and an error names the rule that returned a wrong shape.
"""

from collections.abc import Callable, Sequence
from functools import update_wrapper, wraps
from inspect import Parameter, signature
from typing import Any

import numpy as np

from .registry import TABLE
from .structure import shape_of
from .tape import Node, Primitive


def primitive(function: Callable[..., Any] | None = None, *rules: Callable[..., Any] | None,
              vjps: Sequence[Callable[..., Any] | None] | None = None) -> Callable[..., Any]:
    """Return a function with derivative rules: it turns arrays into arrays, and Tensors into a Tensor with a history.

    Parameters
    ----------
    function : callable
        A function of arrays, in NumPy or anything else. A NumPy function, or a ufunc of any package
        (`scipy.special.gammaln`), takes Tensors under its own name from then on. Leave it out in a decorator with
        `vjps`.
    *rules : callable or None
        One for each positional argument: `rule(g, ans, *args, **keywords)` returns the product of g, the gradient of
        the result `ans`, with the Jacobian, in the shape of the argument (or a shape that this one broadcasts to, which
        is then summed); None for an argument without a derivative. It is written in NumPy's functions and in
        primitives: at higher orders it gets Tensors, and is differentiated itself.
    vjps : sequence of callable, optional
        The same rules, for use as a decorator.

    Returns
    -------
    callable
        The primitive, with the function's name.

    Raises
    ------
    TypeError
        If rules are missing.
    ValueError
        In the backward pass, if a rule returns a shape that its argument does not broadcast to.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> @minigrad.primitive(vjps=[lambda g, ans, x: g / (1 + np.exp(-x))])
    ... def softplus(x):
    ...     return np.logaddexp(x, 0)
    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    >>> minigrad.gradcheck(softplus, np.array([-1.0, 0.0, 3.0]), order=3)
    True

    The same without a decorator:

    >>> area = minigrad.primitive(lambda a, b: a * b, lambda g, ans, a, b: g * b, lambda g, ans, a, b: g * a)
    >>> minigrad.grad(area, argnums=(0, 1))(2.0, 3.0)
    (array(3.), array(2.))
    """
    if function is None:
        return lambda function: primitive(function, vjps=vjps)
    rules = rules or tuple(vjps or ())
    if not callable(function) or not rules or not all(rule is None or callable(rule) for rule in rules):
        raise TypeError("primitive takes a function and a rule (or None) for each of its arguments: write minigrad."
                        "primitive(np.sin, lambda g, ans, x: g * np.cos(x)), or @minigrad.primitive(vjps=[...])")
    for rule in filter(None, rules):
        if not takes_three(rule):
            raise TypeError("a derivative rule is called as rule(g, ans, x, ...), where g is the gradient of the "
                            f"result ans of function(x, ...); got a rule of {signature(rule)}")
    own = OwnPrimitive(function, rules)
    if isinstance(function, np.ufunc) or hasattr(function, "_implementation"):
        TABLE[function] = own
    return own


def takes_three(rule):
    """Return whether a function can be called with three or more arguments, as far as is known."""
    try:
        kinds = [p.kind for p in signature(rule).parameters.values()]
    except ValueError:  # a function in C may have no signature
        return True
    return Parameter.VAR_POSITIONAL in kinds or sum([kind <= Parameter.POSITIONAL_OR_KEYWORD for kind in kinds]) >= 3


class OwnPrimitive(Primitive):
    """A primitive that checks what the reader's function and rules return."""

    def __init__(self, function, rules):
        name = function.__name__
        vjps = tuple([rule and checked(rule, name, position) for position, rule in enumerate(rules)])
        super().__init__(lambda *args, **keywords: as_result(function(*args, **keywords), name), vjps, name)
        update_wrapper(self, function)

    def __call__(self, *args, **keywords):
        for position, arg in enumerate(args):
            if position >= len(self.vjps) and isinstance(arg, Node) and arg.requires_grad:
                raise TypeError(f"{self.name} has {len(self.vjps)} derivative rules, and argument {position} is a "
                                "Tensor that requires a gradient: give minigrad.primitive a rule for it too, or None")
        return super().__call__(*args, **keywords)


def as_result(value, name):
    """Return what a function returned as an array, a NumPy scalar, or a tuple of them."""
    if isinstance(value, (tuple, list)):
        return tuple([as_result(item, name) for item in value])
    array = np.asarray(value)
    if array.dtype.kind not in "fcbiu":
        raise TypeError(f"{name} must return numbers; it returned {value!r}")
    return array[()]


def checked(rule, name, position):
    """Return the rule with a check that what it returns fits its argument."""
    @wraps(rule)
    def vjp(g, ans, *args, **keywords):
        product = rule(g, ans, *args, **keywords)
        if not isinstance(product, Node):
            product = as_result(product, f"rule {position} of {name}")
        given, expected = shape_of(product), shape_of(args[position])
        if len(given) < len(expected) or any(m not in (1, n) for m, n in zip(expected[::-1], given[::-1])):
            raise ValueError(f"rule {position} of {name} returned shape {given} for an argument of shape {expected}: "
                             f"it must return g, of shape {shape_of(g)}, times the Jacobian, in the argument's shape")
        return product
    return vjp
