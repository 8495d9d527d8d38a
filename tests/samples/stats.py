"""Rows for funcgrad/scipy/stats/discrete.py."""

from __future__ import annotations

import numpy as np

from funcgrad.scipy.stats.discrete import integer_quantile
from tests.samples import Sample

ROWS = [
    Sample(
        "integer_quantile",
        lambda q, n, p: integer_quantile(q, n, p, of="binom", method="ppf"),
        (np.array([0.1, 0.45, 0.93]), np.array([7.0]), np.array([[0.3], [0.6]])),
        differentiable=False, float32=False, reason="SciPy's quantiles are float64",
    ),
]  # fmt: skip
