"""Operators and functions that get tensors and NumPy's arrays or numbers: all that PyTorch gives, and its errors."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from tests.groups import together
from tests.torch.numpy_programs import GROUPS, expected, of_group


@together("group", GROUPS, lambda group: group.partition(".")[0] if "." in group else "operators")
def test_is_what_pytorch_gives(group):
    pairs = zip(of_group(torch, group), expected()[group], strict=True)
    assert not [(ours, theirs) for ours, theirs in pairs if ours != theirs]


def test_an_array_beside_what_is_traced_names_the_line():
    array = np.ones(3, np.float32)
    pure, args, _ = torch.to_functional(lambda x: x * array, torch.ones(3))
    with pytest.raises(fg.errors.ConcretizationError, match="Compute with the Tensor itself"):
        fg.jit(pure)(*args)
    pure, args, _ = torch.to_functional(lambda x: x * torch.from_numpy(array), torch.ones(3))
    np.testing.assert_array_equal(fg.jit(pure)(*args), array)


def test_the_error_says_how_an_array_becomes_an_operand():
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\)(?s:.*)torch.from_numpy\(a\)"):
        torch.ones(3, requires_grad=True) * np.ones(3)
