"""Users' own rules (custom_vjp, custom_jvp), checkpoint, and whole programs as one operation (graph_call)."""

from __future__ import annotations

import pickle
import sys
from functools import partial
from types import ModuleType

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.errors import EscapedTracerError, NotDifferentiableError
from funcgrad.test_util import check_grads
from funcgrad.transforms.calls import graph_call

X = np.array([0.3, -1.2, 2.0])
Y = np.array([1.5, 0.2, -0.7])


def cube_with_wrong_rule():
    """x^3 whose derivative claims to be 10 x, to see that the rule is used."""
    f = fg.custom_vjp(lambda x: x**3)
    f.defvjp(lambda x: (x**3, x), lambda x, ct: (10.0 * x * ct,))
    return f


class TestCustomVjp:
    def test_rule_is_used(self):
        f = cube_with_wrong_rule()
        assert f(2.0) == 8.0
        assert fg.value_and_grad(f)(2.0) == (8.0, 20.0)
        np.testing.assert_array_equal(fg.vjp(f, X)[1](Y)[0], 10 * X * Y)
        np.testing.assert_array_equal(fg.jacrev(f)(X), np.diag(10 * X))

    def test_derivative_of_the_rule(self):
        f = cube_with_wrong_rule()
        assert fg.grad(fg.grad(f))(2.0) == 10.0
        assert fg.jvp(fg.grad(f), (2.0,), (1.0,))[1] == 10.0
        assert fg.grad(lambda x: fg.grad(f)(x) * x)(2.0) == 40.0

    def test_without_differentiation_the_function_itself_runs(self):
        ran = []
        f = fg.custom_vjp(lambda x: ran.append("f") or x * 1.0)
        f.defvjp(lambda x: ran.append("fwd") or (x * 1.0, None), lambda res, ct: ran.append("bwd") or (ct,))
        f(X)
        assert ran == ["f"]
        fg.grad(lambda x: np.sum(f(x)))(X)
        assert ran == ["f", "fwd", "bwd"]

    def test_nondiff_argnums(self):
        @partial(fg.custom_vjp, nondiff_argnums=(0, 2))
        def apply(f, x, name):
            return f(x)

        seen = []

        def bwd(f, name, res, ct):
            seen.append(name)
            return (2.0 * ct * res["x"],)

        apply.defvjp(lambda f, x, name: (f(x), {"x": x}), bwd)
        assert fg.grad(lambda x: apply(np.sin, x, "label"))(3.0) == 6.0
        assert seen == ["label"]
        last = fg.custom_vjp(lambda x, n: x**n, nondiff_argnums=-1)
        last.defvjp(lambda x, n: (x**n, x), lambda n, x, ct: (ct * n * x ** (n - 1),))
        assert fg.grad(last)(2.0, 3) == 12.0
        single = fg.custom_vjp(lambda x, n: x**n, nondiff_argnums=1)
        single.defvjp(lambda x, n: (x**n, x), lambda n, x, ct: (ct * n * x ** (n - 1),))
        np.testing.assert_array_equal(fg.vmap(fg.grad(lambda x: single(x, 2)))(X), 2 * X)

    def test_residuals_of_any_pytree(self):
        f = fg.custom_vjp(lambda x, y: x * y)
        f.defvjp(
            lambda x, y: (x * y, {"x": (x, None), "text": "not an array", "f": np.sin, "y": [y]}),
            lambda res, ct: (ct * res["y"][0], ct * res["x"][0]),
        )
        check_grads(f, (X, Y), order=2, modes="rev")
        found = fg.vmap(fg.grad(f, (0, 1)))(X, Y)
        np.testing.assert_array_equal(found, (Y, X))
        found = fg.jit(fg.grad(lambda x, y: np.sum(f(x, y)), (0, 1)))(X, Y)
        np.testing.assert_array_equal(found, (Y, X))

    def test_pytree_arguments_and_outputs(self):
        f = fg.custom_vjp(lambda p: {"s": p["a"] + p["b"][0], "d": p["a"] - p["b"][0]})
        f.defvjp(
            lambda p: ({"s": p["a"] + p["b"][0], "d": p["a"] - p["b"][0]}, None),
            lambda res, ct: ({"a": ct["s"] + ct["d"], "b": (ct["s"] - ct["d"],)},),
        )
        check_grads(f, ({"a": X, "b": (Y,)},), order=1, modes="rev")
        # an output that is not used arrives as zeros
        found = fg.grad(lambda p: np.sum(f(p)["d"]))({"a": X, "b": (Y,)})
        np.testing.assert_array_equal(found["b"][0], -np.ones(3))

    def test_batched_over_some_arguments(self):
        f = fg.custom_vjp(lambda x, w: np.sum(x * w))
        f.defvjp(lambda x, w: (np.sum(x * w), (x, w)), lambda res, ct: (ct * res[1] * 2, ct * res[0] * 3))
        w, xs = Y, np.stack([X, 2 * X])
        gx, gw = fg.vmap(fg.grad(f, (0, 1)), (0, None))(xs, w)
        np.testing.assert_allclose(gx, np.stack([2 * w, 2 * w]))
        np.testing.assert_allclose(gw, 3 * xs)
        total = fg.grad(lambda w: np.sum(fg.vmap(f, (0, None))(xs, w)))(w)
        np.testing.assert_allclose(total, 3 * np.sum(xs, axis=0))
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(f), (0, None)))(xs, w), np.stack([2 * w, 2 * w]))
        # the gradient of an argument that its rule does not batch counts each element
        g = fg.custom_vjp(lambda x, w: x * w)
        g.defvjp(lambda x, w: (x * w, None), lambda res, ct: (ct, 1.0))
        assert fg.grad(lambda w: np.sum(fg.vmap(g, (0, None))(X, w)))(2.0) == 3.0

    def test_nested_vmap(self):
        f = cube_with_wrong_rule()
        a = np.outer(X, Y)
        np.testing.assert_allclose(fg.vmap(fg.vmap(fg.grad(f)))(a), 10 * a)
        np.testing.assert_allclose(fg.grad(lambda a: np.sum(fg.vmap(fg.vmap(f))(a)))(a), 10 * a)

    def test_closure_over_values_of_vmap_and_jit(self):
        def outer(scale, x):
            f = fg.custom_vjp(lambda x: scale * x**3)
            f.defvjp(lambda x: (scale * x**3, x), lambda x, ct: (scale * 10.0 * x * ct,))
            return f(x)

        np.testing.assert_allclose(fg.vmap(outer)(X, Y), X * Y**3)
        np.testing.assert_allclose(fg.vmap(fg.grad(outer, 1))(X, Y), 10 * X * Y)
        np.testing.assert_allclose(fg.grad(lambda y: np.sum(fg.vmap(outer)(X, y)))(Y), 10 * X * Y)
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(outer, 1)))(X, Y), 10 * X * Y)
        np.testing.assert_allclose(fg.jit(fg.grad(outer, 1))(2.0, 3.0), 60.0)
        np.testing.assert_allclose(fg.vmap(fg.jit(fg.grad(outer, 1)))(X, Y), 10 * X * Y)

    def test_closure_over_a_differentiated_value_is_refused(self):
        def outer(scale):
            f = fg.custom_vjp(lambda x: scale * x)
            f.defvjp(lambda x: (scale * x, None), lambda res, ct: (scale * ct,))
            return f(3.0)

        with pytest.raises(NotDifferentiableError, match=r"^Pass `scale` as an argument.*closes over `scale`"):
            fg.grad(outer)(2.0)

    def test_closure_over_a_value_of_an_outer_derivative(self):
        """The inner derivative alone sees the rule; the outer differentiates what fwd and bwd compute."""

        def inner_slope(scale):
            def slope(x):
                f = fg.custom_vjp(lambda x, scale: scale * x**3)
                f.defvjp(lambda x, s: (s * x**3, (x, s)), lambda r, ct: (10.0 * r[1] * r[0] * ct, 0.0))
                return f(x, scale)

            return fg.grad(slope)(2.0)

        assert inner_slope(3.0) == 60.0
        assert fg.grad(inner_slope)(3.0) == 20.0

    def test_keywords_and_defaults(self):
        def f(x, y=2.0):
            return x * y

        g = fg.custom_vjp(f)
        g.defvjp(lambda x, y=2.0: (x * y, (x, y)), lambda r, ct: (ct * r[1], ct * r[0]))
        assert g(3.0) == 6.0
        assert fg.grad(lambda x: g(x, y=5.0))(3.0) == 5.0
        assert fg.grad(lambda x: g(y=5.0, x=x))(3.0) == 5.0
        assert fg.grad(g)(3.0) == 2.0

    def test_integer_argument_needs_no_cotangent(self):
        f = fg.custom_vjp(lambda x, n: x * n)
        f.defvjp(lambda x, n: (x * n, n), lambda n, ct: (ct * n, None))
        assert fg.grad(f)(2.0, 3) == 3.0

    def test_none_for_an_argument_that_needs_no_cotangent(self):
        f = fg.custom_vjp(lambda x, y: x * y)
        f.defvjp(lambda x, y: (x * y, y), lambda y, ct: (ct * y, None))
        assert fg.grad(f)(2.0, 5.0) == 5.0
        with pytest.raises(TypeError, match=r"^Return zeros.*returned None for argument 1"):
            fg.grad(f, 1)(2.0, 5.0)

    def test_gradient_dtype_is_the_arguments(self):
        f = fg.custom_vjp(lambda x: x * 2)
        f.defvjp(lambda x: (x * 2, None), lambda res, ct: (np.float64(2.0) * ct.astype(np.float64),))
        assert fg.grad(lambda x: np.sum(f(x)))(X.astype(np.float32)).dtype == np.float32

    @pytest.mark.parametrize(
        "fwd, bwd, message",
        [
            (
                lambda x, y: (x, None),
                lambda r, ct: None,
                "must return a tuple with a cotangent for each of its 2.*None",
            ),
            (lambda x, y: (x, None), lambda r, ct: (ct,), "must return a tuple.*2 .*length 1"),
            (lambda x, y: (x, None), lambda r, ct: ct, "must return a tuple.*2"),
            (lambda x, y: (x, None), lambda r, ct: (ct, ct, ct), "length 3"),
            (lambda x, y: (x, None), lambda r, ct: (None, ct), "returned None for argument 0"),
            (lambda x, y: (x, None), lambda r, ct: (ct[:2], ct), r"argument 0 .*shape \(2,\).*shape \(3,\)"),
            (lambda x, y: (x, None), lambda r, ct: (ct, "text"), "argument 1 .*str"),
            (lambda x, y: x, lambda r, ct: (ct, ct), r"fwd rule .*must return \(output, residuals\)"),
        ],
    )
    def test_faulty_rules(self, fwd, bwd, message):
        def faulty(x, y):
            return x * 1.0

        f = fg.custom_vjp(faulty)
        f.defvjp(fwd, bwd)
        with pytest.raises((TypeError, ValueError), match=message) as caught:
            fg.grad(lambda x, y: np.sum(f(x, y)), (0, 1))(X, Y)
        assert "`faulty`" in str(caught.value)

    def test_no_rule(self):
        with pytest.raises(AttributeError, match=r"defvjp"):
            fg.custom_vjp(lambda x: x)(1.0)
        with pytest.raises(TypeError, match=r"takes a function"):
            fg.custom_vjp(3.0)

    def test_argument_that_is_no_array(self):
        f = fg.custom_vjp(lambda x, name: x)
        f.defvjp(lambda x, name: (x, None), lambda r, ct: (ct, None))
        with pytest.raises(TypeError, match=r"nondiff_argnums=\(1,\).*argument 1.*str"):
            fg.grad(f)(1.0, "label")

    @pytest.mark.parametrize(
        "forward",
        [
            lambda f: fg.jvp(f, (X,), (Y,)),
            lambda f: fg.jacfwd(f)(X),
            lambda f: fg.linearize(f, X)[1](Y),
            lambda f: fg.hessian(lambda x: fg.jvp(f, (x,), (x,))[1][0])(X),
        ],
    )
    def test_forward_mode_raises(self, forward):
        with pytest.raises(NotDifferentiableError, match=r"custom_jvp.*custom_vjp"):
            forward(cube_with_wrong_rule())

    def test_jit_around_and_inside(self):
        f = cube_with_wrong_rule()
        np.testing.assert_allclose(fg.jit(f)(X), X**3)
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(fg.jit(f)(x)))(X), 10 * X)
        np.testing.assert_allclose(fg.jit(fg.grad(lambda x: np.sum(f(x))))(X), 10 * X)
        g = fg.custom_vjp(fg.jit(lambda x: x**3))
        g.defvjp(fg.jit(lambda x: (x**3, x)), fg.jit(lambda x, ct: (10.0 * x * ct,)))
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(g(x)))(X), 10 * X)

    def test_keeps_the_functions_name(self):
        @fg.custom_vjp
        def named(x):
            """Documented."""
            return x

        assert (named.__name__, named.__doc__) == ("named", "Documented.")


