"""Modules whose parameters are about to be overwritten, and the order in memory of convolutions' weights."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from funcgrad.torch._ops import select
from funcgrad.torch._ops.memory_order import formatted
from funcgrad.torch._tensor.formats import memory_format as Order
from funcgrad.torch.nn.modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.utils.randomness import random_numbers, random_state

AnyModule = TypeVar("AnyModule", bound=Module)


def skip_init(module_cls: type[AnyModule], *args: Any, **kwargs: Any) -> AnyModule:
    """A module whose parameters are any numbers, to be overwritten: no random number is taken for them."""
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    with random_numbers(random_state()):
        return module_cls(*args, **kwargs)


def convert_conv2d_weight_memory_format(module: AnyModule, memory_format: Order) -> AnyModule:
    """Let the weights of two-dimensional convolutions in a module lie in that order in memory; returns the module."""
    return _converted(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: AnyModule, memory_format: Order) -> AnyModule:
    """Let the weights of three-dimensional convolutions in a module lie in that order in memory; returns the module."""
    return _converted(module, (Conv3d, ConvTranspose3d), memory_format)


def _converted(module: AnyModule, kinds: tuple[type[Module], ...], memory_format: Order) -> AnyModule:
    for part in module.modules():
        if isinstance(part, kinds):
            part.weight.data = formatted(select.clone(part.weight.detach()), memory_format)
    return module
