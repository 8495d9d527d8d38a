"""Eager code on large arrays: ``python bench/large.py``, with ``--functions`` or ``--gradients`` for one of its tables.

Functions: nanoseconds an element of NumPy's (or SciPy's) function and of the kernel that runs in its place from
`funcgrad.ops.large.LEAST` elements on. Gradients: against those of PyTorch with all its threads, compared before that.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from kernels import operands
from timing import interleaved

import funcgrad as fg
from funcgrad.core.trace import primitives
from funcgrad.ops import large

SIZES = 256, 1_000, 10_000, 100_000, 1_000_000
DTYPES = "float64", "float32"


def functions() -> Iterator[tuple[str, Any, Callable[..., Any]]]:
    """Names, primitives and what NumPy or SciPy computes."""
    for prim in primitives().values():
        if hasattr(prim.impl, "plain"):
            yield prim.name, prim, prim.impl.plain


def show_functions() -> None:
    columns = [f"{dtype[0]}{dtype[-2:]} {n:.0e}".replace("e+0", "e") for dtype in DTYPES for n in SIZES]
    print("ns an element, NumPy / kernel" + "\n" + " " * 10 + "".join(f"{c:>15}" for c in columns))
    for name, prim, plain in functions():
        cells = []
        for dtype in DTYPES:
            kernels = large.Kernels(prim, name)
            for n in SIZES:
                xs = operands(prim, n, dtype)
                np.testing.assert_allclose(kernels(xs), plain(*xs), rtol=1e-13 if dtype == "float64" else 1e-5)
                runs = {"NumPy": partial(plain, *xs), "kernel": partial(kernels, xs)}
                times = interleaved(runs, rounds=7, budget=0.003)
                cells.append("{NumPy:.1f} /{kernel:5.2f}".format(**{k: v / n * 1e9 for k, v in times.items()}))
        print(f"{name:10}" + "".join(f"{cell:>15}" for cell in cells), flush=True)


def gradients(torch: Any) -> Iterator[tuple[str, tuple[int, ...], Callable[..., Any], Callable[..., Any]]]:
    """Names, shapes, and the functions for us and for PyTorch."""
    for n in (1_000, 10_000, 100_000, 1_000_000):
        f = lambda m: lambda x: m.sum(m.sin(x) * m.exp(-x) + m.tanh(x) ** 2)
        yield f"sum(sin(x) * exp(-x) + tanh(x) ** 2), n = {n}", (n,), f(np), f(torch)

    def chain(m: Any) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for _ in range(5000):
                x = m.sin(x) * 1.01
            return m.sum(x)

        return run

    yield "10 000 chained operations, n = 1000", (1000,), chain(np), chain(torch)
    rows = 1000, 100
    squared = lambda f: lambda x: (f(x) ** 2).sum()
    layer_norm = torch.nn.functional.layer_norm
    yield "softmax, 1000 x 100", rows, squared(fg.nn.softmax), squared(lambda x: torch.softmax(x, -1))
    yield "logsumexp, 1000 x 100", rows, *map(squared, (lambda x: fg.nn.logsumexp(x, axis=-1),
                                                       lambda x: torch.logsumexp(x, -1)))  # fmt: skip
    yield "layernorm, 1000 x 100", rows, *[
        lambda x, norm=norm: (norm(x) * x).sum() for norm in (fg.nn.standardize, lambda x: layer_norm(x, (100,)))
    ]
    for shape in (rows, (1024, 1024)):
        name = f"along the first axis, {shape[0]} x {shape[1]}"
        yield f"softmax {name}", shape, *map(squared, (lambda x: fg.nn.softmax(x, axis=0),
                                                       lambda x: torch.softmax(x, 0)))  # fmt: skip
        yield f"logsumexp {name}", shape, *map(squared, (lambda x: fg.nn.logsumexp(x, axis=0),
                                                         lambda x: torch.logsumexp(x, 0)))  # fmt: skip


def show_gradients() -> None:
    import torch

    print(f"\ngradients, PyTorch {torch.__version__} with {torch.get_num_threads()} threads")
    for name, shape, ours, theirs in gradients(torch):
        for dtype in DTYPES:
            x = np.random.default_rng(0).normal(size=shape).astype(dtype)
            mine, leaf = fg.grad(ours), torch.from_numpy(x.copy())

            def torchs(leaf: Any = leaf, theirs: Any = theirs) -> Any:
                t = leaf.detach().requires_grad_()
                theirs(t).backward()
                return t.grad.numpy()

            expected = torchs()
            tol = 1e-9 if dtype == "float64" else 1e-3
            np.testing.assert_allclose(mine(x), expected, rtol=tol, atol=tol * np.abs(expected).max())
            times = interleaved({"funcgrad": lambda mine=mine, x=x: mine(x), "PyTorch": torchs})
            ratio = times["PyTorch"] / times["funcgrad"]
            print(f"{name:52}{dtype:10}{times['funcgrad'] * 1e6:10.1f} us   PyTorch {ratio:5.2f} x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", action="store_true")
    parser.add_argument("--gradients", action="store_true")
    options = parser.parse_args()
    if options.functions or not options.gradients:
        show_functions()
    if options.gradients or not options.functions:
        show_gradients()


if __name__ == "__main__":
    main()
