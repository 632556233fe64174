"""Losses: how far outputs are from what they should be, as functions and as modules, under torch.nn's names.

With `reduction="none"` a loss is one number for each element or sample. "mean" and "sum" reduce these to the single
number that `backward` starts from.
"""

import numpy as np

from ..arguments import (
    Array,
    DivergenceReduction,
    Flag,
    Index,
    NotNegative,
    Number,
    OptionalArray,
    Positive,
    Probability,
    Reduction,
    checked,
    number,
    one_of,
    positive,
)
from ..registry import value_of
from ..rules.products import operand
from ..special import log_softmax, relu, softmax, softplus
from ..tape import Primitive
from ..tensor import Tensor
from .module import FunctionModule

REDUCTIONS = ("mean", "sum", "none")


def _reduced(losses, reduction):
    one_of(REDUCTIONS, reduction, "reduction")
    return losses if reduction == "none" else np.mean(losses) if reduction == "mean" else np.sum(losses)


def _paired(input, target, names=("input", "target")):
    """Refuse shapes that broadcast: (N, 1) against (N,) makes N x N differences, a mistake that is hard to see."""
    input, target = operand(input), operand(target)
    if input.shape != target.shape:
        raise ValueError(f"{names[1]} has shape {target.shape}; expected that of the {names[0]}, {input.shape}: "
                         "reshape one of them")
    return input, target


def _times(x, weight, name="weight"):
    """Return x times a weight, which must broadcast to the shape of x; None means no weight."""
    if weight is None:
        return x
    try:
        fits = np.broadcast_shapes(x.shape, np.shape(weight)) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} must broadcast to shape {x.shape}; got shape {np.shape(weight)}")
    return x * weight


# Regression: x are outputs, y targets, both of the same shape.

@checked
def mse_loss(input: Array, target: Array, *, reduction: Reduction = "mean") -> Tensor:
    """Return the squared error (x - y)².

    Parameters
    ----------
    input, target : array_like
        Outputs x and targets y, of the same shape.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> from minigrad import nn
    >>> nn.mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """
    input, target = _paired(input, target)
    return _reduced((input - target) ** 2, reduction)


@checked
def l1_loss(input: Array, target: Array, *, reduction: Reduction = "mean") -> Tensor:
    """Return the absolute error `|x - y|`, with slope 0 where they are equal.

    Parameters
    ----------
    input, target : array_like
        Outputs x and targets y, of the same shape.
    reduction : {"mean", "sum", "none"}, default "mean"
    """
    input, target = _paired(input, target)
    return _reduced(np.abs(input - target), reduction)


@checked
def huber_loss(input: Array, target: Array, reduction: Reduction = "mean", delta: Positive = 1.0) -> Tensor:
    """Return d² / 2 where `d = |x - y|` is at most delta, and delta (d - delta / 2) beyond: outliers count less.

    Parameters
    ----------
    input, target : array_like
        Outputs x and targets y, of the same shape.
    reduction : {"mean", "sum", "none"}, default "mean"
    delta : float, default 1.0
        The error above which the loss is a straight line.

    References
    ----------
    P. J. Huber (1964), Robust estimation of a location parameter.
    """
    positive(delta, "delta")
    input, target = _paired(input, target)
    d = np.abs(input - target)
    near = np.minimum(d, delta)
    return _reduced(near * (d - near / 2), reduction)


@checked
def smooth_l1_loss(input: Array, target: Array, *, reduction: Reduction = "mean", beta: NotNegative = 1.0) -> Tensor:
    """Return the Huber loss with delta = beta, divided by beta: the absolute error, rounded off at 0.

    Parameters
    ----------
    input, target : array_like
        Outputs x and targets y, of the same shape.
    reduction : {"mean", "sum", "none"}, default "mean"
    beta : float, default 1.0
        The error above which the loss is a straight line; 0 gives `l1_loss`.
    """
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction=reduction, delta=beta) / beta


