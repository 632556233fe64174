"""Convolution and pooling: a window slides over images, as functions that are fast enough to train with.

A batch of images has shape (N, C, H, W). A convolution is linear in the image x and in the kernel w. So the inner
product of its result with a gradient g is linear in all three (here for stride 1, without padding):

    T(x, w, g) = Σ g[n, o, p, q] w[o, c, i, j] x[n, c, p + i, q + j]

Its derivative by g is the convolution itself, and its derivatives by x and by w are the two rules of the convolution.
Each of the three has the other two as its rules: three primitives are enough for every order.

All of them copy the windows of the image side by side into a matrix. Then the sum is one product of matrices.
"""

from functools import wraps
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arguments import (
    Array,
    Flag,
    Function,
    OptionalArray,
    OptionalPair,
    Padding,
    Pair,
    PositivePair,
    PositiveSingle,
    SinglePadding,
    Size,
    array,
    checked,
    one_of,
    shaped,
    whole,
    wholes,
)
from ..registry import value_of
from ..tape import Primitive
from ..tensor import Tensor


class Geometry(NamedTuple):
    """How windows lie on an image: pairs of numbers, for rows and for columns."""

    kernel: tuple
    stride: tuple
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)

    def count(self, size):
        """Return how many windows fit into an image of this size."""
        return tuple([(n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
                      for n, kernel, stride, padding, dilation in zip(size, *self)])

    def places(self, count):
        """Yield, for each element of a window, its offsets and the slices of the image that it has in all windows."""
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                starts = i * self.dilation[0], j * self.dilation[1]
                yield (i, j), (..., *[slice(start, start + step * (n - 1) + 1, step)
                                      for start, step, n in zip(starts, self.stride, count)])


# The three primitives. Images and results are kept with channels first, (C, N, H, W), for one large product of matrices
# instead of one for each image, and shown as (N, C, H, W) by swapping axes, which copies nothing.

def _columns(x, geometry, groups):
    """Return the windows of an image side by side: (groups, channels in a group x kernel, number of windows)."""
    n, c, height, width = x.shape
    (top, left), (down, across) = geometry.padding, geometry.stride
    padded = x.swapaxes(0, 1)
    if top or left:
        padded = np.zeros_like(x, shape=(c, n, height + 2 * top, width + 2 * left))
        padded[:, :, top:top + height, left:left + width] = x.swapaxes(0, 1)
    spans = [dilation * (kernel - 1) + 1 for dilation, kernel in zip(geometry.dilation, geometry.kernel)]
    windows = sliding_window_view(padded, spans, (2, 3))[
        :, :, ::down, ::across, ::geometry.dilation[0], ::geometry.dilation[1]]
    windows = windows.transpose(0, 4, 5, 1, 2, 3)
    return windows.reshape(groups, c // groups * geometry.kernel[0] * geometry.kernel[1], -1)


def _matrices(images, groups):
    """Return (N, C, H, W) as (groups, C / groups, N x H x W)."""
    n, c, height, width = images.shape
    return images.swapaxes(0, 1).reshape(groups, c // groups, n * height * width)


def _result(x, w, geometry, groups):
    y = w.reshape(groups, len(w) // groups, -1) @ _columns(x, geometry, groups)
    return y.reshape(len(w), len(x), *geometry.count(x.shape[2:])).swapaxes(0, 1)


def _image(g, w, size, geometry, groups):
    """Add up what every window receives, where it lies."""
    columns = w.reshape(groups, len(w) // groups, -1).mT @ _matrices(g, groups)
    columns = columns.reshape(groups * w.shape[1], *geometry.kernel, len(g), *g.shape[2:])
    (top, left), (height, width) = geometry.padding, size
    image = np.zeros_like(columns, shape=(len(columns), len(g), height + 2 * top, width + 2 * left))
    for (i, j), place in geometry.places(g.shape[2:]):
        image[place] += columns[:, i, j]
    return image[:, :, top:top + height, left:left + width].swapaxes(0, 1)


def _kernel(x, g, geometry, groups):
    w = _matrices(g, groups) @ _columns(x, geometry, groups).mT
    return w.reshape(g.shape[1], x.shape[1] // groups, *geometry.kernel)


_convolve = Primitive(
    _result,
    (lambda g, ans, x, w, geometry, groups: _to_image(g, w, x.shape[2:], geometry, groups),
     lambda g, ans, x, w, geometry, groups: _to_kernel(x, g, geometry, groups)), "conv2d")
_to_image = Primitive(
    _image,
    (lambda g, ans, y, w, size, geometry, groups: _convolve(g, w, geometry, groups),
     lambda g, ans, y, w, size, geometry, groups: _to_kernel(g, y, geometry, groups)), "conv_transpose2d")
_to_kernel = Primitive(
    _kernel,
    (lambda g, ans, x, y, geometry, groups: _to_image(y, g, x.shape[2:], geometry, groups),
     lambda g, ans, x, y, geometry, groups: _convolve(x, g, geometry, groups)), "gradient of the kernel")


# Arguments

def _geometry(kernel, stride, padding, dilation):
    return Geometry(wholes(kernel, "kernel_size", 2, 1), wholes(stride, "stride", 2, 1),
                    wholes(padding, "padding", 2), wholes(dilation, "dilation", 2, 1))


def _check_size(x, geometry):
    if min(geometry.count(x.shape[2:])) < 1:
        raise ValueError(f"no window fits into images of shape {tuple(x.shape[2:])}: kernel_size {geometry.kernel}, "
                         f"dilation {geometry.dilation}, padding {geometry.padding}")


def paddings(padding, kernel, stride, dilation):
    """Return how much padding comes before and after the rows, and the columns, of an image.

    "valid" is nothing; "same" keeps the size of the image, with the odd one of an even kernel at the end, as in torch.
    """
    if not isinstance(padding, str):
        return [(n, n) for n in wholes(padding, "padding", 2)]
    if one_of(("valid", "same"), padding, "padding") == "valid":
        return [(0, 0), (0, 0)]
    if wholes(stride, "stride", 2, 1) != (1, 1):
        raise ValueError(f"padding 'same' needs stride 1; got stride {stride}: give padding as numbers")
    added = [d * (k - 1) for k, d in zip(kernel, wholes(dilation, "dilation", 2, 1))]
    return [(n // 2, n - n // 2) for n in added]


def _batched(function: Function) -> Function:
    """Let a function of a batch of images also take a single image, (C, H, W)."""
    @wraps(function)
    def of_one_or_many(input, *args, **keywords):
        input = array(input, "input")
        if input.ndim == 3:
            result = function(input[None], *args, **keywords)
            return tuple([part[0] for part in result]) if isinstance(result, tuple) else result[0]
        if input.ndim != 4:
            raise ValueError(f"input must have shape (N, C, H, W) or (C, H, W); got {input.shape}")
        return function(input, *args, **keywords)
    return of_one_or_many  # type: ignore[return-value]


# Convolutions

@checked
@_batched
def conv2d(input: Array, weight: Array, bias: OptionalArray = None, stride: PositivePair = 1, padding: Padding = 0,
           dilation: PositivePair = 1, groups: Size = 1) -> Tensor:
    """Return the cross-correlation of images with kernels.

    y[n, o, p, q] = b[o] + Σ w[o, c, i, j] x[n, c, p + i, q + j], summed over c, i and j.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    weight : array_like, shape (O, C / groups, k, l)
    bias : array_like, shape (O,), optional
    stride, dilation : int or pair of int, default 1
        The distance between windows, and between the elements of a window. Pairs are for rows and columns.
    padding : int, pair of int, "valid" or "same", default 0
        How many zeros are put around the image. "valid" is 0. "same" keeps the size of the image, for stride 1.
    groups : int, default 1
        How many groups the channels are split into, each with its own kernels.

    Returns
    -------
    Tensor, shape (N, O, P, Q)

    Examples
    --------
    >>> from minigrad import nn
    >>> image, edge = np.eye(3)[None], np.array([[[[-1.0, 1.0]]]])
    >>> nn.functional.conv2d(image, edge)
    array([[[-1.,  0.],
            [ 1., -1.],
            [ 0.,  1.]]])
    """
    weight = _checked_weight(input, weight, 1, groups)
    around = paddings(padding, weight.shape[2:], stride, dilation)
    more = [(0, after - before) for before, after in around]
    if any(map(any, more)):
        input = np.pad(input, [(0, 0), (0, 0), *more])
    geometry = _geometry(weight.shape[2:], stride, tuple([before for before, _ in around]), dilation)
    _check_size(input, geometry)
    return _with_bias(_convolve(input, weight, geometry, groups), bias)


@checked
@_batched
def conv_transpose2d(input: Array, weight: Array, bias: OptionalArray = None, stride: PositivePair = 1,
                     padding: Pair = 0, output_padding: Pair = 0, groups: Size = 1,
                     dilation: PositivePair = 1) -> Tensor:
    """Return what `conv2d` passes back to its image when its result receives `input`: every number adds a kernel.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    weight : array_like, shape (C, O / groups, k, l)
    bias : array_like, shape (O,), optional
    stride, padding, groups, dilation
        As in the convolution.
    output_padding : int or pair of int, default 0
        Rows and columns to add at the end, where several sizes of image would give `input` its size. Must be smaller
        than stride or dilation.

    Returns
    -------
    Tensor, shape (N, O, P, Q)
    """
    weight = _checked_weight(input, weight, 0, groups)
    more, cut = wholes(output_padding, "output_padding", 2), wholes(padding, "padding", 2)
    geometry = _geometry(weight.shape[2:], stride, cut, dilation)
    painted = [(n - 1) * stride + dilation * (kernel - 1) + 1
               for n, kernel, stride, _, dilation in zip(input.shape[2:], *geometry)]
    size = tuple([n - 2 * padding + extra for n, padding, extra in zip(painted, cut, more)])
    if min(size) < 1 or any(extra >= max(pair) for extra, *pair in zip(more, geometry.stride, geometry.dilation)):
        raise ValueError(f"output_padding {more} and padding {cut} do not fit: output_padding must be smaller than "
                         f"stride {geometry.stride} or dilation {geometry.dilation}, and the output, {size}, not empty")
    if geometry.count(size) == tuple(input.shape[2:]):
        return _with_bias(_to_image(input, weight, size, geometry, groups), bias)
    # A further window would fit into the image, so that it is not the convolution's: paint all, then add and cut.
    y = _to_image(input, weight, tuple(painted), geometry._replace(padding=(0, 0)), groups)
    y = np.pad(y, [(0, 0), (0, 0), *[(0, extra) for extra in more]])
    return _with_bias(y[(..., *[slice(start, start + n) for start, n in zip(cut, size)])], bias)


@checked
def conv1d(input: Array, weight: Array, bias: OptionalArray = None, stride: PositiveSingle = 1,
           padding: SinglePadding = 0, dilation: PositiveSingle = 1, groups: Size = 1) -> Tensor:
    """Return the cross-correlation of sequences with kernels: `conv2d` of images that are one pixel high.

    Parameters
    ----------
    input : array_like, shape (N, C, L) or (C, L)
    weight : array_like, shape (O, C / groups, k)
    bias, stride, padding, dilation, groups
        As in `conv2d`, but a number each, or a tuple of one.
    """
    input, weight = array(input, "input"), array(weight, "weight")
    if input.ndim not in (2, 3) or weight.ndim != 3:
        raise ValueError(f"input must have shape (N, C, L) or (C, L), and weight (O, C / groups, k); got {input.shape} "
                         f"and {weight.shape}")
    stride, dilation = ((1, *wholes(n, name, 1, 1)) for n, name in ((stride, "stride"), (dilation, "dilation")))
    padding = padding if isinstance(padding, str) else (0, *wholes(padding, "padding", 1))
    return conv2d(input[..., None, :], weight[..., None, :], bias, stride, padding, dilation, groups)[..., 0, :]


def _with_bias(y, bias):
    return y if bias is None else y + np.reshape(shaped(bias, "bias", y.shape[1:2]), (-1, 1, 1))


def _checked_weight(input, weight, axis, groups):
    """Return the weight; raise a ValueError unless the images have as many channels as its `axis`."""
    weight, groups = array(weight, "weight"), whole(groups, "groups", 1)
    if weight.ndim != 4:
        raise ValueError(f"weight must have four axes, two of channels and two of the kernel; got shape {weight.shape}")
    if len(weight) % groups:
        raise ValueError(f"groups must divide the {len(weight)} channels of the weight; got {groups}")
    channels = weight.shape[1] * groups if axis == 1 else len(weight)
    if input.shape[1] != channels:
        raise ValueError(f"input of shape {input.shape} has {input.shape[1]} channels; a weight of shape "
                         f"{weight.shape} with groups={groups} expects {channels}")
    return weight


# Pooling. To find the largest number of each window, go over the elements of a window, which are few, and compare all
# windows at once. The first of equal ones wins. Picking the winners from an image and putting numbers back
# into their places are each other's rule.

def _largest(x, geometry):
    largest = None
    for _, place in geometry.places(geometry.count(x.shape[2:])):
        largest = x[place] if largest is None else np.maximum(largest, x[place])
    return largest


def _winners(x, largest, geometry):
    """Return which element of each window is its largest."""
    winners = np.full_like(largest, -1, np.int16)
    for k, (_, place) in enumerate(geometry.places(largest.shape[2:])):
        winners[(winners < 0) & (x[place] == largest)] = k
    return winners


def _pick_arrays(x, winners, geometry):
    return sum([x[place] * (winners == k) for k, (_, place) in enumerate(geometry.places(winners.shape[2:]))])


def _put_arrays(y, winners, size, geometry):
    image = np.zeros_like(y, shape=(*y.shape[:2], *size))
    for k, (_, place) in enumerate(geometry.places(y.shape[2:])):
        image[place] += y * (winners == k)
    return image


_max_pool = Primitive(
    _largest,
    (lambda g, ans, x, geometry: _put(g, _winners(value_of(x), value_of(ans), geometry), x.shape[2:], geometry),),
    "max_pool2d")
_pick = Primitive(_pick_arrays, (lambda g, ans, x, winners, geometry: _put(g, winners, x.shape[2:], geometry),), "pick")
_put = Primitive(_put_arrays, (lambda g, ans, y, winners, size, geometry: _pick(g, winners, geometry),), "put")


@checked
@_batched
def max_pool2d(input: Array, kernel_size: PositivePair, stride: OptionalPair = None, padding: Pair = 0,
               dilation: PositivePair = 1, *, ceil_mode: Flag = False,
               return_indices: Flag = False) -> Tensor | tuple[Tensor, np.ndarray]:
    """Return the largest number in each window; the first of equal ones receives the gradient.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        `kernel_size` unless given.
    padding, dilation : int or pair of int
        As in `conv2d`, except that the image is surrounded by -∞, by at most half a kernel.
    ceil_mode : bool, default False
        Whether to keep a window that begins inside the image, or the padding before it, and ends outside.
    return_indices : bool, default False
        Whether to return also where the largest numbers lie in the image, counted row by row.

    Returns
    -------
    Tensor, shape (N, C, P, Q); with `return_indices`, that and an ndarray of the same shape
    """
    x, geometry = _padded(input, kernel_size, stride, padding, dilation, ceil_mode, -np.inf)
    largest = _max_pool(x, geometry)
    if not return_indices:
        return largest
    offsets = np.array([offset for offset, _ in geometry.places((1, 1))])[_winners(
        value_of(x), value_of(largest), geometry)]
    rows, columns = np.ogrid[tuple([slice(n) for n in largest.shape[2:]])]
    (down, across), (top, left) = geometry.stride, wholes(padding, "padding", 2)
    rows = rows * down + offsets[..., 0] * geometry.dilation[0] - top
    return largest, rows * input.shape[3] + columns * across + offsets[..., 1] * geometry.dilation[1] - left


@checked
@_batched
def avg_pool2d(input: Array, kernel_size: PositivePair, stride: OptionalPair = None, padding: Pair = 0,
               ceil_mode: Flag = False, count_include_pad: Flag = True) -> Tensor:
    """Return the mean of each window.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        `kernel_size` unless given.
    padding : int or pair of int, default 0
        Zeros around the image, at most half a kernel wide.
    ceil_mode : bool, default False
        As in `max_pool2d`; places outside of image and padding do not count.
    count_include_pad : bool, default True
        Whether the zeros of the padding count.

    Returns
    -------
    Tensor, shape (N, C, P, Q)
    """
    x, geometry = _padded(input, kernel_size, stride, padding, 1, ceil_mode, 0)
    total = _window_sums(x, geometry)
    if count_include_pad and not ceil_mode:
        return total / (geometry.kernel[0] * geometry.kernel[1])
    around = [(n, n) for n in wholes(padding, "padding", 2)]
    counted = np.pad(np.ones(input.shape[2:], input.dtype), around, constant_values=int(count_include_pad))
    counted = np.pad(counted, [(0, long - short) for long, short in zip(x.shape[2:], counted.shape)])
    return total / _window_sums(counted, geometry)


def _window_sums(x, geometry):
    return sum([x[place] for _, place in geometry.places(geometry.count(x.shape[-2:]))])


def _padded(x, kernel, stride, padding, dilation, ceil_mode, filling):
    """Return an image with its padding around it, and the geometry of windows on the whole.

    With `ceil_mode` there is also as much behind it as the last windows need.
    """
    geometry = _geometry(kernel, kernel if stride is None else stride, padding, dilation)
    if any(2 * padding > kernel for padding, kernel in zip(geometry.padding, geometry.kernel)):
        raise ValueError(f"padding must be at most half of kernel_size {geometry.kernel}; got {geometry.padding}")
    beyond = _beyond(x.shape[2:], geometry) if ceil_mode else (0, 0)
    if any(geometry.padding) or any(beyond):
        widths = [(n, n + more) for n, more in zip(geometry.padding, beyond)]
        x = np.pad(x, [(0, 0), (0, 0), *widths], constant_values=filling)
    geometry = geometry._replace(padding=(0, 0))
    _check_size(x, geometry)
    return x, geometry


def _beyond(size, geometry):
    """Return how far the last windows reach beyond image and padding, if each that begins before their end counts."""
    beyond = []
    for n, kernel, step, padding, dilation in zip(size, *geometry):
        length, reach = n + 2 * padding, dilation * (kernel - 1) + 1
        last = -(-(length - reach) // step) * step  # where the last window begins
        last -= step if last >= n + padding else 0
        beyond.append(max(last + reach - length, 0))
    return beyond
