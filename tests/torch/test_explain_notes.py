"""Errors keep PyTorch's words and carry their cause, the line and what to write as a note.

A line that a note must name ends in a comment `# <name>`.
"""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import pytest

import funcgrad.torch as torch
from funcgrad.torch import nn

HERE = Path(__file__)
SOURCE = HERE.read_text().splitlines()
E0 = "element 0 of tensors does not require grad and does not have a grad_fn"


def at(name: str) -> str:
    (number,) = [i for i, text in enumerate(SOURCE, 1) if text.endswith(f"# <{name}>")]
    return f"test_explain_notes.py:{number}"


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values or (1.5, 2.5), requires_grad=True)


def note_of(error: pytest.ExceptionInfo) -> str:
    (note,) = error.value.__notes__
    return note


def test_what_does_not_require_grad():
    x = leaf()
    loss = x.detach().sum()  # <detached>
    with pytest.raises(RuntimeError, match=E0) as e:
        loss.backward()
    assert "`detach`" in note_of(e) and at("detached") in note_of(e)


def test_a_saved_value_that_was_written():  # 68
    x = leaf()
    y = x.exp()  # <saved>
    y += 1  # <wrote>
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as e:
        y.sum().backward()
    assert at("saved") in note_of(e) and at("wrote") in note_of(e) and "y = y + 1" in note_of(e)


def test_a_parameter_that_a_step_changed():  # 70
    m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    loss = m(torch.ones(1, 2)).sum()
    loss.backward(retain_graph=True)
    opt.step()  # <step>
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as e:
        loss.backward()
    assert "`m.1.weight`" in note_of(e) and "`opt.step()`" in note_of(e) and at("step") in note_of(e)


def test_a_buffer_that_was_written():  # 71
    x, b = leaf(), torch.ones(2)
    y = x * b  # <read>
    b.mul_(2)  # <buffer>
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as e:
        y.sum().backward()
    assert "`b`" in note_of(e) and at("read") in note_of(e) and at("buffer") in note_of(e)


def test_a_second_pass():  # 73
    x = leaf()
    loss = (x**2).sum()
    loss.backward()  # <first>
    with pytest.raises(RuntimeError, match="a second time") as e:
        loss.backward()
    assert at("first") in note_of(e) and "retain_graph=True" in note_of(e)


def test_a_state_carried_over():  # 73
    w, h = leaf(0.5), torch.ones(1)
    with pytest.raises(RuntimeError, match="a second time") as e:
        for _ in range(2):
            h = torch.tanh(w * h)  # <state>
            h.sum().backward()
    assert at("state") in note_of(e) and "h = h.detach()" in note_of(e)


def test_no_scalar():  # 76
    y = leaf() ** 2  # <square>
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs") as e:
        y.backward()
    assert "(2,)" in note_of(e) and at("square") in note_of(e)


def test_a_view_made_for_the_question():  # 18
    x = leaf()
    y = (x**2).sum()
    with pytest.raises(RuntimeError, match="appears to not have been used") as e:
        torch.autograd.grad(y, x[0])  # <asked>
    assert "`x`" in note_of(e) and at("asked") in note_of(e)


def test_an_optimizer_of_what_is_no_leaf():  # 15
    x = leaf()
    y = x * 1  # <product>
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor") as e:
        torch.optim.SGD([x, y], lr=0.1)
    assert "entry 1" in note_of(e) and "`mul`" in note_of(e) and at("product") in note_of(e)


def test_a_copy_of_what_is_no_leaf():  # 22
    y = leaf() * 2  # <doubled>
    with pytest.raises(RuntimeError, match="deepcopy protocol") as e:
        copy.deepcopy(y)
    assert "`mul`" in note_of(e) and at("doubled") in note_of(e)


def test_the_gradient_of_what_is_no_leaf():  # 12
    x = leaf()
    y = x * 2  # <computed>
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert y.grad is None
    (note,) = caught[0].message.__notes__
    assert str(caught[0].message).startswith("The .grad attribute of a Tensor that is not a leaf")
    assert "`x`" in note and at("computed") in note


def test_a_tensor_of_inference_mode():  # 28
    with torch.inference_mode():
        c = torch.ones(2) * 3  # <inference>
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved") as e:
        leaf() * c
    assert at("inference") in note_of(e)


def test_writing_into_a_leaf():  # 67
    w = leaf()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad") as e:
        w -= 0.1
    assert "torch.no_grad()" in note_of(e)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable") as e:
        w[0] = 5.0
    assert "torch.no_grad()" in note_of(e)


def test_numpy_of_a_tensor():  # 35
    with pytest.raises(RuntimeError, match="Can't call numpy") as e:
        np.sin(leaf())
    assert "torch.sin" in note_of(e)


def test_a_derivative_that_does_not_exist():  # 52
    u = torch.unique(leaf())  # <unique>
    with pytest.raises(NotImplementedError, match="_unique2") as e:
        u.sum().backward()
    assert at("unique") in note_of(e)


def test_an_error_of_the_users_own_has_no_note():
    x = leaf()
    x.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError) as e:
        x.sum().backward()
    assert not hasattr(e.value, "__notes__")
