"""Control flow: eager it is Python's, staged it is an operation, and both give the same in every transformation."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.lax.control
from funcgrad import lax
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.core.tape import TapeTrace, entries
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms.calls import graph_call

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 3)) * 0.5
V = np.array([0.1, 0.2, 0.3])
A = np.array([0.5, 1.2, 1.3, 0.7, 1.5])


def scan_over_a_closure(x):
    def body(c, s):
        c = np.tanh(W @ c + s * x)
        return c, np.sum(c * c)

    return lax.scan(body, np.ones(3), np.arange(5.0) / 5)


def scan_of_trees(p):
    def body(c, xs):
        h, n = c
        return (np.sin(p["w"] @ h + xs["a"]), n + 1), {"y": h * xs["b"], "n": n}

    xs = {"a": np.arange(12.0).reshape(4, 3), "b": p["b"]}
    (h, _), ys = lax.scan(body, (p["h"], 0), xs, reverse=True)
    return h, ys["y"]


def scan_in_chunks(x, **options):
    return lax.scan(lambda c, s: (np.sin(c * x + s), c), x * 1.0, np.arange(11.0), **options)


def branches(x):
    return lax.cond(np.sum(x) > 0.2, lambda x: (np.sin(x), 1.0 * x[0]), lambda x: (x * x, 2.0), x)


def three_ways(x):
    index = np.floor(np.sum(x) * 3).astype(int)
    return lax.switch(index, [np.sin, lambda x: x * x, lambda x: np.exp(x) * x[0]], x)


def nested(x):
    def body(c, s):
        inner = lambda c: lax.fori_loop(0, 3, lambda i, c: np.sin(c) + x, c)
        return lax.cond(np.sum(c) > 1, lambda c: c * 0.5, inner, c), c

    return lax.scan(body, x, np.arange(4.0))[1]


CASES = {
    "scan over a closure": (scan_over_a_closure, V),
    "scan of trees, reverse": (scan_of_trees, {"w": W, "h": np.ones(3), "b": A[:4]}),
    "scan without xs": (lambda x: lax.scan(lambda c, _: (c * x, c + x), x, None, length=4), V),
    "scan of no steps": (lambda x: lax.scan(lambda c, s: (c * x, c + s), x, np.zeros((0, 3))), V),
    "scan in chunks": (lambda x: scan_in_chunks(x, checkpoint=True), V),
    "scan in chunks, reverse": (lambda x: scan_in_chunks(x, checkpoint=3, reverse=True), V),
    "checkpoint of scan": (fg.checkpoint(lambda x: scan_in_chunks(x)[0]), V),
    "scan that starts with a number": (lambda x: lax.scan(lambda c, v: (c + v * v, c), 0.0, x), V),
    "fori_loop": (lambda x: lax.fori_loop(0, 6, lambda i, c: np.sin(c) * x + i, x * 2), V),
    "fori_loop of no steps": (lambda x: lax.fori_loop(3, 3, lambda i, c: c * i, x), V),
    "cond of a scalar": (lambda x: lax.cond(x > 0.2, np.sin, lambda x: x * x, x), 0.3),
    "cond of trees": (branches, V),
    "switch": (three_ways, V),
    "nested": (nested, V),
    "map": (lambda x: lax.map(lambda v: np.sin(v) * v, x), A),
    "map of batches": (lambda x: lax.map(lambda v: np.sin(v) * v, x, batch_size=2), A),
    "associative_scan": (lambda x: lax.associative_scan(np.multiply, x), A),
    "associative_scan of pairs": (
        lambda x: lax.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (x, x * x), reverse=True),
        A,
    ),
}


@pytest.fixture(autouse=True)
def interpreted(request, monkeypatch):
    """Bodies run on the reference interpreter: what is compiled is tested on a few cases."""
    if "compiled" not in request.keywords:
        monkeypatch.setattr(funcgrad.lax.control, "run_graph", evaluate)


def staged(fun, x):
    """`fun` as a program, as jit makes one, run by the reference interpreter."""
    leaves, treedef = fg.tree.flatten(x)
    trees = []

    def flat(*xs):
        outs, out_tree = fg.tree.flatten(fun(treedef.unflatten(xs)))
        trees.append(out_tree)
        return outs

    graph = trace_graph(flat, [aval_of(leaf) for leaf in leaves]).check()
    return lambda x: trees[0].unflatten(graph_call(*fg.tree.leaves(x), graph=graph, run=evaluate))


def close(found, expected, tol=1e-10):
    for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def total(fun):
    return lambda x: sum(np.sum(leaf) for leaf in fg.tree.leaves(fun(x)))


def direction(x):
    return fg.tree.map(lambda v: np.cos(np.arange(np.size(v)).reshape(np.shape(v)) + 1.0), x)


def elements(fun, xs):
    each = [fun(fg.tree.map(lambda leaf, i=i: leaf[i], xs)) for i in range(3)]
    return fg.tree.map(lambda *ys: np.stack(ys), *each)


@pytest.mark.parametrize("name", CASES)
class TestStagedAsEager:
    def test_value(self, name):
        fun, x = CASES[name]
        close(staged(fun, x)(x), fun(x))

    def test_gradient(self, name):
        fun, x = CASES[name]
        fg.test_util.check_grads(total(fun), (x,), order=1)
        expected = fg.grad(total(fun))(x)
        close(fg.grad(total(staged(fun, x)))(x), expected)
        close(staged(fg.grad(total(fun)), x)(x), expected)

    def test_forward(self, name):
        fun, x = CASES[name]
        expected = fg.jvp(fun, (x,), (direction(x),))
        close(fg.jvp(staged(fun, x), (x,), (direction(x),)), expected)
        close(fg.linearize(staged(fun, x), x)[1](direction(x)), expected[1])

    def test_second_order(self, name):
        fun, x = CASES[name]
        expected = fg.hvp(total(fun), (x,), (direction(x),))
        close(fg.hvp(total(staged(fun, x)), (x,), (direction(x),)), expected, 1e-8)
        slope = lambda f: lambda x: sum(
            np.sum(a * b) for a, b in zip(fg.tree.leaves(fg.grad(total(f))(x)), fg.tree.leaves(direction(x)))
        )
        close(fg.grad(slope(staged(fun, x)))(x), expected, 1e-8)

    def test_vmap(self, name):
        fun, x = CASES[name]
        xs = fg.tree.map(lambda v: np.stack([v, v * 0.5, v + 0.3]), x)
        program = staged(fun, x)
        close(fg.vmap(program)(xs), elements(fun, xs))
        close(fg.vmap(fun)(xs), elements(fun, xs))
        close(fg.vmap(fg.grad(total(program)))(xs), elements(fg.grad(total(fun)), xs))
        close(fg.grad(lambda xs: np.sum(fg.vmap(total(program))(xs)))(xs), elements(fg.grad(total(fun)), xs))


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["scan of trees, reverse", "nested", "cond of trees", "scan in chunks"])
def test_compiled(name):
    fun, x = CASES[name]
    close(fg.jit(fun)(x), fun(x))
    close(fg.jit(fg.grad(total(fun)))(x), fg.grad(total(fun))(x))


class TestWhileLoop:
    @staticmethod
    def fun(x):
        return lax.while_loop(lambda c: c[0] < 50, lambda c: (c[0] * 1.7, np.sin(c[1]) * x), (x, x * 2))

    XS = np.array([0.5, 3.0, 60.0])

    def test_value_and_forward_mode(self):
        for x in self.XS:
            close(staged(self.fun, x)(x), self.fun(x))
            close(fg.jvp(staged(self.fun, x), (x,), (1.0,)), fg.jvp(self.fun, (x,), (1.0,)))
            close(fg.hessian(lambda x: x * x)(x), 2.0)

    def test_vmap_of_the_condition(self):
        expected = elements(lambda x: fg.jvp(self.fun, (x,), (1.0,)), self.XS)
        close(fg.vmap(self.fun)(self.XS), expected[0])
        close(staged(fg.vmap(self.fun), self.XS)(self.XS), expected[0])
        close(fg.vmap(lambda x: fg.jvp(self.fun, (x,), (1.0,)))(self.XS), expected)
        close(fg.vmap(lambda x: fg.jvp(staged(self.fun, 1.0), (x,), (1.0,)))(self.XS), expected)

    def test_reverse_mode(self):
        assert fg.grad(lambda x: self.fun(x)[1])(3.0) == pytest.approx(fg.jvp(self.fun, (3.0,), (1.0,))[1][1])
        with pytest.raises(NotDifferentiableError, match=r"^Write fg\.lax\.scan.*while_loop.*test_lax"):
            fg.grad(lambda x: staged(self.fun, x)(x)[1])(3.0)
        traced_bound = lambda n, x: lax.fori_loop(0, n, lambda i, c: c * x, 1.0)
        with pytest.raises(NotDifferentiableError, match=r"fori_loop whose bounds are traced"):
            fg.jit(fg.grad(traced_bound, 1))(3, 2.0)

    def test_traced_bound(self):
        power = lambda nx: lax.fori_loop(0, nx[0], lambda i, c: c * nx[1], 1.0)
        assert staged(power, (3, 2.0))((3, 2.0)) == 8.0
        close(fg.vmap(lambda n: power((n, 2.0)))(np.arange(4)), 2.0 ** np.arange(4))


class TestSameTypes:
    def test_carry_of_another_dtype(self):
        message = r"scan: the carry\['n'\] comes in as i64\[\] and is returned as f64\[\].*test_lax"
        with pytest.raises(TypeError, match=message):
            lax.scan(lambda c, x: ({"n": c["n"] + x}, None), {"n": np.int64(0)}, A)
        with pytest.raises(TypeError, match=message):
            staged(lambda x: lax.scan(lambda c, x: ({"n": c["n"] + x}, None), {"n": np.int64(0)}, x), A)

    @pytest.mark.parametrize("wrap", [lambda f, x: f, staged])
    def test_carry_of_another_shape(self, wrap):
        f = lambda x: lax.fori_loop(0, 2, lambda i, c: np.stack([c, c]), x)
        with pytest.raises(TypeError, match=r"the carry comes in as f64\[3\] and is returned as f64\[2,3\]"):
            wrap(f, V)(V)

    @pytest.mark.parametrize("wrap", [lambda f, x: f, staged])
    def test_carry_of_another_structure(self, wrap):
        f = lambda x: lax.scan(lambda c, s: ((c, c), s), x, np.ones(2))
        with pytest.raises(TypeError, match=r"structure"):
            wrap(f, V)(V)

    @pytest.mark.parametrize("wrap", [lambda f, x: f, staged])
    def test_keys_in_another_order(self, wrap):
        step = lambda c, s: ({"b": c["a"] * s, "a": c["b"]}, None)
        f = lambda x: lax.scan(step, {"a": x, "b": 2 * x}, np.arange(1.0, 4.0))[0]
        found = wrap(f, V)(V)
        np.testing.assert_array_equal(found["a"], 2 * V * 2)
        np.testing.assert_array_equal(found["b"], V * 1 * 3)
        g = lambda x: lax.cond(x[0] > 1, lambda x: {"a": x, "b": -x}, lambda x: {"b": x, "a": 3 * x}, x)
        np.testing.assert_array_equal(wrap(g, V)(V)["a"], 3 * V)

    def test_keys_of_an_ordered_dict_in_another_order(self):
        step = lambda c, s: (OrderedDict(b=c["b"] * s, a=c["a"]), None)
        f = lambda x: lax.scan(step, OrderedDict(a=x, b=2 * x), np.arange(1.0, 4.0))[0]
        with pytest.raises(TypeError, match="structure"):
            staged(f, V)(V)

    def test_float32(self):
        x = V.astype(np.float32)
        for f in (
            lambda x: lax.scan(lambda c, v: (c + v, c * 2), 0.0, x),
            lambda x: lax.fori_loop(0, 3, lambda i, c: c * i + 1, x),
            lambda x: lax.cond(x[0] > 0, lambda x: x * 2, lambda x: x / 3, x),
        ):
            assert {a.dtype for a in map(np.asarray, fg.tree.leaves(staged(f, x)(x)))} == {x.dtype}
            close(staged(f, x)(x), f(x), 1e-6)

    def test_branches_of_different_types(self):
        f = lambda x: lax.cond(x > 0, lambda x: {"a": np.stack([x, x])}, lambda x: {"a": x}, x)
        with pytest.raises(TypeError, match=r"cond: output\['a'\] is f64\[\] \(false_fun\) and f64\[2\] \(true_fun\)"):
            staged(f, 1.0)
        with pytest.raises(TypeError, match=r"cond: branches must return the same structure"):
            staged(lambda x: lax.cond(x > 0, lambda x: (x, x), lambda x: x, x), 1.0)

    def test_what_is_no_array(self):
        with pytest.raises(TypeError, match=r"scan: init\['a'\] at .* is str"):
            staged(lambda x: lax.scan(lambda c, s: (c, s), {"a": "text"}, x), V)
        with pytest.raises(TypeError, match=r"\(carry, y\)"):
            lax.scan(lambda c, s: c, 0.0, V)
        with pytest.raises(TypeError, match=r"predicate must be a bool or a real number"):
            lax.cond(V > 0, np.sin, np.cos, V)
        with pytest.raises(ValueError, match=r"xs\[1\] has 5 elements along its leading axis, others 3"):
            lax.scan(lambda c, s: (c, s), 0.0, (V, A))
        with pytest.raises(ValueError, match=r"give xs, or length"):
            lax.scan(lambda c, s: (c, s), 0.0, None)


def test_only_one_branch_runs():
    ran = []
    lax.cond(True, lambda: ran.append("true"), lambda: ran.append("false"))
    lax.switch(7, [lambda: ran.append(0), lambda: ran.append(1)])
    assert ran == ["true", 1]


def test_explain_goes_through_a_staged_loop():
    f = fg.jit(lambda x: lax.scan(lambda c, s: (c + np.floor(s), None), 0.0, x)[0])
    report = fg.explain(f)(V)
    assert report.leaves[0].status == "cut" and report.leaves[0].cuts[0].op == "floor"


def peak_of_gradient(length, checkpoint, wrap):
    """The most memory that the gradient of a scan holds, in carries."""
    import tracemalloc

    step = lambda c, x: (np.sin(c) * x, None)
    gradient = wrap(fg.grad(lambda c, xs: np.sum(lax.scan(step, c, xs, checkpoint=checkpoint)[0])))
    c, xs = np.ones(10_000), np.ones(length)
    gradient(c, xs)
    # a kernel's scratch memory stays with it
    there = gradient.lower(c, xs).whole.gate.workspace if hasattr(gradient, "lower") else 0
    tracemalloc.start()
    try:
        gradient(c, xs)
        return (there + tracemalloc.get_traced_memory()[1]) / c.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("wrap", [lambda f: f, pytest.param(fg.jit, marks=pytest.mark.compiled)])
def test_memory_of_a_checkpointed_scan(wrap):
    """What is kept grows as the square root of the length, in both, and otherwise as the length."""
    assert 64 < peak_of_gradient(64, None, wrap) < 64 + 10
    few, many = (peak_of_gradient(n, True, wrap) for n in (64, 1024))
    assert few < 8 + 8 + 12
    assert many < 32 + 32 + 12 + 16  # entries of the tape, too


def test_bytes_on_the_tape_of_a_checkpointed_scan():
    """What entries of the tape hold: the carries of the steps at which a stretch begins."""

    def held(length, checkpoint):
        trace = TapeTrace()
        step = lambda c, x: (np.sin(c) * x, None)
        y = lax.scan(step, trace.leaf(np.ones(1000)), np.ones(length), checkpoint=checkpoint)[0]
        arrays = {}
        for node in entries([y.node]):
            for leaf in fg.tree.leaves(list(node.saved or ())):
                if isinstance(leaf, np.ndarray):
                    arrays[id(leaf)] = leaf.nbytes
        return sum(arrays.values()) / 8000

    assert held(400, None) >= 400
    for length in (100, 400, 1600):
        assert held(length, True) <= length**0.5 + 2


class TestBodiesOwnWhatTheyGet:
    """Containers are built anew at each step, arrays are the body's: writing into them changes nothing else."""

    XS = np.arange(1.0, 4.0)

    def test_dicts(self):
        def step(c, v):
            c["a"] = c["a"] * v
            return c, c

        init = {"a": 1.0}
        f = lambda x: lax.scan(step, init, x)[1]["a"]
        np.testing.assert_array_equal(f(self.XS), [1.0, 2.0, 6.0])
        np.testing.assert_array_equal(fg.grad(lambda x: np.sum(f(x)))(self.XS), [9.0, 4.0, 2.0])
        assert init == {"a": 1.0}

        def doubled(d):
            d["a"] = d["a"] * 2.0
            return d

        both = {
            "cond": lambda d: lax.cond(True, doubled, lambda d: d, d),
            "switch": lambda d: lax.switch(0, [doubled, lambda d: d], d),
            "fori_loop": lambda d: lax.fori_loop(0, 1, lambda i, d: doubled(d), d),
            "while_loop": lambda d: lax.while_loop(lambda d: d["a"] < 4, doubled, d),
            "checkpoint": fg.checkpoint(doubled),
        }
        for name, change in both.items():
            f = lambda x, change=change: (lambda d: change(d)["a"] + d["a"])({"a": x})
            assert (f(2.0), fg.grad(f)(2.0)) == (6.0, 3.0), name

    def test_arrays(self):
        def step(c, v):
            c += v
            return c, c

        init, xs, buffer = np.zeros(2), np.ones((3, 2)), np.zeros(2)
        np.testing.assert_array_equal(lax.scan(step, init, xs)[1], [[1, 1], [2, 2], [3, 3]])
        doubled = lax.map(lambda v: np.multiply(v, 2, out=buffer), np.arange(6.0).reshape(3, 2))
        np.testing.assert_array_equal(doubled, 2 * np.arange(6.0).reshape(3, 2))

        def reuse(c, v):
            buffer[:] = c + v
            return buffer, c.sum()

        np.testing.assert_array_equal(lax.scan(reuse, init, xs)[1], [0, 2, 4])
        lax.map(lambda r: r.__imul__(2), xs)
        lax.fori_loop(0, 2, lambda i, c: c.__iadd__(1.0), init)
        lax.while_loop(lambda c: c[0] < 3, lambda c: c.__iadd__(1.0), init)
        np.testing.assert_array_equal(init, np.zeros(2))
        np.testing.assert_array_equal(xs, np.ones((3, 2)))
        with pytest.raises(ValueError, match="read-only"):
            lax.cond(True, lambda c: c.__iadd__(1.0), lambda c: c, init)
        for found in (
            lax.cond(False, lambda c: c + 1, lambda c: {"a": c, "b": c[:1]}, init),
            lax.switch(0, [lambda c: {"a": c, "b": c[:1]}], init),
        ):
            assert all(y.flags.writeable and not np.shares_memory(y, init) for y in found.values())


