"""Writes funcgrad/compile/coefficients.py: `python bench/minimax.py > ...` (needs mpmath).

Remez's exchange algorithm (E. Ya. Remez, 1934) in 60 digits, for a polynomial with the least error relative to a
weight.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[Any], Any]


def remez(f: Function, weight: Function, low: Any, high: Any, terms: int) -> tuple[list[Any], Any]:
    """The polynomial of that many terms with the least `max |p - f| / weight`, and that error."""
    low, high = mp.mpf(low), mp.mpf(high)
    nodes = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + 0.4) / (terms + 1)) for i in range(terms + 1)]
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / 900) for i in range(901)]
    values = [(x, f(x), weight(x)) for x in grid]
    for _ in range(12):
        system = mp.matrix(terms + 1, terms + 1)
        for i, x in enumerate(nodes):
            system[i, :] = mp.matrix([[x**j for j in range(terms)] + [(-1) ** i * weight(x)]])
        solved = mp.lu_solve(system, mp.matrix([f(x) for x in nodes]))
        coefficients = [solved[j] for j in range(terms)]
        errors = [(mp.polyval(coefficients[::-1], x) - y) / w for x, y, w in values]
        nodes = [grid[i] for i in _extrema(errors, terms + 1)]
        if len(nodes) != terms + 1:
            raise ArithmeticError(f"{len(nodes)} alternations, not {terms + 1}")
        worst = max(map(abs, errors))
        if worst < abs(solved[terms]) * 1.001:
            break
    return coefficients, worst


def _extrema(errors: list[Any], count: int) -> list[int]:
    """Where each run of one sign is largest; of too many runs, those next to each other with the largest ends."""
    runs: list[int] = []
    for i, e in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > count:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return runs


def near_zero(f: Function, series: Function) -> Function:
    """`f`, which is 0/0 at 0, and a few terms of its series there."""
    return lambda x: series(x) if abs(x) < mp.mpf(10) ** -12 else f(x)


HALF = mp.mpf("0.5") * (1 + mp.mpf(2) ** -10)
LN2 = mp.log(2)
HALF_LN2 = LN2 / 2 * (1 + mp.mpf(2) ** -10)
LOG_Z = mp.mpf(3 - 2 * mp.sqrt(2)) ** 2 * (1 + mp.mpf(2) ** -20)
"""The square of s = f / (2 + f) for 1 + f = sqrt(2)."""
CBRT_D = mp.mpf("0.1025")
"""How far x r**3 is from 1, where r has a third of the negative exponent and significand of x."""


def _exp(x: Any) -> Any:
    return (mp.expm1(x) - x) / x**2


def _coth(z: Any) -> Any:
    x = mp.sqrt(z)
    return (x * mp.coth(x) - 1) / z


def _sin(z: Any) -> Any:
    x = mp.sqrt(z)
    return (mp.sin(x) / x - 1) / z


def _cos(z: Any) -> Any:
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def _log(z: Any) -> Any:
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def _log2(digits: int) -> Function:
    """log2(1 + f) / s less two terms, the second of which has a coefficient of so many bits."""
    with mp.workprec(digits):
        third = +(2 / LN2 / 3)
    return near_zero(lambda z: (_log(z) / LN2 - third) / z, lambda z: 2 / LN2 / 5)


def _exp2(x: Any) -> Any:
    return (mp.mpf(2) ** x - 1 - x * LN2) / x**2


def _root(power: Any) -> tuple[Function, Function]:
    """(1 - d)**power = 1 + d f(d): f, and the weight of its errors."""
    f = near_zero(lambda d: ((1 - d) ** power - 1) / d, lambda d: power * ((power - 1) * d / 2 - 1))
    return f, lambda d: (1 - d) ** power / abs(d)


def _tan_below(degree: int) -> list[Any]:
    """The denominator of J. H. Lambert's continued fraction for tan(x) (1761), as a polynomial in x**2."""
    before, last = [mp.mpf(0)] * (degree + 1), [mp.mpf(1)] + [mp.mpf(0)] * degree
    for k in range(1, 2 * degree + 2):
        before, last = last, [(2 * k - 1) * b - a for a, b in zip([0, *before], last)]
    return [c / last[0] for c in last]


def _tan(degree: int) -> tuple[Function, Function]:
    """(tan(x) / x times that denominator - 1) / x**2, and the weight of its errors."""
    above = lambda z: mp.tan(mp.sqrt(z)) / mp.sqrt(z) * mp.polyval(_tan_below(degree)[::-1], z)
    f = near_zero(lambda z: (above(z) - 1) / z, lambda z: mp.mpf(1) / 3 + _tan_below(degree)[1])
    return f, lambda z: above(z) / z


def _atan(z: Any) -> Any:
    x = mp.sqrt(z)
    return (mp.atan(x) / x - 1) / z


def _erf(z: Any) -> Any:
    x = mp.sqrt(z)
    return mp.erf(x) / x


def _asin(z: Any) -> Any:
    x = mp.sqrt(z)
    return (mp.asin(x) / x - 1) / z


def _erfcx(middle: int) -> Function:
    """(1 + 2a) exp(a^2) erfc(a) as a function of q = (a - middle) / (a + middle)."""

    def f(q: Any) -> Any:
        a = middle * (1 + q) / (1 - q)
        return (1 + 2 * a) * mp.exp(a * a) * mp.erfc(a)

    return f


def _log_erfc(a: Any) -> Any:
    return -mp.log(mp.erfc(a)) / a


def _log_erfc_weight(a: Any) -> Any:
    """For errors relative to erf."""
    return mp.erf(a) / (a * mp.erfc(a))


