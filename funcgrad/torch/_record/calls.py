"""How an operation on Tensors becomes one on values: unwrap, promote, compute, wrap, note."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.provenance import at
from funcgrad.core.tape import Node, TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops import elementwise as ew
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.tape import Cut, Note, Tape, constant, cut, joined, note_of, on_tape, watched
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import NO_GRAD_VIEW_IN_PLACE
from funcgrad.torch._tensor.storage import Inference, Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Step, View, apart, through

_ref = weakref.ref
NUMBERS = (int, float, complex)


class Kind:
    """An operation as PyTorch knows it: the name of its `grad_fn` ("Exp" for "ExpBackward0"), and what
    PyTorch saves for its backward pass.

    `saves` lists "x" and "y" (its first and second tensor), "*" (each for the other's gradient), "r" (the
    result) and "-" (something that is no tensor, or a number). It decides only when PyTorch's errors about
    modified or freed values are raised; what the derivatives need is kept by the operations beneath.
    """

    __slots__ = ("name", "note", "others", "result", "saves", "shared", "x", "y")

    def __init__(self, name: str, saves: str = "") -> None:
        self.name = name if "Backward" in name or name == "NotImplemented" else f"{name}Backward0"
        self.saves = saves
        self.x = "x" in saves
        self.y = "y" in saves
        self.others = "*" in saves
        self.result = "r" in saves
        self.note = Note(self.name, () if saves == "-" else None)
        self.shared = saves in ("", "-")


def saved_by(kind: Kind, x: Any, y: Any, storage: Any) -> tuple[Any, ...]:
    """What PyTorch would have saved, with the version it has now."""
    watch: tuple[Any, ...] = ()
    if kind.x or (kind.others and isinstance(y, Tensor) and on_tape(y._value)):
        of = x._storage
        watch = (watched((of, of.version, _ref(x), x._value, x._view is not None, True)),)
    if isinstance(y, Tensor) and (kind.y or (kind.others and on_tape(x._value))):
        of = y._storage
        watch = (*watch, watched((of, of.version, _ref(y), y._value, y._view is not None, False)))
    if kind.result:
        watch = (*watch, watched((storage, 0, kind.name, None, False, False)))
    return watch


_new_tensor, _new_storage, _new_note = Tensor.__new__, Storage.__new__, Note.__new__


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
            out.node.note = note = _new_note(Note)
            note.name = kind.name
            note.watch = saved_by(kind, x, y, storage)
    else:
        storage.value = out
    return t


def cuts_of(operands: tuple[Any, ...]) -> tuple[Cut, ...]:
    """The cuts of a result, including the one that is being made where recording is off."""
    cuts: tuple[Cut, ...] = ()
    for t in operands:
        if isinstance(t, Tensor):
            if t._cuts:
                cuts = joined(cuts, t._cuts)
            if not mode.enabled and on_tape(t._value):
                cuts = joined(cut("no_grad", t._value, ()), cuts)
    return cuts


def values_of(operands: tuple[Any, ...]) -> list[Any]:
    """The values of tensors (numbers stay numbers) as the operation beneath takes them."""
    values = [t._read() if isinstance(t, Tensor) else t for t in operands]
    if not mode.enabled:
        return [constant(v) for v in values]
    if any(t._storage.shared for t in operands if isinstance(t, Tensor)) and any(map(on_tape, values)):
        for i, t in enumerate(operands):
            if isinstance(t, Tensor) and t._storage.shared:
                v = values[i]
                values[i] = TapeTracer(v._trace, v.value.copy(), v.node) if on_tape(v) else v.copy()
    return values


def owned(out: Any, values: list[Any]) -> Any:
    """A result with an entry and memory of its own: NumPy may have returned a view, an operation its operand."""
    for v in values:
        out = apart(out, v)
    array = out.value if type(out) is TapeTracer else out
    if type(array) is np.ndarray and (array.base is not None or any(array is v for v in values)):
        array = array.copy()
        return TapeTracer(out._trace, array, out.node) if on_tape(out) else array
    return out


def call(kind: Kind, fun: Callable[..., Any], *operands: Any, **params: Any) -> Tensor:
    """A composition or a primitive on tensors and numbers, whose values are ready for it.

    All entries it makes carry the note of the operation, so that what they saved is freed together.
    """
    values = values_of(operands)
    out = owned(quietly(fun, *values, **params), values)
    tensors = [t for t in operands if isinstance(t, Tensor)]
    if on_tape(out):
        for t in tensors:
            if t._view is not None:
                t._check_entry()
    t = wrap(out, kind, tensors[0], tensors[1] if len(tensors) > 1 else None)
    cuts = cuts_of(operands)
    if cuts:
        t._cuts = cuts
    if mode.inference:
        t._storage = Inference(t._storage.value)
    if kind.saves and on_tape(out):
        _note_inner(out.node, {v.node.seq for v in values if on_tape(v)})
    return t


def _note_inner(node: Node, outside: set[int]) -> None:
    """Give the entries between a result and its operands a note that frees them with it."""
    inner = Note(node.note.name, ())
    inner.inner = True
    stack = [p for p in node.parents if p is not None]
    while stack:
        entry = stack.pop()
        if entry.seq not in outside and note_of(entry) is None:
            entry.note = inner
            stack.extend(p for p in entry.parents if p is not None)


def need_tensor(x: Any, function: str) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")


def refuse(x: Tensor, kinds: str, kernel: str) -> None:
    """PyTorch's error for a dtype (of one of the kinds) that it has no such kernel for."""
    if x._read().dtype.kind in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{x.dtype.title}'")


