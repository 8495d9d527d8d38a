"""The three questions that people ask most about missing gradients, asked of `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import funcgrad as fg
import funcgrad.torch as torch


def kept() -> Any:
    given: Any = torch.tensor([1.0, 2.0])
    weights: Any = torch.tensor([3.0, 4.0], requires_grad=True)
    given.grad = torch.tensor([5.0, 6.0])
    (given * weights).mean().backward()
    return given.explain_grad()


def untracked() -> Any:
    def loss(x: Any) -> Any:
        scaled = fg.stop_gradient(x) * 2.0
        return np.sum(scaled)

    return fg.explain(loss)(np.array([1.0, 2.0, 3.0]))


class Square(torch.autograd.Function):
    """x ** 2, which keeps what `explain_grad` says of its incoming gradient."""

    report: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.pow(2)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        Square.report = grad_output.explain_grad()
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


def cotangent() -> Any:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    Square.apply(x).sum().backward()
    return Square.report


def answers() -> Iterator[tuple[str, Any]]:
    """Each question with its report."""
    yield "Why does a tensor with requires_grad=False have a gradient?", kept()
    yield "Why is nothing tracked? (loss under fg.explain)", untracked()
    yield "Why is grad_output.requires_grad False?", cotangent()
