"""Indexing: `x[index]` and `x[index] = value`.

As PyTorch does it, one entry after the other: integers, slices and None first, which give a view; then the index
arrays, in the dimensions that the view has left. (NumPy takes an integer beside an array for an array.)
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops.gather import check_masks, check_put, check_stored, entry_of, told, values_of
from funcgrad.torch._ops.inplace import OF_EXPANDED, copy_, finish
from funcgrad.torch._ops.shape import reshape
from funcgrad.torch._record.calls import Kind, call, cuts_of, view, watch, wrap
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.operands import number
from funcgrad.torch._record.story import indexing, joined
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.overlaps import check_within, is_repeated
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Elements, Part
from funcgrad.torch._tensor.writes import write_part

ALIAS, SELECT, SLICE, UNSQUEEZE = Kind("Alias"), Kind("Select"), Kind("Slice"), Kind("Unsqueeze")
INDEX, INDEX_PUT = Kind("Index", "-"), Kind("IndexPut", "-")
WHOLE = slice(None)
INDEXED_AT_ONCE = 32
SMALL = 65504
"""The largest number of float16: what every floating dtype holds."""
SEQUENCE_AS_TUPLE = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
    "which will result either in an error or a different result"
)
NO_INDEX = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {kind})"
)
OVERFLOW = "Overflow when unpacking long long"
LONG = range(-(2**63), 2**63)
OF_SCALAR = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number"
)
BYTE_MASK = "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char"


class Index(NamedTuple):
    """An index in its two parts: the basic one, and what index arrays then take of its result (None: all).

    `kind` is the name of the view; `tensors` are the ones that the arrays come from. `masks_all`: the only array is a
    mask; `of_bytes`: bytes are among them.
    """

    basic: tuple[Any, ...]
    arrays: tuple[Any, ...] | None
    kind: Kind
    tensors: tuple[Tensor, ...] = ()
    masks_all: bool = False
    of_bytes: bool = False


def entries_of(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and len(index) < INDEXED_AT_ONCE:
        if any(e is None or e is Ellipsis or isinstance(e, (Tensor, list, tuple, slice)) for e in index):
            warn(SEQUENCE_AS_TUPLE, UserWarning)
            return tuple(index)
    return (index,)


def _of_values(value: Any) -> Any:
    """What a tensor or a sequence stands for in an index: an integer, or an array."""
    if value.ndim == 0 and value.dtype.kind == "i" and not isinstance(value, Tracer):
        return int(value)
    return entry_of(value)


def _of_sequence(entry: Any) -> Any:
    """Numbers as PyTorch's `LongTensor` takes them, which cuts off fractions; booleans and bytes stay."""
    if not isinstance(entry, np.ndarray):
        entry = [e._array() if isinstance(e, Tensor) else e for e in entry]
    items = np.asarray(entry)
    if items.dtype.kind == "U":
        raise TypeError("new(): invalid data type 'str'")
    return items if items.dtype.kind == "b" or items.dtype == np.uint8 else items.astype(np.int64)


def _bound(n: Any) -> int | None:
    if n is None:
        return None
    try:
        return n.__index__()
    except AttributeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


def _of_slice(entry: slice) -> slice:
    start, stop, step = map(_bound, (entry.start, entry.stop, entry.step))
    if step is not None and step <= 0:
        raise ValueError("step must be greater than zero" if step else "slice step cannot be zero")
    return slice(start, stop, step)


