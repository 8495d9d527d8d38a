"""The programs of lines.txt and mistakes.txt give what PyTorch gives: values, dtypes, entries, error texts."""

import pytest

import funcgrad.torch as torch
from tests.torch.lines import FILES, expected, found, lines_of, same

AT_ONCE = 50
PARTS = [(file, first) for file in FILES for first in range(0, len(lines_of(file)), AT_ONCE)]


@pytest.mark.parametrize(("file", "first"), PARTS)
def test_lines_give_what_pytorch_gives(file, first):
    wanted = expected(file)
    differing = []
    for line in lines_of(file)[first : first + AT_ONCE]:
        given = found(torch, line)
        if not same(given, wanted[line]):
            differing.append((line, given, wanted[line]))
    assert not differing


@pytest.mark.parametrize("file", FILES)
def test_the_stored_results_are_of_these_lines(file):
    assert list(expected(file)) == lines_of(file)
