"""Transformations inside each other: perturbations stay apart, in any nesting."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from functools import reduce

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.errors import EscapedTracerError


def forward(f):
    """The derivative of a function of one number, by forward mode."""
    return lambda x: fg.jvp(f, (x,), (np.ones_like(x),))[1]


def backward_of(f):
    """The derivative by vjp."""
    return lambda x: fg.vjp(f, x)[1](np.ones_like(x))[0]


def linearized(f):
    """The derivative by linearize."""
    return lambda x: fg.linearize(f, x)[1](np.ones_like(x))


MODES = {"grad": fg.grad, "jvp": forward, "vjp": backward_of, "linearize": linearized, "jacfwd": fg.jacfwd}
each_mode = pytest.mark.parametrize("D", MODES.values(), ids=MODES)
each_pair = pytest.mark.parametrize(
    "D, E",
    [(D, E) for D in MODES.values() for E in MODES.values()],
    ids=[f"{d}-{e}" for d in MODES for e in MODES],
)


class TestPerturbationConfusion:
    @each_pair
    def test_constant_inside(self, D, E):
        # x d/dy (x + y) = x, whose derivative is 1; mistaking one perturbation for the other gives 2
        assert D(lambda x: x * E(lambda y: x + y)(1.0))(1.0) == 1.0

    @each_pair
    def test_product_inside(self, D, E):
        # x d/dy (x y) = x^2
        assert D(lambda x: x * E(lambda y: x * y)(2.0))(3.0) == 6.0

    @each_pair
    def test_outer_value_as_the_inner_point(self, D, E):
        # d/dy (x y^2) at y = x is 2 x^2
        assert D(lambda x: E(lambda y: x * y * y)(x))(3.0) == 12.0

    @each_pair
    def test_inner_function_of_the_outer_value_only(self, D, E):
        assert D(lambda x: E(lambda y: x * x)(1.0) + x)(2.0) == 1.0

    @each_pair
    def test_constant_derivative_of_a_constant(self, D, E):
        assert D(lambda x: E(lambda y: 3.0 * y)(x))(2.0) == 0.0

    @pytest.mark.parametrize("order", list(itertools.product((fg.grad, forward, backward_of), repeat=3)))
    def test_three_levels(self, order):
        A, B, C = order
        f = lambda x: x * B(lambda y: x * y * C(lambda z: x * y * z * z)(y))(x)
        # d/dz (x y z^2) at z = y is 2 x y y; times x y: 2 x^2 y^3; d/dy: 6 x^2 y^2; at y = x, times x: 6 x^5
        assert A(f)(1.0) == 30.0
        assert A(f)(2.0) == 30.0 * 16

    @each_mode
    def test_functions_as_values(self, D):
        """The derivative of the shift operator at 0, applied twice to exp, is exp, and never 0."""
        shift = lambda u: lambda f: lambda x: f(x + u)
        derivative = lambda f: lambda x: D(lambda u: shift(u)(f)(x))(0.0)
        np.testing.assert_allclose(derivative(derivative(np.exp))(1.0), math.e, rtol=1e-15)
        np.testing.assert_allclose(derivative(derivative(lambda x: x**3))(2.0), 12.0, rtol=1e-15)

    def test_function_that_carries_a_perturbation_out(self):
        """A closure over a perturbed value, returned from the derivative, is refused and never quietly 0."""
        kept = {}

        def leak(u):
            kept["f"] = lambda f: lambda x: f(x + u)
            return u

        fg.grad(leak)(0.0)
        with pytest.raises(EscapedTracerError):
            fg.grad(lambda x: kept["f"](np.exp)(x))(1.0)
        with pytest.raises(TypeError, match=r"function"):
            fg.grad(lambda u: lambda x: x + u)(0.0)

    @each_pair
    def test_derivative_of_an_argument_that_is_a_derivative(self, D, E):
        # f takes a function and is itself differentiated: d/dx g'(x) h(x), with g, h closing over x
        def apply(g, x):
            return E(g)(x) * g(x)

        # g(y) = x y^2: E(g)(x) = 2 x^2, g(x) = x^3
        np.testing.assert_allclose(D(lambda x: apply(lambda y: x * y * y, x))(2.0), 10 * 2.0**4)

    def test_vmap_inside_derivative_inside_vmap(self):
        inner = lambda x: np.sum(fg.vmap(lambda y: x * fg.grad(lambda z: x * y * z * z)(y))(np.arange(3.0)))
        # x * 2 x y^2 summed over y = 0, 1, 2: 10 x^2
        np.testing.assert_array_equal(fg.vmap(fg.grad(inner))(np.array([1.0, 2.0])), [20.0, 40.0])

    def test_nested_minimum(self):
        """Derivatives of an optimiser's result, and of its inner gradients."""

        def minimum(a):
            y = 0.5
            for _ in range(60):
                y = y - 0.2 * fg.grad(lambda y: (y - a * a) ** 2)(y)
            return y

        np.testing.assert_allclose(fg.grad(minimum)(1.5), 3.0, rtol=1e-10)
        np.testing.assert_allclose(forward(fg.grad(minimum))(1.5), 2.0, rtol=1e-10)


