"""The families of primitives. A derivative is written once; forward mode, reverse mode, `vmap` and shapes follow here.

- `Elementwise`: each output element depends on one element of each (broadcast) input. Written: partial derivatives.
- `Linear`: linear in some arguments, jointly or in each. Pushing is the primitive itself. Written: the pull.
- `General`: anything else. Written: the forward derivative for each argument, linear in its tangent; the pull is
  its transpose.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import PYTHON_SCALARS, Aval, aval_of, broadcast_shapes, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.graph import Var
from funcgrad.core.linear import affine, is_zero, not_linear, transpose
from funcgrad.core.provenance import here
from funcgrad.core.staging import trace_graph
from funcgrad.core.tape import Node, TapeTracer, selected
from funcgrad.core.trace import Primitive, Trace, register
from funcgrad.errors import UnbatchedPrimitiveWarning
from funcgrad.ops import large
from funcgrad.ops.direct import direct
from funcgrad.ops.entries import PLAIN, eager_binary, eager_unary


def fit(ct: Any, aval: Any) -> Any:
    """Sum a cotangent over the axes along which its argument was broadcast, and give it the argument's dtype."""
    shape = aval.shape
    if ct.shape != shape:
        extra = len(ct.shape) - len(shape)
        summed = tuple(range(extra)) + tuple(
            i + extra for i, n in enumerate(shape) if n == 1 and ct.shape[i + extra] != 1
        )
        if summed:
            ct = np.add.reduce(ct, summed) if type(ct) is np.ndarray else ct.sum(axis=summed)
        if ct.shape != shape:
            ct = ct.reshape(shape)
    return cast(ct, aval.dtype)


def cast(ct: Any, dtype: np.dtype) -> Any:
    """A cotangent in its argument's dtype: the transpose of a promotion (real part, where that made it complex)."""
    if ct.dtype == dtype:
        return ct
    if ct.dtype.kind == "c" and dtype.kind == "f":
        ct = ct.real
    return ct.astype(dtype)


def require_linear(
    prim: Primitive, positions: Sequence[int], jointly: bool, values: Sequence[Any], moving: Sequence[bool]
) -> None:
    """Raise unless a primitive that is linear at some positions is so in the moving arguments, the others fixed."""
    if any(m and i not in positions for i, m in enumerate(moving)) or (sum(moving) > 1 and not jointly):
        raise not_linear(prim)
    if jointly and not all(moving[i] or is_zero(values[i]) for i in positions):
        raise affine(prim)


