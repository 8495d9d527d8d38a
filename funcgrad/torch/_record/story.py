"""What tensors remember of what has happened to them, for `explain`: cuts, passes, writes, and when.

All is small and bounded: lines as code objects, weak references to tensors and entries, a few records of each kind.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy import isfinite, ndarray

from funcgrad.core.provenance import Loc, here
from funcgrad.core.tape import Node, TapeTracer, tick
from funcgrad.torch._record.tape import note_of


class Off(NamedTuple):
    """Why recording is off: what switched it off, at which line, and whose code it is ("" where it has no name)."""

    what: str
    loc: Loc | None
    name: str = ""


class PastCut(NamedTuple):
    """Where a value left the tape: by which operation, on which line, and the leaves it was computed from.

    `entry` is the value's, weakly, and `when` its number in the sequence of entries. `off` says why recording was off,
    where that was the reason. `flat`: behind it is what has no derivative, as an index or a comparison, so that a
    derivative beside it misses nothing. `used_at` is where it became an index.
    """

    op: str
    loc: Loc | None
    leaves: tuple[weakref.ref, ...]
    entry: weakref.ref | None = None
    off: Off | None = None
    flat: bool = False
    when: int = 0
    used_at: Loc | None = None


Cuts = tuple[PastCut, ...]
_record = tuple.__new__
CUTS_KEPT = 8
"""How many cuts a tensor remembers: the nearest."""
WALKED = 64
"""How many entries are visited to find the leaves of a value that is cut off (12 us at most)."""


def leaves_of(node: Node, most: float = WALKED) -> tuple[weakref.ref, ...]:
    """Weak references to the leaf tensors that an entry was computed from, where they are near."""
    found = []
    stack = [node]
    seen: set[Node | None] = {node, None}
    for entry in stack:  # which grows
        if entry.prim is None:
            note = note_of(entry)
            if note is not None and note.owner is not None:
                found.append(note.owner)
        else:
            for parent in entry.parents:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)  # type: ignore[arg-type]  # not None, which has been seen
        if len(stack) > most:
            break
    return tuple(found)


def cut(op: str, value: Any, before: Cuts, off: Off | None = None, flat: bool = False) -> Cuts:
    """The cuts of a value that leaves the tape here; its leaves remember it too, but for indices, comparisons and what
    is inside of a rule."""
    node = value.node
    leaves = () if _is_done(node) else leaves_of(node)
    return _noted(_record(PastCut, (op, here(), leaves, weakref.ref(node), off, flat, node.seq, None)), before)


def _is_done(node: Node) -> bool:
    """Whether the last pass began at the entry, as at that of a loss: its leaves have what they were to get."""
    last = PASSES[-1].outputs if PASSES else ()
    return len(last) == 1 and last[0][0]() is node


def cut_again(op: str, before: Cuts, off: Off | None = None, flat: bool = False) -> Cuts:
    """The cuts of a value that had been cut off already, where something would end its derivative here."""
    leaves = tuple({id(leaf): leaf for record in before for leaf in record.leaves}.values())
    when = max((record.when for record in before), default=0)
    return _noted(PastCut(op, here(), leaves, None, off, flat, when), before)


def cut_elsewhere(off: Off | None) -> Cuts:
    """The cuts of a value that another transformation follows, where recording is off."""
    return (PastCut("no_grad", here(), (), None, off),)


def _noted(record: PastCut, before: Cuts) -> Cuts:
    inside_rule = record.off is not None and record.off.what == "forward"
    for leaf in () if record.flat or inside_rule else record.leaves:
        tensor = leaf()
        if tensor is not None:
            story = tensor._story
            story.cuts = (record, *story.cuts[: CUTS_KEPT - 1])
    return record, *before[: CUTS_KEPT - 1]


def all_leaves(record: PastCut) -> list[Any]:
    """The leaf tensors that are still there: all of them where the entry is, otherwise those that were near."""
    entry = record.entry() if record.entry is not None else None
    refs = record.leaves if entry is None else leaves_of(entry, float("inf"))
    return [tensor for tensor in (ref() for ref in refs) if tensor is not None]


def joined(first: Cuts, second: Cuts) -> Cuts:
    """The cuts of a value computed from two."""
    if not second or first is second:
        return first
    if not first:
        return second
    return tuple({id(record): record for record in first + second}.values())[:CUTS_KEPT]


def flattened(cuts: Cuts) -> Cuts:
    """The cuts of a value without a derivative that was computed from one that has them."""
    return cuts if all(c.flat for c in cuts) else tuple(c if c.flat else c._replace(flat=True) for c in cuts)


def indexing(cuts: Cuts) -> Cuts:
    """The cuts of what is read at places that were computed from a value that has them."""
    at = here() if cuts else None
    return tuple(c._replace(flat=True, used_at=c.used_at or at) for c in cuts)


# passes


MARKS_KEPT = 8


class PassRecord:
    """A backward pass: its line, what was called (`backward` or `grad`), its outputs weakly, when it was, and the cuts
    of the outputs. `ends` are those of gradients that are not recorded, `once` those that a rule did not record,
    `refused` the error it ended in, as its type's name, text and note. `marks` are what the user's own code did to
    gradients: "zero" by a hook, "none" by a rule, ... `spoilt` says by the `seq` of a leaf why the gradient that was
    returned is zero or not finite."""

    __slots__ = ("called", "cuts", "ends", "loc", "marks", "once", "outputs", "refused", "spoilt", "when")

    def __init__(self, called: str) -> None:
        self.called = called
        self.loc = here()
        self.when = tick()
        self.outputs: tuple[tuple[weakref.ref[Node], Any, Any], ...] = ()
        self.marks: tuple[tuple[str, Loc | None], ...] = ()
        self.cuts: Cuts = ()
        self.ends: Cuts = ()
        self.once: Cuts = ()
        self.refused: tuple[str, str, str] | None = None
        self.spoilt: dict[int, Any] = {}

    def began(self, outputs: Sequence[Any]) -> None:
        """It is run on these tensors; leaves that they are cut off from are told so."""
        for t in outputs:
            value = t._value
            if type(value) is TapeTracer:
                self.outputs = (*self.outputs, (weakref.ref(value.node), value.shape, value.dtype))
            story = t._own_story
            for cuts in (t._cuts, () if story is None else story.copied):  # the latter of a loss that was made a leaf
                if cuts:
                    self.cuts = joined(self.cuts, cuts)
        if self.outputs:
            end = (self.called, self.loc, (), self.outputs[0][0], None, False, self.when, None)
            self.ends = (_record(PastCut, end),)
        PASSES.append(self)
        for record in self.cuts:
            for leaf in all_leaves(record):
                leaf._story.missed = self

    def ends_for(self, targets: Sequence[Any]) -> None:
        """What it returns are plain values, of gradients by these tensors."""
        leaves = tuple(weakref.ref(t) for t in targets if t._value.node.prim is None)
        self.ends = tuple(end._replace(leaves=leaves) for end in self.ends)

    def mark(self, fun: Any, before: Any, after: Any) -> None:
        """The user's function has made one gradient of another: remembered where it is zero or not finite."""
        if len(self.marks) < MARKS_KEPT and isinstance(before, ndarray) and before.any() and isinstance(after, ndarray):
            spoilt = not isfinite(after).all() and isfinite(before).all()
            if spoilt or not after.any():
                self.marks = (*self.marks, ("nan" if spoilt else "zero", line_of(fun)))

    def denied(self, fun: Any, operand: Any) -> None:
        """The user's rule has given None for an operand, an entry: its leaves remember that."""
        self.marks = (*self.marks[: MARKS_KEPT - 1], ("none", line_of(fun)))
        for ref in () if operand is None else leaves_of(operand, float("inf")):
            leaf = ref()
            if leaf is not None:
                leaf._story.denied = self, line_of(fun)

    def mark_once(self, fun: Any) -> None:
        """A rule that is differentiable once has given gradients that are not recorded, though that was asked for."""
        if self.outputs:
            off = Off("once_differentiable", (fun.__code__, 0), fun.__qualname__)
            self.once = (PastCut("no_grad", self.loc, (), self.outputs[0][0], off, False, self.when),)

    def ended_in(self, error: BaseException) -> None:
        """An error ended it: the leaves behind are told, with the note of ours that it has."""
        notes = " ".join(getattr(error, "__notes__", ())).removeprefix("funcgrad: ")
        self.refused = type(error).__name__, str(error), notes
        for output, _, _ in self.outputs:
            node = output()
            for ref in () if node is None else leaves_of(node, float("inf")):
                leaf = ref()
                if leaf is not None:
                    leaf._story.refused = self


