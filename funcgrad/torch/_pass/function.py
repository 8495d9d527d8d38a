"""autograd.Function: an operation with the user's own backward rule."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._pass.batched import batch_of, by_rule, check_rule, needs_context
from funcgrad.torch._pass.context import FunctionCtx, attributes_as_used, cut_in_forward, not_followed
from funcgrad.torch._pass.current import current, running
from funcgrad.torch._pass.engine import Pass, UsersRule, outward
from funcgrad.torch._pass.gradfn import OWN_GRAD_FN
from funcgrad.torch._pass.recorded import Recorded
from funcgrad.torch._record.calls import cuts_of
from funcgrad.torch._record.modes import mode, own_tape
from funcgrad.torch._record.story import Off, joined
from funcgrad.torch._record.tape import Tape, constant, on_tape, raw, unrecorded
from funcgrad.torch._tensor.messages import DIRTY_LEAF, DIRTY_NOT_RETURNED
from funcgrad.torch._tensor.storage import Storage, scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.custom.both import custom_both
from funcgrad.transforms.jvp import JvpTracer

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


def __dir__() -> list[str]:
    return __all__


LEGACY = (
    "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function "
    "with static forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
)
NO_RULE = (
    "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
    "mode AD."
)
NO_JVP = "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
NO_VMAP = (
    "To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True."
)
TWO_RULES = (
    "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of "
    "them."
)


class FunctionCall(UsersRule):
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

    def back(self, saved: Any, run: Pass, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        ctx, avals, flags, outs = saved
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
        found = self.run_rule(ctx, run, grads)
        if not run.keep:
            ctx._saved = None
        back = self.checked(found, avals, flags, run.taken)
        given = next((c for c in cts if c is not None), None)
        for c, needed, operand in zip(back, flags, tracked):
            if needed and c is None:
                run.record.denied(self.rule, operand)
            elif needed:
                run.record.mark(self.rule, given, c)
        return back

    def run_rule(self, ctx: FunctionCtx, run: Pass, grads: Sequence[Any]) -> Any:
        instead = attributes_as_used(ctx, self.function.__name__) if run.create else {}
        before = {key: ctx.__dict__[key] for key in instead}
        ctx.__dict__.update(instead)
        try:
            return run.in_users_mode(self.rule, ctx, *grads)
        finally:
            ctx.__dict__.update({key: t for key, t in before.items() if ctx.__dict__.get(key) is instead[key]})

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


OWN_GRAD_FN.add(FunctionCall)


def _sums_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a gradient is that of an expanded input, and can be summed."""
    if len(shape) < len(target):
        return False
    tail = shape[len(shape) - len(target) :]
    return all(n == m or m == 1 for n, m in zip(tail, target))


