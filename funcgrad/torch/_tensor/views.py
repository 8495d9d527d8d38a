"""Views: parts of a tensor's memory, read and put back by steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops.broadcasting import broadcast_to, reshape
from funcgrad.ops.elementwise import stop_gradient
from funcgrad.ops.index import scatter_set
from funcgrad.ops.overwritten import overwritten, revalued
from funcgrad.ops.structure import transpose
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._tensor.messages import DATA_OF_SEVERAL

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor

Step = Callable[[Any], Any]


class View:
    """How a tensor is read from its storage, and from the tensor whose gradient it shares (None after
    detach).

    `blocked` is the error for writing through it while operations are recorded. `version` is the storage's
    version when its entry was made: after a write there is a new one, or, where `written` is its text, an error.
    `overlapping`: its elements may share memory.
    """

    __slots__ = ("base", "blocked", "overlapping", "steps", "storage_steps", "version", "written")

    def __init__(self, storage_steps: tuple[Step, ...], base: Tensor | None, steps: tuple[Step, ...]) -> None:
        self.storage_steps = storage_steps
        self.base = base
        self.steps = steps
        self.blocked: str | None = None
        self.written: str | None = None
        self.overlapping = False
        self.version = 0

    def apart(self, *steps: Step) -> View:
        """The same elements of the memory, and more steps, without the tensor whose gradient it shares."""
        found = View((*self.storage_steps, *steps), None, ())
        found.overlapping = self.overlapping
        return found


class Cutting:
    """A step to the same elements that takes derivatives of other transformations away.

    `renewed(old, new)` is what a value becomes whose memory was written on the other side of such a step.
    """

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        raise NotImplementedError

    def renewed(self, old: Any, new: Any) -> Any:
        return revalued(old, new) if isinstance(old, Tracer) else new


class Constant(Cutting):
    """As `detach` has it: no derivative at all."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        return stop_gradient(value) if isinstance(value, Tracer) else value


class Unrecorded(Cutting):
    """As `no_grad` has it: none in reverse mode."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        return overwritten(0, value) if isinstance(value, Tracer) and value.dtype.kind in "fc" else value

    def renewed(self, old: Any, new: Any) -> Any:
        return overwritten(old, new) if isinstance(old, Tracer) or isinstance(new, Tracer) else new


class Within(Cutting):
    """As `data` and `detach_` have it: none for the innermost transformation, whose traces are that old or newer."""

    __slots__ = ("age",)

    def __init__(self, age: float) -> None:
        self.age = age

    def __call__(self, value: Any) -> Any:
        found = value
        while isinstance(found, Tracer) and found._trace.age >= self.age:
            if not found.has_value:
                return CONSTANT(value)
            found = found.value  # type: ignore[attr-defined]
        return found

    def renewed(self, old: Any, new: Any) -> Any:
        if isinstance(self(old), Tracer) or isinstance(self(new), Tracer):
            raise NotImplementedError(DATA_OF_SEVERAL)
        return super().renewed(old, new)


CONSTANT, UNRECORDED = Constant(), Unrecorded()


class Part:
    """The step `x[index]` for a basic index. Of an array it is a view, also where it is one element."""

    __slots__ = ("index", "of_array")

    def __init__(self, index: Any) -> None:
        self.index = index
        entries = index if type(index) is tuple else (index,)
        self.of_array = entries if Ellipsis in entries else (*entries, Ellipsis)

    def __call__(self, value: Any) -> Any:
        return value[self.of_array] if type(value) is np.ndarray else getitem(value, self.index)


class Elements:
    """The step `x[index]` where index arrays are among the entries: a copy, to be written only."""

    __slots__ = ("index",)

    def __init__(self, index: Any) -> None:
        self.index = index

    def __call__(self, value: Any) -> Any:
        return getitem(value, self.index)


class Flat:
    """The step to all elements in the order of the memory, which is not split into parts."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        return value.reshape(-1) if value.flags.c_contiguous else value.reshape(-1, order="K")


class Shaped:
    """The step to other sizes."""

    __slots__ = ("sizes",)

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def __call__(self, value: Any) -> Any:
        return reshape(value, shape=self.sizes)


