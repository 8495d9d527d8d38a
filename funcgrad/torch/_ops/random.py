"""Random tensors, with the numbers that PyTorch gives for a seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.torch._ops.create import factory, finished
from funcgrad.torch._ops.generator import Generator, default_generator
from funcgrad.torch._ops.memory_order import kept_in_order, laid_out
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.spread import normal_around, uniform_between
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import need_tensor
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.dtypes import as_numpy
from funcgrad.torch._tensor.sizes import check_new
from funcgrad.torch._tensor.tensor import Tensor


@named(method=False)
def manual_seed(seed: int) -> Generator:
    """Start the random numbers again."""
    return default_generator.manual_seed(int(seed))


@named(method=False)
def seed() -> int:
    """Start the random numbers again from a random seed, which is returned."""
    return default_generator.seed()


@named(method=False)
def get_rng_state() -> Tensor:
    """The state of the random numbers, in PyTorch's layout."""
    return default_generator.get_state()


@named(method=False)
def set_rng_state(new_state: Tensor) -> None:
    """Go on from a state that `get_rng_state` gave."""
    default_generator.set_state(new_state)


@named(method=False)
def initial_seed() -> int:
    """The seed that the random numbers were started from."""
    return default_generator.initial_seed()


def _made(
    draw: str,
    size: tuple[Any, ...],
    generator: Generator | None,
    dtype: Any,
    requires_grad: bool,
    origin: str,
    like: Tensor | None = None,
) -> Tensor:
    shape = sizes_of(size)
    check_new(shape)
    kind = as_numpy(dtype) or dtypes.default()
    source, count = generator or default_generator, math.prod(shape)
    if draw == "normal" and like is not None and not kept_in_order(like):
        draw = "singly"
    if draw == "uniform" and (kind.kind == "c" or kind == np.float16):
        values = uniform_between(source, count, 0.0, 1.0, kind)
    elif kind.kind == "c":
        values = normal_around(source, count, 0.0, 1.0, kind, singly=draw == "singly")
    elif kind.kind == "f":
        values = getattr(source, draw)(count, kind)
    else:
        kernel = "check_uniform_bounds" if draw == "uniform" else "normal_kernel_cpu"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.of(kind).title}'")
    return finished(values.reshape(shape) if like is None else laid_out(values, like), requires_grad, origin)


@named(method=False)
@factory
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
@factory
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
@factory
def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`rand` of the tensor's shape and dtype."""
    need_tensor(input, "rand_like")
    return _made("uniform", (input.shape,), generator, dtype or input.dtype, requires_grad, "rand_like", input)


@named(method=False)
@factory
def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`randn` of the tensor's shape and dtype."""
    need_tensor(input, "randn_like")
    return _made("normal", (input.shape,), generator, dtype or input.dtype, requires_grad, "randn_like", input)


def integers(generator: Generator | None, low: int, high: int, shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
    """In [low, high): a random word, or two where that is too short, modulo the range."""
    if high <= low:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.kind == "c":
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if kind.kind in "iub" and not (kind.kind == "b" and 0 <= bound <= 1):
            limits = np.iinfo(kind) if kind.kind != "b" else None
            if limits is None or not limits.min <= bound <= limits.max:
                raise RuntimeError(f"{name} is out of bounds for {dtypes.of(kind).short}")
    check_new(shape)
    source, count = generator or default_generator, math.prod(shape)
    long = high - low >= 2**32 and kind in (np.int64, np.float64, np.float32)
    words = source.long_words(count) if long else source.words(count)
    return ((words % np.uint64(high - low)).astype(np.int64) + low).reshape(shape).astype(kind)


@named(method=False)
@factory
def randint(
    *bounds: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, **named: Any
) -> Tensor:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    given = [*bounds]
    size = named.pop("size", None)
    size = given.pop() if size is None else size
    high = named.pop("high", None)
    high = given.pop() if high is None else high
    low = named.pop("low", given[0] if given else 0)
    kind = as_numpy(dtype) or np.dtype(np.int64)
    return finished(integers(generator, int(low), int(high), sizes_of((size,)), kind), requires_grad, "randint")


@named(method=False)
@factory
def randint_like(
    input: Tensor, *bounds: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`randint(high)` or `randint(low, high)` of the tensor's shape and dtype."""
    low, high = (0, *bounds) if len(bounds) == 1 else bounds
    kind = as_numpy(dtype) or input._read().dtype
    drawn = integers(generator, int(low), int(high), (input.numel(),), kind)
    return finished(laid_out(drawn, input), requires_grad, "randint_like")


@named(method=False)
@factory
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """The integers below n in random order."""
    check_new((n,))
    order = np.arange(n)
    words = (generator or default_generator).words(max(n - 1, 0)).tolist()
    for i, word in enumerate(words):
        j = i + word % (n - i)
        order[i], order[j] = order[j], order[i]
    return finished(order.astype(as_numpy(dtype) or np.int64), requires_grad, "randperm")
