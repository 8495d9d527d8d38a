"""The user's functions run when they are called, never later: what is kept for the gradient is what they did then."""

from __future__ import annotations

import copy
import gc
import pickle
from functools import partial

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.errors import NotDifferentiableError

X = np.array([0.3, -1.2, 2.0])


def in_a_loop(wrap, at_module_level=False):
    """The gradient of a loop whose function reads the loop's variable, with and without a wrapper."""
    ws = np.array([1.0, 2.0, 3.0])
    if at_module_level:
        scope = {"np": np, "wrap": wrap}
        exec(
            "def loop(ws):\n"
            "    global k\n"
            "    h = 1.0\n"
            "    for k in range(3):\n"
            "        h = wrap(lambda w, h: np.sin(w * h * (k + 1)))(ws[k], h)\n"
            "    return h\n",
            scope,
        )
        return fg.grad(scope["loop"])(ws)

    def loop(ws):
        h = 1.0
        for k in range(3):
            h = wrap(lambda w, h: np.sin(w * h * (k + 1)))(ws[k], h)
        return h

    return fg.grad(loop)(ws)


def with_jvp_rule(f):
    g = fg.custom_jvp(f)
    g.defjvp(lambda primals, tangents: fg.jvp(f, primals, tangents))
    return g


def with_vjp_rule(f):
    def bwd(primals, ct):
        return fg.vjp(f, *primals)[1](ct)

    g = fg.custom_vjp(f)
    g.defvjp(lambda *primals: (f(*primals), primals), bwd)
    return g


