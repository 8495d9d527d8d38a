"""Gradients of NumPy's functions against JAX's, over axes that hypothesis chooses, and at ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcgrad.numpy as fnp
from funcgrad import lax, nn
from funcgrad.transforms.api import grad, vjp

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

once = settings(max_examples=5, deadline=None, derandomize=True)


def same(ours: Any, theirs: Any, *args: np.ndarray, rtol: float = 1e-9) -> None:
    """The values of two functions and their cotangents agree."""
    y, pullback = vjp(ours, *args)
    expected, their_pullback = jax.vjp(theirs, *args)
    assert np.shape(y) == expected.shape
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=1e-12)
    ct = np.cos(np.arange(expected.size)).reshape(expected.shape).astype(expected.dtype)
    for g, e in zip(pullback(ct), their_pullback(jnp.asarray(ct))):
        assert g.shape == e.shape
        assert g.dtype == e.dtype
        np.testing.assert_allclose(g, e, rtol=rtol, atol=1e-11)


def values(seed: int, shape: tuple[int, ...], complex_too: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_too else x


@st.composite
def array_and_axes(draw: Any, least: int = 1) -> tuple[np.ndarray, Any]:
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=least, max_size=3)))
    count = draw(st.integers(1, len(shape)))
    axes = tuple(draw(st.permutations(range(len(shape))))[:count])
    axes = tuple(a - len(shape) if draw(st.booleans()) else a for a in axes)
    axis = draw(st.sampled_from([None, axes, axes[0]]))
    return values(draw(st.integers(0, 99)), shape), axis


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "ptp", "median", "nansum", "nanmax"])
@once
@given(array_and_axes(), st.booleans())
def test_reductions(name: str, drawn: Any, keepdims: bool) -> None:
    x, axis = drawn
    options = {"axis": axis, "keepdims": keepdims}
    same(lambda x: getattr(fnp, name)(x, **options), lambda x: getattr(jnp, name)(x, **options), x, rtol=1e-7)


@pytest.mark.parametrize("name", ["var", "std"])
@once
@given(array_and_axes(), st.integers(0, 1), st.booleans())
def test_spread(name: str, drawn: Any, ddof: int, keepdims: bool) -> None:
    x, axis = drawn
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    if np.prod([x.shape[a] for a in axes]) < 2:
        return
    options = {"axis": axis, "ddof": ddof, "keepdims": keepdims}
    same(lambda x: getattr(fnp, name)(x, **options), lambda x: getattr(jnp, name)(x, **options), x, rtol=1e-7)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "sort", "flip"])
@once
@given(array_and_axes())
def test_along_one_axis(name: str, drawn: Any) -> None:
    x, axis = drawn
    axis = axis[0] if isinstance(axis, tuple) else axis
    same(lambda x: getattr(fnp, name)(x, axis), lambda x: getattr(jnp, name)(x, axis), x, rtol=1e-7)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@once
@given(array_and_axes())
def test_normalised_exponentials(name: str, drawn: Any) -> None:
    x, axis = drawn
    same(lambda x: getattr(nn, name)(x, axis=axis), lambda x: getattr(jax.nn, name)(x, axis=axis), x)


@once
@given(array_and_axes(least=2), st.integers(-3, 3), st.integers(0, 3))
def test_arrangements(drawn: Any, shift: int, times: int) -> None:
    x, axis = drawn
    if not isinstance(axis, tuple):
        axis = (0, 1)
    if len(axis) == 1:
        axis = (axis[0], (axis[0] + 1) % x.ndim)
    for fun in (
        lambda m, x: m.roll(x, shift, axis[0]),
        lambda m, x: m.roll(x, (shift, times), axis[:2]),
        lambda m, x: m.rot90(x, times, axes=axis[:2]),
        lambda m, x: m.moveaxis(x, axis[0], axis[1]),
        lambda m, x: m.diagonal(x, shift, *axis[:2]),
        lambda m, x: m.trace(x, shift, *axis[:2]),
        lambda m, x: m.repeat(x, times + 1, axis[0]),
        lambda m, x: m.tile(x, (times + 1, 2)),
        lambda m, x: m.tril(x, shift) + m.triu(x, times),
        lambda m, x: m.pad(x, (times, 1), mode="symmetric"),
        lambda m, x: m.pad(x, (1, times), mode="wrap"),
        lambda m, x: m.take(x, np.array([[0, -1]]), axis=axis[0]),
    ):
        same(lambda x, fun=fun: fun(fnp, x), lambda x, fun=fun: fun(jnp, x), x)


@once
@given(st.integers(0, 99), st.data())
def test_einsum(seed: int, data: Any) -> None:
    sizes = {"i": 2, "j": 3, "k": 1, "l": 4}
    terms = data.draw(st.lists(st.text("ijkl", min_size=1, max_size=3), min_size=1, max_size=3))
    letters = sorted(set("".join(terms)))
    out = "".join(data.draw(st.permutations(letters))[: data.draw(st.integers(0, len(letters)))])
    spelled = data.draw(st.sampled_from([",".join(terms), ",".join(terms) + "->" + out]))
    xs = [values(seed + n, tuple(sizes[l] for l in term)) for n, term in enumerate(terms)]
    same(lambda *xs: fnp.einsum(spelled, *xs), lambda *xs: jnp.einsum(spelled, *xs), *xs, rtol=1e-7)


@pytest.mark.parametrize("complex_too", [False, True])
@once
@given(st.data())
def test_matmul_broadcasts(complex_too: bool, data: Any) -> None:
    stack = data.draw(st.lists(st.sampled_from([1, 2, 3]), max_size=2))
    left = [data.draw(st.sampled_from([1, n])) for n in stack][data.draw(st.integers(0, 2)) :]
    right = [data.draw(st.sampled_from([1, n])) for n in stack][data.draw(st.integers(0, 2)) :]
    x = values(1, (*left, 2, 3), complex_too)
    y = values(2, (*right, 3, 4), complex_too)
    same(fnp.matmul, jnp.matmul, x, y)
    same(fnp.matmul, jnp.matmul, x, y[..., 0].reshape(-1)[:3])
    same(fnp.matmul, jnp.matmul, x[..., 0, :].reshape(-1)[:3], y)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_matrix_norms(ord: Any) -> None:
    x = values(3, (2, 3, 4))
    for axes in ((0, 1), (2, 0), (-1, -2)):
        same(
            lambda x, axes=axes: fnp.linalg.norm(x, ord, axes),
            lambda x, axes=axes: jnp.linalg.norm(x, ord, axes),
            x,
            rtol=1e-7,
        )


@pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, 2.5, np.inf, -np.inf])
@pytest.mark.parametrize("complex_too", [False, True])
def test_vector_norms(ord: Any, complex_too: bool) -> None:
    x = values(3, (3, 4), complex_too)
    same(lambda x: fnp.linalg.norm(x, ord, 1), lambda x: jnp.linalg.norm(x, ord, 1), x)


def test_other_linear_algebra() -> None:
    a, u = values(4, (3, 3)), values(5, (3,))
    for fun in (
        lambda m, a: m.linalg.matrix_power(a, 3),
        lambda m, a: m.linalg.matrix_power(a, -2),
        lambda m, a: m.linalg.multi_dot([a, a.T, u]),
        lambda m, a: m.linalg.cond(a, 1),
        lambda m, a: m.linalg.cond(a),
        lambda m, a: m.linalg.solve(a, u),
        lambda m, a: m.kron(a, u),
        lambda m, a: m.cross(a, u),
        lambda m, a: m.tensordot(a, a, ((0, 1), (1, 0))),
        lambda m, a: m.interp(a, np.array([-2.0, 0.1, 2.0]), u),
        lambda m, a: m.sinc(a),
        lambda m, a: m.vander(a[0], 3),
    ):
        same(lambda a, fun=fun: fun(fnp, a), lambda a, fun=fun: fun(jnp, a), a, rtol=1e-7)


TIES = {
    "max": lambda m, x: m.max(x, axis=1),
    "min": lambda m, x: m.min(x),
    "maximum": lambda m, x: m.maximum(x, 1.0),
    "minimum": lambda m, x: m.minimum(x, x[::-1]),
    "clip": lambda m, x: m.clip(x, 0.0, 1.0),
    "clip low": lambda m, x: m.clip(x, 1.0, None),
    "clip high": lambda m, x: m.clip(x, None, 1.0),
    "abs": lambda m, x: m.abs(x),
    "sort": lambda m, x: m.sort(x, axis=1),
    "median": lambda m, x: m.median(x),
    "prod": lambda m, x: m.prod(x, axis=0),
    "cumprod": lambda m, x: m.cumprod(x, axis=1),
    "norm inf": lambda m, x: m.linalg.norm(x, np.inf, axis=1),
    "norm 1": lambda m, x: m.linalg.norm(x, 1, axis=1),
    "norm": lambda m, x: m.linalg.norm(x[1:], axis=1),
    "sinc": lambda m, x: m.sinc(x),
    "std": lambda m, x: m.std(x[:2], axis=1),
    "where": lambda m, x: m.where(x > 0, m.log(m.where(x > 0, x, 1.0)), 0.0),
    "power": lambda m, x: x**2 + x**3 + x**1 + x**0,
    "ptp": lambda m, x: m.ptp(x, axis=0),
    "nan_to_num": lambda m, x: m.nan_to_num(x / x),
    "round": lambda m, x: m.round(x * 1.3, 1),
}


@pytest.mark.parametrize("name", TIES)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_ties_and_kinks(name: str) -> None:
    x = np.array([[0.0, 1.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 2.0, 2.0]])
    same(lambda x: TIES[name](fnp, x), lambda x: TIES[name](jnp, x), x)


@pytest.mark.parametrize(
    "name",
    ["relu", "sigmoid", "softplus", "silu", "gelu", "elu", "leaky_relu", "softmax", "log_softmax",
     "logsumexp"],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_activations(name: str, dtype: Any) -> None:
    x = np.array([-200.0, -30.0, -1.5, -1e-3, 0.0, 1e-3, 0.7, 30.0, 200.0], dtype)
    same(getattr(nn, name), getattr(jax.nn, name), x, rtol=1e-12 if dtype is np.float64 else 2e-6)


def test_exact_gelu() -> None:
    x = np.array([-200.0, -6.0, -1.5, 0.0, 0.7, 6.0, 200.0])
    same(lambda x: nn.gelu(x, approximate=False), lambda x: jax.nn.gelu(x, approximate=False), x)


SPECIAL = np.array([-30.0, -2.5, -1.0, -0.3, -0.0, 0.0, 1e-300, 0.4, 1.0, 2.5, 30.0, 1e10, 1e300, np.nan])


@pytest.mark.parametrize("name", ["erf", "erfc", "erf_inv", "lgamma", "digamma", "logistic", "rsqrt"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_functions(name: str) -> None:
    """Values and two derivatives, at limits too."""
    ours, theirs = getattr(lax, name), getattr(jax.lax, name)
    for _ in range(3):
        np.testing.assert_allclose([ours(x) for x in SPECIAL], [theirs(x) for x in SPECIAL], rtol=1e-11, atol=1e-300)
        ours, theirs = grad(ours), jax.grad(theirs)


def test_polygamma() -> None:
    x = np.array([0.3, 1.0, 4.5, 200.0])
    for m in (0.0, 1.0, 2.0, 5.0):
        same(lambda x, m=m: lax.polygamma(m, x), lambda x, m=m: jax.lax.polygamma(jnp.full(4, m), x), x)


def test_logsumexp_with_factors_and_where() -> None:
    a, b = values(6, (3, 4)), values(7, (3, 4))
    where = b > -0.5
    same(
        lambda a, b: nn.logsumexp(a, 0, b, return_sign=True)[0],
        lambda a, b: jax.nn.logsumexp(a, 0, b, return_sign=True)[0],
        a,
        b,
    )
    same(lambda a: nn.logsumexp(a, 1, where=where), lambda a: jax.nn.logsumexp(a, 1, where=where), a)
    same(lambda a: nn.softmax(a, 1, where=where), lambda a: jax.nn.softmax(a, 1, where=where), a)


def test_one_hot_is_jaxs() -> None:
    x = np.array([[0, 2], [5, -1]])
    for axis in (-1, 0, 1):
        np.testing.assert_array_equal(nn.one_hot(x, 3, axis=axis), jax.nn.one_hot(x, 3, axis=axis))
