"""Making tensors: from data, from NumPy, filled, in ranges."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.modes import quietly
from funcgrad.torch._record.tape import Cut, constant, cut, on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import on_cpu
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.exports import exports
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh

COPY_OF_TENSOR = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
)


def finished(value: Any, requires_grad: bool, origin: str, cuts: tuple[Cut, ...] = ()) -> Tensor:
    out = fresh(value)
    out._cuts = cuts
    out._made = here()
    if requires_grad:
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
@on_cpu
def tensor(
    data: Any, *, dtype: dtypes.dtype | None = None, device: Any = None, requires_grad: bool = False
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
    if requires_grad and array.dtype.kind not in "fc":
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return finished(array, requires_grad, "tensor", cuts)


@named(method=False)
@on_cpu
def as_tensor(data: Any, dtype: dtypes.dtype | None = None, device: Any = None) -> Tensor:
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


def _filled(value: Any, size: tuple[Any, ...], dtype: Any, requires_grad: bool, origin: str) -> Tensor:
    kind = as_numpy(dtype)
    return finished(
        np.full(sizes_of(size), value, dtypes.default() if kind is None else kind), requires_grad, origin
    )


@named(method=False)
@on_cpu
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return _filled(0, size, dtype, requires_grad, "zeros")


@named(method=False)
@on_cpu
def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return _filled(1, size, dtype, requires_grad, "ones")


@named(method=False)
@on_cpu
def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: what is in fresh memory is nobody's business."""
    return _filled(0, size, dtype, requires_grad, "empty")


@named(method=False)
@on_cpu
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    kind = dtypes.of_number(fill_value) if dtype is None else dtype.numpy
    return finished(np.full(sizes_of((size,)), dtypes.held(fill_value, kind)), requires_grad, "full")


def _like(value: Any, origin: str) -> Any:
    @on_cpu
    def like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        kind = as_numpy(dtype) or input._read().dtype
        return finished(np.full(input.shape, value, kind), requires_grad, origin)

    like.__name__ = like.__qualname__ = origin
    like.__doc__ = f"`{origin[:-5]}` of the tensor's shape and dtype."
    return named(method=False)(like)


zeros_like, ones_like, empty_like = _like(0, "zeros_like"), _like(1, "ones_like"), _like(0, "empty_like")


@named(method=False)
@on_cpu
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    kind = as_numpy(dtype) or input._read().dtype
    return finished(np.full(input.shape, dtypes.held(fill_value, kind)), requires_grad, "full_like")


@named(method=False)
@on_cpu
def arange(
    *bounds: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any
) -> Tensor:
    """Numbers from start (0) up to end, in steps."""
    given = list(bounds)
    start: Any = named.get("start", given[0] if len(given) > 1 else 0)
    end: Any = named.get("end", given[1] if len(given) > 1 else given[0] if given else None)
    step: Any = named.get("step", given[2] if len(given) > 2 else 1)
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = as_numpy(dtype)
    if kind is None:
        kind = (
            dtypes.default() if any(isinstance(x, float) for x in (start, end, step)) else np.dtype(np.int64)
        )
    count = math.ceil((end - start) / step)
    value = np.arange(count) * step + start
    return finished(value.astype(kind), requires_grad, "arange")


@named(method=False)
@on_cpu
def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    kind = as_numpy(dtype) or dtypes.default()
    return finished(np.linspace(start, end, steps).astype(kind), requires_grad, "linspace")


@named(method=False)
@on_cpu
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return finished(np.eye(n, m, dtype=as_numpy(dtype) or dtypes.default()), requires_grad, "eye")


@named(method=False)
def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    return fresh(np.stack(np.tril_indices(row, offset, col)))


@named(method=False)
def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    return fresh(np.stack(np.triu_indices(row, offset, col)))
