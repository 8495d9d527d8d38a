"""Random tensors: PyTorch's generator (MT19937) and transforms, so that a seed gives PyTorch's numbers."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from funcgrad.torch._ops.create import finished
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import on_cpu
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.tensor import Tensor, fresh


class Generator:
    """A stream of 32-bit random words."""

    def __init__(self, device: str = "cpu") -> None:
        self.manual_seed(int.from_bytes(os.urandom(4), "little"))

    def manual_seed(self, seed: int) -> Generator:
        self.seed = seed
        self.words_of = np.random.RandomState(seed & 0xFFFFFFFF)
        self.spare: float | None = None
        return self

    def initial_seed(self) -> int:
        return self.seed

    def words(self, count: int) -> np.ndarray:
        return np.frombuffer(self.words_of.bytes(4 * count), "<u4").astype(np.uint64)

    def uniform(self, count: int, dtype: np.dtype) -> np.ndarray:
        """In [0, 1): 24 random bits for float32, 53 for float64."""
        if dtype != np.float64:
            return ((self.words(count) & np.uint64(2**24 - 1)) / 2**24).astype(dtype)
        pairs = self.words(2 * count).reshape(count, 2)
        return (((pairs[:, 0] << np.uint64(32)) | pairs[:, 1]) & np.uint64(2**53 - 1)) / 2**53

    def normal(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Box and Muller's transform: pair by pair for a few, eight pairs at a time for 16 and more."""
        if count < 16:
            return np.array([self._one() for _ in range(count)]).astype(dtype)
        kind = np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)
        out = self.uniform(count, kind)
        whole = count - count % 16
        out[:whole] = _sixteens(out[:whole])
        if whole != count:
            out[-16:] = _sixteens(self.uniform(16, kind))
        return out.astype(dtype)

    def _one(self) -> float:
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        u, v = self.uniform(2, np.dtype(np.float64)).tolist()
        radius, angle = math.sqrt(-2.0 * math.log1p(-v)), 2.0 * math.pi * u
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def _sixteens(u: np.ndarray) -> np.ndarray:
    rows = u.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - rows[:, 0]))
    angle = rows[:, 1] * rows.dtype.type(2 * math.pi)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)


default_generator = Generator()


@named(method=False)
def manual_seed(seed: int) -> Generator:
    """Start the random numbers again."""
    return default_generator.manual_seed(seed)


@named(method=False)
def initial_seed() -> int:
    return default_generator.initial_seed()


def _made(
    draw: str,
    size: tuple[Any, ...],
    generator: Generator | None,
    dtype: Any,
    requires_grad: bool,
    origin: str,
) -> Tensor:
    shape = sizes_of(size)
    kind = as_numpy(dtype) or dtypes.default()
    values = getattr(generator or default_generator, draw)(math.prod(shape), kind)
    return finished(values.reshape(shape), requires_grad, origin)


@named(method=False)
@on_cpu
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform in [0, 1)."""
    return _made("uniform", size, generator, dtype, requires_grad, "rand")


@named(method=False)
@on_cpu
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal, with mean 0 and variance 1."""
    return _made("normal", size, generator, dtype, requires_grad, "randn")


@named(method=False)
def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return rand(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


@named(method=False)
def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return randn(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


@named(method=False)
@on_cpu
def randint(
    *bounds: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    low, high, size = (0, *bounds) if len(bounds) == 2 else bounds
    if high <= low:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape = sizes_of((size,))
    words = (generator or default_generator).words(math.prod(shape))
    values = (words % np.uint64(high - low)).astype(np.int64) + low
    return fresh(values.reshape(shape).astype(as_numpy(dtype) or np.int64))


@named(method=False)
def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The integers below n in random order."""
    order = np.arange(n)
    words = (generator or default_generator).words(max(n - 1, 0)).tolist()
    for i, word in enumerate(words):
        j = i + word % (n - i)
        order[i], order[j] = order[j], order[i]
    return fresh(order)
