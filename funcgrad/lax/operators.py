"""The operators under `lax`'s names. Arrays must be of one dtype, and of one rank unless one has no axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import PYTHON_SCALARS, aval_of
from funcgrad.core.provenance import at, here
from funcgrad.numpy import conj as _conj
from funcgrad.numpy import imag as _imag
from funcgrad.numpy import real as _real
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.bessel import bessel_i0e as _bessel_i0e
from funcgrad.ops.bessel import bessel_i1e as _bessel_i1e
from funcgrad.ops.bits import bitcast, leading_zeros
from funcgrad.ops.bits import population_count as _population_count
from funcgrad.ops.incomplete import gamma_density, gamma_slope
from funcgrad.ops.incomplete import igamma as _igamma
from funcgrad.ops.incomplete import igammac as _igammac
from funcgrad.ops.operands import as_array


def matched(name: str, *xs: Array) -> list[Array]:
    """Operands of one dtype, Python numbers among them taken into it; TypeError where they differ in dtype or rank."""
    avals = [aval_of(x) for x in xs]
    dtypes = {a.dtype for a, x in zip(avals, xs) if type(x) not in PYTHON_SCALARS}
    ranks = {a.ndim for a in avals if a.shape}
    if len(dtypes) > 1 or len(ranks) > 1:
        raise TypeError(
            f"lax.{name} needs arrays of one dtype and rank{at(here())}, not {' and '.join(map(str, avals))}: "
            f"convert_element_type and broadcast_in_dim make them so; fg.numpy promotes and broadcasts by itself"
        )
    dtype = dtypes.pop() if dtypes else np.result_type(*(a.dtype for a in avals))
    return [ew.convert(as_array(x), dtype=dtype) if a.dtype != dtype else as_array(x) for x, a in zip(xs, avals)]


def _named(name: str, function: Callable[..., Array], doc: str) -> Callable[..., Array]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _unary(name: str, op: Any, doc: str) -> Callable[..., Array]:
    return _named(name, lambda x: op(as_array(x)), doc)


def _binary(name: str, op: Any, doc: str) -> Callable[..., Array]:
    return _named(name, lambda x, y: op(*matched(name, x, y)), doc)


abs = _unary("abs", ew.abs, "The absolute value.")
acos = _unary("acos", ew.arccos, "The inverse of the cosine.")
acosh = _unary("acosh", ew.arccosh, "The inverse of the hyperbolic cosine.")
asin = _unary("asin", ew.arcsin, "The inverse of the sine.")
asinh = _unary("asinh", ew.arcsinh, "The inverse of the hyperbolic sine.")
atan = _unary("atan", ew.arctan, "The inverse of the tangent.")
atanh = _unary("atanh", ew.arctanh, "The inverse of the hyperbolic tangent.")
bessel_i0e = _unary("bessel_i0e", _bessel_i0e, "The modified Bessel function of order 0, times exp(-abs(x)).")
bessel_i1e = _unary("bessel_i1e", _bessel_i1e, "The modified Bessel function of order 1, times exp(-abs(x)).")
bitwise_not = _unary("bitwise_not", ew.bitwise_not, "~x.")
cbrt = _unary("cbrt", ew.cbrt, "The cube root.")
ceil = _unary("ceil", ew.ceil, "The smallest integer not below x, as a float.")
clz = _unary("clz", leading_zeros, "How many bits are zero before the first that is set.")
conj = _unary("conj", _conj, "The complex conjugate.")
cos = _unary("cos", ew.cos, "The cosine.")
cosh = _unary("cosh", ew.cosh, "The hyperbolic cosine.")
exp = _unary("exp", ew.exp, "e ** x.")
exp2 = _unary("exp2", ew.exp2, "2 ** x.")
expm1 = _unary("expm1", ew.expm1, "exp(x) - 1, precise near 0.")
floor = _unary("floor", ew.floor, "The largest integer not above x, as a float.")
imag = _unary("imag", _imag, "The imaginary part.")
is_finite = _unary("is_finite", ew.isfinite, "Whether it is neither infinite nor NaN.")
log = _unary("log", ew.log, "The natural logarithm.")
log1p = _unary("log1p", ew.log1p, "log(1 + x), precise near 0.")
log2 = _unary("log2", ew.log2, "The logarithm to base 2.")
neg = _unary("neg", ew.neg, "-x.")
population_count = _unary("population_count", _population_count, "How many bits are set.")
real = _unary("real", _real, "The real part.")
reciprocal = _unary("reciprocal", ew.reciprocal, "1 / x.")
sign = _unary("sign", ew.sign, "-1, 0 or 1 by the sign.")
sin = _unary("sin", ew.sin, "The sine.")
sinh = _unary("sinh", ew.sinh, "The hyperbolic sine.")
sqrt = _unary("sqrt", ew.sqrt, "The square root.")
square = _unary("square", ew.square, "x * x.")
tan = _unary("tan", ew.tan, "The tangent.")
tanh = _unary("tanh", ew.tanh, "The hyperbolic tangent.")

add = _binary("add", ew.add, "x + y.")
atan2 = _binary("atan2", ew.arctan2, "The angle of the point (y, x).")
bitwise_and = _binary("bitwise_and", ew.bitwise_and, "x & y.")
bitwise_or = _binary("bitwise_or", ew.bitwise_or, "x | y.")
bitwise_xor = _binary("bitwise_xor", ew.bitwise_xor, "x ^ y.")
eq = _binary("eq", ew.eq, "x == y.")
ge = _binary("ge", ew.ge, "x >= y.")
gt = _binary("gt", ew.gt, "x > y.")
igamma = _binary("igamma", _igamma, "The regularised lower incomplete gamma function P(a, x).")
igamma_grad_a = _binary(
    "igamma_grad_a", lambda a, x: gamma_density(a, x) * gamma_slope(a, x), "The derivative of `igamma` in a."
)
igammac = _binary("igammac", _igammac, "The regularised upper incomplete gamma function Q(a, x).")
le = _binary("le", ew.le, "x <= y.")
lt = _binary("lt", ew.lt, "x < y.")
max = _binary("max", ew.maximum, "The larger of two, NaN if one is.")
min = _binary("min", ew.minimum, "The smaller of two, NaN if one is.")
mul = _binary("mul", ew.mul, "x * y.")
ne = _binary("ne", ew.ne, "x != y.")
nextafter = _binary("nextafter", ew.nextafter, "The float next to x towards y.")
random_gamma_grad = _binary(
    "random_gamma_grad", lambda a, x: -gamma_slope(a, x), "How a gamma variable x moves with its parameter a."
)
shift_left = _binary("shift_left", ew.left_shift, "x << y; 0 where y is not less than the number of bits.")
sub = _binary("sub", ew.sub, "x - y.")


def div(x: Array, y: Array) -> Array:
    """x / y; of integers the quotient rounded towards 0, as in C.

    Example:
        >>> div(np.array([-7, 7]), 2)
        array([-3,  3])
    """
    x, y = matched("div", x, y)
    if x.dtype.kind not in "iu":
        return ew.div(x, y)
    rest = ew.mod(x, y)
    return ew.floor_divide(x, y) + ew.convert((rest != 0) & ((x < 0) != (y < 0)), dtype=x.dtype)


def rem(x: Array, y: Array) -> Array:
    """The remainder with the sign of x, as in C.

    Example:
        >>> rem(np.array([-7, 7]), 4)
        array([-3,  3])
    """
    return ew.fmod(*matched("rem", x, y))


def pow(x: Array, y: Array) -> Array:
    """x ** y, where y is of x's dtype or an integer."""
    if aval_of(y).dtype.kind in "iu" and aval_of(x).dtype.kind in "fc":
        return ew.pow(as_array(x), ew.convert(as_array(y), dtype=as_array(x).dtype))
    return ew.pow(*matched("pow", x, y))


