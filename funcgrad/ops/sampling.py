"""Draws by rejection, which take as many words of a key as they need: gamma, Poisson, binomial.

The numbers are JAX's: so is the order in which keys are split. Keys may have batch axes in front, which the parameters
then have too.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.elementwise import exp, maximum
from funcgrad.ops.families.general import General
from funcgrad.ops.incomplete import gamma_slope
from funcgrad.ops.special import erf_inv, lgamma
from funcgrad.ops.threefry import Shape, split_key, unit_uniform


def uniform_between(key: Any, shape: Shape, dtype: np.dtype, low: Any, high: Any) -> Any:
    """Numbers in [low, high); the bounds are of `dtype` and broadcast against `shape`."""
    return maximum(low, unit_uniform(key, shape, dtype) * (high - low) + low)


def standard_normal(key: Any, shape: Shape, dtype: np.dtype) -> Any:
    """Normally distributed numbers, `(*batch, *shape)`: the inverse of the distribution at uniform ones."""
    one = dtype.type(1)
    low = np.nextafter(-one, dtype.type(0))
    return dtype.type(sqrt(2)) * erf_inv(uniform_between(key, shape, dtype, low, one))


# The gamma distribution: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000


def _positive_cubes(key: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each key x, normal, and (1 + c x)**3, from the first x for which it is positive."""
    x, v = np.empty_like(c), np.empty_like(c)
    rest = np.arange(len(c))
    while rest.size:
        key, drawn = np.moveaxis(split_key(key, (2,)), 1, 0)
        x[rest] = standard_normal(drawn, (), c.dtype)
        v[rest] = 1 + x[rest] * c[rest]
        missed = v[rest] <= 0
        rest, key = rest[missed], key[missed]
    return x, v * v * v


def _cubes(key: np.ndarray, d: np.ndarray, c: np.ndarray) -> np.ndarray:
    """For each key the cube that is accepted."""
    v = np.empty_like(c)
    rest = np.arange(len(c))
    while rest.size:
        key, x_key, u_key = np.moveaxis(split_key(key, (3,)), 1, 0)
        x, v[rest] = _positive_cubes(x_key, c[rest])
        square = x * x
        u = unit_uniform(u_key, (), c.dtype)
        bound = square * c.dtype.type(0.5) + d[rest] * ((1 - v[rest]) + np.log(v[rest]))
        refused = (u >= 1 - c.dtype.type(0.0331) * (square * square)) & (np.log(u) >= bound)
        rest, key = rest[refused], key[refused]
    return v


def _random_gamma(key: np.ndarray, a: np.ndarray, log: bool) -> np.ndarray:
    shape = a.shape
    keys = split_key(key, shape[key.ndim - 1 :]).reshape(-1, 2)
    a = np.asarray(a).reshape(-1)
    third = a.dtype.type(1 / 3)
    with np.errstate(all="ignore"):
        small = a < 1  # then a variable of a + 1, times a power of a uniform one
        d = np.where(small, a + 1, a) - third
        keys, boost_keys = np.moveaxis(split_key(keys, (2,)), 1, 0)
        valid = d > 0
        v = np.full_like(a, np.nan)
        v[valid] = _cubes(keys[valid], d[valid], third / np.sqrt(d[valid]))
        u = unit_uniform(boost_keys, (), a.dtype)
        if log:
            power = np.log1p(-u)
            boost = np.where(small & (power != 0), power * (1 / a), 0)
            return (np.log(d) + np.log(v) + boost).reshape(shape)
        return (d * v * np.where(small, (1 - u) ** (1 / a), 1)).reshape(shape)


def _d_gamma(t: Any, y: Any, key: Any, a: Any, log: bool) -> Any:
    """How a draw moves with `a` while its place in the distribution is kept."""
    if not log:
        return t * -gamma_slope(a, y)
    x = maximum(exp(y), np.finfo(y.dtype).tiny)
    return t * (-gamma_slope(a, x) / x)


