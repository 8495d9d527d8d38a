"""Messages: each names the argument's path and the user's line, and says what to write instead."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import json
import math
import multiprocessing
import pickle
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.core import provenance
from funcgrad.errors import (
    ConcretizationError,
    EscapedTracerError,
    NotDifferentiableError,
    TracerConversionError,
)

X = np.array([0.3, -1.2, 2.0])


def names_this_line(error: pytest.ExceptionInfo, source: str) -> None:
    """The message holds this file, with the line's number and text."""
    message = str(error.value)
    assert "test_errors.py:" in message
    assert source in message


class TestLeavesWithoutDerivative:
    @pytest.mark.parametrize(
        "args, path, dtype",
        [
            ((3,), "argument 0 `params` has dtype int64", "3.0"),
            ((np.arange(3),), "argument 0 `params` has dtype int64", "astype"),
            ((True,), "argument 0 `params` has dtype bool", ""),
            (({"w": [X, np.arange(2)]},), r"argument 0 `params`, leaf ['w'][1] has dtype int64", "astype"),
            (({"w": [X, "text"]},), r"argument 0 `params`, leaf ['w'][1] is str", "not a number"),
            (((X, X > 0),), "argument 0 `params`, leaf [1] has dtype bool", ""),
            ((np.array(["a"]),), "argument 0 `params` is an array of dtype <U1", "not a number"),
            ((np.array([None]),), "argument 0 `params` is an array of dtype object", "not a number"),
            ((np.ma.array([1.0, 2.0], mask=[0, 1]),), "argument 0 `params` is MaskedArray", "not a number"),
            ((np.datetime64("2020-01-01"),), "argument 0 `params` is datetime64", "not a number"),
        ],
    )
    @pytest.mark.parametrize("transform", [fg.grad, fg.value_and_grad, fg.jacfwd, fg.jacrev, fg.hessian])
    def test_refused_with_path(self, transform, args, path, dtype):
        def loss(params):
            raise AssertionError("must not be called")

        with pytest.raises(NotDifferentiableError) as error:
            transform(loss)(*args)
        assert path in str(error.value) and dtype in str(error.value)
        if transform is not fg.hessian:
            assert transform.__name__ in str(error.value)

    def test_other_arguments_may_be_anything(self):
        assert fg.grad(lambda x, mode, n: x * n if mode == "times" else x)(2.0, "times", 3) == 3.0

    def test_dataclass_and_namedtuple_paths(self):
        from typing import NamedTuple

        class P(NamedTuple):
            w: object
            b: object

        with pytest.raises(NotDifferentiableError, match=r"argument 1 `p`, leaf \[0\]\.b has dtype int64"):
            fg.grad(lambda x, p: x, argnums=1)(1.0, [P(1.0, 2)])

    def test_parameter_names_through_wrappers(self):
        def loss(weights, n):
            return weights

        for wrapped in (fg.jit(loss), fg.checkpoint(loss), fg.vmap(loss)):
            with pytest.raises(NotDifferentiableError, match=r"argument 1 `n`"):
                fg.grad(wrapped, 1)(1.0, 3)

    @pytest.mark.parametrize("leaf", ["text", object(), np.array(["a"])])
    def test_vjp_and_jvp_refuse_what_is_no_number(self, leaf):
        with pytest.raises(TypeError, match=r"leaf \['k'\]"):
            fg.vjp(lambda p: 1.0, {"k": leaf})
        with pytest.raises(TypeError, match=r"leaf \['k'\]"):
            fg.jvp(lambda p: 1.0, ({"k": leaf},), ({"k": leaf},))


