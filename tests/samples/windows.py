"""Sample rows of funcgrad.ops.windows."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.windows import overlap_add, windows
from tests.samples import Sample

X = np.random.default_rng(41).normal(size=(2, 7, 5, 3))
W = np.random.default_rng(43).normal(size=(2, 3, 3, 3, 2))
V = np.random.default_rng(42).normal(size=(2, 3, 2))


def _windows(x: np.ndarray, label: str, **params: tuple[int, ...]) -> Sample:
    return Sample("windows", lambda x: windows(x, **params), (x,), label, complex_too=True)


def _overlap_add(v: np.ndarray, label: str, **params: tuple[int, ...]) -> Sample:
    return Sample("overlap_add", lambda v: overlap_add(v, **params), (v,), label, complex_too=True)


PLANE = {"axes": (1, 2), "sizes": (3, 2), "strides": (2, 1), "dilations": (1, 2)}
LINE = {"axes": (1,), "sizes": (2,), "strides": (1,), "dilations": (1,)}
ROWS = [
    _windows(X, "two axes", **PLANE),
    _windows(X[0, :, 0], "neighbours", **LINE),
    _windows(X[0, :, 0], "apart", **{**LINE, "strides": (3,)}),
    _windows(X[0, :1, 0], "too short", **LINE),
    _overlap_add(V, "neighbours", shape=(2, 4), **LINE),
    _overlap_add(V, "apart", shape=(2, 9), **{**LINE, "strides": (3,)}),
    _overlap_add(W, "two axes", shape=(2, 7, 5), **PLANE),
]
