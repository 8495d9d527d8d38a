"""Compiled loops made smaller: what goes before a scan or behind it, equal carries, batches that share a carry."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile import hoist
from funcgrad.transforms.control.scans import scan_call

RNG = np.random.default_rng(0)
W, U, B = RNG.normal(size=(3, 5)) / 2, RNG.normal(size=(5, 5)) / 3, RNG.normal(size=5)
XS = RNG.normal(size=(6, 3))


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch):
    """What is only worth it for larger products is done for these small ones."""
    monkeypatch.setattr(hoist, "BATCHED", 1)
    monkeypatch.setattr(hoist, "GATHERED", 1)


def scans(fun, *args):
    return [e for e in fg.jit(fun).lower(*args).graph.eqns if e.prim is scan_call]


def steps(fun, *args):
    (eqn,) = scans(fun, *args)
    return eqn.params["steps"]


def inside(fun, *args):
    """The primitives in the body of the only scan."""
    (eqn,) = scans(fun, *args)
    return [e.prim.name for e in eqn.params["body"].eqns]


def recurrent(w, u, b, xs, **options):
    def step(h, x):
        h = np.tanh(x @ w + h @ u + b)
        return h, h

    last, hs = lax.scan(step, np.ones(5), xs, **options)
    return np.sum(hs**2) + np.sum(last)


def matrices(w, u, b, xs, **options):
    """Weights on the left, a batch in each step, one of the weights used twice, and a scaled one."""

    def step(h, x):
        z = h @ u
        h = np.tanh(np.outer(B, x) @ w + (z @ u) * 0.5 + 2.0 * (u.T @ h) + b)
        return h, np.sum(h)

    last, sums = lax.scan(step, np.ones((5, 5)), xs, **options)
    return np.sum(sums**2) + np.sum(last)


def with_invariants(w, u, b, xs, **options):
    def step(carry, x):
        h, n, unused = carry
        h = h * 0.5 + np.sum(np.exp(u) @ np.sin(b)) + np.sum(x * np.cosh(w[:, 0]))
        return (h, n + 1, unused + h), np.where(n % 2 == 0, h, -h)

    (h, n, _), ys = lax.scan(step, (0.25, 0, 0.0), xs, **options)
    return h * n + np.sum(ys**2)


def equal_carries(w, u, b, xs):
    def step(carry, x):
        a, c, d, still = carry
        return (np.sin(a + x), np.sin(c + x), np.sin(d) + x, still), c * still[:, 0]

    (a, c, d, still), ys = lax.scan(step, (b[:3], b[:3], b[:3], w), xs)
    return np.sum(a * c * d) + np.sum(still * w) + np.sum(ys**2)


def within_each_other(w, u, b, xs, **options):
    def outer(h, x):
        def inner(h, y):
            return np.tanh(h @ u + y * b + x @ w), None

        h, _ = lax.scan(inner, h, np.array([0.5, 1.5]))
        return h, h[0]

    h, ys = lax.scan(outer, np.ones(5), xs, **options)
    return np.sum(h) + np.sum(ys**2)


def by_while_loop(w, u, b, xs):
    test = lambda v: v[0] < 4
    body = lambda v: (v[0] + 1, np.tanh(v[1] @ u + xs[0] @ w + b))
    return np.sum(lax.while_loop(test, body, (0, np.ones(5)))[1] ** 2)


LOOPS = [recurrent, matrices, with_invariants, within_each_other]
ARGS = (W, U, B, XS)


def close(found, wanted):
    for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"checkpoint": 2}], ids=str)
@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_gradients_like_those_of_the_steps(loop, options):
    fun = lambda *args: loop(*args, **options)
    derived = fg.value_and_grad(fun, (0, 1, 2, 3))
    close(fg.jit(derived)(*ARGS), derived(*ARGS))


@pytest.mark.parametrize("length", [0, 1])
@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_few_steps(loop, length):
    args = (*ARGS[:3], XS[:length])
    derived = fg.value_and_grad(loop, (0, 1, 2, 3))
    close(fg.jit(derived)(*args), derived(*args))


@pytest.mark.parametrize("loop", [recurrent, matrices, with_invariants, by_while_loop], ids=lambda f: f.__name__)
def test_forward_and_batches(loop):
    forward = fg.jacfwd(loop, 1)
    close(fg.jit(forward)(*ARGS), forward(*ARGS))
    several = np.stack([U, 2 * U])
    each = np.stack([loop(W, u, B, XS) for u in several])
    close(fg.jit(fg.vmap(loop, (None, 0, None, None)))(W, several, B, XS), each)


@pytest.mark.parametrize("loop", [recurrent, matrices], ids=lambda f: f.__name__)
def test_batches_of_gradients_and_second_derivatives(loop):
    slope = fg.grad(loop, 1)
    several = np.stack([U, 2 * U])
    each = np.stack([slope(W, u, B, XS) for u in several])
    close(fg.jit(fg.vmap(slope, (None, 0, None, None)))(W, several, B, XS), each)
    along = lambda u: fg.jvp(lambda u: slope(W, u, B, XS), (u,), (U,))[1]
    close(fg.jit(along)(U), along(U))
    hidden = fg.grad(lambda b: np.sum(fg.grad(loop, 1)(W, U, b, XS) ** 2))
    close(fg.jit(hidden)(B), hidden(B))


def test_float32():
    args = [a.astype(np.float32) for a in ARGS]
    step = lambda w, u, b: lambda h, x: (np.tanh(x @ w + h @ u + b),) * 2
    fun = lambda w, u, b, xs: lax.scan(step(w, u, b), np.ones(5, np.float32), xs)[1].sum()
    found, wanted = (f(*args) for f in (fg.jit(fg.grad(fun, (0, 1, 2))), fg.grad(fun, (0, 1, 2))))
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
        assert a.dtype == np.float32


def test_equal_and_still_carries_are_one():
    close(fg.jit(equal_carries)(W, U, B, XS), equal_carries(W, U, B, XS))
    assert steps(equal_carries, *ARGS).carries == 2


def test_carries_that_differ_later_stay_apart():
    fun = lambda x: lax.scan(lambda c, _: ((c[1], c[2], c[2] + 1.0), None), (x, x, x), None, length=5)[0]
    close(fg.jit(fun)(1.0), fun(1.0))
    assert len(set(map(float, fg.jit(fun)(1.0)))) == 3


def test_carries_of_one_value_and_two_dtypes_stay_apart():
    start = (np.float32(0), np.float64(0))
    fun = lambda x: lax.scan(lambda c, x: ((c[0] + x.astype(np.float32), c[1] + x), None), start, x)[0]
    close(fg.jit(fun)(XS[:, 0]), fun(XS[:, 0]))


def test_what_nobody_needs_goes():
    def fun(x):
        (a, _, _), _ = lax.scan(lambda c, _: ((c[0] * 2, c[2], c[1]), c[1]), (x, x + 1, x), None, length=3)
        return a

    assert fg.jit(fun)(2.0) == 16.0
    assert steps(fun, 2.0).carries == 1
    assert inside(fun, 2.0) == ["mul"]


def test_a_jacobian_takes_one_loop():
    fun = lambda x: lax.fori_loop(0, 5, lambda i, v: np.sin(v * x) + i, x)
    (eqn,) = scans(fg.jacfwd(fun), B)
    assert [a.aval.shape for a in eqn.inputs[: eqn.params["steps"].carries]] == [(5,), (5, 5)]
    close(fg.jit(fg.jacfwd(fun))(B), fg.jacfwd(fun)(B))


def test_a_scan_that_needs_the_other_stays():
    def fun(x):
        first, ys = lax.scan(lambda c, _: (np.sin(c), c), x, None, length=4)
        second, zs = lax.scan(lambda c, y: (np.sin(c), c * y), x, ys)
        return first, second, np.sum(zs)

    close(fg.jit(fun)(0.5), fun(0.5))
    assert len(scans(fun, 0.5)) == 2


def test_two_scans_with_something_between_them_become_one():
    def fun(x):
        first, _ = lax.scan(lambda c, _: (np.sin(c), None), x, None, length=4)
        twice = 2 * first
        second, ys = lax.scan(lambda c, _: ((np.sin(c[0]), c[1] + c[0]), c[0]), (x, x), None, length=4)
        return twice, second, np.sum(ys) * twice

    close(fg.jit(fun)(0.5), fun(0.5))
    assert len(scans(fun, 0.5)) == 1


def test_products_stand_outside():
    assert "dot_general" not in inside(lambda w: lax.scan(lambda c, x: (c + np.sum(x @ w), None), 0.0, XS)[0], W)
    gradient = fg.jit(fg.grad(recurrent, (0, 1))).lower(*ARGS).graph
    _, backward = (e for e in gradient.eqns if e.prim is scan_call)
    assert backward.params["steps"].carries == 1  # the weights' gradients are not carried
    assert [e.prim.name for e in backward.params["body"].eqns].count("dot_general") == 1


def test_what_depends_on_constants_stands_outside():
    fun = lambda b: lax.scan(lambda c, x: (c + np.sum(np.exp(b)) * x, None), 0.0, XS[:, 0])[0]
    assert "exp" not in inside(fun, B)


def test_a_carry_that_is_read_is_no_sum():
    def fun(u, xs):
        return lax.scan(lambda c, x: (c + np.outer(x, x @ u), np.sum(c)), np.zeros((3, 5)), xs)

    close(fg.jit(fun)(W, XS), fun(W, XS))
    doubled = lambda u, xs: lax.scan(lambda c, x: (c + (c + np.outer(x, x @ u)), None), np.zeros((3, 5)), xs)[0]
    close(fg.jit(doubled)(W, XS), doubled(W, XS))


def test_sums_begin_where_they_begin():
    fun = lambda u, xs: lax.scan(lambda c, x: (x * 0.5 + (np.outer(x, x @ u).T + c), None), np.ones((5, 3)), xs)[0]
    close(fg.jit(fun)(W, XS), fun(W, XS))


def test_nothing_raises_in_a_loop_without_steps():
    def fun(x, i, xs):
        return lax.scan(lambda c, v: (c + np.exp(x)[i] * v, None), 0.0, xs)[0]

    assert fg.jit(fun)(B, 9, XS[:0, 0]) == 0.0
    for f in (fun, fg.jit(fun)):
        with pytest.raises(IndexError, match="index 9 is out of bounds"):
            f(B, 9, XS[:1, 0])


def test_the_error_of_a_body_that_looks_at_values_where_there_are_none():
    step = lambda c, x: (c if x > 0 else -c, c)
    assert lax.scan(step, 1.0, np.ones(2))[0] == 1.0
    with pytest.raises(fg.errors.ConcretizationError, match=r"while a scan of no steps .* traces the function"):
        lax.scan(step, 1.0, np.ones(0))


class TestBranches:
    def test_nothing_raises_in_one_that_is_not_taken(self):
        def fun(x, i, wanted):
            loop = lambda: lax.scan(lambda c, v: (c + np.exp(x)[i] * v, None), 0.0, XS[:, 0])[0]
            return lax.cond(wanted, loop, lambda: 0.0)

        assert fg.jit(fun)(B, 9, False) == 0.0
        with pytest.raises(IndexError, match="index 9 is out of bounds"):
            fg.jit(fun)(B, 9, True)

    def test_operands_are_looked_at_where_they_are_needed(self):
        fun = lambda x, i, wanted: lax.cond(wanted, lambda x, i: np.exp(x[i]), lambda x, i: x[0], x, i)
        program = fg.jit(fun).lower(B, 9, False)
        assert program(B, 9, False)[0] == program.interpret(B, 9, False)[0] == B[0]
        assert program.text.index("exp(") > program.text.index("if ")

    def test_what_one_needs_is_computed_in_it(self):
        def fun(x, y, n):
            expensive, shared, used = np.sin(x @ U), np.cos(x), np.exp(y)
            found = lax.switch(n, [lambda: shared * 1.0, lambda: expensive + shared, lambda: used * shared])
            return found, used

        program = fg.jit(fun).lower(B, B, 1)
        names = [e.prim.name for e in program.graph.eqns]
        assert "sin" not in names and "dot_general" not in names and {"cos", "exp"} <= set(names)
        for n in range(3):
            close(fg.jit(fun)(B, B, n), fun(B, B, n))
            slope = fg.grad(lambda x, y: np.sum(fun(x, y, n)[0]), (0, 1))
            traced = fg.jit(lambda x, y, n: fg.grad(lambda x, y: np.sum(fun(x, y, n)[0]), (0, 1))(x, y))
            close(traced(B, B, n), slope(B, B))

    def test_within_each_other_and_in_loops(self):
        def fun(x, a, b):
            z = np.sin(x) + 1.0
            inner = lambda: lax.cond(b, lambda: np.exp(z), lambda: z * 2.0)
            step = lambda c, v: (c + lax.cond(v > 0, lambda: np.sum(np.tanh(c * z)), lambda: v * 1.0), None)
            return lax.cond(a, inner, lambda: x), lax.scan(step, 0.0, x)[0]

        for a in (True, False):
            for b in (True, False):
                close(fg.jit(fun)(B, a, b), fun(B, a, b))
                program = fg.jit(fun).lower(B, a, b)
                close(program.interpret(B, a, b), program(B, a, b))


NESTED = {
    "cond": lambda loop: lambda x: lax.cond(x > 1, loop, lambda c: c, x),
    "scan": lambda loop: lambda x: lax.scan(lambda c, _: (loop(3.0 * c), None), x, None, length=3)[0],
    "fori_loop": lambda loop: lambda x: lax.fori_loop(0, 3, lambda i, c: loop(3.0 * c), x),
}


@pytest.mark.parametrize("around", NESTED)
def test_forward_mode_through_a_while_loop_within_others(around):
    f = NESTED[around](lambda c: lax.while_loop(lambda a: np.abs(a) > 0.5, lambda a: np.sin(a) * 0.6, c))
    expected = fg.jvp(f, (2.3,), (1.0,))[1]
    close(fg.jit(fg.jacfwd(f))(2.3), expected)
    close(fg.jit(lambda x: fg.linearize(f, x)[1](1.0))(2.3), expected)
    with pytest.raises(fg.errors.NotDifferentiableError, match="while_loop"):
        fg.jit(fg.grad(f))(2.3)
    with pytest.raises(fg.errors.NotDifferentiableError, match="while_loop"):
        fg.jit(fg.grad(lambda x: fg.jvp(f, (x,), (1.0,))[1]))(2.3)


def test_memory_bounds_what_is_stored(monkeypatch):
    """The factors of a product are only stored where they need about the memory that the scan has anyway."""
    monkeypatch.setattr(hoist, "ROOM", 0)
    fun = lambda w, xs: lax.scan(lambda c, x: (c + np.sum(np.sin(np.tile(w, (1, 9)).T @ x)), None), 0.0, xs)[0]
    assert "dot_general" in inside(fun, W, XS)
    close(fg.jit(fun)(W, XS), fun(W, XS))


class TestBatches:
    def test_a_carry_that_the_batch_shares(self):
        fun = lambda x: lax.fori_loop(0, 4, lambda i, c: (np.sin(c[0]), c[1] * x + c[0]), (1.0, x))
        (eqn,) = scans(lambda x: fg.vmap(fun)(x)[1], B)
        shapes = [a.aval.shape for a in eqn.inputs[: eqn.params["steps"].carries]]
        assert shapes == [(), (5,)]
        close(fg.jit(fg.vmap(fun))(B), tuple(np.stack(p) for p in zip(*map(fun, B))))

    def test_a_carry_that_a_later_step_batches(self):
        fun = lambda x: lax.scan(lambda c, _: ((c[1], c[2], c[2] * x), c), (1.0, 2.0, 3.0), None, length=4)
        each = [fun(x) for x in B]
        close(fg.jit(fg.vmap(fun))(B), fg.tree.map(lambda *parts: np.stack(parts), *each))

    def test_within_each_other(self):
        def fun(x):
            inner = lambda c, _: (c + 1.0, c)
            return lax.scan(lambda c, _: (lax.scan(inner, c, None, length=2)[0], c * x), 0.0, None, length=3)

        (eqn,) = scans(lambda x: fg.vmap(fun)(x)[1], B)
        assert [a.aval.shape for a in eqn.inputs[: eqn.params["steps"].carries]] == [()]
        close(fg.jit(fg.vmap(fun))(B), fg.tree.map(lambda *parts: np.stack(parts), *map(fun, B)))

    def test_systems_of_few_equations_stand_side_by_side(self):
        fun = lambda x, p: lax.scan(lambda c, r: (np.sin(c @ p) + r, (c[0], c)), x, XS)
        states, p = RNG.normal(size=(9, 3)), RNG.normal(size=(3, 3))
        batched = fg.vmap(fun, (0, None))
        (eqn,) = scans(batched, states, p)
        assert [a.aval.shape for a in eqn.inputs[: eqn.params["steps"].carries]] == [(3, 9)]
        each = fg.tree.map(lambda *parts: np.stack(parts), *[fun(x, p) for x in states])
        close(fg.jit(batched)(states, p), each)
        total = lambda p: sum(np.sum(y**2) for y in fg.tree.leaves(batched(states, p)))
        close(fg.jit(fg.grad(total))(p), fg.grad(total)(p))
        slopes = lambda x: fg.vmap(fg.jacrev(lambda x: fun(x, p)[0]))(x)
        close(fg.jit(slopes)(states), slopes(states))
        twice = fg.vmap(batched, (0, None))
        close(fg.jit(twice)(np.stack([states, states]), p), fg.tree.map(lambda y: np.stack([y, y]), each))

    def test_a_condition_that_the_batch_shares(self):
        fun = lambda x, n: lax.while_loop(lambda v: v[0] < n, lambda v: (v[0] + 1, v[1] * x), (0, 1.0))
        batched = fg.vmap(fun, (0, None))
        program = fg.jit(batched).lower(B, 3)
        (eqn,) = (e for e in program.graph.eqns if e.prim.name == "while_call")
        assert [e.prim.name for e in eqn.params["cond"].eqns] == ["lt"]
        close(fg.jit(batched)(B, 3), tuple(np.stack(p) for p in zip(*(fun(x, 3) for x in B))))
        close(fg.jit(batched)(B, 0), tuple(np.stack(p) for p in zip(*(fun(x, 0) for x in B))))

    def test_a_condition_of_each(self):
        fun = lambda x, n: lax.while_loop(lambda v: v[0] < n, lambda v: (v[0] + 1, v[1] * x), (0, 1.0))
        counts = np.array([0, 3, 1, 2, 5])
        close(fg.jit(fg.vmap(fun))(B, counts), tuple(np.stack(p) for p in zip(*map(fun, B, counts))))
        slope = fg.jacfwd(lambda x: fg.vmap(fun)(x, counts)[1])
        close(fg.jit(slope)(B), slope(B))
