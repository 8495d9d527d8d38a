"""torch.compile: which program belongs to a call, and when there is none."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import funcgrad.torch._tensor.dtypes as dtypes
from funcgrad import tree
from funcgrad.compile.keys import exact
from funcgrad.core.recent import Recent
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._compile.config import config
from funcgrad.torch._compile.overlay import Unsupported, ValueNeeded, is_tracing
from funcgrad.torch._compile.program import NumberSet, StateMade, Traced, grad_of, memory_of, traced
from funcgrad.torch._compile.session import Number
from funcgrad.torch._compile.watch import Watch, kind_of
from funcgrad.torch._pass import anomaly
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import BASE, raw
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.arguments import parameter_name

KEPT = 64
"""Signatures of one function."""
UNCOMPILED = ("eager", "aot_eager")
"""PyTorch's backends that run the operations as they are."""


class Signature:
    """The calls with arguments of the same kinds: how often they were traced, and the programs."""

    def __init__(self) -> None:
        self.programs: list[Traced] = []
        self.traces = 0
        self.seen = False
        self.eager = False


class Compiled:
    """What `torch.compile` makes of a function."""

    def __init__(self, fun: Callable[..., Any], fullgraph: bool) -> None:
        self._fun, self._fullgraph = fun, fullgraph
        self._signatures = Recent(KEPT)
        self._told = Recent(KEPT)
        update_wrapper(self, fun)
        _all.add(self)

    def __reduce__(self) -> Any:
        """A copy has programs of its own."""
        return Compiled, (self._fun, self._fullgraph)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs)) if args or kwargs else ((), None)
        if is_tracing() or mode.tape is not BASE or anomaly.state.enabled or any(map(_is_traced, leaves)):
            return self._fun(*args, **kwargs)
        try:
            key = treedef, mode.enabled, mode.inference, dtypes.default(), self._kinds(leaves, args, kwargs)
        except Unsupported as reason:
            return self._uncompiled(reason, args, kwargs)
        signature = self._signatures.get(key)
        if signature is None:
            signature = self._signatures.setdefault(key, Signature())
        for program in signature.programs:
            if program.fits(leaves):
                return program(leaves)
        if signature.eager or not signature.seen:
            signature.seen = True
            return self._fun(*args, **kwargs)
        try:
            program = self._traced(signature, args, kwargs, leaves)
        except StateMade:
            return self._fun(*args, **kwargs)
        except Unsupported as reason:
            signature.eager = reason.lasts and not self._fullgraph
            return self._uncompiled(reason, args, kwargs)
        return program(leaves)

    def _uncompiled(self, reason: Unsupported, args: Any, kwargs: Any) -> Any:
        """The function itself, with a warning for each reason once."""
        if self._fullgraph:
            raise RuntimeError(f"torch.compile(fullgraph=True): `{name_of(self._fun)}`: {reason}") from None
        if self._told.get(str(reason)) is None:
            self._told[str(reason)] = True
            warn(f"torch.compile: `{name_of(self._fun)}` runs uncompiled: {reason}")
        return self._fun(*args, **kwargs)

    def forget(self) -> None:
        """Drop all programs."""
        self._signatures = Recent(KEPT)

    def _kinds(self, leaves: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
        kinds: list[Any] = []
        memories: list[int] = []
        for i, x in enumerate(leaves):
            if isinstance(x, Tensor):
                value = x._current()
                kinds += [value.shape, value.dtype, kind_of(x), x._view is None]
                memories.append(id(memory_of(x)))
            else:
                try:
                    kinds.append(exact(x))
                except Exception as error:
                    raise Unsupported(
                        f"{self._argument(i, args, kwargs)} is {type(x).__name__}, which cannot be a key ({error}): "
                        "pass a Tensor, or a tuple or a number for a constant"
                    ) from None
        if len(set(memories)) != len(memories):
            kinds.append(tuple(map(memories.index, memories)))
        return tuple(kinds)

    def _argument(self, index: int, args: Any, kwargs: Any) -> str:
        """A leaf of the arguments in words."""
        named = [(f"argument {n}{parameter_name(self._fun, n)}", a) for n, a in enumerate(args)]
        for name, a in [*named, *((f"argument `{key}`", kwargs[key]) for key in sorted(kwargs))]:
            paths = list(tree.leaf_paths(tree.structure(a)))
            if index < len(paths):
                return name + (f", leaf {paths[index]}" if paths[index] else "")
            index -= len(paths)
        raise AssertionError("no such leaf")

    def _traced(self, signature: Signature, args: Any, kwargs: Any, leaves: Any) -> Traced:
        signature.traces += 1
        if signature.traces > config.recompile_limit:
            raise Unsupported(
                f"it was traced {config.recompile_limit} times, as something that it reads changes from call to call; "
                "a number that changes can be a Tensor"
            )
        others = [x for x in leaves if not isinstance(x, Tensor)]
        roots = [self._fun, *others, *_global_hooks()]
        run = lambda: self._fun(*args, **kwargs)
        watch, given = Watch(roots), Watch([args, kwargs])
        held = [*watch.tensors.values(), *(x for x in leaves if isinstance(x, Tensor))]
        grads = {id(grad_of(t)) for t in held}
        if any(id(x) in watch.tensors or id(x) in grads for x in leaves if isinstance(x, Tensor)):
            raise Unsupported("an argument is a tensor that the function also holds", lasts=False)
        numbers = _learning_rates(watch)
        try:
            program = traced(run, leaves, watch, given, numbers)
            for number in numbers:
                watch.release(number.owner, number.key)
        except (ValueNeeded, NumberSet):
            if not numbers:
                raise
            program = traced(run, leaves, watch, given, ())
        signature.programs.insert(0, program)
        return program


_all: weakref.WeakSet[Compiled] = weakref.WeakSet()


def forget_all() -> None:
    """Drop the programs of all functions."""
    for compiled in list(_all):
        compiled.forget()


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tensor) and isinstance(raw(x._current()), Tracer)


