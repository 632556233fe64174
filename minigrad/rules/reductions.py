"""Reductions. What comes back to x is the gradient of the result, spread over the elements that went into it."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, implements, rule, value_of
from ..tape import Primitive
from .elementwise import nonzero
from .products import operand


def spread(g, x):
    """Give every element of x the same gradient. For a single number, filling an array is the fastest way."""
    if isinstance(g, np.generic):
        every = np.empty_like(x, g.dtype)
        every.fill(g)
        return every
    return np.broadcast_to(g, x.shape)


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
    if axis is None and where is True:
        return spread(g, x)
    if where is True:
        return spread(kept(g, x, axis, keepdims), x)
    return spread(kept(g, x, axis, keepdims), x) * where


def _mean(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, where=True):
    if where is True and axis is None:
        n = x.size or 1
        return spread(g / n, x)
    if where is True:
        n = max(x.size // max(ans.size, 1), 1)
        return spread(kept(g / n, x, axis, keepdims), x)
    where = np.broadcast_to(where, x.shape)
    return kept(g, x, axis, keepdims) * where / np.sum(where, axis, keepdims=True)


def _var(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    n = x.size // max(np.size(g), 1)
    degrees_of_freedom = n - ddof if n > ddof else math.nan
    deviation = x - np.mean(x, axis, keepdims=True)
    if np.iscomplexobj(x):
        deviation = np.conj(deviation)
    return kept(2 * g / degrees_of_freedom, x, axis, keepdims) * deviation


def _std(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    """The slope of std is 0 where all elements are equal."""
    return _var(g / (2 * nonzero(ans)), None, x, axis, ddof=ddof, keepdims=keepdims)


def _mean_of(x, axis=None, dtype=None, out=None, keepdims=False, where=True):
    """Return the mean; the mean of all elements takes 1.0 instead of 2.5 us."""
    if axis is None and dtype is None and not keepdims and x.dtype.kind == "f" and x.size and where is True:
        return x.sum() / x.size
    return x.mean(axis, dtype, out, keepdims=keepdims, where=where)


# The methods of arrays take half the time of the functions.
rule(np.sum, _sum, run=lambda x, *args, **keywords: x.sum(*args, **keywords))
rule(np.mean, _mean, run=_mean_of)
_variance = Primitive(np.var, (_var,), "var")
_deviation = Primitive(np.std, (_std,), "std")


@implements(np.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=0):
    """Return the mean square of the distances from the mean; `correction` is another name of ddof."""
    ddof = ddof or correction
    if where is True and mean is None:
        return _variance(a, axis, dtype, None, ddof, keepdims)
    mean = np.mean(a, axis, keepdims=True, where=where) if mean is None else mean
    total = np.sum(np.square(np.abs(np.where(where, a - mean, 0))), axis, dtype, None, keepdims)
    count = np.sum(np.broadcast_to(where, np.shape(a)), axis, keepdims=keepdims)
    return total / np.maximum(count - ddof, 0).astype(total.dtype)


@implements(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=0):
    """Return the root of the variance."""
    if where is True and mean is None:
        return _deviation(a, axis, dtype, None, ddof or correction, keepdims)
    variance = np.var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return np.where(variance == 0, 0, np.sqrt(nonzero(variance)))


def weights_like(a, weights, axis):
    """Return weights in the shape of a: they have that shape, or the lengths of the given axes."""
    if np.shape(weights) != np.shape(a):
        if np.ndim(weights) != len(axes := axes_of(axis, a)):
            raise TypeError(f"weights of shape {np.shape(weights)} fit neither a, of shape {np.shape(a)}, "
                            f"nor its axis {axis}")
        in_order = np.transpose(weights, np.argsort(axes))
        weights = np.reshape(in_order, [n if i in axes else 1 for i, n in enumerate(np.shape(a))])
    return np.broadcast_to(weights, np.shape(a))


@implements(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """Return the sum of the weighted elements, divided by the sum of the weights."""
    weights = np.ones(np.shape(a), np.result_type(a)) if weights is None else weights_like(a, weights, axis)
    total = np.sum(weights, axis, keepdims=keepdims)
    mean = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Return the area below straight lines through the points."""
    y = operand(y)
    before = (slice(None),) * (axis % y.ndim)
    if x is not None:
        dx = np.diff(x, axis=-1 if np.ndim(x) == 1 else axis)
        dx = np.reshape(dx, (-1,) + (1,) * (y.ndim - 1 - len(before))) if dx.ndim == 1 else dx
    return np.sum(dx * (y[(*before, slice(1, None))] + y[(*before, slice(-1))]) / 2, axis)


