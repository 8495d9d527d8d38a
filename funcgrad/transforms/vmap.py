"""vmap: the user's side of batching."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import PYTHON_SCALARS, refusal
from funcgrad.core.buffers import apply
from funcgrad.core.memory import private, taken_by
from funcgrad.core.trace import escaped, is_traced
from funcgrad.ops.structure import move_axis
from funcgrad.transforms import nans
from funcgrad.transforms.arguments import array_leaf, leaf_path, parameter_name, refused_output
from funcgrad.transforms.axes import Axis, AxisName, bound_axes, with_axes
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.decorating import derived
from funcgrad.transforms.function import Transformed
from funcgrad.transforms.results import result


@derived
def vmap(
    fun: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None, axis_size: int | None = None
) -> Callable[..., Any]:
    """Vectorise a function: it is written for one element, and runs once on whole batches.

    Args:
        fun: a function of pytrees of arrays that returns a pytree of arrays.
        in_axes: which axis of each argument is the batch's: an int for all, or a tuple with an entry for each
            argument; an entry is an int (negative counts from the end), None (not batched), or a pytree of them that
            is a prefix of the argument. Keyword arguments are batched along axis 0.
        out_axes: where the batch axis goes in the output: an int, None (the output must not be batched), or a prefix
            pytree.
        axis_name: what the axis of the batch is called inside of `fun` (anything hashable but a tuple), where
            `fg.lax.psum(x, axis_name)` and its like work across the batch.
        axis_size: the size of the batch; needed where nothing is batched.

    Raises:
        ValueError: batch sizes differ, nothing is batched, or an axis does not exist; the message names the leaf.

    Example:
        >>> import numpy as np
        >>> vmap(lambda x, y: x @ y, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
        array([3., 4.])
    """
    return Transformed(_vmap, fun, in_axes=in_axes, out_axes=out_axes, axis_name=axis_name, axis_size=axis_size)


def _vmap(
    fun: Any, args: tuple, kwargs: dict, in_axes: Any, out_axes: Any, axis_name: Any, axis_size: int | None
) -> Any:
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ValueError(f"vmap: in_axes has {len(in_axes)} entries, but the call has {len(args)} positional arguments")
    leaves, axes, owners, treedef = _batched_leaves(fun, args, kwargs, in_axes)
    size = _batch_size(fun, leaves, axes, owners, axis_size)
    trace = nans.batch(size)
    # copies, as a tape inside of the function may save them, and the user may write into the arguments
    traced = [
        trace.shared(private(x)) if axis is None else trace.input(move_axis(private(x), axis, 0))
        for x, axis in zip(leaves, axes)
    ]
    args, kwargs = treedef.unflatten(traced)
    if axis_name is None:
        out = apply(trace, fun, args, kwargs)
    else:
        axis = Axis(AxisName(_name_of_axis(axis_name), size), trace.input(np.arange(size)))
        out = with_axes([*bound_axes(), axis], apply, trace, fun, args, kwargs)
    flat, out_tree = tree.flatten(out)
    targets = tree.flatten_prefix(out_axes, out_tree, "vmap: out_axes")
    outputs = [_output(y, axis, trace, i, out_tree) for i, (y, axis) in enumerate(zip(flat, targets))]
    taken = taken_by([*leaves, *flat])
    return out_tree.unflatten([result(y, None, taken) for y in outputs])


def _batched_leaves(fun: Any, args: tuple, kwargs: dict, in_axes: Any) -> tuple[list, list, list, tree.TreeDef]:
    """All leaves with their batch axes (non-negative, or None) and whose they are."""
    leaves: list[Any] = []
    axes: list[int | None] = []
    owners: list[tuple[Any, tree.TreeDef, int]] = []
    for n, arg in enumerate((*args, kwargs)):
        prefix = 0 if n == len(args) else in_axes[n] if isinstance(in_axes, tuple) else in_axes
        flat, treedef = tree.flatten(arg)
        name = f"vmap: in_axes of argument {n}{parameter_name(fun, n)}"
        for index, (x, axis) in enumerate(zip(flat, tree.flatten_prefix(prefix, treedef, name))):
            owner = (n if n < len(args) else "keyword", treedef, index)
            leaves.append(x)
            axes.append(_axis(fun, x, axis, owner))
            owners.append(owner)
    return leaves, axes, owners, tree.structure((args, kwargs))


def _name(fun: Any, owner: tuple[Any, tree.TreeDef, int]) -> str:
    n, treedef, index = owner
    if n == "keyword":
        return f"keyword argument {list(tree.leaf_paths(treedef))[index]}"
    return leaf_path(fun, n, treedef, index)


def _axis(fun: Any, x: Any, axis: Any, owner: tuple[Any, tree.TreeDef, int]) -> int | None:
    if axis is None:
        return None
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise TypeError(f"vmap: in_axes must hold ints and None, not {axis!r}, for {_name(fun, owner)}")
    value = array_leaf(x)
    if value is None:
        raise TypeError(refusal(f"vmap: {_name(fun, owner)}", x, "Give what is not batched in_axes None."))
    rank = np.ndim(value)
    if not -rank <= axis < rank:
        in_list = owner[1].kind is not None and owner[1].kind.cls in (list, tuple)
        whole = "np.array makes one array of a list, which is a tree of arrays, and " if in_list else ""
        raise ValueError(
            f"vmap: {_name(fun, owner)} has shape {np.shape(value)} and no axis {axis}; {whole}"
            "where it is not batched, give it in_axes None"
        )
    return int(axis) % rank


def _name_of_axis(name: Any) -> Any:
    if isinstance(name, tuple):
        raise TypeError(f"vmap: axis_name is one name, not the tuple {name!r}, which stands for several")
    hash(name)
    return name


def _batch_size(fun: Any, leaves: list, axes: list, owners: list, given: int | None) -> int:
    sizes: dict[int, Any] = {}
    for x, axis, owner in zip(leaves, axes, owners):
        if axis is not None:
            sizes.setdefault(np.shape(x)[axis], (axis, owner))
    if given is not None and any(n != given for n in sizes):
        n, (axis, owner) = next((n, where) for n, where in sizes.items() if n != given)
        raise ValueError(f"vmap: axis_size is {given}, but {_name(fun, owner)} has {n} along axis {axis}")
    if given is not None:
        return operator.index(given)
    if not sizes:
        raise ValueError(
            "vmap: no argument is batched, so the batch size is unknown: in_axes has no int, and there is no axis_size"
        )
    if len(sizes) > 1:
        found = "; ".join(f"{_name(fun, owner)} has {n} along axis {axis}" for n, (axis, owner) in sizes.items())
        raise ValueError(
            f"vmap: batch sizes differ: {found}. in_axes has None for an argument that is the same in each call"
        )
    return next(iter(sizes))


def _output(y: Any, axis: Any, trace: BatchTrace, index: int, out_tree: tree.TreeDef) -> Any:
    path = list(tree.leaf_paths(out_tree))[index] if out_tree is not tree.LEAF else ""
    value, batched = trace.unwrap(y)
    if not batched:
        if is_traced(value) and not value._trace.alive:
            raise escaped((value,))
        if array_leaf(value) is None:
            raise refused_output(value, "vmap", index, out_tree)
    if axis is None:
        if batched:
            raise ValueError(f"vmap: out_axes is None for output{path}, which is batched")
        return value
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise TypeError(f"vmap: out_axes must hold ints and None, not {axis!r}")
    if not batched:
        value = stretch(np.asarray(value) if type(value) in PYTHON_SCALARS else value, trace.size)
    rank = np.ndim(value)
    if not -rank <= axis < rank:
        raise ValueError(f"vmap: output{path} has {rank} axes with the batch's, so out_axes={axis} does not exist")
    return move_axis(value, 0, int(axis) % rank)


