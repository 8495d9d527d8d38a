"""Sample rows of funcgrad/ops/robust.py."""

from __future__ import annotations

import numpy as np

from funcgrad.ops import robust as ops
from tests.samples import Sample

DELTA = np.array([0.5, 1.2, 2.0, 0.7])
R = np.array([-1.4, 0.3, 0.0, 2.2])

ROWS = [Sample("huber", ops.huber, (DELTA, R)), Sample("pseudo_huber", ops.pseudo_huber, (DELTA, R))]
