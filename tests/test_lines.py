"""Convolutions by kernels: the numbers of products of BLAS, whatever the shapes, and no number that nobody gave."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile import gridtext, linetext, ufuncs, weightext
from funcgrad.compile.machine import load
from funcgrad.config import config
from funcgrad.ops import lines
from funcgrad.ops.correlate import correlate, correlate_spread, correlate_weigh

CASES = {
    "plane": ((2, 3, 20, 21), (4, 3, 3, 2), (1, 1), (1, 1)),
    "one tile": ((2, 2, 8, 8), (8, 2, 2, 3), (1, 1), (1, 1)),
    "one more than a tile": ((1, 1, 1, 51), (9, 1, 1, 3), (1, 1), (1, 1)),
    "dilated plane": ((2, 3, 20, 27), (9, 3, 3, 3), (1, 1), (2, 3)),
    "plane apart": ((2, 3, 40, 43), (15, 3, 3, 3), (2, 3), (1, 1)),
    "dilated plane apart": ((2, 2, 45, 47), (5, 2, 3, 2), (2, 3), (3, 2)),
    "windows apart": ((1, 2, 40, 40), (6, 2, 2, 2), (3, 3), (1, 1)),
    "columns apart": ((2, 3, 20, 80), (7, 3, 3, 3), (1, 2), (1, 1)),
    "colours": ((2, 3, 64, 64), (16, 3, 7, 7), (2, 2), (1, 1)),
    "line": ((3, 2, 400), (7, 2, 9), (1,), (1,)),
    "line apart": ((3, 2, 401), (7, 2, 9), (3,), (2,)),
    "long line": ((2, 3, 3000), (41, 3, 5), (1,), (1,)),
    "pixels": ((1, 17, 30, 30), (33, 17, 1, 1), (1, 1), (1, 1)),
    "pixels apart": ((2, 5, 30, 31), (13, 5, 1, 1), (2, 2), (1, 1)),
    "volume": ((2, 2, 8, 9, 12), (11, 2, 2, 3, 2), (1, 1, 1), (1, 1, 1)),
    "volume apart": ((2, 2, 9, 14, 15), (6, 2, 2, 3, 2), (2, 1, 2), (1, 2, 1)),
    "four axes": ((3, 2, 5, 4, 9, 14), (8, 2, 2, 2, 2, 2), (1, 2, 1, 1), (1, 1, 1, 1)),
    "many parts": ((1, 8, 130, 60), (24, 8, 3, 3), (1, 1), (1, 1)),
    "many images": ((40, 4, 12, 12), (35, 4, 3, 3), (1, 1), (1, 1)),
}


@pytest.fixture(autouse=True)
def _for_any_size(monkeypatch):
    """Kernels, however small the arrays are."""
    forget()
    monkeypatch.setattr(lines, "LEAST", 1)
    yield
    forget()


def forget():
    for known in (lines._placing, lines._spreading, lines._weighing):
        known.cache_clear()


def arrays(name, dtype, integers=True):
    x_shape, w_shape, strides, dilations = CASES[name]
    rng = np.random.default_rng(0)
    make = (lambda s: rng.integers(-9, 9, s)) if integers else (lambda s: rng.normal(size=s))
    x, w = make(x_shape).astype(dtype), make(w_shape).astype(dtype)
    params = {"strides": strides, "dilations": dilations}
    config.jit = False
    try:
        ct = make(correlate(x, w, **params).shape).astype(dtype)
    finally:
        config.jit = True
    return x, w, ct, params


def by_kernels(x, w, ct, params):
    """The three products, None where there is no kernel."""
    return {
        "correlate": lines.correlated(x, w, **params),
        "spread": lines.spread(ct, w, x.shape[2:], **params),
        "weigh": lines.weighed(x, ct, w.shape[2:], **params),
    }


def all_three(x, w, ct, params):
    return {
        "correlate": correlate(x, w, **params),
        "spread": correlate_spread(ct, w, shape=x.shape[2:], **params),
        "weigh": correlate_weigh(x, ct, sizes=w.shape[2:], **params),
    }


def on_numpy(*args):
    config.jit = False
    try:
        return all_three(*args)
    finally:
        config.jit = True


def same_bits(found, expected):
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        assert found[name].dtype == expected[name].dtype


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", CASES)
def test_integers_are_exact(name, dtype):
    given = arrays(name, dtype)
    found, expected = by_kernels(*given), on_numpy(*given)
    same_bits(found, expected)
    assert all(y.flags.c_contiguous for y in found.values())


@pytest.mark.parametrize("dtype, tol", [("f8", 1e-14), ("f4", 5e-6)])
@pytest.mark.parametrize("name", ["plane", "colours", "many parts", "long line"])
def test_numbers_are_blas_within_rounding(name, dtype, tol):
    x, w, ct, params = arrays(name, dtype, integers=False)
    found = all_three(x, w, ct, params)
    exact = on_numpy(*(v.astype("f8") for v in (x, w, ct)), params)
    scale = on_numpy(*(abs(v.astype("f8")) for v in (x, w, ct)), params)
    for key in found:
        assert (np.abs(found[key] - exact[key]) <= tol * scale[key]).all()


@pytest.mark.parametrize("size", range(1, 20))
def test_any_number_of_outputs(size):
    rng = np.random.default_rng(size)
    x, w = rng.integers(-9, 9, (2, 3, 12, 11)).astype("f4"), rng.integers(-9, 9, (size, 3, 3, 2)).astype("f4")
    params = {"strides": (1, 1), "dilations": (1, 1)}
    ct = rng.integers(-9, 9, (2, size, 10, 10)).astype("f4")
    same_bits(all_three(x, w, ct, params), on_numpy(x, w, ct, params))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_what_is_not_finite_stays_where_it_is(dtype):
    """Of either operand: no number of a result meets one that is not in its sum, as there is in BLAS's."""
    for place in range(3):
        for bad in (np.inf, np.nan):
            *given, params = arrays("plane", dtype)
            given[place].reshape(-1)[[17, -1]] = bad
            with np.errstate(invalid="ignore"):
                found, expected = all_three(*given, params), on_numpy(*given, params)
            same_bits(found, expected)
            assert not all(np.isfinite(y).all() for y in found.values())


