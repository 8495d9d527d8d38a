"""`funcgrad.scipy.interpolate`: SciPy's values for traced data, points and both; derivatives against differences."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import scipy.interpolate

import funcgrad as fg
from funcgrad.scipy import interpolate
from funcgrad.test_util import check_grads

X = np.array([0.0, 0.9, 2.1, 2.8, 4.0, 5.2])
Y = np.array([[0.3, -0.2], [1.4, 0.5], [0.9, 1.7], [-0.6, 1.1], [-0.9, -0.4], [0.7, -1.3]])
AT = np.array([[0.0, 0.4, 2.1], [3.3, 4.7, 5.2]])
BEYOND = np.array([-1.3, 0.4, 6.1, np.nan])
CONDITIONS = [
    "not-a-knot", "natural", "clamped", ((1, np.array([0.3, -1.0])), (2, np.array([0.7, 0.2]))),
]  # fmt: skip


def piecewise(module):
    """Functions of points and values that make an interpolator of each kind, from one of the two modules."""
    return {
        "pchip": module.PchipInterpolator,
        "akima": module.Akima1DInterpolator,
        "makima": partial(module.Akima1DInterpolator, method="makima"),
        "hermite": lambda x, y: module.CubicHermiteSpline(x, y, y[::-1]),
        "polynomial": lambda x, y: module.PPoly(y.reshape(3, 2, 2), x[[0, 2, 5]]),
        "periodic": lambda x, y: module.CubicSpline(x, y * PERIODIC, bc_type="periodic"),
        **{f"spline {bc}": partial(module.CubicSpline, bc_type=bc) for bc in CONDITIONS},
        **{f"degree {k}": lambda x, y, k=k: module.make_interp_spline(x, y, k) for k in (0, 2, 3, 5)},
    }


PERIODIC = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])[:, None]
OURS, SCIPYS = piecewise(interpolate), piecewise(scipy.interpolate)
every_piecewise = pytest.mark.parametrize("name", OURS)


def close(y, expected, tolerance=1e-11):
    assert y.shape == expected.shape and y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=tolerance, atol=tolerance)


def together(call, expected, *args):
    """The value of a call in which all of the arguments are traced."""
    close(fg.vjp(call, *args)[0], expected)


def same(call, expected, *args):
    """The value of a call in which all of the arguments are traced, and each alone."""
    together(call, expected, *args)
    for i, arg in enumerate(args):
        close(fg.vjp(lambda x, i=i: call(*args[:i], x, *args[i + 1 :]), arg)[0], expected)


@every_piecewise
def test_plain_data_make_scipys_object(name):
    ours, scipys = OURS[name](X, Y), SCIPYS[name](X, Y)
    assert isinstance(ours, type(scipys))
    np.testing.assert_array_equal(ours(AT), scipys(AT))
    np.testing.assert_array_equal(ours.c, scipys.c)
    np.testing.assert_array_equal(ours.antiderivative()(AT), scipys.antiderivative()(AT))
    np.testing.assert_array_equal(ours.integrate(0.3, 2.2), scipys.integrate(0.3, 2.2))
    if name != "degree 0":
        np.testing.assert_array_equal(ours.derivative()(AT), scipys.derivative()(AT))
        close(fg.vjp(ours.derivative(), AT)[0], scipys.derivative()(AT))


@every_piecewise
def test_values(name):
    make, scipys = OURS[name], SCIPYS[name](X, Y)
    same(lambda x, y, at: make(x, y)(at), scipys(BEYOND), X, Y, BEYOND)
    for nu, extrapolate in ((0, True), (1, False), (2, "periodic"), (4, None)):
        if not name.startswith("degree") or nu <= scipys.k:
            at = AT[0] if nu == 2 and name == "degree 2" else BEYOND
            close(fg.vjp(lambda y, at: make(X, y)(at, nu, extrapolate), Y, at)[0], scipys(at, nu, extrapolate))
    nu = 0 if name == "degree 0" else 1
    close(fg.vjp(lambda x, y: make(x, y).derivative(nu)(AT), X, Y)[0], scipys.derivative(nu)(AT))
    inside = AT[:, :2]
    close(fg.vjp(lambda x, y: make(x, y).antiderivative(2)(inside), X, Y)[0], scipys.antiderivative(2)(inside))


@every_piecewise
def test_integrals(name):
    make, scipys = OURS[name], SCIPYS[name](X, Y)
    for a, b in ((0.3, 2.2), (2.2, 0.3), (-1.0, 11.7) if name != "degree 0" else (1.0, 5.0)):
        for extrapolate in (None, True, False, "periodic"):
            call = lambda x, y, a, b: make(x, y).integrate(a, b, extrapolate)
            together(call, scipys.integrate(a, b, extrapolate), X, Y, a, b)
    gradient = fg.grad(lambda b: make(X, Y).integrate(0.3, b)[0])(4.1)
    np.testing.assert_allclose(gradient, scipys(4.1)[0], rtol=1e-10)


@pytest.mark.parametrize("name", [n for n in OURS if n not in ("makima", "degree 0")])
def test_derivatives(name):
    smooth = lambda x, y, at: OURS[name](x, y)(at)
    order = 1 if name == "degree 5" else 2  # differences of its second derivatives are too coarse
    check_grads(smooth, (X, Y[:, :1] if "(1" not in name and name != "polynomial" else Y, 3.3), order=order, rtol=1e-4)
    batch = fg.vmap(smooth)(np.stack([X, 2 * X]), np.stack([Y, Y + 1]), np.stack([AT, AT + 0.1]))
    for i, (x, y, at) in enumerate([(X, Y, AT), (2 * X, Y + 1, AT + 0.1)]):
        np.testing.assert_allclose(batch[i], SCIPYS[name](x, y)(at), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["pchip", "degree 0", "degree 2"])
def test_plain_data_at_places_that_are_not_known(name):
    plain = OURS[name](X, Y)
    close(fg.jit(plain)(AT), SCIPYS[name](X, Y)(AT))
    close(fg.vmap(plain)(AT), SCIPYS[name](X, Y)(AT))


@pytest.mark.parametrize("name", ["akima", "periodic", "degree 2"])
def test_compiled(name):
    smooth = lambda x, y, at: (OURS[name](x, y)(at) ** 2).sum()
    gradient = fg.value_and_grad(smooth, (0, 1, 2))
    (value, found), (expected, gradients) = fg.jit(gradient)(X, Y, AT), gradient(X, Y, AT)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for g, e in zip(found, gradients):
        np.testing.assert_allclose(g, e, rtol=1e-9, atol=1e-11)


KINDS = ["linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", 3]
SHUFFLED = np.array([3, 0, 5, 1, 4, 2])
FILLS = [
    ({"bounds_error": False}, BEYOND), ({"fill_value": "extrapolate"}, BEYOND), ({}, AT), ({"axis": 0}, AT),
    ({"bounds_error": False, "fill_value": (-1.0, np.array([2.0, 3.0]))}, BEYOND),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_interp1d(kind):
    for options, at in FILLS:
        y = Y if options.get("axis") == 0 else Y.T
        axis = 0 if y is Y else 1
        options = {"kind": kind, **options}
        x, y = X[SHUFFLED], np.take(y, SHUFFLED, axis)
        with np.errstate(invalid="ignore"):
            expected = scipy.interpolate.interp1d(x, y, **options)(at)
            np.testing.assert_array_equal(interpolate.interp1d(x, y, **options)(at), expected)
            check = together if "bounds_error" in options else same
            check(lambda x, y, at: interpolate.interp1d(x, y, **options)(at), expected, x, y, at)
    inside = lambda x, y, at: interpolate.interp1d(x, y, kind, assume_sorted=True)(at)
    if kind in ("linear", "quadratic"):
        check_grads(inside, (X, Y[:, 0], 3.3), order=2, rtol=1e-4, atol=1e-4)
    vector = scipy.interpolate.interp1d(X, Y[:, 0], kind)(AT)
    for call in (fg.jit(inside), fg.vmap(inside, (None, None, 0))):
        close(call(X, Y[:, 0], AT), vector)
    close(fg.jit(interpolate.interp1d(X, Y[:, 0], kind))(AT), vector)


def test_interp1d_keeps_single_precision_where_scipy_does():
    for kind in ("linear", "nearest", "previous", "cubic"):
        x, y, at = (a.astype(np.float32) for a in (X, Y.T, AT))
        expected = scipy.interpolate.interp1d(x, y, kind)(at)
        close(fg.vjp(lambda y: interpolate.interp1d(x, y, kind)(at), y)[0], expected, 1e-6)
        assert fg.grad(lambda y: interpolate.interp1d(x, y, kind)(at).sum())(y).dtype == np.float32


def test_interp1d_outside():
    f = lambda x, y, at: interpolate.interp1d(x, y)(at)
    for args in ((X, Y[:, 0], np.array([5.3])), (X, Y[:, 0], np.array([-0.1]))):
        with pytest.raises(ValueError, match="outside"):
            fg.vjp(f, *args)
        for call in (fg.jit(f), fg.vmap(f, (None, None, 0))):  # which do not know the points
            assert np.isnan(call(*args)).all()
    with pytest.raises(ValueError, match="same time"):
        fg.grad(lambda y: interpolate.interp1d(X, y, bounds_error=True, fill_value="extrapolate")(1.0))(Y[:, 0])
    with pytest.raises(ValueError, match="broadcast"):
        fg.grad(lambda y: interpolate.interp1d(X, y, bounds_error=False, fill_value=np.ones(3))(1.0))(Y[:, 0])
    fill = fg.grad(lambda v: interpolate.interp1d(X, Y[:, 0], bounds_error=False, fill_value=v)(BEYOND)[:3].sum())
    assert fill(2.0) == 2.0
    hole = np.where(X == X[2], np.nan, Y[:, 0])
    for kind in ("linear", "cubic"):
        expected = scipy.interpolate.interp1d(X, hole, kind)(AT)
        close(fg.vjp(interpolate.interp1d(X, hole, kind), AT)[0], expected)


GRID = (np.array([0.0, 0.7, 1.9, 3.0, 4.1, 5.0]), np.array([4.0, 2.8, 2.2, 1.0, 0.3, -1.0]))
VALUES = np.sin(np.add.outer(GRID[0], 2 * GRID[1]))[..., None] * np.array([1.0, -2.0, 0.5])
PLACES = np.array([[[0.0, 4.0], [0.3, -0.5]], [[4.9, 3.1], [2.0, 0.8]]])


@pytest.mark.parametrize("method", ["linear", "nearest", "slinear", "cubic", "quintic"])
def test_grids(method):
    options = {"solver": scipy.sparse.linalg.spsolve} if method in ("slinear", "cubic", "quintic") else {}
    falling = np.concatenate([PLACES.reshape(-1, 2), [[-1.0, 0.0], [1.0, 5.0], [np.nan, 1.0]]])
    for fill, at in ((np.nan, PLACES), (7.0, falling), (None, falling)):
        bounds = at is PLACES
        scipys = scipy.interpolate.RegularGridInterpolator(GRID, VALUES, method, bounds, fill, **options)
        call = lambda p, q, v, at: interpolate.RegularGridInterpolator((p, q), v, method, bounds, fill)(at)
        (same if bounds else together)(call, scipys(at), *GRID, VALUES, at)
    expected = scipy.interpolate.RegularGridInterpolator(GRID, VALUES, method, **options)(PLACES)
    call = lambda p, q, v, at: interpolate.RegularGridInterpolator((p, q), v, method)(at)
    rising = (*GRID[:1], GRID[1][::-1], VALUES[:, ::-1])
    if method != "quintic":  # which is what "cubic" is, but longer
        close(fg.jit(call)(*rising, PLACES), expected)
    close(fg.vmap(call, (None, None, None, 0))(*rising, PLACES), expected)
    close(fg.jit(interpolate.RegularGridInterpolator(GRID, VALUES, method))(PLACES), expected)
    if method in ("linear", "cubic"):
        exact = lambda *args: fg.vjp(call, *args)[0]  # on plain arrays SciPy solves to a tolerance
        check_grads(exact, (*GRID, VALUES[..., 0], np.array([0.3, -0.5])), order=2, rtol=1e-3, atol=1e-4)


def test_grids_called_in_other_ways():
    pair = (np.array([0.3, 2.0]), np.array([[1.0], [0.5]]))
    expected = scipy.interpolate.RegularGridInterpolator(GRID, VALUES)(pair)
    close(fg.vjp(lambda p: interpolate.RegularGridInterpolator(GRID, VALUES)((p, pair[1])), pair[0])[0], expected)
    close(fg.vjp(lambda p: interpolate.interpn(GRID, VALUES, (p, pair[1])), pair[0])[0], expected)
    one = np.array([0.3, 2.0])
    close(
        fg.vjp(interpolate.RegularGridInterpolator(GRID, VALUES), one)[0],
        scipy.interpolate.RegularGridInterpolator(GRID, VALUES)(one),
    )
    scipys = scipy.interpolate.RegularGridInterpolator(GRID, VALUES, "cubic", solver=scipy.sparse.linalg.spsolve)
    ours = lambda v: interpolate.RegularGridInterpolator(GRID, v, "cubic")(PLACES, nu=(1, 2))
    close(fg.vjp(ours, VALUES)[0], scipys(PLACES, nu=(1, 2)), 1e-10)
    short = (np.array([1.0]), GRID[1])
    place = np.array([[1.0, 0.5]])
    expected = scipy.interpolate.RegularGridInterpolator(short, VALUES[:1])(place)
    close(fg.vjp(lambda v: interpolate.RegularGridInterpolator(short, v)(place), VALUES[:1])[0], expected)


def test_complex_values():
    y = Y[:, 0] + 1j * Y[:, 1]
    for make, scipys in ((interpolate.CubicSpline, scipy.interpolate.CubicSpline),
                         (interpolate.make_interp_spline, scipy.interpolate.make_interp_spline)):
        close(fg.vjp(lambda y: make(X, y)(AT), y)[0], scipys(X, y)(AT))


REFUSED = {
    "falling": (lambda m, y: m.CubicSpline(X[::-1], y), ValueError),
    "lengths": (lambda m, y: m.CubicSpline(X[:4], y), ValueError),
    "one end": (lambda m, y: m.CubicSpline(X, y, bc_type=("natural",)), ValueError),
    "condition": (lambda m, y: m.CubicSpline(X, y, bc_type="free"), ValueError),
    "order": (lambda m, y: m.CubicSpline(X, y, bc_type=("natural", (3, 0.0))), ValueError),
    "shape": (lambda m, y: m.CubicSpline(X, y, bc_type=("natural", (1, np.ones(2)))), ValueError),
    "period": (lambda m, y: m.CubicSpline(X, y, bc_type="periodic"), ValueError),
    "method": (lambda m, y: m.Akima1DInterpolator(X, y, method="other"), NotImplementedError),
    "kind": (lambda m, y: m.interp1d(X, y, "other"), NotImplementedError),
    "few": (lambda m, y: m.interp1d(X[:2], y[:2], "cubic"), ValueError),
    "few for a degree": (lambda m, y: m.make_interp_spline(X[:3], y[:3]), ValueError),
    "no grid": (lambda m, y: m.RegularGridInterpolator((X[::-1] * (-1.0) ** np.arange(6),), y), ValueError),
    "grid method": (lambda m, y: m.RegularGridInterpolator((X,), y, "other"), ValueError),
    "outside": (lambda m, y: m.RegularGridInterpolator((X,), y)(np.array([[9.0]])), ValueError),
    "breakpoints": (lambda m, y: m.PPoly(y.reshape(3, 2), X), ValueError),
    "knots": (lambda m, y: m.BSpline(X, y, 3), ValueError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_scipy(name):
    call, kind = REFUSED[name]
    with pytest.raises(kind):
        call(scipy.interpolate, Y[:, 0])
    with pytest.raises(kind):
        fg.vjp(lambda y: call(interpolate, y), Y[:, 0])


def test_what_is_not_there_says_what_to_write():
    with pytest.raises(fg.errors.NotDifferentiableError, match="custom_root"):
        fg.vjp(lambda y: interpolate.CubicSpline(X, y).roots(), Y[:, 0])
    with pytest.raises(fg.errors.NotDifferentiableError, match="PPoly"):
        fg.vjp(lambda y: interpolate.CubicSpline(X, Y).extend(y[:, None], X), Y[:, 0])
    with pytest.raises(fg.errors.NotDifferentiableError, match="all knots at once"):
        fg.vjp(lambda y: interpolate.make_interp_spline(X, y).insert_knot(1.0), Y[:, 0])
    with pytest.raises(NotImplementedError, match="CubicSpline"):
        fg.vjp(lambda y: interpolate.make_interp_spline(X, y, bc_type="natural")(AT), Y[:, 0])


@pytest.mark.parametrize("name", ["pchip", "spline natural", "degree 3"])
def test_attributes_may_be_set(name):
    plain = OURS[name](X, Y)
    expected = plain(AT)

    def scaled(factor):
        spline = OURS[name](X, Y)
        spline.c = factor * spline.c
        return spline(AT)

    value, push = fg.linearize(scaled, 2.0)
    np.testing.assert_allclose(value, 2 * expected, rtol=1e-12)
    np.testing.assert_allclose(push(1.0), expected, rtol=1e-12)
    plain.c = 3 * plain.c
    np.testing.assert_allclose(plain(AT), 3 * expected, rtol=1e-12)
    plain.extrapolate = False
    assert np.isnan(plain(X[-1] + 1)).all()


@pytest.mark.parametrize("name", ["pchip", "degree 3"])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies(name, copied):
    np.testing.assert_array_equal(copied(OURS[name](X, Y))(AT), OURS[name](X, Y)(AT))
    through = lambda copied: fg.vjp(lambda y: copied(OURS[name](X, y))(AT), Y)[0]
    np.testing.assert_array_equal(through(copied), through(lambda spline: spline))
