"""What users call: errors show no frame of the library's, and NumPy's warnings name the user's line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any

from funcgrad.core.frames import hide, hide_in, hides, instead_of
from funcgrad.core.warned import begin, end

_made: dict[Callable[..., Any], Callable[..., Any]] = {}


def entrance(fun: Callable[..., Any], module: str) -> Callable[..., Any]:
    """A function of ours as users call it, in the public `module`: 0.3 us more. In all modules it is the same."""
    if fun in _made:
        return _made[fun]

    @wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        begun = begin()
        try:
            return fun(*args, **kwargs)
        except Exception as error:
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise
        finally:
            if begun is not None:
                end(begun)

    call.__module__ = module  # where pickle finds it
    _made[fun] = hides(call)
    return call


def _is_ours(x: Any) -> bool:
    return str(x.__module__).startswith("funcgrad.")


def entrances(names: Mapping[str, Any]) -> dict[str, Any]:
    """The functions among a public module's names as users call them, but for those that are so already.

    Classes of ours stay what they are; errors of their constructors show the user's frames only.
    """
    module = names["__name__"]
    for name, x in names.items():
        if isinstance(x, type) and not name.startswith("_") and _is_ours(x):
            hide_in(x, "__init__")
    return {
        name: entrance(x, module)
        for name, x in names.items()
        if type(x) is FunctionType and not name.startswith("_") and _is_ours(x) and not hasattr(x, "is_entrance")
    }
