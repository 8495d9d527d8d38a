"""Traced values that a function closes over, made into arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

from funcgrad import tree
from funcgrad.core.trace import Tracer, newest_trace
from funcgrad.transforms.results import read_only


def refuse_hidden(kind: str, values: Sequence[Any], results: Sequence[Any]) -> None:
    """Raise where a function's results belong to a newer trace than its values: it found traced values elsewhere."""
    known, met = newest_trace(values), newest_trace(results)
    if met is not None and (known is None or met.age > known.age):
        raise TypeError(
            f"{kind}: the function or its rule uses a traced value that is neither an argument nor a variable it "
            "closes over (a global or an attribute?): pass it as an argument"
        )


class Captured:
    """The traced values in the closures of some functions, and how to put others in their place."""

    def __init__(self, functions: Sequence[Callable[..., Any] | None]) -> None:
        self.functions = functions
        self.names: list[str] = []
        self.values: list[Tracer] = []
        self._index: dict[int, int] = {}
        seen: set[int] = set()
        for fun in functions:
            self._collect(fun, seen)

    def _collect(self, fun: Any, seen: set[int]) -> None:
        if id(fun) in seen:
            return
        seen.add(id(fun))
        if isinstance(fun, partial):
            self._collect(fun.func, seen)
            for x in (*fun.args, *fun.keywords.values()):
                self._visit(getattr(fun, "holds", "an argument of functools.partial"), x, seen)
        elif isinstance(fun, FunctionType):
            for name, x in cells_of(fun):
                self._visit(name, x, seen)
            for x in fun.__defaults__ or ():
                self._visit("a default argument", x, seen)

    def _visit(self, name: str, x: Any, seen: set[int]) -> None:
        for leaf in tree.leaves(x):
            if isinstance(leaf, (FunctionType, partial)):
                self._collect(leaf, seen)
            elif isinstance(leaf, Tracer) and id(leaf) not in self._index:
                self._index[id(leaf)] = len(self.values)
                self.values.append(leaf)
                self.names.append(name)

    def rebuilt(self, values: Sequence[Any]) -> list[Any]:
        """The functions, closing over `values` where they closed over traced values; they may not write into these."""
        values = [_closed(x) for x in values]
        done: dict[int, Any] = {}
        return [self._rebuild(fun, values, done) for fun in self.functions]

    def _rebuild(self, fun: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        if id(fun) in done:
            return done[id(fun)]
        if isinstance(fun, partial):
            args = [self._swap(x, values, done) for x in fun.args]
            keywords = {k: self._swap(x, values, done) for k, x in fun.keywords.items()}
            new: Any = partial(self._rebuild(fun.func, values, done), *args, **keywords)
        elif isinstance(fun, FunctionType) and not isinstance(fun, MethodType):
            cells = tuple(CellType() for _ in fun.__closure__ or ())
            defaults = fun.__defaults__ and tuple(self._swap(x, values, done) for x in fun.__defaults__)
            new = FunctionType(fun.__code__, fun.__globals__, fun.__name__, defaults, cells or None)
            new.__kwdefaults__ = fun.__kwdefaults__
            new.__dict__.update(fun.__dict__)
            done[id(fun)] = new
            for cell, (_, x) in zip(cells, cells_of(fun, skip_empty=False)):
                if x is not EMPTY:
                    cell.cell_contents = self._swap(x, values, done)
        else:
            new = fun
        done[id(fun)] = new
        return new

    def _swap(self, x: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        leaves, treedef = tree.flatten(x)
        swapped = [self._swap_leaf(leaf, values, done) for leaf in leaves]
        return x if all(a is b for a, b in zip(swapped, leaves)) else treedef.unflatten(swapped)

    def _swap_leaf(self, leaf: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        if isinstance(leaf, (FunctionType, partial)):
            return self._rebuild(leaf, values, done) if Captured((leaf,)).values else leaf
        return values[self._index[id(leaf)]] if id(leaf) in self._index else leaf


CLOSED = "it is one that the function has closed over"


def _closed(x: Any) -> Any:
    """A value that refuses to be written: what it stands for would not change."""
    x = read_only(x)
    if isinstance(x, Tracer):
        x._place = CLOSED
    return x


EMPTY = object()


def cells_of(fun: FunctionType, skip_empty: bool = True) -> list[tuple[str, Any]]:
    found = []
    for name, cell in zip(fun.__code__.co_freevars, fun.__closure__ or ()):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # not assigned yet
            if not skip_empty:
                found.append((name, EMPTY))
    return found
