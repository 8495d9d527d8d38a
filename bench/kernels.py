"""Every kernel of eager code against NumPy, and against the memory: ``python bench/kernels.py``.

A line for each function that has a kernel on large arrays (`funcgrad.ops.large`, `funcgrad.ops.rows`), and for its
derivative (`d`): nanoseconds an element on NumPy (or SciPy) and by the kernel, how many times as fast that is, and the
share of the machine's bandwidth. That is measured in the same run, by STREAM's triad ``a = b + 3 c`` into memory that
is there, with one thread or all, whichever is faster; what a kernel moves are the bytes of its arguments and results,
each counted once (a cache may have some of them: it may be more than all). For convolutions it is the share of the
multiply-adds a second of a product of two matrices of 512 x 512 by BLAS. Results are fresh arrays. `--only WORD` is for
the lines that have it in their name, `--json FILE` for the figures. Functions compiled by `jit` are in
`bench/compiled_kernels.py`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from timing import interleaved

import funcgrad as fg
from funcgrad.config import config
from funcgrad.core.trace import primitives
from funcgrad.ops import index, large, normalise, reduce
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.correlate import correlate, correlate_spread, correlate_weigh

SIZES = {"L2": 10_000, "L3": 100_000, "memory": 2_000_000}
ROW = 100
DTYPES = ("float64", "float32")
Run = Callable[[], Any]
Line = tuple[str, Run, Sequence[np.ndarray]]
"""A name, a call, and the arrays that it reads."""


# ---- eager ----


def operands(prim: Any, n: int, dtype: str) -> list[np.ndarray]:
    """Arrays where a function is defined and does what it mostly does."""
    rng = np.random.default_rng(0)
    low, high = (1.1, 3) if prim.name == "arccosh" else (0.1, 0.9)
    xs = [rng.uniform(low, high, n).astype(dtype) for _ in range(prim.impl.nin)]
    return [xs[0] > 0.5, *xs[1:]] if prim.name == "where" else xs


def elements(n: int, dtype: str, only: str = "") -> Iterator[Line]:
    """Functions of elements, and the derivatives that have a kernel: none is compiled for nothing."""
    rng = np.random.default_rng(0)
    for prim in primitives().values():
        if not hasattr(prim.impl, "plain") or not (only in prim.name or prim.name in only):
            continue
        xs = operands(prim, n, dtype)
        yield prim.name, partial(prim.impl, *xs), xs
        y, t = prim.impl(*xs), rng.normal(size=n).astype(dtype)
        plan = prim.plan((True,) * len(xs))
        if plan is None:
            continue
        kept = [v if needed else None for v, needed in zip((y, *xs), plan.keeps, strict=True)]
        for i, derivative in plan.terms:
            if callable(derivative.m) and derivative._kernels((t, *kept)) is not None:
                name = f"d {prim.name}" if len(xs) == 1 else f"d {prim.name} / d {'xyz'[i]}"
                yield name, partial(derivative.apply, t, kept, {}), [t, *(v for v in kept if v is not None)]


def along_rows(n: int, dtype: str, only: str = "") -> Iterator[Line]:
    """Functions along rows of ROW elements, and what goes one step after another."""
    rng = np.random.default_rng(0)
    x, t = (rng.normal(size=(n // ROW, ROW)).astype(dtype) for _ in range(2))
    axes = {"axes": (1,)}
    for prim in (normalise.softmax, normalise.log_softmax):
        y = prim(x, **axes)
        yield prim.name, partial(prim, x, **axes), [x]
        yield f"d {prim.name}", partial(prim.pull, y, (True,), t, axes), [y, t]
    yield "logsumexp", partial(normalise.logsumexp, x, **axes), [x]
    yield "d logsumexp", partial(normalise.logsumexp.pull, x, (True,), t[:, 0].copy(), axes), [x]
    with_eps = {**axes, "eps": 1e-5}
    _, saved = normalise.standardise.record((x,), (True,), with_eps)
    yield "standardise", partial(normalise.standardise, x, **with_eps), [x]
    yield "d standardise", partial(normalise.standardise.pull, saved, (True,), t, with_eps), [saved[0], t]
    near_one = np.exp(0.01 * x)
    for name, prim in (("sum", reduce_sum), ("max", reduce.reduce_max), ("prod", reduce.reduce_prod)):
        yield f"{name} of rows", partial(prim, near_one, **axes), [near_one]
        yield f"{name} of all", partial(prim, near_one, axes=(0, 1)), [near_one]
    yield "argmax of rows of 5", partial(reduce.argmax, x.reshape(-1, 5), axis=1), [x]
    yield "cumsum", partial(reduce.cumsum, x, axis=1), [x]
    yield "cumprod", partial(reduce.cumprod, x, axis=1), [x]
    places = rng.integers(0, 100, n // ROW)
    yield "add rows", partial(index.scatter_add, np.zeros((100, ROW), dtype), x, places), [x]


def down_columns(n: int, dtype: str, only: str = "") -> Iterator[Line]:
    """The same down ROW columns, and reductions down few and many."""
    rng = np.random.default_rng(0)
    x, t = (rng.normal(size=(n // ROW, ROW)).astype(dtype) for _ in range(2))
    axes = {"axes": (0,)}
    y = normalise.softmax(x, **axes)
    yield "softmax down", partial(normalise.softmax, x, **axes), [x]
    yield "d softmax down", partial(normalise.softmax.pull, y, (True,), t, axes), [y, t]
    yield "logsumexp down", partial(normalise.logsumexp, x, **axes), [x]
    yield "d logsumexp down", partial(normalise.logsumexp.pull, x, (True,), t[0].copy(), axes), [x]
    with_eps = {**axes, "eps": 1e-5}
    _, saved = normalise.standardise.record((x,), (True,), with_eps)
    yield "standardise down", partial(normalise.standardise, x, **with_eps), [x]
    yield "d standardise down", partial(normalise.standardise.pull, saved, (True,), t, with_eps), [saved[0], t]
    near_one = np.exp(0.01 * x)
    for name, prim in (("sum", reduce_sum), ("max", reduce.reduce_max), ("prod", reduce.reduce_prod)):
        for count in (5, ROW, 10 * ROW):
            columns = near_one.reshape(-1, count)
            yield f"{name} of {count} columns", partial(prim, columns, **axes), [columns]
    yield "argmax down", partial(reduce.argmax, x, axis=0), [x]
    yield "cumsum down", partial(reduce.cumsum, x, axis=0), [x]


def convolutions(n: int, dtype: str) -> Iterator[tuple[str, Run, int]]:
    """Images of 16 channels of 25 x 25 by 32 kernels of 3 x 3, and both derivatives, with the number of products."""
    rng = np.random.default_rng(0)
    x, w, t = (
        rng.normal(size=shape).astype(dtype)
        for shape in ((max(1, n // 10_000), 16, 25, 25), (32, 16, 3, 3), (max(1, n // 10_000), 32, 23, 23))
    )
    apart = {"strides": (1, 1), "dilations": (1, 1)}
    products = t.size * w[0].size
    yield "convolution", partial(correlate, x, w, **apart), products
    yield "d convolution / d x", partial(correlate_spread, t, w, shape=x.shape[2:], **apart), products
    yield "d convolution / d w", partial(correlate_weigh, x, t, sizes=w.shape[2:], **apart), products


def on_numpy(run: Run) -> Any:
    config.jit = False
    try:
        return run()
    finally:
        config.jit = True


def checked(name: str, run: Run, dtype: str) -> int:
    """The bytes of a call's results, which are those of NumPy."""
    found, expected = run(), on_numpy(run)
    found, expected = (y[0] if type(y) is tuple else y for y in (found, expected))
    tol = 1e-12 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * np.abs(expected).max(), err_msg=name)
    return int(found.nbytes)


