"""Parts of arrays, other shapes, and new arrays, under `lax`'s names."""

from __future__ import annotations

import math
from builtins import slice as _slice
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from funcgrad.core.avals import broadcast_shapes as _broadcast_shapes
from funcgrad.core.trace import known
from funcgrad.lax.operators import matched
from funcgrad.numpy import at
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.subscript import getitem

Ints = Sequence[int]


# Parts


def slice(operand: Array, start_indices: Ints, limit_indices: Ints, strides: Ints | None = None) -> Array:
    """`operand[start:limit:stride]` along every axis.

    Example:
        >>> slice(np.arange(10), (1,), (9,), (3,))
        array([1, 4, 7])
    """
    operand = as_array(operand)
    steps = (1,) * operand.ndim if strides is None else strides
    for start, limit, step, n in zip(start_indices, limit_indices, steps, operand.shape, strict=True):
        if not 0 <= start <= limit <= n or step < 1:
            raise TypeError(f"slice: {start}:{limit}:{step} does not lie in an axis of length {n}")
    return operand[tuple(_slice(*part) for part in zip(start_indices, limit_indices, steps))]


def _on_axis(operand: Array, axis: int, part: Any) -> Array:
    return operand[(_slice(None),) * axis + (part,)]


def slice_in_dim(
    operand: Array, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0
) -> Array:
    """`operand[start:limit:stride]` along one axis; negative indices count from its end."""
    operand = as_array(operand)
    return _on_axis(operand, axis_of(axis, operand.ndim), _slice(start_index, limit_index, stride))


def index_in_dim(operand: Array, index: int, axis: int = 0, keepdims: bool = True) -> Array:
    """The part at an index along an axis; IndexError where there is none."""
    operand = as_array(operand)
    axis = axis_of(axis, operand.ndim)
    taken = _on_axis(operand, axis, index)
    return expand_dims(taken, (axis,)) if keepdims else taken


def _starts(operand: Array, start_indices: Any, sizes: Ints) -> list[Any]:
    """Where parts of these sizes begin: negative starts count from the end, and all are moved to where a part fits."""
    if operand.ndim != len(sizes) or len(start_indices) != len(sizes):
        raise TypeError(f"{len(start_indices)} starts and {len(sizes)} sizes for an array of {operand.ndim} axes")
    starts = []
    for n, size, start in zip(operand.shape, sizes, start_indices):
        if not 0 <= size <= n:
            raise TypeError(f"a part of length {size} does not fit into an axis of length {n}")
        value = known(start)
        if value is not None:
            value = int(value) + n if value < 0 else int(value)
            starts.append(min(max(value, 0), n - size))
        else:
            start = ew.convert(start, dtype=np.dtype(int))
            starts.append(ew.clip(ew.where(start < 0, start + n, start), 0, n - size))
    return starts


def _places(starts: Sequence[Any], sizes: Ints) -> tuple[Any, ...]:
    """An index for a part of given sizes: slices where the starts are known."""
    if all(type(start) is int for start in starts):
        return tuple(_slice(start, start + size) for start, size in zip(starts, sizes))
    rank = len(sizes)
    steps = (np.arange(n).reshape((n,) + (1,) * (rank - 1 - d)) for d, n in enumerate(sizes))
    return tuple(start + step for start, step in zip(starts, steps))


def dynamic_slice(operand: Array, start_indices: Sequence[Array] | Array, slice_sizes: Ints) -> Array:
    """The part of an array that begins at indices which are computed.

    Args:
        operand: an array.
        start_indices: an integer for each axis; negative ones count from the end. A part that would reach beyond the
            array is moved into it, as in JAX.
        slice_sizes: the part's shape, in ints.

    Example:
        >>> dynamic_slice(np.arange(10), (8,), (4,))
        array([6, 7, 8, 9])
    """
    operand = as_array(operand)
    sizes = tuple(map(index, slice_sizes))
    return getitem(operand, _places(_starts(operand, start_indices, sizes), sizes))


def dynamic_slice_in_dim(operand: Array, start_index: Array, slice_size: int, axis: int = 0) -> Array:
    """`dynamic_slice` along one axis, the others whole."""
    operand = as_array(operand)
    axis = axis_of(axis, operand.ndim)
    starts: list[Any] = [0] * operand.ndim
    sizes = list(operand.shape)
    starts[axis], sizes[axis] = start_index, slice_size
    return dynamic_slice(operand, starts, sizes)


def dynamic_index_in_dim(operand: Array, index: Array, axis: int = 0, keepdims: bool = True) -> Array:
    """The part at a computed index along an axis."""
    operand = as_array(operand)
    part = dynamic_slice_in_dim(operand, index, 1, axis)
    return part if keepdims else squeeze(part, (axis,))


