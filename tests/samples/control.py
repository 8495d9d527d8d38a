"""Sample rows of control flow: funcgrad.transforms.control, checkpoint and programs as operations.

On known values `funcgrad.lax` is Python's control flow; a row runs the operations of the program that it becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.graph import Graph, evaluate
from funcgrad.core.staging import is_interpreted, trace_graph
from funcgrad.transforms.calls import graph_call
from funcgrad.transforms.deferred import Deferred, deferred_call
from tests.samples import Sample

_draw = np.random.default_rng(31).normal
S = np.array(0.7)
V = _draw(size=3)
W = _draw(size=3)
XS = _draw(size=(4, 3))
M = _draw(size=(3, 3)) + 3 * np.eye(3)
NOTHING = np.zeros((0, 3))


@cache
def _program(fun: Callable[..., Any], avals: tuple[Aval, ...], interpreted: bool) -> Graph:
    def flat(*xs: Any) -> list[Any]:
        return fg.tree.leaves(fun(*xs))

    return trace_graph(flat, avals, interpreted)


def staged(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function as the operations of its program."""

    def run(*args: Any) -> Any:
        avals = tuple(Aval(np.shape(a), aval_of(a).dtype) for a in args)
        outs = evaluate(_program(fun, avals, is_interpreted()), args)
        return outs[0] if len(outs) == 1 else tuple(outs)

    return run


def _called(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function as one operation, which a program that is traced takes up."""

    def run(*args: Any) -> Any:
        avals = tuple(Aval(np.shape(a), aval_of(a).dtype) for a in args)
        outs = graph_call(*args, graph=_program(fun, avals, True), run=evaluate)
        return outs[0] if len(outs) == 1 else tuple(outs)

    return run


def _row(prim: str, fun: Callable[..., Any], *args: Any, label: str, **options: Any) -> Sample:
    return Sample(prim, staged(fun), args, label, promotes=False, **options)


def recurrence(c, w, xs):
    return lax.scan(lambda c, x: (np.tanh(c * w + x), c * x), c, xs)


def backwards(c, xs):
    return lax.scan(lambda c, x: (np.sin(c) * x, np.sum(c)), c, xs, reverse=True)


def linear_steps(c, xs):
    return lax.scan(lambda c, x: (0.5 * c + x, c), c, xs)


def counting(c, xs):
    step = lambda c, x: ((c[0] + x * c[1], c[1] + 1), None)
    return lax.scan(step, (c, 0), xs)[0][0]


def nested(c, xs):
    inner = lambda c, x: lax.fori_loop(0, 2, lambda i, c: np.sin(c) + x, c)
    return lax.scan(lambda c, x: (lax.cond(np.sum(x) > 0, inner, lambda c, x: c * x, c, x), c), c, xs)


def one_of_two(x, y):
    return lax.cond(np.sum(x) > 0, lambda x, y: (np.sin(x) * y, x[0]), lambda x, y: (x + y * y, y[1]), x, y)


def one_of_three(i, x):
    return lax.switch(i, [np.sin, lambda x: x * x, lambda x: np.exp(x) * x[0]], x)


def doubling(x, y):
    return lax.while_loop(lambda s: np.sum(np.abs(s[0])) < 20, lambda s: (s[0] * 1.7, np.sin(s[1]) * y), (x, x * y))


def newton(f, x):
    return lax.fori_loop(0, 8, lambda i, x: x - np.linalg.solve(fg.jacobian(f)(x), f(x)), x)


def dense(matvec, b):
    return np.linalg.solve(fg.jacobian(matvec)(b), b)


def root(m, p):
    return lax.custom_root(lambda x: m @ x + np.tanh(x) - p, np.zeros_like(p), newton, dense)


def cubic(p):
    step = lambda f, x: lax.fori_loop(0, 20, lambda i, x: x - f(x) / fg.grad(f)(x), x)
    return lax.custom_root(lambda x: x**3 + x - p, np.ones_like(p), step, lambda g, y: y / g(1.0))


def solution(m, b):
    return lax.custom_linear_solve(lambda x: m @ x, b, dense, dense)


def symmetric_solution(m, b):
    return lax.custom_linear_solve(lambda x: m @ x + x @ m, b, dense, symmetric=True)


def layer(x, y):
    return fg.checkpoint(lambda x: (np.tanh(x * y) * x, np.sum(x)))(x)


def on_known_values(x, y):
    """Python's control flow on an element of what is known when it runs."""
    scaled = x * 2.0 if x.size and y[0] > 0 else x * 3.0
    return np.sin(scaled) * y, np.sum(x * y)


def _deferred(fun: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        avals = fg.eval_shape(lambda *xs: (xs[0] * xs[1], np.sum(xs[0])), *args)
        return deferred_call(*args, fun=Deferred(fun, avals))

    return run


ROWS = [
    _row("scan_call", recurrence, V, W, XS, label="with a constant"),
    _row("scan_call", backwards, V, XS, label="reverse", complex_too=True),
    _row("scan_call", linear_steps, V, XS, label="linear", complex_too=True),
    _row("scan_call", counting, V, XS, label="integers in the carry"),
    _row("scan_call", nested, V, XS, label="nested"),
    _row("scan_call", recurrence, V, W, XS[:1], label="one step"),
    _row("scan_call", recurrence, V, W, NOTHING, label="no steps"),
    _row("scan_call", recurrence, V[:0], W[:0], XS[:, :0], label="empty"),
    _row("switch_call", one_of_two, V, W, label="cond"),
    _row("switch_call", one_of_three, np.array(1), V, label="three branches"),
    _row("switch_call", one_of_three, np.array(7), V, label="clamped"),
    _row("while_call", doubling, V, W, label="vector", forward_only=True, reason="reverse mode is refused"),
    _row("root_call", root, M, V, label="vector"),
    _row("root_call", cubic, S, label="scalar"),
    _row("linear_solve_call", solution, M, V, label="general"),
    _row("linear_solve_call", symmetric_solution, M + M.T, V, label="symmetric"),
    _row("checkpoint_call", layer, V, W, label="with a closure"),
    Sample("deferred_call", _deferred(on_known_values), (V, np.abs(W)), "two outputs", promotes=False),
    Sample("graph_call", _called(lambda x, y: (np.sin(x) @ y, x * y)), (V, W), "two outputs", promotes=False),
    Sample("graph_call", _called(lambda x: lax.scan(lambda c, v: (c * v, c + v), 1.0, x)[1]), (V,), "of a scan"),
]
