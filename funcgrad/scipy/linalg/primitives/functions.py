"""Functions of matrices: the exponential, the logarithm, the square root."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval, aval_of
from funcgrad.ops.contract import mT
from funcgrad.ops.elementwise import convert
from funcgrad.ops.linalg.directions import Directional
from funcgrad.ops.linalg.shared import computed_dtype, for_each, over_stacks, square_matrix
from funcgrad.scipy.linalg.primitives.equations import sylvester
from funcgrad.scipy.linalg.primitives.shared import all_finite


def matrix_function(
    name: str, function: Callable[[Any], Any], widen: Callable[[np.dtype], np.dtype]
) -> Directional:
    """`f(a)` for an analytic function of a matrix; `widen` makes the dtype of the result of that of `a`.

    The derivative along one direction is a block of the function of a matrix twice as large, f([[a, t], [0, a]]) =
    [[f(a), df], [0, f(a)]], and so on with the blocks of that: `n 2^k` rows for `k` directions. All powers of `a` come
    between directions in the same way from either side, so that the transpose is the derivative at the transpose of
    `a`. Najfeld and Havel, "Derivatives of the matrix exponential and their computation" (1995); Higham and Relton,
    "Higher order Fréchet derivatives of matrix functions and the level-2 condition number" (2014).
    """

    def shape(a: Aval, *ts: Aval) -> Aval:
        dtype = widen(square_matrix(a)[2])
        return Aval(a.shape, np.result_type(dtype, *(computed_dtype(t.dtype) for t in ts)))

    def impl(*args: Any) -> np.ndarray:
        args = tuple(a.astype(computed_dtype(a.dtype), copy=False) for a in args)
        of_matrix = lambda a, *ts: (_derivative(function, a, ts),)
        return for_each(of_matrix, args, [2] * len(args), shape(*map(aval_of, args)))[0]

    return Directional(name, impl, shape=shape, turned=mT)


def _derivative(function: Callable[[Any], Any], a: np.ndarray, ts: Sequence[np.ndarray]) -> np.ndarray:
    """The derivative of a function of one matrix along each of `ts`; its value where there are none."""
    n = len(a)
    if n == 0:
        return a
    if not all_finite(a, *ts):
        return np.full((n, n), np.nan, np.result_type(a, *ts))
    # directions as large as `a`: what is much larger would decide how the function is computed
    size = _size(a)
    scales = [_size(t) / size for t in ts]
    block = a
    for t, scale in zip(ts, scales):
        m = len(block)
        block = np.block([[block, np.zeros((m, m), block.dtype)], [np.zeros((m, m), block.dtype), block]])
        block = block.astype(np.result_type(block, t), copy=False)
        for k in range(0, m, n):
            block[k : k + n, m + k : m + k + n] = t / block.real.dtype.type(scale)
    y = np.asarray(function(block))[:n, len(block) - n :]
    for scale in scales:
        y = y * y.real.dtype.type(scale)
    return y


def _size(a: np.ndarray) -> Any:
    """A power of two near the largest element, in which dividing is exact; 1 for zeros."""
    largest = np.abs(a).max(initial=0)
    return np.ldexp(1.0, int(np.frexp(largest)[1])) if largest else 1.0


def _complex(dtype: np.dtype) -> np.dtype:
    return np.result_type(dtype, np.complex64)


def _logm(a: np.ndarray) -> np.ndarray:
    """In double precision: in single precision real logarithms come with imaginary parts of its rounding."""
    with warnings.catch_warnings():  # it says that a result may be inexact, also of blocks with large derivatives
        warnings.simplefilter("ignore", RuntimeWarning)
        return scipy.linalg.logm(a.astype(np.result_type(a, np.float64), copy=False))


expm = matrix_function("expm", scipy.linalg.expm, lambda dtype: dtype)
logm = matrix_function("logm", _logm, _complex)
"""The principal logarithm; always complex, as no shape tells whether it is real."""


def _sqrtm(a: np.ndarray) -> np.ndarray:
    a = a.astype(computed_dtype(a.dtype), copy=False)
    root = lambda x: (scipy.linalg.sqrtm(x) if all_finite(x) else np.full(x.shape, np.nan, x.dtype),)
    return for_each(root, [a], [2], _sqrtm_shape(aval_of(a)))[0]


def _sqrtm_shape(a: Aval) -> Aval:
    return Aval(a.shape, _complex(square_matrix(a)[2]))


def _d_sqrtm(t: Any, y: Any, a: Any) -> Any:
    """From `y y = a`: `dy y + y dy = t`."""
    return sylvester(y, y, convert(t, dtype=y.dtype))


sqrtm = over_stacks("sqrtm", _sqrtm, shape=_sqrtm_shape, jvps=(_d_sqrtm,))
"""The principal square root; always complex. Higham, "Functions of Matrices" (2008), section 6.1."""
