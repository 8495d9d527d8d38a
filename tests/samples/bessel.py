"""Sample rows of funcgrad/ops/bessel.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import bessel as ops
from tests.samples import Sample

ANY = np.array([-3.0, -0.2, 0.4, 12.0])

ROWS = [
    Sample("bessel_i0e", ops.bessel_i0e, (ANY,)),
    Sample("bessel_i1e", ops.bessel_i1e, (ANY,)),
]
