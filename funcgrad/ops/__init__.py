"""The language: each primitive whole in one place (implementation, derivative, batching, kernel).

As `jax.ops` it has `segment_sum`, `segment_prod`, `segment_max`, `segment_min`; the rest is for the library itself.
"""

import sys as _sys
import typing as _typing
from importlib import import_module as _import_module

from funcgrad.core.entrance import entrance as _entrance
from funcgrad.ops import arithmetic as arithmetic

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
_INSTEAD = {
    **{f"index_{what}": f"x.at[index].{what}(value)" for what in ("add", "max", "min", "mul")},
    "index_update": "x.at[index].set(value)",
    "index": "x.at[index]",
}
"""What JAX once had here."""

if _typing.TYPE_CHECKING:
    from funcgrad.ops.segments import segment_max as segment_max
    from funcgrad.ops.segments import segment_min as segment_min
    from funcgrad.ops.segments import segment_prod as segment_prod
    from funcgrad.ops.segments import segment_sum as segment_sum


def _later(name: str) -> _typing.Any:
    if name not in __all__:  # imports of our modules ask too, so that no near names are looked for
        instead = f": use {_INSTEAD[name]}" if name in _INSTEAD else ""
        words = f"module {__name__!r} has no attribute {name!r}{instead}"
        raise AttributeError(words, name=name, obj=_sys.modules[__name__])
    globals()[name] = _entrance(getattr(_import_module("funcgrad.ops.segments"), name))
    return globals()[name]


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _later


def __dir__() -> list[str]:
    return __all__
