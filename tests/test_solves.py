"""custom_root and custom_linear_solve: derivatives that follow from the equation, in every transformation."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.errors import ConcretizationError, NotDifferentiableError

A = np.array([[3.0, 1.0, 0.2], [1.0, 4.0, 1.0], [0.5, 0.3, 5.0]])
S = A @ A.T
B = np.array([1.0, 2.0, 3.0])


def newton(f, x):
    return lax.while_loop(lambda x: np.abs(f(x)) > 1e-13, lambda x: x - f(x) / fg.grad(f)(x), x)


def python_newton(f, x):
    while abs(f(x)) > 1e-13:
        x = x - f(x) / fg.grad(f)(x)
    return x


def newtons(f, x):
    """Newton's method for vectors."""
    step = lambda i, x: x - np.linalg.solve(fg.jacobian(f)(x), f(x))
    return lax.fori_loop(0, 12, step, x)


def quotient(g, y):
    return y / g(1.0)


def dense(matvec, b):
    return np.linalg.solve(fg.jacobian(matvec)(b), b)


def conjugate_gradients(matvec, b):
    def body(state):
        x, r, p, k = state
        q = matvec(p)
        step = r @ r / (p @ q)
        after = r - step * q
        return x + step * p, after, after + (after @ after) / (r @ r) * p, k + 1

    goes_on = lambda state: (state[1] @ state[1] > 1e-26) & (state[3] < 50)
    return lax.while_loop(goes_on, body, (b * 0, b, b, 0))[0]


def square_root(a, solve=newton):
    return lax.custom_root(lambda x: x * x - a, 1.0, solve, quotient)


def bent(p, tangent_solve=dense):
    """The x with S x + tanh(x) = p."""
    return lax.custom_root(lambda x: S @ x + np.tanh(x) - p, np.zeros(3), newtons, tangent_solve)


def of_trees(p):
    f = lambda d: {"a": d["a"] * d["b"] - p["n"], "b": d["a"] - d["b"] * p["m"]}

    def solve(f, d):
        flat, back = fg.flatten_util.ravel_pytree(d)
        return back(newtons(lambda v: fg.flatten_util.ravel_pytree(f(back(v)))[0], flat))

    def tangent_solve(g, y):
        flat, back = fg.flatten_util.ravel_pytree(y)
        return back(dense(lambda v: fg.flatten_util.ravel_pytree(g(back(v)))[0], flat))

    return lax.custom_root(f, {"b": 1.0, "a": 1.0}, solve, tangent_solve)


def with_matrix(p):
    return lax.custom_linear_solve(lambda x: p["A"] @ x, p["b"], dense, dense)


def with_cg(p):
    matrix = p["A"] @ p["A"].T
    return lax.custom_linear_solve(lambda x: matrix @ x, p["b"], conjugate_gradients, symmetric=True)


SYSTEM = {"A": A, "b": B}
CASES = {
    "square root": (square_root, np.sqrt, 4.0),
    "vector": (bent, lambda p: newtons(lambda x: S @ x + np.tanh(x) - p, np.zeros(3)), B),
    "vector, tangents by conjugate gradients": (
        lambda p: bent(p, lambda g, y: lax.custom_linear_solve(g, y, conjugate_gradients, symmetric=True)),
        bent,
        B,
    ),
    "trees": (
        of_trees,
        lambda p: {"a": np.sqrt(p["n"] * p["m"]), "b": np.sqrt(p["n"] / p["m"])},
        {"n": 3.0, "m": 2.0},
    ),
    "linear": (with_matrix, lambda p: np.linalg.solve(p["A"], p["b"]), SYSTEM),
    "symmetric": (with_cg, lambda p: np.linalg.solve(p["A"] @ p["A"].T, p["b"]), SYSTEM),
    "in a scan": (
        lambda a: lax.scan(lambda c, _: (square_root(c + a), c), a, None, length=3),
        lambda a: lax.scan(lambda c, _: (np.sqrt(c + a), c), a, None, length=3),
        4.0,
    ),
    "in a branch": (
        lambda a: lax.cond(a > 3, square_root, lambda a: a * a, a),
        lambda a: lax.cond(a > 3, np.sqrt, lambda a: a * a, a),
        4.0,
    ),
    "in each other": (
        lambda a: lax.custom_root(lambda x: x - square_root(x + a), 2.0, newton, quotient),
        lambda a: 0.5 + np.sqrt(0.25 + a),
        2.0,
    ),
    "checkpoint": (fg.checkpoint(with_matrix), with_matrix, SYSTEM),
}


