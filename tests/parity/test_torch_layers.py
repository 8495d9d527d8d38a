"""torch.nn of funcgrad.torch against PyTorch: what the default suite expects is what PyTorch computes and prints."""

from __future__ import annotations

import pytest

import funcgrad.torch as shim
import funcgrad.torch.nn  # noqa: F401
from tests.torch import layer_programs, layer_seeds, layers
from tests.torch.programs import assert_same, outcome

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


BY_PROCESSOR = {"F.gelu(x) at the edges"}
"""PyTorch's gelu of inf is NaN with AVX2, as stored, and inf with AVX-512."""


@pytest.mark.parametrize("name", [n for n in layers.cases() if n not in BY_PROCESSOR])
def test_the_numbers_that_are_stored_are_pytorchs(name):
    for dtype in layers.DTYPES:
        found = layers.outcome(real, layers.cases()[name], dtype)
        assert not layers.differences(name, layers.stored()[name][dtype], found)


@pytest.mark.parametrize("name", layer_programs.ALL)
def test_program(name):
    wanted = outcome(real, layer_programs.ALL[name])
    assert_same(layer_programs.expected()[name], wanted)
    assert_same(outcome(shim, layer_programs.ALL[name]), wanted)


@pytest.mark.parametrize("name", layer_seeds.draws())
def test_the_weights_that_are_stored_are_pytorchs(name):
    for dtype in layer_seeds.DTYPES:
        assert layer_seeds.outcome(real, layer_seeds.draws()[name], dtype) == layer_seeds.stored()[name][dtype]
