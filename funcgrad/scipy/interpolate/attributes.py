"""Attributes of SciPy's classes that hold traced values."""

from __future__ import annotations

from typing import Any


def held(name: str, doc: str) -> Any:
    """A property for what is kept as `name`.

    SciPy's own, in versions that have them, make plain arrays of it; in those before, constructors set attributes.
    """
    return property(lambda self: getattr(self, name), lambda self, value: setattr(self, name, value), doc=doc)
