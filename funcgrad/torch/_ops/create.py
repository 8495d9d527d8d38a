"""Making tensors: from data, from NumPy, filled, in ranges."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._ops.memory_order import check_rank, formatted, laid_out
from funcgrad.torch._ops.nested import array_of, check_memory
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.signatures import is_integer, kind_of
from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import NUMBERS, need_tensor
from funcgrad.torch._record.story import PastCut, cut, cut_again, event
from funcgrad.torch._record.tape import constant, on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import CPU, Device, default, used
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.exports import exports
from funcgrad.torch._tensor.formats import layout as Layout
from funcgrad.torch._tensor.formats import preserve_format, strided
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import check_new
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh

COPY_OF_TENSOR = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than {}(sourceTensor)."
)
READ_ONLY = (
    "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to "
    "this tensor will result in undefined behavior. You may want to copy the array to protect its data or make it "
    "writable before converting it to a tensor. This type of warning will be suppressed for the rest of this program."
)
READ_ONLY_BUFFER = (
    "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can write to "
    "the underlying (supposedly non-writable) buffer using the tensor. You may want to copy the buffer to protect its "
    "data or make it writable before converting it to a tensor. This type of warning will be suppressed for the rest "
    "of this program."
)
TAKEN_ON = (
    "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of False. Pass "
    "requires_grad=False explicitly to get the old behavior and silence this warning."
)


def factory(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes tensors, with the options that all of them take in PyTorch.

    `out` receives the result. Memory on the CPU, strided and in order, is the only one there is: any other `device`
    is refused, `layout` and `pin_memory` change nothing, and `memory_format` only what is made like a tensor.
    """

    sized, formatted = _takes_sizes(make), "memory_format" in make.__code__.co_varnames

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
        if device is not None or default.device is not CPU:
            _check_device(make.__name__, default.device if device is None else device)
        if layout is not None and layout is not strided:
            _check_layout(make.__name__, layout)
        if sized and "size" in options:
            if args:
                raise TypeError(f"{make.__name__}() got multiple values for argument 'size'")
            args = (options.pop("size"),)
        kind = options.get("dtype")
        if kind is not None and not isinstance(kind, dtypes.dtype) and kind not in dtypes.OF_PYTHON:
            raise TypeError(
                f"{make.__name__}(): argument 'dtype' must be torch.dtype, not {type(kind).__name__}"
            )
        if formatted:
            options["memory_format"] = memory_format
        if out is None:
            return make(*args, **options)
        if options.get("dtype") not in (None, out.dtype):
            raise RuntimeError(
                f"dtype {options['dtype'].title} does not match dtype of out parameter ({out.dtype.title})"
            )
        return into(out, partial(_typed_as, make, out), args, options)

    return checked


def _check_device(function: str, device: Any) -> None:
    if not isinstance(device, (str, int, Device)):
        raise TypeError(f"{function}(): argument 'device' must be torch.device, not {type(device).__name__}")
    used(device)


def _check_layout(function: str, layout: Any) -> None:
    if not isinstance(layout, Layout):
        raise TypeError(f"{function}(): argument 'layout' must be torch.layout, not {type(layout).__name__}")
    raise RuntimeError(f"{function}(...) is not implemented for {layout!r}: tensors are strided")


def _takes_sizes(make: Callable[..., Tensor]) -> bool:
    """Whether it has a parameter `*size`, which may be named."""
    code = make.__code__
    spread = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :]
    return bool(code.co_flags & inspect.CO_VARARGS) and spread[0] == "size"


def _typed_as(make: Callable[..., Tensor], out: Tensor, *args: Any, **options: Any) -> Tensor:
    return make(*args, **{**options, "dtype": out.dtype})


def finished(value: Any, requires_grad: bool, origin: str, cuts: tuple[PastCut, ...] = ()) -> Tensor:
    out = fresh(value)
    out._cuts = cuts
    out._made, out._when = event()
    return _leaf(out, origin) if requires_grad else out


def _leaf(out: Tensor, origin: str) -> Tensor:
    if out._read().dtype.kind not in "fc":
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    out._make_leaf(origin)
    return out


