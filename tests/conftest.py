"""A garbage collector that does not walk the suite: it would take a third of the time; and no kernels kept on disk."""

from __future__ import annotations

import gc
import os

import pytest

# before funcgrad is imported, and for the processes that tests start: what they compile is compiled
os.environ["FUNCGRAD_CACHE_DIR"] = ""


@pytest.fixture(scope="module", autouse=True)
def _small_heap():
    """What was there before a file's tests, thousands of tests and numba, is not looked at: 0.1 s a pass."""
    gc.collect()
    gc.freeze()
