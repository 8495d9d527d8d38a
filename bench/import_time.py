"""What importing costs, against NumPy alone: ``python bench/import_time.py``."""

from __future__ import annotations

import subprocess
import sys
import time

MODULES = ("numpy", "funcgrad", "funcgrad.torch")


def once(statement: str) -> float:
    """The life of a process that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main(rounds: int = 15) -> None:
    bare = min(once("pass") for _ in range(rounds))
    best = dict.fromkeys(MODULES, float("inf"))
    for _ in range(rounds):
        for module in MODULES:
            best[module] = min(best[module], once(f"import {module}"))
    numpy = best["numpy"] - bare
    print(f"import time above an empty interpreter ({bare * 1e3:.0f} ms), best of {rounds} interleaved rounds")
    for module, value in best.items():
        print(f"  {module:<16}{(value - bare) * 1e3:7.1f} ms   {(value - bare) / numpy:5.2f} x numpy")


if __name__ == "__main__":
    main()