class TestCustomJvp:
    @staticmethod
    def make():
        f = fg.custom_jvp(lambda x: x**3)
        f.defjvps(lambda t, out, x: 10.0 * x * t)
        return f

    def test_serves_both_modes(self):
        f = self.make()
        assert f(2.0) == 8.0
        assert fg.jvp(f, (2.0,), (1.0,)) == (8.0, 20.0)
        assert fg.grad(f)(2.0) == 20.0
        np.testing.assert_allclose(fg.jacfwd(f)(X), np.diag(10 * X))
        np.testing.assert_allclose(fg.jacrev(f)(X), np.diag(10 * X))
        np.testing.assert_allclose(fg.linearize(f, X)[1](Y), 10 * X * Y)

    def test_higher_orders_differentiate_the_rule(self):
        f = self.make()
        assert fg.grad(fg.grad(f))(2.0) == 10.0
        assert fg.hessian(f)(2.0) == 10.0
        assert fg.jvp(lambda x: fg.jvp(f, (x,), (1.0,))[1], (2.0,), (1.0,))[1] == 10.0

    def test_defjvp(self):
        f = fg.custom_jvp(lambda x, y: np.sin(x) * y)

        @f.defjvp
        def rule(primals, tangents):
            (x, y), (s, t) = primals, tangents
            return f(x, y), np.cos(x) * s * y + np.sin(x) * t

        check_grads(f, (X, Y), order=2)
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(f(x, Y)))(X), np.cos(X) * Y)

    def test_defjvps_for_some_arguments(self):
        f = fg.custom_jvp(lambda x, y: x * y)
        f.defjvps(lambda t, out, x, y: t * y * 2.0, None)
        assert fg.grad(f, (0, 1))(3.0, 5.0) == (10.0, 0.0)
        assert fg.jvp(f, (3.0, 5.0), (0.0, 1.0))[1] == 0.0

    def test_nondiff_argnums(self):
        f = fg.custom_jvp(lambda g, x, n: g(x) * n, nondiff_argnums=(0, 2))
        f.defjvp(lambda g, n, primals, tangents: (f(g, *primals, n), 7.0 * n * tangents[0]))
        assert fg.grad(lambda x: f(np.sin, x, 2))(1.0) == 14.0
        assert fg.jvp(lambda x: f(np.sin, x, 2), (1.0,), (1.0,))[1] == 14.0

    def test_pytrees(self):
        f = fg.custom_jvp(lambda p: (p["a"] * p["b"], {"s": p["a"]}))

        @f.defjvp
        def rule(primals, tangents):
            (p,), (t,) = primals, tangents
            return f(p), (t["a"] * p["b"] + p["a"] * t["b"], {"s": t["a"]})

        check_grads(f, ({"a": X, "b": Y},), order=2)

    def test_vmap(self):
        f = self.make()
        np.testing.assert_allclose(fg.vmap(f)(X), X**3)
        np.testing.assert_allclose(fg.vmap(fg.grad(f))(X), 10 * X)
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(fg.vmap(f)(x)))(X), 10 * X)
        np.testing.assert_allclose(fg.jvp(fg.vmap(f), (X,), (Y,))[1], 10 * X * Y)
        g = fg.custom_jvp(lambda x, w: np.sum(x * w))
        g.defjvps(lambda t, out, x, w: np.sum(t * w), lambda t, out, x, w: np.sum(x * t) * 3.0)
        xs = np.stack([X, 2 * X])
        np.testing.assert_allclose(
            fg.grad(lambda w: np.sum(fg.vmap(g, (0, None))(xs, w)))(Y), 3 * xs.sum(axis=0)
        )

    def test_jit(self):
        f = self.make()
        np.testing.assert_allclose(fg.jit(f)(X), X**3)
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(fg.jit(f)(x)))(X), 10 * X)
        np.testing.assert_allclose(fg.jit(fg.grad(lambda x: np.sum(f(x))))(X), 10 * X)
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(f)))(X), 10 * X)

    def test_closures(self):
        def outer(scale, x):
            f = fg.custom_jvp(lambda x: scale * x**3)
            f.defjvp(
                lambda primals, tangents: (scale * primals[0] ** 3, scale * 10.0 * primals[0] * tangents[0])
            )
            return f(x)

        np.testing.assert_allclose(fg.vmap(fg.grad(outer, 1))(X, Y), 10 * X * Y)
        np.testing.assert_allclose(fg.jit(fg.grad(outer, 1))(2.0, 3.0), 60.0)
        with pytest.raises(NotDifferentiableError, match=r"closes over `scale`"):
            fg.grad(outer)(2.0, 3.0)

    def test_closures_of_defjvps(self):
        def outer(scale, x):
            f = fg.custom_jvp(lambda x: x**3)
            f.defjvps(lambda t, out, x: scale * 10.0 * x * t)
            return f(x)

        np.testing.assert_allclose(fg.vmap(fg.grad(outer, 1))(X, Y), 10 * X * Y)
        np.testing.assert_allclose(fg.jit(fg.grad(outer, 1))(2.0, 3.0), 60.0)
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(outer, 1)))(X, Y), 10 * X * Y)
        for refused in (
            lambda: fg.grad(outer, (0, 1))(2.0, 3.0),
            lambda: fg.jvp(outer, (2.0, 3.0), (1.0, 1.0)),
        ):
            with pytest.raises(NotDifferentiableError, match=r"closes over"):
                refused()

    def test_rule_that_is_not_linear(self):
        f = fg.custom_jvp(lambda x: x * 1.0)
        f.defjvps(lambda t, out, x: t * t)
        with pytest.raises(NotDifferentiableError, match=r"not linear"):
            fg.grad(f)(2.0)

    @pytest.mark.parametrize(
        "rule, message",
        [
            (lambda p, t: t[0], r"must return \(output, tangent\)"),
            (lambda p, t: (p[0], t[0][:2]), r"shape \(2,\).*shape \(3,\)"),
            (lambda p, t: (p[0], None), "structure|NoneType|None"),
        ],
    )
    def test_faulty_rules(self, rule, message):
        f = fg.custom_jvp(lambda x: x * 1.0)
        f.defjvp(rule)
        with pytest.raises((TypeError, ValueError), match=message):
            fg.jvp(f, (X,), (Y,))

    def test_no_rule(self):
        with pytest.raises(AttributeError, match=r"defjvp"):
            fg.custom_jvp(lambda x: x)(1.0)


