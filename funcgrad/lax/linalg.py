"""Factorisations and triangular systems with the signatures of `jax.lax.linalg`."""

from __future__ import annotations

from typing import Any

from funcgrad.core.frames import hiding
from funcgrad.numpy import conj, eye, linalg
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.contract import mH, mT
from funcgrad.ops.linalg import triangular_solve as _triangular_solve
from funcgrad.ops.operands import as_inexact

__all__ = ["cholesky", "eigh", "qr", "svd", "triangular_solve"]


def __dir__() -> list[str]:
    return __all__


def _symmetrised(x: Array) -> Array:
    return (x + mH(x)) / 2


@hiding
def cholesky(x: Array, *, symmetrize_input: bool = True) -> Array:
    """The lower triangular factor of a positive definite matrix, of its symmetric part by default.

    Example:
        >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
        array([[2., 0.],
               [1., 2.]])
    """
    x = as_inexact(x)
    return linalg.cholesky(_symmetrised(x) if symmetrize_input else x)


@hiding
def eigh(x: Array, *, lower: bool = True, symmetrize_input: bool = True) -> tuple[Array, Array]:
    """Eigenvectors in columns, and eigenvalues in rising order, of a Hermitian matrix: in this order, as JAX has it.

    Args:
        x: ``(..., n, n)``.
        lower: which triangle is read, where it is not symmetrised.
        symmetrize_input: take `(x + x^H) / 2`.

    Example:
        >>> eigh(np.diag([2.0, 1.0]))[1]
        array([1., 2.])
    """
    x = as_inexact(x)
    values, vectors = linalg.eigh(_symmetrised(x) if symmetrize_input else x, "L" if lower else "U")
    return vectors, values


@hiding
def qr(x: Array, *, full_matrices: bool = True) -> tuple[Array, Array]:
    """A matrix as one with orthonormal columns times an upper triangular one."""
    q, r = linalg.qr(as_inexact(x), "complete" if full_matrices else "reduced")
    return q, r


@hiding
def svd(x: Array, *, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """`(u, s, vh)` with `x = u * s @ vh`, or `s` alone."""
    found = linalg.svd(as_inexact(x), full_matrices, compute_uv)  # type: ignore[call-overload]
    return tuple(found) if compute_uv else found


@hiding
def triangular_solve(
    a: Array,
    b: Array,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Array:
    """The solution of `x @ op(a) = b`, or of `op(a) @ x = b`, with a triangular matrix.

    Args:
        a: ``(..., n, n)``; the other triangle is not read.
        b: ``(..., m, n)``, or ``(..., n, m)`` with `left_side`.
        left_side: on which side of the solution the matrix stands.
        lower: which triangle counts.
        transpose_a, conjugate_a: what is done to it.
        unit_diagonal: take the diagonal for ones.

    Example:
        >>> triangular_solve(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([[2.0], [9.0]]), left_side=True, lower=True)
        array([[1.],
               [2.]])
    """
    a, b = as_inexact(a), as_inexact(b)
    if unit_diagonal:
        a = ew.where(eye(a.shape[-1], dtype=bool), a.dtype.type(1), a)
    if conjugate_a:
        a = conj(a)
    if left_side:
        return _triangular_solve(a, b, lower=lower, trans=transpose_a)
    return mT(_triangular_solve(a, mT(b), lower=lower, trans=not transpose_a))
