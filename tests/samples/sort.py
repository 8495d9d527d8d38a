"""Sample rows of funcgrad.ops.sort."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.sort import argsort, sort
from tests.samples import Sample

_draw = np.random.default_rng(13).permutation
V = _draw(7) / 4 - 0.6
M = _draw(12).reshape(3, 4) / 4 - 1.0
T = _draw(12).reshape(2, 3, 2) / 4 - 1.0
_WHY = "positions are integers"

ROWS = [
    Sample("sort", lambda x: sort(x, axis=0), (V,), "vector"),
    Sample("sort", lambda x: sort(x, axis=0), (M,), "columns"),
    Sample("sort", lambda x: sort(x, axis=1), (M,), "rows"),
    Sample("sort", lambda x: sort(x, axis=1), (T,), "middle axis"),
    Sample("argsort", lambda x: argsort(x, axis=0), (V,), "vector", differentiable=False, reason=_WHY),
    Sample("argsort", lambda x: argsort(x, axis=1), (T,), "middle axis", differentiable=False, reason=_WHY),
]
