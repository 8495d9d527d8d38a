"""`vmap(f, axis_name="i")` and what `lax` has across a batch: against the same functions written on whole batches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax
from funcgrad.test_util import check_grads

X = np.random.default_rng(3).permutation(np.linspace(-1.3, 1.9, 12)).reshape(4, 3)
N = len(X)
Y = np.random.default_rng(5).normal(size=(4, 4, 2))


def named(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return fg.vmap(f, axis_name="i", **options)


def everyone(y: Any) -> Any:
    """The same for each element of the batch."""
    return fnp.stack([y] * N)


PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "psum": (lambda x: lax.psum(np.sin(x), "i") * x, lambda xs: np.sin(xs).sum(0) * xs),
    "pmean": (lambda x: (x - lax.pmean(x, "i")) ** 2, lambda xs: (xs - xs.mean(0)) ** 2),
    "pmax": (lambda x: np.exp(x - lax.pmax(x, "i")), lambda xs: np.exp(xs - xs.max(0))),
    "pmin": (lambda x: x * lax.pmin(x, "i"), lambda xs: xs * xs.min(0)),
    "softmax": (
        lambda x: np.exp(x) / lax.psum(np.exp(x), "i"), lambda xs: np.exp(xs) / np.exp(xs).sum(0)
    ),
    "axis_index": (
        lambda x: x ** (1 + lax.axis_index("i")), lambda xs: fnp.stack([xs[k] ** (1 + k) for k in range(N)])
    ),
    "axis_size": (lambda x: x * lax.axis_size("i"), lambda xs: xs * N),
    "all_gather": (
        lambda x: np.tanh(lax.all_gather(x, "i") * x).sum(0),
        lambda xs: fnp.stack([np.tanh(xs * xs[k]).sum(0) for k in range(N)]),
    ),
    "all_gather of what is shared": (
        lambda x: (lax.all_gather(lax.psum(x, "i"), "i", axis=1) ** 2).sum(1) + x,
        lambda xs: N * everyone(xs.sum(0) ** 2) + xs,
    ),
    "all_gather tiled": (
        lambda x: lax.all_gather(x, "i", tiled=True)[3:6] ** 2,
        lambda xs: everyone(xs[1] ** 2),
    ),
    "ppermute": (
        lambda x: x * lax.ppermute(x * x, "i", [(k, (k + 1) % N) for k in range(N)]),
        lambda xs: xs * np.roll(xs * xs, 1, 0),
    ),
    "ppermute to some": (
        lambda x: x * lax.ppermute(x * x, "i", [(0, 2), (3, 1)]),
        lambda xs: xs * fnp.stack([0 * xs[0], xs[3] ** 2, xs[0] ** 2, 0 * xs[0]]),
    ),
    "pshuffle": (
        lambda x: x * lax.pshuffle(x * x, "i", [2, 0, 3, 1]), lambda xs: xs * (xs * xs)[[2, 0, 3, 1]]
    ),
    "nothing of the batch's": (
        lambda x: x + lax.psum(np.ones(3), "i") + lax.psum(2.0, "i"), lambda xs: xs + N + 2.0 * N
    ),
}  # fmt: skip
every_pair = pytest.mark.parametrize("name", PAIRS)


def by_functions_of_elements(f: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    """The function of one element within programs, and within other transformations."""
    custom = fg.custom_vjp(f)
    custom.defvjp(lambda x: fg.vjp(f, x), lambda pullback, ct: pullback(ct))
    forward = fg.custom_jvp(f)
    forward.defjvp(lambda primals, tangents: fg.jvp(f, primals, tangents))
    return {
        "itself": f,
        "jit": fg.jit(f),
        "checkpoint": fg.checkpoint(f),
        "custom_jvp": forward,
        "custom_vjp": custom,
        "scan": lambda x: lax.scan(lambda c, _: (c, f(c)), x, None, length=2)[1][1],
        "fori_loop": lambda x: lax.fori_loop(0, 2, lambda i, c: (x, f(c[0])), (x, x))[1],
        "while_loop": lambda x: lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 1, x, f(c[1])), (0, x, x))[2],
        "cond": lambda x: lax.cond(lax.psum(x.sum(), "i") > -99.0, f, lambda x: 0 * f(x), x),
        "cond of one": lambda x: lax.cond(x.sum() > -99.0, f, lambda x: 0 * f(x), x),
        "inner vmap": lambda x: fg.vmap(f, axis_name="j")(fnp.stack([x, 2 * x]))[0],
        "linearize": lambda x: fg.linearize(f, x)[0],
    }


CONTEXTS = list(by_functions_of_elements(np.sin))
COMPILED = ("psum", "pmax", "all_gather of what is shared", "ppermute to some")
"""The pairs that are compiled, and stand in every context; the others have their rules."""
ROWS = [(n, c) for n in PAIRS for c in CONTEXTS if n in (*COMPILED, "axis_index") or c in ("itself", "checkpoint")]


def close(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name, context", ROWS)
def test_values_and_derivatives(name, context):
    of_one, of_all = PAIRS[name]
    batched = named(by_functions_of_elements(of_one)[context])
    weights = np.cos(X)
    gradient = fg.vjp(of_all, X)[1](weights)[0]
    backward = lambda x: fg.vjp(batched, x)[1](weights)[0]
    close(batched(X), of_all(X))
    close(backward(X), gradient)
    if context != "custom_vjp":
        close(fg.jvp(batched, (X,), (weights,))[1], fg.jvp(of_all, (X,), (weights,))[1])
    if name in COMPILED and context == "while_loop":
        close(fg.jit(batched)(X), of_all(X))
    elif name in COMPILED:
        for found, expected in zip(fg.jit(lambda x: (batched(x), backward(x)))(X), (of_all(X), gradient)):
            close(found, expected)


@every_pair
def test_gradients_inside(name):
    """The gradient of each element's output by that element, the outputs of the others going along: psum by psum."""
    of_one, of_all = PAIRS[name]
    gradient = fg.grad(lambda xs: of_all(xs).sum())(X)
    inside = fg.grad(lambda x: of_one(x).sum())
    close(named(inside)(X), gradient)
    if name in COMPILED:
        close(fg.jit(named(inside))(X), gradient)
        close(named(fg.jit(inside))(X), gradient)
    hessian = fg.jvp(fg.grad(lambda xs: of_all(xs).sum()), (X,), (np.cos(X),))[1]
    close(fg.jvp(named(inside), (X,), (np.cos(X),))[1], hessian)
    product = lambda x, t: fg.jvp(inside, (x,), (t,))[1]
    close(named(product)(X, np.cos(X)), hessian)
    twice = lambda x, t: fg.grad(lambda x: (inside(x) * t).sum())(x)
    close(named(twice)(X, np.cos(X)), hessian)


