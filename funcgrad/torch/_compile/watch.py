"""What a function's Python depends on: the objects that it can reach, and whether they are what they were."""

from __future__ import annotations

import copy
import dis
import gc
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import partial
from itertools import chain, repeat
from operator import attrgetter, is_
from typing import Any

import numpy as np

from funcgrad.compile.keys import exact
from funcgrad.core.tape import TapeTracer
from funcgrad.torch._compile.overlay import MARK, Unsupported
from funcgrad.torch._record.tape import note_of, on_tape
from funcgrad.torch._tensor.tensor import Tensor

PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic, np.dtype)
SEQUENCES = (list, tuple, deque)
COPIED = (set, frozenset, bytearray, array)
OWN = frozenset((*Tensor.__annotations__, MARK))
"""The attributes of a Tensor that are no user's."""
MOST = 50_000
"""Values that are looked at before each call, some 20 ns each."""
_EMPTY = object()
_contents = attrgetter("cell_contents")
_parts = attrgetter("__code__", "__defaults__", "__kwdefaults__")


class Watch:
    """The objects that can be reached from some roots: cells of closures, globals that code names, attributes, items.

    `holds()` says whether each has the same items as when the watch was made: the same objects, or equal numbers and
    texts. `tensors` are the Tensors among them. Modules of libraries are not looked into; in others, wherever they are
    reached, what any of the functions names.
    """

    def __init__(self, roots: list[Any]) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.objects: list[Any] = []
        self._dicts: list[Any] = []
        self._sequences: list[Any] = []
        self._empty: list[Any] = []
        self._classes: list[tuple[type, int]] = []
        self._copies: list[tuple[Any, Any]] = []
        self._cells: list[Any] = []
        self._functions: list[types.FunctionType] = []
        self._instances: list[Any] = []
        self._references: list[Callable[[], Any]] = []
        self._tensor_dicts: list[dict[str, Any]] = []
        self._tensor_names: list[frozenset[str]] = []
        self._modules: dict[types.ModuleType, set[str]] = {}
        self._mentioned: set[str] = set()
        self._names: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._found: set[int] = set()
        self._pending = deque(roots)
        self.roots = roots
        self._released: set[int] = set()
        while self._pending:
            while self._pending:
                self._look(self._pending.popleft())
                if len(self._found) > MOST:
                    raise Unsupported(f"it can reach more than {MOST} objects")
            self._look_into_modules()
        self._values = self._now()
        self._keys = list(chain.from_iterable(self._dicts))
        self._sizes = [(x, len(x)) for x in (*self._dicts, *self._sequences)]

    def _look(self, x: Any) -> None:
        if id(x) in self._found or (isinstance(x, PLAIN) and is_library(type(x).__module__)):
            return
        self._found.add(id(x))
        self.objects.append(x)  # keeps it alive, and so its id
        if isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, types.ModuleType):
            if not is_library(x.__name__):
                self._modules.setdefault(x, set())
        elif isinstance(x, Iterator):
            raise Unsupported(f"it can reach an iterator ({type(x).__name__}), which cannot be looked into")
        elif isinstance(x, Tensor):
            self._tensor(x)
        else:
            self._items(x)
            if type(x).__module__ != "builtins":
                self._attributes(x)

    def _tensor(self, x: Tensor) -> None:
        self.tensors[id(x)] = x
        self._pending.extend((type(x), *hooks_of(x)))
        names = frozenset(vars(x)) - OWN
        self._named(vars(x), tuple(names))
        self._tensor_dicts.append(vars(x))
        self._tensor_names.append(OWN | names)

    def _items(self, x: Any) -> None:
        """What an object of a type of Python's or NumPy's holds besides attributes."""
        if isinstance(x, np.ndarray):
            self._arrays.append((x, x.copy()))
        elif isinstance(x, dict):
            (self._dicts if x else self._empty).append(x)
            self._pending.extend(chain(x, x.values()))
        elif isinstance(x, SEQUENCES):
            (self._sequences if x else self._empty).append(x)
            self._pending.extend(x)
        elif isinstance(x, COPIED):
            self._copies.append((x, copy.copy(x)))
            self._pending.extend(x)
        elif isinstance(x, partial):
            self._pending.extend((x.func, x.args, x.keywords))
        elif isinstance(x, property):
            self._pending.extend((x.fget, x.fset))
        elif isinstance(x, types.MappingProxyType):
            self._pending.extend(gc.get_referents(x))
        elif isinstance(x, (weakref.ref, ContextVar)):
            get = x if isinstance(x, weakref.ref) else partial(x.get, _EMPTY)
            self._references.append(get)
            self._pending.append(get())
        elif is_library(type(x).__module__):  # methods, in Python or not
            self._pending.extend((getattr(x, "__self__", None), getattr(x, "__func__", None)))

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
        self._functions.append(fun)
        names = tuple(dict.fromkeys(_names_of(fun.__code__)))
        self._named(fun.__globals__, names)
        self._mentioned.update(names)
        self._pending.extend(_imported(_imports_of(fun.__code__), fun.__globals__.get("__package__")))

    def _named(self, space: dict[str, Any], names: tuple[str, ...]) -> None:
        if names:
            self._names.append((space, names))
            self._pending.extend(space[name] for name in names if name in space)

    def _look_into_modules(self) -> None:
        for module, known in self._modules.items():
            new = (self._mentioned & vars(module).keys()) - known
            known |= new
            self._named(vars(module), tuple(new))

    def _class(self, cls: type) -> None:
        self._pending.extend((type(cls), *cls.__mro__))
        if not is_library(cls.__module__):
            attributes = {k: v for k, v in vars(cls).items() if not k.startswith("__") or callable(v)}
            self._names.append((_Vars(cls, _of_class), tuple(attributes)))  # type: ignore[arg-type]
            self._classes.append((cls, len(vars(cls))))
            self._pending.extend(attributes.values())

    def _attributes(self, x: Any) -> None:
        self._pending.append(type(x))
        self._instances.append(x)
        own = getattr(x, "__dict__", None)
        if isinstance(own, dict):
            self._pending.append(own)
        slots = [s for c in type(x).__mro__ for s in _slots_of(c) if not is_library(c.__module__)]
        if slots:
            self._names.append((_Vars(x, getattr), tuple(slots)))  # type: ignore[arg-type]
            self._pending.extend(getattr(x, s, None) for s in slots)

    def _now(self) -> list[Any]:
        found = [*chain.from_iterable(map(dict.values, self._dicts)), *chain.from_iterable(self._sequences)]
        try:
            found += map(_contents, self._cells)
        except ValueError:
            found += map(_content, self._cells)
        for space, names in self._names:
            found += map(space.get, names, repeat(_EMPTY))
        found += chain.from_iterable(map(_parts, self._functions))
        found += map(type, self._instances)
        found += [get() for get in self._references]
        return found

    def has(self, x: Any) -> bool:
        """Whether an object is among those that were reached."""
        return id(x) in self._found

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
        return self._contents_hold()

    def _contents_hold(self) -> bool:
        return (
            all(map(frozenset.issuperset, self._tensor_names, self._tensor_dicts))
            and all(len(vars(cls)) == size for cls, size in self._classes)
            and all(x == kept for x, kept in self._copies)
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
            value = next(values)
            if value is not _EMPTY:
                cell.cell_contents = value
            elif _content(cell) is not _EMPTY:
                del cell.cell_contents
        for space, names in self._names:
            for name in names:
                value = next(values)
                if value is not space.get(name, _EMPTY):
                    if value is _EMPTY:
                        del space[name]
                    else:
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

    def __init__(self, of: Any, get: Callable[[Any, str, Any], Any]) -> None:
        self._of, self._get = of, get

    def get(self, name: str, default: Any) -> Any:
        return self._get(self._of, name, default)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self._of, name, value)

    def __delitem__(self, name: str) -> None:
        delattr(self._of, name)


