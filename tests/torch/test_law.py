"""The law of to_functional: funcgrad.grad of the pure function is what backward leaves in grad."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch


class Doubled(torch.autograd.Function):
    """Has a rule that is not the derivative, to see whose rule is used."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x * 10


def without_grad(x, w):
    with torch.no_grad():
        scale = (x * x).sum()
    return (x * w * scale).sum()


def in_place(x, w):
    y = x * 2
    view = y[1:]
    view *= w[1:]
    y[0] += w[0] ** 2
    y[y > 3] = 0.0
    return (y * y.detach()).sum()


def into_a_buffer(x, w):
    out = torch.zeros(3)
    for i in range(3):
        out[i] = x[i] * w[2 - i]
    return (out**2).sum()


def inner_gradient(x, w):
    (g,) = torch.autograd.grad((x**3 * w).sum(), x, create_graph=True)
    return (g * g).sum()


def inner_constant(x, w):
    (g,) = torch.autograd.grad((x**3 * w).sum(), x, retain_graph=True)
    return (g * w).sum()


FUNCTIONS = {
    "polynomial": lambda x, w: (x**2 * w + torch.sin(x) / w).sum(),
    "detach": lambda x, w: (x.detach() * x * w).sum(),
    "data": lambda x, w: (x.data * w + x).sum(),
    "constant branch": lambda x, w: (x * w).sum() if x.sum() > 0 else x.sum(),
    "softmax": lambda x, w: -(torch.log_softmax(x * w, 0)[1]),
    "reductions": lambda x, w: (x * w).var() + x.max() * w.std() + torch.logsumexp(x, 0),
    "matrices": lambda x, w: torch.outer(x, w).mm(torch.outer(w, x)).tanh().mean(),
    "steps": lambda x, w: (x.floor() * w + x.round()).sum(),
    "views": lambda x, w: (x.view(3, 1).expand(3, 2).t() @ w).relu().sum(),
    "no_grad": without_grad,
    "in place": in_place,
    "buffer": into_a_buffer,
    "inner gradient": inner_gradient,
    "inner constant gradient": inner_constant,
    "Function": lambda x, w: (Doubled.apply(x * w) * w).sum(),
}


def tensors():
    return (
        torch.tensor([0.5, 1.25, 2.0], dtype=torch.float64, requires_grad=True),
        torch.tensor([1.5, -0.5, 0.75], dtype=torch.float64, requires_grad=True),
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_backward_is_grad(name):
    fn = FUNCTIONS[name]
    x, w = tensors()
    pure, args, argnums = torch.to_functional(fn, x, w)
    assert argnums == (0, 1)
    fn(x, w).backward()
    for t, g in zip((x, w), fg.grad(pure, argnums)(*args)):
        shim = np.zeros(3) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(g, shim, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["polynomial", "detach", "in place", "buffer", "softmax", "reductions", "matrices"]
)
def test_the_pure_function_is_pure(name):
    x, w = tensors()
    pure, args, _ = torch.to_functional(FUNCTIONS[name], x, w)
    before = [a.copy() for a in args]
    np.testing.assert_array_equal(pure(*args), FUNCTIONS[name](x, w).detach().numpy())
    for a, b in zip(args, before):
        np.testing.assert_array_equal(a, b)
    assert x.grad is None


def test_second_order():
    x, w = tensors()
    pure, args, _ = torch.to_functional(FUNCTIONS["polynomial"], x, w)
    (g,) = torch.autograd.grad(FUNCTIONS["polynomial"](x, w), x, create_graph=True)
    rows = [torch.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(3)]
    np.testing.assert_allclose(fg.hessian(pure)(*args), rows, rtol=1e-12)


def test_only_what_requires_a_gradient_is_differentiated():
    x, w = tensors()
    _, _, argnums = torch.to_functional(FUNCTIONS["polynomial"], x.detach(), w)
    assert argnums == (1,)
