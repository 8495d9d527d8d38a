"""Sample rows of funcgrad/ops/incomplete_beta.py: places below and above the mean."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import incomplete_beta as ops
from tests.samples import Sample

A = np.array([0.7, 2.5, 1.2, 6.0])
B = np.array([1.6, 0.9, 5.0, 4.0])
X = np.array([0.4, 1.2, 0.3, 1.5])
Y = np.array([1.1, 0.5, 1.2, 0.9])
P = np.array([0.6, 0.4, 0.3, 0.7])

ROWS = [
    Sample("beta_ratio", ops.beta_ratio, (A, B, X, Y)),
    Sample("beta_ratio", lambda *v: ops.beta_ratio(*v, orders=(1, 1)), (A, B, X, Y), "derivative"),
    Sample("beta_ratio", ops.beta_ratio, (np.ones(4), np.array([1.0, 2.0, 3.0, 0.5]), X, Y), "whole"),
    Sample("beta_power", ops.beta_power, (A, B, X, Y)),
    Sample("beta_power", lambda *v: ops.beta_power(*v, less=(1, 0)), (A, B, X, Y), "less"),
    Sample("log_share", ops.log_share, (X, Y)),
    Sample("digamma_gap", ops.digamma_gap, (A, B)),
    Sample("beta_tail", ops.beta_tail, (A, B, X, Y)),
    Sample("betaincinv", ops.betaincinv, (A, B, P)),
    Sample("betainccinv", ops.betainccinv, (A, B, P)),
]
