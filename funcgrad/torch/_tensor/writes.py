"""Writes into a part of a tensor that is recorded: in its memory, where no operation has saved that.

The entry of such a write keeps where it was, not what the tensor held. So the memory may be written if nobody holds
it but tensors, which read it again. CPython's counts of references tell: what an operation saves it holds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import entry_of_set
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.views import Elements, Part, Step, assign, through

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor


class _Box:
    def __init__(self, value: Any) -> None:
        self.value = value


_box = _Box(object())
ASKING = sys.getrefcount(_box.value) - 1
"""How many of the references that Python counts are the question's own, where it is about an attribute."""


def write_part(
    base: Tensor, steps: Sequence[Step], part: Any, written: Tensor, source: Tensor | None = None
) -> TapeTracer | None:
    """Write what the steps read and return the value of `base` with its new entry; None where the memory is not free.

    `part` is an array or a value of the tape, which `source` has too; `written` is the tensor that was given to be
    written, a view or `base`.
    """
    values = raw(part)
    if isinstance(values, Tracer) or not mode.direct or not _is_free(base, written, source):
        return None
    if any(type(step) not in (Part, Elements) for step in steps):
        return None
    memory = base._storage.value
    quietly(assign, steps, memory, values)
    return TapeTracer(mode.tape, memory, _entry(steps, base._value, part).node)


def _entry(steps: Sequence[Step], whole: Any, part: Any) -> TapeTracer:
    first: Any = steps[0]
    rest = steps[1:]
    return entry_of_set(mode.tape, whole, first.index, _entry(rest, through((first,), whole), part) if rest else part)


def _is_free(base: Tensor, written: Tensor, source: Tensor | None) -> bool:
    """Whether nobody but these tensors holds the memory of `base`."""
    storage = base._storage
    if type(storage) is not Storage or storage.shared or base._seen != storage.stamp:
        return False
    if raw(base._value) is not storage.value or type(storage.value) is not np.ndarray:
        return False
    if storage.value.base is not None or not storage.value.flags.writeable:
        return False
    looking = 0
    if written is not base and _array_base(written) is storage.value:
        if not _has_alone(written, 1):
            return False
        looking += 1
    if source is not None and source is not written and _array_base(source) is storage.value:
        looking += 1  # what it sees does not change
    return _has_alone(base, 2 + looking)


def _array_base(x: Tensor) -> Any:
    return getattr(raw(x._value), "base", None)


def _has_alone(x: Tensor, held: int) -> bool:
    """Whether only a tensor holds its value, whose array is held that often in all."""
    if type(x._value) is not TapeTracer:
        return sys.getrefcount(x._value) - ASKING == held
    return sys.getrefcount(x._value) - ASKING == 1 and sys.getrefcount(x._value.value) - ASKING == held
