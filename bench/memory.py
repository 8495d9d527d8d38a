"""Peak memory of gradients, each in its own process: ``python bench/memory.py``.

Compiled gradients against the arrays that they must hold: arguments, results, and what the backward pass needs of the
forward pass where it cannot be computed again from a row at hand. An eager gradient of a chain of 100 operations at
n = 1e6, in each library.

The peak is the process's own (VmHWM of Linux, set back before the call): the memory of kernels, of BLAS and of threads,
of which tracemalloc knows nothing, is in it. The arguments are there before and are added.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cases.adbench import mixture, mixture_data
from cases.elementwise import expression
from cases.models import classification, parameters
from cases.rows import layernorm

BOUND = 1.2
"""Of the arrays that must be held."""
N = 1_000_000
STEPS = 50


class Case(NamedTuple):
    """`objective(lib, *args)`, whose gradient in the first argument is compiled."""

    objective: Callable
    args: tuple
    residuals: int
    """Bytes that the backward pass needs of the forward pass."""


def scan(length: int, width: int, checkpoint: bool) -> Case:
    """Every carry is kept, or as many as twice the square root of the length."""

    def objective(lib: Any, c: Any, xs: Any) -> Any:
        step = lambda c, x: (lib.numpy.sin(c) * x, None)
        return lib.numpy.sum(lib.lax.scan(step, c, xs, checkpoint=checkpoint)[0])

    kept = 2 * round(length**0.5) if checkpoint else length
    return Case(objective, (np.ones(width), np.ones(length)), 8 * kept * width)


def cases(scale: float = 1.0) -> dict[str, Callable[[], Case]]:
    """`scale`: of the sizes, which are meant for memory."""
    rng = np.random.default_rng(0)

    def many(n: int) -> int:
        return max(2, round(scale * n))

    def network() -> Case:
        rows = many(20_000)
        data = parameters(rng, 784, 256, 10), rng.normal(size=(rows, 784)), rng.integers(0, 10, rows)
        return Case(classification, data, 8 * rows * (256 + 10))  # the hidden layer, and the slopes of the logits

    def normalised() -> Case:
        x, weight = (rng.normal(size=(many(20_000), 512)) for _ in range(2))
        return Case(layernorm, ((x, rng.normal(size=512), rng.normal(size=512)), weight), 0)

    def clusters() -> Case:
        n = many(20_000)
        data = mixture_data(10, 25, n)(rng)
        return Case(mixture, data, 8 * n * 25)  # the responsibility of each component for each point

    return {
        "chain, n = 1e7": lambda: Case(expression, (rng.normal(size=many(10_000_000)),), 0),
        "MLP, 20 000 x 784-256-10": network,
        "layernorm, 20 000 x 512": normalised,
        "scan of 256 steps": lambda: scan(256, many(100_000), False),
        "scan of 256 steps, checkpoint": lambda: scan(256, many(100_000), True),
        "scan of 1024 steps, checkpoint": lambda: scan(1024, many(100_000), True),
        "Gaussian mixture, n = 20 000, d 10, K 25": clusters,
    }


def status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    return 1024 * int(re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def peak_of(run: Callable[[], object]) -> int:
    """Bytes by which the process grows at most while something runs."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    result = run()
    peak = status("VmHWM") - before
    del result
    return max(peak, 0)


def size(x: Any) -> int:
    """Bytes of the arrays in nested tuples, lists and dictionaries."""
    import funcgrad as fg

    return sum(np.asarray(leaf).nbytes for leaf in fg.tree.leaves(x))


def compiled(case: Case) -> tuple[int, int]:
    """The bytes that a compiled gradient has at its peak, and those that it must hold."""
    import funcgrad as fg

    gradient = fg.jit(fg.grad(lambda *args: case.objective(fg, *args)))
    gradient.lower(*case.args)  # compiled before; its memory is not the gradient's
    given = size(case.args)
    return given + peak_of(lambda: gradient(*case.args)), given + size(case.args[0]) + case.residuals


def funcgrad() -> float:
    import funcgrad as fg

    def chain(x):
        for _ in range(STEPS):
            x = np.sin(x) * 1.01
        return np.sum(x)

    fg.grad(chain)(np.ones(10))
    x = np.ones(N)
    return peak_of(lambda: fg.grad(chain)(x)) / 2**20


def pytorch() -> float:
    import torch

    torch.set_num_threads(1)

    def gradient(x):
        y = x
        for _ in range(STEPS):
            y = torch.sin(y) * 1.01
        y.sum().backward()

    gradient(torch.ones(10, dtype=torch.float64, requires_grad=True))
    x = torch.ones(N, dtype=torch.float64, requires_grad=True)
    return peak_of(lambda: gradient(x)) / 2**20


def asked(*words: str) -> str:
    """What another process of this file prints."""
    command = [sys.executable, __file__, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    if sys.argv[1:2] == ["compiled"]:
        print(*compiled(cases()[sys.argv[2]]()))
        return
    if len(sys.argv) > 1:
        print({"funcgrad": funcgrad, "PyTorch": pytorch}[sys.argv[1]]())
        return
    print(f"{'compiled gradients, MiB':<44}{'peak':>8}{'held':>8}{'ratio':>8}   (bound {BOUND})")
    for name in cases():
        peak, held = map(int, asked("compiled", name).split())
        mark = "  beyond" if peak > BOUND * held else ""
        print(f"{name:<44}{peak / 2**20:8.0f}{held / 2**20:8.0f}{peak / held:8.2f}{mark}", flush=True)
    print(f"peak memory above the start, gradient of {2 * STEPS} operations on {N} float64 (8 MB an array)")
    for name in ("funcgrad", "PyTorch"):
        print(f"  {name:<10}{float(asked(name)):8.1f} MiB")


if __name__ == "__main__":
    main()