def test_reversed_associative_scan_gives_the_later_first():
    pairs = A, A + 1
    fn = lambda p, q: (p[0] * q[0], p[1] * q[0] + q[1])
    found = lax.associative_scan(fn, pairs, reverse=True)
    flipped = lax.associative_scan(fn, tuple(x[::-1] for x in pairs))
    close(found, tuple(x[::-1] for x in flipped))


def test_chunks_longer_than_the_scan():
    ran = []

    def body(c, v):
        ran.append(1)
        return np.sin(c * len(ran)) + (v if v > 0.4 else v * 2), None

    def f(x, checkpoint):
        ran.clear()
        return lax.scan(body, 0.5, x, checkpoint=checkpoint)[0]

    for checkpoint in (1, 2, 3, 5, 10, True):
        close(fg.grad(f)(A, checkpoint), fg.grad(f)(A, None))
    for odd in (0, -1, 2.5, "yes"):
        with pytest.raises(ValueError, match="checkpoint must be"):
            lax.scan(lambda c, v: (c, v), 0.0, A, checkpoint=odd)


class TestTracedWhileLoops:
    """Forward mode in all its forms; reverse mode where no derivative comes back to the loop."""

    @staticmethod
    def loop(x):
        return lax.while_loop(lambda s: s[0] < 10, lambda s: (s[0] * x, s[1] + 1), (x, 0))

    def test_forward(self):
        first = lambda x: self.loop(x)[0]
        expected = fg.jvp(first, (1.5,), (1.0,))[1]
        for f in (staged(first, 1.5), first):
            close(fg.jacfwd(f)(1.5), expected)
            close(fg.linearize(f, 1.5)[1](1.0), expected)
        close(staged(fg.jacfwd(first), 1.5)(1.5), expected)
        close(staged(lambda x: fg.linearize(first, x)[1](1.0), 1.5)(1.5), expected)

    def test_reverse_past_it(self):
        for f in (
            lambda x: x * self.loop(x)[1],
            lambda x: x * lax.stop_gradient(self.loop(x)[0]),
            lambda x: (self.loop(x), x * x)[1],
            lambda x: x * (self.loop(x)[0] > 11),
        ):
            close(staged(fg.grad(f), 1.5)(1.5), fg.grad(f)(1.5))


