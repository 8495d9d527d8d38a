"""`debug_nans`: the first operation that makes a NaN is named, with the user's line."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax
from funcgrad.core.tape import TapeTrace

X = np.array([2.0, 0.0])
LOG, SQRT = "`log` gave NaN at .*HERE LOG", "the derivative of `sqrt` gave NaN at .*HERE SQRT"
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")


def makes_one(x):
    y = x * x
    return fnp.log(y - 1.0) * 2.0  # HERE LOG


def in_the_derivative(x):
    y = x * 1.0
    return fnp.where(y > 0, fnp.sqrt(y), 0.0)  # HERE SQRT


def total(f):
    return lambda x: fnp.sum(f(x))


WAYS = {
    "grad": lambda f: fg.grad(total(f)),
    "vjp": lambda f: lambda x: fg.vjp(f, x)[1](np.ones(2)),
    "hessian": lambda f: fg.hessian(total(f)),
    "vmap grad": lambda f: fg.vmap(fg.grad(f)),
    "grad jit": lambda f: fg.grad(fg.jit(total(f))),
    "grad checkpoint": lambda f: fg.grad(fg.checkpoint(total(f))),
    "grad jit scan": lambda f: fg.grad(fg.jit(lambda x: lax.scan(lambda c, a: (c + f(a), None), 0.0, x)[0])),
    "jit value_and_grad": lambda f: fg.jit(fg.value_and_grad(total(f))),
    "vmap jit value_and_grad": lambda f: fg.vmap(fg.jit(fg.value_and_grad(f))),
}


@pytest.mark.parametrize("way", WAYS)
def test_named(way):
    with fg.debug_nans(), pytest.raises(FloatingPointError, match=LOG):
        WAYS[way](makes_one)(X)
    # within a program the derivative is operations like others
    words = SQRT if "jit value" not in way else "gave NaN at .*HERE SQRT"
    with fg.debug_nans(), pytest.raises(FloatingPointError, match=words):
        WAYS[way](in_the_derivative)(X)


@pytest.mark.parametrize("way", ["vmap", "jit", "jit vmap", "jit scan", "jvp", "linearize"])
def test_without_a_backward_pass(way):
    run = {
        "vmap": fg.vmap,
        "jit": fg.jit,
        "jit vmap": lambda f: fg.jit(fg.vmap(f)),
        "jit scan": lambda f: fg.jit(lambda x: lax.scan(lambda c, a: (c, f(a)), 0.0, x)[1]),
        "jvp": lambda f: lambda x: fg.jvp(f, (x,), (np.ones(2),)),
        "linearize": lambda f: lambda x: fg.linearize(f, x)[1](np.ones(2)),
    }[way]
    with fg.debug_nans(), pytest.raises(FloatingPointError, match=LOG):
        run(makes_one)(X)
    with fg.debug_nans():
        run(in_the_derivative)(X)  # the tangent is chosen, and none is NaN


def test_a_tangent():
    with fg.debug_nans(), pytest.raises(FloatingPointError, match=r"derivative of `sqrt` gave NaN at .*HERE TANGENT"):
        fg.jvp(lambda x: fnp.sqrt(x), (0.0,), (0.0,))  # HERE TANGENT


def test_one_that_was_given():
    with fg.debug_nans(), pytest.raises(FloatingPointError, match=r"`mul` gave NaN at .*, as it was given one"):
        fg.grad(lambda x: x * np.nan)(1.0)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_results_are_the_same(kind):
    x = np.linspace(1.0, 2.0, 5).astype(kind)

    def f(x):
        y = fnp.sort(fnp.tanh(x * x))[::-1]
        y = lax.scan(lambda c, a: (c * a, fnp.sin(c)), x[0], y)[1]
        return fnp.sum(y[1:3] ** 2) + fnp.max(y)

    for run in (fg.grad, lambda f: fg.jit(fg.grad(f)), lambda f: fg.grad(fg.jit(f)), fg.hessian, fg.value_and_grad):
        expected = run(f)(x)
        with fg.debug_nans():
            found = run(f)(x)
        for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(expected)):
            np.testing.assert_allclose(a, b, rtol=100 * np.finfo(kind).eps, atol=100 * np.finfo(kind).eps)
            assert a.dtype == b.dtype


def test_effects_are_printed_once_more_only_if_there_is_a_nan(capsys):
    f = fg.jit(lambda x: (fg.debug.print("{}", x), fnp.log(x))[1])
    with fg.debug_nans():
        assert f(1.0) == 0.0
        with pytest.raises(FloatingPointError, match="`log`"):
            f(-1.0)
    assert capsys.readouterr().out.splitlines() == ["1.0", "-1.0"]


def test_io_is_not_done_again():
    calls = []
    like = fg.ShapeDtypeStruct((), float)
    f = fg.jit(lambda x: fnp.log(fg.io_callback(lambda x: (calls.append(x), x)[1], like, x)))
    with fg.debug_nans(), pytest.raises(FloatingPointError, match="the jitted function `<lambda>` gave NaN at"):
        f(-1.0)
    assert len(calls) == 1


def test_off():
    assert np.isnan(fg.grad(total(in_the_derivative))(X)[1])
    f = fg.jit(makes_one)
    assert np.isnan(f(X)[1])
    with fg.debug_nans():
        with pytest.raises(FloatingPointError):
            f(X)  # also a function that has been compiled before
        with fg.debug_nans(False):
            f(X)
    assert not fg.config.debug_nans and np.isnan(f(X)[1])
    traces = []
    fg.grad(lambda x: (traces.append(type(x._trace)), x)[1])(1.0)
    assert traces == [TapeTrace]  # nothing looks on
