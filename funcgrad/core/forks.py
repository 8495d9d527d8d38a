"""What a fork waits for.

A process that forks while another of its threads imports a module, or is inside of a library that has a lock, leaves
its child without that thread, but with the lock taken: the child would wait for ever. Whoever does such a thing in what
may be a thread holds `unforked` meanwhile.
"""

from __future__ import annotations

import os
import threading

unforked = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=unforked.acquire, after_in_parent=unforked.release, after_in_child=unforked.release)
