"""Optimizers, schedules, data, distributions and `func` do as PyTorch did (training_expected.json)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.torch.programs import assert_same
from tests.torch.training_programs import ALL, DTYPES, assert_near, expected, recorded, tolerance


@pytest.mark.parametrize("name", ALL)
def test_program(name):
    found, wanted = recorded(torch, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], tolerance(name, dtype))
