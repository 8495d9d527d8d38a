"""Factorisations: Cholesky's, LU, QR, singular values, the polar decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.indexing import argsort, take_along_axis
from funcgrad.numpy.linalg.shared import adjoint
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.contract import matmul
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import pad
from funcgrad.scipy.linalg.primitives import factors
from funcgrad.scipy.linalg.shared import common, matrices, one_stack, operand, scipy_function, squares
from funcgrad.scipy.linalg.systems import by_columns, matching

__all__ = [
    "cho_factor",
    "cho_solve",
    "cholesky",
    "lu",
    "lu_factor",
    "lu_solve",
    "polar",
    "qr",
    "svd",
    "svdvals",
]


@scipy_function
def cholesky(a: Array, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The upper triangular `u` with `u^H u = a`, or with `lower` the `l` with `l l^H = a`.

    That triangle of `a` is read, but it is differentiated as a function of the symmetric part of `a`.

    Raises ValueError where matrices are not square, LinAlgError where one is not positive definite.

    Example:
        >>> fg.jacobian(cholesky)(np.array([[4.0]]))
        array([[[[0.25]]]])
    """
    a = squares(a, check_finite)
    return primitive.cholesky(a) if lower else adjoint(primitive.cholesky(adjoint(a)))


@scipy_function
def cho_factor(
    a: Array, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, bool]:
    """`cholesky(a, lower)` and `lower`, for `cho_solve`.

    The other triangle is zero, where SciPy's has what was there before.
    """
    return cholesky(a, lower=lower, check_finite=check_finite), lower


@scipy_function
def cho_solve(
    c_and_lower: tuple[Array, bool], b: Array, overwrite_b: bool = False, check_finite: bool = True
) -> Array:
    """`x` with `a x = b`, for what `cho_factor` found of `a`.

    Example:
        >>> a = np.array([[4.0, 2.0], [2.0, 5.0]])
        >>> fg.vjp(lambda b: cho_solve(cho_factor(a), b), np.array([6.0, 7.0]))[0]
        array([1., 1.])
    """
    c, lower = c_and_lower
    c, b = common(squares(c, check_finite), operand(b, check_finite))
    b = matching(c, b, c.shape[-1])
    l = c if lower else adjoint(c)
    forward = lambda b: primitive.triangular_solve(l, b, lower=True)
    return by_columns(lambda b: primitive.triangular_solve(adjoint(l), forward(b), lower=False), b)


