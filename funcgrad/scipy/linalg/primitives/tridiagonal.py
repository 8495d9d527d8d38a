"""Eigenvalues and eigenvectors of symmetric tridiagonal matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.contract import matmul, mT
from funcgrad.ops.linalg.shared import column, computed_dtype, for_each, identity, over_stacks, row
from funcgrad.ops.structure import concatenate
from funcgrad.scipy.linalg.primitives.shared import all_finite


def _dtype(d: Any, e: Any) -> np.dtype:
    return np.result_type(computed_dtype(d.dtype), computed_dtype(e.dtype))


def _computed(d: np.ndarray, e: np.ndarray, compute: Callable[..., Any], *avals: Aval) -> tuple[np.ndarray, ...]:
    def of_matrix(d: np.ndarray, e: np.ndarray) -> tuple[Any, ...]:
        if not all_finite(d, e) or d.size == 0:
            return (np.nan,) * len(avals)
        found = compute(d, e, check_finite=False)
        return found if isinstance(found, tuple) else (found,)

    dtype = _dtype(d, e)
    return for_each(of_matrix, [d.astype(dtype, copy=False), e.astype(dtype, copy=False)], [1, 1], *avals)


def _values_shape(d: Aval, e: Aval) -> Aval:
    return Aval(d.shape, _dtype(d, e))


def _both_shape(d: Aval, e: Aval) -> tuple[Aval, Aval]:
    return _values_shape(d, e), Aval((*d.shape, d.shape[-1]), _dtype(d, e))


def _moved(td: Any, te: Any, v: Any) -> Any:
    """A tridiagonal matrix times `v`."""
    if td is not None:
        return column(td) * v
    side = column(te)
    zeros = np.zeros((*v.shape[:-2], 1, v.shape[-1]), v.dtype)
    axis = v.ndim - 2
    above = concatenate(side * v[..., 1:, :], zeros, axis=axis)
    return above + concatenate(zeros, side * v[..., :-1, :], axis=axis)


def _along(td: Any, te: Any, v: Any) -> Any:
    """The diagonal of `v^T dt v`."""
    return reduce_sum(v * _moved(td, te, v), axes=(v.ndim - 2,))


def _d_both(td: Any, te: Any, y: Any) -> tuple[Any, Any]:
    w, v = y
    moved = _moved(td, te, v)
    eye = identity(v)
    rotation = (1 / (row(w) - column(w) + eye) - eye) * matmul(mT(v), moved)
    return reduce_sum(v * moved, axes=(v.ndim - 2,)), matmul(v, rotation)


tridiagonal_eigh = over_stacks(
    "tridiagonal_eigh",
    lambda d, e: _computed(d, e, scipy.linalg.eigh_tridiagonal, *_both_shape(d, e)),
    shape=_both_shape,
    jvps=(lambda t, y, d, e: _d_both(t, None, y), lambda t, y, d, e: _d_both(None, t, y)),
    multiple=True,
)
"""Eigenvalues, in rising order, and vectors. Where values are equal, the derivative of the vectors is not finite."""

tridiagonal_eigvalsh = over_stacks(
    "tridiagonal_eigvalsh",
    lambda d, e: _computed(d, e, scipy.linalg.eigvalsh_tridiagonal, _values_shape(d, e))[0],
    shape=_values_shape,
    jvps=(
        lambda t, y, d, e: _along(t, None, tridiagonal_eigh(d, e)[1]),
        lambda t, y, d, e: _along(None, t, tridiagonal_eigh(d, e)[1]),
    ),
)
"""The eigenvalues alone, whose derivative costs n^2 operations: the vectors, and their squares and products."""
