"""The coefficients of splines through equally spaced values, as a primitive that is linear in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.linalg.shared import computed_dtype

SHORT = 40
"""In shorter rows SciPy's coefficients for "reflect" are off by more than rounding, and so is their symmetry."""


def _filtered(x: np.ndarray, order: int, mode: str) -> np.ndarray:
    from scipy.ndimage import spline_filter1d

    dtype = computed_dtype(x.dtype)
    wide = np.result_type(dtype, np.float64)
    return spline_filter1d(x, order, output=wide, mode=mode).astype(dtype) if x.size else np.zeros(x.shape, dtype)


def _pull(ct: Any, i: int, x: Any, order: int, mode: str) -> Any:
    """The values are a product of the coefficients with a symmetric matrix, but for the ends of a mirrored row.

    Inner points have two images in a period, ends have one: the matrix is symmetric once its columns are weighted so.
    """
    n = ct.shape[-1]
    if mode == "reflect" and n < SHORT:
        return ct @ _filtered(np.eye(n, dtype=ct.real.dtype), order, mode).T
    if mode != "mirror" or n == 1:
        return spline_prefilter(ct, order=order, mode=mode)
    images = np.full(n, 2, ct.real.dtype)
    images[[0, -1]] = 1
    return images * spline_prefilter(ct / images, order=order, mode=mode)


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    return spline_prefilter(values[0], **params)


spline_prefilter: Linear = Linear(
    "spline_prefilter",
    _filtered,
    shape=lambda x, order, mode: Aval(x.shape, computed_dtype(x.dtype)),
    pull=_pull,
    batch=_batch,
)
"""`spline_prefilter(x, order, mode)`, along the last axis; the rows go on as `mode` says: "mirror", "reflect" or
"grid-wrap"."""
