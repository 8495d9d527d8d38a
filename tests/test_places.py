"""`at(x)[idx]` with JAX's modes and operations, against loops over the places that an index names."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import ConcretizationError
from funcgrad.test_util import check_grads

RNG = np.random.default_rng(8)
V, M, T = RNG.uniform(0.5, 2.0, 5), RNG.uniform(0.5, 2.0, (3, 4)), RNG.uniform(0.5, 2.0, (3, 4, 2))
I = np.array([0, -1, -6, 7, 2, 2])
CASES: dict[str, tuple[np.ndarray, Any]] = {
    "array": (V, I),
    "all within": (V, np.array([1, -2])),
    "int": (V, 7),
    "int within": (V, -2),
    "rows": (M, np.array([[0, 3], [-4, 2]])),
    "columns": (M, (slice(None), np.array([4, -5, 1]))),
    "two arrays": (M, (np.array([0, 3, -1, 1]), np.array([5, 1, -4, 1]))),
    "array and int": (M, (np.array([0, 3, 1]), 4)),
    "apart": (T, (np.array([1, -7, 2]), slice(1, 3), np.array([0, 1, 2]))),
    "broadcast": (T, (np.array([[0], [5]]), np.array([1, 9, -1]))),
    "dots and axes": (T, (None, ..., np.array([-1, 2]))),
    "mask": (M, (np.array([True, False, True]), np.array([3, 4]))),
    "slices": (M, (slice(0, 2), slice(9, None))),
    "flags": (V, (True, np.array([0, 9]))),
}  # fmt: skip
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda a, b: b,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "min": min,
    "max": max,
}
every_case = pytest.mark.parametrize("name", CASES)


def places(x: np.ndarray, idx: Any, mode: str) -> np.ndarray:
    """For each element of `x[idx]` its place in the flattened array, -1 where there is none."""
    table = np.pad(np.arange(x.size).reshape(x.shape), [(0, 1)] * x.ndim, constant_values=-1)
    axis, new = 0, []
    parts = idx if isinstance(idx, tuple) else (idx,)
    taken = sum(part is not None and part is not ... and part is not True for part in parts)
    for part in parts:
        if part is None or part is True:
            new.append(part)
            continue
        if part is ...:
            new += [slice(0, n) for n in x.shape[axis : axis + x.ndim - taken]]
            axis += x.ndim - taken
            continue
        n = x.shape[axis]
        axis += 1
        if isinstance(part, slice):
            new.append(slice(*part.indices(n)))
        elif np.asarray(part).dtype == bool:
            new.append(np.flatnonzero(part))
        else:
            i = np.where(np.asarray(part) < 0, np.asarray(part) + n, part)
            new.append(np.clip(i, 0, n - 1) if mode == "clip" else np.where((i < 0) | (i >= n), n, i))
    new += [slice(0, n) for n in x.shape[axis:]]
    return table[tuple(new)]


def read(x: np.ndarray, idx: Any, mode: str, fill: Any) -> np.ndarray:
    at = places(x, idx, mode)
    return np.where(at < 0, fill, x.reshape(-1)[at])


def updated(x: np.ndarray, idx: Any, values: Any, operation: str, mode: str) -> np.ndarray:
    at = places(x, idx, mode)
    y = x.copy().reshape(-1)
    for place, value in zip(at.reshape(-1), np.broadcast_to(values, at.shape).reshape(-1)):
        if place >= 0:
            y[place] = OPERATIONS[operation](y[place], value)
    return y.reshape(x.shape)


def values_for(x: np.ndarray, idx: Any) -> np.ndarray:
    shape = places(x, idx, "clip").shape
    return np.random.default_rng(1).uniform(0.4, 2.2, shape)


@every_case
@pytest.mark.parametrize("mode", ["clip", "drop"])
def test_reading(name, mode):
    x, idx = CASES[name]
    found = fnp.at(x)[idx].get(mode=mode, fill_value=7.5)
    np.testing.assert_array_equal(found, read(x, idx, mode, 7.5))
    for call in (
        lambda x: x.at[idx].get(mode=mode, fill_value=7.5),
        fg.jit(lambda x: fnp.at(x)[idx].get(mode=mode, fill_value=7.5)),
        lambda x: fg.vmap(lambda x: x.at[idx].get(mode=mode, fill_value=7.5))(fnp.stack([2 * x, x]))[1],
    ):
        np.testing.assert_array_equal(fg.vjp(call, x)[0], found)
    weights = np.cos(np.arange(found.size)).reshape(found.shape)
    gradient = np.zeros(x.size)
    at = places(x, idx, mode)
    np.add.at(gradient, at[at >= 0], weights[at >= 0])
    np.testing.assert_allclose(fg.vjp(call, x)[1](weights)[0], gradient.reshape(x.shape), rtol=1e-12)


@every_case
@pytest.mark.parametrize("operation", OPERATIONS)
def test_updates(name, operation):
    x, idx = CASES[name]
    v = values_for(x, idx)
    for mode in ("clip", "drop"):
        expected = updated(x, idx, v, operation, mode)
        call = lambda x, v, mode=mode: getattr(fnp.at(x)[idx], operation)(v, mode=mode)
        np.testing.assert_allclose(call(x, v), expected, rtol=1e-14)
        traced, pullback = fg.vjp(call, x, v)
        np.testing.assert_allclose(traced, expected, rtol=1e-14)
        # by differences in the values and in the array, along one direction
        weights, step = np.cos(np.arange(x.size)).reshape(x.shape), 1e-6
        moved = [np.sin(1.0 + np.arange(a.size)).reshape(a.shape) for a in (x, v)]
        ends = [updated(x + s * moved[0], idx, v + s * moved[1], operation, mode) for s in (step, -step)]
        slope = (ends[0] - ends[1]) / (2 * step)
        cts = pullback(weights)
        np.testing.assert_allclose(
            (cts[0] * moved[0]).sum() + (cts[1] * moved[1]).sum(), (slope * weights).sum(), rtol=1e-6, atol=1e-8
        )
        np.testing.assert_allclose(fg.jvp(call, (x, v), tuple(moved))[1], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ["array", "two arrays", "apart", "array and int"])
def test_indices_that_are_traced(name, operation):
    """Compiled, and for a batch of indices."""
    x, idx = CASES[name]
    v = values_for(x, idx)
    arrays = tuple(i for i in (idx if isinstance(idx, tuple) else (idx,)) if isinstance(i, np.ndarray))
    rest = [i for i in (idx if isinstance(idx, tuple) else (idx,)) if not isinstance(i, np.ndarray)]

    def whole(indices):
        given, others = iter(indices), iter(rest)
        parts = idx if isinstance(idx, tuple) else (idx,)
        return tuple(next(given) if isinstance(i, np.ndarray) else next(others) for i in parts)

    for mode in ("clip", "drop"):
        expected = updated(x, idx, v, operation, mode)
        change = lambda x, v, indices, mode=mode: getattr(fnp.at(x)[whole(indices)], operation)(v, mode=mode)
        twice = [np.stack([a, a]) for a in (x, v)], [np.stack([i, i]) for i in arrays]
        np.testing.assert_allclose(fg.vmap(change)(*twice[0], twice[1])[1], expected, rtol=1e-12)
        gradient = lambda x, v, indices: fg.grad(lambda x, v: (change(x, v, indices) ** 2).sum(), (0, 1))(x, v)
        if operation in ("set", "multiply") and mode == "drop":
            np.testing.assert_allclose(fg.jit(change)(x, v, arrays), expected, rtol=1e-12)
            for ours, eager in zip(fg.jit(gradient)(x, v, arrays), gradient(x, v, arrays)):
                np.testing.assert_allclose(ours, eager, rtol=1e-12)


@pytest.mark.parametrize("operation", ["set", "add", "multiply", "power", "min"])
def test_second_order(operation):
    idx = np.array([0, 3, 6, -9])
    call = lambda x, v: getattr(fnp.at(x)[idx], operation)(v, mode="drop") ** 2
    check_grads(call, (V, np.array([0.7, 1.9, 3.0, 1.1])), order=2)


def test_what_is_dropped_has_no_derivative():
    idx = np.array([0, 5, -6])
    gradient = fg.grad(lambda v: (fnp.at(V)[idx].set(v, mode="drop") * np.arange(1.0, 6)).sum())(np.ones(3))
    np.testing.assert_array_equal(gradient, [1.0, 0.0, 0.0])
    x = np.array([-1.0, 2.0])  # a power of the one element at the edge has a derivative of NaN
    gradient = fg.grad(lambda v: fnp.at(x)[np.array([1, -3])].power(v, mode="drop").sum())(np.array([2.0, 3.0]))
    np.testing.assert_allclose(gradient, [4 * np.log(2.0), 0.0])


@pytest.mark.parametrize(
    "dtype, fill",
    [(np.int8, -128), (np.uint8, 255), (np.int64, np.iinfo(np.int64).min), (bool, True), (np.float32, np.nan)],
)
def test_what_fills_by_itself(dtype, fill):
    x = np.array([1, 0]).astype(dtype)
    for found in (
        fnp.at(x)[[0, 2]].get(mode="fill"),
        fg.jit(lambda x: fnp.at(x)[np.array([0, 2])].get(mode="drop"))(x),
        fnp.take(x, [0, 2], mode="fill"),
        fnp.take_along_axis(x, np.array([0, 2]), 0, mode="fill"),
    ):
        assert found.dtype == x.dtype
        np.testing.assert_array_equal(found, np.array([x[0], fill], dtype))
    assert fnp.at(x)[5].get(mode="fill").dtype == x.dtype
    assert fnp.at(np.ones(2, complex))[[2]].get(mode="fill").dtype == complex


def test_without_a_mode_out_of_bounds_is_an_error():
    """By NumPy's rule, eager and compiled; what JAX calls a promise is checked."""
    for mode in (None, "promise_in_bounds"):
        for call in (lambda x: fnp.at(x)[5].get(mode=mode), lambda x: fnp.at(x)[np.array([5])].add(1.0, mode=mode)):
            with pytest.raises(IndexError, match="out of bounds"):
                call(V)
            with pytest.raises(IndexError, match="out of bounds"):
                fg.grad(lambda x: call(x).sum())(V)
        with pytest.raises(IndexError, match="out of bounds"):
            fg.jit(lambda x, i: fnp.at(x)[i].get(mode=mode))(V, np.array([5]))
    np.testing.assert_array_equal(fnp.at(V)[[0, 5]].get(fill_value=0.0), [V[0], 0.0])


