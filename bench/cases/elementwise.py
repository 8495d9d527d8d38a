"""One pass over arrays."""

from __future__ import annotations

import numpy

from cases.case import Case


def rosenbrock(lib, x):
    return lib.numpy.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def expression(lib, x):
    np = lib.numpy
    return np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2)


def black_scholes(lib, spot, strike, years, rate, volatility):
    """The price of a European call."""
    np = lib.numpy
    spread = volatility * np.sqrt(years)
    upper = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / spread
    return spot * normal_cdf(lib, upper) - strike * np.exp(-rate * years) * normal_cdf(lib, upper - spread)


def normal_cdf(lib, x):
    return 0.5 * (1.0 + lib.lax.erf(x * 0.5**0.5))


def value_of_book(lib, market):
    return lib.numpy.sum(black_scholes(lib, *market))


def along(lib, f):
    return lambda x, t: lib.jvp(f, (x,), (t,))


def gamma(lib, f):
    return lib.vmap(lib.grad(lib.grad(f)))


def first_of_two(lib, f):
    return lambda x, _: f(x)


def line(n, dtype=numpy.float64):
    return lambda rng: (numpy.linspace(0.1, 1.0, n, dtype=dtype),)


def market(rng, n=100_000):
    low_high = ((80, 120), (80, 120), (0.1, 2), (0.0, 0.05), (0.1, 0.5))
    return tuple(rng.uniform(low, high, n) for low, high in low_high)


CASES = [
    *(
        Case(
            f"Rosenbrock, value and gradient, n = {n}",
            4,
            rosenbrock,
            lambda rng, n=n: (rng.normal(size=n),),
            lambda lib, f: lib.value_and_grad(f),
        )
        for n in (2, 10, 100)
    ),
    *(
        Case(f"sum(sin(x)*exp(-x)+tanh(x)**2), n = {n:g}", target, expression, line(n))
        for n, target in ((10, 4), (1000, 7), (100_000, 5), (1_000_000, 5), (10_000_000, 5))
    ),
    Case("sum(sin(x)*exp(-x)+tanh(x)**2), n = 1e+06, float32", 7, expression, line(1_000_000, numpy.float32)),
    Case(
        "sum(sin(x)*exp(-x)+tanh(x)**2), n = 100000, jvp",
        5,
        expression,
        lambda rng: (numpy.linspace(0.1, 1.0, 100_000), rng.normal(size=100_000)),
        along,
        plain=first_of_two,
    ),
    Case("Black-Scholes, all Greeks, 1e5", 4, value_of_book, lambda rng: (market(rng),)),
    Case(
        "Black-Scholes gamma, vmap of grad of grad, 1e5",
        2.5,
        black_scholes,
        market,
        gamma,
        plain=lambda lib, f: lib.vmap(f),
        passes=2,
    ),
]
