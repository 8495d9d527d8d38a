"""The backward pass: the tape's pull with PyTorch's rules about leaves, hooks, freed and modified values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.tape import ALONE, REUSED, SELECT, Node, Pending, Sparse, TapeTracer, entries, is_whole, tick
from funcgrad.core.trace import Primitive
from funcgrad.core.warned import SILENT, set_state, state
from funcgrad.ops.elementwise import conj
from funcgrad.torch._pass import anomaly
from funcgrad.torch._pass.again import free_later, requires_grad
from funcgrad.torch._pass.again import recorded as recorded_too
from funcgrad.torch._pass.current import under_way
from funcgrad.torch._pass.gradfn import FREED, Freed, has_two_operands
from funcgrad.torch._pass.hooks import checked, checked_all, use
from funcgrad.torch._pass.kept import Kept, is_spoilt
from funcgrad.torch._pass.modified import check
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.story import Off, PassRecord, Story
from funcgrad.torch._record.tape import Note, constant, copied, on_tape
from funcgrad.torch._tensor.tensor import Tensor, fresh


def outward(ct: Any) -> Any:
    """A cotangent as PyTorch shows it: its gradients of complex tensors are the conjugates."""
    return conj(ct) if ct.dtype.kind == "c" else ct


class UsersRule(Primitive):
    """A primitive whose derivative is the user's own code, which must know of the pass: `autograd.Function`."""

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Any:
        kept, run, seq = saved
        run.kept.handed[seq] = cts = self.back(kept, run, tracked, ct, params)
        return cts

    def back(self, saved: Any, run: Pass, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        """The cotangents of the operands."""
        raise NotImplementedError


DONE: Any = (None, None)


class Pass:
    """One backward pass.

    Args:
        keep: saved values are kept.
        create: it is itself recorded.
        wanted: the entries whose gradients are asked for, by `seq`; None for those of all leaves.
        accumulates: whether it fills the `grad` of leaves.
    """

    def __init__(self, keep: bool, create: bool, wanted: dict[int, Any] | None, accumulates: bool) -> None:
        self.keep = keep
        self.create = create
        self.wanted = wanted
        self.accumulates = accumulates
        self.found: dict[int, Any] = {}
        self.given: dict[int, Tensor] = {}
        self.record = PassRecord("backward" if accumulates else "grad")
        self.kept = Kept()
        self.freed, self.gone = self.kept.saved, Freed(self.record)
        self.pulled: set[int] | None = None
        self.waiting: dict[int, int] | None = None
        self.reached: set[int] = set()
        self.inside: set[int] = set()

    def run(self, outputs: Sequence[Tensor], grads: Sequence[Tensor | np.ndarray]) -> None:
        """Pull back the gradients of the outputs; those that are arrays are ours."""
        seeds = []
        for out, grad in zip(outputs, grads):
            value = out._read()
            self.tape = value._trace
            ct: Any = grad
            if isinstance(grad, Tensor):
                ct = self.taken(grad)
                if not self.create:
                    self.given[id(ct)] = grad
                if ct.dtype != value.dtype:
                    ct = ct.astype(value.dtype)
                ct = outward(ct)
            seeds.append((value.node, ct))
        self.kept.seeds = tuple(seeds)
        if self.wanted is not None:
            self.pulled = self.ways([node for node, _ in seeds])
        if use.ever:
            self.count([node for node, _ in seeds])
        under_way.passes.append(self)
        try:
            self.walk(seeds)
        finally:
            under_way.passes.pop()

    def ways(self, outputs: Sequence[Node]) -> set[int]:
        """The entries to be pulled back: those with a wanted one among what lies behind."""
        wanted = self.wanted or {}
        found: set[int] = set()
        for node in entries(outputs):
            if any(p is not None and (p.seq in wanted or p.seq in found) for p in node.parents):
                found.add(node.seq)
        return found

    def count(self, outputs: list[Node]) -> None:
        """How many entries each leaf waits for: PyTorch visits a leaf as soon as its gradient is complete."""
        self.waiting = {}
        for node in entries(outputs):
            if self.pulled is None or node.seq in self.pulled or node.seq in (self.wanted or ()):
                self.reached.add(node.seq)
            if self.pulled is None or node.seq in self.pulled:
                for parent in node.parents:
                    if parent is not None and parent.prim is None:
                        self.waiting[parent.seq] = self.waiting.get(parent.seq, 0) + 1

    def will_reach(self, tensor: Tensor) -> bool:
        value = tensor._read()
        return on_tape(value) and value.node.seq in self.reached

    def walk(self, seeds: list[tuple[Node, Any]]) -> None:
        """Pull back entry by entry, the newest first; `seeds` is emptied, so that it keeps nothing alive.

        As `core.tape.pull`, whose loop this is, entries are let go as soon as they are done.
        """
        pending = Pending()
        add, arrived, heap = pending.add, pending.arrived, pending.heap
        while seeds:
            add(*seeds.pop())
        pulled, waiting = self.pulled, self.waiting
        careful, saved_of, create = anomaly.state.enabled, self.saved_of, self.create
        before = state()
        try:
            set_state(SILENT)
            while heap:
                node: Any
                node, ct = arrived.pop(-heappop(heap), DONE)
                if node is None:  # a leaf, visited as soon as it was complete
                    continue
                prim = node.prim
                if prim is None:
                    self.leaf(node, ct)
                    continue
                if pulled is not None:
                    if node.seq not in pulled:
                        self.stop(node, ct)
                        continue
                    if node.seq in self.wanted:  # type: ignore[operator]
                        self.found[node.seq] = ct
                try:
                    note = node.note
                except AttributeError:
                    note = None
                else:
                    if note.own:
                        ct = self.arriving(node, note, ct)
                        if ct is None:  # a hook took it away
                            continue
                parents = node.parents
                if prim is SELECT:
                    slots = [None] * node.params["of"]
                    slots[node.params["index"]] = ct
                    add(parents[0], slots)
                    continue
                first = tick() if create else 0
                recorded = create and (requires_grad(note, ct) or node.seq in self.inside)
                if careful or (note is not None and note.after):
                    cts = self.pull_back(node, note, ct)
                elif type(ct) is np.ndarray and ct.nbytes >= REUSED and getrefcount(ct) == ALONE and is_whole(ct):
                    cts = prim.pull_over(saved_of(node, note), parents, ct, node.params, over=True, last=False)
                else:
                    cts = prim.pull(saved_of(node, note), parents, ct, node.params)
                if recorded:
                    cts = recorded_too(self.tape, self.inside, node, cts)
                if create and note is not None and note.watch is not None:
                    free_later(cts, first)
                for parent, ct in zip(parents, cts):
                    if parent is not None and ct is not None:
                        if parent.seq in arrived or type(ct) is Sparse:
                            add(parent, ct)
                        else:  # what add does, without its call
                            arrived[parent.seq] = parent, ct
                            heappush(heap, -parent.seq)
                if waiting is not None:
                    self.visit_complete(parents, pending)
                del cts
                parent = None
                del node, parents, ct
        finally:
            set_state(before)

    def pull_back(self, node: Node, note: Note | None, ct: Any) -> Any:
        """The cotangents of the operands, where hooks or anomaly mode look at them."""
        prim: Any = node.prim
        try:
            cts = prim.pull(self.saved_of(node, note), node.parents, ct, node.params)
            if anomaly.state.enabled:
                anomaly.check(node, cts)
        except Exception:
            if anomaly.state.enabled:
                anomaly.tell_forward(node)
            raise
        if note is not None and note.after:
            self.kept.handed[node.seq] = cts = self.leaving(note.after, node, cts, ct)
        return cts

    def visit_complete(self, parents: Sequence[Node | None], pending: Pending) -> None:
        """Visit the leaves that wait for nothing more."""
        waiting = self.waiting
        assert waiting is not None
        for parent in parents:
            if parent is not None and parent.prim is None:
                waiting[parent.seq] -= 1
                if not waiting[parent.seq]:
                    node, ct = pending.arrived.pop(parent.seq, DONE)
                    if node is not None:
                        self.leaf(node, ct)

    # what happens at an entry

    def stop(self, node: Node, ct: Any) -> None:
        """An entry that is not pulled back; it may be wanted. Its hooks are called all the same."""
        assert self.wanted is not None
        if node.seq in self.wanted:
            note = getattr(node, "note", None)
            if note is not None and note.own:
                ct = self.with_hooks(node, note, ct)
            self.found[node.seq] = ct

    def leaf(self, node: Node, ct: Any) -> None:
        note = getattr(node, "note", None)
        if (self.wanted is not None and node.seq not in self.wanted) or (note is not None and note.severed):
            return
        if note is None or note.owner is None:
            self.found[node.seq] = ct
            return
        if not self.accumulates:
            self.found[node.seq] = ct = self.with_hooks(node, note, ct) if note.hooks else ct
            if is_spoilt(ct):
                self.kept.spoilt.append((node, ct))
            return
        if note.hooks or note.before:
            ct = self.arriving(node, note, ct)
        tensor = note.owner()
        if tensor is not None:
            if ct is not None and on_tape(tensor._value):  # else it was frozen since
                self.note(node, self.accumulate(tensor, ct), ct)
            if note.filled:
                for hook in list(note.filled.values()):
                    self.in_users_mode(hook, tensor)
        if note.after:
            self.leaving(note.after, node, (), ct)

    def arriving(self, node: Node, note: Note, ct: Any) -> Any:
        """What hooks make of the cotangent of an entry."""
        first = ct
        ct = self.with_hooks(node, note, ct)
        if note.siblings:
            for i, sibling in enumerate(note.siblings):
                if ct[i] is None and sibling.hooks:
                    ct[i] = self.hooked(sibling.hooks, None)
        for hook in list((note.before or {}).values()):
            result = self.in_users_mode(hook, self.shown(ct))
            if result is not None:
                ct = self.replaced(hook, result, ct if type(ct) is list else [ct])
                ct = ct if note.siblings else ct[0]
        if ct is not first:
            self.kept.replaced[node.seq] = ct
        return ct

    def with_hooks(self, node: Node, note: Note, ct: Any) -> Any:
        """The hooks on the gradient, and then the tensor that retains it."""
        if note.hooks:
            ct = self.hooked(note.hooks, ct)
        if note.owner is not None and node.prim is not None:
            tensor = note.owner()
            if tensor is not None and (not on_tape(value := tensor._read()) or value.node is node):
                self.note(node, self.accumulate(tensor, ct), ct)
        return ct

    def leaving(self, hooks: dict[int, Any], node: Node, cts: Sequence[Any], ct: Any) -> Any:
        """What hooks behind an operation make of the cotangents of its operands."""
        found = [c.dense() if type(c) is Sparse else c for c in cts]
        given = self.shown(ct)
        places = [i for i, _ in enumerate(found) if has_two_operands(node) or node.parents[i] is not None]
        for hook in list(hooks.values()):
            operands = [found[i] for i in places]
            result = self.in_users_mode(hook, self.shown(operands), given)
            if result is not None:
                for i, c in zip(places, self.replaced(hook, result, operands)):
                    found[i] = c
        return found

    def shown(self, cts: Any) -> tuple[Tensor | None, ...]:
        return tuple(None if c is None else self.tensor(c) for c in (cts if type(cts) is list else [cts]))

    def replaced(self, hook: Any, result: Any, before: list[Any]) -> list[Any]:
        given = checked_all(hook, before, result)
        return [None if t is None else outward(self.taken(t)) for t in given]

    def hooked(self, hooks: dict[int, Callable[[Any], Any]], ct: Any) -> Any:
        """A cotangent as hooks leave it, by what they return or by writing into it."""
        for hook in list(hooks.values()):
            shown = None if ct is None else self.tensor(ct)
            version = 0 if shown is None else shown._storage.version
            result = self.in_users_mode(hook, shown)
            if result is None:
                if shown is not None and shown._storage.version != version:
                    ct = outward(self.taken(shown))
                continue
            before, ct = ct, outward(self.taken(checked(hook, ct, result)))
            self.record.mark(hook, before, ct)
        return ct

    def note(self, node: Node, story: Story, ct: Any) -> None:
        """Whether a gradient is sound: if not, the end of the pass looks into it."""
        if is_spoilt(ct):
            self.kept.spoilt.append((node, ct))
        else:
            self.kept.sound = True
            if story.count == 1:
                story.spoilt = None

    def accumulate(self, tensor: Tensor, ct: Any) -> Story:
        grad, story = tensor._grad, tensor._story
        ct = outward(ct)
        if not self.create:
            ct = constant(ct)
        if grad is not None and story.count and grad._storage.version != story.version and not grad._array().any():
            story.zeroed(grad._storage.writes)
        if grad is None:
            tensor._grad = fresh(own_memory(ct))
            if not self.create:
                tensor._grad._cuts = self.record.ends
        elif self.create:
            tensor._grad = self.in_users_mode(operator.add, grad, fresh(ct))
        elif grad._view is None:
            grad._write(constant(grad._read()) + ct, at=(self.record.loc, self.record.when))
        else:  # whose base the mode decides about
            self.in_users_mode(grad._write, constant(grad._read()) + ct)
        total: Any = tensor._grad
        story.reach(self.record, total._storage.version)
        return story

    # tensors and values

    def in_users_mode(self, fun: Callable[..., Any], *args: Any) -> Any:
        """Call what works on Tensors, recording it as the pass is asked to.

        Around such calls only: what a signal handler does during the pass is recorded as usual.
        """
        before = mode.enabled, mode.off
        mode.enabled, mode.off = self.create, Off("backward", self.record.loc)
        try:
            return fun(*args)
        finally:
            mode.enabled, mode.off = before

    def taken(self, tensor: Tensor) -> Any:
        """A user's tensor as a value that nobody else writes into."""
        value = tensor._read() if self.create else constant(tensor._read())
        if tensor._storage.shared:
            return copied(value)
        tensor._storage.lend()
        return value

    def tensor(self, ct: Any) -> Tensor:
        """A cotangent as a user's hook or rule sees it: where it is that, the very tensor given to `backward`.
        """
        given = self.given.get(id(ct))
        return given if given is not None else fresh(outward(ct))

    def link(self, value: Any, node: Node | None) -> Any:
        """A saved value as a value of the tape again."""
        if node is None or value is None or type(value) is Aval:
            return value
        return TapeTracer(self.tape, value, node)

    def saved_of(self, node: Node, note: Note | None) -> Any:
        saved = node.saved
        if note is not None:
            if type(saved) is Freed:
                raise RuntimeError(FREED)
            watch = note.watch
            if watch is not None:
                for watched in watch:
                    if watched[0].version != watched[1]:
                        check(watched, node.seq)
                if not self.keep:
                    self.freed[node.seq] = saved
                    node.saved = self.gone
                    if watch:
                        note.watch = ()
            if note.lacks is not None:
                raise (RuntimeError if note.name == "NotImplemented" else NotImplementedError)(note.lacks)
        prim: Any = node.prim
        if isinstance(prim, UsersRule):
            return saved, self, node.seq
        return prim.relink(saved, node.parents, node, self.link) if self.create else saved


def own_memory(ct: Any) -> Any:
    """A gradient in memory of its own, in the order of rows: no part of another array."""
    if type(ct) is np.ndarray and (ct.base is not None or not ct.flags.c_contiguous):
        return np.array(ct, order="C")
    return ct
