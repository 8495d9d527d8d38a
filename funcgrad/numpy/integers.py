"""Bits, and indices into flattened arrays: integers, without derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array, Axis, axis_of, numpy_function
from funcgrad.numpy.indexing import known
from funcgrad.numpy.reductions import sum
from funcgrad.numpy.shaping import broadcast_arrays, moveaxis, ravel
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import sort as ordering
from funcgrad.ops.index import gather
from funcgrad.ops.operands import as_array

__all__ = [
    "diag_indices_from",
    "lexsort",
    "packbits",
    "ravel_multi_index",
    "tril_indices_from",
    "triu_indices_from",
    "unpackbits",
    "unravel_index",
]

BYTE = np.dtype(np.uint8)


def _bits(bitorder: str) -> np.ndarray:
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return np.arange(8)[:: -1 if bitorder == "big" else 1].astype(BYTE)


@numpy_function(np)
def packbits(a: Array, /, axis: Axis = None, bitorder: str = "big") -> Array:
    """Eight elements along `axis` as the bits of one byte: 1 where they are not zero."""
    a = as_array(a)
    if a.dtype.kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    a, axis = (ravel(a), 0) if axis is None else (a, axis_of(axis, a.ndim))
    rows = moveaxis(a != 0, axis, -1)
    missing = -rows.shape[-1] % 8
    rows = structure.pad(rows, widths=(*((0, 0),) * (a.ndim - 1), (0, missing)))
    bits = broadcasting.reshape(rows, shape=(*rows.shape[:-1], rows.shape[-1] // 8, 8))
    return moveaxis(sum(ew.convert(bits, dtype=BYTE) << _bits(bitorder), -1, BYTE), -1, axis)


@numpy_function(np)
def unpackbits(a: Array, /, axis: Axis = None, count: int | None = None, bitorder: str = "big") -> Array:
    """The bits of bytes as elements along `axis`, the first `count` of them."""
    a = as_array(a)
    if a.dtype != BYTE:
        raise TypeError("Expected an input array of unsigned byte data type")
    a, axis = (ravel(a), 0) if axis is None else (a, axis_of(axis, a.ndim))
    rows = moveaxis(a, axis, -1)
    bits = (broadcasting.reshape(rows, shape=(*rows.shape, 1)) >> _bits(bitorder)) & np.uint8(1)
    bits = broadcasting.reshape(bits, shape=(*rows.shape[:-1], rows.shape[-1] * 8))
    if count is not None:
        beyond = max(count - bits.shape[-1], 0)
        bits = structure.pad(bits[..., :count], widths=(*((0, 0),) * (a.ndim - 1), (0, beyond)))
    return moveaxis(bits, -1, axis)


@numpy_function(np)
def ravel_multi_index(multi_index: Any, dims: Sequence[int], mode: Any = "raise", order: str = "C") -> Array:
    """Indices for each axis as indices into the flattened array of shape `dims`.

    With mode "raise" values that are only traced are not compared with `dims`.
    """
    indices = [as_array(i) for i in multi_index]
    if len(indices) != len(dims):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(dims)}")
    values = [known(i) for i in indices]
    if all(v is not None for v in values):
        return np.ravel_multi_index(tuple(values), dims, mode, order)  # type: ignore[call-overload]
    modes = mode if isinstance(mode, tuple) else (mode,) * len(dims)
    flat: Any = 0
    turned = range(len(dims)) if order == "C" else range(len(dims) - 1, -1, -1)
    for i in turned:
        index, n = indices[i], dims[i]
        if modes[i] == "wrap":
            index = index % n
        elif modes[i] == "clip":
            index = ew.clip(index, 0, n - 1)
        flat = flat * n + index
    return flat


@numpy_function(np)
def unravel_index(indices: Array, shape: int | Sequence[int], order: str = "C") -> tuple[Array, ...]:
    """Indices into the flattened array of a shape as indices for each axis.

    Values that are only traced are not compared with its size.
    """
    indices = as_array(indices)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    value = known(indices)
    if value is not None:
        return np.unravel_index(value, sizes, order)  # type: ignore[call-overload]
    flat, places = indices % math.prod(sizes), []
    for n in reversed(sizes) if order == "C" else sizes:
        places.append(flat % n)
        flat = flat // n
    return tuple(reversed(places)) if order == "C" else tuple(places)


@numpy_function(np)
def lexsort(keys: Any, axis: int = -1) -> Array:
    """The indices that sort by several keys, the last of them first."""
    keys = [ew.stop_gradient(as_array(k)) for k in keys]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if len(keys) > 1:
        keys = list(broadcast_arrays(*keys))
    axis = axis_of(axis, keys[0].ndim)
    rows = [moveaxis(k, axis, 0) for k in keys]
    grid = [np.arange(n).reshape((n,) + (1,) * (rows[0].ndim - 2 - i)) for i, n in enumerate(rows[0].shape[1:])]
    order = ordering.argsort(rows[0], axis=0)
    for key in rows[1:]:
        order = gather(order, ordering.argsort(gather(key, order, *grid), axis=0), *grid)
    return moveaxis(order, 0, axis)


@numpy_function(np)
def diag_indices_from(arr: Array) -> tuple[np.ndarray, ...]:
    """`diag_indices` for the shape of an array."""
    return np.diag_indices_from(np.empty(arr.shape, bool))


@numpy_function(np)
def tril_indices_from(arr: Array, k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`tril_indices` for the shape of an array."""
    return np.tril_indices_from(np.empty(arr.shape, bool), k)


@numpy_function(np)
def triu_indices_from(arr: Array, k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`triu_indices` for the shape of an array."""
    return np.triu_indices_from(np.empty(arr.shape, bool), k)
