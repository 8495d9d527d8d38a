"""Traced values that a function closes over, made into arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CellType, FunctionType
from typing import Any

from funcgrad import tree
from funcgrad.core.memory import lent
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import Tracer, newest_trace


def refuse_hidden(kind: str, values: Sequence[Any], results: Sequence[Any]) -> None:
    """Raise where a function's results belong to a newer trace than its values: it found traced values elsewhere."""
    known, met = newest_trace(values), newest_trace(results)
    if met is not None and (known is None or met.age > known.age):
        raise TypeError(
            f"{kind}: pass what the function uses as an argument; fg.closure_convert(fun, *args) makes arguments of "
            "such values. It or its rule uses a traced value that is neither an argument nor a variable it closes over "
            "(a global, an attribute, or inside of another function?)"
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
        return _Rebuilt(self, values).functions

    def call(self, number: int, values: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        """Call one of the functions once, closing over `values`: what it assigns to its variables is assigned."""
        if not self.values:
            return self.functions[number](*args, **kwargs)  # type: ignore[misc]
        rebuilt = _Rebuilt(self, values)
        out = rebuilt.functions[number](*args, **kwargs)
        rebuilt.give_back()
        return out

    def place_of(self, x: Any) -> int | None:
        """Which of the values something is."""
        return self._index.get(id(x))


class _Rebuilt:
    """Functions built anew. Variables that hold none of the captured values are those of the functions themselves."""

    def __init__(self, captured: Captured, values: Sequence[Any]) -> None:
        self.captured = captured
        self.values = [_closed(x) for x in values]
        self.done: dict[int, Any] = {}
        self.cells: dict[int, tuple[CellType, CellType, Any]] = {}
        self.containers: list[tuple[Any, list[Any], tree.TreeDef]] = []
        self.functions = [self._rebuild(fun) for fun in captured.functions]

    def give_back(self) -> None:
        """Assign what has been assigned; TypeError where something was put into a container that is not the user's."""
        for old, new, put in self.cells.values():
            if new is not old and (now := _content(new)) is not put:
                old.cell_contents = now
        for x, leaves, treedef in self.containers:
            now, structure = tree.flatten(x)
            if structure != treedef or any(a is not b for a, b in zip(now, leaves)):
                raise TypeError(
                    f"Return the new values: a function changes a {type(x).__name__} of traced values that it closes "
                    f"over{at(here())}, which would be lost"
                )

    def _rebuild(self, fun: Any) -> Any:
        if id(fun) in self.done:
            return self.done[id(fun)]
        if isinstance(fun, partial):
            args = [self._swap(x) for x in fun.args]
            new: Any = partial(self._rebuild(fun.func), *args, **{k: self._swap(x) for k, x in fun.keywords.items()})
        elif isinstance(fun, FunctionType):
            cells = tuple(map(self._cell, fun.__closure__ or ()))
            defaults = fun.__defaults__ and tuple(map(self._swap, fun.__defaults__))
            new = FunctionType(fun.__code__, fun.__globals__, fun.__name__, defaults, cells or None)
            new.__kwdefaults__ = fun.__kwdefaults__
            new.__dict__.update(fun.__dict__)
        else:
            new = fun
        self.done[id(fun)] = new
        return new

    def _cell(self, old: CellType) -> CellType:
        if id(old) not in self.cells:
            content, new = _content(old), CellType()
            self.cells[id(old)] = old, new, None  # a function that is in it may find it there
            put = self._swap(content)
            if put is content:
                new = old
            else:
                new.cell_contents = put
            self.cells[id(old)] = old, new, put
        return self.cells[id(old)][1]

    def _swap(self, x: Any) -> Any:
        leaves, treedef = tree.flatten(x)
        swapped = [self._swap_leaf(leaf) for leaf in leaves]
        if all(a is b for a, b in zip(swapped, leaves)):
            return x
        new = treedef.unflatten(swapped)
        if treedef.children:
            self.containers.append((new, swapped, treedef))
        return new

    def _swap_leaf(self, leaf: Any) -> Any:
        if isinstance(leaf, (FunctionType, partial)):
            return self._rebuild(leaf) if Captured((leaf,)).values else leaf
        place = self.captured.place_of(leaf)
        return leaf if place is None else self.values[place]


CLOSED = "it is one that the function has closed over"


def _closed(x: Any) -> Any:
    """A value that refuses to be written: what it stands for would not change."""
    x = lent(x)
    if isinstance(x, Tracer):
        x._place = CLOSED
    return x


EMPTY = object()


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return EMPTY


def cells_of(fun: FunctionType) -> list[tuple[str, Any]]:
    """The variables that a function closes over, and what they hold: EMPTY where nothing has been assigned yet."""
    return [(name, _content(cell)) for name, cell in zip(fun.__code__.co_freevars, fun.__closure__ or ())]
