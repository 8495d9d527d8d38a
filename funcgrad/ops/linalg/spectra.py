"""Eigenvalues and singular values: eig, eigh, eigvalsh, svd, svdvals."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.contract import matmul, mH
from funcgrad.ops.elementwise import conj, convert, eq, imag, real
from funcgrad.ops.linalg.shared import column, identity, matrix, over_stacks, real_dtype, row, square_matrix, symmetric
from funcgrad.ops.linalg.systems import solve
from funcgrad.ops.reduce import argmax


def _inner(x: Any, y: Any) -> Any:
    """The diagonal of `mH(x) @ y`."""
    return reduce_sum((conj(x) if x.dtype.kind == "c" else x) * y, axes=(x.ndim - 2,))


def _reciprocal_off_diagonal(gaps: Any) -> Any:
    """1 / gaps with zeros on the diagonal; equal values elsewhere give infinity, as JAX has it."""
    eye = identity(gaps)
    return 1 / (gaps + eye) - eye


def _real_component(v: Any) -> Any:
    """Ones at the component of each vector that LAPACK has made real, the largest; zeros elsewhere."""
    largest = argmax(ew.where(eq(imag(v), 0), ew.abs(v), -1.0), axis=v.ndim - 2)
    return convert(eq(column(np.arange(v.shape[-1])), row(largest)), dtype=real_dtype(v.dtype))


def _d_eig(t: Any, y: Any, a: Any) -> tuple[Any, Any]:
    """From `a v = v diag(w)`: `v^-1 t v` has dw on its diagonal, and the turn of the vectors times gaps beside it.

    That leaves a factor of each vector free: it keeps the length, and what is real stays real.
    """
    w, v = y
    inner = solve(v, matmul(t, v))
    turn = matmul(v, _reciprocal_off_diagonal(row(w) - column(w)) * inner)
    mask = _real_component(v)
    along = real(_inner(v, turn))
    phase = _column_sums(mask * imag(turn)) / _column_sums(mask * real(v))
    dw = _column_sums(identity(v) * inner)
    return dw, turn - v * row(along + phase * 1j)


def _column_sums(x: Any) -> Any:
    return reduce_sum(x, axes=(x.ndim - 2,))


def _eig_shape(a: Aval) -> tuple[Aval, Aval]:
    stack, n, dtype = square_matrix(a)
    dtype = np.result_type(dtype, 1j)
    return Aval((*stack, n), dtype), Aval((*stack, n, n), dtype)


def _eig_values(a: Any) -> tuple[np.ndarray, np.ndarray]:
    w, v = np.linalg.eig(a)
    dtype = np.result_type(w.dtype, 1j)
    return w.astype(dtype, copy=False), v.astype(dtype, copy=False)


_eig = over_stacks("eig", _eig_values, shape=_eig_shape, jvps=(_d_eig,), multiple=True)


def eig(a: Any) -> tuple[Any, Any]:
    """Eigenvalues (in no order) and eigenvectors of square matrices, as `np.linalg.eig`, but always complex.

    The vectors are LAPACK's, with length 1 and their largest component real, and the derivative is that of these.
    Where eigenvalues are equal, that of the vectors is not finite; that of the values is, as long as there are n
    independent vectors. Source: Giles, "An extended collection of matrix derivative results" (2008), section 3.1;
    for the free factor, LAPACK's description of `geev`.

    Args:
        a: matrices `(*stack, n, n)`.

    Returns:
        `(w, v)`: `(*stack, n)` and `(*stack, n, n)`, complex64 for single precision, else complex128.

    Raises:
        numpy.linalg.LinAlgError: a value is not finite; differentiated where vectors are exactly dependent.

    Example:
        >>> import numpy as np
        >>> eig(np.array([[0.0, 1.0], [-1.0, 0.0]]))[0]
        array([0.+1.j, 0.-1.j])
    """
    return _eig(a)


def _d_eigh(t: Any, y: Any, a: Any, UPLO: str) -> tuple[Any, Any]:
    w, v = y
    moved = matmul(symmetric(t), v)
    rotation = _reciprocal_off_diagonal(row(w) - column(w)) * matmul(mH(v), moved)
    dw = _inner(v, moved)
    return real(dw) if dw.dtype.kind == "c" else dw, matmul(v, rotation)


def _eigh_shape(a: Aval, UPLO: str) -> tuple[Aval, Aval]:
    stack, n, dtype = square_matrix(a)
    return Aval((*stack, n), real_dtype(dtype)), Aval((*stack, n, n), dtype)


_eigh = over_stacks(
    "eigh", lambda a, UPLO: tuple(np.linalg.eigh(a, UPLO)), shape=_eigh_shape, jvps=(_d_eigh,), multiple=True
)


def eigh(a: Any, UPLO: str = "L") -> tuple[Any, Any]:
    """Eigenvalues (ascending) and eigenvectors of symmetric or Hermitian matrices, as `np.linalg.eigh`.

    Where eigenvalues are equal, the derivative of the vectors is not finite; that of the values is.

    Args:
        a: matrices `(*stack, n, n)`.
        UPLO: the triangle that is read, "L" or "U" (the derivative is symmetric all the same).

    Returns:
        `(w, v)`: `(*stack, n)`, real, and `(*stack, n, n)`.

    Example:
        >>> import numpy as np
        >>> eigh(np.diag([3.0, 1.0]))[0]
        array([1., 3.])
    """
    return _eigh(a, UPLO=UPLO.upper())


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric or Hermitian matrices; differentiable even where they are equal."""
    return eigh(a, UPLO)[0]


