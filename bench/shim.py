"""funcgrad.torch against PyTorch on the CPU, the same program in one process: ``python bench/shim.py``.

Each row is a program that takes the library and returns a step; both steps are compared before they are timed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch as pytorch
from timing import interleaved

import funcgrad.torch as shim

pytorch.set_num_threads(2)
Step = Callable[[], Any]
ROWS: dict[str, tuple[Callable[[Any], Step], float]] = {}
"""The program, and how fast it must be: PyTorch's time over ours."""


def row(name: str, aim: float) -> Callable[[Callable[[Any], Step]], Callable[[Any], Step]]:
    def enter(program: Callable[[Any], Step]) -> Callable[[Any], Step]:
        ROWS[name] = program, aim
        return program

    return enter


def chain_of(n: int, prepare: Callable[[Any, Any], Any]) -> Callable[[Any], Step]:
    def program(torch: Any) -> Step:
        x = torch.linspace(0.1, 1.0, n).requires_grad_()

        def step() -> Any:
            y = prepare(torch, x)
            for _ in range(25):
                y = torch.sin(y) * 1.01
            x.grad = None
            y.sum().backward()
            return x.grad

        return step

    return program


row("a chain of 50 operations, n = 10", 1.0)(chain_of(10, lambda torch, x: x))
row("the same, with detach upstream", 1.0)(chain_of(10, lambda torch, x: x * x.detach()))
row("the same, n = 1e6", 1.0)(chain_of(1_000_000, lambda torch, x: x))


@row("a chain of 50 operations under no_grad, n = 10", 1.0)
def without_recording(torch: Any) -> Step:
    x = torch.linspace(0.1, 1.0, 10)

    def step() -> Any:
        with torch.no_grad():
            y = x
            for _ in range(25):
                y = torch.sin(y) * 1.01
            return y

    return step


def small(expression: Callable[[Any, Any, Any, Any], Any]) -> Callable[[Any], Step]:
    def program(torch: Any) -> Step:
        x, w, b = (
            torch.linspace(-1.0, 1.0, n).reshape(shape).requires_grad_()
            for n, shape in ((32, (8, 4)), (16, (4, 4)), (4, (4,)))
        )

        def step() -> Any:
            x.grad = None
            expression(torch, x, w, b).sum().backward()
            return x.grad

        return step

    return program


row("softmax, 8 x 4, forward and backward", 0.83)(small(lambda torch, x, w, b: torch.softmax(x, -1) * x))
row("bias and relu, 8 x 4", 0.83)(small(lambda torch, x, w, b: torch.relu(x + b)))
row("matmul, 8 x 4 by 4 x 4", 0.83)(small(lambda torch, x, w, b: x @ w))


def perceptron(torch: Any, *sizes: int) -> Any:
    layers: list[Any] = []
    for inner, outer in pairwise(sizes):
        layer = torch.nn.Linear(inner, outer)
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(-0.5, 0.5, inner * outer).reshape(outer, inner))
            layer.bias.fill_(0.01)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def training(batch: int, *sizes: int, compiled: bool = False) -> Callable[[Any], Step]:
    def program(torch: Any) -> Step:
        model = perceptron(torch, *sizes)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        x = torch.linspace(-1.0, 1.0, batch * sizes[0]).reshape(batch, sizes[0])
        y = torch.linspace(-1.0, 1.0, batch * sizes[-1]).reshape(batch, sizes[-1])

        def step() -> Any:
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        return torch.compile(step) if compiled and torch is shim else step

    return program


row("a step of SGD, 8 x 4-16-2", 1.0)(training(8, 4, 16, 2))
row("a compiled step of SGD, 8 x 4-16-2", 5.0)(training(8, 4, 16, 2, compiled=True))
row("a step of SGD, 64 x 784-256-10", 0.91)(training(64, 784, 256, 10))


@row("t[i] = v, 1e6 elements", 0.33)
def element(torch: Any) -> Step:
    t = torch.zeros(1_000_000)

    def step() -> Any:
        t[12_345] = 1.5
        return t[12_345]

    return step


def ratio(program: Callable[[Any], Step]) -> tuple[float, float]:
    """PyTorch's time over ours, and ours in microseconds."""
    ours, theirs = program(shim), program(pytorch)
    found, wanted = (np.array(step().tolist()) for step in (ours, theirs))
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
    timed = interleaved({"ours": ours, "PyTorch": theirs})
    return timed["PyTorch"] / timed["ours"], timed["ours"] * 1e6


def main() -> None:
    print(f"PyTorch {pytorch.__version__} on {pytorch.get_num_threads()} threads\n")
    print(f"{'':<48} {'us':>10} {'PyTorch':>8} {'aim':>6}")
    for name, (program, aim) in ROWS.items():
        if len(sys.argv) > 1 and not any(part in name for part in sys.argv[1:]):
            continue
        factor, own = ratio(program)
        print(f"{name:<48} {own:>10.1f} {factor:>7.2f}x {aim:>6.2f}{'' if factor >= aim else '  short'}", flush=True)


if __name__ == "__main__":
    main()
