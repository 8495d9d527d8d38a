"""Names of NumPy with options, dtypes, sizes and errors of their own; tests/test_numpy.py has a row for each name."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import ConcretizationError, TracerConversionError
from funcgrad.numpy.dispatch import since
from funcgrad.test_util import check_grads

rng = np.random.default_rng(3)
M = rng.permutation(np.linspace(-1.9, 2.1, 12)).reshape(3, 4)
V = rng.permutation(np.linspace(-1.7, 1.9, 7))
EDGES = np.array([-2.0, -0.5, 0.25, 2.5])
INTS = np.array([3, 0, 2, 2, 5])


def flat(result: Any) -> list:
    return [leaf for part in result for leaf in flat(part)] if isinstance(result, (tuple, list)) else [result]


def value(x: Any) -> np.ndarray:
    while hasattr(x, "value"):
        x = x.value
    return np.asarray(x)


def traced(fun: Any, *args: Any) -> list[np.ndarray]:
    """What a function returns under grad."""
    seen: list[Any] = []
    fg.vjp(lambda *xs: seen.append(fun(*xs)) or 0.0, *args)
    return [value(y) for y in flat(seen[0])]


def same(got: Any, expected: Any, rtol: float = 1e-12) -> None:
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected)
    for y, e in zip(got, expected):
        y, e = np.asarray(y), np.asarray(e)
        assert (y.shape, y.dtype) == (e.shape, e.dtype)
        single = e.dtype in (np.float32, np.complex64)
        np.testing.assert_allclose(y, e, rtol=1e-5 if single else rtol, atol=1e-6 if single else 1e-13)


def agrees(fun: Any, *args: np.ndarray, rtol: float = 1e-12) -> None:
    """NumPy's values and dtypes, traced by grad and by jit."""
    expected = fun(*args)
    same(traced(fun, *args), expected, rtol)
    same(fg.jit(lambda *xs: tuple(flat(fun(*xs))))(*args), expected, rtol)


# quantiles

METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_of_each_method(method: str) -> None:
    holes = np.where(M > 1.3, np.nan, M)
    arrays = (M, holes, M.astype(np.float32), (10 * M).astype(int))
    for q, axis, x in itertools.product((0.0, 0.3, 0.5, 1.0, np.array([0.2, 0.9])), (None, 1, (0, 1)), arrays):
        options = {"axis": axis, "method": method, "keepdims": axis != 1}
        for fun in (np.quantile, np.nanquantile):
            same(traced(lambda x, fun=fun: fun(x, q, **options), x), fun(x, q, **options))


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_of_each_method_compiled_and_differentiated(method: str) -> None:
    agrees(lambda x: np.quantile(x, [0.2, 0.55], 1, method=method), M)
    if method in ("linear", "midpoint", "inverted_cdf"):
        agrees(lambda x: np.nanpercentile(x, 35, 0, method=method), np.where(M > 1.3, np.nan, M))
    check_grads(lambda x: np.quantile(x, 0.37, 1, method=method), (M,), order=2)
    check_grads(lambda x, q: np.quantile(x, q, 0, method=method), (M, np.array([0.23, 0.71])), order=1)