@pytest.mark.parametrize("name", ["many parts", "many images", "long line", "volume apart"])
def test_bits_do_not_depend_on_threads(name, monkeypatch):
    given = arrays(name, "f4", integers=False)
    monkeypatch.setattr(lines, "ALONE", 0)
    monkeypatch.setattr(config, "threads", 1)
    alone = all_three(*given)
    for threads in (2, 5):
        config.threads = threads
        same_bits(all_three(*given), alone)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("machine", [(16, 32), (16, 16), (32, 16)])
def test_bits_do_not_depend_on_registers(machine, dtype, monkeypatch):
    """What is computed together, as it would be on another machine."""
    expected = [all_three(*arrays(name, dtype, integers=False)) for name in CASES]
    monkeypatch.setattr(gridtext, "registers", lambda: machine)
    texts = {"correlate": linetext.LineText, "weigh": weightext.WeighText}
    dtypes = [np.dtype("i8"), *[np.dtype(dtype)] * 3]
    made = {
        key: ufuncs.made(load(text(np.dtype(dtype)).written()), dtypes, 3, key, "(p),(a),(b)->(c)")
        for key, text in texts.items()
    }
    monkeypatch.setattr(lines, "_kernel", lambda name, char: made[name])
    for name, there in zip(CASES, expected):
        same_bits(all_three(*arrays(name, dtype, integers=False)), there)


def test_operands_that_do_not_lie_in_order():
    x, w, ct, params = arrays("many parts", "f8")
    expected = all_three(x, w, ct, params)
    mirrored = lambda v: v[::-1, ::-1].copy()[::-1, ::-1]
    for turn in (np.asfortranarray, lambda v: np.repeat(v, 2, -1)[..., ::2], mirrored):
        same_bits(all_three(turn(x), turn(w), turn(ct), params), expected)


