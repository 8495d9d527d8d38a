"""`torch.utils.checkpoint`: a part of a function that is computed again on the way back, so that it saves little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer, selected
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._pass.context import Saved
from funcgrad.torch._pass.engine import UsersRule
from funcgrad.torch._pass.inner import Inner
from funcgrad.torch._pass.kept import is_spoilt
from funcgrad.torch._pass.saved import without_hooks
from funcgrad.torch._record.modes import enable_grad, mode
from funcgrad.torch._record.tape import Note, on_tape, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.utils.randomness import random_numbers, random_state
from funcgrad.torch.utils.reentrant import CheckpointFunction

UNDECIDED = (
    "torch.utils.checkpoint{}: the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is "
    "recommended, but if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to "
    "docs for more details on the differences between the two variants."
)
RAISES = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
SEQUENTIAL_RAISES = "In version 2.9 we will raise an exception if use_reentrant is not passed."


class CheckpointError(RuntimeError):
    """The function did something else when it was called again."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which a backward pass keeps nothing: it calls the function again.

    Gradients reach whatever the function used: its arguments, tensors inside of them, parameters that it closes over.
    The random numbers are the same in both calls. Hooks on saved tensors around it get the arguments alone. With
    `use_reentrant=True` (as without it, with a warning) the first call is not recorded, at least one of the arguments
    must be a tensor that requires grad, and `backward` alone can pass back; else it is, and then dropped.

    >>> import funcgrad.torch as torch
    >>> from funcgrad.torch.utils.checkpoint import checkpoint
    >>> x = torch.ones(2, requires_grad=True)
    >>> checkpoint(torch.sin, x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([0.5403, 0.5403])
    """
    if use_reentrant is None:
        warn(UNDECIDED.format("", RAISES))
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    state = random_state() if preserve_rng_state else None
    if not mode.enabled:
        return function(*args, **kwargs)

    hooks = mode.saver
    saved = [Saved(a, hooks) if hooks is not None and isinstance(a, Tensor) else a for a in args]

    def again() -> list[Tensor]:
        given = [a.tensor() if isinstance(a, Saved) else a for a in saved]
        with enable_grad(), without_hooks(), random_numbers(state):
            return list(_tensors(function(*given, **kwargs)))

    first = Node().seq
    with without_hooks():
        out = function(*args, **kwargs)
    inner = [t._read().node for t in _tensors(out) if on_tape(t._read())]
    if any(isinstance(raw(t._read()), Tracer) for t in _tensors(out)):
        return out
    return _recorded(out, again, _outside(inner, first)) if inner else out


def _outside(outputs: Sequence[Node], first: int) -> tuple[Node, ...]:
    """The entries from before a call that its results were computed from."""
    found: dict[int, Node] = {}
    stack = list(outputs)
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if node.seq in seen:
            continue
        seen.add(node.seq)
        if node.seq < first or node.prim is None:
            found[node.seq] = node
        else:
            stack.extend(p for p in node.parents if p is not None)
    return tuple(found.values())


def _tensors(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (list, tuple)):
        for e in x:
            yield from _tensors(e)
    elif isinstance(x, dict):
        yield from _tensors(list(x.values()))


def _replaced(x: Any, left: Iterator[Tensor]) -> Any:
    """A structure with other tensors."""
    if isinstance(x, Tensor):
        return next(left)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_replaced(e, left) for e in x))
    if isinstance(x, (list, tuple)):
        return type(x)(_replaced(e, left) for e in x)
    if isinstance(x, dict):
        return {k: _replaced(v, left) for k, v in x.items()}
    return x


def _recorded(out: Any, again: Callable[[], list[Tensor]], parents: tuple[Node, ...]) -> Any:
    """The results, with one entry for the whole call."""
    outputs = list(_tensors(out))
    shapes = [t.shape for t in outputs]
    moving = [t._read().dtype.kind in "fc" for t in outputs]
    node = Node(RECOMPUTED, {}, parents, (again, shapes, moving), here())
    node.note = Note("CheckpointBackward")
    results, position, count = [], 0, sum(moving)
    for t, moves in zip(outputs, moving):
        if not moves:
            results.append(t)
            continue
        own = node
        if count > 1:
            own = selected(node, position, count)
            own.note = Note("CheckpointBackward")
        position += 1
        result = fresh(TapeTracer(mode.tape, raw(t._read()), own))
        result._storage, result._seen = t._storage, t._storage.stamp
        t._storage.lend()
        results.append(result)
    return _replaced(out, iter(results))


class _Recomputed(UsersRule):
    """A call that is made again when it is pulled back."""

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        (again, shapes, moving), run, seq = saved
        cts = iter(ct if type(ct) is list else [ct])
        first = Node().seq
        outputs = again()
        if [t.shape for t in outputs] != shapes:
            raise CheckpointError(
                f"torch.utils.checkpoint: the function gave tensors of shapes {[list(t.shape) for t in outputs]} when "
                f"it was called again, and of {[list(s) for s in shapes]} before"
            )
        pairs = [(t, next(cts)) for t, moves in zip(outputs, moving) if moves]
        pairs = [(t, c) for t, c in pairs if c is not None and on_tape(t._read())]
        inner = Inner(run, first, tracked)
        found = inner.within([t for t, _ in pairs], [run.tensor(c) for _, c in pairs])
        run.kept.handed[seq] = handed = [found.get(p.seq) for p in tracked]
        if any(c is not None and is_spoilt(c) for c in handed):
            from funcgrad.torch._explain.spoilt import remember_inside  # which the way without zeros need not load

            remember_inside(run, inner, seq, tracked)
        return handed


RECOMPUTED = _Recomputed("checkpoint")


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None) -> Any:
    """The functions (or modules) one after the other, in so many parts, of which all but the last are checkpointed."""
    if use_reentrant is None:
        warn(UNDECIDED.format(".checkpoint_sequential", SEQUENTIAL_RAISES))
        use_reentrant = True
    steps = list(functions)
    size = len(steps) // segments

    def part(chosen: Sequence[Any]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in chosen:
                x = step(x)
            return x

        return run

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(part(steps[start : start + size]), input, use_reentrant=use_reentrant)
    return part(steps[size * (segments - 1) :])(input)


__all__ = ["CheckpointError", "CheckpointFunction", "checkpoint", "checkpoint_sequential"]


def __dir__() -> list[str]:
    return __all__
