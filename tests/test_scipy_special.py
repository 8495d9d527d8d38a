"""`funcgrad.scipy.special`: SciPy's values and dtypes in every mode, derivatives against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

import funcgrad as fg
from funcgrad.scipy import special
from funcgrad.test_util import check_grads

ANY = np.array([-3.7, -1.2, -0.3, 0.4, 1.1, 2.6])
POSITIVE = np.array([0.2, 0.7, 1.3, 2.4, 5.5, 9.1])
UNIT = np.array([0.15, 0.2, 0.45, 0.5, 0.7, 0.8])
OTHER = np.array([0.3, 1.6, 0.9, 4.0, 0.6, 3.3])
# fmt: off
CALLS: dict[str, tuple[np.ndarray, ...]] = {
    "beta": (POSITIVE, OTHER), "betaln": (POSITIVE, OTHER), "digamma": (POSITIVE,), "entr": (POSITIVE,), "erf": (ANY,),
    "erfc": (ANY,), "erfinv": (UNIT,), "expit": (ANY,), "gammainc": (POSITIVE, OTHER), "gammaincc": (POSITIVE, OTHER),
    "gammaln": (POSITIVE,), "i0": (ANY,), "i0e": (ANY,), "i1": (ANY,), "i1e": (ANY,), "kl_div": (POSITIVE, OTHER),
    "log_expit": (ANY,), "log_ndtr": (ANY,), "log_softmax": (ANY,), "logit": (UNIT,), "logsumexp": (ANY,),
    "ndtr": (ANY,), "ndtri": (UNIT,), "psi": (POSITIVE,), "rel_entr": (POSITIVE, OTHER), "softmax": (ANY,),
    "xlog1py": (ANY, OTHER), "xlogy": (ANY, OTHER),
}
# fmt: on
TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 3e-6}


def close(y, expected, name):
    assert y.dtype == expected.dtype, name
    tolerance = TOLERANCE[expected.dtype]
    np.testing.assert_allclose(y, expected, rtol=20 * tolerance, atol=tolerance)


def test_every_name_has_a_row():
    assert set(special.__all__) == {*CALLS, "multigammaln", "polygamma"}
    assert all(getattr(special, name).__doc__ for name in special.__all__)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CALLS)
def test_values_are_scipys(name, dtype):
    ours, scipys = getattr(special, name), getattr(scipy.special, name)
    args = [x.astype(dtype) for x in CALLS[name]]
    expected = scipys(*args)
    np.testing.assert_array_equal(ours(*args), expected)
    for call in (ours, scipys) if isinstance(scipys, np.ufunc) else (ours,):
        close(fg.vjp(call, *args)[0], expected, "vjp")
        close(fg.jit(call)(*args), expected, "jit")
        if name not in ("logsumexp", "softmax", "log_softmax"):
            close(fg.vmap(call)(*args), expected, "vmap")


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    fun = getattr(special, name)
    check_grads(fun, CALLS[name], order=2)
    total = lambda *xs: (fun(*xs) * np.cos(np.arange(6.0))).sum()
    gradient = fg.grad(total, tuple(range(len(CALLS[name]))))
    for y, e in zip(fg.jit(gradient)(*CALLS[name]), gradient(*CALLS[name])):
        np.testing.assert_allclose(y, e, rtol=1e-10, atol=1e-13)


def test_functions_of_an_order():
    for n in (0, 1, 3):
        f = lambda x, n=n: special.polygamma(n, x)
        np.testing.assert_allclose(fg.jit(f)(POSITIVE), scipy.special.polygamma(n, POSITIVE), rtol=1e-11)
        check_grads(f, (POSITIVE,), order=1)
    for d in (1, 2, 4):
        f = lambda a, d=d: special.multigammaln(a, d)
        expected = scipy.special.multigammaln(2.0 + POSITIVE, d)
        np.testing.assert_allclose(fg.vjp(f, 2.0 + POSITIVE)[0], expected, rtol=1e-12)
        check_grads(f, (2.0 + POSITIVE,), order=2)
    with pytest.raises(ValueError, match="positive integer"):
        fg.grad(special.multigammaln)(3.0, 0)


EDGES = {
    "xlogy": ([0.0, 0.0, 0.0, 1.0, 2.0, math.nan], [0.0, math.nan, -1.0, 0.0, -1.0, 1.0]),
    "xlog1py": ([0.0, 0.0, 0.0, 1.0, 2.0, math.nan], [-1.0, math.nan, -2.0, -1.0, -2.0, 1.0]),
    "entr": ([0.0, -1.0, math.nan, math.inf, 1e-320],),
    "rel_entr": ([0.0, 0.0, 1.0, -1.0, math.nan, 1.0], [0.0, 2.0, 0.0, 1.0, 1.0, math.nan]),
    "kl_div": ([0.0, 0.0, 1.0, -1.0, math.nan, 1.0], [0.0, 2.0, 0.0, 1.0, 1.0, math.nan]),
    "log_ndtr": ([-40.0, -1e3, 10.0, math.inf, -math.inf, math.nan],),
    "ndtri": ([0.0, 1.0, -0.5, 1e-300, math.nan],),
    "logit": ([0.0, 1.0, -0.5, 2.0, 1e-300],),
    "log_expit": ([-800.0, 800.0, math.inf, -math.inf],),
    "ndtr": ([-37.0, 38.0, math.inf, -math.inf, math.nan],),
}


@pytest.mark.parametrize("name", EDGES)
def test_values_at_edges(name):
    args = [np.array(x) for x in EDGES[name]]
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(*args)
        for call in (lambda f: fg.vjp(f, *args)[0], lambda f: fg.jit(f)(*args)):
            np.testing.assert_allclose(call(getattr(special, name)), expected, rtol=1e-12)


def test_derivatives_where_a_factor_is_zero():
    """Those of the formula: the logarithm for the factor, nothing for its argument."""
    gx, gy = fg.grad(special.xlogy, (0, 1))(0.0, 3.0)
    np.testing.assert_allclose([gx, gy], [math.log(3.0), 0.0])
    gx, gy = fg.grad(special.xlog1py, (0, 1))(0.0, 2.0)
    np.testing.assert_allclose([gx, gy], [math.log(3.0), 0.0])
    assert fg.grad(special.entr)(0.0) == math.inf
