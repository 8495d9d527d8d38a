"""NumPy's protocols: `np.sin(x)` and `np.sum(x)` of traced values run the functions of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy import reductions
from funcgrad.numpy.dispatch import IMPLEMENTATIONS, UFUNCS, as_array, out_error
from funcgrad.ops import elementwise as ew
from funcgrad.ops import structure

_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: reductions.sum,
    np.multiply: reductions.prod,
    np.maximum: reductions.max,
    np.minimum: reductions.min,
    np.logical_and: reductions.all,
    np.logical_or: reductions.any,
}
_ACCUMULATIONS: dict[Any, Callable[..., Any]] = {np.add: reductions.cumsum, np.multiply: reductions.cumprod}
_MEANINGLESS = frozenset(("casting", "order", "subok", "extobj"))


def array_ufunc(self: Tracer, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What NumPy calls for a universal function, or a method of one, given a traced value."""
    if len(inputs) == 1 and not options and method == "__call__":
        function = UFUNCS.get(ufunc)
        if function is not None:
            return function(inputs[0])  # what np.sin(x) costs beside fnp.sin(x): 0.7 us
    name = ufunc.__name__
    out = options.pop("out", (None,))
    if any(buffer is not None for buffer in out):
        raise out_error(name, out[0])
    if method == "__call__":
        function = UFUNCS.get(ufunc)
        if function is None:
            raise _unsupported(f"np.{name}" if hasattr(np, name) else name, "")
        if ufunc.signature is not None:
            return function(*inputs, **options)
        if options:
            inputs = _with_options(name, inputs, options)
        return function(*[as_array(x) if type(x) in (list, tuple) else x for x in inputs])
    if method == "reduce" and ufunc in _REDUCTIONS:
        return _REDUCTIONS[ufunc](*inputs[:1], **_named(inputs, options, ("axis", "dtype", "out"), axis=0))
    if method == "accumulate" and ufunc in _ACCUMULATIONS:
        return _ACCUMULATIONS[ufunc](*inputs[:1], **_named(inputs, options, ("axis", "dtype", "out"), axis=0))
    if method == "outer" and ufunc in UFUNCS and not options:
        x, y = map(as_array, inputs)
        return UFUNCS[ufunc](structure.reshape(x, shape=x.shape + (1,) * y.ndim), y)
    if method == "at":
        raise TypeError(
            f"`np.{name}.at` of a traced value changes an array in place{provenance.at(provenance.here())}. "
            "Write `b = fnp.at(b)[i].add(v)`, or multiply, min, max."
        )
    raise _unsupported(f"np.{name}.{method}", "")


def _named(
    inputs: tuple[Any, ...], options: dict[str, Any], names: tuple[str, ...], **defaults: Any
) -> dict[str, Any]:
    """Positional arguments after the array as keywords."""
    return {**defaults, **dict(zip(names, inputs[1:])), **options}


def _with_options(name: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """The inputs as the keywords of a universal function ask; those that cannot be followed are refused."""
    dtype = options.pop("dtype", None)
    where = options.pop("where", True)
    if where is not True:
        raise TypeError(
            f"`np.{name}` of a traced value with `where` leaves elements without a value"
            f"{provenance.at(provenance.here())}. Write np.where(condition, np.{name}(...), otherwise)."
        )
    unknown = [key for key, value in options.items() if key not in _MEANINGLESS and value is not None]
    if unknown:
        raise TypeError(
            f"`np.{name}` of a traced value does not take `{unknown[0]}`{provenance.at(provenance.here())}"
        )
    if dtype is None:
        return inputs
    return tuple(ew.convert(as_array(x), dtype=np.dtype(dtype)) for x in inputs)


def array_function(self: Tracer, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What NumPy calls for its other functions with a traced value among their arguments."""
    implementation = IMPLEMENTATIONS.get(func)
    if implementation is None:
        name = f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)
        if _writes(func, args):
            raise TypeError(
                f"`{name}` writes a traced value into a plain array{provenance.at(provenance.here())}. "
                "Write `b = fnp.at(b)[i].set(v)`, which makes a new array."
            )
        raise _unsupported(name, " `dir(funcgrad.numpy)` lists what is.")
    return implementation(*args, **kwargs)


def _writes(func: Any, args: tuple[Any, ...]) -> bool:
    return func.__name__ in ("copyto", "put", "place", "putmask", "put_along_axis", "fill_diagonal") and bool(
        args
    )


def _unsupported(name: str, hint: str) -> TypeError:
    return NotDifferentiableError(
        f"`{name}` is not supported for traced values{provenance.at(provenance.here())}: "
        f"it has no derivative here.{hint} "
        "A function of yours can be given one with fg.custom_vjp; fg.stop_gradient(x) first cuts it."
    )
