"""Attention."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.lax import stop_gradient
from funcgrad.torch._ops.create import zeros
from funcgrad.torch._ops.join import cat
from funcgrad.torch._ops.memory_order import order_of
from funcgrad.torch._ops.pointwise import times_number
from funcgrad.torch._ops.products import bmm, matmul
from funcgrad.torch._ops.reduce import softmax
from funcgrad.torch._ops.shape import transpose
from funcgrad.torch._ops.sums import baddbmm
from funcgrad.torch._record.calls import Kind, call, lie
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.dropout import dropout, noise
from funcgrad.torch.nn.functional.linear import linear
from funcgrad.torch.nn.functional.padding import pad
from funcgrad.transforms.fused import fused


def _scores(query: Any, key: Any, mask: Any, scale: float, is_causal: bool) -> tuple[Any, Any]:
    """How much each attends to each, and where it may."""
    scores = fnp.matmul(query * scale, fnp.swapaxes(key, -1, -2))
    allowed = None
    if is_causal:
        allowed = np.tri(*scores.shape[-2:]).astype(bool)
    elif mask is not None:
        allowed = mask if mask.dtype.kind == "b" else mask != -np.inf
        scores = scores if mask.dtype.kind == "b" else scores + fnp.where(allowed, mask, 0.0)
    return scores, allowed


@fused
def _attended(query: Any, key: Any, value: Any, mask: Any, noise: Any, scale: float, is_causal: bool) -> Any:
    """A row that attends to nothing is zero."""
    scores, allowed = _scores(query, key, mask, scale, is_causal)
    weights = nn.softmax(scores, -1, where=allowed)
    return fnp.matmul(weights if noise is None else weights * noise, value)


def _attended_read(
    keep: Any, query: Any, key: Any, value: Any, mask: Any, noise: Any, scale: float, is_causal: bool
) -> Any:
    """As the derivative of the fused kernel reads it: of the logarithms of the sums of rows, and of the result."""
    scores, allowed = _scores(query, key, mask, scale, is_causal)
    scores = scores if allowed is None else fnp.where(allowed, scores, -np.inf)
    fixed = stop_gradient(scores)
    top = fnp.max(fixed, axis=-1, keepdims=True)
    top = fnp.where(fnp.isfinite(top), top, 0.0)
    sums = keep((fnp.log(fnp.sum(fnp.exp(fixed - top), axis=-1, keepdims=True)) + top)[..., 0])
    shares = fnp.where(fnp.isfinite(sums)[..., None], fnp.exp(scores - sums[..., None]), 0.0)
    result = keep(stop_gradient(fnp.matmul(shares, value)))
    return fnp.matmul(shares, value) - result * fnp.sum(shares, axis=-1, keepdims=True)


ATTENTION = Kind("ScaledDotProductFlashAttentionForCpu", "xyz", takes="012", reads=_attended_read)
IN_PARTS, OF_MATRICES, SAFE_SOFTMAX = Kind("UnsafeView", "xyz"), Kind("Mm", "xyz"), Kind("SafeSoftmax", "r")


def _has_empty_row(scores: Tensor) -> bool:
    value = constant(scores._read())
    return isinstance(value, Tracer) or bool(np.all(value == -np.inf, axis=-1).any())


def _safe_softmax(v: Any) -> Any:
    """Zeros where nothing counts."""
    return nn.softmax(v, -1, where=v != -np.inf)


def _composed(
    query: Tensor, key: Tensor, value: Tensor, mask: Any, noise: Any, scale: float, is_causal: bool
) -> Tensor:
    """As PyTorch composes it where no fused kernel is for it."""
    part = math.sqrt(abs(scale))
    scores = matmul(times_number(query, part), times_number(transpose(key, -2, -1), part))
    if is_causal:
        mask = fresh(np.tri(*scores.shape[-2:]).astype(bool))
    if mask is not None:
        scores = scores + additive(mask.logical_not() if mask.dtype is dtypes.bool else mask, "mask", query.dtype)
    shares = call(SAFE_SOFTMAX, _safe_softmax if _has_empty_row(scores) else nn.softmax, scores)
    return matmul(shares if noise is None else shares * noise, value)


def _check_products(query: Tensor, key: Tensor, value: Tensor) -> None:
    """PyTorch's errors for sizes that do not fit: those of its products."""
    stacks = {tuple(t.shape[:-2]) for t in (query, key, value)}
    if len(stacks) > 1 or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        with no_grad():
            matmul(matmul(query, key.mT), value)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.T * scale + mask) @ value

    Args:
        query: ``(*, L, E)``.
        key, value: ``(*, S, E)`` and ``(*, S, V)``.
        attn_mask: what is added to ``(*, L, S)``, or, if bool, where a pair attends.
        dropout_p: of the weights, whether in training or not.
        is_causal: a place attends to itself and those before it only.
        scale: 1 / sqrt(E) by default.
        enable_gqa: heads of key and value (dimension -3) serve several of the query.
    """
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {query.dim()} "
            f"key.dim: {key.dim()} and value.dim: {value.dim()} instead."
        )
    if attn_mask is not None and is_causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype.short} key.dtype: {key.dtype.short} and value.dtype: {value.dtype.short} instead."
        )
    if enable_gqa:
        key, value = (t.repeat_interleave(query.shape[-3] // t.shape[-3], -3) for t in (key, value))
    if query._read().dtype.kind not in "fc":
        if query.dim() > 2:
            raise RuntimeError(f"expected scalar type Float but found {query.dtype.title}")
        given = query.dtype.short
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: float != {given}")
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p:g}")
    _check_products(query, key, value)
    if attn_mask is not None and query.shape.numel():
        check_broadcast((*query.shape[:-1], key.shape[-2]), tuple(attn_mask.shape))
    mask = noise((*query.shape[:-1], key.shape[-2]), dropout_p, query._read().dtype) if dropout_p > 0 else None
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    moving_mask = attn_mask is not None and attn_mask.requires_grad
    plain = query.dim() == 4 and query.shape[-1] == value.shape[-1] and mask is None and not moving_mask
    options = {"scale": factor, "is_causal": is_causal}
    if plain:
        found = call(ATTENTION, _attended, query, key, value, attn_mask, mask, **options)
        return lie(found, tuple(order_of(query)))
    kept = None if mask is None else fresh(mask)
    one = OF_MATRICES if query.dim() == key.dim() == value.dim() == 2 else IN_PARTS
    return composite(_composed, partial(call, one, _attended), query, key, value, attn_mask, kept, **options)


def additive(
    mask: Tensor | None, name: str, dtype: dtypes.dtype, other: Tensor | None = None, other_name: str = "attn_mask"
) -> Tensor | None:
    """A mask that is added: -inf where a bool one holds."""
    if mask is None:
        return None
    if mask.dtype is not dtypes.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and other.dtype is not mask.dtype:
        warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            UserWarning,
        )
    if mask.is_floating_point():
        return mask
    return fresh(fnp.where(mask._read(), dtype.numpy.type(-np.inf), dtype.numpy.type(0)))


def _check_ranks(
    query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None, attn_mask: Tensor | None, heads: int
) -> bool:
    """PyTorch's errors; whether there is a batch."""
    ndim = query.dim()
    if ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor")
    which = f"For {'batched' if ndim == 3 else 'unbatched'} ({ndim}-D) `query`"
    if key.dim() != ndim or value.dim() != ndim:
        raise AssertionError(
            f"{which}, expected `key` and `value` to be {ndim}-D but found {key.dim()}-D and {value.dim()}-D tensors "
            "respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != ndim - 1:
        raise AssertionError(
            f"{which}, expected `key_padding_mask` to be `None` or {ndim - 1}-D but found {key_padding_mask.dim()}-D "
            "tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"{which}, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor instead"
            )
        wanted = (heads, query.shape[0], key.shape[0])
        if ndim == 2 and attn_mask.dim() == 3 and attn_mask.shape != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {attn_mask.shape}")
    return ndim == 3


def _projected(
    inputs: tuple[Tensor, Tensor, Tensor], weights: Tensor | tuple[Tensor, Tensor, Tensor], bias: Tensor | None
) -> list[Tensor]:
    """Queries, keys and values; one product where all three come from one tensor."""
    query, key, value = inputs
    if isinstance(weights, Tensor):
        if query is key is value:
            return _side_by_side(linear(query, weights, bias), 3)
        features = query.shape[-1]
        if key is value:
            w_q, w_kv = weights.split([features, 2 * features])
            b_q, b_kv = (None, None) if bias is None else bias.split([features, 2 * features])
            return [linear(query, w_q, b_q), *_side_by_side(linear(key, w_kv, b_kv), 2)]
        apart: Any = weights.chunk(3)
    else:
        apart = weights
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return [linear(t, w, b) for t, w, b in zip(inputs, apart, biases)]


def _side_by_side(x: Tensor, count: int) -> list[Tensor]:
    """Equal parts of the last dimension, each of memory in order."""
    parts = x.unflatten(-1, (count, x.shape[-1] // count)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
    return [parts[i] for i in range(count)]


def _joined_masks(
    attn_mask: Tensor | None, key_padding_mask: Tensor | None, batch: int, heads: int, length: int, source: int
) -> Tensor | None:
    """Both masks as one that broadcasts against ``(batch, heads, length, source)``; PyTorch's errors."""
    if attn_mask is not None:
        wanted = (length, source) if attn_mask.dim() == 2 else (batch * heads, length, source)
        if attn_mask.shape != wanted:
            raise RuntimeError(
                f"The shape of the {attn_mask.dim()}D attn_mask is {attn_mask.shape}, but should be {wanted}."
            )
        attn_mask = attn_mask if attn_mask.dim() == 2 else attn_mask.reshape(batch, heads, length, source)
    if key_padding_mask is None:
        return attn_mask
    if key_padding_mask.shape != (batch, source):
        axis = int(key_padding_mask.shape[0] == batch)
        raise AssertionError(
            f"Expected key_padded_mask.shape[{axis}] to be {(batch, source)[axis]}, but got "
            f"{key_padding_mask.shape[axis]}"
        )
    key_padding_mask = key_padding_mask.reshape(batch, 1, 1, source)
    return key_padding_mask if attn_mask is None else attn_mask + key_padding_mask


def _scores_of_heads(q: Tensor, keys: Tensor, mask: Tensor | None, heads: int) -> Tensor:
    if mask is None:
        return bmm(q, keys)
    if mask.dim() == 4:
        mask = mask.expand(-1, heads, -1, -1).reshape(-1, *mask.shape[2:])
    return baddbmm(mask, q, keys)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What `MultiheadAttention` computes; ``(length, batch, features)``, or without the batch."""
    batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if not batched:
        one = query is key is value
        query = query.unsqueeze(1)
        key, value = (query, query) if one else (key.unsqueeze(1), value.unsqueeze(1))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, features = query.shape
    if features != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {features}")
    if features % num_heads:
        raise AssertionError(f"embed_dim {features} not divisible by num_heads {num_heads}")
    if not use_separate_proj_weight and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    key_padding_mask = additive(key_padding_mask, "key_padding_mask", query.dtype, attn_mask)
    attn_mask = additive(attn_mask, "attn_mask", query.dtype)
    weights: Any = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected((query, key, value), weights, in_proj_bias)
    attn_mask = _joined_masks(attn_mask, key_padding_mask, batch, num_heads, length, key.shape[0])
    if bias_k is not None and bias_v is not None:
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask = None if attn_mask is None else pad(attn_mask, (0, 1))
    q, k, v = (t.view(t.shape[0], batch * num_heads, t.shape[-1] // num_heads).transpose(0, 1) for t in (q, k, v))
    if add_zero_attn:
        k, v = (cat([t, zeros(t.shape[0], 1, t.shape[2], dtype=t.dtype)], 1) for t in (k, v))
        attn_mask = None if attn_mask is None else pad(attn_mask, (0, 1))
    dropout_p = dropout_p if training else 0.0
    shares = None
    if need_weights:
        scaled, keys = q * math.sqrt(1.0 / q.shape[-1]), k.transpose(-2, -1)
        shares = softmax(_scores_of_heads(scaled, keys, attn_mask, num_heads), -1)
        shares = dropout(shares, dropout_p) if dropout_p > 0 else shares
        out = bmm(shares, v).transpose(0, 1).reshape(length * batch, features)
        shares = shares.view(batch, num_heads, length, k.shape[1])
        shares = shares.mean(1) if average_attn_weights else shares
        shares = shares if batched else shares.squeeze(0)
    else:
        q, k, v = (t.view(batch, num_heads, *t.shape[1:]) for t in (q, k, v))
        out = scaled_dot_product_attention(q, k, v, attn_mask, dropout_p)
        out = out.permute(2, 0, 1, 3).contiguous().view(length * batch, features)
    out = linear(out, out_proj_weight, out_proj_bias)
    out = out.view(length, batch, out.shape[1])
    return out if batched else out.squeeze(1), shares
