"""`backward` and `autograd.grad`: what is asked for, checked as PyTorch checks it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

import numpy as np

from funcgrad.core.frames import hide, hides
from funcgrad.torch._ops.join import stack
from funcgrad.torch._pass.edges import GradientEdge, at_end
from funcgrad.torch._pass.engine import Pass, outward
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.story import Cuts, PassRecord
from funcgrad.torch._record.tape import constant, on_tape
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.storage import scope
from funcgrad.torch._tensor.tensor import Tensor, fresh

CREATE_GRAPH = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
    "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to "
    "avoid this. If you have to use this function, make sure to reset the .grad fields of your parameters "
    "to None after use to break the cycle and avoid the leak."
)


INSIDE = (
    "backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp "
    "instead or call backward() outside of functorch transforms."
)


def implicit(out: Tensor) -> np.ndarray:
    value = out._read()
    if value.shape and prod(value.shape) != 1:
        raise explained(RuntimeError("grad can be implicitly created only for scalar outputs"), [out])
    if value.dtype.kind == "c":
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {out.dtype}")
    return np.array(1, value.dtype, ndmin=len(value.shape))


def initial_grads(outputs: Sequence[Tensor], grads: Sequence[Tensor | None]) -> list[Tensor | np.ndarray]:
    """The gradient of each output, checked as PyTorch does; an array where none is given."""
    checked: list[Tensor | np.ndarray] = []
    for i, (out, grad) in enumerate(zip(outputs, grads)):
        if isinstance(grad, Tensor):
            if grad.shape != out.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {grad.shape} and output[{i}] has a "
                    f"shape of {out.shape}."
                )
            if out.is_complex() != grad.is_complex():
                raise RuntimeError(
                    "For complex Tensors, both grad_output and output are required to have the same dtype. "
                    f"Mismatch in dtype: grad_output[{i}] has a dtype of {grad.dtype} and output[{i}] has a "
                    f"dtype of {out.dtype}."
                )
            checked.append(grad)
        elif grad is None:
            if on_tape(out._read()):
                checked.append(implicit(out))
            else:
                checked.append(np.ones(out._read().shape, out._read().dtype))
        else:
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    if len(outputs) > len(grads):  # as in PyTorch, more are left
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    return checked


def check_outputs(outputs: Sequence[Tensor]) -> None:
    for i, out in enumerate(outputs):
        out._check_entry()
        if not on_tape(out._read()):
            PassRecord("backward").began([out])
            text = f"element {i} of tensors does not require grad and does not have a grad_fn"
            raise explained(RuntimeError(text), [out])


def explained(error: RuntimeError, outputs: Sequence[Tensor], inputs: Sequence[Tensor] = ()) -> RuntimeError:
    """The error with a note on its cause, where that is known."""
    from funcgrad.torch._explain.notes import annotate  # which the way without errors need not load

    annotate(error, outputs, inputs)
    return error


def listed(x: Any) -> list[Any]:
    return [x] if isinstance(x, (Tensor, GradientEdge)) or x is None else list(x)


def ends(x: Any) -> list[Any]:
    """Tensors, those of edges among them."""
    return list(map(at_end, listed(x)))


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of the sum of `tensors` (weighted by `grad_tensors`) to the `grad` of the leaves.

    `inputs` restricts this to the given tensors, which may be no leaves. Saved values are freed unless
    `retain_graph`; with `create_graph` the gradients can themselves be differentiated.
    """
    if scope.level and scope.strict:
        raise RuntimeError(INSIDE)
    outputs = ends(tensors)
    targets = None if inputs is None else ends(inputs)
    if targets is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    grads = _checked_grads("backward", outputs, grad_tensors)
    _check_flags(retain_graph, create_graph)
    wanted = None
    if targets is not None:
        wanted = {}
        _need_targets(targets)
        for given, t in zip(listed(inputs), targets):
            if given is t:
                t.retain_grad()
            wanted[t._read().node.seq] = t
    if create_graph:
        warn_once(CREATE_GRAPH)
    run = Pass(create_graph if retain_graph is None else retain_graph, create_graph, wanted, accumulates=True)
    if grad_tensors is not None:
        _mark_given(run, grads)
    _remembered(run, outputs, grads)


def _checked_grads(called: str, outputs: list[Tensor], grads: Any) -> list[Tensor | np.ndarray]:
    """The gradient of each output. Leaves remember a pass that is refused."""
    if grads is None and len(outputs) == 1 and _is_plain_loss(outputs[0]):
        return [np.array(1, outputs[0]._value.value.dtype)]
    try:
        checked = initial_grads(outputs, [None] * len(outputs) if grads is None else listed(grads))
    except RuntimeError as error:
        record = PassRecord(called)
        record.began(outputs)
        record.ended_in(error)
        raise
    check_outputs(outputs)
    return checked


