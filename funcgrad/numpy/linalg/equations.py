"""Equations, inverses and determinants."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import FLOAT
from funcgrad.numpy import shaping
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.linalg.shared import known, result_type, two_dimensional
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.linalg.shared import computed_dtype, real_dtype
from funcgrad.ops.operands import as_array
from funcgrad.ops.products import matrix_product

__all__ = ["det", "inv", "lstsq", "pinv", "slogdet", "solve", "tensorinv", "tensorsolve"]


@numpy_function(np.linalg)
def solve(a: Array, b: Array) -> Array:
    """`x` with `a x = b`; `b` is a vector, or a stack of matrices."""
    return primitive.solve(as_array(a), as_array(b))


@numpy_function(np.linalg)
def inv(a: Array) -> Array:
    """The inverse of square matrices."""
    return primitive.inv(as_array(a))


@numpy_function(np.linalg)
def det(a: Array) -> Array:
    """The determinant, with its derivative at singular matrices."""
    return primitive.det(as_array(a))


@numpy_function(np.linalg)
def slogdet(a: Array) -> Any:
    """The sign of the determinant and the logarithm of its absolute value."""
    return result_type(np.linalg.slogdet)(*primitive.slogdet(as_array(a)))


@numpy_function(np.linalg)
def pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Array:
    """The pseudo-inverse of matrices `(..., n, m)`: `(..., m, n)`.

    Singular values up to `rcond` (or `rtol`) times the largest count as zero: NumPy's 1e-15, or with `rtol=None` the
    rounding of the dtype times the larger of n and m. The derivative is exact whatever is left out.
    With `hermitian` the lower triangle of a symmetric or Hermitian matrix is read.

    Raises LinAlgError where a value is not finite, ValueError where both `rcond` and `rtol` are given.

    Example:
        >>> pinv(np.array([[2.0, 0.0]]))
        array([[0.5],
               [0. ]])
    """
    a = as_array(a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rtol is None:
        rcond = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    elif rtol is not np._NoValue:
        rcond = rtol
    return primitive.pinv(a, None if rcond is None else as_array(rcond), hermitian=hermitian)


@numpy_function(np.linalg)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, Array, Array]:
    """The `x` for which `a x` is closest to `b`, and of those the shortest.

    Args:
        a: a matrix `(n, m)`.
        b: a vector `(n,)`, or a matrix `(n, k)` of several.
        rcond: singular values up to this part of the largest count as zero. None: the rounding of float64 times the
            larger of n and m; outside of 0 to 1: half the rounding alone.

    Returns:
        `(x, residuals, rank, s)`. `x` is `(m,)` or `(m, k)`. `residuals` is `(1,)` or `(k,)`: the sums of squares of
        `b - a x`, or empty where the rank is below m, or n is not above it. `rank` is an integer, `s` the singular
        values. Under `jit` and `vmap`, where the rank is not known, `residuals` are the sums wherever n > m.

    Raises:
        LinAlgError: `a` is no matrix, `b` does not fit, or a value is not finite.

    Example:
        >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0]))[0]
        array([2.])
    """
    a, b = as_array(a), as_array(b)
    columns = b[:, None] if b.ndim == 1 else b
    n, m = two_dimensional(a).shape
    if len(two_dimensional(columns)) != n:
        raise LinAlgError("Incompatible dimensions")
    dtype = np.result_type(computed_dtype(a.dtype), computed_dtype(b.dtype))
    # NumPy computes in double precision, whatever it is given: the rank depends on it
    wide = np.result_type(dtype, FLOAT)
    a, columns = ew.convert(a, dtype=wide), ew.convert(columns, dtype=wide)
    eps = float(np.finfo(FLOAT).eps)
    if rcond is None:
        rcond = eps * max(n, m)
    elif not 0 < rcond < 1:
        rcond = eps / 2
    x = primitive.lstsq(a, columns, rcond=rcond)
    s = primitive.svdvals(a)
    rank = ew.convert((s > rcond * s[:1]).sum(), dtype=np.dtype(np.int32))
    residuals = squared_residuals(a, x, columns, rank, real_dtype(dtype))
    x = ew.convert(x[:, 0] if b.ndim == 1 else x, dtype=dtype)
    return x, residuals, rank, ew.convert(s, dtype=real_dtype(dtype))


def squared_residuals(a: Array, x: Array, b: Array, rank: Array, dtype: np.dtype) -> Array:
    """The sums of squares of `b - a x`; empty where they are zero, or the rank is known to be below m."""
    n, m = a.shape
    found = known(rank)
    if n <= m or (found is not None and found != m):
        return np.zeros((0,), dtype)
    gap = b - matrix_product(a, x)
    return ew.convert((ew.conj(gap) * gap).real.sum(axis=0), dtype=dtype)


@numpy_function(np.linalg)
def tensorsolve(a: Array, b: Array, axes: Sequence[int] | None = None) -> Array:
    """`x` with `tensordot(a, x, x.ndim) = b`; `axes` of `a` are moved to its end first.

    Raises LinAlgError where `a` is not as long in the axes of `b` as in the others.

    Example:
        >>> tensorsolve(2 * np.eye(4).reshape(2, 2, 4), np.ones((2, 2)))
        array([0.5, 0.5, 0.5, 0.5])
    """
    a, b = as_array(a), as_array(b)
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = shaping.transpose(a, order)
    shape = a.shape[-(a.ndim - b.ndim) :]
    size = prod(shape)
    if a.size != size**2:
        raise LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return primitive.solve(a.reshape(size, size), b.reshape(-1)).reshape(shape)


@numpy_function(np.linalg)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """The inverse for `tensordot` over `ind` axes: `tensordot(tensorinv(a), b, ind)` solves `tensordot(a, x) = b`.

    Raises ValueError where `ind` is not positive, LinAlgError where `a` is not as long in its first `ind` axes as in
    the others.

    Example:
        >>> tensorinv(2 * np.eye(4).reshape(4, 2, 2), ind=1).shape
        (2, 2, 4)
    """
    a = as_array(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape
    return primitive.inv(a.reshape(prod(shape[ind:]), -1)).reshape(shape[ind:] + shape[:ind])
