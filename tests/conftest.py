"""What makes the suite cheaper: SciPy's BLAS in one thread, a garbage collector that walks only what is new, and the
bytecode of funcgrad for the processes that tests start. No kernels are kept on disk."""

from __future__ import annotations

import gc
import os
import sys
from unittest import mock

import numpy  # noqa: F401  its BLAS keeps its threads: the compiler's pool may use as many
import pytest

# before funcgrad is imported, and for the processes that tests start: what they compile is compiled
os.environ["FUNCGRAD_CACHE_DIR"] = ""

# The threads of SciPy's BLAS wait for each other by spinning, even for matrices of two rows. Beside another worker that
# takes milliseconds for what takes microseconds, and half the time of all tests of scipy.linalg.
with mock.patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1"}):
    import scipy.linalg  # noqa: F401

# A hundred processes import funcgrad, which takes twice as long where it is compiled each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_itemcollected(item: pytest.Item) -> None:
    """`-k` finds a test of tests/groups.py by all the names that it is of."""
    members = getattr(getattr(item, "function", None), "members", None)
    if members:
        item.extra_keyword_matches.update(members[item.callspec.params["function"]])


@pytest.fixture(scope="module", autouse=True)
def _small_heap():
    """What was there before a file's tests, thousands of tests and numba, is not looked at: 0.1 s a pass."""
    gc.collect()
    gc.freeze()