def aligned(values: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """Values with the axes that they need to broadcast behind the axis of the batch."""
    rank = max(np.ndim(v) - b for v, b in zip(values, batched))
    found = []
    for v, b in zip(values, batched):
        missing = rank + 1 - np.ndim(v)
        if b and missing:
            v = v.reshape(v.shape[:1] + (1,) * missing + v.shape[1:])
        found.append(v)
    return found


def _looped(prim: Primitive, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict) -> Any:
    warnings.warn(f"vmap runs `{prim}` as a loop over {size} elements", UnbatchedPrimitiveWarning, stacklevel=2)
    outs = [prim(*(v[b] if m else v for v, m in zip(values, batched)), **params) for b in range(size)]
    return tuple(np.stack(ys) for ys in zip(*outs)) if prim.multiple else np.stack(outs)


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
        return y, (plan.terms, kept, None if same else (out, avals))

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        moving = tuple([t is not None for t in tracked])
        plan = self.plan(moving)
        if plan is None or self.linear is None:
            raise not_linear(self)
        require_linear(self, self.linear, self.jointly, values, moving)
        avals = [v if t is not None else aval_of(v) for v, t in zip(values, tracked)]
        out = self.shape(*avals, **params)
        kept = [None, *(keep(v) if needed else None for v, needed in zip(values, plan.keeps[1:]))]
        return out, (plan.terms, kept, (out, avals))

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        terms, kept, fits = saved
        total = None
        for i, partial in terms:
            if tangents[i] is not None:
                term = partial.apply(tangents[i], kept, params)
                total = term if total is None else total + term
        if total is not None and fits is not None:
            out = fits[0]
            if total.shape != out.shape:
                total = np.broadcast_to(total, out.shape)
            if total.dtype != out.dtype:
                total = cast(total, out.dtype)
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        terms, kept, fits = saved
        count = len(tracked)
        if count <= 2 and fits is None and len(terms) == 1:
            ((i, partial),) = terms
            c = partial.apply(ct, kept, params)
            return (c,) if count == 1 else (None, c) if i else (c, None)
        cts: list[Any] = [None] * len(tracked)
        for i, partial in terms:
            c = partial.apply(ct, kept, params)
            cts[i] = c if fits is None else fit(c, fits[1][i])
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        terms, kept, fits = saved
        return terms, [wrap(v, p) for v, p in zip(kept, (node, *parents))], fits

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
        for _, partial in terms:
            for dtype in (np.dtype(np.float64), np.dtype(np.complex128)):
                used |= partial.reads(len(used), dtype)
        copied = tuple(i + 1 for i, t in enumerate(tracked) if used[i + 1] and not t)
        return Plan(tuple(terms), tuple(used.tolist()), copied)


class Plan(NamedTuple):
    """The derivatives for one choice of tracked arguments, and what is saved for them.

    Slot 0 is the output, slot i + 1 argument i: `keeps` says which slots are saved, `copied` names the constants
    among them.
    """

    terms: tuple[tuple[int, Along], ...]
    keeps: tuple[bool, ...]
    copied: tuple[int, ...]


class Along:
    """A derivative given as a linear map `m(t, y, *xs)`."""

    __slots__ = ("_direct", "_kernels", "_of", "m")

    def __init__(self, m: Any) -> None:
        self.m = m
        self._of = self.map()
        self._direct: dict[str | type, Callable[..., Any] | None] = {}
        self._kernels = large.Kernels(self._of, "derivative", least=2)

    def map(self) -> Callable[..., Any]:
        """The linear map itself."""
        return self.m

    def apply(self, t: Any, kept: Sequence[Any], params: dict[str, Any]) -> Any:
        """The tangent or cotangent for `t`, of what was saved of the output and the arguments."""
        if type(kept) is tuple and type(t) in PLAIN and t.size < large.LEAST:
            kind = t.dtype.char if type(t) is np.ndarray else type(t)
            try:
                directly = self._direct[kind]
            except KeyError:
                directly = self._direct[kind] = direct(self._of, kind, len(kept))
            if directly is not None:
                return directly(t, *kept)
        elif type(t) is np.ndarray and t.size >= large.LEAST and not params:
            done = self._kernels((t, *kept))
            if done is not None:
                return done
        return self._of(t, *kept, **params)

    def reads(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Which of the output and the inputs are read, found by tracing on scalars."""
        try:
            graph = trace_graph(lambda *xs: (self.apply(xs[0], xs[1:], {}),), [Aval((), dtype)] * (1 + count))
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

    def apply(self, t: Any, kept: Sequence[Any], params: dict[str, Any]) -> Any:
        return t if self.m == 1 else -t

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
) -> Any:
    """A primitive that maps elements, with NumPy's broadcasting.

    `d` holds for each argument its partial derivative `d(y, *xs)`, 1, -1, or None where the derivative is zero (one
    function stands for one argument). `along` says the same as linear maps `m(t, y, *xs)`, for derivatives that are
    not products, such as `where(c, t, 0)`. `linear` names the arguments in which the function itself is linear,
    `jointly` or in each with the others fixed. `python` is Python's operator, where it is one: Python scalars give a
    Python scalar then, and integers are exact.
    `lower` is how a kernel computes one element: an expression with `{0}`, `{1}`, or a function's name.
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
    if lower in large.SLOW:
        prim.impl = large.quick(impl, prim)
    if partials is not None and len(partials) <= 2:
        return eager_unary(prim) if len(partials) == 1 else eager_binary(prim)
    return prim


class View(NamedTuple):
    """How a kernel finds an element of a result that is an element of an operand: the `lower` of views.

    `element(draw, places, *avals, **params)` gives the element at a place for each dimension: `draw(k, index)`
    is the element of operand k at another, `draw.at(place, offset, step)` a place moved. `fits(*avals, **params)` says
    for which calls that works, None for all.
    """

    element: Callable[..., Any]
    fits: Callable[..., bool] | None = None


class Statements(NamedTuple):
    """How a kernel makes a result that takes several statements: the `lower` of updates, running sums and the like.

    `make(build, *avals, **params)` makes them, in their order, by the methods of `build`. `fits` is as a `View`'s.
    `inline(*avals, **params)` says for which calls elements of the operands are computed where they are used, None for
    all: where each is used once, and several at a time. `changes`: the result begins as operand 0, and may be made in
    its memory.
    """

    make: Callable[..., None]
    fits: Callable[..., bool] | None = None
    inline: Callable[..., bool] | None = None
    changes: bool = False


class Contraction(NamedTuple):
    """The `lower` of products that are summed over pairs of axes, as `dot_general` has them in its parameters."""


class Linear(Primitive):
    """A primitive that is linear in the arguments `linear`: `jointly`, or in each with the others fixed.

    - `impl(*args, **params)`, `shape(*avals, **params)`.
    - `pull(ct, i, *args, **params)`: the cotangent of argument i. Arguments whose values it cannot need are given as
      avals: all linear ones where the primitive is jointly linear, argument i itself otherwise.
    - `batch(values, batched, size, params)`.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Aval],
        pull: Callable[..., Any],
        batch: Callable[..., Any] | None = None,
        linear: tuple[int, ...] | None = (0,),
        jointly: bool = True,
        lower: Any = None,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.transposed = pull
        self.linear = linear
        self.jointly = jointly
        self.lower = lower
        self._needed: dict[tuple[bool, ...], tuple[bool, ...] | None] = {}
        if batch is not None:
            self.batch = batch
        register(self)

    def _is_linear(self, i: int) -> bool:
        return self.linear is None or i in self.linear

    def _saved(self, values: Sequence[Any], tracked: Sequence[Any]) -> Any:
        """What the pull needs of each argument, its value or its aval; None: no derivative is asked for."""
        key = tuple([t is not None for t in tracked])
        try:
            needed = self._needed[key]
        except KeyError:
            needed = self._needed[key] = self._needs(key)
        if needed is None:
            return None
        return [aval_of(v) if not n else v if t is not None else keep(v) for v, n, t in zip(values, needed, tracked)]

    def _needs(self, tracked: tuple[bool, ...]) -> tuple[bool, ...] | None:
        moving = [i for i, t in enumerate(tracked) if t and self._is_linear(i)]
        if not moving:
            return None
        return tuple(
            not self._is_linear(i) or (not self.jointly and any(j != i for j in moving)) for i in range(len(tracked))
        )

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        return y, self._saved(values, tracked) if y.dtype.kind in "fc" else None

    def entry(self, trace: Trace, x: Any, *others: Any, **params: Any) -> TapeTracer:
        """The result of an update with its entry on a tape, where the array of `x` holds it already."""
        args = (x, *others)
        on_it = [type(a) is TapeTracer and a._trace is trace for a in args]
        values = [a.value if on else a for a, on in zip(args, on_it)]
        parents = tuple([a.node if on else None for a, on in zip(args, on_it)])
        return TapeTracer(trace, values[0], Node(self, params, parents, self._saved(values, parents), here()))

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        positions = range(len(values)) if self.linear is None else self.linear
        require_linear(self, positions, self.jointly, values, [t is not None for t in tracked])
        out = self.shape(*(v if t is not None else aval_of(v) for v, t in zip(values, tracked)), **params)
        if not is_inexact(out.dtype):
            raise not_linear(self)
        return out, self._saved(values, tracked)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        if self.jointly:
            if all(t is None for i, t in enumerate(tangents) if self._is_linear(i)):
                return None
            args = [
                (np.zeros(s.shape, s.dtype) if t is None else t) if self._is_linear(i) else s
                for i, (s, t) in enumerate(zip(saved, tangents))
            ]
            return self(*args, **params)
        total = None
        for i, t in enumerate(tangents):
            if t is not None and self._is_linear(i):
                term = self(*(t if j == i else s for j, s in enumerate(saved)), **params)
                total = term if total is None else total + term
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        cts: list[Any] = []
        for i, t in enumerate(tracked):
            if t is None or not self._is_linear(i):
                cts.append(None)
                continue
            c = self.transposed(ct, i, *saved, **params)
            dtype = saved[i].dtype
            cts.append(c if c is None or not hasattr(c, "dtype") or c.dtype == dtype else cast(c, dtype))
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return _looped(self, values, batched, size, params)


class General(Primitive):
    """A primitive given by forward derivatives.

    `jvps[i](t, y, *args, **params)` is the tangent of the output (a tuple where the primitive has several) for the
    tangent `t` of argument i, linear in `t`; None where argument i has no derivative, and `jvps=None` where none has.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Any],
        jvps: Sequence[Callable[..., Any] | None] | None,
        batch: Callable[..., Any] | None = None,
        multiple: bool = False,
        lower: Any = None,
        flat: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.jvps = jvps
        self.is_flat = jvps is None
        self.multiple = multiple
        self.lower = lower
        self.flat = flat
        self.remedy = remedy
        if batch is not None:
            self.batch = batch
        register(self)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        if self.jvps is None or all(t is None or self._rule(i) is None for i, t in enumerate(tracked)):
            return y, None
        return y, (y, [keep(v) if t is None else v for v, t in zip(values, tracked)])

    def _rule(self, i: int) -> Callable[..., Any] | None:
        return self.jvps[i] if i < len(self.jvps) else None  # type: ignore[index,arg-type]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise not_linear(self)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        y, xs = saved
        total: Any = None
        for i, t in enumerate(tangents):
            rule = self._rule(i)
            if t is None or rule is None:
                continue
            term = rule(t, y, *xs, **params)
            if total is None:
                total = term
            elif self.multiple:
                total = tuple(map(_add, total, term))
            else:
                total = total + term
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        y, xs = saved
        if self.multiple:
            ct = tuple(ct)
        cts: list[Any] = []
        for i, t in enumerate(tracked):
            rule = self._rule(i)
            if t is None or rule is None:
                cts.append(None)
            else:
                cts.extend(transpose(lambda u, rule=rule: rule(u, y, *xs, **params), [aval_of(xs[i])], ct))
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        y, xs = saved
        if self.multiple:
            y = tuple([wrap(v, selected(node, i, len(y))) for i, v in enumerate(y)])
        else:
            y = wrap(y, node)
        return y, [wrap(v, p) for v, p in zip(xs, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return _looped(self, values, batched, size, params)


def _add(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b