@pytest.mark.parametrize("name", ["psum", "pmax", "all_gather", "ppermute to some"])
def test_derivatives_by_differences(name):
    check_grads(named(PAIRS[name][0]), (X,), order=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
def test_exchanges(dtype):
    y = (10 * Y).astype(dtype)
    close(named(lambda x: lax.all_to_all(x, "i", 0, 0))(y), np.swapaxes(y, 0, 1))
    close(named(lambda x: lax.all_to_all(x, "i", 0, 1))(y), np.moveaxis(np.swapaxes(y, 0, 1), 1, 2))
    close(named(lambda x: lax.psum_scatter(x, "i"))(y), y.sum(0))
    close(named(lambda x: lax.psum_scatter(x.T, "i", scatter_dimension=1))(y), y.sum(0))
    blocks = y.reshape(4, 8)
    close(named(lambda x: lax.psum_scatter(x, "i", tiled=True))(blocks), blocks.sum(0).reshape(4, 2))
    tiles = named(lambda x: lax.all_to_all(x, "i", 0, 0, tiled=True))(blocks)
    close(tiles, np.swapaxes(blocks.reshape(4, 4, 2), 0, 1).reshape(4, 8))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: lax.all_to_all(x * x, "i", 0, 1) * x.T,
        lambda x: lax.psum_scatter(np.sin(x), "i"),
        lambda x: lax.psum_scatter(x.reshape(-1) ** 2, "i", tiled=True),
        lambda x: lax.all_gather(lax.psum_scatter(x, "i") ** 2, "i"),
        lambda x: lax.all_to_all(lax.psum(x, "i"), "i", 0, 0) * x,
        lambda x: lax.psum_scatter(lax.psum(x, "i"), "i") ** 2,
    ],
)
def test_derivatives_of_exchanges(f):
    check_grads(named(f), (Y,), order=2)
    inside = named(fg.grad(lambda x: f(x).sum()))
    outside = fg.grad(lambda y: named(f)(y).sum())
    close(inside(Y), outside(Y))
    close(fg.jit(inside)(Y), outside(Y))
    in_scan = lambda x: lax.scan(lambda c, _: (c, f(c)), x, None, length=1)[1][0]
    close(fg.jit(named(fg.grad(lambda x: in_scan(x).sum())))(Y), outside(Y))