def _plain(entry: Any) -> Any:
    """An entry as an integer, a slice, None, Ellipsis or an array."""
    if isinstance(entry, Tensor):
        return _of_values(values_of(entry))
    if isinstance(entry, slice):
        return _of_slice(entry)
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, bool):
        return np.asarray(entry)
    if isinstance(entry, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(entry, (list, tuple, np.ndarray, range)):
        return _of_values(_of_sequence(entry))
    place = None if isinstance(entry, np.bool_) else getattr(entry, "__index__", lambda: None)()
    if place is None:
        raise IndexError(NO_INDEX.format(kind=_name(entry)))
    if place not in LONG:
        raise ValueError(OVERFLOW)
    return place


def _name(x: Any) -> str:
    return f"numpy.{type(x).__name__}" if isinstance(x, (np.generic, np.ndarray)) else type(x).__name__


def _is_array(entry: Any) -> bool:
    return isinstance(entry, (np.ndarray, Tracer))


def _taken(entry: Any) -> int:
    """How many dimensions an entry takes."""
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if _is_array(entry) and entry.dtype.kind == "b" else 1


def index_of(index: Any, shape: tuple[int, ...]) -> Index:
    """An index of a tensor of that shape, checked as PyTorch does."""
    given = entries_of(index)
    entries = [_plain(e) for e in given]
    taken = sum(map(_taken, entries))
    if not shape and len(entries) == 1 and type(entries[0]) is int and not isinstance(given[0], Tensor):
        outside = f"index {entries[0]} is out of bounds for dimension 0 with size 0"
        raise IndexError(outside if entries[0] else OF_SCALAR)
    if not shape and entries and isinstance(entries[0], slice):
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if taken > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    basic: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    whole = slice(None)
    kind = ALIAS
    for entry in entries:
        if entry is Ellipsis:
            skipped = 0 if Ellipsis in basic else len(shape) - taken
            basic.extend([] if Ellipsis in basic else [Ellipsis])
            arrays.extend([whole] * skipped)
            axis += skipped
        elif entry is None:
            basic.append(None)
            arrays.append(whole)
            kind = UNSQUEEZE
        elif _is_array(entry):
            count = _taken(entry)
            basic.extend([whole] * count if count else [None])
            arrays.append(entry if count else entry[None])
            axis += count
        else:
            if type(entry) is int:
                if not -shape[axis] <= entry < shape[axis]:
                    raise IndexError(f"index {entry} is out of bounds for dimension {axis} with size {shape[axis]}")
                kind = SELECT
            else:
                arrays.append(whole)
                if entry != whole or not isinstance(index, tuple):
                    kind = SLICE
            basic.append(entry)
            axis += 1
    taking = [a for a in arrays if _is_array(a)]
    if taking:
        tensors = tuple(e for e in given if isinstance(e, Tensor))
        masks_all = len(taking) == 1 and taking[0].dtype.kind == "b"
        of_bytes = any(getattr(e, "dtype", None) in (np.uint8, dtypes.uint8) for e in given)
        return Index(tuple(basic), tuple(arrays), kind, tensors, masks_all, of_bytes)
    return Index(tuple(basic), None, kind)


def _sliced(input: Tensor, index: Index) -> Tensor:
    """The view that the basic part gives; the tensor itself where that takes all."""
    if index.arrays is not None and index.kind is ALIAS and None not in index.basic:
        place = input
    else:
        place = view(input, index.kind, Part(index.basic))
    if index.arrays is not None:
        check_masks(place._read().shape, index.arrays)
    return place


def _steps(index: Index, shape: tuple[int, ...], alone: bool) -> list[tuple[Kind, Any]]:
    """The views that PyTorch makes of a basic index: one for each of it that takes less than all. `alone` is one that
    is not in a tuple."""
    steps: list[tuple[Kind, Any]] = []
    at = axis = 0
    behind = sum(e is not None and e is not Ellipsis for e in index.basic)
    for entry in index.basic:
        if entry is Ellipsis:
            at, axis = len(shape) - behind, axis + len(shape) - behind - at
        elif entry is None:
            steps.append((UNSQUEEZE, (*(WHOLE,) * axis, None)))
            axis += 1
        else:
            if type(entry) is int:
                steps.append((SELECT, (*(WHOLE,) * axis, entry)))
            else:
                if alone or entry.indices(shape[at]) != (0, shape[at], 1):
                    steps.append((SLICE, (*(WHOLE,) * axis, entry)))
                axis += 1
            at, behind = at + 1, behind - 1
    return steps or [(ALIAS, index.basic)]


def _step_by_step(input: Tensor, steps: list[tuple[Kind, Any]]) -> Tensor:
    for kind, part in steps:
        input = view(input, kind, Part(part))
    return input


def get(input: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view where the index is basic, else a copy."""
    found = index_of(index, input._read().shape)
    if found.arrays is None and mode.enabled and on_tape(input._value):
        steps = _steps(found, input._read().shape, not isinstance(index, tuple))
        at_once = partial(view, kind=steps[-1][0], step=Part(found.basic))
        if len(steps) == 1:
            return at_once(input)
        return composite(lambda x: _step_by_step(x, steps), at_once, input)
    place = _sliced(input, found)
    if found.arrays is None:
        for entry in index if type(index) is tuple else (index,):
            if isinstance(entry, Tensor) and entry._cuts:
                place._cuts = joined(place._cuts, indexing(entry._cuts))
        return place
    try:
        out = call(INDEX, lambda v: getitem(v, found.arrays), place)
    except IndexError as error:
        raise told(error, found.arrays) from None
    return watch(out, *found.tensors)


def _fitting(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What is stored in a place of that shape: leading dimensions of size one are dropped where there are too many."""
    given = value._read().shape
    if len(given) > len(shape):
        kept = _without_leading_ones(given)
        value, given = reshape(value, kept), kept
    if len(given) > len(shape):
        raise RuntimeError(
            f"expand(torch.{value.dtype.title}Tensor{{{list(given)}}}, size={list(shape)}): the number of sizes "
            f"provided ({len(shape)}) must be greater or equal to the number of dimensions in the tensor ({len(given)})"
        )
    at = next((i for i in range(1, 1 + len(given)) if given[-i] not in (1, shape[-i])), 0)
    if at:
        raise RuntimeError(
            f"The expanded size of the tensor ({shape[-at]}) must match the existing size ({given[-at]}) at "
            f"non-singleton dimension {len(shape) - at}.  Target sizes: {list(shape)}.  Tensor sizes: {list(given)}"
        )
    return value


def _stored(n: Any, kind: np.dtype) -> Tensor:
    """A number to be stored. As in PyTorch, float16 overflows to infinity here."""
    wide = np.dtype(np.float64) if kind == np.float16 else kind
    return fresh(quietly(dtypes.held(n, wide).astype, kind))


def _same_place(a: np.ndarray, b: Any) -> bool:
    """Whether two arrays are the same elements of memory: what `m[3] += x` puts back."""
    return (
        type(b) is np.ndarray
        and a.shape == b.shape
        and a.strides == b.strides
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _put_at_once(input: Tensor, index: Any, value: Any) -> bool:
    """Set a number or values in memory that is free to be written, where all fits: 2 us in place of 25."""
    storage = input._storage
    memory = storage.value
    if type(storage) is not Storage or not (storage.private or storage.shared):
        return False
    if input._value is not memory or type(memory) is not np.ndarray:
        return False
    kind = type(index)
    if kind is Tensor:
        index = index._value if index._seen == index._storage.stamp else index._read()
        if type(index) is not np.ndarray or index.dtype.kind not in "bi":
            return False
    elif not (kind is int or (kind is slice and index.step is None)):
        if kind is not tuple or not all(type(e) is int or (type(e) is slice and e.step is None) for e in index):
            return False
    if type(value) is Tensor:
        given = value._value if value._seen == value._storage.stamp else value._read()
        if type(given) is not np.ndarray or given.dtype != memory.dtype or value._cuts:
            return False
    elif (type(value) is float or type(value) is int) and memory.dtype.kind == "f" and -SMALL <= value <= SMALL:
        given = value
    else:
        return False
    try:
        if type(value) is Tensor and value._storage is storage and not _same_place(given, memory[index]):
            return False
        memory[index] = given
    except (IndexError, ValueError):  # told in PyTorch's words by the long way
        return False
    storage.version += 1
    storage.stamp += 1
    input._seen = storage.stamp
    return True


def put(input: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, in place."""
    if _put_at_once(input, index, value):
        return
    found = index_of(index, input._read().shape)
    value = storable(value, input)
    place = _sliced(input, found)
    if found.arrays is None:
        if not isinstance(value, Tensor):
            value = _stored(value, place._read().dtype)
        copy_(place, _fitting(value, place._read().shape))
        return
    place._check_writable("index_put_", repeated=True)
    if not isinstance(value, Tensor):
        value = _stored(value, place._read().dtype)
    elif found.masks_all and value.numel() == 1:
        if value.dtype is not input.dtype:
            dtypes.held(value.detach().item(), place._read().dtype)
            value = value.to(input.dtype)
        value = reshape(value, ())
    if value.dim() == 0 and found.of_bytes:
        raise RuntimeError(BYTE_MASK)
    if isinstance(index, bool):
        value = value.to(input.dtype)
    check_put(input, value)
    store(place, found.arrays, value, found.tensors)


def storable(value: Any, input: Tensor) -> Any:
    """A Tensor or a Python number; PyTorch's error for anything else."""
    if type(value) in (float, int, bool, complex):
        if type(value) is int and value not in LONG:
            raise ValueError(OVERFLOW)
        return value
    if isinstance(value, (Tensor, Tracer, np.integer, float, complex)):
        return number(value)
    raise TypeError(f"can't assign a {_name(value)} to a torch.{input.dtype.title}Tensor")


def store(place: Tensor, index: tuple[Any, ...], value: Tensor, tensors: tuple[Tensor, ...]) -> None:
    """Set elements of a tensor, which may be written: in its memory, where that is not recorded."""
    given = value._read()
    if is_repeated(place):
        warn(OF_EXPANDED.format("index_put", "indices", "tensor"))
        if not given.shape and all(e.dtype.kind == "b" for e in index if isinstance(e, np.ndarray)):
            warn(OF_EXPANDED.format("masked_fill", "mask", "scalar"))
        if not place._writes_plainly(given):
            check_within(place)
    try:
        if not any(map(_is_traced, (place._read(), given, *index))):
            check_stored(_without_leading_ones(given.shape), place._read().shape, index)
        if place._writes_plainly(given):
            place._write_memory(given, cuts_of((value,)), Elements(index))
            return
        written = None
        if place._view is None and not any(isinstance(e, Tracer) for e in index):
            written = write_part(place, (Elements(index),), given, place, value)
        if written is not None:
            new = wrap(written, INDEX_PUT)
        else:
            new = call(INDEX_PUT, lambda v, u: update(v, index, u, "set"), place, value)
    except IndexError as error:
        raise told(error, index) from None
    watch(new, *tensors)
    finish(place, new)


def _is_traced(value: Any) -> bool:
    return isinstance(value, Tracer) and not on_tape(value)


def _without_leading_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An assignment drops them from the shape of its values."""
    return shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :]
