"""Sums of exponentials along axes."""

from __future__ import annotations

from typing import Any

from funcgrad.nn import log_softmax as _log_softmax
from funcgrad.nn import logsumexp as _logsumexp
from funcgrad.nn import softmax as _softmax
from funcgrad.numpy.dispatch import Array, Axes, axes_of
from funcgrad.ops.operands import as_array
from funcgrad.scipy.special.shared import scipy_function

__all__ = ["log_softmax", "logsumexp", "softmax"]


@scipy_function
def logsumexp(
    a: Array, axis: Axes = None, b: Array | None = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """The logarithm of the sum of exponentials, each times `b`; with `return_sign` also the sum's sign."""
    return _logsumexp(a, axis, b, keepdims, return_sign)


@scipy_function
def softmax(x: Array, axis: Axes = None) -> Array:
    """Exponentials divided by their sum along `axis` (all elements by default)."""
    x = as_array(x)
    return _softmax(x, axes_of(axis, x.ndim))


@scipy_function
def log_softmax(x: Array, axis: Axes = None) -> Array:
    """The logarithm of `softmax`."""
    x = as_array(x)
    return _log_softmax(x, axes_of(axis, x.ndim))
