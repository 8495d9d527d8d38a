"""Orthogonal factors: qr, eigenvalues, singular values, and what they give."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.linalg.phases import checked_eigen, checked_singular
from funcgrad.torch._ops.linalg.reads import adjoint
from funcgrad.torch._ops.linalg.shared import (
    LinAlgError,
    check_inexact,
    check_matrices,
    check_squares,
    is_half,
    refuse_half,
    routine,
)
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.table import returned
from funcgrad.torch._record.calls import Kind, call, reads_results
from funcgrad.torch._record.modes import mode as modes
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh

QR = Kind("LinalgQr", "r", reads=reads_results(fnp.linalg.qr))


def _svd_read(keep: Any, v: Any) -> Any:
    u, s, vh = fnp.linalg.svd(v, full_matrices=False)
    s = keep(s)
    return keep(u), s, keep(vh)


SVD = Kind("LinalgSvd", "r", reads=_svd_read)
SVD_OF_ALL = Kind("LinalgSvd", "r")
EIGH = Kind("LinalgEigh", "r", reads=reads_results(fnp.linalg.eigh))


def _eigvals(v: Any) -> Any:
    return _complex(fnp.linalg.eig(v)[0], v)


def _eigvals_read(keep: Any, v: Any) -> Any:
    """Linear in the matrix, of the eigenvectors that were saved."""
    _, vectors = (keep(_complex(x, v)) for x in fnp.linalg.eig(constant(v)))
    inner = fnp.linalg.solve(vectors, fnp.matmul(v, vectors))
    return fnp.diagonal(inner, axis1=-2, axis2=-1)


EIG, EIGVALS = Kind("LinalgEig", "r"), Kind("LinalgEig", "r", reads=_eigvals_read)

QR_ALONE = Kind(
    "LinalgQr",
    "r",
    "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
    "mode='reduced') if you are going to differentiate through linalg.qr.",
)
QR_COMPLETE = Kind(
    "LinalgQr", "r", "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
)


def _pinv(v: Any, part: Any, hermitian: bool) -> Any:
    if hermitian:
        v = kinks.read(fnp.add(fnp.tril(v), adjoint(fnp.tril(v, -1))), v)
    return fnp.linalg.pinv(v, rcond=raw(part))


def _pinv_read(keep: Any, v: Any, part: Any, hermitian: bool) -> Any:
    """Linear in the matrix, of the inverse that was saved (Golub and Pereyra, 1973)."""
    fixed = constant(v)
    p = keep(_pinv(fixed, part, hermitian))
    turned = adjoint(v)
    across = fnp.subtract(turned, fnp.matmul(fnp.matmul(turned, fixed), p))
    inside = fnp.subtract(turned, fnp.matmul(p, fnp.matmul(fixed, turned)))
    found = fnp.matmul(fnp.matmul(p, adjoint(p)), across)
    found = fnp.add(found, fnp.matmul(inside, fnp.matmul(adjoint(p), p)))
    return fnp.subtract(found, fnp.matmul(p, fnp.matmul(v, p)))


PINV = Kind("LinalgPinv", "xr", reads=_pinv_read)
MODES = ("reduced", "r", "complete")
NOT_FINITE = "{}: The algorithm failed to converge because the input matrix contained non-finite values."


@routine
@lying(in_columns)
def qr(A: Tensor, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and upper triangular R, Q @ R = A. `mode`: "reduced", "complete", "r" (R alone)."""
    return returned("linalg_qr", orthogonal_factors(A, mode))


