"""Discrete Fourier transforms.

`n` (or each of `s`) is the length of a transform: the input is cut, or filled with zeros, to fit. `norm` says which
direction divides by it: "backward" (the inverse, as None), "ortho" (both, by the root), "forward".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.complexes import conj, conj_physical
from funcgrad.torch._ops.create import finished
from funcgrad.torch._ops.join import roll
from funcgrad.torch._ops.memory_order import order_of
from funcgrad.torch._ops.select import copied
from funcgrad.torch._ops.shape import narrow
from funcgrad.torch._ops.table import named, rows_of
from funcgrad.torch._record.calls import Kind, call, lie
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import as_floating, cast
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import check_new, dimension
from funcgrad.torch._tensor.tensor import Tensor

R2C = Kind("FftR2C", "x=")
C2R, C2C, CONJ, PAD = (Kind(n) for n in ("FftC2R", "FftC2C", "Conj", "ConstantPadNd"))
INVERSE = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}
"""How the transform in the other direction is normed."""
Lengths = int | Sequence[int] | None
Dims = int | Sequence[int] | None
Norm = Any
"""`"backward"`, `"ortho"`, `"forward"`, or None for the first."""
routine = rows_of("fft")


def _ready(x: Tensor, complex_result: bool = False) -> Tensor:
    """In a dtype that there are transforms for: of complex numbers where it is said."""
    if x._read().dtype == np.float16:
        raise RuntimeError(f"Unsupported dtype {x.dtype.title}")
    x = as_floating(x)
    if complex_result and not x.is_complex():
        return cast(x, np.result_type(x._read().dtype, np.complex64))
    return x


def _check_norm(norm: Norm) -> None:
    if norm not in (None, "backward", "ortho", "forward"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _check_length(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _axis(dim: int, ndim: int) -> int:
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return dimension(dim, ndim)


# Along one dimension


def _on_axis(
    fun: Callable[..., Any],
    kind: Kind,
    x: Tensor,
    n: int | None,
    dim: int,
    norm: Norm,
    halved: bool = False,
    form: Callable[..., Tensor] | None = None,
) -> Tensor:
    """One transform; `halved` where the input has half of the coefficients. `form` is how PyTorch composes it."""
    axis = _axis(dim, x.dim())
    _check_length((2 * (x.shape[axis] - 1) if halved else x.shape[axis]) if n is None else n)
    _check_norm(norm)
    if n is not None:
        x = _fitted(x, [n // 2 + 1 if halved else n], [axis])
    plain = partial(call, kind, lambda v: fun(v, n, axis, norm))
    found = plain(x) if form is None else composite(lambda t: form(t, n, axis, INVERSE[norm]), plain, x)
    return _lies(found, x, [axis])


def _fitted(x: Tensor, sizes: Sequence[int], axes: Sequence[int]) -> Tensor:
    """Cut, or filled with zeros, to these sizes."""
    for n, axis in zip(sizes, axes):
        if n < x.shape[axis]:
            x = narrow(x, axis, 0, n)
    pairs = [(0, 0)] * x.dim()
    for n, axis in zip(sizes, axes):
        pairs[axis] = 0, n - x.shape[axis]
    return call(PAD, lambda v: fnp.pad(v, pairs), x) if any(more for _, more in pairs) else x


def _lies(result: Tensor, x: Tensor, axes: list[int]) -> Tensor:
    """What is not transformed is outside, as it was in memory; inside is what is transformed, the last axis last."""
    order = order_of(x)
    outer = [d for d in order if d not in axes]
    return lie(result, (*outer, *[d for d in order if d in axes[:-1]], *axes[-1:]))


def _need_real(x: Tensor, function: str) -> None:
    if x.is_complex():
        raise RuntimeError(f"{function} expects a real input tensor, but got {x.dtype.title}")


@routine
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """The transform along `dim`: complex."""
    x = _ready(input)
    return _on_axis(fnp.fft.fft, C2C if x.is_complex() else R2C, x, n, dim, norm)


@routine
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of `fft`."""
    x = _ready(input)
    return _on_axis(fnp.fft.ifft, C2C, x, n, dim, norm) if x.is_complex() else _on_axis(
        fnp.fft.ifft, CONJ, x, n, dim, norm, form=lambda *how: conj(fft(*how))
    )


