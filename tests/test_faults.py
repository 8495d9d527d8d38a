"""What compiled programs meet in the wild: indexes out of bounds, callbacks that raise, odd arrays, sizes and ranks."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax

X, I = np.arange(5.0), np.array([3, 7])
take = lambda x, i: fg.numpy.take(x, i, axis=0)

OUT_OF_BOUNDS = {
    "in the middle": (lambda x, i: np.sin(x)[i] * 2 + 1, X, I),
    "from the end": (lambda x, i: np.sin(x)[i] * 2 + 1, X, np.array([0, -6])),
    "an axis of one": (lambda x, i: x[None][i] * 2, X, np.array([0, 1])),
    "a view of it": (lambda x, i: x[None][::-1][i] * 1, X, np.array([1])),
    "no elements": (lambda x, i: x[:0][i] * 1, X, np.array([0])),
    "rows of no elements": (lambda x, i: x[:0, None][i] * np.ones(3), X, np.array([0])),
    "the same everywhere": (lambda x, i: take(np.broadcast_to(x[0], (5,)), i) + 1, X, I),
    "constant": (lambda x, i: take(np.zeros(5), i) + x[0], X, I),
    "a number": (lambda x, i: x[i[1]] + 1, X, I),
    "a scan": (lambda x, i: lax.scan(lambda c, k: (c + x[k], c), 0.0, i), X, np.array([0, 1, -6, 2])),
    "a condition": (lambda x, i: lax.while_loop(lambda s: x[s] < 9, lambda s: s + i[0], 0), X, np.array([1])),
    "a while": (
        lambda x, i: lax.while_loop(lambda s: s[1] < 99, lambda s: (s[0] + i[0], s[1] + x[s[0]]), (0, 1.0))[1],
        X, np.array([1]),
    ),
    "a branch": (lambda x, i: lax.cond(i[0] > 0, lambda x: np.sum(x[i]), lambda x: 0.0, x), X, I),
    "a gradient": (fg.grad(lambda x, i: np.sum(np.sin(x)[i] ** 2)), X, I),
    "a scatter": (lambda x, i: fg.numpy.at(x)[i].add(1.0) * 2, X, I),
}  # fmt: skip


@pytest.fixture
def alarm():
    """An endless loop of machine code is ended by nothing but a signal's default action."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="needs signals")
@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
def test_indexes_out_of_bounds(name, alarm):
    fun, x, i = OUT_OF_BOUNDS[name]
    compiled = fg.jit(fun)
    for _ in range(2):
        with pytest.raises(IndexError, match="out of bounds"):
            compiled(x, i)
    with pytest.raises(IndexError):
        compiled.lower(x, i).interpret(x, i)
    if name not in ("a while", "a condition", "no elements", "rows of no elements"):
        inside = np.zeros_like(i)
        for got, want in zip(fg.tree.leaves(compiled(x, inside)), fg.tree.leaves(fun(x, inside))):
            np.testing.assert_allclose(got, want, rtol=1e-14)


def test_an_index_that_is_not_used_may_be_out_of_bounds():
    compiled = fg.jit(lambda x, i: lax.cond(i[0] > 5, lambda x, i: np.sum(x[i]), lambda x, i: 0.0, x, i))
    assert compiled(X, I) == 0.0
    with pytest.raises(IndexError):
        compiled(X, I + 4)


def test_a_callback_that_raises():
    """What NumPy runs between the kernels; the next call is as if nothing had been."""
    compiled = fg.jit(lambda a: np.sin(np.linalg.cholesky(np.tanh(a) + 0.0) * 2.0))
    good, bad = np.eye(3), -np.eye(3)
    want = compiled(good)
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            compiled(bad)
        np.testing.assert_array_equal(compiled(good), want)


@pytest.mark.parametrize("rank", [32, 64])
def test_many_axes(rank):
    x = np.arange(6.0).reshape((1,) * (rank - 2) + (2, 3))
    fun = lambda x: np.sum(np.sin(x.T) * x.T[::-1], axis=(0, rank - 1)) + np.max(x)
    value, gradient = fg.jit(fg.value_and_grad(lambda x: np.sum(fun(x) ** 2)))(x)
    np.testing.assert_allclose(value, np.sum(fun(x) ** 2), rtol=1e-14)
    np.testing.assert_allclose(gradient, fg.grad(lambda x: np.sum(fun(x) ** 2))(x), rtol=1e-13)


