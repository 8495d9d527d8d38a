"""Control flow with JAX's names. On known values it is Python's; where values are only traced, it is one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.compile.running import run_graph
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.graph import evaluate
from funcgrad.core.memory import lent
from funcgrad.core.provenance import at, here
from funcgrad.core.staging import is_interpreted, is_staging
from funcgrad.core.trace import described, known
from funcgrad.lax.signatures import (
    Columns,
    Program,
    as_array,
    carried,
    check_carry,
    common_avals,
    leaves_of,
    own,
    owned,
    returning,
    run_on_loan,
    sharing,
    strong,
)
from funcgrad.numpy.joining import concatenate, stack
from funcgrad.ops.elementwise import clip, convert, ne
from funcgrad.transforms.calls import Runner
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.control.branches import switch_call
from funcgrad.transforms.control.scans import Steps, scan_call
from funcgrad.transforms.control.whiles import while_call
from funcgrad.transforms.remat import checkpoint as rematerialised
from funcgrad.transforms.vmap import vmap


def runner() -> Runner:
    """How the programs inside an operation are run: compiled, where the operation is part of a compiled program."""
    return evaluate if is_interpreted() else run_graph


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """`true_fun(*operands)` if `pred`, else `false_fun(*operands)`; only one of them runs.

    Args:
        pred: a bool or number of shape ``()``.
        true_fun, false_fun: functions of the operands that return pytrees of the same structure, shapes and dtypes.
        operands: pytrees of arrays.

    Raises:
        TypeError: `pred` is no bool or real number, or the branches return different types; the message names the leaf.

    Under `vmap` of `pred` both run, and the result of each element is chosen. Where `pred` is known, the branch gets
    its operands' arrays read-only, and the other is not looked at.

    Example:
        >>> import funcgrad as fg
        >>> fg.jit(lambda x: cond(x > 0, lambda x: x * x, lambda x: -x, x))(3.0)
        np.float64(9.0)
    """
    if type(pred) is not bool:
        flat, treedef = leaves_of(pred, "cond: the predicate")
        if treedef.children or len(flat) != 1 or np.shape(pred) != () or aval_of(pred).dtype.kind not in "biuf":
            found = treedef if treedef.children or len(flat) != 1 else aval_of(pred)
            raise TypeError(f"cond: the predicate must be a bool or a real number of shape (), not {found}{at(here())}")
    if known(pred) is not None:
        return run_on_loan(true_fun if bool(pred) else false_fun, operands)
    index = convert(ne(pred, 0), dtype=np.dtype(np.int64))
    return _switch("cond", index, {"false_fun": false_fun, "true_fun": true_fun}, operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; the index is moved into range.

    Args:
        index: an integer of shape ``()``.
        branches: functions of the operands that return pytrees of the same structure, shapes and dtypes.
        operands: pytrees of arrays.

    Raises:
        ValueError: there are no branches.
        TypeError: the index is no integer, or the branches return different types.

    Example:
        >>> switch(1, [lambda x: x, lambda x: x * x], 3.0)
        9.0
    """
    branches = tuple(branches)
    if not branches:
        raise ValueError("switch: there are no branches")
    if np.shape(index) != () or aval_of(index).dtype.kind not in "iu":
        raise TypeError(f"switch: the index must be an integer scalar, not {aval_of(index)}{at(here())}")
    if known(index) is not None:
        return run_on_loan(branches[min(max(int(index), 0), len(branches) - 1)], operands)
    named = {f"branch {n}": f for n, f in enumerate(branches)}
    return _switch("switch", clip(index, 0, len(branches) - 1), named, operands)


