"""Constants that the tape saves. They are the user's arrays, who may write into them before the derivative is taken.

So are traced values: they are saved as they are now (`snapshot`).

So the tape saves copies: a small array's at each use, a larger one's once for as long as any tape holds it. Before a
copy serves again it is compared with the array, byte for byte, at 25 GB/s in cache; a checksum of the whole array,
the other way to notice a write, runs at 5 GB/s in NumPy and had to be taken twice. An array that nobody can write into
(`x.flags.writeable` is False for it and for what it is a view of) is saved as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary, finalize, ref

from numpy import ndarray

from funcgrad.core.avals import Traced

SMALL = 1024
"""Bytes. Copying that many takes 0.1 us, finding and comparing an earlier copy 1 us."""


SPARE_SIZES, SPARE_EACH = 4, 2
SPARE_SMALLEST, SPARE_LARGEST = 1 << 16, 1 << 23
"""What memory is kept when a copy is gone: at most 64 MB. Fresh pages cost several times as much as the copying."""


class _Memory(bytearray):
    """The memory of a copy: it compares with arrays by `memcmp`."""

    __slots__ = ()


_spare: dict[int, list[_Memory]] = {}
_copies: dict[int, ref[ndarray]] = {}
"""By the array's `id`. An entry that has outlived its array does no harm: the bytes decide."""
COPIES_AT_MOST = 1024


def keep(x: Any) -> Any:
    """A constant operand as it is to be saved."""
    if type(x) is not ndarray:
        return x.snapshot() if isinstance(x, Traced) else x
    if x.nbytes <= SMALL:
        return x.copy()
    if _frozen(x):
        return x
    contiguous = x if x.flags.c_contiguous else x.copy()
    known = _copies.get(id(x), _nothing)()
    if known is None or known.dtype != x.dtype or known.shape != x.shape or known.base != contiguous:
        known = _copy(contiguous)
        if len(_copies) >= COPIES_AT_MOST:
            _copies.clear()
        _copies[id(x)] = ref(known)
    return known


def _nothing() -> None:
    return None


def private(x: Any) -> Any:
    """A value that the user cannot write into: `x` itself, or a copy of an array."""
    if type(x) is not ndarray:
        return x.snapshot() if isinstance(x, Traced) else x
    if _frozen(x):
        return x
    return _copy(x) if x.nbytes >= SPARE_SMALLEST and x.flags.c_contiguous else x.copy()


def copied(x: Any) -> Any:
    """An array or traced value in memory of its own; anything else as it is."""
    return x.copy() if type(x) is ndarray else x.snapshot() if isinstance(x, Traced) else x


def released(x: Any, held: Sequence[Any]) -> Any:
    """A result that leaves a trace as a plain array: the user's to write into, so no memory of the values `held`."""
    if type(x) is ndarray and (x.base is not None or any(x is v for v in held)):
        return x.copy()
    if isinstance(x, Traced):
        return x.snapshot()
    return tuple([released(y, held) for y in x]) if type(x) is tuple else x


_identities: WeakValueDictionary[int, ndarray] = WeakValueDictionary()


def identity_matrix(x: ndarray) -> ndarray:
    """A matrix with ones on the diagonal and zeros elsewhere, read-only from now on and known to be that."""
    x.flags.writeable = False
    _identities[id(x)] = x
    return x


def is_identity(x: Any) -> bool:
    """Whether an array comes from `identity_matrix`. One that only looks like it may be a value of the user's."""
    return _identities.get(id(x)) is x


def owner_of(x: Any) -> int:
    """Whose memory an array uses; of anything else the identity."""
    return id(x.base if type(x) is ndarray and x.base is not None else x)


def _frozen(x: ndarray) -> bool:
    while not x.flags.writeable:
        owner: Any = x.base
        if type(owner) is not ndarray:
            return owner is None or isinstance(owner, (bytes, _Memory))
        x = owner
    return False


def _copy(x: ndarray) -> ndarray:
    """A read-only copy of a contiguous array."""
    size = x.nbytes
    spare = _spare.get(size)
    if spare:
        memory = spare.pop()
        copy = ndarray(x.shape, x.dtype, memory)
        copy[...] = x
    else:
        memory = _Memory(x)
        copy = ndarray(x.shape, x.dtype, memory)
    copy.flags.writeable = False
    if SPARE_SMALLEST <= size <= SPARE_LARGEST:
        finalize(copy, _release, memory)
    return copy


def _release(memory: _Memory) -> None:
    if len(_spare) >= SPARE_SIZES and len(memory) not in _spare:
        _spare.pop(next(iter(_spare)), None)
    spare = _spare.setdefault(len(memory), [])
    if len(spare) < SPARE_EACH:
        spare.append(memory)
