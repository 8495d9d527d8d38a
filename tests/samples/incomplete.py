"""Sample rows of funcgrad/ops/incomplete.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import incomplete as ops
from tests.samples import Sample

A = np.array([0.3, 1.0, 2.5, 40.0])
X = np.array([0.2, 3.0, 2.0, 45.0])
P = np.array([0.6, 0.4, 0.3, 0.7])

ROWS = [
    Sample("gamma_ratio", ops.gamma_ratio, (A, X)),
    Sample("gamma_ratio", lambda a, x: ops.gamma_ratio(a, x, order=1), (A, X), "derivative", tol=1e-5, second_tol=1e-3),
    Sample("igamma", ops.igamma, (A, X)),
    Sample("igammac", ops.igammac, (A, X)),
    Sample("gammaincinv", ops.gammaincinv, (A, P)),
    Sample("gammainccinv", ops.gammainccinv, (A, P)),
]
