"""What a function's Python depends on: the objects that it can reach, and whether they are what they were."""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from operator import attrgetter, is_
from typing import Any

import numpy as np

from funcgrad.compile.keys import exact
from funcgrad.core.tape import TapeTracer
from funcgrad.torch._compile.overlay import Unsupported
from funcgrad.torch._record.tape import note_of, on_tape
from funcgrad.torch._tensor.tensor import Tensor

PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic, np.dtype)
SEQUENCES = (list, tuple, deque)
MOST = 50_000
"""Values that are looked at before each call, some 20 ns each."""
_EMPTY = object()
_contents = attrgetter("cell_contents")


class Watch:
    """The objects that can be reached from some roots: cells of closures, globals that code names, attributes, items.

    `holds()` says whether each has the same items as when the watch was made: the same objects, or equal numbers and
    texts. `tensors` are the Tensors among them. Modules of libraries are not looked into.
    """

    def __init__(self, roots: list[Any]) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.objects: list[Any] = []
        self._dicts: list[Any] = []
        self._sequences: list[Any] = []
        self._empty: list[Any] = []
        self._classes: list[tuple[type, int]] = []
        self._sets: list[Any] = []
        self._cells: list[Any] = []
        self._names: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._found: set[int] = set()
        self._pending = deque(roots)
        self.roots = roots
        self._released: set[int] = set()
        while self._pending:
            self._look(self._pending.popleft())
            if len(self._found) > MOST:
                raise Unsupported(f"it can reach more than {MOST} objects")
        self._values = self._now()
        self._keys = list(chain.from_iterable(self._dicts))
        self._sizes = [(x, len(x)) for x in (*self._dicts, *self._sequences)]

    def _look(self, x: Any) -> None:
        if isinstance(x, PLAIN) or id(x) in self._found:
            return
        self._found.add(id(x))
        self.objects.append(x)  # keeps it alive, and so its id
        if isinstance(x, Tensor):
            self.tensors[id(x)] = x
            self._pending.extend(hooks_of(x))
        elif isinstance(x, np.ndarray):
            self._arrays.append((x, x.copy()))
        elif isinstance(x, dict):
            (self._dicts if x else self._empty).append(x)
            self._pending.extend(chain(x, x.values()))
        elif isinstance(x, SEQUENCES):
            (self._sequences if x else self._empty).append(x)
            self._pending.extend(x)
            self._attributes(x)
        elif isinstance(x, (set, frozenset)):
            self._sets.append((x, set(x)))
            self._pending.extend(x)
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, types.MethodType):
            self._pending.extend((x.__self__, x.__func__))
        elif isinstance(x, partial):
            self._pending.extend((x.func, x.args, x.keywords))
        elif isinstance(x, Iterator):
            raise Unsupported(f"it can reach an iterator ({type(x).__name__}), which cannot be looked into")
        elif isinstance(x, (staticmethod, classmethod)):
            self._pending.append(x.__func__)
        elif isinstance(x, property):
            self._pending.extend((x.fget, x.fset))
        elif isinstance(x, type):
            self._class(x)
        elif not isinstance(x, (types.ModuleType, types.BuiltinFunctionType)):
            self._attributes(x)

    def _function(self, fun: types.FunctionType) -> None:
        self._pending.extend((fun.__defaults__, fun.__kwdefaults__))
        for cell in fun.__closure__ or ():
            if id(cell) not in self._found:
                self._found.add(id(cell))
                self._cells.append(cell)
                self._pending.append(_content(cell))
        if fun.__dict__:
            self._pending.append(fun.__dict__)
        if is_library(fun.__module__):
            return
        names = tuple(dict.fromkeys(_names_of(fun.__code__)))
        space = fun.__globals__
        self._named(space, names)
        for found in (*map(space.get, names), *map(_content, fun.__closure__ or ())):
            if isinstance(found, types.ModuleType) and not is_library(found.__name__):
                self._named(vars(found), names)

    def _named(self, space: dict[str, Any], names: tuple[str, ...]) -> None:
        if names:
            self._names.append((space, names))
            self._pending.extend(space[name] for name in names if name in space)

    def _class(self, cls: type) -> None:
        for part in cls.__mro__:
            if part is not cls:
                self._pending.append(part)
        if not is_library(cls.__module__):
            attributes = {k: v for k, v in vars(cls).items() if not k.startswith("__") or callable(v)}
            self._names.append((_Vars(cls, _of_class), tuple(attributes)))  # type: ignore[arg-type]
            self._classes.append((cls, len(vars(cls))))
            self._pending.extend(attributes.values())

    def _attributes(self, x: Any) -> None:
        self._pending.append(type(x))
        own = getattr(x, "__dict__", None)
        if isinstance(own, dict):
            self._pending.append(own)
        slots = [s for c in type(x).__mro__ for s in _slots_of(c) if not is_library(c.__module__)]
        if slots:
            self._names.append((_Vars(x, _of_slot), tuple(slots)))  # type: ignore[arg-type]
            self._pending.extend(getattr(x, s, None) for s in slots)

    def _now(self) -> list[Any]:
        found = [*chain.from_iterable(map(dict.values, self._dicts)), *chain.from_iterable(self._sequences)]
        try:
            found += map(_contents, self._cells)
        except ValueError:
            found += map(_content, self._cells)
        for space, names in self._names:
            found += map(space.get, names)
        return found

    def release(self, owner: dict[str, Any], key: str) -> None:
        """Let a number in a dict be another from now on."""
        before = 0
        for d in self._dicts:
            if d is owner:
                self._released.add(before + list(d).index(key))
                return
            before += len(d)

    def holds(self) -> bool:
        """Whether nothing has changed."""
        values, now = self._values, self._now()
        if len(now) != len(values) or any(self._empty):
            return False
        if not all(map(is_, now, values)):
            for i, (a, b) in enumerate(zip(now, values)):
                if a is not b and not _equal(a, b) and not (i in self._released and type(a) is type(b)):
                    return False
            self._values = now
        keys = list(chain.from_iterable(self._dicts))
        if not all(map(is_, keys, self._keys)) and not all(map(_equal, keys, self._keys)):
            return False
        return not (self._sets or self._arrays or self._classes) or self._contents_hold()

    def _contents_hold(self) -> bool:
        return (
            all(len(vars(cls)) == size for cls, size in self._classes)
            and all(x == kept for x, kept in self._sets)
            and all(np.array_equal(x, kept, equal_nan=x.dtype.kind in "fc") for x, kept in self._arrays)
        )

    def restore(self) -> None:
        """Put back the items of dicts, lists and cells."""
        for x in self._empty:
            if x:
                x.clear()
        values, keys = iter(self._values), iter(self._keys)
        for d, size in self._sizes[: len(self._dicts)]:
            items = dict(zip([next(keys) for _ in range(size)], values))
            if list(map(id, d.values())) != list(map(id, items.values())) or list(d) != list(items):
                d.clear()
                d.update(items)
        for x, size in self._sizes[len(self._dicts) :]:
            listed = [next(values) for _ in range(size)]
            if isinstance(x, list) and not (len(x) == size and all(map(is_, x, listed))):
                x[:] = listed
        for cell in self._cells:
            cell.cell_contents = next(values)
        for space, names in self._names:
            for name in names:
                value = next(values)
                if space.get(name) is not value:
                    space[name] = value


