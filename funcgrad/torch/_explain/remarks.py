"""What is to be said of a graph as a whole, where its gradients flow and may still not be those that were meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import Loc
from funcgrad.core.tape import Node
from funcgrad.torch._explain.calls import called
from funcgrad.torch._explain.rules import rule_around
from funcgrad.transforms.explain.causes.end import in_pairs
from funcgrad.transforms.explain.causes.remembered.words import at


def remarks_on(entries: Sequence[Node]) -> list[str]:
    pairs = in_pairs([(called(entry), entry.loc) for entry in entries if _pairs(entry)])
    return [*_bypassed(entries), *([] if pairs is None else [pairs])]


def _pairs(entry: Node) -> bool:
    """Whether an entry is the difference of a column and as many numbers, of which one is a constant."""
    prim, saved = entry.prim, entry.saved
    if prim is None or prim.name != "sub" or entry.parents.count(None) != 1 or type(saved) is not tuple:
        return False
    shapes = sorted((a.shape for a in saved[-1][1] if type(a) is Aval), key=len) if saved[-1] is not None else []
    return len(shapes) == 2 and len(shapes[0]) == 1 and shapes[0][0] > 1 and shapes[1] == (*shapes[0], 1)


def _bypassed(entries: Sequence[Node]) -> Iterator[str]:
    """Functions of the user's whose `forward` was called without `apply`, so that it is recorded itself."""
    found: dict[str, Loc] = {}
    for entry in entries:
        rule = rule_around(entry.loc)
        if rule and entry.loc is not None:
            found.setdefault(rule, entry.loc)
    for rule, loc in found.items():
        yield f"{bypassed(rule, loc)}. Instead: {rule}.apply(...)."


def bypassed(rule: str, loc: Loc | None = None) -> str:
    return (
        f"`{rule}.forward` was called directly, and is recorded itself{at(loc)}: `{rule}.backward` has no part in "
        "these gradients"
    )
