"""A Kalman filter: its likelihood is that of one large normal distribution, and its parameters are found by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.stats

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax

STEPS = 40
OBSERVED = np.array([[1.0, 0.0]])


def matrices(theta: Any) -> tuple[Any, Any, Any]:
    """A damped oscillator: its transition, and the covariances of its steps and of what is observed."""
    angle, damping, q, r = theta
    c, s = fnp.cos(angle), fnp.sin(angle)
    turn = fnp.stack([fnp.stack([c, -s]), fnp.stack([s, c])])
    return damping * turn, fnp.exp(q) * np.eye(2), fnp.exp(r) * np.eye(1)


def log_likelihood(theta: Any, ys: Any) -> Any:
    a, q, r = matrices(theta)

    def step(state: tuple[Any, Any], y: Any) -> tuple[tuple[Any, Any], Any]:
        mean, cov = a @ state[0], a @ state[1] @ a.T + q
        rest, spread = y - OBSERVED @ mean, OBSERVED @ cov @ OBSERVED.T + r
        gain = fnp.linalg.solve(spread, OBSERVED @ cov).T
        term = rest @ fnp.linalg.solve(spread, rest) + fnp.linalg.slogdet(2 * np.pi * spread)[1]
        return (mean + gain @ rest, cov - gain @ OBSERVED @ cov), -0.5 * term

    return lax.scan(step, (np.zeros(2), np.eye(2)), ys)[1].sum()


def by_one_covariance(theta: np.ndarray, ys: np.ndarray) -> float:
    """All observations at once: those at times i <= j have the covariance `h a^(j-i) P_i h'`, and their own noise."""
    a, q, r = map(np.asarray, matrices(theta))
    cov, state = np.zeros((len(ys), len(ys))), np.eye(2)
    for i in range(len(ys)):
        state = a @ state @ a.T + q
        moved = state
        for j in range(i, len(ys)):
            cov[i, j] = cov[j, i] = (OBSERVED @ moved @ OBSERVED.T)[0, 0] + (r[0, 0] if i == j else 0.0)
            moved = a @ moved
    return float(scipy.stats.multivariate_normal.logpdf(ys[:, 0], np.zeros(len(ys)), cov))


TRUTH = np.array([0.6, 0.95, -1.0, -2.0])


def draw(seed: int, steps: int) -> np.ndarray:
    a, q, r = map(np.asarray, matrices(TRUTH))
    rng, x, ys = np.random.default_rng(seed), np.zeros(2), []
    for _ in range(steps):
        x = a @ x + rng.multivariate_normal(np.zeros(2), q)
        ys.append(OBSERVED @ x + rng.normal(0, np.sqrt(r[0, 0]), 1))
    return np.array(ys)


def test_the_likelihood_and_its_gradient() -> None:
    ys = draw(0, 12)
    value, slope = fg.jit(fg.value_and_grad(log_likelihood))(TRUTH, ys)
    np.testing.assert_allclose(value, by_one_covariance(TRUTH, ys), rtol=1e-11)
    differences = scipy.optimize.approx_fprime(TRUTH, by_one_covariance, 1e-6, ys)
    np.testing.assert_allclose(slope, differences, rtol=1e-4)
    np.testing.assert_allclose(fg.grad(log_likelihood)(TRUTH, ys), slope, rtol=1e-10)


def test_parameters_are_found() -> None:
    ys = draw(1, 400)
    loss = fg.jit(fg.value_and_grad(lambda theta: -log_likelihood(theta, ys)))
    found = scipy.optimize.minimize(loss, np.array([0.4, 0.8, 0.0, 0.0]), jac=True, method="BFGS")
    assert found.fun < loss(TRUTH)[0]
    errors = np.sqrt(np.diag(np.linalg.inv(fg.jit(fg.hessian(lambda t: -log_likelihood(t, ys)))(found.x))))
    assert (abs(found.x - TRUTH) < 4 * errors).all()
