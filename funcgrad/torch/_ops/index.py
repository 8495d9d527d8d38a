"""Indexing: `x[index]` and `x[index] = value`."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.errors import ConcretizationError
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops.shape import reshape
from funcgrad.torch._record.calls import Kind, call, view
from funcgrad.torch._record.modes import quietly
from funcgrad.torch._record.operands import number
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor, fresh

ALIAS, SELECT, SLICE, UNSQUEEZE = Kind("Alias"), Kind("Select"), Kind("Slice"), Kind("Unsqueeze")
INDEX, INDEX_PUT = Kind("Index", "-"), Kind("IndexPut", "-")


def _values(index: Tensor) -> Any:
    """The values as an array, or traced: without a derivative."""
    value = constant(index._read())
    return value if isinstance(value, Tracer) else np.asarray(value)



def index_of(index: Any) -> tuple[tuple[Any, ...], bool]:
    """An index as NumPy takes it, and whether it is basic (a view)."""
    entries = index if isinstance(index, tuple) else (index,)
    found: list[Any] = []
    basic = True
    for entry in entries:
        if isinstance(entry, Tensor):
            value = _values(entry)
            if value.ndim == 0 and value.dtype.kind in "iu" and not isinstance(value, Tracer):
                found.append(int(value))
                continue
            if value.dtype.kind not in "iub":
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            found.append(value)
            basic = False
        elif isinstance(entry, slice):
            if entry.step is not None and entry.step <= 0:
                raise ValueError("step must be greater than zero")
            found.append(
                slice(*(None if n is None else n.__index__() for n in (entry.start, entry.stop, entry.step)))
            )
        elif entry is None or entry is Ellipsis:
            found.append(entry)
        elif isinstance(entry, (bool, np.bool_)):
            found.append(np.asarray(entry))
            basic = False
        elif isinstance(entry, (list, tuple, np.ndarray, range)):
            items = [e._array() if isinstance(e, Tensor) else e for e in entry]
            array = np.asarray(items) if len(items) else np.zeros(0, np.int64)
            found.append(array)
            basic = False
        else:
            found.append(entry.__index__())
    return tuple(found), basic


def _checked(shape: tuple[int, ...], entries: tuple[Any, ...]) -> None:
    """PyTorch's errors for indices that do not fit."""
    taken = sum(
        e.ndim if isinstance(e, np.ndarray) and e.dtype.kind == "b" else e is not None and e is not Ellipsis
        for e in entries
    )
    if not shape and len(entries) == 1 and type(entries[0]) is int:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
            "convert a 0-dim tensor to a number"
        )
    if taken > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    axis = 0
    for entry in entries:
        if entry is Ellipsis:
            axis = len(shape) - sum(1 for e in entries[entries.index(Ellipsis) + 1 :] if e is not None)
        elif entry is not None:
            if type(entry) is int and not -shape[axis] <= entry < shape[axis]:
                raise IndexError(
                    f"index {entry} is out of bounds for dimension {axis} with size {shape[axis]}"
                )
            axis += entry.ndim if isinstance(entry, np.ndarray) and entry.dtype.kind == "b" else 1


def _kind_of(entries: tuple[Any, ...]) -> Kind:
    """PyTorch indexes one dimension after the other; the last step gives the name."""
    kind = ALIAS
    for entry in entries:
        if type(entry) is int:
            kind = SELECT
        elif entry is None:
            kind = UNSQUEEZE
        elif type(entry) is slice and entry != slice(None):
            kind = SLICE
    return kind


def get(input: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view where the index is basic, else a copy."""
    entries, basic = index_of(index)
    _checked(
        input._read().shape,
        tuple(e for e in entries if not isinstance(e, (np.ndarray, Tracer))) if not basic else entries,
    )
    if basic:
        return view(input, _kind_of(entries), lambda v: getitem(v, entries))
    try:
        return call(INDEX, lambda v: getitem(v, entries), input)
    except ConcretizationError:
        raise
    except IndexError as error:
        raise IndexError(str(error).replace("axis", "dimension")) from None


def _fitting(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What is stored in a place of that shape: leading dimensions of size one too many are dropped."""
    given = value._read().shape
    extra = len(given) - len(shape)
    if extra > 0 and all(n == 1 for n in given[:extra]):
        return reshape(value, given[extra:])
    if extra > 0 or any(n not in (1, m) for n, m in zip(given[::-1], shape[::-1])):
        at = next(
            (i for i in range(1, 1 + min(len(given), len(shape))) if given[-i] not in (1, shape[-i])), 1
        )
        raise RuntimeError(
            f"The expanded size of the tensor ({shape[-at] if shape else 1}) must match the existing size "
            f"({given[-at]}) at non-singleton dimension {max(len(shape) - at, 0)}.  Target sizes: "
            f"{list(shape)}.  Tensor sizes: {list(given)}"
        )
    return value


def _stored(n: Any, kind: np.dtype) -> Tensor:
    """A number to be stored. As in PyTorch, float16 overflows to infinity here."""
    wide = np.dtype(np.float64) if kind == np.float16 else kind
    return fresh(quietly(dtypes.held(n, wide).astype, kind))


def put(input: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, in place."""
    from funcgrad.torch._ops.inplace import copy_, finish

    entries, basic = index_of(index)
    value = number(value)
    if basic:
        place = get(input, index)
        if not isinstance(value, Tensor):
            value = _stored(value, place._read().dtype)
        copy_(place, _fitting(value, place._read().shape))
        return
    input._check_writable()
    if not isinstance(value, Tensor):
        value = _stored(value, input._read().dtype)
    elif value.dtype is not input.dtype:
        if value.is_complex() and not input.is_complex():
            raise RuntimeError(
                f"Index put requires the source and destination dtypes match, got {input.dtype.title} for the "
                f"destination and {value.dtype.title} for the source."
            )
        value = value.to(input.dtype)
    finish(input, call(INDEX_PUT, lambda v, u: update(v, entries, u, "set"), input, value))
