"""Loops that Python has unrolled, and their derivatives: rolled again, with the same bits as without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.compile import kinds, program, rolling
from funcgrad.compile.kinds import with_loops
from funcgrad.compile.segments import Segment, split
from funcgrad.compile.simplify import simplify
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import Graph, evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.ops.subscript import update

RNG = np.random.default_rng(0)
TURNS = 36
STATE = RNG.normal(size=8)
PAIR = (STATE, RNG.normal(size=8))
ROWS = (STATE, RNG.normal(size=(TURNS, 8)))
PLACES = np.array([3, 1, 0, 2, 4, 7, 6, 5])


@pytest.fixture(autouse=True)
def _of_few_turns(monkeypatch):
    """Half of the turns that users' loops have at least: what programs of both orders take is as much less."""
    monkeypatch.setattr(rolling, "FEWEST", 75)


def elementwise(x):
    for _ in range(TURNS):
        x = x - 0.01 * np.sin(x)
    return np.sum(x * x)


def products(args):
    x, w, b = args
    for _ in range(TURNS):
        x = np.tanh(w @ x + b)
    return np.sum(x * x)


def runge_kutta(args):
    (a, b, c), state = args

    def slope(state):
        x, y, z = state
        return np.stack([a * (y - x), x * (b - z) - y, x * y - c * z])

    for _ in range(12):
        first = slope(state)
        second = slope(state + 0.005 * first)
        third = slope(state + 0.005 * second)
        last = slope(state + 0.01 * third)
        state = state + 0.01 / 6 * (first + 2.0 * second + 2.0 * third + last)
    return np.sum(state**2)


def advancing_rows(args):
    x, u = args
    for row in u:
        x = np.tanh(x + row) * 0.9
    return np.sum(x**2)


def advancing_columns(args):
    x, u = args
    for t in range(TURNS):
        x = np.tanh(x + u.T[:, TURNS - 1 - t]) * 0.9
    return np.sum(x**2)


def rows_in_turn(args):
    x, u = args
    for t in range(TURNS):
        x = np.tanh(x + u[t * t % 5]) * 0.9
    return np.sum(x**2)


def losses(args):
    x, u = args
    loss = 0.0
    for t in range(TURNS):
        x = x + 0.1 * np.sin(x)
        loss = loss + np.sum((x - u[t]) ** 2)
    return loss


def trajectory(x):
    states = []
    for _ in range(TURNS):
        x = x + 0.1 * np.sin(x) * np.cos(x)
        states.append(x)
    return np.sum(np.sum(np.stack(states) ** 2, axis=0))


def python_numbers(x):
    for t in range(2 * TURNS - 2):
        x = x + np.sin(x * t) * 0.9**t / (t + 1)
    return np.sum(x)


def two_states_back(args):
    before, x = args
    for _ in range(TURNS):
        before, x = x, 2 * x - before - 0.01 * np.sin(x)
    return np.sum(x * before)


def several_carries(args):
    x, target = args
    m = v = np.zeros(8)
    for t in range(TURNS):
        slope = 4 * x * (x * x - target)
        m, v = 0.9 * m + 0.1 * slope, 0.99 * v + 0.01 * slope**2
        x = x - 0.01 * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.99 ** (t + 1))) + 1e-8)
    return np.sum(x)


def gathers_and_reductions(args):
    x, w = args
    for t in range(TURNS):
        x = x[PLACES] * w[t] + 0.01 * np.max(x)
    return np.sum(x)


def integer_state(x):
    n = np.int64(0)
    for _ in range(TURNS):
        n = (n * 5 + 3) % 8
        x = np.sin(x) + 0.1 * x[n]
    return np.sum(x) + n


def updates(x):
    for t in range(TURNS):
        x = update(x, t % 4, np.sin(x[1]), "add")
    return np.sum(x)


def nested(x):
    for _ in range(12):
        for _ in range(15):
            x = x - 0.01 * np.sin(x)
        x = np.cumsum(x) * 0.1
    return np.sum(x)


