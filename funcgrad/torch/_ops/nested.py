"""Python's data as arrays: numbers, arrays and tensors in lists of lists, with PyTorch's dtypes and errors."""

from __future__ import annotations

from functools import partial, reduce
from itertools import chain
from typing import Any

import numpy as np

from funcgrad.torch._record.left import left
from funcgrad.torch._record.modes import quietly
from funcgrad.torch._record.operands import number
from funcgrad.torch._record.story import PastCut, cut
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor import dtypes, messages
from funcgrad.torch._tensor.tensor import Tensor

_PLAIN, _LISTS = {bool, int, float, complex}, {list, tuple}
_MOST_DIMENSIONS = 128
_SLOW = (
    "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting the list to a "
    "single numpy.ndarray with numpy.array() before converting to a tensor."
)


def array_of(data: Any, dtype: np.dtype | None) -> tuple[np.ndarray, tuple[PastCut, ...]]:
    """Data as an array of its own, and the cuts of tensors inside."""
    if hasattr(data, "__array__") and not isinstance(data, Tensor):
        array = np.array(data)
        check_memory(data if isinstance(data, np.ndarray) else array)
        return (array if dtype is None else quietly(array.astype, dtype)), ()
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    cuts: list[PastCut] = []
    types = _numbers_in(data)
    if types is not None:
        plain, cuts = data, list(left.cuts_of(data))
        own = dtype or reduce(dtypes.promoted, [dtypes.of_number(kind()) for kind in types] or [dtypes.default()])
    else:
        plain = _plain(data, cuts) if isinstance(data, Tensor) else _of_numbers(data, cuts, dtype)
        _sizes(plain)  # whose errors come first
        own = _inferred(plain) if dtype is None else dtype
    try:
        array = np.array(plain)
    except ValueError:
        _check(plain, _sizes(plain), own)
        raise
    if array.dtype.kind not in "fciub":
        _check(plain, _sizes(plain), own)
    return quietly(partial(dtypes.converted, array), own), tuple(cuts)


def check_memory(array: np.ndarray) -> None:
    """PyTorch's errors for arrays whose memory it cannot read."""
    size = array.dtype.itemsize
    if any(n % size for n in array.strides if size):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate the "
            "memory."
        )
    if any(n < 0 for n in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  with "
            "array.copy().) "
        )
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    dtypes.of(array.dtype)


def _numbers_in(data: Any) -> set[type] | None:
    """The types of Python's numbers in nested lists, in one quick walk; None where there is something else."""
    if type(data) in _PLAIN:
        return {type(data)}
    if type(data) not in _LISTS:
        return None
    types, lists = set(map(type, data)), [data]
    while types and types <= _LISTS:
        lists = list(chain.from_iterable(lists))
        types = set(map(type, chain.from_iterable(lists)))
    return types if types <= _PLAIN else None


def _plain(x: Tensor, cuts: list[PastCut]) -> Any:
    """The array of a tensor, whose cuts are added."""
    cuts.extend(x._cuts)
    if on_tape(x._read()):
        x._number(lambda n: n)
        cuts[:] = cut("tensor", x._read(), tuple(cuts))
    return x._array()


def _of_numbers(x: Any, cuts: list[PastCut], dtype: np.dtype | None) -> Any:
    """Nested lists, in which a tensor stands for its one number; PyTorch's error for any other."""
    if isinstance(x, Tensor):
        if x.numel() != 1:
            kind = x._read().dtype if dtype is None else dtype
            if kind.kind in "iu":
                raise TypeError("only integer tensors of a single element can be converted to an index")
            raise ValueError("only one element tensors can be converted to Python scalars")
        return _plain(x, cuts).reshape(())
    if isinstance(x, (list, tuple)):
        return [_of_numbers(y, cuts, dtype) for y in x]
    if type(x) is float:
        cuts.extend(left.cuts_of(x))
    return x


def _is_sequence(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.ndim > 0
    return hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, (dict, np.generic))


def _sizes(x: Any) -> tuple[int, ...]:
    """The shape, which the first elements tell."""
    sizes: list[int] = []
    while _is_sequence(x):
        if isinstance(x, np.ndarray):
            if sizes:
                messages.warn_once(_SLOW)
            return (*sizes, *x.shape)
        sizes.append(len(x))
        if len(sizes) > _MOST_DIMENSIONS:
            raise ValueError(f"too many dimensions '{type(x).__name__}'")
        if not len(x):
            break
        x = x[0]
    return tuple(sizes)


def _inferred(x: Any) -> np.dtype:
    """The common dtype: of Python's numbers the default ones, of the rest its own."""
    if isinstance(x, (np.ndarray, np.generic)):
        return dtypes.of(x.dtype).numpy
    for kind in (bool, int, float, complex):
        if isinstance(x, kind):
            return dtypes.of_number(kind())
    if isinstance(x, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(x).__name__}'")
    if not _is_sequence(x):
        raise RuntimeError(f"Could not infer dtype of {type(number(x)).__name__}")
    if not len(x):
        return dtypes.default()
    return reduce(dtypes.promoted, map(_inferred, x))


def _check(x: Any, sizes: tuple[int, ...], kind: np.dtype, dim: int = 0) -> None:
    """PyTorch's error for the first element that is missing, too many, or no number."""
    if dim == len(sizes):
        if not isinstance(x, (int, float, complex, np.number, np.bool_, np.ndarray)):
            whole = f"'{type(x).__name__}' object cannot be interpreted as an integer"
            raise TypeError(whole if kind.kind in "iub" else f"must be real number, not {type(x).__name__}")
        return
    if not _is_sequence(x):
        raise TypeError("not a sequence")
    if len(x) != sizes[dim]:
        raise ValueError(f"expected sequence of length {sizes[dim]} at dim {dim} (got {len(x)})")
    for y in x:
        _check(y, sizes, kind, dim + 1)
