"""The classes whose objects are nodes of pytrees: how each is taken apart, made again, matched and shown."""
from __future__ import annotations

from builtins import map as builtin_map
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from numbers import Number
from typing import Any

import numpy as np

from funcgrad.tree.keys import DictKey, GetAttrKey, SequenceKey


class ErrorAtPath(Exception):
    """`path` says where in the tree; a caller may prepend its argument's name to it."""

    path = ""

    def __str__(self) -> str:
        return f"at {self.path or 'the root of the tree'}: {self.args[0]}"


class StructureError(ErrorAtPath, ValueError):
    """Two trees differ in structure at `path`; `name` says which tree it is, where it has a name."""

    name = ""

    def __str__(self) -> str:
        return f"{self.name}{self.path}: {self.args[0]}" if self.name else super().__str__()


class UnsortableKeysError(ErrorAtPath, TypeError):
    """The keys of the dict at `path` have no order."""


def exact(x: Any) -> Any:
    """What tells `x` from values that are equal to it but differ, in type or sign: as a part of a key of a cache.

    >>> exact(1) == exact(True), exact((0.0,)) == exact((-0.0,)), exact('a') == exact('a')
    (False, False, True)
    """
    kind = type(x)
    if kind is str or x is None:
        return x
    if kind is int or kind is bool:
        return kind, x
    if isinstance(x, np.generic):  # with the dtype: equal dates may differ in their unit
        return kind, x.dtype, x.tobytes()
    if isinstance(x, Number):
        return kind, repr(x)
    if isinstance(x, tuple):
        return (kind, *builtin_map(exact, x))
    if kind is range:  # range(0) == range(1, 1)
        return kind, x.start, x.stop, x.step
    if isinstance(x, frozenset):
        return kind, frozenset(builtin_map(exact, x))
    if is_dataclass(x) and not isinstance(x, type):
        from dataclasses import fields  # imported by who made the class

        values = [getattr(x, field.name, None) for field in fields(x) if field.compare]
        return kind, x, *[exact(value) for value in values if _has_equals(value)]
    return kind, x


def is_dataclass(x: Any) -> bool:
    """As `dataclasses` has it, whose import would be a part of ours: 1 ms."""
    return hasattr(x if isinstance(x, type) else type(x), "__dataclass_fields__")


def _has_equals(x: Any) -> bool:
    """Whether a value of another type, sign or unit may be equal to `x`."""
    return isinstance(x, (Number, np.generic, tuple, frozenset, range)) or is_dataclass(x)


def same(a: Any, b: Any, kind: NodeType | None) -> bool:
    """Whether what two nodes of a class hold besides their children is equal."""
    try:
        return bool(a == b)
    except Exception as error:
        raise TypeError(f"the aux of {name_of(kind)} in a pytree must compare by == to True or False, being part of "
                        f"the structure: {error}. Arrays are children, not aux.") from None


def name_of(kind: NodeType | None) -> str:
    return "a leaf" if kind is None else kind.cls.__qualname__


class NodeType:
    """What is known of one class of nodes; `aux` is what a node holds besides its children.

    flatten(node) -> (children, aux), unflatten(aux, children) -> node, entries(aux, count) -> the steps of
    the children's paths, show(aux, shown_children) -> text, may_intern(aux) -> whether equal aux are as good
    as one, matched(aux, node) -> the children of a node that goes with aux, in its order, or None.
    """

    __slots__ = ("cls", "entries", "flatten", "matched", "may_intern", "show", "unflatten")

    def __init__(self, cls: type, flatten: Callable[[Any], tuple[Any, Any]],
                 unflatten: Callable[[Any, tuple], Any], entries: Callable[[Any, int], list[str]],
                 show: Callable[[Any, list[str]], str],
                 may_intern: Callable[[Any], bool] = lambda aux: False,
                 matched: Callable[[Any, Any], Any] | None = None):
        self.cls, self.flatten, self.unflatten = cls, flatten, unflatten
        self.entries, self.show, self.may_intern = entries, show, may_intern
        self.matched = matched or self._matched

    def _matched(self, aux: Any, node: Any) -> Any:
        children, found = self.flatten(node)
        return children if same(aux, found, self) else None

    def __reduce__(self) -> str | tuple:
        return "NAMEDTUPLE" if self is NAMEDTUPLE else (_registered_kind, (self.cls,))


