"""Random numbers of distributions: in place, or with parameters that are tensors.

Seeds give PyTorch's numbers, as far as NumPy's exp, log and tan round as its do; `bernoulli_` with a number, and
`exponential_`, are those that PyTorch draws where it does not use Intel's MKL for them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import known
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.create import finished
from funcgrad.torch._ops.generator import Generator, default_generator
from funcgrad.torch._ops.inplace import finish
from funcgrad.torch._ops.memory_order import in_order, laid_out
from funcgrad.torch._ops.random import integers
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.spread import normal_around, part_of, uniform_between
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, flat, need_tensor
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant, on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import check_new
from funcgrad.torch._tensor.tensor import Tensor, fresh

DOUBLE = np.dtype(np.float64)


def numbers_of(parameter: Tensor) -> np.ndarray:
    return parameter._array("Drawing random numbers", "Draw them outside, and take them as an argument.")


def _filled(x: Tensor, name: str, values: np.ndarray) -> Tensor:
    """Let `x` take on random values, drawn along its memory; the gradient of what it was is zero."""
    return _written(x, name, laid_out(values, x))


def _written(x: Tensor, name: str, values: np.ndarray) -> Tensor:
    new = values.astype(x._read().dtype)
    if on_tape(x._read()):
        return finish(x, call(Kind(name), lambda v: fnp.where(np.False_, v, new), x))
    return finish(x, fresh(new))


def _started(x: Tensor, generator: Generator | None, kernel: str, kinds: str = "f") -> Generator:
    x._check_writable()
    if x._read().dtype.kind not in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{x.dtype.title}'")
    return generator or default_generator


def _check_ends(low: float, high: float, kind: np.dtype) -> None:
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > float(np.finfo(kind).max):
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{dtypes.of(part_of(kind)).title}>::max(), but found "
            f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def check_spread(std: float) -> None:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


@named(function=False)
def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **named: float) -> Tensor:
    """Uniform in [from, to)."""
    low = named.get("from", from_)
    source = _started(self, generator, "check_uniform_bounds", "fc")
    return _filled(self, "Uniform", uniform_values(self, low, to, source))


def uniform_values(x: Tensor, low: float, high: float, source: Generator) -> np.ndarray:
    """What `uniform_` fills the memory of a tensor with."""
    _check_ends(low, high, x._read().dtype)
    return uniform_between(source, x.numel(), low, high, x._read().dtype)


@named(function=False)
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Normal, with a mean and a standard deviation."""
    check_spread(std)
    source = _started(self, generator, "normal_kernel_cpu", "fc")
    return _filled(self, "Normal", normal_values(self, mean, std, source))


def normal_values(x: Tensor, mean: float, std: float, source: Generator) -> np.ndarray:
    """What `normal_` fills the memory of a tensor with: number by number where it is not in order."""
    check_spread(std)
    return normal_around(source, x.numel(), mean, std, x._read().dtype, singly=not in_order(x))


@named(function=False)
def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """exp of normal numbers with this mean and standard deviation."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    source = _started(self, generator, "log_normal_cpu")
    return _filled(self, "LogNormal", np.exp(source.doubles(self.numel()) * std + mean))


@named(function=False)
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Exponential, with a rate."""
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    if not self.is_floating_point():
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {self.dtype.title}"
        )
    source = _started(self, generator, "exponential_cpu")
    return _filled(self, "Exponential", -1.0 / lambd * np.log1p(-source.uniform(self.numel(), DOUBLE)))


@named(function=False)
def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Of Cauchy's distribution."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    source = _started(self, generator, "cauchy_cpu")
    return _filled(self, "Cauchy", median + sigma * np.tan(np.pi * (source.uniform(self.numel(), DOUBLE) - 0.5)))


