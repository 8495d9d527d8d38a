"""`Tensor.explain_grad()`: why `t.grad` is what it is. It reads what the tape and the tensors remember."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from funcgrad.core.provenance import Loc, Place, here, is_internal, place
from funcgrad.core.tape import Node, entries
from funcgrad.torch._record.story import Cut as Noted
from funcgrad.torch._record.tape import note_of, on_tape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.paths import Paths, vertices
from funcgrad.transforms.explain.picture import picture
from funcgrad.transforms.explain.report import Cut, Leaf, Report, short
from funcgrad.transforms.explain.wording import (
    cut_sentence,
    gradient_summary,
    in_order,
    lead,
    number,
    op_name,
)

_REMEDIES = {
    "detach": ("its derivative was asked to end here", "the tensor itself, where its derivative is wanted"),
    "detach_": (
        "its derivative was asked to end here",
        "the tensor as it was, where its derivative is wanted",
    ),
    "data": ("`.data` is the value without its history", "the tensor itself"),
    "no_grad": (
        "recording was off (`no_grad` or a grad mode left off)",
        "the same line outside of that block",
    ),
    "item": ("the value left as a Python number", "the tensor itself: a 0-d tensor adds up like a number"),
    "tolist": ("the values left as Python numbers", "the tensor itself, or torch.stack of several"),
    "numpy": ("NumPy's operations are not recorded", "torch's operations on the tensor itself"),
    "tensor": (
        "the copy is a new tensor without a history",
        "t.clone(), or torch.stack of a list of tensors",
    ),
    "from_numpy": ("an array has no history", "torch's operations on the tensor itself"),
    "to": ("an integer has no derivative", "a floating-point dtype"),
}
_NUMPYS = ("numpy", "from_numpy")
"""These only take over a value that had been cut off before."""
_LOOKS = ("item", "tolist")
"""Often used to print a value that is not cut off."""
_ASSIGNED = re.compile(r"(?:self\.)?(\w+)\s*(?::[^=]+)?=[^=]")
_ASKED = re.compile(r"(.+?)\s*\.explain_grad\(")


def explain_grad(tensor: Tensor) -> Report:
    """Why `tensor.grad` is what it is: a `Report` on the tensor and the leaves it was computed from.

    It works after the fact, with nothing switched on before, and changes nothing.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = x.detach().sum()
    >>> [leaf.status for leaf in loss.explain_grad().leaves]
    ['cut', 'cut']
    """
    where = place(here())
    asked = _ASKED.match(where.source[where.col : where.end_col])
    path = f"`{asked.group(1)}`" if asked else "the tensor"
    value = tensor._read()
    if not on_tape(value):
        leaves = [_untracked(tensor, path), *_cut_off(tensor, {})]
        return Report("Gradient of a Tensor", leaves)
    if value.node.prim is None:
        return Report("Gradient of a leaf Tensor", [_own(tensor, path)])
    found = _Graph(tensor, value.node)
    leaves = [found.itself(path), *found.leaves(), *_cut_off(tensor, found.owners)]
    nodes = [(_named(t), node) for t, node in found.owners.values()]
    return Report("Gradient of a Tensor", leaves, (), picture(found.paths, nodes, [value.node]))


def _cuts(noted: Sequence[Noted]) -> tuple[Cut, ...]:
    """What tensors remember of cuts, in the order of the reports: nearest to the leaf first."""
    found = []
    for op, loc, *_ in reversed(noted):
        name = op.partition("(")[0]
        why, remedy = _REMEDIES.get(name, ("it is not recorded", "an operation that is"))
        found.append(
            Cut(name, place(loc), f"it gives {op[3:-1]}, and {why}" if name == "to" else why, remedy)
        )
    return tuple(dict.fromkeys(found))


def _grad(tensor: Tensor) -> Any:
    return None if tensor._grad is None else np.array(tensor._grad._array())


def _line(loc: Loc | None) -> str:
    return f" at {short(place(loc))}" if loc is not None else ""


def _places(*locs: Loc | None) -> tuple[Place, ...]:
    return tuple(place(loc) for loc in locs if loc is not None)


def _named(tensor: Tensor) -> str:
    """The variable that a leaf was assigned to where it was made, or that line."""
    story = tensor._own_story
    if story is None or story.made is None:
        return "a leaf"
    where = place(story.made)
    name = _ASSIGNED.match(where.source)
    return f"`{name.group(1)}` ({short(where)})" if name else f"the leaf made at {short(where)}"


# a leaf that requires grad


def _status(grad: np.ndarray) -> str:
    if np.isnan(grad).any():
        return "nan"
    if np.isinf(grad).any():
        return "inf"
    return "zero" if grad.size and not grad.any() else "flows"


def _own(tensor: Tensor, path: str) -> Leaf:
    story = tensor._story
    grad = _grad(tensor)
    if grad is not None and not story.passes:
        return Leaf(path, "not_run", "Its grad was assigned: no backward pass has reached it yet.", grad=grad)
    if grad is not None:
        loc = story.passes[0].loc
        message = f"backward(){_line(loc)} brought its gradient. {gradient_summary(grad)}"
        return Leaf(path, _status(grad), message, paths_total=1, grad=grad, places=_places(loc))
    if story.missed is not None:
        loc, noted = story.missed.loc, story.missed.cuts
        cuts = _cuts(noted)
        message = f"The value on which backward(){_line(loc)} was called {cut_sentence(cuts, 1)}"
        return Leaf(path, "cut", message, cuts, 1, 1, places=_places(loc))
    if story.cleared is not None:
        message = (
            f"Its gradient was cleared{_line(story.cleared.loc)}, and no backward pass has reached it since."
        )
        return Leaf(path, "not_run", message, places=_places(story.cleared.loc))
    cuts = _cuts([noted for noted in story.cuts if noted.op not in _LOOKS])
    if cuts:
        message = f"No backward pass has reached it. What was computed from it {cut_sentence(cuts, 1)}"
        return Leaf(path, "cut", message, cuts, _ends(story.cuts), _ends(story.cuts))
    looked = _cuts(story.cuts)
    message = "No backward pass has reached it: call backward() on a value that is computed from it."
    if looked:
        message += f" A value that was computed from it {cut_sentence(looked, 1)}"
    return Leaf(path, "not_run", message, looked)


# a tensor that does not require grad


def _untracked(tensor: Tensor, path: str) -> Leaf:
    grad = _grad(tensor)
    inside = _backward_frame(tensor)
    if inside is not None:
        where = place(inside[0])
        why = "a backward pass is not recorded itself, so what comes in requires no gradient"
        remedy = "backward(create_graph=True), or a gradient (grad_outputs) that itself requires grad"
        cut = Cut("no_grad", where, why, remedy)
        message = (
            f"It is an incoming gradient of the backward pass started at {short(where)}, which runs with "
            f"grad mode off unless create_graph=True, so it is a plain value. Instead: {remedy}."
        )
        return Leaf(path, "not_requested", message, (cut,), grad=grad)
    if tensor._cuts:
        cuts = _cuts(tensor._cuts)
        total = _ends(tensor._cuts)
        message = f"It does not require grad: what it was computed from {cut_sentence(cuts, 1)}"
        return Leaf(path, "cut", message, cuts, total, total, grad)
    made = tensor._made
    if tensor.dtype.is_floating_point or tensor.is_complex():
        message = "It does not require grad, nor does anything it was computed from."
        if made is not None:
            message = f"It was made{_line(made)} without requires_grad=True."
        instead = "Instead: requires_grad=True there, or requires_grad_() before it is used."
        if grad is not None:
            message += " Its .grad was assigned: backward() neither fills nor clears it."
        return Leaf(path, "not_requested", f"{message} {instead}", grad=grad, places=_places(made))
    message = (
        f"It has dtype {tensor.dtype}, and an integer has no derivative. Instead: a floating-point dtype."
    )
    return Leaf(path, "not_differentiable", message, grad=grad, places=_places(made))


def _backward_frame(tensor: Tensor) -> tuple[Loc, FrameType] | None:
    """Where the backward pass was started that called the user's `backward` with this very tensor, if any."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    while frame is not None:
        caller = frame.f_back
        if (
            caller is not None
            and is_internal(caller.f_code.co_filename)
            and frame.f_code.co_name == "backward"
            and any(x is tensor for x in _arguments(frame))
        ):
            while caller is not None and is_internal(caller.f_code.co_filename):
                caller = caller.f_back
            return None if caller is None else ((caller.f_code, caller.f_lasti), caller)
        frame = caller
    return None


