"""Choosing between values, limits, and copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.warned import warn
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.memory_order import check_rank, formatted, laid_out
from funcgrad.torch._ops.table import named
from funcgrad.torch._ops.values import where as chosen
from funcgrad.torch._record.calls import Kind, call, call_with, contiguous, need_tensor
from funcgrad.torch._record.operands import (
    check_broadcast,
    check_together,
    is_operand,
    no_overload,
    number,
    promote,
    refuse,
)
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.formats import preserve_format
from funcgrad.torch._tensor.messages import PLACES, USE_WHERE
from funcgrad.torch._tensor.tensor import Tensor, fresh

WHERE = Kind("Where", "-")
CLAMPS = Kind("ClampBackward1", "x="), Kind("ClampBackward0", "zyx=")
CLAMPS_BELOW = Kind("ClampMin", "x="), Kind("ClampMinBackward1", "yx=")
CLAMPS_ABOVE = Kind("ClampMax", "x="), Kind("ClampMaxBackward1", "yx=")
BYTE_CONDITION = (
    "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future version of "
    "PyTorch. Use a boolean condition instead."
)
MASKED_FILL, MASKED_FILL_NUMBER = Kind("MaskedFill", "-", takes="02"), Kind("MaskedFill", "-", takes="0")


@named(method=False, out=True)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere; `nonzero` without them."""
    if input is None and other is None:
        return tuple(map(fresh, np.nonzero(condition._array(PLACES, USE_WHERE))))
    x, y = number(input), number(other)
    if not (isinstance(condition, Tensor) and is_operand(x) and is_operand(y)):
        raise TypeError(no_overload("where", condition, x, y))
    if condition._read().dtype.kind != "b":
        if condition.dtype is not dtypes.uint8:
            raise RuntimeError(
                f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype.title}"
            )
        warn(BYTE_CONDITION, UserWarning)
    check_together(condition, x, y)
    x, y = promote(x, y)
    return call_with((condition,), WHERE, lambda c, a, b: chosen(raw(c), a, b), condition, x, y)


@named("clip", writes=True, out=True)
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limited to [min, max]. As in PyTorch, the derivative is one at the limits too."""
    need_tensor(input, "clamp")
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return _limited(CLAMPS, input, min, max)


def _limited(kinds: tuple[Kind, Kind], input: Tensor, min: Any, max: Any) -> Tensor:
    """Between numbers (an entry of the first kind) or tensors (the second)."""
    min, max = number(min), number(max)
    limits = [m for m in (min, max) if m is not None]
    mixed = len({isinstance(m, Tensor) for m in limits}) == 2
    if mixed and any(isinstance(m, Tensor) and (m.dim() or m.requires_grad) for m in limits):
        raise TypeError(no_overload("clamp", input, min, max))
    check_together(input, *limits)
    if input.is_complex():
        raise NotImplementedError("clamp is not supported for complex types")
    x, *wrapped = promote(input, *limits)
    if x.is_complex():
        dtypes.held(next((m for m in limits if isinstance(m, complex)), 0), np.dtype(np.float64))
        refuse(x, "c", "clamp_cpu" if len(limits) == 2 else "minimum_cpu" if min is None else "maximum_cpu")
    for limit in limits:
        if not isinstance(limit, Tensor):
            dtypes.held(limit, x._read().dtype)
    limits = wrapped
    lower, upper = min is not None, max is not None
    move = not mixed and any(isinstance(m, Tensor) for m in limits)

    def clamped(v: Any, *bounds: Any) -> Any:
        return kinks.clamped(v, bounds[0] if lower else None, bounds[-1] if upper else None, move)

    return call(kinds[move], clamped, x, *limits)


@named(writes=True, out=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """At least `min`."""
    need_tensor(input, "clamp_min")
    return _limited(CLAMPS_BELOW, input, min, None)


@named(writes=True, out=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """At most `max`."""
    need_tensor(input, "clamp_max")
    return _limited(CLAMPS_ABOVE, input, None, max)


@named(in_place=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask holds."""
    value = number(value)
    check_broadcast(mask.shape, input.shape)
    if isinstance(value, Tensor) and value.dim():
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.dim()} dimension(s)."
        )
    if mask.dtype is not dtypes.bool:
        name = mask.dtype.short
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {name}")
    if isinstance(value, Tensor):
        if value.is_complex() and not input.is_complex():
            raise RuntimeError(f"value cannot be converted to type {dtypes.c_name(input.dtype)} without overflow")
        value = value.to(input.dtype)
    else:
        value = dtypes.held(value, input._read().dtype)
    kind = MASKED_FILL if isinstance(value, Tensor) else MASKED_FILL_NUMBER
    return contiguous(call_with((mask,), kind, lambda v, m, f: chosen(raw(m), f, v), input, mask, value))


CLONE = Kind("Clone")


@named()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy, through which gradients flow."""
    need_tensor(input, "clone")
    if memory_format in (None, preserve_format):
        return call(CLONE, _copied_alike, input)
    check_rank(input, memory_format)
    return formatted(call(CLONE, copied, input), memory_format)


def _copied_alike(v: Any) -> Any:
    """Laid out as what is copied."""
    if not isinstance(v, np.ndarray) or v.flags.c_contiguous:
        return copied(v)
    out = np.empty_like(laid_out(np.empty(v.size, v.dtype), v))
    out[...] = v
    return out


def copied(v: Any) -> Any:
    return v.copy() if isinstance(v, (np.ndarray, np.generic)) else chosen(np.True_, v, v.dtype.type(0))
