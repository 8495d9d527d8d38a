"""What is no number and no plain array of numbers is refused, wherever it comes in, in one text."""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
X = np.array([1.0, 2.0])
REFUSED = "which is not a number or a plain array of numbers"


def jax_array():
    return pytest.importorskip("jax").numpy.array([1.0, 2.0])


def torch_tensor():
    return pytest.importorskip("torch").tensor([1.0, 2.0])


def pandas(kind):
    def make():
        module = pytest.importorskip("pandas")
        return getattr(module, kind)({"a": X, "b": X} if kind == "DataFrame" else X)

    return make


def sparse(kind):
    return lambda: getattr(pytest.importorskip("scipy.sparse"), kind)(np.eye(2))


class Sub(np.ndarray):
    pass


ODD = {
    "object array": (lambda: X.astype(object), "astype(float)"),
    "strings": (lambda: np.array(["1", "2"]), "astype(float)"),
    "dates": (lambda: np.array(["2020", "2021"], "M8[D]"), "astype(float)"),
    "a date": (lambda: np.datetime64("2020"), "astype(float)"),
    "structured": (lambda: np.zeros(2, [("a", float)]), "x['field']"),
    "matrix": (lambda: np.asmatrix(np.eye(2)), "np.asarray(x)"),
    "subclass": (lambda: X.view(Sub), "np.asarray(x)"),
    "masked": (lambda: np.ma.array(X, mask=[0, 1]), "x.filled(value)"),
    "Fraction": (lambda: Fraction(1, 2), "float(x)"),
    "Decimal": (lambda: Decimal("0.5"), "float(x)"),
    "str": (lambda: "ab", ""),
    "None": (lambda: None, ""),
    "set": (lambda: {1.0, 2.0}, ""),
    "dict": (lambda: {"a": 1.0}, ""),
    "list of Fraction": (lambda: [Fraction(1, 2), 1.0], "float(x)"),
    "list of int beyond 64 bits": (lambda: [2**70, 1], "astype(float)"),
    "list of masked": (lambda: [np.ma.array(X, mask=[0, 1])], "x.filled(value)"),
    "list of object array": (lambda: [X.astype(object)], "astype(float)"),
    "Series": (pandas("Series"), "x.to_numpy()"),
    "DataFrame": (pandas("DataFrame"), "x.to_numpy()"),
    "Index": (pandas("Index"), "x.to_numpy()"),
    "csr_matrix": (sparse("csr_matrix"), "A.toarray()"),
    "csr_array": (sparse("csr_array"), "A @ x or x @ A"),
    "jax": (jax_array, "np.asarray(x)"),
    "torch": (torch_tensor, "x.detach().numpy()"),
}
USES = {
    "x * o": lambda x, o: x * o,
    "o * x": lambda x, o: o * x,
    "o - x": lambda x, o: o - x,
    "x ** o": lambda x, o: x**o,
    "o / x": lambda x, o: o / x,
    "o @ x": lambda x, o: o @ x,
    "x @ o": lambda x, o: x @ o,
    "x < o": lambda x, o: x * (x < o),
    "x == o": lambda x, o: x * (x == o),
    "np.multiply(x, o)": np.multiply,
    "np.multiply(o, x)": lambda x, o: np.multiply(o, x),
    "np.maximum(o, x)": lambda x, o: np.maximum(o, x),
    "fnp.hypot": fnp.hypot,
    "np.where": lambda x, o: np.where(x > 0, x, [o]),
    "np.dot": lambda x, o: np.dot(o, x),
    "np.concatenate": lambda x, o: np.concatenate([x, o]),
    "fnp.stack": lambda x, o: fnp.stack([o, x]),
    "fnp.array": lambda x, o: fnp.array([x, o]),
    "np.clip": lambda x, o: np.clip(x, o, 3.0),
    "at": lambda x, o: x.at[0].add(o),
    "outer": lambda x, o: np.outer(x, o),
}
TRANSFORMS = {
    "grad": lambda f: fg.grad(lambda x: np.sum(f(x)))(X),
    "vmap": lambda f: fg.vmap(f)(np.stack([X, X])),
    "jit": lambda f: fg.jit(f)(X),
}


@pytest.mark.parametrize("name", ODD)
def test_operands(name):
    make, instead = ODD[name]
    o = make()
    for use, apply in USES.items():
        if name == "None" and use == "np.clip":
            continue  # no bound
        if "@" in use and name.startswith("csr"):
            continue  # products that are there
        for transform in TRANSFORMS.values():
            with pytest.raises(TypeError) as error:
                transform(lambda x: apply(x, o))
            message = str(error.value)
            assert REFUSED in message and instead in message, (use, message)
            assert "test_operands.py:" in message


