"""The kernels' mathematical functions: errors against more digits, special values against NumPy, widths alike."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcgrad.compile import vectormath

llvm = pytest.importorskip("llvmlite.binding")

ERRORS = {
    # at most, in units in the last place, for float64 and float32: what 500,000 arguments of each had, and 0.1 or more.
    # For erf and erfc the reference's own error counts too.
    "arccos": (1.4, 1.4),
    "arccosh": (2.5, 2.4),
    "arcsin": (2.5, 2.5),
    "arcsinh": (2.0, 2.0),
    "arctan": (2.4, 2.4),
    "arctan2": (2.4, 2.4),
    "arctanh": (2.2, 2.2),
    "cbrt": (0.6, 0.9),
    "cos": (2.4, 2.4),
    "cosh": (1.7, 1.7),
    "erf": (2.5, 2.0),
    "erfc": (4.5, 4.0),
    "exp": (1.2, 1.2),
    "exp2": (1.3, 1.3),
    "expm1": (1.8, 1.8),
    "hypot": (1.2, 1.2),
    "log": (1.0, 1.0),
    "log10": (1.1, 1.1),
    "log1p": (1.7, 1.7),
    "log2": (1.1, 1.1),
    "logistic": (2.5, 2.5),
    "power": (1.0, 1.0),
    "sin": (2.4, 2.4),
    "sincos": (1.7, 1.7),
    "sinh": (2.4, 2.4),
    "softplus": (2.0, 2.0),
    "tan": (2.5, 2.5),
    "tanh": (2.5, 2.5),
}
LIBRARY = sorted(vectormath.NAMES.keys() - ERRORS.keys())
DTYPES = (np.float64, np.float32)
LANES = (1, 4, 8)
REFERENCES: dict[str, Callable[..., Any]] = {
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "erfc": np.vectorize(math.erfc, otypes=[np.float64]),
    "lgamma": np.vectorize(math.lgamma, otypes=[np.float64]),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "sincos": lambda x: (np.sin(x), np.cos(x)),
}
_kept: list[Any] = []


def compiled(name: str, dtype: type, lanes: tuple[int, ...] = LANES, **options: Any) -> list[Callable[..., Any]]:
    """The function of each width as one of arrays, whose sizes are multiples of the widths."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    vectormath.prepare()
    texts, declared = vectormath.definitions([(name, np.dtype(dtype), n) for n in lanes], **{"inline": True} | options)
    module = llvm.parse_assembly("\n".join([*sorted(declared), *texts, *[loop(name, dtype, n) for n in lanes]]))
    module.verify()
    features = llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(llvm.get_host_cpu_name(), features, 1)
    if options.get("inline", True):
        passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(1))
        passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _kept.append(engine)
    return [_of_arrays(engine.get_function_address(f"loop{n}"), vectormath.NAMES[name]) for n in lanes]


def loop(name: str, dtype: type, lanes: int) -> str:
    one = "double" if dtype is np.float64 else "float"
    vector = one if lanes == 1 else f"<{lanes} x {one}>"
    arity, pair = vectormath.NAMES[name], name == "sincos"
    result = f"{{ {vector}, {vector} }}" if pair else vector
    size = np.dtype(dtype).itemsize
    load = lambda i: (
        f"""  %p{i} = getelementptr {one}, ptr %a{i}, i64 %i
  %v{i} = load {vector}, ptr %p{i}, align {size}"""
    )
    store = lambda value, out: (
        f"""  %q{out} = getelementptr {one}, ptr %o{out}, i64 %i
  store {vector} {value}, ptr %q{out}, align {size}"""
    )
    stores = store("%r", 0)
    function = vectormath.symbol(name, np.dtype(dtype), lanes)
    passed = ", ".join(f"{vector} %v{i}" for i in range(arity))
    if pair:
        parts = [f"  %r{i} = extractvalue {result} %r, {i}" for i in range(2)]
        stores = "\n".join([*parts, store("%r0", 0), store("%r1", 1)])
    return f"""
define void @loop{lanes}(ptr %o0, ptr %o1, i64 %n, {", ".join(f"ptr %a{i}" for i in range(arity))}) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{chr(10).join(map(load, range(arity)))}
  %r = call {result} @{function}({passed})
{stores}
  %next = add i64 %i, {lanes}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}}"""


def _of_arrays(address: int, arity: int) -> Callable[..., Any]:
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, ctypes.c_int64, *[ctypes.c_void_p] * arity)(address)

    def of(*args: np.ndarray) -> np.ndarray:
        assert args[0].size % 16 == 0
        out = np.zeros((2, args[0].size), args[0].dtype)
        call(out[0].ctypes.data, out[1].ctypes.data, args[0].size, *[a.ctypes.data for a in args])
        return out

    return of


