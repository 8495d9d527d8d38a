"""Rows for funcgrad/ops/by_value.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import by_value as ops
from tests.samples import Sample

ANY = np.random.default_rng(12).uniform(-2.0, 2.0, (2, 3))

ROWS = [
    Sample("expm1_by_value", ops.expm1, (ANY,), complex_too=True),
]
