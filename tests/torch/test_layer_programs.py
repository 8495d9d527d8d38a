"""Programs about modules print what PyTorch printed (layer_programs.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.layer_programs import ALL, expected
from tests.torch.programs import assert_same, outcome


@over_programs("name", ALL)
def test_program(name):
    assert_same(outcome(torch, ALL[name]), expected()[name])


def test_nothing_else_is_stored():
    assert list(expected()) == list(ALL)
