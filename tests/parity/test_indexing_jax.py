"""`.at` updates and indexing: values and gradients against JAX, with places named several times."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.numpy.methods  # noqa: F401
from funcgrad.numpy.places import At
from funcgrad.ops.elementwise import sin
from funcgrad.ops.subscript import getitem
from funcgrad.transforms.api import grad

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax

X = np.array([1.0, 2.0, 2.0, 5.0, -1.0])
M = np.random.default_rng(3).normal(size=(3, 4))
WEIGHTS = np.array([1.0, 10.0, 100.0, 1000.0, 1e4])
PLACES = {
    "int": (X, 2, 2.0),
    "slice": (X, slice(1, 4), np.array([2.0, 3.0, 1.0])),
    "backwards": (X, slice(None, None, -2), np.array([-1.0, 9.0, 0.5])),
    "once": (X, np.array([3, 0, 2]), np.array([5.0, 7.0, 2.0])),
    "twice": (X, np.array([1, 1, 2, 2, -1]), np.array([2.0, 2.0, 2.0, 7.0, 0.0])),
    "zeros": (X, np.array([1, 1, 2]), np.array([0.0, 3.0, 0.0])),
    "rows": (M, np.array([2, 0, 2]), M[::-1] * 1.5),
    "mixture": (
        M,
        (slice(None, 2), None, np.array([[1, 1], [3, -1]])),
        np.linspace(-1, 1, 8).reshape(2, 1, 2, 2),
    ),
}
MODES = ["set", "add", "multiply", "min", "max"]


@pytest.fixture(autouse=True)
def _float64():
    jax.config.update("jax_enable_x64", True)


def weighted(y):
    w = WEIGHTS if y.ndim == 1 else np.arange(1.0, 13.0).reshape(3, 4)
    return (y * w).sum()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PLACES)
def test_updates(name, mode):
    x, idx, v = PLACES[name]
    if mode == "multiply" and name in ("twice", "zeros", "rows", "mixture"):
        pytest.skip("JAX has no gradient for products at one place")

    ours = lambda x, v: weighted(getattr(At(sin(x))[idx], mode)(v))
    flags = {"unique_indices": True} if mode == "multiply" else {}
    theirs = lambda x, v: weighted(getattr(jax.numpy.sin(x).at[idx], mode)(v, **flags))
    np.testing.assert_allclose(ours(x, v), theirs(jax.numpy.asarray(x), v), rtol=1e-12)
    for got, expected in zip(grad(ours, (0, 1))(x, v), jax.grad(theirs, (0, 1))(x, v)):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_ties(mode):
    x, idx, v = PLACES["twice"]
    ours = grad(lambda x, v: weighted(getattr(At(x)[idx], mode)(v)), (0, 1))(x, v)
    theirs = jax.grad(lambda x, v: weighted(getattr(x.at[idx], mode)(v)), (0, 1))(jax.numpy.asarray(x), v)
    for got, expected in zip(ours, theirs):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("name", PLACES)
def test_reading(name):
    x, idx, _ = PLACES[name]
    weights = np.cos(np.arange(np.size(x[idx])).reshape(np.shape(x[idx])))
    ours = grad(lambda x: (getitem(sin(x), idx) * weights).sum())(x)
    theirs = jax.grad(lambda x: (jax.numpy.sin(x)[idx] * weights).sum())(x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


OUTSIDE = {
    "array": (X, np.array([0, -1, -6, 7, 2])),
    "twice": (X, np.array([3, 3, 9, -2])),
    "int": (X, -8),
    "columns": (M, (slice(None), np.array([4, -5, 1]))),
    "two arrays": (M, (np.array([0, 3, -1, 1]), np.array([5, 1, -4, 1]))),
}


@pytest.mark.parametrize("mode", ["clip", "drop"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_modes(name, mode):
    x, idx = OUTSIDE[name]
    places = x.reshape(-1)[: np.size(jax.numpy.asarray(x).at[idx].get(mode="clip"))]
    v = np.resize(np.abs(places) + 0.5, np.shape(jax.numpy.asarray(x).at[idx].get(mode="clip")))
    for ours, theirs in (
        (At(x)[idx].get(mode=mode, fill_value=3.0), jax.numpy.asarray(x).at[idx].get(mode=mode, fill_value=3.0)),
        (At(x)[idx].get(mode=mode), jax.numpy.asarray(x).at[idx].get(mode=mode)),
    ):
        np.testing.assert_array_equal(ours, theirs)
    for method in ("set", "add", "subtract", "multiply", "divide", "power", "min", "max"):
        if method == "set" and mode == "clip":
            continue  # which of several values stays JAX does not say
        positive = np.abs(x) + 0.1
        ours = lambda x, v: weighted(getattr(At(x)[idx], method)(v, mode=mode))
        theirs = lambda x, v: weighted(getattr(x.at[idx], method)(v, mode=mode))
        np.testing.assert_allclose(ours(positive, v), theirs(jax.numpy.asarray(positive), v), rtol=1e-12)
        if method in ("set", "add", "subtract"):
            found, expected = grad(ours, (0, 1))(positive, v), jax.grad(theirs, (0, 1))(positive, v)
            for got, want in zip(found, expected):
                np.testing.assert_allclose(got, want, rtol=1e-12)
    doubled = At(x)[idx].apply(lambda a: 2 * a, mode=mode)
    np.testing.assert_array_equal(doubled, jax.numpy.asarray(x).at[idx].apply(lambda a: 2 * a, mode=mode))