def close(found, expected, tol=1e-8):
    for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def total(fun):
    return lambda x: sum(np.sum(np.sin(leaf)) for leaf in fg.tree.leaves(fun(x)))


@pytest.mark.parametrize("name", CASES)
class TestLikeTheClosedForm:
    def test_values_and_first_order(self, name):
        fun, exact, x = CASES[name]
        close(fun(x), exact(x))
        close(fg.value_and_grad(total(fun))(x), fg.value_and_grad(total(exact))(x))
        close(fg.jvp(fun, (x,), (x,)), fg.jvp(exact, (x,), (x,)))
        close(fg.linearize(fun, x)[1](x), fg.jvp(exact, (x,), (x,))[1])

    def test_second_order(self, name):
        fun, exact, x = CASES[name]
        expected = fg.hessian(total(exact))(x)
        close(fg.hessian(total(fun))(x), expected)
        close(fg.jacrev(fg.jacrev(total(fun)))(x), expected)
        close(fg.jacrev(fg.jacfwd(total(fun)))(x), expected)

    def test_jit(self, name):
        if name not in ("square root", "trees", "symmetric", "in a scan"):
            pytest.skip("compiling takes a second each")
        fun, exact, x = CASES[name]
        close(fg.jit(fun)(x), exact(x))
        close(fg.jit(fg.grad(total(fun)))(x), fg.grad(total(exact))(x))
        close(fg.grad(total(fg.jit(fun)))(x), fg.grad(total(exact))(x))
        close(fg.jit(fg.hessian(total(fun)))(x), fg.hessian(total(exact))(x))

    def test_vmap(self, name):
        fun, exact, x = CASES[name]
        xs = fg.tree.map(lambda v: np.stack([v, v * 1.1, v * 1.3]), x)
        each = lambda f: fg.tree.map(
            lambda *ys: np.stack(ys), *[f(fg.tree.map(lambda v, i=i: v[i], xs)) for i in range(3)]
        )
        close(fg.vmap(fun)(xs), each(exact))
        close(fg.vmap(fg.grad(total(fun)))(xs), each(fg.grad(total(exact))))
        close(fg.vmap(fg.hessian(total(fun)))(xs), each(fg.hessian(total(exact))))
        close(fg.grad(lambda xs: np.sum(fg.vmap(total(fun))(xs)))(xs), each(fg.grad(total(exact))))


def test_third_order():
    assert fg.grad(fg.grad(fg.grad(square_root)))(4.0) == pytest.approx(3 / 8 * 4**-2.5)


