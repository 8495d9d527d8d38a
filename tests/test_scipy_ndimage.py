"""`funcgrad.scipy.ndimage`: SciPy's values and errors for traced arrays, derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

import funcgrad as fg
from funcgrad.scipy import ndimage
from funcgrad.test_util import check_grads
from tests.beside import close, same_as

same = same_as(scipy.ndimage, ndimage)
generator = np.random.default_rng(7)
draw = generator.normal
MODES = ["reflect", "grid-mirror", "constant", "grid-constant", "nearest", "mirror", "grid-wrap", "wrap"]
every_mode = pytest.mark.parametrize("mode", MODES)
X = draw(size=(6, 5))
Z = X + 1j * draw(size=(6, 5))


def places(ndim):
    """Far outside and inside, among them whole numbers and middles, where the nearest pixel changes."""
    near, far = generator.uniform(-1.5, 5.5, (ndim, 20)), generator.uniform(-20, 25, (ndim, 20))
    whole = generator.integers(-15, 15, (ndim, 30)).astype(float)
    return np.concatenate([near, far, whole, whole + 0.5], axis=1).reshape(ndim, 2, 50)


@every_mode
@pytest.mark.parametrize("order", range(6))
def test_map_coordinates(order, mode):
    for shape in ((7,), (2,), (1,), (5, 4)):
        x, at = draw(size=shape), places(len(shape))
        same("map_coordinates", x, at, order=order, mode=mode, cval=1.7)
        same("map_coordinates", x.astype("f"), at[:, 0], order=order, mode=mode)
        same("map_coordinates", x, at[:, 0, :5], order=order, mode=mode, prefilter=False)


@every_mode
def test_derivatives_of_map_coordinates(mode):
    at = np.array([[-0.7, 1.2, 4.3], [2.4, 3.3, 0.2]])
    for order in (1, 2, 3, 5):
        call = lambda x, at, order=order: ndimage.map_coordinates(x, at, order=order, mode=mode, cval=0.5)
        check_grads(call, (X, at), order=2 if order == 3 else 1, rtol=1e-4, atol=1e-4)
    close(fg.jit(call)(X, at), call(X, at))
    gradient = fg.grad(lambda x, at: (call(x, at) ** 2).sum(), (0, 1))
    batched = fg.vmap(gradient)(np.stack([X, 2 * X]), np.stack([at, at + 0.1]))
    for g, e in zip(batched, gradient(2 * X, at + 0.1)):
        np.testing.assert_allclose(g[1], e, rtol=1e-9, atol=1e-10)


def test_other_dtypes():
    at = generator.uniform(-0.5, 5, (2, 30))
    same("map_coordinates", Z, at, cval=1 + 2j)
    whole = generator.integers(-9, 9, (6, 5))
    for x in (whole, whole.astype(np.uint8)):
        found = fg.jit(lambda at, x=x: ndimage.map_coordinates(x, at, order=1))(at)
        close(found, scipy.ndimage.map_coordinates(x, at, order=1))
    close(fg.vjp(lambda x: ndimage.map_coordinates(x, at, "f4"), X)[0], scipy.ndimage.map_coordinates(X, at, "f4"))
    same("map_coordinates", X, np.full((2, 2), np.nan), mode="mirror", cval=3.0)
    check_grads(lambda x: ndimage.map_coordinates(x, at), (Z,), order=1)
    with pytest.raises(TypeError, match="output"):
        fg.grad(lambda x: ndimage.map_coordinates(x, at, np.empty(30)).sum())(X)


@every_mode
@pytest.mark.filterwarnings("ignore:It is recommended:UserWarning")
def test_transformations(mode):
    for order in (0, 1, 2, 3):
        same("shift", X, 1.3, order=order, mode=mode, cval=0.5)
        same("shift", X, np.array([-0.4, 2.2]), order=order, mode=mode, cval=0.5)
        same("spline_filter1d", X, order=order, mode=mode)
        for matrix in (draw(size=(2, 2)), draw(size=2), draw(size=(2, 3)), np.eye(3)):
            same("affine_transform", X, matrix, offset=0.3, order=order, mode=mode, output_shape=(3, 4))
        for grid_mode in (False, True):
            options = {"order": order, "mode": mode, "grid_mode": grid_mode, "cval": 0.5}
            close(fg.vjp(lambda x: ndimage.zoom(x, (1.7, 0.6), **options), X)[0],
                  scipy.ndimage.zoom(X, (1.7, 0.6), **options))  # fmt: skip
    same("spline_filter", X, order=3, mode=mode)
    check_grads(lambda x, s: ndimage.shift(x, s, mode=mode, cval=0.5), (X[:4, :3], 0.3), order=2, rtol=1e-4, atol=1e-4)


@every_mode
def test_filters(mode):
    weights = draw(size=(3, 4))
    for origin in (0, 1, -1):
        for name in ("correlate1d", "convolve1d"):
            for size in (3, 4):
                same(name, X, weights.ravel()[:size], axis=0, mode=mode, cval=0.4, origin=origin)
        for name in ("correlate", "convolve"):
            same(name, X, weights, mode=mode, cval=0.3, origin=origin)
        close(fg.vjp(lambda x: ndimage.uniform_filter(x, (4, 1), mode=mode, origin=(origin, 0)), X)[0],
              scipy.ndimage.uniform_filter(X, (4, 1), mode=mode, origin=(origin, 0)))  # fmt: skip
    for order in range(4):
        same("gaussian_filter1d", X, 0.8, order=order, mode=mode, cval=0.4)
    same("gaussian_filter", X, np.array([0.8, 0.5]), order=(1, 0), mode=mode, cval=0.4)


def test_filters_with_other_options():
    weights = draw(size=(3, 4))
    same("gaussian_filter", X.astype("f"), 1.2)
    same("gaussian_filter", X, 1.2, radius=2)
    same("gaussian_filter", X, np.array([0.0, 1.2]))
    same("gaussian_filter", X, 1.2, axes=(1,))
    same("gaussian_filter", Z, 1.0)
    for name in ("correlate", "convolve"):
        same(name, Z, weights + 1j)
        same(name, X, weights[0])
        same(f"{name}1d", Z, weights[0] + 1j * weights[1])
    same("correlate1d", X, weights[0], origin=5)
    same("correlate1d", X, weights[0, :0])
    for sizes, mode in (((3, 2), ("wrap", "nearest")), ((3, 3, 3), "reflect")):
        options = {"mode": mode}
        try:
            expected = scipy.ndimage.uniform_filter(X, sizes, **options)
        except RuntimeError:
            with pytest.raises(RuntimeError):
                fg.vjp(lambda x: ndimage.uniform_filter(x, sizes, **options), X)
        else:
            close(fg.vjp(lambda x: ndimage.uniform_filter(x, sizes, **options), X)[0], expected)


def test_derivatives_of_filters():
    x = X[:4, :3]
    check_grads(lambda x, w: ndimage.convolve(x, w, mode="mirror"), (x, draw(size=(2, 3))), order=2)
    check_grads(lambda x, s: ndimage.gaussian_filter(x, s, radius=2), (x, np.array([0.8, 0.6])), order=2)
    check_grads(lambda s: ndimage.gaussian_filter1d(x, s, order=2), (0.8,), order=2)
    fixed = lambda s: ndimage.gaussian_filter(x, s, radius=2)
    close(fg.jit(fixed)(0.8), fixed(0.8))
    with pytest.raises(fg.errors.ConcretizationError, match="radius"):
        fg.jit(lambda s: ndimage.gaussian_filter(x, s))(0.8)


REFUSED = {
    "dimensions": ("map_coordinates", (X, np.ones((3, 2))), {}),
    "order": ("map_coordinates", (X, np.ones((2, 2))), {"order": 6}),
    "mode": ("map_coordinates", (X, np.ones((2, 2))), {"mode": "other"}),
    "complex places": ("map_coordinates", (X, np.ones((2, 2)) + 1j), {}),
    "derivative": ("gaussian_filter1d", (X, 1.0), {"order": -1}),
    "prefilter": ("spline_filter1d", (X,), {"order": 7}),
    "linear prefilter": ("spline_filter", (X,), {"order": 1}),
    "window": ("uniform_filter1d", (X,), {"size": 0}),
    "matrix": ("affine_transform", (X, np.ones((3, 2))), {}),
    "shift": ("shift", (X, np.ones(3)), {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_scipy(name):
    function, args, options = REFUSED[name]
    with pytest.raises(Exception) as refusal:
        getattr(scipy.ndimage, function)(*args, **options)
    with pytest.raises(refusal.type):
        fg.vjp(lambda *xs: getattr(ndimage, function)(*xs, **options), *args)


def test_complex_weights_of_real_images():
    for x in (X, X.astype("f"), Z):
        for name in ("correlate1d", "convolve1d"):
            same(name, x, np.array([1j, 2.0, 3.0 - 1j]), axis=0)
        for name in ("correlate", "convolve"):
            same(name, x, np.array([[1j, 2.0], [1.0, 3.0]]), origin=(0, -1))


def test_one_sigma_for_each_axis():
    for sigma in ([1.0, 2.0], [1.0, 2.0, 3.0], [1.0]):
        same("gaussian_filter", X, sigma)