def test_order_four():
    f = lambda x: np.sin(x) * x**2 + np.exp(-x)
    expected = [
        lambda x: x**2 * np.cos(x) + 2 * x * np.sin(x) - np.exp(-x),
        lambda x: -(x**2) * np.sin(x) + 4 * x * np.cos(x) + 2 * np.sin(x) + np.exp(-x),
        lambda x: -(x**2) * np.cos(x) - 6 * x * np.sin(x) + 6 * np.cos(x) - np.exp(-x),
        lambda x: x**2 * np.sin(x) - 8 * x * np.cos(x) - 12 * np.sin(x) + np.exp(-x),
    ]
    for order, exact in enumerate(expected, 1):
        np.testing.assert_allclose(
            reduce(lambda g, _: fg.grad(g), range(order), f)(0.7), exact(0.7), rtol=1e-13
        )


@pytest.mark.parametrize("modes", list(itertools.product(MODES, repeat=3)), ids="-".join)
def test_third_derivative_in_every_combination(modes):
    f = lambda x: np.sin(2.0 * x) / (1.0 + x * x)
    found = reduce(lambda g, m: MODES[m](g), modes, f)(0.4)
    np.testing.assert_allclose(found, reduce(lambda g, _: forward(g), range(3), f)(0.4), rtol=1e-11)


def test_mixed_partial_derivatives():
    f = lambda x, y: np.sin(x * y) + x**3 * y
    mixed = fg.grad(fg.grad(f, 0), 1)(0.3, 0.7)
    other = fg.grad(fg.grad(f, 1), 0)(0.3, 0.7)
    exact = math.cos(0.21) - 0.21 * math.sin(0.21) + 3 * 0.3**2
    np.testing.assert_allclose([mixed, other], [exact, exact], rtol=1e-14)


def vector_function(x):
    return np.tanh(x @ W) * np.sum(x)


W = np.random.default_rng(0).normal(size=(3, 3))
X = np.random.default_rng(1).normal(size=(4, 3))


def energy(x):
    return np.sum(vector_function(x) ** 2)


def per_row(f, xs):
    return np.stack([f(x) for x in xs])


