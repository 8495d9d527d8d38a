"""mypy --strict and pyright over programs of users, right ones and wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import numpy_stub

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROGRAMS = sorted(path.name for path in HERE.glob("*.py") if not path.name.startswith("test_"))


def of_mypy(folder: Path) -> set[tuple[str, int]]:
    pytest.importorskip("mypy", reason="needs the `lint` extra")
    options = ["--strict", "--config-file", "", "--cache-dir", str(folder), "--output", "json"]
    found = run("mypy", *options, *[str(HERE / name) for name in PROGRAMS])
    faults = [json.loads(line) for line in found.splitlines()]
    return {(Path(f["file"]).name, f["line"]) for f in faults if f["severity"] == "error"}


def of_pyright(folder: Path) -> set[tuple[str, int]]:
    pytest.importorskip("basedpyright", reason="needs the `lint` extra")
    settings = folder / "pyrightconfig.json"
    settings.write_text(
        json.dumps({"include": [str(HERE)], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"})
    )
    found = json.loads(run("basedpyright", "--project", str(settings), "--outputjson", "--pythonpath", sys.executable))
    return {
        (Path(f["file"]).name, f["range"]["start"]["line"] + 1)
        for f in found["generalDiagnostics"]
        if f["severity"] == "error" and Path(f["file"]).name in PROGRAMS
    }


def run(checker: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", checker, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("checker", [of_mypy, of_pyright])
def test_what_checkers_say(checker: Callable[[Path], set[tuple[str, int]]], tmp_path: Path) -> None:
    wrong = {
        (name, number)
        for name in PROGRAMS
        for number, line in enumerate((HERE / name).read_text().splitlines(), 1)
        if line.endswith("# wrong")
    }
    assert len(wrong) > 15
    assert checker(tmp_path) == wrong


@pytest.mark.parametrize("space", numpy_stub.STUBS)
def test_stubs_have_the_names_of_funcgrad_numpy(space: str) -> None:
    """NumPy's own types, where the parameters are NumPy's."""
    assert numpy_stub.STUBS[space].read_text() == numpy_stub.stub(space)
    assert sum(f"from {space} import " in line for line in numpy_stub.stub(space).splitlines()) > 10
