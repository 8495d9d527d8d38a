"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import scipy.linalg

from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.linalg.shared import adjoint, known
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.contract import matmul
from funcgrad.scipy.linalg.primitives import tridiagonal
from funcgrad.scipy.linalg.shared import common, from_triangle, in_order_of, operand, scipy_function, squares

__all__ = ["eig", "eigh", "eigh_tridiagonal", "eigvals", "eigvalsh", "eigvalsh_tridiagonal"]


@scipy_function
def eig(
    a: Array,
    b: Array | None = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Complex eigenvalues `(..., n)`, in no order, and eigenvectors, the columns of `(..., n, n)`.

    Vectors have length 1 and their largest component is real, and the derivative keeps that. Vectors of real matrices
    with real eigenvalues are real, but not under `jit` and `vmap`, where dtypes do not depend on values. Where
    eigenvalues are equal, the derivative of the vectors is not finite. `b`, `left` and `homogeneous_eigvals` are for
    plain arrays.
    """
    if b is not None or left or homogeneous_eigvals:
        raise NotDifferentiableError(
            "Write eig(solve(b, a)) for the eigenvalues and right vectors of a and b, eig(a.T.conj()) for the left "
            "vectors of a: eig with b, left or homogeneous_eigvals has no derivative here"
        )
    a = squares(a, check_finite)
    w, v = primitive.eig(a)
    if not right:
        return w
    values = known(w) if a.dtype.kind != "c" else None
    return w, v if values is None or values.imag.any() else ew.real(v)


@scipy_function
@in_order_of(scipy.linalg.eigvals)
def eigvals(
    a: Array,
    b: Array | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Array:
    """The complex eigenvalues, in no order; with `b` those of `a v = w b v`, for matrices `b` that are not singular."""
    if homogeneous_eigvals:
        raise NotDifferentiableError("Leave out homogeneous_eigvals=True, with which eigvals has no derivative here")
    a = squares(a, check_finite)
    if b is not None:
        a = primitive.solve(squares(b, check_finite), a)
    return primitive.eig(a)[0]


@scipy_function
def eigh(
    a: Array,
    b: Array | None = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Sequence[int] | None = None,
    subset_by_value: Sequence[float] | None = None,
    driver: str | None = None,
) -> Any:
    """Eigenvalues (ascending) and eigenvectors of symmetric or Hermitian matrices, of which one triangle is read.

    With a positive definite `b`: of `a v = w b v`, `a b v = w v` (`type=2`) or `b a v = w v` (3). Differentiated as a
    function of the symmetric parts. Where eigenvalues are equal, the derivative of the vectors is not finite.
    `subset_by_index` cuts out of all that is computed; `subset_by_value` is for plain arrays.

    Raises ValueError for shapes that do not fit, LinAlgError where `b` is not positive definite.

    Example:
        >>> fg.grad(lambda a: eigh(a, np.diag([1.0, 4.0]), eigvals_only=True)[0])(np.diag([3.0, 4.0]))
        array([[0.  , 0.  ],
               [0.  , 0.25]])
    """
    if subset_by_value is not None:
        raise NotDifferentiableError(
            "Use subset_by_index, or choose from all: eigh with subset_by_value has a shape that depends on values"
        )
    a = squares(a, check_finite)
    chosen = _subset(subset_by_index, a.shape[-1])
    if b is None:
        w, v = primitive.eigh(a, "L" if lower else "U")
    else:
        w, v = _of_pair(a, squares(b, check_finite), lower, type)
    return w[..., chosen] if eigvals_only else (w[..., chosen], v[..., chosen])


def _subset(subset: Sequence[int] | None, n: int) -> slice:
    if subset is None:
        return slice(None)
    first, last = (int(i) for i in subset)
    if not 0 <= first <= last < n:
        raise ValueError(f"Requested eigenvalue indices are not valid. Valid range is [0, {n - 1}] and start <= end")
    return slice(first, last + 1)


def _of_pair(a: Array, b: Array, lower: bool, type: int) -> tuple[Array, Array]:
    """By the Cholesky factor of `b`, as LAPACK's `sygst`."""
    if b.shape[-2:] != a.shape[-2:]:
        raise ValueError(f"wrong b dimensions {b.shape}, should be {a.shape}")
    if type not in (1, 2, 3):
        raise ValueError('"type" keyword only accepts 1, 2, and 3.')
    a, b = common(a, b)
    a = from_triangle(a, lower)
    factor = primitive.cholesky(from_triangle(b, lower))
    if type == 1:
        half = primitive.triangular_solve(factor, a, lower=True)
        w, v = primitive.eigh(adjoint(primitive.triangular_solve(factor, adjoint(half), lower=True)))
    else:
        w, v = primitive.eigh(matmul(adjoint(factor), matmul(a, factor)))
    if type == 3:
        return w, matmul(factor, v)
    return w, primitive.triangular_solve(adjoint(factor), v, lower=False)


@scipy_function
def eigvalsh(
    a: Array,
    b: Array | None = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Sequence[int] | None = None,
    subset_by_value: Sequence[float] | None = None,
    driver: str | None = None,
) -> Array:
    """The eigenvalues of `eigh`, whose derivative is finite where they are equal."""
    return eigh(
        a, b, lower=lower, eigvals_only=True, type=type, check_finite=check_finite,
        subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver,
    )  # fmt: skip


@scipy_function
def eigh_tridiagonal(
    d: Array,
    e: Array,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: Sequence[int] | None = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    """Eigenvalues (ascending) and eigenvectors of the symmetric matrix with the diagonal `d` and `e` beside it.

    `select="i"` cuts the values with indices in `select_range` out of all; "v" is for plain arrays. Gradients of
    eigenvalues alone take n^2 operations.

    Raises TypeError for complex numbers, ValueError for shapes that do not fit.

    Example:
        >>> fg.grad(lambda d: eigh_tridiagonal(d, np.zeros(1), eigvals_only=True)[0])(np.array([3.0, 1.0]))
        array([0., 1.])
    """
    d, e = common(operand(d, check_finite), operand(e, check_finite))
    if d.dtype.kind == "c":
        raise TypeError("Only real arrays currently supported")
    if d.ndim == 0 or e.shape != (*d.shape[:-1], max(d.shape[-1] - 1, 0)):
        raise ValueError(f"d {d.shape} must have one more element than e {e.shape}")
    if select not in ("a", "i"):
        if select not in ("v",):
            raise ValueError("invalid argument for select")
        raise NotDifferentiableError(
            "Use select='i', or choose from all: eigh_tridiagonal with select='v' has a shape that depends on values"
        )
    if select == "i" and select_range is None:
        raise ValueError("select_range must be a 2-element array-like in nondecreasing order")
    chosen = _subset(select_range if select == "i" else None, d.shape[-1])
    if eigvals_only:
        return tridiagonal.tridiagonal_eigvalsh(d, e)[..., chosen]
    w, v = tridiagonal.tridiagonal_eigh(d, e)
    return w[..., chosen], v[..., chosen]


@scipy_function
def eigvalsh_tridiagonal(
    d: Array,
    e: Array,
    select: str = "a",
    select_range: Sequence[int] | None = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Array:
    """The eigenvalues of `eigh_tridiagonal`."""
    return eigh_tridiagonal(d, e, True, select, select_range, check_finite)
