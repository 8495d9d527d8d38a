"""Rows of the modules of functions, `torch.linalg` and `torch.fft`: they take `out=` and check their first argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcgrad.torch._ops.table import into, named, returned
from funcgrad.torch._tensor.tensor import Tensor


def rows_of(space: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What enters a function of Tensors into a module."""

    def enter(fun: Callable[..., Any]) -> Callable[..., Any]:
        first = fun.__code__.co_varnames[0]
        title = f"{space}_{fun.__name__}"

        def compute(*args: Any, **options: Any) -> Any:
            return fun(*args, **options)

        compute.__name__ = title

        @wraps(fun)
        def apply(*args: Any, out: Any = None, **options: Any) -> Any:
            given = args[0] if args else options.get(first)
            if not isinstance(given, Tensor):
                kind = type(given).__name__
                raise TypeError(f"{title}(): argument '{first}' (position 1) must be Tensor, not {kind}")
            if out is None:
                return fun(*args, **options)
            found = into(out, compute, args, options)
            return returned(title, tuple(found)) if isinstance(found, tuple) else found

        return named(space=space, out=True)(apply)

    return enter
