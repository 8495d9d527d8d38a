"""A compiled module, which is a module too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.torch.nn.modules.module import Module


class OptimizedModule(Module):
    """What `torch.compile` makes of a module: the module's parameters and attributes, and another call."""

    def __init__(self, module: Module, called: Callable[..., Any]) -> None:
        super().__init__()
        self._orig_mod = module
        self.__dict__["_called"] = called

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._called(*args, **kwargs)

    forward = __call__

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return super().__getattr__(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_orig_mod":
            super().__setattr__(name, value)
        elif name == "training":
            self.__dict__[name] = value
        else:
            setattr(self._orig_mod, name, value)
