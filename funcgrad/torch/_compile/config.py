"""`torch._dynamo.config`."""

from __future__ import annotations

from typing import Any


class Config:
    """The settings of `torch.compile`; of PyTorch's those that mean something here.

    `recompile_limit` (also `cache_size_limit`): how often calls of one kind are traced before they run uncompiled.
    What cannot be compiled runs uncompiled whether or not `suppress_errors` is set.
    """

    def __init__(self) -> None:
        self.__dict__.update(recompile_limit=8, suppress_errors=False, verbose=False)

    @property
    def cache_size_limit(self) -> int:
        return self.recompile_limit

    @cache_size_limit.setter
    def cache_size_limit(self, value: int) -> None:
        self.recompile_limit = value

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"torch._dynamo.config.{name} does not exist")

    def __setattr__(self, name: str, value: Any) -> None:
        getattr(self, name)
        object.__setattr__(self, name, value)


config = Config()
