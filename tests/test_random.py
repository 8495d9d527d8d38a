"""Random numbers: JAX's, as far as a few written down show; keys, errors, transformations, distributions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import funcgrad as fg
from funcgrad import random
from funcgrad.ops.incomplete import igamma

KEY = random.key(42)
A = np.array([0.3, 1.5, 40.0])


def test_words_of_the_cipher():
    """The vectors of the authors' distribution (Random123, kat_vectors) that are for 20 rounds."""
    from funcgrad.ops.threefry import threefry

    for key, counter, expected in (
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ):
        words = [np.array(w, np.uint32) for w in (*key, *counter)]
        assert tuple(map(int, threefry(*words))) == expected
        assert tuple(map(int, fg.jit(threefry)(*words))) == expected


def test_numbers_of_jax():
    assert_array_equal(random.split(KEY), np.array([[1832780943, 270669613], [64467757, 2916123636]], np.uint32))
    assert random.bits(KEY, (3,)).tolist() == [7871734211187709741, 276886910877598708, 10591095138341673235]
    assert_allclose(random.uniform(KEY, (3,), np.float32), np.float32([0.48870957, 0.6797972, 0.6162715]))
    assert random.poisson(KEY, np.array([0.3, 1.5, 1e3, 0, 30])).tolist() == [0, 1, 967, 0, 22]
    assert random.binomial(KEY, np.array([3, 15, 1e3, 0]), np.array([0.1, 0.7, 0.7, 0.1])).tolist() == [0, 13, 729, 0]
    assert_allclose(random.gamma(KEY, np.array([0.3, 1.5, 1e3])), [0.0406446272, 0.963493765, 1054.39880], rtol=1e-8)


def test_words_do_not_depend_on_how_many_are_asked_for():
    many = random.bits(KEY, (40000,), np.uint32)
    assert_array_equal(random.bits(KEY, (5,), np.uint32), many[:5])
    assert_array_equal(random.bits(KEY, (200, 200), np.uint32).ravel(), many)


@pytest.mark.parametrize("draw", [
    lambda k: random.uniform(k, (3, 2)), lambda k: random.normal(k, (5,), np.float32),
    lambda k: random.randint(k, (9,), -3, 4),
    lambda k: random.permutation(k, 6), lambda k: random.gamma(k, A), lambda k: random.poisson(k, A),
    lambda k: random.split(k, 3), lambda k: random.fold_in(k, 7),
    lambda k: random.categorical(k, np.log(A), shape=(4,)),
])  # fmt: skip
def test_keys_can_be_mapped_and_compiled(draw):
    keys = random.split(KEY, 4)
    each = np.stack([draw(k) for k in keys])
    assert_allclose(fg.vmap(draw)(keys), each, rtol=1e-6 if each.dtype == np.float32 else 1e-13)
    assert_allclose(fg.jit(draw)(keys[2]), each[2], rtol=1e-6 if each.dtype == np.float32 else 1e-13)
    assert_allclose(fg.jit(fg.vmap(draw))(keys), each, rtol=1e-6 if each.dtype == np.float32 else 1e-13)


def test_uniform_numbers_are_one_kernel():
    assert fg.jit(lambda k: random.uniform(k, (1000,))).lower(KEY).kernels == 1


def test_steps_of_a_loop_draw_from_their_own_keys():
    def step(key, _):
        key, used = random.split(key)
        return key, random.normal(used)

    _, drawn = fg.jit(lambda key: fg.lax.scan(step, key, None, length=3))(KEY)
    key, expected = KEY, []
    for _ in range(3):
        key, used = random.split(key)
        expected.append(random.normal(used))
    assert_allclose(drawn, expected, rtol=1e-13)


def test_a_gamma_draw_keeps_its_place():
    """P(a, x(a)) is constant, so its derivatives of first and second order are zero."""
    place = lambda a: igamma(a, random.gamma(KEY, a))
    for transform in (fg.jacrev, fg.jacfwd):
        assert_allclose(transform(place)(A), 0, atol=1e-9)
        assert_allclose(transform(fg.jacrev(place))(A), 0, atol=1e-7)
    in_log = lambda a: igamma(a, np.exp(random.loggamma(KEY, a)))
    assert_allclose(fg.jacrev(in_log)(A), 0, atol=1e-9)
    assert_allclose(
        fg.jit(fg.grad(lambda a: random.gamma(KEY, a).sum()))(A), fg.grad(lambda a: random.gamma(KEY, a).sum())(A)
    )