WRAPPERS = {
    "checkpoint": fg.checkpoint,
    "custom_jvp": with_jvp_rule,
    "custom_vjp": with_vjp_rule,
    "checkpoint of custom_vjp": lambda f: fg.checkpoint(with_vjp_rule(f)),
    "checkpoint of checkpoint": lambda f: fg.checkpoint(lambda *xs: fg.checkpoint(f)(*xs) * 1.0),
    "jit": fg.jit,
    "jit of checkpoint": lambda f: fg.jit(fg.checkpoint(f)),
    "jit of custom_jvp": lambda f: fg.jit(with_jvp_rule(f)),
    "jit of custom_vjp": lambda f: fg.jit(with_vjp_rule(f)),
    "vmap of checkpoint": lambda f: lambda *xs: fg.vmap(fg.checkpoint(f), (0, None))(xs[0][None], xs[1])[0],
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_loop_variable(name):
    np.testing.assert_allclose(in_a_loop(WRAPPERS[name]), in_a_loop(lambda f: f), rtol=1e-14)


@pytest.mark.parametrize("name", ["checkpoint", "custom_jvp"])
def test_loop_variable_that_is_global(name):
    np.testing.assert_allclose(in_a_loop(WRAPPERS[name], at_module_level=True), in_a_loop(lambda f: f), rtol=1e-14)


def test_bwd_reads_globals_as_they_were_at_the_call():
    scope = {"fg": fg}
    exec(
        "def loop(x):\n"
        "    global k\n"
        "    total = 0.0\n"
        "    for k in range(3):\n"
        "        f = fg.custom_vjp(lambda x: x)\n"
        "        f.defvjp(lambda x: (x, None), lambda res, ct: ((k + 1) * ct,))\n"
        "        total = total + f(x)\n"
        "    return total\n",
        scope,
    )
    assert fg.grad(scope["loop"])(1.0) == 6.0


def test_rule_that_reads_the_loops_variable():
    slopes = []
    for k in range(3):
        f = fg.custom_jvp(lambda x: x * x)
        f.defjvp(lambda primals, tangents: (primals[0] ** 2, 6.0 * (k + 1) * tangents[0]))
        slopes.append(fg.vjp(f, 1.0)[1])
    assert [pull(1.0)[0] for pull in slopes] == [6.0, 12.0, 18.0]


class Scaled:
    def __init__(self):
        self.scale = 1.0

    def __call__(self, x):
        return np.sum(self.scale * x * x)


@pytest.mark.parametrize("wrap", [fg.checkpoint, fg.jit, lambda f: fg.jit(fg.checkpoint(f))])
def test_attributes(wrap):
    f = Scaled()
    f.scale = 3.0
    _, pull = fg.vjp(wrap(f), X)
    _, tangent = fg.linearize(wrap(f), X)
    f.scale = 100.0
    np.testing.assert_allclose(pull(1.0)[0], 6 * X, rtol=1e-15)
    np.testing.assert_allclose(tangent(X), 6 * np.sum(X * X), rtol=1e-15)


def test_variables_beside_a_traced_one():
    """A function that closes over a traced value, too, assigns to the variables that it was written with."""

    def f(x):
        runs, y, terms = 0, x * 2.0, [x]

        def scaled(x):
            nonlocal runs
            runs += 1
            return x * y

        out = fg.checkpoint(scaled)(x) + runs
        with pytest.raises(TypeError, match=r"^Return the new values: a function changes a list of traced values"):
            fg.checkpoint(lambda x: terms.append(x) or x)(x)
        return out

    assert fg.value_and_grad(f)(3.0) == (19.0, 12.0)


def test_generators_and_random_numbers():
    draws = iter([2.0, 3.0, 5.0])
    rng = np.random.default_rng(0)
    expected = np.random.default_rng(0).normal(size=3)
    assert fg.grad(fg.checkpoint(lambda x: next(draws) * x))(1.0) == 2.0
    assert next(draws) == 3.0
    np.testing.assert_array_equal(fg.grad(fg.checkpoint(lambda x: np.sum(rng.normal(size=3) * x)))(X), expected)


@pytest.mark.parametrize("size", [3, 1000, 10_000])
@pytest.mark.parametrize("wrap", [fg.checkpoint, with_jvp_rule, with_vjp_rule])
def test_refilled_buffers(wrap, size):
    buffer = np.full(size, 2.0)
    _, pull = fg.vjp(wrap(lambda x: np.sum(x * buffer)), np.ones(size))
    buffer[:] = 7.0
    np.testing.assert_array_equal(pull(1.0)[0], np.full(size, 2.0))


@pytest.mark.parametrize("wrap", [fg.checkpoint, with_jvp_rule, with_vjp_rule])
@pytest.mark.parametrize("size", [3, 10_000])
def test_arrays_captured_under_jit(wrap, size):
    """A compiled program has the arrays as they were when it was traced."""
    buffer = np.full(size, 2.0)
    f = fg.jit(wrap(lambda x: np.sum(x * buffer)))
    assert f(np.ones(size)) == 2.0 * size
    buffer[:] = 7.0
    assert f(np.ones(size)) == 2.0 * size
    np.testing.assert_array_equal(fg.grad(f)(np.ones(size)), np.full(size, 2.0))


@pytest.mark.parametrize("size", [3, 10_000])
def test_refilled_while_it_is_recorded(size):
    buffer = np.zeros(size)

    def f(x):
        total = 0.0
        for n in range(3):
            buffer[:] = n + 1
            total = total + np.sum(x * buffer)
        return total

    np.testing.assert_array_equal(fg.grad(fg.checkpoint(f))(np.ones(size)), np.full(size, 6.0))
    np.testing.assert_array_equal(fg.jit(fg.grad(f))(np.ones(size)), np.full(size, 6.0))


def test_residuals_are_kept_as_they_were():
    buffer = np.array([1.0, 2.0, 3.0])
    f = fg.custom_vjp(lambda x: np.sum(x * buffer))
    f.defvjp(lambda x: (np.sum(x * buffer), {"b": buffer}), lambda res, ct: (ct * res["b"],))
    _, pull = fg.vjp(f, X)
    buffer[:] = 0.0
    np.testing.assert_array_equal(pull(1.0)[0], [1.0, 2.0, 3.0])


def test_output_of_fwd_is_a_buffer():
    buffer = np.zeros(3)

    def fwd(x):
        np.exp(x, out=buffer)
        return buffer, buffer.copy()

    f = fg.custom_vjp(lambda x: np.exp(x))
    f.defvjp(fwd, lambda y, ct: (ct * y,))
    found = fg.grad(lambda x: np.sum(f(x) ** 2) + np.sum(f(2 * x) ** 2))(X)
    np.testing.assert_allclose(found, 2 * np.exp(2 * X) + 4 * np.exp(4 * X), rtol=1e-14)


class TestWhatBwdWrites:
    """Variables that a bwd assigns to, and arrays that it writes into, are the user's own."""

    @staticmethod
    def identity(bwd):
        f = fg.custom_vjp(lambda x: x)
        f.defvjp(lambda x: (x, None), bwd)
        return f

    def test_a_counter(self):
        count = 0

        def bwd(res, ct):
            nonlocal count
            count += 1
            return (ct,)

        f = self.identity(bwd)
        fg.grad(lambda x: f(f(x)))(1.0)
        assert count == 2

    def test_a_list_and_an_array(self):
        seen, norms = [], np.zeros(1)

        def bwd(res, ct):
            seen.append(float(ct))
            norms[0] = abs(ct)
            return (2.0 * ct,)

        f = self.identity(bwd)
        assert fg.grad(lambda x: f(3.0 * f(x)))(1.0) == 12.0
        assert seen == [1.0, 6.0] and norms[0] == 6.0


class TestWritesInPlace:
    """What rules get belongs to the tape: writing into it raises, at the line that writes."""

    def test_cotangent(self):
        def bwd(res, ct):
            ct *= 2.0
            return (ct,)

        f = TestWhatBwdWrites.identity(bwd)
        with pytest.raises(ValueError, match="read-only"):
            fg.grad(lambda x: np.sum(f(x) + x))(X)

    def test_argument(self):
        def fwd(x):
            x *= 2.0
            return x, None

        f = fg.custom_vjp(lambda x: 2.0 * x)
        f.defvjp(fwd, lambda res, ct: (2.0 * ct,))
        with pytest.raises(ValueError, match="read-only"):
            fg.grad(lambda x: np.sum(f(x)))(X.copy())


class Cube:
    def __call__(self, x, scale=2.0):
        return scale * x**3


@pytest.mark.parametrize(
    "fun, name",
    [(partial(lambda a, x: a * x**3, 2.0), "<lambda>"), (Cube(), "Cube"), (partial(Cube(), scale=2.0), "Cube")],
)
def test_rules_of_callables(fun, name):
    f = fg.custom_jvp(fun)
    f.defjvp(lambda primals, tangents: (2.0 * primals[0] ** 3, 10.0 * tangents[0]))
    g = fg.custom_vjp(fun)
    g.defvjp(lambda x, *rest: (2.0 * x**3, len(rest)), lambda count, ct: (10.0 * ct, 0.0)[: 1 + count])
    assert f.__name__ == g.__name__ == name
    if name != "Cube":
        assert f(2.0) == g(2.0) == 16.0
        assert fg.grad(f)(2.0) == fg.grad(g)(2.0) == 10.0
        assert fg.jit(fg.grad(g))(2.0) == 10.0
        assert fg.vmap(fg.grad(f))(X).tolist() == [10.0] * 3


def test_decorators_with_options():
    @fg.custom_vjp(nondiff_argnums=1)
    def f(x, n):
        return x**n

    @fg.custom_jvp(nondiff_argnums=(1,))
    def g(x, n):
        return x**n

    f.defvjp(lambda x, n: (x**n, x), lambda n, x, ct: (10.0 * n * ct,))
    g.defjvp(lambda n, primals, tangents: (primals[0] ** n, 10.0 * n * tangents[0]))
    assert fg.grad(f)(2.0, 3) == fg.grad(g)(2.0, 3) == 30.0


def test_programs_with_rules_leave_no_cycles():
    f = with_vjp_rule(with_jvp_rule(np.sin))
    for make in (lambda: fg.make_graph(f)(X), lambda: fg.make_graph(with_jvp_rule(np.sin))(X)):
        make()
        gc.collect()
        gc.disable()
        try:
            make()
            assert gc.collect() == 0
        finally:
            gc.enable()


class TestNondiffArrays:
    """Arrays among nondiff_argnums may be traced by anything but a derivative in them."""

    @staticmethod
    def rules():
        f = fg.custom_vjp(lambda x, w: np.sum(x * w), nondiff_argnums=1)
        f.defvjp(lambda x, w: (np.sum(x * w), None), lambda w, res, ct: (3.0 * ct * w,))
        g = fg.custom_jvp(lambda x, w: np.sum(x * w), nondiff_argnums=1)
        g.defjvp(lambda w, primals, tangents: (np.sum(primals[0] * w), 3.0 * np.sum(tangents[0] * w)))
        return f, g

    @pytest.mark.parametrize("kind", [0, 1])
    def test_works(self, kind):
        f = self.rules()[kind]
        w = np.stack([X, 2 * X])
        np.testing.assert_allclose(fg.grad(f)(X, X), 3 * X)
        np.testing.assert_allclose(fg.jit(fg.grad(f))(X, X), 3 * X)
        np.testing.assert_allclose(fg.vmap(fg.grad(f), (None, 0))(X, w), 3 * w)
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(f), (None, 0)))(X, w), 3 * w)
        np.testing.assert_allclose(fg.grad(fg.jit(f))(X, X), 3 * X)

    @pytest.mark.parametrize("kind", [0, 1])
    def test_refused(self, kind):
        f = self.rules()[kind]
        with pytest.raises(NotDifferentiableError, match=r"argument 1.*nondiff_argnums"):
            fg.grad(f, (0, 1))(X, X)


