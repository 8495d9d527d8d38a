"""Linear equations that SciPy solves for matrices of a structure: Sylvester's, banded and Toeplitz matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.tape import not_linear, transpose
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.contract import matmul, mT
from funcgrad.ops.families import cast
from funcgrad.ops.linalg.shared import computed_dtype, solve_as_columns
from funcgrad.ops.structure import spread
from funcgrad.scipy.linalg.primitives.shared import all_finite, for_each


class Equation(Primitive):
    """`x` with `sum(term(c, x)) = b` over the coefficients and their terms, which are linear in both.

    A term may have a part besides that does not depend on c: `term` is without it.

    `solve(*coefficients, b, **params)` is SciPy's, of one matrix; coefficient i has `ranks[i]` axes, `b` two. The
    transposed equation is the same with the coefficients `turned(*coefficients, **params)` and the parameters
    `turned_params(params)`. The derivative is `dx = solve(db - sum(term(dc, x)))`, whatever the structure is.
    """

    def __init__(
        self,
        name: str,
        solve: Callable[..., Any],
        ranks: Sequence[int],
        terms: Sequence[Callable[..., Any]],
        turned: Callable[..., Sequence[Any]],
        turned_params: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        super().__init__(name)
        self.solve = solve
        self.ranks = (*ranks, 2)
        self.terms = terms
        self.turned = turned
        self.turned_params = turned_params
        register(self)

    def impl(self, *args: Any, **params: Any) -> np.ndarray:
        found = self.shape(*map(aval_of, args), **params)
        args = tuple(a.astype(computed_dtype(a.dtype), copy=False) for a in args)

        def of_matrix(*parts: np.ndarray) -> tuple[Any]:
            b = parts[-1]
            return (self.solve(*parts, **params) if b.size else b,)

        return for_each(of_matrix, args, self.ranks, found)[0]

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        return Aval(avals[-1].shape, np.result_type(*(computed_dtype(a.dtype) for a in avals)))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        x = self(*values, **params)
        moving = any(t is not None for t in tracked[:-1])
        kept = [v if t is not None else keep(v) for v, t in zip(values[:-1], tracked)]
        return x, (kept, x if moving else None, aval_of(values[-1]).dtype)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if any(t is not None for t in tracked[:-1]):
            raise not_linear(self)
        return self.shape(*map(aval_of, values), **params), ([keep(v) for v in values[:-1]], None, values[-1].dtype)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        coefficients, x, _ = saved
        *moved, side = tangents
        for term, t in zip(self.terms, moved):
            if t is not None:
                side = -term(t, x, **params) if side is None else side - term(t, x, **params)
        return self(*coefficients, side, **params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        coefficients, x, b_dtype = saved
        y = self(*self.turned(*coefficients, **params), ct, **self.turned_params(params))
        cts: list[Any] = []
        for term, c, tracks in zip(self.terms, coefficients, tracked):
            found = None
            if tracks is not None:
                (found,) = transpose(lambda u, term=term: term(u, x, **params), [aval_of(c)], -y)
            cts.append(None if found is None else cast(found, c.dtype))
        return [*cts, None if tracked[-1] is None else cast(y, b_dtype)]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        coefficients, x, b_dtype = saved
        return [wrap(c, p) for c, p in zip(coefficients, parents)], wrap(x, node), b_dtype

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        if len(values) == 2 and not batched[0]:
            a, b = values
            return solve_as_columns(self, a, b, params, self.ranks[0])
        return self(*(spread(v, b, size) for v, b in zip(values, batched)), **params)


def nan_or(solve: Callable[..., Any]) -> Callable[..., Any]:
    """A solver that SciPy gives finite numbers only; else all of the result is NaN."""
    return lambda *parts, **params: solve(*parts, **params) if all_finite(*parts) else np.nan


def _sylvester(a: np.ndarray, b: np.ndarray, q: np.ndarray) -> Any:
    """By triangular forms of both. LAPACK says where it had to change eigenvalues: there is no solution then."""
    dtype = np.result_type(a, b, q)
    output = "complex" if dtype.kind == "c" else "real"
    r, u = scipy.linalg.schur(a.astype(dtype, copy=False), output=output)
    s, v = scipy.linalg.schur(b.astype(dtype, copy=False).conj().T, output=output)
    f = u.conj().T @ q.astype(dtype, copy=False) @ v
    y, scale, info = scipy.linalg.get_lapack_funcs("trsyl", (r, s, f))(r, s, f, tranb="C")
    return u @ (scale * y) @ v.conj().T if info == 0 else np.nan


sylvester = Equation(
    "sylvester",
    nan_or(_sylvester),
    (2, 2),
    (lambda a, x: matmul(a, x), lambda b, x: matmul(x, b)),
    turned=lambda a, b: (mT(a), mT(b)),
)
"""`x` with `a x + x b = q`; NaN where `a` and `-b` have a common eigenvalue.

Bartels and Stewart, "Solution of the matrix equation AX + XB = C" (1972).
"""
