"""Which traced arrays are views of which, so that writing into one changes the others, as it does in NumPy.

A traced value is never changed itself. To write into an array is to compute a new value by a functional update, and to
let the object that the user holds stand for it (`Tracer.replace`). NumPy's views share memory, so the objects that are
views of one array share a `Memory`, each with the way that leads from that array to it: the calls of NumPy's functions
that made it. Where one of them is written, the value of the array at the root is updated along that way, and all that
are still alive are taken from it anew.

Which elements a view has, and whether NumPy makes a view or a copy at all, is found by running those calls on an array
of positions. That depends on how the root lies in memory for `reshape` and its kin; where this is not known, a write
that it matters for is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.buffers import Buffer, held, running
from funcgrad.core.reading import named
from funcgrad.core.trace import Tracer, escaped
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to, reshape
from funcgrad.ops.subscript import getitem, update

_NO_KEYWORDS: Mapping[str, Any] = {}


class Step(NamedTuple):
    """`function(array, *args, **kwargs)`, of which `part` is the view where that is a sequence of several."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    part: int | None

    def of(self, x: Any) -> Any:
        y = self.function(x, *self.args, **self.kwargs)
        return y if self.part is None else y[self.part]


class Memory:
    """What views of one array share.

    `value` is the array at the root now, `ordered` whether it is known to lie in memory in C order, `members` the
    objects that share it.
    """

    __slots__ = ("members", "ordered", "value")

    def __init__(self, root: Tracer) -> None:
        self.ordered = root.ordered if type(root) is Buffer else root._place == ()
        self.value = root.value if type(root) is Buffer else root.snapshot()
        self.members = [ref(root)]

    def add(self, view: Tracer) -> None:
        self.members.append(ref(view))
        if len(self.members) & (len(self.members) - 1) == 0:  # at every power of two
            self.members = [m for m in self.members if m() is not None]

    def alive(self) -> list[Tracer]:
        """The objects that still share it, each once."""
        found: dict[int, Any] = {id(x): x for x in (m() for m in self.members) if x is not None}
        return [x for x in found.values() if x._place and x._place[0] is self]


def note(
    base: Any,
    view: Any,
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] = _NO_KEYWORDS,
    part: int | None = None,
) -> Any:
    """`view`, which NumPy would make as a view of `base` by a `Step`; later writes follow that.

    The place of an object is its memory, and the steps that lead to it from the root: tuples, which are made quickly.
    """
    if view is base or not isinstance(base, Tracer):
        return view
    if not isinstance(view, Tracer):
        if type(base) is not Buffer:
            return view
        view = Buffer(np.asarray(view), base.scope, True)  # of rank 0
    elif view is held(base):
        view = view.snapshot()
    place = base._place
    if not place:
        if is_number(base):
            return view
        place = base._place = Memory(base), ()
    elif type(place) is str:
        view._place = place
        return view
    memory, path = place
    view._place = memory, (*path, (function, args, kwargs, part))
    memory.add(view)
    return view


def path_of(x: Tracer) -> tuple[Step, ...]:
    """The steps that lead to an object from the root of its memory."""
    return tuple([Step(*step) for step in x._place[1]])


def fresh(x: Tracer, ordered: bool = False) -> Any:
    """A copy, to be written into. `ordered`: NumPy's is in C order, however `x` lies in memory."""
    scope = running()
    if scope is None:
        return x.snapshot()
    known = x._as_plain()
    return Buffer(x.snapshot() if known is None else known.copy(), scope, ordered or x.ndim < 2)


def is_number(x: Tracer) -> bool:
    """Whether a value is a scalar to NumPy, which `x += 1` replaces, and no array of rank 0."""
    return not x._place and not x.shape and type(x) is not Buffer


def write(x: Tracer, new: Any) -> None:
    """Let `x`, and what shares memory with it, have the values `new`, of its shape and dtype."""
    _check(x)
    new = held(new)
    if isinstance(new, Tracer):
        new = new.snapshot()
    if type(x) is not Buffer and not (isinstance(new, Tracer) and new._trace is x._trace):
        new = update(x, ..., new, "set")  # a constant, as a value of the array's trace
    if not x._place:
        return _replace([(x, new)])
    memory: Memory = x._place[0]
    paths = [(y, path_of(y)) for y in memory.alive()]
    if not memory.ordered and _is_unsure([y._place[1] for y, _ in paths]):
        raise TypeError(
            named("Write y = x + v in place of x += v, or take a copy first, x = fnp.copy(x).")
            + f" An array was written{provenance.at(provenance.here())} of which another is a view or a copy, "
            "depending on how it lies in memory, which is not known of a traced value: ravel and reshape give views "
            "where they can."
        )
    views = [(y, path) for y, path in paths if _is_view(memory.value, path)]
    if not any(y is x for y, _ in views):
        x._place = None
        return _replace([(x, new)])
    root = _put(memory.value, path_of(x), new)
    _replace([(y, new if y is x else _take(root, path)) for y, path in views])
    memory.value = root
    return None


def assign(x: Tracer, new: Any, ufunc: np.ufunc | None = None) -> Tracer:
    """Let `x` have new values, cast and broadcast as an output of a universal function; returns `x`."""
    new = held(new)
    kind = new.dtype if hasattr(new, "dtype") else np.asarray(new).dtype
    if kind != x.dtype and not np.can_cast(kind, x.dtype, "same_kind"):
        given = np.empty(0, kind)
        inputs = (given,) * (1 if ufunc is None else ufunc.nin)
        (np.positive if ufunc is None or ufunc.signature else ufunc)(*inputs, out=np.empty(0, x.dtype))  # raises
    new = new if isinstance(new, (Tracer, np.ndarray)) else np.asarray(new)
    if new.shape != x.shape:
        try:
            new = broadcast_to(new, shape=x.shape)
        except ValueError:
            raise ValueError(
                f"non-broadcastable output operand with shape {x.shape} doesn't match the broadcast shape {new.shape}"
            ) from None
    write(x, new if kind == x.dtype and not _weak(new) else ew.convert(new, dtype=x.dtype))
    return x


