"""What the transformations take and give: argnums, aux, pytrees, dtypes, complex numbers."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.graph import evaluate
from funcgrad.errors import NotDifferentiableError
from funcgrad.test_util import check_grads

X = np.array([0.3, -1.2, 2.0])
Y = np.array([1.5, 0.2, -0.7])
FLOAT0 = np.dtype([("float0", np.void, 0)])


def equal(found: Any, expected: Any) -> None:
    """Same structure, shapes, dtypes and (to rounding) values."""
    a, ta = fg.tree.flatten(found)
    b, tb = fg.tree.flatten(expected)
    assert ta == tb
    for x, y in zip(a, b):
        assert np.shape(x) == np.shape(y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
        rounding = 1e-6 if np.asarray(x).dtype == np.float32 else 1e-12
        np.testing.assert_allclose(x, y, rtol=rounding, atol=1e-14)


class TestArgnums:
    f = staticmethod(lambda x, y, z: np.sum(x * y**2 * z**3))
    args = (X, Y, np.array(2.0))
    parts = (Y**2 * 8.0, 2 * X * Y * 8.0, np.asarray(12.0 * np.sum(X * Y**2)))

    @pytest.mark.parametrize("n", range(3))
    def test_int(self, n):
        equal(fg.grad(self.f, n)(*self.args), self.parts[n])
        equal(fg.grad(self.f, n - 3)(*self.args), self.parts[n])
        equal(fg.grad(self.f, np.int64(n))(*self.args), self.parts[n])

    @pytest.mark.parametrize("argnums", [(0,), (0, 1), (2, 0), (-1, 0), [1, 2], ()])
    def test_sequence(self, argnums):
        equal(fg.grad(self.f, argnums)(*self.args), tuple(self.parts[n] for n in argnums))

    @pytest.mark.parametrize("transform", [fg.value_and_grad, fg.jacfwd, fg.jacrev, fg.elementwise_grad])
    def test_the_others(self, transform):
        found = transform(self.f, argnums=(-1, 0))(*self.args)
        if transform is fg.value_and_grad:
            value, found = found
            equal(value, self.f(*self.args))
        equal(found, (self.parts[2], self.parts[0]))

    @pytest.mark.parametrize("argnums", [3, -4, (0, 3)])
    def test_out_of_range(self, argnums):
        for transform in (fg.grad, fg.jacfwd, fg.jacrev, fg.elementwise_grad):
            with pytest.raises(ValueError, match=r"argnums=.*positional argument -?\d, but the call has 3"):
                transform(self.f, argnums)(*self.args)

    @pytest.mark.parametrize("argnums", [(0, 0), (0, -3)])
    def test_twice(self, argnums):
        with pytest.raises(ValueError, match=r"twice"):
            fg.grad(self.f, argnums)(*self.args)

    @pytest.mark.parametrize("argnums", ["x", 1.5, (0, "y"), (True,), None])
    def test_no_ints(self, argnums):
        with pytest.raises(TypeError, match=r"argnums"):
            fg.grad(self.f, argnums)(*self.args)

    def test_keyword_arguments_are_passed_on(self):
        f = lambda x, *, scale, shift=0.0: np.sum(x * scale) + shift
        equal(fg.grad(f)(X, scale=3.0), np.full(3, 3.0))
        equal(fg.value_and_grad(f)(X, scale=np.ones(3), shift=1.0), (np.sum(X) + 1.0, np.ones(3)))
        equal(fg.jacrev(f)(X, scale=3.0), np.full(3, 3.0))
        with pytest.raises(ValueError, match=r"by keyword"):
            fg.grad(lambda x: x)(x=1.0)


class TestAux:
    f = staticmethod(lambda x: (np.sum(x**2), {"y": np.sin(x), "text": "kept", "n": 3}))

    def check(self, aux):
        assert type(aux["y"]) is np.ndarray
        np.testing.assert_allclose(aux["y"], np.sin(X))
        assert (aux["text"], aux["n"]) == ("kept", 3)

    def test_grad(self):
        gradient, aux = fg.grad(self.f, has_aux=True)(X)
        equal(gradient, 2 * X)
        self.check(aux)

    def test_value_and_grad(self):
        (value, aux), gradient = fg.value_and_grad(self.f, has_aux=True)(X)
        equal((value, gradient), (np.sum(X**2), 2 * X))
        self.check(aux)

    def test_vjp(self):
        value, pullback, aux = fg.vjp(self.f, X, has_aux=True)
        equal((value, pullback(2.0)), (np.sum(X**2), (4 * X,)))
        self.check(aux)

    def test_jvp(self):
        value, moved, aux = fg.jvp(self.f, (X,), (Y,), has_aux=True)
        equal((value, moved), (np.sum(X**2), 2 * np.sum(X * Y)))
        self.check(aux)

    def test_linearize(self):
        value, f_jvp, aux = fg.linearize(self.f, X, has_aux=True)
        equal((value, f_jvp(Y)), (np.sum(X**2), 2 * np.sum(X * Y)))
        self.check(aux)

    @pytest.mark.parametrize("transform", [fg.jacfwd, fg.jacrev])
    def test_jacobian(self, transform):
        jacobian, aux = transform(self.f, has_aux=True)(X)
        equal(jacobian, 2 * X)
        self.check(aux)

    def test_hessian(self):
        found, aux = fg.hessian(self.f, has_aux=True)(X)
        equal(found, 2 * np.eye(3))
        self.check(aux)

    def test_nested(self):
        def outer(x):
            gradient, aux = fg.grad(self.f, has_aux=True)(x)
            return np.sum(gradient * aux["y"])

        equal(fg.grad(outer)(X), 2 * np.sin(X) + 2 * X * np.cos(X))

    @pytest.mark.parametrize("out", [1.0, (1.0,), (1.0, 2.0, 3.0), None])
    def test_no_pair(self, out):
        f = lambda x: out
        for call in (
            lambda: fg.grad(f, has_aux=True)(X),
            lambda: fg.vjp(f, X, has_aux=True),
            lambda: fg.jvp(f, (X,), (X,), has_aux=True),
            lambda: fg.linearize(f, X, has_aux=True),
        ):
            with pytest.raises(TypeError, match=r"has_aux=True .*\(output, aux\)"):
                call()


class Layer(NamedTuple):
    w: Any
    b: Any


@fg.register_dataclass
@dataclass
class Model:
    first: Any
    rest: Any


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b


fg.register_pytree_node(Pair, lambda p: ((p.a, p.b), None), lambda aux, xs: Pair(*xs))

TREES = {
    "tuple": (X, (Y, 2.0)),
    "list": [X, [Y, np.array(2.0)]],
    "dict": {"b": X, "a": {"c": Y}},
    "ordered dict": OrderedDict(z=X, a=Y),
    "namedtuple": Layer(np.outer(X, Y), X),
    "none": (None, X, {"k": None, "v": Y}),
    "dataclass": Model(X, [Layer(X, Y), None]),
    "registered": [Pair(X, (Y,))],
    "empty": (X, (), {}, []),
    "float32": (X.astype(np.float32), Y),
    "scalars": {"python": 1.5, "numpy": np.float64(2.5), "single": np.float32(0.5)},
}


def total(tree):
    """A function of all leaves whose gradient is cos(2 x) for each."""
    return sum(np.sum(np.sin(2.0 * leaf)) / 2.0 for leaf in fg.tree.leaves(tree))


@pytest.mark.parametrize("name", TREES)
class TestPytrees:
    def test_grad(self, name):
        gradient = fg.grad(total)(TREES[name])
        leaves, structure = fg.tree.flatten(gradient)
        assert structure == fg.tree.structure(TREES[name])
        for g, x in zip(leaves, fg.tree.leaves(TREES[name])):
            assert (np.shape(g), np.asarray(g).dtype) == (np.shape(x), np.asarray(x).dtype)
            np.testing.assert_allclose(g, np.cos(2 * np.asarray(x)), rtol=1e-6)

    def test_output_of_vjp_and_jvp(self, name):
        x = TREES[name]
        twice = lambda t: fg.tree.map(lambda leaf: leaf * leaf, t)
        out, pullback = fg.vjp(twice, x)
        assert fg.tree.structure(out) == fg.tree.structure(x)
        moved = fg.jvp(twice, (x,), (x,))[1]
        again = fg.linearize(twice, x)[1](x)
        back = pullback(x)[0]
        for tree in (moved, again, back):
            assert fg.tree.structure(tree) == fg.tree.structure(x)
            for t, leaf in zip(fg.tree.leaves(tree), fg.tree.leaves(x)):
                assert np.asarray(t).dtype == np.asarray(leaf).dtype
                np.testing.assert_allclose(t, 2 * np.asarray(leaf) ** 2, rtol=1e-6)

    def test_numerically(self, name):
        check_grads(total, (TREES[name],), order=1, atol=0.02 if name in ("float32", "scalars") else None)

    def test_jacobians(self, name):
        x = TREES[name]
        f = lambda t: {"total": total(t), "first": fg.tree.leaves(t)[0] * 3.0}
        for transform in (fg.jacfwd, fg.jacrev):
            found = transform(f)(x)
            assert fg.tree.structure(found["total"]) == fg.tree.structure(x)
            first = fg.tree.leaves(x)[0]
            size = np.size(first)
            block = np.asarray(fg.tree.leaves(found["first"])[0])
            assert block.shape == np.shape(first) * 2
            np.testing.assert_allclose(block.reshape(size, size), 3.0 * np.eye(size))
            for g, leaf in zip(fg.tree.leaves(found["total"]), fg.tree.leaves(x)):
                np.testing.assert_allclose(g, np.cos(2 * np.asarray(leaf)), rtol=1e-6)

    def test_hessian(self, name):
        x = TREES[name]
        found = fg.hessian(total)(x)
        leaves = fg.tree.leaves(x)
        blocks = fg.tree.leaves(found)
        assert len(blocks) == len(leaves) ** 2
        for i, a in enumerate(leaves):
            for j, b in enumerate(leaves):
                block = np.asarray(blocks[i * len(leaves) + j])
                assert block.shape == np.shape(a) + np.shape(b)
                diagonal = np.diag(-2 * np.sin(2 * np.ravel(a))) if i == j else 0.0
                np.testing.assert_allclose(
                    block.reshape(np.size(a), np.size(b)), diagonal, rtol=1e-5, atol=1e-7
                )

    def test_hvp(self, name):
        x = TREES[name]
        found = fg.hvp(total, (x,), (x,))
        assert fg.tree.structure(found) == fg.tree.structure(x)
        for h, leaf in zip(fg.tree.leaves(found), fg.tree.leaves(x)):
            leaf = np.asarray(leaf)
            np.testing.assert_allclose(h, -2 * np.sin(2 * leaf) * leaf, rtol=1e-5)

    def test_ravel(self, name):
        vector, unravel = fg.ravel_pytree(TREES[name])
        assert vector.ndim == 1
        assert vector.size == sum(np.size(leaf) for leaf in fg.tree.leaves(TREES[name]))
        flat = fg.grad(lambda v: total(unravel(v)))(vector)
        expected, _ = fg.ravel_pytree(fg.grad(total)(TREES[name]))
        np.testing.assert_allclose(flat, expected, rtol=1e-6)
        check = fg.grad(lambda t: np.sum(fg.ravel_pytree(t)[0] ** 2))(TREES[name])
        for g, leaf in zip(fg.tree.leaves(check), fg.tree.leaves(TREES[name])):
            np.testing.assert_allclose(g, 2 * np.asarray(leaf), rtol=1e-6)

    def test_jit(self, name):
        """Kernels' own polynomials differ from NumPy's functions in the last place or two."""
        x = TREES[name]
        found, wanted = fg.jit(fg.grad(total))(x), fg.grad(total)(x)
        assert fg.tree.structure(found) == fg.tree.structure(wanted)
        for a, b in zip(fg.tree.leaves(found), map(np.asarray, fg.tree.leaves(wanted))):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=4 * np.finfo(b.dtype).eps)


class TestGrad:
    def test_value_comes_with_it(self):
        equal(fg.value_and_grad(lambda x: np.sum(np.sin(x)))(X), (np.sum(np.sin(X)), np.cos(X)))

    def test_float32(self):
        value, gradient = fg.value_and_grad(lambda x: np.sum(np.sin(x) * 2.0))(X.astype(np.float32))
        assert (value.dtype, gradient.dtype) == (np.float32, np.float32)

    def test_mixed_dtypes(self):
        found = fg.grad(lambda x, y: np.sum(x * y), (0, 1))(X.astype(np.float32), Y)
        assert [g.dtype for g in found] == [np.float32, np.float64]
        np.testing.assert_allclose(found[1], X.astype(np.float32))

    def test_python_scalar_beside_an_array(self):
        """A Python float is a leaf of shape (): its gradient is summed over what it was broadcast to."""
        for f in (
            lambda x, y: np.sum(x * y),
            lambda x, y: np.sum(y * x),
            lambda x, y: np.sum(x + y) + np.sum(x / y),
        ):
            for g, e in zip(fg.grad(f, (0, 1))(X, 3.0), fg.grad(f, (0, 1))(X, np.array(3.0))):
                equal(np.asarray(g), e)

    def test_python_and_numpy_scalars(self):
        for x in (3.0, np.float64(3.0), np.array(3.0)):
            g = fg.grad(lambda x: x * x)(x)
            assert g == 6.0 and np.shape(g) == ()
        assert type(fg.grad(lambda x: x * x)(np.array(3.0))) is np.ndarray

    def test_unused_argument_has_zero_gradient(self):
        equal(fg.grad(lambda x, y: np.sum(x), (0, 1))(X, Y), (np.ones(3), np.zeros(3)))
        equal(fg.grad(lambda x: 3.0)(X), np.zeros(3))

    def test_used_twice(self):
        equal(fg.grad(lambda x, y: np.sum(x * y), (0, 1))(X, X), (X, X))
        equal(fg.grad(lambda p: np.sum(p[0] * p[1]))([X, X]), [X, X])

    def test_identity(self):
        assert fg.grad(lambda x: x)(2.0) == 1.0
        equal(fg.vjp(lambda x: x, X)[1](Y), (Y,))

    def test_zero_size(self):
        equal(fg.grad(lambda x: np.sum(x * x))(np.zeros((0, 3))), np.zeros((0, 3)))

    def test_singular_points_do_not_warn(self):
        """Warnings are errors in these tests; the value's own warnings are NumPy's, a derivative has none."""
        assert fg.grad(np.sqrt)(0.0) == np.inf
        assert fg.jvp(np.sqrt, (0.0,), (1.0,))[1] == np.inf
        assert fg.linearize(np.sqrt, 0.0)[1](1.0) == np.inf
        assert np.isnan(fg.grad(lambda x: np.sqrt(x) * 0.0)(0.0))

    def test_value_dependent_control_flow(self):
        def f(x):
            y = x
            while y < 10.0:
                y = y * y if y > 2.0 else y * 3.0
            if y > 50.0:
                return -y
            return y

        assert fg.grad(f)(1.0) == fg.grad(lambda x: (3.0 * x) ** 4)(1.0) * -1.0
        assert fg.grad(f)(5.0) == 10.0
        assert fg.jvp(f, (5.0,), (1.0,))[1] == 10.0
        assert fg.vjp(f, 20.0)[1](1.0) == (1.0,)
        assert fg.grad(fg.grad(f))(5.0) == 2.0

    def test_decorated_method(self):
        class Quadratic:
            a = 3.0

            @fg.grad
            def square(x):
                return x * x

            def slope(self, x):
                return fg.grad(self.value)(x)

            def value(self, x):
                return self.a * x * x

        assert Quadratic().slope(2.0) == 12.0

    def test_names_are_kept(self):
        def loss(x):
            """The loss."""
            return x

        for transform in (fg.grad, fg.vmap, fg.jit, fg.jacrev, fg.checkpoint, fg.value_and_grad):
            assert (transform(loss).__name__, transform(loss).__doc__) == ("loss", "The loss.")


class TestAllowInt:
    @pytest.mark.parametrize("x", [np.arange(3), np.array([True, False, True]), 3, True])
    def test_float0(self, x):
        g = fg.grad(lambda n, y: np.sum(n * y), allow_int=True)(x, Y)
        assert np.asarray(g).dtype == FLOAT0 and np.shape(g) == np.shape(x)

    def test_beside_floats(self):
        g = fg.grad(lambda p: np.sum(p["n"] * p["x"]), allow_int=True)({"n": np.arange(3), "x": X})
        equal(g["x"], np.arange(3.0))
        assert g["n"].dtype == FLOAT0

    def test_vjp_and_jvp_take_integers_as_constants(self):
        _value, pullback = fg.vjp(lambda n, x: n * x, np.arange(3), X)
        cts = pullback(np.ones(3))
        assert cts[0].dtype == FLOAT0
        equal(cts[1], np.arange(3.0))
        _, moved = fg.jvp(lambda n, x: (n * x, n), (np.arange(3), X), (np.zeros(3, FLOAT0), Y))
        equal(moved[0], np.arange(3) * Y)
        assert moved[1].dtype == FLOAT0

    def test_by_position(self):
        assert fg.grad(lambda p: p[0] * 2.0, 0, False, True)((1.0, 3))[0] == 2.0
        assert fg.value_and_grad(lambda p: p[0] * 2.0, 0, False, True)((1.0, 3))[1][0] == 2.0

    @pytest.mark.parametrize("primal, tangent", [(2, 1), (2, 1.0), (np.arange(3), np.ones(3)), (True, True)])
    def test_an_integer_does_not_move(self, primal, tangent):
        with pytest.raises(NotDifferentiableError, match=r"jvp: argument 1 `p`, leaf \['n'\] is an integer or bool"):
            fg.jvp(lambda x, p: x * p["n"], (1.0, {"n": primal}), (1.0, {"n": tangent}))

    @pytest.mark.parametrize("tangent", [0, np.int64(0), np.zeros((), FLOAT0)])
    def test_no_movement_of_an_integer(self, tangent):
        assert fg.jvp(lambda x, n: x * n, (1.0, 2), (1.0, tangent)) == (2.0, 2.0)


Z = np.array([0.4 - 0.3j, -1.1 + 0.8j])


class TestComplex:
    """JAX's convention: the gradient of a real function of z = x + iy is df/dx - i df/dy."""

    def test_real_output(self):
        equal(fg.grad(lambda z: np.sum(np.abs(z) ** 2))(Z), 2 * np.conj(Z))
        equal(fg.grad(lambda z: np.sum(np.real(z)))(Z), np.ones(2) + 0j)
        equal(fg.grad(lambda z: np.sum(np.imag(z)))(Z), np.full(2, -1j))
        equal(fg.grad(lambda z: np.sum(np.real(z * z)))(Z), 2 * Z)

    def test_steepest_ascent_is_the_conjugate(self):
        f = lambda z: np.sum(np.real(z) ** 2 * np.imag(z) + np.imag(z) ** 3)
        g, eps = fg.grad(f)(Z), 1e-6
        for k in range(2):
            e = np.eye(2)[k]
            dx = (f(Z + eps * e) - f(Z - eps * e)) / (2 * eps)
            dy = (f(Z + 1j * eps * e) - f(Z - 1j * eps * e)) / (2 * eps)
            np.testing.assert_allclose(g[k], dx - 1j * dy, rtol=1e-8)

    def test_holomorphic(self):
        equal(fg.grad(lambda z: z**3, holomorphic=True)(Z[0]), 3 * Z[0] ** 2)
        equal(fg.grad(fg.grad(lambda z: z**3, holomorphic=True), holomorphic=True)(Z[0]), 6 * Z[0])
        for transform in (fg.jacfwd, fg.jacrev):
            equal(transform(np.exp, holomorphic=True)(Z), np.diag(np.exp(Z)))
        equal(fg.hessian(lambda z: np.sum(np.sin(z)), holomorphic=True)(Z), np.diag(-np.sin(Z)))

    def test_real_input_through_complex_values(self):
        f = lambda x: np.abs(np.sum(np.exp(1j * x))) ** 2
        g = fg.grad(f)(X)
        assert g.dtype == np.float64
        eps = 1e-6
        expected = [(f(X + eps * e) - f(X - eps * e)) / (2 * eps) for e in np.eye(3)]
        np.testing.assert_allclose(g, expected, rtol=1e-7)

    def test_vjp_does_not_conjugate(self):
        equal(fg.vjp(lambda z: z * (2 + 1j), Z)[1](Z)[0], Z * (2 + 1j))
        equal(fg.vjp(np.conj, Z)[1](Z)[0], np.conj(Z))

    def test_complex64(self):
        g = fg.grad(lambda z: np.sum(np.abs(z) ** 2))(Z.astype(np.complex64))
        assert g.dtype == np.complex64

    def test_refused(self):
        with pytest.raises(TypeError, match=r"real output.*holomorphic"):
            fg.grad(lambda z: z * z)(Z[0])
        with pytest.raises(NotDifferentiableError, match=r"holomorphic=True needs complex inputs"):
            fg.grad(lambda z: z * z, holomorphic=True)(1.0)
        with pytest.raises(TypeError, match=r"needs a complex output"):
            fg.grad(np.abs, holomorphic=True)(Z[0])
        with pytest.raises(TypeError, match=r"holomorphic"):
            fg.jacfwd(np.abs)(Z)
        with pytest.raises(TypeError, match=r"holomorphic"):
            fg.jacrev(lambda x: x * 1j)(X)

    def test_numerically(self):
        check_grads(lambda z: np.sin(z) * np.conj(z), (Z,), order=2)


