"""The same elements in another arrangement: shape, axes, joining, splitting, diagonals."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, Axes, Axis, axes_of, axis_of, numpy_function
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.bounds import mode_of, update_within
from funcgrad.ops.operands import as_array
from funcgrad.ops.subscript import getitem, update

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_to",
    "diag",
    "diagflat",
    "diagonal",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "ravel",
    "repeat",
    "reshape",
    "resize",
    "roll",
    "rollaxis",
    "rot90",
    "squeeze",
    "swapaxes",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
]

# shape and axes


@numpy_function(np)
def reshape(a: Array, /, shape: int | Sequence[int], order: str = "C") -> Array:
    """The elements in another shape; one axis may be -1. `order` "F" counts the first axis fastest."""
    return structure.reshaped(as_array(a), shape, order)


@numpy_function(np)
def ravel(a: Array, order: str = "C") -> Array:
    """All elements on one axis."""
    return reshape(a, -1, order=order)


@numpy_function(np)
def transpose(a: Array, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order, reversed by default."""
    a = as_array(a)
    if axes is None:
        return structure.transpose(a, axes=tuple(range(a.ndim))[::-1])
    axes = normalize_axis_tuple(axes, a.ndim)
    if len(axes) != a.ndim:
        raise ValueError("axes don't match array")
    return structure.transpose(a, axes=axes)


permute_dims = transpose


@numpy_function(np)
def matrix_transpose(x: Array, /) -> Array:
    """The last two axes swapped."""
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


@numpy_function(np)
def moveaxis(a: Array, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """The axes `source` at the positions `destination`, the others in their order."""
    a = as_array(a)
    sources = normalize_axis_tuple(source, a.ndim, "source")
    targets = normalize_axis_tuple(destination, a.ndim, "destination")
    if len(sources) != len(targets):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(a.ndim) if i not in sources]
    for target, axis in sorted(zip(targets, sources)):
        order.insert(target, axis)
    return structure.transpose(a, axes=tuple(order))


