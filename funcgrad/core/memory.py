"""Whose memory an array is in. There is one rule, and nothing but what is here to keep it.

What users give is theirs, and they may write into it at any time. So what is kept of it is `private`: a copy, or the
array itself where nobody can write into it.

What users get is theirs as well, to write into: a result is their `own`. It is writable, in C order, and shares memory
with nothing that they gave, nothing that is kept, and no other result. Those that are known are `taken`.

What their functions only borrow is `lent`: it cannot be written into.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import finalize

from numpy import array, ndarray

from funcgrad.core.avals import Traced

SPARE_SIZES, SPARE_EACH = 4, 2
SPARE_SMALLEST, SPARE_LARGEST = 1 << 16, 1 << 23
"""What memory is kept when a copy is gone: at most 64 MB. Fresh pages cost several times as much as the copying."""


class Memory(bytearray):
    """The memory of a copy: it compares with arrays by `memcmp`."""

    __slots__ = ()


_spare: dict[int, list[Memory]] = {}


def private(x: Any) -> Any:
    """A value that the user cannot write into: `x` itself, or a copy of an array."""
    if type(x) is not ndarray:
        return x.snapshot() if isinstance(x, Traced) else x
    if is_frozen(x):
        return x
    return frozen_copy(x) if x.nbytes >= SPARE_SMALLEST and x.flags.c_contiguous else x.copy()


def copied(x: Any) -> Any:
    """An array or traced value in memory of its own; anything else as it is."""
    return x.copy() if type(x) is ndarray else x.snapshot() if isinstance(x, Traced) else x


def lent(x: Any) -> Any:
    """An array as the user's functions get one that is not theirs: writing into it would change what others have."""
    if type(x) is not ndarray:
        return x.snapshot() if isinstance(x, Traced) else x
    view = x.view()
    view.flags.writeable = False
    return view


def returned(x: Any) -> Any:
    """What a function that was `lent` its arguments returns: a copy where it may be one of them."""
    return x.copy() if type(x) is ndarray and not x.flags.writeable else x


def own(x: ndarray, taken: set[int]) -> ndarray:
    """An array as a result, whose memory is `taken` then: itself where it may be that, a copy otherwise."""
    if type(x) is ndarray:
        owner = x if x.base is None else x.base
        flags = x.flags
        if type(owner) is ndarray and id(owner) not in taken and flags.c_contiguous and flags.writeable:
            taken.add(id(owner))
            return x
    x = array(x, order="C")
    taken.add(id(x))
    return x


def taken_by(values: Iterable[Any]) -> set[int]:
    """The memory of values, which results must not share."""
    return {owner_of(v) for v in values if type(v) is ndarray}


def released(x: Any, held: Sequence[Any]) -> Any:
    """A result that leaves a trace as a plain array: the user's to write into, so no memory of the values `held`."""
    if type(x) is ndarray and (x.base is not None or any(x is v for v in held)):
        return x.copy()
    if isinstance(x, Traced):
        return x.snapshot()
    return tuple([released(y, held) for y in x]) if type(x) is tuple else x


def owner_of(x: Any) -> int:
    """Whose memory an array uses; of anything else the identity."""
    return id(x.base if type(x) is ndarray and x.base is not None else x)


def is_frozen(x: ndarray) -> bool:
    """Whether nobody can write into an array, nor into what it is a view of."""
    while not x.flags.writeable:
        owner: Any = x.base
        if type(owner) is not ndarray:
            return owner is None or isinstance(owner, (bytes, Memory))
        x = owner
    return False


def frozen_copy(x: ndarray) -> ndarray:
    """A read-only copy of a contiguous array."""
    size = x.nbytes
    spare = _spare.get(size)
    if spare:
        memory = spare.pop()
        copy = ndarray(x.shape, x.dtype, memory)
        copy[...] = x
    else:
        memory = Memory(x)
        copy = ndarray(x.shape, x.dtype, memory)
    copy.flags.writeable = False
    if SPARE_SMALLEST <= size <= SPARE_LARGEST:
        finalize(copy, _release, memory)
    return copy


def _release(memory: Memory) -> None:
    if len(_spare) >= SPARE_SIZES and len(memory) not in _spare:
        _spare.pop(next(iter(_spare)), None)
    spare = _spare.setdefault(len(memory), [])
    if len(spare) < SPARE_EACH:
        spare.append(memory)