class TestVjp:
    def test_any_number_of_times(self):
        _, pullback = fg.vjp(lambda x: np.exp(x) * x, X)
        first = pullback(np.ones(3))[0]
        for _ in range(3):
            np.testing.assert_array_equal(pullback(np.ones(3))[0], first)
        np.testing.assert_array_equal(pullback(np.full(3, 2.0))[0], 2 * first)

    def test_cotangent_structure(self):
        _out, pullback = fg.vjp(lambda x: {"a": x * 2.0, "b": (x * 3.0, 5.0)}, X)
        equal(pullback({"a": np.ones(3), "b": (np.ones(3), 1.0)}), (np.full(3, 5.0),))

    def test_integer_outputs_take_no_cotangent(self):
        out, pullback = fg.vjp(lambda x: (x * 2.0, np.argmax(x)), X)
        assert out[1] == 2
        equal(pullback((np.ones(3), np.zeros((), FLOAT0))), (np.full(3, 2.0),))

    def test_python_cotangent_takes_the_outputs_dtype(self):
        _, pullback = fg.vjp(lambda x: np.sum(x), X.astype(np.float32))
        assert pullback(1.0)[0].dtype == np.float32

    def test_several_primals(self):
        equal(fg.vjp(lambda x, y: x * y, X, Y)[1](np.ones(3)), (Y, X))
        assert fg.vjp(lambda: 3.0)[1](1.0) == ()


