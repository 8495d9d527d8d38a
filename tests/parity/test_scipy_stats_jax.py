"""`funcgrad.scipy.stats` gives JAX's values and derivatives where JAX has the function."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import stats

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

LOC, SCALE = np.array([0.2, -0.4, 0.1]), np.array([0.8, 1.3, 2.0])
A, B = np.array([0.7, 1.8, 3.5]), np.array([1.6, 0.9, 2.4])
CHANCE, COUNTS = np.array([0.2, 0.5, 0.7]), np.array([0.0, 2.0, 3.0])
REAL, POSITIVE, UNIT = np.array([-1.3, 0.4, 1.7]), np.array([0.3, 1.2, 2.9]), np.array([0.2, 0.55, 0.9])
# The shape parameters, a point, and the functions of which JAX has the derivatives in all of them.
DENSITY, SUMS = ("logpdf", "pdf"), ("cdf", "sf", "logcdf", "logsf")
ROWS = {
    "beta": ((A, B), UNIT, DENSITY),
    "cauchy": ((), REAL, (*DENSITY, *SUMS, "ppf", "isf")),
    "chi2": ((A,), POSITIVE, (*DENSITY, "cdf")),
    "expon": ((), POSITIVE, (*DENSITY, *SUMS, "ppf")),
    "gamma": ((A,), POSITIVE, (*DENSITY, "cdf", "logsf")),
    "laplace": ((), REAL, (*DENSITY, "cdf")),
    "logistic": ((), REAL, (*DENSITY, "cdf", "sf", "ppf", "isf")),
    "norm": ((), REAL, (*DENSITY, *SUMS, "ppf", "isf")),
    "pareto": ((A,), 1 + POSITIVE, (*DENSITY, *SUMS, "ppf")),
    "t": ((A,), REAL, DENSITY),
    "truncnorm": ((REAL - A, REAL + B), REAL, ("logpdf", "cdf")),
    "uniform": ((), UNIT, (*DENSITY, "cdf", "ppf")),
}
INTEGERS = {
    "bernoulli": ((CHANCE,), np.array([0.0, 1.0, 0.0]), ("logpmf", "pmf", "cdf")),
    "binom": ((np.array([3.0, 7.0, 9.0]), CHANCE), COUNTS, ("logpmf", "pmf")),
    "geom": ((CHANCE,), COUNTS + 1, ("logpmf", "pmf")),
    "nbinom": ((A, CHANCE), COUNTS, ("logpmf", "pmf")),
    "poisson": ((A,), COUNTS, ("logpmf", "pmf", "cdf")),
}


def compare(call, methods, args, moving):
    """Values and gradients of all functions, and the gradients of a function of the first one's gradients."""

    def sums(module, numpy):
        return lambda *args: [numpy.sum(numpy.sin(3 * call(module, m)(*args))) for m in methods]

    def squares(module, numpy, grad):
        gradient = grad(lambda *args: numpy.sum(numpy.sin(3 * call(module, methods[0])(*args))), moving)
        return grad(lambda *args: sum(numpy.sum(g * g) for g in gradient(*args)), moving)

    def theirs(*args):
        values = [call(jax.scipy.stats, m)(*args) for m in methods]
        first = jax.jacrev(sums(jax.scipy.stats, jnp), moving)
        return values, first(*args), squares(jax.scipy.stats, jnp, jax.grad)(*args)

    values = [fg.vjp(call(stats, m), *args)[0] for m in methods]
    found = values, fg.jacrev(sums(stats, np), moving)(*args), squares(stats, np, fg.grad)(*args)
    program = jax.jit(theirs).lower(*args).compile({"xla_backend_optimization_level": 0})
    for y, e in zip(fg.tree.leaves(found), jax.tree.leaves(program(*args)), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ROWS)
def test_of_real_numbers(name):
    shapes, z, methods = ROWS[name]

    def call(module, method):
        function = getattr(getattr(module, name), method)
        return lambda x, *rest: function(UNIT if method in ("ppf", "isf") else x, *rest)

    args = (LOC + SCALE * z, *shapes, LOC, SCALE)
    compare(call, methods, args, tuple(range(len(args))))


@pytest.mark.parametrize("name", INTEGERS)
def test_of_integers(name):
    shapes, k, methods = INTEGERS[name]
    moving = tuple(range(2 if name == "binom" else 1, 1 + len(shapes)))
    compare(lambda module, method: getattr(getattr(module, name), method), methods, (k, *shapes), moving)


def test_of_vectors():
    root = np.array([[1.1, 0.0], [0.4, 0.8]])
    normal = lambda module, _: lambda x, mean, r: module.multivariate_normal.logpdf(x, mean, r @ r.T)
    compare(normal, ["logpdf"], (REAL[:2], LOC[:2], root), (0, 1, 2))
    dirichlet = lambda module, _: module.dirichlet.logpdf
    compare(dirichlet, ["logpdf"], (np.array([0.3, 0.2, 0.5]), A), (1,))

    def multinomial(module, _):
        softmax = fg.nn.softmax if module is stats else jax.nn.softmax
        return lambda p: module.multinomial.logpmf(np.array([1, 0, 2]), 3, softmax(p))

    compare(multinomial, ["logpmf"], (A,), (0,))
