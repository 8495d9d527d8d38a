"""A training loop holds as much memory after 300 steps as before, without the help of the garbage collector."""

from __future__ import annotations

import gc
import sys
import warnings
from contextlib import suppress

import pytest

import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch.utils.checkpoint import checkpoint

STEPS = 300
X = torch.linspace(-1, 1, 32).reshape(8, 4)
Y = torch.linspace(-1, 1, 16).reshape(8, 2)
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-3),
}


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        ctx.kept = x.detach()
        return y

    @staticmethod
    def backward(ctx, grad):
        x, _ = ctx.saved_tensors
        return 2 * x * grad


def plain(model):
    return ((model(X) - Y) ** 2).mean()


def views(model):
    out = model(X)
    return (out[:, 0] ** 2).mean() + out.view(-1)[2:].sum() + sum(part.sum() for part in out.unbind(1))


def in_place(model):
    out = model(X).clone()
    row = out[0]
    out[:, 0].mul_(2)
    out.view(-1).add_(1)
    return (out**2).mean() + row.sum()


def hooks(model):
    out = model(X)
    out.register_hook(lambda grad: grad * 2)
    out.retain_grad()
    squares = out**2
    squares.grad_fn.register_hook(lambda before, after: None)
    return squares.mean()


def custom(model):
    return Square.apply(model(X)).mean()


def second(model):
    x = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    return (slope**2).mean() + plain(model)


def unused(model):
    out = model(X)
    (out * 2).exp().sum()
    return (out**2).mean()


def walked(model):
    loss = plain(model)
    entries = [loss.grad_fn]
    while entries:
        entries += [entry for entry, _ in entries.pop().next_functions if entry is not None]
    return loss


def kept_open(model):
    loss = plain(model)
    loss.backward(retain_graph=True)
    return loss


def again(model):
    return ((checkpoint(model, X, use_reentrant=False) - Y) ** 2).mean()


def looked_at(model):
    """All that tensors remember of a step."""
    out = model(X)
    loss = ((out - Y) ** 2).mean()
    torch.tensor([loss.item(), *out.tolist()[0]]).tolist()
    (out.argmax(1) == 1).float().mean()
    torch.from_numpy(out.detach().numpy() + 1)
    out.sort().indices
    with torch.no_grad():
        model(X).sum()
    for p in model.parameters():
        p.data.mul_(1.0)
        p.requires_grad_(False).requires_grad_()
    torch.autograd.grad(loss, list(model.parameters()), retain_graph=True, allow_unused=True)
    with suppress(RuntimeError):
        loss.detach().backward()
    return ((model(X) - Y) ** 2).mean()


LOSSES = [plain, views, in_place, hooks, custom, second, unused, walked, kept_open, again, looked_at]
COMPILED = [plain, views, in_place, custom, second, unused]


def assert_constant(step):
    """That some rounds of steps take no memory: what leaks takes it in each, Python's caches and free lists do not."""
    gc.collect()
    gc.disable()
    fill_free_lists()
    try:
        taken = [blocks_taken(step) for _ in range(4)]
        assert min(taken[1:]) < STEPS / 5, taken
    finally:
        gc.enable()


def blocks_taken(step):
    before = sys.getallocatedblocks()
    for _ in range(STEPS):
        step()
    return sys.getallocatedblocks() - before


def fill_free_lists():
    """Python keeps up to 2000 tuples of each small length for new ones, which would count as they gather."""
    kept = [tuple(range(length)) for length in range(1, 21) for _ in range(2000)]
    kept.clear()


def step_of(loss_of, optimizer_of):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = optimizer_of(model.parameters())

    def step():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@pytest.mark.parametrize("loss_of", LOSSES, ids=lambda f: f.__name__)
def test_steps(loss_of):
    assert_constant(step_of(loss_of, OPTIMIZERS["SGD"]))


@pytest.mark.parametrize("loss_of", COMPILED, ids=lambda f: f.__name__)
def test_compiled_steps(loss_of):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="torch.compile")
        assert_constant(torch.compile(step_of(loss_of, OPTIMIZERS["SGD"])))


@pytest.mark.parametrize("compiled", [False, True])
def test_steps_of_adam(compiled):
    step = step_of(plain, OPTIMIZERS["Adam"])
    assert_constant(torch.compile(step) if compiled else step)


def test_a_compiled_forward_pass():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = OPTIMIZERS["SGD"](model.parameters())
    forward = torch.compile(model)

    def step():
        optimizer.zero_grad()
        plain(forward).backward()
        optimizer.step()

    assert_constant(step)


def test_what_grows_is_seen():
    kept = []
    with pytest.raises(AssertionError):
        assert_constant(lambda: kept.append(plain(lambda x: x[:, :2].clone().requires_grad_())))