class Box:
    value = None


class TestTracedValuesHiddenInObjects:
    """What a rule finds in a global or an attribute is no argument: refused, and never a wrong number."""

    @staticmethod
    def with_vjp(a):
        Box.value = a
        f = fg.custom_vjp(lambda x: Box.value * x)
        f.defvjp(lambda x: (Box.value * x, None), lambda res, ct: (Box.value * ct,))
        return f(a)

    @staticmethod
    def with_jvp(a):
        Box.value = a
        f = fg.custom_jvp(lambda x: Box.value * x)
        f.defjvp(lambda p, t: (Box.value * p[0], Box.value * t[0]))
        return f(a)

    @staticmethod
    def with_jvp_rule(a):
        Box.value = a
        f = fg.custom_jvp(lambda x: x * x)
        f.defjvp(lambda p, t: (p[0] * p[0], Box.value * t[0]))
        return f(a)

    TRANSFORMS = {
        "grad": lambda f: fg.grad(f)(2.0),
        "vjp": lambda f: fg.vjp(f, 2.0)[1](1.0),
        "jvp": lambda f: fg.jvp(f, (2.0,), (1.0,)),
        "vmap": lambda f: fg.vmap(f)(X),
        "vmap of grad": lambda f: fg.vmap(fg.grad(f))(X),
        "jit of grad": lambda f: fg.jit(fg.grad(f))(2.0),
    }

    @pytest.mark.parametrize("transform", TRANSFORMS)
    @pytest.mark.parametrize("name", ["with_vjp", "with_jvp", "with_jvp_rule"])
    def test_refused(self, name, transform):
        if (name, transform) == ("with_vjp", "jvp") or (name, transform) == ("with_jvp_rule", "vmap"):
            return  # another error, and no use of the hidden value
        with pytest.raises((TypeError, EscapedTracerError), match=r"traced value"):
            self.TRANSFORMS[transform](getattr(self, name))


