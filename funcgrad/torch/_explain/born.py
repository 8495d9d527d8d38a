"""Where a value stopped being finite on its way forwards: from what entries saved, the rest computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.tape import SELECT, Node
from funcgrad.torch._record.tape import note_of, raw
from funcgrad.transforms.explain.diagnosis import Spot, concrete

SAID_TO_BE_BORN = ("log", "log2", "log10", "log1p", "exp", "expm1", "divide", "power", "sqrt", "rsqrt", "reciprocal")


class Values:
    """The values of entries, oldest first, as far as they are known; `given` took a constant that is not finite,
    `meant` one that is infinite and chosen by a mask."""

    def __init__(self, entries: Sequence[Node], saved_of: Callable[[Node], Any]) -> None:
        self.known: dict[int, Any] = {}
        self.given: set[int] = set()
        self.meant: set[int] = set()
        for node in entries:
            note = note_of(node)
            if node.prim is None and note is not None and note.owner is not None:
                leaf = note.owner()
                self.known[node.seq] = None if leaf is None else concrete(raw(leaf._read()))
            elif node.prim is not None and node.prim is not SELECT:
                self._read(node, saved_of(node))

    def _read(self, node: Node, saved: Any) -> None:
        prim: Any = node.prim
        seen: list[Any] = []

        def link(value: Any, entry: Node | None) -> Any:
            if value is not None and type(value) is not Aval and entry is not None:
                self.known[entry.seq] = concrete(value)
            seen.append((value, entry))
            return value

        try:
            prim.relink(saved, node.parents, node, link)
        except (TypeError, ValueError, AttributeError, NotImplementedError):  # a rule of the user's, or compiled code
            return
        args: list[Any] = []
        for value, parent in seen[len(seen) - len(node.parents) :]:
            if parent is not None and parent.seq in self.known:
                value = self.known[parent.seq]
            args.append(None if type(value) is Aval else value)
        constants = [v for v, p in zip(args, node.parents) if p is None and not _finite(v)]
        chooses = prim.name == "where" and not any(np.isnan(v).any() for v in constants)
        if constants and not chooses:
            self.given.add(node.seq)
        if node.seq not in self.known and not prim.multiple and not any(v is None for v in args):
            self.known[node.seq] = prim.impl(*args, **node.params)
        if constants and chooses:  # as the minus infinity of a mask
            self.meant.add(node.seq)

    def spoilt(self, node: Node) -> bool | None:
        """Whether the value of an entry is not finite; None where it is not known."""
        if node.seq not in self.known:
            return None
        value = self.known[node.seq]
        return bool(np.isnan(value).any()) if node.seq in self.meant else not _finite(value)


def _finite(value: Any) -> bool:
    array = None if value is None or type(value) is Aval else np.asarray(concrete(value))
    return array is None or array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def born(
    outputs: Sequence[tuple[Node, Any]],
    entries: Sequence[Node],
    saved_of: Callable[[Node], Any],
    called: Callable[[Node], str],
) -> tuple[Spot, str] | None:
    """The operation in which a value on the way to the outputs stopped being finite, where one of these is not."""
    ends = [(node, np.asarray(concrete(value))) for node, value in outputs]
    ends = [(node, value) for node, value in ends if not _finite(value)]
    if not ends:
        return None
    values = Values(entries, saved_of)
    node, value = ends[0]
    before: Node | None = node
    while before is not None:
        node = before
        before = next((p for p in _nearest_known(node, values) if values.spoilt(p)), None)
    value = values.known.get(node.seq, value)
    kind = "nan" if np.isnan(value).any() else "inf"
    if node.prim is None:
        return Spot(node, "leaf"), kind
    between = [node, *_unknown(node, values)]
    given = next((n for n in between if n.seq in values.given), None)
    if given is not None:
        return Spot(given, "constant"), kind
    return Spot(next((n for n in between if called(n) in SAID_TO_BE_BORN), node)), kind


def _unknown(node: Node, values: Values) -> list[Node]:
    """The entries behind one, up to those whose values are known."""
    found: dict[int, Node] = {}
    stack = [p for p in node.parents if p is not None]
    while stack:
        entry = stack.pop()
        if entry.seq not in found and values.spoilt(entry) is None:
            found[entry.seq] = entry
            stack.extend(p for p in entry.parents if p is not None)
    return list(found.values())


def _nearest_known(node: Node, values: Values) -> list[Node]:
    return [p for n in (node, *_unknown(node, values)) for p in n.parents if p and values.spoilt(p) is not None]