class TestJvp:
    def test_value_and_tangent(self):
        value, moved = fg.jvp(lambda x, y: x * np.sin(y), (X, Y), (Y, X))
        equal((value, moved), (X * np.sin(Y), Y * np.sin(Y) + X * np.cos(Y) * X))

    def test_constant_output_has_zero_tangent(self):
        _value, moved = fg.jvp(lambda x: (x, np.ones(2), 3.0), (X,), (Y,))
        equal(moved[0], Y)
        equal(np.asarray(moved[1]), np.zeros(2))
        assert moved[2] == 0.0

    def test_lists(self):
        equal(fg.jvp(np.sin, [X], [Y])[1], np.cos(X) * Y)


class TestLinearize:
    def test_many_tangents(self):
        calls = []

        def f(x):
            calls.append(1)
            return np.sin(x) * np.sum(x)

        value, f_jvp = fg.linearize(f, X)
        equal(value, np.sin(X) * np.sum(X))
        for t in (X, Y, np.zeros(3)):
            equal(f_jvp(t), np.cos(X) * t * np.sum(X) + np.sin(X) * np.sum(t))
        assert len(calls) == 1

    def test_output_that_does_not_move(self):
        _value, f_jvp = fg.linearize(lambda x: (x * 2.0, np.ones(2), 3.0), X)
        moved = f_jvp(Y)
        equal(moved[0], 2 * Y)
        np.testing.assert_array_equal(moved[1], np.zeros(2))
        assert moved[2] == 0.0

    @pytest.mark.parametrize("wrap", [fg.checkpoint, fg.jit])
    def test_output_of_a_call_that_does_not_move(self, wrap):
        _, f_jvp = fg.linearize(wrap(lambda x: (x * 2.0, np.ones(2))), X)
        moved = f_jvp(Y)
        equal(moved, (2 * Y, np.zeros(2)))

    def test_structure(self):
        _, f_jvp = fg.linearize(lambda p: [p["a"] * p["b"]], {"a": X, "b": Y})
        equal(f_jvp({"a": np.ones(3), "b": np.zeros(3)}), [Y])


