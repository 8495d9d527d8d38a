"""Operands of two dtypes, Python's numbers among them: programs give what NumPy gives, in value and dtype."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile import simplify
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.numpy import methods  # noqa: F401

DTYPES = ["?", "i1", "i8", "u8", "f2", "f4", "f8", "c16"]
SCALARS = {"bool": True, "int": 3, "negative": -1, "float": 2.5}
INEXACT = np.array([0.0, -0.0, 1.5, np.inf, np.nan, -2.25])


def values(dtype: str) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind in "iu":
        limits = np.iinfo(dtype)
        middle = limits.max >> 1
        return np.array([0, 3, limits.min, limits.max, middle, middle + 1], dtype)
    return np.array([0, 1, 1, 0, 1, 0], bool) if kind == "b" else INEXACT.astype(dtype)


LEFT = {d: np.repeat(values(d), 6) for d in DTYPES}
RIGHT = {d: np.tile(values(d), 6) for d in DTYPES}
OPERATIONS = {
    "arithmetic": lambda x, y: (x + y) * y,
    "comparison": lambda x, y: x < y,
    "choice": lambda x, y: np.where(x >= y, x, y),
}


def pairs(operation):
    """Names of operands and the result, for all that NumPy accepts; Python's numbers stand on either side."""
    found = []
    arrays = itertools.product(LEFT, RIGHT)
    for left, right in [*arrays, *itertools.product(LEFT, SCALARS), *itertools.product(SCALARS, RIGHT)]:
        x, y = LEFT.get(left, SCALARS.get(left)), RIGHT.get(right, SCALARS.get(right))
        try:
            with np.errstate(all="ignore"):
                found.append((left, right, operation(x, y)))
        except (TypeError, OverflowError):
            continue
    return found


def bits(y) -> bytes:
    """The bytes of a result, with one NaN for all: which of two NaNs an addition keeps is the machine's choice."""
    y = np.asarray(y)
    return np.where(np.isnan(y), y.dtype.type(np.nan), y).tobytes() if y.dtype.kind == "f" else y.tobytes()


@pytest.mark.parametrize("name", OPERATIONS)
def test_pairs_of_dtypes(name):
    """Python's numbers are given as arguments, and captured."""
    operation = OPERATIONS[name]
    wanted = pairs(operation)
    scalar = [pair for pair in wanted if SCALARS.keys() & set(pair[:2])]

    def compute(left, right, scalars):
        given = [operation({**left, **scalars}[a], {**right, **scalars}[b]) for a, b, _ in wanted]
        return given + [operation({**left, **SCALARS}[a], {**right, **SCALARS}[b]) for a, b, _ in scalar]

    for (a, b, want), y in zip(wanted + scalar, fg.jit(compute)(LEFT, RIGHT, SCALARS), strict=True):
        assert y.dtype == want.dtype, (a, b)
        if want.dtype.kind == "c":
            np.testing.assert_array_equal(y, want, err_msg=f"{a} {b}")
        else:
            assert bits(y) == bits(want), (a, b, y, want)


@pytest.mark.parametrize("reduction", [np.sum, np.prod, np.max, np.mean, np.cumsum])
def test_reductions(reduction):
    for dtype in DTYPES:
        x = np.array([1, 0, 3, 2, 1], dtype)
        want = reduction(x)
        got = fg.jit(lambda x: reduction(x))(x)
        assert got.dtype == want.dtype, dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("reduction", [np.sum, np.prod, np.cumsum, np.cumprod, np.mean])
@pytest.mark.parametrize("transformed", [fg.jit, lambda f: lambda x: fg.vmap(f)(x[None])[0]])
def test_reductions_in_the_dtype_that_is_asked_for(reduction, transformed):
    for given in (np.array([100, 100, 100], np.int8), np.array([1.5, 2.5, 300.0]), np.array([True, False, True])):
        for dtype in (np.bool_, np.int8, np.uint8, np.int32, np.float32, np.float64):
            if reduction is np.mean and dtype is np.bool_:
                continue
            with np.errstate(all="ignore"):
                want = reduction(given, dtype=dtype)
                got = transformed(lambda x: reduction(x, dtype=dtype))(given)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want, err_msg=f"{given.dtype} {dtype}")


