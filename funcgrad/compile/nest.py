"""Statements as loops: which of them run together, in which order their axes are nested, and what needs no memory.

A statement joins the newest nest whose loops it can share: on each shared loop, what it reads of the statements inside
must be the element that they have just made. So a softmax is one loop over rows, with three loops inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from funcgrad.compile.mathlib import SCALAR_FUNCTIONS, Libm, Own
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar, Scalars, affine_of, walk, weighted
from funcgrad.compile.statements import Buffer, Write

CACHED = 4096
"""Elements that the nearest cache holds."""
LONGEST = 2000
"""Operations of a nest that other statements may still join."""
WIDEST = 8
"""Lanes at most, but for loops that wait for functions: from LONG bytes on these have twice as many."""
LONG = {8: 8192, 4: 1024}
"""By the bytes of a number. 16 of float32 are one register of AVX-512, as 8 of float64 are, and 0.6 to 0.9 of the time
of 8; 16 of float64 are 0.95 of it, and more text."""


class For:
    """A loop; the root of a kernel is one without an axis. `lanes`: it runs through several elements at once.

    `ordered`: one of a program's own loops, or a branch, which no other statement joins.
    """

    __slots__ = ("axis", "items", "lanes", "length", "ordered", "reads", "writes")

    def __init__(self, axis: Axis | None, ordered: bool = False) -> None:
        self.axis = axis
        self.ordered = ordered
        self.items: list[For | Write] = []
        self.length = 0
        self.lanes = 0
        self.writes: dict[Buffer, list[Write]] = {}
        self.reads: set[tuple[Buffer, int]] = set()

    def statements(self) -> Iterator[Write]:
        """Those of the scope and of its loops, but not of the programs within."""
        for item in self.items:
            if isinstance(item, Write):
                yield item
            elif not item.ordered:
                yield from item.statements()

    def values(self) -> Iterator[Scalar]:
        """All that is computed."""
        for item in self.items:
            if isinstance(item, Write):
                yield from item.values()
            else:
                yield from item.values()


class While(For):
    """Runs `check`, and its own items as long as `test` is true then."""

    __slots__ = ("check", "test")

    def __init__(self, check: For, test: Scalar) -> None:
        super().__init__(None, ordered=True)
        self.check = check
        self.test = test

    def values(self) -> Iterator[Scalar]:
        yield self.test
        yield from self.check.values()
        yield from super().values()


class Choose(For):
    """Runs the branch whose number `index` is."""

    __slots__ = ("branches", "index")

    def __init__(self, index: Scalar, branches: list[For]) -> None:
        super().__init__(None, ordered=True)
        self.index = index
        self.branches = branches

    def values(self) -> Iterator[Scalar]:
        yield self.index
        for branch in self.branches:
            yield from branch.values()


def insert(root: For, item: For, buffers: Sequence[Buffer]) -> None:
    """Put a loop or a choice that makes `buffers` behind what is there."""
    root.items.append(item)
    item.writes = {b: [] for b in buffers}


def place(root: For, write: Write, scalars: Scalars, alone: bool = False) -> None:
    """Put a statement behind what it reads, into loops that are there where it can run in them and is not `alone`."""
    loads = write.loads()
    path, mapping = [root], dict[Axis, Axis]()
    alone = alone or _overtakes(root, write)
    while not alone:
        joined = _joins(path[-1], write, loads, mapping)
        if joined is None:
            break
        scope, axis = joined
        assert scope.axis is not None
        mapping[axis] = scope.axis
        path.append(scope)
    rest = _ordered([a for a in write.axes if a not in mapping], write, loads)
    write.rename(scalars, {a: affine_of(b) for a, b in mapping.items()})
    for axis in rest:
        scope = For(axis)
        path[-1].items.append(scope)
        path.append(scope)
    path[-1].items.append(write)
    write.path = path
    reads = [(x.data.buffer, d, p.lone()) for x in write.loads() if not x.data.flat
             for d, p in enumerate(x.data.places) if p is not None]  # fmt: skip
    for scope in path:
        scope.length += write.length
        scope.writes.setdefault(write.buffer, []).append(write)
        scope.reads.update([(b, d) for b, d, axis in reads if axis is not None and axis is scope.axis])


def _overtakes(root: For, write: Write) -> bool:
    """Whether a statement that replaces old values could do so in a loop that still reads them elsewhere."""
    old = write.buffer.shares
    if old is None:
        return False
    return any(
        x.data.buffer is old and (len(w.parts) > 1 or w.over or x.data.flat or x.data.places != w.parts[0][0])
        for w in root.statements()
        for x in w.loads()
    )


def _joins(scope: For, write: Write, loads: Sequence[Scalar], mapping: dict[Axis, Axis]) -> tuple[For, Axis] | None:
    """The loop of a scope that a statement can run in, and which of its axes that is."""
    read = {x.data.buffer for x in loads}  # programs of thousands of sums look at as many items for each
    for item in reversed(scope.items):
        if isinstance(item, Write):
            if item.buffer in read:
                return None
            continue
        needed = [] if read.isdisjoint(item.writes) else [x for x in loads if x.data.buffer in item.writes]
        if item.ordered or (item.length > LONGEST and not mapping):
            if needed:
                return None
            continue
        axis = _aligned(item, needed) if needed else _alike(item, write, loads, mapping)
        if axis is not None and axis in write.axes and axis not in mapping:
            if _may_join(write, loads, axis, mapping) and not _is_across(write, loads, needed, axis, mapping):
                return item, axis
        if needed:
            return None
    return None if mapping else _beside(scope, write, loads)


def _beside(scope: For, write: Write, loads: Sequence[Scalar]) -> tuple[For, Axis] | None:
    """The newest nest, where it is as long and as deep as a statement's own: what comes may read the values of both.

    Not where a fold over its loop has to be complete before anything reads it, nor with what is changed in place.
    """
    item = scope.items[-1] if scope.items else None
    if not isinstance(item, For) or item.axis is None or item.ordered or item.length > LONGEST or not write.axes:
        return None
    if any(x.data.buffer in item.writes for x in loads):
        return None
    inside = list(item.statements())
    if write.buffer.shares or any(w.buffer.shares or item.axis in w.over for w in inside):
        return None
    axis = _ordered(write.axes, write, loads)[0]
    if axis.size != item.axis.size or max(len(w.axes) for w in inside) != len(write.axes):
        return None
    return (item, axis) if _may_join(write, loads, axis, {}) else None


def _may_join(write: Write, loads: Sequence[Scalar], axis: Axis, mapping: dict[Axis, Axis]) -> bool:
    """Not with an axis that it folds over, if that would spread a product's accumulators over memory.

    It may where an array with all axes is read once, and lies in memory as the accumulators do: sums of columns.
    """
    if axis not in write.over or all(a in write.over or a in mapping for a in write.axes):
        return True
    looped = set(write.axes)
    for x in loads:
        if x.axes >= looped and None not in x.data.places:
            place = linear(x.data.buffer, x.data.places, x.data.flat)
            if any(abs(step) == 1 and a not in write.over for a, step in place.terms):
                return True
    return False


def _is_across(
    write: Write, loads: Sequence[Scalar], needed: Sequence[Scalar], axis: Axis, mapping: dict[Axis, Axis]
) -> bool:
    """Whether a loop would take a large statement across memory, for the sake of values that are few beside its own."""
    free = [a for a in write.axes if a not in mapping]
    looped = frozenset(free)
    if prod([a.size for a in free]) < CACHED or any(x.axes >= looped for x in needed):
        return False
    return _ordered(free, write, loads)[0] is not axis


def _aligned(scope: For, needed: Sequence[Scalar]) -> Axis | None:
    """The axis that must be the scope's, so that what is read there has just been made."""
    found: set[Axis | None] = set()
    for x in needed:
        access = x.data
        if access.flat:
            return None
        for made in scope.writes[access.buffer]:
            if scope.axis in made.over:
                return None
            d = next((d for d, p in enumerate(made.parts[0][0]) if _lone(p) is scope.axis), None)
            found.add(None if d is None else _lone(access.places[d]))
    axis = found.pop() if len(found) == 1 else None
    return axis if axis is not None and scope.axis is not None and axis.size == scope.axis.size else None