@named(function=False)
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """How many trials it takes up to the first that succeeds, each with chance p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    source = _started(self, generator, "geometric_cpu", kinds="fiub")
    with np.errstate(divide="ignore"):
        trials = np.ceil(np.log(source.uniform(self.numel(), DOUBLE)) / math.log(1 - p))
    return _filled(self, "Geometric", trials)


_MANTISSA = {2: 11, 4: 24, 8: 53}


@named(function=False)
def random_(self: Tensor, from_: int | None = None, to: int | None = None, *, generator: Any = None) -> Tensor:
    """Integers in [from, to); below `from` where it stands alone; as many as the dtype holds exactly without both."""
    bounded = from_ is not None or to is not None
    source = _started(self, generator, "random_kernel_cpu", kinds="fiubc" if bounded else "fiub")
    kind, count = self._read().dtype, self.numel()
    if bounded:
        low, high = (0, from_) if to is None else (from_ or 0, to)
        assert high is not None
        return _filled(self, "Random", integers(source, low, high, (count,), kind))
    words = source.long_words(count) if kind in (np.int64, np.float64) else source.words(count)
    if kind.kind == "f":
        limit = 2 ** _MANTISSA[kind.itemsize] + 1
    else:
        limit = 2 if kind.kind == "b" else int(np.iinfo(kind).max) + 1
    return _filled(self, "Random", words % np.uint64(limit))


@named(function=False)
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """One with chance p (a number, or a tensor that broadcasts), else zero."""
    source = _started(self, generator, "bernoulli_scalar_cpu_", kinds="fiub")
    chances = numbers_of(p) if isinstance(p, Tensor) else np.array(p, DOUBLE)
    kind = "BernoulliBackward1" if isinstance(p, Tensor) else "BernoulliBackward2"
    _check_chances(chances, p)
    drawn = source.uniform(self.numel(), DOUBLE if chances.dtype == DOUBLE else np.dtype(np.float32))
    return _written(self, kind, laid_out(drawn, self) < chances)


def _check_chances(chances: np.ndarray, p: Any) -> None:
    if not ((chances >= 0) & (chances <= 1)).all():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If "
            "so, please report an enhancement request to PyTorch.)"
            if isinstance(p, Tensor)
            else f"bernoulli_ expects p to be in [0, 1], but got p={p:g}"
        )


@named(out=True)
def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """One with the chance that is the element of `input`, or p, else zero.

    The derivative is zero; PyTorch has none where p is given.
    """
    need_tensor(input, "bernoulli")
    if input._read().dtype.kind != "f" and p is None:
        raise NotImplementedError(f"\"bernoulli_tensor_cpu_p_\" not implemented for '{input.dtype.title}'")
    kind = input._read().dtype
    if p is not None:
        return without_slope("Bernoulli", input, bernoulli_(fresh(np.zeros(input.shape, kind)), p, generator=generator))
    chances = known(constant(input._read()))
    if chances is not None:
        _check_chances(np.asarray(chances), input)
    drawn = (generator or default_generator).uniform(input.numel(), DOUBLE if kind == DOUBLE else np.dtype(np.float32))
    below = drawn.reshape(input.shape)
    return call(Kind("Bernoulli"), lambda v: kinks.flat(lambda c: fnp.less(below, c).astype(kind), v), input)


def without_slope(name: str, input: Tensor, drawn: Tensor) -> Tensor:
    """Drawn numbers, recorded with the derivative zero where the parameter is."""
    new = drawn._array()
    return call(Kind(name), lambda v: kinks.flat(lambda _: new, v), input) if input.requires_grad else drawn


@named(method=False)
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers: one for each element of `mean` and `std` that are tensors, else of a size."""
    if isinstance(std, Tensor):
        spread = known(constant(std._read()))
        if spread is not None and (np.asarray(spread) < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal() received an invalid combination of arguments: two numbers need a size")
        shape = sizes_of((size,))
        check_new(shape)
        out = finished(np.zeros(shape, dtypes.as_numpy(dtype) or dtypes.default()), False, "normal")
        normal_(out, mean, std, generator=generator)
        return out.requires_grad_() if requires_grad else out
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    check_broadcast(tensors[0].shape, tensors[-1].shape)
    like = tensors[0]._read().dtype
    out = fresh(np.zeros(np.broadcast_shapes(*[t.shape for t in tensors]), like))
    normal_(out, 0.0, 1.0 if isinstance(std, Tensor) else std, generator=generator)
    noise, place = constant(out._read()), 3 if len(tensors) == 2 else 1 if isinstance(mean, Tensor) else 2

    def scaled(*parameters: Any) -> Any:
        drawn = fnp.multiply(noise, parameters[-1]) if isinstance(std, Tensor) else noise
        return fnp.add(drawn, parameters[0] if isinstance(mean, Tensor) else mean).astype(like)

    return call(Kind(f"NormalBackward{place}"), lambda *vs: kinks.flat(scaled, *vs), *tensors)


@named(out=True)
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Places along the last dimension, drawn with the weights that stand there."""
    need_tensor(input, "multinomial")
    weights = numbers_of(input)
    if input.dim() not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if weights.dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype.title}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    source = generator or default_generator
    if replacement and num_samples > 1:
        return flat("multinomial", _with_replacement(weights, num_samples, source), input)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    waits = fresh(laid_out(np.zeros(weights.size, weights.dtype), weights))
    exponential_(waits, generator=generator)
    with np.errstate(divide="ignore"):
        order = np.argsort(-(weights / waits._array()), axis=-1, kind="stable")
    return flat("multinomial", order[..., :num_samples].copy(), input)


def _with_replacement(weights: np.ndarray, count: int, source: Generator) -> np.ndarray:
    rows = []
    for row in np.atleast_2d(weights):
        if (row < 0).any():
            raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
        if not np.isfinite(row).all():
            raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
        total = np.cumsum(row)
        if not total[-1] > 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        edges = total / total[-1]
        edges[-1] = 1
        rows.append(np.searchsorted(edges.astype(DOUBLE), source.uniform(count, DOUBLE)))
    return np.stack(rows).reshape(*weights.shape[:-1], count)
