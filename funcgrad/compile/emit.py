"""Loops as Python text. Numba compiles it; in plain Python it computes the same, element by element."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from funcgrad.compile.loops import IDENTITIES, Access, Loop, Reduction, Statement
from funcgrad.compile.mathlib import PLAIN
from funcgrad.core.avals import BOOL, FLOAT, INT, Aval, short_dtype
from funcgrad.core.graph import Atom, Literal, names

BLOCK = 128
"""Floating-point sums: elements added up before the compensated addition, in whatever order is fast.

With 8 lanes or more an element passes 16 additions, as in NumPy's pairwise sum, and the blocks lose nothing.
"""

_NATIVE = (FLOAT, INT, BOOL)
_INDICES = "ijklmnpq"
_RESERVED = {*_INDICES, "total", "lost", "part", "grown", "gain", "start", "step", "index", "view", "plus"}
_RESERVED |= {"range", "min", "max", "abs", "inf", "nan", "bool"}
_NUMBER = re.compile(r"(?<![\w.{])\d")


def emit(loop: Loop, name: str) -> str:
    """The text of a kernel: a function of its scalars, of the arrays it reads, and of those it writes."""
    return _Writer(loop).text(name)


def type_name(aval: Aval, scalar: bool) -> str:
    """`f64` for a scalar, `f64[:,:]` for an array, as parameters are annotated."""
    if scalar:
        return "bool" if aval.dtype == BOOL else "f64" if aval.dtype.kind == "f" else "i64"
    return f"{short_dtype(aval.dtype)}[{','.join(':' * len(aval.shape))}]"


def cast(text: str, dtype: np.dtype) -> str:
    return f"(({text}) != 0)" if dtype == BOOL else f"{dtype.name}({text})"


def constant(value: Any, dtype: np.dtype) -> str:
    """A number as text that has this dtype."""
    with np.errstate(over="ignore"):
        number = np.asarray(value).astype(dtype).item()
    return repr(number) if dtype in _NATIVE else f"{dtype.name}({number!r})"


class _Writer:
    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.fresh = (n for n in names() if n not in _RESERVED and n not in PLAIN)
        self.named: dict[Atom, str] = {}
        self.arrays: dict[Atom, str] = {}
        self.lines: list[str] = []
        self.index = _INDICES[: len(loop.sizes)]
        self.extent = self.index.upper()

    def text(self, name: str) -> str:
        loop = self.loop
        params = []
        late = []
        for v in loop.scalars:
            self.named[v] = next(self.fresh)
            params.append(f"{self.named[v]}: {type_name(v.aval, True)!r}")
            if v.aval.dtype not in _NATIVE:
                late.append(f"{self.named[v]}_ = {cast(self.named[v], v.aval.dtype)}")
                self.named[v] += "_"
        accesses = [*loop.reads, *loop.stores, *(r.target for r in loop.reductions)]
        for access in accesses:
            if access.array.aval.shape:
                self.arrays[access.array] = next(self.fresh)
                out = "" if access in loop.reads else "out "
                params.append(f"{self.arrays[access.array]}: '{out}{type_name(access.array.aval, False)}'")
        self._add(0, f"def {name}({', '.join(params)}):")
        self._sizes(accesses)
        self._views(accesses)
        for line in late:
            self._add(1, line)
        for access in loop.reads:
            if not access.axes:
                self._load(access, 1)
        for s in loop.prelude:
            self._statement(s, 1, "")
        self._nest()
        return "\n".join(self.lines) + "\n"

    def _add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _sizes(self, accesses: Sequence[Access]) -> None:
        """The length of each axis, from the shape of an array that runs along it."""
        loop = self.loop
        for axis in range(len(loop.sizes)):
            access = next(a for a in accesses if axis in a.axes)
            array = self.arrays[access.array]
            dims = access.dims[access.axes.index(axis)]
            self._add(1, f"{self.extent[axis]} = {' * '.join(f'{array}.shape[{k}]' for k in dims)}")

    def _views(self, accesses: Iterable[Access]) -> None:
        for access in accesses:
            shape = access.array.aval.shape
            if shape and len(access.axes) != len(shape):
                lengths = "".join(f"{self.extent[a]}, " for a in access.axes) or "1, "
                array = self.arrays[access.array]
                self._add(1, f"{array}_view = view({array}, ({lengths.rstrip()}))")
                self.arrays[access.array] = f"{array}_view"

    def _element(self, access: Access) -> str:
        return f"{self.arrays[access.array]}[{', '.join(self.index[a] for a in access.axes) or '0'}]"

    def _load(self, access: Access, depth: int) -> None:
        suffix = "".join(self.index[a] for a in access.axes) or "0"
        name = f"{self.arrays[access.array].removesuffix('_view')}_{suffix}"
        self._add(depth, f"{name} = {self._element(access)}")
        self.named[access.array] = name

    def _statement(self, s: Statement, depth: int, suffix: str) -> None:
        args = [self._argument(a, d) for a, d in zip(s.args, s.dtypes)]
        text = s.expression.format(*args)
        given = [a.aval.dtype if d is None else d for a, d in zip(s.args, s.dtypes)]
        if not _is_typed(s.expression, given, s.target.aval.dtype):
            text = cast(text, s.target.aval.dtype)
        self.named[s.target] = next(self.fresh) + suffix
        self._add(depth, f"{self.named[s.target]} = {text}")

    def _argument(self, atom: Atom, dtype: np.dtype | None) -> str:
        dtype = atom.aval.dtype if dtype is None else dtype
        if isinstance(atom, Literal) and not atom.aval.shape and atom not in self.named:
            return constant(atom.value, dtype)
        name = self.named[atom]
        return name if atom.aval.dtype == dtype else cast(name, dtype)

    def _nest(self) -> None:
        """The loops, from the outermost in, and the reductions around the places where they are complete."""
        loop = self.loop
        reductions = [_Accumulator(self, r, position) for position, r in enumerate(loop.reductions)]
        last = len(loop.sizes) - 1
        kept = loop.reductions[0].target.axes if loop.reductions else tuple(range(last + 1))
        inner = last not in kept
        in_arrays = bool(kept) and kept != tuple(range(last)) and bool(reductions)
        if in_arrays:
            for r in reductions:
                self._fill(r)
        depth = 1
        for axis in range(len(loop.sizes)):
            if axis == last and inner and reductions:
                break
            if not kept and axis == 0:
                for r in reductions:
                    r.start(depth)
            self._add(depth, f"for {self.index[axis]} in range({self.extent[axis]}):")
            depth += 1
            if axis != last:
                self._load_at(axis, depth)
        if not reductions:
            self._body(depth)
        elif not inner or not loop.sizes:
            self._body(depth)
            for r in reductions:
                self._combine_into(r, self._operand(r.reduction), depth, first=not loop.sizes)
        else:
            if kept or last == 0:
                for r in reductions:
                    r.start(depth)
            self._innermost(reductions, last, depth)
            if kept:
                for r in reductions:
                    self._combine_into(r, r.result(), depth, first=not in_arrays)
            else:
                for r in reductions:
                    if r.reduction.target.array.aval.shape:
                        self._add(1, f"{self._element(r.reduction.target)} = {r.result()}")
                    else:
                        self.named[r.reduction.target.array] = r.result()
        returned = [self.named[v] for v in loop.returned]
        if returned:
            self._add(1, f"return {', '.join(returned)}")

    def _load_at(self, axis: int, depth: int) -> None:
        """Read what changes with this axis and not with those inside it."""
        for access in self.loop.reads:
            if access.axes and access.axes[-1] == axis:
                self._load(access, depth)

    def _body(self, depth: int) -> None:
        if self.loop.sizes:
            self._load_at(len(self.loop.sizes) - 1, depth)
        suffix = f"_{self.index}" if self.index else ""
        for s in self.loop.body:
            self._statement(s, depth, suffix)
        for access in self.loop.stores:
            if access.array.aval.shape:
                self._add(depth, f"{self._element(access)} = {self.named[access.array]}")

    def _operand(self, r: Reduction) -> str:
        return self._argument(r.operand, r.target.array.aval.dtype)

    def _innermost(self, reductions: Sequence[_Accumulator], axis: int, depth: int) -> None:
        i, size = self.index[axis], self.extent[axis]
        if not any(r.blocked for r in reductions):
            self._add(depth, f"for {i} in range({size}):")
            self._body(depth + 1)
            for r in reductions:
                r.combine(self._operand(r.reduction), depth + 1)
            return
        self._add(depth, f"for start in range(0, {size}, {BLOCK}):")
        for r in reductions:
            r.start_block(depth + 1)
        self._add(depth + 1, f"for step in range(min({BLOCK}, {size} - start)):")
        self._add(depth + 2, f"{i} = index(start, step)")
        self._body(depth + 2)
        for r in reductions:
            r.combine(self._operand(r.reduction), depth + 2)
        for r in reductions:
            r.end_block(depth + 1)

    def _fill(self, r: _Accumulator) -> None:
        """Set an array of accumulators to the reduction's identity."""
        depth = 1
        for axis in r.reduction.target.axes:
            self._add(depth, f"for {self.index[axis]} in range({self.extent[axis]}):")
            depth += 1
        self._add(depth, f"{self._element(r.reduction.target)} = {r.identity}")

    def _combine_into(self, r: _Accumulator, value: str, depth: int, first: bool) -> None:
        target = r.reduction.target
        if not target.array.aval.shape:
            self.named[target.array] = value
        elif first:
            self._add(depth, f"{self._element(target)} = {value}")
        else:
            place = self._element(target)
            self._add(depth, f"{place} = {r.combined(place, value)}")


