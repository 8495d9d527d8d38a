"""Pytrees: round trips, structures, paths, errors, registration, threads, no garbage; and `ravel_pytree`."""
from __future__ import annotations

import copy
import doctest
import gc
import pickle
import threading
import warnings
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import FrozenInstanceError, dataclass, field
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import funcgrad.core.avals
import funcgrad.flatten_util
from funcgrad import tree as ft
from funcgrad.flatten_util import ravel_pytree
from funcgrad.tree import functions, keys, kinds, nodes, registration

Point = namedtuple("Point", "x y")


class Box:
    def __init__(self, content, label):
        self.content, self.label = content, label

    def __eq__(self, other):
        return type(other) is Box and (self.content, self.label) == (other.content, other.label)

    __hash__ = None


ft.register_pytree_node(Box, lambda box: (iter([box.content]), box.label), lambda label, c: Box(c[0], label))


@ft.register_dataclass
@dataclass(frozen=True, slots=True)
class Layer:
    w: object
    b: object = 0.0
    name: str = field(default="", metadata={"static": True})
    calls: int = field(default=0, init=False)


trees = st.recursive(
    st.one_of(st.integers(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
        st.dictionaries(st.text(max_size=2), inner, max_size=4),
        st.dictionaries(st.integers(0, 3), inner, max_size=4),
        st.dictionaries(st.text(max_size=2), inner, max_size=3).map(OrderedDict),
        st.dictionaries(st.text(max_size=2), inner, max_size=3).map(lambda d: defaultdict(list, d)),
        st.builds(Box, inner, st.text(max_size=1)),
        st.builds(Layer, inner, inner, st.text(max_size=1)),
    ),
    max_leaves=12)


def identical(a, b):
    """Equal, of the same types all the way down, keys and their order included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(identical, a, b))
    return a == b


@given(trees)
def test_round_trip(tree):
    leaves, treedef = ft.flatten(tree)
    assert len(leaves) == treedef.num_leaves
    assert all(type(leaf) is int for leaf in leaves)
    rebuilt = treedef.unflatten(leaves)
    assert identical(rebuilt, tree)
    again, treedef_again = ft.flatten(rebuilt)
    assert again == leaves
    assert treedef_again == treedef and hash(treedef_again) == hash(treedef)
    assert repr(treedef_again) == repr(treedef)


@given(trees)
def test_pickled_structure_is_equal(tree):
    leaves, treedef = ft.flatten(tree)
    copied = pickle.loads(pickle.dumps(treedef))
    assert copied == treedef and hash(copied) == hash(treedef)
    assert identical(copied.unflatten(leaves), tree)


@given(trees, trees)
def test_structures_are_equal_exactly_when_the_trees_print_alike(a, b):
    # every structural difference between these trees shows in the text, factories and labels included
    assert (ft.structure(a) == ft.structure(b)) == (repr(ft.structure(a)) == repr(ft.structure(b)))


@pytest.mark.parametrize(("a", "b"), [
    ({"a": 0}, {"b": 0}), (Box(0, "a"), Box(0, "b")), (Layer(0, name="a"), Layer(0, name="b")),
    (defaultdict(int, a=0), defaultdict(float, a=0)), (OrderedDict(a=0, b=0), OrderedDict(b=0, a=0)),
    ((0,), [0]), (Point(0, 0), (0, 0)), (None, ()), ((0, (0,)), ((0,), 0)), ({"a": 0}, OrderedDict(a=0)),
])
def test_structures_that_differ_in_one_thing_are_unequal(a, b):
    assert ft.structure(a) != ft.structure(b)
    assert ft.structure([a]) != ft.structure([b])


@given(trees)
def test_paths_are_one_a_leaf_distinct_and_in_order(tree):
    with_paths, treedef = ft.flatten_with_path(tree)
    paths = [ft.keystr(path) for path, _ in with_paths]
    assert [leaf for _, leaf in with_paths] == ft.leaves(tree)
    assert paths == list(ft.leaf_paths(treedef)) == list(ft.leaf_paths(tree))
    assert len(set(paths)) == len(paths)
    for path, leaf in zip(paths, ft.leaves(tree)):
        assert eval("root" + path.replace("[<flat index 0>]", ".content"), {"root": tree}) == leaf


@given(trees)
def test_map_and_prefix_agree_with_leaves(tree):
    leaves, treedef = ft.flatten(tree)
    assert ft.leaves(ft.map(lambda x, y: x - y, tree, tree)) == [0] * len(leaves)
    assert ft.flatten_up_to(treedef, tree) == leaves
    assert ft.flatten_prefix(7, treedef) == [7] * len(leaves)
    assert ft.reduce(lambda a, b: a + b, tree, 0) == sum(leaves)


@pytest.mark.parametrize(("tree", "leaves", "text"), [
    (5, [5], "*"),
    (None, [], "None"),
    ((), [], "()"),
    ((1,), [1], "(*,)"),
    ({"b": 1, "a": (2, 3)}, [2, 3, 1], "{'b': *, 'a': (*, *)}"),
    (OrderedDict(b=1, a=2), [1, 2], "OrderedDict({'b': *, 'a': *})"),
    (defaultdict(int, b=1, a=2), [2, 1], "defaultdict(int, {'b': *, 'a': *})"),
    (Point(1, [2]), [1, 2], "Point(x=*, y=[*])"),
    (Box(1, "red"), [1], "CustomNode(Box['red'], [*])"),
    (Layer(1, 2, "first"), [1, 2], "Layer(w=*, b=*, name='first')"),
])
def test_order_of_leaves_and_text(tree, leaves, text):
    found, treedef = ft.flatten(tree)
    assert found == leaves
    assert repr(treedef) == f"PyTreeDef({text})"


def test_subclasses_of_containers_are_leaves():
    class MyList(list):
        pass

    class MyTuple(tuple):
        pass

    assert ft.structure([MyList([1]), MyTuple((1, 2))]) == ft.structure([0, 0])


def test_equal_keys_of_different_types_survive_sharing():
    for tree in ({1: 0}, {True: 0}, {1.0: 0}, {-0.0: 0}, {0.0: 0}, {np.str_("a"): 0}, {"a": 0}):
        (rebuilt_key,) = ft.unflatten(ft.structure(tree), [0])
        (key,) = tree
        assert type(rebuilt_key) is type(key) and repr(rebuilt_key) == repr(key)


def test_is_leaf_stops_and_can_make_none_a_leaf():
    tree = [(1, 2), None, {"a": (3,)}]
    leaves, treedef = ft.flatten(tree, is_leaf=lambda x: x is None or isinstance(x, tuple))
    assert leaves == [(1, 2), None, (3,)]
    assert repr(treedef) == "PyTreeDef([*, *, {'a': *}])"
    assert ft.map(lambda x, y: y, tree, [(0, 0), [9], {"a": (0,)}], is_leaf=lambda x: x is None)[1] == [9]


def test_treedef_is_immutable_and_its_own_deep_copy_is_equal():
    treedef = ft.structure({"a": (1, 2)})
    with pytest.raises(AttributeError, match="immutable"):
        treedef.num_leaves = 3
    with pytest.raises(AttributeError, match="immutable"):
        del treedef.aux
    assert not hasattr(treedef, "__dict__")
    assert copy.deepcopy(treedef) == treedef
    assert treedef != ft.structure({"a": [1, 2]}) and treedef != "other"
    assert pickle.loads(pickle.dumps(ft.structure(1))) is ft.structure(2)


@pytest.mark.parametrize("given_leaves", [[], [1, 2], [1, 2, 3, 4]])
@pytest.mark.parametrize("tree", [(0, 0, 0), (0, (0, 0))])
def test_wrong_number_of_leaves(tree, given_leaves):
    with pytest.raises(ValueError, match=f"3 leaves, but {len(given_leaves)} were given"):
        ft.unflatten(ft.structure(tree), iter(given_leaves))


@pytest.mark.parametrize(("tree", "place"), [
    ({1: 0, "a": 0}, "at the root of the tree: "),
    ({"w": [0, (1, {1: 0, "a": 0})]}, "at ['w'][1][1]: "),
    (Layer(0, Point(0, {None: 0, "a": 0})), "at .b.y: "),
    (Box(defaultdict(int, {None: 0, "a": 0}), ""), "at [<flat index 0>]: "),
])
def test_unsortable_keys_name_the_path(tree, place):
    with pytest.raises(TypeError, match="must be sortable") as caught:
        ft.flatten(tree)
    assert str(caught.value).startswith(place)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("expected", "found", "message"), [
    ((0, 0), [0, 0], "at the root of the tree: expected tuple (*, *), found list [*, *]"),
    ({"w": [0, (0,)]}, {"w": [0, 5]}, "at ['w'][1]: expected tuple (*,), found a leaf of type int"),
    ({"a": 0, "b": 0}, {"a": 0, "c": 0},
     "at the root of the tree: expected dict {'a': *, 'b': *}, found dict {'a': *, 'c': *}"
     "; missing ['b']; not expected ['c']"),
    ({"w": (0,)}, {"w": np.ones((2, 3))}, "at ['w']: expected tuple (*,), found a leaf, the array float64[2, 3]"),
    ([[0, 0]], [[0, 0, 0]], "at [0]: expected list [*, *], found list [*, *, *]; not expected [2]"),
    (Point(0, None), Point(0, 1), "at .y: expected None, found a leaf of type int"),
    (Point(0, 0), (0, 0), "at the root of the tree: expected Point(x=*, y=*), found tuple (*, *)"),
    (Layer(0, 0, "a"), Layer(0, 0, "b"),
     "at the root of the tree: expected Layer(w=*, b=*, name='a'), found Layer(w=*, b=*, name='b')"),
    ([Point(0, 0)], [namedtuple("Point", "x y")(0, 0)],
     "at [0]: expected Point(x=*, y=*), found Point(x=*, y=*), "
     "which looks the same but is not equal (a class defined twice?)"),
])
def test_mismatch_names_path_expected_and_found(expected, found, message):
    with pytest.raises(ValueError) as from_map:
        ft.map(lambda x, y: x, expected, found)
    with pytest.raises(ValueError) as from_up_to:
        ft.flatten_up_to(ft.structure(expected), found)
    assert str(from_map.value) == str(from_up_to.value) == message


def test_callers_may_prepend_the_argument_to_a_path():
    with pytest.raises(ValueError) as caught:
        ft.flatten_up_to(ft.structure({"w": (0,)}), {"w": 0})
    caught.value.path = "params" + caught.value.path
    assert str(caught.value).startswith("at params['w']: expected")


def test_long_structures_are_cut_short_in_messages():
    with pytest.raises(ValueError) as caught:
        ft.flatten_up_to(ft.structure([0] * 1000), 5)
    assert len(str(caught.value)) < 200


def test_map_passes_deeper_subtrees_whole():
    assert ft.map(lambda x, y: y, (0, 0), ([1, 2], {3: 4, "a": 5})) == ([1, 2], {3: 4, "a": 5})
    assert ft.map(abs, None) is None


def test_prefix_broadcasts_and_keeps_none():
    treedef = ft.structure(({"a": 0, "b": [0, 0]}, (0, 0), None, 0))
    assert ft.flatten_prefix(({"a": 1, "b": None}, None, None, 2), treedef) == [1, None, None, None, None, 2]
    assert ft.flatten_prefix(None, treedef) == [None] * 6


@pytest.mark.parametrize(("prefix", "message"), [
    ((0, 0), "at the root of the tree: expected tuple (*, *, *), found tuple (*, *); missing [2]"),
    ((0, {"b": 0}, 0),
     "at [1]: expected dict {'a': *}, found dict {'b': *}; missing ['a']; not expected ['b']"),
    ((0, 0, (1,)), "at [2]: expected a leaf, found tuple (*,)"),
])
def test_prefix_mismatch(prefix, message):
    with pytest.raises(ValueError) as caught:
        ft.flatten_prefix(prefix, ft.structure((0, {"a": 0}, 0)))
    assert str(caught.value) == message


def test_reduce():
    assert ft.reduce(max, {"a": 3, "b": (5, 1)}) == 5
    assert ft.reduce(max, None, None) is None
    with pytest.raises(TypeError, match="empty"):
        ft.reduce(max, [])


def test_registration_errors():
    for taken in (Box, dict, type(None), Layer):
        with pytest.raises(ValueError, match="already"):
            ft.register_pytree_node(taken, None, None)
    with pytest.raises(TypeError, match="needs a class"):
        ft.register_pytree_node("Box", None, None)

    class Bad:
        pass

    ft.register_pytree_node(Bad, lambda bad: [1, 2, 3], lambda aux, children: Bad())
    with pytest.raises(TypeError, match=r"flatten_fn of .*Bad must return \(children, aux\)"):
        ft.flatten(Bad())


def test_unhashable_aux_fails_only_when_hashed():
    treedef = ft.structure(Box(1, [2]))
    assert treedef == ft.structure(Box(3, [2]))
    with pytest.raises(TypeError, match="unhashable"):
        hash(treedef)


DICTS = [dict, OrderedDict, lambda pairs: defaultdict(list, pairs)]


@pytest.mark.parametrize("make", DICTS)
def test_dicts_keep_their_order_and_match_by_key(make):
    given, other = make([("b", 1), ("c", 2), ("a", 3)]), make([("a", 10), ("b", 20), ("c", 30)])
    assert list(ft.map(lambda x: x, given)) == ["b", "c", "a"]
    assert dict(ft.map(lambda x, y: x + y, given, other)) == {"b": 21, "c": 32, "a": 13}
    assert ft.flatten_up_to(ft.structure(given), other) == ft.leaves(ft.map(lambda x, y: y, given, other))
    assert ft.flatten_prefix(other, ft.structure(given)) == ft.flatten_up_to(ft.structure(given), other)
    assert ft.structure(given) != ft.structure(other)
    with pytest.raises(ValueError, match=r"missing \['a'\]; not expected \['d'\]"):
        ft.map(lambda x, y: x, given, make([("b", 1), ("c", 2), ("d", 3)]))


@pytest.mark.parametrize(("a", "b"), [
    (1, 1.0), (1, True), (0.0, -0.0), ((2,), (2.0,)), (((0.0,),), ((-0.0,),)), (1.0, np.float64(1.0)),
    (np.float32(0.0), np.float32(-0.0)), (frozenset([1]), frozenset([1.0])), (0j, complex(0.0, -0.0)),
])
def test_equal_keys_and_aux_that_differ_are_other_structures(a, b):
    for x, y in (({a: 0}, {b: 0}), (Box(0, a), Box(0, b)), (Layer(0, name=a), Layer(0, name=b))):
        for outer in (lambda t: t, lambda t: [t, (t,)]):
            one, another = ft.structure(outer(x)), ft.structure(outer(y))
            assert one != another and len({one, another}) == 2
            assert one == ft.structure(outer(x)) and hash(one) == hash(ft.structure(outer(x)))
            assert ft.map(lambda p, q: p + q, outer(x), outer(y)) == outer(x), "as a user's tree they match"


def test_aux_that_is_nan_is_the_same_structure():
    assert ft.structure(Box(0, (float("nan"),))) == ft.structure(Box(0, (float("nan"),)))


def test_aux_that_does_not_compare_is_named():
    treedef = ft.structure(Box(0, np.ones(2)))
    other = Box(0, np.ones(2))
    for compare in (lambda: treedef == ft.structure(other), lambda: ft.map(max, Box(0, np.ones(2)), other)):
        with pytest.raises(TypeError, match=r"aux of Box .* Arrays are children, not aux"):
            compare()
    with pytest.raises(TypeError, match=r"aux of Box in a pytree must be hashable"):
        hash(treedef)


def test_a_mismatch_names_the_tree():
    with pytest.raises(ValueError, match=r"^the tangents\['a'\]: expected list"):
        ft.flatten_up_to(ft.structure({"a": [0, 0]}), {"a": (0, 0)}, "the tangents")


def test_dataclass_with_explicit_fields_as_jax_writes_them():
    @dataclass
    class State:
        x: object
        n: int
        twice: object = field(init=False)

        def __post_init__(self):
            self.twice = 2 * self.n

    assert ft.register_dataclass(State, ["x"], ["n"]) is State
    state = ft.map(lambda x: x + 1, State(1, 5))
    assert (state.x, state.n, state.twice) == (2, 5, 10)
    assert list(ft.leaf_paths(state)) == [".x"]


@pytest.mark.parametrize("given_fields", [{"data_fields": ["x"]}, {"meta_fields": ["n"]}])
def test_dataclass_with_one_sort_of_fields_as_a_decorator(given_fields):
    @ft.register_dataclass(**given_fields)
    @dataclass
    class State:
        n: int
        x: object

    assert ft.leaves(State(1, 2)) == [2]


def test_frozen_slotted_dataclass_round_trips():
    layer = ft.map(lambda x: x + 1, Layer(1, 2, "first"))
    assert layer == Layer(2, 3, "first")
    with pytest.raises((FrozenInstanceError, TypeError)):
        layer.w = 0


@pytest.mark.parametrize("fields", [(["x"], ["y"]), (["x", "n", "z"], []), (["x"], []), (["x", "n"], ["n"])])
def test_dataclass_with_wrong_names(fields):
    @dataclass
    class State:
        x: object
        n: int

    with pytest.raises(ValueError, match=r"init fields \['x', 'n'\] once"):
        ft.register_dataclass(State, *fields)


@pytest.mark.parametrize("wrong", [int, Layer(1, 2), "Layer"])
def test_register_dataclass_needs_a_dataclass(wrong):
    with pytest.raises(TypeError, match="needs a dataclass"):
        ft.register_dataclass(wrong)


def test_unpickling_where_the_class_is_not_registered(monkeypatch):
    data = pickle.dumps(ft.structure(Box(1, "")))
    monkeypatch.delitem(kinds.KINDS, Box)
    with pytest.raises(TypeError, match="Box is not registered"):
        pickle.loads(data)


def test_shared_structures_stay_bounded_and_right(monkeypatch):
    monkeypatch.setattr(nodes, "_INTERNED_AT_MOST", 8)
    treedefs = [ft.structure({f"k{i}": 0}) for i in range(100)]
    assert len(nodes._interned) <= 8
    assert treedefs[0] == ft.structure({"k0": 1})


def test_threads():
    def work(seed):
        try:
            barrier.wait()
            for i in range(300):
                tree = {f"k{(seed * i) % 50}": (i, [i, None]), f"m{i % 7}": i}
                if not identical(ft.unflatten(*reversed(ft.flatten(tree))), tree):
                    wrong.append(tree)
            for cls in classes:
                try:
                    ft.register_pytree_node(cls, lambda x: ((), None), lambda aux, children: None)
                    registered.append(cls)
                except ValueError:
                    pass
        except BaseException as error:
            wrong.append(error)

    wrong, registered = [], []
    classes = [type(f"C{i}", (), {}) for i in range(50)]
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(map(id, registered)) == sorted(map(id, classes))


def test_no_call_makes_reference_cycles():
    def fails(f, *args):
        try:
            f(*args)
        except (ValueError, TypeError):
            return
        raise AssertionError("should have raised")

    def use():
        tree = {"a": (np.ones(2), Point(1.0, None)), "b": [Layer(2.0), Box(3.0, "")], "c": OrderedDict(x=1.0)}
        leaves, treedef = ft.flatten(tree)
        ft.unflatten(treedef, leaves), hash(treedef), repr(treedef), ft.flatten_with_path(tree)
        ft.map(lambda x, y: x, tree, tree), ft.reduce(lambda a, b: b, tree)
        ft.flatten_prefix({"a": None, "b": 0, "c": 0}, treedef), pickle.loads(pickle.dumps(treedef))
        vector, unravel = ravel_pytree(tree)
        unravel(vector)
        fails(ft.flatten, [{1: 0, "a": 0}])
        fails(ft.map, max, tree, {**tree, "b": [Layer(2.0), 3.0]})
        fails(ft.flatten_prefix, {"a": (0,), "b": 0, "c": 0}, treedef)
        fails(ft.unflatten, treedef, [])
        fails(unravel, np.ones(3))

    use()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            use()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_ravel_restores_shapes_dtypes_and_values():
    tree = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1, 2]), "s": 2.5,
            "e": np.zeros((0, 4)), "z": np.float64(3),
            "f": np.asfortranarray(np.arange(4.0).reshape(2, 2)), "none": None}
    vector, unravel = ravel_pytree(tree)
    assert vector.dtype == np.float64 and vector.shape == (6 + 2 + 1 + 0 + 1 + 4,)
    rebuilt = unravel(vector)
    assert ft.structure(rebuilt) == ft.structure(tree)
    for got, wanted in zip(ft.leaves(rebuilt), map(np.asarray, ft.leaves(tree))):
        assert isinstance(got, np.ndarray) and got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted, strict=True)
    assert pickle.loads(pickle.dumps(unravel))(vector)["s"] == 2.5


def test_ravel_shares_no_memory():
    w = np.ones(3)
    vector, unravel = ravel_pytree(w)
    assert not np.shares_memory(vector, w)
    assert not np.shares_memory(unravel(vector), vector)


@pytest.mark.parametrize(("tree", "dtype"), [
    ([], np.float64), (None, np.float64), ([np.float32(1)], np.float32), ((1, True), np.int64),
    (1.0, np.float64),
    ([np.ones(2, np.float32), 1e300], np.float64), ([np.ones(2, np.int8), 300], np.int64),
    ([1j, 1.0], np.complex128),
])
def test_dtype_of_the_vector_loses_nothing(tree, dtype):
    vector, unravel = ravel_pytree(tree)
    assert vector.dtype == dtype and vector.ndim == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ft.leaves(ft.map(np.array_equal, unravel(vector), tree)) == [True] * len(ft.leaves(tree))


@pytest.mark.parametrize("vector", [np.ones(2), np.ones((3, 1)), 1.0, np.ones(0)])
def test_unravel_checks_the_shape(vector):
    _, unravel = ravel_pytree((1.0, np.ones(2)))
    with pytest.raises(ValueError) as caught:
        unravel(vector)
    assert str(caught.value) == f"unravel expected a vector of shape (3,), got shape {np.shape(vector)}"


class Traced(funcgrad.core.avals.Traced):
    """Stands in for a traced value: refuses to become an array, dispatches NumPy's functions."""

    __array_ufunc__ = None

    def __init__(self, value):
        self.value, self.shape, self.dtype = value, value.shape, value.dtype

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a traced value is not an array")

    def astype(self, dtype):
        return Traced(self.value.astype(dtype))

    def __array_function__(self, func, types, args, kwargs):
        def bare(x):
            return ft.map(lambda leaf: leaf.value if isinstance(leaf, Traced) else leaf, x)

        out = func(*bare(args), **bare(kwargs))
        return ft.map(lambda x: Traced(x) if isinstance(x, np.ndarray) else x, out)


def test_ravel_and_unravel_take_traced_values():
    tree = {"a": Traced(np.ones((2, 2), np.float32)), "b": np.zeros(2), "c": 3.0}
    vector, unravel = ravel_pytree(tree)
    assert isinstance(vector, Traced) and vector.dtype == np.float64 and vector.shape == (7,)
    rebuilt = unravel(vector)
    assert all(isinstance(leaf, Traced) for leaf in ft.leaves(rebuilt))
    np.testing.assert_array_equal(rebuilt["a"].value, np.ones((2, 2), np.float32), strict=True)


@pytest.mark.parametrize("module", [kinds, nodes, keys, registration, functions, funcgrad.flatten_util])
def test_examples_in_docstrings(module):
    with mock.patch.dict(kinds.KINDS):  # the examples register classes; let them, every time
        result = doctest.testmod(module, extraglobs={"fg": funcgrad})
    assert result.attempted > 0 and result.failed == 0
    missing = [name for name in getattr(module, "__all__", ["exact"]) if ">>>" not in getattr(module, name).__doc__]
    assert missing == []
