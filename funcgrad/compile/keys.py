"""Keys of caches: equal for values that a program cannot tell apart, and for no others."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np


def exact(value: Any) -> Any:
    """A key for a hashable value that keeps apart 1, 1.0 and True, and 0.0 and -0.0, within containers too.

    Raises TypeError where the value has no hash, or where it cannot be compared with itself: `==` of arrays, and of
    objects that hold them, gives no truth value.
    """
    kind = type(value)
    if kind is float or kind is complex:
        return kind, repr(value)  # with the sign of zero, and one NaN for all
    if isinstance(value, np.generic):
        return kind, value.dtype, value.tobytes()
    if isinstance(value, (tuple, frozenset)):
        inner = map(exact, value)
        return kind, tuple(inner) if isinstance(value, tuple) else frozenset(inner)
    if kind is range or isinstance(value, Number):  # range(0) == range(1, 1), Decimal("1.0") == Decimal("1.00")
        return kind, repr(value)
    hash(value)
    same = value == value
    if not isinstance(same, (bool, np.bool_)):
        raise TypeError(f"== of two {kind.__name__} gives {type(same).__name__}")
    return kind, value, tuple(_fields(value))


def _fields(value: Any) -> Any:
    """The fields of a dataclass, whose own == takes 1 for 1.0."""
    for name in getattr(type(value), "__dataclass_fields__", ()):
        field = getattr(value, name, None)
        if isinstance(field, (bool, int, float, complex, np.generic, tuple, frozenset)) or hasattr(
            type(field), "__dataclass_fields__"
        ):
            yield name, exact(field)