class TestWhatTheFunctionsFind:
    def test_pythons_loops_over_values(self):
        by_python = lambda a: square_root(a, python_newton)
        assert by_python(4.0) == pytest.approx(2.0)
        assert fg.grad(by_python)(4.0) == pytest.approx(0.25)
        assert fg.hessian(by_python)(4.0) == pytest.approx(-1 / 32)
        with pytest.raises(ConcretizationError, match=r"while_loop"):
            fg.jit(by_python)(4.0)

    def test_python_looks_at_the_root(self):
        f = lambda a: lax.custom_root(lambda x: x * x - a if x > 0 else x + a, 1.0, python_newton, quotient)
        assert fg.grad(f)(4.0) == pytest.approx(0.25)

    def test_attributes_and_globals(self):
        class Model:
            def residual(self, x):
                return x * x - self.a

        def f(a):
            model = Model()
            model.a = a
            return lax.custom_root(model.residual, 1.0, python_newton, quotient)

        assert fg.grad(f)(4.0) == pytest.approx(0.25)
        assert fg.grad(fg.grad(f))(4.0) == pytest.approx(-1 / 32)

        def g(matrix):
            model = Model()
            model.apply = lambda x: matrix @ x
            return lax.custom_linear_solve(lambda x: model.apply(x), B, dense, dense)[0]

        close(fg.grad(g)(A), fg.grad(lambda m: np.linalg.solve(m, B)[0])(A))

    def test_a_guess_that_is_the_root(self):
        """The solver never calls f, and the derivative is there all the same."""
        f = lambda a: lax.custom_root(lambda x: x * x - a, 2.0, lambda f, x: x, quotient)
        assert fg.value_and_grad(f)(4.0) == (2.0, 0.25)

    def test_the_guess_does_not_count(self):
        f = lambda a, x: lax.custom_root(lambda x: x * x - a, x, newton, quotient)
        assert fg.grad(f, 1)(4.0, 1.0) == 0.0
        assert fg.jit(fg.grad(f, (0, 1)))(4.0, 1.0) == (pytest.approx(0.25), 0.0)

    def test_the_solvers_own_values_do_not_count(self):
        def f(a, c):
            solve = lambda f, x: newton(f, x + c)
            return lax.custom_root(lambda x: x * x - a, 1.0, solve, quotient)

        for g in (fg.grad(f, (0, 1)), fg.jit(fg.grad(f, (0, 1))), fg.grad(fg.jit(f), (0, 1))):
            close(g(4.0, 1.0), (0.25, 0.0))

    def test_solver_is_called_once(self):
        calls = []

        def solve(f, x):
            calls.append(1)
            return python_newton(f, x)

        pullback = fg.vjp(lambda a: square_root(a, solve), 4.0)[1]
        assert len(calls) == 1
        pullback(1.0)
        pullback(2.0)
        assert len(calls) == 1

    def test_functions_do_not_run_later(self):
        scale = [1.0]
        matvec = lambda x: scale[0] * (A @ x)
        _, pullback = fg.vjp(lambda b: lax.custom_linear_solve(matvec, b, dense, dense), B)
        scale[0] = 100.0
        close(pullback(B)[0], np.linalg.solve(A.T, B))

    def test_guesses_are_not_written_into(self):
        guess = np.ones(2)

        def solve(f, x):
            x += 1.0
            return x

        lax.custom_root(lambda x: x - 2.0, guess, solve, lambda g, y: y)
        np.testing.assert_array_equal(guess, np.ones(2))


class TestAux:
    def test_root(self):
        def solve(f, x):
            return lax.while_loop(
                lambda s: np.abs(f(s[0])) > 1e-12, lambda s: (s[0] - f(s[0]) / fg.grad(f)(s[0]), s[1] + 1), (x, 0)
            )

        f = lambda a: lax.custom_root(lambda x: x * x - a, 1.0, solve, quotient, has_aux=True)
        for g in (f, fg.jit(f)):
            assert g(4.0) == (pytest.approx(2.0), 5)
            assert fg.grad(g, has_aux=True)(4.0) == (pytest.approx(0.25), 5)
            close(fg.vmap(g)(np.array([4.0, 9.0])), (np.array([2.0, 3.0]), np.array([5, 6])))

    def test_linear(self):
        solve = lambda matvec, b: (dense(matvec, b), {"norm": b @ b})
        f = lambda b: lax.custom_linear_solve(lambda x: A @ x, b, solve, solve, has_aux=True)
        for g in (f, fg.jit(f)):
            aux = g(B)[1]
            assert aux["norm"] == 14.0
            gradient, _ = fg.grad(lambda b: (g(b)[0][0] + g(b)[1]["norm"], 0), has_aux=True)(B)
            close(gradient, fg.grad(lambda b: np.linalg.solve(A, b)[0])(B))
            expected = fg.hessian(total(lambda b: np.linalg.solve(A, b)))(B)
            close(fg.hessian(lambda b: np.sum(np.sin(g(b)[0])))(B), expected)


