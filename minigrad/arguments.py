"""Checked arguments: an annotation says what an argument must be, to readers, to type checkers and at run time.

To a type checker `p: Probability` is a float, and help() shows it as one. It also carries a check, which raises an
error that names the argument and what it got. `check` applies the checks to the arguments of a call. A function that is
`checked` does so only after it has failed, so calls that work cost nothing.
"""

import math
from collections.abc import Callable
from functools import wraps
from inspect import signature
from numbers import Real
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np

from .hints import instead
from .registry import value_of
from .rules.products import operand
from .tape import Node

if TYPE_CHECKING:
    from typing import Annotated

    from numpy.typing import ArrayLike, DTypeLike

    from .tensor import Tensor  # noqa: F401  (named in quotes below)
else:
    class Annotated:
        """A type with its checks. help() shows the type alone, where that of `typing` shows everything."""

        def __init__(self, text, *checks):
            self.text, self.checks = text, checks

        def __class_getitem__(cls, content):
            kind, *checks = content
            return cls(text_of(kind), *checks)

        def __or__(self, other):
            return Annotated(f"{self} | {text_of(other)}")

        def __repr__(self):
            return self.text

    ArrayLike, DTypeLike = Annotated("array_like"), Annotated("dtype_like")  # numpy.typing takes milliseconds to load

Function = TypeVar("Function", bound=Callable[..., Any])


def check(sign, arguments):
    """Raise an error for the first argument that is not what its annotation says."""
    for name, value in arguments.items():
        p = sign.parameters[name]
        values = value if p.kind == p.VAR_POSITIONAL else [value]
        for test in getattr(p.annotation, "checks", ()):
            for item in values:
                test(item, name)


def checked(function: Function, run: Any = None) -> Function:
    """Return the function, or `run` under its name, with a clear error if it fails because of an argument."""
    sign, run = signature(function), run or function

    @wraps(function)
    def call(*args, **keywords):
        try:
            return run(*args, **keywords)
        except Exception:
            wrong = complaint(sign, args, keywords, function.__name__)
            if wrong is None:
                raise
        raise wrong
    return call  # type: ignore[return-value]


def complaint(sign, args, keywords, name):
    """Return the error for a keyword that is not known, or the one that `check` raises for a call, or None."""
    try:
        arguments = sign.bind(*args, **keywords).arguments
    except TypeError:
        return unknown_keyword(sign, keywords, name)  # None for too many or too few arguments: Python says which
    try:
        check(sign, arguments)
    except (TypeError, ValueError) as error:
        return error
    return None


def unknown_keyword(sign, keywords, function):
    """Return the error for the first keyword that a function, given by its name, does not take, or None."""
    parameters = sign.parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    for word in keywords:
        if word not in names and not any(p.kind == p.VAR_KEYWORD for p in parameters):
            return TypeError(f"{function} got an unexpected keyword argument {word!r}{instead(word, names)} "
                             f"(it takes {', '.join(names) or 'none'})")
    return None


# The checks. Each returns the argument, ready for use.

def shown(value):
    """Return a value as an error message shows it: arrays by their shape."""
    if isinstance(value, (Node, np.ndarray)) and np.ndim(value_of(value)):
        return f"{'a Tensor' if isinstance(value, Node) else 'an array'} of shape {value.shape}, dtype {value.dtype}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..., of type {type(value).__name__}"


def whole(value, name, least=0):
    """Return a whole number of at least `least`: a size, or how often something happens."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, such as {max(least, 2)}; got {shown(value)}")
    if value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
    return int(value)


def wholes(value, name, count, least=0):
    """Return a whole number, or `count` of them, as a tuple of that length."""
    values = (value,) * count if is_whole(value) else value
    of = {1: "or a tuple of one", 2: "or two of them, for rows and columns"}[count]
    if not isinstance(values, (tuple, list)) or not all(map(is_whole, values)):
        raise TypeError(f"{name} must be a whole number, such as {max(least, 2)}, {of}; got {shown(value)}")
    if len(values) != count or min(values) < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, {of}; got {value!r}")
    return tuple(map(int, values))


def is_whole(value):
    """Return whether a value is an integer; True and False do not count."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def axis(value, name):
    """Return an axis."""
    if not is_whole(value):
        raise TypeError(f"{name} must be an axis, a whole number; got {shown(value)}")
    return value


def axes(value, name):
    """Return an axis, several, or None for all."""
    if value is not None and not is_whole(value) and not (isinstance(value, tuple) and all(map(is_whole, value))):
        raise TypeError(f"{name} must be an axis, a tuple of axes, or None; got {shown(value)}")
    return value


def number(value, name, least=-math.inf, most=math.inf):
    """Return a number within bounds."""
    if not isinstance(value, Real) and not (isinstance(value, (np.ndarray, Node)) and not np.ndim(value_of(value))
                                            and value.dtype.kind in "fiu"):
        raise TypeError(f"{name} must be a number; got {shown(value)}")
    if not least <= value <= most:
        bounds = [f"at least {least}"] * (least > -math.inf) + [f"at most {most}"] * (most < math.inf)
        raise ValueError(f"{name} must be a number{' of ' if bounds else ''}{' and '.join(bounds)}; got {value!r}")
    return value


def positive(value, name):
    """Return a number above 0."""
    if not number(value, name, 0) > 0:
        raise ValueError(f"{name} must be a number above 0; got {value!r}")
    return value


def array(value, name):
    """Return a Tensor, or an array, of numbers."""
    try:
        x = operand(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} must hold numbers, the same count in each row; got {shown(value)}") from None
    if x.dtype.kind not in "fiubc":
        raise TypeError(f"{name} must hold numbers, as an array or a Tensor; got {shown(value)}")
    return x