SIZES = {
    "elementwise": lambda x: np.tanh(x) * x + 1.0,
    "rows": lambda x: x - np.sum(x, axis=1, keepdims=True),
    "columns": lambda x: np.prod(np.cos(x), axis=0) * x,
    "views": lambda x: np.concatenate([x[::-1], x.T.reshape(x.shape), x[:, ::-1]], axis=1)[::2],
    "padded": lambda x: np.pad(x, ((1, 2), (0, 1)))[:, 1:],
    "product": lambda x: np.sin(x @ x.T),
    "squares": lambda x: np.sum((x[:, None] - x[None]) ** 2, axis=-1),
    "running": lambda x: np.cumsum(np.cumsum(x, axis=0), axis=1),
    "scan": lambda x: lax.scan(lambda c, r: (c * 0.5 + np.sum(r), r * c), 1.0, x)[1],
    "scan of rows": lambda x: lax.scan(lambda c, r: (np.tanh(c + r), c), np.zeros(x.shape[1]), x)[0],
    "gather": lambda x: x[np.zeros(min(len(x), 3), int)] * 2.0,
    "scatter": lambda x: fg.numpy.at(x)[: len(x) // 2].add(1.0),
    "loop": lambda x: lax.fori_loop(0, len(x), lambda k, c: c * 0.5 + x, x),
}


@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 1), (1, 0), (1, 1), (0, 5), (5, 0), (1, 5), (5, 1), (2, 2), (9, 17)], ids=str
)
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name, shape):
    fun = SIZES[name]
    x = np.random.default_rng(0).normal(size=shape)
    loss = fg.value_and_grad(lambda x: np.sum(np.sin(fun(x))))
    for f in (fun, loss):
        for got, want in zip(fg.tree.leaves(fg.jit(f)(x)), fg.tree.leaves(f(x)), strict=True):
            assert got.dtype == want.dtype and got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def unaligned(x):
    buffer = np.empty(x.nbytes + 1, np.uint8)
    y = buffer[1:].view(x.dtype).reshape(x.shape)
    y[:] = x
    assert not y.flags.aligned
    return y


def readonly(x):
    y = x.copy()
    y.flags.writeable = False
    return y


LAYOUTS = {
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "Fortran": np.asfortranarray,
    "unaligned": unaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": readonly,
    "a dtype with metadata": lambda x: x.astype(np.dtype(x.dtype, metadata={"unit": "m"})),
}


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name, dtype):
    if (name, dtype) in {("unaligned", "u1"), ("unaligned", "?")}:
        pytest.skip("bytes are always aligned")
    fun = lambda x, y: (x * 2 + y, np.sum(x, axis=0), x.T[::-1])
    x = (np.random.default_rng(1).normal(size=(4, 6)) * 3).astype(dtype)
    compiled = fg.jit(fun)
    for first in (x, LAYOUTS[name](x)):
        for got, want in zip(compiled(first, x), fun(x, x), strict=True):
            assert type(got) is np.ndarray and got.dtype == want.dtype and got.dtype.isnative
            np.testing.assert_allclose(got, want, rtol=1e-6 if dtype == "f4" else 1e-15)


def test_strides_of_zero():
    x = np.broadcast_to(np.arange(6.0), (4, 6))
    np.testing.assert_array_equal(fg.jit(lambda x: x * 2 + x[::-1])(x), x * 2 + x[::-1])


def test_aliases():
    """The same array twice, overlapping ones, and an argument that is returned."""
    fun = lambda x, y: (x[::-1] + y * 2, y, x)
    compiled = fg.jit(fun)
    z = np.arange(9.0)
    for x, y in ((z, z), (z[:8], z[1:]), (z[1:], z[:8])):
        before = z.copy()
        results = compiled(x, y)
        for got, want in zip(results, fun(x, y)):
            np.testing.assert_array_equal(got, want)
            assert not np.shares_memory(got, z)
            got[:] = -1
        np.testing.assert_array_equal(z, before)


def test_threads_share_a_program():
    """Scratch memory and results are each call's own."""
    fun = lambda w, x: lax.scan(lambda h, r: (np.tanh(w @ h + r), np.sum(h)), np.zeros(len(w)), x)
    compiled = fg.jit(fun)
    inputs = [(np.random.default_rng(k).normal(size=(60, 60)) / 8, np.full((40, 60), k / 9)) for k in range(16)]
    wanted = [compiled(*args) for args in inputs]
    wrong = []

    def work(k):
        for _ in range(20):
            if any((a != b).any() for a, b in zip(compiled(*inputs[k]), wanted[k])):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
