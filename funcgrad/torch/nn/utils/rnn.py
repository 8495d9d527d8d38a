"""Sequences of several lengths as one tensor, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from funcgrad.torch._ops.create import full
from funcgrad.torch._ops.ranges import arange
from funcgrad.torch._tensor.tensor import Tensor


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
    if not isinstance(first, Tensor):
        raise TypeError(f"expected Tensor as element 0 in argument 0, but got {type(first).__name__}")
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
