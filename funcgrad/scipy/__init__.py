"""SciPy's names, differentiable. They need SciPy (`pip install 'funcgrad[scipy]'`).

On plain arrays SciPy itself runs. Once `funcgrad.scipy.special` is imported, SciPy's universal functions
(`scipy.special.gammaln(x)`) take traced values too.
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

__all__ = ["integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats"]


def __getattr__(name: str) -> _ModuleType:
    if name in __all__:  # when it is asked for: SciPy's own modules take up to half a second
        return _import_module(f"funcgrad.scipy.{name}")
    raise AttributeError(f"module 'funcgrad.scipy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
