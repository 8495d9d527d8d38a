"""autograd.Function: an operation with the user's own backward rule."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer, selected
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.torch._pass.engine import RULES_OF_USERS, modified, outward
from funcgrad.torch._pass.gradfn import FREED
from funcgrad.torch._record.calls import cuts_of
from funcgrad.torch._record.modes import mode, own_tape
from funcgrad.torch._record.tape import Note, Watched, constant, on_tape, raw
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.custom import custom_vjp


class FunctionCtx:
    """What `forward` leaves for `backward`. Attributes of the user's own are kept too."""

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors; `saved_tensors` gives them back, checked for writes."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument 0 is of type {type(t).__name__}"
                )
        self._to_save = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Outputs that require no gradient."""
        self._flat = tuple(map(id, tensors))

    def mark_dirty(self, *tensors: Tensor) -> None:
        raise NotImplementedError(
            "ctx.mark_dirty: funcgrad.torch has no custom in-place operations; return a new tensor from "
            "forward"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients arrive as zeros (the default) or as None."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        if self._saved is None:
            raise RuntimeError(FREED)
        return tuple(None if s is None else s.tensor() for s in self._saved)

    _to_save: tuple[Tensor | None, ...] = ()
    _flat: tuple[int, ...] = ()
    _saved: tuple[Any, ...] | None = ()


class Saved:
    """A saved tensor: its value and entry (weakly for an output, whose entry holds this), and its version.
    """

    __slots__ = ("cuts", "node", "tape", "value", "watched")

    def __init__(self, t: Tensor) -> None:
        value = t._read()
        self.value = raw(value)
        self.node: Any = value.node if on_tape(value) else None
        self.tape: Any = value._trace if on_tape(value) else None
        self.watched = Watched(
            t._storage, t._storage.version, weakref.ref(t), self.value, t._is_view(), False
        )
        self.cuts = t._cuts

    def belongs_to(self, result: TapeTracer, name: str) -> None:
        self.node = weakref.ref(result.node)
        self.tape = result._trace
        self.watched = self.watched._replace(source=name)

    def tensor(self) -> Tensor:
        if self.watched.storage.version != self.watched.version:
            raise modified(self.watched)
        node = self.node() if type(self.node) is weakref.ref else self.node
        t = fresh(self.value if node is None else TapeTracer(self.tape, self.value, node))
        t._cuts = self.cuts
        return t


class FunctionCall(Primitive):
    """A call of a `Function`; made for each class, only ever on the shim's tape."""

    module = "torch.autograd.function"

    def __init__(self, function: type[Function]) -> None:
        super().__init__(function.__name__ + "Backward")
        self.function = function

    def in_pass(self, saved: Any, run: Any) -> Any:
        return saved, run

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        (ctx, avals, flags, outs), run = saved
        cts = ct if type(ct) is list else [ct]
        grads: list[Any] = []
        position = 0
        for aval in outs:
            if aval is None:
                grads.append(None)
                continue
            c = None
            if aval[2]:
                c = cts[position]
                position += 1
            if c is None and ctx.materialize_grads:
                grads.append(fresh(np.zeros(aval[0], aval[1])))
            else:
                grads.append(None if c is None else run.tensor(c))
        found = run.in_users_mode(self.function.backward, ctx, *grads)
        if not run.keep:
            ctx._saved = None
        return self.checked(found, avals, flags, run.create)

    def checked(self, found: Any, avals: Sequence[Any], flags: Sequence[bool], create: bool) -> list[Any]:
        given = list(found) if isinstance(found, tuple) else [found]
        while len(given) > len(avals) and given[-1] is None:
            given.pop()
        if len(given) != len(avals):
            raise RuntimeError(
                f"function {self.name} returned an incorrect number of gradients (expected {len(avals)}, "
                f"got {len(given)})"
            )
        cts: list[Any] = []
        for i, (g, aval, needed) in enumerate(zip(given, avals, flags)):
            if g is not None and not isinstance(g, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
            if g is None or not needed:
                cts.append(None)
                continue
            c = g._read() if create else constant(g._read())
            if c.shape != aval[0]:
                if not _sums_to(c.shape, aval[0]):
                    raise RuntimeError(
                        f"Function {self.name} returned an invalid gradient at index {i} - got "
                        f"{list(c.shape)} but expected shape compatible with {list(aval[0])}"
                    )
                extra = len(c.shape) - len(aval[0])
                c = c.sum(axis=tuple(j for j in range(len(c.shape)) if j < extra or aval[0][j - extra] == 1))
                c = c.reshape(aval[0])
            cts.append(outward(c if c.dtype == aval[1] else c.astype(aval[1])))
        return cts


RULES_OF_USERS.add(FunctionCall)


def _sums_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a gradient is that of an expanded input, and can be summed."""
    if len(shape) < len(target):
        return False
    tail = shape[len(shape) - len(target) :]
    return all(n == m or m == 1 for n, m in zip(tail, target))


class Function:
    """Subclass with static `forward(ctx, *args)` and `backward(ctx, *grads)`, and call `apply`.

    >>> import funcgrad.torch as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return grad * 3 * x**2
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    _call: FunctionCall

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._call = FunctionCall(cls)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("setup_context is not implemented.")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` unrecorded, and record the call as one operation."""
        needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        ctx, outputs, several = _run(cls, args, needs)
        outputs = (
            _recorded(cls, ctx, args, needs, outputs)
            if mode.enabled and any(needs)
            else _plain(ctx, args, outputs)
        )
        return tuple(outputs) if several else outputs[0]


def _run(cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...]) -> tuple[FunctionCtx, list[Any], bool]:
    """The outputs, not recorded, and whether there may be several; other transformations see the user's rule."""
    ctx, out = _forward(cls, args, needs)
    outputs = list(out) if isinstance(out, tuple) else [out]
    if any(isinstance(a, Tensor) and isinstance(raw(a._read()), Tracer) for a in args):
        values = iter(_apply_traced(cls, args))
        outputs = [_revalued(y, next(values), ctx, args) if isinstance(y, Tensor) else y for y in outputs]
    return ctx, outputs, isinstance(out, tuple)


def _forward(cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...]) -> tuple[FunctionCtx, Any]:
    ctx = FunctionCtx()
    ctx.needs_input_grad = needs
    before, mode.enabled = mode.enabled, False
    try:
        if cls.setup_context is not Function.setup_context:
            out = cls.forward(*args)
            cls.setup_context(ctx, tuple(args), out)
        else:
            out = cls.forward(ctx, *args)
    finally:
        mode.enabled = before
    return ctx, out


def _revalued(y: Tensor, value: Any, ctx: FunctionCtx, args: Sequence[Any]) -> Tensor:
    """An output of `forward` with the value that has the derivatives of the rule."""
    if any(y is a for a in args):
        return fresh(value)
    y._value = constant(value) if id(y) in ctx._flat else value
    y._storage, y._seen, y._view = Storage(y._value), 0, None
    return y


def _plain(ctx: FunctionCtx, args: Sequence[Any], outputs: list[Any]) -> list[Any]:
    cuts = cuts_of(tuple(args))
    for y in outputs:
        if isinstance(y, Tensor) and not any(y is a for a in args):
            y._cuts = cuts
    return [y.detach() if isinstance(y, Tensor) and y.requires_grad else y for y in outputs]


def _recorded(
    cls: type[Function], ctx: FunctionCtx, args: Sequence[Any], needs: tuple[bool, ...], outputs: list[Any]
) -> list[Any]:
    call = cls._call
    values: list[Any] = [a._read() if isinstance(a, Tensor) else None for a in args]
    avals = [(() if v is None else v.shape, None if v is None else v.dtype) for v in values]
    parents = tuple([v.node if on_tape(v) else None for v in values])
    moving = [
        isinstance(y, Tensor) and y._read().dtype.kind in "fc" and id(y) not in ctx._flat for y in outputs
    ]
    outs = [
        (y._read().shape, y._read().dtype, m) if isinstance(y, Tensor) else None
        for y, m in zip(outputs, moving)
    ]
    tape = next(v._trace for v in values if on_tape(v))
    node = Node(call, {}, parents, (ctx, avals, needs, outs), here())
    node.note = Note(call.name)
    count = sum(moving)
    saved = [None if t is None else Saved(t) for t in ctx._to_save]
    cuts = cuts_of(tuple(args))
    results: list[Any] = []
    position = 0
    for y, moves in zip(outputs, moving):
        if not moves:
            results.append(y)
            continue
        own = node
        if count > 1:
            own = selected(node, position, count)
            own.note = Note(call.name)
        position += 1
        given = any(y is a for a in args)
        result = fresh(TapeTracer(tape, raw(y._read()), own))
        if not given:
            result._storage, result._seen = y._storage, y._storage.stamp
        result._cuts = cuts
        for s, t in zip(saved, ctx._to_save):
            if s is not None and t is y and not given:
                s.belongs_to(result._value, call.name)
        results.append(result)
    ctx._saved = tuple(saved)
    ctx._to_save = ()
    return results


def _apply_traced(cls: type[Function], args: Sequence[Any]) -> list[Any]:
    """The values of the outputs that are tensors, where another transformation traces the arguments: for it, the rule
    is a `custom_vjp`."""
    moving = tuple(isinstance(a, Tensor) for a in args)
    positions = [i for i, m in enumerate(moving) if m]
    others = [None if m else a for a, m in zip(args, moving)]
    avals = [(a._read().shape, a._read().dtype) if m else ((), None) for a, m in zip(args, moving)]
    runs: list[tuple[FunctionCtx, list[bool]]] = []

    def inputs(values: Sequence[Any]) -> list[Any]:
        given = list(others)
        for i, v in zip(positions, values):
            given[i] = fresh(v)
        return given

    def forward(*values: Any) -> tuple[Any, ...]:
        with own_tape():
            out = _forward(cls, inputs(values), moving)[1]
            return tuple(raw(y._read()) for y in (out if isinstance(out, tuple) else (out,)) if isinstance(y, Tensor))

    def forward_saving(*values: Any) -> tuple[tuple[Any, ...], Any]:
        with own_tape():
            ctx, outputs, _ = _run(cls, inputs(values), moving)
            runs[:] = [(ctx, [isinstance(y, Tensor) for y in outputs])]
            saved = tuple(None if t is None else raw(t._read()) for t in ctx._to_save)
            ctx._to_save = ()
            return tuple(raw(y._read()) for y in outputs if isinstance(y, Tensor)), saved

    def backward(saved: Sequence[Any], cts: Sequence[Any]) -> tuple[Any, ...]:
        ((ctx, are_tensors),) = runs
        rest = iter(cts)
        with own_tape():
            ctx._saved = tuple(None if v is None else Saved(fresh(v)) for v in saved)
            found = cls.backward(ctx, *(fresh(outward(next(rest))) if is_tensor else None for is_tensor in are_tensors))
            grads = cls._call.checked(found, avals, moving, create=True)
            return tuple(np.zeros(*avals[i]) if grads[i] is None else raw(grads[i]) for i in positions)

    rule = custom_vjp(forward)
    rule.defvjp(forward_saving, backward)
    return list(rule(*(raw(args[i]._read()) for i in positions)))
