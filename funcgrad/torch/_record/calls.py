"""How an operation on Tensors becomes one on values: unwrap, promote, compute, wrap, note."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from funcgrad.core.tape import Node, TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.modes import cut_off, mode, quietly
from funcgrad.torch._record.story import Cuts, cut, cut_again, cut_elsewhere, flattened, indexing, joined
from funcgrad.torch._record.tape import (
    NOTES,
    UNCONNECTED,
    Note,
    Tape,
    Zero,
    copied,
    moves,
    note_of,
    on_tape,
    raw,
    unshared,
    watched,
)
from funcgrad.torch._tensor.messages import (
    INFERENCE_VIEW_IN_PLACE,
    NO_GRAD_VIEW_IN_PLACE,
    of_plain,
    written_since,
)
from funcgrad.torch._tensor.storage import Inference, Storage, scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import CONSTANT, UNRECORDED, Step, View, apart, through

_ref = weakref.ref
NUMBERS = (int, float, complex)
WITHOUT_FORM = ("NotImplemented", "CopySlices")


class Kind:
    """An operation as PyTorch knows it: the name of its `grad_fn` ("Exp" for "ExpBackward0"), and what
    PyTorch saves for its backward pass.

    `saves` lists, in PyTorch's order, "x", "y" and "z" (its first tensors), "*" (the second and the first, each for the
    other's gradient; "&": the first and the second; "X" and "Y": those for the gradient of the second; "o": each for
    its own), "r" (the result; "1": the first of several), "i" (what else `call_with` has been given, where that is not
    the first), "a" (what hooks get besides: all other operands), "?" (what is none of these, as a factorisation) and
    "-" (something that is no tensor, or a number). Then, of a gradient that is itself recorded: "=" (what was saved is
    only compared), "0" (it is zero), "!" (those of all operands are made at once), "~" (the same, and what they do not
    depend on has no second gradient: None, not zero). It decides when PyTorch's errors about modified or freed values
    are raised, what hooks on saved tensors get, and what gradients require one; what the derivatives need is kept by
    the operations beneath. `lacks` is the error of a backward pass that reaches it, where
    PyTorch has no derivative.

    `takes` are the places of the operands that have a derivative, as "201", in PyTorch's order: where that is another,
    others have none, or some may be missing. `reads(keep, *operands)` is the operation as PyTorch's derivative reads
    it: of `keep(value)` for each value that it saves between operands and results (`keep(value, f)` where it saves
    f(value), and f is its own inverse), and for its results. `form` is how PyTorch composes it of operations on
    tensors, and the number of dimensions that these have.
    """

    __slots__ = (
        *("called", "inner", "name", "note", "notes", "others", "own_x", "own_y", "result", "saves", "shared"),
        *("places", "reads", "takes", *"xyz"),
    )

    def __init__(
        self,
        name: str,
        saves: str = "",
        lacks: str | None = None,
        takes: str = "",
        reads: Callable[..., Any] | None = None,
        form: tuple[Callable[..., Any], tuple[int, ...]] | None = None,
    ) -> None:
        self.called = name
        self.name = name if "Backward" in name or name in WITHOUT_FORM else f"{name}Backward0"
        self.notes = next((NOTES[letter] for letter in saves if letter in NOTES), Note)
        if form is not None:
            self.notes = cast(type[Note], type("Composed", (self.notes,), {"composed": form}))
        self.saves = saves = saves.rstrip("=0!~")
        self.x = "x" in saves
        self.y = "y" in saves
        self.others = any(letter in saves for letter in "*&X")
        self.own_x, self.own_y = "o" in saves, "o" in saves or "Y" in saves
        self.z = "z" in saves
        self.result = "r" in saves or "1" in saves
        self.takes, self.reads = takes, reads
        self.places = tuple(map(int, takes))
        self.note = self.notes(self.name, () if saves == "-" else None)
        self.note.lacks = lacks
        self.inner = self.notes(self.name, ())
        self.inner.inner = True
        self.shared = saves in ("", "-") or lacks is not None

    def saved_places(self, places: Sequence[int], moving: Sequence[bool], letters: str) -> list[int]:
        """Which operands PyTorch saves, by these of the letters, in its order, among those at `places`."""
        found: dict[int, None] = {}
        x, y = places[:1], places[1:2]
        for letter in letters:
            if letter in "XY":
                found.update({i: None for i in (x if letter == "X" else y) if any(moving[j] for j in y)})
            elif letter == "a":
                found.update(dict.fromkeys(places))
            elif letter == "o":
                found.update({i: None for i in (*x, *y) if moving[i]})
            elif letter in "*&":
                pairs = ((y, x), (x, y)) if letter == "*" else ((x, y), (y, x))
                found.update({i: None for of, other in pairs for i in of if any(moving[j] for j in other)})
            elif letter in "xyz":
                at = "xyz".index(letter)
                found.update(dict.fromkeys(places[at : at + 1]))
        return list(found)


def reads_results(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`Kind.reads` of a function whose derivatives are functions of its results alone."""

    def read(keep: Callable[..., Any], *operands: Any, **params: Any) -> Any:
        found = fun(*operands, **params)
        return tuple(map(keep, found)) if isinstance(found, tuple) else keep(found)

    return read


