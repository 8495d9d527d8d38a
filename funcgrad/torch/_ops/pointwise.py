"""Functions of elements: arithmetic, powers, exponentials, trigonometry."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks, values
from funcgrad.torch._ops.arity import binary, shortened, unary
from funcgrad.torch._ops.compare import PLAIN
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._ops.memory_order import like_first, lying
from funcgrad.torch._ops.precision import in_kernel, widened
from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import (
    cast,
    check_broadcast,
    check_divisor,
    check_together,
    need_tensors,
    no_overload,
    number,
    promote,
    refuse,
)
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

# Arithmetic

add_ = binary("add", fnp.add, tabled=False)
sub_ = binary("sub", fnp.subtract, tabled=False)
plus_number = binary("add", fnp.add, backward="AddBackward1", tabled=False)
_WITH_NUMBER: dict[str, Any] = {"number_saves": "-", "in_kernel": True}
times_number = binary("mul", fnp.multiply, backward="MulBackward1", tabled=False, **_WITH_NUMBER)
over_number = binary("div", fnp.divide, backward="DivBackward1", floating=True, tabled=False, **_WITH_NUMBER)
"""What PyTorch's functions of several operations call arithmetic with a number inside them."""
mul = binary("mul", fnp.multiply, "*", "multiply", doc="input * other", **_WITH_NUMBER)
div_ = binary("div", fnp.divide, "y*", floating=True, tabled=False, **_WITH_NUMBER)
rsub_ = binary("rsub", lambda x, y: fnp.subtract(y, x), with_number="RsubBackward1", tabled=False)
reciprocal = unary("reciprocal", fnp.reciprocal, "r", doc="1 / input")
remainder = binary(
    "remainder", kinks.remainder, "YX", backward="RemainderBackward1", with_number="Remainder", number_saves="-",
    divides=True, refuses=("bc", "remainder_cpu"), doc="input - other * floor(input / other)",
)  # fmt: skip
fmod = binary(
    "fmod", fnp.fmod, "YX", backward="FmodBackward1", with_number="Fmod", number_saves="-",
    divides=True, refuses=("bc", "fmod_cpu"), of_numbers=False, doc="input - other * trunc(input / other)",
)  # fmt: skip


def _extreme(name: str, fun: Any, doc: str = "") -> Any:
    refuses = ("c", f"{name} not implemented for complex tensors.")
    return binary(name, fun, "xy=", refuses=refuses, numbers=False, in_place=False, doc=doc)


maximum, minimum = _extreme("maximum", kinks.maximum), _extreme("minimum", kinks.minimum)
fmax = _extreme("fmax", kinks.fmax, "The maximum, of the other where one is NaN.")
fmin = _extreme("fmin", kinks.fmin, "The minimum, of the other where one is NaN.")
atan2 = binary(
    "atan2", kinks.atan2, "xy", "arctan2", floating=True, numbers=False, refuses=("c", "atan2_cpu"),
    doc="The angle of (other, input).",
)  # fmt: skip


def _hypot_read(keep: Any, x: Any, y: Any) -> Any:
    """Linear in both, of the root that was saved."""
    found = keep(kinks.hypot(constant(x), constant(y)))
    return fnp.divide(fnp.add(fnp.multiply(x, constant(x)), fnp.multiply(y, constant(y))), found)


hypot = binary(
    "hypot", kinks.hypot, "or", refuses=("biuc", "hypot_cpu"), numbers=False, reads=_hypot_read,
    doc="sqrt(input**2 + other**2)",
)
logaddexp = binary(
    "logaddexp", kinks.logaddexp, "yx", refuses=("biu", "logaddexp_cpu"), numbers=False, in_place=False,
    doc="log(exp(input) + exp(other))",
)  # fmt: skip
logaddexp2 = binary(
    "logaddexp2", fnp.logaddexp2, "yx", refuses=("biuc", "logaddexp2_cpu"), numbers=False, in_place=False,
    doc="log2(2**input + 2**other)",
)  # fmt: skip
copysign = binary(
    "copysign", kinks.copysign, "x", floating=True, of_numbers=False, refuses=("c", "copysign_cpu"),
    doc="The size of input with the sign of other.",
)


_ONE = 1
"""What `alpha` is where it is not given."""


def scaled(input: Any, other: Any, alpha: Any) -> Any:
    """`other` times `alpha`, in the dtype of the sum."""
    alpha = number(alpha)
    common = dtypes.result_type(*(t._read() if isinstance(t, Tensor) else t for t in (input, other)))
    if type(alpha) is bool and common.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if common.kind in "biu" and isinstance(alpha, (float, complex)):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if common.kind != "c" and isinstance(alpha, complex):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    if alpha == 1:
        return other
    alpha = bool(alpha) if common.kind == "b" else alpha
    return mul(promote(input, other)[1], alpha) if isinstance(other, Tensor) else other * alpha


@named(in_place=True, out=True)
def add(input: Any, other: Any, *, alpha: float = _ONE, out: Any = None) -> Tensor:
    """input + alpha * other"""
    if out is not None:
        return into(out, add, (input, other), {"alpha": alpha})
    return add_(input, other) if alpha is _ONE else add_(input, scaled(input, other, alpha))


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