class TestOutputs:
    def test_no_scalar(self):
        def loss(x):
            return x * 2.0

        with pytest.raises(TypeError, match=r"grad needs .* scalar.*shape \(3,\).*sum.*jacobian") as error:
            fg.grad(loss)(X)
        names_this_line(error, "return x * 2.0")

    @pytest.mark.parametrize(
        "name, out", [("None", None), ("tuple", (1.0, 2.0)), ("str", "text"), ("dict", {"a": 1.0})]
    )
    def test_no_number(self, name, out):
        with pytest.raises(TypeError, match=f"grad needs a function that returns a scalar.*{name}"):
            fg.grad(lambda x: out)(1.0)

    def test_integer(self):
        with pytest.raises(NotDifferentiableError, match=r"int64.*explain"):
            fg.grad(lambda x: np.argmax(x))(X)
        with pytest.raises(NotDifferentiableError, match=r"bool"):
            fg.grad(lambda x: x > 0)(1.0)

    def test_functions_of_no_numbers(self):
        for call in (lambda f: fg.vjp(f, X), lambda f: fg.linearize(f, X), lambda f: fg.jvp(f, (X,), (X,))):
            with pytest.raises(TypeError, match=r"str.*output\['a'\]|output\['a'\].*str"):
                call(lambda x: {"a": "text"})


class TestTangentsAndCotangents:
    def test_shape(self):
        with pytest.raises(ValueError, match=r"tangent 0 has shape \(2,\).*shape \(3,\)"):
            fg.jvp(np.sin, (X,), (X[:2],))
        with pytest.raises(ValueError, match=r"cotangent of output has shape \(\).*shape \(3,\)"):
            fg.vjp(np.sin, X)[1](1.0)
        with pytest.raises(ValueError, match=r"tangent .*shape \(2,\)"):
            fg.linearize(np.sin, X)[1](X[:2])

    def test_structure(self):
        with pytest.raises(ValueError, match=r"structure|keys|expected|length|tuple"):
            fg.vjp(lambda x: (x, x), X)[1](X)
        with pytest.raises(ValueError, match=r"structure|keys|dict"):
            fg.jvp(lambda p: p["a"], ({"a": X},), ({"b": X},))

    def test_dtype(self):
        with pytest.raises(TypeError, match=r"complex128.*float64"):
            fg.jvp(np.sin, (X,), (X * 1j,))
        with pytest.raises(TypeError, match=r"complex128.*float64"):
            fg.vjp(np.sin, X)[1](X * 1j)

    def test_counts(self):
        with pytest.raises(ValueError, match=r"2 primals but 1 tangents"):
            fg.jvp(np.add, (X, X), (X,))
        with pytest.raises(TypeError, match=r"primals must be a tuple or list"):
            fg.jvp(np.sin, X, X)
        with pytest.raises(TypeError, match=r"tangents must be a tuple or list"):
            fg.jvp(np.sin, (X,), X)
        with pytest.raises(ValueError, match=r"1 primals but 2 tangents"):
            fg.linearize(np.sin, X)[1](X, X)

    def test_no_number(self):
        with pytest.raises(TypeError, match=r"tangent 0 is NoneType|structure|None"):
            fg.jvp(np.sin, (X,), (None,))
        with pytest.raises(TypeError, match=r"str"):
            fg.vjp(np.sin, X)[1]("text")


