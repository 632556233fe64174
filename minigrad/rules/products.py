"""Products of vectors and matrices."""

import operator

import numpy as np

from ..registry import rule


def _matmul_left(g, ans, x, y):
    if y.ndim == 1:
        return np.reshape(g, (*np.shape(g), 1)) * y
    if x.ndim == 1:
        return (np.reshape(g, (*g.shape[:-1], 1, g.shape[-1])) @ y.mT)[..., 0, :]
    return g @ y.mT


def _matmul_right(g, ans, x, y):
    if x.ndim == 1:
        return np.reshape(x, (-1, 1)) * (g if y.ndim == 1 else np.reshape(g, (*g.shape[:-1], 1, g.shape[-1])))
    if y.ndim == 1:
        return (x.mT @ np.reshape(g, (*g.shape, 1)))[..., 0]
    return x.mT @ g


rule(np.matmul, _matmul_left, _matmul_right, run=operator.matmul)
