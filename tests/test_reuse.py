"""Memory that a backward pass uses again: cotangents are written over where nobody else sees them, and only there."""

from __future__ import annotations

import sys
import weakref
from sys import getrefcount

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.torch as torch
from funcgrad.core import tape
from funcgrad.torch._pass import engine

N = 2 * tape.REUSED // 8
X = np.random.default_rng(0).normal(size=N)


def waves(x):
    """Products, signs, kernels, sums of cotangents, numbers, and one of another shape."""
    y = x
    for k in range(3):
        y = fnp.sin(y) * x - y * 1.01 + fnp.tanh(-y) / (k + 2) + fnp.where(y > 0, y * y, -y)
    return y * X[:1]


def pairs(a, b, c):
    """Functions of two values, of which one, both or none have another use."""
    return a * b / c - fnp.hypot(a * 2, b * c) * fnp.arctan2(c * 2, b * 3) + (a + 2) ** (b + 3)


LOSSES = {
    "pairs": lambda x: fnp.sum(pairs(fnp.sin(x), fnp.cos(x) * 1.5, fnp.exp(x))),
    "waves": lambda x: fnp.sum(waves(x)),
    "both of one": lambda x: fnp.sum(fnp.exp(x) - (x + x) * (x * x)),
    "one cotangent for two": lambda x: fnp.sum((lambda y: fnp.sin(y - x) + (y - x))(fnp.tanh(x))),
    "elements": lambda x: fnp.sum(fnp.sin(x)) + x[0] * x[1] + fnp.sum(x[5:] * x[:-5]) + fnp.sum(fnp.exp(x)[::2]),
    "matrix": lambda x: fnp.sum(fnp.tanh(x.reshape(-1, 64)).T * fnp.cos(x.reshape(64, -1))),
}


@pytest.fixture
def apart(monkeypatch):
    """Runs a function in which no memory is used again."""

    def run(fun):
        with monkeypatch.context() as patch:
            for module in (tape, engine):
                patch.setattr(module, "REUSED", 1 << 60)
            return fun()

    return run