def test_transpose_of_a_branch_that_is_not_known():
    f = lambda p: lambda x: lax.cond(p > 0, lambda x: x * 2, lambda x: x[::-1], x)
    for p in (1.0, -1.0):
        transposed = lambda c, p=p: fg.linear_transpose(f(p), V)(c)[0]
        close(staged(lambda pc: fg.linear_transpose(f(pc[0]), V)(pc[1])[0], (p, V))((p, V)), transposed(V))


def test_ys_keep_their_type():
    with pytest.raises(TypeError, match=r"scan: y\[0\] was f64\[1\], and is f64\[2\] at .*test_lax"):
        lax.scan(lambda c, v: (c + 1, (np.ones(c + 1),)), 0, A)
    with pytest.raises(TypeError, match=r"scan: y changes its structure"):
        lax.scan(lambda c, v: (c, (v,) if v > 1 else [v]), 0, A)


@pytest.mark.parametrize("run", [lambda f: f, fg.jit, fg.grad], ids=["eager", "jit", "grad"])
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (lambda s: 3.0 - s, r"f64\[\]: write x > 0, or x != 0"),
        (lambda s: 1, r"i64\[\]: write x > 0"),
        (lambda s: np.ones(2) > s, r"bool\[2\]: np\.any"),
        (lambda s: (s < 3.0,), r"PyTreeDef"),
        (lambda s: None, r"PyTreeDef\(None\)"),
    ],
)
def test_a_condition_is_one_bool(run, condition, found):
    with pytest.raises(TypeError, match=r"while_loop: cond_fun must return a bool of shape \(\), not " + found):
        run(lambda x: lax.while_loop(condition, lambda s: s + 1.0, x))(0.0)


