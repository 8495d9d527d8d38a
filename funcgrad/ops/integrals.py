"""Functions that are integrals of elementary ones, quotients that 0 / 0 has to be kept out of, and Lambert's W."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.avals import aval_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.elementwise import convert, exp, log, where
from funcgrad.ops.entropy import ROOT_2_PI
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import ROOT_2, ROOT_PI, Scipys, bell, erf, float_dtype, in_floats, refused

# Quotients by x


def _over_x(name: str, of: Callable[[Any], Any], coefficient: Callable[[int], float], numerator: Any) -> Elementwise:
    """A function g(x) / x with g(0) = 0, and its derivative of an `order`.

    `coefficient(k)` is that of x**k in its series, `numerator(x, m)` the derivative of g of order m. Near 0 the series
    is summed; elsewhere x f[m] + m f[m - 1] = g[m] gives one derivative after the other.
    """

    def impl(x: Any, order: int = 0) -> Any:
        dtype = float_dtype(np.asarray(x).dtype)
        x = np.asarray(x, np.float64)
        near = np.abs(x) < 0.3
        small, large = np.where(near, x, 0.0), np.where(near, 1.0, x)
        series = np.zeros_like(x)
        for k in range(40, -1, -1):
            series = series * small + coefficient(k + order) * math.perm(k + order, order)
        with np.errstate(all="ignore"):
            y = of(large)
            for m in range(1, order + 1):
                y = (numerator(large, m) - m * y) / large
        return np.where(near, series, y).astype(dtype)[()]

    prim = elementwise(name, impl, d=lambda y, x, order=0: prim(x, order=order + 1)).prim
    return prim


log1p_over: Elementwise = _over_x(
    "log1p_over",
    lambda x: np.log1p(x) / x,
    lambda k: (-1) ** k / (k + 1),
    lambda x, m: (-1) ** (m - 1) * math.factorial(m - 1) * (1 + x) ** -float(m),
)
"""log1p(x) / x, and 1 at 0."""
exprel: Elementwise = _over_x(
    "exprel", Scipys("exprel"), lambda k: 1 / math.factorial(k + 1), lambda x, m: np.exp(x)
)
"""(exp(x) - 1) / x, and 1 at 0."""


def _d_boxcox_power(y: Any, x: Any, power: Any) -> Any:
    """Its limit where x is 0."""
    zero = x == 0
    length = log(where(zero, 1.0, x))
    limit = where(power > 0, 1 / where(zero & (power > 0), power, 1.0) ** 2, math.inf)
    return where(zero, limit, length * length * exprel(power * length, order=1))


boxcox: Elementwise = elementwise(
    "boxcox", Scipys("boxcox"), d=(in_floats(lambda y, x, power: ew.pow(x, power - 1)), in_floats(_d_boxcox_power))
)
"""(x**power - 1) / power, and log(x) for power = 0."""
inv_boxcox: Elementwise = elementwise(
    "inv_boxcox",
    Scipys("inv_boxcox"),
    d=(
        in_floats(lambda x, y, power: ew.pow(x, 1 - power)),
        in_floats(lambda x, y, power: x * (y * y) * log1p_over(power * y, order=1)),
    ),
)
"""(1 + power y)**(1 / power), and exp(y) for power = 0."""

# Integrals


def _double_factorials(q: Any) -> Any:
    """The asymptotic series 1 + 3 q + 15 q**2 + 105 q**3 + ..., whose terms left out are below 1e-17 for q < 1/200."""
    total = 1.0
    for k in range(15, 0, -1):
        total = 1.0 + (2 * k + 1) * q * total
    return total


def _halved_square(x: Any) -> tuple[Any, Any]:
    """Where |x| > 10, and 1 / (2 x**2) there. Derivatives by recurrence lose the digits of twice the square of x."""
    far = ew.abs(x) > 10
    inverse = 1 / where(far, x, math.inf)
    return far, 0.5 * inverse * inverse


def _d_erfcx(y: Any, x: Any) -> Any:
    far, q = _halved_square(where(x > 0, x, 0.0))
    return where(far, -2 / ROOT_PI * q * _double_factorials(-q), 2 * where(far, 0.0, x) * y - 2 / ROOT_PI)


def _d_dawsn(y: Any, x: Any) -> Any:
    far, q = _halved_square(x)
    return where(far, -q * _double_factorials(q), 1 - 2 * where(far, 0.0, x) * y)


def _d_ellipk(y: Any, m: Any) -> Any:
    """DLMF 19.4.1; near 0, where that has 0 / 0, by the derivative of the series."""
    near, one = ew.abs(m) < 0.4, m == 1
    far, small = where(near | one, 0.5, m), where(near, m, 0.0)
    slope = (ellipe(far) / (1 - far) - ellipk(far)) / (2 * far)
    series = math.pi / 8 * convert(hyp2f1(1.5, 1.5, 2.0, small), dtype=aval_of(m).dtype)
    return where(near, series, where(one, math.inf, slope))


def _d_ellipe(y: Any, m: Any) -> Any:
    near = ew.abs(m) < 0.4
    far, small = where(near, 0.5, m), where(near, m, 0.0)
    series = -math.pi / 8 * convert(hyp2f1(0.5, 1.5, 2.0, small), dtype=aval_of(m).dtype)
    return where(near, series, (ellipe(far) - ellipk(far)) / (2 * far))


erfcx: Elementwise = elementwise("erfcx", Scipys("erfcx"), d=_d_erfcx)
"""exp(x**2) erfc(x)."""
dawsn: Elementwise = elementwise("dawsn", Scipys("dawsn"), d=_d_dawsn)
"""Dawson's integral, exp(-x**2) times that of exp(t**2) from 0 to x."""
erfi: Elementwise = elementwise("erfi", Scipys("erfi"), d=lambda y, x: 2 / ROOT_PI * exp(x * x))
"""-i erf(i x)."""
erfcinv: Elementwise = elementwise("erfcinv", Scipys("erfcinv"), d=lambda y, x: -ROOT_PI / 2 * exp(y * y))
ellipk: Elementwise = elementwise("ellipk", Scipys("ellipk"), d=in_floats(_d_ellipk))
"""The integral of 1 / sqrt(1 - m sin(t)**2) over a quarter turn."""
ellipe: Elementwise = elementwise("ellipe", Scipys("ellipe"), d=in_floats(_d_ellipe))
"""The integral of sqrt(1 - m sin(t)**2) over a quarter turn."""


