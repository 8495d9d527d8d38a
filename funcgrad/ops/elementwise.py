"""Operations on elements: arithmetic, powers, exponentials, trigonometry, selection, comparison, casts.

Each is whole in its place: NumPy's function, its derivative, and how a kernel computes one element (`lower`).
A derivative is `d(y, *xs)`, to multiply with, or `along(t, y, *xs)`, the tangent for the tangent `t`, where a
product with an infinite `t` would be NaN, or a quotient is cheaper. At kinks and ties the values are JAX's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import inf, pi
from math import log as ln
from typing import Any

import numpy as np

from funcgrad.core.avals import INT, PYTHON_SCALARS, Aval, aval_of
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.shortcuts import eager_choice

STEPS = "its result moves in steps, so the derivative is zero wherever there is one"
TRUTH = "its result is True or False"
BITS = "it works on the bits of integers"
USE_WHERE = (
    "fg.numpy.where(condition, x, y) to choose between values, or a smooth step such as 1 / (1 + exp(-x))"
)


# Selection


where: Callable[..., Any] = eager_choice(
    elementwise(
        "where",
        np.where,
        along=(None, lambda t, z, c, x, y: where(c, t, 0.0), lambda t, z, c, x, y: where(c, 0.0, t)),
        linear=(1, 2),
        jointly=True,
        lower="({1} if {0} else {2})",
        large_by_kernel=True,
        silent=True,
    )
)


def _positive(x: Any) -> Any:
    zero: Any = np.zeros((), x.dtype) if type(x) is np.ndarray and x.dtype.kind == "f" else 0  # 0.6 us sooner
    return np.where(np.less(x, zero), zero, x)


relu = elementwise(
    "relu",
    _positive,
    along=(lambda t, y, x: where(y <= 0, 0.0, t),),
    lower="(0 if {0} < 0 else {0})",
    large_by_kernel=True,
    silent=True,
)
"""max(x, 0), one entry on the tape where `where` and its comparison keep a mask; the derivative at 0 is 0, at NaN 1."""


def _if_larger(t: Any, a: Any, b: Any) -> Any:
    """`t` where a > b, half of it at a tie."""
    return where(a > b, t, where(a == b, 0.5 * t, 0.0))


def _if_fmax(t: Any, otherwise: Any, x: Any, y: Any) -> Any:
    return where((x > y) | (y != y), t, otherwise)


def _if_fmin(t: Any, otherwise: Any, x: Any, y: Any) -> Any:
    return where((x < y) | (y != y), t, otherwise)


_MAXIMUM = "({0} if ({0} > {1} or {0} != {0}) else {1})"
_MINIMUM = "({0} if ({0} < {1} or {0} != {0}) else {1})"

maximum = elementwise(
    "maximum",
    np.maximum,
    along=(lambda t, z, x, y: _if_larger(t, x, y), lambda t, z, x, y: _if_larger(t, y, x)),
    lower=_MAXIMUM,
)
minimum = elementwise(
    "minimum",
    np.minimum,
    along=(lambda t, z, x, y: _if_larger(t, y, x), lambda t, z, x, y: _if_larger(t, x, y)),
    lower=_MINIMUM,
)
fmax = elementwise(
    "fmax",
    np.fmax,
    along=(lambda t, z, x, y: _if_fmax(t, 0.0, x, y), lambda t, z, x, y: _if_fmax(0.0, t, x, y)),
    lower="({0} if ({0} > {1} or {1} != {1}) else {1})",
)
fmin = elementwise(
    "fmin",
    np.fmin,
    along=(lambda t, z, x, y: _if_fmin(t, 0.0, x, y), lambda t, z, x, y: _if_fmin(0.0, t, x, y)),
    lower="({0} if ({0} < {1} or {1} != {1}) else {1})",
)
clip = elementwise(
    "clip",
    np.clip,
    along=(
        lambda t, z, x, lo, hi: _if_larger(_if_larger(t, hi, maximum(x, lo)), x, lo),
        lambda t, z, x, lo, hi: _if_larger(_if_larger(t, hi, maximum(x, lo)), lo, x),
        lambda t, z, x, lo, hi: _if_larger(t, maximum(x, lo), hi),
    ),
    lower=_MINIMUM.format(_MAXIMUM, "{2}"),
    large_by_kernel=True,
    silent=True,
)


# Arithmetic


def _abs_along(t: Any, y: Any, x: Any) -> Any:
    if aval_of(x).dtype.kind == "c":
        return t * (conj(x) / where(x == 0, 1.0, abs(x)))
    return where(x >= 0, t, -t)


add = elementwise(
    "add", np.add, d=(1, 1), linear=(0, 1), jointly=True, python=operator.add, lower="{0} + {1}"
)
sub = elementwise(
    "sub", np.subtract, d=(1, -1), linear=(0, 1), jointly=True, python=operator.sub, lower="{0} - {1}"
)
mul = elementwise(
    "mul",
    np.multiply,
    d=(lambda z, x, y: y, lambda z, x, y: x),
    linear=(0, 1),
    python=operator.mul,
    lower="{0} * {1}",
)
div = elementwise(
    "div",
    np.divide,
    along=(lambda t, z, x, y: t / y, lambda t, z, x, y: -(t * z / y)),
    linear=(0,),
    python=operator.truediv,
    lower="{0} / {1}",
)
neg = elementwise("neg", np.negative, d=-1, linear=(0,), python=operator.neg, lower="-{0}")
abs = elementwise("abs", np.absolute, along=(_abs_along,), python=operator.abs, lower="abs({0})")
square = elementwise("square", np.square, d=lambda y, x: 2 * x, lower="{0} * {0}")
reciprocal = elementwise(
    "reciprocal", np.reciprocal, d=lambda y, x: -(y * y), lower="1 / {0}", large_by_kernel=True
)
floor_divide = elementwise(
    "floor_divide",
    np.floor_divide,
    python=operator.floordiv,
    flat=STEPS,
    remedy="x / y, or x / y + stop_gradient(x // y - x / y) for the derivative of the quotient",
    lower="floor_divide",
    large_by_kernel=True,
)
mod = elementwise(
    "mod",
    np.remainder,
    d=(1, lambda z, x, y: -floor_divide(x, y)),
    python=operator.mod,
    lower="remainder",
    large_by_kernel=True,
)
fmod = elementwise("fmod", np.fmod, d=(1, lambda z, x, y: -rint((x - z) / y)), lower="fmod")


# Powers


def _power(x: Any, n: Any) -> Any:
    """NumPy's operator: x ** 2 takes it 0.3 us, np.power 0.6. Python's own would raise for 0.0 ** -1."""
    if type(x) in PYTHON_SCALARS and type(n) in PYTHON_SCALARS:
        return np.power(x, n)
    return x**n


def _integer_power(x: int, n: int) -> Any:
    """Exact; np.power raises where the result is no integer, which a program could not know from types."""
    return x**n if n >= 0 else np.power(x, n)


def _power_by_base(y: Any, x: Any, n: Any) -> Any:
    if type(n) is int or type(n) is float:
        if n == 2:
            return 2 * x
        return n if n in (0, 1) else n * pow(x, n - 1)
    kind = aval_of(n).dtype.kind
    if kind == "b":
        return n
    constant = n == 0
    if kind in "iu":
        return where(constant, 0, n * pow(x, where(constant, 1, n - 1)))
    # 0 * 0 ** -1 and 0 * nan are 0 here; elsewhere n stays in the product, which is differentiated in n too
    hole = constant & ~(abs(x) > 0)
    return where(hole, 0, n * pow(where(hole, 1, x), n - 1))


def _power_by_exponent(y: Any, x: Any, n: Any) -> Any:
    # a scalar or integer base must take the result's dtype first: NumPy's log(2.0) would make float32 float64
    dtype = aval_of(y).dtype
    if type(x) in PYTHON_SCALARS:
        base = dtype.type(x)
    else:
        base = x if x.dtype == dtype else convert(x, dtype=dtype)
    zero = base == 0
    if dtype.kind == "f":
        zero = zero & (n >= 0)
    return log(where(zero, 1, base)) * y


pow = elementwise("pow", _power, d=(_power_by_base, _power_by_exponent), python=_integer_power, lower="{0} ** {1}")
sqrt = elementwise("sqrt", np.sqrt, d=lambda y, x: 0.5 / y, lower="sqrt")
cbrt = elementwise("cbrt", np.cbrt, d=lambda y, x: (1 / 3) / y / y, lower="cbrt")


def _cosine(x: Any, y: Any) -> Any:
    z = np.hypot(x, y)
    origin = z == 0
    return np.where(origin, 0.5, x / np.where(origin, 1, z))[()] if np.any(origin) else x / z


def _turned(t: Any, x: Any, y: Any, by: Any) -> Any:
    """t * sine * by / z**2, with zero at the origin."""
    z = hypot(x, y)
    origin = z == 0
    z = where(origin, 1, z)
    return where(origin, 0, t * (y / z) * (by / z) / z)


hypot: Elementwise = elementwise(
    "hypot", np.hypot, d=(lambda z, x, y: cosine(x, y), lambda z, x, y: cosine(y, x)), lower="hypot"
)
cosine: Elementwise = elementwise(
    "cosine",
    _cosine,
    along=(lambda t, c, x, y: _turned(t, x, y, y), lambda t, c, x, y: -_turned(t, x, y, x)),
    lower="(0.5 if ({0} == 0 and {1} == 0) else {0} / hypot({0}, {1}))",
    large_by_kernel=True,
)
"""x / hypot(x, y), and 1/2 at the origin: that quotient's own derivative 1 / z - x * x / z**3 cancels."""