@pytest.mark.parametrize("run", [lambda f: f, fg.jit, fg.grad], ids=["eager", "jit", "grad"])
@pytest.mark.parametrize("pred", [np.ones(2), [True], None, 1j, (), np.ones(1)], ids=str)
def test_a_predicate_is_one_number(run, pred):
    with pytest.raises(TypeError, match=r"cond: the predicate must be a bool or a real number of shape \(\), not"):
        run(lambda x: lax.cond(pred, lambda: x, lambda: x * 2.0))(1.0)
    with pytest.raises(TypeError, match=r"cond: the predicate .*is str"):
        run(lambda x: lax.cond("yes", lambda: x, lambda: x * 2.0))(1.0)
    assert run(lambda x: lax.cond(x > 0.0, lambda: x, lambda: x * 2.0))(1.0) == 1.0


NOT_TAKEN = {
    "operand": lambda x: lax.cond(x > 0, np.sqrt, lambda x: x * 2.0, x),
    "closure": lambda x: lax.cond(x > 0, lambda: np.sqrt(x), lambda: x * 2.0),
    "switch": lambda x: lax.switch((x > 0).astype(int), [lambda y: x * 2.0 + 0.0 * y, np.sqrt], x),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
class TestBranchesThatAreNotTaken:
    """They have a derivative of NaN or infinity where they are not, and it counts for nothing."""

    POINTS = np.array([0.0, 1.0, -1.0])
    SLOPES = np.array([2.0, 0.5, 2.0])
    CURVATURES = np.array([0.0, -0.25, 0.0])

    @pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
    def test_gradients(self, name, wrap):
        f = NOT_TAKEN[name]
        each = lambda g: np.array([wrap(g)(x) for x in self.POINTS])
        close(each(fg.grad(f)), self.SLOPES)
        close(each(fg.grad(fg.jit(f))), self.SLOPES)
        close(each(fg.grad(fg.grad(f))), self.CURVATURES)
        close(each(lambda x: fg.jvp(f, (x,), (1.0,))[1]), self.SLOPES)

    @pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
    def test_batches(self, name, wrap):
        f = NOT_TAKEN[name]
        total = lambda x: np.sum(fg.vmap(f)(x))
        close(wrap(fg.vmap(fg.grad(f)))(self.POINTS), self.SLOPES)
        close(wrap(fg.grad(total))(self.POINTS), self.SLOPES)
        close(wrap(fg.vmap(fg.grad(fg.grad(f))))(self.POINTS), self.CURVATURES)
        close(np.diag(wrap(fg.hessian(total))(self.POINTS)), self.CURVATURES)
        steps = lambda x: np.sum(lax.scan(lambda c, _: (c, fg.vmap(f)(x)), 0.0, None, length=2)[1])
        close(wrap(fg.grad(steps))(self.POINTS), 2 * self.SLOPES)


class TestBranchesThatAssign:
    """A branch that closes over traced values runs as it was written, what it does to its variables too."""

    @pytest.mark.parametrize("wrap", [fg.jit, fg.grad, fg.vmap], ids=["jit", "grad", "vmap"])
    def test_variables_that_functions_share(self, wrap):
        runs = 0

        def f(x):
            nonlocal runs
            y, runs = x * 2.0, 0

            def count():
                nonlocal runs
                runs += 1
                return y * runs

            return lax.cond(x > 0, lambda: count() * runs, lambda: y)

        plain = f(2.0)
        assert (plain, runs) == (4.0, 1)
        np.testing.assert_equal(wrap(f)(np.array([2.0]) if wrap is fg.vmap else 2.0), 2.0 if wrap is fg.grad else plain)
        assert runs == 1

    def test_a_traced_value_does_not_leave_a_branch(self):
        def f(x):
            y = x * 2.0

            def branch():
                nonlocal y
                y = y * 3.0
                return y

            return lax.cond(x > 0, branch, lambda: 0.0) + y

        assert f(1.0) == 12.0
        with pytest.raises(fg.errors.EscapedTracerError, match=r"^Return the value from the function"):
            fg.jit(f)(1.0)

    def test_a_list_of_traced_values_is_not_changed(self):
        def f(x):
            terms = [x * 2.0]
            lax.cond(x > 0, lambda: terms.append(x * 3.0) or 0.0, lambda: 0.0)
            return sum(terms)

        assert f(1.0) == fg.grad(f)(1.0) == 5.0
        with pytest.raises(TypeError, match=r"^Return the new values: .*changes a list of traced values .*test_lax.py"):
            fg.jit(f)(1.0)


def test_complex_keeps_infinite_parts_apart():
    re, im = np.array([0.3, -0.0, np.inf, 1.0]), np.array([np.inf, -np.inf, np.nan, 2.0])
    wanted = np.empty(4, complex)
    wanted.real, wanted.imag = re, im
    stacked = fg.vmap(lax.complex)(re, im)
    for found in (lax.complex(re, im), fg.jit(lax.complex)(re, im), stacked):
        np.testing.assert_array_equal(found.view(float), wanted.view(float))
    assert fg.grad(lambda y: np.imag(lax.complex(0.3, y)))(np.inf) == 1
    with pytest.raises(TypeError, match="real numbers"):
        lax.complex(wanted, wanted)