def line_of(fun: Any) -> Loc | None:
    """Where a function of the user's begins."""
    code = getattr(fun, "__code__", None)
    return None if code is None else (code, 0)


PASSES: deque[PassRecord] = deque(maxlen=16)
"""The last passes, the newest last."""


# leaves


class Event(NamedTuple):
    """Something that was done to a leaf: its line, and when, among the entries."""

    loc: Loc | None
    when: int


def event() -> Event:
    return _record(Event, (here(), tick()))


class Replaced(NamedTuple):
    """That a module has another parameter in place of this one: since when, and, weakly, which."""

    at: Event
    by: weakref.ref


def note_replaced(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Parameters that others of their names take the place of remember it."""
    for name, parameter in old.items():
        if name in new and new[name] is not parameter:
            parameter._story.replaced = Replaced(event(), weakref.ref(new[name]))


PASSES_KEPT = 4


class Story:
    """What has happened to a tensor: made, cut off, reached, missed, cleared, given a gradient, switched.

    `passes` are the last ones that brought a gradient since it was cleared, and `count` how many there were; `version`
    is the version of the gradient's memory after the last. `copied` are the cuts of the value it was made a leaf of.
    `missed` is the last pass that came from a value cut off this leaf, `asked` the last `autograd.grad` that returned
    its gradient, `refused` the last pass over it that ended in an error, `denied` the last in which a rule of the
    user's gave it None, and that rule. `spoilt` says why the gradient is zero or not finite, as found in the first of
    the last passes that brought such a one; `searched` counts the entries
    gone back over for that in graphs of which it is the oldest leaf.
    """

    __slots__ = (
        "asked", "assigned", "cleared", "copied", "count", "cuts", "denied", "made", "missed", "origin", "passes",
        "refused", "replaced", "retained", "searched", "spoilt", "switched", "version", "when",
    )  # fmt: skip

    def __init__(self, origin: str, before: Story | None = None) -> None:
        self.origin = origin
        self.made, self.when = here(), tick()
        self.switched: Event | None = None if before is None else before.switched
        self.cuts: Cuts = ()
        self.copied: Cuts = ()
        self.passes: tuple[PassRecord, ...] = ()
        self.count = self.version = self.searched = 0
        self.missed: PassRecord | None = None
        self.asked: PassRecord | None = None
        self.refused: PassRecord | None = None
        self.denied: tuple[PassRecord, Loc | None] | None = None
        self.spoilt: Any = None
        self.cleared: Event | None = None
        self.assigned: Event | None = None
        self.retained: Event | None = None
        self.replaced: Replaced | None = None

    def reach(self, record: PassRecord, version: int) -> None:
        """A pass has brought a gradient, whose memory has that version now."""
        self.passes = (record, *self.passes[: PASSES_KEPT - 1]) if self.count else (record,)
        self.count += 1
        self.version = version

    def clear(self, at: Event) -> None:
        """The gradient is None again."""
        self.passes, self.count, self.cleared, self.assigned = (), 0, at, None

    def zeroed(self, writes: tuple[tuple[int, Loc | None, int], ...]) -> None:
        """The gradient was made zeros in place, by the first of these writes: what comes now adds to nothing."""
        self.clear(Event(*writes[0][1:]) if writes else event())

    def assign(self) -> None:
        """The user has set the gradient."""
        self.passes, self.count, self.assigned, self.cleared = (), 0, event(), None