def _reciprocal_or_zero(x: Any) -> Any:
    zero = convert(eq(x, 0), dtype=x.dtype)
    return 1 / (x + zero) - zero


def _d_svd(t: Any, y: Any, a: Any, full_matrices: bool) -> tuple[Any, Any, Any]:
    u, s, vh = y
    rows, columns = a.shape[-2:]
    if full_matrices and rows != columns:
        raise NotDifferentiableError(
            f"Use full_matrices=False: `svd` of a {rows} x {columns} matrix with full_matrices=True has no derivative, "
            f"as the vectors beyond {min(rows, columns)} are not determined by the matrix."
        )
    v = mH(vh)
    tv = matmul(t, v)
    along = _inner(u, tv)
    inner = matmul(mH(u), tv)
    over_gaps = _reciprocal_off_diagonal((row(s) - column(s)) * (row(s) + column(s)))
    scaled_columns, scaled_rows = inner * row(s), inner * column(s)
    du = matmul(u, over_gaps * (scaled_columns + mH(scaled_columns)))
    dv = matmul(v, over_gaps * (scaled_rows + mH(scaled_rows)))
    if along.dtype.kind == "c":
        du = du + u * row(imag(along) * (1j * _reciprocal_or_zero(s)))
        along = real(along)
    if rows > columns:
        du = du + (tv - matmul(u, inner)) / row(s)
    if columns > rows:
        tu = matmul(mH(t), u)
        dv = dv + (tu - matmul(v, mH(inner))) / row(s)
    return du, along, mH(dv)


def _svd_shape(a: Aval, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    stack, rows, columns, dtype = matrix(a)
    k = min(rows, columns)
    return (
        Aval((*stack, rows, rows if full_matrices else k), dtype),
        Aval((*stack, k), real_dtype(dtype)),
        Aval((*stack, columns if full_matrices else k, columns), dtype),
    )


_svd = over_stacks(
    "svd",
    lambda a, full_matrices: tuple(np.linalg.svd(a, full_matrices)),
    shape=_svd_shape,
    jvps=(_d_svd,),
    multiple=True,
)


def svd(a: Any, full_matrices: bool = True) -> tuple[Any, Any, Any]:
    """Singular values and vectors, `a = u diag(s) vh`, as `np.linalg.svd`.

    Where singular values are equal, the derivative of the vectors is not finite; that of the values is.

    Args:
        a: matrices `(*stack, n, m)`.
        full_matrices: square `u` and `vh`; then only square matrices can be differentiated.

    Returns:
        `(u, s, vh)`: `(*stack, n, k)`, `(*stack, k)`, real and descending, and `(*stack, k, m)`, where k is
        min(n, m); with `full_matrices` `u` is `(*stack, n, n)` and `vh` `(*stack, m, m)`.

    Raises:
        NotDifferentiableError: differentiated with `full_matrices` where n != m.

    Example:
        >>> import numpy as np
        >>> svd(np.diag([2.0, 3.0]))[1]
        array([3., 2.])
    """
    return _svd(a, full_matrices=bool(full_matrices))


def svdvals(a: Any) -> Any:
    """The singular values, descending; their derivative is finite even where they are equal."""
    return svd(a, full_matrices=False)[1]
