"""Eager functions of large arrays: kernels where NumPy's functions are slower, with NumPy's meaning."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax
from funcgrad.compile import ufuncs
from funcgrad.config import config
from funcgrad.core.trace import primitives
from funcgrad.ops import elementwise as ew
from funcgrad.ops import large

N = 4 * large.LEAST
PRIMITIVES = {
    prim.impl.plain.__name__: prim
    for prim in primitives().values()
    if isinstance(getattr(prim.impl, "plain", None), np.ufunc)
}
NUMPYS = {name: prim.impl.plain for name, prim in PRIMITIVES.items()}
FUNCTIONS = {name: getattr(fnp, name) for name in NUMPYS}
UNARY = [name for name, f in NUMPYS.items() if f.nin == 1]
BINARY = [name for name, f in NUMPYS.items() if f.nin == 2]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-300, 1e300, 5e-324, 709.0, 710.0, -745.2, 2.0**53]


def points(dtype: str, seed: int = 0) -> np.ndarray:
    """Ordinary numbers, and among them those at which functions are special."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(size=N // 2), rng.uniform(-30, 30, N - N // 2)])
    with np.errstate(all="ignore"):
        x[rng.permutation(N)[: len(SPECIAL)]] = SPECIAL
        return x.astype(dtype)


def near(found: np.ndarray, expected: np.ndarray, ulps: float, scale: np.ndarray | float = 0.0) -> None:
    """`scale` is that of what cancels in a result."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(expected), np.broadcast_to(scale, expected.shape))[finite].astype(expected.dtype)
        off = np.abs(found[finite] - expected[finite]) / np.spacing(size)
    assert off.max(initial=0) <= ulps
    zero = expected == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def by_kernel(prim, args):
    """A primitive's result, which a kernel has computed, and that of NumPy's function."""
    with np.errstate(all="ignore"):
        assert large.Kernels(prim, prim.name)(args) is not None
        return prim.impl(*args), prim.impl.plain(*args)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_are_numpys(name, dtype):
    x = points(dtype)
    near(*by_kernel(PRIMITIVES[name], (x,)), 8)
    with np.errstate(all="ignore"):
        near(FUNCTIONS[name](x), NUMPYS[name](x), 8)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_are_numpys(name, dtype):
    x, y = points(dtype), points(dtype, 1)
    fun, numpys = FUNCTIONS[name], NUMPYS[name]
    with np.errstate(all="ignore"):
        for a, b in ((x, y), (x, 2.0), (0.5, y), (x, 0.1), (x[:, None], y[:3])):
            scale = np.nan_to_num(np.fmax(abs(a), abs(b)), posinf=0) if name == "logaddexp" else 0.0
            near(fun(a, b), numpys(a, b), 8, scale)
            near(*by_kernel(PRIMITIVES[name], (a, b)), 8, scale)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_zeros_of_both_signs_are_told_apart(dtype):
    x = np.where(np.arange(N) % 2, 0.0, -0.0).astype(dtype)
    for zero in (0.0, -0.0, 0, -0.0):
        np.testing.assert_array_equal(fnp.arctan2(x, zero), np.arctan2(x, zero))
        np.testing.assert_array_equal(np.signbit(fnp.arctan2(zero, x)), np.signbit(np.arctan2(zero, x)))


CHOICES = {
    "where": (ew.where.prim, lambda x, y: (x > y, x, y)),
    "where of a number": (ew.where.prim, lambda x, y: (x > y, -0.1, y)),
    "where of infinity": (ew.where.prim, lambda x, y: (x > y, x, -np.inf)),
    "where of NaN": (ew.where.prim, lambda x, y: (x > y, np.nan, x)),
    "where of zeros": (ew.where.prim, lambda x, y: (x > 0, 0.0, -0.0 * abs(y))),
    "where of a row": (ew.where.prim, lambda x, y: ((x > y)[:, None], x[:3], y[:, None])),
    "clip": (ew.clip, lambda x, y: (x, -1.5, 0.3)),
    "clip by arrays": (ew.clip, lambda x, y: (x, y, y[::-1])),
    "relu": (ew.relu.prim, lambda x, y: (x,)),
    "sign": (ew.sign, lambda x, y: (x,)),
    "heaviside": (ew.heaviside.prim, lambda x, y: (x, y)),
    "copysign": (ew.copysign.prim, lambda x, y: (x, y)),
}
"""Functions that have NumPy's bits, and warn of nothing as NumPy's do."""


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", CHOICES)
def test_choices_have_numpys_bits(name, dtype):
    prim, arguments = CHOICES[name]
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        args = arguments(points(dtype), points(dtype, 1))
        warnings.simplefilter("error")
        found, expected = by_kernel(prim, args)
        prim.impl(*args)
        with np.errstate(all="raise"):
            prim.impl(*args)
            prim.impl.plain(*args)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("args", [(1e200,), (10**400,), (np.float16(1),), (True,), (1j,)])
def test_what_a_dtype_has_not_is_numpys(args):
    x = points("f4")
    assert large.Kernels(ew.where.prim, "where")((x > 0, x, *args)) is None


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "lgamma", "bell", "rsqrt", "cosine", "one_minus_square"])
def test_functions_without_a_name_in_numpy(name, dtype):
    prim, x = primitives()[name], points(dtype)
    if name == "lgamma":
        x[x == 5e-324] = 1.0  # where SciPy's is infinite, and the kernel's is 744.44, as it should
    found, expected = by_kernel(prim, [x, points(dtype, 1)][: len(prim.partials)])
    near(found, expected, 60, 1.0 if name == "lgamma" else 0.0)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_neither_layout_nor_place_nor_threads_change_bits(dtype):
    x = np.repeat(points(dtype), 50)
    with np.errstate(all="ignore"):
        y = fnp.tanh(x)
        assert y.size > 10 * N
        config.threads = 1
        try:
            np.testing.assert_array_equal(fnp.tanh(x), y)
        finally:
            config.threads = None
        np.testing.assert_array_equal(fnp.tanh(x[::-1])[::-1], y)
        np.testing.assert_array_equal(fnp.tanh(x[1:]), y[1:])
        for step in (2, 3, -7):
            np.testing.assert_array_equal(fnp.tanh(x[::step]), y[::step])
        square = x.reshape(200, -1)
        np.testing.assert_array_equal(fnp.tanh(square.T), y.reshape(200, -1).T)
        shifted = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(dtype)
        np.testing.assert_array_equal(fnp.tanh(shifted), y)
        np.testing.assert_array_equal(fnp.tanh(x.astype(x.dtype.newbyteorder())), y)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_results_may_be_written_over_an_operand(dtype):
    """Each chunk of it when it has been read, be it full, short or strided."""
    twice = large.Kernels(lambda t, x: t * fnp.cos(x) + fnp.sin(t) * x, "twice")
    with np.errstate(all="ignore"):
        for n in (*range(1, 5), large.LENGTH - 1, large.LENGTH, large.LENGTH + 1, N, 50 * N):
            x, t = np.resize(points(dtype), n), np.resize(points(dtype, 1), n)
            expected = twice((t, x))
            for operands, k in (((t.copy(), x), 0), ((t, x.copy()), 1)):
                found = twice(operands, operands[k])
                assert found is operands[k]
                np.testing.assert_array_equal(found, expected)
            one = t.copy()
            np.testing.assert_array_equal(twice((one, one), one), twice((t, t.copy())))
            np.testing.assert_array_equal(twice((t.copy()[::-1], x[::-1])), expected[::-1])
            wide = np.repeat(t, 3)
            np.testing.assert_array_equal(twice((wide[::3], x), wide[::3]), expected)
            np.testing.assert_array_equal(np.delete(wide, np.s_[::3]), np.repeat(t, 2))
            same = np.broadcast_to(t[:1], (n,))
            np.testing.assert_array_equal(twice((same, x)), twice((same.copy(), x)))
            np.testing.assert_array_equal(twice((x.copy(), same)), twice((x, same.copy())))


def test_derivatives_that_are_one_function_of_numpys_are_that():
    """With their numbers: those that no kernel has too, and those for whose value a rule asks."""
    x, t = points("f8"), points("f8", 1)
    with np.errstate(all="ignore"):
        for number in (2, 1.01, -0.0, np.float64(1.7), True):
            found = fg.vjp(lambda x, number=number: x * number, x)[1](t)[0]
            np.testing.assert_array_equal(found, t * number)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(t * number))
            np.testing.assert_array_equal(fg.vjp(lambda x, number=number: x / number, x)[1](t)[0], t / number)
        for power in (3, 2.7, 0, -0.0, 1):
            found = fg.vjp(lambda x, power=power: x**power, x)[1](t)[0]
            with fg.disable_jit():
                expected = fg.vjp(lambda x, power=power: x**power, x)[1](t)[0]
            np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("name, at", [("log", -1.0), ("log", 0.0), ("exp", 1e4), ("sin", np.inf), ("log1p", -1.0)])
def test_warnings_are_numpys(name, at):
    x = np.full(N, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FUNCTIONS[name](x)
    x[N // 3] = at
    with pytest.warns(RuntimeWarning) as expected:
        NUMPYS[name](x)
    with pytest.warns(RuntimeWarning) as found:
        FUNCTIONS[name](x)
    assert [str(w.message) for w in found] == [str(w.message) for w in expected]
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        FUNCTIONS[name](x)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        FUNCTIONS[name](x)


def test_what_is_looked_at_warns_of_nothing_itself():
    """Sums of the results would: infinities of both signs, and finite numbers that are too many."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FUNCTIONS["exp"](np.full(N, 88.0, "f4"))
    x = np.where(np.arange(N) % 2, 1.0, -1.0)
    with pytest.warns(RuntimeWarning) as expected:
        np.arctanh(x)
    with pytest.warns(RuntimeWarning) as found:
        FUNCTIONS["arctanh"](x)
    assert [str(w.message) for w in found] == [str(w.message) for w in expected]


