"""Functions of elements: arithmetic, powers, exponentials, trigonometry, comparison, selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import nn
from funcgrad.core.trace import Tracer
from funcgrad.ops import elementwise as ew
from funcgrad.torch._record.calls import (
    Kind,
    binary,
    call,
    check_broadcast,
    check_divisor,
    need_tensor,
    number,
    promote,
    refuse,
    unary,
)
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import PLACES, USE_WHERE
from funcgrad.torch._tensor.tensor import Tensor, fresh

# Arithmetic


def is_anywhere(mask: Any) -> bool:
    """Whether a mask may hold anywhere."""
    return isinstance(mask, Tracer) or bool(mask.any())


def _atan2(y: Any, x: Any) -> Any:
    """PyTorch's derivative at the origin is 0."""
    origin = ew.logical_and(ew.eq(x, 0), ew.eq(y, 0))
    if not is_anywhere(origin):
        return ew.arctan2(y, x)
    elsewhere = ew.arctan2(y, ew.where(origin, 1, x))
    return ew.where(origin, constant(ew.arctan2(constant(y), constant(x))), elsewhere)


def _hypot(x: Any, y: Any) -> Any:
    """PyTorch's derivative at the origin is NaN."""
    radius = ew.hypot(x, y)
    origin = ew.eq(radius, 0)
    return ew.where(origin, ew.sqrt(x * x + y * y), radius) if is_anywhere(origin) else radius


