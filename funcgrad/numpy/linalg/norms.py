"""Norms, condition numbers and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.trace import Tracer
from funcgrad.numpy import reductions, shaping
from funcgrad.numpy.dispatch import Array, Axes, axes_of, axis_of, numpy_function, since
from funcgrad.numpy.linalg.shared import stack_of_matrices, stack_of_squares
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.linalg.shared import computed_dtype, real_dtype
from funcgrad.ops.operands import as_array, as_inexact

__all__ = ["cond", "matrix_norm", "matrix_rank", "norm", "vector_norm"]


@numpy_function(np.linalg)
def norm(x: Array, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Array:
    """A norm of vectors (one axis) or matrices (two); of all elements where both `ord` and `axis` are None.

    Vectors: any number, inf, -inf, 0 (how many are not zero). Matrices: "fro", "nuc", 1, -1, 2, -2, inf, -inf.
    The gradient of the Euclidean norm at zero is NaN, as JAX's is; ties share theirs.

    Raises ValueError for an unknown order or a third axis, TypeError where `axis` is no integer or tuple.

    Example:
        >>> fg.grad(norm)(np.array([3.0, 4.0]))
        array([0.6, 0.8])
    """
    x = as_array(x)
    if axis is None and ord is None:
        return _euclidean(x, tuple(range(x.ndim)), keepdims)
    order = tuple(axis_of(i, x.ndim) for i in _axes(axis, x.ndim))
    if len(order) == 1:
        return _vector_norm(x, ord, order, keepdims)
    if len(order) == 2:
        return _matrix_norm(x, ord, order, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, tuple):
        return axis
    try:
        return (int(axis),)
    except Exception as error:
        raise TypeError("'axis' must be None, an integer or a tuple of integers") from error


@numpy_function(np.linalg)
def vector_norm(x: Array, /, *, axis: Axes = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """The norm of vectors along `axis` (one, or a tuple as if they were one), or of all elements.

    Example:
        >>> vector_norm(np.ones((2, 2, 4)), axis=(0, 2), ord=1)
        array([8., 8.])
    """
    x = as_array(x)
    return _vector_norm(x, ord, axes_of(_axes(axis, x.ndim), x.ndim), keepdims)


@numpy_function(np.linalg)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """The norm of the matrices along the last two axes.

    Example:
        >>> matrix_norm(np.eye(3), ord="nuc")
        np.float64(3.0)
    """
    return norm(x, ord, (-2, -1), keepdims)


def _euclidean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    x = as_inexact(x)
    squares = ew.real(x) ** 2 + ew.imag(x) ** 2 if x.dtype.kind == "c" else x * x
    return ew.sqrt(reductions.sum(squares, axes, keepdims=keepdims))


def _vector_norm(x: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    x = as_inexact(x)
    if ord == 2 or ord is None:
        return _euclidean(x, axes, keepdims)
    size = ew.abs(x)
    if ord == np.inf:
        return reductions.max(size, axes, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return reductions.min(size, axes, keepdims=keepdims)
    if ord == 0:
        return ew.convert(x != 0, dtype=size.dtype).sum(axis=axes, keepdims=keepdims)
    if ord == 1:
        return reductions.sum(size, axes, keepdims=keepdims)
    if isinstance(ord, np.generic):
        ord = ord.item()  # which yields to the dtype of x
    return reductions.sum(size**ord, axes, keepdims=keepdims) ** (1.0 / ord)


def _matrix_norm(x: Array, ord: Any, axes: tuple[int, int], keepdims: bool) -> Array:
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    x = shaping.moveaxis(as_inexact(x), axes, (-2, -1))
    if ord in (None, "fro", "f"):
        y = _euclidean(x, (x.ndim - 2, x.ndim - 1), False)
    elif ord == "nuc":
        y = reductions.sum(primitive.svdvals(x), -1)
    elif ord in (1, -1, np.inf, -np.inf):
        sums = reductions.sum(ew.abs(x), -2 if ord in (1, -1) else -1)
        y = reductions.max(sums, -1, initial=0) if ord > 0 else reductions.min(sums, -1)
    elif ord == 2:
        y = reductions.max(primitive.svdvals(x), -1, initial=0)  # where equal ones share the derivative
    elif ord == -2:
        y = reductions.min(primitive.svdvals(x), -1)
    else:
        raise ValueError("Invalid norm order for matrices.")
    return shaping.expand_dims(y, tuple(sorted(axes))) if keepdims else y


@numpy_function(np.linalg)
def cond(x: Array, p: Any = None) -> Array:
    """The condition number: the largest by the smallest singular value, or by the norm `p`.

    Infinite, and without a finite derivative, at singular matrices.

    Raises LinAlgError for empty matrices, with a norm for those that are not square, and before NumPy 2.5, with
    singular values, for those that are not finite.

    Example:
        >>> cond(np.diag([1.0, 4.0]))
        np.float64(4.0)
    """
    x = as_array(x)
    if x.size == 0 and 0 in x.shape[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            s = _singular_values(stack_of_matrices(x))
            y = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        else:
            x = stack_of_squares(x)
            computed_dtype(x.dtype)
            size = (lambda x: _singular_values(x).sum(-1)) if p == "nuc" else (lambda x: norm(x, p, (-2, -1)))
            y = size(x) * size(primitive.inv_or_nan(x))
    return ew.where(ew.isnan(y) & ~ew.isnan(x).any(axis=(-2, -1)), np.inf, y)


def _singular_values(x: Array) -> Array:
    """Those of matrices; NaN where one is not finite, as are their derivatives, in place of the error."""
    if not since(np, "2.5.0"):
        return primitive.svdvals(x)
    finite = ew.isfinite(x).all(axis=(-2, -1), keepdims=True)
    missing = ew.convert(ew.where(finite, 0.0, np.nan), dtype=real_dtype(computed_dtype(x.dtype)))
    missing = (x * missing).real.sum(axis=(-2, -1))
    return primitive.svdvals(ew.where(finite, x, 0.0)) + missing[..., None]


@numpy_function(np.linalg)
def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """How many singular values of matrices are above `tol`, or `rtol` times the largest. It has no derivative.

    Neither given, `rtol` is the rounding of the dtype times the larger of rows and columns. Of what is no matrix:
    1 where an element is not zero, else 0.

    Raises ValueError where both are given.

    Example:
        >>> matrix_rank(np.ones((3, 3)))
        np.int64(1)
    """
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    A = ew.stop_gradient(as_array(A))
    if A.ndim < 2:
        found = ew.ne(A, 0).any()
        return ew.convert(found, dtype=np.dtype(int)) if isinstance(found, Tracer) else int(found)
    s = ew.abs(primitive.eigvalsh(A)) if hermitian else primitive.svdvals(A)
    if tol is None:
        rtol = max(A.shape[-2:]) * np.finfo(s.dtype).eps if rtol is None else as_array(rtol)[..., None]
        tol = reductions.max(s, -1, keepdims=True, initial=0) * rtol
    else:
        tol = as_array(tol)[..., None]
    return (s > tol).sum(axis=-1)
