"""What the tour's helpers write, to a terminal and to a file."""

import io
import re

import numpy as np
import pytest

from funcgrad.tour import terminal as module
from funcgrad.tour.terminal import Terminal


class Stream(io.StringIO):
    """A stream that may claim to be a terminal, with the encoding of its choice."""

    def __init__(self, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    @property
    def encoding(self) -> str:
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(module, "REDRAW_SECONDS", 0.0)


@pytest.fixture
def file():
    return Stream(tty=False)


@pytest.fixture
def tty(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return Stream(tty=True)


def lines(stream: Stream) -> list[str]:
    return stream.getvalue().splitlines()


def screen_width(text: str) -> int:
    """The longest stretch a terminal shows on one line."""
    return max(len(part) for part in re.split(r"[\r\n]", re.sub(r"\x1b\[\d+m", "", text)))


def run_progress(stream, total=20, steps=20, label="fitting", note="loss 0.12"):
    with Terminal(stream).progress(label, total) as bar:
        for _ in range(steps):
            bar.advance(note=note)


def test_stdout_is_the_default(capsys):
    Terminal().line("hello")
    assert capsys.readouterr().out == "hello\n"


def test_heading_fills_the_width_and_is_bold_on_a_terminal_only(file, tty):
    Terminal(file).heading("Data")
    Terminal(tty).heading("Data")
    assert lines(file) == ["", "Data " + "─" * 75]
    assert lines(tty) == ["", "\x1b[1mData\x1b[0m " + "─" * 75]


def test_long_heading_is_clipped(file):
    Terminal(file).heading("x" * 200)
    assert screen_width(file.getvalue()) == 80


def test_ascii_stream_gets_ascii():
    stream = Stream(tty=True, encoding="ascii")
    Terminal(stream).heading("Data")
    run_progress(stream)
    assert stream.getvalue().isascii()


def test_text_is_wrapped(file):
    Terminal(file).text("some   words\n   and more " * 20)
    assert screen_width(file.getvalue()) <= 80
    assert lines(file)[0].startswith("some words and more some words")


def test_narrow_terminal_narrows_everything(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream(tty=True)
    out = Terminal(stream)
    out.heading("A heading")
    out.text("words " * 30)
    out.table([["a cell with many words in it " * 3, 1.0]])
    run_progress(stream, label="a rather long label for a bar", note="a note that is too long to be shown")
    assert screen_width(stream.getvalue()) <= 40


@pytest.mark.parametrize(("name", "value", "redraws"), [("NO_COLOR", "1", True), ("TERM", "dumb", False)])
def test_environment_switches_off_colour(monkeypatch, tty, name, value, redraws):
    monkeypatch.setenv(name, value)
    Terminal(tty).heading("Data")
    run_progress(tty)
    assert "\x1b" not in tty.getvalue()
    assert ("\r" in tty.getvalue()) == redraws


def test_empty_no_color_means_nothing(monkeypatch, tty):
    monkeypatch.setenv("NO_COLOR", "")
    assert Terminal(tty).colour


def test_table_aligns_numbers_right_and_text_left(file):
    rows = [["Adelie", 146, 0.98765], ["Gentoo", 9, np.float32(1)]]
    Terminal(file).table(rows, header=["species", "rows", "accuracy"])
    assert lines(file) == [
        "species  rows  accuracy",
        "───────  ────  ────────",
        "Adelie    146    0.9877",
        "Gentoo      9         1",
    ]


def test_table_takes_an_alignment(file):
    Terminal(file).table([["eager", "12 us"], ["compiled", "3 us"]], align="<>")
    assert lines(file) == ["eager     12 us", "compiled   3 us"]


def test_table_wraps_long_cells_to_the_width(file):
    Terminal(file).table([["short", "long words " * 20, 7]], header=["a", "b", "c"])
    assert screen_width(file.getvalue()) <= 80
    assert len(lines(file)) > 3
    assert sum(line.endswith("7") for line in lines(file)) == 1


def test_table_of_nothing(file):
    Terminal(file).table([])
    assert file.getvalue() == ""
    Terminal(file).table([], header=["a", "b"])
    assert lines(file) == ["a  b", "─  ─"]


def test_table_refuses_ragged_rows_and_a_wrong_alignment(file):
    with pytest.raises(ValueError, match="same number of cells"):
        Terminal(file).table([[1, 2], [3]])
    with pytest.raises(ValueError, match="one character a column"):
        Terminal(file).table([[1, 2]], align="<")


def test_progress_in_a_file_is_one_line(file):
    run_progress(file)
    assert re.fullmatch(r"fitting: 20 steps in \d+\.\d\d s, loss 0\.12\n", file.getvalue())


def test_progress_on_a_terminal_redraws_and_ends_with_the_same_line(tty):
    run_progress(tty)
    text = tty.getvalue()
    assert text.count("\n") == 1 and text.count("\r") > 20
    assert screen_width(text) < 80
    assert " 50% loss 0.12" in text and "█" in text
    assert re.fullmatch(r"fitting: 20 steps in \d+\.\d\d s, loss 0\.12\n", text.rsplit("\r", 1)[1])


def test_redrawing_is_limited(monkeypatch, tty):
    monkeypatch.setattr(module, "REDRAW_SECONDS", 3600.0)
    run_progress(tty, total=1000, steps=1000)
    assert tty.getvalue().count("\r") == 3  # the empty bar, and two to replace it


def test_progress_that_ends_early_says_so(file):
    run_progress(file, total=20, steps=7)
    assert file.getvalue().startswith("fitting: 7 of at most 20 steps in ")


def test_progress_tells_of_an_error_and_lets_it_through(file):
    with pytest.raises(ZeroDivisionError), Terminal(file).progress("fitting", 20, unit="rows") as bar:
        bar.update(3)
        1 / 0
    assert file.getvalue().startswith("fitting: stopped after 3 of at most 20 rows in ")


def test_progress_of_nothing_and_of_too_much(tty):
    run_progress(tty, total=0, steps=0)
    run_progress(tty, total=2, steps=5)
    assert screen_width(tty.getvalue()) < 80
