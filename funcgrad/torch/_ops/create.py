"""Making tensors: from data, from NumPy, filled, in ranges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import need_tensor
from funcgrad.torch._record.modes import quietly
from funcgrad.torch._record.tape import Cut, constant, cut, on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.exports import exports
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh

COPY_OF_TENSOR = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
)


def factory(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes tensors, with the options that all of them take in PyTorch.

    `out` receives the result. Memory on the CPU, strided and in order, is the only one there is: any other `device`
    is refused, `layout`, `pin_memory` and `memory_format` change nothing.
    """

    @wraps(make)
    def checked(
        *args: Any,
        out: Tensor | None = None,
        device: Any = None,
        layout: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
        **options: Any,
    ) -> Tensor:
        if device is not None:
            Device(device)
        if out is None:
            return make(*args, **options)
        if options.get("dtype") not in (None, out.dtype):
            raise RuntimeError(
                f"dtype {options['dtype'].title} does not match dtype of out parameter ({out.dtype.title})"
            )
        return into(out, partial(_typed_as, make, out), args, options)

    return checked


def _typed_as(make: Callable[..., Tensor], out: Tensor, *args: Any, **options: Any) -> Tensor:
    return make(*args, **{**options, "dtype": out.dtype})


def finished(value: Any, requires_grad: bool, origin: str, cuts: tuple[Cut, ...] = ()) -> Tensor:
    out = fresh(value)
    out._cuts = cuts
    out._made = here()
    if requires_grad:
        if value.dtype.kind not in "fc":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        out._make_leaf(origin)
    return out


def _array(data: Any, dtype: np.dtype | None) -> tuple[np.ndarray, tuple[Cut, ...]]:
    """Data as an array of its own, floats in the default dtype, and the cuts of tensors inside."""
    given = isinstance(data, (np.ndarray, np.generic))
    found: list[Cut] = []
    array = np.array(data if given else _plain(data, found))
    cuts = tuple(found)
    if array.dtype.kind not in "fciub":
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        dtypes.of(array.dtype)
    if dtype is not None:
        return quietly(array.astype if given else partial(dtypes.converted, array), dtype), cuts
    if not given and array.dtype.kind in "fc" and not _typed(data):
        return quietly(array.astype, dtypes.result_type(array.dtype.type(0).item())), cuts
    if not given and not array.size and array.dtype == np.float64:
        return array.astype(dtypes.default()), cuts
    dtypes.of(array.dtype)
    return array, cuts


def _plain(x: Any, cuts: list[Cut]) -> Any:
    """Nested lists with arrays for tensors, whose cuts are added."""
    if isinstance(x, Tensor):
        cuts.extend(x._cuts)
        if on_tape(x._read()):
            x._number(lambda n: n)
            cuts[:] = cut("tensor", x._read(), tuple(cuts))
        return x._array()
    return [_plain(y, cuts) for y in x] if isinstance(x, (list, tuple)) else x


def _typed(data: Any) -> bool:
    """Whether the first element has a dtype of its own."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (Tensor, np.ndarray, np.generic))


@named(method=False)
@factory
def tensor(
    data: Any, *, dtype: dtypes.dtype | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor that owns a copy of the data; Python floats become the default dtype.

    >>> tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    if isinstance(data, Tensor):
        warnings.warn(COPY_OF_TENSOR, UserWarning, stacklevel=2)
        value = data._read()
        cuts = cut("tensor", value, data._cuts) if on_tape(value) else data._cuts
        value = constant(value)
        copied: Any = value if isinstance(value, Tracer) else np.array(value)
        kind = as_numpy(dtype)
        return finished(copied if kind is None else copied.astype(kind), requires_grad, "tensor", cuts)
    array, cuts = _array(data, as_numpy(dtype))
    return finished(array, requires_grad, "tensor", cuts)


@named(method=False)
@factory
def as_tensor(data: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """The data itself where it is a tensor or an array of that dtype, else a copy."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype.numpy):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


@named(method=False)
def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the memory of an array: each sees what is written through the other.

    It is a new leaf, whatever the array was computed from.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.of(array.dtype)
    out = fresh(array)
    out._storage = Storage(array)
    out._storage.shared = True
    found = exports.cuts_of(array)
    out._cuts = (
        (Cut("from_numpy", here(), tuple(leaf for c in found for leaf in c.leaves)), *found)[:8]
        if found
        else ()
    )
    return out


