"""L @ D @ L.mT of symmetric matrices, and L @ D @ L.mH of Hermitian ones, by SciPy's LAPACK: SciPy must be installed.

As in PyTorch they have no derivative. The factors are values: no other transformation sees through them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._ops.linalg.shared import FIELDS, check_inexact, check_squares, need_second, refuse_half, routine
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.table import returned
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._tensor.tensor import Tensor, fresh

FIELDS.update({"linalg_ldl_factor": ("LD", "pivots"), "linalg_ldl_factor_ex": ("LD", "pivots", "info")})
FACTOR, SOLVE = (
    Kind("NotImplemented", "-", f"derivative for aten::linalg_ldl_{name} is not implemented")
    for name in ("factor_ex", "solve")
)
SINGULAR = (
    "{name}: {batch}D[{order},{order}] is zero and using it on ldl_solve would result in a division by zero; "
    "torch.linalg.ldl_factor_ex(A) gives the factors of such a matrix, and says which it is"
)


def _lapack() -> Any:
    from funcgrad.scipy.linalg import symmetric  # SciPy may be missing

    return symmetric


def factored(A: Tensor, hermitian: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Both factors in one matrix, LAPACK's pivots, and the first block of D that is zero, or 0."""
    name = "torch.linalg.ldl_factor_ex"
    check_squares(A, name)
    if A._read().dtype.kind not in "fc":
        check_inexact(A, name)
    refuse_half(A, "ldl_factor_kernel_cpu")
    both, pivots, info = _lapack().factors(A._array("linalg.ldl_factor"), hermitian)
    return call(FACTOR, lambda v: flat(lambda _: both, v), A), fresh(pivots), fresh(info)


def _check_info(info: Tensor, name: str) -> None:
    found = info._array()
    if found.any():
        i = int(np.flatnonzero(found)[0])
        batch = f"(Batch element {i}): " if found.ndim else ""
        raise RuntimeError(SINGULAR.format(name=name, batch=batch, order=int(found.flat[i])))


@routine
@lying(in_columns)
def ldl_factor(A: Tensor, *, hermitian: bool = False) -> Any:
    """L, with ones, and the blocks of D in one matrix, and the pivots, for `ldl_solve`; needs SciPy. Not
    differentiable, as in PyTorch."""
    both, pivots, info = factored(A, hermitian)
    _check_info(info, "torch.linalg.ldl_factor")
    return returned("linalg_ldl_factor", (both, pivots))


@routine
@lying(in_columns)
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """As `ldl_factor`, and for each matrix the block of D that is zero, or 0."""
    found = factored(A, hermitian)
    if check_errors:
        _check_info(found[2], "torch.linalg.ldl_factor_ex")
    return returned("linalg_ldl_factor_ex", found)


@routine
@lying(in_columns)
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X with A @ X = B, of what `ldl_factor` found of A. Not differentiable, as in PyTorch."""
    need_second(pivots, "ldl_solve", "pivots")
    name = "torch.linalg.ldl_solve"
    check_squares(LD, name)
    if B._read().dtype != LD._read().dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {B.dtype.title} and A of type "
            f"{LD.dtype.title} instead."
        )
    if B.dim() < 2:
        raise IndexError(f"Dimension out of range (expected to be in range of [-{B.dim()}, {B.dim() - 1}], but got -2)")
    if B.shape[-2] != LD.shape[-1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} but each b "
            f"matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    if tuple(pivots.shape) != tuple(LD.shape[:-1]):
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )
    if pivots._read().dtype.kind not in "iu":
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.title}")
    check_broadcast(tuple(B.shape[:-2]), tuple(LD.shape[:-2]))
    solved = _lapack().solved(LD._array(name), pivots._array(name), B._array(name), hermitian)
    return call(SOLVE, lambda a, b: flat(lambda *_: solved, fnp.sum(a), fnp.sum(b)), LD, B)
