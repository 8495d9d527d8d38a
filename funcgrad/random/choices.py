"""Choosing among things, and putting them in another order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from funcgrad.lax import top_k
from funcgrad.numpy import argmax, argsort, cumsum, log, moveaxis, searchsorted, take, take_along_axis
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.threefry import random_bits, split_key, unit_uniform
from funcgrad.random.keys import Shape, checked, shape_of
from funcgrad.random.uniform import gumbel, randint

BITS = np.iinfo(np.uint32).max


def permutation(key: Array, x: Array, axis: int = 0, independent: bool = False) -> Array:
    """The parts of `x` along an axis in a random order.

    Args:
        key: a key.
        x: an array, or the length of a range.
        axis: whose parts are moved.
        independent: give each row an order of its own.

    Example:
        >>> permutation(fg.random.key(42), 5)
        array([4, 2, 3, 0, 1])
    """
    key, x = checked(key, "permutation"), as_array(x)
    if not x.ndim:
        if x.dtype.kind not in "iu":
            raise TypeError("permutation: x must be an array, or an integer for a range")
        return _shuffled(key, np.arange(int(x)), 0)
    axis = axis_of(axis, x.ndim)
    if independent or x.ndim == 1:
        return _shuffled(key, x, axis)
    return take(x, _shuffled(key, np.arange(x.shape[axis]), 0), axis)


def _shuffled(key: Array, x: Array, axis: int) -> Array:
    """Sorted by random bits, as often as it takes for any two of them to be equal in no round with certainty."""
    for _ in range(math.ceil(3 * math.log(max(1, x.size)) / math.log(BITS))):
        keys = split_key(key, (2,))
        key = keys[0]
        order = argsort(random_bits(keys[1], x.shape, 32), axis=axis, kind="stable")
        x = take_along_axis(x, order, axis)
    return x


def choice(
    key: Array, a: Array, shape: Shape = (), replace: bool = True, p: Array | None = None, axis: int = 0
) -> Array:
    """Parts of `a` along an axis, each drawn at random.

    Args:
        key: a key.
        a: an array, or the length of a range.
        shape: that of the draws, which stand in the place of `axis`.
        replace: whether a part may be drawn again.
        p: the probabilities of the parts; equal ones by default.
        axis: along which the parts lie.

    Raises:
        ValueError: there is nothing to draw from, or less than is to be drawn without replacement.

    Example:
        >>> choice(fg.random.key(42), np.array([10, 20, 30]), (4,))
        array([10, 20, 10, 20])
    """
    if not isinstance(shape, Sequence):
        raise TypeError(f"choice: shape must be a sequence, not {shape!r}")
    key, shape, a = checked(key, "choice"), shape_of("choice", shape), as_array(a)
    draws = math.prod(shape)
    axis = axis_of(axis, a.ndim) if a.ndim else 0
    count = a.shape[axis] if a.ndim else int(a)
    if draws == 0:
        return np.zeros(shape, a.dtype)
    if count <= 0:
        raise ValueError("choice: there is nothing to draw from")
    if not replace and draws > count:
        raise ValueError(f"choice: {draws} of {count} cannot be drawn without replacement")
    if p is None and not replace:
        drawn = permutation(key, a if a.ndim else count, axis)
        drawn = drawn[(slice(None),) * axis + (slice(draws),)]
    else:
        order = randint(key, shape, 0, count) if p is None else _weighted(key, shape, count, replace, as_inexact(p))
        drawn = take(a, order, axis) if a.ndim else order
    return reshape(drawn, shape=a.shape[:axis] + shape + a.shape[axis + 1 :])


def _weighted(key: Array, shape: tuple[int, ...], count: int, replace: bool, p: Array) -> Array:
    """Which parts are drawn, where they have probabilities."""
    if p.shape != (count,):
        raise ValueError(f"choice: p has shape {p.shape}, and there are {count} to choose from")
    if replace:
        total = cumsum(p)
        return searchsorted(total, total[-1] * (1 - unit_uniform(key, shape, p.dtype)))
    return top_k(gumbel(key, (count,), p.dtype) + log(p), math.prod(shape))[1]


def categorical(
    key: Array, logits: Array, axis: int = -1, shape: Shape | None = None, replace: bool = True, mode: str = "low"
) -> Array:
    """Integers whose probabilities have the logarithms `logits`, but for a constant, along an axis.

    Args:
        key: a key.
        logits: logarithms of probabilities, -inf for 0.
        axis: along which they lie.
        shape: that of the result, which ends in the shape of `logits` without `axis`; that one if it is None.
        replace: whether a number may be drawn again.
        mode: that of `gumbel`.

    Example:
        >>> categorical(fg.random.key(42), np.log(np.array([0.1, 0.2, 0.7])), shape=(4,))
        array([2, 2, 2, 2])
    """
    key, logits = checked(key, "categorical"), as_inexact(logits)
    axis = axis_of(axis, logits.ndim)
    batch = logits.shape[:axis] + logits.shape[axis + 1 :]
    shape = shape_of("categorical", shape, np.empty(batch))
    ahead = shape[: len(shape) - len(batch)]
    if replace:
        behind = list(shape[len(ahead) :])
        behind.insert(axis, logits.shape[axis])
        noise = gumbel(key, (*ahead, *behind), logits.dtype, mode)
        return argmax(noise + logits, axis=axis + len(ahead))
    k = math.prod(ahead)
    if k > logits.shape[axis]:
        raise ValueError(f"categorical: {k} of {logits.shape[axis]} cannot be drawn without replacement")
    noisy = moveaxis(logits + gumbel(key, logits.shape, logits.dtype, mode), axis, -1)
    return reshape(moveaxis(top_k(noisy, k)[1], -1, 0), shape=shape)
