"""The kernels kept on disk: ``python -m funcgrad.cache``."""

from __future__ import annotations

import argparse
import runpy
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from funcgrad.__main__ import end_by_signals
from funcgrad.compile import store
from funcgrad.config import config

_COMMAND = "python -m funcgrad.cache"


def _report(path: str) -> None:
    print(f"{path}: {_shown(_contents(path))} of {config.cache_size / 1e6:.0f} MB")


def _list(path: str) -> None:
    for file in _contents(path):
        print(f"{time.strftime('%Y-%m-%d', time.localtime(file.used))} {file.size:>10}  {file.name}")


def _clear(path: str) -> None:
    print(f"{path}: {_shown(store.clear(path) if Path(path).exists() else [])} removed")


def _contents(path: str) -> list[store.File]:
    """Nothing where there is no folder yet."""
    return store.contents(path) if Path(path).exists() else []


def _warm(path: str, script: str, arguments: Sequence[str]) -> None:
    before = {file.name for file in _contents(path)}
    sys.argv[:] = [script, *arguments]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        new = [file for file in _contents(path) if file.name not in before]
        print(f"{path}: {_shown(new)} new", file=sys.stderr)


def _shown(files: Sequence[store.File]) -> str:
    return f"{len(files)} kernel{'s' * (len(files) != 1)}, {sum(file.size for file in files) / 1e6:.1f} MB"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_COMMAND, description="The kernels that are kept on disk.")
    what = parser.add_subparsers(dest="what", metavar="COMMAND", title="commands; without one, the folder and its size")
    what.add_parser("list", help="the day of its last use, the bytes and the file of each, those used last first")
    what.add_parser("clear", help="remove them all")
    warm = what.add_parser("warm", help="run a script, so that its kernels are there for other processes")
    warm.add_argument("script", type=_script)
    warm.add_argument("arguments", nargs=argparse.REMAINDER, help="the script's")
    return parser.parse_args()


def _script(path: str) -> str:
    if not Path(path).exists():
        raise argparse.ArgumentTypeError(f"there is no {path}")
    return path


def main() -> str | None:
    """Run a command; what to say where it cannot be done."""
    options = _arguments()
    path = config.cache_dir
    if path is None:
        return f"{_COMMAND}: no kernels are kept: FUNCGRAD_CACHE_DIR is empty, or the user has no cache folder"
    if options.what != "warm":
        end_by_signals()
    try:
        {"list": _list, "clear": _clear, "warm": _contents, None: _report}[options.what](path)
    except store.Refused as error:
        return f"{_COMMAND}: {path}: {error}"
    except OSError as error:
        return f"{_COMMAND}: {error}"
    if options.what == "warm":
        _warm(path, options.script, options.arguments)  # whose errors are its own
    return None


if __name__ == "__main__":
    raise SystemExit(main())
