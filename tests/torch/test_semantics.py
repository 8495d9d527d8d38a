"""Programs about autograd itself print what PyTorch printed, and end with its numbers in full precision
(semantics_expected.json; tests/parity compares with PyTorch)."""

from __future__ import annotations

import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.programs import assert_same, assert_same_numbers
from tests.torch.semantics_programs import PROGRAMS, expected, found

ULPS = {"phases": 256.0, "graphs": 64.0, "lossy": 256.0, "twice": 1024.0}
"""Whole layers, in another order of additions than PyTorch's; near singular ones differentiated twice. Eigenvectors, as
a BLAS for other processors than that of the stored numbers rounds them."""


@over_programs("name", PROGRAMS)
def test_program(name):
    ours, theirs = found(torch, PROGRAMS[name]), expected()[name]
    assert_same(ours, theirs)
    assert_same_numbers(ours["numbers"], theirs["numbers"], ULPS.get(name.partition(":")[0], 16.0))
