"""Which value each element of an array was stored with, and which part of that value a part of the array is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np

from funcgrad.core.graph import Atom
from funcgrad.ops.index import Index, as_slices


class Part(NamedTuple):
    """The elements `at` (numbers in C order) of a value, each plus zero where `plus`."""

    value: Atom
    at: np.ndarray
    plus: bool


class Patches:
    """For each element of an array the value that it is of, and the number of the element in that.

    `plus` marks elements to which zero was added, which makes 0.0 of -0.0. `count` is the number of stores.
    """

    def __init__(self, array: Atom) -> None:
        shape = array.aval.shape
        self.values = [array]
        self.owner = np.zeros(shape, np.int32)
        self.at = np.arange(prod(shape)).reshape(shape)
        self.plus = np.zeros(shape, bool)
        self.count = 0

    def copy(self) -> Patches:
        new = object.__new__(Patches)
        new.values, new.count = list(self.values), self.count
        new.owner, new.at, new.plus = self.owner.copy(), self.at.copy(), self.plus.copy()
        return new

    def store(self, value: Atom, index: Index) -> None:
        part = (*as_slices(index), ...)
        self.owner[part] = len(self.values)
        self.at[part] = np.arange(value.aval.size).reshape(value.aval.shape)
        self.plus[part] = False
        self.values.append(value)
        self.count += 1

    def read(self, index: Index) -> Part | None:
        """A part of the array, where it is one of one value."""
        part = (*as_slices(index), ...)
        return self._part(self.owner[part], self.at[part], self.plus[part])

    def _part(self, owner: np.ndarray, at: np.ndarray, plus: np.ndarray) -> Part | None:
        if not owner.size:
            return None
        first = owner.flat[0], plus.flat[0]
        if owner.size > 1 and not ((owner == first[0]).all() and (plus == first[1]).all()):
            return None
        return Part(self.values[first[0]], at, bool(first[1]))

    def cut(self, axes: range, most: int) -> list[Part] | None:
        """The array in pieces along some axes taken as one, where there are no more than `most`."""
        shape = self.owner.shape
        merged = (*shape[: axes.start], -1, *shape[axes.stop :])
        arrays = [np.moveaxis(a.reshape(merged), axes.start, 0) for a in (self.owner, self.at)]
        owner, at = (a.reshape(len(a), -1) for a in arrays)
        if self.plus.any() or not (owner == owner[:, :1]).all():
            return None
        pieces: list[Part] = []
        for start, end in _runs(owner[:, 0], at[:, 0]):
            if len(pieces) == most:
                return None
            place = np.moveaxis(arrays[1][start:end], 0, axes.start)
            pieces.append(Part(self.values[owner[start, 0]], place, False))
        return pieces


def _runs(owner: np.ndarray, at: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where elements of one value follow each other in equal steps."""
    step = np.diff(at)
    same = owner[1:] == owner[:-1]
    start = 0
    for k in range(len(same)):
        if not same[k] or (k > start and step[k] != step[k - 1]):
            yield start, k + 1
            start = k + 1
    yield start, len(owner)


def index_of(at: np.ndarray, shape: tuple[int, ...]) -> Index | None:
    """The index that takes the elements `at` from an array, where one without new axes does."""
    if at.ndim > len(shape):
        return None
    if not at.ndim:
        return tuple([int(place) for place in np.unravel_index(at, shape)]) if shape else ()
    first = np.unravel_index(at[(0,) * at.ndim], shape)
    seconds = [at[tuple([int(k == d and n > 1) for k, n in enumerate(at.shape)])] for d in range(at.ndim)]
    for axes in combinations(range(len(shape)), at.ndim):
        index: list[int | tuple[int, int | None, int]] = [int(place) for place in first]
        for axis, second, count in zip(axes, seconds, at.shape):
            start = int(first[axis])
            step = int(np.unravel_index(second, shape)[axis]) - start or 1
            end = start + step * (count - 1) + (1 if step > 0 else -1)
            index[axis] = start, None if end < 0 else end, step
        if np.array_equal(_numbers(index, shape), at):
            return tuple(index)
    return None


def _numbers(index: list[int | tuple[int, int | None, int]], shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of the elements that an index takes."""
    numbers = np.zeros((), np.intp)
    for entry, size, after in zip(index, shape, [prod(shape[d + 1 :]) for d in range(len(shape))]):
        places = np.arange(size)[entry if isinstance(entry, int) else slice(*entry)] * after
        numbers = numbers[..., None] + places if places.ndim else numbers + places
    return numbers
