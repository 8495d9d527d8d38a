"""H. Changed in place, or stale: tensors."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.remembered.words import at, pass_of, places
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.history import Changed
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, in_order


@cause(73, 76, 28, status=Status.REFUSED)
def ended_in_an_error(e: Evidence) -> Finding | None:
    """A pass over it ended in an error, and none has brought a gradient."""
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is not None or h.refused is None or h.cleared is not None:
        return None
    return Finding(
        f"{pass_of(h.refused)} went over it and ended in an error, so it brought nothing: {h.refused.refused}.",
        "",
        places(h.refused.loc),
    )


def sentence_of(c: Changed) -> str:
    """Who saved, who wrote, and what to write instead."""
    what = f"{c.name}, which `{c.saver}`{at(c.saved)} saved" if c.name else f"What `{c.saver}`{at(c.saved)} saved"
    what = what[0].upper() + what[1:]
    if c.write is None:
        return f"{what} for its derivative was changed in place since (version {c.versions[0]}, now {c.versions[1]})."
    return f"{what} for its derivative was changed in place by `{c.write.text}`{at(c.write.loc)}."


def remedy_of(c: Changed) -> str:
    text = "" if c.write is None else c.write.text
    if ".step(" in text or text == "step":
        return "backward() before that step, or the forward pass again after it"
    if "=" in text and text.partition("=")[0].rstrip("+-*/ ").strip().isidentifier():
        name = text.partition("=")[0].rstrip("+-*/ ").strip()
        operator = text[len(name) :].strip()[:1]
        if operator in "+-*/":
            return f"{name} = {name} {operator} {text.partition('=')[2].strip()}, which makes a new tensor"
    return "an operation that makes a new tensor (y = y + 1 in place of y += 1), or a clone() of what is written"


@cause(68, 69, 70, 71, status=Status.MODIFIED)
def changed_in_place(e: Evidence) -> Finding | None:
    h = e.history
    c = None if h is None else h.changed
    if c is None:
        return None
    where = places(c.saved, None if c.write is None else c.write.loc)
    return Finding(f"{sentence_of(c)} backward() refuses.", remedy_of(c), where)


@cause(74, status=Status.ACCUMULATED)
def summed(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or e.gradient is None or h.count < 2 or h.kind != "leaf" or h.predicted:
        return None
    lines = in_order(list(dict.fromkeys(pass_of(g) for g in reversed(h.passes))))
    since = f"since it was cleared{at(h.cleared.loc)}" if h.cleared is not None else "and was never cleared"
    remedy = "optimizer.zero_grad() before backward(), where only the last is meant"
    none = ""
    if h.left_out:
        none = " No optimizer holds it: step() and zero_grad() do nothing to it."
        remedy = "an optimizer made of the parameters as they are now, or of all of them"
    return Finding(
        f"Its gradient is the sum of {h.count} backward passes {since}: {lines}. {gradient_summary(e.gradient)}{none}",
        remedy,
        places(*(g.loc for g in h.passes)),
    )


@cause(21, status=Status.ZERO)
def zeroed(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or not e.is_zero or h.written is None:
        return None
    brought = f"{pass_of(h.passes[0])} brought a gradient, and " if h.passes else ""
    return Finding(
        f"{brought}`{h.written.text}`{at(h.written.loc)} has set it to zero since.",
        "",
        places(h.written.loc, *(g.loc for g in h.passes[:1])),
    )
