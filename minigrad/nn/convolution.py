"""Convolution and pooling: a window slides over images, as functions that are fast enough to train with.

A batch of images has shape (N, C, H, W). A convolution is linear in the image x and in the kernel w. So what a gradient
g of its result makes of them is linear in all three (here for stride 1, without padding):

    T(x, w, g) = Σ g[n, o, p, q] w[o, c, i, j] x[n, c, p + i, q + j]

Its derivative by g is the convolution itself, its derivatives by x and by w are the two rules of the convolution, and
each of the three has the other two for rules: three primitives, closed at every order.

All of them copy the windows of the image side by side into a matrix, so that the sum becomes one product of matrices.
"""

from functools import wraps
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..registry import value_of
from ..rules.products import operand
from ..tape import Primitive


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
    channel, image, row, column = padded.strides
    strides = (channel, row * geometry.dilation[0], column * geometry.dilation[1], image, row * down, column * across)
    windows = as_strided(padded, (c, *geometry.kernel, n, *geometry.count((height, width))), strides, writeable=False)
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

def pair(value, name, least):
    """Return a number or a pair of them as a pair of ints, none below `least`."""
    numbers = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(numbers) != 2 or any(not isinstance(n, (int, np.integer)) or n < least for n in numbers):
        raise ValueError(f"{name} must be an int of at least {least}, or two of them for rows and columns; "
                         f"got {value!r}")
    return numbers


def _geometry(x, kernel, stride, padding, dilation):
    kernel, stride = pair(kernel, "kernel_size", 1), pair(stride, "stride", 1)
    geometry = Geometry(kernel, stride, pair(padding, "padding", 0), pair(dilation, "dilation", 1))
    if min(geometry.count(x.shape[2:])) < 1:
        raise ValueError(f"no window fits into images of shape {tuple(x.shape[2:])}: kernel_size {kernel}, "
                         f"dilation {geometry.dilation}, padding {geometry.padding}")
    return geometry


def _batched(function):
    """Let a function of a batch of images take a single one, (C, H, W), as well."""
    @wraps(function)
    def of_one_or_many(input, *args, **keywords):
        input = operand(input)
        if input.ndim == 3:
            return function(input[None], *args, **keywords)[0]
        if input.ndim != 4:
            raise ValueError(f"input must have shape (N, C, H, W) or (C, H, W); got {input.shape}")
        return function(input, *args, **keywords)
    return of_one_or_many


# Convolutions

@_batched
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Return the cross-correlation of images with kernels.

    y[n, o, p, q] = b[o] + Σ w[o, c, i, j] x[n, c, p + i, q + j], summed over c, i and j.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    weight : array_like, shape (O, C / groups, k, l)
    bias : array_like, shape (O,), optional
    stride, padding, dilation : int or pair of int
        How far windows lie apart, how many zeros are put around the image, how far the elements of a window lie apart.
        Pairs are for rows and columns.
    groups : int, default 1
        The channels are split into so many groups, each with kernels of its own.

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
    _check_channels(input, weight, 1, groups)
    y = _convolve(input, weight, _geometry(input, weight.shape[2:], stride, padding, dilation), groups)
    return y if bias is None else y + np.reshape(bias, (-1, 1, 1))


@_batched
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Return what `conv2d` hands back to its image when its result receives `input`: every number paints the kernel.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    weight : array_like, shape (C, O / groups, k, l)
    bias : array_like, shape (O,), optional
    stride, padding, groups, dilation
        Those of the convolution.
    output_padding : int or pair of int, default 0
        Rows and columns to add at the end, where several sizes of image would give `input` its size.

    Returns
    -------
    Tensor, shape (N, O, P, Q)
    """
    _check_channels(input, weight, 0, groups)
    geometry = Geometry(tuple(weight.shape[2:]), pair(stride, "stride", 1), pair(padding, "padding", 0),
                        pair(dilation, "dilation", 1))
    more = pair(output_padding, "output_padding", 0)
    size = tuple([(n - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + extra
                  for n, extra, kernel, stride, padding, dilation in zip(input.shape[2:], more, *geometry)])
    if min(size) < 1 or geometry.count(size) != tuple(input.shape[2:]):
        raise ValueError(f"output_padding {more} and padding {geometry.padding} do not fit: output_padding must be "
                         f"smaller than stride {geometry.stride}, and the output, {size}, not empty")
    y = _to_image(input, weight, size, geometry, groups)
    return y if bias is None else y + np.reshape(bias, (-1, 1, 1))


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Return the cross-correlation of sequences with kernels: `conv2d` of images that are one pixel high.

    Parameters
    ----------
    input : array_like, shape (N, C, L) or (C, L)
    weight : array_like, shape (O, C / groups, k)
    bias, stride, padding, dilation, groups
        As in `conv2d`, but a number each.
    """
    images, kernels = operand(input)[..., None, :], operand(weight)[..., None, :]
    return conv2d(images, kernels, bias, (1, stride), (0, padding), (1, dilation), groups)[..., 0, :]


