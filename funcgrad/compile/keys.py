"""Keys of caches: equal for values that a program cannot tell apart, and for no others."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import tree


def exact(value: Any) -> Any:
    """A key for a hashable value: `tree.exact`, which keeps apart 1, 1.0 and True, and 0.0 and -0.0.

    Raises TypeError where the value has no hash, or where it cannot be compared with itself: `==` of arrays, and of
    objects that hold them, gives no truth value.
    """
    _check(value)
    return tree.exact(value)


def _check(value: Any) -> None:
    if isinstance(value, (tuple, frozenset)):
        for part in value:
            _check(part)
        return
    hash(value)
    same = value == value
    if not isinstance(same, (bool, np.bool_)):
        raise TypeError(f"== of two {type(value).__name__} gives {type(same).__name__}")
