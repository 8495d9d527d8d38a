"""Fourier transforms have JAX's gradients, first and second order."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad.transforms.api import grad, vjp

jax = pytest.importorskip("jax")
jnp = jax.numpy
pytestmark = pytest.mark.jax

DRAW = np.random.default_rng(37)
X = DRAW.normal(size=(3, 4, 5))
Z = X + 1j * DRAW.normal(size=X.shape)


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


CALLS = {
    "fft": lambda m, x: m.fft.fft(x, 7, axis=1),
    "fft, cut, ortho": lambda m, x: m.fft.fft(x, 3, norm="ortho"),
    "ifft": lambda m, x: m.fft.ifft(x, 6, norm="forward"),
    "irfft, odd": lambda m, x: m.fft.irfft(x, 7),
    "irfft, even": lambda m, x: m.fft.irfft(x, 8, norm="ortho"),
    "irfft, filled": lambda m, x: m.fft.irfft(x, 12, norm="forward"),
    "irfft, cut": lambda m, x: m.fft.irfft(x, 4, axis=0),
    "hfft": lambda m, x: m.fft.hfft(x, 7),
    "fft2": lambda m, x: m.fft.fft2(x, axes=(0, 1)),
    "ifft2": lambda m, x: m.fft.ifft2(x, (3, 6)),
    "fftn": lambda m, x: m.fft.fftn(x),
    "ifftn": lambda m, x: m.fft.ifftn(x, (2, 7), (2, 0)),
    "irfft2": lambda m, x: m.fft.irfft2(x),
    "irfftn": lambda m, x: m.fft.irfftn(x, (2, 3, 7), (0, 1, 2)),
    "fftshift": lambda m, x: m.fft.fftshift(x, (0, 2)),
    "ifftshift": lambda m, x: m.fft.ifftshift(x),
}
REALS = {
    "rfft, odd": lambda m, x: m.fft.rfft(x),
    "rfft, even": lambda m, x: m.fft.rfft(x, axis=1, norm="ortho"),
    "rfft, filled": lambda m, x: m.fft.rfft(x, 8, norm="forward"),
    "rfft, cut": lambda m, x: m.fft.rfft(x, 3),
    "ihfft": lambda m, x: m.fft.ihfft(x, 6),
    "rfft2": lambda m, x: m.fft.rfft2(x, (3, 6)),
    "rfftn": lambda m, x: m.fft.rfftn(x),
}
ROWS = [(CALLS[name], x) for name in CALLS for x in (X, Z)] + [(f, X) for f in REALS.values()]


def derivatives(m, transform, pulled, call):
    """Of a call: the value, the cotangent for a given one, and a second derivative along x."""

    def bend(x):
        power = lambda x: (abs(call(m, x)) ** 4).sum()
        return transform(lambda x: (transform(power)(x) * x).real.sum())(x)

    def compute(x, ct):
        y, pull = pulled(lambda x: call(m, x), x)
        return y, pull(ct)[0], bend(x)

    return compute


@pytest.mark.parametrize("call, x", ROWS)
def test_pulls_and_second_derivatives(call, x: np.ndarray) -> None:
    y = call(np, x)
    ct = np.cos(np.arange(y.size)).reshape(y.shape) * (1 + 0.5j if y.dtype.kind == "c" else 1)
    ours = derivatives(fnp, grad, vjp, call)(x, ct)
    theirs = jax.jit(derivatives(jnp, jax.grad, jax.vjp, call))(x, ct)
    for mine, their, tol in zip(ours, theirs, (1e-12, 1e-12, 1e-9), strict=True):
        np.testing.assert_allclose(mine, their, rtol=tol, atol=tol)


def test_imaginary_parts_that_do_not_count() -> None:
    """Those of the ends have no derivative, also where they are not zero."""
    for n in (1, 2, 5, 6):
        z = Z.ravel()[: n // 2 + 1]
        ours = grad(lambda z: (fnp.fft.irfft(z, n) ** 3).sum())(z)
        theirs = jax.grad(lambda z: (jnp.fft.irfft(z, n) ** 3).sum())(z)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
