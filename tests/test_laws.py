"""The laws that every primitive obeys, over all sample rows.

A primitive that is registered without a row fails here; the rows are in tests/samples/.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.graph import Var, evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import primitives
from funcgrad.errors import NotDifferentiableError, UnbatchedPrimitiveWarning
from funcgrad.ops import elementwise as ops
from tests.groups import over_rows, together
from tests.samples import MIXTURES, Sample, mixed, rows

ROWS = rows()
CALLS = {
    "custom_vjp_call": "runs a user's function and rule: tests/test_control.py",
    "custom_jvp_call": "runs a user's function and rule: tests/test_control.py",
    "custom_both_call": "runs a user's function and rules: tests/torch/test_func.py",
    **dict.fromkeys(
        ("pure_callback", "io_callback", "debug_callback"),
        "runs a user's function: tests/test_callbacks.py, tests/test_debug.py",
    ),
    **dict.fromkeys(
        ("overwritten", "revalued"),
        "has the values of one argument and the derivative of another: tests/torch/test_func.py",
    ),
    **dict.fromkeys(
        ("all_gather", "exchange", "pmax", "pmin", "ppermute", "psum", "psum_scatter"),
        "has a meaning inside of a vmap only: tests/test_named_axes.py",
    ),
}


Law = Callable[..., None]
LAWS: list[tuple] = []
"""All cases: a topic, a law, a row of tests/samples, and what else the law takes."""


def law(topic: str, rows: Iterable[Any]) -> Callable[[Law], Law]:
    """A law of rows, or of tuples of a row and something more; `test_laws` looks whether it holds."""

    def add(check: Law) -> Law:
        LAWS.extend((topic, check, *(row if isinstance(row, tuple) else (row,))) for row in rows)
        return check

    return add


def reversible(row: Sample) -> bool:
    return row.differentiable and not row.forward_only


moving = [r for r in ROWS if r.differentiable]
smooth = [r for r in ROWS if reversible(r)]
single = [r for r in ROWS if r.float32]


def arrays(row: Sample) -> list[np.ndarray]:
    return [np.asarray(a) for a in row.args]


def inexact(args: Sequence[Any]) -> list[int]:
    return [i for i, a in enumerate(args) if a.dtype.kind in "fc"]


def flat(fun: Callable[..., Any]) -> Callable[..., tuple]:
    """The function with its outputs as a tuple of those that may have derivatives."""

    def inner(*args: Any) -> tuple:
        out = fun(*args)
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(y for y in outs if is_inexact(aval_of(y).dtype))

    return inner


def as_complex(args: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arguments, moved off the real axis by a fixed pattern."""
    return [
        a + 0.3j * np.cos(1.0 + np.arange(a.size)).reshape(a.shape) if a.dtype.kind == "f" else a
        for a in args
    ]


def to_single(args: Sequence[np.ndarray]) -> list[np.ndarray]:
    names = {"f": np.float32, "c": np.complex64}
    return [a.astype(names[a.dtype.kind]) if a.dtype.kind in names else a for a in args]


def unchanged(args: Sequence[np.ndarray]) -> list[np.ndarray]:
    return list(args)


def complex_rows() -> list[tuple[Sample, Callable[..., list[np.ndarray]]]]:
    return [(r, as_complex) for r in ROWS if r.complex_too and r.differentiable]


def direction(like: Sequence[np.ndarray], seed: int) -> tuple:
    """A random tangent of arrays; zeros for integers."""
    draw = np.random.default_rng(seed)
    found = []
    for x in like:
        x = np.asarray(x)
        t = draw.standard_normal(x.shape)
        if x.dtype.kind == "c":
            t = t + 1j * draw.standard_normal(x.shape)
        found.append(np.asarray(t, x.dtype) if x.dtype.kind in "fc" else np.zeros(x.shape, x.dtype))
    return tuple(found)


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """The bilinear (not conjugating) product, real part."""
    return sum(
        float(np.sum(np.asarray(x) * np.asarray(y)).real)
        for x, y in zip(xs, ys)
        if is_inexact(aval_of(x).dtype)
    )


def close(found: Any, expected: Any, tol: float, what: str = "") -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    assert found.dtype == expected.dtype, f"{what}: dtype {found.dtype}, not {expected.dtype}"
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * scale(expected), err_msg=what)