class TestLinearTranspose:
    @pytest.mark.parametrize(
        "fun",
        [
            lambda x: 2 * x + 1,
            lambda x: 1.0 - x,
            lambda x: x % 3.0,
            lambda x: np.fmod(x, 3.0),
            lambda x: np.where(X > 0, x, 1.0),
            lambda x: np.concatenate([x, X]),
            lambda x: np.heaviside(X, x),
            lambda x: x * x,
            lambda x: 1.0 / x,
            lambda x: np.maximum(x, 0.0),
            lambda x: x[:2].sum() + 1e-300,
            lambda x: np.pad(x, 1, constant_values=1.0),
            lambda x: (x, X),
            lambda x: fg.jit(lambda y: y + 1.0)(x),
            lambda x: fg.checkpoint(lambda y: y + 1.0)(x),
        ],
    )
    def test_not_linear(self, fun):
        with pytest.raises(NotDifferentiableError, match=r"linear"):
            fg.linear_transpose(fun, X)(fun(X))

    def test_linear(self):
        f = lambda x: np.concatenate([np.where(X > 0, 2.0 * x, 0.0), np.zeros(2), -x / 4.0 + 0.0 * x])
        matrix = np.stack([f(e) for e in np.eye(3)], axis=1)
        ct = np.arange(8.0)
        np.testing.assert_array_equal(fg.linear_transpose(f, X)(ct)[0], matrix.T @ ct)
        np.testing.assert_array_equal(fg.linear_transpose(fg.checkpoint(f), X)(ct)[0], matrix.T @ ct)
        np.testing.assert_array_equal(fg.linear_transpose(fg.jit(f), X)(ct)[0], matrix.T @ ct)


