"""Compiled gradients against jitted JAX and eager NumPy code: ``python bench/compiled.py``.

JAX is measured as it is installed, with its own threads; funcgrad's kernels use one.
"""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
from timing import interleaved, table

import funcgrad as fg

jax.config.update("jax_enable_x64", True)


def expression(x, np):
    return np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2)


def network(params, x, y, np):
    """Mean square error of an MLP 8 x 4 - 16 - 2 with four parameters."""
    hidden = np.tanh(x @ params["w"] + params["b"])
    return np.mean((hidden @ params["v"] + params["c"] - y) ** 2)


def parameters(rng):
    shapes = {"w": (4, 16), "b": (16,), "v": (16, 2), "c": (2,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def contenders(fun, *args):
    """The gradient of `fun(*args, np)`, compiled by each, checked against each other."""
    ours = fg.jit(fg.grad(lambda *a: fun(*a, np)))
    eager = fg.grad(lambda *a: fun(*a, np))
    theirs = jax.jit(jax.grad(lambda *a: fun(*a, jnp)))
    first = {}
    for name, run in (("funcgrad", ours), ("JAX", theirs)):
        start = time.perf_counter()
        result = jax.block_until_ready(run(*args))
        first[name] = time.perf_counter() - start
        for a, b in zip(jax.tree.leaves(result), jax.tree.leaves(eager(*args)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    print(f"  first call: funcgrad {first['funcgrad']:.2f} s, JAX {first['JAX']:.2f} s")
    return {
        "funcgrad": lambda: ours(*args),
        "JAX (jit)": lambda: jax.block_until_ready(theirs(*args)),
        "funcgrad (eager)": lambda: eager(*args),
    }


def main() -> None:
    rng = np.random.default_rng(0)
    fg.jit(lambda x: x * 2.0 + 1.0)(np.ones(3))  # numba's import and start are not any one function's
    jax.jit(lambda x: x * 2.0 + 1.0)(np.ones(3))
    for n in (10, 1000, 1_000_000):
        print(f"\nsum(sin(x) * exp(-x) + tanh(x) ** 2), n = {n}")
        timed = interleaved(contenders(expression, np.linspace(0.1, 1.0, n)), budget=0.05)
        table("gradient", {"per call": timed})
    print("\nMLP 8 x 4 - 16 - 2, four parameters")
    timed = interleaved(contenders(network, parameters(rng), rng.normal(size=(8, 4)), rng.normal(size=(8, 2))))
    table("gradient", {"per call": timed})


if __name__ == "__main__":
    main()
