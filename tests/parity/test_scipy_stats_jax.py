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
DENSITY, SUMS = ("pdf", "logpdf"), ("cdf", "sf", "logcdf", "logsf")
ROWS = {
    "beta": ((A, B), UNIT, DENSITY),
    "cauchy": ((), REAL, (*DENSITY, *SUMS, "ppf", "isf")),
    "chi2": ((A,), POSITIVE, (*DENSITY, *SUMS)),
    "expon": ((), POSITIVE, (*DENSITY, *SUMS, "ppf")),
    "gamma": ((A,), POSITIVE, (*DENSITY, *SUMS)),
    "gumbel_r": ((), REAL, (*DENSITY, *SUMS)),
    "laplace": ((), REAL, (*DENSITY, "cdf")),
    "logistic": ((), REAL, (*DENSITY, "cdf", "sf", "ppf", "isf")),
    "norm": ((), REAL, (*DENSITY, *SUMS, "ppf", "isf")),
    "pareto": ((A,), 1 + POSITIVE, (*DENSITY, *SUMS, "ppf")),
    "t": ((A,), REAL, DENSITY),
    "truncnorm": ((REAL - A, REAL + B), REAL, (*DENSITY, *SUMS)),
    "uniform": ((), UNIT, (*DENSITY, "cdf", "ppf")),
}
INTEGERS = {
    "bernoulli": ((CHANCE,), np.array([0.0, 1.0, 0.0]), ("pmf", "logpmf", "cdf")),
    "binom": ((np.array([3.0, 7.0, 9.0]), CHANCE), COUNTS, ("pmf", "logpmf")),
    "geom": ((CHANCE,), COUNTS + 1, ("pmf", "logpmf")),
    "nbinom": ((A, CHANCE), COUNTS, ("pmf", "logpmf")),
    "poisson": ((A,), COUNTS, ("pmf", "logpmf", "cdf")),
}


def compare(ours, theirs, args, moving, second=True):
    """Values and gradients of all outputs, and the gradients of a function of the first output's gradients."""
    names = range(len(ours(*args)))

    def first(fun, module):
        return lambda *args: [module.sum(module.sin(3 * fun(*args)[i])) for i in names]

    def squares(fun, module, grad):
        gradient = grad(lambda *args: first(fun, module)(*args)[0], moving)
        return grad(lambda *args: sum(module.sum(g * g) for g in gradient(*args)), moving)

    found = [fg.vjp(ours, *args)[0], fg.jacrev(first(ours, np), moving)(*args)]
    expected = [theirs, jax.jacrev(first(theirs, jnp), moving)]
    if second:
        found.append(squares(ours, np, fg.grad)(*args))
        expected.append(squares(theirs, jnp, jax.grad))
    expected = jax.jit(lambda *args: [fun(*args) for fun in expected])(*args)
    for y, e in zip(fg.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-9, atol=1e-10)


def chosen(module, name, methods, fixed=()):
    def function(x, *parameters):
        distribution = getattr(module, name)
        point = lambda m: UNIT if m in ("ppf", "isf") else x
        return [getattr(distribution, m)(point(m), *fixed, *parameters) for m in methods]

    return function


@pytest.mark.parametrize("name", ROWS)
def test_of_real_numbers(name):
    shapes, z, methods = ROWS[name]
    args = (LOC + SCALE * z, *shapes, LOC, SCALE)
    for part in (DENSITY[::-1], [m for m in methods if m not in DENSITY]):
        calls = [chosen(module, name, part) for module in (stats, jax.scipy.stats)]
        compare(*calls, args, tuple(range(len(args))), second=part == DENSITY[::-1])


@pytest.mark.parametrize("name", INTEGERS)
def test_of_integers(name):
    shapes, k, methods = INTEGERS[name]
    fixed = shapes[:1] if name == "binom" else ()
    calls = [chosen(module, name, methods, fixed) for module in (stats, jax.scipy.stats)]
    compare(*calls, (k, *shapes[len(fixed) :]), tuple(range(1, 1 + len(shapes) - len(fixed))))


def test_of_vectors():
    root = np.array([[1.1, 0.0], [0.4, 0.8]])
    covariance = lambda module: lambda x, mean, root: [module.multivariate_normal.logpdf(x, mean, root @ root.T)]
    compare(covariance(stats), covariance(jax.scipy.stats), (REAL[:2], LOC[:2], root), (0, 1, 2))
    share = lambda module: lambda x, a: [module.dirichlet.logpdf(x, a)]
    compare(share(stats), share(jax.scipy.stats), (np.array([0.3, 0.2, 0.5]), A), (1,))
    share = lambda module, softmax: lambda p: [module.multinomial.logpmf(np.array([1, 0, 2]), 3, softmax(p))]
    compare(share(stats, fg.nn.softmax), share(jax.scipy.stats, jax.nn.softmax), (A,), (0,))
