"""`nn` gives JAX's values and derivatives, at kinks too; its initialisers give JAX's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

POINTS = np.array([-30.0, -6.0, -3.0, -1.0, -0.5, 0.0, 0.3, 1.0, 2.5, 3.0, 6.0, 30.0])
ACTIVATIONS = [
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "identity", "leaky_relu",
    "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_sign", "softplus", "sparse_plus",
    "sparse_sigmoid", "squareplus", "swish", "tanh",
]  # fmt: skip


def same(ours: Any, theirs: Any, *args: Any, rtol: float = 1e-9) -> None:
    y, pullback = fg.vjp(ours, *args)
    expected, their_pullback = jax.vjp(theirs, *args)
    assert np.shape(y) == expected.shape and y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=1e-12)
    single = y.dtype == np.float32
    np.testing.assert_allclose(fg.jit(ours)(*args), y, rtol=1e-5 if single else 1e-12, atol=1e-6 if single else 1e-13)
    ct = np.cos(np.arange(expected.size)).reshape(expected.shape).astype(expected.dtype)
    for g, e in zip(pullback(ct), their_pullback(jnp.asarray(ct))):
        assert g.dtype == e.dtype
        # of 1 - tanh(x)**2 in single precision nothing is left but the rounding of 1
        np.testing.assert_allclose(g, e, rtol=rtol, atol=1e-6 if single else 1e-11)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    same(getattr(nn, name), getattr(jax.nn, name), POINTS)
    same(getattr(nn, name), getattr(jax.nn, name), POINTS.astype(np.float32), rtol=2e-5)


def test_activations_with_parameters():
    same(lambda x: nn.gelu(x, approximate=False), lambda x: jax.nn.gelu(x, approximate=False), POINTS)
    same(lambda x: nn.celu(x, 0.5), lambda x: jax.nn.celu(x, 0.5), POINTS)
    same(lambda x: nn.elu(x, 2.0), lambda x: jax.nn.elu(x, 2.0), POINTS)
    same(lambda x: nn.squareplus(x, 0.5), lambda x: jax.nn.squareplus(x, 0.5), POINTS)
    same(lambda x: nn.leaky_relu(x, 0.3), lambda x: jax.nn.leaky_relu(x, 0.3), POINTS)
    same(lambda x: nn.glu(x.reshape(6, 2)), lambda x: jax.nn.glu(x.reshape(6, 2)), POINTS)
    same(lambda x: nn.glu(x.reshape(6, 2), 0), lambda x: jax.nn.glu(x.reshape(6, 2), 0), POINTS)


@pytest.mark.skipif(not hasattr(jax.nn, "log1mexp"), reason="this JAX has no log1mexp")
def test_log1mexp():
    same(nn.log1mexp, jax.nn.log1mexp, np.array([1e-20, 1e-3, 0.6, np.log(2), 0.7, 3.0, 40.0]))


ROWS = np.random.default_rng(3).normal(size=(4, 6))
WHERE = np.random.default_rng(4).random((4, 6)) > 0.3


def test_along_axes():
    same(lambda x: nn.standardize(x), lambda x: jax.nn.standardize(x), ROWS, rtol=1e-7)
    same(lambda x: nn.standardize(x, (0, 1), epsilon=0.1), lambda x: jax.nn.standardize(x, (0, 1), epsilon=0.1), ROWS)
    same(lambda x: nn.standardize(x, 0, where=WHERE), lambda x: jax.nn.standardize(x, 0, where=WHERE), ROWS, rtol=1e-7)
    same(
        lambda x: nn.standardize(x, mean=0.5, variance=2.0),
        lambda x: jax.nn.standardize(x, mean=0.5, variance=2.0),
        ROWS,
    )
    for options in ({}, {"axis": 1}, {"axis": 0, "where": WHERE, "keepdims": True}):
        same(lambda x: nn.logmeanexp(x, **options), lambda x: jax.nn.logmeanexp(x, **options), ROWS)
        options.pop("keepdims", None)
        if "axis" in options:
            same(lambda x: nn.softmax(x, **options), lambda x: jax.nn.softmax(x, **options), ROWS)
            same(lambda x: nn.logsumexp(x, **options), lambda x: jax.nn.logsumexp(x, **options), ROWS)


Q = np.random.default_rng(5).normal(size=(2, 4, 6, 3))
K = np.random.default_rng(6).normal(size=(2, 5, 2, 3))
V = np.random.default_rng(7).normal(size=(2, 5, 2, 3))
BIAS = np.random.default_rng(8).normal(size=(2, 6, 4, 5))
MASK = np.random.default_rng(9).random((1, 1, 4, 5)) > 0.4
LENGTHS = {"query_seq_lengths": np.array([3, 4], np.int32), "key_value_seq_lengths": np.array([5, 2], np.int32)}
ATTENTION = [
    {}, {"bias": BIAS}, {"mask": MASK}, {"bias": BIAS[:1, :, :1], "mask": MASK, "scale": 0.3}, {"is_causal": True},
    LENGTHS, {"local_window_size": 1}, {"local_window_size": (2, 0), "is_causal": True},
]  # fmt: skip


@pytest.mark.parametrize("options", ATTENTION, ids=lambda options: "-".join(options) or "plain")
def test_attention(options):
    """JAX computes the weights in float32."""
    ours = lambda q, k, v: nn.dot_product_attention(q, k, v, **options)
    theirs = lambda q, k, v: jax.nn.dot_product_attention(q, k, v, **options)
    for name, y, e in zip(
        ("value", "q", "k", "v"), *(_value_and_cotangents(f, fg if f is ours else jax) for f in (ours, theirs))
    ):
        assert y.dtype == e.dtype
        np.testing.assert_allclose(y, e, rtol=2e-5, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(fg.jit(ours)(Q, K, V), ours(Q, K, V), rtol=1e-11, atol=1e-12)


def _value_and_cotangents(fun: Any, module: Any) -> list[Any]:
    y, pullback = module.vjp(fun, Q, K, V)
    return [y, *pullback(np.cos(np.arange(y.size)).reshape(y.shape))]


def test_attention_without_a_batch():
    ours, theirs = (m.dot_product_attention(Q[0], K[0], V[0]) for m in (nn, jax.nn))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


KEY = np.array([0, 42], np.uint32)
INITIALIZERS = {
    "zeros": lambda m: m.zeros, "ones": lambda m: m.ones, "constant": lambda m: m.constant(1.5),
    "uniform": lambda m: m.uniform(0.3), "normal": lambda m: m.normal(0.3),
    "truncated": lambda m: m.truncated_normal(0.3),
    **{name: lambda m, name=name: getattr(m, name)() for name in (
        "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "xavier_normal",
        "xavier_uniform", "kaiming_normal", "kaiming_uniform", "orthogonal", "delta_orthogonal")},
    "axes": lambda m: m.he_normal(in_axis=(0, 1), out_axis=2), "batch": lambda m: m.lecun_uniform(batch_axis=0),
    "geometric": lambda m: m.variance_scaling(2.0, "fan_geo_avg", "normal"),
    "out": lambda m: m.variance_scaling(0.5, "fan_out", "uniform"),
    "columns": lambda m: m.orthogonal(2.0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers(name):
    for dtype, rtol in ((np.float64, 1e-11), (np.float32, 2e-5)):
        ours, theirs = (INITIALIZERS[name](m)(KEY, (3, 4, 5), dtype) for m in (nn.initializers, jax.nn.initializers))
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-6 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated_normal"])
def test_complex_initializers(distribution):
    make = lambda m: m.variance_scaling(1.0, "fan_in", distribution)(KEY, (3, 4), np.complex128)
    np.testing.assert_allclose(make(nn.initializers), make(jax.nn.initializers), rtol=1e-10)
