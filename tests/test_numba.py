"""Functions compiled by numba under every transformation."""

from __future__ import annotations

import cmath
import math
import pickle
import subprocess
import sys
import threading
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba import njit, prange, types
from numba.experimental import jitclass
from numba.extending import overload

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import (
    TracerBoolConversionError,
    TracerConversionError,
    TracerIntegerConversionError,
)

WEIGHTS = np.array([0.5, 2.0, -1.0, 0.25, 1.5])
X = np.array([0.3, -1.2, 2.0, 0.7, -0.4])


def differences(f, x, eps=1e-6):
    """The gradient by central differences, of numba's own numbers."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = eps
        found[i] = (f(x + step) - f(x - step)) / (2 * eps)
    return found


# Programs as people write them


@njit
def damped(a, rate=0.5):
    return rate * a + math.sin(a)


@njit
def recurrence(x):
    n = x.shape[0]
    out = np.zeros(n)
    out[0] = x[0]
    for i in range(1, n):
        out[i] = damped(out[i - 1]) + x[i] * WEIGHTS[i]
        out[i] += 0.1 * out[-1]
    return out.sum()


def recurrence_here(x):
    """The same, written for funcgrad."""
    out = fnp.zeros(x.shape[0])
    out[0] = x[0]
    for i in range(1, x.shape[0]):
        out[i] = 0.5 * out[i - 1] + np.sin(out[i - 1]) + x[i] * WEIGHTS[i]
        out[i] += 0.1 * out[-1]
    return out.sum()


@njit
def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@njit
def black_scholes(p):
    spot, strike, rate, vol, years = p[0], p[1], p[2], p[3], p[4]
    d1 = (math.log(spot / strike) + (rate + 0.5 * vol * vol) * years) / (vol * math.sqrt(years))
    d2 = d1 - vol * math.sqrt(years)
    return spot * normal_cdf(d1) - strike * math.exp(-rate * years) * normal_cdf(d2)


RETURNS = np.random.default_rng(0).normal(size=30)


@njit
def garch(p):
    omega, alpha, beta = p[0], p[1], p[2]
    variance = omega / (1.0 - alpha - beta)
    total = 0.0
    for t in range(RETURNS.shape[0]):
        if t > 0:
            variance = omega + alpha * RETURNS[t - 1] ** 2 + beta * variance
        total -= 0.5 * (math.log(2.0 * math.pi * variance) + RETURNS[t] ** 2 / variance)
    return total


@njit(parallel=True)
def energy(q):
    n = q.shape[0]
    total = 0.0
    for i in prange(n):
        for j in range(i):
            d = q[i] - q[j]
            total += -1.0 / np.sqrt(np.sum(d * d) + 0.01)
    return total


@njit
def oscillator(y, k, out):
    out[0] = y[1]
    out[1] = -k * y[0] - 0.1 * y[1]


@njit
def runge_kutta(p):
    y = np.array([p[0], p[1]])
    k1, k2, k3, k4 = np.empty(2), np.empty(2), np.empty(2), np.empty(2)
    h = 0.1
    for _ in range(5):
        oscillator(y, p[2], k1)
        oscillator(y + h / 2 * k1, p[2], k2)
        oscillator(y + h / 2 * k2, p[2], k3)
        oscillator(y + h * k3, p[2], k4)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[0] ** 2 + y[1]


@njit
def kalman(p):
    x, cov = np.zeros(2), np.eye(2)
    a = np.array([[1.0, p[0]], [0.0, 1.0]])
    h = np.array([1.0, 0.0])
    total = 0.0
    for t in range(6):
        x = a @ x
        cov = a @ cov @ a.T + p[1] * np.eye(2)
        innovation = RETURNS[t] - h @ x
        s = h @ cov @ h + p[2]
        gain = cov @ h / s
        x = x + gain * innovation
        cov = cov - np.outer(gain, h @ cov)
        total -= 0.5 * (np.log(s) + innovation * innovation / s)
    return total


@njit
def product(a, b):
    n, m = a.shape
    c = np.zeros((n, b.shape[1]))
    for i in range(n):
        for j in range(b.shape[1]):
            acc = 0.0
            for k in range(m):
                acc += a[i, k] * b[k, j]
            c[i, j] = acc
    row = c[0]
    row[-1] = 0.0  # a view
    c[1, :] *= 2
    return c


@njit
def product_sum(a):
    return product(a, np.ones((3, 2))).sum()


@njit
def escaping(c):
    z = 0.0
    n = 0
    for i in range(20):
        z = z * z + c[0]
        if abs(z) > 2.0:
            break
        n = i
    return z * z + n * c[1]


@njit
def rounding(x):
    n = int(x[0]) + math.floor(x[1]) + round(x[2])
    f = float(x[3]) * np.float64(2.0) + numba.float64(x[4])
    return n * x[0] + f * max(x[0], 0.5, x[2]) + min(1.0, x[1]) + x[n // 2 % 3 - 1] * 7 % 3


PROGRAMS = [
    (recurrence, X), (black_scholes, np.array([100.0, 95.0, 0.02, 0.3, 1.5])), (garch, np.array([0.1, 0.2, 0.6])),
    (energy, np.random.default_rng(1).normal(size=(4, 3))), (runge_kutta, np.array([1.0, 0.5, 2.0])),
    (kalman, np.array([0.1, 0.2, 0.5])), (product_sum, np.arange(6.0).reshape(2, 3)), (escaping, np.array([0.6, 3.0])),
    (escaping, np.array([-0.6, 3.0])), (rounding, np.array([1.3, 2.6, 1.7, 0.2, 0.9])),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("f, x", PROGRAMS, ids=lambda v: getattr(v, "__name__", ""))
def test_programs_against_numbas_own_numbers(f, x):
    value, gradient = fg.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-13)
    np.testing.assert_allclose(gradient, differences(f, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f, x", PROGRAMS[:3], ids=lambda v: getattr(v, "__name__", ""))
def test_every_transformation(f, x):
    gradient = fg.grad(f)(x)
    np.testing.assert_allclose(fg.jacfwd(f)(x), gradient, rtol=1e-12)
    np.testing.assert_allclose(fg.jit(fg.grad(f))(x), gradient, rtol=1e-12)
    np.testing.assert_allclose(fg.grad(fg.checkpoint(f))(x), gradient, rtol=1e-12)
    both = [gradient, fg.grad(f)(1.01 * x)]
    np.testing.assert_allclose(fg.vmap(fg.grad(f))(np.stack([x, 1.01 * x])), both, rtol=1e-12)
    np.testing.assert_allclose(fg.grad(lambda x: 2.0 * f(x))(x), 2.0 * gradient, rtol=1e-12)
    assert {leaf.status for leaf in fg.explain(f)(x).leaves} == {"flows"}


def test_names_of_math_and_cmath():
    @njit
    def f(x):
        radius, angle = cmath.polar(complex(x[2], x[4]))
        fraction, exponent = math.frexp(x[0])
        around = cmath.phase(complex(x[0], x[1])) * abs(cmath.rect(x[2], x[3]) + x[4])
        return math.ldexp(x[2], 3) * fraction + exponent + radius**3 * angle + around

    gradient = fg.grad(f)(X)
    np.testing.assert_allclose(gradient, differences(f, X), rtol=1e-7)
    np.testing.assert_allclose(fg.jit(fg.grad(f))(X), gradient, rtol=1e-14)


def test_it_is_the_function_written_for_funcgrad():
    np.testing.assert_allclose(fg.grad(recurrence)(X), fg.grad(recurrence_here)(X), rtol=1e-14)
    np.testing.assert_allclose(fg.hessian(recurrence)(X), fg.hessian(recurrence_here)(X), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(recurrence(X), recurrence_here(X), rtol=1e-14)


def test_numba_is_left_as_it_was():
    f = njit(lambda x: x * x)
    fg.grad(lambda x: f(x) * 2.0)(3.0)
    assert f.signatures == [] and not f.overloads
    assert f(3.0) == 9.0 and fg.grad(f)(3.0) == 6.0
    assert len(f.signatures) == 1 and len(f.inspect_llvm()) == 1


def test_a_global_that_has_changed(monkeypatch):
    x = np.ones(5)
    before = fg.grad(recurrence)(x)
    monkeypatch.setitem(globals(), "WEIGHTS", 2.0 * WEIGHTS)
    assert (fg.grad(recurrence)(x) != before).any()


def test_what_a_call_may_be():
    @njit
    def f(x, scale, *rest):
        total = x * scale
        for r in rest:
            total = total + r * x
        return total

    @njit
    def pair(p, t=2.0):
        (a, b), c = p
        return a * b * t + c

    @njit
    def apply(g, x):
        return g(x) * 2.0

    assert fg.grad(lambda x: f(x, 2.0, 3.0, x))(5.0) == 15.0
    assert fg.grad(lambda x: f(2.0, x))(5.0) == 2.0
    assert fg.grad(lambda x: pair(((x, 3.0), x)))(1.0) == 7.0
    assert fg.grad(lambda x: pair(t=x, p=((2.0, 3.0), 1.0)))(1.0) == 6.0
    assert fg.grad(pair)(((1.0, 2.0), 3.0)) == ((4.0, 2.0), 1.0)
    helpers = SimpleNamespace(damped=damped)
    assert fg.grad(lambda x: helpers.damped(x))(0.0) == fg.grad(lambda x: apply(damped, x))(0.0) / 2 == 1.5
    assert fg.grad(lambda x: fg.lax.scan(njit(lambda c, a: (c * a, c)), x, np.array([2.0, 3.0]))[0])(1.0) == 6.0


def test_signatures_that_are_declared():
    f = njit("f8(f8)")(lambda x: x * x)
    assert fg.grad(f)(3.0) == fg.grad(lambda x: fg.jit(f)(x))(3.0) == 6.0
    with pytest.raises(TracerConversionError, match=r"write fg.jit\(.*compiled for the signatures.*test_numba"):
        fg.grad(lambda x: f(x))(3.0)


def test_arrays_that_were_given():
    @njit
    def fill(x, out):
        for i in range(out.shape[0]):
            out[i] = x * i
        return out.sum()

    @njit
    def computed(x, data):
        copy = data.copy()
        copy[0] = x
        more = data * 2.0
        more[1] += x
        like = np.empty_like(data)
        like[:] = x
        return copy.sum() + more.sum() + like.sum()

    def through(x):
        out = fnp.zeros(3)
        return fill(x, out) + out[1]

    data = np.ones(3)
    for owner in (fill, lambda x, out: fill(x, out)):
        with pytest.raises(TypeError, match=r"out\[i\] = x \* i.*compiled function was given"):
            fg.grad(owner)(2.0, data)
    assert fg.grad(through)(2.0) == 4.0
    assert fg.jit(fill)(2.0, data) == 6.0
    assert fg.grad(computed)(2.0, data) == fg.grad(lambda x: computed(x, data))(2.0) == 5.0
    assert fg.jit(computed)(2.0, data) == computed(2.0, data) and (data == 1.0).all()


def test_what_needs_a_value():
    @njit
    def power(x, n):
        result = 1.0
        for _ in range(n):
            result *= x
        return result

    @njit
    def halved(x):
        while x > 1.0:
            x = x / 2
        return x * x

    assert fg.grad(halved)(5.0) == 2 * 5.0 / 64
    assert fg.jit(fg.grad(power), static_argnums=1)(2.0, 3) == 12.0
    with pytest.raises(TracerIntegerConversionError, match=r"for _ in range\(n\)") as raised:
        fg.jit(power)(2.0, 3)
    assert "`power` is compiled by numba" in raised.value.__notes__[0] and "fg.custom_vjp" in raised.value.__notes__[0]
    with pytest.raises(TracerBoolConversionError, match=r"while x > 1.0") as raised:
        fg.jit(halved)(2.0)
    assert len(raised.value.__notes__) == 1


def test_what_cannot_be_traced():
    @numba.stencil
    def neighbours(a):
        return a[-1] + a[1]

    def inner(a):
        return njit(lambda y: a * y)(2.0)

    @njit
    def outer(a):
        return neighbours(a).sum()

    with pytest.raises(TracerConversionError, match=r"fg.custom_vjp.*neighbours\(a\)"):
        fg.grad(outer)(X)
    with pytest.raises(TracerConversionError, match="Pass the value as an argument"):
        fg.grad(inner)(2.0)


def test_an_error_of_the_function_itself():
    @njit
    def checked(x):
        if x < 0.0:
            raise ValueError("below zero")
        return x * x

    with pytest.raises(ValueError, match="below zero"):
        fg.grad(checked)(-1.0)
    assert checked.signatures == [] and fg.grad(checked)(2.0) == 4.0


@jitclass([("stiffness", numba.float64), ("calls", numba.int64)])
class Spring:
    def __init__(self, stiffness):
        self.stiffness = stiffness
        self.calls = 0

    @property
    def half(self):
        return 0.5 * self.stiffness

    def energy(self, x):
        return self.half * x * x

    def counted(self, x):
        self.calls += 1
        return x


@njit
def of_a_spring(k, x):
    spring = Spring(k)
    return spring.energy(spring.counted(x)) * spring.calls


def test_classes():
    assert fg.grad(of_a_spring, (0, 1))(3.0, 2.0) == (2.0, 6.0)
    assert fg.grad(lambda k: Spring(k).energy(2.0))(3.0) == 2.0
    spring = Spring(3.0)
    assert fg.grad(lambda x: spring.energy(x))(2.0) == 6.0
    with pytest.raises(TypeError, match="`calls` of a Spring was to be changed"):
        fg.grad(lambda x: spring.counted(x))(2.0)
    assert spring.calls == 0


def test_threads():
    found = [0.0] * 8

    def work(i):
        for _ in range(5):
            found[i] = fg.grad(lambda x: damped(x, float(i)) * x)(1.0)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    np.testing.assert_allclose(found, [math.cos(1.0) + i + math.sin(1.0) + i for i in range(8)])


def test_pickles():
    assert pickle.loads(pickle.dumps(fg.grad(damped)))(0.0) == 1.5
    soft = pickle.loads(pickle.dumps(fg.elementwise(damped)))
    assert soft(1.0) == damped(1.0)


def test_numba_is_not_imported():
    code = """
