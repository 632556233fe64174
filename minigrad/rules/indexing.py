"""Indexing. The gradient of what was picked goes back to where it was picked, and adds up where an index repeats."""

import operator

import numpy as np

from ..registry import constant, implements, in_place, on_values, value_of
from ..tape import AddInto, Node, Primitive
from .products import operand


def scatter_values(values, shape, index):
    """Return zeros of `shape` with `values` added at `index`."""
    result = np.zeros_like(values, shape=shape)
    add_at(result, index, values)
    return result


def add_at(array, index, values):
    """Add `values` to array[index], in place, as often as an index repeats."""
    if not repeats(index):
        array[index] += values
        return
    # Over positions in the flat array, since np.add.at is some ten times as fast there as with several axes.
    positions = (np.zeros_like(array, dtype=int) + np.arange(array.size).reshape(array.shape))[index]
    total = np.zeros_like(array, shape=array.size)
    np.add.at(total, positions.reshape(-1), values.reshape(-1))
    array += total.reshape(array.shape)


def repeats(index):
    """Return whether an index may name an element more than once: only arrays of integers can."""
    items = index if type(index) is tuple else (index,)
    return any(isinstance(item, np.ndarray) and item.dtype != bool for item in items)


def plain_index(index):
    """Return an index with Tensors and lists replaced by arrays."""
    if type(index) is tuple:
        return tuple(map(plain_index, index))
    if isinstance(index, Node):
        return index.value
    return np.asarray(index, dtype=None if index else int) if type(index) is list else index


def _getitem(g, ans, x, index):
    if isinstance(x, Node) or (type(index) is not int and repeats(index)):
        return scatter(g, x.shape, index)
    return AddInto(index, g)


getitem = Primitive(operator.getitem, (_getitem,), "getitem")
scatter = Primitive(scatter_values, (lambda g, ans, values, shape, index: g[index],), "scatter")


# Updates that return a new array. Where an index repeats, `set` keeps the last value, which receives the gradient.

def set_values(x, values, index):
    """Return a copy of x with `values` at `index`."""
    result = np.copy(x)
    result[index] = values
    return result


def _to_values(g, ans, x, values, index):
    if not repeats(index):
        return g[index]
    writers = np.arange(np.size(ans[index])).reshape(np.shape(ans[index]))
    return g[index] * (writers == set_values(np.zeros(np.shape(ans), int), writers, index)[index])


updated = Primitive(
    set_values, (lambda g, ans, x, values, index: updated(g, 0, index), _to_values), "set")


class At:
    """`t.at[index]` offers the updates of a part of t that return a new Tensor, as in JAX.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad import Tensor
    >>> t = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> t.at[0].set(5.0).data
    array([5., 2., 3.])
    >>> t.at[np.array([1, 1])].add(1.0).data
    array([1., 4., 3.])
    """

    def __init__(self, array):
        self._array = array

    def __getitem__(self, index):
        return Update(self._array, plain_index(index))


class Update:
    """What `t.at[index]` is: `set(values)` and `add(values)`, for values that broadcast to the shape of t[index]."""

    def __init__(self, array, index):
        self._array, self._index = array, index

    def set(self, values):
        """Return a new Tensor with `values` at the index; where it repeats, the last value stays."""
        return updated(self._array, values if isinstance(values, Node) else np.asanyarray(values), self._index)

    def add(self, values):
        """Return a new Tensor with `values` added at the index, as often as it repeats."""
        values = np.broadcast_to(values, np.shape(self._array.data[self._index])).astype(self._array.dtype)
        return self._array + scatter(values, self._array.shape, self._index)


in_place(np.copyto, np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal)


# Other ways to pick elements, all by an index

def rearrange(x, move):
    """Return the elements of x where `move`, which only moves and copies numbers, takes their positions."""
    return np.reshape(x, (-1,))[move(np.arange(np.size(x)).reshape(np.shape(x)))]


