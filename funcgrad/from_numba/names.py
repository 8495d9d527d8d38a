"""What names mean in the source of a compiled function while it is traced.

numba's functions run in Python with traced values, so `math.sin` must take one, `np.zeros` make an array that can be
written, `float` and `int` be casts. Whatever is not traced gets what Python would give.
"""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial, wraps
from types import ModuleType
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core import arrivals, provenance
from funcgrad.core.trace import Tracer, known
from funcgrad.errors import TracerConversionError
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special
from funcgrad.ops.gammas import gamma

MATH = {
    "acos": fnp.arccos, "acosh": fnp.arccosh, "asin": fnp.arcsin, "asinh": fnp.arcsinh, "atan": fnp.arctan,
    "atan2": fnp.arctan2, "atanh": fnp.arctanh, "degrees": fnp.degrees, "radians": fnp.radians, "pow": fnp.power,
    "fabs": fnp.abs, "erf": special.erf, "erfc": special.erfc, "lgamma": special.lgamma, "gamma": gamma,
    **{name: getattr(fnp, name) for name in (
        "cbrt", "copysign", "cos", "cosh", "exp", "exp2", "expm1", "fmod", "frexp", "hypot", "isfinite", "isinf",
        "isnan", "ldexp", "log", "log10", "log1p", "log2", "nextafter", "sin", "sinh", "sqrt", "tan", "tanh",
    )},
}  # fmt: skip
"""Functions of `math`, and of `cmath` where that has them, for traced values."""


def whole(rounding: Callable[[Any], Any], x: Any) -> Any:
    """A rounded number as an integer, whose derivative is zero."""
    return rounding(x).astype(np.int64)


ROUNDED = {name: partial(whole, getattr(fnp, name)) for name in ("ceil", "floor", "trunc")}


def _rect(r: Any, phi: Any) -> Any:
    return r * fnp.cos(phi) + 1j * (r * fnp.sin(phi))


CMATH = {"phase": fnp.angle, "polar": lambda z: (fnp.abs(z), fnp.angle(z)), "rect": _rect}
"""Functions that `cmath` alone has."""


