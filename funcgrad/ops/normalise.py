"""Functions along axes with one rule each, in place of those of the five to ten operations they are made of.

Normalised exponentials, the logarithm of their sum, and standardising. Along neighbouring axes of large arrays a kernel
of `rows.py` does each of them, and each of the derivatives, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.linear import not_linear
from funcgrad.core.provenance import here
from funcgrad.core.tape import TapeTracer, recorded
from funcgrad.core.trace import Primitive, Tracer, register
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import expanded, reduce_sum, reshape
from funcgrad.ops.large import warns
from funcgrad.ops.reduce import reduce_max
from funcgrad.ops.rows import Rows

Axes = tuple[int, ...]


def _kept(reduced: Any, shape: tuple[int, ...], axes: Axes) -> Any:
    return reshape(reduced, shape=expanded(shape, axes))


def _shifted(x: Any, axes: Axes) -> Any:
    """`x` minus its maximum, which does not change the ratios."""
    return x - _kept(reduce_max(ew.stop_gradient(x), axes=axes), x.shape, axes)


def _total(terms: Any, axes: Axes) -> Any:
    return _kept(reduce_sum(terms, axes=axes), terms.shape, axes)


def _divided(x: Any, number: Any, count: Any) -> Any:
    """Rows by a number for each, neither huge nor tiny: in their kernels times one over it, a division for each row."""
    return x / number if count is None else x * (1.0 / number)


def _composed_softmax(x: Any, axes: Axes, count: Any = None) -> Any:
    terms = ew.exp(_shifted(x, axes))
    return _divided(terms, _total(terms, axes), count)


def _composed_log_softmax(x: Any, axes: Axes, count: Any = None) -> Any:
    shifted = _shifted(x, axes)
    return shifted - ew.log(_total(ew.exp(shifted), axes))


def _warn_of(y: Any, x: Any, original: Callable[..., Any], axes: Axes) -> None:
    """NumPy's warnings: where a row has NaN, or begins with an infinity, NumPy computes it too."""
    first = y[tuple([0 if axis in axes else slice(None) for axis in range(y.ndim)])]
    if not np.isfinite(first).all() and warns():
        rows = np.moveaxis(x, axes, range(-len(axes), 0))
        original(rows[~np.isfinite(first)], tuple(range(1, 1 + len(axes))))


def _softmax(x: Any, axes: Axes) -> Any:
    terms = ew.exp(x - np.maximum.reduce(x, axes, keepdims=True))
    return terms / np.add.reduce(terms, axes, keepdims=True)


def _log_softmax(x: Any, axes: Axes) -> Any:
    shifted = x - np.maximum.reduce(x, axes, keepdims=True)
    return shifted - np.log(np.add.reduce(ew.exp(shifted), axes, keepdims=True))


class Normalised(Primitive):
    """A function along axes whose derivative is `diag(d) - outer(left, right)` there.

    `parts(y)` gives `d`, `left` and `right`, None for ones. The pull is the push with `left` and `right` exchanged.
    `original` computes with NumPy's functions at once. Programs that are written down have the operations, those
    of `composed`: they become one kernel with what is around them.
    """

    dissolves = True

    def __init__(
        self,
        name: str,
        original: Callable[..., Any],
        composed: Callable[..., Any],
        parts: Callable[[Any], tuple[Any, Any, Any]],
    ) -> None:
        super().__init__(name)
        self.original = original
        self.composed = composed
        self.parts = parts
        self._rows = Rows(lambda x, count, axes: composed(x, axes, count), name)
        self._pushed = Rows(lambda t, y, count, axes: self._push(t, y, axes), f"{name} tangent")
        self._pulled = Rows(lambda t, y, count, axes: self._pull(t, y, axes), f"{name} cotangent")
        register(self)

    def impl(self, x: Any, axes: Axes) -> Any:
        y = self._rows(axes, x)
        if y is None:
            return self.original(x, axes)
        _warn_of(y, x, self.original, axes)
        return y

    def __call__(self, x: Any, axes: Axes) -> Any:
        """With a shorter way for plain arrays on the tape of one gradient, as in `ops/shortcuts.py`."""
        if type(x) is TapeTracer and type(x.value) is np.ndarray and x.value.dtype.kind in "fc" and x._trace.alive:
            y = self.impl(x.value, axes)
            return recorded(x._trace, y, self, {"axes": axes}, (x.node,), y, here())
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
        t, axes = tangents[0], params["axes"]
        done = self._pushed(axes, t, saved)
        return self._push(t, saved, axes) if done is None else done

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        axes = params["axes"]
        done = self._pulled(axes, ct, saved)
        return (self._pull(ct, saved, axes) if done is None else done,)

    def _push(self, t: Any, y: Any, axes: Axes) -> Any:
        d, left, right = self.parts(y)
        return _without_outer(t, d, left, right, axes)

    def _pull(self, t: Any, y: Any, axes: Axes) -> Any:
        d, left, right = self.parts(y)
        return _without_outer(t, d, right, left, axes)

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