LEAVES = {
    "grad": lambda o: fg.grad(lambda p: 1.0)({"k": o}),
    "value_and_grad": lambda o: fg.value_and_grad(lambda p: 1.0)({"k": o}),
    "vjp": lambda o: fg.vjp(lambda p: 1.0, {"k": o}),
    "jvp": lambda o: fg.jvp(lambda p: 1.0, ({"k": o},), ({"k": o},)),
    "linearize": lambda o: fg.linearize(lambda p: 1.0, {"k": o}),
    "hessian": lambda o: fg.hessian(lambda p: 1.0)({"k": o}),
    "jacfwd": lambda o: fg.jacfwd(lambda p: 1.0)({"k": o}),
    "vmap": lambda o: fg.vmap(lambda p: 1.0)({"k": o}),
    "jit": lambda o: fg.jit(lambda p: 1.0)({"k": o}),
    "make_graph": lambda o: fg.make_graph(lambda p: 1.0)({"k": o}),
    "eval_shape": lambda o: fg.eval_shape(lambda p: 1.0, {"k": o}),
}
RESULTS = {
    "grad": lambda o: fg.grad(lambda x: o)(X),
    "vjp": lambda o: fg.vjp(lambda x: {"k": o}, X),
    "jvp": lambda o: fg.jvp(lambda x: {"k": o}, (X,), (X,)),
    "linearize": lambda o: fg.linearize(lambda x: {"k": o}, X),
    "vmap": lambda o: fg.vmap(lambda x: {"k": o})(X),
    "jit": lambda o: fg.jit(lambda x: {"k": o})(X),
    "make_graph": lambda o: fg.make_graph(lambda x: {"k": o})(X),
    "cotangent": lambda o: fg.vjp(lambda x: {"k": x * 2.0}, X)[1]({"k": o}),
    "tangent": lambda o: fg.jvp(lambda x: x["k"] * 2.0, ({"k": X},), ({"k": o},)),
}
NO_LEAF = ("None", "dict", "list of Fraction", "list of int beyond 64 bits", "list of masked", "list of object array")


@pytest.mark.parametrize("name", [n for n in ODD if n not in NO_LEAF])
def test_leaves(name):
    make, instead = ODD[name]
    o = make()
    for way, call in LEAVES.items():
        with pytest.raises(TypeError) as error:
            call(o)
        message = str(error.value)
        assert REFUSED in message and instead in message, (way, message)
        assert "argument 0 `p`, leaf ['k']" in message
        assert way == "hessian" or re.search(rf"(^|\. ){way}: ", message)


@pytest.mark.parametrize("name", [n for n in ODD if n not in NO_LEAF])
def test_results(name):
    make, instead = ODD[name]
    o = make()
    for way, call in RESULTS.items():
        with pytest.raises(TypeError) as error:
            call(o)
        message = str(error.value)
        assert REFUSED in message and instead in message, (way, message)
        assert "['k']" in message or way in ("grad", "tangent")


@pytest.mark.parametrize("name", ["Series", "jax", "torch", "masked", "matrix", "subclass"])
def test_indices(name):
    o = ODD[name][0]() > 1.5
    with pytest.raises((TypeError, IndexError), match=REFUSED):
        fg.grad(lambda x: np.sum(x[o]))(X)


class Level(enum.IntEnum):
    LOW = 2


@pytest.mark.parametrize(
    "o", [[1.0, 2.0], (1, 2), range(1, 3), [[1.0], [2.0]], [np.float32(1), 2], [X, X], [True, False], Level.LOW, 2**70,
          np.float16(2), np.longdouble(3), 1j, [np.array(1.0), 2.0]], ids=repr
)
@pytest.mark.parametrize("transform", ["grad", "vmap", "jit"])
def test_numbers_and_lists_of_them_pass(o, transform):
    x = np.array([1.0, 2.0])
    result = TRANSFORMS[transform](lambda x: (x * o).real)
    if transform == "grad":
        slope = np.real(np.broadcast_to(np.asarray(o, np.complex128), np.broadcast_shapes(np.shape(o), (2,))))
        np.testing.assert_allclose(result, slope.reshape(-1, 2).sum(axis=0))
    else:
        np.testing.assert_allclose(result if transform == "jit" else result[0], (x * o).real)


def test_a_list_changed_afterwards_is_not_seen():
    o = [3.0, 4.0]

    def f(x):
        y = np.sum(x * o)
        o[0] = 100.0
        return y

    assert fg.grad(f)(X).tolist() == [3.0, 4.0]


def test_int64_keeps_its_exactness():
    """A list becomes the array that NumPy makes of it, not floats."""
    assert fg.jit(lambda n: np.add(n, [2**62 + 1]))(np.array([0])).tolist() == [2**62 + 1]