def _lone(place: Place | None) -> Axis | None:
    return place.lone() if isinstance(place, Affine) else None


def _alike(scope: For, write: Write, loads: Sequence[Scalar], mapping: dict[Axis, Axis]) -> Axis | None:
    """The axis along which a statement reads the same arrays in the same way as those in the scope."""
    if scope.axis is None:
        return None
    scores: dict[Axis, int] = {}
    for x in loads:
        if x.data.flat:
            continue
        for d, place in enumerate(x.data.places):
            axis = None if place is None else place.lone()
            if axis is not None and axis.size == scope.axis.size and (x.data.buffer, d) in scope.reads:
                scores[axis] = scores.get(axis, 0) + 1
    free = {a: n for a, n in scores.items() if a not in mapping}
    return max(free, key=lambda a: free[a]) if free else None


def _accesses(write: Write, loads: Sequence[Scalar]) -> Iterator[tuple[Buffer, Affine | None]]:
    """Where reads and the store stand in memory; None for what is only known when running."""
    for x in loads:
        if None in x.data.places:
            yield x.data.buffer, None
        else:
            yield x.data.buffer, linear(x.data.buffer, x.data.places, x.data.flat)
    if write.fold is None:
        yield write.buffer, linear(write.buffer, write.parts[0][0])


