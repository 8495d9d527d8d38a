"""`vmap`: a function of one sample on a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from funcgrad import numpy as fnp
from funcgrad import tree
from funcgrad.core.frames import hiding
from funcgrad.torch._ops.generator import through
from funcgrad.torch._pass.batched import Level, levels
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.func.trees import Given, recording, tensors_of, values_of
from funcgrad.transforms import vmap as batching
from funcgrad.transforms.batch import BatchTrace

RANDOM = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
    "randomness flags on vmap or perform the randomness operation out of vmap"
)


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function of single samples as a function of batches.

    Args:
        func: takes Tensors, or trees of them, without the batch dimension.
        in_dims: where that is in the arguments: a number, None (not batched), or a tuple of those or of trees of them.
        out_dims: where it shall be in the outputs.
        randomness: "error", "same", for the same random numbers in all samples, or "different", for each its own: those
            that PyTorch draws. (`randperm` and `multinomial`, and what draws until it fits, know "same" only.)
        chunk_size: bounds PyTorch's memory, and changes nothing here.

    >>> import funcgrad.torch as torch
    >>> vmap(torch.dot)(torch.eye(2), torch.ones(2, 2))
    tensor([1., 1.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    name = getattr(func, "__name__", repr(func))

    @hiding
    @wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        places = _Places(name, in_dims, args)
        written: list[int] = []

        def pure(*values: Any) -> Any:
            given = Given(values)
            with random_numbers(randomness, _batch_of(values)):
                out = func(*places.filled(given.tensors), **kwargs)
            for leaf in tree.leaves(out):
                if not isinstance(leaf, Tensor):
                    raise ValueError(
                        f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(leaf)}. Did you mean to "
                        "set out_dims= to None for output?"
                    )
            written[:] = [i for i, _ in given.written()]
            return tree.map(lambda t: t._read(), out), [value for _, value in given.written()]

        over_batch = batching.vmap(pure, in_axes=tuple(places.dims), out_axes=(out_dims, 0))
        out, new = recording("batch", over_batch, *values_of(tuple(places.tensors)))
        for i, value in zip(written, new):
            places.tensors[i].copy_(fresh(fnp.moveaxis(value, 0, places.dims[i])))
        return tensors_of(out)

    return batched


def _batch_of(values: Any) -> BatchTrace:
    return next(v._trace for v in tree.leaves(values))


class _Places:
    """Which leaves of the arguments are Tensors with a batch dimension, and where it is."""

    def __init__(self, name: str, in_dims: Any, args: tuple[Any, ...]) -> None:
        if not args:
            raise ValueError(
                f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap "
                "over a function with no inputs. The latter is unsupported."
            )
        self.leaves, self.structure = tree.flatten(args, is_leaf=lambda x: x is None)
        self.call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): "
        dims = self._dims_of(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args)
        self.batched = [i for i, dim in enumerate(dims) if dim is not None]
        self.tensors = [self._checked(self.leaves[i], dims[i]) for i in self.batched]
        self.dims = [dim for dim in dims if dim is not None]
        if not self.tensors:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        sizes = [t.shape[dim] for t, dim in zip(self.tensors, self.dims)]
        if len(set(sizes)) > 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                f"{sizes} for the mapped dimension"
            )

    def _dims_of(self, dims: Any, part: Any) -> list[int | None]:
        """A dim for each leaf of a part of the arguments."""
        count = len(tree.leaves(part, is_leaf=lambda x: x is None))
        if dims is None or isinstance(dims, int):
            return [dims] * count
        if type(dims) is type(part) and len(dims) == len(part):
            if isinstance(dims, (tuple, list)):
                return [dim for each in map(self._dims_of, dims, part) for dim in each]
            if isinstance(dims, dict) and dims.keys() == part.keys():
                return [dim for key in sorted(part) for dim in self._dims_of(dims[key], part[key])]
        raise ValueError(
            f"{self.call}in_dims is not compatible with the structure of `inputs`: in_dims has {dims!r} where the "
            f"inputs have {tree.structure(part)}"
        )

    def _checked(self, x: Any, dim: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{self.call}Got in_dim={dim} for an input but the input is of type {type(x)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        rank = x.dim()
        if not -rank <= dim < rank:
            raise ValueError(
                f"{self.call}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {rank} so "
                f"expected in_dim to satisfy -{rank} <= in_dim < {rank}."
            )
        return x

    def filled(self, samples: tuple[Tensor, ...]) -> Any:
        """The arguments with samples in place of batches."""
        leaves = list(self.leaves)
        for i, sample in zip(self.batched, samples):
            leaves[i] = sample
        return tree.unflatten(self.structure, leaves)


@contextmanager
def random_numbers(randomness: str, batch: BatchTrace | None = None) -> Iterator[None]:
    """Random operations do not know of the batch: refuse them ("error"), let them draw for one sample ("same"), or give
    them numbers for each ("different")."""
    before = through.way
    if batch is not None:
        levels[batch] = Level(randomness, before)
    if randomness == "error":
        through.way = _refuse
    elif randomness == "different" and batch is not None:
        through.way = partial(_for_each, batch, before)
    try:
        yield
    finally:
        through.way = before
        if batch is not None:
            del levels[batch]


def _refuse(draw: Callable[..., Any], count: int, *rest: Any) -> Any:
    raise RuntimeError(RANDOM)


def _for_each(batch: BatchTrace, around: Any, draw: Callable[..., Any], count: int, *rest: Any) -> Any:
    """As many numbers for each sample; `around` is what a transformation around this one does."""
    drawn = around(draw, batch.size * count, *rest) if around is not None else draw(batch.size * count, *rest)
    return batch.input(drawn.reshape((batch.size, count)))
