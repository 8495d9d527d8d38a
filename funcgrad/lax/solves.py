"""Solutions of equations whose derivatives follow from the equation: custom_root, custom_linear_solve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.graph import Graph, Literal, Var, evaluate
from funcgrad.core.linear import transpose
from funcgrad.core.memory import copied
from funcgrad.core.provenance import at, here
from funcgrad.core.staging import is_staging, trace_graph
from funcgrad.core.trace import described, is_traced, known
from funcgrad.errors import ConcretizationError
from funcgrad.lax.control import runner
from funcgrad.lax.signatures import Program, as_array, leaves_of, owned, returning, sharing, strong
from funcgrad.ops.elementwise import convert
from funcgrad.transforms.api import linearize
from funcgrad.transforms.arguments import tangent_for
from funcgrad.transforms.calls import pruned
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.control.programs import instantiated
from funcgrad.transforms.control.solves import linear_solve_call, root_call

Function = Callable[..., Any]


def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
    has_aux: bool = False,
) -> Any:
    """A root of `f`, with derivatives by the implicit function theorem, for what `f` closes over.

    Args:
        f: from a pytree like `initial_guess` to one of the same structure and shapes; it is zero at the root.
        initial_guess: a pytree of float or complex arrays. The root's derivative along it is zero.
        solve: ``solve(f, initial_guess)`` returns the root, of the guess's structure and shapes. No derivative goes
            through it: it may loop as it likes.
        tangent_solve: ``tangent_solve(g, y)`` returns the x at which the linear function g, which is f's derivative at
            the root, is y: ``lambda g, y: y / g(1.0)`` for a scalar, for a vector
            ``lambda g, y: np.linalg.solve(fg.jacobian(g)(y), y)``, otherwise a `custom_linear_solve`. Reverse mode
            transposes it, so it is linear in y; only the shape of y is known to it.
        has_aux: `solve` returns ``(root, aux)``; aux is constant.

    Returns:
        The root, or ``(root, aux)``.

    Raises:
        TypeError: what a function returns does not fit; the message names the leaf, both types and the line.

    The functions run when this is called, and never later. Where values are known `solve` gets them, and may use
    Python's loops.

    Example:
        >>> import funcgrad as fg
        >>> def newton(f, x):
        ...     for _ in range(8):
        ...         x = x - f(x) / fg.grad(f)(x)
        ...     return x
        >>> def sqrt(a):
        ...     return custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))
        >>> fg.value_and_grad(sqrt)(4.0)
        (np.float64(2.0), np.float64(0.25))
    """
    return call_hiding_frames(_custom_root, f, initial_guess, solve, tangent_solve, has_aux)


def _custom_root(f: Function, initial_guess: Any, solve: Function, tangent_solve: Function, has_aux: bool) -> Any:
    flat, treedef = leaves_of(initial_guess, "custom_root: initial_guess")
    found = None if is_staging() else _with_values((f,), flat, treedef, lambda g: solve(*g), "custom_root", has_aux)
    if found is not None:
        root, aux = found
        avals = [strong(aval_of(x)) for x in root]
        program = _program_at(f, treedef, root)
        if not program.captured:
            return _result(treedef, root, aux, has_aux)
        solved, guesses = None, []
    else:
        guess = [strong(aval_of(x)) for x in flat]
        solved = Program(lambda x: solve(f, x), [treedef], guess, "custom_root: solve")
        root_tree = _solution(solved.out_tree, has_aux, "custom_root")
        _check("custom_root: solve returns", treedef, guess, root_tree, solved.out_avals)
        avals = [strong(a) for a in solved.out_avals[: len(flat)]]
        program = Program(f, [treedef], avals, "custom_root: f")
        guesses = [x if aval_of(x) == a else convert(as_array(x), dtype=a.dtype) for x, a in zip(flat, guess)]
    _check("custom_root: f returns", treedef, avals, program.out_tree, program.out_avals)
    tangent = _tangent_program(program, treedef, avals, tangent_solve)
    programs = [p for p in (program, tangent, solved) if p is not None]
    graphs, captured = sharing(programs)
    constants = [strong(aval_of(x)) for x in captured]
    if solved is None:
        whole = Graph(tuple(map(Var, constants)), (), tuple(Literal(as_array(x)) for x in root))
    else:
        whole = returning(graphs[2], [strong(a) for a in solved.out_avals])
    outs = root_call(
        *guesses,
        *captured,
        solve=whole,
        f=returning(graphs[0], [strong(a) for a in program.out_avals]),
        tangent=returning(graphs[1], avals),
        guesses=len(guesses),
        run=runner(),
    )
    if solved is None:
        return _result(treedef, outs, aux, has_aux)
    return solved.out_tree.unflatten(outs)


def _result(treedef: tree.TreeDef, root: Sequence[Any], aux: Any, has_aux: bool) -> Any:
    found = treedef.unflatten(root)
    return (found, aux) if has_aux else found


def _with_values(
    functions: tuple[Function, ...], flat: Sequence[Any], treedef: tree.TreeDef, solve: Function, what: str, aux: bool
) -> tuple[list[Any], Any] | None:
    """The leaves of the solution and what is beside it, by functions of known values; None where they are traced.

    Traced values that the functions close over stand for what they are: nothing of the solver is recorded.
    """
    start = [known(x) for x in flat]
    captured = Captured((*functions, solve))
    values = [known(x) for x in captured.values]
    if any(x is None for x in (*start, *values)):
        return None
    *plain, run = captured.rebuilt(values) if values else (*functions, solve)
    out = run((*plain, owned(treedef.unflatten([copied(x) for x in start]))))
    if aux:
        out, beside = _pair(out, what)
    else:
        beside = None
    root, root_tree = leaves_of(out, f"{what}: the solution")
    found = [known(x) for x in root]
    if any(x is None for x in found):
        return None
    _check(f"{what}: solve returns", treedef, [aval_of(x) for x in start], root_tree, [aval_of(x) for x in found])
    beside = tree.map(lambda x: x if not is_traced(x) or known(x) is None else known(x), beside)
    return [as_array(copied(x)) for x in found], beside


def _pair(out: Any, what: str) -> tuple[Any, Any]:
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(
            f"{what}: with has_aux=True solve must return (solution, aux), not {described(out)}{at(here())}"
        )
    return out[0], out[1]


def _solution(out_tree: tree.TreeDef, has_aux: bool, what: str) -> tree.TreeDef:
    """The structure of a solution in that of what a solver returned."""
    if not has_aux:
        return out_tree
    if len(out_tree.children) != 2:
        raise TypeError(f"{what}: with has_aux=True solve must return (solution, aux), not {out_tree}{at(here())}")
    return out_tree.children[0]


def _check(
    what: str, treedef: tree.TreeDef, avals: Sequence[Aval], out_tree: tree.TreeDef, outs: Sequence[Aval]
) -> None:
    """TypeError where a function does not return the structure and shapes that belong to its equation."""
    if not out_tree.matches(treedef):
        raise TypeError(
            f"{what} {out_tree}{at(here())}, but the unknown is {treedef}: their structures must be the same"
        )
    for index, (a, out) in enumerate(zip(avals, outs)):
        if a.shape != out.shape:
            path = list(tree.leaf_paths(treedef))[index]
            raise TypeError(f"{what} {out} for{path or ' an unknown of'} {a}{at(here())}: shapes must be the same")


def _program_at(f: Function, treedef: tree.TreeDef, root: Sequence[Any]) -> Program:
    """The program of f; where Python's control flow looks at values, that at the root."""
    avals = [strong(aval_of(x)) for x in root]
    try:
        return Program(f, [treedef], avals, "custom_root: f")
    except ConcretizationError:
        return Program(f, [treedef], root, "custom_root: f")


