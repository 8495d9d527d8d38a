"""Reductions of large arrays by kernels: NumPy's values, whatever the axes, the layout and the numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.config import config
from funcgrad.ops import reduce
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.reductions import Place, Reduction

REDUCTIONS = {
    "sum": (reduce_sum, np.add),
    "prod": (reduce.reduce_prod, np.multiply),
    "max": (reduce.reduce_max, np.maximum),
    "min": (reduce.reduce_min, np.minimum),
}
CASES = [
    ((300_001,), (0,)), ((5, 60_001), (1,)), ((700, 77), (1,)), ((20_000, 3), (1,)), ((20_001, 3), (0,)),
    ((40_000, 1), (0,)), ((3, 9001, 5), (1,)), ((9, 8, 700, 11), (0, 3)), ((9, 8, 700, 11), (1, 2)),
    ((64, 1000), (0,)), ((700, 403), (0,)), ((2, 1000, 7, 20), (1,)), ((9, 30_001), (0,)), ((300, 1001), (1,)),
    ((50, 1000, 2), ()), ((600, 700), (0, 1)), ((2, 20_000, 3), (0, 2)),
]  # fmt: skip
CALLED = []


@pytest.fixture
def counted(monkeypatch):
    """How often kernels gave a result."""
    by_kernel = Reduction._by_kernel
    CALLED.clear()

    def spied(self, x, axes):
        y = by_kernel(self, x, axes)
        CALLED.append(y is not None)
        return y

    monkeypatch.setattr(Reduction, "_by_kernel", spied)
    return CALLED


def drawn(shape, dtype="f8", seed=0):
    """Numbers near 1, so that products are numbers."""
    return np.exp(0.01 * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


def same(found, expected, dtype, **names):
    assert (type(found), found.shape, found.dtype) == (type(expected), expected.shape, expected.dtype), names
    np.testing.assert_allclose(found, expected, rtol=1e-11 if dtype == "f8" else 2e-3, err_msg=str(names))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_values_are_numpys_for_all_axes_and_layouts(name, dtype, counted):
    prim, ufunc = REDUCTIONS[name]
    for shape, axes in CASES:
        x = drawn(shape, dtype)
        turned = np.ascontiguousarray(x.T).T
        for v in (x, turned, x[::-1], x.astype(x.dtype.newbyteorder())):
            same(prim(v, axes=axes), ufunc.reduce(v, axes), dtype, shape=shape, axes=axes)
    assert sum(counted) > len(CASES)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_other_dtypes_and_small_arrays_are_numpys(name, counted):
    prim, ufunc = REDUCTIONS[name]
    for x in (
        np.arange(90_000).reshape(-1, 3) % 3, np.ones((30_000, 3), bool), np.ones((30_000, 3), "c16"),
        np.ones((30_000, 3), "f2"), np.ones((30_000, 3), np.longdouble), drawn((100, 9)),
    ):  # fmt: skip
        found, expected = prim(x, axes=(1,)), ufunc.reduce(x, 1)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert not any(counted)
    with pytest.raises(ValueError, match="zero-size array to reduction"):
        reduce.reduce_max(np.ones((40_000, 0)), axes=(1,))
    same(reduce_sum(np.ones((40_000, 0)), axes=(1,)), np.zeros(40_000), "f8")


@pytest.mark.parametrize("name", REDUCTIONS)
def test_without_jit_numpy_computes(name, counted):
    prim, ufunc = REDUCTIONS[name]
    x = drawn((9000, 9))
    with fg.disable_jit():
        np.testing.assert_array_equal(prim(x, axes=(1,)), ufunc.reduce(x, 1))
    assert not counted


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_numbers_that_are_not_finite(name, dtype, counted):
    """NaN wins, infinities are NumPy's, wherever they are."""
    prim, ufunc = REDUCTIONS[name]
    for shape, axis in (((500, 100), 1), ((12_000, 5), 0), ((300_000,), 0), ((2700, 100), 0)):
        x = drawn(shape, dtype)
        flat = x.reshape(-1)
        n = x.size
        for places, value in (((3, n // 2), np.nan), ((7, n - 1), np.inf), ((n // 3,), -np.inf), ((0, n - 2), 0.0)):
            y = flat.copy()
            y[list(places)] = value
            y = y.reshape(shape)
            with np.errstate(all="ignore"):
                same(prim(y, axes=(axis,)), ufunc.reduce(y, axis), dtype, value=value, shape=shape)
        flat[[5, n // 2, n - 1]] = np.inf, -np.inf, np.nan
        with np.errstate(all="ignore"):
            same(prim(x, axes=(axis,)), ufunc.reduce(x, axis), dtype, shape=shape)
    assert any(counted)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_warnings_are_numpys(dtype):
    x = drawn((500, 100), dtype)
    x[3, 4], x[3, 60] = np.inf, -np.inf
    x[7, :2] = np.finfo(dtype).max
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = reduce_sum(x, axes=(1,))
    with warnings.catch_warnings(record=True) as numpys:
        warnings.simplefilter("always")
        same(found, x.sum(1), dtype)
    assert {str(w.message) for w in caught} == {str(w.message) for w in numpys} != set()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(reduce_sum(x, axes=(1,)), found)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_sums_of_all_that_are_numpys(dtype, counted):
    """Zeros have signs; what overflows warns, in parts or at the end; and an exact sum is one."""
    large = np.finfo(dtype).max / 30_000
    for x in (
        np.full(70_000, -0.0, dtype), np.zeros((700, 100), dtype), np.resize(np.array([1.0, -1.0], dtype), 70_000),
        np.full(70_001, large, dtype), np.repeat(np.array([large, -large], dtype), 35_000),
        np.repeat(np.array([np.inf, -np.inf], dtype), 35_000), np.resize(np.array([1.0, np.nan], dtype), 70_000),
    ):  # fmt: skip
        caught, sums = [], []
        for total in (lambda x: reduce_sum(x, axes=tuple(range(x.ndim))), lambda x: np.add.reduce(x, None)):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                sums.append(total(x))
            caught.append({str(w.message) for w in said})
        if np.isfinite(sums[1]):
            assert type(sums[0]) is type(sums[1]) and sums[0].tobytes() == sums[1].tobytes()
            assert not caught[0]
        else:
            np.testing.assert_array_equal(*sums)
            assert caught[0] == caught[1]
    assert not any(counted)
    assert reduce_sum(np.full(70_000, 0.1, dtype), axes=(0,)) != 0 and any(counted)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_products_that_leave_the_range_on_their_way_are_numpys(dtype):
    """Multiplied in another order these overflow, vanish, or lose digits: in lanes, in halves, and in parts."""
    x = np.ones((400, 128), dtype)
    large, small = (1e300, 1e-300) if dtype == "f8" else (1e37, 1e-37)
    x[0, ::2], x[0, 1::2] = large, small  # in each lane one of them
    x[1, :64], x[1, 64:] = small ** (1 / 64), large ** (1 / 64)
    x[2, 0:16:8], x[2, 1:17:8] = np.sqrt(small) / 3e5, 7e5 / np.sqrt(small)  # below the normal numbers and back
    x[3, 5] = 0.0
    x[4, 8], x[4, 16], x[4, 9], x[4, 17] = small / 3, 1e-10, 1e10, 3 / small
    long = np.ones(100_000, dtype)
    long[:20_000:1000], long[80_000::1000] = small ** (1 / 15), large ** (1 / 15)
    wide = np.ones((128, 2100), dtype)
    wide[:, 900:1300] = x.T
    for y, axis in ((x, 1), (long, 0), (np.repeat(x.T, 3, axis=0).reshape(-1, 3), 0), (wide, 0)):
        found = reduce.reduce_prod(y, axes=(axis,))
        np.testing.assert_allclose(found, np.multiply.reduce(y, axis), rtol=1e-12 if dtype == "f8" else 1e-4)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("shape, axis", [
    ((300_000,), 0), ((700, 500), 1), ((100_000, 3), 0), ((3, 200_000), 1), ((3000, 91), 0),
])  # fmt: skip
def test_sums_are_as_exact_as_numpys(shape, axis, dtype):
    """Of numbers of one sign, the worst for sums one after another."""
    x = np.random.default_rng(0).uniform(0.5, 1, shape).astype(dtype)
    exact = x.astype(np.longdouble).sum(axis)
    off = lambda y: np.sqrt(np.mean(((y - exact) / exact) ** 2)) / np.finfo(dtype).eps
    assert off(reduce_sum(x, axes=(axis,))) <= max(off(x.sum(axis)), 1.0)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_neither_threads_nor_places_change_bits(name):
    prim, _ = REDUCTIONS[name]
    for shape, axis in (((300_001,), 0), ((700, 100), 1), ((30_001, 3), 0), ((700, 403), 0), ((300, 1001), 1)):
        x = drawn(shape)
        y = prim(x, axes=(axis,))
        config.threads = 1
        try:
            np.testing.assert_array_equal(prim(x, axes=(axis,)), y)
        finally:
            config.threads = None
        shifted = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view("f8").reshape(shape)
        np.testing.assert_array_equal(prim(shifted, axes=(axis,)), y)
        np.testing.assert_array_equal(x, drawn(shape))


@pytest.mark.parametrize("fun", [fnp.sum, fnp.mean, fnp.var, fnp.max, fnp.min, fnp.prod])
def test_derivatives_are_those_on_numpy(fun, counted):
    """Of both orders, along both axes, and of a batch."""
    x, t = drawn((800, 50)), drawn((800, 50), seed=1)
    for axis in (0, 1, None):
        g = lambda x, axis=axis: fnp.sum(fun(x, axis=axis) ** 2)
        everything = lambda g=g: [g(x), fg.grad(g)(x), fg.jvp(g, (x,), (t,))[1], *fg.jvp(fg.grad(g), (x,), (t,)),
                                  fg.vmap(fg.grad(g))(np.stack([x, t])), fg.jit(fg.grad(g))(x)]  # fmt: skip
        with fg.disable_jit():
            expected = everything()
        for y, e in zip(everything(), expected, strict=True):
            np.testing.assert_allclose(y, e, rtol=1e-11, atol=1e-11 * np.abs(e).max())
    assert any(counted)


def test_what_numpys_functions_take_beside_the_axis():
    """`initial`, `where`, `dtype`, `keepdims` of traced arrays."""
    x = drawn((900, 60))
    mask = x > 1
    for call in (
        lambda x: fnp.sum(x, axis=1, where=mask, initial=2.0),
        lambda x: fnp.sum(x, axis=1, dtype=np.float32, keepdims=True),
        lambda x: fnp.max(x, axis=1, initial=1.5),
        lambda x: fnp.min(x, axis=1, where=mask, initial=9.0, keepdims=True),
        lambda x: fnp.prod(x, axis=1, where=mask, initial=-1.0),
        lambda x: fnp.mean(x, axis=1, where=mask),
    ):
        found = []
        fg.grad(lambda x, call=call, found=found: found.append(call(x)) or fnp.sum(x))(x)
        expected = call(x)
        assert found[0].value.dtype == expected.dtype and found[0].shape == expected.shape
        np.testing.assert_allclose(found[0].value, expected, rtol=1e-12 if expected.dtype == "f8" else 1e-5)


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8"])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_places_of_extremes_are_numpys(name, dtype):
    """The first of equal ones, NaN before all, in all layouts: blocks of columns, what is behind them, short rows."""
    prim, numpys = getattr(reduce, name), getattr(np, name)
    rng = np.random.default_rng(0)
    for shape in ((4000, 5), (20_000, 1), (1, 20_000), (2, 9000), (50, 401), (17, 1003), (9, 240, 8), (7, 5, 6, 90)):
        ties = rng.integers(-3, 3, shape).astype(dtype)
        ties[ties == 0] = -0.0
        some = np.where(rng.random(shape) < 0.05, np.nan, ties).astype(dtype)
        far = np.where(rng.random(shape) < 0.5, np.inf, -np.inf).astype(dtype)
        sorted_ = np.sort(rng.normal(size=shape), 0).astype(dtype)
        for x in (ties, some, far, sorted_, sorted_[::-1], np.full(shape, np.nan, dtype), np.asfortranarray(some),
                  some[..., ::-1], np.moveaxis(some, 0, -1), np.broadcast_to(ties[:1], shape)):  # fmt: skip
            for axis in range(x.ndim):
                y, e = prim(x, axis=axis), numpys(x, axis=axis)
                assert (type(y), y.dtype, y.shape) == (type(e), e.dtype, e.shape)
                np.testing.assert_array_equal(y, e, err_msg=f"{shape} {axis}")


def test_places_of_extremes_have_kernels_for_large_arrays_of_floats(monkeypatch):
    called = []
    by_kernel = Place._by_kernel
    monkeypatch.setattr(Place, "_by_kernel", lambda *args: called.append(by_kernel(*args)) or called[-1])
    x = drawn((400, 50), "f4")
    for given, kernels in ((x, 1), (x.reshape(-1, 5), 0), (x.astype("i4"), 0), (x[:9], 0), (x[:, :3].repeat(9, 0), 0)):
        reduce.argmax(given, axis=0)
        assert sum(y is not None for y in called) == kernels
        called.clear()
    assert reduce.argmax(x.reshape(-1, 5), axis=1) is called.pop()
    with fg.disable_jit():
        reduce.argmax(x, axis=0)
    assert not called
    with pytest.raises(ValueError, match="attempt to get argmax of an empty sequence"):
        reduce.argmax(np.ones((0, 40_000)), axis=0)
    assert reduce.argmax(np.ones((40_000, 0)), axis=0).shape == (0,)
    assert reduce.argmax([1.0, 3.0, 2.0], axis=0) == 1
