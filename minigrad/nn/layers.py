"""Layers: each is a module that keeps parameters and passes them to a function of `functional.py`.

Parameters are float32 unless `dtype` says otherwise. They start from torch.nn's distributions, drawn by `generator` or
by the generator that `manual_seed` sets.
"""

import math
from typing import Any

import numpy as np

from ..arguments import (
    Array,
    Axis,
    Flag,
    Floating,
    Generator,
    NotNegative,
    OptionalIndex,
    OptionalProbability,
    Padding,
    PaddingMode,
    Pair,
    PositivePair,
    PositiveSingle,
    Probability,
    Shape,
    SinglePadding,
    Size,
    array,
    whole,
    wholes,
)
from ..tensor import Tensor
from . import functional as F
from . import init
from .convolution import paddings
from .module import FunctionModule, Module, Parameter

# Activations, and other layers without parameters


class Identity(Module):
    """x itself."""

    def forward(self, x: Any) -> Any:
        return x


class ReLU(FunctionModule):
    """max(x, 0), with slope 0 at 0."""

    function = staticmethod(F.relu)


class LeakyReLU(FunctionModule):
    """x where x > 0, and negative_slope x elsewhere."""

    function = staticmethod(F.leaky_relu)


class ELU(FunctionModule):
    """x where x > 0, and alpha (exp(x) - 1) elsewhere."""

    function = staticmethod(F.elu)


class SELU(FunctionModule):
    """An `ELU` scaled so that numbers of mean 0 and variance 1 keep both; see `functional.selu`."""

    function = staticmethod(F.selu)


class Softplus(FunctionModule):
    """log(1 + exp(beta x)) / beta, a smooth rectifier."""

    function = staticmethod(F.softplus)


class SiLU(FunctionModule):
    """x σ(x), with σ the sigmoid."""

    function = staticmethod(F.silu)


class GELU(FunctionModule):
    """x Φ(x), with Φ the normal distribution function."""

    function = staticmethod(F.gelu)


class Sigmoid(FunctionModule):
    """1 / (1 + exp(-x))."""

    function = staticmethod(F.sigmoid)


class LogSigmoid(FunctionModule):
    """The logarithm of the sigmoid."""

    function = staticmethod(F.logsigmoid)


class Tanh(FunctionModule):
    """The hyperbolic tangent."""

    function = staticmethod(F.tanh)


class Hardtanh(FunctionModule):
    """x between min_val and max_val; outside, the nearer of the two."""

    function = staticmethod(F.hardtanh)


class Softsign(FunctionModule):
    """`x / (1 + |x|)`."""

    function = staticmethod(F.softsign)


class GLU(FunctionModule):
    """a σ(b), for the two halves a and b of x along the axis `dim`."""

    function = staticmethod(F.glu)


class Softmax(FunctionModule):
    """exp(xᵢ) / Σⱼ exp(xⱼ), summed along the axis `dim`."""

    function = staticmethod(F.softmax)


class LogSoftmax(FunctionModule):
    """The logarithm of the softmax, accurate where that is 0 to rounding."""

    function = staticmethod(F.log_softmax)


class MaxPool2d(FunctionModule):
    """The largest number in each window; see `functional.max_pool2d`."""

    function = staticmethod(F.max_pool2d)


class AvgPool2d(FunctionModule):
    """The mean of each window; see `functional.avg_pool2d`."""

    function = staticmethod(F.avg_pool2d)


class Flatten(Module):
    """Joins the axes from start_dim to end_dim into one; by default all but the first, which counts the samples."""

    def __init__(self, start_dim: Axis = 1, end_dim: Axis = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Array) -> Tensor:
        x = array(x, "input")
        if not (-x.ndim <= self.start_dim < x.ndim and -x.ndim <= self.end_dim < x.ndim):
            raise ValueError(f"input must have the axes from {self.start_dim} to {self.end_dim}; got shape {x.shape}")
        start, end = self.start_dim % x.ndim, self.end_dim % x.ndim
        return np.reshape(x, (*x.shape[:start], math.prod(x.shape[start:end + 1]), *x.shape[end + 1:]))

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """In training, set each number to 0 with probability p, and divide the others by 1 - p; otherwise x itself.

    Parameters
    ----------
    p : float, default 0.5
    generator : np.random.Generator, optional
        Where the random numbers come from; see `manual_seed`.
    """

    def __init__(self, p: Probability = 0.5, *, generator: Generator = None) -> None:
        self.p, self.generator = p, generator

    def forward(self, x: Array) -> Tensor:
        return F.dropout(x, self.p, self.training, self.generator)

    def extra_repr(self):
        return f"p={self.p}"