def integer_pow(x: Array, y: int) -> Array:
    """x ** y for a Python int."""
    return ew.pow(as_array(x), int(y))


def round(x: Array, rounding_method: int = 0) -> Array:
    """The nearest integer, as a float; halves away from 0 (`rounding_method` 0) or to the even one (1).

    Example:
        >>> round(np.array([0.5, 2.5, -1.5]))
        array([ 1.,  3., -2.])
    """
    x = as_array(x)
    if int(rounding_method) == 1:
        return ew.rint(x)
    whole = ew.trunc(x)
    return ew.where(ew.abs(x - whole) >= 0.5, whole + ew.sign(x), whole)


def shift_right_logical(x: Array, y: Array) -> Array:
    """x >> y with zeros coming in.

    Example:
        >>> shift_right_logical(np.array([-1], np.int8), np.int8(4))
        array([15], dtype=int8)
    """
    x, y = matched("shift_right_logical", x, y)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    return ew.convert(ew.right_shift(ew.convert(x, dtype=unsigned), ew.convert(y, dtype=unsigned)), dtype=x.dtype)


def shift_right_arithmetic(x: Array, y: Array) -> Array:
    """x >> y with copies of the sign bit coming in.

    Example:
        >>> shift_right_arithmetic(np.array([128], np.uint8), np.uint8(4))
        array([248], dtype=uint8)
    """
    x, y = matched("shift_right_arithmetic", x, y)
    signed = np.dtype(f"i{x.dtype.itemsize}")
    width = x.dtype.itemsize * 8
    few = ew.convert(ew.minimum(ew.convert(y, dtype=np.dtype(f"u{x.dtype.itemsize}")), width - 1), dtype=signed)
    return ew.convert(ew.right_shift(ew.convert(x, dtype=signed), few), dtype=x.dtype)


