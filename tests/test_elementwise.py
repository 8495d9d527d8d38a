"""`fg.elementwise`: functions of numbers as primitives, with numba and without."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from numba import njit

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import NotDifferentiableError
from funcgrad.test_util import check_grads

X = np.array([0.3, -1.2, 2.0, 0.7, -0.4])


def soft(x, y):
    if x > y:
        return math.log(x - y)
    total = 0.0
    for n in range(3):
        total += math.sin(x) ** n / (n + 1)
    return total if x < -1.0 else -total


def soft_here(x, y):
    inside = fnp.where(x > y, x - y, 1.0)
    total = 1.0 + fnp.sin(x) / 2 + fnp.sin(x) ** 2 / 3
    return fnp.where(x > y, fnp.log(inside), fnp.where(x < -1.0, total, -total))


@pytest.mark.parametrize("f", [fg.elementwise(soft), fg.elementwise(njit(soft))], ids=["python", "numba"])
@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.long)])
def test_elementwise(f, dtype):
    x, y = X.astype(dtype), np.array([[0.1], [1.0]], dtype)
    tolerance = 1e-13 if dtype is np.float64 else 1e-5
    for transform in (lambda f: f, fg.jit):
        np.testing.assert_allclose(transform(f)(x, y), soft_here(x, y), rtol=tolerance)
        assert transform(f)(x, y).dtype == dtype
        gradients = [fg.grad(lambda x, y, g=g: g(x, y).sum(), (0, 1)) for g in (f, soft_here)]
        for got, want in zip(*[transform(gradient)(x, y) for gradient in gradients]):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=tolerance)


def test_elementwise_to_all_orders():
    f = fg.elementwise(soft)
    check_grads(f, (X, np.full(5, 0.1)), 3)
    np.testing.assert_allclose(
        fg.jit(fg.hessian(lambda x: f(x, 0.1).sum()))(X), fg.hessian(lambda x: soft_here(x, 0.1).sum())(X), rtol=1e-12
    )
    by_one = fg.vmap(fg.grad(f), (0, None))(X, 0.1)
    np.testing.assert_allclose(by_one, fg.grad(lambda x: f(x, 0.1).sum())(X), rtol=1e-14)


def test_elementwise_is_part_of_a_kernel():
    f = fg.elementwise(soft)
    program = fg.jit(fg.grad(lambda x: np.sum(f(2.0 * x, 0.1) ** 2))).lower(X)
    assert program.kernels == 1 and not program.calls


def test_a_way_that_is_not_gone_has_no_part_in_the_derivative():
    f = fg.elementwise(lambda x: math.sqrt(x) if x > 0.0 else 0.0)
    x = np.array([0.0, -1.0, 4.0])
    gradient = fg.grad(lambda x: f(x).sum())
    for g in (gradient, fg.grad(lambda x: fg.jit(f)(x).sum()), fg.jit(gradient)):
        np.testing.assert_array_equal(g(x), [0.0, 0.0, 0.25])


def test_large_arrays():
    f = fg.elementwise(soft)
    x = np.random.default_rng(2).normal(size=(60, 50))
    np.testing.assert_allclose(f(x.T, 0.1), soft_here(x.T, 0.1), rtol=1e-12)
    np.testing.assert_allclose(
        fg.grad(lambda x: f(x, 0.1).sum())(x), fg.grad(lambda x: soft_here(x, 0.1).sum())(x), rtol=1e-12
    )


def root(a):
    y = a
    while abs(y * y - a) > 1e-14 * a:
        y = 0.5 * (y + a / y)
    return y


@pytest.mark.parametrize("derivative, compiled", [
    (None, True), (lambda a: 0.5 / math.sqrt(a), False), pytest.param(None, False, marks=pytest.mark.long),
    pytest.param(lambda a: 0.5 / math.sqrt(a), True, marks=pytest.mark.long),
])  # fmt: skip
def test_a_loop_that_depends_on_values(derivative, compiled):
    f = fg.elementwise(njit(root) if compiled else root, derivative)
    a = np.array([[2.0, 9.0], [1e4, 0.3]])
    for transform in (lambda f: f, fg.jit):
        np.testing.assert_allclose(transform(f)(a), np.sqrt(a), rtol=1e-14)
        np.testing.assert_allclose(transform(fg.grad(lambda a: f(a).sum()))(a), 0.5 / np.sqrt(a), rtol=1e-12)
    np.testing.assert_allclose(fg.grad(fg.grad(f))(2.0), -0.25 * 2.0**-1.5, rtol=1e-8)


def test_an_integer_that_is_a_bound():
    def power(x, n):
        result = 1.0
        for _ in range(n):
            result *= x
        return result

    f, n = fg.elementwise(power), np.arange(5)
    np.testing.assert_allclose(f(X, n), X**n)
    np.testing.assert_allclose(fg.grad(lambda x: f(x, n).sum())(X), n * X ** np.maximum(n - 1, 0))


def test_functions_of_one_name_are_apart():
    def counting(k):
        def loop(x):
            while x < k:
                x = x + 1.0
            return x

        return fg.elementwise(loop)

    f, g, h = counting(5.0), counting(7.0), fg.elementwise(lambda x: x * x * x, name="transpose")
    np.testing.assert_array_equal(fg.jit(lambda x: f(x) - g(x))(X), np.full(5, -2.0))
    np.testing.assert_allclose(fg.jit(lambda x: h(x[:, None]))(X), X[:, None] ** 3)
    np.testing.assert_array_equal(fg.jit(lambda x: f(x) - f(x.astype(np.float32)))(X).dtype, float)


def test_universal_functions():
    special = pytest.importorskip("scipy.special")
    j1 = fg.elementwise(special.j1)
    j0 = fg.elementwise(special.j0, derivative=lambda x: -j1(x))
    np.testing.assert_allclose(fg.grad(lambda x: j0(x).sum())(X), -special.j1(X), rtol=1e-14)
    np.testing.assert_allclose(fg.jit(j0)(X), special.j0(X), rtol=1e-14)
    np.testing.assert_allclose(fg.elementwise(np.sin)(X), np.sin(X))
    np.testing.assert_allclose(fg.grad(fg.elementwise(math.sin))(0.0), 1.0)
    jv = fg.elementwise(special.jv, derivative=(None, lambda v, z: (jv(v - 1.0, z) - jv(v + 1.0, z)) / 2.0))
    np.testing.assert_allclose(fg.grad(fg.grad(jv, 1), 1)(1.0, 2.0), special.jvp(1, 2.0, 2), rtol=1e-13)
    unknown = fg.elementwise(special.struve)
    assert unknown(1.0, 2.0) == special.struve(1.0, 2.0)
    with pytest.raises(NotDifferentiableError, match=r"`struve`.*derivative="):
        fg.grad(unknown, 1)(1.0, 2.0)
    called = fg.elementwise(lambda z: special.jvp(1, z))
    np.testing.assert_allclose(called(X), special.jvp(1, X))


def test_dtypes_and_shapes():
    halved = fg.elementwise(lambda n: n // 2 + 1)
    np.testing.assert_array_equal(fg.jit(halved)(np.arange(4)), halved(np.arange(4)))
    assert halved(np.arange(4)).dtype == np.int64 and halved(3.0).dtype == float
    constant = fg.elementwise(lambda x: 1.0)
    np.testing.assert_array_equal(fg.jit(constant)(X), np.ones(5))
    np.testing.assert_array_equal(fg.grad(lambda x: constant(x).sum())(X), np.zeros(5))
    same = fg.elementwise(lambda x: x)
    assert same(X) is not X and (same(X) == X).all()
    assert fg.elementwise(lambda x: x > 0.0)(X).dtype == bool
    assert fg.elementwise(root)(np.zeros((0, 2))).shape == (0, 2)
    np.testing.assert_allclose(fg.grad(fg.elementwise(lambda z: z * z), holomorphic=True)(1 + 2j), 2 + 4j)


def test_a_decorator():
    @fg.elementwise(derivative=lambda x: 2.0 * x, name="squared")
    def f(x):
        return x * x

    assert fg.grad(f)(3.0) == 6.0 and "squared(" in str(fg.make_graph(f)(X))


def test_what_elementwise_refuses():
    with pytest.raises(TypeError, match="fixed number of arguments"):
        fg.elementwise(lambda *xs: xs[0])
    with pytest.raises(TypeError, match="takes 2 arguments, and needs a derivative for each"):
        fg.elementwise(lambda a, b: a * b, derivative=lambda a, b: b)
    with pytest.raises(TypeError, match="name must be one that Python could have"):
        fg.elementwise(math.sin, name="a name")
    with pytest.raises(TypeError, match="takes a function, not int"):
        fg.elementwise(3)
    with pytest.raises(TypeError, match=r"must return one number, not an array of shape \(2,\)"):
        fg.elementwise(lambda a: np.array([a, a]))(X)
    with pytest.raises(TypeError, match="takes 1 arguments but 2"):
        fg.elementwise(lambda a: a)(X, X)
    with pytest.raises(TypeError, match="not among its arguments"):
        fg.grad(lambda a: fg.elementwise(lambda x: a * x)(X).sum())(2.0)


@pytest.mark.parametrize(
    "odd", ["a", None, np.array([1, None], object), np.array(["a"]), np.ma.masked_array([1.0, 2.0], [True, False])]
)
def test_what_is_no_array_of_numbers_is_refused(odd) -> None:
    with pytest.raises(TypeError, match=r"perand of `twice` at .*not a number or a plain array"):
        fg.elementwise(lambda x: x * 2, name="twice")(odd)


def test_what_is_no_derivative_is_refused() -> None:
    for odd in (2.0, "f", [3], (1.0, None)):
        with pytest.raises(TypeError, match="derivative must be a function"):
            fg.elementwise(lambda x: x * 2, derivative=odd)
    with pytest.raises(TypeError, match="a derivative of `twice` must take 1 arguments too"):
        fg.elementwise(lambda x: x * 2, derivative=lambda x, y: 2.0, name="twice")


def test_a_result_that_is_no_number_names_the_function() -> None:
    with pytest.raises(TypeError, match="the function `pair` of numbers must return one number, not tuple"):
        fg.elementwise(lambda x: (x, x), name="pair")(np.ones(2))


@fg.elementwise(derivative=lambda x: 3.0 * x**2)
def cube(x):
    return x**3


def test_a_decorated_function_pickles_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(cube)) is cube
    assert pickle.loads(pickle.dumps(fg.elementwise(math.sqrt)))(4.0) == 2.0