def shaped(value, name, shape):
    """Return an array of a given shape, None if it is None."""
    if value is not None and array(value, name).shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {shown(value)}")
    return value


def one_of(choices, value, name):
    """Return one of several words."""
    if not isinstance(value, str) or value not in choices:
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{name} must be one of {', '.join(map(repr, choices))}; got {shown(value)}")
    return value


def tensor_to_fill(value, name):
    """Return a Tensor of floats."""
    if not isinstance(value, Node) or value.dtype.kind != "f":
        raise TypeError(f"{name} must be a Tensor of floats, such as nn.Parameter([[1.0, 2.0]]); got {shown(value)}")
    return value


def floating(value, name):
    """Return a dtype of floats."""
    try:
        kind = np.dtype(value).kind if value is not None else None
    except Exception:
        kind = None
    if kind != "f":
        raise TypeError(f"{name} must be a dtype of floats, np.float32 or np.float64; got {shown(value)}")
    return value


def padding(value, name, count):
    """Return numbers, or one of the two words for them."""
    return one_of(("valid", "same"), value, name) if isinstance(value, str) else wholes(value, name, count)


def shape(value, name):
    """Return a length, or several, as a tuple."""
    lengths = (value,) if is_whole(value) else value
    if not isinstance(lengths, (tuple, list)) or not all(map(is_whole, lengths)):
        raise TypeError(f"{name} must be a whole number or a tuple of them, such as (3, 4); got {shown(value)}")
    if not lengths or min(lengths) < 1:
        raise ValueError(f"{name} must be one or several whole numbers of at least 1; got {value!r}")
    return tuple(lengths)


def flag(value, name):
    """Return True or False; 1, 0 and None will do."""
    if value is not None and not (isinstance(value, (bool, np.bool_, int, np.integer)) and value in (0, 1)):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def generator_or_none(value, name):
    """Return a generator of random numbers, or None."""
    if value is not None and not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a np.random.Generator, such as np.random.default_rng(0); got {shown(value)}")
    return value


# The checks as types

def text_of(kind):
    """Return a type as the documentation of NumPy writes it."""
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(text_of, get_args(kind)))
    if get_origin(kind) is Literal:
        return " | ".join(map(repr, get_args(kind)))
    if kind in (None, NoneType):
        return "None"
    return kind if isinstance(kind, str) else kind.__name__ if kind in (bool, int, float, str) else repr(kind)


class Must:
    """A check in an annotation: `test(value, name, **bounds)` raises an error if the value is not what it must be."""

    def __init__(self, test, or_none=False, **bounds):
        self.test, self.or_none, self.bounds = test, or_none, bounds

    def __call__(self, value, name):
        return value if value is None and self.or_none else self.test(value, name, **self.bounds)


def words(*choices):
    """Return the check that a value is one of several words."""
    return Must(lambda value, name: one_of(choices, value, name))


Array = Annotated[ArrayLike, Must(array)]
OptionalArray = Annotated[ArrayLike | None, Must(array, or_none=True)]
Flag = Annotated[bool, Must(flag)]
Size = Annotated[int, Must(whole, least=1)]
Seed = Annotated[int | None, Must(whole, or_none=True)]
Index = Annotated[int, Must(whole, least=-math.inf)]
OptionalIndex = Annotated[int | None, Must(whole, or_none=True, least=-math.inf)]
Axis = Annotated[int, Must(axis)]
Axes = Annotated[int | tuple[int, ...] | None, Must(axes)]
Shape = Annotated[int | tuple[int, ...], Must(shape)]
Pair = Annotated[int | tuple[int, int], Must(wholes, count=2)]
PositivePair = Annotated[int | tuple[int, int], Must(wholes, count=2, least=1)]
OptionalPair = Annotated[int | tuple[int, int] | None, Must(wholes, or_none=True, count=2, least=1)]
PositiveSingle = Annotated[int | tuple[int], Must(wholes, count=1, least=1)]
Number = Annotated[float, Must(number)]
OptionalNumber = Annotated[float | None, Must(number, or_none=True)]
NotNegative = Annotated[float, Must(number, least=0)]
OptionalNotNegative = Annotated[float | None, Must(number, or_none=True, least=0)]
Positive = Annotated[float, Must(positive)]
OptionalPositive = Annotated[float | None, Must(positive, or_none=True)]
Probability = Annotated[float, Must(number, least=0, most=1)]
OptionalProbability = Annotated[float | None, Must(number, or_none=True, least=0, most=1)]
Filled = Annotated["Tensor", Must(tensor_to_fill)]
Floating = Annotated[DTypeLike, Must(floating)]
Generator = Annotated["np.random.Generator | None", Must(generator_or_none)]
Padding = Annotated[int | tuple[int, int] | Literal["valid", "same"], Must(padding, count=2)]
SinglePadding = Annotated[int | tuple[int] | Literal["valid", "same"], Must(padding, count=1)]
Reduction = Annotated[Literal["mean", "sum", "none"], words("mean", "sum", "none")]
DivergenceReduction = Annotated[Literal["mean", "batchmean", "sum", "none"], words("mean", "batchmean", "sum", "none")]
PaddingMode = Annotated[Literal["zeros", "reflect", "replicate", "circular"],
                        words("zeros", "reflect", "replicate", "circular")]
Nonlinearity = Annotated[Literal["tanh", "relu"], words("tanh", "relu")]
Activation = Annotated[str, words("linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu")]
Approximation = Annotated[Literal["none", "tanh"], words("none", "tanh")]
Mode = Annotated[Literal["fan_in", "fan_out"], words("fan_in", "fan_out")]
