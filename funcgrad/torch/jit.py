"""`torch.jit`: what programs ask of TorchScript, or mark for it, where they run without. There is no TorchScript."""

from __future__ import annotations

import builtins
import typing as _typing
from collections.abc import Callable
from typing import Any, TypeVar
from typing import Final as Final

from funcgrad.names import tells_nearest as _tells_nearest

_F = TypeVar("_F", bound=Callable[..., Any])
__all__ = [
    *("Final", "annotate", "export", "ignore", "is_scripting", "is_tracing", "isinstance", "script_if_tracing"),
    "unused",
]


def is_scripting() -> bool:
    """False: what runs is Python."""
    return False


is_tracing = is_scripting


def _unchanged(fn: _F) -> _F:
    """The function itself: there is no compiler that the mark is for."""
    return fn


export = unused = script_if_tracing = _unchanged


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself, also written `@torch.jit.ignore()`: there is no compiler that the mark is for."""
    return drop if callable(drop) else _unchanged


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether an object is of a type, that of its elements included: `List[int]`, `Dict[str, Tensor]`, `Optional[int]`.

    >>> from funcgrad.torch import jit
    >>> jit.isinstance([1, 2], list[int]), jit.isinstance([1, "a"], list[int]), jit.isinstance(None, int | None)
    (True, False, True)
    """
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, kind) for kind in target_type)
    if target_type is None:
        return obj is None
    outer, inner = _typing.get_origin(target_type), _typing.get_args(target_type)
    if outer is None:
        return builtins.isinstance(obj, target_type)
    if not builtins.isinstance(outer, type) or not issubclass(outer, (list, dict, tuple)):  # Optional, Union
        return any(isinstance(obj, kind) for kind in inner)
    if not builtins.isinstance(obj, outer):
        return False
    if outer is tuple:
        return len(obj) == len(inner) and all(map(isinstance, obj, inner))
    if builtins.isinstance(obj, dict):
        return all(isinstance(k, inner[0]) and isinstance(v, inner[1]) for k, v in obj.items())
    return all(isinstance(x, inner[0]) for x in obj)


_INSTEAD = dict.fromkeys(("script", "trace", "script_method", "trace_module", "ScriptModule"), "torch.compile")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, instead=_INSTEAD)


def __dir__() -> list[str]:
    return __all__
