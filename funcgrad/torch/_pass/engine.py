"""The backward pass: the tape's pull with PyTorch's rules about leaves, hooks, freed and modified values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import here
from funcgrad.core.tape import SELECT, Node, TapeTracer, entries, pull
from funcgrad.ops.elementwise import conj
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import Watched, constant, name_of, note_of, on_tape, own_note
from funcgrad.torch._tensor.dtypes import of
from funcgrad.torch._tensor.tensor import Tensor, fresh

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
    "if you need to access saved tensors after calling backward."
)
CREATE_GRAPH = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
    "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to "
    "avoid this. If you have to use this function, make sure to reset the .grad fields of your parameters "
    "to None after use to break the cycle and avoid the leak."
)


class Freed:
    """Stands for saved values that a backward pass has let go."""


FREED_VALUES = Freed()


def modified(watched: Watched) -> RuntimeError:
    """PyTorch's error for a saved value that was written since."""
    source, value = watched.source, watched.value
    name = ""
    if isinstance(source, str):
        name, value = source, watched.storage.value
    else:
        tensor = source()
        if tensor is not None:
            value = tensor._read()
        if on_tape(value) and value.node.prim is not None:
            name = "AsStrided" if tensor is None and watched.is_view else name_of(value.node)
    name = name.replace("Backward0", "").replace("Backward", "")
    which = f", which is output 0 of {name}," if name else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{of(value.dtype).title}Tensor {list(value.shape)}]{which} is at version "
        f"{watched.storage.version}; expected version {watched.version} instead. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )


def outward(ct: Any) -> Any:
    """A cotangent as PyTorch shows it: its gradients of complex tensors are the conjugates."""
    return conj(ct) if ct.dtype.kind == "c" else ct


RULES_OF_USERS: set[type] = set()
"""The primitives whose pull must know of the pass: `autograd.Function`."""


class Pass:
    """One backward pass."""

    def __init__(
        self, keep: bool, create: bool, wanted: dict[int, Any] | None, needed: set[int] | None
    ) -> None:
        self.keep = keep
        self.create = create
        self.wanted = wanted
        self.needed = needed
        self.found: dict[int, Any] = {}
        self.given: dict[int, Tensor] = {}
        self.loc = here()

    def run(self, outputs: Sequence[Tensor], grads: Sequence[Tensor]) -> None:
        seeds = []
        for out, grad in zip(outputs, grads):
            ct = grad._read()
            if not self.create:
                ct = constant(ct)
                self.given[id(ct)] = grad
            value = out._read()
            if ct.dtype != value.dtype:
                ct = ct.astype(value.dtype)
            self.tape = value._trace
            seeds.append((value.node, outward(ct)))
        pull(seeds, self.visit, self.saved_of)

    def in_users_mode(self, fun: Callable[..., Any], *args: Any) -> Any:
        """Call what works on Tensors, recording it as the pass is asked to.

        Around such calls only: what a signal handler does during the pass is recorded as usual.
        """
        before, mode.enabled = mode.enabled, self.create
        try:
            return fun(*args)
        finally:
            mode.enabled = before

    def tensor(self, ct: Any) -> Tensor:
        """A cotangent as a user's hook or rule sees it: where it is that, the very tensor given to `backward`.
        """
        given = self.given.get(id(ct))
        return given if given is not None else fresh(outward(ct))

    def link(self, value: Any, node: Node | None) -> Any:
        """A saved value as a value of the tape again."""
        if node is None or value is None or type(value) is Aval:
            return value
        return TapeTracer(self.tape, value, node)

    def visit(self, node: Node, ct: Any) -> Any:
        if self.needed is not None and node.seq not in self.needed:
            return None
        try:
            note = node.note
        except AttributeError:
            note = None
        if note is not None:
            if note.hooks:
                ct = self.hooked(note.hooks, ct)
            if note.owner is not None and (node.prim is not None or self.reaches(node)):
                tensor = note.owner()
                if tensor is not None and (node.prim is None or tensor._read().node is node):
                    self.accumulate(tensor, ct)
        if self.wanted is not None and node.seq in self.wanted:
            self.found[node.seq] = ct
        return ct

    accumulates = True

    def reaches(self, leaf: Node) -> bool:
        """Whether the pass fills the `grad` of a leaf; that of a tensor that retains it is always filled."""
        return self.accumulates and (self.wanted is None or leaf.seq in self.wanted)

    def hooked(self, hooks: dict[int, Callable[[Tensor], Any]], ct: Any) -> Any:
        for hook in list(hooks.values()):
            result = self.in_users_mode(hook, self.tensor(ct))
            if result is None:
                continue
            if not isinstance(result, Tensor):
                raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
            value = result._read()
            if value.shape != ct.shape:
                raise RuntimeError(f"hook '{hook.__name__}' has changed the size of value")
            ct = outward(value if self.create else constant(value))
        return ct

    def accumulate(self, tensor: Tensor, ct: Any) -> None:
        grad = tensor._grad
        tensor._story.reached = self.loc
        ct = outward(ct)
        if not self.create:
            ct = constant(ct)
        if grad is None:
            tensor._grad = fresh(ct)
        elif self.create:
            from funcgrad.torch._ops.pointwise import add

            tensor._grad = self.in_users_mode(add, grad, fresh(ct))
        elif grad._view is None:
            grad._write(constant(grad._read()) + ct)
        else:  # whose base the mode decides about
            self.in_users_mode(grad._write, constant(grad._read()) + ct)

    def saved_of(self, node: Node) -> Any:
        saved = node.saved
        try:
            note = node.note
        except AttributeError:
            note = None
        if note is not None:
            if saved is FREED_VALUES:
                raise RuntimeError(FREED)
            watch = note.watch
            if watch is not None:
                for watched in watch:
                    if watched[0].version != watched[1]:
                        raise modified(watched)
                if not self.keep:
                    node.saved = FREED_VALUES
                    if watch:
                        note.watch = ()
            if note.lacks is not None:
                raise (RuntimeError if note.name == "NotImplemented" else NotImplementedError)(note.lacks)
        prim: Any = node.prim
        if type(prim) in RULES_OF_USERS:
            return prim.in_pass(saved, self)
        return prim.relink(saved, node.parents, node, self.link) if self.create else saved


