"""What is stored of PyTorch's signatures, and of programs of one line, is what the installed PyTorch has."""

import pytest

from funcgrad.torch._ops.signatures import STORED
from tests.torch.lines import FILES, expected, found, lines_of, same
from tests.torch.signatures import listed

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


def test_the_signatures_are_pytorchs():
    assert STORED.read_text() == listed(torch)


@pytest.mark.parametrize("file", FILES)
def test_the_lines_give_what_is_stored(file):
    wanted = expected(file)
    assert not [line for line in lines_of(file) if not same(found(torch, line), wanted[line])]
