"""Ranges, identities, indices of triangles, windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.warned import warn
from funcgrad.torch._ops.create import factory, finished
from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.tensor import Tensor

RANGE = (
    "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
    "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
)


def _plain(x: Any, name: str = "start and end", function: str = "") -> Any:
    if isinstance(x, Tensor):
        if x.dim():
            raise RuntimeError(
                f"{function} only supports 0-dimensional start and end tensors, but got {name} with {x.dim()} "
                "dimension(s)."
            )
        return x.item()
    return x


def _bounds(bounds: tuple[Any, ...], named: dict[str, Any], function: str) -> tuple[Any, Any, Any]:
    given = list(bounds)
    start = named.get("start", given[0] if len(given) > 1 else 0)
    end = named.get("end", given[1] if len(given) > 1 else given[0] if given else None)
    step = named.get("step", given[2] if len(given) > 2 else 1)
    if end is None:
        raise TypeError(f"{function}() received an invalid combination of arguments - got (), but expected one of:")
    return _plain(start), _plain(end), _plain(step)


def _refuse(kind: np.dtype, kinds: str, kernel: str) -> None:
    """PyTorch's error for a dtype that it has no such kernel for."""
    if kind.kind in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.of(kind).title}'")


def _checked(start: Any, end: Any, step: Any) -> None:
    """PyTorch's errors for ranges."""
    if any(isinstance(n, complex) for n in (start, end, step)):
        raise RuntimeError("value cannot be converted to type double without overflow")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


