"""Stacks of recurrent layers, in one direction or both; `torch.lstm` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.torch._ops.join import cat, stack
from funcgrad.torch._ops.shape import select
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.dropout import dropout as dropped
from funcgrad.torch.nn.functional.recurrent import layer, packed_layer

Weights = Sequence[Tensor | None]
"""Of one direction of one layer: those of the input, of the state, both biases, and the projection."""


def stacked(
    mode: str,
    input: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Weights],
    directions: int,
    dropout: float = 0.0,
    training: bool = False,
    sizes: Sequence[int] | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The outputs of the last layer, and the last states of all, over ``(length, batch, features)``.

    With `sizes` over the rows of a packed sequence with these batch sizes. `weights` are those of the first layer's
    directions, of the second's, and so on.
    """
    lasts: list[list[Tensor]] = []
    while len(lasts) < len(weights):
        outs = []
        for reverse in range(directions):
            begin, own = [select(state, 0, len(lasts)) for state in states], weights[len(lasts)]
            if sizes is None:
                out, *last = layer(mode, input, begin, own, bool(reverse))
            else:
                out, *last = packed_layer(mode, input, sizes, begin, own, bool(reverse))
            outs.append(out)
            lasts.append(last)
        input = outs[0] if len(outs) == 1 else cat(outs, -1)
        if dropout and len(lasts) < len(weights):
            input = dropped(input, dropout, training)
    return input, tuple(stack(parts) for parts in zip(*lasts))


def _grouped(mode: str, params: Sequence[Tensor], states: Sequence[Tensor], has_biases: bool) -> list[Weights]:
    """The parameters by layer and direction, of which some may be missing in each."""
    projected = mode == "LSTM" and states[0].shape[2] != states[1].shape[2]
    count = 2 + 2 * has_biases + projected
    groups = [list(params[i : i + count]) for i in range(0, len(params), count)]
    return [[*g[:2], *(g[2:4] if has_biases else (None, None)), g[-1] if projected else None] for g in groups]


def _run(
    mode: str,
    input: Tensor,
    hx: Any,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    sizes: Sequence[int] | None = None,
) -> tuple[Tensor, ...]:
    states = tuple(hx) if mode == "LSTM" else (hx,)
    if mode == "LSTM" and len(states) != 2:
        raise RuntimeError("lstm expects two hidden states")
    weights, directions = _grouped(mode, params, states, has_biases), 1 + bool(bidirectional)
    if len(weights) != num_layers * directions:
        raise RuntimeError(
            f"{mode.lower()}: give the parameters of {num_layers} layers in {directions} directions: "
            f"{num_layers * directions} groups of them, got {len(params)} tensors"
        )
    out, lasts = stacked(mode, input, states, weights, directions, dropout, train, sizes)
    return out, *lasts


def _named(mode: str, name: str, what: str) -> Callable[..., tuple[Tensor, ...]]:
    """The function of PyTorch's: of a padded batch, or of a packed sequence, where `batch_sizes` stands second."""

    def batched(
        input: Tensor,
        hx: Any,
        params: Sequence[Tensor],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Tensor, ...]:
        x = input.transpose(0, 1) if batch_first else input
        out, *lasts = _run(mode, x, hx, params, has_biases, num_layers, dropout, train, bidirectional)
        return out.transpose(0, 1) if batch_first else out, *lasts

    def packed(
        data: Tensor,
        batch_sizes: Tensor,
        hx: Any,
        params: Sequence[Tensor],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
    ) -> tuple[Tensor, ...]:
        sizes = batch_sizes.tolist()
        return _run(mode, data, hx, params, has_biases, num_layers, dropout, train, bidirectional, sizes)

    def recurrent(*args: Any, **options: Any) -> tuple[Tensor, ...]:
        states = args[2] if len(args) > 2 else None
        is_packed = isinstance(states, Tensor) if mode != "LSTM" else isinstance(args[1] if args[1:] else None, Tensor)
        return (packed if is_packed or "batch_sizes" in options else batched)(*args, **options)

    for form in (batched, packed, recurrent):
        form.__name__ = form.__qualname__ = name
    recurrent.__doc__ = f"""{what} over time: the outputs of the last layer, and the last states of all.

    ``(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)``, or of a packed sequence
    ``(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``.
    """
    return recurrent


rnn_tanh = _named("RNN_TANH", "rnn_tanh", "Plain layers, with tanh,")
rnn_relu = _named("RNN_RELU", "rnn_relu", "Plain layers, with relu,")
gru = _named("GRU", "gru", "Gated recurrent units")
lstm = _named("LSTM", "lstm", "Long short-term memory")
