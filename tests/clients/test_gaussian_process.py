"""A Gaussian process: scikit-learn's likelihood, gradient and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize

import funcgrad as fg
import funcgrad.numpy as fnp

sklearn = pytest.importorskip("sklearn")
pytestmark = pytest.mark.peers

from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: E402
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.uniform(0, 5, size=(30, 2))
Y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * RNG.normal(size=30)
THETA = np.log([1.5, 0.8, 1.3, 0.05])
"""The logarithms of a scale, of two lengths, and of the noise's variance."""


def covariance(theta: Any, a: np.ndarray, b: np.ndarray) -> Any:
    far = (a[:, None] - b) / fnp.exp(theta[1:3])
    return fnp.exp(theta[0] - 0.5 * fnp.sum(far**2, axis=-1))


def log_likelihood(theta: Any) -> Any:
    lower = fnp.linalg.cholesky(covariance(theta, X, X) + fnp.exp(theta[3]) * np.eye(len(X)))
    white = fg.lax.linalg.triangular_solve(lower, Y[:, None], left_side=True, lower=True)
    return -0.5 * fnp.sum(white**2) - fnp.sum(fnp.log(fnp.diag(lower))) - 0.5 * len(X) * np.log(2 * np.pi)


def theirs(theta: np.ndarray) -> Any:
    kernel = ConstantKernel(1.0) * RBF([1.0, 1.0]) + WhiteKernel(1.0)
    return GaussianProcessRegressor(kernel.clone_with_theta(theta), alpha=0.0, optimizer=None).fit(X, Y)


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
def test_likelihood_and_gradient(wrap: Any) -> None:
    value, slope = wrap(fg.value_and_grad(log_likelihood))(THETA)
    expected, expected_slope = theirs(THETA).log_marginal_likelihood(THETA, eval_gradient=True)
    np.testing.assert_allclose(value, expected, rtol=1e-11)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-8)


def test_the_best_parameters_and_predictions() -> None:
    loss = fg.jit(fg.value_and_grad(lambda theta: -log_likelihood(theta)))
    curve = fg.jit(fg.hessian(lambda theta: -log_likelihood(theta)))
    found = scipy.optimize.minimize(loss, THETA, jac=True, hess=curve, method="trust-exact", options={"gtol": 1e-8})
    model = theirs(found.x)
    _, slope = model.log_marginal_likelihood(found.x, eval_gradient=True)
    np.testing.assert_allclose(slope, 0, atol=1e-5)
    new = RNG.uniform(0, 5, size=(7, 2))
    noisy = covariance(found.x, X, X) + np.exp(found.x[3]) * np.eye(len(X))
    mean = lambda point: (covariance(found.x, point[None], X) @ np.linalg.solve(noisy, Y))[0]
    np.testing.assert_allclose(fg.vmap(mean)(new), model.predict(new), rtol=1e-8)
    slopes, eps = fg.vmap(fg.grad(mean))(new), 1e-6 * np.array([1.0, 0.0])
    expected = (model.predict(new + eps) - model.predict(new - eps)) / 2e-6
    np.testing.assert_allclose(slopes[:, 0], expected, atol=1e-6)
