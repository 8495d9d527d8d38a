"""``python -m funcgrad`` is a tour on real data; ``python -m funcgrad explain`` says why gradients are missing."""

from __future__ import annotations

import os
import signal
import sys

COMMAND = "python -m funcgrad"


def end_by_signals() -> None:
    """From here on Ctrl-C, and a reader that has seen enough (``| head``), end the process as they end any command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # otherwise the parent wants Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def run() -> int | str:
    """The tour, or what is asked for; its exit status, or what to say of an output that cannot be written."""
    if sys.stdout is None:
        return f"{COMMAND}: standard output is closed"
    try:
        try:
            return _chosen()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes once more
        return f"{COMMAND}: standard output: {error.strerror}"


def _chosen() -> int:
    if sys.argv[1:2] == ["explain"]:
        from funcgrad.command import main as explain  # whichever is asked for

        return explain(sys.argv[2:])
    from funcgrad.tour.guide import main as tour  # whichever is asked for

    return tour()


if __name__ == "__main__":
    end_by_signals()
    raise SystemExit(run())
