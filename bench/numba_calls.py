"""Compiled programs and kernels called from numba's code: ``python bench/numba_calls.py``.

Nanoseconds of one call from a loop of `njit` code, and of one element of a kernel's function, beside what numba makes
of the same in NumPy; microseconds of a matrix product in a kernel, which is BLAS's from Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from timing import interleaved

import funcgrad as fg
from funcgrad import kernels

CALLS = 1000
KERNELS = {"exp": np.exp, "log": np.log, "sin": np.sin, "tanh": np.tanh, "erf": math.erf}


def repeated(function: Any) -> Callable[..., Any]:
    """CALLS calls in a row, each of another number."""

    @numba.njit
    def loop(x):
        total = 0.0
        for i in range(CALLS):
            total += function(x + i * 1e-6)
        return total

    return loop


def each(function: Any) -> Callable[..., Any]:
    @numba.njit
    def loop(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])
        return out

    return loop


def calls() -> dict[str, Callable[[], object]]:
    """Of a scalar and of an array of 3, from numba's code and from Python."""
    wave = lambda x: np.sin(x) * x
    slope = fg.jit(fg.value_and_grad(lambda x: np.sum(np.sin(x) ** 2)))
    x = np.linspace(0.1, 1.0, 3)
    program = slope.lower(x).numba
    array = repeated(numba.njit(lambda t: program(np.array([t, 0.5, 1.0]))[0]))
    made = repeated(numba.njit(lambda t: np.array([t, 0.5, 1.0])[0]))
    number, numbas = repeated(fg.jit(wave).lower(1.0).numba), repeated(numba.njit(wave))
    return {
        "a number in and out": lambda: number(1.0),
        "the same function by numba": lambda: numbas(1.0),
        "an array in, a number and an array out": lambda: array(1.0),
        "making that array": lambda: made(1.0),
        "the same gradient from Python": lambda: [slope(x) for _ in range(CALLS)],
    }


def elements() -> dict[str, Callable[[], object]]:
    x, out = np.random.default_rng(0).uniform(0.1, 1.1, CALLS), np.empty(CALLS)
    runs: dict[str, Callable[[], object]] = {}
    for name, numbas in KERNELS.items():
        ours, theirs = each(getattr(kernels, name)), each(numbas)
        np.testing.assert_allclose(ours(x, out).copy(), theirs(x, out), rtol=1e-14)
        runs[f"kernels.{name}"] = lambda ours=ours: ours(x, out)
        runs[f"numba's {name}"] = lambda theirs=theirs: theirs(x, out)
    return runs


def products(n: int) -> dict[str, Callable[[], object]]:
    a = np.random.default_rng(0).normal(size=(n, n))
    product = fg.jit(lambda x: a @ x)
    loops = product.lower(a).numba
    np.testing.assert_allclose(loops(a), product(a), rtol=1e-8, atol=1e-8)
    return {f"{n} x {n} by loops": lambda: loops(a), f"{n} x {n} by BLAS": lambda: product(a)}


def main() -> None:
    for title, runs, scale in (
        ("ns a call", calls(), 1e9 / CALLS),
        ("ns an element", elements(), 1e9 / CALLS),
        ("us", products(100) | products(1000), 1e6),
    ):
        print(title)
        for name, seconds in interleaved(runs).items():
            print(f"  {name:<42}{seconds * scale:10.1f}")


if __name__ == "__main__":
    main()
