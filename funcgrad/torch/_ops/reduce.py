"""Sums, means, products, spreads, norms, softmax, cumulative sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from funcgrad import lax, nn
from funcgrad import numpy as fnp
from funcgrad.core.frames import hide, hides
from funcgrad.core.warned import warn
from funcgrad.torch._ops import kinks, values
from funcgrad.torch._ops.arity import ABSENT, given, quick_of_one, shortened, with_short_way
from funcgrad.torch._ops.compare import PLAIN
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.select import copied
from funcgrad.torch._ops.table import named, titled
from funcgrad.torch._record.calls import Kind, call, contiguous, need_tensor
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.operands import as_floating, cast, refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

Dims = int | Sequence[int] | None


def dims_of(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Sorted non-negative dimensions; None and no dimensions stand for all."""
    if dim is None or (not isinstance(dim, int) and not len(dim)):
        return tuple(range(ndim))
    dims = sorted(dimension(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) != len(dims):
        twice = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return tuple(d for d in dims if d < ndim)


def _kinds(name: str, saves: str = "") -> tuple[Kind, Kind]:
    return Kind(f"{name}Backward0", saves), Kind(f"{name}Backward1", saves)


def ready(input: Tensor, dtype: dtypes.dtype | None, function: str, sums: bool = True) -> Tensor:
    """In the dtype that is summed: int64 for integers."""
    need_tensor(input, function)
    kind = dtypes.as_numpy(dtype)
    if kind is not None:
        if kind.kind not in "fc" and input.requires_grad and mode.enabled:
            raise RuntimeError(f"Autograd not support dtype: {dtypes.of(kind).title}")
        return input if input._read().dtype == kind else cast(input, kind)
    if sums and input._read().dtype.kind in "biu":
        return cast(input, np.dtype(np.int64))
    return input


def _kept(fun: Callable[..., Any], dtype: dtypes.dtype | None) -> Callable[..., Any]:
    """The function in the dtype that was asked for: NumPy widens small integers, and counts bools."""
    if dtype is None:
        return fun
    kind = dtypes.as_numpy(dtype)
    return lambda v, **params: fun(v, **params).astype(kind)


SUM, SUM_DIM = _kinds("Sum")
MEAN, MEAN_DIM = _kinds("Mean")
NANSUM = Kind("Nansum", "x=")
def _prod(v: Any, dims: tuple[int, ...], keepdim: bool, dtype: dtypes.dtype | None) -> Any:
    return _kept(widened(lambda v: values.prod(v, dims, keepdim), np.float16), dtype)(v)


def _prod_read(keep: Any, v: Any, dims: tuple[int, ...], keepdim: bool, dtype: dtypes.dtype | None) -> Any:
    """Linear in the factors, of the product that was saved; where a factor is zero, PyTorch does not read it."""
    fixed = constant(v)
    found = keep(_prod(fixed, dims, keepdim, dtype))
    if fnp.any(fnp.equal(fixed, 0)):
        return _prod(v, dims, keepdim, dtype)
    return fnp.multiply(found, fnp.sum(fnp.divide(v, fixed), axis=dims, keepdims=keepdim))


PROD, PROD_DIM = (Kind(name, "xr", reads=_prod_read) for name in ("Prod", "ProdBackward1"))


ALL = tuple(tuple(range(ndim)) for ndim in range(65))
"""All axes of an array, by their number, of which NumPy allows 64."""


def _of_all(fun: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda v: fun(v, ALL[len(v.shape)])


@named(out=True)
@shortened(_of_all(values.total), SUM, narrow=False)
def sum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The sum over `dim` (all dimensions by default); integers sum in int64."""
    x = ready(input, dtype, "sum")
    kind = SUM if dim is None and not keepdim else SUM_DIM
    return call(kind, _kept(_total, dtype), x, axes=dims_of(dim, len(x._read().shape)), keepdims=keepdim)


@named(out=True)
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The sum over `dim` of what is not NaN."""
    need_tensor(input, "nansum")
    dims = dims_of(dim, input.dim())
    refuse(input, "c", "nansum on CPU does not support complex inputs")
    x = ready(input, dtype, "nansum")
    if input.is_floating_point() and input.numel():
        refuse(x, "c", "nansum_cpu")
    known = widened(lambda v: fnp.nansum(v, axis=dims, keepdims=keepdim), np.float16)
    return call(NANSUM, _kept(known, dtype), x)


def _inexact(asked: dtypes.dtype | None, function: str) -> None:
    """PyTorch's error for a mean in integers."""
    if asked is not None and not (asked.is_floating_point or asked.is_complex):
        raise RuntimeError(
            f"{function}(): could not infer output dtype. Optional dtype must be either a floating point or "
            f"complex dtype. Got: {asked.title}"
        )


def others_of(dims: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """The dimensions that stay."""
    return tuple([d for d in range(ndim) if d not in dims])


def count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    """How many elements are reduced to one."""
    n = 1
    for d in dims:
        n *= shape[d]
    return n


def _mean(v: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    return values.divide(values.total(v, axes, keepdims), count(v.shape, axes) or np.nan)


_total, _average = widened(values.total, np.float16), widened(_mean, np.float16)


@named(out=True)
@shortened(_of_all(_mean), MEAN, narrow=False)
def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The mean over `dim` (all dimensions by default) of a floating tensor."""
    if dtype is not None:
        _inexact(dtype, "mean")
    x = ready(input, dtype, "mean", sums=False)
    if x._read().dtype.kind not in "fc":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: "
            f"{x.dtype.title}"
        )
    dims = dims_of(dim, len(x._read().shape))
    return call(MEAN if dim is None and not keepdim else MEAN_DIM, _average, x, axes=dims, keepdims=keepdim)


@named(out=True)
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The mean over `dim` of what is not NaN."""
    need_tensor(input, "nanmean")
    if input._read().dtype.kind not in "fc":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype.title}"
        )
    _inexact(dtype, "nanmean")
    x = ready(input, dtype, "nanmean", sums=False)
    kept = call(PLAIN, lambda v: fnp.logical_not(fnp.isnan(raw(v))), x)
    return nansum(x, dim, keepdim) / sum(kept, dim, keepdim)


@named(out=True)
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The product over `dim` (all dimensions by default)."""
    x = ready(input, dtype, "prod")
    dims = dims_of(dim, x.dim())
    return call(PROD if dim is None else PROD_DIM, _prod, x, dims=dims, keepdim=keepdim, dtype=dtype)


# Spreads and norms

NO_FREEDOM = (
    "{function}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input "
    "numel divided by output numel)."
)


def _spread(name: str, deviates: bool, with_mean: bool, doc: str) -> Callable[..., Any]:
    """Variances or deviations, with the means or without."""
    kind = Kind(name.title().replace("_", ""), ("x1" if with_mean else "xr") if deviates else "x")

    def compute(
        input: Tensor,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        need_tensor(input, name)
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if input._read().dtype.kind not in "fc":
            raise RuntimeError(
                f"{name if with_mean else 'std and var'} only support floating point and complex dtypes"
            )
        correction = correction if correction is not None else 0 if unbiased is False else 1
        dims = dims_of(dim, input.dim())
        n = (count(input.shape, dims) if count(input.shape, others_of(dims, input.dim())) else 0) - correction
        if n <= 0:
            warn(NO_FREEDOM.format(function=name), UserWarning)

        def spread(v: Any) -> Any:
            d = fnp.subtract(v, _mean(v, dims, True) if dims else v)
            squares = values.total(kinks.squared(d), dims, keepdim)
            squares = kinks.over_freedom(squares, n if dim is not None and v.ndim else max(n, 0))
            return kinks.root(squares) if deviates else squares

        def centre(v: Any) -> Any:
            return _mean(v, dims, keepdim)

        spreads, centres = (widened(fun, np.float16, np.float32) for fun in (spread, centre))
        return call(kind, (lambda v: (spreads(v), centres(v))) if with_mean else spreads, input)

    if with_mean:
        compute.__annotations__["return"] = "tuple[Tensor, Tensor]"
    return named(method=not with_mean, out=True)(titled(compute, name, doc))


var = _spread("var", False, False, "The variance over `dim`, divided by the count less `correction` (1 by default).")
std = _spread("std", True, False, "The square root of `var`.")
var_mean, std_mean = (_spread(f"{n}_mean", n == "std", True, f"`{n}` and `mean`.") for n in ("var", "std"))


NORM = Kind("LinalgVectorNorm", "xr", reads=kinks.vector_norm_read)
vector_norm = widened(kinks.norm, np.float16)


def _for_norm(x: Tensor, dtype: dtypes.dtype | None) -> Tensor:
    """In the dtype that was asked for, which may only be wider."""
    if dtype is None:
        return x
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"linalg.vector_norm: dtype should be floating point or complex, but got {dtype.title}")
    if dtype.is_complex != x.is_complex():
        kinds = ("complex", "real") if dtype.is_complex else ("real", "complex")
        raise RuntimeError(
            f"linalg.vector_norm: dtype should be {kinds[1]} for {kinds[1]} inputs, but got {dtype.title}"
        )
    if dtype.itemsize < x.dtype.itemsize:
        raise RuntimeError(
            f"linalg.vector_norm: the dtype of the input ({x.dtype.title}) should be convertible without narrowing to "
            f"the specified dtype ({dtype.title})"
        )
    return x if x.dtype is dtype else cast(x, dtype.numpy)


@named(out=True)
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """The p-norm over `dim`. As in PyTorch, the gradient of the 2-norm at zero is zero."""
    need_tensor(input, "norm")
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm() has no order {p!r}: torch.linalg.matrix_norm has those of matrices")
    order = 2.0 if p in ("fro", None) else float(p)
    if input._read().dtype.kind not in "fc":
        raise RuntimeError(norm_error(input))
    dims = dims_of(dim, input.dim())
    input = _for_norm(input, dtype)
    if (order < 0 or order == np.inf) and not count(input.shape, dims):
        raise RuntimeError(no_norm(input, order, dim))
    return call(NORM, vector_norm, input, order=order, axes=dims, keepdims=keepdim)


def no_norm(x: Tensor, order: float, dim: Dims) -> str:
    """PyTorch's error for a norm of nothing."""
    whole = dim is None or not x.dim()
    given = () if dim is None else (dim,) if isinstance(dim, int) else dim
    empty = next((d for d in given if x.dim() and not x.shape[d]), None)
    where = "an empty tensor because" if whole else f"the dimension {empty}because this dimension is empty and"
    return f"linalg.vector_norm cannot compute the {order:g} norm on {where} the operation does not have an identity"


def norm_error(x: Tensor) -> str:
    """PyTorch's error for the norm of integers."""
    return f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.dtype.title}"


# Truth


def _truth(name: str, fun: Any) -> Callable[..., Tensor]:
    kind = Kind(name)

    def truth(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        out = call(kind, lambda v: fun(raw(v), axis=dims_of(dim, len(v.shape)), keepdims=keepdim), input)
        return cast(out, input._read().dtype) if input.dtype is dtypes.uint8 else out

    return named(out=True)(titled(truth, name, f"Whether {name} of the elements over `dim` are true."))


any, all = _truth("any", fnp.any), _truth("all", fnp.all)


COUNT_NONZERO = Kind("count_nonzero")


@named()
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements over `dim` are not zero."""
    return call(COUNT_NONZERO, lambda v: fnp.count_nonzero(raw(v), axis=dims_of(dim, len(v.shape))), input)


# Softmax and cumulative sums

SOFTMAX, LOG_SOFTMAX = Kind("Softmax", "r"), Kind("LogSoftmax", "r")
CUMSUM = Kind("Cumsum")


def _normalised(kind: Kind, fun: Callable[..., Any], x: Tensor, dim: int, kernel: str) -> Tensor:
    value = x._read()
    shape = value.shape
    axis = dimension(dim, len(shape))
    if 0 in shape:
        return call(kind, copied, x)
    if value.dtype.kind != "f":
        refuse(x, "biuc", f"{kernel}_lastdim_kernel_impl" if axis >= len(shape) - 1 else f"{kernel}_kernel_impl")
    if shape:
        return contiguous(call(kind, fun, x, axes=(axis,)))
    return call(kind, lambda v: values.reshape(fun(values.reshape(v, shape=(1,)), axes=(0,)), shape=()), x)


def _normalisation(kind: Kind, fun: Callable[..., Any], name: str, doc: str) -> Callable[..., Tensor]:
    """A function along a dimension, for each of which there is the short way of functions of one tensor."""
    widely = widened(fun, np.float16)

    def slowly(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
        return _normalised(kind, widely, ready(input, dtype, name, sums=False), dim, name)

    def quick(slowly: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @lru_cache(16)
        def along(dim: int) -> Callable[..., Tensor]:
            def whole(v: Any) -> Any:
                axes = (dimension(dim, len(v.shape)),)
                return copied(v) if 0 in v.shape else fun(v, axes)

            return quick_of_one(whole, kind, lambda x: slowly(x, dim), narrow=False)

        def apply(input: Any = ABSENT, dim: Any = ABSENT, *more: Any, **options: Any) -> Tensor:
            try:
                if type(dim) is int and isinstance(input, Tensor) and not (more or options):
                    return contiguous(along(dim)(input))
                return slowly(*given(input, dim), *more, **options)
            except Exception as error:
                hide(error)
                raise

        return hides(apply)

    return named(out=True)(with_short_way(quick)(titled(slowly, name, doc)))


softmax = _normalisation(
    SOFTMAX, values.softmax, "softmax", "exp(input), scaled so that it sums to one along `dim`."
)
log_softmax = _normalisation(LOG_SOFTMAX, values.log_softmax, "log_softmax", "The logarithm of `softmax`.")


def _logsumexp(v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    y = kinks.logsumexp(nn.logsumexp, v, dims)
    return y if keepdim else values.reshape(y, shape=tuple([n for i, n in enumerate(v.shape) if i not in dims]))


def _logsumexp_read(keep: Any, v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    found = keep(widened(_logsumexp, np.float16)(constant(v), dims=dims, keepdim=keepdim))
    wide = found if keepdim else fnp.expand_dims(found, dims)
    return fnp.sum(fnp.exp(fnp.subtract(v, wide)), axis=dims, keepdims=keepdim)


LOGSUMEXP = Kind("Logsumexp", "xr", reads=_logsumexp_read)


@named(out=True)
def logsumexp(input: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    """log(sum(exp(input), dim)), without overflow."""
    need_tensor(input, "logsumexp")
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' (position 2) must be tuple of ints, not NoneType")
    x = as_floating(input)
    return call(LOGSUMEXP, widened(_logsumexp, np.float16), x, dims=dims_of(dim, x.dim()), keepdim=keepdim)


def _cumulated(fun: Callable[..., Any], axis: int) -> Callable[[Any], Any]:
    return widened(lambda v: fun(v, axis=axis) if len(v.shape) else copied(v), np.float16)


@named(in_place=True, out=True)
def cumsum(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """Running sums along `dim`."""
    x = ready(input, dtype, "cumsum")
    axis = dimension(dim, x.dim())
    if x.dim() and x.numel():
        refuse(x, "b", "cumsum_out_cpu")
    return contiguous(call(CUMSUM, _kept(_cumulated(fnp.cumsum, axis), dtype), x))


def _cumprod(v: Any, axis: int, dtype: dtypes.dtype | None) -> Any:
    return _kept(_cumulated(fnp.cumprod, axis), dtype)(v)


def _cumprod_read(keep: Callable[..., Any], v: Any, axis: int, dtype: dtypes.dtype | None) -> Any:
    """Linear in the factors, of the products that were saved, as PyTorch has it where no factor is zero."""
    fixed = constant(v)
    products = _cumprod(fixed, axis, dtype)
    found = keep(products)
    if not fnp.any(fnp.equal(fixed, 0)):
        return fnp.multiply(found, _cumulated(fnp.cumsum, axis)(fnp.divide(v, fixed)))
    if found is not products:
        raise NotImplementedError(
            "saved_tensors_hooks: let unpack_hook give the products of cumprod back as they were packed: where factors "
            "are zero, funcgrad.torch has no derivative that reads others"
        )
    return _cumprod(v, axis, dtype)


CUMPROD = Kind("Cumprod", "xr", reads=_cumprod_read)


@named(in_place=True, out=True)
def cumprod(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """Running products along `dim`."""
    x = ready(input, dtype, "cumprod")
    axis = dimension(dim, x.dim())
    if x.dim() and x.numel():
        refuse(x, "b", "cumprod_out_cpu")
    return contiguous(call(CUMPROD, _cumprod, x, axis=axis, dtype=dtype))


def _running_logsumexp(v: Any, axis: int) -> Any:
    return lax.associative_scan(kinks.logaddexp, v, axis=axis) if v.dtype.kind == "c" else lax.cumlogsumexp(v, axis)


def _logcumsumexp(v: Any, axis: int) -> Any:
    return _cumulated(_running_logsumexp, axis)(v)


def _logcumsumexp_read(keep: Any, v: Any, axis: int) -> Any:
    found = keep(_logcumsumexp(constant(v), axis))
    return fnp.exp(fnp.subtract(_logcumsumexp(v, axis), found))


LOGCUMSUMEXP = Kind("Logcumsumexp", "xr", reads=_logcumsumexp_read)


@named(out=True)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithms of running sums of exponentials along `dim`."""
    need_tensor(input, "logcumsumexp")
    axis = dimension(dim, input.dim())
    refuse(input, "biu", "logcumsumexp_out_cpu")
    return call(LOGCUMSUMEXP, _logcumsumexp, input, axis=axis)
