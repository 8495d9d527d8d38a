"""PyTorch's first constructors: `torch.Tensor(2, 3)`, `torch.FloatTensor([1.0])`, `x.new(...)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.torch._ops.create import as_tensor, empty, tensor
from funcgrad.torch._record.modes import mode
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor

_OPTIONS = (
    "TensorOptions(dtype={}, device=cpu, layout=Strided, requires_grad=false (default), pinned_memory=false (default), "
    "memory_format=(nullopt))"
)
_DEPRECATED = (
    "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
    "torch.set_default_device() as alternatives."
)


def constructed(args: tuple[Any, ...], dtype: dtypes.dtype, device: Any = None, any_dtype: bool = False) -> Tensor:
    """Of sizes, of data, or on the memory of a tensor or an array of the dtype."""
    if device is not None and Device(device).type != "cpu":
        raise RuntimeError(
            f"legacy constructor expects device type: cpu but device type: {Device(device).type} was passed"
        )
    if not args:
        return empty(0, dtype=dtype)
    first = args[0]
    if len(args) == 1 and not isinstance(first, (int, np.integer)):
        return _of(first, dtype, any_dtype)
    for i, n in enumerate(args):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            name = type(n).__name__
            if len(args) == 1:
                raise TypeError(f"new(): data must be a sequence (got {name})")
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {i + 1} with error \"type must be tuple of "
                f'ints,but got {name}"'
            )
    return empty(args, dtype=dtype)


def _of(data: Any, dtype: dtypes.dtype, any_dtype: bool) -> Tensor:
    if isinstance(data, Tensor):
        if data.dtype is not dtype and not any_dtype:
            raise TypeError(
                f"expected {_OPTIONS.format(dtype.short)} (got {_OPTIONS.format(data.dtype.short)})"
            )
        return data.view_as(data) if data.requires_grad and mode.enabled else data.detach()
    if isinstance(data, Size):
        return empty(data, dtype=dtype)
    if isinstance(data, np.ndarray):
        return as_tensor(data, dtype)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")) or isinstance(data, np.generic):
        name = f"numpy.{type(data).__name__}" if isinstance(data, np.generic) else type(data).__name__
        raise TypeError(f"new(): data must be a sequence (got {name})")
    return tensor(data, dtype=dtype)


class TensorType(type):
    """The type of `torch.FloatTensor` and the like, which make tensors of one dtype, and have them as instances."""

    dtype: dtypes.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        return constructed(args, cls.dtype, device)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype


def _type_of(kind: dtypes.dtype) -> TensorType:
    name = f"{kind.title}Tensor"
    doc = f"Tensors of {kind.name}: `torch.tensor(..., dtype=torch.{kind.name})` makes them."
    return TensorType(name, (), {"__module__": "funcgrad.torch", "__doc__": doc, "dtype": kind})


FloatTensor, DoubleTensor, HalfTensor = map(_type_of, (dtypes.float32, dtypes.float64, dtypes.float16))
LongTensor, IntTensor, ShortTensor = map(_type_of, (dtypes.int64, dtypes.int32, dtypes.int16))
CharTensor, ByteTensor, BoolTensor = map(_type_of, (dtypes.int8, dtypes.uint8, dtypes.bool))


def dtype_of(kind: Any) -> Any:
    """The dtype that an argument `dtype` of `Tensor.type` means: a dtype, a name, or one of these types."""
    if isinstance(kind, str):
        return dtypes.of_title(kind)
    return kind.dtype if isinstance(kind, TensorType) else kind


def set_default_tensor_type(t: Any) -> None:
    """Deprecated: `set_default_dtype` is what remains of it."""
    warn_once(_DEPRECATED)
    dtypes.set_default_dtype(dtype_of(t))
