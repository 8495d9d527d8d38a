"""Zeros with a sign, half precision, and numbers that a dtype cannot hold."""

from __future__ import annotations

from math import inf, nan

import numpy as np
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


REFUSED = {
    "torch.zeros(3)[0] = 1j": "type float without overflow",
    "torch.zeros(3)[torch.tensor([True, False, True])] = 1j": "type float without overflow",
    "torch.zeros(3)[torch.tensor([0])] = torch.tensor([1j])": "got Float for the destination and ComplexFloat",
    "torch.zeros(3, dtype=torch.int64)[0] = inf": "type int64_t without overflow",
    "torch.zeros(2).fill_(1j)": "type float without overflow",
    "torch.zeros(2, dtype=torch.float64).fill_(1j)": "type double without overflow",
    "torch.zeros(2).fill_(1e39)": "type float without overflow",
    "torch.zeros(2, dtype=torch.float16).fill_(65519.0)": "type c10::Half without overflow",
    "torch.zeros(2, dtype=torch.complex64).fill_(1e300j)": "type c10::complex<float> without overflow",
    "torch.zeros(2, dtype=torch.uint8).fill_(300)": "type uint8_t without overflow",
    "torch.zeros(2, dtype=torch.uint8).fill_(-0.5)": "type uint8_t without overflow",
    "torch.zeros(2, dtype=torch.int32).fill_(2**31)": "type int without overflow",
    "torch.zeros(2).masked_fill(torch.tensor([True, False]), 1j)": "type float without overflow",
    "torch.zeros(2, dtype=torch.int8).masked_fill_(torch.tensor([True, False]), 128)": "type int8_t without overflow",
    "torch.zeros(2).scatter(0, torch.tensor([0]), 1j)": "type float without overflow",
    "torch.full((2,), 300, dtype=torch.uint8)": "type uint8_t without overflow",
    "torch.full_like(torch.zeros(2), 1j)": "type float without overflow",
    "torch.tensor([1j], dtype=torch.float32)": "must be real number, not complex",
    "torch.tensor([1, 1j], dtype=torch.int64)": "'complex' object cannot be interpreted as an integer",
    "torch.tensor([300], dtype=torch.uint8)": "type uint8 without overflow",
    "torch.tensor([nan], dtype=torch.int64)": "type int64 without overflow",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_numbers_that_a_dtype_cannot_hold(statement):
    with pytest.raises((RuntimeError, TypeError), match=REFUSED[statement]):
        exec(statement, {"torch": torch, "inf": inf, "nan": nan})


HELD = {
    "torch.zeros(2).fill_(1 + 0j)": [1.0, 1.0],
    "torch.zeros(2).fill_(inf)": [inf, inf],
    "torch.zeros(2, dtype=torch.uint8).fill_(-1)": [255, 255],
    "torch.zeros(2, dtype=torch.bool).fill_(1j)": [True, True],
    "torch.zeros(2, dtype=torch.int8).fill_(-0.5)": [0, 0],
    "torch.tensor([-1, True], dtype=torch.uint8)": [255, 1],
    "torch.tensor([1e39])": [inf],
    "torch.tensor([1e39], dtype=torch.float32)": [inf],
    "torch.tensor(np.array([300]), dtype=torch.uint8)": [44],
}


@pytest.mark.parametrize("expression", HELD)
def test_numbers_that_a_dtype_holds(expression):
    assert eval(expression, {"torch": torch, "inf": inf, "np": np}).tolist() == HELD[expression]


def test_float16_takes_numbers_stored_by_an_index_as_infinity():
    x = torch.zeros(2, dtype=torch.float16)
    x[0] = 1e10
    assert x.tolist() == [inf, 0.0]


