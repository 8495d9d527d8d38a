"""Random programs by NumPy, by machine code, by the text in plain Python, and under `value_and_grad`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import funcgrad as fg
from funcgrad.compile.program import compile_graph
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import evaluate
from funcgrad.core.staging import trace_graph
from tests.random_texts import Text, write


@st.composite
def texts(draw: st.DrawFn) -> Text:
    return write(lambda n: draw(st.integers(0, n - 1)))


def close(got, want, rounding):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype and got.shape == want.shape
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    scale = np.max(np.abs(want[np.isfinite(want)]), initial=1.0)
    np.testing.assert_allclose(got, want, rtol=rounding, atol=rounding * scale)


def check(text: Text, by_text: bool) -> None:
    """The tolerance allows for a hundred steps that each double an error, far from what a wrong element makes."""
    fun, args = text.function(), text.inputs
    rounding = 1e-3 if "float32" in text.source or any(a.dtype == np.float32 for a in args) else 1e-10
    graph = trace_graph(lambda *xs: list(fun(*xs)), [aval_of(x) for x in args]).check()
    program = compile_graph(graph)
    program.graph.check()
    with np.errstate(all="ignore"):
        wanted = evaluate(graph, args)
    for got, want in zip(program(*args), wanted, strict=True):
        close(got, want, rounding)
    for got, want in zip(program.interpret(*args) if by_text else wanted, wanted, strict=True):
        close(got, want, rounding)
    floats = tuple(k for k, a in enumerate(args) if a.dtype.kind == "f")

    def loss(*xs):
        ys = [y for y in fun(*xs) if y.dtype.kind == "f"]
        return sum([np.sum(np.sin(y * 0.7)) for y in ys], 0.0 * np.sum(xs[0]))

    def forward(*xs):
        points = [xs[k] for k in floats]
        tangents = [np.cos(np.arange(x.size)).reshape(x.shape).astype(x.dtype) for x in points]
        given = lambda values: [dict(zip(floats, values)).get(k, x) for k, x in enumerate(xs)]
        return fg.jvp(lambda *values: loss(*given(values)), points, tangents)

    derivative = forward if text.has_while else fg.value_and_grad(loss, floats)
    with np.errstate(all="ignore"):
        wanted = derivative(*args)
    found = fg.jit(derivative)(*args)
    for got, want in zip(fg.tree.leaves(found), fg.tree.leaves(wanted), strict=True):
        close(got, want, 10 * rounding)


def run(count: int, by_text: bool) -> None:
    @settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(texts())
    def programs(text: Text) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            check(text, by_text)

    programs()


def test_random_programs():
    run(12, by_text=True)


@pytest.mark.long
@pytest.mark.parametrize("count, by_text", [(60, True), (500, False)])
def test_many_random_programs(count, by_text):
    run(count, by_text)