def _weak(x: Any) -> bool:
    return isinstance(x, Tracer) and x.aval.weak


def _is_unsure(paths: Sequence[tuple[Any, ...]]) -> bool:
    """Whether what is not known to be a view stands on the way from one array that is alive to another."""
    shared = 0
    while all(len(path) > shared and path[shared] is paths[0][shared] for path in paths):
        shared += 1
    return len(paths) > 1 and any(step[0] in BY_LAYOUT for path in paths for step in path[shared:])


def _replace(pairs: Sequence[tuple[Tracer, Any]]) -> None:
    """Let each object stand for its new value, all of them or none."""
    for x, new in pairs:
        if type(x) is not Buffer and type(new) is not type(x) and not x.may_become(type(new)):
            raise TypeError(
                named("Take a copy of the array first, which can be written: x = fnp.copy(x).")
                + f" An array of {x._trace.name} cannot take a value of "
                f"{new._trace.name if isinstance(new, Tracer) else 'no trace'}{provenance.at(provenance.here())}."
            )
    for x, new in pairs:
        if type(x) is Buffer:
            x.replace(new)
        else:
            x.become(new)


def _check(x: Tracer) -> None:
    """Raise where `x` is not to be written into here."""
    place = x._place
    if not x._trace.alive:
        raise escaped((x,))
    scope = x.scope if type(x) is Buffer else x._trace
    now = running()
    if place == FIXED:
        raise ValueError(FIXED)
    if type(place) is str or scope is not now:
        runs = "runs here" if now is None else f"{now.name} runs"
        why = place if type(place) is str else f"it was made outside of the function that {runs}"
        raise TypeError(
            named("Write x = x + v in place of x += v, take a copy first, x = fnp.copy(x), or return the new values.")
            + f" An array cannot be changed in place{provenance.at(provenance.here())}: {why}."
        )
    if place and any(step.function in READ_ONLY for step in path_of(x)):
        raise ValueError(FIXED)


def _take(value: Any, path: Sequence[Step]) -> Any:
    for step in path:
        value = step.of(value)
    return value


def _put(value: Any, path: Sequence[Step], part: Any) -> Any:
    """`value`, at the root, where what the path leads to is `part`."""
    if not path:
        return part
    *before, last = path
    whole = _take(value, before)
    if last.function is getitem:
        new = update(whole, last.args[0], part, "set")
    elif last.function in _PARTS:
        new = _PARTS[last.function](whole, part)
    else:
        places = last.of(_positions(whole.shape)).reshape(-1)
        flat = update(reshape(whole, shape=(whole.size,)), places, reshape(part, shape=(part.size,)), "set")
        new = reshape(flat, shape=whole.shape)
    return _put(value, before, new)


def _positions(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(prod(shape)).reshape(shape)


def _depends_on_layout(path: Sequence[Step]) -> bool:
    return any(step.function in BY_LAYOUT for step in path)


def _is_view(root: Any, path: Sequence[Step]) -> bool:
    """Whether NumPy's calls lead to a view, where the root is in C order."""
    if not _depends_on_layout(path) or not root.size:
        return True
    positions = _positions(root.shape)
    found = positions
    for step in path:
        found = step._replace(args=tuple(map(_known_index, step.args))).of(found)
    return np.may_share_memory(found, positions)


def _known_index(x: Any) -> Any:
    """An index with 0 for each integer that is traced: a view lies in memory the same way for all of them."""
    if type(x) is tuple:
        return tuple(map(_known_index, x))
    return 0 if isinstance(x, Tracer) else x


_PARTS: dict[Any, Callable[[Any, Any], Any]] = {
    np.real: lambda whole, part: ew.complex_of(part, ew.imag(whole)),
    np.imag: lambda whole, part: ew.complex_of(ew.real(whole), part),
}


def subscripted(x: Any, subscripts: str) -> Any:
    """`np.einsum` with the array in front."""
    return np.einsum(subscripts, x)


def gridded(x: Any, unit: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """A vector of `meshgrid` as the grid that shares its memory."""
    return np.broadcast_to(np.reshape(x, unit), shape)


def contiguous(x: Any) -> Any:
    """`np.ascontiguousarray`, which asks no traced value."""
    if isinstance(x, Tracer):
        return x if x.ndim else reshape(x, shape=(1,))
    return np.ascontiguousarray(x)


def fortran(x: Any) -> Any:
    """The same for `np.asfortranarray`."""
    return x if isinstance(x, Tracer) else np.asfortranarray(x)


def flattened(x: Any) -> Any:
    """All elements in C order, what `x.flat` goes through: it writes to `x`, however that lies in memory."""
    return x.reshape(-1)


FIXED = "assignment destination is read-only"
"""NumPy's words, and what stands in the place of an object that is read-only."""
BY_LAYOUT: frozenset[Any] = frozenset((np.reshape, np.ravel, contiguous, fortran, subscripted))
"""Functions that give a view or a copy, as the array lies in memory (and `einsum`, as it is told)."""
READ_ONLY: frozenset[Any] = frozenset(
    (gridded, np.broadcast_to, np.broadcast_arrays, np.diagonal, np.diag, np.linalg.diagonal)
)
"""Functions whose views NumPy does not let be written."""