def dynamic_update_slice(operand: Array, update: Array, start_indices: Sequence[Array] | Array) -> Array:
    """An array with a part that begins at computed indices replaced; these are as in `dynamic_slice`.

    Example:
        >>> dynamic_update_slice(np.zeros(5), np.ones(2), (4,))
        array([0., 0., 0., 1., 1.])
    """
    operand, update = as_array(operand), as_array(update)
    if operand.dtype != update.dtype:
        raise TypeError(f"dynamic_update_slice needs one dtype, not {operand.dtype} and {update.dtype}")
    return at(operand)[_places(_starts(operand, start_indices, update.shape), update.shape)].set(update)


def dynamic_update_slice_in_dim(operand: Array, update: Array, start_index: Array, axis: int) -> Array:
    """`dynamic_update_slice` along one axis, the others from 0 on."""
    operand = as_array(operand)
    starts: list[Any] = [0] * operand.ndim
    starts[axis_of(axis, operand.ndim)] = start_index
    return dynamic_update_slice(operand, update, starts)


def dynamic_update_index_in_dim(operand: Array, update: Array, index: Array, axis: int) -> Array:
    """An array with the part at a computed index along an axis replaced; `update` may lack that axis."""
    operand, update = as_array(operand), as_array(update)
    axis = axis_of(axis, operand.ndim)
    if update.ndim != operand.ndim:
        update = expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(operand, update, index, axis)


