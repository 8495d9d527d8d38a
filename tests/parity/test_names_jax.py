"""Values and gradients of NumPy's further names against JAX's, at ties and edges too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad.transforms.api import grad, jvp, vjp

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

rng = np.random.default_rng(12)
A = rng.normal(size=(4, 5))
B = rng.normal(size=(4, 5))
V = rng.normal(size=6)
W = rng.normal(size=3)
D = np.array([0.3, 0.9, 1.1, 2.4, 2.9, 4.0])
TIES = np.array([[1.0, 2.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
HOLES = np.where(np.abs(A) > 1.2, np.nan, A)
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")

CASES: dict[str, tuple[Any, ...]] = {
    **{f"quantile {m}": (lambda n, x, m=m: n.quantile(x, 0.3, 1, method=m), A) for m in METHODS},
    **{f"nanquantile {m}": (lambda n, x, m=m: n.nanquantile(x, 0.3, 1, method=m), HOLES) for m in METHODS},
    "quantile in q": (lambda n, x, q: n.quantile(x, q, 0), A, np.array([0.1, 0.77])),
    "percentile": (lambda n, x: n.percentile(x, n.array([20.0, 65.0]), (0, 1)), A),
    "quantile of ties": (lambda n, x: n.quantile(x, 0.6, 1), TIES),
    "nanmedian": (lambda n, x: n.nanmedian(x, 0), HOLES),
    "median of ties": (lambda n, x: n.median(x, 1), TIES),
    "nancumsum": (lambda n, x: n.nancumsum(x, 1), HOLES),
    "nancumprod": (lambda n, x: n.nancumprod(x, 1), HOLES),
    "average": (lambda n, x, w: n.average(x, 1, w, returned=True)[0], A, np.abs(B)),
    "cov": (lambda n, x, y: n.cov(x, y, rowvar=False), A, B),
    "cov weighted": (lambda n, x, w: n.cov(x, aweights=w, fweights=n.array([1, 2, 1, 3, 1])), A, np.abs(B[0])),
    "corrcoef": (lambda n, x: n.corrcoef(x)[0, 1:], A),
    "cumulative_sum": (lambda n, x: n.cumulative_sum(x, axis=0, include_initial=True), A),
    "cumulative_prod": (lambda n, x: n.cumulative_prod(x, axis=1), A),
    "gradient": (lambda n, x: n.gradient(x, 0.5, 2.0)[0], A),
    "gradient of distances": (lambda n, x, h: n.gradient(x, h), V, np.float64(0.7)),
    "unwrap": (lambda n, x: n.unwrap(3 * x, axis=0), A),
    **{f"convolve {m}": (lambda n, x, y, m=m: n.convolve(x, y, m), V, W) for m in ("full", "same", "valid")},
    **{f"correlate {m}": (lambda n, x, y, m=m: n.correlate(x, y, m), V, W) for m in ("full", "same", "valid")},
    "correlate complex": (lambda n, x, y: n.correlate(x, y, "full"), V * (1 + 2j), W + 1j),
    "cross": (lambda n, x, y: n.cross(x[:, :3], y[0, :3]), A, B),
    "kron": (lambda n, x, y: n.kron(x, y), V, W),
    "ldexp": (lambda n, x: n.ldexp(x, n.array([1, -2, 3, 0, 5])), A),
    "i0": (lambda n, x: n.i0(4 * x), A),
    "sinc": (lambda n, x: n.sinc(x), A),
    "polyval": (lambda n, p, x: n.polyval(p, x), V, W),
    "polyadd": (lambda n, p, q: n.polyadd(p, q), V, W),
    "polysub": (lambda n, p, q: n.polysub(q, p), V, W),
    "polymul": (lambda n, p, q: n.polymul(p, q), V, W),
    "polydiv": (lambda n, p, q: n.polydiv(p, q)[0], V, W),
    "polyder": (lambda n, p: n.polyder(p, 2), V),
    "polyint": (lambda n, p, k: n.polyint(p, 2, k), V, W[:2]),
    "polyfit": (lambda n, x, y: n.polyfit(x, y, 2), D, V),
    "polyfit weighted": (lambda n, x, y, w: n.polyfit(x, y, 1, w=w), D, V, np.abs(D - 1.5)),
    "poly": (lambda n, x: n.poly(x), V),
    "roots": (lambda n, p: n.sort(n.abs(n.roots(p, strip_zeros=False))), np.array([1.0, 0.3, -2.0, 0.5])),
    "vander": (lambda n, x: n.vander(x, 4), V),
    "pad ramp": (lambda n, x: n.pad(x, ((2, 1), (0, 3)), mode="linear_ramp", end_values=2.0), A),
    **{
        f"pad {m}": (lambda n, x, m=m: n.pad(x, ((2, 1), (0, 3)), mode=m, stat_length=2), A)
        for m in ("maximum", "mean", "median", "minimum")
    },
    "pad maximum of ties": (lambda n, x: n.pad(x, 1, mode="maximum"), TIES),
    **{
        f"pad {m} odd": (lambda n, x, m=m: n.pad(x, 4, mode=m, reflect_type="odd"), V)
        for m in ("reflect", "symmetric")
    },
    "append": (lambda n, x, y: n.append(x, y, 0), A, B),
    "insert": (lambda n, x, y: n.insert(x, n.array([1, 1, 3]), y[0, 0], 1), A, B),
    "delete": (lambda n, x: n.delete(x, np.array([0, 2]), 1), A),
    "trim_zeros": (lambda n, x: n.trim_zeros(x * np.array([0, 0, 1, 1, 0, 0])), V),
    "apply_along_axis": (lambda n, x: n.apply_along_axis(lambda r: r[:2] * r.sum(), 0, x), A),
    "apply_over_axes": (lambda n, x: n.apply_over_axes(n.sum, x, [0, 1]), A),
    "piecewise": (lambda n, x: n.piecewise(x, [x < 0, x > 1], [lambda x: x * x, 2.0, n.sin]), A),
    "select": (lambda n, x, y: n.select([x > 0, y > 0], [x * y, y], 1.0), A, B),
    "choose": (lambda n, x, y: n.choose(n.array([0, 1, 1, 0, 1]), [x, y], mode="wrap"), A, B),
    "vectorize": (lambda n, x, y: n.vectorize(lambda a, b: a @ b, signature="(k),(k)->()")(x, y), A, B[0]),
    "geomspace": (lambda n, x, y: n.geomspace(x, y, 5), np.float64(0.3), np.float64(7.0)),
    "logspace": (lambda n, x, y: n.logspace(x, y, 5), np.float64(0.3), np.float64(1.3)),
    "linspace": (lambda n, x, y: n.linspace(x, y, 5, axis=1), V, D),
    "kaiser": (lambda n, beta: n.kaiser(7, beta), np.float64(3.3)),
    "bincount": (lambda n, w: n.bincount(n.array([0, 3, 1, 1, 0, 5]), w, length=4), V),
    "histogram": (lambda n, w: n.histogram(A[0], n.array([-2.0, -0.3, 0.4, 3.0]), weights=w, density=True)[0], B[0]),
    "histogram edges": (lambda n, x: n.histogram_bin_edges(x, 4), V),
    "histogram2d": (lambda n, w: n.histogram2d(V, D, 3, weights=w)[0], V),
    "interp": (lambda n, x, xp, fp: n.interp(x, xp, fp), 1.5 + A, D, V),
    "interp left right": (lambda n, x, fp: n.interp(x, D, fp, left=-1.0, right=2.0), 1.5 + 2 * A, V),
    "interp period": (lambda n, x, fp: n.interp(x, D, fp, period=3.7), 3 * A, V),
    "unique": (lambda n, x: n.unique(x, size=7, fill_value=1.0), V),
    "union1d": (lambda n, x, y: n.union1d(x, y, size=5), V, W),
    "put": (lambda n, x, v: n.put(x, n.array([1, 4]), v, inplace=False), V, W[:2]),
    "place": (lambda n, x, v: n.place(x, A > 0, v, inplace=False), A, W),
    "put_along_axis": (lambda n, x, v: n.put_along_axis(x, n.argmax(A, 1)[:, None], v, 1, inplace=False), A, W[0]),
    "fill_diagonal": (lambda n, x, v: n.fill_diagonal(x, v, inplace=False), A, B[0, :4]),
    "diff": (lambda n, x: n.diff(x, 2, 0, prepend=1.0), A),
    "ediff1d": (lambda n, x, y: n.ediff1d(x, to_begin=y), A, W),
    "trapezoid": (lambda n, y, x: n.trapezoid(y, x), V, D),
    "matvec": (lambda n, x, y: n.matvec(x, y), A, B[0]),
    "vecmat": (lambda n, x, y: n.vecmat(x, y), V[:4] * 1j, A + 1j),
    "max where": (lambda n, x: n.max(x, 0, initial=0.1, where=B > 0), A),
    "sum where": (lambda n, x: n.sum(x, 0, initial=0.1, where=B > 0), A),
    "prod where": (lambda n, x: n.prod(x, 0, initial=0.1, where=B > 0), A),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_and_gradients(name: str) -> None:
    fun, *args = CASES[name]
    y, pullback = vjp(lambda *xs: fun(fnp, *xs), *args)
    expected, their_pullback = jax.vjp(lambda *xs: fun(jnp, *xs), *map(jnp.asarray, args))
    assert (np.shape(y), np.asarray(y).dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-11)
    ct = np.cos(np.arange(expected.size)).reshape(expected.shape).astype(expected.dtype)
    for g, e in zip(pullback(ct), their_pullback(jnp.asarray(ct)), strict=True):
        assert (g.shape, g.dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(g, e, rtol=1e-7, atol=1e-10)


SECOND = ["quantile in q", "cov weighted", "corrcoef", "convolve full", "i0", "polyfit weighted", "geomspace", "kaiser"]


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name: str) -> None:
    fun, *args = CASES[name]
    along = [np.sin(1.0 + np.arange(np.size(x))).reshape(np.shape(x)) for x in args]

    def total(module: Any) -> Any:
        return lambda *xs: module.sum(module.sin(fun(module, *xs)))

    every = tuple(range(len(args)))
    _, ours = jvp(grad(total(fnp), every), tuple(args), tuple(along))
    _, theirs = jax.jvp(jax.grad(total(jnp), every), tuple(map(jnp.asarray, args)), tuple(map(jnp.asarray, along)))
    for g, e in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-6, atol=1e-8)