def test_weighted_quantiles() -> None:
    options: dict[str, Any] = {"weights": np.abs(np.roll(M, 1)) * (M < 1.9), "method": "inverted_cdf"}
    holes = np.where(M > 1.3, np.nan, M)
    for x, fun in itertools.product((M, holes, M.astype(np.float32)), (np.quantile, np.nanquantile)):
        for q, axis in itertools.product((0.0, 0.4, [0.1, 1.0]), (None, 0, 1, (0, 1))):
            same(traced(lambda x: fun(x, q, axis, **options), x), fun(x, q, axis, **options))
    agrees(lambda x: np.nanquantile(x, [0.1, 1.0], 1, **options), holes)
    agrees(lambda x: np.quantile(x, 0.4, **options), holes)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.quantile(x, 1.5),
        lambda x: np.percentile(x, -1),
        lambda x: np.quantile(x, 0.5, method="best"),
        lambda x: np.quantile(x, 0.5, weights=np.ones(7)),
        lambda x: np.quantile(x, 0.5, weights=-np.ones(7), method="inverted_cdf"),
        lambda x: np.quantile(x, 0.5, weights=np.zeros(7), method="inverted_cdf"),
        lambda x: np.quantile(x, 0.5, weights=np.ones(3), method="inverted_cdf"),
        lambda x: np.quantile(x + 1j, 0.5),
        lambda x: np.quantile(x, 0.5, axis=1),
        lambda x: np.cov(x, fweights=np.full(7, 0.5)),
        lambda x: np.cov(x, fweights=-np.ones(7, int)),
        lambda x: np.cov(x, aweights=np.ones(3)),
        lambda x: np.cov(x, aweights=np.ones((7, 1))),
        lambda x: np.cov(x, ddof=0.5),
        lambda x: np.cov(x[None, None]),
        lambda x: np.cumulative_sum(x[None]),
        lambda x: np.gradient(x, edge_order=3),
        lambda x: np.gradient(x, 1.0, 2.0),
        lambda x: np.gradient(x, x[:3]),
        lambda x: np.gradient(x[:1]),
        lambda x: np.convolve(x, x[:0]),
        lambda x: np.convolve(x, x[None]),
        lambda x: np.convolve(x, x, "most"),
        lambda x: np.select([x], [x]),
        lambda x: np.select([], []),
        lambda x: np.piecewise(x, [x > 0], [1, 2, 3]),
        lambda x: np.pad(x, -1),
        lambda x: np.pad(x, 1.5),
        lambda x: np.pad(x, 1, mode="best"),
        lambda x: np.pad(x, 1, mode="edge", constant_values=1),
        lambda x: np.pad(x[:0], 1, mode="edge"),
        lambda x: np.pad(x, 1, mode="maximum", stat_length=0),
        lambda x: np.insert(x, 9, 1.0),
        lambda x: np.delete(x, 9),
        lambda x: np.delete(x, np.ones(3, bool)),
        lambda x: np.trim_zeros(x, "x"),
        lambda x: np.histogram(x, 0),
        lambda x: np.histogram(x, 2.5),
        lambda x: np.histogram(x, [1, 0]),
        lambda x: np.histogram(x, [[1, 0]]),
        lambda x: np.histogram(x, "best"),
        lambda x: np.histogram(x, range=(1, 0)),
        lambda x: np.histogram(x, range=(0, np.inf)),
        lambda x: np.histogram(x, weights=x[1:]),
        lambda x: np.histogramdd(x[:, None], [1, 2]),
        lambda x: np.bincount(x),
        lambda x: np.bincount(INTS - 1, weights=x[:5]),
        lambda x: np.bincount(INTS, weights=x),
        lambda x: np.digitize(x, [0.0, 1.0, 0.5]),
        lambda x: np.digitize(x + 1j, [0.0]),
        lambda x: np.polyfit(x, x, -1),
        lambda x: np.polyfit(x, x[1:], 1),
        lambda x: np.polyfit(x[None], x, 1),
        lambda x: np.polyfit(x, x, 1, w=x[1:]),
        lambda x: np.polyder(x, -1),
        lambda x: np.polyint(x, -1),
        lambda x: np.polyint(x, 2, [1.0, 2.0, 3.0][:0]),
        lambda x: np.roots(x[None]),
        lambda x: np.poly(x[None, None]),
        lambda x: np.i0(x + 1j),
        lambda x: np.isposinf(x + 1j),
        lambda x: np.nanargmax(x * np.nan),
        lambda x: np.geomspace(x * 0, 2.0),
        lambda x: np.interp(x, x[:0], x[:0]),
        lambda x: np.interp(x, x, x[1:]),
        lambda x: np.interp(x, x, x, period=0),
        lambda x: np.packbits(x),
        lambda x: np.unpackbits(x),
        lambda x: np.apply_along_axis(np.sum, 0, x[:, None][:, :0]),
        lambda x: np.apply_along_axis(np.sum, 1, x),
        lambda x: np.cross(x, x),
        lambda x: np.asarray_chkfinite(x * np.nan) if type(x) is np.ndarray else fnp.asarray_chkfinite(x * np.nan),
        lambda x: np.matvec(x, x),
        lambda x: np.unravel_index(np.array([99]) + (x[:1] > 0), (2, 3)),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_errors_are_numpys(call: Any) -> None:
    with pytest.raises(Exception) as theirs:
        call(V)
    with pytest.raises(theirs.type):
        fg.vjp(lambda x: call(x) and 0.0, V)


# padding