@implements(np.cov)
def covariance(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """Return the weighted means of products of distances from the mean. Weights say how often, and how much."""
    def variables(x):
        return np.atleast_2d(x) if rowvar or np.ndim(x) < 2 else np.transpose(x)

    x = variables(m)
    if not len(x):
        return np.zeros((0, 0))
    x = x if y is None else np.concatenate([x, variables(y)])
    ddof = (0 if bias else 1) if ddof is None else ddof
    often, much = (1 if weights is None else operand(weights) for weights in (fweights, aweights))
    weights = np.broadcast_to(often * much, x.shape[1:])
    total = np.sum(weights)
    distances = x - np.average(x, 1, weights, keepdims=True)
    degrees_of_freedom = np.maximum(total - ddof * np.sum(weights * much) / total, 0)
    products = (distances * weights) @ np.conj(np.transpose(distances)) / degrees_of_freedom
    return np.squeeze(products if dtype is None else products.astype(dtype))


@implements(np.corrcoef)
def correlation(x, y=None, rowvar=True, *, dtype=None):
    """Return the covariances, divided by both standard deviations."""
    matrix = np.atleast_2d(np.cov(x, y, rowvar, dtype=dtype))
    deviations = np.sqrt(np.real(np.diagonal(matrix)))
    return np.squeeze(matrix / (deviations[:, None] * deviations))


# Extremes and order. Tied elements share the gradient of max and min equally.

def _extremum(g, ans, x, axis=None, out=None, keepdims=False, initial=None, where=True):
    if axis is None and initial is None and where is True:
        winners = x == ans
        return g * winners / np.sum(winners, dtype=ans.dtype)
    winners = (x == kept(ans, x, axis, keepdims)) & where
    number = np.sum(winners, axis, ans.dtype, keepdims=keepdims)
    if initial is not None:
        number = number + (ans == initial)
    return winners * kept(g / number, x, axis, keepdims)


for extremum in (np.max, np.amax):
    rule(extremum, _extremum, run=lambda x, *args, **keywords: x.max(*args, **keywords))
for extremum in (np.min, np.amin):
    rule(extremum, _extremum, run=lambda x, *args, **keywords: x.min(*args, **keywords))


@implements(np.ptp)
def peak_to_peak(a, axis=None, out=None, keepdims=False):
    """Return how far the largest and the smallest element lie apart."""
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


def merged(x, axis):
    """Return x with the axes to reduce moved to the end and merged into one."""
    axes = axes_of(axis, x)
    rest = [i for i in range(np.ndim(x)) if i not in axes]
    lengths = [np.shape(x)[i] for i in rest]
    return np.reshape(np.transpose(x, (*rest, *axes)), (*lengths, math.prod(np.shape(x)[i] for i in axes)))


# Where the share q of n ordered numbers ends, counted from 0; between two numbers there is a mixture of both.
# R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50, 1996, lists most.
PLACES = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "midpoint": lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) / 2,
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "inverted_cdf": lambda n, q: np.ceil(n * q) - 1,
    "averaged_inverted_cdf": lambda n, q: (np.floor(n * q) + np.ceil(n * q) - 1) / 2,
    "closest_observation": lambda n, q: np.rint(n * q) - 1,
    "interpolated_inverted_cdf": lambda n, q: n * q - 1,
    "hazen": lambda n, q: n * q - 0.5,
    "weibull": lambda n, q: (n + 1) * q - 1,
    "median_unbiased": lambda n, q: (n + 1 / 3) * q - 2 / 3,
    "normal_unbiased": lambda n, q: (n + 1 / 4) * q - 5 / 8,
}


