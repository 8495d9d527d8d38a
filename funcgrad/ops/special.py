"""The error function, the logistic function, the gamma function's logarithm, Bessel functions, `1 / sqrt(x)`.

NumPy has one of them, `i0`. Three come from SciPy where it is installed, otherwise from the C library through Python's
`math`, element by element: 5 to 10 times as long. The others are written with NumPy's functions here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import aval_of
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.elementwise import convert, exp
from funcgrad.ops.families.elementwise import Elementwise, elementwise

ROOT_2, ROOT_PI = math.sqrt(2), math.sqrt(math.pi)


@cache
def float_dtype(dtype: np.dtype) -> np.dtype:
    """What NumPy computes a function of floats in: float64 for integers that have no smaller one."""
    if dtype.kind not in "biuf":
        raise TypeError(f"a function of real numbers was given {dtype}")
    return np.sin.resolve_dtypes((dtype, None))[-1]


def _floats(x: Any) -> Any:
    """A number or an array in the dtype of the result."""
    x = x if isinstance(x, (np.ndarray, np.generic)) else np.asarray(x)[()]
    dtype = float_dtype(x.dtype)
    return x if x.dtype is dtype else x.astype(dtype)


class Borrowed:
    """SciPy's universal function of a name, imported when it is first called, or a function of Python's floats."""

    def __init__(self, name: str, of_float: Callable[[float], float]) -> None:
        self._name = name
        self._of_float = of_float
        self._found: Any = None

    like = staticmethod(_floats)

    def __call__(self, x: Any) -> Any:
        x = _floats(x)
        y = (self._found or self._find())(x)
        return y if getattr(y, "dtype", None) is x.dtype else np.asarray(y).astype(x.dtype)[()]

    def _find(self) -> Any:
        try:
            from scipy import special
        except ImportError:
            self._found = _each(self._of_float)
        else:
            self._found = getattr(special, self._name)
        return self._found


class Scipys:
    """SciPy's universal function of a name, for what only `funcgrad.scipy` reaches. Its dtypes are SciPy's.

    `takes` has the kinds of dtypes for which the derivatives hold: SciPy also has some functions of complex numbers
    whose derivatives here are those of real ones. `output` is one of several results.
    """

    def __init__(self, name: str, takes: str = "biuf", output: int | None = None) -> None:
        self._name = name
        self._takes = takes
        self._output = output

    @cached_property
    def _function(self) -> Any:
        from scipy import special

        return getattr(special, self._name)

    def __call__(self, *args: Any, **params: Any) -> Any:
        for x in args:
            kind = np.result_type(x).kind
            if kind not in self._takes:
                raise TypeError(f"the derivatives of `{self._name}` are not known for {np.result_type(x)}")
        found = self._function(*args, **params)
        return found if self._output is None else found[self._output]


def _each(of_float: Callable[[float], float]) -> Callable[[Any], Any]:
    function = np.frompyfunc(of_float, 1, 1)

    def of_array(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(x)

    return of_array


def refused(of: str) -> Callable[..., Any]:
    """In the place of a partial derivative that nobody knows in closed form."""

    def partial(*args: Any, **params: Any) -> Any:
        raise NotDifferentiableError(
            "Write fg.stop_gradient(...) around the argument, or leave it out of argnums, where its derivative is not "
            f"wanted: the derivative in {of} is not known{provenance.at(provenance.here())}."
        )

    return partial


def in_floats(partial: Callable[..., Any]) -> Callable[..., Any]:
    """A partial derivative for truth values too, which minus 1 would be integers. What it does not need is None."""

    def of_floats(y: Any, *args: Any, **params: Any) -> Any:
        dtypes = [None if x is None else aval_of(x).dtype for x in args]
        dtype = float_dtype(np.result_type(*filter(None, dtypes)))
        floats = (convert(x, dtype=dtype) if d is not None and d.kind in "biu" else x for x, d in zip(args, dtypes))
        return partial(y, *floats, **params)

    return of_floats


# The error function


def _bell(x: Any) -> Any:
    with np.errstate(over="ignore"):
        return np.exp(-(x * x))


def _erf_inv_of(x: float) -> float:
    """The quantile of the normal distribution, and a step of Newton's where 1 - x has lost digits of x."""
    from statistics import NormalDist

    a = abs(x)
    if not a < 1:
        return math.copysign(math.inf, x) if a == 1 else math.nan
    y = -NormalDist().inv_cdf((1 - a) / 2) / ROOT_2
    if a < 0.5:
        y -= (math.erf(y) - a) * ROOT_PI / 2 * math.exp(y * y)
    return math.copysign(y, x)