class TestEscapes:
    def leak(self, transform):
        kept = SimpleNamespace()

        def f(x):
            kept.y = np.sin(x)
            return np.sum(kept.y)

        transform(f)
        return kept.y

    TRANSFORMS = {
        "grad": lambda f: fg.grad(f)(X),
        "vjp": lambda f: fg.vjp(f, X),
        "jvp": lambda f: fg.jvp(f, (X,), (X,)),
        "linearize": lambda f: fg.linearize(f, X),
        "vmap": lambda f: fg.vmap(f)(np.stack([X, X])),
        "jit": lambda f: fg.jit(f)(X),
        "make_graph": lambda f: fg.make_graph(f)(X),
    }
    USES = {
        "operator": lambda y: y * 2.0,
        "reflected": lambda y: X + y,
        "function": lambda y: np.cos(y),
        "reduction": lambda y: np.sum(y),
        "indexing": lambda y: y[0],
        "method": lambda y: y.sum(),
        "in another gradient": lambda y: fg.grad(lambda x: np.sum(x * y))(X),
        "in another vmap": lambda y: fg.vmap(lambda x: np.sum(x * y))(X),
        "as an argument of grad": lambda y: fg.grad(lambda x: np.sum(np.sin(x)))(y),
        "in jit": lambda y: fg.jit(lambda x: x * y)(X),
        "returned from grad": lambda y: fg.value_and_grad(lambda x: (np.sum(x), y), has_aux=True)(X),
        "returned from vmap": lambda y: fg.vmap(lambda x: y)(X),
        "returned from jit": lambda y: fg.jit(lambda x: y)(X),
        "returned from jvp": lambda y: fg.jvp(lambda x: y, (X,), (X,)),
        "returned from vjp": lambda y: fg.vjp(lambda x: y, X),
    }

    @pytest.mark.parametrize("use", USES)
    @pytest.mark.parametrize("name", TRANSFORMS)
    def test_reported_with_the_line(self, name, use):
        y = self.leak(self.TRANSFORMS[name])
        with pytest.raises(EscapedTracerError, match=r"after the transformation had ended") as error:
            self.USES[use](y)
        names_this_line(error, "kept.y = np.sin(x)")
        assert "has_aux" in str(error.value)

    def test_inner_value_in_the_outer_derivative(self):
        kept = SimpleNamespace()

        def inner(y):
            kept.y = y * 3.0
            return y * y

        with pytest.raises(EscapedTracerError, match=r"kept\.y = y \* 3\.0"):
            fg.grad(lambda x: fg.grad(inner)(x) * kept.y)(2.0)

    def test_pullback_that_outlives_an_outer_derivative(self):
        kept = SimpleNamespace()

        def outer(x):
            out, kept.pullback = fg.vjp(lambda y: y * y * x, x)
            return out

        fg.grad(outer)(2.0)
        with pytest.raises(EscapedTracerError):
            kept.pullback(1.0)

    def test_values_that_were_stopped_may_be_kept(self):
        kept = SimpleNamespace()

        def f(x):
            kept.y = fg.stop_gradient(np.sin(x))
            return np.sum(x)

        fg.grad(f)(X)
        np.testing.assert_array_equal(kept.y, np.sin(X))


