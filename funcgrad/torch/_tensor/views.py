"""Views: parts of a tensor's memory, read and put back by steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.ops.index import scatter_set
from funcgrad.ops.structure import reshape

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor

Step = Callable[[Any], Any]


class View:
    """How a tensor is read from its storage, and from the tensor whose gradient it shares (None after
    detach).

    `blocked` is the error for writing through it while operations are recorded. `version` is the storage's
    version when its entry was made: after a write there is a new one.
    """

    __slots__ = ("base", "blocked", "overlapping", "steps", "storage_steps", "version")

    def __init__(self, storage_steps: tuple[Step, ...], base: Tensor | None, steps: tuple[Step, ...]) -> None:
        self.storage_steps = storage_steps
        self.base = base
        self.steps = steps
        self.blocked: str | None = None
        self.overlapping = False
        self.version = 0


def through(steps: tuple[Step, ...], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value


def put(steps: tuple[Step, ...], whole: Any, part: Any) -> Any:
    """A copy of `whole` in which what the steps read is `part`."""
    if not steps:
        return part
    if type(whole) is np.ndarray and not isinstance(part, Tracer):
        fresh = np.array(whole, order="C")
        place = through(steps, fresh)
        if isinstance(place, np.ndarray) and np.may_share_memory(place, fresh):
            place[...] = part
            return fresh
    if (whole.dtype.kind == "c") != (part.dtype.kind == "c"):
        return _put_parts(steps, whole, part)
    places = through(steps, np.arange(whole.size).reshape(whole.shape))
    flat = scatter_set(reshape(whole, shape=(whole.size,)), reshape(part, shape=(part.size,)), places.reshape(-1))
    return reshape(flat, shape=whole.shape)


def _put_parts(steps: tuple[Step, ...], whole: Any, part: Any) -> Any:
    """`put` where the steps read parts of complex numbers, or complex numbers of parts: each part has a place.

    (An imaginary part that is infinite makes the real part NaN where values are recorded or traced.)
    """
    if whole.dtype.kind == "c":
        halves = np.arange(2.0 * whole.size).reshape(*whole.shape, 2)
        places = through(steps, halves[..., 0] + 1j * halves[..., 1])
        flat = fnp.reshape(fnp.stack([fnp.real(whole), fnp.imag(whole)], -1), (2 * whole.size,))
        parts = [(part, places)]
    else:
        places = through(steps, np.arange(float(whole.size)).reshape(whole.shape))
        flat = fnp.reshape(whole, (whole.size,))
        parts = [(fnp.real(part), places.real), (fnp.imag(part), places.imag)]
    for values, at in parts:
        flat = scatter_set(flat, fnp.reshape(values, (values.size,)), np.reshape(at, -1).astype(np.int64))
    if whole.dtype.kind != "c":
        return fnp.reshape(flat, whole.shape)
    if isinstance(flat, np.ndarray):
        return flat.view(whole.dtype).reshape(whole.shape)
    pairs = fnp.reshape(flat, (*whole.shape, 2))
    return lax.complex(pairs[..., 0], pairs[..., 1])