def _switch(what: str, index: Any, branches: dict[str, Callable[..., Any]], operands: tuple) -> Any:
    # what a branch computes of a value that it closes over is its own: elsewhere it may be NaN
    closed = Captured(tuple(branches.values()))
    if closed.values:
        branches = {name: partial(_with_captured, closed, n) for n, name in enumerate(branches)}
        operands = (*operands, list(closed.values))
    groups = [leaves_of(x, f"{what}: operand {n}") for n, x in enumerate(operands)]
    values = [x for flat, _ in groups for x in flat]
    treedefs = [treedef for _, treedef in groups]
    programs = [Program(f, treedefs, [aval_of(v) for v in values], what) for f in branches.values()]
    avals = common_avals(dict(zip(branches, programs)), what)
    graphs, captured = sharing(programs)
    graphs = [returning(g, avals) for g in graphs]
    outs = switch_call(index, *values, *captured, branches=tuple(graphs), run=runner())
    return programs[0].out_tree.unflatten(outs)


def _with_captured(captured: Captured, number: int, *args: Any) -> Any:
    """One of the functions, the last argument being what they close over."""
    *operands, values = args
    return captured.call(number, values, *operands)


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any) -> Any:
    """`val = body_fun(val)` while `cond_fun(val)`.

    Args:
        cond_fun: from the carried value to a scalar bool.
        body_fun: from the carried value to the next, of the same structure, shapes and dtypes.
        init_val: a pytree of arrays.

    Raises:
        TypeError: the condition is no bool, or the body returns other types than it takes.
        NotDifferentiableError: reverse mode through a loop that is traced (`jit`, `vmap` of the condition).

    Under `vmap` of the condition it runs until no element goes on.

    Example:
        >>> while_loop(lambda x: x < 100, lambda x: x * 2, 3)
        192
    """
    flat, treedef = leaves_of(init_val, "while_loop: init_val")
    value = owned(init_val)
    if not is_staging():
        while True:
            goes_on = _truth(cond_fun(value))
            if goes_on is None:
                break
            if not goes_on:
                return value
            value = _next_carry("while_loop", value, body_fun(value))
        flat, treedef = leaves_of(value, "while_loop: init_val")
    avals = [aval_of(x) for x in flat]
    body = _fitting("while_loop", lambda avals: Program(body_fun, [treedef], avals, "while_loop"), treedef, avals)
    cond_program = Program(cond_fun, [treedef], body.in_avals, "while_loop")
    _check_condition(cond_program.out_tree, cond_program.out_avals)
    outs = while_call(
        *body.start(flat),
        *cond_program.captured,
        *body.program.captured,
        cond=cond_program.graph,
        body=returning(body.program.graph, body.in_avals),
        conditions=len(cond_program.captured),
        run=runner(),
    )
    return treedef.unflatten(outs)


def _truth(x: Any) -> bool | None:
    if type(x) is not bool:
        flat, treedef = leaves_of(x, "while_loop: what cond_fun returns")
        _check_condition(treedef, [aval_of(y) for y in flat])
    return None if known(x) is None else bool(x)


def _check_condition(treedef: tree.TreeDef, avals: Sequence[Aval]) -> None:
    """TypeError where what a condition returned, of this structure, is not one bool."""
    if treedef.num_leaves != 1 or treedef.children or avals[0].shape != ():
        found = avals[0] if len(avals) == 1 and not treedef.children else treedef
        remedy = "np.any and np.all make one of several"
    elif avals[0].dtype.kind != "b":
        found, remedy = avals[0], "write x > 0, or x != 0"
    else:
        return
    raise TypeError(f"while_loop: cond_fun must return a bool of shape (), not {found}: {remedy}{at(here())}")


def _next_carry(what: str, before: Any, after: Any) -> Any:
    """The carry that a body returned, checked, in memory of its own; a Python number may become an array's."""
    flat, treedef = leaves_of(before, f"{what}: carry")
    new, new_treedef = leaves_of(after, f"{what}: carry")
    avals, outs = [aval_of(x) for x in flat], [aval_of(x) for x in new]
    if not new_treedef.matches(treedef) or any(
        (a.shape, a.dtype) != (b.shape, b.dtype) for a, b in zip(avals, outs)
    ):
        check_carry(what, treedef, carried(avals, outs) or avals, new_treedef, outs)
    return new_treedef.unflatten([own(x) for x in new])


