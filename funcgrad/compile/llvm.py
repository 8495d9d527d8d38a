"""Loops as LLVM text.

Values that do not change in a loop are computed before it; a loop with lanes computes on vectors, and what is left over
at its end once more, masked.
"""

from __future__ import annotations

from typing import NamedTuple

from funcgrad.compile.folds import Folds
from funcgrad.compile.nest import Choose, For, While
from funcgrad.compile.operators import Block, Lanes, Shared
from funcgrad.compile.statements import Buffer, Write


class Bounds(NamedTuple):
    """The turns of a loop that one of `parts` parts of it runs: `%low` to `%high`, `%part` being its number."""

    scope: For
    parts: int


class Function(Folds):
    """One function of a kernel, in the making: its loops and statements."""

    def __init__(self, shared: Shared, pointers: dict[Buffer, str], bounds: Bounds | None = None) -> None:
        super().__init__(shared, pointers)
        self._bounds = bounds

    def item(self, item: For | Write, level: int) -> None:
        """A statement or a loop within the loop at a level."""
        if isinstance(item, While):
            self._while(item, level + 1)
        elif isinstance(item, Choose):
            self._choose(item, level + 1)
        elif isinstance(item, For):
            self._loop(item, level + 1)
        else:
            self._write(item)

    def _scope(self, scope: For, level: int) -> None:
        for item in scope.items:
            self.item(item, level)

    def _while(self, scope: While, level: int) -> None:
        self._count += 1
        number = self._count
        parent, inner = self._blocks[-1], Block(f"while{number}")
        self._blocks.append(inner)
        self._scope(scope.check, level)
        self.do(f"br i1 {self._value(scope.test)}, label %do{number}, label %done{number}")
        self.do(f"do{number}:")
        inner.label = f"do{number}"
        self._scope(scope, level)
        self._blocks.pop()
        head = [f"br label %next{number}", f"next{number}:"]
        if self.flagged:  # with an index out of bounds, which was taken for 0, it might never end
            flag, fine = self._new(), self._new()
            head += [f"{flag} = load i32, ptr %flag", f"{fine} = icmp eq i32 {flag}, 0",
                     f"br i1 {fine}, label %while{number}, label %done{number}"]  # fmt: skip
        else:
            head.append(f"br label %while{number}")
        parent.lines += [*head, f"while{number}:", *inner.lines, f"br label %next{number}", f"done{number}:"]
        parent.label = f"done{number}"

    def _choose(self, scope: Choose, level: int) -> None:
        self._count += 1
        number = self._count
        parent = self._blocks[-1]
        index = self._value(scope.index)
        bodies = []
        outer, self._branch = self._branch, len(self._blocks)
        for k, branch in enumerate(scope.branches):
            inner = Block(f"case{number}.{k}")
            self._blocks.append(inner)
            self._scope(branch, level)
            self._blocks.pop()
            bodies += [f"case{number}.{k}:", *inner.lines, f"br label %after{number}"]
        self._branch = outer
        last = len(scope.branches) - 1
        cases = " ".join(f"i64 {k}, label %case{number}.{k}" for k in range(last))
        parent.lines += [f"switch i64 {index}, label %case{number}.{last} [ {cases} ]", *bodies, f"after{number}:"]
        parent.label = f"after{number}"

    def _loop(self, scope: For, level: int) -> None:
        axis = scope.axis
        assert axis is not None
        self._axis_levels[axis] = level
        statements = [] if scope.ordered else list(scope.statements())
        for w in statements:
            self._begin(w, scope)
        if scope.lanes > 1:
            full, rest = divmod(axis.size, scope.lanes)
            if full:
                self._run(scope, level, full, scope.lanes, None, 0)
            if rest:
                mask = ", ".join(f"i1 {'true' if i < rest else 'false'}" for i in range(scope.lanes))
                self._last(scope, level, f"<{mask}>", full * scope.lanes)
            self._lanes = None
        elif axis.size:
            self._run(scope, level, axis.size, 1, None, 0)
        for w in statements:
            self._end(w, scope)

    def _last(self, scope: For, level: int, mask: str, start: int) -> None:
        """What is left over behind the full vectors, which is the last part's."""
        if self._bounds is None or self._bounds.scope is not scope:
            self._run(scope, level, 1, scope.lanes, mask, start)
            return
        last = self.line(f"icmp eq i64 %part, {self._bounds.parts - 1}")
        self.do(f"br i1 {last}, label %rest, label %end")
        self.do("rest:")
        self._blocks[-1].label = "rest"
        self._run(scope, level, 1, scope.lanes, mask, start)
        self.do("br label %end")
        self.do("end:")
        self._blocks[-1].label = "end"

    def _run(self, scope: For, level: int, turns: int, lanes: int, mask: str | None, start: int) -> None:
        axis = scope.axis
        assert axis is not None
        if scope.lanes > 1:
            self._lanes = Lanes(axis, lanes, mask)

        def body() -> None:
            self._scope(scope, level)
            if turns > 1:
                self._flush(scope, self._positions[axis])

        self._repeat(axis, turns, lanes, start, body, self._bounds is not None and self._bounds.scope is scope)

    def _write(self, w: Write) -> None:
        for number, (index, value) in enumerate(w.parts):
            if w.fold is None:
                self._finish(w, index, self._value(value), self._is_vector(value))
                continue
            acc = self._accumulators.get((w, number))
            if acc is None:
                self._combine_into(w, index, self._value(value), self._is_vector(value))
            else:
                self._accumulate(w, acc, value)
