"""`vmap` of an `autograd.Function`: by the user's rule for a batch, which is a static method of this name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from funcgrad import tree
from funcgrad.core.trace import Tracer
from funcgrad.ops.structure import move_axis
from funcgrad.torch._ops.generator import through
from funcgrad.torch._tensor.storage import beneath, scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.batch import BatchTrace

SEE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"
NO_CONTEXT = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override "
    f"the setup_context staticmethod. {SEE}"
)
BOTH = (
    "You tried to vmap over {}, but it has both generate_vmap_rule=True and an overridden vmap staticmethod. Please "
    f"set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid ambiguity. {SEE}"
)
NEITHER = (
    "You tried to vmap over {}, but it does not have vmap support. Please override and implement the vmap staticmethod "
    f"or set generate_vmap_rule=True. {SEE}"
)
KEYWORD = (
    "Run vmap on autograd.Function with kwarg-only Tensor args. Please do not pass kwarg-only Tensors to "
    "autograd.Function. Got: {}"
)
TWO = (
    "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible with "
    "the output. Got {} instead"
)
OTHER_DIMS = (
    "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected out_dims={} "
    f"to be compatible with the structure of `output`. out_dims has structure {{}} but output has structure {{}}. {SEE}"
)
NO_DIM = "Dimension out of range (expected to be in range of [{}, {}], but got {})"
OTHER_SIZE = (
    "let out_dims of {}.vmap name the dimension of the batch, or be None where there is none: there are {} samples, "
    "and its output of shape {} has {} along dimension {}"
)


class VmapInfo(NamedTuple):
    batch_size: int
    randomness: str


class Level(NamedTuple):
    """What a call of `vmap` says of random numbers, and what is done in place of drawing around it."""

    randomness: str
    way: Callable[..., Any] | None


levels: dict[BatchTrace, Level] = {}
"""Those of `torch.func` that are under way."""


def check_rule(function: Any, kwargs: dict[str, Any]) -> None:
    """PyTorch's errors for a `Function` that has no rule for a batch, or two."""
    if function.generate_vmap_rule and function._has_vmap:
        raise RuntimeError(BOTH.format(function.__name__))
    if not (function.generate_vmap_rule or function._has_vmap):
        raise RuntimeError(NEITHER.format(function.__name__))
    if any(isinstance(x, Tensor) for x in tree.leaves(kwargs)):
        raise NotImplementedError(KEYWORD.format(kwargs))


def batch_of(args: Sequence[Any]) -> BatchTrace | None:
    """The newest of the transformations that trace the arguments, if that is `vmap`."""
    values = [t._read() for t in tree.leaves(args) if isinstance(t, Tensor)]
    traces = [v._trace for v in values if isinstance(v, Tracer)]
    newest = max(traces, key=lambda trace: trace.age, default=None)
    return newest if isinstance(newest, BatchTrace) else None


def by_rule(function: Any, batch: BatchTrace, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What `apply` returns, by the rule: it sees whole batches, and whatever transforms around this `vmap`."""
    leaves, structure = tree.flatten(tuple(args), is_leaf=lambda x: x is None)
    opened = [_opened(x, batch) for x in leaves]
    inner = structure.unflatten([x for x, _ in opened])
    dims = [dim for _, dim in opened]
    with _around(batch):
        if all(dim is None for dim in dims):
            return function.apply(*inner, **kwargs)
        level = levels.get(batch)
        info = VmapInfo(batch.size, "error" if level is None else level.randomness)
        found = function.vmap(info, structure.unflatten(dims), *inner, **kwargs)
    if not isinstance(found, tuple):
        raise RuntimeError(TWO.format(f"a {type(found)}"))
    if len(found) != 2:
        raise RuntimeError(TWO.format(f"{len(found)} returns"))
    given = {id(x): old for (x, _), old in zip(opened, leaves) if isinstance(x, Tensor)}
    for (x, dim), old in zip(opened, leaves):
        if isinstance(x, Tensor) and x._storage.written:
            old._write(x._read() if dim is None else batch.input(x._read()))
    return _closed(function, batch, *found, given)


def _opened(x: Any, batch: BatchTrace) -> tuple[Any, int | None]:
    """An argument as it is around the `vmap`, and where its batch is."""
    if not isinstance(x, Tensor):
        return x, None
    value, batched = batch.unwrap(x._read())
    if value is x._read():
        return x, None
    return fresh(value), 0 if batched else None


def _closed(function: Any, batch: BatchTrace, out: Any, out_dims: Any, given: dict[int, Tensor]) -> Any:
    """The output as it is inside."""
    dims = _as_laid(out_dims, out)
    leaves, structure = tree.flatten(out, is_leaf=lambda x: x is None)
    if dims is None:
        raise RuntimeError(OTHER_DIMS.format(out_dims, tree.structure(out_dims), structure))
    found = []
    for y, dim in zip(leaves, dims):
        if id(y) in given:
            found.append(given[id(y)])
        elif not isinstance(y, Tensor) or dim is None:
            found.append(y)
        else:
            found.append(fresh(batch.input(_leading(function, batch, y._read(), dim))))
    return structure.unflatten(found)


def _as_laid(dims: Any, out: Any) -> list[Any] | None:
    """A dim for each leaf of the output; None where they are laid out otherwise."""
    if isinstance(dims, tuple | list | dict):
        if type(dims) is not type(out) or len(dims) != len(out):
            return None
        if isinstance(dims, dict):
            if dims.keys() != set(out):
                return None
            dims, out = [dims[key] for key in sorted(dims)], [out[key] for key in sorted(out)]
        parts = [_as_laid(dim, y) for dim, y in zip(dims, out)]
        return None if None in parts else [dim for part in parts if part is not None for dim in part]
    return [dims] * len(tree.leaves(out, is_leaf=lambda x: x is None))


def _leading(function: Any, batch: BatchTrace, value: Any, dim: Any) -> Any:
    """An output with its batch in front."""
    rank = len(value.shape)
    if not -rank <= dim < rank:
        raise IndexError(NO_DIM.format(-rank, rank - 1, dim))
    if value.shape[dim] != batch.size:
        raise ValueError(
            OTHER_SIZE.format(function.__name__, batch.size, tuple(value.shape), value.shape[dim], dim)
        )
    return move_axis(value, dim % rank, 0)


@contextmanager
def _around(batch: BatchTrace) -> Iterator[None]:
    """What runs here runs as what is around the `vmap`."""
    before = through.way
    if batch in levels:
        through.way = levels[batch].way
    try:
        with beneath(batch.age):
            yield
    finally:
        through.way = before


def needs_context(function: Any) -> None:
    """PyTorch's error for a `Function` without `setup_context` in a transformation of `torch.func`."""
    if scope.strict and not function._has_context:
        raise RuntimeError(NO_CONTEXT)