class _Body:
    """A body whose carries go out as they come in."""

    def __init__(self, program: Program, in_avals: Sequence[Aval]) -> None:
        self.program = program
        self.in_avals = in_avals

    def start(self, flat: Sequence[Any]) -> list[Any]:
        """The first carries in the types that the body takes."""
        return [
            x if aval_of(x) == a else convert(as_array(x), dtype=a.dtype) for x, a in zip(flat, self.in_avals)
        ]


def _fitting(
    what: str,
    trace: Callable[[Sequence[Aval]], Program],
    treedef: tree.TreeDef,
    avals: Sequence[Aval],
    carry_of: Callable[[tree.TreeDef], tree.TreeDef] = lambda out_tree: out_tree,
) -> _Body:
    """Trace a body, again where a Python number in the carry has to yield to an array's dtype.

    `carry_of` says where in the structure of its output the carry stands (first of all).
    """
    while True:
        program = trace(avals)
        out_tree = carry_of(program.out_tree)
        outs = program.out_avals[: out_tree.num_leaves]
        again = carried(avals, outs) if out_tree.matches(treedef) else None
        if again is None:
            check_carry(what, treedef, avals, out_tree, outs)
            fixed = [strong(a) for a in avals]
            return _Body(program if fixed == list(avals) else trace(fixed), fixed)
        avals = again


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`val = body_fun(i, val)` for i from `lower` to `upper - 1`.

    Args:
        lower, upper: integers. Where they are known when the loop is traced, reverse mode goes through it.
        body_fun: from an int and the carried value to the next, of the same structure, shapes and dtypes.
        init_val: a pytree of arrays.

    Raises:
        TypeError: the body returns other types than it takes.
        NotDifferentiableError: reverse mode through a loop whose bounds are traced.

    Example:
        >>> fori_loop(0, 5, lambda i, total: total + i, 0)
        10
    """
    first, last = known(lower), known(upper)
    if first is None or last is None:
        next_one = lambda val: (val[0] + 1, val[1], body_fun(val[0], val[2]))
        return while_loop(lambda val: val[0] < val[1], next_one, (lower, upper, init_val))[2]
    indices = range(int(first), int(last))
    if is_staging():
        step = lambda carry, i: (body_fun(i, carry), None)
        xs = np.arange(indices.start, indices.stop)
        return _scan_staged(step, init_val, xs, len(indices), False, weak_xs=True)[0]
    value = owned(init_val)
    for i in indices:
        value = _next_carry("fori_loop", value, body_fun(i, value))
    return value


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    checkpoint: bool | int | None = None,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` for each x along the leading axis of `xs`.

    Args:
        f: from the carry and an element of `xs` to the next carry, of the same structure, shapes and dtypes, and y.
        init: the first carry, a pytree of arrays.
        xs: a pytree of arrays with the same leading length, or None.
        length: that length; needed where `xs` has no arrays.
        reverse: from the last element to the first; ys stand at their elements' places.
        unroll: accepted for JAX's sake; results do not depend on it.
        checkpoint: True keeps, for the backward pass, the carries of every ``sqrt(length)``-th step only, and computes
            the others again; a number sets how many steps lie between.

    Returns:
        The last carry, and the ys stacked along a leading axis.

    Raises:
        TypeError: the carry changes its type; the message names the leaf.
        ValueError: lengths differ, or there is none.

    Example:
        >>> import numpy as np
        >>> scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
        (np.float64(6.0), array([0., 2., 9.]))
    """
    flat, treedef = leaves_of(xs, "scan: xs")
    length = _length(flat, treedef, length)
    if checkpoint is not None and checkpoint is not False:
        return _scan_in_chunks(f, init, xs, length, reverse, checkpoint)
    if is_staging():
        return _scan_staged(f, init, xs, length, reverse)
    carry = owned(init)
    columns = Columns("scan: y")
    for i in range(length - 1, -1, -1) if reverse else range(length):
        after, y = _pair(f(carry, treedef.unflatten([own(x[i]) for x in flat])))
        columns.add(y)
        carry = _next_carry("scan", carry, after)
    return carry, columns.stacked(reverse) if length else _no_steps(f, init, flat, treedef)


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise TypeError(f"scan: the body must return (carry, y){at(here())}, not {described(result)}")
    return result[0], result[1]


