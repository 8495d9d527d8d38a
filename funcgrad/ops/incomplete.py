"""The incomplete gamma functions, with derivatives of any order in both arguments.

All of it comes from one function, `gamma_ratio`: the probability of a gamma variable below x over its density there.
Its derivatives in `a` are Taylor coefficients, carried along the series (x < a) or the continued fraction (x > a).
Abramowitz and Stegun, 6.5.29 and 6.5.31.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from funcgrad.ops.elementwise import exp, log, where
from funcgrad.ops.entropy import xlogy
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import Scipys, digamma, float_dtype, in_floats, lgamma

EPS = np.finfo(np.float64).eps
ZETAS = (
    1.6449340668482264, 1.2020569031595943, 1.0823232337111382, 1.0369277551433699, 1.0173430619844491,
    1.0083492773819228, 1.0040773561979443, 1.0020083928260822, 1.0009945751278181, 1.0004941886041195,
)  # fmt: skip
"""Riemann's zeta function at 2 to 11, the coefficients of the gamma function's logarithm at 1."""
LONGEST = 20000
"""Terms at most: some 8 * sqrt(a) are needed where x is near a."""
Convergents = Iterator[tuple[np.ndarray, np.ndarray]]
"""Numerators and denominators of a continued fraction cut off later and later, as Taylor coefficients."""


def _series(a: np.ndarray, x: np.ndarray, order: int) -> np.ndarray:
    """The Taylor coefficients in a of x/a + x/a x/(a + 1) + ...: each term is the one before, divided by a + k."""
    term = np.zeros((order + 1, a.size))
    term[0] = 1
    total = np.zeros_like(term)
    for k in range(LONGEST):
        before = np.zeros(a.size)
        for m in range(order + 1):
            before = term[m] = (term[m] * x - before) / (a + k)
        total += term
        if not np.any(np.abs(term) > EPS / 4 * np.abs(total)):
            break
    return total


def _fraction(a: np.ndarray, x: np.ndarray, order: int) -> Convergents:
    """The Taylor coefficients in a of 1 / (x + 1 - a + 1 (a - 1) / (x + 3 - a + 2 (a - 2) / ...)).

    `now` and `before` hold numerators and denominators side by side.
    """

    def times(jet: np.ndarray, first: np.ndarray, slope: float) -> np.ndarray:
        out = first * jet
        out[1:] += slope * jet[:-1]
        return out

    before, now = np.zeros((2, order + 1, 2, a.size))
    now[0, 0] = before[0, 1] = 1
    now[0, 1], now[1:2, 1] = x + 1 - a, -1
    size = np.maximum(np.abs(now[0, 1]), 1)
    for k in range(1, LONGEST):
        before, now = before / size, now / size
        yield now[:, 0], now[:, 1]
        before, now = now, times(now, x + 1 - a + 2 * k, -1) + times(before, k * (a - k), k)
        size = np.abs(now[:, 1]).max(axis=0)
        size[~(size > 0)] = 1


def limit(convergents: Convergents) -> np.ndarray:
    """The value of a fraction, for each element from where it changes by rounding only: later steps may lose it."""
    value, _ = _quotient(*next(convergents))
    found, moving = value, np.ones(value.shape[-1], bool)
    for above, below in convergents:
        last = value
        value, rounding = _quotient(above, below)
        found = np.where(moving, value, found)
        moving &= np.any(np.abs(value - last) > rounding, axis=tuple(range(value.ndim - 1)))
        if not moving.any():
            break
    return found


def _quotient(above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Taylor coefficients of a quotient, and how much of each is rounding; the last axis is that of elements."""
    out, terms = np.empty_like(above), np.abs(above)
    first = below[(0,) * (below.ndim - 1)]
    for m in product(*map(range, above.shape[:-1])):
        out[m] = above[m]
        for j in product(*(range(i + 1) for i in m)):
            if j != m:
                term = out[j] * below[tuple([i - k for i, k in zip(m, j)])]
                out[m] -= term
                terms[m] += np.abs(term)
        out[m] /= first
    return out, EPS * terms / np.abs(first)


def _uses_fraction(a: Any, x: Any) -> Any:
    return (x > 1) & (x > a)


def _gamma_ratio(a: Any, x: Any, order: int = 0) -> Any:
    dtype = float_dtype(np.result_type(a, x))
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    y = np.full(a.shape, np.nan)
    with np.errstate(all="ignore"):
        inside = (a > 0) & (x >= 0) & (x < np.inf)
        for where, coefficients in (
            (inside & ~_uses_fraction(a, x), _series),
            (inside & _uses_fraction(a, x), lambda a, x, order: -x * limit(_fraction(a, x, order))),
        ):
            if where.any():
                y[where] = coefficients(a[where], x[where], order)[order] * math.factorial(order)
        return y.astype(dtype)[()]


