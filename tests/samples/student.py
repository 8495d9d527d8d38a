"""Sample rows of funcgrad/ops/student.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import student as ops
from tests.samples import Sample

DF = np.array([0.8, 3.0, 4.5, 12.0])
T = np.array([0.4, -1.2, 2.3, 0.7])
P = np.array([0.6, 0.4, 0.3, 0.7])

ROWS = [
    Sample("stdtr", ops.stdtr, (DF, T)),
    Sample("stdtrit", ops.stdtrit, (DF, P)),
]