class TestLinearTranspose:
    def test_matrix(self):
        a = np.arange(6.0).reshape(2, 3)
        equal(fg.linear_transpose(lambda x: a @ x, X)(np.array([1.0, 2.0])), (np.array([1.0, 2.0]) @ a,))

    def test_several_arguments_and_outputs(self):
        f = lambda x, y: {"s": x + 2.0 * y, "d": x[1:] - y[:2]}
        cts = {"s": np.ones(3), "d": np.array([1.0, 10.0])}
        equal(fg.linear_transpose(f, X, Y)(cts), (np.array([1.0, 2.0, 11.0]), np.array([1.0, -8.0, 2.0])))

    def test_shapes_are_enough(self):
        f = fg.linear_transpose(lambda x: x.reshape(3, 2).sum(axis=0), Aval((6,), np.dtype(np.float32)))
        equal(f(np.array([1, 2], np.float32)), (np.array([1, 2, 1, 2, 1, 2], np.float32),))

    def test_transpose_of_the_transpose(self):
        f = lambda x: np.cumsum(x) * 2.0
        back = lambda ct: fg.linear_transpose(f, X)(ct)[0]
        equal(fg.linear_transpose(back, X)(Y)[0], f(Y))

    @pytest.mark.parametrize("f", [np.sin, lambda x: x * x, lambda x: 3.0 / x, np.abs, lambda x: 2.0])
    def test_not_linear(self, f):
        with pytest.raises(TypeError, match=r"linear"):
            fg.linear_transpose(f, X)(X)

    def test_integers_refused(self):
        with pytest.raises(TypeError, match=r"int64"):
            fg.linear_transpose(lambda x: x, np.arange(3))


