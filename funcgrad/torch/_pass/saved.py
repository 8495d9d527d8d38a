"""Hooks on what operations save: `saved_tensors_hooks`, `save_on_cpu`, `disable_saved_tensors_hooks`.

While there are such hooks, an operation is recorded as one entry, `REMADE`, which keeps what `pack_hook` returned for
the tensors that PyTorch saves. On the way back `unpack_hook` is called, and the operation is computed again from what
it gives: the derivatives are those of the unpacked values, whatever the entries beneath save.

A result that was unpacked takes the place of the one computed again. Where a derivative here does not read what
PyTorch's reads, and the unpacked values are others than were packed, that is an error: it would be another number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import here
from funcgrad.core.tape import SELECT, Node, TapeTracer, selected
from funcgrad.ops.overwritten import revalued
from funcgrad.torch._ops.select import clone
from funcgrad.torch._pass.engine import Pass, UsersRule
from funcgrad.torch._pass.inner import Inner
from funcgrad.torch._record.calls import Kind, note_edges
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import BASE, Note, on_tape, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh

PACK_WRITES = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
    "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to "
    "perform in-place operations on the input to a pack hook."
)
NO_TENSOR = "Output of saved tensor unpack_hook expected to be a Tensor but got result of type {}"
NOT_CALLABLE = (
    "_push_saved_tensors_default_hooks(): incompatible function arguments. The following argument types are "
    "supported:\n    1. (arg0: collections.abc.Callable, arg1: collections.abc.Callable) -> None\n\n"
    "Invoked with: {}, {}"
)
OTHER_VALUES = (
    "saved_tensors_hooks: unpack_hook gave other values than were packed for {} of {}, and the derivative that "
    "funcgrad.torch has of it does not read them: the gradient would be another than PyTorch's. Let unpack_hook give "
    "them back as they were (in `pack_hook`, t.grad_fn tells the operation)"
)

Hook = Callable[[Any], Any]


class Packed:
    """A saved tensor as the user's hooks keep it."""

    def __init__(self, hooks: saved_tensors_hooks, t: Tensor) -> None:
        self.unpack = hooks.unpack_hook
        self.shape, self.dtype = t._read().shape, t._read().dtype
        storage, version = t._storage, t._storage.version
        before, mode.enabled = mode.enabled, False
        try:
            self.kept = hooks.pack_hook(t)
        finally:
            mode.enabled = before
        if storage.version != version:
            raise RuntimeError(PACK_WRITES)

    def tensor(self) -> Tensor:
        """What the user's hook gives back."""
        t = self.unpack(self.kept)
        if not isinstance(t, Tensor):
            raise TypeError(NO_TENSOR.format(type(t).__name__))
        t._storage.lend()
        return t

    def value(self, run: Pass) -> Any:
        """The same as values, in the shape and dtype that was packed."""
        value = raw(run.taken(run.in_users_mode(self.tensor)))
        if value.dtype != self.dtype:
            value = value.astype(self.dtype)
        if value.shape != self.shape:
            check_broadcast(self.shape, value.shape)
            value = np.broadcast_to(value, self.shape)
        return value


class Other(Packed):
    """A saved tensor that must come back as it was: an index, a mask; an operand of what saves more than is known."""

    def __init__(self, hooks: saved_tensors_hooks, t: Tensor) -> None:
        super().__init__(hooks, t)
        self.before = raw(t._read())
        t._storage.lend()


