"""Data sets are read as PyTorch read them (data_expected.json), also by workers, which are no processes here."""

from __future__ import annotations

import random

import numpy as np
import pytest

import funcgrad.torch as torch
from funcgrad.torch._tensor import messages
from tests.groups import over_programs
from tests.torch.data_programs import READ, WORKERS, expected
from tests.torch.programs import assert_same, outcome


@over_programs("name", READ)
def test_program(name):
    assert_same(outcome(torch, READ[name]), expected()[name])


@over_programs("name", WORKERS)
def test_workers(name):
    found, wanted = outcome(torch, WORKERS[name]), expected()[name]
    assert_same({**found, "warnings": []}, {**wanted, "warnings": []})


def test_workers_are_no_processes(monkeypatch):
    monkeypatch.setattr(messages, "_warned", set())
    with pytest.warns(UserWarning, match="reads data in the process that computes"):
        assert len(list(torch.utils.data.DataLoader(range(3), num_workers=2))) == 3


class Failing(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise KeyError(torch.utils.data.get_worker_info().id)


def test_random_numbers_are_given_back_after_an_error():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]  # noqa: NPY002
    loader = torch.utils.data.DataLoader(Failing(), num_workers=2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(KeyError, match="0"):
        next(iter(loader))
    assert torch.utils.data.get_worker_info() is None
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    np.testing.assert_array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