def scale(x: np.ndarray) -> float:
    finite = np.abs(x[np.isfinite(x)]) if x.dtype.kind in "fc" else np.abs(x)
    return max(1.0, float(finite.max())) if finite.size else 1.0


def loose(tol: float) -> float:
    """For comparisons of two exact computations, which differ by rounding only."""
    return min(tol, 1e-9)


def test_there_are_rows():
    assert len(ROWS) > 100


def test_every_primitive_has_a_row():
    missing = set(primitives()) - {row.prim for row in ROWS} - set(CALLS)
    assert not missing, f"primitives without a sample row in tests/samples/: {sorted(missing)}"


def test_rows_name_primitives():
    unknown = {row.prim for row in ROWS} - set(primitives())
    assert not unknown, f"sample rows of no primitive: {sorted(unknown)}"


def _has_a_law_off(row: Sample) -> bool:
    return not (row.differentiable and row.float32 and row.by_differences) or row.forward_only


def test_a_row_says_why_a_law_is_off():
    silent = [str(r) for r in ROWS if not r.reason and _has_a_law_off(r)]
    assert not silent


@law("values", ROWS)
def row_calls_its_primitive(row):
    if primitives()[row.prim].dissolves:
        return
    graph = stage(row.fun, arrays(row))
    assert row.prim in {eqn.prim.name for eqn in graph.eqns}


def stage(fun: Callable[..., Any], args: Sequence[Any]) -> Any:
    return trace_graph(lambda *xs: tuple_of(fun(*xs)), [aval_of(a) for a in args])


def tuple_of(out: Any) -> tuple:
    return out if isinstance(out, tuple) else (out,)


@law("values", ROWS)
@law("values", [(r, to_single) for r in single])
@law("values", [(r, as_complex) for r in ROWS if r.complex_too])
def impl_agrees_with_shape_rule(row, cast=unchanged):
    """Every equation of the staged row computes what its shape rule promises."""
    args = cast(arrays(row))
    graph = stage(row.fun, args).check()
    env: dict[Var, Any] = dict(zip(graph.inputs, args))
    for eqn in graph.eqns:
        out = eqn.prim(*(env[a] if isinstance(a, Var) else a.value for a in eqn.inputs), **eqn.params)
        for var, y in zip(eqn.outputs, out if eqn.prim.multiple else (out,), strict=True):
            assert (np.shape(y), aval_of(y).dtype) == (var.aval.shape, var.aval.dtype), eqn.prim
            env[var] = y


@law("values", single)
def float32_stays_float32(row):
    args = to_single(arrays(row))
    outs = flat(row.fun)(*args)
    wide = flat(row.fun)(*arrays(row))
    for y, w in zip(outs, wide):
        assert aval_of(y).dtype.itemsize * 2 == aval_of(w).dtype.itemsize
        close(y, np.asarray(w).astype(aval_of(y).dtype), 2e-5, "value")


@law("derivatives", [r for r in smooth if r.float32])
def float32_gradients(row):
    args = to_single(arrays(row))
    outs, pullback = fg.vjp(flat(row.fun), *args)
    cts = direction(outs, 1)
    _, exact = fg.vjp(flat(row.fun), *arrays(row))
    wide = exact(tuple(np.asarray(c, f"{c.dtype.kind}{c.dtype.itemsize * 2}") for c in cts))
    for i, (x, g, w) in enumerate(zip(args, pullback(cts), wide)):
        if x.dtype.kind in "fc":
            close(g, w.astype(x.dtype), max(1e-4, row.tol), f"gradient of argument {i}")
    _, moved = fg.jvp(flat(row.fun), args, direction(args, 2))
    assert [aval_of(m).dtype for m in moved] == [aval_of(y).dtype for y in outs]


@law("derivatives", [r for r in moving if r.by_differences])
@law("derivatives", complex_rows())
def jvp_agrees_with_differences(row, cast=unchanged):
    args = cast(arrays(row))
    fun = flat(row.fun)
    for seed in (3, 4):
        tangents = direction(args, seed)
        value, moved = fg.jvp(fun, args, tangents)
        plain = fun(*args)
        for y, w in zip(value, plain):
            close(y, w, 1e-13, "value")
        # fourth order: the error is O(step^4), far below the tolerances
        step = 1e-3
        at = [fun(*moved_by(k * step, args, tangents)) for k in (-2, -1, 1, 2)]
        for m, far_below, below, above, far_above in zip(moved, *at):
            expected = (8 * (np.asarray(above) - below) - (np.asarray(far_above) - far_below)) / (12 * step)
            close(m, expected, max(row.tol, 1e-7), "jvp")