class Remade:
    """One operation: how to compute it again, and what was packed."""

    def __init__(self, kind: Kind, fun: Callable[..., Any], values: Sequence[Any], params: dict[str, Any]) -> None:
        self.kind, self.fun, self.params = kind, fun, params
        self.values = [raw(v) for v in values]
        self.tensors: list[bool] = []
        self.nodes = [v.node if on_tape(v) else None for v in values]
        self.operands: dict[int, Packed] = {}
        self.results: dict[int, Packed] = {}
        self.others: list[Other] = []
        self.kept: list[Packed] = []
        self.moving: list[bool] = []
        self.entries: list[Node] = []

    def pack(self, hooks: saved_tensors_hooks, operands: Sequence[Any], besides: Sequence[Tensor]) -> None:
        before, _, behind = self.kind.saves.rpartition("i")
        self.pack_operands(hooks, operands, before)
        self.others += [Other(hooks, t) for t in besides]
        self.pack_operands(hooks, operands, behind)

    def pack_between(self, hooks: saved_tensors_hooks, values: Sequence[Any], results: Sequence[Tensor]) -> None:
        """What is saved between operands and results, and of the results."""

        def keep(v: Any, as_: Callable[[Any], Any] | None = None) -> Any:
            if v is not None:
                new = v if as_ is None else as_(v)
                result = next((t for t in results if same(new, raw(t._value))), None)
                self.kept.append(Packed(hooks, fresh(new) if result is None else result))
            return v

        assert self.kind.reads is not None
        quietly(self.kind.reads, keep, *(raw(v) for v in values), **self.params)

    def pack_operands(self, hooks: saved_tensors_hooks, operands: Sequence[Any], letters: str) -> None:
        self.tensors = [isinstance(t, Tensor) for t in operands]
        places = [i for i, is_tensor in enumerate(self.tensors) if is_tensor or self.kind.reads is not None]
        for i in self.kind.saved_places(places, [n is not None for n in self.nodes], letters):
            if not self.tensors[i]:
                continue
            kept = Other if "?" in self.kind.saves else Packed
            whole = hooks.whole_numbers(operands[i])
            self.operands[i] = kept(hooks, hooks.before_write(operands[i] if whole is None else whole))
            if whole is not None:
                self.operands[i].dtype = operands[i]._read().dtype
            self.values[i] = None

    def outputs(self, run: Pass) -> tuple[Any, ...]:
        """The results, from the unpacked operands."""
        for other in self.others:
            self.checksame(other, other.value(run))
        given = list(self.values)
        for i, packed in self.operands.items():
            given[i] = packed.value(run)
            self.checksame(packed, given[i])
        values = [v if node is None else TapeTracer(BASE, v, node) for v, node in zip(given, self.nodes)]
        before, mode.enabled = mode.enabled, True
        try:
            out = None if self.kind.reads is None else self.read(run, values)
            if out is None:
                out = quietly(self.fun, *values, **self.params)
        finally:
            mode.enabled = before
        return out if type(out) is tuple else (out,)

    def read(self, run: Pass, values: Sequence[Any]) -> Any:
        """The results as PyTorch's derivative reads them, of the unpacked values between operands and results. None
        where these are what follows from the operands: then the operation itself is differentiated. What reads them
        has no second derivatives, so that a pass that is recorded refuses others."""
        unpacked, changed = iter(self.kept), False

        def keep(v: Any, as_: Callable[[Any], Any] | None = None) -> Any:
            nonlocal changed
            if v is None:
                return None
            value = next(unpacked).value(run)
            if same(value, raw(v) if as_ is None else as_(raw(v))):
                return v
            changed, value = True, value if as_ is None else as_(value)
            if run.create:
                raise NotImplementedError(OTHER_VALUES.format("what is between operands and result", self.kind.name))
            if not on_tape(v):
                return value
            self.between[_place(v.node)] = value, v.node
            return revalued(v, value)

        assert self.kind.reads is not None
        out = quietly(self.kind.reads, keep, *values, **self.params)
        return out if changed else None

    def pulled(self, run: Pass, cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, each entry's once."""
        first = Node().seq
        self.between: dict[tuple[int, int], tuple[Any, Node]] = {}
        outs = self.outputs(run)
        inner = _Unpacked(run, first, [n for n in self.nodes if n is not None])
        inner.results.update(self.between)
        for i, packed in self.results.items():
            value = packed.value(run)
            if not same(value, raw(outs[i])):
                self.check_reads(outs[i].node)
                inner.results[_place(outs[i].node)] = value, self.entries[i]
        ends = [(y.node, c) for y, c in zip([y for y, m in zip(outs, self.moving) if m], cts) if c is not None]
        found = inner.over(ends)
        return [None if n is None else found.pop(n.seq, None) for n in self.nodes]

    def checksame(self, packed: Packed, value: Any) -> None:
        if isinstance(packed, Other) and not same(value, packed.before):
            raise NotImplementedError(OTHER_VALUES.format("a tensor", self.kind.name))

    def check_reads(self, node: Node) -> None:
        """An error where the derivative is of several entries, or reads the operands in place of the result."""
        operands = {n.seq for n in self.nodes if n is not None}
        unread = {n.seq for i, n in enumerate(self.nodes) if n is not None and i not in self.operands}
        read: set[int] = set()

        def link(value: Any, entry: Node | None) -> Any:
            if entry is not None and value is not None and type(value) is not Aval:
                read.add(entry.seq)
            return value

        prim: Any = node.prim
        single = all(p is None or p.seq in operands for p in node.parents)
        if single:
            prim.relink(node.saved, node.parents, node, link)
        if not single or node.seq not in read or read & unread:
            raise NotImplementedError(OTHER_VALUES.format("the result", self.kind.name))


def _place(node: Node) -> tuple[int, int]:
    """An entry, or that of several outputs and which of them it is."""
    if node.prim is not SELECT:
        return node.seq, 0
    assert node.parents[0] is not None
    return node.parents[0].seq, node.params["index"]


def same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


class _Unpacked(Inner):
    """A pass over an operation that was computed again, whose `results` are the unpacked ones."""

    def __init__(self, outer: Pass, first: int, wanted: Sequence[Node]) -> None:
        super().__init__(outer, first, wanted)
        self.results: dict[tuple[int, int], tuple[Any, Node]] = {}

    def over(self, ends: list[tuple[Node, Any]]) -> dict[int, Any]:
        self.tape = BASE
        self.pulled = self.ways([node for node, _ in ends])
        self.walk(ends)
        return self.found

    def link(self, value: Any, node: Node | None) -> Any:
        if node is not None and value is not None and (found := self.results.get(_place(node))) is not None:
            value, node = found
        return super().link(value, node) if self.create else value

    def saved_of(self, node: Node, note: Note | None) -> Any:
        prim: Any = node.prim
        return prim.relink(node.saved, node.parents, node, self.link) if self.create or self.results else node.saved


class _Remake(UsersRule):
    """An operation that is computed again when it is pulled back."""

    def back(self, saved: Any, run: Pass, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        remade: Remade = saved
        return remade.pulled(run, ct if type(ct) is list else [ct])


REMADE = _Remake("remade")


class saved_tensors_hooks:
    """A context in which `pack_hook(tensor)` is called for each tensor that an operation saves; what it returns is
    kept, and given to `unpack_hook` wherever the backward pass needs the tensor. Of several contexts the innermost.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> kept = []
    >>> def pack(t):
    ...     kept.append(t.nbytes)
    ...     return t.detach().half()
    >>> with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t.float()):
    ...     y = (x.exp() * x).sum()
    >>> y.backward()
    >>> kept
    [8, 8, 8]
    """

    def __init__(self, pack_hook: Hook, unpack_hook: Hook) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self.written: Tensor | None = None
        self.besides: Sequence[Tensor] = ()
        self.wholes: tuple[tuple[Tensor, Tensor], ...] = ()

    def __enter__(self) -> None:
        if mode.hooks_refused is not None:
            raise RuntimeError(mode.hooks_refused)
        if not (callable(self.pack_hook) and callable(self.unpack_hook)):
            raise TypeError(NOT_CALLABLE.format(self.pack_hook, self.unpack_hook))
        mode.savers = (*mode.savers, self)

    def __exit__(self, *error: object) -> None:
        mode.savers = mode.savers[:-1]

    def writing(self, t: Tensor, fun: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call an operation whose result `t` takes on: of `t` itself a copy is saved."""
        before, self.written = self.written, t
        try:
            return fun(t, *args, **kwargs)
        finally:
            self.written = before

    def taking(self, also: Sequence[Tensor], fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call an operation that saves other tensors than its operands, and before them."""
        before, self.besides = self.besides, also
        try:
            return fun(*args, **kwargs)
        finally:
            self.besides = before

    def stands_for(self, cast: Tensor, given: Tensor) -> None:
        """An operand of whole numbers was cast for an operation: PyTorch saves what was given."""
        self.wholes = (*self.wholes[-1:], (cast, given))

    def whole_numbers(self, t: Tensor) -> Tensor | None:
        return next((given for cast, given in self.wholes if cast is t), None)

    def before_write(self, t: Tensor) -> Tensor:
        if t is not self.written:
            return t
        return clone(t)

    def take(
        self, kind: Kind, fun: Callable[..., Any], operands: Sequence[Any], values: Sequence[Any], params: Any, out: Any
    ) -> None:
        """Give the results of an operation an entry that keeps what is packed, in place of their own."""
        results = out if type(out) is tuple else (out,)
        moving = [on_tape(t._value) and t._value._trace is BASE for t in results]
        if not any(moving) or kind.note.lacks is not None:
            return
        remade = Remade(kind, fun, values, params)
        remade.pack(self, operands, self.besides)
        self.wholes = ()
        node = Node(REMADE, {}, tuple(remade.nodes), remade, here())
        node.note = Note(kind.name, ())
        note_edges(kind, node, values)
        remade.moving, count = moving, sum(moving)
        for t, moves in zip(results, moving):
            own = node
            if moves and count > 1:
                own = selected(node, sum(moving[: len(remade.entries)]), count)
                own.note = Note(kind.name, None)
            remade.entries.append(own)
            if moves:
                t._value = TapeTracer(BASE, raw(t._value), own)
        if kind.reads is not None:
            remade.pack_between(self, values, results)
        for i, (t, moves) in enumerate(zip(results, moving)):
            if moves and kind.result and kind.reads is None and (i == 0 or "r" in kind.saves):
                remade.results[i] = Packed(self, t)

    def take_others(self, out: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        """Pack what an operation has saved besides its operands."""
        value: Any = out._value
        node = value.node
        if node.prim is REMADE:
            node.saved.others.extend(Other(self, t) for t in tensors)
        return out


class save_on_cpu(saved_tensors_hooks):
    """A context in which operations save copies of tensors. (There is no other device that it would save memory of.)

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor(0.0, requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = x.exp()
    >>> y.backward()
    >>> x.grad
    tensor(1.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t.detach().clone(), lambda t: t)


@contextmanager
def without_hooks() -> Iterator[None]:
    """A context that is as if there were no `saved_tensors_hooks` around it."""
    before, mode.savers = mode.savers, ()
    try:
        yield
    finally:
        mode.savers = before


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A context in which `saved_tensors_hooks` are refused: RuntimeError with this message, also where there are any.

    >>> import funcgrad.torch as torch
    >>> with disable_saved_tensors_hooks("not here"):
    ...     y = torch.ones(2) * 2
    """
    if mode.savers:
        raise RuntimeError(error_message)
    before, mode.hooks_refused = mode.hooks_refused, error_message
    try:
        yield
    finally:
        mode.hooks_refused = before
