"""Pytrees do what JAX's do: leaves, paths, and the functions made of them."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest

from funcgrad import tree, tree_util

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax

Point = namedtuple("Point", "x y")


class Pair:
    def __init__(self, first, second):
        self.first, self.second = first, second

    def __eq__(self, other):
        return vars(self) == vars(other)

    def tree_flatten(self):
        return (self.first, self.second), "pair"

    @classmethod
    def tree_unflatten(cls, aux, children):
        assert aux == "pair"
        return cls(*children)


class Named(Pair):
    """Children with names."""


@dataclass
class Layer:
    w: object
    name: str


class Mode(str):
    pass


def named_children(module):
    return lambda p: (((module.GetAttrKey("first"), p.first), ("[1]", p.second)), "pair")


for module in (tree_util, jax.tree_util):
    module.register_pytree_node_class(Pair)
    module.register_pytree_with_keys(Named, named_children(module), Named.tree_unflatten)
    module.register_dataclass(Layer, ["w"], ["name"])
    module.register_static(Mode)

TREES = [
    5, None, (), [1, (2, None)], {"b": 1, "a": {"c": (2, 3)}}, Point(1, [2]), OrderedDict(b=1, a=2), Pair(1, {"x": 2}),
    Named(1, [2, 3]), Layer({"w": 1}, "first"), {"mode": Mode("train"), "x": 1}, {3: 1, 1: 2},
]  # fmt: skip


@pytest.mark.parametrize("value", TREES, ids=lambda value: type(value).__name__)
def test_leaves_and_paths(value):
    assert tree.leaves(value) == jax.tree.leaves(value)
    ours, theirs = tree_util.tree_leaves_with_path(value), jax.tree_util.tree_leaves_with_path(value)
    for (path, leaf), (their_path, their_leaf) in zip(ours, theirs, strict=True):
        assert leaf == their_leaf
        assert tree_util.keystr(path) == jax.tree_util.keystr(their_path)
        assert [type(k).__name__ for k in path if isinstance(k, tree.keys.Key)] == [
            type(k).__name__ for k in their_path if not isinstance(k, str)
        ]
    assert tree.map(lambda x: x + 1, value) == jax.tree.map(lambda x: x + 1, value)
    assert tree_util.treedef_is_leaf(tree.structure(value)) == jax.tree_util.treedef_is_leaf(jax.tree.structure(value))


@pytest.mark.parametrize("simple, separator", [(False, ""), (True, "/"), (True, "."), (False, " ")])
def test_keystr(simple, separator):
    value = {"a": [1, Point(2, 3)], "b": Pair(4, 5)}
    ours, theirs = tree.leaves_with_path(value), jax.tree.leaves_with_path(value)
    shown = [tree.keystr(p, simple=simple, separator=separator) for p, _ in ours]
    assert shown == [jax.tree_util.keystr(p, simple=simple, separator=separator) for p, _ in theirs]


def test_functions_of_trees():
    rows = [(1, {"x": 2}), (3, {"x": 4})]
    for t, structure in ((tree, tree.structure), (jax.tree, jax.tree.structure)):
        assert t.transpose(structure([0, 0]), structure(rows[0]), rows) == ([1, 3], {"x": [2, 4]})
        assert t.transpose(structure([0, 0]), None, rows) == ([1, 3], {"x": [2, 4]})
        assert t.broadcast({"a": 1, "b": 2}, {"a": 0, "b": (0, [0])}) == {"a": 1, "b": (2, [2])}
        assert t.all({"a": True, "b": 1}) and not t.all([True, (0,)]) and t.all([])
        assert t.map_with_path(lambda p, x, y: (len(p), x + y), [1, (2,)], [3, (4,)]) == [(1, 4), ((2, 6),)]
        assert t.reduce_associative(lambda x, y: x + y, ["a", "b", "c", "d", "e"]) == "abcde"
        assert t.reduce_associative(lambda x, y: x + y, [], identity="") == ""


def test_structures_of_structures():
    for t in (tree_util, jax.tree_util):
        pair = t.treedef_tuple([t.tree_structure(0), t.tree_structure([0])])
        assert pair == t.tree_structure((0, [0]))
        assert t.treedef_children(pair) == [t.tree_structure(0), t.tree_structure([0])]
        assert t.all_leaves([1, 2]) and not t.all_leaves([1, (2,)])


def test_partial():
    for t in (tree_util, jax.tree_util):
        doubled = t.tree_map(lambda x: 2 * x, t.Partial(pow, 3, mod=5))
        assert doubled.args == (6,) and doubled.keywords == {"mod": 10} and doubled.func is pow
        assert t.tree_leaves(doubled) == [6, 10]


def test_aux_without_its_keys_is_compared():
    assert tree.structure(Named(1, 2)) == tree.structure(Named(3, 4))
    assert hash(tree.structure(Named(1, 2))) == hash(tree.structure(Named(3, 4)))
    assert tree.structure(Mode("a")) != tree.structure(Mode("b"))
