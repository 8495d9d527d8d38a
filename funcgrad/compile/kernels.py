"""A kernel's functions: long nests are functions of their own, and large ones run in parts on a pool of threads.

What a part computes does not depend on how many threads there are: the parts are fixed by the sizes, and what they fold
is combined in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from funcgrad.compile.llvm import Bounds, Function
from funcgrad.compile.nest import For, read_in
from funcgrad.compile.operators import Shared
from funcgrad.compile.scalars import Scalar, walk
from funcgrad.compile.statements import Buffer, Write
from funcgrad.compile.streams import streamed
from funcgrad.compile.values import both_wanted

ON_STACK = 16384
"""Bytes of scratch memory up to which it is on the stack."""
SHORT, LONG = 600, 300
"""Kernels longer than the first, in operations, are functions of about the second: LLVM's time grows faster than their
length."""
LARGE = 600_000
"""Operations from which on threads pay: some 80 us of work, where waking a thread takes 10 to 30."""
PARTS = 16
"""Parts of a loop. More would wait less for the slowest, and have more to combine."""
COSTS = {"div": 4, "sqrt": 5, "load": 1, "const": 0, "number": 0, "position": 0}
FUNCTION = 12
CHEAP = frozenset(("add", "sub", "mul", "neg", "cast", "select", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
                   "fabs", "abs", "max", "min", "maximum", "minimum", "bounded"))  # fmt: skip
_FLAG = ("%flag = alloca i32", "store i32 0, ptr %flag")


class Kernel:
    """The text of `i32 @kernel(ptr of each input, ptr of each output, ptr %table, ptr %work)`.

    `work` is the bytes of workspace that it needs, `operations` about how many it does, `threaded` whether it may use
    the pool.
    """

    def __init__(
        self, root: For, inputs: Sequence[Buffer], outputs: Sequence[Buffer], scratch: Sequence[Buffer]
    ) -> None:
        self.shared = Shared(both_wanted(root), streamed(root, outputs))
        self.work = 0
        self.threaded = False
        self.operations = 0
        self._texts: list[str] = []
        pointers = {b: f"%in{i}" for i, b in enumerate(inputs)} | {b: f"%out{i}" for i, b in enumerate(outputs)}
        params = [f"ptr noalias readonly {pointers[b]}" for b in inputs]
        params += [f"ptr noalias {pointers[b]}" for b in outputs]
        self._main = Function(self.shared, pointers)
        self._main.refuse_misaligned()
        groups = self._grouped(root)
        private = _private(groups, scratch)
        for buffer in scratch:
            if buffer not in private:
                self._place(self._main, buffer)
        for k, (items, parts) in enumerate(groups):
            if parts:
                self._outline(items, parts, {b for b, group in private.items() if group == k})
            else:
                for item in items:
                    self._main.item(item, 0)
        self.text = self._finished(params)

    def _finished(self, params: Sequence[str]) -> str:
        main = self._main
        lines = [*main.lines(), *main.written()]
        if main.flagged:
            lines = [*_FLAG, *lines, "%failed = load i32, ptr %flag", "ret i32 %failed"]
        else:
            lines.append("ret i32 0")
        head = f"define internal i32 @kernel({', '.join([*params, 'ptr noalias %table', 'ptr noalias %work'])})"
        return "\n".join([*self._texts, _function(head, lines)])

    def _place(self, function: Function, buffer: Buffer) -> None:
        """Scratch memory: on the stack, or in the workspace."""
        size = buffer.size() * buffer.dtype.itemsize
        if size <= ON_STACK:
            function.allocate(buffer)
        else:
            function.pointers[buffer] = name = f"%m{len(function.pointers)}"
            function.entry.append(f"{name} = getelementptr i8, ptr %work, i64 {self._reserve(size)}")

    def _reserve(self, size: int) -> int:
        """An offset in the workspace."""
        offset = self.work
        self.work += -(-size // 64) * 64
        return offset

    def _grouped(self, root: For) -> list[tuple[list[For | Write], int]]:
        """What follows each other in one function, and in how many parts that runs; 0 stands for the kernel's own."""
        groups: list[tuple[list[For | Write], int]] = []
        lengths: list[int] = []
        for item in root.items:
            length, operations = (1, 0) if isinstance(item, For) and item.ordered else _measure(item)
            self.operations += operations
            parts = 1
            if isinstance(item, For):
                parts = 0 if item.ordered else _divided(item, operations)
            if parts == 1 and groups and groups[-1][1] == 1 and lengths[-1] < LONG:
                groups[-1][0].append(item)
                lengths[-1] += length
            else:
                groups.append(([item], parts))
                lengths.append(length)
        if sum(lengths) < SHORT:
            return [(items, parts if parts > 1 else 0) for items, parts in groups]
        return [(items, 0 if parts == 1 and n < LONG else parts) for (items, parts), n in zip(groups, lengths)]

    def _outline(self, items: list[For | Write], parts: int, private: set[Buffer]) -> None:
        number = len(self._texts)
        nest = _Nest(self.shared, items, parts, private, self._reserve)
        for item in items:
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
        work = lambda offset: self._main.line(f"getelementptr i8, ptr %work, i64 {offset}")
        for (w, one), offset in nest.left.items():
            stride = nest.strides[w]
            if one is None:
                self._main.combine_arrays(w, work(offset), parts, stride)
            else:
                self._main.combine(w, one, [work(offset + part * stride) for part in range(parts)])


