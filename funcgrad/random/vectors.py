"""Vectors and matrices whose elements depend on each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.numpy import linalg
from funcgrad.numpy.contractions import matmul
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.contract import mT
from funcgrad.ops.operands import as_inexact
from funcgrad.random.keys import Shape, checked, float_dtype, in_dtype, shape_of
from funcgrad.random.uniform import normal


def multivariate_normal(
    key: Array, mean: Array, cov: Array, shape: Shape | None = None, dtype: Any = None, method: str = "cholesky"
) -> Array:
    """Normally distributed vectors, `(*shape, n)`, differentiable in `mean` and `cov`.

    Args:
        key: a key.
        mean: ``(..., n)``.
        cov: covariances, ``(..., n, n)``.
        shape: that of the result without its last axis.
        dtype: that of the result; that of the parameters if it is None.
        method: how `cov` becomes a factor: "cholesky", "eigh" or "svd"; the latter two allow singular ones.

    Example:
        >>> multivariate_normal(fg.random.key(0), np.zeros(2), np.eye(2)).shape
        (2,)
    """
    mean, cov = as_inexact(mean), as_inexact(cov)
    dtype = float_dtype("multivariate_normal", np.result_type(mean.dtype, cov.dtype) if dtype is None else dtype)
    if not mean.ndim or cov.shape[-2:] != (mean.shape[-1],) * 2:
        raise ValueError(
            f"multivariate_normal needs a mean of shape (..., n) and covariances (..., n, n), not {mean.shape} and "
            f"{cov.shape}"
        )
    shape = shape_of("multivariate_normal", shape, np.empty(mean.shape[:-1]), np.empty(cov.shape[:-2]))
    if method == "cholesky":
        factor = linalg.cholesky(cov)
    elif method == "eigh":
        values, vectors = linalg.eigh(cov)
        factor = vectors * ew.sqrt(values)[..., None, :]
    elif method == "svd":
        vectors, values, _ = linalg.svd(cov)
        factor = vectors * ew.sqrt(values)[..., None, :]
    else:
        raise ValueError(f"multivariate_normal: method must be 'cholesky', 'eigh' or 'svd', not {method!r}")
    drawn = normal(checked(key, "multivariate_normal"), (*shape, mean.shape[-1]), dtype)
    return in_dtype(mean, dtype) + matmul(in_dtype(factor, dtype), drawn[..., None])[..., 0]


def orthogonal(key: Array, n: int, shape: Shape = (), dtype: Any = float, m: int | None = None) -> Array:
    """Orthogonal matrices `(*shape, n, m)`, all equally likely; `m` is `n` by default.

    The columns are orthonormal, or the rows where there are fewer.

    Example:
        >>> q = orthogonal(fg.random.key(0), 3)
        >>> np.allclose(q @ q.T, np.eye(3))
        True
    """
    m = n if m is None else m
    z = normal(checked(key, "orthogonal"), (*shape_of("orthogonal", shape), max(n, m), min(n, m)), dtype)
    q, r = linalg.qr(z)
    q = q * ew.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return mT(q) if n < m else q
