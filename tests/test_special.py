"""The special functions: values, limits, dtypes, with and without SciPy."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.special

import funcgrad as fg
from funcgrad import lax, nn
from funcgrad.ops import incomplete, special

inf, nan = math.inf, math.nan
ROOT_PI = math.sqrt(math.pi)
LIMITS: dict[str, list[tuple[float, float, float, float]]] = {
    # x, value, derivative, second derivative
    "erf": [(30.0, 1.0, 0.0, 0.0), (-1e200, -1.0, 0.0, 0.0), (inf, 1.0, 0.0, nan), (nan, nan, nan, nan)],
    "erfc": [(30.0, 0.0, 0.0, 0.0), (-30.0, 2.0, 0.0, 0.0), (1e300, 0.0, 0.0, 0.0), (-inf, 2.0, 0.0, nan)],
    "erf_inv": [(1.0, inf, inf, inf), (-1.0, -inf, inf, -inf), (1.5, nan, nan, nan), (0.0, 0.0, ROOT_PI / 2, 0.0)],
    "lgamma": [
        (1e300, 6.897755278982137e302, 690.7755278982137, 0.0),
        (1e308, inf, 709.1962086421661, 0.0),
        (0.0, inf, nan, inf),
        (-3.0, inf, nan, inf),
        (-1e15, inf, nan, inf),
        (-inf, inf, nan, nan),
    ],
    "digamma": [(1e300, 690.7755278982137, 0.0, 0.0), (-2.0, nan, inf, nan), (1e-300, -1e300, inf, -inf)],
    "logistic": [(1000.0, 1.0, 0.0, 0.0), (-1000.0, 0.0, 0.0, 0.0), (inf, 1.0, 0.0, 0.0), (-inf, 0.0, 0.0, 0.0)],
}  # fmt: skip
POINTS = [(name, x, expected) for name, points in LIMITS.items() for x, *expected in points]


@pytest.mark.parametrize("name, x, expected", POINTS)
@pytest.mark.parametrize("jit", [lambda f: f, fg.jit], ids=["eager", "compiled"])
def test_limits(name: str, x: float, expected: list[float], jit: Any) -> None:
    """None of them with a warning: the tests make errors of warnings."""
    fun = getattr(lax, name)
    slope = fg.grad(fun)
    found = [jit(f)(x) for f in (fun, slope, fg.grad(slope))]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_softplus_has_limits() -> None:
    for x, y, slope in [(-1000.0, 0.0, 0.0), (1000.0, 1000.0, 1.0), (inf, inf, 1.0), (-inf, 0.0, 0.0), (nan, nan, nan)]:
        np.testing.assert_equal(fg.value_and_grad(nn.softplus)(x), (y, slope))


def test_gelu_is_exact() -> None:
    x = np.array([-30.0, -3.0, 0.0, 0.5, 3.0, 30.0])
    np.testing.assert_allclose(nn.gelu(x, approximate=False), x * scipy.special.ndtr(x), rtol=1e-13)
    fg.test_util.check_grads(lambda x: nn.gelu(x, approximate=False), (x,), order=2)


DRAW = np.random.default_rng(3).uniform
ARGUMENTS = {"positive": DRAW(0.01, 30, 300), "near zero": 10.0 ** DRAW(-20, -2, 50), "large": 10.0 ** DRAW(1, 20, 50),
             "negative": -DRAW(0.01, 30, 300)}  # fmt: skip


@pytest.mark.parametrize("where", ARGUMENTS)
def test_digamma(where: str) -> None:
    x = ARGUMENTS[where]
    np.testing.assert_allclose(lax.digamma(x), scipy.special.digamma(x), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("where", ARGUMENTS)
@pytest.mark.parametrize("order", [0, 1, 2, 3, 7])
def test_polygamma(order: int, where: str) -> None:
    x = ARGUMENTS[where]
    np.testing.assert_allclose(lax.polygamma(order, x), scipy.special.polygamma(order, x), rtol=1e-11, atol=1e-13)


def test_polygamma_of_no_whole_order() -> None:
    expected = scipy.special.gamma(2.5) * scipy.special.zeta(2.5, 3.0)
    np.testing.assert_allclose(lax.polygamma(1.5, 3.0), expected, rtol=1e-13)
    assert np.isnan(lax.polygamma(1.5, -0.5)) and np.isnan(lax.polygamma(-1.0, 0.5))
    assert lax.polygamma(1, 0.0) == inf


BORROWED = {"erf": special.erf, "erfc": special.erfc, "erfinv": special.erf_inv, "gammaln": special.lgamma}


@pytest.mark.parametrize("name", BORROWED)
def test_without_scipy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    impl = BORROWED[name].prim.impl
    with_scipy = getattr(impl, "plain", impl)
    own = type(with_scipy)(name, with_scipy._of_float)
    monkeypatch.setitem(sys.modules, "scipy", None)
    x = np.array([-inf, -1.0, -0.999999, -0.5, -1e-9, -0.0, 1e-300, 0.3, 0.999999999, 1.0, 2.5, 170.0, 1e300, inf, nan])
    np.testing.assert_allclose(own(x), with_scipy(x), rtol=2e-15, atol=1e-15)
    scalars, arrays = (np.float32(0.5), 0.5, 1), (np.ones((0, 2)), np.ones(2, np.int8), np.ones((2, 1)))
    for y in (x[2:-3].astype(np.float32), *scalars, *arrays):
        found, expected = own(y), with_scipy(y)
        assert type(found) is type(expected) and found.dtype == expected.dtype and found.shape == expected.shape
    assert type(own._found) is not np.ufunc


def test_dtypes_are_those_of_numpys_functions() -> None:
    for name in (*LIMITS, "softplus"):
        fun = getattr(special, name)
        for dtype in "?bhiBHefd":
            x = np.zeros(1, dtype)
            assert fun(x).dtype == np.sin(x).dtype, (name, dtype)
        assert type(fun(0)) is type(fun(0.0)) is type(fun(np.array(0.0))) is np.float64
        if name != "logistic":
            with pytest.raises(TypeError, match="given complex"):
                fun(1j)
    assert lax.polygamma(np.int8(1), np.ones(2, np.float32)).dtype == np.float32
    assert lax.erf([0, 1]).shape == (2,)


def test_scipy_is_imported_when_it_computes() -> None:
    program = """