class TestDense:
    def test_shapes(self):
        f = lambda x: np.outer(x, x)
        for transform in (fg.jacfwd, fg.jacrev, fg.jacobian):
            found = transform(f)(X)
            assert found.shape == (3, 3, 3)
            expected = np.einsum("ik,j->ijk", np.eye(3), X) + np.einsum("jk,i->ijk", np.eye(3), X)
            equal(found, expected)

    def test_matrix_argument(self):
        a = np.arange(6.0).reshape(2, 3)
        for transform in (fg.jacfwd, fg.jacrev):
            equal(transform(lambda a: a @ X)(a), np.einsum("ij,k->ijk", np.eye(2), X))

    def test_layout_over_argnums_and_outputs(self):
        f = lambda x, y: (x * y, {"s": np.sum(x)})
        for transform in (fg.jacfwd, fg.jacrev):
            found = transform(f, argnums=(1, 0))(X, Y)
            equal(found, ((np.diag(X), np.diag(Y)), {"s": (np.zeros(3), np.ones(3))}))

    def test_hessian_over_argnums(self):
        found = fg.hessian(lambda x, y: np.sum(x * x * y), (0, 1))(X, Y)
        equal(found, ((np.diag(2 * Y), np.diag(2 * X)), (np.diag(2 * X), np.zeros((3, 3)))))

    def test_hvp_over_arguments(self):
        f = lambda x, y: np.sum(x * x * y)
        equal(fg.hvp(f, (X, Y), (Y, X)), (2 * Y * Y + 2 * X * X, 2 * X * Y))

    def test_elementwise_grad(self):
        equal(fg.elementwise_grad(np.tanh)(X), 1 - np.tanh(X) ** 2)
        equal(fg.elementwise_grad(fg.elementwise_grad(np.sin))(X), -np.sin(X))
        equal(fg.elementwise_grad(lambda x, y: x * y, 1)(X, Y), X)
        assert fg.elementwise_grad(np.sin)(0.0) == 1.0
        with pytest.raises(TypeError, match=r"what the function returned is tuple"):
            fg.elementwise_grad(lambda x: (x, x))(X)

    def test_jacfwd_dtype_is_the_outputs(self):
        x = X.astype(np.float32)
        for transform in (fg.jacfwd, fg.jacrev):
            assert transform(np.sin)(x).dtype == np.float32

    def test_integer_outputs_refused(self):
        for transform in (fg.jacfwd, fg.jacrev):
            with pytest.raises(NotDifferentiableError, match=r"int64"):
                transform(lambda x: np.argmax(x))(X)


class TestVmap:
    M = np.arange(24.0).reshape(2, 3, 4)

    @pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
    def test_axes(self, axis):
        found = fg.vmap(lambda x: x * 2.0, in_axes=axis, out_axes=axis)(self.M)
        equal(found, 2 * self.M)
        equal(fg.vmap(np.sum, in_axes=axis)(self.M), np.sum(np.moveaxis(self.M, axis, 0), axis=(1, 2)))
        equal(fg.vmap(lambda x: x, in_axes=axis)(self.M), np.moveaxis(self.M, axis, 0))
        equal(fg.vmap(lambda x: x, out_axes=axis)(self.M), np.moveaxis(self.M, 0, axis))

    def test_none(self):
        equal(fg.vmap(lambda x, y: x * y, in_axes=(0, None))(X, 2.0), 2 * X)
        equal(fg.vmap(lambda x, y: (x, y), (0, None), (0, None))(X, 2.0), (X, 2.0))
        equal(fg.vmap(lambda x, y: y, in_axes=(0, None))(X, Y), np.stack([Y, Y, Y]))

    def test_pytree_axes(self):
        f = lambda p, x: {"y": p["w"] @ x + p["b"], "n": np.sum(p["w"])}
        p = {"w": self.M[0].T, "b": np.arange(8.0).reshape(4, 2)}
        found = fg.vmap(f, in_axes=({"w": None, "b": 1}, None), out_axes={"y": 1, "n": None})(p, X)
        equal(found, {"y": (p["w"] @ X)[:, None] + p["b"], "n": np.sum(p["w"])})
        nested = fg.vmap(lambda t: t[0] * t[1][0] + t[1][1], in_axes=((0, (None, 0)),))((X, (2.0, Y)))
        equal(nested, 2 * X + Y)

    def test_keyword_arguments_are_batched_along_axis_0(self):
        equal(fg.vmap(lambda x, *, y: x * y)(X, y=Y), X * Y)

    def test_nested_over_different_axes(self):
        table = fg.vmap(fg.vmap(lambda x, y: x * y, (None, 0)), (0, None))(X, Y)
        equal(table, np.outer(X, Y))

    def test_size_zero(self):
        equal(fg.vmap(lambda x: np.sum(x) * np.ones(2))(np.zeros((0, 3))), np.zeros((0, 2)))

    def test_constant_output(self):
        equal(fg.vmap(lambda x: 3.0)(X), np.full(3, 3.0))
        equal(fg.vmap(lambda x: np.arange(2))(X), np.stack([np.arange(2)] * 3))

    def test_integers(self):
        equal(fg.vmap(lambda i, x: fg.numpy.take(x, i), (0, None))(np.array([2, 0]), X), X[[2, 0]])

    def test_errors(self):
        with pytest.raises(
            ValueError, match=r"batch sizes differ.*argument 0 `x`.*has 3.*argument 1 `y`.*has 2"
        ):
            fg.vmap(lambda x, y: x)(X, X[:2])
        with pytest.raises(ValueError, match=r"argument 0 `x`.* no axis 1"):
            fg.vmap(lambda x: x, in_axes=1)(X)
        with pytest.raises(ValueError, match=r"no argument is batched"):
            fg.vmap(lambda x: x, in_axes=None)(X)
        with pytest.raises(ValueError, match=r"in_axes has 1 entries.* 2 positional"):
            fg.vmap(lambda x, y: x, in_axes=(0,))(X, Y)
        with pytest.raises(ValueError, match=r"leaf \['b'\]"):
            fg.vmap(lambda p: p["a"])({"a": X, "b": X[:2]})
        with pytest.raises(ValueError, match=r"out_axes is None"):
            fg.vmap(lambda x: x, out_axes=None)(X)
        with pytest.raises(ValueError, match=r"out_axes=2"):
            fg.vmap(lambda x: x, out_axes=2)(X)
        with pytest.raises(TypeError, match=r"in_axes"):
            fg.vmap(lambda x: x, in_axes=1.0)(X)
        with pytest.raises(TypeError, match=r"str"):
            fg.vmap(lambda x: "text")(X)
        with pytest.raises(ValueError, match=r"no axis"):
            fg.vmap(lambda x, y: x)(X, 2.0)


