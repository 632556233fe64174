"""Functions that NumPy lacks, for arrays and Tensors: the error function, and the steps and ramps of neural networks.

None of them overflows in either tail. Values that tend to 0 keep their digits: they stay accurate relative to their own
size, and so do the first and the second derivative (log_softmax, near 0, is accurate relative to 1). float32 stays
float32.
"""

import math
from typing import Any

import numpy as np

from .arguments import Approximation, Array, Axes, Function, checked
from .registry import rule
from .rules.elementwise import finite
from .rules.reductions import kept

__all__ = ["erf", "erfc", "relu", "sigmoid", "softplus", "silu", "gelu", "softmax", "log_softmax", "logsumexp"]


def with_rule(*vjps):
    """Decorate a function of arrays with its derivative rules."""
    def register(function: Function) -> Function:
        return checked(function, rule(function, *vjps))
    return register


# The error function. Numerators and denominators of Cody's rational approximations, the highest power first.

_ERF = ((1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
         3.20937758913846947e3),
        (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3))
_ERFC_MIDDLE = ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
                 2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
                 1.23033935479799725e3),
                (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
                 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3))
_ERFC_TAIL = ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
               1.60837851487422766e-2, 6.58749161529837803e-4),
              (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
               2.33520497626869185e-3))
_SMALL, _LARGE = 0.46875, 4.0  # where one approximation takes over from another


def _ratio(coefficients, x):
    """Return a rational function, given by the coefficients of its numerator and its denominator."""
    numerator, denominator = (np.polyval([x.dtype.type(c) for c in part], x) for part in coefficients)
    return numerator / denominator


def _erf_near_0(x):
    return x * _ratio(_ERF, x * x)


def _erfc_middle(y):
    return _bell(y) * _ratio(_ERFC_MIDDLE, y)


def _erfc_tail(y):
    z = (1 / y) ** 2
    return _bell(y) * (1 / math.sqrt(math.pi) - z * _ratio(_ERFC_TAIL, z)) / y


def _bell(x):
    """Return exp(-x²), with x² taken in two parts, the first of them exact, since exp magnifies its rounding."""
    x = np.clip(x, -30, 30)  # beyond, it is 0 in any case
    coarse = np.trunc(x * 16) / 16
    return np.exp(-coarse * coarse) * np.exp(-(x - coarse) * (x + coarse))


def _floating(x):
    x = np.asanyarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)


@with_rule(lambda g, ans, x: g * (2 / math.sqrt(math.pi)) * _bell(x))
def erf(x: Array) -> Any:
    """Return the error function, erf(x) = 2/√π ∫₀ˣ exp(-t²) dt, to the last digit or two of x's precision.

    Parameters
    ----------
    x : array_like or Tensor
        Real numbers.

    Returns
    -------
    ndarray or Tensor
        Numbers between -1 and 1, in the shape and precision of x.

    References
    ----------
    W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969),
    631-637.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.erf([-1.0, 0.0, 0.5, 3.0])
    array([-0.8427008,  0.       ,  0.5204999,  0.9999779])
    """
    x = _floating(x)
    y = np.abs(x)
    return np.piecewise(x, [y <= _SMALL, (y > _SMALL) & (y <= _LARGE), y > _LARGE], [
        _erf_near_0,
        lambda x: np.copysign(1 - _erfc_middle(np.abs(x)), x),
        lambda x: np.copysign(1 - _erfc_tail(np.abs(x)), x),
        np.nan])


@with_rule(lambda g, ans, x: -g * (2 / math.sqrt(math.pi)) * _bell(x))
def erfc(x: Array) -> Any:
    """Return the complementary error function, erfc(x) = 1 - erf(x), with all digits of its tiny values to the right.

    Parameters
    ----------
    x : array_like or Tensor
        Real numbers.

    Returns
    -------
    ndarray or Tensor
        Numbers between 0 and 2, in the shape and precision of x.

    References
    ----------
    W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969),
    631-637.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.erfc([-1.0, 0.0, 10.0])
    array([1.84270079e+00, 1.00000000e+00, 2.08848758e-45])
    """
    x = _floating(x)
    y = np.abs(x)

    def either_side(x, right):
        """Return erfc(x) from right = erfc(|x|): it is 2 - erfc(|x|) where x is negative."""
        return np.where(x < 0, 2 - right, right)

    return np.piecewise(x, [y <= _SMALL, (y > _SMALL) & (y <= _LARGE), y > _LARGE], [
        lambda x: 1 - _erf_near_0(x),
        lambda x: either_side(x, _erfc_middle(np.abs(x))),
        lambda x: either_side(x, _erfc_tail(np.abs(x))),
        np.nan])


# Steps and ramps

@with_rule(lambda g, ans, x: g * (x > 0))
def relu(x: Array) -> Any:
    """Return max(x, 0), with slope 0 at 0.

    Parameters
    ----------
    x : array_like or Tensor

    Returns
    -------
    ndarray or Tensor

    Examples
    --------
    >>> import minigrad
    >>> minigrad.relu([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    """
    return np.maximum(x, 0)


@with_rule(lambda g, ans, x: g * ans * sigmoid(-x))
def sigmoid(x: Array) -> Any:
    """Return the logistic function, σ(x) = 1 / (1 + exp(-x)), whose derivative is σ(x) σ(-x).

    Parameters
    ----------
    x : array_like or Tensor

    Returns
    -------
    ndarray or Tensor
        Numbers between 0 and 1, in the shape and precision of x.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.sigmoid([-800.0, -100.0, 0.0, 100.0])
    array([0.00000000e+00, 3.72007598e-44, 5.00000000e-01, 1.00000000e+00])
    """
    decay = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), decay, 1) / (1 + decay)


