"""What the themes share: shapes and dtypes of stacks of matrices, and pieces of derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import FLOAT, Aval
from funcgrad.core.trace import Primitive
from funcgrad.ops.broadcasting import reshape, with_batch
from funcgrad.ops.contract import mH
from funcgrad.ops.families.general import General
from funcgrad.ops.structure import transpose


def computed_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which LAPACK computes: single and double precision stay, integers become float64."""
    if dtype.kind in "biu":
        return FLOAT
    if dtype.char not in "fdFD":
        raise TypeError(f"array type {dtype.name} is unsupported in linalg")
    return dtype


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of absolute values."""
    return np.empty((0,), computed_dtype(dtype)).real.dtype


def matrix(a: Any) -> tuple[tuple[int, ...], int, int, np.dtype]:
    """The stack, rows, columns and computed dtype of a stack of matrices."""
    if a.ndim < 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    return a.shape[:-2], a.shape[-2], a.shape[-1], computed_dtype(a.dtype)


def square_matrix(a: Any) -> tuple[tuple[int, ...], int, np.dtype]:
    if a.ndim >= 2 and a.shape[-2] != a.shape[-1]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    stack, n, _, dtype = matrix(a)
    return stack, n, dtype


def same_shape(a: Aval, **params: Any) -> Aval:
    return Aval(a.shape, square_matrix(a)[2])


def over_stacks(
    name: str,
    impl: Callable[..., Any],
    *,
    shape: Callable[..., Any],
    jvps: Sequence[Callable[..., Any]],
    multiple: bool = False,
) -> General:
    """A function of each matrix of a stack, with its derivatives: a batch is one more axis of the stack."""

    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim(*(with_batch(v, b, size) for v, b in zip(values, batched)), **params)

    prim = General(name, impl, shape=shape, jvps=jvps, batch=batch, multiple=multiple)
    return prim


def for_each(
    function: Callable[..., Any], args: Sequence[np.ndarray], ranks: Sequence[int], *avals: Aval
) -> tuple[np.ndarray, ...]:
    """The results of a function of one matrix, of shapes and dtypes `avals`, for each place of the arguments' stack.

    The stack is what all arguments have before their last `ranks` axes. The function returns a tuple.
    """
    outs = tuple(np.empty(a.shape, a.dtype) for a in avals)
    for index in np.ndindex(args[0].shape[: args[0].ndim - ranks[0]]):
        for out, y in zip(outs, function(*(a[index] for a in args))):
            out[index] = y
    return outs


def solve_as_columns(prim: Primitive, a: Any, b: Any, params: dict[str, Any], rank: int = 2) -> Any:
    """Right-hand sides with more leading axes than the matrices: each matrix is factorised once for all.

    A matrix is given by the last `rank` axes of `a`.
    """
    stack = a.ndim - rank
    extra = b.ndim - stack - 2
    order = (*range(extra, b.ndim - 1), *range(extra), b.ndim - 1)
    turned = transpose(b, axes=order)
    columns = prod(turned.shape[stack + 1 :])
    x = prim(a, reshape(turned, shape=(*turned.shape[: stack + 1], columns)), **params)
    x = reshape(x, shape=(*x.shape[:-1], *turned.shape[stack + 1 :]))
    return transpose(x, axes=tuple(np.argsort(order).tolist()))


def symmetric(t: Any) -> Any:
    return (t + mH(t)) * 0.5


def column(s: Any) -> Any:
    """`(*stack, n)` as `(*stack, n, 1)`, which multiplies rows."""
    return reshape(s, shape=(*s.shape, 1))


def row(s: Any) -> Any:
    """`(*stack, n)` as `(*stack, 1, n)`, which multiplies columns."""
    return reshape(s, shape=(*s.shape[:-1], 1, s.shape[-1]))


def identity(a: Any) -> np.ndarray:
    return np.eye(a.shape[-1], dtype=real_dtype(a.dtype))


def triangle(a: Any, lower: bool) -> np.ndarray:
    """Ones in one triangle and on the diagonal, zeros elsewhere."""
    ones = np.tri(a.shape[-1], dtype=real_dtype(a.dtype))
    return ones if lower else ones.T
