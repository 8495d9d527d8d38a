"""Settings, also read from the environment when the package is imported."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

_FALSE = frozenset(("0", "false", "no", "off"))
_TRUE = frozenset(("", "1", "true", "yes", "on"))


class Config:
    """The settings of the process.

    - `jit` (FUNCGRAD_JIT): False runs jitted functions as they are, on NumPy. Anything but True and False raises
      TypeError.
    - `debug_nans` (FUNCGRAD_DEBUG_NANS): True raises FloatingPointError at the first operation that makes a NaN; see
      `debug_nans`.
    - `traceback` (FUNCGRAD_TRACEBACK): "user" shows the user's frames in tracebacks of errors, "full" the library's
      too. Anything else raises ValueError.
    - `threads` (FUNCGRAD_THREADS): how many threads a large kernel may use, from its next call on; 1 makes none.
      None or 0 is automatic: as many as the process has cores, but no more than NumPy's BLAS may use, so that
      OPENBLAS_NUM_THREADS, OMP_NUM_THREADS and threadpoolctl hold here too. Results are the same for any number.
    - `cache_dir` (FUNCGRAD_CACHE_DIR): the folder where kernels are kept for other processes, from the next compile on.
      None or an empty value keeps none. It is made where it is not there, and used only while nobody else may write to
      it; what is wrong with it is a RuntimeWarning. The default is `funcgrad` in the user's cache folder
      ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS), or None where the user has none, and on Windows.
    - `cache_size` (FUNCGRAD_CACHE_SIZE): the bytes that it may hold, 512 MiB by default. When it is full, the kernels
      go that were not used for the longest time.

    Example:
        >>> from funcgrad.config import config
        >>> config.jit = False
        >>> config.jit = True
        >>> config.threads = 1
        >>> config.threads = None
    """

    __slots__ = ("_cache_dir", "_cache_size", "_debug_nans", "_jit", "_threads", "_traceback", "usual")
    usual: bool
    """Whether jitted functions just run their programs: `jit` is on, and nothing looks at the results."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment  # no default: `help` would print all of it
        self._debug_nans = _switch(environment, "FUNCGRAD_DEBUG_NANS", "0")
        self.jit = _switch(environment, "FUNCGRAD_JIT", "1")
        self.traceback = environment.get("FUNCGRAD_TRACEBACK") or "user"
        self._threads = ctypes.c_int64()
        self.threads = _number(environment, "FUNCGRAD_THREADS", "threads", 0)
        self.cache_size = _number(environment, "FUNCGRAD_CACHE_SIZE", "bytes", 512 << 20)
        folder = environment.get("FUNCGRAD_CACHE_DIR")
        self.cache_dir = _users_cache(environment) if folder is None else folder

    @property
    def jit(self) -> bool:
        return self._jit

    @jit.setter
    def jit(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"config.jit must be True or False, not {value!r}")
        self._jit = value
        self.usual = value and not self._debug_nans

    @property
    def debug_nans(self) -> bool:
        return self._debug_nans

    @debug_nans.setter
    def debug_nans(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"config.debug_nans must be True or False, not {value!r}")
        self._debug_nans = value
        self.usual = self._jit and not value

    @property
    def traceback(self) -> str:
        return self._traceback

    @traceback.setter
    def traceback(self, value: str) -> None:
        if value not in ("user", "full"):
            raise ValueError(f'config.traceback must be "user" or "full", not {value!r}')
        self._traceback = value

    @property
    def threads(self) -> int | None:
        return self._threads.value or None

    @threads.setter
    def threads(self, value: int | None) -> None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise TypeError(f"config.threads must be a number of threads, or None for automatic, not {value!r}")
        self._threads.value = value or 0

    @property
    def cache_dir(self) -> str | None:
        return self._cache_dir

    @cache_dir.setter
    def cache_dir(self, value: str | os.PathLike[str] | None) -> None:
        path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else value
        if path is not None and (not isinstance(path, str) or "\0" in path):
            raise TypeError(f"config.cache_dir must be a folder's path, or None for no cache, not {value!r}")
        # absolute, since the process may change its directory
        self._cache_dir = os.path.abspath(os.path.expanduser(path)) if path else None

    @property
    def cache_size(self) -> int:
        return self._cache_size

    @cache_size.setter
    def cache_size(self, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise TypeError(f"config.cache_size must be a number of bytes, not {value!r}")
        self._cache_size = value

    if not TYPE_CHECKING:  # a checker shall see that a name does not exist

        def __getattr__(self, name: str) -> None:
            """AttributeError, which says what to write in place of JAX's settings."""
            instead = f": {_JAXS}" if name == "update" else ""
            raise AttributeError(f"'Config' object has no attribute {name!r}{instead}", name=name, obj=self)

    def __repr__(self) -> str:
        shown = ("jit", "threads", "debug_nans", "traceback", "cache_dir", "cache_size")
        return f"Config({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


_JAXS = (
    "leave jax_enable_x64 out, as numbers are float64; write fg.config.debug_nans = True for jax_debug_nans, "
    "fg.config.jit = False for jax_disable_jit, fg.config.cache_dir = folder for jax_compilation_cache_dir"
)
"""What to write in place of `jax.config.update(...)`."""


def _switch(environment: Mapping[str, str], name: str, default: str) -> bool:
    text = (environment.get(name) or default).lower()
    if text not in _FALSE | _TRUE:
        raise ValueError(f"the environment variable {name} must be 0 or 1, not {text!r}")
    return text in _TRUE


def _number(environment: Mapping[str, str], name: str, what: str, default: int) -> int:
    text = environment.get(name, "").strip() or str(default)
    if not text.isdecimal():
        raise ValueError(f"the environment variable {name} must be a number of {what}, not {text!r}")
    return int(text)


def _users_cache(environment: Mapping[str, str]) -> str | None:
    """The default of `cache_dir`: None where it is not there and the user's own folders have no place for it.

    So nobody is warned of a home that cannot be written, and `sudo` puts nothing of root's into a user's.
    """
    if os.name != "posix":
        return None
    caches = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(caches):
        caches = os.path.expanduser("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    if not os.path.isabs(caches):
        return None
    found = path = os.path.join(caches, "funcgrad")
    while not os.path.lexists(found):
        found = os.path.dirname(found)
    try:
        own = os.stat(found).st_uid == os.geteuid() and os.access(found, os.W_OK)
    except OSError:
        own = False
    return path if own or found == path else None


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