@numpy_function(np)
def swapaxes(a: Array, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""
    a = as_array(a)
    order = list(range(a.ndim))
    i, j = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    order[i], order[j] = j, i
    return structure.transpose(a, axes=tuple(order))


@numpy_function(np)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """One axis moved until it stands before the axis `start`."""
    a = as_array(a)
    axis = axis_of(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


@numpy_function(np)
def squeeze(a: Array, axis: Axes = None) -> Array:
    """Without the axes of size one, or without those of them in `axis`."""
    a = as_array(a)
    if axis is None:
        return broadcasting.reshape(a, shape=tuple(n for n in a.shape if n != 1))
    axes = axes_of(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return broadcasting.reshape(a, shape=tuple(n for i, n in enumerate(a.shape) if i not in axes))


@numpy_function(np)
def expand_dims(a: Array, axis: int | Sequence[int]) -> Array:
    """With axes of size one at the positions `axis` of the result."""
    a = as_array(a)
    count = 1 if isinstance(axis, int) else len(axis)
    axes = normalize_axis_tuple(axis, a.ndim + count)
    sizes = iter(a.shape)
    return broadcasting.reshape(a, shape=tuple(1 if i in axes else next(sizes) for i in range(a.ndim + count)))


@numpy_function(np)
def atleast_1d(*arys: Array) -> Any:
    """Each array with at least one axis; a tuple for several."""
    return _each(lambda a: a if a.ndim else broadcasting.reshape(a, shape=(1,)), arys)


@numpy_function(np)
def atleast_2d(*arys: Array) -> Any:
    """Each array with at least two axes, new ones in front; a tuple for several."""
    return _each(lambda a: broadcasting.reshape(a, shape=(1,) * (2 - a.ndim) + a.shape) if a.ndim < 2 else a, arys)


@numpy_function(np)
def atleast_3d(*arys: Array) -> Any:
    """Each array with at least three axes, `(n,)` as `(1, n, 1)`; a tuple for several."""

    def deepen(a: Array) -> Array:
        shape = {0: (1, 1, 1), 1: (1, *a.shape, 1), 2: (*a.shape, 1)}.get(a.ndim)
        return a if shape is None else broadcasting.reshape(a, shape=shape)

    return _each(deepen, arys)


def _each(change: Any, arys: Sequence[Array]) -> Any:
    changed = tuple(change(as_array(a)) for a in arys)
    return changed[0] if len(changed) == 1 else changed


@numpy_function(np)
def broadcast_to(array: Array, shape: int | Sequence[int], subok: bool = False) -> Array:
    """The array repeated along new and unit axes to a larger shape."""
    return broadcasting.broadcast_to(array, shape=(shape,) if isinstance(shape, int) else tuple(shape))


@numpy_function(np)
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    """All arrays broadcast to their common shape."""
    arrays = [as_array(a) for a in args]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == shape else broadcasting.broadcast_to(a, shape=shape) for a in arrays)


# joining and splitting


@numpy_function(np)
def flip(m: Array, axis: Axes = None) -> Array:
    """The elements in reverse order along `axis` (all axes by default)."""
    m = as_array(m)
    return structure.flip(m, axes=axes_of(axis, m.ndim))


@numpy_function(np)
def fliplr(m: Array) -> Array:
    """Reversed along the second axis."""
    m = as_array(m)
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return structure.flip(m, axes=(1,))


@numpy_function(np)
def flipud(m: Array) -> Array:
    """Reversed along the first axis."""
    m = as_array(m)
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return structure.flip(m, axes=(0,))


@numpy_function(np)
def rot90(m: Array, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """Turned `k` times by 90 degrees in the plane of two axes, from the first towards the second."""
    m = as_array(m)
    i, j = (axis_of(a, m.ndim) for a in axes)
    if i == j:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 2:
        return structure.flip(m, axes=tuple(sorted((i, j))))
    if k == 1:
        return swapaxes(structure.flip(m, axes=(j,)), i, j)
    return structure.flip(swapaxes(m, i, j), axes=(j,)) if k == 3 else m


@numpy_function(np)
def roll(a: Array, shift: int | Sequence[int], axis: Axes = None) -> Array:
    """Moved along the axes by `shift` places, which may be traced; what leaves at one end enters at the other."""
    a = as_array(a)
    whole = not isinstance(shift, (tuple, list)) and not np.ndim(shift)
    shifts: tuple[Any, ...] = (shift,) if whole else tuple(shift)  # type: ignore[arg-type]
    if axis is None:
        flat = broadcasting.reshape(a, shape=(a.size,))
        return broadcasting.reshape(roll(flat, sum(shifts), 0), shape=a.shape)
    axes = tuple(np.atleast_1d(axis))
    count = np.broadcast_shapes((len(shifts),), (len(axes),))[0]
    for places, i in zip(shifts * count if len(shifts) == 1 else shifts, axes * count if len(axes) == 1 else axes):
        i = axis_of(i, a.ndim)
        if a.shape[i]:
            a = _rolled(a, places, i)
    return a


def _rolled(a: Array, places: Any, axis: int) -> Array:
    size, before = a.shape[axis], (slice(None),) * axis
    if isinstance(places, Tracer):
        if places.dtype.kind not in "iub":
            raise TypeError(f"roll: shift must be of integers, not {places.dtype}: write shift.astype(int)")
        return getitem(a, (*before, (np.arange(size) - places) % size))
    places = int(places) % size
    if not places:
        return a
    moved, rest = a[(*before, slice(-places, None))], a[(*before, slice(None, -places))]
    return structure.concatenate(moved, rest, axis=axis)


@numpy_function(np)
def tile(A: Array, reps: int | Sequence[int]) -> Array:
    """The whole array side by side, `reps` times along each axis."""
    A = as_array(A)
    counts = (int(reps),) if np.ndim(reps) == 0 else tuple(map(int, reps))  # type: ignore[arg-type]
    rank = max(A.ndim, len(counts))
    counts = (1,) * (rank - len(counts)) + counts
    sizes = (1,) * (rank - A.ndim) + A.shape
    spread = broadcasting.broadcast_to(
        broadcasting.reshape(A, shape=tuple(m for n in sizes for m in (1, n))),
        shape=tuple(m for pair in zip(counts, sizes) for m in pair),
    )
    return broadcasting.reshape(spread, shape=tuple(c * n for c, n in zip(counts, sizes)))


@numpy_function(np, extra=("total_repeat_length",))
def repeat(
    a: Array, repeats: int | Sequence[int], axis: Axis = None, *, total_repeat_length: int | None = None
) -> Array:
    """Each element repeated along `axis` (or flattened); `repeats` is a number, or one for each element.

    With `total_repeat_length`, as in JAX, so many are returned, and `repeats` may be traced: what is too much is left
    out, and the last element fills up what is missing.

    Example:
        >>> import numpy as np
        >>> repeat(np.array([3.0, 5.0]), np.array([1, 2]), total_repeat_length=4)
        array([3., 5., 5., 5.])
    """
    a = as_array(a)
    if axis is None:
        a, axis = broadcasting.reshape(a, shape=(a.size,)), 0
    axis = axis_of(axis, a.ndim)
    if total_repeat_length is not None:
        ends = broadcasting.broadcast_to(as_array(repeats), shape=(a.shape[axis],)).cumsum(0)
        marks = np.zeros(total_repeat_length, int)
        index = update_within(marks, ends[:-1], 1, "add", mode_of("drop")).cumsum(0)
        return a[(slice(None),) * axis + (index,)]
    if np.ndim(repeats) == 0:
        count = operator.index(repeats)  # type: ignore[arg-type]
        spread = broadcasting.broadcast_to(
            broadcasting.reshape(a, shape=(*a.shape[: axis + 1], 1, *a.shape[axis + 1 :])),
            shape=(*a.shape[: axis + 1], count, *a.shape[axis + 1 :]),
        )
        return broadcasting.reshape(spread, shape=(*a.shape[:axis], a.shape[axis] * count, *a.shape[axis + 1 :]))
    index = np.repeat(np.arange(a.shape[axis]), repeats)
    return a[(slice(None),) * axis + (index,)]


# diagonals and triangles


@numpy_function(np)
def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonals of the matrices along two axes, as the last axis."""
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = _diagonal_indices(a.shape[-2], a.shape[-1], offset)
    return a[..., rows, columns]


def _diagonal_indices(rows: int, columns: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    index = np.arange(length)
    return index + max(-offset, 0), index + max(offset, 0)


@numpy_function(np)
def diag(v: Array, k: int = 0) -> Array:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    v = as_array(v)
    if v.ndim == 1:
        n = v.shape[0] + abs(k)
        return update(np.zeros((n, n), v.dtype), _diagonal_indices(n, n, k), v, "set")
    if v.ndim == 2:
        return diagonal(v, k)
    raise ValueError("Input must be 1- or 2-d.")


@numpy_function(np)
def diagflat(v: Array, k: int = 0) -> Array:
    """The matrix with the flattened elements on its diagonal."""
    return diag(ravel(as_array(v)), k)


@numpy_function(np)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Array:
    """The sum of the diagonal of the matrices along two axes."""
    return diagonal(a, offset, axis1, axis2).sum(axis=-1, dtype=dtype)


def _triangle(m: Array, k: int) -> np.ndarray:
    """Whether an element of the matrices is on or below the k-th diagonal."""
    rows, columns = m.shape[-2:] if m.ndim > 1 else m.shape * 2
    return np.tri(rows, columns, k, bool)


@numpy_function(np)
def tril(m: Array, k: int = 0) -> Array:
    """The matrices' part on and below the k-th diagonal, zero elsewhere."""
    m = as_array(m)
    return ew.where(_triangle(m, k), m, np.zeros((), m.dtype))


@numpy_function(np)
def triu(m: Array, k: int = 0) -> Array:
    """The matrices' part on and above the k-th diagonal, zero elsewhere."""
    m = as_array(m)
    return ew.where(_triangle(m, k - 1), np.zeros((), m.dtype), m)


@numpy_function(np)
def resize(a: Array, new_shape: int | Sequence[int]) -> Array:
    """The flattened elements, repeated as often as it takes to fill the new shape."""
    a = ravel(as_array(a))
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    size = math.prod(shape)
    if a.size == 0 or size == 0:
        return np.zeros(shape, a.dtype)
    return broadcasting.reshape(tile(a, -(-size // a.size))[:size], shape=shape)