# Exponentials and logarithms

exp = elementwise("exp", np.exp, d=lambda y, x: y, lower="exp")
exp2 = elementwise("exp2", np.exp2, d=lambda y, x: ln(2) * y, lower="exp2")
expm1 = elementwise(
    "expm1",
    np.expm1,
    d=lambda y, x: exp(x),  # y + 1 has lost exp(x) where y is near -1
    lower="expm1",
)
log = elementwise("log", np.log, along=(lambda t, y, x: t / x,), lower="log")
log2 = elementwise("log2", np.log2, along=(lambda t, y, x: t / (ln(2) * x),), lower="log2")
log10 = elementwise("log10", np.log10, along=(lambda t, y, x: t / (ln(10) * x),), lower="log10")
log1p = elementwise("log1p", np.log1p, along=(lambda t, y, x: t / (1 + x),), lower="log1p")


def _share(power: Any, x: Any, y: Any) -> Any:
    """power(x) / (power(x) + power(y)); where both are infinite it is 1, as in JAX.

    power(x - log(...)) would be two roundings of x away from it: 1 instead of 1/2 at x = y = 1e17.
    """
    ahead = where((x == inf) & (y == inf), inf, x - y)
    smaller = power(-abs(ahead))
    return where(ahead >= 0, 1.0, smaller) / (1.0 + smaller)


