"""Who computes a function of SciPy's: SciPy on plain arrays, this package on traced values."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from funcgrad.core.frames import hide, hides
from funcgrad.core.warned import logged
from funcgrad.numpy.dispatch import UFUNCS
from funcgrad.ops.operands import any_traced

Function = TypeVar("Function", bound=Callable[..., Any])


def beside(module: ModuleType) -> Callable[[Function], Function]:
    """Decorate what runs on traced arguments in place of the function of the same name in SciPy's `module`."""

    def decorate(fun: Function) -> Function:
        plain = getattr(module, fun.__name__)
        if isinstance(plain, np.ufunc):
            UFUNCS[plain] = fun

        @wraps(fun)
        def function(*args: Any, **kwargs: Any) -> Any:
            try:
                traced = any_traced(args) or any_traced(kwargs.values())
                return logged(fun if traced else plain, args, kwargs)
            except Exception as error:
                hide(error)
                raise

        return hides(function)  # type: ignore[return-value]

    return decorate
