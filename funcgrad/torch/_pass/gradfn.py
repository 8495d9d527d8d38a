"""What a tensor shows of its entry: `grad_fn`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakValueDictionary, ref

from funcgrad.core.tape import SELECT, Node
from funcgrad.ops.families.elementwise import Elementwise
from funcgrad.torch._pass.hooks import RemovableHandle, register
from funcgrad.torch._pass.saved_names import name_of_role
from funcgrad.torch._record.composed import form_of_kind
from funcgrad.torch._record.story import PassRecord
from funcgrad.torch._record.tape import Watched, name_of, note_of, on_tape, own_note, unshared
from funcgrad.torch._tensor.tensor import Tensor

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
    "if you need to access saved tensors after calling backward."
)
IN_NAMESPACE = ("CopySlices", "AccumulateGrad", "CopyBackwards", "NotImplemented")


class Freed:
    """Stands for saved values that a backward pass has let go: the record of that pass, where it is known."""

    __slots__ = ("by",)

    def __init__(self, by: PassRecord | None = None) -> None:
        self.by = by


NUMBERED = ("Add1", "Pow0", "Pow2", "Remainder0", "Fmod0", "Div1", "Mul1", "Rsub1")
BY_NUMBERS = {f"{name[:-1]}Backward{name[-1]}" for name in NUMBERED}
"""Entries of a tensor and a number, which PyTorch's addition, product and quotient take for a tensor."""
SAVED_OF: list[Callable[[Any, str], Any]] = []
"""What finds a saved tensor by its name: `_pass.saved_tensor`, which is above this file."""
AS_SINGLE: list[Callable[[str, Node], None]] = []
"""What makes an entry one operation, on which hooks are registered: `_pass.single`, which is above this file."""
OWN_GRAD_FN: set[type] = set()
"""The primitives whose entries keep what `grad_fn` shows: `autograd.Function`."""