class Counted:
    def __init__(self, fun):
        self.fun = fun
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        return self.fun(*args)


class TestCheckpoint:
    def test_values_and_gradients(self):
        f = lambda x, y: np.sin(x) * np.exp(y) + x
        check_grads(fg.checkpoint(f), (X, Y), order=2)
        np.testing.assert_array_equal(fg.checkpoint(f)(X, Y), f(X, Y))
        np.testing.assert_array_equal(fg.vjp(fg.checkpoint(f), X, Y)[1](Y)[0], fg.vjp(f, X, Y)[1](Y)[0])
        assert fg.remat is fg.checkpoint

    def test_evaluations(self):
        f = Counted(np.sin)
        fg.checkpoint(f)(X)
        assert f.calls == 1
        f.calls = 0
        _, pullback = fg.vjp(fg.checkpoint(f), X)
        pullback(Y)
        pullback(Y)
        fg.jvp(fg.checkpoint(f), (X,), (Y,))
        assert f.calls == 2

    def test_nested(self):
        f = Counted(lambda x: np.sin(x) * x)
        chain = lambda x: fg.checkpoint(lambda x: fg.checkpoint(f)(fg.checkpoint(f)(x)))(x)
        plain = lambda x: f.fun(f.fun(x))
        assert fg.grad(chain)(0.7) == fg.grad(plain)(0.7)
        assert fg.grad(fg.grad(chain))(0.7) == pytest.approx(fg.grad(fg.grad(plain))(0.7), rel=1e-14)

    def test_saves_arguments_only(self):
        """What the inside computes is let go of before the backward pass."""
        import weakref

        alive = []

        def f(x):
            inside = np.exp(x)
            alive.append(weakref.ref(inside.value))
            return np.sum(inside * inside)

        _, pullback = fg.vjp(fg.checkpoint(f), X)
        assert alive[0]() is None
        np.testing.assert_allclose(pullback(1.0)[0], 2 * np.exp(2 * X))

    def test_pytrees_and_static_leaves(self):
        f = fg.checkpoint(lambda p, mode, *, scale: {"y": p["a"] * scale if mode == "times" else p["a"]})
        found = fg.grad(lambda p: np.sum(f(p, "times", scale=p["s"])["y"]))({"a": X, "s": 2.0})
        np.testing.assert_array_equal(found["a"], np.full(3, 2.0))
        np.testing.assert_allclose(found["s"], np.sum(X))

    def test_closures(self):
        """Closed-over traced values get their derivative too."""
        assert fg.grad(lambda a: fg.checkpoint(lambda x: a * x * x)(3.0))(2.0) == 9.0
        assert fg.grad(lambda a: fg.checkpoint(lambda x: a * x * x)(a))(2.0) == 12.0
        assert fg.jvp(lambda a: fg.checkpoint(lambda x: a * x * x)(a), (2.0,), (1.0,))[1] == 12.0
        np.testing.assert_array_equal(fg.vmap(lambda a: fg.checkpoint(lambda x: a * x)(2.0))(X), 2 * X)
        np.testing.assert_allclose(
            fg.jit(fg.grad(lambda a: fg.checkpoint(lambda x: a * x * x)(a)))(2.0), 12.0
        )
        layers = lambda a: [lambda x: a * x, partial(lambda a, x: x + a, a)]
        through = lambda fs, x: fg.checkpoint(lambda x: fs[1](fs[0](x)))(x)
        assert fg.grad(lambda a: through(layers(a), a))(2.0) == 5.0
        np.testing.assert_array_equal(fg.vmap(lambda a: through(layers(a), a))(X), X * X + X)
        weights = {"w": [1.0]}

        def loss(w):
            params = {"w": [w, None]}

            def helper(x):
                return params["w"][0] * x

            @fg.checkpoint
            def block(x, power=w):
                return helper(x) ** 2 * power

            return block(weights["w"][0])

        assert fg.grad(loss)(2.0) == 12.0

    def test_value_hidden_in_an_object(self):
        """A traced value that the function finds in an attribute gets its derivative as well."""

        class Box:
            pass

        box = Box()

        def loss(w):
            box.w = w
            return fg.checkpoint(lambda x: box.w * np.sin(x))(w * 1.0)

        plain = lambda w: w * np.sin(w)
        assert fg.grad(loss)(2.0) == fg.grad(plain)(2.0)
        assert fg.grad(fg.grad(loss))(2.0) == pytest.approx(fg.grad(fg.grad(plain))(2.0), rel=1e-15)
        np.testing.assert_array_equal(fg.vmap(fg.grad(loss))(X), fg.vmap(fg.grad(plain))(X))
        np.testing.assert_allclose(fg.jit(fg.grad(loss))(2.0), fg.grad(plain)(2.0), rtol=1e-15)

    def test_inside_everything(self):
        f = fg.checkpoint(lambda x: np.sin(x) * x)
        g = lambda x: np.sin(x) * x
        np.testing.assert_allclose(fg.vmap(fg.grad(f))(X), fg.vmap(fg.grad(g))(X))
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(fg.vmap(f)(x)))(X), fg.vmap(fg.grad(g))(X))
        np.testing.assert_allclose(fg.jit(fg.grad(lambda x: np.sum(f(x))))(X), fg.vmap(fg.grad(g))(X))
        np.testing.assert_allclose(fg.grad(lambda x: np.sum(fg.jit(f)(x)))(X), fg.vmap(fg.grad(g))(X))
        np.testing.assert_allclose(
            fg.hessian(lambda x: np.sum(f(x)))(X), fg.hessian(lambda x: np.sum(g(x)))(X)
        )
        np.testing.assert_allclose(fg.jacfwd(f)(X), fg.jacfwd(g)(X))
        np.testing.assert_allclose(fg.linearize(f, X)[1](Y), fg.jvp(g, (X,), (Y,))[1])

    def test_integer_and_unused_outputs(self):
        f = fg.checkpoint(lambda x: (np.sin(x), np.argmax(x), np.ones(2)))
        found = fg.grad(lambda x: np.sum(f(x)[0]))(X)
        np.testing.assert_allclose(found, np.cos(X))
        out, pullback = fg.vjp(f, X)
        assert out[1] == 2 and not isinstance(out[1], np.ndarray | float)
        np.testing.assert_array_equal(pullback((np.zeros(3), out[1], np.ones(2)))[0], np.zeros(3))

    def test_value_dependent_control_flow(self):
        f = fg.checkpoint(lambda x: x * x if x > 0 else -x)
        assert (fg.grad(f)(3.0), fg.grad(f)(-3.0)) == (6.0, -1.0)


