"""Sample rows of funcgrad/ops/integrals.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import elementwise as ew
from funcgrad.ops import integrals as ops
from tests.samples import Sample

ANY = np.array([-0.9, -0.2, 0.0, 1.3])
POSITIVE = np.array([0.7, 1.0, 2.2, 3.0])
A = np.array([0.6, 1.4, 2.0, 3.1])
ROW = "its dtype is SciPy's complex128"
WIDE = "SciPy computes it in float64"

ROWS = [
    Sample("log1p_over", ops.log1p_over, (ANY,)),
    Sample("exprel", ops.exprel, (ANY,)),
    Sample("exprel", lambda x: ops.exprel(x, order=2), (ANY,), "derivative"),
    Sample("exp1", ops.exp1, (POSITIVE,), complex_too=True),
    Sample("expi", ops.expi, (POSITIVE,), complex_too=True),
    Sample("expn", lambda x: ops.expn(np.array(2, x.dtype), x), (POSITIVE,)),
    Sample("expn", ops.expn, (np.array([0, 1, 2, 5]), POSITIVE), "orders", float32=False,
           reason="NumPy makes int64 and float32 float64"),
    Sample("spence", ops.spence, (POSITIVE,)),
    Sample("owens_t", ops.owens_t, (ANY, A)),
    Sample("lambertw", lambda x: ops.lambertw(x + 0.3j, 0).real, (POSITIVE,), float32=False, reason=ROW),
    Sample("lambertw", lambda x: ew.imag(ops.lambertw(0.2j - x, -1)), (POSITIVE,), "branch", float32=False, reason=ROW),
    Sample("hyp1f1", lambda x: ops.hyp1f1(0.7, 1.6, x), (ANY,)),
    Sample("hyp2f1", lambda x: ops.hyp2f1(0.7, 1.6, 2.5, x), (ANY / 2,), float32=False, reason=WIDE),
    Sample("erfcx", ops.erfcx, (np.array([-1.4, 0.3, 6.0, 25.0]),)),
    Sample("dawsn", ops.dawsn, (np.array([-21.0, -0.4, 0.0, 3.0]),)),
    Sample("erfi", ops.erfi, (np.array([-1.4, 0.0, 0.3, 2.0]),)),
    Sample("erfcinv", ops.erfcinv, (np.array([0.2, 0.9, 1.6]),)),
    Sample("ellipk", ops.ellipk, (np.array([-5.0, -0.2, 0.0, 0.3, 0.8]),)),
    Sample("ellipe", ops.ellipe, (np.array([-5.0, -0.2, 0.0, 0.3, 0.8]),)),
    Sample("boxcox", ops.boxcox, (POSITIVE, ANY)),
    Sample("inv_boxcox", ops.inv_boxcox, (POSITIVE / 3, ANY)),
]  # fmt: skip
