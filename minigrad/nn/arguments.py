"""Checks of arguments: each returns the argument, ready for use, or says in words what it got and what it expected."""

import math
from numbers import Real

import numpy as np

from ..rules.products import operand
from ..tape import Node


def whole(value, name, least=0):
    """Return a whole number of at least `least`: a size, or how often something happens."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, such as {max(least, 2)}; got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
    return int(value)


def wholes(value, count, name, least=0):
    """Return a whole number, or `count` of them, as a tuple of that length."""
    values = (value,) * count if is_whole(value) else value
    of = {1: "or a tuple of one", 2: "or two of them, for rows and columns"}[count]
    if not isinstance(values, (tuple, list)) or not all(map(is_whole, values)):
        raise TypeError(f"{name} must be a whole number, such as {max(least, 2)}, {of}; got {value!r}")
    if len(values) != count or min(values) < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, {of}; got {value!r}")
    return tuple(map(int, values))


def is_whole(value):
    """Tell whether a value is an integer; True and False do not count."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def number(value, name, least=-math.inf, most=math.inf):
    """Return a number within bounds."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; got {value!r}")
    if not least <= value <= most:
        bounds = [f"at least {least}"] * (least > -math.inf) + [f"at most {most}"] * (most < math.inf)
        raise ValueError(f"{name} must be a number{' of ' if bounds else ''}{' and '.join(bounds)}; got {value!r}")
    return value


def positive(value, name):
    """Return a number above 0."""
    if not number(value, name) > 0:
        raise ValueError(f"{name} must be a number above 0; got {value!r}")
    return value


def probability(value, name):
    """Return a number from 0 to 1."""
    return number(value, name, 0, 1)


def numbers(value, name):
    """Return a Tensor, or an array, of numbers."""
    try:
        array = operand(value)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "fiubc":
        raise TypeError(f"{name} must hold numbers, as an array or a Tensor; got {value!r}")
    return array


def axis_of(value, array, name):
    """Return an axis of an array, counted from the front."""
    if not is_whole(value):
        raise TypeError(f"{name} must be an axis, a whole number; got {value!r}")
    if not -array.ndim <= value < array.ndim:
        raise ValueError(f"{name} must be an axis of the input, from {-array.ndim} to {array.ndim - 1}; got {value!r}")
    return int(value) % array.ndim


def one_of(value, choices, name):
    """Return one of several words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return value


def tensor(value, name):
    """Return a Tensor, to be filled."""
    if not isinstance(value, Node):
        raise TypeError(f"{name} must be a Tensor, such as nn.Parameter(np.zeros((3, 2))); got {value!r}")
    return value


def generator_of(value):
    """Return a generator of random numbers, or None."""
    if value is not None and not isinstance(value, np.random.Generator):
        raise TypeError(f"generator must be a np.random.Generator, such as np.random.default_rng(0); got {value!r}")
    return value
