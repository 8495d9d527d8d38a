"""What a traced function leaves: results, writes and gradients, as the outputs of a program, and how they are set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.tape import Node, TapeTracer
from funcgrad.core.trace import Primitive
from funcgrad.torch._compile.overlay import Unsupported
from funcgrad.torch._compile.session import Outer, Session
from funcgrad.torch._compile.watch import PLAIN, Watch
from funcgrad.torch._pass.gradfn import Freed
from funcgrad.torch._record.tape import BASE, Note, note_of, on_tape, raw
from funcgrad.torch._tensor.devices import Device
from funcgrad.torch._tensor.dtypes import dtype
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.storage import Storage, Unwatched
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Cutting, View, through

NAME = "CompiledFunctionBackward"
UNCHANGING = (*PLAIN, type, range, slice, type(...), Size, Device, dtype)


class Made:
    """A tensor that is made of an output: the whole memory, and the steps to the part that the tensor is."""

    def __init__(self, slot: int, steps: tuple[Any, ...], version: int, recorded: str, memory: Any) -> None:
        self.slot, self.steps, self.version, self.recorded, self.memory = slot, steps, version, recorded, memory


class Results:
    """The outputs of a trace in the program's order, and what becomes of them.

    `tensors` are the results of the function and the new gradients, each once: a tensor from outside, or how it is
    `Made`. `leaves` and `grads` refer to them by position.
    """

    def __init__(self, session: Session, out: Any, watch: Watch) -> None:
        self.session = session
        self.watch = watch
        self.outputs: list[Any] = []
        self.tensors: list[Outer | Made] = []
        self._known: dict[int, int] = {}
        self._memory: dict[int, list[Tensor]] = {}
        leaves, self.treedef = tree.flatten(out, lambda x: not isinstance(x, Tensor) and watch.has(x))
        changed = [(o, o.state["_grad"]) for o in session.outer.values() if o.state["_grad"] is not _held(o)]
        new = [t for t in (*leaves, *(g for _, g in changed)) if isinstance(t, Tensor)]
        for t in {id(t): t for t in new}.values():
            self._memory.setdefault(id(_memory_of(t)), []).append(t)
        self.leaves = [(self._tensor(x), None) if isinstance(x, Tensor) else (-1, self._constant(x)) for x in leaves]
        self.grads = [(o, -1 if g is None else self._grad(g)) for o, g in changed]
        self.moving = [t.slot for t in self.tensors if isinstance(t, Made) and t.recorded == "open"]
        self.writes = [self._written(o) for o in self._writers()]

    def _slot(self, value: Any) -> int:
        self.outputs.append(value)
        return len(self.outputs) - 1

    def _grad(self, grad: Tensor) -> int:
        position = self._tensor(grad)
        made = self.tensors[position]
        if isinstance(made, Made) and made.recorded:
            raise Unsupported("it leaves a gradient that is recorded itself (create_graph=True)")
        return position

    def _tensor(self, t: Tensor) -> int:
        known = self._known.get(id(t))
        if known is None:
            self.tensors.append(self._described(t))
            known = self._known[id(t)] = len(self.tensors) - 1
        return known

    def _described(self, t: Tensor) -> Outer | Made:
        session = self.session
        if not session.is_inside(t):
            session.state_of(t)
            return session.outer[id(t)]
        value = t._current()
        recorded = ""
        if on_tape(value):
            if value._trace is not session.tape:
                raise Unsupported("it returns a tensor of another function's tape")
            recorded = _recorded(value.node)
        memory = _memory_of(t)
        if any(memory is twin for twin in session.twins.values()) or any(memory is o.storage for o in self._outer()):
            raise Unsupported("it returns a view of a tensor from outside")
        if isinstance(t._storage, Unwatched):
            raise Unsupported("it returns the data of a tensor")
        if type(t) is not Tensor:
            raise Unsupported(f"it makes a {type(t).__name__}")
        sharing = self._memory[id(memory)]
        version = 0 if t.is_inference() else memory.version
        if len(sharing) == 1:
            return Made(self._slot(raw(value)), (), version, recorded, memory)
        if recorded:
            raise Unsupported("it returns two tensors that share memory and require a gradient")
        first = next((m for m in self.tensors if isinstance(m, Made) and m.memory is memory), None)
        slot = self._slot(memory.value) if first is None else first.slot
        return Made(slot, t._view.storage_steps if t._view is not None else (), version, "", memory)

    def _constant(self, x: Any) -> Any:
        """A result that is no tensor, the same object at each call: none that is made inside and may change."""
        if not isinstance(x, UNCHANGING) and not self.watch.has(x):
            raise Unsupported(f"it returns a new object of {type(x).__name__}, which is none of tensors and numbers")
        return x

    def _outer(self) -> Sequence[Outer]:
        return list(self.session.outer.values())

    def _writers(self) -> list[Outer]:
        """For each memory that was written the first tensor that is all of it."""
        found: dict[int, Outer] = {}
        for o in self._outer():
            self._check(o)
            if _is_written(o):
                if not o.whole:
                    raise Unsupported("it writes into a view that was made outside")
                found.setdefault(o.memory, o)
        if self.moving and any(o.required for o in found.values()):
            raise Unsupported("it writes into a tensor that requires a gradient, and returns one that is recorded")
        if any(not o.whole and o.memory in found for o in self._outer()):
            raise Unsupported("it writes into memory that a view from outside shares")
        return list(found.values())

    def _check(self, o: Outer) -> None:
        """Refuse what a program cannot do to a tensor from outside."""
        state = o.state
        view = state["_view"]
        is_part = view is not None and not all(isinstance(s, Cutting) for s in view.storage_steps)
        if _memory_of(o.tensor) is not o.storage or is_part:
            raise Unsupported("it gives a tensor from outside other memory")
        if state["_retains"] != o.tensor.__dict__.get("_retains", False):
            raise Unsupported("it calls retain_grad on a tensor from outside")
        value = o.tensor._current()
        if on_tape(value) != o.required or (o.required and value.node is not o.value.node):
            raise Unsupported("it changes whether a tensor from outside requires a gradient, or how it was computed")

    def _written(self, o: Outer) -> tuple[Outer, int, int]:
        return o, self._slot(o.storage.value), _writes(o)


def _held(o: Outer) -> Any:
    return o.tensor.__dict__.get("_grad")


def _writes(o: Outer) -> int:
    return o.storage.__dict__.get("version", 0)


def _is_written(o: Outer) -> bool:
    storage: Any = o.storage
    return storage.value is not storage.first or _writes(o) > 0


def _memory_of(t: Tensor) -> Any:
    storage = t._storage
    return storage.of if isinstance(storage, Unwatched) else storage


def _recorded(node: Node) -> str:
    """Whether a result can be differentiated outside ("open"), or a backward pass inside has freed it ("freed")."""
    seen, stack, freed = {node.seq}, [node], False
    while stack:
        entry = stack.pop()
        note = note_of(entry)
        freed = freed or type(entry.saved) is Freed
        if entry.prim is not None and note is not None and (note.hooks or note.before or note.after or note.lacks):
            raise Unsupported("a result, which requires a gradient, was computed from a tensor with a hook")
        for parent in entry.parents:
            if parent is not None and parent.seq not in seen:
                seen.add(parent.seq)
                stack.append(parent)
    return "freed" if freed else "open"


_GONE = Primitive("CompiledFunction")


def freed(array: np.ndarray) -> TapeTracer:
    """A value whose history a backward pass has freed."""
    node = Node(_GONE, {}, (), Freed())
    node.note = Note(NAME, ())
    return TapeTracer(BASE, array, node)


def made(how: Made, outputs: Sequence[Any], memories: dict[int, Storage]) -> Tensor:
    """The tensor of an output."""
    array = outputs[how.slot]
    if not how.steps and how.slot not in memories:
        t = fresh(freed(array) if how.recorded == "freed" else array)
        memories[how.slot] = t._storage
        if how.version:
            t._storage.version = how.version
        return t
    storage = memories.get(how.slot)
    t = fresh(through(how.steps, array))
    if storage is None:
        storage = memories[how.slot] = Storage(array)
    t._storage, t._view = storage, View(how.steps, None, ())
    return t