class TestCotangents:
    @pytest.mark.parametrize("ct", ["a", None, [1.0], 1j, np.ones(2)])
    def test_of_constant_outputs(self, ct):
        with pytest.raises((TypeError, ValueError), match=r"vjp.*cotangent of output|vjp.*expected"):
            fg.vjp(lambda x: 3.0, 1.0)[1](ct)
        assert fg.vjp(lambda x: 3.0, 1.0)[1](1.0) == (0.0,)

    @pytest.mark.parametrize("ct", ["a", 1.0, np.ones(2, int)])
    def test_of_integer_outputs(self, ct):
        _, pull = fg.vjp(lambda x: (x, np.argmax(x)), X)
        with pytest.raises((TypeError, ValueError), match=r"cotangent of output\[1\]"):
            pull((X, ct))
        np.testing.assert_array_equal(pull((X, 0))[0], X)

    def test_same_kind_of_dtype(self):
        x = X.astype(np.float32)
        _, pull = fg.vjp(np.sin, x)
        for ct in (np.ones(3), np.ones(3, int), np.ones(3, bool), np.ones(3, np.float16)):
            assert pull(ct)[0].dtype == np.float32
            assert fg.jvp(np.sin, (x,), (ct,))[1].dtype == np.float32
        with pytest.raises(TypeError, match="complex128"):
            pull(np.ones(3, complex))
        with pytest.raises(TypeError, match="complex128"):
            fg.jvp(np.sin, (x,), (np.ones(3, complex),))


