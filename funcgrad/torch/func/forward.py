"""Forward mode of functions of Tensors: `jvp`, `linearize` and `jacfwd`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.frames import hiding
from funcgrad.core.linear import LinearTrace, linear_outputs
from funcgrad.core.tape import Node, entries, push
from funcgrad.torch._record.operands import refuse_traced
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.func.arguments import Argnums, chosen_of, floating, refuse_complex
from funcgrad.torch.func.batches import random_numbers
from funcgrad.torch.func.trees import (
    Given,
    Writes,
    differentiably,
    outputs_of,
    recording,
    spec_of,
    tensors_of,
    values_of,
)
from funcgrad.transforms import api
from funcgrad.transforms import vmap as batching

FORWARD = "jvp(f, primals, tangents): expected f(*primals) to return only tensors, got unsupported type {}"
OF_JVP = "jvp(f, primals, tangents): "


def pure_of(func: Callable[..., Any], has_aux: bool, refused: str, writes: Writes) -> Callable[..., Any]:
    """A function of Tensors as one of values, which returns besides what it has written into them, and its own `aux`.

    RuntimeError where it returns anything else than Tensors.
    """

    def pure(*values: Any) -> Any:
        given = Given(values)
        out, *aux = func(*given.tensors) if has_aux else (func(*given.tensors),)
        return outputs_of(out, refused), (writes.of(given), *(outputs_of(a, refused) for a in aux))

    return pure


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """The output and its derivative along the tangents.

    >>> import funcgrad.torch as torch
    >>> jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    _check_tangents(primals, tangents)
    at, along = floating(primals), values_of(tangents)
    along = tree.map(lambda t, v: t.astype(v.dtype), along, at)
    written: list[int] = []

    def pure(*values: Any) -> Any:
        given = Given(values)
        out = func(*given.tensors)
        out, aux = out if has_aux else (out, ())
        written[:] = [i for i, _ in given.written()]
        return outputs_of(out, FORWARD), (outputs_of(aux, FORWARD), [value for _, value in given.written()])

    *found, (aux, new) = recording("derivative", api.jvp, pure, at, along, has_aux=True)
    leaves = tree.leaves(primals)
    for i, value in zip(written, new):
        leaves[i].copy_(fresh(value))
    return tensors_of((*found, aux) if has_aux else tuple(found))


def _check_tangents(primals: Any, tangents: Any) -> None:
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{OF_JVP}Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    if tree.structure(tangents) != tree.structure(primals):
        raise RuntimeError(
            f"{OF_JVP}Expected primals and tangents to have the same python structure. For example, if primals is a "
            f"tuple of 3 tensors, tangents also must be. Got primals with structure {spec_of(primals)} and tangents "
            f"with structure {spec_of(tangents)}"
        )
    for name, given in (("primals", primals), ("tangents", tangents)):
        leaves = tree.leaves(given)
        if not leaves:
            raise RuntimeError(f"{OF_JVP}Expected {name} to contain at least one Tensor.")
        for leaf in leaves:
            refuse_traced(leaf)
            if not isinstance(leaf, Tensor):
                raise RuntimeError(f"{OF_JVP}Expected {name} to only contain Tensors, got {type(leaf)}")
    for t, x in zip(tree.leaves(tangents), tree.leaves(primals)):
        if isinstance(t, Tensor) and isinstance(x, Tensor) and t.shape != x.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                f"not supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size "
                f"{list(t.shape)}."
            )


