"""One line on the terminal while a long compile runs, erased at its end. Nothing where stderr is no terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE, EVERY = 2.0, 0.5
"""Seconds after which the line is there, and between two of it."""
_ERASE = "\r\x1b[K"


@contextmanager
def shown(operations: int) -> Iterator[None]:
    """Show for how long a program of so many operations has been compiled."""
    terminal = _terminal()
    if terminal is None:
        yield
        return
    ended = threading.Event()
    # a thread, as the compile has no place from which it could report in time: most of it is one call of LLVM's
    line = threading.Thread(target=_show, args=(terminal, operations, ended), name="funcgrad progress", daemon=True)
    with suppress(RuntimeError):  # no threads any more
        line.start()
    try:
        yield
    finally:
        ended.set()
        if line.ident is not None:
            line.join()


def _terminal() -> int | None:
    """The file descriptor of stderr, if that is a terminal."""
    try:
        number = sys.stderr.fileno()
        return number if os.isatty(number) else None
    except (AttributeError, OSError, ValueError):
        return None


def _show(terminal: int, operations: int, ended: threading.Event) -> None:
    seconds, wait = 0.0, PATIENCE
    while not ended.wait(wait):
        seconds, wait = seconds + wait, EVERY
        _write(terminal, f"{_ERASE}funcgrad compiles {operations} operations: {seconds:.0f} s")
    if seconds:
        _write(terminal, _ERASE)


def _write(terminal: int, text: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        os.write(terminal, text.encode())