logaddexp = elementwise(
    "logaddexp",
    np.logaddexp,
    d=(lambda z, x, y: _share(exp, x, y), lambda z, x, y: _share(exp, y, x)),
    lower="logaddexp",
)
logaddexp2 = elementwise(
    "logaddexp2",
    np.logaddexp2,
    d=(lambda z, x, y: _share(exp2, x, y), lambda z, x, y: _share(exp2, y, x)),
    lower="logaddexp2",
)


# Trigonometric and hyperbolic functions

sin = elementwise("sin", np.sin, d=lambda y, x: cos(x), lower="sin")
cos: Elementwise = elementwise("cos", np.cos, d=lambda y, x: -sin(x), lower="cos")
tan = elementwise("tan", np.tan, d=lambda y, x: 1 + y * y, lower="tan")
one_minus_square = elementwise(
    "one_minus_square",
    lambda x: (1 - x) * (1 + x),  # exact near |x| = 1, where 1 - x * x cancels
    d=lambda y, x: -2 * x,  # exact near 0, where the product's own derivative cancels
    lower="(1 - {0}) * (1 + {0})",
    large_by_kernel=True,
)
arcsin = elementwise("arcsin", np.arcsin, along=(lambda t, y, x: t / sqrt(one_minus_square(x)),), lower="arcsin")
arccos = elementwise("arccos", np.arccos, along=(lambda t, y, x: -t / sqrt(one_minus_square(x)),), lower="arccos")
arctan = elementwise("arctan", np.arctan, along=(lambda t, y, x: t / (1 + x * x),), lower="arctan")


def _over_square(t: Any, radius: Any) -> Any:
    """Divided twice, as the square of 1e200 is infinite."""
    return t / radius / radius


arctan2 = elementwise(
    "arctan2",
    np.arctan2,
    d=(lambda z, y, x: _over_square(x, hypot(x, y)), lambda z, y, x: -_over_square(y, hypot(x, y))),
    lower="arctan2",
)
sinh = elementwise("sinh", np.sinh, d=lambda y, x: cosh(x), lower="sinh")
cosh: Elementwise = elementwise("cosh", np.cosh, d=lambda y, x: sinh(x), lower="cosh")
tanh: Elementwise = elementwise("tanh", np.tanh, d=lambda y, x: 1 - y * y, lower="tanh")
"""Its derivative is of the value alone: 1 / cosh(x)**2, which keeps its digits in the tails, would double the time."""


