"""`funcgrad.scipy.stats`: SciPy's values and dtypes in every mode, derivatives against differences."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

import funcgrad as fg
from funcgrad.errors import NotDifferentiableError
from funcgrad.scipy import stats
from funcgrad.test_util import check_grads

A, B = np.array([0.7, 1.8, 4.5]), np.array([2.6, 0.6, 1.4])
CHANCE = np.array([0.15, 0.5, 0.8])
REAL, POSITIVE, UNIT = np.array([-2.3, 0.4, 1.7]), np.array([0.3, 1.2, 2.9]), np.array([0.2, 0.55, 0.9])
WHOLE = np.array([1.0, 2.0, 6.0])
# For each distribution: its shape parameters, and points within the support.
CONTINUOUS = {
    "beta": ((A, B), UNIT), "cauchy": ((), REAL), "chi2": ((A,), POSITIVE), "expon": ((), POSITIVE),
    "f": ((A, B), POSITIVE), "gamma": ((A,), POSITIVE), "gumbel_r": ((), REAL), "halfnorm": ((), POSITIVE),
    "laplace": ((), REAL), "logistic": ((), REAL), "lognorm": ((A,), POSITIVE), "norm": ((), REAL),
    "pareto": ((2 + A,), 1 + POSITIVE), "t": ((2 + A,), REAL), "truncnorm": ((REAL - A, REAL + B), REAL),
    "uniform": ((), UNIT), "weibull_max": ((A,), -POSITIVE), "weibull_min": ((A,), POSITIVE),
}  # fmt: skip
DISCRETE = {
    "bernoulli": ((CHANCE,), np.zeros(3)), "binom": ((np.array([4.0, 7.0, 9.0]), CHANCE), WHOLE),
    "geom": ((CHANCE,), WHOLE), "nbinom": ((A, CHANCE), WHOLE), "poisson": ((A,), WHOLE),
}  # fmt: skip
SHIFT = np.array([2.0, 0.0, -1.0])
LOC, SCALE = np.array([0.4, -1.3, 0.0]), np.array([0.7, 1.0, 2.5])
ROWS = [
    *((name, (*shapes, LOC, SCALE), LOC + SCALE * x) for name, (shapes, x) in CONTINUOUS.items()),
    *((name, (*shapes, SHIFT), SHIFT + x) for name, (shapes, x) in DISCRETE.items()),
]
every = pytest.mark.parametrize("name,parameters,x", ROWS, ids=[row[0] for row in ROWS])
AROUND = np.array([-np.inf, -40.0, -5.0, -1.0, 0.0, 0.5, 1.0, 5.0, 40.0, np.inf, np.nan])[:, None]
PROBABILITIES = np.array([0.0, 1e-3, 0.1, 0.5, 0.9, 1.0, -0.1, 1.1, np.nan])[:, None]


def methods(name):
    density = ("pmf", "logpmf") if name in DISCRETE else ("pdf", "logpdf")
    return (*density, "cdf", "sf", "logcdf", "logsf", "ppf", "isf")


def all_of(distribution, name):
    """All functions of a distribution in one, so that it is compiled once."""

    def function(x, q, *parameters):
        points = {m: getattr(distribution, m)(x, *parameters) for m in methods(name)[:-2]}
        return points | {m: getattr(distribution, m)(q, *parameters) for m in ("ppf", "isf")}

    return function


def same(found, expected, rtol, x):
    """What SciPy does not know counts as found: infinity for some of its densities, and logarithms that underflow."""
    for method, e in expected.items():
        y = found[method]
        assert y.dtype == e.dtype and np.shape(y) == np.shape(e), method
        if method.endswith(("df", "mf", "sf")) and method not in ("ppf", "isf"):
            e = np.where(np.isinf(x) & np.isnan(e), y, e)
        if method.startswith("log"):
            e = np.where(np.isneginf(e) & (y < -30), y, e)
        np.testing.assert_allclose(y, e, rtol=rtol, atol=rtol / 1000, err_msg=method)


def test_every_name_has_a_row():
    several = {"dirichlet", "multinomial", "multivariate_normal"}
    assert set(stats.__all__) == {*CONTINUOUS, *DISCRETE, *several, *DESCRIPTIVE, "pearsonr", "zmap"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every
def test_values_are_scipys(name, parameters, x, dtype):
    """Within the support, on its edges, outside, at infinity and NaN; at probabilities that are none."""
    x = np.concatenate([x[None], 0 * x + AROUND])
    ours, scipys = (all_of(getattr(module, name), name) for module in (stats, scipy.stats))
    args = [a.astype(dtype) for a in (x, PROBABILITIES, *parameters)]
    with np.errstate(all="ignore"):
        expected = scipys(*args)
        assert ours(*args).keys() == expected.keys()
        for method, y in ours(*args).items():
            np.testing.assert_array_equal(y, expected[method])
    found = fg.vjp(ours, *args)[0]
    same(found, expected, 1e-9 if dtype == np.float64 else 3e-4, args[0])
    if dtype == np.float64:
        same(fg.jit(ours)(*args), found, 1e-11, args[0])
        mapped = fg.vmap(ours, in_axes=(1, None, *[0] * len(parameters)), out_axes=1)
        same(mapped(args[0], PROBABILITIES[:, 0], *parameters), found, 1e-12, args[0])


def moving(name, parameters, x, chosen):
    """A function of what has derivatives, and a point for it: counts, and all numbers of trials, are fixed."""
    distribution = getattr(stats, name)
    first = {"binom": 1}.get(name, 0)
    if name not in DISCRETE:
        return lambda x, q, *rest: pick(all_of(distribution, name)(x, q, *rest), chosen), (x, UNIT, *parameters)
    fixed, free, loc = parameters[:first], parameters[first:-1], parameters[-1]
    return lambda *free: pick(all_of(distribution, name)(x, UNIT, *fixed, *free, loc), chosen), free


def pick(found, chosen):
    return [y for method, y in found.items() if method in chosen]


@every
def test_values_on_edges(name, parameters, x):
    shapes = parameters[: -1 if name in DISCRETE else -2]
    low, high = getattr(scipy.stats, name).support(*shapes)
    edges = np.stack([0 * x + low, 0 * x + high])
    ours, scipys = (all_of(getattr(module, name), name) for module in (stats, scipy.stats))
    with np.errstate(all="ignore"):
        expected = scipys(edges, UNIT, *shapes)
    same(fg.vjp(ours, edges, UNIT, *shapes)[0], expected, 1e-11, edges)


@every
def test_derivatives(name, parameters, x):
    sums = ("pdf", "pmf", "sf", "logcdf", "logsf", *(() if name in DISCRETE else ("isf",)))
    check_grads(*moving(name, parameters, x, sums), order=1, atol=1e-4, rtol=1e-4, eps=1e-5)
    check_grads(*moving(name, parameters, x, ("logpdf", "logpmf", "cdf", "ppf")[: 3 if name in DISCRETE else 4]),
                order=2, modes="rev", atol=1e-4, rtol=1e-4, eps=1e-5)  # fmt: skip


TAILS = [  # where probabilities underflow
    ("norm", (), 50.0), ("t", (500.0,), 200.0), ("gamma", (2.5,), 900.0), ("chi2", (3.0,), 1800.0),
    ("beta", (2.0, 300.0), 0.95), ("f", (3.0, 900.0), 5000.0), ("expon", (), 900.0), ("laplace", (), 900.0),
    ("logistic", (), 900.0), ("gumbel_r", (), 900.0), ("halfnorm", (), 50.0), ("lognorm", (0.02,), 4.0),
    ("weibull_min", (2.0,), 40.0), ("truncnorm", (3.0, 99.0), 60.0), ("poisson", (3.0,), 300.0),
    ("binom", (900.0, 0.01), 500.0), ("nbinom", (2.5, 0.9), 500.0), ("geom", (0.9,), 500.0), ("pareto", (9.0,), 1e90),
]  # fmt: skip


@pytest.mark.parametrize("name,shapes,x", TAILS, ids=[row[0] for row in TAILS])
def test_tails(name, shapes, x):
    """`logsf` is the sum of probabilities, or has the hazard for its derivative: these are written otherwise."""
    distribution = getattr(stats, name)
    value = fg.vjp(lambda x: distribution.logsf(x, *shapes), x)[0]
    assert -1e5 < value < -700
    if name in DISCRETE:
        terms = fg.vjp(lambda *s: distribution.logpmf(x + 1 + np.arange(400), *s), *shapes)[0]
        np.testing.assert_allclose(value, scipy.special.logsumexp(terms), rtol=1e-12)
    else:
        density = fg.vjp(lambda x: distribution.logpdf(x, *shapes), x)[0]
        slope = fg.grad(lambda x: distribution.logsf(x, *shapes))(x)
        np.testing.assert_allclose(slope, -np.exp(density - value), rtol=1e-9)
    for i, shape in enumerate(shapes[1:] if name == "binom" else shapes, start=name == "binom"):
        # SciPy's, which check_grads would take the differences of, are infinite here
        along = lambda s: fg.vjp(lambda s: distribution.logsf(x, *shapes[:i], s, *shapes[i + 1 :]), s)
        step = 1e-5 * shape
        difference = (along(shape + step)[0] - along(shape - step)[0]) / (2 * step)
        np.testing.assert_allclose(along(shape)[1](1.0)[0], difference, rtol=1e-5, atol=1e-6)


def test_bernoulli_at_certainty():
    """Not by a logarithm, which is infinite there."""
    for p in (0.0, 0.3, 1.0):
        assert fg.grad(lambda p: stats.bernoulli.pmf(1, p))(p) == 1.0
        assert fg.grad(lambda p: stats.bernoulli.pmf(0, p))(p) == -1.0


@every
def test_nothing_moves_outside(name, parameters, x):
    low, high = getattr(scipy.stats, name).support(*parameters)
    outside = np.stack([low - 0.5, high + 0.5] + 0 * x)
    for method in methods(name)[:-2]:
        function = getattr(getattr(stats, name), method)
        _, pullback = fg.vjp(function, outside, *parameters)
        for cotangent in pullback(np.ones(outside.shape)):
            np.testing.assert_array_equal(cotangent, 0, err_msg=method)


def test_nothing_moves_outside_at_certainty():
    """The derivatives of formulas are infinite there."""
    for name, shapes, chances in (
        ("bernoulli", (), (0.0, 1.0)), ("binom", (5.0,), (0.0, 1.0)), ("geom", (), (1.0,)), ("nbinom", (2.5,), (1.0,)),
    ):  # fmt: skip
        for method in methods(name)[:-2]:
            function = getattr(getattr(stats, name), method)
            for p in chances:
                assert fg.grad(lambda p, function=function, shapes=shapes: function(-1.0, *shapes, p))(p) == 0, method


def test_certainty_as_a_number_of_pythons():
    """Whose quotients by 0 are errors."""
    for name, shapes, p in (("nbinom", (2.5,), 1.0), ("binom", (5.0,), 0.0), ("binom", (5.0,), 1.0)):
        for method in ("logcdf", "logsf"):
            value, _ = fg.value_and_grad(lambda p: getattr(getattr(stats, name), method)(2.0, *shapes, p))(p)
            assert value == getattr(getattr(scipy.stats, name), method)(2.0, *shapes, p)


@pytest.mark.parametrize("method", ["mean", "var", "std", "entropy"])
@every
def test_moments(name, parameters, x, method):
    ours = getattr(getattr(stats, name), method)
    if method not in has_moments(name):
        with pytest.raises(NotDifferentiableError, match=rf"{name}\.{method}"):
            fg.vjp(ours, *parameters)
        return
    found = fg.vjp(ours, *parameters)[0]
    expected = getattr(getattr(scipy.stats, name), method)(*parameters)
    np.testing.assert_array_equal(ours(*parameters), expected)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_frozen():
    x = np.array([0.3, 1.4])
    for name, args, kwds in (("gamma", (2.0,), {"scale": 1.5}), ("norm", (0.2, 1.1), {}), ("poisson", (), {"mu": 3.0})):
        ours, scipys = getattr(stats, name)(*args, **kwds), getattr(scipy.stats, name)(*args, **kwds)
        np.testing.assert_array_equal(ours.sf(x), scipys.sf(x))
        np.testing.assert_array_equal(ours.mean(), scipys.mean())
        np.testing.assert_allclose(fg.vjp(ours.cdf, x)[0], scipys.cdf(x), rtol=1e-13)
    gradient = fg.grad(lambda scale: stats.norm(0.0, scale=scale).logpdf(x).sum())(2.0)
    np.testing.assert_allclose(gradient, ((x / 2.0) ** 2 - 1).sum() / 2.0, rtol=1e-14)
    matrix = np.array([[2.0, 0.3], [0.3, 1.0]])
    frozen = fg.vjp(lambda m: stats.multivariate_normal(m, matrix).logpdf(x), x + 1)[0]
    np.testing.assert_allclose(frozen, scipy.stats.multivariate_normal(x + 1, matrix).logpdf(x), rtol=1e-13)


def test_parameters_that_are_none():
    """NaN, as SciPy has it, for the elements that they belong to."""
    scale = np.array([1.0, 0.0, -1.0, 2.0])
    for method in ("logpdf", "cdf", "ppf", "mean"):
        args = (() if method == "mean" else (0.5,)) + (np.array([2.0, 2.0, 2.0, -2.0]), 0.0, scale)
        with np.errstate(all="ignore"):
            expected = getattr(scipy.stats.gamma, method)(*args)
        found = fg.vjp(getattr(stats.gamma, method), *args)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert np.isnan(found).tolist() == [False, True, True, True]


# For each distribution with shape parameters: such that are none, in one of them.
IMPOSSIBLE = {
    "beta": (2.0, -1.0), "chi2": (0.0,), "f": (-1.0, 2.0), "gamma": (-2.0,), "lognorm": (-1.0,), "pareto": (0.0,),
    "t": (-3.0,), "truncnorm": (2.0, 1.0), "weibull_max": (-1.0,), "weibull_min": (0.0,), "bernoulli": (1.5,),
    "binom": (4.0, 1.2), "geom": (0.0,), "nbinom": (2.0, -0.3), "poisson": (-1.0,),
}  # fmt: skip


MOMENTS = ("mean", "var", "std", "entropy")


def derivatives(name, method, points, parameters):
    """A value, and its derivatives in all arguments that count, by both modes."""
    function, moving = getattr(getattr(stats, name), method), (*points, *parameters)
    first, last = (len(points) + (name == "binom"), -1) if name in DISCRETE else (0, None)
    free = moving[first:last]
    f = lambda *free: function(*moving[:first], *free, *(moving[last:] if last else ()))
    value, pullback = fg.vjp(f, *free)
    ones = np.ones(np.shape(value))
    steps = [[ones * (i == j) for j in range(len(free))] for i in range(len(free))]
    return value, [*pullback(ones), *(fg.jvp(f, free, step)[1] for step in steps)]


def check_nans(name, parameters, x, transform):
    """Of elements whose parameters are none, and at points that are NaN; not of the element beside them."""
    good = [p[0] for p in parameters]
    shapes = IMPOSSIBLE.get(name, ())
    bad = [[*shapes, *good[len(shapes) :]]] if shapes else []
    bad += [[*good[:-1], scale] for scale in (0.0, -1.0)] if name not in DISCRETE else []
    bad += [[np.nan if i == j else p for j, p in enumerate(good)] for i in range(len(good))]
    rows = np.array([good, *bad, good]).T

    def found(x, q, *parameters):
        y = {m: derivatives(name, m, [q if m in ("ppf", "isf") else x], parameters) for m in methods(name)}
        moments = [m for m in MOMENTS if m in has_moments(name)]
        return y | {m: derivatives(name, m, [], [p[:-1] for p in parameters]) for m in moments}

    points, chances = np.full(rows.shape[1], x[0]), np.full(rows.shape[1], 0.3)
    points[-1] = chances[-1] = np.nan
    for method, (value, slopes) in transform(found)(points, chances, *rows).items():
        known = np.arange(len(value)) == (-1 if name == "cauchy" and method in ("mean", "var", "std") else 0)
        for y in (value, *slopes):
            np.testing.assert_array_equal(np.isnan(y), ~known, err_msg=method)


@every
def test_derivatives_are_nan_where_values_are(name, parameters, x):
    check_nans(name, parameters, x, lambda f: f)


@pytest.mark.parametrize("name", ["gamma", "laplace", "poisson", pytest.param("truncnorm", marks=pytest.mark.long)])
def test_derivatives_of_programs_are_nan_where_values_are(name):
    """The programs of truncnorm take 4 s to compile."""
    check_nans(*next(row for row in ROWS if row[0] == name), fg.jit)


def has_moments(name):
    """The moments that have formulas here."""
    if name == "truncnorm":
        return ()
    return MOMENTS[:3] if name in ("binom", "nbinom", "poisson") else MOMENTS


def test_derivatives_of_all_orders_are_nan_where_values_are():
    """So that no optimiser takes such a point for a minimum."""
    data = np.array([0.3, -1.2, 0.8])
    loss = lambda p: -np.sum(stats.norm.logpdf(data, p[0], p[1]))
    for transform in (lambda f: f, fg.jit):
        assert np.isnan(transform(fg.grad(loss))(np.array([0.0, -1.0]))).all()
        assert np.isnan(transform(fg.hessian(loss))(np.array([0.0, -1.0]))).all()
        assert np.isfinite(transform(fg.hessian(loss))(np.array([0.0, 1.0]))).all()
    for q in (-0.1, 1.1, np.nan):
        for method in ("ppf", "isf"):
            assert np.isnan(fg.grad(getattr(stats.norm, method), (0, 1, 2))(q, 0.2, 1.3)).all()
    for bad in ([0.2, 0.9], [-0.2, 1.2]):
        assert np.isnan(fg.jit(fg.grad(stats.multinomial.logpmf, 2))(np.array([1, 2]), 3, np.array(bad))).all()
        assert np.isnan(fg.jit(fg.grad(stats.dirichlet.logpdf, (0, 1)))(np.array(bad), np.ones(2))).all()


CALLS = [
    *(("norm", m, (v, 0.0, s)) for m in ("logpdf", "logcdf") for v, s in ((0.3, 1.0), (0.3, -1.0), (np.inf, 1.0))),
    ("gamma", "logpdf", (-1.0, 2.0)), ("gamma", "logcdf", (1.0, 2.0)), ("uniform", "cdf", (0.3,)),
    ("uniform", "logpdf", (3.0,)), ("norm", "ppf", (1.0,)), ("norm", "ppf", (0.3,)), ("norm", "var", (0.2,)),
    ("t", "mean", (3.0,)), ("cauchy", "std", (3.0,)), ("poisson", "logpmf", (2, 1.3)), ("poisson", "pmf", (-1, 1.3)),
    ("multivariate_normal", "logpdf", (0.2, 0.1, 1.2)), ("dirichlet", "logpdf", (np.ones(2) / 2, np.ones(2))),
    ("multinomial", "logpmf", (np.array([1, 3]), 3, np.ones(2) / 2)),
]  # fmt: skip


@pytest.mark.parametrize("name,method,args", CALLS)
def test_scalars_are_numpys(name, method, args):
    function = getattr(getattr(stats, name), method)
    tangents = [np.ones(np.shape(a)) for a in args]
    args = [np.asarray(a, float)[()] for a in args]
    assert type(fg.vjp(function, *args)[0]) is np.float64
    assert all(type(y) is np.float64 for y in fg.jvp(function, args, tangents))
    assert type(fg.jit(function)(*args)) is np.float64


def test_names_of_points_are_scipys():
    for module in (stats, scipy.stats):
        for dist, points in ((module.poisson(1.3), {"pmf": "k", "logpmf": "k"}), (module.norm(0.2), {"pdf": "x"})):
            for method in (*points, "cdf", "sf", "logcdf", "logsf", "ppf", "isf"):
                point = points.get(method, "q" if method in ("ppf", "isf") else "x")
                assert getattr(dist, method)(**{point: 1.0}) == getattr(dist, method)(1.0)
                with pytest.raises(TypeError):
                    getattr(dist, method)(**{"k" if point == "x" else "x": 1.0})
                for wrong in ((), (1.0, 2.0)):
                    with pytest.raises(TypeError):
                        getattr(dist, method)(*wrong)
            with pytest.raises(TypeError):
                dist.mean(1.0)
        vectors = module.multinomial(3, [0.5, 0.5])
        assert vectors.logpmf(x=[1, 2]) == vectors.logpmf([1, 2])
    for method in methods("poisson"):
        point = {("q" if method in ("ppf", "isf") else "k"): 0.5}
        value = fg.vjp(lambda mu: getattr(stats.poisson, method)(**point, mu=mu), 1.3)[0]
        np.testing.assert_allclose(value, getattr(scipy.stats.poisson, method)(**point, mu=1.3), rtol=1e-13)
        if method not in ("ppf", "isf"):
            with pytest.raises(TypeError):
                fg.grad(lambda mu: getattr(stats.poisson, method)(x=1.0, mu=mu))(1.3)


def test_moments_without_a_formula():
    for transform in (fg.grad, fg.jit, lambda f: lambda a: fg.vmap(f)(np.array([a]))):
        for method in ("mean", "var", "std", "entropy"):
            with pytest.raises(NotDifferentiableError, match=rf"`truncnorm\.{method}`.*scipy\.stats.*pure_callback"):
                transform(lambda a: getattr(stats.truncnorm, method)(a, 3.0))(1.0)


def test_f_and_t_where_moments_are_infinite():
    degrees = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 4.5, 9.0, 200.0, np.inf])
    for method in ("mean", "var", "std"):
        y = fg.vjp(lambda d: getattr(stats.f, method)(3.0, d), degrees[:-1])[0]
        np.testing.assert_allclose(y, getattr(scipy.stats.f, method)(3.0, degrees[:-1]), rtol=1e-13)
    np.testing.assert_allclose(fg.vjp(stats.t.entropy, degrees)[0], scipy.stats.t.entropy(degrees), rtol=1e-11)
    for name, args in (("f", (3.0, 6.5)), ("t", (2.5,)), ("geom", (0.3,))):
        for method in MOMENTS:
            check_grads(getattr(getattr(stats, name), method), args, order=2)


def test_a_function_of_parameters_alone_has_the_points_shape():
    for method in ("cdf", "sf"):
        assert fg.vjp(lambda p: getattr(stats.bernoulli, method)(np.zeros(3), p), 0.3)[0].shape == (3,)


def test_shapes_broadcast():
    x, a, scale = np.array([[0.5], [1.5]]), np.array([1.0, 2.0, 3.0]), np.ones((4, 1, 1))
    for args in ((x, a), (0.5, a, 0.0, scale), (x, 2.0, 0.0, scale), (np.zeros((0, 3)), a)):
        for method in ("logpdf", "sf"):
            found, pullback = fg.vjp(getattr(stats.gamma, method), *args)
            assert found.shape == getattr(scipy.stats.gamma, method)(*args).shape
            assert [np.shape(c) for c in pullback(np.ones(found.shape))] == [np.shape(arg) for arg in args]
    assert fg.vjp(lambda x: stats.uniform.logpdf(x, scale=scale), x)[0].shape == (4, 2, 1)
    assert fg.vjp(lambda loc: stats.norm.var(loc, 2.0), a)[0].shape == (3,)


def test_errors():
    with pytest.raises(TypeError, match="'a'"):
        fg.grad(stats.gamma.logpdf)(1.0)
    with pytest.raises(TypeError, match="complex"):
        fg.grad(lambda x: stats.norm.logpdf(x, 1j))(1.0)
    with pytest.raises(AttributeError, match=r"funcgrad\.random"):
        stats.norm.rvs
    with pytest.raises(AttributeError, match=r"scipy\.stats\.norm"):
        stats.norm(0.0, 1.0).fit
    with pytest.raises(NotDifferentiableError, match="entropy"):
        fg.grad(stats.poisson.entropy)(1.0)


def test_quantiles_of_integers_have_no_derivative():
    f = lambda p: stats.binom.ppf(0.4, 9, p) * p
    assert fg.grad(f)(0.3) == scipy.stats.binom.ppf(0.4, 9, 0.3) == fg.jit(fg.grad(f))(0.3)


ROOT = np.array([[1.1, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 1.4]])


def test_multivariate_normal():
    vector = np.array([0.3, -0.2, 1.1])
    cov, rows = ROOT @ ROOT.T, np.stack([vector] * 4)
    calls = [
        *((vector, vector[::-1].copy(), cov), (rows, None, cov), (vector, 0.4, 2.0), (0.3,)),
        *((np.zeros((0, 3)), vector), (rows[None], vector, 2.0), (rows, vector, np.array([1.0, 2.0, 0.5]))),
    ]
    for method in ("pdf", "logpdf"):
        ours, scipys = getattr(stats.multivariate_normal, method), getattr(scipy.stats.multivariate_normal, method)
        for args in calls:
            for dtype in (np.float64, np.float32):
                args = [None if a is None else np.asarray(a, dtype) for a in args]
                x, *rest = args
                expected = scipys(*args)
                found = fg.vjp(lambda x: ours(x, *rest), x)[0]
                assert found.dtype == expected.dtype and np.shape(found) == np.shape(expected)
                np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == np.float64 else 1e-5)
    points = np.stack([vector, vector + 1, vector * 2])
    expected = scipy.stats.multivariate_normal.logpdf(points, vector, cov)
    found = fg.jit(stats.multivariate_normal.logpdf)(points, vector, cov)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    check_grads(lambda x, m, r: stats.multivariate_normal.logpdf(x, m, r @ r.T), (points, vector, ROOT), order=2)
    mapped = fg.vmap(stats.multivariate_normal.logpdf, in_axes=(0, None, None))(points, vector, cov)
    np.testing.assert_allclose(mapped, expected, rtol=1e-12)
    gradient = fg.grad(lambda c: stats.multivariate_normal.logpdf(vector, None, c))(cov)
    np.testing.assert_array_equal(gradient, gradient.T)
    with pytest.raises(np.linalg.LinAlgError):
        fg.grad(lambda x: stats.multivariate_normal.logpdf(x, None, np.ones((3, 3)) - 2 * np.eye(3)))(vector)
    with pytest.raises(NotDifferentiableError, match="allow_singular"):
        fg.grad(lambda x: stats.multivariate_normal.logpdf(x, None, np.ones((3, 3)), allow_singular=True))(vector)
    with pytest.raises(ValueError, match="shape"):
        fg.grad(lambda x: stats.multivariate_normal.logpdf(x, vector, np.eye(2)))(vector)


def test_dirichlet():
    alpha, x = np.array([0.7, 2.5, 1.0]), np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0]]).T
    for method in ("pdf", "logpdf"):
        ours, scipys = getattr(stats.dirichlet, method), getattr(scipy.stats.dirichlet, method)
        for points in (x, x[:, 0], x[:2], x[:2, 0]):
            expected = scipys(points, alpha)
            for found in (fg.vjp(ours, points, alpha)[0], fg.jit(ours)(points, alpha)):
                assert found.dtype == expected.dtype and np.shape(found) == np.shape(expected)
                np.testing.assert_allclose(found, expected, rtol=1e-12)
        check_grads(ours, (x[:2, 0], alpha), order=2)
    for bad in (np.array([0.2, 0.5, 0.4]), np.array([-0.1, 0.5, 0.6]), np.array([0.0, 0.5, 0.5]), np.ones(5) / 5):
        with pytest.raises(ValueError):
            scipy.stats.dirichlet.logpdf(bad, alpha)
        with pytest.raises(ValueError):
            fg.grad(stats.dirichlet.logpdf)(bad, alpha)
    assert np.isnan(fg.jit(stats.dirichlet.logpdf)(np.array([0.2, 0.5, 0.4]), alpha))


def test_multinomial():
    x, p = np.array([[1, 2, 3], [0, 6, 0], [1, 1, 1]]), np.array([0.2, 0.5, 0.3])
    for method in ("pmf", "logpmf"):
        ours, scipys = getattr(stats.multinomial, method), getattr(scipy.stats.multinomial, method)
        for found in (fg.vjp(lambda p: ours(x, 6, p), p)[0], fg.jit(ours)(x, 6, p)):
            np.testing.assert_allclose(found, scipys(x, 6, p), rtol=1e-13)
        check_grads(lambda q: ours(x[:2], 6, fg.nn.softmax(q)), (p,), order=2)
    with pytest.raises(ValueError, match="sum is 1"):
        fg.grad(lambda p: stats.multinomial.logpmf(x[0], 6, p))(p + 0.1)


def test_scipys_stats_is_imported_when_it_is_used():
    code = (
        "import sys, funcgrad as fg\nfrom funcgrad.scipy import stats\nfg.grad(stats.norm.logpdf)(0.3)\n"
        "assert 'scipy.stats' not in sys.modules\nstats.norm.logpdf(0.3)\nassert 'scipy.stats' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SAMPLE, OTHER_SAMPLE = np.random.default_rng(8).gamma(2.0, size=(2, 6, 3))
DESCRIPTIVE = {
    "zscore": [{}, {"ddof": 1}],
    "gmean": [{}, {"weights": OTHER_SAMPLE}],
    "hmean": [{}, {"weights": OTHER_SAMPLE}],
    "moment": [{}, {"order": 3}, {"order": 2, "center": np.array(0.5)}, {"order": [0, 1, 2]}],
    "skew": [{}, {"bias": False}],
    "kurtosis": [{}, {"bias": False}, {"fisher": False}, {"fisher": False, "bias": False}],
    "sem": [{}, {"ddof": 0}],
    "variation": [{}, {"ddof": 1}],
    "entropy": [{}, {"qk": OTHER_SAMPLE}, {"base": 2}],
}


@pytest.mark.parametrize("name", DESCRIPTIVE)
@pytest.mark.parametrize("axis", [0, 1, -1, None, (0, 1)])
class TestDescriptive:
    def test_values_and_dtypes(self, name, axis):
        ours, scipys = getattr(stats, name), getattr(scipy.stats, name)
        for options in DESCRIPTIVE[name]:
            for keepdims in ({}, {"keepdims": True})[: 1 if name == "zscore" else 2]:
                for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-4)):
                    given = {n: x.astype(dtype) if isinstance(x, np.ndarray) else x for n, x in options.items()}
                    given |= {"axis": axis, **keepdims}
                    a = SAMPLE.astype(dtype)
                    expected = scipys(a, **given)
                    for found in (fg.vjp(lambda a: ours(a, **given), a)[0], fg.jit(lambda a: ours(a, **given))(a)):
                        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-6 if dtype is np.float32 else 0)
                        assert found.dtype == expected.dtype and found.shape == expected.shape
                    np.testing.assert_array_equal(ours(a, **given), expected)

    def test_derivatives(self, name, axis):
        for options in DESCRIPTIVE[name]:
            check_grads(lambda a: getattr(stats, name)(a, axis=axis, **options), (SAMPLE,), 2)


@pytest.mark.parametrize("name", DESCRIPTIVE)
@pytest.mark.parametrize("sample", [[0.1] * 5, [1.0], [], [1.0, np.nan], [3, 5, 4]], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_samples_that_say_little(name, sample):
    sample = np.array(sample)
    expected = getattr(scipy.stats, name)(sample)
    for wrap in (lambda f: lambda x: fg.vjp(f, x)[0], fg.jit):
        found = wrap(getattr(stats, name))(sample.astype(float))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


OF_SCIPYS_SAMPLES = [  # what has its own case in SciPy
    ("hmean", [-1.0, 2.0, 3.0], {}), ("sem", [2.0], {"ddof": 0}), ("sem", [1.0, 2.0], {"ddof": 2}),
    ("moment", [1.0, np.inf], {}), ("moment", [1.0, np.nan], {"order": 0}), ("moment", [2.0, 3.0], {"order": 2.0}),
    *(("variation", a, {"ddof": ddof}) for a in ([1.0, 3.0, 4.0], [-1.0, -3.0, -4.0]) for ddof in (3, 4)),
    *(("zscore", [1.0, 3.0, 4.0], {"ddof": ddof}) for ddof in (3, 4)), ("zscore", [-0.1] * 3, {}),
    ("zscore", np.zeros((3, 0)), {"ddof": 1}), ("skew", [1.0, 3.0], {"bias": False}),
    *((name, 1.5, {"axis": axis} | ({"keepdims": True} if axis is None else {}))
      for name in DESCRIPTIVE if name != "zscore" for axis in (0, -1, None)),
]  # fmt: skip


@pytest.mark.parametrize("name,sample,options", OF_SCIPYS_SAMPLES)
@pytest.mark.filterwarnings("ignore")
def test_cases_of_their_own(name, sample, options):
    expected = getattr(scipy.stats, name)(sample, **options)
    found = fg.vjp(lambda a: getattr(stats, name)(a, **options), np.array(sample))[0]
    np.testing.assert_array_equal(found, expected)
    assert np.shape(found) == np.shape(expected)


@pytest.mark.parametrize("axis", [0, 1, (1, 0)])
@pytest.mark.parametrize("name,other", [("gmean", "weights"), ("hmean", "weights"), ("entropy", "qk")])
def test_two_samples_are_broadcast(name, other, axis):
    """Also along the axis: chances that are given once are those of all elements."""
    ours, scipys = getattr(stats, name), getattr(scipy.stats, name)
    for shapes in (((6, 3), (3,)), ((3,), (6, 3)), ((6, 1), (6, 3)), ((6, 3), (6, 1))):
        a, b = (np.broadcast_to(x[: shape[0], : shape[-1]][(0,) * (2 - len(shape))], shape)
                for x, shape in zip((SAMPLE, OTHER_SAMPLE), shapes))  # fmt: skip
        found = fg.vjp(lambda a, b: ours(a, axis=axis, keepdims=True, **{other: b}), a, b)[0]
        expected = scipys(a, axis=axis, keepdims=True, **{other: b})
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert found.shape == expected.shape


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_correlations(axis, alternative):
    expected = scipy.stats.pearsonr(SAMPLE, OTHER_SAMPLE, axis=axis, alternative=alternative)
    f = lambda x: stats.pearsonr(x, OTHER_SAMPLE, axis=axis, alternative=alternative)
    for found in (fg.vjp(f, SAMPLE)[0], fg.jit(f)(SAMPLE)):
        np.testing.assert_allclose(found.statistic, expected.statistic, rtol=1e-12)
        np.testing.assert_allclose(found.pvalue, expected.pvalue, rtol=1e-9)
    check_grads(lambda x: tuple(f(x)), (SAMPLE,), 2)
    assert type(f(SAMPLE)) is type(expected)


CORRELATED = {
    "two numbers": ([1.0, 2.0], [3.0, 1.0]), "one number twice": ([2.0, 2.0], [3.0, 1.0]),
    "all the same": ([0.1] * 3, [1.0, 2.0, 4.0]),
    "squares overflow": ([-5e210, 5e210, 3e200, -3e200], [0.0, 1.0, 2.0, 3.0]),
    "nan": ([1.0, np.nan, 2.0], [3.0, 1.0, 4.0]), "on a line": ([0.0, 1.0, 2.0], [5.0, 3.0, 1.0]),
    "float32": (np.float32([1.0, 2.0, 4.0]), np.float32([2.0, 2.5, 1.0])),
    "rows with one": (SAMPLE, OTHER_SAMPLE[:, :1]),
}  # fmt: skip


@pytest.mark.parametrize("x,y", CORRELATED.values(), ids=CORRELATED)
@pytest.mark.filterwarnings("ignore")
def test_correlations_of_few_numbers(x, y):
    x, y = np.asarray(x), np.asarray(y)
    for alternative in ("two-sided", "less"):
        expected = scipy.stats.pearsonr(x, y, alternative=alternative)
        found = fg.vjp(lambda x: stats.pearsonr(x, y, alternative=alternative), x)[0]
        for f, e in zip(found, (expected.statistic, expected.pvalue)):
            np.testing.assert_allclose(f, e, rtol=1e-9 if x.dtype == np.float64 else 1e-4)
            assert f.dtype == e.dtype


def test_two_numbers_are_on_a_line_wherever_they_are():
    gradient = fg.grad(lambda x: stats.pearsonr(x, np.array([2.0, 3.0])).statistic)
    np.testing.assert_array_equal(gradient(np.array([1.0, 2.5])), [0.0, 0.0])


@pytest.mark.parametrize("factor", [1.0, -0.7, 3.3])
def test_correlations_of_points_on_a_line(factor):
    """Are largest there, where a correlation that is cut off at 1 would have half of a derivative, or none."""
    x = SAMPLE[:, 0]
    found = fg.hessian(lambda x: stats.pearsonr(x, factor * SAMPLE[:, 0]).statistic)(x)
    d = (x - x.mean()) / np.linalg.norm(x - x.mean())
    expected = (np.outer(d, d) - np.eye(len(x)) + 1 / len(x)) / np.sum((x - x.mean()) ** 2)
    np.testing.assert_allclose(found, np.sign(factor) * expected, rtol=1e-9, atol=1e-12)


def test_scores_among_others():
    for axis in (0, 1, None, (0, 1)):
        for scores in (SAMPLE, SAMPLE[0], np.arange(3, dtype=np.float32)):
            expected = scipy.stats.zmap(scores, OTHER_SAMPLE, axis=axis, ddof=1)
            f = lambda scores, compare: stats.zmap(scores, compare, axis=axis, ddof=1)
            found = fg.jit(f)(scores, OTHER_SAMPLE)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            assert found.dtype == expected.dtype
        check_grads(f, (SAMPLE, OTHER_SAMPLE), 1)


def test_scores_among_themselves():
    """NaN where all are the same, which is known of one array and not of two."""
    same = np.full(4, 0.1)
    for values in (fg.vjp(lambda a: stats.zmap(a, a), same)[0], fg.vjp(stats.zscore, same)[0]):
        np.testing.assert_array_equal(values, [np.nan] * 4)


def test_what_samples_of_traced_values_refuse():
    with pytest.raises(TypeError, match=r"^Leave nan_policy out"):
        fg.grad(lambda a: stats.skew(a, nan_policy="omit"))(SAMPLE[:, 0])
    with pytest.raises(TypeError, match=r"^Leave nan_policy out"):
        fg.grad(lambda a: stats.skew(a, 0, True, "omit"))(SAMPLE[:, 0])
    for order, words in ((1.5, "integral"), ([], "non-empty"), (-1, "orders from 0 on")):
        with pytest.raises(ValueError, match=words):
            fg.grad(lambda a, order=order: stats.moment(a, order))(SAMPLE[:, 0])
    with pytest.raises(ValueError, match="positive"):
        fg.grad(lambda a: stats.entropy(a, base=-2))(SAMPLE[:, 0])
    for x, words in ((SAMPLE[:2, 0], "same length"), (SAMPLE[:1, 0], "at least 2"), (SAMPLE[:, 0] * 1j, "complex")):
        with pytest.raises(ValueError, match=words):
            fg.vjp(lambda a: stats.pearsonr(a, SAMPLE[: max(len(x) // 2 * 3, 1), 0]).statistic, x)
    with pytest.raises(TypeError, match=r"^Leave method out"):
        fg.grad(lambda a: stats.pearsonr(a, a, method=scipy.stats.PermutationMethod()).statistic)(SAMPLE[:, 0])
    with pytest.raises(ValueError, match="alternative"):
        fg.grad(lambda a: stats.pearsonr(a, a, alternative="more").statistic)(SAMPLE[:, 0])
