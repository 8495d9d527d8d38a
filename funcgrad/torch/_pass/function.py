"""autograd.Function: an operation with the user's own backward rule."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer, selected
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.torch._pass.context import FunctionCtx, Saved
from funcgrad.torch._pass.context import once_differentiable as once_differentiable
from funcgrad.torch._pass.engine import RULES_OF_USERS, outward
from funcgrad.torch._pass.gradfn import OWN_GRAD_FN
from funcgrad.torch._record.calls import cuts_of
from funcgrad.torch._record.modes import mode, own_tape
from funcgrad.torch._record.tape import Note, constant, on_tape, raw
from funcgrad.torch._tensor.messages import (
    DIRTY_LEAF,
    DIRTY_NOT_RETURNED,
    FUNCTION_VIEW_IN_PLACE,
    FUNCTION_VIEW_WRITTEN,
    MULTI_VIEW_IN_PLACE,
)
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import View
from funcgrad.transforms.custom import custom_vjp

LEGACY = (
    "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function "
    "with static forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
)
NO_RULE = (
    "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
    "mode AD."
)
TWO_RULES = (
    "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of "
    "them."
)


class FunctionCall(Primitive):
    """A call of a `Function`; made for each class, only ever on the shim's tape."""

    module = "torch.autograd.function"

    def __init__(self, function: type[Function]) -> None:
        super().__init__(function.__name__ + "Backward")
        self.function = function
        self.context = type(self.name, (FunctionCtx,), {"__module__": self.module})

    @property
    def rule(self) -> Callable[..., Any]:
        """The user's backward rule, under one of its two names."""
        function = self.function
        has_vjp = function.vjp is not Function.vjp
        if has_vjp and function.backward is not Function.backward:
            raise RuntimeError(TWO_RULES)
        return function.vjp if has_vjp else function.backward

    def shown(self, node: Node) -> FunctionCtx:
        return node.saved[0]

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
        found = run.in_users_mode(self.rule, ctx, *grads)
        if not run.keep:
            ctx._saved = None
        return self.checked(found, avals, flags, run.taken)

    def checked(self, found: Any, avals: Sequence[Any], flags: Sequence[bool], taken: Any) -> list[Any]:
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
            c = taken(g)
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
OWN_GRAD_FN.add(FunctionCall)


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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(LEGACY)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError(NO_RULE)

    vjp = backward

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("setup_context is not implemented.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` unrecorded, and record the call as one operation."""
        needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        ctx, outputs, several = _run(cls, args, needs, kwargs)
        _check_dirty(ctx, outputs)
        outputs = (
            Recorded(cls._call, ctx, args, needs).outputs(outputs)
            if mode.enabled and any(needs)
            else _plain(ctx, args, outputs)
        )
        return tuple(outputs) if several else outputs[0]


class Refusing(Function):
    """What a rule that is differentiable once has returned."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def _run(
    cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...], kwargs: dict[str, Any]
) -> tuple[FunctionCtx, list[Any], bool]:
    """The outputs, not recorded, and whether there may be several; other transformations see the user's rule."""
    ctx, out = _forward(cls, args, needs, kwargs)
    outputs = list(out) if isinstance(out, tuple) else [out]
    if any(isinstance(a, Tensor) and isinstance(raw(a._read()), Tracer) for a in args):
        if ctx._dirty:
            raise NotImplementedError("ctx.mark_dirty inside of to_functional: return a new tensor from forward")
        values = iter(_apply_traced(cls, args, kwargs))
        outputs = [_revalued(y, next(values), ctx, args) if isinstance(y, Tensor) else y for y in outputs]
    return ctx, outputs, isinstance(out, tuple)


def _forward(
    cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...], kwargs: dict[str, Any]
) -> tuple[FunctionCtx, Any]:
    ctx = cls._call.context()
    ctx.needs_input_grad = needs
    before, mode.enabled = mode.enabled, False
    try:
        if cls.setup_context is not Function.setup_context:
            out = cls.forward(*args, **kwargs)
            cls.setup_context(ctx, tuple(args), out)
        else:
            out = cls.forward(ctx, *args, **kwargs)
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


