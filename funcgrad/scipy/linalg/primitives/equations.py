"""Linear equations that SciPy solves for matrices of a structure: Sylvester's, banded and Toeplitz matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval, aval_of
from funcgrad.ops.contract import matmul, mT
from funcgrad.ops.linalg.equations import Equation
from funcgrad.ops.linalg.shared import computed_dtype, for_each
from funcgrad.scipy.linalg.primitives.shared import all_finite


def equation(
    name: str,
    solve: Callable[..., Any],
    ranks: Sequence[int],
    terms: Sequence[Callable[..., Any]],
    turned: Callable[..., Sequence[Any]],
    turned_params: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Equation:
    """An `Equation` that `solve(*coefficients, b, **params)` of SciPy's solves for one place of a stack.

    Coefficient i has `ranks[i]` axes there.
    """

    def shape(*avals: Aval, **params: Any) -> Aval:
        return Aval(avals[-1].shape, np.result_type(*(computed_dtype(a.dtype) for a in avals)))

    def impl(*args: Any, **params: Any) -> np.ndarray:
        args = tuple(a.astype(computed_dtype(a.dtype), copy=False) for a in args)

        def of_matrix(*parts: np.ndarray) -> tuple[Any]:
            b = parts[-1]
            return (solve(*parts, **params) if b.size else b,)

        return for_each(of_matrix, args, (*ranks, 2), shape(*map(aval_of, args)))[0]

    return Equation(
        name, impl, shape=shape, terms=terms, turned=turned, turned_params=turned_params, rank=ranks[0]
    )


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


sylvester = equation(
    "sylvester",
    nan_or(_sylvester),
    (2, 2),
    (lambda a, b, x: matmul(a, x), lambda a, b, x: matmul(x, b)),
    turned=lambda a, b: (mT(a), mT(b)),
)
"""`x` with `a x + x b = q`; NaN where `a` and `-b` have a common eigenvalue.

Bartels and Stewart, "Solution of the matrix equation AX + XB = C" (1972).
"""
