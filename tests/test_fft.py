"""`funcgrad.numpy.fft` has NumPy's values, dtypes and errors, and derivatives that agree with differences."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.test_util import check_grads
from tests.groups import over_calls

DRAW = np.random.default_rng(31)
X = DRAW.normal(size=(3, 4, 5))
Z = X + 1j * DRAW.normal(size=X.shape)
REAL = (np.float16, np.float32, np.float64, np.int32, np.uint8, np.bool_)
COMPLEX = (np.complex64, np.complex128)

NORMS = ["fft(x, norm='ortho')", "ifft(x, norm='forward')", "fft(x, norm=None)", "irfft(x, norm='ortho')",
         "irfft(x, norm='forward')", "hfft(x, norm='ortho')", "hfft(x, norm='forward')", "fft2(x, norm='ortho')",
         "irfftn(x, norm='forward')"]  # fmt: skip
ANY = [
    "fft(x)", "ifft(x)", "fft(x, 8)", "fft(x, 3)", "ifft(x, 7, 1)", "fft(x, axis=0)", "fft(x, np.int64(2), -3)",
    "fft(x, 1)", "irfft(x)", "irfft(x, 9)", "irfft(x, 8, 0)", "irfft(x, 5)", "irfft(x, 4)", "irfft(x, 1)",
    "irfft(x, 2, 1)", "irfft(x, 3, axis=-2)", "hfft(x)", "hfft(x, 7)", "hfft(x, 4, 0)", "hfft(x, 20, axis=1)",
    "fft2(x)", "ifft2(x, (2, 7))", "fft2(x, axes=(0, 1))", "fft2(x, axes=(1, 1))", "ifft2(x, (3, -1), (0, -1))",
    "fftn(x)", "ifftn(x, axes=(0, 2))", "fftn(x, (2, 3, 4), (0, 1, 2))", "fftn(x, (6, 3, 4), (0, -1, 2))",
    "ifftn(x, axes=(-1, -1, 0, -1))", "fftn(x, axes=())", "fftn(x, (5, 5), (1, 1))", "fftn(x, axes=[2, 0])",
    "irfft2(x)", "irfft2(x, (4, 7))", "irfft2(x, (5, 4), (2, 0))", "irfft2(x, axes=(1, 1))", "irfftn(x)",
    "irfftn(x, (3, 2, 9), (0, 1, 2))", "irfftn(x, axes=(0, 1))", "irfftn(x, axes=(1,))", "irfftn(x, axes=(2, 2, 0))",
    "irfftn(x, (-1, -1), (1, 2))", "fftshift(x)", "fftshift(x, 1)", "fftshift(x, (0, -1))", "ifftshift(x)",
    "ifftshift(x, [2])", "ifftshift(x, np.int64(0))", "fftshift(x, (2, 2))", "fftshift(x, ())", *NORMS,
]  # fmt: skip
REALS = [
    "rfft(x)", "rfft(x, 9)", "rfft(x, 8, 0)", "rfft(x, 4)", "rfft(x, 3, axis=-2)", "rfft(x, 1)", "rfft(x, 2)",
    "rfft(x, norm='ortho')", "rfft(x, norm='forward')", "rfft(x, axis=1)", "ihfft(x)", "ihfft(x, 7)",
    "ihfft(x, 4, 0)", "ihfft(x, norm='ortho')", "ihfft(x, norm='forward')", "rfft2(x)", "rfft2(x, (2, 7))",
    "rfft2(x, axes=(0, 1), norm='ortho')", "rfft2(x, axes=(1, 1))", "rfftn(x)", "rfftn(x, (2, 3, 4), (0, 1, 2))",
    "rfftn(x, axes=(2, 0))", "rfftn(x, axes=(1,))", "rfftn(x, axes=(0, 2, 0))", "rfftn(x, (-1, 7), (0, 2))",
]  # fmt: skip


def of(call: str, module):
    """The call as a function of x, with the names of `module.fft`."""
    return eval(f"lambda x: {call}", {**{n: getattr(module.fft, n) for n in np.fft.__all__}, "np": np})


def assert_same(found, expected) -> None:
    found = np.asarray(found)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 if found.dtype.itemsize > 8 else 1e-5)


def seen(f, x):
    """What the function computes of a traced value, whose value is known."""
    values = []
    fg.jvp(lambda x: values.append(fg.stop_gradient(f(x))) or x, (x,), (np.zeros_like(x),))
    return values[0]


CASES = [(call, dtype) for call in ANY + REALS for dtype in REAL]
CASES += [(call, dtype) for call in ANY for dtype in COMPLEX]


@over_calls("call, dtype", CASES)
def test_values_and_dtypes_are_numpys(call: str, dtype: type) -> None:
    x = Z.astype(dtype) if np.dtype(dtype).kind == "c" else (3 * X).astype(dtype)
    expected = of(call, np)(x)
    if x.dtype.kind in "fc":
        for module in (np, fnp):
            assert_same(seen(of(call, module), x), expected)
    assert_same(fg.make_graph(of(call, fnp))(x)(x)[0], expected)


@pytest.mark.parametrize("call", ["fft(x)", "rfft(x, 6)", "irfft(x, axis=1)", "ifftn(x)", "hfft(x)", "fftshift(x)"])
def test_compiled_and_batched(call: str) -> None:
    x, f = X.astype(np.float32), of(call, fnp)
    assert_same(fg.jit(lambda x: f(np.sin(x)))(x), f(np.sin(x)))
    stack = np.stack([X, 2 * X])
    assert_same(fg.vmap(f)(stack), np.stack([f(x) for x in stack]))
    assert_same(fg.vmap(f, in_axes=2)(np.moveaxis(stack, 0, 2)), np.stack([f(x) for x in stack]))
    pulled = fg.grad(lambda x: np.sum(np.abs(f(x)) ** 2))
    assert_same(fg.vmap(pulled)(stack), np.stack([pulled(x) for x in stack]))
    assert_same(fg.jit(pulled)(X), pulled(X))


@pytest.mark.parametrize("call", ANY + REALS)
def test_derivatives(call: str) -> None:
    f = of(call, fnp)
    check_grads(f, (X,), order=1)
    if call in ANY:
        check_grads(f, (Z,), order=1)
    # quadratic, so that the second derivative is exact
    power = lambda x: np.sum(np.real(f(x)) ** 2 + 2 * np.imag(f(x)) ** 2)
    check_grads(power, (X[:, :, :2],), order=2)


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_transposes_of_all_lengths(n: int, size: int) -> None:
    """<y, A x> = <A' y, x> for lengths that cut, fit and fill, odd and even."""
    x, z = X.ravel()[:size], Z.ravel()[:size]
    for f, arg in ((fnp.fft.fft, z), (fnp.fft.ifft, z), (fnp.fft.rfft, x), (fnp.fft.irfft, z), (fnp.fft.hfft, z),
                   (fnp.fft.ihfft, x)):  # fmt: skip
        for norm in ("backward", "ortho", "forward"):
            y, pull = fg.vjp(lambda a: f(a, n, norm=norm), arg)
            ct = (Z if y.dtype.kind == "c" else X).ravel()[-y.size :]
            (back,) = pull(ct)
            np.testing.assert_allclose(np.sum(ct * y).real, np.sum(back * arg).real, rtol=1e-10, atol=1e-12)