import sys, math
import numpy as np
import funcgrad as fg
f = fg.elementwise(lambda x: math.exp(x) if x < 0 else x)
fg.jit(fg.grad(lambda x: f(x).sum()))(np.ones(3))
assert "numba" not in sys.modules
import numba
assert fg.grad(numba.njit(lambda x: x * x))(3.0) == 6.0
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# Functions of elements and of vectors


@numba.vectorize
def branching(x, y):
    return x * x * y if x > y else math.exp(x)


@numba.guvectorize(["(f8[:], f8[:])"], "(n)->()")
def squares(x, out):
    out[0] = 0.0
    for i in range(x.shape[0]):
        out[0] += x[i] * x[i]


@numba.guvectorize("(n),()->(n)")
def scaled(x, a, out):
    for i in range(x.shape[0]):
        out[i] = x[i] * a


def branching_here(x, y):
    return fnp.where(x > y, x * x * y, fnp.exp(x))


def test_vectorised():
    np.testing.assert_allclose(branching(X, 0.5), branching_here(X, 0.5), rtol=1e-15)
    for transform in (lambda f: f, fg.jit):
        f = transform(fg.grad(lambda x, y: np.sum(branching(x, y)), (0, 1)))
        g = fg.grad(lambda x, y: branching_here(x, y).sum(), (0, 1))
        for got, want in zip(f(X, np.full((3, 1), 0.4)), g(X, np.full((3, 1), 0.4))):
            np.testing.assert_allclose(got, want, rtol=1e-14)
    np.testing.assert_allclose(fg.vmap(branching, (0, None))(X, 0.5), branching_here(X, 0.5), rtol=1e-14)
    np.testing.assert_allclose(fg.jvp(branching, (2.0, 1.0), (1.0, 0.0))[1], 4.0)
    program = fg.jit(lambda x: branching(x + 1.0, 0.5) * 2.0).lower(X)
    assert program.kernels == 1 and not program.calls


