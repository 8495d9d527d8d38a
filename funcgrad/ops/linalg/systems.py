"""Linear systems: solve, triangular_solve, inv, inv_or_nan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import broadcast_to, reshape
from funcgrad.ops.contract import matmul, mT
from funcgrad.ops.linalg.equations import Equation
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


def _shape(a: Aval, b: Aval, **params: Any) -> Aval:
    stack, n, dtype = square_matrix(a)
    b_stack, rows, _, b_dtype = matrix(b)
    if b_stack != stack or rows != n:
        raise ValueError(f"a right-hand side of shape {b.shape} does not fit matrices of shape {a.shape}")
    return Aval(b.shape, np.result_type(dtype, b_dtype))


def _broadcast_solve(prim: Equation, a: Any, b: Any, **params: Any) -> Any:
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


_solve = Equation(
    "solve",
    np.linalg.solve,
    shape=_shape,
    terms=(matmul,),
    pulls=(lambda y, x: matmul(y, mT(x)),),
    turned=lambda a: (mT(a),),
)
"""`x` with `a x = b`. NumPy gives no access to a factorisation: each solve makes its own, a gradient two."""

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


_triangular_solve = Equation(
    "triangular_solve",
    _substitute,
    shape=_shape,
    terms=(lambda a, x, lower: matmul(a * triangle(a, lower), x),),
    pulls=(lambda y, x, lower: (product := matmul(y, mT(x))) * triangle(product, lower),),
    turned=lambda a, lower: (mT(a),),
    turned_params=lambda params: {"lower": not params["lower"]},
)


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


inv = over_stacks("inv", np.linalg.inv, shape=same_shape, jvps=(_d_inv,))
inv_or_nan = over_stacks("inv_or_nan", _inv_or_nan, shape=same_shape, jvps=(_d_inv,))
