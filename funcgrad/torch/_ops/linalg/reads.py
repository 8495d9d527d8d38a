"""Equations and determinants as PyTorch's derivatives read them, of LU factors that were saved (`Kind.reads`).

Hooks may have given other values back, so that the factors are not those of the matrix any more. Each function here is
linear in the operands, with what was saved as its coefficients: of `a x = b`, what `x` leaves of `b`, solved by the
factors. Only its derivatives are used.
"""

from __future__ import annotations

from typing import Any
from warnings import catch_warnings

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._record.tape import constant


def scipys() -> Any:
    from funcgrad.scipy import linalg  # SciPy may be missing

    return linalg


def adjoint(v: Any) -> Any:
    return fnp.conj(fnp.matrix_transpose(v))


def or_nan(fun: Any, *matrices: Any) -> Any:
    """What the unpacked values of a regular matrix are may be singular: what was saved is read in its place."""
    try:
        return fun(*matrices)
    except np.linalg.LinAlgError:
        return np.full(matrices[-1].shape, np.nan, matrices[-1].dtype)


# By LU factors


def _keep_factors(keep: Any, a: Any, in_rows: bool = False) -> tuple[Any, Any]:
    """Those that PyTorch saves; of the transposed matrix where it is that which lies in columns, as LAPACK wants it."""
    fixed = constant(a)
    with catch_warnings(action="ignore"):  # SciPy's of singular matrices
        both, pivots = scipys().lu_factor(fnp.matrix_transpose(fixed) if in_rows else fixed)
    return keep(both), fnp.subtract(keep(fnp.add(pivots, 1).astype(np.int32)), 1)


def _solved(both: Any, pivots: Any, b: Any, transposed: bool = False, stand_in: float = np.nan) -> Any:
    """By what `_keep_factors` gives; `stand_in` for pivots that are zero, by which SciPy does not divide."""
    one = np.eye(both.shape[-1], dtype=both.dtype)
    zero = fnp.logical_and(fnp.equal(both, 0), one != 0)
    both = fnp.where(zero, both.dtype.type(stand_in), both)
    batch = np.broadcast_shapes(both.shape[:-2], b.shape[:-2])
    both, b = (fnp.broadcast_to(v, (*batch, *v.shape[-2:])) for v in (both, b))
    pivots = fnp.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    return scipys().lu_solve((both, pivots), b, trans=1 if transposed else 0)


def det(keep: Any, a: Any, in_rows: bool) -> Any:
    both, pivots = _keep_factors(keep, a, in_rows)
    found = keep(fnp.linalg.det(constant(a)))
    part = _solved(both, pivots, a, in_rows, np.finfo(a.dtype).eps)
    return fnp.multiply(found, fnp.trace(part, axis1=-2, axis2=-1))


def slogdet(keep: Any, a: Any, in_rows: bool) -> Any:
    both, pivots = _keep_factors(keep, a, in_rows)
    sign = keep(fnp.linalg.slogdet(constant(a))[0])
    trace = fnp.trace(_solved(both, pivots, a, in_rows), axis1=-2, axis2=-1)
    if a.dtype.kind != "c":
        return fnp.where(np.False_, trace, sign), trace
    return fnp.multiply(sign, fnp.multiply(fnp.imag(trace), 1j)), fnp.real(trace)


def solve(keep: Any, a: Any, b: Any, vector: bool, left: bool) -> Any:
    both, pivots = _keep_factors(keep, a)
    x = keep(or_nan(lambda a, b: solution(a, b, vector, left), constant(a), constant(b)))
    if vector:
        return _solved(both, pivots, fnp.expand_dims(fnp.subtract(b, fnp.matvec(a, x)), -1))[..., 0]
    if left:
        return _solved(both, pivots, fnp.subtract(b, fnp.matmul(a, x)))
    rest = fnp.matrix_transpose(fnp.subtract(b, fnp.matmul(x, a)))
    return fnp.matrix_transpose(_solved(both, pivots, rest, transposed=True))


def solution(a: Any, b: Any, vector: bool, left: bool) -> Any:
    if vector:
        return fnp.linalg.solve(a, b[..., None])[..., 0]
    if left:
        return fnp.linalg.solve(a, b)
    return fnp.matrix_transpose(fnp.linalg.solve(fnp.matrix_transpose(a), fnp.matrix_transpose(b)))