def test_several_axes():
    twice = lambda f: fg.vmap(fg.vmap(f, axis_name="j"), axis_name="i")
    for f, expected in [
        (lambda x: lax.psum(x, ("i", "j")), np.broadcast_to(X.sum(), X.shape)),
        (lambda x: lax.psum(x, "i"), np.broadcast_to(X.sum(0), X.shape)),
        (lambda x: lax.psum(x, "j"), np.broadcast_to(X.sum(1)[:, None], X.shape)),
        (lambda x: lax.pmean(x, ("j", "i")), np.broadcast_to(X.mean(), X.shape)),
        (lambda x: lax.pmax(x, ("i", "j")), np.broadcast_to(X.max(), X.shape)),
        (lambda x: lax.axis_index(("i", "j")), np.arange(12).reshape(4, 3)),
        (lambda x: lax.axis_index(("j", "i")), np.arange(12).reshape(3, 4).T),
        (lambda x: lax.all_gather(x, ("i", "j")), np.broadcast_to(X.reshape(-1), (4, 3, 12))),
        (lambda x: lax.psum(lax.ppermute(x, "j", [(0, 1)]), ("i", "j")), np.broadcast_to(X[:, 0].sum(), X.shape)),
        (lambda x: lax.psum(1, ("i", "j")) * x, 12 * X),
    ]:
        close(twice(f)(X), expected)
        close(fg.jit(twice(f))(X), expected)
        close(twice(fg.jit(f))(X), expected)
    gradient = fg.grad(lambda x: lax.psum(x**3, ("i", "j")))
    close(twice(gradient)(X), 12 * 3 * X**2)


def test_exchanges_along_one_axis_of_two():
    """The other axis stands in front, or behind, as the names are bound."""
    y = Y[:, :, :, None] * np.arange(1.0, 4)
    expected = np.swapaxes(y, 0, 1)
    f = lambda x: lax.all_to_all(x, "i", 0, 0)
    inner = fg.vmap(fg.vmap(f, 2, 2, axis_name="j"), axis_name="i")
    outer = fg.vmap(fg.vmap(f, axis_name="i"), 3, 3, axis_name="j")
    close(inner(y), expected)
    close(outer(y), expected)
    scattered = fg.vmap(fg.vmap(lambda x: lax.psum_scatter(x, "i"), 2, 1, axis_name="j"), axis_name="i")
    close(scattered(y), y.sum(0))
    gathered = fg.vmap(fg.vmap(lambda x: lax.all_gather(x, "i", axis=1), 2, 3, axis_name="j"), axis_name="i")
    close(gathered(y), np.stack([np.moveaxis(y, 0, 1)] * 4))


def test_a_name_bound_again_hides_the_outer_one():
    f = lambda x: lax.psum(x, "i")
    close(named(named(f))(X), np.broadcast_to(X.sum(1)[:, None], X.shape))
    close(named(fg.jit(named(fg.jit(f))))(X), np.broadcast_to(X.sum(1)[:, None], X.shape))
    g = lambda x: named(lambda y: lax.psum(y, "i") + x)(np.ones(2)).sum() + lax.psum(x, "i")
    x = X[:, 0]
    close(named(g)(x), 2 * (2.0 + x) + x.sum())


def test_what_only_an_outer_axis_batches():
    """Within an inner vmap whose elements share a value, its sum along the inner axis is a multiple."""
    g = lambda x, y: lax.psum(x, "j") + lax.psum(y, "i") * lax.axis_index("j")
    f = lambda x: fg.vmap(g, (None, 0), axis_name="j")(x, np.ones(2))
    x = X[:, 0]
    expected = 2 * x[:, None] + N * np.arange(2.0)
    close(named(f)(x), expected)
    close(fg.jit(named(f))(x), expected)
    close(named(fg.jit(f))(x), expected)


def test_values_that_no_transformation_looks_at():
    found = []

    def f(x):
        found.extend([lax.psum(1, "i"), lax.psum(2.5, "i"), lax.psum(True, "i"), lax.pmean(2, "i"), lax.pmax(7, "i")])
        return x

    named(f)(X)
    assert found == [N, 2.5 * N, N, 2.0, 7] and type(found[0]) is int and type(found[1]) is float
    shared = named(lambda x, w: lax.psum(w, "i") + lax.pmin(w, "i"), in_axes=(0, None))
    close(shared(X, np.arange(2.0)), np.broadcast_to((N + 1) * np.arange(2.0), (N, 2)))