def _check_dirty(ctx: FunctionCtx, outputs: list[Any]) -> None:
    for t in ctx._dirty:
        if t.requires_grad and t.is_leaf and mode.enabled:
            raise RuntimeError(DIRTY_LEAF)
        if not any(y is t for y in outputs):
            raise RuntimeError(DIRTY_NOT_RETURNED)


def _plain(ctx: FunctionCtx, args: Sequence[Any], outputs: list[Any]) -> list[Any]:
    cuts = cuts_of(tuple(args))
    for y in outputs:
        if isinstance(y, Tensor) and not any(y is a for a in args):
            y._cuts = cuts
    return [y.detach() if isinstance(y, Tensor) and y.requires_grad else y for y in outputs]


class Recorded:
    """One call that is recorded: its entry, and what its outputs become."""

    def __init__(self, call: FunctionCall, ctx: FunctionCtx, args: Sequence[Any], needs: tuple[bool, ...]) -> None:
        self.call, self.ctx, self.args, self.needs = call, ctx, args, needs
        self.values: list[Any] = [a._read() if isinstance(a, Tensor) else None for a in args]
        self.tape = next(v._trace for v in self.values if on_tape(v))

    def outputs(self, outputs: list[Any]) -> list[Any]:
        ctx = self.ctx
        moving = [isinstance(y, Tensor) and y._read().dtype.kind in "fc" and id(y) not in ctx._flat for y in outputs]
        node = self.entry(outputs, moving)
        ctx._entry = weakref.ref(node)
        count = sum(moving)
        saved = [None if t is None else Saved(t) for t in ctx._to_save]
        results: list[Any] = []
        selections: list[Note] = []
        for y, moves in zip(outputs, moving):
            if not moves:
                results.append(y)
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
            result._view = View(view.storage_steps, None, ())
        if result._view is not None and result._view.base is not None:
            blocked = MULTI_VIEW_IN_PLACE if count > 1 else FUNCTION_VIEW_IN_PLACE
            result._view.blocked = blocked.format(index=index, name=name)
            result._view.written = FUNCTION_VIEW_WRITTEN.format(index=index, name=name)
            result._view.version = y._storage.version
        return result


def _apply_traced(cls: type[Function], args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The values of the outputs that are tensors, where another transformation traces the arguments: for it, the rule
    is a `custom_vjp`."""
    moving = tuple(isinstance(a, Tensor) for a in args)
    positions = [i for i, m in enumerate(moving) if m]
    others = [None if m else a for a, m in zip(args, moving)]
    avals = [(a._read().shape, a._read().dtype) if m else ((), None) for a, m in zip(args, moving)]

    def inputs(values: Sequence[Any]) -> list[Any]:
        given = list(others)
        for i, v in zip(positions, values):
            given[i] = fresh(v)
        return given

    def forward(*values: Any) -> tuple[Any, ...]:
        with own_tape():
            out = _forward(cls, inputs(values), moving, kwargs)[1]
            return tuple(raw(y._read()) for y in (out if isinstance(out, tuple) else (out,)) if isinstance(y, Tensor))

    def forward_saving(*values: Any) -> tuple[tuple[Any, ...], Any]:
        with own_tape():
            ctx, outputs, _ = _run(cls, inputs(values), moving, kwargs)
            saved = tuple(None if t is None else raw(t._read()) for t in ctx._to_save)
            ctx._to_save = ()
            found = tuple(raw(y._read()) for y in outputs if isinstance(y, Tensor))
            return found, (saved, ctx, [isinstance(y, Tensor) for y in outputs])

    def backward(residuals: Any, cts: Sequence[Any]) -> tuple[Any, ...]:
        saved, ctx, are_tensors = residuals
        rest = iter(cts)
        with own_tape():
            ctx._saved = tuple(None if v is None else Saved(fresh(v)) for v in saved)
            given = [fresh(outward(next(rest))) if is_tensor else None for is_tensor in are_tensors]
            found = cls._call.rule(ctx, *given)
            grads = cls._call.checked(found, avals, moving, Tensor._read)
            return tuple(np.zeros(*avals[i]) if grads[i] is None else raw(grads[i]) for i in positions)

    rule = custom_vjp(forward)
    rule.defvjp(forward_saving, backward)
    return list(rule(*(raw(args[i]._read()) for i in positions)))
