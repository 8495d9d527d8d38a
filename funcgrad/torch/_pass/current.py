"""Which backward pass is under way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from funcgrad.torch._pass.engine import Pass


class _Running(threading.local):
    """The passes that are under way in a thread, the innermost last."""

    def __init__(self) -> None:
        self.passes: list[Pass] = []


under_way = _Running()


def current() -> Pass:
    """The innermost pass of this thread."""
    return under_way.passes[-1]


def running() -> bool:
    """Whether a pass is under way in this thread."""
    return bool(under_way.passes)