class Expanded:
    """The step to larger sizes, in which elements are seen more than once."""

    __slots__ = ("sizes",)

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def __call__(self, value: Any) -> Any:
        if type(value) is np.ndarray:  # NumPy's would be read-only
            strides = np.broadcast_to(value, self.sizes).strides
            return np.lib.stride_tricks.as_strided(value, self.sizes, strides)
        return broadcast_to(value, shape=self.sizes)


class Bits:
    """The step to the same memory read as another dtype, of arrays of the dtype `given` only."""

    __slots__ = ("dtype", "given")

    def __init__(self, given: np.dtype, dtype: np.dtype) -> None:
        self.given, self.dtype = given, dtype

    def __call__(self, value: Any) -> np.ndarray:
        if isinstance(value, Tracer) or value.dtype != self.given:
            raise NotImplementedError("view(dtype) of memory that holds traced values")
        return np.asarray(value).view(self.dtype)


class Strided:
    """The step to a part of memory that is given by an offset, sizes and strides, in elements."""

    __slots__ = ("offset", "sizes", "strides")

    def __init__(self, offset: int, sizes: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.offset, self.sizes, self.strides = offset, sizes, strides

    def __call__(self, value: np.ndarray) -> np.ndarray:
        flat = value.reshape(-1)
        strides = [n * value.itemsize for n in self.strides]
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.sizes, strides)


class Diagonal:
    """The step to the diagonal along two axes, which becomes the last one."""

    __slots__ = ("axes", "offset")

    def __init__(self, offset: int, i: int, j: int) -> None:
        self.offset = offset
        self.axes = i, j

    def __call__(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            found = value.diagonal(self.offset, *self.axes)
            found.flags.writeable = value.flags.writeable
            return found
        i, j = self.axes
        rows, columns = value.shape[i], value.shape[j]
        places = np.arange(rows * columns).reshape(rows, columns).diagonal(self.offset)
        others = tuple(a for a in range(len(value.shape)) if a not in (i, j))
        return getitem(transpose(value, axes=(*others, i, j)), (..., *np.divmod(places, columns or 1)))


def through(steps: Sequence[Step], value: Any) -> Any:
    """What the steps read. Steps that change nothing make an entry too: a note on it is not one on the operand's."""
    found = value
    for step in steps:
        found = step(found)
    return apart(found, value)


def apart(found: Any, operand: Any) -> Any:
    """A result with an entry of its own, where an operation has handed its operand through."""
    if type(found) is TapeTracer and type(operand) is TapeTracer and found.node is operand.node:
        return reshape(found, shape=found.shape)
    return found


def assign(steps: Sequence[Step], whole: np.ndarray, part: Any) -> None:
    """Write a part of an array in place."""
    if steps and type(steps[-1]) is Elements:
        through(steps[:-1], whole)[steps[-1].index] = part
        return
    place = through(steps, whole)
    if place.flags.writeable and (np.may_share_memory(place, whole) or not place.size):
        place[...] = part
        return
    places = through(steps, np.arange(whole.size).reshape(whole.shape))
    whole[np.unravel_index(places, whole.shape)] = part


def put(steps: Sequence[Step], whole: Any, part: Any) -> Any:
    """A copy of `whole` in which what the steps read is `part`."""
    if not steps:
        return part
    if isinstance(steps[0], Cutting):
        return steps[0].renewed(whole, put(steps[1:], steps[0](whole), part))
    if type(whole) is np.ndarray and not isinstance(part, Tracer):
        fresh = np.array(whole)
        assign(steps, fresh, part)
        return fresh
    if (whole.dtype.kind == "c") != (part.dtype.kind == "c"):
        return _put_parts(steps, whole, part)
    first = steps[0]
    if type(first) is Part:
        return update(whole, first.index, put(steps[1:], first(whole), part) if len(steps) > 1 else part, "set")
    places = through(steps, np.arange(whole.size).reshape(whole.shape))
    flat = scatter_set(reshape(whole, shape=(whole.size,)), reshape(part, shape=(part.size,)), places.reshape(-1))
    return reshape(flat, shape=whole.shape)


def _put_parts(steps: Sequence[Step], whole: Any, part: Any) -> Any:
    """`put` where the steps read parts of complex numbers, or complex numbers of parts: each part has a place."""
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
