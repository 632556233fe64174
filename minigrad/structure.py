"""Arrays in lists, tuples and dictionaries, nested to any depth: a model's parameters, or a function's several results.

The transforms and gradcheck take such a structure apart into its arrays, work on these, and put the results back.
"""

import numpy as np

from .registry import value_of
from .tape import Node

NESTED = (dict, list, tuple)


def arrays_in(structure):
    """Return the arrays of a structure, in order; for a single array, a list with this array."""
    if not isinstance(structure, NESTED):
        return [structure]
    items = structure.values() if isinstance(structure, dict) else structure
    return [array for item in items for array in arrays_in(item)]


def mapped(function, structure, *more):
    """Return the same nesting with function(array, *more) in place of each array, in order."""
    if not isinstance(structure, NESTED):
        return function(structure, *more)
    if isinstance(structure, dict):
        return {key: mapped(function, item, *more) for key, item in structure.items()}
    items = [mapped(function, item, *more) for item in structure]
    return type(structure)._make(items) if hasattr(structure, "_make") else type(structure)(items)


def rebuild(structure, values):
    """Return the same nesting with `values`, any iterable, in place of its arrays, in order."""
    values = iter(values)
    return mapped(lambda array: next(values), structure) if isinstance(structure, NESTED) else next(values)


def paths(structure, name):
    """Return what to call each array, as in `name['w'][0]`."""
    if isinstance(structure, dict):
        items = structure.items()
    elif isinstance(structure, (list, tuple)):
        items = enumerate(structure)
    else:
        return [name]
    return [path for key, item in items for path in paths(item, f"{name}[{key!r}]")]


def arrays_like(structure, v, what):
    """Return the arrays of `v`, ordered, shaped and typed as those in `structure`; raise ValueError if they differ."""
    if isinstance(structure, dict) and isinstance(v, dict) and structure.keys() == v.keys():
        return [x for key in structure for x in arrays_like(structure[key], v[key], f"{what}[{key!r}]")]
    if isinstance(structure, (list, tuple)) and isinstance(v, (list, tuple)) and len(structure) == len(v):
        return [x for i, item in enumerate(structure) for x in arrays_like(item, v[i], f"{what}[{i}]")]
    if isinstance(structure, NESTED) or shape_of(structure) != shape_of(v):
        raise ValueError(f"v must have the form of {what}: expected {describe(structure)}, got {describe(v)}")
    return [as_dtype(v, dtype_of(structure))]


def join(arrays):
    """Return a single array as it is, and several end to end as one vector."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([np.reshape(x, (-1,)) for x in arrays]) if arrays else np.zeros(0)


def spans(structure):
    """Return where each array lies in the joined vector: (start, stop, shape)."""
    shapes = [shape_of(x) for x in arrays_in(structure)]
    ends = np.cumsum([0] + [int(np.prod(shape)) for shape in shapes]).tolist()
    return list(zip(ends[:-1], ends[1:], shapes))


def split(joined, structure):
    """Return the arrays that `join` put end to end."""
    parts = spans(structure)
    return [joined] if len(parts) == 1 else [np.reshape(joined[i:j], shape) for i, j, shape in parts]


def shape_of(x):
    """Return the shape of an array, a Tensor or a number."""
    return np.shape(value_of(x))


def size_of(x):
    """Return how many numbers an array or a Tensor holds."""
    x = value_of(x)
    return x.size if isinstance(x, (np.ndarray, np.generic)) else np.size(x)


def dtype_of(x):
    """Return the floating dtype of an array or a Tensor; float64 for other numbers."""
    dtype = np.asarray(value_of(x)).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)


def one_like(x):
    """Return a 1 in the shape and the floating dtype of a single number, which need not be an array."""
    x = value_of(x)
    return type(x)(1) if isinstance(x, np.floating) else np.ones(np.shape(x), dtype_of(x))[()]


def as_dtype(x, dtype):
    """Return x as an array of this dtype, or as a Tensor if a derivative with respect to it may be asked for."""
    if isinstance(x, Node) and x.requires_grad:
        return x if x.dtype == dtype else x.astype(dtype)
    return np.asanyarray(value_of(x), dtype)


def describe(structure):
    """Return a few words for an error message."""
    if isinstance(structure, NESTED) and arrays_in(structure):
        return str(rebuild(structure, map(describe, arrays_in(structure))))
    if isinstance(structure, (Node, np.ndarray, np.generic, int, float, complex)):
        return f"shape {shape_of(structure)}"
    return repr(structure)
