"""Factors L @ D @ L.T of symmetric matrices in one triangle, as LAPACK leaves and takes them.

These are functions of plain arrays, without a derivative.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import get_lapack_funcs


def _routine(task: str, hermitian: bool, dtype: np.dtype) -> object:
    kind = "he" if hermitian and dtype.kind == "c" else "sy"
    return get_lapack_funcs(kind + task, dtype=dtype)


def factors(a: np.ndarray, hermitian: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """L and D in one lower triangle, the pivots, and which block of D is the first that is zero, or 0.

    Of stacks of matrices, whose lower triangles are read.
    """
    *batch, n, _ = a.shape
    both, pivots, info = np.empty_like(a), np.zeros((*batch, n), np.int32), np.zeros(batch, np.int32)
    if a.size:
        run = _routine("trf", hermitian, a.dtype)
        for i in np.ndindex(*batch):
            found, pivots[i], info[i] = run(a[i], lower=1)  # type: ignore[operator]
            both[i] = np.tril(found)
    return both, pivots, info


def solved(both: np.ndarray, pivots: np.ndarray, b: np.ndarray, hermitian: bool) -> np.ndarray:
    """The solutions of a @ x = b, of the `factors` of a. Stacks are broadcast."""
    batch = np.broadcast_shapes(both.shape[:-2], b.shape[:-2])
    out = np.empty((*batch, *b.shape[-2:]), b.dtype)
    if not out.size:
        return out
    both, b = (np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in (both, b))
    pivots = np.broadcast_to(pivots, (*batch, both.shape[-1]))
    run = _routine("trs", hermitian, both.dtype)
    for i in np.ndindex(*batch):
        out[i], _ = run(both[i], pivots[i], b[i], lower=1)  # type: ignore[operator]
    return out
