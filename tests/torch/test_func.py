"""Programs about `torch.func` print what PyTorch printed, and end with its numbers in full precision
(func_expected.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.func_programs import PROGRAMS, expected
from tests.torch.programs import assert_same, assert_same_numbers
from tests.torch.semantics_programs import found


@over_programs("name", PROGRAMS)
def test_program(name):
    ours, theirs = found(torch, PROGRAMS[name]), expected()[name]
    assert_same(ours, theirs)
    assert_same_numbers(ours["numbers"], theirs["numbers"])
