"""Sample rows of funcgrad.ops.structure."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.structure import concatenate, flip, pad, transpose
from tests.samples import Sample

_draw = np.random.default_rng(11).normal
V = _draw(size=6)
M = _draw(size=(2, 3))
T = _draw(size=(2, 3, 4))


def _row(prim: str, fun, *args, label: str = "") -> Sample:
    return Sample(prim, fun, args, label, complex_too=True)


ROWS = [
    _row("transpose", lambda x: transpose(x, axes=(1, 0)), M, label="matrix"),
    _row("transpose", lambda x: transpose(x, axes=(2, 0, 1)), T, label="cycle"),
    _row("concatenate", lambda x, y: concatenate(x, y, axis=0), V, V[:2], label="vectors"),
    _row("concatenate", lambda x, y, z: concatenate(x, y, z, axis=1), M, M[:, :1], M, label="columns"),
    _row("concatenate", lambda x: concatenate(x, x, axis=2), T, label="with itself"),
    _row("concatenate", lambda x: concatenate(x, V.astype(x.dtype), axis=0), V[:3], label="with a constant"),
    _row("pad", lambda x: pad(x, widths=((2, 1),)), V, label="vector"),
    _row("pad", lambda x: pad(x, widths=((0, 1), (2, 0))), M, label="matrix"),
    _row("flip", lambda x: flip(x, axes=(0,)), V, label="vector"),
    _row("flip", lambda x: flip(x, axes=(0, 2)), T, label="two axes"),
]
