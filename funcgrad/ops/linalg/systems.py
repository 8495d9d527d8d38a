"""Linear systems: solve, triangular_solve, inv, inv_or_nan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.tape import not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.contract import matmul, mT
from funcgrad.ops.families import cast
from funcgrad.ops.linalg.shared import (
    column,
    computed_dtype,
    matrix,
    over_stacks,
    same_shape,
    solve_as_columns,
    square_matrix,
    triangle,
)
from funcgrad.ops.structure import broadcast_to, reshape, spread


class Solver(Primitive):
    """`x` with `a x = b`: linear in `b`, and `dx = a^-1 (db - da x)`. One solve gives both cotangents.

    `a` is `(*stack, n, n)` and `b` `(*stack, n, k)`, with the same stack. `part` is the part of a matrix that
    counts; a parameter, if there is one, is a flag that turns when the matrix is transposed.

    NumPy gives no access to a factorisation, so that each solve makes its own: a gradient costs two.
    """

    def __init__(self, name: str, impl: Callable[..., Any], part: Callable[..., Any]) -> None:
        super().__init__(name)
        self.impl = impl
        self.part = part
        register(self)

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        a, b = avals
        stack, n, dtype = square_matrix(a)
        b_stack, rows, _, b_dtype = matrix(b)
        if b_stack != stack or rows != n:
            raise ValueError(f"a right-hand side of shape {b.shape} does not fit matrices of shape {a.shape}")
        return Aval(b.shape, np.result_type(dtype, b_dtype))

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
        moved = matmul(self.part(ta, **params), x)
        return self(a, -moved if tb is None else tb - moved, **params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        a, x, b_dtype = saved
        cb = self(mT(a), ct, **{flag: not set_ for flag, set_ in params.items()})
        ca = None if tracked[0] is None else cast(self.part(-matmul(cb, mT(x)), **params), a.dtype)
        return [ca, None if tracked[1] is None else cast(cb, b_dtype)]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        a, x, b_dtype = saved
        return wrap(a, parents[0]), wrap(x, node), b_dtype

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        a, b = values
        if not batched[0]:
            return solve_as_columns(self, a, b, params)
        return self(a, spread(b, batched[1], size), **params)


def _broadcast_solve(prim: Solver, a: Any, b: Any, **params: Any) -> Any:
    """NumPy's rule: a right-hand side of one axis is a vector, any other a stack of matrices."""
    if b.ndim == 1:
        x = _broadcast_solve(prim, a, column(b), **params)
        return reshape(x, shape=x.shape[:-1])
    a_stack, b_stack = square_matrix(a)[0], matrix(b)[0]
    if a_stack != b_stack:
        if b_stack[len(b_stack) - len(a_stack) :] == a_stack:
            return solve_as_columns(prim, a, b, params)
        stack = np.broadcast_shapes(a_stack, b_stack)
        a = broadcast_to(a, shape=stack + a.shape[-2:])
        b = broadcast_to(b, shape=stack + b.shape[-2:])
    return prim(a, b, **params)


_solve = Solver("solve", np.linalg.solve, part=lambda t: t)

SUBSTITUTED_AT_ONCE = 64


def _substitute(a: Any, b: Any, lower: bool) -> np.ndarray:
    """Solve triangular systems with what NumPy has, as exactly as by substitution.

    The LU factorisation of an upper triangular matrix does nothing but cost 2/3 n^3; a lower one is an upper
    one seen from its other corner. Halving leaves that cost to blocks, the rest to matrix products: at
    n = 1000, one right-hand side takes 0.7 ms instead of 18 ms (by LAPACK it would be 0.25 ms).
    """
    n = a.shape[-1]
    if n > SUBSTITUTED_AT_ONCE:
        near, far = slice(0, n // 2), slice(n // 2, n)
        first, then = (near, far) if lower else (far, near)
        x = np.empty(b.shape, np.result_type(computed_dtype(a.dtype), computed_dtype(b.dtype)))
        x[..., first, :] = _substitute(a[..., first, first], b[..., first, :], lower)
        rest = b[..., then, :] - a[..., then, first] @ x[..., first, :]
        x[..., then, :] = _substitute(a[..., then, then], rest, lower)
        return x
    if lower:
        return np.ascontiguousarray(_substitute(a[..., ::-1, ::-1], b[..., ::-1, :], False)[..., ::-1, :])
    return np.linalg.solve(np.triu(a), b)


_triangular_solve = Solver("triangular_solve", _substitute, part=lambda t, lower: t * triangle(t, lower))


def solve(a: Any, b: Any) -> Any:
    """Solve `a x = b`, as `np.linalg.solve`.

    Args:
        a: matrices `(*stack, n, n)`.
        b: a vector `(n,)`, or matrices `(*stack, n, k)`. Stacks broadcast.

    Raises:
        numpy.linalg.LinAlgError: a matrix is singular.

    Example:
        >>> import numpy as np
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    return _broadcast_solve(_solve, a, b)


def triangular_solve(a: Any, b: Any, *, lower: bool, trans: bool = False) -> Any:
    """Solve `a x = b` for triangular `a`, or `a^T x = b` with `trans`. The other triangle is not looked at.

    Args:
        a: matrices `(*stack, n, n)`.
        b: a vector `(n,)`, or matrices `(*stack, n, k)`. Stacks broadcast.
        lower: which triangle of `a` is the matrix.

    Raises:
        numpy.linalg.LinAlgError: there is a zero on a diagonal.

    Example:
        >>> import numpy as np
        >>> triangular_solve(np.array([[2.0, 9.0], [2.0, 1.0]]), np.array([2.0, 3.0]), lower=True)
        array([1., 1.])
    """
    return _broadcast_solve(_triangular_solve, mT(a) if trans else a, b, lower=lower != trans)


def _d_inv(t: Any, y: Any, a: Any) -> Any:
    return -matmul(matmul(y, t), y)


def _inv_or_nan(a: Any) -> np.ndarray:
    try:
        return np.linalg.inv(a)
    except LinAlgError:
        if a.ndim > 2:
            return np.stack([_inv_or_nan(part) for part in a])
        return np.full(a.shape, np.nan, computed_dtype(a.dtype))


inv = over_stacks("inv", np.linalg.inv, shape=same_shape, jvp=_d_inv)
inv_or_nan = over_stacks("inv_or_nan", _inv_or_nan, shape=same_shape, jvp=_d_inv)