def triad(n: int, dtype: str, rounds: int, budget: float) -> float:
    """Bytes a second of ``a = b + 3 c``."""
    a, b, c = (np.ones(n, dtype) for _ in range(3))
    few = np.ones(large.LENGTH, dtype)
    kernel = large.compiled("ufuncs", fg.make_graph(lambda b, c: b + 3.0 * c)(few, few), "triad")

    def alone() -> None:
        threads, config.threads = config.threads, 1
        try:
            kernel(b, c, out=a)
        finally:
            config.threads = threads

    seconds = interleaved({"all": lambda: kernel(b, c, out=a), "one": alone}, rounds, budget)
    return 3 * a.nbytes / min(seconds.values())


def multiplied(dtype: str, rounds: int, budget: float) -> float:
    """Multiply-adds a second of a product of matrices."""
    a = np.ones((512, 512), dtype)
    return float(512**3 / interleaved({"BLAS": lambda: a @ a}, rounds, budget)["BLAS"])


def measured(n: int, dtype: str, rounds: int, budget: float, only: str = "") -> dict[str, dict[str, float]]:
    """For each line nanoseconds an element on NumPy and by the kernel, and the share of the bandwidth."""
    bandwidth = triad(n, dtype, rounds, budget)
    found = {"triad": {"GB/s": bandwidth / 1e9}}
    for lines in (elements, along_rows, down_columns):
        for name, run, read in lines(n, dtype, only):
            if only in name:
                moved = sum(x.nbytes for x in read) + checked(name, run, dtype)
                times = interleaved({"NumPy": partial(on_numpy, run), "kernel": run}, rounds, budget)
                found[name] = {key: 1e9 * value / n for key, value in times.items()}
                found[name]["share"] = moved / times["kernel"] / bandwidth
    layers = [line for line in convolutions(n, dtype) if only in line[0]]
    rate = multiplied(dtype, rounds, budget) if layers else 0.0
    for name, run, products in layers:
        checked(name, run, dtype)
        times = interleaved({"NumPy": partial(on_numpy, run), "kernel": run}, rounds, budget)
        found[name] = {key: 1e9 * value / n for key, value in times.items()}
        found[name]["share"] = products / times["kernel"] / rate
    return found