def unary(
    fun: Callable[[Any], Any], name: str, saves: str = "", function: str = ""
) -> Callable[[Any], Tensor]:
    """An elementwise function of one tensor; integers become the default dtype."""
    kind = Kind(name, saves)
    function = function or name.lower()

    def apply(input: Any) -> Tensor:
        if isinstance(input, Tensor):
            storage = input._storage
            value = input._value
            if (
                input._seen == storage.stamp
                and value.shape != ()
                and value.dtype.kind == "f"
                and not storage.shared
                and not input._cuts
                and mode.direct
            ):
                try:
                    return wrap(mode.quiet(fun, value), kind, input)
                except RuntimeError:  # begun inside another operation, or raised again below
                    pass
        need_tensor(input, function)
        value = input._read()
        return call(kind, fun, input if value.dtype.kind in "fc" else cast(input, dtypes.default()))

    apply.__name__ = apply.__qualname__ = function
    return apply


def check_broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """PyTorch's error for shapes that do not broadcast."""
    rank = max(len(a), len(b))
    left, right = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    for i in reversed(range(rank)):
        if left[i] != right[i] and left[i] != 1 and right[i] != 1:
            raise RuntimeError(
                f"The size of tensor a ({left[i]}) must match the size of tensor b ({right[i]}) at "
                f"non-singleton dimension {i}"
            )


def number(x: Any) -> Any:
    """A NumPy scalar as the Python number that PyTorch takes it for; an array as a tensor."""
    if isinstance(x, Tracer):
        raise TypeError(
            f"an operand of a Tensor is a traced value of {x._trace.name}{at(x.location())}: Tensors and funcgrad's "
            "transformations meet in funcgrad.torch.to_functional(fn, *tensors), which makes a function of arrays"
        )
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return fresh(x)
    return x


def is_operand(x: Any) -> bool:
    return isinstance(x, (Tensor, *NUMBERS, np.generic, np.ndarray))


def promote(*operands: Any, floating: bool = False) -> list[Any]:
    """Tensors and numbers as tensors (and numbers) of their common dtype."""
    if all(not isinstance(t, Tensor) for t in operands):
        operands = (fresh(np.asarray(operands[0], dtypes.of_number(operands[0]))), *operands[1:])
    values = [t._read() if isinstance(t, Tensor) else t for t in operands]
    common = dtypes.result_type(*values)
    if floating and common.kind not in "fc":
        common = dtypes.default()
    out: list[Any] = []
    for t, v in zip(operands, values):
        if isinstance(t, Tensor):
            out.append(t if v.dtype == common else cast(t, common))
        else:
            out.append(_wrapped(int(v) if type(v) is bool and common.kind != "b" else v, common))
    return out


def _wrapped(n: Any, dtype: np.dtype) -> Any:
    """A Python integer as an integer dtype holds it."""
    if type(n) is int and dtype.kind in "iu":
        return np.array(n).astype(dtype).item()
    return n


def check_divisor(x: Any, y: Any) -> None:
    """PyTorch's error for integers divided by zero."""
    divisor = y._read() if isinstance(y, Tensor) else y
    dtype = (x if isinstance(x, Tensor) else y)._read().dtype
    if dtype.kind in "iub" and not isinstance(divisor, Tracer) and not np.all(divisor):
        raise RuntimeError("ZeroDivisionError")


TO_COPY = Kind("ToCopy")


