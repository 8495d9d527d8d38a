"""Equations, inverses, determinants, Cholesky factors."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.lax import linalg as lax
from funcgrad.torch._ops.linalg import reads
from funcgrad.torch._ops.linalg.reads import adjoint
from funcgrad.torch._ops.linalg.shared import (
    LinAlgError,
    check_inexact,
    check_squares,
    guarded,
    infos,
    need_second,
    refuse_half,
    routine,
    zero_pivot,
)
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.shape import permute, reshape
from funcgrad.torch._ops.table import returned
from funcgrad.torch._record.calls import Kind, call, reads_results, view
from funcgrad.torch._record.operands import check_broadcast, promote
from funcgrad.torch._record.tape import constant, on_tape, raw
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor


def cholesky_read(keep: Any, v: Any, upper: bool = False) -> Any:
    return adjoint(keep(fnp.linalg.cholesky(adjoint(v)), adjoint)) if upper else keep(fnp.linalg.cholesky(v))


def triangular_read(keep: Any, a: Any, b: Any, **how: Any) -> Any:
    """Linear in both, of a solution that was saved: what it leaves of `b`, solved."""
    a, b = _of_one_stack(a, b)
    x = keep(reads.or_nan(partial(triangular, **how), constant(a), constant(b)))
    part = (fnp.triu if how["upper"] else fnp.tril)(a, (1 if how["upper"] else -1) * how.get("unit", False))
    part = fnp.matrix_transpose(part) if how.get("transpose") else part
    rest = fnp.subtract(b, fnp.matmul(part, x) if how.get("left", True) else fnp.matmul(x, part))
    return triangular(constant(a), rest, **how)


DET, SLOGDET = Kind("LinalgDet", "xr", reads=reads.det), Kind("LinalgSlogdet", "x", reads=reads.slogdet)
INV = Kind("LinalgInvEx", "r", reads=reads_results(fnp.linalg.inv))
SOLVE = Kind("LinalgSolveEx", "xr", reads=reads.solve)
SOLVE_TRIANGULAR = Kind("LinalgSolveTriangular", "xr", reads=triangular_read)
CHOLESKY, ALIAS = Kind("LinalgCholeskyEx", "r", reads=cholesky_read), Kind("ReshapeAlias")
SINGULAR = (
    "{batch}The diagonal element {order} is zero, the inversion could not be completed because the input matrix is "
    "singular."
)
UNSOLVED = "{batch}The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "{batch}The factorization could not be completed because the input is not positive-definite (the leading minor of "
    "order {order} is not positive-definite)."
)


# Determinants


@routine
def det(A: Tensor) -> Tensor:
    """The determinants of square matrices, with their derivatives at singular ones, where PyTorch's are zero."""
    check_squares(A, "linalg.det")
    check_inexact(A, "linalg.det", half=True)
    refuse_half(A, "lu_cpu")
    return call(DET, lambda v, in_rows: fnp.linalg.det(v), A, in_rows=_in_rows(A))


@routine
def slogdet(A: Tensor) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return returned("linalg_slogdet", signs_and_logarithms(A, "linalg.slogdet"))


def _in_rows(A: Tensor) -> bool:
    """Whether PyTorch factors the transposed matrix, which lies in columns."""
    array = raw(A._read())
    return array.dtype.kind != "c" and (isinstance(array, Tracer) or array.flags.c_contiguous)


def signs_and_logarithms(A: Tensor, function: str) -> Any:
    check_squares(A, function)
    check_inexact(A, function)

    def both(v: Any, in_rows: bool) -> Any:
        sign, size = fnp.linalg.slogdet(v)
        if on_tape(v) and not isinstance(raw(size), Tracer) and np.isneginf(raw(size)).any():
            sign, size = _unbounded(v, np.isneginf(raw(size)))
        return (sign if v.dtype.kind == "c" else fnp.where(np.False_, size, raw(sign))), size

    return call(SLOGDET, both, A, in_rows=_in_rows(A))


