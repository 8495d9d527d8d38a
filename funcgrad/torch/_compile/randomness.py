"""Sources of random numbers that a trace does not follow: Python's and NumPy's."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.torch._compile.watch import Watch


class Randomness:
    """The states of the sources that a function can reach, and of the global ones, before it is traced."""

    def __init__(self, watch: Watch) -> None:
        self._sources: list[tuple[Callable[[], Any], Callable[[Any], None]]] = [
            (random.getstate, random.setstate),
            (np.random.get_state, np.random.set_state),
        ]
        for x in watch.objects:
            if isinstance(x, np.random.Generator):
                bits = x.bit_generator
                self._sources.append((lambda b=bits: b.state, lambda state, b=bits: setattr(b, "state", state)))  # type: ignore[misc]
            elif isinstance(x, np.random.RandomState):
                self._sources.append((x.get_state, x.set_state))
            elif isinstance(x, random.Random):
                self._sources.append((x.getstate, x.setstate))
        self._states = [get() for get, _ in self._sources]

    def is_used(self) -> bool:
        """Whether numbers were drawn since."""
        return any(pickle.dumps(get()) != pickle.dumps(s) for (get, _), s in zip(self._sources, self._states))

    def restore(self) -> None:
        for (_, put), state in zip(self._sources, self._states):
            put(state)
