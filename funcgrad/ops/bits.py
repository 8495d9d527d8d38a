"""The bits of numbers: their number, and the same bits as another dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.elementwise import convert
from funcgrad.ops.families.general import General


def _unsigned(x: Any) -> Any:
    return convert(x, dtype=np.dtype(f"u{x.dtype.itemsize}"))


def _filled(byte: int, x: Any) -> int:
    """A byte repeated over the width of an integer."""
    return int.from_bytes(bytes([byte]) * x.dtype.itemsize, "little")


def population_count(x: Any) -> Any:
    """How many bits are set: in pairs, fours and bytes, and the bytes summed by a product."""
    dtype, x = x.dtype, _unsigned(x)
    x = x - ((x >> 1) & _filled(0x55, x))
    x = (x & _filled(0x33, x)) + ((x >> 2) & _filled(0x33, x))
    x = (x + (x >> 4)) & _filled(0x0F, x)
    if x.dtype.itemsize > 1:
        with np.errstate(over="ignore"):
            x = (x * _filled(1, x)) >> (8 * x.dtype.itemsize - 8)
    return convert(x, dtype=dtype)


def leading_zeros(x: Any) -> Any:
    """How many bits are zero before the first that is set."""
    dtype, x = x.dtype, _unsigned(x)
    width = 8 * x.dtype.itemsize
    step = 1
    while step < width:
        x = x | (x >> step)
        step *= 2
    return convert(width - population_count(x), dtype=dtype)


def _bitcast_shape(x: Aval, dtype: np.dtype) -> Aval:
    old, new = x.dtype.itemsize, dtype.itemsize
    if old == new:
        return Aval(x.shape, dtype)
    if old > new:
        return Aval((*x.shape, old // new), dtype)
    if x.shape[-1:] != (new // old,):
        raise ValueError(f"{x.dtype} of shape {x.shape} becomes {dtype} where the last axis has length {new // old}")
    return Aval(x.shape[:-1], dtype)


def _bitcast(x: Any, dtype: np.dtype) -> Any:
    x = np.ascontiguousarray(x).reshape(np.shape(x))
    return np.frombuffer(x.tobytes(), dtype).reshape(_bitcast_shape(Aval(x.shape, x.dtype), dtype).shape).copy()


def _bitcast_batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    return bitcast(values[0], **params)


bitcast: General = General(
    "bitcast",
    _bitcast,
    shape=_bitcast_shape,
    jvps=None,
    batch=_bitcast_batch,
    flat="the bits of a number, as another dtype, are no function that has a derivative",
)
