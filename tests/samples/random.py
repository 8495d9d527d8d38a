"""Sample rows of threefry, sampling and bits in funcgrad.ops."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.bits import bitcast
from funcgrad.ops.sampling import random_binomial, random_gamma, random_poisson
from funcgrad.ops.threefry import threefry
from tests.samples import Sample

KEY = np.array([3, 5], np.uint32)
BITS = "random bits"
WHOLE = "a count moves in steps; in float32 it takes other bits"
OTHER = "differences show how rejection moves a draw, not its place in the distribution; in float32 it takes other bits"
A = np.array([0.3, 1.0, 2.5, 40.0])
FINE = np.dtype(np.float64)
WORDS = np.arange(6, dtype=np.uint32).reshape(2, 3)


ROWS = [
    Sample("threefry", threefry, (KEY[0], KEY[1], WORDS[0], WORDS), differentiable=False, reason=BITS),
    *(
        Sample("random_gamma", fun, (a,), label, by_differences=False, float32=False, reason=OTHER)
        for label, fun, a in (
            ("", lambda a: random_gamma(KEY, a, log=False), A),
            ("log", lambda a: random_gamma(KEY, a, log=True), A),
            ("keys", lambda a: random_gamma(np.stack([KEY, KEY + 1]), a, log=False), np.stack([A, A])),
        )
    ),
    *(
        Sample(prim, fun, (A,), differentiable=False, float32=False, reason=WHOLE)
        for prim, fun in (
            ("random_poisson", lambda a: random_poisson(KEY, a, dtype=np.dtype(int))),
            ("random_binomial", lambda n: random_binomial(KEY, n, n / 80)),
        )
    ),
    Sample(
        "bitcast",
        lambda x: bitcast(x, dtype=FINE),
        (WORDS[:, :2],),
        differentiable=False,
        float32=False,
        reason="its dtype is given",
    ),
]
