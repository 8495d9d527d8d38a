"""Every method and attribute of an ndarray, on traced values: NumPy's results, or an error that says what to write."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.transforms.api import grad, vjp
from funcgrad.transforms.vmap import vmap

X = np.array([[0.5, -1.5, 2.5], [1.0, 3.25, -0.5]])
MASK = X > 0

RESULTS: dict[str, list[Callable[[Any], Any]]] = {
    "T": [lambda x: x.T],
    "all": [lambda x: x.all(), lambda x: x.all(1, keepdims=True), lambda x: x.all(axis=0, where=MASK)],
    "any": [lambda x: x.any(), lambda x: x.any(1, None, keepdims=True), lambda x: x.any(where=~MASK)],
    "argmax": [lambda x: x.argmax(), lambda x: x.argmax(1, keepdims=True)],
    "argmin": [lambda x: x.argmin(), lambda x: x.argmin(axis=0)],
    "argpartition": [lambda x: x.argpartition((0, 1, 2)), lambda x: x.argpartition([0, 1], axis=0, kind="introselect")],
    "argsort": [lambda x: x.argsort(), lambda x: x.argsort(0, "stable"), lambda x: x.argsort(axis=None, stable=True)],
    "astype": [lambda x: x.astype(np.float32), lambda x: x.astype(int, "C", "unsafe", True, False)],
    "base": [lambda x: np.zeros(3) if x.base is None else x],
    "choose": [lambda x: (x > 0).astype(int).choose([X, -X]), lambda x: x.astype(int).choose([X, 2.0], mode="clip")],
    "clip": [lambda x: x.clip(-1, 1), lambda x: x.clip(min=0.0), lambda x: x.clip(None, max=X.mean(0))],
    "compress": [lambda x: x.compress([True, False]), lambda x: x.compress([True, False, True], axis=1)],
    "conj": [lambda x: x.conj()],
    "conjugate": [lambda x: x.conjugate()],
    "copy": [lambda x: x.copy(), lambda x: x.copy("F"), lambda x: x.copy(order="C")],
    "cumprod": [lambda x: x.cumprod(), lambda x: x.cumprod(1, np.float32)],
    "cumsum": [lambda x: x.cumsum(), lambda x: x.cumsum(axis=0, dtype=complex)],
    "device": [lambda x: x + (x.device == "cpu")],
    "diagonal": [lambda x: x.diagonal(), lambda x: x.diagonal(1, 1, 0)],
    "dot": [lambda x: x.dot(X.T), lambda x: x.dot(2.0)],
    "dtype": [lambda x: x + (x.dtype == np.float64)],
    "__setitem__": [lambda x: (x.__setitem__(0, 1.0), x * 1.0)[1]],
    "fill": [lambda x: (x.fill(0.5), x * 1.0)[1]],
    "flat": [lambda x: x.flat[2], lambda x: x.flat[1:4], lambda x: sum(v for v in x.flat)],
    "flatten": [lambda x: x.flatten(), lambda x: x.flatten("F")],
    "imag": [lambda x: x.imag, lambda x: (1j * x).imag],
    "itemsize": [lambda x: x + x.itemsize],
    "mT": [lambda x: x.mT],
    "max": [lambda x: x.max(), lambda x: x.max(1, None, True), lambda x: x.max(initial=0.0, where=MASK)],
    "mean": [lambda x: x.mean(), lambda x: x.mean(0, np.float32), lambda x: x.mean(1, keepdims=True, where=MASK)],
    "min": [lambda x: x.min(), lambda x: x.min(axis=(0, 1)), lambda x: x.min(0, None, False, 0.25, MASK)],
    "nbytes": [lambda x: x + x.nbytes],
    "ndim": [lambda x: x + x.ndim],
    "partition": [lambda x: (x.partition((0, 1, 2)), x * 1.0)[1], lambda x: (x.partition([0, 1], axis=0), x * 1.0)[1]],
    "prod": [lambda x: x.prod(), lambda x: x.prod(1, float, None, True, 2.0, MASK)],
    "put": [lambda x: (x.put([0, 7], [1.0, 2.0], mode="clip"), x * 1.0)[1]],
    "ravel": [lambda x: x.ravel(), lambda x: x.ravel("F"), lambda x: x.ravel(order="C")],
    "real": [lambda x: x.real, lambda x: (x + 1j).real],
    "repeat": [lambda x: x.repeat(2), lambda x: x.repeat([1, 2], axis=0)],
    "reshape": [lambda x: x.reshape(3, 2), lambda x: x.reshape((-1,)), lambda x: x.reshape([6], order="F")],
    "round": [lambda x: x.round(), lambda x: x.round(decimals=1)],
    "searchsorted": [
        lambda x: abs(x[0]).cumsum().searchsorted([0.1, 3.0]),
        lambda x: x[0].searchsorted(0.0, "right", [1, 0, 2]),
    ],
    "setflags": [lambda x: x.setflags(write=False) or x * 1],
    "shape": [lambda x: x + x.shape[1]],
    "size": [lambda x: x + x.size],
    "sort": [lambda x: (x.sort(), x * 1.0)[1], lambda x: (x.sort(0, kind="stable"), x * 1.0)[1]],
    "squeeze": [lambda x: x[:1].squeeze(), lambda x: x[:1].squeeze(axis=0)],
    "std": [lambda x: x.std(), lambda x: x.std(0, ddof=1), lambda x: x.std(1, None, None, 0, True)],
    "sum": [lambda x: x.sum(), lambda x: x.sum(1, np.float32, None, True, 2, MASK), lambda x: x.sum(axis=(0, 1))],
    "swapaxes": [lambda x: x.swapaxes(0, 1)],
    "take": [lambda x: x.take([0, 4]), lambda x: x.take([0, 4], axis=1, mode="clip")],
    "to_device": [lambda x: x.to_device("cpu", stream=None)],
    "trace": [lambda x: x.trace(), lambda x: x.trace(1), lambda x: x.trace(-1, axis1=1, axis2=0, dtype=np.float32)],
    "transpose": [lambda x: x.transpose(), lambda x: x.transpose(1, 0), lambda x: x.transpose((0, 1))],
    "var": [lambda x: x.var(), lambda x: x.var(axis=1, ddof=1), lambda x: x.var(where=MASK)],
    "view": [lambda x: x.view(), lambda x: x.view(np.float64)],
    "__abs__": [abs],
    "__array_namespace__": [lambda x: x.__array_namespace__(api_version=None).sin(x)],
    "__copy__": [copy.copy],
    "__deepcopy__": [copy.deepcopy],
    "__getitem__": [lambda x: x[1, ::2]],
    "__iter__": [lambda x: np.stack(list(x))],
    "__len__": [lambda x: x + len(x)],
    "__matmul__": [lambda x: x @ X.T],
    "__rmatmul__": [lambda x: X.T @ x],
}
CONCRETE = {
    "nonzero": lambda x: np.stack(x.nonzero()),
    "__bool__": lambda x: np.zeros(3) if x[0, 0] else x,
    "__contains__": lambda x: np.zeros(2) if 3.25 in x else x,
}
"""What needs values."""

REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "byteswap": (lambda x: x.byteswap(True), TypeError, "stop_gradient"),
    "ctypes": (lambda x: x.ctypes, AttributeError, "stop_gradient"),
    "data": (lambda x: x.data, AttributeError, "stop_gradient"),
    "dump": (lambda x: x.dump("file"), TypeError, "stop_gradient"),
    "dumps": (lambda x: x.dumps(), TypeError, "stop_gradient"),
    "flags": (lambda x: x.flags, AttributeError, "cannot be written to"),
    "getfield": (lambda x: x.getfield(np.int32, offset=4), TypeError, "x.astype(dtype)"),
    "item": (lambda x: x.item(0, 1), TypeError, "stop_gradient"),
    "resize": (lambda x: x.resize((2, 2), refcheck=False), TypeError, "np.resize(x, shape)"),
    "setfield": (lambda x: x.setfield(1.0, float), TypeError, "x.at[...].set(value)"),
    "setflags": (lambda x: x.setflags(write=True), TypeError, "x.at[i].set(v)"),
    "_set_dtype": (lambda x: x._set_dtype(np.int32), TypeError, "x.astype(dtype)"),
    "_set_shape": (lambda x: x._set_shape((6,)), TypeError, "np.reshape(x, shape)"),
    "strides": (lambda x: x.strides, AttributeError, "np.arange"),
    "to_device": (lambda x: x.to_device("gpu"), ValueError, "cpu"),
    "tobytes": (lambda x: x.tobytes(order="F"), TypeError, "stop_gradient"),
    "tofile": (lambda x: x.tofile("file", sep=" "), TypeError, "stop_gradient"),
    "tolist": (lambda x: x.tolist(), TypeError, "stop_gradient"),
    "view": (lambda x: x.view(np.int64), TypeError, "x.astype(dtype)"),
    "__array__": (lambda x: np.asarray(x), TypeError, "stop_gradient"),
    "__complex__": (lambda x: complex(x[0, 0]), TypeError, "stop_gradient"),
    "__float__": (lambda x: float(x[0, 0]), TypeError, "stop_gradient"),
    "__index__": (lambda x: [1, 2][x[0, 0]], TypeError, "stop_gradient"),
    "__int__": (lambda x: int(x[0, 0]), TypeError, "stop_gradient"),
}
OPERATORS = {f"__{name}__" for name in (
    *(r + op for r in ("", "r") for op in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "divmod", "and", "or", "xor", "lshift", "rshift",
    )),
    "neg", "pos", "invert", "eq", "ne", "lt", "le", "gt", "ge",
)}  # fmt: skip
"""Tested in tests/test_dispatch.py."""
IN_PLACE = {f"__i{op}__" for op in (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift", "matmul",
)}  # fmt: skip
"""Tested in tests/test_writing.py."""
OTHER_PROTOCOLS = {f"__{name}__" for name in (
    "array_ufunc", "array_function", "array_priority", "array_finalize", "array_interface", "array_struct",
    "array_wrap", "buffer", "class_getitem", "delitem", "dlpack", "dlpack_device", "setstate",
)} | set(dir(object))  # fmt: skip
"""Of NumPy's dispatch, of memory, and of every object."""


