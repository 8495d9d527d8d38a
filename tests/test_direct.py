"""Derivatives of small arrays that call NumPy directly: the bits, dtypes and warnings of the rules."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.trace import primitives
from funcgrad.ops import elementwise as ew
from funcgrad.ops.direct import direct
from funcgrad.ops.families.elementwise import Along, Elementwise, Sign
from funcgrad.ops.overwritten import _new
from funcgrad.ops.shortcuts import KNOWN
from funcgrad.ops.shortcuts import NUMBERS as NUMBERS_AS_ARRAYS

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, 0.3, -0.7, 1e-30, 3e8, 0.5, -2.5, 17.0, 5e-324]
NUMBERS = [0, 1, 2, -1, 3, 0.0, 1.0, 2.0, 0.5, -1.01, float("inf"), float("nan")]
TERMS = {
    f"{prim.name}-{i}": (prim, i)
    for prim in primitives().values()
    if isinstance(prim, Elementwise) and prim.partials is not None and len(prim.partials) <= 2
    for i, partial in enumerate(prim.partials)
    if partial is not None
    and direct([partial.along], np.dtype("d"), 1 + len(prim.partials), len(prim.partials) > 1) is not None
}


def operands(dtype: str, count: int) -> list[np.ndarray]:
    """Every pair of special values, and a cotangent for each."""
    with np.errstate(all="ignore"):
        values = np.array(SPECIAL).astype(dtype)
    pairs = np.meshgrid(values, values, indexing="ij")
    cotangent = np.resize(values[::-3], pairs[0].size)
    return [cotangent, *[p.ravel() for p in pairs[:count]]]


def same(found, expected) -> bool:
    return type(found) is type(expected) and found.dtype == expected.dtype and found.tobytes() == expected.tobytes()


def differing(prim: Elementwise, i: int, t, xs) -> bool:
    """Whether the derivative for what the short entries save is not what the rule gives, forward or reverse."""
    partial: Along = prim.partials[i]
    arrays = [type(x) is type(t) for x in xs]
    with np.errstate(all="ignore"):
        kept = prim.impl(*xs), *xs
        if type(kept[0]) is not type(t) or kept[0].dtype != t.dtype:
            return False  # the short entries leave it to others
        expected = [p.along(t, *kept) if type(p) is Sign else p and p.map()(t, *kept) for p in prim.partials]
        found = [prim.pull((prim.plan(m), kept, None), m, t, {}) for m in ways(arrays) if m[i]]
        return not (same(partial.apply(t, kept, {}), expected[i]) and all(same(c[i], expected[i]) for c in found))


def ways(arrays):
    """Which operands may be differentiated together: arrays, as numbers never are."""
    return [m for m in product((False, True), repeat=len(arrays)) if all(a or not moves for a, moves in zip(arrays, m))]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("term", TERMS)
def test_same_bits_as_the_rule(term, dtype):
    prim, i = TERMS[term]
    t, *xs = operands(dtype, len(prim.partials))
    assert not differing(prim, i, t, xs)
    assert not differing(prim, i, t.reshape(16, 16)[:, ::2], [x.reshape(16, 16)[:, ::2] for x in xs])
    scalars = list(zip(t, *xs))[::7]
    assert [s for s in scalars if differing(prim, i, s[0], s[1:])] == []


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("term", [n for n, (p, _) in TERMS.items() if len(p.partials) == 2 and p.impl is not _new])
def test_same_bits_with_a_python_number(term, dtype):
    prim, i = TERMS[term]
    t, x = operands(dtype, 1)
    for arrays in ((t, x), (t[5], x[5])):
        for n in NUMBERS:
            pair = (arrays[1], n) if i == 0 else (n, arrays[1])
            assert not differing(prim, i, arrays[0], pair), n


@pytest.mark.parametrize("f", [ew.sin, lambda x: x * 1.01, lambda x: x * x], ids=["sin", "1.01", "x*x"])
@pytest.mark.parametrize("x", [np.linspace(0.1, 1.0, 3), np.float64(0.3), np.float32(0.3)], ids=["array", "f8", "f4"])
def test_gradients_do_not_run_the_rule(f, x, monkeypatch):
    gradient = fg.grad(lambda x: np.sum(f(x)))
    expected = gradient(x)
    for prim in (ew.sin.prim, ew.mul.prim):
        for partial in prim.partials:
            monkeypatch.setattr(partial, "_of", None)
    assert same(gradient(x), expected)


def test_no_warning_where_the_derivative_is_infinite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fg.grad(lambda x: np.sum(np.sqrt(x)))(np.zeros(3)).tolist() == [np.inf] * 3


def test_a_derivative_of_a_derivative_is_followed():
    x = np.array([0.3, 0.7])
    second = fg.grad(lambda x: np.sum(fg.grad(lambda x: np.sum(np.sin(x) * 1.01))(x)))
    np.testing.assert_allclose(second(x), -1.01 * np.sin(x), rtol=1e-15)


OPERATORS = {
    "x + n": lambda x, n: x + n, "n - x": lambda x, n: n - x, "x * n": lambda x, n: x * n,
    "n * x": lambda x, n: n * x, "x / n": lambda x, n: x / n, "n / x": lambda x, n: n / x,
}  # fmt: skip
LARGE_NUMBERS = [-0.0, 1e300, -1e39, 3.5e38, 1e-320, 2**53 + 1, 2**60, 10**30]


@pytest.mark.parametrize("dtype", ["f8", "f4", "c8", ">f8"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_with_numbers_are_numpys(name, dtype):
    """Bits, dtypes and warnings, each number several times, zeros of both signs one after the other."""
    f, x = OPERATORS[name], np.array([0.5, -3.0, 0.0, 7.0]).astype(dtype)
    for n in [*NUMBERS, *LARGE_NUMBERS, 0.0, -0.0] * 2:
        with warnings.catch_warnings(record=True) as expected_warnings:
            warnings.simplefilter("always")
            expected = f(x, n)
        values = []
        with warnings.catch_warnings(record=True) as found_warnings:
            warnings.simplefilter("always")
            fg.vjp(lambda x: values.append(fg.stop_gradient(f(x, n))), x)
        assert same(values[0], expected), n
        assert {str(w.message) for w in found_warnings} == {str(w.message) for w in expected_warnings}, n


def test_numbers_that_are_known_stay_few():
    fg.grad(lambda x: sum((x * (k + 0.5)).sum() for k in range(2 * KNOWN)))(np.ones(2))
    assert len(NUMBERS_AS_ARRAYS["d"]) <= KNOWN
