"""Looking into programs while they run: `print` and `callback`, as in `jax.debug`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from funcgrad.core.frames import call_hiding_frames, hiding
from funcgrad.transforms.callbacks import called, debug_callback_call

__all__ = ["callback", "print"]


def __dir__() -> list[str]:
    return __all__


@hiding
def callback(callback: Callable[..., Any], *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Call a function with the values that arguments have when the program runs; what it returns does not matter.

    Args:
        callback: a function of what `args` and `kwargs` are, with NumPy's arrays and scalars in the place of traced
            values, and what is no array as it is.
        ordered: accepted for JAX's sake: calls are made in the order in which they stand.

    Under derivatives it gets the values of the function itself, under `vmap` one element after the other. A compiled
    program calls it each time, a loop at each step, a branch where it is taken. Where `vmap` runs all branches, or
    goes on with a loop for some elements, it is called for all. What `checkpoint` computes again it sees again.

    Example:
        >>> import funcgrad as fg
        >>> seen = []
        >>> def f(x):
        ...     fg.debug.callback(seen.append, x * x)
        ...     return 5.0 * x
        >>> fg.jit(fg.grad(f))(3.0), seen
        (np.float64(5.0), [np.float64(9.0)])
    """
    call_hiding_frames(
        called, debug_callback_call, "debug.callback", callback, None, args, kwargs, None, True
    )


@hiding
def print(fmt: str, *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Print values when the program runs: `fmt.format(*args, **kwargs)`, with the values in place of traced ones.

    When and how often is as for `callback`. It takes no f-string: that would be made while the function is traced.

    Raises:
        IndexError, KeyError: the text names an argument that is not given.
        ValueError: an argument is given that the text does not name.

    Example:
        >>> import funcgrad as fg
        >>> def f(x):
        ...     fg.debug.print("x = {x:.2f}, {}", 2.0 * x, x=x)
        ...     return x
        >>> fg.vmap(f)(np.array([1.0, 2.0]))
        x = 1.00, 2.0
        x = 2.00, 4.0
        array([1., 2.])
    """
    call_hiding_frames(_print, fmt, args, kwargs)


def _print(fmt: str, args: tuple, kwargs: dict[str, Any]) -> None:
    if not isinstance(fmt, str):
        raise TypeError(f"debug.print takes a text with places for its arguments, not {type(fmt).__name__}")
    named = set(_fields(fmt))
    for field in named:
        if isinstance(field, int) and field >= len(args):
            raise IndexError(f"debug.print: {fmt!r} names argument {field}, but {len(args)} are given")
        if isinstance(field, str) and field not in kwargs:
            raise KeyError(f"debug.print: {fmt!r} names {field!r}, which is not given")
    unused = [*(n for n in range(len(args)) if n not in named), *(k for k in kwargs if k not in named)]
    if unused:
        raise ValueError(f"debug.print: {fmt!r} does not name the argument {unused[0]!r}: write {{}} where it belongs")
    show = lambda *args, **kwargs: builtins.print(fmt.format(*args, **kwargs))
    called(debug_callback_call, "debug.print", show, None, args, kwargs, None, True)


def _fields(fmt: str) -> Iterator[int | str]:
    """The arguments that a text names, by number or name."""
    from string import Formatter

    count = 0
    waiting = [fmt]
    while waiting:
        for _, field, spec, _ in Formatter().parse(waiting.pop()):
            if field is None:
                continue
            name = field.partition(".")[0].partition("[")[0]
            if not name:
                yield count
                count += 1
            else:
                yield int(name) if name.isdecimal() else name
            if spec:
                waiting.insert(0, spec)
