"""Each program prints what PyTorch printed and computes the same numbers, in full precision (expected.json and
numbers.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.programs import (
    ALL,
    all_numbers,
    assert_same,
    assert_same_numbers,
    expected,
    kept_numbers,
    outcome,
)


@over_programs("name", ALL)
def test_program(name):
    assert_same(outcome(torch, ALL[name]), expected()[name])


@over_programs("name", ALL)
def test_numbers(name):
    for found, wanted in zip(all_numbers(torch, ALL[name]), kept_numbers()[name], strict=True):
        assert_same_numbers(found, wanted)
