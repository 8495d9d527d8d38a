"""Results of transformations are the caller's: they share memory with no argument, no constant, nor each other.

Every function of the table under every transformation, called twice with the same arguments: what the second call
returns shares nothing with what the first did either, nor with what kernels keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax, torch, tree

X = np.arange(1.0, 10.0).reshape(3, 3)
T = np.linspace(0.5, 1.5, 9).reshape(3, 3)
CONSTANT = np.arange(9.0).reshape(3, 3) + 0.25
LARGE = np.linspace(0.1, 1.0, 1200).reshape(40, 30)
FROZEN = CONSTANT.copy()
FROZEN.flags.writeable = False


def _written(x: Any) -> Any:
    y = fnp.zeros((3, 3))
    y[:] = x
    return y, y[0], y


def _handed_through(x: Any) -> Any:
    return x


_KEPT: list[Any] = []


def _keeping(x: Any) -> Any:
    y = x.T.copy()
    _KEPT.extend((x, y))
    return x, y, y


def _called_back(x: Any) -> Any:
    shape = fg.ShapeDtypeStruct((3, 3), np.float64)
    return fg.pure_callback(_keeping, (shape,) * 3, fg.stop_gradient(x), vmap_method="sequential"), x


_with_rule = fg.custom_vjp(lambda x: x)
_with_rule.defvjp(lambda x: (x, x), lambda saved, ct: (ct,))
_forward_rule = fg.custom_jvp(lambda x: x)
_forward_rule.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
_jitted = fg.jit(lambda x: (x, x.T, CONSTANT))

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda x: x,
    "twice": lambda x: (x, x),
    "computed": lambda x: x * 2.0,
    "computed twice": lambda x: [x * 2.0] * 2,
    "views": lambda x: {"a": x[0], "b": x.T, "c": x.reshape(-1)},
    "views of a result": lambda x: (y := x * 2.0, y[:2], y[1:], y.T),
    "reversed": lambda x: (x[::-1], x[:, ::-1]),
    "diagonal": lambda x: (np.diagonal(x), fnp.real(x)),
    "broadcast": lambda x: (np.broadcast_to(x[0], (3, 3)), np.broadcast_to(x, (2, 3, 3))),
    "constant": lambda x: (x, CONSTANT),
    "constant twice": lambda x: (CONSTANT, CONSTANT, x + CONSTANT),
    "view of a constant": lambda x: (CONSTANT[0], CONSTANT.T, x[0] * CONSTANT[0]),
    "frozen constant": lambda x: (FROZEN, FROZEN[0], x * FROZEN),
    "plus zero": lambda x: (x + 0.0, x * 1.0, x.astype(float)),
    "stopped": lambda x: (fg.stop_gradient(x), x),
    "written": _written,
    "asarray": lambda x: (fnp.asarray(x), fnp.ravel(x), fnp.atleast_2d(x)),
    "where": lambda x: fnp.where(True, x, x),
    "linear": lambda x: (x @ CONSTANT, CONSTANT @ x),
    "jitted": lambda x: _jitted(x),
    "checkpointed": lambda x: fg.checkpoint(_handed_through)(x),
    "custom_vjp": lambda x: (_with_rule(x), x),
    "custom_jvp": lambda x: (_forward_rule(x), x),
    "callback": _called_back,
    "cond": lambda x: lax.cond(x[0, 0] > 0, _handed_through, lambda x: x * 2.0, x),
    "scan": lambda x: lax.scan(lambda c, y: (c, y), x, x),
    "fori_loop": lambda x: lax.fori_loop(0, 2, lambda i, c: c, x),
    "while_loop": lambda x: lax.while_loop(lambda c: c[0, 0] < 0, lambda c: c, x),
    "map": lambda x: lax.map(_handed_through, x),
    "large": lambda x: (LARGE, LARGE.T, np.sin(x.sum() * LARGE).sum()),
}


def _total(out: Any) -> Any:
    return sum((np.sum(y) for y in tree.leaves(out)), 0.0)


def _ones(out: Any) -> Any:
    return tree.map(np.ones_like, out)


def _vjp(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        value, back = fg.vjp(f, x)
        ct = _ones(value)
        return value, Apart(ct), back(ct), back(ct)

    return call


def _linearize(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        value, push = fg.linearize(f, x)
        return value, push(T), push(T)

    return call


def _jvp(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: fg.jvp(f, (x,), (T,))


class Apart:
    """What was given to a transformation: results share nothing with it, though it may be of one array itself."""

    def __init__(self, given: Any) -> None:
        self.given = given


TRANSFORMATIONS: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "grad": lambda f: fg.grad(lambda x: _total(f(x))),
    "value_and_grad": lambda f: fg.value_and_grad(lambda x: (_total(f(x)), f(x)), has_aux=True),
    "grad of two": lambda f: lambda x: fg.grad(lambda x, y: _total(f(x + y)), (0, 1))(x, x),
    "vjp": _vjp,
    "vjp with aux": lambda f: lambda x: fg.vjp(lambda x: (np.sum(x), f(x)), x, has_aux=True)[::2],
    "jvp": _jvp,
    "linearize": _linearize,
    "vmap": lambda f: fg.vmap(lambda x: f(np.stack([x, x, x]))),
    "vmap shared": lambda f: lambda x: fg.vmap(lambda x, i: f(x), (None, 0), None)(x, np.arange(2)),
    "vmap spread": lambda f: lambda x: fg.vmap(lambda x, i: f(x), (None, 0))(x, np.arange(2)),
    "jacrev": lambda f: fg.jacrev(f),
    "jacfwd": lambda f: fg.jacfwd(f),
    "hessian": lambda f: fg.hessian(lambda x: _total(f(x))),
    "hvp": lambda f: lambda x: fg.hvp(lambda x: _total(f(x)), (x,), (T,)),
    "elementwise_grad": lambda f: fg.elementwise_grad(lambda x: _total(f(x))),
    "jit": fg.jit,
    "jit of grad": lambda f: fg.jit(fg.grad(lambda x: _total(f(x)))),
    "jit of vmap": lambda f: fg.jit(fg.vmap(lambda x: f(np.stack([x, x, x])))),
    "jit of jvp": lambda f: fg.jit(_jvp(f)),
    "grad of jit": lambda f: fg.grad(lambda x: _total(fg.jit(f)(x))),
    "vmap of jit": lambda f: fg.vmap(fg.jit(lambda x: f(np.stack([x, x, x])))),
    "vmap of grad": lambda f: fg.vmap(fg.grad(lambda x: _total(f(np.stack([x, x, x]))))),
    "checkpoint": lambda f: fg.grad(lambda x: _total(fg.checkpoint(f)(x))),
    "program": lambda f: lambda x: fg.make_graph(f)(x)(x),
    "lowered": lambda f: lambda x: fg.jit(f).lower(x).compile()(x),
}


REFUSED = {
    *((forward, "custom_vjp") for forward in ("jvp", "linearize", "jacfwd", "hessian", "hvp", "jit of jvp")),
    *((staged, "while_loop") for staged in ("grad of jit", "jit of grad", "vmap of grad", "hvp")),
}
"""Reverse rules alone in forward mode, loops of unknown length in reverse mode."""


def arrays(results: Any) -> Iterator[np.ndarray]:
    for y in tree.leaves(results):
        if isinstance(y, np.ndarray):
            yield y


def shared(x: np.ndarray, others: list[np.ndarray]) -> bool:
    return any(np.shares_memory(x, other) for other in others)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_results_are_the_callers(transformation):
    for name, function in FUNCTIONS.items():
        if (transformation, name) in REFUSED:
            continue
        given = X.copy()
        call = TRANSFORMATIONS[transformation](function)
        others = [given, T, CONSTANT, FROZEN, LARGE]
        _KEPT.clear()
        for _ in range(3):
            returned = call(given)
            apart = [y for r in tree.leaves(returned) if isinstance(r, Apart) for y in arrays(r.given)]
            for y in arrays(returned):
                assert not shared(y, [*others, *apart, *_KEPT]), (name, y)
                assert y.flags.writeable and y.flags.c_contiguous, (name, y)
                others.append(y)


def _shim_gradients() -> dict[str, Callable[[], list[Any]]]:
    """Calls that return gradients of tensors, which an addition hands through."""
    a, b = (torch.tensor(X.tolist(), requires_grad=True) for _ in range(2))
    g = torch.ones(3, 3, dtype=a.dtype)

    def leaves() -> list[Any]:
        a.grad = b.grad = None
        (a + b).backward(g)
        return [a.grad, b.grad, g]

    def retained() -> list[Any]:
        a.grad = None
        y = a + 0.0
        y.retain_grad()
        y.backward(g)
        return [a.grad, y.grad, g]

    def returned() -> list[Any]:
        return [*torch.autograd.grad(a + b, (a, b), g), g]

    def views() -> list[Any]:
        return [*torch.autograd.grad((a.T.reshape(-1), b[0], b[1:]), (a, b), (g.reshape(-1), g[0], g[1:])), g]

    return {f.__name__: f for f in (leaves, retained, returned, views)}


@pytest.mark.parametrize("name", _shim_gradients())
def test_a_write_into_a_gradient_changes_no_other(name):
    tensors = _shim_gradients()[name]()
    seen = [t.numpy() for t in tensors]
    before = [y.copy() for y in seen]
    for k, t in enumerate(tensors[:-1]):
        t.mul_(7.0)
        before[k] *= 7.0
        for y, expected in zip(tensors, before):
            np.testing.assert_array_equal(y.numpy(), expected)
        assert not shared(seen[k], [y for n, y in enumerate(seen) if n != k])