@pytest.mark.parametrize("mode", ["edge", "symmetric", "reflect", "wrap", "linear_ramp", "maximum", "mean"])
def test_padding_of_empty_arrays(mode: str) -> None:
    agrees(lambda x: np.pad(x, [(0, 0), (1, 2)], mode=mode), np.zeros((0, 3)))


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
@pytest.mark.parametrize("reflect_type", ["even", "odd"])
def test_reflections_go_on(mode: str, reflect_type: str) -> None:
    for size, before, after in itertools.product((1, 2, 3, 5), (0, 1, 4, 11), (0, 3, 17)):
        x = V[:size]
        agree = lambda x: np.pad(x, (before, after), mode=mode, reflect_type=reflect_type)
        same(traced(agree, x), agree(x))
    same(
        traced(lambda x: np.pad(x, 3, mode=mode, reflect_type=reflect_type), INTS),
        np.pad(INTS, 3, mode=mode, reflect_type=reflect_type),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "linear_ramp"},
        {"mode": "linear_ramp", "end_values": ((5, -4), (2, 1))},
        {"mode": "mean", "stat_length": 2},
        {"mode": "mean"},
        {"mode": "median", "stat_length": ((2, 9), (1, 3))},
        {"mode": "maximum", "stat_length": 3},
        {"mode": "minimum"},
        {"mode": "edge"},
        {"mode": "wrap"},
        {"mode": "constant", "constant_values": ((1, 2), (3, 4))},
    ],
    ids=str,
)
def test_padding(options: dict[str, Any]) -> None:
    for x in (M, M.astype(np.float32), (10 * M).astype(int), M + 1j):
        if x.dtype.kind == "c" and options["mode"] in ("maximum", "minimum", "median"):
            continue
        agrees(lambda x: np.pad(x, ((2, 1), (0, 3)), **options), x)
    check_grads(lambda x: np.pad(x, ((2, 1), (0, 3)), **options), (M,), order=2)


def test_padding_by_a_function() -> None:
    def border(row: Any, width: Any, axis: int, options: dict[str, Any]) -> Any:
        n = len(row)
        inside = (np.arange(n) >= width[0]) & (np.arange(n) < n - width[1])
        return np.where(inside, row, options["value"] * row.sum() + axis)

    def written(row: np.ndarray, width: Any, axis: int, options: dict[str, Any]) -> None:
        row[:] = border(row, width, axis, options)

    for mode in (border, written):
        same(fg.jit(lambda x, mode=mode: np.pad(x, (1, 2), mode, value=2.0))(M), np.pad(M, (1, 2), written, value=2.0))


# convolutions, differences


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_of_all_lengths(mode: str) -> None:
    for m, n in itertools.product((1, 2, 3, 4, 7), (1, 2, 3, 4, 7)):
        for fun in (np.convolve, np.correlate):
            for x, y in ((V[:m], V[-n:] + 0.3), (V[:m] * (1 + 2j), V[-n:] + 3j), (INTS[:m], V[:n].astype(np.float32))):
                same(traced(lambda x, y, fun=fun: fun(x, y, mode), x, y), fun(x, y, mode))
    check_grads(lambda x, y: np.correlate(x, y, mode), (V, V[:3] * 2), order=2)
    agrees(lambda x, y: np.convolve(x, y, mode), V, M[0])
    batch = fg.vmap(lambda x, y: np.convolve(x, y, mode), in_axes=(0, None))(M, V)
    same(batch, np.stack([np.convolve(row, V, mode) for row in M]))


def test_gradients_by_spacing() -> None:
    x, y = np.array([0.0, 0.5, 2.0]), np.array([1.0, 1.5, 3.0, 3.5])
    for order, f in itertools.product((1, 2), (M, M.astype(np.float32), (10 * M).astype(int), M * 1j)):
        for spacing in ((), (0.5,), (0.5, 2.0), (x, y), (0.5, y), (np.arange(3), np.arange(4) * 2)):
            fun = lambda f: np.gradient(f, *spacing, edge_order=order)
            same(traced(fun, f), fun(f))
    agrees(lambda f, x: np.gradient(f, x, 0.5, edge_order=2), M, x)
    check_grads(lambda f, x, h: np.gradient(f, x, h, edge_order=2), (M, x, np.float64(0.7)), order=2)


def test_unwrap() -> None:
    for x in (5 * M, (9 * M).astype(int), (7 * M).astype(np.float32)):
        for options in ({}, {"period": 4}, {"period": 3}, {"discont": 4.0, "axis": 0}):
            same(traced(lambda x: np.unwrap(x, **options), x), np.unwrap(x, **options))
    agrees(lambda x: np.unwrap(x, axis=0), 5 * M)
    check_grads(lambda x, period: np.unwrap(x, period=period), (5 * M, np.float64(3.1)), order=1)