def _length(flat: Sequence[Any], treedef: tree.TreeDef, length: int | None) -> int:
    for index, x in enumerate(flat):
        path = list(tree.leaf_paths(treedef))[index]
        if np.ndim(x) == 0:
            raise ValueError(f"scan: xs{path} is a scalar, and has no axis to run along{at(here())}")
        if length is not None and np.shape(x)[0] != length:
            raise ValueError(
                f"scan: xs{path} has {np.shape(x)[0]} elements along its leading axis, others {length}{at(here())}"
            )
        length = np.shape(x)[0]
    if length is not None and length < 0:
        raise ValueError(f"scan: the length is {length}{at(here())}")
    if length is None:
        raise ValueError(f"scan: there is nothing to run along: give xs, or length{at(here())}")
    return int(length)


def _no_steps(f: Callable[..., Any], init: Any, flat: Sequence[Any], treedef: tree.TreeDef) -> Any:
    """The ys of no steps: empty arrays of the types that the body would return, which only tracing it can tell."""
    carry, carry_tree = leaves_of(init, "scan: init")
    avals = [*(aval_of(x) for x in carry), *(Aval(np.shape(x)[1:], aval_of(x).dtype) for x in flat)]
    step = lambda carry, x: _pair(f(carry, x))
    program = Program(step, [carry_tree, treedef], avals, "scan", "a scan of no steps (for the types of its ys)")
    _, ys = program.out_tree.unflatten(program.out_avals)
    return tree.map(lambda a: np.zeros((0, *a.shape), a.dtype), ys)


def _scan_staged(
    f: Callable[..., Any], init: Any, xs: Any, length: int, reverse: bool, weak_xs: bool = False
) -> tuple[Any, Any]:
    flat, treedef = leaves_of(init, "scan: init")
    scanned, xs_tree = leaves_of(xs, "scan: xs")
    x_avals = [Aval(np.shape(x)[1:], aval_of(x).dtype, weak_xs) for x in scanned]
    step = lambda carry, x: _pair(f(carry, x))
    trace = lambda avals: Program(step, [treedef, xs_tree], [*avals, *x_avals], "scan")
    body = _fitting("scan", trace, treedef, [aval_of(x) for x in flat], lambda out_tree: out_tree.children[0])
    program = body.program
    avals = [*body.in_avals, *(strong(a) for a in program.out_avals[len(flat) :])]
    outs = scan_call(
        *body.start(flat),
        *scanned,
        *program.captured,
        body=returning(program.graph, avals),
        steps=Steps(len(flat), len(scanned), length, reverse),
        run=runner(),
    )
    carry, ys = program.out_tree.unflatten(outs)
    return carry, ys


def _scan_in_chunks(
    f: Callable[..., Any], init: Any, xs: Any, length: int, reverse: bool, checkpoint: bool | int
) -> tuple[Any, Any]:
    """A scan over checkpointed scans, and the steps that are left over."""
    if isinstance(checkpoint, float | str) or checkpoint < 1:
        raise ValueError(f"scan: checkpoint must be True or a number of steps, not {checkpoint!r}{at(here())}")
    size = max(1, round(length**0.5) if checkpoint is True else min(int(checkpoint), length))
    count = length // size
    rest = length - count * size
    bulk = slice(rest, None) if reverse else slice(0, count * size)
    left = slice(0, rest) if reverse else slice(count * size, None)

    @rematerialised
    def chunk(carry: Any, part: Any) -> tuple[Any, Any]:
        return scan(f, carry, part, size, reverse)

    parts = tree.map(lambda x: as_array(x)[bulk].reshape((count, size, *np.shape(x)[1:])), xs)
    carry, ys = scan(chunk, init, parts, count, reverse)
    ys = tree.map(lambda y: y.reshape((count * size, *y.shape[2:])), ys)
    if not rest:
        return carry, ys
    carry, others = scan(f, carry, tree.map(lambda x: x[left], xs), rest, reverse)
    pairs = (others, ys) if reverse else (ys, others)
    return carry, tree.map(lambda a, b: concatenate([a, b]), *pairs)