def same(found, expected):
    for y, e in zip(fg.tree.leaves(found), fg.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_have_the_same_bits(name, dtype, apart):
    loss, x = LOSSES[name], np.repeat(X.astype(dtype), 2)
    second = fg.grad(lambda x: fnp.sum(fg.grad(loss)(x) * fnp.cos(x)))
    rows = fg.vmap(fg.grad(loss))
    for gradient, given in ((fg.grad(loss), x), (second, x), (rows, np.stack([x, -x]))):
        same(gradient(given), apart(lambda given=given, gradient=gradient: gradient(given)))


def test_special_numbers_have_the_same_bits(apart):
    x = X.copy()
    x[:6] = np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300
    gradient = fg.grad(LOSSES["waves"])
    with np.errstate(all="ignore"):
        same(gradient(x), apart(lambda: gradient(x)))


def test_only_a_local_variable_is_alone():
    x = X.copy()
    assert getrefcount(x) == tape.ALONE
    assert tape.is_whole(x)
    other = [x]
    assert getrefcount(x) > tape.ALONE
    del other
    view = x[1:]
    assert getrefcount(x) > tape.ALONE
    assert not tape.is_whole(view)
    del view
    reference = weakref.ref(x)
    assert not tape.is_whole(x)
    assert reference() is x
    del reference
    x.flags.writeable = False
    assert not tape.is_whole(x)
    assert not tape.is_whole(np.frombuffer(bytearray(80)))


def pulled(given):
    """The gradient of a chain for the only cotangent in a list, which is emptied."""
    trace = tape.TapeTrace()
    x = trace.leaf(X)
    y = -fnp.tanh(fnp.sin(x) * 1.01) * X
    trace.end()
    return tape.pull([(y.node, given.pop())])[x.node.seq]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there it depends on how the interpreter calls")
def test_the_memory_of_a_chain_is_used_again(apart):
    """From end to end where nobody else has the cotangent; and then it is not touched."""
    given = [np.ones(N)]
    address = given[0].ctypes.data
    found = pulled(given)
    assert found.ctypes.data == address
    held = np.ones(N)
    same(pulled([held]), found)
    same(held, np.ones(N))
    same(apart(lambda: pulled([np.ones(N)])), found)


def factors(x, held=None):
    """A product of values that have no use but it, each of them held if there is a list for that."""
    a, b = fnp.sin(x) * 1.01, fnp.cos(x) / 1.5
    if held is not None:
        held += [a, b]
    return a * b / fnp.expm1(x)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there it depends on how the interpreter calls")
def test_cotangents_are_written_into_values_that_are_dead():
    """Both factors are, as the sum's cotangent for all is one number that nobody can write into."""
    trace = tape.TapeTrace()
    x = trace.leaf(X)
    a, b = x * 1.01, x / 1.5
    places = {v.value.ctypes.data for v in (a, b)}
    product = a * b
    trace.end()
    node = product.node
    del a, b, product
    ct = np.broadcast_to(2.0, X.shape)
    cts = node.prim.pull_over(node.saved, node.parents, ct, node.params, over=False, last=True)
    assert {c.ctypes.data for c in cts} == places
    same(cts, (2.0 * (X / 1.5), 2.0 * (X * 1.01)))


def test_values_that_are_held_stay(apart):
    held = []
    gradient = fg.grad(lambda x: fnp.sum(factors(x, held)))
    found = gradient(X)
    values = [v.value.copy() for v in held]
    same([v.value for v in held], (fnp.sin(X) * 1.01, fnp.cos(X) / 1.5))
    same(found, apart(lambda: gradient(X)))
    same(values, [v.value for v in held[2:]])


def test_results_beside_the_gradient_stay():
    def loss(x):
        held = []
        return fnp.sum(factors(x, held)), held

    (_, (a, b)), _ = fg.value_and_grad(loss, has_aux=True)(X)
    same((a, b), (fnp.sin(X) * 1.01, fnp.cos(X) / 1.5))


def test_what_is_saved_stays_where_there_may_be_another_pass():
    y, vjp_fun = fg.vjp(factors, X)
    first = vjp_fun(np.ones(N))
    same(vjp_fun(np.ones(N)), first)
    same(fg.vjp(factors, X)[0], y)
    x = torch.tensor(X, requires_grad=True)
    a, b = x.sin() * 1.01, x.cos() / 1.5
    saved = (a * b).grad_fn
    loss = (a * b).sum()
    del a, b
    loss.backward(retain_graph=True)
    once = x.grad.clone()
    loss.backward()
    assert torch.equal(x.grad, 2 * once)
    same(saved._saved_self.detach().numpy(), fnp.sin(X) * 1.01)


def test_cotangents_that_are_given_stay():
    _, vjp_fun = fg.vjp(lambda x: (fnp.sin(x) * x, -x), X)
    ct, other = np.ones(N), X.copy()
    first = vjp_fun((ct, other))
    np.testing.assert_array_equal(ct, 1.0)
    np.testing.assert_array_equal(other, X)
    same(vjp_fun((ct, other)), first)


def test_results_share_nothing():
    a, b = fg.grad(lambda x, y: fnp.sum(fnp.sin(x + y)), argnums=(0, 1))(X, X)
    before = b.copy()
    a[:] = 0
    np.testing.assert_array_equal(b, before)


def test_what_a_rule_keeps_stays():
    """A rule of the user's may keep what comes, hand on what it has, and look at it with a weak reference."""
    kept, weak = [], []

    @fg.custom_vjp
    def watched(x):
        return x

    def backward(_, ct):
        kept.append((ct, ct.copy()))
        own = ct * 2.0
        weak.append((weakref.ref(own), own.copy()))
        return (own,)

    watched.defvjp(lambda x: (x, None), backward)

    def look(x):
        @fg.custom_vjp
        def f(x):
            return x

        def back(_, ct):
            for reference, then in weak:
                if reference() is not None:
                    np.testing.assert_array_equal(reference(), then)
            return (ct,)

        f.defvjp(lambda x: (x, None), back)
        return f(x)

    fg.grad(lambda x: fnp.sum(watched(fnp.sin(look(-watched(fnp.exp(x) * 1.01)))) * 2.5))(X)
    assert len(kept) == 2
    for ct, then in kept:
        np.testing.assert_array_equal(ct, then)


def test_what_hooks_of_tensors_see_stays():
    x = torch.tensor(X, requires_grad=True)
    seen = []
    y = (x * 1.01).sin()
    z = (-y).exp()
    for t in (y, z):
        t.register_hook(lambda g: seen.append((g, g.clone())))
    y.retain_grad()
    (z * 0.7 * x).sum().backward(retain_graph=True)
    retained = y.grad.clone()
    first = x.grad.clone()
    (z * 0.7 * x).sum().backward()
    assert torch.equal(x.grad, 2 * first)
    assert torch.equal(y.grad, 2 * retained)
    for g, then in seen:
        assert torch.equal(g, then)


def test_tensors_have_the_same_bits(apart):
    def gradient():
        x = torch.tensor(X, requires_grad=True)
        ((x * 1.01).sin().exp() * x - (x.tanh() ** 2)).sum().backward()
        return x.grad.numpy()

    same(gradient(), apart(gradient))


def test_what_explain_reports_is_as_before(apart):
    loss = lambda x: fnp.sum(fnp.sqrt(fnp.where(x > 0, -fnp.sin(x) * 1.5, 0.0)))
    with np.errstate(all="ignore"):
        assert str(fg.explain(loss)(X)) == apart(lambda: str(fg.explain(loss)(X)))
