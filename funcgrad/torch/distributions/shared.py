"""What several distributions need: parameters of one shape, attributes computed late, sums over events."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import funcgrad.torch as torch
from funcgrad.torch._record.modes import enable_grad
from funcgrad.torch._tensor.tensor import Tensor

Number = (int, float)
LOG_2PI = math.log(2 * math.pi)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape; numbers get the dtype of the first tensor."""
    if not all(isinstance(v, (Tensor, *Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), torch.get_default_dtype())
    return torch.broadcast_tensors(*(v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype) for v in values))


def batch_shape_of(first: Tensor, *given: Any) -> tuple[int, ...]:
    """That of the parameters; none where all are numbers."""
    return () if all(isinstance(x, Number) for x in given) else first.shape


def inside(probs: Tensor) -> Tensor:
    """Not nearer to 0 and 1 than the dtype's precision."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def log_odds(probs: Tensor) -> Tensor:
    probs = inside(probs)
    return torch.log(probs) - torch.log1p(-probs)


def everywhere(distribution: Any, value: float, like: Tensor) -> Tensor:
    """One number for each element of a distribution's events."""
    return torch.full(distribution._extended_shape(), value, dtype=like.dtype)


def sum_rightmost(t: Tensor, dims: int) -> Tensor:
    return t if dims == 0 else t.reshape(*t.shape[:-dims], -1).sum(-1)


class lazy_property:
    """An attribute computed when it is first asked for."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__name__ = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.compute(instance)
        setattr(instance, self.__name__, value)
        return value