def _unbounded(v: Any, singular: Any) -> Any:
    """Signs and logarithms of determinants some of which are zero. By those matrices the derivative of the logarithm is
    NaN; in PyTorch its elements are infinite or NaN, as its solver comes to them."""
    there = singular[..., None, None]
    sign, size = fnp.linalg.slogdet(fnp.where(there, np.eye(v.shape[-1], dtype=v.dtype), v))
    zero = fnp.abs(0 * fnp.sum(fnp.where(there, v, v.dtype.type(1)), axis=(-2, -1)))
    return fnp.where(singular, sign.dtype.type(0), sign), fnp.where(singular, fnp.log(zero), size)


# Inverses


@routine
def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices."""
    return inverse(A, "linalg.inv")


@lying(in_columns)
def inverse(A: Tensor, function: str) -> Tensor:
    check_squares(A, "linalg.inv")
    check_inexact(A, "linalg.inv")
    return guarded(lambda: call(INV, fnp.linalg.inv, A), A, zero_pivot, f"{function}: {SINGULAR}")


@routine
@lying(in_columns)
def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """The inverse, and for each matrix the pivot that is zero, or 0. What stands for an inverse there is NaN."""
    try:
        found = inverse(A, "linalg.inv_ex"), infos(A)
    except LinAlgError:
        if check_errors:
            raise
        info = infos(A, zero_pivot)
        found = call(INV, partial(_of_regular, fnp.linalg.inv, info._array() > 0), A), info
    return returned("linalg_inv_ex", found)


def _of_regular(fun: Any, singular: np.ndarray, v: Any, *others: Any, **params: Any) -> Any:
    """A function of matrices, NaN for those that are singular."""
    one = np.eye(v.shape[-1], dtype=v.dtype)
    found = fun(fnp.where(singular[..., None, None], fnp.add(fnp.multiply(v, 0), one), v), *others, **params)
    there = singular[..., None, None] if found.ndim > v.ndim - 1 else singular[..., None]
    return fnp.multiply(found, fnp.where(there, v.dtype.type(np.nan), v.dtype.type(1)))


# Equations


@routine
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A @ X = B, or X @ A = B where not `left`; B is a vector, or matrices."""
    return _solution(A, B, left, "torch.linalg.solve")


@routine
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """The solution, and for each matrix the pivot that is zero, or 0. What stands for a solution there is NaN."""
    try:
        found = _solution(A, B, left, "torch.linalg.solve_ex"), infos(A)
    except LinAlgError:
        if check_errors:
            raise
        info = infos(A, zero_pivot)
        how = {"vector": _is_vector(A, B), "left": left}
        found = call(SOLVE, partial(_of_regular, reads.solution, info._array() > 0), A, B, **how), info
    return returned("linalg_solve_ex", found)


def _is_vector(A: Tensor, B: Tensor) -> bool:
    return B.dim() == 1 or (A.dim() - 1 == B.dim() and B.shape == A.shape[:-1])


def _solution(A: Tensor, B: Tensor, left: bool, function: str) -> Tensor:
    need_second(B, "solve", "B")
    check_inexact(A, "linalg.solve")
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype.title} and B of type "
            f"{B.dtype.title} instead"
        )
    check_squares(A, "linalg.solve")
    vector = _is_vector(A, B)
    shape = (*B.shape, 1) if vector else tuple(B.shape)
    check_fits(A.shape, shape, left, "linalg.solve")
    how = {"vector": vector, "left": left}
    found = guarded(lambda: call(SOLVE, reads.solution, A, B, **how), A, zero_pivot, f"{function}: {UNSOLVED}")
    if left and not vector:
        in_columns(found, A)
    return found


def check_fits(a: tuple[int, ...], b: tuple[int, ...], left: bool, function: str) -> None:
    """PyTorch's errors for a right hand side that does not fit the matrices."""
    if len(b) < 2:
        raise RuntimeError(f"{function}: The input tensor B must have at least 2 dimensions.")
    if b[-2 if left else -1] != a[-1]:
        raise RuntimeError(
            f"{function}: Incompatible shapes of A and B for the equation {'AX' if left else 'XA'} = B "
            f"({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})"
        )
    check_broadcast(b[:-2], a[:-2])


