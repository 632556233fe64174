"""Layers as functions, under torch.nn.functional's names; the modules in `layers.py` keep their parameters.

Most are written in NumPy, which the tape records. The few in which training spends most of its time are primitives with
their own rules.
"""

import math

import numpy as np

from .. import special
from ..arguments import (
    Array,
    Axis,
    Flag,
    Generator,
    NotNegative,
    Number,
    OptionalArray,
    OptionalIndex,
    OptionalNumber,
    Positive,
    Probability,
    Shape,
    checked,
    number,
    shaped,
)
from ..registry import value_of
from ..rules.products import operand
from ..special import gelu, relu, sigmoid, silu
from ..tape import Primitive
from ..tensor import Tensor
from .convolution import avg_pool2d, conv1d, conv2d, conv_transpose2d, max_pool2d
from .init import chosen
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "relu", "leaky_relu", "elu", "selu", "softplus", "sigmoid", "logsigmoid", "tanh", "hardtanh", "softsign", "silu",
    "gelu", "glu", "softmax", "log_softmax",
    "linear", "bilinear", "embedding", "dropout", "batch_norm", "layer_norm", "scaled_dot_product_attention",
    "conv1d", "conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d",
    "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "cross_entropy", "nll_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div", "hinge_embedding_loss", "multi_margin_loss",
    "margin_ranking_loss",
]

# Activations that are not in `special.py`, or have other arguments there

@checked
def tanh(input: Array) -> Tensor:
    """Return the hyperbolic tangent."""
    return np.tanh(input)


@checked
def softmax(input: Array, dim: Axis = -1) -> Tensor:
    """Return exp(xᵢ) / Σⱼ exp(xⱼ), summed along the axis `dim`."""
    return special.softmax(input, dim)


@checked
def log_softmax(input: Array, dim: Axis = -1) -> Tensor:
    """Return the logarithm of `softmax`."""
    return special.log_softmax(input, dim)


@checked
def leaky_relu(input: Array, negative_slope: Number = 0.01) -> Tensor:
    """Return x where x > 0, and negative_slope x elsewhere."""
    input = operand(input)
    return np.where(input > 0, input, negative_slope * input)


@checked
def elu(input: Array, alpha: Number = 1.0) -> Tensor:
    """Return x where x > 0, and alpha (exp(x) - 1) elsewhere.

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter (2016), Fast and accurate deep network learning by exponential
    linear units (ELUs), equation 15.
    """
    input = operand(input)
    return np.where(input > 0, input, alpha * np.expm1(np.minimum(input, 0)))


@checked
def selu(input: Array) -> Tensor:
    """Return λx where x > 0, and λα (exp(x) - 1) elsewhere: numbers of mean 0 and variance 1 keep both.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter (2017), Self-normalizing neural networks, equations 2 and
    14.
    """
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


@checked
def softplus(input: Array, beta: Positive = 1.0, threshold: Number = 20.0) -> Tensor:
    """Return log(1 + exp(beta x)) / beta, and x where beta x is above the threshold: there they hardly differ."""
    input = operand(input)
    return np.where(input * beta > threshold, input, special.softplus(input * beta) / beta)


@checked
def logsigmoid(input: Array) -> Tensor:
    """Return the logarithm of the sigmoid, which keeps its digits where that is 0 or 1 to rounding."""
    return -special.softplus(np.negative(input))


@checked
def hardtanh(input: Array, min_val: Number = -1.0, max_val: Number = 1.0) -> Tensor:
    """Return x between the two bounds and the nearer bound outside, with slope 0 there and at the bounds."""
    input = operand(input)
    inside = (input > min_val) & (input < max_val)
    return np.where(inside, input, np.where(input < max_val, min_val, max_val).astype(input.dtype))


@checked
def softsign(input: Array) -> Tensor:
    """Return `x / (1 + |x|)`."""
    return input / (1 + np.abs(input))