@routine
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """`fft` of real numbers, without the conjugates behind the middle: `n // 2 + 1` long."""
    _need_real(input, "rfft")
    return _on_axis(fnp.fft.rfft, R2C, _ready(input), n, dim, norm)


@routine
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of `rfft`: real, n long (even where it is not given)."""
    return _on_axis(fnp.fft.irfft, C2R, _ready(input, True), n, dim, norm, halved=True)


@routine
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """`fft` of the first half of a sequence with Hermitian symmetry: real, n long."""
    x = _ready(input, True)
    return _on_axis(fnp.fft.hfft, C2R, x, n, dim, norm, True, lambda t, *how: irfft(conj(t), *how))


@routine
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of `hfft`: complex, `n // 2 + 1` long, of real numbers."""
    _need_real(input, "ihfft")
    return _on_axis(fnp.fft.ihfft, CONJ, _ready(input), n, dim, norm, form=lambda *how: conj(rfft(*how)))


# Along several dimensions


def _lengths(
    x: Tensor, s: Lengths, dim: Dims, last: str = "", halved: bool = False
) -> tuple[list[int], list[int]]:
    """The length and the axis of each transform; `last` is the function that needs at least one."""
    s = [s] if isinstance(s, int) else s
    dims = [dim] if isinstance(dim, int) else None if dim is None else list(dim)
    if dims is None and s is not None and len(s) > x.dim():
        raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {x.dim()} dimensions.")
    if dims is None:
        dims = list(range(x.dim() if s is None else len(s)))
        dims = [d - len(dims) for d in dims]
    axes = [_axis(d, x.dim()) for d in dims]
    if len(set(axes)) != len(axes):
        raise RuntimeError("FFT dims must be unique")
    if s is not None and len(s) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    sizes = [x.shape[a] if s is None or s[i] == -1 else s[i] for i, a in enumerate(axes)]
    if last and not axes:
        raise RuntimeError(f"{last} must transform at least one axis")
    for n in sizes:
        _check_length(n)
    if halved and (s is None or s[-1] == -1):
        sizes[-1] = 2 * (x.shape[axes[-1]] - 1)
        _check_length(sizes[-1])
    return sizes, axes


