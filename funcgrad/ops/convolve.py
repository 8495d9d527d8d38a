"""The convolution of vectors, along the last axis of stacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.families import Linear
from funcgrad.ops.structure import broadcast_to, flip


def _convolve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.ndim == 1:
        return np.convolve(x, y)
    m, n = x.shape[-1], y.shape[-1]
    rows = zip(x.reshape(-1, m), y.reshape(-1, n), strict=True)
    out = [np.convolve(a, b) for a, b in rows]
    return np.reshape(out, (*x.shape[:-1], m + n - 1)) if out else np.zeros((*x.shape[:-1], m + n - 1), _dtype(x, y))


def _dtype(x: Any, y: Any) -> np.dtype:
    return np.convolve(np.ones(1, x.dtype), np.ones(1, y.dtype)).dtype


def _pull(ct: Any, i: int, x: Any, y: Any) -> Any:
    """Of all places where the other vector, reversed, meets the cotangent, those where it lies in it."""
    other = (y, x)[i]
    size = (x, y)[i].shape[-1]
    first = other.shape[-1] - 1
    return convolve(ct, flip(other, axes=(other.ndim - 1,)))[..., first : first + size]


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    return convolve(*(v if b else broadcast_to(v, shape=(size, *v.shape)) for v, b in zip(values, batched)))


convolve: Linear = Linear(
    "convolve",
    _convolve,
    shape=lambda x, y: Aval((*x.shape[:-1], x.shape[-1] + y.shape[-1] - 1), _dtype(x, y)),
    pull=_pull,
    batch=_batch,
    linear=(0, 1),
    jointly=False,
)
"""All overlaps of two vectors that are not empty: m + n - 1 numbers."""
