"""The incomplete beta function and its inverse, differentiable in all arguments.

A place between 0 and 1 is given by two numbers, x and y, and is x / (x + y): so neither tail loses digits. All comes
from two functions: `beta_ratio` is the probability below the place over `beta_power`, x**a y**b / B(a, b) if x + y = 1.
The derivatives of the ratio in `a` and `b` are Taylor coefficients, carried along a continued fraction: R. J. Boik and
J. F. Robison-Cox, Derivatives of the incomplete beta function, Journal of Statistical Software 3 (1998). The fraction
is that of A. R. DiDonato and A. H. Morris, Algorithm 708, ACM Transactions on Mathematical Software 18 (1992).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.ops.elementwise import where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.gammas import betaln
from funcgrad.ops.incomplete import LONGEST, Convergents, limit
from funcgrad.ops.special import BERNOULLI, SHIFT, Scipys, float_dtype, in_floats, lgamma, polygamma

Orders = tuple[int, int]


def _fraction(a: np.ndarray, b: np.ndarray, p: np.ndarray, orders: Orders) -> Convergents:
    """The Taylor coefficients in a and b of 1 / (b0 + a1 / (b1 + a2 / ...)), for a place p below the mean.

    `now` and `before` hold numerators and denominators side by side, and of each the coefficients in a and in b.
    """
    q = 1 - p

    def times(jet: np.ndarray, first: Any, in_a: Any, in_b: Any) -> np.ndarray:
        out = first * jet
        out[1:] += in_a * jet[:-1]
        out[:, 1:] += in_b * jet[:, :-1]
        return out

    def over(jet: np.ndarray, shift: int) -> np.ndarray:
        """Divided by a + shift."""
        out = jet / (a + shift)
        for i in range(1, len(out)):
            out[i] -= out[i - 1] / (a + shift)
        return out

    def stepped(jet: np.ndarray, m: int) -> np.ndarray:
        end = times(times(jet, a + m, 1, 0), a * q - b * p + 1 + m * (1 + q), q, -p)
        if m == 0:
            return over(end, 1)
        return m * jet + over(times(jet, b - m, 0, 1) * (m * p), 2 * m - 1) + over(end, 2 * m + 1)

    def turned(jet: np.ndarray, m: int) -> np.ndarray:
        top = times(times(times(jet, a + (m - 1), 1, 0), a + b + (m - 1), 1, 1), b - m, 0, 1)
        return over(over(top * (m * p * p), 2 * m - 1), 2 * m - 1)

    before, now = np.zeros((2, orders[0] + 1, orders[1] + 1, 2, a.size))
    before[0, 0, 0] = now[0, 0, 1] = 1
    now[..., 0, :] = stepped(now[..., 1, :], 0)
    for m in range(1, LONGEST):
        yield now[..., 1, :], now[..., 0, :]
        before, now = now, stepped(now, m) + turned(before, m)
        size = np.abs(now[0, 0]).max(axis=0)
        size[~(size > 0)] = 1
        before, now = before / size, now / size


def _numbers(*args: Any) -> tuple[list[np.ndarray], np.dtype]:
    """The arguments in float64, broadcast, and the dtype of the result."""
    dtype = float_dtype(np.result_type(*args))
    return list(np.broadcast_arrays(*(np.asarray(x, np.float64) for x in args))), dtype


def _shares(x: Any, y: Any) -> tuple[Any, Any]:
    """x / (x + y) and y / (x + y), each to its last digit."""
    return 1 / (1 + y / x), 1 / (1 + x / y)


def _beta_ratio(a: Any, b: Any, x: Any, y: Any, orders: Orders = (0, 0)) -> Any:
    (a, b, x, y), dtype = _numbers(a, b, x, y)
    found = np.full(a.shape, np.nan)
    with np.errstate(all="ignore"):
        p, q = _shares(x, y)
        inside = (a > 0) & (b > 0) & (p >= 0) & (q >= 0)
        inside &= np.isfinite(a) & np.isfinite(b)
        above = p * (b + 1) > q * (a + 1)
        below = inside & ~above
        if below.any():
            found[below] = limit(_fraction(a[below], b[below], p[below], orders))[orders]
        above &= inside
        if above.any():
            found[above] = -limit(_fraction(b[above], a[above], q[above], orders[::-1]))[orders[::-1]]
        factorials = math.factorial(orders[0]) * math.factorial(orders[1])
        return (found * factorials).astype(dtype)[()]


def _start(a: Any, b: Any, orders: Orders) -> Any:
    """The ratio's slope at the place 0, b / a + (1 - b) / (a + 1), differentiated."""
    i, j = orders
    if j > 1:
        return 0.0
    here, there = (b, 1 - b) if j == 0 else (1, -1)
    return (-1) ** i * math.factorial(i) * (here / a ** (i + 1) + there / (a + 1) ** (i + 1))