def test_cross_products_in_the_plane() -> None:
    pairs = [(M[:, :2], M[:, 2:]), (M[:, :2], M[:, 1:]), (M[:, 1:], M[:, 2:])]
    if since(np, "2.5.0"):  # which has them no more
        for a, b in pairs:
            for call in (np.cross, lambda a, b: traced(fnp.cross, a, b)):
                with pytest.raises(ValueError, match=f"but they are {a.shape[1]} and {b.shape[1]} dimensional"):
                    call(a, b)
        return
    with pytest.warns(DeprecationWarning, match="2-dimensional vectors"):
        expected = [np.cross(a, b) for a, b in pairs]
    same([traced(fnp.cross, a, b) for a, b in pairs], expected)


def test_interpolation() -> None:
    x = np.concatenate([4 * V, EDGES])
    for options in ({}, {"left": 1.0, "right": -1.0}, {"period": 3.0}, {"period": -2.5}):
        for values in (M[0], M[0] * 1j, INTS[:4]):
            agrees(lambda x, xp: np.interp(x, xp, values, **options), x, EDGES)
    check_grads(lambda x, xp, fp: np.interp(x, xp, fp), (V + 0.03, EDGES, M[0]), order=2)
    check_grads(lambda x, period: np.interp(x, EDGES, M[0], period=period), (3 * V + 0.04, 3.7), order=1)


# in order


def _descending(x: np.ndarray, axis: int | None, places: bool) -> np.ndarray:
    """NumPy's, which has them from 2.5 on."""
    if since(np, "2.5.0"):
        return np.argsort(x, axis, stable=True, descending=True) if places else np.sort(x, axis, descending=True)
    keys = -x.astype(float) if x.dtype.kind != "c" else -x
    order = np.argsort(keys, axis, kind="stable")
    return order if places else np.take_along_axis(x if axis is not None else x.ravel(), order, axis or 0)


def test_descending() -> None:
    gaps = np.array([[2.0, np.nan, -1.0, 2.0, np.inf], [np.nan, 1.0, np.nan, -np.inf, 1.0]])
    for x in (gaps, gaps.astype(np.float32), np.array([[3, 1, 3], [0, 2, 2]]), gaps[:, :0]):
        for axis in (-1, 0, None):
            order = lambda x, axis=axis: fnp.argsort(x, axis, descending=True)
            for places, fun in ((False, lambda x, axis=axis: fnp.sort(x, axis, descending=True)), (True, order)):
                expected = _descending(x, axis, places)
                same(fun(x), expected)
                same(traced(fun, x), expected)
                same(fg.jit(fun)(x), expected)
                same(fg.vmap(lambda x, i, fun=fun: fun(x))(np.stack([x, x]), np.arange(2)), np.stack([expected] * 2))
    assert fnp.sort(np.array([True, False]), descending=False).tolist() == [False, True]
    check_grads(lambda x: fnp.sort(x, axis=0, descending=True), (M,), order=2)


@pytest.mark.skipif(not since(np, "2.5.0"), reason="NumPy's own functions have no descending order")
def test_numpys_functions_descending() -> None:
    def in_place(x: Any) -> Any:
        b = x.copy()
        b.sort(axis=0, descending=True)
        return b

    agrees(lambda x: np.sort(x, descending=True), M)
    agrees(lambda x: np.argsort(x, axis=0, descending=True), M)
    agrees(lambda x: x.argsort(descending=True), M)
    agrees(in_place, M)


# counting


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("bins", [5, EDGES, "auto", "fd"])
def test_histograms(bins: Any, density: bool) -> None:
    for x in (M, M.astype(np.float32), (3 * M).astype(int), np.round(M)):
        for span in (None, (-1, 1.5)):
            same(traced(lambda x: np.histogram(x, bins, span, density), x), np.histogram(x, bins, span, density))
    if isinstance(bins, int):
        agrees(lambda x, w: np.histogram(x, bins, density=density, weights=w), M, np.abs(M))
        agrees(lambda x, y: np.histogram2d(x, y, bins, density=density), V, V[::-1] ** 2)
        agrees(lambda x: np.histogramdd(x, [2, 3, 4, 5], density=density), M)
        agrees(lambda x: np.histogramdd(list(x), [EDGES] * 3, density=density), M)
    if isinstance(bins, np.ndarray):
        agrees(lambda x: np.histogram2d(x, x**2, bins), V)
        check_grads(lambda w: np.histogram(M, bins, density=density, weights=w)[0], (np.abs(M),), order=2)


