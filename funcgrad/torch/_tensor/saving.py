"""`torch.save` and `torch.load`: tensors in lists, tuples and dictionaries, in a file that executes nothing.

A zip archive with one `.npy` file for each memory and array, and `structure.json`. (It is not the format of PyTorch's
files, which are pickles.)
"""

from __future__ import annotations

import importlib
import json
import os
import zipfile
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.torch._record.left import left
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.copying import layout_of, over_memory
from funcgrad.torch._tensor.devices import TYPES, Device
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor

FORMAT = "funcgrad.torch 1"
SEQUENCES = {"tuple": tuple, "list": list, "Size": Size, "set": set, "frozenset": frozenset}
MAPPINGS = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
MADE_OF: dict[str, tuple[Any, Callable[[Any], tuple[Any, ...]]]] = {
    "range": (range, lambda r: (r.start, r.stop, r.step)),
    "slice": (slice, lambda s: (s.start, s.stop, s.step)),
    "deque": (deque, lambda d: (list(d), d.maxlen)),
    "device": (Device, lambda d: (d.type, d.index)),
    "bytes": (bytes, lambda b: (np.frombuffer(b, np.uint8),)),
    "bytearray": (bytearray, lambda b: (np.frombuffer(b, np.uint8),)),
}
"""Types whose objects are made of arguments, which are saved."""
FACTORIES: dict[str, Any] = {t.__name__: t for t in (int, float, complex, bool, str, list, tuple, dict, set)}
"""What a saved `defaultdict` may make its values with."""
NOT_OURS = (
    "torch.load: this is no file of funcgrad.torch.save. Files of PyTorch's hold pickles, which execute code: convert "
    "the tensors with PyTorch, by numpy.savez of tensor.numpy(), and make them anew with torch.from_numpy."
)


def save(obj: Any, f: Any) -> None:
    """Write tensors, parameters, NumPy's arrays and numbers, numbers, strings, bytes, None, dtypes, devices, sizes,
    ranges, slices, and lists, tuples, sets, deques and dictionaries (also Counter and defaultdict) of them, to a file.

    Views of one memory stay views of one memory. TypeError for anything else: of a module save `state_dict()`.

    >>> import io
    >>> import funcgrad.torch as torch
    >>> file = io.BytesIO()
    >>> torch.save({"w": torch.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'w': tensor([1., 1.])}
    """
    if isinstance(f, (str, os.PathLike)):
        folder = os.path.dirname(os.path.abspath(f))
        if not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
    elif not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    writer = _Writer()
    structure = writer.written(obj)
    with zipfile.ZipFile(f, "w") as archive:
        archive.writestr("structure.json", json.dumps({"format": FORMAT, "value": structure}))
        for i, memory in enumerate(writer.memories):
            with archive.open(f"{i}.npy", "w") as file:
                np.lib.format.write_array(file, np.asarray(memory), allow_pickle=False)


def _not_saved(x: Any) -> str:
    kind = type(x).__name__
    if hasattr(x, "state_dict"):
        return (
            "torch.save: write torch.save(x.state_dict(), file), and x.load_state_dict(torch.load(file)) for an x that "
            f"is made anew: of a {kind} only the state is saved, as nothing in a file is executed when it is loaded"
        )
    return (
        "torch.save: save tensors, numbers, strings, and lists, tuples, sets and dictionaries of them, but no "
        f"{kind}: nothing in a file is executed when it is loaded"
    )


class _Writer:
    """What is to be written: each memory, each tensor and each array once."""

    def __init__(self) -> None:
        self.memories: list[Any] = []
        self.places: dict[int, int] = {}
        self.known: dict[int, int] = {}
        self.kept: list[Any] = []

    def written(self, x: Any) -> Any:
        """A value as JSON's: what JSON has as it is, all else as an object with its kind."""
        kind = type(x).__name__
        if x is None or type(x) in (bool, str):
            return x
        if type(x) in (int, float, complex):
            return {"number": repr(x)}
        if isinstance(x, Tensor):
            return self.tensor(x)
        if isinstance(x, dtypes.dtype):
            return {"dtype": x.name}
        if isinstance(x, (np.ndarray, np.generic)):
            return self.array(x)
        if kind in MADE_OF and type(x) is MADE_OF[kind][0]:
            return {kind: [self.written(e) for e in MADE_OF[kind][1](x)]}
        if type(x) is defaultdict:
            return self.defaultdict(x)
        if kind in SEQUENCES and isinstance(x, SEQUENCES[kind]):
            return {kind: [self.written(e) for e in x]}
        if kind in MAPPINGS and isinstance(x, MAPPINGS[kind]):
            pairs = [[self.written(k), self.written(v)] for k, v in x.items()]
            more = getattr(x, "__dict__", None)  # what a state_dict says of its modules' versions
            return {f"{kind} with": [pairs, self.written(more)]} if more else {kind: pairs}
        raise TypeError(_not_saved(x))

    def defaultdict(self, x: Any) -> Any:
        factory = x.default_factory
        name = None if factory is None else getattr(factory, "__name__", "")
        if name is not None and FACTORIES.get(name) is not factory:
            raise TypeError(
                f"torch.save: save dict(x) of a defaultdict(x) that makes its values with {factory}: nothing in a file "
                "is executed when it is loaded"
            )
        return {"defaultdict": [name, [[self.written(k), self.written(v)] for k, v in x.items()]]}

    def array(self, x: Any) -> Any:
        if x.dtype.hasobject:
            raise TypeError("torch.save: save x.tolist() of an array x of objects, and make the array anew")
        if isinstance(x, np.generic):
            self.memories.append(x)
            return {"NumPy's number": len(self.memories) - 1}
        return self.once(x, lambda: {"array": self.placed(x, np.array(x))})

    def tensor(self, t: Tensor) -> Any:
        def written() -> Any:
            if not t.is_leaf:
                left.note("save", t)
            layout = layout_of(t, t._array("`torch.save`"))
            place = self.placed(t._storage, t._storage.value)
            return {getattr(t, "_saved_as", "tensor"): [place, layout, t.requires_grad]}

        return self.once(t, written)

    def once(self, x: Any, written: Callable[[], Any]) -> Any:
        if id(x) in self.known:
            return {"tensor again": self.known[id(x)]}
        self.known[id(x)] = len(self.kept)
        self.kept.append(x)
        return written()

    def placed(self, owner: Any, memory: Any) -> int:
        place = self.places.setdefault(id(owner), len(self.memories))
        if place == len(self.memories):
            self.memories.append(memory)
        return place