def _prepared(x: Tensor, sizes: list[int], axes: list[int], norm: Norm, complex_result: bool, halved: bool) -> Tensor:
    """In a dtype that there are transforms for, cut or filled; `halved` where it has half of the last coefficients."""
    x = _ready(x, complex_result)
    _check_norm(norm)
    return _fitted(x, [*sizes[:-1], sizes[-1] // 2 + 1] if halved else sizes, axes)


def _several(fun: Callable[..., Any], x: Tensor, s: Lengths, dim: Dims, norm: Norm) -> Tensor:
    """`fft` or `ifft` along each dimension."""
    sizes, axes = _lengths(x, s, dim)
    x = _prepared(x, sizes, axes, norm, complex_result=True, halved=False)
    found = call(C2C, lambda v: fun(v, sizes, axes, norm) if axes else copied(v), x)
    return _lies(found, x, [d for d in order_of(x) if d in axes])


@routine
def fftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """`fft` along each of `dim` (all of them, or the last ones that `s` has lengths for)."""
    return _several(fnp.fft.fftn, input, s, dim, norm)


@routine
def ifftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """The inverse of `fftn`."""
    return _several(fnp.fft.ifftn, input, s, dim, norm)


@routine
def rfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """`rfft` along the last of `dim`, `fft` along the others."""
    if input.is_complex():
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {input.dtype.title}")
    sizes, axes = _lengths(input, s, dim, "rfftn")
    x = _prepared(input, sizes, axes, norm, complex_result=False, halved=False)
    return _lies(call(R2C, lambda v: fnp.fft.rfftn(v, sizes, axes, norm), x), x, axes)


@routine
def irfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """The inverse of `rfftn`: real."""
    sizes, axes = _lengths(input, s, dim, "irfftn", halved=True)
    x = _prepared(input, sizes, axes, norm, complex_result=True, halved=True)
    return _lies(call(C2R, lambda v: fnp.fft.irfftn(v, sizes, axes, norm), x), x, axes)


@routine
def hfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """`fft` along all of `dim` but the last, then `hfft`: real."""
    sizes, axes = _lengths(input, s, dim, "hfftn", halved=True)
    x = _prepared(input, sizes, axes, norm, complex_result=True, halved=True)

    def transform(v: Any) -> Any:
        v = fnp.fft.fftn(v, sizes[:-1], axes[:-1], norm) if axes[1:] else v
        return fnp.fft.hfft(v, sizes[-1], axes[-1], norm)

    def composed(t: Tensor) -> Tensor:
        t = fftn(t, None, axes[:-1], norm) if axes[1:] else t
        return irfft(conj(t), sizes[-1], axes[-1], INVERSE[norm])

    return _lies(composite(composed, partial(call, C2R, transform), x), x, axes)


@routine
def ihfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: Norm = None) -> Tensor:
    """The inverse of `hfftn`: complex, of real numbers."""
    sizes, axes = _lengths(input, s, dim, "ihfftn")
    if input.is_complex():
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {input.dtype.title}")
    x = _prepared(input, sizes, axes, norm, complex_result=False, halved=False)

    def transform(v: Any) -> Any:
        v = fnp.fft.ihfft(v, sizes[-1], axes[-1], norm)
        return fnp.fft.ifftn(v, sizes[:-1], axes[:-1], norm) if axes[1:] else v

    def composed(t: Tensor) -> Tensor:
        t = rfft(t, None, axes[-1], INVERSE[norm])
        return ifftn(conj_physical(t), None, axes[:-1], norm) if axes[1:] else conj(t)

    found = composite(composed, partial(call, C2C if axes[1:] else CONJ, transform), x)
    return _lies(found, x, [d for d in order_of(x) if d in axes[:-1]] or axes)


def _two(name: str, several: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def transform(input: Tensor, s: Lengths = None, dim: Dims = (-2, -1), norm: Norm = None) -> Tensor:
        return several(input, s, dim, norm)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"`{name[:-1]}n` along the last two dimensions."
    return routine(transform)


fft2, ifft2, rfft2 = _two("fft2", fftn), _two("ifft2", ifftn), _two("rfft2", rfftn)
irfft2, hfft2, ihfft2 = _two("irfft2", irfftn), _two("hfft2", hfftn), _two("ihfft2", ihfftn)


# Frequencies and their order


def _frequencies(
    whole: np.ndarray, n: int, d: float, dtype: dtypes.dtype | None, requires_grad: bool, name: str
) -> Tensor:
    own = dtype.numpy if dtype is not None else dtypes.default()
    if own.kind not in "fc":
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    if own.kind == "c":
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{dtypes.of(own).title}'")
    with np.errstate(all="ignore"):
        found = whole.astype(own) * own.type(np.float64(1.0) / np.float64(n * d))
    return finished(found, requires_grad, f"torch.fft.{name}")


def _check_count(n: Any, name: str) -> None:
    if not isinstance(n, int):
        raise TypeError(f"fft_{name}(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    check_new((n,))


@named(space="fft")
def fftfreq(
    n: int, d: float = 1.0, *, dtype: dtypes.dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of the `n` results of `fft`, for samples `d` apart."""
    _check_count(n, "fftfreq")
    whole = np.concatenate([np.arange((n + 1) // 2), np.arange(-(n // 2), 0)])
    return _frequencies(whole, n, d, dtype, requires_grad, "fftfreq")


@named(space="fft")
def rfftfreq(
    n: int, d: float = 1.0, *, dtype: dtypes.dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of the `n // 2 + 1` results of `rfft`, for `n` samples `d` apart."""
    _check_count(n, "rfftfreq")
    return _frequencies(np.arange(n // 2 + 1), n, d, dtype, requires_grad, "rfftfreq")


def _shifted(x: Tensor, dim: Dims, half: Callable[[int], int]) -> Tensor:
    dims = range(x.dim()) if dim is None else [dim] if isinstance(dim, int) else dim
    axes = [_axis(d, x.dim()) for d in dims]
    if not axes:
        raise RuntimeError("`shifts` required")
    return roll(x, [half(x.shape[a]) for a in axes], axes)


@routine
def fftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """With the zero frequency in the middle of each of `dim` (all by default)."""
    return _shifted(input, dim, lambda n: n // 2)


@routine
def ifftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted(input, dim, lambda n: (n + 1) // 2)