INSTANTIATED = (
    "{} should not be instantiated. Methods on autograd functions are all static, so you should invoke them on the "
    "class itself. Instantiating an autograd function will raise an error in a future version of PyTorch."
)


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

    generate_vmap_rule = False
    """Whether `torch.func.vmap` runs `forward` and `backward` on samples: they are made of operations on Tensors."""
    _call: FunctionCall
    _has_context = _has_vmap = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._call = FunctionCall(cls)
        cls._has_context = cls.setup_context is not Function.setup_context
        cls._has_vmap = cls.vmap is not Function.vmap

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(INSTANTIATED.format(type(self)), DeprecationWarning)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(LEGACY)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(NO_RULE)

    vjp = backward

    @staticmethod
    def jvp(*args: Any, **kwargs: Any) -> Any:
        """The tangents of the outputs, for forward mode; None for an argument that is no tensor."""
        raise NotImplementedError(NO_JVP)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """The output for a whole batch, and where the batch is in it: ``(output, out_dims)``.

        `args` are those of `forward`; `in_dims` has for each the dimension of the batch, None where there is none.
        `info.batch_size` says how many samples there are, `info.randomness` what `torch.func.vmap` was given.
        """
        raise NotImplementedError(NO_VMAP)

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` unrecorded, and record the call as one operation."""
        if cls._has_context and (kwargs or cls.forward.__defaults__):
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        _, outputs, several, _ = _applied(cls, args, kwargs)
        return tuple(outputs) if several else outputs[0]


class _Refusing(Function):
    """What a rule that is differentiable once has returned."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.detach()

    @staticmethod
    def backward(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A `backward` that is not recorded: to differentiate its result raises an error."""

    @wraps(fn)
    def once(ctx: Any, *grads: Any) -> Any:
        before = mode.enabled, mode.off
        mode.enabled, mode.off = False, Off("once_differentiable", (fn.__code__, 0), fn.__qualname__)
        try:
            found = fn(ctx, *grads)
        finally:
            mode.enabled, mode.off = before
        if mode.enabled and running():
            current().record.mark_once(fn)
        if not (mode.enabled and any(isinstance(g, Tensor) and g.requires_grad for g in grads)):
            return found
        if isinstance(found, tuple):
            return tuple(map(_refusing, found))
        return _refusing(found)

    return once


def _refusing(x: Any) -> Any:
    return _Refusing.apply(x.detach().requires_grad_()) if isinstance(x, Tensor) else x


def _applied(
    cls: type[Function], args: Sequence[Any], kwargs: dict[str, Any], saving: bool = False
) -> tuple[FunctionCtx, list[Any], bool, tuple[Any, ...]]:
    """The context, the outputs as the caller gets them, whether there may be several, and what was to be saved.

    `saving`: for the rule of a derivative, which needs the context.
    """
    needs_context(cls)
    needs = tuple(isinstance(a, Tensor) and on_tape(a._read()) for a in args)
    ctx, outputs, several = _run(cls, args, needs, kwargs, saving)
    _check_dirty(ctx, outputs)
    saved = ctx._to_save
    found = outputs
    if not _is_recorded_inside(args):
        recorded = mode.enabled and any(needs)
        found = (
            Recorded(cls._call, ctx, args, needs).outputs(outputs) if recorded else _plain(ctx, args, outputs)
        )
    instead = {id(y): z for y, z in zip(outputs, found)}
    return ctx, found, several, tuple(instead.get(id(t), t) for t in saved)


def _run(
    cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...], kwargs: dict[str, Any], saving: bool
) -> tuple[FunctionCtx, list[Any], bool]:
    """The outputs, not recorded, and whether there may be several; other transformations see the user's rules."""
    batch = batch_of(args)
    if batch is not None and scope.strict:
        check_rule(cls, kwargs)
    if batch is not None and cls._has_vmap:
        out = by_rule(cls, batch, args, kwargs)
        ctx = _context(cls, args, needs, out) if saving else cls._call.context()
        _refuse_dirty(ctx)
        return ctx, _several(out), isinstance(out, tuple)
    inner = [raw(a._read()) if isinstance(a, Tensor) else None for a in args]
    if not any(isinstance(v, Tracer) for v in inner):
        ctx, out = _forward(cls, args, needs, kwargs)
        return ctx, _several(out), isinstance(out, tuple)
    given = [a._read() if isinstance(a, Tensor) else None for a in args] if _is_recorded_inside(args) else inner
    rule = Traced(cls, args, kwargs)
    if cls._has_context:
        values = iter(rule.outputs(given))
        laid, several = rule.laid
        outputs = [fresh(_unrecorded(next(values))) if isinstance(y, Tensor) else y for y in laid]
        ctx = _context(cls, args, needs, tuple(outputs) if several else outputs[0])
        for y in outputs:
            if id(y) in ctx._flat:
                y._value = y._storage.value = constant(y._value)
        _refuse_dirty(ctx)
        return ctx, outputs, several
    ctx, out = _forward(cls, args, needs, kwargs)
    _refuse_dirty(ctx)
    values = iter(rule.outputs(given))
    outputs = [_revalued(y, next(values), ctx, args) if isinstance(y, Tensor) else y for y in _several(out)]
    return ctx, outputs, isinstance(out, tuple)


def _several(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def _refuse_dirty(ctx: FunctionCtx) -> None:
    if ctx._dirty:
        raise NotImplementedError("ctx.mark_dirty inside of to_functional: return a new tensor from forward")


def _is_recorded_inside(args: Sequence[Any]) -> bool:
    """Whether the newest trace among those of the arguments is no tape of Tensors: those are recorded beneath it."""
    traces = [v._trace for a in args if isinstance(a, Tensor) and isinstance(v := a._read(), Tracer)]
    return bool(traces) and type(max(traces, key=lambda trace: trace.age)) is not Tape


def _forward(
    cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...], kwargs: dict[str, Any]
) -> tuple[FunctionCtx, Any]:
    if cls._has_context:
        out = _without_context(cls, args, kwargs)
        return _context(cls, args, needs, out), out
    ctx = cls._call.context()
    ctx.needs_input_grad = needs
    return ctx, _in_forward(cls, cls.forward, ctx, *args, **kwargs)


def _without_context(cls: type[Function], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What `forward` returns that has a `setup_context` besides; on values, it runs outside of all transformations."""
    if any(isinstance(a, Tensor) and isinstance(raw(a._read()), Tracer) for a in args):
        return _in_forward(cls, cls.forward, *args, **kwargs)
    strict, scope.strict = scope.strict, False
    try:
        return _in_forward(cls, cls.forward, *args, **kwargs)
    finally:
        scope.strict = strict


def _context(cls: type[Function], args: Sequence[Any], needs: tuple[bool, ...], out: Any) -> FunctionCtx:
    """What `setup_context` leaves of a call."""
    ctx = cls._call.context()
    ctx.needs_input_grad = needs
    _in_forward(cls, cls.setup_context, ctx, tuple(args), out)
    return ctx


def _in_forward(cls: type[Function], fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a part of the user's forward rule: nothing is recorded in it."""
    before = mode.enabled, mode.off
    mode.enabled, mode.off = False, Off("forward", here(), cls.__name__)
    try:
        return fun(*args, **kwargs)
    finally:
        mode.enabled, mode.off = before


def _revalued(y: Tensor, value: Any, ctx: FunctionCtx, args: Sequence[Any]) -> Tensor:
    """An output of `forward` with the value that has the derivatives of the rule."""
    if any(y is a for a in args):
        return fresh(_unrecorded(value))
    y._value = constant(value) if id(y) in ctx._flat else _unrecorded(value)
    y._storage, y._seen, y._view = Storage(y._value), 0, None
    y._cuts = cuts_of(tuple(args))
    return y


def _unrecorded(value: Any) -> Any:
    """An output as it is where recording is off: as in PyTorch, that is said to the innermost transformation only,
    and in forward mode to the values."""
    if mode.enabled:
        return value
    if not scope.level:
        return constant(value)
    if not isinstance(value, Tracer) or value._trace.age < scope.level:
        return value
    if type(value) is JvpTracer:
        return JvpTracer(value._trace, unrecorded(value.value), value.tangent, value.loc)
    return value.value if type(value) is TapeTracer else value


def _check_dirty(ctx: FunctionCtx, outputs: list[Any]) -> None:
    for t in ctx._dirty:
        if mode.enabled and on_tape(t._value) and t._view is not None and t._view.blocked is not None:
            raise RuntimeError(t._view.blocked)
        if on_tape(t._read()) and t.is_leaf and mode.enabled:
            t._storage.count()
            raise RuntimeError(DIRTY_LEAF)
        if not any(y is t for y in outputs):
            raise RuntimeError(DIRTY_NOT_RETURNED)


def _plain(ctx: FunctionCtx, args: Sequence[Any], outputs: list[Any]) -> list[Any]:
    cuts = cuts_of(tuple(args))
    for y in outputs:
        if isinstance(y, Tensor) and not any(y is a for a in args):
            y._cuts = joined(y._cuts, cuts)
    for t in ctx._dirty:
        t._storage.count()
    return [y.detach() if isinstance(y, Tensor) and on_tape(y._read()) else y for y in outputs]


def _own(value: Any) -> Any:
    """A value without its entry on the present tape, which ends."""
    return value.value if type(value) is TapeTracer and value._trace is mode.tape else value


class Traced:
    """A call whose arguments another transformation traces: for it, the Function is a rule for each mode.

    `moving` says which arguments are tensors.
    """

    def __init__(self, cls: type[Function], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.cls, self.kwargs = cls, kwargs
        self.moving = tuple(isinstance(a, Tensor) for a in args)
        self.positions = [i for i, m in enumerate(self.moving) if m]
        self.others = [None if m else a for a, m in zip(args, self.moving)]
        self.avals = [(a._read().shape, a._read().dtype) if m else ((), None) for a, m in zip(args, self.moving)]
        self.laid: tuple[list[Any], bool] = [], False
        """The outputs of the last run, and whether there may be several: which are tensors is the same in each."""

    def outputs(self, values: Sequence[Any]) -> list[Any]:
        """The values of the outputs that are tensors."""
        rule = custom_both(self.forward, self.along)
        rule.defvjp(self.forward_saving, self.backward)
        return list(rule(*(values[i] for i in self.positions)))

    def inputs(self, values: Sequence[Any]) -> list[Any]:
        given = list(self.others)
        for i, v in zip(self.positions, values):
            given[i] = fresh(v)
        return given

    def forward(self, *values: Any) -> tuple[Any, ...]:
        with own_tape(constants=False):
            args = self.inputs(values)
            batch = batch_of(args) if self.cls._has_vmap else None
            if batch is not None:
                out = by_rule(self.cls, batch, args, self.kwargs)
            elif self.cls._has_context:
                out = _without_context(self.cls, args, self.kwargs)
            else:
                out = _forward(self.cls, args, self.moving, self.kwargs)[1]
            self.laid = _several(out), isinstance(out, tuple)
            return tuple(_own(y._read()) for y in self.laid[0] if isinstance(y, Tensor))

    def applied(self, values: Sequence[Any]) -> tuple[FunctionCtx, list[Any], bool, tuple[Any, ...]]:
        ctx, outputs, several, to_save = _applied(self.cls, self.inputs(values), self.kwargs, saving=True)
        self.laid = outputs, several
        return ctx, outputs, several, to_save

    def forward_saving(self, *values: Any) -> tuple[tuple[Any, ...], Any]:
        with own_tape(constants=False):
            ctx, outputs, _, to_save = self.applied(values)
            followed = [v for v in values if isinstance(v, Tracer)]
            saved = tuple(None if t is None else self.kept(t, followed) for t in to_save)
            own = [(key, t) for key, t in ctx.__dict__.items() if not key.startswith("_") and isinstance(t, Tensor)]
            ctx.__dict__.update({key: fresh(self.kept(t, followed)) for key, t in own if cut_in_forward(t)})
            found = tuple(_own(y._read()) for y in outputs if isinstance(y, Tensor))
            return found, (saved, ctx, [isinstance(y, Tensor) for y in outputs])

    def kept(self, t: Tensor, followed: Sequence[Tracer]) -> Any:
        """The value that a rule keeps: of one that `forward` computed, where it is followed no more, one whose
        derivative is refused."""
        value = _own(t._read())
        return not_followed(self.cls.__name__, value, followed) if followed and cut_in_forward(t) else value

    def backward(self, residuals: Any, cts: Sequence[Any]) -> tuple[Any, ...]:
        saved, ctx, are_tensors = residuals
        rest = iter(cts)
        with own_tape(constants=False):
            ctx = ctx.with_saved([None if v is None else fresh(v) for v in saved], self.moving)
            given = [fresh(outward(next(rest))) if is_tensor else None for is_tensor in are_tensors]
            call = self.cls._call
            grads = call.checked(call.rule(ctx, *given), self.avals, self.moving, Tensor._read)
            return tuple(np.zeros(*self.avals[i]) if grads[i] is None else _own(grads[i]) for i in self.positions)

    def along(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The outputs, and their tangents by the Function's `jvp`."""
        if self.cls.jvp is Function.jvp:
            raise RuntimeError(NO_JVP)
        with own_tape(constants=False):
            ctx, outputs, several, _ = self.applied(values)
            followed = [v for v in values if isinstance(v, Tracer)]
            to_save = [None if t is None else fresh(self.kept(t, followed)) for t in ctx._to_save_forward]
            ctx = ctx.with_saved(to_save, self.moving)
            moved: list[Any] = [None] * len(self.others)
            for i, t in zip(self.positions, tangents):
                moved[i] = fresh(t) if t.dtype.kind in "fc" else None
            found = self.cls.jvp(ctx, *moved)
            found = found if several and isinstance(found, tuple) else (found,)
            if len(found) != len(outputs):
                raise RuntimeError(
                    f"expected {len(outputs)} tangents as many as the outputs of {self.cls.__name__}, got {len(found)}"
                )
            values, pushed = [], []
            for y, t in zip(outputs, found):
                if isinstance(y, Tensor):
                    value = _own(y._read())
                    flat = t is None or value.dtype.kind not in "fc"
                    values.append(value)
                    pushed.append(np.zeros(value.shape, value.dtype) if flat else _own(t._read()))
            return tuple(values), tuple(pushed)
