"""What stands around models in funcgrad.torch, against PyTorch: what is stored is what PyTorch prints."""

from __future__ import annotations

import pytest

from tests.torch import tool_programs
from tests.torch.programs import assert_same

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def distributions_check():
    """PyTorch's compiler, which runs `torch.cond`, switches the checks of distributions off for the whole process."""
    yield
    real.distributions.Distribution.set_default_validate_args(True)


@pytest.mark.parametrize("name", tool_programs.ALL)
def test_program(name):
    assert_same(tool_programs.expected()[name], tool_programs.found_by(real, tool_programs.ALL[name]))
