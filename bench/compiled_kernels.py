"""Kernels against a copy of the same bytes: ``python bench/compiled_kernels.py``, with ``--json FILE`` for the figures.

Functions compiled by `jit`, on float64 and float32, at sizes whose arrays fit L1, fit L2, and stay in memory. A share
is that of the bandwidth with which NumPy copies an array of the size into another, by one thread or by all of them,
whichever is faster: bytes read and written, as STREAM counts them. 1 is as fast as the copy. Times are of whole calls,
some 0.3 us of which are the way in and out, and results are fresh arrays, as a user has them: large ones cost page
faults, which the copy has none of.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from timing import interleaved

import funcgrad as fg

SIZES = {"L1": 1_000, "L2": 20_000, "memory": 8_000_000}
ROW = 100
DTYPES = ("float64", "float32")


def kernels(n: int, dtype: str) -> dict[str, tuple[Callable, Sequence[np.ndarray]]]:
    """Functions and their arguments; `n` is a multiple of ROW."""
    rng = np.random.default_rng(0)
    x, y, z = (rng.uniform(0.5, 1.5, n).astype(dtype) for _ in range(3))
    rows = x.reshape(-1, ROW)
    places = rng.integers(0, n, n)
    return {
        "copy": (np.copy, (x,)),
        "add": (np.add, (x, y)),
        "multiply-add": (lambda x, y, z: x * y + z, (x, y, z)),
        "exp": (np.exp, (x,)),
        "sin": (np.sin, (x,)),
        "tanh": (np.tanh, (x,)),
        "log": (np.log, (x,)),
        "sum": (np.sum, (x,)),
        "mean of rows": (lambda x: np.mean(x, axis=1), (rows,)),
        "mean of columns": (lambda x: np.mean(x, axis=0), (rows,)),
        "cumsum": (np.cumsum, (x,)),
        "max": (np.max, (x,)),
        "softmax of rows": (lambda x: fg.nn.softmax(x, axis=1), (rows,)),
        "gather": (lambda x, places: x[places], (x, places)),
        "scatter_add": (lambda x, places, y: x.at[places].add(y), (x, places, y)),
    }


def copies(n: int, dtype: str, threads: int) -> dict[str, Callable[[], object]]:
    """The copy that the others are measured against, by one thread and by several."""
    source, target = np.ones(n, dtype), np.zeros(n, dtype)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    pool = ThreadPoolExecutor(threads)
    return {
        "one thread": lambda: np.copyto(target, source),
        "all threads": lambda: list(pool.map(lambda part: np.copyto(*part), parts)),
    }


def measured(n: int, dtype: str, rounds: int, budget: float, threads: int) -> dict[str, dict[str, float]]:
    """For each kernel the seconds of a call, GB/s, and the share of the copy's."""
    runs: dict[str, Callable[[], object]] = {}
    moved: dict[str, int] = {}
    for name, (fun, args) in kernels(n, dtype).items():
        compiled = fg.jit(fun)
        moved[name] = sum(np.asarray(x).nbytes for x in (*args, compiled(*args)))
        runs[name] = lambda compiled=compiled, args=args: compiled(*args)
    rivals = copies(n, dtype, threads)
    seconds = interleaved({**rivals, **runs}, rounds, budget)
    quickest = min(seconds[name] for name in rivals)
    bandwidth = 2 * n * np.dtype(dtype).itemsize / quickest
    found = {"bandwidth of the copy": {"seconds": quickest, "GB/s": bandwidth / 1e9, "share": 1.0}}
    for name in runs:
        speed = moved[name] / seconds[name]
        found[name] = {"seconds": seconds[name], "GB/s": speed / 1e9, "share": speed / bandwidth}
    return found


def table(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A line for each kernel: its share, and the bandwidth of the copy in the first line."""
    columns = list(results)
    lines = [" " * 24 + "".join(f"{c:>16}" for c in columns)]
    for name in results[columns[0]]:
        cells = []
        for column in columns:
            found = results[column][name]
            cells.append(f"{found['GB/s']:.0f} GB/s" if name.startswith("bandwidth") else f"{found['share']:.2f}")
        lines.append(f"{name:<24}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.01, metavar="SECONDS", help="length of a burst")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    results: dict[str, Any] = {
        f"{dtype} {size}": measured(n, dtype, options.rounds, options.budget, fg.config.threads or os.cpu_count() or 1)
        for dtype in DTYPES
        for size, n in SIZES.items()
    }
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