@named("subtract", in_place=True, out=True)
def sub(input: Any, other: Any, *, alpha: float = _ONE, out: Any = None) -> Tensor:
    """input - alpha * other"""
    if out is not None:
        return into(out, sub, (input, other), {"alpha": alpha})
    check_no_bools(input, other)
    return sub_(input, other if alpha is _ONE else scaled(input, other, alpha))


@named(method=False)
def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha * input"""
    other = number(other)
    check_together(other, input)
    check_no_bools(input, other)
    return rsub_(scaled(other, input, alpha), other)


ROUNDED: dict[str, Any] = {"floor": fnp.floor_divide, "trunc": kinks.truncated_quotient}
DIV_ROUNDED = Kind("DivBackward2")


def _dividends(input: Any, other: Any, rounding: str) -> list[Any]:
    """What is divided with rounding, checked, in the common dtype."""
    x, y = number(input), number(other)
    check_together(x, y)
    x, y = promote(x, y)
    refuse(x if isinstance(x, Tensor) else y, "bc", f"div_{rounding}_cpu")
    check_divisor(x, y)
    return [x, y]


@named("divide", "true_divide", in_place=True, out=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Tensor:
    """input / other, or its floor or its integer part."""
    if out is not None:
        return into(out, div, (input, other), {"rounding_mode": rounding_mode})
    if rounding_mode is None:
        return div_(input, other)
    if rounding_mode in ROUNDED:
        x, y = _dividends(input, other, rounding_mode)
        return call(DIV_ROUNDED, lambda a, b: flat(ROUNDED[rounding_mode], a, b), x, y)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
    )


def rdiv(input: Tensor, other: Any) -> Tensor:
    """other / input"""
    return mul(reciprocal(input), other)


NOT_IMPLEMENTED = Kind("NotImplemented", "-", "derivative for aten::floor_divide is not implemented")


@named(in_place=True, out=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The floor of the quotient. As in PyTorch, a backward pass that reaches it raises."""
    x, y = _dividends(input, other, "floor")
    return call(NOT_IMPLEMENTED, lambda a, b: flat(fnp.floor_divide, a, b), x, y)


neg_ = unary("neg", fnp.negative, tabled=False)


NEGATION_OF_BOOLS = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or "
    "`logical_not()` operator instead."
)


@named("negative", writes=True, out=True)
def neg(input: Tensor) -> Tensor:
    """-input"""
    if isinstance(input, Tensor) and input._read().dtype.kind != "f":
        if input._read().dtype.kind == "b":
            raise RuntimeError(NEGATION_OF_BOOLS)
        return call(NEG, fnp.negative, input)
    return neg_(input)


NEG = Kind("Neg")


abs = unary(
    "abs", kinks.magnitude, "x", floating=False, refuses=("b", "abs_cpu"),
    doc="Absolute values. As in PyTorch, the derivative at zero is zero.",
)  # fmt: skip


@named(in_place=True, out=True)
def absolute(input: Tensor) -> Tensor:
    """The same as `abs`."""
    return abs(input)


@named()
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input._read().dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


ADDCMUL, ADDCDIV = Kind("Addcmul", "&", takes="201"), Kind("Addcdiv", "Xy", takes="201")
LERP = Kind("Lerp", "-")
LERP_TENSOR, LERP_WEIGHT = (Kind("LerpBackward1", saves, takes="210") for saves in ("x", "yzx"))


def _three(function: str, *tensors: Any) -> list[Any]:
    need_tensors(function, **dict(zip(("input", "tensor1", "tensor2"), tensors)))
    check_together(*tensors)
    return promote(*tensors)


@named(in_place=True, out=True)
@lying(like_first)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2"""
    x, a, b = _three("addcmul", input, tensor1, tensor2)
    refuse(x, "b", "addcmul_cpu_out")

    factor = in_kernel(value, x._read().dtype)

    def added(a: Any, b: Any, x: Any) -> Any:
        return fnp.add(x, fnp.multiply(fnp.multiply(a, factor), b))

    return call(ADDCMUL, widened(added, np.float16), a, b, x)


@named(in_place=True, out=True)
@lying(like_first)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2"""
    x, a, b = _three("addcdiv", input, tensor1, tensor2)
    if all(t._read().dtype.kind in "biu" for t in (tensor1, tensor2)):
        raise RuntimeError(INTEGER_ADDCDIV)

    factor = in_kernel(value, x._read().dtype)

    def added(a: Any, b: Any, x: Any) -> Any:
        return fnp.add(x, fnp.divide(fnp.multiply(a, factor), b))

    return call(ADDCDIV, widened(added, np.float16), a, b, x)


INTEGER_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
    "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
    "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for "
    "float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), "
    "for all dtypes."
)


