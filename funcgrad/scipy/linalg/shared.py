"""What the themes of `linalg` share: operands as SciPy takes them, and who computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import scipy.linalg

from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.linalg.shared import adjoint, known
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.contract import mT
from funcgrad.ops.linalg.shared import computed_dtype, triangle
from funcgrad.ops.operands import as_array
from funcgrad.scipy.dispatch import beside

scipy_function = beside(scipy.linalg)
Function = TypeVar("Function", bound=Callable[..., Any])


def in_order_of(scipys: Callable[..., Any]) -> Callable[[Function], Function]:
    """Decorate a function of whose parameters SciPy's, by its version, has some, in an order of its own."""

    def decorate(fun: Function) -> Function:
        own = inspect.signature(fun)
        shown = own.replace(parameters=[own.parameters[name] for name in inspect.signature(scipys).parameters])

        @wraps(fun)
        def function(*args: Any, **kwargs: Any) -> Any:
            return fun(**shown.bind(*args, **kwargs).arguments)

        function.__signature__ = shown  # type: ignore[attr-defined]
        return function  # type: ignore[return-value]

    return decorate


def operand(x: Any, check_finite: bool = True) -> Array:
    """An array in a dtype of LAPACK's: integers become float64, half precision float32.

    Raises ValueError where a value is known not to be finite, which it is not while a program or a batch is traced.
    """
    x = as_array(x)
    dtype = np.dtype(np.float32) if x.dtype.char == "e" else computed_dtype(x.dtype)
    if x.dtype != dtype:
        x = ew.convert(x, dtype=dtype)
    if check_finite and (value := known(x)) is not None and not np.isfinite(value).all():
        raise ValueError("array must not contain infs or NaNs")
    return x


def matrices(x: Any, check_finite: bool = True) -> Array:
    """A stack of matrices; ValueError for less than two axes."""
    x = operand(x, check_finite)
    if x.ndim < 2:
        raise ValueError(f"expected matrices of two axes or more, not an array of shape {x.shape}")
    return x


def squares(x: Any, check_finite: bool = True) -> Array:
    """A stack of square matrices; ValueError for others."""
    x = matrices(x, check_finite)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"expected square matrices, not an array of shape {x.shape}")
    return x


def common(*arrays: Array) -> list[Array]:
    """The arrays in the dtype of all."""
    dtype = np.result_type(*(a.dtype for a in arrays))
    return [a if a.dtype == dtype else ew.convert(a, dtype=dtype) for a in arrays]


def one_stack(*arrays: Array, ranks: tuple[int, ...]) -> list[Array]:
    """Arrays that have the same axes before their last `ranks`."""
    split = [a.ndim - r for a, r in zip(arrays, ranks)]
    stack = np.broadcast_shapes(*(a.shape[:s] for a, s in zip(arrays, split)))
    return [
        a if a.shape[:s] == stack else broadcast_to(a, shape=stack + a.shape[s:]) for a, s in zip(arrays, split)
    ]


def from_triangle(a: Array, lower: bool, hermitian: bool = True) -> Array:
    """Symmetric or Hermitian matrices of which one triangle is read, as functions of their symmetric part.

    The other triangle has its part in the derivative all the same, as it has in that of `cholesky` and `eigh`.
    """
    turned = adjoint if hermitian else mT
    read = ew.stop_gradient(a * triangle(a, lower))
    off_diagonal = 1 - np.eye(a.shape[-1], dtype=read.real.dtype)
    value = read + turned(read * off_diagonal)
    moving = 0.5 * (a + turned(a))
    return value + (moving - ew.stop_gradient(moving))
