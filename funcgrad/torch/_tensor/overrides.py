"""Subclasses of Tensor that users write, and `__torch_function__`.

A class that is written gets methods that ask its `__torch_function__`; functions ask it of arguments of types that
they have not let through before, which these never are. So tensors of no such class pay nothing.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import WeakSet

OWN = {
    "__array__", "__class__", "__class_getitem__", "__copy__", "__deepcopy__", "__delattr__", "__dict__", "__dir__",
    "__doc__", "__format__", "__getattribute__", "__getstate__", "__hash__", "__init__", "__init_subclass__",
    "__module__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__setstate__", "__sizeof__",
    "__str__", "__subclasshook__", "__torch_function__", "__weakref__", "as_subclass",
}  # fmt: skip
"""What is of the object, and no operation."""
NAMED = {
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__mul__": "mul", "__rmul__": "mul", "__truediv__": "div",
    "__matmul__": "matmul", "__neg__": "neg", "__abs__": "abs", "__pow__": "pow", "__iadd__": "add_",
    "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_",
}  # fmt: skip
"""The method that an operator is called by."""
ATTRIBUTES = "T", "mT", "H", "mH", "real", "imag", "data"
"""Those that are tensors, and of the subclass."""
NO_DISPATCH = (
    "define __torch_function__ in place of {}.__torch_dispatch__: below funcgrad.torch's functions is no dispatcher of "
    "kernels"
)
UNCHANGED = frozenset(["grad", "_base", "register_hook", "retain_grad"])


class _State(threading.local):
    """Whether operations are as if there were no subclasses: while `Tensor.__torch_function__` calls one."""

    off = False


state = _State()


class Fitting:
    """The types of arguments that a function has let through; in a slot, where `torch.compile` does not watch it."""

    __slots__ = ("__weakref__", "kinds")
    all: ClassVar[WeakSet[Fitting]] = WeakSet()
    of_lists: ClassVar[bool] = True
    """Whether lists are let through by their own type: until there is a class whose instances may be in them."""

    def __init__(self) -> None:
        self.kinds: set[tuple[Any, ...]] = set()
        Fitting.all.add(self)

    def admit(self, kinds: tuple[Any, ...]) -> None:
        if Fitting.of_lists or not (list in kinds or tuple in kinds):
            self.kinds.add(kinds)

    @classmethod
    def look_into_lists(cls) -> None:
        cls.of_lists = False
        for each in cls.all:
            each.kinds = {k for k in each.kinds if not (list in k or tuple in k)}


def public(owner: str, name: str) -> Any:
    """What users know by that name: a method of "Tensor", or a function of a module."""
    if owner == "Tensor":
        return getattr(sys.modules["funcgrad.torch"].Tensor, name)
    module = sys.modules["funcgrad.torch" if owner == "torch" else f"funcgrad.torch.{owner}"]
    return getattr(module, name.removeprefix(f"{owner}_"))


@contextmanager
def as_if_plain() -> Iterator[None]:
    before, state.off = state.off, True
    try:
        yield
    finally:
        state.off = before


def is_written(kind: Any) -> bool:
    """Whether a class is a user's that says what operations on it are. Tensor has the usual answer itself."""
    return getattr(kind, "__torch_function__", None) is not None and "as_subclass" not in vars(kind)


def overriding(args: Iterable[Any]) -> list[Any]:
    """The arguments whose class says what operations are on it: one of each, those of subclasses first."""
    found: list[Any] = []
    for a in args:
        for x in a if type(a) in (list, tuple) else (a,):
            kind = type(x)
            if is_written(kind) and all(type(y) is not kind for y in found):
                place = next((i for i, y in enumerate(found) if issubclass(kind, type(y))), len(found))
                found.insert(place, x)
    return found


def dispatched(
    function: Callable[..., Any], found: Sequence[Any], args: Any, options: Mapping[str, Any], is_operator: bool = False
) -> Any:
    """What the classes' `__torch_function__` gives: the first that does not return NotImplemented."""
    kinds: tuple[Any, ...] = tuple(map(type, found))
    for kind in kinds:
        result = kind.__torch_function__(function, kinds, args, options)
        if result is not NotImplemented:
            return result
    if is_operator:
        return NotImplemented
    name = getattr(function, "__name__", function)
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {list(kinds)}")


def usual(cls: type, function: Callable[..., Any], kinds: Iterable[type], args: Any, options: Any) -> Any:
    """`Tensor.__torch_function__`: the operation, with results of the class."""
    if not all(issubclass(cls, kind) for kind in kinds):
        return NotImplemented
    with as_if_plain():
        found = function(*args, **(options or {}))
    if getattr(function, "__name__", "") in UNCHANGED:
        return found
    return _of(cls, found, args)


def _of(cls: type, found: Any, args: Any) -> Any:
    if type(found) in (list, tuple):
        return type(found)(_of(cls, x, args) for x in found)
    if hasattr(found, "_fields") and isinstance(found, tuple):
        return type(found)(*(_of(cls, x, args) for x in found))
    if not (hasattr(found, "as_subclass") and "as_subclass" in vars(type(found))) or isinstance(found, cls):
        return found
    if any(found is a for a in args):
        return found.as_subclass(cls)
    found.__class__ = cls
    return found


def written(cls: Any, tensor: Any) -> None:
    """Give a class that a user has written methods that ask it. `tensor` is Tensor."""
    if hasattr(cls, "__torch_dispatch__"):
        raise NotImplementedError(NO_DISPATCH.format(cls.__name__))
    Fitting.look_into_lists()
    cls._seen = property(_never, _nothing)
    for name in dir(tensor):
        plain = getattr(tensor, name)
        if name in OWN or getattr(cls, name) is not plain or (name.startswith("_") and not name.endswith("__")):
            continue
        if callable(plain):
            called = NAMED.get(name, name)
            setattr(cls, name, _asking(_titled(getattr(tensor, called), called), name.startswith("_")))
        elif name in ATTRIBUTES:
            setattr(cls, name, property(_asking(_titled(plain.__get__, "__get__")), plain.__set__))
    if cls.__iter__ is not tensor.__iter__:
        cls.__iter__ = lambda self: iter(self.unbind(0)) if self.dim() else tensor.__iter__(self)


def _never(self: Any) -> int:
    """Which stamp of its memory it has read: none, so that the short ways, which ask for that, are not taken."""
    return -1


def _nothing(self: Any, stamp: int) -> None:
    pass


def _titled(plain: Callable[..., Any], name: str) -> Callable[..., Any]:
    if getattr(plain, "__name__", "") == name:
        return plain

    def function(*args: Any, **options: Any) -> Any:
        return plain(*args, **options)

    function.__name__ = function.__qualname__ = name
    return function


def _asking(plain: Callable[..., Any], is_operator: bool = False) -> Callable[..., Any]:
    @functools.wraps(plain)
    def method(*args: Any, **options: Any) -> Any:
        if state.off:
            return plain(*args, **options)
        return dispatched(plain, overriding((*args, *options.values())), args, options, is_operator)

    return method