COMPOSED = {
    "vmap of grad": (fg.vmap(fg.grad(energy)), lambda xs: per_row(fg.grad(energy), xs)),
    "grad of vmap": (
        fg.grad(lambda xs: np.sum(fg.vmap(energy)(xs))),
        lambda xs: per_row(fg.grad(energy), xs),
    ),
    "vmap of vmap of grad": (
        lambda xs: fg.vmap(fg.vmap(fg.grad(energy)))(np.stack([xs, 2 * xs])),
        lambda xs: np.stack([per_row(fg.grad(energy), xs), per_row(fg.grad(energy), 2 * xs)]),
    ),
    "vmap of hessian": (fg.vmap(fg.hessian(energy)), lambda xs: per_row(fg.hessian(energy), xs)),
    "jvp of vjp": (
        lambda xs: fg.jvp(lambda x: fg.vjp(vector_function, x)[1](np.ones(3))[0], (xs[0],), (xs[1],))[1],
        lambda xs: fg.hvp(lambda x: np.sum(vector_function(x)), (xs[0],), (xs[1],)),
    ),
    "vjp of jvp": (
        lambda xs: fg.vjp(lambda x: fg.jvp(energy, (x,), (xs[1],))[1], xs[0])[1](1.0)[0],
        lambda xs: fg.hvp(energy, (xs[0],), (xs[1],)),
    ),
    "jacfwd of jacrev": (
        lambda xs: fg.jacfwd(fg.jacrev(energy))(xs[0]),
        lambda xs: fg.hessian(energy)(xs[0]),
    ),
    "jacrev of jacfwd": (
        lambda xs: fg.jacrev(fg.jacfwd(energy))(xs[0]),
        lambda xs: fg.hessian(energy)(xs[0]),
    ),
    "jacrev of jacrev": (
        lambda xs: fg.jacrev(fg.jacrev(energy))(xs[0]),
        lambda xs: fg.hessian(energy)(xs[0]),
    ),
    "grad of linearize": (
        lambda xs: fg.grad(lambda x: fg.linearize(energy, x)[1](xs[1]))(xs[0]),
        lambda xs: fg.hvp(energy, (xs[0],), (xs[1],)),
    ),
    "grad of linear_transpose": (
        lambda xs: fg.grad(lambda s: np.sum(fg.linear_transpose(lambda x: x @ W * s, xs[0])(xs[1])[0]))(2.0),
        lambda xs: np.float64(np.sum(xs[1] @ W.T)),
    ),
    "vmap of vjp_fun": (
        lambda xs: fg.vmap(fg.vjp(vector_function, xs[0])[1])(np.eye(3))[0],
        lambda xs: fg.jacrev(vector_function)(xs[0]),
    ),
    "vmap of f_jvp": (
        lambda xs: fg.vmap(fg.linearize(vector_function, xs[0])[1], out_axes=1)(np.eye(3)),
        lambda xs: fg.jacfwd(vector_function)(xs[0]),
    ),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed(name):
    found, expected = COMPOSED[name]
    np.testing.assert_allclose(found(X), expected(X), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", COMPOSED)
def test_jit_around(name):
    found, expected = COMPOSED[name]
    np.testing.assert_allclose(fg.jit(found)(X), expected(X), rtol=1e-11, atol=1e-13)


J = fg.jit(vector_function)
JIT_INSIDE = {
    "grad": (fg.grad(lambda x: np.sum(J(x) ** 2)), fg.grad(energy)),
    "grad of grad": (
        fg.grad(lambda x: np.sum(fg.grad(lambda y: np.sum(J(y) ** 2))(x) ** 2)),
        fg.grad(lambda x: np.sum(fg.grad(energy)(x) ** 2)),
    ),
    "jvp": (lambda x: fg.jvp(J, (x,), (x,))[1], lambda x: fg.jvp(vector_function, (x,), (x,))[1]),
    "jvp of grad": (
        lambda x: fg.jvp(fg.grad(lambda x: np.sum(J(x) ** 2)), (x,), (x,))[1],
        lambda x: fg.hvp(energy, (x,), (x,)),
    ),
    "vmap": (
        lambda x: fg.vmap(J)(np.stack([x, 2 * x])),
        lambda x: fg.vmap(vector_function)(np.stack([x, 2 * x])),
    ),
    "vmap of grad": (
        lambda x: fg.vmap(fg.grad(lambda x: np.sum(J(x) ** 2)))(np.stack([x, 2 * x])),
        lambda x: fg.vmap(fg.grad(energy))(np.stack([x, 2 * x])),
    ),
    "jit of jit": (fg.jit(lambda x: J(J(x))), lambda x: vector_function(vector_function(x))),
    "jacrev": (fg.jacrev(J), fg.jacrev(vector_function)),
    "jacfwd": (fg.jacfwd(J), fg.jacfwd(vector_function)),
    "hessian": (fg.hessian(lambda x: np.sum(J(x) ** 2)), fg.hessian(energy)),
    "linearize": (lambda x: fg.linearize(J, x)[1](x), lambda x: fg.linearize(vector_function, x)[1](x)),
    "grad of jit of grad": (
        fg.grad(lambda x: np.sum(fg.jit(fg.grad(energy))(x) ** 2)),
        fg.grad(lambda x: np.sum(fg.grad(energy)(x) ** 2)),
    ),
    "linear_transpose": (
        lambda x: fg.linear_transpose(fg.jit(lambda y: y @ W), x)(x)[0],
        lambda x: x @ W.T,
    ),
}


@pytest.mark.parametrize("name", JIT_INSIDE)
def test_jit_inside(name):
    found, expected = JIT_INSIDE[name]
    for _ in range(2):  # the second call takes the cached program
        np.testing.assert_allclose(found(X[0]), expected(X[0]), rtol=1e-11, atol=1e-13)


def test_jit_closes_over_traced_values():
    """A jitted function defined inside, closing over the outer derivative's value."""
    assert fg.grad(lambda a: fg.jit(lambda x: a * x * x)(3.0))(2.0) == 9.0
    assert forward(lambda a: fg.jit(lambda x: a * x * x)(3.0))(2.0) == 9.0
    assert fg.grad(lambda a: fg.grad(fg.jit(lambda x: a * a * x))(1.0))(2.0) == 4.0
    np.testing.assert_array_equal(
        fg.vmap(lambda a: fg.jit(lambda x: a * x)(3.0))(np.array([1.0, 2.0])), [3.0, 6.0]
    )


def test_threads():
    """Eight threads, each with its own function and order, at once."""
    failures = []
    start = threading.Barrier(8)

    def work(n):
        f = lambda x: np.sum(np.sin(n * x) ** 2)
        exact = lambda x: n * np.sin(2 * n * x)
        start.wait()
        for k in range(60):
            x = np.linspace(0.1, 1.0, 5) + 0.01 * k
            checks = [
                (fg.grad(f)(x), exact(x)),
                (fg.vmap(fg.grad(np.sin))(x), np.cos(x)),
                (fg.jvp(fg.grad(f), (x,), (x,))[1], 2 * n * n * np.cos(2 * n * x) * x),
            ]
            for found, expected in checks:
                if not np.allclose(found, expected, rtol=1e-12):
                    failures.append((n, k))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_threads_share_one_gradient():
    """One vjp_fun, one grad and one jitted function used by eight threads."""
    x = np.linspace(0.0, 1.0, 7)
    gradient = fg.grad(lambda x: np.sum(np.sin(x)))
    compiled = fg.jit(gradient)
    _, pullback = fg.vjp(np.sin, x)
    failures = []
    start = threading.Barrier(8)

    def work(n):
        start.wait()
        for _ in range(50):
            same = [
                np.allclose(gradient(x * n), np.cos(x * n)),
                np.allclose(compiled(x * n), np.cos(x * n)),
                np.allclose(pullback(np.full(7, float(n)))[0], n * np.cos(x)),
            ]
            if not all(same):
                failures.append((n, same))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


class TestExceptionsLeaveNothingBehind:
    @pytest.mark.parametrize("transform", [fg.grad, fg.jacfwd, fg.jacrev, fg.vmap, fg.jit, fg.checkpoint])
    def test_next_call_works(self, transform):
        def fragile(x):
            y = np.sin(x)
            if failing:
                raise KeyError("on purpose")
            return np.sum(y)

        f = transform(fragile)
        x = X if transform is fg.vmap else X[0]
        failing = True
        for _ in range(3):
            with pytest.raises(KeyError, match=r"on purpose"):
                f(x)
        failing = False
        np.testing.assert_allclose(f(x), transform(lambda x: np.sum(np.sin(x)))(x), rtol=1e-14)

    def test_failure_of_the_inner_derivative_is_caught_by_the_outer(self):
        def f(x):
            with contextlib.suppress(ZeroDivisionError):
                fg.grad(lambda y: 1 / 0)(x)
            return fg.grad(lambda y: x * y * y)(x)

        assert fg.grad(f)(3.0) == 12.0

    def test_failure_in_the_backward_pass(self):
        f = fg.custom_vjp(lambda x: x * x)

        def bwd(x, ct):
            if failing:
                raise KeyError("backward")
            return (2 * x * ct,)

        f.defvjp(lambda x: (x * x, x), bwd)
        failing = True
        with pytest.raises(KeyError):
            fg.grad(f)(3.0)
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            np.ones(1) / np.zeros(1)  # the backward pass restored NumPy's error state
        failing = False
        assert fg.grad(f)(3.0) == 6.0

    def test_value_dependent_failure(self):
        def f(x):
            if x > 1:
                raise ValueError("too large")
            return x * x

        g = fg.grad(f)
        assert g(0.5) == 1.0
        with pytest.raises(ValueError, match=r"too large"):
            g(2.0)
        assert g(0.25) == 0.5


def test_traced_values_in_default_arguments():
    """`def f(x, w=w)`, as loops write it to bind a value: a default is captured like a closure's cell."""
    wrappers = {
        "jit": fg.jit,
        "checkpoint": fg.checkpoint,
        "grad": lambda f: lambda x: fg.grad(f)(x) * x,
        "vmap": lambda f: lambda x: fg.vmap(f)(np.array([x]))[0],
    }
    for name, wrap in wrappers.items():
        for bound in (lambda w: wrap(lambda x, w=w: x * w)(2.0), lambda w: wrap(lambda x, *, w=w: x * w)(2.0)):
            assert fg.grad(bound)(3.0) == 2.0, name
            assert fg.jvp(bound, (3.0,), (1.0,)) == (6.0, 2.0), name
            np.testing.assert_array_equal(fg.vmap(bound)(np.arange(3.0)), [0.0, 2.0, 4.0])


def test_values_stay_known_where_tangents_alone_are_a_batch():
    """Python's control flow may look at the values of a jitted function whose tangents `vmap` has taken together."""
    f = fg.jit(lambda p: np.sin(p) * p[0])
    point = np.array([1.1, 0.9])

    def chosen(p, t):
        value, tangent = fg.jvp(f, (p,), (t,))
        return tangent if value[0] > 0 else -tangent

    found = fg.vmap(lambda t: chosen(point, t))(np.eye(2))
    np.testing.assert_allclose(found, fg.jacfwd(f)(point).T, rtol=1e-12)