def _tangent_program(
    program: Program, treedef: tree.TreeDef, avals: Sequence[Aval], tangent_solve: Function
) -> Program:
    """`tangent_solve` as a program of y and the root."""

    def run(y: Any, root: Any) -> Any:
        at_root = lambda x: program.out_tree.unflatten(evaluate(program.graph, [*tree.leaves(x), *program.captured]))
        _, slope = linearize(at_root, root)

        def g(v: Any) -> Any:
            """The derivative of f at the root along v."""
            given = tree.flatten_up_to(treedef, v, "custom_root: the argument of g")
            name = "custom_root: g"
            return slope(treedef.unflatten([tangent_for(a, t, "its argument", name) for a, t in zip(avals, given)]))

        return tangent_solve(g, y)

    sides = [strong(a) for a in program.out_avals]
    found = Program(run, [program.out_tree, treedef], [*sides, *avals], "custom_root: tangent_solve")
    _check("custom_root: tangent_solve returns", treedef, avals, found.out_tree, found.out_avals)
    found.graph = pruned(found.graph)
    return found


def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """The x with ``matvec(x) = b``, with derivatives for b and for what `matvec` closes over.

    Args:
        matvec: a linear function of a pytree like `b`, of the same structure and shapes.
        b: a pytree of arrays.
        solve: ``solve(matvec, b)`` returns x. No derivative goes through it: it may loop as it likes.
        transpose_solve: ``transpose_solve(vecmat, b)`` solves with the transpose of `matvec`; reverse mode needs it.
        symmetric: `matvec` is its own transpose, and `solve` serves for both.
        has_aux: `solve` and `transpose_solve` return ``(x, aux)``; aux is constant.

    Returns:
        x, or ``(x, aux)``.

    Raises:
        TypeError: what a function returns does not fit; the message names the leaf, both types and the line.
        NotDifferentiableError: reverse mode without a `transpose_solve`, or a `matvec` that is not linear.

    The functions run when this is called, and never later: where a derivative is asked for, `solve` becomes a program
    (of `lax.while_loop`, not of Python's ``while``), as it solves for tangents too.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> a = np.array([[2.0, 1.0], [1.0, 3.0]])
        >>> dense = lambda matvec, b: np.linalg.solve(fg.jacobian(matvec)(b), b)
        >>> x = lambda b: custom_linear_solve(lambda x: a @ x, b, dense, dense)
        >>> x(np.array([3.0, 4.0])), fg.grad(lambda b: x(b)[0])(np.array([3.0, 4.0]))
        (array([1., 1.]), array([ 0.6, -0.2]))
    """
    return call_hiding_frames(_custom_linear_solve, matvec, b, solve, transpose_solve, symmetric, has_aux)


