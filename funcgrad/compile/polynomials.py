"""Elementary functions from polynomials, without a branch but for rare arguments.

Each takes and gives `Value`s, and so is text for any `Kind`. The reductions are the classical ones: W. J. Cody and
W. Waite, "Software Manual for the Elementary Functions", 1980; P. T. P. Tang's and K. C. Ng's of fdlibm (1990-1993);
J.-M. Muller, "Elementary Functions", 3rd ed. 2016. `bench/minimax.py` finds the coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from funcgrad.compile.llvmtext import (
    Body,
    Kind,
    Rare,
    Value,
    at_least,
    at_most,
    careful,
    estrin,
    flipped,
    fma,
    sign_bit,
    where,
    with_sign,
)

LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009")
PI = Fraction("3.141592653589793238462643383279502884197169399375105820974944592307816406286209")
LN10 = Fraction("2.302585092994045684017991454684364207601101488628772976033327901")

"""Coefficients from the constant term up, for float64 and float32; what is left out is in the functions."""
EXP = {
    64: (
        0.5000000000000013, 0.166666666666667, 0.041666666666514335, 0.008333333333307087, 0.0013888888947326563,
        0.00019841269917662935, 2.4801489596274714e-05, 2.7557216036612086e-06, 2.763141146800615e-07,
        2.5117948070291274e-08,
    ),
    32: (0.5000000095063943, 0.16666518303496414, 0.041666205337312814, 0.008368953352181633, 0.0013950546459507273),
}  # fmt: skip
EXPM1 = {
    64: (
        0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321534, 0.0013888888888866685,
        0.00019841269886395601, 2.4801587360855396e-05, 2.7557243918039327e-06, 2.755724250496549e-07,
        2.510914491443918e-08, 2.0924521803746995e-09,
    ),
    32: (
        0.5000000046663301, 0.16666666818032638, 0.04166635354909578, 0.008333272803383198, 0.0013941101107802516,
        0.0001991431577949089,
    ),
}  # fmt: skip
SIN = {
    64: (
        -0.1666666666666663, 0.008333333333321992, -0.00019841269829454848, 2.755731356468026e-06,
        -2.505073750579483e-08, 1.5895564142191316e-10,
    ),
    32: (-0.1666665466747318, 0.008332160082842887, -0.00019514781881695216),
}  # fmt: skip
COS = {
    64: (
        0.041666666666666595, -0.0013888888888873552, 2.4801587289109422e-05, -2.755731424029883e-07,
        2.0875707497129695e-09, -1.1358804549864664e-11,
    ),
    32: (0.041666646399556535, -0.0013887343720262214, 2.443562931589334e-05),
}  # fmt: skip
SIN_PI = {
    64: (
        -0.16666666666666666, 0.008333333333333333, -0.00019841269841269662, 2.7557319223937993e-06,
        -2.5052108378210653e-08, 1.605904317559218e-10, -7.647126387886734e-13, 2.8101831153223393e-15,
        -7.979517815404017e-18,
    ),
    32: (
        -0.1666666662449698, 0.008333331036643984, -0.0001984085855778653, 2.7524878079475997e-06,
        -2.387981303803296e-08,
    ),
}  # fmt: skip
LOG = {
    64: (
        0.6666666666666734, 0.3999999999941464, 0.28571428742397625, 0.2222219857207456, 0.18183564384423861,
        0.15314049082509026, 0.14795964045726231,
    ),
    32: (0.6666677638617313, 0.39977540967003783, 0.29871744302931985),
}  # fmt: skip


def _parts(exact: Fraction, bits: int, count: int) -> list[float]:
    """A number as a sum of `count` floating-point numbers of at most so many bits."""
    parts = []
    for _ in range(count):
        unit = Fraction(2) ** (math.frexp(float(exact))[1] - bits)
        part = round(exact / unit) * unit
        parts.append(float(part))
        exact -= part
    return parts


def _multiple(body: Body, exact: Fraction, short: int, count: int) -> list[float]:
    """A constant in `count` parts, n times which is exact: one more, and shorter ones, where products are rounded."""
    return _parts(exact, body.kind.mantissa + 1, count) if body.fused else _parts(exact, short, count + 1)


def _minus(x: Value, n: Value, parts: list[float]) -> Value:
    """x - n * the sum of the parts (W. J. Cody and W. Waite)."""
    for part in parts:
        x = fma(n, -part, x)
    return x


def _minus_in_two(x: Value, n: Value, parts: list[float]) -> tuple[Value, Value]:
    """The same and what rounding left out."""
    x = fma(n, -parts[0], x)
    r = _minus(x, n, parts[1:])
    return r, _minus(x - r, n, parts[1:])


def _rounded(x: Value, factor: float, offset: int = 0) -> tuple[Value, Value]:
    """The integer nearest to x * factor, and it plus `offset` in the last bits of an integer."""
    shifter = x.body.kind.shifter + offset
    t = fma(x, factor, shifter)
    return t - shifter, t.integer()


def _power_of_2(n: Value) -> Value:
    """2**(n - bias) of an integer."""
    return (n << n.body.kind.mantissa).floating()


# ------------------------------------------------------------------------------------------ exponential functions


def _ln2(x: Value, count: int) -> list[float]:
    return _multiple(x.body, LN2, 40 if x.body.kind.bits == 64 else 14, count)


def _split_exp(x: Value, offset: int) -> tuple[Value, Value]:
    """x = n ln 2 + r: the bits of n plus an offset, and r."""
    n, bits = _rounded(x, 1 / math.log(2), offset)
    return bits, _minus(x, n, _ln2(x, 2))


def _exp_of_small(r: Value) -> Value:
    q = estrin(r, EXP[r.body.kind.bits])
    return fma(r * r, q, r) + 1.0


def _halves(bits: Value) -> tuple[Value, Value]:
    """2**(n // 2) and 2**(n - n // 2) from n + 2 * bias: neither overflows nor is it subnormal."""
    half = bits >> 1
    return _power_of_2(half), _power_of_2(bits - half)


def _clipped(x: Value) -> Value:
    """x, NaN too, no further than where exp(x) is 0 or infinite."""
    return at_least(at_most(x, 710.0), -746.0) if x.body.kind.bits == 64 else at_least(at_most(x, 89.0), -104.0)


def exp(x: Value) -> Value:
    bits, r = _split_exp(_clipped(x), 2 * x.body.kind.bias)
    first, second = _halves(bits)
    return _exp_of_small(r) * first * second


def exp2(x: Value) -> Value:
    low, high = (-1076.0, 1025.0) if x.body.kind.bits == 64 else (-151.0, 129.0)
    x = at_least(at_most(x, high), low)
    n, bits = _rounded(x, 1.0, 2 * x.body.kind.bias)
    first, second = _halves(bits)
    return _exp_of_small((x - n) * math.log(2)) * first * second


def _exp_of_negative(x: Value) -> Value:
    """exp of x <= 0."""
    bits, r = _split_exp(at_least(x, -746.0 if x.body.kind.bits == 64 else -104.0), 2 * x.body.kind.bias)
    first, second = _halves(bits)
    return _exp_of_small(r) * first * second


def _split_expm1(x: Value, offset: int) -> tuple[Value, Value]:
    """x = n ln 2 + r: the bits of n plus an offset, and expm1(r)."""
    n, bits = _rounded(x, 1 / math.log(2), offset)
    r, rest = _minus_in_two(x, n, _ln2(x, 2))
    return bits, r + fma(r * r, careful(r, EXPM1[r.body.kind.bits]), rest)


def _expm1_limited(x: Value) -> Value:
    """expm1 without the sign of zero, for |x| at most 60."""
    bits, y = _split_expm1(x, x.body.kind.bias)
    scale = _power_of_2(bits)
    return fma(y, scale, scale - 1.0)


def expm1(x: Value) -> Value:
    bits, y = _split_expm1(_clipped(x), 2 * x.body.kind.bias)
    first, second = _halves(bits)
    inverse = _power_of_2(2 * x.body.kind.bias - (bits - (bits >> 1)))
    return with_sign(fma(y, first, first - inverse) * second, sign_bit(x))


def tanh(x: Value) -> Value:
    """t / (t + 2) for t = expm1(2 |x|)."""
    limit = 22.0 if x.body.kind.bits == 64 else 10.0
    t = _expm1_limited(at_most(abs(x), limit) * 2.0)
    return with_sign(t / (t + 2.0), sign_bit(x))


def _half_expm1(x: Value) -> Value:
    """expm1(x) / 2 for x >= 0, which is finite where sinh is."""
    bits, y = _split_expm1(at_most(x, 720.0 if x.body.kind.bits == 64 else 95.0), 2 * x.body.kind.bias)
    first, second = _halves(bits)
    first = first * 0.5
    inverse = _power_of_2(2 * x.body.kind.bias - (bits - (bits >> 1))) * 0.5
    return fma(y, first, first - inverse) * second


def sinh(x: Value) -> Value:
    """t + t / (2 t + 1) for t = expm1(|x|) / 2."""
    t = _half_expm1(abs(x))
    largest = 2.0**x.body.kind.bias
    return with_sign(t + at_most(t, largest) / fma(t, 2.0, 1.0), sign_bit(x))


def cosh(x: Value) -> Value:
    """t + 1 / (4 t) for t = exp(|x|) / 2."""
    bits, r = _split_exp(at_most(abs(x), 720.0 if x.body.kind.bits == 64 else 95.0), 2 * x.body.kind.bias - 1)
    first, second = _halves(bits)
    t = _exp_of_small(r) * first * second
    return t + 0.25 / t


def logistic(x: Value) -> Value:
    e = _exp_of_negative(-abs(x))
    return where(x < 0.0, e, 1.0) / (e + 1.0)


def softplus(x: Value) -> Value:
    return at_least(x, 0.0) + _log1p_limited(_exp_of_negative(-abs(x)))


# ------------------------------------------------------------------------------------------ logarithms


def _split_log(x: Value, offset: float = 0.0) -> tuple[Value, Value]:
    """x = 2**k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2), for a positive normal x: k - offset and f."""
    kind = x.body.kind
    shifted = _from_root(x)
    fraction = (shifted & ((1 << kind.mantissa) - 1)) + _integer_of(math.sqrt(0.5), kind)
    return _exponent(shifted, kind.bias + offset), fraction.floating() - 1.0


def _from_root(x: Value) -> Value:
    """The bits of x, shifted such that the exponent field steps at sqrt(1/2) times powers of two: k + bias."""
    kind = x.body.kind
    return x.integer() + ((kind.bias << kind.mantissa) - _integer_of(math.sqrt(0.5), kind))


def _integer_of(x: float, kind: Kind) -> int:
    """The bits of a normal number."""
    fraction, exponent = math.frexp(x)
    return (exponent - 1 + kind.bias << kind.mantissa) + round((2 * fraction - 1) * 2**kind.mantissa)


def _exponent(bits: Value, bias: float) -> Value:
    """The exponent field of a positive number, less a bias, as a floating-point number."""
    kind = bits.body.kind
    unit = 2.0**kind.mantissa
    return ((bits >> kind.mantissa) | _integer_of(unit, kind)).floating() - (unit + bias)


def _log_terms(f: Value) -> tuple[Value, Value]:
    """f**2 / 2 and s * (f**2 / 2 + R(s**2)), so that log(1 + f) = f - (the one - the other)."""
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    return half, s * fma(z, estrin(z, LOG[f.body.kind.bits]), half)


def _log_of(k: Value, f: Value) -> Value:
    high, low = _parts(LN2, 40 if f.body.kind.bits == 64 else 14, 2)
    half, rest = _log_terms(f)
    return fma(k, high, f - (half - fma(k, low, rest)))


Logarithm = Callable[[Value, Value], Value]
"""A logarithm of 2**k (1 + f) as a function of k and f."""


def _log_of_normal(x: Value, name: str, of: Logarithm) -> Value:
    kind = x.body.kind
    least, infinity = _integer_of(kind.tiny, kind), (2 * kind.bias + 1) << kind.mantissa
    normal = (x.integer() - least).below(infinity - least)
    return x.body.patched(of(*_split_log(x)), ~normal, Rare(name, 1, lambda x: _log_of_any(x, of)), x)


def _log_of_any(x: Value, of: Logarithm) -> Value:
    kind = x.body.kind
    small = x < kind.tiny
    k, f = _split_log(where(small, x * 2.0 ** (kind.mantissa + 2), x))
    k = where(small, k - (kind.mantissa + 2.0), k)
    finite = where(x < math.inf, of(k, f), x)
    return where(x > 0.0, finite, where(x.equals(0.0), -math.inf, math.nan))


def log(x: Value) -> Value:
    return _log_of_normal(x, "log", _log_of)


def _log_in_base(log_of_base: Fraction, power: Fraction) -> Logarithm:
    """The logarithm in a base from the natural one in two parts; 2 is `power` powers of the base."""

    def of(k: Value, f: Value) -> Value:
        wide = f.body.kind.bits == 64
        high, low = _parts(1 / log_of_base, 26 if wide else 12, 2)
        step, small_step = _parts(power, 40 if wide else 14, 2) if power != 1 else (1.0, 0.0)
        half, rest = _log_terms(f)
        whole = f - half
        top = (whole.integer() & -(1 << (27 if wide else 12))).floating()
        bottom = (f - top) - half + rest
        tail = fma(bottom, high, (top + bottom) * low)
        if small_step:
            tail = fma(k, small_step, tail)
        return fma(k, step, fma(top, high, tail))

    return of


def log2(x: Value) -> Value:
    return _log_of_normal(x, "log2", _log_in_base(LN2, Fraction(1)))


def log10(x: Value) -> Value:
    return _log_of_normal(x, "log10", _log_in_base(LN10, LN2 / LN10))


def _log1p_limited(x: Value) -> Value:
    """log1p for finite x > -1, without the sign of zero."""
    kind = x.body.kind
    u = x + 1.0
    lost = where(x < 1.0, x - (u - 1.0), 1.0 - (u - x))
    k, f = _split_log(u)
    exponent = _from_root(u) & -(1 << kind.mantissa)
    scale = ((2 * kind.bias << kind.mantissa) - exponent).floating()
    return _log_of(k, fma(lost, scale, f))


def log1p(x: Value) -> Value:
    ordinary = (x > -1.0) & (x < math.inf)
    y = with_sign(_log1p_limited(x), sign_bit(x))
    return x.body.patched(y, ~ordinary, Rare("log1p", 1, _log1p_of_any), x)


def _log1p_of_any(x: Value) -> Value:
    y = with_sign(_log1p_limited(x), sign_bit(x))
    y = where(x < math.inf, y, x)
    return where(x > -1.0, y, where(x.equals(-1.0), -math.inf, math.nan))


# ------------------------------------------------------------------------------------------ circular functions


def _far(x: Value) -> Value:
    """Where the reduction by multiples of pi is not exact enough, and where x is not finite."""
    if x.body.kind.bits == 64:
        limit = 1e9 if x.body.fused else 5e5
    else:
        limit = 5e4 if x.body.fused else 1e3
    return ~(abs(x) < limit)


def _pi(x: Value, unit: Fraction) -> list[float]:
    return _multiple(x.body, unit, 33 if x.body.kind.bits == 64 else 13, 3)


def _sin_to_half_pi(r: Value) -> Value:
    z = r * r
    return fma(z * careful(z, SIN_PI[r.body.kind.bits]), r, r)


def sin(x: Value) -> Value:
    """sin(x) = (-1)**n sin(x - n pi)."""
    n, bits = _rounded(x, 1 / math.pi)
    y = _sin_to_half_pi(_minus(x, n, _pi(x, PI)))
    y = flipped(y, bits << (x.body.kind.bits - 1))
    return x.body.patched(where(x.equals(0.0), x, y), _far(x), Rare("sin"), x)


def cos(x: Value) -> Value:
    """cos(x) = (-1)**n sin(x - (n - 1/2) pi)."""
    shifter = x.body.kind.shifter
    t = fma(x, 1 / math.pi, 0.5) + shifter
    r = _minus(x, t - shifter - 0.5, _pi(x, PI))
    y = flipped(_sin_to_half_pi(r), t.integer() << (x.body.kind.bits - 1))
    return x.body.patched(y, _far(x), Rare("cos"), x)


def _octant(x: Value) -> tuple[Value, Value, Value]:
    """The sine and cosine of r = x - n pi / 2, and the bits of n."""
    n, bits = _rounded(x, 2 / math.pi)
    r, rest = _minus_in_two(x, n, _pi(x, PI / 2))
    # where r is so small that x - r in there is not exact, the rest may be anything
    rest = where(abs(rest) <= abs(r) * 2.0**-x.body.kind.mantissa, rest, 0.0)
    z = r * r
    sine = r + fma(r, z * estrin(z, SIN[x.body.kind.bits]), rest)
    most = fma(z, -0.5, 1.0)
    lost = fma(z, -0.5, 1.0 - most) - r * rest
    return sine, most + fma(z * z, estrin(z, COS[x.body.kind.bits]), lost), bits


def sincos(x: Value) -> tuple[Value, Value]:
    sine, cosine, bits = _octant(x)
    top = x.body.kind.bits - 1
    even = (bits & 1).equals(0)
    s = flipped(where(even, sine, cosine), (bits >> 1) << top)
    c = flipped(where(even, cosine, sine), (bits + 1 >> 1) << top)
    s = where(x.equals(0.0), x, s)
    far = _far(x)
    return x.body.patched(s, far, Rare("sin"), x), x.body.patched(c, far, Rare("cos"), x)


def tan(x: Value) -> Value:
    sine, cosine, bits = _octant(x)
    even = (bits & 1).equals(0)
    y = where(even, sine, -cosine) / where(even, cosine, sine)
    return x.body.patched(where(x.equals(0.0), x, y), _far(x), Rare("tan"), x)


FUNCTIONS: dict[str, Callable[..., Value | tuple[Value, ...]]] = {
    f.__name__: f
    for f in (exp, exp2, expm1, tanh, sinh, cosh, logistic, softplus, log, log2, log10, log1p, sin, cos, sincos, tan)
}
"""The functions that have polynomials, by NumPy's names."""
