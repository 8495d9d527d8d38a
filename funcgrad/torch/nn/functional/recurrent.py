"""The steps of recurrent layers, and whole layers, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.lax import scan
from funcgrad.torch._ops.pointwise import RELU
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._tensor.tensor import Tensor

State = tuple[Any, ...]


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    y = fnp.matmul(x, fnp.swapaxes(weight, 0, 1))
    return y if bias is None else y + bias


def _plain(activation: Callable[[Any], Any]) -> Callable[..., State]:
    def step(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
        return (activation(given + _affine(state[0], weight, bias)),)

    return step


def _lstm(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
    """Hochreiter and Schmidhuber, "Long short-term memory", 1997; gates in the order in, forget, cell, out."""
    h, c = state
    opens, keeps, new, shows = fnp.split(given + _affine(h, weight, bias), 4, axis=-1)
    c = nn.sigmoid(keeps) * c + nn.sigmoid(opens) * fnp.tanh(new)
    h = nn.sigmoid(shows) * fnp.tanh(c)
    return (h if projection is None else _affine(h, projection, None)), c


def _gru(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
    """Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; reset, update, new."""
    (h,) = state
    resets, keeps, new = fnp.split(given, 3, axis=-1)
    resets_h, keeps_h, new_h = fnp.split(_affine(h, weight, bias), 3, axis=-1)
    n = fnp.tanh(new + nn.sigmoid(resets + resets_h) * new_h)
    z = nn.sigmoid(keeps + keeps_h)
    return ((h - n) * z + n,)


STEPS = {"RNN_TANH": _plain(fnp.tanh), "RNN_RELU": _plain(nn.relu), "LSTM": _lstm, "GRU": _gru}
LAYER = Kind("Cat", "*")
CELLS = {
    "RNN_TANH": Kind("Tanh", "*"),
    "RNN_RELU": RELU,
    "LSTM": Kind("Mul", "*"),
    "GRU": Kind("AddBackward0", "*"),
}


def _packed(mode: str, states: int, reverse: bool, x: Any, *operands: Any) -> Any:
    """All outputs of a layer behind each other, and the last state's parts behind those: one value."""
    first, (w_x, w_h, b_x, b_h, projection) = operands[:states], operands[states:]
    step = STEPS[mode]

    def advance(state: State, given: Any) -> tuple[State, Any]:
        new = step(given, state, w_h, b_h, projection)
        return new, new[0]

    last, outs = scan(advance, tuple(first), _affine(x, w_x, b_x), reverse=reverse)
    parts = [outs, *(part[None] for part in last[1:])]
    return outs if len(parts) == 1 else fnp.concatenate([fnp.reshape(p, (-1,)) for p in parts])


def layer(
    mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None], reverse: bool
) -> tuple[Tensor, list[Tensor]]:
    """One direction of one layer over ``(length, batch, features)``: its outputs and its last state.

    `weights` has those of the input, of the state, both biases and the projection, or None for what is missing.
    """
    size = state[0].shape[-1]
    length, batch = x.shape[:2]
    packed = call(LAYER, lambda v, *rest: _packed(mode, len(state), reverse, v, *rest), x, *state, *weights)
    if len(state) == 1:
        return packed, [packed[0 if reverse else -1]]
    count = length * batch * size
    outs = packed[:count].view(length, batch, size)
    return outs, [outs[0 if reverse else -1], packed[count:].view(batch, -1)]


def cell(mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """One step."""
    w_x, w_h, b_x, b_h = weights

    def advance(v: Any, *rest: Any) -> Any:
        parts, (wx, wh, bx, bh) = rest[: len(state)], rest[len(state) :]
        new = STEPS[mode](_affine(v, wx, bx), tuple(parts), wh, bh)
        return new[0] if len(new) == 1 else fnp.stack(new)

    out = call(CELLS[mode], advance, x, *state, w_x, w_h, b_x, b_h)
    return (out,) if len(state) == 1 else (out[0], out[1])
