"""What tensors remember for `explain` keeps no tensor alive."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import pytest

import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch._record.left import left
from funcgrad.torch._record.story import PASSES


def use(x):
    """Everything that is remembered, of a leaf and what is computed from it."""
    y = x * 2
    z = y.exp()
    z.retain_grad()
    numbers = [z.sum().item(), *z.tolist()]
    torch.tensor(numbers)
    (z > 1).float() + z.argmax()
    z.topk(1)
    torch.from_numpy(z.detach().numpy() * 2)
    with torch.no_grad():
        y + z
    loss = (z * z.data).sum()
    with suppress(RuntimeError):
        loss.detach().backward()
    torch.autograd.grad(loss, x, retain_graph=True)
    loss.backward()
    with suppress(RuntimeError):
        loss.backward()
    x.grad.zero_()
    x.grad = None
    x.grad = torch.ones(2)
    nn.Parameter(y)
    x.requires_grad_(False)
    x.requires_grad_()
    (x * 3).sum().backward()
    return [weakref.ref(t) for t in (x, y, z, loss, x.grad)]


def test_no_tensor_is_kept_alive():
    gc.collect()
    gc.disable()
    try:
        refs = use(torch.tensor([1.0, 2.0], requires_grad=True))
        assert [ref() for ref in refs] == [None] * 5
    finally:
        gc.enable()
    assert PASSES and left.recent  # it was remembered


def test_texts_that_are_executed_are_not_one_file():
    exec("(x * 2).sum().item()", {"x": torch.ones(2, requires_grad=True)})
    report = eval("(x * 2).sum().explain_grad()", {"x": torch.ones(2)})
    assert "Numbers left" not in str(report)
    together = "number = (x * 2).sum().item()\nreport = (y * 2).sum().explain_grad()"
    names = {"x": torch.ones(2, requires_grad=True), "y": torch.ones(2)}
    exec(together, names)
    assert "Numbers left" in str(names["report"])


def test_reports_keep_no_tensor_alive():
    gc.collect()
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (x.detach() * x).sum()
    reports = [torch.explain(loss), loss.explain_grad(), x.explain_grad()]
    refs = [weakref.ref(x), weakref.ref(loss)]
    del x, loss
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert all(map(str, reports))


def test_an_error_with_a_note_keeps_no_tensor_alive():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError) as e:
        x.detach().sum().backward()
    notes, ref = e.value.__notes__, weakref.ref(x)
    del x, e
    gc.collect()
    assert ref() is None and notes
