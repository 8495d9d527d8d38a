"""Random numbers are JAX's: words bit by bit, what is made of them to rounding, and so are their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import random

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

KEY = np.array([0, 42], np.uint32)
A = np.array([0.05, 0.7, 1.0, 3.5, 60.0])
COV = np.array([[2.0, 0.5, 0.1], [0.5, 1.5, -0.3], [0.1, -0.3, 1.0]])
CHANCES = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0]])
ZERO, ONE = np.zeros(1), np.full((1, 1), 2.0)
LOGITS = np.log(np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [1e-9, 0.5, 0.25, 0.25]]))
THINGS = np.arange(12.0).reshape(3, 4)
SHAPES = [(), (5,), (3, 4), (0,), (2, 1, 3)]


@pytest.mark.parametrize("seed", [0, 42, -1, 2**31, 2**40 + 3, -(2**62), np.int32(-5), np.uint8(7), np.uint64(2**63)])
def test_keys(seed):
    np.testing.assert_array_equal(random.key(seed), jax.random.PRNGKey(seed))
    np.testing.assert_array_equal(random.PRNGKey(seed), jax.random.key_data(jax.random.key(seed)))


@pytest.mark.parametrize("num", [1, 2, 7, (2, 3)])
def test_split(num):
    np.testing.assert_array_equal(random.split(KEY, num), jax.random.split(KEY, num))


@pytest.mark.parametrize("data", [0, 1, 2**31, np.uint32(2**32 - 1), np.int64(5), np.int64(-3)])
def test_fold_in(data):
    np.testing.assert_array_equal(random.fold_in(KEY, data), jax.random.fold_in(KEY, data))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8"])
def test_bits(shape, dtype):
    ours = random.bits(KEY, shape, dtype)
    theirs = jax.random.bits(KEY, shape, dtype)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_uniform(shape, dtype):
    ours = random.uniform(KEY, shape, dtype)
    theirs = jax.random.uniform(KEY, shape, dtype)
    assert ours.dtype == theirs.dtype and np.shape(ours) == theirs.shape
    np.testing.assert_array_equal(ours, theirs)


BOUNDS = [
    (0, 10, "i8"), (-5, 5, "i4"), (0, 255, "u1"), (0, 256, "u1"), (-128, 127, "i1"), (-128, 128, "i1"), (3, 3, "i8"),
    (5, 2, "i4"), (0, 2**31, "u4"), (-(2**63), 2**63 - 1, "i8"), (0, 2**40, "i4"), (0, 2**16, "u2"), (-7, 300, "u1"),
    (np.array([0, 5]), np.array([[3], [2**33]]), "i8"), (np.int32(-4), np.uint8(9), "i2"), (0, 2**32, "u4"),
]  # fmt: skip


@pytest.mark.parametrize("low, high, dtype", BOUNDS)
def test_randint(low, high, dtype):
    shape = (2, 2) if np.ndim(low) else (50,)
    ours = random.randint(KEY, shape, low, high, dtype)
    theirs = jax.random.randint(KEY, shape, low, high, dtype)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


Call = Callable[[Any, Any], Any]

FLOATS: dict[str, Call] = {
    "normal": lambda r, d: r.normal(KEY, (3, 50), d),
    "uniform bounds": lambda r, d: r.uniform(KEY, (3, 4), d, np.arange(4.0, dtype=d), np.arange(4.0, dtype=d) + 2),
    "truncated_normal": lambda r, d: r.truncated_normal(KEY, np.array(-0.5, d), np.arange(1, 3.0, dtype=d), (9, 2), d),
    "lognormal": lambda r, d: r.lognormal(KEY, np.array(0.5, d), (5,), d),
    "exponential": lambda r, d: r.exponential(KEY, (50,), d),
    "gumbel": lambda r, d: r.gumbel(KEY, (50,), d),
    "gumbel high": lambda r, d: r.gumbel(KEY, (50,), d, mode="high"),
    "laplace": lambda r, d: r.laplace(KEY, (50,), d),
    "logistic": lambda r, d: r.logistic(KEY, (50,), d),
    "cauchy": lambda r, d: r.cauchy(KEY, (50,), d),
    "weibull_min": lambda r, d: r.weibull_min(KEY, np.array(2.0, d), np.array(1.5, d), (50,), d),
    "pareto": lambda r, d: r.pareto(KEY, np.array([1.5, 2.0], d), (5, 2), d),
    "rayleigh": lambda r, d: r.rayleigh(KEY, np.array([1.5, 2.0], d), (5, 2), d),
    "wald": lambda r, d: r.wald(KEY, np.array([1.5, 0.3], d), (5, 2), d),
    "triangular": lambda r, d: r.triangular(KEY, *np.array([0.0, 0.3, 1.5], d), (50,), d),
    "maxwell": lambda r, d: r.maxwell(KEY, (50,), d),
    "double_sided_maxwell": lambda r, d: r.double_sided_maxwell(KEY, np.array(0.5, d), np.array([1.0, 2.0], d), (), d),
    "gamma": lambda r, d: r.gamma(KEY, A.astype(d), (20, 5), d),
    "gamma 0-d": lambda r, d: r.gamma(KEY, np.array(0.3, d), None, d),
    "loggamma": lambda r, d: r.loggamma(KEY, A.astype(d), None, d),
    "beta": lambda r, d: r.beta(KEY, A.astype(d), np.array(0.4, d), (4, 5), d),
    "dirichlet": lambda r, d: r.dirichlet(KEY, A.astype(d), (3,), d),
    "chisquare": lambda r, d: r.chisquare(KEY, A.astype(d), (3, 5), d),
    "t": lambda r, d: r.t(KEY, A.astype(d), (3, 5), d),
    "f": lambda r, d: r.f(KEY, A.astype(d) + 1, A.astype(d) + 2, None, d),
    "generalized_normal": lambda r, d: r.generalized_normal(KEY, np.array(1.5, d), (20,), d),
    "ball": lambda r, d: r.ball(KEY, 3, np.array(1.5, d), (4,), d),
    "multivariate_normal": lambda r, d: r.multivariate_normal(KEY, np.ones(3, d), COV.astype(d), (4,), d),
    "multivariate_normal eigh": lambda r, d: abs(
        r.multivariate_normal(KEY, ZERO.astype(d), ONE.astype(d), (4,), d, "eigh")),
    "orthogonal": lambda r, d: r.orthogonal(KEY, 4, (2,), d),
    "orthogonal wide": lambda r, d: r.orthogonal(KEY, 2, (), d, 4),
    "binomial": lambda r, d: r.binomial(KEY, np.array([3, 15, 1e3, 0, 30, np.inf, np.nan, 200, -2], d),
                                        np.array([0.1, 0.7, 0.7, 0.1, 0.9, 0.1, 0.1, np.nan, 0.5], d), (4, 9), d),
    "multinomial": lambda r, d: r.multinomial(KEY, np.array([10, 100], d), CHANCES.astype(d)),
}  # fmt: skip
EXACT: dict[str, Callable[[Any], Any]] = {
    "bernoulli": lambda r: r.bernoulli(KEY, np.array([0.1, 0.9]), (6, 2)),
    "bernoulli scalar": lambda r: r.bernoulli(KEY),
    "bernoulli high": lambda r: r.bernoulli(KEY, np.float32(0.3), (50,), mode="high"),
    "rademacher": lambda r: r.rademacher(KEY, (50,)),
    "rademacher float": lambda r: r.rademacher(KEY, (50,), np.float32),
    "geometric": lambda r: r.geometric(KEY, np.array([0.1, 0.9]), (6, 2)),
    "poisson": lambda r: r.poisson(KEY, np.array([0.3, 1.5, 1e3, 0, 30, 9.9, 10]), (20, 7)),
    "poisson int32": lambda r: r.poisson(KEY, np.float32(4), (20,), np.int32),
    "poisson nan": lambda r: r.poisson(KEY, np.array([np.nan, -3.0])),
    "permutation range": lambda r: r.permutation(KEY, 30),
    "permutation": lambda r: r.permutation(KEY, THINGS, axis=1),
    "permutation independent": lambda r: r.permutation(KEY, THINGS, axis=1, independent=True),
    "choice range": lambda r: r.choice(KEY, 9, (4, 2)),
    "choice rows": lambda r: r.choice(KEY, THINGS, (5,), axis=1),
    "choice once": lambda r: r.choice(KEY, THINGS, (2, 1), replace=False, axis=1),
    "choice weighted": lambda r: r.choice(KEY, 3, (50,), p=np.array([0.1, 0.3, 0.6])),
    "choice weighted once": lambda r: r.choice(KEY, THINGS, (2,), False, np.array([0.1, 0.3, 0.6])),
    "choice nothing": lambda r: r.choice(KEY, 3, (0,)),
    "categorical": lambda r: r.categorical(KEY, LOGITS, shape=(20, 3)),
    "categorical axis": lambda r: r.categorical(KEY, LOGITS, axis=0),
    "categorical once": lambda r: r.categorical(KEY, LOGITS, shape=(3, 3), replace=False),
    "categorical high": lambda r: r.categorical(KEY, LOGITS, shape=(20, 3), mode="high"),
}


COMPILED_LONG = ("beta", "dirichlet", "chisquare", "t", "f", "generalized_normal", "ball", "loggamma", "multinomial")
"""What JAX compiles for 5 s and more, being made of gamma variables: in float64 only."""


TYPED = [(n, d) for n in FLOATS for d in ("f8", "f4") if d == "f8" or n not in COMPILED_LONG]


@pytest.mark.parametrize("name, dtype", TYPED)
def test_floats(name, dtype):
    ours, theirs = FLOATS[name](random, np.dtype(dtype)), FLOATS[name](jax.random, np.dtype(dtype))
    assert ours.dtype == theirs.dtype and np.shape(ours) == theirs.shape
    rtol, atol = (1e-11, 1e-13) if dtype == "f8" else (3e-5, 1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", EXACT)
def test_discrete(name):
    ours, theirs = EXACT[name](random), EXACT[name](jax.random)
    assert ours.dtype == theirs.dtype or name == "categorical once"  # int32 in JAX, where with replacement it is int64
    np.testing.assert_array_equal(ours, theirs)


def test_complex_normal():
    ours, theirs = (r.normal(KEY, (7,), np.complex128) for r in (random, jax.random))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", [n for n in FLOATS if "multinomial" not in n])
def test_under_transformations(name):
    """vmap over keys is a loop over them, and jit changes nothing."""
    draw = lambda key: _with_key(FLOATS[name], key)
    keys = random.split(KEY, 3)
    each = np.stack([draw(k) for k in keys])
    np.testing.assert_allclose(fg.vmap(draw)(keys), each, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(fg.jit(draw)(keys[1]), each[1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", EXACT)
def test_discrete_under_transformations(name):
    draw = lambda key: _with_key(lambda r, d: EXACT[name](r), key)
    keys = random.split(KEY, 3)
    each = np.stack([draw(k) for k in keys])
    np.testing.assert_array_equal(fg.vmap(draw)(keys), each)
    np.testing.assert_array_equal(fg.jit(draw)(keys[1]), each[1])


def _with_key(call: Call, key: Any) -> Any:
    """The call with another key than KEY."""

    class Keyed:
        def __getattr__(self, name: str) -> Any:
            return lambda _, *args, **options: getattr(random, name)(key, *args, **options)

    return call(Keyed(), np.dtype(float))


SMOOTH = {
    "uniform": lambda r, a: r.uniform(KEY, (3, 5), float, -a, a * a),
    "truncated_normal": lambda r, a: r.truncated_normal(KEY, -1 - a, 0.5 + a),
    "gamma": lambda r, a: r.gamma(KEY, a, (3, 5)),
    "loggamma": lambda r, a: r.loggamma(KEY, a, (3, 5)),
    "beta": lambda r, a: r.beta(KEY, a, 2 * a),
    "dirichlet": lambda r, a: r.dirichlet(KEY, a),
    "t": lambda r, a: r.t(KEY, a),
    "pareto": lambda r, a: r.pareto(KEY, a),
    "rayleigh": lambda r, a: r.rayleigh(KEY, a),
    "wald": lambda r, a: r.wald(KEY, a),
    "weibull_min": lambda r, a: r.weibull_min(KEY, a, a + 1, (5,)),
    "lognormal": lambda r, a: r.lognormal(KEY, a),
    "triangular": lambda r, a: r.triangular(KEY, -a, a / 3, a),
    "double_sided_maxwell": lambda r, a: r.double_sided_maxwell(KEY, a, a * a),
    "multivariate_normal": lambda r, a: r.multivariate_normal(KEY, a[:3], COV * a[1]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name):
    weights = lambda x: np.cos(np.arange(np.size(x))).reshape(np.shape(x))
    ours = fg.grad(lambda a: ((y := SMOOTH[name](random, a)) * weights(y)).sum())(A)
    theirs = jax.grad(lambda a: ((y := SMOOTH[name](jax.random, a)) * weights(y)).sum())(jnp.asarray(A))
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)