def moved_by(step: float, args: Sequence[np.ndarray], tangents: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(a + step * t) if a.dtype.kind in "fc" else a for a, t in zip(args, tangents)]


@law("derivatives", smooth)
@law("derivatives", complex_rows())
def vjp_is_the_transpose_of_jvp(row, cast=unchanged):
    args = cast(arrays(row))
    fun = flat(row.fun)
    outs, pullback = fg.vjp(fun, *args)
    tangents, cts = direction(args, 5), direction(outs, 6)
    _, moved = fg.jvp(fun, args, tangents)
    found = pullback(cts)
    for i, (x, g) in enumerate(zip(args, found)):
        if x.dtype.kind in "fc":
            assert (np.shape(g), np.asarray(g).dtype) == (x.shape, x.dtype), f"gradient of argument {i}"
    np.testing.assert_allclose(inner(cts, moved), inner(found, tangents), rtol=1e-8, atol=1e-9)


@law("derivatives", moving)
def linearize_is_jvp(row):
    args, fun = arrays(row), flat(row.fun)
    tangents = direction(args, 7)
    value, moved = fg.jvp(fun, args, tangents)
    again, linear = fg.linearize(fun, *args)
    for y, w, m, t in zip(value, again, moved, linear(*tangents)):
        close(w, y, 1e-14, "value")
        close(t, m, loose(row.tol), "tangent")


@law("derivatives", smooth)
def one_argument_at_a_time(row):
    """The derivative along one argument alone is that along all, where the others stand still."""
    args, fun = arrays(row), flat(row.fun)
    outs, pullback = fg.vjp(fun, *args)
    cts = direction(outs, 8)
    together = pullback(cts)
    for i in inexact(args):
        alone = lambda x, i=i: fun(*args[:i], x, *args[i + 1 :])
        close(fg.vjp(alone, args[i])[1](cts)[0], together[i], loose(row.tol), f"vjp of argument {i}")
        tangent = direction(args, 9)[i]
        still = [t if j == i else np.zeros_like(t) for j, t in enumerate(direction(args, 9))]
        one, all_ = fg.jvp(alone, (args[i],), (tangent,))[1], fg.jvp(fun, args, still)[1]
        for a, b in zip(one, all_):
            close(a, b, loose(row.tol), f"jvp of argument {i}")


@law("derivatives", [r for r in smooth if r.by_differences])
def second_order(row):
    args, fun = arrays(row), flat(row.fun)
    free = inexact(args)
    point = [args[i] for i in free]
    cts = direction(fun(*args), 10)

    def scalar(*xs: Any) -> Any:
        full = list(args)
        for i, x in zip(free, xs):
            full[i] = x
        # squared, so that linear primitives have second derivatives too
        return sum(np.sum((c * y + 0.5 * y * y).real) for c, y in zip(cts, fun(*full)))

    argnums = tuple(range(len(point)))
    gradient = fg.grad(scalar, argnums)
    along = direction(point, 11)
    forward_over_reverse = fg.jvp(gradient, point, along)[1]

    def slope(*xs: Any) -> Any:
        return sum(np.sum(g * t) for g, t in zip(gradient(*xs), along))

    reverse_over_reverse = fg.grad(slope, argnums)(*point)
    reverse_over_forward = fg.grad(lambda *xs: fg.jvp(scalar, xs, along)[1], argnums)(*point)
    step = 1e-4
    above = gradient(*(x + step * t for x, t in zip(point, along)))
    below = gradient(*(x - step * t for x, t in zip(point, along)))
    for i, (a, b, c) in enumerate(zip(forward_over_reverse, reverse_over_reverse, reverse_over_forward)):
        close(b, a, loose(row.second_tol), f"reverse over reverse, argument {i}")
        close(c, a, loose(row.second_tol), f"reverse over forward, argument {i}")
        close(a, (above[i] - below[i]) / (2 * step), max(row.second_tol, 1e-5), f"differences, argument {i}")