def test_what_kernels_leave():
    """Other dtypes, empty arrays, arrays of no space, short lines, and what they would mostly compute in vain."""
    def has_kernel(x, w, strides=None):
        ones = (1,) * (x.ndim - 2)
        return lines.correlated(x, w, strides or ones, ones) is not None

    x, w = np.ones((2, 3, 20, 20)), np.ones((4, 3, 3, 3))
    assert has_kernel(x, w)
    assert not has_kernel(x.astype("f2"), w.astype("f2"))
    assert not has_kernel(x.astype("f4"), w)
    assert not has_kernel(x.astype("c16"), w.astype("c16"))
    assert not has_kernel(x.astype(">f8"), w.astype(">f8"))
    assert not has_kernel(x[:0], w)
    assert not has_kernel(x[:, :0], w[:, :0])
    assert not has_kernel(x, w[:0])
    assert not has_kernel(x[..., 0, 0], w[..., 0, 0])
    assert not has_kernel(x[..., :2], w)
    assert not has_kernel(x[..., :8, :8], w)
    assert not has_kernel(x, np.ones((4, 3, 1, 17)))
    assert not has_kernel(np.ones((2, 3, 9, 9)), np.ones((512, 3, 3, 3)))


def test_small_arrays_need_no_kernel(monkeypatch):
    monkeypatch.setattr(lines, "LEAST", 2**16)
    forget()
    monkeypatch.setattr(lines, "_kernel", lambda *args: pytest.fail("a kernel"))
    all_three(*arrays("plane", "f8"))
    with pytest.raises(pytest.fail.Exception):
        all_three(*arrays("many parts", "f8"))
    on_numpy(*arrays("many parts", "f8"))


def guarded(array, at_end):
    """An array in memory that begins or ends with pages that nobody may touch."""
    page = mmap.PAGESIZE
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for offset in (0, size + page):
        assert protect(ctypes.c_void_p(start + offset), page, 0) == 0
    offset = page + (size - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, array.dtype, array.size, offset)
    copy[...] = array.reshape(-1)
    return copy.reshape(array.shape)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that may be ended by the system")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_nothing_beside_the_arrays_is_touched(dtype, at_end, monkeypatch):
    """In a forked process, which the system would end."""
    run = lines._run
    given = {name: arrays(name, dtype) for name in CASES}
    expected = {name: all_three(*given[name]) for name in CASES}

    def run_guarded(kernel, plan, a, b, out):
        own = [guarded(np.ascontiguousarray(v), at_end) for v in (plan, a, b, out)]
        out[...] = run(kernel, *own)
        return out

    monkeypatch.setattr(lines, "_run", run_guarded)
    child = os.fork()
    if not child:
        try:
            for name in CASES:
                same_bits(all_three(*given[name]), expected[name])
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_derivatives_of_layers():
    """Of both orders, of stacks, and compiled, as without kernels."""
    rng = np.random.default_rng(0)
    x, w, v = rng.normal(size=(3, 4, 20, 20)), rng.normal(size=(8, 4, 3, 3)), rng.normal(size=(6, 8, 3, 3))

    def loss(x, w, v):
        hidden = np.tanh(lax.conv(x, w, (1, 1), "SAME"))
        return np.mean(lax.conv(hidden, v, (2, 2), "SAME") ** 2)

    gradient = fg.grad(loss, argnums=(0, 1, 2))
    turned = lambda x, w, v: fg.jvp(gradient, (x, w, v), (w[:3, :4, :1, :1] + x, w, v))[1]
    stacked = lambda x, w, v: fg.vmap(gradient, in_axes=(0, None, None))(x[:, None], w, v)
    for fun in (gradient, turned, stacked):
        found = fun(x, w, v)
        config.jit = False
        try:
            expected = fun(x, w, v)
        finally:
            config.jit = True
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for a, b in zip(gradient(x, w, v), fg.jit(gradient)(x, w, v), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
