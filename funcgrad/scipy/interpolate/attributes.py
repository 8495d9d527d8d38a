"""Attributes of SciPy's classes that may hold traced values."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.ops.operands import any_traced


class Holder:
    """A class of SciPy's whose objects may hold traced values: what stands before it in the order of bases."""

    _holds = False
    # What SciPy's methods make arrays with, by its version; NumPy says what to write where they meet traced values.
    _asarray = staticmethod(np.asarray)
    _xp = _xp_internal = np

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_restored, (type(self), vars(self))) if self._holds else super().__reduce_ex__(protocol)

    def _is_traced(self, *more: Any) -> bool:
        return self._holds or any_traced(more)


def _restored(cls: type, kept: dict[str, Any]) -> Any:
    made: Any = object.__new__(cls)
    vars(made).update(kept)
    return made


class Held:
    """An attribute of a `Holder`: a traced value, or SciPy's own.

    SciPy keeps it with the object, behind a property, or in another object, which depends on the version, and makes
    plain arrays of it. What is held is kept past that; once one attribute is held, all that are set are.
    """

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name, self._key = owner, name, f"_held_{name}"

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        if instance is None:
            return self
        kept = instance.__dict__
        for key in (self._key, self._name):
            if key in kept:
                return kept[key]
        return getattr(super(self._owner, instance), self._name)

    def __set__(self, instance: Any, value: Any) -> None:
        scipys = getattr(super(self._owner, type(instance)), self._name, None)
        if instance._holds or any_traced((value,)):
            instance._holds = True
            instance.__dict__[self._key] = value
        elif scipys is None:
            instance.__dict__[self._name] = value
        else:
            scipys.__set__(instance, value)
