"""How reports say it: the words users know for operations, and the sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from funcgrad.core.tape import SELECT, Node
from funcgrad.transforms.explain.report import Cut, short

_WORDS = {
    "convert": "astype",
    "rint": "round",
    "mul": "multiply",
    "div": "divide",
    "pow": "power",
    "sub": "subtract",
    "neg": "negative",
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


def op_name(node: Node) -> str:
    """An operation in the words of NumPy's users."""
    prim = node.parents[0].prim if node.prim is SELECT else node.prim  # type: ignore[union-attr]
    name = getattr(prim, "name", "leaf")
    call = (node.params or {}).get("call")
    if call is not None:
        return call.name
    return _WORDS.get(name, name)


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
    named = [f"`{cut.op}` at {short(cut.place)}" for cut in cuts[:3] if not cut.again]
    again = [f"`{cut.op}` at {short(cut.place)}" for cut in cuts[:3] if cut.again]
    named, again = list(dict.fromkeys(named)), list(dict.fromkeys(again))
    if len(cuts) > 3:
        (again or named).append(f"{len(cuts) - 3} more")
    reasons: dict[tuple[str, str], list[Cut]] = {}
    for cut in cuts[:3]:
        if cut.again and cut.cause == "branch" and len(cuts) > 1:  # said of the comparison before
            continue
        reasons.setdefault((cut.op, cut.why), []).append(cut)
    sentences = []
    for (op, why), given in reasons.items():
        remedies = _joined(list(dict.fromkeys(cut.remedy for cut in given)))
        start = f"`{op}`: {why}" if len(reasons) > 1 else f"{why[0].upper()}{why[1:]}"
        sentences.append(f"{start}. Instead: {remedies}.")
    twice = f", and again by {in_order(again)}" if again and named else ""
    return f"{verb} by {in_order(named or again)}{twice}{consequence}. {' '.join(sentences)}"


_WANTED = ", where its derivative is wanted"


def _joined(remedies: Sequence[str]) -> str:
    """Remedies in one sentence, in which what all end in is said once."""
    if len(remedies) > 1 and all(remedy.endswith(_WANTED) for remedy in remedies):
        return in_order([remedy.removesuffix(_WANTED) for remedy in remedies]) + _WANTED
    return in_order(remedies)


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
