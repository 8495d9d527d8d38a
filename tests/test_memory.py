"""Depth without recursion, memory that is linear and let go of in time, and no reference cycles."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import funcgrad as fg

DEEP, MANY = 50_000, 20_000
A = np.array([0.5, 0.25])


def chain(x, steps):
    for _ in range(steps):
        x = x * 1.00001
    return np.sum(x)


class TestDepth:
    def test_gradient(self):
        np.testing.assert_allclose(fg.grad(chain)(A, DEEP), np.full(2, 1.00001**DEEP), rtol=1e-9)

    def test_recursion_limit_is_not_raised(self):
        before = sys.getrecursionlimit()
        fg.grad(chain)(A, 5000)
        assert sys.getrecursionlimit() == before

    def test_little_stack(self):
        """In a thread with 256 kB of stack."""
        results = []
        old = threading.stack_size(256 * 1024)
        try:
            thread = threading.Thread(target=lambda: results.append(fg.grad(chain)(A, DEEP)))
            thread.start()
        finally:
            threading.stack_size(old)
        thread.join()
        np.testing.assert_allclose(results[0], np.full(2, 1.00001**DEEP), rtol=1e-9)

    def test_tape_that_is_dropped_unused(self):
        _, pullback = fg.vjp(lambda x: chain(x, DEEP), A)
        del pullback

        def fails(x):
            chain(x, DEEP)
            raise KeyError

        with pytest.raises(KeyError):
            fg.grad(fails)(A)

    def test_forward_mode_and_linearize(self):
        expected = 1.00001**MANY
        np.testing.assert_allclose(fg.jvp(lambda x: chain(x, MANY), (A,), (np.ones(2),))[1], 2 * expected)
        np.testing.assert_allclose(fg.linearize(lambda x: chain(x, MANY), A)[1](np.ones(2)), 2 * expected)

    def test_second_order(self):
        steps = MANY

        def f(x):
            y = x
            for _ in range(steps):
                y = y * 1.00001
            return np.sum(y * y)

        scale = 2 * 1.00001 ** (2 * steps)
        np.testing.assert_allclose(fg.hvp(f, (A,), (A,)), scale * A, rtol=1e-9)

    def test_wide(self):
        """One value used thousands of times."""
        assert fg.grad(lambda x: sum(x * 1.0 for _ in range(MANY)))(2.0) == MANY

    def test_program(self):
        graph = fg.make_graph(lambda x: chain(x, MANY))(A)
        assert len(graph.eqns) == MANY + 1
        np.testing.assert_allclose(graph(A)[0], chain(A, MANY))


def peak(call) -> int:
    """The most memory that a call holds at any time, beyond what was there, in bytes."""
    call()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def wavy(x, steps):
    for _ in range(steps):
        x = np.sin(x)
    return np.sum(x)


WIDE = np.linspace(0.0, 1.0, 20_000)


class Residual:
    """No array: those are copied."""


class TestMemory:
    def test_linear_in_depth(self):
        small, large = (peak(lambda: fg.grad(wavy)(WIDE, steps)) for steps in (20, 40))
        assert large < 2.2 * small
        # one array is saved for each step, and a few are in flight
        assert large < (40 + 6) * WIDE.nbytes

    def test_entries_are_small(self):
        """An entry of the tape costs at most 800 bytes beside the arrays."""
        steps = 5000
        assert peak(lambda: fg.grad(chain)(A, steps)) < 800 * steps

    def test_saved_values_are_freed_by_the_backward_pass(self):
        """When the first operation is pulled, what the later ones saved is gone."""
        held = {}
        probe = fg.custom_vjp(lambda x: x * 1.0)

        def bwd(res, ct):
            held["backward"] = tracemalloc.get_traced_memory()[0]
            return (ct,)

        probe.defvjp(lambda x: (x * 1.0, None), bwd)

        def f(x):
            y = wavy(probe(x), 40)
            held["forward"] = tracemalloc.get_traced_memory()[0]
            return y

        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            fg.grad(f)(WIDE)
        finally:
            tracemalloc.stop()
        assert held["forward"] - before > 39 * WIDE.nbytes
        assert held["backward"] - before < 5 * WIDE.nbytes

    def test_residuals_go_one_by_one(self):
        alive = []
        step = fg.custom_vjp(lambda x: x * 2.0)

        def fwd(x):
            residual = Residual()
            alive.append(weakref.ref(residual))
            return x * 2.0, residual

        seen = []

        def bwd(residual, ct):
            seen.append(sum(r() is not None for r in alive))
            return (ct * 2.0,)

        step.defvjp(fwd, bwd)

        def f(x):
            for _ in range(10):
                x = step(x)
            return np.sum(x)

        fg.grad(f)(A)
        assert seen == list(range(10, 0, -1))

    def test_a_kept_pullback_keeps_the_tape(self):
        """vjp_fun may be called again, so its saved values stay, until it is dropped."""
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            _, pullback = fg.vjp(lambda x: wavy(x, 20), WIDE)
            pullback(1.0)
            assert tracemalloc.get_traced_memory()[0] - before > 19 * WIDE.nbytes
            del pullback
            assert tracemalloc.get_traced_memory()[0] - before < 2 * WIDE.nbytes
        finally:
            tracemalloc.stop()

    def test_what_does_not_matter_is_freed_at_once(self):
        refs = []

        def f(x):
            for _ in range(3):
                unused = np.exp(x)
                refs.append(weakref.ref(unused))
                del unused
                assert refs[-1]() is None
            return np.sum(x)

        fg.grad(f)(WIDE)
        assert len(refs) == 3

    def test_forward_mode_keeps_nothing(self):
        small, large = (peak(lambda: fg.jvp(lambda x: wavy(x, n), (WIDE,), (WIDE,))) for n in (10, 60))
        assert large < 1.2 * small

    def test_checkpoint_trades_memory(self):
        block = fg.checkpoint(lambda x: wavy_array(x, 10))

        def whole(x, step):
            for _ in range(10):
                x = step(x)
            return np.sum(x)

        plain = peak(lambda: fg.grad(whole)(WIDE, lambda x: wavy_array(x, 10)))
        saved = peak(lambda: fg.grad(whole)(WIDE, block))
        assert plain > 99 * WIDE.nbytes
        assert saved < 30 * WIDE.nbytes

    def test_sparse_cotangents_share_one_buffer(self):
        """x[i] in a loop: one buffer for the cotangent of x, not one a step."""
        x = np.ones(50_000)
        assert peak(lambda: fg.grad(lambda x: sum(x[i] * x[i] for i in range(100)))(x)) < 6 * x.nbytes


def wavy_array(x, steps):
    for _ in range(steps):
        x = np.sin(x)
    return x


def loss(x):
    return np.sum(np.sin(x) * x + np.tanh(x) ** 2)


custom = fg.custom_vjp(lambda x: np.sum(x * x))
custom.defvjp(lambda x: (np.sum(x * x), x), lambda x, ct: (2.0 * ct * x,))
forward_rule = fg.custom_jvp(lambda x: np.sum(x * x))
forward_rule.defjvps(lambda t, out, x: np.sum(2.0 * x * t))
compiled = fg.jit(loss)
compiled_gradient = fg.jit(fg.grad(loss))


def raises(x):
    with contextlib.suppress(IndexError):
        fg.grad(lambda x: np.sin(x)[7])(x)


def value_error(x):
    with contextlib.suppress(TypeError):
        fg.grad(lambda x: np.sin(x))(x)


CALLS = {
    "grad": fg.grad(loss),
    "value_and_grad": fg.value_and_grad(loss),
    "grad, made anew": lambda x: fg.grad(lambda x: loss(x) * 2.0)(x),
    "vjp": lambda x: fg.vjp(loss, x)[1](1.0),
    "jvp": lambda x: fg.jvp(loss, (x,), (x,)),
    "linearize": lambda x: fg.linearize(loss, x)[1](x),
    "hvp": lambda x: fg.hvp(loss, (x,), (x,)),
    "grad of grad": fg.grad(lambda x: np.sum(fg.grad(loss)(x) ** 2)),
    "jacrev": fg.jacrev(np.sin),
    "hessian": fg.hessian(loss),
    "vmap": fg.vmap(lambda x: x * np.sin(x)),
    "vmap of grad": fg.vmap(fg.grad(lambda x: np.sin(x) * x)),
    "indexing": fg.grad(lambda x: x[0] * x[1] + np.sum(x[::2])),
    "sort": fg.grad(lambda x: np.sum(np.sort(x) ** 2)),
    "prod": fg.grad(lambda x: np.prod(x)),
    "matmul": fg.grad(lambda x: x @ np.outer(x, x) @ x),
    "checkpoint": fg.grad(fg.checkpoint(loss)),
    "custom_vjp": fg.grad(custom),
    "custom_jvp": fg.grad(forward_rule),
    "vmap of custom_vjp": fg.grad(lambda x: np.sum(fg.vmap(custom)(x[:, None]))),
    "jit": compiled,
    "jit of grad": compiled_gradient,
    "grad of jit": fg.grad(compiled),
    "pytree": fg.grad(lambda p: np.sum(p["a"] * p["b"][0])),
}
ARGUMENTS = {"pytree": {"a": A, "b": (A,)}}


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", CALLS)
class TestManyCalls:
    def test_no_cycles(self, name, no_collector):
        """What a call leaves behind is freed by counting alone."""
        call, x = CALLS[name], ARGUMENTS.get(name, A)
        for _ in range(3):
            call(x)
        gc.collect()
        for _ in range(20):
            call(x)
        assert gc.collect() == 0

    def test_constant_memory(self, name, no_collector):
        call, x = CALLS[name], ARGUMENTS.get(name, A)
        for _ in range(20):
            call(x)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(200):
            call(x)
        assert len(gc.get_objects()) - before < 20


@pytest.mark.parametrize("call", [raises, value_error])
def test_errors_leave_no_tape_behind(call, no_collector):
    """Once an error has been handled, no entry or traced value hangs in its traceback."""

    def ours():
        # other tests of the process may hold some of their own
        return sum(type(o).__qualname__ in ("Node", "TapeTracer", "TapeTrace") for o in gc.get_objects())

    for _ in range(3):
        call(A)
    gc.collect()
    before = ours()
    for _ in range(20):
        call(A)
    assert ours() == before


def test_thousands_of_calls():
    """The smallest object that a call could leave behind is of 16 bytes: 32 kB."""
    gradient = fg.grad(loss)
    tracemalloc.start()
    try:
        for _ in range(100):
            gradient(A)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2000):
            gradient(A)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("total, in_one_gradient", [(60_000, 100), (200_000, 1000)])
def test_operations_without_the_collector(total, in_one_gradient, no_collector):
    gradient = fg.grad(lambda x: chain(x, in_one_gradient))
    gradient(A)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(total // in_one_gradient):
        gradient(A)
    grown = len(gc.get_objects()) - before
    assert grown < 50
    assert gc.collect() == 0


def test_a_dropped_program_is_freed(no_collector):
    graph = fg.make_graph(fg.grad(loss))(A)
    ref = weakref.ref(graph)
    del graph
    assert ref() is None


@pytest.mark.parametrize("steps, kept", [(2000, True), (10_000, False)])
def test_large_workspace_of_a_kernel_is_let_go_of(steps, kept):
    step = lambda c, x: (np.sin(c) * x, None)
    gradient = fg.jit(fg.grad(lambda c, xs: np.sum(fg.lax.scan(step, c, xs)[0])))
    c, xs = np.ones(1000), np.ones(steps)
    program = gradient.lower(c, xs)
    assert (program.workspace < 2**26) == kept
    tracemalloc.start()
    try:
        gradient(c, xs)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak > program.workspace
    assert (held > program.workspace) == kept
