"""What the default suite expects of training is what the installed PyTorch does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.torch.programs import assert_same
from tests.torch.scripts import curves
from tests.torch.training_programs import ALL, DTYPES, assert_near, expected, recorded

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch
ROUNDING = {"float64": 1e-11, "float32": 1e-3}
"""Between machines: PyTorch's kernels round as the vector units do, and L-BFGS carries it on."""


@pytest.mark.parametrize("name", ALL)
def test_program(name):
    found, wanted = recorded(real, ALL[name]), expected()[name]
    assert_same(found["outcome"], wanted["outcome"])
    for dtype in DTYPES:
        assert_near(found[dtype], wanted[dtype], ROUNDING[dtype])


@pytest.mark.parametrize("dtype", curves.DTYPES)
@pytest.mark.parametrize("script", curves.SCRIPTS)
def test_curve(script, dtype):
    found = curves.curve(real, script, dtype)
    np.testing.assert_allclose(found, curves.stored()[script][dtype], rtol=ROUNDING[dtype])
