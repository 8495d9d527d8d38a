"""`lower(...).compile()`, shapes in place of arrays, and `disable_jit`."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.config import Config

X = np.array([3.0, 1.0, 2.0])


def scaled(x, n, *, y):
    return {"a": x * n + y["b"], "b": np.sum(x)}


def test_the_program_as_a_function():
    f = fg.jit(scaled, static_argnums=1)
    lowered = f.lower(X, 2, y={"b": 1.0})
    assert lowered.kernels == 1 and isinstance(lowered.graph, fg.Graph) and lowered.as_text() == lowered.text
    compiled = lowered.compile()
    found, expected = compiled(X, y={"b": 1.0}), scaled(X, 2, y={"b": 1.0})
    np.testing.assert_array_equal(found["a"], expected["a"])
    assert found["b"] == expected["b"] and compiled.as_text() == lowered.text
    assert compiled.__name__ == "scaled" and f.cache_size() == 1


def test_shapes_in_place_of_arrays():
    f = fg.jit(lambda x, n: x * n)
    lowered = f.lower(fg.ShapeDtypeStruct((3,), "float32"), fg.ShapeDtypeStruct((), float, weak_type=True))
    x = X.astype(np.float32)
    assert lowered.compile()(x, 2.0).dtype == np.float32
    np.testing.assert_array_equal(f(x, 2.0), 2 * x)
    assert f.cache_size() == 1
    with pytest.raises(TypeError, match="ShapeDtypeStruct"):
        f(fg.ShapeDtypeStruct((3,), float), 2.0)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((X[:2],), {"y": {"b": 1.0}}, r"argument \[0\]\[0\] is f64\[2\], but this was compiled for f64\[3\]"),
        ((X.astype(int),), {"y": {"b": 1.0}}, r"is i64\[3\]"),
        ((X.astype(np.float32),), {"y": {"b": 1.0}}, r"is f32\[3\]"),
        ((X,), {}, "of the structure"),
        ((X, 2), {"y": {"b": 1.0}}, "of the structure"),
        (("text",), {"y": {"b": 1.0}}, "is str"),
        ((X,), {"y": {"b": 1j}}, r"is c128\[\]"),
    ],
)
def test_other_arguments(args, kwargs, words):
    compiled = fg.jit(scaled, static_argnums=1).lower(X, 2, y={"b": 1.0}).compile()
    with pytest.raises(TypeError, match=words):
        compiled(*args, **kwargs)


def test_python_numbers_yield():
    compiled = fg.jit(lambda x: x * 2).lower(np.float32(1.0)).compile()
    assert compiled(3.0) == 6.0 and compiled(3.0).dtype == np.float32
    with pytest.raises(TypeError, match=r"is f64\[\]"):
        compiled(np.float64(3.0))


def test_no_traced_values():
    compiled = fg.jit(np.sum).lower(X).compile()
    for transform in (fg.grad, fg.jit):
        with pytest.raises(TypeError, match="call the jitted function itself"):
            transform(compiled)(X)
    with pytest.raises(TypeError, match="uses traced values from outside"):
        fg.grad(lambda x: fg.jit(lambda y: x * y).lower(2.0).compile()(2.0))(1.0)


def test_a_compiled_function_with_effects_inside_of_jit():
    seen = []
    compiled = fg.jit(lambda x: (fg.debug.callback(seen.append, x), x + 1.0)[1]).lower(1.0).compile()
    f = fg.jit(lambda y: y * compiled(2.0))
    f.lower(1.0)
    assert not seen and [f(1.0), f(2.0)] == [3.0, 6.0] and seen == [2.0, 2.0]


def test_disable_jit():
    steps = []

    def f(x):
        def step(c, a):
            steps.append(float(a))
            return c * a, None

        return lax.scan(step, x, X)[0]

    f = fg.jit(f)
    with fg.disable_jit():
        assert f(1.0) == 6.0 and steps == list(X)
        with fg.disable_jit(False):
            assert fg.config.jit
        assert not fg.config.jit
    assert fg.config.jit and f.cache_size() == 0
    with pytest.raises(ZeroDivisionError), fg.disable_jit():
        1 / 0
    assert fg.config.jit


def test_settings_of_the_environment():
    assert Config({}).usual and not Config({}).debug_nans
    assert Config({"FUNCGRAD_DEBUG_NANS": "1"}).debug_nans and not Config({"FUNCGRAD_DEBUG_NANS": "true"}).usual
    assert not Config({"FUNCGRAD_JIT": "0"}).usual
    with pytest.raises(ValueError, match="FUNCGRAD_DEBUG_NANS must be 0 or 1"):
        Config({"FUNCGRAD_DEBUG_NANS": "maybe"})
    with pytest.raises(TypeError, match="True or False"):
        fg.config.debug_nans = 1