class TestStopGradient:
    def test_zero_derivative(self):
        assert fg.grad(lambda x: x * fg.stop_gradient(x))(3.0) == 3.0
        assert fg.jvp(lambda x: x * fg.stop_gradient(x), (3.0,), (1.0,))[1] == 3.0
        assert fg.grad(fg.grad(lambda x: fg.stop_gradient(x**2) * x))(3.0) == 0.0

    def test_pytrees(self):
        stopped = fg.stop_gradient({"a": X, "b": (Y, None), "n": 3})
        equal(stopped, {"a": X, "b": (Y, None), "n": 3})
        f = lambda p: np.sum(fg.stop_gradient(p)["a"] * p["b"][0])
        equal(fg.grad(f)({"a": X, "b": (Y,)}), {"a": np.zeros(3), "b": (X,)})

    def test_inside_vmap_and_jit(self):
        f = lambda x: np.sum(x * fg.stop_gradient(x))
        equal(fg.vmap(fg.grad(f))(np.stack([X, Y])), np.stack([X, Y]))
        equal(fg.jit(fg.grad(f))(X), X)
        equal(fg.grad(fg.jit(f))(X), X)

    def test_whole_function_stopped(self):
        equal(fg.grad(lambda x: fg.stop_gradient(np.sum(x)))(X), np.zeros(3))


class TestStaging:
    def test_make_graph_is_a_program_that_runs(self):
        graph = fg.make_graph(lambda x, y: {"s": np.sin(x) * y, "t": np.sum(x)})(X, 2.0)
        assert isinstance(graph, fg.Graph)
        graph.check()
        found = evaluate(graph, [X, 2.0])
        equal(found, [np.sin(X) * 2.0, np.sum(X)])
        text = str(graph)
        assert text.startswith("def program(") and "sin(" in text and "f64[3]" in text

    def test_make_graph_of_a_gradient(self):
        graph = fg.make_graph(fg.grad(lambda x: np.sum(np.sin(x))))(X)
        assert "cos" in str(graph)
        equal(evaluate(graph.check(), [X])[0], np.cos(X))

    def test_text_is_python(self):
        compile(str(fg.make_graph(lambda x, y: (np.sin(x) @ y, x[1:]))(X, Y)), "<program>", "exec")

    def test_eval_shape(self):
        def never(x):
            return {"a": x @ x.T, "b": (np.sum(x, axis=0), 1.0)}

        found = fg.eval_shape(never, np.ones((4, 2), np.float32))
        assert (found["a"].shape, found["a"].dtype) == ((4, 4), np.float32)
        assert (found["b"][0].shape, found["b"][0].dtype) == ((2,), np.float32)
        assert found["b"][1].shape == ()
        big = fg.eval_shape(lambda x: x * 2.0, Aval((10**9, 10**3), np.dtype(np.float64)))
        assert big.shape == (10**9, 10**3)
        assert fg.eval_shape(lambda *, k: k[0], k=[X]).shape == (3,)

    def test_errors(self):
        with pytest.raises(TypeError, match=r"str"):
            fg.make_graph(lambda x: x)("text")
        with pytest.raises(TypeError, match=r"output.*str|str.*output"):
            fg.make_graph(lambda x: "text")(X)