def test_other_dtypes_and_small_arrays_are_numpys_bits():
    x = points("f8")
    with np.errstate(all="ignore"):
        for dtype in ("f2", "i4", "c16", "g"):
            y = np.abs(x.clip(-3, 3)).astype(dtype)
            np.testing.assert_array_equal(fnp.sin(y), np.sin(y))
        small = x[: large.LEAST - 1]
        np.testing.assert_array_equal(fnp.sin(small), np.sin(small))


def test_without_jit_all_is_numpys_bits():
    x = points("f8")
    with np.errstate(all="ignore"), fg.disable_jit():
        np.testing.assert_array_equal(fnp.exp(x), np.exp(x))


def test_where_numpys_interface_is_another_all_is_numpys(monkeypatch):
    def moved(name):
        raise AttributeError(name)

    monkeypatch.setattr(ufuncs, "numpys_api", moved)
    ufuncs._make.cache_clear()
    try:
        kernels = large.Kernels(FUNCTIONS["sin"], "sin")
        assert kernels([points("f8")]) is None
    finally:
        ufuncs._make.cache_clear()


COMPOSITIONS = {
    "product": lambda x: fnp.sin(x) * fnp.exp(-x) + fnp.tanh(x) ** 2,
    "roots": lambda x: fnp.sqrt(x * x + 1) + fnp.arctan(x) / (2 + fnp.cos(x)),
    "choice": lambda x: fnp.where(x > 0, fnp.log1p(abs(x)), fnp.expm1(x)) * fnp.maximum(x, 0.1),
    "pair": lambda x: fnp.arctan2(x, 0.5 * x[::-1]) + fnp.hypot(x, 2.0) + fnp.arctan2(x, 3.0),
    "special": lambda x: lax.erf(x) + lax.logistic(x) * x,
}


