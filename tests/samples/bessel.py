"""Sample rows of funcgrad/ops/bessel.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import bessel as ops
from tests.samples import Sample

ANY = np.array([-3.0, -0.2, 0.4, 12.0])

AIRY = np.array([-3.0, -0.2, 0.4, 2.5])
POSITIVE = np.array([0.7, 1.9, 4.2, 9.0])
WHOLE = np.array([0, 1, 2, -3])
OWN = "NumPy makes int64 and float32 float64"

ROWS = [
    Sample("bessel_i0e", ops.bessel_i0e, (ANY,)),
    Sample("bessel_i1e", ops.bessel_i1e, (ANY,)),
    Sample("jv", lambda x: ops.jv(1.5, x), (POSITIVE,), complex_too=True),
    Sample("jv", ops.jv, (WHOLE, ANY), "whole orders", float32=False, reason=OWN),
    Sample("iv", lambda x: ops.iv(0.5, x), (POSITIVE,), complex_too=True),
    Sample("iv", ops.iv, (WHOLE, ANY), "whole orders", float32=False, reason=OWN, tol=1e-5, second_tol=1e-3),
    Sample("ive", lambda x: ops.ive(0.5, x), (POSITIVE,)),
    Sample("ive", ops.ive, (WHOLE, ANY), "whole orders", float32=False, reason=OWN),
    Sample("yn", lambda x: ops.yn(2.0, x), (POSITIVE,)),
    Sample("yn", ops.yn, (WHOLE, POSITIVE), "whole orders", float32=False, reason=OWN),
    Sample("j0", ops.j0, (ANY,)),
    Sample("j1", ops.j1, (ANY,)),
    Sample("y0", ops.y0, (POSITIVE,)),
    Sample("y1", ops.y1, (POSITIVE,)),
    Sample("jve", lambda x: ops.jve(1.5, x), (POSITIVE,)),
    Sample("yv", lambda x: ops.yv(1.5, x), (POSITIVE,), complex_too=True),
    Sample("yve", lambda x: ops.yve(1.5, x), (POSITIVE,)),
    Sample("kv", lambda x: ops.kv(0.5, x), (POSITIVE,), complex_too=True),
    Sample("kv", ops.kv, (WHOLE, POSITIVE), "whole orders", float32=False, reason=OWN),
    Sample("kve", lambda x: ops.kve(1.5, x), (POSITIVE,), complex_too=True),
    Sample("k0", ops.k0, (POSITIVE,)),
    Sample("k1", ops.k1, (POSITIVE,)),
    Sample("k0e", ops.k0e, (POSITIVE,)),
    Sample("k1e", ops.k1e, (POSITIVE,)),
    Sample("airy_ai", ops.airy_ai, (AIRY,), complex_too=True),
    Sample("airy_aip", ops.airy_aip, (AIRY,), complex_too=True),
    Sample("airy_bi", ops.airy_bi, (AIRY,), complex_too=True),
    Sample("airy_bip", ops.airy_bip, (AIRY,), complex_too=True),
]
