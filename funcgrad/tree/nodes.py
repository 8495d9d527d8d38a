"""Pytrees: nested containers seen as a list of leaves and a structure.

Nodes are tuple, list, dict, namedtuple, None (no leaf), OrderedDict, defaultdict and registered classes, by
exact type; anything else is a leaf. The leaves of a dict come in the order of its sorted keys, those of an OrderedDict
in its own; both are made again with their keys in the order they had, and matched with other trees by key.

Every gradient call flattens and unflattens, so no path is computed until an error is raised: the error starts
where it is found, and each level prepends its own step as the error passes.
"""
from __future__ import annotations

import functools
from builtins import map as builtin_map
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from numbers import Number
from typing import Any, NoReturn

import numpy as np

from funcgrad.core.frames import hide, hides
from funcgrad.tree.keys import DictKey, GetAttrKey, SequenceKey

__all__ = [
    "TreeDef", "flatten", "flatten_prefix", "flatten_up_to", "leaf_paths", "leaves", "map", "reduce", "structure",
    "unflatten",
]

IsLeaf = Callable[[Any], bool]


class _ErrorAtPath(Exception):
    """`path` says where in the tree; a caller may prepend its argument's name to it."""

    path = ""

    def __str__(self) -> str:
        return f"at {self.path or 'the root of the tree'}: {self.args[0]}"


class StructureError(_ErrorAtPath, ValueError):
    """Two trees differ in structure at `path`; `name` says which tree it is, where it has a name."""

    name = ""

    def __str__(self) -> str:
        return f"{self.name}{self.path}: {self.args[0]}" if self.name else super().__str__()


class UnsortableKeysError(_ErrorAtPath, TypeError):
    """The keys of the dict at `path` have no order."""


class _NodeType:
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
        return children if _same(aux, found, self) else None

    def __reduce__(self) -> str | tuple:
        return "_NAMEDTUPLE" if self is _NAMEDTUPLE else (_registered_kind, (self.cls,))


