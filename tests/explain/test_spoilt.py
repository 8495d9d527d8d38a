"""Why a pass brought zeros or NaN is found at its end: what that keeps, what it must not change, when it is done."""

from __future__ import annotations

import gc
import warnings
import weakref

import numpy as np
import pytest

import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch._explain import spoilt
from funcgrad.torch._pass.kept import is_spoilt
from funcgrad.torch._record.tape import raw


def dead(*shape):
    return torch.full(shape or (2,), -1.0, requires_grad=True)


@pytest.fixture
def searches(monkeypatch):
    """The passes that a reason was looked for in."""
    found, search = [], spoilt._arrivals
    monkeypatch.setattr(spoilt, "_arrivals", lambda run: found.append(run) or search(run))
    return found


@np.errstate(all="ignore")  # as in a pass
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.complex64])
def test_what_is_spoilt(dtype):
    whole = np.ones((3, 2), dtype)
    assert not is_spoilt(whole) and not is_spoilt(whole[:, :1]) and not is_spoilt(whole[0, 0])
    assert not is_spoilt(np.empty((0, 2), dtype)) and not is_spoilt(dtype(-2.0))
    for bad in (0.0, np.nan, np.inf, -np.inf):
        part = whole.copy()
        part[2, 1] = bad
        assert is_spoilt(np.full(3, bad, dtype)) and is_spoilt(np.full((), bad, dtype))
        assert is_spoilt(part) == (bad != 0.0)


@np.errstate(all="ignore")
def test_large_and_small_gradients_are_not_spoilt():
    assert not is_spoilt(np.array([3e30, 1.0], np.float32))  # whose square is no number
    assert is_spoilt(np.array([3e-30, 1e-9], np.float32))  # which may be what cancelling has left


def test_saved_values_are_freed_and_no_tensor_is_kept():
    gc.collect()
    gc.disable()
    try:
        x = dead(1000)
        y = torch.relu(x * 2.0)
        loss = (y.exp() * y).sum()
        values = [weakref.ref(raw(y._value))]
        tensors = [weakref.ref(t) for t in (y, loss)]
        loss.backward()
        del y, loss
        assert [ref() for ref in (*values, *tensors)] == [None] * 3
        assert x.explain_grad().leaves[0].cause == "dead_in_the_pass"
        leaf = weakref.ref(x)
        del x
        assert leaf() is None
    finally:
        gc.enable()


def test_saved_values_are_freed_where_a_pass_fails():
    x = dead(1000)
    hidden = x * 2.0
    y = hidden.exp()
    saved = weakref.ref(raw(y._value))
    hidden.register_hook(lambda g: 1 / 0)
    loss = y.sum()
    del y
    with pytest.raises(ZeroDivisionError) as error:
        loss.backward()
    assert error.value.__traceback__ is not None and saved() is None


def test_the_first_of_a_row_of_passes_is_looked_into(searches):
    x = dead()
    for _ in range(5):
        x.grad = None
        torch.relu(x).sum().backward()
    assert len(searches) == 1
    assert "the first of 5 passes" in x.explain_grad().leaves[0].message
    x.grad = None
    (x * 2.0).sum().backward()
    assert x.explain_grad().leaves[0].status == "flows"
    x.grad = None
    torch.relu(x).sum().backward()
    assert len(searches) == 2 and "the first of" not in x.explain_grad().leaves[0].message


def test_zeros_now_and_then_are_not_looked_into_every_time(searches, monkeypatch):
    monkeypatch.setattr(spoilt, "BEFORE", 0)
    x = dead()
    for i in range(200):
        x.grad = None
        torch.relu(x if i % 2 else -x).sum().backward()
    assert 0 < len(searches) < 20
    assert x.explain_grad().leaves[0].status == "zero"


def test_what_one_model_has_used_up_another_has_not(searches, monkeypatch):
    monkeypatch.setattr(spoilt, "BEFORE", 0)

    def train(x):
        for sign in (-1, 1) * 20:
            x.grad = None
            torch.relu(x * sign).sum().backward()

    train(dead())
    before = len(searches)
    train(dead())
    assert 0 < before < 20
    assert len(searches) == 2 * before


