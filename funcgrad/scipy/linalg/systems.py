"""Linear systems, inverses, determinants, least squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from funcgrad.numpy import linalg
from funcgrad.numpy.dispatch import Array, since
from funcgrad.numpy.linalg.equations import squared_residuals
from funcgrad.numpy.linalg.shared import adjoint
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.contract import mT
from funcgrad.ops.linalg.shared import real_dtype
from funcgrad.scipy.linalg.primitives import structured
from funcgrad.scipy.linalg.shared import (
    common,
    from_triangle,
    matrices,
    one_stack,
    operand,
    scipy_function,
    squares,
)
from funcgrad.scipy.supports import in_double

__all__ = [
    "det",
    "inv",
    "lstsq",
    "norm",
    "pinv",
    "pinvh",
    "solve",
    "solve_banded",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
]


def matching(a: Array, b: Array, rows: int) -> Array:
    """The right side, if it has as many rows as the matrices; a vector, or a stack of matrices."""
    if b.ndim == 0 or b.shape[-1 if b.ndim == 1 else -2] != rows:
        raise ValueError(f"shapes of a {a.shape} and b {b.shape} are incompatible")
    return b


def _by_triangle(lower: bool) -> Callable[[Array, Array, bool], Array]:
    return lambda a, b, read: primitive.triangular_solve(a, b, lower=lower)


def _positive(a: Array, b: Array, lower: bool) -> Array:
    factor = primitive.cholesky(from_triangle(a, lower))
    return primitive.triangular_solve(
        adjoint(factor), primitive.triangular_solve(factor, b, lower=True), lower=False
    )


def _tridiagonal(a: Array, b: Array, lower: bool) -> Array:
    n = a.shape[-1]
    return primitive.solve(a * (np.tri(n, k=1) - np.tri(n, k=-2)).astype(real_dtype(a.dtype)), b)


def _diagonal(a: Array, b: Array, lower: bool) -> Array:
    return primitive.solve(a * np.eye(a.shape[-1], dtype=real_dtype(a.dtype)), b)


def _symmetric(hermitian: bool) -> Callable[[Array, Array, bool], Array]:
    return lambda a, b, lower: primitive.solve(from_triangle(a, lower, hermitian), b)


_general = lambda a, b, lower: primitive.solve(a, b)
_STRUCTURES: dict[str | None, Callable[[Array, Array, bool], Array]] = {
    **dict.fromkeys((None, "general", "gen", "banded"), _general),
    **dict.fromkeys(("pos", "positive definite"), _positive),
    **dict.fromkeys(("sym", "symmetric"), _symmetric(False)),
    **dict.fromkeys(("her", "hermitian"), _symmetric(True)),
    "lower triangular": _by_triangle(True),
    "upper triangular": _by_triangle(False),
    "tridiagonal": _tridiagonal,
    "diagonal": _diagonal,
}


@scipy_function
def solve(
    a: Array,
    b: Array,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Array:
    """`x` with `a x = b`; `b` is a vector, or a stack of matrices.

    What `assume_a` says of the matrix is what is read of it: one triangle of a symmetric one, which is differentiated
    as a function of its symmetric part.

    Raises ValueError for shapes that do not fit, LinAlgError where a matrix is singular, or not positive definite
    where that is assumed.

    Example:
        >>> fg.grad(lambda b: solve(2.0 * np.eye(2), b)[0])(np.ones(2))
        array([0.5, 0. ])
    """
    if assume_a not in _STRUCTURES:
        raise ValueError(f"{assume_a} is not a recognized matrix structure")
    a, b = common(squares(a, check_finite), operand(b, check_finite))
    if transposed:
        if a.dtype.kind == "c":
            raise NotImplementedError("scipy.linalg.solve has no transposed=True for complex matrices: solve with a.mT")
        a, assume_a = mT(a), None
    return _STRUCTURES[assume_a](a, matching(a, b, a.shape[-1]), lower)


@scipy_function
def solve_triangular(
    a: Array,
    b: Array,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    """`x` with `a x = b`, `a^T x = b` (`trans` 1 or "T") or `a^H x = b` (2 or "C") for triangular `a`.

    Raises ValueError for shapes that do not fit, LinAlgError where there is a zero on a diagonal.

    Example:
        >>> a = np.array([[2.0, 9.0], [2.0, 1.0]])
        >>> fg.vjp(lambda b: solve_triangular(a, b, lower=True), np.array([2.0, 3.0]))[0]
        array([1., 1.])
    """
    a, b = common(squares(a, check_finite), operand(b, check_finite))
    trans = {"N": 0, "T": 1, "C": 2}.get(trans, trans)  # type: ignore[arg-type]
    if trans not in (0, 1, 2):
        raise ValueError(f"trans is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    b = matching(a, b, a.shape[-1])
    if unit_diagonal:
        a = ew.where(np.eye(a.shape[-1], dtype=bool), a.dtype.type(1), a)
    if trans == 2 and a.dtype.kind == "c":
        a = ew.conj(a)
    return primitive.triangular_solve(a, b, lower=lower, trans=trans != 0)


def by_columns(solver: Callable[[Array], Array], b: Array) -> Array:
    """A solver of matrices applied to what may be a vector."""
    return solver(b[:, None])[..., 0] if b.ndim == 1 else solver(b)


@scipy_function
def solve_banded(
    l_and_u: tuple[int, int],
    ab: Array,
    b: Array,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    """`x` with `a x = b`, for a matrix with few diagonals: `ab[u + i - j, j]` is `a[i, j]`.

    Raises ValueError for shapes that do not fit, LinAlgError where the matrix is singular.

    Example:
        >>> ab = np.array([[0.0, 1.0, 1.0], [4.0, 4.0, 4.0]])
        >>> fg.vjp(lambda b: solve_banded((0, 1), ab, b), np.array([5.0, 5.0, 4.0]))[0]
        array([1., 1., 1.])
    """
    lower, upper = (int(k) for k in l_and_u)
    ab, b = common(matrices(ab, check_finite), operand(b, check_finite))
    b = matching(ab, b, ab.shape[-1])
    if lower + upper + 1 != ab.shape[-2]:
        raise ValueError(
            f"invalid values for the number of lower and upper diagonals: l+u+1 ({lower + upper + 1}) does not equal "
            f"ab.shape[0] ({ab.shape[-2]})"
        )
    solver = lambda b: structured.banded_solve(*one_stack(ab, b, ranks=(2, 2)), lower=lower, upper=upper)
    return by_columns(solver, b)


@scipy_function
def solveh_banded(
    ab: Array,
    b: Array,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Array:
    """`x` with `a x = b`, for a positive definite matrix with few diagonals, of which `ab` has one half.

    `ab[u + i - j, j]` is `a[i, j]`, or with `lower` `ab[i - j, j]`. It is differentiated as a function of `ab`: each
    element beside the main diagonal stands for two of the matrix.

    Raises ValueError for shapes that do not fit, LinAlgError where the matrix is not positive definite.
    """
    ab, b = common(matrices(ab, check_finite), operand(b, check_finite))
    b = matching(ab, b, ab.shape[-1])
    solver = lambda b: structured.hermitian_banded_solve(*one_stack(ab, b, ranks=(2, 2)), lower=bool(lower))
    return by_columns(solver, b)


@scipy_function
def solve_toeplitz(c_or_cr: Any, b: Array, check_finite: bool = True) -> Array:
    """`x` with `a x = b`, where `a` has the first column `c` and the first row `r`, by Levinson's recursion.

    Args:
        c_or_cr: the tuple `(c, r)`, or `c`, which stands for `(c, conj(c))`; `r[0]` is not read.
        b: a vector, or a matrix.

    Raises ValueError for shapes that do not fit, LinAlgError where a leading part of the matrix is singular.
    """
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, c_or_cr)
    c, r, b = common(*(in_double(operand(x, check_finite)) for x in (c, r, b)))
    if not isinstance(c_or_cr, tuple) and r.dtype.kind == "c":
        r = ew.conj(r)
    if c.ndim == 0 or r.shape[-1:] != c.shape[-1:]:
        raise ValueError("Incompatible dimensions.")
    b = matching(c, b, c.shape[-1])
    return by_columns(lambda b: structured.toeplitz_solve(*one_stack(c, r, b, ranks=(1, 1, 2))), b)


@scipy_function
def inv(
    a: Array,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Array:
    """The inverse of square matrices; `assume_a` as in `solve`.

    Raises ValueError where they are not square, LinAlgError where one is singular.
    """
    a = squares(a, check_finite)
    if assume_a in (None, "general", "gen"):
        return primitive.inv(a)
    eye = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    return solve(a, eye, lower=lower, check_finite=check_finite, assume_a=assume_a)


@scipy_function
def det(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The determinant, with its derivative at singular matrices."""
    return primitive.det(in_double(squares(a, check_finite)))


