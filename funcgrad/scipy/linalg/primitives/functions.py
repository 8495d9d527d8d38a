"""Functions of matrices: the exponential, the logarithm, and with the latter's type, the square root."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.tape import not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.contract import mT
from funcgrad.ops.elementwise import convert
from funcgrad.ops.families import cast
from funcgrad.ops.linalg.shared import computed_dtype, for_each, over_stacks, square_matrix
from funcgrad.ops.structure import spread
from funcgrad.scipy.linalg.primitives.equations import sylvester
from funcgrad.scipy.linalg.primitives.shared import all_finite


class MatrixFunction(Primitive):
    """`f(a)` for an analytic function of a matrix; `f(a, *ts)` is its derivative along each of `ts`.

    The derivative along one is a block of the function of a matrix twice as large, f([[a, t], [0, a]]) =
    [[f(a), df], [0, f(a)]], and so on with the blocks of that: `n 2^k` rows for `k` directions. All powers of `a` come
    between directions in the same way from either side, so that the transpose is the derivative at the transpose of
    `a`. Najfeld and Havel, "Derivatives of the matrix exponential and their computation" (1995); Higham and Relton,
    "Higher order Fréchet derivatives of matrix functions and the level-2 condition number" (2014).

    `widen` makes the dtype of the result of that of `a`.
    """

    def __init__(self, name: str, function: Callable[[Any], Any], widen: Callable[[np.dtype], np.dtype]) -> None:
        super().__init__(name)
        self.function = function
        self.widen = widen
        register(self)

    def impl(self, *args: Any) -> np.ndarray:
        args = tuple(a.astype(computed_dtype(a.dtype), copy=False) for a in args)
        found = self.shape(*map(aval_of, args))
        return for_each(lambda *parts: (self._of_matrix(*parts),), args, [2] * len(args), found)[0]

    def _of_matrix(self, a: np.ndarray, *ts: np.ndarray) -> np.ndarray:
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
        y = np.asarray(self.function(block))[:n, len(block) - n :]
        for scale in scales:
            y = y * y.real.dtype.type(scale)
        return y

    def shape(self, *avals: Aval) -> Aval:
        a, *ts = avals
        dtype = self.widen(square_matrix(a)[2])
        return Aval(a.shape, np.result_type(dtype, *(computed_dtype(t.dtype) for t in ts)))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        return self(*values), [v if t is not None else keep(v) for v, t in zip(values, tracked)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if tracked[0] is not None or sum(t is not None for t in tracked) > 1:
            raise not_linear(self)
        saved = [v if t is not None else keep(v) for v, t in zip(values, tracked)]
        return self.shape(*map(aval_of, values)), saved

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        a, *ts = saved
        along = [
            self(a, *ts, t) if i == 0 else self(a, *ts[: i - 1], t, *ts[i:])
            for i, t in enumerate(tangents)
            if t is not None
        ]
        return sum(along[1:], start=along[0])

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        a, *ts = saved
        cts: list[Any] = []
        for i, (tracks, x) in enumerate(zip(tracked, saved)):
            if tracks is None:
                cts.append(None)
                continue
            others = ts if i == 0 else [*ts[: i - 1], *ts[i:]]
            cts.append(cast(self(mT(a), *map(mT, others), ct), x.dtype))
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*(spread(v, b, size) for v, b in zip(values, batched)))


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


expm = MatrixFunction("expm", scipy.linalg.expm, lambda dtype: dtype)
logm = MatrixFunction("logm", _logm, _complex)
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


sqrtm = over_stacks("sqrtm", _sqrtm, shape=_sqrtm_shape, jvp=_d_sqrtm)
"""The principal square root; always complex. Higham, "Functions of Matrices" (2008), section 6.1."""