def _drawn_batch(prim: General, values: Sequence[Any], batched: Sequence[bool], size: int, params: Any) -> Any:
    return prim(*(with_batch(v, b, size) for v, b in zip(values, batched)), **params)


random_gamma: General = General(
    "random_gamma",
    _random_gamma,
    shape=lambda key, a, log: Aval(a.shape, a.dtype),
    jvps=(None, _d_gamma),
    batch=lambda *call: _drawn_batch(random_gamma, *call),
)
"""Gamma variables, or (`log`) their logarithms, `random_gamma(key, a, log=False)`."""


# Counts. All numbers that a key gives are drawn together, again and again, until the last of them is accepted.


def _rows(key: np.ndarray, *parameters: np.ndarray) -> tuple[np.ndarray, ...]:
    """One row for each key."""
    keys = key.reshape(-1, 2)
    size = prod(parameters[0].shape[key.ndim - 1 :])
    return keys, *(p.reshape(len(keys), size) for p in parameters)


def _poisson_by_products(key: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """How many uniform numbers can be multiplied before the product is below exp(-rate): Knuth, for small rates."""
    count = np.zeros(rate.shape, np.int64)
    product = np.zeros_like(rate)
    while (on := (product > -rate).any(axis=1)).any():
        key[on], drawn = np.moveaxis(split_key(key[on], (2,)), 1, 0)
        count[on] += product[on] > -rate[on]
        product[on] += np.log(unit_uniform(drawn, rate.shape[1:], rate.dtype))
    return count - 1


def _proposal(key: np.ndarray, on: Any, like: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a round of transformed rejection draws: u about 0, v, and how far u is from the ends; the keys move on."""
    key[on], u_key, v_key = np.moveaxis(split_key(key[on], (3,)), 1, 0)
    u = unit_uniform(u_key, like.shape[1:], like.dtype) - like.dtype.type(0.5)
    return u, unit_uniform(v_key, like.shape[1:], like.dtype), 0.5 - np.abs(u)


def _poisson_by_rejection(key: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Hoermann, "The transformed rejection method for generating Poisson random variables", 1993, PTRS."""
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    count, accepted = np.full_like(rate, -1), np.zeros(rate.shape, bool)
    while (on := ~accepted.all(axis=1)).any():
        u, v, left = _proposal(key, on, rate)
        k = np.floor((2 * a[on] / left + b[on]) * u + rate[on] + rate.dtype.type(0.43))
        s = np.log(v * inverse_alpha[on] / (a[on] / (left * left) + b[on]))
        t = -rate[on] + k * np.log(rate[on]) - lgamma(k + 1)
        outside = (k < 0) | ((left < 0.013) & (v > left))
        good = ((left >= 0.07) & (v <= v_r[on])) | (~outside & (s <= t))
        count[on] = np.where(good, k, count[on])
        accepted[on] |= good
    return count


def _random_poisson(key: np.ndarray, rate: np.ndarray, dtype: np.dtype) -> np.ndarray:
    keys, rates = _rows(key, rate)
    with np.errstate(all="ignore"):
        small = np.isnan(rates) | (rates < 10)
        few = _poisson_by_products(keys.copy(), np.where(small, rates, rates.dtype.type(0)))
        many = _poisson_by_rejection(keys.copy(), np.where(small, rates.dtype.type(1e5), rates))
        count = np.where(rates == 0, 0, np.where(small, few, many.astype(dtype)))
    return count.astype(dtype).reshape(rate.shape)


WHOLE = "a count moves in steps"
SCORE = "the expectation's derivative by the score: stop_gradient(f(count)) * log-probability(count)"

random_poisson: General = General(
    "random_poisson",
    _random_poisson,
    shape=lambda key, rate, dtype: Aval(rate.shape, dtype),
    jvps=None,
    batch=lambda *call: _drawn_batch(random_poisson, *call),
    flat=WHOLE,
    remedy=SCORE,
)


def _binomial_by_waiting(key: np.ndarray, trials: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How many waiting times until a success fit into the trials, for few successes: Kachitvichyanukul, Schmeiser."""
    count, waited = np.zeros_like(p), np.zeros_like(p)
    while (on := (waited <= trials).any(axis=1)).any():
        drawn, key[on] = np.moveaxis(split_key(key[on], (2,)), 1, 0)
        count[on] += waited[on] <= trials[on]
        waited[on] += np.ceil(np.log(unit_uniform(drawn, p.shape[1:], p.dtype)) / np.log1p(-p[on]))
    return count - 1


TAILS = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
    0.0138761288230707, 0.0118967099458917, 0.010411265261972, 0.00925546218271273, 0.00833056343336287,
)  # fmt: skip
"""log(k!) minus Stirling's approximation of it."""


def _stirling_tail(k: np.ndarray) -> np.ndarray:
    known = np.asarray(TAILS, k.dtype)[np.nan_to_num(np.clip(k, 0, 9)).astype(np.int64)]
    square = (np.clip(k, 9, None) + 1) ** 2
    series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (np.clip(k, 9, None) + 1)
    return np.where(k <= 9, known, series)


def _binomial_by_rejection(key: np.ndarray, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Hoermann, "The generation of binomial random variates", 1993, BTRS."""
    deviation = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    v_r = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = np.floor((n + 1) * p)
    fixed = (m + 0.5) * np.log((m + 1) / (odds * (n - m + 1))) + _stirling_tail(m) + _stirling_tail(n - m)
    count, accepted = np.full_like(p, -1), np.zeros(p.shape, bool)
    while (on := ~accepted.all(axis=1)).any():
        u, v, left = _proposal(key, on, p)
        k = np.floor((2 * a[on] / left + b[on]) * u + c[on])
        v_log = np.log(v * alpha[on] / (a[on] / (left * left) + b[on]))
        k_tails = _stirling_tail(k) + _stirling_tail(n[on] - k)
        rest, so_far = n[on] - k + 1, n[on] - m[on] + 1
        bound = (
            fixed[on] + (n[on] + 1) * np.log(so_far / rest) + (k + 0.5) * np.log(odds[on] * rest / (k + 1)) - k_tails
        )
        inside = (k >= 0) & (k <= n[on])
        good = ((left >= 0.07) & (v <= v_r[on])) | (inside & (v_log <= bound))
        count[on] = np.where(good, k, count[on])
        accepted[on] |= good
    return count


def _random_binomial(key: np.ndarray, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    keys, trials, chances = _rows(key, n, p)
    with np.errstate(all="ignore"):
        often = chances >= 0.5
        q = np.where(often, 1 - chances, np.where(chances < 0.5, chances, 1 - chances))
        invalid = np.isnan(trials) | (trials < 0) | np.isnan(q) | (q < 0)
        q = np.where(np.isnan(q) | (q < 0), q.dtype.type(0.01), q)
        few = np.isnan(trials) | (trials < 0) | (trials * q <= 10)
        whole = np.floor(trials)
        zero, many, half = (q.dtype.type(x) for x in (0, 1e4, 0.5))
        waiting = _binomial_by_waiting(keys.copy(), np.where(few, whole, zero), q)
        rejecting = _binomial_by_rejection(keys.copy(), np.where(few, many, whole), np.where(few, half, q))
        count = np.where(few, waiting, rejecting)
        count = np.where(invalid, np.nan, np.where(np.isinf(trials), np.inf, np.where(often, whole - count, count)))
    return count.astype(p.dtype).reshape(p.shape)


random_binomial: General = General(
    "random_binomial",
    _random_binomial,
    shape=lambda key, n, p: Aval(p.shape, p.dtype),
    jvps=None,
    batch=lambda *call: _drawn_batch(random_binomial, *call),
    flat=WHOLE,
    remedy=SCORE,
)
