"""Optimizers, schedules, data, distributions and `func` do as PyTorch did (training_expected.json), and more."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.scipy import special
from tests.groups import over_programs
from tests.torch.programs import assert_same
from tests.torch.training_programs import ALL, DTYPES, assert_near, expected, recorded, tolerance


@over_programs("name", ALL)
def test_program(name):
    found, wanted = recorded(torch, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], tolerance(name, dtype))


def drawn(make, *parameters):
    """Five samples and how they move with each parameter, for the same random numbers."""
    tensors = [torch.full((5,), p, dtype=torch.float64, requires_grad=True) for p in parameters]
    torch.manual_seed(11)
    sample = make(*tensors).rsample()
    sample.sum().backward()
    return sample.detach().numpy(), [t.grad.numpy() for t in tensors]


@pytest.mark.parametrize("a", [0.05, 0.3, 1.0, 2.5, 40.0, 3000.0])
def test_a_gamma_variable_keeps_its_place(a):
    """Its probability stays as the concentration moves: the derivative is that of the inverse, by differences."""
    x, (slope, _) = drawn(torch.distributions.Gamma, a, 1.0)
    below, above = special.gammainc(a, x), special.gammaincc(a, x)
    h = 1e-5 * a
    up, down = (
        np.where(below < 0.5, special.gammaincinv(a + s, below), special.gammainccinv(a + s, above)) for s in (h, -h)
    )
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("a, b", [(0.3, 0.5), (1.0, 1.0), (2.5, 7.0), (60.0, 30.0)])
def test_a_beta_variable_keeps_its_place(a, b):
    x, (of_a, of_b) = drawn(torch.distributions.Beta, a, b)
    p, h = special.betainc(a, b, x), 1e-6
    by_a = (special.betaincinv(a + h, b, p) - special.betaincinv(a - h, b, p)) / (2 * h)
    by_b = (special.betaincinv(a, b + h, p) - special.betaincinv(a, b - h, p)) / (2 * h)
    np.testing.assert_allclose(of_a, by_a, rtol=1e-5)
    np.testing.assert_allclose(of_b, by_b, rtol=1e-5)


def test_a_gamma_variable_can_be_differentiated_twice():
    a = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(11)
    x = torch.distributions.Gamma(a, 1.0).rsample()
    (first,) = torch.autograd.grad(x, a, create_graph=True)
    (second,) = torch.autograd.grad(first, a)
    p, h = special.gammainc(2.5, x.item()), 1e-4
    down, middle, up = (special.gammaincinv(2.5 + s, p) for s in (-h, 0.0, h))
    np.testing.assert_allclose(second.item(), (up - 2 * middle + down) / h**2, rtol=1e-4)


def steps_of(make, count):
    """Parameters after some steps, as a function of what they start from."""
    x = torch.tensor([[1.0, 2.0], [0.5, -0.3], [2.0, 0.1]], dtype=torch.float64)
    y = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)

    def trained(start):
        w = start.detach().requires_grad_()
        optimizer = make([w])
        for _ in range(count):
            optimizer.zero_grad()
            ((torch.tanh(x @ w) - y) ** 2).mean().backward()
            optimizer.step()
        return w.detach()

    return trained


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=0.1),
        lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True),
        lambda p: torch.optim.NAdam(p, lr=0.1),
    ],
)
def test_a_compiled_training_loop(make):
    """Steps are traced inside of `to_functional`, and then compiled: the same numbers."""
    start = torch.tensor([0.3, -0.2], dtype=torch.float64)
    trained = steps_of(make, 3)
    pure, args, _ = torch.to_functional(trained, start)
    np.testing.assert_allclose(fg.jit(pure)(*args), trained(start).numpy(), rtol=1e-12)


def test_different_random_numbers_in_a_batch_where_the_values_must_be_known():
    with pytest.raises(fg.errors.ConcretizationError):
        torch.func.vmap(lambda x: torch.randperm(3), randomness="different")(torch.ones(2))
    with pytest.raises(fg.errors.ConcretizationError):
        torch.func.jacfwd(lambda x: x * torch.randperm(2), randomness="different")(torch.ones(2))


def test_random_numbers_are_given_again_after_a_refusal():
    with pytest.raises(RuntimeError, match="randomness error mode"):
        torch.func.vmap(lambda x: x + torch.rand(1))(torch.ones(2))
    assert torch.rand(2).shape == (2,)


def test_a_step_leaves_the_mode_as_it_was_when_it_fails():
    p = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.Adam([p])
    p.sum().backward()
    optimizer.param_groups[0]["betas"] = None
    with pytest.raises(TypeError):
        optimizer.step()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    "package, name",
    [("optim", "SparseAdam"), ("distributions", "Nothing"), ("func", "rearrange"), ("optim", "Nothing")],
)
def test_a_missing_name_says_so(package, name):
    with pytest.raises(AttributeError, match=name):
        getattr(getattr(torch, package), name)