def test_counts_of_known_length() -> None:
    same(fg.jit(lambda n: fnp.bincount(n, length=4))(INTS), np.bincount(INTS)[:4])
    same(fg.jit(lambda n, w: fnp.bincount(n, w, length=8))(INTS, V[:5]), np.bincount(INTS, V[:5], 8))
    same(fnp.bincount(INTS, length=4), np.bincount(INTS)[:4])
    with pytest.raises(ConcretizationError, match="length="):
        fg.jit(fnp.bincount)(INTS)


def test_bins() -> None:
    for edges in (EDGES, EDGES[::-1]):
        for right in (False, True):
            agrees(lambda x: np.digitize(x, edges, right), np.concatenate([M.ravel(), EDGES]))
            same(fg.jit(lambda x, e: np.digitize(x, e, right))(M, edges), np.digitize(M, edges, right))


# sets


def test_sets_of_known_size() -> None:
    x = np.array([[2.0, -1.0, 2.0], [np.nan, 0.0, np.nan]])
    for equal_nan in (True, False):
        values, first, inverse, counts = np.unique(x, True, True, True, equal_nan=equal_nan)
        n = len(values)
        got = fg.jit(lambda x: fnp.unique(x, True, True, True, equal_nan=equal_nan, size=n + 2, fill_value=9.0))(x)
        same(got[0], np.append(values, [9.0, 9.0]))
        same(got[1], np.append(first, [first[0]] * 2))
        same(got[2], inverse)
        same(got[3], np.append(counts, [0, 0]))
    same(fnp.unique(x, size=2), np.unique(x)[:2])
    same(fg.jit(lambda x: fnp.union1d(x, 3.0, size=3))(V), np.union1d(V, 3.0)[:3])
    same(fg.jit(lambda x: fnp.unique_counts(x, size=3))(INTS)[1], np.array([1, 2, 1]))
    check_grads(lambda x: fnp.unique(x, size=4), (V,), order=2)
    with pytest.raises(ConcretizationError, match="size="):
        fg.jit(fnp.unique)(V)
    with pytest.raises(ConcretizationError, match="isin"):
        fg.jit(lambda x: np.intersect1d(x, x))(V)


def test_nonzero_of_known_size() -> None:
    x = M * (np.abs(M) > 0.7)
    rows, columns = np.nonzero(x)
    for size in (2, 12, 15):
        keep = min(size, len(rows))
        filled = [np.full(size, fill) for fill in (7, -1)]
        for y, found in zip(filled, (rows, columns)):
            y[:keep] = found[:keep]
        same(fg.jit(lambda x: fnp.nonzero(x, size=size, fill_value=(7, -1)))(x), tuple(filled))
    same(fg.vmap(lambda x: fnp.flatnonzero(x, size=1))(np.eye(3)), np.arange(3)[:, None])
    same(fg.jit(lambda x: fnp.argwhere(x, size=3))(x), np.argwhere(x)[:3])
    same(fg.jit(lambda x: fnp.where(x, size=3))(x), tuple(i[:3] for i in np.where(x)))
    same(fnp.nonzero(x, size=3), tuple(i[:3] for i in np.nonzero(x)))


def test_set_operations_keep_derivatives() -> None:
    other = V[2:] + (np.arange(5) == 1)
    for fun in (np.intersect1d, np.setdiff1d, np.setxor1d, np.union1d):
        same(traced(fun, V, other), fun(V, other))
    gradient = fg.grad(lambda x: np.sum(np.setdiff1d(x, other) ** 2))(V)
    np.testing.assert_allclose(gradient, np.where(np.isin(V, other), 0, 2 * V))
    same(
        traced(lambda x: np.intersect1d(x, other, return_indices=True), V),
        np.intersect1d(V, other, return_indices=True),
    )
    agrees(lambda x: np.isin(x, other), V)


# polynomials


def test_roots() -> None:
    for p in (
        np.array([1.0, -3.0, 2.0]),
        np.array([0, 2.0, 1.0, 3.0, 0]),
        np.array([2, 0, 8]),
        np.array([1 + 2j, 3.0]),
        np.array([0.0, 4.0]),
        np.zeros(2),
    ):
        same(traced(np.roots, p), np.roots(p))
    got = fg.jit(lambda p: fnp.roots(p, strip_zeros=False))(np.array([1.0, 0.5, 3.0]))
    same(np.sort(got), np.sort(np.roots([1.0, 0.5, 3.0])))
    with pytest.raises(ConcretizationError):
        fg.jit(np.roots)(V)
    check_grads(lambda p: np.sort(np.roots(p)), (np.array([1.0, -3.0, -2.0, 1.0]),), order=2)