class TestConversions:
    """Making a plain number of a traced value raises, and says where and what to write."""

    USES = {
        "float": lambda x: float(x),
        "int": lambda x: int(x),
        "complex": lambda x: complex(x),
        "item": lambda x: x.item(),
        "math": lambda x: math.sin(x),
        "asarray": lambda x: np.asarray(x),
        "array": lambda x: np.array(x),
        "tolist": lambda x: x.tolist(),
        "index": lambda x: range(3)[x],
        "format": lambda x: f"{x:.3f}",
    }

    @pytest.mark.parametrize("use", [u for u in USES if u not in ("index", "format")])
    def test_under_grad(self, use):
        def loss(x):
            y = x * 2.0
            self.USES[use](y)
            return y

        with pytest.raises(TracerConversionError, match=r"stop_gradient") as error:
            fg.grad(loss)(np.array(1.0))
        names_this_line(error, "y = x * 2.0")

    @pytest.mark.parametrize("use", [u for u in USES if u != "format"])
    @pytest.mark.parametrize("transform", [fg.jit, fg.vmap], ids=["jit", "vmap"])
    def test_where_values_are_unknown(self, transform, use):
        x = np.array(1.0) if transform is fg.jit else X
        with pytest.raises(TypeError) as error:
            transform(self.USES[use])(x)
        assert "test_errors.py:" in str(error.value)

    @pytest.mark.parametrize("transform", [fg.jit, fg.vmap, fg.make_graph], ids=["jit", "vmap", "make_graph"])
    def test_branching_on_unknown_values(self, transform):
        def f(x):
            if x > 0:
                return x
            return -x

        x = X if transform is fg.vmap else 1.0
        with pytest.raises(ConcretizationError, match=r"cond|where") as error:
            transform(f)(x)
        names_this_line(error, "if x > 0:")
        assert fg.grad(f)(-2.0) == -1.0

    def test_storing_into_a_plain_array(self):
        def loss(x):
            buffer = np.zeros(3)
            buffer[0] = x * 2.0
            return np.sum(buffer)

        with pytest.raises(TracerConversionError, match=r"\.at\[|stack") as error:
            fg.grad(loss)(1.0)
        names_this_line(error, "buffer[0] = x * 2.0")

    def test_adding_into_a_plain_array(self):
        def loss(x):
            buffer = np.zeros(3)
            buffer += x
            return np.sum(buffer)

        with pytest.raises(TypeError, match=r"test_errors.py"):
            fg.grad(loss)(X)

    @pytest.mark.parametrize("name", ["grad", "jvp", "explain"])
    def test_known_values_are_shown(self, name):
        """By print, by a debugger's repr and by formats, marked as traced; text carries no derivative anyway."""
        shown = []

        def loss(x):
            y = x * 2.0
            shown.extend([str(y), repr(y[1]), f"{y[1]:.3f}", f"{y[1]}"])
            return np.sum(y)

        run = {"grad": fg.grad(loss), "jvp": lambda x: fg.jvp(loss, (x,), (x,)), "explain": fg.explain(loss)}
        found = run[name](np.array([1.0, 1.5]))
        one = f"Traced<f64[] in {name}: 3.>"
        assert shown == [f"Traced<f64[2] in {name}: [2. 3.]>", one, "3.000", one]
        if name == "explain":
            assert found.leaves[0].status == "flows"

    def test_values_inside_of_other_transformations_are_shown_where_they_are_known(self):
        shown = []

        def loss(x):
            shown.append(repr(np.outer(x, x)))
            return np.sum(x**3)

        fg.grad(lambda x: np.sum(fg.grad(loss)(x)))(np.array([1.0, 2.0]))
        fg.vmap(fg.grad(loss))(np.ones((2, 2)))
        start = "Traced<f64[2,2] in grad"
        assert shown == [f"{start}: [[1. 2.]\n{' ' * len(start)}   [2. 4.]]>", f"{start}>"]

    def test_traced_values_are_not_hashable(self):
        with pytest.raises(TypeError, match=r"unhashable"):
            fg.grad(lambda x: {x: 1} and x)(1.0)


def test_user_frames_only():
    """A traceback shows the user's lines, and none of the library's."""

    def loss(x):
        return np.sum(x) + undefined_name  # noqa: F821

    with pytest.raises(NameError) as error:
        fg.grad(loss)(X)
    files = [frame.filename for frame in traceback.extract_tb(error.value.__traceback__)]
    assert files == [__file__, __file__]


def test_the_error_itself_is_unchanged():
    class Custom(Exception):
        pass

    original = Custom("mine")

    def loss(x):
        raise original

    for call in (lambda: fg.grad(loss)(1.0), lambda: fg.vjp(loss, 1.0), lambda: fg.jit(loss)(1.0)):
        with pytest.raises(Custom) as error:
            call()
        assert error.value is original


@pytest.mark.parametrize("transform", [fg.grad, fg.vmap, fg.jit, fg.jacrev, fg.checkpoint, fg.hessian])
def test_transforms_take_functions(transform):
    with pytest.raises(TypeError, match=r"takes a function|function"):
        transform(3.0)


@pytest.mark.parametrize("transform", [fg.grad, fg.vmap, fg.jacrev, fg.jacfwd])
def test_messages_use_public_names(transform):
    with pytest.raises(TypeError, match=rf"^{transform.__name__} takes a function, not float"):
        transform(3.0)
    assert repr(transform(math.sin)).startswith(f"<{transform.__name__} of ")


@pytest.mark.parametrize("transform", [fg.grad, fg.jit])
def test_a_traced_leaf_is_described_as_an_array(transform):
    with pytest.raises(ValueError, match=r"found a leaf, the array float64\[3\]$"):
        transform(lambda x: fg.tree.map(lambda a, b: a + b, {"a": x}, x))(np.ones(3))


