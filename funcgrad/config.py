"""Settings, also read from the environment when the package is imported."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_FALSE = frozenset(("0", "false", "no", "off"))
_TRUE = frozenset(("", "1", "true", "yes", "on"))


class Config:
    """The settings of the process.

    - `jit` (FUNCGRAD_JIT): False runs jitted functions as they are, on NumPy. Anything but True and False raises
      TypeError.
    - `debug_nans` (FUNCGRAD_DEBUG_NANS): True raises FloatingPointError at the first operation that makes a NaN; see
      `debug_nans`.
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

    __slots__ = ("_debug_nans", "_jit", "_threads", "plain")
    plain: bool
    """Whether jitted functions just run their programs: `jit` is on, and nothing looks at the results."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._debug_nans = _switch(environment, "FUNCGRAD_DEBUG_NANS", "0")
        self.jit = _switch(environment, "FUNCGRAD_JIT", "1")
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
        self.plain = value and not self._debug_nans

    @property
    def debug_nans(self) -> bool:
        return self._debug_nans

    @debug_nans.setter
    def debug_nans(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"config.debug_nans must be True or False, not {value!r}")
        self._debug_nans = value
        self.plain = self._jit and not value

    @property
    def threads(self) -> int | None:
        return self._threads.value or None

    @threads.setter
    def threads(self, value: int | None) -> None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise TypeError(f"config.threads must be a number of threads, or None for automatic, not {value!r}")
        self._threads.value = value or 0

    def __repr__(self) -> str:
        return f"Config(jit={self.jit}, threads={self.threads}, debug_nans={self.debug_nans})"


def _switch(environment: Mapping[str, str], name: str, default: str) -> bool:
    text = (environment.get(name) or default).lower()
    if text not in _FALSE | _TRUE:
        raise ValueError(f"the environment variable {name} must be 0 or 1, not {text!r}")
    return text in _TRUE


config = Config()


@contextmanager
def disable_jit(disable: bool = True) -> Iterator[None]:
    """Run jitted functions as they are, on NumPy, in the block of a `with`: `config.jit = False` for so long.

    Loops and branches of `lax` run as Python's then, so a debugger may step through them.

    Example:
        >>> import funcgrad as fg
        >>> with fg.disable_jit():
        ...     fg.jit(lambda x: print("x is", x))(2.0)
        x is 2.0
    """
    before = config.jit
    config.jit = not disable
    try:
        yield
    finally:
        config.jit = before


@contextmanager
def debug_nans(enable: bool = True) -> Iterator[None]:
    """Raise FloatingPointError at the first operation that makes a NaN, in the block of a `with`.

    The message names the operation and the user's line, in the backward pass too: then the line whose derivative it is.
    What is looked at are operations on traced values (`grad`, `jvp`, `vmap` and the like) and the results of jitted
    functions. Where one of those has a NaN, the function is traced again, and its operations run one by one.
    Operations on plain arrays are NumPy's own; `np.errstate(invalid="raise")` does the same for them.

    With `config.debug_nans = True` or the environment variable FUNCGRAD_DEBUG_NANS=1 it is so everywhere. Derivatives
    are slower then, and go through jitted functions operation by operation.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> with fg.debug_nans():
        ...     fg.grad(lambda x: 2.0 * np.sqrt(x))(-1.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        FloatingPointError: `sqrt` gave NaN at ...
    """
    before = config.debug_nans
    config.debug_nans = enable
    try:
        yield
    finally:
        config.debug_nans = before
