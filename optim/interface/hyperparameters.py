"""What a hyperparameter can be: a number or an array of numbers, in a range.

An array gives every element of the parameter its own value, so that N runs are one: see `Optimizer`. The ranges here
are for names that mean the same everywhere; a class adds ranges for its own hyperparameters in `ranges`.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from .words import described


class Range(NamedTuple):
    """The numbers that a hyperparameter can be: in words, and as a function of an array."""

    words: str
    allows: Callable
    may_be_none: bool = False
    kinds: str = "iuf"  # of NumPy's dtypes
    length: int = 0  # of a tuple of such numbers; 0 for one number, or a list with one for each group


FINITE = Range("finite", np.isfinite)
NOT_NEGATIVE = Range("finite and not negative", lambda x: np.isfinite(x) & (x >= 0))
NOT_POSITIVE = Range("finite and not positive", lambda x: np.isfinite(x) & (x <= 0))
POSITIVE = Range("positive", lambda x: x > 0)
FRACTION = Range("in [0, 1)", lambda x: (x >= 0) & (x < 1))
UP_TO_1 = Range("in [0, 1]", lambda x: (x >= 0) & (x <= 1))
SIZE = Range("not negative", lambda x: x >= 0)  # which may be infinite
BOUND = Range("a number", lambda x: x == x)  # which may be infinite too, but not NaN


def at_least(least):
    """Return the range of the finite numbers that are at least `least`."""
    return Range(f"finite and at least {least}", lambda x: np.isfinite(x) & (x >= least))


def whole(least):
    """Return the range of the integers that are at least `least`."""
    return Range(f"an integer of at least {least}", lambda x: x >= least, kinds="iu")


def optional(allowed):
    """Return a range that includes None, for which the optimizer takes its own value."""
    return allowed._replace(may_be_none=True)


def several(length, allowed):
    """Return the range of tuples of this many numbers."""
    return allowed._replace(length=length)


RANGES = {"lr": NOT_NEGATIVE, "betas": several(2, FRACTION), "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE}


@cache
def ranges_of(rule):
    """Return the ranges of a class of update rules by name: the common ones, those of its bases, and its own."""
    found = dict(RANGES)
    for cls in reversed(rule.__mro__):
        found |= vars(cls).get("ranges", {})
    return found


def check(name, value, allowed):
    """Raise a TypeError or ValueError unless `value`, a number or an array or a pair of them, is in a `Range`."""
    if allowed.length and not (isinstance(value, (tuple, list)) and len(value) == allowed.length):
        raise TypeError(f"{name} is {described(value)}; expected a tuple of {allowed.length} numbers")
    for number in value if isinstance(value, (tuple, list)) else (value,):
        if number is None and allowed.may_be_none:
            continue
        kind = np.asarray(number).dtype.kind
        if isinstance(number, (bool, str)) or kind not in "iuf":
            what = "an integer" if allowed.kinds == "iu" else "a number or an array of numbers"
            raise TypeError(f"{name} is {described(value)}; expected {what}")
        wrong = np.asarray(number)[~allowed.allows(np.asarray(number)) | (kind not in allowed.kinds)]
        if wrong.size:
            place = f" with the value {wrong[0]}" if np.ndim(number) else ""
            raise ValueError(f"{name} is {described(value)}{place}; it must be {allowed.words}")


def check_all(hyperparameters, ranges):
    """Check each hyperparameter for which there is a range."""
    for name, value in hyperparameters.items():
        if name in ranges:
            check(name, value, ranges[name])


def check_choice(name, value, choices):
    """Raise a ValueError unless a value is one of the words that an argument accepts."""
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise ValueError(f"{name} is {described(value)}; expected {' or '.join(map(repr, choices))}")


def check_callable(name, function):
    """Raise a TypeError unless the function that was passed to an optimizer can be called."""
    if not callable(function):
        raise TypeError(f"{name} is {described(function)}; expected a function")


def check_broadcast(name, value, shape):
    """Raise a ValueError unless an array hyperparameter broadcasts against a parameter of this shape."""
    for array in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(array, np.ndarray):
            try:
                fits = np.broadcast_shapes(array.shape, shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"{name} has shape {array.shape}, which does not broadcast against "
                                 f"a parameter of shape {shape}")


def prepared(value, param):
    """Return a hyperparameter as the arithmetic needs it: a Python number, or an array in the parameter's dtype.

    A float64 scalar of NumPy would turn float32 work into float64, and so would a float64 array.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return value.item()
        return value.astype(param.dtype, copy=False) if value.dtype.kind == "f" else value
    if type(value) in (tuple, list):
        return tuple([prepared(item, param) for item in value])
    return value


def active(value):
    """Return whether a hyperparameter differs from 0; for an array, at any element."""
    if isinstance(value, np.ndarray):
        # Look at the last element first: for a map of momenta, `any` would take a twentieth of the time.
        return (value.size and value.item(-1) != 0) or value.any()
    return value != 0
