"""Results that are written past the cache."""

import ctypes

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile.segments import split

PAST = "!nontemporal"
ROWS, COLUMNS = 1024, 520  # 4.06 MiB


def kernel(f, *args):
    (segment,) = split(fg.jit(f).lower(*args).graph)
    return segment.text


def test_a_large_result_is():
    x = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    text = kernel(lambda x: x * 2.0 - 1.0, x)
    assert PAST in text and "fence seq_cst" in text
    assert np.array_equal(fg.jit(lambda x: x * 2.0 - 1.0)(x), x * 2.0 - 1.0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_that_are_read_several_times(dtype, threads, monkeypatch):
    monkeypatch.setattr(fg.config, "threads", threads)
    x = np.random.default_rng(1).normal(size=(2 * ROWS, COLUMNS)).astype(dtype)
    softmax = lambda x: fg.nn.softmax(x, axis=1)
    assert PAST in kernel(softmax, x)
    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    close = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(fg.jit(softmax)(x), powers / powers.sum(axis=1, keepdims=True), rtol=close)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[:100] * 2.0,
        lambda x: np.stack([x, x]).reshape(2, -1)[:, 1:] * 3.0,  # rows of odd length
        lambda x: np.repeat(x, 20, axis=0) * 2.0,
        lambda x: np.sum(np.exp(x)),
    ],
    ids=["small", "rows that begin anywhere", "very large", "a number"],
)
def test_others_are_not(f):
    x = np.random.default_rng(2).normal(size=(ROWS, COLUMNS))
    assert PAST not in kernel(f, x)


def test_what_the_kernel_reads_again_is_not():
    def twice(x):
        y = np.sin(x) * 2.0
        return y, y[::-1] + y

    x = np.random.default_rng(3).normal(size=(ROWS, COLUMNS))
    assert kernel(twice, x).count(PAST) == 1
    y = fg.jit(np.sin)(x) * 2.0
    assert np.array_equal(fg.jit(twice)(x), [y, y[::-1] + y])


def test_memory_that_is_aligned_for_numbers_only():
    """The kernel leaves it alone: NumPy has to do it."""
    x = np.ones((ROWS, COLUMNS))
    program = fg.jit(lambda x: x * 2.0).lower(x)
    plain = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(program.whole._module.address("plain"))
    space = np.zeros(x.size + 3)
    start = -(space.ctypes.data // 8) % 2  # of an element at a multiple of 16 bytes
    for offset, status in ((start, 0), (start + 1, 1)):
        out = space[offset : offset + x.size]
        out[:] = 0
        pointers = (ctypes.c_void_p * 4)(x.ctypes.data, out.ctypes.data, None, None)
        assert plain(pointers) == status
        assert np.all(out == (0 if status else 2))
    assert np.array_equal(program.whole.on_numpy(x)[0], x * 2.0)
