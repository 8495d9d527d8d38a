"""Writing into arrays inside of functions that are being transformed: `b[i] = x`, `b += x`, `b.sort()`, `out=b`.

Each computes the new values by a functional update, and hands them to `views.write`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core import arrays, provenance
from funcgrad.core.buffers import held
from funcgrad.core.trace import Tracer
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.ops.subscript import getitem, update
from funcgrad.ops.views import is_number, write


def set_item(x: Tracer, idx: Any, value: Any) -> None:
    """`x[idx] = value`."""
    if is_number(x):
        raise TypeError(f"'{x.dtype.type.__module__}.{x.dtype.type.__name__}' object does not support item assignment")
    if _is_part(value, x, idx):
        return  # `x[idx] += v` has written it already
    if type(value) in (list, tuple) and any_traced(value):
        value = as_array(value)
    array, value, index = held(x), held(value), held(idx)
    if any(isinstance(part, Tracer) for part in (array, value, *(index if type(index) is tuple else (index,)))):
        return write(x, update(array, index, value, "set"))
    new = array.copy()
    new[index] = value
    return write(x, new)


def _is_part(value: Any, x: Tracer, idx: Any) -> bool:
    """Whether a value is that view of `x` by this very index."""
    if not isinstance(value, Tracer):
        return False
    part, whole = value._place, x._place
    if not part or not whole or type(part) is str or type(whole) is str or part[0] is not whole[0]:
        return False
    path, known = part[1], whole[1]
    if len(path) != len(known) + 1 or any(a is not b for a, b in zip(path, known)):
        return False
    function, args, *_ = path[-1]
    return function is getitem and args[0] is idx


def fill(x: Tracer, value: Any) -> None:
    """`x.fill(value)`."""
    set_item(x, ..., value)


def sort(
    x: Tracer,
    axis: int = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> None:
    """`x.sort()`."""
    newer = {} if descending is None else {"descending": descending}  # of NumPy 2.5
    write(x, np.sort(held(x), axis, kind, order, stable=stable, **newer))


def partition(x: Tracer, kth: Any, axis: int = -1, kind: Any = "introselect", order: None = None) -> None:
    """`x.partition(kth)`."""
    write(x, np.partition(held(x), kth, axis))


_AT: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.maximum: "max",
    np.minimum: "min",
}
"""How `update` does what `at` of a universal function does."""


def at(ufunc: np.ufunc, a: Any, indices: Any, b: Any = None, /) -> None:
    """`ufunc.at(a, indices, b)`: an index that stands several times counts each time."""
    name = f"{ufunc.__name__}.at"
    if not isinstance(a, Tracer):
        raise plain_target(name)
    if ufunc not in _AT:
        known = ", ".join(sorted(f"np.{u.__name__}" for u in _AT))
        raise TypeError(f"`np.{name}` of a traced value{provenance.at(provenance.here())}: it is there for {known}")
    write(a, update(held(a), held(indices), held(b), _AT[ufunc]))


def plain_target(name: str) -> TypeError:
    """The error for writing a traced value into an array of NumPy's."""
    return TypeError(
        f"`np.{name}` writes a traced value into a plain array{provenance.at(provenance.here())}, where its derivative "
        f"would be lost. {arrays.MAKE}"
    )