# Classes. With p = softmax(x), the derivative of -log p[y] by x is p, minus 1 at the place y of the truth.

_cross_entropy = Primitive(
    lambda x, places, axis: -log_softmax(x, axis)[places],
    (lambda g, ans, x, places, axis: np.expand_dims(g, axis) * (softmax(x, axis) - _ones_at(places, x)), None, None),
    "cross_entropy")


def _ones_at(places, x):
    ones = np.zeros_like(x)
    ones[places] = 1
    return ones


@checked
def cross_entropy(input: Array, target: Array, weight: OptionalArray = None, *, ignore_index: Index = -100,
                  reduction: Reduction = "mean", label_smoothing: Probability = 0.0) -> Tensor:
    """Return how surprised a classifier is by the truth: -log p[y], for the softmax p of its outputs and the class y.

    With label smoothing, or with probabilities q as targets, it is -Σ q[c] log p[c], summed over the classes.

    Parameters
    ----------
    input : array_like, shape (N, C), (C,) or (N, C, ...)
        Outputs, one for each of C classes, before any softmax.
    target : array_like of int, shape (N,), () or (N, ...); or of float, in the shape of the input
        Classes y from 0 to C - 1, or probabilities q.
    weight : array_like, shape (C,), optional
        What each class counts for. The mean over classes y is weighted accordingly.
    ignore_index : int, default -100
        A class y that does not count.
    reduction : {"mean", "sum", "none"}, default "mean"
    label_smoothing : float, default 0.0
        The share of the target that is spread evenly over all classes.

    Raises
    ------
    ValueError
        If shapes do not fit, or label_smoothing is not between 0 and 1.
    TypeError, IndexError
        If the targets are not integers, or not classes.

    References
    ----------
    C. Szegedy and others (2016), Rethinking the inception architecture for computer vision, section 7 (smoothing).

    Examples
    --------
    >>> from minigrad import nn
    >>> nn.cross_entropy(np.zeros((1, 10)), np.array([3])).item()   # ten classes, equally likely: log 10
    2.302585
    """
    number(label_smoothing, "label_smoothing", 0, 1)
    input, target = operand(input), operand(target)
    axis, weight = _class_axis(input.shape), _class_weights(weight, input)
    if target.dtype.kind == "f" and target.shape == input.shape:
        q = (1 - label_smoothing) * target + label_smoothing / input.shape[axis]
        losses = -np.sum(_classes_last(log_softmax(input, axis) * q) * (1 if weight is None else weight), -1)
        return _sum_over(losses, losses.size, reduction)
    losses, counts = _weighted(lambda places: _cross_entropy(input, places, axis), input, target, weight, ignore_index)
    if label_smoothing:
        logp = _classes_last(log_softmax(input, axis))
        evenly = -np.mean(logp if weight is None else logp * weight, -1) * (target != ignore_index)
        losses = (1 - label_smoothing) * losses + label_smoothing * evenly
    return _sum_over(losses, counts, reduction)


@checked
def nll_loss(input: Array, target: Array, weight: OptionalArray = None, *, ignore_index: Index = -100,
             reduction: Reduction = "mean") -> Tensor:
    """Return the negative log-likelihood -log p[y]: the rest of `cross_entropy`, after a log-softmax.

    Parameters
    ----------
    input : array_like, shape (N, C), (C,) or (N, C, ...)
        Logarithms of probabilities, log p.
    target : array_like of int, shape (N,), () or (N, ...)
        Classes y from 0 to C - 1.
    weight, ignore_index, reduction
        As in `cross_entropy`.
    """
    input = operand(input)
    losses, counts = _weighted(lambda places: -input[places], input, operand(target), _class_weights(weight, input),
                               ignore_index)
    return _sum_over(losses, counts, reduction)


