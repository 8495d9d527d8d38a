"""What tests/torch/test_semantics.py expects is what the installed PyTorch does."""

from __future__ import annotations

import pytest

from tests.torch.programs import assert_same, assert_same_numbers
from tests.torch.semantics_programs import PROGRAMS, expected, found

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", PROGRAMS)
def test_expected_is_what_pytorch_does(name):
    theirs, kept = found(real, PROGRAMS[name]), expected()[name]
    assert_same(theirs, kept)
    assert_same_numbers(theirs["numbers"], kept["numbers"])