def kind_of(t: Tensor) -> int:
    """0 where no gradient is required, 1 for a leaf, 2 for what was computed."""
    value = t._value
    if type(value) is not TapeTracer:
        return 0
    return 1 if value.node.prim is None else 2


def hooks_of(t: Tensor) -> tuple[Any, ...]:
    """The hooks of a leaf."""
    value = t._value
    note = note_of(value.node) if on_tape(value) else None
    return () if note is None else (note.hooks, note.before, note.after, note.filled)


class _Vars:
    """The attributes of a class, or those of an object's slots, as a dict that is looked up."""

    def __init__(self, of: Any, get: Callable[[Any, str], Any]) -> None:
        self._of, self._get = of, get

    def get(self, name: str) -> Any:
        return self._get(self._of, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self._of, name, value)


def _of_class(cls: type, name: str) -> Any:
    return vars(cls).get(name)


def _of_slot(x: Any, name: str) -> Any:
    return getattr(x, name, None)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return _EMPTY


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, types.MethodType) and isinstance(b, types.MethodType):
        return a.__self__ is b.__self__ and a.__func__ is b.__func__
    return type(a) is type(b) and isinstance(a, PLAIN) and exact(a) == exact(b)


def is_library(name: str | None) -> bool:
    """Whether a module is Python's, NumPy's or of this package: what it holds is not looked into."""
    top = (name or "").partition(".")[0]
    return top in LIBRARIES


LIBRARIES = sys.stdlib_module_names - {"__main__"} | {"funcgrad", "numpy", "scipy"}


def _names_of(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names_of(const)


def _slots_of(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(s for s in slots if s not in ("__dict__", "__weakref__"))
