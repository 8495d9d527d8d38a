"""A traced call as a program: which tensors it reads, whether it still fits, and what it sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_, itemgetter
from typing import Any

import numpy as np

import funcgrad.torch._tensor.dtypes as dtypes
from funcgrad.compile.jit import jit
from funcgrad.compile.running import program_of
from funcgrad.core.graph import Graph, evaluate
from funcgrad.core.provenance import here
from funcgrad.core.staging import trace_open
from funcgrad.core.tape import tick
from funcgrad.ops.elementwise import conj
from funcgrad.torch._compile.overlay import Unsupported, ValueNeeded, shown
from funcgrad.torch._compile.randomness import Randomness
from funcgrad.torch._compile.results import Made, Results, made
from funcgrad.torch._compile.session import Draw, Number, Outer, Session
from funcgrad.torch._compile.watch import Watch, hooks_of, kind_of
from funcgrad.torch._pass import anomaly
from funcgrad.torch._pass.function import Function
from funcgrad.torch._record.modes import mode, own_tape
from funcgrad.torch._record.story import PassRecord, event
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.storage import Unwatched
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.api import vjp

Find = Callable[[Sequence[Any]], Any]
"""From the tensors among the arguments to one, or to a value."""
DOUBLE_BACKWARD = "torch.compile with aot_autograd does not currently support double backward"


class StateMade(BaseException):
    """The function put tensors that it made into objects from outside."""


class NumberSet(BaseException):
    """The function set a number that was to be an input."""


def traced(
    fun: Callable[[], Any], leaves: Sequence[Any], watch: Watch, given: Watch, numbers: Sequence[Number]
) -> Traced:
    """The program of a function whose tensors are `leaves`, and what the watch finds. Numbers are inputs too.

    What is `given`, the lists and dicts of arguments, must stay as it is.

    Where there is none, tensors and what holds them are as they were, so that the function can be called instead.
    """
    sessions: list[Session] = []
    results: list[Results] = []

    def run(new: Callable[..., Any]) -> list[Any]:
        session = Session(new)
        sessions.append(session)
        enabled = mode.enabled
        with own_tape(), shown(session), _as_inputs(numbers, session):
            session.tape, mode.enabled = mode.tape, enabled
            with _modes_kept():
                out = fun()
            results.append(Results(session, out, watch))
        return results[0].outputs

    randomness = Randomness(watch)
    try:
        try:
            graph = trace_open(run, name="torch.compile")
        finally:
            if sessions[0].lacked:
                raise ValueNeeded(sessions[0].lacked)
        if randomness.is_used():
            raise Unsupported("it draws random numbers of Python's or NumPy's, which would be the same at each call")
        if _holds_inside(watch, sessions):
            raise StateMade
        if not given.holds():
            raise Unsupported("it changes an argument that is no tensor")
        return Traced(sessions[0], results[0], graph, leaves, watch)
    except (Unsupported, StateMade, NumberSet):
        watch.restore()
        given.restore()
        randomness.restore()
        raise
    except BaseException:
        for found in (watch, given):
            if _holds_inside(found, sessions):
                found.restore()
        raise


@contextmanager
def _modes_kept() -> Iterator[None]:
    """Unsupported where a function leaves the default dtype or a mode that it has set; they are then what they were."""
    default, detects = dtypes.get_default_dtype(), (anomaly.state.enabled, anomaly.state.checks)
    recording = mode.enabled, mode.inference
    yield
    found = dtypes.get_default_dtype(), (anomaly.state.enabled, anomaly.state.checks), (mode.enabled, mode.inference)
    if found != (default, detects, recording):
        dtypes.set_default_dtype(default)
        anomaly.state.enabled, anomaly.state.checks = detects
        raise Unsupported("it sets a mode, or the default dtype, for what comes after it")


@contextmanager
def _as_inputs(numbers: Sequence[Number], session: Session) -> Iterator[None]:
    """Let numbers in dicts be inputs; NumberSet where the function sets one."""
    held = [n.owner[n.key] for n in numbers]
    inputs = [session.input(n, (), np.dtype(np.float64), weak=True) for n in numbers]
    for n, x in zip(numbers, inputs):
        n.owner[n.key] = x
    try:
        yield
        if any(n.owner[n.key] is not x for n, x in zip(numbers, inputs)):
            raise NumberSet
    finally:
        for n, value in zip(numbers, held):
            n.owner[n.key] = value


def _holds_inside(watch: Watch, sessions: Sequence[Session]) -> bool:
    return any(s.is_inside(t) for s in sessions for t in Watch(watch.roots).tensors.values())


class Traced:
    """A program, and the tensors that it is run on."""

    def __init__(
        self, session: Session, results: Results, graph: Graph, leaves: Sequence[Any], watch: Watch
    ) -> None:
        outer = session.outer
        found = _finders(list(outer.values()), leaves, watch)
        self._watch = watch
        self._inputs = [
            _getter(source, aval.shape, found, isinstance(source, Tensor) and outer[id(source)].whole)
            for source, aval in zip(session.inputs, graph.in_avals)
        ]
        self._finds = [found[id(s)] if isinstance(s, Tensor) else None for s in session.inputs]
        self._writes = [(found[id(o.tensor)], slot, writes) for o, slot, writes in results.writes]
        self._tensors = [t if isinstance(t, Made) else found[id(t.tensor)] for t in results.tensors]
        self._new_grads = [(found[id(o.tensor)], position) for o, position in results.grads]
        self._leaves, self._treedef, self._moving = results.leaves, results.treedef, results.moving
        self._places = [i for i, s in enumerate(session.inputs) if isinstance(s, Tensor) and outer[id(s)].required]
        self._sources = [found[id(session.inputs[i])] for i in self._places]
        held = [o for o in outer.values() if id(o.tensor) in watch.tensors]
        self._held = [(t, t._storage, t._view, kind_of(t), hooks_of(t)) for t in (o.tensor for o in held)]
        self._memories = {o.memory for o in held}
        self._hooks = [(i, hooks_of(x)) for i, x in enumerate(leaves) if isinstance(x, Tensor) and kind_of(x)]
        self._grads = [
            (found[id(o.tensor)], grad is None, grad if id(grad) in watch.tensors else None)
            for o in outer.values()
            if o.read_grad
            for grad in (grad_of(o.tensor),)
        ]
        self._run = program_of(graph).run
        self._jitted = jit(lambda *values: tuple(evaluate(graph, values)))

    def fits(self, leaves: Sequence[Any]) -> bool:
        """Whether the program is still that of the function: what it found outside is what it was."""
        for t, storage, view, kind, hooks in self._held:
            if t._storage is not storage or t._view is not view or kind_of(t) != kind:
                return False
            if kind and not all(map(is_, hooks_of(t), hooks)):
                return False
        for i, hooks in self._hooks:
            if not all(map(is_, hooks_of(leaves[i]), hooks)):
                return False
        taken = set(map(id, map(memory_of, leaves)))
        for find, missing, held in self._grads:
            grad = grad_of(find(leaves))
            if (grad is None) is not missing or (held is not None and grad is not held):
                return False
            if not missing and (grad._view is not None or kind_of(grad) or id(memory_of(grad)) in taken):
                return False
        return self._watch.holds() and taken.isdisjoint(self._memories)

    def __call__(self, leaves: Sequence[Any]) -> Any:
        values = [get(leaves) for get in self._inputs]
        recorded: dict[int, Tensor] = {}
        if self._moving:
            outputs, recorded = self._recorded(values, leaves)
        else:
            outputs = [x if type(x) is np.ndarray else np.asarray(x) for x in self._run(*values)]
        at = here(), tick()
        for find, slot, writes in self._writes:
            storage = find(leaves)._storage
            storage.count_all(writes, at)
            storage.replace(outputs[slot])
        memories: dict[int, Any] = {}
        tensors = [
            how(leaves)
            if not isinstance(how, Made)
            else recorded[how.slot]
            if how.recorded == "open"
            else made(how, outputs, memories)
            for how in self._tensors
        ]
        if self._new_grads:
            self._renew_grads(leaves, tensors)
        return self._treedef.unflatten([constant if i < 0 else tensors[i] for i, constant in self._leaves])

    def _renew_grads(self, leaves: Sequence[Any], tensors: Sequence[Tensor]) -> None:
        record, cleared = PassRecord("backward"), event()
        for find, position in self._new_grads:
            leaf = find(leaves)
            leaf._grad = None if position < 0 else tensors[position]
            leaf._story.clear(cleared)
            if position >= 0:
                leaf._story.reach(record, leaf._grad._storage.version)

    def _recorded(self, values: list[Any], leaves: Sequence[Any]) -> tuple[list[Any], dict[int, Tensor]]:
        """The outputs, and the tensors among them that are recorded: one entry, whose backward is a program too."""
        for i, find in enumerate(self._finds):
            if find is not None:  # its backward keeps the values
                storage = find(leaves)._storage
                storage.lend()
                if storage.shared:
                    values[i] = values[i].copy()
        sources = [find(leaves) for find in self._sources]
        outputs: list[Any] = []
        found = CompiledFunction.apply(self, values, outputs, *sources)
        return outputs, dict(zip(self._moving, found))

    def linear(self, values: list[Any]) -> tuple[list[Any], Any]:
        """All outputs, and the function from cotangents of the recorded ones to those of the inputs that move."""
        moving, places = self._moving, self._places

        def fun(*inputs: Any) -> Any:
            given = list(values)
            for i, x in zip(places, inputs):
                given[i] = x
            found = self._jitted(*given)
            return tuple(found[i] for i in moving), found

        _, pull, outputs = vjp(fun, *(values[i] for i in places), has_aux=True)
        return [np.asarray(x) for x in outputs], pull


class CompiledFunction(Function):
    """A compiled call whose results require a gradient."""

    @staticmethod
    def forward(ctx: Any, program: Traced, values: list[Any], outputs: list[Any], *sources: Tensor) -> Any:
        found, ctx.pull = program.linear(values)
        outputs.extend(found)
        return tuple(fresh(outputs[i]) for i in program._moving)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        ctx.saved_tensors  # noqa: B018  (PyTorch's error where they are freed)
        before, mode.enabled = mode.enabled, False
        try:
            cts = ctx.pull(tuple(conj(raw(g._read())) for g in grads))
        finally:
            mode.enabled = before
        found = [fresh(np.asarray(conj(c))) for c in cts]
        if mode.enabled:
            found = [Once.apply(g.requires_grad_()) for g in found]
        return (None, None, None, *found)


class Once(Function):
    """What the backward of a compiled call gives, which is differentiated no further."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(DOUBLE_BACKWARD)


