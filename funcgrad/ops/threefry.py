"""Random bits from keys: the block cipher Threefry-2x32, 20 rounds, and what JAX makes of its words.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A key is a pair of uint32 along the
last axis of an array, whose other axes are a batch; a key's word number i is the cipher of i, so words can be asked for
in any order, and arrays of keys cost no more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, broadcast_shapes
from funcgrad.core.graph import Graph
from funcgrad.core.staging import trace_graph
from funcgrad.ops.broadcasting import aligned, reshape
from funcgrad.ops.elementwise import bitwise_or, bitwise_xor, convert, left_shift
from funcgrad.ops.families.general import General
from funcgrad.ops.structure import concatenate

Shape = tuple[int, ...]
WORD = np.dtype(np.uint32)
ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA
CHUNK = 16384
"""Elements that are encrypted at a time: three arrays of 64 KB stay in the second cache; 2 times as fast as all."""


def _rounds(k: Sequence[Any], x: Any, y: Any) -> tuple[Any, Any]:
    """The cipher by operators."""
    x, y = x + k[0], y + k[1]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x = x + y
            y = ((y << r) | (y >> (32 - r))) ^ x
        x, y = x + k[(group + 1) % 3], y + k[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


@cache
def _program() -> Graph:
    """The cipher of one block."""
    return trace_graph(lambda k, m, x, y: _rounds((k, m, k ^ m ^ PARITY), x, y), [Aval((), WORD)] * 4)


def _encrypt(k: Sequence[Any], x: np.ndarray, y: np.ndarray, spare: np.ndarray) -> None:
    """The same in place: nothing is allocated, and what is changed stays in the cache."""
    x += k[0]
    y += k[1]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x += y
            np.left_shift(y, r, out=spare)
            y >>= 32 - r
            y |= spare
            y ^= x
        x += k[(group + 1) % 3]
        y += k[(group + 2) % 3]
        y += np.uint32(group + 1)


def _threefry(k: Any, m: Any, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    arrays = [np.asarray(a) for a in (k, m, x, y)]
    shape = broadcast_shapes(*(a.shape for a in arrays))
    size = prod(shape)
    out = [np.broadcast_to(a, shape).reshape(size) for a in arrays[2:]]
    one_key = arrays[0].size == 1 == arrays[1].size
    keys = [a.reshape(1) if one_key else np.broadcast_to(a, shape).reshape(size) for a in arrays[:2]]
    keys.append(keys[0] ^ keys[1] ^ np.uint32(PARITY))
    x, y = (np.array(a) for a in out)
    spare = np.empty(min(size, CHUNK), WORD)
    with np.errstate(over="ignore"):
        for start in range(0, size, CHUNK):
            part = slice(start, start + CHUNK)
            k = keys if one_key else [a[part] for a in keys]
            _encrypt(k, x[part], y[part], spare[: len(x[part])])
    return x.reshape(shape), y.reshape(shape)


def _shape(*avals: Aval) -> tuple[Aval, Aval]:
    if any(a.dtype != WORD for a in avals):
        raise TypeError(f"keys and counters must be uint32, not {', '.join(str(a.dtype) for a in avals)}")
    return (Aval(broadcast_shapes(*(a.shape for a in avals)), WORD),) * 2


class _Threefry(General):
    """Under `jit` its operations are what is compiled, in one kernel with what is made of the bits."""

    dissolves = True

    def body(self, params: dict[str, Any]) -> Graph:
        return _program()


threefry: General = _Threefry(
    "threefry",
    _threefry,
    shape=_shape,
    jvps=None,
    batch=lambda values, batched, size, params: threefry(*aligned(values, batched)),
    multiple=True,
    flat="random bits do not change with anything but their key",
)
"""`threefry(k0, k1, x0, x1)`: the two words that the key (k0, k1) makes of (x0, x1), element by element."""


def _words(key: Any, shape: Shape) -> tuple[Any, Any]:
    """The words number 0, 1, ... of each key, both halves of shape `(*batch, *shape)`."""
    batch = key.shape[:-1]
    halves = (reshape(key[..., i], shape=batch + (1,) * len(shape)) for i in (0, 1))
    count = prod(shape)
    low = np.arange(count, dtype=WORD) if count <= 2**32 else np.arange(count).astype(WORD)
    high = np.zeros((), WORD) if count <= 2**32 else (np.arange(count) >> 32).astype(WORD).reshape(shape)
    return threefry(*halves, high, low.reshape(shape))


def split_key(key: Any, shape: Shape) -> Any:
    """New keys, `(*batch, *shape, 2)`."""
    first, second = _words(key, shape)
    return concatenate(_last(first), _last(second), axis=len(first.shape))


def fold_key(key: Any, number: Any) -> Any:
    """The key that a uint32 number makes of a key."""
    first, second = threefry(key[..., 0], key[..., 1], np.zeros((), WORD), number)
    return concatenate(_last(first), _last(second), axis=len(first.shape))


def _last(x: Any) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def random_bits(key: Any, shape: Shape, width: int) -> Any:
    """Unsigned integers of 8, 16, 32 or 64 bits, `(*batch, *shape)`."""
    first, second = _words(key, shape)
    dtype = np.dtype(f"u{width // 8}")
    if width == 64:
        return bitwise_or(left_shift(convert(first, dtype=dtype), 32), convert(second, dtype=dtype))
    bits = bitwise_xor(first, second)
    return bits if width == 32 else convert(bits, dtype=dtype)


def unit_uniform(key: Any, shape: Shape, dtype: np.dtype) -> Any:
    """Numbers in [0, 1), as many different ones as the mantissa has."""
    mantissa = np.finfo(dtype).nmant
    bits = random_bits(key, shape, dtype.itemsize * 8) >> (dtype.itemsize * 8 - mantissa)
    # below 2**63: signed integers become floats in one instruction, and in float16 before they can overflow
    signed = convert(bits, dtype=np.dtype(f"i{max(dtype.itemsize, 4)}"))
    return convert(signed, dtype=dtype) * dtype.type(2.0**-mantissa)