def _is_plain_loss(out: Any) -> bool:
    """Whether there is nothing to check: a recorded number that no view or mode makes special."""
    if not isinstance(out, Tensor) or out._view is not None or out._seen != out._storage.stamp or not mode.direct:
        return False
    value = out._value
    return on_tape(value) and value.value.shape == () and value.value.dtype.kind == "f"


def _mark_given(run: Pass, grads: Sequence[Tensor | np.ndarray]) -> None:
    """Remember gradients of zeros that the user gives a pass."""
    if not any(isinstance(g, np.ndarray) or np.any(constant(g._read())) for g in grads):
        run.record.marks = (*run.record.marks, ("given", run.record.loc))


def _remembered(run: Pass, outputs: list[Tensor], grads: list[Tensor | np.ndarray]) -> None:
    """Run a pass; tensors remember it, and an error tells what they know."""
    run.record.began(outputs)
    if run.accumulates and run.wanted is not None:
        run.record.called = "backward(inputs=...)"
    try:
        run.run(outputs, grads)
        if run.kept.spoilt:
            from funcgrad.torch._explain.spoilt import remember  # which the way without zeros need not load

            remember(run, outputs)
    except RuntimeError as error:
        run.record.ended_in(explained(error, outputs))
        raise
    finally:
        run.freed.clear()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` (weighted by `grad_outputs`) by each of `inputs`; no `grad` of a leaf is
    changed.

    With `create_graph` they can themselves be differentiated. With `is_grads_batched`, `grad_outputs` have one
    dimension more, in front, and so has the result: a pass is run for each of its rows.
    """
    outs, targets = ends(outputs), ends(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    weights = [None] * len(outs) if grad_outputs is None else listed(grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    _check_flags(retain_graph, create_graph, allow_unused)
    _need_targets(targets)
    flags = create_graph, allow_unused, materialize_grads
    if is_grads_batched:
        return _by_rows(outs, targets, weights, keep, flags)
    return _gradients(outs, targets, initial_grads(outs, weights), keep, flags)


def _check_flags(*flags: Any) -> None:
    """Python's error for what is no truth value; PyTorch takes integers for one."""
    for flag in flags:
        if flag is not None:
            index(flag)


def _need_targets(targets: Sequence[Any]) -> None:
    for t in targets:
        if not isinstance(t, Tensor):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(t).__name__}")


def _gradients(
    outs: list[Tensor],
    targets: list[Tensor],
    grads: list[Tensor | np.ndarray],
    keep: bool,
    flags: tuple[bool, bool, bool],
) -> tuple[Tensor | None, ...]:
    create, allow_unused, materialize = flags
    check_outputs(outs)
    wanted: dict[int, Any] = {}
    for t in targets:
        if not on_tape(t._read()):
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        wanted[t._read().node.seq] = t
    run = Pass(keep, create, wanted, accumulates=False)
    _remembered(run, outs, grads)
    for t in targets:
        t._story.asked = run.record
    if not create:
        run.record.ends_for(targets)
    results: list[Tensor | None] = []
    for i, t in enumerate(targets):
        ct = run.found.get(t._read().node.seq)
        if ct is not None:
            ends = run.record.ends if not create else () if on_tape(ct) else run.record.once
            results.append(_returned(outward(ct), ends))
        elif materialize:
            results.append(fresh(np.zeros(t.shape, t._read().dtype)))
        elif allow_unused:
            results.append(None)
        else:
            text = (
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
            raise explained(RuntimeError(text), outs, targets)
    return tuple(results)


def _returned(ct: Any, ends: Cuts) -> Tensor:
    """A gradient that is returned; one that is not recorded remembers what was differentiated."""
    out = fresh(constant(ct) if ends else ct)
    out._cuts = ends
    return out


def _by_rows(
    outs: list[Tensor], targets: list[Tensor], weights: list[Any], keep: bool, flags: tuple[bool, bool, bool]
) -> tuple[Tensor | None, ...]:
    for i, (out, weight) in enumerate(zip(outs, weights)):
        if not isinstance(weight, Tensor):
            raise ValueError(
                "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a Tensor of "
                "dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0."
            )
        if weight.shape[1:] != out.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{i}] has a shape of {weight.shape[1:]} and "
                f"output[{i}] has a shape of {out.shape}. If you only want some tensors in `grad_output` to be "
                "considered batched, consider using vmap."
            )
    count = len(weights[0])
    rows = [
        _gradients(outs, targets, [weight[i] for weight in weights], keep or i < count - 1, flags)
        for i in range(count)
    ]
    columns = zip(*rows)
    return tuple(None if any(g is None for g in column) else stack(column) for column in columns)


@hides
def tensor_backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of this tensor (a scalar, or weighted by `gradient`) to the `grad` of the leaves.

    RuntimeError where it requires no gradient, is no scalar and no `gradient` is given, or was freed or
    modified.
    """
    try:
        backward(self, gradient, retain_graph, create_graph, inputs)
    except Exception as error:
        hide(error)
        raise


tensor_backward.__name__, tensor_backward.__qualname__ = "backward", "Tensor.backward"
