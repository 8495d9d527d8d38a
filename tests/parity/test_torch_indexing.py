"""Random indices under funcgrad.torch and PyTorch: values, gradients, and what stores leave, with kept seeds."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import funcgrad.torch as shim

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


def entry(rng: random.Random, n: int, length: int) -> str:
    """The text of one entry of an index into a dimension of size n; arrays have `length` elements or are masks.

    Places differ: where one is stored to twice, PyTorch's gradient counts the value that was overwritten.
    """
    places = [p - n * rng.randrange(2) for p in rng.sample(range(n), length)]
    mask = [rng.random() < 0.5 for _ in range(n)]
    mask[rng.randrange(n)] = True
    start = rng.randrange(n)
    return rng.choice(
        [
            str(rng.randrange(-n, n)),
            f"torch.tensor({rng.randrange(-n, n)})",
            ":",
            f"{start}:",
            f":{start + 1}",
            f"::{rng.randrange(1, 3)}",
            "None",
            "...",
            f"{places}",
            f"torch.tensor({places})",
            f"torch.tensor([{places}])",
            f"torch.tensor({mask})" if sum(mask) == length else f"{places}",
            "True",
        ]
    )


def index(rng: random.Random, shape: tuple[int, ...]) -> str:
    length = rng.randrange(1, 3)
    entries: list[str] = []
    axis = 0
    while axis < len(shape) and rng.random() < 0.85:
        e = entry(rng, shape[axis], length)
        if e == "..." and e in entries:
            continue
        entries.append(e)
        if e == "...":  # what comes behind is of the last dimensions
            axis = max(axis, len(shape) - 1)
        elif e not in ("None", "True"):
            axis += 1
    return ", ".join(entries) + ("," if len(entries) == 1 else "") if entries else "..."


def outcome(torch: Any, program: str) -> Any:
    names: dict[str, Any] = {"torch": torch}
    try:
        exec(program, names)
    except (IndexError, RuntimeError) as error:
        return type(error).__name__, str(error)
    kept = [names["r"], names["x"].grad, names["t"]]
    return [None if k is None else (list(k.shape), k.detach().numpy().tolist()) for k in kept]


@pytest.mark.parametrize("seed", range(400))
def test_random_index(seed):
    rng = random.Random(seed)
    shape = tuple(rng.choice([(4,), (2, 3), (3, 2, 4), (2, 3, 2, 3)]))
    size = int(np.prod(shape))
    at = index(rng, shape)
    stored = rng.choice(["7.0", "r * 2", "w[0]", "w[0].detach()"])
    program = (
        f"x = torch.arange({size}.0, dtype=torch.float64).reshape({shape}).requires_grad_()\n"
        "w = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)\n"
        f"t = torch.zeros({shape}, dtype=torch.float64)\n"
        f"r = x[{at}]\n"
        f"t[{at}] = {stored}\n"
        "weights = torch.arange(float(r.numel()), dtype=torch.float64).reshape(r.shape)\n"
        "(r * weights).sum().backward(retain_graph=True)\n"
        "if t.requires_grad: (t * t).sum().backward()\n"
    )
    assert outcome(shim, program) == outcome(real, program), program
