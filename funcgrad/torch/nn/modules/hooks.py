"""What a Module calls around its forward and its backward pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._ops.create import zeros
from funcgrad.torch._pass.function import Function
from funcgrad.torch._pass.hooks import RemovableHandle, checked, registered
from funcgrad.torch._record.modes import composed, mode
from funcgrad.torch._tensor.tensor import Tensor

Hook = Callable[..., Any]

class Hooks:
    """The hooks of one module, or those of all modules, in the order in which they are called.

    Programs take hooks out of these dictionaries, and put others in their place. Marks are by the hooks' numbers.
    """

    def __init__(self) -> None:
        self.before: OrderedDict[int, Hook] = OrderedDict()
        self.before_with_kwargs: OrderedDict[int, bool] = OrderedDict()
        self.after: OrderedDict[int, Hook] = OrderedDict()
        self.after_with_kwargs: OrderedDict[int, bool] = OrderedDict()
        self.after_always: OrderedDict[int, bool] = OrderedDict()
        self.backward_before: OrderedDict[int, Hook] = OrderedDict()
        self.backward_after: OrderedDict[int, Hook] = OrderedDict()
        self.is_full: bool | None = None
        self.compiled: Hook | None = None

    def add_before(self, hook: Hook, with_kwargs: bool, first: bool = False) -> RemovableHandle:
        return registered(self.before, hook, first, [self.before_with_kwargs] if with_kwargs else [])

    def add_after(self, hook: Hook, with_kwargs: bool, always: bool, first: bool = False) -> RemovableHandle:
        marks = [m for m, holds in ((self.after_with_kwargs, with_kwargs), (self.after_always, always)) if holds]
        return registered(self.after, hook, first, marks)

    def add_backward(self, hook: Hook, is_full: bool, first: bool = False) -> RemovableHandle:
        """Behind the pass through the module (`is_full`) or through its last operation; there is only one kind."""
        if self.is_full is (not is_full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only "
                "one of them."
            )
        self.is_full = is_full
        return registered(self.backward_after, hook, first)

    def all_before(self) -> list[tuple[Hook, bool]]:
        """Each with whether it takes keyword arguments."""
        return [(hook, key in self.before_with_kwargs) for key, hook in self.before.items()]

    def all_after(self) -> list[tuple[Hook, bool, bool]]:
        """Each with whether it takes keyword arguments, and whether it is called after errors too."""
        return [(h, key in self.after_with_kwargs, key in self.after_always) for key, h in self.after.items()]


def _part(name: str) -> property:
    """What PyTorch has among a module's attributes."""

    def assign(self: Hooked, value: Any) -> None:
        setattr(self._own_hooks(), name, value)

    return property(lambda self: getattr(self._own_hooks(), name), assign)


