"""LU factors, by SciPy's LAPACK: SciPy must be installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.linalg.reads import adjoint, or_nan, scipys
from funcgrad.torch._ops.linalg.shared import check_inexact, check_squares, need_second, refuse_half, routine
from funcgrad.torch._ops.linalg.systems import check_fits, triangular
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.table import returned
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh


def _along(l: Any, u: Any, moved: Any) -> tuple[Any, Any]:
    """How L and U move with P.mT @ A, linear in it: `L^-1 moved U^-1` is below the diagonal L's, and U's from there.
    What only the longer side has is the rest."""
    n, m = moved.shape[-2:]
    k = min(n, m)
    first, last = l[..., :k, :], u[..., :k]
    if n > m:
        over_u = triangular(last, moved, upper=True, left=False)
        above = fnp.triu(triangular(first, over_u[..., :k, :], upper=False, unit=True))
        return fnp.tril(fnp.subtract(over_u, fnp.matmul(l, above)), -1), fnp.matmul(above, u)
    by_l = triangular(first, moved, upper=False, unit=True)
    inner = triangular(last, by_l[..., :k], upper=True, left=False)
    below = fnp.tril(inner, -1)
    du = fnp.matmul(fnp.triu(inner), u) if n == m else fnp.subtract(by_l, fnp.matmul(below, u))
    return fnp.matmul(l, below), du


def _read(keep: Any, v: Any) -> Any:
    """As PyTorch's derivative of `lu`, linear in the matrix."""
    p, l, u = scipys().lu(constant(v))
    l, p, u = keep(l), keep(fnp.astype(p, v.dtype)), keep(u)
    return _along(l, u, fnp.matmul(adjoint(p), v))


def _in_one(v: Any) -> Any:
    return scipys().lu_factor(v)[0]


def _in_one_read(keep: Any, v: Any) -> Any:
    """As PyTorch's derivative of `lu_factor`, linear in the matrix."""
    both, pivots = scipys().lu_factor(constant(v))
    both, pivots = keep(both), keep(_counted(pivots))
    l, u = _parts(both)
    dl, du = _along(l, u, fnp.matmul(fnp.matrix_transpose(_permutations(pivots, v.shape[-2], v.dtype)), v))
    (rows, columns), k = v.shape[-2:], l.shape[-1]
    wide = [(0, 0)] * (v.ndim - 2)
    return fnp.add(fnp.pad(dl, [*wide, (0, 0), (0, columns - k)]), fnp.pad(du, [*wide, (0, rows - k), (0, 0)]))


def _counted(pivots: Any) -> Any:
    """PyTorch counts rows from one."""
    return fnp.add(pivots, 1).astype(np.int32)


def _parts(v: Any) -> tuple[Any, Any]:
    """L and U of both in one matrix."""
    n, m = v.shape[-2:]
    k = min(n, m)
    return fnp.add(fnp.tril(v[..., :, :k], -1), np.eye(n, k, dtype=v.dtype)), fnp.triu(v[..., :k, :])


def _solution(both: Any, b: Any, order: Any, left: bool, conjugated: bool) -> Any:
    if left:
        return scipys().lu_solve((both, order), b, trans=2 if conjugated else 0)
    return adjoint(scipys().lu_solve((both, order), adjoint(b), trans=0 if conjugated else 2))


def _solution_read(keep: Any, both: Any, b: Any, order: Any, left: bool, conjugated: bool) -> Any:
    """Linear in both, of the solution that was saved."""
    fixed = constant(both)
    pivots = keep(_counted(order))
    how = {"order": fnp.subtract(pivots, 1), "left": left, "conjugated": conjugated}
    x = keep(or_nan(lambda f, b: _solution(f, b, **how), fixed, constant(b)))
    a = fnp.matmul(_permutations(pivots, both.shape[-1], both.dtype), fnp.matmul(*_parts(both)))
    a = adjoint(a) if conjugated else a
    rest = fnp.subtract(b, fnp.matmul(a, x) if left else fnp.matmul(x, a))
    return _solution(fixed, rest, **how)


LU, LU_FACTOR = Kind("LinalgLu", "r", reads=_read), Kind("LinalgLuFactorEx", "r", reads=_in_one_read)
LU_SOLVE = Kind("LinalgLuSolve", "xr", reads=_solution_read)
LU_UNPACK = Kind("LuUnpack")
ZERO_PIVOT = (
    "{name}: {batch}U[{order},{order}] is zero and using it on lu_solve would result in a division by zero. If you "
    "still want to perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
)


def _check(A: Tensor, pivot: bool, name: str) -> None:
    if A.dim() < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    if A.numel():
        refuse_half(A, "lu_cpu", integers=True)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


