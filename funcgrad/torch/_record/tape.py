"""The shim's tapes, what is noted at their entries, and where values were cut off them.

The base tape is older than every other trace and never ends. Each call of a function that `to_functional` made has a
tape of its own, newer than the traces of its arguments. `modes.mode.tape` is the one that leaves are made on.

Entries hold values and storages, never Tensors (weakly at most): a Tensor is a name that points at a value
and its entry, so dropping the Tensor frees what only it led to.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, NamedTuple

from numpy import ndarray

from funcgrad.core.provenance import Loc, here
from funcgrad.core.tape import Node, TapeTrace, TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops.elementwise import stop_gradient
from funcgrad.ops.overwritten import overwritten
from funcgrad.torch._tensor.storage import Storage


class Tape(TapeTrace):
    """A trace that Tensors are recorded on."""

    __slots__ = ()
    name = "to_functional"


BASE = Tape()
BASE.age = 0


class Watched(NamedTuple):
    """A tensor that PyTorch would have saved: its storage's version then, and who it is for the error.

    `source` refers to it weakly, or is the name of the operation whose result it is; `first` marks the first
    operand, of which PyTorch saves a copy where the operation overwrites it.
    """

    storage: Storage
    version: int
    source: Any
    value: Any
    is_view: bool
    first: bool


watched = partial(tuple.__new__, Watched)
"""`Watched` from one tuple: 0.1 us, where its constructor takes 0.4."""


class Note:
    """What the shim knows of an entry: the operation's name, what it saved, hooks, and who receives the
    gradient.

    `gradient` says whether, where the pass is recorded, what comes out of it requires a gradient: "used", for of what
    it has saved it is computed; "compared", it is not; "zero", nothing of it does; "all", of all operands it does.
    `watch` is None where PyTorch saves nothing; else what it saved of tensors, as `Watched`. `own` says that it is of
    one entry only, so that the rest may be set: `hooks` on the gradient, `before` and `after` on what the operation
    takes and gives, `filled` when a leaf's `grad` is, `siblings` for the notes of the outputs of several. `inner` is
    an entry between an operation's result and its operands. `lacks` is the
    error of a backward pass that reaches it, where there is no derivative.
    """

    own = False
    inner = False
    gradient = "used"
    hooks: dict[int, Any] | None = None
    before: dict[int, Any] | None = None
    after: dict[int, Any] | None = None
    filled: dict[int, Any] | None = None
    lacks: str | None = None
    owner: weakref.ref | None = None
    siblings: tuple[Note, ...] = ()

    def __init__(self, name: str, watch: tuple[Any, ...] | None = None) -> None:
        self.name = name
        self.watch = watch


class Compared(Note):
    gradient = "compared"


class Zero(Note):
    gradient = "zero"


class Whole(Note):
    gradient = "all"


NOTES = {"=": Compared, "0": Zero, "!": Whole}


def leaf_note(tensor: Any) -> Note:
    note = Note("AccumulateGrad")
    note.own = True
    note.owner = weakref.ref(tensor)
    return note


def note_of(node: Node) -> Note | None:
    return getattr(node, "note", None)


def name_of(node: Node) -> str:
    """What PyTorch calls an entry; those that a backward pass recorded are called by their primitive."""
    note = note_of(node)
    if note is not None:
        return note.name
    return (
        f"{str(node.prim).title().replace('_', '')}Backward0" if node.prim is not None else "AccumulateGrad"
    )


def own_note(node: Node) -> Note:
    """The entry's own note, to be changed: operations that save nothing share one."""
    note = note_of(node) or Note(name_of(node))
    if not note.own:
        shared = note
        node.note = note = type(shared)(shared.name, shared.watch)
        note.own, note.inner, note.lacks = True, shared.inner, shared.lacks
    return note


def on_tape(value: Any) -> bool:
    return type(value) is TapeTracer and type(value._trace) is Tape


def raw(value: Any) -> Any:
    """The value without its entry: an array, or a traced value of another transformation."""
    return value.value if type(value) is TapeTracer and type(value._trace) is Tape else value


def constant(value: Any) -> Any:
    """The value without its entry, and without a derivative for anybody else."""
    if type(value) is ndarray:
        return value
    value = raw(value)
    return stop_gradient(value) if isinstance(value, Tracer) else value


def unrecorded(value: Any) -> Any:
    """The value as it is where recording is off: without its entry, and others' in reverse mode. Tangents stay."""
    value = raw(value)
    return overwritten(0, value) if isinstance(value, Tracer) and value.dtype.kind in "fc" else value


class Cut(NamedTuple):
    """Where a value left the tape: by which operation, on which line, and the leaves it was computed from."""

    op: str
    loc: Loc | None
    leaves: tuple[weakref.ref, ...]


CUTS_KEPT = 8
"""How many cuts a tensor remembers: the nearest."""
WALKED = 64
"""How many entries are visited to find the leaves of a value that is cut off (12 us at most)."""


def leaves_of(node: Node) -> tuple[weakref.ref, ...]:
    """Weak references to the leaf tensors that an entry was computed from, where they are near."""
    found = []
    seen = {node.seq}
    stack = [node]
    while stack and len(seen) < WALKED:
        entry = stack.pop()
        if entry.prim is None:
            note = note_of(entry)
            if note is not None and note.owner is not None:
                found.append(note.owner)
        for parent in entry.parents:
            if parent is not None and parent.seq not in seen:
                seen.add(parent.seq)
                stack.append(parent)
    return tuple(found)


def cut(op: str, value: Any, before: tuple[Cut, ...]) -> tuple[Cut, ...]:
    """The cuts of a value that leaves the tape here; its leaves remember it too."""
    record = Cut(op, here(), leaves_of(value.node))
    for leaf in record.leaves:
        tensor = leaf()
        if tensor is not None:
            story = tensor._story
            story.cuts = (record, *story.cuts[: CUTS_KEPT - 1])
    return record, *before[: CUTS_KEPT - 1]


def joined(first: tuple[Cut, ...], second: tuple[Cut, ...]) -> tuple[Cut, ...]:
    """The cuts of a value computed from two."""
    if not second or first is second:
        return first
    if not first:
        return second
    return tuple({id(record): record for record in first + second}.values())[:CUTS_KEPT]


class Story:
    """What has happened to a leaf, for `explain`: where it was made and how, cut off, reached, missed and
    cleared.

    `reached` and `missed` are the lines of the last backward pass that brought a gradient, and of the last
    that came from a value cut off this leaf, with the cuts.
    """

    __slots__ = ("cleared", "cuts", "made", "missed", "origin", "reached")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.made = here()
        self.cuts: tuple[Cut, ...] = ()
        self.reached: Loc | None = None
        self.missed: tuple[Loc | None, tuple[Cut, ...]] | None = None
        self.cleared: Loc | None = None