def _quantile_of(ordered, n, q, method):
    """Return the quantiles along the last axis, where only the first n numbers count (an array of one number a row)."""
    if method not in PLACES:
        raise ValueError(f"method of a quantile must be one of {', '.join(map(repr, PLACES))}; got {method!r}")
    place = PLACES[method](n, np.reshape(q, -1))
    below = np.floor(place).astype(int)
    share = (place - below).astype(ordered.dtype)
    shape = (*np.shape(ordered)[:-1], np.size(q))
    lower, upper = (np.take_along_axis(ordered, np.broadcast_to(np.clip(i, 0, n - 1), shape), -1)
                    for i in (below, below + 1))
    return lower * (1 - share) + upper * share


def _shaped_quantile(value, q, a, axis, keepdims):
    """Bring the axes of q, which lie last and are joined, to the front."""
    value = np.reshape(np.moveaxis(value, -1, 0), np.shape(q) + np.shape(value)[:-1])
    return np.expand_dims(value, tuple([np.ndim(q) + i for i in axes_of(axis, a)])) if keepdims else value


def _weighted_quantile(rows, q, weights, method):
    """Return the quantiles along the last axis of rows, for weights of the same shape, which have no derivative.

    NumPy itself finds the places in each ordered row: they are the quantiles of 0, 1, 2, ... with the weights in order.
    """
    order = np.argsort(rows, -1)
    weights = np.where(np.isnan(value_of(rows)), 0, value_of(weights))
    places = np.quantile(np.broadcast_to(np.arange(rows.shape[-1]), rows.shape), np.reshape(q, -1), axis=-1,
                         method=method, weights=np.take_along_axis(weights, order, -1))
    return np.take_along_axis(np.take_along_axis(rows, order, -1), np.moveaxis(places, 0, -1).astype(int), -1)


