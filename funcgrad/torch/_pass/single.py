"""Hooks on operations that are not one entry here: they are made entries as PyTorch has them when a hook comes.

An operation of several entries becomes one, whose pull goes over those. One entry that PyTorch records as several
operations becomes these, where they save nothing: then their derivatives do not depend on the values that are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcgrad.core.tape import Node
from funcgrad.torch._pass.engine import Pass, UsersRule
from funcgrad.torch._pass.gradfn import AS_SINGLE, flat, is_inner, moved
from funcgrad.torch._pass.inner import Inner
from funcgrad.torch._record.tape import name_of, note_of, own_note

SEVERAL = (
    "hook the tensors that it takes or gives, by Tensor.register_hook, in place of {}: {} is not one operation in "
    "funcgrad.torch"
)


class _Over(Inner):
    """A pass over the entries of one operation."""

    def __init__(self, outer: Pass, parts: set[Any], wanted: Sequence[Node]) -> None:
        super().__init__(outer, 0, wanted)
        self.parts, self.tape = parts, outer.tape

    def ways(self, outputs: Sequence[Node]) -> set[Any]:
        return self.parts

    def over(self, core: Node, ct: Any) -> dict[int, Any]:
        self.pulled = self.parts
        self.walk([(core, ct)])
        return self.found


class _Operation(UsersRule):
    """Several entries as one: the cotangents of the operands come out together."""

    def back(self, saved: Any, run: Pass, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        core, parts = saved
        found = _Over(run, parts, [n for n in tracked if n is not None]).over(core, ct)
        return [None if n is None else found.pop(n.seq, None) for n in tracked]


OPERATION = _Operation("operation")


def as_single(function: str, node: Node) -> None:
    """Let an entry be one operation, as PyTorch has it. NotImplementedError where it cannot be."""
    note = note_of(node)
    if note is None:
        return
    if note.part is not None or note.siblings:
        raise NotImplementedError(SEVERAL.format(function, name_of(node)))
    if note.stands_in is not None:
        form = note.stands_in()
        shown = form.real() if form is not None and form.real is not None else None
        if shown is None or not _composed(shown):
            raise NotImplementedError(SEVERAL.format(function, name_of(node)))
    elif note.composed is not None or (note.form is not None and not _composed(node)):
        raise NotImplementedError(SEVERAL.format(function, name_of(node)))
    if node.prim is not None and any(p is not None and p.prim is not None and is_inner(p) for p in node.parents):
        _join(node)


def _join(node: Node) -> None:
    note = own_note(node)
    core = Node(node.prim, node.params, node.parents, node.saved, node.loc)
    core.note = type(note)(note.name, note.watch)
    parts = {core.seq}
    stack = [node]
    while stack:
        for p in stack.pop().parents:
            if p is not None and p.prim is not None and is_inner(p) and p.seq not in parts:
                parts.add(p.seq)
                stack.append(p)
    operands = dict.fromkeys(n for n in flat(node) if n is not None)
    node.parents = note.edges if note.edges is not None else tuple(operands)
    node.prim, node.params, node.saved = OPERATION, {}, (core, parts)


def _composed(node: Node) -> bool:
    """Put the operations that PyTorch records in the place of an entry, if they save nothing."""
    note = own_note(node)
    assert note.form is not None
    form, index = note.form
    operands = {described[0] for described in form.operands if len(described) > 1}
    last = form.entry(index)
    if None in operands or len(form.entries or ()) != 1:
        return False
    made: dict[float, Node] = {}
    stack = [last]
    while stack:
        entry = stack.pop()
        if entry.seq not in made and entry not in operands:
            made[entry.seq] = entry
            stack.extend(p for p in entry.parents if p is not None)
    notes = {seq: found for seq, entry in made.items() if (found := note_of(entry)) is not None}
    if any(found.watch for found in notes.values()):
        return False
    for place, seq in enumerate(sorted(made), 1):
        if made[seq] is not last:  # older than what was computed from the result, newer than the operands
            moved(made[seq], node.seq - 1 + place / (len(made) + 1))
            if seq in notes:
                notes[seq].stands_in = None
    node.prim, node.params, node.parents, node.saved = last.prim, last.params, last.parents, last.saved
    note.form = None
    return True


AS_SINGLE.append(as_single)
