"""Pooling: the largest, the mean or the norm of each window."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.lax import add as lax_add
from funcgrad.lax import reduce_window
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.reduce import mean
from funcgrad.torch._ops.shape import squeeze, unsqueeze
from funcgrad.torch._ops.values import gather, reshape
from funcgrad.torch._record.calls import Kind, call, call_with
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.sizes import per_dim
from funcgrad.torch.nn.functional.windows import Ints, adaptive_counts, windows, with_defaults

SQUEEZE, SQUEEZE_PLACES = Kind("SqueezeBackward1", "x"), Kind("SqueezeBackward1", "xi")
AVERAGES = SQUEEZE, Kind("AvgPool2DBackward0", "x"), Kind("AvgPool3DBackward0", "x")
MAXIMA = SQUEEZE_PLACES, Kind("MaxPool2DWithIndicesBackward0", "xi"), Kind("MaxPool3DWithIndicesBackward0", "xi")
ADAPTIVE = SQUEEZE, Kind("AdaptiveAvgPool2DBackward0", "x"), Kind("AdaptiveAvgPool3DBackward0", "x")
ADAPTIVE_MAXIMA = SQUEEZE_PLACES, Kind("AdaptiveMaxPool2DBackward0", "xi"), Kind("AdaptiveMaxPool3DBackward0", "xi")


class Places:
    """Where the elements of windows stand in the flattened space: `at` is ``(windows, window)``, `inside` says which
    are no padding."""

    def __init__(self, sizes: Ints, counts: Ints, window: Ints, stride: Ints, padding: Ints, dilation: Ints) -> None:
        space = len(sizes)
        self.at = np.zeros((1,) * (2 * space), np.int64)
        self.inside = np.ones((1,) * (2 * space), bool)
        for axis in range(space):
            starts = np.arange(counts[axis]) * stride[axis] - padding[axis]
            along = starts[:, None] + np.arange(window[axis]) * dilation[axis]
            shape = [1] * (2 * space)
            shape[axis], shape[space + axis] = along.shape
            along = along.reshape(shape)
            self.inside = self.inside & (along >= 0) & (along < sizes[axis])
            self.at = self.at * sizes[axis] + np.clip(along, 0, sizes[axis] - 1)
        self.at, self.inside = (a.reshape(prod(counts), prod(window)) for a in (self.at, self.inside))


_places = lru_cache(maxsize=64)(Places)


def _largest(v: Any, places: np.ndarray, inside: np.ndarray) -> Any:
    """The place, in the flattened space, of the first of the largest (or of a NaN) in each window."""
    candidates = fnp.take(v, places, axis=-1)
    if not inside.all():
        candidates = fnp.where(inside, candidates, -np.inf if v.dtype.kind == "f" else np.iinfo(v.dtype).min)
    best = fnp.argmax(candidates, axis=-1)
    return fnp.take(places.reshape(-1), best + np.arange(len(places)) * places.shape[1])


def _taken(x: Any, at: Any) -> Any:
    """Elements by their places among all."""
    return gather(reshape(x, shape=(prod(x.shape),)), at)


def _pooled_at(input: Tensor, kind: Kind, at: np.ndarray, inside: np.ndarray, counts: Ints) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and the places of these."""
    v = constant(input._read())
    ahead, size = v.shape[: v.ndim - len(counts)], prod(v.shape[v.ndim - len(counts) :])
    chosen = fnp.reshape(_largest(fnp.reshape(v, (*ahead, size)), at, inside), (*ahead, *counts))
    first = np.arange(0, prod(ahead) * size, size or 1).reshape(*ahead, *(1,) * len(counts))
    where = fresh(chosen)
    found = call_with((where,), kind, _taken, input, at=chosen + first)
    return like_images(found, input), like_images(where, input)


def _by_rows(pool: Callable[..., Any], *how: Any, **options: Any) -> Any:
    """A pool along one dimension, as PyTorch composes it: of an image with one row."""
    *sizes, input = how
    image = [(default, *n) if type(n) is tuple else n for n, default in zip(sizes, (1, 1, 0, 1, 0, 0))]
    found = pool(unsqueeze(input, -2), *image, **options)
    return tuple(squeeze(t, -2) for t in found) if isinstance(found, tuple) else squeeze(found, -2)


def _laid(result: Tensor, input: Tensor) -> Tensor:
    """Volumes are never channels last where PyTorch's kernels for them know one order only."""
    return like_images(result, *([input] if input.dim() < 5 else []))


