"""A kernel's functions: long nests are functions of their own, and large ones run in parts on a pool of threads.

What a part computes does not depend on how many threads there are: the parts are fixed by the sizes, and what they fold is
combined in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from funcgrad.compile.llvm import Bounds, Function, Shared, stored_type
from funcgrad.compile.lower import Buffer, Write
from funcgrad.compile.nest import For, read_in
from funcgrad.compile.scalars import Scalar

ON_STACK = 16384
"""Bytes of scratch memory up to which it is on the stack."""
LONG = 150
"""Operations of a nest from which on it is a function of its own: LLVM's time grows faster than a function's length."""
LARGE = 600_000
"""Operations from which on threads pay: some 80 us of work, where waking a thread takes 10 to 30."""
PARTS = 16
"""Parts of a loop. More would wait less for the slowest, and have more to combine."""
COSTS = {"div": 4, "sqrt": 5, "load": 1, "const": 0, "number": 0, "position": 0}
FUNCTION = 12
CHEAP = frozenset(("add", "sub", "mul", "neg", "cast", "select", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
                   "fabs", "abs", "max", "min", "maximum", "minimum", "bounded"))  # fmt: skip


class Kernel:
    """The text of `i32 @kernel(ptr of each input, ptr of each output, ptr %table, ptr %work)`.

    `work` is the bytes of workspace that it needs, `operations` about how many it does, `threaded` whether it may use
    the pool.
    """

    def __init__(self, root: For, inputs: Sequence[Buffer], outputs: Sequence[Buffer], scratch: Sequence[Buffer]) -> None:
        self.shared = Shared(root)
        self.work = 0
        self.threaded = False
        self.operations = 0
        self._texts: list[str] = []
        pointers = {b: f"%in{i}" for i, b in enumerate(inputs)} | {b: f"%out{i}" for i, b in enumerate(outputs)}
        params = [f"ptr noalias readonly {pointers[b]}" for b in inputs] + [f"ptr noalias {pointers[b]}" for b in outputs]
        self._main = Function(self.shared, pointers)
        outlined = {item: parts for item in root.items if isinstance(item, For) and (parts := self._parts(item, root))}
        private = _private(root, outlined, scratch)
        for buffer in scratch:
            if buffer not in private:
                self._place(self._main, buffer)
        for item in root.items:
            if item in outlined:
                self._outline(item, outlined[item], {b for b, owner in private.items() if owner is item})
            else:
                self._main.item(item, 0)
        self.text = self._finished(params)

    def _finished(self, params: Sequence[str]) -> str:
        main = self._main
        lines = main.lines()
        if main.flagged:
            lines = ["%flag = alloca i32", "store i32 0, ptr %flag", *lines, "%failed = load i32, ptr %flag", "ret i32 %failed"]
        else:
            lines.append("ret i32 0")
        head = f"define internal i32 @kernel({', '.join([*params, 'ptr noalias %table', 'ptr noalias %work'])})"
        return "\n".join([*self._texts, _function(head, lines)])

    def _place(self, function: Function, buffer: Buffer) -> None:
        """Scratch memory: on the stack, or in the workspace."""
        name = f"%m{len(function.pointers)}"
        size = buffer.size() * buffer.dtype.itemsize
        if size <= ON_STACK:
            function.entry.append(f"{name} = alloca [{buffer.size()} x {stored_type(buffer.dtype)}], align 64")
        else:
            function.entry.append(f"{name} = getelementptr i8, ptr %work, i64 {self._reserve(size)}")
        function.pointers[buffer] = name

    def _reserve(self, size: int) -> int:
        """An offset in the workspace."""
        offset = self.work
        self.work += -(-size // 64) * 64
        return offset

    def _parts(self, item: For, root: For) -> int:
        """In how many parts a nest runs as a function of its own; 0 if it is none."""
        if item.ordered:
            return 0
        length, operations = _measure(item)
        self.operations += operations
        if operations >= LARGE and _is_divisible(item):
            turns = item.axis.size // max(item.lanes, 1)  # type: ignore[union-attr]
            return min(PARTS, turns) if turns > 1 else 0
        return 1 if length >= LONG and len(root.items) > 1 else 0

    def _outline(self, item: For, parts: int, private: set[Buffer]) -> None:
        number = len(self._texts)
        nest = _Nest(self.shared, item, parts, private, self._reserve)
        nest.item(item, 0)
        given = list(nest.given)
        names = [self._main.pointer(b) for b in given]
        if nest.flagged:
            self._main.flagged = True
            names.append("%flag")
        names += ["%table", "%work"]
        self._texts += nest.texts(number)
        if parts == 1:
            self._main.do(f"call void @nest{number}({', '.join(f'ptr {n}' for n in names)}, i64 0, i64 0, i64 0)")
            return
        self.threaded = True
        self.shared.declared.add("declare void @fg_parallel(ptr, ptr, i64)")
        context = f"%context{number}"
        self._main.entry.append(f"{context} = alloca [{len(names)} x ptr]")
        for k, name in enumerate(names):
            self._main.do(f"{context}.{k} = getelementptr ptr, ptr {context}, i64 {k}")
            self._main.do(f"store ptr {name}, ptr {context}.{k}")
        self._main.do(f"call void @fg_parallel(ptr @task{number}, ptr {context}, i64 {parts})")
        for (w, k), offset in nest.left.items():
            stride = nest.strides[w]
            if k is None:
                start = self._main.value(f"getelementptr i8, ptr %work, i64 {offset}")
                self._main.combine_arrays(w, start, parts, stride)
            else:
                at = [self._main.value(f"getelementptr i8, ptr %work, i64 {offset + part * stride}") for part in range(parts)]
                self._main.combine(w, k, at)


class _Nest(Function):
    """A nest as a function `void @nest(ptr of each buffer, ptr %table, ptr %work, i64 %low, i64 %high, i64 %part)`."""

    def __init__(self, shared: Shared, item: For, parts: int, private: set[Buffer], reserve: object) -> None:
        turns = item.axis.size // max(item.lanes, 1)  # type: ignore[union-attr]
        super().__init__(shared, {}, Bounds(item, parts) if parts > 1 else None)
        self.given: dict[Buffer, str] = {}
        self.left: dict[tuple[Write, int | None], int] = {}
        self.strides: dict[Write, int] = {}
        self._private = private
        self._parts = parts
        self._turns = turns
        self._reserve = reserve
        if parts > 1:
            self._leave(item)

    def _leave(self, item: For) -> None:
        """Memory for what each part folds over the divided axis."""
        for w in item.statements():
            if w.fold is None or item.axis not in w.over:
                continue
            first, inner = Function.fold_shape(w)
            if first == inner:
                self.strides[w] = 64
                for k in range(len(w.parts)):
                    self.left[w, k] = offset = self._reserve(64 * self._parts)  # type: ignore[operator]
                    self.partials[w, k] = self._of_part(offset, 64)
            else:
                self.strides[w] = size = -(-w.buffer.size() * w.buffer.dtype.itemsize // 64) * 64
                self.left[w, None] = offset = self._reserve(size * self._parts)  # type: ignore[operator]
                self.pointers[w.buffer] = self._of_part(offset, size)

    def _of_part(self, offset: int, stride: int) -> str:
        """The memory of a part: `stride` bytes at a multiple of it behind an offset of the workspace."""
        name = f"%w{len(self.entry)}"
        self.entry += [
            f"{name}.a = mul i64 %part, {stride}",
            f"{name}.b = add i64 {name}.a, {offset}",
            f"{name} = getelementptr i8, ptr %work, i64 {name}.b",
        ]
        return name

    def pointer(self, buffer: Buffer) -> str:
        if buffer in self.pointers:
            return self.pointers[buffer]
        if buffer in self._private:
            size = buffer.size() * buffer.dtype.itemsize
            if size > ON_STACK:
                stride = -(-size // 64) * 64
                self.pointers[buffer] = self._of_part(self._reserve(stride * self._parts), stride)  # type: ignore[operator]
            else:
                self.pointers[buffer] = name = f"%m{len(self.pointers)}"
                self.entry.append(f"{name} = alloca [{buffer.size()} x {stored_type(buffer.dtype)}], align 64")
        else:
            self.pointers[buffer] = self.given[buffer] = f"%p{len(self.given)}"
        return self.pointers[buffer]

    def texts(self, number: int) -> list[str]:
        params = [f"ptr noalias {name}" for name in self.given.values()]
        lines = self.lines()
        if self.flagged:
            params.append("ptr noalias %failed")
            lines = ["%flag = alloca i32", "store i32 0, ptr %flag", *lines,
                     "%flags = load i32, ptr %flag", "%before = atomicrmw or ptr %failed, i32 %flags monotonic"]  # fmt: skip
        params += ["ptr noalias %table", "ptr %work", "i64 %low", "i64 %high", "i64 %part"]
        head = f"define internal void @nest{number}({', '.join(params)}) noinline"
        found = [_function(head, [*lines, "ret void"])]
        if self._parts > 1:
            found.append(_function(f"define internal void @task{number}(ptr %context, i64 %part)", self._task(number)))
        return found

    def _task(self, number: int) -> list[str]:
        """One part, as the pool calls it."""
        count = len(self.given) + self.flagged + 2
        lines = []
        for k in range(count):
            lines += [f"%a{k} = getelementptr ptr, ptr %context, i64 {k}", f"%p{k} = load ptr, ptr %a{k}"]
        lines += [
            f"%low.all = mul i64 %part, {self._turns}",
            f"%low = udiv i64 %low.all, {self._parts}",
            f"%high.all = add i64 %low.all, {self._turns}",
            f"%high = udiv i64 %high.all, {self._parts}",
            f"call void @nest{number}({', '.join(f'ptr %p{k}' for k in range(count))}, i64 %low, i64 %high, i64 %part)",
            "ret void",
        ]
        return lines


def _function(head: str, lines: Sequence[str]) -> str:
    body = "\n".join([line if line.endswith(":") else f"  {line}" for line in lines])
    return f"{head} {{\nentry:\n{body}\n}}\n"


def _private(root: For, outlined: dict[For, int], scratch: Sequence[Buffer]) -> dict[Buffer, For]:
    """The scratch memory that only one outlined nest uses."""
    users: dict[Buffer, set[int]] = {}
    for k, item in enumerate(root.items):
        found = set(item.writes) | read_in(item) if isinstance(item, For) else {item.buffer, *(
            x.data.buffer for x in item.loads())}  # fmt: skip
        for buffer in found:
            users.setdefault(buffer, set()).add(k)
    owners = {b: root.items[next(iter(users[b]))] for b in scratch if len(users.get(b, ())) == 1}
    return {b: item for b, item in owners.items() if isinstance(item, For) and item in outlined and b.level > 0}


def _measure(item: For) -> tuple[int, int]:
    """How many operations a nest has, and about how many it does."""
    length, operations = 0, 0.0
    seen: set[Scalar] = set()
    for w in item.statements():
        points = prod([s.axis.size for s in w.path[1:]])  # type: ignore[union-attr]
        cost = 0.0
        stack = [value for _, value in w.parts]
        while stack:
            x = stack.pop()
            if x in seen:
                continue
            seen.add(x)
            stack.extend(x.args)
            length += 1
            cost += COSTS.get(x.op, 1 if x.op in CHEAP else FUNCTION)
        operations += points * (cost + len(w.parts))
    return length, int(operations)


def _is_divisible(item: For) -> bool:
    """Whether turns of the outermost loop can run at the same time."""
    for w in item.statements():
        if w.fold not in (None, "sum", "prod", "max", "min", "any", "all"):
            return False
        if w.fold is not None and item.axis in w.over:
            first, inner = Function.fold_shape(w)
            if first != inner and w.buffer.size() * w.buffer.dtype.itemsize > 2**20:
                return False
    return True

