"""Compiled programs as functions of numba's."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
import threading
from collections import namedtuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile.gate import ON_STACK
from tests.test_text import NUMBA_PROGRAMS, PROGRAMS

numba = pytest.importorskip("numba")
Pair = namedtuple("Pair", "value slope")


def bowl(x):
    return np.sum(np.sin(x) ** 2 + 0.5 * x)


def lowered(fun, *args):
    return fg.jit(fun).lower(*args)


def same(found, expected):
    """Structure, dtypes and bits; what comes out of numba's code as a number is Python's."""
    assert fg.tree.structure(found) == fg.tree.structure(expected)
    for a, b in zip(fg.tree.leaves(found), fg.tree.leaves(expected)):
        assert np.shape(a) == np.shape(b) and (not np.shape(a) or a.dtype == b.dtype)
        np.testing.assert_array_equal(a, b)


class TestPrograms:
    @pytest.mark.parametrize("dtype, n", [(np.float64, 7), pytest.param(np.float32, 1000, marks=pytest.mark.long)])
    def test_the_bits_are_those_of_the_program(self, dtype, n):
        f = fg.jit(fg.value_and_grad(bowl))
        x = np.random.default_rng(n).normal(size=n).astype(dtype)
        called = f.lower(x).numba
        inside = numba.njit(lambda x: called(x))
        same(inside(x), f(x))
        same(called(x), f(x))

    def test_results_of_all_kinds(self):
        table = np.arange(4.0)

        def mixed(x, p, i, b):
            inner = x[::-1] * p[0], p[1] > p[1][1]
            return x, 2.5, (inner, inner[0], table, i + 1, ()), x, None, b, np.float32(2) * p[0], x.T

        args = np.ones((2, 3), np.float32), (np.float32(2.0), np.arange(3, dtype=np.int16)), 1, np.bool_(True)
        f = fg.jit(mixed)
        found, expected = f.lower(*args).numba(*args), f(*args)
        same(found, expected)
        arrays = [a for a in fg.tree.leaves(found) if isinstance(a, np.ndarray)]
        for k, a in enumerate(arrays):
            assert a.flags.c_contiguous and a.flags.writeable
            assert not any(np.may_share_memory(a, b) for b in (*arrays[:k], *fg.tree.leaves(args), table))

    @pytest.mark.long
    def test_named_tuples_go_in(self):
        f = fg.jit(lambda p: p.value * p.slope)
        g = f.lower(Pair(np.ones(2), 2.0)).numba
        inside = numba.njit(lambda x: g(Pair(x, 3.0)))
        np.testing.assert_array_equal(inside(np.ones(2)), [3.0, 3.0])

    @pytest.mark.parametrize("n", [pytest.param(40, marks=pytest.mark.long), 3000])
    def test_memory_to_work_in(self, n):
        """On the stack or not, and more than one array of it."""
        x = np.linspace(0, 1, n)
        program = lowered(lambda x: np.cumsum(np.exp(x) / np.sum(np.exp(x)))[::-1] * np.cumsum(x), x)
        same(program.numba(x), program(x)[0])
        assert (program.workspace > ON_STACK) == (n == 3000)

    def test_captured_arrays_live_as_long_as_the_code(self):
        def made():
            table = np.random.default_rng(0).normal(size=5000)
            g = lowered(lambda x: np.sum(np.sin(table) * x), 1.0).numba
            return numba.njit(lambda x: g(x)), float(np.sum(np.sin(table)))

        inside, expected = made()
        inside(1.0)
        other = [np.ones(5000) for _ in range(50)]
        assert inside(1.0) == pytest.approx(expected, rel=1e-12) and len(other) == 50

    @pytest.mark.long
    def test_products_that_are_blas_elsewhere(self):
        rng = np.random.default_rng(1)
        a, x = rng.normal(size=(2, 70, 70)) / 10
        f = fg.jit(fg.value_and_grad(lambda x: np.sum(np.tanh(a @ x @ a))))
        program = f.lower(x)
        assert program.calls
        value, slope = program.numba(x)
        np.testing.assert_allclose(value, f(x)[0], rtol=1e-12)
        np.testing.assert_allclose(slope, f(x)[1], rtol=1e-12, atol=1e-14)

    @pytest.mark.long
    def test_scans_and_conditions(self):
        def fun(x, n):
            step = lambda c, t: (fg.lax.cond(t > 0.5, np.sin, np.cos, c) * t, c)
            return fg.lax.scan(step, x, np.linspace(0, 1, 9)), fg.lax.fori_loop(0, n, lambda i, s: s + i * x, x)

        f = fg.jit(fun)
        same(f.lower(0.3, 5).numba(0.3, 7), f(0.3, 7))

    @pytest.mark.long
    @pytest.mark.parametrize("name", NUMBA_PROGRAMS)
    def test_many_programs(self, name):
        fun, *args = PROGRAMS[name]
        leaves, treedef = fg.tree.flatten(args)
        f = fg.jit(lambda *leaves: tuple(fg.tree.leaves(fun(*treedef.unflatten(leaves)))))
        program = f.lower(*leaves)
        try:
            called = program.numba
        except TypeError:  # which test_what_python_runs looks at
            assert program.calls
            return
        for found, wanted in zip(called(*leaves), f(*leaves), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12 if program.calls else 0)

    def test_one_function_for_one_program(self):
        f = fg.jit(bowl)
        assert f.lower(np.ones(3)).numba is f.lower(np.zeros(3)).numba
        assert f.lower(np.ones(3)).numba is not f.lower(np.ones(4)).numba

    @pytest.mark.long
    def test_numba_is_imported_when_it_is_asked_for(self):
        code = (
            "import sys, numpy as np, funcgrad as fg\nf = fg.jit(lambda x: x + 1.0)\np = f.lower(1.0)\nf(1.0)\n"
            "assert 'numba' not in sys.modules\nassert p.numba(2.0) == 3.0 and 'numba' in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class TestArguments:
    @pytest.fixture(scope="class")
    @staticmethod
    def weighted():
        return lowered(lambda x, w: np.sum(x, axis=0) * w, np.ones((2, 3)), 2.0).numba

    def test_arrays_in_any_layout(self, weighted):
        expected = weighted(np.arange(6.0).reshape(2, 3), 2.0)
        same(weighted(np.asfortranarray(np.arange(6.0).reshape(2, 3)), 2.0), expected)
        same(weighted(np.arange(12.0).reshape(2, 6)[:, ::2] / 2, 2.0), expected)
        misaligned = np.frombuffer(b"x" + np.arange(6.0).tobytes(), np.float64, offset=1).reshape(2, 3)
        assert not misaligned.flags.aligned and not misaligned.flags.writeable
        same(weighted(misaligned, 2.0), expected)

    @pytest.mark.parametrize("w", [
        2, np.array(2.0), *(pytest.param(w, marks=pytest.mark.long) for w in (True, np.float32(2), np.int8(2))),
    ], ids=lambda w: type(w).__name__)  # fmt: skip
    def test_numbers(self, weighted, w):
        same(weighted(np.ones((2, 3)), w), np.full(3, 2.0) * float(w))

    @pytest.mark.parametrize("args, says", [
        ((np.ones((2, 3), np.float32), 2.0), r"argument 0 is an array of float32 with 2 dim.* float64|f64\[2,3\]"),
        ((np.ones(3), 2.0), "argument 0 is an array of float64 with 1 dimension, but this was compiled for"),
        ((2.0, 2.0), "argument 0 is float64"),
        ((np.ones((2, 3)), 2j), "argument 1 is complex128"),
        ((np.ones((2, 3)), (2.0,)), "argument 1 is Tuple|argument 1 is UniTuple"),
        ((np.ones((2, 3)), np.ones(1)), "argument 1 is an array"),
    ])  # fmt: skip
    def test_of_another_type(self, weighted, args, says):
        with pytest.raises(numba.TypingError, match=says):
            weighted(*args)

    def test_integers_that_could_be_too_large(self):
        g = lowered(lambda n: n + np.int32(1), np.int32(1)).numba
        assert g(np.int16(4)) == 5
        with pytest.raises(numba.TypingError, match=r"argument 0 is int64, but this was compiled for"):
            g(2**40)

    def test_tuples(self):
        g = lowered(lambda p: p[0] + p[1][0], (1.0, (2.0,))).numba
        assert g((1.0, (5.0,))) == 6.0
        for wrong in ((1.0, (2.0,), 3.0), 1.0, (1.0, 2.0), (1.0, (2.0, 3.0))):
            with pytest.raises(numba.TypingError, match=r"argument 0.*was compiled for a tuple of"):
                g(wrong)

    def test_of_another_shape(self, weighted):
        inside = numba.njit(lambda x: weighted(x, 1.0))
        for shape in ((3, 2), (2, 4), (0, 3)):
            with pytest.raises(ValueError, match=r"`<lambda>`: argument 0 has another shape than the \(2, 3\)"):
                inside(np.ones(shape))

    def test_an_index_out_of_bounds(self):
        g = lowered(lambda x, i: x[i] * 2, np.ones(3), 0).numba
        assert g(np.arange(3.0), -1) == 4.0

        @numba.njit
        def guarded(i):
            try:
                return g(np.ones(3), i)
            except Exception:
                return -1.0

        assert guarded(1) == 2.0 and guarded(3) == -1.0
        with pytest.raises(IndexError, match=r"out of bounds.*Called from Python, the jitted function says which"):
            g(np.ones(3), 5)

    def test_integers_past_64_bits(self):
        g = lowered(lambda n: n * 4 + 1, 3).numba
        assert g(5) == 21
        with pytest.raises(IndexError, match="an integer has passed 64 bits"):
            g(2**62)


class TestRefused:
    """When the function is asked for, with what to do instead."""

    def test_what_python_runs(self):
        def fun(a):
            values = np.linalg.eigvalsh(a)
            fg.debug.print("{}", values)
            return np.sort(values)

        with pytest.raises(TypeError, match=r"`fun` cannot be called from numba.*eigh: no kernel at .*test_numba") as e:
            lowered(fun, np.eye(3)).numba
        message = str(e.value)
        assert "np.linalg.eigvalsh(a)" in message and "sort: no kernel" in message and "it is Python" in message
        assert "pass it as an argument" in message

    @pytest.mark.parametrize("fun, arg, says", [
        (lambda d: d["a"], {"a": 1.0}, "argument 0 is .*lower a function of arrays"),
        (lambda p: p[0], [1.0], "argument 0 is .*lower a function of arrays"),
        (lambda x: [x], 1.0, r"`<lambda>` returns .*an array, a number or a tuple"),
        (lambda x: Pair(x, x), 1.0, "returns"),
        (lambda x: x * 1j, 1.0, "complex128 has no kernels"),
        (lambda x: x, np.float16(1), "float16 has no kernels"),
    ])  # fmt: skip
    def test_what_numba_cannot_hold(self, fun, arg, says):
        with pytest.raises(TypeError, match=says):
            lowered(fun, arg).numba

    def test_arguments_by_name(self):
        with pytest.raises(TypeError, match="in their order"):
            fg.jit(lambda x, y: x + y).lower(1.0, y=2.0).numba

    def test_traced_values_from_outside(self):
        seen = []

        def outer(y):
            with pytest.raises(TypeError, match="from outside"):
                fg.jit(lambda x: x * y).lower(1.0).numba
            seen.append(y)
            return y

        fg.jit(outer)(1.0)
        assert seen

    def test_it_is_not_pickled(self):
        g = lowered(bowl, np.ones(3)).numba
        inside = numba.njit(lambda x: g(x))
        for function in (g, inside):
            with pytest.raises(TypeError, match="pickle the jitted function, and lower it there"):
                pickle.dumps(function)

    @pytest.mark.long
    def test_callers_have_dynamic_globals(self):
        """Which is what keeps them from the disk."""
        for fun in (bowl, fg.grad(lambda x: 2.5 * np.sum(x))):
            g = lowered(fun, np.ones(3)).numba
            inside = numba.njit(lambda x, g=g: np.sum(g(x)))
            inside(np.ones(3))
            for function in (g, inside):
                assert all(made.library.has_dynamic_globals for made in function.overloads.values())

    @pytest.mark.long
    def test_callers_are_not_kept_on_disk(self, tmp_path):
        """Their code has addresses of this process; numba says so."""
        (tmp_path / "calls_a_program.py").write_text(
            "import numba, numpy as np, funcgrad as fg\n"
            "g = fg.jit(lambda x: np.sum(x) * 3.0).lower(np.ones(3)).numba\n"
            "@numba.njit(cache=True)\ndef inner(x): return g(x)\n"
            "@numba.njit(cache=True)\ndef outer(x): return inner(x) + 1.0\n"
            "import warnings\nwith warnings.catch_warnings(record=True) as said:\n"
            "    warnings.simplefilter('always')\n    assert outer(np.ones(3)) == 10.0\n"
            "assert len(said) == 2 and all('dynamic globals' in str(w.message) for w in said), said\n"
        )
        subprocess.run([sys.executable, tmp_path / "calls_a_program.py"], check=True, timeout=100)
        assert not list(tmp_path.rglob("*.nbc"))


class TestSources:
    """What stands for machine code where a function of numba's is traced, and where numba compiles nothing."""

    def test_of_programs(self):
        f = fg.jit(lambda x, p: (np.sum(np.sin(x) * p[0]), x))
        x = np.linspace(0, 1, 4)
        g = f.lower(x, (2.0,)).numba
        same(g.py_func(x, (2.0,)), f(x, (2.0,)))
        slope = fg.grad(lambda x: g.py_func(3 * x, (2.0,))[0])
        np.testing.assert_allclose(slope(x), 6 * np.cos(3 * x), rtol=1e-14)
        np.testing.assert_allclose(fg.jit(fg.vmap(slope))(np.stack([x, x]))[1], slope(x), rtol=1e-14)
        for wrong in ((np.ones(3), (2.0,)), (x, 2.0)):
            with pytest.raises(TypeError, match="was compiled for"):
                g.py_func(*wrong)
        with pytest.raises(TypeError, match="was compiled for"):
            fg.grad(lambda x: g.py_func(x, (2.0,))[0])(np.ones(3))

    @pytest.mark.long
    def test_numba_disabled(self):
        code = (
            "import numba, numpy as np, funcgrad as fg\nfrom funcgrad import kernels\n"
            "g = fg.jit(fg.grad(lambda x: np.sum(x**3))).lower(np.ones(3)).numba\n"
            "f = numba.njit(lambda x: g(x) + kernels.exp(x))\n"
            "assert np.array_equal(f(np.ones(3)), 3 + np.exp(np.ones(3)))\n"
        )
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


