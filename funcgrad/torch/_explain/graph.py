"""The tape behind tensors: the leaves at its ends, what was changed since, and what comes back along it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.tape import Node, entries
from funcgrad.torch._explain.calls import called, statement, writer
from funcgrad.torch._explain.names import Names
from funcgrad.torch._pass.engine import UsersRule
from funcgrad.torch._pass.gradfn import Freed
from funcgrad.torch._record.tape import Watched, note_of
from funcgrad.torch._tensor.storage import writes_of
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.diagnosis import Arrival, flow_back
from funcgrad.transforms.explain.history import Changed, Deed
from funcgrad.transforms.explain.paths import Paths, vertices

FLAT_PARTS = ("relu", "relu6", "hardtanh", "clamp", "clip", "threshold", "hardshrink", "softshrink", "max", "min")
SATURATED = ("sigmoid", "tanh", "softmax", "log_softmax", "hardsigmoid", "hardswish", "erf")
STEPS = ("round", "floor", "ceil", "trunc", "sign", "sgn")
SINGULAR = (
    *("sqrt", "rsqrt", "norm", "linalg_vector_norm", "pow", "div", "log", "reciprocal", "acos", "asin", "atan2"),
    *("std", "var", "xlogy", "logsumexp", "linalg_eigh", "linalg_svd", "log_softmax", "cumprod"),
)


Output = tuple[Node, tuple[int, ...], np.dtype]
"""The entry of an output, its shape and its dtype."""


class Graph:
    """Entries behind others, oldest first; `owners` are the leaf tensors still there, with their entries.

    `freed` says that a backward pass has let go of saved values.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self.outputs = list(outputs)
        nodes = [node for node, _, _ in outputs]
        self.entries = entries(nodes)
        self.paths = Paths(vertices(self.entries), nodes, [])
        self.owners: dict[int, tuple[Tensor, Node]] = {}
        self.gone: list[Node] = []
        for entry in self.entries:
            if entry.prim is None:
                note = note_of(entry)
                owner = note.owner() if note is not None and note.owner is not None else None
                if owner is None:
                    self.gone.append(entry)
                else:
                    self.owners[id(owner)] = (owner, entry)
        self.freed = any(type(entry.saved) is Freed for entry in self.entries)

    def live(self, node: Node) -> int:
        return self.paths.of_leaf(node)[0]

    def arrivals(self) -> dict[int, Arrival] | None:
        """What comes back to each leaf where ones are given to the outputs; None where that cannot be known: saved
        values are gone or changed, or the user's own code would have to be run."""
        if self.freed or self.changed(None) is not None:
            return None
        if any(isinstance(entry.prim, UsersRule) or _has_hooks(entry) for entry in self.entries):
            return None
        try:
            return flow_back([(node, np.ones(shape, dtype)) for node, shape, dtype in self.outputs])
        except (RuntimeError, NotImplementedError, TypeError):  # a derivative that does not exist
            return None

    def changed(self, names: Names | None) -> Changed | None:
        """The newest entry of whose saved values one has been written since, and by whom."""
        for entry in reversed(self.entries):
            for watched in (getattr(note_of(entry), "watch", None) or ()) if type(entry.saved) is not Freed else ():
                if _version(watched) != int(watched.version):
                    return change(entry, watched, names)
        return None

    def unseen(self) -> Changed | None:
        """The newest entry of whose saved values one was written through `.data`."""
        for entry in reversed(self.entries):
            for watched in getattr(note_of(entry), "watch", None) or ():
                writes = [w for w in writes_of(watched.storage.unseen) if w.when > entry.seq]
                if writes:
                    deed = Deed(writes[-1].loc, writer(writes[-1].loc))
                    return Changed(called(entry), entry.loc, deed, "", (0, 0), unseen=True)
        return None

    def suspects(self, leaf: Node, words: Iterable[str]) -> tuple[tuple[str, Any], ...]:
        """Operations of these names that are computed from a leaf, newest last: who may have been it."""
        found: dict[tuple[str, Any], None] = {}
        for step in self.paths.downstream([leaf]):
            name = called(step.node)
            if name in words and not (name == "pow" and _is_whole(step.node)):
                found[name, step.node.loc] = None
        return tuple(found)[-3:]


def _is_whole(power: Node) -> bool:
    """Whether the exponent that stands on the line is a whole number: no derivative of it is infinite."""
    tree = statement(power.loc)
    args = [tree.right] if isinstance(tree, ast.BinOp) else tree.args if isinstance(tree, ast.Call) else []
    exponent = args[-1] if args else None
    return isinstance(exponent, ast.Constant) and isinstance(exponent.value, int) and exponent.value >= 1


def _has_hooks(entry: Node) -> bool:
    note = note_of(entry)
    return note is not None and bool(note.hooks or note.before or note.after)


def _version(watched: Watched) -> int:
    try:
        return int(watched.storage.version)
    except RuntimeError:  # made in inference mode
        return watched.version


def change(entry: Node, watched: Watched, names: Names | None) -> Changed:
    """What became of a value that an entry saved."""
    storage = watched.storage
    after = [w for w in writes_of(storage.writes) if w.version > watched.version]
    first = after[-1] if after and after[-1].version == watched.version + 1 else None
    source = watched.source() if callable(watched.source) else None
    name = "its own result" if isinstance(watched.source, str) else ""
    if source is not None and names is not None:
        name = names.of(source) if on_leaf(source) or id(source) in names.tensors else ""
    deed = None if first is None else Deed(first.loc, writer(first.loc), first.when)
    return Changed(called(entry), entry.loc, deed, name, (watched.version, _version(watched)))


def on_leaf(tensor: Tensor) -> bool:
    return bool(tensor.is_leaf and tensor.requires_grad)
