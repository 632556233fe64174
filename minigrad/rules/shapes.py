"""Functions that move numbers without changing them: each rule moves the gradients back.

A primitive's rule is usually the inverse function. The rest is written in terms of reshape, concatenate,
indexing and so on, which Tensors record.
"""

from itertools import pairwise

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, each, implements, rule, value_of
from ..tape import Node, Primitive
from .indexing import of_dtype, rearrange, scatter
from .products import operand

# Reshaping

# Nobody can see whether reshape copies, since Tensors are not written into.
rule(np.reshape, lambda g, ans, x, shape=None, order="C", copy=None: np.reshape(g, np.shape(x), order),
     run=lambda x, shape, order="C", copy=None: x.reshape(shape, order=order))
rule(np.squeeze, lambda g, ans, x, axis=None: np.reshape(g, np.shape(x)))
rule(np.expand_dims, lambda g, ans, x, axis: np.reshape(g, np.shape(x)))
rule(np.broadcast_to, lambda g, ans, x, shape: g)
rule(np.copy, lambda g, ans, x, order="K": g)


@implements(np.ravel)
def ravel(a, order="C"):
    """Put the numbers into one row, by rows ("C"), by columns ("F") or as they lie in memory ("K")."""
    if order == "K":  # the order in memory
        a, order = np.transpose(a, np.argsort(np.negative(np.abs(a.data.strides)), kind="stable")), "C"
    if order == "A":
        order = "F" if a.data.flags.fnc else "C"
    return np.reshape(a, (-1,), order)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args):
    """Stretch all arrays to their common shape."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple([np.broadcast_to(array, shape) for array in args])


def _at_least(ndim, grow):
    """Return the function that gives an array at least `ndim` axes, as `grow` says for one that has fewer."""
    def at_least(*arys):
        grown = tuple([a if a.ndim >= ndim else np.reshape(a, grow(a.shape)) for a in map(operand, arys)])
        return grown[0] if len(grown) == 1 else grown
    return at_least


implements(np.atleast_1d)(_at_least(1, lambda shape: (1,)))
implements(np.atleast_2d)(_at_least(2, lambda shape: (1, *shape) if shape else (1, 1)))
implements(np.atleast_3d)(_at_least(3, lambda shape: {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)]))


# Permuting axes

rule(np.transpose,
     lambda g, ans, x, axes=None: np.transpose(g, None if axes is None else np.argsort(np.mod(axes, x.ndim))))
rule(np.swapaxes, lambda g, ans, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
rule(np.moveaxis, lambda g, ans, x, source, destination: np.moveaxis(g, destination, source))


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x):
    """Swap the last two axes."""
    return np.swapaxes(x, -1, -2)


@implements(np.rollaxis)
def roll_axis(a, axis, start=0):
    """Move an axis in front of another one."""
    axis, start = axis % np.ndim(a), start + np.ndim(a) if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


# Reversing and rolling

rule(np.flip, lambda g, ans, m, axis=None: np.flip(g, axis))
rule(np.fliplr, lambda g, ans, m: np.fliplr(g))
rule(np.flipud, lambda g, ans, m: np.flipud(g))
rule(np.rot90, lambda g, ans, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
rule(np.roll, lambda g, ans, a, shift, axis=None: np.roll(g, np.negative(shift), axis))

# Triangles and diagonals

rule(np.tril, lambda g, ans, m, k=0: np.tril(g, k))
rule(np.triu, lambda g, ans, m, k=0: np.triu(g, k))


@implements(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    """Pick the elements whose two indices differ by the offset."""
    matrices = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = matrices.shape[-2:]
    i = np.arange(max(min(rows + min(offset, 0), columns - max(offset, 0)), 0))
    return matrices[..., i - min(offset, 0), i + max(offset, 0)]


@implements(np.linalg.diagonal)
def diagonal_of_matrices(x, /, *, offset=0):
    """Pick the diagonal of each matrix in a stack."""
    return np.diagonal(x, offset, -2, -1)


@implements(np.diag)
def diag(v, k=0):
    """Pick the diagonal of a matrix, or make a matrix with this diagonal."""
    if np.ndim(v) == 2:
        return np.diagonal(v, k)
    i, length = np.arange(np.size(v)), np.size(v) + abs(k)
    return scatter(v, (length, length), (i - min(k, 0), i + max(k, 0)))


@implements(np.diagflat)
def diag_of_flat(v, k=0):
    """Make a matrix whose diagonal holds all numbers."""
    return np.diag(np.ravel(v), k)


@implements(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """Add up a diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), -1, dtype)


