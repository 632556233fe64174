"""Elementwise functions. One line for each function: what each argument receives when the result receives `g`.

In every rule `g` is the incoming gradient, `ans` the result, `x` and `y` the arguments. Broadcasting is undone by the
tape. For complex arrays g is ∂L/∂Re - i ∂L/∂Im: then holomorphic functions have the same rules as real ones.
"""

import math
import operator

import numpy as np

from ..registry import constant, implements, on_values, rule
from ..tape import Primitive

LOG_2, LOG_10 = math.log(2), math.log(10)  # Python's floats: NumPy's scalars would turn float32 into float64


def nonzero(x):
    """Return x with every 0 replaced by 1: a divisor for where 0 / 0 should be 0."""
    return np.where(x == 0, 1, x)


# Arithmetic

rule(np.add, lambda g, ans, x, y: g, lambda g, ans, x, y: g, run=operator.add)
rule(np.subtract, lambda g, ans, x, y: g, lambda g, ans, x, y: -g, run=operator.sub)
rule(np.multiply, lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x, run=operator.mul)
rule(np.divide, lambda g, ans, x, y: g / y, lambda g, ans, x, y: -g * ans / y, run=operator.truediv)
rule(np.remainder, lambda g, ans, x, y: g, lambda g, ans, x, y: -g * np.floor_divide(x, y), run=operator.mod)
rule(np.fmod, lambda g, ans, x, y: g, lambda g, ans, x, y: -g * np.trunc(x / y))
rule(np.negative, lambda g, ans, x: -g, run=operator.neg)
rule(np.positive, lambda g, ans, x: g, run=operator.pos)
rule(np.square, lambda g, ans, x: 2 * g * x, run=lambda x: x * x)
rule(np.reciprocal, lambda g, ans, x: -g * ans * ans)


# Powers. y * x**(y - 1) is written so that x**1 and x**0 stay exact at x = 0, in second order too.

def _log_of_base(x):
    return float(np.log(x or 1)) if isinstance(x, (int, float)) else np.log(nonzero(x))


def _by_base(g, ans, x, y):
    if isinstance(y, (int, float)) and y != 0:
        return g * y * x ** (y - 1)
    return g * y * x ** np.where(np.equal(y, 0), 1, np.subtract(y, 1))


_by_exponent = lambda g, ans, x, y: g * ans * _log_of_base(x)

rule(np.power, _by_base, _by_exponent, run=operator.pow)
rule(np.float_power, _by_base, _by_exponent)
rule(np.sqrt, lambda g, ans, x: g / (2 * ans))
rule(np.cbrt, lambda g, ans, x: g / (3 * ans * ans))
rule(np.hypot, lambda g, ans, x, y: g * x / nonzero(ans), lambda g, ans, x, y: g * y / nonzero(ans))

# Exponentials and logarithms

rule(np.exp, lambda g, ans, x: g * ans)
rule(np.exp2, lambda g, ans, x: g * ans * LOG_2)
rule(np.expm1, lambda g, ans, x: g * np.exp(x))
rule(np.log, lambda g, ans, x: g / x)
rule(np.log2, lambda g, ans, x: g / (x * LOG_2))
rule(np.log10, lambda g, ans, x: g / (x * LOG_10))
rule(np.log1p, lambda g, ans, x: g / (1 + x))
rule(np.ldexp, lambda g, ans, x, n: np.ldexp(g, n), None)


def finite(x):
    """Return x with infinities replaced by 0: exp(-inf - finite(-inf)) is 0, where exp(-inf - -inf) is NaN."""
    return np.where(np.isinf(x), 0, x)


rule(np.logaddexp,
     lambda g, ans, x, y: g * np.exp(x - finite(ans)),
     lambda g, ans, x, y: g * np.exp(y - finite(ans)))
rule(np.logaddexp2,
     lambda g, ans, x, y: g * np.exp2(x - finite(ans)),
     lambda g, ans, x, y: g * np.exp2(y - finite(ans)))

# Trigonometric functions. (1 - x)(1 + x) keeps the digits that 1 - x² loses near x = ±1.

rule(np.sin, lambda g, ans, x: g * np.cos(x))
rule(np.cos, lambda g, ans, x: -g * np.sin(x))
rule(np.tan, lambda g, ans, x: g * (1 + ans * ans))
rule(np.arcsin, lambda g, ans, x: g / np.sqrt((1 - x) * (1 + x)))
rule(np.arccos, lambda g, ans, x: -g / np.sqrt((1 - x) * (1 + x)))
rule(np.arctan, lambda g, ans, x: g / (1 + x * x))
rule(np.arctan2,
     lambda g, ans, y, x: g * x / (np.square(x) + np.square(y)),
     lambda g, ans, y, x: -g * y / (np.square(x) + np.square(y)))

