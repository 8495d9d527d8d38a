"""Peak memory of gradients, each in its own process: ``python bench/memory.py``.

An eager gradient of a 100-operation chain at n = 1e6, in each library; and the gradient of a scan of growing length,
which keeps every carry, or (with ``checkpoint=True``) as many as the square root of the length.
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


WIDE = 100_000
LENGTHS = (64, 256, 1024)


def scan(length: int, checkpoint: bool, jit: bool) -> float:
    import numpy as np

    import funcgrad as fg

    step = lambda c, x: (np.sin(c) * x, None)
    gradient = fg.grad(lambda c, xs: np.sum(fg.lax.scan(step, c, xs, checkpoint=checkpoint)[0]))
    gradient = fg.jit(gradient) if jit else gradient
    xs = np.ones(length)
    gradient(np.ones(10), xs)
    if jit:
        gradient.lower(np.ones(WIDE), xs)
    c = np.ones(WIDE)
    before = peak_mib()
    gradient(c, xs)
    return peak_mib() - before


def main() -> None:
    if sys.argv[1:2] == ["scan"]:
        print(scan(int(sys.argv[2]), sys.argv[3] == "True", sys.argv[4] == "True"))
        return
    if len(sys.argv) > 1:
        print({"funcgrad": funcgrad, "PyTorch": pytorch}[sys.argv[1]]())
        return
    print(f"peak memory above the start in carries of {WIDE} float64, gradient of lax.scan of {LENGTHS} steps")
    for jit in (False, True):
        for checkpoint in (False, True):
            found = []
            for length in LENGTHS:
                command = [sys.executable, __file__, "scan", str(length), str(checkpoint), str(jit)]
                out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                found.append(f"{float(out) * 2**20 / (8 * WIDE):8.1f}")
            print(f"  {'jit' if jit else 'eager':<6}{'checkpoint=True' if checkpoint else '':<16}{''.join(found)}")
    print(f"peak memory above the start, gradient of {2 * STEPS} operations on {N} float64 (8 MB an array)")
    for name in ("funcgrad", "PyTorch"):
        out = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True).stdout
        print(f"  {name:<10}{float(out):8.1f} MiB")


if __name__ == "__main__":
    main()