def test_pytrees_and_dtypes():
    tree = {"a": X, "b": (X.astype(np.float32), X > 0), "c": (10 * X).astype(np.int8)}
    total = named(lambda t: lax.psum(t, "i"), out_axes=None)(tree)
    close(total["a"], X.sum(0))
    close(total["b"][0], X.astype(np.float32).sum(0))
    close(total["b"][1], (X > 0).sum(0))
    close(total["c"], (10 * X).astype(np.int8).sum(0, dtype=np.int8))
    assert named(lambda x: lax.pmean(x, "i"))(X.astype(np.float32)).dtype == np.float32
    assert named(lambda x: lax.pmean(x, "i"))(np.arange(4)).dtype == np.float64


def test_ties_and_nan():
    """Equal extremes share the derivative; NaN is larger, and smaller, than all."""
    x = np.array([2.0, 1.0, 2.0, 2.0])
    gradient = named(fg.grad(lambda x: lax.pmax(x, "i")))(x)
    close(gradient, np.array([1.0, 0.0, 1.0, 1.0]) * N / 3)
    close(fg.grad(lambda x: named(lambda x: lax.pmax(x, "i"))(x)[0])(x), np.array([1.0, 0.0, 1.0, 1.0]) / 3)
    x[1] = np.nan
    assert np.isnan(named(lambda x: lax.pmin(x, "i"))(x)).all()


def test_axis_size_without_anything_batched():
    f = fg.vmap(lambda x: lax.axis_index("i") * x, in_axes=None, axis_name="i", axis_size=3)
    close(f(2.0), np.array([0.0, 2.0, 4.0]))
    close(fg.jit(f)(2.0), np.array([0.0, 2.0, 4.0]))
    close(fg.grad(lambda x: f(x).sum())(2.0), np.float64(3.0))
    close(fg.vmap(lambda: lax.axis_index("i"), axis_name="i", axis_size=2)(), np.arange(2))
    close(named(lambda x: x + 1, axis_size=4)(X), X + 1)


def test_one_compiled_function_in_several_batches():
    """What is compiled knows its axes: a size is part of the program, and other axes have one of their own."""
    f = fg.jit(lambda x: x * lax.psum(1, "i") + lax.axis_index("i"))
    for size in (3, 4, 3):
        close(named(f)(np.ones(size)), size + np.arange(float(size)))
    assert f.cache_size() == 2
    with pytest.raises(NameError, match="unbound axis name: 'i'"):
        f(1.0)
    free = fg.jit(lambda x: 2.0 * x)
    assert free(1.0) == 2.0
    close(named(free)(X), 2 * X)
    close(named(lambda x: x + free(1.0))(X), X + 2.0)
    assert free.cache_size() == 2


def test_a_rule_that_runs_after_the_batch():
    """bwd finds the axis in the backward pass, which is run when the vmap is over."""
    total = fg.custom_vjp(lambda x: lax.psum(x, "i"))
    total.defvjp(lambda x: (lax.psum(x, "i"), None), lambda _, ct: (lax.psum(ct, "i") * (1 + lax.axis_index("i")),))
    weights = np.array([1.0, 2.0, 0.0, 1.0])
    gradient = fg.grad(lambda x: (named(total)(x) * weights).sum())
    close(gradient(X[:, 0]), 4.0 * np.arange(1.0, 5))
    close(fg.jit(gradient)(X[:, 0]), 4.0 * np.arange(1.0, 5))
    close(fg.grad(lambda x: (named(fg.jit(total))(x) * weights).sum())(X[:, 0]), 4.0 * np.arange(1.0, 5))


def test_a_solver_along_the_axis():
    """The equation of all elements together, each of which knows its own line."""

    def solve(b):
        matvec = lambda x: 3.0 * x + lax.pmean(x, "i")
        return lax.custom_linear_solve(matvec, b, lambda mv, b: b / 3 - lax.pmean(b, "i") / 12, symmetric=True)

    b = X[:, 0]
    expected = np.linalg.solve(3 * np.eye(N) + 1 / N, b)
    close(named(solve)(b), expected)
    close(fg.jit(named(solve))(b), expected)
    close(fg.grad(lambda b: (named(solve)(b) * b).sum())(b), 2 * expected)


