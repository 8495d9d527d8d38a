"""What PyTorch says of arguments that do not fit a function, read from its parameters when a call has failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from funcgrad.torch._tensor.tensor import Tensor

_FITS: dict[str, tuple[Any, ...]] = {"Tensor": (Tensor,), "int": (int, np.integer)}
"""The annotations that are told from others, and what fits them."""


def misfit(fun: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any], method: str = "") -> str:
    """PyTorch's words for the first argument that is missing, no Tensor or no integer; "" if all fit.

    `method` is the name of the method that was called, whose positions begin behind the tensor itself.
    """
    fun = inspect.unwrap(fun)
    code, name = fun.__code__, method or fun.__name__
    names = code.co_varnames[: code.co_argcount]
    given = {**dict(zip(names, args)), **options}
    needed = names[: len(names) - len(fun.__defaults__ or ())]
    missing = [f'"{n}"' for n in needed if n not in given]
    if missing:
        return f"{name}() missing {len(missing)} required positional arguments: {', '.join(missing)}"
    for i, n in enumerate(names):
        kind = fun.__annotations__.get(n)
        if n in given and kind in _FITS and (not isinstance(given[n], _FITS[kind]) or type(given[n]) is bool):
            position = i + (0 if method else 1)
            return f"{name}(): argument '{n}' (position {position}) must be {kind}, not {type(given[n]).__name__}"
    return ""
