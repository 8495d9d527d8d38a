"""`torch.overrides`: what is asked about arguments with a `__torch_function__` of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from funcgrad.torch._tensor.overrides import dispatched, is_written, overriding, state
from funcgrad.torch._tensor.tensor import Tensor

__all__ = ["handle_torch_function", "has_torch_function", "is_tensor_like"]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments says itself what an operation on it is.

    >>> import funcgrad.torch as torch
    >>> has_torch_function((torch.ones(2), 3))
    False
    """
    return not state.off and bool(overriding(relevant_args))


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What these say that the function is of the arguments. TypeError where all return NotImplemented."""
    return dispatched(public_api, overriding(relevant_args), args, kwargs)


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a Tensor, or has a `__torch_function__`."""
    return isinstance(inp, Tensor) or is_written(type(inp))


def __dir__() -> list[str]:
    return __all__
