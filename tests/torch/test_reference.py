"""The page and the stubs say what there is: they are made from it, and made again when it changes."""

from __future__ import annotations

import inspect

import pytest

import funcgrad.torch as torch
from funcgrad.torch._ops import methods
from funcgrad.torch._ops.table import ROWS
from tests.torch import reference

WRITTEN = reference.written()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.name)
def test_what_is_written_is_what_there_is(path):
    assert path.read_text() == WRITTEN[path], "run python -m tests.torch.reference"


def test_every_row_stands_in_a_room():
    rooms = {room.__name__ for room in methods.ROOMS}
    assert {reference._home(row) for row in ROWS.values() if not row.space} <= rooms


def test_every_row_says_what_it_computes():
    assert [name for name, row in ROWS.items() if not inspect.getdoc(row.function)] == []


def test_a_name_that_is_not_there_names_the_nearest():
    with pytest.raises(AttributeError, match=r"no attribute 'sofmax'. There is softmax"):
        torch.sofmax