@routine
@lying(in_columns)
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A @ X = B (X @ A = B where not `left`), for triangular A; the other triangle is not read."""
    need_second(B, "solve_triangular", "B")
    check_squares(A, "linalg.solve_triangular")
    check_fits(A.shape, tuple(B.shape), left, "linalg.solve_triangular")
    refuse_half(A, "triangular_solve_cpu", integers=True)
    return call(SOLVE_TRIANGULAR, triangular, *promote(A, B), upper=upper, left=left, unit=unitriangular)


def triangular(a: Any, b: Any, *, upper: bool, left: bool = True, transpose: bool = False, unit: bool = False) -> Any:
    a, b = _of_one_stack(a, b)
    if not b.size:
        return fnp.add(b, 0)
    return lax.triangular_solve(a, b, left_side=left, lower=not upper, transpose_a=transpose, unit_diagonal=unit)


def _of_one_stack(a: Any, b: Any) -> tuple[Any, Any]:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (fnp.broadcast_to(x, (*batch, *x.shape[-2:])) if x.shape[:-2] != batch else x for x in (a, b))
    return a, b


# Cholesky factors


def minor(matrix: np.ndarray) -> int:
    """The order of the first leading minor that is not positive; zero where all are."""
    for k in range(1, len(matrix) + 1):
        try:
            found = np.linalg.cholesky(matrix[:k, :k])
        except np.linalg.LinAlgError:
            return k
        if np.isnan(found[-1, -1]):
            return k
    return 0


def factor(A: Tensor, upper: bool, function: str, kind: Kind = CHOLESKY) -> Tensor:
    check_squares(A, "linalg.cholesky" if kind is CHOLESKY else function)
    check_inexact(A, "linalg.cholesky", half=True)
    refuse_half(A, "cholesky_cpu")
    minors = (lambda m: minor(m.conj().T)) if upper else minor

    def run() -> Tensor:
        out = call(kind, fnp.linalg.cholesky, A, upper=upper)
        found: Any = constant(out._read())
        if not isinstance(found, Tracer) and np.isnan(found.diagonal(axis1=-2, axis2=-1)).any():
            raise np.linalg.LinAlgError  # LAPACK refuses it, NumPy does not
        return out

    return guarded(run, A, minors, f"{function}: {NOT_POSITIVE}")


@routine
@lying(in_columns)
def cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """L with L @ L.mH = input for Hermitian positive-definite matrices, or with `upper` its adjoint."""
    return factor(input, upper, "linalg.cholesky")


@routine
@lying(in_columns)
def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """The factor, and for each matrix the order of the minor that is not positive, or 0: NaN stands there."""
    try:
        found = factor(input, upper, "linalg.cholesky_ex"), infos(input)
    except LinAlgError:
        if check_errors:
            raise
        info = infos(input, (lambda m: minor(m.conj().T)) if upper else minor)
        whole = partial(fnp.linalg.cholesky, upper=upper)
        found = call(CHOLESKY, partial(_of_regular, whole, info._array() > 0), input), info
    return returned("linalg_cholesky_ex", found)


# Tensors


@routine
def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """The inverse of what `tensordot` over the first `ind` dimensions does."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    size = _check_halves(input, ind, "ind")
    found = inverse(reshape(input, (size, size)), "inv")
    return view(found, ALIAS, lambda v: fnp.reshape(v, (*input.shape[ind:], *input.shape[:ind])))


@routine
def tensorsolve(A: Tensor, B: Tensor, dims: tuple[int, ...] | None = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are moved to its end first."""
    need_second(B, "tensorsolve", "B")
    if dims is not None:
        moved = [dimension(d, A.dim()) for d in dims]
        A = permute(A, *(i for i in range(A.dim()) if i not in moved), *moved)
    size = prod(A.shape[B.dim() :])
    if size != B.numel() or size != prod(A.shape[: B.dim()]):
        _check_halves(A, B.dim(), "other.ndim", B.numel())
    found = solve(reshape(A, (size, size)), reshape(B, (size,)))
    return reshape(found, A.shape[B.dim() :])


def _check_halves(x: Tensor, n: int, count: str, wanted: int | None = None) -> int:
    """PyTorch's error where the sizes in front of the n-th dimension do not multiply up to those behind."""
    if n > x.dim():
        raise RuntimeError(f"ArrayRef: invalid slice, N = {n}; size = {x.dim()}")
    last, first = prod(x.shape[n:]), prod(x.shape[:n]) if wanted is None else wanted
    if last != first:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[{count}:]) == prod(self.shape[:{count}]), but "
            f"got {last} != {first}"
        )
    return last
