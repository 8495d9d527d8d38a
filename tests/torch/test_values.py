"""Values, dtypes and gradients are PyTorch's in full precision (values.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.torch.values import by_expression, differences, outcome, stored

CASES = by_expression()


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    pairs = zip(CASES[name], stored()[name], strict=True)
    found = {case.point: differences(case, outcome(torch, case), wanted) for case, wanted in pairs}
    assert not {point: differ for point, differ in found.items() if differ}


def test_nothing_else_is_stored():
    assert list(stored()) == list(CASES)
