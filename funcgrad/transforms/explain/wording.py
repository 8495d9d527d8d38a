"""How reports say it: the words users know for operations, and the sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import Place, place
from funcgrad.core.tape import SELECT, Node
from funcgrad.transforms.explain.follow import Departure, instruction
from funcgrad.transforms.explain.paths import Fault
from funcgrad.transforms.explain.report import Cut, short

_WORDS = {
    "convert": "astype",
    "rint": "round",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "reduce_sum": "sum",
    "reduce_prod": "prod",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_any": "any",
    "reduce_all": "all",
    "slice_": "getitem",
    "gather": "getitem",
    "slice_set": "at[].set",
    "scatter_set": "at[].set",
    "slice_add": "at[].add",
    "scatter_add": "at[].add",
    "scatter_mul": "at[].multiply",
    "scatter_min": "at[].min",
    "scatter_max": "at[].max",
    "dot_general": "dot",
}
_CALLED = re.compile(r"([\w.]+)\(")
_FLAT_PARTS = frozenset(("maximum", "minimum", "clip", "fmax", "fmin", "abs"))
_STORES = frozenset(("STORE_SUBSCR", "STORE_SLICE"))
_NUMPYS = frozenset(("numpy", "int", "float", "complex"))
_LEFT_AS = {
    "int": "a Python int",
    "float": "a Python float",
    "complex": "a Python complex",
    "item": "a Python number",
    "tolist": "a Python list",
    "round": "a rounded Python number",
    "format": "text",
    "pickle": "a pickled array",
}


def op_name(node: Node) -> str:
    """An operation in the words of NumPy's users."""
    prim = node.parents[0].prim if node.prim is SELECT else node.prim  # type: ignore[union-attr]
    name = getattr(prim, "name", "leaf")
    call = (node.params or {}).get("call")
    if call is not None:
        return call.name
    return _WORDS.get(name, name)


def cut_of(entry: Node) -> Cut:
    """The cut that an entry makes."""
    where = place(entry.loc)
    prim = entry.prim
    assert prim is not None
    called = _CALLED.match(where.source[where.col : where.end_col])
    function = called.group(1) if called else ""
    if isinstance(prim, Departure):
        return _departure(entry, prim, where, function)
    if prim.name == "stop_gradient":
        if "stop_gradient" in function or not function:
            return Cut("stop_gradient", where, "it was asked for", "x itself, where its derivative is wanted")
        name = function.rpartition(".")[2]
        return Cut(name, where, f"`{name}` has no derivative", "a smooth function of the values")
    why = prim.flat or "it has no derivative in this argument"
    if prim.name == "convert":
        why = f"it casts to {entry.params['dtype']}, and {why}"
    return Cut(op_name(entry), where, why, prim.remedy or "an operation that has a derivative")


def _departure(entry: Node, prim: Departure, where: Place, function: str) -> Cut:
    op = prim.name
    if op in _NUMPYS and instruction(entry.loc) in _STORES:
        remedy = "b = fnp.at(b)[i].set(x), or np.stack of a list"
        return Cut("setitem", where, "a plain array keeps the number and not where it came from", remedy)
    if op == "bool":
        return Cut("bool", where, "the value only decides which branch runs", "np.where(condition, x, y)")
    if op in _NUMPYS and function.startswith("math."):
        return Cut(
            function, where, "the value left as a Python number", f"np.{function[5:]}, which is followed"
        )
    if op == "numpy":
        what = f"`{function}` takes a plain array" if function else "the value left as a plain array"
        return Cut("numpy", where, what, "the value as it is, with the functions of NumPy or funcgrad")
    if op in _LEFT_AS:
        return Cut(
            op, where, f"the value left as {_LEFT_AS[op]}", "the value as it is, without the conversion"
        )
    return Cut(op, where, f"`{op}` has no derivative here", "a function that `dir(funcgrad.numpy)` lists")


def in_order(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def number(n: int) -> str:
    return str(n) if n < 10**6 else f"{n:.1e}" if n < 10**300 else f"10^{len(str(n)) - 1}"


def times(total: int) -> str:
    """The start of a sentence on all paths."""
    if total == 1:
        return "The only path to the output"
    return f"{'Both' if total == 2 else 'All'} of its {number(total)} paths to the output"


def cut_sentence(cuts: Sequence[Cut], paths: int, consequence: str = "") -> str:
    """What cuts, why, and what to write instead, for at most three cuts."""
    verb = "is cut" if paths == 1 else "are cut"
    named = [f"`{cut.op}` at {short(cut.place)}" for cut in cuts[:3]]
    if len(cuts) > 3:
        named.append(f"{len(cuts) - 3} more")
    reasons = dict.fromkeys((cut.op, cut.why, cut.remedy) for cut in cuts[:3])
    sentences = [
        f"{f'`{op}`: {why}' if len(reasons) > 1 else f'{why[0].upper()}{why[1:]}'}. Instead: {remedy}."
        for op, why, remedy in reasons
    ]
    return f"{verb} by {in_order(named)}{consequence}. {' '.join(sentences)}"


def gradient_summary(gradient: np.ndarray) -> str:
    if gradient.size == 1:
        return f"The gradient is {gradient.reshape(())[()]:.6g}."
    if not gradient.size:
        return "It has no elements."
    zeros = gradient.size - np.count_nonzero(gradient)
    rest = f", and {zeros} of {gradient.size} elements are zero" if zeros else ""
    return (
        f"The gradient has shape {gradient.shape}, its largest element is {np.abs(gradient).max():.3g}{rest}."
    )


def lead(live: int) -> str:
    return "One path leads" if live == 1 else f"{number(live)} paths lead"


def sentence_of_zero(dead: Sequence[Node], live: int) -> tuple[Any, ...]:
    start = f"{lead(live)} to the output, but the derivative is zero at this value"
    if not dead:
        return (f"{start}.",)
    named = []
    for node in dead[:3]:
        name, where = op_name(node), short(place(node.loc))
        reason = "its derivative is zero here"
        if name in _FLAT_PARTS:
            reason = "all elements are in its flat part"
        elif name == "where":
            reason = "all elements are in the branch not taken"
        elif name == "mul":
            reason = "the other factor is zero"
        named.append(f"`{name}` at {where} ({reason})")
    return (f"{start}: it ends in {in_order(named)}.", *(place(node.loc) for node in dead))


def sentence_of_cancelling(node: Node, live: int) -> tuple[Any, ...]:
    start = f"{lead(live)} to the output, and their contributions cancel"
    rest = "to first order the output does not change with it"
    if node.prim is None:
        return (f"{start}: {rest}.",)
    where = place(node.loc)
    return f"{start} at the result of `{op_name(node)}` at {short(where)}: {rest}.", where


def sentence_of_fault(fault: Fault, kind: str) -> tuple[Any, ...]:
    where = place(fault.node.loc)
    name = op_name(fault.node)
    element = f", element {', '.join(map(str, fault.element))}" if fault.element else ""
    start = f"The gradient is {kind}: it became so in the derivative of `{name}` at {short(where)}{element}"
    if fault.masked is None:
        return (
            f"{start}. Keep its argument away from that point, for example by adding a small constant.",
            where,
        )
    mask = place(fault.masked.loc)
    return (
        f"{start}, which `{op_name(fault.masked)}` at {short(mask)} throws away; but 0 * inf is NaN. "
        f"Guard the input: `{name}(where(condition, x, 1))`, so that it is never evaluated there.",
        where,
        mask,
    )
