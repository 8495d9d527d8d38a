"""What scripts from the web do, in PyTorch: what is stored is what PyTorch prints."""

from __future__ import annotations

import pytest

from tests.torch import script_programs
from tests.torch.programs import assert_same

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", script_programs.ALL)
def test_program(name):
    assert_same(script_programs.expected()[name], script_programs.found_by(real, script_programs.ALL[name]))
