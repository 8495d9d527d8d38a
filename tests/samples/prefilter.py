"""Sample rows of funcgrad.scipy.ndimage.prefilter."""

from __future__ import annotations

import numpy as np

from funcgrad.scipy.ndimage.prefilter import spline_prefilter
from tests.samples import Sample

X = np.random.default_rng(41).normal(size=(2, 6))


def _row(x: np.ndarray, order: int, mode: str) -> Sample:
    label = f"order {order}, {mode}, {x.shape[-1]}"
    call = lambda x: spline_prefilter(x, order=order, mode=mode)
    return Sample("spline_prefilter", call, (x,), label, complex_too=True)


ROWS = [
    *(_row(X, order, mode) for order, mode in ((3, "mirror"), (2, "reflect"), (5, "grid-wrap"), (4, "mirror"))),
    _row(X[:, :2], 3, "mirror"),
    _row(X[0, :1], 3, "reflect"),
    _row(X[:, :3], 5, "reflect"),
    _row(np.random.default_rng(43).normal(size=41), 5, "reflect"),
]
