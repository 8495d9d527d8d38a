"""C. Cut on purpose: tensors."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, Reason, cause, cuts_of, ends
from funcgrad.transforms.explain.causes.remembered.words import at, pass_of, places
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import cut_sentence

_OF_TENSORS = {
    "detach": ("its derivative was asked to end here", "the tensor itself, where its derivative is wanted"),
    "detach_": ("its derivative was asked to end here", "the tensor as it was, where its derivative is wanted"),
    "data": ("`.data` is the value without its history", "the tensor itself"),
    "Parameter": (
        "a Parameter is a new leaf, whatever its value was computed from",
        "the tensor it is computed from as the Parameter, and the computation in forward()",
    ),
    "grad": (
        "gradients are plain values unless create_graph=True",
        "torch.autograd.grad(..., create_graph=True), where they are to be differentiated",
    ),
    "backward": (
        "gradients are plain values unless create_graph=True",
        "backward(create_graph=True), or better torch.autograd.grad(..., create_graph=True)",
    ),
    "no_grad": ("recording was off", "the same line where it is on"),
    "item": ("the value left as a Python number", "the tensor itself: a 0-d tensor adds up like a number"),
    "tolist": ("the values left as Python numbers", "the tensor itself, or torch.stack of several"),
    "numpy": ("NumPy's operations are not recorded", "torch's operations on the tensor itself"),
    "tensor": ("the copy is a new tensor without a history", "t.clone(), or torch.stack of a list of tensors"),
    "from_numpy": ("an array has no history", "torch's operations on the tensor itself"),
}


@ends(23, 25, 14, 31, 33, 35, 37, 38, 39)
def of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.as_ not in _OF_TENSORS:
        return None
    why, remedy = _OF_TENSORS[end.as_]
    op = end.written if end.kind is Ending.LEFT and end.written.startswith("math.") else ""
    if op:
        remedy = f"torch.{op[5:]}"
    return Reason(why, remedy, op)


@ends(31)
def in_a_backward(end: End) -> Reason | None:
    if end.as_ != "inside backward":
        return None
    why = "a backward pass is not recorded itself, so what comes in requires no gradient"
    return Reason(why, "backward(create_graph=True), or a gradient (grad_outputs) that itself requires grad")


@ends(27, 30, 32, "59a")
def recording_off(end: End) -> Reason | None:
    if not end.of_tensor or end.as_ != "off":
        return None
    if end.called == "forward":
        return Reason(
            f"values inside of {end.written}.forward are not recorded: the rule stands for them",
            f"{end.written}.apply(...), whose result is recorded, and autograd outside of the rule",
        )
    if end.called == "once_differentiable":
        return Reason(
            f"{end.written} is marked once_differentiable{at(end.back)}", "a backward of operations that are recorded"
        )
    if end.called == "backward":
        why = f"the backward pass{at(end.back)} runs with recording off unless create_graph=True"
        return Reason(why, "create_graph=True there")
    name = f"`{end.called}`" + (f" around `{end.written}`" if end.written else "")
    remedy = "set_grad_enabled(True) before it" if end.called == "set_grad_enabled" else "the same line outside of it"
    return Reason(f"recording had been switched off by {name}{at(end.back)}", remedy)


@cause(23, 25, 27, 31, 33, 35, 46, 47, 48, status=Status.CUT)
def of_a_constant(e: Evidence) -> Finding | None:
    """A tensor that does not require grad, though what it was computed from did."""
    if e.history is None or e.history.kind != "constant" or not e.ends:
        return None
    return Finding(f"It does not require grad: what it was computed from {cut_sentence(cuts_of(e), 1)}")


@cause(23, 25, 27, 33, status=Status.CUT)
def passed_by(e: Evidence) -> Finding | None:
    """A leaf that a pass has gone by: the value it began at was cut off."""
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is not None or e.total or h.missed is None or not h.missed_ends:
        return None
    e.ends, e.total = h.missed_ends, 1
    return Finding(
        f"The value on which {pass_of(h.missed)} was called {cut_sentence(cuts_of(e), 1)}", "", places(h.missed.loc)
    )


@cause(14, 23, 38, 39, status=Status.CUT)
def told(e: Evidence) -> Finding | None:
    """A leaf of which something was computed that was cut off, and that no pass has reached."""
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is not None or e.total:
        return None
    cut = h.told_cuts
    if not cut or h.cleared is not None or h.asked is not None:
        return None
    e.ends, e.total = cut, 1
    return Finding(f"No backward pass has reached it. What was computed from it {cut_sentence(cuts_of(e), 1)}")
