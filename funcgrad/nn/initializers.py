"""Initial weights: each function makes one of `(key, shape, dtype)`, with JAX's numbers.

init = fg.nn.initializers.glorot_normal()
w = init(fg.random.key(0), (3, 4))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import random
from funcgrad.numpy import at, moveaxis
from funcgrad.numpy.dispatch import Array, axis_of

Initializer = Callable[..., Array]
Axes = int | Sequence[int]

__all__ = [
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def __dir__() -> list[str]:
    return __all__


TRUNCATED = 0.87962566103423978
"""The standard deviation of a normal variable between -2 and 2; of a complex one with an absolute value below 2:"""
TRUNCATED_COMPLEX = 0.95311164380491208


def zeros(key: Array, shape: Sequence[int], dtype: Any = float) -> Array:
    """Zeros."""
    return np.zeros(shape, dtype)


def ones(key: Array, shape: Sequence[int], dtype: Any = float) -> Array:
    """Ones."""
    return np.ones(shape, dtype)


def constant(value: Array, dtype: Any = float) -> Initializer:
    """The same value everywhere, or an array that broadcasts.

    Example:
        >>> constant(2.0)(None, (2,))
        array([2., 2.])
    """
    return lambda key, shape, dtype=dtype: np.full(shape, value, dtype)


def uniform(scale: Array = 1e-2, dtype: Any = float) -> Initializer:
    """Uniform in [0, scale)."""
    return lambda key, shape, dtype=dtype: random.uniform(key, shape, dtype) * np.dtype(dtype).type(scale)


def normal(stddev: Array = 1e-2, dtype: Any = float) -> Initializer:
    """Normal with mean 0 and a standard deviation.

    Example:
        >>> normal(1.0)(fg.random.key(42), (2,)).round(8)
        array([-0.18471175, -2.16982456])
    """
    return lambda key, shape, dtype=dtype: random.normal(key, shape, dtype) * np.dtype(dtype).type(stddev)


def truncated_normal(stddev: Array = 1e-2, dtype: Any = float, lower: Array = -2.0, upper: Array = 2.0) -> Initializer:
    """Normal between two bounds, times `stddev`."""

    def init(key: Array, shape: Sequence[int], dtype: Any = dtype) -> Array:
        return random.truncated_normal(key, lower, upper, shape, dtype) * np.dtype(dtype).type(stddev)

    return init


def _fans(shape: Sequence[int], in_axis: Axes, out_axis: Axes, batch_axis: Axes) -> tuple[float, float]:
    """How many values go into one output, and how many outputs one input goes to."""
    if in_axis == -2 and len(shape) <= 1:
        raise ValueError(f"weights of shape {tuple(shape)} have no axis -2: say which axis is in_axis")
    sizes = [
        math.prod(shape[a] for a in ([axes] if isinstance(axes, int) else axes))
        for axes in (in_axis, out_axis, batch_axis)
    ]
    field = math.prod(shape) / math.prod(sizes) if math.prod(sizes) else 0
    return sizes[0] * field, sizes[1] * field


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = float,
) -> Initializer:
    """Values with the variance `scale / n`.

    Args:
        scale: of the variance.
        mode: what n is: "fan_in", "fan_out", or their mean, "fan_avg" or "fan_geo_avg".
        distribution: "truncated_normal", "normal" or "uniform".
        in_axis, out_axis: the axes of inputs and outputs; the others are the receptive field.
        batch_axis: axes that are neither.
        dtype: that of the result, also complex.

    Raises:
        ValueError: `mode` or `distribution` is none of these.

    Example:
        >>> w = variance_scaling(1.0, "fan_in", "normal")(fg.random.key(0), (400, 100))
        >>> float(w.var() * 400).__round__(1)
        1.0
    """
    if mode not in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg"):
        raise ValueError(f"variance_scaling: there is no mode {mode!r}")
    if distribution not in ("truncated_normal", "normal", "uniform"):
        raise ValueError(f"variance_scaling: there is no distribution {distribution!r}")

    def init(key: Array, shape: Sequence[int], dtype: Any = dtype) -> Array:
        dtype = np.dtype(dtype)
        fan_in, fan_out = _fans(shape, in_axis, out_axis, batch_axis)
        of_mode = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        n = of_mode.get(mode, math.sqrt(fan_in * fan_out))
        variance = dtype.type(scale / n if n else 0)
        if distribution == "normal":
            return random.normal(key, shape, dtype) * np.sqrt(variance)
        if dtype.kind == "c":
            radius = _complex_uniform if distribution == "uniform" else _complex_truncated
            return radius(key, shape, dtype) * np.sqrt(variance)
        if distribution == "uniform":
            return random.uniform(key, shape, dtype, -1) * np.sqrt(3 * variance)
        return random.truncated_normal(key, -2, 2, shape, dtype) * (np.sqrt(variance) / dtype.type(TRUNCATED))

    return init


def _complex_uniform(key: Array, shape: Sequence[int], dtype: np.dtype) -> Array:
    """Uniform in a disc, with variance 1."""
    return _turned(key, shape, dtype, lambda u: np.sqrt(2 * u))


def _complex_truncated(key: Array, shape: Sequence[int], dtype: np.dtype) -> Array:
    """Normal with an absolute value below 2, with variance 1."""
    radius = lambda u: np.sqrt(-np.log(1 - (1 - np.exp(u.dtype.type(-4))) * u))
    return _turned(key, shape, dtype, radius) / dtype.type(TRUNCATED_COMPLEX)


def _turned(key: Array, shape: Sequence[int], dtype: np.dtype, radius: Callable[[Array], Array]) -> Array:
    """Complex numbers with a radius, that of uniform numbers, and an angle of their own."""
    part = dtype.type(0).real.dtype
    lengths, turns = (random.uniform(k, shape, part) for k in random.split(key))
    return radius(lengths) * np.exp(2j * np.pi * turns).astype(dtype)


def _scaled(scale: float, mode: str, distribution: str, doc: str) -> Callable[..., Initializer]:
    def make(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float) -> Initializer:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis, dtype)

    make.__doc__ = f"`variance_scaling({scale}, {mode!r}, {distribution!r})`: {doc}."
    return make


GLOROT = 'Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010'
LECUN = 'LeCun, Bottou, Orr, Mueller, "Efficient backprop", 1998'
HE = 'He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015'
glorot_uniform = xavier_uniform = _scaled(1.0, "fan_avg", "uniform", GLOROT)
glorot_normal = xavier_normal = _scaled(1.0, "fan_avg", "truncated_normal", GLOROT)
lecun_uniform = _scaled(1.0, "fan_in", "uniform", LECUN)
lecun_normal = _scaled(1.0, "fan_in", "truncated_normal", LECUN)
he_uniform = kaiming_uniform = _scaled(2.0, "fan_in", "uniform", HE)
he_normal = kaiming_normal = _scaled(2.0, "fan_in", "truncated_normal", HE)


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = float) -> Initializer:
    """Matrices with orthonormal columns, or rows where there are fewer; further axes are taken together with the rows.

    Example:
        >>> w = orthogonal()(fg.random.key(0), (3, 2))
        >>> np.allclose(w.T @ w, np.eye(2))
        True
    """

    def init(key: Array, shape: Sequence[int], dtype: Any = dtype) -> Array:
        if len(shape) < 2:
            raise ValueError(f"orthogonal needs a shape of two axes at least, not {tuple(shape)}")
        axis = axis_of(column_axis, len(shape))
        columns = shape[axis]
        rest = (*shape[:axis], *shape[axis + 1 :])
        if 0 in shape:
            return np.zeros(shape, dtype)
        q = random.orthogonal(key, math.prod(rest), (), dtype, columns)
        return np.dtype(dtype).type(scale) * moveaxis(q.reshape((*rest, columns)), -1, axis)

    return init


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = float) -> Initializer:
    """Kernels of convolutions in 1, 2 or 3 dimensions that are orthogonal at their centre and 0 elsewhere.

    Xiao, Bahri, Sohl-Dickstein, Schoenholz, Pennington, "Dynamical isometry and a mean field theory of CNNs", 2018.

    Example:
        >>> delta_orthogonal()(fg.random.key(0), (3, 2, 2))[0]
        array([[0., 0.],
               [0., 0.]])
    """

    def init(key: Array, shape: Sequence[int], dtype: Any = dtype) -> Array:
        if len(shape) not in (3, 4, 5) or shape[-1] < shape[-2]:
            raise ValueError(
                f"delta_orthogonal needs 3 to 5 axes, with as many outputs as inputs at least, not {tuple(shape)}"
            )
        centre = tuple((n - 1) // 2 for n in shape[:-2])
        return at(np.zeros(shape, dtype))[centre].set(orthogonal(scale, column_axis)(key, shape[-2:], dtype))

    return init
