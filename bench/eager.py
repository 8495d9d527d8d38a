"""Eager gradients of small arrays against HIPS autograd, PyTorch and JAX: ``python bench/eager.py``."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np
import torch
from timing import interleaved, table

import funcgrad as fg

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)


def chain(x, np, steps=50):
    """100 operations: 50 of a function, 50 of a product with a number."""
    for _ in range(steps):
        x = np.sin(x) * 1.01
    return np.sum(x)


def expression(x, np):
    return np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2)


def torch_gradient(fun, x):
    def run():
        t = torch.tensor(x, requires_grad=True)
        fun(t, torch).backward()
        return t.grad.numpy()

    return run


def contenders(fun, x, with_jax=True):
    ours = fg.grad(lambda x: fun(x, np))
    hips = autograd.grad(lambda x: fun(x, anp))
    theirs = jax.grad(lambda x: fun(x, jnp))
    runs = {
        "funcgrad": lambda: ours(x),
        "PyTorch": torch_gradient(fun, x),
        "autograd": lambda: hips(x),
    }
    if with_jax:
        runs["JAX (eager)"] = lambda: jax.block_until_ready(theirs(x))
    results = {name: np.asarray(run()) for name, run in runs.items()}
    for name, value in results.items():
        np.testing.assert_allclose(value, results["funcgrad"], rtol=1e-12, err_msg=name)
    return runs


def main() -> None:
    x = np.linspace(0.1, 1.0, 10)
    timed = interleaved(contenders(chain, x))
    per_operation = {name: value / 100 for name, value in timed.items()}
    table("forward + backward of a chain of 100 operations, n = 10", {"per operation": per_operation})
    for n in (10, 1000, 100_000):
        x = np.linspace(0.1, 1.0, n)
        table(
            f"gradient of sum(sin(x) * exp(-x) + tanh(x) ** 2), n = {n}",
            {"per gradient": interleaved(contenders(expression, x))},
        )


if __name__ == "__main__":
    main()
