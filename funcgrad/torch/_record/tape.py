"""The shim's tapes, and what is noted at their entries.

The base tape is older than every other trace and never ends. Each call of a function that `to_functional` made has a
tape of its own, newer than the traces of its arguments. `modes.mode.tape` is the one that leaves are made on.

Entries hold values and storages, never Tensors (weakly at most): a Tensor is a name that points at a value
and its entry, so dropping the Tensor frees what only it led to.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from numpy import ndarray

from funcgrad.core.provenance import here
from funcgrad.core.staging import RecordTracer
from funcgrad.core.tape import Node, TapeTrace, TapeTracer
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.ops.elementwise import stop_gradient
from funcgrad.ops.overwritten import overwritten
from funcgrad.torch._tensor.storage import Storage
from funcgrad.transforms.jvp import JvpTracer


class Tape(TapeTrace):
    """A trace that Tensors are recorded on."""

    __slots__ = ()
    name = "to_functional"


BASE = Tape()
BASE.age = 0


Recorded = TapeTracer
"""A value with an entry, on a tape of the shim's or of another transformation."""


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
    `unconnected`: what the gradients do not depend on has none of its own, where that of others is zero.
    `watch` is None where PyTorch saves nothing; else what it saved, as `Watched`. `single` says that it is of
    one entry only, so that more may be said of it, and `own` that a pass must look at it: at `hooks` on the gradient,
    `before` and `after` on what the operation takes and gives, `filled` when a leaf's `grad` is, `siblings` for the
    notes of the outputs of several. `inner` is an entry between an operation's result and its operands. `edges` are the
    entries of the operands, None for a constant, where `parents` are not just these. `part` tells the first and the
    place of one of several results that have an entry each. `form` says how PyTorch composes the result, and which of
    several it is (`composed` has it of all entries of a kind); `stands_in` refers to that form, at an entry that was
    made to show it. `severed`: a view that was made while recording was off, which is a leaf that no gradient reaches.
    `lacks` is the error of a backward pass that reaches it, where there is no derivative. `metadata` is the user's.
    `slice_of` is the entry of an operation whose result was written into a part in place.
    """

    own = False
    single = False
    inner = False
    gradient = "used"
    unconnected = False
    hooks: dict[int, Any] | None = None
    before: dict[int, Any] | None = None
    after: dict[int, Any] | None = None
    filled: dict[int, Any] | None = None
    edges: tuple[Node | None, ...] | None = None
    part: tuple[int, int] | None = None
    form: tuple[Any, int] | None = None
    composed: tuple[Any, tuple[int, ...]] | None = None
    stands_in: weakref.ref | None = None
    severed = False
    lacks: str | None = None
    metadata: dict[str, Any] | None = None
    slice_of: Node | None = None
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


class Linear(Whole):
    """One whose operands have no second gradient, where PyTorch's rule does not reach them: None, and not zero."""

    unconnected = True


NOTES = {"=": Compared, "0": Zero, "!": Whole, "~": Linear}


def leaf_note(tensor: Any) -> Note:
    note = Note("AccumulateGrad")
    note.own = True
    note.owner = weakref.ref(tensor)
    return note


FREES = Note("", ())
"""At entries that a backward pass has recorded and that save arrays: another pass frees these, and that is all."""


def note_of(node: Node) -> Note | None:
    note = getattr(node, "note", None)
    return None if note is FREES else note


PASSED = {
    "broadcast_to": "ExpandBackward0",
    "convert": "ToCopyBackward0",
    "dot_general": "MmBackward0",
    "reduce_sum": "SumBackward1",
    "reshape": "ViewBackward0",
    "transpose": "PermuteBackward0",
}
"""What PyTorch calls what its derivatives are made of, where primitives have other names."""


def name_of(node: Node) -> str:
    """What PyTorch calls an entry; those that a backward pass recorded are called by their primitive."""
    note = note_of(node)
    if note is not None:
        return note.name
    prim: Any = node.prim
    if prim is None:
        return "AccumulateGrad"
    if prim.name == "dot_general" and node.params["batch"][0]:
        return "BmmBackward0"
    return PASSED.get(prim.name) or f"{prim.name.title().replace('_', '')}Backward0"


def own_note(node: Node) -> Note:
    """The entry's own note, to be changed: operations that save nothing share one."""
    note = note_of(node) or Note(name_of(node))
    if not note.own:
        node.note = note = _copied(note)
        note.own = True
    return note


def unshared(node: Node) -> Note:
    """A note of this entry alone to say more of its operands, which a backward pass does not look into."""
    note: Note = node.note
    if not (note.single or note.own):
        node.note = note = _copied(note)
    return note


def _copied(note: Note) -> Note:
    copied = Note.__new__(type(note))
    copied.__dict__.update(note.__dict__)
    copied.single = True
    return copied


def on_tape(value: Any) -> bool:
    return type(value) is TapeTracer and type(value._trace) is Tape


def node_of(value: Any) -> Node | None:
    return value.node if on_tape(value) else None


def raw(value: Any) -> Any:
    """The value without its entry: an array, or a traced value of another transformation."""
    return value.value if type(value) is TapeTracer and type(value._trace) is Tape else value


def copied(value: Any) -> Any:
    """The value in an array of its own, with the entry that it has."""
    return TapeTracer(value._trace, value.value.copy(), value.node) if type(value) is TapeTracer else value.copy()


def constant(value: Any) -> Any:
    """The value without its entry, and without a derivative for anybody else."""
    if type(value) is ndarray:
        return value
    value = raw(value)
    return stop_gradient(value) if isinstance(value, Tracer) else value


def moves(value: Any) -> bool:
    """Whether a known value may have a derivative, in any transformation under way."""
    while isinstance(value, Tracer) and value.has_value:
        if isinstance(value, (TapeTracer, JvpTracer, RecordTracer)):
            return value.dtype.kind in "fc"
        value = value.value  # type: ignore[attr-defined]
    return False


def unrecorded(value: Any) -> Any:
    """The value as it is where recording is off: without its entry, and others' in reverse mode. Tangents stay."""
    value = raw(value)
    return overwritten(0, value) if isinstance(value, Tracer) and value.dtype.kind in "fc" else value


class Unconnected(Primitive):
    """An entry with nothing behind it: PyTorch's undefined gradient, which is None for a leaf, and not zero."""

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        return ()

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return saved


UNCONNECTED = Unconnected("unconnected")


def unconnected(value: Any, operand: Any) -> Any:
    """A value that requires a gradient as the operand does, and has none for it; without its entry elsewhere."""
    if not on_tape(operand):
        return constant(value)
    return TapeTracer(operand._trace, constant(value), Node(UNCONNECTED, {}, (), (), here()))