MOMENTS = [
    (random.uniform, (), 0.5, 1 / 12), (random.normal, (), 0, 1), (random.exponential, (), 1, 1),
    (random.gumbel, (), np.euler_gamma, np.pi**2 / 6), (random.laplace, (), 0, 2),
    (random.logistic, (), 0, np.pi**2 / 3),
    (random.rademacher, (), 0, 1), (random.maxwell, (), 2 * np.sqrt(2 / np.pi), 3 - 8 / np.pi),
    (random.gamma, (2.5,), 2.5, 2.5), (random.gamma, (0.2,), 0.2, 0.2), (random.chisquare, (3.0,), 3, 6),
    (random.beta, (2.0, 3.0), 0.4, 0.04), (random.poisson, (4.0,), 4, 4), (random.poisson, (50.0,), 50, 50),
    (random.binomial, (20, 0.2), 4, 3.2), (random.binomial, (1000, 0.7), 700, 210),
    (random.geometric, (0.3,), 1 / 0.3, 0.7 / 0.09),
    (random.rayleigh, (2.0,), 2 * np.sqrt(np.pi / 2), (4 - np.pi) * 2), (random.wald, (1.5,), 1.5, 1.5**3),
    (random.triangular, (0.0, 1.0, 4.0), 5 / 3, 13 / 18),
    (random.lognormal, (0.5,), np.exp(0.125), np.exp(0.25) * (np.exp(0.25) - 1)),
    (random.weibull_min, (2.0, 1.0), 2, 4), (random.pareto, (5.0,), 1.25, 5 / 48),
    (random.bernoulli, (0.3,), 0.3, 0.21),
]  # fmt: skip


@pytest.mark.parametrize("draw, parameters, mean, variance", MOMENTS, ids=lambda p: getattr(p, "__name__", None))
def test_moments(draw, parameters, mean, variance):
    """Within 5 standard deviations of the mean of so many; the keys are fixed, so this cannot fail by chance."""
    x = draw(random.key(1), *parameters, shape=(40000,)).astype(float)
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / x.size)
    assert abs(x.var() / variance - 1) < 0.1


def test_limits():
    assert random.uniform(KEY, (0, 3)).shape == (0, 3)
    assert np.isnan(random.gamma(KEY, np.array([-1.0, 0.0, np.nan])))[[0, 2]].all()
    assert random.poisson(KEY, np.array([np.nan, -1.0])).tolist() == [-1, -1]
    assert_array_equal(random.randint(KEY, (2,), 5, 5), [5, 5])
    assert sorted(random.permutation(KEY, 100)) == list(range(100))
    assert len(set(random.choice(KEY, 50, (50,), replace=False).tolist())) == 50


@pytest.mark.parametrize("call, error", [
    (lambda: random.normal(42), TypeError), (lambda: random.normal(np.zeros(2)), TypeError),
    (lambda: random.normal(random.split(KEY, 3)), ValueError), (lambda: random.uniform(KEY, (2,), int), ValueError),
    (lambda: random.key(1.5), TypeError), (lambda: random.key(np.arange(2)), TypeError),
    (lambda: random.gamma(KEY, np.ones(3), (2,)), ValueError), (lambda: random.bits(KEY, (), np.int32), ValueError),
    (lambda: random.choice(KEY, 3, (4,), replace=False), ValueError), (lambda: random.choice(KEY, 0, (4,)), ValueError),
    (lambda: random.choice(KEY, 3, (2,), p=np.ones(2)), ValueError),
    (lambda: random.wrap_key_data(np.zeros(2)), TypeError),
    (lambda: random.categorical(KEY, np.zeros(2), shape=(3,), replace=False), ValueError),
])  # fmt: skip
def test_errors(call, error):
    with pytest.raises(error):
        call()


def test_counts_say_why_they_have_no_derivative():
    report = fg.explain(lambda rate: random.poisson(KEY, rate).sum() * 1.0)(4.0)
    assert report.leaves[0].status == "cut"
