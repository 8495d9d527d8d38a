"""Rows of the modules of functions, `torch.linalg` and `torch.fft`: they take `out=` and check their first argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcgrad.torch._ops.table import named, titled
from funcgrad.torch._tensor.tensor import Tensor


def rows_of(space: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What enters a function of Tensors into a module."""

    def enter(fun: Callable[..., Any]) -> Callable[..., Any]:
        name, first = fun.__name__, fun.__code__.co_varnames[0]
        title = f"{space}_{name}"

        @wraps(fun)
        def apply(*args: Any, **options: Any) -> Any:
            given = args[0] if args else options.get(first)
            if not isinstance(given, Tensor):
                kind = type(given).__name__
                raise TypeError(f"{title}(): argument '{first}' (position 1) must be Tensor, not {kind}")
            return fun(*args, **options)

        return named(name=name, space=space, out=True)(titled(apply, title, fun.__doc__ or ""))

    return enter