def saved_by(kind: Kind, x: Any, y: Any, storage: Any) -> tuple[Any, ...]:
    """What PyTorch would have saved, with the version it has now."""
    watch: tuple[Any, ...] = ()
    if kind.x or (on_tape(x._value) if kind.own_x else kind.others and isinstance(y, Tensor) and on_tape(y._value)):
        of = x._storage
        watch = (watched((of, of.version, _ref(x), x._value, x._view is not None, True)),)
    if isinstance(y, Tensor) and (kind.y or (on_tape(y._value) if kind.own_y else kind.others and on_tape(x._value))):
        of = y._storage
        watch = (*watch, watched((of, of.version, _ref(y), y._value, y._view is not None, False)))
    if kind.result:
        watch = (*watch, watched((storage, 0, kind.name, None, False, False)))
    return watch


_new_tensor, _new_storage, _new_note = object.__new__, Storage.__new__, Note.__new__


def wrap(out: Any, kind: Kind, x: Any = None, y: Any = None) -> Tensor:
    """The tensor of a result, its entry noted. (Constructors are left out: they would take 0.3 us more.)"""
    t = _new_tensor(Tensor)
    t._value = out
    t._storage = storage = _new_storage(Storage)
    if type(out) is TapeTracer and type(out._trace) is Tape:
        storage.value = out.value
        if kind.shared:
            out.node.note = kind.note
        else:
            out.node.note = note = _new_note(kind.notes)
            note.name = kind.name
            note.single = True
            note.watch = saved_by(kind, x, y, storage)
    else:
        storage.value = out
        if scope.number:
            storage.born = scope.number
    return t


def cuts_of(operands: Sequence[Any]) -> Cuts:
    """The cuts of a result, including the one that is being made where recording is off."""
    cuts: Cuts = ()
    for t in operands:
        if isinstance(t, Tensor):
            if t._cuts:
                cuts = joined(cuts, t._cuts)
            if not mode.enabled and on_tape(t._value):
                cuts = joined(cut("no_grad", t._value, (), mode.off), cuts)
            elif inside_rule() and moves(t._value):
                cuts = joined(cut_elsewhere(mode.off), cuts)
    return cuts


def ended(op: str, operands: Sequence[Any]) -> Cuts:
    """The cuts of a result without a derivative that an operation gives; "" is one inside of another."""
    cuts = flattened(cuts_of(operands))
    if not op:
        return cuts
    tracked = [t._value for t in operands if isinstance(t, Tensor) and mode.enabled and on_tape(t._value)]
    for value in tracked:
        cuts = joined(cut(op, value, (), flat=True), cuts)
    ends = cuts and any(isinstance(t, Tensor) and t._cuts and t._value.dtype.kind in "fc" for t in operands)
    return cut_again(op, cuts, flat=True) if ends and not tracked else cuts


def inside_rule() -> bool:
    """Whether the `forward` of a rule of the user's is running."""
    return mode.off is not None and mode.off.what == "forward"


def flat(op: str, value: Any, *operands: Tensor) -> Tensor:
    """A tensor of values without a derivative, as places, which remembers what they were computed from."""
    out = fresh(value)
    out._cuts = ended(op, operands)
    return out