def unequal_beginning(x):
    w = np.sin(x)
    for t in range(TURNS):
        x = x * w + 0.1 * (np.cos(x) if t > 3 else np.tanh(x))
    return np.sum(x)


def descent_by_grad(args):
    x, target = args
    slope = fg.grad(lambda x: np.sum((x**2 - target) ** 2))
    m = np.zeros_like(x)
    for _ in range(TURNS):
        m = 0.9 * m + slope(x)
        x = x - 0.01 * m
    return np.sum(x)


def scalars(x):
    for _ in range(200):
        x = 0.99 * x + 0.01 * np.sin(x)
    return x


CASES: dict[Callable[..., Any], Any] = {
    elementwise: STATE,
    products: (STATE, RNG.normal(size=(8, 8)) / 3, PAIR[1]),
    runge_kutta: (np.array([10.0, 28.0, 8 / 3]), STATE[:3]),
    advancing_rows: ROWS,
    advancing_columns: ROWS,
    rows_in_turn: ROWS,
    losses: ROWS,
    trajectory: STATE,
    python_numbers: STATE,
    two_states_back: PAIR,
    several_carries: PAIR,
    gathers_and_reductions: ROWS,
    integer_state: STATE,
    updates: STATE,
    nested: STATE,
    unequal_beginning: STATE,
    descent_by_grad: PAIR,
    scalars: 0.5,
}


def squared_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    return fg.grad(lambda x: sum(np.sum(g**2) for g in tree.leaves(fg.grad(f)(x))))


def batched_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: fg.vmap(fg.grad(f))(tree.map(lambda leaf: np.stack([leaf, 0.5 * leaf]), x))


