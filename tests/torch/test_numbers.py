"""Zeros with a sign, half precision, and numbers that a dtype cannot hold."""

from __future__ import annotations

from math import inf

import pytest

import funcgrad.torch as torch

POWERS = [  # base, exponent, power, its derivatives by the base and by the exponent
    (-0.0, -1.0, -inf, -inf, inf),
    (0.0, -1.0, inf, -inf, -inf),
    (-0.0, -2.0, inf, inf, -inf),
    (0.0, -2.0, inf, -inf, -inf),
    (-0.0, -3.0, -inf, -inf, inf),
    (-0.0, -0.5, inf, -inf, -inf),
    (-0.0, -1e30, inf, -inf, -inf),
    (-0.0, -inf, inf, -inf, -inf),
    (-0.0, 0.0, 1.0, 0.0, 0.0),
    (-0.0, 1.0, -0.0, 1.0, 0.0),
    (-0.0, 0.5, 0.0, inf, 0.0),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("point", POWERS)
def test_powers_of_zeros_with_a_sign(point, dtype):
    x, y, alone = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (*point[:2], point[1]))
    power = torch.pow(x, y)
    power.backward()
    of_number = point[0] ** alone
    of_number.backward()
    assert (power.item(), x.grad.item(), y.grad.item()) == point[2:]
    assert (of_number.item(), alone.grad.item()) == point[2::2]


def gradient(expression):
    def by(x, zeros):
        leaf = x[:3].clone().requires_grad_()
        (expression(leaf, x, zeros) * 1e-3).sum().backward()
        return leaf.grad[0]

    return by


HALVES = {
    "sum along the first axis": lambda x, zeros: torch.stack([x, x], 1).sum(0)[0],
    "cumsum": lambda x, zeros: x.cumsum(0)[-1],
    "cumsum of numbers with a gradient": gradient(lambda leaf, x, zeros: torch.cat([leaf, x[3:]]).cumsum(0)),
    "gather": gradient(lambda leaf, x, zeros: leaf.gather(0, zeros)),
    "scatter_add": lambda x, zeros: torch.zeros(3, dtype=torch.float16).scatter_add(0, zeros, x)[0],
}


@pytest.mark.parametrize("name", HALVES)
def test_half_precision_is_accumulated_in_float32(name):
    x, zeros = torch.full((5000,), 1e-3, dtype=torch.float16), torch.zeros(5000, dtype=torch.int64)
    out = HALVES[name](x, zeros)
    assert (out.dtype, out.item()) == (torch.float16, 5.00390625)


def test_products_in_half_precision_are_accumulated_in_float32():
    x = torch.full((5000,), 1.001, dtype=torch.float16)
    assert x.cumprod(0)[-1].item() == 131.625
