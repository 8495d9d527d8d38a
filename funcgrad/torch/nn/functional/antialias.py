"""The weights of images in other sizes without aliasing: the filter is as wide as a new element where that is wider.

As Pillow does it: each new element is a mean of all old ones that the filter reaches, whose weights add up to one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = -0.5 * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    """Of three lobes: Turkowski, "Filters for common resampling tasks", 1990."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic, 2),
    "lanczos": (_lanczos, 3),
}
"""By mode: the filter, and how far it reaches."""


def taps(
    mode: str, n: int, m: int, scale: float | None, align_corners: bool, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Which of `n` elements each of `m` new ones is made of, ``(m, most)``, and their weights, also zeros."""
    shape, reach = FILTERS[mode]
    if align_corners:
        step = (n - 1) / (m - 1) if m > 1 else 0.0
    else:
        step = n / m if scale is None else 1.0 / scale
    width = max(step, 1.0)
    centre = step * (np.arange(m) + 0.5)
    first = np.maximum((centre - reach * width + 0.5).astype(np.int64), 0)
    count = np.minimum((centre + reach * width + 0.5).astype(np.int64), n) - first
    steps = np.arange(max(int(count.max()), 1))
    at = first[:, None] + steps
    weights = np.where(steps < count[:, None], shape((at - centre[:, None] + 0.5) / width), 0)
    totals = weights.sum(1, keepdims=True)
    return np.minimum(at, n - 1), (weights / np.where(totals == 0, 1, totals)).astype(dtype)
