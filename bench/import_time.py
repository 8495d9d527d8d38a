"""What importing costs, against NumPy alone: ``python bench/import_time.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

MODULES = ("numpy", "funcgrad", "funcgrad.torch")


def once(statement: str, environment: dict[str, str]) -> float:
    """The life of a process that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return time.perf_counter() - start


def main(rounds: int = 15) -> None:
    with tempfile.TemporaryDirectory() as cache:
        # bytecode is cached for all of them, as it is in an installation
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        for module in MODULES:
            once(f"import {module}", environment)
        bare = min(once("pass", environment) for _ in range(rounds))
        best = dict.fromkeys(MODULES, float("inf"))
        for _ in range(rounds):
            for module in MODULES:
                best[module] = min(best[module], once(f"import {module}", environment))
    numpy = best["numpy"] - bare
    print(f"import time above an empty interpreter ({bare * 1e3:.0f} ms), best of {rounds} interleaved rounds")
    for module, value in best.items():
        print(f"  {module:<16}{(value - bare) * 1e3:7.1f} ms   {(value - bare) / numpy:5.2f} x numpy")


if __name__ == "__main__":
    main()
