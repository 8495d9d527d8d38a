"""Kernels' texts: NumPy, the text in plain Python, the text by numba and machine code agree."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree
from funcgrad.compile import machine
from funcgrad.compile.scopes import numba_scope
from funcgrad.compile.segments import Segment, split
from funcgrad.compile.simplify import simplify
from funcgrad.compile.text import call, interpret, kernel_text
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import Literal, evaluate
from funcgrad.core.staging import trace_graph
from tests.groups import together

GOLDEN = Path(__file__).parent / "golden"


def staged(fun, *args):
    leaves, form = tree.flatten(args)
    graph = trace_graph(lambda *xs: tree.flatten(fun(*form.unflatten(xs)))[0], [aval_of(x) for x in leaves])
    return graph, leaves


def run(graph, leaves, kernel):
    """The outputs of a program whose kernels are run by `kernel(segment, inputs)`."""
    known = dict(zip(graph.inputs, leaves))
    value = lambda a: a.value if isinstance(a, Literal) else known[a]
    for step in split(graph):
        if isinstance(step, Segment):
            found = kernel(step, [value(a) for a in step.inputs])
        else:
            found = step.eqn.prim(*map(value, step.inputs), **step.eqn.params)
            found = found if step.eqn.prim.multiple else (found,)
        known.update(zip(step.outputs, found))
    return [value(a) for a in graph.outputs]


def by_python(segment, inputs):
    return interpret(segment, inputs)


def by_numba(segment, inputs):
    scope = numba_scope(numba.njit)
    exec(kernel_text(segment, "kernel"), scope)
    return call(numba.njit(scope["kernel"], error_model="numpy"), segment, inputs)


def by_machine(segment, inputs):
    count = len(segment.inputs) + len(segment.outputs) + 2
    loads = "".join(
        f"%a{i} = getelementptr ptr, ptr %p, i64 {i}\n%b{i} = load ptr, ptr %a{i}\n" for i in range(count)
    )
    args = ", ".join(f"ptr %b{i}" for i in range(count))
    entry = f"define i32 @entry(ptr %p) {{\n{loads}%s = call i32 @kernel({args})\nret i32 %s\n}}\n"
    module = machine.load(segment.text + entry)
    ins = [np.ascontiguousarray(x, a.aval.dtype) for x, a in zip(inputs, segment.inputs)]
    outs = [np.empty(v.aval.shape, v.aval.dtype) for v in segment.outputs]
    work = np.empty(segment.work + 64, np.uint8)
    words = [v.ctypes.data if isinstance(v, np.ndarray) else np.array(v).view("i8") for v in segment.table]
    table = np.array([*words, 0], "i8")
    pointers = [*(a.ctypes.data for a in (*ins, *outs, table)), (work.ctypes.data + 63) & -64]
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(module.address("entry"))
    if function((ctypes.c_void_p * count)(*pointers)):
        raise IndexError
    return outs


def same(got, want, scale):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype and got.shape == want.shape
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    rounding = scale * np.finfo(want.dtype).eps
    size = np.max(np.abs(want[np.isfinite(want)]), initial=1e-300)
    np.testing.assert_allclose(got, want, rtol=rounding, atol=rounding * size)


rng = np.random.default_rng(0)
X = rng.normal(size=(6, 5))
ROW, COLUMN, LONG = rng.normal(size=5), rng.normal(size=(6, 1)), rng.normal(size=67)
CUBE = rng.normal(size=(6, 9, 7))
STACK = rng.normal(size=(6, 4, 4))
NUMBERS = np.array([-3, 7, 0, 2, -128, 127, 5, 1])


def total(fun):
    return lambda *xs: np.sum(np.sin(fun(*xs)))


def logsumexp(x):
    return fg.nn.logsumexp(x, axis=1)


def layernorm(p, x):
    m, v = np.mean(x, axis=1, keepdims=True), np.var(x, axis=1, keepdims=True)
    return (x - m) / np.sqrt(v + 1e-5) * p["g"] + p["b"]


def distances(x):
    d = x[:, None, :] - x[None, :, :]
    return np.sqrt(np.sum(d * d, axis=-1) + 1e-3)


def lennard_jones(x):
    d = x[:, None, :] - x[None, :, :]
    r = np.sum(d * d, axis=-1) + np.eye(len(x))
    inverse = 1.0 / r**3
    return np.sum((inverse * inverse - inverse) * (1.0 - np.eye(len(x))))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def mlp(p, x, y):
    h = np.tanh(x @ p["w"] + p["b"])
    return np.mean((h @ p["v"] + p["c"] - y) ** 2)


LAYER = {"g": rng.normal(size=7), "b": rng.normal(size=7)}
WEIGHTS = {
    "w": rng.normal(size=(4, 16)),
    "b": rng.normal(size=16),
    "v": rng.normal(size=(16, 2)),
    "c": rng.normal(size=2),
}
DATA = rng.normal(size=(8, 4)), rng.normal(size=(8, 2))
INDEX = np.array([3, -1, 0, 0, 2])
PAIRS = np.array([[0, -1, 4], [0, 2, 2]]), np.array([[1, 1, -2], [1, 0, 0]])
TIES = np.array([[1.0, 3.0, 3.0, -0.0, 0.0], [np.nan, 2.0, np.nan, np.inf, -np.inf], [0.0, -0.0, -1.0, -1.0, -2.0]])


def integers(n, m):
    return n * m + 7 - n, -n, abs(m), np.maximum(n, m), n & m | 1, n ^ m, n > m, np.sum(n * m), np.max(n, axis=0)


def of_dtype(dtype):
    return np.abs(NUMBERS).astype(dtype) if dtype.startswith("u") else NUMBERS.astype(dtype)


def product_and_quotient(first):
    def both(x, y):
        s, t = first(x), np.cos(y)
        return s * t + s / t

    return both


PROGRAMS = {
    "chain": (lambda x: np.sin(x) * np.exp(-x) + np.tanh(x) ** 2, LONG),
    "chain, gradient": (fg.grad(lambda x: np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2)), LONG),
    "softmax": (lambda x: fg.nn.softmax(x, axis=1), X),
    "softmax, gradient": (fg.grad(total(lambda x: fg.nn.softmax(x, axis=1))), X),
    "softmax of columns": (lambda x: fg.nn.softmax(x, axis=0), CUBE[0]),
    "logsumexp": (logsumexp, CUBE[0]),
    "logsumexp, gradient": (fg.grad(total(logsumexp)), CUBE[0]),
    "layernorm": (layernorm, LAYER, CUBE[0]),
    "layernorm, gradient": (fg.grad(total(layernorm), argnums=(0, 1)), LAYER, CUBE[0]),
    "standard deviation": (lambda x: np.std(x, axis=1), CUBE[0]),
    "standard deviation, gradient": (fg.grad(lambda x: np.sum(np.std(x, axis=1))), CUBE[0]),
    "distances": (distances, CUBE[0, :, :3]),
    "distances, gradient": (fg.grad(lambda x: np.sum(distances(x))), CUBE[0, :, :3]),
    "Lennard-Jones, gradient": (fg.grad(lennard_jones), 2 * CUBE[0, :, :3]),
    "Rosenbrock": (fg.value_and_grad(rosenbrock), LONG),
    "Rosenbrock of two": (fg.value_and_grad(rosenbrock), ROW[:2]),
    "perceptron, gradient": (fg.grad(mlp), WEIGHTS, *DATA),
    "sum": (lambda x: np.sum(np.sin(x) * 2.0), LONG),
    "sum of rows": (lambda x, r: np.sum(x * r + 1.0, axis=1), X, ROW),
    "sum of columns": (lambda x, r: np.sum(x * r + 1.0, axis=0), X, ROW),
    "sum of outer axes": (lambda x: np.sum(x * x + 1.0, axis=(0, 2)), CUBE),
    "sum of the middle axis": (lambda x: np.sum(x * x + 1.0, axis=1), CUBE),
    "sum of all": (lambda x: (np.sum(x * x), np.mean(x * 2.0)), CUBE),
    "two kinds of sum": (lambda x: (np.sum(x * x, axis=0), np.sum(x * x, axis=1)), X),
    "sum in a sum": (lambda x: np.sum(np.sin(np.sum(x * x, axis=2)), axis=0), CUBE),
    "where": (lambda x: np.where(x > 0, x * 2.0, np.exp(x)), X),
    "extremes": (lambda x: (np.max(x * 2.0, axis=0), np.min(x * 2.0, axis=1), np.max(x + 1.0)), CUBE[0]),
    "prod, any, all": (
        lambda x: (np.prod(x, axis=0), np.any(x > 1, axis=1), np.all(x > -2, axis=0), np.any(x), np.prod(x)),
        CUBE[0],
    ),
    "truths": (lambda x, y: ((x > 0) & (y > 0), (x > 0) | ~(y > 0), (x > 0) ^ (y > 0), np.sum(x > y)), X, ROW),
    "slices": (lambda x: x[::-2, 1::3] * x[::2, -1:0:-3] + x[2, 3], CUBE[0]),
    "slices, gradient": (fg.grad(lambda x: np.sum(np.sin(x[::-2, 1::3]) * x[::2, -1:0:-3])), CUBE[0]),
    "pad": (lambda x: np.pad(np.sin(x), ((1, 2), (0, 3))) * 2.0, X),
    "concatenate": (lambda x, y: np.concatenate([x * 2.0, y + 1.0, x], axis=0) + 1.0, X, CUBE[0, :4, :5]),
    "flip": (lambda x: np.flip(x * 2.0, axis=1) + x, X),
    "transpose": (lambda x: np.sin(x.T) * 2.0 + np.ones((5, 6)), X),
    "axes split and merged": (
        lambda x: (np.reshape(x, (6, 63)) * 2.0, np.reshape(x, (2, 3, 63)) + 1.0, np.reshape(x, (54, 7)) * x[0, 0]),
        CUBE,
    ),
    "axes mixed": (lambda x: np.reshape(x, (7, 9, 6)) * 2.0 + np.reshape(np.sin(x), (7, 9, 6)), CUBE),
    "gather": (lambda x: np.sin(x[INDEX]) * 2.0, X),
    "gather of columns": (lambda x: x[:, INDEX] * x[1, INDEX], X),
    "gather by an argument": (lambda x, i: np.sin(x[i]) * 2.0 + x[i + 1], LONG, INDEX),
    "take along an axis": (lambda x, i: np.take_along_axis(x, i, axis=1) * 2.0, X, np.argsort(X, axis=1)),
    "embedding, gradient": (fg.grad(lambda x, i: np.sum(np.sin(x[i]))), CUBE[0], INDEX),
    "embedding of tiny rows, gradient": (fg.grad(lambda x, i: np.sum(np.sin(x[i]))), X[:, :2], INDEX),
    "gather of numbers, gradient": (fg.grad(lambda x, i: np.sum(np.sin(x[i]))), LONG, INDEX),
    "gather of pairs, gradient": (fg.grad(lambda x, i, j: np.sum(np.sin(x[i, j]))), X, *PAIRS),
    "gather of columns, gradient": (fg.grad(lambda x, i: np.sum(np.sin(x[:, i]))), X, INDEX),
    "gather by a number, gradient": (fg.grad(lambda x, i: np.sum(np.sin(x[i]))), X, np.int64(-2)),
    "take along an axis, gradient": (
        fg.grad(lambda x, i: np.sum(np.sin(np.take_along_axis(x, i, axis=1)))), X, np.argsort(X, axis=1),
    ),
    "updates": (
        lambda x, i, v: (x.at[i].add(v), x.at[i].set(v * 2.0), x.at[i].multiply(v), x.at[i].min(v), x.at[i].max(v)),
        X, INDEX, X[1:] * 3.0,
    ),
    "updates of numbers": (
        lambda x, i, v: (x.at[i].add(v), x.at[i].set(v), x.at[i].max(v), x.at[i, i].add(v)),
        NUMBERS[:, None] + PAIRS[0][0],
        np.array([2, -1, 2]), np.array([5, -7, 9]),
    ),
    "updates of float32": (lambda x, i, v: x.at[i].add(v), LONG.astype("f"), INDEX, ROW.astype("f")),
    "updates by constants": (lambda x, v: (x.at[INDEX].add(v), x.at[[2, 2]].set(v[:2])), X, X[1:]),
    "update of truths": (lambda p, i: (p.at[i].set(True), p.at[i].set(p[:5])), LONG > 0, INDEX),
    "update of what is read": (lambda x, i: x.at[i].add(x[i] * 2.0) + x.at[i].add(1.0).at[i].set(x[i])[0], X, INDEX),
    "update of one place": (lambda x, i, v: (x.at[i].add(v), x.at[i].set(v)), X[:1], np.array([0, -1]), X[:2]),
    "no updates": (lambda x, i, v: (x.at[i].add(v), x.at[i].set(v)), X, np.zeros(0, int), np.zeros((0, 5))),
    "updates in steps": (
        lambda x, v: (x.at[::2, ::-2].add(v), x.at[::-3].set(x[:2] * 2.0), x.at[1::2].add(1.0) * x), X, X[:3, :3],
    ),
    "updates in a scan": (
        lambda x, i: lax.scan(lambda c, k: (c.at[k].add(c[k - 1] * 0.5), c[0]), x, i), ROW, np.array([3, 0, 0, -1, 2]),
    ),
    "updates in a scan, gradient": (
        fg.grad(lambda x, i: np.sum(lax.scan(lambda c, k: (np.tanh(c.at[k].multiply(x[k])), c), x, i)[1])),
        ROW, np.array([3, 0, 0, -1, 2]),
    ),
    "running sums": (
        lambda x: (np.cumsum(x), np.cumsum(x, axis=0), np.cumsum(x, axis=1), np.cumsum(x, axis=2) * 2.0), CUBE,
    ),
    "running sum": (lambda x: np.cumsum(np.sin(x) * 2.0), LONG),
    "running sums, gradient": (
        fg.grad(lambda x: np.sum(np.sin(np.cumsum(x)) + np.cumsum(x * x) ** 2)), LONG,
    ),
    "running sums of rows, gradient": (fg.grad(lambda x: np.sum(np.sin(np.cumsum(x, axis=0)))), X),
    "running products": (lambda x: (np.cumprod(x, axis=0), np.cumprod(x, axis=1), np.cumprod(x)), CUBE[0]),
    "running products, gradient": (fg.grad(lambda x: np.sum(np.cumprod(x, axis=1))), X),
    "running sums of numbers": (
        lambda n, p, x: (np.cumsum(n.astype("i1")), np.cumsum(p), np.cumprod(n), np.cumsum(x)), NUMBERS, LONG > 0,
        LONG.astype("f"),
    ),
    "running sums of few": (
        lambda x: [np.cumsum(x[part], axis=k) for part, k in ((np.s_[:1], 0), (np.s_[:0], 0), (np.s_[:, :0], 0))]
        + [np.cumsum(x[:, :1], axis=1)],
        X,
    ),
    "running sums in a scan": (lambda x: lax.scan(lambda c, a: (np.cumsum(c) * a, np.cumsum(c)[::-1]), x, x), ROW),
    "places of extremes": (
        lambda x: (np.argmax(x), *(f(x, axis=k) for k in (0, 1) for f in (np.argmax, np.argmin))),
        TIES,
    ),
    "places of extremes of stacks": (
        lambda x: (np.argmax(np.sin(x), axis=1) + 1, np.argmin(x, axis=2), x[np.argmax(x, axis=0)[0, 0]]), CUBE,
    ),
    "places of extremes of numbers": (
        lambda n: (np.argmax(n), np.argmin(n), np.argmax(n[:1]), np.argmax(n == 7)), NUMBERS,
    ),
    "places of extremes in a scan": (
        lambda x: lax.scan(lambda c, a: (c + a[np.argmax(a * c)], np.argmin(a)), 1.0, x), CUBE[0],
    ),
    "many pieces": (
        lambda x: (np.stack([x[0] * k for k in range(12)]), np.concatenate([x[:, k % 5 :] for k in range(9)], axis=1)),
        X,
    ),
    "many numbers": (lambda x: np.stack([x[k] ** 2 for k in range(20)]) * np.arange(20.0), LONG),
    "many pieces, gradient": (
        fg.grad(lambda x: np.sum(np.sin(np.stack([x[k] * x[k + 1] for k in range(20)])) * np.arange(20.0))), LONG,
    ),
    "many pieces of dtypes": (lambda x, n: np.concatenate([x, n, x.astype("f"), n == 1] * 3), LONG, NUMBERS),
    "float32": (lambda x, r: (x * 0.1 + r / 3, np.sum(np.sin(x) * 3, axis=1)), X.astype("f"), ROW.astype("f")),
    "mixed floats": (lambda x, r: x * r + 1.0, X, ROW.astype("f")),
    "float32, gradient": (fg.grad(total(lambda x: x**2.5 / 3)), np.abs(X).astype("f")),
    **{f"{t} numbers": (integers, of_dtype(t), of_dtype(t)[::-1].copy()) for t in
       ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    "casts": (
        lambda n, x: (
            n.astype("i1") + np.int8(1), n.astype("f4") / 3, (x > 0).astype("i8") + n, n.astype("u2") * n.astype("u2"),
            np.where(x > 0, 1, -1).astype("u1"), n.astype(bool),
        ),
        NUMBERS,
        LONG[:8],
    ),
    "booleans": (lambda p, q: (p & q, p | ~q, p ^ q, np.sum(p), np.all(p), np.where(p, 1.5, 0.0)), X > 0, ROW > 0),
    "empty": (lambda x: (x * 2.0 + 1.0, np.sum(x * x, axis=0), np.prod(x * 3.0), np.mean(x)), np.ones((0, 3))),
    "scalars": (lambda s, t: (s * t + 1.0, np.sin(s) / t, s > t), np.float64(2.0), np.float64(0.0)),
    "numbers": (lambda x, s: (x * s + np.float32(0.3), 7.5 / s, 1 / (x - x)), X, 3.0),
    "one element": (lambda x: (np.sum(x * 2.0), np.sum(x * 2.0, axis=0), x / 3.0), np.ones((1, 1))),
    "axes of length one": (lambda x: (np.sum(x * 2.0, axis=1), np.tanh(x) + 1.0), CUBE[:, :1]),
    "broadcast": (lambda r, c: np.exp(r * c) - np.sum(r), ROW, COLUMN),
    "broadcast to a result": (lambda r: np.broadcast_to(r, (6, 5)) * 2.0 + 1.0, ROW),
    "products of matrices": (lambda x, y: (np.tanh(x) @ y * 2.0, x.T @ x, x @ y[:, 0]), X, CUBE[0, :5, :4]),
    "product of stacks": (lambda x, y: np.matmul(x, y), CUBE[:, :5, :3], CUBE[:, :3]),
    "constant array": (lambda x: x * np.arange(5.0) + np.arange(30.0).reshape(6, 5), X),
    "quotients of sums": (lambda x: (1.0 / np.sum(x), x / np.sum(x - x), np.sum(x) / np.sum(x * 0.0)), LONG),
    "functions": (
        lambda x, y: [
            *(f(x) for f in (np.tan, np.arctan, np.sinh, np.arcsinh, np.exp2, np.expm1, np.cbrt, np.floor, np.ceil)),
            *(f(x) for f in (np.trunc, np.rint, np.abs, np.sign, np.deg2rad, np.rad2deg, np.isnan, np.isfinite)),
            *(f(np.abs(x)) for f in (np.sqrt, np.log, np.log2, np.log10, np.log1p)),
            *(f(np.tanh(x)) for f in (np.arcsin, np.arccos, np.arctanh)),
            *(f(x, y) for f in (np.arctan2, np.hypot, np.copysign, np.maximum, np.minimum, np.logaddexp)),
            np.arccosh(1.5 + x * x), np.abs(x) ** y, np.nextafter(x, y), np.heaviside(x, y),
        ],
        LONG,
        LONG[::-1].copy(),
    ),
    "nan": (
        lambda x, y: (
            np.maximum(x, y), np.minimum(x, y), np.max(x), np.min(x), np.where(x > y, x, y), np.clip(x, 0, 1),
        ),
        np.array([np.nan, 1.0, -0.0, np.inf, -np.inf, 0.5]),
        np.array([1.0, np.nan, 0.0, -np.inf, np.inf, 0.5]),
    ),
    "scan": (lambda x: lax.scan(lambda c, a: (c * 0.5 + a, np.sin(c)), 0.0, x), LONG),
    "scan of arrays": (lambda x: lax.scan(lambda c, a: (np.tanh(c * 0.5 + a), np.sum(c * c)), x[0], x), X),
    "scan that swaps": (lambda x: lax.scan(lambda c, a: ((c[1], c[0] + a), c[0]), (0.0, 1.0), x, reverse=True), LONG),
    "scan, gradient": (fg.grad(lambda x: lax.scan(lambda c, a: (np.sin(c) * a + c, c), 0.3, x)[0]), ROW),
    "scan in place that is read": (lambda x: lax.scan(lambda c, a: ((n := c * a), np.sin(n) + n[::-1]), x, x), ROW),
    "scan of updates that are read": (
        lambda x, i: lax.scan(lambda c, k: ((n := c.at[k].set(c[k - 1] * 0.5 + c[0])), (n[0] + c[k], c * 2.0)), x, i),
        X,
        INDEX,
    ),
    "scan of two updates": (
        lambda x, i: lax.scan(
            lambda c, k: ((c[0].at[k].add(c[1][k - 1] * 0.5), c[1].at[k - 1].set(c[0][k])), c[0][0]), (x, x * 2.0), i,
        ),
        ROW,
        INDEX - 1,
    ),
    "updates within loops": (
        lambda x, i: lax.scan(
            lambda c, k: (lax.scan(lambda d, m: (d.at[m].add(c[k] * d[m - 1]), d[0]), c, i)[0], c[1]), x, i,
        ),
        ROW,
        INDEX,
    ),
    "fori_loop of updates": (
        lambda x: lax.fori_loop(2, 60, lambda k, c: c.at[k].set(c[k - 1] * 0.5 + c[k - 2]), x), LONG,
    ),
    **{f"quotients of {t}": (
        lambda n, m: (n // m, n % m, n << (m & 7), n >> (m & 7), ~n, np.signbit(n)),
        of_dtype(t), np.array([2, 3, 0, 5, 7, 127, 1, 3]).astype(t) * (1 if t.startswith("u") else -1),
    ) for t in ("int8", "int32", "int64", "uint8", "uint64")},
    "quotients": (lambda x, y: (x // y, x % y, np.fmod(x, y), np.signbit(x), x // 0.5), NUMBERS * 1.5,
                  np.array([2.0, -3.0, 0.0, np.inf, 0.75, -np.inf, -0.0, np.nan])),
    "quotients of float32": (lambda x, y: (x // y, x % y, y % x), LONG.astype("f"), LONG[::-1].astype("f")),
    "quotients, gradient": (fg.grad(lambda x: np.sum((x % 0.3) * x)), LONG),
    "Python's quotients": (lambda k, n: (k // n, k % n, ~k, lax.fori_loop(0, k, lambda i, c: c * 2 + i % n, 1)), 7, 3),
    "ring": (lambda x: lax.fori_loop(0, 99, lambda i, c: c.at[i % 67].add(c[(i + 1) % 67]), x), LONG),
    "floats to integers": (
        lambda x: (
            x.astype("i8"), (x * 40).astype("i1"), (x * x).astype("u2"), x.astype("f").astype("i4"), x[x.astype(int)],
        ),
        LONG,
    ),
    "stacks of matrices": (
        lambda x, y: np.concatenate((x[..., :3] * 2.0, x[..., 3:]), axis=2) @ y @ y, STACK, STACK[0],
    ),
    "rows of pieces": (
        fg.vmap(fg.jacrev(lambda c: np.stack([np.sin(c[6]) * c[1], c[7] * np.sum(c[2:5] ** 2)]))),
        rng.normal(size=(67, 11)),
    ),
    "rows of four": (
        lambda x, y: (
            np.exp(x) + y, x[..., ::-1], x.transpose(0, 2, 1) * x, np.sum(x, axis=0), np.max(x, axis=2),
            np.pad(x[..., 1:], ((0, 0), (0, 0), (1, 0))), x > y, x[:, np.array([1, 0, -1])], x.astype("f") * x,
            np.tril(x), np.cumsum(x, axis=2), x.at[:, 1].add(2.0), np.argmax(x, axis=2), x + np.arange(4),
        ),
        STACK,
        STACK[0],
    ),
    "stacks of matrices, gradient": (
        fg.grad(lambda x, y: np.sum(np.tanh(np.concatenate((x @ y, x[:, :2] @ x), axis=1) @ y))), STACK, STACK[0],
    ),
    "Python's integers": (
        lambda k, n: (k * n - 3 + k, (k & 6) | (n ^ 1), lax.fori_loop(0, k, lambda i, c: c + i * n, 1)), 7, -5,
    ),
    "while": (lambda x: lax.while_loop(lambda c: c[1] < 5, lambda c: (c[0] * 2.0 + x, c[1] + 1), (x, 0)), ROW),
    "Newton": (lambda a: lax.while_loop(lambda x: abs(x * x - a) > 1e-10, lambda x: (x + a / x) / 2, a), 2.0),
    "while a sum": (lambda x: lax.while_loop(lambda c: np.sum(c * c) < 100.0, lambda c: c * 1.5, x), ROW),
    "fori_loop": (lambda x: lax.fori_loop(0, 7, lambda i, c: c * x[i] + i, 1.0), LONG),
    "cond": (lambda x, p: lax.cond(p > 0.5, lambda x: np.sin(x) * 2.0, lambda x: x + 1.0, x), ROW, 0.3),
    "cond of sums": (lambda x, p: lax.cond(p > 0.5, lambda x: np.sum(x), lambda x: np.max(x) * 2.0, x) * 3.0, X, 0.8),
    "switch": (
        lambda x, p: lax.switch(p, [lambda x: np.sin(x) * 2.0, lambda x: x + 1.0, lambda x: x - np.sum(x)], x), ROW, 2,
    ),
    "loops and branches within loops": (
        lambda x: lax.scan(
            lambda c, a: (
                lax.fori_loop(0, 3, lambda i, d: d * 0.5 + a, c), lax.cond(a > 0.5, lambda c: c, lambda c: -c, c),
            ),
            0.0,
            x,
        ),
        ROW,
    ),
    "one length, no array shared": (product_and_quotient(np.sin), ROW, 0.5 * ROW + 0.1),
    "one length, behind a sum": (product_and_quotient(np.sum), ROW, 0.5 * ROW + 0.1),
    "one length, rows and numbers": (
        lambda x, y: (s := np.sin(x), t := np.sum(y, axis=1), s * t + s / t)[-1], ROW, np.arange(30.0).reshape(5, 6)
    ),
}  # fmt: skip
ROUNDING = {"functions": 64, "float32, gradient": 64, "softmax, gradient": 256}
"""Where terms cancel."""


GOLDEN_PROGRAMS = [
    "chain", "softmax", "softmax of columns", "logsumexp", "layernorm, gradient", "standard deviation, gradient",
    "distances, gradient", "Rosenbrock", "Rosenbrock of two", "perceptron, gradient", "sum of columns",
    "sum of outer axes", "prod, any, all", "where", "slices, gradient", "pad", "concatenate", "axes mixed",
    "gather by an argument", "embedding, gradient", "updates in a scan", "running sums", "places of extremes of stacks",
    "many numbers", "float32", "int8 numbers", "casts", "quotients of sums",
    "scan of arrays", "scan that swaps", "Newton", "while a sum", "switch", "loops and branches within loops",
    "stacks of matrices", "one length, no array shared", "one length, behind a sum",
    "one length, rows and numbers",
]  # fmt: skip


NUMBA_PROGRAMS = [
    "chain", "softmax", "layernorm, gradient", "Lennard-Jones, gradient", "sum of outer axes", "gather by an argument",
    "embedding, gradient", "updates in a scan", "casts", "scan of arrays", "scan, gradient", "while a sum",
]  # fmt: skip
"""numba takes half a second for a program, and is waited for by these: the others are run by it in a long run only."""


def check_agreement(name, kernel):
    fun, *args = PROGRAMS[name]
    if name == "quotients" and kernel is by_numba:  # whose own floor_divide gives -0.0 where NumPy's gives -1.0
        args[1] = np.where(np.isinf(args[1]), 1.5, args[1])
    graph, leaves = staged(fun, *args)
    with np.errstate(all="ignore"):
        want = evaluate(graph, leaves)
        got = run(simplify(graph), leaves, kernel)
    for a, b in zip(got, want, strict=True):
        same(a, b, ROUNDING.get(name, 16))


@pytest.mark.parametrize("kernel", [by_python, by_machine])
@together("name", PROGRAMS, str)
def test_all_ways_agree(name, kernel):
    check_agreement(name, kernel)


@pytest.mark.parametrize("name", NUMBA_PROGRAMS)
def test_numba_agrees(name):
    check_agreement(name, by_numba)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in NUMBA_PROGRAMS])
def test_numba_agrees_about_the_others(name):
    check_agreement(name, by_numba)


def text_of(name):
    graph, _ = staged(*PROGRAMS[name])
    texts = []
    for number, step in enumerate(split(simplify(graph))):
        is_kernel = isinstance(step, Segment)
        texts.append(kernel_text(step, f"kernel_{number}") if is_kernel else f"# {step.eqn.prim.name}\n")
    return "\n\n".join(texts)


@pytest.mark.parametrize("name", GOLDEN_PROGRAMS)
def test_golden_text(name):
    """The committed text of kernels; delete a file to have it written anew."""
    path = GOLDEN / f"{name.replace(' ', '_').replace(',', '')}.txt"
    text = text_of(name)
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{path.name} was missing and has been written: look at it and commit it")
    assert text == path.read_text()


@pytest.mark.parametrize("kernel", [by_python, by_machine, by_numba])
@pytest.mark.parametrize("index", [5, -6])
def test_an_index_out_of_bounds_is_seen(kernel, index):
    graph, leaves = staged(lambda x, i: np.sin(x[i]) * 2.0, ROW, np.array([0, index]))
    with pytest.raises(IndexError):
        run(simplify(graph), leaves, kernel)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_shifts_by_all_bits_and_more(dtype):
    n, bits = of_dtype(dtype), np.array([0, 1, 7, 8, 63, 64, 100, 127]).astype(dtype)
    for fun in (lambda n, m: n << m, lambda n, m: n >> m):
        np.testing.assert_array_equal(fg.jit(fun)(n, bits), fun(n, bits))


def test_integers_of_python_are_exact():
    square = fg.jit(lambda k: k * k + 1)
    assert [square(3), square(2**40)] == [10, 2**80 + 1]
    with pytest.raises(ZeroDivisionError):
        fg.jit(lambda k, n: k % n)(3, 0)


@pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "u1", "u8"])
@pytest.mark.parametrize("kind", ["f", "d"])
def test_floats_become_the_integers_that_numpy_makes_of_them(dtype, kind):
    limits = np.iinfo(dtype)
    near = np.array([limits.min, limits.max, limits.min - 1, limits.max + 1, 0, -0.9, 1.9], kind)
    each = np.concatenate([near, np.nextafter(near, np.array(0, kind)), near * np.array(1.0001, kind)])
    to = fg.jit(lambda x: x.astype(dtype))
    with np.errstate(all="ignore"):
        for x in [*each, *np.array([np.nan, np.inf, -np.inf], kind)]:
            np.testing.assert_array_equal(to(np.full(19, x)), np.full(19, x).astype(dtype))


def test_texts_are_the_same_in_every_process():
    code = """
import numpy as np
from funcgrad.compile.segments import split
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
fun = lambda x: (np.sin(x) + np.exp(x) * np.tanh(np.cos(x)) / np.log(x + np.arctan(x)), x.astype("f") ** 0.3)
print(*[step.text for step in split(trace_graph(fun, [aval_of(np.ones(40))]))])
"""
    run_with = lambda seed: subprocess.check_output(
        [sys.executable, "-c", code], text=True, env={**os.environ, "PYTHONHASHSEED": seed}, cwd=GOLDEN.parent.parent
    )
    assert run_with("1") == run_with("2")
