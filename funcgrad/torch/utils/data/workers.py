"""PyTorch's workers, in the process that computes: each with random numbers and a copy of the data set of its own."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from funcgrad.torch._ops.random import default_generator


class WorkerInfo(NamedTuple):
    """What `get_worker_info` tells a data set in a worker."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Present:
    worker: WorkerInfo | None = None


_present = _Present()


def get_worker_info() -> WorkerInfo | None:
    """Of the worker that reads now; None outside of workers."""
    return _present.worker


class Worker:
    """The state of one worker. Its copy of the data set is shallow: what it assigns to the data set's attributes stays
    its own, what it writes into their contents does not."""

    def __init__(
        self, number: int, count: int, base_seed: int, dataset: Any, begin: Callable[[int], None] | None
    ) -> None:
        seed = base_seed + number
        self.info = WorkerInfo(number, count, seed, _copied(dataset))
        self.ended = False
        self.fetcher: Any = None
        self._state = _state()
        with self.present():
            default_generator.manual_seed(seed)
            random.seed(seed)
            words = [number, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
            np.random.seed(np.random.SeedSequence(words).generate_state(4))  # noqa: NPY002
            if begin is not None:
                begin(number)

    @contextmanager
    def present(self) -> Iterator[None]:
        """Code inside runs as this worker's."""
        outside, _present.worker = (_state(), _present.worker), self.info
        _set_state(self._state)
        try:
            yield
        finally:
            self._state = _state()
            before, _present.worker = outside
            _set_state(before)


def _copied(dataset: Any) -> Any:
    try:
        return copy.copy(dataset)
    except TypeError:  # what cannot be copied is shared
        return dataset


def _state() -> tuple[Any, ...]:
    """Of all random numbers that a data set may draw, NumPy's global ones among them."""
    return dict(vars(default_generator)), random.getstate(), np.random.get_state()  # noqa: NPY002


def _set_state(state: tuple[Any, ...]) -> None:
    vars(default_generator).update(state[0])
    random.setstate(state[1])
    np.random.set_state(state[2])  # noqa: NPY002
