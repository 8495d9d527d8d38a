"""Calls of NumPy and Python on traced values: what works unchanged, and what the errors of the rest say."""

from __future__ import annotations

import copy
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view as windows

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.errors import ConcretizationError, TracerConversionError
from funcgrad.lax import stop_gradient
from funcgrad.transforms.api import grad, jvp, vjp
from funcgrad.transforms.vmap import vmap

X = np.array([0.5, -1.5, 2.5])


def error_of(fun: Callable[..., Any], *args: Any) -> BaseException:
    """What `fun` raises under `grad`; NumPy wraps what conversions raise in `b[0] = x`."""
    try:
        grad(fun)(*args)
    except Exception as error:
        return error.__cause__ if type(error) is ValueError and error.__cause__ is not None else error
    raise AssertionError("nothing was raised")


def staged(fun: Callable[..., Any], shape: tuple[int, ...] = (3,)) -> Any:
    return trace_graph(lambda x: (fun(x),), [Aval(shape, np.dtype(np.float64))])


# universal functions and their methods


def test_reflected_operators_with_arrays_and_scalars() -> None:
    for left in (np.abs(X), 2.0, 2, np.float64(2.0), np.int64(2), [1.0, 2.0, 3.0]):
        for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod):
            positive = np.abs(X)
            got = vjp(lambda x, left=left, op=op: op(left, x), positive)[0]
            np.testing.assert_array_equal(got, op(np.asarray(left), positive))
            got = vjp(lambda x, left=left, op=op: op(x, left), positive)[0]
            np.testing.assert_array_equal(got, op(positive, np.asarray(left)))


def test_float32_with_python_scalars_stays_float32() -> None:
    x = X.astype(np.float32)
    for fun in (lambda x: 2.0 * x, lambda x: x**2, lambda x: 1 / x, lambda x: np.maximum(x, 0.5)):
        y, pullback = vjp(fun, x)
        assert y.dtype == np.float32
        assert pullback(np.ones_like(y))[0].dtype == np.float32


@pytest.mark.parametrize(
    "reduce, plain",
    [
        (lambda x: np.add.reduce(x), lambda x: x.sum(0)),
        (lambda x: np.add.reduce(x, axis=1), lambda x: x.sum(1)),
        (lambda x: np.add.reduce(x, None), lambda x: x.sum()),
        (lambda x: np.multiply.reduce(x, axis=1, keepdims=True), lambda x: x.prod(1, keepdims=True)),
        (lambda x: np.maximum.reduce(x, axis=1), lambda x: x.max(1)),
        (lambda x: np.minimum.reduce(x), lambda x: x.min(0)),
        (lambda x: np.add.accumulate(x, axis=1), lambda x: np.cumsum(x, 1)),
        (lambda x: np.multiply.accumulate(x), lambda x: np.cumprod(x, 0)),
        (lambda x: np.multiply.outer(x, X), lambda x: np.multiply.outer(x, X)),
        (lambda x: np.subtract.outer(X, x), lambda x: np.subtract.outer(X, x)),
        (lambda x: np.add(x, 1, dtype=np.complex128), lambda x: x + 1 + 0j),
        (lambda x: np.add([1.0, 2.0, 3.0], x), lambda x: x + np.arange(1.0, 4.0)),
        (lambda x: np.logical_or.reduce(x > 0), lambda x: (x > 0).any(0)),
    ],
)
def test_methods_of_universal_functions(reduce: Any, plain: Any) -> None:
    x = np.linspace(0.3, 2.0, 6).reshape(2, 3)
    np.testing.assert_array_equal(vjp(reduce, x)[0], plain(x))
    np.testing.assert_array_equal(staged(reduce, (2, 3))(x)[0], plain(x))


