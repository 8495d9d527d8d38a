"""Functions over values become functions over Tensors, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._tensor.tensor import Tensor


def recorded(name: str, saves: str = "") -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """The decorated function takes arrays or traced values where the new one takes Tensors, and numbers as they are.

    `name` and `saves` are `Kind`'s: what PyTorch calls the operation's `grad_fn`, and what it saves.
    """
    kind = Kind(name, saves)

    def over_tensors(fun: Callable[..., Any]) -> Callable[..., Tensor]:
        @wraps(fun)
        def apply(input: Any, *operands: Any, **params: Any) -> Tensor:
            need_tensor(input, fun.__name__.strip("_"))
            return call(kind, fun, input, *operands, **params)

        return apply

    return over_tensors
