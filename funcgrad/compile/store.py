"""Object code on disk, for other processes: one file for each kernel, named by a key of all that it depends on.

Whatever state the folder is in, a program runs: what cannot be read is compiled, what cannot be written is lost, and
one warning in a process says why. No process waits for another, and none leaves a lock behind: a file is written aside
and put in its place by one call of the system's, so that a reader finds all of it or nothing.

Object code is run, so it is read only from what nobody else may write: the file and its folder belong to the user, and
neither may be written by a group or by others. Both are looked at by the descriptors that are then used. The folder
may be a link, since what it leads to is looked at; a file may not. Only POSIX says what belongs to whom: elsewhere
nothing is kept.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from funcgrad.config import config
from funcgrad.core import warned

_MAGIC = b"funcgrad kernel 1\n"
_SUM = 32
"""Bytes."""
_KERNEL, _ASIDE = ".kernel", ".part"
_OURS = re.compile(rf"[0-9a-f]{{64}}{_KERNEL}|[0-9a-f]{{32}}{_ASIDE}")
DAY, ABANDONED = 86400.0, 3600.0
"""Seconds: how exactly it is known when a kernel was used, and after which a file aside is of a process that ended."""
KEPT, LOOKS = 7 / 8, 16
"""The part of the limit that stays when it has been passed; how often the folder is looked at while it is filled."""


class Object(NamedTuple):
    """An object file, with the names that it refers to and those that it defines."""

    code: bytes
    imports: list[str]
    exports: list[str]


class File(NamedTuple):
    """A file of the folder, and when it was used: seconds since the epoch, to a day."""

    name: str
    size: int
    used: float


class Refused(Exception):
    """Why kernels are not taken from a folder or put there, and what to do."""


# ---- one kernel ----


def find(key: bytes) -> Object | None:
    """The kernel under a key of 32 bytes, where there is one that can be trusted."""
    found = None
    with _noted(), suppress(FileNotFoundError), _folder(config.cache_dir) as folder:
        found = _read(folder, key)
    return found


def keep(key: bytes, kernel: Object) -> None:
    """Write a kernel, and make room where it is time to look."""
    path, content = config.cache_dir, _packed(key, kernel)
    with _noted(), suppress(FileNotFoundError):  # others may take the folder, or what is in it, away at any time
        if path is not None:
            os.makedirs(path, 0o700, exist_ok=True)
        with _folder(path) as folder:
            _write(folder, key, content)
            limit = config.cache_size
            # as if by chance, once for a sixteenth of the limit: processes that write one kernel each need no counter
            if int.from_bytes(key[:8]) * limit < LOOKS * len(content) << 64:
                _make_room(folder, limit)


def _packed(key: bytes, kernel: Object) -> bytes:
    names = ["\0".join(part).encode() for part in (kernel.imports, kernel.exports)]
    body = b"".join([*(len(part).to_bytes(4) + part for part in names), kernel.code])
    return _MAGIC + sha256(key + body).digest() + body


def _unpacked(key: bytes, content: bytes) -> Object | None:
    """None where it is not what was written. The key is in the sum: a file by another's name is none."""
    start = len(_MAGIC) + _SUM
    body = content[start:]
    if content[:start] != _MAGIC + sha256(key + body).digest():
        return None
    names = []
    for _ in range(2):
        end = 4 + int.from_bytes(body[:4])
        names.append([name for name in body[4:end].decode().split("\0") if name])
        body = body[end:]
    return Object(body, *names)


def _read(folder: int, key: bytes) -> Object:
    name = key.hex() + _KERNEL
    # without waiting, should it be a pipe
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    try:
        status = os.fstat(file)
        _check(status, name)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{name} is no file. Remove it.")
        with open(file, "rb", closefd=False) as stream:
            found = _unpacked(key, stream.read())
        if found is None:
            raise Refused(f"{name} is damaged. It is compiled again and replaced.")
        if abs(time.time() - status.st_mtime) > DAY:
            with suppress(OSError):  # where nothing may be written, nothing is removed either
                os.utime(file)
        return found
    finally:
        os.close(file)


