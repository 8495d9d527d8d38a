"""Recursive filters of signals: `lfilter`, `sosfilt`, and both forward and back."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import scipy.signal

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops import convolve as vectors
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.contract import mT
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.signal.recurrence import recurrence

_scipy_function = beside(scipy.signal)


@_scipy_function
def lfilter(b: Array, a: Array, x: Array, axis: int = -1, zi: Array | None = None) -> Any:
    """A signal filtered by ``a[0] y[n] = b[0] x[n] + b[1] x[n-1] + ... - a[1] y[n-1] - a[2] y[n-2] - ...``.

    Args:
        b, a: the vectors of coefficients. `a[0]` is not 0.
        x: signals along `axis`.
        axis: the axis of time.
        zi: the state before the first sample, ``max(len(a), len(b)) - 1`` along `axis`; it broadcasts.

    Returns:
        The filtered signals, and with `zi` also the state behind the last sample.

    Raises:
        ValueError: a shape does not fit, or `a[0]` is 0.

    Values and derivatives are filters too, so a gradient takes a few times as long as the filter.

    Example:
        >>> fg.grad(lambda a: lfilter([1.0], [1.0, a], np.array([1.0, 0.0, 0.0]))[2])(-0.5).item()
        -1.0
    """
    b, a, x = (as_inexact(v) for v in (b, a, x))
    b, a = fnp.atleast_1d(b), fnp.atleast_1d(a)
    axis = axis_of(axis, x.ndim)
    if b.ndim != 1 or a.ndim != 1 or not b.size or not a.size:
        raise ValueError(f"b and a must be vectors that are not empty, not of shapes {b.shape} and {a.shape}")
    first = known(a[0])
    if len(a) > 1 and first is not None and first == 0:
        raise ValueError("a[0], which the equation is divided by, must not be 0")
    state = None if zi is None else as_inexact(zi)
    dtype = np.result_type(*(v.dtype for v in (b, a, x) if v is not None), *(() if state is None else (state.dtype,)))
    b, a, x = (ew.convert(v, dtype=dtype) for v in (b, a, x))
    moved = fnp.moveaxis(x, axis, -1)
    if state is not None:
        state = _state(ew.convert(state, dtype=dtype), moved.shape, max(len(a), len(b)) - 1, axis)
    y, last = _filtered(b / a[0], a[1:] / a[0], moved.reshape((prod(moved.shape[:-1]), moved.shape[-1])), state)
    y = fnp.moveaxis(y.reshape(moved.shape), -1, axis)
    if last is None:
        return y
    return y, fnp.moveaxis(last.reshape(moved.shape[:-1] + last.shape[-1:]), -1, axis)


def _state(zi: Array, shape: tuple[int, ...], order: int, axis: int) -> Array:
    """As rows, one for each signal."""
    wanted = (*shape[:-1], order)
    if zi.ndim == len(shape):
        zi = fnp.moveaxis(zi, axis, -1)
    if zi.ndim != len(shape) or zi.shape[-1] != order or any(n not in (1, m) for n, m in zip(zi.shape, wanted)):
        raise ValueError(f"zi must have {order} elements along the axis of time, and otherwise the shape of x")
    return broadcast_to(zi, shape=wanted).reshape((prod(shape[:-1]), order))


def _filtered(b: Array, a: Array, x: Array, state: Array | None) -> tuple[Array, Array | None]:
    """Rows of signals, for a leading coefficient 1. What the filter forgets of its input and output is its state."""
    n = x.shape[1]
    order = max(len(a), len(b) - 1)
    if not x.size:
        return x, state
    driving = _rows_convolved(b, x)
    if state is None:
        driving = driving[:, :n]
    else:
        driving = _longer(driving, n + order) + fnp.pad(state, ((0, 0), (0, n)))
    y = mT(recurrence(a, mT(driving[:, :n]))) if len(a) else driving[:, :n]
    if state is None:
        return y, None
    last = driving[:, n:]
    if len(a):
        last = last - _longer(_rows_convolved(a, y)[:, n - 1 :], order)
    return y, last


def _rows_convolved(v: Array, rows: Array) -> Array:
    return vectors.convolve(broadcast_to(v, shape=(rows.shape[0], v.shape[0])), rows)


def _longer(rows: Array, size: int) -> Array:
    return fnp.pad(rows, ((0, 0), (0, size - rows.shape[1])))


@_scipy_function
def lfilter_zi(b: Array, a: Array) -> Array:
    """The state of `lfilter` in which a signal of ones is what it will be for ever.

    Example:
        >>> fg.grad(lambda a: lfilter_zi(np.array([1.0]), np.stack([1.0, a]))[0])(-0.5).round(12)
        np.float64(-4.0)
    """
    b, a = fnp.atleast_1d(as_inexact(b)), fnp.atleast_1d(as_inexact(a))
    if b.ndim != 1 or a.ndim != 1:
        raise ValueError(f"b and a must be vectors, not of shapes {b.shape} and {a.shape}")
    order = max(len(a), len(b)) - 1
    b, a = (fnp.pad(v / a[0], (0, order + 1 - len(v))) for v in (b, a))
    unit = np.eye(order)
    step = fnp.concatenate([-a[1:, None], unit[:, :-1]], axis=1)
    return fnp.linalg.solve(unit - step, b[1:] - a[1:] * b[0])


@_scipy_function
def filtfilt(
    b: Array,
    a: Array,
    x: Array,
    axis: int = -1,
    padtype: str | None = "odd",
    padlen: int | None = None,
    method: str = "pad",
    irlen: int | None = None,
) -> Array:
    """A signal filtered forward and back, so that no phase is shifted.

    Args:
        b, a, x, axis: as in `lfilter`.
        padtype: how the signal goes on beyond its ends: "odd", "even", "constant", or None.
        padlen: how far; 3 times the number of coefficients by default.
        method: "pad"; "gust" is for plain arrays only.
        irlen: of "gust".

    Example:
        >>> x = np.sin(np.arange(12.0))
        >>> fg.grad(lambda x: filtfilt([0.5, 0.5], [1.0], x)[5])(x)[4:7]
        array([0.25, 0.5 , 0.25])
    """
    if method not in ("pad", "gust"):
        raise ValueError(f"method must be 'pad' or 'gust', not {method!r}")
    if method == "gust":
        raise NotImplementedError("method 'gust' is for plain arrays only; 'pad' takes traced values")
    b, a, x = (as_inexact(v) for v in (b, a, x))
    b, a = fnp.atleast_1d(b), fnp.atleast_1d(a)
    rest = lfilter_zi(b, a)
    once = lambda v, scale: lfilter(b, a, v, zi=rest * scale)[0]
    return _forth_and_back(x, axis, padtype, padlen, 3 * max(len(a), len(b)), once)


def _forth_and_back(
    x: Array, axis: int, padtype: str | None, padlen: int | None, usual: int, once: Callable[[Array, Array], Array]
) -> Array:
    """`once(signals, first)` filters along the last axis, as if the first sample had always been."""
    if padtype not in ("odd", "even", "constant", None):
        raise ValueError(f"padtype must be 'odd', 'even', 'constant' or None, not {padtype!r}")
    axis = axis_of(axis, x.ndim)
    edge = 0 if padtype is None else usual if padlen is None else padlen
    n = x.shape[axis]
    if n <= edge:
        raise ValueError(f"signals of length {n} must be longer than padlen, {edge}")
    x = fnp.moveaxis(x, axis, -1)
    if edge:
        before, after = x[..., edge:0:-1], x[..., -2 : -(edge + 2) : -1]
        first, last = x[..., :1], x[..., -1:]
        if padtype == "odd":
            before, after = 2 * first - before, 2 * last - after
        elif padtype == "constant":
            before, after = first + 0 * before, last + 0 * after
        x = fnp.concatenate([before, x, after], axis=-1)
    for _ in range(2):
        x = once(x, x[..., :1])[..., ::-1]
    return fnp.moveaxis(x[..., edge : edge + n], -1, axis)


def _sections(sos: Array) -> Array:
    sos = as_inexact(sos)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError(f"sos must have the shape (sections, 6), not {sos.shape}")
    leading = known(sos[:, 3])
    if leading is not None and not np.all(leading == 1):
        raise ValueError("sos[:, 3] should be all ones")
    return sos


@_scipy_function
def sosfilt(sos: Array, x: Array, axis: int = -1, zi: Array | None = None) -> Any:
    """A signal filtered by sections of order 2, one behind the other.

    Args:
        sos: ``(sections, 6)``: b and a of each section; ``sos[:, 3]`` is 1.
        x: signals along `axis`.
        axis: the axis of time.
        zi: the state of each section, ``(sections, ...)`` with 2 elements along `axis` of x.

    Returns:
        The filtered signals, and with `zi` also the states behind the last sample.

    Example:
        >>> sos = np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]])
        >>> fg.grad(lambda x: sosfilt(sos, x)[2])(np.ones(3))
        array([0.25, 0.5 , 1.  ])
    """
    sos, x = _sections(sos), as_inexact(x)
    states = None if zi is None else as_inexact(zi)
    axis = axis_of(axis, x.ndim)
    if states is not None:
        wanted = (sos.shape[0], *x.shape[:axis], 2, *x.shape[axis + 1 :])
        if states.shape != wanted:
            raise ValueError(f"zi must have the shape {wanted}, not {states.shape}")
    last = []
    for i in range(sos.shape[0]):
        if states is None:
            x = lfilter(sos[i, :3], sos[i, 3:], x, axis)
        else:
            x, state = lfilter(sos[i, :3], sos[i, 3:], x, axis, states[i])
            last.append(state)
    return x if states is None else (x, fnp.stack(last))


@_scipy_function
def sosfilt_zi(sos: Array) -> Array:
    """The states of `sosfilt` in which a signal of ones is what it will be for ever.

    Example:
        >>> fg.grad(lambda s: sosfilt_zi(s)[0, 0])(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]))[0, 4]
        np.float64(-4.0)
    """
    sos = _sections(sos)
    scale: Array = 1.0
    found = []
    for i in range(sos.shape[0]):
        b, a = sos[i, :3], sos[i, 3:]
        found.append(scale * lfilter_zi(b, a))
        scale = scale * b.sum() / a.sum()
    return fnp.stack(found)


@_scipy_function
def sosfiltfilt(
    sos: Array, x: Array, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None
) -> Array:
    """`filtfilt` with sections of order 2.

    Example:
        >>> sos = np.array([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]])
        >>> fg.grad(lambda x: sosfiltfilt(sos, x)[6])(np.ones(12))[5:8]
        array([0.25, 0.5 , 0.25])
    """
    sos, x = _sections(sos), as_inexact(x)
    count = 2 * sos.shape[0] + 1
    ends = known(sos)
    if ends is not None:
        count -= int(min((ends[:, 2] == 0).sum(), (ends[:, 5] == 0).sum()))
    rest = sosfilt_zi(sos)

    def once(v: Array, first: Array) -> Array:
        return sosfilt(sos, v, zi=rest.reshape((rest.shape[0],) + (1,) * (v.ndim - 1) + (2,)) * first)[0]

    return _forth_and_back(as_array(x), axis, padtype, padlen, 3 * count, once)
