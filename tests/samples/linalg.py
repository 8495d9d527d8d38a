"""Sample rows of funcgrad.ops.linalg.

Functions of symmetric matrices are called on the symmetric part of their argument; eigenvectors and singular
vectors enter through what does not depend on their signs.
"""

from __future__ import annotations

import numpy as np

from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.contract import matmul, mH, mT
from funcgrad.ops.linalg import (
    cholesky,
    cofactor,
    det,
    eig,
    eigh,
    inv,
    inv_or_nan,
    lstsq,
    pinv,
    qr,
    slogdet,
    solve,
    stein,
    svd,
    triangular_solve,
)
from tests.samples import Sample

_draw = np.random.default_rng(23).normal
A = _draw(size=(3, 3)) + 2 * np.eye(3)
B = _draw(size=(3, 2))
AS = _draw(size=(2, 3, 3)) + 2 * np.eye(3)
BS = _draw(size=(2, 3, 2))
TALL = _draw(size=(4, 3))
TALLS = np.stack([TALL, TALL[::-1]])
WIDE = _draw(size=(2, 4))
RANK_TWO = np.diag([1.0, 2.0, 0.0]) @ A
PAIRED = np.array([[0.3, -2.0, 0.1], [1.5, 0.2, 0.4], [-0.3, 0.2, 1.1]]) + 0.1 * AS
WELL = np.eye(4, 3) + 0.2 * TALL
CUTOFF = np.array([1e-3, 1e-4])
COLUMNS = _draw(size=(4, 2))
BOTH = np.stack([COLUMNS, COLUMNS[::-1]])
WEIGHTS = np.array([1.0, -2.0, 0.5])


def _symmetric(x):
    return (x + mT(x)) * 0.5


def _positive(x):
    return matmul(x, mT(x)) + np.eye(3, dtype=x.dtype)


def _svd_parts(a):
    u, s, vh = svd(a, full_matrices=False)
    weights = WEIGHTS[: s.shape[-1]].astype(s.dtype)
    return matmul(u * weights, vh)


def _holomorphic(prim: str, fun, *args, label: str = "") -> Sample:
    return Sample(prim, fun, args, label, complex_too=True)


def _eigenvector_weights(x, uplo: str):
    _, v = eigh(_symmetric(x), uplo)
    return reduce_sum(v * v * WEIGHTS.astype(x.dtype), axes=(v.ndim - 1,))


def _hermitian_pinv(x):
    return pinv(matmul(_symmetric(x), _symmetric(x)), hermitian=True)


def _stein(m, n, c):
    """With positive matrices, whose eigenvalues have products below 1."""
    return stein(matmul(m, mH(m)) * 0.02, matmul(n, mH(n)) * 0.02, c)


def _squared_vectors(a):
    w, v = eig(a)
    return w, v * v


