"""Programs of several steps with changes in between: compiled, they give what they give as they are."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import funcgrad.torch as torch
from tests.torch.compiled_programs import PROGRAMS, UNCOMPILED, Program

TOLERANCE = 1e-10


def plain(x: Any) -> Any:
    if isinstance(x, torch.Tensor):
        return str(x.dtype), np.array(x.detach().tolist()).reshape(x.shape)
    return [plain(y) for y in x] if isinstance(x, (list, tuple)) else x


def run(program: Program, compiled: Any) -> list[Any]:
    return [plain(step) for step in program(torch, compiled)]


def assert_same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, (list, tuple)):
        assert type(found) is type(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b)
    elif isinstance(wanted, np.ndarray):
        np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE / 10, strict=True)
    else:
        assert found == wanted


@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled(name):
    wanted = run(PROGRAMS[name], lambda f: f)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="torch.compile")
        assert_same(run(PROGRAMS[name], torch.compile), wanted)


@pytest.mark.parametrize("name", UNCOMPILED)
def test_uncompiled(name):
    program, reason = UNCOMPILED[name]
    wanted = run(program, lambda f: f)
    with pytest.warns(UserWarning, match=reason) as told:
        assert_same(run(program, torch.compile), wanted)
    assert sum("torch.compile" in str(w.message) for w in told) == 1, "a reason is told once"