def _finders(outer: Sequence[Outer], leaves: Sequence[Any], watch: Watch) -> dict[int, Find]:
    """Where each tensor from outside is found again at a later call."""
    positions = {id(x): i for i, x in enumerate(leaves)}
    owners = {id(grad_of(o.tensor)): o.tensor for o in outer if o.read_grad}
    found: dict[int, Find] = {}

    def find(t: Tensor) -> Find:
        if id(t) in positions:
            return itemgetter(positions[id(t)])
        if id(t) in watch.tensors:
            return lambda leaves: t
        if id(t) in owners:
            owner = find(owners[id(t)])
            return lambda leaves: grad_of(owner(leaves))
        raise Unsupported(
            f"it reads a tensor of shape {list(t.shape)} that is neither an argument nor in a closure, a global, an "
            "attribute, a list or a dict"
        )

    for o in outer:
        found[id(o.tensor)] = find(o.tensor)
    return found


def _getter(source: Any, shape: tuple[int, ...], found: dict[int, Find], whole: bool) -> Find:
    """The value of an input; a tensor that is `whole` is its memory."""
    if isinstance(source, Number):
        return lambda leaves: source.owner[source.key]
    if isinstance(source, Draw):
        return lambda leaves: source.method(source.generator, *source.args)
    find = found[id(source)]
    if shape and whole:
        return lambda leaves: find(leaves)._storage.value
    if shape:
        return lambda leaves: raw(find(leaves)._current())
    return lambda leaves: raw(find(leaves)._current())[()]


def grad_of(t: Tensor) -> Any:
    return t.__dict__.get("_grad")


def memory_of(x: Any) -> Any:
    """The memory of an argument; what is no Tensor is its own."""
    if not isinstance(x, Tensor):
        return x
    return x._storage.of if isinstance(x._storage, Unwatched) else x._storage
