"""New arrays: from values, filled, spaced, and the kind of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.core.buffers import buffered
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.joining import concatenate, stack
from funcgrad.numpy.shaping import broadcast_arrays, moveaxis
from funcgrad.ops import broadcasting
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import full_shape
from funcgrad.ops.views import fresh, is_number

__all__ = [
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "asarray_chkfinite",
    "ascontiguousarray",
    "asfortranarray",
    "astype",
    "can_cast",
    "common_type",
    "copy",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "identity",
    "iscomplexobj",
    "isrealobj",
    "linspace",
    "meshgrid",
    "ndim",
    "ones",
    "ones_like",
    "require",
    "result_type",
    "shape",
    "size",
    "tri",
    "vander",
    "zeros",
    "zeros_like",
]


@numpy_function(np, creates=True)
def array(object: Any, dtype: Any = None, *, ndmin: int = 0) -> Array:
    """An array from a value or nested sequences, which may hold traced values."""
    y = as_array(object)
    if dtype is not None:
        y = ew.convert(y, dtype=np.dtype(dtype))
    return broadcasting.reshape(y, shape=(1,) * (ndmin - y.ndim) + y.shape) if y.ndim < ndmin else y


@numpy_function(np)
def asarray(a: Any, dtype: Any = None) -> Array:
    """Like `array`; what is an array already is returned as it is."""
    if isinstance(a, Tracer) and (dtype is None or a.dtype == dtype):
        return fresh(a) if is_number(a) else a
    return array(a, dtype)


@numpy_function(np)
def asanyarray(a: Any, dtype: Any = None) -> Array:
    """The same as `asarray`."""
    return asarray(a, dtype)


@numpy_function(np)
def ascontiguousarray(a: Any, dtype: Any = None) -> Array:
    """The same as `asarray`, with at least one axis."""
    return array(a, dtype, ndmin=1)


@numpy_function(np)
def asfortranarray(a: Any, dtype: Any = None) -> Array:
    """The same as `array`: traced values have no layout."""
    return array(a, dtype)


@numpy_function(np)
def asarray_chkfinite(a: Any, dtype: Any = None) -> Array:
    """Like `asarray`; ValueError where a value is known and not finite."""
    y = asarray(a, dtype)
    value = ew.stop_gradient(y)
    value = value._as_plain() if isinstance(value, Tracer) else value
    if value is not None and not np.isfinite(value).all():
        raise ValueError("array must not contain infs or NaNs")
    return y


@numpy_function(np)
def require(a: Any, dtype: Any = None, requirements: Any = None) -> Array:
    """The same as `asarray`: traced values have no layout."""
    return asarray(a, dtype)


@numpy_function(np, creates=True)
def copy(a: Array) -> Array:
    """A copy, to be written into."""
    return as_array(a)


@numpy_function(np, creates=True)
def full(shape: int | Sequence[int], fill_value: Array, dtype: Any = None) -> Array:
    """An array of equal elements (or of `fill_value` broadcast to the shape)."""
    value = as_array(fill_value)
    if dtype is not None:
        value = ew.convert(value, dtype=np.dtype(dtype))
    return broadcasting.broadcast_to(value, shape=(shape,) if isinstance(shape, int) else tuple(shape))


def _creating(plain: Callable[..., np.ndarray], doc: str) -> Callable[..., Array]:
    """A function of NumPy's whose arrays can be written where a function is being transformed."""

    @wraps(plain)
    def create(*args: Any, **kwargs: Any) -> Array:
        return buffered(plain(*args, **kwargs))

    create.__doc__ = f"""{doc}, with NumPy's arguments. Inside of transformations it can be written."""
    create.__module__ = __name__
    return create


arange = _creating(np.arange, "Evenly spaced values within an interval")
empty = _creating(np.empty, "An array of a shape without values")
eye = _creating(np.eye, "Ones on a diagonal, zeros elsewhere")
identity = _creating(np.identity, "The identity matrix")
ones = _creating(np.ones, "Ones of a shape")
tri = _creating(np.tri, "Ones on and below a diagonal, zeros elsewhere")
zeros = _creating(np.zeros, "Zeros of a shape")


def _shape_of(a: Array, shape: int | Sequence[int] | None) -> tuple[int, ...]:
    return np.shape(a) if shape is None else full_shape(a, shape)


@numpy_function(np, creates=True)
def zeros_like(a: Array, dtype: Any = None, *, shape: int | Sequence[int] | None = None) -> Array:
    """Zeros of the shape and dtype of `a`."""
    return buffered(np.zeros(_shape_of(a, shape), a.dtype if dtype is None else dtype))