class TestDtypes:
    def test_float32(self):
        a, b = A.astype(np.float32), B.astype(np.float32)
        x, pullback = fg.vjp(lambda b: lax.custom_linear_solve(lambda x: a @ x, b, dense, dense), b)
        assert x.dtype == pullback(x)[0].dtype == np.float32
        f = lambda p: lax.custom_root(lambda x: x * x - p, np.float32(1), newtons_of_float, quotient)
        root, gradient = fg.value_and_grad(f)(np.float32(4))
        assert (root.dtype, gradient.dtype) == (np.float32, np.float32)
        assert gradient == pytest.approx(0.25)

    def test_integers_on_the_right(self):
        direct = lambda b: lax.custom_linear_solve(lambda x: A @ x, b, lambda matvec, b: np.linalg.solve(A, b))
        close(direct(np.arange(3)), np.linalg.solve(A, np.arange(3)))
        close(fg.jit(direct)(np.arange(3)), np.linalg.solve(A, np.arange(3)))

    def test_complex(self):
        a = A + 0.5j * np.eye(3)
        solve = lambda matvec, b: np.linalg.solve(fg.jacobian(matvec, holomorphic=True)(b), b)
        f = lambda b: lax.custom_linear_solve(lambda x: a @ x, b + 0j, solve, solve)
        loss = lambda f: lambda b: np.sum(np.abs(f(b)) ** 2)
        close(fg.grad(loss(f))(B), fg.grad(loss(lambda b: np.linalg.solve(a, b + 0j)))(B))


def newtons_of_float(f, x):
    return lax.fori_loop(0, 6, lambda i, x: x - f(x) / fg.grad(f)(x), x)


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit, fg.grad])
class TestErrors:
    def test_structures_and_shapes(self, wrap):
        zero, solve = lambda x: x - 1.0, lambda f, x: x
        faulty = {
            r"f returns PyTreeDef\(\(\*, \*\)\) at .*test_solves.*the unknown is PyTreeDef\(\*\)": (
                lambda a: lax.custom_root(lambda x: (x - a, x), 1.0, solve, quotient)
            ),
            r"solve returns f64\[2\] for an unknown of f64\[\] at .*test_solves": lambda a: lax.custom_root(
                zero, a, lambda f, x: np.stack([x, x]), quotient
            ),
            r"tangent_solve returns f64\[2\] for\['n'\] f64\[\] at .*test_solves": lambda a: lax.custom_root(
                lambda d: {"n": d["n"] - a}, {"n": 1.0}, solve, lambda g, y: {"n": np.stack([y["n"], y["n"]])}
            ),
            r"matvec returns f64\[2\] for\[1\] f64\[\]": lambda a: lax.custom_linear_solve(
                lambda x: (x[0], np.stack([x[1], x[1]])), (a, a), lambda f, b: b
            ),
            r"has_aux=True solve must return \(solution, aux\)": lambda a: lax.custom_root(
                lambda x: x - a, a, solve, quotient, has_aux=True
            ),
            r"initial_guess\['a'\] at .* is str": lambda a: lax.custom_root(zero, {"a": "text"}, solve, quotient),
        }
        for message, fun in faulty.items():
            with pytest.raises(TypeError, match=message):
                if wrap(fun)(1.0) is not None and fun(1.0) is not None:
                    fg.grad(fun)(1.0)

    def test_no_transpose(self, wrap):
        f = lambda a: lax.custom_linear_solve(lambda x: 2.0 * x, a, lambda f, b: b / 2)
        assert fg.jvp(f, (1.0,), (1.0,)) == (0.5, 0.5)
        with pytest.raises(NotDifferentiableError, match=r"^Give transpose_solve=.*symmetric=True.*test_solves"):
            wrap(fg.grad(f))(1.0)


def test_what_is_not_linear():
    f = lambda b: lax.custom_linear_solve(lambda x: np.sin(x), b, dense, dense)[0]
    with pytest.raises(NotDifferentiableError, match=r"`sin` at .*test_solves.*not linear"):
        fg.grad(f)(B)


def test_explain():
    report = fg.explain(lambda a: square_root(a) + np.floor(a))(4.0)
    assert report.leaves[0].status == "partly_cut"
    report = fg.explain(fg.jit(lambda a: square_root(np.floor(a))))(4.0)
    assert report.leaves[0].status == "cut" and report.leaves[0].cuts[0].op == "floor"
    inside = lambda a: lax.custom_root(lambda x: x * x - np.floor(a), 1.0, newton, quotient)
    for f in (inside, fg.jit(inside)):
        leaf = fg.explain(f)(4.0).leaves[0]
        assert (leaf.status, leaf.cuts[0].op) == ("cut", "floor")
        assert "np.floor(a), 1.0, newton" in leaf.cuts[0].source
