"""Memory, depth, threads, and what is remembered for explain."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import funcgrad.torch as torch
from funcgrad.core.provenance import place
from funcgrad.core.tape import Node
from funcgrad.torch._record.tape import raw
from tests.groups import together
from tests.torch import expressions as on


def live_entries() -> int:
    return sum(type(o) is Node for o in gc.get_objects())


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = torch.ones(3, requires_grad=True)
        for make in (
            lambda: (x * x).exp().sum(),
            lambda: torch.softmax(x * 2, 0).var(),
            lambda: (x * 1).view(3, 1).mul_(2).sum(),
            lambda: torch.stack([x, x])[0].std(),
        ):
            value = make()
            entry = weakref.ref(value._value.node)
            value.backward()
            del value
            assert entry() is None
    finally:
        gc.enable()


def test_a_saved_output_makes_no_cycle():
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    gc.disable()
    try:
        y = Exp.apply(torch.ones(3, requires_grad=True))
        entry = weakref.ref(y._value.node)
        y.sum().backward()
        del y
        assert entry() is None
    finally:
        gc.enable()


def test_backward_frees_saved_values():
    x = torch.ones(1000, requires_grad=True)
    y = x * 2
    z = y.exp()
    saved = weakref.ref(z._value.value)
    loss = z.sum()
    del y, z
    assert saved() is not None
    loss.backward()
    assert saved() is None


def test_values_that_come_back_as_they_were_change_no_gradient():
    """Where PyTorch's derivative reads factors, and that of a singular matrix is another than ours."""
    a = torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    with torch.autograd.graph.save_on_cpu():
        y = torch.linalg.det(a)
    (found,) = torch.autograd.grad(y, a)
    assert found.tolist() == [[4.0, -2.0], [-2.0, 1.0]]


def test_depth():
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_modes_belong_to_threads():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_memory_seen_by_numpy_does_not_spoil_gradients():
    array = np.array([1.0, 2.0])
    x = torch.from_numpy(array).requires_grad_()
    y = x.relu() + x * 2
    array[:] = -5.0
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert x.tolist() == [-5.0, -5.0]


@pytest.mark.parametrize("size", [3, 5_000])
def test_what_is_saved_of_memory_that_numpy_sees_is_a_copy(size):
    arrays = [np.full(size, 2.0), np.full(size, 3.0)]
    x, w = torch.from_numpy(arrays[0]).requires_grad_(), torch.from_numpy(arrays[1])
    loss = (x * w * w).sum() + x.exp().sum() + (x / w).sum() + torch.maximum(x, w).sum() + (x @ w)
    for array in arrays:
        array[:] = 7.0
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.full(size, 9 + np.exp(2.0) + 1 / 3 + 3), rtol=1e-15)


@together("expression", sorted({*on.SINGLES, *on.REDUCED, *on.OF_MATRICES} - {"x.repeat(2)"}), str)
def test_results_own_their_memory_or_are_views(expression):
    for tracked in (False, True):
        x = torch.tensor(on.SQUARE, dtype=torch.float64, requires_grad=tracked)
        out = eval(expression, {"torch": torch, "x": x, "inf": np.inf, "nan": np.nan})
        if out._storage is not x._storage:
            assert not np.may_share_memory(raw(out._read()), raw(x._read()))


def test_no_numpy_warnings():
    x = torch.tensor([0.0, -1.0, 1e38], requires_grad=True)
    y = torch.log(x) + x / 0 + x * 1e38 + torch.sqrt(x)
    y.sum().backward()
    assert torch.tensor(0.0).log().item() == -np.inf


def test_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.tensor([1.0]).dtype is torch.float64
        assert (torch.tensor([1]) / 2).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with pytest.raises(TypeError):
        torch.set_default_dtype(torch.int64)


def test_complex_gradients_are_pytorchs():
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), 2 * np.array([1 + 2j, 3 - 1j]))


# What explain asks for


def lines(cuts) -> list[tuple[str, str]]:
    return [(c.op, place(c.loc).source) for c in cuts]


def test_cuts_are_carried():
    x = torch.ones(3, requires_grad=True)
    w = torch.ones(3, requires_grad=True)
    d = x.detach()
    y = (d * 2).exp() * w
    assert lines(y._cuts) == [("detach", "d = x.detach()")]
    assert y._cuts[0].leaves[0]() is x
    assert lines(x._story.cuts) == lines(y._cuts)
    y.sum().backward()
    assert not x._story.passes
    assert x._story.missed is not None
    assert w._story.missed is None
    assert place(w._story.passes[0].loc).source == "y.sum().backward()"


def test_no_grad_is_a_cut():
    x = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        y = x * 2
    assert lines((y + 1)._cuts) == [("no_grad", "y = x * 2")]


def test_numpy_and_back_is_remembered_for_the_same_memory():
    x = torch.ones(3, requires_grad=True)
    array = x.detach().numpy()
    y = torch.from_numpy(array[1:])
    assert [c.op for c in y._cuts] == ["from_numpy", "numpy", "detach"]
    assert torch.from_numpy(array * 2)._cuts == ()


def test_numbers_and_casts_are_cuts():
    x = torch.ones(3, requires_grad=True)
    x.sum().item()
    x.tolist()
    i = (x * 3).to(torch.int64)
    assert [c.op for c in x._story.cuts] == ["tolist", "item"]
    assert [c.op for c in i._cuts] == ["to(torch.int64)"]


def test_the_story_of_a_leaf():
    x = torch.ones(3, requires_grad=True)
    assert x._story.origin == "ones"
    assert place(x._story.made).source == "x = torch.ones(3, requires_grad=True)"
    x.sum().backward()
    x.grad = None
    assert place(x._story.cleared.loc).source == "x.grad = None"


def test_cuts_are_bounded():
    x = torch.ones(3, requires_grad=True)
    y = torch.zeros(3)
    for _ in range(30):
        y = y + x.detach()
    assert len(y._cuts) == len(x._story.cuts) == 8


@pytest.mark.parametrize("make", [lambda d: torch.zeros(2, device=d), lambda d: torch.tensor([1.0], device=d)])
def test_there_is_no_device_but_the_cpu(make):
    assert make("cpu").device == torch.device("cpu") == make(torch.device("cpu")).device
    for absent in (lambda: make("cuda:0"), lambda: torch.ones(1).to(torch.device("cuda")), torch.ones(1).cuda):
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
            absent()
    with pytest.raises(RuntimeError, match="tensors live on the CPU"):
        make("meta")