class TestShapesOfRules:
    @pytest.mark.parametrize(
        "rule",
        [
            lambda p, t: (p[0][:2], t[0][:2]),
            lambda p, t: (np.sum(p[0]), np.sum(t[0])),
            lambda p, t: (p[0].astype(np.float32), t[0].astype(np.float32)),
            lambda p, t: ((p[0], p[0]), (t[0], t[0])),
        ],
    )
    @pytest.mark.parametrize("transform", [lambda f: fg.jvp(f, (X,), (X,)), lambda f: fg.vjp(f, X)])
    def test_of_a_jvp_rule(self, rule, transform):
        f = fg.custom_jvp(lambda x: 1.0 * x)
        f.defjvp(rule)
        with pytest.raises((TypeError, ValueError), match=r"rule of `<lambda>`.*the function itself returns"):
            transform(f)


def test_the_rules_output_is_the_value():
    h = fg.custom_jvp(lambda x: x * x)
    h.defjvp(lambda p, t: (p[0] ** 2 + 100.0, 2 * p[0] * t[0]))
    assert h(2.0) == 4.0
    assert fg.value_and_grad(h)(2.0) == (104.0, 4.0)
    assert fg.grad(lambda x: h(x) ** 2)(2.0) == 832.0
    assert fg.jvp(h, (2.0,), (1.0,)) == (104.0, 4.0)
    np.testing.assert_array_equal(fg.vmap(fg.value_and_grad(h))(X)[0], X**2 + 100)
    straight_through = fg.custom_jvp(lambda x: np.round(x))
    straight_through.defjvp(lambda p, t: (np.round(p[0]), t[0]))
    f = lambda x: straight_through(x) ** 2
    for second in (fg.grad(fg.grad(f)), fg.hessian(f), fg.jit(fg.grad(fg.grad(f))), fg.grad(fg.jit(fg.grad(f)))):
        assert second(1.6) == 0.0
    assert fg.grad(f)(1.6) == 4.0