def _d_ratio_x(y: Any, a: Any, x: Any, order: int = 0) -> Any:
    """`R' = 1 - R ((a - 1) / x - 1)`, differentiated `order` times in a."""
    slope = -y * ((a - 1) / x - 1)
    if order == 0:
        return slope + 1
    return slope - order * gamma_ratio(a, x, order=order - 1) / x


gamma_ratio: Elementwise = elementwise(
    "gamma_ratio",
    _gamma_ratio,
    d=(lambda y, a, x, order=0: gamma_ratio(a, x, order=order + 1), in_floats(_d_ratio_x)),
).prim
"""P(a, x) over its derivative in x; beyond x = max(a, 1), -Q(a, x) over it. Its derivative of an `order` in a."""


def log_gamma_density(a: Any, x: Any) -> Any:
    """The logarithm of the density of a gamma variable."""
    return xlogy(a - 1, x) - x - lgamma(a)


def gamma_density(a: Any, x: Any) -> Any:
    """The density of a gamma variable, the derivative of `igamma` in x."""
    return where(x == math.inf, 0.0, exp(log_gamma_density(a, x)))


def _ends(x: Any) -> Any:
    return (x == 0) | (x == math.inf)


def gamma_slope(a: Any, x: Any) -> Any:
    """How fast `igamma` rises with `a`, over its density in x."""
    return gamma_ratio(a, x, order=1) + gamma_ratio(a, x, order=0) * (log(x) - digamma(a))


def _rest(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q(a, x) for a < 1 and x <= 1, where P is all but 1 if `a` is small: by the series in powers of -x."""
    small = np.minimum(a, 0.05)
    log_gamma = small * -np.euler_gamma + sum((-small) ** k * z / k for k, z in enumerate(ZETAS, 2))
    log_gamma = np.where(a <= 0.05, log_gamma, lgamma(1 + a))
    power, term, total = a * np.log(x) - log_gamma, np.ones_like(x), np.zeros_like(x)
    for n in range(1, 20):
        term = term * -x / n
        total += term / (a + n)
    return -np.expm1(power) - np.exp(power) * a * total


def _tails(a: Any, x: Any) -> Sequence[Any]:
    """P(a, x) and Q(a, x), each precise where it is small."""
    dtype = float_dtype(np.result_type(a, x))
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        part = _gamma_ratio(a, x) * gamma_density(a, x)
        upper = _uses_fraction(a, x)
        rest, small = np.asarray(1 - part), (a < 1) & (x <= 1)
        if small.any():
            rest[small] = _rest(a[small], x[small])
        lower_tail = np.where(x == 0, 0.0, np.where(x == np.inf, 1.0, np.where(upper, 1 + part, part)))
        upper_tail = np.where(x == 0, 1.0, np.where(x == np.inf, 0.0, np.where(upper, -part, rest)))
        inside = (a > 0) & (x >= 0)
        return [np.where(inside, tail, np.nan).astype(dtype)[()] for tail in (lower_tail, upper_tail)]


def _rise(a: Any, x: Any) -> Any:
    """How fast `igamma` rises with `a`; at the ends of the line it stands still."""
    return where(_ends(x), 0.0, gamma_density(a, x) * gamma_slope(a, x))


igamma = elementwise(
    "igamma",
    lambda a, x: _tails(a, x)[0],
    d=(in_floats(lambda y, a, x: _rise(a, x)), in_floats(lambda y, a, x: gamma_density(a, x))),
)
igammac = elementwise(
    "igammac",
    lambda a, x: _tails(a, x)[1],
    d=(in_floats(lambda y, a, x: -_rise(a, x)), in_floats(lambda y, a, x: -gamma_density(a, x))),
)


def _held(x: Any, a: Any, p: Any) -> Any:
    """How the place moves with `a` while the probability stays."""
    return where(_ends(x), 0.0, -gamma_slope(a, x))


gammaincinv: Elementwise = elementwise(
    "gammaincinv", Scipys("gammaincinv"), d=(in_floats(_held), in_floats(lambda x, a, p: 1 / gamma_density(a, x)))
)
"""The x at which `igamma` is p."""
gammainccinv: Elementwise = elementwise(
    "gammainccinv", Scipys("gammainccinv"), d=(in_floats(_held), in_floats(lambda x, a, p: -1 / gamma_density(a, x)))
)
"""The x at which `igammac` is p."""
