"""Products. Every product of two arrays is a matrix product once the axes are in order, so two rules carry this file.

`matmul` is the one that networks spend their time in. `_contract` multiplies two arrays whose axes have labels, as in
`einsum`; `tensordot`, `inner` and `einsum` of any number of arrays come down to it. `sliding_window_view` turns a
convolution into such a product: `np.einsum("ocij,nchwij->nohw", weight, windows)`, fastest with the weights first.
"""

import operator
from functools import lru_cache
from math import prod
from string import ascii_letters, ascii_lowercase, ascii_uppercase

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, implements, rule
from ..tape import Node, Primitive


def operand(x):
    """Return an argument as something that has a shape: lists become arrays, as in NumPy."""
    return x if isinstance(x, Node) else np.asanyarray(x)


# Matrices, and stacks of them: Y = XW gives ∂L/∂X = GWᵀ and ∂L/∂W = XᵀG (M. Giles, "An extended collection of matrix
# derivative results for forward and reverse mode algorithmic differentiation", 2008, section 2.2.2).

def _matmul_left(g, ans, x, y):
    if x.ndim == y.ndim == 2:
        return g @ y.T
    if x.ndim == y.ndim == 1:
        return g * y
    if y.ndim == 1:
        return g[..., None] * y
    if x.ndim == 1:
        return (y @ g[..., None])[..., 0]
    return g @ y.mT


def _matmul_right(g, ans, x, y):
    if x.ndim == 2 and y.ndim <= 2:
        return x.T @ g
    if x.ndim == y.ndim == 1:
        return x * g
    if x.ndim == 1:
        return x[:, None] * g[..., None, :]
    if y.ndim <= 2:
        # One product over all rows of the stack, rather than one for each matrix and then their sum.
        rows = prod(x.shape[:-1])
        return np.reshape(x, (rows, x.shape[-1])).T @ np.reshape(g, (rows, *y.shape[1:]))
    return x.mT @ g


rule(np.matmul, _matmul_left, _matmul_right, run=operator.matmul)


@implements(np.linalg.matmul)
def matmul(x1, x2):
    """Multiply matrices, or stacks of them."""
    return np.matmul(x1, x2)


