"""Modules and functions of torch.nn compute PyTorch's numbers, once and twice differentiated (layers.json)."""

from __future__ import annotations

import pytest

import funcgrad.torch as torch
from tests.groups import together
from tests.torch.layers import DTYPES, cases, differences, outcome, stored

CASES = cases()


@pytest.mark.parametrize("dtype", DTYPES)
@together("name", CASES, lambda name: name.partition("(")[0].partition(" ")[0])
def test_layer(name, dtype):
    assert not differences(name, outcome(torch, CASES[name], dtype), stored()[name][dtype])


def test_nothing_else_is_stored():
    assert list(stored()) == list(CASES)