@checked
def glu(input: Array, dim: Axis = -1) -> Tensor:
    """Return a σ(b), the gated linear unit, for the two halves a and b of x along the axis `dim`.

    References
    ----------
    Y. N. Dauphin, A. Fan, M. Auli and D. Grangier (2017), Language modeling with gated convolutional networks,
    equation 1.
    """
    input = operand(input)
    if not -input.ndim <= dim < input.ndim or input.shape[dim] % 2:
        raise ValueError(f"input must have an axis dim={dim} of even length; got shape {input.shape}")
    a, b = np.split(input, 2, dim)
    return a * sigmoid(b)


# Products

def _rows(x):
    """Return x as a matrix: its last axis is kept, the others are joined."""
    return x if x.ndim == 2 else np.reshape(x, (-1, x.shape[-1]))


def _affine(x, weight, bias):
    y = x @ weight.T
    if bias is not None:
        y += bias
    return y


def _by_bias(g, ans, x, weight, bias):
    g = _rows(g)
    return np.ones(len(g), g.dtype) @ g  # a product is faster than a sum over the rows


_linear = Primitive(_affine, (lambda g, ans, x, weight, bias: g @ weight,
                              lambda g, ans, x, weight, bias: _rows(g).T @ _rows(x),
                              _by_bias), "linear")


@checked
def linear(input: Array, weight: Array, bias: OptionalArray = None) -> Tensor:
    """Return x Wᵀ + b.

    Parameters
    ----------
    input : array_like, shape (..., in_features)
    weight : array_like, shape (out_features, in_features)
    bias : array_like, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)

    Raises
    ------
    ValueError
        If the last axis of the input and the rows of the weight differ in length.
    """
    input, weight = operand(input), operand(weight)
    if weight.ndim != 2:
        raise ValueError(f"weight must have shape (out_features, in_features); got {weight.shape}")
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(f"input of shape {input.shape} does not fit a weight of shape {weight.shape}: "
                         f"its last axis must have length {weight.shape[1]}")
    shaped(bias, "bias", weight.shape[:1])
    return _linear(input, weight, bias)


@checked
def bilinear(input1: Array, input2: Array, weight: Array, bias: OptionalArray = None) -> Tensor:
    """Return y with yₖ = x₁ᵀ Wₖ x₂ + bₖ.

    Parameters
    ----------
    input1 : array_like, shape (..., in1_features)
    input2 : array_like, shape (..., in2_features)
    weight : array_like, shape (out_features, in1_features, in2_features)
    bias : array_like, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)
    """
    input1, input2, weight = operand(input1), operand(input2), operand(weight)
    if weight.ndim != 3:
        raise ValueError(f"weight must have shape (out_features, in1_features, in2_features); got {weight.shape}")
    for x, name, n in ((input1, "input1", weight.shape[1]), (input2, "input2", weight.shape[2])):
        if x.ndim == 0 or x.shape[-1] != n:
            raise ValueError(f"{name} must have shape (..., {n}) for a weight of shape {weight.shape}; got {x.shape}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ValueError(f"input1 and input2 must have the same axes except the last; got shapes {input1.shape} and "
                         f"{input2.shape}")
    shaped(bias, "bias", weight.shape[:1])
    y = np.einsum("...i,kij,...j->...k", input1, weight, input2)
    return y if bias is None else y + bias


@checked
def embedding(input: Array, weight: Array, padding_idx: OptionalIndex = None) -> Tensor:
    """Return rows of a table: weight[input].

    Parameters
    ----------
    input : array_like of int, any shape
        Which rows.
    weight : array_like, shape (num_embeddings, embedding_dim)
    padding_idx : int, optional
        A row that receives no gradient.

    Returns
    -------
    Tensor, shape (*input.shape, embedding_dim)

    Raises
    ------
    TypeError, IndexError
        If the input is not made of integers from 0 to num_embeddings - 1.
    """
    input, weight = np.asanyarray(value_of(input)), operand(weight)
    if input.dtype.kind not in "iu":
        raise TypeError(f"input of an embedding must hold integers, the rows of the weight; got dtype {input.dtype}: "
                        "write x.astype(int)")
    if weight.ndim != 2:
        raise ValueError(f"weight must have shape (num_embeddings, embedding_dim); got {weight.shape}")
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise ValueError(f"padding_idx must be a row of the weight, below {len(weight)}; got {padding_idx}")
    if input.size and not (input.min() >= 0 and input.max() < len(weight)):
        raise IndexError(f"input holds {input.min()} to {input.max()}; the weight has rows 0 to {len(weight) - 1}")
    rows = weight[input]
    if padding_idx is None:
        return rows
    return np.where((input == padding_idx % len(weight))[..., None], value_of(rows), rows)


