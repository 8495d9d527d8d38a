"""Headings, tables and a progress bar for at most 80 columns, readable on a terminal and in a file."""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

import numpy as np

MAX_WIDTH = 80
REDRAW_SECONDS = 0.05
BOLD, GREEN, RESET = "\x1b[1m", "\x1b[32m", "\x1b[0m"


class Terminal:
    """Where the tour writes. `stream` is standard output unless given.

    Colour and redrawing happen only where the stream is a terminal that can do them; NO_COLOR
    (https://no-color.org) switches colour off, and TERM=dumb both.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.redraws = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.redraws and not os.environ.get("NO_COLOR")
        columns = shutil.get_terminal_size((MAX_WIDTH, 24)).columns if self.redraws else MAX_WIDTH
        self.width = max(20, min(MAX_WIDTH, columns))
        fancy = _can_encode(self.stream, "█░─")
        self.full, self.empty, self.rule = "█░─" if fancy else "#.-"

    def style(self, text: str, code: str) -> str:
        """`text` between the escape `code` and a reset, or as it is where colour is off."""
        return f"{code}{text}{RESET}" if self.colour else text

    def line(self, text: str = "") -> None:
        """One line as it is, for text that must not be wrapped (code, a graph)."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def text(self, text: str) -> None:
        """A paragraph, its white space joined and wrapped to the width."""
        self.line(textwrap.fill(" ".join(text.split()), self.width))

    def heading(self, title: str) -> None:
        """A section heading: an empty line, and the title with a rule to the right margin."""
        title = _clip(title, self.width)
        rule = self.rule * (self.width - len(title) - 1)
        self.line()
        self.line(f"{self.style(title, BOLD)} {rule}".rstrip())

    def table(
        self, rows: Sequence[Sequence[object]], header: Sequence[str] | None = None, align: str = ""
    ) -> None:
        """Aligned columns: numbers to the right, the rest to the left, long cells wrapped to fit the width.

        Floats are shown with 4 significant digits; pass strings for another format, and `align` with one of
        "<" and ">" a column for another side.
        """
        body = [[_cell(value) for value in row] for row in rows]
        lines = body if header is None else [list(header), *body]
        if not lines:
            return
        if len({len(row) for row in lines}) > 1:
            raise ValueError("every row of a table needs the same number of cells")
        columns = range(len(lines[0]))
        if align and len(align) != len(columns):
            raise ValueError(f"align needs one character a column, got {align!r} for {len(columns)}")
        if not align:
            numeric = [bool(rows) and all(_is_number(row[c]) for row in rows) for c in columns]
            align = "".join(">" if n else "<" for n in numeric)
        widths = _fit([max(len(row[c]) for row in lines) for c in columns], self.width)
        for i, row in enumerate(lines):
            wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths)]
            for k in range(max(map(len, wrapped), default=0)):
                parts = [cell[k] if k < len(cell) else "" for cell in wrapped]
                padded = [p.rjust(w) if a == ">" else p.ljust(w) for p, w, a in zip(parts, widths, align)]
                self.line("  ".join(padded).rstrip())
            if header is not None and i == 0:
                self.line("  ".join(self.rule * w for w in widths))

    def progress(self, label: str, total: int, unit: str = "steps") -> "Progress":
        """A progress bar, for a `with` statement."""
        return Progress(self, label, total, unit)


class Progress:
    """A bar that is redrawn on a terminal; at its end, there and in a file, one line says what was done.

    >>> with Terminal().progress("fitting", total=10) as bar:  # doctest: +SKIP
    ...     for step in range(10):
    ...         bar.update(step + 1, "loss 0.12")
    fitting: 10 steps in 0.31 s, loss 0.12
    """

    def __init__(self, terminal: Terminal, label: str, total: int, unit: str = "steps") -> None:
        self.terminal, self.label, self.total, self.unit = terminal, label, total, unit
        self.done, self.note = 0, ""
        self._start, self._drawn = time.perf_counter(), float("-inf")

    def __enter__(self) -> "Progress":
        self._start = time.perf_counter()
        self._draw()
        return self

    def update(self, done: int, note: str = "") -> None:
        """`done` of the total are done; `note` is shown behind the bar and in the last line."""
        self.done, self.note = done, note
        if time.perf_counter() - self._drawn >= REDRAW_SECONDS:
            self._draw()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done."""
        self.update(self.done + steps, note)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._start
        count = str(self.done) if self.done == self.total else f"{self.done} of at most {self.total}"
        stopped = "" if kind is None else "stopped after "
        note = f", {self.note}" if self.note else ""
        line = f"{self.label}: {stopped}{count} {self.unit} in {seconds:.2f} s{note}"
        width = self.terminal.width
        if self.terminal.redraws:
            self.terminal.stream.write("\r" + " " * (width - 1) + "\r")
        self.terminal.line(_clip(line, width))

    def _draw(self) -> None:
        terminal = self.terminal
        if not terminal.redraws:
            return
        self._drawn = time.perf_counter()
        # The last column stays free: a character there makes some terminals start a new line.
        room = terminal.width - 1
        share = min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 1.0
        label, note = _clip(self.label, room // 3), f"{share:4.0%} {self.note}"
        cells = max(4, min(30, room - len(label) - len(note) - 2))
        note = _clip(note, room - len(label) - cells - 2)
        filled = round(share * cells)
        bar = terminal.style(terminal.full * filled, GREEN) + terminal.empty * (cells - filled)
        padding = " " * (room - len(label) - cells - len(note) - 2)
        terminal.stream.write(f"\r{label} {bar} {note}{padding}")
        terminal.stream.flush()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."[:width]


def _fit(widths: list[int], total: int) -> list[int]:
    """`widths` with two spaces between, the widest made narrower until they fit."""
    widths = [max(1, w) for w in widths]
    while sum(widths) + 2 * (len(widths) - 1) > total and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError, AttributeError):
        return False
    return True
