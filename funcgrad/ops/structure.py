"""Rearranging arrays: transpose, concatenate, pad, flip. All linear, none computes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import reshape, with_batch
from funcgrad.ops.families.linear import Linear, cast
from funcgrad.ops.families.lowering import Statements, View

Shape = tuple[int, ...]


def inverse(axes: Shape) -> Shape:
    """The order of axes that undoes a transposition."""
    inverse = [0] * len(axes)
    for position, axis in enumerate(axes):
        inverse[axis] = position
    return tuple(inverse)


def _transpose_shape(x: Aval, axes: Shape) -> Aval:
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"axes {axes} are not a permutation of the {x.ndim} axes of the array")
    return Aval(tuple(x.shape[a] for a in axes), x.dtype)


transpose: Linear = Linear(
    "transpose",
    lambda x, axes: np.asarray(x).transpose(axes),
    shape=_transpose_shape,
    pull=lambda ct, i, x, axes: transpose(ct, axes=inverse(axes)),
    batch=lambda values, batched, size, params: transpose(
        values[0], axes=(0, *(a + 1 for a in params["axes"]))
    ),
    lower=View(lambda draw, index, x, axes: draw(0, [index[i] for i in inverse(axes)])),
)


def full_shape(x: Any, shape: int | Sequence[int]) -> Shape:
    """A requested shape with its -1 filled in."""
    wanted = (operator.index(shape),) if hasattr(shape, "__index__") else tuple(map(operator.index, shape))
    if -1 not in wanted:
        return wanted
    known = prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or known == 0 or x.size % known:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {wanted}")
    return tuple(x.size // known if n == -1 else n for n in wanted)


def reshaped(x: Any, shape: int | Sequence[int], order: str = "C") -> Any:
    """The elements in another shape, of which one axis may be -1; `order` "F" counts the first axis fastest."""
    wanted = full_shape(x, shape)
    if order != "F":
        return reshape(x, shape=wanted)
    backwards = tuple(range(len(x.shape)))[::-1]
    return transpose(reshape(transpose(x, axes=backwards), shape=wanted[::-1]), axes=tuple(range(len(wanted)))[::-1])


def move_axis(x: Any, source: int, destination: int) -> Any:
    """`np.moveaxis` for one axis, on any kind of value."""
    if source == destination:
        return x
    axes = list(range(np.ndim(x)))
    axes.insert(destination, axes.pop(source))
    return transpose(x, axes=tuple(axes))


def _concatenate_shape(*xs: Aval, axis: int) -> Aval:
    first = xs[0].shape
    for x in xs:
        if x.ndim != len(first) or x.shape[:axis] + x.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            shapes = ", ".join(str(x.shape) for x in xs)
            raise ValueError(f"arrays of shapes {shapes} do not fit together along axis {axis}")
    joined = sum(x.shape[axis] for x in xs)
    return Aval((*first[:axis], joined, *first[axis + 1 :]), np.result_type(*(x.dtype for x in xs)))


class Concatenate(Linear):
    """Its pull cuts the cotangent into all pieces at once: one by one, a thousand pieces would take 60 ms."""

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        pieces = self.transposed(ct, saved, **params)
        return [None if t is None else cast(c, x.dtype) for c, x, t in zip(pieces, saved, tracked)]


def _cut(ct: Any, pieces: Sequence[Aval], axis: int) -> list[Any]:
    before = (slice(None),) * axis
    ends = list(accumulate(x.shape[axis] for x in pieces))
    return [ct[(*before, slice(end - x.shape[axis], end))] for x, end in zip(pieces, ends)]


def _piece(draw: Any, index: Sequence[Any], *xs: Aval, axis: int) -> Any:
    """Each piece begins where those before it end."""

    def piece(draw: Any, k: int, start: int) -> Any:
        at = [*index[:axis], draw.at(index[axis], -start), *index[axis + 1 :]]
        if k == len(xs) - 1:
            return draw(k, at, cast=True)
        size = xs[k].shape[axis]
        return draw.inside(
            [(at[axis], 0, size)],
            lambda draw: draw(k, at, cast=True),
            lambda draw: piece(draw, k + 1, start + size),
        )

    return piece(draw, 0, 0)


def _pieces(build: Any, *xs: Aval, axis: int) -> None:
    start = 0
    for k, x in enumerate(xs):
        build.part(x.shape, _moved(k, axis, start))
        start += x.shape[axis]


def _moved(k: int, axis: int, start: int) -> Any:
    """The rule of piece k, which begins at `start`."""
    at = lambda draw, index: [*index[:axis], draw.at(index[axis], start), *index[axis + 1 :]]
    return lambda draw, index: (at(draw, index), draw(k, index, cast=True))


concatenate: Linear = Concatenate(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis=axis),
    shape=_concatenate_shape,
    pull=_cut,
    batch=lambda values, batched, size, params: concatenate(
        *(with_batch(v, b, size) for v, b in zip(values, batched)), axis=params["axis"] + 1
    ),
    linear=None,
    lower=(View(_piece, fits=lambda *xs, axis: len(xs) <= 8), Statements(_pieces)),
)

Widths = tuple[tuple[int, int], ...]


def _pad(x: Any, widths: Widths) -> np.ndarray:
    x = np.asarray(x)
    out = np.zeros([lo + n + hi for n, (lo, hi) in zip(x.shape, widths, strict=True)], x.dtype)
    out[tuple(slice(lo, lo + n) for n, (lo, _) in zip(x.shape, widths))] = x
    return out


def _pad_shape(x: Aval, widths: Widths) -> Aval:
    return Aval(tuple(lo + n + hi for n, (lo, hi) in zip(x.shape, widths, strict=True)), x.dtype)


def _padded(draw: Any, index: Sequence[Any], x: Aval, widths: Widths) -> Any:
    at = [draw.at(i, -lo) for i, (lo, _) in zip(index, widths)]
    tests = [(i, 0, n) for i, n in zip(at, x.shape)]
    return draw.inside(tests, lambda draw: draw(0, at), lambda draw: draw.zero())


pad: Linear = Linear(
    "pad",
    _pad,
    shape=_pad_shape,
    pull=lambda ct, i, x, widths: ct[tuple(slice(lo, lo + n) for n, (lo, _) in zip(x.shape, widths))],
    batch=lambda values, batched, size, params: pad(values[0], widths=((0, 0), *params["widths"])),
    lower=View(_padded),
)


def _flip(x: Any, axes: Shape) -> Any:
    x = np.asarray(x)
    return x[tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(x.ndim))]


def _flipped(draw: Any, index: Sequence[Any], x: Aval, axes: Shape) -> Any:
    return draw(0, [draw.at(i, n - 1, -1) if d in axes else i for d, (i, n) in enumerate(zip(index, x.shape))])


flip: Linear = Linear(
    "flip",
    _flip,
    shape=lambda x, axes: Aval(x.shape, x.dtype),
    pull=lambda ct, i, x, axes: flip(ct, axes=axes),
    batch=lambda values, batched, size, params: flip(values[0], axes=tuple(a + 1 for a in params["axes"])),
    lower=View(_flipped),
)
