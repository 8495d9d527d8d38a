"""Functions of elements: arithmetic, powers, exponentials, trigonometry, steps."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from funcgrad import nn
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.arity import binary, unary
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._ops.table import named, op
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import cast, check_broadcast, check_divisor, number, promote, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor

# Arithmetic

add_ = binary("add", fnp.add, tabled=False)
sub_ = binary("sub", fnp.subtract, tabled=False)
mul = binary("mul", fnp.multiply, "*", "multiply", number_saves="-", doc="input * other")
div_ = binary("div", fnp.divide, "y*", number_saves="-", floating=True, tabled=False)
rsub_ = binary("rsub", lambda x, y: fnp.subtract(y, x), with_number="RsubBackward1", tabled=False)
reciprocal = unary("reciprocal", fnp.reciprocal, "r", doc="1 / input")
remainder = binary(
    "remainder", fnp.remainder, "y", number_saves="-", divides=True, doc="input - other * floor(input / other)"
)
fmod = binary("fmod", fnp.fmod, "y", number_saves="-", divides=True, doc="input - other * trunc(input / other)")
maximum = binary("maximum", kinks.maximum, "xy", refuses=("c", "max_elementwise_cpu"))
minimum = binary("minimum", kinks.minimum, "xy", refuses=("c", "min_elementwise_cpu"))
fmax = binary("fmax", kinks.fmax, "xy", refuses=("c", "fmax_cpu"), doc="The maximum, of the other where one is NaN.")
fmin = binary("fmin", kinks.fmin, "xy", refuses=("c", "fmin_cpu"), doc="The minimum, of the other where one is NaN.")
atan2 = binary("atan2", kinks.atan2, "xy", "arctan2", floating=True, doc="The angle of (other, input).")
hypot = binary("hypot", kinks.hypot, "xyr", refuses=("biuc", "hypot_cpu"), doc="sqrt(input**2 + other**2)")
logaddexp = binary(
    "logaddexp", fnp.logaddexp, "xy", refuses=("biu", "logaddexp_cpu"), doc="log(exp(input) + exp(other))"
)
logaddexp2 = binary(
    "logaddexp2", fnp.logaddexp2, "xy", refuses=("biu", "logaddexp2_cpu"), doc="log2(2**input + 2**other)"
)
copysign = binary("copysign", kinks.copysign, "x", floating=True, doc="The size of input with the sign of other.")


def scaled(input: Any, other: Any, alpha: Any) -> Any:
    """`other` times `alpha`, in the dtype of the sum."""
    alpha = number(alpha)
    if alpha == 1:
        return other
    return mul(promote(input, other)[1], alpha) if isinstance(other, Tensor) else other * alpha


@named(in_place=True)
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other"""
    return add_(input, other) if alpha == 1 else add_(input, scaled(input, other, alpha))


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


@named("subtract", in_place=True)
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other"""
    check_no_bools(input, other)
    return sub_(input, scaled(input, other, alpha))


@named()
def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha * input"""
    other = number(other)
    check_no_bools(input, other)
    return rsub_(scaled(other, input, alpha), other)


ROUNDED = {"floor": fnp.floor_divide, "trunc": kinks.truncated_quotient}
DIV_TENSOR, DIV_NUMBER = Kind("DivBackward2"), Kind("DivBackward3")


@named("divide", "true_divide", in_place=True)
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


def rdiv(input: Tensor, other: Any) -> Tensor:
    """other / input"""
    return mul(reciprocal(input), other)


NOT_IMPLEMENTED = Kind("NotImplemented", "-")


