"""Comparison and logic: results are not recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.table import into, named, titled
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_together, need_tensors, no_overload, number, promote, refuse
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

PLAIN, CLOSE = Kind(""), Kind("isclose")
"""What no derivative comes back through, inside of another operation."""


def _comparison(
    name: str, fun: Callable[[Any, Any], Any], refuses: str = "", *aliases: str, kernel: str = ""
) -> Callable[..., Tensor]:
    kind = Kind(name)

    def apply(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        if out is not None:
            return into(out, apply, (input, other), {})
        x, y = number(input), number(other)
        if name.startswith("logical"):
            need_tensors(name, input=x, other=y)
        elif not isinstance(x, Tensor) and not name.startswith("bitwise"):
            raise TypeError(no_overload(name, x, y))
        check_together(x, y)
        x, y = promote(x, y)
        refuse(x if isinstance(x, Tensor) else y, refuses, kernel or f"{name}_cpu")
        return call(kind, lambda a, b: fun(raw(a), raw(b)), x, y)

    return named(*aliases, in_place=True, out=True)(titled(apply, name, f"{name} of elements."))


eq, ne = _comparison("eq", fnp.equal), _comparison("ne", fnp.not_equal, "", "not_equal")
lt, le = _comparison("lt", fnp.less, "c", "less"), _comparison("le", fnp.less_equal, "c", "less_equal")
gt, ge = _comparison("gt", fnp.greater, "c", "greater"), _comparison("ge", fnp.greater_equal, "c", "greater_equal")
logical_and, logical_or, logical_xor = (
    _comparison(n, getattr(fnp, n)) for n in ("logical_and", "logical_or", "logical_xor")
)
bitwise_and, bitwise_or, bitwise_xor = (
    _comparison(n, getattr(fnp, n), "fc") for n in ("bitwise_and", "bitwise_or", "bitwise_xor")
)
bitwise_left_shift, bitwise_right_shift = (
    _comparison(f"bitwise_{n}_shift", getattr(fnp, f"{n}_shift"), "bfc", kernel=f"{n[0]}shift_cpu")
    for n in ("left", "right")
)


def _predicate(
    name: str,
    fun: Callable[[Any], Any],
    in_place: bool = False,
    refusal: tuple[type[Exception], str] | None = None,
    refuses: tuple[str, str] = ("", ""),
    out: bool = True,
) -> Callable[[Tensor], Tensor]:
    kind = Kind(name)

    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name)
        refuse(input, *refuses)
        if refusal is not None and input.is_complex():
            raise refusal[0](refusal[1])
        return call(kind, lambda v: fun(raw(v)), input)

    return named(in_place=in_place, out=out)(titled(apply, name, f"{name} of each element."))


isnan, isinf, isfinite = (_predicate(n, getattr(fnp, n), out=False) for n in ("isnan", "isinf", "isfinite"))
isposinf, isneginf = (
    _predicate(n, getattr(fnp, n), refusal=(RuntimeError, f"{n} does not support complex inputs."))
    for n in ("isposinf", "isneginf")
)
signbit = _predicate(
    "signbit", fnp.signbit, refusal=(NotImplementedError, "signbit is not implemented for complex tensors.")
)
isreal = _predicate("isreal", fnp.isreal, out=False)
logical_not = _predicate("logical_not", fnp.logical_not, in_place=True)
bitwise_not = _predicate("bitwise_not", fnp.bitwise_not, in_place=True, refuses=("fc", "bitwise_not_cpu"))


@named()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal."""
    need_tensors("equal", input=input, other=other)
    return input.shape == other.shape and bool(np.all(input._array() == other._array()))


@named()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close: `isclose`."""
    need_tensors("allclose", input=input, other=other)
    return bool(isclose(input, other, rtol, atol, equal_nan)._array().all())


@named()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """abs(input - other) <= atol + rtol * abs(other)"""
    need_tensors("isclose", input=input, other=other)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.title} did not match {other.dtype.title}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance:g}")
    check_together(input, other)

    def close(x: Any, y: Any) -> Any:
        x, y = (v.astype(dtypes.default()) if v.dtype.kind in "biu" else v for v in (raw(x), raw(y)))
        same = fnp.equal(x, y)
        if equal_nan and x.dtype.kind in "fc":
            same = fnp.logical_or(same, fnp.logical_and(fnp.isnan(x), fnp.isnan(y)))
        if not (rtol or atol):
            return same
        allowed = fnp.add(atol, fnp.abs(fnp.multiply(rtol, y)))
        apart = fnp.abs(fnp.subtract(x, y))
        return fnp.logical_or(same, fnp.logical_and(fnp.isfinite(apart), fnp.less_equal(apart, allowed)))

    return call(CLOSE, close, input, other)
