"""One trace of a function of Tensors: tensors from outside become inputs, what is written in them outputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.staging import StageTracer
from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops.broadcasting import reshape
from funcgrad.torch._compile.overlay import MARK, Unsupported, unseen
from funcgrad.torch._ops.generator import Generator
from funcgrad.torch._record.tape import Tape, leaf_note, note_of, on_tape, raw
from funcgrad.torch._tensor.storage import Inference, Storage, Unwatched
from funcgrad.torch._tensor.tensor import Tensor

_numbers = itertools.count(1)
WORDS = np.dtype(np.uint64)


class Draw(NamedTuple):
    """Random numbers that are drawn before each call."""

    generator: Generator
    method: Callable[..., Any]
    args: tuple[Any, ...]


class Number(NamedTuple):
    """A number in a dict, as a learning rate."""

    owner: dict[str, Any]
    key: str


class Outer:
    """A tensor from outside: what it shows during the trace, and how it began.

    `whole`: it is all of its memory, and so may be written; else it is one part of it.
    """

    def __init__(self, tensor: Tensor, state: dict[str, Any], memory: int, whole: bool, required: bool) -> None:
        self.tensor, self.state, self.memory, self.whole, self.required = tensor, state, memory, whole, required
        self.storage: Storage = state["_storage"]
        self.value = state["_value"]
        self.read_grad = False


class Twin(Storage):
    """What memory from outside holds during the trace; `first` at the beginning."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.first = value


class InferenceTwin(Inference):
    """The same for memory made in inference mode."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.first = value


class Session:
    """The state of a trace."""

    def __init__(self, new: Callable[[Aval], StageTracer]) -> None:
        self.number = next(_numbers)
        self.outer: dict[int, Outer] = {}
        self.twins: dict[int, Any] = {}
        self.inputs: list[Any] = []
        self._trace: Any = None
        self.tape: Tape
        self._new = new

    def input(self, source: Any, shape: tuple[int, ...], dtype: np.dtype, weak: bool = False) -> StageTracer:
        self.inputs.append(source)
        made = self._new(Aval(tuple(shape), np.dtype(dtype), weak))
        self._trace = made._trace
        return made

    @property
    def lacked(self) -> str:
        """Which value Python needed, "" if none: also where the user's code caught the error."""
        return "" if self._trace is None else self._trace.lacked

    # what `overlay` asks

    def state_of(self, tensor: Tensor) -> dict[str, Any]:
        own = tensor.__dict__
        if own.get(MARK) == self.number:
            return own
        found = self.outer.get(id(tensor))
        if found is None:
            if "_value" not in own and "_storage" not in own:
                own[MARK] = self.number
                return own
            found = self._lifted(tensor, own)
        return found.state

    def is_inside(self, tensor: Tensor) -> bool:
        return tensor.__dict__.get(MARK) == self.number

    def grad_was_read(self, tensor: Tensor) -> None:
        found = self.outer.get(id(tensor))
        if found is not None:
            found.read_grad = True

    def drawn(self, generator: Generator, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        dtype = args[1] if len(args) > 1 else np.dtype(np.float64) if method.__name__ == "doubles" else WORDS
        return self.input(Draw(generator, method, args), (int(args[0]),), dtype)

    def _lifted(self, tensor: Tensor, own: dict[str, Any]) -> Outer:
        """A tensor from outside that is met for the first time."""
        with unseen():
            value = tensor._current()
        if isinstance(raw(value), Tracer):
            raise Unsupported("it reads a tensor that another transformation traces")
        storage = own["_storage"]
        base = storage.of if isinstance(storage, Unwatched) else storage
        whole = own.get("_view") is None
        twin = self.twins.get(id(base)) if whole else None
        if twin is None:
            kind = InferenceTwin if isinstance(base, Inference) else Twin
            memory = raw(value)
            twin = kind(self.input(tensor, memory.shape, memory.dtype))
            if whole:
                self.twins[id(base)] = twin
        shown = self._leaf(tensor, value, twin.value) if on_tape(value) else twin.value
        state = {
            "_value": shown,
            "_storage": twin,
            "_seen": twin.stamp,
            "_view": None,
            "_grad": own.get("_grad"),
            "_retains": own.get("_retains", False),
        }
        found = self.outer[id(tensor)] = Outer(tensor, state, id(base), whole, on_tape(value))
        return found

    def _leaf(self, tensor: Tensor, value: TapeTracer, traced: Any) -> TapeTracer:
        leaf = self.tape.leaf(traced)
        leaf.node.note = note = leaf_note(tensor)
        if value.node.prim is None:
            outside = note_of(value.node)
            if outside is not None:
                note.hooks, note.before, note.after, note.filled = (
                    outside.hooks, outside.before, outside.after, outside.filled,
                )  # fmt: skip
            return leaf
        note.before = {0: _refuse}
        return reshape(leaf, shape=leaf.shape)


def _refuse(grads: Any) -> None:
    raise Unsupported("backward goes on into what was computed outside of it: call backward outside, or compile both")
