"""What tests/torch/test_func.py expects is what the installed PyTorch does."""

from __future__ import annotations

import pytest

from tests.torch.func_programs import PROGRAMS, expected, found
from tests.torch.programs import assert_same, assert_same_numbers

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", PROGRAMS)
def test_expected_is_what_pytorch_does(name):
    kept, theirs = expected()[name], found(real, PROGRAMS[name])
    assert_same(kept, theirs)
    assert_same_numbers(kept["numbers"], theirs["numbers"])
