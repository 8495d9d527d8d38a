"""`funcgrad.scipy.signal`: SciPy's values and errors for traced arrays, derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

import funcgrad as fg
from funcgrad.scipy import signal
from funcgrad.test_util import check_grads
from tests.beside import close, same_as

same = same_as(scipy.signal, signal)
draw = np.random.default_rng(5).normal
SHAPES = [((5,), (3,)), ((3,), (6,)), ((5, 4), (2, 3)), ((2, 3), (5, 4)), ((5, 2), (3, 4)), ((3, 4, 2), (2, 2, 1))]


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("dtype", ["f", "d", "D"])
def test_convolutions(name, dtype):
    for first, second in SHAPES:
        x, y = draw(size=first).astype(dtype), draw(size=second).astype(dtype)
        if dtype == "D":
            x, y = x + 1j * draw(size=first), y - 1j * draw(size=second)
        for mode in ("full", "same", "valid"):
            for method in ("auto", "direct", "fft"):
                same(name, x, y, mode=mode, method=method)


def test_convolutions_by_transforms():
    for first, second in SHAPES:
        x, y = draw(size=first), draw(size=second)
        for mode in ("full", "same", "valid"):
            same("fftconvolve", x, y, mode=mode)
            same("oaconvolve", x, y, mode=mode)
            if len(first) == 2:
                same("fftconvolve", x, y[:, :1], mode=mode, axes=0)
                same("fftconvolve", x + 1j, y[:, :1], mode=mode, axes=[-2])
    same("fftconvolve", draw(size=(3, 4)), draw(size=(3, 2)), axes=0)
    same("fftconvolve", draw(size=3), draw(size=2), axes=[])


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_convolutions_of_matrices(name):
    for first, second in [pair for pair in SHAPES if len(pair[0]) == 2]:
        x, y = draw(size=first), draw(size=second)
        for mode in ("full", "same", "valid"):
            for boundary in ("fill", "wrap", "symm"):
                same(name, x, y, mode=mode, boundary=boundary, fillvalue=2.0)
            same(name, x + 1j, y * (1 - 1j), mode=mode)
    same(name, draw(size=3), draw(size=2))
    same(name, draw(size=(3, 3)), draw(size=(2, 2)), boundary="other")


def test_derivatives_of_convolutions():
    x, y = draw(size=(4, 3)), draw(size=(2, 2))
    for name in ("convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve"):
        fun = getattr(signal, name)
        for mode in ("full", "same", "valid"):
            order = 2 if mode == "same" else 1
            check_grads(lambda x, y, fun=fun, mode=mode: fun(x, y, mode), (x, y), order=order)
    check_grads(lambda x, y: signal.convolve2d(x, y, "same", "symm"), (x, y), order=2)
    check_grads(lambda x, y: signal.convolve(x, y, "same"), (x[:, 0], y[0] + 0.5j), order=2)
    for method in ("direct", "fft"):
        call = lambda x, y, method=method: signal.correlate(x, y, "same", method)
        close(fg.jit(call)(x, y), call(x, y))
        batch = fg.vmap(call, (0, None))(np.stack([x, 2 * x]), y)
        close(batch[1], call(2 * x, y))


B, A = np.array([0.3, 0.2, 0.5, 0.1]), np.array([2.0, -0.8, 0.4])
SECTIONS = scipy.signal.butter(5, 0.3, output="sos")
X = draw(size=(3, 20, 2))
FILTERS = [(B, A), (B[:2], A), (B, A[:1]), (B[:1], A), (B[:1], A[:1])]


@pytest.mark.parametrize("dtype", ["f", "d", "D"])
def test_lfilter(dtype):
    for b, a in FILTERS:
        order = max(len(a), len(b)) - 1
        for axis in (0, 1, -1):
            shapes = [list(X.shape), [1, 1, 1]]
            for shape in shapes:
                shape[axis] = order
            args = b.astype(dtype), a.astype(dtype), X.astype(dtype)
            same("lfilter", *args, axis=axis)
            for shape in (*shapes, [order]):
                same("lfilter", *args, axis=axis, zi=draw(size=shape).astype(dtype))
    same("lfilter", np.ones(1, dtype), np.zeros(2, dtype), X.astype(dtype))
    same("lfilter", np.ones((2, 2), dtype), np.ones(1, dtype), X.astype(dtype))


def test_lfilter_with_a_single_signal_and_state():
    x = draw(size=2)  # shorter than the filter's memory
    for n in (1, 2):
        same("lfilter", B, A, x[:n], zi=draw(size=3))
    same("lfilter", B.astype("f"), A, x)
    same("lfilter", B, A, x.astype(int))


def test_filters_forth_and_back():
    for b, a in FILTERS[:4]:
        for padding in ("odd", "even", "constant", None):
            same("filtfilt", b, a, X, axis=1, padtype=padding)
        same("filtfilt", b, a, X, axis=0)
        same("filtfilt", b, a, X, axis=1, padlen=0)
        same("lfilter_zi", b, a)
    same("filtfilt", B, A, X, axis=1, padtype="other")
    with pytest.raises(NotImplementedError, match="pad"):
        fg.grad(lambda x: signal.filtfilt(B, A, x, method="gust")[0])(X[0, :, 0])


def test_sections():
    same("sosfilt", SECTIONS, X, axis=1)
    same("sosfilt", SECTIONS, X, axis=1, zi=draw(size=(3, 3, 2, 2)))
    same("sosfilt", SECTIONS, X, axis=1, zi=draw(size=(3, 3, 4, 2)))
    same("sosfilt", 2 * SECTIONS, X)
    same("sosfilt", SECTIONS[:, :5], X)
    same("sosfilt_zi", SECTIONS)
    same("sosfiltfilt", SECTIONS, X, axis=1, padlen=5)
    same("sosfiltfilt", SECTIONS, draw(size=40))


def test_derivatives_of_filters():
    x, zi = draw(size=(2, 5)), draw(size=(2, 3))
    check_grads(lambda b, a, x: signal.lfilter(b, a, x), (B, A, x), order=2)
    check_grads(lambda b, a, x, zi: signal.lfilter(b, a, x, zi=zi), (B, A, x, zi), order=2)
    check_grads(lambda b, a, x: signal.lfilter(b, a, x, axis=0), (B[:2], A + 0.3j, x), order=2)
    check_grads(lambda b, a, x: signal.filtfilt(b, a, x, padlen=3), (B, A, x), order=2)
    numerators = lambda sos: np.concatenate([sos[:, :3], np.ones((3, 1)), sos[:, 4:]], axis=1)
    check_grads(lambda sos, x: signal.sosfilt(numerators(sos), x), (SECTIONS, x), order=2)
    gradient = fg.grad(lambda b, a, x: (signal.lfilter(b, a, x) ** 2).sum(), (0, 1, 2))
    expected = gradient(B, A, x)
    for g, e in zip(fg.jit(gradient)(B, A, x), expected):
        close(g, e)
    for i in range(3):
        args = [np.stack([v, 2 * v]) if i == j else v for j, v in enumerate((B, A, x))]
        axes = tuple(0 if i == j else None for j in range(3))
        for g, e in zip(fg.vmap(gradient, axes)(*args), expected):
            close(g[0], e)


def test_the_gradient_of_a_long_filter_is_a_filter():
    """Convolutions of long vectors with each other would take minutes here."""
    x = draw(size=200_000)
    gradient = fg.grad(lambda b, a: (signal.lfilter(b, a, x) ** 2).mean(), (0, 1))
    step = np.array([0.0, 1e-6, 0.0])
    value = lambda a: (scipy.signal.lfilter(B, a, x) ** 2).mean()
    np.testing.assert_allclose(gradient(B, A)[1][1], (value(A + step) - value(A - step)) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_smoothing(dtype):
    x = X.astype(dtype)
    for axis in (0, 1):
        for options in ({}, {"type": "constant"}, {"bp": 2}, {"bp": [1, 2]}, {"type": "other"}, {"bp": 70}):
            same("detrend", x, axis=axis, **options)
        for n in (None, 7, 24, 0):
            same("hilbert", x, N=n, axis=axis)
    for mode in ("interp", "mirror", "constant", "nearest", "wrap", "other"):
        for deriv in (0, 1, 3):
            same("savgol_filter", x, window_length=7, polyorder=2, deriv=deriv, delta=0.5, axis=1, mode=mode, cval=0.3)
    same("savgol_filter", x, window_length=6, polyorder=3, axis=1)
    same("savgol_filter", x, window_length=9, polyorder=3, axis=0)
    x = np.concatenate([x, x**2], axis=-1)
    same("medfilt", x)
    same("medfilt", x, kernel_size=(1, 5, 1))
    same("medfilt", x, kernel_size=4)
    same("hilbert", x + 1j)
    same("medfilt", x + 1j)
    same("medfilt", x, kernel_size=5)  # of which SciPy warns


def test_derivatives_of_smoothing():
    x = X[0, :9].T
    check_grads(lambda x: signal.detrend(x, bp=4), (x,), order=2)
    check_grads(signal.hilbert, (x,), order=2)
    check_grads(lambda x: signal.savgol_filter(x, 5, 2), (x,), order=2)
    check_grads(signal.medfilt, (x[0],), order=1)
    f = lambda x: signal.savgol_filter(x, 5, 2, deriv=1) * signal.detrend(x)
    close(fg.jit(f)(x), f(x))
    close(fg.vmap(f)(np.stack([x, 2 * x]))[1], f(2 * x))
