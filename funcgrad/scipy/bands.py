"""Equations with banded matrices: `banded_solve`, and `recurrence` where each diagonal is one number.

The vectors stand along the last axis. SciPy computes: LAPACK's `gbsv`, and `lfilter`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.tape import not_linear, transpose
from funcgrad.core.trace import Primitive, register
from funcgrad.numpy import stack
from funcgrad.ops.convolve import convolve
from funcgrad.ops.families import cast
from funcgrad.ops.linalg.shared import computed_dtype
from funcgrad.ops.structure import broadcast_to, flip, pad, reshape, spread
from funcgrad.ops.structure import transpose as permute


class Equation(Primitive):
    """`x` with `A(a) x = b`, for a matrix that depends on `a` linearly, but for a constant.

    `a` is `(*stack, ...)` with `rank` axes behind the stack, `b` is `(*stack, k, n)`: k vectors for each matrix.
    `moved(t, x, **params)` is A's derivative along t, times x; `turned(a, b, **params)` solves with the transpose of A.
    """

    def __init__(self, name: str, solve: Callable[..., Any], rank: int, moved: Any, turned: Any) -> None:
        super().__init__(name)
        self._solve = solve
        self._rank = rank
        self._moved = moved
        self._turned = turned
        register(self)

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        a, b = avals
        return Aval(b.shape, np.result_type(computed_dtype(a.dtype), computed_dtype(b.dtype)))

    def impl(self, *args: Any, **params: Any) -> Any:
        a, b = args
        dtype = self.shape(aval_of(a), aval_of(b)).dtype
        a, b = np.asarray(a, dtype), np.asarray(b, dtype)
        matrices = a.reshape(-1, *a.shape[a.ndim - self._rank :])
        sides = b.reshape(len(matrices), *b.shape[-2:])
        if not b.size:
            return np.zeros(b.shape, dtype)
        return np.reshape([self._solve(m, v, **params) for m, v in zip(matrices, sides)], b.shape)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        a, b = values
        x = self(a, b, **params)
        moving = tracked[0] is not None
        return x, (a if moving else keep(a), x if moving else None, aval_of(b).dtype)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if tracked[0] is not None:
            raise not_linear(self)
        a, b = values
        return self.shape(aval_of(a), b, **params), (keep(a), None, b.dtype)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        a, x, _ = saved
        ta, tb = tangents
        if ta is None:
            return self(a, tb, **params)
        moved = self._moved(ta, x, **params)
        return self(a, -moved if tb is None else tb - moved, **params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        a, x, b_dtype = saved
        cb = self._turned(a, ct, **params)
        ca = None
        if tracked[0] is not None:
            (found,) = transpose(lambda t: self._moved(t, x, **params), [aval_of(a)], -cb)
            ca = None if found is None else cast(found, a.dtype)
        return [ca, None if tracked[1] is None else cast(cb, b_dtype)]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        a, x, b_dtype = saved
        return wrap(a, parents[0]), wrap(x, node), b_dtype

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        a, b = values
        if batched[0]:
            return self(a, spread(b, batched[1], size), **params)
        outer = a.ndim - self._rank  # the batch goes to the vectors, so that each matrix is factorised once
        order = (*range(1, outer + 1), 0, *range(outer + 1, b.ndim))
        turned = permute(b, axes=order)
        x = self(a, reshape(turned, shape=(*turned.shape[:outer], prod(turned.shape[outer:-1]), b.shape[-1])), **params)
        return permute(reshape(x, shape=turned.shape), axes=tuple(np.argsort(order).tolist()))


def _shifted(v: Any, by: int) -> Any:
    """`v[..., j + by]` at j, and zeros where there is none."""
    n = v.shape[-1]
    before, after = min(max(-by, 0), n), min(max(by, 0), n)
    kept = v[..., after : n - before]
    return pad(kept, widths=(*((0, 0),) * (v.ndim - 1), (before, after)))


# any band


def _banded_solve(ab: np.ndarray, b: np.ndarray, lower: int, upper: int) -> np.ndarray:
    from scipy.linalg import solve_banded

    return solve_banded((lower, upper), ab, b.T, check_finite=False).T


def _banded_product(ab: Any, x: Any, lower: int, upper: int) -> Any:
    return sum(_shifted(ab[..., d, None, :] * x, upper - d) for d in range(lower + upper + 1))


def _turned_band(ab: Any, b: Any, lower: int, upper: int) -> Any:
    rows = [_shifted(ab[..., lower + upper - d, :], d - lower) for d in range(lower + upper + 1)]
    return banded_solve(stack(rows, -2), b, lower=upper, upper=lower)


banded_solve = Equation("banded_solve", _banded_solve, 2, _banded_product, _turned_band)
"""`banded_solve(ab, b, lower, upper)`: `ab[..., upper + i - j, j]` is the matrix at i, j, as in `scipy.linalg`.

`ab` is `(*stack, lower + upper + 1, n)`, `b` is `(*stack, k, n)`. LinAlgError where a matrix is singular.
"""


# one number on each diagonal


def _recurrence(a: np.ndarray, u: np.ndarray) -> np.ndarray:
    from scipy.signal import lfilter

    one = np.ones(1, a.dtype)
    return lfilter(one, np.concatenate([one, a]), u)


def _earlier_terms(a: Any, x: Any) -> Any:
    """The sum of `a[j] x[n - 1 - j]`."""
    n = x.shape[-1]
    wide = broadcast_to(a[..., None, :], shape=(*x.shape[:-1], a.shape[-1]))
    return _shifted(convolve(wide, x)[..., :n], -1)


def _turned_recurrence(a: Any, b: Any) -> Any:
    last = (b.ndim - 1,)
    return flip(recurrence(a, flip(b, axes=last)), axes=last)


recurrence = Equation("recurrence", _recurrence, 1, _earlier_terms, _turned_recurrence)
"""`recurrence(a, u)`: the y with `y[n] = u[n] - a[0] y[n - 1] - a[1] y[n - 2] - ...`, and zeros before the first.

`a` is `(*stack, order)`, `u` is `(*stack, k, n)`. Its transpose is the same filter on reversed signals.
"""