@scipy_function
def lu(
    a: Array, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> tuple[Array, ...]:
    """`(p, l, u)` with `a = p l u`: a permutation, a lower triangular matrix with ones on its diagonal, an upper one.

    `p` is a matrix, or with `p_indices` the order of rows in which `a = l[p] u`. With `permute_l` it is `(p l, u)`.
    The order is constant. The derivative raises LinAlgError where a pivot is zero.

    Example:
        >>> fg.grad(lambda a: lu(a)[2][1, 1])(np.array([[2.0, 1.0], [1.0, 1.0]]))
        array([[ 0.25, -0.5 ],
               [-0.5 ,  1.  ]])
    """
    a = matrices(a, check_finite)
    both, pivots = factors.lu(a)
    l, u = factors.lower_part(both), factors.upper_part(both)
    rows = a.shape[-2]
    if a.shape[-1] == 0:  # SciPy's are empty
        order = np.zeros((*a.shape[:-2], 0), factors.PIVOTS)
    else:
        order = argsort(factors.permutation(pivots, size=rows))
    if permute_l:
        return (factors.rows_at(l, order) if rows else l), u
    if p_indices:
        return ew.convert(order, dtype=np.dtype(int) if a.shape[-2:] == (1, 1) else factors.PIVOTS), l, u
    p = ew.eq(order[..., :, None], np.arange(order.shape[-1]))
    one = a.shape[-2:] == (1, 1)
    return ew.convert(p, dtype=a.dtype if one else np.empty(0, a.dtype).real.dtype), l, u


@scipy_function
def lu_factor(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Array, Array]:
    """Both factors in one matrix, and for each row the one it was exchanged with: for `lu_solve`."""
    both, pivots = factors.lu(matrices(a, check_finite))
    return both, pivots


@scipy_function
def lu_solve(
    lu_and_piv: tuple[Array, Array], b: Array, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Array:
    """`x` with `a x = b`, `a^T x = b` (`trans=1`) or `a^H x = b` (2), for what `lu_factor` found of `a`.

    Raises LinAlgError where a pivot is zero; SciPy divides.

    Example:
        >>> factors = lu_factor(np.array([[0.0, 2.0], [4.0, 0.0]]))
        >>> fg.vjp(lambda b: lu_solve(factors, b), np.array([2.0, 4.0]))[0]
        array([1., 1.])
    """
    both, pivots = lu_and_piv
    both, b = common(squares(both, check_finite), operand(b, check_finite))
    b = matching(both, b, both.shape[-1])
    order = factors.permutation(as_array(pivots), size=both.shape[-1])
    if trans not in (0, 1, 2):
        raise ValueError(f"trans is 0, 1 or 2, not {trans!r}")
    if trans == 2 and both.dtype.kind == "c":
        both = ew.conj(both)
    l, u = factors.lower_part(both), factors.upper_part(both)

    def solver(b: Array) -> Array:
        if trans == 0:
            z = primitive.triangular_solve(l, _in_order(b, order), lower=True)
            return primitive.triangular_solve(u, z, lower=False)
        z = primitive.triangular_solve(u, b, lower=False, trans=True)
        return _in_order(primitive.triangular_solve(l, z, lower=True, trans=True), argsort(order))

    return by_columns(solver, b)


def _in_order(b: Array, order: Array) -> Array:
    return factors.rows_at(*one_stack(b, order, ranks=(2, 1)))


@scipy_function
def qr(
    a: Array,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """`(q, r)` with `a = q r`: orthonormal columns, an upper triangular matrix. `mode`: "full", "economic", or "r".

    With `pivoting` also `p`, with `a[:, p] = q r`; it is constant. With "r" it is `(r,)` (of a stack `r`) or
    `(r, p)`. There is a derivative where the first columns, as many as there can be, are independent, and none of
    "full" where there are more rows than columns. SciPy's "raw" is for plain arrays.
    """
    if mode == "raw":
        raise NotDifferentiableError("qr with mode='raw' has no derivative; mode='economic' has")
    if mode not in ("full", "qr", "r", "economic"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    a = matrices(a, check_finite)
    order: tuple[Array, ...] = ()
    if pivoting:
        p = factors.column_order(a)
        a, order = take_along_axis(a, p[..., None, :], -1), (p,)
    q, r = primitive.qr(a, "complete" if mode in ("full", "qr") else "reduced")
    if mode != "r":
        return (q, r, *order)
    missing = a.shape[-2] - r.shape[-2]
    widths = (*[(0, 0)] * (a.ndim - 2), (0, missing), (0, 0))
    r = pad(r, widths=widths) if missing else r
    return (r, *order) if order or r.ndim == 2 else r


@scipy_function
def svd(
    a: Array,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """`(u, s, vh)` with `a = u * s @ vh`, or the singular values alone.

    Where singular values are equal, the derivative of the vectors is not finite. With `full_matrices` only square
    matrices have one.
    """
    a = matrices(a, check_finite)
    return primitive.svd(a, full_matrices) if compute_uv else primitive.svdvals(a)


@scipy_function
def svdvals(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The singular values, descending."""
    return primitive.svdvals(matrices(a, check_finite))


@scipy_function
def polar(a: Array, side: str = "right") -> tuple[Array, Array]:
    """`(u, p)` with `a = u p`, or with `side="left"` `a = p u`: orthonormal columns (or rows), positive semidefinite.

    The derivative is finite where singular values are equal. Where one is zero it is NaN, or raises LinAlgError.
    """
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    a = matrices(a)
    u = factors.unitary(a) if a.shape[-2] >= a.shape[-1] else adjoint(factors.unitary(adjoint(a)))
    p = matmul(adjoint(u), a) if side == "right" else matmul(a, adjoint(u))
    return u, 0.5 * (p + adjoint(p))