class Hooked:
    """What a Module has to say what is called around its passes."""

    _hooks: Hooks | None = None

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; what it returns replaces the arguments."""
        return self._own_hooks().add_before(hook, with_kwargs, prepend)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` behind `forward`; what it returns replaces the output."""
        return self._own_hooks().add_after(hook, with_kwargs, always_call, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` in the backward pass; what it returns replaces the gradients."""
        return registered(self._own_hooks().backward_before, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients by the inputs are there; what it returns
        replaces them."""
        return self._own_hooks().add_backward(hook, True, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` behind the last operation of the module; deprecated."""
        return self._own_hooks().add_backward(hook, False)

    _forward_pre_hooks, _forward_pre_hooks_with_kwargs = _part("before"), _part("before_with_kwargs")
    _forward_hooks, _forward_hooks_with_kwargs = _part("after"), _part("after_with_kwargs")
    _forward_hooks_always_called = _part("after_always")
    _backward_pre_hooks, _backward_hooks = _part("backward_before"), _part("backward_after")
    _is_full_backward_hook = _part("is_full")

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return around(self, *args, **kwargs)

    def _wrapped_call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return called(self, args, kwargs)


class _Everywhere:
    """The hooks of all modules, where there are any."""

    hooks: Hooks | None = None


everywhere = _Everywhere()


def called(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A module's forward with its hooks, as a compiled function where it is to be one."""
    own = module._hooks
    if own is not None and own.compiled is not None:
        return own.compiled(*args, **kwargs)
    return around(module, *args, **kwargs)


def around(module: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A module's forward with its hooks, those of all modules first. Those marked `always_call` run also where it
    raises; what they raise then is a warning."""
    groups = [hooks for hooks in (everywhere.hooks, module._hooks) if hooks is not None]
    after = [hook for hooks in groups for hook in hooks.all_after()]
    out, finished = None, 0
    try:
        args, kwargs = _prepared(module, groups, args, kwargs)
        around = BackwardHooks(module, groups)
        if around:
            args = around.of_inputs(args)
        behind = [hook for hooks in groups if hooks.is_full is False for hook in hooks.backward_after.values()]
        if behind:
            with composed():
                out = module.forward(*args, **kwargs)
        else:
            out = module.forward(*args, **kwargs)
        for hook, with_kwargs, _ in after:
            finished += 1
            result = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
            out = out if result is None else result
        if around:
            out = around.of_outputs(out)
        if behind:
            _hook_last_operation(module, behind, args, out)
        return out
    except Exception:
        for hook, with_kwargs, always in after[finished:]:
            if always:
                try:
                    result = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
                    out = out if result is None else result
                except Exception as error:
                    warn(
                        "module forward hook with ``always_call=True`` raised an exception that was silenced as "
                        f"another error was raised in forward: {error}",
                    )
        raise


def _prepared(
    module: Any, groups: list[Hooks], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The arguments that the hooks before `forward` leave."""
    for hook, with_kwargs in [hook for hooks in groups for hook in hooks.all_before()]:
        found = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if found is None:
            continue
        if not with_kwargs:
            args = found if isinstance(found, tuple) else (found,)
        elif isinstance(found, tuple) and len(found) == 2:
            args, kwargs = found
        else:
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {found}."
            )
    return args, kwargs


def _hook_last_operation(module: Any, found: list[Any], args: Any, out: Any) -> None:
    """What `register_backward_hook` asks for, which PyTorch keeps for old programs."""
    first = out
    while not isinstance(first, Tensor):
        first = next(v for v in first.values() if isinstance(v, Tensor)) if isinstance(first, dict) else first[0]
    if first.grad_fn is not None:
        for hook in found:
            first.grad_fn.register_hook(lambda *grads, hook=hook: hook(module, *grads))
        if missing := _what_misses(args, out, first.grad_fn):
            warn(missing, FutureWarning)


_MISSES = "{} is deprecated and will be removed in future versions. This hook will be missing {}."
_WRITE_FULL = " Please use register_full_backward_hook to get the documented behavior."
_NO_TENSORS = "Using non-full backward hooks on a Module that does not {} a single Tensor or a tuple of Tensors"


def _what_misses(args: Any, out: Any, last: Any) -> str:
    """PyTorch's words for what a hook on the last operation is not given; "" where that is the whole module."""
    outs = (out,) if isinstance(out, Tensor) else out
    for tensors, does, what in ((outs, "return", "of the grad_output"), (args, "take as input", "of the grad_input")):
        if not (isinstance(tensors, tuple) and all(isinstance(t, Tensor) for t in tensors)):
            return _MISSES.format(_NO_TENSORS.format(does), f"some {what}") + _WRITE_FULL
    made = {t.grad_fn for t in outs if t.grad_fn is not None}
    if not made or (len(made) == 1 and last not in made):
        return _MISSES.format(
            "Using a non-full backward hook when outputs are nested in python data structure", "some grad_output"
        )
    if len(made) > 1:
        start = "Using a non-full backward hook when outputs are generated by different autograd Nodes"
        return _MISSES.format(start, "some grad_output") + _WRITE_FULL
    if {t.grad_fn for t in args if t.grad_fn is not None} != {node for node, _ in last.next_functions}:
        start = "Using a non-full backward hook when the forward contains multiple autograd Nodes"
        return _MISSES.format(start, "some grad_input") + _WRITE_FULL
    return ""


WITHOUT_INPUTS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook for more details."
)


class BackwardHookFunction(Function):
    """Tensors as they are, whose gradients go through a function on their way back."""

    @staticmethod
    def forward(ctx: Any, passed: Callable[..., Any], zeros: bool, *tensors: Tensor) -> Any:
        ctx.passed = passed
        ctx.set_materialize_grads(zeros)
        outs = tuple(t.detach().view_as(t) for t in tensors)
        ctx.mark_non_differentiable(*(out for out, t in zip(outs, tensors) if not t.requires_grad))
        return outs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return None, None, *ctx.passed(grads)


