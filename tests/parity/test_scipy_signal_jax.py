"""`scipy.signal`, `ndimage` and `interpolate` give JAX's values and derivatives, where JAX has the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import interpolate, ndimage, signal

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

draw = np.random.default_rng(11).normal


def same(ours: Any, theirs: Any, *args: Any, tolerance: float = 1e-10) -> None:
    y, pullback = fg.vjp(ours, *args)
    expected, their_pullback = jax.vjp(theirs, *args)
    assert np.shape(y) == expected.shape and y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=tolerance, atol=tolerance)
    ct = np.cos(np.arange(expected.size)).reshape(expected.shape).astype(expected.dtype)
    for g, e in zip(pullback(ct), their_pullback(jnp.asarray(ct))):
        assert g.dtype == e.dtype
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions(mode):
    x, y = draw(size=(6, 5)), draw(size=(3, 2))
    for name in ("convolve", "correlate2d", "fftconvolve"):
        ours, theirs = getattr(signal, name), getattr(jax.scipy.signal, name)
        same(lambda x, y: ours(x, y, mode), lambda x, y: theirs(x, y, mode), x, y)
    single, complexes = (x[0].astype("f"), y[0].astype("f")), (x[0] + 1j * x[1], y[0] - 1j * y[1])
    for args, tolerance in ((single, 1e-5), (complexes, 1e-10)):
        ours = lambda x, y: signal.correlate(x, y, mode)
        same(ours, lambda x, y: jax.scipy.signal.correlate(x, y, mode), *args, tolerance=tolerance)


@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest", "wrap", "constant"])
def test_map_coordinates(mode):
    image, places = draw(size=(5, 4)), np.random.default_rng(3).uniform(0.1, 2.9, (2, 3, 4))
    places = places + (0.0 if mode in ("constant", "wrap") else 4.0)  # outside, JAX takes these two for grid modes
    for order in (0, 1):
        same(
            lambda x, at, order=order: ndimage.map_coordinates(x, at, order=order, mode=mode),
            lambda x, at, order=order: jax.scipy.ndimage.map_coordinates(x, at, order, mode),
            image,
            places,
        )


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_grids(method):
    grid, values = (np.arange(4.0), np.array([0.0, 0.5, 2.0])), draw(size=(4, 3, 2))
    places = np.array([[0.3, 0.1], [2.9, 1.7], [4.0, 1.0], [1.0, -2.0]])
    for fill in (1.5, None):
        same(
            lambda v, at: interpolate.RegularGridInterpolator(grid, v, method, False, fill)(at),
            lambda v, at: jax.scipy.interpolate.RegularGridInterpolator(grid, v, method, False, fill)(at),
            values,
            places,
        )


def test_spectra():
    x = draw(size=(2, 50))
    same(signal.detrend, jax.scipy.signal.detrend, x)
    same(lambda x: signal.detrend(x, type="constant"), lambda x: jax.scipy.signal.detrend(x, type="constant"), x)
