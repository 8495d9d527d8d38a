"""Ten small training scripts have PyTorch's loss curves, from the same seeds."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.torch as torch
from tests.torch.scripts.curves import DTYPES, SCRIPTS, TOLERANCE, curve, stored


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_curve(script, dtype):
    wanted = stored()[script][dtype]
    assert len(wanted) == 50 and np.isfinite(wanted).all()
    np.testing.assert_allclose(curve(torch, script, dtype), wanted, rtol=TOLERANCE[dtype])
