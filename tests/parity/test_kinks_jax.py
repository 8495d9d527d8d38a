"""The list of derivatives at kinks and singular points against JAX."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kinks import KINKS, SECOND, Kink

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax


@pytest.fixture(autouse=True)
def _double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("kink", KINKS, ids=str)
def test_gradient_is_as_listed(kink):
    args = tuple(jax.numpy.asarray(x) for x in kink.at)
    found = jax.grad(kink.function(jax.numpy), tuple(range(len(args))))(*args)
    for derivative, wanted in zip(found, kink.gradient if kink.jax is None else kink.jax, strict=True):
        np.testing.assert_allclose(derivative, wanted, rtol=1e-12)


@pytest.mark.parametrize("expression, at, wanted, theirs", SECOND, ids=str)
def test_second_derivative_is_as_listed(expression, at, wanted, theirs):
    fun = Kink(expression, (at,), ()).function(jax.numpy)
    found = jax.grad(jax.grad(fun))(at)
    np.testing.assert_allclose(found, wanted if theirs is None else theirs, rtol=1e-12)