def test_arrays_without_elements():
    empty = np.zeros((0, 3))
    np.testing.assert_array_equal(fnp.at(empty)[[0, -1]].get(mode="fill"), np.full((2, 3), np.nan))
    np.testing.assert_array_equal(fnp.at(empty)[:, [5]].get(mode="fill"), np.zeros((0, 1)))
    np.testing.assert_array_equal(fnp.at(empty)[[0]].add(1.0, mode="drop"), empty)
    np.testing.assert_array_equal(fnp.at(empty)[0, 4].set(1.0, mode="drop"), empty)
    np.testing.assert_array_equal(fnp.at(V)[np.zeros(0, int)].add(1.0, mode="drop"), V)


def test_masks_have_no_bounds():
    mask = V > 1.0
    call = lambda x, m: fnp.at(x)[m].set(0.0, mode="drop")
    np.testing.assert_array_equal(fg.jit(call)(V, mask), np.where(mask, 0.0, V))
    with pytest.raises(ConcretizationError):
        fg.jit(lambda x, m: fnp.at(x)[m].get(mode="fill"))(V, mask)
    with pytest.raises(IndexError, match="boolean index did not match"):
        fnp.at(V)[mask[:3]].get(mode="fill")


def test_apply():
    double = lambda a: 2 * a
    once = fnp.at(V)[I].apply(double, mode="drop")
    np.testing.assert_allclose(once, V * [2, 1, 4, 1, 2])
    np.testing.assert_allclose(fnp.at(V)[1:3].apply(np.sin), [V[0], *np.sin(V[1:3]), *V[3:]])
    np.testing.assert_allclose(fnp.at(V)[V > 1].apply(double), np.where(V > 1, 2 * V, V))
    check_grads(lambda x: fnp.at(x)[I].apply(np.sin, mode="clip"), (V,), order=2)
    at_one = fg.jit(lambda x, i: fnp.at(x)[i].apply(double, mode="drop"))
    np.testing.assert_allclose(at_one(V, 2), V * [1, 1, 2, 1, 1])
    np.testing.assert_allclose(at_one(V, 9), V)
    several = fg.jit(lambda x, i: fnp.at(x)[i].apply(double, unique_indices=True))
    np.testing.assert_allclose(several(V, np.array([0, 3])), V * [2, 1, 1, 2, 1])
    with pytest.raises(TypeError, match="unique_indices=True"):
        fg.jit(lambda x, i: fnp.at(x)[i].apply(double))(V, np.array([0, 3]))


