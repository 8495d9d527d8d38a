"""What the default suite expects of packed sequences and other things of scripts is what the installed PyTorch does."""

from __future__ import annotations

import pytest

from tests.torch.breadth_programs import ALL, expected
from tests.torch.programs import assert_same
from tests.torch.training_programs import DTYPES, assert_near, recorded

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", ALL)
def test_program(name):
    found, wanted = recorded(real, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], {"float64": 1e-11, "float32": 1e-3}[dtype])
