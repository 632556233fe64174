"""The random numbers that training starts from: torch.nn.init's distributions, drawn by seeded NumPy generators.

Every function fills a Tensor in place, without recording it, and returns it. Numbers come from the argument
`generator`, or from a generator that all of `nn` shares and that `manual_seed` sets. NumPy's global random state is
never used.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import (
    Activation,
    Filled,
    Generator,
    Mode,
    NotNegative,
    Number,
    OptionalNumber,
    Seed,
    checked,
    generator_or_none,
)

if TYPE_CHECKING:
    from ..tensor import Tensor

_shared = {}


@checked
def manual_seed(seed: Seed) -> "np.random.Generator":
    """Seed the generator that `nn` uses where no other is given; return it.

    Parameters
    ----------
    seed : int or None
        The same seed gives the same numbers on every machine; None gives new ones each time.

    Examples
    --------
    >>> from minigrad import nn
    >>> generator = nn.manual_seed(0)
    >>> first = nn.Linear(2, 3)
    >>> generator = nn.manual_seed(0)
    >>> bool(np.all(first.weight == nn.Linear(2, 3).weight))
    True
    """
    _shared["generator"] = np.random.default_rng(seed)
    return _shared["generator"]


def chosen(generator):
    """Return the given generator, or the shared one for None."""
    if generator is None:
        return _shared.get("generator") or manual_seed(None)  # not at import: np.random takes 9 ms to load
    return generator_or_none(generator, "generator")


@checked
def uniform_(tensor: Filled, a: Number = 0.0, b: Number = 1.0, generator: Generator = None) -> "Tensor":
    """Fill with numbers from the uniform distribution U(a, b)."""
    if not a <= b:
        raise ValueError(f"a must not be above b: numbers are drawn between them; got a={a!r} and b={b!r}")
    tensor.data[...] = chosen(generator).uniform(a, b, tensor.shape)
    return tensor


@checked
def normal_(tensor: Filled, mean: Number = 0.0, std: NotNegative = 1.0, generator: Generator = None) -> "Tensor":
    """Fill with numbers from the normal distribution N(mean, std²)."""
    tensor.data[...] = chosen(generator).normal(mean, std, tensor.shape)
    return tensor


@checked
def trunc_normal_(tensor: Filled, mean: Number = 0.0, std: NotNegative = 1.0, a: Number = -2.0, b: Number = 2.0,
                  generator: Generator = None) -> "Tensor":
    """Fill with numbers from N(mean, std²); those outside [a, b] are drawn again.

    Raises
    ------
    ValueError
        If a is not below b, or [a, b] lies more than four std from the mean, where numbers are very rare.
    """
    if not a < b or mean + 4 * std < a or mean - 4 * std > b:
        raise ValueError(f"trunc_normal_ cannot draw N({mean}, {std}²) within [{a}, {b}]: "
                         "give a < b, and one of them within 4 std of the mean")
    generator = chosen(generator)
    numbers = generator.normal(mean, std, tensor.shape)
    while np.any(outside := (numbers < a) | (numbers > b)):
        numbers[outside] = generator.normal(mean, std, np.count_nonzero(outside))
    tensor.data[...] = numbers
    return tensor


@checked
def constant_(tensor: Filled, val: Number) -> "Tensor":
    """Fill with one value."""
    tensor.data[...] = val
    return tensor


@checked
def zeros_(tensor: Filled) -> "Tensor":
    """Fill with zeros."""
    return constant_(tensor, 0)


@checked
def ones_(tensor: Filled) -> "Tensor":
    """Fill with ones."""
    return constant_(tensor, 1)


@checked
def eye_(tensor: Filled) -> "Tensor":
    """Fill a matrix with the identity."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_ fills a matrix; got a Tensor of shape {tensor.shape}")
    return constant_(tensor, np.eye(*tensor.shape))


@checked
def calculate_gain(nonlinearity: Activation, param: OptionalNumber = None) -> float:
    """Return the factor by which weights before this nonlinearity are scaled up, so that the signal keeps its size.

    Parameters
    ----------
    nonlinearity : str
        "linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
    param : float, optional
        The slope of "leaky_relu" for negative numbers, 0.01 unless given.
    """
    slope = 0.01 if param is None else param
    gains = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2),
             "leaky_relu": math.sqrt(2 / (1 + slope ** 2)), "selu": 3 / 4}
    return gains[nonlinearity]


@checked
def fans(tensor: Filled) -> tuple[int, int]:
    """Return fan_in and fan_out of a weight: how many inputs an output has, and how many outputs an input reaches.

    A weight has shape (out, in) or, in a convolution, (out, in, *kernel).
    """
    if tensor.ndim < 2:
        raise ValueError(f"a Tensor of shape {tensor.shape} has no fan in and fan out: "
                         "expected a weight of at least two axes")
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def _fan(tensor, mode):
    return dict(zip(("fan_in", "fan_out"), fans(tensor)))[mode]


@checked
def xavier_uniform_(tensor: Filled, gain: NotNegative = 1.0, generator: Generator = None) -> "Tensor":
    """Fill with U(−b, b), b = gain √(6 / (fan_in + fan_out)): the signal keeps its variance forward and backward.

    References
    ----------
    X. Glorot and Y. Bengio (2010), Understanding the difficulty of training deep feedforward neural networks,
    equation 16.
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@checked
def xavier_normal_(tensor: Filled, gain: NotNegative = 1.0, generator: Generator = None) -> "Tensor":
    """Fill with N(0, σ²), σ = gain √(2 / (fan_in + fan_out)): the normal counterpart of `xavier_uniform_`."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


@checked
def kaiming_uniform_(tensor: Filled, a: Number = 0.0, mode: Mode = "fan_in", nonlinearity: Activation = "leaky_relu",
                     generator: Generator = None) -> "Tensor":
    """Fill with U(−b, b), b = gain √(3 / fan): the signal keeps its variance through layers of rectifiers.

    Parameters
    ----------
    tensor : Tensor
        The weight to fill.
    a : float, default 0.0
        The slope of the rectifier for negative numbers ("leaky_relu").
    mode : {"fan_in", "fan_out"}
        Keep the variance of the signal on the way forward, or of the gradients on the way back.
    nonlinearity : str, default "leaky_relu"
        What follows the layer; see `calculate_gain`.
    generator : np.random.Generator, optional
        Where the numbers come from.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun (2015), Delving deep into rectifiers, equations 10, 14 and 15.
    """
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


@checked
def kaiming_normal_(tensor: Filled, a: Number = 0.0, mode: Mode = "fan_in", nonlinearity: Activation = "leaky_relu",
                    generator: Generator = None) -> "Tensor":
    """Fill with N(0, σ²), σ = gain / √fan: the normal counterpart of `kaiming_uniform_`, with its arguments."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


@checked
def orthogonal_(tensor: Filled, gain: NotNegative = 1.0, generator: Generator = None) -> "Tensor":
    """Fill with `gain` times a random matrix whose rows (or columns, if there are more rows) are orthonormal.

    Axes after the first are joined into one.

    References
    ----------
    A. M. Saxe, J. L. McClelland and S. Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ fills a Tensor of at least two axes; got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(chosen(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # without this the matrices are not uniformly distributed
    tensor.data[...] = gain * (q if rows >= columns else q.T).reshape(tensor.shape)
    return tensor
