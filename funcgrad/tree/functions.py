"""What is made of flattening and unflattening."""

from __future__ import annotations

import functools
from builtins import all as builtin_all
from collections.abc import Callable, Iterable
from typing import Any

from funcgrad.tree import nodes
from funcgrad.tree.nodes import (
    LEAF,
    IsLeaf,
    TreeDef,
    flatten,
    flatten_prefix,
    flatten_up_to,
    leaves,
    structure,
    unflatten,
)

__all__ = [
    "all",
    "all_leaves",
    "broadcast",
    "flatten_with_path",
    "leaves_with_path",
    "map_with_path",
    "reduce_associative",
    "transpose",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]

Path = tuple[Any, ...]


def flatten_with_path(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[tuple[Path, Any]], TreeDef]:
    """As `flatten`, with the path of each leaf, a tuple of keys; `keystr` writes it as Python would reach the leaf.

    >>> flatten_with_path({'w': [1, 2]})[0]
    [((DictKey('w'), SequenceKey(0)), 1), ((DictKey('w'), SequenceKey(1)), 2)]
    """
    found, treedef = flatten(tree, is_leaf)
    return list(zip(nodes.key_paths(treedef), found)), treedef


def leaves_with_path(tree: Any, is_leaf: IsLeaf | None = None) -> list[tuple[Path, Any]]:
    """The leaves with their paths.

    >>> leaves_with_path([5])
    [((SequenceKey(0),), 5)]
    """
    return flatten_with_path(tree, is_leaf)[0]


def map_with_path(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """As `map`, of `f(path, leaf, *leaves_of_rest)`.

    >>> map_with_path(lambda path, x: f'{path[0]}: {x}', {'a': 1})
    {'a': "['a']: 1"}
    """
    pairs, treedef = flatten_with_path(tree, is_leaf)
    others = [flatten_up_to(treedef, other) for other in rest]
    return unflatten(treedef, [f(path, leaf, *group) for (path, leaf), *group in zip(pairs, *others)])


def all(tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    """Whether every leaf is true.

    >>> all({'a': True, 'b': [1, 2]}), all([True, 0])
    (True, False)
    """
    return builtin_all(leaves(tree, is_leaf))


def reduce_associative(
    operation: Callable[[Any, Any], Any],
    tree: Any,
    *,
    identity: Any = nodes._no_initializer,
    is_leaf: IsLeaf | None = None,
) -> Any:
    """The leaves combined by an associative operation, pairwise, which makes a flatter program than `reduce`.

    >>> reduce_associative(lambda x, y: f'({x}{y})', ['a', 'b', 'c', 'd'])
    '((ab)(cd))'
    """
    found = leaves(tree, is_leaf)
    if not found:
        return functools.reduce(operation, found, *(() if identity is nodes._no_initializer else (identity,)))
    while len(found) > 1:
        pairs = [operation(x, y) for x, y in zip(found[::2], found[1::2])]
        found = pairs + found[2 * len(pairs) :]
    return found[0] if identity is nodes._no_initializer else operation(identity, found[0])


def broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of the structure of `full_tree` that has at each leaf the leaf of `prefix_tree` above it.

    >>> broadcast({'a': 1, 'b': 2}, {'a': 0, 'b': (0, 0)})
    {'a': 1, 'b': (2, 2)}
    """
    treedef = structure(full_tree, is_leaf)
    return unflatten(treedef, flatten_prefix(prefix_tree, treedef))


def transpose(outer_treedef: TreeDef, inner_treedef: TreeDef | None, pytree_to_transpose: Any) -> Any:
    """A tree of trees with the inner structure outside: for lists of pairs, a pair of lists.

    Args:
        outer_treedef: the structure of the outer tree.
        inner_treedef: that of each of its leaves; None: that of the first one.
        pytree_to_transpose: the tree.

    >>> transpose(structure([0, 0]), structure((0, 0)), [(1, 2), (3, 4)])
    ([1, 3], [2, 4])
    """
    parts = flatten_up_to(outer_treedef, pytree_to_transpose)
    inner = structure(parts[0]) if inner_treedef is None else inner_treedef
    rows = [flatten_up_to(inner, part) for part in parts]
    columns = zip(*rows) if rows else [()] * inner.num_leaves
    return unflatten(inner, [unflatten(outer_treedef, column) for column in columns])


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf | None = None) -> bool:
    """Whether none of the values is a node.

    >>> all_leaves([1, 2]), all_leaves([1, (2,)])
    (True, False)
    """
    return builtin_all(structure(x, is_leaf) is LEAF for x in iterable)


def treedef_is_leaf(treedef: TreeDef) -> bool:
    """Whether a structure is a single node: a leaf, None or an empty container.

    >>> treedef_is_leaf(structure(0)), treedef_is_leaf(structure([0]))
    (True, False)
    """
    return not treedef.children


def treedef_children(treedef: TreeDef) -> list[TreeDef]:
    """The structures of a node's children.

    >>> treedef_children(structure((0, [0])))
    [PyTreeDef(*), PyTreeDef([*])]
    """
    return list(treedef.children)


def treedef_tuple(treedefs: Iterable[TreeDef]) -> TreeDef:
    """The structure of a tuple of trees of these structures.

    >>> treedef_tuple([structure(0), structure([0])])
    PyTreeDef((*, [*]))
    """
    filled = [t.unflatten([0] * t.num_leaves) for t in treedefs]
    return structure(tuple(filled))
