"""Constants that the tape saves. They are the user's arrays, who may write into them before the derivative is taken.

So are traced values: they are saved as they are now (`snapshot`).

So the tape saves copies: a small array's at each use, a larger one's once for as long as any tape holds it. Before a
copy serves again it is compared with the array, byte for byte, at 25 GB/s in cache; a checksum of the whole array,
the other way to notice a write, runs at 5 GB/s in NumPy and had to be taken twice. An array that nobody can write into
(`x.flags.writeable` is False for it and for what it is a view of) is saved as it is.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary, ref

from numpy import ndarray

from funcgrad.core.avals import Traced
from funcgrad.core.memory import frozen_copy, is_frozen

SMALL = 1024
"""Bytes. Copying that many takes 0.1 us, finding and comparing an earlier copy 1 us."""

_copies: dict[int, ref[ndarray]] = {}
"""By the array's `id`. An entry that has outlived its array does no harm: the bytes decide."""
COPIES_AT_MOST = 1024


def keep(x: Any) -> Any:
    """A constant operand as it is to be saved."""
    if type(x) is not ndarray:
        return x.snapshot() if isinstance(x, Traced) else x
    if x.nbytes <= SMALL:
        return x.copy()
    if is_frozen(x):
        return x
    contiguous = x if x.flags.c_contiguous else x.copy()
    known = _copies.get(id(x), _nothing)()
    if known is None or known.dtype != x.dtype or known.shape != x.shape or known.base != contiguous:
        known = frozen_copy(contiguous)
        if len(_copies) >= COPIES_AT_MOST:
            _copies.clear()
        _copies[id(x)] = ref(known)
    return known


def _nothing() -> None:
    return None


_identities: WeakValueDictionary[int, ndarray] = WeakValueDictionary()


def identity_matrix(x: ndarray) -> ndarray:
    """A matrix with ones on the diagonal and zeros elsewhere, read-only from now on and known to be that."""
    x.flags.writeable = False
    _identities[id(x)] = x
    return x


def is_identity(x: Any) -> bool:
    """Whether an array comes from `identity_matrix`. One that only looks like it may be a value of the user's."""
    return _identities.get(id(x)) is x