# Noise

@checked
def dropout(input: Array, p: Probability = 0.5, training: Flag = True, generator: Generator = None) -> Tensor:
    """Set each number to 0 with probability p, and divide the others by 1 - p, so that the mean stays.

    Parameters
    ----------
    input : array_like
    p : float, default 0.5
    training : bool, default True
        Otherwise the input is returned as it is.
    generator : np.random.Generator, optional
        Where the random numbers come from; see `manual_seed`.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov (2014), Dropout: a simple way to prevent
    neural networks from overfitting.
    """
    input, p = operand(input), number(p, "p", 0, 1)
    if not training or p == 0:
        return input
    kept = chosen(generator).random(input.shape) >= p
    scale = 1 / (1 - p) if p < 1 else 0
    return input * (kept * scale).astype(input.dtype)


# Normalisation

def _normalized(x, axes, eps):
    centred = x - np.mean(x, axes, keepdims=True)
    return centred / np.sqrt(np.mean(np.square(centred), axes, keepdims=True) + eps)


def _by_normalized(g, ans, x, axes, eps):
    means = np.mean(g, axes, keepdims=True) + ans * np.mean(g * ans, axes, keepdims=True)
    return (g - means) / np.sqrt(np.var(x, axes, keepdims=True) + eps)


_normalize = Primitive(_normalized, (_by_normalized,), "normalize")


@checked
def layer_norm(input: Array, normalized_shape: Shape, weight: OptionalArray = None, bias: OptionalArray = None,
               eps: NotNegative = 1e-5) -> Tensor:
    """Return (x - mean) / √(variance + eps) · weight + bias, with mean and variance over the last axes of each sample.

    Parameters
    ----------
    input : array_like, shape (..., *normalized_shape)
    normalized_shape : int or tuple of int
        The lengths of the axes to normalise over, the last ones.
    weight, bias : array_like, shape normalized_shape, optional
    eps : float, default 1e-5

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton (2016), Layer normalization, equation 3.
    """
    input, shape = operand(input), as_shape(normalized_shape)
    shaped(weight, "weight", shape), shaped(bias, "bias", shape)
    if input.shape[input.ndim - len(shape):] != shape or not shape:
        raise ValueError(f"input of shape {input.shape} does not end in normalized_shape, {shape}")
    y = _normalize(input, tuple(range(input.ndim - len(shape), input.ndim)), eps)
    return _scaled(y, weight, bias)


