"""The tour, as a user starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from funcgrad.tour.guide import main

TOUR = [sys.executable, "-m", "funcgrad"]


def test_in_a_file(capsys):
    assert main(["--quick"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\r" not in text
    assert max(map(len, text.splitlines())) <= 80
    for expected in ("held-out rows", "Compiled and eager", "not_requested", "stop_gradient", "create_graph"):
        assert expected in text


@pytest.mark.parametrize("options, status", [(["--help"], 0), (["--unknown"], 2)])
def test_options(options, status, capsys):
    with pytest.raises(SystemExit) as stop:
        main(options)
    assert stop.value.code == status
    assert "--quick" in "".join(capsys.readouterr())


@contextlib.contextmanager
def running(**streams):
    """The tour in a process of its own, which does not outlive the test."""
    with subprocess.Popen([*TOUR, "--quick"], stderr=subprocess.PIPE, text=True, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def end_of(process):
    """Its exit status and what it said of it."""
    said = process.stderr.read()
    return process.wait(), said


posix = pytest.mark.skipif(os.name != "posix", reason="signals and /dev/full")


@posix
def test_a_reader_that_stops_early():
    with running(stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert end_of(process) == (-signal.SIGPIPE, "")


@posix
@pytest.mark.long
@pytest.mark.parametrize("heading", ["The data", "Softmax regression"])
def test_interrupted(heading):
    with running(stdout=subprocess.PIPE) as process:
        while not process.stdout.readline().startswith(heading):
            pass
        process.send_signal(signal.SIGINT)
        assert end_of(process) == (-signal.SIGINT, "")


@posix
@pytest.mark.long
@pytest.mark.parametrize("options", [[], ["--help"]])
def test_a_full_disk(options):
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # argparse keeps errors of writing to itself
    with open("/dev/full", "w") as full:
        done = subprocess.run([*TOUR, *options], stdout=full, stderr=subprocess.PIPE, text=True, env=buffered)
    assert (done.returncode, done.stderr) == (1, "python -m funcgrad: standard output: No space left on device\n")


@posix
@pytest.mark.long
def test_a_closed_output():
    done = subprocess.run(TOUR, preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "python -m funcgrad: standard output is closed\n")


@posix
@pytest.mark.long
def test_an_interrupt_that_the_parent_ignores():
    ignoring = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    with running(stdout=subprocess.PIPE, preexec_fn=ignoring) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline().startswith("The data")