def test_generalised():
    rows = np.stack([X, 2.0 * X])
    np.testing.assert_array_equal(fg.grad(lambda x: squares(x).sum())(rows), 2.0 * rows)
    np.testing.assert_array_equal(fg.grad(squares)(X), 2.0 * X)
    np.testing.assert_array_equal(fg.jacobian(lambda a: fg.jit(scaled)(X, a))(2.0), X)


@njit
def uses_both(x):
    out = np.empty(x.shape[0])
    scaled(x, 3.0, out)
    return np.sum(branching(x, 0.5)) + out.sum()


def test_both_inside_of_a_function():
    want = fg.grad(lambda x: branching_here(x, 0.5).sum() + 3.0 * x.sum())(X)
    np.testing.assert_allclose(fg.grad(uses_both)(X), want, rtol=1e-14)


def tripled(x, power=2):
    pass


@overload(tripled)
def tripled_for_numba(x, power=2):
    if isinstance(x, types.Array):
        return lambda x, power=2: 3.0 * (x**power).sum()
    if isinstance(x, types.Float):
        return lambda x, power=2: 3.0 * x**power
    return None


@njit
def of_overloads(x):
    return tripled(x) + tripled(x[0], power=3) * tripled(2.0)


def test_overloads():
    x = np.array([0.5, 2.0])
    assert np.array_equal(fg.grad(of_overloads)(x), [3.0 + 12.0 * 9.0 * 0.25, 12.0])
    assert np.array_equal(fg.jit(fg.grad(of_overloads))(x), fg.grad(of_overloads)(x))
    assert np.isclose(fg.value_and_grad(of_overloads)(x)[0], of_overloads(x))