def complex(x: Array, y: Array) -> Array:
    """The complex number with real part x and imaginary part y.

    Example:
        >>> complex(np.float32(1), np.float32(2))
        np.complex64(1+2j)
        >>> complex(0.5, np.inf)
        np.complex128(0.5+infj)
    """
    x, y = matched("complex", x, y)
    return ew.complex_of(x, y)


def clamp(min: Array, x: Array, max: Array) -> Array:
    """x limited to [min, max].

    Example:
        >>> clamp(0.0, np.array([-1.0, 0.5, 2.0]), 1.0)
        array([0. , 0.5, 1. ])
    """
    low, x, high = matched("clamp", min, x, max)
    return ew.clip(x, low, high)


def select(pred: Array, on_true: Array, on_false: Array) -> Array:
    """`on_true` where `pred` holds, `on_false` elsewhere.

    Example:
        >>> select(np.array([True, False]), np.ones(2), np.zeros(2))
        array([1., 0.])
    """
    return select_n(pred, on_false, on_true)


def select_n(which: Array, *cases: Array) -> Array:
    """The case that `which` names, element by element.

    Args:
        which: bool for two cases, integers from 0 on.
        cases: arrays of one dtype and shape.

    Example:
        >>> select_n(np.array([2, 0]), np.zeros(2), np.ones(2), np.full(2, 2.0))
        array([2., 0.])
    """
    which = as_array(which)
    if not cases:
        raise ValueError("select_n needs at least one case")
    if which.dtype.kind == "b" and len(cases) > 2:
        raise TypeError(f"select_n: a bool chooses between two cases, not {len(cases)}")
    found, *rest = matched("select_n", *cases)
    if which.shape and which.shape != found.shape:
        raise TypeError(f"select_n: `which` has shape {which.shape}, and the cases {found.shape}")
    for n, case in enumerate(rest, 1):
        found = ew.where(which if which.dtype.kind == "b" else which >= n, case, found)
    return found


def convert_element_type(operand: Array, new_dtype: Any) -> Array:
    """The values in another dtype; floats become integers towards 0, and complex numbers lose their imaginary part.

    Example:
        >>> convert_element_type(np.array([1.7]), int)
        array([1])
    """
    operand, dtype = as_array(operand), np.dtype(new_dtype)
    if operand.dtype.kind == "c" and dtype.kind not in "cb":
        operand = ew.real(operand)
    return ew.convert(operand, dtype=dtype)


def bitcast_convert_type(operand: Array, new_dtype: Any) -> Array:
    """The same bits as numbers of another dtype; a last axis comes or goes where its size differs.

    Example:
        >>> hex(bitcast_convert_type(np.float32(1), np.uint32))
        '0x3f800000'
    """
    return bitcast(as_array(operand), dtype=np.dtype(new_dtype))


def stop_gradient(x: Any) -> Any:
    """The same values, as constants: no derivative flows through.

    Args:
        x: an array, or a pytree of arrays.

    Returns:
        The values in the same structure. Under `grad` and `jvp` they are plain arrays, so `float` works.

    Example:
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: x * stop_gradient(x))(3.0)
        np.float64(3.0)
    """
    return tree.map(ew.stop_gradient, x)
