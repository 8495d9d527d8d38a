"""Functions along rows of large arrays: kernels for rows of any length, with the meaning of the operations on NumPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.compile import rows
from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.staging import trace_graph
from funcgrad.ops import large, normalise, reduce
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.index import scatter_add
from funcgrad.ops.reduce import reduce_prod
from funcgrad.ops.rows import LANES, Rows

FUNCTIONS = {
    "softmax": fg.nn.softmax,
    "log_softmax": fg.nn.log_softmax,
    "logsumexp": lambda x: fg.nn.logsumexp(x, axis=-1),
    "standardize": fg.nn.standardize,
}
SHAPES = [(1000, 1), (500, 3), (130, 8), (9, 6, 37), (7, 600), (1, 5003)]


def numpys(call):
    with fg.disable_jit():
        return call()


def drawn(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("name, dtype, tol", [
    *((name, "f8", 2e-13) for name in FUNCTIONS), ("softmax", "f4", 1e-4),
    *(pytest.param(name, "f4", 1e-4, marks=pytest.mark.long) for name in FUNCTIONS if name != "softmax"),
])  # fmt: skip
def test_values_and_derivatives_are_those_on_numpy(name, dtype, tol):
    fun = FUNCTIONS[name]
    for shape in SHAPES:
        x, t = drawn(shape, dtype), drawn(shape, dtype, 1)
        weights = drawn(np.shape(fun(x)), dtype, 2)

        def everything(x=x, t=t, weights=weights):
            gradient = fg.grad(lambda x: fnp.sum(fun(x) ** 2 * weights))
            return [fun(x), fg.vmap(fun)(x), gradient(x), fg.jvp(fun, (x,), (t,))[1], fg.jvp(gradient, (x,), (t,))[1]]

        for y, e in zip(everything(), numpys(everything), strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y, e, rtol=tol, atol=tol * np.abs(e).max(), err_msg=f"{shape}")


DOWN = {
    "softmax": fg.nn.softmax,
    "log_softmax": fg.nn.log_softmax,
    "logsumexp": fg.nn.logsumexp,
    "standardize": fg.nn.standardize,
}
ACROSS = [
    ((1, 1000), 0), ((3, 400), 0), ((130, 8), 0), ((700, 31), 0), ((9, 37, 6, 5), 1), ((3, 5, 6, 40), (1, 2)),
    ((67, 1027), 0),
]  # fmt: skip


@pytest.mark.parametrize("name, dtype, tol", [
    *((name, "f8", 2e-13) for name in DOWN), ("standardize", "f4", 1e-4),
    *(pytest.param(name, "f4", 1e-4, marks=pytest.mark.long) for name in DOWN if name != "standardize"),
])  # fmt: skip
def test_values_and_derivatives_down_columns_are_those_on_numpy(name, dtype, tol):
    for shape, axis in ACROSS:
        fun = lambda x, axis=axis: DOWN[name](x, axis=axis)
        x, t = drawn(shape, dtype), drawn(shape, dtype, 1)
        weights = drawn(np.shape(fun(x)), dtype, 2)

        def everything(x=x, t=t, weights=weights, fun=fun):
            gradient = fg.grad(lambda x: fnp.sum(fun(x) ** 2 * weights))
            batch = np.stack([x, t])
            return [fun(x), fg.vmap(fun)(batch), fg.vmap(gradient)(batch), gradient(x), fg.jvp(fun, (x,), (t,))[1],
                    fg.jvp(gradient, (x,), (t,))[1]]  # fmt: skip

        for y, e in zip(everything(), numpys(everything), strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y, e, rtol=tol, atol=tol * np.abs(e).max(), err_msg=f"{shape}")


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", DOWN)
def test_columns_have_the_same_bits_wherever_they_are(name, dtype):
    fun, x = DOWN[name], drawn((20, 77, 203), dtype)
    y = fun(x, axis=1)
    config.threads = 1
    try:
        np.testing.assert_array_equal(fun(x, axis=1), y)
    finally:
        config.threads = None
    np.testing.assert_array_equal(fun(np.asfortranarray(x), axis=1), y)
    np.testing.assert_array_equal(fun(x[::-2, :, ::-1], axis=1), y[::-2, ..., ::-1])
    for width in (LANES, LANES + 1, 2 * LANES - 1, 100):  # the blocks that threads share are cut elsewhere
        np.testing.assert_array_equal(fun(x[..., 5 : 5 + width], axis=1), y[..., 5 : 5 + width])
    np.testing.assert_array_equal(fun(x.reshape(20, 7, 11, 203), axis=(1, 2)).reshape(y.shape), y)
    np.testing.assert_array_equal(fun(x[7], axis=0), y[7])
    shifted = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(dtype).reshape(x.shape)
    np.testing.assert_array_equal(fun(shifted, axis=1), y)
    np.testing.assert_array_equal(fun(x.astype(x.dtype.newbyteorder()), axis=1), y)
    np.testing.assert_array_equal(x, drawn((20, 77, 203), dtype))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("n", [100, 3001, 5000])
def test_sums_down_columns_are_as_exact_as_numpys(n, dtype):
    x = np.random.default_rng(0).uniform(0.5, 1, (n, 11)).astype(dtype)
    found = Rows(lambda x, count, axes: x - reduce_sum(x, axes=axes).reshape(1), "residual")((0,), x)
    exact = x - x.astype(np.longdouble).sum(0)
    off = lambda y: np.abs(y - exact).max() / np.abs(exact).max() / np.finfo(dtype).eps
    assert off(found) <= max(off(x - x.sum(0)), 1.0)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("n", [100, 3001, 200_000])
def test_sums_are_as_exact_as_numpys(n, dtype):
    """Of numbers of one sign, the worst for sums one after the other."""
    x = np.random.default_rng(0).uniform(0.5, 1, (max(1, 2000 // n), n)).astype(dtype)
    kernel = Rows(lambda x, count, axes: x - reduce_sum(x, axes=axes).reshape(1), "residual")((1,), x)
    exact = x - x.astype(np.longdouble).sum(1, keepdims=True)
    off = lambda y: np.abs(y - exact).max() / np.abs(exact).max() / np.finfo(dtype).eps
    assert off(kernel) <= max(off(x - x.sum(1, keepdims=True)), 1.0)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_neither_layout_nor_threads_change_bits(name, dtype):
    fun, x = FUNCTIONS[name], drawn((2000, 77), dtype)
    y = fun(x)
    config.threads = 1
    try:
        np.testing.assert_array_equal(fun(x), y)
    finally:
        config.threads = None
    np.testing.assert_array_equal(fun(np.asfortranarray(x)), y)
    np.testing.assert_array_equal(fun(x[::-2]), y[::-2])
    np.testing.assert_array_equal(fun(np.repeat(x, 2, axis=1)[:, ::2]), y)
    np.testing.assert_array_equal(fun(x.reshape(20, 100, 77)), y.reshape(20, 100, *y.shape[1:]))
    np.testing.assert_array_equal(fun(np.broadcast_to(x[3], (50, 77))), np.broadcast_to(y[3], (50, *y.shape[1:])))
    shifted = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(dtype).reshape(x.shape)
    np.testing.assert_array_equal(fun(shifted), y)
    swapped = x.astype(x.dtype.newbyteorder())
    np.testing.assert_array_equal(fun(swapped), y)
    np.testing.assert_array_equal(x, drawn((2000, 77), dtype))


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_not_finite_is_as_on_numpy(name, down):
    fun, x = FUNCTIONS[name], drawn((40, 33), "f8")
    x[1, 4], x[2, 0], x[3, 32] = np.nan, np.inf, -np.inf
    x[4], x[5], x[6], x[7] = np.inf, -np.inf, np.nan, 1e300
    x[8, 1], x[9, 2:5], x[10] = 800.0, np.inf, 0.0
    x[11, 3], x[11, 4] = np.inf, -np.inf
    if down:
        fun, x = lambda x: DOWN[name](x, axis=0), x.T.copy()
    with np.errstate(all="ignore"):
        for call in (
            lambda: fun(x),
            lambda: fg.grad(lambda x: fnp.sum(fun(x)))(x),
            lambda: fg.jvp(fun, (x,), (np.ones_like(x),))[1],
        ):
            found, expected = call(), numpys(call)
            finite = np.isfinite(expected)
            np.testing.assert_array_equal(found[~finite], expected[~finite])
            np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_warnings_are_numpys(name, axis):
    x = drawn((40, 33), "f8") if axis < 1 else drawn((2, 20, 33), "f8")
    fun = lambda x: DOWN[name](x, axis=axis)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fun(x)
        x[..., 3, 2] = -np.inf
        if name != "standardize":
            fun(x)
        x[..., 5, 7] = np.inf

    def said(call):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            call()
        return {str(w.message) for w in found}

    assert said(lambda: fun(x)) == numpys(lambda: said(lambda: fun(x)))


def test_small_arrays_other_axes_and_dtypes_are_numpys_bits():
    x = drawn((60, 60), "f8")
    for call in (
        lambda: fg.nn.softmax(x[:4, :100]),
        lambda: fg.nn.standardize(x[:, : LANES - 1].repeat(4, axis=0), axis=0),
        lambda: fg.nn.standardize(x.reshape(4, 30, 30), axis=(0, 2)),
        lambda: fg.nn.standardize(x.astype("g")),
        lambda: fg.nn.standardize(x + 1j),
        lambda: fg.nn.standardize(x, mean=x.mean()),
    ):
        np.testing.assert_array_equal(call(), numpys(call))


def test_arguments_of_nn_are_the_operations_written_out():
    x = drawn((50, 4, 11), "f8")
    for axis in (-1, (1, 2), (0, 2), None):
        kept = fg.nn.logsumexp(x, axis=axis, keepdims=True)
        np.testing.assert_allclose(kept, np.log(np.sum(np.exp(x), axis=axis, keepdims=True)), rtol=1e-14)
        np.testing.assert_array_equal(fg.nn.logsumexp(x, axis=axis), np.squeeze(kept, axis))
        y = fg.nn.standardize(x, axis=axis, epsilon=0.5)
        e = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 0.5)
        np.testing.assert_allclose(y, e, rtol=1e-13, atol=1e-15)
    assert fg.nn.logsumexp(x.astype("f2")).dtype == np.float16
    assert np.isneginf(fg.nn.logsumexp(np.empty((2, 0)), axis=1)).all()
    assert fg.nn.logsumexp(np.empty((0, 2)), axis=1).shape == (0,)
    for y in (fg.nn.logsumexp(3.0), fg.nn.logsumexp(x), fg.nn.logsumexp(x[0, 0])):
        assert type(y) is np.float64


def test_programs_that_are_no_rows_have_no_kernel():
    """A product along elements that are shifted, a sort: the functions run on NumPy then."""
    row, count = Aval((LANES,), np.dtype("f8")), Aval((1,), np.dtype("f8"))
    of = lambda fun: rows.ufunc(trace_graph(lambda x, n: (fun(x),), [row, count]), "f")
    assert of(lambda x: x[::-1] * 2.0) is None
    assert of(lambda x: fnp.sort(x)) is None
    assert of(lambda x: fnp.cumsum(x)) is None
    assert of(lambda x: x) is None
    assert of(lambda x: x * np.arange(1.0, 1 + LANES)) is None
    assert of(lambda x: x / reduce_sum(x > 0, axes=(0,)).reshape(1)) is None
    made = of(lambda x: x * reduce_prod(x, axes=(0,)).reshape(1))
    x = drawn((3, 5), "f8")
    np.testing.assert_allclose(made(x), x * x.prod(1, keepdims=True), rtol=1e-15)


def test_what_a_later_pass_reads_is_not_written_over():
    """Exponentials are kept where the results of the last pass will be, and nowhere else."""
    row, count = Aval((LANES,), np.dtype("f8")), Aval((1,), np.dtype("f8"))

    def program(x):
        terms = fnp.exp(x)
        y = terms / fnp.sum(terms, axis=-1, keepdims=True)
        weight = fnp.sum(y * x, axis=-1, keepdims=True)
        return y, terms * weight, fnp.sum(terms * weight, axis=-1, keepdims=True)

    made = lambda *which: rows.ufunc(trace_graph(lambda x, n: tuple(program(x)[k] for k in which), [row, count]), "f")
    x = drawn((5, 21), "f8")
    assert made(0, 2) is None
    for found, expected in zip(made(0, 1)(x), program(x), strict=False):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_every_function_along_rows_has_kernels_for_both_dtypes():
    for prim in (normalise.softmax, normalise.log_softmax, normalise.logsumexp, normalise.standardise):
        for made in [v for v in vars(prim).values() if isinstance(v, Rows)]:
            count = {"standardise": 2, "standardise cotangent": 3}.get(made._name, 1 + ("tangent" in made._name))
            for columns in (False, True):
                made_of = [made._make(char, count, columns) for char in large.FLOATS]
                assert all(isinstance(kernel, np.ufunc) for kernel in made_of), made._name


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8"])
def test_running_sums_and_products_are_numpys_bits(dtype):
    for shape in ((5000,), (70, 80), (3, 2, 2000), (4001, 1), (2001, 2, 3), (1, 4100), (5, 90, 2, 11), (40, 8, 101)):
        x = drawn(shape, dtype)
        x[..., 0] = -0.0
        for name in ("cumsum", "cumprod"):
            for axis in range(x.ndim):
                for given in (x, x[::-1], np.asfortranarray(x), x[..., ::-1], np.moveaxis(x, 0, -1)):
                    y, e = getattr(reduce, name)(given, axis=axis), getattr(np, name)(given, axis=axis)
                    assert y.dtype == e.dtype
                    np.testing.assert_array_equal(y, e)
                    np.testing.assert_array_equal(np.signbit(y), np.signbit(e))
            gradient = fg.grad(lambda x, axis=axis: fnp.sum(fnp.cumsum(x, axis=axis) ** 2 + fnp.cumprod(x, axis=axis)))
            if x.ndim < 3:
                np.testing.assert_array_equal(gradient(x), numpys(lambda gradient=gradient, x=x: gradient(x)))


@pytest.mark.parametrize("shape", [(5000,), (500, 10), (5000, 2)])
def test_running_sums_warn_as_numpys(shape):
    x = np.ones(shape)
    for at, number in ((7, np.inf), (400, -np.inf)):
        x[at] = number
        with warnings.catch_warnings(record=True) as expected:
            warnings.simplefilter("always")
            sums = np.cumsum(x, axis=0)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(reduce.cumsum(x, axis=0), sums)
            np.testing.assert_array_equal(reduce.cumsum(x[::-1], axis=0, reverse=True), sums[::-1])
        assert [str(w.message) for w in found] == 2 * [str(w.message) for w in expected]


def test_steps_have_kernels_for_large_arrays_of_floats():
    x = np.ones(large.LEAST_STEPS, "f4")
    for name in ("cumsum", "cumprod", "cumsum down", "cumprod down", "add_rows"):
        assert isinstance(large.stepping(name, x), np.ufunc)
        assert large.stepping(name, x[1:]) is None
        assert large.stepping(name, x.astype("i4")) is None
        with fg.disable_jit():
            assert large.stepping(name, x) is None


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i8"])
def test_rows_that_are_added_are_numpys_bits(dtype):
    """In the order of the indices, with many for one place."""
    rng = np.random.default_rng(0)
    for n, size, row in ((1000, 100, (16,)), (700, 50, (7,)), (5000, 10, (3,)), (300, 4, (5, 6)), (5000, 10, (1,))):
        x, v = [(10 * drawn((k, *row), "f8")).astype(dtype) for k in (size, n)]
        at = rng.integers(-size, size, n)
        for values in (v, v[::-1], np.broadcast_to(v[:1], v.shape)):
            expected = x.copy()
            np.add.at(expected, at, values)
            np.testing.assert_array_equal(scatter_add(x, values, at), expected)
        picked = fg.grad(lambda x, at=at, v=v: fnp.sum(x[at] * v))
        if dtype in ("f8", "f4"):
            np.testing.assert_array_equal(picked(x), numpys(lambda picked=picked, x=x: picked(x)))
        places = at, *[rng.integers(0, k, n) for k in row]
        expected = x.copy()
        np.add.at(expected, places, v.reshape(n, -1)[:, 0])
        np.testing.assert_array_equal(scatter_add(x, v.reshape(n, -1)[:, 0], *places), expected)