def on_traced(plain: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
    """`traced` where an argument is, and `plain` otherwise."""

    @wraps(plain)
    def function(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if isinstance(x, Tracer):
                return traced(*args, **kwargs)
        return plain(*args, **kwargs)

    return function


def _diag(v: Any, k: int = 0) -> Any:
    """numba's `np.diag`: a copy, where NumPy's is a view."""
    return fnp.copy(fnp.diag(v, k))


def _numbered(x: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    for index in np.ndindex(x.shape):
        yield index, x[index]


def _iterated(x: Any) -> Iterator[Any]:
    raise TracerConversionError(
        "In place of np.nditer(x), write np.ndindex(x.shape), and x[index]: an iterator of NumPy's takes no traced "
        f"value{provenance.at(provenance.here())}."
    )


NUMPY = {
    "diag": _diag,
    "ndenumerate": on_traced(np.ndenumerate, _numbered),
    "nditer": on_traced(np.nditer, _iterated),
}
"""Names of NumPy's that do something else in numba, or that only functions of numba's have for traced values."""


class Namespace:
    """The names of a module, some of them with another meaning."""

    def __init__(self, module: ModuleType, names: dict[str, Any]) -> None:
        self.__dict__.update(names)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = meaning(getattr(self.__dict__["_module"], name))
        self.__dict__[name] = found
        return found


class _Cast(type):
    """The class of the casts: what is an instance of the type itself, or a traced number of it, is one of theirs."""

    dtype: np.dtype
    of: type

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, cls.of) or (isinstance(x, Tracer) and not x.ndim and x.dtype == cls.dtype)


_casts: dict[Any, type] = {}


def cast(of: Any) -> type:
    """A type of numbers that can be called with a traced value, and is a dtype as it is."""
    if of not in _casts:
        _casts[of] = _cast(of)
    return _casts[of]


def _cast(of: Any) -> type:
    dtype = np.dtype(of)

    def new(cls: type, x: Any = 0) -> Any:
        if not isinstance(x, Tracer):
            return of(x)
        if dtype.kind in "iu" and x.dtype.kind == "f":
            x = fnp.trunc(x)  # type: ignore[call-overload]
        return x if x.dtype == dtype and not x.aval.weak else x.astype(dtype)

    made: type = _Cast(of.__name__, (of,), {"__new__": new, "dtype": dtype, "of": of, "__module__": of.__module__})
    return made


def _extremum(larger: bool, *xs: Any, **options: Any) -> Any:
    """Python's `max` or `min`: the first argument, unless a later one is beyond it."""
    plain = max if larger else min
    if options or len(xs) < 2 or all(known(x) is not None for x in xs if isinstance(x, Tracer)):
        return plain(*xs, **options)
    best, *rest = xs
    for x in rest:
        best = ew.where(x > best if larger else x < best, x, best)
    return best


def _rounded(x: Any, digits: int | None = None) -> Any:
    return whole(fnp.rint, x) if digits is None else fnp.round(x, digits)


def _complex(x: Any, y: Any = 0.0) -> Any:
    return x + 1j * y


BUILTINS: dict[str, Any] = {
    **vars(builtins),
    "complex": on_traced(complex, _complex),
    "float": cast(float),
    "int": cast(int),
    "max": partial(_extremum, True),
    "min": partial(_extremum, False),
    "round": on_traced(round, _rounded),
}
"""Python's builtins."""


def _prange(*bounds: int) -> range:
    return range(*bounds)


class _Lists(list):
    """`numba.typed.List`: Python's, which holds traced values."""

    @classmethod
    def empty_list(cls, item_type: Any, allocated: int = 0) -> _Lists:
        return cls()


class _Dicts(dict):
    """`numba.typed.Dict`."""

    @classmethod
    def empty(cls, key_type: Any, value_type: Any, n_keys: int = 0) -> _Dicts:
        return cls()


NUMBERS = frozenset(np.dtype(c).type for c in "bhilqBHILQfdFD")


@cache
def _fixed() -> dict[int, Any]:
    """What stands for functions and modules of NumPy, `math` and numba, by their identity."""
    import cmath

    found: dict[Any, Any] = {}
    for module in (math, cmath):
        own = ROUNDED if module is math else CMATH
        named = {**{name: f for name, f in MATH.items() if hasattr(module, name)}, **own}
        pairs = {name: on_traced(getattr(module, name), f) for name, f in named.items()}
        found[module] = Namespace(module, pairs)
        found.update({getattr(module, name): f for name, f in pairs.items()})
    for theirs, ours in ((np, fnp), (np.linalg, fnp.linalg), (np.fft, fnp.fft)):
        pairs = {name: getattr(ours, name) for name in dir(ours) if callable(getattr(theirs, name, None))}
        pairs |= NUMPY if theirs is np else {}
        pairs |= {name: cast(x) for name, x in vars(theirs).items() if isinstance(x, type) and x in NUMBERS}
        found[theirs] = Namespace(theirs, pairs)
        found.update({getattr(theirs, name): f for name, f in pairs.items() if callable(getattr(theirs, name))})
    _alive.append(list(found))
    return {id(x): y for x, y in found.items()}


_alive: list[Any] = []
"""What the identities above belong to."""


@cache
def _numbas() -> dict[int, Any]:
    """The same for what is numba's, once it is there."""
    numba: Any = sys.modules["numba"]
    found = {numba: Namespace(numba, {}), numba.types: Namespace(numba.types, {}), numba.prange: _prange}
    found[numba.literal_unroll] = lambda container: container
    if hasattr(numba, "typed"):
        found |= {numba.typed: Namespace(numba.typed, {}), numba.typed.List: _Lists, numba.typed.Dict: _Dicts}
    _alive.append(list(found))
    return {id(x): y for x, y in found.items()}


def meaning(x: Any) -> Any:
    """What stands for something that a function finds under a name."""
    found = _fixed().get(id(x))
    if found is None and arrivals.has_come("numba"):
        found = _numbas().get(id(x))
        if found is None and isinstance(x, sys.modules["numba"].types.Number):
            found = cast(np.dtype(str(x)).type)
    return x if found is None else found
