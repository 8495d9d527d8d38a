"""`funcgrad.scipy.integrate`: SciPy's values, derivatives against analytic solutions and differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
from scipy.interpolate import interp1d

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import ConcretizationError, NotDifferentiableError
from funcgrad.scipy import integrate
from funcgrad.scipy.integrate import dblquad, fixed_quad, odeint, quad, romb, solve_ivp
from funcgrad.test_util import check_grads

METHODS = ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"]
STIFF = ["Radau", "BDF", "LSODA"]
P = np.array([1.1, 0.9])


def hunters(t, y, a, b):
    return [a * y[0] - b * y[0] * y[1], b * y[0] * y[1] - y[1]]


def decay(t, y, rate):
    return -rate * y


def at_end(rate, method="RK45", y0=1.0, end=2.0, tolerance=1e-8, **options):
    options = {"rtol": tolerance, "atol": tolerance, "args": (rate,), **options}
    return solve_ivp(decay, (0.0, end), [y0], method, **options).y[0, -1]


class TestSolveIvp:
    @pytest.mark.parametrize("method", METHODS)
    def test_values_are_scipys(self, method):
        for t_eval in (None, np.array([0.1, 0.5, 2.0])):
            args = hunters, (0.0, 2.0), [1.0, 0.7], method, t_eval
            expected = scipy.integrate.solve_ivp(*args, args=tuple(P))
            for found in (solve_ivp(*args, args=tuple(P)), fg.vjp(lambda p: vars_of(solve_ivp(*args, args=p)), P)[0]):
                found = found if isinstance(found, dict) else vars_of(found)
                np.testing.assert_array_equal(found["t"], expected.t)
                np.testing.assert_allclose(found["y"], expected.y, rtol=1e-15)
                assert [found[k] for k in ("nfev", "status")] == [expected.nfev, expected.status]

    @pytest.mark.parametrize("method", METHODS)
    def test_the_error_of_a_gradient_is_as_large_as_that_of_a_solution(self, method):
        for tolerance in (1e-4, 1e-6) if method == "RK23" else (1e-4, 1e-6, 1e-9):
            found = fg.grad(at_end)(0.7, method, tolerance=tolerance)
            assert abs(found + 2 * math.exp(-1.4)) < 20 * tolerance
            assert abs(fg.jvp(lambda r: at_end(r, method, tolerance=tolerance), (0.7,), (1.0,))[1] - found) < 1e-13

    @pytest.mark.parametrize("method", ["DOP853", "LSODA"])
    def test_derivatives_in_everything(self, method):
        def solution(y0, span, times, p):
            return solve_ivp(hunters, span, y0, method, times, args=tuple(p), rtol=1e-10, atol=1e-10).y

        args = np.array([1.0, 0.7]), np.array([0.1, 1.6]), np.array([0.3, 1.1]), P
        check_grads(solution, args, order=1, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("method", ["RK45", "BDF"])
    def test_second_order(self, method):
        found = fg.hessian(lambda x: at_end(x[0], method, x[1]))(np.array([0.7, 1.5]))
        np.testing.assert_allclose(found, math.exp(-1.4) * np.array([[6.0, -2.0], [-2.0, 0.0]]), atol=1e-7)

    @pytest.mark.parametrize("method", ["RK45", "LSODA"])
    def test_programs_and_batches(self, method):
        def loss(p):
            found = solve_ivp(hunters, (0.0, 1.0), [1.0, 0.7], method, np.array([0.5, 1.0]), args=tuple(p))
            return np.sum(found.y**2)

        ps = np.array([[1.1, 0.9], [0.4, 1.3]])
        gradients = np.array([fg.grad(loss)(p) for p in ps])
        np.testing.assert_allclose(fg.jit(fg.grad(loss))(P), gradients[0], rtol=1e-12)
        np.testing.assert_allclose(fg.vmap(fg.grad(loss))(ps), gradients, rtol=1e-12)
        np.testing.assert_allclose(fg.grad(lambda ps: np.sum(fg.vmap(loss)(ps)))(ps), gradients, rtol=1e-12)
        expected = fg.hessian(loss)(P)
        np.testing.assert_allclose(fg.jit(fg.hessian(loss))(P), expected, rtol=1e-6)  # a step may be divided or not
        np.testing.assert_allclose(fg.hessian(fg.checkpoint(loss))(P), expected, rtol=1e-6)
        assert fg.jit(lambda p: solve_ivp(decay, (0, 1), [1.0], t_eval=[1.0], args=(p,)).success)(2.0)

    def test_in_a_loop_that_is_compiled(self):
        def three(rate):
            options = {"t_eval": [1.0], "args": (rate,), "rtol": 1e-9, "atol": 1e-9}
            step = lambda y, _: (solve_ivp(decay, (0, 1), y, **options).y[:, 0], None)
            return fg.lax.scan(step, np.ones(1), None, 3)[0][0]

        np.testing.assert_allclose(fg.jit(fg.grad(three))(0.5), -3 * math.exp(-1.5), rtol=1e-8)

    @pytest.mark.parametrize("method", METHODS)
    def test_a_solution_at_rest(self, method):
        """SciPy crosses it in a few steps, along which a swing of its perturbation must not be lost."""

        def final(y0):
            return solve_ivp(lambda t, y: [y[1], -9 * y[0]], (0.0, 4.0), y0, method, rtol=1e-5, atol=1e-5).y[:, -1]

        c, s = math.cos(12), math.sin(12)
        np.testing.assert_allclose(fg.jacrev(final)(np.zeros(2)), [[c, s / 3], [-3 * s, c]], atol=1e-3)

    def test_a_stiff_solution_at_rest_by_an_explicit_method(self):
        assert abs(fg.grad(lambda y: at_end(200.0, y0=y, tolerance=1e-3))(0.0)) < 1e-3

    def test_too_stiff_for_an_explicit_method(self, monkeypatch):
        monkeypatch.setattr("funcgrad.scipy.integrate.steps.LIMIT", 100)
        with pytest.raises(NotDifferentiableError, match=r"^For stiff equations use method='Radau'"):
            fg.grad(lambda y: at_end(1e5, y0=y, tolerance=1e-3))(0.0)

    @pytest.mark.parametrize("method", STIFF)
    def test_robertson(self, method):
        """With all rates s times as large time runs s times as fast, so rates times derivatives are t times y'."""
        k = np.array([0.04, 3e7, 1e4])
        rhs = lambda t, y, *k: [-k[0] * y[0] + k[2] * y[1] * y[2], k[0] * y[0] - k[2] * y[1] * y[2] - k[1] * y[1] ** 2,
                                k[1] * y[1] ** 2]  # fmt: skip

        def final(k, tolerance=1e-5, method=method):
            options = {"rtol": tolerance, "atol": tolerance * 1e-5, "args": tuple(k)}
            return solve_ivp(rhs, (0.0, 1e4), [1.0, 0.0, 0.0], method, [1e4], **options).y[:, 0]

        expected = 1e4 * np.array(rhs(0.0, final(k, 1e-9, "LSODA"), *k))[::2]  # y[1] is stiff
        np.testing.assert_allclose(fg.grad(lambda k: final(k)[0])(k) @ k, expected[0], rtol=1e-5)
        np.testing.assert_allclose(fg.jvp(final, (k,), (k,))[1][::2], expected, rtol=1e-5)

    def test_van_der_pol(self):
        """Past the first jump of a stiff oscillator, where errors of a trajectory have grown a thousandfold."""

        def final(mu, tolerance=1e-5, method="BDF", solve=solve_ivp):
            f = lambda t, y: [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]
            return solve(f, (0.0, 1000.0), [2.0, 0.0], method, [1000.0], rtol=tolerance, atol=tolerance).y[0, 0]

        plain = lambda mu: final(mu, 1e-10, "LSODA", scipy.integrate.solve_ivp)
        np.testing.assert_allclose(fg.grad(final)(1000.0), (plain(1001.0) - plain(999.0)) / 2, rtol=5e-3)

    def test_times_that_move(self):
        final = lambda span: solve_ivp(lambda t, y: -t * y, span, [1.0], rtol=1e-9, atol=1e-9)
        span = np.array([0.5, 1.0])
        expected = math.exp(-0.375) * np.array([0.5, -1.0])
        np.testing.assert_allclose(fg.grad(lambda s: final(s).y[0, -1])(span), expected, atol=1e-8)
        moved = fg.jacfwd(lambda s: final(s).t)(span)
        np.testing.assert_array_equal(moved[[0, -1]], np.eye(2))
        assert not moved[1:-1].any()
        back = fg.grad(lambda r: at_end(r, end=-2.0))(0.5)
        np.testing.assert_allclose(back, 2 * math.e, rtol=1e-7)

    @pytest.mark.parametrize("wrap", ["attribute", "dict", "closure"])
    def test_numbers_may_be_anywhere(self, wrap):
        class Model:
            def rhs(self, t, y):
                return -self.rate * y

        def final(rate):
            model = Model()
            model.rate = rate
            given = {
                "attribute": model.rhs,
                "dict": lambda t, y, d: -d["rate"] * y,
                "closure": lambda t, y: [-rate * y[0]],
            }
            args = ({"rate": rate},) if wrap == "dict" else None
            return solve_ivp(given[wrap], (0.0, 2.0), [1.0], "LSODA", [2.0], args=args, rtol=1e-8, atol=1e-8).y[0, 0]

        for call in (fg.grad(final), fg.jit(fg.grad(final))):
            np.testing.assert_allclose(call(0.5), -2 * math.exp(-1), rtol=1e-7)

    @pytest.mark.parametrize("method", ["RK45", "Radau"])
    def test_functions_that_are_no_programs(self, method):
        table = interp1d([0.0, 1.0], [0.0, 1.0])

        def rhs(t, y, rate):
            return [-rate * y[0] if t < 0.5 else 0.0 * y[0], rate * float(table(t)) * math.exp(0.0)]

        final = lambda rate: solve_ivp(
            rhs, (0.0, 1.0), [1.0, 0.0], method, args=(rate,), rtol=1e-6, atol=1e-6, max_step=0.1
        ).y[:, -1]
        np.testing.assert_allclose(fg.jacfwd(final)(0.8), [-0.5 * math.exp(-0.4), 0.5], atol=1e-4)

    @pytest.mark.parametrize("method", ["RK45", "Radau"])
    def test_a_hidden_number_in_a_function_that_is_no_program(self, method):
        class Model:
            def rhs(self, t, y):
                return -self.rate * y if t >= 0 else y

        def final(rate):
            model = Model()
            model.rate = rate
            rhs = lambda t, y: model.rhs(math.floor(t), y)
            return solve_ivp(rhs, (0.0, 1.0), [1.0], method, rtol=1e-7, atol=1e-7).y[0, -1]

        np.testing.assert_allclose(fg.grad(final)(0.5), -math.exp(-0.5), rtol=1e-6)

    def test_what_functions_return(self):
        def written(rate):
            def rhs(t, y):
                dy = fnp.zeros(2)
                dy[0] = -rate * y[0]
                return dy

            return rhs

        forms = {
            "scalar": lambda rate: lambda t, y: -rate * y[0],
            "tuple": lambda rate: lambda t, y: (-rate * y[0], 0),
            "written": written,
            "columns": lambda rate: lambda t, y: np.vstack([-rate * y[0], 0 * y[0]]),
        }
        for name, form in forms.items():
            y0 = [1] if name == "scalar" else [1.0, 0.0]
            options = {"rtol": 1e-8, "atol": 1e-8, "vectorized": name == "columns"}
            found = fg.grad(lambda r, f=form, y0=y0, o=options: solve_ivp(f(r), (0, 2), y0, "LSODA", **o).y[0, -1])(0.5)
            np.testing.assert_allclose(found, -2 * math.exp(-1), rtol=1e-7, err_msg=name)

    def test_dtypes(self):
        y, pull = fg.vjp(lambda y: solve_ivp(decay, (0, 1), y, args=(1.0,)).y, np.ones(1, np.float32))
        assert y.dtype == np.float64
        assert pull(np.ones_like(y))[0].dtype == np.float32
        spin = lambda w: solve_ivp(lambda t, y: 1j * w * y, (0, 1), [1 + 0j], rtol=1e-9, atol=1e-9).y[0, -1]
        np.testing.assert_allclose(fg.jvp(spin, (1.0,), (1.0,))[1], 1j * np.exp(1j), rtol=1e-8)
        with pytest.raises(NotDifferentiableError, match=r"^Take an explicit method"):
            fg.jvp(lambda w: solve_ivp(lambda t, y: 1j * w * y, (0, 1), [1 + 0j], "BDF").y, (1.0,), (1.0,))

    @pytest.mark.parametrize("given", [False, True])
    def test_options(self, given):
        jac = (lambda t, y, rate: [[-rate]]) if given else None
        for call in (fg.grad, lambda f: fg.jit(fg.grad(f))):
            found = call(lambda r: at_end(r, "BDF", jac=jac, t_eval=[2.0], first_step=0.1))(0.5)
            np.testing.assert_allclose(found, -2 * math.exp(-1), rtol=1e-7)
        found = fg.grad(lambda r: at_end(r, scipy.integrate.RK45, max_step=0.5))(0.5)
        np.testing.assert_allclose(found, -2 * math.exp(-1), rtol=1e-7)

    def test_a_jacobian_of_a_program_solves_once(self, monkeypatch):
        solved, solve = [], scipy.integrate.solve_ivp
        counted = lambda *args, **options: solved.append(1) or solve(*args, **options)
        monkeypatch.setattr(scipy.integrate, "solve_ivp", counted)
        final = lambda p: solve_ivp(hunters, (0.0, 1.0), [1.0, 0.7], t_eval=np.linspace(0.1, 1.0, 7), args=tuple(p)).y
        expected, alone = fg.jacrev(final)(P), len(solved)
        for jacobian in (fg.jacrev, fg.jacfwd):
            solved.clear()
            np.testing.assert_allclose(fg.jit(jacobian(final))(P), expected, rtol=1e-13)
            assert len(solved) <= alone + 1  # and once for the values
        second = fg.jacfwd(fg.jacrev(final))(P)
        for outer in (fg.jacrev, fg.jacfwd):
            for inner in (fg.jacrev, fg.jacfwd):
                np.testing.assert_allclose(fg.jit(outer(inner(final)))(P), second, rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("method", METHODS)
    def test_vectorized_functions_as_programs(self, method):
        def final(p, solve=solve_ivp):
            rhs = lambda t, y: np.stack([-p * y[0], y[0] - y[1] ** 2])
            return solve(rhs, (0.0, 1.0), [1.0, 0.5], method, [0.5, 1.0], vectorized=True)

        expected = final(0.7, scipy.integrate.solve_ivp)
        y, count = fg.jit(lambda p: (final(p).y, final(p).nfev))(0.7)
        np.testing.assert_allclose(y, expected.y, rtol=1e-13)
        assert count == expected.nfev
        slopes = fg.jit(fg.jacfwd(lambda p: final(p).y))(0.7)
        np.testing.assert_allclose(slopes, fg.jacfwd(lambda p: final(p).y)(0.7), rtol=1e-9)

    def test_a_solver_that_fails(self):
        blown = lambda p: solve_ivp(lambda t, y: y * y * p, (0.0, 3.0), [1.0], t_eval=[0.5, 2.0], rtol=1e-8).y
        y, pull = fg.vjp(blown, 1.0)
        assert y.shape == (1, 1)
        np.testing.assert_allclose(pull(np.ones((1, 1)))[0], 2.0, rtol=1e-5)
        np.testing.assert_array_equal(np.isnan(fg.jit(blown)(1.0)), [[False, True]])

    @pytest.mark.parametrize("method", ["RK45", "BDF"])
    def test_what_a_program_has_not_reached_has_no_derivative(self, method):
        rhs = lambda t, y, k: [k * y[0] ** 2, k * y[1]]
        final = lambda k, y0: solve_ivp(rhs, (0, 2), [y0, 1.0], method, t_eval=[0.5, 1.5], args=(k,)).y
        assert np.isnan(fg.jit(fg.value_and_grad(lambda k: final(k, 1.0)[0, 1]))(1.0)).all()
        for jacobian in (fg.jacfwd, fg.jacrev):
            for found in fg.jit(jacobian(final, (0, 1)))(1.0, 1.0):
                np.testing.assert_array_equal(np.isnan(found), [[False, True]] * 2)
            assert np.isnan(fg.vmap(jacobian(final))(np.array([1.0, 0.1]), np.ones(2))).sum() == 2
        second = fg.jit(fg.hessian(lambda k: final(k, 1.0)[:, 1]))(1.0)
        assert np.isnan(second).all()

    def test_steps_that_no_division_makes_right(self):
        """Next to the pole the solution's last steps have errors as large as themselves."""
        whole = lambda k: solve_ivp(lambda t, y: [k * y[0] ** 2], (0.0, 2.0), [1.0], "Radau")
        slopes = fg.jacfwd(lambda k: whole(k).y[0])(1.0)
        assert np.isnan(slopes[-1]) and not np.isnan(slopes[whole(1.0).t < 0.99]).any()


def vars_of(result):
    return {k: result[k] for k in ("t", "y", "nfev", "status")}


class TestEvents:
    @staticmethod
    def fall(x):
        """From height x[0] with gravity x[1]: it hits the ground at sqrt(2 x[0] / x[1])."""

        def ground(t, y, g):
            return y[0]

        ground.terminal, ground.direction = True, -1
        halfway = lambda t, y, g: y[1] + 2.0
        rhs = lambda t, y, g: [y[1], -g]
        return solve_ivp(rhs, (0.0, 9.0), [x[0], 0.0], events=[ground, halfway], args=(x[1],), rtol=1e-9, atol=1e-9)

    def test_values_and_derivatives(self):
        x = np.array([2.0, 9.81])
        time = lambda x: np.sqrt(2 * x[0] / x[1])
        for moment in (lambda x: self.fall(x).t_events[0][0], lambda x: self.fall(x).t[-1]):
            np.testing.assert_allclose(moment(x), time(x), rtol=1e-9)
            np.testing.assert_allclose(fg.grad(moment)(x), fg.grad(time)(x), rtol=1e-8)
            np.testing.assert_allclose(fg.hessian(moment)(x), fg.hessian(time)(x), rtol=1e-7)
        speed = lambda x: -np.sqrt(2 * x[0] * x[1])
        np.testing.assert_allclose(fg.grad(lambda x: self.fall(x).y[1, -1])(x), fg.grad(speed)(x), rtol=1e-8)
        np.testing.assert_allclose(fg.grad(lambda x: self.fall(x).t_events[1][0])(x), [0.0, -2 / 9.81**2], atol=1e-9)
        height = fg.grad(lambda x: self.fall(x).y_events[1][0, 0])(x)
        np.testing.assert_allclose(height, [1.0, 2 / 9.81**2], rtol=1e-7)

    def test_none_happens(self):
        never = lambda t, y, rate: y[0] + 1
        found = fg.vjp(lambda y: solve_ivp(decay, (0, 1), y, events=never, args=(1.0,)).t_events[0], np.ones(1))
        assert found[0].shape == (0,)


class TestErrors:
    @pytest.mark.parametrize("transform", [fg.jit, fg.jacobian])
    def test_a_result_is_an_object(self, transform):
        with pytest.raises(TypeError, match=r"Write .*result\.y"):
            transform(lambda r: solve_ivp(decay, (0, 1), [1.0], t_eval=[1], args=(r,)))(1.0)

    @pytest.mark.parametrize("transform", [fg.jit, lambda f: lambda x: fg.vmap(f)(np.array([x]))])
    def test_what_depends_on_values(self, transform):
        with pytest.raises(ConcretizationError, match=r"^Give t_eval.*How many steps"):
            transform(lambda r: solve_ivp(decay, (0, 1), [1.0], args=(r,)).y)(1.0)
        with pytest.raises(ConcretizationError, match=r"outside of jit and vmap\. Which events"):
            transform(lambda r: solve_ivp(decay, (0, 1), [1.0], t_eval=[1], events=decay, args=(r,)).y)(1.0)
        with pytest.raises(ConcretizationError, match=r"traced rtol"):
            transform(lambda r: solve_ivp(decay, (0, 1), [1.0], t_eval=[1], rtol=r, args=(r,)).y)(1.0)
        with pytest.raises(ConcretizationError, match=r"full_output"):
            transform(lambda r: odeint(lambda y, t: -r * y, 1.0, [0.0, 1.0], full_output=True)[0])(1.0)
        with pytest.raises(ConcretizationError, match=r"full_output"):
            transform(lambda r: quad(lambda x: r * x, 0, 1, full_output=True)[0])(1.0)

    def test_the_rest(self):
        with pytest.raises(NotDifferentiableError, match=r"^Give t_eval.*dense output"):
            fg.grad(lambda r: solve_ivp(decay, (0, 1), [1.0], dense_output=True, args=(r,)).sol(0.5)[0])(1.0)
        with pytest.raises(NotDifferentiableError, match="tcrit"):
            fg.grad(lambda r: odeint(lambda y, t: -r * y, 1.0, [0.0, 1.0], tcrit=[0.5])[1, 0])(1.0)
        with pytest.raises(IndexError):
            fg.grad(lambda r: solve_ivp(lambda t, y: -r * y[3], (0, 1), [1.0]).y[0, -1])(1.0)
        with pytest.raises(TypeError, match="cannot be unpacked"):
            fg.grad(lambda r: solve_ivp(decay, (0, 1), [1.0], args=r).y[0, -1])(1.0)
        with pytest.raises(ValueError, match="not within"):
            fg.grad(lambda r: at_end(r, t_eval=[3.0]))(1.0)
        with pytest.raises(NotDifferentiableError, match="complex_func"):
            fg.grad(lambda r: quad(lambda x: r * x * 1j, 0, 1, complex_func=True)[0].imag)(1.0)
        with pytest.raises(NotDifferentiableError, match="weight"):
            fg.grad(lambda r: quad(lambda x: x, 0, r, weight="cos", wvar=1.0)[0])(1.0)


class TestOdeint:
    def test_values_and_derivatives(self):
        def states(y0, t, p):
            return odeint(lambda y, t, a, b: hunters(t, y, a, b), y0, t, tuple(p))

        args = np.array([1.0, 0.7]), np.array([0.2, 0.5, 0.5, 1.1]), P
        expected = scipy.integrate.odeint(hunters, args[0], args[1], tuple(P), tfirst=True)
        np.testing.assert_array_equal(states(*args), expected)
        np.testing.assert_allclose(fg.vjp(states, *args)[0], expected, rtol=1e-15)
        np.testing.assert_allclose(fg.jit(states)(*args), expected, rtol=1e-15)
        apart = args[0], np.array([0.2, 0.5, 1.1]), P
        check_grads(states, apart, order=1, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize("t", [[1.0, 0.5, 0.0], [0.0, 0.0, 1.0], [1.0]])
    def test_times(self, t):
        t = np.array(t)
        found = fg.jacrev(lambda r: odeint(lambda y, t: -r * y, 1.0, t)[:, 0])(0.5)
        np.testing.assert_allclose(found, -(t - t[0]) * np.exp(-0.5 * (t - t[0])), atol=1e-9)

    def test_options(self):
        def final(r):
            slope = lambda y, t, r: [[-r]]
            return odeint(lambda y, t, r: -r * y, 1.0, [0.0, 1.0], r, Dfun=slope, rtol=1e-9, hmax=0.3, full_output=1)

        value, (infodict,) = fg.vjp(lambda r: final(r)[0], 0.5)[0], [final(0.5)[1]]
        assert value.shape == (2, 1) and "nst" in infodict
        np.testing.assert_allclose(fg.grad(lambda r: final(r)[0][1, 0])(0.5), -math.exp(-0.5), rtol=1e-8)

    @pytest.mark.filterwarnings("ignore::scipy.integrate.ODEintWarning")
    @pytest.mark.parametrize("t", [[0.0, 0.5, 1.5], [0.0, 0.5, 1.5, 2.0], [0.0, -0.5, -1.5], [0.0, 0.0, 1.5]])
    def test_what_it_has_not_reached_has_no_derivative(self, t):
        t = np.array(t)
        final = lambda k: odeint(lambda y, _: [np.sign(t[-1]) * k * y[0] ** 2], [1.0], t)[:, 0]
        expected = np.where(abs(t) < 1, abs(t) / (1 - abs(t)) ** 2, np.nan)
        values = scipy.integrate.odeint(lambda y, _: [np.sign(t[-1]) * y[0] ** 2], [1.0], t)[:3, 0]
        np.testing.assert_array_equal(fg.vjp(final, 1.0)[0][:3], values)
        for jacobian in (fg.jacfwd(final), fg.jacrev(final), fg.jit(fg.jacfwd(final)), fg.jit(fg.jacrev(final))):
            np.testing.assert_allclose(jacobian(1.0), expected, rtol=1e-5)

    def test_a_second_derivative(self):
        final = lambda r: odeint(lambda t, y: [-r * y[0]], [1.0], [0.0, 2.0], tfirst=True)[1, 0]
        np.testing.assert_allclose(fg.grad(fg.grad(final))(0.5), 4 * math.exp(-1), rtol=1e-7)


def mixed(a, b, c):
    return quad(lambda x, c: np.sin(c[0] * x) * c[1] + x**2 * c[0], a, b, (c,))[0] + 0.0 * a


class TestQuad:
    ARGS = np.array(0.3), np.array(1.7), np.array([1.2, 0.7])

    def test_derivatives(self):
        check_grads(mixed, self.ARGS, order=2)
        assert quad(np.exp, 0.0, 1.0) == scipy.integrate.quad(np.exp, 0.0, 1.0)
        line = lambda c: quad(lambda x: c * x, 0.0, 1.0)
        assert fg.vjp(lambda c: line(c)[0], 3.0)[0] == scipy.integrate.quad(lambda x: 3 * x, 0, 1)[0]
        assert fg.vjp(line, 3.0)[0][1] == line(3.0)[1]

    def test_programs_and_batches(self):
        gradient, hessian = fg.grad(mixed, (0, 1, 2)), fg.hessian(mixed, 2)
        for found, expected in zip(fg.jit(gradient)(*self.ARGS), gradient(*self.ARGS)):
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(fg.jit(hessian)(*self.ARGS), hessian(*self.ARGS), rtol=1e-12)
        ends = np.array([1.0, 2.0])
        found = fg.vmap(fg.grad(mixed, 2), (None, 0, None))(0.3, ends, self.ARGS[2])
        np.testing.assert_allclose(found, [fg.grad(mixed, 2)(0.3, b, self.ARGS[2]) for b in ends], rtol=1e-12)

    def test_limits(self):
        gaussian = lambda a, b: quad(lambda x: np.exp(-a * x), 0.0, b)[0]
        for call in (fg.grad(gaussian, (0, 1)), fg.jit(fg.grad(gaussian, (0, 1)))):
            np.testing.assert_allclose(call(2.0, np.inf), (-0.25, 0.0), atol=1e-12)
        np.testing.assert_allclose(fg.grad(lambda p: quad(lambda x: x**p, 0.0, 1.0)[0])(-0.5), -4.0, rtol=1e-9)
        root = lambda b: quad(lambda x: 1 / math.sqrt(x), 0.0, b)[0]
        np.testing.assert_allclose(fg.grad(root)(2.0), 2**-0.5, rtol=1e-12)

    def test_a_complex_number_in_the_function(self):
        whole = lambda z: quad(lambda x: fnp.real(z[0] ** 2 * x) + z[1].imag * x**2, 0.0, 1.0)[0]
        exact = lambda z: fnp.real(z[0] ** 2) / 2 + z[1].imag / 3
        z = np.array([1.0 + 2.0j, 0.5j])
        check_grads(whole, (z,), order=2)
        for found in (fg.grad(whole)(z), fg.jit(fg.grad(whole))(z)):
            np.testing.assert_allclose(found, fg.grad(exact)(z), rtol=1e-12, atol=1e-15)

    def test_where_the_function_is_zero(self):
        """One interval is enough for it, but not for its derivative."""
        found = fg.grad(lambda c: quad(lambda x: c * np.sin(100 * x), 0.0, 1.0)[0])(0.0)
        np.testing.assert_allclose(found, (1 - math.cos(100)) / 100, rtol=1e-9)

    def test_functions(self):
        class Model:
            def f(self, x):
                return self.p * x

        def hidden(p):
            model = Model()
            model.p = p
            return quad(model.f, 0.0, 2.0)[0]

        np.testing.assert_allclose([fg.grad(hidden)(3.0), fg.jit(fg.grad(hidden))(3.0)], 2.0, rtol=1e-14)
        chosen = lambda p: quad(lambda x: p * x if x < 0.5 else p * p * x, 0.0, 1.0, points=[0.5])[0]
        np.testing.assert_allclose(fg.grad(chosen)(3.0), 0.125 + 6 * 0.375, rtol=1e-12)
        weighted = lambda p: quad(lambda x: p * x, 0.0, 1.0, weight="cos", wvar=3.0)[0]
        np.testing.assert_allclose(fg.grad(weighted)(2.0), weighted(1.0), rtol=1e-12)

    def test_of_two_variables(self):
        area = lambda r: dblquad(lambda y, x: x * y * r, 0.0, r, 0.0, lambda x: x * r)[0]
        assert area(1.3) == scipy.integrate.dblquad(lambda y, x: x * y * 1.3, 0.0, 1.3, 0.0, lambda x: x * 1.3)[0]
        for call in (fg.grad(area), fg.jit(fg.grad(area))):
            np.testing.assert_allclose(call(1.3), 7 * 1.3**6 / 8, rtol=1e-12)

    def test_fixed(self):
        fixed = lambda b, p: fixed_quad(lambda x: np.cos(p * x), 0.0, b, n=7)[0]
        expected = scipy.integrate.fixed_quad(lambda x: np.cos(1.1 * x), 0, 0.5, n=7)[0]
        np.testing.assert_allclose([fixed(0.5, 1.1), fg.vjp(fixed, 0.5, 1.1)[0]], expected, rtol=1e-14)
        check_grads(fixed, (np.array(0.5), np.array(1.1)), order=2)
        np.testing.assert_allclose(fg.jit(fg.grad(fixed))(0.5, 1.1), math.cos(0.55), rtol=1e-9)


X = np.array([0.0, 0.4, 1.1, 1.5, 2.2, 2.9, 3.1, 4.0, 4.4])
Y = np.random.default_rng(0).normal(size=(9, 9))
SAMPLES = {
    "trapezoid": {},
    "cumulative_trapezoid": {"initial": 0},
    "simpson": {},
    "cumulative_simpson": {"initial": 0.5},
}


class TestSamples:
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("name", SAMPLES)
    def test_values(self, name, dtype):
        ours, scipys = getattr(integrate, name), getattr(scipy.integrate, name)
        tolerance = 1e-12 if dtype == np.float64 else 3e-6
        for count in (9, 8, 2) if dtype == np.float64 else (8,):
            y, x = Y[:, :count].astype(dtype), X[:count].astype(dtype)
            wide = np.broadcast_to(x, y.shape)
            calls = [
                (y, {}), (y, {"dx": 0.3}), (y[0], {"dx": 0.3}), (y, {"x": x}), (y, {"x": wide}),
                (y.T, {"x": x, "axis": 0}), (y, {"x": x, **SAMPLES[name]}),
                (y.T, {"dx": 0.3, "axis": 0, **SAMPLES[name]}),
            ]  # fmt: skip
            for values, options in calls:
                expected = scipys(values, **options)
                np.testing.assert_array_equal(ours(values, **options), expected)
                found = fg.vjp(lambda y, o=options: ours(y, **o), values)[0]
                assert found.dtype == expected.dtype and found.shape == expected.shape
                np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    @pytest.mark.parametrize("name", SAMPLES)
    def test_programs_and_batches(self, name):
        ours, scipys = getattr(integrate, name), getattr(scipy.integrate, name)
        expected = [scipys(y, x=X) for y in Y[:3]]
        np.testing.assert_allclose(fg.vmap(lambda y: ours(y, x=X))(Y[:3]), expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(fg.jit(lambda y, x: ours(y, x=x))(Y[:3], X), expected, rtol=1e-12, atol=1e-13)

    @pytest.mark.parametrize("name", SAMPLES)
    def test_derivatives(self, name):
        ours = getattr(integrate, name)
        for count in (9, 8, 2):
            check_grads(lambda y, x: ours(y, x=x), (Y[:2, :count], X[:count]), order=2, atol=1e-4, rtol=1e-4)
            check_grads(lambda y, dx: ours(y, dx=dx), (Y[:2, :count], np.array(0.3)), order=1)

    def test_points_that_coincide(self):
        x = np.array([0.0, 1.0, 1.0, 2.0, 3.0])
        y = Y[0, :5]
        value, pull = fg.vjp(lambda y: integrate.simpson(y, x), y)
        np.testing.assert_allclose(value, scipy.integrate.simpson(y, x), rtol=1e-14)
        weights = [scipy.integrate.simpson(e, x) for e in np.eye(5)]
        np.testing.assert_allclose(pull(1.0)[0], weights, rtol=1e-14)

    def test_romb(self):
        for axis in (0, 1):
            found = fg.vjp(lambda y, a=axis: romb(y, 0.1, a), Y)[0]
            np.testing.assert_allclose(found, scipy.integrate.romb(Y, 0.1, axis), rtol=1e-13, atol=1e-15)
        check_grads(romb, (Y[:2], np.array(0.1)), order=1)
        with pytest.raises(ValueError, match="power of 2"):
            fg.grad(romb)(np.ones(4))

    def test_errors_are_scipys(self):
        for fun, y, options in [
            (integrate.simpson, np.ones(3), {"x": np.ones(4)}),
            (integrate.simpson, np.ones((2, 3)), {"x": np.ones((1, 2, 3))}),
            (integrate.cumulative_simpson, np.ones(3), {"x": np.array([0.0, 2.0, 1.0])}),
            (integrate.cumulative_simpson, np.ones(3), {"dx": np.ones(2)}),
            (integrate.cumulative_trapezoid, np.ones(3), {"initial": 1}),
            (integrate.cumulative_trapezoid, np.ones(0), {}),
        ]:
            with pytest.raises(ValueError) as plain:
                fun(y, **options)
            with pytest.raises(ValueError) as traced:
                fg.vjp(lambda y, f=fun, o=options: f(y, **o), y)
            assert str(traced.value) == str(plain.value)


@pytest.mark.parametrize("transform", [lambda f: f, fg.grad, fg.jit, lambda f: fg.jit(fg.grad(f))])
def test_warnings_name_the_users_line(transform):
    wild = lambda x, k: k / x
    calls = {
        scipy.integrate.ODEintWarning: lambda k: odeint(lambda y, t: [k * y[0] ** 2], [1.0], [0.0, 1.5])[-1, 0],
        scipy.integrate.IntegrationWarning: lambda k: quad(wild, 0.0, 1.0, (k,))[0],
    }
    for category, call in calls.items():
        with pytest.warns(category) as found:
            transform(call)(1.0)
        assert {w.filename for w in found if w.category is category} == {__file__}


def test_every_name_is_scipys():
    for name in integrate.__all__:
        assert getattr(integrate, name).__doc__ and hasattr(scipy.integrate, name)