def stacked(args: Sequence[np.ndarray], which: Sequence[int], size: int) -> list[np.ndarray]:
    """The chosen arguments as batches of slightly different values."""
    out = []
    for i, a in enumerate(args):
        if i not in which:
            out.append(a)
        elif a.dtype.kind in "fc":
            out.append(np.stack([a * (1 + 0.01 * b) for b in range(size)]))
        else:
            out.append(np.stack([a] * size))
    return out


def batchings(args: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    """All arguments together, and each one alone."""
    every = tuple(range(len(args)))
    return [every] + ([(i,) for i in every] if len(args) > 1 else [])


def loop(
    fun: Callable[..., tuple], args: Sequence[Any], which: Sequence[int], size: int, first: tuple | None = None
) -> list[np.ndarray]:
    """The results for each element; `first` are those of the first one, which are the same for all batchings."""
    one = lambda b: fun(*(a[b] if i in which else a for i, a in enumerate(args)))
    results = [one(0) if first is None else first, *(one(b) for b in range(1, size))]
    return [np.stack([np.asarray(r) for r in column]) for column in zip(*results)]


@law("batches", ROWS)
def vmap_is_a_loop(row):
    args, size = arrays(row), 3
    fun = lambda *xs: tuple_of(row.fun(*xs))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnbatchedPrimitiveWarning)
        for which in batchings(args):
            batch = stacked(args, which, size)
            axes = tuple(0 if i in which else None for i in range(len(args)))
            for y, expected in zip(fg.vmap(fun, axes)(*batch), loop(fun, batch, which, size), strict=True):
                close(y, expected, loose(row.tol), f"arguments {which} batched")


@law("batches", smooth)
def vmap_of_derivatives_is_a_loop(row):
    args, size = arrays(row), 3
    fun = flat(row.fun)
    free = inexact(args)
    cts = direction(fun(*args), 12)
    tangents = direction(args, 13)

    def backward(*xs: Any) -> tuple:
        found = fg.vjp(fun, *xs)[1](cts)
        return tuple(found[i] for i in free)

    def forward(*xs: Any) -> tuple:
        return fg.jvp(fun, xs, tangents)[1]

    ways = [("vjp", backward, backward(*args)), ("jvp", forward, forward(*args))]
    for which in batchings(args):
        batch = stacked(args, which, size)
        axes = tuple(0 if i in which else None for i in range(len(args)))
        for what, f, first in ways:
            for y, expected in zip(fg.vmap(f, axes)(*batch), loop(f, batch, which, size, first), strict=True):
                close(y, expected, loose(row.tol), f"{what}, arguments {which} batched")


@law("derivatives", [r for r in ROWS if r.forward_only])
def forward_mode_where_reverse_mode_is_refused(row):
    """Forward mode of any order, batched and compiled, is that of a loop; reverse mode raises."""
    args, size = arrays(row), 3
    fun, tangents = flat(row.fun), direction(args, 13)
    forward = lambda *xs: fg.jvp(fun, xs, tangents)[1]
    twice = lambda *xs: fg.jvp(forward, xs, tangents)[1]
    for which in batchings(args):
        batch = stacked(args, which, size)
        axes = tuple(0 if i in which else None for i in range(len(args)))
        for y, expected in zip(fg.vmap(forward, axes)(*batch), loop(forward, batch, which, size), strict=True):
            close(y, expected, loose(row.tol), f"arguments {which} batched")
    for found, expected in ((fg.jit(forward), forward), (fg.vmap(twice), None)):
        xs = args if expected else stacked(args, range(len(args)), size)
        ys = expected(*xs) if expected else loop(twice, xs, range(len(args)), size)
        for y, e in zip(found(*xs), ys, strict=True):
            close(y, e, loose(row.tol), "forward mode")
    step = 1e-5
    above, below = (forward(*moved_by(s * step, args, tangents)) for s in (1, -1))
    for y, a, b in zip(twice(*args), above, below):
        close(y, (a - b) / (2 * step), 1e-4, "second order")
    with pytest.raises(NotDifferentiableError):
        fg.vjp(fun, *args)[1](fun(*args))