def _with_nans(extreme: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """PyTorch gives the whole gradient to both operands where one is NaN."""

    def apply(x: Any, y: Any) -> Any:
        out = extreme(x, y)
        nans = ew.isnan(raw(out))
        return ew.where(nans, ew.add(x, y), out) if is_anywhere(nans) else out

    return apply


def _chosen(first: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """fmax and fmin, which PyTorch takes for their first operand at ties, and where the other is NaN."""

    def apply(x: Any, y: Any) -> Any:
        return ew.where(ew.logical_or(first(raw(x), raw(y)), ew.isnan(raw(y))), x, y)

    return apply


def _copysign(x: Any, y: Any) -> Any:
    """PyTorch's derivatives at zero, and by the sign, are zero."""
    flat_there = flat(ew.copysign, x, y)
    return ew.where(ew.eq(raw(x), 0), flat_there, ew.copysign(x, y))


add_ = binary(ew.add, "Add", function="add")
sub_ = binary(ew.sub, "Sub", function="sub")
mul = binary(ew.mul, "Mul", "*", number_saves="-")
div_ = binary(ew.div, "Div", "y*", number_saves="-", floating=True, function="div")
rsub_scalar = binary(lambda x, n: ew.sub(n, x), "RsubBackward1", function="rsub")
reciprocal = unary(ew.reciprocal, "Reciprocal", "r")
remainder = binary(ew.mod, "Remainder", "y", number_saves="-", divides=True)
fmod = binary(ew.fmod, "Fmod", "y", number_saves="-", divides=True)
maximum = binary(_with_nans(ew.maximum), "Maximum", "xy", refuses=("c", "max_elementwise_cpu"), function="maximum")
minimum = binary(_with_nans(ew.minimum), "Minimum", "xy", refuses=("c", "min_elementwise_cpu"), function="minimum")
fmax = binary(_chosen(ew.ge), "Fmax", "xy", refuses=("c", "fmax_cpu"), function="fmax")
fmin = binary(_chosen(ew.le), "Fmin", "xy", refuses=("c", "fmin_cpu"), function="fmin")
atan2 = arctan2 = binary(_atan2, "Atan2Backward0", "xy", floating=True, function="atan2")
hypot = binary(_hypot, "Hypot", "xyr", refuses=("biuc", "hypot_cpu"))
logaddexp = binary(ew.logaddexp, "Logaddexp", "xy", refuses=("biu", "logaddexp_cpu"))
copysign = binary(_copysign, "Copysign", "x", floating=True, function="copysign")


def scaled(input: Any, other: Any, alpha: Any) -> Any:
    """`other` times `alpha`, in the dtype of the sum."""
    alpha = number(alpha)
    if alpha == 1:
        return other
    return mul(promote(input, other)[1], alpha) if isinstance(other, Tensor) else other * alpha


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other"""
    return add_(input, scaled(input, other, alpha))


def check_no_bools(*operands: Any) -> None:
    """PyTorch's errors for subtracting bools."""
    bools = [isinstance(t, Tensor) and t._read().dtype.kind == "b" for t in operands]
    if all(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    if any(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other"""
    check_no_bools(input, other)
    return sub_(input, scaled(input, other, alpha))


def rsub(input: Tensor, other: Any) -> Tensor:
    """other - input"""
    other = number(other)
    check_no_bools(input, other)
    return sub_(other, input) if isinstance(other, Tensor) else rsub_scalar(input, other)


def _truncated_quotient(x: Any, y: Any) -> Any:
    floor = ew.floor_divide(x, y)
    if floor.dtype.kind not in "iu":
        return ew.trunc(ew.div(x, y))
    inexact = ew.logical_and(ew.lt(floor, 0), ew.ne(ew.mul(floor, y), x))
    return ew.where(inexact, ew.add(floor, 1), floor)


ROUNDED = {"floor": ew.floor_divide, "trunc": _truncated_quotient}
DIV_TENSOR, DIV_NUMBER = Kind("DivBackward2"), Kind("DivBackward3")


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, or its floor or its integer part."""
    if rounding_mode is None:
        return div_(input, other)
    if rounding_mode in ROUNDED:
        quotient = ROUNDED[rounding_mode]
        x, y = promote(number(input), number(other))
        check_divisor(x, y)
        kind = DIV_TENSOR if isinstance(y, Tensor) else DIV_NUMBER
        return call(kind, lambda a, b: flat(quotient, a, b), x, y)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
    )


true_divide = divide = div
subtract = sub
multiply = mul


def rdiv(input: Tensor, other: Any) -> Tensor:
    """other / input"""
    return mul(reciprocal(input), other)


NOT_IMPLEMENTED = Kind("NotImplemented", "-")


def floor_divide(input: Any, other: Any) -> Tensor:
    """The floor of the quotient. As in PyTorch, a backward pass that reaches it raises."""
    x, y = promote(number(input), number(other))
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        check_broadcast(x.shape, y.shape)
    check_divisor(x, y)
    return call(NOT_IMPLEMENTED, lambda a, b: flat(ew.floor_divide, a, b), x, y)


def flat(fun: Callable[..., Any], *values: Any) -> Any:
    """A function in steps, whose result PyTorch records with the derivative zero."""
    out = constant(fun(*values))
    for v in values:
        if v is not raw(v):
            out = ew.where(np.False_, v, out)
    return out


neg_ = unary(ew.neg, "Neg", function="neg")


def neg(input: Tensor) -> Tensor:
    """-input"""
    if isinstance(input, Tensor) and input._read().dtype.kind != "f":
        if input._read().dtype.kind == "b":
            raise RuntimeError(
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
                "invert a mask, use the `~` or `logical_not()` operator instead."
            )
        return call(NEG, ew.neg, input)
    return neg_(input)


NEG = Kind("Neg")
ABS = Kind("Abs", "x")
negative = neg


def abs(input: Tensor) -> Tensor:
    """Absolute values. As in PyTorch, the derivative at zero is zero."""
    need_tensor(input, "abs")
    refuse(input, "b", "abs_cpu")
    return call(ABS, magnitude, input)


def magnitude(x: Any) -> Any:
    """Absolute values, with PyTorch's derivative at zero and at NaN: zero."""
    y = ew.abs(x)
    return ew.where(ew.gt(raw(y), 0), y, constant(y)) if x.dtype.kind in "fc" else y


absolute = abs


def positive(input: Tensor) -> Tensor:
    return input


# Powers

sqrt = unary(ew.sqrt, "Sqrt", "r")
rsqrt = unary(lambda x: ew.reciprocal(ew.sqrt(x)), "Rsqrt", "r")


def _pow(x: Any, y: Any) -> Any:
    """PyTorch's derivatives: zero in the base where the exponent is zero, -inf in a negative exponent of zero."""
    flat_base = ew.eq(raw(y), 0)
    if is_anywhere(flat_base):
        x = ew.where(flat_base, constant(x), x)
    pole = ew.logical_and(ew.eq(raw(x), 0), ew.lt(raw(y), 0))
    if not is_anywhere(pole):
        return ew.pow(x, y)
    return ew.where(pole, _pole(x, y, pole), ew.pow(ew.where(pole, 1, x), ew.where(pole, 1, y)))


def _pole(x: Any, y: Any, there: Any) -> Any:
    """A negative power of zero: infinite, as its derivatives, each with the sign that PyTorch's formula gives."""
    value = ew.pow(constant(x), constant(y))
    slope = ew.pow(constant(x), ew.sub(constant(y), 1))
    base = ew.where(ew.ne(value, slope), x, ew.add(x, 0))  # adding zero makes -0.0 positive
    size = ew.exp(ew.mul(ew.where(there, y, 1), ew.log(ew.where(there, base, 1))))
    return ew.where(ew.lt(value, 0), ew.neg(size), size)


def _power_of_number(y: Any, n: Any) -> Any:
    return ew.pow(n, y) if n != 0 or y.dtype.kind not in "fc" else _pow(y.dtype.type(n), y)


power_by_number = binary(ew.pow, "Pow", "x", function="pow")
power_of_number = binary(_power_of_number, "PowBackward2", "xr", function="pow")
power_of_tensors = binary(_pow, "PowBackward1", "xyr", function="pow")


def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent"""
    input, exponent = number(input), number(exponent)
    if isinstance(input, Tensor):
        if isinstance(exponent, Tensor):
            return power_of_tensors(input, exponent)
        if type(exponent) is int and exponent < 0 and input._read().dtype.kind in "iu":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if type(exponent) is float and exponent.is_integer() and input._read().dtype.kind == "f":
            exponent = int(exponent)
        return power_by_number(input, exponent)
    return power_of_number(exponent, input)


def square(input: Tensor) -> Tensor:
    return pow(input, 2)


# Exponentials, logarithms, trigonometry

exp = unary(ew.exp, "Exp", "r")
exp2 = unary(ew.exp2, "Exp2Backward0", "r", "exp2")
expm1 = unary(ew.expm1, "Expm1Backward0", "r", "expm1")
log = unary(ew.log, "Log", "x")
log2 = unary(ew.log2, "Log2Backward0", "x", "log2")
log10 = unary(ew.log10, "Log10Backward0", "x", "log10")
log1p = unary(ew.log1p, "Log1P", "x")
sin = unary(ew.sin, "Sin", "x")
cos = unary(ew.cos, "Cos", "x")
tan = unary(ew.tan, "Tan", "r")
asin = arcsin = unary(ew.arcsin, "Asin", "x")
acos = arccos = unary(ew.arccos, "Acos", "x")
atan = arctan = unary(ew.arctan, "Atan", "x")
sinh = unary(ew.sinh, "Sinh", "x")
cosh = unary(ew.cosh, "Cosh", "x")
tanh = unary(ew.tanh, "Tanh", "r")
asinh = arcsinh = unary(ew.arcsinh, "Asinh", "x")
acosh = arccosh = unary(ew.arccosh, "Acosh", "x")
atanh = arctanh = unary(ew.arctanh, "Atanh", "x")
deg2rad = unary(ew.deg2rad, "Deg2Rad")
rad2deg = unary(ew.rad2deg, "Rad2Deg")


def _relu(x: Any) -> Any:
    zero = ew.where(ew.lt(raw(x), 0), x.dtype.type(0), constant(x))
    return ew.where(ew.le(raw(x), 0), zero, x)


sigmoid = unary(nn.sigmoid, "Sigmoid", "r")
logsigmoid = unary(lambda x: ew.neg(nn.softplus(ew.neg(x))), "LogSigmoid", "x")
RELU = Kind("Relu", "r")


def relu(input: Tensor) -> Tensor:
    """max(input, 0)"""
    need_tensor(input, "relu")
    if input._read().dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return call(RELU, _relu, input)


# Steps: recorded, with the derivative zero

FLAT = {"Floor": ew.floor, "Ceil": ew.ceil, "Trunc": ew.trunc, "Round": ew.rint}


def _step(name: str) -> Callable[[Tensor], Tensor]:
    kind, fun = Kind(name), FLAT[name]

    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name.lower())
        refuse(input, "b", f"{name.lower()}_vml_cpu")
        if input._read().dtype.kind in "iu":
            return clone(input)
        return call(kind, lambda v: flat(fun, v), input)

    apply.__name__ = apply.__qualname__ = name.lower()
    return apply


floor, ceil, trunc, round = map(_step, FLAT)
SIGN, FRAC = Kind("Sign"), Kind("Frac")


def _sign(v: Any) -> Any:
    return ew.sub(ew.gt(v, 0).astype(v.dtype), ew.lt(v, 0).astype(v.dtype)) if v.dtype.kind != "b" else v


def sign(input: Tensor) -> Tensor:
    """1, 0 or -1; as in PyTorch, 0 for NaN."""
    need_tensor(input, "sign")
    if input.is_complex():
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return call(SIGN, lambda v: flat(_sign, v), input)


def frac(input: Tensor) -> Tensor:
    """The part behind the point, with the derivative one."""
    need_tensor(input, "frac")
    refuse(input, "biu", "frac_cpu")
    return call(FRAC, lambda v: ew.sub(v, ew.trunc(constant(v))), input)


# Comparison and logic

BOOLEAN = Kind("Boolean")


def _comparison(name: str, fun: Callable[[Any, Any], Any], refuses: str = "") -> Callable[[Any, Any], Tensor]:
    def apply(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            check_broadcast(x.shape, y.shape)
        x, y = promote(x, y)
        refuse(x if isinstance(x, Tensor) else y, refuses, f"{name}_cpu")
        return call(BOOLEAN, lambda a, b: fun(raw(a), raw(b)), x, y)

    apply.__name__ = apply.__qualname__ = name
    return apply


eq, ne = (_comparison(n, getattr(ew, n)) for n in ("eq", "ne"))
lt, le, gt, ge = (_comparison(n, getattr(ew, n), refuses="c") for n in ("lt", "le", "gt", "ge"))
logical_and, logical_or, logical_xor = (
    _comparison(n, getattr(ew, n)) for n in ("logical_and", "logical_or", "logical_xor")
)
bitwise_and, bitwise_or, bitwise_xor = (
    _comparison(n, getattr(ew, n)) for n in ("bitwise_and", "bitwise_or", "bitwise_xor")
)


def _predicate(name: str, fun: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name)
        return call(BOOLEAN, lambda v: fun(raw(v)), input)

    apply.__name__ = apply.__qualname__ = name
    return apply


isnan, isinf, isfinite, logical_not, bitwise_not = (
    _predicate(n, getattr(ew, n)) for n in ("isnan", "isinf", "isfinite", "logical_not", "bitwise_not")
)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal."""
    return input.shape == other.shape and bool(np.all(input._array() == other._array()))


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    return bool(np.allclose(input._array(), other._array(), rtol, atol, equal_nan))


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    return fresh(np.isclose(input._array(), other._array(), rtol, atol, equal_nan))


# Selection

WHERE = Kind("Where", "-")
CLAMP = Kind("ClampBackward1", "x")
CLAMP_TENSORS = Kind("Clamp", "xy")
MASKED_FILL = Kind("MaskedFill", "-")


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere; `nonzero` without them.
    """
    if input is None:
        return tuple(map(fresh, np.nonzero(condition._array(PLACES, USE_WHERE))))
    x, y = promote(number(input), number(other))
    return call(WHERE, lambda c, a, b: ew.where(raw(c), a, b), condition, x, y)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limited to [min, max]. As in PyTorch, the derivative is one at the limits too."""
    need_tensor(input, "clamp")
    min, max = number(min), number(max)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    limits = [m for m in (min, max) if m is not None]
    x, *limits = promote(input, *limits)
    refuse(x, "c", "clamp_cpu")
    lower, upper = min is not None, max is not None
    tensors = any(isinstance(m, Tensor) for m in limits)

    def clamped(v: Any, *bounds: Any) -> Any:
        low, high = (bounds[0] if lower else None), (bounds[-1] if upper else None)
        at = raw(v)
        limited, inside, below, above = constant(v), np.True_, np.False_, np.False_
        if lower:
            limited = ew.maximum(limited, constant(low))
            inside, below = ew.ge(at, raw(low)), ew.lt(at, raw(low))
        if upper:
            limited = ew.minimum(limited, constant(high))
            inside, above = ew.logical_and(inside, ew.le(at, raw(high))), ew.gt(at, raw(high))
        if lower and upper:
            below = ew.logical_and(below, ew.lt(raw(low), raw(high)))
            above = ew.logical_or(above, ew.lt(raw(high), raw(low)))
        out = ew.where(inside, v, limited)
        for bound, there in ((low, below), (high, above)):
            if tensors and bound is not None:
                out = ew.where(there, ew.where(ew.isnan(at), ew.add(bound, constant(v)), bound), out)
        return out

    return call(CLAMP_TENSORS if tensors else CLAMP, clamped, x, *limits)


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    return clamp(input, max=max)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask holds."""
    value = number(value)
    if isinstance(value, Tensor):
        if value.dim():
            raise RuntimeError(
                f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.dim()} "
                "dimension(s)."
            )
        if dtypes.category(value._read().dtype) > dtypes.category(input._read().dtype):
            raise RuntimeError(f"value cannot be converted to type {dtypes.c_name(input.dtype)} without overflow")
        value = value.to(input.dtype)
    else:
        value = dtypes.held(value, input._read().dtype)
    return call(MASKED_FILL, lambda v, m, f: ew.where(raw(m), f, v), input, mask, value)


CLONE = Kind("Clone")


def clone(input: Tensor) -> Tensor:
    """A copy, through which gradients flow."""
    need_tensor(input, "clone")
    return call(
        CLONE,
        lambda v: (
            v.copy() if isinstance(v, (np.ndarray, np.generic)) else ew.where(np.True_, v, v.dtype.type(0))
        ),
        input,
    )
