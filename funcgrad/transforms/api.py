"""The first-order transformations: grad, value_and_grad, vjp, jvp, linearize, linear_transpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact, refusal
from funcgrad.core.buffers import apply
from funcgrad.core.frames import hiding
from funcgrad.core.linear import LinearTrace, LinearTracer, linear_outputs
from funcgrad.core.memory import copied, private, taken_by
from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTrace, TapeTracer, entries, pull, push
from funcgrad.core.trace import Trace, as_argument
from funcgrad.transforms import nans
from funcgrad.transforms.arguments import (
    Argnums,
    array_leaf,
    differentiable,
    integer_cotangent,
    leaf_path,
    normalise_argnums,
    parameter_name,
    refuse_tangent,
    refused_output,
    scalar_output,
    tangent_for,
)
from funcgrad.transforms.decorating import derived, with_value
from funcgrad.transforms.function import Transformed, transform
from funcgrad.transforms.jvp import JvpTracer
from funcgrad.transforms.results import below, copies, gradients, result, results, zeros_for


@derived
def grad(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    allow_int: bool = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The gradient of a scalar-valued function, by reverse mode.

    Args:
        fun: a pure function whose output is a scalar (shape ``()``, real unless `holomorphic`).
        argnums: the position, or positions, of the arguments to differentiate; these are pytrees of float or
            complex arrays.
        has_aux: `fun` returns ``(output, aux)``; aux is returned beside the gradient.
        allow_int: accept integer leaves; their gradient is a float0 array.
        holomorphic: `fun` is holomorphic; inputs and output are complex. By keyword only.

    Returns:
        A function of the same arguments that returns the gradient, with the structure, shapes and dtypes of the
        argument (a tuple of gradients where `argnums` is a sequence), or ``(gradient, aux)``. For a complex argument
        it is the derivative that JAX returns: ``df/dx - i df/dy`` for ``z = x + iy``.

    Raises:
        NotDifferentiableError: a leaf is an integer or no number; the message has its path.
        TypeError: the output is no scalar.

    Example:
        >>> import numpy as np
        >>> grad(lambda x: np.sum(x ** 2))(np.array([1.0, 2.0]))
        array([2., 4.])
    """
    return Transformed(_grad, fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int)


