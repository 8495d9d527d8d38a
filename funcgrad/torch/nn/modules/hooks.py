"""What a Module calls around its forward and its backward pass."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from funcgrad.torch._pass.function import Function
from funcgrad.torch._record.modes import mode
from funcgrad.torch._tensor.tensor import Tensor

_ids = itertools.count()


class Handle:
    """What registering a hook returns; `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self.id = next(_ids)
        self.hooks = hooks
        hooks[self.id] = hook
        if prepend and isinstance(hooks, OrderedDict):
            hooks.move_to_end(self.id, last=False)

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, in the order in which they are called."""

    def __init__(self) -> None:
        self.before: OrderedDict[int, tuple[Callable[..., Any], bool]] = OrderedDict()
        self.after: OrderedDict[int, tuple[Callable[..., Any], bool, bool]] = OrderedDict()
        self.backward_before: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.backward_after: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.compiled: Callable[..., Any] | None = None

    def compile(self, module: Any, options: dict[str, Any]) -> None:
        """Let calls of the module, with these hooks, be those of a compiled function."""
        from funcgrad.torch._compile.compiled import compile

        self.compiled = compile(partial(self.around, module), **options)

    def called(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.around(module, *args, **kwargs) if self.compiled is None else self.compiled(*args, **kwargs)

    def around(self, module: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The module's forward with its hooks. Those marked `always_call` run also where it raises."""
        finished: set[int] = set()
        try:
            args, kwargs = self._prepared(module, args, kwargs)
            pair = None
            if self.backward_before or self.backward_after:
                pair = BackwardHooks(module, self)
                args = pair.of_inputs(args)
            out = module.forward(*args, **kwargs)
            for key, (hook, with_kwargs, _) in list(self.after.items()):
                finished.add(key)
                result = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
                out = out if result is None else result
            return out if pair is None else pair.of_outputs(out)
        except Exception:
            for key, (hook, with_kwargs, always) in list(self.after.items()):
                if always and key not in finished:
                    hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
            raise

    def _prepared(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        for hook, with_kwargs in list(self.before.values()):
            if with_kwargs:
                found = hook(module, args, kwargs)
                if found is None:
                    continue
                if not isinstance(found, tuple) or len(found) != 2:
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {found}."
                    )
                args, kwargs = found
            else:
                found = hook(module, args)
                if found is not None:
                    args = found if isinstance(found, tuple) else (found,)
        return args, kwargs


WITHOUT_INPUTS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook for more details."
)


class BackwardHookFunction(Function):
    """Tensors as they are, whose gradients go through a function on their way back."""

    @staticmethod
    def forward(ctx: Any, passed: Callable[..., Any], *tensors: Tensor) -> Any:
        ctx.passed = passed
        ctx.set_materialize_grads(False)
        return tuple(t.detach().view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return None, *ctx.passed(grads)



class BackwardHooks:
    """The full backward hooks around one call: they get the gradients by its inputs and by its outputs, and may
    replace the former."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        self.before = list(hooks.backward_before.values())
        self.after = list(hooks.backward_after.values())
        self.by_outputs: tuple[Any, ...] = ()
        self.waits_for_inputs = False

    def of_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count, self.places = len(args), [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not (mode.enabled and any(args[i].requires_grad for i in self.places)):
            return args
        self.waits_for_inputs = True
        watched = BackwardHookFunction.apply(self._inputs_passed, *(args[i] for i in self.places))
        return _replaced(args, self.places, watched)

    def of_outputs(self, out: Any) -> Any:
        if not mode.enabled:
            return out
        outs = out if isinstance(out, tuple) else (out,)
        self.out_count, self.out_places = len(outs), [i for i, y in enumerate(outs) if isinstance(y, Tensor)]
        if not any(outs[i].requires_grad for i in self.out_places):
            return out
        watched = BackwardHookFunction.apply(self._outputs_passed, *(outs[i] for i in self.out_places))
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
            warnings.warn(WITHOUT_INPUTS, UserWarning, stacklevel=2)
            for hook in self.after:
                if hook(self.module, (None,) * self.count, by_outputs) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or "
                        "None for all gradients."
                    )
        return tuple(by_outputs[i] for i in self.out_places)

    def _inputs_passed(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        by_inputs = _replaced((None,) * self.count, self.places, grads)
        for hook in self.after:
            found = hook(self.module, by_inputs, self.by_outputs)
            by_inputs = by_inputs if found is None else _as_many(found, by_inputs, "Backward hook", "grad_input")
        return tuple(by_inputs[i] for i in self.places)


def _replaced(all: tuple[Any, ...], places: list[int], by: tuple[Any, ...]) -> tuple[Any, ...]:
    new = list(all)
    for i, value in zip(places, by):
        new[i] = value
    return tuple(new)


def _as_many(found: Any, wanted: tuple[Any, ...], who: str, what: str) -> tuple[Any, ...]:
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(wanted):
        raise RuntimeError(f"{who} returned an invalid number of {what}, got {len(found)}, but expected {len(wanted)}")
    return found
