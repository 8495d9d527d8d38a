"""The programs of lines.txt give what PyTorch gives: values, dtypes, entries, gradients and error texts."""

import json

import pytest

import funcgrad.torch as torch
from tests.torch.lines import EXPECTED, LINES, found, same

AT_ONCE = 50


@pytest.mark.parametrize("first", range(0, len(LINES), AT_ONCE))
def test_lines_give_what_pytorch_gives(first):
    wanted = json.loads(EXPECTED.read_text())
    differing = []
    for line in LINES[first : first + AT_ONCE]:
        given = found(torch, line)
        if not same(given, wanted[line]):
            differing.append((line, given, wanted[line]))
    assert not differing


def test_the_stored_results_are_of_these_lines():
    assert list(json.loads(EXPECTED.read_text())) == LINES