def implicit(out: Tensor) -> Tensor:
    if out.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if out.is_complex():
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {out.dtype}")
    value = out._read()
    return fresh(np.ones(value.shape, value.dtype))


def initial_grads(outputs: Sequence[Tensor], grads: Sequence[Tensor | None]) -> list[Tensor]:
    """The gradient of each output, checked as PyTorch does."""
    if len(outputs) != len(grads):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    checked = []
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
            if out.requires_grad:
                checked.append(implicit(out))
            else:
                checked.append(fresh(np.ones(out._read().shape, out._read().dtype)))
        else:
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    return checked


def check_outputs(outputs: Sequence[Tensor]) -> None:
    for i, out in enumerate(outputs):
        if not out.requires_grad:
            remember_missed([out], here())
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")


def nodes_needed(outputs: Sequence[Tensor], wanted: dict[int, Any]) -> set[int]:
    """The entries on a way to the wanted ones."""
    needed: set[int] = set()
    for node in entries([out._value.node for out in outputs]):
        if node.seq in wanted or any(p is not None and p.seq in needed for p in node.parents):
            needed.add(node.seq)
    return needed


def listed(x: Any) -> list[Any]:
    return [x] if isinstance(x, Tensor) or x is None else list(x)


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
    outputs = listed(tensors)
    targets = None if inputs is None else listed(inputs)
    if targets is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    grads = initial_grads(outputs, [None] * len(outputs) if grad_tensors is None else listed(grad_tensors))
    check_outputs(outputs)
    if create_graph:
        warnings.warn(CREATE_GRAPH, UserWarning, stacklevel=3)
    keep = create_graph if retain_graph is None else retain_graph
    wanted = needed = None
    if targets is not None:
        wanted = {}
        for t in targets:
            if not t.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
            wanted[t._read().node.seq] = t
        needed = nodes_needed(outputs, wanted)
    run = Pass(keep, create_graph, wanted, needed)
    run.run(outputs, grads)
    if wanted is not None:
        for seq, t in wanted.items():
            if seq in run.found and not t.is_leaf and not t._retains:
                run.accumulate(t, run.found[seq])
    remember_missed(outputs, run.loc)