@pytest.mark.parametrize("transform", [fg.grad, fg.jit, fg.vmap, fg.jacfwd])
@pytest.mark.parametrize("wrong", [lambda x: x(), lambda x: bytes("", x), open, lambda x: {}.update(a=1, **x)])
def test_errors_of_pythons_own_name_no_class_of_ours(transform, wrong):
    with pytest.raises(TypeError, match=r"'?Traced\b"):
        transform(lambda x: wrong(x[0]))(np.ones((1, 1)))


SIZED = {
    "nonzero": lambda x: np.nonzero(x)[0],
    "where": lambda x: np.where(x > 0.0)[0],
    "argwhere": np.argwhere,
    "unique": np.unique,
}


@pytest.mark.parametrize("name", SIZED)
def test_what_has_a_size_that_values_tell_leads_with_what_to_write(name):
    written = "nonzero" if name == "where" else name
    with pytest.raises(ConcretizationError, match=rf"^Write fnp\.{written}\(x, size=n\).*np\.where\(condition, a, b\)"):
        fg.jit(SIZED[name])(np.ones(3))


@pytest.mark.parametrize("convert", [float, lambda x: x.item(), np.asarray, lambda x: f"{x:.2f}"])
@pytest.mark.parametrize("transform", [fg.grad, fg.jit])
def test_converting_an_escaped_value(transform, convert):
    kept = []
    transform(lambda x: kept.append(x * 2.0) or x)(1.0)
    with pytest.raises(EscapedTracerError, match=r"kept\.append"):
        convert(kept[0])


def test_indexing_a_plain_array():
    table = np.arange(3.0)
    with pytest.raises(ConcretizationError, match=r"write `fnp\.take\(table, i, axis=0\)`"):
        fg.vmap(lambda i: table[i])(np.arange(3))
    np.testing.assert_array_equal(fg.vmap(lambda i: fg.numpy.at(table)[i].get())(np.arange(3)), table)


def test_long_lines_are_quoted_in_part(monkeypatch):
    monkeypatch.setattr(provenance, "QUOTED", 28)
    with pytest.raises(TracerConversionError, match=r"\(`fg\.grad\(lambda x: float\(x\) \+\.\.\.`\)"):
        fg.grad(lambda x: float(x) + 1.0)(1.0)


def test_a_function_that_returns_nothing():
    with pytest.raises(TypeError, match=r"returned nothing \(None\)\. Did it forget to return\?$"):
        fg.grad(lambda x: None)(1.0)


class Pair:
    def __init__(self, first, second):
        self.first, self.second = first, second