def values_of(operands: tuple[Any, ...]) -> list[Any]:
    """The values of tensors (numbers stay numbers) as the operation beneath takes them."""
    values = [t._read() if isinstance(t, Tensor) else t for t in operands]
    if not mode.enabled:
        return [cut_off(v) for v in values]
    if any(t._storage.shared for t in operands if isinstance(t, Tensor)) and any(map(on_tape, values)):
        for i, t in enumerate(operands):
            if isinstance(t, Tensor) and t._storage.shared:
                values[i] = copied(values[i])
    return values


def owned(out: Any, values: list[Any]) -> Any:
    """A result with an entry and memory of its own: NumPy may have returned a view, an operation its operand."""
    if type(out) is TapeTracer:
        array, node = out.value, out.node
        if type(array) is not np.ndarray or array.base is None:
            for v in values:
                if v is array or (type(v) is TapeTracer and (v.node is node or v.value is array)):
                    break
            else:
                return out
    for v in values:
        out = apart(out, v)
    array = out.value if type(out) is TapeTracer else out
    if type(array) is np.ndarray and (array.base is not None or any(array is v for v in values)):
        return copied(out)
    return out


def call(kind: Kind, fun: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """A function of values on tensors and numbers, whose values are ready for it: a tensor, or a tuple of tensors.

    All entries it makes carry the note of the operation, so that what they saved is freed together.
    """
    values: list[Any] = []
    tensors: list[Tensor] = []
    special = not mode.direct
    for t in operands:
        if isinstance(t, Tensor):
            storage = t._storage
            tensors.append(t)
            values.append(t._value if t._seen == storage.stamp else t._current())
            view = t._view
            special = special or storage.shared or t._cuts != () or (view is not None and view.blocked is not None)
        else:
            values.append(t)
    if special:
        values = values_of(operands)
    out = quietly(fun, *values, **params)
    if type(out) is tuple:
        found: Any = tuple([_result(kind, y, tensors, values, special) for y in out])
    else:
        found = _result(kind, out, tensors, values, special)
    if special and kind.saves and mode.saver is not None:
        mode.saver.take(kind, fun, operands, values, params, found)
    return found


def call_with(also: Sequence[Tensor], kind: Kind, fun: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """As `call`, of an operation that saves tensors besides its operands: indices, masks."""
    if mode.saver is not None:
        return mode.saver.taking(also, call, kind, fun, *operands, **params)
    out = call(kind, fun, *operands, **params)
    return watch(out, *also) if also else out


def _result(kind: Kind, out: Any, tensors: list[Tensor], values: list[Any], special: bool) -> Tensor:
    out = owned(out, values)
    tracked = on_tape(out)
    if special and tracked:
        for t in tensors:
            if t._view is not None:
                t._check_entry()
    t = wrap(out, kind, tensors[0] if tensors else None, tensors[1] if len(tensors) > 1 else None)
    if (not tracked or out.node.prim is UNCONNECTED) and mode.enabled and TapeTracer in map(type, values):
        t._cuts = ended(kind.called, tensors)
    elif special:
        cuts = cuts_of(tensors)
        if cuts and not tracked and (out.dtype.kind not in "fc" or (kind.notes is Zero and inside_rule())):
            cuts = ended(kind.called, tensors)
        if cuts:
            t._cuts = cuts
    if special:
        if mode.inference:
            t._storage = Inference(t._storage.value)
    if tracked and kind.saves:
        note_inner(kind, out.node, values)
        if kind.z:
            watch(t, *tensors[2:3])
    if tracked and (len(tensors) > 1 or kind.takes):
        note_edges(kind, out.node, values)
    return t


def note_edges(kind: Kind, node: Node, values: Sequence[Any]) -> None:
    """Keep the entries of the operands, in their order, where the entry does not show them."""
    if kind.takes:
        count = len(values)
        found: list[Any] = [values[place] if place < count else None for place in kind.places]
    else:
        found = [v for v in values if isinstance(v, (np.ndarray, Tracer)) and v.dtype.kind in "fc"]
    edges = tuple([v.node if type(v) is TapeTracer and type(v._trace) is Tape else None for v in found])
    if None in edges or edges != node.parents:
        unshared(node).edges = edges


def parts(outs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Results of one operation that have an entry each."""
    nodes = [t._value.node for t in outs if on_tape(t._value)]
    for i, node in enumerate(nodes):
        unshared(node).part = nodes[0].seq, i
    return tuple(outs)


def note_inner(kind: Kind, node: Node, values: list[Any]) -> None:
    """Give the entries between a result and its operands the note that frees them with it."""
    outside = {v.node for v in values if type(v) is TapeTracer}
    left = [node]
    while left:
        for entry in left.pop().parents:
            if entry is not None and entry not in outside and note_of(entry) is None:
                entry.note = kind.inner
                left.append(entry)


def watch(out: Tensor, *tensors: Tensor) -> Tensor:
    """The result, which has saved tensors besides its operands, as an index."""
    for t in tensors:
        if t._cuts:
            out._cuts = joined(out._cuts, indexing(t._cuts))
    if on_tape(out._value):
        if mode.saver is not None:
            return mode.saver.take_others(out, tensors)
        note = unshared(out._value.node)
        kept = [(t._storage, t._storage.version, _ref(t), t._value, t._view is not None, False) for t in tensors]
        note.watch = (*(note.watch or ()), *map(watched, kept))
    return out


def need_tensor(x: Any, function: str) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")


def view(
    x: Tensor,
    kind: Kind,
    step: Step,
    *,
    blocked: str | None = None,
    overlapping: bool = False,
) -> Tensor:
    """A tensor that reads the same memory by one more step."""
    value = x._read()
    own = x._view
    out = fresh(None)
    storage = x._storage
    tracked = on_tape(value)
    if not mode.enabled:
        blocked = INFERENCE_VIEW_IN_PLACE if mode.inference else NO_GRAD_VIEW_IN_PLACE
    steps: tuple[Step, ...] = (step,)
    if not mode.enabled and isinstance(raw(value), Tracer):
        steps = (step, UNRECORDED if scope.forward and not mode.inference else CONSTANT)
    if tracked and not mode.enabled:
        out._value = through(steps, value.value)
    else:
        out._value = quietly(through, steps, value)
        if tracked:
            if own is not None:
                x._check_entry()
            out._value.node.note = kind.note
    out._storage = storage
    out._seen = storage.stamp
    out._cuts = x._cuts
    if own is None:
        out._view = View(steps, x, steps)
    elif own.base is None:
        out._view = View((*own.storage_steps, *steps), x, steps)
    else:
        out._view = View((*own.storage_steps, *steps), own.base, (*own.steps, *steps))
        blocked = blocked or (own.blocked and (_seen_through(kind, own.blocked) if tracked else own.blocked))
    if blocked is not None:
        out._view.blocked = blocked = blocked if tracked else of_plain(blocked)
        out._view.written = written_since(blocked)
    if tracked or (blocked is not None and not isinstance(storage, Inference)):
        out._view.version = storage.version
    out._view.overlapping = overlapping or (own is not None and own.overlapping)
    if tracked and not mode.enabled:
        out._make_leaf("no_grad")
        out._value.node.note.severed = True
        out._cuts = joined(cut("no_grad", value, (), mode.off), out._cuts)
    return out


def _seen_through(kind: Kind, blocked: str) -> str:
    """The error for writing to a view, of which this is a view in turn: PyTorch names that."""
    seen = f"Output 0 of {kind.name.partition('Backward')[0]} is a view"
    if blocked in (NO_GRAD_VIEW_IN_PLACE, INFERENCE_VIEW_IN_PLACE):
        return f"{seen} of a view which was{blocked.removeprefix('A view was')}"
    return seen + blocked.partition(" is a view")[2]


def contiguous(t: Tensor, but_channels_last: bool = False) -> Tensor:
    """A result of which PyTorch lays the elements one after the other, where NumPy keeps the order of an operand."""
    array = raw(t._value)
    if type(array) is not np.ndarray or array.flags.c_contiguous:
        return t
    if but_channels_last and array.ndim == 4 and array.transpose(0, 2, 3, 1).flags.c_contiguous:
        return t
    return lie(t, tuple(range(array.ndim)))


def lie(t: Tensor, order: tuple[int, ...]) -> Tensor:
    """A result whose dimensions lie in memory in this order, those with large steps first."""
    value = t._value
    array = raw(value)
    if type(array) is not np.ndarray or (turned := array.transpose(order)).flags.c_contiguous:
        return t
    array = np.ascontiguousarray(turned).transpose(np.argsort(order))
    t._value = TapeTracer(value._trace, array, value.node) if on_tape(value) else array
    t._storage.value = array
    return t