class _Nest(Function):
    """Nests as a function `void @nest(ptr of each buffer, ptr %table, ptr %work, i64 %low, i64 %high, i64 %part)`."""

    def __init__(
        self, shared: Shared, items: Sequence[For | Write], parts: int, private: set[Buffer],
        reserve: Callable[[int], int],
    ) -> None:  # fmt: skip
        first = items[0]
        divided = first if parts > 1 and isinstance(first, For) else None
        super().__init__(shared, {}, None if divided is None else Bounds(divided, parts))
        self.given: dict[Buffer, str] = {}
        self.left: dict[tuple[Write, int | None], int] = {}
        self.strides: dict[Write, int] = {}
        self._private = private
        self._parts = parts
        self._reserve = reserve
        self._turns = 1
        if divided is not None:
            self._turns = _turns(divided)
            self._leave(divided)

    def _leave(self, item: For) -> None:
        """Memory for what each part folds over the divided axis."""
        for w in item.statements():
            if w.fold is None or item.axis not in w.over:
                continue
            first, inner = w.fold_loops()
            if first == inner:
                self.strides[w] = 64
                for k in range(len(w.parts)):
                    self.left[w, k] = offset = self._reserve(64 * self._parts)
                    self.partials[w, k] = self._of_part(offset, 64)
            else:
                self.strides[w] = size = -(-w.buffer.size() * w.buffer.dtype.itemsize // 64) * 64
                self.left[w, None] = offset = self._reserve(size * self._parts)
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
        buffer = buffer.shares or buffer
        if buffer in self.pointers:
            return self.pointers[buffer]
        if buffer in self._private:
            size = buffer.size() * buffer.dtype.itemsize
            if size > ON_STACK:
                stride = -(-size // 64) * 64
                self.pointers[buffer] = self._of_part(self._reserve(stride * self._parts), stride)
            else:
                self.allocate(buffer)
        else:
            self.pointers[buffer] = self.given[buffer] = f"%p{len(self.given)}"
        return self.pointers[buffer]

    def texts(self, number: int) -> list[str]:
        params = [f"ptr noalias {name}" for name in self.given.values()]
        lines = [*self.lines(), *self.written()]
        if self.flagged:
            params.append("ptr noalias %failed")
            lines = [*_FLAG, *lines, "%flags = load i32, ptr %flag"]
            lines.append("%before = atomicrmw or ptr %failed, i32 %flags monotonic")
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


def _turns(item: For) -> int:
    return item.axis.size // max(item.lanes, 1)  # type: ignore[union-attr]


def _divided(item: For, operations: int) -> int:
    """In how many parts a nest runs."""
    if operations < LARGE or not _is_divisible(item):
        return 1
    return max(min(PARTS, _turns(item)), 1)


def _private(groups: Sequence[tuple[list[For | Write], int]], scratch: Sequence[Buffer]) -> dict[Buffer, int]:
    """The scratch memory that only one function uses, and the number of its group."""
    users: dict[Buffer, set[int]] = {}
    for k, (items, _) in enumerate(groups):
        for item in items:
            found = set(item.writes) | read_in(item) if isinstance(item, For) else {
                item.buffer, *(x.data.buffer for x in item.loads())
            }  # fmt: skip
            for buffer in found:
                users.setdefault(buffer, set()).add(k)
    owners = {b: next(iter(users[b])) for b in scratch if len(users.get(b, ())) == 1}
    return {b: k for b, k in owners.items() if groups[k][1]}


def _measure(item: For | Write) -> tuple[int, int]:
    """How many operations a nest has, and about how many it does."""
    length, operations = 0, 0.0
    seen: set[Scalar] = set()
    for w in item.statements() if isinstance(item, For) else [item]:
        points = prod([s.axis.size for s in w.path[1:]])
        costs = [COSTS.get(x.op, 1 if x.op in CHEAP else FUNCTION) for x in walk(w.values(), seen)]
        length += len(costs)
        operations += points * (sum(costs) + len(w.parts))
    return length, int(operations)


def _is_divisible(item: For) -> bool:
    """Whether turns of the outermost loop can run at the same time."""
    for w in item.statements():
        if w.fold not in (None, "sum", "prod", "max", "min", "any", "all"):
            return False
        if w.fold is not None and item.axis in w.over:
            first, inner = w.fold_loops()
            if first != inner and w.buffer.size() * w.buffer.dtype.itemsize > 2**20:
                return False
    return True

