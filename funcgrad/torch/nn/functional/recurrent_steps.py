"""Recurrent layers as PyTorch composes them: an operation for each product, gate and time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import funcgrad.numpy as fnp
from funcgrad.torch._ops.join import cat, stack
from funcgrad.torch._ops.pointwise import sigmoid, tanh
from funcgrad.torch._ops.products import matmul
from funcgrad.torch._ops.shape import t, unbind
from funcgrad.torch._record.calls import Kind, call, parts
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.activation import relu
from funcgrad.torch.nn.functional.linear import linear

UNSAFE_SPLIT = Kind("UnsafeSplit")
State = tuple[Tensor, ...]
Weights = Sequence[Tensor | None]
"""Those of the input and of the state, both biases, and the projection."""


def _parts(x: Tensor, count: int) -> tuple[Tensor, ...]:
    """Equal parts along the last axis, of memory of their own."""
    return parts(call(UNSAFE_SPLIT, lambda v: tuple(fnp.split(v, count, -1)), x))


def step(mode: str, given: Tensor, from_state: Tensor, state: State, weights: Weights) -> State:
    """The next state, from the products with the input and with the state."""
    h, projection = state[0], weights[4]
    if mode == "GRU":
        return (_gru(given, from_state, h),)
    gates = from_state + given
    if mode != "LSTM":
        return (relu(gates) if mode == "RNN_RELU" else tanh(gates),)
    enters, keeps, new, leaves = _parts(gates, 4)
    enters, keeps, new, leaves = sigmoid(enters), sigmoid(keeps), tanh(new), sigmoid(leaves)
    c = keeps * state[1] + enters * new
    h = leaves * tanh(c)
    return h if projection is None else matmul(h, t(projection)), c


def _gru(given: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
    resets, keeps, new = _parts(given, 3)
    resets_h, keeps_h, new_h = _parts(from_state, 3)
    reset, keep = sigmoid(resets_h + resets), sigmoid(keeps_h + keeps)
    n = tanh(new + new_h * reset)
    return (h - n) * keep + n


def cell(x: Tensor, *rest: Any, mode: str, states: int) -> State | Tensor:
    """One step."""
    state, weights = rest[:states], (*rest[states:], None)
    if mode == "GRU":
        given = _of_input(x, weights)
        (new,) = step(mode, given, _of_state(state, weights), state, weights)
        return new
    from_state = _of_state(state, weights)
    found = step(mode, _of_input(x, weights), from_state, state, weights)
    return found if states > 1 else found[0]


def layer(x: Tensor, *rest: Any, mode: str, states: int, reverse: bool) -> State:
    """One direction of one layer over ``(length, batch, features)``: its outputs, and the parts of its last state."""
    now, weights = rest[:states], rest[states:]
    rows = []
    for given in unbind(_of_input(x, weights))[:: -1 if reverse else 1]:
        now = step(mode, given, _of_state(now, weights), now, weights)
        rows.append(now[0])
    return stack(rows[:: -1 if reverse else 1]), *now


def packed_layer(
    x: Tensor, *rest: Any, mode: str, states: int, sizes: Sequence[int], reverse: bool
) -> State:
    """As `layer`, over the rows of the first time, of the second, ...: as many as `sizes` say."""
    first: State = rest[:states]
    weights = rest[states:]
    inputs, ends = _of_input(x, weights), list(accumulate(sizes))
    now = tuple(s[: sizes[-1]] for s in first) if reverse else first
    done: list[State] = []
    rows = []
    for end, size in list(zip(ends, sizes))[:: -1 if reverse else 1]:
        had = now[0].shape[0]
        if size < had:
            done.append(tuple(s[size:] for s in now))
            now = tuple(s[:size] for s in now)
        elif size > had:
            now = tuple(cat([s, b[had:size]]) for s, b in zip(now, first))
        now = step(mode, inputs[end - size : end], _of_state(now, weights), now, weights)
        rows.append(now[0])
    last = now if not done else tuple(cat(list(parts)) for parts in zip(now, *done[::-1]))
    return cat(rows[:: -1 if reverse else 1]), *last


def _of_input(x: Tensor, weights: Weights) -> Tensor:
    assert weights[0] is not None
    return linear(x, weights[0], weights[2])


def _of_state(state: State, weights: Weights) -> Tensor:
    assert weights[1] is not None
    return linear(state[0], weights[1], weights[3])
