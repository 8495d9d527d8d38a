"""Functions of elements, given by their partial derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from sys import getrefcount
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.core.avals import PYTHON_SCALARS, Aval, aval_of, broadcast_shapes, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.graph import Var
from funcgrad.core.linear import not_linear
from funcgrad.core.staging import trace_graph
from funcgrad.core.tape import ALONE, is_whole
from funcgrad.core.trace import Primitive, register
from funcgrad.ops import large
from funcgrad.ops.broadcasting import aligned, broadcast_to, fit
from funcgrad.ops.direct import direct
from funcgrad.ops.families.linear import cast, require_linear
from funcgrad.ops.shortcuts import PLAIN, eager_binary, eager_unary


class Elementwise(Primitive):
    """See `elementwise`."""

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        partials: Sequence[Along | None] | None,
        *,
        linear: Sequence[int] | None,
        jointly: bool,
        lower: Any,
        python: Callable[..., Any] | None,
        flat: str | None,
        remedy: str | None,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.partials = partials
        self.is_flat = partials is None
        self.linear = linear
        self.jointly = jointly
        self.lower = lower
        self.python = python
        self.flat = flat
        self.remedy = remedy
        self.plans: dict[Any, Plan | None] = {}
        self._dtype = lru_cache(maxsize=None)(self._probe_dtype)

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        shapes = {a.shape for a in avals if a.shape}
        shape = broadcast_shapes(*shapes) if len(shapes) > 1 else shapes.pop() if shapes else ()
        dtype = self._dtype(tuple((a.dtype, a.weak) for a in avals), tuple(params.items()))
        return Aval(shape, dtype, self.python is not None and all(a.weak for a in avals))

    def _probe_dtype(self, types: tuple, params: tuple) -> np.dtype:
        """NumPy itself says which dtype comes out, or `impl.like`, a cheaper function with the same dtypes."""
        ones = [dtype.type(1).item() if weak else np.ones((1,), dtype) for dtype, weak in types]
        with np.errstate(all="ignore"):
            return np.asarray(getattr(self.impl, "like", self.impl)(*ones, **dict(params))).dtype

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        if type(y) is np.float64 and self.python is not None and all(type(v) in PYTHON_SCALARS for v in values):
            y = y.item()
        plan = self.plan(tuple([t is not None for t in tracked]))
        if plan is None:
            return y, None
        out = aval_of(y)
        if not is_inexact(out.dtype):
            return y, None
        avals = [aval_of(v) for v in values]
        same = all(avals[i].shape == out.shape and avals[i].dtype == out.dtype for i, _ in plan.terms)
        kept = [v if needed else None for v, needed in zip((y, *values), plan.keeps)]
        for slot in plan.copied:
            kept[slot] = keep(kept[slot])
        return y, (plan, kept, None if same else (out, avals))

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        moving = tuple([t is not None for t in tracked])
        plan = self.plan(moving)
        if plan is None or self.linear is None:
            raise not_linear(self)
        require_linear(self, self.linear, self.jointly, values, moving)
        avals = [v if t is not None else aval_of(v) for v, t in zip(values, tracked)]
        out = self.shape(*avals, **params)
        kept = [None, *(keep(v) if needed else None for v, needed in zip(values, plan.keeps[1:]))]
        return out, (plan, kept, (out, avals))

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        plan, kept, fits = saved
        total = None
        for i, partial in plan.terms:
            if tangents[i] is not None:
                term = partial.apply(tangents[i], kept, params)
                total = term if total is None else total + term
        if total is not None and fits is not None:
            out = fits[0]
            if total.shape != out.shape:
                total = broadcast_to(total, shape=out.shape)
            if total.dtype != out.dtype:
                total = cast(total, out.dtype)
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        plan, kept, fits = saved
        if fits is None and type(kept) is tuple:
            kind: Any = type(ct)
            if kind is ndarray:
                kind = ct.dtype if ct.size < large.LEAST else None
            if kind is not None:
                try:
                    directly = plan.direct[kind]
                except KeyError:
                    directly = plan.directly(kind, tracked)
                if directly is not None:
                    return directly(ct, *kept)
        cts: list[Any] = [None] * len(tracked)
        for i, partial in plan.terms:
            c = partial.apply(ct, kept, params)
            cts[i] = c if fits is None else fit(c, fits[1][i])
        return cts

    def pull_over(
        self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any], *, over: bool, last: bool
    ) -> Sequence[Any]:
        plan, kept, fits = saved
        if fits is not None or params:
            return self.pull(saved, tracked, ct, params)
        dead: dict[int, ndarray] = {}
        if last and getrefcount(kept) == ALONE + 1:
            for slot in range(len(kept)):  # `enumerate` holds what it gave last
                v = kept[slot]
                if type(v) is ndarray and v.shape == ct.shape and v.dtype == ct.dtype:
                    if getrefcount(v) == ALONE + 1 and is_whole(v):
                        dead[slot] = v
        cts: list[Any] = [None] * len(tracked)
        for (i, partial), later in zip(plan.terms, plan.later):
            free = [slot for slot in dead if slot not in later]
            out = ct if over and i == plan.terms[-1][0] else dead.pop(free[0]) if free else None
            cts[i] = partial.apply(ct, kept, params, out)
            over = over and cts[i] is not ct
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        plan, kept, fits = saved
        return plan, [wrap(v, p) for v, p in zip(kept, (node, *parents))], fits

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*aligned(values, batched), **params)

    def plan(self, tracked: tuple[bool, ...]) -> Plan | None:
        """What the derivatives of the tracked arguments need; None: there are none."""
        try:
            return self.plans[tracked]
        except KeyError:
            plan = self.plans[tracked] = self._make_plan(tracked)
            return plan

    def _make_plan(self, tracked: Sequence[bool]) -> Plan | None:
        terms = [(i, p) for i, (p, t) in enumerate(zip(self.partials or (), tracked)) if t and p is not None]
        if not terms:
            return None
        used = np.zeros(1 + len(tracked), bool)
        later: list[frozenset[int]] = []
        for _, partial in reversed(terms):
            later.append(frozenset(np.flatnonzero(used).tolist()))
            for dtype in (np.dtype(np.float64), np.dtype(np.complex128)):
                used |= partial.reads(len(used), dtype)
        copied = tuple(i + 1 for i, t in enumerate(tracked) if used[i + 1] and not t)
        return Plan(tuple(terms), tuple(used.tolist()), copied, tuple(reversed(later)))


class Plan:
    """The derivatives for one choice of tracked arguments, and what is saved for them.

    Slot 0 is the output, slot i + 1 argument i: `keeps` says which slots are saved, `copied` names the constants
    among them, `later` for each derivative the slots that those after it may read. `direct` has all the derivatives as
    one function, by the kind of small cotangents.
    """

    __slots__ = ("copied", "direct", "keeps", "later", "terms")

    def __init__(
        self,
        terms: tuple[tuple[int, Along], ...],
        keeps: tuple[bool, ...],
        copied: tuple[int, ...],
        later: tuple[frozenset[int], ...] | None = None,
    ) -> None:
        self.terms = terms
        self.later = (frozenset(range(len(keeps))),) * len(terms) if later is None else later
        self.keeps = keeps
        self.copied = copied
        self.direct: dict[np.dtype | type, Callable[..., Any] | None] = {}

    def directly(self, kind: np.dtype | type, tracked: Sequence[Any]) -> Callable[..., Any] | None:
        """`direct` of a kind, made when it first comes."""
        maps: list[Any] = [None] * len(tracked)
        for i, partial in self.terms:
            maps[i] = partial.along
        known = isinstance(kind, np.dtype) or kind in PLAIN
        found = direct(maps, kind, len(self.keeps), bool(self.copied)) if known else None
        self.direct[kind] = found
        return found


class Along:
    """A derivative given as a linear map `m(t, y, *xs)`."""

    __slots__ = ("_direct", "_kernels", "_of", "m")

    def __init__(self, m: Any) -> None:
        self.m = m
        self._of = self.map()
        self._direct: dict[np.dtype | type, Callable[..., Any] | None] = {}
        self._kernels = large.Kernels(self._of, "derivative", least=2)

    def map(self) -> Callable[..., Any]:
        """The linear map itself."""
        return self.m

    def apply(self, t: Any, kept: Sequence[Any], params: dict[str, Any], out: ndarray | None = None) -> Any:
        """The tangent or cotangent for `t`, of what was saved of the output and the arguments.

        `out` is an array whose memory the result may be written over: `t`, one of `kept`, or another.
        """
        if type(kept) is tuple and type(t) in PLAIN and t.size < large.LEAST:
            kind = t.dtype if type(t) is ndarray else type(t)
            try:
                directly = self._direct[kind]
            except KeyError:
                directly = self._direct[kind] = direct((self._of,), kind, len(kept), len(kept) > 2)
            if directly is not None:
                return directly(t, *kept)[0]
        elif type(t) is ndarray and t.size >= large.LEAST and not params:
            done = self._kernels((t, *kept), out)
            if done is not None:
                return done
        return self._of(t, *kept, **params)

    def along(self, t: Any, *kept: Any) -> Any:
        """`apply` of an operation without parameters."""
        return self.apply(t, kept, {})

    def reads(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Which of the output and the inputs are read, found by tracing on scalars."""
        try:
            graph = trace_graph(lambda *xs: (self.along(*xs),), [Aval((), dtype)] * (1 + count))
        except TypeError:
            # a function without a meaning for complex numbers is never asked about them
            if dtype.kind == "c":
                return np.zeros(count, bool)
            raise
        read = {a for e in graph.eqns for a in e.inputs if isinstance(a, Var)}
        return np.array([v in read for v in graph.inputs[1:]])