class TestHandedThrough:
    """A constant that a call gives back stays a constant, and is kept as it was when it was used."""

    @staticmethod
    def gradient(call, buffer):
        def f(x):
            y, b = call(x)
            s = np.sum(y * b)
            buffer[:] = 9.0
            return s

        return f

    @pytest.mark.parametrize("view", [lambda b: b, lambda b: b[::-1]])
    @pytest.mark.parametrize("size", [2, 1000])
    def test_by_checkpoint_and_rules(self, view, size):
        for make in ("checkpoint", "checkpoint of an argument", "custom_jvp", "custom_vjp", "jit"):
            buffer = np.ones(size)
            jvp_rule = fg.custom_jvp(lambda x, b: (x * 2, view(b)))
            jvp_rule.defjvp(lambda p, t: ((p[0] * 2, view(p[1])), (t[0] * 2, view(t[1]))))
            vjp_rule = fg.custom_vjp(lambda x, b: (x * 2, view(b)))
            vjp_rule.defvjp(lambda x, b: ((x * 2, view(b)), None), lambda r, ct: (ct[0] * 2, view(ct[1])))
            call = {
                "checkpoint": fg.checkpoint(lambda x, b=buffer: (x * 2, view(b))),
                "checkpoint of an argument": lambda x, b=buffer: fg.checkpoint(lambda x, b: (x * 2, view(b)))(x, b),
                "custom_jvp": lambda x, b=buffer, f=jvp_rule: f(x, b),
                "custom_vjp": lambda x, b=buffer, f=vjp_rule: f(x, b),
                "jit": lambda x, b=buffer: fg.jit(lambda x, b: (x * 2, view(b)))(x, b),
            }[make]
            f = self.gradient(call, buffer)
            in_a_batch = lambda f: lambda x: fg.vmap(fg.grad(f))(x[None])[0]
            for transform in (fg.grad, in_a_batch, lambda f: fg.jit(fg.grad(f))):
                buffer[:] = 1.0
                np.testing.assert_array_equal(transform(f)(np.ones(size)), np.full(size, 2.0), err_msg=make)

    def test_residuals_that_are_arguments(self):
        c = np.ones(2)
        g = fg.custom_vjp(lambda x, c: x * c)
        g.defvjp(lambda x, c: (x * c, c), lambda c, ct: (ct * c, 0 * ct))
        _, pull = fg.vjp(lambda x: np.sum(g(x, c)), np.ones(2))
        c[:] = 9.0
        np.testing.assert_array_equal(pull(1.0)[0], np.ones(2))


class TestWhatBwdReads:
    @pytest.mark.parametrize("size", [2, 1000])
    def test_kept_as_it_was(self, size):
        c, d, n = np.ones(size), {"c": np.ones(size)}, [np.ones(size)]
        g = fg.custom_vjp(lambda x, c: x * c, nondiff_argnums=1)

        def bwd(fixed, res, ct):
            out = ct * c * d["c"] * n[0] * fixed
            out += 0.0
            return (out,)

        g.defvjp(lambda x, c: (x * c, None), bwd)
        pulls = [fg.vjp(lambda x: np.sum(f(x, c)), np.ones(size))[1] for f in (g, fg.checkpoint(g))]
        c[:], d["c"], n[0] = 9.0, 9.0, 9.0
        for pull in pulls:
            np.testing.assert_array_equal(pull(1.0)[0], np.ones(size))


def test_vmap_keeps_its_arguments_as_they_were():
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones(2)

    def f(x, b):
        s = np.sum(x**2 * b)
        a[:], b_outside[:] = 0.0, 9.0
        return s

    b_outside = b
    np.testing.assert_array_equal(fg.vmap(fg.grad(f), (0, None))(a, b), [[2.0, 4.0], [6.0, 8.0]])


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")  # since NumPy 2.5
def test_a_constant_of_another_shape_is_another():
    def f(x):
        c = np.array([1.0, 2.0, 3.0])
        s = np.sum(x * c)
        c = c.reshape(3, 1)
        return s + np.sum(x * c)

    def in_place(x):
        c = np.array([1.0, 2.0, 3.0])
        s = np.sum(x * c)
        c.shape = (3, 1)
        return s + np.sum(x * c)

    for wrap in (fg.jit, fg.checkpoint):
        assert wrap(in_place)(np.ones(3)) == f(np.ones(3)) == 24.0
        np.testing.assert_array_equal(fg.grad(wrap(in_place))(np.ones(3)), [7.0, 8.0, 9.0])