def wide(name: str, *args: np.ndarray) -> np.ndarray:
    """The results with more digits."""
    dtype = np.float64 if args[0].dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        result = (REFERENCES.get(name) or getattr(np, name))(*[a.astype(dtype) for a in args])
    return np.stack(result if isinstance(result, tuple) else (result, np.zeros_like(result)))


def errors(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """In units in the last place of the exact value."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        unit = np.spacing(np.abs(rounded)).astype(exact.dtype)
        apart = np.abs(found.astype(exact.dtype) - exact) / unit
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    return np.where(same, np.where(np.isfinite(rounded), np.minimum(apart, 0.5), 0), np.nan_to_num(apart, nan=np.inf))


def samples(name: str, dtype: type, count: int) -> tuple[np.ndarray, ...]:
    """Arguments of all sizes, more of them where the functions change."""
    rng = np.random.default_rng(sum(map(ord, name)))
    limits = np.finfo(dtype)
    sizes = lambda low, high: np.exp2(rng.uniform(low, high, count)) * rng.choice([-1, 1], count)
    quarter_turns = rng.integers(-(10**4), 10**4, count) * (np.pi / 2)
    x = [
        sizes(limits.minexp - limits.nmant, limits.maxexp),
        sizes(-30, 10),
        sizes(-3, 7),
        rng.uniform(-1, 1, count),
        rng.uniform(0.4, 2.6, count),
        1 + sizes(-limits.nmant, -1),
        quarter_turns,
        quarter_turns * (1 + sizes(-limits.nmant, -limits.nmant + 6)),
        rng.uniform(-1000, 1000, count) if dtype is np.float64 else rng.uniform(-110, 110, count),
    ]
    first = _rounded(np.resize(np.concatenate(x), len(x) * count // 16 * 16), dtype)
    if vectormath.NAMES[name] == 1:
        return (first,)
    second = [rng.normal(size=count), sizes(-3, 3), sizes(-10, 10), rng.integers(-9, 9, count).astype(float)]
    return first, rng.permutation(np.resize(np.concatenate(second), first.size)).astype(dtype)


def _rounded(x: np.ndarray, dtype: type) -> np.ndarray:
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def special(name: str, dtype: type) -> tuple[np.ndarray, ...]:
    limits = np.finfo(dtype)
    positive = [
        0.0,
        0.5,
        1,
        2,
        3,
        10,
        50,
        88.5,
        89,
        104,
        127,
        128,
        149,
        150,
        700,
        709.7,
        709.8,
        710.4,
        710.5,
        745,
        746,
        1023,
    ]
    positive += [
        1024,
        1074,
        1075,
        1e5,
        1e10,
        1e30,
        2**24 + 1,
        limits.tiny,
        limits.smallest_subnormal,
        limits.tiny * 0.75,
    ]
    positive += [limits.eps, limits.eps / 4, limits.max, np.inf]
    values = _rounded(np.array([*positive, *[-p for p in positive], np.nan]), dtype)
    strange = (values[-1:].view(f"i{values.itemsize}") | 1023).view(dtype)
    values = np.concatenate([values, strange, -strange])
    if vectormath.NAMES[name] == 2:
        return tuple([np.resize(v.ravel(), -(-v.size // 16) * 16) for v in np.meshgrid(values, values)])
    return (np.resize(values, 96),)


def bits(x: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(x), np.nan, x).astype(x.dtype).view(f"i{x.itemsize}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ERRORS)
def test_polynomials(name: str, dtype: type) -> None:
    """Errors, that all widths have the same bits, and values at which nothing may be approximate."""
    functions = compiled(name, dtype)
    args = samples(name, dtype, 800 if name in ("erf", "erfc") else 4000)
    results = [f(*args) for f in functions]
    for other in results[1:]:
        np.testing.assert_array_equal(bits(results[0]), bits(other))
    limit = ERRORS[name][DTYPES.index(dtype)] + (np.finfo(np.longdouble).nmant == np.finfo(dtype).nmant)
    found = errors(results[0], wide(name, *args))
    at = np.unravel_index(found.argmax(), found.shape)
    assert found[at] <= limit, (found[at], [a[at[1]] for a in args], results[0][at])
    check_special(name, dtype, functions, limit)


def check_special(name: str, dtype: type, functions: list[Callable[..., Any]], limit: float) -> None:
    args = special(name, dtype)
    exact = wide(name, *args)
    for f in functions:
        found = f(*args)
        rounded = _rounded(exact, dtype)
        whole = ~np.isfinite(rounded) | (rounded == 0) | (np.abs(exact) == 1)
        wrong = (errors(found, exact) > np.where(whole, 0.5, limit)) | (np.signbit(found) != np.signbit(rounded)) & (
            ~np.isnan(rounded)
        )
        assert not wrong.any(), [
            (tuple([a[i] for a in args]), found[k, i], exact[k, i]) for k, i in np.argwhere(wrong)[:9]
        ]


@pytest.mark.parametrize("dtype", DTYPES)
def test_results_that_are_numbers_are_exact(dtype: type) -> None:
    """Of powers, their roots and logarithms."""
    limits, count = np.finfo(dtype), 40_000
    rng = np.random.default_rng(0)
    constant = lambda value: np.full(count, value, dtype)
    any_size = np.exp2(rng.uniform(limits.minexp + 1, limits.maxexp - 1, count)).astype(dtype)
    whole = rng.integers(1, 2 ** ((limits.nmant + 1) // 2), count).astype(dtype)
    third = rng.integers(-(2 ** ((limits.nmant + 1) // 3)), 2 ** ((limits.nmant + 1) // 3), count).astype(dtype)
    exponents = np.resize(np.arange(limits.minexp - limits.nmant, limits.maxexp), count).astype(dtype)
    powers = np.ldexp(constant(1), exponents.astype(np.int32))
    tens = np.resize(np.arange(11 if dtype is np.float32 else 23), count).astype(dtype)
    power, cbrt, log2, log10 = [compiled(name, dtype, (8,))[0] for name in ("power", "cbrt", "log2", "log10")]
    for found, exact in [
        (power(any_size, constant(1)), any_size),
        (power(any_size, constant(0)), constant(1)),
        (power(constant(1), any_size), constant(1)),
        (power(whole, constant(2)), whole * whole),
        (power(-whole, constant(2)), whole * whole),
        (power(whole * whole, constant(0.5)), whole),
        (power(third, constant(3)), third**3),
        (power(constant(2), exponents), powers),
        (power(constant(-2), exponents), powers * np.where(exponents % 2, -1, 1).astype(dtype)),
        (cbrt(third**3), third),
        (log2(powers), exponents),
        (log10(constant(10) ** tens), tens),
    ]:
        np.testing.assert_array_equal(found[0], exact)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "logistic"])
def test_quotients_are_at_most_one(name: str, dtype: type) -> None:
    """Rounding both parts of a quotient that is nearly 1 must not lead beyond it."""
    (of,) = compiled(name, dtype, (8,))
    x = np.linspace(1, 45, 160_000, dtype=dtype)
    assert of(x)[0].max() == 1
    assert (of(-x)[0] >= (-1 if name == "tanh" else 0)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIBRARY)
def test_libraries(name: str, dtype: type) -> None:
    args = samples(name, dtype, 160)
    if name == "lgamma":
        args = (np.abs(args[0]) + 3,)
    for f in compiled(name, dtype):
        # math.lgamma is Python's own, and has most of the error
        assert errors(f(*args), wide(name, *args)).max() <= (20 if name == "lgamma" else 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", ["exp", "expm1", "log10", "cbrt", "sin", "cos", "tan", "tanh", "arctan2", "power", "erf"]
)
def test_without_fused_multiply_add(name: str, dtype: type) -> None:
    args = samples(name, dtype, 1000)
    for f in compiled(name, dtype, (4,), fused=False):
        assert errors(f(*args), wide(name, *args)).max() <= 4


@pytest.mark.parametrize("lanes", [1, 2, 16])
@pytest.mark.parametrize("dtype", DTYPES)
def test_called_and_other_widths(dtype: type, lanes: int) -> None:
    for name in ("log", "sincos", "power", "hypot", "arcsinh", "cbrt"):
        args = samples(name, dtype, 160)
        inlined, called = [compiled(name, dtype, (lanes,), inline=inline)[0](*args) for inline in (True, False)]
        np.testing.assert_array_equal(inlined, called)
        assert errors(called, wide(name, *args)).max() <= 4


def test_texts() -> None:
    """Definitions come once, and one symbol has one spelling."""
    uses = [(name, np.dtype(d), n) for name in vectormath.NAMES for d in DTYPES for n in (1, 2, 4, 8, 16)]
    texts, declared = vectormath.definitions(uses + uses, inline=False)
    defined = [re.search(r"@(\w+)\(", text).group(1) for text in texts]
    assert len(defined) == len(set(defined))
    assert {vectormath.symbol(*use) for use in uses} <= set(defined)
    names = [re.fullmatch(r"declare [^@]+ @([\w.]+)\([^()]*\)", line).group(1) for line in declared]
    assert len(names) == len(set(names))
    llvm.parse_assembly("\n".join([*sorted(declared), *texts])).verify()


def test_every_polynomial_has_a_bound() -> None:
    assert vectormath.FUNCTIONS.keys() == ERRORS.keys()
