"""What is stored of PyTorch's operators and functions with NumPy's arrays is what PyTorch gives."""

from __future__ import annotations

import pytest

from tests.torch.numpy_programs import GROUPS, expected, of_group

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("group", GROUPS)
def test_stored_results(group):
    assert of_group(torch, group) == expected()[group]