@numpy_function(np, creates=True)
def ones_like(a: Array, dtype: Any = None, *, shape: int | Sequence[int] | None = None) -> Array:
    """Ones of the shape and dtype of `a`."""
    return buffered(np.ones(_shape_of(a, shape), a.dtype if dtype is None else dtype))


@numpy_function(np, creates=True)
def empty_like(a: Array, dtype: Any = None, *, shape: int | Sequence[int] | None = None) -> Array:
    """An array of the shape and dtype of `a`, to be written into."""
    return buffered(np.empty(_shape_of(a, shape), a.dtype if dtype is None else dtype))


@numpy_function(np, creates=True)
def full_like(a: Array, fill_value: Array, dtype: Any = None, *, shape: int | Sequence[int] | None = None) -> Array:
    """Equal elements in the shape and dtype of `a`."""
    return full(_shape_of(a, shape), fill_value, a.dtype if dtype is None else dtype)


@numpy_function(np, creates=True)
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` equally spaced values from `start` to `stop`; with `retstep` also their distance."""
    gaps = num - 1 if endpoint else num
    kind = result_type(start, stop)
    kind = kind if kind.kind in "fc" else np.result_type(kind, np.float64)
    start, stop = broadcast_arrays(*(ew.convert(as_array(end), dtype=kind) for end in (start, stop)))
    step = (stop - start) / gaps if gaps > 0 else (stop - start) * np.nan
    places = np.arange(num).reshape((-1,) + (1,) * start.ndim).astype(kind)
    y = start + places * ((stop - start) if gaps <= 0 else step)
    if endpoint and num > 1:
        y = concatenate([y[:-1], stop.reshape((1, *stop.shape))])
    y = moveaxis(y, 0, axis)
    if dtype is not None:
        y = ew.convert(ew.floor(y) if np.dtype(dtype).kind in "iu" else y, dtype=np.dtype(dtype))
    return (y, step) if retstep else y


@numpy_function(np)
def meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """Coordinate arrays of the grid over vectors; the first two axes are exchanged with indexing "xy"."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = [1, 0]
    grids = []
    for place, x in zip(places, map(as_array, xi)):
        grids.append(broadcasting.reshape(x, shape=tuple(x.size if i == place else 1 for i in range(len(xi)))))
    full = grids if sparse else broadcast_arrays(*grids)
    return tuple([y.copy() if copy and not isinstance(y, Tracer) else y for y in full])


@numpy_function(np, creates=True)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The matrix whose columns are powers of `x`, the highest first unless `increasing`."""
    x = as_array(x)
    x = ew.convert(x, dtype=np.promote_types(x.dtype, int))
    count = x.shape[0] if N is None else N
    powers = range(count) if increasing else range(count - 1, -1, -1)
    return stack([x**n for n in powers], 1) if count else np.zeros((x.shape[0], 0), x.dtype)


@numpy_function(np)
def astype(x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
    """The values in another dtype; the derivative goes through floats and complex numbers."""
    return x.astype(dtype)


@numpy_function(np)
def shape(a: Array) -> tuple[int, ...]:
    """The size of each axis."""
    return as_array(a).shape


@numpy_function(np)
def ndim(a: Array) -> int:
    """The number of axes."""
    return as_array(a).ndim


@numpy_function(np)
def size(a: Array, axis: int | None = None) -> int:
    """The number of elements, or the size of one axis."""
    a = as_array(a)
    return a.size if axis is None else a.shape[axis]


@numpy_function(np)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype that an operation on these arrays, scalars and dtypes has."""
    return np.result_type(*(_typed(x) for x in arrays_and_dtypes))


def _typed(x: Any) -> Any:
    if not isinstance(x, Tracer):
        return x
    return x.dtype.type(0).item() if x.aval.weak else x.dtype


@numpy_function(np)
def iscomplexobj(x: Array) -> bool:
    """Whether the dtype is complex."""
    return as_array(x).dtype.kind == "c"


@numpy_function(np)
def isrealobj(x: Array) -> bool:
    """Whether the dtype is not complex."""
    return as_array(x).dtype.kind != "c"


@numpy_function(np)
def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether a cast between two dtypes is allowed by a rule."""
    return np.can_cast(_typed(from_), _typed(to), casting)  # type: ignore[arg-type]


@numpy_function(np)
def common_type(*arrays: Array) -> Any:
    """The inexact scalar type that holds the values of all arrays."""
    return np.common_type(*(np.empty(0, as_array(a).dtype) for a in arrays))
