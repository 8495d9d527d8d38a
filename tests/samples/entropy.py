"""Rows for funcgrad/ops/entropy.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import entropy as ops
from tests.samples import Sample

_draw = np.random.default_rng(12).uniform
ANY = _draw(-2.0, 2.0, (2, 3))
POSITIVE = _draw(0.3, 4.5, (2, 3))
UNIT = _draw(0.2, 0.8, (2, 3))

ROWS = [
    Sample("xlogy", ops.xlogy, (ANY, POSITIVE)),
    Sample("xlogy", ops.xlogy, (np.array([[0.7], [1.6]]), POSITIVE), label="broadcast"),
    Sample("xlog1py", ops.xlog1py, (ANY, POSITIVE)),
    Sample("entr", ops.entr, (POSITIVE,)),
    Sample("log_ndtr", ops.log_ndtr, (ANY,)),
    Sample("ndtri", ops.ndtri, (UNIT,)),
    Sample("ndtri_exp", ops.ndtri_exp, (np.array([[-40.0, -6.5, -2.0], [-0.9, -0.3, -0.05]]),)),
]