def in_one_direction(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: fg.jvp(f, (x,), (x,))


WAYS: dict[str, Callable[..., Any]] = {
    "value": lambda f: f,
    "grad": fg.grad,
    "jvp": in_one_direction,
    "vmap": batched_gradient,
    "second": squared_gradient,
}


def straight(f: Callable[..., Any], x: Any) -> Graph:
    return simplify(fg.make_graph(f)(x))


def lengths(graph: Graph) -> list[int]:
    return [e.params["steps"].length for e in graph.eqns if e.prim.name == "scan_call"]


def check_same(graph: Graph, rolled: Graph, args: Any) -> None:
    """Both programs give the same bits, and results of the same types."""
    leaves = tree.leaves(args)
    rolled.check()
    for a, b in zip(evaluate(graph, leaves), evaluate(rolled, leaves), strict=True):
        assert type(a) is type(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b, strict=True)
    assert graph.out_avals == rolled.out_avals


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_rolled_programs_give_the_same_bits(f: Callable[..., Any], way: str) -> None:
    graph = straight(WAYS[way](f), CASES[f])
    rolled = with_loops(graph)
    assert lengths(rolled)
    assert len(rolled.eqns) < len(graph.eqns) / 2
    check_same(graph, rolled, CASES[f])


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_compiled_gradients_are_those_of_eager_ones(f: Callable[..., Any]) -> None:
    found, expected = fg.jit(fg.grad(f))(CASES[f]), fg.grad(f)(CASES[f])
    for a, b in zip(tree.leaves(found), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("f", [elementwise, two_states_back, python_numbers, scalars])
def test_machine_code_of_rolled_programs_gives_the_same_bits(f, monkeypatch) -> None:
    rolled = fg.jit(fg.grad(f))(CASES[f])
    monkeypatch.setattr(program, "with_loops", lambda graph: graph)
    monkeypatch.setattr(kinds, "with_loops", lambda graph: graph)
    whole = fg.jit(fg.grad(lambda x: f(x)))(CASES[f])
    for a, b in zip(tree.leaves(rolled), tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_large_zeros_are_one_number_of_a_program() -> None:
    """The gradient with respect to rows adds to zeros; a copy for each row would be the square of the array."""
    u = np.ones((500, 50))
    graph = fg.make_graph(fg.grad(lambda u: sum(np.sum(np.sin(row)) for row in u)))(u)
    constants = {id(a.value): a.value for e in graph.eqns for a in e.inputs if hasattr(a, "value")}
    held = sum(np.prod([n for n, s in zip(c.shape, c.strides) if s]) for c in constants.values() if np.ndim(c))
    assert held < 2 * u.size


# ---- how much is compiled ----


def text_length(f: Callable[..., Any], x: Any) -> int:
    return sum(len(s.text) for s in split(with_loops(straight(f, x))) if isinstance(s, Segment))


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_compiled_does_not_grow_with_the_number_of_turns(order: int) -> None:
    def repeated(turns: int) -> Callable[..., Any]:
        def f(x):
            for _ in range(turns):
                x = np.tanh(x - 0.01 * np.sin(x) * np.cos(x))
            return np.sum(x)

        return fg.grad(f) if order == 1 else squared_gradient(f)

    assert text_length(repeated(200), STATE) < 1.01 * text_length(repeated(100), STATE)


def test_loops_are_rolled_from_some_150_equations_on(monkeypatch) -> None:
    """Those of users, of the length that is shipped: 3 equations a turn."""
    monkeypatch.undo()
    def of(turns: int) -> Graph:
        def loop(x):
            for _ in range(turns):
                x = x - 0.01 * np.sin(x)
            return np.sum(x)

        return with_loops(trace_graph(lambda x: (loop(x),), [aval_of(STATE)]))

    assert len(of(40).eqns) == 3 * 40 + 1
    assert len(of(70).eqns) < 10


def test_loops_within_loops_are_rolled_within_bodies(monkeypatch) -> None:
    monkeypatch.setattr(rolling, "FEWEST", 40)
    (loop,) = [e for e in with_loops(straight(nested, STATE)).eqns if e.prim.name == "scan_call"]
    assert lengths(kinds.rolled(loop.params["body"])) == [15]
    np.testing.assert_allclose(fg.jit(fg.grad(nested))(STATE), fg.grad(nested)(STATE), rtol=1e-9)


# ---- what is no loop ----


def with_step(x: np.ndarray, odd: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    w = np.cos(x)
    for t in range(2 * TURNS):
        x = odd(x, w) if t == TURNS else np.sin(x * w) + x * 0.5
    return x


@pytest.mark.parametrize(
    "odd",
    [
        lambda x, w: np.cos(x * w) + x * 0.5,
        lambda x, w: np.sin(x * x) + x * 0.5,
        lambda x, w: np.sin(x * w) + w * 0.5,
        lambda x, w: np.sin(w * x) - x * 0.5,
        lambda x, w: np.sin(x * w) + (x * 0.5).astype(np.float32),
        lambda x, w: np.sin(x * w) + x[::-1] * 0.5,
    ],
)
def test_a_step_that_is_nearly_equal_is_no_part_of_the_loop(odd) -> None:
    f = lambda x: with_step(x, odd)
    graph = straight(f, STATE)
    rolled = with_loops(graph)
    assert lengths(rolled)
    assert max(lengths(rolled)) <= TURNS
    check_same(graph, rolled, STATE)


def test_a_number_that_differs_once_is_part_of_the_loop() -> None:
    graph = straight(lambda x: with_step(x, lambda x, w: np.sin(x * w) + x * 0.25), STATE)
    assert lengths(with_loops(graph)) == [2 * TURNS]
    check_same(graph, with_loops(graph), STATE)


def powers(x):
    for t in range(TURNS):
        x = np.sin(x) ** (2 if t % 2 else 3) + x
    return np.sum(x)


def test_exponents_are_what_they_are() -> None:
    graph = straight(powers, STATE)
    assert lengths(with_loops(graph)) == [TURNS // 2]
    check_same(graph, with_loops(graph), STATE)


def long_chain(x):
    for _ in range(TURNS):
        x = x - 0.01 * np.sin(x)
    return x


def with_numpy(x):
    for _ in range(TURNS):
        x = np.sort(np.sin(x)) + x
    return x


def own_weights(args):
    x, *weights = args
    for w in weights:
        x = np.tanh(w @ x) + x
    return x


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (long_chain, np.ones(2 * rolling.CHAIN)),
        (with_numpy, STATE),
        (own_weights, [STATE, *RNG.normal(size=(TURNS, 8, 8))]),
        (lambda x: np.stack([x[t] for t in range(300)]), np.ones(300)),
    ],
)
def test_what_would_gain_nothing_stays_as_it_is(f, x) -> None:
    graph = straight(f, x)
    assert lengths(with_loops(graph)) == []


def test_long_chains_on_large_arrays_are_rolled() -> None:
    def f(x):
        for _ in range(rolling.LONGEST_CHAIN):
            x = x - 0.01 * np.sin(x)
        return x

    assert lengths(with_loops(straight(f, np.ones(2 * rolling.CHAIN)))) == [rolling.LONGEST_CHAIN]


# ---- types and errors ----


def test_python_numbers_stay_python_numbers() -> None:
    def f(x, n):
        for _ in range(200):
            x, n = x * 0.5 + 1.0, n + 2
        return x, n

    found = fg.jit(f)(3.0, 1)
    assert found == f(3.0, 1)
    assert [type(y) for y in found] == [float, int]


def test_float32_stays_float32() -> None:
    x = STATE.astype(np.float32)
    graph = straight(fg.grad(python_numbers), x)
    assert lengths(with_loops(graph))
    check_same(graph, with_loops(graph), x)
    assert fg.jit(fg.grad(python_numbers))(x).dtype == np.float32


def test_indexes_out_of_bounds_raise_within_rolled_loops() -> None:
    def f(x, i):
        for _ in range(TURNS):
            x = np.sin(x[i]) + x
        return x

    assert lengths(fg.jit(f).lower(STATE, PLACES).graph)
    with pytest.raises(IndexError, match="index 8 is out of bounds"):
        fg.jit(f)(STATE, PLACES + 1)


@pytest.mark.parametrize("x", [np.empty((0, 3)), np.ones(()), np.full(8, np.nan), np.arange(16.0)[::2]])
def test_empty_scalar_nan_and_strided_arrays(x: np.ndarray) -> None:
    graph = straight(fg.grad(python_numbers), x)
    assert lengths(with_loops(graph))
    check_same(graph, with_loops(graph), x)
    np.testing.assert_allclose(fg.jit(fg.grad(python_numbers))(x), fg.grad(python_numbers)(x), rtol=1e-9)


@pytest.mark.parametrize("n, m", [(5, 1), (5, 4), (5, 8), (8, 4), (9, 3), (16, 4)])
def test_a_state_that_its_update_reads_elsewhere(n: int, m: int) -> None:
    """The new state does not take the old one's place before all of that is read."""
    x = np.random.default_rng(0).normal(size=(n, m)) * 0.1

    def loop(x: Any) -> Any:
        for _ in range(40):
            x = x + np.tanh(x @ x.T) @ x * 0.01
        return x

    scan = lambda x: fg.lax.scan(lambda c, _: (c + np.tanh(c @ c.T) @ c * 0.01, None), x, None, length=40)[0]
    for f in (loop, scan):
        np.testing.assert_allclose(fg.jit(f)(x), loop(x), rtol=1e-12)
        moved = fg.jvp(loop, (x,), (np.cos(x),))[1]
        np.testing.assert_allclose(fg.jit(lambda x, f=f: fg.jvp(f, (x,), (np.cos(x),))[1])(x), moved, rtol=1e-11)


def test_an_exponent_that_is_an_array_of_rank_zero() -> None:
    power = np.array(0.5)

    def f(x: Any) -> Any:
        for _ in range(60):
            x = x**power + np.sin(x)
        return x

    np.testing.assert_allclose(fg.jit(f)(np.ones(3)), f(np.ones(3)), rtol=1e-12)
