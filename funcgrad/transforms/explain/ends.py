"""Where derivatives end in a followed run, as evidence."""

from __future__ import annotations

import numpy as np

from funcgrad.core.provenance import Loc
from funcgrad.core.tape import Node
from funcgrad.transforms.explain.calls import callee_text
from funcgrad.transforms.explain.evidence import End, Ending
from funcgrad.transforms.explain.fate import Fate
from funcgrad.transforms.explain.follow import Departure, Edge, Entry, instruction, reads_part
from funcgrad.transforms.explain.paths import Link, Paths, Vertex, carries
from funcgrad.transforms.explain.wording import op_name

_STORES = frozenset(("STORE_SUBSCR", "STORE_SLICE"))
_STORED = frozenset(("numpy", "int", "float", "complex"))


_TRANSFORMATIONS = frozenset(("jit", "grad", "value_and_grad", "vmap", "hessian", "jacobian", "jacrev", "jacfwd"))


def called(node: Node) -> str:
    """An operation of a followed run by the name that the user called."""
    call = node.call if isinstance(node, Entry) else None
    return call.name if call is not None and call.name else op_name(node)


def end_at(paths: Paths, step: Vertex, link: Link) -> End:
    """What ends at a step: the operation inside of the call that has no derivative, by the name of the call."""
    end = end_of(link.inner or step.node)
    again = link.edge is Edge.PAST or (link.edge is Edge.CHOICE and not carries(link.parent))
    index, branch = _only_use(paths, step)
    return end._replace(used_at=index, branch=branch, again=again, whole=_takes_whole(paths, step))


_WHOLE = frozenset(
    (
        *("bincount", "take", "take_along_axis", "choose", "repeat", "tile", "roll", "reshape", "split", "array_split"),
        *("unravel_index", "ravel_multi_index", "one_hot", "arange", "eye", "int", "numpy", "getitem"),
    )
)


_ON = frozenset(("clip", "reshape", "ravel", "minimum", "maximum", "astype", "int", "convert"))
"""Operations behind which a step moves in steps still, and is to be an integer."""


def _takes_whole(paths: Paths, step: Vertex) -> str:
    """What a result is given to that takes integers or truth values only, by the name it was called; or ""."""
    users = [user for user in paths.steps if any(link.parent is step.node for link in user.links)]
    for user in users:
        edges = [link.edge for link in user.links if link.parent is step.node]
        name = called(user.node)
        prim = user.node.prim.name if user.node.prim is not None else ""
        ufunc = getattr(np, name, None)
        floats = not isinstance(ufunc, np.ufunc) or any(t.startswith("d") for t in ufunc.types)
        indexes = edges == [Edge.CHOICE] and prim.startswith(("gather", "scatter", "slice", "dynamic"))
        if name in _WHOLE or prim in ("int", "numpy") or indexes or not floats:
            return name
    if len(users) == 1 and called(users[0].node) in _ON:
        return _takes_whole(paths, users[0])
    return ""


def _only_use(paths: Paths, step: Vertex) -> tuple[Loc | None, Loc | None]:
    """Where the result of a step is used as an index, or to choose a branch, if it is used for nothing else."""
    gone = [s.node for s in paths.downstream([step.node]) if isinstance(s.node.prim, Departure)]
    if gone and all(reads_part(node.loc) for node in gone):
        return gone[0].loc, None
    if gone and all(node.prim is not None and node.prim.name == "bool" for node in gone):
        return None, gone[0].loc
    return None, None


def end_of(entry: Node) -> End:
    prim, name, written = entry.prim, called(entry), callee_text(entry.loc)
    assert prim is not None
    call = entry.call if isinstance(entry, Entry) else None
    if isinstance(prim, Departure) and all(edge is Edge.PAST for _, edge in getattr(entry, "edges", ())):
        return End(name, Ending.FLAT, entry.loc, written, call=call)
    if isinstance(prim, Departure):
        stores = prim.name == "store" or (prim.name in _STORED and instruction(entry.loc) in _STORES)
        becomes = (entry.params or {}).get("fate", Fate.RETURNED)
        return End(
            name, Ending.LEFT, entry.loc, written, as_=prim.name, stores=stores, call=call, fate=becomes
        )
    if name == "stop_gradient":
        return End(name, Ending.ASKED, entry.loc, written, prim=prim, call=call)
    if name in _TRANSFORMATIONS:  # of a rule of ours within it, which says nothing to the user
        prim = None
    return End(name, Ending.FLAT, entry.loc, written, dtype=(entry.params or {}).get("dtype"), prim=prim, call=call)
