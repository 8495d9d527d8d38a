"""The steps of recurrent layers, and whole layers, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from funcgrad.core.staging import is_staging
from funcgrad.lax import scan
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.values import add, affine, concatenate, logistic, multiply, relu, reshape, subtract, tanh
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import one_dtype
from funcgrad.torch._record.tape import note_of, on_tape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional import recurrent_steps
from funcgrad.transforms.fused import fused

State = tuple[Any, ...]


def _part(x: Any, number: int, count: int) -> Any:
    """One of equal parts along the last axis."""
    ahead, size = (slice(None),) * (len(x.shape) - 1), x.shape[-1] // count
    return getitem(x, (*ahead, slice(number * size, (number + 1) * size)))


def _elman(activation: Callable[[Any], Any]) -> Callable[..., State]:
    @fused
    def step(given: Any, weight: Any, bias: Any, projection: Any, h: Any) -> State:
        return (activation(add(given, affine(h, weight, bias))),)

    return step


@fused
def _lstm(given: Any, weight: Any, bias: Any, projection: Any, h: Any, c: Any) -> State:
    """Hochreiter and Schmidhuber, "Long short-term memory", 1997; gates in the order in, forget, cell, out."""
    gates = add(given, affine(h, weight, bias))
    opened = logistic(gates)  # of the cell's too, which is not used: one call costs less than three
    c = add(multiply(_part(opened, 1, 4), c), multiply(_part(opened, 0, 4), tanh(_part(gates, 2, 4))))
    h = multiply(_part(opened, 3, 4), tanh(c))
    return (h if projection is None else affine(h, projection)), c


@fused
def _gru(given: Any, weight: Any, bias: Any, projection: Any, h: Any) -> State:
    """Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; reset, update, new."""
    resets, keeps, new = (_part(given, i, 3) for i in range(3))
    from_state = affine(h, weight, bias)
    resets_h, keeps_h, new_h = (_part(from_state, i, 3) for i in range(3))
    n = tanh(add(new, multiply(logistic(add(resets, resets_h)), new_h)))
    z = logistic(add(keeps, keeps_h))
    return (add(multiply(subtract(h, n), z), n),)


@fused
def _stacked(*rows: Any) -> Any:
    return concatenate(*[reshape(y, shape=(1, *y.shape)) for y in rows], axis=0)


STEPS = {"RNN_TANH": _elman(tanh), "RNN_RELU": _elman(relu), "LSTM": _lstm, "GRU": _gru}
LAYER, PACKED = Kind("Stack", "*"), Kind("Cat", "*")
CELLS = {mode: Kind(name, "*") for mode, name in zip(STEPS, ("Tanh", "Relu", "Mul", "AddBackward0"))}


LAST = {"RNN_TANH": ("Tanh",), "RNN_RELU": ("Relu",), "LSTM": ("Mul", "Add"), "GRU": ("Add",)}
"""The last operations of each part of a state."""


def _named(last: Sequence[str], found: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The results, of which those behind the first are called by the last operation of each."""
    for t, name in zip(found[1:], last):
        if on_tape(t._value) and (note := note_of(t._value.node)) is not None and note.form is not None:
            note.name = f"{name}Backward0"
    return found


def _check_state(mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None]) -> None:
    """PyTorch's errors for a state of another dtype; for an LSTM of float32 it has a kernel of oneDNN's."""
    title, own = state[0].dtype.title, x.dtype.title
    if mode == "LSTM" and weights[-1] is None and own == "Float" and any(s.dtype is not x.dtype for s in state):
        raise RuntimeError("get_mkldnn_dtype: unsupported data type")
    if title != own:
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {title} and {own}")


def layer(
    mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None], reverse: bool
) -> tuple[Tensor, ...]:
    """One direction of one layer over ``(length, batch, features)``: its outputs, and the parts of its last state.

    `weights` has those of the input, of the state, both biases and the projection, or None for what is missing.
    """
    step = STEPS[mode]
    _check_state(mode, x, state, weights)
    if not x.shape[0]:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")

    def over_time(v: Any, *rest: Any) -> tuple[Any, ...]:
        first, (w_x, w_h, b_x, b_h, projection) = rest[: len(state)], rest[len(state) :]

        def advance(now: State, given: Any) -> tuple[State, Any]:
            new = step(given, w_h, b_h, projection, *now)
            return new, new[0]

        inputs, now = affine(v, w_x, b_x), tuple(first)
        if is_staging():
            now, outs = scan(advance, now, inputs, reverse=reverse)
            return outs, *now
        rows = []
        for time in range(v.shape[0])[:: -1 if reverse else 1]:
            now, y = advance(now, getitem(inputs, time))
            rows.append(y)
        return _stacked(*rows[:: -1 if reverse else 1]), *now

    form = partial(recurrent_steps.layer, mode=mode, states=len(state), reverse=reverse)
    last = ("Mm", "Add") if weights[4] is not None else LAST[mode]
    return _named(last, composite(form, partial(call, LAYER, over_time), x, *state, *weights))


def packed_layer(
    mode: str, x: Tensor, sizes: Sequence[int], state: Sequence[Tensor], weights: Sequence[Tensor | None], reverse: bool
) -> tuple[Tensor, ...]:
    """As `layer`, over a packed sequence: the rows of the first time, of the second, ..., as many as `sizes` say.

    The sequences stand in the order of their lengths, so those that go on are always the first ones.
    """
    step = STEPS[mode]

    def over_time(v: Any, *rest: Any) -> tuple[Any, ...]:
        first, (w_x, w_h, b_x, b_h, projection) = tuple(rest[: len(state)]), rest[len(state) :]
        inputs, ends = affine(v, w_x, b_x), list(accumulate(sizes))
        now: State = tuple(_rows(s, 0, 0 if reverse else sizes[0]) for s in first)
        done: list[State] = []
        outs = []
        for end, size in list(zip(ends, sizes))[:: -1 if reverse else 1]:
            had = now[0].shape[0]
            if size < had:
                done.append(tuple(_rows(s, size, had) for s in now))
                now = tuple(_rows(s, 0, size) for s in now)
            elif size > had:
                now = tuple(concatenate(s, _rows(b, had, size), axis=0) for s, b in zip(now, first))
            now = step(_rows(inputs, end - size, end), w_h, b_h, projection, *now)
            outs.append(now[0])
        last = [concatenate(*parts, axis=0) for parts in zip(now, *done[::-1])]
        return concatenate(*outs[:: -1 if reverse else 1], axis=0), *last

    form = partial(recurrent_steps.packed_layer, mode=mode, states=len(state), sizes=sizes, reverse=reverse)
    return composite(form, partial(call, PACKED, over_time), x, *state, *weights)


def _rows(x: Any, start: int, stop: int) -> Any:
    return getitem(x, slice(start, stop))


def cell(mode: str, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """One step."""
    for given, weight in ((x, weights[0]), (state[0], weights[1])):
        one_dtype("mat1 and mat2 must have the same dtype, but got {} and {}", given, weight)

    def advance(v: Any, *rest: Any) -> Any:
        parts, (wx, wh, bx, bh) = rest[: len(state)], rest[len(state) :]
        return STEPS[mode](affine(v, wx, bx), wh, bh, None, *parts)

    form = partial(recurrent_steps.cell, mode=mode, states=len(state))
    found = composite(form, partial(call, CELLS[mode], advance), x, *state, *weights)
    return _named(LAST[mode][1:], found) if type(found) is tuple else (found,)