def map(f: Callable[[Any], Any], xs: Any, batch_size: int | None = None) -> Any:
    """`f` of each element along the leading axis of `xs`, one after the other; the results are stacked.

    With `batch_size`, so many at a time by `vmap`.

    Example:
        >>> import numpy as np
        >>> map(lambda x: x @ x, np.eye(2))
        array([1., 1.])
    """
    flat, treedef = leaves_of(xs, "map: xs")
    length = _length(flat, treedef, None)
    if not batch_size or length == 0:
        return scan(lambda _, x: (None, f(x)), None, xs, length)[1]
    size = min(int(batch_size), length)
    count = length // size
    parts = tree.map(lambda x: x[: count * size].reshape((count, size, *x.shape[1:])), xs)
    ys = scan(lambda _, part: (None, vmap(f)(part)), None, parts, count)[1]
    ys = tree.map(lambda y: y.reshape((count * size, *y.shape[2:])), ys)
    if count * size == length:
        return ys
    others = vmap(f)(tree.map(lambda x: x[count * size :], xs))
    return tree.map(lambda a, b: concatenate([a, b]), ys, others)


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All prefixes of an associative operation, in a logarithmic number of calls on whole arrays.

    Args:
        fn: an associative function of two pytrees like `elems`, on whole slices along `axis`.
        elems: a pytree of arrays of the same length along `axis`.
        reverse: suffixes instead; `fn` gets the later elements first, as in JAX.

    Raises:
        ValueError: lengths differ.

    Source: G. Blelloch, "Prefix sums and their applications" (1990): pairs are combined, their prefixes are found
    by the same way, and the elements between are filled in.

    Example:
        >>> import numpy as np
        >>> associative_scan(np.multiply, np.array([1.0, 2.0, 3.0, 4.0]))
        array([ 1.,  2.,  6., 24.])
    """
    flat, treedef = leaves_of(elems, "associative_scan: elems")
    lengths = {np.shape(x)[axis] for x in flat}
    if len(lengths) != 1:
        raise ValueError(f"associative_scan: elems have {sorted(lengths)} elements along axis {axis}{at(here())}")

    def cut(x: Any, part: slice) -> Any:
        return x[(slice(None),) * (axis % np.ndim(x)) + (part,)]

    def combine(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        return tree.flatten_up_to(
            treedef,
            fn(*(treedef.unflatten([lent(x) for x in xs]) for xs in (a, b))),
            "associative_scan: what fn returns",
        )

    def prefixes(xs: list[Any], n: int) -> list[Any]:
        if n < 2:
            return xs
        pairs = combine([cut(x, slice(0, n - 1, 2)) for x in xs], [cut(x, slice(1, None, 2)) for x in xs])
        odd = prefixes(pairs, n // 2)
        before = [cut(y, slice(0, (n - 1) // 2)) for y in odd]
        even = [cut(x, slice(0, 1)) for x in xs]
        if n > 2:
            between = combine(before, [cut(x, slice(2, None, 2)) for x in xs])
            even = [concatenate([e, b], axis=axis) for e, b in zip(even, between)]
        return [_interleaved(e, o, axis % np.ndim(e)) for e, o in zip(even, odd)]

    turn = (lambda x: cut(x, slice(None, None, -1))) if reverse else (lambda x: x)
    return treedef.unflatten([turn(x) for x in prefixes([turn(as_array(x)) for x in flat], lengths.pop())])


def _interleaved(even: Any, odd: Any, axis: int) -> Any:
    """`even[0], odd[0], even[1], ...` along an axis; `even` may have one more."""
    n = np.shape(odd)[axis]
    head = even[(slice(None),) * axis + (slice(0, n),)]
    both = stack([head, odd], axis=axis + 1)
    both = both.reshape((*both.shape[:axis], 2 * n, *both.shape[axis + 2 :]))
    if np.shape(even)[axis] == n:
        return both
    return concatenate([both, even[(slice(None),) * axis + (slice(n, None),)]], axis=axis)
