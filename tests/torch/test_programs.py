"""Each program prints what PyTorch printed (expected.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.torch.programs import ALL, assert_same, expected, outcome


@pytest.mark.parametrize("name", ALL)
def test_program(name):
    assert_same(outcome(torch, ALL[name]), expected()[name])
