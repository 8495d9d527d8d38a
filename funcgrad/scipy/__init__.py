"""SciPy's names, differentiable. They need SciPy (`pip install 'funcgrad[scipy]'`).

On plain arrays SciPy itself runs. Once `funcgrad.scipy.special` is imported, SciPy's universal functions
(`scipy.special.gammaln(x)`) take traced values too.
"""

import typing as _typing
from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from funcgrad.names import missing as _missing

__all__ = ["integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats"]

if _typing.TYPE_CHECKING:
    from funcgrad.scipy import integrate, interpolate, linalg, ndimage, optimize, signal, sparse, special, stats


def _later(name: str) -> _ModuleType:
    if name in __all__:  # when it is asked for: SciPy's own modules take up to half a second
        return _import_module(f"funcgrad.scipy.{name}")
    raise AttributeError(_missing("module 'funcgrad.scipy'", name, __all__), name=name)


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _later


def __dir__() -> list[str]:
    return __all__