class TestSideDoors:
    """A traced value that would come back as a constant is refused; one that stays in the process is right."""

    TRANSFORMS = {
        "grad": lambda f: fg.grad(f)(X),
        "jvp": lambda f: fg.jvp(f, (X,), (X,)),
        "vmap": lambda f: fg.vmap(f)(np.stack([X, X])),
        "jit": lambda f: fg.jit(f)(X),
        "make_graph": lambda f: fg.make_graph(f)(X),
        "linear_transpose": lambda f: fg.linear_transpose(f, X),
        "grad in jit": lambda f: fg.jit(fg.grad(f))(X),
    }
    PICKLES = {
        "pickle": pickle.dumps,
        "protocol 0": lambda x: pickle.dumps(x, 0),
        "in Python": pickle._dumps,
        "in a container": lambda x: pickle.dumps({"a": [x, 1.0]}),
        "in an object": lambda x: pickle.dumps(Pair(1.0, x)),
        "in an object array": lambda x: pickle.dumps(np.array([None, Pair(1.0, x)])),
        "a row": lambda x: pickle.dumps(list(x)),
        "in a partial": lambda x: pickle.dumps(partial(np.multiply, x)),
        "in a pipe": lambda x: multiprocessing.Pipe()[0].send(x),
    }

    @pytest.mark.parametrize("pickles", PICKLES)
    @pytest.mark.parametrize("name", TRANSFORMS)
    def test_pickling(self, name, pickles):
        def loss(x):
            y = x * 2.0
            self.PICKLES[pickles](y)
            return np.sum(y)

        with pytest.raises(TracerConversionError, match=r"pickled at .*test_errors\.py:\d+") as error:
            self.TRANSFORMS[name](loss)
        assert "this process" in str(error.value)
        if pickles != "a row":
            names_this_line(error, "y = x * 2.0")

    def test_functions_that_close_over_one(self):
        cloudpickle = pytest.importorskip("cloudpickle")

        def loss(x):
            y = x * 2.0
            return np.sum(cloudpickle.loads(cloudpickle.dumps(lambda z: z * y))(x))

        with pytest.raises(TracerConversionError, match=r"pickled at .*test_errors\.py:\d+") as error:
            fg.grad(loss)(X)
        names_this_line(error, "y = x * 2.0")

    def test_an_escaped_one(self):
        kept = []
        fg.grad(lambda x: kept.append(x * 2.0) or np.sum(x))(X)
        with pytest.raises(EscapedTracerError, match=r"kept\.append"):
            pickle.dumps(kept)

    def test_explain_notes_it(self):
        report = fg.explain(lambda x: np.sum(x * pickle.loads(pickle.dumps(x))))(X)
        (leaf,) = report.leaves
        assert (leaf.status, leaf.grad, [cut.op for cut in leaf.cuts]) == ("partly_cut", None, ["pickle"])
        assert "grad refuses" in report.notes[0]
        report = fg.explain(lambda x: np.sum(x * pickle.loads(pickle.dumps(np.floor(x)))))(X)
        assert report.notes == () and report.leaves[0].grad is not None

    def test_tensors(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        assert pickle.loads(pickle.dumps(x)).requires_grad
        assert pickle.loads(pickle.dumps((x * x).detach())).tolist() == [1.0, 4.0]
        computed = pickle.loads(pickle.dumps(x * x))
        assert (computed.tolist(), computed.requires_grad, computed.is_leaf) == ([1.0, 4.0], True, True)
        for given in (lambda t: t, lambda t: t * t):
            pickled = lambda t, given=given: pickle.loads(pickle.dumps(given(t))).sum()
            pure, args, _ = torch.to_functional(pickled, x)
            with pytest.raises((TypeError, RuntimeError), match=r"to_functional|detach"):
                fg.grad(pure)(*args)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: copy.deepcopy([Pair(x, 1.0)])[0].first])
    def test_copies_keep_the_derivative(self, copied):
        np.testing.assert_array_equal(fg.grad(lambda x: np.sum(copied(x) * x))(X), 2 * X)

    def test_threads_share_it(self):
        def loss(x):
            with ThreadPoolExecutor(4) as pool:
                return sum(pool.map(lambda element: np.sin(element) * x[0], list(x) * 10))

        np.testing.assert_allclose(fg.grad(loss)(X), fg.grad(lambda x: 10 * np.sum(np.sin(x) * x[0]))(X))

    @pytest.mark.parametrize(
        "door",
        [bytes, bytearray, memoryview, np.frombuffer, np.from_dlpack, json.dumps, lambda x: np.save(io.BytesIO(), x)],
    )
    def test_its_memory(self, door):
        with pytest.raises((TypeError, AttributeError)):
            fg.grad(lambda x: np.sum(x) * len(door(x)))(X)


def through_a_vjp_rule(f):
    fun = fg.custom_vjp(lambda x: x * 2.0)
    fun.defvjp(lambda x: (x * 2.0, x), lambda x, ct: (f(x) * ct,))
    return fg.grad(fun)(1.0)


def through_a_jvp_rule(f):
    fun = fg.custom_jvp(lambda x: x * 2.0)
    fun.defjvp(lambda primals, tangents: (primals[0] * 2.0, f(*primals) * tangents[0]))
    return fg.grad(fun)(1.0)