def test_a_sum_of_passes_is_not_called_zero():
    x = dead()
    torch.relu(x).sum().backward()
    (x * 3.0).sum().backward()
    assert x.explain_grad().leaves[0].status == "accumulated"


def test_what_was_nan_stays_explained_by_the_pass_that_brought_it():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    torch.where(x > 0, x.sqrt(), x).sum().backward()
    (x * 3.0).sum().backward()
    leaf = x.explain_grad().leaves[0]
    assert leaf.status == "nan" and "`sqrt`" in leaf.message and "throws away" in leaf.message


def test_other_inputs_are_left_out():
    w, x = dead(), dead()
    loss = (torch.relu(w) + x * 0.0).sum()
    loss.backward(inputs=[w])
    assert "`relu`" in w.explain_grad().leaves[0].message and x.grad is None


def test_with_create_graph_and_with_the_graph_kept():
    for keep in ({"create_graph": True}, {"retain_graph": True}):
        x = dead()
        with warnings.catch_warnings(action="ignore"):  # once in a process: create_graph makes a cycle
            torch.relu(x).sum().backward(**keep)
        leaf = x.explain_grad().leaves[0]
        assert leaf.status == "zero" and "flat part" in leaf.message


def test_users_code_is_not_run_again():
    runs = []

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            runs.append("rule")
            return grad * 2

    x = dead()
    y = Twice.apply(torch.relu(x))
    y.register_hook(lambda g: runs.append("hook"))
    z = torch.utils.checkpoint.checkpoint(lambda v: runs.append("forward") or v * 3.0, y, use_reentrant=False)
    z.sum().backward()
    assert sorted(runs) == ["forward", "forward", "hook", "rule"]
    assert "`relu`" in x.explain_grad().leaves[0].message


def test_hooks_are_named():
    def nothing(grad):
        return grad * 0

    x = dead()
    x.register_hook(nothing)
    (x * 2.0).sum().backward()
    leaf = x.explain_grad().leaves[0]
    assert leaf.status == "zero" and "the hook at" in leaf.message
    assert any(place.source == "def nothing(grad):" for place in leaf.places)


def test_a_module_says_it_of_each_parameter():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    nn.init.constant_(net[0].bias, -100.0)
    net(torch.ones(2, 3)).sum().backward()
    report = net.explain_grads()
    assert [leaf.status for leaf in report.leaves] == ["zero", "zero", "zero", "flows"]
    assert all("`relu`" in leaf.message for leaf in report.leaves[:2]) and "`linear`" in report.leaves[2].message


def test_an_explanation_that_fails_changes_nothing(monkeypatch):
    def broken(run):
        raise RuntimeError("broken")

    monkeypatch.setattr(spoilt, "_arrivals", broken)
    x = dead()
    loss = torch.relu(x).sum()
    loss.backward()
    assert x.grad.tolist() == [0.0, 0.0] and "It may be `relu`" in x.explain_grad().leaves[0].message


@pytest.mark.parametrize("name", ["silu", "layer_norm", "huber", "attention", "LSTM"])
def test_layers_that_are_one_entry_from_the_second_call_on(name):
    """What they were given is found behind them all the same."""
    lstm = nn.LSTM(3, 4)
    layers = {
        "silu": nn.functional.silu,
        "layer_norm": lambda x: nn.functional.layer_norm(x, (3,), torch.ones(3)),
        "huber": lambda x: nn.functional.huber_loss(x, torch.zeros(2, 3)),
        "attention": lambda x: nn.functional.scaled_dot_product_attention(x, x, x),
        "LSTM": lambda x: lstm(x[None])[0],
    }
    for value in (1.0, 1.0, 1.0, float("nan")):
        x = torch.full((2, 3), value, requires_grad=True)
        (layers[name](x) ** 2).sum().backward()
    leaf = x.explain_grad().leaves[0]
    assert leaf.status == "nan" and "is NaN itself" in leaf.message, leaf.message