def linear(buffer: Buffer, index: Sequence[Place | None], flat: bool = False) -> Affine:
    """The place in memory, in elements, of the known parts of an index."""
    strides = (1,) if flat else buffer.strides()
    return weighted([(p, stride) for p, stride in zip(index, strides, strict=True) if isinstance(p, Affine)])


def _ordered(axes: Sequence[Axis], write: Write, loads: Sequence[Scalar]) -> list[Axis]:
    """The axes from the outermost in: as they lie in memory; but a product folds within its lanes."""
    if len(axes) < 2:
        return list(axes)
    strides = dict.fromkeys(axes, 0)
    contiguous = dict.fromkeys(axes, 0.0)
    for buffer, place in _accesses(write, loads):
        # inner memory follows the loops that set it: only where what they read has no preference it gives one
        weight = 0.1 if buffer is write.buffer and buffer.place == "scratch" else 1
        terms = [(axis, step) for axis, step in place.terms if axis in strides] if place is not None else []
        for axis, step in terms:
            strides[axis] = max(strides[axis], abs(step))
            # a matrix counts for more than a vector that is read along with it
            contiguous[axis] += len(terms) * weight if abs(step) == 1 else 0
    order = sorted(axes, key=lambda a: (-strides[a], -a.size))
    lane = max(axes, key=lambda a: (contiguous[a] > 0, a.size > 8, contiguous[a], a not in write.over))
    # a fold of columns has its accumulators in registers too, as long as walking down them stays in the cache
    read_once = any(x.axes >= set(axes) for x in loads)
    small = prod([a.size for a in axes]) <= CACHED
    is_product = any(not (x.axes >= set(axes)) for x in loads) and (small or not read_once)
    if lane in write.over:
        kept = [a for a in order if a not in write.over]
        return [*kept, *(a for a in order if a in write.over and a is not lane), lane]
    if write.over and is_product:
        kept = [a for a in order if a not in write.over and a is not lane]
        return [*kept, lane, *(a for a in order if a in write.over)]
    return [*(a for a in order if a is not lane), lane]


def shrink(root: For, local: Sequence[Buffer], depth: int) -> None:
    """Give what is used only within the loops that make it less memory, or none. `depth`: of the root."""
    users: dict[Buffer, list[list[For]]] = {}
    whole: set[Buffer] = set()
    makers: dict[Buffer, list[Write]] = {}
    loads: dict[Buffer, list[Sequence[Affine | None]]] = {}
    for write in root.statements():
        makers.setdefault(write.buffer, []).append(write)
        for x in write.loads():
            users.setdefault(x.data.buffer, []).append(write.path)
            loads.setdefault(x.data.buffer, []).append(x.data.places)
            if x.data.flat or x.data.guarded:
                whole.add(x.data.buffer)
    for item in root.items:
        if isinstance(item, For) and item.ordered:
            whole |= read_in(item) | item.writes.keys()
    for buffer in local:
        if buffer not in makers or buffer not in users:
            buffer.level = depth
            continue
        paths = [*users.get(buffer, ()), *(w.path for w in makers[buffer])]
        level = 0
        while all(len(p) > level + 1 for p in paths) and len({id(p[level + 1]) for p in paths}) == 1:
            level += 1
        buffer.level = depth + level
        if buffer in whole or len(makers[buffer]) > 1:
            buffer.level = depth
            continue
        (write,) = makers[buffer]
        shared = {scope.axis for scope in write.path[1 : level + 1]}
        buffer.dropped = frozenset([d for d, p in enumerate(write.parts[0][0]) if _lone(p) in shared])
        kept = [d for d in range(len(buffer.shape)) if d not in buffer.dropped]
        indices = [*loads.get(buffer, ()), *(index for index, _ in write.parts)]
        if all(isinstance(p := index[d], Affine) and not p.terms for index in indices for d in kept):
            # what belongs to no loop stays in memory, as functions of their own may use it; LLVM finds the registers
            buffer.place = "register" if buffer.level else "scratch"
        buffer.reused = frozenset(shared)


