"""How reports name the user's lines."""

from __future__ import annotations

import os

from funcgrad.core.provenance import Place, cell_of, users_files


def short(place: Place) -> str:
    """`train.py:12`; as much of the path as tells the user's files apart; `Cell In[3], line 12` in a notebook."""
    cell = cell_of(place.filename)
    return f"{cell}, line {place.lineno}" if cell else f"{_distinct(place.filename)}:{place.lineno}"


def _distinct(filename: str) -> str:
    """The end of a path that no other file of the user's has."""
    parts = filename.split(os.sep)
    others = [file.split(os.sep) for file in users_files() if file != filename]
    for n in range(1, len(parts)):
        if all(other[-n:] != parts[-n:] for other in others):
            return os.sep.join(parts[-n:])
    return filename