ERRORS = [
    "fft(x, 0)", "fft(x, -1)", "fft(x, 2.5)", "fft(x, axis=3)", "fft(x, 3, axis=3)", "fft(x, norm='x')",
    "ifft(x, norm='x')", "hfft(x, norm='x')", "ihfft(x, norm='x')", "irfft(x, norm='x')", "rfft(x[..., :0])",
    "irfft(x[..., :1])", "fft(x[0, 0, 0])", "fft(x[0, 0, 0], 3)", "fftn(x, (2,), (0, 1))", "fftn(x, axes=0)",
    "fftn(x, axes=(0, 5))", "rfftn(x, axes=())", "irfftn(x, axes=())", "fft2(x[0, 0])", "fftshift(x, 5)",
    "fft(x, out=3)", "fft(x, bad=3)", "fftn(x, (0, 2), (0, 1))",
]  # fmt: skip


@pytest.mark.parametrize("call", ERRORS)
def test_errors_are_numpys(call: str) -> None:
    with pytest.raises(Exception) as expected:
        of(call, np)(X)
    with pytest.raises(expected.type):
        fg.vjp(of(call, fnp), X)


@pytest.mark.parametrize("call", ["rfft(x)", "ihfft(x)", "rfftn(x)"])
def test_transforms_of_real_numbers_refuse_complex_ones(call: str) -> None:
    for run in (of(call, np), lambda x: fg.vjp(of(call, fnp), x), lambda x: fg.make_graph(of(call, fnp))(x)):
        with pytest.raises(TypeError):
            run(Z)


def test_out_is_refused() -> None:
    with pytest.raises(TypeError, match="derivative would be lost"):
        fg.vjp(lambda x: np.fft.fft(x, out=np.empty(X.shape, complex)), X)


def test_empty_axes_and_lengths() -> None:
    for shape, call in (((0, 3), "fft(x)"), ((0, 3), "rfft(x, 2, 0)"), ((0,), "fft(x, 3)"), ((2, 0), "irfft(x, 4)")):
        x = np.zeros(shape)
        y, pull = fg.vjp(of(call, fnp), x)
        assert_same(y, of(call, np)(x))
        assert_same(pull(y)[0], x)


@pytest.mark.parametrize("n", [1, 4, 5, np.int64(6)])
@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("module", [np, fnp], ids=["np", "fnp"])
def test_frequencies(module, name: str, n: int) -> None:
    f, plain = getattr(module.fft, name), getattr(np.fft, name)
    assert_same(fg.vjp(lambda d: f(n, d), 0.5)[0], plain(n, 0.5))
    assert_same(fg.jit(lambda d: f(n, d))(np.float32(0.5)), plain(n, np.float32(0.5)))
    check_grads(lambda d: f(n, d), (0.5,), order=2)
    with pytest.raises(ValueError, match="integer"):
        fg.vjp(lambda d: f(4.0, d), 0.5)


@pytest.mark.parametrize("name", np.fft.__all__)
def test_names_and_parameters_are_numpys(name: str) -> None:
    assert name in fnp.fft.__all__
    ours, theirs = (inspect.signature(getattr(m.fft, name)).parameters.values() for m in (fnp, np))
    assert [(p.name, p.default, p.kind) for p in ours] == [(p.name, p.default, p.kind) for p in theirs]


def test_convolution_theorem() -> None:
    """What the transforms are for: the gradient of a circular convolution is a circular correlation."""
    x, w = X.ravel()[:8], X.ravel()[8:16]
    through = lambda x: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(w), 8)
    matrix = np.array([[w[(i - j) % 8] for j in range(8)] for i in range(8)])
    np.testing.assert_allclose(fg.jacrev(through)(x), matrix, atol=1e-14)
    np.testing.assert_allclose(fg.jacfwd(through)(x), matrix, atol=1e-14)