def test_an_overload_that_has_no_code_for_the_arguments():
    unfit = njit(lambda x: tripled((x, x)))
    with pytest.raises(TracerConversionError, match="Give a function that calls `tripled` a derivative"):
        fg.grad(unfit)(1.0)


def test_a_diagonal_is_a_copy():
    @njit
    def stepped(x):
        a = np.zeros((2, 2))
        a[:] = x
        diagonal = np.diag(a)
        a[:] = a * a
        diagonal[0] += 1.0
        return diagonal.sum() * a[0, 1]

    x = np.array([[0.5, 2.0], [3.0, 4.0]])
    value, gradient = fg.value_and_grad(stepped)(x)
    assert value == stepped(x) == 5.5 * 4.0
    assert np.array_equal(gradient, [[4.0, 5.5 * 4.0], [0.0, 4.0]])


def test_iterators_of_numpys():
    @njit
    def numbered(x):
        total = 0.0
        for (i, j), v in np.ndenumerate(x):
            total += v * v * (i + 2 * j)
        return total

    @njit
    def iterated(x):
        total = 0.0
        for v in np.nditer(x):
            total += v.item()
        return total

    x = np.array([[0.5, 2.0], [3.0, 4.0]])
    expected = 2.0 * x * [[0, 2], [1, 3]]
    assert np.array_equal(fg.grad(numbered)(x), expected) and np.array_equal(fg.jit(fg.grad(numbered))(x), expected)
    with pytest.raises(TracerConversionError, match=r"In place of np.nditer\(x\), write np.ndindex\(x.shape\)"):
        fg.grad(iterated)(x)
