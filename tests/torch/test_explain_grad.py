"""Tensor.explain_grad(): one program or more for each status, named lines and remedies.

A line that a report must name ends in a comment `# <name>`, which the test asks for by `line("name")`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import funcgrad.torch as torch

HERE = Path(__file__)
SOURCE = HERE.read_text().splitlines()


def line(name: str) -> int:
    (number,) = [i for i, text in enumerate(SOURCE, 1) if text.endswith(f"# <{name}>")]
    return number


def check_cut(cut, op, name):
    assert cut.op == op
    assert cut.lineno == line(name)
    assert Path(cut.filename) == HERE
    assert cut.source == SOURCE[cut.lineno - 1].strip()
    assert cut.why and cut.remedy
    assert "detach" not in cut.remedy


def names(place):
    return f"test_explain_grad.py:{line(place)}"


# why a tensor with requires_grad=False keeps a gradient


def test_a_gradient_that_was_assigned_stays():
    data = torch.tensor([1.0, 2.0])  # <assigned>
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    data.grad = torch.tensor([5.0, 6.0])
    (data * weights).mean().backward()
    (leaf,) = data.explain_grad().leaves
    assert (leaf.path, leaf.status) == ("`data`", "not_requested")
    np.testing.assert_array_equal(leaf.grad, [5.0, 6.0])
    assert "assigned" in leaf.message and "neither fills nor clears" in leaf.message
    assert "requires_grad=True" in leaf.message and names("assigned") in leaf.message


def test_the_other_factor_flows():
    data = torch.tensor([1.0, 2.0])
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    (data * weights).mean().backward()  # <reached>
    (leaf,) = weights.explain_grad().leaves
    assert leaf.status == "flows"
    np.testing.assert_array_equal(leaf.grad, [0.5, 1.0])
    assert names("reached") in leaf.message


def test_not_requested_without_a_gradient():
    x = torch.zeros(3)
    (leaf,) = (x * 2.0).explain_grad().leaves
    assert leaf.status == "not_requested" and leaf.grad is None


def test_integers():
    (leaf,) = torch.tensor([1, 2]).explain_grad().leaves
    assert leaf.status == "not_differentiable" and "int64" in leaf.message


# why nothing is tracked


def test_cut_by_detach():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    d = a.detach()  # <detach>
    loss = (d * d).sum()
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        loss.backward()
    itself, leaf = loss.explain_grad().leaves
    assert (itself.path, itself.status) == ("`loss`", "cut")
    assert leaf.path.startswith("`a`") and leaf.status == "cut"
    check_cut(itself.cuts[0], "detach", "detach")
    check_cut(leaf.cuts[0], "detach", "detach")
    (asked,) = a.explain_grad().leaves
    assert asked.status == "cut"
    check_cut(asked.cuts[0], "detach", "detach")


def test_cut_by_data():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = a.data * 2.0  # <data>
    check_cut(y.explain_grad().leaves[0].cuts[0], "data", "data")


def test_cut_by_no_grad():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        y = a * 2.0  # <no_grad>
    leaf = (y + 1.0).explain_grad().leaves[0]
    assert leaf.status == "cut"
    check_cut(leaf.cuts[0], "no_grad", "no_grad")


def test_cut_by_a_way_through_numpy():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    array = a.detach().numpy()  # <numpy>
    back = torch.from_numpy(array) * 2.0
    leaf = back.explain_grad().leaves[0]
    assert leaf.status == "cut"
    assert [cut.op for cut in leaf.cuts][:2] == ["detach", "numpy"]
    check_cut(leaf.cuts[0], "detach", "numpy")
    assert (leaf.paths_total, leaf.paths_cut) == (1, 1)


def test_the_original_after_a_way_through_numpy():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    doubled = torch.from_numpy(a.detach().numpy() * 2).requires_grad_(True)  # <round>
    (doubled * 2.0).sum().backward()
    (leaf,) = a.explain_grad().leaves
    assert leaf.status == "cut"
    check_cut(leaf.cuts[0], "detach", "round")
    (leaf,) = doubled.explain_grad().leaves
    assert leaf.status == "flows"


def test_partly_cut():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (a * 2.0 + (a * a).detach()).sum()  # <partly>
    itself, leaf = loss.explain_grad().leaves
    assert itself.status == "not_leaf"
    assert (leaf.status, leaf.paths_total, leaf.paths_cut) == ("partly_cut", 2, 1)
    check_cut(leaf.cuts[0], "detach", "partly")


def test_a_number_that_was_only_looked_at():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (a * a).sum()
    loss.item()
    (leaf,) = a.explain_grad().leaves
    assert leaf.status == "not_run" and "backward()" in leaf.message


# why grad_output does not require grad


class Square(torch.autograd.Function):
    reports: list = []

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.pow(2)

    @staticmethod
    def backward(ctx, grad_output):
        assert not grad_output.requires_grad
        Square.reports.append(grad_output.explain_grad())
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


def test_an_incoming_gradient():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    Square.apply(x).sum().backward()  # <started>
    (leaf,) = Square.reports.pop().leaves
    assert (leaf.path, leaf.status) == ("`grad_output`", "not_requested")
    assert leaf.cuts[0].op == "no_grad" and leaf.cuts[0].lineno == line("started")
    assert "create_graph=True" in leaf.message and "grad mode off" in leaf.message
    assert "create_graph=True" in leaf.cuts[0].remedy
    assert names("started") in leaf.message


# where in the graph


def test_not_a_leaf():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2.0  # <product>
    y.sum().backward()
    itself, leaf = y.explain_grad().leaves
    assert (itself.path, itself.status) == ("`y`", "not_leaf")
    assert "`mul`" in itself.message and names("product") in itself.message
    assert "`x`" in itself.message and "retain_grad()" in itself.message
    assert leaf.status == "flows"
    np.testing.assert_array_equal(leaf.grad, [2.0, 2.0, 2.0])


def test_a_retained_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    y.retain_grad()
    y.sum().backward()
    assert y.explain_grad().leaves[0].status == "flows"


def test_the_leaves_of_a_loss():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    loss = (x * w * x).sum()
    itself, *leaves = loss.explain_grad().leaves
    assert itself.status == "not_leaf"
    assert sorted((leaf.path[:3], leaf.status, leaf.paths_total) for leaf in leaves) == [
        ("`w`", "not_run", 1),
        ("`x`", "not_run", 2),
    ]


def test_cleared():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    x.grad = None  # <cleared>
    (leaf,) = x.explain_grad().leaves
    assert leaf.status == "not_run"
    assert "cleared" in leaf.message and names("cleared") in leaf.message


def test_before_any_backward_pass():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (leaf,) = x.explain_grad().leaves
    assert leaf.status == "not_run" and "No backward pass" in leaf.message


def test_modified():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()  # <saved>
    y += 1.0
    itself = y.sum().explain_grad().leaves[0]
    assert itself.status == "modified"
    assert "`exp`" in itself.message and names("saved") in itself.message


# the report's forms


def test_forms():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (a * 2.0 + (a < 1.5) * a.detach()).sum()
    report = loss.explain_grad()
    assert max(map(len, str(report).splitlines())) <= 79
    json.dumps(report.to_dict())
    assert report.to_dot().startswith("digraph")
    assert "(a &lt; 1.5)" in report._repr_html_()


def test_nothing_changes():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (a * a).sum()
    report = loss.explain_grad()
    assert loss._version == 0 and a.grad is None
    loss.backward()
    after = a.explain_grad().leaves[0]
    after.grad[0] = 100.0
    np.testing.assert_array_equal(a.grad.numpy(), [2.0, 4.0])
    assert report.leaves[1].status == "not_run"


@pytest.mark.parametrize(
    "value, exponent, status", [(0.0, 2.0, "zero"), (0.0, 0.5, "inf"), (float("nan"), 2.0, "nan"), (1.0, 2.0, "flows")]
)
def test_the_gradient_that_arrived(value, exponent, status):
    a = torch.tensor([value], requires_grad=True)
    (a**exponent).sum().backward()
    assert a.explain_grad().leaves[0].status == status


def test_the_norm_of_order_zero_is_named_where_it_ends_the_gradient():
    x = torch.tensor([1.0, 0.0, 2.0], requires_grad=True)
    (x * 2).norm(0).backward()
    assert x.grad is None
    (leaf,) = x.explain_grad().leaves
    assert leaf.status == "cut" and "`norm`" in str(leaf) and "counts" in str(leaf)


def test_the_bias_of_a_normalisation_has_no_second_derivative():
    x, bias = torch.ones(2, 3), torch.zeros(3, requires_grad=True)
    y = torch.nn.functional.layer_norm(x, (3,), None, bias)
    (first,) = torch.autograd.grad(y.sum(), bias, create_graph=True)
    assert first.requires_grad
    assert torch.autograd.grad(first.sum(), bias, allow_unused=True) == (None,)