@checked
def batch_norm(input: Array, running_mean: OptionalArray, running_var: OptionalArray, weight: OptionalArray = None,
               bias: OptionalArray = None, training: Flag = False, momentum: Probability = 0.1,
               eps: NotNegative = 1e-5) -> Tensor:
    """Return (x - mean) / √(variance + eps) · weight + bias, with mean and variance of each channel.

    In training they come from the batch. The running ones then move towards them, in place, with the unbiased variance:
    running ← (1 - momentum) running + momentum new. Otherwise the running ones are used.

    Parameters
    ----------
    input : array_like, shape (N, C) or (N, C, ...)
    running_mean, running_var : ndarray, shape (C,), or None
    weight, bias : array_like, shape (C,), optional
    training : bool, default False
    momentum : float, default 0.1
    eps : float, default 1e-5

    Raises
    ------
    ValueError
        In training with one number per channel, which has no variance.

    References
    ----------
    S. Ioffe and C. Szegedy (2015), Batch normalization, algorithms 1 and 2.
    """
    input = operand(input)
    if input.ndim < 2:
        raise ValueError(f"input must have shape (N, C) or (N, C, ...); got {input.shape}")
    for value, name in ((running_mean, "running_mean"), (running_var, "running_var"), (weight, "weight"),
                        (bias, "bias")):
        shaped(value, name, input.shape[1:2])
    axes = (0, *range(2, input.ndim))
    column = (-1, *[1] * (input.ndim - 2))  # of channels, beside an input
    if training:
        count = input.size // max(input.shape[1], 1)
        if count < 2:
            raise ValueError(f"batch_norm of an input of shape {input.shape} in training: one number per channel has "
                             "no variance; give a larger batch, or call model.eval()")
        if running_mean is not None:
            running_mean += momentum * (np.mean(value_of(input), axes) - running_mean)
            running_var += momentum * (np.var(value_of(input), axes, ddof=1) - running_var)
        y = _normalize(input, axes, eps)
    else:
        deviation = np.sqrt(running_var + eps)
        y = (input - running_mean.reshape(column)) / deviation.reshape(column)
    return _scaled(y, *[None if p is None else np.reshape(p, column) for p in (weight, bias)])


def _scaled(y, weight, bias):
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def as_shape(shape):
    """Return an int or several as a tuple."""
    return (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)


# Attention

@checked
def scaled_dot_product_attention(query: Array, key: Array, value: Array, attn_mask: OptionalArray = None,
                                 dropout_p: Probability = 0.0, is_causal: Flag = False,
                                 scale: OptionalNumber = None) -> Tensor:
    """Return softmax(Q Kᵀ / √E) V: for every query, the mean of the values, weighted by how well the keys fit.

    Parameters
    ----------
    query : array_like, shape (..., L, E)
    key : array_like, shape (..., S, E)
    value : array_like, shape (..., S, V)
    attn_mask : array_like, shape (..., L, S), optional
        Added to the products; of bools, True where a query may see a key.
    dropout_p : float, default 0.0
        The part of the weights that is dropped.
    is_causal : bool, default False
        Let query i see only the keys 0 to i.
    scale : float, optional
        1 / √E unless given.

    Returns
    -------
    Tensor, shape (..., L, V)

    References
    ----------
    A. Vaswani and others (2017), Attention is all you need, equation 1.
    """
    key, value = operand(key), operand(value)
    if key.ndim < 2 or value.ndim < 2 or value.shape[-2] != key.shape[-2]:
        raise ValueError(f"value must have shape (..., S, V) for keys of shape (..., S, E); got {value.shape} and "
                         f"{key.shape} for the key")
    return attention_weights(query, key, attn_mask, dropout_p, is_causal, scale) @ value


def attention_weights(query: Array, key: Array, attn_mask: OptionalArray = None, dropout_p: Probability = 0.0,
                      is_causal: Flag = False, scale: OptionalNumber = None) -> Tensor:
    """Return softmax(Q Kᵀ / √E), of shape (..., L, S); the arguments are those of `scaled_dot_product_attention`."""
    query, key = operand(query), operand(key)
    if query.ndim < 2 or key.ndim < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError("query and key must have shapes (..., L, E) and (..., S, E); "
                         f"got {query.shape} and {key.shape}")
    products = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        products = np.where(np.tri(*products.shape[-2:], dtype=bool), products, -math.inf)
    if attn_mask is not None:
        attn_mask = operand(attn_mask)
        if attn_mask.ndim > products.ndim or any(m not in (1, n) for m, n in zip(
                attn_mask.shape[::-1], products.shape[::-1])):
            raise ValueError(f"attn_mask must broadcast to the shape of the weights, {products.shape}; "
                             f"got {attn_mask.shape}")
        products = products + attn_mask if attn_mask.dtype != bool else np.where(attn_mask, products, -math.inf)
    return dropout(softmax(products, -1), dropout_p)
