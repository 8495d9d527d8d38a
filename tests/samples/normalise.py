"""Sample rows of funcgrad.ops.normalise."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.normalise import log_softmax, logsumexp, softmax, standardise
from tests.samples import Sample

_draw = np.random.default_rng(27).normal
V = _draw(size=6)
T = _draw(size=(2, 3, 4))

ROWS = [
    Sample(name, lambda x, prim=prim, axes=axes: prim(x, axes=axes), (x,), label)
    for name, prim in (("softmax", softmax), ("log_softmax", log_softmax), ("logsumexp", logsumexp))
    for label, x, axes in (
        ("vector", V, (0,)),
        ("middle axis", T, (1,)),
        ("outer axes", T, (0, 2)),
        ("far from zero", V + 1e3, (0,)),
    )
] + [
    Sample("standardise", lambda x, axes=axes: standardise(x, axes=axes, eps=1e-5), (x,), label, complex_too=True)
    for label, x, axes in (("vector", V, (0,)), ("middle axis", T, (1,)), ("outer axes", T, (0, 2)))
]
