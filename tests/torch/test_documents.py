"""The documents' own code blocks, with only the import line changed, where they lie beside the checkout."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "documents"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="../shared/documents does not lie beside the checkout"
)

LEAF_IN_PLACE = "a leaf Variable that requires grad is being used in an in-place operation."
WRONG_SHAPE = (
    "Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of "
    "torch.Size([])."
)
DETACHED = "element 0 of tensors does not require grad and does not have a grad_fn"
NO_SCALAR = "grad can be implicitly created only for scalar outputs"


def block(document: str, number: int) -> str:
    (path,) = FOLDER.glob(document + "_*.txt")
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    changed, count = re.subn(
        r"^import torch$", "import funcgrad.torch as torch", blocks[number - 1], flags=re.M
    )
    assert count == 1
    return changed


def run(source: str) -> tuple[dict, list[str], list[str]]:
    """The names, the lines printed, and the warnings."""
    names: dict = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(source, names)
    return names, printed.getvalue().splitlines(), [str(w.message) for w in caught]


def raises(source: str) -> tuple[str, dict]:
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(RuntimeError) as error:
        exec(source, names)
    return str(error.value), names


def test_a_factor_without_gradient_keeps_none():
    _, lines, _ = run(block("000", 1))
    assert lines == [
        "a.requires_grad: False",
        "a.grad: None",
        "c.requires_grad: True",
        "a.grad: None",
        "b.grad: tensor([0.5000, 1.0000])",
    ]


def test_an_assigned_gradient_stays():
    _, lines, _ = run(block("000", 2))
    assert lines[-3:] == [
        "a.grad: tensor([5., 6.])",
        "a.grad: tensor([5., 6.])",
        "b.grad: tensor([0.5000, 1.0000])",
    ]


def test_a_gradient_can_be_assigned_after_backward():
    _, lines, _ = run(block("000", 3))
    assert lines == ["a.grad: tensor([5., 6.])", "b.grad: tensor([0.5000, 1.0000])"]


def test_adding_to_a_leaf_in_place_raises():
    assert raises(block("001", 1))[0] == LEAF_IN_PLACE


def test_backward_through_a_detached_tensor_raises():
    message, names = raises(block("001", 2))
    assert message == DETACHED
    assert names["a"].grad is None


def test_numpy_and_back_starts_a_new_leaf():
    _names, lines, _ = run(block("001", 3))
    assert lines == ["None", "tensor([2., 2., 2.])"]
    source = block("001", 3).replace("a.detach().numpy()", "a.numpy()")
    assert raises(source)[0] == (
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
    )


def test_the_gradient_of_a_mean():
    _, lines, caught = run(block("002", 1))
    assert lines == ["tensor([0.6667, 0.6667, 0.6667])", "True", "True", "None"]
    assert len(caught) == 1
    assert caught[0].startswith(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed."
    )


def test_a_gradient_of_the_wrong_shape_raises():
    assert raises(block("002", 2))[0] == WRONG_SHAPE


def test_a_custom_function_needs_a_scalar():
    source = block("002", 3)
    assert raises(source)[0] == NO_SCALAR
    watched = source.replace("y.backward()", "y.sum().backward()").replace(
        "input, = ctx.saved_tensors", "input, = ctx.saved_tensors; print(grad_output.requires_grad)"
    )
    names, lines, _ = run(watched)
    assert lines[0] == "False" and lines[-1] == "True"
    assert names["torch"].equal(names["x"].grad, 2 * names["x"].detach())


def test_an_incoming_gradient_that_requires_gradient_arrives_as_it_is():
    source = (
        block("002", 3)
        .split("y.backward()")[0]
        .replace(
            "input, = ctx.saved_tensors",
            "input, = ctx.saved_tensors; print(grad_output.requires_grad, torch.is_grad_enabled())",
        )
    )
    given = "torch.autograd.grad(y, x, grad_outputs=torch.ones(3, requires_grad=True){})\n"
    assert run(source + given.format(""))[1] == ["True False"]
    assert run(source + given.format(", create_graph=True"))[1] == ["True True"]
    assert run(source + "torch.autograd.grad((y * y).sum(), x, create_graph=True)\n")[1] == ["True True"]
