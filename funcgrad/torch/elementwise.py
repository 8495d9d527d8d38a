"""Functions of elements: arithmetic, powers, exponentials, trigonometry, comparison, selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.ops import elementwise as ew
from funcgrad.torch.calls import (
    Kind,
    binary,
    call,
    check_broadcast,
    need_tensor,
    number,
    promote,
    unary,
)
from funcgrad.torch.tape import constant, raw
from funcgrad.torch.tensor import Tensor, fresh

# Arithmetic


def _somewhere(mask: Any) -> bool:
    """Whether a mask may hold anywhere."""
    return isinstance(mask, Tracer) or bool(mask.any())


def _atan2(y: Any, x: Any) -> Any:
    """PyTorch's derivative at the origin is 0."""
    origin = ew.logical_and(ew.eq(x, 0), ew.eq(y, 0))
    if not _somewhere(origin):
        return ew.arctan2(y, x)
    elsewhere = ew.arctan2(y, ew.where(origin, 1, x))
    return ew.where(origin, constant(ew.arctan2(constant(y), constant(x))), elsewhere)


def _hypot(x: Any, y: Any) -> Any:
    """PyTorch's derivative at the origin is NaN."""
    radius = ew.hypot(x, y)
    origin = ew.eq(radius, 0)
    return ew.where(origin, ew.sqrt(x * x + y * y), radius) if _somewhere(origin) else radius


add_ = binary(ew.add, "Add", function="add")
sub_ = binary(ew.sub, "Sub", function="sub")
mul = binary(ew.mul, "Mul", "*", number_saves="-")
div_ = binary(ew.div, "Div", "y*", number_saves="-", floating=True, function="div")
rsub_scalar = binary(lambda x, n: ew.sub(n, x), "RsubBackward1", function="rsub")
reciprocal = unary(ew.reciprocal, "Reciprocal", "r")
remainder = binary(ew.mod, "Remainder", "y", number_saves="-")
fmod = binary(ew.fmod, "Fmod", "y", number_saves="-")
maximum = binary(ew.maximum, "Maximum", "xy")
minimum = binary(ew.minimum, "Minimum", "xy")
fmax = binary(ew.fmax, "Fmax", "xy")
fmin = binary(ew.fmin, "Fmin", "xy")
atan2 = arctan2 = binary(_atan2, "Atan2Backward0", "xy", floating=True, function="atan2")
hypot = binary(_hypot, "Hypot", "xyr")
logaddexp = binary(ew.logaddexp, "Logaddexp", "xy")
copysign = binary(ew.copysign, "Copysign", "x")


def scaled(other: Any, alpha: Any) -> Any:
    alpha = number(alpha)
    return other if alpha == 1 else mul(other, alpha) if isinstance(other, Tensor) else other * alpha


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other"""
    return add_(input, scaled(other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other"""
    if isinstance(input, Tensor) and input._read().dtype.kind == "b":
        if not isinstance(other, Tensor) or other._read().dtype.kind == "b":
            raise RuntimeError(
                "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                "`logical_xor()` operator instead."
            )
    return sub_(input, scaled(other, alpha))


def rsub(input: Tensor, other: Any) -> Tensor:
    """other - input"""
    other = number(other)
    return sub_(other, input) if isinstance(other, Tensor) else rsub_scalar(input, other)


ROUNDED = {"floor": ew.floor, "trunc": ew.trunc}
DIV_TENSOR, DIV_NUMBER = Kind("DivBackward2"), Kind("DivBackward3")


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, or its floor or its integer part."""
    if rounding_mode is None:
        return div_(input, other)
    if rounding_mode in ROUNDED:
        whole = ROUNDED[rounding_mode]
        x, y = promote(number(input), number(other))
        kind = DIV_TENSOR if isinstance(y, Tensor) else DIV_NUMBER
        return call(kind, lambda a, b: flat(lambda p, q: whole(ew.div(p, q)), a, b), x, y)
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
    return call(ABS, _abs, input)


def _abs(x: Any) -> Any:
    return ew.abs(x) if x.dtype.kind not in "f" else ew.where(ew.eq(x, 0), constant(ew.abs(x)), ew.abs(x))


absolute = abs


def positive(input: Tensor) -> Tensor:
    return input


# Powers

sqrt = unary(ew.sqrt, "Sqrt", "r")
rsqrt = unary(lambda x: ew.reciprocal(ew.sqrt(x)), "Rsqrt", "r")
power_by_number = binary(ew.pow, "Pow", "x", function="pow")
power_of_number = binary(lambda y, x: ew.pow(x, y), "PowBackward2", "xr", function="pow")
power_of_tensors = binary(ew.pow, "PowBackward1", "xyr", function="pow")


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


def _sigmoid(x: Any) -> Any:
    return ew.mul(ew.add(ew.tanh(ew.mul(x, 0.5)), 1), 0.5)


def _relu(x: Any) -> Any:
    return ew.where(ew.gt(x, 0), x, ew.where(ew.isnan(constant(x)), x, x.dtype.type(0)))


def _softplus(x: Any) -> Any:
    return ew.logaddexp(x, 0.0)


sigmoid = unary(_sigmoid, "Sigmoid", "r")
logsigmoid = unary(lambda x: ew.neg(_softplus(ew.neg(x))), "LogSigmoid", "x")
RELU = Kind("Relu", "r")


def relu(input: Tensor) -> Tensor:
    """max(input, 0)"""
    need_tensor(input, "relu")
    return call(RELU, _relu, input)


# Steps: recorded, with the derivative zero

FLAT = {"Floor": ew.floor, "Ceil": ew.ceil, "Trunc": ew.trunc, "Round": ew.rint, "Sign": ew.sign}


def _step(name: str) -> Callable[[Tensor], Tensor]:
    kind, fun = Kind(name), FLAT[name]

    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name.lower())
        return call(kind, lambda v: flat(fun, v), input)

    apply.__name__ = apply.__qualname__ = name.lower()
    return apply


floor, ceil, trunc, round, sign = map(_step, FLAT)
FRAC = Kind("Frac")


def frac(input: Tensor) -> Tensor:
    """The part behind the point, with the derivative one."""
    return call(FRAC, lambda v: ew.sub(v, ew.trunc(constant(v))), input)


# Comparison and logic

BOOLEAN = Kind("Boolean")


def _comparison(name: str, fun: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Tensor]:
    def apply(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            check_broadcast(x.shape, y.shape)
        x, y = promote(x, y)
        return call(BOOLEAN, lambda a, b: fun(raw(a), raw(b)), x, y)

    apply.__name__ = apply.__qualname__ = name
    return apply


eq, ne, lt, le, gt, ge = (_comparison(n, getattr(ew, n)) for n in ("eq", "ne", "lt", "le", "gt", "ge"))
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
        return tuple(map(fresh, np.nonzero(condition._array())))
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
    lo = limits[0] if min is not None else None
    hi = limits[-1] if max is not None else None
    tensors = any(isinstance(m, Tensor) for m in limits)

    def clamped(v: Any, *bounds: Any) -> Any:
        a = bounds[0] if lo is not None else None
        b = bounds[-1] if hi is not None else None
        if a is not None:
            v = ew.where(ew.lt(raw(v), raw(a)), a if tensors else v.dtype.type(a), v)
        if b is not None:
            v = ew.where(ew.gt(raw(v), raw(b)), b if tensors else v.dtype.type(b), v)
        return v

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
        value = value.to(input.dtype)
    else:
        value = input._read().dtype.type(value)
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
