"""Factorisations: cholesky, qr, eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array, numpy_function, since, unsupported
from funcgrad.numpy.indexing import argsort, sort, take_along_axis
from funcgrad.numpy.linalg.shared import adjoint, known, result_type
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.operands import as_array

__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals"]


@numpy_function(np.linalg)
def cholesky(a: Array, /, *, upper: bool = False) -> Array:
    """The lower triangular `l` with `l l^H = a` (or, with `upper`, `u` with `u^H u = a`).

    Example:
        >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
        array([[2., 0.],
               [1., 1.]])
    """
    a = as_array(a)
    if not upper:
        return primitive.cholesky(a)
    # NumPy reads the upper triangle here
    return adjoint(primitive.cholesky(adjoint(a)))


@numpy_function(np.linalg)
def qr(a: Array, mode: str = "reduced") -> Any:
    """Orthonormal `q` and triangular `r`, `q r = a`. `mode`: "reduced", "complete", or "r" for `r` alone.

    Has a derivative where the first columns, as many as there can be, are independent; not with "complete" where
    there are more rows than columns. NumPy's "raw" is for plain arrays.

    Example:
        >>> q, r = qr(np.array([[3.0, 0.0], [4.0, 5.0]]))
        >>> np.abs(r)
        array([[5., 4.],
               [0., 3.]])
    """
    if mode in ("raw", "e", "economic"):
        raise unsupported(f"np.linalg.qr with mode={mode!r}", " mode='reduced' has.")
    if mode in ("f", "full"):
        mode = "reduced"
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    if mode == "r":
        return primitive.qr(as_array(a), "reduced")[1]
    return result_type(np.linalg.qr)(*primitive.qr(as_array(a), mode))


# eigenvalues


@numpy_function(np.linalg)
def eig(a: Array) -> Any:
    """Eigenvalues `(..., n)`, in no order, and eigenvectors, the columns of `(..., n, n)`, of square matrices.

    Both are complex. Before NumPy 2.5 they are real where the matrices are and no eigenvalue has an imaginary part, but
    not under `jit` and `vmap`, where dtypes do not depend on values. Vectors have length 1 and their largest component
    is real, and their derivative keeps that. Where eigenvalues are equal, the derivative of the vectors is not finite.

    Raises LinAlgError where a value is not finite.

    Example:
        >>> eig(np.array([[2.0, 1.0], [0.0, 3.0]])).eigenvalues.real
        array([2., 3.])
    """
    a = as_array(a)
    return result_type(np.linalg.eig)(*_real_where_all_are(a, *primitive.eig(a)))


@numpy_function(np.linalg)
def eigvals(a: Array) -> Array:
    """The eigenvalues of square matrices, in no order: as of `eig`, with its dtypes.

    Their derivative is that of mathematics where they differ. Equal ones keep theirs if there are n independent
    vectors; otherwise it is infinite, and what is returned is large, or LinAlgError.

    Example:
        >>> fg.grad(lambda a: eigvals(a)[0].real)(np.array([[2.0, 1.0], [0.0, 3.0]]))
        array([[ 1.,  0.],
               [-1.,  0.]])
    """
    a = as_array(a)
    return _real_where_all_are(a, primitive.eig(a)[0])[0]


def _real_where_all_are(a: Array, w: Array, *vectors: Array) -> tuple[Array, ...]:
    values = None if a.dtype.kind == "c" or since(np, "2.5.0") else known(w)
    if values is None or values.imag.any():
        return w, *vectors
    return tuple(ew.real(x) for x in (w, *vectors))


def _checked(UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return UPLO


@numpy_function(np.linalg)
def eigh(a: Array, UPLO: str = "L") -> Any:
    """Eigenvalues (ascending) and eigenvectors of symmetric or Hermitian matrices; one triangle is read.

    Where eigenvalues are equal, the derivative of the eigenvectors is not finite.

    Example:
        >>> eigh(np.diag([3.0, 1.0])).eigenvalues
        array([1., 3.])
    """
    return result_type(np.linalg.eigh)(*primitive.eigh(as_array(a), _checked(UPLO)))


@numpy_function(np.linalg)
def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    """The eigenvalues of symmetric or Hermitian matrices, ascending.

    Example:
        >>> fg.grad(lambda a: eigvalsh(a)[0])(np.diag([3.0, 1.0]))
        array([[0., 0.],
               [0., 1.]])
    """
    return primitive.eigvalsh(as_array(a), _checked(UPLO))


# singular values


@numpy_function(np.linalg)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """The singular value decomposition `u * s @ vh = a`, or the singular values alone.

    Where singular values are equal, the derivative of the vectors is not finite. With `full_matrices` only square
    matrices have one. With `hermitian` the lower triangle of a symmetric or Hermitian matrix is read.

    Example:
        >>> svd(np.diag([2.0, -3.0]), hermitian=True).S
        array([3., 2.])
    """
    a = as_array(a)
    if not hermitian:
        return result_type(np.linalg.svd)(*primitive.svd(a, full_matrices)) if compute_uv else primitive.svdvals(a)
    if not compute_uv:
        return sort(ew.abs(primitive.eigvalsh(a)))[..., ::-1]
    w, v = primitive.eigh(a)
    order = argsort(ew.abs(w))[..., ::-1]
    w, v = take_along_axis(w, order, -1), take_along_axis(v, order[..., None, :], -1)
    vh = adjoint(v * ew.copysign(1.0, w)[..., None, :])
    return result_type(np.linalg.svd)(v, ew.abs(w), vh)


@numpy_function(np.linalg)
def svdvals(x: Array, /) -> Array:
    """The singular values, descending.

    Example:
        >>> svdvals(np.array([[3.0, 0.0], [0.0, -4.0]]))
        array([4., 3.])
    """
    return primitive.svdvals(as_array(x))