def _arcsinh_along(t: Any, y: Any, x: Any) -> Any:
    if aval_of(x).dtype.kind == "c":
        return t / sqrt(1 + x * x)
    return t / hypot(1, x)  # the square of 1e200 is infinite


arcsinh = elementwise("arcsinh", np.arcsinh, along=(_arcsinh_along,), lower="arcsinh")
arccosh = elementwise(
    "arccosh",
    np.arccosh,
    # two roots, as for complex x the root of the product lies on another branch
    along=(lambda t, y, x: t / sqrt(x - 1) / sqrt(x + 1),),
    lower="arccosh",
)
arctanh = elementwise("arctanh", np.arctanh, along=(lambda t, y, x: t / one_minus_square(x),), lower="arctanh")
deg2rad = elementwise("deg2rad", np.deg2rad, d=lambda y, x: pi / 180, lower="deg2rad", large_by_kernel=True)
rad2deg = elementwise("rad2deg", np.rad2deg, d=lambda y, x: 180 / pi, lower="rad2deg", large_by_kernel=True)


# Rounding and signs

sign = elementwise(
    "sign",
    np.sign,
    flat=STEPS,
    remedy="a smooth sign such as tanh(k * x)",
    lower="(1 if {0} > 0 else -1 if {0} < 0 else {0} if {0} != {0} else 0)",
    large_by_kernel=True,
    silent=True,
)
floor = elementwise("floor", np.floor, flat=STEPS, remedy="x + stop_gradient(floor(x) - x)", lower="floor")
ceil = elementwise("ceil", np.ceil, flat=STEPS, remedy="x + stop_gradient(ceil(x) - x)", lower="ceil")
trunc = elementwise("trunc", np.trunc, flat=STEPS, remedy="x + stop_gradient(trunc(x) - x)", lower="trunc")
rint: Elementwise = elementwise(
    "rint", np.rint, flat=STEPS, remedy="x + stop_gradient(rint(x) - x)", lower="rint"
)
heaviside = elementwise(
    "heaviside",
    np.heaviside,
    along=(None, lambda t, z, x, y: where(x == 0, t, 0.0)),
    flat=STEPS,
    remedy="a smooth step such as 1 / (1 + exp(-k * x))",
    lower="({0} if {0} != {0} else {1} if {0} == 0 else 0.0 if {0} < 0 else 1.0)",
    large_by_kernel=True,
    silent=True,
)
copysign = elementwise(
    "copysign",
    np.copysign,
    along=(lambda t, z, x, y: where((x >= 0) == signbit(y), -t, t), None),
    flat="only the sign of its second argument counts",
    lower="copysign",
    large_by_kernel=True,
    silent=True,
)
nextafter = elementwise(
    "nextafter", np.nextafter, flat="its result is the neighbouring number", lower="nextafter"
)


ldexp: Elementwise = elementwise(
    "ldexp",
    np.ldexp,
    # the cast is for the plan, which is found with floats for all arguments
    along=(lambda t, y, x, n: ldexp(t, convert(n, dtype=INT)), None),
    linear=(0,),
)
"""x * 2 ** n for whole n, which moves in steps: it has no derivative in n."""
exponent = elementwise("exponent", lambda x: np.frexp(x)[1], flat=STEPS, remedy="log2(abs(x))")


# Comparison and logic: no derivatives