class BackwardHooks:
    """The full backward hooks around one call: they get the gradients by its inputs and by its outputs, and may
    replace the former."""

    def __init__(self, module: Any, groups: list[Hooks]) -> None:
        self.module = module
        self.before = [hook for hooks in groups for hook in hooks.backward_before.values()]
        self.after = [hook for hooks in groups if hooks.is_full for hook in hooks.backward_after.values()]
        self.by_outputs: tuple[Any, ...] | None = None
        self.waits_for_inputs = False

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    def of_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count, self.places = len(args), [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not (mode.enabled and any(args[i].requires_grad for i in self.places)):
            return args
        self.waits_for_inputs = True
        watched = BackwardHookFunction.apply(self._inputs_passed, True, *(args[i] for i in self.places))
        return _replaced(args, self.places, watched)

    def of_outputs(self, out: Any) -> Any:
        if not isinstance(out, (Tensor, tuple)):
            warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(out)}",
            )
        if not mode.enabled:
            return out
        outs = out if isinstance(out, tuple) else (out,)
        self.out_count, self.out_places = len(outs), [i for i, y in enumerate(outs) if isinstance(y, Tensor)]
        if not any(outs[i].requires_grad for i in self.out_places):
            return out
        self.out_kinds = [(outs[i].shape, outs[i].dtype) for i in self.out_places]
        watched = BackwardHookFunction.apply(self._outputs_passed, False, *(outs[i] for i in self.out_places))
        outs = _replaced(outs, self.out_places, watched)
        return outs if isinstance(out, tuple) else outs[0]

    def _outputs_passed(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        by_outputs = _replaced((None,) * self.out_count, self.out_places, grads)
        for hook in self.before:
            found = hook(self.module, by_outputs)
            if found is not None:
                by_outputs = _as_many(found, by_outputs, "Backward pre hook", "grad_output")
        self.by_outputs = by_outputs
        if not self.waits_for_inputs:
            warn(WITHOUT_INPUTS, UserWarning)
            for hook in self.after:
                found = hook(self.module, (None,) * self.count, by_outputs)
                if found is not None and not (isinstance(found, tuple) and all(g is None for g in found)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or "
                        "None for all gradients."
                    )
            self.by_outputs = None
        found = _like(grads, [by_outputs[i] for i in self.out_places])
        return tuple(zeros(s, dtype=d) if g is None else g for g, (s, d) in zip(found, self.out_kinds))

    def _inputs_passed(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.by_outputs is None:  # they flow there past the outputs
            return grads
        by_inputs = _replaced((None,) * self.count, self.places, grads)
        for hook in self.after:
            found = hook(self.module, by_inputs, self.by_outputs)
            by_inputs = by_inputs if found is None else _as_many(found, by_inputs, "Backward hook", "grad_input")
        self.by_outputs = None
        return _like(grads, [by_inputs[i] for i in self.places])


def _replaced(all: tuple[Any, ...], places: list[int], by: tuple[Any, ...]) -> tuple[Any, ...]:
    new = list(all)
    for i, value in zip(places, by):
        new[i] = value
    return tuple(new)


def hook(*grads: Any) -> None:
    """What stands for a module's hooks where PyTorch's errors name one."""


def _like(grads: tuple[Any, ...], found: list[Any]) -> tuple[Any, ...]:
    """What hooks put in the place of gradients; PyTorch's errors for what is none like them."""
    return tuple(checked(hook, None if old is None else old._read(), new) for old, new in zip(grads, found))


def _as_many(found: Any, wanted: tuple[Any, ...], who: str, what: str) -> tuple[Any, ...]:
    if len(found) != len(wanted):
        raise RuntimeError(f"{who} returned an invalid number of {what}, got {len(found)}, but expected {len(wanted)}")
    return tuple(found)


def _of_all() -> Hooks:
    if everywhere.hooks is None:
        everywhere.hooks = Hooks()
    return everywhere.hooks


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before the `forward` of every module."""
    return _of_all().add_before(hook, False)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` behind the `forward` of every module."""
    return _of_all().add_after(hook, with_kwargs, always_call)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward pass of every module."""
    return registered(_of_all().backward_before, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` behind the backward pass of every module."""
    return _of_all().add_backward(hook, True)
