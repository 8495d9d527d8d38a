"""A call of an `autograd.Function` on the tape: its entry, and what its outputs become."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer, selected
from funcgrad.torch._pass.context import FunctionCtx, Saved
from funcgrad.torch._record.calls import cuts_of
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import Note, on_tape, raw
from funcgrad.torch._tensor.messages import FUNCTION_VIEW_IN_PLACE, FUNCTION_VIEW_WRITTEN, MULTI_VIEW_IN_PLACE
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import View


class Recorded:
    """One call that is recorded: its entry, and what its outputs become."""

    def __init__(self, call: Any, ctx: FunctionCtx, args: Sequence[Any], needs: tuple[bool, ...]) -> None:
        self.call, self.ctx, self.args, self.needs = call, ctx, args, needs
        self.values: list[Any] = [a._read() if isinstance(a, Tensor) else None for a in args]
        self.tape = next(v._trace for v in self.values if on_tape(v))

    def outputs(self, outputs: list[Any]) -> list[Any]:
        ctx = self.ctx
        moving = [isinstance(y, Tensor) and y._read().dtype.kind in "fc" and id(y) not in ctx._flat for y in outputs]
        node = self.entry(outputs, moving)
        ctx._entry = weakref.ref(node)
        count = sum(moving)
        saved = [None if t is None else Saved(t, mode.saver) for t in ctx._to_save]
        results: list[Any] = []
        selections: list[Note] = []
        for y, moves in zip(outputs, moving):
            if not moves:
                results.append(y.detach() if isinstance(y, Tensor) and self.is_argument(y) else y)
                continue
            own = node
            if count > 1:
                own = selected(node, len(selections), count)
                own.note = Note(self.call.name)
                own.note.own = True
                selections.append(own.note)
            result = self.output(y, TapeTracer(self.tape, raw(y._read()), own), len(results), count)
            for s, t in zip(saved, ctx._to_save):
                if s is not None and t is y and (result is y or not self.is_argument(t)):
                    s.belongs_to(result._value, self.call.name)
            results.append(result)
        node.note.siblings = tuple(selections)
        ctx._saved = tuple(saved)
        ctx._to_save = ()
        return results

    def entry(self, outputs: list[Any], moving: list[bool]) -> Node:
        avals = [(() if v is None else v.shape, None if v is None else v.dtype) for v in self.values]
        outs = [
            (y._read().shape, y._read().dtype, m) if isinstance(y, Tensor) else None for y, m in zip(outputs, moving)
        ]
        parents = tuple([v.node if on_tape(v) else None for v in self.values])
        node = Node(self.call, {}, parents, (self.ctx, avals, self.needs, outs), here())
        node.note = Note(self.call.name)
        node.note.own = True
        return node

    def is_argument(self, y: Tensor) -> bool:
        return any(y is a for a in self.args)

    def output(self, y: Tensor, value: TapeTracer, index: int, count: int) -> Tensor:
        """An output: what `forward` wrote itself, a new tensor, or a view that must not be written."""
        if any(y is t for t in self.ctx._dirty):
            y._write(value)
            return y
        result = fresh(value)
        result._storage, result._seen = y._storage, y._storage.stamp
        y._storage.lend()
        result._cuts = cuts_of(tuple(self.args))
        view = y._view
        name = self.call.function.__name__
        if view is not None and view.base is not None:
            result._view = View(view.storage_steps, view.base, view.steps)
        elif self.is_argument(y):
            result._view = View(view.storage_steps if view is not None else (), y, ())
        elif view is not None:
            result._view = view.apart()
        if result._view is not None and result._view.base is not None:
            blocked = MULTI_VIEW_IN_PLACE if count > 1 else FUNCTION_VIEW_IN_PLACE
            result._view.blocked = blocked.format(index=index, name=name)
            result._view.written = FUNCTION_VIEW_WRITTEN.format(index=index, name=name)
            result._view.version = y._storage.version
        return result
