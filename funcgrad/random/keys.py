"""Keys: what all random numbers are made of. A key is a plain array of two uint32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

import numpy as np

from funcgrad.core.avals import broadcast_shapes
from funcgrad.core.provenance import at, here
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import concatenate
from funcgrad.ops.threefry import WORD, fold_key, split_key

Shape = Sequence[int]


def checked(key: Any, name: str) -> Array:
    """A single key; TypeError for what is none, ValueError for an array of keys."""
    key = as_array(key)
    if key.dtype != WORD or key.shape[-1:] != (2,):
        raise TypeError(
            f"{name} needs a key as fg.random.key(seed) makes it, two uint32 in an array of shape (2,), not "
            f"{key.dtype} of shape {key.shape}"
        )
    if key.ndim > 1:
        raise ValueError(f"{name} takes a single key, not an array of keys of shape {key.shape}: use fg.vmap")
    return key


def shape_of(name: str, shape: Shape | None, *parameters: Any) -> tuple[int, ...]:
    """The shape that is asked for: that of the parameters where there is none, and no smaller one."""
    shapes = [np.shape(p) for p in parameters]
    if shape is None:
        return broadcast_shapes(*shapes)
    if not isinstance(shape, Iterable):
        raise TypeError(f"{name}: write the shape as a tuple, ({shape},), not {shape}{at(here())}")
    wanted = tuple(map(index, shape))
    if shapes and broadcast_shapes(wanted, *shapes) != wanted:
        raise ValueError(f"{name}: parameters of shapes {', '.join(map(str, shapes))} do not broadcast to {wanted}")
    return wanted


def float_dtype(name: str, dtype: Any) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(f"{name}: dtype must be that of real floats, not {dtype}")
    return dtype


def in_dtype(x: Any, dtype: np.dtype) -> Array:
    x = as_array(x)
    return x if x.dtype == dtype else ew.convert(x, dtype=dtype)


def key(seed: Array) -> Array:
    """The key of a seed.

    Args:
        seed: an integer that 64 bits hold; seeds that are equal modulo 2**64 give one key.

    Returns:
        An array of two uint32: the key's data, which JAX's `jax.random.key_data(jax.random.key(seed))` are too.

    Raises:
        TypeError: the seed is no integer, or no scalar.

    Example:
        >>> key(42)
        array([ 0, 42], dtype=uint32)
    """
    if isinstance(seed, int):
        seed = np.int64(seed)
    seed = as_array(seed)
    if seed.shape or seed.dtype.kind not in "iu":
        raise TypeError(f"a seed is an integer, not {seed.dtype} of shape {seed.shape}: use fg.vmap for many")
    wide = np.dtype(f"u{seed.dtype.itemsize}")
    bits = ew.convert(seed, dtype=wide)
    high = ew.right_shift(bits, 32) if wide.itemsize == 8 else np.zeros((), WORD)
    halves = [reshape(ew.convert(half, dtype=WORD), shape=(1,)) for half in (high, bits)]
    return concatenate(*halves, axis=0)


PRNGKey = key


def split(key: Array, num: int | tuple[int, ...] = 2) -> Array:
    """New keys that have nothing to do with each other, nor with anything else that is drawn.

    Args:
        key: a key, not to be used again.
        num: how many, or the shape of an array of them.

    Returns:
        uint32 of shape ``(num, 2)`` or ``(*num, 2)``: iterating gives keys, and so does `vmap`.

    Example:
        >>> first, second = split(key(42))
        >>> first
        array([1832780943,  270669613], dtype=uint32)
    """
    return split_key(checked(key, "split"), tuple(num) if isinstance(num, Sequence) else (index(num),))


def fold_in(key: Array, data: Array) -> Array:
    """The key that a number, such as that of a step, makes of a key.

    Args:
        key: a key.
        data: an integer, taken modulo 2**32.

    Example:
        >>> fold_in(key(42), 7).shape
        (2,)
    """
    key = checked(key, "fold_in")
    if isinstance(data, int):
        data = np.uint32(data)
    data = as_array(data)
    if data.shape:
        raise TypeError(f"fold_in takes one number, not an array of shape {data.shape}: use fg.vmap for many")
    return fold_key(key, ew.convert(data, dtype=WORD))


def key_data(keys: Array) -> Array:
    """The uint32 that keys consist of: here the keys themselves."""
    return as_array(keys)


def wrap_key_data(key_bits_array: Array) -> Array:
    """Keys from the uint32 that they consist of, which the last axis of length 2 holds.

    Example:
        >>> wrap_key_data(np.array([0, 42], np.uint32))
        array([ 0, 42], dtype=uint32)
    """
    bits = as_array(key_bits_array)
    if bits.dtype != WORD or bits.shape[-1:] != (2,):
        raise TypeError(f"a key consists of two uint32, not of {bits.dtype} of shape {bits.shape}")
    return bits


def clone(key: Array) -> Array:
    """The same key again."""
    return key_data(key).copy()