def _sorted_items(node: dict) -> tuple[list, tuple[tuple, tuple]]:
    """The children by sorted key; the keys so, and as they stand in the dict."""
    try:
        keys = sorted(node)
    except TypeError as error:
        kinds = ", ".join(sorted({type(key).__name__ for key in node}))
        raise UnsortableKeysError(
            f"the keys of a dict in a pytree must be sortable, these ({kinds}) are not: {error}") from None
    return [node[key] for key in keys], (tuple(keys), tuple(node))


def _items(keys: tuple[tuple, tuple], children: Iterable[Any]) -> dict:
    by_key = dict(zip(keys[0], children))
    return by_key if keys[0] == keys[1] else {key: by_key[key] for key in keys[1]}


def _by_key(keys: tuple, node: dict) -> list | None:
    return [node[key] for key in keys] if len(keys) == len(node) and all(key in node for key in keys) else None


def _flatten_defaultdict(node: defaultdict) -> tuple[list, tuple]:
    children, keys = _sorted_items(node)
    return children, (node.default_factory, keys)


def _indices(aux: Any, count: int) -> list[str]:
    return [SequenceKey(i) for i in range(count)]


def _subscripts(keys: Iterable[Any], count: int) -> list[str]:
    return [DictKey(key) for key in keys]


def _show_dict(keys: Iterable[Any], shown: Iterable[str]) -> str:
    return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(keys, shown)) + "}"


def _show_tuple(aux: None, shown: Sequence[str]) -> str:
    return f"({', '.join(shown)}{',' * (len(shown) == 1)})"


def show_fields(cls: type, names: Iterable[str], shown: Iterable[str]) -> str:
    return f"{cls.__name__}({', '.join(f'{name}={text}' for name, text in zip(names, shown))})"


def _always(aux: Any) -> bool:
    return True


def _all_plain_strings(keys: tuple[tuple, tuple]) -> bool:
    """Equal keys of other types may differ (1 and True, 0.0 and -0.0): unflatten must give back the same."""
    return {*builtin_map(type, keys[0])} <= {str}


NAMEDTUPLE = NodeType(
    tuple, lambda x: (x, type(x)), lambda cls, xs: cls._make(xs),
    lambda cls, n: [GetAttrKey(name) for name in cls._fields],
    lambda cls, shown: show_fields(cls, cls._fields, shown))
KINDS: dict[type, NodeType] = {kind.cls: kind for kind in (
    NodeType(type(None), lambda x: ((), None), lambda aux, xs: None,
        _indices, lambda aux, shown: "None", _always),
    NodeType(tuple, lambda x: (x, None), lambda aux, xs: xs,
        _indices, _show_tuple, _always),
    NodeType(list, lambda x: (x, None), lambda aux, xs: [*xs],
        _indices, lambda aux, shown: f"[{', '.join(shown)}]", _always),
    NodeType(dict, _sorted_items, _items,
        lambda keys, n: _subscripts(keys[0], n),
        lambda keys, shown: _show_dict(keys[1], _items(keys, shown).values()),
        _all_plain_strings, lambda keys, node: _by_key(keys[0], node)),
    NodeType(OrderedDict, lambda x: (x.values(), tuple(x)), lambda keys, xs: OrderedDict(zip(keys, xs)),
        _subscripts, lambda keys, shown: f"OrderedDict({_show_dict(keys, shown)})", matched=_by_key),
    NodeType(defaultdict, _flatten_defaultdict, lambda aux, xs: defaultdict(aux[0], _items(aux[1], xs)),
        lambda aux, n: _subscripts(aux[1][0], n),
        lambda aux, s: f"defaultdict({getattr(aux[0], '__name__', aux[0])}, "
                       f"{_show_dict(aux[1][1], _items(aux[1], s).values())})",
        matched=lambda aux, node: _by_key(aux[1][0], node) if node.default_factory is aux[0] else None),
)}


def _registered_kind(cls: type) -> NodeType:
    try:
        return KINDS[cls]
    except KeyError:
        raise TypeError(f"{cls.__qualname__} is not registered as a pytree node in this process") from None


def kind_of(tree: Any) -> NodeType | None:
    """What is known of the class of a node; None of a leaf."""
    kind = KINDS.get(type(tree))
    if kind is None and isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return NAMEDTUPLE
    return kind