def _along(ratio: Any, a: Any, b: Any, x: Any, y: Any, orders: Orders) -> Any:
    """How the ratio changes with log(x / y): `1 - ratio * (a q - b p)`, differentiated in a and b."""
    i, j = orders
    p, q = x / (x + y), y / (x + y)
    change = -ratio * (a * q - b * p)
    if i == j == 0:
        return 1 + change
    if i:
        change = change - i * q * beta_ratio(a, b, x, y, orders=(i - 1, j))
    if j:
        change = change + j * p * beta_ratio(a, b, x, y, orders=(i, j - 1))
    return change


def _d_ratio_x(ratio: Any, a: Any, b: Any, x: Any, y: Any, orders: Orders = (0, 0)) -> Any:
    return where(x == 0, _start(a, b, orders) / y, _along(ratio, a, b, x, y, orders) / x)


def _d_ratio_y(ratio: Any, a: Any, b: Any, x: Any, y: Any, orders: Orders = (0, 0)) -> Any:
    return where(y == 0, -_start(b, a, orders[::-1]) / x, -_along(ratio, a, b, x, y, orders) / y)


beta_ratio: Elementwise = elementwise(
    "beta_ratio",
    _beta_ratio,
    d=(
        lambda r, a, b, x, y, orders=(0, 0): beta_ratio(a, b, x, y, orders=(orders[0] + 1, orders[1])),
        lambda r, a, b, x, y, orders=(0, 0): beta_ratio(a, b, x, y, orders=(orders[0], orders[1] + 1)),
        in_floats(_d_ratio_x),
        in_floats(_d_ratio_y),
    ),
)
"""The probability of a beta variable below x / (x + y), over `beta_power` there; beyond x / y = (a + 1) / (b + 1) minus
the probability above. Its derivative of `orders` in a and b."""


# x**a y**b / B(a, b)


def _beyond_stirling(z: np.ndarray) -> np.ndarray:
    """The logarithm of gamma(z) over Stirling's formula for it."""
    far = z > SHIFT
    square = 1 / (np.where(far, z, 1) * np.where(far, z, 1))
    series = np.zeros_like(z)
    for k in range(len(BERNOULLI), 0, -1):
        series = series * square + BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    near = np.where(far, 1, z)
    plain = lgamma(near) - ((near - 0.5) * np.log(near) - near + 0.5 * math.log(2 * math.pi))
    return np.where(far, series / np.where(far, z, 1), plain)


def _log_beyond(r: np.ndarray, u: np.ndarray) -> np.ndarray:
    """log(r) - u for u = r - 1, near 0 by the series of the area tangent of u / (2 + u)."""
    near = np.abs(u) < 0.5
    s = np.where(near, u / (2 + u), 0)
    series = np.zeros_like(u)
    for k in range(17, 0, -1):
        series = (series + 1 / (2 * k + 1)) * (s * s)
    return np.where(near, s * (2 * series - u), np.log(r) - u)


def _beta_power(a: Any, b: Any, x: Any, y: Any, less: tuple[float, float] = (0, 0)) -> Any:
    """Around its largest value, at a / (a + b), by what the logarithms are beyond their linear terms, which cancel.

    C. Loader, Fast and accurate computation of binomial probabilities (2000).
    """
    (a, b, x, y), dtype = _numbers(a, b, x, y)
    with np.errstate(all="ignore"):
        p, q = _shares(x, y)
        beyond = p * b - q * a
        at_mean = 0.5 * np.log(a * (b / (a + b)) / (2 * np.pi))
        at_mean += _beyond_stirling(a + b) - _beyond_stirling(a) - _beyond_stirling(b)
        log_power = a * _log_beyond(p / (a / (a + b)), beyond / a) + b * _log_beyond(q / (b / (a + b)), -beyond / b)
        log_power += at_mean
        log_p, log_q = -np.log1p(y / x), -np.log1p(x / y)
        found = np.exp(log_power - less[0] * log_p - less[1] * log_q)
        ends = (p == 0) | (q == 0)
        if ends.any():
            at_end = np.power(p, a - less[0]) * np.power(q, b - less[1]) * np.exp(-betaln(a, b))
            found = np.where(ends, at_end, found)
        inside = (a > 0) & (b > 0) & (p >= 0) & (q >= 0)
        return np.where(inside, found, np.nan).astype(dtype)[()]


def _d_power_a(v: Any, a: Any, b: Any, x: Any, y: Any, less: tuple[float, float] = (0, 0)) -> Any:
    return where(v == 0, 0.0, v * (log_share(x, y) + digamma_gap(a, b)))


def _d_power_b(v: Any, a: Any, b: Any, x: Any, y: Any, less: tuple[float, float] = (0, 0)) -> Any:
    return where(v == 0, 0.0, v * (log_share(y, x) + digamma_gap(b, a)))


def _d_power_x(v: Any, a: Any, b: Any, x: Any, y: Any, less: tuple[float, float] = (0, 0)) -> Any:
    i, j = less
    rise = where(a == i, 0.0, (a - i) * beta_power(a, b, x, y, less=(i + 1, j - 1)))
    return (rise - where(b == j, 0.0, (b - j) * v)) / (x + y)


