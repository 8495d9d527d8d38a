"""Programs with what scripts from the web do print what PyTorch printed (script_expected.json)."""

from __future__ import annotations

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.programs import assert_same
from tests.torch.script_programs import ALL, expected, found_by


@over_programs("name", ALL)
def test_program(name):
    assert_same(found_by(torch, ALL[name]), expected()[name])


def test_nothing_else_is_stored():
    assert list(expected()) == list(ALL)