def test_fits() -> None:
    x, y = np.array([0.0, 1.0, 2.5, 3.0, 4.5]), M[:2].ravel()[:5]
    many = np.stack([y, y**2], 1)
    for options in ({}, {"w": y**2 + 0.1}, {"full": True}, {"cov": True}, {"cov": "unscaled"}):
        for targets in (y, many):
            fun = lambda x, y: np.polyfit(x, y, 2, **options)
            same(traced(fun, x, targets), fun(x, targets), rtol=1e-9)
    agrees(lambda x, y: np.polyfit(x, y, 2, cov=True), x, many, rtol=1e-9)
    check_grads(lambda x, y, w: np.polyfit(x, y, 2, w=w), (x, y, y**2 + 0.5), order=2, rtol=1e-4)
    for points, targets in ((np.ones(5), y), (x[:3], y[:3])):
        fit = lambda y, points=points: np.polyfit(points, y, 3)
        with pytest.warns(np.exceptions.RankWarning):
            expected = fit(targets)
        with pytest.warns(np.exceptions.RankWarning):
            same(traced(fit, targets), expected, rtol=1e-9)
        with pytest.warns(np.exceptions.RankWarning):
            check_grads(fit, (targets,), order=2)


def test_polynomials() -> None:
    for u, v in itertools.product(
        (V, np.array([0.0, 0.0, 2.0]), INTS, np.zeros(2)), (V[:3], np.array([2.0]), np.array([1j, 2]))
    ):
        for fun in (np.polymul, np.polyadd, np.polysub, np.polydiv):
            same(traced(fun, u, v), fun(u, v))
    same(traced(lambda x: np.poly1d(x)(2.0), V), np.polyval(V, 2.0))
    check_grads(lambda x: np.poly(x), (M[:, :3],), order=2)
    check_grads(lambda u, v: np.polydiv(u, v)[0], (V, V[:3]), order=2)


# functions of functions


def test_vectorize() -> None:
    def step(x: Any, y: Any = 1.0) -> Any:
        return np.where(x > 0, x * y, y)

    ours, theirs = fnp.vectorize(step), np.vectorize(step)
    same(traced(ours, M), theirs(M))
    same(traced(lambda x: ours(x, y=x[0]), M), theirs(M, y=M[0]))
    same(fg.jit(ours)(M[:, :1], M[0]), theirs(M[:, :1], M[0]))
    same(ours(M), theirs(M))
    check_grads(ours, (M, M[0]), order=2)
    two = lambda x: (x * 2, x > 0)
    same(traced(fnp.vectorize(two, otypes=[np.float32, int]), M), np.vectorize(two, otypes=[np.float32, int])(M))
    power = lambda x, n: x**n
    same(traced(lambda x: fnp.vectorize(power, excluded={1})(x, 3), M), M**3)
    same(traced(lambda x: fnp.vectorize(power, excluded={"n"})(x, n=3), M), M**3)
    dot = fnp.vectorize(signature="(m,n),(n)->(m)")(lambda a, b: a @ b)
    same(traced(dot, np.stack([M, M + 1]), M[0]), np.stack([M @ M[0], (M + 1) @ M[0]]))
    with pytest.raises(ValueError, match="inconsistent"):
        fg.jit(dot)(M, V)
    with pytest.raises(ValueError, match="signature"):
        fnp.vectorize(power, signature="m,n->")
    assert fnp.vectorize(step).__name__ == "step" and fnp.vectorize(step, doc="text").__doc__ == "text"


def test_cases() -> None:
    log = lambda x: np.log(x)
    with np.errstate(all="raise"):
        gradient = fg.grad(lambda x: np.sum(np.piecewise(x, [x > 0], [log, lambda x: 3 * x])))(V)
    np.testing.assert_allclose(gradient, np.where(V > 0, 1 / np.where(V > 0, V, 1), 3))
    for x in (V, INTS, np.float64(0.3)):
        for conditions, functions in (
            ([x > 0], [2.5, np.negative]),
            ([x < -1, x < 1], [np.negative, 7]),
            (x > 0, [np.square]),
        ):
            agrees(lambda x: np.piecewise(x, conditions, functions), x)
            same(
                fg.jit(lambda x, c: np.piecewise(x, c, functions))(x, conditions),
                np.piecewise(x, conditions, functions),
            )
    agrees(lambda x: np.piecewise(x, [x > 0], [lambda x, a, b: a * x + b, 0], 2.0, b=3.0), V)


