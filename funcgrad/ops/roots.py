"""The roots of polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import reduce_sum, reshape
from funcgrad.ops.families.general import General


def _companion(p: np.ndarray) -> np.ndarray:
    n = p.shape[-1] - 1
    a = np.zeros((*p.shape[:-1], n, n), p.dtype)
    a[..., np.arange(1, n), np.arange(n - 1)] = 1
    a[..., 0, :] = -p[..., 1:] / p[..., :1]
    return a


def _roots(p: np.ndarray) -> np.ndarray:
    dtype = np.result_type(p.dtype, np.complex64)
    if p.shape[-1] < 2:
        return np.zeros((*p.shape[:-1], 0), dtype)
    a = _companion(p)
    finite = np.isfinite(a).all(axis=(-2, -1))
    eigenvalues = np.linalg.eigvals(np.where(finite[..., None, None], a, 0.0))
    return np.where(finite[..., None], eigenvalues, np.nan).astype(dtype)


def _at(p: Any, x: Any) -> Any:
    """The polynomials with coefficients along the last axis, the highest first, at the points of each."""
    n = p.shape[-1]
    powers = x[..., None] ** np.arange(n - 1, -1, -1, dtype=np.int16)  # which leaves complex64 as it is
    terms = reshape(p, shape=(*p.shape[:-1], 1, n)) * powers
    return reduce_sum(terms, axes=(terms.ndim - 1,))


def _d_roots(t: Any, y: Any, p: Any) -> Any:
    """p(r) = 0 along the tangent: dp(r) + p'(r) dr = 0."""
    n = p.shape[-1] - 1
    return -_at(t, y) / _at(p[..., :-1] * np.arange(n, 0, -1).astype(p.real.dtype), y)


roots: General = General(
    "roots",
    _roots,
    shape=lambda p: Aval((*p.shape[:-1], max(p.shape[-1] - 1, 0)), np.result_type(p.dtype, np.complex64)),
    jvps=(_d_roots,),
    batch=lambda values, batched, size, params: roots(values[0]),
)
"""The roots of polynomials of known degree, coefficients along the last axis with the highest first, not zero."""
