"""Attention: every element of one sequence looks at all elements of another, and takes from those that matter to it."""

import math

import numpy as np

from ..arguments import Array, Flag, Floating, Generator, OptionalArray, Probability, Size
from ..rules.products import operand
from ..tensor import Tensor
from . import functional as F
from . import init
from .layers import Linear
from .module import Module, Parameter


class MultiheadAttention(Module):
    """Several attentions side by side, each with its own projection; see `functional.scaled_dot_product_attention`.

    Called with queries of shape (L, N, E), and keys and values of shape (S, N, E), it returns an output of shape
    (L, N, E) and the weights of shape (N, L, S). With `batch_first`, N comes first. N can also be left out.

    Parameters
    ----------
    embed_dim : int
        The length E of the vectors.
    num_heads : int
        The number of attentions, which must divide `embed_dim`.
    dropout : float, default 0.0
        The part of the weights that is dropped in training.
    bias : bool, default True
    batch_first : bool, default False
    dtype : dtype, default np.float32
    generator : np.random.Generator, optional
        Where the initial numbers come from; see `manual_seed`.

    Attributes
    ----------
    in_proj_weight : Tensor, shape (3 E, E)
        The projections of queries, keys and values, stacked in this order. Drawn by `init.xavier_uniform_`.
    in_proj_bias : Tensor, shape (3 E,), or None
        At first zeros.
    out_proj : Linear
        The map that joins the heads; its bias is zero at first.

    References
    ----------
    A. Vaswani and others (2017), Attention is all you need, section 3.2.2.

    Examples
    --------
    >>> from minigrad import nn
    >>> attention = nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = np.zeros((4, 5, 8), np.float32)
    >>> output, weights = attention(x, x, x)
    >>> output.shape, weights.shape
    ((4, 5, 8), (4, 5, 5))
    """

    def __init__(self, embed_dim: Size, num_heads: Size, dropout: Probability = 0.0, bias: Flag = True, *,
                 batch_first: Flag = False, dtype: Floating = np.float32, generator: Generator = None) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"num_heads must divide embed_dim, {embed_dim}; got {num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.in_proj_weight = Parameter(np.zeros((3 * embed_dim, embed_dim), dtype))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, generator=generator)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        init.xavier_uniform_(self.in_proj_weight, generator=generator)
        self.out_proj.reset_parameters(generator)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)

    def forward(self, query: Array, key: Array, value: Array, key_padding_mask: OptionalArray = None,
                need_weights: Flag = True, attn_mask: OptionalArray = None, average_attn_weights: Flag = True,
                is_causal: Flag = False) -> tuple[Tensor, Tensor | None]:
        """Return the output and the weights.

        Parameters
        ----------
        query, key, value : array_like
            The sequences.
        key_padding_mask : array_like, shape (N, S), optional
            True where a key is left out; numbers are added to the products.
        need_weights : bool, default True
            Otherwise None is returned instead of the weights.
        attn_mask : array_like, shape (L, S) or (N * num_heads, L, S), optional
            True where a query may not see a key (unlike in `scaled_dot_product_attention`); numbers are added.
        average_attn_weights : bool, default True
            Whether the weights are the means over all heads; otherwise they have shape (N, num_heads, L, S).
        is_causal : bool, default False
            Let query i see only the keys 0 to i.
        """
        query, key, value = operand(query), operand(key), operand(value)
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            raise ValueError(f"query, key and value must all have two axes or all three; got shapes {query.shape}, "
                             f"{key.shape} and {value.shape}")
        alone = query.ndim == 2
        time_first = not (alone or self.batch_first)
        if alone:
            query, key, value = query[None], key[None], value[None]
        elif time_first:
            query, key, value = (np.swapaxes(x, 0, 1) for x in (query, key, value))
        q, k, v = (self._heads(x, part) for part, x in enumerate((query, key, value)))
        mask = _merged(attn_mask, key_padding_mask, q.shape, k.shape[-2], q.dtype)
        weights = F.attention_weights(q, k, mask, self.dropout if self.training else 0.0, is_causal)
        output = self.out_proj(np.reshape(np.swapaxes(weights @ v, 1, 2), query.shape))
        output = output[0] if alone else np.swapaxes(output, 0, 1) if time_first else output
        if not need_weights:
            return output, None
        weights = np.mean(weights, 1) if average_attn_weights else weights
        return output, weights[0] if alone else weights

    def _heads(self, x, part):
        """Project queries (part 0), keys (1) or values (2), and split them into (N, num_heads, L, E / num_heads)."""
        rows = slice(part * self.embed_dim, (part + 1) * self.embed_dim)
        x = F.linear(x, self.in_proj_weight[rows], None if self.in_proj_bias is None else self.in_proj_bias[rows])
        n, length, _ = x.shape
        return np.swapaxes(np.reshape(x, (n, length, self.num_heads, self.embed_dim // self.num_heads)), 1, 2)

    def extra_repr(self):
        return f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


def _merged(attn_mask, key_padding_mask, shape, keys, dtype):
    """Return both masks as one, as numbers to add to products of shape (N, heads, L, keys); None for none."""
    n, heads, queries, _ = shape
    mask = None
    if attn_mask is not None:
        mask = _as_numbers(attn_mask, dtype)
        if mask.shape not in ((queries, keys), (n * heads, queries, keys)):
            raise ValueError(f"attn_mask must have shape {(queries, keys)} or {(n * heads, queries, keys)}; "
                             f"got {mask.shape}")
        mask = np.reshape(mask, (-1, heads if mask.ndim == 3 else 1, queries, keys))
    if key_padding_mask is not None:
        padding = _as_numbers(key_padding_mask, dtype)
        if padding.shape not in ((n, keys), (keys,)):
            raise ValueError(f"key_padding_mask must have shape {(n, keys)}; got {padding.shape}")
        padding = np.reshape(padding, (-1, 1, 1, keys))
        mask = padding if mask is None else mask + padding
    return mask


def _as_numbers(mask, dtype):
    """Return a mask as numbers to add: -∞ where it is True."""
    mask = operand(mask)
    return np.where(mask, -math.inf, 0).astype(dtype) if mask.dtype == bool else mask