@scipy_function
def pinv(
    a: Array,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """The pseudo-inverse; singular values up to `atol + rtol * (the largest)` count as zero.

    `rtol` is the rounding of the dtype times the larger of rows and columns by default. With `return_rank` also how
    many values are left. The derivative is exact whatever is left out.
    """
    a = matrices(a, check_finite)
    return _pinv(a, ew.stop_gradient(primitive.svdvals(a)), atol, rtol, return_rank, False)


@scipy_function
def pinvh(
    a: Array,
    atol: float | None = None,
    rtol: float | None = None,
    lower: bool = True,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """The pseudo-inverse of symmetric or Hermitian matrices, of which one triangle is read: as `pinv`."""
    a = squares(a, check_finite)
    a = a if lower else adjoint(a)
    sizes = ew.abs(ew.stop_gradient(primitive.eigvalsh(a)))
    return _pinv(a, sizes, atol, rtol, return_rank, True)


def _pinv(
    a: Array, sizes: Array, atol: float | None, rtol: float | None, return_rank: bool, hermitian: bool
) -> Any:
    atol = 0.0 if atol is None else atol
    rtol = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else rtol
    if atol < 0 or rtol < 0:
        raise ValueError("atol and rtol values must be positive.")
    largest = sizes.max(axis=-1, initial=0)
    cutoff = rtol + atol / ew.where(largest == 0, largest.dtype.type(1), largest)
    inverse = primitive.pinv(a, cutoff, hermitian=hermitian)
    if not return_rank:
        return inverse
    return inverse, (sizes > (cutoff * largest)[..., None]).sum(axis=-1)


@scipy_function
def lstsq(
    a: Array,
    b: Array,
    cond: float | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> tuple[Array, Array, Array, Array]:
    """The `x` for which `a x` is closest to `b`, and of those the shortest, for a matrix `a`.

    Returns `(x, residues, rank, s)`: `residues` are the sums of squares of `b - a x`, a number for a vector, or empty
    where the rank is below the number of columns or there are no more rows than those; `s` the singular values, of
    which those up to `cond` (the rounding of the dtype) times the largest count as zero. Under `jit` and `vmap`, where
    the rank is not known, `residues` are the sums wherever there are more rows than columns. From SciPy 1.18 on they
    are NaN where the rank is below the number of columns, have the dtype of `x`, and no `cond` is below 0.
    """
    a, b = common(matrices(a, check_finite), operand(b, check_finite))
    if a.ndim != 2:
        raise ValueError("Input array a should be 2D")
    if lapack_driver not in (None, "gelsd", "gelss"):
        raise ValueError(f"lstsq of traced values is SciPy's with 'gelsd', not {lapack_driver!r}")
    rows = a.shape[0]
    if b.ndim not in (1, 2) or b.shape[0] != rows:
        raise ValueError(f"Shape mismatch: a and b should have the same number of rows ({rows} != {b.shape[0]}).")
    newer = since(scipy, "1.18.0")
    if newer and cond is not None and cond < 0:
        raise ValueError("Expected rcond >= 0.")
    eps = float(np.finfo(a.dtype).eps)
    cutoff = eps if cond is None else float(cond) if 0 < cond < 1 else eps / 2  # which LAPACK takes it for
    x = by_columns(lambda b: primitive.lstsq(a, b, rcond=cutoff), b)
    s = primitive.svdvals(a)
    rank = (s > cutoff * s.max(initial=0)).sum()
    residues = squared_residuals(a, x, b, np.asarray(a.shape[1]) if newer else rank, real_dtype(a.dtype))
    if newer and a.shape[1]:
        residues = ew.convert(residues * ew.where(rank < a.shape[1], np.nan, 1.0), dtype=a.dtype)
    return x, residues, rank, s


@scipy_function
def norm(
    a: Array, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Array:
    """A norm of vectors or matrices: `funcgrad.numpy.linalg.norm`."""
    return linalg.norm(operand(a, check_finite), ord, axis, keepdims)

