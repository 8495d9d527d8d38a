"""minimize finds what jax.scipy.optimize finds; derivatives of solutions are those of formulas written with JAX."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import optimize

jax = pytest.importorskip("jax")
jnp = jax.numpy
pytestmark = pytest.mark.jax

A = np.array([[3.0, 1.0, 0.2], [1.0, 4.0, 1.0], [0.2, 1.0, 5.0]])


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def rosen(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def bent(x, theta=1.0):
    return 0.5 * x @ (A @ x) - theta * x.sum() + (x**4).sum() + theta**2 * x[0] * x[1]


@pytest.mark.parametrize("fun, start", [(rosen, [0.5, 0.8]), (himmelblau, [1.0, 1.0])])
def test_bfgs(fun, start):
    from jax.scipy.optimize import minimize

    expected = minimize(fun, jnp.array(start), method="BFGS", tol=1e-8)
    found = optimize.minimize(fun, start, method="BFGS", tol=1e-8)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-4)
    np.testing.assert_allclose(found.fun, expected.fun, rtol=1e-9, atol=1e-9)
    assert np.abs(found.jac).max() < 1e-8


def implicit(gradient, x, theta):
    """The derivative of the x where a gradient is zero, by a formula."""
    return -jnp.linalg.solve(jax.jacfwd(gradient)(x, theta), jax.jacfwd(gradient, 1)(x, theta))


def test_derivative_of_a_minimum():
    minimum = lambda t: optimize.minimize(bent, np.ones(3), (t,), tol=1e-11).x
    gradient = jax.grad(bent)

    def formula(x, t):
        moving = x + implicit(gradient, x, 0.7) * (t - 0.7)
        return implicit(gradient, moving, t)

    x = jnp.array(minimum(0.7))
    # the formula holds along the minimum: differentiated, it gives the second derivative
    first, second = jax.jit(lambda x, t: jax.jvp(lambda t: formula(x, t), (t,), (1.0,)))(x, 0.7)
    np.testing.assert_allclose(fg.jacobian(minimum)(0.7), first, rtol=1e-8)
    np.testing.assert_allclose(fg.jacfwd(fg.jacrev(minimum))(0.7), second, rtol=1e-7)


def test_derivative_of_a_projected_minimum():
    """As jaxopt has it: the fixed point of a projected gradient step, differentiated."""
    upper = 0.12
    found = lambda t: optimize.minimize(bent, np.zeros(3), (t,), bounds=[(None, upper)] * 3, tol=1e-12).x
    step = lambda x, t: jnp.minimum(x - 0.1 * jax.grad(bent)(x, t), upper)
    x = jnp.array(found(0.7))
    assert (x == upper).any() and (x < upper).any()
    expected = jnp.linalg.solve(jnp.eye(3) - jax.jacfwd(step)(x, 0.7), jax.jacfwd(step, 1)(x, 0.7))
    np.testing.assert_allclose(fg.jacrev(found)(0.7), expected, rtol=1e-6, atol=1e-12)


def test_derivatives_of_a_root_and_a_fit():
    equations = lambda x, t: jnp.stack([x[0] * jnp.cos(x[1]) - t, x[0] * x[1] - x[1] - 5])
    ours = lambda x, t: [x[0] * np.cos(x[1]) - t, x[0] * x[1] - x[1] - 5]
    root = lambda t: optimize.root(ours, [6.0, 1.0], (t,), tol=1e-13).x
    x = jnp.array(root(4.0))
    np.testing.assert_allclose(fg.jacobian(root)(4.0), implicit(equations, x, 4.0), rtol=1e-9)
    times = np.linspace(0, 1, 8)
    residuals = lambda p, y, xp: p[0] * xp.exp(p[1] * times) - y
    data = np.cos(3 * times) + 2
    fit = lambda y: optimize.least_squares(residuals, [1.0, 0.1], args=(y, np), xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    gradient = jax.grad(lambda p, y: 0.5 * (residuals(p, y, jnp) ** 2).sum())
    np.testing.assert_allclose(fg.jacobian(fit)(data), implicit(gradient, jnp.array(fit(data)), data), rtol=1e-6)
