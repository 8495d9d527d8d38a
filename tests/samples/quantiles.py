"""Rows for funcgrad/ops/quantiles.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import quantiles as ops
from tests.samples import Sample

ROWS = [
    Sample("ndtri_exp", ops.ndtri_exp, (np.array([[-40.0, -6.5, -2.0], [-0.9, -0.3, -0.05]]),)),
]