@implements(np.dot)
def dot(a, b):
    """Sum over the last axis of a and the second-last of b, for all combinations of the others."""
    a, b = operand(a), operand(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return a @ b if b.ndim <= 2 else np.tensordot(a, b, (-1, -2))


@implements(np.inner)
def inner(a, b):
    """Sum over the last axes, for all combinations of the others."""
    a, b = operand(a), operand(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else np.tensordot(a, b, (-1, -1))


@implements(np.outer, np.linalg.outer)
def outer(a, b):
    """Multiply each number of a by each of b."""
    return np.reshape(operand(a), (-1, 1)) * np.reshape(operand(b), (1, -1))


@implements(np.vdot)
def vdot(a, b):
    """Multiply the flat arrays, the first one conjugated, and add up."""
    return np.conj(np.reshape(operand(a), -1)) @ np.reshape(operand(b), -1)


@implements(np.vecdot, np.linalg.vecdot)
def vecdot(x1, x2, axis=-1, keepdims=False):
    """Multiply vectors, the first one conjugated, and add up: `axis` is counted separately in each operand."""
    x1, x2 = np.moveaxis(operand(x1), axis, -1), np.moveaxis(operand(x2), axis, -1)
    product = np.sum(np.conj(x1) * x2, -1)
    return np.expand_dims(product, axis) if keepdims else product


if hasattr(np, "matvec"):  # since NumPy 2.2
    @implements(np.matvec)
    def matvec(x1, x2):
        """Multiply matrices by vectors."""
        return np.matmul(x1, operand(x2)[..., None])[..., 0]

    @implements(np.vecmat)
    def vecmat(x1, x2):
        """Multiply vectors, conjugated, by matrices."""
        return np.matmul(np.conj(operand(x1))[..., None, :], x2)[..., 0, :]


@implements(np.kron)
def kron(a, b):
    """Multiply every number of a by the whole of b: their axes take turns, and are then joined in pairs."""
    a, b = operand(a), operand(b)
    ndim = max(a.ndim, b.ndim)
    a_shape, b_shape = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    blocks = np.reshape(a, [n for m in a_shape for n in (m, 1)]) * np.reshape(b, [n for m in b_shape for n in (1, m)])
    return np.reshape(blocks, [m * n for m, n in zip(a_shape, b_shape)])


# g . (a x b) = a . (b x g) = b . (g x a)
_cross = Primitive(np.cross, (lambda g, ans, a, b: np.cross(b, g), lambda g, ans, a, b: np.cross(g, a)), "cross")


@implements(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Return the vector product, whose components lie along the given axes."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(operand(a), axisa, -1), np.moveaxis(operand(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"cross of vectors with {a.shape[-1]} and {b.shape[-1]} components: both must have 3 "
                         "(give vectors in the plane a third component of 0)")
    return np.moveaxis(_cross(a, b), -1, axisc)


@implements(np.linalg.cross)
def linalg_cross(x1, x2, axis=-1):
    """Return the vector product."""
    return cross(x1, x2, axis=axis)


# Two arrays with labelled axes.

@lru_cache(maxsize=1024)
def _arrange(x_labels, y_labels, output):
    """Return which labels number the products, their rows, their columns, the sum, and the order of the result."""
    stack = "".join([label for label in output if label in x_labels and label in y_labels])
    rows = "".join([label for label in x_labels if label not in y_labels])
    columns = "".join([label for label in y_labels if label not in x_labels])
    summed = "".join([label for label in x_labels if label in y_labels and label not in output])
    order = stack + rows + columns
    return stack, rows, columns, summed, [order.index(label) for label in output]


@lru_cache(maxsize=1024)
def _layout(labels, shape, strides, stack, rows, columns):
    """Return the order of axes and the shape that make an array a stack of matrices, and whether these are transposed.

    Where numbers must be copied, an axis along which they lie next to each other stays last; of several such axes, as
    in a view of windows, the longest. Then they are copied in long runs, three times faster for images of 28 x 28.
    """
    length, stride = dict(zip(labels, shape)), dict(zip(labels, strides))
    transposed = min(rows + columns, key=lambda label: (stride[label], -length[label])) in rows
    first, second = (columns, rows) if transposed else (rows, columns)
    order = [labels.index(label) for label in stack + first + second]
    sides = [prod([length[label] for label in side]) for side in (first, second)]
    return order, [length[label] for label in stack] + sides, transposed


def _as_matrices(x, labels, stack, rows, columns):
    """Return x with its axes moved and joined, as a stack of matrices."""
    order, shape, transposed = _layout(labels, x.shape, x.strides, stack, rows, columns)
    matrices = x.transpose(order).reshape(shape)
    return matrices.mT if transposed else matrices


def _contract_arrays(x, y, x_labels, y_labels, output):
    """Multiply where labels agree, and sum over those that `output` lacks."""
    stack, rows, columns, summed, order = _arrange(x_labels, y_labels, output)
    if not summed or not (rows or columns):
        return np.einsum(f"{x_labels},{y_labels}->{output}", x, y)
    length = dict(zip(x_labels + y_labels, x.shape + y.shape))
    result = _as_matrices(x, x_labels, stack, rows, summed) @ _as_matrices(y, y_labels, stack, summed, columns)
    return result.reshape([length[label] for label in stack + rows + columns]).transpose(order)


# The gradient of either array is a product of the same kind: the labels only change places.
_contract = Primitive(
    _contract_arrays,
    (lambda g, ans, x, y, x_labels, y_labels, output: _contract(g, y, output, y_labels, x_labels),
     lambda g, ans, x, y, x_labels, y_labels, output: _contract(x, g, x_labels, output, y_labels)),
    "einsum")


@implements(np.tensordot)
def tensordot(a, b, axes=2):
    """Sum over pairs of axes, for all combinations of the others."""
    a, b = operand(a), operand(b)
    a_axes, b_axes = (range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else axes
    a_axes, b_axes = normalize_axis_tuple(a_axes, a.ndim, "a"), normalize_axis_tuple(b_axes, b.ndim, "b")
    if [a.shape[axis] for axis in a_axes] != [b.shape[axis] for axis in b_axes]:
        raise ValueError(f"tensordot of shapes {a.shape} and {b.shape}: "
                         f"axes {a_axes} and {b_axes} must have the same lengths")
    a_labels = ascii_letters[:a.ndim]
    b_labels = list(ascii_letters[a.ndim:a.ndim + b.ndim])
    for a_axis, b_axis in zip(a_axes, b_axes):
        b_labels[b_axis] = a_labels[a_axis]
    output = [label for label in [*a_labels, *b_labels] if (label in a_labels) != (label in b_labels)]
    return _contract(a, b, a_labels, "".join(b_labels), "".join(output))


@implements(np.linalg.tensordot)
def linalg_tensordot(x1, x2, axes=2):
    """Sum over pairs of axes, for all combinations of the others."""
    return tensordot(x1, x2, axes)


# Einsum. One array is summed and transposed by the functions for that; more are multiplied two by two.

def _einsum_of_arrays(*operands, **keywords):
    """Leave a thousand numbers to NumPy's loop; with many more it takes up to 160 times as long as matrix products."""
    few = sum([x.size for x in operands if isinstance(x, np.ndarray)]) <= 1000
    return (np.einsum if few else einsum)(*operands, **keywords)


@implements(np.einsum, run=_einsum_of_arrays)
def einsum(*operands, optimize=False):
    """Sum products of arrays whose axes have labels, two arrays at a time.

    From left to right, or in the order that `np.einsum_path` finds for `optimize`.
    """
    arrays, terms, output = _read_einsum(operands)
    labelled = _simplified(arrays, terms, output)
    for positions in _path(labelled, output, optimize):
        first, *others = [labelled.pop(position) for position in sorted(positions, reverse=True)][::-1]
        while others:
            second, *others = others
            first = _product(first, second, output, others + labelled)
        labelled.append(first)
    (result, labels), = labelled
    return result if labels == output else np.transpose(result, [labels.index(label) for label in output])


def _path(labelled, output, optimize):
    """Return the positions of the arrays to remove and multiply; the product is put at the end each time."""
    if optimize is False or len(labelled) <= 2:
        return [range(len(labelled))]
    subscripts = f"{','.join([labels for _, labels in labelled])}->{output}"
    return np.einsum_path(subscripts, *[x for x, _ in labelled], optimize=optimize)[0][1:]


def _product(first, second, output, others):
    """Return the product of two labelled arrays, summed over the labels that neither the result nor the others have."""
    (x, x_labels), (y, y_labels) = first, second
    needed = output + "".join([labels for _, labels in others])
    labels = "".join([label for label in dict.fromkeys(x_labels + y_labels) if label in needed])
    if not others:
        labels = output
    return _contract(x, y, x_labels, y_labels, labels), labels


def _read_einsum(operands):
    """Return the arrays, the labels of each, and those of the result, in one form for all ways to write them."""
    if not isinstance(operands[0], str):
        operands = _spelled(operands)
    arrays = [operand(x) for x in operands[1:]]
    return arrays, *_write_out(operands[0], tuple([x.ndim for x in arrays]))


def _spelled(operands):
    """Turn array, labels, array, labels, ..., labels of the result into subscripts and arrays."""
    letters = ascii_uppercase + ascii_lowercase  # sorted like the numbers that they stand for
    def spell(labels):
        return "".join(["..." if label is Ellipsis else letters[label] for label in labels])

    subscripts = ",".join(map(spell, operands[1::2]))
    if len(operands) % 2:
        *operands, output = operands
        subscripts += "->" + spell(output)
    return subscripts, *operands[::2]


@lru_cache(maxsize=1024)
def _write_out(subscripts, ndims):
    """Return the labels of each array and of the result, with letters instead of every ellipsis."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum subscripts {subscripts!r} name {len(terms)} operands; got {len(ndims)}")
    unnamed = [ndim - len(term.replace("...", "")) for term, ndim in zip(terms, ndims)]
    for term, ndim, missing in zip(terms, ndims, unnamed):
        if missing < 0 or (missing and "..." not in term):
            raise ValueError(f"einsum term {term!r} does not fit an operand with {ndim} dimensions")
    spare = "".join([label for label in ascii_letters if label not in subscripts][:max(unnamed)])
    if not arrow:
        named = inputs.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted([label for label in named if named.count(label) == 1]))
    if spare and "..." not in output:
        raise ValueError(f"einsum subscripts {subscripts!r}: the result must have an ellipsis too")
    output = output.replace("...", spare)
    terms = [term.replace("...", spare[len(spare) - missing:]) for term, missing in zip(terms, unnamed)]
    if len(set(output)) < len(output) or not set(output) <= set("".join(terms)):
        raise ValueError(f"einsum subscripts {subscripts!r}: "
                         "each label of the result must occur there once, and in an operand")
    return terms, output


def _simplified(arrays, terms, output):
    """Return (array, labels) for each array, where it has each label once, shared with the result or another array."""
    labelled = [_diagonals(x, labels) for x, labels in zip(arrays, terms)]
    unshared = _unshared(tuple([labels for _, labels in labelled]), tuple([x.shape for x, _ in labelled]), output)
    return [_without(x, labels, unwanted) for (x, labels), unwanted in zip(labelled, unshared)]


@lru_cache(maxsize=1024)
def _unshared(terms, shapes, output):
    """Return for each array the labels that neither the result nor another array has."""
    lengths = {}
    for label, length in zip("".join(terms), [length for shape in shapes for length in shape]):
        if lengths.setdefault(label, length) == 1:
            lengths[label] = length
        if length not in (1, lengths[label]):
            raise ValueError(f"einsum label {label!r} has lengths {lengths[label]} and {length}")
    # An axis that is stretched from length 1 is one that the array does not have.
    stretched = [[label for label, length in zip(labels, shape) if length != lengths[label]]
                 for labels, shape in zip(terms, shapes)]
    shared = output + "".join([label for labels, alone in zip(terms, stretched)
                               for label in labels if label not in alone])
    return [[label for label in labels if label in alone or shared.count(label) == 1]
            for labels, alone in zip(terms, stretched)]


def _diagonals(x, labels):
    """Take the diagonal along axes that have the same label."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first, second = labels.index(label), labels.rindex(label)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum label {label!r} has lengths {x.shape[first]} and {x.shape[second]} "
                                 "in one operand")
            x = np.diagonal(x, axis1=first, axis2=second)
            labels = labels[:first] + labels[first + 1:second] + labels[second + 1:] + label
    return x, labels


def _without(x, labels, unwanted):
    """Sum over the axes of the unwanted labels."""
    if not unwanted:
        return x, labels
    axes = tuple([labels.index(label) for label in unwanted])
    return np.sum(x, axes), "".join([label for label in labels if label not in unwanted])


constant(np.einsum_path)

# Windows and convolutions.


def _add_windows_arrays(windows, shape, window_shape, axes):
    """Add windows up where they overlap: a loop over the offsets within a window, because these are few."""
    result = np.zeros_like(windows, shape=shape)
    for offset in np.ndindex(*window_shape):
        place = [slice(None)] * len(shape)
        for axis in axes:
            start = sum([step for step, a in zip(offset, axes) if a == axis])
            place[axis] = slice(start, start + windows.shape[axis])
        result[tuple(place)] += windows[(..., *offset)]
    return result


# Each is the gradient of the other.
_windows = Primitive(
    lambda x, window_shape, axes: np.lib.stride_tricks.sliding_window_view(x, window_shape, axes),
    (lambda g, ans, x, window_shape, axes: _add_windows(g, x.shape, window_shape, axes),), "sliding_window_view")
_add_windows = Primitive(
    _add_windows_arrays,
    (lambda g, ans, windows, shape, window_shape, axes: _windows(g, window_shape, axes),), "add_windows")


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None):
    """Return all windows of this shape as axes behind the others, without copying."""
    window_shape = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim, allow_duplicate=True)
    return _windows(x, window_shape, axes)