def _arguments(frame: FrameType) -> Iterator[Any]:
    code = frame.f_code
    count = code.co_argcount + bool(code.co_flags & 4)  # *args
    for name in code.co_varnames[:count]:
        x = frame.f_locals.get(name)
        yield from x if isinstance(x, tuple) else (x,)


# a tensor that was computed


class _Graph:
    """The tape behind a tensor, and the leaf tensors at its ends."""

    def __init__(self, tensor: Tensor, node: Node) -> None:
        self.tensor = tensor
        self.node = node
        self.entries = entries([node])
        self.paths = Paths(vertices(self.entries), [node], [])
        self.owners: dict[int, tuple[Tensor, Node]] = {}
        for entry in self.entries:
            note = note_of(entry)
            owner = (
                note.owner() if entry.prim is None and note is not None and note.owner is not None else None
            )
            if owner is not None:
                self.owners[id(owner)] = (owner, entry)

    def itself(self, path: str) -> Leaf:
        node, tensor = self.node, self.tensor
        grad = _grad(tensor)
        start = f"It was computed by `{_operation(node)}`{_line(node.loc)}"
        changed = self._changed()
        if changed is not None:
            message = (
                f"What `{_operation(changed)}`{_line(changed.loc)} saved for its derivative was changed "
                "in place since, and backward() refuses. Instead: y = y + 1 in place of y += 1."
            )
            return Leaf(path, "modified", message, grad=grad, places=_places(changed.loc))
        if grad is not None:
            message = f"{start}, and retains its gradient. {gradient_summary(grad)}"
            return Leaf(path, "flows", message, paths_total=1, grad=grad, places=_places(node.loc))
        names = [_named(t) for t, _ in self.owners.values()]
        from_ = f" Its leaves: {in_order(names)}." if names else ""
        message = (
            f"{start}, and backward() keeps gradients of leaves only.{from_} For its own: retain_grad() "
            "before backward()."
        )
        return Leaf(path, "not_leaf", message, places=_places(node.loc))

    def _changed(self) -> Node | None:
        """The newest entry one of whose saved values has been written since."""
        for entry in reversed(self.entries):
            note = note_of(entry)
            watched = (note.watch if note is not None else None) or ()
            if any(w.storage.version != w.version for w in watched):
                return entry
        return None

    def leaves(self) -> Iterator[Leaf]:
        for tensor, node in self.owners.values():
            live = self.paths.of_leaf(node)[0]
            mine = [c for c in self.tensor._cuts if any(ref() is tensor for ref in c.leaves)]
            grad = _grad(tensor)
            total = live + _ends(mine)
            if mine:
                cuts = _cuts(mine)
                misses = ", so its gradient misses that part"
                cut = _ends(mine)
                message = f"{cut} of its {number(total)} paths {cut_sentence(cuts, cut, misses)}"
                yield Leaf(_named(tensor), "partly_cut", message, cuts, total, cut, grad)
            elif grad is None:
                message = f"{lead(live)} to the tensor, but its grad is None: call backward()."
                yield Leaf(_named(tensor), "not_run", message, (), total)
            else:
                message = f"{lead(live)} to the tensor. {gradient_summary(grad)}"
                yield Leaf(_named(tensor), "flows", message, (), total, 0, grad)


def _operation(node: Node) -> str:
    note = note_of(node)
    return re.sub(r"Backward\d*$", "", note.name).lower() if note is not None else op_name(node)


def _ends(noted: Sequence[Noted]) -> int:
    """How many paths the cuts end."""
    return max(1, sum(c.op not in _NUMPYS for c in noted)) if noted else 0


def _cut_off(tensor: Tensor, connected: dict[int, Any]) -> Iterator[Leaf]:
    """The leaves that the value was computed from, and that a cut keeps every derivative from."""
    by_leaf: dict[int, tuple[Tensor, list[Noted]]] = {}
    for noted in tensor._cuts:
        for ref in noted.leaves:
            leaf = ref()
            if leaf is not None and id(leaf) not in connected:
                by_leaf.setdefault(id(leaf), (leaf, []))[1].append(noted)
    for leaf, mine in by_leaf.values():
        cuts = _cuts(mine)
        paths = _ends(mine)
        message = f"Its way to the tensor {cut_sentence(cuts, 1)}"
        yield Leaf(_named(leaf), "cut", message, cuts, paths, paths, _grad(leaf))
