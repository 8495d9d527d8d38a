"""What PyTorch has had before `torch.linalg`, under the old names and with the old arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.linalg import lu as factors
from funcgrad.torch._ops.linalg.chains import chain, householder_product, reflected
from funcgrad.torch._ops.linalg.chains import matrix_exp as exponential
from funcgrad.torch._ops.linalg.chains import matrix_power as power
from funcgrad.torch._ops.linalg.lu import factored, unpacked
from funcgrad.torch._ops.linalg.reads import adjoint, or_nan
from funcgrad.torch._ops.linalg.shared import check_squares, refuse_half
from funcgrad.torch._ops.linalg.spectra import orthogonal_factors, pinv, singular_factors, svdvals
from funcgrad.torch._ops.linalg.systems import (
    cholesky_read,
    factor,
    signs_and_logarithms,
    triangular,
    triangular_read,
)
from funcgrad.torch._ops.linalg.systems import det as determinant
from funcgrad.torch._ops.linalg.systems import inverse as inverse_of
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.pointwise import add, log
from funcgrad.torch._ops.select import clone, where
from funcgrad.torch._ops.shape import transpose
from funcgrad.torch._ops.table import named, returned
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_broadcast, need_elements
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.tensor import Tensor, fresh

CHOLESKY = Kind("Cholesky", "r", reads=cholesky_read)
DEPRECATED = "torch.{} is deprecated in favor of torch.linalg.{} and will be removed in a future PyTorch release."


# Determinants and inverses


@named()
def det(input: Tensor) -> Tensor:
    """The determinants of square matrices."""
    need_tensor(input, "det")
    return determinant(input)


@named(out=True)
def slogdet(input: Tensor) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    need_tensor(input, "slogdet")
    return returned("slogdet", signs_and_logarithms(input, "linalg.slogdet"))


@named()
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where it is negative."""
    need_tensor(input, "logdet")
    check_squares(input, "logdet")
    sign, size = signs_and_logarithms(input, "linalg.slogdet")
    if input.is_complex():
        return add(log(sign), size)
    return where(sign.detach() == -1, fresh(np.asarray(np.nan, size._read().dtype)), size)


@named(out=True)
def inverse(input: Tensor) -> Tensor:
    """The inverse of square matrices."""
    need_tensor(input, "inverse")
    return inverse_of(input, "linalg.inv")


@named()
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse; singular values up to `rcond` times the largest count as zero."""
    need_tensor(input, "pinverse")
    return pinv(input, rcond)


@named(out=True)
def matrix_power(input: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices."""
    return power(input, n)


@named()
def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices; needs SciPy."""
    return exponential(input)


@named(method=False)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices."""
    warn_once(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot "
        "instead, which accepts a list of two or more tensors rather than multiple parameters."
    )
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    need_elements(matrices)
    for x in matrices:
        if x.dim() != 2:
            raise RuntimeError(f"Tensor dimension is {x.dim()}, expected 2 instead.")
    return clone(matrices[0]) if len(matrices) == 1 else chain(list(matrices))


# Cholesky factors and triangular systems


@named(out=True)
@lying(in_columns)
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The lower triangular factor of positive-definite matrices, or the upper one."""
    need_tensor(input, "cholesky")
    warn_once(
        DEPRECATED.format("cholesky", "cholesky") + "\nL = torch.cholesky(A)\nshould be replaced with\n"
        "L = torch.linalg.cholesky(A)\nand\nU = torch.cholesky(A, upper=True)\nshould be replaced with\n"
        "U = torch.linalg.cholesky(A).mH\n"
        "This transform will produce equivalent results for all valid (symmetric positive definite) inputs."
    )
    if not input.numel():
        return clone(input)
    check_squares(input, "cholesky")
    refuse_half(input, "cholesky_cpu", integers=True)
    return factor(input, upper, "cholesky", CHOLESKY)


def _lower(v: Any, upper: bool) -> Any:
    """The lower triangular factor. As in PyTorch, the derivative is that by all of the matrix."""
    v = adjoint(v) if upper else v
    return kinks.read(fnp.tril(v), v)


def _is_triangular(factor: Any, upper: bool) -> bool:
    """Whether it is known to be."""
    value = constant(factor)
    return not isinstance(value, Tracer) and not np.any((np.tril if upper else np.triu)(value, -1 if upper else 1))


def _product(factor: Any, upper: bool) -> Any:
    """That of the triangle with its adjoint, whose derivative is that of the whole matrix: as PyTorch takes it."""
    whole = fnp.matmul(adjoint(factor), factor) if upper else fnp.matmul(factor, adjoint(factor))
    lower = _lower(constant(factor), upper)
    return fnp.add(whole, fnp.subtract(fnp.matmul(lower, adjoint(lower)), constant(whole)))


def _by_factor(b: Any, factor: Any, upper: bool) -> Any:
    if factor is not constant(factor) and not _is_triangular(factor, upper):
        return fnp.linalg.solve(_product(factor, upper), b)
    lower = _lower(factor, upper)
    return fnp.linalg.solve(adjoint(lower), fnp.linalg.solve(lower, b))


def _by_factor_read(keep: Any, b: Any, factor: Any, upper: bool) -> Any:
    """Linear in both, of the solution that was saved."""
    x = keep(or_nan(lambda f, b: _by_factor(b, f, upper), constant(factor), constant(b)))
    pair = (adjoint(factor), factor) if upper else (factor, adjoint(factor))
    return _by_factor(fnp.subtract(b, fnp.matmul(fnp.matmul(*pair), x)), constant(factor), upper)


CHOLESKY_SOLVE = Kind("CholeskySolve", "yxr", reads=_by_factor_read)


@named(out=True)
@lying(in_columns)
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with A @ X = input, for the Cholesky factor of A."""
    need_tensor(input, "cholesky_solve")
    for x, name in ((input, "b"), (L, "u")):
        if x.dim() < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {x.dim()} dimensions instead")
    _check_columns(input, L, "cholesky_solve")

    return call(CHOLESKY_SOLVE, _by_factor, input, L, upper=upper)