def orthogonal_factors(A: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    check_matrices(A, "linalg.qr")
    check_inexact(A, "linalg.qr", half=True)
    if mode not in MODES:
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    refuse_half(A, "geqrf_cpu")
    if mode == "reduced" or (mode == "complete" and A.shape[-2] <= A.shape[-1]):
        return call(QR, lambda v, mode: tuple(fnp.linalg.qr(v, mode)), A, mode=mode)

    def unlinked(v: Any) -> Any:
        """Values that hang on `v` without a derivative."""
        there = fnp.sum(v)
        found = fnp.linalg.qr(constant(v), mode)  # type: ignore[call-overload]
        q, r = (fnp.zeros((0,), v.dtype), found) if mode == "r" else found
        return fnp.where(np.False_, there, q), fnp.where(np.False_, there, r)

    return call(QR_ALONE if mode == "r" else QR_COMPLETE, unlinked, A)


# Eigenvalues


def _check_uplo(UPLO: str) -> None:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")


def _check_hermitian(A: Tensor, UPLO: str) -> None:
    check_squares(A, "linalg.eigh")
    _check_uplo(UPLO)
    refuse_half(A, "linalg_eigh_cpu", integers=True)


@routine
@lying(in_columns)
def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Eigenvalues in rising order, and eigenvectors, of Hermitian matrices, of which one triangle is read."""
    _check_hermitian(A, UPLO)

    def both(v: Any, UPLO: Any) -> Any:
        return checked_eigen(EIGH, "linalg_eigh", fnp.linalg.eigh(v, UPLO))

    return returned("linalg_eigh", call(EIGH, both, A, UPLO=UPLO))


@routine
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, in rising order."""
    _check_hermitian(A, UPLO)
    if modes.saver is not None:
        return eigh(A, UPLO)[0]
    return call(EIGH, lambda v: fnp.linalg.eigvalsh(v, UPLO), A)  # type: ignore[call-overload]


def _check_general(A: Tensor, function: str) -> None:
    if A._read().dtype.kind not in "fc":
        raise RuntimeError(f"Unknown Complex ScalarType for {A.dtype.title}")
    check_squares(A, function)
    refuse_half(A, "linalg_eig_out_cpu")
    values: Any = constant(A._read())
    if not isinstance(values, Tracer) and not np.isfinite(values).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")


def _complex(v: Any, like: Any) -> Any:
    return v.astype(np.result_type(like.dtype, np.complex64))


@routine
@lying(in_columns)
def eig(input: Tensor) -> Any:
    """Eigenvalues, in no order, and eigenvectors of square matrices: complex numbers."""
    _check_general(input, "linalg.eig")

    def both(v: Any) -> Any:
        return tuple([_complex(x, v) for x in checked_eigen(EIG, "linalg_eig", fnp.linalg.eig(v))])

    return returned("linalg_eig", call(EIG, both, input))


@routine
def eigvals(input: Tensor) -> Tensor:
    """The eigenvalues of square matrices, in no order: complex numbers."""
    _check_general(input, "linalg.eig" if input.requires_grad else "linalg.eigvals")
    if modes.saver is not None:
        return call(EIGVALS, _eigvals, input)
    return call(EIG, lambda v: _complex(fnp.linalg.eigvals(v), v), input)


# Singular values


def _check_svd(A: Tensor, driver: str | None, function: str = "linalg.svd") -> None:
    check_matrices(A, "linalg.svd")
    check_inexact(A, "linalg.svd", half=True)
    refuse_half(A, "linalg_svd_cpu")
    if driver is not None:
        raise RuntimeError(
            f"torch.{function}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    values: Any = constant(A._read())
    if not isinstance(values, Tracer) and not np.isfinite(values).all():
        raise LinAlgError(NOT_FINITE.format("linalg.svd"))


@routine
@lying(in_columns)
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """U, S (descending) and Vh with U @ diag(S) @ Vh = A."""
    return returned("linalg_svd", singular_factors(A, full_matrices, driver))


def singular_factors(A: Tensor, full: bool, driver: str | None = None) -> Any:
    _check_svd(A, driver)
    n, m = A.shape[-2:]
    return call(SVD_OF_ALL if full and n != m else SVD, _full_svd if full and n != m else _thin_svd, A)


def _thin_svd(v: Any) -> Any:
    return checked_singular(SVD, fnp.linalg.svd(v, full_matrices=False))


def _full_svd(v: Any) -> Any:
    """With the vectors that complete the basis, which have no derivative."""
    u, s, vh = _thin_svd(v)
    k = s.shape[-1]
    left, _, right = fnp.linalg.svd(constant(v))
    return fnp.concatenate([u, left[..., :, k:]], axis=-1), s, fnp.concatenate([vh, right[..., k:, :]], axis=-2)


@routine
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values of matrices, descending."""
    _check_svd(A, driver, "linalg.svdvals")
    if modes.saver is not None:
        return singular_factors(A, False)[1]
    return call(SVD, fnp.linalg.svdvals, A)


# Ranks and pseudo-inverses


def _sizes(A: Tensor, hermitian: bool) -> Any:
    """Singular values, without a derivative."""
    v = constant(A._read())
    return fnp.abs(fnp.linalg.eigvalsh(v)) if hermitian else fnp.linalg.svdvals(v)


def _limits(A: Tensor, sizes: Any, atol: Any, rtol: Any) -> Any:
    """Up to which size singular values count as zero: the larger of `atol` and `rtol` times the largest one."""
    absolute, relative = (x._read() if isinstance(x, Tensor) else x for x in (atol, rtol))
    if relative is None:
        usual = np.finfo(A._read().dtype).eps * max(A.shape[-2:])
        relative = usual if absolute is None else fnp.where(fnp.greater(absolute, 0), 0.0, usual)
    largest = fnp.max(sizes, axis=-1, initial=0)
    return fnp.maximum(0.0 if absolute is None else absolute, fnp.multiply(relative, largest))


@routine
def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """How many singular values are above max(atol, rtol * the largest); `tol` is an older name of `atol`."""
    if A.dim() < 2:
        raise RuntimeError("torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions.")
    for x, name in ((tol if atol is None else atol, "atol"), (rtol, "rtol")):
        if isinstance(x, Tensor) and x.is_complex():
            raise RuntimeError(
                f"torch.linalg.matrix_rank: {name} tensor of complex type is not supported. Got {x.dtype.title}"
            )
    if (tol is None and rtol is None) and (A._read().dtype.kind not in "fc" or is_half(A)):
        raise RuntimeError("This function doesn't handle types other than float and double")
    if hermitian:
        check_squares(A, "linalg.eigh")
    else:
        _check_svd(A, None)
    if tol is not None:
        atol, rtol = tol, 0.0
    sizes = _sizes(A, hermitian)
    limits = fnp.asarray(_limits(A, sizes, atol, rtol))
    found = fnp.sum(fnp.greater(sizes, limits[..., None]), axis=-1)
    return fresh(found if isinstance(found, Tracer) else np.asarray(found, np.int64))


@routine
def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The pseudo-inverse; singular values up to max(atol, rtol * the largest) count as zero. `rcond` is `rtol`."""
    if A.dim() < 2 or A._read().dtype.kind not in "fc" or is_half(A):
        raise RuntimeError(
            f"linalg.pinv({A.dtype.title}{{{list(A.shape)}}}): expected a tensor with 2 or more dimensions of float, "
            "double, cfloat or cdouble types"
        )
    if hermitian:
        check_squares(A, "linalg.eigh")
    else:
        _check_svd(A, None)
    if 0 in A.shape:
        return call(PINV, lambda v, **how: adjoint(v), A, part=0.0, hermitian=hermitian)
    sizes = _sizes(A, hermitian)
    limits = _limits(A, sizes, atol, rcond if rtol is None else rtol)
    largest = fnp.max(sizes, axis=-1)
    part = fnp.divide(limits, fnp.where(fnp.greater(largest, 0), largest, 1))
    return call(PINV, _pinv, A, part=part, hermitian=hermitian)