def cast(t: Tensor, to: np.dtype) -> Tensor:
    """A copy in another dtype."""
    value = t._read()
    if on_tape(value) and to.kind in "fc":
        return call(TO_COPY, lambda v: ew.convert(v, dtype=to), t)
    op = "no_grad" if not mode.enabled else f"to({dtypes.of(to)})"
    cuts = joined(cut(op, value, ()), t._cuts) if on_tape(value) else t._cuts
    out = fresh(
        np.asarray(constant(value)).astype(to)
        if not isinstance(constant(value), Tracer)
        else ew.convert(constant(value), dtype=to)
    )
    out._cuts = cuts
    return out


def binary(
    fun: Callable[[Any, Any], Any],
    name: str,
    saves: str = "",
    *,
    with_number: str | None = None,
    number_saves: str | None = None,
    floating: bool = False,
    divides: bool = False,
    refuses: tuple[str, str] = ("", ""),
    function: str = "",
) -> Callable[[Any, Any], Tensor]:
    """An elementwise function of two tensors, or a tensor and a number (its kind may differ then).

    Integers become the default dtype where it is `floating`, and must not be divided by zero where it `divides`.
    `refuses` has kinds of dtypes that PyTorch has no kernel for, and the kernel's name.
    """
    kind = Kind(name, saves)
    number_kind = Kind(with_number or name, saves if number_saves is None else number_saves)
    function = function or name.lower()
    any_dtype = not (floating or divides or refuses[0])

    def slowly(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        for value, name, position in ((x, "input", 1), (y, "other", 2)):
            if not isinstance(value, (Tensor, *NUMBERS)):
                raise TypeError(
                    f"{function}(): argument '{name}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}"
                )
        both = isinstance(x, Tensor) and isinstance(y, Tensor)
        if both:
            check_broadcast(x.shape, y.shape)
        x, y = promote(x, y, floating=floating)
        refuse(x if isinstance(x, Tensor) else y, *refuses)
        if divides:
            check_divisor(x, y)
        return call(kind if both else number_kind, fun, x, y)

    def make(is_operator: bool) -> Callable[[Any, Any], Tensor]:
        def apply(input: Any, other: Any) -> Tensor:
            if isinstance(input, Tensor):
                a = input._value if input._seen == input._storage.stamp else input._read()
                if isinstance(other, Tensor):
                    b = other._value if other._seen == other._storage.stamp else other._read()
                    if (
                        a.dtype is b.dtype
                        and a.shape == b.shape != ()
                        and mode.direct
                        and not (input._storage.shared or other._storage.shared or input._cuts or other._cuts)
                        and (a.dtype.kind == "f" or any_dtype)
                    ):
                        try:
                            return wrap(mode.quiet(fun, a, b), kind, input, other)
                        except RuntimeError:  # begun inside another operation, or raised again below
                            pass
                elif (
                    (type(other) is float or type(other) is int)
                    and a.dtype.kind == "f"
                    and a.shape != ()
                    and mode.direct
                    and not (input._storage.shared or input._cuts)
                ):
                    try:
                        return wrap(mode.quiet(fun, a, other), number_kind, input)
                    except RuntimeError:
                        pass
            if is_operator and not is_operand(other):
                return NotImplemented
            return slowly(input, other)

        apply.__name__ = apply.__qualname__ = function
        return apply

    made = make(False)
    made.operator = make(True)  # type: ignore[attr-defined]
    return made


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
    written = None
    if not mode.enabled:
        blocked = NO_GRAD_VIEW_IN_PLACE
    elif tracked and blocked is not None:
        written = blocked.replace("is being", "its base or another view of its base has been")
    if tracked and not mode.enabled:
        out._value = constant(through((step,), value.value))
    else:
        out._value = quietly(through, (step,), value)
        if tracked:
            if own is not None:
                x._check_entry()
            out._value.node.note = kind.note
    out._storage = storage
    out._seen = storage.stamp
    out._cuts = x._cuts
    if own is None:
        out._view = View((step,), x, (step,))
    elif own.base is None:
        out._view = View((*own.storage_steps, step), x, (step,))
    else:
        out._view = View((*own.storage_steps, step), own.base, (*own.steps, step))
        blocked = blocked or own.blocked
        overlapping = overlapping or own.overlapping
    out._view.blocked = blocked
    out._view.written = written
    if tracked:
        out._view.version = storage.version
    out._view.overlapping = overlapping
    if tracked and not mode.enabled:
        out._make_leaf("no_grad")
        out._cuts = joined(cut("no_grad", value, ()), out._cuts)
    return out
