"""Functions in steps, and parts of numbers: rounding, signs, mantissas, neighbours, divisors."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.arity import of_two_tensors, unary
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.table import named, returned, titled
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_broadcast, need_tensors, promote, refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor

# Recorded, with the derivative zero


def _step(name: str, fun: Any) -> Any:
    kind = Kind(name.title(), "0")

    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name)
        if input.is_complex() and name != "round":
            raise NotImplementedError(f"{name} is not supported for complex inputs")
        refuse(input, "bc", f"{name}_vml_cpu")
        if input._read().dtype.kind in "iu":
            return clone(input)
        return call(kind, lambda v: flat(fun, v), input)

    return titled(apply, name, f"{name} of each element; its derivative is zero.")


floor, ceil, trunc = (
    named(*aliases, writes=True, out=True)(_step(name, fun))
    for name, fun, aliases in (("floor", fnp.floor, ()), ("ceil", fnp.ceil, ()), ("trunc", fnp.trunc, ("fix",)))
)
rounded = _step("round", fnp.rint)
ROUND = Kind("RoundBackward1")


@named(writes=True, out=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals (the even one of two); its derivative is zero."""
    need_tensor(input, "round")
    return rounded_to(input, decimals) if decimals else rounded(input)


def rounded_to(input: Tensor, decimals: int) -> Tensor:
    """Rounded as `special.round` does it: by an entry of its own, also where decimals is 0."""
    refuse(input, "biuc", "round_cpu" if decimals else "round_vml_cpu")
    ten = input._read().dtype.type(10.0 ** builtins.abs(decimals))

    def apply(v: Any) -> Any:
        return fnp.rint(v * ten) / ten if decimals > 0 else fnp.rint(v / ten) * ten

    return call(ROUND, lambda v: flat(apply, v), input)


def _signs(v: Any) -> Any:
    positive, negative = fnp.greater(v, 0), fnp.less(v, 0)
    return fnp.subtract(positive.astype(v.dtype), negative.astype(v.dtype)) if v.dtype.kind != "b" else v


def _sign(v: Any) -> Any:
    if v.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return flat(_signs, v)


def _sgn(v: Any) -> Any:
    return kinks.sgn(v) if v.dtype.kind == "c" else flat(_signs, v)


def _frac(v: Any) -> Any:
    return fnp.subtract(v, fnp.trunc(constant(v)))


sign = unary("sign", _sign, "0", floating=False, writes=False, doc="1, 0 or -1; as in PyTorch, 0 for NaN.")
sgn = unary("sgn", _sgn, "xr0", floating=False, writes=False, doc="`sign`; of complex numbers, input / abs(input).")
frac = unary("frac", _frac, refuses=("biuc", "frac_cpu"), doc="The part behind the point, with the derivative one.")


HEAVISIDE = Kind("NotImplemented", "-", "derivative for aten::heaviside is not implemented")


@named(in_place=True, out=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 where input is negative, 1 where it is positive, `values` at zero. It has no derivative."""
    need_tensors("heaviside", input=input, values=values)
    if input.is_complex() or values.is_complex():
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    check_broadcast(input.shape, values.shape)

    def step(x: Any, at_zero: Any) -> Any:
        above = fnp.greater(x, 0).astype(x.dtype)
        return fnp.where(fnp.equal(x, 0), at_zero, above)

    return call(HEAVISIDE, lambda x, v: flat(step, x, v), input, values)


NAN_TO_NUM = Kind("NanToNum", "x=")


@named(writes=True, out=True)
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """With numbers for NaN (zero) and the infinities (the largest of the dtype), where the derivative is zero."""
    need_tensor(input, "nan_to_num")
    if input.is_complex() and input.requires_grad:
        raise RuntimeError(
            "nan_to_num does not support automatic differentiation for outputs with complex dtype."
        )

    def of_reals(v: Any) -> Any:
        number, ends = v.dtype.type, np.finfo(v.dtype)
        at = raw(v)
        limited = fnp.where(fnp.isnan(at), number(nan or 0), at)
        limited = fnp.where(fnp.equal(at, np.inf), number(ends.max if posinf is None else posinf), limited)
        limited = fnp.where(fnp.equal(at, -np.inf), number(ends.min if neginf is None else neginf), limited)
        return fnp.where(fnp.isfinite(at), v, limited)

    def apply(v: Any) -> Any:
        if v.dtype.kind == "c":
            return lax.complex(of_reals(fnp.real(v)), of_reals(fnp.imag(v)))
        return of_reals(v) if v.dtype.kind == "f" else v.copy()

    return call(NAN_TO_NUM, apply, input)


# Parts of numbers

FREXP = Kind("Frexp", "-")


@named(out=True)
def frexp(input: Tensor) -> Any:
    """Mantissas (from 0.5 to 1) and exponents, with input = mantissa * 2**exponent."""
    need_tensor(input, "frexp")
    if not input.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")

    def split(v: Any) -> Any:
        _, exponent = fnp.frexp(constant(v))
        scaled = fnp.ldexp(v, fnp.negative(exponent))
        return fnp.where(fnp.isfinite(raw(v)), scaled, v), exponent

    return returned("frexp", call(FREXP, split, input))


def _scaled(v: Any, exponent: Any) -> Any:
    return fnp.multiply(v, fnp.exp2(exponent).astype(v.dtype))


def _scaled_read(keep: Any, v: Any, exponent: Any) -> Any:
    """Linear in both, of the result that was saved."""
    found = keep(_scaled(constant(v), constant(exponent)))
    steep = fnp.multiply(exponent, math.log(2)).astype(v.dtype)
    return fnp.add(_scaled(v, constant(exponent)), fnp.multiply(found, steep))


LDEXP = Kind("Ldexp", "yr=", reads=_scaled_read)


@named(writes=True, out=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2**other"""
    need_tensors("ldexp", input=input, other=other)
    check_broadcast(input.shape, other.shape)
    if input.is_floating_point():
        refuse(other, "b", "ldexp_cpu_exp")
    x, y = promote(input, other, floating=True)
    exponents = other if other.is_floating_point() and other.dim() else y
    return call(LDEXP, _scaled, x, exponents)


def _neighbour(x: Any, towards: Any) -> Any:
    """The derivative is one, but zero where both are equal."""
    found = fnp.nextafter(constant(x), constant(towards))
    moves = fnp.logical_and(fnp.not_equal(raw(x), raw(towards)), fnp.isfinite(raw(x)))
    step = fnp.where(moves, fnp.subtract(found, constant(x)), x.dtype.type(0))
    return fnp.where(moves, fnp.add(x, step), flat(lambda a, b: found, x, towards))


nextafter = of_two_tensors(
    "nextafter", _neighbour, "yx", refuses=("biuc", "nextafter_cpu"), doc="The next number from input towards other."
)
gcd = of_two_tensors("gcd", fnp.gcd, refuses=("bfc", "gcd_cpu"), writes=True, doc="Greatest common divisors.")
lcm = of_two_tensors("lcm", fnp.lcm, refuses=("bfc", "lcm_cpu"), writes=True, doc="Least common multiples.")