@fg.custom_vjp
def doubled_gradient(x):
    return x * x


doubled_gradient.defvjp(lambda x: (x * x, x), lambda x, ct: (ct * x * 4.0,))


@fg.custom_jvp
def tripled_gradient(x):
    return x * x


tripled_gradient.defjvps(lambda t, y, x: t * x * 6.0)


@pytest.mark.parametrize("fun, slope", [(doubled_gradient, 4.0), (tripled_gradient, 6.0)])
def test_functions_with_rules_pickle(fun, slope, monkeypatch):
    module = ModuleType(fun.__module__)
    module.__dict__.update(globals())
    monkeypatch.setitem(sys.modules, fun.__module__, module)
    assert pickle.loads(pickle.dumps(fun)) is fun
    assert pickle.loads(pickle.dumps(fg.jit(fg.grad(fun))))(3.0) == 3.0 * slope
    assert fun.__name__ in repr(fun)


def program(fun, *args):
    """`fun` as a graph_call, as jit makes one, run by the reference interpreter."""
    graph = trace_graph(fun, [aval_of(a) for a in args])
    return lambda *xs: graph_call(*xs, graph=graph, run=evaluate), graph


def pair(x, y):
    return np.sin(x) * y, np.sum(x * y * y), np.argmax(x), np.ones(2)


