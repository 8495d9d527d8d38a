"""How reports name the user's lines."""

from __future__ import annotations

import os
import sys

from funcgrad.core.provenance import Place, users_files


def short(place: Place) -> str:
    """`train.py:12`; as much of the path as tells the user's files apart; `Cell In[3], line 12` in a notebook."""
    cell = _cell(place.filename)
    return f"{cell}, line {place.lineno}" if cell else f"{_distinct(place.filename)}:{place.lineno}"


def _distinct(filename: str) -> str:
    """The end of a path that no other file of the user's has."""
    parts = filename.split(os.sep)
    others = [file.split(os.sep) for file in users_files() if file != filename]
    for n in range(1, len(parts)):
        if all(other[-n:] != parts[-n:] for other in others):
            return os.sep.join(parts[-n:])
    return filename


def _cell(filename: str) -> str:
    """What IPython calls a file that is a cell of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    name = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(filename)
    return " ".join(name) if name else ""