TRANSFORMATIONS = {
    "grad": lambda f: fg.grad(f)(1.0),
    "value_and_grad": lambda f: fg.value_and_grad(f)(1.0),
    "jacfwd": lambda f: fg.jacfwd(f)(1.0),
    "hessian": lambda f: fg.hessian(f)(1.0),
    "vjp": lambda f: fg.vjp(f, 1.0),
    "jvp": lambda f: fg.jvp(f, (1.0,), (1.0,)),
    "linearize": lambda f: fg.linearize(f, 1.0),
    "linear_transpose": lambda f: fg.linear_transpose(f, 1.0),
    "vmap": lambda f: fg.vmap(f)(np.ones(2)),
    "jit": lambda f: fg.jit(f)(1.0),
    "make_graph": lambda f: fg.make_graph(f)(1.0),
    "eval_shape": lambda f: fg.eval_shape(f, 1.0),
    "checkpoint": lambda f: fg.grad(fg.checkpoint(f))(1.0),
    "jit of grad": lambda f: fg.jit(fg.grad(f))(1.0),
    "custom_vjp": through_a_vjp_rule,
    "custom_jvp": through_a_jvp_rule,
    "explain": lambda f: fg.explain(f)(1.0),
}


def conversion_of(x):
    """Our error, as a user's `except` has it."""
    try:
        float(x)
    except TypeError as error:
        return error
    return TracerConversionError("explain goes on where grad raises")


def raise_from_ours(x):
    raise ValueError("setting an array element with a sequence.") from conversion_of(x)


def raise_in_a_handler(x):
    try:
        raise KeyError("before")
    except KeyError:
        raise ValueError("mine")  # noqa: B904


def raise_a_group(x):
    raise ExceptionGroup("several", [ValueError("one"), conversion_of(x)])


def raise_with_a_note(x):
    error = ValueError("mine")
    error.add_note("and a note")
    raise error from conversion_of(x)


class Special(ValueError):
    pass


def raise_a_subclass(x):
    raise Special("setting an array element with a sequence.") from conversion_of(x)


class TestErrorsOfTheUser:
    @pytest.mark.parametrize(
        "fails, kind, text, cause",
        [
            (raise_from_ours, ValueError, "setting an array", TypeError),
            (raise_in_a_handler, ValueError, "mine", type(None)),
            (raise_a_group, ExceptionGroup, "several", type(None)),
            (raise_with_a_note, ValueError, "mine", TypeError),
            (raise_a_subclass, Special, "setting an array", TypeError),
        ],
    )
    @pytest.mark.parametrize("name", TRANSFORMATIONS)
    def test_come_as_they_were_raised(self, name, fails, kind, text, cause):
        try:
            raise LookupError("outside")
        except LookupError:
            with pytest.raises(kind, match=text) as caught:
                TRANSFORMATIONS[name](fails)
        error = caught.value
        assert type(error) is kind and isinstance(error.__cause__, cause)
        if fails is raise_in_a_handler:
            assert isinstance(error.__context__, KeyError)
        if fails is raise_with_a_note:
            assert error.__notes__ == ["and a note"]
        assert traceback.extract_tb(error.__traceback__)[-1].name == fails.__name__

    def test_ours_takes_the_place_of_numpys(self):
        def fails(x):
            try:
                raise KeyError("before")
            except KeyError:
                try:
                    np.zeros(3)[0] = x
                except ValueError as error:
                    error.add_note("and a note")
                    raise

        with pytest.raises(TracerConversionError, match="Storing") as caught:
            fg.grad(fails)(1.0)
        shown = "".join(traceback.format_exception(caught.value))
        assert "KeyError: 'before'" in shown and "and a note" in shown and "np.zeros(3)[0] = x" in shown
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fails"


def converts(x):
    return float(np.sum(x))


def stores(x):
    buffer = np.zeros(3)
    buffer[0] = np.sum(x)
    return np.sum(buffer)


def does_not_fit(x):
    return np.sum((x * np.ones(3)) @ np.ones((4, 4)))


def is_not_supported(x):
    return np.sum(np.lib.stride_tricks.sliding_window_view(x * np.ones(3), 2))


def raises(x):
    raise TypeError("mine")


