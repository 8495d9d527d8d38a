"""Some of the singular values, components or eigenvalues of a matrix."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._ops.linalg.spectra import eigh, svd
from funcgrad.torch._ops.linalg.spectra import qr as orthogonal_factors
from funcgrad.torch._ops.linalg.systems import cholesky, solve_triangular
from funcgrad.torch._ops.random import randn
from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor.tensor import Tensor


def _basis(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Orthonormal columns that nearly span what A - M makes of vectors: Halko et al., 2009, algorithm 4.4."""

    def applied(a: Tensor, m: Tensor | None, x: Tensor) -> Tensor:
        y = a @ x
        return orthogonal_factors(y if m is None else y - m @ x)[0]

    basis = applied(A, M, randn(A.shape[-1], q, dtype=A.dtype))
    for _ in range(niter):
        basis = applied(A.mH, None if M is None else M.mH, basis)
        basis = applied(A, M, basis)
    return basis


@named(method=False)
def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Nearly the q largest singular values of A - M and their vectors, from random numbers: U, S and V."""
    M = None if M is None else M.broadcast_to(A.size())
    wide = A.shape[-2] < A.shape[-1]
    tall, mean = (A.mH, None if M is None else M.mH) if wide else (A, M)
    basis = _basis(tall, 6 if q is None else q, 2 if niter is None else niter, mean)
    inner = basis.mH @ tall if mean is None else basis.mH @ tall - basis.mH @ mean
    u, s, vh = svd(inner, full_matrices=False)
    left, right = basis @ u, vh.mH
    return (right, s, left) if wide else (left, s, right)


@named(method=False)
def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """Nearly the first q principal components, from random numbers: `svd_lowrank` of the rows less their mean."""
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(dim=(-2,), keepdim=True) if center else A, q, niter)


@named(method=False)
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:
    """The k largest, or smallest, eigenvalues of a symmetric matrix, and their vectors: `A @ v == w * (B @ v)`.

    By all of them, exactly: what says how to iterate in PyTorch (`X`, `iK`, `niter`, `tol`, `method`) has no effect.
    """
    if A.shape[-2] != A.shape[-1]:
        raise AssertionError(f"A must be square, got shape {A.shape}")
    if B is not None and A.shape != B.shape:
        raise AssertionError(f"A and B must have same shape, got {A.shape} vs {B.shape}")
    m = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X.shape[-1]
    if m < 3 * n:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of "
            f"requested eigenpairs (={n})"
        )
    values, vectors = _eigenpairs((A + A.mT) / 2, None if B is None else (B + B.mT) / 2)
    if largest is None or largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    return values[..., :k], vectors[..., :k]


def _eigenpairs(A: Tensor, B: Tensor | None) -> tuple[Tensor, Tensor]:
    if B is None:
        values, vectors = eigh(A)
        return values, vectors
    lower = cholesky(B)
    half = solve_triangular(lower, A, upper=False)
    values, turned = eigh(solve_triangular(lower, half.mT, upper=False))
    return values, solve_triangular(lower.mT, turned, upper=True)
