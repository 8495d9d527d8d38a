"""
Gaussian process regression
===========================

Hyperparameters that maximise the marginal likelihood, whose gradient goes through a Cholesky factorisation.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad.scipy import linalg, optimize

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-3.0, 3.0, 40))
y = np.sin(2.0 * x) + 0.3 * x + 0.2 * rng.normal(size=x.size)


def kernel(a, b, log_scale, log_length):
    return np.exp(2.0 * log_scale - 0.5 * ((a[:, None] - b) / np.exp(log_length)) ** 2)


def covariance(p):
    return kernel(x, x, p[0], p[1]) + (np.exp(2.0 * p[2]) + 1e-9) * np.eye(x.size)


def negative_log_likelihood(p):
    lower = linalg.cholesky(covariance(p), lower=True)
    whitened = linalg.solve_triangular(lower, y, lower=True)
    return 0.5 * np.sum(whitened**2) + np.sum(np.log(np.diag(lower))) + 0.5 * x.size * np.log(2.0 * np.pi)


fit = optimize.minimize(negative_log_likelihood, np.zeros(3), method="BFGS")
print("scale, length, noise:", np.exp(fit.x).round(3), "in", fit.nit, "iterations")

# %%
# The prediction with these hyperparameters.

grid = np.linspace(-4.0, 4.0, 200)
factor = linalg.cho_factor(covariance(fit.x), lower=True)
across = kernel(grid, x, fit.x[0], fit.x[1])
mean = across @ linalg.cho_solve(factor, y)
variance = np.exp(2.0 * fit.x[0]) - np.sum(across * linalg.cho_solve(factor, across.T).T, axis=1)
deviation = np.sqrt(np.maximum(variance, 0.0))
plt.plot(x, y, ".", color="black")
plt.plot(grid, mean)
plt.fill_between(grid, mean - 2 * deviation, mean + 2 * deviation, alpha=0.3)
plt.title("Posterior mean and two standard deviations")
plt.show()
