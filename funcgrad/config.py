"""Settings, also read from the environment when the package is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping

_FALSE = frozenset(("0", "false", "no", "off"))
_TRUE = frozenset(("", "1", "true", "yes", "on"))


class Config:
    """The settings of the process.

    - `jit` (FUNCGRAD_JIT): False runs jitted functions as they are, on NumPy. Anything but True and False raises
      TypeError.

    Example:
        >>> from funcgrad.config import config
        >>> config.jit = False
        >>> config.jit = True
    """

    __slots__ = ("_jit",)

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        text = environment.get("FUNCGRAD_JIT", "").lower()
        if text not in _FALSE | _TRUE:
            raise ValueError(f"the environment variable FUNCGRAD_JIT must be 0 or 1, not {text!r}")
        self.jit = text in _TRUE

    @property
    def jit(self) -> bool:
        return self._jit

    @jit.setter
    def jit(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"config.jit must be True or False, not {value!r}")
        self._jit = value

    def __repr__(self) -> str:
        return f"Config(jit={self.jit})"


config = Config()
