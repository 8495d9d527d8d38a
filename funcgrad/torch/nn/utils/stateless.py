"""A module called with other parameters and buffers than its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.module import Module


@contextmanager
def swapped(module: Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """The module has the given tensors under the given names inside, its own ones again behind."""
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, tensor in tensors.items():
            owner, _, name = path.rpartition(".")
            inner = module.get_submodule(owner)
            registered: dict[str, Any] = inner._parameters if name in inner._parameters else inner._buffers
            if name not in registered:
                raise RuntimeError(f"Unexpected key(s): {path}.")
            before.append((registered, name, registered[name]))
            registered[name] = tensor
        yield
    finally:
        for registered, name, own in reversed(before):
            registered[name] = own


def functional_call(
    module: Module, parameters_and_buffers: Mapping[str, Tensor], args: Any = None, kwargs: dict[str, Any] | None = None
) -> Any:
    """`module(*args, **kwargs)` with the given tensors in place of the parameters and buffers of these names."""
    with swapped(module, parameters_and_buffers):
        given = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*given, **(kwargs or {}))
