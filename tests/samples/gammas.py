"""Sample rows of funcgrad/ops/gammas.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import gammas as ops
from tests.samples import Sample

BETWEEN_POLES = np.array([-1.4, -0.3, 0.6, 4.2])
A = np.array([0.7, 2.5, 1.2, 6.0])
B = np.array([1.6, 0.9, 5.0, 4.0])

ROWS = [
    Sample("gamma", ops.gamma, (BETWEEN_POLES,)),
    Sample("rgamma", ops.rgamma, (BETWEEN_POLES,)),
    Sample("rgamma", ops.rgamma, (np.array([-2.0, -1.0, 0.0, 1.0]),), "poles"),
    Sample("loggamma", ops.loggamma, (A,)),
    Sample("gammasgn", ops.gammasgn, (BETWEEN_POLES,), differentiable=False, reason="a sign"),
    Sample("poch", ops.poch, (A, B)),
    Sample("beta", ops.beta, (A, B)),
    Sample("betaln", ops.betaln, (A, B)),
    Sample("binom", ops.binom, (B, A)),
    Sample("binom", ops.binom, (np.array([2.0, 0.5, 3.0]), np.array([3.0, -1.0, 5.0])), "poles"),
]