class LogSumExp(Primitive):
    """`log(sum(exp(x)))` along axes, which are dropped; -inf, with a derivative of zero, where all of `x` is -inf.

    Programs that are written down have the operations that it is made of, as those of `Normalised`.
    """

    dissolves = True

    def __init__(self) -> None:
        super().__init__("logsumexp")
        self._rows = Rows(lambda x, count, axes: _composed_logsumexp(x, axes), self.name)
        self._pulled = Rows(
            lambda x, t, count, axes: _pull_logsumexp(x, t, axes), "logsumexp cotangent", numbers=(1,)
        )
        register(self)

    def impl(self, x: Any, axes: Axes) -> Any:
        y = self._rows(axes, x)
        if y is None:
            y = _composed_logsumexp(x, axes)
        else:
            _warn_of(y, x, _composed_logsumexp, axes)
        shape = tuple([n for i, n in enumerate(x.shape) if i not in axes])
        return reshape(y, shape=shape) if isinstance(y, Tracer) else y.reshape(shape)[()]

    def shape(self, x: Aval, axes: Axes) -> Aval:
        return Aval(tuple([n for i, n in enumerate(x.shape) if i not in axes]), x.dtype)

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return self.impl(*args, **params)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        return self(values[0], **params), values[0]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise not_linear(self)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        axes = params["axes"]
        _, terms, total = _exponentials(saved, axes)
        t = reduce_sum(terms * tangents[0], axes=axes)
        return t * reshape(_inverse(total), shape=t.shape)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        axes = params["axes"]
        t = reshape(ct, shape=expanded(saved.shape, axes))
        done = self._pulled(axes, saved, t)
        return (_pull_logsumexp(saved, t, axes) if done is None else done,)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return wrap(saved, parents[0])

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(values[0], axes=tuple([a + 1 for a in params["axes"]]))


def _exponentials(x: Any, axes: Axes) -> tuple[Any, Any, Any]:
    """The maximum, or 0 where it is infinite, exponentials below it, and their sum."""
    top = _kept(reduce_max(ew.stop_gradient(x), axes=axes), x.shape, axes)
    top = ew.where(ew.isfinite(top), top, 0.0)
    terms = ew.exp(x - top)
    return top, terms, _total(terms, axes)


def _inverse(total: Any) -> Any:
    empty = ew.eq(total, 0)
    return ew.where(empty, 0.0, 1.0 / ew.where(empty, 1.0, total))


def _composed_logsumexp(x: Any, axes: Axes) -> Any:
    top, _, total = _exponentials(x, axes)
    empty = ew.eq(total, 0)
    return ew.where(empty, -inf, ew.log(ew.where(empty, 1.0, total))) + top


def _pull_logsumexp(x: Any, t: Any, axes: Axes) -> Any:
    _, terms, total = _exponentials(x, axes)
    return terms * (t * _inverse(total))


logsumexp = LogSumExp()


class Standardised(Primitive):
    """`(x - mean) / sqrt(variance + eps)` along axes.

    Its derivative `t -> (t - mean(t) - y * mean(y * t)) / sqrt(variance + eps)` is its own transpose. Programs that are
    written down have the operations that it is made of, as those of `Normalised`.
    """

    dissolves = True

    def __init__(self) -> None:
        super().__init__("standardise")
        self._rows = Rows(lambda x, eps, count, axes: _standard(x, axes, eps, count), self.name, numbers=(1,))
        self._pulled = Rows(
            lambda ct, y, deviation, count, axes: _pull_standard(ct, y, deviation, axes, count),
            "standardise cotangent", numbers=(2,),
        )  # fmt: skip
        register(self)

    def impl(self, x: Any, axes: Axes, eps: float) -> Any:
        return self._with_deviation(x, axes, eps)[0]

    def _with_deviation(self, x: Any, axes: Axes, eps: float) -> tuple[Any, Any]:
        found = self._rows(axes, x, eps)
        if found is None:
            return _standard(x, axes, eps)
        _warn_of(found[0], x, lambda x, axes: _standard(x, axes, eps), axes)
        return found

    def shape(self, x: Aval, axes: Axes, eps: float) -> Aval:
        return Aval(x.shape, x.dtype)

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return _standard(*args, **params)[0]

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        x = values[0]
        y, deviation = self._with_deviation(x, **params) if type(x) is np.ndarray else (self(x, **params), None)
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
        done = self._pulled(axes, ct, y, deviation)
        return (_pull_standard(ct, y, deviation, axes) if done is None else done,)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return wrap(saved[0], node), wrap(saved[1], parents[0]), None

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(values[0], axes=tuple([a + 1 for a in params["axes"]]), eps=params["eps"])


def _mean(x: Any, axes: Axes, count: Any) -> Any:
    total = np.add.reduce(x, axes, keepdims=True) if type(x) is np.ndarray else _total(x, axes)
    return total / (prod([x.shape[a] for a in axes]) if count is None else count)


def _centred(x: Any, axes: Axes, count: Any = None) -> Any:
    return x - _mean(x, axes, count)


def _deviation(centred: Any, axes: Axes, eps: Any, count: Any = None) -> Any:
    return ew.sqrt(_mean(ew.square(centred), axes, count) + eps)


def _standard(x: Any, axes: Axes, eps: Any, count: Any = None) -> tuple[Any, Any]:
    """`count` is how many elements a row has, where the shape does not say it."""
    centred = _centred(x, axes, count)
    deviation = _deviation(centred, axes, eps, count)
    return _divided(centred, deviation, count), deviation


def _pull_standard(ct: Any, y: Any, deviation: Any, axes: Axes, count: Any = None) -> Any:
    return _divided(_centred(ct, axes, count) - y * _mean(y * ct, axes, count), deviation, count)


standardise = Standardised()