def _max_pool(space: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"max_pool{space}d"

    def indexed(called: str, input: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
        found = windows(called, input, space, *options)
        refuse(input, *(("iubc", "max_pool1d_impl") if space == 1 else ("bc", name)))
        places = _places(*found)
        kind, counts = MAXIMA[space - 1], found.counts
        plain = partial(_pooled_at, kind=kind, at=places.at, inside=places.inside, counts=counts)
        if space > 1:
            return plain(input)
        return composite(partial(_by_rows, max_pool2d_with_indices, *found[2:], *options[4:]), plain, input)

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """The largest element of each window, and where in the flattened space they stand."""
        return indexed(f"{name}_with_indices", input, kernel_size, stride, padding, dilation, ceil_mode)

    def max_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        """The largest element of each window; with `return_indices` also where it stands."""
        called = f"{name}_with_indices" if return_indices else name
        found = indexed(called, input, kernel_size, stride, padding, dilation, ceil_mode)
        return found if return_indices else found[0]

    max_pool.__name__ = max_pool.__qualname__ = name
    with_indices.__name__ = with_indices.__qualname__ = name + "_with_indices"
    return max_pool, with_indices


def _sums(x: Any, counts: Ints, window: Ints, stride: Ints, padding: Ints) -> Any:
    """The sum of each window, of which the last may reach beyond the padding."""
    space = len(window)
    ahead = x.ndim - space
    pads = [
        (p, max((c - 1) * s + k - n - p, 0))
        for n, c, k, s, p in zip(x.shape[ahead:], counts, window, stride, padding)
    ]
    ones = (1,) * ahead
    out = reduce_window(x, x.dtype.type(0), lax_add, ones + window, ones + stride, [(0, 0)] * ahead + pads)
    return out[(..., *(slice(c) for c in counts))]


def _divisors(sizes: Ints, counts: Ints, window: Ints, stride: Ints, padding: Ints, include_pad: bool) -> np.ndarray:
    """By how much each window is divided: what hangs over behind the padding never counts."""
    total = np.ones((), np.int64)
    for n, c, k, s, p in zip(sizes, counts, window, stride, padding):
        start = np.arange(c) * s - p
        end = np.minimum(start + k, n + p)
        along = end - start if include_pad else np.minimum(end, n) - np.maximum(start, 0)
        total = total[..., None] * along
    return total


def _averaged(x: Any, counts: Ints, window: Ints, stride: Ints, padding: Ints, divisors: Any) -> Any:
    sums = _sums(x, counts, window, stride, padding)
    return sums / divisors if x.dtype.kind in "fc" else kinks.truncated_quotient(sums, divisors)


_average = widened(_averaged, np.float16)


def _avg_pool(space: int) -> Callable[..., Tensor]:
    name = f"avg_pool{space}d"

    def pooled(
        input: Tensor,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor: int | None,
    ) -> Tensor:
        if divisor == 0:
            raise RuntimeError("divisor must be not zero")
        found = windows(name, input, space, kernel_size, stride, padding, 1, ceil_mode)
        sizes, counts, window, steps, pads, _ = found
        if input._read().dtype != np.int64:
            refuse(input, "iubce" if space == 3 else "iubc", "avg_pool3d_out_frame" if space == 3 else "avg_pool2d")
        by: Any = divisor
        if by is None:
            by = _divisors(sizes, counts, window, steps, pads, count_include_pad).astype(input._read().dtype)
        options = {"counts": counts, "window": window, "stride": steps, "padding": pads, "divisors": by}
        plain = partial(call, AVERAGES[space - 1], _average, **options)
        if space > 1:
            return _laid(plain(input), input)
        form = partial(_by_rows, avg_pool2d, window, steps, pads, ceil_mode, count_include_pad)
        return _laid(composite(form, plain, input), input)

    def avg_pool1d(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Tensor:
        """The mean of each window."""
        return pooled(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)

    def avg_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        """The mean of each window, or its sum divided by `divisor_override`."""
        return pooled(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    avg_pool.__name__ = avg_pool.__qualname__ = name
    return avg_pool1d if space == 1 else avg_pool


def _bounds(n: int, count: int) -> list[tuple[int, int]]:
    """Where the windows begin and end that cover `n` elements."""
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


def _adaptive_means(x: Any, counts: Ints) -> Any:
    """One dimension after the other: windows of one size as such, others by the matrix that takes their means."""
    space = len(counts)
    sizes = x.shape[x.ndim - space :]
    if all(c and n % c == 0 for n, c in zip(sizes, counts)):
        window = tuple(n // c for n, c in zip(sizes, counts))
        return _sums(x, counts, window, window, (0,) * space) / prod(window)
    for axis, (n, count) in enumerate(zip(sizes, counts), x.ndim - space):
        weights = np.zeros((n, count), x.dtype)
        for i, (start, end) in enumerate(_bounds(n, count)):
            weights[start:end, i] = 1 / (end - start)
        x = fnp.moveaxis(fnp.tensordot(x, weights, ((axis,), (0,))), -1, axis)
    return x


_adaptive_mean = widened(_adaptive_means, np.float16)


def _adaptive_avg_pool(space: int) -> Callable[..., Tensor]:
    name = f"adaptive_avg_pool{space}d"

    def adaptive_avg_pool(input: Tensor, output_size: Any) -> Tensor:
        """The means of as many windows as the output has elements; None keeps a size."""
        counts = adaptive_counts(name, input, with_defaults(output_size, input) if space > 1 else output_size, space)
        if space > 1 and set(counts) == {1}:
            return mean(input, tuple(range(-space, 0)), True)
        refuse(input, "iubc", "adaptive_avg_pool3d_cpu" if space == 3 else "adaptive_avg_pool2d")
        plain = partial(call, ADAPTIVE[space - 1], _adaptive_mean, counts=counts)
        found = plain(input) if space > 1 else composite(partial(_by_rows, adaptive_avg_pool2d, counts), plain, input)
        return _laid(found, input)

    adaptive_avg_pool.__name__ = adaptive_avg_pool.__qualname__ = name
    return adaptive_avg_pool


def _adaptive_places(sizes: Ints, counts: Ints) -> tuple[np.ndarray, np.ndarray]:
    """Where the elements of windows stand in the flattened space, and which of them are in the window."""
    if 0 in counts:
        return np.zeros((0, 1), np.int64), np.ones((0, 1), bool)
    at, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for n, count in zip(sizes, counts):
        bounds = _bounds(n, count)
        steps = np.arange(max(end - start for start, end in bounds))
        starts, ends = (np.array(b)[:, None] for b in zip(*bounds))
        along, within = np.minimum(starts + steps, n - 1), starts + steps < ends
        at = (at[:, None, :, None] * n + along[None, :, None, :]).reshape(len(at) * count, -1)
        inside = (inside[:, None, :, None] & within[None, :, None, :]).reshape(at.shape)
    return at, inside


def _adaptive_max_pool(space: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"adaptive_max_pool{space}d"

    def adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        """The largest element of as many windows as the output has elements."""
        counts = adaptive_counts(name, input, with_defaults(output_size, input) if space > 1 else output_size, space)
        refuse(input, "iubc", "adaptive_max_pool3d_cpu" if space == 3 else "adaptive_max_pool2d")
        at, inside = _adaptive_places(tuple(input.shape[-space:]), counts)
        plain = partial(_pooled_at, kind=ADAPTIVE_MAXIMA[space - 1], at=at, inside=inside, counts=counts)
        form = partial(_by_rows, adaptive_max_pool2d, counts, return_indices=True)
        largest, places = plain(input) if space > 1 else composite(form, plain, input)
        return (_laid(largest, input), _laid(places, input)) if return_indices else _laid(largest, input)

    def with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
        """The largest element of as many windows as the output has elements, and where they stand."""
        return adaptive_max_pool(input, output_size, True)

    adaptive_max_pool.__name__ = adaptive_max_pool.__qualname__ = name
    with_indices.__name__ = with_indices.__qualname__ = name + "_with_indices"
    return adaptive_max_pool, with_indices


(max_pool1d, max_pool1d_with_indices), (max_pool2d, max_pool2d_with_indices), (max_pool3d, max_pool3d_with_indices) = (
    map(_max_pool, (1, 2, 3))
)
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive_max_pool(1)
adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive_max_pool(2)
adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive_max_pool(3)


def _lp_pool(space: int) -> Callable[..., Tensor]:
    name = f"lp_pool{space}d"

    def lp_pool(
        input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Tensor:
        """The sum of powers of each window to the inverse power; for inf the largest size, for -inf the smallest."""
        if norm_type == np.inf:
            return MAX_POOLS[space - 1](input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        if norm_type == -np.inf:
            return -MAX_POOLS[space - 1](-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        means = AVG_POOLS[space - 1](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (means.sign() * means.abs().relu()).mul(prod(per_dim(kernel_size, space))).pow(1.0 / norm_type)

    lp_pool.__name__ = lp_pool.__qualname__ = name
    return lp_pool


MAX_POOLS, AVG_POOLS = (max_pool1d, max_pool2d, max_pool3d), (avg_pool1d, avg_pool2d, avg_pool3d)
lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))