class TestAtOnce:
    @pytest.mark.long
    def test_prange_and_nogil(self):
        """With memory to work in that is not on the stack, and large enough for the pool of threads."""
        n = 40_000
        fun = lambda x: np.cumsum(np.exp(x))[::7] * np.sum(np.sin(x))
        xs = np.random.default_rng(0).normal(size=(6, n))
        f = fg.jit(fun)
        g = f.lower(xs[0]).numba
        expected = np.stack([f(x) for x in xs])

        @numba.njit(nogil=True, parallel=True)
        def many(xs):
            out = np.empty((len(xs), (n + 6) // 7))
            for i in numba.prange(len(xs)):
                out[i] = g(xs[i])
            return out

        np.testing.assert_array_equal(many(xs), expected)
        one = numba.njit(nogil=True)(lambda x: g(x))
        one(xs[0])
        found = [None] * 4
        threads = [threading.Thread(target=lambda k=k: found.__setitem__(k, one(xs[k]))) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        np.testing.assert_array_equal(np.stack(found), expected[:4])

    @pytest.mark.long
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_under_fork_while_another_thread_compiles(self):
        code = """
import os, signal, threading, numba, numpy as np, funcgrad as fg
from funcgrad import kernels
g = fg.jit(fg.grad(lambda x: np.sum(np.sin(x) ** 2))).lower(np.ones(3)).numba
inside = numba.njit(lambda x: g(x) + kernels.tanh(x))
def compiles():
    numba.njit(lambda x: kernels.exp(x) + g(x)[0])(np.ones(3))
    fg.jit(lambda x: np.cos(x) * 3.5).lower(np.ones(9)).numba(np.ones(9))
thread = threading.Thread(target=compiles)
thread.start()
expected = inside(np.ones(3))
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        same = np.array_equal(inside(np.ones(3)), expected)
        more = numba.njit(lambda x: kernels.log(x) + g(x)[1])(np.ones(3))
        os._exit(0 if same and np.isfinite(more).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
thread.join()
"""
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=200)


class TestWritten:
    """What people write around it: docs/numba_calls.md has more of the kind, which tests/test_docs.py runs."""

    @pytest.mark.long
    def test_a_sampler(self):
        """Hamiltonian Monte Carlo, all of it numba's: mean and covariance of a normal distribution."""
        mean, precision = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 1.0]])
        logp = lambda x: -0.5 * (x - mean) @ precision @ (x - mean)
        logp_and_slope = lowered(fg.value_and_grad(logp), np.zeros(2)).numba

        @numba.njit
        def hmc(x, count, step, leaps):
            np.random.seed(0)  # noqa: NPY002  (what numba has)
            chain = np.empty((count, x.size))
            value, slope = logp_and_slope(x)
            for n in range(count):
                p = np.random.normal(0.0, 1.0, x.size)  # noqa: NPY002
                new, new_value, new_slope, q = x, value, slope, p
                for _ in range(leaps):
                    q = q + 0.5 * step * new_slope
                    new = new + step * q
                    new_value, new_slope = logp_and_slope(new)
                    q = q + 0.5 * step * new_slope
                change = new_value - 0.5 * np.sum(q * q) - value + 0.5 * np.sum(p * p)
                if np.log(np.random.random()) < change:  # noqa: NPY002
                    x, value, slope = new, new_value, new_slope
                chain[n] = x
            return chain

        chain = hmc(np.zeros(2), 40_000, 0.3, 8)
        np.testing.assert_allclose(chain.mean(axis=0), mean, atol=0.03)
        np.testing.assert_allclose(np.cov(chain.T), np.linalg.inv(precision), atol=0.05)

    @pytest.mark.long
    def test_an_implicit_solver(self):
        """The stiff equations of Robertson by implicit Euler, with Newton's method on our Jacobian."""

        def slope(y):
            a, b, c = y
            one, two, three = 0.04 * a, 3e7 * b * b, 1e4 * b * c
            return np.stack([three - one, one - two - three, two])

        f, jacobian = lowered(slope, np.ones(3)).numba, lowered(fg.jacfwd(slope), np.ones(3)).numba

        @numba.njit
        def solve(y, end, count):
            h = end / count
            for _ in range(count):
                new = y.copy()
                for _ in range(50):
                    change = np.linalg.solve(np.eye(3) - h * jacobian(new), new - y - h * f(new))
                    new = new - change
                    if np.max(np.abs(change)) < 1e-14:
                        break
                y = new
            return y

        # the solution at t = 40, from the literature on this problem (Hairer and Wanner)
        np.testing.assert_allclose(
            solve(np.array([1.0, 0.0, 0.0]), 40.0, 20_000), [0.7158, 9.185e-6, 0.2842], rtol=1e-3
        )

    @pytest.mark.long
    def test_quadrature(self):
        """C functions for SciPy: of a double, and of an array of doubles with the user's data."""
        integrate = pytest.importorskip("scipy.integrate")
        from scipy import LowLevelCallable

        slope = lowered(fg.grad(lambda x: np.sin(x) * x**2), 0.0).numba

        @numba.cfunc("float64(float64)")
        def of_one(x):
            return slope(x)

        value, _ = integrate.quad(LowLevelCallable(of_one.ctypes), 0.0, 2.0)
        assert value == pytest.approx(4 * np.sin(2.0), rel=1e-12)

        scaled = lowered(lambda x, p: np.exp(-p[0] * x[0]) * x[1] + p[1], np.zeros(2), np.zeros(2)).numba

        @numba.cfunc(numba.types.float64(numba.types.intc, numba.types.CPointer(numba.types.float64),
                                         numba.types.voidptr))  # fmt: skip
        def of_many(n, x, data):
            return scaled(numba.carray(x, 2), numba.carray(data, 2, np.float64))

        given = np.array([0.5, 3.0])
        called = LowLevelCallable(of_many.ctypes, given.ctypes.data_as(ctypes.c_void_p))
        value, _ = integrate.quad(called, 0.0, 2.0, args=(7.0,))
        assert value == pytest.approx(14 * (1 - np.exp(-1.0)) + 6.0, rel=1e-12)