@with_rule(lambda g, ans, x: g * sigmoid(x))
def softplus(x: Array) -> Any:
    """Return log(1 + exp(x)), a smooth relu, whose derivative is the sigmoid.

    Parameters
    ----------
    x : array_like or Tensor

    Returns
    -------
    ndarray or Tensor

    Examples
    --------
    >>> import minigrad
    >>> minigrad.softplus([-100.0, 0.0, 1000.0])
    array([3.72007598e-44, 6.93147181e-01, 1.00000000e+03])
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@checked
def silu(x: Array) -> Any:
    """Return x σ(x), the sigmoid linear unit, also called swish.

    Parameters
    ----------
    x : array_like or Tensor

    Returns
    -------
    ndarray or Tensor

    References
    ----------
    S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", Neural Networks 107 (2018), 3-11.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.silu([-1.0, 0.0, 1.0])
    array([-0.26894142,  0.        ,  0.73105858])
    """
    return np.multiply(x, sigmoid(x))


@checked
def gelu(x: Array, approximate: Approximation = "none") -> Any:
    """Return x Φ(x), the Gaussian error linear unit, with Φ(x) = erfc(-x/√2) / 2 the normal distribution function.

    Parameters
    ----------
    x : array_like or Tensor
    approximate : {"none", "tanh"}, default "none"
        "tanh" for Φ(x) ≈ (1 + tanh u) / 2 = σ(2u) with u = √(2/π) (x + 0.044715 x³), as in some networks.

    Returns
    -------
    ndarray or Tensor

    Raises
    ------
    ValueError
        If `approximate` is neither of the two.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415 (2016), section 2.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.gelu([-10.0, 0.0, 1.0])
    array([-7.61985302e-23,  0.00000000e+00,  8.41344746e-01])
    >>> minigrad.gelu([1.0], approximate="tanh")
    array([0.841192])
    """
    if approximate == "none":
        return np.multiply(x, erfc(np.multiply(x, -math.sqrt(0.5)))) * 0.5
    if approximate == "tanh":
        u = np.multiply(x, math.sqrt(2 / math.pi)) * (1 + 0.044715 * np.square(x))
        return np.multiply(x, sigmoid(2 * u))
    raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")


# Normalised exponentials. Subtracting the largest element first changes nothing, and keeps exp from overflowing.

def _largest(x, axis):
    """Return the largest elements, or the largest or smallest finite number, since ∞ - ∞ would be NaN."""
    numbers = np.finfo(x.dtype)
    return np.minimum(x.max(axis, keepdims=True, initial=numbers.min), numbers.max)


@with_rule(lambda g, ans, x, axis=-1: ans * (g - (g * ans).sum(axis, keepdims=True)))
def softmax(x: Array, axis: Axes = -1) -> Any:
    """Return exp(xᵢ) / Σⱼ exp(xⱼ): positive numbers that add up to 1 along an axis.

    Parameters
    ----------
    x : array_like or Tensor
    axis : int or tuple of ints, default -1

    Returns
    -------
    ndarray or Tensor

    Examples
    --------
    >>> import minigrad
    >>> minigrad.softmax([[1000.0, 1000.0], [0.0, -1000.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    x = _floating(x)
    weights = np.exp(x - _largest(x, axis))
    return weights / weights.sum(axis, keepdims=True)


@with_rule(lambda g, ans, x, axis=-1: g - np.exp(ans) * g.sum(axis, keepdims=True))
def log_softmax(x: Array, axis: Axes = -1) -> Any:
    """Return log softmax(x) = x - logsumexp(x), which stays finite and accurate where softmax itself rounds to 0.

    Where softmax is nearly 1, its logarithm is nearly 0, and accurate to the rounding of 1: an error of up to 2e-16.

    Parameters
    ----------
    x : array_like or Tensor
    axis : int or tuple of ints, default -1

    Returns
    -------
    ndarray or Tensor

    Examples
    --------
    >>> import minigrad
    >>> minigrad.log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    x = _floating(x)
    below = x - _largest(x, axis)
    return below - np.log(np.exp(below).sum(axis, keepdims=True))


@with_rule(lambda g, ans, x, axis=None, keepdims=False:
           kept(g, x, axis, keepdims) * np.exp(x - finite(kept(ans, x, axis, keepdims))))
def logsumexp(x: Array, axis: Axes = None, keepdims: bool = False) -> Any:
    """Return log Σⱼ exp(xⱼ), the smooth maximum. Its gradient is the softmax; for no numbers it is -inf.

    Parameters
    ----------
    x : array_like or Tensor
    axis : int or tuple of ints, optional
        All axes by default.
    keepdims : bool, default False
        Keep the axes that are summed over, with length 1.

    Returns
    -------
    ndarray or Tensor

    Examples
    --------
    >>> import minigrad
    >>> minigrad.logsumexp([1000.0, 1000.0])
    np.float64(1000.6931471805599)
    """
    x = _floating(x)
    largest = _largest(x, axis)
    with np.errstate(divide="ignore"):  # log(0) = -inf is meant
        total = np.log(np.exp(x - largest).sum(axis, keepdims=True)) + largest
    return total if keepdims else total.squeeze(axis)[()]
