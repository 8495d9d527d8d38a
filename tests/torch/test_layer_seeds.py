"""A seed gives PyTorch's initial weights (layer_seeds.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.torch as torch
import funcgrad.torch.nn  # noqa: F401
from tests.groups import together
from tests.torch.layer_seeds import DTYPES, draws, outcome, stored

DRAWS = draws()


@pytest.mark.parametrize("dtype", DTYPES)
@together("name", DRAWS, str)
def test_initial_weights(name, dtype):
    """Equal but for the last digit of logarithms and products of matrices."""
    found, wanted = outcome(torch, DRAWS[name], dtype), stored()[name][dtype]
    assert len(found) == len(wanted)
    rounded = 64 if "orthogonal" in name else 8 if "normal" in name or "Embedding" in name or "sparse" in name else 1
    for f, w in zip(found, wanted):
        a, b = (np.array(text.split(), dtype) for text in (f, w))
        assert np.abs(a - b).max(initial=0.0) <= rounded * np.finfo(dtype).eps * np.abs(b).max(initial=0.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in DRAWS if "uniform" in n or "Linear" in n or "Conv" in n or "LSTM" in n])
def test_uniform_weights_are_equal_bit_for_bit(name, dtype):
    assert outcome(torch, DRAWS[name], dtype) == stored()[name][dtype]
