"""Each row that `funcgrad.torch` can have: its programs are answered in full, and remedies that are code are right."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np
import pytest

from funcgrad.transforms.explain import causes
from funcgrad.transforms.explain.status import Status
from tests.explain.tensor_programs import PRELUDE, PROGRAMS, Program
from tests.groups import together

FUNCTIONAL = {6, 7, 8, 9, 29, 34, 41, 42, 43, 44, 45, 57, 58, 72, 80, 81}
"""Rows that only functions of arrays have."""
IN_NOTES = {15, 18, 22, 28, 67, 71, 75, "59b"}
"""Rows that are an error, which has the answer itself or in its note: tests/torch/test_explain_notes.py."""
OF_THE_WHOLE = {11, 16, 26, 77}
"""Rows of which a report's notes tell: of modules, of writes through `.data`, of pairs of shapes."""
OPEN = {78}
"""Complex numbers, of which PyTorch's error tells."""


def run(source: str, name: str) -> dict[str, Any]:
    """Execute a program as a file of its own."""
    filename = f"/programs/{name.replace(' ', '_').replace('/', 'by')}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace


def marked(source: str, mark: str) -> int | None:
    return next((i for i, line in enumerate(source.splitlines(), 1) if line.endswith(mark)), None)


def mended(source: str, fixes: Any) -> str:
    """A program with the report's code in place of what it underlines."""
    lines = source.splitlines(keepends=True)
    for fix in sorted(set(fixes), key=lambda f: (f.place.lineno, -f.place.col)):
        line = lines[fix.place.lineno - 1]
        indent = len(line) - len(line.lstrip())
        start, end = indent + fix.place.col, indent + fix.place.end_col
        lines[fix.place.lineno - 1] = line[:start] + fix.code + line[end:]
    return "".join(lines)


@together("program", PROGRAMS, lambda p: str(p.rows[0]))
@pytest.mark.filterwarnings("ignore")
def test_a_program_is_answered_in_full(program: Program):
    source = PRELUDE + program.text
    namespace = run(source, program.name)
    report = eval(program.ask, namespace)
    leaf, text = report.leaves[program.leaf], str(report)
    assert leaf.status == program.status, text
    named = {c.place.lineno for c in leaf.cuts} | {p.lineno for p in leaf.places}
    for mark in ("# <-", "# <-2", "# <-3"):
        number = marked(source, mark)
        assert number is None or number in named, (number, named, text)
    joined = " ".join(text.split())
    for words in program.says:
        assert words in joined, (words, joined)
    if program.op:
        assert leaf.cuts[0].op == program.op, text
    if program.right is None:
        return
    assert leaf.fixes, text
    new = run(mended(source, leaf.fixes), program.name + " mended")
    gradient = eval(program.gives, new)
    if program.right == "numeric":
        assert np.isfinite(gradient).all() and gradient.any()
        return
    np.testing.assert_allclose(gradient, eval(program.right, new), rtol=1e-5, atol=1e-6)


def test_every_row_has_its_function_and_its_programs():
    everything = {*range(1, 82), "59a", "59b"} - FUNCTIONAL - IN_NOTES - OPEN
    registered = OF_THE_WHOLE | {row for c in (*causes.CAUSES, *causes.ENDS) for row in c.rows}
    assert sorted(everything - registered, key=str) == []
    assert sorted(everything - {row for p in PROGRAMS for row in p.rows}, key=str) == []


def test_every_status_has_its_programs():
    assert {status.value for status in Status} == {p.status for p in PROGRAMS}
