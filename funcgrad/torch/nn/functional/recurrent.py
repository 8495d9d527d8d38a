"""The steps of recurrent layers, and whole layers, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.lax import scan
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
LAYER = Kind("Stack", "*")
CELLS = {mode: Kind(name, "*") for mode, name in zip(STEPS, ("Tanh", "Relu", "Mul", "AddBackward0"))}


def layer(
    mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None], reverse: bool
) -> tuple[Tensor, ...]:
    """One direction of one layer over ``(length, batch, features)``: its outputs, and the parts of its last state.

    `weights` has those of the input, of the state, both biases and the projection, or None for what is missing.
    """
    step = STEPS[mode]

    def over_time(v: Any, *rest: Any) -> tuple[Any, ...]:
        first, (w_x, w_h, b_x, b_h, projection) = rest[: len(state)], rest[len(state) :]

        def advance(now: State, given: Any) -> tuple[State, Any]:
            new = step(given, now, w_h, b_h, projection)
            return new, new[0]

        last, outs = scan(advance, tuple(first), _affine(v, w_x, b_x), reverse=reverse)
        return outs, *last

    return call(LAYER, over_time, x, *state, *weights)


def cell(mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """One step."""
    def advance(v: Any, *rest: Any) -> Any:
        parts, (wx, wh, bx, bh) = rest[: len(state)], rest[len(state) :]
        return STEPS[mode](_affine(v, wx, bx), tuple(parts), wh, bh)

    return call(CELLS[mode], advance, x, *state, *weights)