def read_in(scope: For) -> set[Buffer]:
    return {x.data.buffer for x in walk(scope.values()) if x.op == "load"}


def choose_lanes(root: For, widest: int) -> None:
    """Which loop of each path runs through several elements at once: the one that leaves least work."""
    for item in root.items:
        if isinstance(item, For) and not item.ordered:
            _, chosen = _work(item, widest)
            for scope, lanes in chosen:
                scope.lanes = 2 * lanes if lanes == widest and _waits(scope) else lanes


def _waits(scope: For) -> bool:
    """Whether a loop is long, and waits for the results of mathematical functions: twice the lanes wait together."""
    assert scope.axis is not None
    if scope.axis.size * 4 < LONG[4] or any(isinstance(item, For) for item in scope.items):
        return False
    values = [value for w in scope.statements() for _, value in w.parts]
    sizes = [x.dtype.itemsize for x in walk(values) if isinstance(SCALAR_FUNCTIONS.get(x.op), (Libm, Own))]
    return bool(sizes) and scope.axis.size * max(sizes) >= LONG[max(sizes)]


def _work(scope: For, widest: int) -> tuple[float, list[tuple[For, int]]]:
    """The least work of a loop, and which loops have lanes for it."""
    assert scope.axis is not None
    scope.lanes = 0  # of an earlier choice, before more statements joined
    deeper, chosen = 0.0, []
    for item in scope.items:
        if isinstance(item, For):
            work, inner = _work(item, widest)
            deeper += work
            chosen += inner
        else:
            deeper += _weight(item, None)
    deeper *= scope.axis.size
    lanes = width(scope.axis.size, widest)
    if lanes > 1 and all(_may_have_lanes(w, scope) for w in scope.statements()):
        rounds = -(-scope.axis.size // lanes)
        mine = rounds * sum(_weight(w, scope.axis, lanes) * _points(w, scope) for w in scope.statements())
        mine += sum(4 * lanes for w in scope.statements() if scope.axis in w.over)
        if mine < deeper:
            return mine, [(scope, lanes)]
    return deeper, chosen


def width(size: int, widest: int) -> int:
    """How many lanes an axis fills. Half as many where nothing is left over then: the rest is a body of its own."""
    lanes = widest
    while lanes > 1 and (lanes > size or (size % lanes and not size % (lanes // 2) and size < 8 * lanes * lanes)):
        lanes //= 2
    return lanes


def _points(write: Write, scope: For) -> int:
    """How often a statement runs for each turn of a loop."""
    points = 1
    for inner in write.path[write.path.index(scope) + 1 :]:
        points *= inner.axis.size
    return points


def _may_have_lanes(write: Write, scope: For) -> bool:
    """Whether a statement has a meaning for several turns of a loop at once."""
    axis = scope.axis
    assert axis is not None
    inner = write.path[write.path.index(scope) + 1 :]
    if axis in write.over:
        return all(s.axis in write.over for s in inner)
    if write.over and any(s.axis not in write.over for s in inner):
        first = next(k for k, s in enumerate(write.path[1:], 1) if s.axis in write.over)
        if any(s.axis not in write.over for s in write.path[first:]):
            return linear(write.buffer, write.parts[0][0]).step(axis) in (0, 1)
    return _apart(write.buffer, axis) and all(_apart(x.data.buffer, axis) for x in write.loads())


def _apart(buffer: Buffer, axis: Axis) -> bool:
    """Whether memory that is used again at each turn of an axis is none."""
    return buffer.place != "scratch" or axis not in buffer.reused


SCATTERED = 3
"""What an element costs that is not beside its neighbours' in memory: it is put into its lane by itself."""


def _weight(write: Write, axis: Axis | None, lanes: int = 1) -> float:
    """The work of a statement at one point, or at `lanes` points along an axis."""
    total = float(write.length)
    if axis is None:
        return total
    for x in write.loads():
        if axis not in x.axes:
            continue
        step = None if None in x.data.places else linear(x.data.buffer, x.data.places, x.data.flat).step(axis)
        total += SCATTERED * lanes if step not in (0, 1) else 0
    if axis not in write.over:
        step = linear(write.buffer, write.parts[0][0]).step(axis)
        total += SCATTERED * lanes * len(write.parts) if step not in (0, 1) else 0
    return total
