"""Notes on PyTorch's errors: the cause, the line, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from funcgrad.core.provenance import at
from funcgrad.core.tape import Node, entries
from funcgrad.torch._explain.calls import called, written
from funcgrad.torch._explain.graph import Graph
from funcgrad.torch._explain.memory import constant_evidence
from funcgrad.torch._explain.names import Names, users_frame
from funcgrad.torch._explain.told import told
from funcgrad.torch._pass.gradfn import FREED, Freed
from funcgrad.torch._record.story import PASSES
from funcgrad.torch._record.tape import note_of, on_tape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.causes.remembered.stale import remedy_of, sentence_of
from funcgrad.transforms.explain.wording import in_order

UNTRACKED = "does not require grad and does not have a grad_fn"
MODIFIED = "has been modified by an inplace operation"
NOT_SCALAR = "grad can be implicitly created only for scalar outputs"
UNUSED = "appears to not have been used in the graph"


def annotate(error: BaseException, outputs: Sequence[Tensor], inputs: Sequence[Tensor] = ()) -> None:
    """Add what is known of its cause. An error has at most one note of ours."""
    if not getattr(error, "__notes__", None):
        with suppress(Exception):  # what goes wrong with a note must not take the place of the error
            note = _note(str(error), outputs, inputs)
            if note:
                error.add_note(f"funcgrad: {note}")


def _note(text: str, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> str:
    note = ""
    if UNTRACKED in text:
        note = _untracked(outputs[0])
    elif MODIFIED in text:
        note = _modified(outputs)
    elif text == FREED:
        note = _freed(outputs)
    elif NOT_SCALAR in text:
        note = _not_scalar(outputs)
    elif "is not implemented" in text:
        note = _lacking(outputs, text)
    elif UNUSED in text:
        note = _unused(outputs, inputs, text)
    return note


def _untracked(output: Tensor) -> str:
    names = Names(users_frame())
    leaf = told(constant_evidence(output, "it", names))
    return f"{leaf.message} (`t.explain_grad()` says more.)"


def _graph(outputs: Sequence[Tensor]) -> Graph | None:
    values = [t._read() for t in outputs]
    tracked = [(v.node, tuple(v.shape), v.dtype) for v in values if on_tape(v)]
    return Graph(tracked) if tracked else None


def _modified(outputs: Sequence[Tensor]) -> str:
    graph = _graph(outputs)
    change = None if graph is None else graph.changed(Names(users_frame()))
    return "" if change is None else f"{sentence_of(change)} Instead: {remedy_of(change)}."


def _freed(outputs: Sequence[Tensor]) -> str:
    """Which part of the graph an earlier pass has let go of: the newest of it that is still used."""
    graph = _graph(outputs)
    gone = [(e, e.saved.by) for e in graph.entries if type(e.saved) is Freed] if graph is not None else []
    earlier = [(e, by) for e, by in gone if by is not None and by is not PASSES[-1]]  # not by the one that ends here
    if not earlier:
        return ""
    last, passed = earlier[-1]
    what = f"what `{called(last)}`{at(last.loc)} saved was let go by {passed.called}(){at(passed.loc)}."
    if graph is not None and graph.entries[-1].seq > passed.when:
        return (
            f"{what} The graph goes on from its result: a state that is carried over from an earlier step is still "
            "linked to it. Instead: h = h.detach() between the steps, which then learn from their own step only."
        )
    return f"{what} Instead: retain_graph=True in that pass, or one backward() of the sum of the losses."


def _lacking(outputs: Sequence[Tensor], text: str) -> str:
    graph = _graph(outputs)
    for entry in () if graph is None else graph.entries:
        own = note_of(entry)
        if own is not None and own.lacks == text:
            remedy = "an operation that has a derivative, or the detach() of what is given"
            return f"it is `{called(entry)}`{at(entry.loc)}. Instead: {remedy}."
    return ""


def _not_scalar(outputs: Sequence[Tensor]) -> str:
    for output in outputs:
        value: Any = output._read()
        if value.shape and on_tape(value):
            made = f"the result of `{called(value.node)}`{at(value.node.loc)}" if value.node.prim is not None else "it"
            return (
                f"{made} has shape {tuple(value.shape)}. Instead: loss.mean() or .sum() of it, or "
                "backward(gradient) of the same shape; torch.autograd.functional.jacobian for all of its derivatives."
            )
    return ""


def _unused(outputs: Sequence[Tensor], inputs: Sequence[Tensor], text: str) -> str:
    graph = _graph(outputs)
    index = "".join(c for c in text.partition("index")[2].partition("appears")[0] if c.isdigit())
    if graph is None or not index or int(index) >= len(inputs):
        return ""
    node = inputs[int(index)]._read().node
    inside = {e.seq for e in graph.entries}
    parents = _nearest_inside(node, inside)
    if node.prim is None or not parents:
        return ""
    names = Names(users_frame())
    owners = [names.of(t) for t, leaf in graph.owners.values() if leaf in parents]
    what = f" of {owners[0]}" if owners else ""
    return (
        f"input {index} is the result of `{_operation(node)}`{what}{at(node.loc)}: a new tensor, which the output was "
        "not computed from. Instead: ask for the tensor itself, and take the part of its gradient."
    )


def _operation(node: Node) -> str:
    return written(node.loc) or called(node)


def _nearest_inside(node: Node, inside: set[int]) -> list[Node]:
    return [e for e in entries([node]) if e.seq in inside]


def computed_by(tensor: Tensor) -> str:
    """Which operation gave a tensor that is no leaf, and the leaves behind."""
    with suppress(Exception):
        return _computed_by(tensor)
    return ""


def _computed_by(tensor: Tensor) -> str:
    graph = _graph([tensor])
    if graph is None:
        return ""
    names = Names(users_frame())
    node = tensor._read().node
    leaves = [names.of(t) for t, _ in graph.owners.values()]
    behind = f", from {in_order(leaves)}" if leaves else ""
    return f"it was computed by `{called(node)}`{at(node.loc)}{behind}"