def table(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A line for each kernel: NumPy's time, the kernel's, how many times as fast, and the share of the bandwidth."""
    columns = list(results)
    first = [f"triad {results[c]['triad']['GB/s']:.0f} GB/s" for c in columns]
    lines = ["ns an element, NumPy / kernel, as fast as, share of the bandwidth"]
    lines += [" " * 20 + "".join(f"{cell:>27}" for cell in cells) for cells in (columns, first)]
    for name in results[columns[0]]:
        if name != "triad":
            cells = [_cell(results[column][name]) for column in columns]
            lines.append(f"{name:<20}" + "".join(f"{cell:>27}" for cell in cells))
    return "\n".join(lines)


def _cell(one: Mapping[str, float]) -> str:
    numpys, kernels = one["NumPy"], one["kernel"]
    return f"{numpys:.2f} /{kernels:5.2f} {numpys / kernels:5.1f} x {one['share']:4.0%}"


def machine() -> str:
    """The command, and what it ran on."""
    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        cpu = next((x.partition(": ")[2] for x in information.read_text().splitlines() if "model name" in x), cpu)
    threads = config.threads or "all"
    return (
        f"python {' '.join(sys.argv)}\n{cpu}, {threads} threads, {platform.system()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=0.003, metavar="SECONDS", help="length of a burst")
    parser.add_argument("--only", default="", metavar="WORD", help="the lines that have it in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    print(machine(), flush=True)
    results = {
        f"{dtype} {size}": measured(n, dtype, options.rounds, options.budget, options.only)
        for dtype in DTYPES
        for size, n in SIZES.items()
    }
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
