"""Questions about tensors, and the dtypes of results."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor


@named(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether the object is a Tensor."""
    return isinstance(obj, Tensor)


@named(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float16, float32 or float64."""
    return input.is_floating_point()


@named(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


@named(method=False)
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    if input.numel() != 1:
        much = "more than one value" if input.numel() else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {much} is ambiguous")
    return bool(input)


@named(method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@named(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of an operation on two tensors or numbers."""
    return dtypes.of(dtypes.result_type(*(x._read() if isinstance(x, Tensor) else x for x in (tensor1, tensor2))))


@named(method=False)
def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The dtype that holds what both hold."""
    return dtypes.of(dtypes.promoted(type1.numpy, type2.numpy))


@named(method=False)
def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether an operation may write its result of one dtype into another."""
    return dtypes.category(from_.numpy) <= dtypes.category(to.numpy)


@named(method=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape of an operation on tensors of these shapes."""
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError:
        raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape") from None