def _weighted(surprise, outputs, target, weight, ignore_index):
    """Return weight[y] times the surprise at the places of y among outputs, and what all targets together count for."""
    classes, ignored = _checked_classes(outputs.shape, value_of(target), ignore_index)
    samples = np.indices(classes.shape, sparse=True)
    losses = surprise((*samples[:1], classes, *samples[1:]))
    if weight is None and ignored is None:
        return losses, losses.size
    counts = np.ones(classes.shape, outputs.dtype) if weight is None else weight[classes]
    if ignored is not None:
        losses, counts = np.where(ignored, 0, losses), counts * ~ignored
    return (losses if weight is None else losses * counts), np.sum(counts)


def _checked_classes(shape, classes, ignore_index):
    """Return the classes, with 0 for the ignored ones, and a mask of these, None if there are none."""
    if classes.dtype.kind not in "iu":
        raise TypeError(f"target has dtype {classes.dtype} and shape {classes.shape}: expected integers, the classes "
                        f"(write y.astype(int)), or probabilities in the shape of the input, {shape}")
    axis, ignored = _class_axis(shape), None
    count, expected = shape[axis], shape[:axis] + shape[axis + 1:]
    if classes.shape != expected:
        raise ValueError(f"target has shape {classes.shape}; an input of shape {shape} expects {expected}")
    if classes.size and (classes.min() < 0 or classes.max() >= count or 0 <= ignore_index < count):
        ignored = classes == ignore_index
        classes = np.where(ignored, 0, classes)
        if classes.min() < 0 or classes.max() >= count:
            raise IndexError(f"target holds classes {classes.min()} to {classes.max()}; the input has outputs for the "
                             f"classes 0 to {count - 1}")
    return classes, ignored


def _class_weights(weight, outputs):
    """Return the weights of the classes as an array of the precision of the outputs."""
    if weight is None:
        return None
    classes = outputs.shape[_class_axis(outputs.shape)]
    weight = np.asanyarray(value_of(weight), np.result_type(outputs.dtype, np.float16))
    if weight.shape != (classes,):
        raise ValueError(f"weight must have shape ({classes},), a number for each class; got {weight.shape}")
    return weight


def _class_axis(shape):
    """Return which axis of outputs holds the classes: the second, or the only one."""
    if not shape:
        raise ValueError("input must have shape (N, C), (C,) or (N, C, ...), an output for each class; got shape ()")
    return 1 if len(shape) > 1 else 0


def _classes_last(x):
    return np.moveaxis(x, _class_axis(x.shape), -1)


def _sum_over(losses, total, reduction):
    """Reduce losses, with `total` what the mean divides by."""
    one_of(REDUCTIONS, reduction, "reduction")
    return losses if reduction == "none" else np.sum(losses) / total if reduction == "mean" else np.sum(losses)


# As in torch, logarithms below -100 count as -100, and the slope is kept finite.
_surprise_of_probabilities = Primitive(
    lambda p, y: -y * _bounded_log(p) - (1 - y) * _bounded_log(1 - p),
    (lambda g, ans, p, y: g * (p - y) / np.maximum(p * (1 - p), 1e-12),
     lambda g, ans, p, y: g * (_bounded_log(1 - p) - _bounded_log(p))), "binary_cross_entropy")


def _bounded_log(p):
    return np.maximum(np.log(np.maximum(p, 1e-44)), -100)  # 1e-44, above 0 in float32 too, has the logarithm -101.3


@checked
def binary_cross_entropy(input: Array, target: Array, weight: OptionalArray = None, *,
                         reduction: Reduction = "mean") -> Tensor:
    """Return -y log p - (1 - y) log(1 - p), the cross-entropy of yes and no; 100 at most.

    From outputs before a sigmoid, `binary_cross_entropy_with_logits` is more accurate.

    Parameters
    ----------
    input : array_like
        Probabilities p of yes.
    target : array_like
        1 for yes, 0 for no, or the probability y of yes, in the shape of the input.
    weight : array_like, optional
        What each element counts for; broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
    """
    input, target = _paired(input, target)
    if np.any((input < 0) | (input > 1)):
        raise ValueError(f"input must hold probabilities, from 0 to 1; got {np.min(value_of(input))} to "
                         f"{np.max(value_of(input))}: use binary_cross_entropy_with_logits for outputs before a "
                         "sigmoid")
    losses = _surprise_of_probabilities(input, target)
    return _reduced(_times(losses, weight), reduction)