import sys
import funcgrad as fg
import numpy as np

x = np.linspace(0.1, 0.9, 9)
g = fg.jit(fg.grad(lambda x: np.sum(fg.lax.erf(x) + fg.lax.erfc(x) + fg.lax.lgamma(x))))
g(x), fg.lax.digamma(x), fg.lax.logistic(x)
assert "scipy" not in sys.modules
fg.lax.erf(x)
assert "scipy.special" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "scipys, ours",
    [("erf", lax.erf), ("erfc", lax.erfc), ("erfinv", lax.erf_inv), ("gammaln", lax.lgamma), ("digamma", lax.digamma),
     ("expit", lax.logistic)],
)  # fmt: skip
def test_scipys_functions_of_traced_values(scipys: str, ours: Any) -> None:
    fun, x = getattr(scipy.special, scipys), np.array([0.2, 0.7])
    np.testing.assert_allclose(fg.vmap(fg.grad(fun))(x), fg.vmap(fg.grad(ours))(x), rtol=1e-15)
    np.testing.assert_allclose(fg.jit(fun)(x), ours(x), rtol=1e-14)


def test_scipys_other_functions_are_refused() -> None:
    with pytest.raises(fg.errors.NotDifferentiableError, match=r"`scipy\.special\.ellipkm1`"):
        fg.grad(scipy.special.ellipkm1)(0.5)


def test_high_derivatives_of_the_incomplete_gamma_function() -> None:
    """Of `R(a + 1) = R(a) a / x - 1` in a, where the coefficients of a fraction end in rounding."""
    a, x = np.array([0.5, 2.0, 5.0, 0.1, 3.0, 1.5, 40.0]), np.array([2.0, 4.5, 7.5, 1.2, 30.0, 2.6, 60.0])
    ratio = [incomplete.gamma_ratio(a, x, order=order) for order in range(5)]
    for order in range(1, 5):
        ahead = incomplete.gamma_ratio(a + 1, x, order=order)
        np.testing.assert_allclose(ahead, (a * ratio[order] + order * ratio[order - 1]) / x, rtol=1e-10)


def test_incomplete_gamma_functions_need_few_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    a, x = np.array([0.5, 2.0, 5.0, 0.1]), np.array([2.0, 3.5, 5.5, 1.1])
    steps, quotient = [], incomplete._quotient
    monkeypatch.setattr(incomplete, "_quotient", lambda *args: steps.append(args) or quotient(*args))
    for order in range(4):
        incomplete.gamma_ratio(a, x, order=order)
    assert 4 < len(steps) < 4 * 200
