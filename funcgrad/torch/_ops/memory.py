"""Memory: how tensors lie in it, and tensors made over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.warned import warn
from funcgrad.torch._ops import inplace
from funcgrad.torch._ops.create import factory, full
from funcgrad.torch._ops.gather import nonzero
from funcgrad.torch._ops.join import cat
from funcgrad.torch._ops.parts import as_strided
from funcgrad.torch._ops.shape import contiguous
from funcgrad.torch._ops.table import named, titled
from funcgrad.torch._ops.values import where as chosen
from funcgrad.torch._record.calls import Kind, call, need_tensor, view
from funcgrad.torch._record.operands import number
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.copying import over_memory
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import check_new
from funcgrad.torch._tensor.storage import Storage, TypedStorage, UntypedStorage
from funcgrad.torch._tensor.tensor import Tensor

FILLS, RESIZE = (Kind("Fill"), Kind("FillBackward1")), Kind("ResizeBackward")
TYPED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage class. "
    "This should only matter to you if you are using storages directly.  To access UntypedStorage directly, use "
    "tensor.untyped_storage() instead of tensor.storage()"
)


# Questions


@named(method=False)
def is_storage(obj: Any) -> bool:
    """Whether the object is memory, as `untyped_storage()` shows it."""
    return isinstance(obj, (UntypedStorage, TypedStorage))


@named(function=False)
def storage(input: Tensor) -> TypedStorage:
    """The memory, as a sequence of numbers. Deprecated by PyTorch: write `untyped_storage`."""
    warn_once(TYPED)
    return TypedStorage(input._storage)


@named(function=False)
def is_set_to(input: Tensor, tensor: Tensor) -> bool:
    """Whether both read the same memory in the same way."""
    same = input.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()
    return same and (input.shape, input.stride(), input.storage_offset()) == (
        tensor.shape, tensor.stride(), tensor.storage_offset()
    )  # fmt: skip


@named(function=False)
def is_shared(input: Tensor) -> bool:
    """False: no other process sees the memory."""
    return False


@named(function=False)
def is_pinned(input: Tensor) -> bool:
    """False: there is no device that memory could be pinned for."""
    return False


@named(function=False)
def dim_order(input: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the one with the largest steps in memory to the one with the smallest."""
    strides = input.stride()
    return tuple(sorted(range(input.dim()), key=lambda axis: -strides[axis]))


# Made over memory


@named(method=False)
@factory
def empty_strided(
    size: Sequence[int], stride: Sequence[int], *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros that lie in memory in steps of `stride`."""
    kind = dtypes.as_numpy(dtype) or dtypes.default()
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    check_new(size)
    needed = 1 + sum((n - 1) * s for n, s in zip(size, stride)) if math.prod(size) else 0
    return over_memory(Storage(np.zeros(needed, kind)), (0, tuple(size), tuple(stride)), requires_grad)


@named(method=False)
@factory
def empty_permuted(
    size: Sequence[int], physical_layout: Sequence[int], *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros whose dimensions lie in memory in the order given."""
    if sorted(physical_layout) != list(range(len(size))):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    check_new(size)
    strides, step = [0] * len(size), 1
    for axis in reversed(physical_layout):
        strides[axis], step = step, step * size[axis]
    return empty_strided(size, strides, dtype=dtype, requires_grad=requires_grad)


@named(function=False)
def new_empty_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    """`empty_strided` of this tensor's dtype."""
    return empty_strided(size, stride, **{"dtype": input.dtype, **options})


@named(function=False)
def resize(input: Tensor, *sizes: int) -> Tensor:
    """Deprecated by PyTorch: write `reshape`."""
    warn("non-inplace resize is deprecated", UserWarning)
    return _resized(input, tuple(sizes[0]) if sizes and isinstance(sizes[0], (tuple, list)) else sizes)


@named(function=False)
def resize_as(input: Tensor, tensor: Tensor) -> Tensor:
    """Deprecated by PyTorch: write `reshape_as`."""
    warn("non-inplace resize_as is deprecated", UserWarning)
    return _resized(input, tensor.shape)


def _resized(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    if math.prod(shape) != input.numel():
        asked, own = ("x".join(map(str, s)) for s in (shape, input.shape))
        raise RuntimeError(
            f"requested resize to {asked} ({math.prod(shape)} elements in total), but the given tensor has a size of "
            f"{own} ({input.numel()} elements). autograd's resize can only change the shape of a given tensor, while "
            "preserving the number of elements. "
        )
    return view(contiguous(input), RESIZE, lambda v: fnp.reshape(v, shape))


as_strided_ = named()(titled(inplace.reshaped(as_strided), "as_strided_", "`as_strided` in place."))


# The same as methods


@named(method=False)
def detach(input: Tensor) -> Tensor:
    """The same memory, not recorded."""
    return input.detach()


@named(method=False)
def detach_(input: Tensor) -> Tensor:
    """Forget what the tensor was computed from."""
    return input.detach_()


@named(method=False)
def zero_(input: Tensor) -> Tensor:
    """Set all elements to zero."""
    return inplace.zero_(input)


@named(method=False)
def fill_(input: Tensor, value: Any) -> Tensor:
    """Set all elements to a number."""
    return inplace.fill_(input, value)


@named(method=False)
def resize_as_(input: Tensor, the_template: Tensor) -> Tensor:
    """Other sizes, those of another tensor, over the same memory."""
    return inplace.resize_as_(input, the_template)


# Filling


@named(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A copy in which all elements are a number."""
    need_tensor(input, "fill")
    value, own = number(value), input._read().dtype
    if isinstance(value, Tensor) and value.dim():
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions."
        )
    value = value.to(input.dtype) if isinstance(value, Tensor) else dtypes.held(value, own)
    return call(FILLS[isinstance(value, Tensor)], lambda v, f: chosen(np.True_, f, v), input, value)


@named(function=False)
def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """A number on the main diagonal; `wrap` begins it anew below, in tall matrices."""
    if isinstance(fill_value, Tensor):
        raise TypeError("fill_diagonal_(): argument 'fill_value' (position 1) must be Number, not Tensor")
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    below = range(shape[1] + 1, shape[0], shape[1] + 1) if wrap and len(shape) == 2 else ()
    for part in (input, *(input[start:] for start in below)):
        while part.dim() > 1:
            part = part.diagonal(0, 0, 1)
        part.fill_(fill_value)
    return input


@named(out=True)
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The places of the first `size` elements that are not zero, as rows; rows of `fill_value` behind them."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = nonzero(input)[:size]
    return cat([found, full((size - len(found), input.dim()), fill_value, dtype=dtypes.int64)])
