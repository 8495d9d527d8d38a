"""Rows for funcgrad/ops/special.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import special as ops
from tests.samples import Sample

_draw = np.random.default_rng(11).uniform
ANY = _draw(-2.0, 2.0, (2, 3))
COLUMN = np.array([[0.7], [1.6]])
POSITIVE = _draw(0.3, 4.5, (2, 3))
WITHIN_ONE = _draw(-0.8, 0.8, (2, 3))
BETWEEN_POLES = np.array([[-2.6, -1.4, -0.3], [0.6, 1.4, 12.5]])

ROWS = [
    Sample("bell", ops.bell, (ANY,)),
    Sample("erf", ops.erf, (ANY,)),
    Sample("erf", ops.erf, (np.array(0.3),), label="0-d"),
    Sample("erfc", ops.erfc, (ANY,)),
    Sample("erf_inv", ops.erf_inv, (WITHIN_ONE,)),
    Sample("logistic", ops.logistic, (ANY,), complex_too=True),
    Sample("softplus", ops.softplus, (ANY,)),
    Sample("lgamma", ops.lgamma, (POSITIVE,)),
    Sample("lgamma", ops.lgamma, (BETWEEN_POLES,), label="negative"),
    Sample("digamma", ops.digamma, (POSITIVE,)),
    Sample("digamma", ops.digamma, (BETWEEN_POLES,), label="negative"),
    Sample("polygamma", lambda x: ops.polygamma(1, x), (BETWEEN_POLES,), label="trigamma"),
    Sample("polygamma", ops.polygamma, (np.array([0, 2, 3]), COLUMN), label="orders", float32=False,
           reason="NumPy makes int64 and float32 float64"),
    Sample("i0", ops.i0, (ANY,)),
    Sample("i0", ops.i0, (np.array([-40.0, 0.0, 7.5, 12.0]),), label="far", tol=1e-5, second_tol=1e-3),
    Sample("bessel_i", lambda x: ops.bessel_i(1, x), (ANY,), label="order 1"),
    Sample("bessel_i", ops.bessel_i, (np.array([0, 2, 3]), np.array([[0.7], [-1.6]])), label="orders", float32=False,
           reason="NumPy makes int64 and float32 float64"),
    Sample("rsqrt", ops.rsqrt, (POSITIVE,), complex_too=True),
]  # fmt: skip
