"""What stands at the top of `torch` does as PyTorch did (top_expected.json)."""

from __future__ import annotations

import subprocess
import sys

import pytest

import funcgrad as fg
import funcgrad.torch as torch
from tests.groups import over_programs
from tests.torch.programs import assert_same
from tests.torch.top_programs import ALL, PRINTED, expected, found_by


@over_programs("name", ALL)
def test_program(name):
    found, wanted = found_by(torch, ALL[name]), expected()[name]
    assert_same({**found, "printed": found["printed"].replace("funcgrad.torch", "torch")}, wanted)


@over_programs("name", PRINTED)
def test_printed(name):
    assert found_by(torch, PRINTED[name])["printed"] == expected()[name]["printed"]


def test_importing_leaves_layers_alone():
    code = "import sys, funcgrad.torch as torch; print(any('torch.nn' in m for m in sys.modules)); torch.conv1d"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_names_of_layers_are_listed():
    assert {"conv1d", "batch_norm", "lstm_cell"} <= set(dir(torch))
    with pytest.raises(AttributeError, match="There is conv1d"):
        torch.conv1


def test_threads_are_those_of_kernels():
    before = fg.config.threads
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == fg.config.threads == 1
    finally:
        fg.config.threads = before


def test_warnings_that_are_given_always():
    array = torch.ones(2).numpy()
    array.flags.writeable = False
    torch.set_warn_always(True)
    try:
        for _ in range(2):
            with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
                torch.from_numpy(array)
    finally:
        torch.set_warn_always(False)
