"""Comparison and logic: results are not recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_broadcast, number, promote, refuse
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.tensor import Tensor, fresh

PLAIN = Kind("Plain")


def _comparison(
    name: str, fun: Callable[[Any, Any], Any], refuses: str = "", *aliases: str
) -> Callable[[Any, Any], Tensor]:
    def apply(input: Any, other: Any, *, out: Any = None) -> Any:
        if out is not None:
            return into(out, apply, (input, other), {})
        x, y = number(input), number(other)
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            check_broadcast(x.shape, y.shape)
        x, y = promote(x, y)
        refuse(x if isinstance(x, Tensor) else y, refuses, f"{name}_cpu")
        return call(PLAIN, lambda a, b: fun(raw(a), raw(b)), x, y)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"{name} of elements."
    return named(*aliases, in_place=True, out=True)(apply)


eq, ne = _comparison("eq", fnp.equal), _comparison("ne", fnp.not_equal, "", "not_equal")
lt, le = _comparison("lt", fnp.less, "c", "less"), _comparison("le", fnp.less_equal, "c", "less_equal")
gt, ge = _comparison("gt", fnp.greater, "c", "greater"), _comparison("ge", fnp.greater_equal, "c", "greater_equal")
logical_and, logical_or, logical_xor = (
    _comparison(n, getattr(fnp, n)) for n in ("logical_and", "logical_or", "logical_xor")
)
bitwise_and, bitwise_or, bitwise_xor = (
    _comparison(n, getattr(fnp, n), "f") for n in ("bitwise_and", "bitwise_or", "bitwise_xor")
)
bitwise_left_shift, bitwise_right_shift = (
    _comparison(f"bitwise_{n}", getattr(fnp, n), "f") for n in ("left_shift", "right_shift")
)


def _predicate(name: str, fun: Callable[[Any], Any], in_place: bool = False) -> Callable[[Tensor], Tensor]:
    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name)
        return call(PLAIN, lambda v: fun(raw(v)), input)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"{name} of each element."
    return named(in_place=in_place)(apply)


isnan, isinf, isfinite = (_predicate(n, getattr(fnp, n)) for n in ("isnan", "isinf", "isfinite"))
isposinf, isneginf, signbit = (_predicate(n, getattr(fnp, n)) for n in ("isposinf", "isneginf", "signbit"))
isreal = _predicate("isreal", fnp.isreal)
logical_not = _predicate("logical_not", fnp.logical_not, in_place=True)
bitwise_not = _predicate("bitwise_not", fnp.bitwise_not, in_place=True)


@named()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal."""
    return input.shape == other.shape and bool(np.all(input._array() == other._array()))


@named()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close: `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._array().all())


@named()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """abs(input - other) <= atol + rtol * abs(other)"""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.title} did not match {other.dtype.title}")
    return fresh(np.isclose(input._array(), other._array(), rtol, atol, equal_nan))