bell: Elementwise = elementwise(
    "bell", _bell, d=lambda y, x: -2 * (x * y), lower="exp(-({0} * {0}))", large_by_kernel=True
)
"""exp(-x**2), at infinity too without a warning."""
erf = elementwise("erf", Borrowed("erf", math.erf), d=lambda y, x: 2 / ROOT_PI * bell(x), lower="erf")
erfc = elementwise("erfc", Borrowed("erfc", math.erfc), d=lambda y, x: -2 / ROOT_PI * bell(x), lower="erfc")
erf_inv = elementwise("erf_inv", Borrowed("erfinv", _erf_inv_of), d=lambda y, x: ROOT_PI / 2 * exp(y * y))


# The logistic function


def _logistic(x: Any) -> Any:
    if np.iscomplexobj(x):
        upper = np.real(x) >= 0
        small = np.exp(np.where(upper, -x, x))
    else:
        x = _floats(x)
        upper = x >= 0
        small = np.exp(-np.abs(x))
    return np.where(upper, 1, small) / (1 + small)


def _softplus(x: Any) -> Any:
    x = _floats(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


logistic: Elementwise = elementwise("logistic", _logistic, d=lambda y, x: y * (1 - y), lower="logistic")
"""Its derivative is of the value alone, as `tanh`'s."""
softplus = elementwise("softplus", _softplus, d=lambda y, x: logistic(x), lower="softplus")


# The gamma function's logarithm and its derivatives

SHIFT = 10
"""How far arguments are moved up before asymptotic series are summed."""
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def _lgamma_of(x: float) -> float:
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):  # a pole, or larger than any number
        return math.inf


class _LogGamma(Borrowed):
    def __call__(self, x: Any) -> Any:
        x = _floats(x)
        return super().__call__(np.maximum(x, np.finfo(x.dtype).min))  # SciPy's of -inf is -inf


def _digamma(x: Any) -> Any:
    """Reflected to x > 0, the recurrence to x > 10, Stirling's series there."""
    given = _floats(x)
    x = given.astype(np.float64)
    with np.errstate(all="ignore"):
        y = _digamma_of_positive(np.where(x > 0, x, 1 - x))
        if not np.all(x > 0):
            beyond = x - np.rint(x)
            reflected = np.where(beyond == 0, np.nan, y - np.pi / np.tan(np.pi * beyond))
            y = np.where(x > 0, y, reflected)
        return y.astype(given.dtype)[()]


def _digamma_of_positive(x: Any) -> Any:
    b = x + SHIFT
    square = 1 / b / b
    series = 0.0
    for j in range(len(BERNOULLI), 0, -1):
        series = square * (BERNOULLI[j - 1] / (2 * j) + series)
    y = np.log(b) - 0.5 / b - series
    for k in range(SHIFT - 1, -1, -1):
        y = y - 1 / (x + k)
    return y


def _polygamma(m: Any, x: Any) -> Any:
    """(-1)**(m + 1) m! zeta(m + 1, x), the derivative of order m of digamma."""
    dtype = float_dtype(np.result_type(m, x))
    m, x = (np.asarray(a, np.float64) for a in (m, x))
    with np.errstate(all="ignore"):
        factorial = np.asarray(_each(_gamma_of)(m + 1), np.float64)
        y = np.where(m % 2 == 0, -factorial, factorial) * _zeta(m + 1, x)
        if np.any(m == 0):
            y = np.where(m == 0, _digamma(x), y)
        return y.astype(dtype)[()]


def _gamma_of(x: float) -> float:
    return math.nan if not x > 0 else math.gamma(x) if x < 171 else math.inf