@named(in_place=True, out=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input)"""
    need_tensors("lerp", input=input, end=end)
    weight = number(weight)
    if isinstance(weight, Tensor) and not weight.dim() and weight._read().dtype.kind not in "c":
        weight = promote(weight, input)[0]
    others = {"end": end, "weight": weight} if isinstance(weight, Tensor) else {"end": end}
    for name, t in others.items():
        if t.dtype is not input.dtype:
            raise RuntimeError(
                f"expected dtype {input.dtype.short} for `{name}` but got dtype "
                f"{t.dtype.short}"
            )
        check_broadcast(input.shape, t.shape)
    refuse(input, "biu", "lerp_kernel_tensor" if len(others) == 2 else "lerp_kernel_scalar")
    if len(others) == 2:
        kind = LERP_WEIGHT if weight.requires_grad else LERP_TENSOR
        return call(kind, widened(lambda w, e, x: _between(x, e, w), np.float16), weight, end, input)
    part = in_kernel(weight, input._read().dtype)
    return call(LERP, widened(lambda x, e: _between(x, e, part), np.float16), input, end)


def _between(x: Any, end: Any, weight: Any) -> Any:
    """From the nearer end, so that a weight of one gives `end`. (Of complex numbers only the end decides.)"""
    way = fnp.subtract(end, x)
    near = fnp.add(x, fnp.multiply(weight, way))
    far = fnp.subtract(end, fnp.multiply(way, fnp.subtract(weight.dtype.type(1), weight)))
    return fnp.where(fnp.less(fnp.abs(raw(weight)), 0.5), near, far)


# Powers

sqrt = unary("sqrt", fnp.sqrt, "r", doc="Square roots.")
rsqrt = unary(
    "rsqrt", widened(lambda x: fnp.reciprocal(fnp.sqrt(x)), np.float16), "r", doc="1 / sqrt(input)",
    reads=lambda keep, x: fnp.reciprocal(keep(fnp.sqrt(x), fnp.reciprocal)),
)  # fmt: skip
_NO_POWER = ("b", "pow")
power_by_number = binary("pow", fnp.power, "x", refuses=_NO_POWER, tabled=False)
power_of_number = binary("pow", kinks.power_of_number, "xr", backward="PowBackward2", refuses=_NO_POWER, tabled=False)
power_of_tensors = binary("pow", kinks.power, "xyr", backward="PowBackward1", refuses=_NO_POWER, tabled=False)


@named(in_place=True, out=True)
def pow(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    """input ** exponent"""
    if out is not None:
        return into(out, pow, (input, exponent), {})
    input, exponent = number(input), number(exponent)
    if isinstance(input, Tensor):
        if isinstance(exponent, Tensor):
            return power_of_tensors(input, exponent)
        if type(exponent) is int and (kind := input._read().dtype).kind in "iub":
            if exponent < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            dtypes.held(exponent, kind)
        if type(exponent) is bool and input.dtype is dtypes.bool:
            return call(PLAIN, fnp.logical_or, input, not exponent)
        if type(exponent) is float and exponent.is_integer() and input._read().dtype.kind == "f":
            exponent = int(exponent)
        return power_by_number(input, exponent)
    if not isinstance(exponent, Tensor):
        raise TypeError(no_overload("pow", input, exponent))
    return power_of_number(exponent, input)


@named(in_place=True, out=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, in float64 (complex128 for complex numbers)."""
    return pow(*(_wide(number(x)) for x in (input, exponent)))


def _wide(x: Any) -> Any:
    if isinstance(x, Tensor):
        wide = np.dtype(np.complex128 if x.is_complex() else np.float64)
        return x if x._read().dtype == wide else cast(x, wide)
    return x if isinstance(x, complex) else float(x)


@named(writes=True, out=True)
def square(input: Tensor) -> Tensor:
    """input ** 2"""
    return pow(input, 2)


# Exponentials, logarithms, trigonometry

exp = unary("exp", fnp.exp, "r")
exp2 = unary("exp2", fnp.exp2, "r", doc="2 ** input")
expm1 = unary("expm1", values.expm1, "r", doc="exp(input) - 1, also for small numbers.")
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
tanh = unary("tanh", values.tanh, "r")
asinh = unary("asinh", fnp.arcsinh, "x", "arcsinh")
acosh = unary("acosh", kinks.acosh, "x", "arccosh")
atanh = unary("atanh", fnp.arctanh, "x", "arctanh")
sinc = unary("sinc", widened(fnp.sinc, np.float16), "x", doc="sin(pi * input) / (pi * input)")
deg2rad = unary(
    "deg2rad", fnp.deg2rad, backward="Deg2Rad", refuses=("c", "deg2rad is not supported for complex tensors."),
    doc="Radians of degrees.",
)  # fmt: skip
rad2deg = unary(
    "rad2deg", fnp.rad2deg, backward="Rad2Deg", refuses=("c", "rad2deg is not supported for complex tensors."),
    doc="Degrees of radians.",
)  # fmt: skip
sigmoid = unary("sigmoid", values.logistic, "r", in_kernel=True, doc="1 / (1 + exp(-input))")


RELU = Kind("Relu", "r")


@named(writes=True)
@shortened(values.relu, RELU)
def relu(input: Tensor) -> Tensor:
    """max(input, 0)"""
    need_tensor(input, "relu")
    if input._read().dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    if input.is_complex():
        raise NotImplementedError("clamp is not supported for complex types")
    return call(RELU, values.relu, input)
