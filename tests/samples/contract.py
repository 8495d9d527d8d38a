"""Sample rows of funcgrad.ops.contract."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.contract import dot_general
from tests.samples import Sample

_draw = np.random.default_rng(22).normal
A = _draw(size=(2, 3))
B = _draw(size=(3, 4))
V = _draw(size=3)
W = _draw(size=3)
T = _draw(size=(2, 3, 4))
U = _draw(size=(2, 4, 3))
NONE = ((), ())


def _row(label: str, x, y, contract, batch=NONE) -> Sample:
    return Sample(
        "dot_general",
        lambda x, y: dot_general(x, y, contract=contract, batch=batch),
        (x, y),
        label,
        complex_too=True,
    )


ROWS = [
    _row("vector vector", V, W, ((0,), (0,))),
    _row("matrix vector", A, V, ((1,), (0,))),
    _row("vector matrix", V, B, ((0,), (0,))),
    _row("matrix matrix", A, B, ((1,), (0,))),
    _row("transposed matrices", A.T.copy(), B.T.copy(), ((0,), (1,))),
    _row("stacked", T, U, ((2,), (1,)), ((0,), (0,))),
    _row("stacked vectors", A, A[::-1].copy(), ((1,), (1,)), ((0,), (0,))),
    _row("stack last", T, U, ((1,), (2,)), ((2,), (1,))),
    _row("two axes, crossed", T, U, ((2, 1), (1, 2))),
    _row("inner free axes", T, U, ((0,), (0,))),
    _row("outer", V, A, NONE),
    _row("scaling by rows", A, A + 1, NONE, ((0,), (0,))),
    _row("elementwise", A, A - 1, NONE, ((0, 1), (0, 1))),
    _row("0-d", np.array(0.7), A, NONE),
    Sample(
        "dot_general",
        lambda x: dot_general(x, x, contract=((1,), (1,)), batch=NONE),
        (A,),
        "with itself",
        complex_too=True,
    ),
]
