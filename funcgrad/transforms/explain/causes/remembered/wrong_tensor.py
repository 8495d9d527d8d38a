"""B. Looking at the wrong tensor."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause, cut_of
from funcgrad.transforms.explain.causes.remembered.words import at, function_of, pass_of, places
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.history import History
from funcgrad.transforms.explain.places import short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, in_order


def _computed(e: Evidence) -> bool:
    return e.history is not None and e.history.kind == "computed"


@cause(19, status=Status.NOT_LEAF)
def retained_too_late(e: Evidence) -> Finding | None:
    h = e.history
    if not _computed(e) or e.gradient is not None or h.retained is None:
        return None
    before = [g for g in h.others if g.when < h.retained.when]
    if not before or any(g.when > h.retained.when for g in h.others):
        return None
    return Finding(
        f"It was computed by `{h.op}`{at(h.loc)}, and `retain_grad()`{at(h.retained.loc)} came after "
        f"{pass_of(before[-1])}.",
        "retain_grad() before backward()",
        places(h.loc, h.retained.loc, before[-1].loc),
    )


@cause(13, status=Status.NOT_LEAF)
def replaced_at_once(e: Evidence) -> Finding | None:
    h = e.history
    if not _computed(e) or e.gradient is not None or h.rebound != "same line":
        return None
    return Finding(
        f"It is no leaf: the leaf was made on the same line{at(h.loc)}, has no name, and was replaced by the result of "
        f"`{h.op}`.",
        "requires_grad_() last, on the finished tensor",
        places(h.loc),
    )


@cause(17, status=Status.NOT_LEAF)
def rebound(e: Evidence) -> Finding | None:
    h = e.history
    if not _computed(e) or e.gradient is not None or not h.rebound or h.retained is not None:
        return None
    return Finding(
        f"It is no leaf: the assignment to `{h.rebound}`{at(h.loc)} put the result of `{h.op}` in its place, and "
        "backward() keeps gradients of leaves only.",
        f"with torch.no_grad(): {_itself(e, h.rebound)} -= ..., which changes the leaf itself",
        places(h.loc),
    )


def _itself(e: Evidence, variable: str) -> str:
    """The tensor itself, where the variable holds several: the assignment made a list or a dict of them."""
    asked = e.path.strip("`")
    return asked if asked.startswith(f"{variable}[") else variable


@cause(12, 18, status=Status.NOT_LEAF)
def no_leaf(e: Evidence) -> Finding | None:
    h = e.history
    if not _computed(e) or e.gradient is not None:
        return None
    from_ = f" Its leaves: {in_order(h.leaves)}." if h.leaves else ""
    if h.retained is not None:
        return Finding(
            f"It was computed by `{h.op}`{at(h.loc)}, and no backward pass has reached it since "
            f"`retain_grad()`{at(h.retained.loc)}: call backward().{from_}",
            "",
            places(h.loc, h.retained.loc),
        )
    return Finding(
        f"It was computed by `{h.op}`{at(h.loc)}, and backward() keeps gradients of leaves only.{from_} For its own: "
        "retain_grad() before backward().",
        "",
        places(h.loc),
    )


@cause(12, 20, status=Status.FLOWS)
def retained(e: Evidence) -> Finding | None:
    h = e.history
    if not _computed(e) or e.gradient is None:
        return None
    text = f"It was computed by `{h.op}`{at(h.loc)}, and retains its gradient. {gradient_summary(e.gradient)}"
    if h.rewritten is None:
        return Finding(text, "", places(h.loc))
    return Finding(
        f"{text} It is that of the value after `{h.rewritten.text}`{at(h.rewritten.loc)}, which came after "
        "retain_grad(): for the value before, an operation that makes a new tensor.",
        "",
        places(h.loc, h.rewritten.loc),
    )


def _waits(e: Evidence) -> bool:
    return e.history is not None and e.history.kind == "leaf" and e.gradient is None and not e.ends


def _was_asked(h: History) -> bool:
    """Whether the last that came by it was `autograd.grad`, which returned its gradient."""
    return h.asked is not None and (not h.others or h.asked.when >= h.others[-1].when)


@cause(31, status=Status.NOT_RUN)
def returned(e: Evidence) -> Finding | None:
    """`autograd.grad` has returned its gradient."""
    h = e.history
    if not _waits(e) or h.asked is None or (h.cleared is not None and h.cleared.when > h.asked.when):
        return None
    text = f"{pass_of(h.asked)} returned its gradient: it fills no .grad."
    if h.asked_verdict is not None:
        found = h.asked_verdict.finding
        return found._replace(sentence=f"{text} {found.sentence}", places=(*places(h.asked.loc), *found.places))
    return Finding(text, "loss.backward(), which does", places(h.asked.loc))


@cause(21, status=Status.NOT_RUN)
def cleared(e: Evidence) -> Finding | None:
    h = e.history
    if not _waits(e) or h.cleared is None:
        return None
    return Finding(
        f"Its gradient was cleared by `{h.cleared.text}`{at(h.cleared.loc)}, and no backward pass has reached it "
        "since.",
        "",
        places(h.cleared.loc),
    )


@cause(59, status=Status.UNUSED)
def rule_gave_none(e: Evidence) -> Finding | None:
    """A rule of the user's has returned None where it is an input, or behind one."""
    h = e.history
    if not _waits(e) or e.total or h.denied is None or (h.cleared is not None and h.cleared.when > h.denied.when):
        return None
    return Finding(
        f"{pass_of(h.denied)} brought it nothing: `{function_of(h.denier)}`{at(h.denier)} returned None for an input "
        "that needs a gradient.",
        "a gradient for each input that needs one",
        places(h.denied.loc, h.denier),
    )


