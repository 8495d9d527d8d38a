"""NumPy's universal functions and what is composed of them.

The universal functions are the primitives themselves under NumPy's names: one call layer. They have the methods of
NumPy's (`add.reduce`), and take none of `out`, `where`, `dtype`; NumPy's own, given traced values, follow `dtype` and
refuse the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import UFUNCS, Array, numpy_function
from funcgrad.numpy.ufuncs import with_methods
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.views import assign, fresh

__all__ = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "allclose",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "around",
    "array_equal",
    "array_equiv",
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
    "clip",
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
    "fix",
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
    "i0",
    "imag",
    "invert",
    "isclose",
    "iscomplex",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
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
    "nan_to_num",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "power",
    "rad2deg",
    "radians",
    "real",
    "real_if_close",
    "reciprocal",
    "remainder",
    "right_shift",
    "rint",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinc",
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
            return numpys(*args, **options) if options else op(*args)

        function.__name__ = name
    function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = doc
    numpys = getattr(np, name)
    UFUNCS[numpys] = function
    return with_methods(function, numpys)


def _composition(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A universal function of NumPy that is a composition here."""
    numpys = getattr(np, fun.__name__)
    UFUNCS[numpys] = fun
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


# compositions


@numpy_function(np)
def clip(
    a: Array,
    a_min: Array = np._NoValue,
    a_max: Array = np._NoValue,
    out: None = None,
    *,
    min: Array = None,
    max: Array = None,
) -> Array:
    """The values limited to [a_min, a_max]; a bound that is None does not apply."""
    low = min if a_min is np._NoValue else a_min
    high = max if a_max is np._NoValue else a_max
    if low is None:
        return positive(a) if high is None else ew.minimum(a, high)
    return ew.maximum(a, low) if high is None else ew.clip(a, low, high)


@numpy_function(np)
def round(a: Array, decimals: int = 0, out: None = None) -> Array:
    """Rounded to `decimals` places, halves to even; the derivative is zero."""
    a = as_array(a)
    if a.dtype.kind in "iu" and decimals >= 0:
        return a
    if decimals == 0:
        return ew.rint(a)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    y = ew.rint(a * scale) / scale if decimals > 0 else ew.rint(a / scale) * scale
    return ew.convert(y, dtype=a.dtype) if a.dtype.kind in "iu" else y  # NumPy goes by way of floats too


@numpy_function(np)
def around(a: Array, decimals: int = 0, out: None = None) -> Array:
    """The same as `round`."""
    return round(a, decimals)


@numpy_function(np)
def fix(x: Array, out: None = None) -> Array:
    """The same as `trunc`."""
    return ew.trunc(x)


_SERIES_BELOW = 0.3
"""Where |pi x| is below it, `sinc` is its series: the next term is below 1e-19, derivatives do not cancel."""


@numpy_function(np)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), with all derivatives right at and near 0."""
    y = math.pi * as_inexact(x)
    small = ew.abs(ew.stop_gradient(y)) < _SERIES_BELOW
    y_small, y_large = ew.where(small, y, 0.0), ew.where(small, 1.0, y)
    square = y_small * y_small
    series = 1.0
    for n in range(12, 0, -2):
        series = 1.0 - square / (n * (n + 1)) * series
    return ew.where(small, series, ew.sin(y_large) / y_large)


@numpy_function(np)
def nan_to_num(
    x: Array, copy: bool = True, nan: Array = 0.0, posinf: Array | None = None, neginf: Array | None = None
) -> Array:
    """NaN and infinities replaced by numbers (the dtype's largest by default), in the array itself unless `copy`."""
    x = as_array(x)
    if x.dtype.kind not in "fc":
        return fresh(x) if copy else x
    if x.dtype.kind == "c":
        real, imag = (nan_to_num(part, True, nan, posinf, neginf) for part in (ew.real(x), ew.imag(x)))
        y = ew.complex_of(real, imag)
    else:
        info = np.finfo(x.dtype)
        y = ew.where(ew.isnan(x), nan, x)
        y = ew.where(x == np.inf, info.max if posinf is None else posinf, y)
        y = ew.where(x == -np.inf, info.min if neginf is None else neginf, y)
    return y if copy or not isinstance(x, Tracer) else assign(x, y)


@numpy_function(np)
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind, order 0."""
    x = as_inexact(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    return special.i0(x)


@numpy_function(np)
def real_if_close(a: Array, tol: float = 100) -> Array:
    """The real part where all imaginary parts are small (`tol` times the distance of floats at 1), else `a`.

    The values decide the dtype: they must be known.
    """
    a = as_array(a)
    if a.dtype.kind != "c":
        return a
    value = ew.stop_gradient(a)
    if isinstance(value, Tracer):
        value = value._as_plain()
        if value is None:
            raise concretization_error(a, "the dtype of `real_if_close`", "Write x.real, or keep complex numbers.")
    limit = np.finfo(a.dtype).eps * tol if tol > 1 else tol
    return ew.real(a) if np.all(np.abs(value.imag) < limit) else a


@numpy_function(np)
def isposinf(x: Array, out: None = None) -> Array:
    """Whether it is infinity."""
    return _is_infinity(x, math.inf)


@numpy_function(np)
def isneginf(x: Array, out: None = None) -> Array:
    """Whether it is minus infinity."""
    return _is_infinity(x, -math.inf)


def _is_infinity(x: Array, infinity: float) -> Array:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise TypeError(f"complex numbers ({x.dtype}) have no order")
    return x == infinity


@numpy_function(np)
def isclose(a: Array, b: Array, rtol: Array = 1e-05, atol: Array = 1e-08, equal_nan: bool = False) -> Array:
    """Whether `|a - b| <= atol + rtol |b|`, element by element."""
    a, b = ew.stop_gradient(as_array(a)), ew.stop_gradient(as_array(b))
    close = (ew.abs(a - b) <= atol + rtol * ew.abs(b)) & ew.isfinite(b) | (a == b)
    return close | ew.isnan(a) & ew.isnan(b) if equal_nan else close


@numpy_function(np)
def allclose(a: Array, b: Array, rtol: Array = 1e-05, atol: Array = 1e-08, equal_nan: bool = False) -> Any:
    """Whether `isclose` holds everywhere."""
    return _truth(isclose(a, b, rtol, atol, equal_nan).all())


@numpy_function(np)
def array_equal(a1: Array, a2: Array, equal_nan: bool = False) -> Any:
    """Whether two arrays have the same shape and equal elements."""
    a1, a2 = as_array(a1), as_array(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    if equal_nan and a1.dtype.kind in "fc" and a2.dtype.kind in "fc":
        same = same | ew.isnan(a1) & ew.isnan(a2)
    return _truth(same.all())


@numpy_function(np)
def array_equiv(a1: Array, a2: Array) -> Any:
    """Whether two arrays broadcast to one shape and have equal elements there."""
    a1, a2 = as_array(a1), as_array(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return _truth((a1 == a2).all())


def _truth(x: Array) -> Any:
    return x if isinstance(x, Tracer) else bool(x)


@numpy_function(np)
def iscomplex(x: Array) -> Array:
    """Whether the imaginary part is not zero, element by element."""
    return imag(as_array(x)) != 0


@numpy_function(np)
def isreal(x: Array) -> Array:
    """Whether the imaginary part is zero, element by element."""
    return imag(as_array(x)) == 0