@pytest.mark.parametrize("fails", [converts, stores, does_not_fit, is_not_supported, raises])
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_an_error_leaves_nothing_behind(name, fails):
    alive = []

    def loss(x):
        big = np.ones(1000)
        alive.append(weakref.ref(big))
        return fails(np.sum(x * big))

    def attempt():
        with contextlib.suppress(TypeError, ValueError):
            TRANSFORMATIONS[name](loss)

    attempt()  # the first fills caches
    alive.clear()
    gc.disable()
    gc.freeze()  # what was there before: 0.4 s a collection
    try:
        attempt()
        assert alive and [ref() for ref in alive] == [None] * len(alive)
        assert gc.collect() == 0
    finally:
        gc.unfreeze()
        gc.enable()


def no_scalar(x):
    return x * 2.0


WRONG_CALLS = {
    "hvp": [
        lambda: fg.hvp(no_scalar, (X,), (X,)),
        lambda: fg.hvp(np.sum, (X,), (np.ones(7),)),
        lambda: fg.hvp(np.sum, ("a",), ("a",)),
        lambda: fg.hvp(np.sum, ({"a": X},), ({"b": X},)),
        lambda: fg.hvp(lambda x: None, (X,), (X,)),
        lambda: fg.hvp(3, (X,), (X,)),
    ],
    "hessian": [
        lambda: fg.hessian(np.sum)("a"),
        lambda: fg.hessian(np.sum)(np.ones(3, int)),
        lambda: fg.hessian(np.sum, has_aux=True)(X),
        lambda: fg.hessian(np.sum, argnums=3)(X),
        lambda: fg.hessian(lambda x: "a")(X),
        lambda: fg.hessian(lambda x: x.sum() * 1j)(X),
        lambda: fg.hessian(3),
    ],
    "jacfwd": [lambda: fg.jacfwd(lambda x: "a")(X), lambda: fg.jacfwd(np.sum, has_aux=True)(X)],
    "jacrev": [lambda: fg.jacrev(lambda x: "a")(X), lambda: fg.jacrev(np.sum, has_aux=True)(X)],
    "elementwise_grad": [
        lambda: fg.elementwise_grad(np.sin)("a"),
        lambda: fg.elementwise_grad(np.sin)(np.ones(3, int)),
        lambda: fg.elementwise_grad(lambda x: x * 1j)(X),
    ],
}


@pytest.mark.parametrize(("name", "call"), [(name, call) for name, calls in WRONG_CALLS.items() for call in calls])
def test_what_is_composed_raises_in_its_own_name(name, call):
    with pytest.raises((TypeError, ValueError), match=rf"(^|\. ){name}\b"):
        call()


def test_a_function_of_nothing_has_no_rows():
    for jacobian in (fg.jacrev, fg.jacfwd, fg.hessian):
        assert jacobian(lambda x: None)(X) is None
        assert jacobian(lambda x: {})(X) == {}


def rule(fwd, bwd):
    f = fg.custom_vjp(lambda x: x)
    f.defvjp(fwd, bwd)
    return lambda x: f(x).sum()


def jvp_rule(given):
    f = fg.custom_jvp(lambda x: x)
    f.defjvp(given)
    return lambda x: f(x).sum()


NOT_PAIRS = {
    "aux": lambda: fg.grad(np.sum, has_aux=True),
    "aux forward": lambda: lambda x: fg.jvp(np.sum, (x,), (x,), has_aux=True),
    "scan": lambda: lambda x: fg.lax.scan(lambda c, y: c * y, np.sum(x), x),
    "fwd": lambda: fg.grad(rule(lambda x: x * 2.0, lambda kept, ct: (ct,))),
    "bwd": lambda: fg.grad(rule(lambda x: (x, x), lambda kept, ct: kept * ct)),
    "jvp": lambda: fg.grad(jvp_rule(lambda primals, tangents: tangents[0])),
    "gradient": lambda: lambda x: fg.custom_gradient(np.sin)(x),
    "no function": lambda: lambda x: fg.grad(x),
}


@pytest.mark.parametrize("name", NOT_PAIRS)
def test_a_traced_value_where_a_pair_belongs_is_named_by_its_type(name):
    with pytest.raises(TypeError, match=r"a traced f64\[3?\]$"):
        fg.jit(NOT_PAIRS[name]())(X)
