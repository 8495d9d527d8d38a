"""Programs with what stands around models print what PyTorch printed (tool_expected.json; tests/parity compares)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.programs import assert_same
from tests.torch.tool_programs import ALL, expected, found_by


@over_programs("name", ALL)
def test_program(name):
    assert_same(found_by(torch, ALL[name]), expected()[name])


def test_nothing_else_is_stored():
    assert list(expected()) == list(ALL)


@pytest.mark.parametrize(
    "make, remedy",
    [
        (lambda: torch.nn.Linear(1, 1), r"write torch.save\(x.state_dict\(\), file\).* of a Linear"),
        (lambda: torch.optim.SGD([torch.nn.Parameter(torch.ones(1))]), r"x.load_state_dict\(torch.load\(file\)\)"),
        (lambda: {"model": object()}, "save tensors, numbers, .* but no object"),
    ],
)
def test_objects_of_classes_are_not_saved(make, remedy, tmp_path):
    with pytest.raises(TypeError, match=remedy):
        torch.save(make(), tmp_path / "file")
    assert not (tmp_path / "file").exists()
