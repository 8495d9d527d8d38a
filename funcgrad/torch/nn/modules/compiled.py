"""A compiled module, which is a module too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from funcgrad.torch._compile.compiled import compile
from funcgrad.torch.nn.modules.hooks import around
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


def _compile(module: Module, **options: Any) -> None:
    """Compile the calls of this module; `options` are those of `torch.compile`."""
    module._own_hooks().compiled = compile(partial(around, module), **options)


Module.compile = _compile  # type: ignore[attr-defined]
Module._optimized = OptimizedModule  # type: ignore[attr-defined]
