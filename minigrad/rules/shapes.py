"""Functions that move numbers without changing them: each rule moves the gradients back."""

import numpy as np

from ..registry import constant, each, implements, rule
from ..tape import Primitive

rule(np.reshape, lambda g, ans, x, shape, order="C": np.reshape(g, np.shape(x), order))
rule(np.transpose, lambda g, ans, x, axes=None: np.transpose(g, None if axes is None else np.argsort(axes)))
rule(np.broadcast_to, lambda g, ans, x, shape: g)


# Joining. The primitives take the arrays one by one, so that each has a gradient of its own.

def _part(position, g, ans, *arrays, axis=0):
    """Return the slice of g that belongs to the array at `position`."""
    if axis is None:
        ends = np.cumsum([np.size(a) for a in arrays])
        return np.reshape(g[ends[position] - np.size(arrays[position]):ends[position]], np.shape(arrays[position]))
    ends = np.cumsum([np.shape(a)[axis] for a in arrays])
    index = [slice(None)] * g.ndim
    index[axis] = slice(ends[position] - np.shape(arrays[position])[axis], ends[position])
    return g[tuple(index)]


_concatenate = Primitive(lambda *arrays, axis=0: np.concatenate(arrays, axis), each(_part), "concatenate")
_stack = Primitive(lambda *arrays, axis=0: np.stack(arrays, axis),
                   each(lambda position, g, ans, *arrays, axis=0: np.take(g, position, axis)), "stack")


@implements(np.concatenate)
def concatenate(arrays, axis=0):
    return _concatenate(*arrays, axis=axis)


@implements(np.stack)
def stack(arrays, axis=0):
    return _stack(*arrays, axis=axis)


constant(np.shape, np.ndim, np.size)