# Products

def fill_uniformly(module, fan_in, generator: Generator) -> Tensor:
    """Draw all parameters from U(-k, k), k = 1 / √fan_in: torch's choice wherever numbers are multiplied and summed."""
    k = 1 / math.sqrt(fan_in) if fan_in else 0
    for parameter in module.parameters():
        init.uniform_(parameter, -k, k, generator)


class Linear(Module):
    """An affine map x Wᵀ + b of the last axis.

    Parameters
    ----------
    in_features, out_features : int
        Lengths of the last axis of input and output.
    bias : bool, default True
        Whether there is a b; otherwise it is 0.
    dtype : dtype, default np.float32
    generator : np.random.Generator, optional
        Where the initial numbers come from; see `manual_seed`.

    Attributes
    ----------
    weight : Tensor, shape (out_features, in_features)
        Drawn from U(-k, k), k = 1 / √in_features.
    bias : Tensor, shape (out_features,), or None
        Drawn from the same distribution.

    Examples
    --------
    >>> from minigrad import nn
    >>> layer = nn.Linear(3, 2)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(self, in_features: Size, out_features: Size, bias: Flag = True, *, dtype: Floating = np.float32,
                 generator: Generator = None) -> None:
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.zeros((out_features, in_features), dtype))
        self.bias = Parameter(np.zeros(out_features, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        fill_uniformly(self, self.in_features, generator)

    def forward(self, x: Array) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y with yₖ = x₁ᵀ Wₖ x₂ + bₖ, of the last axes of two inputs.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
    bias : bool, default True
    dtype, generator
        As in `Linear`.

    Attributes
    ----------
    weight : Tensor, shape (out_features, in1_features, in2_features)
        Drawn from U(-k, k), k = 1 / √in1_features.
    bias : Tensor, shape (out_features,), or None
        Drawn from the same distribution.
    """

    def __init__(self, in1_features: Size, in2_features: Size, out_features: Size, bias: Flag = True, *,
                 dtype: Floating = np.float32, generator: Generator = None) -> None:
        self.weight = Parameter(np.zeros((out_features, in1_features, in2_features), dtype))
        self.bias = Parameter(np.zeros(out_features, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        fill_uniformly(self, self.weight.shape[1], generator)

    def forward(self, x1: Array, x2: Array) -> Tensor:
        return F.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self):
        out, in1, in2 = self.weight.shape
        return f"in1_features={in1}, in2_features={in2}, out_features={out}, bias={self.bias is not None}"


# Convolutions

_PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class _Convolution(Module):
    """What convolutions share: the weight, the bias, and how the window lies."""

    def __init__(self, shape, fan_in, out_channels: Size, bias, padding_mode, dtype, generator, **geometry) -> None:
        self.fan_in, self.padding_mode, self.geometry = fan_in, padding_mode, geometry
        self.weight = Parameter(np.zeros(shape, dtype))
        self.bias = Parameter(np.zeros(out_channels, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        fill_uniformly(self, self.fan_in, generator)

    def forward(self, x: Array) -> Tensor:
        if self.padding_mode == "zeros":
            return self.function(x, self.weight, self.bias, **self.geometry)
        x = array(x, "input")
        padded = np.pad(x, [(0, 0)] * (x.ndim - len(self.around)) + self.around, _PADDING_MODES[self.padding_mode])
        return self.function(padded, self.weight, self.bias, **{**self.geometry, "padding": 0})

    def extra_repr(self):
        sizes = f"weight of shape {self.weight.shape}, bias={self.bias is not None}"
        return ", ".join([sizes, *[f"{name}={value}" for name, value in self.geometry.items()]])


def _check_channels(in_channels, out_channels, groups):
    whole(in_channels, "in_channels", 1), whole(out_channels, "out_channels", 1)
    if whole(groups, "groups", 1) and (in_channels % groups or out_channels % groups):
        raise ValueError(f"groups must divide in_channels, {in_channels}, and out_channels, {out_channels}; "
                         f"got {groups}")


class Conv2d(_Convolution):
    """A bank of kernels that slide over images; see `functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair of int
    stride, dilation : int or pair of int, default 1
    padding : int, pair of int, "valid" or "same", default 0
        "valid" is 0; "same" keeps the size of the image, and needs stride 1.
    groups : int, default 1
    bias : bool, default True
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, default "zeros"
    dtype, generator
        As in `Linear`.

    Attributes
    ----------
    weight : Tensor, shape (out_channels, in_channels / groups, kernel_size...)
        Drawn from U(-k, k), k = 1 / √(in_channels / groups · the number of elements of a kernel).
    bias : Tensor, shape (out_channels,), or None
        Drawn from the same distribution.

    Examples
    --------
    >>> from minigrad import nn
    >>> layer = nn.Conv2d(1, 6, kernel_size=3, padding=1)
    >>> layer(np.zeros((32, 1, 8, 8), np.float32)).shape
    (32, 6, 8, 8)
    """

    function = staticmethod(F.conv2d)

    def __init__(self, in_channels: Size, out_channels: Size, kernel_size: PositivePair, stride: PositivePair = 1,
                 padding: Padding = 0, dilation: PositivePair = 1, groups: Size = 1, bias: Flag = True,
                 padding_mode: PaddingMode = "zeros", *, dtype: Floating = np.float32,
                 generator: Generator = None) -> None:
        _check_channels(in_channels, out_channels, groups)
        kernel = wholes(kernel_size, "kernel_size", 2, 1)
        shape = (out_channels, in_channels // groups, *kernel)
        wholes(stride, "stride", 2, 1), wholes(dilation, "dilation", 2, 1)
        self.around = paddings(padding, kernel, stride, dilation)
        super().__init__(shape, math.prod(shape[1:]), out_channels, bias, padding_mode, dtype, generator,
                         stride=stride, padding=padding, dilation=dilation, groups=groups)


class Conv1d(_Convolution):
    """A bank of kernels that slide over sequences; see `functional.conv1d`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size : int
    stride, dilation, groups : int, default 1
    padding : int, "valid" or "same", default 0
        Kernel size, stride, dilation and padding may also be tuples of one number.
    bias : bool, default True
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, default "zeros"
        As in `Conv2d`.
    dtype, generator
        As in `Linear`.

    Attributes
    ----------
    weight : Tensor, shape (out_channels, in_channels / groups, kernel_size)
    bias : Tensor, shape (out_channels,), or None
        Both are drawn from U(-k, k), k = 1 / √(in_channels / groups · kernel_size).
    """

    function = staticmethod(F.conv1d)

    def __init__(self, in_channels: Size, out_channels: Size, kernel_size: PositiveSingle, stride: PositiveSingle = 1,
                 padding: SinglePadding = 0, dilation: PositiveSingle = 1, groups: Size = 1, bias: Flag = True,
                 padding_mode: PaddingMode = "zeros", *, dtype: Floating = np.float32,
                 generator: Generator = None) -> None:
        _check_channels(in_channels, out_channels, groups)
        kernel, = wholes(kernel_size, "kernel_size", 1, 1)
        shape = (out_channels, in_channels // groups, kernel)
        stride, = wholes(stride, "stride", 1, 1)
        dilation, = wholes(dilation, "dilation", 1, 1)
        zeros = padding if isinstance(padding, str) else (0, *wholes(padding, "padding", 1))
        self.around = paddings(zeros, (1, kernel), (1, stride), (1, dilation))[1:]
        super().__init__(shape, math.prod(shape[1:]), out_channels, bias, padding_mode, dtype, generator,
                         stride=stride, padding=padding, dilation=dilation, groups=groups)


class ConvTranspose2d(_Convolution):
    """A bank of kernels: every number of an image adds a multiple of one; see `functional.conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair of int
    stride, padding, output_padding, groups : int or pair of int
        As in the convolution whose gradient this is.
    bias : bool, default True
    dilation : int or pair of int, default 1
    dtype, generator
        As in `Linear`.

    Attributes
    ----------
    weight : Tensor, shape (in_channels, out_channels / groups, kernel_size...)
    bias : Tensor, shape (out_channels,), or None
        Both are drawn from U(-k, k), k = 1 / √(out_channels / groups · the number of elements of a kernel).
    """

    function = staticmethod(F.conv_transpose2d)

    def __init__(self, in_channels: Size, out_channels: Size, kernel_size: PositivePair, stride: PositivePair = 1,
                 padding: Pair = 0, output_padding: Pair = 0, groups: Size = 1, bias: Flag = True,
                 dilation: PositivePair = 1, *, dtype: Floating = np.float32, generator: Generator = None) -> None:
        _check_channels(in_channels, out_channels, groups)
        for value, name, least in ((stride, "stride", 1), (padding, "padding", 0),
                                   (output_padding, "output_padding", 0), (dilation, "dilation", 1)):
            wholes(value, name, 2, least)
        shape = (in_channels, out_channels // groups, *wholes(kernel_size, "kernel_size", 2, 1))
        super().__init__(shape, math.prod(shape[1:]), out_channels, bias, "zeros", dtype, generator, stride=stride,
                         padding=padding, output_padding=output_padding, groups=groups, dilation=dilation)


# Normalisation

class LayerNorm(Module):
    """Give each sample mean 0 and variance 1 over its last axes; see `functional.layer_norm`.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of those axes.
    eps : float, default 1e-5
    elementwise_affine, bias : bool, default True
        Whether the result is multiplied by a weight, and whether a bias is added to that.
    dtype : dtype, default np.float32

    Attributes
    ----------
    weight, bias : Tensor, shape normalized_shape, or None
        At first ones and zeros.
    """

    def __init__(self, normalized_shape: Shape, eps: NotNegative = 1e-5, elementwise_affine: Flag = True,
                 bias: Flag = True, *, dtype: Floating = np.float32) -> None:
        self.normalized_shape, self.eps = F.as_shape(normalized_shape), eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Array) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class BatchNorm1d(Module):
    """Give each channel of inputs (N, C) or (N, C, L) mean 0 and variance 1; see `functional.batch_norm`.

    In training, over the batch; otherwise with running statistics, which training gathers.

    Parameters
    ----------
    num_features : int
        The number of channels C.
    eps : float, default 1e-5
    momentum : float or None, default 0.1
        How much of the running statistics a batch replaces; None for the mean over all batches.
    affine : bool, default True
        Whether the result is multiplied by a weight, and a bias added to it.
    track_running_stats : bool, default True
        Otherwise the batch's own statistics are used, after training too.
    dtype : dtype, default np.float32

    Attributes
    ----------
    weight, bias : Tensor, shape (C,), or None
        At first ones and zeros.
    running_mean, running_var : ndarray, shape (C,)
        Buffers: at first zeros and ones.
    """

    shapes = {2: "(N, C)", 3: "(N, C, L)"}
    running_mean: np.ndarray
    running_var: np.ndarray
    num_batches_tracked: np.ndarray

    def __init__(self, num_features: Size, eps: NotNegative = 1e-5, momentum: OptionalProbability = 0.1,
                 affine: Flag = True, track_running_stats: Flag = True, *, dtype: Floating = np.float32) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.array(0))

    def forward(self, x: Array) -> Tensor:
        x = array(x, "input")
        if x.ndim not in self.shapes or x.shape[1] != self.num_features:
            raise ValueError(f"input must have shape {' or '.join(self.shapes.values())} with C = {self.num_features}; "
                             f"got {x.shape}")
        if not self.track_running_stats:
            return F.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps)
        momentum = 1 / (int(self.num_batches_tracked) + 1) if self.momentum is None else self.momentum
        y = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training, momentum,
                         self.eps)
        self.num_batches_tracked += self.training
        return y

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}, "
                f"track_running_stats={self.track_running_stats}")


class BatchNorm2d(BatchNorm1d):
    """`BatchNorm1d` for images (N, C, H, W), with the same arguments."""

    shapes = {4: "(N, C, H, W)"}


# Tables

class Embedding(Module):
    """A table of vectors, whose rows are picked by integers; see `functional.embedding`.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The shape of the table.
    padding_idx : int, optional
        A row that is zero at first and receives no gradient.
    dtype, generator
        As in `Linear`.

    Attributes
    ----------
    weight : Tensor, shape (num_embeddings, embedding_dim)
        Drawn from N(0, 1).
    """

    def __init__(self, num_embeddings: Size, embedding_dim: Size, padding_idx: OptionalIndex = None, *,
                 dtype: Floating = np.float32, generator: Generator = None) -> None:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx must be a row, from 0 to {num_embeddings - 1}; got {padding_idx}")
        self.padding_idx = padding_idx
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim), dtype))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, x: Array) -> Tensor:
        return F.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self):
        rows, columns = self.weight.shape
        return f"{rows}, {columns}" + (f", padding_idx={self.padding_idx}" if self.padding_idx is not None else "")
