"""Gradients from process start, imports included, with kernels on disk and without: ``python bench/start.py``.

Each figure is a process of its own, from its start to the first result. Cold: the folder of the library's persistent
cache is empty. Warm: a process before has filled it. The best of several, the libraries in turns. JAX is measured where
it is installed (see bench/compiled.py), with its own persistent cache, which keeps everything.

    python bench/start.py --peer jax/bin/python     # `-` for none
    python bench/start.py --case scan --rounds 20

A ratio is JAX's time over ours: above 1, funcgrad is ahead. Results are compared first.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from compiled import difference

STARTS = {
    "chain": "first call, 100 operations and gradient",
    "small MLP": "MLP step, 8 x 4-16-2",
    "mixture": "Gaussian mixture, n = 1000, d 2, K 5",
    "200 unrolled steps": "200 unrolled steps, n = 100",
    "scan": "RNN by scan, 1000 steps, hidden 32",
}
"""Rows of bench/compiled.py."""
FOLDERS = {"funcgrad": "FUNCGRAD_CACHE_DIR", "jax": "JAX_COMPILATION_CACHE_DIR"}
KEEP_ALL = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
COLD = 3
"""Cold starts of each."""
WIDTHS = "{:<20} {:>9} {:>9} {:>7} {:>9} {:>9} {:>7}   {}"
Time = tuple[float, float, float]
"""Seconds to the first result, and of these the import and the call."""


def start(library: str, python: str, name: str, folder: Path) -> tuple[Time, list[np.ndarray]]:
    """One process, and the result."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | KEEP_ALL
    # bytecode is there for all modules, as in an installation
    environment |= {"PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"), FOLDERS[library]: str(folder)}
    command = [python, str(Path(__file__).with_name("first_result.py")), library, STARTS[name]]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - started
        imported, called, result = pickle.load(process.stdout)
    return (seconds, imported, called), result


def row(name: str, pythons: Mapping[str, str], rounds: int, work: Path) -> dict[str, Any]:
    """The best cold and the best warm start of each library."""
    best: dict[str, dict[str, Time]] = {library: {} for library in pythons}
    results: dict[str, list[np.ndarray]] = {}
    for number in range(max(rounds, COLD)):
        for library, python in pythons.items():
            folders = {"cold": f"{library} {name} {number}"} if number < COLD else {}
            for state, folder in (folders | {"warm": f"{library} {name} 0"}).items():
                found, results[library] = start(library, python, name, work / folder)
                best[library][state] = min(found, best[library].get(state, (math.inf, 0.0, 0.0)))
    wrong = difference(*results.values()) if len(results) == 2 else None
    return {"case": name, "error": wrong, "seconds": best}


def line(found: Mapping[str, Any]) -> str:
    columns = []
    ours, theirs = found["seconds"]["funcgrad"], found["seconds"].get("jax")
    for state in ("cold", "warm"):
        own = ours[state][0]
        columns += [f"{theirs[state][0]:.3f}" if theirs else "", f"{own:.3f}"]
        columns.append(f"{theirs[state][0] / own:.2f}" if theirs else "")
    _, imported, called = ours["warm"]
    return WIDTHS.format(found["case"], *columns, found["error"] or f"{imported:.3f} + {called:.3f}")


def arguments() -> argparse.Namespace:
    here = sys.executable if find_spec("jax") else "-"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=[*STARTS], help="only these rows")
    parser.add_argument("--rounds", type=int, default=10, help="warm starts of each")
    parser.add_argument("--peer", default=os.environ.get("FUNCGRAD_BENCH_JAX", here), help="JAX's interpreter")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return parser.parse_args()


def table(names: Sequence[str], pythons: Mapping[str, str], rounds: int) -> list[dict[str, Any]]:
    print(WIDTHS.format("", "JAX cold", "ours", "ratio", "JAX warm", "ours", "ratio", "ours: imports + call"))
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for library, python in pythons.items():  # for the bytecode, and the system's cache of files
            start(library, python, "chain", Path(work) / f"{library} first")
        for name in names:
            rows.append(row(name, pythons, rounds, Path(work)))
            print(line(rows[-1]), flush=True)
    return rows


def main() -> None:
    options = arguments()
    pythons = {"funcgrad": sys.executable} | ({} if options.peer == "-" else {"jax": options.peer})
    print(f"python {' '.join(sys.argv)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    print("seconds from process start to the first result")
    rows = table(options.case or [*STARTS], pythons, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