def test_initial_values_take_the_dtype_of_the_result():
    for reduction, x, initial in (
        (np.sum, np.ones(2, "f4"), np.float64(1.7)),
        (np.sum, np.array([1, 2]), 1.7),
        (np.prod, np.ones(2, "f4"), np.float64(1.7)),
        (np.max, np.ones(2, "f4"), np.float64(1.7)),
        (np.max, np.array([1, 2]), 2.7),
    ):
        want = reduction(x, initial=initial)
        got = fg.jit(lambda x: reduction(x, initial=initial))(x)
        assert got == want and got.dtype == want.dtype
    with pytest.raises(OverflowError):
        fg.jit(lambda x: np.sum(x, dtype=np.int8, initial=200))(np.ones(2, "i1"))


def test_counts_and_means_of_half_precision():
    x = np.ones(70_000, "f2")
    assert fg.jit(np.mean)(x) == np.mean(x) == 1
    assert fg.jit(lambda x: np.count_nonzero(x * 1))(x) == 70_000


def test_derivatives_in_mixed_precision_have_the_dtypes_of_their_values():
    single, double = np.array([0.1, 0.2], "f4"), np.array([0.3, 0.4])
    f = lambda x, y: x * y + np.sin(x)
    for fun in (f, fg.jit(f)):
        out, moved = fg.jvp(fun, (single, double), (np.ones(2, "f4"), np.ones(2)))
        assert out.dtype == moved.dtype == np.float64
        np.testing.assert_allclose(moved, double + single + np.cos(single), rtol=1e-6)
        gradients = fg.grad(lambda x, y: fun(x, y).sum(), (0, 1))(single, double)
        assert [g.dtype for g in gradients] == [np.float32, np.float64]
        np.testing.assert_allclose(gradients[0], double + np.cos(single), rtol=1e-6)


# Numbers that are equal, or have the same bytes, and are not the same


@pytest.mark.parametrize("first, second", [
    (1, 5e-324), (0.0, -0.0), (1, 1.0), (1, True), (1.0, np.float64(1.0)), (1.0, np.float32(1.0)),
    (np.int8(1), np.uint8(1)), (2, 2 + 0j),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["i8", "f4", "f8"])
def test_numbers_that_are_not_the_same_are_not_shared(first, second, dtype):
    x = np.array([0, 1, 2], dtype)
    f = lambda x: (x * first, x * second, x / first, x / second)
    graph = simplify.share(trace_graph(f, [aval_of(x)]))
    assert len(graph.eqns) == 4
    with np.errstate(all="ignore"):
        for got, want in zip(fg.jit(f)(x), f(x)):
            assert got.dtype == want.dtype and got.tobytes() == want.tobytes()


# Python's integers have no largest one


@pytest.mark.parametrize("f", [
    lambda n: n * n, lambda n: n + 2**63, lambda n: -(n * n * n) - 1, lambda n: (n * n * 2 + 1) // 3 % 10**25,
    lambda n: n**5, lambda n: abs(-n * n) / 3, lambda n: 2**70 + n,
])  # fmt: skip
def test_integers_are_exact(f):
    n = 2**40 + 1
    for jitted in (fg.jit(f), fg.jit(lambda x: fg.jit(f)(n)), fg.make_graph(f)(n)):
        got = jitted(n)
        got = got[0] if isinstance(got, list) else got
        assert got == f(n) and type(got) is type(f(n))


def test_integers_that_an_array_cannot_hold_raise():
    f = fg.jit(lambda x, n: x + n * n)
    assert f(np.arange(2), 3)[1] == 10
    with pytest.raises(OverflowError):
        f(np.arange(2), 2**40)
    with pytest.raises(ZeroDivisionError):
        fg.jit(lambda n: 1 // n)(0)


@pytest.mark.parametrize("wrap", [fg.jit, lambda f: lambda *xs: fg.vmap(f)(*(np.stack([x, x]) for x in xs))[0]])
def test_rounding_and_einsum_of_integers(wrap):
    x = np.array([2**60 + 5, 3, -117])
    found = wrap(lambda v: np.round(v, -1))(x)
    assert found.dtype == x.dtype and found.tolist() == np.round(x, -1).tolist()
    small = np.array([100, 100, 100])
    found = wrap(lambda v: np.einsum("i->", v, dtype=np.int8, casting="unsafe"))(small)
    assert found.dtype == np.int8 and found == np.einsum("i->", small, dtype=np.int8, casting="unsafe")


@pytest.mark.parametrize(
    "fun, args",
    [
        (lambda a: a << 2, (2**62,)),
        (lambda a: ~a, (2**63,)),
        (lambda a, b: (a & b) | (a ^ 1), (2**70 + 3, 2**70 + 1)),
        (lambda a: a >> 3, (2**70,)),
    ],
)
def test_bits_of_python_integers_are_exact(fun, args):
    assert fg.jit(fun)(*args) == fun(*args)