def test_an_index_is_a_number_of_its_own():
    def f(x):
        i = lax.axis_index("i")
        i += 10
        return i, lax.axis_index("i")

    raised, index = named(f)(X)
    close(index, np.arange(N))
    close(raised, np.arange(N) + 10)


def test_nothing_is_left_behind_by_an_error():
    def fails(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        named(fails)(X)
    with pytest.raises(NameError):
        lax.psum(1.0, "i")


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: lax.psum(1.0, "i"), NameError, "unbound axis name: 'i' in psum at"),
    (lambda: named(lambda x: lax.pmax(x, "k"))(X), NameError, "bound here: 'i'. It gets its meaning from fg.vmap(f, "),
    (lambda: named(lambda x: lax.psum(x, ("i", "k")))(X), NameError, "unbound axis name: 'k'"),
    (lambda: named(lambda x: lax.axis_index(("i", "k")))(X), NameError, "unbound axis name: 'k' in axis_index"),
    (lambda: named(lambda x: lax.psum("x", "i"))(X), TypeError, "psum: x"),
    (lambda: named(lambda x: lax.all_gather(x, "i", axis=3))(X), ValueError, "axis is 3, where there are 2 axes"),
    (lambda: named(lambda x: lax.psum_scatter(x, "i"))(X), ValueError, "length 3, but there are 4 elements along 'i'"),
    (lambda: named(lambda x: lax.psum_scatter(x, "i", tiled=True))(X), ValueError, "no 4 equal parts"),
    (lambda: named(lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]))(X), ValueError, "must be different indices"),
    (lambda: named(lambda x: lax.ppermute(x, "i", [(0, 4)]))(X), ValueError, "from 0 to 3"),
    (lambda: named(lambda x: lax.ppermute(x, ("i", "j"), []))(X), NameError, "'j'"),
    (lambda: named(named(lambda x: lax.ppermute(x, ("i", "i"), [])))(X), ValueError, "the name of one axis"),
    (lambda: named(lambda x: lax.pshuffle(x, "i", [0, 1]))(X), ValueError, "each index from 0 to 3 once"),
    (lambda: fg.vmap(np.sin, axis_name=("i", "j"))(X), TypeError, "is one name, not the tuple"),
    (lambda: fg.vmap(np.sin, axis_name=["i"])(X), TypeError, "unhashable"),
    (lambda: named(np.sin, axis_size=3)(X), ValueError, "axis_size is 3, but argument 0"),
    (lambda: named(np.sin, in_axes=None)(X), ValueError, "there is no axis_size"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        call()


@fg.custom_jvp
def with_forward_rule(x):
    return np.sin(x)


@with_forward_rule.defjvp
def _forward_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    return with_forward_rule(x), np.cos(x) * t


@fg.custom_vjp
def with_reverse_rule(x):
    return np.sin(x)


with_reverse_rule.defvjp(lambda x: (with_reverse_rule(x), x), lambda x, ct: (np.cos(x) * ct,))


@pytest.mark.parametrize("rule", [with_forward_rule, with_reverse_rule])
@pytest.mark.parametrize("inner", [lambda f: f, fg.jit], ids=["", "jit inside"])
@pytest.mark.parametrize("outer", [lambda f: f, fg.jit], ids=["", "jit outside"])
def test_rules_that_call_the_function_itself(rule, inner, outer):
    """The gradient stands outside of the vmap whose axis has a name; in the second within one more."""
    loss = lambda x: np.sum(np.sin(named(inner(rule))(x)))
    expected = fg.grad(lambda x: np.sum(np.sin(np.sin(x))))(X)
    np.testing.assert_allclose(outer(fg.grad(loss))(X), expected, rtol=1e-12)
    nested = fg.vmap(fg.grad(loss), axis_name="j")
    np.testing.assert_allclose(outer(nested)(X[None])[0], expected, rtol=1e-12)
    if rule is with_forward_rule:
        _, t = outer(lambda x: fg.jvp(named(inner(rule)), (x,), (np.ones_like(X),)))(X)
        np.testing.assert_allclose(t, np.cos(X), rtol=1e-12)


def test_branches_in_which_elements_meet():
    """What an element computes in a branch that it does not take may count for those that do."""
    branches = (lambda x: x * lax.psum(x, "i"), lambda x: x**2)
    check_grads(named(lambda x: lax.cond(x.sum() > 0, *branches, x)), (X,), order=2)
