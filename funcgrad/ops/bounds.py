"""Indices out of bounds that are no error: moved to the nearest place, or leaving their element out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer, known
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.elementwise import clip, convert, where
from funcgrad.ops.structure import pad
from funcgrad.ops.subscript import Fancy, Selection, entries_of, getitem, mask_mismatch, update

RAISE, CLIP, FILL = "raise", "clip", "fill"
MODES = {None: RAISE, "promise_in_bounds": RAISE, "clip": CLIP, "drop": FILL, "fill": FILL}
"""What JAX's modes do. A promise is checked, as it costs nothing."""


def mode_of(mode: str | None, fill_value: Any = None) -> str:
    """RAISE, CLIP or FILL, which a value to fill with alone asks for; ValueError for what is no mode."""
    if mode is None and fill_value is not None:
        return FILL
    if mode not in MODES:
        names = ", ".join(repr(name) for name in MODES)
        raise ValueError(f"mode must be one of {names}, not {mode!r}")
    return MODES[mode]


class Clipped:
    """An index with its integers moved into the bounds of an array's shape; negative ones count from the end first.

    `index` is the new index. `places` says for each integer, or array of them, where it stands there, and `axes` which
    axis of the array it indexes. `outside` says, in the shape that the index arrays have together, where one of them
    was out of bounds: None where none was.
    """

    def __init__(self, idx: Any, shape: Sequence[int]) -> None:
        entries, missing = entries_of(idx if type(idx) is tuple else (idx,), len(shape))
        self.axes: list[int] = []
        self.places: list[int] = []
        index: list[Any] = []
        outside: Any = False
        axis = 0
        for entry in entries:
            if type(entry) is Fancy and entry.brings_axis:
                index.append(bool(entry.index.size))
                continue
            if type(entry) is Fancy and entry.size and entry.size != shape[axis]:
                raise mask_mismatch(entry.size, axis, shape[axis])
            part = entry.index if type(entry) is Fancy else entry
            if type(entry) is int or (type(entry) is Fancy and entry.size is None):
                self.axes.append(axis)
                self.places.append(len(index))
                part, beyond = _moved(part, shape[axis])
                outside = beyond | outside
            index.append(part)
            axis += missing if entry is Ellipsis else entry is not None
        self.index = tuple(index)
        self.outside: Any = None if not isinstance(outside, Tracer) and not np.any(outside) else outside


def _moved(i: Any, size: int) -> tuple[Any, Any]:
    """An index within its axis, and whether it was not."""
    if type(i) is int:
        i = i + size if i < 0 else i
        return min(max(i, 0), max(size - 1, 0)), not 0 <= i < size
    i = convert(i, dtype=np.dtype(np.intp))
    i = where(i < 0, i + size, i)
    return clip(i, 0, max(size - 1, 0)), (i < 0) | (i >= size)


def _is_unknown_mask(idx: Any) -> bool:
    """Whether an index is a mask of which only the shape is known: it has no bounds, and cannot be read."""
    only = idx[0] if type(idx) is tuple and len(idx) == 1 else idx
    return isinstance(only, Tracer) and only.dtype.kind == "b" and known(only) is None


def get_within(x: Any, idx: Any, mode: str, fill_value: Any) -> Any:
    """`x[idx]`, where with CLIP and FILL an index may be out of bounds: it takes the nearest element, or `fill_value`.

    `fill_value` None stands for NaN, the lowest integer of a signed dtype, the highest of an unsigned one, True.
    """
    if mode == RAISE or _is_unknown_mask(idx):
        return getitem(x, idx)
    clipped = Clipped(idx, x.shape)
    if clipped.outside is None:
        return getitem(x, clipped.index)
    if any(x.shape[axis] == 0 for axis in clipped.axes):
        if mode == CLIP:
            raise IndexError(f"there is no element of an array of shape {x.shape} nearest to an index")
        shape = tuple(max(n, 1) if axis in clipped.axes else n for axis, n in enumerate(x.shape))
        x = np.zeros(shape, x.dtype)
    y = getitem(x, clipped.index)
    if mode == CLIP:
        return y
    fill = default_fill(x.dtype) if fill_value is None else convert(np.asarray(fill_value), dtype=x.dtype)
    y = where(_among(clipped, x.shape, y), fill, y)
    return y if isinstance(y, Tracer) else y[()]


def _among(clipped: Clipped, shape: tuple[int, ...], y: Any) -> Any:
    """Where an index was out of bounds, with axes that broadcast against what it takes."""
    selection = Selection(clipped.index, shape)
    arrays = [i.shape for i in selection.indices]
    rank = len(np.broadcast_shapes(*arrays))
    ahead = 0 if selection.placed is None else selection.placed.index(0)
    outside = clipped.outside
    given = (1,) * (rank - np.ndim(outside)) + np.shape(outside)
    return reshape(outside, shape=(1,) * ahead + given + (1,) * (len(y.shape) - ahead - rank))


def default_fill(dtype: np.dtype) -> Any:
    """What stands for an element that is not there, as in JAX."""
    if dtype.kind in "iu":
        return np.asarray(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max, dtype)
    return np.asarray(True if dtype.kind == "b" else np.nan, dtype)


def update_within(x: Any, idx: Any, v: Any, operation: str, mode: str) -> Any:
    """`update`, where with CLIP and FILL an index may be out of bounds: it means the nearest place, or none."""
    if mode == RAISE or _is_unknown_mask(idx):
        return update(x, idx, v, operation)
    clipped = Clipped(idx, x.shape)
    if mode == CLIP or clipped.outside is None:
        return update(x, clipped.index, v, operation)
    # what is left out goes to a place behind the last one, which is cut off again
    axis = clipped.axes[0]
    widths = tuple((0, int(a in clipped.axes and (a == axis or not n))) for a, n in enumerate(x.shape))
    index, place = list(clipped.index), clipped.places[0]
    index[place] = where(clipped.outside, x.shape[axis], index[place])
    y = update(pad(x, widths=widths), tuple(index), v, operation)
    return getitem(y, tuple(slice(0, n) for n in x.shape))
