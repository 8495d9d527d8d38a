"""What users call: errors show no frame of the library's, and NumPy's warnings name the user's line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any

from funcgrad.core.frames import hide, hide_in, hides, instead_of
from funcgrad.core.warned import logged

_made: dict[Callable[..., Any], Callable[..., Any]] = {}
_behind: dict[Callable[..., Any], Callable[..., Any]] = {}


def entrance(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of ours as users call it: 0.3 us more. The module that it is written in has it too, for pickle.

    What has imported it before keeps the function itself.
    """
    if fun in _made:
        return _made[fun]

    @wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return logged(fun, args, kwargs)
        except Exception as error:
            if type(error) is TypeError:
                _name_parameter(error, fun)
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise

    _made[fun] = hides(call)
    _behind[call] = fun
    written = vars(sys.modules[fun.__module__])
    written.update({name: call for name, x in written.items() if x is fun})
    return call


def _name_parameter(error: TypeError, fun: Callable[..., Any]) -> None:
    """Let Python's error for a keyword that a function does not have name the nearest that it has."""
    start = f"{fun.__name__}() got an unexpected keyword argument '"
    if not error.args or not str(error.args[0]).startswith(start):
        return
    import difflib  # for an error only
    import inspect

    given = str(error.args[0])[len(start) :].partition("'")[0]  # Python 3.13 says behind it what it takes for near
    if near := difflib.get_close_matches(given, inspect.signature(fun).parameters, 1):
        error.args = (f"{start}{given}': use {near[0]}",)


def behind(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function that an entrance is of, for who asks which of ours a function is; any other is itself."""
    return _behind.get(fun, fun)


def entrances(names: Mapping[str, Any]) -> dict[str, Any]:
    """The functions among public names as users call them, but for those that are so already.

    Classes of ours stay what they are; errors of their constructors show the user's frames only.
    """
    ours = {n: x for n, x in names.items() if not n.startswith("_") and _is_ours(x)}
    for x in ours.values():
        if isinstance(x, type):
            hide_in(x, "__init__")
    return {n: entrance(x) for n, x in ours.items() if type(x) is FunctionType and not hasattr(x, "is_entrance")}


def _is_ours(x: Any) -> bool:
    return isinstance(x, type | FunctionType) and str(x.__module__).startswith("funcgrad.")
