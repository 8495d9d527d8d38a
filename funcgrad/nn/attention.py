"""Attention."""

from __future__ import annotations

import math

import numpy as np

from funcgrad.core.avals import broadcast_shapes
from funcgrad.nn.normalised import softmax
from funcgrad.numpy.contractions import einsum
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.operands import as_array, as_inexact

__all__ = ["dot_product_attention"]

MASKED = -0.7 * float(np.finfo(np.float32).max)
"""The logit of a pair that does not attend: finite, so that a row without any has a softmax."""


def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: Array | None = None,
    key_value_seq_lengths: Array | None = None,
    local_window_size: int | tuple[int, int] | None = None,
) -> Array:
    """`softmax(scale * query @ key.T + bias) @ value` for each head.

    Args:
        query: ``(B, T, N, H)``, or ``(T, N, H)`` without the batch, as `key` and `value` are then too.
        key, value: ``(B, S, K, H)``; each of the K heads serves N / K heads of the query.
        bias: added to the logits, broadcasts against ``(B, N, T, S)``.
        mask: where it is False a pair does not attend; as `bias`.
        scale: ``1 / sqrt(H)`` by default.
        is_causal: a place attends to itself and those before it only.
        query_seq_lengths, key_value_seq_lengths: ``(B,)``, how much of each sequence counts; the result is zero beyond.
        local_window_size: how far to the left and to the right a place attends.

    Returns:
        ``(B, T, N, H)``, or ``(T, N, H)``.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> x = np.ones((3, 2, 4))
        >>> dot_product_attention(x, x, x).shape
        (3, 2, 4)
    """
    query, key, value = (as_inexact(x) for x in (query, key, value))
    shape = query.shape
    if len(shape) == 3:
        query, key, value = (x[None] for x in (query, key, value))
    if query.ndim != 4 or key.shape != value.shape or query.shape[::3] != key.shape[::3]:
        raise ValueError(f"query, key and value of shapes {shape}, {key.shape} and {value.shape} do not fit together")
    batch, length, heads, size = query.shape
    groups, rest = divmod(heads, key.shape[2])
    if rest:
        raise ValueError(
            f"the number of query heads, {heads}, must be a multiple of that of the others, {key.shape[2]}"
        )
    grouped = reshape(query, shape=(batch, length, key.shape[2], groups, size))
    logits = einsum("btkgh,bskh->bkgts", grouped, key)
    logits = reshape(logits, shape=(batch, heads, *logits.shape[3:])) * (
        1 / math.sqrt(size) if scale is None else scale
    )
    if bias is not None:
        logits = logits + bias
    allowed = _allowed(
        length, key.shape[1], mask, is_causal, query_seq_lengths, key_value_seq_lengths, local_window_size
    )
    if allowed is not None:
        if broadcast_shapes(allowed.shape, logits.shape) != logits.shape:
            raise ValueError(f"a mask of shape {allowed.shape} does not broadcast to {logits.shape}")
        logits = ew.where(allowed, logits, MASKED)
    weights = softmax(logits, axis=-1)
    weights = reshape(weights, shape=(batch, key.shape[2], groups, *weights.shape[2:]))
    out = reshape(einsum("bkgts,bskh->btkgh", weights, value), shape=query.shape)
    if query_seq_lengths is not None:
        counts = np.arange(length)[:, None, None] < as_array(query_seq_lengths)[:, None, None, None]
        out = ew.where(counts, out, 0.0)
    return reshape(out, shape=shape)


def _allowed(
    length: int,
    keys: int,
    mask: Array | None,
    is_causal: bool,
    query_lengths: Array | None,
    key_lengths: Array | None,
    window: int | tuple[int, int] | None,
) -> Array | None:
    """Which pairs attend, `(B, N, T, S)` with axes of length 1; None: all."""
    at, other = np.arange(length)[:, None], np.arange(keys)
    found = [] if mask is None else [as_array(mask)]
    if is_causal:
        found.append((at >= other)[None, None])
    if window is not None:
        left, right = (window, window) if isinstance(window, int) else window
        found.append(((at <= other + left) & (at >= other - right))[None, None])
    if query_lengths is not None:
        found.append(at < as_array(query_lengths)[:, None, None, None])
    if key_lengths is not None:
        found.append(other < as_array(key_lengths)[:, None, None, None])
    if not found:
        return None
    allowed = found[0]
    for more in found[1:]:
        allowed = ew.logical_and(allowed, more)
    return allowed
