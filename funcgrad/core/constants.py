"""Constants that the tape saves. They are the user's arrays, who may write into them before the derivative is taken.

A small array is copied. A copy of a large one would cost as much as the operation, so it is watched by a sample of
its elements: a buffer that is filled again is noticed, a single element may not be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy import ndarray

from funcgrad.core import provenance

SMALL = 16_384
"""Bytes. Copying that many takes 1 us, as long as multiplying them."""
SAMPLED = 64


def keep(x: Any) -> Any:
    """A constant as it is to be saved."""
    return x.copy() if type(x) is ndarray and x.nbytes <= SMALL else x


class Guarded:
    """Saved values, and the large constants among them with their samples."""

    __slots__ = ("samples", "saved")

    def __init__(self, saved: Any, large: Iterable[ndarray]) -> None:
        self.saved = saved
        self.samples = [(x, _sample(x)) for x in large]


def guarded(saved: Any, constants: Iterable[Any]) -> Any:
    """`saved`, guarded where large arrays are among its constants."""
    large = [x for x in constants if type(x) is ndarray and x.nbytes > SMALL]
    return Guarded(saved, large) if large else saved


def unguarded(saved: Any, prim: Any = None, loc: provenance.Loc | None = None) -> Any:
    """The saved values; raises RuntimeError where a constant was changed since the operation at `loc` saved it."""
    if type(saved) is not Guarded:
        return saved
    for x, sample in saved.samples:
        if _sample(x) != sample:
            raise RuntimeError(
                f"an array of shape {x.shape} that `{prim}`{provenance.at(loc)} needs for its derivative was changed "
                "in place afterwards: the gradient would be wrong. Make a new array instead of writing into this "
                "one, or use a copy (.copy()) there."
            )
    return saved.saved


def _sample(x: ndarray) -> bytes:
    # an odd step, so that the sample does not stay in one column
    return x.flat[:: x.size // SAMPLED | 1].tobytes()
