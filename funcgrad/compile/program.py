"""A compiled program: kernels, NumPy calls, the buffers between them, and a function that runs them."""

from __future__ import annotations

import itertools
import operator
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.compile.emit import emit
from funcgrad.compile.fuse import Call, Step, fuse
from funcgrad.compile.kernels import kernel
from funcgrad.compile.loops import Loop
from funcgrad.compile.mathlib import PLAIN
from funcgrad.compile.simplify import simplify
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, names, on_integers


class Program:
    """A program that runs: `program(*arrays)` returns the tuple of its outputs.

    Arguments are arrays and scalars of the shapes and dtypes of the graph's inputs. Outputs of rank 0 are
    NumPy scalars (Python scalars where the dtype is weak); the others are fresh, writable, C-contiguous
    arrays. Compiled programs give no floating-point warnings.

    - `text`: readable Python; `interpret(*arrays)` runs it without numba, slowly.
    - `graph`: the simplified program. `kernels`: how many loops were compiled.
    - `compile_seconds`: the time from graph to machine code. `from_cache`: all kernels were there already.
    """

    __slots__ = ("__weakref__", "_plan", "compile_seconds", "from_cache", "graph", "kernels", "run", "text")

    def __init__(self, graph: Graph) -> None:
        started = time.perf_counter()
        self.graph = simplify(graph)
        self._plan = _Plan(self.graph, fuse(self.graph))
        self.text = "\n\n".join([*self._plan.kernels.values(), self._plan.text()])
        self.kernels = len(self._plan.kernels)
        self.from_cache = bool(self.kernels)
        scope = dict(self._plan.scope)
        for name, text in self._plan.kernels.items():
            scope[name], was_there = kernel(text, name)
            self.from_cache &= was_there
        self.run = _define(self._plan.text(), "program", scope)
        self.compile_seconds = time.perf_counter() - started

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        return self.run(*self._checked(arrays))

    def _checked(self, arrays: Sequence[Any]) -> list[Any]:
        """The arguments in the types of the inputs: machine code looks at neither."""
        avals = self.graph.in_avals
        if len(arrays) != len(avals):
            raise TypeError(f"the program takes {len(avals)} arrays, not {len(arrays)}")
        return [
            x if type(x) is np.ndarray and x.dtype is a.dtype and x.shape == a.shape else _as(x, a)
            for x, a in zip(arrays, avals)
        ]

    def interpret(self, *arrays: Any) -> tuple[Any, ...]:
        """Run the text as it stands, element by element in Python."""
        with np.errstate(all="ignore"):
            return _define(self.text, "program", {**_PLAIN_SCOPE, **self._plan.scope})(*self._checked(arrays))

    def __repr__(self) -> str:
        return f"<Program of {self.kernels} kernels and {len(self._plan.calls)} NumPy calls>"


def compile_graph(graph: Graph) -> Program:
    """Compile a program of arrays (without captured traced values)."""
    return Program(graph)


def _as(x: Any, aval: Aval) -> Any:
    value = np.asarray(x)
    if value.shape != aval.shape or not np.can_cast(value.dtype, aval.dtype, "same_kind"):
        raise TypeError(
            f"the program takes {aval} here, not an array of {value.dtype} and shape {value.shape}"
        )
    if aval.weak:
        return value.item()
    return value.astype(aval.dtype, copy=False) if aval.shape else aval.dtype.type(value)


def _define(text: str, name: str, scope: dict[str, Any]) -> Callable[..., Any]:
    # a file name inside the package, so that errors do not show the generated frames
    exec(compile(text, f"{__file__}:{name}", "exec", dont_inherit=True), scope)
    return scope[name]


_PLAIN_SCOPE = {
    **PLAIN,
    **{t.__name__: t for t in (np.dtype(c).type for c in "bhilBHILfd")},
    "inf": np.inf,
    "nan": np.nan,
    "plus": operator.add,
    "index": operator.add,
    "view": np.ndarray.reshape,
}


