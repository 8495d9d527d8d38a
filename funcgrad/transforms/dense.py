"""Whole derivatives: Jacobians and Hessians over pytrees, Hessian-vector products, elementwise derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, refusal
from funcgrad.core.constants import identity_matrix
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.transforms.api import check_entries, grad_of, jvp_of, linearize_of, vjp_of
from funcgrad.transforms.arguments import Argnums, NotDifferentiableError, array_leaf, differentiable, normalise_argnums
from funcgrad.transforms.decorating import derived
from funcgrad.transforms.function import Transformed, transform
from funcgrad.transforms.results import result
from funcgrad.transforms.vmap import vmap


@derived
def jacfwd(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The Jacobian by forward mode: one pass for each input element, all of them as one batch.

    Returns a function whose result has, for each leaf of the output (shape ``s``) and each leaf of the argument
    (shape ``t``), an array of shape ``s + t``: the output's structure with the argument's inside.

    Example:
        >>> import numpy as np
        >>> jacfwd(lambda x: x ** 2)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """
    return Transformed(_jacfwd, fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic)


@derived
def jacrev(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:
    """The Jacobian by reverse mode: one pass for each output element, all of them as one batch.

    The result is laid out as `jacfwd`'s.

    Example:
        >>> import numpy as np
        >>> jacrev(lambda x: np.sum(x ** 2))(np.array([1.0, 2.0]))
        array([2., 4.])
    """
    return Transformed(_jacrev, fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int)


jacobian = jacrev


@derived
def hessian(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The matrix of second derivatives, forward over reverse; over pytrees, the Jacobian of the Jacobian.

    Example:
        >>> import numpy as np
        >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
    """
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic, "name": "hessian"}
    return Transformed(_jacfwd, Transformed(_jacrev, fun, allow_int=False, **options), **options)


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar-valued function times a vector, forward over reverse, without forming the Hessian.

    Args:
        primals: the arguments of `fun`, a tuple; all of them are differentiated.
        tangents: the vector, laid out as `primals`.

    Returns:
        The product, of the structure of the one argument, or a tuple with an entry for each of several.

    Example:
        >>> import numpy as np
        >>> hvp(lambda x: np.sum(x ** 3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
        array([6., 0.])
    """
    check_entries(primals, tangents, "hvp")
    argnums: Argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    gradient = Transformed(grad_of, fun, argnums=argnums, has_aux=False, name="hvp")
    return transform(jvp_of, gradient, (primals, tangents), False, "hvp")[1]


@derived
def elementwise_grad(fun: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The derivative of a function that maps each element on its own, in one reverse pass.

    Where an output element depends on several input elements, the result is the sum over outputs, not the diagonal.

    Example:
        >>> import numpy as np
        >>> elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(3)
        array([1.  , 0.42])
    """
    return Transformed(_elementwise_grad, fun, argnums=argnums)


def _elementwise_grad(fun: Any, args: tuple, kwargs: dict, argnums: Argnums) -> Any:
    def total(*inner: Any) -> Any:
        out = fun(*inner, **kwargs)
        value = array_leaf(out)
        if value is None:
            raise TypeError(refusal("elementwise_grad: what the function returned", out))
        shape = aval_of(value).shape
        return reduce_sum(out, axes=tuple(range(len(shape)))) if shape else out

    return grad_of(total, args, {}, argnums=argnums, has_aux=False, name="elementwise_grad")


def _basis(leaves: Sequence[Any]) -> list[Any]:
    """The unit vectors of the space of these leaves: for each leaf an array (total size, *shape)."""
    avals = [aval_of(x) for x in leaves]
    if len(avals) == 1 and avals[0].ndim == 1:
        return [identity_matrix(np.eye(avals[0].size, dtype=avals[0].dtype))]
    total = sum(a.size for a in avals)
    basis = []
    start = 0
    for aval in avals:
        block = np.zeros((total, aval.size), aval.dtype)
        block[np.arange(start, start + aval.size), np.arange(aval.size)] = 1
        basis.append(block.reshape((total, *aval.shape)))
        start += aval.size
    return basis


def _split(stacked: Any, like: Sequence[Aval], axis: int) -> list[Any]:
    """Cut an axis that runs over a basis into the leaves' parts, each with its leaf's shape there."""
    parts = []
    start = 0
    shape = stacked.shape
    for aval in like:
        index = (slice(None),) * axis + (slice(start, start + aval.size),)
        parts.append(stacked[index].reshape(shape[:axis] + aval.shape + shape[axis + 1 :]))
        start += aval.size
    return parts


def _owned(blocks: list[list[Any]]) -> list[list[Any]]:
    """The blocks as arrays of their own, which share no memory."""
    taken: set[int] = set()
    return [[result(block, None, taken) for block in row] for row in blocks]


def _selected(fun: Any, args: tuple, kwargs: dict, argnums: Argnums, name: str, **checks: bool) -> Any:
    """A function of the differentiated arguments only, these arguments as one pytree, and its leaves."""
    positions = normalise_argnums(argnums, len(args), name)
    for n in positions:
        flat, treedef = tree.flatten(args[n])
        differentiable(fun, n, treedef, flat, name, **checks)

    def chosen(*inner: Any) -> Any:
        full = list(args)
        for n, value in zip(positions, inner):
            full[n] = value
        return fun(*full, **kwargs)

    return chosen, tuple(args[n] for n in positions)


def _without_tuple(jacobian: Any, argnums: Argnums) -> Any:
    return jacobian[0] if isinstance(argnums, (int, np.integer)) else jacobian


def _check_outputs(leaves: Sequence[Any], holomorphic: bool, name: str) -> None:
    for y in leaves:
        dtype = aval_of(y).dtype
        if dtype.kind not in "fc":
            raise NotDifferentiableError(f"{name}: the function returned dtype {dtype}, which has no derivative")
        if holomorphic and dtype.kind != "c":
            raise NotDifferentiableError(f"{name}: holomorphic=True needs complex outputs, not {dtype}")


def _jacfwd(
    fun: Any, args: tuple, kwargs: dict, argnums: Argnums, has_aux: bool, holomorphic: bool, name: str = "jacfwd"
) -> Any:
    chosen, primals = _selected(fun, args, kwargs, argnums, name, holomorphic=holomorphic)
    leaves, treedef = tree.flatten(primals)
    if not holomorphic and any(aval_of(x).dtype.kind == "c" for x in leaves):
        raise NotDifferentiableError(f"{name}: complex inputs need holomorphic=True")
    out, f_jvp, *aux = linearize_of(chosen, primals, has_aux, name)
    flat_out, out_tree = tree.flatten(out)
    _check_outputs(flat_out, holomorphic, name)
    avals = [aval_of(x) for x in leaves]
    if not leaves:
        jacobian = out_tree.unflatten([_without_tuple(primals, argnums) for _ in flat_out])
        return (jacobian, *aux) if has_aux else jacobian
    columns = tree.flatten_up_to(out_tree, vmap(f_jvp, out_axes=-1)(*treedef.unflatten(_basis(leaves))))
    parts = _owned([_split(c, avals, np.ndim(c) - 1) for c in columns])
    jacobian = out_tree.unflatten([_without_tuple(treedef.unflatten(p), argnums) for p in parts])
    return (jacobian, *aux) if has_aux else jacobian


def _jacrev(
    fun: Any,
    args: tuple,
    kwargs: dict,
    argnums: Argnums,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    name: str = "jacrev",
) -> Any:
    chosen, primals = _selected(fun, args, kwargs, argnums, name, holomorphic=holomorphic, allow_int=allow_int)
    out, vjp_fun, *aux = vjp_of(chosen, primals, has_aux, name)
    flat_out, out_tree = tree.flatten(out)
    if not flat_out:
        return (out, *aux) if has_aux else out
    _check_outputs(flat_out, holomorphic, name)
    if not holomorphic and any(aval_of(y).dtype.kind == "c" for y in flat_out):
        raise NotDifferentiableError(f"{name}: complex outputs need holomorphic=True")
    avals = [aval_of(y) for y in flat_out]
    rows, treedef = tree.flatten(vmap(vjp_fun)(out_tree.unflatten(_basis(flat_out))))
    # rows: for each input leaf (basis of all outputs, *input shape); wanted: for each output leaf a tree of inputs
    parts = _owned([_split(r, avals, 0) for r in rows])
    by_output = [treedef.unflatten([p[k] for p in parts]) for k in range(len(avals))]
    jacobian = out_tree.unflatten([_without_tuple(t, argnums) for t in by_output])
    return (jacobian, *aux) if has_aux else jacobian
