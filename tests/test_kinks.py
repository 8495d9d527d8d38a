"""Derivatives at kinks and singular points are those of the list, and docs/kinks.md says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.compile.jit import jit
from funcgrad.transforms.api import grad, jvp
from funcgrad.transforms.vmap import vmap
from tests.groups import together
from tests.kinks import KINKS, SECOND, Kink, page


def arguments(kink: Kink) -> tuple[np.ndarray, ...]:
    return tuple(np.array(x) for x in kink.at)


@together("kink", KINKS, lambda kink: kink.expression)
def test_reverse_mode(kink):
    args = arguments(kink)
    with np.errstate(all="ignore"):
        found = grad(kink.function(fnp), tuple(range(len(args))))(*args)
    for derivative, wanted in zip(found, kink.gradient, strict=True):
        np.testing.assert_allclose(derivative, wanted, rtol=1e-12)


@together("kink", KINKS, lambda kink: kink.expression)
def test_forward_mode(kink):
    args = arguments(kink)
    for i, wanted in enumerate(kink.gradient if kink.forward is None else kink.forward):
        for index in np.ndindex(args[i].shape):
            direction = np.zeros(args[i].shape)
            direction[index] = 1.0

            def along(x, i=i):
                return kink.function(fnp)(*args[:i], x, *args[i + 1 :])

            with np.errstate(all="ignore"):
                _, derivative = jvp(along, (args[i],), (direction,))
            np.testing.assert_allclose(derivative, np.asarray(wanted)[index], rtol=1e-12)


@together("expression, at, wanted, jax", SECOND, lambda expression, *_: expression)
def test_second_derivatives(expression, at, wanted, jax):
    fun = Kink(expression, (at,), ()).function(fnp)
    along = lambda f: lambda x: jvp(f, (x,), (np.float64(1.0),))[1]
    with np.errstate(all="ignore"):
        for second in (grad(grad(fun)), along(grad(fun)), grad(along(fun)), along(along(fun)), jit(grad(grad(fun)))):
            np.testing.assert_allclose(second(np.float64(at)), wanted, rtol=1e-12)
        np.testing.assert_allclose(vmap(grad(grad(fun)))(np.full(2, at)), np.full(2, wanted), rtol=1e-12)


def test_python_numbers_do_not_raise_where_arrays_would_not():
    with np.errstate(all="ignore"):
        assert grad(fnp.remainder, (0, 1))(1.0, 0.0) == (1.0, -np.inf)
        for fun in (lambda x: 1.0 / x, lambda x: x**-1.0, fnp.log, fnp.reciprocal, fnp.sqrt):
            assert np.isinf(grad(fun)(0.0)) and np.isinf(jvp(fun, (0.0,), (1.0,))[1])


def test_page_is_up_to_date():
    assert (Path(__file__).parent.parent / "docs" / "kinks.md").read_text() == page()