@checked
def binary_cross_entropy_with_logits(input: Array, target: Array, weight: OptionalArray = None, *,
                                     reduction: Reduction = "mean", pos_weight: OptionalArray = None) -> Tensor:
    """Return -y log σ(x) - (1 - y) log(1 - σ(x)), the cross-entropy of yes and no, accurate for any x.

    Parameters
    ----------
    input : array_like
        Outputs x, before any sigmoid.
    target : array_like
        1 for yes, 0 for no, or the probability y of yes, in the shape of the input.
    weight : array_like, optional
        What each element counts for; broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
    pos_weight : array_like, optional
        What yes counts for; broadcast.
    """
    input, target = _paired(input, target)
    yes = _times(target, pos_weight, "pos_weight")
    losses = yes * softplus(-input) + (1 - target) * softplus(input)  # -log σ(x) = softplus(-x), and 1 - σ(x) = σ(-x)
    return _reduced(_times(losses, weight), reduction)


@checked
def kl_div(input: Array, target: Array, *, reduction: DivergenceReduction = "mean", log_target: Flag = False) -> Tensor:
    """Return p (log p - log q), whose sum is the Kullback-Leibler divergence of q from p; 0 where p is 0.

    Parameters
    ----------
    input : array_like
        Logarithms of probabilities, log q.
    target : array_like
        Probabilities p, in the shape of the input.
    reduction : {"mean", "batchmean", "sum", "none"}, default "mean"
        "batchmean", the sum divided by the length of the first axis, is the divergence of the mathematical definition.
    log_target : bool, default False
        Whether the target holds log p.
    """
    one_of((*REDUCTIONS, "batchmean"), reduction, "reduction")
    input, target = _paired(input, target)
    p = np.exp(target) if log_target else target
    counts = value_of(p) != 0  # elsewhere both logarithms may be infinite
    log_p = np.where(counts, target, 0) if log_target else np.log(np.where(target > 0, target, 1))
    losses = p * (log_p - np.where(counts, input, 0))
    return np.sum(losses) / len(losses) if reduction == "batchmean" else _reduced(losses, reduction)


@checked
def hinge_embedding_loss(input: Array, target: Array, margin: Number = 1.0, *, reduction: Reduction = "mean") -> Tensor:
    """Return x where y is 1, and max(0, margin - x) where it is -1: similar pairs come close, others move apart.

    Parameters
    ----------
    input : array_like
        Distances x.
    target : array_like
        1 or -1, in the shape of the input.
    margin : float, default 1.0
    reduction : {"mean", "sum", "none"}, default "mean"
    """
    input, target = _paired(input, target)
    target = value_of(target)
    if not np.all(np.abs(target) == 1):
        raise ValueError(f"target of a hinge embedding loss must hold 1 and -1; got {np.unique(target)}")
    return _reduced(np.where(target == 1, input, relu(margin - input)), reduction)