_PYTHON_TYPES = {"i": "int", "f": "float", "c": "complex"}


class _Plan:
    """The lines of the generated function, and the objects that they name."""

    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self.graph = graph
        self.kernels: dict[str, str] = {}
        self.calls = [s for s in steps if isinstance(s, Call)]
        self.scope: dict[str, Any] = {
            "empty": np.empty,
            "contiguous": np.ascontiguousarray,
            "quiet": np.errstate,
            "own": own,
            "owners": owners,
            "int": int,
            "float": float,
            "complex": complex,
        }
        self.lines: list[str] = []
        self.fresh = (n for n in names() if n not in self.scope)
        self.constants = itertools.count()
        self.named: dict[Atom, str] = {v: next(self.fresh) for v in graph.inputs}
        self.contiguous: set[Atom] = set()
        self.spare: dict[tuple[Any, ...], list[str]] = {}
        self.buffers: set[Atom] = set()
        self.returned: set[Atom] = set()
        self.outputs = set(graph.outputs)
        # what NumPy has seen, it may have made views of
        self.seen = {a for s in self.calls for a in s.eqn.inputs}
        last = {a: index for index, s in enumerate(steps) for a in s.inputs}
        for index, step in enumerate(steps):
            if isinstance(step, Loop):
                self._loop(step)
            else:
                self._call(step)
            self._release(
                [a for a in dict.fromkeys((*step.inputs, *step.outputs)) if last.get(a, index) == index]
            )
        if self.calls:
            # as kernels do: NumPy's warnings would depend on what was fused
            self.lines = ["with quiet(all='ignore'):", *(f"    {line}" for line in self.lines)]
        self._return()

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
        name = f"constant_{next(self.constants)}"
        self.scope[name] = value
        return name

    def _type(self, dtype: np.dtype) -> str:
        name = dtype.type.__name__
        self.scope[name] = dtype.type
        return name

    def _loop(self, loop: Loop) -> None:
        name = f"kernel_{len(self.kernels)}"
        self.kernels[name] = emit(loop, name)
        args = [self._name(v) for v in loop.scalars]
        args += [self._contiguous(access.array) for access in loop.reads]
        args += [self._buffer(v) for v in loop.written]
        self.returned.update(loop.returned)
        for v in loop.returned:
            self.named[v] = next(self.fresh)
        left = ", ".join(self.named[v] for v in loop.returned)
        self.lines.append(f"{left} = {name}({', '.join(args)})" if left else f"{name}({', '.join(args)})")
        for v in loop.returned:
            if (v in self.seen or v in self.outputs) and not v.aval.weak:
                self.lines.append(f"{self.named[v]} = {self._type(v.aval.dtype)}({self.named[v]})")

    def _contiguous(self, atom: Atom) -> str:
        """The name of an array, C-contiguous from here on."""
        name = self._name(atom)
        if atom not in self.contiguous:
            self.contiguous.add(atom)
            if isinstance(atom, Literal):
                self.scope[name] = np.ascontiguousarray(atom.value)
            else:
                self.lines.append(f"{name} = contiguous({name})")
        return name

    def _buffer(self, v: Var) -> str:
        """Memory for an array: that of one of the same type that is not needed any more, or new."""
        spare = self.spare.get((v.aval.shape, v.aval.dtype))
        if spare:
            self.named[v] = spare.pop()
        else:
            self.named[v] = next(self.fresh)
            self.lines.append(f"{self.named[v]} = empty({v.aval.shape}, {v.aval.dtype.name!r})")
        self.contiguous.add(v)
        self.buffers.add(v)
        return self.named[v]

    def _call(self, step: Call) -> None:
        eqn = step.eqn
        for v in eqn.outputs:
            self.named[v] = next(self.fresh)
        args = [self._name(a) for a in eqn.inputs]
        args += [f"{key}={self._param(value)}" for key, value in eqn.params.items()]
        left = (
            "".join(f"{self.named[v]}, " for v in eqn.outputs)
            if eqn.prim.multiple
            else self.named[eqn.outputs[0]]
        )
        self.lines.append(f"{left.strip()} = {self._function(eqn)}({', '.join(args)})")
        for v in eqn.outputs:
            if v.aval.weak and not on_integers(eqn):
                self.lines.append(f"{self.named[v]} = {_PYTHON_TYPES[v.aval.dtype.kind]}({self.named[v]})")

    def _function(self, eqn: Eqn) -> str:
        """The name of a primitive's implementation: the primitive's, where no value has it."""
        exact = on_integers(eqn)
        name = f"{'python' if exact else 'np'}_{eqn.prim}"
        self.scope[name] = eqn.prim.python if exact else eqn.prim.impl
        return name

    def _param(self, value: Any) -> str:
        return repr(value) if _is_plain(value) else self._constant(value)

    def _release(self, done: Sequence[Atom]) -> None:
        """Let go of what no later step uses: as memory for others, or altogether."""
        freed = []
        for atom in done:
            if not isinstance(atom, Var) or atom in self.outputs or atom in self.graph.inputs:
                continue
            if atom in self.buffers and atom not in self.seen:
                self.spare.setdefault((atom.aval.shape, atom.aval.dtype), []).append(self.named[atom])
            elif atom.aval.shape:
                freed.append(self.named[atom])
        if freed:
            self.lines.append(f"del {', '.join(freed)}")

    def _return(self) -> None:
        """The outputs, each with memory of its own."""
        given: set[Atom] = set()
        shown = []
        foreign = [a for a in self.outputs if a.aval.shape and a not in self.buffers]
        if foreign:
            known = [self.named[v] for v in self.graph.inputs if not v.aval.weak]
            known += [name for name, value in self.scope.items() if type(value) is np.ndarray]
            # first, as the name of an input may come to stand for a contiguous copy
            self.lines.insert(0, f"taken = owners([{', '.join(sorted(known))}])")
            made = sorted(self.named[a] for a in self.buffers & self.outputs)
            if made:
                self.lines.append(f"taken |= owners([{', '.join(made)}])")
        for atom in self.graph.outputs:
            name = self._name(atom)
            if not atom.aval.shape:
                direct = atom.aval.weak or self._is_scalar(atom)
                shown.append(name if direct else f"{self._type(atom.aval.dtype)}({name})")
            elif isinstance(atom, Literal):
                shown.append(f"{name}.copy()")
            elif atom in self.buffers:
                shown.append(f"{name}.copy()" if atom in given else name)
            else:
                shown.append(f"own({name}, taken)")
            given.add(atom)
        self.lines.append(f"return {', '.join(shown)}{',' * (len(shown) == 1)}" if shown else "return ()")

    def _is_scalar(self, atom: Atom) -> bool:
        """Whether a value of rank 0 is a NumPy scalar already, as kernels' results are."""
        return not isinstance(atom.value, np.ndarray) if isinstance(atom, Literal) else atom in self.returned


def _is_plain(value: Any) -> bool:
    """Whether a value's repr gives it back."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return type(value) in (int, bool, str, type(None))


def owners(arrays: Sequence[Any]) -> set[int]:
    """The memory that results must not share."""
    found = set()
    for a in arrays:
        if type(a) is not np.ndarray:
            continue  # a NumPy scalar, where an array of rank 0 may be given
        found.add(id(a))
        if a.base is not None:
            found.add(id(a.base))
    return found


def own(x: np.ndarray, taken: set[int]) -> np.ndarray:
    """A result as it is, where its memory is its own, writable and C-contiguous; a copy otherwise."""
    if type(x) is np.ndarray:
        owner = x if x.base is None else x.base
        if (
            type(owner) is np.ndarray
            and id(owner) not in taken
            and x.flags.c_contiguous
            and x.flags.writeable
        ):
            taken.add(id(owner))
            return x
    return np.array(x, order="C")
