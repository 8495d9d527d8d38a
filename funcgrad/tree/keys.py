"""Steps of paths: strings, the text that follows the tree in Python (`['w']`, `[0]`, `.name`), that say more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["DictKey", "FlattenedIndexKey", "GetAttrKey", "SequenceKey", "keystr"]


class Key(str):
    """A step; `argument` is what it was made of."""

    argument: Any

    def __getnewargs__(self) -> tuple[Any]:
        return (self.argument,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.argument!r})"


def _made(cls: type, text: str, argument: Any) -> Any:
    made: Any = str.__new__(cls, text)
    made.argument = argument
    return made


class SequenceKey(Key):
    """An element of a tuple or list.

    >>> print(SequenceKey(2), SequenceKey(2).idx)
    [2] 2
    """

    def __new__(cls, idx: int) -> SequenceKey:
        return _made(cls, f"[{idx!r}]", idx)

    @property
    def idx(self) -> int:
        return self.argument


class DictKey(Key):
    """A value of a dict.

    >>> print(DictKey('w'), DictKey('w').key)
    ['w'] w
    """

    def __new__(cls, key: Any) -> DictKey:
        return _made(cls, f"[{key!r}]", key)

    @property
    def key(self) -> Any:
        return self.argument


class GetAttrKey(Key):
    """A field of a namedtuple or dataclass.

    >>> print(GetAttrKey('w'), GetAttrKey('w').name)
    .w w
    """

    def __new__(cls, name: str) -> GetAttrKey:
        return _made(cls, f".{name}", name)

    @property
    def name(self) -> str:
        return self.argument


class FlattenedIndexKey(Key):
    """A child of a node whose class does not name them.

    >>> print(FlattenedIndexKey(0), FlattenedIndexKey(0).key)
    [<flat index 0>] 0
    """

    def __new__(cls, key: int) -> FlattenedIndexKey:
        return _made(cls, f"[<flat index {key!r}>]", key)

    @property
    def key(self) -> int:
        return self.argument


def keystr(keys: Iterable[Any], *, simple: bool = False, separator: str = "") -> str:
    """A path as text: as Python would write it, or (`simple`) the bare names, with a separator.

    >>> path = (DictKey('w'), SequenceKey(0))
    >>> keystr(path), keystr(path, simple=True, separator='/')
    ("['w'][0]", 'w/0')
    """
    return separator.join(str(k.argument if simple and isinstance(k, Key) else k) for k in keys)
