"""What a fork waits for.

A process that forks while another of its threads imports a module, or is inside of a library that has a lock, leaves
its child without that thread, but with the lock taken: the child would wait for ever. Whoever does such a thing in what
may be a thread holds `unforked` meanwhile. Python looks at its list of what to call before it calls the first, so what
is imported later is not asked by the fork that waits for that import: it stands in a list of ours.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

unforked = threading.RLock()
_guards: list[tuple[Callable[[], None], Callable[[], None], Callable[[], None]]] = []


def guard(before: Callable[[], None], in_parent: Callable[[], None], in_child: Callable[[], None]) -> None:
    """Call these around forks, while `unforked` is held: no thread may ask for that within what `before` waits for."""
    _guards.append((before, in_parent, in_child))


def _before() -> None:
    unforked.acquire()
    for before, _, _ in _guards:
        before()


def _after_in_parent() -> None:
    for _, in_parent, _ in reversed(_guards):
        in_parent()
    unforked.release()


def _after_in_child() -> None:
    for _, _, in_child in reversed(_guards):
        in_child()
    unforked.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
