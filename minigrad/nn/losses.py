"""Losses: how far outputs are from what they should be, as functions and as modules, under torch.nn's names.

With `reduction` "none" a loss is a number per element or sample; "mean" and "sum" reduce these to the one number that
`backward` starts from.
"""

import numpy as np

from ..registry import value_of
from ..tape import Primitive
from .module import Module


def _reduced(losses, reduction):
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")


def _paired(input, target):
    """Refuse shapes that broadcast: (N, 1) against (N,) makes N x N differences, a mistake that is hard to see."""
    target = target if hasattr(target, "shape") else np.asarray(target)
    if np.shape(input) != np.shape(target):
        raise ValueError(f"target has shape {np.shape(target)}; expected the input's, {np.shape(input)}: "
                         "reshape one of them")
    return input, target


def mse_loss(input, target, reduction="mean"):
    """Return the squared error (x − y)², averaged over all elements.

    Parameters
    ----------
    input, target : array_like
        Outputs x and targets y, of the same shape.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> from minigrad import nn
    >>> nn.mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """
    input, target = _paired(input, target)
    return _reduced((input - target) ** 2, reduction)


# Cross-entropy

def _exponentials(x):
    return np.exp(x - np.max(x, -1, keepdims=True))


def _softmax(x):
    e = _exponentials(x)
    return e / np.sum(e, -1, keepdims=True)


def _log_softmax(x):
    z = x - np.max(x, -1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), -1, keepdims=True))


def _column(g):
    return np.reshape(g, (-1, 1))


_cross_entropy = Primitive(
    lambda x, q: -np.sum(q * _log_softmax(x), -1),
    (lambda g, ans, x, q: _column(g) * (np.sum(q, -1, keepdims=True) * _softmax(x) - q),
     lambda g, ans, x, q: -_column(g) * _log_softmax(x)), "cross_entropy")


def cross_entropy(input, target, reduction="mean"):
    target = value_of(target)
    q = np.zeros(input.shape, input.dtype)
    q[np.arange(len(q)), target] = 1
    return _reduced(_cross_entropy(input, q), reduction)


class _Loss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction


class MSELoss(_Loss):
    """`mse_loss` as a module."""

    def forward(self, input, target):
        return mse_loss(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """`cross_entropy` as a module."""

    def forward(self, input, target):
        return cross_entropy(input, target, self.reduction)
