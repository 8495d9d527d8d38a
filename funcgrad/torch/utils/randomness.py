"""The state of the random numbers, kept for a part of a program that is run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from funcgrad.torch._ops import random


def random_state() -> Any:
    generator = random.default_generator
    return generator.words_of.get_state(), generator.spare


@contextmanager
def random_numbers(state: Any) -> Iterator[None]:
    """Random numbers from an earlier state on; afterwards they go on as if nothing was."""
    if state is None:
        yield
        return
    generator = random.default_generator
    now = random_state()
    try:
        generator.words_of.set_state(state[0])
        generator.spare = state[1]
        yield
    finally:
        generator.words_of.set_state(now[0])
        generator.spare = now[1]
