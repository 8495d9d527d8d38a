"""Random numbers as PyTorch's CPU kernels draw them: the same words of the generator, by the same algorithms.

All take and return arrays. What is drawn by rejection is drawn element by element, in their order in memory.
"""

from __future__ import annotations

import math

import numpy as np

from funcgrad.torch._ops.random import Generator

DOUBLE = np.dtype(np.float64)
THIRD, SQUEEZE = (float(np.float32(x)) for x in (1 / 3, 0.0331))
"""Single-precision constants in a computation in double precision, as PyTorch has them."""


def _uniform(generator: Generator) -> float:
    return float(generator.uniform(1, DOUBLE)[0])


def exponential(shape: tuple[int, ...], dtype: np.dtype, generator: Generator) -> np.ndarray:
    """With the rate 1."""
    return -np.log1p(-generator.uniform(math.prod(shape), DOUBLE)).reshape(shape).astype(dtype)


def bernoulli(p: np.ndarray, generator: Generator) -> np.ndarray:
    """1 with the probabilities p, else 0."""
    kind = DOUBLE if p.dtype == DOUBLE else np.dtype(np.float32)
    return (generator.uniform(p.size, kind).reshape(p.shape) < p).astype(p.dtype)


def multinomial(weights: np.ndarray, count: int, replacement: bool, generator: Generator) -> np.ndarray:
    """Places in each row, `(rows, count)`, each as often as its weight says."""
    if count == 1 or not replacement:
        with np.errstate(divide="ignore", invalid="ignore"):
            ranks = weights / exponential(weights.shape, weights.dtype, generator)
        return np.argsort(-ranks, axis=-1, kind="stable")[:, :count]
    rows = []
    for row in weights:
        below = np.cumsum(row)
        below /= below[-1]
        below[-1] = 1
        rows.append(np.searchsorted(below, generator.uniform(count, DOUBLE)))
    return np.stack(rows)


def gamma(a: np.ndarray, generator: Generator) -> np.ndarray:
    """Gamma variables, float64. Marsaglia and Tsang, A simple method for generating gamma variables (2000)."""
    one = a.dtype.type(1)
    with np.errstate(divide="ignore"):
        powers = np.where(a < 1, one / a, 0)  # a variable of a < 1 is one of a + 1, times a power of a uniform number
    raised = np.where(a < 1, a + one, a)
    pairs = zip(raised.reshape(-1).tolist(), powers.reshape(-1).tolist())
    return np.array([_gamma(x, power, generator) for x, power in pairs], DOUBLE).reshape(a.shape)


def _gamma(a: float, power: float, generator: Generator) -> float:
    if power == math.inf:
        return 0.0
    scale = (1 - _uniform(generator)) ** power if power else 1.0
    d = a - THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        y = -1.0
        while y <= 0:
            x = generator._one()
            y = 1 + c * x
        v = y * y * y
        u = 1 - _uniform(generator)
        square = x * x
        if u < 1 - SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def dirichlet(a: np.ndarray, generator: Generator) -> np.ndarray:
    """Shares along the last axis."""
    drawn = np.maximum(gamma(a.astype(DOUBLE), generator), np.finfo(DOUBLE).tiny)
    shares = (drawn / drawn.sum(-1, keepdims=True)).astype(a.dtype)
    return np.clip(shares, np.finfo(a.dtype).tiny, np.nextafter(np.ones((), a.dtype), np.zeros((), a.dtype)))


def poisson(rate: np.ndarray, generator: Generator) -> np.ndarray:
    """Counts. Hoermann, The transformed rejection method for generating Poisson random variables (1993)."""
    drawn = [_poisson(x, generator) for x in rate.reshape(-1).tolist()]
    return np.array(drawn, rate.dtype).reshape(rate.shape)


def _poisson(rate: float, generator: Generator) -> int:
    if rate == 0:
        return 0
    if rate < 10:  # as many uniform factors as leave the product above exp(-rate)
        count, product, least = 0, _uniform(generator), math.exp(-rate)
        while product > least:
            count += 1
            product *= _uniform(generator)
        return count
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_inverse = math.log(1.1239 + 1.1328 / (b - 3.4))
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        bound = -rate + k * math.log(rate) - math.lgamma(k + 1)
        if math.log(v) + log_inverse - math.log(a / (us * us) + b) <= bound:
            return k


def binomial(count: np.ndarray, p: np.ndarray, generator: Generator) -> np.ndarray:
    """Counts of successes. Hoermann, The generation of binomial random variates (1993)."""
    pairs = zip(count.reshape(-1).tolist(), p.reshape(-1).tolist(), strict=True)
    return np.array([_binomial(n, q, generator) for n, q in pairs], p.dtype).reshape(p.shape)


def _binomial(n: float, p: float, generator: Generator) -> float:
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return n
    if p > 0.5:
        return n - _successes(n, 1 - p, generator)
    return _successes(n, p, generator)


def _successes(n: float, p: float, generator: Generator) -> float:
    if n * p >= 10:
        return _by_rejection(n, p, generator)
    successes, trials = 0.0, 0.0
    while True:  # from one success to the next
        trials += math.ceil(math.log(_uniform(generator)) / math.log1p(-p))
        if trials > n:
            return successes
        successes += 1


def _by_rejection(n: float, p: float, generator: Generator) -> float:
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    odds, alpha, m = p / (1 - p), (2.83 + 5.1 / b) * deviation, math.floor((n + 1) * p)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return float(k)
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (n - m + 1)))
            + (n + 1) * math.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _beyond_stirling(m)
            + _beyond_stirling(n - m)
            - _beyond_stirling(k)
            - _beyond_stirling(n - k)
        )
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return float(k)


def _beyond_stirling(k: float) -> float:
    """What Stirling's formula leaves of log(k!)."""
    if k <= 9:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(2 * math.pi)
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
