"""Where derivatives end in a followed run, as evidence."""

from __future__ import annotations

from funcgrad.core.tape import Node
from funcgrad.transforms.explain.calls import callee_text
from funcgrad.transforms.explain.evidence import End, Ending
from funcgrad.transforms.explain.follow import Departure, Entry, instruction
from funcgrad.transforms.explain.paths import Link, Vertex
from funcgrad.transforms.explain.wording import op_name

_STORES = frozenset(("STORE_SUBSCR", "STORE_SLICE"))
_STORED = frozenset(("numpy", "int", "float", "complex"))


def called(node: Node) -> str:
    """An operation of a followed run by the name that the user called."""
    call = node.call if isinstance(node, Entry) else None
    return call.name if call is not None and call.name else op_name(node)


def end_at(step: Vertex, link: Link) -> End:
    """What ends at a step: known by the name of the call, inside of which is the operation that has no derivative."""
    return end_of(link.inner or step.node)


def end_of(entry: Node) -> End:
    prim, name, written = entry.prim, called(entry), callee_text(entry.loc)
    assert prim is not None
    call = entry.call if isinstance(entry, Entry) else None
    if isinstance(prim, Departure):
        stores = prim.name in _STORED and instruction(entry.loc) in _STORES
        return End(name, Ending.LEFT, entry.loc, written, as_=prim.name, stores=stores, call=call)
    if name == "stop_gradient":
        return End(name, Ending.ASKED, entry.loc, written, prim=prim, call=call)
    return End(name, Ending.FLAT, entry.loc, written, dtype=(entry.params or {}).get("dtype"), prim=prim, call=call)
