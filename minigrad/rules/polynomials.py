"""Polynomials as NumPy writes them: arrays of coefficients, highest power first. All functions are compositions.

So their derivatives come from products, convolutions, least squares and eigenvalues. Like NumPy, some functions drop
leading coefficients that are zero. These then receive no gradient, since they do not occur in the result.
"""

import numpy as np

from ..registry import implements, value_of
from .products import operand


def _without_leading_zeros(p):
    """Return the coefficients without leading zeros, but at least one."""
    p = np.atleast_1d(p)
    if not p.size:
        return np.zeros(1)
    degrees = np.flatnonzero(p)
    return p[degrees[0]:] if degrees.size else p[-1:]


@implements(np.polyval)
def polyval(p, x):
    """Multiply by x and add the next coefficient, again and again: Horner's scheme."""
    value = np.zeros_like(x)
    for coefficient in p:
        value = value * x + coefficient
    return value


@implements(np.polyadd)
def polyadd(a1, a2):
    """Add the coefficients of the same power; in front of the shorter polynomial there are zeros."""
    a1, a2 = np.atleast_1d(a1, a2)
    missing = a2.size - a1.size
    return np.pad(a1, (max(missing, 0), 0)) + np.pad(a2, (max(-missing, 0), 0))


@implements(np.polysub)
def polysub(a1, a2):
    """Add the negative."""
    return np.polyadd(a1, np.negative(a2))


@implements(np.polymul)
def polymul(a1, a2):
    """Convolve the coefficients."""
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


@implements(np.polydiv)
def polydiv(u, v):
    """Divide as on paper: subtract the multiple of v that cancels the highest power of the rest, again and again."""
    rest, v = np.atleast_1d(u, v)
    quotient, missing = [], rest.size - v.size
    for k in range(missing + 1):
        quotient.append(rest[k] / v[0])
        rest = rest - np.pad(quotient[k] * v, (k, missing - k))
    gone = np.isclose(rest[:-1], 0, rtol=1e-14) | (np.arange(rest.size - 1) < len(quotient))
    return np.stack(quotient) if quotient else np.zeros(1), rest[np.argmin(np.append(gone, False)):]


@implements(np.polyder)
def polyder(p, m=1):
    """Return the m-th derivative: each coefficient is multiplied by its power, and the last one is dropped."""
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p, m=1, k=None):
    """Return the m-th integral, with the constants of integration k."""
    constants = np.ravel(0.0 if k is None else k)
    constants = np.broadcast_to(constants, (m,)) if constants.size == 1 else constants[:m]
    if len(constants) < m:
        raise ValueError(f"k must be one number, or {m} for m={m} integrals; got {len(constants)}")
    for constant in constants:
        p = np.append(p / np.arange(len(p), 0, -1), constant)
    return p


@implements(np.poly)
def poly(seq_of_zeros):
    """Multiply the factors x - z for the zeros z, or for the eigenvalues z of a matrix."""
    zeros = np.atleast_1d(seq_of_zeros)
    zeros = np.linalg.eigvals(zeros) if zeros.ndim == 2 else zeros
    p = np.ones(1, zeros.dtype)
    for zero in zeros:
        p = np.convolve(p, np.stack([np.ones_like(zero), -zero]))
    pairs = np.sort_complex(value_of(zeros))
    return np.real(p) if np.all(pairs == np.sort_complex(np.conj(pairs))) else p


@implements(np.roots)
def roots(p):
    """Return the eigenvalues of the companion matrix, whose characteristic polynomial is p."""
    p = _without_leading_zeros(p)
    degree = p.size - 1
    if degree < 1:
        return np.zeros(0)
    return np.linalg.eigvals(np.vstack([-p[1:] / p[0], np.eye(degree - 1, degree, dtype=p.dtype)]))


@implements(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """Solve the least-squares problem for the coefficients; the columns, powers of x, are scaled to length 1."""
    if full or cov:
        raise TypeError("np.polyfit on Tensors returns the coefficients alone: leave out full and cov")
    x, y = operand(x) + 0.0, operand(y) + 0.0
    weights = np.ones(x.size, x.dtype) if w is None else operand(w)
    powers = np.vander(x, deg + 1) * weights[:, None]
    lengths = np.sqrt(np.sum(np.square(value_of(powers)), 0))  # cancel out, and so need no gradient
    rcond = x.size * np.finfo(x.dtype).eps if rcond is None else rcond
    coefficients = np.linalg.lstsq(powers / lengths, (y.T * weights).T, rcond)[0]
    return (coefficients.T / lengths).T
