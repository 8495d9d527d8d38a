"""Exponentials, logarithms and what is made of them, from polynomials, without a branch but for rare arguments.

Each takes and gives `Value`s, and so is text for any `FloatKind`. The reductions are the classical ones: W. J. Cody and
W. Waite, "Software Manual for the Elementary Functions", 1980; P. T. P. Tang's and K. C. Ng's of fdlibm (1990-1993);
J.-M. Muller, "Elementary Functions", 3rd ed. 2016. `bench/minimax.py` finds the coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from funcgrad.compile.coefficients import COTH, ERF, ERFCX, EXP, EXPM1, LOG, LOG_ERFC
from funcgrad.compile.llvmtext import (
    Body,
    FloatKind,
    Rare,
    Value,
    at_least,
    at_most,
    careful,
    fma,
    polynomial,
    sign_bit,
    where,
    with_sign,
)

LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009")
LN10 = Fraction("2.302585092994045684017991454684364207601101488628772976033327901")
ERF_SLOPE = Fraction("1.128379167095512573896158903121545171688101258657997713688171443")
"""2 / sqrt(pi)"""


def parts_of(exact: Fraction, bits: int, count: int, down: bool = False) -> list[float]:
    """A number as a sum of `count` floating-point numbers of at most so many bits; `down`: all of its sign."""
    parts = []
    for _ in range(count):
        unit = Fraction(2) ** (math.frexp(float(exact))[1] - bits)
        part = (exact // unit if down else round(exact / unit)) * unit
        parts.append(float(part))
        exact -= part
    return parts


def multiple(body: Body, exact: Fraction, short: int, count: int, down: bool = False) -> list[float]:
    """A constant in `count` parts, n times which is exact: one more, and shorter ones, where products are rounded."""
    bits, count = (body.kind.mantissa + 1, count) if body.fused else (short, count + 1)
    return parts_of(exact, bits, count, down)


def minus(x: Value, n: Value, parts: list[float]) -> Value:
    """x - n * the sum of the parts (W. J. Cody and W. Waite)."""
    for part in parts:
        x = fma(n, -part, x)
    return x


def minus_in_two(x: Value, n: Value, parts: list[float]) -> tuple[Value, Value]:
    """The same and what rounding left out."""
    x = fma(n, -parts[0], x)
    r = minus(x, n, parts[1:])
    return r, minus(x - r, n, parts[1:])


def rounded(x: Value, factor: float, offset: int = 0) -> tuple[Value, Value]:
    """The integer nearest to x * factor, and it plus `offset` in the last bits of an integer."""
    shifter = x.body.kind.shifter + offset
    t = fma(x, factor, shifter)
    return t - shifter, t.integer()


def power_of_2(n: Value) -> Value:
    """2**(n - bias) of an integer."""
    return (n << n.body.kind.mantissa).floating()


# ------------------------------------------------------------------------------------------ exponential functions


def _ln2(x: Value, count: int) -> list[float]:
    return multiple(x.body, LN2, 40 if x.body.kind.bits == 64 else 14, count)


def _split_exp(x: Value, offset: int) -> tuple[Value, Value]:
    """x = n ln 2 + r: the bits of n plus an offset, and r."""
    n, bits = rounded(x, 1 / math.log(2), offset)
    return bits, minus(x, n, _ln2(x, 2))


def _exp_of_small(r: Value) -> Value:
    q = polynomial(r, EXP[r.body.kind.bits])
    return fma(r * r, q, r) + 1.0


def _halves(bits: Value) -> tuple[Value, Value]:
    """2**(n // 2) and 2**(n - n // 2) from n + 2 * bias: neither overflows nor is it subnormal."""
    half = bits >> 1
    return power_of_2(half), power_of_2(bits - half)


def _clipped(x: Value) -> Value:
    """x, NaN too, no further than where exp(x) is 0 or infinite."""
    return at_least(at_most(x, 710.0), -746.0) if x.body.kind.bits == 64 else at_least(at_most(x, 89.0), -104.0)


def _scaled(x: Value, bits: Value) -> Value:
    """x * 2**n for normal numbers, from n in the last bits. A NaN becomes anything."""
    return (x.integer() + (bits << x.body.kind.mantissa)).floating()


def _large(x: Value) -> Value:
    """Where exp(x) or exp(-x) is not normal, and NaN."""
    return ~(abs(x) < _large_limit(x))


def _large_limit(x: Value) -> float:
    return 708.0 if x.body.kind.bits == 64 else 87.0


def exp(x: Value) -> Value:
    bits, r = _split_exp(x, 0)
    return x.body.patched(_scaled(_exp_of_small(r), bits), _large(x), Rare("exp", 1, _exp_of_any), x)


def _exp_of_any(x: Value) -> Value:
    bits, r = _split_exp(_clipped(x), 2 * x.body.kind.bias)
    first, second = _halves(bits)
    return _exp_of_small(r) * first * second


def exp2(x: Value) -> Value:
    n, bits = rounded(x, 1.0)
    bad = ~(abs(x) < x.body.kind.bias - 1.0)
    return x.body.patched(_scaled(_exp_of_small((x - n) * math.log(2)), bits), bad, Rare("exp2", 1, _exp2_of_any), x)


def _exp2_of_any(x: Value) -> Value:
    low, high = (-1076.0, 1025.0) if x.body.kind.bits == 64 else (-151.0, 129.0)
    x = at_least(at_most(x, high), low)
    n, bits = rounded(x, 1.0, 2 * x.body.kind.bias)
    first, second = _halves(bits)
    return _exp_of_small((x - n) * math.log(2)) * first * second


def _split_expm1(x: Value, offset: int) -> tuple[Value, Value]:
    """x = n ln 2 + r: the bits of n plus an offset, and expm1(r)."""
    n, bits = rounded(x, 1 / math.log(2), offset)
    r, rest = minus_in_two(x, n, _ln2(x, 2))
    return bits, r + fma(r * r, careful(r, EXPM1[r.body.kind.bits]), rest)


def _expm1_of_normal(x: Value) -> Value:
    """expm1 without the sign of zero, where exp(x) is normal."""
    bits, y = _split_expm1(x, x.body.kind.bias)
    scale = power_of_2(bits)
    return fma(y, scale, scale - 1.0)


def _expm1_near_zero(x: Value) -> Value:
    """The same for small x, and for others |x| / 10 units in the last place of exp(x) worse.

    The second part of n ln 2 is only subtracted, as it were from expm1(r), and off the critical path.
    """
    if not x.body.fused:
        return _expm1_of_normal(x)
    n, bits = rounded(x, 1 / math.log(2), x.body.kind.bias)
    high, low = _ln2(x, 2)
    r = fma(n, -high, x)
    y = r + fma(r * r, careful(r, EXPM1[x.body.kind.bits]), n * -low)
    scale = power_of_2(bits)
    return fma(y, scale, scale - 1.0)


def expm1(x: Value) -> Value:
    least = -40.0 if x.body.kind.bits == 64 else -20.0
    y = with_sign(_expm1_of_normal(at_least(x, least)), sign_bit(x))
    return x.body.patched(y, ~(x < _large_limit(x)), Rare("expm1", 1, _exp_of_any), x)


def _quotient(x: Value) -> tuple[Value, Value, Value]:
    """exp(2 x) = s (1 + c + h) / (1 + c - h): s, c and h.

    x = n ln 2 / 2 + h, s = 2**n, and 1 + c = h coth(h), an even function, which takes half the terms of exp.
    """
    n, bits = rounded(x, 2 / math.log(2), x.body.kind.bias)
    h = minus(x, n, [part / 2 for part in _ln2(x, 2)])
    z = h * h
    return power_of_2(bits), z * polynomial(z, COTH[x.body.kind.bits]), h


def tanh(x: Value) -> Value:
    """(e - 1) / (e + 1) for e = exp(2 |x|), as one quotient: a / (a + 2 b), which rounding does not lead beyond 1."""
    limit = 22.0 if x.body.kind.bits == 64 else 10.0
    s, c, h = _quotient(at_most(abs(x), limit))
    less = s - 1.0
    a = fma(h, s + 1.0, c * less) + less
    return with_sign(a / (fma(c - h, 2.0, a) + 2.0), sign_bit(x))


def sinh(x: Value) -> Value:
    """(t + t / (t + 1)) / 2 for t = expm1(|x|)."""
    t = _expm1_of_normal(abs(x))
    return x.body.patched(with_sign((t + t / (t + 1.0)) * 0.5, sign_bit(x)), _large(x), Rare("sinh"), x)


def cosh(x: Value) -> Value:
    """(t + 1 / t) / 2 for t = exp(|x|)."""
    bits, r = _split_exp(abs(x), x.body.kind.bias)
    t = _exp_of_small(r) * power_of_2(bits)
    return x.body.patched((t + 1.0 / t) * 0.5, _large(x), Rare("cosh"), x)


def _exp_ofminus(x: Value) -> Value:
    """exp(-|x|), or a normal number that is as good as 0 to one."""
    bits, r = _split_exp(at_least(-abs(x), -_large_limit(x)), 0)
    return _scaled(_exp_of_small(r), bits)


def logistic(x: Value) -> Value:
    """e / (e + 1) for e = exp(x), as one quotient, 3/2 of both parts: these keep more digits from 5/4 to 7/4."""
    s, c, h = _quotient(at_most(x, 40.0) * 0.5)
    e = s * fma(c + h, 1.5, 1.5)
    y = e / (e + fma(c - h, 1.5, 1.5))
    return x.body.patched(y, ~(x >= -_large_limit(x)), Rare("logistic", 1, _exp_of_any), x)


def softplus(x: Value) -> Value:
    y = at_least(x, 0.0) + _log1p_of_fraction(_exp_ofminus(x))
    return x.body.patched(y, ~(x >= -_large_limit(x)), Rare("softplus", 1, _exp_of_any), x)


# ------------------------------------------------------------------------------------------ logarithms


def split_log(x: Value) -> tuple[Value, Value]:
    """x = 2**k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2), for a positive normal x: k and f."""
    kind = x.body.kind
    shifted = _from_root(x)
    fraction = (shifted & ((1 << kind.mantissa) - 1)) + _integer_of(math.sqrt(0.5), kind)
    return _exponent(shifted, kind.bias), fraction.floating() - 1.0


def _from_root(x: Value) -> Value:
    """The bits of x, shifted such that the exponent field steps at sqrt(1/2) times powers of two: k + bias."""
    kind = x.body.kind
    return x.integer() + ((kind.bias << kind.mantissa) - _integer_of(math.sqrt(0.5), kind))


def _integer_of(x: float, kind: FloatKind) -> int:
    """The bits of a normal number."""
    fraction, exponent = math.frexp(x)
    return (exponent - 1 + kind.bias << kind.mantissa) + round((2 * fraction - 1) * 2**kind.mantissa)


def _exponent(bits: Value, bias: float) -> Value:
    """The exponent field of a positive number, less a bias, as a floating-point number."""
    kind = bits.body.kind
    unit = 2.0**kind.mantissa
    return ((bits >> kind.mantissa) | _integer_of(unit, kind)).floating() - (unit + bias)


def _log_terms(f: Value) -> tuple[Value, Value]:
    """s and f - R(s**2), so that log(1 + f) = f - the one times the other."""
    s = f / (f + 2.0)
    z = s * s
    return s, fma(-z, polynomial(z, LOG[f.body.kind.bits]), f)


def _log_of(k: Value, f: Value) -> Value:
    high, low = parts_of(LN2, 40 if f.body.kind.bits == 64 else 14, 2)
    s, less = _log_terms(f)
    return fma(k, high, f - fma(s, less, k * -low))


Logarithm = Callable[[Value, Value], Value]
"""A logarithm of 2**k (1 + f) as a function of k and f."""


def _log_of_normal(x: Value, name: str, of: Logarithm) -> Value:
    return x.body.patched(of(*split_log(x)), ~is_normal(x), Rare(name, 1, lambda x: _log_of_any(x, of)), x)


def is_normal(x: Value) -> Value:
    """Whether x is positive, normal and finite."""
    kind = x.body.kind
    least, infinity = _integer_of(kind.tiny, kind), (2 * kind.bias + 1) << kind.mantissa
    return (x.integer() - least).below(infinity - least)


def _log_of_any(x: Value, of: Logarithm) -> Value:
    kind = x.body.kind
    small = x < kind.tiny
    k, f = split_log(where(small, x * 2.0 ** (kind.mantissa + 2), x))
    k = where(small, k - (kind.mantissa + 2.0), k)
    finite = where(x < math.inf, of(k, f), x)
    return where(x > 0.0, finite, where(x.equals(0.0), -math.inf, math.nan))


def log(x: Value) -> Value:
    return _log_of_normal(x, "log", _log_of)


def _log_in_base(log_of_base: Fraction, power: Fraction) -> Logarithm:
    """The natural logarithm's terms times 1 / `log_of_base`, in two parts for the first; 2 is `power` of the base."""

    def of(k: Value, f: Value) -> Value:
        kind = f.body.kind
        high, low = parts_of(1 / log_of_base, kind.mantissa + 1, 2)
        step, small_step = parts_of(power, 40 if kind.bits == 64 else 14, 2) if power != 1 else (1.0, 0.0)
        s, less = _log_terms(f)
        rest = fma(s * -high, less, f * low)
        if small_step:
            rest = fma(k, small_step, rest)
        return fma(k, step, fma(f, high, rest))

    return of


def log2(x: Value) -> Value:
    return _log_of_normal(x, "log2", _log_in_base(LN2, Fraction(1)))


def log10(x: Value) -> Value:
    return _log_of_normal(x, "log10", _log_in_base(LN10, LN2 / LN10))


def _log1p_of_fraction(x: Value) -> Value:
    """log1p for x from 0 to 1."""
    beyond = x > math.sqrt(2) - 1
    return _log_of(where(beyond, 1.0, 0.0), where(beyond, fma(x, 0.5, -0.5), x))


def _log1p_limited(x: Value) -> Value:
    """log1p for finite x > -1, without the sign of zero."""
    kind = x.body.kind
    u = x + 1.0
    lost = where(x < 1.0, x - (u - 1.0), 1.0 - (u - x))
    k, f = split_log(u)
    exponent = _from_root(u) & -(1 << kind.mantissa)
    scale = ((2 * kind.bias << kind.mantissa) - exponent).floating()
    return _log_of(k, fma(lost, scale, f))


def log1p(x: Value) -> Value:
    ordinary = (x > -1.0) & (x < 2.0 ** (x.body.kind.bias - 1))
    y = with_sign(_log1p_limited(x), sign_bit(x))
    return x.body.patched(y, ~ordinary, Rare("log1p", 1, _log1p_of_any), x)


def _log1p_of_any(x: Value) -> Value:
    large = 2.0 ** (x.body.kind.bias - 1)
    y = where(x < large, with_sign(_log1p_limited(x), sign_bit(x)), _log_of(*split_log(x)))
    y = where(x < math.inf, y, x)
    return where(x > -1.0, y, where(x.equals(-1.0), -math.inf, math.nan))


# ------------------------------------------------------------------------------------------ inverse hyperbolic


def arcsinh(x: Value) -> Value:
    """log1p(a + a^2 / (1 + sqrt(a^2 + 1)))"""
    a = abs(x)
    square = a * a
    root = x.body.intrinsic("sqrt", square + 1.0)
    y = with_sign(_log1p_limited(a + square / (root + 1.0)), sign_bit(x))
    return x.body.patched(y, ~(a < 2.0 ** (x.body.kind.bias // 2)), Rare("asinh"), x)


def arccosh(x: Value) -> Value:
    """log1p(t + sqrt(2 t + t^2)) for t = x - 1."""
    t = x - 1.0
    y = _log1p_limited(t + x.body.intrinsic("sqrt", t * (t + 2.0)))
    return x.body.patched(y, ~((x >= 1.0) & (x < 2.0 ** (x.body.kind.bias // 2))), Rare("acosh"), x)


def arctanh(x: Value) -> Value:
    """log1p(2 a / (1 - a)) / 2"""
    a = abs(x)
    y = with_sign(_log1p_limited(2.0 * a / (1.0 - a)) * 0.5, sign_bit(x))
    return x.body.patched(y, ~(a < 1.0), Rare("atanh"), x)


def hypot(x: Value, y: Value) -> Value:
    bias = x.body.kind.bias
    a, b = abs(x), abs(y)
    large = where(a > b, a, b)
    squares_exist = (large < 2.0 ** (bias // 2)) & ((large > 2.0 ** -(bias // 2 - 40)) | large.equals(0.0))
    root = x.body.intrinsic("sqrt", fma(a, a, b * b))
    return x.body.patched(root, ~(squares_exist & ~a.is_nan() & ~b.is_nan()), Rare("hypot", 2), x, y)


# ------------------------------------------------------------------------------------------ the error function


def erf(x: Value) -> Value:
    """-expm1(log(erfc(a))), where the logarithm is nearly -a**2."""
    bits = x.body.kind.bits
    a = at_most(abs(x), 6.0 if bits == 64 else 4.0)
    slope, rest = parts_of(ERF_SLOPE, x.body.kind.mantissa + 1, 2)
    curve = fma(a, polynomial(a, LOG_ERFC[bits][1:]), rest)
    return with_sign(abs(_expm1_near_zero(fma(a, -slope, -a * curve))), sign_bit(x))


def _erfc_of(a: Value) -> Value:
    """erfc of a >= 0, where M. M. Shepherd and J. G. Laframboise (1981) have a polynomial in (a - K) / (a + K)."""
    bits = a.body.kind.bits
    a = at_most(a, 27.4 if bits == 64 else 10.2)
    middle = 4.0 if bits == 64 else 3.0
    scaled = careful((a - middle) / (a + middle), ERFCX[bits]) / fma(a, 2.0, 1.0)
    square = a * a
    bits_of_n, r = _split_exp(-square, 2 * a.body.kind.bias)
    first, second = _halves(bits_of_n)
    return _exp_of_small(r - fma(a, a, -square)) * scaled * first * second


def erfc(x: Value) -> Value:
    """1 - erf(x) for small x, 2 - erfc(-x) for others that are negative."""
    a = abs(x)
    z = at_most(a * a, 0.25)
    small = fma(-x, careful(z, ERF[x.body.kind.bits]), 1.0)
    large = _erfc_of(a)
    return where(a < 0.5, small, where(x < 0.0, 2.0 - large, large))


FUNCTIONS: dict[str, Callable[..., Value | tuple[Value, ...]]] = {
    f.__name__: f
    for f in (
        exp, exp2, expm1, tanh, sinh, cosh, logistic, softplus, log, log2, log10, log1p,
        arcsinh, arccosh, arctanh, hypot, erf, erfc,
    )
}  # fmt: skip
"""These functions by NumPy's names."""