ROWS = [
    _holomorphic("solve", solve, A, B, label="matrix"),
    _holomorphic("solve", solve, A, B[:, 0], label="vector"),
    _holomorphic("solve", solve, AS, BS, label="stacked"),
    _holomorphic("solve", solve, AS, B, label="one right-hand side for a stack"),
    _holomorphic("solve", solve, A, BS, label="a stack of right-hand sides"),
    _holomorphic("triangular_solve", lambda a, b: triangular_solve(a, b, lower=True), A, B, label="lower"),
    _holomorphic("triangular_solve", lambda a, b: triangular_solve(a, b, lower=False), AS, BS, label="upper"),
    _holomorphic(
        "triangular_solve",
        lambda a, b: triangular_solve(a, b, lower=True, trans=True),
        A,
        B,
        label="transposed",
    ),
    _holomorphic("inv", inv, A, label="matrix"),
    _holomorphic("inv", inv, AS, label="stacked"),
    _holomorphic("inv_or_nan", inv_or_nan, AS, label="stacked"),
    Sample("pinv", pinv, (TALL,), "tall", complex_too=True),
    Sample("pinv", pinv, (WIDE,), "wide", complex_too=True),
    Sample("pinv", lambda a: pinv(a, CUTOFF), (AS,), "stacked, with a cutoff", complex_too=True),
    Sample("pinv", lambda a: pinv(matmul(a, mT(a)), CUTOFF[0]), (WELL,), "of rank 3", complex_too=True),
    Sample("pinv", lambda a: pinv(a, np.array(0.4)), (TALL,), "with values left out", complex_too=True),
    Sample("pinv", lambda a: pinv(a, np.array(0.7)), (WIDE,), "wide, with values left out", complex_too=True),
    Sample("lstsq", lambda a, b: lstsq(a, b, rcond=1e-9), (TALL, COLUMNS), "tall", complex_too=True),
    Sample("lstsq", lambda a, b: lstsq(a, b, rcond=1e-9), (WIDE, B[:2]), "wide", complex_too=True),
    Sample("lstsq", lambda a, b: lstsq(a, b, rcond=1e-9), (TALLS, BOTH), "stacked", complex_too=True),
    Sample("lstsq", lambda a, b: lstsq(a, b, rcond=0.4), (TALL, COLUMNS), "with values left out", complex_too=True),
    Sample("lstsq", lambda a, b: lstsq(a, b, rcond=0.7), (WIDE, B[:2]), "wide, with values left out", complex_too=True),
    Sample("stein", _stein, (A, AS[0], A), "square", complex_too=True, promotes=False),
    Sample("stein", _stein, (AS, TALLS, BS.repeat(2, axis=-1)), "stacked", complex_too=True, promotes=False),
    Sample("pinv", _hermitian_pinv, (A,), "symmetric"),
    _holomorphic("det", det, A, label="matrix"),
    _holomorphic("det", det, AS, label="stacked"),
    _holomorphic("det", det, RANK_TWO, label="singular"),
    _holomorphic("cofactor", cofactor, A, label="matrix"),
    _holomorphic("cofactor", cofactor, RANK_TWO, label="singular"),
    _holomorphic("cofactor", cofactor, AS, AS[::-1].copy(), label="along a matrix"),
    Sample("slogdet", lambda a: slogdet(a)[1], (A,), "matrix"),
    Sample("slogdet", lambda a: slogdet(a)[1], (AS,), "stacked"),
    Sample("cholesky", lambda x: cholesky(_positive(x)), (A,), "matrix"),
    Sample("cholesky", lambda x: cholesky(_positive(x)), (AS,), "stacked"),
    _holomorphic("eig", lambda a: eig(a)[0], A, label="values"),
    Sample("eig", _squared_vectors, (A,), "values and vectors", complex_too=True),
    Sample("eig", _squared_vectors, (PAIRED,), "stacked, with pairs", complex_too=True),
    Sample("eigh", lambda x: eigh(_symmetric(x))[0], (A,), "values"),
    Sample("eigh", lambda x: _eigenvector_weights(x, "L"), (A,), "vectors"),
    Sample("eigh", lambda x: _eigenvector_weights(x, "U"), (AS,), "stacked, upper"),
    Sample("qr", lambda a: matmul(*qr(a)) + qr(a)[0], (A,), "square"),
    Sample("qr", lambda a: qr(a)[1], (TALL,), "r of tall"),
    Sample("qr", qr, (WIDE,), "wide"),
    Sample("qr", lambda a: qr(a, mode="complete"), (WIDE,), "wide, complete"),
    Sample("qr", lambda a: qr(a)[0], (TALLS,), "q of stacked"),
    Sample("svd", lambda a: svd(a, full_matrices=False)[1], (TALL,), "values"),
    Sample("svd", _svd_parts, (A,), "square"),
    Sample("svd", _svd_parts, (TALL,), "tall"),
    Sample("svd", _svd_parts, (WIDE,), "wide"),
    Sample("svd", _svd_parts, (AS,), "stacked"),
]