def _check_columns(b: Tensor, A: Tensor, function: str) -> None:
    if A.dtype is not b.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {b.dtype.title} and A of type "
            f"{A.dtype.title} instead."
        )
    check_squares(A, "")
    n = A.shape[-1]
    if n != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {function}: each A matrix is {n} by {n} but each b matrix is "
            f"{b.shape[-2]} by {b.shape[-1]}"
        )
    check_broadcast(b.shape[:-2], A.shape[:-2])


def _inverse_by_factor(factor: Any, upper: bool) -> Any:
    if factor is not constant(factor) and not _is_triangular(factor, upper):
        return fnp.linalg.inv(_product(factor, upper))
    found = fnp.linalg.inv(_lower(factor, upper))
    return fnp.matmul(adjoint(found), found)


def _inverse_by_factor_read(keep: Any, factor: Any, upper: bool) -> Any:
    """Linear in the factor, of the inverse that was saved, which may not be symmetric any more."""
    fixed = constant(factor)
    inverse = keep(or_nan(lambda f: _inverse_by_factor(f, upper), fixed))
    left = fnp.matmul(adjoint(fixed), factor) if upper else fnp.matmul(factor, adjoint(fixed))
    outer = adjoint(inverse)
    return fnp.negative(
        fnp.add(fnp.matmul(outer, fnp.matmul(left, outer)), fnp.matmul(inverse, fnp.matmul(adjoint(left), inverse)))
    )


CHOLESKY_INVERSE = Kind("CholeskyInverse", "xr", reads=_inverse_by_factor_read)


@named(out=True)
@lying(in_columns)
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor is given."""
    need_tensor(L, "cholesky_inverse")
    check_squares(L, "cholesky_inverse")
    refuse_half(L, "cholesky_inverse_out_cpu", integers=True)
    return call(CHOLESKY_INVERSE, _inverse_by_factor, L, upper=upper)


def _with_copy(solution: Any, b: Any, a: Any) -> tuple[Any, Any]:
    batch = np.broadcast_shapes(b.shape[:-2], a.shape[:-2])
    return solution, fnp.broadcast_to(a, (*batch, *a.shape[-2:]))


TRIANGULAR = Kind(
    "TriangularSolve",
    "yx1",
    reads=lambda keep, b, a, **how: _with_copy(triangular_read(keep, a, b, **how), b, a),
)


@named(out=True)
@lying(in_columns)
def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """X with A @ X = b for triangular A, and a copy of A."""
    need_tensor(b, "triangular_solve")
    warn_once(
        "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in a "
        "future PyTorch release.\ntorch.linalg.solve_triangular has its arguments reversed and does not return a copy "
        "of one of the inputs.\nX = torch.triangular_solve(B, A).solution\nshould be replaced with\n"
        "X = torch.linalg.solve_triangular(A, B)."
    )
    for x, name in ((b, "b"), (A, "A")):
        if x.dim() < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {x.dim()} "
                "dimensions instead"
            )
    _check_columns(b, A, "triangular_solve")

    def solve(v: Any, a: Any, **how: Any) -> Any:
        return _with_copy(triangular(a, v, **how), v, a)

    how = {"upper": upper, "transpose": transpose, "unit": unitriangular}
    return returned("triangular_solve", call(TRIANGULAR, solve, b, A, **how))


# Factors


@named(out=True)
@lying(in_columns)
def qr(input: Tensor, some: bool = True) -> Any:
    """Q with orthonormal columns and upper triangular R."""
    need_tensor(input, "qr")
    warn_once(
        DEPRECATED.format("qr", "qr") + "\nThe boolean parameter 'some' has been replaced with a string parameter "
        "'mode'.\nQ, R = torch.qr(A, some)\nshould be replaced with\n"
        "Q, R = torch.linalg.qr(A, 'reduced' if some else 'complete')"
    )
    return returned("qr", orthogonal_factors(input, "reduced" if some else "complete"))


@named(out=True)
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V with U @ diag(S) @ V.mH = input; zeros for U and V where they are not computed."""
    need_tensor(input, "svd")
    if input.dim() < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {input.dim()} dimensions instead"
        )
    if not compute_uv:
        own, batch = input._read().dtype, tuple(input.shape[:-2])
        left, right = (fresh(np.zeros((*batch, n, n), own)) for n in input.shape[-2:])
        return returned("svd", (left, svdvals(input), right))
    u, s, vh = singular_factors(input, not some)
    v = transpose(vh, -2, -1)
    return returned("svd", (u, s, v.conj() if input.is_complex() else v))


