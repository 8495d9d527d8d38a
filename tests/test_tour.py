"""The tour, as a user starts it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from funcgrad.__main__ import main

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


def test_a_reader_that_stops_early():
    with subprocess.Popen([*TOUR, "--quick"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
