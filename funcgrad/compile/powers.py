"""Powers and the cube root: see polynomials.py.

`power` is 2**(y log2(x)), with the logarithm in two parts. Where the result is a number (of x**1, of whole powers and
their roots), it is that: the sum of all errors but the last rounding is less than half a unit in the last place. `cbrt`
begins with a third of the exponent, as W. Kahan's and K. C. Ng's (fdlibm), and has no quotient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from funcgrad.compile.coefficients import CBRT, CBRT_START, EXP2, LOG2
from funcgrad.compile.llvmtext import Rare, Value, fma, polynomial, sign_bit, where, with_sign
from funcgrad.compile.polynomials import LN2, is_normal, parts_of, power_of_2, rounded, split_log

# ------------------------------------------------------------------------------------------ power


def power(x: Value, y: Value) -> Value:
    """2**(y log2(x))"""
    value, e = _power_of_normal(x, y)
    return x.body.patched(value, ~(is_normal(x) & _is_limited(e)), Rare("power", 2, _power_of_any), x, y)


def _is_limited(e: Value) -> Value:
    """Whether 2**e is a normal number."""
    return abs(e) < e.body.kind.bias - 2.0


def _power_of_normal(x: Value, y: Value) -> tuple[Value, Value]:
    """The power of a normal x, and its logarithm in base 2."""
    high, low = _log2_in_two(*split_log(x))
    e = y * high
    n, bits = rounded(e, 1.0, e.body.kind.bias)
    r = (e - n) + fma(y, low, fma(y, high, -e))
    return _exp2_of_half(r) * power_of_2(bits), e


def _exp2_of_half(r: Value) -> Value:
    """2**r for r from -1/2 to 1/2, rounded once: 1 + r ln 2 is taken in two parts."""
    kind = r.body.kind
    slope, slope_low = parts_of(LN2, kind.mantissa + 1, 2)
    line = fma(r, slope, 1.0)
    return line + fma(r, polynomial(r, (slope_low, *EXP2[kind.bits])), fma(r, slope, 1.0 - line))


def _log2_in_two(k: Value, f: Value) -> tuple[Value, Value]:
    """log2(2**k (1 + f)) to twice the digits but few: k + s (two + s**2 c) for s = f / (2 + f), c nearly a constant.

    Products and sums in two parts are T. J. Dekker's (1971).
    """
    kind = f.body.kind
    two, two_low = parts_of(2 / LN2, kind.mantissa + 1, 2)
    (third,) = parts_of(Fraction(2, 3) / LN2, kind.mantissa + 1, 1)
    inverse = 1.0 / (f + 2.0)
    s = f * inverse
    s_low = inverse * fma(-s, f, fma(s, -2.0, f))
    z = s * s
    tail = polynomial(z, LOG2[kind.bits])
    c = fma(z, tail, third)
    u = fma(z, c, two)
    u_low = fma(z, c, two - u) + fma(z, fma(z, tail, third - c), two_low)
    u_low = fma(fma(s, s, -z), c, u_low)
    h = s * u
    h_low = fma(s_low, fma(z, fma(z, two, two), two), fma(s, u_low, fma(s, u, -h)))
    y = k + h
    return y, (k - y) + h + h_low


def _power_of_any(x: Value, y: Value) -> Value:
    """The power of |x| with the sign that a whole y gives; of 0; and the C library's for what is left."""
    a = abs(x)
    value, e = _power_of_normal(a, y)
    zero = x.equals(0.0)
    value = where(zero, where(y < 0.0, math.inf, where(y.equals(0.0), 1.0, 0.0)), value)
    ordinary = (zero | is_normal(a) & _is_limited(e)) & (abs(y) < math.inf)
    return x.body.patched(_signed_power(value, x, y), ~ordinary, Rare("pow", 2), x, y)


def _signed_power(value: Value, x: Value, y: Value) -> Value:
    """The power of |x| made that of x."""
    half = y * 0.5
    whole = x.body.intrinsic("rint", y).equals(y)
    odd = whole & ~x.body.intrinsic("rint", half).equals(half)
    value = where(odd, with_sign(value, sign_bit(x)), value)
    return where(~(x < 0.0) | whole, value, math.nan)


# ------------------------------------------------------------------------------------------ the cube root


def cbrt(x: Value) -> Value:
    a = abs(x)
    y = with_sign(_cbrt_of_normal(a), sign_bit(x))
    return x.body.patched(y, ~is_normal(a), Rare("cbrt", 1, _cbrt_of_any), x)


def _cbrt_of_any(x: Value) -> Value:
    kind = x.body.kind
    a = abs(x)
    small, (up, down) = a < kind.tiny, (2.0**54, 2.0**-18) if kind.bits == 64 else (2.0**24, 2.0**-8)
    y = _cbrt_of_normal(where(small, a * up, a))
    y = with_sign(where(small, y * down, y), sign_bit(x))
    return where((a > 0.0) & (a < math.inf), y, x)


def _cbrt_of_normal(x: Value) -> Value:
    """x r**2 (1 - d)**(-2/3) for d = 1 - x r**3 and any r near x**(-1/3), which has so few bits that r**2 is exact."""
    kind = x.body.kind
    r = _third_of_exponent(x)
    if kind.bits == 64:
        d = fma(-x * r * r, r, 1.0)
        r = fma(r * d, polynomial(d, CBRT_START[64]), r)
        r = (r.integer() & -(1 << 27)).floating()
    square = r * r
    y = x * square
    rest = fma(x, square, -y)
    d = fma(-rest, r, fma(-y, r, 1.0))
    return y + fma(y * d, polynomial(d, CBRT[kind.bits]), rest)


def _third_of_exponent(x: Value) -> Value:
    """x**(-1/3) to 4 %, in the upper half of a significand: between powers of 2 it counts as a logarithm."""
    kind = x.body.kind
    shift, unit = (20, 2.0**52) if kind.bits == 64 else (12, 2.0**23)
    least = (4 * kind.bias / 3 - 0.068) * 2.0 ** (kind.mantissa - shift)
    upper = ((x.integer() >> shift) | x.body.value(unit).integer()).floating()
    third = fma(upper, -1 / 3, unit * 4 / 3 + least)
    return (third.integer() << shift).floating()


POWERS: dict[str, Callable[..., Value]] = {f.__name__: f for f in (power, cbrt)}
"""These functions by NumPy's names."""