def _of_class(cls: type, name: str, default: Any) -> Any:
    return vars(cls).get(name, default)


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


def is_library(name: Any) -> bool:
    """Whether a module is Python's, NumPy's or of this package: what it holds is not looked into."""
    if not isinstance(name, str):  # None where a function was made by `exec`; of some types in C a descriptor
        return name is not None
    return name.partition(".")[0] in LIBRARIES


LIBRARIES = sys.stdlib_module_names - {"__main__"} | {"funcgrad", "numpy", "scipy"}


def _names_of(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names_of(const)


def _imports_of(code: types.CodeType) -> Iterator[str]:
    """The names in a code's own `import` statements."""
    if IMPORT in code.co_code[::2]:
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("IMPORT_NAME", "IMPORT_FROM"):
                yield from (instruction.argval, *instruction.argval.split("."))
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _imports_of(const)


IMPORT = dis.opmap["IMPORT_NAME"]


def _imported(names: Iterable[str], package: str | None) -> Iterator[types.ModuleType]:
    """The modules that code may import itself, by their names or those in its package and the packages around."""
    for name in names:
        if name in sys.modules:
            yield sys.modules[name]
        around = package
        while around:
            found = sys.modules.get(f"{around}.{name}".rstrip("."))
            if found is not None:
                yield found
            around = around.rpartition(".")[0]


def _slots_of(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(s for s in slots if s not in ("__dict__", "__weakref__"))
