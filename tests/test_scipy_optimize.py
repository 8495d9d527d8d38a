"""`funcgrad.scipy.optimize`: SciPy's solutions, found with our derivatives, and the derivatives of solutions."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint, OptimizeWarning, rosen_der, rosen_hess

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.core.recent import Recent
from funcgrad.errors import NotDifferentiableError
from funcgrad.scipy import optimize
from funcgrad.scipy.optimize import implicit, programs
from funcgrad.test_util import check_grads

START = np.array([-1.2, 1.0, 0.7])
GRADIENT = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"]
PRODUCTS = ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"]
HESSIAN = ["dogleg", "trust-exact"]
FREE = ["Nelder-Mead", "Powell"]
BOUNDED = [*FREE, "L-BFGS-B", "TNC", "SLSQP", "trust-constr"]

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 3)), rng.normal(size=12)
TIMES = np.linspace(0.0, 2.0, 15)
DATA = 2 * np.exp(-1.3 * TIMES) + 0.5 + 0.05 * rng.normal(size=15)
TIGHT = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


def rosen(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def ridge(w, x, y, weight):
    return ((x @ w - y) ** 2).sum() + weight * (w**2).sum()


def ridge_weights(weight):
    return np.linalg.solve(X.T @ X + weight * np.eye(3), X.T @ Y)


def quartic(x, c):
    return ((x - c) ** 2).sum() + (x**4).sum() + x[0] * x[1]


def decay(x, a, b, c):
    return a * np.exp(-b * x) + c


@pytest.fixture
def compilations(monkeypatch):
    """Which programs have been compiled."""
    seen = []
    compiled = programs.program_of

    def noting(graph):
        if graph.cache.get("program") is None:
            seen.append(graph)
        return compiled(graph)

    monkeypatch.setattr(programs, "_kept", Recent(programs.KEPT))
    monkeypatch.setattr(programs, "program_of", noting)
    return seen


# Minima that SciPy finds


@pytest.mark.parametrize("method", GRADIENT + PRODUCTS + HESSIAN + FREE)
def test_minimize_goes_scipys_way(method):
    """The same steps as with the derivatives that SciPy has of this function, but for rounding."""
    given: dict[str, Any] = {} if method in FREE else {"jac": rosen_der}
    if method in PRODUCTS:
        given["hessp"] = lambda x, p: rosen_hess(x) @ p
    if method in HESSIAN:
        given["hess"] = rosen_hess
    options = {"maxfun": 1000} if method == "TNC" else {}
    expected = scipy.optimize.minimize(rosen, START, method=method, options=options, **given)
    found = optimize.minimize(rosen, START, method=method, options=options)
    assert found.success and expected.success
    if method not in ("CG", "TNC"):  # which magnify rounding
        assert found.nit == expected.nit
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-3)
    np.testing.assert_allclose(found.fun, expected.fun, atol=1e-6)
    assert type(found) is type(expected) and found.keys() == expected.keys()


@pytest.mark.parametrize("method", BOUNDED)
def test_bounds(method):
    bounds = [(None, 0.5), (-0.1, 0.2), (-1.0, None)]
    given = {} if method in FREE else {"jac": rosen_der}
    expected = scipy.optimize.minimize(rosen, START * 0.1, method=method, bounds=bounds, **given)
    for form in (bounds, Bounds([-np.inf, -0.1, -1.0], [0.5, 0.2, np.inf])):
        found = optimize.minimize(rosen, START * 0.1, method=method, bounds=form)
        np.testing.assert_allclose(found.x, expected.x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_dtypes_of_first_guesses(dtype):
    start = np.array([2, 1, 3], dtype)
    for method in ("BFGS", "L-BFGS-B", "trust-ncg", "trust-constr"):
        given: dict[str, Any] = {"hessp": lambda x, p: rosen_hess(x) @ p} if method.startswith("trust") else {}
        expected = scipy.optimize.minimize(rosen, start, method=method, jac=rosen_der, **given)
        found = optimize.minimize(rosen, start, method=method)
        assert found.x.dtype == expected.x.dtype
        np.testing.assert_allclose(found.x, 1.0, rtol=2e-2 if dtype is np.float32 else 1e-3)
    residuals = lambda x: np.stack([x[0] - 1, 2 * x[1] * x[0] - 1])
    for solver in (optimize.least_squares, optimize.root):
        np.testing.assert_allclose(solver(residuals, np.array([2, 1], dtype)).x, [1.0, 0.5], rtol=1e-3)


def test_first_guesses_are_arrays_as_in_scipy():
    shapes = []

    def cost(x):
        shapes.append(x.shape)
        return ((x - 1) ** 2).sum()

    for start, shape in ((3.0, (1,)), ([1.0, 2.0], (2,)), ((1, 2, 3), (3,)), (np.zeros((2, 3)), (2, 3))):
        shapes.clear()
        assert optimize.minimize(cost, start).x.shape == shape
        assert set(shapes) == {shape}
    assert optimize.minimize(lambda x: (x - 1) ** 2, 3.0).fun == pytest.approx(0)  # an array of one element is a number
    assert optimize.root(lambda x: x - np.arange(4.0), np.zeros((2, 2)), method="lm").x.shape == (4,)
    assert optimize.root(lambda x: x - np.eye(2), np.zeros((2, 2)), method="krylov").x.shape == (2, 2)


@fg.register_dataclass
@dataclass
class Line:
    slope: Any
    offset: Any


def test_pytrees():
    def cost(p, x, y):
        return ((p.slope["w"] @ x + p.offset - y) ** 2).mean() + (p.offset**2).sum()

    start = Line({"w": np.zeros((2, 3))}, np.zeros((2, 1), np.float32))
    x, y = rng.normal(size=(3, 9)), rng.normal(size=(2, 9))
    seen = []
    found = optimize.minimize(cost, start, (x, y), callback=lambda p: seen.append(p.offset.shape))
    assert found.success and type(found.x) is Line and type(found.jac) is Line and set(seen) == {(2, 1)}
    assert found.x.slope["w"].shape == (2, 3) and found.x.offset.dtype == np.float32
    np.testing.assert_allclose(found.jac.slope["w"], 0, atol=1e-4)
    flat = lambda v: cost(Line({"w": v[:6].reshape(2, 3)}, v[6:].reshape(2, 1)), x, y)
    expected = scipy.optimize.minimize(flat, np.zeros(8)).x
    np.testing.assert_allclose(found.x.slope["w"].ravel(), expected[:6], atol=1e-4)
    by_hand = lambda p, x, y: fg.grad(cost)(p, x, y)
    np.testing.assert_allclose(optimize.minimize(cost, start, (x, y), jac=by_hand).x.offset, found.x.offset, atol=1e-4)
    both = lambda p, x, y: fg.value_and_grad(cost)(p, x, y)
    np.testing.assert_allclose(optimize.minimize(both, start, (x, y), jac=True).x.offset, found.x.offset, atol=1e-4)
    limits = Line({"w": (None, 0.1)}, (np.zeros((2, 1)), None))
    held = optimize.minimize(cost, start, (x, y), bounds=limits).x
    assert held.slope["w"].max() <= 0.1 and held.offset.min() >= 0
    roots = optimize.root(lambda p: [p["a"] ** 2 - 2, p["b"] - p["a"]], {"a": np.ones(2), "b": np.zeros(2)}).x
    np.testing.assert_allclose(roots["b"], np.sqrt(2) * np.ones(2))
    pair = optimize.least_squares(lambda p: p[0] - p[1] - X[0], [np.ones(3), np.ones(())], bounds=([0.0, -1.0], 5.0)).x
    assert pair[0].shape == (3,) and pair[0].min() >= 0


def test_callbacks_of_both_kinds():
    seen = []

    def keeping(intermediate_result):
        seen.append(intermediate_result.x["a"])
        raise StopIteration

    found = optimize.minimize(lambda p: ((p["a"] - 1) ** 4).sum(), {"a": np.zeros(2)}, callback=keeping)
    assert found.nit == 1 and found.x["a"].shape == seen[0].shape == (2,)


def test_constraints():
    cost = lambda x: (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2
    rows, least = np.array([[1.0, -2.0], [-1.0, -2.0], [-1.0, 2.0]]), np.array([-2.0, -6.0, -2.0])
    forms = [
        [{"type": "ineq", "fun": lambda x, r=r, b=b: r @ x - b} for r, b in zip(rows, least)],
        LinearConstraint(rows, least),
        NonlinearConstraint(lambda x: rows @ x, least, np.inf),
    ]
    for form in forms:
        for method in ("SLSQP", "COBYLA"):
            found = optimize.minimize(cost, [2.0, 0.0], bounds=[(0, None)] * 2, constraints=form, method=method)
            np.testing.assert_allclose(found.x, [1.4, 1.7], atol=1e-5)
    circle = {"type": "eq", "fun": lambda p, r: p["x"] @ p["x"] - r, "args": (2.0,)}
    found = optimize.minimize(lambda p: p["x"].sum(), {"x": np.array([1.0, -0.5])}, constraints=circle)
    np.testing.assert_allclose(found.x["x"], [-1, -1], rtol=1e-4)
    with pytest.raises(ValueError, match="'eq' or 'ineq'"):
        optimize.minimize(cost, [2.0, 0.0], constraints={"type": "le", "fun": cost})
    with pytest.raises(TypeError, match="a constraint is"):
        optimize.minimize(cost, [2.0, 0.0], constraints=[3])


# Compiling, values and functions without derivatives


def test_equal_programs_are_compiled_once(compilations):
    for target in (np.array([1.0, 2.0]), np.array([2.0, 5.0])):
        cost = lambda x, scale, target=target: scale * ((x - target) ** 2).sum()
        for scale in (1.0, 3.0):
            np.testing.assert_allclose(optimize.minimize(cost, np.zeros(2), (scale,)).x, target, atol=1e-5)
    assert len(compilations) == 1


def test_what_a_function_finds_elsewhere_is_as_it_is_now():
    class Model:
        def cost(self, x):
            return ((x - self.target) ** 2).sum() + self.power * x[0]

    model = Model()
    for target, power in ((np.array([1.0, 2.0]), 0.0), (np.array([3.0, 4.0]), 2.0)):
        model.target, model.power = target, power
        np.testing.assert_allclose(optimize.minimize(model.cost, np.zeros(2)).x, target - [power / 2, 0], atol=1e-6)


def test_python_looks_at_values_and_sizes(compilations):
    def branching(x):
        return ((x - 1) ** 2).sum() if x[0] > 0 else ((x + 1) ** 2).sum()

    np.testing.assert_allclose(optimize.minimize(branching, np.array([0.5, 0.5])).x, 1.0, atol=1e-6)
    np.testing.assert_allclose(optimize.minimize(branching, np.array([-0.5, 0.5])).x, -1.0, atol=1e-6)
    assert not compilations

    def powers(x, count):
        total = 0.0
        for n in range(count):
            total = total + ((x - n) ** 2).sum()
        return total

    np.testing.assert_allclose(optimize.minimize(powers, np.zeros(2), (3,)).x, 1.0, atol=1e-6)
    assert len(compilations) == 1


def test_long_programs_run_as_they_are(compilations, monkeypatch):
    monkeypatch.setattr(programs, "LONG", 3)
    np.testing.assert_allclose(optimize.minimize(rosen, [0.5, 0.8]).x, 1.0, rtol=1e-4)
    assert not compilations


def test_a_function_without_a_derivative_has_differences():
    def opaque(x, *args):
        return float(x[0]) ** 2 + (x[1] - 1) ** 2

    with pytest.warns(OptimizeWarning, match=r"minimize: the gradient cannot be had: .*float\(x\)") as met:
        found = optimize.minimize(opaque, [1.0, 2.0])
    assert met[0].filename == __file__
    np.testing.assert_array_equal(found.x, scipy.optimize.minimize(opaque, [1.0, 2.0]).x)
    optimize.minimize(opaque, [1.0, 2.0], jac="2-point")  # no warning
    of_two = lambda x, scale: 2 * scale * np.eye(2)
    with pytest.warns(OptimizeWarning, match="minimize: the gradient"):
        optimize.minimize(lambda x, s: s * opaque(x), [1.0, 2.0], (3.0,), "trust-constr", hess=of_two)
    with pytest.warns(OptimizeWarning, match="least_squares: the Jacobian"):
        optimize.least_squares(lambda x: np.array([float(x[0]), x[1]]), [1.0, 2.0])
    with pytest.warns(OptimizeWarning, match="newton: the derivative"):
        assert optimize.newton(lambda x: float(x) - 2, 1.0) == pytest.approx(2)
    with pytest.raises(fg.errors.TracerConversionError, match="float"):
        fg.grad(lambda t: optimize.minimize(lambda x: t * opaque(x), [1.0, 2.0], jac="2-point").fun)(1.0)


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs"])
def test_differences_that_are_asked_for(jac):
    cost = lambda x: ((x - 1) ** 2).sum() + (x**4).sum()
    found = optimize.minimize(cost, [3.0, 2.0], jac=jac)
    np.testing.assert_array_equal(found.x, scipy.optimize.minimize(cost, [3.0, 2.0], jac=jac).x)
    residuals = lambda x: np.stack([x[0] - 1, x[0] * x[1] - 3])
    found = optimize.least_squares(residuals, [3.0, 2.0], jac=jac)
    np.testing.assert_array_equal(found.x, scipy.optimize.least_squares(residuals, [3.0, 2.0], jac=jac).x)
    if jac == "cs":
        with pytest.raises(TypeError, match="not a pytree"):
            optimize.minimize(lambda p: cost(p["a"]), {"a": np.ones(2)}, jac=jac)


def test_errors_of_the_users_function_are_its_own():
    def broken(x):
        raise KeyError("mine")

    for call in (
        lambda: optimize.minimize(broken, [1.0]),
        lambda: optimize.root(broken, [1.0]),
        lambda: optimize.brentq(broken, 0, 1),
        lambda: optimize.least_squares(broken, [1.0]),
    ):
        with pytest.raises(KeyError, match="mine") as caught:
            call()
        assert caught.value.__context__ is None
        assert caught.traceback[-1].name == "broken"


def test_bad_arguments():
    with pytest.raises(TypeError, match=re.escape("minimize: x0['a']")):
        optimize.minimize(lambda p: 0.0, {"a": "text"})
    with pytest.raises(TypeError, match="complex"):
        optimize.minimize(lambda p: 0.0, np.ones(2) * 1j)
    with pytest.raises(ValueError, match="3 bounds for an x0 of 2"):
        optimize.minimize(rosen, np.ones(2), bounds=[(0, 1)] * 3)
    with pytest.raises(ValueError, match="pairs"):
        optimize.minimize(lambda p: p["a"].sum(), {"a": np.ones(2)}, bounds={"a": 3.0})
    with pytest.raises(NotDifferentiableError, match="linprog"):
        fg.grad(lambda c: optimize.linprog(c).fun)(np.ones(2))


# Derivatives of minima


def best(weight, **options):
    return optimize.minimize(ridge, np.zeros(3), (X, Y, weight), tol=1e-9, **options).x


def test_ridge_regression_by_its_weight():
    """What tuning a hyperparameter takes: the gradient of a validation loss along the weight."""
    holdout = lambda w: ((X[::2] @ w - 1.1 * Y[::2]) ** 2).sum()
    for weight in (0.1, 2.0):
        exact = fg.value_and_grad(lambda t: holdout(ridge_weights(t)))(weight)
        np.testing.assert_allclose(fg.value_and_grad(lambda t: holdout(best(t)))(weight), exact, rtol=1e-6)
        second = fg.jacobian(fg.jacobian(ridge_weights))(weight)
        for outer in (fg.jacfwd, fg.jacrev):
            for inner in (fg.jacfwd, fg.jacrev):
                np.testing.assert_allclose(outer(inner(best))(weight), second, rtol=1e-6)
    closed_over = lambda t: optimize.minimize(lambda w: ridge(w, X, Y, t), np.zeros(3), tol=1e-9).x
    np.testing.assert_allclose(fg.jacobian(closed_over)(0.3), fg.jacobian(ridge_weights)(0.3), rtol=1e-6)


def test_jit_and_vmap():
    weights = np.array([0.1, 0.7, 2.0])
    exact = fg.jacobian(ridge_weights)
    np.testing.assert_allclose(fg.jit(best)(0.7), ridge_weights(0.7), rtol=1e-7)
    np.testing.assert_allclose(fg.jit(fg.jacobian(best))(0.7), exact(0.7), rtol=1e-6)
    np.testing.assert_allclose(fg.jacobian(fg.jit(best))(0.7), exact(0.7), rtol=1e-6)
    np.testing.assert_allclose(fg.vmap(best)(weights), [ridge_weights(t) for t in weights], rtol=1e-7)
    np.testing.assert_allclose(fg.jit(fg.vmap(fg.jacfwd(best)))(weights), [exact(t) for t in weights], rtol=1e-6)
    whole = fg.jit(lambda t: {k: v for k, v in optimize.minimize(quartic, np.zeros(2), (t,)).items() if k != "x"})(0.3)
    assert whole["success"] and whole["nit"] > 0 and set(whole) == {"fun", "jac", "success", "status", "nit", "nfev"}
    starts = np.array([[-0.5], [0.5]])
    found = fg.vmap(lambda x0: optimize.minimize(lambda x: ((x**2 - 1) ** 2).sum(), x0).x)(starts)
    np.testing.assert_allclose(found, [[-1], [1]], rtol=1e-5)


@pytest.mark.parametrize("name", ["x", "fun", "jac"])
def test_parts_of_the_result(name):
    part = lambda c: optimize.minimize(quartic, np.zeros(2), (c,), tol=1e-11)[name]
    check_grads(part, (np.array([0.4, -0.3]),), order=2, atol=1e-5, rtol=1e-5)


def test_the_first_guess_has_derivative_zero():
    along = lambda x0: optimize.minimize(quartic, x0, (0.3,)).x.sum()
    np.testing.assert_array_equal(fg.grad(along)(np.array([0.1, 0.2])), 0.0)
    assert fg.grad(lambda a: optimize.brentq(lambda x: x - 1, a, 3.0))(0.0) == 0.0


def test_active_bounds_move_with_their_bounds():
    def held(p):
        bounds = [(None, p["high"]), (p["low"], None), (None, None)]
        return optimize.minimize(ridge, np.zeros(3), (X, Y, p["weight"]), bounds=bounds, tol=1e-10).x

    free = ridge_weights(0.5)
    p = {"high": free[0] - 0.2, "low": free[1] + 0.4, "weight": 0.5}
    x = held(p)
    slopes = fg.jacobian(held)(p)
    h = X.T @ X + 0.5 * np.eye(3)
    np.testing.assert_allclose(x[:2], [p["high"], p["low"]])
    np.testing.assert_allclose(slopes["high"], [1, 0, -h[2, 0] / h[2, 2]], rtol=1e-10)
    np.testing.assert_allclose(slopes["low"], [0, 1, -h[2, 1] / h[2, 2]], rtol=1e-10)
    np.testing.assert_allclose(slopes["weight"], [0, 0, -x[2] / h[2, 2]], rtol=1e-6)
    check_grads(held, (p,), order=2, atol=1e-5, rtol=1e-5)
    inactive = {"high": free[0] + 1, "low": free[1] - 1, "weight": 0.5}
    np.testing.assert_allclose(fg.jacobian(held)(inactive)["weight"], fg.jacobian(ridge_weights)(0.5), rtol=1e-5)
    np.testing.assert_array_equal(fg.jacobian(held)(inactive)["high"], 0.0)
    fixed = lambda t: optimize.minimize(lambda x: ((x - 1) ** 2).sum(), [0.0, 0.0], bounds=[(t, t), (0, 2)]).x
    np.testing.assert_allclose(fg.jacobian(fixed)(1.0), [1, 0])


def test_what_a_method_cannot_take_does_not_count():
    held = {"bounds": [(1.0, None)] * 2, "constraints": {"type": "eq", "fun": lambda x: x.sum() - 5}}
    for name, method in (("bounds", "BFGS"), ("constraints", "CG"), ("constraints", "L-BFGS-B")):
        found = lambda t: optimize.minimize(quartic, np.zeros(2), (t,), method, tol=1e-9, **{name: held[name]}).x
        with pytest.warns(RuntimeWarning, match=f"cannot handle {name}"):
            slope = fg.jacobian(found)(0.3)
        expected = fg.jacobian(lambda t: optimize.minimize(quartic, np.zeros(2), (t,), tol=1e-9).x)(0.3)
        np.testing.assert_allclose(slope, expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA"])
@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")  # SciPy, of the quasi-Newton Hessian of a linear constraint
def test_active_constraints(method):
    """The minimum lies on ``c x - 2 y + 2 = 0``: x is (2 + 1.5 c) / (2 + c^2 / 2) there."""

    def found(c):
        cost = lambda x: (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2
        forms = [{"type": "ineq", "fun": f} for f in (lambda x: c * x[0] - 2 * x[1] + 2, lambda x: 6 - x.sum())]
        options = {"gtol": 1e-10, "xtol": 1e-10} if method == "trust-constr" else {}
        tol = None if options else 1e-9
        return optimize.minimize(
            cost, [2.0, 0.0], bounds=[(0, None)] * 2, constraints=forms, method=method, tol=tol, options=options
        ).x

    def exact(c):
        x = (2 + 1.5 * c) / (2 + c**2 / 2)
        return np.stack([x, (c * x + 2) / 2])

    np.testing.assert_allclose(fg.jacfwd(found)(1.0), fg.jacfwd(exact)(1.0), atol=1e-6)
    np.testing.assert_allclose(fg.jacrev(found)(1.0), fg.jacfwd(exact)(1.0), atol=1e-6)
    if method == "SLSQP":
        np.testing.assert_allclose(fg.jacfwd(fg.jacrev(found))(1.0), fg.jacfwd(fg.jacfwd(exact))(1.0), atol=1e-6)
        np.testing.assert_allclose(fg.jit(fg.jacrev(found))(1.0), fg.jacfwd(exact)(1.0), atol=1e-6)


def test_an_active_bound_beside_a_constraint():
    whole = {"type": "eq", "fun": lambda x: x.sum() - 3}
    found = lambda t, b: optimize.minimize(
        lambda x: ((x - np.stack([1.0, 2.0, t])) ** 2).sum(), np.zeros(3), bounds=[(None, None)] * 2 + [(None, b)],
        constraints=whole, tol=1e-12,
    ).x  # fmt: skip
    by_target, by_bound = fg.jacobian(found, (0, 1))(5.0, 0.6)
    np.testing.assert_allclose(found(5.0, 0.6), [0.7, 1.7, 0.6], rtol=1e-7)
    np.testing.assert_allclose(by_target, 0, atol=1e-12)
    np.testing.assert_allclose(by_bound, [-0.5, -0.5, 1.0], rtol=1e-8)


def test_equality_and_linear_constraints():
    weights = np.array([1.0, 2.0, 4.0])

    def found(c, side):
        held = [NonlinearConstraint(lambda x: x @ x, c, c), LinearConstraint(c * np.ones((1, 3)), -np.inf, side)]
        cost = lambda x: ((x - weights) ** 2).sum() + 0.1 * (x**3).sum()
        return optimize.minimize(cost, np.array([0.5, 0.8, 1.0]), constraints=held, tol=1e-11).x

    x = found(3.0, 8.0)
    assert x.sum() * 3.0 == pytest.approx(8.0)  # both hold it
    check_grads(found, (3.0, 8.0), order=1, atol=1e-4, rtol=1e-4)
    assert found(3.0, 90.0).sum() > x.sum()  # one does
    check_grads(found, (3.0, 90.0), order=1, atol=1e-4, rtol=1e-4)


def test_constraints_that_do_not_explain_the_gradient_are_refused():
    held = {"type": "ineq", "fun": lambda x: x[0] - 1}
    stop = lambda t: optimize.minimize(
        lambda x: ((x - t) ** 4).sum(), [2.0, 2.0], constraints=held, method="SLSQP", options={"maxiter": 1}
    ).x
    told = pytest.warns(OptimizeWarning, match="has not converged")
    with told, pytest.raises(NotDifferentiableError, match="smaller tol"):
        fg.jacobian(stop)(0.0)


def test_singular_hessians_are_refused():
    double = np.stack([X[:, 0], X[:, 0]], 1)
    flat = lambda y: optimize.minimize(ridge, np.zeros(2), (double, y, 0.0)).x
    for transformed in (fg.jacrev(flat), fg.jacfwd(flat), fg.jit(fg.jacrev(flat))):
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            transformed(Y)
    cost = lambda x, t: 1e12 * (x[0] - t) ** 2 + 1e-8 * (x[1] - t) ** 2
    scaled = lambda t: optimize.minimize(cost, [0.0, 0.0], (t,)).x
    np.testing.assert_allclose(fg.jacobian(scaled)(0.0), [1, 1], rtol=1e-6)  # badly scaled is not singular


def test_many_unknowns_take_conjugate_gradients(monkeypatch):
    monkeypatch.setattr(implicit, "DENSE", 20)
    size = 25
    matrix = 4 * np.eye(size) + np.diag(np.ones(size - 1), 1) + np.diag(np.ones(size - 1), -1)
    target = np.linspace(-1, 1.5, size)

    def found(t, bounds=None):
        cost = lambda x: 0.5 * x @ (matrix @ x) - t * (target @ x) + (x**4).sum()
        return optimize.minimize(cost, np.zeros(size), bounds=bounds, method="L-BFGS-B", tol=1e-11).x

    for bounds in (None, [(-0.1, None)] * size):  # the matrix of the second has rows of the identity
        x = found(1.5, bounds)
        on = (x <= -0.1) if bounds else np.zeros(size, bool)
        h = matrix + np.diag(12 * x**2)
        expected = np.zeros(size)
        expected[~on] = np.linalg.solve(h[np.ix_(~on, ~on)], target[~on])
        _, tangent = fg.jvp(lambda t: found(t, bounds), (1.5,), (1.0,))
        np.testing.assert_allclose(tangent, expected, rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(fg.grad(lambda t: found(t, bounds)[::2].sum())(1.5), expected[::2].sum(), rtol=1e-5)


def test_solutions_that_have_not_converged_are_told():
    stop = lambda t: optimize.minimize(rosen, START * t, options={"maxiter": 2}).x
    optimize.minimize(rosen, START, options={"maxiter": 2})  # nothing is differentiated, and nothing said
    moved = lambda t: optimize.minimize(lambda x: t * rosen(x), START, options={"maxiter": 2}).fun
    with pytest.warns(OptimizeWarning, match="minimize has not converged") as met:
        fg.grad(moved)(1.0)
    assert met[0].filename == __file__
    with pytest.warns(OptimizeWarning, match="minimize has not converged"):
        fg.jit(moved)(1.0)
    fg.jacobian(stop)(1.0)  # the first guess alone: a constant


def test_traced_values_in_attributes():
    class Model:
        t: Any = None

        def cost(self, x):
            return quartic(x, self.t)

    model = Model()

    def found(t):
        model.t = t
        return optimize.minimize(model.cost, np.zeros(2), tol=1e-10).x

    expected = fg.jacobian(lambda t: optimize.minimize(quartic, np.zeros(2), (t,), tol=1e-10).x)(0.3)
    np.testing.assert_allclose(fg.jacobian(found)(0.3), expected, rtol=1e-8)
    with pytest.raises(TypeError, match=r"^Pass in args"):
        fg.jit(found)(0.3)


def test_a_saddle_of_many_unknowns_has_no_derivative(monkeypatch):
    monkeypatch.setattr(implicit, "DENSE", 0)
    found = lambda c: optimize.minimize(lambda x: (x[0] - c) ** 2 - 3 * (x[1] - c) ** 2, np.ones(2)).x
    assert np.isnan(fg.jacobian(found)(1.0)).any()


def test_a_number_at_a_bound_that_moves():
    found = lambda b, c: optimize.minimize_scalar(lambda x: c * x**2, bounds=(b, 3.0), method="bounded")
    np.testing.assert_allclose(fg.grad(lambda b: found(b, 2.0).x)(1.0), 1.0, rtol=1e-5)
    np.testing.assert_allclose(fg.grad(lambda b: found(b, 2.0).fun)(1.0), 4.0, rtol=1e-4)
    np.testing.assert_allclose(fg.grad(lambda c: found(1.0, c).fun)(2.0), 1.0, rtol=1e-4)


def test_minima_within_minima():
    inner = lambda t: optimize.minimize(quartic, np.zeros(2), (t,), tol=1e-10).x
    outer = optimize.minimize(lambda t: ((inner(t[0]) - 0.2) ** 2).sum(), [0.1])
    np.testing.assert_allclose(inner(outer.x[0]), 0.2, atol=1e-5)


# Roots and fits

SOLVERS = {
    "bisect": lambda c: optimize.bisect(lambda x: x**3 - c, 0, 3),
    "brenth": lambda c: optimize.brenth(lambda x: x**3 - c, 0, 3),
    "brentq": lambda c: optimize.brentq(lambda x, a: x**3 - a, 0, 3, (c,)),
    "ridder": lambda c: optimize.ridder(lambda x: x**3 - c, 0, 3),
    "toms748": lambda c: optimize.toms748(lambda x: x**3 - c, 0, 3, k=2),
    "newton": lambda c: optimize.newton(lambda x: x**3 - c, 1.0, tol=1e-13),
    "newton of arrays": lambda c: optimize.newton(lambda x, a: x**3 - a, np.array([1.0, 2.0]), args=(c,), tol=1e-13),
    "secant": lambda c: optimize.newton(lambda x: x**3 - c, 1.0, x1=1.5, tol=1e-13),
    "root_scalar": lambda c: optimize.root_scalar(lambda x: x**3 - c, x0=1.0, xtol=1e-13).root,
    "halley": lambda c: optimize.root_scalar(lambda x: x**3 - c, x0=1.0, method="halley", xtol=1e-13).root,
    "pair": lambda c: optimize.root_scalar(lambda x: (x**3 - c, 3 * x**2), x0=1.0, fprime=True).root,
    "root": lambda c: optimize.root(lambda x: [x[0] ** 3 - c, x[1] - x[0]], [1.0, 1.0], tol=1e-13).x,
    "lm": lambda c: optimize.root(lambda x, c: [x[0] ** 3 - c, x[1] - x[0]], [1.0, 1.0], c, "lm", tol=1e-13).x,
    "krylov": lambda c: optimize.root(lambda x: [x[0] ** 3 - c], [1.0], method="krylov", tol=1e-12).x,
    "fsolve": lambda c: optimize.fsolve(lambda x: x**3 - c, np.ones((2, 2)), xtol=1e-13),
    "fixed_point": lambda c: optimize.fixed_point(lambda x, c: (x + c / x**2) / 2, np.ones((1, 2)), (c,)),
    "minimize_scalar": lambda c: optimize.minimize_scalar(lambda x: x**4 / 4 - c * x, tol=1e-10).x,
    "least_squares": lambda c: optimize.least_squares(lambda x: [x[0] ** 3 - c, x[0] ** 3 - c], 1.0, **TIGHT).x,
    "nnls": lambda c: optimize.nnls(np.array([[1.0, 0.3], [1.0, -0.2]]), np.stack([c ** (1 / 3), c ** (1 / 3)]))[0][:1],
}  # fmt: skip


@pytest.mark.parametrize("name", SOLVERS)
def test_cube_roots(name):
    """Each solver finds the cube root of c, whose derivatives are known."""
    solver = SOLVERS[name]
    c = 1.7
    value, first, second = c ** (1 / 3), c ** (-2 / 3) / 3, -2 * c ** (-5 / 3) / 9
    solve = lambda c: np.ravel(solver(c))
    rtol = 1e-6 if name == "minimize_scalar" else 1e-8
    np.testing.assert_allclose(solve(c), value, rtol=rtol)
    for transformed in (fg.jacfwd(solve), fg.jacrev(solve), fg.jit(fg.jacrev(solve))):
        np.testing.assert_allclose(transformed(c), first, rtol=10 * rtol)
    np.testing.assert_allclose(fg.jacfwd(fg.jacrev(solve))(c), second, rtol=10 * rtol)
    np.testing.assert_allclose(fg.vmap(fg.jacfwd(solve))(np.array([c, c]))[1], first, rtol=10 * rtol)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_least_squares_by_its_data(loss):
    """With all second derivatives: the residuals at the solution are not small."""
    scale = 0.3

    def fit(data):
        residuals = lambda p: decay(TIMES, *p) - data
        return optimize.least_squares(residuals, [1.5, 1.0, 0.2], loss=loss, f_scale=scale, **TIGHT)

    data = DATA + 0.3 * np.cos(5 * TIMES)
    expected = scipy.optimize.least_squares(
        lambda p: decay(TIMES, *p) - data, [1.5, 1.0, 0.2], loss=loss, f_scale=scale, **TIGHT
    )
    found = fit(data)
    for name in ("x", "cost", "fun", "grad", "jac"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)
    parts = ("x", "cost", "fun", "grad", "jac") if loss == "linear" else ("x", "cost", "fun", "grad")
    values, _ = fg.vjp(lambda y: {name: fit(y)[name] for name in parts}, data)
    for name in parts:
        np.testing.assert_allclose(values[name], found[name], rtol=1e-6, atol=1e-9)
    check_grads(lambda y: fit(y).x, (data,), order=1, atol=2e-4, rtol=2e-4)
    check_grads(lambda y: fit(y).cost, (data,), order=1, atol=1e-5, rtol=1e-5)
    if loss == "linear":
        check_grads(lambda y: (fit(y).jac, fit(y).fun), (data,), order=1, atol=2e-4, rtol=2e-4)


def test_least_squares_in_bounds():
    fit = lambda high, data: optimize.least_squares(
        lambda p, y: decay(TIMES, *p) - y, [1.5, 1.0, 0.2], bounds=(0.0, [5.0, high, 5.0]), args=(data,), **TIGHT
    ).x
    assert fit(1.1, DATA)[1] == pytest.approx(1.1)
    check_grads(fit, (1.1, DATA), order=1, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(fg.jacfwd(fit)(1.1, DATA)[1], 1.0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"p0": [1.0, 1.0, 0.0], "method": "trf"},
        {"sigma": 0.1 + TIMES, "absolute_sigma": True},
        {"sigma": np.diag((0.1 + TIMES) ** 2) + 0.01},
        {"bounds": (0, [3.0, 1.2, 1.0])},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_curve_fit(options):
    fit = lambda y: optimize.curve_fit(decay, TIMES, y, **options, **TIGHT)
    expected = scipy.optimize.curve_fit(decay, TIMES, DATA, **options, **TIGHT)
    (popt, pcov), _ = fg.vjp(fit, DATA)
    for found in (fit(DATA), (popt, pcov)):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-3)
    check_grads(fit, (DATA,), order=1, atol=1e-4, rtol=1e-4)


def test_curve_fit_by_what_else_it_takes():
    fit = lambda x, s: optimize.curve_fit(decay, x, DATA, sigma=s, **TIGHT)[0]
    check_grads(fit, (TIMES, 0.1 + TIMES), order=1, atol=1e-4, rtol=1e-4)
    scaled = lambda t: optimize.curve_fit(lambda x, a, b, c: decay(x, a, b * t, c), TIMES, DATA, **TIGHT)[0]
    popt = scaled(1.0)
    np.testing.assert_allclose(fg.jacobian(scaled)(1.0), [0, -popt[1], 0], atol=1e-7)
    np.testing.assert_allclose(fg.jit(scaled)(1.0), popt, rtol=1e-8)
    assert len(optimize.curve_fit(decay, TIMES, DATA, full_output=True)) == 5
    with pytest.raises(NotDifferentiableError, match="omit"):
        fg.jacobian(lambda y: optimize.curve_fit(decay, TIMES, y, check_finite=False, nan_policy="omit")[0])(DATA)


def test_nnls_by_its_matrix_and_side():
    solve = lambda a, b: optimize.nnls(a, b)
    side = X @ [1.0, -1.0, 0.5] + 0.1 * Y
    expected = scipy.optimize.nnls(X, side)
    assert (expected[0] == 0).any() and (expected[0] > 0).any()
    np.testing.assert_array_equal(solve(X, side)[0], expected[0])
    np.testing.assert_allclose(fg.vjp(solve, X, side)[0][1], expected[1])
    check_grads(lambda a, b: np.hstack(solve(a, b)), (X, side), order=1, atol=1e-5, rtol=1e-5)


def test_systems_of_other_shapes():
    more = lambda t: optimize.root(lambda x: [x[0] - t, x[0] + x[1] - 1, 2 * x[1]], [0.0, 0.0], method="lm").x
    with pytest.raises(NotDifferentiableError, match="3 equations in 2 unknowns"):
        fg.jacobian(more)(1.0)
    flat = lambda t: optimize.root(lambda x: [x[0] + x[1] - t, 2 * x[0] + 2 * x[1] - 2 * t], [1.0, 2.0], method="lm").x
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        fg.jacobian(flat)(1.0)


def test_full_outputs_are_scipys():
    x, info = optimize.brentq(lambda x: x**2 - 2, 0, 2, full_output=True)
    assert info.converged and x == scipy.optimize.brentq(lambda x: x**2 - 2, 0, 2)
    x, info, flag, message = optimize.fsolve(lambda x: x**2 - 2, 1.0, full_output=True)
    assert flag == 1 and set(info) == {"nfev", "njev", "fjac", "r", "qtf", "fvec"} and "converged" in message
    assert len(optimize.newton(lambda x: x**2 - 2, 1.0, full_output=True)) == 2
    moved = fg.vjp(lambda t: optimize.newton(lambda x: x**2 - t, 1.0, full_output=True)[0], 2.0)[0]
    np.testing.assert_allclose(moved, np.sqrt(2))
    root = optimize.newton(lambda z: z**2 + 1, 1.0 + 1.0j)
    np.testing.assert_allclose(root, 1j, atol=1e-8)
    with pytest.raises(ValueError, match="different signs"):
        optimize.brentq(lambda x: x**2 + 1, 0, 2)


FULL = {
    "brentq": lambda c: optimize.brentq(lambda x: x**3 - c, 0, 3, full_output=True),
    "newton": lambda c: optimize.newton(lambda x: x**3 - c, 1.0, full_output=True),
    "arrays": lambda c: optimize.newton(lambda x: x**3 - c, np.ones(2), full_output=True),
    "fsolve": lambda c: optimize.fsolve(lambda x: x**3 - c, 1.0, full_output=True),
    "curve_fit": lambda c: optimize.curve_fit(lambda x, a: a**3 * x, TIMES, c * TIMES, full_output=True),
}
KNOWN = ("root", "converged", "iterations", "function_calls", "nfev")


@pytest.mark.parametrize("name", FULL)
def test_full_outputs_of_programs(name):
    """They unpack as SciPy's do, into what a program knows of each part; roots in them have derivatives."""

    def parts(c):
        outs = FULL[name](c)
        assert len(outs) == len(plain)
        named = [{k: v for k, v in y.items() if k in KNOWN} if isinstance(y, dict) else y for y in outs]
        return [y for y in named if not isinstance(y, str)]

    plain = FULL[name](2.0)
    expected, found = parts(2.0), fg.jit(parts)(2.0)
    for y, z in zip(fg.tree.leaves(expected), fg.tree.leaves(found), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-6, atol=1e-12)
    by_name = lambda c: parts(c)[1]["root"] if name in ("brentq", "newton") else parts(c)[0]
    for transformed in (fg.jacfwd(by_name), fg.jit(fg.jacrev(by_name))):
        np.testing.assert_allclose(transformed(2.0), 2 ** (-2 / 3) / 3 + np.zeros(np.shape(by_name(2.0))), rtol=1e-6)


