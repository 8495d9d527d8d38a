"""The axes that have names: `vmap(f, axis_name="i")` binds one while `f` runs.

The names are known to a thread, as functions of the user's run in it; values find the `vmap` by themselves
(`funcgrad.ops.collectives`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from funcgrad.core.provenance import at, here


class AxisName(NamedTuple):
    """A name, and how many elements there are along its axis."""

    name: Any
    size: int


class Axis:
    """A named axis, and the index of an element along it; `used`: somebody has asked for it."""

    __slots__ = ("index", "key", "used")

    def __init__(self, key: AxisName, index: Any) -> None:
        self.key = key
        self.index = index
        self.used = False

    def take(self) -> Any:
        """The index, for somebody who uses it."""
        self.used = True
        return self.index


class _Bound(threading.local):
    axes: tuple[Axis, ...] = ()


_bound = _Bound()


def bound_axes() -> tuple[Axis, ...]:
    """The axes that have names here and now; of equal names the last counts."""
    return _bound.axes


def with_axes(axes: Sequence[Axis], fun: Callable[..., Any], *args: Any) -> Any:
    """Run a function where these axes have names, and no others: it may run elsewhere than where it was called."""
    outer = _bound.axes
    _bound.axes = tuple(axes)
    try:
        return fun(*args)
    finally:
        _bound.axes = outer


def axis_of(name: Any, what: str) -> Axis:
    """The axis of a name; NameError where there is none."""
    for axis in reversed(_bound.axes):
        if axis.key.name == name:
            axis.used = True
            return axis
    names = ", ".join(repr(axis.key.name) for axis in _bound.axes)
    bound = f"; bound here: {names}" if names else ""
    raise NameError(
        f"unbound axis name: {name!r} in {what}{at(here())}{bound}. "
        f"It gets its meaning from fg.vmap(f, axis_name={name!r}), inside of f"
    )
