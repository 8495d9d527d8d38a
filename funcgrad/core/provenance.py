"""Where in the user's code an operation was called. Taking a location costs 0.2 us; reading it is left for later."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Collection
from functools import lru_cache
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

Loc = tuple[CodeType, int]
"""The code object and last instruction of the innermost frame that is the user's."""

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INTERNAL: tuple[str, ...] = (_HERE, os.path.dirname(np.__file__) + os.sep)
_GUEST = _HERE + "tour" + os.sep
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED_PARTS = frozenset(("site-packages", "dist-packages"))
QUOTED = 120
"""How much of a line a message quotes."""
_ours: set[str] = set()
_users: set[str] = set()
_foreign: set[str] = set()
_recent: CodeType | None = None
"""The code of the user's that `here` found last."""
_getframe = sys._getframe
_IS_SCALAR = np.isscalar.__code__


def is_internal(filename: str) -> bool:
    """Whether a file belongs to the library (or NumPy) and not to its user, or to a library that he uses."""
    if filename in _ours:
        return True
    if filename not in _users and filename not in _foreign:
        _sort(filename)
    return filename in _ours


def is_ours(filename: str) -> bool:
    """Whether a file is the library's, and neither NumPy's nor the user's."""
    return filename.startswith(_HERE) and is_internal(filename)


def is_users(filename: str) -> bool:
    """Whether a file is the user's: not ours, not of the standard library, and not installed as a package."""
    return not is_internal(filename) and filename in _users


def users_files() -> frozenset[str]:
    """The user's files that locations have been taken in so far."""
    return frozenset(_users)


def _sort(filename: str) -> None:
    if filename.startswith(_INTERNAL) and not filename.startswith(_GUEST):
        kind = _ours
    elif filename.startswith(_GUEST):
        kind = _users
    elif filename.startswith((_STANDARD, "<frozen ")) or not _INSTALLED_PARTS.isdisjoint(filename.split(os.sep)):
        kind = _foreign
    else:
        kind = _users
    kind.add(filename)


def hide(folder: str) -> None:
    """Take the files of a package that calls us for others than the user's."""
    global _INTERNAL
    _INTERNAL += (folder + os.sep,)


def here(depth: int = 2) -> Loc | None:
    """The user's location now, for our own functions to call.

    Where no frame is the user's, it is that of the library that calls us. The frames nearer than `depth` are known to
    be ours: to ask one takes 0.1 us.
    """
    global _recent
    frame: FrameType | None = _getframe(depth)
    foreign: Loc | None = None
    while frame is not None:
        code = frame.f_code
        if code is _recent:
            return code, frame.f_lasti
        name = code.co_filename
        if name not in _ours:
            if name in _users or is_users(name):
                _recent = code
                return code, frame.f_lasti
            if foreign is None and name in _foreign:
                foreign = code, frame.f_lasti
        frame = frame.f_back
    return foreign


def here_past(packages: Collection[str]) -> Loc | None:
    """The user's location now, where frames of the packages named (``multiprocessing``) are not the user's either."""
    frame: FrameType | None = _getframe(2)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in packages and not is_internal(frame.f_code.co_filename):
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None


def is_asked_by_user(frame: FrameType) -> bool:
    """Whether the frame that asks a value for its class is the user's; other packages would read an array's memory.

    `abc` and `typing` ask for who uses their classes, `np.isscalar` for its caller, `functools` for who dispatches.
    """
    code = frame.f_code
    if code.co_filename in _ours and code is not _IS_SCALAR:  # nearly always
        return False
    asks: FrameType | None = frame
    while asks is not None and _module(asks) in ("abc", "typing"):
        asks = asks.f_back
    if asks is not None and _module(asks) == "functools":
        asks = asks.f_back
        if asks is not None and is_ours(asks.f_code.co_filename):  # which calls a function of the user's
            return True
    elif asks is not None and asks.f_code is _IS_SCALAR:
        asks = asks.f_back
    return asks is not None and is_users(asks.f_code.co_filename)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def is_thrown_away(frame: FrameType) -> bool:
    """Whether a frame of the user's does nothing with the result of the call that it is making."""
    return is_users(frame.f_code.co_filename) and _is_popped(frame.f_code, frame.f_lasti)


@lru_cache(1024)
def _is_popped(code: CodeType, lasti: int) -> bool:
    from dis import get_instructions

    # a frame that is calling is in the cache behind the instruction
    following = next((i for i in get_instructions(code) if i.offset > lasti), None)
    return following is not None and following.opname == "POP_TOP"


class Place(NamedTuple):
    """A location made readable: 1-based line, 0-based columns within ``source`` (or None)."""

    filename: str
    lineno: int
    source: str
    col: int | None
    end_col: int | None
    function: str

    def __str__(self) -> str:
        cell = cell_of(self.filename)
        return f"{cell}, line {self.lineno}" if cell else f"{self.filename}:{self.lineno}"


def cell_of(filename: str) -> str:
    """What IPython calls a file that is a cell of a notebook: `Cell In[3]`; else nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    name = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(filename)
    return " ".join(name) if name else ""


def lines_of(filename: str) -> list[str]:
    """The lines of a file as it is now, or as it was last seen where it is gone."""
    if os.path.exists(filename):
        linecache.checkcache(filename)  # which forgets what was read before the file was edited
    return linecache.getlines(filename)


def place(loc: Loc | None) -> Place:
    """Read the file, line, columns and source text of a location."""
    if loc is None:
        return Place("<unknown>", 0, "", None, None, "")
    code, lasti = loc
    line, end_line, col, end_col = None, None, None, None
    for index, position in enumerate(code.co_positions()):
        if index == lasti // 2:
            line, end_line, col, end_col = position
            break
    line = line or code.co_firstlineno
    lines = lines_of(code.co_filename)
    text = lines[line - 1] if line <= len(lines) else ""
    source = text.strip()
    if col is not None and end_line == line:
        # columns count UTF-8 bytes from the start of the unstripped line
        raw, indent = text.encode(), len(text) - len(text.lstrip())
        col, end_col = len(raw[:col].decode()) - indent, len(raw[:end_col].decode()) - indent
    else:
        col = end_col = None
    return Place(code.co_filename, line, source, col, end_col, code.co_name)


def at(loc: Loc | None) -> str:
    """A location as the tail of a sentence: `` at file.py:3 (`y = x * 2`)``, or nothing when it is unknown."""
    if loc is None:
        return ""
    where = place(loc)
    source = where.source if len(where.source) <= QUOTED else where.source[:QUOTED] + "..."
    return f" at {where}" + (f" (`{source}`)" if source else "")
