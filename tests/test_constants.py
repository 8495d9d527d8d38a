"""What the tape saves is what was there when it was used, whatever the user writes into his arrays afterwards."""

from __future__ import annotations

import gc
import tracemalloc
from itertools import product

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.constants import SMALL, keep
from funcgrad.core.tape import TapeTracer
from tests.groups import over_rows
from tests.samples import Sample, rows

SIZES = [3, SMALL // 8, SMALL // 8 + 1, 2048, 2049, 40_000]
"""Below and above what is copied at each use; 2048 are 16 kB, 40 000 do not fit the first caches."""
ROWS = rows()
every_row = over_rows(r for r in ROWS if r.differentiable and not r.forward_only)


def later(f, x):
    _, pullback = fg.vjp(f, x)
    return pullback(1.0)[0]


def linearized(f, x):
    f_jvp = fg.linearize(f, x)[1]
    return np.array([f_jvp(t) for t in np.eye(x.size)]) if x.size <= 4 else f_jvp(np.ones_like(x))


GRADIENTS = {"grad": lambda f, x: fg.grad(f)(x), "vjp": later, "linearize": linearized}


def everything(c):
    c[:] = 0


def first(c):
    c[0] += 1


def last(c):
    c[-1] += 1


def swapped(c):
    c[[0, 1]] = c[[1, 0]]


def reversed_order(c):
    c[:] = c[::-1].copy()


def one_bit(c):
    c.view(np.uint8)[c.nbytes // 2] ^= 1


WRITES = [everything, first, last, swapped, reversed_order, one_bit]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("size", SIZES)
def test_every_write_into_a_constant(size, write):
    c = np.where(np.arange(size) == 0, 1.0, 0.0)
    expected = c.copy()

    def f(x):
        y = np.sum(x * c)
        write(c)
        return y

    for name, gradient in GRADIENTS.items():
        c[:] = expected
        found = gradient(f, np.ones(size))
        assert not np.array_equal(c.view(np.uint8), expected.view(np.uint8))
        np.testing.assert_array_equal(found, expected if name != "linearize" or size <= 4 else expected.sum())


@pytest.mark.parametrize("dtype", ["f4", "f2", "c16", "i8", "i1", "?", ">f8", np.longdouble])
@pytest.mark.parametrize("size", [3, 5000])
def test_constants_of_every_dtype(dtype, size):
    c = np.arange(size).astype(dtype)
    expected = c.astype(np.complex128).real

    def f(x):
        y = np.sum((x * c).real)
        c[:] = 1 - c[0]
        return y

    np.testing.assert_array_equal(fg.grad(f)(np.ones(size)), expected)


@pytest.mark.parametrize("size", [6, 5000])
def test_constants_of_every_layout(size):
    base = np.arange(4.0 * size).reshape(size, 4)
    stretched = np.broadcast_to(base[0], (size, 4))
    for view in (base[:, ::2], base.T, base[::-1], np.asfortranarray(base), base[:, :1], stretched):
        expected = view.copy()
        source = base if view.base is not None else view

        def f(x):
            y = np.sum(x * view)
            source[...] += 1.0
            return y

        np.testing.assert_array_equal(fg.grad(f)(np.ones(view.shape)), expected)


@pytest.mark.parametrize("size", SIZES)
def test_a_buffer_filled_again_and_again(size):
    """Values that come back are other constants in between."""
    buffer = np.empty(size)

    def f(x):
        total = 0.0
        for k in (1.0, 2.0, 1.0, 3.0):
            buffer[:] = k
            total = total + np.sum(x * buffer)
        buffer[:] = 1.0
        return total

    for name in ("grad", "vjp"):
        np.testing.assert_array_equal(GRADIENTS[name](f, np.ones(size)), np.full(size, 7.0))
    np.testing.assert_allclose(fg.jvp(f, (np.ones(size),), (np.ones(size),))[1], 7.0 * size)
    np.testing.assert_array_equal(fg.grad(fg.jit(f))(np.ones(size)), np.full(size, 7.0))
    np.testing.assert_array_equal(
        fg.hvp(lambda x: f(x * x), (np.ones(size),), (np.ones(size),)), np.full(size, 14.0)
    )


USES = {
    "matmul": lambda x, c: np.sum(x @ c),
    "solve": lambda x, c: np.sum(np.linalg.solve(c + 0.0, x)),
    "where": lambda x, c: np.sum(np.where(c > 0, x, 0.0) * np.maximum(x, c)),
    "power": lambda x, c: np.sum(x**c) + np.sum(np.abs(c) ** x),
    "indices": lambda x, c: np.sum(x[(c > 0).astype(int)] * 2.0),
    "broadcast": lambda x, c: np.sum(x[:, None] * c),
    "outer": lambda x, c: np.sum(np.outer(x, c)),
    "einsum": lambda x, c: np.sum(np.einsum("i,ij->j", x, c)),
}


@pytest.mark.parametrize("size", [4, 60])
@pytest.mark.parametrize("use", USES)
def test_operations_on_constants(use, size):
    c = np.eye(size) + 0.1 * np.arange(size)[:, None]
    original = c.copy()
    x = np.linspace(1.0, 2.0, size)

    def f(x):
        y = USES[use](x, c)
        c[:] = 0.5
        return y

    expected = fg.grad(lambda x: USES[use](x, original))(x)
    for name in ("grad", "vjp"):
        c[:] = original
        np.testing.assert_array_equal(GRADIENTS[name](f, x), expected)


@every_row
def test_every_primitive_keeps_what_it_needs(row: Sample):
    """Pull and push after every array that went in or came out as a plain one has been overwritten."""
    args = [np.asarray(a) for a in row.args]
    for n, a in enumerate(args):
        if a.dtype.kind not in "fc":
            continue
        mine = [b.copy() for b in args]

        def f(x, others):
            out = row.fun(*(x if i == n else b for i, b in enumerate(others)))
            out = out if isinstance(out, tuple) else (out,)
            return tuple(y for y in out if y.dtype.kind in "fc"), [y for y in out if isinstance(y, np.ndarray)]

        for transform in (fg.vjp, fg.linearize):
            out, clean, _ = transform(lambda x: f(x, args), a, has_aux=True)
            _, dirty, plain = transform(lambda x: f(x, mine), mine[n], has_aux=True)
            for b in (*mine, *plain):
                b[...] = 1 if b.dtype.kind != "b" else ~b
            given = out if transform is fg.vjp else a
            expected, found = clean(given), dirty(given)
            for e, g in zip(expected, found):
                np.testing.assert_array_equal(g, e, err_msg=f"{row}: argument {n} of {transform.__name__}")
            for b, original in zip(mine, args):
                b[...] = original


@pytest.mark.parametrize("size", [4, 60])
def test_constants_of_calls(size):
    """A program that is called keeps its constants as they were, and hands them on as the caller's to write into."""
    x, c = np.linspace(1.0, 2.0, size), np.eye(size)
    for call in (fg.jit(lambda x, c: (x @ c, c)), fg.checkpoint(lambda x, c: (x @ c, c))):
        (y, same), pullback = fg.vjp(lambda x: call(x, c), x)
        c[:] = 3.0
        same[:] = 5.0
        np.testing.assert_array_equal(pullback((y, np.zeros_like(c)))[0], x)
        c[:] = np.eye(size)


class TestLeaves:
    def test_the_callers_array_may_be_written_into(self):
        x = np.array([1.0, 2.0])

        def f(v):
            y = np.sum(v * v)
            x[:] = 100.0
            return y

        for gradient in (lambda: fg.grad(f)(x), lambda: fg.value_and_grad(f)(x)[1], lambda: later(f, x)):
            x[:] = 1.0, 2.0
            assert gradient().tolist() == [2.0, 4.0]
        x[:] = 1.0, 2.0
        assert fg.jvp(lambda v: f(v) + np.sum(v), (x,), (x,)) == (8.0, 13.0)

    def test_of_a_pytree_and_of_several_arguments(self):
        p = {"w": np.array([3.0]), "b": [np.array([2.0])]}

        def f(p_, scale):
            y = np.sum(p_["w"] * p_["b"][0]) * scale
            p["w"][:] = p["b"][0][:] = 50.0
            return y

        gradient = fg.grad(f, (0, 1))(p, 1.0)
        assert (gradient[0]["w"], gradient[0]["b"][0], gradient[1]) == (2.0, 3.0, 6.0)

    def test_read_only_leaves_are_not_copied(self):
        x = np.ones(200_000)
        x.flags.writeable = False
        assert peak(lambda: fg.grad(lambda x: np.sum(x))(x)) < 1.5 * x.nbytes


class TestPlainResults:
    """What an operation without a derivative returns is the user's to write into."""

    @pytest.mark.parametrize(
        "leave",
        [
            lambda y: fg.stop_gradient(y),
            lambda y: fg.stop_gradient(y[::2]),
            lambda y: fg.stop_gradient(y.reshape(2, 2)),
            lambda y: fg.stop_gradient({"k": y.T})["k"],
            lambda y: np.floor(y),
            lambda y: np.argsort(y),
            lambda y: np.sign(y),
            lambda y: y.astype(int),
            lambda y: np.round(y),
            lambda y: y > 0,
            lambda y: np.imag(y),
            lambda y: np.zeros_like(y),
            lambda y: fg.stop_gradient(np.real(y)),
            lambda y: np.unique(fg.stop_gradient(y)),
        ],
    )
    def test_writing_into_them_changes_nothing(self, leave):
        def f(x, write):
            y = np.exp(x)
            z = y * y
            plain = leave(y)
            assert not isinstance(plain, TapeTracer)
            if write:
                plain[...] = 1
            return np.sum(z * np.sort(y))

        x = np.array([0.5, -0.25, 0.125, 0.0])
        for apply in (
            lambda write: fg.grad(f)(x, write),
            lambda write: fg.jvp(lambda x: f(x, write), (x,), (np.ones(4),)),
            lambda write: fg.hessian(f)(x, write),
            lambda write: fg.linearize(lambda x: f(x, write), x)[1](x),
        ):
            np.testing.assert_array_equal(apply(True), apply(False))

    def test_outputs_of_a_call_with_several(self):
        order = fg.jit(lambda x: (np.argsort(x), x * x[np.argsort(x)]))

        def f(x):
            places, y = order(x)
            places[:] = 0
            return np.sum(y * x)

        x = np.array([3.0, 1.0, 2.0])
        expected = fg.grad(lambda x: np.sum(order(x)[1] * x))(x)
        np.testing.assert_array_equal(fg.grad(f)(x), expected)

    def test_aux_and_gradient_share_no_memory(self):
        double = fg.custom_vjp(lambda x: x * 2.0)
        double.defvjp(lambda x: (x * 2.0, x), lambda saved, ct: (saved,))
        x = np.ones(3)
        gradient, aux = fg.grad(lambda x: (np.sum(double(x)), x * 1.0), has_aux=True)(x)
        assert not np.shares_memory(gradient, aux) and not np.shares_memory(gradient, x)


def peak(call) -> int:
    call()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


class TestMemory:
    @pytest.mark.parametrize("size", [200, 2048, 20_000])
    def test_a_constant_is_kept_once(self, size):
        """Not at each use: 500 uses cost the entries of the tape and one copy."""
        c = np.ones(size)

        def f(x):
            total = 0.0
            for _ in range(500):
                total = total + x * c[:1]
                total = total + np.sum(x[:1] * c)
            return np.sum(total)

        # one product of `size` elements is in flight at a time
        assert peak(lambda: fg.grad(f)(np.ones(1))) < 500 * 4000 + 4 * c.nbytes

    def test_a_copy_lives_as_long_as_a_tape(self):
        c = np.ones(50_000)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            pullbacks = [fg.vjp(lambda x: x * c, c)[1] for _ in range(3)]
            # three leaves, one copy of the constant
            assert tracemalloc.get_traced_memory()[0] - before < 4.5 * c.nbytes
            del pullbacks
            # memory for two copies is kept, to be used again
            assert tracemalloc.get_traced_memory()[0] - before < 2.5 * c.nbytes
        finally:
            tracemalloc.stop()

    def test_read_only_constants_are_taken_as_they_are(self):
        c = np.ones(50_000)
        view = c[:]
        view.flags.writeable = False
        assert keep(c) is not c
        assert keep(view) is not view, "it can be written into through its base"
        c.flags.writeable = False
        assert keep(view) is view and keep(c) is c
        assert keep(keep(np.ones(5000))).base is not None

    def test_copies_are_read_only_and_stay_inside(self):
        c = np.ones((60, 60))
        out, pullback = fg.vjp(lambda x: (x * c, x @ c), c)
        for y in (*out, *pullback(out)):
            y += 1.0
        assert (c == 1.0).all()

    def test_what_was_kept_serves_again_only_where_it_is_the_same(self):
        c = np.arange(1000.0)
        kept = keep(c)
        assert keep(c) is kept and kept is not c
        for dtype, shape in product((np.float64, np.int64), ((1000,), (10, 100))):
            again = keep(c.view(dtype).reshape(shape))
            assert again.dtype == dtype and again.shape == shape
        c[999] = -c[999]
        assert keep(c) is not kept
        assert kept[999] == 999.0

    def test_memory_is_used_again_only_when_no_view_is_left(self):
        views = (lambda a: a[1:], lambda a: a.T[:, 0], lambda a: a.reshape(-1)[::2], lambda a: a[3:][4:].view(np.int64))
        for view_of in views:
            c = np.full((200, 100), 7.0)
            view = view_of(keep(c))
            expected = view.copy()
            for k in range(3):
                kept = keep(np.full((200, 100), float(k)))
                assert not np.shares_memory(view, kept)
            np.testing.assert_array_equal(view, expected)
