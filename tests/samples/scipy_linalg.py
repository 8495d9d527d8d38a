"""Rows for the primitives of funcgrad/scipy/linalg/primitives."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.contract import mT
from funcgrad.scipy.linalg.primitives import equations, factors, functions, structured, tridiagonal
from tests.samples import Sample

_draw = np.random.default_rng(29).normal
A = 0.4 * _draw(size=(3, 3)) + np.eye(3)
B = 0.4 * _draw(size=(2, 2)) + np.eye(2)
Q = _draw(size=(3, 2))
AS = 0.4 * _draw(size=(2, 3, 3)) + 1.5 * np.eye(3)
T = _draw(size=(3, 3))
BAND = _draw(size=(4, 4)) + np.array([[0.0], [5.0], [0.0], [0.0]])
UPPER_HALF = np.array([[0.0, 0.3, -0.4, 0.2], [4.0, 3.0, 3.5, 5.0]])
LOWER_HALF = np.array([[4.0, 3.0, 3.5, 5.0], [0.3, -0.4, 0.2, 0.0]])
SIDES = _draw(size=(4, 2))
FIRST = np.array([4.0, 1.0, -0.5])
DIAGONAL, BESIDE = np.array([1.0, 3.0, 2.0, -1.0]), np.array([0.5, -0.7, 0.4])
TALL, WIDE = _draw(size=(4, 3)), _draw(size=(2, 4))
WEIGHTS = np.array([1.0, -2.0, 0.5, 0.7])


def _holomorphic(prim: str, fun, *args, label: str = "", **options) -> Sample:
    return Sample(prim, fun, args, label, complex_too=True, **options)


def _half_solve(ab, b, lower):
    return structured.hermitian_banded_solve(ab, b, lower=lower)


def _squares(d, e):
    w, v = tridiagonal.tridiagonal_eigh(d, e)
    return w, (v * v * WEIGHTS.astype(v.dtype)).sum(axis=(-1,))


def _lu_of_rows(a):
    return factors.lu(a)[0]


ROWS = [
    _holomorphic("expm", functions.expm, A, label="matrix"),
    _holomorphic("expm", functions.expm, A, T, label="along a matrix"),
    Sample("logm", functions.logm, (B,)),  # SciPy's takes ten times as long as the exponential
    _holomorphic("sqrtm", functions.sqrtm, AS, label="stacked"),
    _holomorphic("sylvester", equations.sylvester, A, B, Q, label="matrices"),
    _holomorphic("banded_solve", lambda a, b: structured.banded_solve(a, b, lower=2, upper=1), BAND, SIDES),
    _holomorphic(
        "banded_solve",
        lambda a, b: structured.banded_solve(mT(a), mT(b), lower=0, upper=1),
        mT(np.stack([UPPER_HALF, UPPER_HALF * 2])),
        mT(np.stack([SIDES, SIDES])),
        label="stacked",
    ),
    Sample("hermitian_banded_solve", lambda a, b: _half_solve(a, b, False), (UPPER_HALF, SIDES), "upper",
           complex_too=True),
    Sample("hermitian_banded_solve", lambda a, b: _half_solve(a, b, True), (LOWER_HALF, SIDES), "lower",
           complex_too=True),
    _holomorphic("toeplitz_solve", structured.toeplitz_solve, FIRST, FIRST[::-1].copy(), Q),
    _holomorphic("lu", _lu_of_rows, T, label="square"),
    _holomorphic("lu", _lu_of_rows, TALL, label="tall"),
    _holomorphic("lu", _lu_of_rows, np.stack([WIDE, WIDE[::-1]]), label="stacked, wide"),
    Sample("permutation", lambda p: factors.permutation(p, size=4), (np.array([[2, 1, 3], [1, 3, 2]]),),
           differentiable=False, float32=False, reason="integers"),
    Sample("column_order", factors.column_order, (TALL,), differentiable=False, float32=False, reason="integers"),
    Sample("unitary", factors.unitary, (A,), "square", complex_too=True),
    Sample("unitary", factors.unitary, (np.stack([TALL, TALL[::-1]]),), "stacked, tall", complex_too=True),
    Sample("tridiagonal_eigh", _squares, (DIAGONAL, BESIDE)),
    Sample("tridiagonal_eigvalsh", tridiagonal.tridiagonal_eigvalsh, (DIAGONAL, BESIDE)),
]  # fmt: skip
