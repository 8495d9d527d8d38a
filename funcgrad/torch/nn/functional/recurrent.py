"""The steps of recurrent layers, and whole layers, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.core.graph import is_staging
from funcgrad.lax import scan
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.values import add, affine, concatenate, logistic, multiply, relu, reshape, subtract, tanh
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._tensor.tensor import Tensor

State = tuple[Any, ...]


def _part(x: Any, number: int, count: int) -> Any:
    """One of equal parts along the last axis."""
    ahead, size = (slice(None),) * (len(x.shape) - 1), x.shape[-1] // count
    return getitem(x, (*ahead, slice(number * size, (number + 1) * size)))


def _plain(activation: Callable[[Any], Any]) -> Callable[..., State]:
    def step(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
        return (activation(add(given, affine(state[0], weight, bias))),)

    return step


def _lstm(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
    """Hochreiter and Schmidhuber, "Long short-term memory", 1997; gates in the order in, forget, cell, out."""
    h, c = state
    gates = add(given, affine(h, weight, bias))
    opened = logistic(gates)  # of the cell's too, which is not used: one call costs less than three
    c = add(multiply(_part(opened, 1, 4), c), multiply(_part(opened, 0, 4), tanh(_part(gates, 2, 4))))
    h = multiply(_part(opened, 3, 4), tanh(c))
    return (h if projection is None else affine(h, projection)), c


def _gru(given: Any, state: State, weight: Any, bias: Any, projection: Any = None) -> State:
    """Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; reset, update, new."""
    (h,) = state
    resets, keeps, new = (_part(given, i, 3) for i in range(3))
    from_state = affine(h, weight, bias)
    resets_h, keeps_h, new_h = (_part(from_state, i, 3) for i in range(3))
    n = tanh(add(new, multiply(logistic(add(resets, resets_h)), new_h)))
    z = logistic(add(keeps, keeps_h))
    return (add(multiply(subtract(h, n), z), n),)


STEPS = {"RNN_TANH": _plain(tanh), "RNN_RELU": _plain(relu), "LSTM": _lstm, "GRU": _gru}
LAYER = Kind("Stack", "*a?")
CELLS = {mode: Kind(name, "*a?") for mode, name in zip(STEPS, ("Tanh", "Relu", "Mul", "AddBackward0"))}


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

        inputs, now = affine(v, w_x, b_x), tuple(first)
        if is_staging() or not v.shape[0]:
            now, outs = scan(advance, now, inputs, reverse=reverse)
            return outs, *now
        rows = []
        for time in range(v.shape[0])[:: -1 if reverse else 1]:
            now, y = advance(now, getitem(inputs, time))
            rows.append(reshape(y, shape=(1, *y.shape)))
        return concatenate(*rows[:: -1 if reverse else 1], axis=0), *now

    return call(LAYER, over_time, x, *state, *weights)


def cell(mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """One step."""
    def advance(v: Any, *rest: Any) -> Any:
        parts, (wx, wh, bx, bh) = rest[: len(state)], rest[len(state) :]
        return STEPS[mode](affine(v, wx, bx), tuple(parts), wh, bh)

    return call(CELLS[mode], advance, x, *state, *weights)
