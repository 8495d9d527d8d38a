"""A compiled program: kernels, the NumPy calls between them, and a function that runs them."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any
from weakref import WeakMethod

import numpy as np

from funcgrad.compile import machine
from funcgrad.compile.calls import is_alias, is_fresh, is_product, may_warn, reason, turned, writes
from funcgrad.compile.gate import Gate
from funcgrad.compile.kinds import with_loops
from funcgrad.compile.progress import shown
from funcgrad.compile.segments import Call, Segment, split
from funcgrad.compile.simplify import simplify
from funcgrad.compile.workspace import Workspace
from funcgrad.core.avals import Aval
from funcgrad.core.forks import guard
from funcgrad.core.frames import LINES
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, evaluate, on_integers
from funcgrad.core.memory import own, taken_by
from funcgrad.core.printing import names
from funcgrad.core.provenance import Loc
from funcgrad.core.remedies import warn_of_compiling
from funcgrad.ops.large import numpys

LONG = 100_000
"""Operations of a kernel from which on it lets other threads of Python run meanwhile, which costs 50 ns."""


EACH, PATIENCE = 0.0005, 5.0
"""Seconds to compile one operation (0.3 to 0.6 ms in programs of 100 to 20 000), and after which a warning is first."""


class Program:
    """A program that runs: `program(*arrays)` returns the tuple of its outputs.

    Arguments are arrays and scalars of the shapes and dtypes of the graph's inputs. Outputs of rank 0 are
    NumPy scalars (Python scalars where the dtype is weak); the others are fresh, writable, C-contiguous
    arrays. Compiled programs give no floating-point warnings.

    - `text`: the kernels, and the function that runs them and NumPy's calls, as readable Python. `interpret(*arrays)`
      runs that, slowly; its sums are in order, where machine code's are in lanes.
    - `graph`: the simplified program. `kernels`: how many there are, at most one where nothing runs on NumPy.
      `calls`: the names of the operations that do; `reasons`: why, for each of them.
    - `workspace`: bytes of memory that kernels and NumPy calls work in, beside arguments and results. Up to 64 MB
      are kept from call to call, and as much of each kernel's own.
    - `compile_seconds`: the time from graph to machine code. `from_cache`: all kernels were there already, in
      the process or on disk (`config.cache_dir`).

    A program that is one kernel has no function around it: `run` is the machine code, which looks at its arguments
    itself. An index out of bounds makes a kernel's part of the program run again on NumPy, which raises IndexError.
    """

    __slots__ = ("__weakref__", "_plan", "compile_seconds", "from_cache", "graph", "kernels", "run", "whole")

    def __init__(self, graph: Graph) -> None:
        started = time.perf_counter()
        with shown(len(graph.eqns)):
            self._compile(graph)
        self.compile_seconds = time.perf_counter() - started

    def _compile(self, graph: Graph) -> None:
        with without_collections():
            self.graph = with_loops(simplify(graph))
        seconds = len(self.graph.eqns) * EACH
        if seconds > PATIENCE:
            warn_of_compiling(len(self.graph.eqns), seconds)
        with without_collections():
            self._plan = _Plan(self.graph, split(self.graph))
        kernels = self._plan.compile()
        self.kernels = len(kernels)
        self.from_cache = bool(kernels) and all(k.was_there for k in kernels)
        self.whole = kernels[0] if self._plan.is_whole() else None
        self.run: Callable[..., tuple[Any, ...]]
        if self.whole is not None:
            self.run = self.whole.function
        else:
            self.run = _define(self._plan.text(), "program", self._plan.scope)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        return self.run(*checked(arrays, self.graph.in_avals))

    @property
    def workspace(self) -> int:
        """Bytes of memory beside the arguments and results that kernels and NumPy calls work in."""
        return sum(k.gate.workspace for k in self._plan.kernels) + self._plan.space.size

    @property
    def calls(self) -> list[str]:
        """The operations that NumPy runs between the kernels."""
        return [s.eqn.prim.name for s in self._plan.calls]

    @property
    def reasons(self) -> list[str]:
        """Why NumPy runs them, one for each of `calls`: "sort: no kernel"."""
        return [reason(s.eqn) for s in self._plan.calls]

    @property
    def text(self) -> str:
        """All kernels, and the function that runs them."""
        return "\n\n".join([*(k.text(f"kernel_{i}") for i, k in enumerate(self._plan.kernels)), self._plan.text()])

    def interpret(self, *arrays: Any) -> tuple[Any, ...]:
        """Run the text as it stands, element by element in Python."""
        scope = dict(self._plan.scope)
        for number, k in enumerate(self._plan.kernels):
            scope[f"kernel_{number}"] = k.interpret
        with np.errstate(all="ignore"):
            return _define(self._plan.text(), "program", scope)(*checked(arrays, self.graph.in_avals))

    def __repr__(self) -> str:
        return f"<Program of {self.kernels} kernels and {len(self._plan.calls)} NumPy calls>"


def compile_graph(graph: Graph) -> Program:
    """Compile a program of arrays (without captured traced values)."""
    return Program(graph)


class Kernel:
    """A segment's machine code. Outputs that are `lent` it writes into arrays that it gets behind its inputs."""

    __slots__ = ("__weakref__", "_module", "_segment", "function", "gate", "was_there")

    def __init__(self, segment: Segment, lent: Set[Atom]) -> None:
        self._segment = segment
        given = [i for i, v in enumerate(segment.outputs) if v in lent]
        avals = [a.aval for a in segment.inputs], [v.aval for v in segment.outputs]
        self.gate = Gate(*avals, segment.work, segment.operations > LONG, given)
        text = segment.text + "\n" + self.gate.text()
        was_loaded = machine.is_loaded(text)
        self._module = machine.load(text)
        self.was_there = was_loaded or self._module.was_kept
        again = WeakMethod(self.again)  # the function must not own what owns it
        self.function = self.bound(lambda *args: again()(*args))  # type: ignore[misc]

    def bound(self, fallback: Callable[..., Any], single: bool = False) -> Callable[..., Any]:
        """The function, with `fallback` for arguments that are not in form; `single`: the one output, and no tuple."""
        return self.gate.bind(self._module, fallback, self._segment.table, single)

    def again(self, *args: Any) -> tuple[Any, ...]:
        """A call whose arguments were not in form; or in form, when the kernel has met an index out of bounds."""
        count = len(self.gate.inputs)
        given = [*checked(args[:count], self.gate.inputs), *args[count:]]
        if all(x is y for x, y in zip(given, args)):
            return self.on_numpy(*args)
        return self.function(*given)

    def on_numpy(self, *args: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            found = evaluate(self._segment.graph(), args[: len(self.gate.inputs)])
        avals = self.gate.outputs
        return self._returned(args, [np.array(y) if a.shape else y for y, a in zip(found, avals)])

    def text(self, name: str) -> str:
        from funcgrad.compile.text import kernel_text  # which only readers need

        return kernel_text(self._segment, name)

    def interpret(self, *args: Any) -> tuple[Any, ...]:
        from funcgrad.compile.text import interpret  # which only tests of kernels need

        return self._returned(args, interpret(self._segment, args[: len(self.gate.inputs)]))

    def _returned(self, args: Sequence[Any], found: Sequence[Any]) -> tuple[Any, ...]:
        """What is left to return when outputs have been put where the caller wants them."""
        for array, i in zip(args[len(self.gate.inputs) :], self.gate.given):
            array[...] = found[i]
        return tuple([x for i, x in enumerate(found) if i not in self.gate.given])


_compiling: set[int] = set()
"""The threads for which the garbage collector stands still."""


@contextmanager
def without_collections() -> Iterator[None]:
    """Python's garbage collector stands still, as what the compiler makes lives until it is done.

    The collector would go through all of it again and again: a fifth of the time from graph to LLVM's text.
    """
    thread = threading.get_ident()
    if not gc.isenabled():
        yield
        return
    try:
        _compiling.add(thread)
        gc.disable()
        yield
    finally:
        gc.enable()
        _compiling.discard(thread)


def _after_fork_in_child() -> None:
    """The collector stood still for a thread that the child does not have."""
    if _compiling - {threading.get_ident()}:
        _compiling.clear()
        gc.enable()


guard(lambda: None, lambda: None, _after_fork_in_child)


def checked(arrays: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """The arguments in the types of the inputs, contiguous and aligned; those that are it already as they are."""
    if len(arrays) != len(avals):
        raise TypeError(f"the program takes {len(avals)} arrays, not {len(arrays)}")
    return [_as(x, a) for x, a in zip(arrays, avals)]


def _as(x: Any, aval: Aval) -> Any:
    dtype = np.dtype(aval.dtype.char)  # what is unpickled has a copy of it, and kernels know NumPy's own alone
    if type(x) is np.ndarray and x.dtype == dtype and x.shape == aval.shape and not aval.weak:
        flags = x.flags
        whole = x if flags.c_contiguous and flags.aligned else np.array(x, order="C")
        return whole if whole.dtype is dtype else whole.view(dtype)
    if aval.weak and type(x) is _WEAK[aval.dtype.kind]:
        return x
    value = np.asarray(x)
    if value.shape != aval.shape or not np.can_cast(value.dtype, aval.dtype, "same_kind"):
        raise TypeError(f"the program takes {aval} here, not an array of {value.dtype} and shape {value.shape}")
    if aval.weak:
        return value.item()
    if not aval.shape:
        return x if type(x) is dtype.type else dtype.type(value)
    return np.array(value, dtype, order="C")


_WEAK = {"i": int, "f": float, "c": complex}


def _define(text: str, name: str, scope: dict[str, Any]) -> Callable[..., Any]:
    # a file name inside the package, so that errors do not show the generated frames
    exec(compile(text, f"{__file__}:{name}", "exec", dont_inherit=True), scope)
    return scope.pop(name)


_PYTHON_TYPES = {"i": "int", "f": "float", "c": "complex"}


class _Plan:
    """The lines of the generated function, and the objects that they name."""

    def __init__(self, graph: Graph, steps: Sequence[Segment | Call]) -> None:
        self.graph = graph
        self.steps = steps
        self.kernels: list[Kernel] = []
        self.calls = [s for s in steps if isinstance(s, Call)]
        self.scope: dict[str, Any] = {
            "quiet": np.errstate, "own": own, "taken_by": taken_by, "int": int, "float": float, "complex": complex,
        }  # fmt: skip
        self.lines: list[str] = []
        self.called: dict[str, Any] = {"np_dot": np.dot}  # whose implementation has a name
        self.loud: list[int] = []  # the lines that may warn
        self.origins: list[tuple[str, Loc]] = []  # the lines that are operations of the user's, in their order
        self.fresh = (n for n in names() if n not in self.scope)
        self.constants = 0
        self.named: dict[Atom, str] = {v: next(self.fresh) for v in graph.inputs}
        self.made: set[Atom] = set()
        self.outputs = set(graph.outputs)
        self.space = Workspace()
        self.blocks: dict[Atom, int] = {}
        self._write()

    def _write(self) -> None:
        memory = _memory(self.steps)
        self.lent = {v for v in memory if memory[v] is v} - _leaving(self.calls, memory, self.graph.outputs)
        last = {a: index for index, s in enumerate(self.steps) for a in s.inputs}
        ends = dict(last)
        for v, owner in memory.items():
            ends[owner] = max(ends.get(owner, -1), last.get(v, -1))
        numbers = itertools.count()
        for index, step in enumerate(self.steps):
            if isinstance(step, Segment):
                self._kernel(step, next(numbers))
            else:
                self._call(step)
            ended = dict.fromkeys((*step.inputs, *step.outputs))
            self._release([a for a in ended if last.get(a, index) == index])
            for v in [v for v in self.blocks if ends.get(v, index) <= index]:
                self.space.free(self.blocks.pop(v))
        self._silence()
        self._borrow()
        self._return()
        self.scope[LINES] = self._operations()

    def _operations(self) -> dict[int, Loc]:
        """The user's line for each line of the function that is one operation, by its number."""
        found: dict[int, Loc] = {}
        lines = enumerate(self.lines, 2)  # the first is `def`
        for text, loc in self.origins:
            found[next(number for number, line in lines if line.strip() == text)] = loc
        return found

    def compile(self) -> list[Kernel]:
        """The machine code of the kernels."""
        self.kernels = [Kernel(s, self.lent) for s in self.steps if isinstance(s, Segment)]
        self.scope.update({f"kernel_{number}": k.function for number, k in enumerate(self.kernels)})
        return self.kernels

    def _silence(self) -> None:
        """As kernels do, since NumPy's warnings would depend on what was fused; once, as it costs 0.5 us."""
        if self.loud:
            first, end = self.loud[0], self.loud[-1] + 1
            self.lines[first:end] = ["with quiet(all='ignore'):", *(f"    {line}" for line in self.lines[first:end])]

    def _borrow(self) -> None:
        """Take the workspace before the first line, and give it back behind the last."""
        lent = [self.named[v] for v in self.named if v in self.lent]
        if lent:
            self.scope |= {"borrow": self.space.borrow, "give_back": self.space.give_back}
            shown = ", ".join(lent) + "," * (len(lent) == 1)
            self.lines = [f"{shown} = borrow()", *self.lines, f"give_back(({shown}))"]

    def is_whole(self) -> bool:
        """Whether one kernel takes the program's inputs and returns its outputs."""
        if len(self.steps) != 1 or self.calls:
            return False
        (step,) = self.steps
        return step.inputs == self.graph.inputs and step.outputs == self.graph.outputs

    def text(self) -> str:
        """The program without its kernels."""
        params = ", ".join(f"{self.named[v]}: {str(v.aval)!r}" for v in self.graph.inputs)
        return "\n".join([f"def program({params}):", *(f"    {line}" for line in self.lines)]) + "\n"

    def _name(self, atom: Atom) -> str:
        if atom not in self.named:
            assert isinstance(atom, Literal)
            value = atom.value
            if type(value) in (int, bool) or (type(value) is float and np.isfinite(value)):
                self.named[atom] = repr(value)
            else:
                self.named[atom] = self._constant(value)
        return self.named[atom]

    def _constant(self, value: Any) -> str:
        """A name for an object that has no text."""
        name = f"constant_{self.constants}"
        self.constants += 1
        self.scope[name] = value
        return name

    def _type(self, dtype: np.dtype) -> str:
        name = dtype.type.__name__
        self.scope[name] = dtype.type
        return name

    def _kernel(self, step: Segment, number: int) -> None:
        args = [self._name(a) for a in step.inputs]
        left: list[str] = []
        for v in step.outputs:
            self.named[v] = next(self.fresh)
            (args if self._placed(v) else left).append(self.named[v])
        self.made.update(step.outputs)
        call = f"kernel_{number}({', '.join(args)})"
        self.lines.append(f"{', '.join(left)}{',' * (len(left) == 1)} = {call}" if left else call)

    def _call(self, step: Call) -> None:
        eqn = step.eqn
        for v in eqn.outputs:
            self.named[v] = next(self.fresh)
        call = self._applied(eqn)
        if eqn.outputs and self._placed(eqn.outputs[0]):
            line = f"{call[:-1]}, out={self.named[eqn.outputs[0]]})"
        else:
            left = "".join(f"{self.named[v]}, " for v in eqn.outputs)
            line = f"{left.strip() if eqn.prim.multiple else left[:-2]} = {call}" if left else call
            if is_fresh(eqn):
                self.made.update(eqn.outputs)
        if may_warn(eqn):
            self.loud.append(len(self.lines))
        self.lines.append(line)
        if eqn.loc is not None:
            self.origins.append((line, eqn.loc))
        for v in eqn.outputs:
            if v.aval.weak and not on_integers(eqn):
                self.lines.append(f"{self.named[v]} = {_PYTHON_TYPES[v.aval.dtype.kind]}({self.named[v]})")

    def _placed(self, out: Atom) -> bool:
        """Plan memory in the workspace for a result that stays in the program; whether there is."""
        if out not in self.lent:
            return False
        block = self.space.plan(out.aval)
        if block is None:
            self.lent.remove(out)
            return False
        self.blocks[out] = block
        return True

    def _applied(self, eqn: Eqn) -> str:
        args = [self._name(a) for a in eqn.inputs]
        turns = turned(eqn) if is_product(eqn) else None
        if turns is not None:
            self.scope["np_dot"] = np.dot
            return f"np_dot({', '.join(a + '.T' * turn for a, turn in zip(args, turns))})"
        args += [f"{key}={self._param(value)}" for key, value in eqn.params.items()]
        return f"{self._function(eqn)}({', '.join(args)})"

    def _function(self, eqn: Eqn) -> str:
        """The name of a primitive's implementation: the primitive's, where no value has it."""
        exact = on_integers(eqn)
        name = f"{'python' if exact else 'np'}_{eqn.prim}"
        while self.called.setdefault(name, eqn.prim) is not eqn.prim:  # another of the same name
            name += "_"
        self.scope[name] = eqn.prim.python if exact else numpys(eqn.prim)
        return name

    def _param(self, value: Any) -> str:
        return repr(value) if _is_plain(value) else self._constant(value)

    def _release(self, done: Sequence[Atom]) -> None:
        """Let go of arrays that no later step uses."""
        freed = [
            self.named[a] for a in done
            if isinstance(a, Var) and a not in self.outputs and a not in self.graph.inputs and a.aval.shape
            and a not in self.lent
        ]  # fmt: skip
        if freed:
            self.lines.append(f"del {', '.join(freed)}")

    def _return(self) -> None:
        """The outputs, each with memory of its own."""
        given: set[Atom] = set()
        shown = []
        foreign = [a for a in self.outputs if a.aval.shape and a not in self.made]
        if foreign:
            known = [self.named[v] for v in self.graph.inputs if not v.aval.weak]
            known += [name for name, value in self.scope.items() if type(value) is np.ndarray]
            # first, as arrays are let go of in between
            self.lines.insert(0, f"taken = taken_by([{', '.join(sorted(known))}])")
            made = sorted(self.named[a] for a in self.made & self.outputs)
            if made:
                self.lines.append(f"taken |= taken_by([{', '.join(made)}])")
        for atom in self.graph.outputs:
            name = self._name(atom)
            if not atom.aval.shape:
                direct = atom.aval.weak or self._is_scalar(atom)
                shown.append(name if direct else f"{self._type(atom.aval.dtype)}({name})")
            elif isinstance(atom, Literal):
                shown.append(f"{name}.copy()")
            elif atom in self.made:
                shown.append(f"{name}.copy()" if atom in given else name)
            else:
                shown.append(f"own({name}, taken)")
            given.add(atom)
        self.lines.append(f"return {', '.join(shown)}{',' * (len(shown) == 1)}" if shown else "return ()")

    def _is_scalar(self, atom: Atom) -> bool:
        """Whether a value of rank 0 is a NumPy scalar already, as kernels' results are."""
        return not isinstance(atom.value, np.ndarray) if isinstance(atom, Literal) else atom in self.made


def _memory(steps: Sequence[Segment | Call]) -> dict[Atom, Atom]:
    """For what kernels and NumPy can write where they are told to, and views of it: the one whose memory it is."""
    memory: dict[Atom, Atom] = {}
    for step in steps:
        if isinstance(step, Segment):
            memory.update({v: v for v in step.outputs if v.aval.shape and v.aval.size})
            continue
        eqn = step.eqn
        if writes(eqn):
            memory[eqn.outputs[0]] = eqn.outputs[0]
        elif is_alias(eqn) and eqn.inputs[0] in memory:
            memory[eqn.outputs[0]] = memory[eqn.inputs[0]]
    return memory


def _leaving(calls: Sequence[Call], memory: dict[Atom, Atom], outputs: Sequence[Atom]) -> set[Atom]:
    """Whose memory the caller gets, or a call that may keep it, as a callback may. Kernels keep nothing."""
    given = [a for c in calls if not (writes(c.eqn) or is_alias(c.eqn)) for a in c.inputs]
    return {memory[a] for a in (*outputs, *given) if a in memory}


def _is_plain(value: Any) -> bool:
    """Whether a value's repr gives it back."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return type(value) in (int, bool, str, type(None))