@pytest.mark.parametrize(
    "call, needles",
    [
        (lambda x: np.add(x, 1.0, out=np.zeros(3)), ["out", "y = np.add(...)|b = b + x"]),
        (lambda x: np.sin(x, where=X > 0), ["np.sin", "np.where(condition"]),
        (lambda x: np.add.at(np.zeros(3), [0, 1, 2], x), ["np.add.at", "fnp.zeros"]),
        (lambda x: np.isnat(x), ["np.isnat", "not supported", "custom_vjp"]),
        (lambda x: windows(x, 2), ["sliding_window_view", "not supported", "dir(funcgrad.numpy)"]),
        (lambda x: np.linalg.qr(x, "raw"), ["np.linalg.qr with mode='raw'", "not supported", "mode='reduced'"]),
        (lambda x: np.sum(x, out=np.zeros(())), ["sum", "y = np.sum(...)"]),
        (lambda x: np.sum(x, 0, None, np.zeros(())), ["sum", "y = np.sum(...)"]),
        (lambda x: np.einsum("i->", x, out=np.zeros(())), ["einsum", "np.einsum(...)"]),
        (lambda x: x.sum(out=np.zeros(())), ["sum", "y = np.sum(...)"]),
        (lambda x: fnp.median(x, nonsense=1), ["median", "nonsense", "axis"]),
        (lambda x: np.copyto(np.zeros(3), x), ["np.copyto", "fnp.zeros"]),
        (lambda x: np.put(np.zeros(3), [0], x), ["np.put", "fnp.zeros"]),
        (lambda x: x.resize(5), ["x.resize", "x = np.resize(x, shape)"]),
        (lambda x: np.hypot.at(x, 0, 1.0), ["np.hypot.at", "np.add"]),
    ],
)
def test_what_is_not_supported_says_so(call: Any, needles: list[str]) -> None:
    error = error_of(call, X)
    assert isinstance(error, TypeError)
    for needle in needles:
        assert any(choice in str(error) for choice in needle.split("|")), str(error)


# errors of conversions: the kind, the line of this file, and what to write

CONVERSIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "float": (lambda x: float(x), "stop_gradient"),
    "int": (lambda x: int(x), "stop_gradient"),
    "complex": (lambda x: complex(x), "stop_gradient"),
    "item": (lambda x: x.item(), "stop_gradient"),
    "tolist": (lambda x: x.tolist(), "stop_gradient"),
    "math": (lambda x: math.sin(x), "np.sin"),
    "floor": (lambda x: math.floor(x), "stop_gradient"),
    "round": (lambda x: round(x), "np.round"),
    "index": (lambda x: [1, 2][x], "index"),
    "range": (lambda x: list(range(x)), "index"),
    "percent": (lambda x: "%f" % x, "stop_gradient"),  # noqa: UP031
    "asarray": (lambda x: np.asarray(x), "np.stack"),
    "array": (lambda x: np.array([x, x]), "`np.stack([x, x])`"),
    "array of arrays": (lambda x: np.array([[x, 1.0]]), "`fnp.array([[x, 1.0]])`"),
    "float64": (lambda x: np.float64(x), "stop_gradient"),
    "full": (lambda x: np.full(3, x), "stop_gradient"),
    "random": (lambda x: np.random.default_rng(0).normal(x), "stop_gradient"),
    "method of an array": (lambda x: X.dot(x), "stop_gradient"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions_name_the_line_and_the_remedy(name: str) -> None:
    fun, remedy = CONVERSIONS[name]
    error = error_of(fun, 0.5)
    assert isinstance(error, TracerConversionError)
    assert f"{__file__}:{inspect.getsourcelines(fun)[1]}" in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions_without_a_value_name_the_line(name: str) -> None:
    fun, _ = CONVERSIONS[name]
    for run in (lambda: staged(fun, ()), lambda: vmap(fun)(X)):
        with pytest.raises(ConcretizationError) as caught:
            run()
        assert f"{__file__}:{inspect.getsourcelines(fun)[1]}" in str(caught.value)


def test_stop_gradient_allows_conversion() -> None:
    def f(x):
        scale = float(stop_gradient(x)) + math.sin(stop_gradient(x)) + stop_gradient(x * 2).item()
        return x * scale

    x = np.float64(0.3)
    np.testing.assert_allclose(grad(f)(x), 3 * x + math.sin(x))


def store_one(x):
    b = np.zeros(3)
    b[0] = x * 2
    return b.sum()


def store_slice(x):
    table = np.zeros((2, 3))
    table[1, :] = x
    return table.sum()


def store_whole(x):
    b = np.zeros(3)
    b[:] = x
    return b.sum()


def store_mask(x):
    b = np.zeros(3)
    b[b == 0] = x
    return b.sum()


def store_sum(x):
    b = np.zeros(3)
    b[1] += x
    return b.sum()


STORES = [
    (store_one, "b = fnp.at(b)[0].set(x * 2)"),
    (store_slice, "table = fnp.at(table)[1, :].set(x)"),
    (store_whole, "b = fnp.at(b)[:].set(x)"),
    (store_mask, "b = fnp.at(b)[b == 0].set(x)"),
    (store_sum, "b = fnp.at(b)[1].add(x)"),
]


@pytest.mark.parametrize("fun, line", STORES, ids=lambda x: getattr(x, "__name__", ""))
def test_storing_into_a_plain_array_shows_the_line_to_write(fun: Any, line: str) -> None:
    x = 0.5
    error = error_of(fun, x)
    assert isinstance(error, TracerConversionError)
    first = inspect.getsourcelines(fun)[1]
    assert f"{__file__}:{first + 2}" in str(error)
    assert "Storing a traced value into a plain array" in str(error)
    made = inspect.getsourcelines(fun)[0][1].strip()
    assert str(error).startswith(f"In place of `{made}` in line {first + 1}, write `{made.replace('np.', 'fnp.')}`")
    assert f"`{line}`" in str(error)
    assert "np.stack" in str(error)
    with pytest.raises((TracerConversionError, ValueError)) as caught:
        staged(fun, ())
    assert f"`{line}`" in str(caught.value.__cause__ or caught.value)


def test_adding_in_place_to_a_plain_array() -> None:
    def f(x):
        b = np.zeros(3)
        b += x
        return b.sum()

    error = error_of(f, X)
    assert isinstance(error, TypeError)
    assert f"{__file__}:{inspect.getsourcelines(f)[1] + 2}" in str(error)
    assert "b = b + x" in str(error)


# what works as with arrays


def test_in_place_operators_are_those_of_arrays() -> None:
    def f(x):
        before, same = x.copy(), x
        x += 1.0
        assert same is x
        x *= before
        x -= 2.0
        x /= 4.0
        x **= 2
        return x.sum()

    g = grad(f)(X)
    np.testing.assert_allclose(g, ((X + 1) * X - 2) / 8 * (2 * X + 1))


def test_truth_is_the_values_under_grad_and_jvp() -> None:
    def f(x):
        if x > 0 and x:
            return x**2
        return -x

    assert grad(f)(3.0) == 6.0
    assert grad(f)(-3.0) == -1.0
    assert jvp(f, (3.0,), (1.0,)) == (9.0, 6.0)
    assert grad(grad(f))(3.0) == 2.0


@pytest.mark.parametrize("run", [lambda f: staged(f, ()), lambda f: vmap(f)(X), lambda f: vmap(grad(f))(X)])
def test_truth_without_a_value_says_where_and_cond(run: Any) -> None:
    def f(x):
        return x if x > 0 else -x

    with pytest.raises(ConcretizationError) as caught:
        run(f)
    assert f"{__file__}:{inspect.getsourcelines(f)[1] + 1}" in str(caught.value)
    assert "np.where" in str(caught.value) and "cond" in str(caught.value)


def test_truth_of_several_elements_is_ambiguous() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        grad(lambda x: x.sum() if x > 0 else x)(X)
    assert isinstance(error_of(lambda x: 1.0 if x else 0.0, X), ValueError)


def test_iteration_length_and_containment() -> None:
    def f(x):
        a, b, c = x
        assert len(x) == 3
        assert 0.5 in x
        assert 0.7 not in x
        assert x.ndim == 1 and x.size == 3 and x.shape == (3,) and x.itemsize == 8 and x.nbytes == 24
        total = sum(x) + max(x) + sorted(x)[0]
        return total + a * b * c + sum(row for row in reversed(x))

    a, b, c = X
    np.testing.assert_allclose(grad(f)(X), np.array([b * c, a * c + 1, a * b + 1]) + 2)
    for use in (len, list):
        with pytest.raises(TypeError, match="0-d"):
            grad(lambda x, use=use: use(x))(1.0)


def test_copies_are_apart() -> None:
    def f(x):
        copies = [copy.copy(x), copy.deepcopy([x])[0], x.copy(), +x]
        x *= 0.0
        return sum(c.sum() for c in copies) + x.sum()

    np.testing.assert_array_equal(grad(f)(X), [4.0, 4.0, 4.0])


def test_texts_show_shape_and_trace() -> None:
    def f(x):
        for text in (repr(x), str(x), f"{x}", "%s" % x, f"{[x]}"):  # noqa: UP031
            assert "f64[3]" in text and "grad" in text
        return x.sum()

    grad(f)(X)


METHODS = {
    "sum": lambda x: x.sum(axis=0, keepdims=True),
    "prod": lambda x: x.prod(1),
    "max": lambda x: x.max(),
    "min": lambda x: x.min(axis=1),
    "mean": lambda x: x.mean(0),
    "var": lambda x: x.var(ddof=1),
    "std": lambda x: x.std(axis=1),
    "any": lambda x: (x > 1).any(),
    "all": lambda x: (x > 1).all(axis=0),
    "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(axis=1),
    "argsort": lambda x: x.argsort(),
    "cumsum": lambda x: x.cumsum(),
    "cumprod": lambda x: x.cumprod(axis=0),
    "reshape ints": lambda x: x.reshape(3, -1),
    "reshape tuple": lambda x: x.reshape((6,), order="F"),
    "transpose": lambda x: x.transpose(),
    "transpose ints": lambda x: x.transpose(1, 0),
    "transpose tuple": lambda x: x.transpose((0, 1)),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten("F"),
    "squeeze": lambda x: x[None].squeeze(),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "astype": lambda x: x.astype(np.float32),
    "astype int": lambda x: x.astype(int),
    "clip": lambda x: x.clip(0.5, 1.5),
    "clip min": lambda x: x.clip(min=1.0),
    "round": lambda x: x.round(1),
    "conj": lambda x: x.conj(),
    "conjugate": lambda x: x.conjugate(),
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "dot": lambda x: x.dot(X),
    "take": lambda x: x.take([0, 5]),
    "take axis": lambda x: x.take([2, 0], axis=1),
    "repeat": lambda x: x.repeat(2, axis=1),
    "diagonal": lambda x: x.diagonal(),
    "searchsorted": lambda x: x[0].searchsorted(1.0),
    "matmul": lambda x: x @ X,
    "rmatmul": lambda x: np.ones(2) @ x,
    "divmod": lambda x: divmod(x, 0.7),
    "rdivmod": lambda x: divmod(3.0, x),
    "abs": lambda x: abs(-x),
    "pos": lambda x: +x,
    "invert": lambda x: ~(x > 1),
    "floordiv": lambda x: x // 0.3,
    "shift": lambda x: x.astype(int) << 2,
    "and": lambda x: (x > 1) & (x < 1.5),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_and_operators_are_those_of_arrays(name: str) -> None:
    x = np.linspace(0.3, 2.1, 6).reshape(2, 3)
    expected = METHODS[name](x)
    got = []
    vjp(lambda x: got.append(METHODS[name](x)) or 0.0, x)
    pairs = zip(got[0], expected) if isinstance(expected, tuple) else [(got[0], expected)]
    for y, e in pairs:
        while isinstance(y, Tracer):
            y = y.value
        np.testing.assert_allclose(y, e, rtol=1e-12)
        assert np.asarray(y).dtype == np.asarray(e).dtype
    if isinstance(expected, tuple):
        return
    (y,) = staged(METHODS[name], (2, 3))(x)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    assert y.dtype == expected.dtype


def test_numpys_questions_about_traced_values() -> None:
    def f(x):
        assert np.shape(x) == (3,) and np.ndim(x) == 1 and np.size(x) == 3
        assert np.result_type(x, np.float32) == np.float64
        assert not np.iscomplexobj(x) and np.isrealobj(x)
        assert np.array_equal(x, X) is True and np.allclose(x, X + 1e-12) is True
        assert np.ones_like(x).shape == (3,) and type(np.asarray(np.zeros_like(x))) is np.ndarray
        assert isinstance(np.argmax(x), np.int64) and isinstance(x > 0, np.ndarray)
        return x.sum()

    grad(f)(X)


def test_functions_written_with_numpy_differentiate_unchanged() -> None:
    def f(x, w):
        h = np.tanh(np.concatenate([x, x[::-1]]) @ w)
        scores = np.stack([h, np.sqrt(np.abs(h) + 1.0)], axis=-1)
        p = np.exp(scores) / np.sum(np.exp(scores), axis=-1, keepdims=True)
        return -np.mean(np.log(p[:, 0])) + np.linalg.norm(w) ** 2 + np.einsum("ij,ij->", w, w)

    def g(x, w):
        h = fnp.tanh(fnp.concatenate([x, x[::-1]]) @ w)
        scores = fnp.stack([h, fnp.sqrt(fnp.abs(h) + 1.0)], axis=-1)
        p = fnp.exp(scores) / fnp.sum(fnp.exp(scores), axis=-1, keepdims=True)
        return -fnp.mean(fnp.log(p[:, 0])) + fnp.linalg.norm(w) ** 2 + fnp.einsum("ij,ij->", w, w)

    w = np.linspace(-1, 1, 24).reshape(6, 4)
    for a, b in zip(grad(f, (0, 1))(X, w), grad(g, (0, 1))(X, w)):
        np.testing.assert_array_equal(a, b)


def test_weak_scalars_stay_weak_through_operators() -> None:
    y = np.ones(3, np.float32)
    assert vjp(lambda s: s**2 * y, 2.0)[0].dtype == np.float32
    assert vjp(lambda s: (2 * s + 1) / 3 * y, 2.0)[0].dtype == np.float32
