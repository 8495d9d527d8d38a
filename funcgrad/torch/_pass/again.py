"""Where a pass is itself recorded: which gradients require one, as in PyTorch, that funcgrad has as constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.tape import Node, Sparse, TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import FREES, Note, note_of, on_tape, unconnected


def requires_grad(note: Note | None, ct: Any) -> bool:
    """Whether the gradients behind an entry require one: PyTorch computes them from what arrives and what it saved."""
    if note is None or note.gradient == "zero":
        return note is None and on_tape(ct)
    return on_tape(ct) or (
        note.gradient != "compared" and any(isinstance(w.source, str) or on_tape(w.value) for w in note.watch or ())
    )


def free_later(cts: Sequence[Any], first: int) -> None:
    """Let the next pass free what entries have saved that this one has recorded, from `first` on."""
    stack = [c.node for c in cts if type(c) is TapeTracer]
    while stack:
        node = stack.pop()
        if node.seq > first and not hasattr(node, "note"):
            if _saves(node.saved):
                node.note = FREES
            stack.extend([p for p in node.parents if p is not None])


def _saves(saved: Any) -> bool:
    """Whether there are arrays or numbers among what an entry has saved."""
    if type(saved) is tuple or type(saved) is list:
        return any(map(_saves, saved))
    return isinstance(saved, (np.ndarray, np.number, Tracer, float, complex)) or type(saved) is int


def is_inner(node: Node) -> bool:
    return getattr(getattr(node, "note", None), "inner", False)


def operands(node: Node) -> set[int]:
    """The entries that an operation of several entries was computed from, by `seq`."""
    found: set[int] = set()
    stack = [node]
    while stack:
        for parent in stack.pop().parents:
            if parent is not None:
                if is_inner(parent):
                    stack.append(parent)
                else:
                    found.add(parent.seq)
    return found


def recorded(tape: Any, inside: set[int], node: Node, cts: Sequence[Any]) -> Sequence[Any]:
    """Cotangents of operands that are constants, where PyTorch computes them from what requires a gradient: recorded,
    with a gradient of zero, or with none. (Only where there is one operand, unless it makes those of all at once: else
    it is not known whose gradient needs what was saved. Of several entries, which `inside` has, those that lead to
    operands.)"""
    parents, note, prim = node.parents, note_of(node), node.prim
    of_all = node.seq in inside or (note is not None and note.gradient == "all")
    if not of_all and len(operands(node)) != 1:
        return cts
    inside.update(p.seq for p in parents if p is not None and is_inner(p))
    found = [c.dense() if type(c) is Sparse else c for c in cts]
    for i, (parent, c) in enumerate(zip(parents, found)):
        if parent is None or parent.seq in inside:
            continue
        if isinstance(c, (np.ndarray, np.generic)) and c.dtype.kind in "fc":
            found[i] = _zero(tape, node, note, parent, c)
        elif prim is not None and prim.name == "pow" and note is not None and not note.inner and on_tape(c):
            _note_power(note, c.node, parent)
    return found


def _zero(tape: Any, node: Node, note: Note | None, parent: Node, ct: Any) -> Any:
    """A cotangent with a gradient of zero: of the result that it was computed from, where that was saved, so that the
    gradient of this one is another; else of the operand."""
    saved = [w.storage.value for w in (note.watch or () if note is not None else ()) if isinstance(w.source, str)]
    along = TapeTracer(tape, ct, node if saved and saved[0].shape == ct.shape else parent)
    new = unconnected(ct, along) if note is not None and note.unconnected else fnp.where(np.False_, along, ct)
    new.node.note = Note(f"{note.name.removesuffix('0')}Backward0" if note is not None else "Zero")
    return new


def _note_power(note: Note, derivative: Node, base: Node) -> None:
    """The derivative of a power is made of the next lower one, which saves the base as well: also where that is the
    base itself, so that the last constant requires a gradient, as PyTorch's."""
    entry = derivative
    while newer := [p for p in entry.parents if p is not None and p.seq > base.seq]:
        entry = max(newer, key=lambda p: p.seq)
    if base in entry.parents and note_of(entry) is None:
        entry.note = Note(note.name, note.watch)
