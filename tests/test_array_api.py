"""The array API standard, 2025.12: its names, and functions written with them alone, against NumPy's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import ConcretizationError, TracerConversionError
from tests.groups import together

NAMES = """
e inf nan newaxis pi
arange asarray broadcast_shapes empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril
triu zeros zeros_like astype broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type
bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128
abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater
greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not
logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow real reciprocal remainder
round sign signbit sin sinh square sqrt subtract tan tanh trunc
take take_along_axis matmul matrix_transpose tensordot vecdot
concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack
argmax argmin count_nonzero isin nonzero searchsorted where
unique_all unique_counts unique_inverse unique_values argsort sort
cumulative_prod cumulative_sum max mean min prod std sum var all any diff
__array_namespace_info__ __array_api_version__
linalg.cholesky linalg.cross linalg.det linalg.diagonal linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh
linalg.inv linalg.matmul linalg.matrix_norm linalg.matrix_power linalg.matrix_rank linalg.matrix_transpose
linalg.outer linalg.pinv linalg.qr linalg.slogdet linalg.solve linalg.svd linalg.svdvals linalg.tensordot linalg.trace
linalg.vecdot linalg.vector_norm
fft.fft fft.ifft fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft fft.fftfreq
fft.rfftfreq fft.fftshift fft.ifftshift
"""
"""The names of the standard's pages: constants, creation, dtypes, elements, indexing, products, and so on."""
METHODS = """
abs add and array_namespace bool complex dlpack dlpack_device eq float floordiv ge getitem gt index int invert le
lshift lt matmul mod mul ne neg or pos pow rshift setitem sub truediv xor
iadd isub imul itruediv ifloordiv ipow imatmul imod iand ior ixor ilshift irshift
radd rsub rmul rtruediv rfloordiv rpow rmatmul rmod rand ror rxor rlshift rrshift
"""
ATTRIBUTES = {"dtype", "device", "mT", "ndim", "shape", "size", "T", "to_device"}
X = np.random.default_rng(2).normal(size=(4, 3))


@together("name", NAMES.split(), str)
def test_names(name):
    *module, last = name.split(".")
    assert hasattr(getattr(fnp, *module) if module else fnp, last)


def names_of_values() -> dict[str, set[str]]:
    """What values have, as functions get them under each transformation."""
    found: dict[str, set[str]] = {}

    def keep(name: str) -> Callable[[Any], Any]:
        def function(x: Any) -> Any:
            found[name] = set(dir(x))
            return x

        return function

    fg.vjp(keep("grad"), X)
    fg.vmap(keep("vmap"))(X)
    fg.jit(keep("jit"))(X)
    fg.jvp(keep("jvp"), (X,), (X,))
    fg.grad(lambda x: (keep("buffer")(fnp.zeros(3)), x)[1])(1.0)
    return found


def test_methods_and_attributes():
    for kind, has in names_of_values().items():
        wanted = {f"__{name}__" for name in METHODS.split()} | ATTRIBUTES
        assert not wanted - has, kind


def standardised(xp: Any, x: Any) -> Any:
    centred = x - xp.mean(x, axis=0, keepdims=True)
    return xp.divide(centred, xp.std(x, axis=0, keepdims=True, correction=1))


def softmax(xp: Any, x: Any) -> Any:
    y = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return y / xp.sum(y, axis=-1, keepdims=True, dtype=x.dtype)


def gram(xp: Any, x: Any) -> Any:
    y = xp.matmul(xp.matrix_transpose(x), x) + xp.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return xp.linalg.cholesky(y)


def distances(xp: Any, x: Any) -> Any:
    y = xp.expand_dims(x, axis=1) - xp.expand_dims(x, axis=0) + 0.1
    return xp.linalg.vector_norm(y, axis=-1)


def norms(xp: Any, x: Any) -> Any:
    return xp.stack([xp.linalg.matrix_norm(x), xp.sum(xp.linalg.svdvals(x)), xp.linalg.vector_norm(x, ord=1)])


def smoothed(xp: Any, x: Any) -> Any:
    ends = xp.concat([x[:1, ...], x, x[-1:, ...]], axis=0)
    return (ends[:-2, ...] + ends[1:-1, ...] + ends[2:, ...]) / 3


def clipped(xp: Any, x: Any) -> Any:
    return xp.where(xp.abs(x) > 0.5, xp.sign(x) * xp.pow(xp.abs(x), 1.5), xp.clip(x, -0.3, 0.3))


def sums(xp: Any, x: Any) -> Any:
    total = xp.cumulative_sum(x, axis=0, include_initial=True)
    return xp.diff(total, axis=0) * xp.cumulative_prod(xp.asarray(x, copy=True), axis=0)


