"""Indexing. The gradient of what was picked out goes back to where it was picked, and adds up where an index repeats."""

import operator

import numpy as np

from ..tape import Node, Primitive


def scatter_values(values, shape, index):
    """Return zeros of `shape` with `values` added at `index`."""
    result = np.zeros(shape, values.dtype)
    add_at(result, index, values)
    return result


def add_at(array, index, values):
    """Add `values` to array[index], in place, as often as the index says so."""
    if repeats(index):
        np.add.at(array, index, values)
    else:
        array[index] += values


def repeats(index):
    """Tell whether an index may name an element more than once: only arrays and lists of integers can."""
    items = index if type(index) is tuple else (index,)
    return any(isinstance(item, (np.ndarray, list)) and np.asarray(item).dtype != bool for item in items)


def _getitem(g, ans, x, index):
    if type(g) is not np.float64 and isinstance(g, Node):
        return scatter(g, x.shape, index)
    if type(index) is int or not repeats(index):
        def add(gradient):
            gradient[index] += g
    else:
        def add(gradient):
            np.add.at(gradient, index, g)
    return add


getitem = Primitive(operator.getitem, (_getitem,), "getitem")
scatter = Primitive(scatter_values, (lambda g, ans, values, shape, index: g[index],), "scatter")
