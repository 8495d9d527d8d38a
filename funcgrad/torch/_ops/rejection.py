"""Random counts, drawn by rejection: Poisson's and binomial.

Each uniform number is taken from the generator as PyTorch takes it, so that a seed gives PyTorch's counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.torch._ops.draws import DOUBLE, numbers_of, without_slope
from funcgrad.torch._ops.generator import default_generator
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import need_tensor
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._tensor.tensor import Tensor, fresh

Uniform = Callable[[], float]


def uniform_of(generator: Any) -> Uniform:
    """What gives one uniform number after the other, in double precision."""
    source = generator or default_generator
    return lambda: float(source.uniform(1, DOUBLE)[0])


@named(method=False)
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Of Poisson's distribution, with the element as its rate; by multiplied uniform numbers for small ones, else by
    Hormann's transformed rejection (1993). The derivative is zero.
    """
    need_tensor(input, "poisson")
    rates = numbers_of(input)
    if rates.dtype.kind != "f":
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{input.dtype.title}'")
    if (rates < 0).any():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    one = uniform_of(generator)
    counts = np.array([_poisson(float(rate), one) for rate in rates.reshape(-1)])
    return without_slope("Poisson", input, fresh(counts.reshape(rates.shape).astype(rates.dtype)))


def _poisson(rate: float, one: Uniform) -> float:
    if rate >= 10:
        return _poisson_of_large(rate, one)
    if rate == 0:
        return 0.0
    limit, product, count = math.exp(-rate), 1.0, 0
    while True:
        product *= one()
        if product <= limit:
            return float(count)
        count += 1


def _poisson_of_large(rate: float, one: Uniform) -> float:
    root = math.sqrt(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    accepted = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = one() - 0.5, one()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= accepted:
            return float(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        limit = -rate + k * math.log(rate) - math.lgamma(k + 1)
        if math.log(v) + math.log(scale) - math.log(a / (us * us) + b) <= limit:
            return float(k)


@named(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """How many of `count` trials succeed, each with chance `prob`: by geometric waiting times for few, else by
    Hormann's transformed rejection (1993). The derivative is zero, where PyTorch has none.
    """
    need_tensor(count, "binomial")
    if prob.dtype is not count.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype.title} but expected {count.dtype.title}")
    check_broadcast(count.shape, prob.shape)
    trials, chances = np.broadcast_arrays(numbers_of(count), numbers_of(prob))
    one = uniform_of(generator)
    found = [_binomial(float(n), float(p), one) for n, p in zip(trials.reshape(-1), chances.reshape(-1))]
    drawn = fresh(np.array(found).reshape(trials.shape).astype(trials.dtype))
    return without_slope("Binomial", prob, drawn)


def _binomial(n: float, p: float, one: Uniform) -> float:
    if math.isnan(p):
        return math.nan
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return n
    if p > 0.5:
        return n - _binomial_of_half(n, 1 - p, one)
    return _binomial_of_half(n, p, one)


def _binomial_of_half(n: float, p: float, one: Uniform) -> float:
    if n * p >= 10:
        return _binomial_of_many(n, p, one)
    waited, found, scale = 0.0, 0, math.log1p(-p)
    while True:
        u = one()
        waited += math.ceil(math.log(u) / scale) if u else math.inf
        if waited > n:
            return float(found)
        found += 1


def _binomial_of_many(n: float, p: float, one: Uniform) -> float:
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    accepted, odds = 0.92 - 4.2 / b, p / (1 - p)
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((n + 1) * p)
    while True:
        u, v = one() - 0.5, one()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if us >= 0.07 and v <= accepted:
            return float(k)
        if k < 0 or k > n:
            continue
        limit = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (us * us) + b)) <= limit:
            return float(k)


def _tail(k: float) -> float:
    """What Stirling's formula lacks of log(k!)."""
    if k < 10:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(2 * math.pi)
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
