"""llvmlite's interface to LLVM, imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from funcgrad.core.forks import unforked


@contextmanager
def llvm() -> Iterator[Any]:
    """The module, for calls in the block: llvmlite has a lock of its own, into which no fork must fall.

    The first time it takes 0.05 s; eager programs of small arrays do without it. Nothing is compiled in the block, for
    which other threads may be needed.
    """
    with unforked:
        from llvmlite import binding

        yield binding
