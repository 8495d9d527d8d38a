"""Interleaved timing: every contender runs in every round, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping


def seconds(run: Callable[[], object], calls: int) -> float:
    """The time of one call, averaged over `calls`."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def interleaved(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 15, budget: float = 0.02
) -> dict[str, float]:
    """The best time of one call of each contender, in seconds; `budget` is the length of one round of one of them."""
    calls = {}
    for name, run in contenders.items():
        run()
        calls[name] = max(1, round(budget / max(seconds(run, 3), 1e-9)))
    best = dict.fromkeys(contenders, float("inf"))
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, run in contenders.items():
                best[name] = min(best[name], seconds(run, calls[name]))
    finally:
        if enabled:
            gc.enable()
    return best


def table(title: str, rows: Mapping[str, Mapping[str, float]], unit: str = "us", scale: float = 1e6) -> None:
    """Print times, and how many times slower than funcgrad each peer is."""
    print(f"\n{title}")
    for case, times in rows.items():
        ours = times["funcgrad"]
        print(f"  {case}")
        for name, value in times.items():
            ratio = "" if name == "funcgrad" else f"   {value / ours:6.2f} x funcgrad"
            print(f"    {name:<24}{value * scale:10.2f} {unit}{ratio}")
