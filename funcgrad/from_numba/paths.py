"""A function of numbers on arrays, where it has branches: which way it goes differs from element to element.

Where values are not known, the function is traced once along each way through it, and a program chooses between the
results. Where they are known, it runs on all elements at once, and again on each part that goes a way of its own.
Either runs the function several times, so it must be one in the mathematical sense.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.buffers import apply
from funcgrad.core.graph import Graph, hoist
from funcgrad.core.staging import StageTrace, trace_open
from funcgrad.core.trace import Tracer, known
from funcgrad.ops import elementwise as ew
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.jvp import with_tangents

WAYS = 32
"""Ways through a function that a program has; each is computed for every element."""
TURNS = 64
"""Questions that one run may ask: a loop that goes on asking is not traced."""
LONGEST = 10_000
"""Operations of a program."""


class TooManyWays(Exception):
    """A function has too many ways through it, or too many operations, for a program of all."""


class WayTrace(StageTrace):
    """Traces a function along one way: `answers` begin it, and the questions behind them are answered True."""

    __slots__ = ("answers", "asked")

    def __init__(self) -> None:
        super().__init__("fg.elementwise")
        self.answers: list[bool] = []
        self.asked: list[Any] = []

    def write(self, *given: Any) -> Any:
        if len(self.eqns) > LONGEST:
            raise TooManyWays
        return super().write(*given)

    def choose(self, x: Any) -> bool:
        self.asked.append(x)
        if len(self.asked) > TURNS:
            raise TooManyWays
        return self.answers[len(self.asked) - 1] if len(self.asked) <= len(self.answers) else True


def program(fun: Callable[..., Any], avals: Sequence[Aval]) -> Graph:
    """The program of a function of numbers, with all ways through it; an error where there is none."""
    trace = WayTrace()
    ways = 0

    def along(answers: list[bool], xs: Sequence[Any]) -> Any:
        nonlocal ways
        ways += 1
        if ways > WAYS:
            raise TooManyWays
        trace.answers, trace.asked = answers, []
        y = number(fun(*xs))
        asked = trace.asked
        for turn in reversed(range(len(answers), len(asked))):
            y = ew.where(asked[turn], y, along([*answers, *[True] * (turn - len(answers)), False], xs))
        return y

    return trace_open(lambda new: [along([], list(map(new, avals)))], trace=trace)


def number(y: Any, name: str = "") -> Any:
    """A result of a function of numbers (by this name), checked to be one."""
    if isinstance(y, (bool, int, float, complex, np.number, np.bool_)) or (isinstance(y, Tracer) and y.shape == ()):
        return y
    shape = f"an array of shape {y.shape}" if hasattr(y, "shape") else type(y).__name__
    of = f" `{name}`" if name else ""
    raise TypeError(f"the function{of} of numbers must return one number, not {shape}")


class _Parts(BaseException):
    """Some elements go another way: the masks of those that stay together. No error: the user's `except` misses it."""

    def __init__(self, masks: Sequence[np.ndarray]) -> None:
        self.masks = masks


class PartTrace(BatchTrace):
    """Runs a function on elements that all go the same way."""

    __slots__ = ()
    name = "fg.elementwise"

    def choose(self, x: Any) -> bool:
        truths = np.asarray(known(x.value), bool)
        if truths.all() or not truths.any():
            return bool(truths[0])
        raise _Parts((truths, ~truths))

    def count(self, x: Any) -> int:
        """The integer that Python asks for, in `range(n)`."""
        numbers = np.asarray(known(x.value))
        if (numbers == numbers[0]).all():
            return int(numbers[0])
        raise _Parts([numbers == n for n in np.unique(numbers)])


def in_parts(fun: Callable[..., Any], arrays: Sequence[Any]) -> np.ndarray:
    """A function of numbers on plain arrays, which broadcast."""
    arrays = np.broadcast_arrays(*arrays)
    flat = [a.reshape(-1) for a in arrays]
    waiting = [np.arange(flat[0].size)] if flat[0].size else []
    done: list[tuple[np.ndarray, Any]] = []
    while waiting:
        places = waiting.pop()
        try:
            done.append((places, _together(fun, [a[places] for a in flat])))
        except _Parts as parts:
            waiting += [places[mask] for mask in parts.masks]
    dtype = np.result_type(*[y for _, y in done]) if done else np.result_type(float, *flat)
    out = np.empty(flat[0].size, dtype)
    for places, y in done:
        out[places] = y
    return out.reshape(arrays[0].shape)[()]


def _together(fun: Callable[..., Any], arrays: Sequence[np.ndarray]) -> Any:
    trace = PartTrace(len(arrays[0]))
    y = number(apply(trace, fun, [trace.input(a) for a in arrays]))
    value, batched = trace.unwrap(y)
    if isinstance(value, Tracer):
        raise captured(value)
    return value if batched else stretch(value, trace.size)


def one_by_one(fun: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    """The function of each element, called by NumPy."""
    y = np.frompyfunc(fun, len(arrays), 1)(*arrays)
    flat = [number(v) for v in np.ravel(y)]
    return np.asarray(flat, None if flat else float).reshape(np.shape(y))[()]


def captured(x: Tracer) -> TypeError:
    """The error for a function of numbers that has found a traced value elsewhere."""
    return TypeError(
        f"a function given to fg.elementwise uses a traced value ({x.aval}) that is not among its arguments: pass it "
        "as one, which may be a number or an array"
    )


def without_captured(graph: Graph) -> Graph:
    """The program; an error where it holds a traced value from outside."""
    _, found = hoist(graph)
    if found:
        raise captured(found[0])
    return graph


class Slope:
    """A partial derivative of a function of numbers, as one."""

    def __init__(self, fun: Callable[..., Any], position: int, nin: int) -> None:
        self.fun = fun
        self.position = position
        self.nin = nin

    def __call__(self, *xs: Any) -> Any:
        tangents = [x.dtype.type(1) if i == self.position else None for i, x in enumerate(xs)]
        _, (slope,) = with_tangents(lambda *ys: (self.fun(*ys),), xs, tangents)
        return xs[self.position].dtype.type(0) if slope is None else slope
