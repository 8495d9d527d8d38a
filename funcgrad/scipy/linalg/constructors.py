"""Matrices made of vectors and of other matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.joining import concatenate
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import pad
from funcgrad.scipy.linalg.shared import scipy_function

__all__ = ["block_diag", "circulant", "companion", "hankel", "khatri_rao", "toeplitz"]


def _vector(x: Any) -> Array:
    x = as_array(x)
    return x if x.ndim else x.reshape(1)


def _one_vector(x: Any) -> Array:
    x = _vector(x)
    if x.ndim > 1:
        raise ValueError(f"hankel takes vectors, not an array of shape {x.shape}; fg.vmap takes stacks")
    return x


@scipy_function
def toeplitz(c: Array, r: Array | None = None) -> Array:
    """The matrix with the first column `c` and the first row `r`, or `conj(c)`; `r[0]` is not read.

    Example:
        >>> fg.vjp(toeplitz, np.array([1.0, 2.0]))[0]
        array([[1., 2.],
               [2., 1.]])
    """
    c = _vector(c)
    r = (ew.conj(c) if c.dtype.kind == "c" else c) if r is None else _vector(r)
    rows, columns = c.shape[-1], r.shape[-1]
    values = concatenate((c[..., ::-1], r[..., 1:]), axis=-1)
    return values[..., np.arange(rows)[::-1, None] + np.arange(columns)]


@scipy_function
def hankel(c: Array, r: Array | None = None) -> Array:
    """The matrix with the first column `c` and the last row `r`, or zeros; `r[0]` is not read."""
    c = _one_vector(c)
    r = np.zeros(c.shape, c.dtype) if r is None else _one_vector(r)
    rows, columns = c.shape[-1], r.shape[-1]
    return concatenate((c, r[..., 1:]), axis=-1)[..., np.arange(rows)[:, None] + np.arange(columns)]


@scipy_function
def circulant(c: Array) -> Array:
    """The matrix with the first column `c`, each of the others one step further down."""
    c = _vector(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % max(n, 1)]


@scipy_function
def companion(a: Array) -> Array:
    """The matrix whose characteristic polynomial has the coefficients `a`, from the highest."""
    a = _vector(a)
    n = a.shape[-1]
    if n < 2:
        raise ValueError(f"The length of `a` along the last axis must be at least 2, not {n}.")
    first = -a[..., None, 1:] / (1.0 * a[..., None, :1])
    below = np.broadcast_to(np.eye(n - 2, n - 1, dtype=first.dtype), (*a.shape[:-1], n - 2, n - 1))
    return concatenate((first, below), axis=-2)


@scipy_function
def block_diag(*arrs: Array) -> Array:
    """Matrices along the diagonal of one, with zeros elsewhere; vectors are rows.

    Example:
        >>> fg.vjp(block_diag, np.ones((1, 2)), np.array([[3.0]]))[0]
        array([[1., 1., 0.],
               [0., 0., 3.]])
    """
    blocks = [as_array(a) for a in arrs] or [np.zeros((1, 0))]
    blocks = [a.reshape((1,) * (2 - a.ndim) + a.shape) if a.ndim < 2 else a for a in blocks]
    stack = np.broadcast_shapes(*(a.shape[:-2] for a in blocks))
    width, left, rows = sum(a.shape[-1] for a in blocks), 0, []
    for a in blocks:
        a = broadcast_to(a, shape=stack + a.shape[-2:])
        right = width - left - a.shape[-1]
        rows.append(pad(a, widths=(*[(0, 0)] * (a.ndim - 1), (left, right))))
        left += a.shape[-1]
    return concatenate(rows, axis=-2)


@scipy_function
def khatri_rao(a: Array, b: Array) -> Array:
    """The Kronecker products of columns, `(n * m, k)` for `a` of `(n, k)` and `b` of `(m, k)`."""
    a, b = as_array(a), as_array(b)
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError("The both arrays should be 2-dimensional.")
    if a.shape[-1] != b.shape[-1]:
        raise ValueError("The number of columns for both arrays should be equal.")
    product = a[..., :, None, :] * b[..., None, :, :]
    return product.reshape(*product.shape[:-3], a.shape[-2] * b.shape[-2], a.shape[-1])
