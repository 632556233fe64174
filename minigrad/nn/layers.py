"""Layers: each is a module that keeps parameters and hands them to a function of `functional.py`.

Parameters are float32 unless `dtype` says otherwise, and start from torch.nn's distributions.
"""

import math

import numpy as np

from . import functional as F
from . import init
from .module import Module, Parameter


class Linear(Module):
    """An affine map x Wᵀ + b of the last axis.

    Parameters
    ----------
    in_features, out_features : int
        Lengths of the last axis of input and output.
    bias : bool, default True
        Whether b is there; otherwise it is 0.
    dtype : dtype, default np.float32
    generator : np.random.Generator, optional
        Where the initial numbers come from; see `manual_seed`.

    Attributes
    ----------
    weight : Tensor, shape (out_features, in_features)
        Drawn from U(−k, k), k = 1 / √in_features.
    bias : Tensor, shape (out_features,), or None
        Drawn from the same distribution.

    Examples
    --------
    >>> from minigrad import nn
    >>> layer = nn.Linear(3, 2)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(self, in_features, out_features, bias=True, *, dtype=np.float32, generator=None):
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator=None):
        """Draw new initial numbers."""
        k = 1 / math.sqrt(self.in_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -k, k, generator)

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class ReLU(Module):
    """max(x, 0), with slope 0 at 0."""

    def forward(self, x):
        return F.relu(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x):
        return np.tanh(x)