@implements(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    """Index one axis, or the flat array."""
    if axis is None or np.ndim(a) == 0:
        a, axis = np.ravel(a), 0
    indices, length = value_of(indices), np.shape(a)[axis]
    if np.ndim(indices):
        indices = np.asanyarray(indices, None if np.size(indices) else int)
    if mode != "raise":
        indices = np.mod(indices, length) if mode == "wrap" else np.clip(indices, 0, length - 1)
    return a[(slice(None),) * (axis % np.ndim(a)) + (indices,)]


@implements(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    """Index one axis, by different numbers at each place of the others."""
    if axis is None:
        return np.ravel(arr)[indices]
    index = list(np.ix_(*map(range, np.shape(arr))))
    index[axis] = value_of(indices)
    return arr[tuple(index)]


@implements(np.compress)
def compress(condition, a, axis=None, out=None):
    """Take where the condition holds."""
    return np.take(a, np.flatnonzero(condition), axis)


@implements(np.extract)
def extract(condition, arr):
    """Take from the flat array where the condition holds."""
    return np.compress(np.ravel(condition), arr)


@implements(np.choose)
def choose(a, choices, out=None, mode="raise"):
    """Stack the choices, and take at each place from the one whose number is there."""
    chosen, *choices = np.broadcast_arrays(value_of(a), *choices)
    chosen = on_values(np.asarray, chosen)
    if mode != "raise":
        chosen = np.mod(chosen, len(choices)) if mode == "wrap" else np.clip(chosen, 0, len(choices) - 1)
    return np.take_along_axis(np.stack(choices), chosen[None], 0)[0]


@implements(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    """Call each function with the elements where its condition holds, and put the results back there."""
    if np.ndim(condlist) == 0 or (np.ndim(condlist[0]) == 0 and np.ndim(x)
                                  and not isinstance(condlist[0], (list, np.ndarray))):
        condlist = [condlist]  # a single condition
    conditions = np.asarray(value_of(condlist), bool)
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, 0, keepdims=True)])
    result = np.zeros_like(x)
    for condition, function in zip(conditions, funclist):
        rest = (1,) * (np.ndim(x) - np.ndim(condition))  # a condition may hold for whole rows
        condition = np.broadcast_to(np.reshape(condition, np.shape(condition) + rest), np.shape(x))
        there = x[condition]
        values = np.broadcast_to(function(there, *args, **kw) if callable(function) else function, there.shape)
        result = np.where(condition, 0, result) + scatter(values.astype(x.dtype), x.shape, (condition,))
    return result