@named(in_place=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The floor of the quotient. As in PyTorch, a backward pass that reaches it raises."""
    x, y = promote(number(input), number(other))
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        check_broadcast(x.shape, y.shape)
    check_divisor(x, y)
    return call(NOT_IMPLEMENTED, lambda a, b: flat(fnp.floor_divide, a, b), x, y)


neg_ = unary("neg", fnp.negative, tabled=False)


@named("negative", in_place=True)
def neg(input: Tensor) -> Tensor:
    """-input"""
    if isinstance(input, Tensor) and input._read().dtype.kind != "f":
        if input._read().dtype.kind == "b":
            raise RuntimeError(
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
                "invert a mask, use the `~` or `logical_not()` operator instead."
            )
        return call(NEG, fnp.negative, input)
    return neg_(input)


NEG = Kind("Neg")


@op("Abs", "x", "absolute", refuses=("b", "abs_cpu"), in_place=True)
def abs(input):
    """Absolute values. As in PyTorch, the derivative at zero is zero."""
    return kinks.magnitude(input)


@named()
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input._read().dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# Powers

sqrt = unary("sqrt", fnp.sqrt, "r", doc="Square roots.")
rsqrt = unary("rsqrt", lambda x: fnp.reciprocal(fnp.sqrt(x)), "r", doc="1 / sqrt(input)")
power_by_number = binary("pow", fnp.power, "x", tabled=False)
power_of_number = binary("pow", kinks.power_of_number, "xr", backward="PowBackward2", tabled=False)
power_of_tensors = binary("pow", kinks.power, "xyr", backward="PowBackward1", tabled=False)


@named(in_place=True)
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


@named(in_place=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, in float64 (complex128 for complex numbers)."""
    return pow(*(_wide(number(x)) for x in (input, exponent)))


def _wide(x: Any) -> Any:
    if isinstance(x, Tensor):
        return cast(x, np.dtype(np.complex128 if x.is_complex() else np.float64))
    return x if isinstance(x, complex) else float(x)


@named(in_place=True)
def square(input: Tensor) -> Tensor:
    """input ** 2"""
    return pow(input, 2)


# Exponentials, logarithms, trigonometry

exp = unary("exp", fnp.exp, "r")
exp2 = unary("exp2", fnp.exp2, "r", doc="2 ** input")
expm1 = unary("expm1", fnp.expm1, "r", doc="exp(input) - 1, also for small numbers.")
log = unary("log", fnp.log, "x", doc="Natural logarithms.")
log2 = unary("log2", fnp.log2, "x", doc="Logarithms to the base 2.")
log10 = unary("log10", fnp.log10, "x", doc="Logarithms to the base 10.")
log1p = unary("log1p", fnp.log1p, "x", doc="log(1 + input), also for small numbers.")
sin = unary("sin", fnp.sin, "x")
cos = unary("cos", fnp.cos, "x")
tan = unary("tan", fnp.tan, "r")
asin = unary("asin", fnp.arcsin, "x", "arcsin")
acos = unary("acos", fnp.arccos, "x", "arccos")
atan = unary("atan", fnp.arctan, "x", "arctan")
sinh = unary("sinh", fnp.sinh, "x")
cosh = unary("cosh", fnp.cosh, "x")
tanh = unary("tanh", fnp.tanh, "r")
asinh = unary("asinh", fnp.arcsinh, "x", "arcsinh")
acosh = unary("acosh", fnp.arccosh, "x", "arccosh")
atanh = unary("atanh", fnp.arctanh, "x", "arctanh")
sinc = unary("sinc", fnp.sinc, "x", doc="sin(pi * input) / (pi * input)")
deg2rad = unary("deg2rad", fnp.deg2rad, backward="Deg2Rad", doc="Radians of degrees.")
rad2deg = unary("rad2deg", fnp.rad2deg, backward="Rad2Deg", doc="Degrees of radians.")
sigmoid = unary("sigmoid", nn.sigmoid, "r", doc="1 / (1 + exp(-input))")


@op("Relu", "r", in_place=True)
def relu(input):
    """max(input, 0)"""
    if input.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return kinks.relu(input)


# Steps: recorded, with the derivative zero


def _step(name: str, fun: Any) -> Any:
    kind = Kind(name.title())

    def apply(input: Tensor) -> Tensor:
        need_tensor(input, name)
        refuse(input, "b", f"{name}_vml_cpu")
        if input._read().dtype.kind in "iu":
            return call(CLONE, lambda v: v.copy(), input)
        return call(kind, lambda v: flat(fun, v), input)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"{name} of each element; its derivative is zero."
    return apply


CLONE = Kind("Clone")
floor, ceil, trunc = (
    named(*aliases, in_place=True)(_step(name, fun))
    for name, fun, aliases in (("floor", fnp.floor, ()), ("ceil", fnp.ceil, ()), ("trunc", fnp.trunc, ("fix",)))
)
rounded = _step("round", fnp.rint)
ROUND = Kind("RoundBackward1")


@named(in_place=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals (the even one of two); its derivative is zero."""
    if decimals == 0 or input._read().dtype.kind in "iu":
        return rounded(input)
    ten = input._read().dtype.type(10.0 ** builtins.abs(decimals))

    def apply(v: Any) -> Any:
        return fnp.rint(v * ten) / ten if decimals > 0 else fnp.rint(v / ten) * ten

    return call(ROUND, lambda v: flat(apply, v), input)


def _signs(v: Any) -> Any:
    positive, negative = fnp.greater(v, 0), fnp.less(v, 0)
    return fnp.subtract(positive.astype(v.dtype), negative.astype(v.dtype)) if v.dtype.kind != "b" else v


@op("Sign", in_place=True)
def sign(input):
    """1, 0 or -1; as in PyTorch, 0 for NaN."""
    if input.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return flat(_signs, input)


@op("Frac", refuses=("biu", "frac_cpu"), in_place=True)
def frac(input):
    """The part behind the point, with the derivative one."""
    return fnp.subtract(input, fnp.trunc(constant(input)))
