"""Reductions. What comes back to x is the gradient of the result, spread over the elements that went into it."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, implements, rule
from ..tape import Node, Primitive
from .elementwise import nonzero


def spread(g, x, axis, keepdims):
    """Give every element of x the gradient of the result that it went into."""
    if axis is None and isinstance(g, np.generic):
        spread_out = np.empty(x.shape, g.dtype)
        spread_out.fill(g)
        return spread_out
    return np.broadcast_to(kept(g, x, axis, keepdims), x.shape)


def kept(reduced, x, axis, keepdims):
    """Put the reduced axes of x back with length 1, so that `reduced` broadcasts against x."""
    if keepdims or x.ndim == 0:
        return reduced
    axes = axes_of(axis, x)
    return np.reshape(reduced, tuple([1 if i in axes else n for i, n in enumerate(x.shape)]))


def axes_of(axis, x):
    """Return the axes that are reduced, as a tuple of numbers that are not negative."""
    return tuple(range(np.ndim(x))) if axis is None else normalize_axis_tuple(axis, np.ndim(x))


# Sums and means

def _sum(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    every = spread(g, x, axis, keepdims)
    return every if where is True else every * where


def _mean(g, ans, x, axis=None, dtype=None, out=None, keepdims=False):
    return spread(g * (np.size(ans) / max(np.size(x), 1)), x, axis, keepdims)


def _var(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    deviation = x - np.mean(x, axis, keepdims=True)
    count = np.size(x) // max(np.size(g), 1) - ddof
    slope = 2 / count if count > 0 else math.nan
    return kept(g, x, axis, keepdims) * slope * (np.conj(deviation) if np.iscomplexobj(x) else deviation)


def _std(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    """The slope of std is 0 where all elements are equal."""
    return _var(g / (2 * nonzero(ans)), None, x, axis, ddof=ddof, keepdims=keepdims)


def _mean_of(x, axis=None, dtype=None, out=None, keepdims=False):
    """Return the mean, that of all elements in 1.0 instead of 2.5 us."""
    if axis is None and dtype is None and not keepdims and x.dtype.kind == "f" and x.size:
        return x.sum() / x.size
    return np.mean(x, axis, dtype, out, keepdims)


rule(np.sum, _sum, run=lambda x, *args, **keywords: x.sum(*args, **keywords))  # half the time of np.sum
rule(np.mean, _mean, run=_mean_of)
rule(np.var, _var)
rule(np.std, _std)


@implements(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    if weights is None:
        weights = np.ones(np.shape(a), np.result_type(a))
    elif np.shape(weights) != np.shape(a):
        if np.ndim(weights) != len(axes := axes_of(axis, a)):
            raise TypeError(f"weights of shape {np.shape(weights)} fit neither a, of shape {np.shape(a)}, "
                            f"nor its axis {axis}")
        in_order = np.transpose(weights, np.argsort(axes))
        weights = np.reshape(in_order, [n if i in axes else 1 for i, n in enumerate(np.shape(a))])
    weights = np.broadcast_to(weights, np.shape(a))
    total = np.sum(weights, axis, keepdims=keepdims)
    mean = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x if np.ndim(x) == 1 else np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2, -1)


@implements(np.cov)
def covariance(m, y=None, rowvar=True, bias=False, ddof=None):
    def variables(x):
        return np.atleast_2d(x) if rowvar or np.ndim(x) < 2 else np.transpose(x)

    x = variables(m) if y is None else np.concatenate([variables(m), variables(y)])
    deviation = x - np.mean(x, 1, keepdims=True)
    degrees_of_freedom = np.shape(x)[1] - ((0 if bias else 1) if ddof is None else ddof)
    return np.squeeze(deviation @ np.conj(np.transpose(deviation)) / degrees_of_freedom)


@implements(np.corrcoef)
def correlation(x, y=None, rowvar=True):
    matrix = np.atleast_2d(np.cov(x, y, rowvar))
    deviation = np.sqrt(np.real(np.diagonal(matrix)))
    return np.squeeze(matrix / (deviation[:, None] * deviation))


# Extremes and order. Tied elements share the gradient of max and min equally.

def _extremum(g, ans, x, axis=None, out=None, keepdims=False):
    winners = x == kept(ans, x, axis, keepdims)
    return winners * kept(g / np.sum(winners, axis, ans.dtype, keepdims=keepdims), x, axis, keepdims)


for extremum in (np.max, np.amax, np.min, np.amin):
    rule(extremum, _extremum)


@implements(np.ptp)
def peak_to_peak(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


def merged(x, axis):
    """Return x with the axes to be reduced moved to the end and merged into one."""
    axes = axes_of(axis, x)
    rest = [i for i in range(np.ndim(x)) if i not in axes]
    lengths = [np.shape(x)[i] for i in rest]
    return np.reshape(np.transpose(x, (*rest, *axes)), (*lengths, math.prod(np.shape(x)[i] for i in axes)))


@implements(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False):
    if method != "linear":
        raise TypeError(f"np.quantile on Tensors interpolates linearly; method {method!r} has no derivative rule")
    ordered = np.sort(merged(a, axis), -1)
    last = np.shape(ordered)[-1] - 1
    position = (q if isinstance(q, Node) else np.asarray(q)) * last
    below = np.floor(position).astype(int)
    share = (position - below).astype(ordered.dtype)
    value = ordered[..., below] * (1 - share) + ordered[..., np.minimum(below + 1, last)] * share
    undefined = np.isnan(ordered[..., -1]).reshape(np.shape(ordered)[:-1] + (1,) * np.ndim(q))
    value = np.where(undefined, np.nan, value)
    value = np.moveaxis(value, range(np.ndim(value) - np.ndim(q), np.ndim(value)), range(np.ndim(q)))
    return np.expand_dims(value, tuple([np.ndim(q) + i for i in axes_of(axis, a)])) if keepdims else value


@implements(np.percentile)
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False):
    return np.quantile(a, np.divide(q, 100), axis, None, overwrite_input, method, keepdims)


@implements(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return np.quantile(a, 0.5, axis, keepdims=keepdims)


# Products, exact also where factors are zero: nothing is divided by what may be zero.

def _prod(g, ans, x, axis=None, dtype=None, out=None, keepdims=False):
    """Each factor receives the product of those before it and those after it."""
    factors = merged(x, axis)
    one = np.ones_like(factors[..., :1])
    before = np.concatenate([one, np.cumprod(factors[..., :-1], -1)], -1)
    after = np.concatenate([np.cumprod(factors[..., :0:-1], -1)[..., ::-1], one], -1)
    axes = axes_of(axis, x)
    order = (*[i for i in range(x.ndim) if i not in axes], *axes)
    others = np.reshape(before * after, tuple([x.shape[i] for i in order]))
    return kept(g, x, axis, keepdims) * np.transpose(others, np.argsort(order))


def _cumprod(g, ans, x, axis, dtype=None):
    """xᵢ receives Σ_{j≥i} gⱼ Π_{k≤j, k≠i} xₖ, which without zeros is Σ_{j≥i} gⱼ ansⱼ / xᵢ.

    With them it is (Π_{k<i} xₖ) hᵢ, where hᵢ = Σ_{j≥i} gⱼ Π_{i<k≤j} xₖ = gᵢ + xᵢ₊₁ hᵢ₊₁ is found from the end.
    """
    if np.all(x):
        return from_the_end(np.cumsum, g * ans, axis) / x
    g, ans, x = np.moveaxis(g, axis, -1), np.moveaxis(ans, axis, -1), np.moveaxis(x, axis, -1)
    h = [g[..., -1]]
    for i in reversed(range(1, np.shape(x)[-1])):
        h.append(g[..., i - 1] + x[..., i] * h[-1])
    before = np.concatenate([np.ones_like(x[..., :1]), ans[..., :-1]], -1)
    return np.moveaxis(before * np.stack(h[::-1], -1), -1, axis)


def from_the_end(accumulate, x, axis):
    """Accumulate from the last element to the first."""
    return np.flip(accumulate(np.flip(x, axis), axis), axis)


rule(np.prod, _prod)
_cumulative_product = Primitive(np.cumprod, (_cumprod,), "cumprod")
_cumulative_sum = Primitive(
    np.cumsum, (lambda g, ans, x, axis, dtype=None: from_the_end(np.cumsum, g, axis),), "cumsum")


@implements(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    return _cumulative_product(a, axis, dtype) if axis is not None else _cumulative_product(np.ravel(a), 0, dtype)


@implements(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    return _cumulative_sum(a, axis, dtype) if axis is not None else _cumulative_sum(np.ravel(a), 0, dtype)


def _with_start(accumulate, start):
    """Return the array API's form of a cumulative function: the result may begin with the empty sum or product."""
    def cumulative(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        axis = 0 if axis is None and np.ndim(x) == 1 else axis
        if axis is None:
            raise ValueError("axis must be given for an array of more than one dimension")
        total = accumulate(x, axis, dtype)
        first = np.full_like(np.take(total.data, [0], axis), start)
        return np.concatenate([first, total], axis) if include_initial else total
    return cumulative


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    implements(np.cumulative_sum)(_with_start(np.cumsum, 0))
    implements(np.cumulative_prod)(_with_start(np.cumprod, 1))


# The same without NaN. np.where keeps the NaN itself out of the gradient.

def _without_nan(reduction, instead):
    """Return a reduction that reads NaN as `instead`."""
    return lambda a, *args, **keywords: reduction(np.where(np.isnan(a), instead, a), *args, **keywords)


implements(np.nansum)(_without_nan(np.sum, 0))
implements(np.nanprod)(_without_nan(np.prod, 1))
implements(np.nancumsum)(_without_nan(np.cumsum, 0))
implements(np.nancumprod)(_without_nan(np.cumprod, 1))


def _extremum_without_nan(reduction, instead):
    def extremum(a, axis=None, out=None, keepdims=False):
        nothing = np.all(np.isnan(a), axis, keepdims=keepdims)
        return np.where(nothing, np.nan, reduction(np.where(np.isnan(a), instead, a), axis, keepdims=keepdims))
    return extremum


implements(np.nanmax)(_extremum_without_nan(np.max, -math.inf))
implements(np.nanmin)(_extremum_without_nan(np.min, math.inf))


@implements(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False):
    count = np.sum(~np.isnan(a), axis, np.result_type(a), keepdims=keepdims)
    return np.nansum(a, axis, dtype, keepdims=keepdims) / count


@implements(np.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    missing = np.isnan(a)
    deviation = np.where(missing, 0, np.where(missing, 0, a) - np.nanmean(a, axis, dtype, keepdims=True))
    count = np.sum(~missing, axis, np.result_type(a), keepdims=keepdims)
    return np.sum(np.square(deviation), axis, dtype, keepdims=keepdims) / (count - ddof)


@implements(np.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    return np.sqrt(np.nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims))


constant(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.any, np.all, np.count_nonzero,
         np.histogram_bin_edges, np.digitize, np.searchsorted,
         np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
         np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.isin)
