"""Calls of the user's Python from programs: `pure_callback` and `io_callback`."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import NotDifferentiableError

X = np.array([3.0, 1.0, 2.0])
SCALAR = fg.ShapeDtypeStruct((), float)
THREE = fg.ShapeDtypeStruct((3,), float)
AS_IT_IS = [lambda f: f, fg.jit]
both = pytest.mark.parametrize("run", AS_IT_IS, ids=["eager", "jit"])


class Counted:
    """A function that keeps what it was called with."""

    def __init__(self, fun):
        self.fun = fun
        self.calls = []

    def __call__(self, *args):
        self.calls.append(args)
        return self.fun(*args)


# ---- pure_callback ----


@both
def test_a_function_of_numpys(run):
    f = run(lambda x: 2.0 * fg.pure_callback(np.sort, THREE, x + 1.0))
    np.testing.assert_array_equal(f(X), 2.0 * np.sort(X + 1.0))


@both
def test_pytrees_go_in_and_out(run):
    def swapped(pair, *, scale):
        return {"a": pair[1] * scale, "b": [pair[0]]}

    like = {"a": THREE, "b": [fg.ShapeDtypeStruct((), np.int64)]}
    found = run(lambda n, x: fg.pure_callback(swapped, like, (n, x), scale=2.0))(7, X)
    np.testing.assert_array_equal(found["a"], 2.0 * X)
    assert found["b"] == [7] and found["b"][0].dtype == np.int64


@both
def test_an_array_says_the_types(run):
    np.testing.assert_array_equal(run(lambda x: fg.pure_callback(np.negative, x, x))(X), -X)


def test_it_runs_at_each_call_and_never_while_traced():
    counted = Counted(lambda: 5.0)
    f = fg.jit(lambda x: x + fg.pure_callback(counted, SCALAR))
    f.lower(1.0)
    fg.make_graph(f)(1.0)
    assert not counted.calls
    assert [f(1.0), f(2.0), f(3.0)] == [6.0, 7.0, 8.0] and len(counted.calls) == 3


def test_constants_are_no_reason_to_run_it_ahead():
    counted = Counted(lambda c, x: c * x)

    def loop():
        return fg.lax.scan(lambda c, x: (fg.pure_callback(counted, SCALAR, c, x), c), 1.0, X)[0]

    inner = fg.jit(lambda: fg.pure_callback(counted, SCALAR, 2.0, 3.0))
    f = fg.jit(lambda y: y + loop() + inner())
    f.lower(1.0)
    assert not counted.calls
    assert f(1.0) == 13.0 and len(counted.calls) == 4
    assert f(2.0) == 14.0 and len(counted.calls) == 8


def test_it_is_left_out_where_nothing_needs_it():
    counted = Counted(np.sin)
    f = fg.jit(lambda x: (fg.pure_callback(counted, SCALAR, x), x + 1.0)[1])
    assert f(1.0) == 2.0 and not counted.calls


@both
def test_arrays_are_the_functions_own(run):
    kept = []

    def writing(x):
        kept.append(x)
        x[0] = 99.0
        return x

    f = run(lambda x: fg.pure_callback(writing, THREE, x) + fg.pure_callback(writing, THREE, x * 1.0))
    given = X.copy()
    first = f(given)
    np.testing.assert_array_equal(given, X)
    kept[0][:] = -1.0
    np.testing.assert_array_equal(first, [198.0, 2.0, 4.0])
    np.testing.assert_array_equal(f(given), first)


@both
@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (np.zeros(2), ValueError, r"result of the function has shape \(2,\), but \(3,\) was declared"),
        (np.zeros(3, np.float32), TypeError, "has dtype float32, but float64 was declared"),
        (np.zeros(3, int), TypeError, "has dtype int64"),
        (None, ValueError, "shape"),
    ],
)  # fmt: skip
def test_a_wrong_result_is_named(run, result, error, words):
    with pytest.raises((error, TypeError), match=words) as caught:
        run(lambda x: fg.pure_callback(lambda x: result, THREE, x))(X)
    assert __file__.rpartition("/")[2] in str(caught.value)


def test_the_leaf_is_named():
    with pytest.raises(TypeError, match=r"function\['b'\]\[1\] has dtype"):
        fg.pure_callback(lambda: {"b": [1.0, 2j]}, {"b": [SCALAR, SCALAR]})


@both
def test_numbers_of_python_yield(run):
    y = run(lambda x: fg.pure_callback(lambda x: 1, fg.ShapeDtypeStruct((), np.float32), x))(2.0)
    assert y == 1.0 and y.dtype == np.float32


@both
def test_its_exception_is_the_users(run):
    def failing(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        run(lambda x: fg.pure_callback(failing, SCALAR, x))(1.0)
    assert any("fg.pure_callback(failing" in note for note in caught.value.__notes__)
    assert caught.traceback[-1].name == "failing"


def test_what_it_does_not_take():
    with pytest.raises(TypeError, match=r"argument \[0\]\[0\]"):
        fg.pure_callback(np.sin, SCALAR, "text")
    with pytest.raises(TypeError, match=r"write fg\.ShapeDtypeStruct"):
        fg.pure_callback(np.sin, float, 1.0)
    with pytest.raises(ValueError, match="vmap_method must be one of sequential"):
        fg.pure_callback(np.sin, SCALAR, 1.0, vmap_method="parallel")
    with pytest.raises(TypeError, match="takes a function"):
        fg.pure_callback(1.0, SCALAR, 1.0)


@both
@pytest.mark.parametrize("derive", [fg.grad, fg.jacfwd, lambda f: lambda x: fg.linearize(f, x)[1](1.0)])
def test_its_derivative_is_not_known(run, derive):
    with pytest.raises(NotDifferentiableError, match="custom_jvp"):
        derive(run(lambda x: fg.pure_callback(np.sin, SCALAR, x)))(1.0)


@both
def test_a_rule_around_it(run):
    @fg.custom_vjp
    def sine(x):
        return fg.pure_callback(np.sin, SCALAR, x)

    sine.defvjp(lambda x: (sine(x), x), lambda x, ct: (ct * fg.pure_callback(np.cos, SCALAR, x),))
    np.testing.assert_allclose(run(fg.grad(lambda x: sine(x * x)))(1.5), 3.0 * np.cos(2.25), rtol=1e-15)
    np.testing.assert_allclose(fg.grad(run(lambda x: sine(x * x)))(1.5), 3.0 * np.cos(2.25), rtol=1e-15)


@both
def test_as_a_constant_of_a_derivative(run):
    f = run(lambda x: x * fg.pure_callback(np.sin, SCALAR, fg.stop_gradient(x)))
    assert fg.grad(f)(1.0) == np.sin(1.0)
    assert fg.jvp(f, (1.0,), (2.0,))[1] == 2.0 * np.sin(1.0)


METHODS = {
    "sequential": [((), ())] * 3,
    "sequential_unrolled": [((), ())] * 3,
    "expand_dims": [((3,), (1,))],
    "broadcast_all": [((3,), (3,))],
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("run", [lambda f: f, fg.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("inside", [lambda f: f, fg.jit], ids=["eager", "jit"])
def test_vmap(run, inside, method):
    counted = Counted(np.add)
    f = inside(lambda x, y: fg.pure_callback(counted, SCALAR, x, y, vmap_method=method))
    np.testing.assert_array_equal(run(fg.vmap(f, in_axes=(0, None)))(X, 2.0), X + 2.0)
    assert [tuple(map(np.shape, args)) for args in counted.calls] == METHODS[method]


def test_vmap_within_vmap():
    a = np.arange(6.0).reshape(2, 3)
    for method in METHODS:
        f = lambda x, y, method=method: fg.pure_callback(np.add, SCALAR, x, y, vmap_method=method)
        found = fg.vmap(fg.vmap(f, (0, None)), (0, 0))(a, np.array([1.0, 2.0]))
        np.testing.assert_array_equal(found, a + np.array([[1.0], [2.0]]))


def test_vmap_has_to_know_how():
    with pytest.raises(NotImplementedError, match="vmap_method"):
        fg.vmap(lambda x: fg.pure_callback(np.sin, SCALAR, x))(X)


def test_vmap_of_what_is_not_batched_calls_once():
    counted = Counted(np.sin)
    fg.vmap(lambda x, y: x + fg.pure_callback(counted, SCALAR, y), (0, None))(X, 1.0)
    assert len(counted.calls) == 1


@both
def test_in_loops_and_branches(run):
    double = lambda x: fg.pure_callback(lambda x: 2.0 * x, SCALAR, x)
    below = lambda x: fg.pure_callback(lambda x: x < 10.0, fg.ShapeDtypeStruct((), bool), x)
    taken = Counted(lambda x: -x)

    def f(x):
        last, ys = fg.lax.scan(lambda c, x: (double(c) + x, double(x)), x, X)
        looped = fg.lax.while_loop(below, double, x)
        minus = lambda x: fg.pure_callback(taken, SCALAR, x)
        return last, ys, looped, fg.lax.cond(x > 2.0, minus, lambda x: x, x)

    last, ys, looped, chosen = run(f)(1.0)
    assert (last, looped, chosen) == (8.0 + 12.0 + 2.0 + 2.0, 16.0, 1.0) and not taken.calls
    np.testing.assert_array_equal(ys, 2.0 * X)
    assert run(f)(3.0)[3] == -3.0 and len(taken.calls) == 1


def test_a_product_before_a_loop_does_not_ask_for_a_batch():
    """What the compiler does for all steps at once would need a `vmap_method`."""
    w = np.random.default_rng(0).normal(size=(40, 40))
    like = fg.ShapeDtypeStruct((40,), float)

    def f(w, xs):
        step = lambda c, x: (c + w @ fg.pure_callback(np.sort, like, x), None)
        return fg.lax.scan(step, np.zeros(40), xs)[0]

    xs = np.random.default_rng(1).normal(size=(4, 40))
    np.testing.assert_allclose(fg.jit(f)(w, xs), w @ np.sort(xs, axis=1).sum(axis=0), rtol=1e-12)


def test_a_value_of_an_outer_derivative_inside_of_jit():
    """It is an input of the inner program, not a constant that a second call would find again."""
    inner = fg.jit(lambda y, x: y * fg.pure_callback(np.sin, SCALAR, fg.stop_gradient(x)))
    for x in (1.0, 2.0):
        assert fg.grad(lambda y, x=x: inner(y, x))(3.0) == np.sin(x)
        f = fg.jit(lambda y: y + fg.pure_callback(np.sin, SCALAR, x))
        assert fg.vmap(f)(X)[0] == X[0] + np.sin(x)


def test_shapes_in_place_of_arrays():
    f = lambda x: fg.pure_callback(np.sort, THREE, x)
    assert fg.eval_shape(f, THREE) == THREE and isinstance(fg.eval_shape(f, THREE), fg.ShapeDtypeStruct)
    assert "pure_callback" in str(fg.make_graph(f)(THREE))
    like = fg.ShapeDtypeStruct([2, np.int64(3)], "float32")
    assert (like.shape, like.dtype, like.size, like.ndim) == ((2, 3), np.dtype(np.float32), 6, 2)
    assert len(like) == 2 and not like.weak_type
    assert like == fg.ShapeDtypeStruct((2, 3), np.float32) and hash(like) == hash(fg.ShapeDtypeStruct((2, 3), "f4"))
    assert fg.eval_shape(lambda x: x * np.float32(1), fg.ShapeDtypeStruct((), float, weak_type=True)).dtype == "f4"


@both
def test_checkpoint_runs_it_again(run):
    counted = Counted(np.sin)
    f = fg.checkpoint(lambda x: fnp.sin(x * fg.pure_callback(counted, SCALAR, fg.stop_gradient(x))))
    np.testing.assert_allclose(run(fg.grad(f))(1.0), np.sin(1.0) * np.cos(np.sin(1.0)), rtol=1e-15)
    assert counted.calls