def _check_channels(input, weight, axis, groups):
    """Refuse images whose channels are not those of the weight, which stand on its `axis`."""
    if weight.ndim != 4:
        raise ValueError(f"weight must have four axes, two of channels and two of the kernel; got shape {weight.shape}")
    if groups < 1 or len(weight) % groups:
        raise ValueError(f"groups must divide the {len(weight)} channels of the weight; got {groups}")
    channels = weight.shape[1] * groups if axis == 1 else len(weight)
    if input.shape[1] != channels:
        raise ValueError(f"input of shape {input.shape} has {input.shape[1]} channels; a weight of shape "
                         f"{weight.shape} with groups={groups} expects {channels}")


# Pooling. The largest of a window is found by going over its elements, of which there are few, and comparing all
# windows at once. The first of equal ones wins. To pick the winners from an image and to put numbers back into their
# places are each other's rule.

def _largest(x, geometry):
    largest = None
    for _, place in geometry.places(geometry.count(x.shape[2:])):
        largest = x[place] if largest is None else np.maximum(largest, x[place])
    return largest


def _winners(x, largest, geometry):
    """Return which element of each window is its largest."""
    winners = np.full(largest.shape, -1, np.int16)
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


@_batched
def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1):
    """Return the largest number in each window; the first of equal ones receives the gradient.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        `kernel_size` unless given.
    padding, dilation : int or pair of int
        As in `conv2d`, except that what is put around the image is -∞, at most half a kernel of it.

    Returns
    -------
    Tensor, shape (N, C, P, Q)
    """
    return _max_pool(*_padded(input, kernel_size, stride, padding, dilation, -np.inf))


@_batched
def avg_pool2d(input, kernel_size, stride=None, padding=0, *, count_include_pad=True):
    """Return the mean of each window.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        `kernel_size` unless given.
    padding : int or pair of int, default 0
        Zeros around the image, at most half a kernel of them.
    count_include_pad : bool, default True
        Whether those zeros count.

    Returns
    -------
    Tensor, shape (N, C, P, Q)
    """
    x, geometry = _padded(input, kernel_size, stride, padding, 1, 0)
    total = _window_sums(x, geometry)
    if count_include_pad:
        return total / (geometry.kernel[0] * geometry.kernel[1])
    inside, _ = _padded(np.ones((1, 1, *input.shape[2:]), input.dtype), kernel_size, stride, padding, 1, 0)
    return total / _window_sums(inside, geometry)


def _window_sums(x, geometry):
    return sum([x[place] for _, place in geometry.places(geometry.count(x.shape[2:]))])


def _padded(x, kernel, stride, padding, dilation, filling):
    """Return an image with its padding around it, and the geometry of windows on the whole."""
    geometry = _geometry(x, kernel, kernel if stride is None else stride, padding, dilation)
    if any(2 * padding > kernel for padding, kernel in zip(geometry.padding, geometry.kernel)):
        raise ValueError(f"padding must be at most half of kernel_size {geometry.kernel}; got {geometry.padding}")
    if any(geometry.padding):
        x = np.pad(x, [(0, 0), (0, 0), *[(n, n) for n in geometry.padding]], constant_values=filling)
    return x, geometry._replace(padding=(0, 0))
