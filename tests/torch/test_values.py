"""Values, dtypes and gradients are PyTorch's in full precision (values.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.groups import function_of, together
from tests.torch.values import by_expression, differences, outcome, stored

CASES = by_expression()


@together("name", CASES, function_of)
def test_values(name):
    pairs = zip(CASES[name], stored()[name], strict=True)
    found = {case.point: differences(case, outcome(torch, case), wanted) for case, wanted in pairs}
    assert not {point: differ for point, differ in found.items() if differ}


def test_nothing_else_is_stored():
    assert list(stored()) == list(CASES)


MIXED = {
    "torch.add(x, y, alpha=2)": ("uint8", "bool", "uint8", [3, 4, 5]),
    "x.clone().add_(y)": ("uint8", "int64", "uint8", [2, 4, 6]),
    "x.clone().mul_(y)": ("float16", "float64", "float16", [1.0, 4.0, 9.0]),
    "x + y.sum()": ("float32", "float64", "float32", [7.0, 8.0, 9.0]),
    "x * y": ("int64", "float16", "float16", [1.0, 4.0, 9.0]),
    "x / y": ("int32", "int64", "float32", [1.0, 1.0, 1.0]),
    "torch.copysign(x, y)": ("int64", "int64", "float32", [1.0, 2.0, 3.0]),
    "torch.where(x > 1, x, y)": ("float16", "float64", "float64", [1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("expression", MIXED)
def test_mixed_dtypes(expression):
    first, second, dtype, values = MIXED[expression]
    operands = {n: torch.tensor([1, 2, 3], dtype=getattr(torch, d)) for n, d in (("x", first), ("y", second))}
    out = eval(expression, {"torch": torch, **operands})
    assert (out.dtype, out.tolist()) == (getattr(torch, dtype), values)


REFUSED = {
    "x.add_(z)": "can't be cast to the desired output type",
    "x.masked_fill(x > 1, c[0])": "cannot be converted to type",
    "x.masked_fill(x > 1, x)": "0-dimensional value tensor",
    "x.scatter_add(0, x - 1, z)": "Expected self.dtype to be equal to src.dtype",
    "torch.addmm(z[None], x[None], z[:, None])": "same dtype",
    "torch.maximum(c, c)": "maximum not implemented for complex tensors",
    "c < c": "not implemented for 'ComplexDouble'",
    "c.clamp(1)": "clamp is not supported for complex types",
    "x // 0": "ZeroDivisionError",
    "x % (x - 1)": "ZeroDivisionError",
    "torch.fmod(x, x - 1)": "ZeroDivisionError",
    "1 - (x > 1)": "with a bool tensor is not supported",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_pytorch_refuses(expression):
    x, z = torch.tensor([1, 2, 3]), torch.tensor([1.0, 2.0, 3.0])
    names = {"torch": torch, "x": x, "z": z, "c": torch.tensor([1j], dtype=torch.complex128)}
    with pytest.raises(RuntimeError, match=REFUSED[expression]):
        eval(expression, names)


def test_what_is_written_over_has_the_gradient_zero():
    x, y = (torch.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
    x.clone().copy_(y).sum().backward()
    torch.copysign(y, x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert y.grad.tolist() == [2.0, 2.0]


IN_SINGLE = (
    "x * 0.1", "x * (1 / 3)", "x / 0.1", "torch.addcmul(x, x, x, value=0.1)", "x.lerp(x * 2, 0.1)",
    "torch.addcdiv(x, x, x + 5, value=0.1)", "F.leaky_relu(x, 0.1)", "F.elu(x, 0.3)", "F.celu(x, 0.3)", "F.mish(x)",
    "F.softplus(x, 0.3)", "F.softshrink(x, 0.3)", "F.silu(x)", "F.selu(x)", "x.sigmoid()", "x.clone().mul_(0.1)",
    "F.hardswish(x)", "F.logsigmoid(x)", "x.clone().div_(0.3)",
)  # fmt: skip


@pytest.mark.parametrize("expression", IN_SINGLE)
def test_float16_is_rounded_once(expression):
    x = (torch.arange(1.0, 60.0) / 7 - 3).half()
    names = {"torch": torch, "F": torch.nn.functional}
    narrow, wide = (eval(expression, {**names, "x": v}) for v in (x, x.float()))
    assert torch.equal(narrow, wide.half())


MIXED_LAYERS = (
    "F.batch_norm(x, w.clone(), w.abs() + 1, w, w, True)", "F.batch_norm(x, w, w.abs() + 1, w, w)",
    "F.layer_norm(x, (4,), w, w)", "F.group_norm(x, 2, w, w)", "F.instance_norm(x, weight=w, bias=w)",
    "F.rms_norm(x, (4,), w)",
)  # fmt: skip


@pytest.mark.parametrize("expression", MIXED_LAYERS)
def test_layers_of_float16_with_float32_parameters_give_float16(expression):
    x, w = torch.linspace(-2, 3, 24).reshape(6, 4).half(), torch.tensor([0.3, -1.0, 2.0, 0.7])
    x = x.repeat(1, 1, 4).reshape(6, 4, 4) if "instance" in expression else x
    narrow, wide = (eval(expression, {"F": torch.nn.functional, "w": w, "x": v}) for v in (x, x.float()))
    assert narrow.dtype is torch.float16
    assert torch.allclose(narrow.float(), wide, rtol=1e-3, atol=1e-3)
