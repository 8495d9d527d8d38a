"""`vmap(axis_name=...)` against JAX in float64: values, and derivatives within the batch and around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)

pytestmark = pytest.mark.jax


class Ours:
    np, lax, grad, vmap, jit, jvp, checkpoint = fnp, fg.lax, fg.grad, fg.vmap, fg.jit, fg.jvp, fg.checkpoint


class Theirs:
    np, lax, grad, vmap, jit, jvp = jax.numpy, jax.lax, jax.grad, jax.vmap, jax.jit, jax.jvp
    checkpoint = jax.checkpoint


X = np.random.default_rng(7).normal(size=(4, 4))


def in_scan(m, x):
    def step(c, row):
        c = m.np.tanh(c + row * m.lax.psum(c, "i"))
        return c, m.lax.pmean(c, "i")

    return m.lax.scan(step, x, m.np.stack([x, 2 * x, 3 * x]))[1].sum(0)


def batch_norm(m, x):
    mean = m.lax.pmean(x, "i")
    return (x - mean) / m.np.sqrt(m.lax.pmean((x - mean) ** 2, "i") + 1e-3)


FUNCTIONS = {
    "psum": lambda m, x: m.lax.psum(x**2, "i") * x,
    "pmean": lambda m, x: m.np.sin(m.lax.pmean(x, "i")) * x,
    "psum of a tree": lambda m, x: m.lax.psum({"a": x, "b": x * x}, "i")["b"] * x,
    "psum of constants": lambda m, x: x * m.lax.psum(1, "i") + m.lax.psum(m.np.ones(4), "i"),
    "batch norm": batch_norm,
    "all_gather": lambda m, x: m.np.tanh(m.lax.all_gather(x, "i") * x).sum(0),
    "all_gather, axis": lambda m, x: (m.lax.all_gather(x, "i", axis=1) * x[:, None]).sum(1),
    "all_gather, tiled": lambda m, x: m.lax.all_gather(x, "i", tiled=True)[2:6] * x,
    "ppermute": lambda m, x: m.lax.ppermute(x * x, "i", [(0, 2), (1, 0), (2, 3), (3, 1)]) * x,
    "pshuffle": lambda m, x: m.lax.pshuffle(x * x, "i", [3, 1, 0, 2]) * x,
    "psum_scatter": lambda m, x: m.lax.psum_scatter(x**3, "i") * x,
    "psum_scatter, tiled": lambda m, x: m.lax.psum_scatter(x**3, "i", tiled=True) * x,
    "all_to_all": lambda m, x: m.lax.all_to_all(x**3, "i", 0, 0) * x,
    "all_to_all, tiled": lambda m, x: m.lax.all_to_all(x**3, "i", 0, 0, tiled=True) * x,
    "axis_index": lambda m, x: x ** (1.0 + m.lax.axis_index("i")),
    "scan": in_scan,
    "cond": lambda m, x: m.lax.cond(m.lax.psum(x.sum(), "i") > 0, lambda: x * x, lambda: m.lax.psum(x, "i")),
    "cond of one": lambda m, x: m.lax.cond(x.sum() > 0, lambda: x * x, lambda: x),
    "fori_loop": lambda m, x: m.lax.fori_loop(0, 3, lambda i, c: m.lax.pmean(c, "i") * x + c, x),
    "checkpoint": lambda m, x: m.checkpoint(lambda x: m.np.sin(m.lax.psum(x, "i")) * x)(x),
    "grad within": lambda m, x: m.grad(lambda y: (m.lax.psum(m.np.sin(y) * x, "i") * y).sum())(x),
}


def each(m: Any, name: str) -> list[Any]:
    f = FUNCTIONS[name]
    weights = np.cos(np.arange(16.0)).reshape(4, 4)
    batched = m.vmap(lambda x: f(m, x), axis_name="i")
    inside = m.grad(lambda x, w: (f(m, x) * w).sum())
    calls = lambda x: (
        batched(x),
        m.jvp(batched, (x,), (weights,))[1],
        m.grad(lambda x: (batched(x) * weights).sum())(x),
        m.vmap(inside, axis_name="i")(x, weights),
        m.jvp(m.vmap(inside, axis_name="i"), (x, weights), (weights, weights))[1],
    )
    if m is Theirs:
        return list(m.jit(calls)(X))  # op by op it takes three times as long
    return [*calls(X), *(m.jit(calls)(X) if name in ("psum", "scan", "all_gather") else ())]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_jax(name):
    expected = each(Theirs, name)
    for n, ours in enumerate(each(Ours, name)):
        theirs = expected[n % len(expected)]
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)
        assert np.shape(ours) == np.shape(theirs)


TWO = {
    "psum": lambda m, x: m.lax.psum(x**2, ("i", "j")) * x,
    "pmean, the other order": lambda m, x: m.lax.pmean(x**2, ("j", "i")) * x,
    "one of two": lambda m, x: m.lax.psum(x**2, "i") * m.lax.pmean(x, "j"),
    "axis_index": lambda m, x: x * m.lax.axis_index(("i", "j")) + m.lax.axis_index(("j", "i")),
    "axis_size": lambda m, x: x * m.lax.axis_size(("i", "j")),
    "exchanges": lambda m, x: m.lax.ppermute(x, "i", [(0, 1), (1, 0)]) * m.lax.pshuffle(x, "j", [2, 0, 3, 1]),
}


@pytest.mark.parametrize("name", TWO)
def test_two_axes_against_jax(name):
    x = X[:2]
    for make in (
        lambda m: m.vmap(m.vmap(lambda x: TWO[name](m, x), axis_name="j"), axis_name="i")(x),
        lambda m: m.vmap(m.vmap(m.grad(lambda x: TWO[name](m, x)), axis_name="j"), axis_name="i")(x),
        lambda m: m.grad(
            lambda x: m.vmap(m.vmap(lambda x: TWO[name](m, x), axis_name="j"), axis_name="i")(x).sum()
        )(x),
    ):
        np.testing.assert_allclose(make(Ours), Theirs.jit(lambda: make(Theirs))(), rtol=1e-11, atol=1e-12)


def test_names_that_are_not_bound():
    for m in (Ours, Theirs):
        with pytest.raises(NameError, match="unbound axis name"):
            m.vmap(lambda x: m.lax.psum(x, "k"), axis_name="i")(X)


def test_sizes_given():
    for m in (Ours, Theirs):
        f = m.vmap(lambda x: m.lax.axis_index("i") * x, in_axes=None, axis_name="i", axis_size=3)
        np.testing.assert_array_equal(f(2.0), [0.0, 2.0, 4.0])
        with pytest.raises(ValueError, match="axis_size"):
            m.vmap(lambda x: x, axis_size=3)(X)