def test_along_axes() -> None:
    t = np.stack([M, M * 2])
    for axis in (0, 1, -1):
        for fun in (np.sum, np.sort, lambda r: r[:, None] * r, lambda r: r[:2]):
            agrees(lambda t: np.apply_along_axis(fun, axis, t), t)
    agrees(lambda t: np.apply_along_axis(lambda r, p, q: (r**p).sum() + q, 1, t, 2, q=1.0), t)


# arrays from indices


def test_joined_by_index() -> None:
    for write in (
        lambda m, x: m.r_[x, 0.0, 1:4],
        lambda m, x: m.r_[x, x[0], 1, [2, 3]],
        lambda m, x: m.r_["0,2", x, x],
        lambda m, x: m.r_["0,2,0", x, x],
        lambda m, x: m.r_["1,3,0", x, x],
        lambda m, x: m.r_["0,3,-1", x, x],
        lambda m, x: m.r_["0,3,1", x, x],
        lambda m, x: m.r_["-1", x[None], x[None]],
        lambda m, x: m.r_[x[None], x[None]],
        lambda m, x: m.r_[0:1:5j, x],
        lambda m, x: m.c_[x, x * 2],
        lambda m, x: m.c_[x[None], 0, x[None]],
        lambda m, x: m.c_[x.astype(int), np.ones(7, np.float32)],
    ):
        same(traced(lambda x, write=write: write(fnp, x), V), write(np, V))
        same(write(fnp, V), write(np, V))
    same(fg.grad(lambda x: fnp.r_[0:x:3j].sum())(2.0), np.float64(1.5))


def test_windows() -> None:
    for n in (0, 1, 2, 7, 8):
        for beta in (0.0, 3.5, 14):
            same(traced(lambda beta, n=n: fnp.kaiser(n, beta), np.float64(beta)), np.kaiser(n, beta))
    check_grads(lambda beta: fnp.kaiser(6, beta), (2.5,), order=2)
    check_grads(np.i0, (np.array([-9.0, -0.3, 0.0, 1e-4, 25.0, 31.0]),), order=2, rtol=1e-4)


def test_spaces() -> None:
    for dtype in (None, np.float32, int, complex):
        agrees(lambda x: np.logspace(x, 2.0, 5, dtype=dtype), np.float64(0.3))
        agrees(lambda x: np.geomspace(x, 20.0, 5, dtype=dtype), np.float64(0.3))
    agrees(lambda x: np.geomspace(x, 20.0, 1), np.float32(0.3))
    agrees(lambda x: np.geomspace(x, -1 + 2j, 5), np.complex128(1 + 0.5j))


# writing


def test_writers_return_new_arrays() -> None:
    def written(fun: Any, x: np.ndarray, *args: Any) -> np.ndarray:
        y = x.copy()
        fun(y, *args)
        return y

    tall, cube = np.zeros((7, 3)), np.zeros((3, 3, 3))
    cases = [
        ("put", V, ([0, -1, 2], [1.0, 2.0])),
        ("put", V, (INTS + 5, V[:2], "wrap")),
        ("put", V, (INTS + 5, 4.0, "clip")),
        ("put", M, ([3, 7], 4.0)),
        ("place", M, (M > 0, [1.0, 2.0, 3.0])),
        ("put_along_axis", M, (np.argmax(M, 1, keepdims=True), 9.0, 1)),
        ("put_along_axis", V, (np.array([2, 1]), np.array([5.0, 6.0]), None)),
        ("fill_diagonal", M, (5.0,)),
        ("fill_diagonal", M.T, (V[:2],)),
        ("fill_diagonal", tall, (4.0, True)),
        ("fill_diagonal", tall, ([1.0, 2.0], False)),
        ("fill_diagonal", cube, (4.0,)),
        ("putmask", M, (M > 0, [1.0, 2.0, 3.0])),
        ("copyto", M, (V[: M.shape[1]],)),
    ]
    for name, x, args in cases:
        fun = lambda x, name=name, args=args: getattr(fnp, name)(x, *args, inplace=False)
        expected = written(getattr(np, name), x, *args)
        same(fun(x), expected)
        same(traced(fun, x), expected)
        same(fg.jit(fun)(x), expected)
        same(written(getattr(fnp, name), x, *args), expected)
        same(fg.jit(lambda x, name=name, args=args: (getattr(np, name)(x, *args), x.copy())[1])(x), expected)
    check_grads(lambda x, v: fnp.put(x, [1, 4], v, inplace=False), (V, M[0, :2]), order=2)
    check_grads(lambda x, v: fnp.place(x, V > 0, v, inplace=False), (V, M[0, :2]), order=2)
    check_grads(lambda x, v: fnp.fill_diagonal(x, v, inplace=False), (M, V[:3]), order=2)