@named(method=False)
@factory
def tensor(
    data: Any, *, dtype: dtypes.dtype | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor that owns a copy of the data; Python floats become the default dtype.

    >>> tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    return _copied(data, dtype, requires_grad, "torch.tensor")


@factory
def new_tensor(self: Tensor, data: Any, *, dtype: dtypes.dtype | None = None, requires_grad: bool = False) -> Tensor:
    """`tensor` of this tensor's dtype."""
    return _copied(data, dtype or self.dtype, requires_grad, "tensor.new_tensor")


def _copied(data: Any, dtype: dtypes.dtype | None, requires_grad: bool, function: str) -> Tensor:
    if isinstance(data, Tensor):
        warn(COPY_OF_TENSOR.format(function), UserWarning)
        value = data._read()
        cuts = cut("tensor", value, data._cuts) if on_tape(value) else data._cuts
        value = constant(value)
        copied: Any = value if isinstance(value, Tracer) else np.array(value)
        kind = as_numpy(dtype)
        return finished(copied if kind is None else copied.astype(kind), requires_grad, "tensor", cuts)
    array, cuts = array_of(data, as_numpy(dtype))
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
        name = type(array).__name__
        raise TypeError(f"expected np.ndarray (got {f'numpy.{name}' if isinstance(array, np.generic) else name})")
    check_memory(array)
    if not array.flags.writeable:
        warn_once(READ_ONLY)
    return _on_memory(array)


def _on_memory(array: np.ndarray) -> Tensor:
    out = fresh(array)
    out._storage = Storage(array)
    out._storage.shared = True
    found = exports.cuts_of(array)
    if found:
        out._cuts = cut_again("from_numpy", found)
    out._made, out._when = event()
    return out


def shape_of(size: tuple[Any, ...], function: str) -> tuple[int, ...]:
    """Sizes given one by one or as a sequence; PyTorch's errors for others."""
    if not size:
        raise TypeError(f'{function}() missing 1 required positional arguments: "size"')
    whole = size[0] if len(size) == 1 and isinstance(size[0], (list, tuple)) else size
    for i, n in enumerate(whole):
        if not (is_integer(n) or (i and isinstance(n, bool))):
            name, start = kind_of(n), f"{function}(): argument 'size' (position 1) must be tuple of ints, "
            if whole is size:
                raise TypeError(f"{start}not {name}")
            if not i:
                raise TypeError(f"{start}but found element of type {name} at pos 0")
            raise TypeError(
                f"{function}(): argument 'size' failed to unpack the object at pos {i + 1} with error \"type must be "
                f'tuple of ints,but got {name}"'
            )
    shape = sizes_of(size)
    if function == "zeros" and any(n < 0 for n in shape):
        raise RuntimeError("zeros: Dimension size must be non-negative.")
    check_new(shape)
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
    if isinstance(fill_value, Tensor) and not fill_value.dim() and not fill_value.requires_grad:
        return fill_value.item()
    if isinstance(fill_value, np.bool_):
        return float(fill_value)
    if not isinstance(fill_value, NUMBERS):
        raise TypeError(
            f"{function}(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}"
        )
    return fill_value


def _full_like(input: Tensor, value: Any, kind: np.dtype, memory_format: Any) -> np.ndarray:
    """Laid out as the tensor, where no other order is asked for."""
    kept = memory_format in (None, preserve_format)
    if kept:
        return laid_out(np.full(input.numel(), value, kind), input)
    check_rank(input, memory_format)
    return laid_out(np.full(input.numel(), value, kind), formatted(fresh(np.empty(input.shape)), memory_format))


def _like(value: Any, origin: str) -> Any:
    @factory
    def like(
        input: Tensor, *, dtype: Any = None, requires_grad: bool = False, memory_format: Any = None
    ) -> Tensor:
        need_tensor(input, origin)
        kind = as_numpy(dtype) or input._read().dtype
        return finished(_full_like(input, value, kind, memory_format), requires_grad, origin)

    like.__name__ = like.__qualname__ = origin
    like.__doc__ = f"`{origin[:-5]}` of the tensor's shape and dtype."
    return named(method=False)(like)


zeros_like, ones_like, empty_like = _like(0, "zeros_like"), _like(1, "ones_like"), _like(0, "empty_like")


@named(method=False)
@factory
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """`full` of the tensor's shape and dtype."""
    need_tensor(input, "full_like")
    value, kind = _number(fill_value, "full_like"), as_numpy(dtype) or input._read().dtype
    return finished(_full_like(input, dtypes.held(value, kind), kind, memory_format), requires_grad, "full_like")


@named(method=False)
@factory
def scalar_tensor(s: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor, of the default dtype whatever the number is."""
    return finished(dtypes.held(s, as_numpy(dtype) or dtypes.default()), requires_grad, "scalar_tensor")


@named(method=False)
@factory
def asarray(obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool | None = None) -> Tensor:
    """A tensor of anything, on the memory of a tensor, an array or a buffer where that is possible, unless `copy`."""
    out = _alias(obj, dtype)
    if out is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        out = tensor(obj, dtype=dtype)
    elif dtype not in (None, out.dtype):
        if copy is False:
            raise ValueError(f"can't alias tensor with dtype '{out.dtype.title}' into dtype '{dtype.title}'.")
        out = out.to(dtype)
    elif copy:
        out = out.clone()
    if requires_grad is None:
        if isinstance(obj, Tensor) and obj.requires_grad:
            warn_once(TAKEN_ON)
    elif out.is_leaf:
        if out.requires_grad != requires_grad:
            out = _leaf(out, "asarray") if requires_grad else out.requires_grad_(False)
    elif not requires_grad:
        out = out.detach()
    return out


def _alias(obj: Any, dtype: Any) -> Tensor | None:
    """A tensor on the memory of a tensor, an array or a buffer, None of anything else."""
    if isinstance(obj, (Tensor, np.ndarray)):
        return as_tensor(obj)
    return None if isinstance(obj, np.generic) or not _is_buffer(obj) else frombuffer(obj, dtype=dtype)


def _is_buffer(obj: Any) -> bool:
    try:
        return memoryview(obj) is not None
    except TypeError:
        return False


@named(method=False)
def frombuffer(
    buffer: Any, *, dtype: dtypes.dtype | None = None, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector on the memory of an object with the buffer protocol, as `bytearray`."""
    if not _is_buffer(buffer):
        raise ValueError("object does not implement Python buffer protocol.")
    memory, kind = memoryview(buffer), as_numpy(dtype) or dtypes.default()
    length = memory.nbytes
    if memory.readonly:
        warn_once(READ_ONLY_BUFFER)
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
    out = _on_memory(np.frombuffer(buffer, kind, count, offset))
    return _leaf(out, "frombuffer") if requires_grad else out


@named(method=False)
def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of an object with `__dlpack__`, as NumPy's arrays."""
    return _on_memory(np.from_dlpack(ext_tensor))