@implements(np.linalg.trace)
def trace_of_matrices(x, /, *, offset=0, dtype=None):
    """Add up the diagonal of each matrix in a stack."""
    return np.trace(x, offset, -2, -1, dtype)


# Joining. The primitives take the arrays one by one, so that each has its own gradient.

def _part(position, g, ans, *arrays, axis, ends):
    """Return the slice of g that belongs to the array at `position`."""
    return g[(slice(None),) * axis + (slice(ends[position], ends[position + 1]),)]


_concatenate = Primitive(lambda *arrays, axis, ends: np.concatenate(arrays, axis), each(_part), "concatenate")
_stack = Primitive(lambda *arrays, axis=0: np.stack(arrays, axis),
                   each(lambda position, g, ans, *arrays, axis=0: np.take(g, position, axis)), "stack")


@implements(np.concatenate)
def concatenate(arrays, axis=0, *, dtype=None):
    """Put arrays one after the other along an axis, or flat ones."""
    arrays = list(arrays) if axis is not None else [np.ravel(a) for a in arrays]
    axis = 0 if axis is None else axis % max(np.ndim(arrays[0]), 1)
    ends = [0, *np.cumsum([np.size(a) if np.ndim(a) == 0 else np.shape(a)[axis] for a in arrays]).tolist()]
    joined = _concatenate(*arrays, axis=axis, ends=ends)
    return joined if dtype is None else joined.astype(dtype)


@implements(np.stack)
def stack(arrays, axis=0, *, dtype=None):
    """Put arrays one after the other along a new axis."""
    joined = _stack(*arrays, axis=axis)
    return joined if dtype is None else joined.astype(dtype)


@implements(np.vstack)
def stack_rows(tup, *, dtype=None):
    """Stack rows, or matrices, on top of each other."""
    return np.concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def stack_side_by_side(tup, *, dtype=None):
    """Put arrays side by side: along the second axis, or the only one."""
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1, dtype=dtype)


@implements(np.dstack)
def stack_in_depth(tup):
    """Stack matrices behind each other, along the third axis."""
    return np.concatenate([np.atleast_3d(a) for a in tup], 2)


@implements(np.column_stack)
def stack_columns(tup):
    """Make columns of vectors, and put them side by side."""
    return np.concatenate([a if np.ndim(a) > 1 else np.reshape(a, (-1, 1)) for a in tup], 1)


@implements(np.append)
def append(arr, values, axis=None):
    """Put values after an array."""
    return np.concatenate([arr, values], axis)


@implements(np.block)
def block(arrays):
    """Join nested lists of arrays, the innermost along the last axis."""
    def depth(blocks):
        return 1 + depth(blocks[0]) if isinstance(blocks, list) else 0

    def most_axes(blocks):
        return max(map(most_axes, blocks)) if isinstance(blocks, list) else np.ndim(blocks)

    ndim = max(depth(arrays), most_axes(arrays))

    def join(blocks, levels):
        if isinstance(blocks, list):
            return np.concatenate([join(part, levels - 1) for part in blocks], -levels)
        return np.reshape(blocks, (1,) * (ndim - np.ndim(blocks)) + np.shape(blocks))
    return join(arrays, depth(arrays))


# Splitting

