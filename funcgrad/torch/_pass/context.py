"""What `forward` of an `autograd.Function` leaves for `backward`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.tape import SELECT, Node, TapeTracer, selected, tick
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.torch._pass.current import current, running
from funcgrad.torch._pass.gradfn import FREED, GradFn
from funcgrad.torch._pass.modified import check
from funcgrad.torch._pass.saved import Packed
from funcgrad.torch._pass.saved_tensor import SavedTensor
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.story import PastCut
from funcgrad.torch._record.tape import Note, Watched, on_tape, raw
from funcgrad.torch._tensor.storage import Doubted
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.custom.both import custom_both


class FunctionCtx(GradFn):
    """What `forward` leaves for `backward`; it is the `grad_fn` of the outputs. Attributes of the user's own are kept.

    The entry holds it, so it refers to the entry weakly.
    """

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    _entry: weakref.ref[Node] | None = None
    _to_save: tuple[Tensor | None, ...] = ()
    _to_save_forward: tuple[Tensor | None, ...] = ()
    _flat: tuple[int, ...] = ()
    _dirty: tuple[Tensor, ...] = ()
    _saved: tuple[Any, ...] | None = ()

    def __init__(self) -> None:
        pass

    @property
    def _node(self) -> Any:
        node = self._entry() if self._entry is not None else None
        if node is None:
            raise RuntimeError(f"{type(self).__name__}: nothing is recorded of it, or what was recorded is gone")
        return node

    def name(self) -> str:
        return type(self).__name__

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors; `saved_tensors` gives them back, checked for writes."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`, which finds them in `saved_tensors`."""
        self._to_save_forward = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Outputs that require no gradient."""
        self._flat = tuple(map(id, tensors))

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Inputs that `forward` has written in place, and returns."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients arrive as zeros (the default) or as None."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        if self._saved is None:
            raise RuntimeError(FREED)
        name = type(self).__name__.removesuffix("Backward")
        return tuple(None if s is None else as_used(s.tensor(), name) for s in self._saved)

    def with_saved(self, tensors: Sequence[Tensor | None], needs: tuple[bool, ...]) -> FunctionCtx:
        """What another transformation gives to a rule: the same, with other tensors saved."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.needs_input_grad = needs
        other._saved = tuple(None if t is None else Saved(t) for t in tensors)
        return other

    @property
    def _raw_saved_tensors(self) -> tuple[SavedTensor, ...]:
        if self._saved is None:
            raise RuntimeError(FREED)
        return tuple(SavedTensor(OfContext(self, i)) for i in range(len(self._saved)))

    @property
    def dirty_tensors(self) -> tuple[Tensor, ...]:
        return self._dirty

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {id(self):#x}>"


class OfContext:
    """One of the tensors that `forward` has saved, for `SavedTensor`."""

    def __init__(self, ctx: FunctionCtx, index: int) -> None:
        self.ctx, self.index = ctx, index

    def freed(self) -> bool:
        return self.ctx._saved is None

    def saved(self) -> Saved | None:
        return self.ctx._saved[self.index] if self.ctx._saved is not None else None

    def packed(self) -> Packed | None:
        saved = self.saved()
        return None if saved is None else saved.packed

    def tensor(self) -> Tensor | None:
        saved = self.saved()
        return None if saved is None else saved.tensor()

    def pack(self, hooks: Any, t: Tensor) -> None:
        saved: Any = self.saved()
        saved.packed, saved.value = Packed(hooks, t), None


class Saved:
    """A saved tensor: its value and entry (weakly for an output, whose entry holds this), and its version."""

    __slots__ = ("cuts", "node", "packed", "part", "saved_at", "tape", "value", "watched")

    def __init__(self, t: Tensor, hooks: Any = None) -> None:
        value = t._read()
        t._storage.lend()
        self.packed = None if hooks is None else Packed(hooks, t)
        self.value = raw(value) if hooks is None else None
        self.node: Any = value.node if on_tape(value) else None
        self.part: tuple[weakref.ref[Node], dict[str, int], Any] | None = None
        self.tape: Any = value._trace if on_tape(value) else None
        self.watched = Watched(t._storage, t._storage.version, weakref.ref(t), self.value, t._is_view(), False)
        self.cuts = t._cuts
        self.saved_at = tick()

    def belongs_to(self, result: TapeTracer, name: str) -> None:
        node: Any = result.node
        self.node = weakref.ref(node)
        if node.prim is SELECT:  # goes with the output, while the others may be there still
            self.part = weakref.ref(node.parents[0]), node.params, node.note
        self.tape = result._trace
        self.watched = self.watched._replace(source=name, version=self.watched.storage.version)

    def tensor(self) -> Tensor:
        """The tensor that was saved, if it is still there as it was; else one like it. Hooks give one at each call."""
        node = self.entry()
        if self.packed is not None:
            return self.restored(raw(self.packed.tensor()._read()), node)
        unwritten = self.watched.storage.version == self.watched.version
        if not unwritten or isinstance(self.watched.storage.version, Doubted):
            check(self.watched, self.saved_at)
        source = self.watched.source
        t = source() if type(source) is weakref.ref else None
        if t is not None and unwritten and t._storage is self.watched.storage:
            value = t._read()
            if (value.node if on_tape(value) else None) is node:
                return t
        return self.restored(self.value, node)

    def entry(self) -> Any:
        """The entry of the tensor; of an output that is gone, made anew."""
        node = self.node() if type(self.node) is weakref.ref else self.node
        call = self.part[0]() if node is None and self.part is not None else None
        if call is not None:
            _, params, note = self.part  # type: ignore[misc]  # there is one
            node = selected(call, **params)
            node.note = note
        return node

    def restored(self, value: Any, node: Node | None) -> Tensor:
        t = fresh(value if node is None else TapeTracer(self.tape, value, node))
        t._cuts = self.cuts
        return t


class _Intermediate(Primitive):
    """A value that `forward` computed on its way, as a pass that is recorded uses it: it has no derivative."""

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return saved

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Any:
        raise RuntimeError(INTERMEDIATE.format(function=saved))


INTERMEDIATE = (
    "{function}.backward used a tensor that {function}.forward computed and kept, and which is neither an input nor an "
    "output of it: nothing is recorded in forward, so a second derivative would miss what this tensor contributes (in "
    "PyTorch it does, silently). Instead: save the inputs and compute it again in backward; or return it from forward "
    "as one more output, and save that; or keep its .detach(), where it is to be a constant"
)
_INTERMEDIATE = _Intermediate("intermediate")


def attributes_as_used(ctx: FunctionCtx, function: str) -> dict[str, Tensor]:
    """Those of the attributes of the user's own which a rule is to find changed."""
    own = {key: t for key, t in ctx.__dict__.items() if not key.startswith("_") and isinstance(t, Tensor)}
    used = {key: as_used(t, function) for key, t in own.items()}
    return {key: t for key, t in used.items() if t is not own[key]}


def as_used(t: Tensor, function: str) -> Tensor:
    """A tensor that a rule has kept, as it uses it: where the pass is recorded, and it was computed in `forward` from
    what requires grad, one whose derivative is refused."""
    if not (t._cuts and mode.enabled and running() and current().create) or on_tape(t._read()):
        return t
    sources = [node for c in _of_forward(t) if c.entry is not None and (node := c.entry()) is not None]
    if not sources or t._read().dtype.kind not in "fc":
        return t
    node = Node(_INTERMEDIATE, {}, tuple(dict.fromkeys(sources)), function, here())
    node.note = Note(f"{function}Backward")
    return fresh(TapeTracer(current().tape, raw(t._read()), node))


def _of_forward(t: Tensor) -> list[PastCut]:
    return [c for c in t._cuts if c.off is not None and c.off.what == "forward" and not c.flat]


def cut_in_forward(t: Tensor) -> bool:
    """Whether `forward` computed a tensor from what another transformation follows."""
    return t._read().dtype.kind in "fc" and any(c.entry is None for c in _of_forward(t))


def not_followed(function: str, value: Any, followed: Sequence[Any]) -> Any:
    """A value as it is, whose derivative by the values it was computed from is refused; tangents that it has stay."""

    def refuse(*given: Any) -> Any:
        raise RuntimeError(INTERMEDIATE.format(function=function))

    along = (lambda values, tangents: (values[0], tangents[0])) if isinstance(value, Tracer) else refuse
    same = custom_both(lambda x, *sources: x, along)
    same.defvjp(lambda x, *sources: (x, None), refuse)
    return same(value if isinstance(value, Tracer) else np.asarray(value), *followed)