@law("batches", smooth)
def derivative_of_vmap(row):
    """The gradient of a batched function is the loop over gradients."""
    args, size = arrays(row), 2
    fun, every = flat(row.fun), tuple(range(len(args)))
    batch = stacked(args, every, size)
    outs, pullback = fg.vjp(fg.vmap(fun), *batch)
    cts = direction(outs, 14)
    found = pullback(cts)
    for b in range(size):
        expected = fg.vjp(fun, *(a[b] for a in batch))[1](tuple(c[b] for c in cts))
        for i in inexact(args):
            close(found[i][b], expected[i], loose(row.tol), f"argument {i}")


@law("batches", ROWS)
def vmap_of_nothing(row):
    """A batch of size 0 gives an empty batch, of the shapes and dtypes of one element."""
    args = arrays(row)
    fun = lambda *xs: tuple_of(row.fun(*xs))
    empty = [np.zeros((0, *a.shape), a.dtype) for a in args]
    for y, one in zip(fg.vmap(fun)(*empty), fun(*args), strict=True):
        assert (y.shape, y.dtype) == ((0, *np.shape(one)), aval_of(one).dtype)


@law("programs", ROWS)
def evaluated_program_is_eager(row):
    args = arrays(row)
    graph = stage(row.fun, args)
    for y, expected in zip(evaluate(graph, args), tuple_of(row.fun(*args)), strict=True):
        close(y, expected, 1e-13, "value")


@law("programs", smooth)
def evaluated_gradient_program_is_eager(row):
    args, fun = arrays(row), flat(row.fun)
    cts = direction(fun(*args), 15)

    def gradient(*xs: Any) -> tuple:
        found = fg.vjp(fun, *xs)[1](cts)
        return tuple(found[i] for i in inexact(args))

    graph = trace_graph(gradient, [aval_of(a) for a in args]).check()
    for y, expected in zip(evaluate(graph, args), gradient(*args), strict=True):
        close(y, expected, loose(row.tol), "gradient")


@law("programs", {row.prim: row for row in reversed(ROWS)}.values())
def compiled_is_eager(row):
    """Values and gradients of all rows of the primitive, in one program: compilers take long to begin."""
    alike = [r for r in ROWS if r.prim == row.prim]
    points = [arrays(r) for r in alike]
    cotangents = [direction(flat(r.fun)(*p), 16) if reversible(r) else None for r, p in zip(alike, points)]

    def everything(points: Any, cotangents: Any) -> list:
        found = []
        for r, args, cts in zip(alike, points, cotangents):
            pulled = fg.vjp(flat(r.fun), *args)[1](cts) if cts else ()
            found.append((tuple_of(r.fun(*args)), [pulled[i] for i in inexact(args) if cts]))
        return found

    found, expected = fg.jit(everything)(points, cotangents), everything(points, cotangents)
    for r, (ys, gradients), (plain, exact) in zip(alike, found, expected):
        for y, e in zip(ys, plain, strict=True):
            close(y, e, loose(r.tol), f"value of {r}")
        for i, (g, e) in enumerate(zip(gradients, exact, strict=True)):
            close(g, e, loose(r.tol), f"gradient {i} of {r}")


@pytest.mark.long
@over_rows(ROWS)
def test_a_compiled_function_is_eager(row):
    """One of each row, whose gradient is compiled for itself: its kernels are others."""
    args, fun = arrays(row), flat(row.fun)
    compiled = fg.jit(row.fun)
    for y, expected in zip(tuple_of(compiled(*args)), tuple_of(row.fun(*args)), strict=True):
        close(y, expected, loose(row.tol), "value")
    if not reversible(row):
        return
    outs, pullback = fg.vjp(fg.jit(fun), *args)
    cts = direction(outs, 16)
    expected = fg.vjp(fun, *args)[1](cts)
    found = pullback(cts)
    for i in inexact(args):
        close(found[i], expected[i], loose(row.tol), f"gradient of argument {i}")


def strided(a: np.ndarray) -> np.ndarray:
    """The same values, every other element of a larger array along each axis."""
    wide = np.full(tuple(2 * n for n in a.shape), 99, a.dtype)
    every_other = tuple(slice(None, None, 2) for _ in a.shape)
    wide[every_other] = a
    return wide[every_other] if a.ndim else a


def fortran(a: np.ndarray) -> np.ndarray:
    return np.array(a, order="F")


