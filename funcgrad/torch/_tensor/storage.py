"""The memory of tensors."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.tape import tick
from funcgrad.core.trace import Trace, Tracer
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import CAPTURED_BY_DERIVATIVE, CAPTURED_IN_PLACE, INFERENCE_SAVED, noted
from funcgrad.torch._tensor.views import Step, assign, put


class _Scope(threading.local):
    """The call of a transformed function that is under way in a thread.

    `number` is the age of the traces that it makes, or less: it rises, and is 0 outside of all. `level` is the number
    of the innermost call of a transformation of `torch.func`, `derives` that of the innermost which takes derivatives;
    0 where there is none. `given` is the memory of that one's arguments. In `strict` ones users' rules are
    what PyTorch demands. `writer` is the user's line, where what writes is ours and has asked for it. `outer` is the
    state around the call.
    """

    number: float = 0
    level: float = 0
    derives: float = 0
    given: frozenset[Storage] = frozenset()
    dual = False
    strict = False
    writer: Loc | None = None
    outer: dict[str, Any] | None = None

    @property
    def forward(self) -> bool:
        """Whether `no_grad` leaves tangents, as in PyTorch: there, and within a level of `forward_ad` (`dual`)."""
        return self.dual or self.level > 0


scope = _Scope()


@contextmanager
def inside(level: str = "", given: Iterable[Storage] = (), hosted: bool = False) -> Iterator[None]:
    """A call of a transformed function. Memory made before it must not keep its traced values.

    `level` says which transformation of `torch.func` it is: "derivative" or "batch"; `hosted`, that funcgrad's own was
    called.
    """
    before = scope.__dict__.copy()
    scope.outer = before
    scope.strict = scope.strict if not level else not hosted
    scope.number = number = Trace().age
    scope.level = number if level else 0
    if level != "batch":
        scope.derives, scope.given = scope.level, frozenset(given)
    try:
        yield
    finally:
        scope.__dict__.clear()
        scope.__dict__.update(before)


@contextmanager
def beneath(age: float) -> Iterator[None]:
    """The state around the call that made a trace of this age, for what that leaves to the transformations outside."""
    before = scope.__dict__.copy()
    outer = before
    while outer.get("number", 0) > age:
        outer = outer["outer"]
    scope.__dict__.clear()
    scope.__dict__.update(outer.get("outer") or {})
    try:
        yield
    finally:
        scope.__dict__.clear()
        scope.__dict__.update(before)


class Write(NamedTuple):
    """A write in place: the version it made, its line, and when it was, among the entries of tapes."""

    version: int
    loc: Loc | None
    when: int


Writes = tuple[tuple[int, Loc | None, int], ...]
"""As plain tuples, of which one takes 0.1 us: `writes_of` reads them."""
WRITES_KEPT = 6
At = tuple[Loc | None, int]
"""A line and a time."""


def _written(version: int, before: Writes, at: At | None) -> Writes:
    """The last writes, this one first."""
    loc, when = at or (scope.writer or here(), tick())
    return ((version, loc, when), *before[: WRITES_KEPT - 1])


def writes_of(found: Writes) -> list[Write]:
    return [Write(*w) for w in found]


class Doubted(int):
    """The version of memory that tensors left by `detach_`: unlike any, so that a pass asks of each tensor it has saved
    there whether it is one of these. `gone` are their entries."""

    gone: frozenset[int] = frozenset()

    def __ne__(self, other: object) -> bool:
        return True


class Storage:
    """The memory that a tensor and its views and detached aliases share.

    What the tape has saved never changes: an array that it may hold is copied before it is written in part, and given
    up when all of it is written anew. After that it is `private`, and writes go into it, until a tensor that is
    recorded reads it. Memory that NumPy sees too (`shared`) is written in place; operations to be recorded copy it
    first. `version` counts writes, of which `writes` are the last, and `unseen` the last through `.data`; `stamp`
    changes whenever aliases must read again. It was `born` in a scope.
    """

    private = False
    shared = False
    born: float = 0
    stamp = 0
    version = 0
    writes: Writes = ()
    unseen: Writes = ()

    def __init__(self, value: Any) -> None:
        self.value = value
        self.born = scope.number

    def check_kept(self, new: Any) -> None:
        """An error for a traced value that the memory would keep when the transformed function has returned."""
        if scope.number > self.born and isinstance(new, Tracer) and not isinstance(self.value, Tracer):
            raise RuntimeError(CAPTURED_IN_PLACE)

    def check_captured(self, operation: str) -> None:
        """PyTorch's error for a write, while a derivative is taken, of memory that the function has captured."""
        if self.born < scope.derives and self not in scope.given:
            raise RuntimeError(CAPTURED_BY_DERIVATIVE.format(operation))

    def __reduce__(self) -> Any:
        return Storage, (np.array(self.value),)

    def count(self, at: At | None = None) -> None:
        """One write more, here and now if `at` is not known."""
        self.version = version = self.version + 1
        self.writes = _written(version, self.writes, at)

    def left(self, entry: int) -> None:
        """The tensor of an entry was detached in place: an operation that has saved it may not use it."""
        gone = self.version.gone if isinstance(self.version, Doubted) else frozenset()
        self.version = doubted = Doubted(self.version)
        doubted.gone = gone | {entry}

    def count_all(self, number: int, at: At) -> None:
        """So many writes more, by one call of a program, at a line and a time."""
        self.version = version = self.version + number
        self.writes = ((version, *at),)

    def replace(self, value: Any) -> None:
        """Take on new values, in the order in memory that the views expect."""
        old = self.value
        if self.shared:
            np.copyto(old, value)
        elif type(value) is np.ndarray and type(old) is np.ndarray and value.strides != old.strides:
            self.value = np.empty_like(old)
            np.copyto(self.value, value)
            self.private = True
        else:
            self.value = value
            self.private = False
        self.stamp += 1

    def store(self, steps: Sequence[Step], part: Any) -> None:
        """Set what the steps read, in place where nobody else holds the array."""
        if isinstance(self.value, Tracer) or isinstance(part, Tracer):
            self.replace(put(steps, self.value, part))
            return
        if not (self.private or self.shared):
            self.value = np.array(self.value) if steps else np.empty_like(self.value)
            self.private = True
        assign(steps, self.value, part)
        self.stamp += 1

    @property
    def written(self) -> bool:
        """Whether it has been written since it was made; to show it to NumPy is no write."""
        return bool(self.version) or self.stamp > self.shared

    def lend(self) -> None:
        """Somebody else keeps the array: it is copied before it is written."""
        self.private = False

    def share(self) -> np.ndarray:
        """The memory for NumPy to see: from now on a copy that nobody has saved."""
        if not self.shared:
            if not self.private:
                self.value = np.array(self.value)
            self.shared = True
            self.stamp += 1
        return self.value