@implements(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """Sort, and pick where the share q ends. If there is a NaN among the numbers, the quantile is NaN."""
    q, rows = operand(q), merged(a, axis)
    if weights is None:
        ordered = np.sort(rows, -1)
        value = _quantile_of(ordered, np.shape(ordered)[-1], q, method)
    else:
        value = _weighted_quantile(rows, value_of(q), merged(weights_like(a, weights, axis), axis), method)
    value = np.where(np.any(np.isnan(rows), -1, keepdims=True), np.nan, value)
    return _shaped_quantile(value, q, a, axis, keepdims)


@implements(np.nanquantile)
def nanquantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """Do the same with the numbers that are not NaN, which come first."""
    if np.size(a) == 0:
        return np.nanmean(a, axis, keepdims=keepdims)  # NumPy does so for every q
    q, rows = operand(q), merged(a, axis)
    if weights is None:
        ordered = np.sort(rows, -1)
        n = np.sum(~np.isnan(ordered), -1, keepdims=True)
        value = _quantile_of(ordered, np.maximum(n, 1), q, method)
    else:
        value = _weighted_quantile(rows, value_of(q), merged(weights_like(a, weights, axis), axis), method)
    return _shaped_quantile(value, q, a, axis, keepdims)


def _percentile(quantile):
    return lambda a, q, *args, **keywords: quantile(a, np.true_divide(q, 100), *args, **keywords)


def _median(quantile):
    def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        return quantile(a, 0.5, axis, keepdims=keepdims) if np.size(a) else np.mean(a, axis, keepdims=keepdims)
    return median


for of_all, of_numbers, written_as in ((np.percentile, np.nanpercentile, _percentile),
                                       (np.median, np.nanmedian, _median)):
    implements(of_all)(written_as(quantile))
    implements(of_numbers)(written_as(nanquantile))


# Products, exact even where factors are zero: there is no division by numbers that may be zero.

def _prod(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    """Each factor receives the product of those before it and those after it."""
    factors = merged(x if where is True else np.where(where, x, 1), axis)
    one = np.ones_like(factors[..., :1])
    before = np.concatenate([one, np.cumprod(factors[..., :-1], -1)], -1)
    after = np.concatenate([np.cumprod(factors[..., :0:-1], -1)[..., ::-1], one], -1)
    axes = axes_of(axis, x)
    order = (*[i for i in range(x.ndim) if i not in axes], *axes)
    others = np.reshape(before * after, tuple([x.shape[i] for i in order]))
    return kept(g * initial, x, axis, keepdims) * np.transpose(others, np.argsort(order)) * where


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
    """Multiply along an axis, or along the flat array."""
    return _cumulative_product(a, axis, dtype) if axis is not None else _cumulative_product(np.ravel(a), 0, dtype)


@implements(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    """Add along an axis, or along the flat array."""
    return _cumulative_sum(a, axis, dtype) if axis is not None else _cumulative_sum(np.ravel(a), 0, dtype)


def _with_start(accumulate, start):
    """Return the array API's form of a cumulative function: the result may begin with the empty sum or product."""
    def cumulative(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        x = np.atleast_1d(x)
        axis = 0 if axis is None and x.ndim == 1 else axis
        if axis is None:
            raise ValueError("axis must be given for an array of more than one dimension")
        total = accumulate(x, axis, dtype)
        first = np.full([1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)], start, total.dtype)
        return np.concatenate([first, total], axis) if include_initial else total
    return cumulative


def running(ufunc, x, axis=0, dtype=None):
    """Return ufunc.accumulate(x, axis) for a function of two numbers: each result is its next first argument."""
    rows = np.moveaxis(x if dtype is None else x.astype(dtype), axis, 0)
    results = list(rows[:1])
    for row in rows[1:]:
        results.append(ufunc(results[-1], row))
    return np.moveaxis(np.stack(results), 0, axis) if results else x


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    implements(np.cumulative_sum)(_with_start(np.cumsum, 0))
    implements(np.cumulative_prod)(_with_start(np.cumprod, 1))


# The same without NaN: it is left out by `where`, or read as a number that changes nothing.

def _of_numbers(reduction):
    """Return a reduction that leaves NaN out."""
    return lambda a, *args, where=True, **keywords: reduction(a, *args, where=where & ~np.isnan(a), **keywords)


def _with_instead_of_nan(accumulate, instead):
    """Return a cumulative function that reads NaN as `instead`."""
    return lambda a, *args, **keywords: accumulate(np.where(np.isnan(a), instead, a), *args, **keywords)


def _extremum_of_numbers(extremum, worst):
    """Return an extremum that leaves NaN out, and is NaN where everything is NaN."""
    def of_numbers(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        numbers = where & ~np.isnan(a)
        value = extremum(a, axis, keepdims=keepdims, initial=worst if initial is None else initial, where=numbers)
        return np.where(np.any(numbers, axis, keepdims=keepdims) | (initial is not None), value, np.nan)
    return of_numbers


def _deviation_of_numbers(reduction):
    """Return a variance that leaves NaN out, and is NaN where it has no degrees of freedom."""
    def of_numbers(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=0, mean=None):
        numbers = where & ~np.isnan(a)
        value = reduction(a, axis, dtype, None, ddof or correction, keepdims, where=numbers, mean=mean)
        count = np.sum(np.broadcast_to(numbers, np.shape(a)), axis, keepdims=keepdims)
        return np.where(count > (ddof or correction), value, np.nan)
    return of_numbers


for of_all, of_numbers in ((np.sum, np.nansum), (np.prod, np.nanprod), (np.mean, np.nanmean)):
    implements(of_numbers)(_of_numbers(of_all))
for of_all, of_numbers in ((np.var, np.nanvar), (np.std, np.nanstd)):
    implements(of_numbers)(_deviation_of_numbers(of_all))
for of_all, of_numbers, instead in ((np.cumsum, np.nancumsum, 0), (np.cumprod, np.nancumprod, 1)):
    implements(of_numbers)(_with_instead_of_nan(of_all, instead))
for of_all, of_numbers, worst in ((np.max, np.nanmax, -math.inf), (np.min, np.nanmin, math.inf)):
    implements(of_numbers)(_extremum_of_numbers(of_all, worst))


@implements(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    """Reduce along one axis after the other, and keep their number."""
    for axis in np.atleast_1d(axes).tolist():
        reduced = func(a, axis)
        a = reduced if np.ndim(reduced) == np.ndim(a) else np.expand_dims(reduced, axis)
    return a


constant(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.any, np.all, np.count_nonzero,
         np.digitize, np.searchsorted, np.isin)
