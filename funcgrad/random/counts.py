"""Numbers of events. They move in steps, so they have no derivative: see `random_poisson`'s remedy."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad.numpy import moveaxis
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.reduce import cumsum
from funcgrad.ops.sampling import random_binomial, random_poisson
from funcgrad.ops.threefry import split_key
from funcgrad.random.keys import Shape, checked, float_dtype, in_dtype, shape_of


def poisson(key: Array, lam: Array, shape: Shape | None = None, dtype: Any = int) -> Array:
    """The number of events of which there are `lam` on average; -1 where that is negative or NaN.

    Args:
        key: a key.
        lam: the means, which are rounded to float32 as in JAX.
        shape: the result's, to which `lam` broadcasts; that of `lam` if it is None.
        dtype: that of the result.

    Example:
        >>> poisson(fg.random.key(42), np.array([0.3, 1.5, 1000.0]))
        array([  0,   1, 967])
    """
    shape = shape_of("poisson", shape, lam)
    rate = broadcast_to(in_dtype(lam, np.dtype(np.float32)), shape=shape)
    return random_poisson(checked(key, "poisson"), rate, dtype=np.dtype(dtype))


def binomial(key: Array, n: Array, p: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The number of successes in `n` trials with probability `p` each, as a float.

    NaN where `n` is negative, `p` is not a probability, or one of them is NaN.

    Example:
        >>> binomial(fg.random.key(42), np.array([15, 1000]), 0.7)
        array([ 13., 698.])
    """
    dtype = float_dtype("binomial", dtype)
    shape = shape_of("binomial", shape, n, p)
    p = as_inexact(p)
    n = in_dtype(n, p.dtype)
    drawn = random_binomial(checked(key, "binomial"), *(broadcast_to(x, shape=shape) for x in (n, p)))
    return in_dtype(drawn, dtype)


def multinomial(key: Array, n: Array, p: Array, *, shape: Shape | None = None, dtype: Any = float) -> Array:
    """How often each of several outcomes comes in `n` trials.

    Args:
        key: a key.
        n: numbers of trials.
        p: probabilities along the last axis.
        shape: that of the result without its last axis.
        dtype: that of the result.

    Example:
        >>> multinomial(fg.random.key(0), 10, np.array([0.2, 0.3, 0.5])).sum()
        np.float64(10.0)
    """
    p = as_inexact(p)
    n = in_dtype(as_array(n), p.dtype)
    shape = shape_of("multinomial", shape, n, np.empty(p.shape[:-1]))
    n = broadcast_to(n, shape=shape)
    p = moveaxis(broadcast_to(p, shape=(*shape, p.shape[-1])), -1, 0)
    left = cumsum(p, axis=0, reverse=True)
    ratios = p / ew.where(left == 0, p.dtype.type(1), left)

    def step(rest: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        ratio, own = given
        count = binomial(own, rest, ew.clip(ratio, 0, 1), dtype=rest.dtype)
        return rest - count, count

    _, counts = lax.scan(step, n, (ratios, split_key(checked(key, "multinomial"), (p.shape[0],))))
    return in_dtype(moveaxis(counts, 0, -1), np.dtype(dtype))
