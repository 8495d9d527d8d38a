"""Compiled derivatives against jitted JAX and eager PyTorch, and first calls: ``python bench/compiled.py``.

A peer is measured where it is installed: in this environment, or in one of its own.

    python3.13 -m venv jax && jax/bin/pip install 'jax>=0.12'
    python3.11 -m venv torch && torch/bin/pip install torch==2.13.0 numpy
    python bench/compiled.py --peers jax/bin/python torch/bin/python     # `-` for none
    python bench/compiled.py --case mixture --case "n = 10" --rounds 30  # rows whose names have one of these

FUNCGRAD_BENCH_JAX and FUNCGRAD_BENCH_TORCH name the same two. Each library has a process of its own; they take turns in
short bursts, and a figure is the best burst. Results are compared first. A ratio is a peer's time over ours: above 1,
funcgrad is ahead. Sizes of one function may share a program, so that only the first of them is compiled.

    python bench/compiled.py --cost     # ours only: a derivative's time over its function's

A gradient should cost at most 3 of its function, both compiled; a Jacobian that for each of its columns (or rows), a
second derivative twice that, since it is a derivative of a gradient. What is beyond the bound is marked.

Each library is measured as it is installed, with its own threads, which suffer most from other work on the machine:
`taskset -c 0,1` gives all of them two cores. FUNCGRAD_BENCH_JAX_ASYNC=0 turns off JAX's asynchronous dispatch, where
waiting for a thread takes up to half of its time on small arrays.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES

OURS = "funcgrad"
PEERS = {"jax": "JAX", "torch": "PyTorch"}
WIDTHS = "{:<54} {:<8} {:>10} {:>10} {:>7} {:>7} {:>9} {:>9}"


class Failed(Exception):
    """What a library could not do, in a line."""


class Process:
    """A library at work: bench/worker.py in an interpreter that has it."""

    def __init__(self, library: str, python: str, patience: float) -> None:
        self.command = [python, str(Path(__file__).with_name("worker.py")), library]
        self.patience = patience
        self.start()

    def start(self) -> None:
        environment = os.environ | {"FUNCGRAD_CACHE_DIR": ""}  # first calls are those that compile
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def ask(self, *request: Any) -> Any:
        """The worker's answer; where there is none in time, the next question goes to a new worker."""
        try:
            pickle.dump(request, self.process.stdin)
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], self.patience)[0]:
                raise Failed(f"no answer in {self.patience:.0f} s")
            done, answer = pickle.load(self.process.stdout)
        except (Failed, EOFError, BrokenPipeError) as error:
            self.close()
            ended = "the process ended" if self.process.returncode >= 0 else f"signal {-self.process.returncode}"
            self.start()
            raise Failed(str(error) if isinstance(error, Failed) else ended) from None
        if not done:
            raise Failed(answer)
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def difference(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> str | None:
    """What is wrong, if anything, with arrays that should be equal."""
    if [x.shape for x in ours] != [x.shape for x in theirs]:
        return f"shapes {[x.shape for x in ours]}, not {[x.shape for x in theirs]}"
    for a, b in zip(ours, theirs, strict=True):
        if a.dtype != b.dtype:
            return f"{a.dtype}, not {b.dtype}"
        tolerance = 1e-3 if a.dtype == np.float32 else 1e-8
        scale = np.max(np.abs(b), initial=0.0)
        worst = np.max(np.abs(a - b), initial=0.0)
        if not worst <= tolerance * scale:
            return f"differs by {worst / scale if scale else worst:.1e}"
    return None


def first_calls(index: int, processes: Mapping[str, Process]) -> tuple[dict[str, float], dict[str, str]]:
    """The seconds of each library's first call of a case, and what went wrong."""
    seconds: dict[str, float] = {}
    errors: dict[str, str] = {}
    results = {}
    for name, process in processes.items():
        try:
            seconds[name] = process.ask("start", index)
            results[name] = process.ask("result")
        except Failed as error:
            errors[name] = str(error)
    for name, result in results.items():
        wrong = OURS in results and difference(results[OURS], result)
        if wrong:
            errors[OURS] = f"not what {PEERS[name]} has: {wrong}"
    return seconds, errors


def best_times(processes: Mapping[str, Process], rounds: int, budget: float, limit: float = 15.0) -> dict[str, float]:
    """The best time of one call of each, in seconds, by turns; `budget` is the length of one turn."""
    calls = {name: max(1, round(budget / process.ask("time", 1))) for name, process in processes.items()}
    best = dict.fromkeys(processes, math.inf)
    end = time.monotonic() + limit
    for done in range(rounds):
        for name, process in processes.items():
            time.sleep(0.01)  # the threads of the one before may still spin
            best[name] = min(best[name], process.ask("time", calls[name]))
        if done >= 4 and time.monotonic() > end:
            break
    return best


def measured(name: str, processes: Mapping[str, Process], rounds: int, budget: float) -> dict[str, Any]:
    """A row of the table."""
    indices = [i for i, case in enumerate(CASES) if case.name == name]
    case = CASES[indices[0]]
    present = {n: p for n, p in processes.items() if n != "torch" or case.torch}
    first: dict[str, float] = {}
    errors: dict[str, str] = {}
    for index in indices:
        seconds, wrong = first_calls(index, present)
        first = {n: min(first.get(n, math.inf), s) for n, s in seconds.items()}
        errors |= wrong
        if wrong:
            break
    right = {n: p for n, p in present.items() if n not in errors}
    try:
        times = best_times(right, rounds, budget) if case.timed else {n: first[n] for n in right}
    except Failed as error:
        times, errors["run"] = {}, str(error)
    row = {"case": name, "target": case.target, "timed": case.timed, "seconds": times, "first call": first}
    peers = {n: s for n, s in times.items() if n != OURS}
    row["best peer"] = min(peers, key=peers.get) if peers else None
    row["ratio"] = peers[row["best peer"]] / times[OURS] if peers and OURS in times else None
    return row | {"errors": errors}


def line(row: Mapping[str, Any]) -> str:
    def figure(seconds: float | None, scale: float = 1.0, digits: int = 2) -> str:
        return "" if seconds is None else f"{seconds * scale:.{digits}f}"

    peer = row["best peer"]
    times = row["seconds"] if row["timed"] else {}
    text = WIDTHS.format(
        row["case"],
        PEERS.get(peer, ""),
        figure(times.get(peer), 1e6, 1),
        figure(times.get(OURS), 1e6, 1),
        "" if row["ratio"] is None else f"{row['ratio']:.3g}",
        row["target"],
        figure(row["first call"].get(peer)),
        figure(row["first call"].get(OURS)),
    )
    return "\n    ".join([text, *(f"{PEERS.get(name, name)}: {error}" for name, error in row["errors"].items())])


BOUND = 3.0
"""What a gradient may cost, in calls of its function."""
COST_WIDTHS = "{:<54} {:>12} {:>14} {:>7} {:>7}{}"


def cost(name: str, function: Process, derivative: Process, rounds: int, budget: float) -> dict[str, Any]:
    """A row of the table of costs: `function` and `derivative` are two processes of ours."""
    index = next(i for i, case in enumerate(CASES) if case.name == name)
    row: dict[str, Any] = {"case": name, "bound": BOUND * CASES[index].passes}
    try:
        function.ask("function", index)
        derivative.ask("start", index)
        row["seconds"] = best_times({"function": function, "derivative": derivative}, rounds, budget)
    except Failed as error:
        return row | {"error": str(error)}
    return row | {"ratio": row["seconds"]["derivative"] / row["seconds"]["function"]}


def cost_line(row: Mapping[str, Any]) -> str:
    if "error" in row:
        return f"{row['case']:<54} {row['error']}"
    times = [f"{row['seconds'][what] * 1e6:.1f}" for what in ("function", "derivative")]
    mark = "  beyond" if row["ratio"] > row["bound"] else ""
    return COST_WIDTHS.format(row["case"], *times, f"{row['ratio']:.2f}", f"{row['bound']:g}", mark)


def costs(names: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    processes = [Process(OURS, sys.executable, options.patience) for _ in range(2)]
    print(COST_WIDTHS.format("", "function, us", "derivative, us", "ratio", "bound", ""))
    rows = []
    try:
        for name in names:
            rows.append(cost(name, *processes, options.rounds, options.budget))
            print(cost_line(rows[-1]), flush=True)
    finally:
        for process in processes:
            process.close()
    beyond = sum(row.get("ratio", 0) > row["bound"] for row in rows)
    print(f"\n{beyond} of {len(rows)} are beyond their bound")
    return rows


def summary(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    if not ratios:
        return f"{what}: nothing compared"
    reached = sum(row["ratio"] is not None and row["ratio"] >= row["target"] for row in rows)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return f"{what}: {mean:.2f} on (geometric) average of {len(ratios)}; {reached} of {len(rows)} reach the target"


def arguments() -> argparse.Namespace:
    here = {library: sys.executable if find_spec(library) else "-" for library in PEERS}
    default = [os.environ.get(f"FUNCGRAD_BENCH_{name.upper()}", python) for name, python in here.items()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help="only rows whose name has this")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--budget", type=float, default=0.004, metavar="SECONDS", help="length of a burst")
    parser.add_argument("--patience", type=float, default=120, metavar="SECONDS", help="for one answer")
    parser.add_argument("--peers", nargs=2, default=default, metavar=("JAX", "TORCH"), help="their interpreters")
    parser.add_argument("--cost", action="store_true", help="derivatives against their functions, without the peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[str]:
    """The rows asked for, by their names."""
    asked = [c for c in CASES if not options.case or any(part in c.name for part in options.case)]
    return list(dict.fromkeys(c.name for c in asked if c.timed or not options.cost))


def main() -> None:
    options = arguments()
    if options.cost:
        rows = costs(chosen(options), options)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1))
        return
    pythons = {name: python for name, python in zip(PEERS, options.peers, strict=True) if python != "-"}
    processes = {n: Process(n, p, options.patience) for n, p in {OURS: sys.executable, **pythons}.items()}
    try:
        versions = {}
        for name in list(processes):
            try:
                versions[name] = processes[name].ask("version")
            except Failed:
                processes.pop(name).close()
        for name in (OURS, *PEERS):
            print(f"{PEERS.get(name, name)} {versions.get(name, 'is not here; how to install it: --help')}")
        machine = {"cores": os.cpu_count(), "load before": os.getloadavg()[0]}
        print(", ".join(f"{what}: {value}" for what, value in machine.items()))
        print(WIDTHS.format("", "", "peer, us", "ours, us", "ratio", "target", "first, s", "ours, s"))
        rows = []
        for name in chosen(options):
            rows.append(measured(name, processes, options.rounds, options.budget))
            print(line(rows[-1]), flush=True)
    finally:
        for process in processes.values():
            process.close()
    print()
    print(summary([row for row in rows if row["timed"]], "calls"))
    print(summary([row for row in rows if not row["timed"]], "first calls"))
    if options.json:
        options.json.write_text(json.dumps({"versions": versions, "machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
