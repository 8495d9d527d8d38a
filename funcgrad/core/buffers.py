"""Arrays that can be written: `b = fnp.zeros(3); b[0] = x`, inside of a function that is being transformed.

A `Buffer` stands for an array that the function has made. What it holds is replaced at each write, and never changed:
an array, or the traced value that a functional update gave. Reading it is an operation on what it holds, so nothing
else needs to know of buffers. Outside of transformations there are none: there the arrays are NumPy's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core import arrivals, warned
from funcgrad.core.avals import NUMERIC, Aval, aval_of
from funcgrad.core.provenance import Loc, here
from funcgrad.core.trace import Primitive, Trace, Tracer


class _Scope(threading.local):
    """The trace for which a function of the user's is running in a thread."""

    trace: Trace | None = None


_scope = _Scope()


def running() -> Trace | None:
    """The trace for which a function of the user's is running; None outside of transformations."""
    return _scope.trace


_NONE: Mapping[str, Any] = {}


def run(trace: Trace, fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] = _NONE) -> Any:
    """What a function of the user's returns for values of `trace`; what its buffers hold stands in their place."""
    if arrivals.awaited:
        arrivals.greet()
    outer = _scope.trace
    _scope.trace = trace
    try:
        if outer is None:
            return warned.logged(_run, (trace, fun, args, kwargs), _NONE)
        return settled(fun(*args, **kwargs), trace)
    finally:
        _scope.trace = outer


def _run(trace: Trace, fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return settled(fun(*args, **kwargs), trace)


def apply(trace: Trace, fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] = _NONE) -> Any:
    """`run` of a trace that ends with the function."""
    try:
        return run(trace, fun, args, kwargs)
    finally:
        trace.end()


def settled(out: Any, trace: Trace | None = None) -> Any:
    """A pytree with what its buffers hold in their place."""
    trace = trace or _scope.trace
    if trace is None or not trace.has_buffers:
        return out
    return tree.map(lambda x: x.snapshot() if type(x) is Buffer else x, out)


class BufferTrace(Trace):
    """Runs every operation on what the buffers hold; plain arrays that come of it can be written too."""

    __slots__ = ()
    name = "an array that can be written"

    def __init__(self) -> None:
        super().__init__()
        self.age = inf  # it interprets before all others

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        out = prim(*[a.value if type(a) is Buffer else a for a in args], **params)
        return tuple(map(self.shared, out)) if prim.multiple else self.shared(out)

    def shared(self, y: Any) -> Any:
        """A result as the user gets it."""
        return buffered(y) if type(y) is np.ndarray and y.ndim else y


class Buffer(Tracer):
    """An array that can be written.

    `scope` is the trace in whose function it was made; `ordered` whether NumPy's would lie in memory in C order.
    """

    __slots__ = ("loc", "ordered", "scope", "value")

    _trace: BufferTrace

    def __init__(self, value: Any, scope: Trace, ordered: bool) -> None:
        scope.has_buffers = True
        self._trace = _interpreter
        self._place = None
        self.value = value
        self.scope = scope
        self.ordered = ordered
        self.loc = here()

    @property
    def has_value(self) -> bool:
        return not isinstance(self.value, Tracer) or self.value.has_value

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    def location(self) -> Loc | None:
        return self.loc

    def _as_plain(self) -> np.ndarray | None:
        value = self.value
        if isinstance(value, Tracer):
            return value._as_plain()
        view = value.view()
        view.flags.writeable = False
        return view

    def snapshot(self) -> Any:
        return self.value if isinstance(self.value, Tracer) else self.value.copy()

    def replace(self, new: Any) -> None:
        self.value = held(new)

    def __repr__(self) -> str:
        return f"Buffer({self.value!r})"


_interpreter = BufferTrace()


def held(x: Any) -> Any:
    """What a buffer holds, in lists, tuples and dicts too; anything else as it is."""
    kind = type(x)
    if kind is Buffer:
        return x.value
    if kind is list or kind is tuple:
        return kind([held(part) for part in x])
    return {key: held(value) for key, value in x.items()} if kind is dict else x


def buffered(y: Any) -> Any:
    """New arrays, also in lists and tuples, as such that can be written, where a function is being transformed."""
    scope, kind = _scope.trace, type(y)
    if scope is None:
        return y
    if kind is list or kind is tuple:
        return kind([buffered(part) for part in y])
    if kind is not np.ndarray or y.dtype.kind not in NUMERIC:
        return y
    return Buffer(y, scope, y.flags.c_contiguous)
