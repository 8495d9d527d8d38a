"""Distributions, transforms and divergences are as in PyTorch (distribution_expected.json; tests/parity compares)."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.distribution_programs import ALL, expected, tolerance
from tests.torch.programs import assert_same
from tests.torch.training_programs import DTYPES, assert_near, recorded

d = torch.distributions


@over_programs("name", ALL)
def test_program(name):
    found, wanted = recorded(torch, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], tolerance(name, dtype))


def test_nothing_else_is_stored():
    assert list(expected()) == list(ALL)


def test_a_divergence_of_wisharts_has_both_gradients():
    """PyTorch's has none by the first one's parameters, and adds up what belongs to different elements of a batch."""
    df = torch.tensor(3.5, dtype=torch.float64, requires_grad=True)
    other = d.Wishart(torch.tensor(4.5, dtype=torch.float64), torch.eye(2, dtype=torch.float64) + 0.25)

    def divergence(df):
        return d.kl_divergence(d.Wishart(df, torch.eye(2, dtype=torch.float64)), other)

    divergence(df).backward()
    assert (divergence(torch.tensor([3.5, 4.0], dtype=torch.float64)) > 0).all()  # PyTorch's of a batch is negative
    up, down = (divergence(torch.tensor(3.5 + h, dtype=torch.float64)) for h in (1e-5, -1e-5))
    np.testing.assert_allclose(df.grad.item(), (up - down).item() / 2e-5, rtol=1e-7)


@pytest.mark.parametrize("k", [1e-3, 0.5, 3.0, 40.0, 900.0])
def test_the_density_of_von_mises_is_exact(k):
    """PyTorch's Bessel functions have seven digits."""
    angles = torch.linspace(-np.pi, np.pi, 4097, dtype=torch.float64)[:-1]
    made = d.VonMises(torch.tensor(0.3, dtype=torch.float64), k)
    np.testing.assert_allclose((made.log_prob(angles).exp().sum() * 2 * np.pi / 4096).item(), 1, rtol=1e-12)
    spread = (made.log_prob(angles).exp() * torch.cos(angles - 0.3)).sum() * 2 * np.pi / 4096
    np.testing.assert_allclose(made.variance.item(), 1 - spread.item(), rtol=1e-9, atol=1e-15)


def test_densities_go_through_funcgrad():
    def of_flow(x, scale):
        base = d.Normal(torch.zeros(3, dtype=torch.float64), 1.0)
        made = d.TransformedDistribution(base, d.AffineTransform(1.0, scale))
        return made.log_prob(x).sum()

    x, scale = torch.tensor([0.3, 0.2, -1.0], dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64)
    pure, args, _ = torch.to_functional(of_flow, x, scale.requires_grad_())
    gradient = fg.jit(fg.grad(pure, 1))(*args)
    np.testing.assert_allclose(gradient, sum((v - 1) ** 2 for v in (0.3, 0.2, -1.0)) / 8 - 3 / 2)