class Linear:
    """A function's outputs, and its derivative as what forward mode did to tangents that do not exist yet.

    The function runs once. As in all of forward mode, `no_grad` has no part in it.
    """

    def __init__(self, pure: Callable[..., Any], values: tuple[Any, ...]) -> None:
        leaves, structure = tree.flatten(values)
        trace = LinearTrace()
        try:
            tangents = [trace.leaf(Aval(v.shape, v.dtype)) for v in leaves]
            self.out, moved, self.aux = api.jvp(pure, values, structure.unflatten(tangents), has_aux=True)
            moves, self.structure = tree.flatten(moved)
            self.ends: Sequence[Node | None] = linear_outputs(moves, trace, "the derivative")
        finally:
            trace.end()
        self.starts = [t.node for t in tangents]
        self.nodes = entries(n for n in self.ends if n is not None)
        self.avals = [aval_of(t) for t in moves]

    def along(self, *tangents: Any) -> Any:
        """The tangent of the output."""
        known = {n.seq: t for n, t in zip(self.starts, tree.leaves(tangents))}
        push(self.nodes, known)
        found = []
        for node, aval in zip(self.ends, self.avals):
            t = None if node is None else known.get(node.seq)
            found.append(np.zeros(aval.shape, aval.dtype) if t is None else t)
        return self.structure.unflatten(found)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The output, and a function from tangents of the primals to that of the output, which does not run `func` again.

    >>> import funcgrad.torch as torch
    >>> out, along = linearize(torch.sin, torch.tensor(0.0))
    >>> along(torch.tensor(2.0))
    tensor(2.)
    """
    kept: list[Linear] = []
    writes = Writes(primals)

    def forward(*values: Any) -> Any:
        kept.append(Linear(pure_of(func, False, FORWARD, writes), values))
        return kept[0].out, kept[0].aux[0]

    out, new = recording("derivative", forward, *floating(primals))
    writes.store(new)

    def along(*tangents: Any) -> Any:
        given, wanted = tree.structure(tangents), tree.structure(primals)
        if given != wanted:
            raise RuntimeError(f"Expected the tangents {given} to have the same argspec as the primals {wanted}")
        for i, (t, x) in enumerate(zip(tree.leaves(tangents), tree.leaves(primals))):
            for what, own, other in (("shape", t.shape, x.shape), ("dtype", t.dtype, x.dtype)):
                if own != other:
                    raise RuntimeError(
                        f"tangent:{i} with {what} {own} in flattened pytree doesn't match the {what} {other} of the "
                        "corresponding primal."
                    )
        return tensors_of(differentiably(kept[0].along, *values_of(tangents)))

    return tensors_of(out), along


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian by forward mode, laid out as that of `jacrev`.

    `chunk_size`, which bounds PyTorch's memory, changes nothing here. `randomness` is "error" or "same", as in `vmap`.
    """

    @hiding
    @wraps(func)
    def jacobian(*args: Any) -> Any:
        chosen, of_chosen = chosen_of(func, argnums, args, {})

        writes = Writes(chosen)

        def columns(*values: Any) -> Any:
            pure = pure_of(lambda *xs: of_chosen(xs), has_aux, FORWARD, writes)

            def along(*tangents: Any) -> Any:
                with random_numbers(randomness, tree.leaves(tangents)[0]._trace):
                    out, moved, aux = api.jvp(pure, values, tangents, has_aux=True)
                refuse_complex("jacfwd", out, "output")
                return moved, aux

            basis, sizes = _basis(values)
            moved, aux = batching.vmap(along, out_axes=(-1, None))(*basis)
            return _columns(moved, values, sizes, isinstance(argnums, int)), *aux

        given = floating(chosen)
        refuse_complex("jacfwd", given, "input")
        found, new, *aux = recording("derivative", columns, *given, given=args)
        writes.store(new)
        return tensors_of((found, *aux) if has_aux else found)

    return jacobian


def _basis(values: tuple[Any, ...]) -> tuple[Any, list[int]]:
    """The unit vectors of the space of the inputs, and the sizes of these."""
    leaves, structure = tree.flatten(values)
    sizes = [v.size for v in leaves]
    basis = []
    for v, end in zip(leaves, np.cumsum(sizes)):
        block = np.zeros((sum(sizes), v.size), v.dtype)
        block[end - v.size : end] = np.eye(v.size)
        basis.append(block.reshape(sum(sizes), *v.shape))
    return structure.unflatten(basis), sizes


def _columns(moved: Any, values: tuple[Any, ...], sizes: list[int], alone: bool) -> Any:
    """For each output the derivatives by each input, or by the only one."""
    leaves, structure = tree.flatten(values)
    ends = np.cumsum(sizes)

    def split(column: Any) -> Any:
        shape = column.shape[:-1]
        parts = [column[..., e - v.size : e].reshape(shape + v.shape) for v, e in zip(leaves, ends)]
        by_input = structure.unflatten(parts)
        return by_input[0] if alone else by_input

    return tree.map(split, moved)
