"""How elements become a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import funcgrad.torch as torch
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

NOT_HELD = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _is_textual(dtype: np.dtype) -> bool:
    return dtype.kind in "SUO"


def default_convert(data: Any) -> Any:
    """One element: arrays as tensors, in lists and dicts too."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, (np.str_, np.bytes_)):
        return data if isinstance(data, np.ndarray) and _is_textual(data.dtype) else torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return list(map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, list(map(default_convert, data)))
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Elements as a batch: tensors, arrays and numbers along a new first axis, in tuples, lists and dicts too.

    >>> default_collate([(1, 0.5), (2, 1.5)])
    [tensor([1, 2]), tensor([0.5000, 1.5000], dtype=torch.float64)]
    """
    element = batch[0]
    for kinds, joined in _JOINED.items():
        if isinstance(element, kinds):
            return joined(batch)
    if isinstance(element, Mapping):
        return _mapping_like(element, {key: default_collate([d[key] for d in batch]) for key in element})
    if isinstance(element, tuple) and hasattr(element, "_fields"):
        return type(element)(*(default_collate(samples) for samples in zip(*batch)))
    if isinstance(element, Sequence):
        if any(len(other) != len(element) for other in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(samples) for samples in zip(*batch)]
        return columns if isinstance(element, tuple) else _sequence_like(element, columns)
    raise TypeError(NOT_HELD.format(type(element)))


def _arrays(batch: Sequence[np.ndarray]) -> Any:
    if _is_textual(batch[0].dtype):
        raise TypeError(NOT_HELD.format(batch[0].dtype))
    return default_collate([torch.as_tensor(array) for array in batch])


_JOINED: dict[tuple[type, ...], Callable[[Any], Any]] = {
    (Tensor,): lambda batch: torch.stack(batch, 0),
    (np.ndarray,): _arrays,
    (np.bool_, np.number): torch.as_tensor,
    (float,): lambda batch: torch.tensor(batch, dtype=dtypes.float64),
    (int,): torch.tensor,
    (str, bytes): lambda batch: batch,
}


def _mapping_like(element: Any, entries: dict[Any, Any]) -> Any:
    try:
        if isinstance(element, MutableMapping):
            out = copy.copy(element)
            out.update(entries)
            return out
        return type(element)(entries)
    except TypeError:
        return entries


def _sequence_like(element: Any, parts: list[Any]) -> Any:
    try:
        if isinstance(element, MutableSequence):
            out = copy.copy(element)
            for i, part in enumerate(parts):
                out[i] = part
            return out
        return type(element)(parts)
    except TypeError:
        return parts