class TestResultsAreTheCallersOwn:
    """Writable, C-contiguous arrays that share memory with no argument and no other result."""

    F = staticmethod(
        lambda x: {"same": x, "turned": x.T, "part": x[0], "wide": np.broadcast_to(x[0, 0], (2, 2))}
    )
    A = np.arange(6.0).reshape(2, 3)
    CT = {"same": A.copy(), "turned": A.T.copy(), "part": X.copy(), "wide": np.ones((2, 2))}

    CALLS = {
        "grad": lambda s: fg.grad(lambda x, y: np.sum(x + y), (0, 1))(s.A, s.A),
        "grad of reshaped": lambda s: fg.grad(lambda x: np.sum(x.T * s.A.T))(s.A),
        "value_and_grad": lambda s: fg.value_and_grad(lambda x: x)(np.array(1.0)),
        "vjp value": lambda s: fg.vjp(s.F, s.A)[0],
        "vjp": lambda s: fg.vjp(s.F, s.A)[1](s.CT),
        "vjp of copies": lambda s: fg.vjp(lambda x, y: (x + y, x), s.A, s.A)[1]((s.A, s.A)),
        "jvp": lambda s: fg.jvp(s.F, (s.A,), (s.A,)),
        "linearize": lambda s: fg.linearize(s.F, s.A)[0],
        "linearized": lambda s: fg.linearize(s.F, s.A)[1](s.A),
        "linear_transpose": lambda s: fg.linear_transpose(s.F, s.A)(s.CT),
        "jacfwd": lambda s: fg.jacfwd(lambda x, y: (x.T * 2.0, np.sum(y)), (0, 1))(s.A, s.A),
        "jacrev": lambda s: fg.jacrev(lambda x, y: (x.T * 2.0, np.sum(y)), (0, 1))(s.A, s.A),
        "hessian": lambda s: fg.hessian(lambda x, y: np.sum(x * x * y), (0, 1))(s.A, s.A),
        "hvp": lambda s: fg.hvp(lambda x: np.sum(x * x), (s.A,), (s.A,)),
        "vmap": lambda s: fg.vmap(s.F, out_axes={"same": 1, "turned": 0, "part": 0, "wide": 0})(
            np.stack([s.A, s.A])
        ),
        "vmap of identity": lambda s: fg.vmap(lambda x: (x, x))(s.A),
        "elementwise_grad": lambda s: fg.elementwise_grad(lambda x: x.T)(s.A),
        "jit": lambda s: fg.jit(s.F)(s.A),
        "jit of identity": lambda s: fg.jit(lambda x: (x, x))(s.A),
        "jit of grad": lambda s: fg.jit(fg.grad(lambda x, y: np.sum(x + y), (0, 1)))(s.A, s.A),
    }

    @pytest.mark.parametrize("name", CALLS)
    def test_own(self, name):
        leaves = [x for x in fg.tree.leaves(self.CALLS[name](self)) if isinstance(x, np.ndarray)]
        for n, x in enumerate(leaves):
            assert type(x) is np.ndarray and x.flags.writeable and x.flags.c_contiguous
            for other in (self.A, *fg.tree.leaves(self.CT), *leaves[:n]):
                assert not np.shares_memory(x, other)

    def test_writing_into_what_came_back_changes_nothing(self):
        """What went into vjp and linearize, and the value that came out, may be written into."""
        for transform in (lambda f, x: fg.vjp(f, x), lambda f, x: fg.linearize(f, x)):
            x = X.copy()
            value, linear = transform(lambda x: np.exp(x) * x, x)
            expected = fg.tree.map(np.copy, linear(Y))
            value[:] = 0.0
            x[:] = 0.0
            equal(linear(Y), expected)

    def test_value_is_not_the_argument(self):
        x = np.array(1.0)
        value, _ = fg.value_and_grad(lambda x: x)(x)
        assert value == 1.0 and not np.shares_memory(value, x)

    def test_cotangents_that_meet_are_not_summed_in_place(self):
        """An element's cotangent is added into a buffer, which must not be another value's, nor the user's."""

        def f(a, b):
            element = a[0] * 5.0
            return np.sum((a + b) * Y) + element

        equal(fg.grad(f, (0, 1))(X, X), (Y + np.array([5.0, 0.0, 0.0]), Y))
        ct = np.ones(3)
        _, pullback = fg.vjp(lambda x: (x, x[0] * 5.0, x[0] * 2.0), X)
        equal(pullback((ct, 1.0, 1.0)), (np.array([8.0, 1.0, 1.0]),))
        equal(ct, np.ones(3))

    def test_programs_keep_their_own_constants(self):
        buffer = Y.copy()
        graph = fg.make_graph(lambda x: x * buffer)(X)
        f = fg.jit(lambda x: x * buffer)
        f(X)
        buffer[:] = 0.0
        equal(graph(X)[0], X * Y)
        equal(f(X), X * Y)

    @staticmethod
    def refilling(size):
        """A function that uses one buffer for several constants."""
        buffer = np.empty(size)

        def f(x):
            total = 0.0
            for k in range(1, 4):
                buffer[:] = k
                total = total + np.sum(x * buffer)
            return total

        return f, np.linspace(0.0, 1.0, size)

    @pytest.mark.parametrize("size", [3, 2000])
    def test_small_constants_may_be_written_into(self, size):
        f, x = self.refilling(size)
        equal(fg.grad(f)(x), np.full(size, 6.0))

    @pytest.mark.parametrize("size", [3, 5000])
    def test_constants_may_be_written_into_while_a_program_is_traced(self, size):
        f, x = self.refilling(size)
        equal(fg.jit(f)(x), f(x))
        equal(fg.jvp(f, (x,), (x,)), (f(x), f(x)))

    @pytest.mark.parametrize("use", [lambda x, m: np.sum(x * m), lambda x, m: x @ m, lambda x, m: np.dot(m, x)])
    def test_masked_constants_are_refused(self, use):
        """Their mask would be lost silently."""
        masked = np.ma.array(X, mask=[False, True, False])
        with pytest.raises(TypeError, match="mask"):
            fg.grad(lambda x: use(x, masked))(X)


def squared_sum(x):
    return np.sum(np.square(x))


decorated = fg.jit(squared_sum)


