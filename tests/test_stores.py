"""Arrays filled part by part: the same bits as the program says, and no whole array for each part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile.passes import fold, inline, share
from funcgrad.compile.program import Program
from funcgrad.compile.simplify import simplify
from funcgrad.compile.stores import forward_reads, join_stores
from funcgrad.core.graph import Graph, evaluate
from funcgrad.ops.subscript import update
from funcgrad.transforms.calls import pruned

SHAPES = [(6,), (4, 3), (2, 3, 4), (0, 3), (1,)]
DTYPES = [np.float64, np.float32]
WAYS: dict[str, Callable[..., Any]] = {
    "value": lambda f: f,
    "grad": lambda f: fg.grad(lambda x: np.sum(f(x) * WEIGHT)),
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (x * x,)),
    "vmap": lambda f: lambda x: fg.vmap(f)(np.stack([x, -x])),
    "vmap of grad": lambda f: lambda x: fg.vmap(WAYS["grad"](f))(np.stack([x, -x])),
    "second": lambda f: fg.grad(lambda x: np.sum(WAYS["grad"](f)(x) ** 2)),
}
WEIGHT = np.float32(1.5)


def random_index(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Ints from either end, slices of any step, also empty, and new axes, for some of the axes."""
    index: list[Any] = []
    for n in shape[: rng.integers(1, len(shape) + 1)]:
        if rng.random() < 0.1:
            index.append(None)
        if n and rng.random() < 0.6:
            index.append(int(rng.integers(-n, n)))
        else:
            start, stop = (int(k) for k in rng.integers(-n - 1, n + 2, 2))
            index.append(slice(start, stop, int(rng.choice([1, 1, 1, 2, -1, -2]))))
    return tuple(index)


def random_program(seed: int, shape: tuple[int, ...], dtype: Any) -> Callable[[Any], Any]:
    """Stores and reads, of the newest array mostly and of older ones, which are also read whole."""

    def f(x: Any) -> Any:
        rng = np.random.default_rng(seed)
        zero = np.zeros(shape, dtype)
        arrays = [[zero, -zero, x][rng.integers(3)]]
        value = x
        for _ in range(rng.integers(5, 25)):
            array = arrays[-1] if rng.random() < 0.85 else arrays[rng.integers(len(arrays))]
            index = random_index(rng, shape)
            part = array[random_index(rng, shape)]
            action = rng.random()
            if action < 0.35 and np.size(part):
                value = np.sin(np.max(part)) - np.ravel(value)[0] if np.size(value) else np.max(part)
            elif action < 0.5:
                value = array[index] * part if array[index].shape == part.shape else array[index]
            elif action < 0.55:
                value = array * -0.0
            place = array[index].shape
            fits = np.shape(value) == place
            stored = value if fits else np.broadcast_to(np.ravel(value)[0], place) if np.size(value) else array[index]
            kind = rng.random()
            if kind < 0.2:  # as gradients do
                arrays.append(array + update(np.zeros(shape, dtype), index, stored, "add"))
            else:
                arrays.append(update(array, index, stored, "add" if kind < 0.4 else "set"))
        return arrays[-1] - arrays[rng.integers(len(arrays))] * x

    return f


def staged(f: Callable[..., Any], x: Any) -> Graph:
    return share(pruned(fold(inline(fg.make_graph(f)(x)))))


