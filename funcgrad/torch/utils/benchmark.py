"""`torch.utils.benchmark`: how long a statement takes."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Measurement", "Timer"]
_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
_UNSTEADY, _DISTURBED = 0.1, 0.25
"""Quarter to quarter, relative to the median: from where on a measurement is doubted."""
_OVERHEAD = 1e-4
"""How much of a block may be the clock's."""


class Measurement:
    """What a `Timer` has found: `raw_times` in seconds, of `number_per_run` runs each.

    >>> from funcgrad.torch.utils.benchmark import Timer
    >>> found = Timer("x + 1", globals={"x": 1}, label="sums").timeit(10)
    >>> found.number_per_run, len(found.times), found.title
    (10, 1, 'sums')
    """

    def __init__(self, number_per_run: int, raw_times: list[float], timer: Timer) -> None:
        self.number_per_run, self.raw_times = number_per_run, raw_times
        self.stmt, self.setup, self.num_threads, self.env = timer.stmt, timer.setup, timer.num_threads, timer.env
        self.label, self.sub_label, self.description = timer.label, timer.sub_label, timer.description

    @property
    def times(self) -> list[float]:
        """Seconds a run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        return float(np.mean(self.times))

    @property
    def median(self) -> float:
        return float(np.median(self.times))

    @property
    def iqr(self) -> float:
        """From the first to the last quarter."""
        low, high = self._quarters()
        return high - low

    def _quarters(self) -> tuple[float, float]:
        low, high = np.quantile(self.times, (0.25, 0.75)).tolist()
        return low, high

    def meets_confidence(self, threshold: float = _UNSTEADY) -> bool:
        """Whether it is steady: the `iqr` is less than that part of the median."""
        return self.iqr / self.median < threshold

    @property
    def has_warnings(self) -> bool:
        return not self.meets_confidence()

    @property
    def as_row_name(self) -> str:
        return self.sub_label or self.stmt or "[Unknown]"

    @property
    def title(self) -> str:
        if self.label is None:
            return self.stmt if "\n" not in self.stmt else f"stmt:\n{_indented(self.stmt)}\n"
        return self.label + (f": {self.sub_label}" if self.sub_label else "")

    def __repr__(self) -> str:
        unit, scale = next((unit for unit in _UNITS if self.median >= unit[1]), _UNITS[-1])
        several = len(self.raw_times) > 1
        low, high = self._quarters()
        lines = [object.__repr__(self), self.title, *([self.description] if self.description else [])]
        if self.setup and self.setup != "pass":
            lines.append(f"setup:\n{_indented(self.setup)}" if "\n" in self.setup else f"setup: {self.setup}")
        lines.append(f"  {'Median: ' if several else ''}{self.median / scale:.2f} {unit}")
        if len(self.raw_times) >= 4:
            spread = f"{self.iqr / scale:.2f} {unit} ({low / scale:.2f} to {high / scale:.2f})"
            lines.append(f"  IQR:    {spread}")
        runs = f"{self.number_per_run} runs {'per measurement,' if several else ','}"
        threads = f"{self.num_threads} thread{'s' * (self.num_threads > 1)}"
        lines.append(f"  {len(self.raw_times)} measurement{'s' * several}, {runs} {threads}")
        if self.has_warnings:
            cause = "could indicate system fluctuation" if self.meets_confidence(_DISTURBED) else (
                "suggests significant environmental influence"
            )
            part = f"{self.iqr / self.median * 100:.1f}%"
            lines.append(f"  WARNING: Interquartile range is {part} of the median measurement.")
            lines.append(f"           This {cause}.")
        return "\n".join(lines)


def _indented(code: str) -> str:
    return "\n".join(f"  {line}" for line in code.strip("\n").splitlines())


class Timer:
    """Times a statement of Python. `num_threads` is told, and changes nothing.

    >>> import funcgrad.torch as torch
    >>> from funcgrad.torch.utils.benchmark import Timer
    >>> found = Timer("x * 2", globals={"x": torch.ones(8)}).blocked_autorange(min_run_time=0.01)
    >>> found.median < 1
    True
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "Python",
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if str(getattr(language, "name", language)).lower() not in ("python", "py"):
            raise NotImplementedError(f"write the statement in Python: Timer of funcgrad.torch times no {language}")
        if global_setup:
            raise ValueError(
                f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to `setup`."
            )
        self.stmt, self.setup, self.num_threads, self.env = stmt.strip("\n"), setup.strip("\n"), num_threads, env
        self.label, self.sub_label, self.description = label, sub_label, description
        self._timer = timeit.Timer(self.stmt, self.setup, timer, globals if globals is not None else {})

    def timeit(self, number: int = 1000000) -> Measurement:
        """So many runs as one measurement, after a hundredth of them (two at least) that are not counted."""
        self._timer.timeit(max(number // 100, min(number, 2)))
        return Measurement(number, [self._timer.timeit(number)], self)

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Blocks of runs, each so long that the clock's time does not count, until they take `min_run_time` together.

        `callback(number, seconds)` is called behind each block.
        """
        number, times = self._block(min_run_time), list[float]()
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """As `blocked_autorange`, until the measurement is steady, or has taken `max_run_time`."""
        number, times, total = self._block(0.05), list[float](), 0.0
        while total < max_run_time:
            times.append(self._timer.timeit(number))
            total += times[-1]
            if callback is not None:
                callback(number, times[-1])
            enough = total >= min_run_time and len(times) > 3
            if enough and Measurement(number, times, self).meets_confidence(threshold):
                break
        return Measurement(number, times, self)

    def _block(self, min_run_time: float) -> int:
        """How many runs a block has."""
        overhead = float(np.median([self._timer.timeit(0) for _ in range(5)]))
        number = 1
        while True:
            taken = self._timer.timeit(number)
            if taken > min_run_time or (taken >= min_run_time / 1000 and overhead <= _OVERHEAD * taken):
                return number
            number *= 10