@law("derivatives", itertools.product(ROWS, (strided, fortran)))
def memory_layout_does_not_matter(row, layout):
    args = arrays(row)
    others = [layout(a) for a in args]
    for y, expected in zip(tuple_of(row.fun(*others)), tuple_of(row.fun(*args)), strict=True):
        close(y, expected, 1e-12, "value")
    if row.differentiable and not row.forward_only:
        outs, pullback = fg.vjp(flat(row.fun), *others)
        cts = direction(outs, 17)
        expected = fg.vjp(flat(row.fun), *args)[1](cts)
        for i, g in enumerate(pullback(tuple(layout(c) for c in cts))):
            if args[i].dtype.kind in "fc":
                close(g, expected[i], loose(row.tol), f"gradient of argument {i}")
                assert g.flags.c_contiguous and g.flags.writeable


@law("derivatives", smooth)
def nan_does_not_raise(row):
    args = [np.full_like(a, np.nan) if a.dtype.kind == "f" else a for a in arrays(row)]
    with np.errstate(all="ignore"):
        try:
            row.fun(*args)
        except np.linalg.LinAlgError:
            pytest.skip("NumPy itself refuses NaN here")
        outs, pullback = fg.vjp(flat(row.fun), *args)
        pullback(tuple(np.ones(np.shape(y), aval_of(y).dtype) for y in outs))
        fg.jvp(flat(row.fun), args, direction(args, 18))


@law("derivatives", smooth)
def gradients_are_the_callers_own(row):
    """Writable, C-contiguous, and of memory shared with no argument, cotangent or other gradient."""
    args, fun = arrays(row), flat(row.fun)
    outs, pullback = fg.vjp(fun, *args)
    cts = direction(outs, 19)
    found = [g for g in (pullback(cts)[i] for i in inexact(args)) if isinstance(g, np.ndarray)]
    for n, g in enumerate(found):
        assert g.flags.writeable and g.flags.c_contiguous
        for other in (*args, *cts, *found[:n]):
            assert not np.shares_memory(g, other)
    expected = pullback(cts)
    for g in found:
        g[...] = 7.0  # must not reach what the tape saved
    for a, b in zip(pullback(cts), expected):
        np.testing.assert_array_equal(a, b)


@law("derivatives", [r for r in ROWS if not r.differentiable])
def row_without_derivative_gives_a_constant(row):
    """Where a row says there is no derivative, its gradient is zero."""
    args = arrays(row)
    free = inexact(args)
    if not free:
        return
    outs, pullback = fg.vjp(row.fun, *args)
    flat_outs = tuple_of(outs)
    cts = tuple(np.ones(np.shape(y), aval_of(y).dtype) for y in flat_outs)
    found = pullback(cts if isinstance(outs, tuple) else cts[0])
    for i in free:
        np.testing.assert_array_equal(found[i], np.zeros_like(args[i]))


FIRST_ROWS = list({row.prim: row for row in reversed(ROWS) if mixed(row, MIXTURES[0]) is not None}.values())
"""One row for each primitive of several arguments."""
MIXED = [
    (row, mixture)
    for row in ROWS
    for mixture in (MIXTURES if any(row is first for first in FIRST_ROWS) else MIXTURES[:2])
    if mixed(row, mixture) is not None
]
UNITS = {2: 1e-3, 4: 1e-7, 8: 1e-16}
"""The rounding of floats by their size."""


def rounding(args: Sequence[np.ndarray]) -> float:
    """A tolerance for results of the narrowest of the floating-point dtypes."""
    return 100 * max(UNITS[a.real.dtype.itemsize] for a in args if a.dtype.kind in "fc")


def accepted(row: Sample, args: Sequence[np.ndarray]) -> tuple:
    """What the primitive computes; a case is skipped where NumPy itself refuses the dtypes."""
    try:
        with np.errstate(all="ignore"):
            return tuple_of(row.fun(*args))
    except (TypeError, np.exceptions.ComplexWarning, np.linalg.LinAlgError) as error:
        pytest.skip(f"NumPy refuses: {error}")


