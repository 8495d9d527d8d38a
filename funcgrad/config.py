"""Settings, also read from the environment when the package is imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_FALSE = frozenset(("0", "false", "no", "off"))
_TRUE = frozenset(("1", "true", "yes", "on", ""))


class Config:
    """The settings of the process. A value of the wrong type raises TypeError, a wrong value ValueError.

    - `jit` (FUNCGRAD_JIT): False runs jitted functions as they are, on NumPy.
    - `threads` (FUNCGRAD_THREADS): how many threads kernels may use, at least 1. Kernels are serial today:
      the number
      is kept for them, and changes nothing yet.
    - `cache_dir` (FUNCGRAD_CACHE_DIR): a folder for compiled kernels. They live in memory today: the path is
      kept for
      them, and changes nothing yet.
    - `debug_nans`: raise where a derivative becomes NaN.

    Example:
        >>> from funcgrad.config import config
        >>> config.jit = False
        >>> config.jit = True
    """

    __slots__ = ("_cache_dir", "_debug_nans", "_jit", "_threads")

    def __init__(self, environment: Any = os.environ) -> None:
        self.jit = _flag("FUNCGRAD_JIT", environment.get("FUNCGRAD_JIT", "1"))
        self.threads = _count("FUNCGRAD_THREADS", environment.get("FUNCGRAD_THREADS", "1"))
        self.cache_dir = environment.get("FUNCGRAD_CACHE_DIR") or None
        self.debug_nans = False

    @property
    def jit(self) -> bool:
        return self._jit

    @jit.setter
    def jit(self, value: bool) -> None:
        self._jit = _boolean("jit", value)

    @property
    def threads(self) -> int:
        return self._threads

    @threads.setter
    def threads(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"config.threads must be an int, not {value!r}")
        if value < 1:
            raise ValueError(f"config.threads must be at least 1, not {value}")
        self._threads = value

    @property
    def cache_dir(self) -> str | None:
        return self._cache_dir

    @cache_dir.setter
    def cache_dir(self, value: str | os.PathLike[str] | None) -> None:
        if value is not None and not isinstance(value, (str, Path)):
            raise TypeError(f"config.cache_dir must be a path or None, not {value!r}")
        self._cache_dir = None if value is None else str(value)

    @property
    def debug_nans(self) -> bool:
        return self._debug_nans

    @debug_nans.setter
    def debug_nans(self, value: bool) -> None:
        self._debug_nans = _boolean("debug_nans", value)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name[1:]}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Config({shown})"


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"config.{name} must be True or False, not {value!r}")
    return value


def _flag(name: str, text: str) -> bool:
    if text.lower() in _FALSE:
        return False
    if text.lower() in _TRUE:
        return True
    raise ValueError(f"the environment variable {name} must be 0 or 1, not {text!r}")


def _count(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the environment variable {name} must be a whole number, not {text!r}") from None


config = Config()
