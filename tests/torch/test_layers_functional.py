"""Modules as pure functions: under grad, jit and vmap they give what backward gives; and what nn itself promises."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch.func import functional_call

MADE = {
    "multilayer": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (5, 3)),
    "convolutional": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)),
        (2, 1, 6, 6),
    ),
    "normalised": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.GroupNorm(2, 4)), (5, 3)),
    "gated": (lambda: nn.Sequential(nn.Linear(3, 4), nn.GLU(), nn.PReLU(), nn.Softmax(-1)), (5, 3)),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 5, dropout=0.0, batch_first=True), (2, 3, 4)),
}


def case(name):
    make, shape = MADE[name]
    torch.manual_seed(1)
    module = make().double()
    names = [n for n, _ in module.named_parameters()]
    x = torch.randn(*shape, dtype=torch.float64)

    def loss(x, *parameters):
        out = functional_call(module, dict(zip(names, parameters)), (x,))
        return (out * torch.cos(torch.arange(out.numel()).view(out.shape).double())).sum()

    pure, args, argnums = torch.to_functional(loss, x, *module.parameters())
    loss(x, *module.parameters()).backward()
    return pure, args, argnums, [p.grad.numpy() for p in module.parameters()]


@pytest.mark.parametrize("name", MADE)
def test_grad_is_backward(name):
    pure, args, argnums, grads = case(name)
    for found, wanted in zip(fg.grad(pure, argnums)(*args), grads, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MADE)
def test_jit_of_grad_is_backward(name):
    pure, args, argnums, grads = case(name)
    for found, wanted in zip(fg.jit(fg.grad(pure, argnums))(*args), grads, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_vmap_over_inputs_is_a_loop(name):
    pure, args, argnums, _ = case(name)
    gradient = fg.grad(pure, argnums)
    xs = np.stack([args[0], args[0] * 0.5, -args[0]])
    batched = fg.vmap(gradient, in_axes=(0, *[None] * (len(args) - 1)))(xs, *args[1:])
    for i, x in enumerate(xs):
        for found, wanted in zip(batched, gradient(x, *args[1:]), strict=True):
            np.testing.assert_allclose(found[i], wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_layer_is_differentiated_and_compiled(kind):
    torch.manual_seed(2)
    module = kind(2, 3).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    module(x)[0].sum().backward()
    pure, args, _ = torch.to_functional(lambda x: module(x)[0].sum(), x)
    for gradient in (fg.grad(pure), fg.jit(fg.grad(pure))):
        np.testing.assert_allclose(gradient(*args), x.grad.numpy(), rtol=1e-11, atol=1e-13)


def test_a_functional_call_gives_the_module_its_own_tensors_back_when_it_raises():
    module = nn.Linear(2, 1)
    own = module.weight
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        functional_call(module, {"weight": torch.ones(1, 2)}, (torch.ones(1, 5),))
    assert module.weight is own
    with pytest.raises(RuntimeError, match="Unexpected"):
        functional_call(module, {"bias": torch.ones(1), "other": torch.ones(1)}, (torch.ones(1, 2),), strict=True)
    assert isinstance(module.bias, nn.Parameter)


@pytest.mark.parametrize("name", ["Linaer", "CrossEntropy"])
def test_a_name_that_is_not_there_says_what_is(name):
    with pytest.raises(AttributeError, match=r"There is .*(Linear|CrossEntropyLoss)"):
        getattr(nn, name)
    with pytest.raises(AttributeError, match=r"There is .*cross_entropy"):
        nn.functional.cros_entropy


def test_initial_weights_have_no_story_of_being_cut_off():
    assert nn.Linear(2, 1).weight._cuts == ()


def test_a_layer_takes_tensors_on_numpys_memory():
    array = np.ones((2, 3), np.float32)
    layer = nn.Linear(3, 2)
    out = layer(torch.from_numpy(array))
    array[:] = 5.0
    out.sum().backward()
    assert layer.weight.grad.tolist() == [[2.0] * 3] * 2


def test_running_statistics_take_on_no_traced_value():
    module = nn.BatchNorm1d(2)
    before = module.running_mean.tolist()
    pure, args, _ = torch.to_functional(lambda x: (module(x) ** 3).sum(), torch.ones(4, 2, requires_grad=True))
    with pytest.raises(TypeError, match=r"eval\(\)"):
        fg.jit(pure)(*args)
    assert module.running_mean.tolist() == before
    module.eval()
    assert fg.jit(pure)(*args).shape == ()


def test_a_hook_on_several_operations_is_refused():
    """What its entry takes are products that PyTorch's does not have."""
    x, w, b = (torch.ones(shape, requires_grad=True) for shape in ((2, 3), (4, 3), (4,)))
    last = torch.nn.functional.linear(x, w, b).grad_fn
    assert [f.name().removeprefix("torch::autograd::") for f, _ in last.next_functions] == [
        *["AccumulateGrad"] * 2, "TBackward0",
    ]  # fmt: skip
    with pytest.raises(NotImplementedError, match="in place of register_prehook: TBackward0 is not one"):
        last.next_functions[2][0].register_prehook(print)
    with pytest.raises(NotImplementedError, match="hook the tensors"):
        last.register_hook(lambda *grads: None)