def test_every_name_of_an_array_is_in_a_table() -> None:
    known = RESULTS.keys() | CONCRETE.keys() | REFUSED.keys() | OPERATORS | IN_PLACE | OTHER_PROTOCOLS
    assert not set(dir(np.ndarray)) - known
    assert all(hasattr(Tracer, name) for name in OPERATORS)


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_numpys(name: str) -> None:
    for call in RESULTS[name]:
        expected = np.asarray(call(X.copy()))
        found = {
            "grad": vjp(call, X)[0],
            "a program": trace_graph(lambda x, call=call: (call(x),), [aval_of(X)])(X)[0],
            "vmap": vmap(call)(np.stack([X, X]))[1],
        }
        for where, y in found.items():
            assert np.asarray(y).dtype == expected.dtype, where
            np.testing.assert_allclose(y, expected, rtol=1e-13, err_msg=where)


@pytest.mark.parametrize("name", CONCRETE)
def test_what_needs_values_has_them_under_grad(name: str) -> None:
    np.testing.assert_array_equal(vjp(CONCRETE[name], X)[0], CONCRETE[name](X))


@pytest.mark.parametrize("name", REFUSED)
def test_errors_say_what_to_write(name: str) -> None:
    call, kind, remedy = REFUSED[name]
    for run in (lambda: grad(call)(X), lambda: vmap(call)(np.stack([X, X])), lambda: vjp(call, X)):
        with pytest.raises(kind) as info:
            run()
        text = str(info.value).lower()
        assert "test_methods.py:" in text or kind is ValueError
    assert remedy.lower() in text


