"""Peak memory of an eager gradient of a 100-operation chain at n = 1e6, each library in its own process:
``python bench/memory.py``.
"""

from __future__ import annotations

import resource
import subprocess
import sys

N = 1_000_000
STEPS = 50


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def funcgrad() -> float:
    import numpy as np

    import funcgrad as fg

    def chain(x):
        for _ in range(STEPS):
            x = np.sin(x) * 1.01
        return np.sum(x)

    fg.grad(chain)(np.ones(10))
    x = np.ones(N)
    before = peak_mib()
    fg.grad(chain)(x)
    return peak_mib() - before


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
    before = peak_mib()
    gradient(x)
    return peak_mib() - before


def main() -> None:
    if len(sys.argv) > 1:
        print({"funcgrad": funcgrad, "PyTorch": pytorch}[sys.argv[1]]())
        return
    print(f"peak memory above the start, gradient of {2 * STEPS} operations on {N} float64 (8 MB an array)")
    for name in ("funcgrad", "PyTorch"):
        out = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True).stdout
        print(f"  {name:<10}{float(out):8.1f} MiB")


if __name__ == "__main__":
    main()
