"""Gathering and scattering by tensors of places."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops.extremes import along
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import PLACES, USE_WHERE
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

GATHER, INDEX_SELECT, SCATTER = Kind("Gather", "-"), Kind("IndexSelect", "-"), Kind("Scatter", "-")
SCATTER_ADD, MASKED_SELECT = Kind("ScatterAdd", "-"), Kind("MaskedSelect", "-")


def _index(index: Tensor) -> Any:
    """The values as an array, or traced: without a derivative."""
    value = constant(index._read())
    return value if isinstance(value, Tracer) else np.asarray(value)


def _places(index: Tensor) -> Any:
    if index._read().dtype.kind not in "iu":
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    return _index(index)


@named()
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and alike."""
    axis, places = dimension(dim, input.dim()), _places(index)
    return call(GATHER, widened(lambda v: v[along(places, v.shape, axis)], np.float16), input)


@named()
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    axis, places = dimension(dim, input.dim()), _index(index)
    return call(INDEX_SELECT, lambda v: getitem(v, (*(slice(None),) * axis, places)), input)


@named(in_place=True)
def scatter(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """A copy with out[index[i][j]][j] = src[i][j] for dim 0, and alike."""
    return _scattered(SCATTER, "set", input, dim, index, src)


@named(in_place=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i][j] added to out[index[i][j]][j] for dim 0, and alike."""
    return _scattered(SCATTER_ADD, "add", input, dim, index, src)


def _scattered(kind: Kind, how: str, input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    axis, places = dimension(dim, input.dim()), _places(index)
    if not isinstance(src, Tensor):
        src = fresh(np.full(places.shape, dtypes.held(src, input._read().dtype)))
    if src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    region = tuple(slice(n) for n in places.shape)
    scattered = widened(lambda v, s: update(v, along(places, v.shape, axis), s[region], how), np.float16)
    return call(kind, scattered, input, src)


@named()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    array = input._array(PLACES, USE_WHERE)
    return tuple(map(fresh, np.nonzero(np.atleast_1d(array)))) if as_tuple else fresh(np.argwhere(array))


@named()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    return call(MASKED_SELECT, lambda v: getitem(v, _index(mask)), input)