class TreeDef:
    """The structure of a tree: its nodes, with every leaf replaced by `*`. Immutable, hashable, picklable.

    Made by `flatten` and `structure`. Two are equal where they make the same trees: keys and aux of the same types and
    signs (1, 1.0 and True differ, as 0.0 and -0.0 do), and keys in the same order. `map` and `flatten_up_to` ask
    for less: equal keys. Comparing and hashing raise TypeError if a registered class gave an aux that cannot be.

    >>> structure({'b': (1, 2), 'a': 3})
    PyTreeDef({'b': (*, *), 'a': *})
    """

    __slots__ = ("_hash", "aux", "children", "is_flat", "kind", "num_leaves")
    kind: _NodeType | None
    aux: Any
    children: tuple[TreeDef, ...]
    num_leaves: int
    is_flat: bool  # a node, all of whose children are leaves
    _hash: int

    def __init__(self, kind: _NodeType | None, aux: Any, children: tuple[TreeDef, ...], num_leaves: int,
                 is_flat: bool):
        _set(self, "kind", kind)
        _set(self, "aux", aux)
        _set(self, "children", children)
        _set(self, "num_leaves", num_leaves)
        _set(self, "is_flat", is_flat)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with the given leaves; see `unflatten`."""
        return unflatten(self, leaves)

    def matches(self, other: TreeDef) -> bool:
        """Whether the trees have the same nodes and leaves in the same order, be the keys of dicts in another."""
        if self == other:
            return True
        if list(leaf_paths(self)) != list(leaf_paths(other)):  # an OrderedDict's leaves come in its own order
            return False
        pairs = (self, other), (other, self)
        try:
            return all(len(flatten_up_to(a, b.unflatten([0] * b.num_leaves))) == b.num_leaves for a, b in pairs)
        except StructureError:
            return False

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeDef):
            return NotImplemented
        return (self.kind is other.kind and self.num_leaves == other.num_leaves
                and (self.aux is other.aux or _same(exact(self.aux), exact(other.aux), self.kind))
                and self.children == other.children)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            try:
                _set(self, "_hash", hash((self.kind, exact(self.aux), self.children)))
            except TypeError as error:
                raise TypeError(f"the aux of {_name(self.kind)} in a pytree must be hashable, "
                                f"{self.aux!r} is not: {error}") from None
            return self._hash

    def __repr__(self) -> str:
        return f"PyTreeDef({_show(self)})"

    def __reduce__(self) -> str | tuple:
        if self is LEAF:
            return "LEAF"
        return TreeDef, (self.kind, self.aux, self.children, self.num_leaves, self.is_flat)

    def __setattr__(self, name: str, value: object = None) -> NoReturn:
        raise AttributeError(f"TreeDef is immutable: {name!r} cannot be set or deleted")

    __delattr__ = __setattr__


_set = object.__setattr__
LEAF = TreeDef(None, None, (), 1, False)


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


def _same(a: Any, b: Any, kind: _NodeType | None) -> bool:
    try:
        return bool(a == b)
    except Exception as error:
        raise TypeError(f"the aux of {_name(kind)} in a pytree must compare by == to True or False, being part of the "
                        f"structure: {error}. Arrays are children, not aux.") from None


def _name(kind: _NodeType | None) -> str:
    return "a leaf" if kind is None else kind.cls.__qualname__


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


def _show_fields(cls: type, names: Iterable[str], shown: Iterable[str]) -> str:
    return f"{cls.__name__}({', '.join(f'{name}={text}' for name, text in zip(names, shown))})"


def _always(aux: Any) -> bool:
    return True


def _all_plain_strings(keys: tuple[tuple, tuple]) -> bool:
    """Equal keys of other types may differ (1 and True, 0.0 and -0.0): unflatten must give back the same."""
    return {*builtin_map(type, keys[0])} <= {str}


_NAMEDTUPLE = _NodeType(
    tuple, lambda x: (x, type(x)), lambda cls, xs: cls._make(xs),
    lambda cls, n: [GetAttrKey(name) for name in cls._fields],
    lambda cls, shown: _show_fields(cls, cls._fields, shown))
_kinds: dict[type, _NodeType] = {kind.cls: kind for kind in (
    _NodeType(type(None), lambda x: ((), None), lambda aux, xs: None,
          _indices, lambda aux, shown: "None", _always),
    _NodeType(tuple, lambda x: (x, None), lambda aux, xs: xs,
          _indices, _show_tuple, _always),
    _NodeType(list, lambda x: (x, None), lambda aux, xs: [*xs],
          _indices, lambda aux, shown: f"[{', '.join(shown)}]", _always),
    _NodeType(dict, _sorted_items, _items,
          lambda keys, n: _subscripts(keys[0], n),
          lambda keys, shown: _show_dict(keys[1], _items(keys, shown).values()),
          _all_plain_strings, lambda keys, node: _by_key(keys[0], node)),
    _NodeType(OrderedDict, lambda x: (x.values(), tuple(x)), lambda keys, xs: OrderedDict(zip(keys, xs)),
          _subscripts, lambda keys, shown: f"OrderedDict({_show_dict(keys, shown)})", matched=_by_key),
    _NodeType(defaultdict, _flatten_defaultdict, lambda aux, xs: defaultdict(aux[0], _items(aux[1], xs)),
          lambda aux, n: _subscripts(aux[1][0], n),
          lambda aux, s: f"defaultdict({getattr(aux[0], '__name__', aux[0])}, "
                         f"{_show_dict(aux[1][1], _items(aux[1], s).values())})",
          matched=lambda aux, node: _by_key(aux[1][0], node) if node.default_factory is aux[0] else None),
)}


def _registered_kind(cls: type) -> _NodeType:
    try:
        return _kinds[cls]
    except KeyError:
        raise TypeError(f"{cls.__qualname__} is not registered as a pytree node in this process") from None


def _kind_of(tree: Any) -> _NodeType | None:
    kind = _kinds.get(type(tree))
    if kind is None and isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return _NAMEDTUPLE
    return kind


_interned: dict[tuple, TreeDef] = {}
_INTERNED_AT_MOST = 4096  # a program that makes up new dict keys for ever must not fill the memory


def _node(kind: _NodeType, aux: Any, children: list[TreeDef], num_leaves: int) -> TreeDef:
    """Nodes of leaves only are shared: looking one up costs 0.2 us, making it 0.6."""
    is_flat = children == [LEAF] * len(children)
    if not (is_flat and kind.may_intern(aux)):
        return TreeDef(kind, aux, tuple(children), num_leaves, is_flat)
    key = (kind, aux, num_leaves)
    treedef = _interned.get(key)
    if treedef is None:
        if len(_interned) >= _INTERNED_AT_MOST:
            _interned.clear()
        treedef = _interned[key] = TreeDef(kind, aux, tuple(children), num_leaves, True)
    return treedef


def _flatten_into(out: list, tree: Any, is_leaf: IsLeaf | None) -> TreeDef:
    kind = _kinds.get(type(tree))  # _kind_of, inlined: a call costs as much as the rest of a leaf's work
    if kind is None and isinstance(tree, tuple) and hasattr(tree, "_fields"):
        kind = _NAMEDTUPLE
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        out.append(tree)
        return LEAF
    start = len(out)
    children, aux = kind.flatten(tree)
    treedefs: list[TreeDef] = []
    try:
        for child in children:
            treedefs.append(_flatten_into(out, child, is_leaf))
    except _ErrorAtPath as error:
        error.path = kind.entries(aux, len(children))[len(treedefs)] + error.path
        raise
    return _node(kind, aux, treedefs, len(out) - start)


@hides
def flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], TreeDef]:
    """The leaves of `tree`, left to right, and its structure.

    `is_leaf(node)` true makes a node a leaf. TypeError, naming the path, if a dict's keys cannot be sorted.

    >>> flatten({'b': (1, 2), 'a': 3, 'c': None})
    ([3, 1, 2], PyTreeDef({'b': (*, *), 'a': *, 'c': None}))
    """
    out: list[Any] = []
    try:
        return out, _flatten_into(out, tree, is_leaf)
    except Exception as error:
        hide(error)
        raise


def _unflatten_from(treedef: TreeDef, source: Iterator[Any]) -> Any:
    if treedef.kind is None:
        return next(source)
    if treedef.is_flat:
        children = tuple(islice(source, treedef.num_leaves))
    else:
        children = tuple([_unflatten_from(child, source) for child in treedef.children])
    return treedef.kind.unflatten(treedef.aux, children)


@hides
def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """The tree of structure `treedef` whose leaves are `leaves`, in the order of `flatten`.

    ValueError unless there are exactly `treedef.num_leaves` of them.

    >>> unflatten(structure({'a': 0, 'b': (0, 0)}), [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    try:
        given = tuple(leaves)
        if len(given) != treedef.num_leaves:
            raise ValueError(f"{treedef} has {treedef.num_leaves} leaves, but {len(given)} were given")
        if treedef.kind is None:
            return given[0]
        if treedef.is_flat:
            return treedef.kind.unflatten(treedef.aux, given)
        return _unflatten_from(treedef, iter(given))
    except Exception as error:
        hide(error)
        raise


@hides
def leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """The leaves of `tree`, in the order of `flatten`, and with its errors.

    >>> leaves([1, (2, None), {'x': 3}])
    [1, 2, 3]
    """
    try:
        return flatten(tree, is_leaf)[0]
    except Exception as error:
        hide(error)
        raise


@hides
def structure(tree: Any, is_leaf: IsLeaf | None = None) -> TreeDef:
    """The structure of `tree`; errors as `flatten`.

    >>> structure([1, (2, None)]) == structure([7, (8, None)])
    True
    """
    try:
        return flatten(tree, is_leaf)[1]
    except Exception as error:
        hide(error)
        raise


@hides
def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of `f(leaf, *leaves_of_rest)`, with the structure of `tree`.

    Each of `rest` must have the nodes of `tree`, and may have more: what stands at a leaf of `tree` is passed
    to `f` whole. ValueError, naming the path, where the nodes differ.

    >>> map(lambda x, y: x + y, {'a': 1, 'b': (2, 3)}, {'a': 10, 'b': (20, 30)})
    {'a': 11, 'b': (22, 33)}
    """
    try:
        first, treedef = flatten(tree, is_leaf)
        others = [flatten_up_to(treedef, other) for other in rest]
        return unflatten(treedef, [f(*group) for group in zip(first, *others)])
    except Exception as error:
        hide(error)
        raise


_no_initializer = object()


def reduce(f: Callable[[Any, Any], Any], tree: Any, initializer: Any = _no_initializer,
           is_leaf: IsLeaf | None = None) -> Any:
    """`functools.reduce` over the leaves; TypeError if there is neither a leaf nor an `initializer`.

    >>> reduce(lambda total, leaf: total + leaf, {'a': 1, 'b': (2, 3)}, 0)
    6
    """
    found = leaves(tree, is_leaf)
    return functools.reduce(f, found, *(() if initializer is _no_initializer else (initializer,)))


def _entries(treedef: TreeDef) -> list[str]:
    return [] if treedef.kind is None else treedef.kind.entries(treedef.aux, len(treedef.children))


def key_paths(treedef: TreeDef) -> Iterator[tuple[str, ...]]:
    """The path of each leaf as a tuple of steps."""
    if treedef is LEAF:
        yield ()
    else:
        for entry, child in zip(_entries(treedef), treedef.children):
            for rest in key_paths(child):
                yield (entry, *rest)


@hides
def leaf_paths(tree: Any) -> Iterator[str]:
    """The path of each leaf, in the order of `flatten`, of a tree or of a TreeDef; a lone leaf's path is "".

    >>> list(leaf_paths(structure({'w': [1, 2], 'b': 3})))
    ["['b']", "['w'][0]", "['w'][1]"]
    """
    return builtin_map("".join, key_paths(tree if isinstance(tree, TreeDef) else structure(tree)))


def _show(treedef: TreeDef) -> str:
    if treedef.kind is None:
        return "*"
    return treedef.kind.show(treedef.aux, [_show(child) for child in treedef.children])


def _describe(kind: _NodeType | None, aux: Any, count: int) -> str:
    if kind is None:
        return "a leaf"
    shown = kind.show(aux, ["*"] * count)
    shown = shown if len(shown) < 80 else shown[:76] + " ..."
    return f"{kind.cls.__name__} {shown}" if shown[0] in "([{" else shown


def _mismatch(treedef: TreeDef, tree: Any, kind: _NodeType | None, aux: Any, count: int) -> StructureError:
    wanted = _entries(treedef)
    given = [] if kind is None else kind.entries(aux, count)
    expected, found = _describe(treedef.kind, treedef.aux, len(wanted)), _describe(kind, aux, count)
    message = f"expected {expected}, found {found}"
    if kind is None and hasattr(tree, "shape") and hasattr(tree, "dtype"):
        message += f", the array {tree.dtype}{list(tree.shape)}"
    elif kind is None:
        message += f" of type {type(tree).__name__}"
    elif kind is treedef.kind and wanted != given:
        missing, extra = [e for e in wanted if e not in given], [e for e in given if e not in wanted]
        message += f"; missing {', '.join(missing)}" if missing else ""
        message += f"; not expected {', '.join(extra)}" if extra else ""
    elif expected == found:
        message += ", which looks the same but is not equal (a class defined twice?)"
    return StructureError(message)


def _children_matched(treedef: TreeDef, tree: Any) -> Iterable[tuple[TreeDef, Any]]:
    kind = _kind_of(tree)
    if kind is not None and kind is treedef.kind:
        matched = kind.matched(treedef.aux, tree)
        if matched is not None and len(matched) == len(treedef.children):
            return zip(treedef.children, matched)
    children, aux = kind.flatten(tree) if kind is not None else ((), None)
    raise _mismatch(treedef, tree, kind, aux, len(children))


def _walk_together(out: list, treedef: TreeDef, tree: Any, tree_is_prefix: bool) -> None:
    if tree_is_prefix and (tree is None or _kind_of(tree) is None):
        out.extend([tree] * treedef.num_leaves)
    elif treedef is LEAF and not tree_is_prefix:
        out.append(tree)
    else:
        pairs = _children_matched(treedef, tree)
        position = 0
        try:
            for position, (child_def, child) in enumerate(pairs):  # noqa: B007
                _walk_together(out, child_def, child, tree_is_prefix)
        except _ErrorAtPath as error:
            error.path = _entries(treedef)[position] + error.path
            raise


def _walked_together(treedef: TreeDef, tree: Any, tree_is_prefix: bool, name: str) -> list[Any]:
    out: list[Any] = []
    try:
        _walk_together(out, treedef, tree, tree_is_prefix)
    except StructureError as error:
        error.name = name
        raise
    return out


@hides
def flatten_up_to(treedef: TreeDef, tree: Any, name: str = "") -> list[Any]:
    """What stands in `tree` at each leaf of `treedef`, subtrees whole.

    ValueError, naming the path, what was expected and what was found, where the nodes differ; `name` is what the
    error calls the tree.

    >>> flatten_up_to(structure({'a': 0, 'b': 0}), {'a': 1, 'b': (2, 3)})
    [1, (2, 3)]
    """
    try:
        return _walked_together(treedef, tree, False, name)
    except Exception as error:
        hide(error)
        raise


@hides
def flatten_prefix(prefix: Any, treedef: TreeDef, name: str = "") -> list[Any]:
    """For each leaf of `treedef`, the leaf of `prefix` above it; None in `prefix` is a leaf (vmap's in_axes).

    ValueError, naming the path, what was expected and what was found, where the nodes differ; `name` is what the
    error calls the prefix.

    >>> flatten_prefix((0, None, {'x': 1}), structure((7, [7, 7], {'x': (7, 7)})))
    [0, None, None, 1, 1]
    """
    try:
        return _walked_together(treedef, prefix, True, name)
    except Exception as error:
        hide(error)
        raise