def test_checkpoint_looks_at_values_as_grad_does():
    def f(x):
        positive = x[x > 0]
        largest = int(np.argmax(x))
        total = np.sum(positive) * x[largest] * float(fg.stop_gradient(x[0]))
        for i in range(np.argmax(x) + 1):
            total = total + x[i] ** 2
        return total * [1.0, 2.0, 3.0][np.argmax(x)] + np.sum(x[np.nonzero(x > 0.5)])

    for transform in (fg.grad, fg.jacfwd, fg.hessian):
        np.testing.assert_allclose(transform(fg.checkpoint(f))(X), transform(f)(X), rtol=1e-14)


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit])
def test_rules_with_control_flow(wrap):
    branching = lambda x: fg.lax.cond(x > 0, lambda x: x**2, lambda x: x**3, x)
    looping = lambda x: fg.lax.scan(lambda c, a: (np.sin(c) * a, None), 1.0, x)[0]
    for h, x in ((branching, 2.0), (branching, -2.0), (looping, X)):
        f = with_jvp_rule(h)
        np.testing.assert_allclose(wrap(fg.grad(f))(x), fg.grad(h)(x), rtol=1e-14)
        np.testing.assert_allclose(fg.grad(wrap(f))(x), fg.grad(h)(x), rtol=1e-14)


def test_what_fwd_returns_is_checked_where_the_function_is_known():
    g = fg.custom_vjp(lambda x: x * 2.0)
    g.defvjp(lambda x: ((x * 2.0)[:, None], None), lambda r, ct: (ct.sum(1) * 2,))
    for wrap in (fg.jit, fg.checkpoint):
        with pytest.raises(TypeError, match=r"fwd rule .* returned the output .* the function itself returns"):
            fg.grad(wrap(lambda x: np.sum(g(x) * X)))(X)


@pytest.mark.parametrize(
    "cast", [lambda x: x.astype(int), lambda x: x.astype(int).astype(float), lambda x: x.astype(bool) * x]
)
def test_casts_to_integers_are_not_linear(cast):
    with pytest.raises(NotDifferentiableError, match="linear"):
        fg.linear_transpose(cast, X)(X)


def test_rules_of_reductions():
    f = fg.custom_jvp(np.prod)
    f.defjvps(lambda t, y, x: np.sum(t))
    np.testing.assert_array_equal(fg.grad(f)(X), np.ones(3))


class Held:
    value = None


@pytest.mark.parametrize("kind", [fg.custom_jvp, fg.custom_vjp])
def test_a_traced_value_hidden_from_a_program_is_refused(kind):
    """Never a gradient of zero."""
    f = kind(lambda x: x * Held.value)
    if kind is fg.custom_jvp:
        f.defjvp(lambda p, t: (p[0] * Held.value, t[0] * Held.value))
    else:
        f.defvjp(lambda x: (x * Held.value, None), lambda r, ct: (ct * Held.value,))

    def g(a, x):
        Held.value = a
        return f(x)

    for transform in (fg.grad(g), fg.grad(g, (0, 1)), lambda a, x: fg.jvp(lambda a: g(a, x), (a,), (1.0,))[1]):
        with pytest.raises(TypeError, match="traced value"):
            fg.jit(transform)(2.0, 3.0)


def test_rules_are_copied_and_pickled():
    f = fg.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), lambda r, ct: (7 * ct,))
    for copied in (copy.copy(f), copy.deepcopy(f), pickle.loads(pickle.dumps(fg.custom_vjp(np.sin)))):
        assert type(copied) is fg.custom_vjp
    assert fg.grad(copy.copy(f))(1.0) == 7.0
    with pytest.raises(TypeError, match="takes a function"):
        fg.custom_vjp(None)


def test_rules_of_numpys_functions():
    f = fg.custom_vjp(np.sin)
    f.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (7 * ct,))
    assert fg.grad(f)(2.0) == 7.0
    assert f(0.0) == 0.0


def test_a_rule_that_returns_another_tree():
    f = fg.custom_jvp(lambda x: (x * 3, x * 2))
    f.defjvp(lambda p, t: ({"b": p[0], "a": p[0]}, {"b": t[0], "a": t[0]}))
    with pytest.raises(TypeError, match=r"the jvp rule of `<lambda>` returned the output"):
        fg.jvp(f, (1.0,), (1.0,))