class TestPickle:
    @pytest.mark.parametrize(
        "make",
        [
            fg.grad,
            fg.value_and_grad,
            fg.vmap,
            fg.jit,
            fg.jacrev,
            fg.jacfwd,
            fg.hessian,
            fg.elementwise_grad,
            fg.checkpoint,
            lambda f: fg.vmap(fg.grad(f), in_axes=0),
            lambda f: fg.jit(fg.grad(f)),
            lambda f: fg.grad(fg.jit(f)),
        ],
    )
    def test_importable_functions(self, make, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
        f = make(squared_sum)
        again = pickle.loads(pickle.dumps(f))
        x = np.stack([X, Y])
        for a, b in zip(fg.tree.leaves(again(x)), fg.tree.leaves(f(x)), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_decorated_function_is_found_by_name(self):
        # its name is squared_sum's, so it pickles as a jit of that, not as a reference to itself
        assert pickle.loads(pickle.dumps(decorated))(X) == squared_sum(X)


def _this_module():
    import types

    module = types.ModuleType(__name__)
    module.__dict__.update(globals())
    return module


class TestResultsShareNoMemory:
    constant = np.array([4.0, 5.0, 6.0])

    def test_constants_given_back(self):
        value, tangent = fg.jvp(lambda x: (x, self.constant), (X,), (Y,))
        batch = fg.vmap(lambda x: (x, self.constant), out_axes=(0, None))(X)
        for y in (*value, *tangent, *batch):
            assert not np.shares_memory(y, X)
            assert not np.shares_memory(y, Y)
            assert not np.shares_memory(y, self.constant)

    def test_aux_is_neither_an_argument_nor_twice_the_same(self):
        def f(x):
            y = x * 2.0
            return np.sum(y), (x, y, y, y[::-1], x[:2])

        for aux in (fg.grad(f, has_aux=True)(X)[1], fg.jvp(f, (X,), (Y,), has_aux=True)[2]):
            for n, a in enumerate(aux):
                assert a.flags.c_contiguous
                assert not any(np.shares_memory(a, other) for other in (X, *aux[:n]))

    @pytest.mark.parametrize("transformation", [fg.vjp, fg.linearize])
    def test_writing_into_aux_leaves_the_derivative_as_it_is(self, transformation):
        def f(x):
            y = np.exp(x)
            return np.sum(y) * np.ones(3), y

        _, linear, aux = transformation(f, X, has_aux=True)
        expected = linear(Y)
        aux[:] = 0.0
        equal(linear(Y), expected)


def test_the_aval_of_an_aval_is_itself():
    aval = Aval((2, 3), np.dtype(np.float32))
    assert aval_of(aval) is aval


@pytest.mark.parametrize("exponent", [True, np.True_, np.array([True, False, True])])
def test_a_power_of_float32_to_a_bool_keeps_its_dtype(exponent):
    x = X.astype(np.float32)
    expected = np.broadcast_to(np.float32(exponent), (3,))
    equal(fg.grad(lambda x: np.sum(x**exponent))(x), expected)
    equal(fg.jvp(lambda x: x**exponent, (x,), (np.ones_like(x),))[1], expected)


D = {"b": np.array([1.0, 2.0]), "a": np.array([3.0])}
ORDERED = {
    "grad": lambda f: fg.grad(lambda d: f(d)[0])(D)["b"][0],
    "vjp": lambda f: fg.vjp(f, D)[0][0],
    "jvp": lambda f: fg.jvp(f, (D,), (D,))[0][0],
    "linearize": lambda f: fg.linearize(f, D)[0][0],
    "jit": lambda f: fg.jit(f)(D)[0],
    "keyword of jit": lambda f: fg.jit(lambda **d: f(d["d"]))(d=D)[0],
    "make_graph": lambda f: fg.make_graph(f)(D)(*fg.tree.leaves(D))[0][0],
    "vmap": lambda f: fg.vmap(f)({k: v[None] for k, v in D.items()})[0][0],
    "checkpoint": lambda f: fg.checkpoint(f)(D)[0],
    "jacrev": lambda f: fg.jacrev(f)(D)["b"][0, 0],
    "hessian": lambda f: fg.hessian(lambda d: 0.5 * f(d)[0] ** 2)(D)["b"]["b"][0, 0],
}


@pytest.mark.parametrize("name", ORDERED)
def test_inside_the_function_a_dict_has_the_order_it_was_given_in(name):
    assert ORDERED[name](lambda d: np.concatenate(list(d.values()))) == 1.0


def test_gradients_have_the_order_of_the_argument():
    gradient = fg.grad(lambda d: np.sum(d["b"]) * d["a"][0])(D)
    assert list(gradient) == ["b", "a"]
    compiled = fg.jit(lambda d: np.concatenate(list(d.values())))
    assert compiled(D).tolist() == [1.0, 2.0, 3.0]
    assert compiled(dict(sorted(D.items()))).tolist() == [3.0, 1.0, 2.0]
    other = {"a": np.array([1.0]), "b": np.array([0.0, 0.0])}
    assert fg.jvp(lambda d: np.sum(d["b"]) + d["a"][0], (D,), (other,))[1] == 1.0


def test_keys_that_are_equal_but_differ_do_not_share_a_trace():
    f = fg.jit(lambda d: next(iter(d)) / 2 * d[1])
    assert [f({key: 1.0}) for key in (1, 1.0, True)] == [0.5, 0.5, 0.5]
    kinds = []
    g = fg.jit(lambda d: kinds.append(type(next(iter(d)))) or d[1])
    for key in (1, 1.0, True):
        g({key: 1.0})
    assert kinds == [int, float, bool]


class TestMismatchesNameTheOption:
    @pytest.mark.parametrize(
        "call, text",
        [
            (lambda: fg.vmap(lambda x: x, out_axes=(0, 1))(X), "vmap: out_axes: expected a leaf, found tuple"),
            (lambda: fg.vmap(lambda x: {"k": x}, out_axes={"j": 0})(X), "vmap: out_axes: expected dict {'k': *}"),
            (lambda: fg.vmap(lambda x: {"k": x}, out_axes={"k": (0,)})(X), "vmap: out_axes['k']: expected a leaf"),
            (lambda: fg.vmap(lambda p: p["k"], in_axes=({"j": 0},))({"k": X}), "vmap: in_axes of argument 0 `p`: "),
            (lambda: fg.vmap(lambda p: p, in_axes=((0,),))(X), "vmap: in_axes of argument 0 `p`: expected a leaf"),
            (lambda: fg.jvp(lambda p: p["k"], ({"k": X},), ({"j": X},)), "jvp: the tangent of argument 0 `p`: "),
            (lambda: fg.linearize(lambda p: p[0], (X,))[1]([X]), "linearize: the tangent of argument 0 `p`: expected"),
            (lambda: fg.vjp(lambda x: (x, {"k": x}), X)[1]((X, X)), "vjp: the cotangent of output[1]: expected dict"),
        ],
    )
    def test_in_the_error(self, call, text):
        with pytest.raises(ValueError) as error:
            call()
        assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    "fun",
    [lambda a: np.sin(a), lambda a: np.stack([a, a])[1], lambda a: np.concatenate([a[None]])[0], lambda a: a.T],
)
def test_the_gradient_of_a_number_is_a_number(fun):
    """Of NumPy's, through whatever operations; that of an array of rank 0 is such an array."""
    for x in (np.float64(2.0), np.float32(2.0)):
        assert type(fg.grad(fun)(x)) is type(x)
        assert type(fg.vjp(fun, x)[1](x)[0]) is type(x)
        assert type(fg.grad(fun)(np.array(x))) is np.ndarray
