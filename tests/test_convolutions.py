"""Convolutions on arrays are products of BLAS with windows laid out in memory, and in programs other operations."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.entrance import behind
from funcgrad.lax.reductions import MONOIDS
from funcgrad.ops.correlate import FEW, correlate, correlate_spread, correlate_weigh

CASES = {
    "line": ((3, 2, 40), (4, 2, 5), (1,), (1,)),
    "long line": ((3, 2, FEW + 4), (4, 2, 5), (1,), (1,)),
    "dilated line": ((2, 3, FEW + 20), (5, 3, 4), (1,), (3,)),
    "line apart": ((2, 3, 3 * FEW + 1), (5, 3, 4), (3,), (2,)),
    "plane": ((2, 3, 9, 7), (4, 3, 3, 2), (1, 1), (1, 1)),
    "large plane": ((2, 3, 20, 21), (4, 3, 3, 2), (1, 1), (1, 2)),
    "large plane apart": ((2, 3, 40, 35), (4, 3, 3, 2), (2, 1), (1, 1)),
    "rows left over": ((2, 3, 10, 9), (4, 3, 3, 3), (2, 3), (1, 1)),
    "rows": ((2, 3, 20, 21), (4, 3, 3, 1), (1, 1), (2, 1)),
    "pixels": ((2, 3, 20, 21), (4, 3, 1, 1), (1, 1), (1, 1)),
    "whole": ((2, 3, 4, 5), (4, 3, 4, 5), (1, 1), (1, 1)),
    "volume": ((2, 2, 5, 6, 4), (3, 2, 2, 3, 2), (1, 1, 1), (2, 1, 1)),
    "large volume": ((1, 2, 9, 8, 7), (1, 2, 2, 3, 2), (1, 1, 1), (1, 2, 1)),
    "no space": ((3, 2), (4, 2), (), ()),
    "too short": ((2, 3, 2, 7), (4, 3, 3, 2), (1, 1), (1, 1)),
    "nothing": ((0, 3, 9, 7), (4, 3, 3, 2), (1, 1), (1, 1)),
    "no features": ((2, 0, 9, 7), (4, 0, 3, 2), (1, 1), (1, 1)),
}


def by_hand(x, w, strides, dilations):
    """A sum over the places of the kernel."""
    out = None
    for offsets in np.ndindex(*w.shape[2:]):
        part = [slice(None)] * 2
        for n, k, size, s, d in zip(x.shape[2:], offsets, w.shape[2:], strides, dilations):
            count = max((n - (size - 1) * d - 1) // s + 1, 0)
            part.append(slice(k * d, k * d + (count - 1) * s + 1, s) if count else slice(0, 0))
        term = np.einsum("nc...,oc->no...", x[tuple(part)], w[(slice(None), slice(None), *offsets)])
        out = term if out is None else out + term
    return out


@pytest.mark.parametrize("dtype, tol", [("f8", 1e-13), ("f4", 1e-5), ("c16", 1e-13), ("i8", 0)])
@pytest.mark.parametrize("name", CASES)
def test_values_and_both_transposes(name, dtype, tol):
    x_shape, w_shape, strides, dilations = CASES[name]
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-9, 9, shape).astype(dtype) for shape in (x_shape, w_shape))
    if dtype != "i8":
        x, w = x + rng.normal(size=x_shape).astype("f4"), w * (0.5 + 0.5j if dtype == "c16" else x.dtype.type(0.3))
    params = {"strides": strides, "dilations": dilations}
    y = correlate(x, w, **params)
    expected = by_hand(x, w, **params)
    assert y.dtype == expected.dtype
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y, expected, rtol=tol, atol=tol * 100)
    ct = rng.integers(-9, 9, y.shape).astype(dtype)
    spread = correlate_spread(ct, w, shape=x.shape[2:], **params)
    weighed = correlate_weigh(x, ct, sizes=w.shape[2:], **params)
    assert (spread.shape, spread.dtype, weighed.shape, weighed.dtype) == (x.shape, x.dtype, w.shape, w.dtype)
    total = np.sum(y * ct)
    scale = np.sum(abs(y) * abs(ct))
    np.testing.assert_allclose(np.sum(spread * x), total, rtol=tol * 10, atol=tol * scale)
    np.testing.assert_allclose(np.sum(weighed * w), total, rtol=tol * 10, atol=tol * scale)
    # each element, not only their sum
    (by_x, by_w) = fg.jit(lambda x, w, ct: fg.vjp(lambda x, w: correlate(x, w, **params), x, w)[1](ct))(x, w, ct) if (
        dtype[0] == "f"
    ) else (spread, weighed)
    np.testing.assert_allclose(spread, by_x, rtol=tol * 10, atol=tol * 1000)
    np.testing.assert_allclose(weighed, by_w, rtol=tol * 10, atol=tol * 1000)


def test_numbers_that_are_not_finite_stay_where_they_are():
    """Zeros that fill rows up meet no number that is not there."""
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 3, 20, 21)), rng.normal(size=(4, 3, 3, 2))
    ct = rng.normal(size=(2, 4, 18, 20))
    ct[1, 2, 5, 19] = np.inf
    params = {"strides": (1, 1), "dilations": (1, 1)}
    spread = correlate_spread(ct, w, shape=x.shape[2:], **params)
    found = np.argwhere(~np.isfinite(spread))
    touched = {(1, c, 5 + i, 19 + j) for c in range(3) for i in range(3) for j in (0, 1)}
    assert {tuple(place) for place in found} == touched
    w[1, 2, 0, 1] = np.inf
    with np.errstate(invalid="ignore"):
        found = np.argwhere(~np.isfinite(correlate_spread(np.abs(ct), w, shape=x.shape[2:], **params)))
    below = {(n, 2, i, j) for n in range(2) for i in range(18) for j in range(1, 21)}
    assert {tuple(place) for place in found} == touched | below
    w[1, 2, 0, 1] = 0.5
    x[0, 1, 3, 20] = np.nan
    y = correlate(x, w, **params)
    assert {tuple(p) for p in np.argwhere(np.isnan(y))} == {(0, o, i, 19) for o in range(4) for i in (1, 2, 3)}


def test_operands_that_do_not_lie_in_order():
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 3, 20, 21)), rng.normal(size=(4, 3, 3, 2))
    y = lax.conv(x, w, (1, 1), "SAME")
    for turned in (np.asfortranarray(x), x[:, ::-1][:, ::-1], np.repeat(x, 2, -1)[..., ::2]):
        np.testing.assert_allclose(lax.conv(turned, np.asfortranarray(w), (1, 1), "SAME"), y, rtol=1e-12, atol=1e-12)
    gradient = fg.grad(lambda x, w, ct: np.sum(lax.conv(x, w, (1, 1), "VALID") * ct), argnums=(0, 1))
    ct = rng.normal(size=(2, 4, 18, 20))
    for a, b in zip(gradient(x, w, ct), gradient(np.asfortranarray(x), w[::-1][::-1], np.asfortranarray(ct))):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("in_axes", [(0, None), (None, 1), (0, 0)])
def test_batches(in_axes):
    """Of either operand or both, with the gradients of both for each element, as in a loop."""
    rng = np.random.default_rng(3)
    shapes = (2, 3, 6, 5), (4, 3, 3, 2)
    x, w = (
        rng.normal(size=s if axis is None else (*s[:axis], 3, *s[axis:])) for s, axis in zip(shapes, in_axes)
    )
    fun = fg.grad(lambda x, w: np.sum(np.sin(lax.conv(x, w, (2, 1), "SAME"))), argnums=(0, 1))
    found = fg.vmap(fun, in_axes)(x, w)
    for k in range(3):
        one = [v if axis is None else np.take(v, k, axis) for v, axis in zip((x, w), in_axes)]
        for a, b in zip(found, fun(*one)):
            np.testing.assert_allclose(a[k], b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["add", "mul", "max", "min", "bitwise_and", "bitwise_or", "bitwise_xor"])
def test_windows_know_the_public_operators(name):
    assert behind(getattr(lax, name)) in MONOIDS


def test_a_tie_in_a_window_goes_to_its_first_element():
    x = np.array([0.0, 2.0, 2.0, 1.0])
    gradient = fg.grad(lambda x: lax.reduce_window(x, -np.inf, lax.max, (4,), (1,), "VALID").sum())(x)
    np.testing.assert_array_equal(gradient, [0.0, 1.0, 0.0, 0.0])