@pytest.mark.parametrize("start", [np.float32(1), np.ones(2, np.float32), np.ones(2, int), 1, 1.0 + 1.0j])
def test_dtypes_of_newtons_roots(start):
    expected = scipy.optimize.newton(lambda x: x * x - 2.0, start).dtype
    for transformed in (lambda f: f, fg.jit, lambda f: lambda c: fg.vjp(f, c)[0]):
        assert transformed(lambda c: optimize.newton(lambda x: x * x - c, start))(2.0).dtype == expected


def test_further_arguments_in_a_list():
    """Some of SciPy's functions unpack it, and others pass it as one."""
    both, one = (lambda x, a, b: x - a * b), (lambda x, ab: x - ab[0] * ab[1])
    calls = {
        "newton": lambda m, c: m.newton(both, 1.0, args=[c, 2.0]),
        "fixed_point": lambda m, c: m.fixed_point(lambda x, a, b: (x + a * b) / 2, 1.0, args=[c, 2.0]),
        "least_squares": lambda m, c: m.least_squares(both, 1.0, args=[c, 2.0]).x[0],
        "brentq": lambda m, c: m.brentq(one, 0, 9, args=[c, 2.0]),
        "fsolve": lambda m, c: m.fsolve(one, 1.0, args=[c, 2.0])[0],
        "root": lambda m, c: m.root(one, 1.0, args=[c, 2.0]).x[0],
    }
    for name, call in calls.items():
        np.testing.assert_allclose(call(optimize, 1.5), call(scipy.optimize, 1.5), rtol=1e-8, err_msg=name)
        np.testing.assert_allclose(fg.grad(lambda c, call=call: call(optimize, c))(1.5), 2.0, rtol=1e-8, err_msg=name)