class GradFn:
    """An entry as `tensor.grad_fn` shows it; its class has the operation's name."""

    __slots__ = ("__weakref__", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node

    def name(self) -> str:
        return full_name(self._node)

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """The entries of the operands, each with the position among its outputs."""
        note = note_of(self._node)
        if note is not None and note.composed is not None and note.form is None:
            unshared(self._node).form = form_of_kind(note.composed, flat(self._node)), 0
            note = note_of(self._node)
        if note is not None and note.form is not None:
            form, index = note.form
            form.real = ref(self._node)
            return grad_fn(form.entry(index)).next_functions
        if note is not None and note.slice_of is not None and note.edges is not None:
            return _told(note.edges[:1]) + grad_fn(note.slice_of).next_functions[1:]
        if note is not None and note.edges is not None:
            return _told(note.edges)
        return _edges(self._node)

    @property
    def metadata(self) -> dict[str, Any]:
        """What users note of this entry."""
        note = own_note(self._node)
        if note.metadata is None:
            note.metadata = {}
        return note.metadata

    @property
    def requires_grad(self) -> bool:
        return True

    def _sequence_nr(self) -> int:
        return self._node.seq

    @property
    def variable(self) -> Tensor | None:
        """The leaf tensor that an AccumulateGrad adds to."""
        note = note_of(self._node)
        return note.owner() if note is not None and note.owner is not None else None

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` behind this operation; a tuple it returns replaces `grad_inputs`."""
        AS_SINGLE[0]("register_hook", self._node)
        return register(self._node, "after", hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this operation; a tuple it returns replaces them."""
        AS_SINGLE[0]("register_prehook", self._node)
        return register(self._node, "before", hook)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_saved_", "_raw_saved_")):
            return SAVED_OF[0](self, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        note = note_of(self._node)
        entry = name_of(self._node)
        names = [name_of_role(entry, role_of(w)) for w in note.watch or ()] if note is not None else []
        return [*super().__dir__(), *(f"{raw}_saved_{name}" for name in names for raw in ("", "_raw"))]

    def __repr__(self) -> str:
        kind = type(self)
        place = "" if kind.__module__ == __name__ else kind.__module__ + "."
        return f"<{place}{kind.__name__} object at {id(self._node):#x}>"


def full_name(node: Node) -> str:
    name = name_of(node)
    return "torch::autograd::" + name if name in IN_NAMESPACE else name


def edge_of(node: Node) -> tuple[GradFn | None, int]:
    """What shows an entry: one object for all results of an operation; and which of them it is of."""
    note = note_of(node)
    if note is not None and note.severed:
        return None, 0
    first, place = _place(node)
    found = _shown_first.get(first)
    if found is None:
        found = _shown_first[first] = grad_fn(node)
    return found, place


def _told(nodes: Sequence[Node | None]) -> tuple[tuple[GradFn | None, int], ...]:
    return tuple((None, 0) if n is None else edge_of(n) for n in nodes)


def _place(node: Node) -> tuple[int, int]:
    if node.prim is SELECT:
        assert node.parents[0] is not None
        return node.parents[0].seq, node.params["index"]
    note = note_of(node)
    return (node.seq, 0) if note is None or note.part is None else note.part


def _edges(of: Node) -> tuple[tuple[GradFn | None, int], ...]:
    """Those of an entry that tells them itself."""
    found = _told(flat(of))
    if any(p is not None and is_inner(p) and p.prim is not SELECT for p in of.parents):  # each read an operand
        return tuple({(fn, i): None for fn, i in found if fn is not None})
    if not has_two_operands(of):
        return tuple((fn, i) for fn, i in found if fn is not None)
    return tuple(found)


def is_inner(node: Node) -> bool:
    note = note_of(node)
    return note is None or note.inner


def flat(of: Node) -> list[Node | None]:
    """The entries that an operation of several read, in the order of reading, with None for constants."""
    found: list[Node | None] = []
    stack = list(reversed(of.parents))
    while stack:
        node = stack.pop()
        if node is not None and is_inner(node):
            stack.extend(reversed(node.parents))
        else:
            found.append(node)
    return found


def moved(node: Node, seq: float) -> None:
    """Give an entry another place among those of the tape; what shows it is shown on."""
    for shown in (_shown, _shown_first):
        found = shown.pop(node.seq, None)
        if found is not None:
            shown[seq] = found
    node.seq = seq  # type: ignore[assignment]


def has_two_operands(node: Node) -> bool:
    """Whether a constant among the operands of one operation may be a tensor: else it is a number, or an index."""
    prim: Any = node.prim
    note = note_of(node)
    if prim is None or type(prim) in OWN_GRAD_FN or (note is not None and note.edges == node.parents):
        return True
    by_two = prim.name == "dot_general" or (isinstance(prim, Elementwise) and len(node.parents) == 2)
    return by_two and name_of(node) not in BY_NUMBERS


def role_of(watched: Watched) -> str:
    """What a saved tensor was in its operation: `self`, `other` or `result`."""
    return "result" if isinstance(watched.source, str) else "self" if watched.first else "other"


_classes: dict[tuple[str, str], type] = {}
_shown: WeakValueDictionary[float, GradFn] = WeakValueDictionary()
_shown_first: WeakValueDictionary[float, GradFn] = WeakValueDictionary()


def grad_fn(node: Node) -> GradFn:
    """What shows an entry: one object for as long as anybody holds it."""
    call = node.parents[0] if node.prim is SELECT else node
    assert call is not None
    if type(call.prim) in OWN_GRAD_FN:
        return call.prim.shown(call)  # type: ignore[union-attr]
    found = _shown.get(node.seq)
    if found is None:
        name, module = name_of(node), getattr(call.prim, "module", __name__)
        kind = _classes.get((name, module))
        if kind is None:
            kind = _classes[name, module] = type(name, (GradFn,), {"__slots__": (), "__module__": module})
        found = _shown[node.seq] = kind(node)
    return found


def output_nr(self: Tensor) -> int:
    value = self._read()
    return _place(value.node)[1] if on_tape(value) else 0


def tensor_grad_fn(self: Tensor) -> Any:
    self._check_entry()
    value = self._read()
    if not on_tape(value) or value.node.prim is None:
        return None
    shown = grad_fn(value.node)
    _shown_first.setdefault(_place(value.node)[0], shown)
    return shown