@routine
def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """P, L and U with A = P @ L @ U: a permutation, a lower triangular matrix with ones, an upper one; needs SciPy."""
    _check(A, pivot, "linalg.lu")
    n, m = A.shape[-2:]
    if not A.numel():
        k = min(n, m)
        p = fresh(np.broadcast_to(np.eye(n, dtype=A._read().dtype), (*A.shape[:-2], n, n)).copy())
        empty = call(LU, lambda v: (fnp.reshape(v, (*v.shape[:-2], n, k)), fnp.reshape(v, (*v.shape[:-2], k, m))), A)
        return returned("linalg_lu", (p, *empty))
    p, *_ = scipys().lu(constant(A._read()))
    own = A._read().dtype
    parts = call(LU, lambda v: tuple(scipys().lu(v)[1:]), A)
    return returned("linalg_lu", (fresh(p.astype(own)), *parts))


def factored(A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Both factors in one matrix, PyTorch's pivots (counted from one), and the first pivot that is zero, or 0."""
    _check(A, pivot, "torch.lu_factor")
    k = min(A.shape[-2:])
    batch = tuple(A.shape[:-2])
    if not A.numel():
        both = call(LU_FACTOR, lambda v: fnp.add(v, 0), A)
        return both, fresh(np.zeros((*batch, k), np.int32)), fresh(np.zeros(batch, np.int32))
    _, pivots = scipys().lu_factor(constant(A._read()))
    both = call(LU_FACTOR, _in_one, A)
    zero = fnp.equal(fnp.diagonal(constant(both._read()), axis1=-2, axis2=-1), 0)
    info = fnp.where(fnp.any(zero, axis=-1), fnp.argmax(zero, axis=-1) + 1, 0)
    return both, fresh(_counted(pivots)), fresh(fnp.asarray(info).astype(np.int32))


def _check_info(info: Tensor, name: str) -> None:
    found = constant(info._read())
    if isinstance(found, Tracer) or not found.any():
        return
    i = int(np.flatnonzero(found)[0])
    batch = f"(Batch element {i}): " if found.ndim else ""
    raise RuntimeError(ZERO_PIVOT.format(name=name, batch=batch, order=int(found.flat[i])))


@routine
@lying(in_columns)
def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """L and U in one matrix, and the pivots, for `lu_solve`; needs SciPy."""
    both, pivots, info = factored(A, pivot)
    _check_info(info, "torch.linalg.lu_factor")
    return returned("linalg_lu_factor", (both, pivots))


@routine
@lying(in_columns)
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """As `lu_factor`, and for each matrix the pivot that is zero, or 0."""
    found = factored(A, pivot)
    if check_errors:
        _check_info(found[2], "torch.linalg.lu_factor_ex")
    return returned("linalg_lu_factor_ex", found)


@routine
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with A @ X = B (X @ A = B where not `left`; A.mH with `adjoint`), of what `lu_factor` found of A."""
    need_second(pivots, "lu_solve", "pivots")
    check_inexact(LU, "torch.linalg.lu_solve", half=True)
    if LU.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type {LU.dtype.title} and B "
            f"of type {B.dtype.title} instead"
        )
    check_squares(LU, "torch.linalg.lu_solve")
    if str(pivots.dtype) != "torch.int32":
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    check_fits(LU.shape, tuple(B.shape), left, "linalg.lu_solve")
    if pivots.shape[-1] != LU.shape[-1]:
        raise RuntimeError("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    if pivots.shape != LU.shape[:-1]:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )
    refuse_half(LU, "linalg.lu_solve_cpu")
    how = {"order": fnp.subtract(raw(pivots._read()), 1), "left": left, "conjugated": adjoint}
    found = call(LU_SOLVE, _solution, LU, B, **how)
    if left:
        in_columns(found, LU)
    return found


def unpacked(both: Tensor, pivots: Tensor, unpack_data: bool, unpack_pivots: bool) -> Any:
    """P, L and U of what `lu_factor` found; empty where they are not asked for."""
    n = both.shape[-2]
    empty = fresh(np.zeros((0,), both._read().dtype))

    l, u = call(LU_UNPACK, _parts, both) if unpack_data else (empty, empty)
    p = fresh(_permutations(raw(pivots._read()), n, both._read().dtype)) if unpack_pivots else empty
    return returned("lu_unpack", (p, l, u))


def _permutations(pivots: Any, n: int, dtype: np.dtype) -> Any:
    """The matrices that exchange row i with row pivots[i] - 1, in turn: they solve P.mT @ x = 1."""
    *batch, k = pivots.shape
    one = np.broadcast_to(np.eye(n, dtype=dtype), (*batch, n, n))
    if not one.size or not k:
        return one.copy()
    kept = np.broadcast_to(np.arange(k, n, dtype=pivots.dtype), (*batch, n - k))
    order = fnp.concatenate([fnp.subtract(pivots, 1), kept], axis=-1)
    return fnp.matrix_transpose(scipys().lu_solve((one, order), one))