@with_value
def value_and_grad(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    allow_int: bool = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Like `grad`, but the function returns ``(value, gradient)``, or ``((value, aux), gradient)``.

    Example:
        >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
        (6.0, (np.float64(3.0), np.float64(2.0)))
    """
    return Transformed(
        _value_and_grad, fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int
    )


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of a function and its vector-Jacobian product.

    Args:
        fun: a function of the primals that returns a pytree of arrays (``(output, aux)`` with `has_aux`).
        primals: pytrees of arrays. Integer leaves are constants; their cotangent has dtype float0.

    Returns:
        ``(output, vjp_fun)`` or ``(output, vjp_fun, aux)``. ``vjp_fun(ct)`` takes a cotangent of the output's
        structure, shapes and dtypes and returns a tuple with the cotangent of each primal; it may be called any
        number of times.

    Example:
        >>> import numpy as np
        >>> y, pullback = vjp(np.sin, np.array([0.0, np.pi]))
        >>> pullback(np.ones(2))
        (array([ 1., -1.]),)
    """
    return transform(_vjp, fun, primals, has_aux)


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The value of a function and its derivative along `tangents`, by forward mode.

    Args:
        primals: the arguments, a tuple or list.
        tangents: for each argument a tangent of the same structure and shapes.

    Returns:
        ``(output, tangent_of_output)`` or, with `has_aux`, ``(output, tangent_of_output, aux)``.

    Example:
        >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
        (6.0, np.float64(3.0))
    """
    return transform(_jvp, fun, (primals, tangents), has_aux)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of a function and its derivative as a linear function of the tangents.

    The function is evaluated once; the linear map can then be applied to any number of tangents. Returns
    ``(output, f_jvp)``, or ``(output, f_jvp, aux)`` with `has_aux`.

    Example:
        >>> y, f_jvp = linearize(lambda x: x ** 3, 2.0)
        >>> y, f_jvp(1.0)
        (8.0, np.float64(12.0))
    """
    return transform(_linearize, fun, primals, has_aux)


def linear_transpose(fun: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of a linear function.

    Args:
        fun: a function that is linear in its arguments.
        primals: examples of the arguments; only their structure, shapes and dtypes matter.

    Returns:
        A function from a cotangent of the output to a tuple of cotangents of the arguments.

    Raises:
        NotDifferentiableError: an operation of the function is not linear.

    Example:
        >>> transposed = linear_transpose(lambda x: 3.0 * x, 0.0)
        >>> transposed(2.0)
        (np.float64(6.0),)
    """
    return transform(_linear_transpose, fun, primals)


def _grad(fun: Any, args: tuple, kwargs: dict, **options: Any) -> Any:
    return grad_of(fun, args, kwargs, name="grad", **options)


def grad_of(fun: Any, args: tuple, kwargs: dict, **options: Any) -> Any:
    """What `grad` computes, in the name of what uses it."""
    value, gradient = _value_and_grad(fun, args, kwargs, **options)
    return (gradient, value[1]) if options["has_aux"] else gradient


def _value_and_grad(
    fun: Any,
    args: tuple,
    kwargs: dict,
    argnums: Argnums,
    has_aux: bool,
    holomorphic: bool = False,
    allow_int: bool = False,
    name: str = "value_and_grad",
) -> Any:
    positions = normalise_argnums(argnums, len(args), name)
    trace = nans.tape()
    inputs = Inputs(trace, fun, args, positions, name, allow_int=allow_int, holomorphic=holomorphic)
    out = apply(trace, fun, inputs.args, kwargs)
    aux = None
    if has_aux:
        out, aux = output_and_aux(out, name)
    value = below(scalar_output(out, name, holomorphic), trace)
    if type(value) is np.ndarray:
        value = copied(value)  # it may be an argument itself
    seeds = []
    if isinstance(out, TapeTracer) and out._trace is trace:
        seeds.append((out.node, aval_of(value).dtype.type(1)))
    if has_aux:
        value = value, results(aux, trace, taken_by(leaf for group in inputs.leaves for leaf in group))
    # whatever still pointed at the tape would keep all of it alive through the backward pass
    inputs.args = out = aux = None
    found = inputs.cotangents(pull(seeds), taken_by(tree.leaves(value)) if has_aux else set())
    return value, found[0] if isinstance(argnums, (int, np.integer)) else tuple(found)


def output_and_aux(out: Any, name: str) -> tuple[Any, Any]:
    """Split what a function with has_aux returned."""
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(f"{name}: with has_aux=True the function must return (output, aux), not {type(out).__name__}")
    return out[0], out[1]


def numbers(out: Any, name: str) -> tuple[list[Any], tree.TreeDef]:
    """The leaves and structure of what a function returned; raises TypeError where a leaf is no number."""
    flat, treedef = tree.flatten(out)
    for index, y in enumerate(flat):
        if array_leaf(y) is None:
            raise refused_output(y, name, index, treedef)
    return flat, treedef


class Inputs:
    """The arguments of a call, with the leaves of some of them on a tape."""

    __slots__ = ("args", "leaves", "nodes", "trees")

    def __init__(
        self,
        trace: TapeTrace,
        fun: Callable[..., Any],
        args: Sequence[Any],
        positions: Sequence[int],
        name: str,
        *,
        allow_int: bool = False,
        holomorphic: bool = False,
    ) -> None:
        self.args: Any = list(args)
        self.leaves: list[list[Any]] = []
        self.nodes: list[list[Node | None]] = []
        self.trees: list[tree.TreeDef] = []
        loc = here()
        for n in positions:
            flat, treedef = tree.flatten(args[n])
            leaves = differentiable(fun, n, treedef, flat, name, allow_int=allow_int, holomorphic=holomorphic)
            leaves = [private(v) for v in leaves]  # the user may write into the arguments before the tape is used
            if allow_int:
                traced = [trace.leaf(v, loc) if is_inexact(aval_of(v).dtype) else v for v in leaves]
                nodes = [None if t is v else t.node for t, v in zip(traced, leaves)]
            else:
                traced = [trace.leaf(v, loc) for v in leaves]
                nodes = [t.node for t in traced]
            self.args[n] = treedef.unflatten(traced)
            self.leaves.append(leaves)
            self.nodes.append(nodes)
            self.trees.append(treedef)

    def cotangents(self, found: dict[int, Any], taken: set[int]) -> list[Any]:
        """For each argument the pytree of its cotangents; `found` is by `seq` of the leaves."""
        results = []
        for leaves, nodes, treedef in zip(self.leaves, self.nodes, self.trees):
            cts = [None if node is None else found.get(node.seq) for node in nodes]
            results.append(treedef.unflatten(gradients(leaves, cts, taken)))
        return results


def _vjp(fun: Any, primals: tuple, has_aux: bool) -> Any:
    return vjp_of(fun, primals, has_aux, "vjp")


def vjp_of(fun: Any, primals: tuple, has_aux: bool, name: str) -> Any:
    """What `vjp` computes, in the name of what uses it."""
    trace = nans.tape()
    inputs = Inputs(trace, fun, primals, range(len(primals)), name, allow_int=True)
    out = apply(trace, fun, inputs.args)
    inputs.args = None
    aux = None
    if has_aux:
        out, aux = output_and_aux(out, name)
    outputs = Outputs(out, trace, name)

    @hiding
    def vjp_fun(ct: Any) -> tuple[Any, ...]:
        """The cotangents of the primals for a cotangent of the output."""
        seeds, given = outputs.seeds(ct)
        return tuple(inputs.cotangents(pull(seeds), taken_by(given)))

    value = outputs.values()
    return (value, vjp_fun, copies(aux, trace)) if has_aux else (value, vjp_fun)


class Outputs:
    """The output of a traced function: its values, and its leaves' entries on the tape."""

    __slots__ = ("avals", "name", "nodes", "treedef", "values_below")

    def __init__(self, out: Any, trace: Trace, name: str) -> None:
        flat, self.treedef = numbers(out, name)
        self.name = name
        self.nodes = [y.node if isinstance(y, (TapeTracer, LinearTracer)) and y._trace is trace else None for y in flat]
        self.values_below = [None if isinstance(y, LinearTracer) else below(y, trace) for y in flat]
        self.avals = [aval_of(y) for y in flat]

    def values(self) -> Any:
        """The output, once: it is not kept."""
        # copies, because the tape may have saved them, and they are the user's to write into
        value = self.treedef.unflatten(list(map(copied, self.values_below)))
        self.values_below = []
        return value

    def seeds(self, ct: Any) -> tuple[list[tuple[Node, Any]], list[Any]]:
        """Entries with their cotangents, and the cotangents as given."""
        given = tree.flatten_up_to(self.treedef, ct, f"{self.name}: the cotangent of output")
        seeds = []
        for index, (node, aval, c) in enumerate(zip(self.nodes, self.avals, given)):
            path = list(tree.leaf_paths(self.treedef))[index] if self.treedef is not tree.LEAF else ""
            where = f"the cotangent of output{path}"
            if not is_inexact(aval.dtype):
                integer_cotangent(aval, c, where, self.name)
                continue
            checked = tangent_for(aval, c, where, self.name)
            if node is not None:
                seeds.append((node, checked))
        return seeds, given


def _jvp(fun: Any, given: tuple[Sequence[Any], Sequence[Any]], has_aux: bool) -> Any:
    return jvp_of(fun, given, has_aux, "jvp")


def jvp_of(fun: Any, given: tuple[Sequence[Any], Sequence[Any]], has_aux: bool, name: str) -> Any:
    """What `jvp` computes, in the name of what uses it."""
    args, leaves, moving = paired_leaves(fun, *given, name)
    trace = nans.forward()
    traced = [
        x if t is None else as_argument(JvpTracer(trace, private(x), private(t), None)) for x, t in zip(leaves, moving)
    ]
    out = apply(trace, fun, args(traced))
    aux = None
    if has_aux:
        out, aux = output_and_aux(out, name)
    flat, treedef = numbers(out, name)
    taken = taken_by([*leaves, *moving, *flat])
    values = [result(below(y, trace), None, taken) for y in flat]
    moved = gradients(
        values, [y.tangent if isinstance(y, JvpTracer) and y._trace is trace else None for y in flat], taken
    )
    value, tangent = treedef.unflatten(values), treedef.unflatten(moved)
    return (value, tangent, results(aux, trace, taken)) if has_aux else (value, tangent)


def check_entries(primals: Any, tangents: Any, name: str) -> None:
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"{name}: {what} must be a tuple or list with an entry for each argument, not {given!r}: write (x,) "
                "for x"
            )
    if len(primals) != len(tangents):
        raise ValueError(f"{name}: {len(primals)} primals but {len(tangents)} tangents")


def paired_leaves(
    fun: Any, primals: Sequence[Any], tangents: Sequence[Any], name: str
) -> tuple[Callable[[list[Any]], list[Any]], list[Any], list[Any]]:
    """The leaves of primals and their tangents (None for integers), and how to build the arguments from leaves."""
    check_entries(primals, tangents, name)
    leaves: list[Any] = []
    moving: list[Any] = []
    trees = []
    for n, (primal, tangent) in enumerate(zip(primals, tangents)):
        flat, treedef = tree.flatten(primal)
        flat = differentiable(fun, n, treedef, flat, name, allow_int=True)
        moved = tree.flatten_up_to(treedef, tangent, f"{name}: the tangent of argument {n}{parameter_name(fun, n)}")
        for index, (x, t) in enumerate(zip(flat, moved)):
            aval = aval_of(x)
            leaves.append(x)
            if not is_inexact(aval.dtype):
                refuse_tangent(t, leaf_path(fun, n, treedef, index), name)
                moving.append(None)
            else:
                where = f"the tangent of {leaf_path(fun, n, treedef, index)}" if len(flat) > 1 else f"tangent {n}"
                moving.append(tangent_for(aval, t, where, name))
        trees.append(treedef)

    def args(values: list[Any]) -> list[Any]:
        rest = iter(values)
        return [t.unflatten([next(rest) for _ in range(t.num_leaves)]) for t in trees]

    return args, leaves, moving


def _linearize(fun: Any, primals: tuple, has_aux: bool) -> Any:
    return linearize_of(fun, primals, has_aux, "linearize")


def linearize_of(fun: Any, primals: tuple, has_aux: bool, name: str) -> Any:
    """What `linearize` computes, in the name of what uses it."""
    trace = nans.tape()
    inputs = Inputs(trace, fun, primals, range(len(primals)), name, allow_int=True)
    out = apply(trace, fun, inputs.args)
    inputs.args = None
    aux = None
    if has_aux:
        out, aux = output_and_aux(out, name)
        aux = copies(aux, trace)
    outputs = Outputs(out, trace, name)
    nodes = entries(n for n in outputs.nodes if n is not None)
    leaves = [node for group in inputs.nodes for node in group]
    value = outputs.values()
    values = [zeros_for(Aval(a.shape, a.dtype)) for a in outputs.avals]

    @hiding
    def f_jvp(*tangents: Any) -> Any:
        """The tangent of the output for tangents of the primals."""
        originals = [t.unflatten(xs) for t, xs in zip(inputs.trees, inputs.leaves)]
        _, _, moving = paired_leaves(fun, originals, tangents, name)
        known = {n.seq: t for n, t in zip(leaves, moving) if n is not None and t is not None}
        push(nodes, known)
        taken = taken_by(moving)
        return outputs.treedef.unflatten(
            [
                copied(zero) if n is None or known.get(n.seq) is None else result(known[n.seq], None, taken)
                for n, zero in zip(outputs.nodes, values)
            ]
        )

    return (value, f_jvp, aux) if has_aux else (value, f_jvp)


def _linear_transpose(fun: Any, primals: tuple) -> Callable[[Any], tuple[Any, ...]]:
    trace = LinearTrace()
    args = []
    groups = []
    for n, primal in enumerate(primals):
        flat, treedef = tree.flatten(primal)
        for index, x in enumerate(flat):
            where = f"linear_transpose: {leaf_path(fun, n, treedef, index)}"
            if array_leaf(x) is None and not isinstance(x, Aval):
                raise TypeError(refusal(where, x))
            if not is_inexact(aval_of(x).dtype):
                raise TypeError(f"{where} has dtype {aval_of(x).dtype}, and an integer has no derivative")
        avals = [aval_of(x) for x in flat]
        traced = [trace.leaf(Aval(a.shape, a.dtype)) for a in avals]
        args.append(treedef.unflatten(traced))
        groups.append((treedef, [t.node for t in traced], avals))
    out = apply(trace, fun, args)
    del args
    outputs = Outputs(out, trace, "linear_transpose")
    linear_outputs(tree.leaves(out), trace, "linear_transpose: the function")

    @hiding
    def transposed(ct: Any) -> tuple[Any, ...]:
        """The cotangents of the arguments for a cotangent of the output."""
        seeds, given = outputs.seeds(ct)
        found = pull(seeds)
        taken = taken_by(given)
        results = []
        for treedef, nodes, avals in groups:
            cts = [found.get(node.seq) for node in nodes]
            results.append(
                treedef.unflatten(
                    [np.zeros(a.shape, a.dtype) if c is None else result(c, None, taken) for a, c in zip(avals, cts)]
                )
            )
        return tuple(results)

    return transposed
