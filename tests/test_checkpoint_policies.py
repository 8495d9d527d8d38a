"""Policies of checkpoint: what is stored, and what is computed again."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import ad_checkpoint, lax
from funcgrad.ad_checkpoint import checkpoint_name
from funcgrad.ops import contract

policies = fg.checkpoint_policies
_draw = np.random.default_rng(0).normal
WEIGHTS = [_draw(size=(4, 4)) / 2 for _ in range(3)]
X = _draw(size=(5, 4))


def network(weights, x):
    for n, w in enumerate(weights):
        x = fnp.tanh(fnp.sin(checkpoint_name(x @ w, f"product {n}")))
    return fnp.sum(x * x)


FORWARD, BACKWARD = 3, 5
AGAIN = {
    "none": (None, 3),
    "nothing_saveable": (policies.nothing_saveable, 3),
    "everything_saveable": (policies.everything_saveable, 0),
    "dots_saveable": (policies.dots_saveable, 0),
    "checkpoint_dots": (policies.checkpoint_dots, 0),
    "dots_with_no_batch_dims_saveable": (policies.dots_with_no_batch_dims_saveable, 0),
    "save_only_these_names": (policies.save_only_these_names("product 0", "product 2", "other"), 1),
    "save_any_names_but_these": (policies.save_any_names_but_these("product 0"), 1),
    "save_from_both_policies": (
        policies.save_from_both_policies(
            policies.save_only_these_names("product 0"), policies.save_only_these_names("product 1")
        ),
        1,
    ),
    "save_anything_except_these_names": (policies.save_anything_except_these_names("product 1"), 0),
    "of the user": (lambda prim, *avals, **params: prim.name == "dot_general" and avals[0].shape == (5, 4), 0),
}
"""Each policy with the number of products that the backward pass of `network` computes again."""


@pytest.fixture
def products(monkeypatch):
    """The number of products that NumPy is asked for."""
    found = []
    original = contract._kernel
    monkeypatch.setattr(contract, "_kernel", lambda *how: lambda a, b: (found.append(1), original(*how)(a, b))[1])
    return found


@pytest.mark.parametrize("name", AGAIN)
def test_products_computed_again(name, products):
    policy, again = AGAIN[name]
    fg.grad(fg.checkpoint(network, policy=policy))(WEIGHTS, X)
    assert len(products) == FORWARD + again + BACKWARD


@pytest.mark.parametrize("name", ["nothing_saveable", "dots_saveable", "save_only_these_names", "everything_saveable"])
def test_gradients_are_the_same(name):
    saving = fg.checkpoint(network, policy=AGAIN[name][0])
    same = lambda a, b: [np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14) for x, y in zip(a, b, strict=True)]
    expected = fg.grad(network)(WEIGHTS, X)
    same(fg.grad(saving)(WEIGHTS, X), expected)
    same(fg.jit(fg.grad(saving))(WEIGHTS, X), expected)
    same(fg.grad(fg.jit(saving))(WEIGHTS, X), expected)
    each = fg.vmap(fg.grad(saving), (None, 0))(WEIGHTS, X[:, None])
    same([g.sum(axis=0) for g in each], expected)
    move = lambda f: fg.jvp(lambda w: fg.grad(f)(w, X), (WEIGHTS,), (WEIGHTS,))[1]
    same(move(saving), move(network))
    twice = lambda f: fg.grad(lambda w: sum(fnp.sum(g**2) for g in fg.grad(f)(w, X)))(WEIGHTS)
    same(twice(saving), twice(network))
    assert saving(WEIGHTS, X) == network(WEIGHTS, X)


def test_single_precision():
    weights, x = [w.astype(np.float32) for w in WEIGHTS], X.astype(np.float32)
    for found, expected in zip(
        fg.grad(fg.checkpoint(network, policy=policies.dots_saveable))(weights, x), fg.grad(network)(weights, x)
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32


def test_stacks_of_matrices_are_products_with_batch_dims(products):
    f = lambda a, b: fnp.sum(fnp.sin(a @ b))
    stack = np.ones((3, 2, 2))
    for policy, again in ((policies.dots_saveable, 0), (policies.dots_with_no_batch_dims_saveable, 1)):
        products.clear()
        fg.grad(fg.checkpoint(f, policy=policy))(stack, stack)
        assert len(products) == 1 + again + 1


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (None, 1),
        (policies.nothing_saveable, 1),
        (policies.save_only_these_names("sine"), 2),
        (policies.everything_saveable, 3),
    ],
)
def test_what_a_compiled_loop_stores(policy, kept):
    """The arrays that a scan's forward pass stacks for its backward pass."""

    def step(c, x):
        s = checkpoint_name(fnp.sin(c * c), "sine")
        y = fnp.exp(s * s) * x
        return y, None

    loop = lambda f: lambda c: fnp.sum(lax.scan(f, c, np.ones((6, 3)))[0])
    saving = loop(fg.checkpoint(step, policy=policy))
    forward = next(e for e in fg.make_graph(fg.grad(saving))(np.ones(3)).eqns if e.prim.name == "scan_call")
    stacked = [v for v in forward.outputs if v.aval.shape == (6, 3)]
    assert len(stacked) >= kept if policy is policies.everything_saveable else len(stacked) == kept
    c = np.full(3, 0.1)
    np.testing.assert_allclose(fg.jit(fg.grad(saving))(c), fg.grad(loop(step))(c), rtol=1e-12)


def test_names_are_the_identity():
    tree = {"a": X, "b": [2.0]}
    found = checkpoint_name(tree, "tree")
    np.testing.assert_array_equal(found["a"], X)
    assert found["b"] == [2.0]
    assert fg.grad(lambda x: checkpoint_name(x, "a") ** 2)(3.0) == 6.0
    assert fg.jvp(lambda x: checkpoint_name(x, "a") ** 2, (3.0,), (1.0,)) == (9.0, 6.0)
    assert ad_checkpoint.checkpoint_policies is fg.checkpoint_policies and ad_checkpoint.remat is fg.checkpoint


def test_options():
    @fg.checkpoint(policy=policies.dots_saveable, prevent_cse=False)
    def f(x):
        return fnp.sum(fnp.sin(x @ x))

    a = WEIGHTS[0]
    np.testing.assert_array_equal(fg.grad(f)(a), fg.grad(lambda x: fnp.sum(fnp.sin(x @ x)))(a))
    scaled = fg.checkpoint(lambda n, x: n * x if n > 1 else x, static_argnums=0)
    assert fg.grad(scaled, 1)(3, 2.0) == 3.0
    with pytest.raises(TypeError, match="the static argument 0 `n` is traced"):
        fg.grad(scaled)(3.0, 2.0)
    with pytest.raises(ValueError, match="static_argnums"):
        fg.checkpoint(lambda x: x, static_argnums=1)(2.0)


def test_a_policy_that_raises():
    def policy(prim, *avals, **params):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fg.grad(fg.checkpoint(network, policy=policy))(WEIGHTS, X)
