"""A parameter, its gradient, its state and its hyperparameters in pieces.

A step on a large parameter goes through it in pieces, so that a piece and all its temporaries stay in the cache. States
and hyperparameters are trees here: nested dictionaries and tuples, with arrays in them.
"""

from itertools import repeat
from math import prod

import numpy as np


def in_pieces(size, data, grad, state, settings):
    """Iterate over a parameter, its gradient, state and hyperparameters, in pieces of at most about `size` numbers.

    They are cut along the longest axis, or as vectors if possible. Arrays in the state that do not have the shape of
    the parameter stay whole. Arrays of hyperparameters are cut as they are broadcast.
    """
    many = has_array(settings)
    as_vectors = not many and all(array.flags.c_contiguous for array in arrays_in((data, grad, state)))

    def view(array):
        return array.reshape(-1) if as_vectors else array

    def cut(array):
        return map(view(array).__getitem__, indices) if array.shape == data.shape else repeat(array)

    def cut_broadcast(array):
        return [broadcast_piece(array, index, data.ndim) for index in indices]

    indices = piece_indices(view(data).shape, size)
    settings = pieces_of(settings, cut_broadcast) if many else repeat(settings)
    return zip(cut(data), cut(grad), pieces_of(state, cut), settings)


def piece_indices(shape, size):
    """Return the indices that cut an array, along its longest axis, into pieces of at most about `size` numbers."""
    length = max(shape)
    width, before = max(1, size * length // prod(shape)), [slice(None)] * shape.index(length)
    return [(*before, slice(start, start + width)) for start in range(0, length, width)]


def pieces_of(tree, cut):
    """Iterate over the pieces of a tree, given cut(array), which returns the pieces of an array in it.

    Anything that is not an array is repeated for every piece, without end.
    """
    if isinstance(tree, np.ndarray):
        return iter(cut(tree))
    if isinstance(tree, dict):
        columns = [pieces_of(entry, cut) for entry in tree.values()]
        return (dict(zip(tree, entries)) for entries in (zip(*columns) if columns else repeat(())))
    if type(tree) is tuple and tree:
        return zip(*[pieces_of(entry, cut) for entry in tree])
    return repeat(tree)


def broadcast_piece(array, index, ndim):
    """Return the piece of an array of hyperparameters that belongs to the piece `index` of a parameter of `ndim` axes.

    They are aligned at the last axis, as in broadcasting.
    """
    own = index[ndim - array.ndim:]
    return array[tuple([slice(None) if n == 1 else i for n, i in zip(array.shape, own)])]


def join_new(state, parts, shape):
    """If a state has None and `update` has put an array into each part, join these arrays into one."""
    for name, entry in parts[0].items():
        if isinstance(entry, dict):
            join_new(state[name], [part[name] for part in parts], shape)
        elif state[name] is None and entry is not None:
            axis = shape.index(max(shape)) if entry.ndim == len(shape) else 0  # they were cut as vectors
            state[name] = np.concatenate([part[name] for part in parts], axis).reshape(shape)


def arrays_in(tree):
    """Yield the arrays in a tree."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (dict, tuple)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_in(item)


def has_array(tree):
    """Return whether a tree holds an array with axes."""
    return any(array.ndim for array in arrays_in(tree))