def _write(folder: int, key: bytes, content: bytes) -> None:
    aside = os.urandom(16).hex() + _ASIDE
    try:
        # `x`: it is new. An opener of C has no moment at which an interrupt would lose the descriptor
        with open(aside, "xb", opener=partial(os.open, mode=0o600, dir_fd=folder)) as stream:
            stream.write(content)
        os.replace(aside, key.hex() + _KERNEL, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise


# ---- the folder ----


@contextmanager
def _folder(path: str | None) -> Iterator[int]:
    """A descriptor, for one operation only: one that stays could be closed by the user, and be another file's then."""
    if path is None:
        raise FileNotFoundError
    if os.name != "posix":
        raise Refused("this system does not say who may write to it.")
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check(os.fstat(folder), "the folder")
        yield folder
    finally:
        os.close(folder)


def _check(status: os.stat_result, what: str) -> None:
    """Nothing that others can write is loaded."""
    if status.st_uid != os.geteuid():
        raise Refused(f"{what} belongs to another user. Kernels are run, so they are taken from your own only.")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refused(f"{what} may be written by others. If nobody has, `chmod -R go-w` makes it yours alone.")


def contents(path: str) -> list[File]:
    """The kernels of a folder, those used last first. Raises OSError and Refused."""
    with _folder(path) as folder:
        files = [file for file in _files(folder) if file.name.endswith(_KERNEL)]
    return sorted(files, key=lambda file: -file.used)


def clear(path: str) -> list[File]:
    """Remove all kernels of a folder, and return them. Raises OSError and Refused."""
    with _folder(path) as folder:
        return [file for file in _files(folder) if _remove(folder, file) and file.name.endswith(_KERNEL)]


def _make_room(folder: int, limit: int) -> None:
    """Remove what processes that ended have left behind, and where kernels pass the limit, those not used for long."""
    files = list(_files(folder))
    now = time.time()
    for file in files:
        if file.name.endswith(_ASIDE) and abs(now - file.used) > ABANDONED:
            _remove(folder, file)
    # by a clock that was ahead: nothing is known of it, until it is used again
    order = sorted(files, key=lambda file: file.used if file.used < now + DAY else 0.0)
    total = sum(file.size for file in files)
    if total > limit:
        for file in order:
            if total <= KEPT * limit:
                break
            if file.name.endswith(_KERNEL) and _remove(folder, file):
                total -= file.size


def _files(folder: int) -> Iterator[File]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name):
                with suppress(FileNotFoundError):  # another process has removed it
                    status = entry.stat(follow_symlinks=False)
                    yield File(entry.name, status.st_size, status.st_mtime)


def _remove(folder: int, file: File) -> bool:
    """Whether it was there."""
    try:
        os.unlink(file.name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


# ---- the warning ----

_CHOICE = "fg.config.cache_dir, or FUNCGRAD_CACHE_DIR, names another folder; an empty value turns the cache off."
_troubles: list[str] = []
_warned = False


@contextmanager
def _noted() -> Iterator[None]:
    """Trouble with the folder is none of the program's."""
    path = config.cache_dir
    try:
        yield
    except Refused as refused:
        _troubles[:] = _troubles or [f"funcgrad's kernels in {path}: {refused} {_CHOICE}"]
    except OSError as error:
        why = f"{error.strerror or error}. Until that is mended, each process compiles its own."
        _troubles[:] = _troubles or [f"funcgrad's kernels in {path}: {why} {_CHOICE}"]


def warn() -> None:
    """Say the first trouble, once in a process: in the user's thread, as it is met in one that compiles."""
    global _warned
    if _troubles and not _warned:
        _warned = True
        warned.warn(_troubles[0], RuntimeWarning)