@named(method=False)
@factory
def arange(*bounds: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Numbers from start (0) up to end, which is left out, in steps."""
    start, end, step = _bounds(bounds, named, "arange")
    _checked(start, end, step)
    is_float = any(isinstance(x, float) for x in (start, end, step))
    kind = as_numpy(dtype) or (dtypes.default() if is_float else np.dtype(np.int64))
    _refuse(kind, "bc", "arange_cpu")
    count = math.ceil((end - start) / step)
    if kind.kind in "iu":
        if kind == np.int64 and int(step):
            count = -((int(start) - int(end)) // int(step))
        start, step = int(start), int(step)
        if not step:
            raise ValueError("step must be nonzero")
    return finished((np.arange(count) * step + start).astype(kind), requires_grad, "arange")


@named(method=False)
@factory
def range(*bounds: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Numbers from start up to end, which belongs to them, in steps. Deprecated by PyTorch: write `arange`."""
    warn(RANGE, UserWarning)
    start, end, step = _bounds(bounds, named, "range")
    _checked(start, end, step)
    kind = as_numpy(dtype) or dtypes.default()
    _refuse(kind, "bc", "range_cpu")
    count = math.floor((end - start) / step) + 1
    return finished((np.arange(count) * step + start).astype(kind), requires_grad, "range")


def _spaced(start: Any, end: Any, steps: int, kind: np.dtype) -> np.ndarray:
    """Equally spaced numbers in a dtype; as in PyTorch, the first half is counted from the start, the rest from the
    end.
    """
    places = np.arange(steps)
    first, last = (np.asarray(n).astype(kind)[()] for n in (start, end))
    wide = np.float64 if kind.kind in "iu" else kind.type
    step = wide(wide(last) - wide(first)) / wide(max(steps - 1, 1))
    near, far = first + step * places.astype(wide), last - step * (steps - 1 - places).astype(wide)
    return np.where(places < steps // 2, near, far).astype(kind) if steps > 1 else np.full(steps, first, kind)


def _steps(steps: int) -> int:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    return steps


def _kind_of(dtype: Any, *ends: Any) -> np.dtype:
    return as_numpy(dtype) or (
        dtypes.of_number(1j) if any(isinstance(n, complex) for n in ends) else dtypes.default()
    )


@named(method=False)
@factory
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` numbers from start to end, equally far apart."""
    start, end = _plain(start, "start", "linspace"), _plain(end, "end", "linspace")
    kind = _kind_of(dtype, start, end)
    _refuse(kind, "b", "linspace_cpu")
    return finished(_spaced(start, end, _steps(steps), kind), requires_grad, "linspace")


@named(method=False)
@factory
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """The powers of a base with exponents from `linspace`."""
    start, end = _plain(start, "start", "logspace"), _plain(end, "end", "logspace")
    kind = _kind_of(dtype, start, end)
    _refuse(kind, "b", "logspace_cpu")
    exponents = _spaced(start, end, _steps(steps), np.dtype(np.float32) if kind.kind in "iu" else kind)
    wide = np.complex128 if kind.kind == "c" else np.float64
    return finished(np.power(wide(base), exponents.astype(wide)).astype(kind), requires_grad, "logspace")


@named(method=False)
@factory
def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix."""
    for name, size in (("n", n), ("m", n if m is None else m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return finished(np.eye(n, m, dtype=as_numpy(dtype) or dtypes.default()), requires_grad, "eye")


def _triangle(name: str, indices: Callable[..., Any], which: str) -> Callable[..., Tensor]:
    @factory
    def places(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
        for side, size in (("row", row), ("col", col)):
            if size < 0:
                raise RuntimeError(f"{side} must be non-negative, got{size}")
        kind = as_numpy(dtype) or np.dtype(np.int64)
        if kind.kind not in "iu":
            raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.of(kind).title}'")
        return finished(np.stack(indices(row, offset, col)).astype(kind), False, name)

    places.__name__ = places.__qualname__ = name
    places.__doc__ = f"The rows and columns of the {which} triangle of a matrix."
    return named(method=False)(places)


tril_indices = _triangle("tril_indices", np.tril_indices, "lower")
triu_indices = _triangle("triu_indices", np.triu_indices, "upper")


# Windows


def _window(
    name: str, length: int, periodic: bool, dtype: Any, requires_grad: bool, shape: Callable[[np.ndarray], Any]
) -> Tensor:
    """A function of places from 0 to 1; a periodic window is a symmetric one without its last number."""
    kind = as_numpy(dtype) or dtypes.default()
    if kind.kind not in "fc":
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtypes.of(kind)}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if length < 2:
        return finished(np.ones(length, kind), requires_grad, name)
    whole = length + 1 if periodic else length
    values = shape(np.arange(whole) / (whole - 1))[:length]
    return finished(values.astype(kind), requires_grad, name)


@named(method=False)
@factory
def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """A triangle from 0 to 1 to 0."""
    return _window("bartlett_window", window_length, periodic, dtype, requires_grad, lambda u: 1 - np.abs(2 * u - 1))


@named(method=False)
@factory
def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """0.42 - 0.5 cos(2 pi u) + 0.08 cos(4 pi u), u from 0 to 1."""
    return _window(
        "blackman_window", window_length, periodic, dtype, requires_grad,
        lambda u: 0.42 - 0.5 * np.cos(2 * np.pi * u) + 0.08 * np.cos(4 * np.pi * u),
    )  # fmt: skip


@named(method=False)
@factory
def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """0.5 - 0.5 cos(2 pi u), u from 0 to 1."""
    return _window(
        "hann_window", window_length, periodic, dtype, requires_grad, lambda u: 0.5 - 0.5 * np.cos(2 * np.pi * u)
    )


@named(method=False)
@factory
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(2 pi u), u from 0 to 1."""
    return _window(
        "hamming_window", window_length, periodic, dtype, requires_grad,
        lambda u: alpha - beta * np.cos(2 * np.pi * u),
    )  # fmt: skip


@named(method=False)
@factory
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """I0(beta sqrt(1 - (2 u - 1)^2)) / I0(beta), u from 0 to 1, with the modified Bessel function I0."""
    return _window(
        "kaiser_window", window_length, periodic, dtype, requires_grad,
        lambda u: np.i0(beta * np.sqrt(1 - (2 * u - 1) ** 2)) / np.i0(beta),
    )  # fmt: skip
