"""custom_gradient and closure_convert: rules that are closures."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from funcgrad import tree
from funcgrad.core.avals import is_inexact
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.graph import evaluate, hoist
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import described
from funcgrad.transforms.custom.reverse import custom_vjp
from funcgrad.transforms.custom.rules import name_of
from funcgrad.transforms.frozen import frozen
from funcgrad.transforms.staging import stage


def custom_gradient(fun: Callable[..., Any]) -> custom_vjp:
    """A function that gives its result together with its derivative, as a function with a rule.

    Args:
        fun: ``fun(*args)`` returns ``(output, vjp)``. ``vjp(ct)`` returns, for a cotangent of the output, a tuple with
            the cotangent of each argument; of a single argument, the cotangent itself will do.

    `vjp` runs in the backward pass, and finds the variables that it closes over as they were at the call. Forward mode
    is not defined for such a function, as for `custom_vjp`.

    Example:
        >>> import funcgrad as fg
        >>> @fg.custom_gradient
        ... def clipped(x):
        ...     return x ** 2, lambda ct: ct * np.clip(2.0 * x, -1.0, 1.0)
        >>> clipped(3.0), fg.grad(clipped)(3.0)
        (9.0, np.float64(1.0))
    """
    if not callable(fun):
        raise TypeError(f"custom_gradient takes a function, not {type(fun).__name__}")
    name = name_of(fun)

    def both(*args: Any) -> tuple[Any, Callable[..., Any]]:
        result = fun(*args)
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not callable(result[1]):
            raise TypeError(f"custom_gradient: `{name}` must return (output, vjp function), not {described(result)}")
        return result[0], result[1]

    def output(*args: Any) -> Any:
        return both(*args)[0]

    def fwd(*args: Any) -> tuple[Any, Callable[..., Any]]:
        out, rule = both(*args)
        return out, frozen(rule)

    def bwd(rule: Callable[..., Any], ct: Any) -> Any:
        found = rule(ct)
        return found if isinstance(found, (tuple, list)) else (found,)

    made = custom_vjp(update_wrapper(output, fun) if hasattr(fun, "__name__") else output)
    made.defvjp(fwd, bwd)
    return made


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Callable[..., Any], list[Any]]:
    """A function with the traced values that it closes over as further arguments, and these values.

    So a rule (`custom_vjp`, `custom_jvp`) may be written for a function that calls another with such variables.

    Args:
        fun: a function of pytrees of arrays.
        example_args: arguments, of which only structure, shapes and dtypes matter; arrays or `ShapeDtypeStruct`.

    Returns:
        ``(converted, consts)``, with ``converted(*args, *consts)`` equal to ``fun(*args)``. `consts` are the values
        that a derivative may reach: floating-point, and traced. Others stay closed over. What depends on them alone, as
        ``sin(a)`` in ``sin(a) * x``, is such a value itself. `converted` runs the program that `fun` was seen to be.

    Raises:
        TypeError: `converted` is called with arguments of another structure, or with other numbers of constants.

    Example:
        >>> import funcgrad as fg
        >>> def f(a):
        ...     converted, consts = fg.closure_convert(lambda x: a * x, 1.0)
        ...     return converted(2.0, *(3.0 * c for c in consts))
        >>> fg.grad(f)(1.0)
        np.float64(6.0)
    """
    return call_hiding_frames(_closure_convert, fun, example_args)


def _closure_convert(fun: Callable[..., Any], example_args: tuple) -> tuple[Callable[..., Any], list[Any]]:
    staged, out_tree = stage(fun, example_args, {}, "closure_convert")
    in_tree = tree.structure((example_args, {}))
    graph, captured = hoist(staged)
    consts = [x for x in captured if is_inexact(x.dtype)]
    expected, name = len(consts), name_of(fun)
    fixed = [None if is_inexact(x.dtype) else x for x in captured]  # all that the function still closes over

    def converted(*args_and_consts: Any) -> Any:
        """The function, with its constants behind its arguments."""
        count = len(args_and_consts) - expected
        leaves, given = tree.flatten((args_and_consts[:count], {}))
        if count < 0 or given != in_tree:
            raise TypeError(
                f"closure_convert: the converted `{name}`{at(here())} takes arguments of the structure "
                f"{in_tree.children[0]} and then {expected} constants, not {described(args_and_consts)}"
            )
        rest = iter(args_and_consts[count:])
        values = [next(rest) if x is None else x for x in fixed]
        return out_tree.unflatten(evaluate(graph, [*leaves, *values]))

    return converted, consts