def test_assignments():
    cost = np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    rows, columns = optimize.linear_sum_assignment(cost)

    def cheapest(cost):
        rows, columns = optimize.linear_sum_assignment(cost)
        return cost[rows, columns].sum()

    chosen = np.zeros((3, 3))
    chosen[rows, columns] = 1
    np.testing.assert_array_equal(fg.grad(cheapest)(cost), chosen)
    np.testing.assert_array_equal(fg.jit(fg.grad(cheapest))(cost), chosen)
    np.testing.assert_array_equal(fg.vmap(cheapest)(np.stack([cost, 2 * cost])), [5, 10])
    assert optimize.linprog([1.0, 1.0], [[-1.0, -1.0]], [-1.0]).fun == pytest.approx(1)


def test_every_name_is_here_and_in_scipy():
    for name in optimize.__all__:
        assert getattr(optimize, name).__doc__ and hasattr(scipy.optimize, name)


STOPPED = {
    **{
        name: lambda f, c, full, name=name: getattr(optimize, name)(
            lambda x: f(x, c), 0, 9, maxiter=3, disp=False, full_output=full
        )
        for name in ("brentq", "brenth", "bisect", "ridder", "toms748")
    },
    "newton": lambda f, c, full: optimize.newton(
        lambda x: f(x, c), 9.0, maxiter=2, disp=False, full_output=full
    ),
    "fsolve": lambda f, c, full: optimize.fsolve(lambda x: f(x, c), 9.0, maxfev=3, full_output=full),
    "root_scalar": lambda f, c, full: [optimize.root_scalar(lambda x: f(x, c), bracket=(0, 9), maxiter=3).root],
    "minimize_scalar": lambda f, c, full: [
        optimize.minimize_scalar(lambda x: x**4 - c * x, options={"maxiter": 3}).x
    ],
}  # fmt: skip


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", STOPPED)
def test_every_search_that_has_stopped_early_is_told(name, full):
    def at(c):
        found = STOPPED[name](lambda x, c: x**3 - c, c, full)
        return fnp.ravel(found[0] if isinstance(found, (tuple, list)) else found)[0]

    for transformed in (fg.grad(at), fg.jit(fg.grad(at))):
        with pytest.warns(OptimizeWarning, match=f"{name} has not converged"):
            transformed(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy's own, of fsolve
        at(2.0)


def test_searches_stopped_early_are_scipys_where_nothing_is_differentiated():
    f = lambda x: x**3 - 2
    with pytest.warns(RuntimeWarning, match="maxfev") as met:
        optimize.fsolve(f, 9.0, maxfev=3)
    assert met[0].filename == __file__
    with pytest.raises(TypeError, match="Improper input"):
        optimize.fsolve(f, 9.0, xtol=-1.0)
    with pytest.raises(RuntimeError, match="Failed to converge"):
        fg.grad(lambda c: optimize.fixed_point(lambda x: c * x + 1.0, 1.0, maxiter=2, method="iteration"))(0.9)
    two = lambda c: optimize.newton(lambda x: x**3 - c, np.array([1.26, 9.0]), maxiter=3)
    with pytest.warns(RuntimeWarning, match="some failed"), pytest.warns(OptimizeWarning, match="1 of 2 elements"):
        fg.jacobian(two)(2.0)


def test_singular_solutions_are_told_before_they_are_solved_for():
    """The matrices are singular to the last bit, where LAPACK says so too."""
    flat = lambda a: optimize.minimize(lambda x: (x[0] + x[1] - a) ** 2, np.zeros(2)).x
    double = lambda y: optimize.curve_fit(lambda x, a, b: a * x + b * x, TIMES, y)
    for fun, x in ((flat, 2.0), (lambda y: double(y)[0], TIMES), (lambda y: double(y)[1], TIMES)):
        for transformed in (fg.jacobian(fun), fg.jit(fg.jacobian(fun)), fg.jit(fg.jacfwd(fun))):
            with pytest.raises(np.linalg.LinAlgError, match="the solution has no derivative"):
                transformed(x)


def test_results_are_objects_whose_solution_is_returned():
    found = lambda a: optimize.minimize(lambda x: (x - a) ** 2, 1.0)
    for transformed in (fg.jit(found), fg.jacobian(found), fg.grad(found)):
        with pytest.raises(TypeError, match=r"Write result\.x \(or.* OptimizeResult, "):
            transformed(2.0)
    with pytest.raises(TypeError, match=r"Write result\.root.*output\[0\].* RootResults, "):
        fg.jacobian(lambda a: [optimize.root_scalar(lambda x: x - a, x0=1.0)])(2.0)


def test_linear_programs_of_traced_values():
    solve = lambda c: optimize.linprog(c, [[-1.0, -1.0]], [-1.0], bounds=[(0, None), (0, 0.4)])
    expected, costs = solve([2.0, 1.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
    for name in ("x", "fun", "slack", "con", "success", "status", "nit"):
        np.testing.assert_allclose(fg.jit(lambda c: solve(c)[name])(costs[0]), expected[name])
    np.testing.assert_allclose(fg.vmap(lambda c: solve(c).x)(costs), [solve(c).x for c in costs])
    unbounded = fg.jit(lambda c: [optimize.linprog(c, bounds=(None, None))[name] for name in ("x", "status")])
    np.testing.assert_array_equal(unbounded(costs[0])[0], [np.nan, np.nan])
    assert unbounded(costs[0])[1] == scipy.optimize.linprog(costs[0], bounds=(None, None)).status
    held = fg.grad(lambda c: c @ solve(fg.stop_gradient(c)).x)
    np.testing.assert_allclose(held(costs[0]), expected.x)
    for transformed in (fg.grad(lambda c: solve(c).fun), fg.jit(fg.grad(lambda c: solve(c).fun))):
        with pytest.raises(NotDifferentiableError, match=r"fg\.stop_gradient.*`linprog` at .*test_scipy_optimize"):
            transformed(costs[0])


def test_rosenbrocks_function():
    x = np.array([1.3, 0.7, -0.8, 1.9])
    for fun, derivative in ((optimize.rosen, optimize.rosen_der), (optimize.rosen_der, optimize.rosen_hess)):
        np.testing.assert_allclose(fg.jacobian(fun)(x), derivative(x), rtol=1e-12)
        np.testing.assert_allclose(fg.jit(fun)(x), fun(x), rtol=1e-12)
    np.testing.assert_allclose(fg.jit(optimize.rosen_hess)(x), optimize.rosen_hess(x), rtol=1e-12)
    rows = np.stack([x, 2 * x], 1)
    for fun in (optimize.rosen, optimize.rosen_der):
        np.testing.assert_allclose(fg.jit(fun)(rows), fun(rows), rtol=1e-12)
    assert fg.jit(optimize.rosen)(np.arange(3)) == optimize.rosen(np.arange(3))
    assert optimize.minimize(optimize.rosen, x, hess=optimize.BFGS(), method="trust-constr").success


@pytest.mark.parametrize(
    "module, name",
    [("optimize", "differential_evolution"), ("linalg", "qz"), ("stats", "ks_2samp"), ("special", "struve"),
     ("signal", "welch"), ("ndimage", "label"), ("interpolate", "griddata"), ("integrate", "qmc_quad")],
)  # fmt: skip
def test_names_that_only_scipy_has_are_told(module, name):
    ours = getattr(fg.scipy, module)
    with pytest.raises(AttributeError, match=rf"scipy\.{module}\.{name} takes plain arrays only"):
        getattr(ours, name)
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'"):
        ours.nothing