def check_same(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(5, 12), marks=pytest.mark.long)], ids=str)
def test_random_stores_and_reads_keep_their_bits(seeds, shape, dtype, way) -> None:
    changed = 0
    for seed in seeds:
        f = WAYS[way](random_program(seed, shape, dtype))
        x = np.random.default_rng(seed).normal(size=shape).astype(dtype)
        x = np.where(x < -0.5, dtype(-0.0), x)
        graph = staged(f, x)
        reads = pruned(forward_reads(graph)).check()
        joined = pruned(join_stores(reads)).check()
        changed += len(graph.eqns) != len(joined.eqns)
        expected = evaluate(graph, [x])
        check_same(evaluate(reads, [x]), expected)
        check_same(evaluate(joined, [x]), expected)
    assert changed or 0 in shape


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES[:3])
def test_compiled_random_stores_are_those_of_eager_ones(shape, way) -> None:
    for seed in range(3):
        f = WAYS[way](random_program(seed, shape, np.float64))
        x = np.random.default_rng(seed).normal(size=shape)
        for a, b in zip(fg.tree.leaves(fg.jit(f)(x)), fg.tree.leaves(f(x)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def filled(x: Any) -> Any:
    b = np.zeros(len(x))
    b = update(b, 0, x[0], "set")
    for i in range(1, len(x)):
        b = update(b, i, np.tanh(b[i - 1] * 0.5 + x[i]), "set")
    return b


def filled_backwards(x: Any) -> Any:
    b = update(np.zeros(len(x)), -1, x[0], "set")
    for i in range(2, len(x) + 1):
        b = update(b, -i, np.tanh(b[1 - i] * 0.5 + x[-i]), "set")
    return b


def rows(x: Any) -> Any:
    b = np.zeros((len(x), 3))
    for i in range(1, len(x)):
        b = update(b, i, np.tanh(b[i - 1] * 0.5 + x[i]), "set")
    return b


def columns(x: Any) -> Any:
    b = np.zeros((3, len(x)))
    for i in range(1, len(x)):
        b = update(b, (slice(None), i), np.tanh(b[:, i - 1] * 0.5 + x[i]), "set")
    return b


def table(x: Any) -> Any:
    b = np.zeros((len(x) // 4, 4))
    for i in range(1, len(b)):
        for j in range(1, 4):
            b = update(b, (i, j), np.sin(b[i - 1, j] + b[i, j - 1] * x[i]), "set")
    return b


LOOPS = [filled, filled_backwards, rows, columns, table]


@pytest.mark.long
@pytest.mark.parametrize("way", ["value", "grad", "jvp", "vmap", "vmap of grad"])
@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_whole_arrays_do_not_grow_in_number_with_the_loop(f, way) -> None:
    def stores(n: int) -> int:
        graph = simplify(fg.make_graph(WAYS[way](f))(np.linspace(-1, 1, n)))
        return sum(e.prim.name == "slice_set" for e in graph.eqns)

    def whole_arrays(n: int) -> int:
        found = Program(fg.make_graph(WAYS[way](f))(np.linspace(-1, 1, n))).graph
        return sum(e.outputs[0].aval.size >= n for e in found.eqns)

    assert stores(80) == 0
    assert whole_arrays(160) == whole_arrays(80)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_compiled_loops_are_those_of_eager_ones(f, way) -> None:
    x = np.linspace(-1, 1, 60)
    for a, b in zip(fg.tree.leaves(fg.jit(WAYS[way](f))(x)), fg.tree.leaves(WAYS[way](f)(x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_pieces_made_in_the_reverse_order_are_stacked_results() -> None:
    graph = Program(fg.make_graph(filled_backwards)(np.ones(200))).graph
    assert any(e.prim.name == "scan_call" for e in graph.eqns)
    assert len(graph.eqns) < 30


def test_zeros_that_are_added_keep_their_effect_on_the_sign() -> None:
    def f(x: Any) -> Any:
        b = update(x, 0, x[1], "set")
        b = b + update(np.zeros(4), 1, x[0], "add")
        return b[0], b[1], b[2], update(x, 3, x[0], "add")[3], update(x, 3, x[0], "set")[2]

    x = np.full(4, -0.0)
    graph = fg.make_graph(f)(x)
    found = evaluate(forward_reads(graph), [x])
    check_same(found, evaluate(graph, [x]))
    assert np.signbit(found).tolist() == [False, False, False, True, True]


def test_a_few_stores_stay() -> None:
    f = lambda x: update(update(x, 0, 1.0, "set"), 2, 2.0, "set")
    assert [e.prim.name for e in simplify(fg.make_graph(f)(np.ones(5))).eqns] == ["slice_set", "slice_set"]
