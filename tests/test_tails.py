"""Derivatives where the obvious formula cancels, overflows or has rounded its argument away.

Their digits are right in every mode. What they are compared with is written in another way, exact at these points.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import special as scipy_special

import funcgrad as fg
from funcgrad import numpy as fnp
from funcgrad.scipy import special

LOG_2 = math.log(2.0)
TAIL = np.array([1e-12, 1e-8, 1e-3, 0.3, 1.0, 5.0, 9.9, 17.0, 19.5, 30.0, 37.0, 50.0, 100.5, 300.5])
BOTH = np.concatenate((-TAIL[::-1], TAIL))
HUGE = np.array([1e8, 1e20, 1e100, 1e160, 1e200, 1e300])
TINY = np.array([1e-300, 1e-100, 1e-30, 1e-17, 1e-16, 1e-12, 1e-8])


def _hypot_twice(x: np.ndarray) -> np.ndarray:
    z = np.hypot(x, 3.0)
    return 3.0 / z * (3.0 / z) / z


CASES: dict[str, tuple[Any, int, np.ndarray, Any]] = {
    # a function, how often it is differentiated, where, and what comes out
    "expm1": (fnp.expm1, 1, BOTH, np.exp),
    "expm1, twice": (fnp.expm1, 2, BOTH, np.exp),
    "elu": (fg.nn.elu, 1, -TAIL, np.exp),
    "arcsinh": (fnp.arcsinh, 1, HUGE, lambda x: 1 / x),
    "arcsinh, negative": (fnp.arcsinh, 1, -HUGE, lambda x: -1 / x),
    "arccosh": (fnp.arccosh, 1, HUGE[1:], lambda x: 1 / x),
    "hypot, twice": (lambda x: fnp.hypot(x, 3.0), 2, np.concatenate((BOTH, HUGE[:3])), _hypot_twice),
    "pseudo_huber, twice": (lambda r: special.pseudo_huber(3.0, r), 2, HUGE[:3], lambda r: 3 * _hypot_twice(r)),
    "spence": (special.spence, 1, np.concatenate((TINY, TAIL[3:4])), lambda z: np.log(z) / (1 - z)),
    "spence, twice": (special.spence, 2, TINY[2:], lambda z: 1 / (z * (1 - z)) + np.log(z) / (1 - z) ** 2),
    "trigamma": (special.digamma, 1, -TINY[2:], lambda x: 1 / x**2 + math.pi**2 / 6),
    "tetragamma": (special.digamma, 2, -TINY[2:], lambda x: -2 / x**3 - 2.4041138063191886),
    "halfway": (special.digamma, 2, np.array([-100.5, -300.5]), lambda x: scipy_special.polygamma(2, 1 - x)),
    "i1e, twice": (special.i1e, 2, TINY, lambda x: -1 + 15 / 8 * x),
    "boxcox": (lambda p: special.boxcox(2.0, p), 2, TINY, lambda p: LOG_2**3 / 3 + LOG_2**4 / 4 * p),
}


def _modes(f: Any, order: int) -> dict[str, Any]:
    def each(f: Any) -> Any:
        return fg.grad(lambda x: fnp.sum(f(x)))

    def forward(f: Any) -> Any:
        return lambda x: fg.jvp(f, (x,), (np.ones_like(x),))[1]

    reverse = along = f
    for _ in range(order):
        reverse, along = each(reverse), forward(along)
    return {
        "eager": reverse,
        "large": lambda x: reverse(np.resize(x, 1000 + x.size))[: x.size],
        "compiled": fg.jit(reverse),
        "forward": along,
        "of numbers": lambda x: np.array([reverse(v) for v in x.tolist()]),
        "batched": lambda x: fg.vmap(reverse)(x),
    }


@pytest.mark.parametrize("name", CASES)
def test_tails(name: str) -> None:
    f, order, x, expected = CASES[name]
    wanted = expected(x)
    for mode, derivative in _modes(f, order).items():
        np.testing.assert_allclose(derivative(x), wanted, rtol=2e-13 if order == 1 else 1e-12, err_msg=mode)


@pytest.mark.parametrize("name", ["expm1", "elu"])
def test_tails_of_float32(name: str) -> None:
    f, order, x, expected = CASES[name]
    x = x[abs(x) < 40].astype(np.float32)
    wanted = expected(x.astype(np.float64))
    for mode, derivative in _modes(f, order).items():
        if mode != "of numbers":
            found = derivative(x)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted, rtol=2e-5, err_msg=mode)


@pytest.mark.parametrize("point", [(0.0, 0.0), (0.0, 1.0), (-3.0, 0.0), (3.0, 4.0)])
def test_curvature_of_hypot(point: tuple[float, float]) -> None:
    """At the origin, where there is none, it is 0."""
    x, y = point
    z = math.hypot(x, y)
    wanted = np.array([[y * y, -x * y], [-x * y, x * x]]) / z**3 if z else np.zeros((2, 2))
    np.testing.assert_allclose(np.array(fg.hessian(fnp.hypot, argnums=(0, 1))(x, y)), wanted, rtol=1e-14)
