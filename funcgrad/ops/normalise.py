"""Normalised exponentials along axes, with one rule each in place of those of the five operations they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer, not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.ops import elementwise as ew
from funcgrad.ops.reduce import expanded, reduce_max, reduce_sum
from funcgrad.ops.structure import reshape

Axes = tuple[int, ...]


def _kept(reduced: Any, shape: tuple[int, ...], axes: Axes) -> Any:
    return reshape(reduced, shape=expanded(shape, axes))


def _shifted(x: Any, axes: Axes) -> Any:
    """`x` minus its maximum, which does not change the ratios."""
    return x - _kept(reduce_max(ew.stop_gradient(x), axes=axes), x.shape, axes)


def _total(terms: Any, axes: Axes) -> Any:
    return _kept(reduce_sum(terms, axes=axes), terms.shape, axes)


def _composed_softmax(x: Any, axes: Axes) -> Any:
    terms = ew.exp(_shifted(x, axes))
    return terms / _total(terms, axes)


def _composed_log_softmax(x: Any, axes: Axes) -> Any:
    shifted = _shifted(x, axes)
    return shifted - ew.log(_total(ew.exp(shifted), axes))


def _softmax(x: Any, axes: Axes) -> Any:
    terms = ew.exp(x - np.maximum.reduce(x, axes, keepdims=True))
    return terms / np.add.reduce(terms, axes, keepdims=True)


def _log_softmax(x: Any, axes: Axes) -> Any:
    shifted = x - np.maximum.reduce(x, axes, keepdims=True)
    return shifted - np.log(np.add.reduce(ew.exp(shifted), axes, keepdims=True))


class Normalised(Primitive):
    """A function along axes whose derivative is `diag(d) - outer(left, right)` there.

    `parts(y)` gives `d`, `left` and `right`, None for ones. The pull is the push with `left` and `right` exchanged.
    `impl` computes with NumPy's functions at once. Programs that are written down have the operations instead, those of
    `composed`: they become one kernel with what is around them.
    """

    dissolves = True

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        composed: Callable[..., Any],
        parts: Callable[[Any], tuple[Any, Any, Any]],
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.composed = composed
        self.parts = parts
        register(self)

    def __call__(self, x: Any, axes: Axes) -> Any:
        """With a shorter way for plain arrays on the tape of one gradient, as in `ops/entries.py`."""
        if type(x) is TapeTracer and type(x.value) is np.ndarray and x.value.dtype.kind in "fc" and x._trace.alive:
            y = self.impl(x.value, axes)
            return TapeTracer(x._trace, y, Node(self, {"axes": axes}, (x.node,), y, here()))
        return super().__call__(x, axes=axes)

    def shape(self, x: Aval, axes: Axes) -> Aval:
        return Aval(x.shape, x.dtype)

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return self.composed(*args, **params)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        return y, y if y.dtype.kind in "fc" else None

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise not_linear(self)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        d, left, right = self.parts(saved)
        return _without_outer(tangents[0], d, left, right, params["axes"])

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        d, left, right = self.parts(saved)
        return (_without_outer(ct, d, right, left, params["axes"]),)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return wrap(saved, node)

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(values[0], axes=tuple([a + 1 for a in params["axes"]]))


def _without_outer(t: Any, d: Any, left: Any, right: Any, axes: Axes) -> Any:
    """`d * t - left * sum(right * t)`."""
    weighted = t if right is None else right * t
    kept = t if d is None else weighted if d is right else d * t
    total = np.add.reduce(weighted, axes, keepdims=True) if type(weighted) is np.ndarray else _total(weighted, axes)
    return kept - (total if left is None else left * total)


softmax = Normalised("softmax", _softmax, _composed_softmax, lambda y: (y, y, y))
"""`exp(x)` divided by its sum along `axes`, a sorted tuple."""
log_softmax = Normalised("log_softmax", _log_softmax, _composed_log_softmax, lambda y: (None, None, ew.exp(y)))
"""The logarithm of `softmax`, without overflow or underflow."""


class Standardised(Primitive):
    """`(x - mean) / sqrt(variance + eps)` along axes.

    Its derivative `t -> (t - mean(t) - y * mean(y * t)) / sqrt(variance + eps)` is its own transpose. Programs that are
    written down have the operations that it is made of, as those of `Normalised`.
    """

    dissolves = True

    def __init__(self) -> None:
        super().__init__("standardise")
        register(self)

    def impl(self, x: Any, axes: Axes, eps: float) -> Any:
        return _standard(x, axes, eps)[0]

    def shape(self, x: Aval, axes: Axes, eps: float) -> Aval:
        return Aval(x.shape, x.dtype)

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return self.impl(*args, **params)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        x = values[0]
        y, deviation = _standard(x, **params) if type(x) is np.ndarray else (self(x, **params), None)
        return y, (y, x, deviation)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise not_linear(self)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        return self.pull(saved, (), tangents[0], params)[0]

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        y, x, deviation = saved
        axes = params["axes"]
        if deviation is None:
            deviation = _deviation(_centred(x, axes), **params)
        return ((_centred(ct, axes) - y * _mean(y * ct, axes)) / deviation,)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return wrap(saved[0], node), wrap(saved[1], parents[0]), None

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(values[0], axes=tuple([a + 1 for a in params["axes"]]), eps=params["eps"])


def _mean(x: Any, axes: Axes) -> Any:
    total = np.add.reduce(x, axes, keepdims=True) if type(x) is np.ndarray else _total(x, axes)
    return total / prod([x.shape[a] for a in axes])


def _centred(x: Any, axes: Axes) -> Any:
    return x - _mean(x, axes)


def _deviation(centred: Any, axes: Axes, eps: float) -> Any:
    return ew.sqrt(_mean(ew.square(centred), axes) + eps)


def _standard(x: Any, axes: Axes, eps: float) -> tuple[Any, Any]:
    centred = _centred(x, axes)
    deviation = _deviation(centred, axes, eps)
    return centred / deviation, deviation


standardise = Standardised()
