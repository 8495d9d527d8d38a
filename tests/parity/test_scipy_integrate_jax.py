"""odeint and trapezoid against JAX's: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy.integrate import odeint, trapezoid

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
ode = pytest.importorskip("jax.experimental.ode")
pytestmark = pytest.mark.jax

T = np.array([0.0, 0.4, 1.3, 2.0])
EQUATIONS = {
    "hunters": (lambda n, y, t, p: n.stack([y[0] * (p[0] - y[1]), y[1] * (p[1] * y[0] - 1)]), [1.0, 0.7], [1.1, 0.9]),
    "driven": (lambda n, y, t, p: n.stack([y[1], -p[0] * y[0] + n.sin(p[1] * t)]), [0.0, 0.0], [2.0, 1.3]),
    "pendulum": (lambda n, y, t, p: n.stack([y[1], -n.sin(y[0]) * p[0] - p[1] * y[1]]), [1.0, 0.0], [3.0, 0.1]),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_odeint(name):
    rhs, y0, p = EQUATIONS[name]
    args = np.array(y0), T, np.array(p)

    def ours(y0, t, p):
        return np.sum(np.sin(odeint(lambda y, t, p: rhs(fg.numpy, y, t, p), y0, t, (p,), rtol=1e-9, atol=1e-9)))

    def theirs(y0, t, p):
        return jnp.sum(jnp.sin(ode.odeint(lambda y, t, p: rhs(jnp, y, t, p), y0, t, p, rtol=1e-9, atol=1e-9)))

    value, gradients = fg.value_and_grad(ours, (0, 1, 2))(*args)
    expected, others = jax.value_and_grad(theirs, (0, 1, 2))(*args)
    np.testing.assert_allclose(value, expected, atol=1e-7)
    for found, other in zip(gradients, others):
        np.testing.assert_allclose(found, other, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"dx": 0.3}, {"axis": 0}])
def test_trapezoid(dtype, options):
    y = np.random.default_rng(0).normal(size=(4, 4)).astype(dtype)
    x = np.array([0.0, 0.5, 0.7, 2.0], dtype)
    for args in ((y,), (y, x)):
        ours = lambda *args: np.sum(trapezoid(*args, **options) ** 2)
        theirs = lambda *args: jnp.sum(jax.scipy.integrate.trapezoid(*args, **options) ** 2)
        argnums = tuple(range(len(args)))
        for found, other in zip(fg.grad(ours, argnums)(*args), jax.grad(theirs, argnums)(*args)):
            assert found.dtype == other.dtype
            np.testing.assert_allclose(found, other, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)
