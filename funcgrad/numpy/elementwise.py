"""NumPy's universal functions.

They are the primitives themselves under NumPy's names: one call layer. They have the methods of
NumPy's (`add.reduce`), and take none of `out`, `where`, `dtype`; NumPy's own, given traced values, follow `dtype` and
refuse the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from funcgrad.core.frames import hide, hides
from funcgrad.core.warned import UNSET, plainly, state
from funcgrad.numpy.dispatch import CALLED, UFUNCS, Array, numpy_function
from funcgrad.numpy.ufuncs import with_methods
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array, as_inexact

__all__ = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_count",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "cbrt",
    "ceil",
    "conj",
    "conjugate",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "divide",
    "divmod",
    "equal",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "gcd",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "imag",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "lcm",
    "ldexp",
    "left_shift",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "modf",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "power",
    "rad2deg",
    "radians",
    "real",
    "reciprocal",
    "remainder",
    "right_shift",
    "rint",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "spacing",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
]


def _ufunc(name: str, op: Any, doc: str) -> Callable[..., Any]:
    """An operation under a NumPy name, which a call of NumPy's function on traced values finds."""
    if isinstance(op, FunctionType):
        # the same code and closure: another function around it would take 0.13 us
        code = op.__code__.replace(co_name=name, co_qualname=name)
        function = FunctionType(code, op.__globals__, name, op.__defaults__, op.__closure__)
        function.__kwdefaults__ = op.__kwdefaults__
        function.__dict__.update(op.__dict__)
    else:

        def function(*args: Any, **options: Any) -> Any:  # type: ignore[misc]
            try:
                called = partial(numpys, **options) if options else op
                return plainly(called, *args) if state() is UNSET else called(*args)
            except Exception as error:
                hide(error)
                raise

        hides(function)

        function.__name__ = name
    function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = doc
    numpys = getattr(np, name)
    UFUNCS[numpys] = function
    CALLED[numpys] = getattr(op, "through", function)
    return with_methods(function, numpys)


