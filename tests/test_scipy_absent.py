"""What is said of SciPy's names that are not here: the expression to write has SciPy's values, and a derivative."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
import scipy.stats

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.scipy import special, stats
from funcgrad.scipy.absent import SPATIAL, SPECIAL, STATS
from funcgrad.test_util import check_grads

X, UNIT = np.array([0.3, 1.2, 2.6]), np.array([0.2, 0.5, 0.9])
DATA = np.array([0.1, 0.7, 1.9, 2.0, 3.6])
DENSITIES = {name: getattr(stats, name) for name in ("norm", "cauchy", "gamma", "gumbel_r")}
LIBRARY = {"np": np, "fnp": fnp, "special": special, **DENSITIES}
WIDTH = 0.6
# For each name: what the expression's letters stand for, first that in which it is differentiated, and SciPy's value.
IN_SPECIAL = {
    "bdtr": ({"p": UNIT, "n": 5, "k": 2}, "k n p"), "boxcox1p": ({"x": X, "lmbda": 0.4}, "x lmbda"),
    "comb": ({"n": 5.0 + X, "k": 2.0}, "n k"), "cosdg": ({"x": 40 * X}, "x"), "cosm1": ({"x": X}, "x"),
    **{name: ({"x": UNIT, "n": 4}, "n x") for name in SPECIAL if name.startswith("eval_")},
    "gdtr": ({"x": X, "a": 1.3, "b": 2.2}, "a b x"), "inv_boxcox1p": ({"y": X, "lmbda": 0.4}, "y lmbda"),
    "kn": ({"x": X, "n": 2}, "n x"), "ndtri_exp": ({"y": -X}, "y"), "pdtr": ({"m": X, "k": 2.4}, "k m"),
    "pdtrc": ({"m": X, "k": 2.4}, "k m"), "perm": ({"n": 5.0 + X, "k": 2.0}, "n k"),
    "powm1": ({"x": X, "y": 1.7}, "x y"), "sindg": ({"x": 40 * X}, "x"), "softplus": ({"x": X}, "x"),
    "tandg": ({"x": 20 * X}, "x"), "zetac": ({"x": 1.5 + X}, "x"),
}  # fmt: skip
IN_STATS = {
    "betabinom": ({"a": X, "b": 2.5, "k": 2, "n": 6}, lambda f, a, b, k, n: f.logpmf(k, n, a, b)),
    "gaussian_kde": (
        {"x": X, "data": DATA, "width": WIDTH},
        lambda f, x, data, width: f(data, bw_method=width / data.std(ddof=1)).logpdf(x),
    ),
    "gennorm": ({"x": X, "beta": 1.4}, lambda f, x, beta: f.logpdf(x, beta)),
    "gumbel_l": ({"x": X}, lambda f, x: f.logpdf(x)),
    "halfcauchy": ({"x": X}, lambda f, x: f.logpdf(x)),
    "invgamma": ({"x": X, "a": 2.2}, lambda f, x, a: f.logpdf(x, a)),
    "iqr": ({"x": DATA}, lambda f, x: f(x)),
    "linregress": ({"y": UNIT, "x": X}, lambda f, y, x: f(x, y)[:2]),
    "loguniform": ({"x": X, "a": 0.2, "b": 4.0}, lambda f, x, a, b: f.logpdf(x, a, b)),
    "median_abs_deviation": ({"x": DATA}, lambda f, x: f(x)),
    "rayleigh": ({"x": X}, lambda f, x: f.logpdf(x)),
    "skewnorm": ({"x": X, "a": 1.7}, lambda f, x, a: f.logpdf(x, a)),
    "tmean": ({"x": DATA, "low": 0.5, "high": 3.0}, lambda f, x, low, high: f(x, (low, high))),
    "vonmises": ({"x": X, "kappa": 1.8, "loc": 0.4}, lambda f, x, kappa, loc: f.logpdf(x, kappa, loc)),
    "wasserstein_distance": ({"u": X, "v": UNIT}, lambda f, u, v: f(u, v)),
}


def check(written, given, expected):
    expression = written.split(", its ")[0].split(", the ")[0].split(", for ")[0]
    first = next(iter(given))
    value = lambda x: eval(expression, {**LIBRARY, **given, first: x})
    np.testing.assert_allclose(value(given[first]), expected, rtol=1e-9)
    np.testing.assert_allclose(fg.jit(value)(given[first]), expected, rtol=1e-9)
    check_grads(value, (given[first],), 1)


@pytest.mark.parametrize("name", SPECIAL)
def test_special(name):
    given, order = IN_SPECIAL[name]
    if not hasattr(scipy.special, name):
        pytest.skip("a later SciPy has it")
    check(SPECIAL[name], given, getattr(scipy.special, name)(*(given[letter] for letter in order.split())))


@pytest.mark.parametrize("name", STATS)
def test_stats(name):
    given, value = IN_STATS[name]
    check(STATS[name], given, value(getattr(scipy.stats, name), *given.values()))


def test_distances():
    points, others = np.random.default_rng(2).normal(size=(2, 4, 3))
    i, j = np.triu_indices(4, 1)
    written = SPATIAL["cdist"].partition(", whose")[0]
    check(written, {"x": points, "y": others}, scipy.spatial.distance.cdist(points, others))
    check(SPATIAL["pdist"].partition(" with ")[0], {"x": points, "i": i, "j": j}, scipy.spatial.distance.pdist(points))
    d = np.arange(1.0, 7.0)
    half = SPATIAL["squareform"].partition(", and its")[0]
    check(f"(lambda a: a + a.T)({half})", {"d": d, "n": 4}, scipy.spatial.distance.squareform(d))
    with pytest.raises(TypeError, match=r"^In place of scipy\.spatial\.distance\.pdist, write np\.sqrt"):
        fg.grad(lambda x: scipy.spatial.distance.pdist(x).sum())(points)


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (stats, "iqr", r"write np\.diff.* where a derivative is wanted\. scipy\.stats\.iqr takes plain arrays only$"),
        (stats, "spearmanr", r"it has no derivative here\. scipy\.stats\.spearmanr takes plain arrays only$"),
        (special, "cosm1", r"write -2 \* np\.sin\(x / 2\) \*\* 2 where"),
        (special, "erff", r"There is erf"),
    ],
)
def test_what_is_said(module, name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(module, name)