eq = elementwise("eq", np.equal, flat=TRUTH, remedy=USE_WHERE, lower="{0} == {1}")
ne = elementwise("ne", np.not_equal, flat=TRUTH, remedy=USE_WHERE, lower="{0} != {1}")
lt = elementwise("lt", np.less, flat=TRUTH, remedy=USE_WHERE, lower="{0} < {1}")
le = elementwise("le", np.less_equal, flat=TRUTH, remedy=USE_WHERE, lower="{0} <= {1}")
gt = elementwise("gt", np.greater, flat=TRUTH, remedy=USE_WHERE, lower="{0} > {1}")
ge = elementwise("ge", np.greater_equal, flat=TRUTH, remedy=USE_WHERE, lower="{0} >= {1}")
logical_and = elementwise(
    "logical_and", np.logical_and, flat=TRUTH, remedy=USE_WHERE, lower="({0} != 0 and {1} != 0)"
)
logical_or = elementwise(
    "logical_or", np.logical_or, flat=TRUTH, remedy=USE_WHERE, lower="({0} != 0 or {1} != 0)"
)
logical_xor = elementwise(
    "logical_xor", np.logical_xor, flat=TRUTH, remedy=USE_WHERE, lower="(({0} != 0) != ({1} != 0))"
)
logical_not = elementwise("logical_not", np.logical_not, flat=TRUTH, remedy=USE_WHERE, lower="({0} == 0)")
isnan = elementwise("isnan", np.isnan, flat=TRUTH, remedy=USE_WHERE, lower="({0} != {0})")
isinf = elementwise("isinf", np.isinf, flat=TRUTH, remedy=USE_WHERE, lower="({0} == {0} and {0} - {0} != 0)")
isfinite = elementwise("isfinite", np.isfinite, flat=TRUTH, remedy=USE_WHERE, lower="({0} - {0} == 0)")
signbit: Elementwise = elementwise("signbit", np.signbit, flat=TRUTH, remedy=USE_WHERE, lower="signbit")
bitwise_and = elementwise("bitwise_and", np.bitwise_and, python=operator.and_, flat=BITS, lower="{0} & {1}")
bitwise_or = elementwise("bitwise_or", np.bitwise_or, python=operator.or_, flat=BITS, lower="{0} | {1}")
bitwise_xor = elementwise("bitwise_xor", np.bitwise_xor, python=operator.xor, flat=BITS, lower="{0} ^ {1}")
bitwise_not = elementwise("bitwise_not", np.bitwise_not, python=operator.invert, flat=BITS, lower="bitwise_not")
left_shift = elementwise("left_shift", np.left_shift, python=operator.lshift, flat=BITS, lower="left_shift")
right_shift = elementwise("right_shift", np.right_shift, python=operator.rshift, flat=BITS, lower="right_shift")

bitwise_count = elementwise("bitwise_count", np.bitwise_count, flat=BITS)
gcd = elementwise("gcd", np.gcd, flat="it divides integers")
lcm = elementwise("lcm", np.lcm, flat="it multiplies integers")


# Casts, parts of complex numbers, and the identity without a derivative


def _part_shape(x: Aval) -> Aval:
    return x.update(dtype=x.dtype.type(0).real.dtype)


def _array(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)


convert: Linear = Linear(
    "convert",
    lambda x, dtype: _array(x).astype(dtype),
    shape=lambda x, dtype: x.update(dtype=dtype),
    pull=lambda ct, i, x, dtype: ct,
    batch=lambda values, batched, size, params: convert(values[0], **params),
    lower="{0}",
)
convert.flat = "an integer has no derivative"
convert.remedy = "keep a float: x.astype(float), or round with x + stop_gradient(rint(x) - x)"
real: Linear = Linear(
    "real",
    lambda x: _array(x).real,
    shape=_part_shape,
    pull=lambda ct, i, x: ct,
    batch=lambda values, batched, size, params: real(values[0]),
    lower="{0}",
)
imag: Linear = Linear(
    "imag",
    lambda x: _array(x).imag,
    shape=_part_shape,
    pull=lambda ct, i, x: ct * -1j if x.dtype.kind == "c" else None,
    batch=lambda values, batched, size, params: imag(values[0]),
)
conj: Linear = Linear(
    "conj",
    np.conjugate,
    shape=lambda x: x,
    pull=lambda ct, i, x: conj(ct),
    batch=lambda values, batched, size, params: conj(values[0]),
)


def _of_parts(re: Any, im: Any) -> Any:
    if np.iscomplexobj(re) or np.iscomplexobj(im):
        raise TypeError("the parts of a complex number are real numbers")
    z = np.empty(np.broadcast(re, im).shape, np.result_type(re, im, np.complex64))
    z.real, z.imag = re, im
    return z[()]


complex_of = elementwise("complex_of", _of_parts, d=(1, lambda z, re, im: 1j), linear=(0, 1), jointly=True)
"""re + 1j * im, but exact: the product is NaN + 1j * inf where `im` is infinite."""

checkpoint_name: Linear = Linear(
    "checkpoint_name",
    lambda x, name: _array(x),
    shape=lambda x, name: x.update(dtype=x.dtype),
    pull=lambda ct, i, x, name: ct,
    batch=lambda values, batched, size, params: checkpoint_name(values[0], **params),
    lower="{0}",
)
stop_gradient = elementwise(
    "stop_gradient", lambda x: x, python=operator.pos, flat="stop_gradient was asked for", lower="{0}"
)