def _lower_order(y: Any, n: Any, x: Any) -> Any:
    """E_(n - 1), below order 0 by the recurrence (DLMF 8.19.12)."""
    inside = n > 0
    return where(inside, expn(where(inside, n - 1, 0), x), (exp(-x) - (n - 1) * y) / x)


def _d_exp1(y: Any, x: Any) -> Any:
    slope = -exp(-x) / x
    return slope if aval_of(x).dtype.kind == "c" else where(x < 0, math.nan, slope)  # real ones have no values there


exp1: Elementwise = elementwise("exp1", Scipys("exp1", "biufc"), d=_d_exp1)
expi: Elementwise = elementwise("expi", Scipys("expi", "biufc"), d=lambda y, x: exp(x) / x)
expn: Elementwise = elementwise(
    "expn", Scipys("expn"), d=(refused("`expn`'s order n"), lambda y, n, x: -_lower_order(y, n, x))
)
"""The integral of exp(-x t) / t**n from 1 on."""


def _d_spence(y: Any, z: Any) -> Any:
    """log(z) / (1 - z); near 1 by z - 1, which is exact there, and from which z is not found again near 0."""
    near = ew.abs(z - 1) < 0.3
    far = where(near, 2.0, z)
    return where(near, -log1p_over(where(near, z - 1, 0.0)), log(far) / (1 - far))


spence: Elementwise = elementwise("spence", Scipys("spence"), d=in_floats(_d_spence))
"""The integral of log(t) / (1 - t) from 1 to z."""
owens_t: Elementwise = elementwise(
    "owens_t",
    Scipys("owens_t"),
    d=(
        in_floats(lambda y, h, a: bell(h / ROOT_2) * erf(a * h / ROOT_2) * (-0.5 / ROOT_2_PI)),
        in_floats(lambda y, h, a: exp(-0.5 * (h * h) * (1 + a * a)) / (2 * math.pi * (1 + a * a))),
    ),
)
"""The probability of X > h and 0 < Y < a X for two normal variables."""

# Lambert's W


lambertw: Elementwise = elementwise(
    "lambertw", Scipys("lambertw", "biufc"), d=(lambda w, z, k, tol=1e-8: exp(-w) / (1 + w), None)
).prim
"""The solutions w of w exp(w) = z, one for each whole number k."""

# Hypergeometric functions, differentiated in x only

_PARAMETER = refused("a parameter of a hypergeometric function")
hyp1f1: Elementwise = elementwise(
    "hyp1f1", Scipys("hyp1f1"), d=(_PARAMETER, _PARAMETER, lambda y, a, b, x: a / b * hyp1f1(a + 1, b + 1, x))
)
hyp2f1: Elementwise = elementwise(
    "hyp2f1",
    Scipys("hyp2f1"),
    d=(_PARAMETER, _PARAMETER, _PARAMETER, lambda y, a, b, c, x: a * b / c * hyp2f1(a + 1, b + 1, c + 1, x)),
)
