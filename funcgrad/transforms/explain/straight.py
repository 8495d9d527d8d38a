"""Cuts that are meant, and leave nothing out: the value of a step with the derivative of the line through it, and the
largest element in a softmax."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from funcgrad.core.provenance import Place, place
from funcgrad.core.tape import Node
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.fate import code_around
from funcgrad.transforms.explain.follow import Entry
from funcgrad.transforms.explain.sources import MODULES, around_all, root, written


def without_straight_through(e: Evidence) -> None:
    """Take the cuts of `x + stop_gradient(g(x) - x)` away, where a derivative comes back: they are asked for."""
    spans = [span for span in map(_stopped, e.ends) if span is not None]
    if not e.live or not spans:
        return
    e.ends = tuple(end for end in e.ends if not any(_is_in(end, span) for span in spans))
    if not e.ends:
        e.total = e.live


def without_largest(e: Evidence) -> None:
    """Take the cuts of `x.max()` away, where a derivative comes back, that is taken from x for the exponentials: the
    derivative is the same without it."""
    if e.live and any(map(_is_largest, e.ends)):
        e.ends = tuple(end for end in e.ends if not _is_largest(end))
        e.total = e.live + (e.total - e.live if e.ends else 0)


_LARGEST = frozenset(("max", "amax", "maximum"))
_AROUND = frozenset(("values", "detach", "data", "unsqueeze", "view", "reshape"))
_EXPONENTIALS = frozenset(("exp", "exp_", "softmax", "log_softmax", "logsumexp", "exp2"))


def _is_largest(end: End) -> bool:
    tree = code_around(end.loc) if end.of_tensor and end.kind in (Ending.ASKED, Ending.OFF) else None
    call = written(end.loc)
    of = None if tree is None or call is None else _largest_of(call.node)
    if tree is None or of is None:
        return False
    nodes = list(ast.walk(tree))
    assigned = [(n.targets[0], n.value) for n in nodes if isinstance(n, ast.Assign)]
    names = {ast.unparse(target) for target, value in assigned if _largest_of(value) == of}

    def is_shifted(node: ast.AST) -> bool:
        minus = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and ast.unparse(node.left) == of
        return minus and (_largest_of(node.right) == of or ast.unparse(node.right) in names)  # type: ignore[attr-defined]

    shifted = {ast.unparse(n) for n in nodes if is_shifted(n)}
    shifted |= {ast.unparse(target) for target, value in assigned if any(map(is_shifted, ast.walk(value)))}
    exponentials = [n for n in nodes if isinstance(n, ast.Call) and _name_of(n.func) in _EXPONENTIALS]
    return any(isinstance(n, ast.expr) and ast.unparse(n) in shifted for call in exponentials for n in ast.walk(call))


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _largest_of(node: ast.AST) -> str | None:
    """What an expression such as `x.max(1, keepdim=True).values.detach()` is the largest element of."""
    while True:
        if (isinstance(node, ast.Attribute) and node.attr in _AROUND) or isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _AROUND:
            node = node.func.value
        else:
            break
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _LARGEST:
        return None
    of = node.args[0] if root(node.func.value) in MODULES and node.args else node.func.value
    return ast.unparse(of)


def _stopped(end: End) -> Place | None:
    """The place of `stop_gradient(g - x)` or `(g - x).detach()`, where `x` is added to it."""
    call = written(end.loc) if end.called in ("stop_gradient", "detach") else None
    if call is None or not isinstance(call.node, ast.Call):
        return None
    function = call.node.func
    of_method = end.called == "detach" and isinstance(function, ast.Attribute)
    stopped = function.value if of_method else next(iter(call.node.args), None)  # type: ignore[attr-defined]
    if not isinstance(stopped, ast.BinOp) or not isinstance(stopped.op, ast.Sub):
        return None
    line = ast.unparse(stopped.right)
    sums = [s for s in around_all(call.place, ast.BinOp) if isinstance(s.op, ast.Add)]
    return call.place if any(line in (ast.unparse(s.left), ast.unparse(s.right)) for s in sums) else None


def _is_in(end: End, span: Place) -> bool:
    where = place(end.loc)
    if where[:2] != span[:2] or None in (where.col, where.end_col, span.col, span.end_col):
        return False
    return span.col <= where.col and where.end_col <= span.end_col  # type: ignore[operator]


class _Term(NamedTuple):
    """A term of a sum, its sign, and the stop_gradients that it goes through."""

    node: Node
    sign: int
    stops: tuple[int, ...]


DEEPEST = 6
"""How many sums and differences within each other are looked at."""


def straight_through(entries: Iterable[Entry]) -> frozenset[int]:
    """The stop_gradients, by `seq`, of the sums of a followed run that add `x` and subtract `stop_gradient(x)`."""
    found: set[int] = set()
    for entry in entries:
        if entry.parents and entry.edges and entry.prim is not None and entry.prim.name in ("add", "sub"):
            terms = list(_terms(entry, 1, (), DEEPEST))
            lines = {(t.node.seq, t.sign) for t in terms if not t.stops}
            if any(t.stops and (t.node.seq, -t.sign) in lines for t in terms):
                found.update(seq for t in terms for seq in t.stops)
    return frozenset(found)


def _terms(node: Node, sign: int, stops: tuple[int, ...], depth: int) -> Iterator[_Term]:
    name = node.prim.name if node.prim is not None else ""
    operands = _operands(node) if depth and name in ("add", "sub", "neg", "convert", "stop_gradient") else []
    if not operands:
        yield _Term(node, sign, stops)
    else:
        stops = (*stops, node.seq) if name == "stop_gradient" else stops
        flips = {"sub": (1, -1), "neg": (-1,)}.get(name, (1, 1))
        for operand, flip in zip(operands, flips):
            if operand is not None:
                yield from _terms(operand, flip * sign, stops, depth - 1)


def _operands(node: Node) -> list[Node | None]:
    """What an entry was given, in order; empty where that is not known."""
    others = [parent for parent, _ in node.edges] if isinstance(node, Entry) else []
    if node.parents:
        rest = iter(others)
        return [parent if parent is not None else next(rest, None) for parent in node.parents]
    of_two = node.prim is not None and node.prim.name in ("add", "sub")
    return list(others) if len(others) == 2 or not of_two else []
