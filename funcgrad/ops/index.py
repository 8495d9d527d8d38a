"""Parts of arrays: slice_, slice_set, slice_add, and by index arrays gather, scatter_set, scatter_add.

The forms in which NumPy writes indices are translated into these by `funcgrad.ops.subscript`. Updates return
a new array. Where a place is named twice, additions add up and the last of several values set stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.tape import Sparse
from funcgrad.core.trace import Primitive, is_traced
from funcgrad.ops.broadcasting import reshape, with_batch
from funcgrad.ops.elementwise import eq, where
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Statements, View
from funcgrad.ops.large import stepping

Span = tuple[int, int | None, int]
"""A slice (start, stop, step) within its axis: stop is None where a negative step runs to the start."""
Index = tuple[int | Span | None, ...]
"""Basic indexing in one hashable form: ints >= 0, None for new axes, spans; further axes are taken whole."""


@lru_cache(maxsize=4096)
def as_slices(index: Index) -> tuple[Any, ...]:
    return tuple(slice(*entry) if type(entry) is tuple else entry for entry in index)


def sliced_shape(shape: tuple[int, ...], index: Index) -> tuple[int, ...]:
    """The shape of what an index takes from an array."""
    out = []
    axis = 0
    for entry in index:
        if entry is None:
            out.append(1)
            continue
        axis += 1
        if type(entry) is tuple:
            start, stop, step = entry
            out.append(len(range(start, -1 if stop is None else stop, step)))
    return (*out, *shape[axis:])


def zeros(x: Any) -> np.ndarray:
    """Zeros like `x` that hold one element only, for programs in which they are a constant."""
    return _zeros(x.shape, x.dtype)


@lru_cache(maxsize=256)
def _zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    zero = np.zeros((), dtype)
    zero.flags.writeable = False  # or a program would keep a copy of all the elements
    return np.broadcast_to(zero, shape)


def _deeper(index: Index, size: int) -> Index:
    return ((0, size, 1), *index)


def _slice_pull(ct: Any, i: int, x: Aval, index: Index) -> Any:
    if is_traced(ct):
        return slice_add(zeros(x), ct, index=index)
    part = as_slices(index)

    def put(buffer: np.ndarray) -> None:
        buffer[part] += ct

    def dense() -> np.ndarray:
        buffer = np.zeros(x.shape, x.dtype)
        buffer[part] = ct
        return buffer

    return Sparse(put, dense)


def _slice_element(draw: Any, places: Sequence[Any], x: Aval, index: Index) -> Any:
    return draw(0, _sliced(draw, places, index))


def _sliced(draw: Any, places: Sequence[Any], index: Index) -> list[Any]:
    """Where an element of a slice stands in the array."""
    rest = iter(places)
    at = []
    for entry in index:
        if type(entry) is tuple:
            at.append(draw.at(next(rest), entry[0], entry[2]))
        elif entry is None:
            next(rest)
        else:
            at.append(draw.fixed(entry))
    return [*at, *rest]


slice_: Linear = Linear(
    "slice_",
    lambda x, index: np.asarray(x)[as_slices(index)],
    shape=lambda x, index: Aval(sliced_shape(x.shape, index), x.dtype),
    pull=_slice_pull,
    batch=lambda values, batched, size, params: slice_(values[0], index=_deeper(params["index"], size)),
    lower=View(_slice_element),
)


def _slice_set(x: Any, v: Any, index: Index) -> np.ndarray:
    y = np.array(x)
    y[as_slices(index)] = v
    return y


def _slice_add(x: Any, v: Any, index: Index) -> np.ndarray:
    y = np.array(x)
    y[(*as_slices(index), ...)] += v  # with the dots a view, whose cast NumPy checks, of one element too
    return y


def _updated(adds: bool) -> View:
    """An element that an update has set, or added to, or left."""

    def element(draw: Any, places: Sequence[Any], x: Aval, v: Aval, index: Index) -> Any:
        tests, at = [], []
        axis = 0
        for entry in index:
            if entry is None:
                at.append(draw.fixed(0))
                continue
            if isinstance(entry, tuple):
                start, stop, step = entry
                count = len(range(start, -1 if stop is None else stop, step))
                at.append(draw.at(places[axis], -start * step, step))
                tests.append((at[-1], 0, count))
            else:
                tests.append((draw.at(places[axis], -entry), 0, 1))
            axis += 1
        at += places[axis:]
        before = lambda draw: draw(0, places)
        if not adds:
            return draw.inside(tests, lambda draw: draw(1, at, cast=True), before)
        added = draw.inside(tests, lambda draw: draw(1, at, cast=True), lambda draw: draw.zero())
        return draw.operation("add", before(draw), added)

    def fits(x: Aval, v: Aval, index: Index) -> bool:
        return all(type(entry) is not tuple or abs(entry[2]) == 1 for entry in index)

    return View(element, fits)


def _steps(adds: bool) -> Statements:
    """The same for all steps: the part of the result that is changed, after a copy."""

    def make(build: Any, x: Aval, v: Aval, index: Index) -> None:
        build.all(lambda draw, places: draw(0, places))
        rule = lambda draw, places: (_sliced(draw, places, index), draw(1, places, cast=True))
        build.update(v.shape, rule, "sum" if adds else None)

    return Statements(make, changes=True)


def _slice_update(name: str, impl: Callable[..., Any], pull: Callable[..., Any], adds: bool) -> Linear:
    def shape(x: Aval, v: Aval, index: Index) -> Aval:
        expected = sliced_shape(x.shape, index)
        if v.shape != expected:
            raise ValueError(f"{name}: the values have shape {v.shape}, their place {expected}")
        return Aval(x.shape, x.dtype)

    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        x, v = (with_batch(a, b, size) for a, b in zip(values, batched))
        return prim(x, v, index=_deeper(params["index"], size))

    prim = Linear(name, impl, shape=shape, pull=pull, batch=batch, linear=(0, 1), lower=(_updated(adds), _steps(adds)))
    return prim


slice_set: Linear = _slice_update(
    "slice_set",
    _slice_set,
    lambda ct, i, x, v, index: slice_(ct, index=index) if i else slice_set(ct, zeros(v), index=index),
    adds=False,
)
slice_add: Linear = _slice_update(
    "slice_add",
    _slice_add,
    lambda ct, i, x, v, index: slice_(ct, index=index) if i else ct,
    adds=True,
)


def _gathered_shape(x: Aval, *indices: Aval) -> tuple[int, ...]:
    for i in indices:
        if i.dtype.kind not in "iu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return (*np.broadcast_shapes(*(i.shape for i in indices)), *x.shape[len(indices) :])


def _batched_indices(indices: Sequence[Any], batched: Sequence[bool], size: int, own: bool) -> list[Any]:
    """Index arrays with the batch axis in front. `own`: the array they index has one too."""
    rank = max(np.ndim(i) - b for i, b in zip(indices, batched))
    out = [np.arange(size).reshape((size,) + (1,) * rank)] if own else []
    for i, b in zip(indices, batched):
        missing = rank + 1 - np.ndim(i)
        out.append(reshape(i, shape=(size, *(1,) * missing, *i.shape[1:])) if b and missing else i)
    return out


def _gather_pull(ct: Any, i: int, x: Aval, *indices: Any) -> Any:
    if is_traced(ct, *indices):
        return scatter_add(zeros(x), ct, *indices)

    def dense() -> np.ndarray:
        buffer = np.zeros(x.shape, x.dtype)
        add_at(buffer, ct, indices)
        return buffer

    return Sparse(lambda buffer: add_at(buffer, ct, indices), dense)


def _gather_batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    x, *indices = values
    return gather(x, *_batched_indices(indices, batched[1:], size, own=batched[0]))


def _gather_element(draw: Any, index: Sequence[Any], x: Aval, *indices: Aval) -> Any:
    at = _gathered(draw, index, x, indices, 1)
    return draw.checked(draw(0, at), at)


def _gathered(draw: Any, index: Sequence[Any], x: Aval, indices: Sequence[Aval], first: int) -> list[Any]:
    """Where an element that index arrays choose stands in the array; the arrays are operands from `first` on."""
    rank = max(i.ndim for i in indices)
    leading = index[:rank]
    at = [draw.integer(k + first, leading[rank - i.ndim :], x.shape[k]) for k, i in enumerate(indices)]
    return [*at, *index[rank:]]


gather: Linear = Linear(
    "gather",
    lambda x, *indices: x[indices],
    shape=lambda x, *indices: Aval(_gathered_shape(x, *indices), x.dtype),
    pull=_gather_pull,
    batch=_gather_batch,
    lower=View(_gather_element),
)


def add_at(buffer: np.ndarray, v: Any, indices: tuple[Any, ...]) -> None:
    """`np.add.at`, by rows where rows are added: 10 times as fast by a kernel, 4 times element by element.

    float16 is summed in float32: its sums stand still at 2048 times what is added.
    """
    if buffer.dtype == np.float16:
        wide = np.zeros(buffer.shape, np.float32)
        add_at(wide, np.asarray(v, np.float32), indices)
        buffer += wide
        return
    k = len(indices)
    if (buffer.ndim == k == 1) or v.size < 512 or not buffer.flags.c_contiguous:
        np.add.at(buffer, indices, v)
        return
    row = prod(buffer.shape[k:])
    places = places_of(buffer.shape[:k], indices)
    # the kernel must get the buffer itself, and no copy of it
    direct = row > 1 and v.dtype == buffer.dtype and buffer.dtype.isnative and buffer.flags.aligned
    kernel = stepping("add_rows", v) if direct and not np.may_share_memory(v, buffer) else None
    if kernel is not None:
        kernel(places.reshape(-1), np.ascontiguousarray(v).reshape(-1, row), out=buffer.reshape(-1, row))
    elif row == 1:
        np.add.at(buffer.reshape(-1), places.reshape(-1), v.reshape(-1))
    else:
        np.add.at(buffer.reshape(-1), (places[..., None] * row + np.arange(row)).reshape(-1), v.reshape(-1))


def places_of(shape: tuple[int, ...], indices: Sequence[Any]) -> Any:
    """The indices as one index into the flattened axes."""
    return gather(np.arange(prod(shape)).reshape(shape), *indices)


def _scatter_add(x: np.ndarray, v: np.ndarray, *indices: Any) -> np.ndarray:
    y = x.copy()
    add_at(y, v, indices)
    return y


def _set_at(y: np.ndarray, v: np.ndarray, indices: Sequence[Any]) -> None:
    """NumPy walks views with negative steps from their end, so that the first value would win there."""
    y[tuple(map(np.ascontiguousarray, indices))] = np.ascontiguousarray(v)


def _scatter_set(x: np.ndarray, v: np.ndarray, *indices: Any) -> np.ndarray:
    y = x.copy()
    _set_at(y, v, indices)
    return y


def scatter_shape(x: Aval, v: Aval, *indices: Aval) -> Aval:
    expected = _gathered_shape(x, *indices)
    if v.shape != expected:
        raise ValueError(f"the values have shape {v.shape}, their place {expected}")
    return Aval(x.shape, x.dtype)


def scatter_batch(
    prim: Primitive, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]
) -> Any:
    """The batch rule of all scatter primitives."""
    x, v = (with_batch(a, b, size) for a, b in zip(values[:2], batched))
    return prim(x, v, *_batched_indices(values[2:], batched[2:], size, own=True))


def _winners(x: Any, v: Any, indices: Sequence[Any]) -> Any:
    """Which of the values set are not overwritten by later ones: a mask that broadcasts against them."""
    k = len(indices)
    leading = v.shape[: len(v.shape) - (len(x.shape) - k)]
    turn = np.arange(prod(leading)).reshape(leading)
    if is_traced(*indices):
        turns = scatter_set(np.zeros(x.shape[:k], np.intp), turn, *indices)
    else:  # memory that is not touched costs nothing
        turns = np.empty(x.shape[:k], np.intp)
        _set_at(turns, turn, indices)
    last = gather(turns, *indices)
    return reshape(eq(last, turn), shape=leading + (1,) * (len(x.shape) - k))


def _scatter_set_pull(ct: Any, i: int, x: Aval, v: Aval, *indices: Any) -> Any:
    if i == 0:
        return scatter_set(ct, zeros(v), *indices)
    won = _winners(x, v, indices)
    taken = gather(ct, *indices)
    return taken if not is_traced(won) and won.all() else where(won, taken, 0)


def scatter_statements(fold: str | None) -> Statements:
    """A copy, and then the values in their order, set or combined with what is there."""

    def make(build: Any, x: Aval, v: Aval, *indices: Aval) -> None:
        build.all(lambda draw, index: draw(0, index))
        build.update(v.shape, lambda draw, index: (_gathered(draw, index, x, indices, 2), draw(1, index)), fold)

    def fits(x: Aval, v: Aval, *indices: Aval) -> bool:
        return x.size > 0 and x.dtype == v.dtype and (fold is None or x.dtype.kind != "b")

    return Statements(make, fits, inline=lambda x, v, *indices: x.ndim > len(indices), changes=True)


scatter_add: Linear = Linear(
    "scatter_add",
    _scatter_add,
    shape=scatter_shape,
    pull=lambda ct, i, x, v, *indices: gather(ct, *indices) if i else ct,
    batch=lambda *call: scatter_batch(scatter_add, *call),
    linear=(0, 1),
    lower=scatter_statements("sum"),
)
scatter_set: Linear = Linear(
    "scatter_set",
    _scatter_set,
    shape=scatter_shape,
    pull=_scatter_set_pull,
    batch=lambda *call: scatter_batch(scatter_set, *call),
    linear=(0, 1),
    lower=scatter_statements(None),
)
