"""One library in a process of its own, which bench/compiled.py drives over pipes: ``python bench/worker.py jax``.

A request is a pickled tuple: ("start", case), ("result",), ("time", calls). The answer is (True, value) or
(False, the error's first line). "function" is "start" for a case without its derivative.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from cases import CASES
from timing import seconds


def unchanged(x: Any) -> Any:
    return x


@dataclass(frozen=True)
class Library:
    lib: Any  # with JAX's names
    version: str
    jit: Callable = unchanged
    load: Callable = unchanged  # the arguments as arrays of the library's own
    ready: Callable = unchanged  # waits for a result


def funcgrad() -> Library:
    import funcgrad

    return Library(funcgrad, funcgrad.__version__, funcgrad.jit)


def jax() -> Library:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", os.environ.get("FUNCGRAD_BENCH_JAX_ASYNC") != "0")
    return Library(jax, jax.__version__, jax.jit, jax.device_put, jax.block_until_ready)


def torch() -> Library:
    """PyTorch as it is used: eager, its own fused functions where it has them."""
    import torch

    torch.set_default_dtype(torch.float64)

    def tensors(x: Any) -> Any:
        return tuple(map(tensors, x)) if isinstance(x, (tuple, list)) else torch.from_numpy(np.asarray(x))

    def grad(f: Callable) -> Callable:
        def gradient(params: Any, *data: Any) -> Any:
            leaves = [x.detach().requires_grad_() for x in flat(params)]
            value = f(leaves if isinstance(params, tuple) else leaves[0], *data)
            return torch.autograd.grad(value, leaves)

        return gradient

    nn = SimpleNamespace(logsumexp=lambda x, axis: torch.logsumexp(x, axis))
    lib = SimpleNamespace(numpy=torch, nn=nn, functional=torch.nn.functional, grad=grad)
    return Library(lib, torch.__version__, load=tensors)


def flat(x: Any) -> list:
    """The leaves of nested tuples, lists and dicts."""
    if isinstance(x, dict):
        x = [x[key] for key in sorted(x)]
    return [leaf for part in x for leaf in flat(part)] if isinstance(x, (tuple, list)) else [x]


class Worker:
    def __init__(self, name: str) -> None:
        self.name = name
        self.library = {"funcgrad": funcgrad, "jax": jax, "torch": torch}[name]()
        # what an import or a compiler's start costs is not the first case's
        self.library.ready(self.library.jit(lambda x: x * 2.0 + 1.0)(self.library.load(np.ones(3))))

    def version(self) -> str:
        return f"{self.library.version} (Python {sys.version.split()[0]})"

    def start(self, index: int) -> float:
        """Take up a case; the seconds of its first call."""
        return self._take_up(CASES[index].program(self.library.lib, torch=self.name == "torch"), index)

    def function(self, index: int) -> float:
        return self._take_up(CASES[index].function(self.library.lib), index)

    def _take_up(self, function: Callable, index: int) -> float:
        self.run = self.first = None  # the memory of the case before
        gc.collect()
        library, case = self.library, CASES[index]
        program = library.jit(function)
        args = library.load(case.data(np.random.default_rng(0)))
        call = partial(program, *args)
        self.run = call if library.ready is unchanged else lambda: library.ready(call())
        begin = time.perf_counter()
        self.first = self.run()
        return time.perf_counter() - begin

    def result(self) -> list[np.ndarray]:
        return [np.asarray(x) for x in flat(self.first)]

    def time(self, calls: int) -> float:
        """Seconds a call, after one that warms the caches which another process has cooled."""
        self.run()
        gc.disable()
        try:
            return seconds(self.run, calls)
        finally:
            gc.enable()


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between them
    worker = Worker(sys.argv[1])
    while True:
        try:
            request, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = True, getattr(worker, request)(*arguments)
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}".splitlines()[0]
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