def remember_missed(outputs: Sequence[Tensor], loc: Any) -> None:
    """Tell the leaves that the outputs are cut off from that a pass went by."""
    for out in outputs:
        for record in out._cuts:
            for leaf in record.leaves:
                tensor = leaf()
                if tensor is not None and tensor._story.reached is not loc:
                    tensor._story.missed = loc, out._cuts


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
    """The gradients of the sum of `outputs` (weighted by `grad_outputs`) by each of `inputs`; no `grad` is
    changed.

    With `create_graph` they can themselves be differentiated.
    """
    if is_grads_batched:
        raise NotImplementedError(
            "autograd.grad: funcgrad.torch has no is_grads_batched; use funcgrad.vmap over funcgrad.vjp"
        )
    outs, targets = listed(outputs), listed(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    grads = initial_grads(outs, [None] * len(outs) if grad_outputs is None else listed(grad_outputs))
    check_outputs(outs)
    keep = create_graph if retain_graph is None else retain_graph
    wanted: dict[int, Any] = {}
    for t in targets:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        wanted[t._read().node.seq] = t
    run = Pass(keep, create_graph, wanted, nodes_needed(outs, wanted))
    run.accumulates = False
    run.run(outs, grads)
    results: list[Tensor | None] = []
    for i, t in enumerate(targets):
        ct = run.found.get(t._read().node.seq)
        if ct is not None:
            results.append(fresh(outward(ct) if create_graph else constant(outward(ct))))
        elif materialize_grads:
            results.append(fresh(np.zeros(t.shape, t._read().dtype)))
        elif allow_unused:
            results.append(None)
        else:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
    return tuple(results)


# What a tensor shows of its entry


class GradFn:
    """An entry as `tensor.grad_fn` shows it; its class has the operation's name."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def name(self) -> str:
        name = name_of(self._node)
        return (
            "torch::autograd::" + name if name in ("CopySlices", "AccumulateGrad", "CopyBackwards") else name
        )

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """The entries of the operands, each with the position among its outputs."""
        found: list[tuple[GradFn | None, int]] = []
        stack = list(reversed(self._node.parents))
        while stack:
            node = stack.pop()
            if node is None:
                found.append((None, 0))
            elif note_of(node) is None or node.prim is SELECT:
                stack.extend(reversed(node.parents))
            else:
                found.append((grad_fn(node), 0))
        return tuple(found)

    @property
    def variable(self) -> Tensor | None:
        """The leaf tensor that an AccumulateGrad adds to."""
        note = note_of(self._node)
        return note.owner() if note is not None and note.owner is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and other._node is self._node

    def __hash__(self) -> int:
        return hash(self._node.seq)

    def __repr__(self) -> str:
        kind = type(self)
        place = "" if kind.__module__ == __name__ else kind.__module__ + "."
        return f"<{place}{kind.__name__} object at {id(self._node):#x}>"


_classes: dict[tuple[str, str], type] = {}


def grad_fn(node: Node) -> GradFn:
    name = name_of(node)
    prim = node.parents[0].prim if node.prim is SELECT and node.parents[0] is not None else node.prim
    module = getattr(prim, "module", __name__)
    kind = _classes.get((name, module))
    if kind is None:
        kind = _classes[name, module] = type(name, (GradFn,), {"__slots__": (), "__module__": module})
    return kind(node)


class RemovableHandle:
    """What `register_hook` returns."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.hooks = hooks
        self.id = max(hooks, default=-1) + 1

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call `hook(grad)` when the gradient of this value is computed; what it returns replaces it.
    """
    value = self._read()
    if not on_tape(value):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    note = own_note(value.node)
    if note.hooks is None:
        note.hooks = {}
    handle = RemovableHandle(note.hooks)
    note.hooks[handle.id] = hook
    return handle


def tensor_grad_fn(self: Tensor) -> Any:
    self._check_entry()
    value = self._read()
    if not on_tape(value) or value.node.prim is None:
        return None
    return NotImplemented if name_of(value.node) == "NotImplemented" else grad_fn(value.node)


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
    backward(self, gradient, retain_graph, create_graph, inputs)


tensor_backward.__name__, tensor_backward.__qualname__ = "backward", "Tensor.backward"