def name_of(fun: Any) -> str:
    """A function or an object that is called, in words."""
    return getattr(fun, "__qualname__", None) or type(fun).__name__


def _learning_rates(watch: Watch) -> list[Number]:
    """The learning rates of optimizers, which schedules change from step to step."""
    from funcgrad.torch.optim.optimizer import Optimizer  # imported by who has any

    groups = [g for x in watch.objects if isinstance(x, Optimizer) for g in x.param_groups]
    return [Number(g, "lr") for g in groups if type(g.get("lr")) is float]


def _global_hooks() -> list[Any]:
    from funcgrad.torch.nn.modules.hooks import everywhere  # imported by who has layers
    from funcgrad.torch.optim import optimizer  # imported by who has any

    return [optimizer._global_pre, optimizer._global_post, everywhere]


def standing_for(model: Any, called: Callable[..., Any]) -> Any:
    """A function in the place of another, or of a module: then it is a module too."""
    of_module = getattr(type(model), "_optimized", None)
    return called if of_module is None else of_module(model, called)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """A function of Tensors, or a module, as a compiled program: `fg.jit` of its functional form.

    Training steps are compiled whole, with `backward` and the optimizer's step. What the function finds outside (a
    module's parameters, buffers, what an optimizer remembers) is read at each call, and what it writes is written.

    The first call with arguments of new shapes, dtypes and constants runs as it is, the second is traced: Python's side
    effects (`print`, lists) take place in these two only. It is traced again when anything that it can reach (closures,
    globals, attributes, items) is another object or number, a parameter is frozen, or a `grad` is there that was not.
    What it asks of Python's libraries (the time, the environment, a file) is what it was when it was traced, and
    arguments of classes of yours that are equal (`==`) are taken for the same. Operations that look at values for
    errors only (labels of `one_hot`, probabilities) do not when compiled.
    What cannot be a program, as an `if` on a value or `item()`, runs uncompiled with a warning, or raises RuntimeError
    with `fullgraph`. Random numbers are fresh at each call.

    `mode`, `dynamic` and `options` change nothing; the backends "eager" and "aot_eager" compile nothing.

    >>> import funcgrad.torch as torch
    >>> @torch.compile
    ... def f(x):
    ...     return torch.sin(x) ** 2 + torch.cos(x) ** 2
    >>> for _ in range(3):
    ...     y = f(torch.tensor([0.5, 1.0]))
    >>> y
    tensor([1., 1.])
    """
    if model is None:
        return lambda model: compile(model, fullgraph=fullgraph, backend=backend, disable=disable)
    if backend not in ("inductor", *UNCOMPILED):
        raise RuntimeError(f"Invalid backend: {backend!r}, should be 'inductor', for which funcgrad's compiler stands")
    if not callable(model):
        raise RuntimeError(f"torch.compile takes a function or a module, not {type(model).__name__}")
    if disable or backend in UNCOMPILED:
        return model
    return standing_for(model, Compiled(model, fullgraph))
