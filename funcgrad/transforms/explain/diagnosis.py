"""What happens to cotangents on their way back: where they die, cancel, or stop being finite. Over any tape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.tape import SELECT, Node, Sparse
from funcgrad.core.trace import Tracer

ROUNDING = 64
"""A sum below this many units in the last place of what was added counts as zero."""


def concrete(x: Any) -> Any:
    """The array or number in a traced value; TypeError where only its shape is known."""
    while isinstance(x, Tracer):
        if not x.has_value:
            raise TypeError(
                f"explain needs values, and {x._trace.name} traces shapes only{at(here())}: call it outside"
            )
        x = x.value  # type: ignore[attr-defined]
    return x


def operands_of(node: Node, saved: Any) -> list[Any]:
    """The operands of an entry as far as it saved them; None for the others."""
    prim: Any = node.prim
    seen: list[Any] = []

    def link(value: Any, entry: Node | None) -> Any:
        seen.append(value)
        return value

    try:
        prim.relink(saved, node.parents, node, link)
    except (TypeError, ValueError, AttributeError, NotImplementedError):  # a rule of the user's, or compiled code
        return [None] * len(node.parents)
    values = seen[len(seen) - len(node.parents) :]
    return [None if type(value) is Aval else value for value in values] or [None]


class Spot(NamedTuple):
    """A place on the way back: an operation's derivative, or what else changed a cotangent at an entry.

    `kind` is "operation", "sum" (of what came to the entry's result), "hook" (it replaced that), "rule" (the user's own
    backward gave it), or "given" (the cotangent that the pass began with); on the way forwards also "leaf", and
    "constant" for one that the operation was given. `terms` are those of a sum.
    """

    node: Node
    kind: str = "operation"
    loc: Loc | None = None
    terms: tuple[Spot, ...] = ()

    @property
    def line(self) -> Loc | None:
        return self.loc if self.loc is not None else self.node.loc


class Fault(NamedTuple):
    """The first derivative that is not finite: where, and in which element of the argument.

    `masked` is where this element had been thrown away, if the cotangent was zero there.
    """

    spot: Spot
    element: tuple[int, ...]
    masked: Spot | None


class Arrival:
    """A cotangent at an entry, and how it became what it is.

    `dead`: where all of it became zero; `masked`: where some of it did; `fault`: where it stopped being finite;
    `cancelled`: where contributions that are not zero added up to zero: at the result of an entry ("sum"), or inside of
    its derivative ("operation"). `of` is what handed it on last.
    """

    __slots__ = ("cancelled", "ct", "dead", "fault", "masked", "of")

    def __init__(self, ct: Any) -> None:
        self.ct = np.asarray(concrete(ct))
        self.dead: tuple[Spot, ...] = ()
        self.masked: Spot | None = None
        self.fault: Fault | None = None
        self.cancelled: Spot | None = None
        self.of: Spot | None = None


Replace = Callable[[Node, Any], "tuple[Any, Loc | None] | None"]
Handed = Callable[[Node], "tuple[Sequence[Any], str, Loc | None] | None"]


def flow_back(
    seeds: Sequence[tuple[Node, Any]],
    *,
    replace: Replace | None = None,
    saved_of: Callable[[Node], Any] | None = None,
    handed: Handed | None = None,
    also: Collection[int] = (),
) -> dict[int, Arrival]:
    """Pull cotangents back, noting where they vanish, cancel, or stop being finite: what arrives at each leaf, and at
    the entries in `also`, by `seq`.

    `replace(node, ct)` says what a hook makes of the cotangent of an entry's result, with the hook's line; None
    where there is no hook. `saved_of` gives what an entry saved, where that is elsewhere. `handed(node)` says what an
    entry handed to its parents, where its derivative is not to be run again, and the kind and line of a `Spot` there
    (an `Arrival` for what is known of the way inside); None where it is. A sum that cancels up to rounding goes on as
    zero.
    """
    return _Watch(replace, saved_of or (lambda node: node.saved), handed, also).run(seeds)


class _Watch:
    """One pass: `_at_entry` sees sums, `_along_edges` each contribution."""

    def __init__(
        self, replace: Replace | None, saved_of: Callable[[Node], Any], handed: Handed | None, also: Collection[int]
    ) -> None:
        self._also = also
        self._replace = replace
        self._saved_of = saved_of
        self._handed = handed
        self._waiting: dict[int, Node] = {}
        self._heap: list[int] = []
        self._coming: dict[int, list[list[Arrival]]] = {}
        self._here: list[Arrival] = []
        self._found: dict[int, Arrival] = {}

    def run(self, seeds: Sequence[tuple[Node, Any]]) -> dict[int, Arrival]:
        for node, ct in seeds:
            self._slots(node, 1)[0].append(_given(node, ct))
        with np.errstate(all="ignore"):
            while self._heap:
                node = self._waiting.pop(-heappop(self._heap))
                self._along_edges(node, self._back(node, self._at_entry(node)))
        return self._found

    def _slots(self, node: Node, count: int) -> list[list[Arrival]]:
        """What has come to each output of an entry, which waits to be visited; the newest is first."""
        if node.seq not in self._waiting:
            self._waiting[node.seq] = node
            heappush(self._heap, -node.seq)
            self._coming[node.seq] = [[] for _ in range(count)]
        return self._coming[node.seq]

    def _back(self, node: Node, ct: Any) -> Sequence[Any]:
        """What an entry hands to its parents."""
        prim = node.prim
        if prim is None:
            return ()
        if prim is SELECT:
            slots = [None] * node.params["of"]
            slots[node.params["index"]] = ct
            return (slots,)
        given = self._given(node)
        return prim.pull(self._saved_of(node), node.parents, ct, node.params) if given is None else given[0]

    def _given(self, node: Node) -> tuple[Sequence[Any], str, Loc | None] | None:
        return None if self._handed is None else self._handed(node)

    def _at_entry(self, node: Node) -> Any:
        outs = [_summed(node, given) if given else None for given in self._coming.pop(node.seq)]
        if self._replace is not None:
            outs = [a and self._replaced(node, a) for a in outs]
        self._here = [a for a in outs if a is not None]
        if node.prim is None or node.seq in self._also:
            self._found[node.seq] = self._here[0]
        if node.prim is not None and node.prim.multiple:
            return [None if a is None else a.ct for a in outs]
        return self._here[0].ct

    def _replaced(self, node: Node, arrival: Arrival) -> Arrival:
        assert self._replace is not None
        new = self._replace(node, arrival.ct)
        return arrival if new is None else _passed(Spot(node, "hook", new[1]), [arrival], new[0])

    def _along_edges(self, node: Node, cts: Sequence[Any]) -> None:
        given = self._given(node)
        spot = Spot(node) if given is None else Spot(node, *given[1:])
        for i, (parent, ct) in enumerate(zip(node.parents, cts)):
            if parent is None or ct is None:
                continue
            if type(ct) is list:  # one output of an entry with several
                self._slots(parent, len(ct))[node.params["index"]].extend(self._here)
            elif type(ct) is Arrival:
                self._slots(parent, 1)[0].append(_from_inside(ct, self._here))
            else:
                passed = _passed(spot, self._here, ct.dense() if type(ct) is Sparse else ct)
                if given is None and self._cancels(node, i, passed.ct):
                    passed.ct = np.zeros_like(passed.ct)
                    passed.dead, passed.cancelled = (), spot
                passed.of = spot
                self._slots(parent, 1)[0].append(passed)

    def _cancels(self, node: Node, i: int, ct: np.ndarray) -> bool:
        """Whether what one entry hands on is a sum over the elements of its result that cancels up to rounding.

        Then it is much smaller than what comes of a half of these elements.
        """
        prim, coming = node.prim, self._here[0].ct
        if prim is None or prim.multiple or coming.size < 2 or not np.isfinite(ct).all() or ct.dtype.kind not in "fc":
            return False
        tiny = ROUNDING * np.finfo(ct.dtype).eps
        if not coming.any() or np.abs(ct).max(initial=0.0) > tiny * coming.size * np.abs(coming).max():
            return False
        order = np.arange(coming.size).reshape(coming.shape)
        for half in (order % 2, order * 2 < coming.size):
            scale = self._part(node, i, half) + self._part(node, i, 1 - half)
            if scale.any():
                return bool((np.abs(ct) <= tiny * scale).all())
        return False

    def _part(self, node: Node, i: int, mask: np.ndarray) -> np.ndarray:
        """The size of what comes of a part of the elements."""
        assert node.prim is not None
        coming = (self._here[0].ct * mask).astype(self._here[0].ct.dtype)
        part = node.prim.pull(self._saved_of(node), node.parents, coming, node.params)[i]
        return np.abs(Arrival(0.0 if part is None else part.dense() if type(part) is Sparse else part).ct)


def _given(node: Node, ct: Any) -> Arrival:
    """A cotangent that the pass begins with."""
    arrival = Arrival(ct)
    spot = Spot(node, "given")
    if not arrival.ct.all():
        arrival.masked = spot
    if not arrival.ct.any():
        arrival.dead = (spot,)
    if not np.isfinite(arrival.ct).all():
        arrival.fault = Fault(spot, _first_fault(arrival.ct), None)
    return arrival


def _passed(spot: Spot, incoming: Sequence[Arrival], ct: Any) -> Arrival:
    """What one entry hands on to one of its arguments."""
    arrival = Arrival(ct)
    ct = arrival.ct
    if not ct.all():
        arrival.masked = next((a.masked for a in incoming if not a.ct.all()), spot)
    if not ct.any():
        alive = any(a.ct.any() for a in incoming)
        arrival.dead = (spot,) if alive else _union(incoming)
        arrival.cancelled = _first(a.cancelled for a in incoming)
    arrival.fault = _first(a.fault for a in incoming)
    if arrival.fault is None and not np.isfinite(ct).all():
        element = _first_fault(ct)
        lost = any(a.ct.shape == ct.shape and not a.ct[element] for a in incoming)
        arrival.fault = Fault(spot, element, _first(a.masked for a in incoming) if lost else None)
    return arrival


def _from_inside(inner: Arrival, incoming: Sequence[Arrival]) -> Arrival:
    """What an entry hands on that was followed inside of it, where the cotangents it began with are those coming."""
    arrival = Arrival(inner.ct)
    arrival.dead = tuple(s for s in inner.dead if s.kind != "given") or (_union(incoming) if inner.dead else ())
    arrival.cancelled = inner.cancelled or (_first(a.cancelled for a in incoming) if inner.dead else None)
    before = _first(a.masked for a in incoming)
    arrival.masked = before if inner.masked is not None and inner.masked.kind == "given" else inner.masked
    arrival.fault = inner.fault
    if inner.fault is not None and inner.fault.spot.kind == "given":
        arrival.fault = _first(a.fault for a in incoming)
    elif inner.fault is not None and inner.fault.masked is not None and inner.fault.masked.kind == "given":
        arrival.fault = inner.fault._replace(masked=before)
    return arrival


def _first_fault(ct: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(~np.isfinite(ct))[0])


def _summed(node: Node, arrivals: Sequence[Arrival]) -> Arrival:
    """What arrives in all."""
    if len(arrivals) == 1:
        return arrivals[0]
    total = Arrival(sum(a.ct for a in arrivals))
    scale = sum(np.abs(a.ct) for a in arrivals)
    eps = np.finfo(total.ct.dtype).eps if total.ct.dtype.kind in "fc" else 0
    if np.isfinite(scale).all() and scale.any() and (np.abs(total.ct) <= ROUNDING * eps * scale).all():
        total.ct = np.zeros_like(total.ct)
        terms = dict.fromkeys(a.of for a in arrivals if a.of is not None)
        total.cancelled = Spot(node, "sum", terms=tuple(terms))
    elif not total.ct.any():
        total.cancelled = _first(a.cancelled for a in arrivals)
    total.dead = _union(arrivals) if not total.ct.any() else ()
    total.masked = _first(a.masked for a in arrivals) if not total.ct.all() else None
    total.fault = _first(a.fault for a in arrivals)
    return total


def _first(found: Iterable[Any]) -> Any:
    return next((x for x in found if x is not None), None)


def _union(arrivals: Sequence[Arrival]) -> tuple[Spot, ...]:
    return tuple({(s.node.seq, s.kind): s for a in arrivals for s in a.dead}.values())