class UntypedStorage:
    """Memory as `tensor.untyped_storage()` shows it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def data_ptr(self) -> int:
        return np.asarray(self._storage.value).ctypes.data

    def nbytes(self) -> int:
        return np.asarray(self._storage.value).nbytes

    size = __len__ = nbytes


class TypedStorage:
    """Memory as `tensor.storage()` shows it: a sequence of numbers, to be read."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def _numbers(self) -> np.ndarray:
        return np.asarray(self._storage.value).reshape(-1)

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of(self._numbers.dtype)

    def __len__(self) -> int:
        return self._numbers.size

    size = __len__

    def __getitem__(self, index: int) -> Any:
        return self._numbers[index].item()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        return self._numbers.tolist()

    def element_size(self) -> int:
        return self._numbers.itemsize

    def nbytes(self) -> int:
        return self._numbers.nbytes

    def data_ptr(self) -> int:
        return self.untyped().data_ptr()

    def untyped(self) -> UntypedStorage:
        return UntypedStorage(self._storage)


class Inference(Storage):
    """The storage of a tensor made in inference mode: writes are not counted, so nothing can save it."""

    made: Loc | None = None

    def __init__(self, value: Any) -> None:
        self.value = value
        self.born = scope.number
        self.made = here()

    @property
    def version(self) -> int:
        note = f"it was made in inference mode{at(self.made)}. Instead: torch.no_grad() there, or its clone()"
        raise noted(RuntimeError(INFERENCE_SAVED), note)

    def count(self, at: At | None = None) -> None:
        pass

    def count_all(self, number: int, at: At) -> None:
        pass


class Unwatched(Storage):
    """The storage behind `.data`: the same memory with a version of its own."""

    shared = property(lambda self: self.of.shared)
    stamp = property(lambda self: self.of.stamp)
    born = property(lambda self: self.of.born)
    value = property(lambda self: self.of.value)

    def __init__(self, of: Storage) -> None:
        self.of: Storage = of.of if isinstance(of, Unwatched) else of
        self.version = 0

    def __reduce__(self) -> Any:
        return self.of.__reduce__()

    def count(self, at: At | None = None) -> None:
        super().count(at)
        self.of.unseen = _written(self.version, self.of.unseen, at)

    def replace(self, value: Any) -> None:
        self.of.replace(value)

    def store(self, steps: Sequence[Step], part: Any) -> None:
        self.of.store(steps, part)

    def check_captured(self, operation: str) -> None:
        self.of.check_captured(operation)

    def lend(self) -> None:
        self.of.lend()

    def share(self) -> np.ndarray:
        return self.of.share()