@checked
def multi_margin_loss(input: Array, target: Array, p: int = 1, margin: Number = 1.0, weight: OptionalArray = None, *,
                      reduction: Reduction = "mean") -> Tensor:
    """Return Σ max(0, margin - x[y] + x[c])ᵖ / C, summed over the classes c other than y: the hinge loss for C classes.

    Parameters
    ----------
    input : array_like, shape (N, C) or (C,)
        Outputs x.
    target : array_like of int, shape (N,) or ()
        Classes y from 0 to C - 1.
    p : {1, 2}, default 1
    margin : float, default 1.0
    weight : array_like, shape (C,), optional
        What each class y counts for.
    reduction : {"mean", "sum", "none"}, default "mean"
    """
    if p not in (1, 2):
        raise ValueError(f"p must be 1 or 2; got {p!r}")
    input, classes = operand(input), value_of(operand(target))
    if input.ndim not in (1, 2):
        raise ValueError(f"input must have shape (N, C) or (C,); got {input.shape}")
    classes, _ = _checked_classes(input.shape, classes, -100)
    true = np.expand_dims(classes, -1)
    others = np.arange(input.shape[-1]) != true
    losses = others * relu(margin - np.take_along_axis(input, true, -1) + input) ** p
    if weight is not None:
        losses = losses * _class_weights(weight, input)[true]
    return _reduced(np.mean(losses, -1), reduction)


@checked
def margin_ranking_loss(input1: Array, input2: Array, target: Array, margin: Number = 0.0, *,
                        reduction: Reduction = "mean") -> Tensor:
    """Return max(0, margin - y (x₁ - x₂)): where y is 1, x₁ should be larger than x₂, and where it is -1, smaller.

    Parameters
    ----------
    input1, input2 : array_like
        Scores x₁ and x₂.
    target : array_like
        1 or -1; broadcast.
    margin : float, default 0.0
        By how much.
    reduction : {"mean", "sum", "none"}, default "mean"
    """
    input1, input2 = _paired(input1, input2, ("input1", "input2"))
    sign = np.asanyarray(value_of(target)).astype(input1.dtype)
    return _reduced(relu(margin - _times(input1 - input2, sign, "target")), reduction)


# The same as modules

class _Loss(FunctionModule):
    inputs = 2


class MSELoss(_Loss):
    """`mse_loss` as a module, which takes its keywords."""

    function = staticmethod(mse_loss)


class L1Loss(_Loss):
    """`l1_loss` as a module, which takes its keywords."""

    function = staticmethod(l1_loss)


class HuberLoss(_Loss):
    """`huber_loss` as a module, which takes its reduction and delta."""

    function = staticmethod(huber_loss)


class SmoothL1Loss(_Loss):
    """`smooth_l1_loss` as a module, which takes its keywords."""

    function = staticmethod(smooth_l1_loss)


class CrossEntropyLoss(_Loss):
    """`cross_entropy` as a module, which takes its weight and its keywords.

    Examples
    --------
    >>> from minigrad import nn
    >>> loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    >>> loss(np.zeros((2, 4)), np.array([0, 3])).item()
    1.386294
    """

    function = staticmethod(cross_entropy)


class NLLLoss(_Loss):
    """`nll_loss` as a module, which takes its weight and its keywords."""

    function = staticmethod(nll_loss)


class BCELoss(_Loss):
    """`binary_cross_entropy` as a module, which takes its weight and its keywords."""

    function = staticmethod(binary_cross_entropy)


class BCEWithLogitsLoss(_Loss):
    """`binary_cross_entropy_with_logits` as a module, which takes its weight and its keywords."""

    function = staticmethod(binary_cross_entropy_with_logits)


class KLDivLoss(_Loss):
    """`kl_div` as a module, which takes its keywords."""

    function = staticmethod(kl_div)


class HingeEmbeddingLoss(_Loss):
    """`hinge_embedding_loss` as a module, which takes its margin and its keywords."""

    function = staticmethod(hinge_embedding_loss)


class MultiMarginLoss(_Loss):
    """`multi_margin_loss` as a module, which takes p, the margin, the weight and its keywords."""

    function = staticmethod(multi_margin_loss)


class MarginRankingLoss(_Loss):
    """`margin_ranking_loss` as a module, which takes its margin and its keywords."""

    inputs = 3
    function = staticmethod(margin_ranking_loss)