# Shapes


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to."""
    return _broadcast_shapes(*shapes)


def broadcast(operand: Array, sizes: Ints) -> Array:
    """New axes in front, along which the array is repeated.

    Example:
        >>> broadcast(np.arange(2), (2,))
        array([[0, 1],
               [0, 1]])
    """
    operand = as_array(operand)
    return broadcasting.broadcast_to(operand, shape=(*sizes, *operand.shape))


def broadcast_in_dim(operand: Array, shape: Ints, broadcast_dimensions: Ints) -> Array:
    """An array repeated along axes: axis i becomes axis `broadcast_dimensions[i]` of `shape`.

    Example:
        >>> broadcast_in_dim(np.arange(2), (2, 3), (0,))
        array([[0, 0, 0],
               [1, 1, 1]])
    """
    operand = as_array(operand)
    if len(broadcast_dimensions) != operand.ndim or list(broadcast_dimensions) != sorted(set(broadcast_dimensions)):
        raise ValueError(
            f"broadcast_dimensions {tuple(broadcast_dimensions)} must name {operand.ndim} axes in their order"
        )
    kept = [1] * len(shape)
    for n, axis in zip(operand.shape, broadcast_dimensions):
        kept[axis] = n
    return broadcasting.broadcast_to(broadcasting.reshape(operand, shape=tuple(kept)), shape=tuple(shape))


def broadcast_to_rank(x: Array, rank: int) -> Array:
    """New axes of length 1 in front, up to a number of axes."""
    x = as_array(x)
    return broadcasting.reshape(x, shape=(1,) * (rank - x.ndim) + x.shape)


def reshape(operand: Array, new_sizes: Ints, dimensions: Ints | None = None) -> Array:
    """The elements in another shape, read along `dimensions`, which are the axes in their order by default."""
    operand = as_array(operand)
    if dimensions is not None:
        operand = transpose(operand, dimensions)
    return broadcasting.reshape(operand, shape=tuple(map(index, new_sizes)))


def transpose(operand: Array, permutation: Ints) -> Array:
    """The axes in another order."""
    return structure.transpose(as_array(operand), axes=tuple(map(index, permutation)))


def rev(operand: Array, dimensions: Ints) -> Array:
    """The elements in reverse order along axes."""
    operand = as_array(operand)
    return structure.flip(operand, axes=tuple(sorted(axis_of(d, operand.ndim) for d in dimensions)))


def expand_dims(array: Array, dimensions: Ints) -> Array:
    """New axes of length 1 at places in the result."""
    array = as_array(array)
    rank = array.ndim + len(dimensions)
    new = {axis_of(d, rank) for d in dimensions}
    sizes = iter(array.shape)
    return broadcasting.reshape(array, shape=tuple(1 if d in new else next(sizes) for d in range(rank)))


def squeeze(array: Array, dimensions: Ints) -> Array:
    """Without axes of length 1; ValueError where one is longer."""
    array = as_array(array)
    gone = {axis_of(d, array.ndim) for d in dimensions}
    if any(array.shape[d] != 1 for d in gone):
        raise ValueError(f"squeeze: the axes {sorted(gone)} of shape {array.shape} do not all have length 1")
    return broadcasting.reshape(array, shape=tuple(n for d, n in enumerate(array.shape) if d not in gone))


def collapse(operand: Array, start_dimension: int, stop_dimension: int | None = None) -> Array:
    """The axes from `start_dimension` up to `stop_dimension` as one.

    Example:
        >>> collapse(np.zeros((2, 3, 4)), 1).shape
        (2, 12)
    """
    operand = as_array(operand)
    first, last, _ = _slice(start_dimension, stop_dimension).indices(operand.ndim)
    shape = operand.shape
    return broadcasting.reshape(operand, shape=(*shape[:first], math.prod(shape[first:last]), *shape[last:]))


def concatenate(operands: Sequence[Array], dimension: int) -> Array:
    """Arrays of one dtype, one behind the other along an axis."""
    arrays = [as_array(x) for x in operands]
    if len({x.dtype for x in arrays}) != 1:
        raise TypeError(f"concatenate needs arrays of one dtype, not {', '.join(str(x.dtype) for x in arrays)}")
    return structure.concatenate(*arrays, axis=axis_of(dimension, arrays[0].ndim))


def split(operand: Array, sizes: Ints, axis: int = 0) -> list[Array]:
    """Consecutive parts of given lengths along an axis."""
    operand = as_array(operand)
    if sum(sizes) != operand.shape[axis]:
        raise ValueError(f"split: the sizes {tuple(sizes)} do not add up to {operand.shape[axis]}")
    ends = np.cumsum(sizes).tolist()
    return [slice_in_dim(operand, end - size, end, axis=axis) for end, size in zip(ends, sizes)]


def pad(operand: Array, padding_value: Array, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """An array with a value before, behind and between its elements.

    Args:
        operand: an array.
        padding_value: a scalar of the same dtype.
        padding_config: for each axis how many come before, behind, and between neighbours; negative numbers of the
            first two cut elements off.

    Example:
        >>> pad(np.array([1, 2, 3]), 0, [(1, -1, 1)])
        array([0, 1, 0, 2, 0])
    """
    operand, value = matched("pad", operand, padding_value)
    padded = _pad_zeros(operand, padding_config)
    if known(value) is not None and not known(value):
        return padded
    inside = np.asarray(_pad_zeros(np.ones(operand.shape, bool), padding_config))
    return padded if inside.all() else ew.where(inside, padded, value)


def _pad_zeros(x: Array, config: Sequence[tuple[int, int, int]]) -> Array:
    for axis, (_, _, between) in enumerate(config):
        n = x.shape[axis]
        if between < 0:
            raise ValueError(f"pad: {between} elements between neighbours")
        if between and n > 1:
            ahead, behind = x.shape[:axis], x.shape[axis + 1 :]
            x = broadcasting.reshape(x, shape=(*ahead, n, 1, *behind))
            widths = tuple((0, between if d == axis + 1 else 0) for d in range(x.ndim))
            x = broadcasting.reshape(structure.pad(x, widths=widths), shape=(*ahead, n * (between + 1), *behind))
            x = _on_axis(x, axis, _slice(n * (between + 1) - between))
    widths = tuple((max(low, 0), max(high, 0)) for low, high, _ in config)
    if any(map(any, widths)):
        x = structure.pad(x, widths=widths)
    cuts = tuple(_slice(max(-low, 0), n - max(-high, 0)) for (low, high, _), n in zip(config, x.shape))
    return x if all(low >= 0 and high >= 0 for low, high, _ in config) else x[cuts]


# New arrays


def iota(dtype: Any, size: int) -> Array:
    """0, 1, ..., size - 1."""
    return np.arange(size, dtype=dtype)


def broadcasted_iota(dtype: Any, shape: Ints, dimension: int) -> Array:
    """The index along an axis, at each place of an array.

    Example:
        >>> broadcasted_iota(int, (2, 3), 1)
        array([[0, 1, 2],
               [0, 1, 2]])
    """
    return broadcast_in_dim(iota(dtype, shape[dimension]), shape, (axis_of(dimension, len(shape)),)).copy()


def full(shape: Ints, fill_value: Array, dtype: Any = None) -> Array:
    """An array of one value."""
    value = as_array(fill_value)
    return broadcast(value if dtype is None else ew.convert(value, dtype=np.dtype(dtype)), tuple(shape)).copy()


def full_like(x: Array, fill_value: Array, dtype: Any = None, shape: Ints | None = None) -> Array:
    """An array of one value, with the shape and dtype of another."""
    x = as_array(x)
    return full(x.shape if shape is None else shape, fill_value, x.dtype if dtype is None else dtype)


def zeros_like_array(x: Array) -> Array:
    """Zeros with the shape and dtype of an array."""
    return full_like(x, 0)