# integers, bits


def test_bits() -> None:
    bits = rng.integers(0, 2, (3, 11)).astype(bool)
    for axis, order in itertools.product((None, 0, 1), ("big", "little")):
        packed = np.packbits(bits, axis, order)
        same(traced(lambda b: np.packbits(b, axis, order), bits), packed)
        for count in (None, 0, 5, 11, 20, -3):
            same(
                traced(lambda p: np.unpackbits(p, None, count, order), packed),
                np.unpackbits(packed, None, count, order),
            )
    agrees(lambda b: np.unpackbits(np.packbits(b, 1), 1, 11), bits)
    agrees(lambda n: np.unravel_index(n, (2, 3), "F"), INTS)
    agrees(lambda n: np.ravel_multi_index((n, n + 1), (7, 9), "wrap", "F"), INTS)
    agrees(lambda n: np.ravel_multi_index((n, n + 1), (2, 3), ("clip", "wrap")), INTS)
    agrees(lambda a, b: np.lexsort((a, b)), INTS, INTS[::-1] % 2)
    agrees(lambda a: np.lexsort((a, a % 1 > 0.5), axis=0), M)


def test_floats_taken_apart() -> None:
    x = np.array([0.0, -0.0, 1.0, -3.7, 1e-310, 1e300, np.inf, -np.inf, np.nan])
    same(traced(lambda x: np.frexp(x)[0], x), np.frexp(x)[0])
    agrees(lambda x: np.spacing(x), np.array([0.0, -0.0, 1.0, -3.7, 1e-310, 1e300]))
    agrees(lambda x: np.spacing(x), np.float32([1.0, -3.7, 1e30]))
    agrees(lambda x: np.ldexp(x, -1060), np.array([1.0, -3.7, 1e300]))


# what NumPy's C code hides from us

HIDDEN = {
    "np.array([x[0], x[1]])": "write `np.stack([x[0], x[1]])`",
    "np.asarray([x, x])": "write `np.stack([x, x])`",
    "np.asarray(x)": "or use them as they are",
    "np.fromiter([x[0]], float)": "float(x)",
    "np.from_dlpack(x)": "Within this one use it as it is",
    "np.r_[x, x]": "write fnp.r_,",
    "np.c_[x, x]": "write fnp.c_,",
    "np.float64(x[0])": "write x.astype(np.float64)",
    "np.float32(x)": "write x.astype(np.float32)",
    "np.complex128(x[:2])": "write x.astype(np.complex128)",
    "np.vectorize(np.sin)(x)": "write fnp.vectorize,",
    "np.kaiser(5, x[0])": "write `fnp.kaiser(5, x[0])`,",
    "np.ndenumerate(x)": "write np.ndindex(x.shape)",
    "np.diag([x[0], 1.0])": "write `fnp.diag([x[0], 1.0])`,",
    "np.linalg.det([[x[0], 1.0], [1.0, 2.0]])": "write `fnp.linalg.det([[x[0], 1.0], [1.0, 2.0]])`,",
    "np.random.normal(x[0], 1.0)": "Draw numbers that do not depend on the traced value",
    "__import__('math').sin(x[0])": "Use NumPy's functions",
    "float(x[0])": "In place of `float(x[0])`, write `x[0]`.",
    "x[:1].item()": "In place of `x[:1].item()`, write `np.reshape(x[:1], ())`.",
}


@pytest.mark.parametrize("expression", HIDDEN)
def test_errors_say_what_to_write(expression: str, tmp_path: Any) -> None:
    file = tmp_path / "users.py"
    file.write_text(f"import numpy as np\n\ndef call(x):\n    return {expression}\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    for error, run in (
        (TracerConversionError, lambda: fg.vjp(names["call"], V)),
        (ConcretizationError, lambda: fg.jit(names["call"])(V)),
    ):
        with pytest.raises(error) as raised:
            run()
        assert HIDDEN[expression] in str(raised.value)


def test_grids_with_traced_ends() -> None:
    same(traced(lambda x: fnp.mgrid[0:x:3j, -1:2], 2.0), np.mgrid[0:2.0:3j, -1:2])
    same(traced(lambda x: fnp.ogrid[0:x:3j, x:2:2j], 1.0), np.ogrid[0:1.0:3j, 1.0:2:2j])
    same(traced(lambda x: fnp.mgrid[0:x:3j], 2.0), np.mgrid[0:2.0:3j])
    same(fnp.mgrid[0:3, 0:1:2j], np.mgrid[0:3, 0:1:2j])