def _squared(x: Any) -> Any:
    return (x * (1 + mp.mpf(2) ** -8)) ** 2


SIN = near_zero(_sin, lambda z: -mp.mpf(1) / 6 + z / 120)
COS = near_zero(_cos, lambda z: mp.mpf(1) / 24 - z / 720)
LOG = near_zero(_log, lambda z: mp.mpf(2) / 3 + z * 2 / 5)
EXP2 = near_zero(_exp2, lambda x: LN2**2 / 2 + LN2**3 * x / 6)
EXP = near_zero(_exp, lambda x: mp.mpf(1) / 2 + x / 6)
COTH = near_zero(_coth, lambda z: mp.mpf(1) / 3 - z / 45)
ASIN = near_zero(_asin, lambda z: mp.mpf(1) / 6 + z * 3 / 40)
ERF = near_zero(_erf, lambda z: 2 / mp.sqrt(mp.pi) * (1 - z / 3))
LOG_ERFC = near_zero(_log_erfc, lambda a: 2 / mp.sqrt(mp.pi) + 2 / mp.pi * a)
ATAN = near_zero(_atan, lambda z: -mp.mpf(1) / 3 + z / 5)
ROWS: list[tuple[str, dict[int, int], Function, Function, Any, Any]] = [
    # name, terms for float64 and float32, function, weight (errors count relative to the whole result), from, to
    ("EXP", {64: 10, 32: 5}, EXP, lambda x: 1 / x**2, -HALF_LN2, HALF_LN2),
    ("EXPM1", {64: 11, 32: 6}, EXP, lambda x: 1 / abs(x), -HALF_LN2, HALF_LN2),
    ("COTH", {64: 5, 32: 2}, COTH, lambda z: 1 / z, 0, (HALF_LN2 / 2) ** 2),
    ("SIN", {64: 6, 32: 3}, SIN, lambda z: 1 / z, 0, _squared(mp.pi / 4)),
    ("COS", {64: 6, 32: 3}, COS, lambda z: 1 / z**2, 0, _squared(mp.pi / 4)),
    ("TAN", {64: 4}, *_tan(4), 0, _squared(mp.pi / 4)),
    ("TAN", {32: 2}, *_tan(2), 0, _squared(mp.pi / 4)),
    ("SIN_PI", {64: 8, 32: 5}, SIN, lambda z: mp.sin(mp.sqrt(z)) / mp.sqrt(z) / z, 0, _squared(mp.pi / 2)),
    ("LOG", {64: 7, 32: 3}, LOG, lambda z: 1 / z, 0, LOG_Z),
    ("LOG2", {64: 7}, _log2(53), lambda z: 1 / z**2, 0, LOG_Z),
    ("LOG2", {32: 3}, _log2(24), lambda z: 1 / z**2, 0, LOG_Z),
    ("EXP2", {64: 10, 32: 5}, EXP2, lambda x: mp.mpf(2) ** x / x**2, -HALF, HALF),
    ("CBRT_START", {64: 3}, *_root(-mp.mpf(1) / 3), -CBRT_D, CBRT_D),
    ("CBRT", {64: 3}, *_root(-mp.mpf(2) / 3), -(mp.mpf(2) ** -16), mp.mpf(2) ** -16),
    ("CBRT", {32: 6}, *_root(-mp.mpf(2) / 3), -CBRT_D, CBRT_D),
    ("ATAN", {64: 11, 32: 5}, ATAN, lambda z: 1 / z, 0, _squared(mp.sqrt(2) - 1)),
    ("ASIN", {64: 12, 32: 5}, ASIN, lambda z: 1 / z, 0, 0.25),
    ("ERF", {64: 9, 32: 5}, ERF, lambda z: 1, 0, 0.25),
    ("LOG_ERFC", {64: 24}, LOG_ERFC, _log_erfc_weight, 0, 6),
    ("LOG_ERFC", {32: 10}, LOG_ERFC, _log_erfc_weight, 0, 4),
    ("ERFCX", {64: 23}, _erfcx(4), lambda q: 1, -1, (27.4 - 4) / (27.4 + 4)),
    ("ERFCX", {32: 11}, _erfcx(3), lambda q: 1, -1, (10.2 - 3) / (10.2 + 3)),
]
EXACT = {"TAN_BELOW": {64: _tan_below(4)[1:], 32: _tan_below(2)[1:]}}
HEADER = '''"""Polynomials' coefficients from the constant term up, for float64 and float32: made by bench/minimax.py.

What is left out of a function is in polynomials.py. Above each is its error, relative to the whole function.
"""

# fmt: off
'''


def main() -> None:
    print(HEADER)
    written: dict[str, list[str]] = {}
    for name, counts, f, weight, low, high in ROWS:
        safe = lambda x, weight=weight: weight(x) if x else weight(mp.mpf(10) ** -15)
        for bits, terms in counts.items():
            coefficients, worst = remez(f, safe, low, high, terms)
            written.setdefault(name, []).append(f"    # 2^{float(mp.log(worst, 2)):.1f}")
            written[name] += _lines(bits, coefficients)
    for name, rows in EXACT.items():
        written[name] = [line for bits, coefficients in rows.items() for line in _lines(bits, coefficients)]
    for name, lines in written.items():
        print("\n".join([f"{name} = {{", *lines, "}"]))


def _lines(bits: int, coefficients: list[Any]) -> list[str]:
    texts = ", ".join(repr(float(c)) for c in coefficients)
    wrapped = textwrap.wrap(texts + ",", 111, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return [f"    {bits}: (", *wrapped, "    ),"]


if __name__ == "__main__":
    main()