def load(f: Any, map_location: Any = None, *, weights_only: bool = True, mmap: bool = False) -> Any:
    """What `save` wrote, from a file or path; nothing in it is executed. RuntimeError for other files, EOFError where a
    file stands at its end."""
    if not isinstance(f, (str, os.PathLike)):
        _check_place(f, mmap)
    if isinstance(map_location, str) and map_location.partition(":")[0] not in TYPES:
        raise RuntimeError(
            "don't know how to restore data location of torch.storage.UntypedStorage (tagged with "
            f"{map_location})"
        )
    try:
        with zipfile.ZipFile(f) as archive:
            structure = json.loads(archive.read("structure.json"))
            if structure["format"] != FORMAT:
                raise KeyError("format")
            reader = _Reader(archive)
            return reader.read(structure["value"])
    except (zipfile.BadZipFile, KeyError) as error:
        raise RuntimeError(NOT_OURS) from error


def _check_place(f: Any, mmap: bool) -> None:
    """A file is read from where it stands; what it cannot do is said as PyTorch does."""
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    for what in ("seek", "tell", "read"):
        if not hasattr(f, what):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{what}'. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
    start = f.tell()
    if not f.read(1):
        raise EOFError("call f.seek(0) before torch.load(f): nothing stands behind the place where the file is")
    f.seek(start)


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.memories: dict[int, Storage] = {}
        self.known: list[Any] = []

    def read(self, x: Any) -> Any:
        if not isinstance(x, dict):
            return x
        ((kind, given),) = x.items()
        if kind == "number":
            return _number(given)
        if kind == "tensor again":
            return self.known[given]
        if kind in ("tensor", "Parameter"):
            return self.tensor(kind, *given)
        if kind == "array":
            self.known.append(self.array(given))
            return self.known[-1]
        if kind == "NumPy's number":
            return self.array(given)[()]
        if kind in MADE_OF:
            return MADE_OF[kind][0](*map(self.read, given))
        if kind == "dtype":
            return getattr(dtypes, given)
        if kind in SEQUENCES:
            return SEQUENCES[kind](map(self.read, given))
        if kind == "defaultdict":
            name, pairs = given
            return defaultdict(FACTORIES.get(name), ((self.read(k), self.read(v)) for k, v in pairs))
        return self.mapping(kind, given)

    def tensor(self, kind: str, place: int, layout: Any, requires_grad: bool) -> Tensor:
        offset, sizes, strides = layout
        is_parameter = kind == "Parameter"
        t = over_memory(
            self.memory(place), (offset, tuple(sizes), tuple(strides)), requires_grad and not is_parameter
        )
        if is_parameter:
            t = importlib.import_module("funcgrad.torch.nn.parameter").Parameter(t, requires_grad)
        self.known.append(t)
        return t

    def mapping(self, kind: str, given: Any) -> Any:
        pairs, more = given if kind.endswith(" with") else (given, None)
        made = MAPPINGS[kind.removesuffix(" with")]({self.read(k): self.read(v) for k, v in pairs})
        if more is not None:
            made.__dict__.update(self.read(more))
        return made

    def memory(self, place: int) -> Storage:
        if place not in self.memories:
            self.memories[place] = Storage(self.array(place))
        return self.memories[place]

    def array(self, place: int) -> np.ndarray:
        with self.archive.open(f"{place}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _number(text: str) -> Any:
    for kind in (int, float, complex):
        try:
            return kind(text)
        except ValueError:
            pass
    raise KeyError(text)
