"""NumPy's protocols: `np.sin(x)` and `np.sum(x)` of traced values run the functions of this package."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.buffers import Buffer, buffered, held
from funcgrad.core.frames import hide, hides, hiding
from funcgrad.core.reading import named
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import CALLED, IMPLEMENTATIONS, unsupported
from funcgrad.numpy.ufuncs import into, run
from funcgrad.numpy.writing import at
from funcgrad.transforms.batch import SharedTracer


@hides
def array_ufunc(self: Tracer, ufunc: np.ufunc, method: str, x: Any, *others: Any, **options: Any) -> Any:
    """What NumPy calls for a universal function, or a method of one, given a traced value."""
    try:
        if not others and not options and method == "__call__":
            function = CALLED.get(ufunc)
            if function is not None:
                return function(x)  # what np.sin(x) costs beside fnp.sin(x): 0.7 us
        return run(ufunc, method, x, *others, **options)
    except Exception as error:
        hide(error)
        raise


@hides
def array_function(self: Tracer, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What NumPy calls for its other functions with a traced value among their arguments."""
    implementation = IMPLEMENTATIONS.get(func)
    try:
        if implementation is None:
            raise unsupported(_name(func), " `dir(funcgrad.numpy)` lists what is.")
        return implementation(*args, **kwargs)
    except Exception as error:
        hide(error)
        raise


def _name(func: Any) -> str:
    return f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)


def buffer_ufunc(self: Buffer, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
    """`array_ufunc` of an array that can be written: that of what it holds."""
    if method == "at":
        return at(ufunc, *inputs, **options)
    if "where" in options:
        return run(ufunc, method, *inputs, out=out, **options)
    values = held(inputs)
    y = getattr(ufunc, method)(*values, **held(options))
    if out is not None:
        return into(out, y, ufunc)
    if isinstance(y, Tracer) and any(x is y for x in values):
        return y.snapshot()
    return tuple(map(self._trace.shared, y)) if type(y) is tuple else self._trace.shared(y)


@hiding
def buffer_function(self: Buffer, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`array_function` of an array that can be written."""
    implementation = IMPLEMENTATIONS.get(func)
    if implementation is not None:
        return implementation(*args, **kwargs)
    values = (*held(args), *held(kwargs).values())
    y = func(*held(args), **held(kwargs))
    if isinstance(y, np.ndarray) and any(type(x) is np.ndarray and np.may_share_memory(x, y) for x in values):
        raise TypeError(
            named("Take a copy of the array first, x = fnp.copy(x), or index it.")
            + f" `{_name(func)}`{provenance.at(provenance.here())} gives a view of an array that can be written, and "
            "would not see what is written later."
        )
    return buffered(y)


def shared_ufunc(self: SharedTracer, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """`array_ufunc` of an array that a batch shares: NumPy's own, where nothing else is traced."""
    known = _known((inputs, options))
    if known is None:
        return array_ufunc(self, ufunc, method, *inputs, **options)
    return self._trace.shared(getattr(ufunc, method)(*known[0], **known[1]))


def shared_function(self: SharedTracer, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`array_function` of an array that a batch shares: NumPy's own, where nothing else is traced."""
    known = _known((args, kwargs))
    if known is None:
        return array_function(self, func, types, args, kwargs)
    y = func(*known[0], **known[1])
    return type(y)(map(self._trace.shared, y)) if type(y) in (tuple, list) else self._trace.shared(y)


def _known(x: Any) -> Any:
    """Arguments with the arrays that shared ones are; None where another traced value is among them."""
    if isinstance(x, Tracer):
        return x._as_plain() if x._trace.alive else None
    if type(x) in (tuple, list):
        parts = [_known(part) for part in x]
        return None if any(part is None and old is not None for part, old in zip(parts, x)) else type(x)(parts)
    if type(x) is dict:
        values = _known(list(x.values()))
        return None if values is None else dict(zip(x, values))
    return x