def spectrum(xp: Any, x: Any) -> Any:
    y = xp.fft.rfft(x, axis=0)
    return xp.real(y) ** 2 + xp.imag(y) ** 2


def moved(xp: Any, x: Any) -> Any:
    y = xp.permute_dims(xp.reshape(x, (2, 2, 3)), (2, 0, 1))
    return xp.tile(xp.roll(xp.flip(xp.moveaxis(y, 0, -1), axis=1), 1, axis=0), (1, 2, 1)) * xp.repeat(xp.ones(3), 1)


def taken(xp: Any, x: Any) -> Any:
    order = xp.argsort(x, axis=0, stable=True)
    return xp.take_along_axis(x, order, axis=0) + xp.take(xp.sort(x, axis=0), xp.asarray([3, 2, 1, 0]), axis=0) ** 2


def products(xp: Any, x: Any) -> Any:
    first, *rest = xp.unstack(x, axis=0)
    y = xp.vecdot(first, rest[0]) + xp.tensordot(x, x, axes=2) + xp.linalg.outer(first, rest[1])
    return y + xp.linalg.cross(first, rest[2])


def typed(xp: Any, x: Any) -> Any:
    assert xp.isdtype(x.dtype, "real floating") and not xp.isdtype(x.dtype, xp.complex64)
    assert xp.result_type(x, xp.float32) == x.dtype and xp.finfo(x.dtype).eps > 0
    assert x.device == xp.__array_namespace_info__().default_device()
    y = xp.astype(x, xp.complex128) * xp.asarray(1j)
    z = xp.zeros_like(x, device=x.device) + xp.full(x.shape, 2.0, dtype=x.dtype)
    return xp.imag(xp.conj(y)) * z + xp.astype(xp.isfinite(x), x.dtype).to_device("cpu") * x.mT.T if x.ndim == 2 else z


FUNCTIONS = [
    standardised, softmax, gram, distances, norms, smoothed, clipped, sums, spectrum, moved, taken, products, typed,
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_functions_of_the_standard(function):
    """Each finds its functions by its argument; NumPy is given to it by name."""
    expected = function(np, X)
    call = lambda x: function(x.__array_namespace__(api_version="2024.12"), x)
    assert function(X.__array_namespace__(), X).dtype == expected.dtype
    for found in (fg.vjp(call, X)[0], fg.jvp(call, (X,), (X,))[0], fg.jit(call)(X), fg.vmap(call)(X[None])[0]):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        assert np.asarray(found).dtype == expected.dtype
    step, direction = 1e-6, np.cos(np.arange(12.0)).reshape(4, 3)
    slope = (function(np, X + step * direction) - function(np, X - step * direction)) / (2 * step)
    weights = np.sin(1.0 + np.arange(np.size(expected))).reshape(np.shape(expected))
    backward = (fg.vjp(call, X)[1](weights)[0] * direction).sum()
    np.testing.assert_allclose(backward, (slope * weights).sum(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(fg.jvp(call, (X,), (direction,))[1], slope, rtol=1e-5, atol=1e-7)


def test_unique():
    """Their shapes need values: under grad there are such."""
    x = np.array([2.0, 1.0, 2.0])
    gradient = fg.grad(lambda x: (x.__array_namespace__().unique_all(x).values * np.array([1.0, 10.0])).sum())(x)
    np.testing.assert_array_equal(gradient, [10.0, 1.0, 0.0])
    np.testing.assert_array_equal(fg.vjp(fnp.unique_values, x)[0], [1.0, 2.0])
    with pytest.raises(ConcretizationError):
        fg.jit(fnp.unique_values)(x)


def test_the_namespace():
    def f(x):
        assert x.__array_namespace__() is fnp
        assert x.__array_namespace__(api_version=fnp.__array_api_version__) is fnp
        with pytest.raises(ValueError, match="1999"):
            x.__array_namespace__(api_version="1999")
        assert x.to_device("cpu") is x
        with pytest.raises(ValueError, match="CPU"):
            x.to_device("cuda")
        return x

    fg.grad(f)(1.0)
    info = fnp.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] == np.float64 and [*info.devices()] == ["cpu"]


def test_memory_is_not_handed_out():
    with pytest.raises(TracerConversionError, match="Handing a traced value to another package"):
        fg.grad(lambda x: np.from_dlpack(x).sum())(X)
    with pytest.raises(ConcretizationError, match="another package"):
        fg.jit(lambda x: fnp.from_dlpack(x).sum())(X)
    assert fg.grad(lambda x: x.sum() * x.__dlpack_device__()[0])(X)[0, 0] == X.__dlpack_device__()[0]
    shared = fg.vmap(lambda x, w: x + fnp.from_dlpack(w), in_axes=(0, None))(X, X[0])
    np.testing.assert_array_equal(shared, X + X[0])