@cause(60, 79, status=Status.UNUSED)
def not_reached(e: Evidence) -> Finding | None:
    """Passes have run since it was made, over values that are not computed from it."""
    h = e.history
    if not _waits(e) or e.total or not h.others or h.missed_ends or h.told_cuts or _was_asked(h):
        return None
    last = h.others[-1]
    if last.called != "backward":
        return Finding(
            f"{pass_of(last)} fills no .grad but of what it is given, and this tensor was not among it.",
            "loss.backward()",
            places(last.loc),
        )
    text = f"{pass_of(last)} has run since it was made and did not come to it: "
    if h.told:
        left = cut_of(h.told[-1])
        return Finding(
            f"{text}a value computed from it left by `{left.op}` at {short(left.place)}, and what is made of that is a "
            "constant.",
            "the tensor itself in place of its numbers",
            (left.place, *places(last.loc)),
            (left.fix,) if left.fix is not None else (),
        )
    return Finding(
        f"{text}the value on which it was called is not computed from this tensor, or only through values that tensors "
        "do not remember.",
        "",
        places(last.loc),
    )


@cause(12, status=Status.NOT_RUN)
def before_any_pass(e: Evidence) -> Finding | None:
    h = e.history
    if not _waits(e):
        return None
    if e.total and h.predicted:
        return Finding(
            f"{_paths(e.live)} to the tensor. What comes back is not foretold where a rule, a hook or a compiled "
            "function stands on the way: call backward()."
        )
    if e.total:
        return Finding(f"{_paths(e.live)} to the tensor, but its grad is None: call backward().")
    text = "No backward pass has reached it: call backward() on a value that is computed from it."
    if h.told:
        name = h.told[-1].written or h.told[-1].called
        text += f" A value computed from it left by `{name}`{at(h.told[-1].loc)}: what is made of that is a constant."
    return Finding(text, "", places(*(end.loc for end in h.told[-1:])))


def _paths(live: int) -> str:
    return "One path leads" if live == 1 else f"{live} paths lead"


@cause(0, status=Status.NOT_RUN)
def assigned(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is None or h.count or h.predicted or h.assigned is None:
        return None
    return Finding(
        f"Its grad was assigned{at(h.assigned.loc)}: no backward pass has reached it yet.", "", places(h.assigned.loc)
    )