def floats(args: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [args[i] for i in inexact(args)]


def replaced(args: Sequence[np.ndarray], xs: Sequence[Any]) -> list[Any]:
    """The arguments with others in place of the floats."""
    rest = iter(xs)
    return [next(rest) if a.dtype.kind in "fc" else a for a in args]


@law("batches", MIXED)
def mixed_dtypes_are_promoted_the_same_way_everywhere(row, mixture):
    """Eager, staged, and batched in any of the arguments."""
    args = mixed(row, mixture)
    expected, size, tol = accepted(row, args), 2, rounding(args)
    fun = lambda *xs: tuple_of(row.fun(*xs))
    with np.errstate(all="ignore"):
        found = [evaluate(stage(row.fun, args), args)]
        for which in batchings(args):
            batch = [np.stack([a] * size) if i in which else a for i, a in enumerate(args)]
            axes = tuple(0 if i in which else None for i in range(len(args)))
            found.append([y[1] for y in fg.vmap(fun, axes)(*batch)])
    for ys in found:
        for y, e in zip(ys, expected, strict=True):
            close(y, e, tol, "value")


@law("derivatives", MIXED)
def derivatives_in_mixed_dtypes(row, mixture):
    """A tangent has its output's dtype, a cotangent its argument's; one is the transpose of the other."""
    args = mixed(row, mixture)
    accepted(row, args)
    point = floats(args)
    of_floats = lambda *xs: flat(row.fun)(*replaced(args, xs))
    outs, pullback = fg.vjp(of_floats, *point)
    if not outs or not row.differentiable or row.forward_only:
        return
    cts, tangents = direction(outs, 20), direction(point, 21)
    values, moved = fg.jvp(of_floats, point, tangents)
    assert [aval_of(m) for m in moved] == [aval_of(y) for y in values] == [aval_of(y) for y in of_floats(*point)]
    found = pullback(cts)
    assert [aval_of(c) for c in found] == [aval_of(x) for x in point]
    tol = rounding(args)
    size = 1 + sum(np.abs(np.asarray(c) * np.asarray(m)).sum() for c, m in zip(cts, moved))
    assert abs(inner(cts, moved) - inner(found, tangents)) <= tol * size
    wide = [x.astype(np.result_type(x.dtype, np.float64)) for x in point]
    exact = fg.jvp(of_floats, wide, [t.astype(w.dtype) for t, w in zip(tangents, wide)])[1]
    for m, e in zip(moved, exact):
        close(m, np.asarray(e).astype(aval_of(m).dtype), tol, "tangent")


@law("programs", FIRST_ROWS)
def mixed_dtypes_compiled(row):
    """Values and cotangents of several mixtures, in one program."""
    points = [args for mixture in (("f4", "f8"), ("f8", "f4"), ("f4", "i8")) if (args := mixed(row, mixture))]

    def everything(points: Any) -> list:
        found = []
        for args in points:
            outs, pullback = fg.vjp(lambda *xs, args=args: flat(row.fun)(*replaced(args, xs)), *floats(args))
            cts = tuple(np.ones(np.shape(y), aval_of(y).dtype) for y in outs)
            found += [*outs, *pullback(cts), *tuple_of(row.fun(*args))]
        return found

    for y, e in zip(fg.jit(everything)(points), everything(points), strict=True):
        close(y, e, 1e-5, "compiled")


@together("topic, check, row, more", LAWS, lambda topic, check, row, *_: f"{topic} of {row.prim}")
def test_laws(topic, check, row, **more):
    check(row, *more.values())


BINARY = sorted({row.prim for row in ROWS if row.prim in vars(ops) and len(row.args) == 2})


@together("name, scalar", itertools.product(BINARY, (True, 2, 1.5, 1j)), lambda name, _: name)
def test_python_scalars_yield_to_an_arrays_dtype(name, scalar):
    prim = getattr(ops, name)
    numpys = getattr(prim, "prim", prim).impl
    first, second = lambda f: lambda x: f(x, scalar), lambda f: lambda x: f(scalar, x)
    for dtype, side in itertools.product((np.float16, np.float32, np.int8), (first, second)):
        x, fun = np.array([1, 2, 3], dtype), side(prim)
        try:
            expected = side(numpys)(x)
        except (TypeError, ValueError):
            continue
        assert stage(fun, [x]).outputs[0].aval.dtype == expected.dtype
        close(fg.vmap(fun)(x), expected, 1e-3, "batched")
        if dtype is not np.int8:
            out, pullback = fg.vjp(fun, x)
            close(out, expected, 1e-3, "value")
            assert pullback(np.ones_like(out))[0].dtype == dtype
