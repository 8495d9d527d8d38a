"""Packed sequences and other things of scripts are as in PyTorch (breadth_expected.json; tests/parity compares)."""

from __future__ import annotations

import pickle

import pytest

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.breadth_programs import ALL, expected
from tests.torch.programs import assert_same
from tests.torch.training_programs import DTYPES, assert_near, recorded, tolerance


@over_programs("name", ALL)
def test_program(name):
    found, wanted = recorded(torch, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], tolerance(name, dtype))


def test_nothing_else_is_stored():
    assert list(expected()) == list(ALL)


@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16])
def test_casting_on_the_cpu_is_refused(dtype):
    """PyTorch would give bfloat16, or float16 by other rounding."""
    with pytest.raises(NotImplementedError, match=r"autocast\('cpu', enabled=False\)"):
        torch.autocast("cpu", dtype=dtype)
    with pytest.raises(NotImplementedError, match="enabled=False"):
        torch.set_autocast_enabled("cpu", True)
    assert torch.get_autocast_dtype("cpu") is torch.bfloat16


def test_a_dtype_that_numpy_has_not_is_a_name_only():
    assert pickle.loads(pickle.dumps(torch.bfloat16)) is torch.bfloat16
    assert torch.ones(1).dtype != torch.bfloat16
    for use in (lambda: torch.ones(1, dtype=torch.bfloat16), lambda: torch.ones(1).to(torch.bfloat16),
                lambda: torch.finfo(torch.bfloat16), lambda: torch.set_default_dtype(torch.bfloat16),
                lambda: torch.nn.Linear(1, 1, dtype=torch.bfloat16), lambda: torch.ones(1).bfloat16(),
                lambda: torch.nn.Linear(1, 1).bfloat16(),
                lambda: torch.nn.Linear(1, 1).to(torch.bfloat16)):  # fmt: skip
        with pytest.raises(TypeError, match=r"use torch\.float32"):
            use()
    assert torch.get_default_dtype() is torch.float32


def test_the_mode_is_as_it_was_after_an_error():
    with pytest.raises(ZeroDivisionError), torch.autocast("cuda", dtype=torch.bfloat16, enabled=False):
        1 / 0
    assert torch.get_autocast_dtype("cuda") is torch.float16
