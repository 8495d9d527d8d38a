"""Hooks: what is called when a gradient arrives, when an operation has been pulled back, when a `grad` is filled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from funcgrad.torch._record.tape import on_tape, own_note
from funcgrad.torch._tensor.dtypes import of
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

    def __init__(self, hooks: dict[int, Any], marks: Sequence[dict[int, bool]] = ()) -> None:
        self.hooks, self.marks = hooks, marks
        self.id = next(_ids)

    def remove(self) -> None:
        for entries in (self.hooks, *self.marks):
            entries.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def registered(
    hooks: dict[int, Any], hook: Any, first: bool = False, marks: Sequence[dict[int, bool]] = ()
) -> RemovableHandle:
    """Add a hook, behind the others or before them, and its number to `marks`."""
    handle = RemovableHandle(hooks, marks)
    for mark in marks:
        mark[handle.id] = True
    others = dict(hooks) if first else {}
    for key in others:
        del hooks[key]
    hooks[handle.id] = hook
    hooks.update(others)
    return handle


def checked(hook: Any, before: Any, result: Any) -> Any:
    """What a hook puts in the place of a cotangent: PyTorch's errors for what is none like it."""
    if result is None:
        return None
    if before is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if not isinstance(result, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    value = result._read()
    if value.dtype != before.dtype:
        was, got = (f"torch.{of(v.dtype).title}Tensor" for v in (before, value))
        raise RuntimeError(f"hook '{name_of(hook)}' has changed the type of value (was {was} got {got})")
    if value.shape != before.shape:
        raise RuntimeError(f"hook '{name_of(hook)}' has changed the size of value")
    return result


def checked_all(hook: Any, before: Sequence[Any], result: Any) -> tuple[Any, ...]:
    """The same for hooks on operations, which give all at once."""
    if not isinstance(result, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(result).__name__}'")
    if len(result) != len(before):
        raise RuntimeError(
            f"hook '{name_of(hook)}' has returned an incorrect number of values (got {len(result)}, but expected "
            f"{len(before)})"
        )
    return tuple(checked(hook, b, r) for b, r in zip(before, result))


def name_of(hook: Any) -> str:
    return getattr(hook, "__name__", "<unknown>")


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
    self._check_entry()
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
