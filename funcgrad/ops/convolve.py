"""The convolution of vectors, along the last axis of stacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.structure import flip


def _row_by_row(x: np.ndarray, y: np.ndarray, mode: Any, size: int) -> np.ndarray:
    if x.ndim == 1:
        return np.convolve(x, y, mode)
    rows = zip(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]), strict=True)
    out = [np.convolve(a, b, mode) for a, b in rows]
    return np.reshape(out, (*x.shape[:-1], size)) if out else np.zeros((*x.shape[:-1], size), _dtype(x, y))


def _dtype(x: Any, y: Any) -> np.dtype:
    return np.convolve(np.ones(1, x.dtype), np.ones(1, y.dtype)).dtype


def _overlaps(x: Any, y: Any) -> int:
    return x.shape[-1] + y.shape[-1] - 1


def _places(x: Any, y: Any) -> int:
    return x.shape[-1] - y.shape[-1] + 1


def _reversed(x: Any) -> Any:
    return flip(x, axes=(x.ndim - 1,))


def _batch(prim: Any) -> Any:
    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim()(*(with_batch(v, b, size) for v, b in zip(values, batched)))

    return batch


convolve: Linear = Linear(
    "convolve",
    lambda x, y: _row_by_row(x, y, "full", _overlaps(x, y)),
    shape=lambda x, y: Aval((*x.shape[:-1], _overlaps(x, y)), _dtype(x, y)),
    pull=lambda ct, i, x, y: convolve_inside(ct, _reversed((y, x)[i])),
    batch=_batch(lambda: convolve),
    linear=(0, 1),
    jointly=False,
)
"""All overlaps of two vectors that are not empty: m + n - 1 numbers."""


def _pull_inside(ct: Any, i: int, x: Any, y: Any) -> Any:
    return convolve(ct, _reversed(y)) if i == 0 else _reversed(convolve_inside(x, _reversed(ct)))


convolve_inside: Linear = Linear(
    "convolve_inside",
    lambda x, y: _row_by_row(x, y, "valid", _places(x, y)),
    shape=lambda x, y: Aval((*x.shape[:-1], _places(x, y)), _dtype(x, y)),
    pull=_pull_inside,
    batch=_batch(lambda: convolve_inside),
    linear=(0, 1),
    jointly=False,
)
"""Those overlaps in which all of the second vector lies in the first, which is not shorter: m - n + 1 numbers."""
