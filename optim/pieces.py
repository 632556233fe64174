"""Pieces of a parameter, of its state (nested dictionaries of arrays) and of its hyperparameters.

A step on a large parameter goes through it in pieces, so that a piece and all its temporaries stay in the cache.
"""

import numpy as np


def map_arrays(function, state, shape):
    """Return a state with `function` applied to its arrays of the parameter's shape."""
    if isinstance(state, dict):
        return {name: map_arrays(function, entry, shape) for name, entry in state.items()}
    return function(state) if isinstance(state, np.ndarray) and state.shape == shape else state


def has_none(state):
    """Tell whether an entry of a state is None: an array that the first update will make."""
    return any(entry is None or (isinstance(entry, dict) and has_none(entry)) for entry in state.values())


def keep_new(state, whole, piece, view, shape):
    """Write the arrays that `update` has put in the place of None into arrays for the whole parameter."""
    for name, entry in piece.items():
        if isinstance(entry, dict):
            keep_new(state[name], whole[name], entry, view, shape)
        elif whole[name] is None and entry is not None:
            if state[name] is None:
                state[name] = np.empty(shape, entry.dtype)
            view(state[name])[...] = entry


def cut(value, index, ndim):
    """Return the piece of hyperparameters that belongs to the piece `index` of a parameter with `ndim` axes."""
    if isinstance(value, dict):
        return {name: cut(item, index, ndim) for name, item in value.items()}
    if type(value) is tuple:
        return tuple([cut(item, index, ndim) for item in value])
    if isinstance(value, np.ndarray):  # aligned at the last axis, as in broadcasting
        own = index[ndim - value.ndim:]
        return value[tuple([slice(None) if n == 1 else i for n, i in zip(value.shape, own)])]
    return value


def arrays_in(tree):
    """Yield the arrays in nested dictionaries and tuples."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (dict, tuple)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_in(item)


def has_array(tree):
    """Tell whether nested dictionaries and tuples hold an array."""
    return any(True for _ in arrays_in(tree))


def is_contiguous(tree):
    """Tell whether all arrays can be seen as vectors, in the same order, without a copy."""
    return all(array.flags.c_contiguous for array in arrays_in(tree))
