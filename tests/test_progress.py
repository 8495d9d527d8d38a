"""What a long compile shows on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
import time
import numpy as np
import funcgrad as fg
from funcgrad.compile import progress, program

progress.PATIENCE = 0.2
progress.EVERY = 0.1
simplify = program.simplify


def slowly(graph):
    time.sleep(1.0)
    return simplify(graph)


program.simplify = slowly
print(fg.jit(lambda x: np.sin(x) * x)(np.float64(0.0)))
"""


def on_terminal(script: str) -> str:
    """What a script writes to stderr, which is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 1024)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_a_long_compile_shows_a_line_that_is_erased() -> None:
    *lines, last = on_terminal(SCRIPT).split("\r\x1b[K")
    assert last == ""
    assert lines[0] == ""
    assert set(lines[1:]) >= {"funcgrad compiles 2 operations: 0 s"}


@pytest.mark.long
def test_a_short_compile_shows_nothing() -> None:
    script = SCRIPT.replace("progress.PATIENCE = 0.2", "progress.PATIENCE = 60")
    assert "PATIENCE = 60" in script
    assert on_terminal(script) == ""


@pytest.mark.long
def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert found.stdout == "0.0\n"
    assert found.stderr == ""
