"""Layers as functions, under torch.nn.functional's names; the modules in `layers.py` keep the parameters.

Most are written in NumPy, which the tape records. A few that training spends its time in are primitives with rules
of their own.
"""

import numpy as np

from ..tape import Primitive

# Rectifiers

relu = Primitive(lambda x: np.maximum(x, 0), (lambda g, ans, x: g * (x > 0),), "relu")


# Products

def _rows(x):
    """Return x as a matrix: its last axis is kept, the others are taken together."""
    return x if x.ndim == 2 else np.reshape(x, (-1, x.shape[-1]))


def _linear(x, weight, bias):
    y = x @ weight.T
    if bias is not None:
        y += bias
    return y


def _linear_bias(g, ans, x, weight, bias):
    g = _rows(g)
    return np.ones(len(g), g.dtype) @ g  # faster than a sum over the rows


_linear = Primitive(_linear, (lambda g, ans, x, weight, bias: g @ weight,
                              lambda g, ans, x, weight, bias: _rows(g).T @ _rows(x),
                              _linear_bias), "linear")


def linear(input, weight, bias=None):
    """Return x Wᵀ + b.

    Parameters
    ----------
    input : array_like, shape (..., in_features)
    weight : array_like, shape (out_features, in_features)
    bias : array_like, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)
    """
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(f"input of shape {input.shape} does not fit a weight of shape {weight.shape}: "
                         f"its last axis must have length {weight.shape[1]}")
    return _linear(input, weight, bias)