class TestGraphCall:
    _call, graph = program(pair, X, Y)
    call = staticmethod(_call)

    @staticmethod
    def floats(f):
        return lambda x, y: (f(x, y)[0], f(x, y)[1])

    def test_value(self):
        for a, b in zip(self.call(X, Y), pair(X, Y), strict=True):
            np.testing.assert_array_equal(a, b)
        self.graph.check()

    def test_derivatives(self):
        check_grads(self.floats(self.call), (X, Y), order=2)
        for argnums in (0, 1, (0, 1)):
            found = fg.grad(lambda x, y: np.sum(self.call(x, y)[0]) + self.call(x, y)[1], argnums)(X, Y)
            expected = fg.grad(lambda x, y: np.sum(pair(x, y)[0]) + pair(x, y)[1], argnums)(X, Y)
            for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(expected)):
                np.testing.assert_allclose(a, b)

    def test_third_order(self):
        f = lambda call: lambda x: np.sum(call(x, Y)[0] ** 2)
        third = lambda call: fg.jvp(fg.grad(lambda x: np.sum(fg.grad(f(call))(x) ** 2)), (X,), (Y,))[1]
        np.testing.assert_allclose(third(self.call), third(pair), rtol=1e-12)

    def test_vmap(self):
        xs, ys = np.stack([X, 2 * X]), np.stack([Y, Y - 1])
        for axes in ((0, 0), (0, None), (None, 0)):
            args = [a if axis == 0 else a[0] for a, axis in zip((xs, ys), axes)]
            for a, b in zip(fg.vmap(self.call, axes)(*args), fg.vmap(pair, axes)(*args), strict=True):
                np.testing.assert_allclose(a, b)
            gradient = lambda call: fg.vmap(fg.grad(lambda x, y: call(x, y)[1], (0, 1)), axes)(*args)
            for a, b in zip(gradient(self.call), gradient(pair)):
                np.testing.assert_allclose(a, b)

    def test_constant_output_does_not_move(self):
        _, moved = fg.jvp(lambda x: self.call(x, Y)[3], (X,), (Y,))
        np.testing.assert_array_equal(moved, np.zeros(2))
        np.testing.assert_array_equal(fg.grad(lambda x: np.sum(self.call(x, Y)[3]))(X), np.zeros(3))

    def test_only_integer_outputs(self):
        call, _ = program(lambda x: (np.argmax(x),), X)
        np.testing.assert_array_equal(fg.grad(lambda x: np.sum(x) * call(x)[0])(X), np.full(3, 2.0))

    def test_derivatives_are_made_once(self):
        call, graph = program(lambda x: (np.sin(x),), X)
        for _ in range(3):
            fg.grad(lambda x: np.sum(call(x)[0]))(X)
            fg.vmap(lambda x: call(x)[0])(np.stack([X, X]))
        assert len(graph.cache) == 2

    def test_staged_inside_another_program(self):
        outer = trace_graph(lambda x, y: self.call(x, y)[:2], [aval_of(X), aval_of(Y)])
        outer.check()
        for a, b in zip(evaluate(outer, [X, Y]), pair(X, Y)):
            np.testing.assert_allclose(a, b)

    def test_transpose_of_a_linear_program(self):
        call, _ = program(lambda x: (np.cumsum(x) * Y,), X)
        found = fg.linear_transpose(lambda x: call(x)[0], X)(X)[0]
        np.testing.assert_allclose(found, np.cumsum((X * Y)[::-1])[::-1])


class TestRulesThatReturnTheirArguments:
    """What a rule returns may be an argument or the user's array: the results are copies."""

    constant = np.array([1.0, 2.0, 3.0])

    def check(self, x, *results):
        for n, g in enumerate(results):
            assert not any(np.shares_memory(g, other) for other in (x, self.constant, *results[:n]))

    def test_custom_vjp(self):
        f = fg.custom_vjp(lambda x, y: np.sum(x * x) / 2 + np.sum(y))
        f.defvjp(lambda x, y: (f(x, y), x), lambda x, ct: (x, x))
        self.check(X, *fg.grad(f, argnums=(0, 1))(X, Y))
        f.defvjp(lambda x, y: (f(x, y), x), lambda x, ct: (self.constant, self.constant))
        self.check(X, *fg.grad(f, argnums=(0, 1))(X, Y))

    def test_custom_jvp(self):
        f = fg.custom_jvp(lambda x: 2.0 * x)
        f.defjvp(lambda primals, tangents: (2.0 * primals[0], self.constant))
        self.check(X, *fg.jvp(f, (X,), (Y,)))
