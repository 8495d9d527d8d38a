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
