"""Products of matrices and vectors, and parts of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from funcgrad.numpy import contractions, shaping
from funcgrad.numpy.dispatch import Array, numpy_function, since
from funcgrad.numpy.linalg.shared import stack_of_squares, two_dimensional
from funcgrad.ops import linalg as primitive
from funcgrad.ops.operands import as_array

__all__ = [
    "cross",
    "diagonal",
    "matmul",
    "matrix_power",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "tensordot",
    "trace",
    "vecdot",
]


@numpy_function(np.linalg)
def matrix_power(a: Array, n: int) -> Array:
    """The n-th power of square matrices, by squaring; of their inverses where n is negative.

    Raises TypeError where `n` is no integer.

    Example:
        >>> matrix_power(np.array([[1, 1], [0, 1]]), 5)
        array([[1, 5],
               [0, 1]])
    """
    a = stack_of_squares(a)
    try:
        n = index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    if n < 0:
        a, n = primitive.inv(a), -n
    power = None
    while n:
        if n & 1:
            power = a if power is None else contractions.matrix_product(power, a)
        n >>= 1
        if n:
            a = contractions.matrix_product(a, a)
    return power


@numpy_function(np.linalg)
def multi_dot(arrays: Sequence[Array], *, out: None = None) -> Array:
    """The product of several matrices in the cheapest order; the first and the last may be vectors.

    Example:
        >>> multi_dot([np.ones(2), np.eye(2), np.ones((2, 3))])
        array([2., 2., 2.])
    """
    arrays = [as_array(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(arrays) == 2:
        return contractions.dot(*arrays)
    for i, a in enumerate(arrays):
        if a.ndim != 1 or 0 < i < len(arrays) - 1:
            two_dimensional(a)
    sizes = [a.shape for a in (arrays[0][None] if arrays[0].ndim == 1 else arrays[0], *arrays[1:-1])]
    rows = [shape[0] for shape in sizes] + [
        arrays[-1].shape[0],
        1 if arrays[-1].ndim == 1 else arrays[-1].shape[1],
    ]
    cut = _cheapest_cuts(rows)

    def product(i: int, j: int) -> Array:
        if i == j:
            return arrays[i]
        return contractions.matrix_product(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return product(0, len(arrays) - 1)


def _cheapest_cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut each chain of matrices (i is `sizes[i]` by `sizes[i + 1]`) so that products cost least."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)
            }
            cut[i, j] = k = sorted(costs, key=costs.__getitem__)[0]
            cost[i, j] = costs[k]
    return cut


@numpy_function(np.linalg)
def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product, as `funcgrad.numpy.matmul`."""
    return contractions.matrix_product(x1, x2)


@numpy_function(np.linalg)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The sum of products along one axis, the first array conjugated."""
    return contractions.vecdot(x1, x2, axis=axis)


@numpy_function(np.linalg)
def outer(x1: Array, x2: Array, /) -> Array:
    """All products of the elements of two vectors."""
    x1, x2 = as_array(x1), as_array(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(
            f"Input arrays must be one-dimensional, but they are x1.ndim={x1.ndim} and x2.ndim={x2.ndim}."
        )
    return contractions.outer(x1, x2)


@numpy_function(np.linalg)
def tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """The sum over pairs of axes, as `funcgrad.numpy.tensordot`."""
    return contractions.tensordot(x1, x2, axes)


@numpy_function(np.linalg)
def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The cross product of vectors of three components."""
    x1, x2 = as_array(x1), as_array(x2)
    if since(np, "2.5.0"):
        return contractions.cross(x1, x2, axis=axis)
    sizes = x1.shape[axis], x2.shape[axis]
    if sizes != (3, 3):
        raise ValueError(
            f"Both input arrays must be (arrays of) 3-dimensional vectors, but they are {sizes[0]} and {sizes[1]} "
            "dimensional instead."
        )
    return contractions.cross(x1, x2, axis=axis)


@numpy_function(np.linalg)
def matrix_transpose(x: Array, /) -> Array:
    """The last two axes swapped."""
    return shaping.matrix_transpose(x)


@numpy_function(np.linalg)
def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The diagonals of a stack of matrices."""
    return shaping.diagonal(x, offset, -2, -1)


@numpy_function(np.linalg)
def trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sums of the diagonals of a stack of matrices."""
    return shaping.trace(x, offset, -2, -1, dtype)
