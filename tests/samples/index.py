"""Sample rows of funcgrad.ops.index and funcgrad.ops.scatter."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.index import gather, scatter_add, scatter_set, slice_, slice_add, slice_set
from funcgrad.ops.scatter import scatter_max, scatter_min, scatter_mul
from tests.samples import Sample

_draw = np.random.default_rng(12).normal
V = _draw(size=6)
M = _draw(size=(3, 4))
T = _draw(size=(3, 2, 2))
ONCE = np.array([4, 0, -1])
TWICE = np.array([1, 4, 1, -2])
GRID = np.array([[0], [2]]), np.array([[1, -1, 1]])

SLICED = {
    "an int": (V, (2,)),
    "a slice": (V, ((1, 4, 1),)),
    "backwards": (V, ((4, None, -2),)),
    "column and new axis": (M, ((0, 3, 2), None, 1)),
    "rank 3": (T, (1, None, (1, None, -1))),
}
GATHERED = {
    "vector": (V, (ONCE,)),
    "repeated": (V, (TWICE,)),
    "rows": (M, (np.array([[2, 0], [2, 1]]),)),
    "pairs": (M, GRID),
    "pairs of rows": (T, (np.array([0, 2, 0]), np.array([1, 1, 1]))),
    "one": (M, (np.array(1), np.array(2))),
}


def _sliced() -> list[Sample]:
    rows = []
    for label, (x, index) in SLICED.items():
        part = np.asarray(slice_(x, index=index))
        v = _draw(size=part.shape)
        rows.append(Sample("slice_", lambda x, i=index: slice_(x, index=i), (x,), label, complex_too=True))
        for prim in (slice_set, slice_add):
            fun = lambda x, v, prim=prim, i=index: prim(x, v, index=i)
            rows.append(Sample(prim.name, fun, (x, v), label, complex_too=True))
    return rows


def _gathered() -> list[Sample]:
    rows = []
    for label, (x, indices) in GATHERED.items():
        v = _draw(size=gather(x, *indices).shape)
        rows.append(Sample("gather", gather, (x, *indices), label, complex_too=True))
        for prim in (scatter_set, scatter_add, scatter_mul):
            rows.append(Sample(prim.name, prim, (x, v, *indices), label, complex_too=True))
        for prim in (scatter_min, scatter_max):
            rows.append(Sample(prim.name, prim, (x, v, *indices), label))
    return rows


ROWS = _sliced() + _gathered()