def test_take_is_numpys_in_numpys_modes():
    for mode in ("wrap", "clip"):
        expected = np.take(M, I, axis=1, mode=mode)
        np.testing.assert_array_equal(fnp.take(M, I, 1, mode=mode), expected)
        np.testing.assert_array_equal(fg.vjp(lambda x: fnp.take(x, I, 1, mode=mode), M)[0], expected)
    buffer = np.empty(2)
    assert fnp.take(V, [1, 0], out=buffer) is buffer
    filled = fnp.take(M, I, axis=1, mode="fill", fill_value=0)
    np.testing.assert_array_equal(filled, read(M, (slice(None), I), "drop", 0))
    gradient = fg.grad(lambda x: fnp.take(x, I, mode="fill", fill_value=3.0).sum())(V)
    np.testing.assert_array_equal(gradient, [1, 0, 2, 0, 1])
    with pytest.raises(TypeError, match="no `out`"):
        fnp.take(V, [1, 0], out=buffer, mode="fill")
    along = np.array([[0, 4], [-5, 1], [2, -1]])
    np.testing.assert_array_equal(
        fg.vjp(lambda x: fnp.take_along_axis(x, along, 1, mode="clip"), M)[0],
        np.take_along_axis(M, np.clip(np.where(along < 0, along + 4, along), 0, 3), 1),
    )
    with pytest.raises(IndexError):
        fnp.take_along_axis(M, along, 1)


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: fnp.at(V)[0].get(mode="wrap"), ValueError, "mode must be one of None, 'promise_in_bounds', 'clip'"),
    (lambda: fnp.at(V)[0].set(1.0, mode="raise"), ValueError, "not 'raise'"),
    (lambda: fnp.at(V)[[0.5]].get(mode="clip"), IndexError, "integer (or boolean) type"),
    (lambda: fnp.at(V)[0, 0].get(mode="clip"), IndexError, "too many indices"),
    (lambda: fnp.at(np.zeros((0, 2)))[[0]].get(mode="clip"), IndexError, "nearest to an index"),
    (lambda: fnp.at(np.arange(3))[[0, 9]].add(0.5, mode="drop"), TypeError, "cannot add float64 values"),
    (lambda: fnp.at(V)[[0, 9]].add(np.ones(3), mode="drop"), ValueError, "could not broadcast"),
    (lambda: fnp.take_along_axis(V, I, 0, mode="wrap"), ValueError, "mode must be one of"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, text", ERRORS)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        call()