@implements(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """Call the function with each row along the axis, and stack the results."""
    rows = np.moveaxis(arr, axis, -1)
    outer = np.shape(rows)[:-1]
    results = np.stack([func1d(rows[i], *args, **kwargs) for i in np.ndindex(outer)])
    results = np.reshape(results, outer + np.shape(results)[1:])
    made = range(len(outer), np.ndim(results))
    return np.moveaxis(results, made, [axis % np.ndim(arr) + i for i in range(len(made))])


def of_dtype(x, values):
    """Return values, a Tensor or an array, in the dtype of x."""
    return values.astype(np.result_type(x)) if values.dtype != np.result_type(x) else values


# Sets: NumPy finds the values, and each is then taken from where it occurs first.

def _of_set(function, number):
    """Return the NumPy function of `number` sets with the values of its result taken from the arguments."""
    def values_of_set(*args, axis=None, **keywords):
        if axis is not None:
            raise TypeError(f"np.{function.__name__} of parts along an axis has no derivative rule: apply it to t.data "
                            "with return_index=True, and take t at these places")
        result = on_values(function, *args, **keywords)
        several = isinstance(result, tuple)
        found = result[0] if several else result
        x = np.concatenate([np.ravel(operand(a)) for a in args[:number]])
        order = np.argsort(x, kind="stable")
        values = of_dtype(found, x[order[np.searchsorted(value_of(x), found, sorter=order)]])
        if hasattr(result, "_replace"):
            return result._replace(values=values)
        return (values, *result[1:]) if several else values
    return values_of_set


for function in (np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values):
    implements(function)(_of_set(function, 1))
for function in (np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d):
    implements(function)(_of_set(function, 2))


# Counting and looking up

@implements(np.bincount)
def bincount(x, weights=None, minlength=0):
    """Add the weights up at the places x."""
    x = np.asanyarray(value_of(x), None if np.size(x) else int)
    if not isinstance(weights, Node):
        return np.bincount(x, weights, minlength)
    return scatter(weights, (max(minlength, np.max(x, initial=-1) + 1),), x)


def _histogram_of_weights(points, edges, density, weights):
    """Add the weights of points, a row each, up in bins; the last bin along each axis is closed."""
    inside, places = True, []
    for x, bounds in zip(points.T, edges):
        places.append(np.minimum(np.searchsorted(bounds, x, "right") - 1, len(bounds) - 2))
        inside = inside & (bounds[0] <= x) & (x <= bounds[-1])
    total = scatter(np.ravel(weights)[inside], tuple([len(bounds) - 1 for bounds in edges]),
                    tuple([place[inside] for place in places]))
    if not density:
        return total
    volumes = 1.0
    for bounds in edges:
        volumes = np.multiply.outer(volumes, np.diff(bounds))
    return total / (np.sum(total) * volumes)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """Return points at equal distances from the smallest to the largest number, unless the edges are given."""
    edges = np.histogram_bin_edges(value_of(a), value_of(bins), range)
    if np.ndim(bins):
        return operand(bins)
    if range is not None or edges[0] != np.min(value_of(a), initial=np.inf):
        return edges
    return np.linspace(np.min(a), np.max(a), len(edges))


@implements(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    """Count, which has no derivative, or add weights up, which has one."""
    edges = np.histogram_bin_edges(a, bins, range)
    a, bounds = np.asarray(value_of(a)), np.asarray(value_of(edges))
    if not isinstance(weights, Node):
        return np.histogram(a, bounds, density=density, weights=weights)[0], edges
    return _histogram_of_weights(a.reshape(-1, 1), [bounds], density, weights), edges


@implements(np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """Do the same in a space of several dimensions."""
    sample, bins = value_of(sample), value_of(bins)
    points = sample if isinstance(sample, np.ndarray) and sample.ndim == 2 else np.atleast_2d(sample).T
    counts, edges = np.histogramdd(points, bins, range, density, None if isinstance(weights, Node) else weights)
    return (_histogram_of_weights(points, edges, density, weights) if isinstance(weights, Node) else counts), edges


@implements(np.histogram2d)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """Do the same in the plane."""
    bins = value_of(bins)
    if np.ndim(bins) == 1 and len(bins) > 2:
        bins = [bins, bins]  # NumPy takes more than two numbers for the edges along both axes
    total, (x_edges, y_edges) = histogramdd((x, y), bins, range, density, weights)
    return total, x_edges, y_edges


@implements(np.interp)
def interpolate(x, xp, fp, left=None, right=None, period=None):
    """Draw straight lines between the points and level ones beyond them. All of x, xp and fp receive gradients."""
    x, xp, fp = map(operand, (x, xp, fp))
    if period is not None:
        x, xp = np.remainder(x, abs(period)), np.remainder(xp, abs(period))
        order = np.argsort(xp)
        order = np.concatenate([order[-1:], order, order[:1]])
        turns = np.zeros(order.size)
        turns[0], turns[-1] = -abs(period), abs(period)
        xp, fp, left, right = xp[order] + turns, fp[order], None, None
    if xp.size == 1:
        xp, fp = np.append(xp, xp + 1), np.append(fp, fp)
    below = np.clip(np.searchsorted(xp, x, "right") - 1, 0, xp.size - 2)
    x0, y0 = xp[below], fp[below]
    y = y0 + (x - x0) * ((fp[below + 1] - y0) / (xp[below + 1] - x0))
    y = np.where(x < xp[0], fp[0] if left is None else left, y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


constant(np.nonzero, np.flatnonzero, np.argwhere, np.argsort, np.argpartition, np.lexsort, np.ix_, np.unravel_index,
         np.ravel_multi_index, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)
