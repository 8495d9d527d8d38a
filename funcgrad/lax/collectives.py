"""JAX's operations across the elements of a batch, along an axis that has a name: `vmap(f, axis_name="i")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import PYTHON_SCALARS
from funcgrad.core.trace import Tracer
from funcgrad.lax.signatures import leaves_of
from funcgrad.ops import collectives as ops
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.elementwise import convert
from funcgrad.ops.structure import move_axis
from funcgrad.transforms.axes import Axis, axis_of

__all__ = [
    "all_gather", "all_to_all", "axis_index", "axis_size", "pmax", "pmean", "pmin", "ppermute", "pshuffle", "psum",
    "psum_scatter",
]  # fmt: skip

AxisNames = Any
"""A name, which is anything hashable but a tuple, or a tuple of names."""


def _axes(names: AxisNames, what: str) -> list[Axis]:
    return [axis_of(name, what) for name in (names if isinstance(names, tuple) else (names,))]


def _axis(name: AxisNames, what: str) -> Axis:
    first, *rest = _axes(name, what)
    if rest:
        raise ValueError(f"{what} takes the name of one axis, not {name!r}")
    return first


def _size(axes: Sequence[Axis]) -> int:
    return prod(axis.key.size for axis in axes)


def _each(what: str, x: Any, function: Callable[[Any], Any]) -> Any:
    """A function of each array of a pytree."""
    flat, treedef = leaves_of(x, f"{what}: x")
    return treedef.unflatten([function(leaf) for leaf in flat])


def _shaped(x: Any) -> Any:
    """An array or a traced value of a dtype of its own."""
    if not isinstance(x, Tracer):
        return np.asarray(x)
    return convert(x, dtype=x.dtype) if x.aval.weak else x


def psum(x: Any, axis_name: AxisNames) -> Any:
    """The sum over all elements of the batch, for each array of the pytree `x`; truth values are counted.

    Args:
        x: a pytree of arrays and numbers. What no transformation is looking at is the same for all elements, and is
            multiplied by their number: `psum(1, "i")` is that number, an int.
        axis_name: the name of an axis, or a tuple of names, to sum over all of them.

    Raises:
        NameError: no `vmap` around has bound the name.

    Every element gets the sum, and so the derivative of the sum by one of them arrives once for each.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: x / psum(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
        array([0.25, 0.75])
    """
    axes = _axes(axis_name, "psum")

    def total(leaf: Any) -> Any:
        if type(leaf) in PYTHON_SCALARS:
            return leaf * _size(axes)
        leaf = _shaped(leaf)
        if leaf.dtype.kind == "b":
            leaf = leaf.astype(int)
        if not isinstance(leaf, Tracer):
            return ops.times(leaf, _size(axes))
        for axis in axes:
            leaf = ops.psum(leaf, axis.index, size=axis.key.size)
        return leaf

    return _each("psum", x, total)


def pmean(x: Any, axis_name: AxisNames) -> Any:
    """The mean over all elements of the batch; otherwise as `psum`.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: x - pmean(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
        array([-1.,  1.])
    """
    count = _size(_axes(axis_name, "pmean"))
    return tree.map(lambda total: total / count, psum(x, axis_name))


def _extreme(what: str, prim: Any, x: Any, axis_name: AxisNames) -> Any:
    axes = _axes(axis_name, what)

    def extreme(leaf: Any) -> Any:
        if not isinstance(leaf, Tracer):
            return leaf
        leaf = _shaped(leaf)
        for axis in axes:
            leaf = prim(leaf, axis.index, size=axis.key.size)
        return leaf

    return _each(what, x, extreme)


def pmax(x: Any, axis_name: AxisNames) -> Any:
    """The largest over all elements of the batch; otherwise as `psum`. Equal ones share the derivative.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: pmax(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
        array([3., 3.])
    """
    return _extreme("pmax", ops.pmax, x, axis_name)


def pmin(x: Any, axis_name: AxisNames) -> Any:
    """The smallest over all elements of the batch; otherwise as `pmax`.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: pmin(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
        array([1., 1.])
    """
    return _extreme("pmin", ops.pmin, x, axis_name)


def axis_size(axis_name: AxisNames) -> int:
    """How many elements there are along an axis, or along all of several."""
    return _size(_axes(axis_name, "axis_size"))


def axis_index(axis_name: AxisNames) -> Any:
    """The index of this element along an axis, an int64 of shape (); over several, the last one runs fastest.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: x * axis_index("i"), axis_name="i")(np.ones(3))
        array([0., 1., 2.])
    """
    first, *rest = _axes(axis_name, "axis_index")
    index = first.index
    for axis in rest:
        index = index * axis.key.size + axis.index
    return index


def all_gather(x: Any, axis_name: AxisNames, *, axis: int = 0, tiled: bool = False) -> Any:
    """The values of all elements, stacked along a new `axis`; with `tiled`, concatenated along that axis.

    Over several names, the last one runs fastest along the axis.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: all_gather(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
        array([[1., 3.],
               [1., 3.]])
    """
    axes = _axes(axis_name, "all_gather")

    def gathered(leaf: Any) -> Any:
        leaf = _shaped(leaf)
        place = _place(axis, len(leaf.shape) + (not tiled), "all_gather: axis")
        for inner in reversed(axes):
            leaf = ops.all_gather(leaf, inner.index, size=inner.key.size, place=place)
        merged = len(axes) + tiled
        shape = leaf.shape
        return reshape(leaf, shape=(*shape[:place], prod(shape[place : place + merged]), *shape[place + merged :]))

    return _each("all_gather", x, gathered)


def psum_scatter(x: Any, axis_name: Any, *, scatter_dimension: int = 0, tiled: bool = False) -> Any:
    """The sum over all elements, of which element k gets the k-th part along an axis.

    Args:
        x: a pytree of arrays, which have as many parts along `scatter_dimension` as there are elements.
        axis_name: the name of an axis.
        scatter_dimension: the axis of the arrays.
        tiled: the parts are blocks, and keep the axis; otherwise they are single, and it is dropped.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: psum_scatter(x, "i"), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([4., 6.])
    """
    named = _axis(axis_name, "psum_scatter")

    def scattered(leaf: Any) -> Any:
        leaf, place = _parted(_shaped(leaf), scatter_dimension, named, tiled, "psum_scatter: scatter_dimension")
        return ops.psum_scatter(leaf, named.index, size=named.key.size, place=place)

    return _each("psum_scatter", x, scattered)


def all_to_all(x: Any, axis_name: Any, split_axis: int, concat_axis: int, *, tiled: bool = False) -> Any:
    """Element k gets the k-th part of every element, put together along an axis.

    Args:
        x: a pytree of arrays, which have as many parts along `split_axis` as there are elements.
        axis_name: the name of an axis.
        split_axis: the axis of the arrays that is split into parts.
        concat_axis: the axis of the result along which the parts stand, in the order of the elements.
        tiled: the parts are blocks, concatenated along `concat_axis`; otherwise they are single, and stacked.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: all_to_all(x, "i", 0, 0), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([[1., 3.],
               [2., 4.]])
    """
    named = _axis(axis_name, "all_to_all")

    def exchanged(leaf: Any) -> Any:
        leaf = _shaped(leaf)
        target = _place(concat_axis, len(leaf.shape), "all_to_all: concat_axis")
        leaf, place = _parted(leaf, split_axis, named, tiled, "all_to_all: split_axis")
        leaf = move_axis(ops.exchange(leaf, named.index, size=named.key.size, place=place), place, target)
        if not tiled:
            return leaf
        before, (parts, length), after = leaf.shape[:target], leaf.shape[target : target + 2], leaf.shape[target + 2 :]
        return reshape(leaf, shape=(*before, parts * length, *after))

    return _each("all_to_all", x, exchanged)


def ppermute(x: Any, axis_name: Any, perm: Sequence[tuple[int, int]]) -> Any:
    """Values sent from element to element: `perm` has pairs (source, destination), each standing once at most.

    Who is sent nothing gets zeros.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: ppermute(x, "i", [(0, 1), (1, 2)]), axis_name="i")(np.array([1.0, 2.0, 3.0]))
        array([0., 1., 2.])
    """
    named = _axis(axis_name, "ppermute")
    size = named.key.size
    pairs = [(int(source), int(destination)) for source, destination in perm]
    for ends in zip(*pairs):
        if len(set(ends)) < len(ends) or not all(0 <= end < size for end in ends):
            raise ValueError(
                f"ppermute: sources, and destinations, must be different indices from 0 to {size - 1}: {perm}"
            )
    sources = [-1] * size
    for source, destination in pairs:
        sources[destination] = source
    return _each(
        "ppermute", x, lambda leaf: ops.ppermute(_shaped(leaf), named.index, size=size, sources=tuple(sources))
    )


def pshuffle(x: Any, axis_name: Any, perm: Sequence[int]) -> Any:
    """Element k gets the value of element `perm[k]`.

    Example:
        >>> import funcgrad as fg
        >>> fg.vmap(lambda x: pshuffle(x, "i", [2, 0, 1]), axis_name="i")(np.array([1.0, 2.0, 3.0]))
        array([3., 1., 2.])
    """
    size = _axis(axis_name, "pshuffle").key.size
    if sorted(perm) != list(range(size)):
        raise ValueError(f"pshuffle: perm must hold each index from 0 to {size - 1} once: {perm}")
    return ppermute(x, axis_name, list(zip(perm, range(size))))


def _place(axis: int, rank: int, what: str) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"{what} is {axis}, where there are {rank} axes")
    return axis % rank


def _parted(x: Any, axis: int, named: Axis, tiled: bool, what: str) -> tuple[Any, int]:
    """An array with an axis that has one part for each element, and which axis that is."""
    place = _place(axis, len(x.shape), what)
    length, size = x.shape[place], named.key.size
    if not tiled and length != size:
        elements = f"there are {size} elements along {named.key.name!r}"
        raise ValueError(f"{what}: axis {place} has length {length}, but {elements}")
    if not tiled:
        return x, place
    if length % size:
        raise ValueError(f"{what}: axis {place} of length {length} has no {size} equal parts, one for each element")
    return reshape(x, shape=(*x.shape[:place], size, length // size, *x.shape[place + 1 :])), place