@implements(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """Cut an axis into parts of nearly equal length, or at the given places."""
    if np.ndim(indices_or_sections):
        ends = [0, *map(int, indices_or_sections), None]
    else:
        parts = np.array_split(np.arange(np.shape(ary)[axis]), indices_or_sections)
        ends = [0, *np.cumsum([len(part) for part in parts]).tolist()]
    before = (slice(None),) * (axis % np.ndim(ary))
    return [ary[(*before, slice(start, stop))] for start, stop in pairwise(ends)]


@implements(np.split)
def split(ary, indices_or_sections, axis=0):
    """Cut an axis into equal parts, or at the given places."""
    length = np.shape(ary)[axis]
    if not np.ndim(indices_or_sections) and length % indices_or_sections:
        raise ValueError(f"an axis of length {length} cannot be split into {indices_or_sections} equal parts: "
                         "np.array_split makes parts of nearly equal length")
    return np.array_split(ary, indices_or_sections, axis)


@implements(np.vsplit)
def split_rows(ary, indices_or_sections):
    """Cut the first axis."""
    return np.split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def split_columns(ary, indices_or_sections):
    """Cut the second axis, or the only one."""
    return np.split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


@implements(np.dsplit)
def split_in_depth(ary, indices_or_sections):
    """Cut the third axis."""
    return np.split(ary, indices_or_sections, 2)


def unstack(x, /, *, axis=0):
    """Return the slices along an axis as a tuple."""
    return tuple(np.moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # since NumPy 2.1
    implements(np.unstack)(unstack)


# Repeating

@implements(np.repeat)
def repeat(a, repeats, axis=None):
    """Take each element as often as `repeats` says."""
    if axis is None or np.ndim(a) == 0:
        a, axis = np.ravel(a), 0
    return np.take(a, np.repeat(np.arange(np.shape(a)[axis]), repeats), axis)


@implements(np.tile)
def tile(A, reps):
    """Lay copies side by side: each axis is preceded by one along which it is stretched, and the two are joined."""
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    ndim = max(np.ndim(A), len(reps))
    reps, shape = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - np.ndim(A)) + np.shape(A)
    copies_of_axes = [length for pair in zip(reps, shape) for length in pair]
    axes = [length for n in shape for length in (1, n)]
    return np.reshape(np.broadcast_to(np.reshape(A, axes), copies_of_axes), [r * n for r, n in zip(reps, shape)])


@implements(np.resize)
def resize(a, new_shape):
    """Take the numbers over and over until the new shape is full."""
    if np.size(a) == 0:
        return np.zeros(new_shape, np.result_type(a))
    return np.take(np.ravel(a), np.resize(np.arange(np.size(a)), new_shape))


@implements(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Give each vector an axis of its own, and stretch it along those of the others."""
    grids = [np.reshape(x, [-1 if i == axis else 1 for i in range(len(xi))]) for axis, x in enumerate(xi)]
    if indexing == "xy" and len(xi) > 1:
        grids = [np.swapaxes(grid, 0, 1) for grid in grids]
    return tuple(grids) if sparse else np.broadcast_arrays(*grids)


# Padding, inserting and deleting

_pad_with_constant = Primitive(lambda x, widths, inner, value: np.pad(x, widths, constant_values=value),
                               (lambda g, ans, x, widths, inner, value: g[inner],), "pad")


@implements(np.pad)
def pad(array, pad_width, mode="constant", *, constant_values=0, **keywords):
    """Put numbers around an array: a constant, or numbers of its own."""
    if isinstance(pad_width, dict):
        of_axis = dict(zip(normalize_axis_tuple(pad_width, np.ndim(array)), pad_width.values()))
        pad_width = [np.broadcast_to(of_axis.get(i, 0), 2) for i in range(np.ndim(array))]
    if np.ndim(array) == 0:
        return np.copy(array)
    if mode == "constant":
        widths = np.broadcast_to(np.asarray(pad_width, int), (np.ndim(array), 2))
        inner = tuple([slice(before, before + n) for (before, _), n in zip(widths.tolist(), np.shape(array))])
        return _pad_with_constant(array, widths, inner, constant_values)
    if mode in ("edge", "reflect", "symmetric", "wrap") and keywords.get("reflect_type", "even") == "even":
        return rearrange(array, lambda positions: np.pad(positions, pad_width, mode, **keywords))
    raise TypeError(f"np.pad of mode {mode!r} with {keywords} has no derivative rule; "
                    "constant, edge, wrap, and even reflect and symmetric have one")


@implements(np.insert)
def insert(arr, obj, values, axis=None):
    """Put array and values end to end, and take from there in the order that NumPy gives to positions."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis %= np.ndim(arr)
    shape = list(np.shape(arr))
    length, shape[axis] = shape[axis], np.insert(np.arange(shape[axis]), obj, 0).size - shape[axis]
    if shape[axis] == 0:
        return np.copy(arr)
    places = np.arange(length)[obj] if isinstance(obj, slice) else obj
    if np.size(places) == 1:  # NumPy inserts all of `values` at a single place
        values = np.reshape(values, (1,) * (np.ndim(arr) - np.ndim(values)) + np.shape(values))
        values = np.moveaxis(values, 0, axis) if np.ndim(obj) == 0 else values
        shape[axis] = values.shape[axis]
    order = np.insert(np.arange(length), obj, np.arange(length, length + shape[axis]))
    return np.take(np.concatenate([arr, of_dtype(arr, np.broadcast_to(values, shape))], axis), order, axis)


@implements(np.delete)
def delete(arr, obj, axis=None):
    """Take the positions that NumPy keeps."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(np.shape(arr)[axis]), obj), axis)


@implements(np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None):
    """Cut zeros off at the front and at the back, along the given axes."""
    axes = normalize_axis_tuple(range(filt.ndim) if axis is None else axis, filt.ndim)
    if not axes:
        return filt
    places, index = np.nonzero(filt), [slice(None)] * filt.ndim
    for i in axes:
        first, last = (min(places[i]), max(places[i]) + 1) if len(places[i]) else (0, 0)
        index[i] = slice(first if "f" in trim.lower() or not last else 0,
                         last if "b" in trim.lower() or not last else None)
    return filt[tuple(index)]


# Sorting: where each element goes is found with plain numbers, and then it is taken from there.

@implements(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    """Take the elements in the order that argsort finds."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argsort(a, axis, kind=kind, stable=stable), axis)


@implements(np.sort_complex)
def sort_complex(a):
    """Sort by real parts, and equal ones by imaginary parts; the result is complex in any case."""
    ordered = np.sort(a)
    return ordered if np.iscomplexobj(a) else ordered.astype(complex)


@implements(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    """Take the elements in the order that argpartition finds."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argpartition(a, kth, axis), axis)


# Differences

@implements(np.diff)
def diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    """Subtract neighbours, n times."""
    if n == 0:
        return a
    one_long = [1 if i == axis % np.ndim(a) else length for i, length in enumerate(np.shape(a))]
    parts = [np.broadcast_to(part, one_long) if np.ndim(part) == 0 else part
             for part in (prepend, a, append) if part is not np._NoValue]
    x = np.moveaxis(np.concatenate(parts, axis) if len(parts) > 1 else a, axis, -1)
    for _ in range(n):
        x = x[..., 1:] - x[..., :-1]
    return np.moveaxis(x, -1, axis)


@implements(np.ediff1d)
def differences_of_flat(ary, to_end=None, to_begin=None):
    """Subtract neighbours in the flat array, and put numbers before and behind."""
    parts = (to_begin, np.diff(np.ravel(ary)), to_end)
    return np.concatenate([of_dtype(ary, np.ravel(part)) for part in parts if part is not None])


def _slopes(y, steps, edge_order):
    """Return the derivative along the last axis, at points `steps` apart: of the parabola through three neighbours."""
    chords = (y[..., 1:] - y[..., :-1]) / steps
    bends = (chords[..., 1:] - chords[..., :-1]) / (steps[:-1] + steps[1:])
    inside = chords[..., :-1] + bends * steps[:-1]
    first, last = chords[..., :1], chords[..., -1:]
    if edge_order == 2:
        first, last = first - bends[..., :1] * steps[:1], last + bends[..., -1:] * steps[-1:]
    return np.concatenate([first, inside, last], -1)


@implements(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """Return the slopes along each axis, for points at any distance from one another."""
    axes = range(np.ndim(f)) if axis is None else normalize_axis_tuple(axis, np.ndim(f))
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient takes no spacing, one number, or one for each of the {len(axes)} axes; "
                        f"got {len(varargs)}")
    slopes = []
    for i, spacing in zip(axes, spacings):
        length = np.shape(f)[i]
        if length <= edge_order:
            raise ValueError(f"axis {i} has {length} elements; edge_order={edge_order} needs {edge_order + 1}")
        steps = np.diff(spacing) if np.ndim(spacing) else spacing * np.ones(length - 1)
        steps = steps.astype(np.result_type(f, 1.0))
        slopes.append(np.moveaxis(_slopes(np.moveaxis(f, i, -1), steps, edge_order), -1, i))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


# Making arrays. Most such functions take only the shape of a Tensor, and return plain arrays; these take its numbers.

@implements(np.full)
def full(shape, fill_value, dtype=None, order="C", *, device=None):
    """Return an array filled with a Tensor; NumPy calls this only with `like=`, as in np.full(3, t, like=t)."""
    return full_like(np.zeros(shape, dtype or np.result_type(fill_value)), fill_value)


@implements(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """Broadcast the value to the shape."""
    fill_value = fill_value if isinstance(fill_value, Node) else np.asarray(fill_value)
    return np.broadcast_to(fill_value, np.shape(a) if shape is None else shape).astype(dtype or np.result_type(a))


@implements(np.arange)
def arange(start, stop=None, step=1, dtype=None, *, device=None):
    """Return start, start + step, ... below stop; NumPy calls this only with `like=`, as in np.arange(t, like=t)."""
    number = np.arange(value_of(start), value_of(stop), value_of(step)).size
    line = (0 if stop is None else start) + step * np.arange(number)
    return line if dtype is None else line.astype(dtype)


@implements(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """Return points at equal distances from start to stop."""
    shares = np.linspace(0, 1, num, endpoint, dtype=np.result_type(start, stop, 1.0))
    extent, intervals = stop - start, num - 1 if endpoint else num
    line = np.moveaxis(start + extent * np.reshape(shares, (-1,) + (1,) * np.ndim(extent)), 0, axis)
    line = line if dtype is None else line.astype(dtype)
    return (line, extent / intervals if intervals > 0 else np.nan) if retstep else line


@implements(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """Return powers of the base, with exponents at equal distances."""
    if np.ndim(base):
        start, stop, base = np.broadcast_arrays(start, stop, base)
        base = np.expand_dims(base, axis)
    powers = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return powers if dtype is None else powers.astype(dtype)


@implements(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Return points with equal ratios from start to stop."""
    ratio = stop / start
    shares = np.linspace(np.zeros(np.shape(ratio), ratio.dtype), 1, num, endpoint, dtype=ratio.dtype)
    line = np.moveaxis(start * np.power(ratio, shares), 0, axis)
    return line if dtype is None else line.astype(dtype)


@implements(np.vander)
def vandermonde(x, N=None, increasing=False):
    """Return the powers of x as columns."""
    powers = x[:, None] ** np.arange(np.size(x) if N is None else N, dtype=np.result_type(x))
    return powers if increasing else powers[:, ::-1]


@implements(np.astype)
def astype(x, dtype, /, *, copy=True, device=None):
    """Change the precision."""
    return x.astype(dtype)


# np.array([...], like=t) comes here; if an item requires a gradient, it raises an error, since that would be lost.
for function in (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray):
    implements(function)(function)

constant(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type,
         np.shares_memory, np.may_share_memory, np.array_repr, np.array_str, np.array2string,
         np.save, np.savez, np.savez_compressed, np.savetxt,
         np.zeros_like, np.ones_like, np.empty_like, np.zeros, np.ones, np.empty, np.eye, np.identity,
         np.tri, np.fromfunction, np.fromiter, np.frombuffer, np.fromstring, np.fromfile, np.loadtxt, np.genfromtxt)
