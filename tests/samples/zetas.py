"""Sample rows of funcgrad/ops/zetas.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import zetas as ops
from tests.samples import Sample

S = np.array([1.7, 2.0, 3.3, 6.0])
Q = np.array([0.8, 3.0, 1.2, 12.0])

ROWS = [
    Sample("riemann", ops.riemann, (S,)),
    Sample("riemann", ops.riemann, (np.array([-2.3, -0.4, 0.0, 0.6]),), "left of 1"),
    Sample("hurwitz", ops.hurwitz, (S, Q)),
    Sample("zeta_slope", ops.zeta_slope, (S, Q)),
    Sample("zeta_slope", lambda s, q: ops.zeta_slope(s, q, order=2), (S, Q), "second"),
]
