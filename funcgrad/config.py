"""Settings, also read from the environment when the package is imported."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

_FALSE = frozenset(("0", "false", "no", "off"))
_TRUE = frozenset(("", "1", "true", "yes", "on"))


class Config:
    """The settings of the process.

    - `jit` (FUNCGRAD_JIT): False runs jitted functions as they are, on NumPy. Anything but True and False raises
      TypeError.
    - `threads` (FUNCGRAD_THREADS): how many threads a large kernel may use, from its next call on; 1 makes none.
      None or 0 is automatic: as many as the process has cores, but no more than NumPy's BLAS may use, so that
      OPENBLAS_NUM_THREADS, OMP_NUM_THREADS and threadpoolctl hold here too. Results are the same for any number.

    Example:
        >>> from funcgrad.config import config
        >>> config.jit = False
        >>> config.jit = True
        >>> config.threads = 1
        >>> config.threads = None
    """

    __slots__ = ("_jit", "_threads")

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        text = environment.get("FUNCGRAD_JIT", "").lower()
        if text not in _FALSE | _TRUE:
            raise ValueError(f"the environment variable FUNCGRAD_JIT must be 0 or 1, not {text!r}")
        self.jit = text in _TRUE
        number = environment.get("FUNCGRAD_THREADS", "").strip() or "0"
        if not number.isdecimal():
            raise ValueError(f"the environment variable FUNCGRAD_THREADS must be a number of threads, not {number!r}")
        self._threads = ctypes.c_int64()
        self.threads = int(number)

    @property
    def jit(self) -> bool:
        return self._jit

    @jit.setter
    def jit(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"config.jit must be True or False, not {value!r}")
        self._jit = value

    @property
    def threads(self) -> int | None:
        return self._threads.value or None

    @threads.setter
    def threads(self, value: int | None) -> None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise TypeError(f"config.threads must be a number of threads, or None for automatic, not {value!r}")
        self._threads.value = value or 0

    def __repr__(self) -> str:
        return f"Config(jit={self.jit}, threads={self.threads})"


config = Config()