class _Accumulator:
    """The lines that combine the elements of one reduction."""

    def __init__(self, writer: _Writer, reduction: Reduction, position: int) -> None:
        self.add = writer._add
        self.reduction = reduction
        self.dtype = reduction.target.array.aval.dtype
        self.blocked = reduction.kind == "sum" and self.dtype.kind == "f"
        letter = "" if len(writer.loop.reductions) == 1 else f"_{position}"
        self.total, self.lost, self.part = f"total{letter}", f"lost{letter}", f"part{letter}"
        self.grown, self.gain = f"grown{letter}", f"gain{letter}"

    @property
    def identity(self) -> str:
        identity: float | None = IDENTITIES[self.reduction.kind]
        if identity is None:
            lowest = self.reduction.kind == "max"
            if self.dtype.kind == "f":
                identity = -math.inf if lowest else math.inf
            else:
                info = np.iinfo(self.dtype)
                identity = info.min if lowest else info.max
        return constant(identity, self.dtype)

    def combined(self, total: str, value: str) -> str:
        kind = self.reduction.kind
        if kind in ("max", "min"):
            text = f"{kind}imum({total}, {value})" if self.dtype.kind == "f" else f"{kind}({total}, {value})"
        else:
            text = f"{total} {'+' if kind == 'sum' else '*'} {value}"
        return text if self.dtype.kind == "f" or self.dtype == INT else cast(text, self.dtype)

    def start(self, depth: int) -> None:
        self.add(depth, f"{self.total} = {self.identity}")
        if self.blocked:
            self.add(depth, f"{self.lost} = {self.identity}")

    def start_block(self, depth: int) -> None:
        if self.blocked:
            self.add(depth, f"{self.part} = {self.identity}")

    def combine(self, value: str, depth: int) -> None:
        if self.blocked:
            self.add(depth, f"{self.part} = plus({self.part}, {value})")
        else:
            self.add(depth, f"{self.total} = {self.combined(self.total, value)}")

    def end_block(self, depth: int) -> None:
        """Add the block's sum, and keep what the rounding of this addition loses."""
        if self.blocked:
            total, lost, part, grown, gain = self.total, self.lost, self.part, self.grown, self.gain
            self.add(depth, f"{grown} = {total} + {part}")
            self.add(depth, f"{gain} = {grown} - {total}")
            self.add(depth, f"{lost} = {lost} + (({total} - ({grown} - {gain})) + ({part} - {gain}))")
            self.add(depth, f"{total} = {grown}")

    def result(self) -> str:
        # infinities lose nothing, although inf - inf says so
        if not self.blocked:
            return self.total
        return f"({self.total} + {self.lost} if {self.lost} - {self.lost} == 0 else {self.total})"


def _is_typed(expression: str, given: Sequence[np.dtype], out: np.dtype) -> bool:
    """Whether Python's and numba's rules give an expression its dtype already; they widen small integers."""
    if out == BOOL:
        return list(given) == [BOOL] if expression == "{0}" else BOOL not in given
    if any(d != out and d != BOOL for d in given) or (out.kind == "f" and not given):
        return False
    if out in (FLOAT, INT):
        return BOOL not in given or expression == "({1} if {0} else {2})"
    return out == np.float32 and not _NUMBER.search(expression) and BOOL not in given