@pytest.mark.parametrize("name", sorted(name for name in dir(np.ndarray) if not name.startswith("_")))
def test_parameters_are_numpys(name: str) -> None:
    """Keywords that NumPy's method has are taken, or it is a memory's, whose error names it."""
    method, ours = getattr(np.ndarray, name), getattr(Tracer, name)
    assert callable(method) == callable(ours), f"{name} is a method of one and an attribute of the other"


def test_nothing_of_ours_hides_what_an_array_has() -> None:
    """Slots and attributes of traced values have names that arrays do not."""
    kinds = [Tracer]
    for kind in kinds:
        kinds += kind.__subclasses__()
    for kind in kinds:
        own = {name for base in kind.__mro__[:-1] for name in getattr(base, "__slots__", ())}
        own -= {"__weakref__"}
        assert not own & set(dir(np.ndarray)), kind


def test_round() -> None:
    assert grad(lambda x: x * round(x, 1))(0.26) == 0.3
    np.testing.assert_array_equal(vmap(lambda x: round(x, -1))(np.array([14.0, 26.0])), [10.0, 30.0])
    with pytest.raises(TypeError, match=r"np\.rint\(x\) and round\(x, 0\)"):
        grad(lambda x: round(x))(0.5)


def test_partition() -> None:
    x = np.random.default_rng(0).permutation(np.arange(20.0)).reshape(4, 5)
    y = vjp(lambda x: np.partition(x, 2), x)[0]
    np.testing.assert_array_equal(y[:, 2], np.partition(x, 2)[:, 2])
    np.testing.assert_array_equal(grad(lambda x: np.partition(x, -1, None)[-1])(x), x == x.max())
    with pytest.raises(ValueError, match="out of bounds"):
        vjp(lambda x: fnp.partition(x, 5), x)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("detach", r"use fg\.stop_gradient\(x\)"),
        ("requires_grad", r"use fg\.grad\(f\)\(x\)"),
        ("numpy", "use x as it is"),
        ("exp", r"use np\.exp\(x\)"),
        ("relu", r"use fg\.nn\.relu\(x\)"),
        ("_value", r"use print\(x\)"),
        ("shap", "a traced array has no attribute 'shap'$"),
        ("ndarray_", "a traced array has no attribute 'ndarray_'$"),
    ],
)
@pytest.mark.parametrize("transform", [grad, vmap, fg.jit, fg.explain])
def test_attributes_of_other_libraries_arrays(transform: Any, name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=instead) as info:
        transform(lambda x: getattr(x, name))(X)
    assert info.value.name == name and isinstance(info.value.obj, Tracer)
    assert {frame.path.name for frame in info.traceback} == {"test_methods.py"}
