"""Arrays put together and taken apart: concatenate, stack, block, split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, Axis, axis_of, numpy_function
from funcgrad.numpy.shaping import atleast_1d, atleast_2d, atleast_3d, transpose
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array

__all__ = [
    "array_split",
    "block",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "split",
    "stack",
    "unstack",
    "vsplit",
    "vstack",
]


@numpy_function(np)
def concatenate(arrays: Sequence[Array], /, axis: Axis = 0, out: None = None, *, dtype: Any = None) -> Array:
    """Arrays one after another along an existing axis; flattened ones where `axis` is None."""
    parts = [as_array(a) for a in _rows(arrays)]
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        parts = [broadcasting.reshape(a, shape=(a.size,)) for a in parts]
        axis = 0
    if parts[0].ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    y = structure.concatenate(*parts, axis=axis_of(axis, parts[0].ndim))
    return y if dtype is None else ew.convert(y, dtype=np.dtype(dtype))


concat = concatenate


@numpy_function(np)
def stack(arrays: Sequence[Array], axis: int = 0, out: None = None, *, dtype: Any = None) -> Array:
    """Arrays of one shape along a new axis."""
    parts = [as_array(a) for a in _rows(arrays)]
    if not parts:
        raise ValueError("need at least one array to stack")
    if len({a.shape for a in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    shape = parts[0].shape
    axis = axis_of(axis, len(shape) + 1)
    unit = (*shape[:axis], 1, *shape[axis:])
    return concatenate([broadcasting.reshape(a, shape=unit) for a in parts], axis, dtype=dtype)


@numpy_function(np)
def vstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """Arrays below each other; vectors count as rows."""
    return concatenate([atleast_2d(a) for a in _rows(tup)], 0, dtype=dtype)


@numpy_function(np)
def hstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """Arrays beside each other: along the second axis, vectors along their only one."""
    parts = [atleast_1d(a) for a in _rows(tup)]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype)


@numpy_function(np)
def dstack(tup: Sequence[Array]) -> Array:
    """Arrays along the third axis."""
    return concatenate([atleast_3d(a) for a in _rows(tup)], 2)


@numpy_function(np)
def column_stack(tup: Sequence[Array]) -> Array:
    """Vectors as the columns of a matrix; matrices are joined as they are."""
    parts = [as_array(a) for a in _rows(tup)]
    return concatenate([transpose(atleast_2d(a)) if a.ndim < 2 else a for a in parts], 1)


@numpy_function(np)
def block(arrays: Any) -> Array:
    """An array from nested lists of blocks: the innermost lists are joined along the last axis."""

    def depth_of(x: Any) -> int:
        return 1 + max(map(depth_of, x), default=0) if type(x) is list else 0

    def leaves(x: Any) -> list[Array]:
        return [leaf for part in x for leaf in leaves(part)] if type(x) is list else [as_array(x)]

    depth = depth_of(arrays)
    rank = max([depth, *(a.ndim for a in leaves(arrays))])

    def join(x: Any, level: int) -> Array:
        if type(x) is list:
            return concatenate([join(part, level + 1) for part in x], level - depth)
        x = as_array(x)
        return broadcasting.reshape(x, shape=(1,) * (rank - x.ndim) + x.shape)

    return join(arrays, 0)


def _rows(arrays: Any) -> Sequence[Array]:
    """A sequence of arrays; a traced value stands for its rows."""
    return list(arrays) if isinstance(arrays, Tracer) else arrays  # type: ignore[call-overload]


@numpy_function(np)
def array_split(ary: Array, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """Parts along an axis: that many of nearly equal size, or cut before the given indices."""
    ary = as_array(ary)
    axis = axis_of(axis, ary.ndim)
    size = ary.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(size, sections)
        cuts = [i * each + min(i, extra) for i in range(sections + 1)]
    else:
        cuts = [0, *map(int, indices_or_sections), size]
    before = (slice(None),) * axis
    return [ary[(*before, slice(start, stop))] for start, stop in itertools.pairwise(cuts)]


@numpy_function(np)
def split(ary: Array, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """Parts of equal size along an axis, or cut before the given indices."""
    ary = as_array(ary)
    if isinstance(indices_or_sections, (int, np.integer)):
        if ary.shape[axis_of(axis, ary.ndim)] % indices_or_sections:
            raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@numpy_function(np)
def hsplit(ary: Array, indices_or_sections: int | Sequence[int]) -> list[Array]:
    """`split` along the second axis, of vectors along their only one."""
    ary = as_array(ary)
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@numpy_function(np)
def vsplit(ary: Array, indices_or_sections: int | Sequence[int]) -> list[Array]:
    """`split` along the first axis of an array with two or more."""
    ary = as_array(ary)
    if ary.ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@numpy_function(np)
def dsplit(ary: Array, indices_or_sections: int | Sequence[int]) -> list[Array]:
    """`split` along the third axis."""
    ary = as_array(ary)
    if ary.ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@numpy_function(np)
def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The parts along an axis, without that axis."""
    x = as_array(x)
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    before = (slice(None),) * axis_of(axis, x.ndim)
    return tuple(x[(*before, i)] for i in range(x.shape[axis]))


# turning, repeating