@pytest.mark.parametrize("dtype, tol", [("f8", 1e-13), ("f4", 1e-5)])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_derivatives_are_those_of_small_arrays(name, dtype, tol):
    """In both modes and to second order: a large array's are those with NumPy's functions."""
    fun, rng = COMPOSITIONS[name], np.random.default_rng(3)
    x, t = (rng.normal(size=N).astype(dtype) for _ in range(2))

    def everything():
        loss = lambda x: fnp.sum(fun(x) ** 2)
        second = fg.grad(lambda x: fnp.sum(fg.grad(loss)(x) * t))
        return [fg.grad(loss)(x), fg.jvp(fun, (x,), (t,))[1], second(x), fg.vmap(fg.grad(loss))(x.reshape(4, -1))]

    found = everything()
    with fg.disable_jit():
        expected = everything()
    for y, e in zip(found, expected, strict=True):
        assert y.dtype == e.dtype
        np.testing.assert_allclose(y, e, rtol=tol, atol=tol * np.abs(e).max())


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_powers_are_numpys(dtype):
    x = points(dtype)
    with np.errstate(all="ignore"):
        for n in (*sorted(large.NUMBERS), 3, 2.7):
            near(fnp.power(x, n), np.power(x, n), 4)
        near(2.0 ** fnp.asarray(x), 2.0**x, 4)
        near(fnp.power(abs(x), points(dtype, 1)), np.power(abs(x), points(dtype, 1)), 4)