def _composition(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A universal function of NumPy that is a composition here."""
    numpys = getattr(np, fun.__name__)
    UFUNCS[numpys] = CALLED[numpys] = fun
    return with_methods(numpy_function(numpys)(fun), numpys)


# arithmetic

add = _ufunc("add", ew.add, "x + y.")
subtract = _ufunc("subtract", ew.sub, "x - y.")
multiply = _ufunc("multiply", ew.mul, "x * y.")
divide = _ufunc("divide", ew.div, "x / y.")
true_divide = divide
floor_divide = _ufunc("floor_divide", ew.floor_divide, "x // y, which has no derivative.")
remainder = _ufunc("remainder", ew.mod, "x % y with the sign of y; its derivatives are 1 and -(x // y).")
mod = remainder
fmod = _ufunc("fmod", ew.fmod, "The remainder with the sign of x.")
power = _ufunc("power", ew.pow, "x ** y; the derivative at base 0 is right for integer exponents.")
negative = _ufunc("negative", ew.neg, "-x.")
absolute = _ufunc("absolute", ew.abs, "The absolute value; its derivative at 0 is 0.")
abs = absolute
sign = _ufunc("sign", ew.sign, "-1, 0 or 1 by the sign, whose derivative is zero.")
square = _ufunc("square", ew.square, "x * x.")
sqrt = _ufunc("sqrt", ew.sqrt, "The square root; its derivative at 0 is infinite.")
cbrt = _ufunc("cbrt", ew.cbrt, "The cube root.")
reciprocal = _ufunc("reciprocal", ew.reciprocal, "1 / x.")
hypot = _ufunc("hypot", ew.hypot, "sqrt(x**2 + y**2).")
maximum = _ufunc("maximum", ew.maximum, "The larger of two, NaN if one is; at a tie each has half the derivative.")
minimum = _ufunc("minimum", ew.minimum, "The smaller of two, NaN if one is; at a tie each has half the derivative.")
fmax = _ufunc("fmax", ew.fmax, "The larger of two, or the one that is not NaN.")
fmin = _ufunc("fmin", ew.fmin, "The smaller of two, or the one that is not NaN.")
copysign = _ufunc("copysign", ew.copysign, "x with the sign of y.")
ldexp = _ufunc("ldexp", ew.ldexp, "x * 2 ** n for whole n.")
nextafter = _ufunc("nextafter", ew.nextafter, "The float next to x towards y.")
heaviside = _ufunc("heaviside", ew.heaviside, "0 below zero, 1 above it, h at zero.")

# exponentials and logarithms

exp = _ufunc("exp", ew.exp, "e ** x.")
exp2 = _ufunc("exp2", ew.exp2, "2 ** x.")
expm1 = _ufunc("expm1", ew.expm1, "exp(x) - 1, precise near 0.")
log = _ufunc("log", ew.log, "The natural logarithm.")
log2 = _ufunc("log2", ew.log2, "The logarithm to base 2.")
log10 = _ufunc("log10", ew.log10, "The logarithm to base 10.")
log1p = _ufunc("log1p", ew.log1p, "log(1 + x), precise near 0.")
logaddexp = _ufunc("logaddexp", ew.logaddexp, "log(exp(x) + exp(y)) without overflow.")
logaddexp2 = _ufunc("logaddexp2", ew.logaddexp2, "log2(2**x + 2**y) without overflow.")

# angles

sin = _ufunc("sin", ew.sin, "The sine.")
cos = _ufunc("cos", ew.cos, "The cosine.")
tan = _ufunc("tan", ew.tan, "The tangent.")
arcsin = _ufunc("arcsin", ew.arcsin, "The inverse of the sine.")
arccos = _ufunc("arccos", ew.arccos, "The inverse of the cosine.")
arctan = _ufunc("arctan", ew.arctan, "The inverse of the tangent.")
arctan2 = _ufunc("arctan2", ew.arctan2, "The angle of the point (x, y), given as arctan2(y, x).")
sinh = _ufunc("sinh", ew.sinh, "The hyperbolic sine.")
cosh = _ufunc("cosh", ew.cosh, "The hyperbolic cosine.")
tanh = _ufunc("tanh", ew.tanh, "The hyperbolic tangent.")
arcsinh = _ufunc("arcsinh", ew.arcsinh, "The inverse of the hyperbolic sine.")
arccosh = _ufunc("arccosh", ew.arccosh, "The inverse of the hyperbolic cosine.")
arctanh = _ufunc("arctanh", ew.arctanh, "The inverse of the hyperbolic tangent.")
deg2rad = _ufunc("deg2rad", ew.deg2rad, "Degrees as radians.")
rad2deg = _ufunc("rad2deg", ew.rad2deg, "Radians as degrees.")
radians = _ufunc("radians", ew.deg2rad, "Degrees as radians.")
degrees = _ufunc("degrees", ew.rad2deg, "Radians as degrees.")

# rounding, whose derivative is zero

floor = _ufunc("floor", ew.floor, "The largest integer not above x, as a float.")
ceil = _ufunc("ceil", ew.ceil, "The smallest integer not below x, as a float.")
trunc = _ufunc("trunc", ew.trunc, "The integer part, as a float.")
rint = _ufunc("rint", ew.rint, "The nearest integer, as a float; halves go to the even one.")

# comparison, logic, bits, kinds of floats

equal = _ufunc("equal", ew.eq, "x == y.")
not_equal = _ufunc("not_equal", ew.ne, "x != y.")
less = _ufunc("less", ew.lt, "x < y.")
less_equal = _ufunc("less_equal", ew.le, "x <= y.")
greater = _ufunc("greater", ew.gt, "x > y.")
greater_equal = _ufunc("greater_equal", ew.ge, "x >= y.")
logical_and = _ufunc("logical_and", ew.logical_and, "Whether both are true.")
logical_or = _ufunc("logical_or", ew.logical_or, "Whether one is true.")
logical_xor = _ufunc("logical_xor", ew.logical_xor, "Whether exactly one is true.")
logical_not = _ufunc("logical_not", ew.logical_not, "Whether it is false.")
bitwise_and = _ufunc("bitwise_and", ew.bitwise_and, "x & y.")
bitwise_or = _ufunc("bitwise_or", ew.bitwise_or, "x | y.")
bitwise_xor = _ufunc("bitwise_xor", ew.bitwise_xor, "x ^ y.")
bitwise_not = _ufunc("bitwise_not", ew.bitwise_not, "~x.")
invert = bitwise_not
left_shift = _ufunc("left_shift", ew.left_shift, "x << y.")
right_shift = _ufunc("right_shift", ew.right_shift, "x >> y.")
bitwise_count = _ufunc("bitwise_count", ew.bitwise_count, "How many bits of `|x|` are 1.")
bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift
gcd = _ufunc("gcd", ew.gcd, "The greatest common divisor of integers.")
lcm = _ufunc("lcm", ew.lcm, "The least common multiple of integers.")
isnan = _ufunc("isnan", ew.isnan, "Whether it is NaN.")
isinf = _ufunc("isinf", ew.isinf, "Whether it is infinite.")
isfinite = _ufunc("isfinite", ew.isfinite, "Whether it is neither infinite nor NaN.")
signbit = _ufunc("signbit", ew.signbit, "Whether the sign bit is set.")

# complex numbers

conjugate = _ufunc("conjugate", ew.conj, "The complex conjugate.")
conj = conjugate


# the names that NumPy took from the array API standard

acos, acosh, asin, asinh, atan, atan2, atanh = arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh
pow = power


@numpy_function(np)
def real(val: Array) -> Array:
    """The real part."""
    val = as_array(val)
    return ew.real(val) if val.dtype.kind == "c" else val


@numpy_function(np)
def imag(val: Array) -> Array:
    """The imaginary part, zero for real numbers."""
    val = as_array(val)
    return ew.imag(val) if val.dtype.kind == "c" else np.zeros(val.shape, val.dtype)


@numpy_function(np)
def angle(z: Array, deg: bool = False) -> Array:
    """The angle of a complex number, in radians unless `deg`."""
    z = as_array(z)
    a = arctan2(imag(z), real(z))
    return a * (180 / math.pi) if deg else a


# compositions that are universal functions in NumPy


@_composition
def positive(x: Array, /) -> Array:
    """+x."""
    return x


@_composition
def fabs(x: Array, /) -> Array:
    """The absolute value of real numbers."""
    return ew.abs(x)


@_composition
def float_power(x1: Array, x2: Array, /) -> Array:
    """x1 ** x2, computed in at least float64."""
    dtype = np.result_type(as_array(x1).dtype, as_array(x2).dtype, np.float64)
    return ew.pow(ew.convert(as_array(x1), dtype=dtype), ew.convert(as_array(x2), dtype=dtype))


@_composition
def divmod(x1: Array, x2: Array, /) -> tuple[Array, Array]:
    """(x1 // x2, x1 % x2)."""
    return ew.floor_divide(x1, x2), ew.mod(x1, x2)


@_composition
def modf(x: Array, /) -> tuple[Array, Array]:
    """The fractional and the integer part, with the sign of x."""
    whole = ew.trunc(x)
    return ew.copysign(ew.where(ew.isinf(x), 0.0, x - whole), x), whole


@_composition
def frexp(x: Array, /) -> tuple[Array, Array]:
    """`(m, n)` with `x = m * 2**n`, `|m|` from 1/2 to 1, n whole."""
    n = ew.exponent(x)
    return ew.ldexp(x, -n), n


@_composition
def spacing(x: Array, /) -> Array:
    """The distance to the next float away from zero."""
    x = ew.stop_gradient(as_inexact(x))
    return ew.nextafter(x, ew.copysign(math.inf, x)) - x
