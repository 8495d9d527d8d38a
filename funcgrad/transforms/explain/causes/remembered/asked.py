"""A. Never asked to be differentiated: tensors."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.remembered.words import at, may_be, places, variables
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.history import History
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order


@cause(5, 53, status=Status.NOT_DIFFERENTIABLE)
def no_float_tensor(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or e.ends or h.kind != "constant" or e.is_differentiable:
        return None
    return Finding(
        f"It has dtype {h.dtype}, and an integer has no derivative{at(h.made)}.",
        "a floating-point dtype: torch.tensor([1.0, 2.0]), or x.float()",
        places(h.made),
    )


def _kept(h: History) -> str:
    return " Its .grad was assigned: backward() neither fills nor clears it." if h.assigned is not None else ""


@cause(31, status=Status.NOT_REQUESTED)
def incoming_gradient(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.inside is None or h.kind != "constant":
        return None
    return Finding(
        f"It is an incoming gradient of the backward pass started{at(h.inside)}, which runs with grad mode off "
        "unless create_graph=True, so it is a plain value.",
        "backward(create_graph=True), or a gradient (grad_outputs) that itself requires grad",
    )


@cause(10, status=Status.NOT_REQUESTED)
def buffer(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.kind != "constant" or not h.buffer or e.ends:
        return None
    return Finding(
        f"It is the buffer `{h.buffer}` of a module: buffers are saved with it and never differentiated.",
        f"self.{h.buffer} = torch.nn.Parameter(...), where it is to be learned",
        places(h.made),
    )


@cause(4, status=Status.NOT_REQUESTED)
def frozen(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.kind != "constant" or h.frozen is None:
        return None
    return Finding(
        f"Its requires_grad was switched off by `{h.frozen.text}`{at(h.frozen.loc)}.{_kept(h)}",
        "requires_grad_() before it is used, where it is to be learned",
        places(h.frozen.loc, h.made),
    )


@cause(3, status=Status.NOT_REQUESTED)
def misspelt(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.kind != "constant" or not h.misspelt or e.ends:
        return None
    return Finding(
        f"It has an attribute `{h.misspelt}`, which means nothing to autograd; it was made{at(h.made)} without "
        "requires_grad=True.",
        "requires_grad = True, or requires_grad_()",
        places(h.made),
    )


@cause(1, 2, status=Status.NOT_REQUESTED)
def not_asked_for(e: Evidence) -> Finding | None:
    h = e.history
    if h is None or h.kind != "constant" or e.ends or not e.is_differentiable:
        return None
    remedy = "requires_grad=True there, or requires_grad_() before it is used"
    if h.made is not None and h.recent:
        left = f"It was made{at(h.made)} from plain numbers. {may_be(h)}"
        return Finding(left, _NUMBERS, places(h.made, h.recent[0].loc))
    if h.made is not None:
        return Finding(f"It was made{at(h.made)} without requires_grad=True.{_kept(h)}", remedy, places(h.made))
    if h.recent:
        return Finding(f"It does not require grad. {may_be(h)}", _NUMBERS, places(h.recent[0].loc))
    if h.near_unseen:
        written = in_order([f"`{name}`{at(loc)}" for name, loc in h.near_unseen])
        return Finding(
            f"It does not require grad. Written through .data were {written}: if it was made from that, what was "
            "written so has no history.",
            "the same write without .data",
            places(*(loc for _, loc in h.near_unseen)),
        )
    begin = "It does not require grad, nor does anything it was computed from, as far as tensors remember."
    if h.near_frozen:
        where = h.near_frozen[0][1]
        names = in_order([f"`{name}`" for name, _ in h.near_frozen])
        return Finding(
            f"{begin} In sight are {names}, whose requires_grad was switched off{at(where)}.",
            "requires_grad_() of what is to be learned",
            places(where),
        )
    if h.near_late:
        names = in_order(variables(h.near_late))
        verb = "requires" if len(h.near_late) == 1 else "require"
        return Finding(
            f"{begin} {names} {verb} grad only since requires_grad was set: what was computed before that is not "
            "recorded.",
            "requires_grad_() before it is used",
            places(*(made for _, made in h.near_late)),
        )
    if h.near:
        names = in_order(variables(h.near))
        verb = "was" if len(h.near) == 1 else "were"
        where = places(*(made for _, made in h.near))
        return Finding(f"{begin} {names} {verb} made without requires_grad=True.", remedy, where)
    return Finding(begin + _kept(h), "requires_grad=True where its leaves are made")


_NUMBERS = "the tensor itself in place of its numbers"
