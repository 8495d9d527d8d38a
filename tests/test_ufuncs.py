"""The methods of universal functions: NumPy's values and errors on traced values, by both names."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import UFUNCS
from funcgrad.test_util import check_grads
from funcgrad.transforms.api import grad, jvp, vjp
from funcgrad.transforms.vmap import vmap

X = np.random.default_rng(4).permutation(np.linspace(0.3, 2.1, 30)).reshape(2, 5, 3)
NAMES = sorted(name for name in dir(fnp) if isinstance(getattr(np, name, None), np.ufunc))
NUMPYS = [u for u in UFUNCS if getattr(np, u.__name__, None) is u]  # SciPy's are there where something imports them
BINARY = sorted(u.__name__ for u in NUMPYS if u.nin == 2 and u.nout == 1 and u.signature is None)
INTEGER = {name for name in BINARY if name.startswith(("bitwise", "left", "right", "gcd", "lcm", "ldexp"))}
COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
FOLDED = sorted(set(BINARY) - COMPARISONS - {"ldexp"})  # which takes a float and an integer
REORDERABLE = [name for name in FOLDED if name not in (
    "subtract", "divide", "floor_divide", "remainder", "fmod", "power", "float_power", "arctan2", "copysign",
    "heaviside", "nextafter", "left_shift", "right_shift", "lcm",
)]  # fmt: skip


def is_fold(name: str) -> bool:
    """Whether NumPy's reduction repeats its own function: on processors with AVX-512 its `power` and `arctan2`, which
    read rows while they write them, do not (NumPy 2.4). Ours do on all."""
    ufunc, row = getattr(np, name), operand(name)[0, :, 0].copy()
    return np.array_equal(ufunc.reduce(row), reduce(ufunc, row))


def operand(name: str) -> np.ndarray:
    return (X * 4).astype(np.int64) if name in INTEGER else X


WHOLE = [pytest.param(n, marks=pytest.mark.skipif(not is_fold(n), reason="NumPy's is wrong here")) for n in FOLDED]


def same(found: Any, expected: Any) -> None:
    assert np.asarray(found).dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def agrees(call: Callable[[Any], Any], x: np.ndarray) -> None:
    """What the call returns of an array, it returns of traced ones: on a tape, in a program, in a batch."""
    expected = call(x)
    expected = np.asarray(expected, float) if type(expected) is float or expected.dtype == object else expected
    if x.dtype.kind == "f":
        same(vjp(call, x)[0], expected)
    same(trace_graph(lambda x: (call(x),), [aval_of(x)])(x)[0], expected)
    same(vmap(call)(np.stack([x, x]))[1], expected)


@pytest.mark.parametrize("name", NAMES)
def test_attributes_are_numpys(name):
    ours, numpys = getattr(fnp, name), getattr(np, name)
    for attribute in (a for a in dir(np.ufunc) if not a.startswith("_")):
        assert hasattr(ours, attribute), attribute
    for attribute in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature"):
        assert getattr(ours, attribute) == getattr(numpys, attribute)


@pytest.mark.parametrize("name", WHOLE)
def test_reduce(name):
    for module in (np, fnp):
        ufunc, x = getattr(module, name), operand(name)
        agrees(lambda x: ufunc.reduce(x), x)
        agrees(lambda x: ufunc.reduce(x, 1), x)
        agrees(lambda x: ufunc.reduce(x, axis=-1, keepdims=True), x)
        agrees(lambda x: ufunc.reduce(x[:, :1], axis=1), x)


@pytest.mark.parametrize("name", FOLDED)
def test_reduce_with_where_and_initial(name):
    ufunc, x = getattr(np, name), operand(name)
    mask = X > 1.0
    initial = x.max()
    agrees(lambda x: ufunc.reduce(x, 1, where=mask, initial=initial), x)
    agrees(lambda x: ufunc.reduce(x, 1, initial=initial), x)
    agrees(lambda x: ufunc.reduce(x[:, :0], 1, initial=initial), x)


@pytest.mark.parametrize("name", REORDERABLE)
def test_reduce_over_several_axes(name):
    ufunc, x = getattr(np, name), operand(name)
    agrees(lambda x: ufunc.reduce(x, (0, 2)), x)
    agrees(lambda x: ufunc.reduce(x, None), x)
    agrees(lambda x: ufunc.reduce(x, (0, 2), keepdims=True), x)
    agrees(lambda x: ufunc.reduce(x, ()), x)


@pytest.mark.parametrize("name", FOLDED)
def test_accumulate(name):
    ufunc, x = getattr(np, name), operand(name)
    for n in range(1, 6):
        agrees(lambda x, n=n: ufunc.accumulate(x[:, :n], 1), x)
    agrees(lambda x: getattr(fnp, name).accumulate(x, axis=-1), x)


@pytest.mark.parametrize("name", BINARY)
def test_outer(name):
    ufunc, x = getattr(np, name), operand(name)
    agrees(lambda x: ufunc.outer(x[0, 0], x[:, 1]), x)
    agrees(lambda x: getattr(fnp, name).outer(x[0, 0], operand(name)[1, 1]), x)


@pytest.mark.parametrize("name", WHOLE)
def test_reduceat(name):
    ufunc, x = getattr(np, name), operand(name)
    agrees(lambda x: ufunc.reduceat(x, [0, 3, 1, 4], axis=1), x)
    agrees(lambda x: getattr(fnp, name).reduceat(x, np.array([1]), 0), x)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.complex128, bool])
def test_dtypes_asked_for(dtype):
    x = (X * 60).round()
    for call in (
        lambda x: np.add.reduce(x, 1, dtype),
        lambda x: np.add.reduce(x, axis=(0, 1), dtype=dtype),
        lambda x: np.multiply.accumulate(x, 1, dtype),
        lambda x: np.sum(x, dtype=dtype),
        lambda x: np.cumsum(x, dtype=dtype),
        lambda x: np.prod(x[0], 1, dtype=dtype),
    ):
        agrees(call, x.astype(np.int64))
    np.testing.assert_array_equal(vjp(lambda x: np.hypot.reduce(x, dtype=np.float32), X)[0].dtype, np.float32)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.logaddexp.reduce(x, 1),
        lambda x: np.logaddexp.accumulate(x, 1),
        lambda x: np.maximum.accumulate(x, 1),
        lambda x: np.minimum.accumulate(x, -1),
        lambda x: np.hypot.reduce(x, (0, 2)),
        lambda x: np.subtract.reduce(x, 1),
        lambda x: np.divide.accumulate(x, 1),
        lambda x: np.power.reduce(x[:, :3], 1),
        lambda x: np.add.reduceat(x, [0, 2], 1),
        lambda x: np.fmax.reduce(x, 0, where=X > 1, initial=0.0),
        lambda x: np.arctan2.outer(x[0, 0], x[1, 1]),
    ],
)
def test_derivatives(call):
    check_grads(call, (X,), order=2)


def test_ties_of_a_running_maximum_are_shared_in_pairs():
    """As JAX shares them."""
    last = lambda x: np.maximum.accumulate(x)[-1]
    np.testing.assert_array_equal(grad(last)(np.ones(3)), [0.25, 0.25, 0.5])
    np.testing.assert_array_equal(grad(last)(np.ones(4)), np.full(4, 0.25))
    np.testing.assert_array_equal(jvp(np.maximum.accumulate, (np.ones(2),), (np.array([1.0, 3.0]),))[1], [1.0, 2.0])


ERRORS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda x: np.subtract.reduce(x, (0, 1)), ValueError, "not reorderable"),
    (lambda x: np.fmax.reduce(x, where=X > 1), ValueError, "one has to specify 'initial'"),
    (lambda x: np.maximum.reduce(x, where=X > 1), ValueError, "`where` needs `initial`"),
    (lambda x: np.fmin.reduce(x[:0]), ValueError, "zero-size array to reduction operation fmin"),
    (lambda x: np.sin.reduce(x), ValueError, "only supported for binary functions"),
    (lambda x: np.divmod.reduce(x), ValueError, "returning a single value"),
    (lambda x: np.less.reduce(x), TypeError, "np.less.reduce"),
    (lambda x: np.add.reduceat(x, [0, 2]), IndexError, "index 2 out-of-bounds in add.reduceat"),
    (lambda x: np.add.reduce(x, out=np.zeros((5, 3))), TypeError, "Make a new array instead"),
    (lambda x: np.add.accumulate(x, 0, None, np.zeros(X.shape)), TypeError, "Make a new array instead"),
    (lambda x: np.add.outer(x, x, where=False), TypeError, "np.where(condition"),
    (lambda x: np.add.at(np.zeros(3), [0], x), TypeError, "fnp.zeros"),
    (lambda x: np.hypot.at(x, [0], 1.0), TypeError, "it is there for np.add"),
    (lambda x: np.maximum.accumulate(x[0, 0, 0]), TypeError, "cannot accumulate on a scalar"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        vjp(call, X)


def test_plain_arrays_are_numpys():
    x = X.copy()
    fnp.add.at(x, 0, 1.0)
    np.testing.assert_array_equal(x[0], X[0] + 1.0)
    assert not isinstance(fnp.add.reduce([1, 2]), Tracer)
    assert fnp.maximum.reduce([1, 2], initial=5) == 5


def test_functions_made_by_frompyfunc():
    """NumPy's on plain arrays; traced values go through the function, and its methods are those of NumPy's."""
    mean = fnp.frompyfunc(lambda a, b: (a + 2 * b) / 3, 2, 1)
    x = X[0, 0]
    assert type(mean) is np.ufunc and (mean.nin, mean.nout, mean.nargs) == (2, 1, 3)
    assert mean(x, 1.0).dtype == object
    for call in (
        lambda x: mean(x, 2.0),
        lambda x: mean.reduce(x),
        lambda x: mean.accumulate(x),
        lambda x: mean.outer(x, x),
        lambda x: mean.reduceat(x, [0, 2]),
    ):
        agrees(call, x)
        check_grads(lambda x, call=call: fnp.asarray(call(x), float), (x,), order=2)
    both = fnp.frompyfunc(lambda a: (a * a, -a), 1, 2)
    same(vjp(lambda x: both(x)[0], x)[0], x * x)
    np.testing.assert_array_equal(grad(lambda x: (both(x)[0] + both(x)[1]).sum())(x), 2 * x - 1)
    total = fnp.frompyfunc(lambda a, b: a + b, 2, 1, identity=0)
    assert grad(lambda x: total.reduce(x[:0]) + x[0])(x)[0] == 1.0
    with pytest.raises(ValueError, match="wrong number of outputs: expected 2, got 1"):
        grad(lambda x: fnp.frompyfunc(lambda a: a, 1, 2)(x)[0].sum())(x)
    with pytest.raises(TypeError, match=re.escape("One made by fnp.frompyfunc takes traced values.")):
        grad(lambda x: np.frompyfunc(lambda a: a, 1, 1)(x).sum())(x)