def _zeta(s: Any, x: Any) -> Any:
    """Hurwitz' zeta function, the sum of (x + k)**-s, for s > 1; whole s where x < 0.

    Terms with x + k < 0 are, but for their sign, a difference of two other such sums.
    """
    y = _zeta_of_positive(s, np.where(x > 0, x, x - np.floor(x)))
    if np.all(x > 0):
        return y
    missing = np.ceil(x) - x  # 1 less the fraction would have lost x just below 0
    sign = np.where(s % 2 == 0, 1, np.where(s % 1 == 0, -1, np.nan))
    pole = np.where(s % 2 == 0, np.inf, np.nan)
    # in this order, as the first two cancel halfway between whole numbers
    below = y + sign * _zeta_of_positive(s, missing) - sign * _zeta_of_positive(s, np.where(x > 0, 1, 1 - x))
    return np.where(x > 0, y, np.where(missing == 0, pole, below))


def _zeta_of_positive(s: Any, x: Any) -> Any:
    """The first terms, and the Euler-Maclaurin formula for the others."""
    y = 0.0
    for k in range(SHIFT):
        y = y + (x + k) ** -s
    b = x + SHIFT
    power = b**-s
    y = y + b * power / (s - 1) + power / 2
    factor = s * power / b
    for j, number in enumerate(BERNOULLI, 1):
        y = y + factor * (number / math.factorial(2 * j))
        factor = factor * ((s + (2 * j - 1)) / b * ((s + 2 * j) / b))
    return y


lgamma = elementwise("lgamma", _LogGamma("gammaln", _lgamma_of), d=lambda y, x: digamma(x), lower="lgamma")
digamma: Elementwise = elementwise("digamma", _digamma, d=lambda y, x: polygamma(1, x))
polygamma: Elementwise = elementwise(
    "polygamma", _polygamma, d=(refused("`polygamma`'s order n"), lambda y, m, x: polygamma(m + 1, x))
)


rsqrt = elementwise(
    "rsqrt", lambda x: 1 / np.sqrt(x), d=lambda y, x: -0.5 * y / x, lower="1 / sqrt({0})", large_by_kernel=True
)


# Modified Bessel functions of the first kind, of whole order

FAR = 30.0
"""From here on the asymptotic series has terms below 1e-17 for the orders of derivatives: n * n < 2 * FAR."""


def _bessel_i(n: Any, x: Any) -> Any:
    """(x / 2)**n / n! times a series of x * x / 4, or exp(x) / sqrt(2 pi x) times one of 1 / x."""
    given = _floats(x)
    n, x = np.broadcast_arrays(np.abs(np.asarray(n, np.float64)), given.astype(np.float64))
    size = np.abs(x)
    far = size > FAR
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.where(far, _bessel_i_far(n, np.where(far, size, FAR)), _bessel_i_near(n, np.where(far, FAR, size)))
    y = np.where((x < 0) & (n % 2 == 1), -y, y)
    return y.astype(given.dtype)[()]


_bessel_i.like = lambda n, x: _floats(x)  # type: ignore[attr-defined]


def _bessel_i_near(n: Any, x: Any) -> Any:
    square = x * x / 4
    total = term = (x / 2) ** n / np.asarray(_each(_gamma_of)(n + 1), np.float64)
    for k in range(1, 80):
        term = term * (square / (k * (k + n)))
        total = total + term
    return total


def _bessel_i_far(n: Any, x: Any) -> Any:
    total = term = 1.0
    for k in range(1, 25):
        term = term * ((2 * k - 1 - 2 * n) * (2 * k - 1 + 2 * n) / (8 * k * x))
        total = total + term
    half = np.exp(x / 2)  # exp(x) is infinite before the product is
    return half / np.sqrt(2 * np.pi * x) * total * half


bessel_i: Elementwise = elementwise(
    "bessel_i",
    _bessel_i,
    d=(refused("a Bessel function's order"), lambda y, n, x: 0.5 * (bessel_i(n - 1, x) + bessel_i(n + 1, x))),
)
i0 = elementwise("i0", np.i0, d=lambda y, x: bessel_i(1, x))
