"""Sample rows of funcgrad.ops.roots."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import elementwise as ew
from funcgrad.ops.roots import roots
from tests.samples import Sample

QUADRATIC = np.array([1.3, 0.4, 2.0])
STACK = np.array([[1.0, -0.5, 2.0, 0.7], [-0.4, 1.5, 0.3, 0.9]])

ROWS = [
    Sample("roots", lambda p: ew.abs(roots(p)), (QUADRATIC,), "a pair"),
    Sample("roots", lambda p: ew.real(roots(p) ** 2), (STACK,), "stack", float32=False,
           reason="an ill-conditioned root"),
    Sample("roots", lambda p: roots(p + 0j), (QUADRATIC,), "complex"),
]  # fmt: skip
