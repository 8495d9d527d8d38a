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
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NoReturn

from funcgrad.core.frames import hide, hides
from funcgrad.tree.kinds import KINDS, NAMEDTUPLE, ErrorAtPath, NodeType, StructureError, exact, kind_of, name_of, same

__all__ = [
    "TreeDef", "flatten", "flatten_prefix", "flatten_up_to", "leaf_paths", "leaves", "map", "reduce", "structure",
    "unflatten",
]

IsLeaf = Callable[[Any], bool]


class TreeDef:
    """The structure of a tree: its nodes, with every leaf replaced by `*`. Immutable, hashable, picklable.

    Made by `flatten` and `structure`. Two are equal where they make the same trees: keys and aux of the same types and
    signs (1, 1.0 and True differ, as 0.0 and -0.0 do), and keys in the same order. `map` and `flatten_up_to` ask
    for less: equal keys. Comparing and hashing raise TypeError if a registered class gave an aux that cannot be.

    >>> structure({'b': (1, 2), 'a': 3})
    PyTreeDef({'b': (*, *), 'a': *})
    """

    __slots__ = ("_hash", "aux", "children", "is_flat", "kind", "num_leaves")
    kind: NodeType | None
    aux: Any
    children: tuple[TreeDef, ...]
    num_leaves: int
    is_flat: bool  # a node, all of whose children are leaves
    _hash: int

    def __init__(self, kind: NodeType | None, aux: Any, children: tuple[TreeDef, ...], num_leaves: int,
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
                and (self.aux is other.aux or same(exact(self.aux), exact(other.aux), self.kind))
                and self.children == other.children)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            try:
                _set(self, "_hash", hash((self.kind, exact(self.aux), self.children)))
            except TypeError as error:
                raise TypeError(f"the aux of {name_of(self.kind)} in a pytree must be hashable, "
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


_interned: dict[tuple, TreeDef] = {}
_INTERNED_AT_MOST = 4096  # a program that makes up new dict keys for ever must not fill the memory


def _node(kind: NodeType, aux: Any, children: list[TreeDef], num_leaves: int) -> TreeDef:
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
    kind = KINDS.get(type(tree))  # kind_of, inlined: a call costs as much as the rest of a leaf's work
    if kind is None and isinstance(tree, tuple) and hasattr(tree, "_fields"):
        kind = NAMEDTUPLE
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        out.append(tree)
        return LEAF
    start = len(out)
    children, aux = kind.flatten(tree)
    treedefs: list[TreeDef] = []
    try:
        for child in children:
            treedefs.append(_flatten_into(out, child, is_leaf))
    except ErrorAtPath as error:
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


def _describe(kind: NodeType | None, aux: Any, count: int) -> str:
    if kind is None:
        return "a leaf"
    shown = kind.show(aux, ["*"] * count)
    shown = shown if len(shown) < 80 else shown[:76] + " ..."
    return f"{kind.cls.__name__} {shown}" if shown[0] in "([{" else shown


def _mismatch(treedef: TreeDef, tree: Any, kind: NodeType | None, aux: Any, count: int) -> StructureError:
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
    kind = kind_of(tree)
    if kind is not None and kind is treedef.kind:
        matched = kind.matched(treedef.aux, tree)
        if matched is not None and len(matched) == len(treedef.children):
            return zip(treedef.children, matched)
    children, aux = kind.flatten(tree) if kind is not None else ((), None)
    raise _mismatch(treedef, tree, kind, aux, len(children))


def _walk_together(out: list, treedef: TreeDef, tree: Any, tree_is_prefix: bool) -> None:
    if tree_is_prefix and (tree is None or kind_of(tree) is None):
        out.extend([tree] * treedef.num_leaves)
    elif treedef is LEAF and not tree_is_prefix:
        out.append(tree)
    else:
        pairs = _children_matched(treedef, tree)
        position = 0
        try:
            for position, (child_def, child) in enumerate(pairs):  # noqa: B007
                _walk_together(out, child_def, child, tree_is_prefix)
        except ErrorAtPath as error:
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