def _d_power_y(v: Any, a: Any, b: Any, x: Any, y: Any, less: tuple[float, float] = (0, 0)) -> Any:
    i, j = less
    rise = where(b == j, 0.0, (b - j) * beta_power(a, b, x, y, less=(i - 1, j + 1)))
    return (rise - where(a == i, 0.0, (a - i) * v)) / (x + y)


beta_power: Elementwise = elementwise(
    "beta_power", _beta_power, d=(_d_power_a, _d_power_b, in_floats(_d_power_x), in_floats(_d_power_y))
)
"""p**(a - i) q**(b - j) / B(a, b) with p = x / (x + y), q = y / (x + y) and `less` = (i, j)."""


def _log_share(x: Any, y: Any) -> Any:
    (x, y), dtype = _numbers(x, y)
    with np.errstate(all="ignore"):
        return (-np.log1p(y / x)).astype(dtype)[()]


log_share: Elementwise = elementwise(
    "log_share", _log_share, d=(lambda s, x, y: y / (x + y) / x, lambda s, x, y: -1 / (x + y))
)
"""The logarithm of x / (x + y)."""


def _digamma_gap(a: Any, b: Any) -> Any:
    (a, b), dtype = _numbers(a, b)
    with np.errstate(all="ignore"):
        gap = sum(b / ((a + k) * (a + b + k)) for k in range(SHIFT))
        start, end = a + SHIFT, a + b + SHIFT
        gap = gap + np.log1p(b / start) + b / (2 * start * end)
        for k, number in enumerate(BERNOULLI, 1):
            gap = gap + number / (2 * k) * (start ** (-2 * k) - end ** (-2 * k))
        return np.where((a > 0) & (b > 0), gap, np.nan).astype(dtype)[()]


digamma_gap: Elementwise = elementwise(
    "digamma_gap",
    _digamma_gap,
    d=(lambda g, a, b: polygamma(1, a + b) - polygamma(1, a), lambda g, a, b: polygamma(1, a + b)),
)
"""digamma(a + b) - digamma(a), to its last digits where b is small beside a."""


# The incomplete beta function


def slope_a(a: Any, b: Any, x: Any, y: Any) -> Any:
    """How fast `beta_tail` rises with a, over `beta_power`."""
    ratio = beta_ratio(a, b, x, y)
    return beta_ratio(a, b, x, y, orders=(1, 0)) + ratio * (log_share(x, y) + digamma_gap(a, b))


def slope_b(a: Any, b: Any, x: Any, y: Any) -> Any:
    ratio = beta_ratio(a, b, x, y)
    return beta_ratio(a, b, x, y, orders=(0, 1)) + ratio * (log_share(y, x) + digamma_gap(b, a))


def _ends(x: Any, y: Any) -> Any:
    return (x == 0) | (y == 0) | (x == math.inf) | (y == math.inf)


_betainc, _betaincc = Scipys("betainc"), Scipys("betaincc")


def _beta_tail(a: Any, b: Any, x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(np.asarray(x <= y), _betainc(a, b, x / (x + y)), _betaincc(b, a, y / (x + y)))[()]


beta_tail: Elementwise = elementwise(
    "beta_tail",
    _beta_tail,
    d=(
        lambda t, a, b, x, y: where(_ends(x, y), 0.0, beta_power(a, b, x, y) * slope_a(a, b, x, y)),
        lambda t, a, b, x, y: where(_ends(x, y), 0.0, beta_power(a, b, x, y) * slope_b(a, b, x, y)),
        lambda t, a, b, x, y: beta_power(a, b, x, y, less=(1, 0)) / (x + y),
        lambda t, a, b, x, y: -beta_power(a, b, x, y, less=(0, 1)) / (x + y),
    ),
)
"""The probability of a beta variable below x / (x + y): the regularised incomplete beta function."""


def _held(slope: Any) -> Any:
    """How the place moves with a parameter while the probability stays."""
    return in_floats(lambda x, a, b, t: where(_ends(x, 1 - x), 0.0, -x * (1 - x) * slope(a, b, x, 1 - x)))


def _density(a: Any, b: Any, x: Any) -> Any:
    return beta_power(a, b, x, 1 - x, less=(1, 1))


betaincinv: Elementwise = elementwise(
    "betaincinv",
    Scipys("betaincinv"),
    d=(_held(slope_a), _held(slope_b), lambda x, a, b, t: 1 / _density(a, b, x)),
)
"""The x at which the regularised incomplete beta function is t."""
betainccinv: Elementwise = elementwise(
    "betainccinv",
    Scipys("betainccinv"),
    d=(_held(slope_a), _held(slope_b), lambda x, a, b, t: -1 / _density(a, b, x)),
)
"""The x at which one minus the regularised incomplete beta function is t."""
