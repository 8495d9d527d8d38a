"""custom_gradient and closure_convert."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import NotDifferentiableError

X = np.array([3.0, 1.0, 2.0])


@fg.custom_gradient
def power(x):
    """Its rule is not the derivative, so that it can be told apart."""
    return x**3, lambda ct: ct * 10.0 * x**2


@fg.custom_gradient
def weighted(x, y):
    return {"sum": fnp.sum(x * y)}, lambda ct: (ct["sum"] * y, ct["sum"] * 100.0 * x)


def test_the_value_and_its_rule():
    assert power(2.0) == 8.0 and power.__name__ == "power" and "told apart" in power.__doc__
    assert fg.grad(power)(2.0) == 40.0
    assert fg.grad(fg.grad(power))(2.0) == 40.0
    assert fg.value_and_grad(power)(2.0) == (8.0, 40.0)


@pytest.mark.parametrize(
    "run",
    [
        lambda f: fg.jit(fg.grad(f)),
        lambda f: fg.grad(fg.jit(f)),
        lambda f: fg.grad(fg.checkpoint(f)),
        lambda f: lambda x: fg.vmap(fg.grad(f))(np.full(2, x))[1],
        lambda f: lambda x: fg.jit(fg.vmap(fg.grad(f)))(np.full(2, x))[1],
        lambda f: lambda x: fg.grad(lambda x: fg.vmap(f)(np.ones(2) * x)[0])(x),
    ],
)
def test_under_transformations(run):
    np.testing.assert_allclose(run(power)(2.0), 40.0, rtol=1e-14)
    np.testing.assert_allclose(run(lambda x: fnp.sin(power(x)))(2.0), 40.0 * np.cos(8.0), rtol=1e-14)


def test_several_arguments_and_pytrees():
    total = lambda x, y: weighted(x, y)["sum"]
    for run in (lambda f: f, fg.jit):
        gx, gy = run(fg.grad(total, (0, 1)))(X, 2.0 * X)
        np.testing.assert_array_equal(gx, 2.0 * X)
        np.testing.assert_array_equal(gy, 100.0 * X)
    assert fg.grad(lambda x: weighted(x=x, y=3.0)["sum"])(2.0) == 3.0


def test_the_rule_sees_what_was_there_at_the_call():
    scale = 2.0

    @fg.custom_gradient
    def f(x):
        return x, lambda ct: ct * scale

    _, pull = fg.vjp(f, 1.0)
    scale = 5.0
    assert pull(1.0) == (2.0,)


def test_the_function_runs_once():
    calls = []

    @fg.custom_gradient
    def f(x):
        calls.append("f")
        return x, lambda ct: (calls.append("rule"), ct)[1]

    fg.grad(f)(1.0)
    assert calls == ["f", "rule"]


def test_what_it_refuses():
    with pytest.raises(TypeError, match=r"must return \(output, vjp function\)"):
        fg.custom_gradient(lambda x: x)(1.0)
    with pytest.raises(TypeError, match="must return"):
        fg.custom_gradient(lambda x: (x, x))(1.0)
    with pytest.raises(TypeError, match="takes a function"):
        fg.custom_gradient(3.0)
    with pytest.raises(NotDifferentiableError, match="reverse-mode rule only"):
        fg.jvp(power, (1.0,), (1.0,))
    with pytest.raises(TypeError, match="2 differentiable arguments"):
        fg.grad(fg.custom_gradient(lambda x, y: (x * y, lambda ct: ct)))(1.0, 2.0)


# ---- closure_convert ----


def with_doubled_constants(a, b, n):
    converted, consts = fg.closure_convert(lambda x: {"y": a * x["x"] + n}, {"x": fg.ShapeDtypeStruct((2,), float)})
    assert len(consts) <= 1
    return fnp.sum(converted({"x": b * np.ones(2)}, *(2.0 * c for c in consts))["y"])


@pytest.mark.parametrize("run", [lambda f: f, fg.jit], ids=["eager", "jit"])
def test_constants_become_arguments(run):
    value, (ga, gb) = run(fg.value_and_grad(with_doubled_constants, (0, 1)))(2.0, 3.0, 4)
    assert (value, ga, gb) == (2.0 * (2.0 * 2.0 * 3.0 + 4), 12.0, 8.0)
    assert fg.jvp(lambda a: with_doubled_constants(a, 3.0, 4), (2.0,), (1.0,))[1] == 12.0
    np.testing.assert_array_equal(fg.vmap(lambda a: run(with_doubled_constants)(a, 3.0, 4))(X), 12.0 * X + 8.0)


def test_only_what_a_derivative_may_reach():
    table = np.arange(3.0)
    assert fg.closure_convert(lambda x: x + table, X)[1] == []

    def f(a, n):
        _, consts = fg.closure_convert(lambda x: table * x * a + fnp.take(table, n), X)
        return [c.dtype for c in consts]

    found = []
    fg.grad(lambda a, n: (found.append(f(a, n)), a)[1])(2.0, 1)
    assert found == [[np.dtype(float)]]
    converted, consts = fg.closure_convert(np.sin, X)
    np.testing.assert_array_equal(converted(X), np.sin(X))
    assert consts == []


def test_for_the_rule_of_a_function_of_functions():
    """What it is for: a derivative with respect to what a function argument closes over."""

    def apply_twice(f, x):
        converted, consts = fg.closure_convert(f, x)

        @fg.custom_vjp
        def run(x, *consts):
            return converted(converted(x, *consts), *consts)

        def fwd(x, *consts):
            return fg.vjp(lambda x, *consts: converted(converted(x, *consts), *consts), x, *consts)

        run.defvjp(fwd, lambda pull, ct: pull(ct))
        return run(x, *consts)

    g = lambda a: apply_twice(lambda x: fnp.sin(a * x), 0.7)
    plain = lambda a: fnp.sin(a * fnp.sin(a * 0.7))
    np.testing.assert_allclose(fg.grad(g)(1.3), fg.grad(plain)(1.3), rtol=1e-14)


def test_converted_checks_what_it_is_given():
    def f(a):
        converted, (c,) = fg.closure_convert(lambda x: a * x, 1.0)
        for args in ((), (1.0,), (1.0, 2.0, c), ([1.0], c)):
            with pytest.raises(TypeError, match="and then 1 constants"):
                converted(*args)
        return converted(1.0, c)

    assert fg.grad(f)(2.0) == 1.0
