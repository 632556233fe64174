"""Reductions. What comes back to x is the gradient of the result, spread over the elements that went into it."""

import numpy as np

from ..registry import constant, rule


def spread(g, x, axis, keepdims):
    """Give every element of x the gradient of the result that it went into."""
    if axis is None and isinstance(g, np.generic):
        spread_out = np.empty(x.shape, g.dtype)
        spread_out.fill(g)
        return spread_out
    return np.broadcast_to(kept(g, x, axis, keepdims), x.shape)


def kept(reduced, x, axis, keepdims):
    """Put the reduced axes of x back with length 1, so that `reduced` broadcasts against x."""
    if keepdims or x.ndim == 0:
        return reduced
    axes = range(x.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)
    return np.reshape(reduced, tuple([1 if i in axes else n for i, n in enumerate(x.shape)]))


def _sum(g, ans, x, axis=None, dtype=None, keepdims=False):
    return spread(g, x, axis, keepdims)


def _mean(g, ans, x, axis=None, dtype=None, keepdims=False):
    return spread(g * (np.size(ans) / max(np.size(x), 1)), x, axis, keepdims)


def _extremum(g, ans, x, axis=None, keepdims=False):
    """Tied elements share the gradient equally."""
    winners = x == kept(ans, x, axis, keepdims)
    return winners * kept(g / np.sum(winners, axis, keepdims=keepdims), x, axis, keepdims)


rule(np.sum, _sum)
rule(np.mean, _mean)
rule(np.max, _extremum)
rule(np.min, _extremum)

constant(np.argmax, np.argmin, np.any, np.all, np.count_nonzero)
