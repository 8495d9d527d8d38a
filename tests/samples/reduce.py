"""Sample rows of funcgrad.ops.reduce."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.reduce import (
    argmax,
    argmin,
    cumprod,
    cumsum,
    reduce_all,
    reduce_any,
    reduce_max,
    reduce_min,
    reduce_prod,
)
from tests.samples import Sample

_draw = np.random.default_rng(21).normal
S = np.array(0.7)
V = _draw(size=6)
M = _draw(size=(3, 4))
T = _draw(size=(2, 3, 4))
HOLES = np.array([[1.5, 0.0, 2.0, -1.0], [0.0, 0.5, 0.0, 3.0], [1.0, 2.0, -0.5, 0.7]])


def _smooth(prim: str, fun, *args, label: str = "") -> Sample:
    return Sample(prim, fun, args, label, complex_too=True)


def _discrete(prim: str, fun, *args, label: str = "") -> Sample:
    return Sample(prim, fun, args, label, differentiable=False, reason="integer or boolean results")


ROWS = [
    _smooth("reduce_prod", lambda x: reduce_prod(x, axes=(0,)), V, label="vector"),
    _smooth("reduce_prod", lambda x: reduce_prod(x, axes=(0, 2)), T, label="outer axes"),
    _smooth("reduce_prod", lambda x: reduce_prod(x, axes=(1,)), HOLES, label="zeros"),
    _smooth("reduce_prod", lambda x: reduce_prod(x, axes=()), M, label="no axes"),
    Sample("reduce_max", lambda x: reduce_max(x, axes=(0,)), (V,), "vector"),
    Sample("reduce_max", lambda x: reduce_max(x, axes=(0, 2)), (T,), "outer axes"),
    Sample("reduce_max", lambda x: reduce_max(x, axes=()), (M,), "no axes"),
    Sample("reduce_min", lambda x: reduce_min(x, axes=(1,)), (M,), "rows"),
    Sample("reduce_min", lambda x: reduce_min(x, axes=(0, 1, 2)), (T,), "all axes"),
    _smooth("cumsum", lambda x: cumsum(x, axis=0), V, label="vector"),
    _smooth("cumsum", lambda x: cumsum(x, axis=1), T, label="middle axis"),
    _smooth("cumsum", lambda x: cumsum(x, axis=1, reverse=True), M, label="reverse"),
    _smooth("cumprod", lambda x: cumprod(x, axis=0), V, label="vector"),
    _smooth("cumprod", lambda x: cumprod(x, axis=1), T, label="middle axis"),
    _smooth("cumprod", lambda x: cumprod(x, axis=1), HOLES, label="zeros"),
    _discrete("argmax", lambda x: argmax(x, axis=0), V, label="vector"),
    _discrete("argmax", lambda x: argmax(x, axis=1), T, label="middle axis"),
    _discrete("argmin", lambda x: argmin(x, axis=1), M, label="rows"),
    _discrete("reduce_any", lambda x: reduce_any(x, axes=(0,)), HOLES, label="columns"),
    _discrete("reduce_any", lambda x: reduce_any(x, axes=(0, 1)), HOLES > 2, label="bool"),
    _discrete("reduce_all", lambda x: reduce_all(x, axes=(1,)), HOLES, label="rows"),
    _discrete("reduce_all", lambda x: reduce_all(x, axes=(0, 1, 2)), T, label="all axes"),
]