# The full convolution adds xᵢyⱼ up in place i + j: xᵢ receives the sum over j of gᵢ₊ⱼyⱼ, g convolved with y reversed.
_convolve = Primitive(
    lambda x, y: np.convolve(x, y),
    (lambda g, ans, x, y: np.convolve(g, y[::-1], "valid"),
     lambda g, ans, x, y: np.convolve(g, x[::-1], "valid")), "convolve")


@implements(np.convolve)
def convolve(a, v, mode="full"):
    """Return the full convolution, or the middle of it."""
    a, v = operand(a), operand(v)
    shorter, longer = sorted([a.size, v.size])
    full = _convolve(np.reshape(a, -1), np.reshape(v, -1))
    if mode == "full":
        return full
    if mode == "same":
        return full[(shorter - 1) // 2:(shorter - 1) // 2 + longer]
    if mode == "valid":
        return full[shorter - 1:longer]
    raise ValueError(f"mode must be 'full', 'same' or 'valid'; got {mode!r}")


@implements(np.correlate)
def correlate(a, v, mode="valid"):
    """Convolve with v reversed and conjugated."""
    a, v = operand(a), operand(v)
    if len(a) < len(v):
        return np.conj(correlate(v, a, mode))[::-1]
    return convolve(a, np.conj(v[::-1]), mode)
