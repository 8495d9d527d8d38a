"""Sample rows of funcgrad.ops.convolve."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.convolve import convolve, convolve_inside
from tests.samples import Sample

_draw = np.random.default_rng(31).normal
V = _draw(size=5)
W = _draw(size=3)
T = _draw(size=(2, 2, 3))

ROWS = [
    Sample("convolve", convolve, (V, W), "vectors", complex_too=True),
    Sample("convolve", convolve, (W, V), "longer second", complex_too=True),
    Sample("convolve", convolve, (V[:1], W), "one element", complex_too=True),
    Sample("convolve", convolve, (T, T[::-1] + 0.2), "stacks", complex_too=True),
    Sample("convolve", lambda x: convolve(x, x), (V,), "with itself", complex_too=True),
    Sample("convolve_inside", convolve_inside, (V, W), "vectors", complex_too=True),
    Sample("convolve_inside", convolve_inside, (V, V[::-1] + 0.1), "one place", complex_too=True),
    Sample("convolve_inside", convolve_inside, (T, T[..., :2] + 0.2), "stacks", complex_too=True),
]
