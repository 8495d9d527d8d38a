"""Sequences of several lengths as one tensor, padded or packed, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from funcgrad.names import own_names as _own_names
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.create import as_tensor, empty_like, full, tensor
from funcgrad.torch._ops.extremes import sort
from funcgrad.torch._ops.ranges import arange
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import need_elements
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

PACK = Kind("PackPaddedSequence", "")
UNSORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
    "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not "
    "need ONNX exportability."
)


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences of several lengths without padding: `data` has the rows of the first time of all sequences, of the
    second time of those that are as long, and so on; `batch_sizes` says how many there are at each time.

    Sequences stand in it in the order of their lengths. `sorted_indices` has the places they had before, where they
    were sorted, and `unsorted_indices` leads back.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            assert isinstance(data, (list, tuple)) and len(data) == 2, "Expected data to be a list or tuple of length 2"
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With other data, converted as `Tensor.to` does; itself where nothing changes."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self) -> PackedSequence:
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """PyTorch's error: there are no such devices."""
        return self.to("cuda")

    def double(self) -> PackedSequence:
        return self.to(dtypes.float64)

    def float(self) -> PackedSequence:
        return self.to(dtypes.float32)

    def half(self) -> PackedSequence:
        return self.to(dtypes.float16)

    def long(self) -> PackedSequence:
        return self.to(dtypes.int64)

    def int(self) -> PackedSequence:
        return self.to(dtypes.int32)

    def short(self) -> PackedSequence:
        return self.to(dtypes.int16)

    def char(self) -> PackedSequence:
        return self.to(dtypes.int8)

    def byte(self) -> PackedSequence:
        return self.to(dtypes.uint8)

    @property
    def is_cuda(self) -> bool:
        return False

    def is_pinned(self) -> bool:
        return self.data.is_pinned()


@overload
def invert_permutation(permutation: Tensor) -> Tensor: ...
@overload
def invert_permutation(permutation: None) -> None: ...
def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that leads back.

    >>> import funcgrad.torch as torch
    >>> invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    return empty_like(permutation).scatter_(0, permutation, arange(permutation.numel()))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Sequences ``(T, B, *)``, or ``(B, T, *)``, of which the first `lengths` elements count, as a `PackedSequence`.

    With `enforce_sorted` they must come with falling lengths; else they are sorted.

    >>> import funcgrad.torch as torch
    >>> pack_padded_sequence(torch.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)[:2]
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    lengths = lengths.to(dtypes.int64) if isinstance(lengths, Tensor) else as_tensor(lengths, dtype=dtypes.int64)
    order = None
    batch = 0 if batch_first else 1
    if not enforce_sorted:
        lengths, order = sort(lengths, descending=True)
        input = input.index_select(batch, order)
    sizes = _batch_sizes(lengths, input.size(batch), input)
    if len(sizes) > input.size(1 - batch):
        raise RuntimeError(f"`lengths` has {len(sizes)}, but the sequences are {input.size(1 - batch)} long, padded")
    times = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.concatenate([np.arange(size) for size in sizes])
    places = (rows, times) if batch_first else (times, rows)
    return PackedSequence(call(PACK, lambda v: getitem(v, places), input), tensor(sizes), order)


def _batch_sizes(lengths: Tensor, batch: int, input: Tensor) -> list[int]:
    """How many sequences have an element at each time, after PyTorch's checks."""
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.dim() != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D cpu Long tensor"
        )
    found = lengths.tolist()
    if len(found) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(found)} (batch_size={batch})"
        )
    if found[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if found != sorted(found, reverse=True):
        raise RuntimeError(UNSORTED)
    return [sum(length > time for length in found) for time in range(found[0])]


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The sequences filled up at their ends, ``(T, B, *)`` or ``(B, T, *)``, and their lengths.

    >>> import funcgrad.torch as torch
    >>> packed = pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])])
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    longest = sequence.batch_sizes.size(0)
    data, batch_sizes, _, back = sequence
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    sizes = batch_sizes.tolist()
    out = full((total_length or longest, sizes[0], *data.shape[1:]), padding_value, dtype=data.dtype)
    lengths = tensor([sum(size > row for size in sizes) for row in range(sizes[0])])
    start = time = 0
    while time < longest:  # times with as many sequences are written together
        size = sizes[time]
        count = next((n for n, other in enumerate(sizes[time:]) if other != size), longest - time)
        out[time : time + count, :size] = data[start : start + count * size].view(count, size, *data.shape[1:])
        start, time = start + count * size, time + count
    if batch_first:
        out = out.transpose(0, 1)
    if back is None:
        return out, lengths
    return out.index_select(0 if batch_first else 1, back), lengths[back]


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences ``(L, *)`` as ``(longest L, N, *)``, or ``(N, longest L, *)``, filled up at their ends or beginnings.

    >>> import funcgrad.torch as torch
    >>> pad_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    parts = tuple(sequences)
    if not parts:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    first = parts[0]
    need_elements(parts)
    longest = max(part.shape[0] for part in parts)
    sizes = (len(parts), longest) if batch_first else (longest, len(parts))
    out = full((*sizes, *first.shape[1:]), padding_value, dtype=first.dtype)
    for i, part in enumerate(parts):
        place = slice(longest - part.shape[0], None) if padding_side == "left" else slice(part.shape[0])
        out[(i, place) if batch_first else (place, i)].copy_(part)
    return out


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The first elements of each sequence, as many as `lengths` say: what `pad_sequence` was given.

    As in PyTorch, a tensor that is not `batch_first` has its dimensions exchanged by it.
    """
    if not batch_first:
        padded_sequences.transpose_(0, 1)
    places = arange(padded_sequences.shape[1])
    return [row[places < length] for row, length in zip(padded_sequences, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences ``(L, *)`` as a `PackedSequence`; with `enforce_sorted` they must come with falling lengths."""
    lengths = as_tensor([part.size(0) for part in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences ``(L, *)`` that were packed.

    >>> import funcgrad.torch as torch
    >>> unpack_sequence(pack_sequence([torch.tensor([4]), torch.tensor([1, 2])], enforce_sorted=False))
    [tensor([4]), tensor([1, 2])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