def test_constants_and_masks_of_other_shapes_in_derivatives():
    x = np.linspace(-2, 2, N).reshape(-1, 4)
    scale, mask = np.linspace(1, 2, 4), np.arange(N).reshape(-1, 4) % 3 == 0
    fun = lambda x: fnp.sum(fnp.where(mask, fnp.tanh(x * scale), x / scale) * fnp.exp(scale))
    found = fg.grad(fun)(x)
    with fg.disable_jit():
        np.testing.assert_allclose(found, fg.grad(fun)(x), rtol=1e-13, atol=1e-14)


PROGRAM = """
import sys, numpy as np, funcgrad as fg, funcgrad.numpy as fnp
n = int(sys.argv[1])
fg.grad(lambda x: fnp.sum(fnp.sin(x) * fnp.tanh(x)))(np.linspace(0, 1, n))
print("llvmlite" in sys.modules)
"""


@pytest.mark.parametrize("n, compiles", [(large.LEAST - 1, "False"), (large.LEAST, "True")])
def test_small_arrays_do_not_import_the_compiler(n, compiles):
    out = subprocess.run([sys.executable, "-c", PROGRAM, str(n)], capture_output=True, text=True, check=True).stdout
    assert out.strip() == compiles


FAULTS = """
import resource, numpy as np, funcgrad as fg, funcgrad.numpy as fnp
gradient, x = fg.grad(lambda x: fnp.sum(fnp.sin(x) * fnp.exp(-x) + fnp.tanh(x) ** 2)), np.linspace(-2, 2, 1_000_000)
for _ in range(5):
    gradient(x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    gradient(x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 5)
"""


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="only glibc can be told to keep memory")
def test_memory_is_kept_from_gradient_to_gradient():
    """Each array of the gradient has 2000 pages of 4 kB; what the user has set himself holds."""

    def faults(**more: str) -> float:
        run = [sys.executable, "-c", FAULTS]
        env = {**os.environ, **more}
        return float(subprocess.run(run, capture_output=True, text=True, check=True, env=env).stdout)

    assert faults() < 200 < 1500 < faults(MALLOC_TRIM_THRESHOLD_="100000")
