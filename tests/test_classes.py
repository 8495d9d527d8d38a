"""A traced value is of the class that the plain function sees, to whoever asks: the same branch is taken."""

from __future__ import annotations

import copy
import functools
import numbers
import pickle
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.errors import TracerConversionError

X = np.array([0.5, 2.0])
KINDS = (np.ndarray, np.generic, np.floating, np.float64, float, int, bool, complex, numbers.Real, numbers.Number)


def seen(x: Any) -> tuple[Any, ...]:
    """What a user's function may ask."""
    return (*[isinstance(x, kind) for kind in KINDS], isinstance(x, (list, np.ndarray)), np.isscalar(x), x.__class__)


def answers(transform: Callable[..., Any], x: Any) -> tuple[Any, ...]:
    found = []

    def fun(x: Any) -> Any:
        found.append(seen(x))
        return fnp.sum(x * 1.0)

    transform(fun)(x)
    return found[0]


KNOWN: dict[str, Callable[..., Any]] = {
    "grad": fg.grad,
    "grad of grad": lambda f: fg.grad(lambda x: fnp.sum(fg.grad(f)(x))),
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (np.ones_like(x),)),
    "linearize": lambda f: lambda x: fg.linearize(f, x),
    "explain": fg.explain,
}


@pytest.mark.parametrize("transform", KNOWN)
@pytest.mark.parametrize("x", [X, X.astype(np.float32), X.reshape(1, 2)], ids=["float64", "float32", "matrix"])
def test_arrays(transform: str, x: np.ndarray) -> None:
    assert answers(KNOWN[transform], x) == seen(x)


@pytest.mark.parametrize("transform", ["grad", "jvp", "explain"])
@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.float32(1.5), np.array(1.5)], ids=lambda x: type(x).__name__)
def test_numbers(transform: str, x: Any) -> None:
    assert answers(KNOWN[transform], x) == seen(x)


@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.float32(1.5), 3, np.int64(3), True, 1j, X])
def test_values_that_are_not_known(x: Any) -> None:
    plain = np.True_ if x is True else x
    assert answers(fg.jit, x) == seen(plain)


@pytest.mark.parametrize("xs", [X, X.astype(np.float32), np.arange(2), np.ones((2, 3))], ids=str)
def test_elements_of_a_batch(xs: np.ndarray) -> None:
    assert answers(fg.vmap, xs) == seen(xs[0])


def test_the_branch_is_that_of_the_plain_function() -> None:
    def area(r: Any) -> Any:
        if isinstance(r, np.ndarray):
            return np.sum(np.pi * r**2)
        return 0.0 * r

    value, slope = fg.value_and_grad(area)(X)
    assert value == area(X)
    np.testing.assert_allclose(slope, 2 * np.pi * X)
    np.testing.assert_allclose(fg.jit(fg.grad(area))(X), slope)
    assert fg.grad(lambda x: x * isinstance(x, float))(1.5) == 1.0
    assert fg.grad(lambda x: x * np.isscalar(x))(1.5) == 1.0


def test_patterns_and_dispatch() -> None:
    def matched(x: Any) -> Any:
        match x:
            case float():
                return 3.0 * x
            case np.ndarray():
                return 2.0 * np.sum(x)
        return 0.0 * np.sum(x)

    @functools.singledispatch
    def dispatched(x: Any) -> Any:
        return 0.0 * np.sum(x)

    dispatched.register(np.ndarray, lambda x: 2.0 * np.sum(x))
    dispatched.register(float, lambda x: 3.0 * x)
    for f in (matched, dispatched):
        assert fg.grad(f)(1.5) == 3.0
        np.testing.assert_array_equal(fg.grad(f)(X), [2.0, 2.0])


@runtime_checkable
class _Shaped(Protocol):
    shape: tuple[int, ...]


def test_what_else_asks() -> None:
    def fun(x: Any) -> Any:
        assert isinstance(x, _Shaped)
        assert isinstance(x, Tracer)
        assert isinstance(fnp.zeros(3), np.ndarray)  # one that can be written
        assert copy.copy(x) is not None
        with pytest.raises(TracerConversionError):
            pickle.dumps(x)
        return np.sum(x)

    np.testing.assert_array_equal(fg.grad(fun)(X), [1.0, 1.0])


def test_our_own_code_sees_a_traced_value() -> None:
    """Else a traced value would be taken for an array that has its memory."""

    def fun(x: Any) -> Any:
        b = np.stack([x[0] * 2, x[1]])
        b[0] = x[1]
        return np.sum(np.where(b > 1.0, b, 0.0)) + np.max(x)

    np.testing.assert_array_equal(fg.grad(fun)(X), [0.0, 3.0])
    np.testing.assert_array_equal(fg.jit(fg.grad(fun))(X), [0.0, 3.0])


def test_a_shared_value_still_becomes_one_of_the_batch() -> None:
    """Writing into it gives the object another class."""

    def fun(x: Any, y: Any) -> Any:
        y[0] = x
        return np.sum(y * x)

    found = fg.vmap(fun, in_axes=(0, None))(X, np.ones(3))
    np.testing.assert_array_equal(found, [x * x + 2 * x for x in X])


def test_numba_sees_a_traced_value() -> None:
    """It looks for the memory of what says that it is an array."""
    numba = pytest.importorskip("numba")
    squared = numba.njit(lambda x: x * x)
    np.testing.assert_array_equal(fg.grad(lambda x: np.sum(squared(x)))(X), 2 * X)
    assert fg.grad(squared)(1.5) == 3.0