def shape_of(size: tuple[Any, ...], function: str) -> tuple[int, ...]:
    """Sizes given one by one or as a sequence; PyTorch's errors for others."""
    if not size:
        raise TypeError(f'{function}() missing 1 required positional arguments: "size"')
    for n in size:
        if isinstance(n, float):
            raise TypeError(f"{function}(): argument 'size' (position 1) must be tuple of ints, not float")
    shape = sizes_of(size)
    if any(n < 0 for n in shape):
        if function in ("zeros", "ones"):
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        n = next(n for n in shape if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
    return shape


def _filled(value: Any, size: tuple[Any, ...], dtype: Any, requires_grad: bool, origin: str) -> Tensor:
    kind = as_numpy(dtype) or dtypes.default()
    return finished(np.full(shape_of(size, origin), value, kind), requires_grad, origin)


@named(method=False)
@factory
def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros."""
    return _filled(0, size, dtype, requires_grad, "zeros")


@named(method=False)
@factory
def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return _filled(1, size, dtype, requires_grad, "ones")


@named(method=False)
@factory
def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: what is in fresh memory is nobody's business."""
    return _filled(0, size, dtype, requires_grad, "empty")


@named(method=False)
@factory
def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One number everywhere, in its dtype: int64, the default floating dtype, bool or complex."""
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    fill_value = _number(fill_value, "full")
    kind = as_numpy(dtype) or dtypes.of_number(fill_value)
    return finished(np.full(shape_of((size,), "full"), dtypes.held(fill_value, kind)), requires_grad, "full")


def _number(fill_value: Any, function: str) -> Any:
    if not isinstance(fill_value, Tensor):
        return fill_value
    if fill_value.dim() or fill_value.requires_grad:
        raise TypeError(f"{function}(): argument 'fill_value' (position 2) must be Number, not Tensor")
    return fill_value.item()


def _like(value: Any, origin: str) -> Any:
    @factory
    def like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        need_tensor(input, origin)
        kind = as_numpy(dtype) or input._read().dtype
        return finished(np.full(input.shape, value, kind), requires_grad, origin)

    like.__name__ = like.__qualname__ = origin
    like.__doc__ = f"`{origin[:-5]}` of the tensor's shape and dtype."
    return named(method=False)(like)


zeros_like, ones_like, empty_like = _like(0, "zeros_like"), _like(1, "ones_like"), _like(0, "empty_like")


@named(method=False)
@factory
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`full` of the tensor's shape and dtype."""
    need_tensor(input, "full_like")
    value, kind = _number(fill_value, "full_like"), as_numpy(dtype) or input._read().dtype
    return finished(np.full(input.shape, dtypes.held(value, kind)), requires_grad, "full_like")


@named(method=False)
@factory
def scalar_tensor(s: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor, of the default dtype whatever the number is."""
    return finished(dtypes.held(s, as_numpy(dtype) or dtypes.default()), requires_grad, "scalar_tensor")


@named(method=False)
@factory
def asarray(obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool | None = None) -> Tensor:
    """A tensor of anything: the tensor itself or the memory of an array where that is possible, unless `copy`."""
    if isinstance(obj, Tensor):
        out = obj if dtype in (None, obj.dtype) else obj.to(dtype)
        out = out.clone() if copy and out is obj else out
        return out if requires_grad is None else out.detach().requires_grad_(requires_grad)
    out = as_tensor(obj, dtype) if copy is not True else tensor(obj, dtype=dtype)
    if requires_grad:
        out.requires_grad_()
    return out


@named(method=False)
def frombuffer(
    buffer: Any, *, dtype: dtypes.dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector on the memory of an object with the buffer protocol, as `bytearray`."""
    kind, length = dtype.numpy, memoryview(buffer).nbytes
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % kind.itemsize:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of element "
            f"size ({kind.itemsize})"
        )
    if count > 0 and offset + count * kind.itemsize > length:
        raise ValueError(
            f"requested buffer length ({count} * {kind.itemsize} bytes) after offset ({offset} bytes) must not be "
            f"greater than actual buffer length ({length} bytes)"
        )
    out = from_numpy(np.frombuffer(buffer, kind, count, offset))
    return out.requires_grad_() if requires_grad else out


@named(method=False)
def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of an object with `__dlpack__`, as NumPy's arrays."""
    return ext_tensor.detach() if isinstance(ext_tensor, Tensor) else from_numpy(np.from_dlpack(ext_tensor))
