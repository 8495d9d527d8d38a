"""What the functions of this package have in common: SciPy's dtypes, and SciPy itself on plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np
import scipy.special

from funcgrad.core.avals import PYTHON_SCALARS, aval_of
from funcgrad.numpy.dispatch import Array
from funcgrad.ops.operands import as_array
from funcgrad.scipy.dispatch import beside

Function = TypeVar("Function", bound=Callable[..., Any])
_WEAK = {"b": bool, "i": int, "f": float, "c": complex}

scipy_function = beside(scipy.special)
"""Decorate what runs on traced arguments in place of SciPy's function of the same name."""


def universal(fun: Function) -> Function:
    """The same for a universal function: the arguments arrive in the dtypes in which SciPy would compute."""
    scipys = getattr(scipy.special, fun.__name__)

    @wraps(fun)
    def of_traced(*args: Array) -> Array:
        return fun(*in_dtypes_of(scipys, args))

    return scipy_function(of_traced)  # type: ignore[return-value]


def in_dtypes_of(ufunc: Any, args: tuple[Array, ...]) -> list[Array]:
    """The arguments as `ufunc` casts them, none of them weak."""
    args = tuple([x if type(x) in PYTHON_SCALARS else as_array(x) for x in args])
    avals = [aval_of(x) for x in args]
    types = tuple([_WEAK[a.dtype.kind] if a.weak else a.dtype for a in avals])
    return [
        x if a.dtype == dtype and not a.weak else _cast(x, dtype)
        for x, a, dtype in zip(args, avals, _loop(ufunc, types))
    ]


def _cast(x: Array, dtype: np.dtype) -> Array:
    return dtype.type(x) if type(x) in PYTHON_SCALARS else x.astype(dtype)


@cache
def _loop(ufunc: Any, types: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    return ufunc.resolve_dtypes((*types, *(None,) * ufunc.nout))[: ufunc.nin]
