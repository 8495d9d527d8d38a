"""Statements about elements, and the memory that values have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from funcgrad.compile.scalars import Affine, Axis, Move, Place, Scalar, Scalars, walk

FOLDS = {"sum": "add", "prod": "mul", "max": "max", "min": "min", "any": "or", "all": "and"}
"""The reductions of kernels, and the operation that combines two elements."""


class Buffer:
    """Memory of a value: `place` is "input", "output", "constant", "scratch" or, once nests are made, "register"."""

    __slots__ = ("dropped", "dtype", "level", "order", "place", "reused", "shape", "shares", "slot")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, place: str) -> None:
        self.shape = shape
        self.dtype = dtype
        self.place = place
        self.order = tuple(range(len(shape)))
        """The dimensions from the one with the longest step to the one with the shortest."""
        self.level = 0
        self.slot = -1
        self.shares: Buffer | None = None
        self.dropped: frozenset[int] = frozenset()
        self.reused: frozenset[Axis] = frozenset()

    def shared(self) -> Buffer:
        """Another value in the same memory, which takes the place of this one."""
        found = Buffer(self.shape, self.dtype, self.place)
        found.shares = self
        found.level = self.level
        return found

    def strides(self) -> tuple[int, ...]:
        """In elements, of the dimensions that are kept."""
        strides = [0] * len(self.shape)
        step = 1
        for d in reversed(self.order):
            if d not in self.dropped:
                strides[d] = step
                step *= self.shape[d]
        return tuple(strides)

    def size(self) -> int:
        return math.prod([n for d, n in enumerate(self.shape) if d not in self.dropped])


class Write:
    """A statement: for all points of `axes`, elements of `buffer` at the indices of `parts` are set to their values.

    With a `fold`, they are combined over the axes in `over`; where there are none, with what stands there already.
    Such an update, and what is set at places computed when running, has its order.
    """

    __slots__ = ("_loads", "axes", "buffer", "fold", "length", "over", "parts", "path")

    def __init__(
        self, buffer: Buffer, axes: list[Axis], parts: list[tuple[tuple[Place, ...], Scalar]],
        fold: str | None = None, over: frozenset[Axis] = frozenset(),
    ) -> None:  # fmt: skip
        self.buffer = buffer
        self.axes = axes
        self.parts = parts
        self.fold = fold
        self.over = over
        self.path: list[Any] = []
        self.length = 0
        self._loads: list[Scalar] | None = None

    def values(self) -> Iterator[Scalar]:
        """All that is computed."""
        for index, value in self.parts:
            yield from (p for p in index if isinstance(p, Scalar))
            yield value

    def loads(self) -> list[Scalar]:
        """The elements that it reads. Counts its operations too."""
        if self._loads is None:
            expressions = walk(self.values())
            self.length = len(expressions)
            self._loads = [x for x in expressions if x.op == "load"]
        return self._loads

    def fold_loops(self) -> tuple[int, int]:
        """Where, in the path, the first loop stands that it folds over, and the first one within which all are such."""
        over = [scope.axis in self.over for scope in self.path[1:]]
        inner = len(over)
        while inner and over[inner - 1]:
            inner -= 1
        return over.index(True) + 1, inner + 1

    def rename(self, scalars: Scalars, places: dict[Axis, Affine]) -> None:
        if not places:
            return
        self._loads = None
        move = Move(scalars, places)
        self.parts = [(tuple(map(move, index)), move.scalar(value)) for index, value in self.parts]
        renamed = {a: p.lone() for a, p in places.items()}
        self.axes = [renamed.get(a, a) for a in self.axes]  # type: ignore[misc]
        self.over = frozenset([renamed.get(a, a) for a in self.over])  # type: ignore[misc]


def identity(fold: str, dtype: np.dtype) -> Any:
    """What a fold gives for no elements."""
    if fold in ("sum", "any"):
        return 0
    if fold in ("prod", "all"):
        return 1
    if dtype.kind == "f":
        return -math.inf if fold == "max" else math.inf
    limits = np.iinfo(dtype)
    return limits.min if fold == "max" else limits.max