@named(out=True)
@lying(in_columns)
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """`torch.linalg.householder_product`"""
    return householder_product(input, input2)


GEQRF = Kind("Geqrf", "-", "the derivative for 'geqrf' is not implemented.")
ORMQR = Kind("Ormqr", "yxr?")


@named(out=True)
@lying(in_columns)
def geqrf(input: Tensor) -> Any:
    """R on and above the diagonal, below it the reflections that `orgqr` and `ormqr` take with the second result."""
    if input.dim() < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    refuse_half(input, "geqrf_cpu", integers=True)

    def reflections(v: Any) -> Any:
        array, there = input._array("The operand of geqrf"), fnp.sum(v)
        turned, tau = np.linalg.qr(array, "raw")
        return fnp.where(np.False_, there, turned.swapaxes(-1, -2)), fnp.where(np.False_, there, tau)

    return returned("geqrf", call(GEQRF, reflections, input))


@named(out=True)
def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Q @ other (other @ Q where not `left`; Q.mH with `transpose`) for the reflections that `geqrf` found."""
    _check_ranks(input, tau, other)
    rows = other.shape[-2 if left else -1]
    if input.shape[-2] != rows:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2]"
        )
    if tau.shape[-1] != min(rows, input.shape[-1]):
        dim = -2 if left else -1
        raise RuntimeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{dim}], input.shape[-1])"
        )
    _check_batches(input, tau, other)
    turned = left == transpose

    def product(v: Any, t: Any, c: Any) -> Any:
        c = c if left else adjoint(c)
        c = reflected(v, t, c, turned)
        return c if left else adjoint(c)

    return call(ORMQR, product, input, tau, other)


def _check_ranks(input: Tensor, tau: Tensor, other: Tensor) -> None:
    for x, name in ((input, "input"), (other, "other")):
        if x.dim() < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    if not tau.dim():
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")


def _check_batches(input: Tensor, tau: Tensor, other: Tensor) -> None:
    for x, name, least, ends in ((tau, "tau", 1, "one dimension less than"), (other, "other", 0, "")):
        if x.dim() != input.dim() - least:
            raise RuntimeError(
                f"torch.ormqr: Expected {name} to have {ends or 'the same number of dimensions as'} input, but got "
                f"{name}.ndim equal to {x.dim()} and input.ndim is equal to {input.dim()}"
            )
        if x.shape[: input.dim() - 2] != input.shape[:-2]:
            raise RuntimeError(
                f"torch.ormqr: Expected batch dimensions of {name} to be equal to input.shape[:-2], but got "
                f"{list(x.shape[: input.dim() - 2])}"
            )
    for x, name in ((tau, "tau"), (other, "other")):
        if x.dtype is not input.dtype:
            raise RuntimeError(
                f"torch.ormqr: Expected input and {name} to have the same dtype, but input has dtype"
                f"{input.dtype.title} and {name} has dtype {x.dtype.title}"
            )
    refuse_half(input, "ormqr_cpu", integers=True)


@named(method=False, out=True)
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """P, L and U of what `torch.linalg.lu_factor` found."""
    return unpacked(LU_data, LU_pivots, unpack_data, unpack_pivots)


@named()
@lying(in_columns)
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """L and U in one matrix, the pivots, and with `get_infos` for each matrix the pivot that is zero, or 0."""
    need_tensor(A, "lu")
    warn_once(
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be removed in "
        "a future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\nshould be replaced with\n"
        "LU, pivots = torch.linalg.lu_factor(A, compute_pivots)\nand\n"
        "LU, pivots, info = torch.lu(A, compute_pivots, get_infos=True)\nshould be replaced with\n"
        "LU, pivots, info = torch.linalg.lu_factor_ex(A, compute_pivots)"
    )
    found = factored(A, pivot)
    return found if get_infos else found[:2]


@named(out=True)
@lying(in_columns)
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with A @ X = b, of what `torch.linalg.lu_factor` found of A."""
    need_tensor(b, "lu_solve")
    warn_once(
        "torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a future PyTorch release."
        "\nNote that torch.linalg.lu_solve has its arguments reversed.\nX = torch.lu_solve(B, LU, pivots)\n"
        "should be replaced with\nX = torch.linalg.lu_solve(LU, pivots, B)"
    )
    return factors.lu_solve(LU_data, LU_pivots, b)