def _custom_linear_solve(
    matvec: Function, b: Any, solve: Function, transpose_solve: Function | None, symmetric: bool, has_aux: bool
) -> Any:
    what = "custom_linear_solve"
    sides, treedef = leaves_of(b, f"{what}: b")
    if not is_staging() and not is_traced(*sides) and not Captured((matvec, solve, transpose_solve)).values:
        start = owned(b)
        if not is_traced(*tree.leaves(matvec(start))):  # it may find traced values elsewhere: in globals, attributes
            found = _with_values((matvec,), sides, treedef, lambda g: solve(*g), what, has_aux)
            assert found is not None
            return _result(treedef, *found, has_aux)
    sides = [as_array(x) for x in sides]
    avals = [strong(aval_of(x)) for x in sides]
    while True:
        solved = Program(lambda y: solve(matvec, y), [treedef], avals, f"{what}: solve")
        _check(f"{what}: solve returns", treedef, avals, _solution(solved.out_tree, has_aux, what), solved.out_avals)
        # where x is of a wider dtype than b, as 1 / 3 is of integers, b is taken in it
        wider = [Aval(a.shape, np.result_type(a.dtype, x.dtype)) for a, x in zip(avals, solved.out_avals)]
        if wider == avals:
            break
        avals = wider
    sides = [x if aval_of(x) == a else convert(x, dtype=a.dtype) for x, a in zip(sides, avals)]
    product = Program(matvec, [treedef], avals, f"{what}: matvec")
    _check(f"{what}: matvec returns", treedef, avals, product.out_tree, product.out_avals)
    product.graph = returning(product.graph, avals)
    turned = back = None
    if symmetric or transpose_solve is not None:
        turned = product if symmetric else _transposed(product, treedef, avals)
        solver = solve if transpose_solve is None else transpose_solve
        back = _back_program(solver, turned, treedef, avals, has_aux)
    graphs, captured = sharing([p for p in (solved, product, turned, back) if p is not None])
    outs = linear_solve_call(
        *sides,
        *captured,
        solve=returning(graphs[0], [*avals, *(strong(a) for a in solved.out_avals[len(avals) :])]),
        matvec=graphs[1],
        vecmat=None if turned is None else graphs[2],
        transpose_solve=None if back is None else graphs[-1],
        run=runner(),
    )
    return solved.out_tree.unflatten(outs)


def _transposed(product: Program, treedef: tree.TreeDef, avals: Sequence[Aval]) -> Program:
    """The transpose of a linear program."""
    count = len(avals)

    def run(*flat: Any) -> list[Any]:
        linear = lambda *xs: tuple(evaluate(product.graph, [*xs, *flat[count:]]))
        return instantiated(transpose(linear, avals, flat[:count]), avals)

    found = object.__new__(Program)
    inputs = [*avals, *(strong(a) for a in product.graph.in_avals[count:])]
    found.graph, found.captured, found.out_tree = trace_graph(run, inputs), product.captured, treedef
    return found


def _back_program(
    transpose_solve: Function, turned: Program, treedef: tree.TreeDef, avals: Sequence[Aval], has_aux: bool
) -> Program:
    """`transpose_solve` as a program of the cotangent of x."""
    what = "custom_linear_solve: transpose_solve"

    def run(ct: Any) -> Any:
        def vecmat(y: Any) -> Any:
            """The transpose of matvec."""
            flat = tree.flatten_up_to(treedef, y, "custom_linear_solve: the argument of vecmat")
            return treedef.unflatten(evaluate(turned.graph, [*map(as_array, flat), *turned.captured]))

        out = transpose_solve(vecmat, ct)
        return _pair(out, what)[0] if has_aux else out

    found = Program(run, [treedef], avals, what)
    _check(f"{what} returns", treedef, avals, found.out_tree, found.out_avals)
    found.graph = returning(found.graph, avals)
    return found