class Factor(Along):
    """A derivative given as the partial derivative `m(y, *xs)`, to multiply with."""

    __slots__ = ()

    def map(self) -> Callable[..., Any]:
        m = self.m
        return lambda t, *kept, **params: t * m(*kept, **params)


class Sign(Along):
    """The derivative 1 or -1."""

    __slots__ = ()

    def apply(self, t: Any, kept: Sequence[Any], params: dict[str, Any], out: ndarray | None = None) -> Any:
        return t if self.m == 1 else -t if out is None else np.negative(t, out)

    def reads(self, count: int, dtype: np.dtype) -> np.ndarray:
        return np.zeros(count, bool)


def elementwise(
    name: str,
    impl: Callable[..., Any],
    d: Callable[..., Any] | int | Sequence[Any] | None = None,
    *,
    along: Sequence[Any] | None = None,
    linear: Sequence[int] | None = None,
    jointly: bool = False,
    lower: Any = None,
    python: Callable[..., Any] | None = None,
    flat: str | None = None,
    remedy: str | None = None,
    large_by_kernel: bool = False,
    silent: bool = False,
) -> Any:
    """A primitive that maps elements, with NumPy's broadcasting.

    `d` holds for each argument its partial derivative `d(y, *xs)`, 1, -1, or None where the derivative is zero (one
    function stands for one argument). `along` says the same as linear maps `m(t, y, *xs)`, for derivatives that are
    not products, such as `where(c, t, 0)`. `linear` names the arguments in which the function itself is linear,
    `jointly` or in each with the others fixed. `python` is Python's operator, where it is one: Python scalars give a
    Python scalar then, and integers are exact.
    `lower` is how a kernel computes one element: an expression with `{0}`, `{1}`, or a function's name.
    `large_by_kernel`: for large arrays that is faster than `impl`, as it is for the functions of `large.SLOW`; `silent`
    says of it that `impl` never warns.
    """
    partials: Sequence[Along | None] | None = None
    if along is not None:
        partials = [None if m is None else Along(m) for m in along]
    elif d is not None:
        each = (d,) if callable(d) or isinstance(d, int) else d
        partials = [None if p is None else Factor(p) if callable(p) else Sign(p) for p in each]
    prim = Elementwise(
        name, impl, partials, linear=linear, jointly=jointly, lower=lower, python=python, flat=flat, remedy=remedy
    )
    register(prim)
    if large_by_kernel or lower in large.SLOW:
        prim.impl = large.quick(impl, prim, silent)
    if partials is not None and len(partials) <= 2:
        return eager_unary(prim) if len(partials) == 1 else eager_binary(prim)
    return prim