_to_radians, _to_degrees = lambda g, ans, x: g * (math.pi / 180), lambda g, ans, x: g * (180 / math.pi)

rule(np.deg2rad, _to_radians)
rule(np.radians, _to_radians)
rule(np.rad2deg, _to_degrees)
rule(np.degrees, _to_degrees)

# Hyperbolic functions

rule(np.sinh, lambda g, ans, x: g * np.cosh(x))
rule(np.cosh, lambda g, ans, x: g * np.sinh(x))
rule(np.tanh, lambda g, ans, x: g * (1 - ans * ans))
rule(np.arcsinh, lambda g, ans, x: g / np.sqrt(1 + x * x))
rule(np.arccosh, lambda g, ans, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))
rule(np.arctanh, lambda g, ans, x: g / ((1 - x) * (1 + x)))


# sinc(x) = sin(πx) / πx. Its derivatives have removable holes at 0: one primitive computes those of every order.

def _nth_derivative_of_sinc(x, n):
    """Return sinc⁽ⁿ⁾(x): with u = πx and s(u) = sin(u) / u it is πⁿ s⁽ⁿ⁾(u).

    Differentiating u s = sin(u) n times gives s⁽ⁿ⁾ = (sin(u + nπ/2) - n s⁽ⁿ⁻¹⁾) / u, which is accurate where `|u| > n`;
    inside, the Taylor series s⁽ⁿ⁾ = Σ (-1)ᵏ u²ᵏ⁻ⁿ / ((2k - n)! (2k + 1)) converges in a few terms.
    """
    u, radius = math.pi * x, n + 1
    inside = np.abs(u) < radius
    far, near = np.where(inside, radius, u), np.where(inside, u, 0)
    s = np.sin(far) / far
    for m in range(1, radius):
        s = (np.sin(far + m * (math.pi / 2)) - m * s) / far
    series = sum((-1) ** k * near ** (2 * k - n) / (math.factorial(2 * k - n) * (2 * k + 1))
                 for k in range(radius // 2, 2 * radius + 10))
    return math.pi ** n * np.where(inside, series, s)


_sinc = Primitive(_nth_derivative_of_sinc, (lambda g, ans, x, n: g * _sinc(x, n + 1), None), "derivative of sinc")
rule(np.sinc, lambda g, ans, x: g * _sinc(x, 1))


# The same for i0, the modified Bessel function of order 0: an integral, differentiated under the integral sign.

def _nth_derivative_of_i0(x, n):
    """Return I₀⁽ⁿ⁾(x) = 2/π ∫ cosⁿ(θ) h(x cos θ) dθ from 0 to π/2, where h is cosh, or sinh if n is odd.

    The midpoint rule converges exponentially: its 64 points are enough up to where I₀ overflows.
    """
    cosines = np.cos((np.arange(64) + 0.5) * (math.pi / 128))
    h = np.sinh if n % 2 else np.cosh
    return np.mean(cosines ** n * h(np.multiply.outer(x, cosines)), axis=-1).astype(x.dtype)


_i0 = Primitive(_nth_derivative_of_i0, (lambda g, ans, x, n: g * _i0(x, n + 1), None), "derivative of i0")
rule(np.i0, lambda g, ans, x: g * _i0(x, 1), run=lambda x: np.i0(x).astype(x.dtype)[()])

# Kinks: equal arguments share the gradient of maximum equally, and abs has slope 0 at 0.

def _if_larger(g, ans, x, y):
    tied = x == y
    if absent(tied):
        return g * (x > y)
    return g * (x > y) + g * tied * 0.5


def _if_smaller(g, ans, x, y):
    tied = x == y
    if absent(tied):
        return g * (x < y)
    return g * (x < y) + g * tied * 0.5


def absent(tied):
    """Return whether no element is tied, which is the usual case: the rule then takes half the time.

    This looks only at plain arrays. A written-out program must hold for other numbers too, so it always shares ties.
    """
    return type(tied) is np.ndarray and not np.count_nonzero(tied)


def _absolute(g, ans, x):
    if np.iscomplexobj(x):
        return g * np.conj(x) / nonzero(ans)
    return g * np.sign(x)


def _wins(ahead, tied):
    """Return the rule of an argument that takes the gradient where it is ahead of the other, and half in a tie."""
    return lambda g, ans, x, y: g * ahead(x, y) + g * tied(x, y) * 0.5


rule(np.maximum, _if_larger, lambda g, ans, x, y: _if_larger(g, ans, y, x))
rule(np.minimum, _if_smaller, lambda g, ans, x, y: _if_smaller(g, ans, y, x))
rule(np.fmax,
     _wins(lambda x, y: (x > y) | np.isnan(y), operator.eq),
     _wins(lambda x, y: (x < y) | np.isnan(x), operator.eq))
rule(np.fmin,
     _wins(lambda x, y: (x < y) | np.isnan(y), operator.eq),
     _wins(lambda x, y: (x > y) | np.isnan(x), operator.eq))
rule(np.fabs, lambda g, ans, x: g * np.sign(x))
rule(np.absolute, _absolute)
rule(np.copysign, lambda g, ans, x, y: g * np.sign(x) * np.sign(ans), None)
rule(np.heaviside, None, lambda g, ans, x, h: np.where(np.equal(x, 0), g, 0))  # a step, whose value at 0 is h
rule(np.nextafter, lambda g, ans, x, y: g, None)


@implements(np.clip, np._core.umath.clip)  # the second is what ndarray.clip calls
def clip(a, a_min=None, a_max=None, *, min=None, max=None):
    """Take the maximum with the lower bound and the minimum with the upper one. Bounds receive gradients too."""
    lower, upper = (a_min if min is None else min), (a_max if max is None else max)
    above = a if lower is None else np.maximum(a, lower)
    return above if upper is None else np.minimum(above, upper)


# Choices. The rules use np.where, not a product with the condition: NaN in the branch not taken stays out.

_where = Primitive(
    np.where,
    (None,
     lambda g, ans, c, x, y: np.where(c, g, 0),
     lambda g, ans, c, x, y: np.where(c, 0, g)),
    "where")


@implements(np.where)
def where(condition, *branches):
    """Choose between two branches, or return the places where the condition holds."""
    return _where(condition, *branches) if branches else np.nonzero(condition)


@implements(np.select)
def select(condlist, choicelist, default=0):
    """Apply the conditions from the last to the first, so that the first one that holds wins."""
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        result = np.where(condition, choice, result)
    return result


rule(np.nan_to_num, lambda g, ans, x, copy=True, nan=0.0, posinf=None, neginf=None: np.where(np.isfinite(x), g, 0))

# Complex numbers, with g = ∂L/∂Re - i ∂L/∂Im. The tape takes the real part of what reaches a real argument.

rule(np.real, lambda g, ans, x: g)
rule(np.imag, lambda g, ans, x: -1j * g)
rule(np.conjugate, lambda g, ans, x: np.conj(g))
rule(np.angle, lambda g, ans, x, deg=False: -1j * g / x * (180 / math.pi if deg else 1))


@implements(np.real_if_close)
def real_if_close(a, tol=100):
    """Return the real part if NumPy finds nothing but rounding errors in the imaginary part."""
    return np.real(a) if np.isrealobj(np.real_if_close(a.data, tol)) else a


# Functions that split a number, or shift it by whole periods. Integer parts have derivative zero.

@implements(np.divmod)
def divide_with_remainder(x, y):
    """Return the quotient, whose derivative is zero, and the remainder."""
    return np.floor_divide(x, y), np.remainder(x, y)


@implements(np.modf)
def fraction_and_integer(x):
    """Return the part after the decimal point, and the part before it."""
    return x - np.trunc(x), np.trunc(x)


@implements(np.frexp)
def mantissa_and_exponent(x):
    """Return m and n of x = m 2ⁿ, with `0.5 <= |m| < 1`."""
    exponent = on_values(np.frexp, x)[1]
    return np.ldexp(x, -exponent), exponent


@implements(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * math.pi):
    """Add whole periods, so that no jumps are left."""
    return p + (np.unwrap(p.data, discont, axis, period=period) - p.data)


constant(np.sign, np.floor, np.ceil, np.rint, np.trunc, np.fix, np.round, np.around, np.floor_divide,
         np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf,
         np.isreal, np.iscomplex, np.isrealobj, np.iscomplexobj,
         np.isnat, np.signbit, np.spacing, np.isclose, np.allclose, np.array_equal, np.array_equiv,
         np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
         np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
         np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count, np.invert, np.left_shift, np.right_shift,
         np.gcd, np.lcm, np.packbits, np.unpackbits,
         np.is_busday, np.busday_count, np.busday_offset, np.datetime_as_string)
