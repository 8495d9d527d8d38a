"""Sample rows of funcgrad.ops.broadcasting."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.broadcasting import broadcast_to, reduce_sum, reshape
from tests.samples import Sample

_draw = np.random.default_rng(12).normal
S = np.array(0.7)
V = _draw(size=6)
M = _draw(size=(2, 3))
T = _draw(size=(2, 3, 4))


def _row(prim: str, fun, *args, label: str = "") -> Sample:
    return Sample(prim, fun, args, label, complex_too=True)


ROWS = [
    _row("reshape", lambda x: reshape(x, shape=(3, 2)), M, label="matrix"),
    _row("reshape", lambda x: reshape(x, shape=(1, 6, 1)), V, label="new axes"),
    _row("reshape", lambda x: reshape(x, shape=()), V[:1], label="to 0-d"),
    _row("broadcast_to", lambda x: broadcast_to(x, shape=(2, 6)), V, label="new axis"),
    _row("broadcast_to", lambda x: broadcast_to(x, shape=(4, 2, 3)), M[:, :1], label="stretched"),
    _row("broadcast_to", lambda x: broadcast_to(x, shape=(2,)), V[0, ...], label="0-d"),
    _row("reduce_sum", lambda x: reduce_sum(x, axes=(0,)), V, label="vector"),
    _row("reduce_sum", lambda x: reduce_sum(x, axes=(1,)), M, label="rows"),
    _row("reduce_sum", lambda x: reduce_sum(x, axes=(0, 2)), T, label="outer axes"),
    _row("reduce_sum", lambda x: reduce_sum(x, axes=()), M, label="no axes"),
    _row("reduce_sum", lambda x: reduce_sum(x, axes=()), S, label="0-d"),
]
