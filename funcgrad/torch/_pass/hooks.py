"""Hooks: what is called when a gradient arrives, when an operation has been pulled back, when a `grad` is filled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from funcgrad.torch._pass.current import current
from funcgrad.torch._record.tape import on_tape, own_note
from funcgrad.torch._tensor.tensor import Tensor

if TYPE_CHECKING:
    from funcgrad.core.tape import Node

NEEDS_NONE = "cannot register a hook on a tensor that doesn't require gradient"


class _Use:
    """Whether any hook was ever registered: before that, the order in which leaves are reached shows nowhere."""

    ever = False


use = _Use()
_ids = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes it away again, as does the end of a `with`."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.hooks = hooks
        self.id = next(_ids)

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def registered(hooks: dict[int, Any], hook: Any, first: bool = False) -> RemovableHandle:
    """Add a hook, behind the others or before them."""
    handle = RemovableHandle(hooks)
    others = dict(hooks) if first else {}
    for key in others:
        del hooks[key]
    hooks[handle.id] = hook
    hooks.update(others)
    return handle


class HandlesTogether:
    """The handles of several hooks, as one."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> HandlesTogether:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register(node: Node, place: str, hook: Callable[..., Any]) -> RemovableHandle:
    """Add a hook of the kind `place` to the note of an entry."""
    use.ever = True
    note = own_note(node)
    hooks = getattr(note, place)
    if hooks is None:
        hooks = {}
        setattr(note, place, hooks)
    return registered(hooks, hook)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call `hook(grad)` when the gradient of this value is computed; what it returns replaces it."""
    value = self._read()
    if not on_tape(value):
        raise RuntimeError(NEEDS_NONE)
    return register(value.node, "hooks", hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call `hook(self)` when `backward` has filled the `grad` of this leaf."""
    value = self._read()
    if not on_tape(value):
        raise RuntimeError(NEEDS_NONE)
    if value.node.prim is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return register(value.node, "filled", hook)


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all") -> Any:
    """Call `fn` with the gradients of all tensors when the pass has computed them ("all"; None where there is none),
    or with the first that it computes ("any")."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    seen: dict[int, list[Tensor | None]] = {}

    def arrived(position: int) -> Callable[[Tensor], None]:
        def hook(grad: Tensor) -> None:
            run = current()
            if mode == "any":
                if id(run) not in seen:
                    seen.clear()
                    seen[id(run)] = []
                    fn(grad)
                return
            if id(run) not in seen:
                seen.clear()
                seen[id(run)] = [None] * len(tensors)
            grads = seen[id(run)]
            grads[position] = grad
            if all(g is not None or not run.will_reach(t) for g, t in zip(grads, tensors)):
                del seen[id(run)]
                fn(grads)

        return hook

    return HandlesTogether([register_hook(t, arrived(i)) for i, t in enumerate(tensors)])
