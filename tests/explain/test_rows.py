"""Each row of the catalogue of causes: its programs are answered in full, and the remedies that are code are right."""

from __future__ import annotations

import linecache
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.transforms.explain import causes
from funcgrad.transforms.explain.status import Status
from tests.explain.programs import PRELUDE, PROGRAMS, Program
from tests.groups import together

SHIMS_ONLY = {1, 2, 3, 4, *range(10, 23), *range(25, 29), 30, 31, 32, 38, 40, *range(67, 75)}
"""Rows that only a stateful library can have; 59a and 59b are about `autograd.Function`."""
ERRORS = {8, 58, 72, 80}
"""Rows that are no matter for a report: `test_rows_that_raise` has them."""
SHIMS_STATUSES = {"not_requested", "not_leaf", "not_run", "modified", "accumulated"}


def run(text: str, name: str) -> dict[str, Any]:
    """Execute a program as a file of its own."""
    filename = f"/programs/{name.replace(' ', '_').replace('/', 'by')}.py"
    source = PRELUDE + text
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace


@cache
def explained(program: Program) -> tuple[Any, Any]:
    """The arguments of a program, and the report on it."""
    namespace = run(program.text, program.name)
    args = eval(program.args, namespace)
    return args, fg.explain(namespace["fun"], argnums=program.argnums)(*args)


def marked(text: str, mark: str) -> int | None:
    lines = (PRELUDE + text).splitlines()
    return next((i for i, line in enumerate(lines, 1) if line.endswith(mark)), None)


def mended(text: str, fixes: Any) -> str:
    """A program with the report's code in place of what it underlines."""
    lines = (PRELUDE + text).splitlines(keepends=True)
    for fix in sorted(set(fixes), key=lambda f: (f.place.lineno, -f.place.col)):
        line = lines[fix.place.lineno - 1]
        indent = len(line) - len(line.lstrip())
        start, end = indent + fix.place.col, indent + fix.place.end_col
        lines[fix.place.lineno - 1] = line[:start] + fix.code + line[end:]
    return "".join(lines[PRELUDE.count("\n") :])


def numeric(fun: Any, x: Any) -> np.ndarray:
    """Central differences."""
    x = np.asarray(x, float)
    steps = np.eye(x.size).reshape(x.size, *x.shape) * 1e-6
    return np.array([(fun(x + h) - fun(x - h)) / 2e-6 for h in steps]).reshape(x.shape)


@together("program", PROGRAMS, lambda p: str(p.rows[0]))
@pytest.mark.filterwarnings("ignore")
def test_a_program_is_answered_in_full(program: Program):
    args, report = explained(program)
    leaf, text = report.leaves[program.leaf], str(report)
    assert leaf.status == program.status, text
    for mark in ("# <-", "# <-2"):
        number = marked(program.text, mark)
        named = {c.place.lineno for c in leaf.cuts} | {p.lineno for p in leaf.places}
        assert number is None or number in named or leaf.status == "flows", (number, text)
    joined = " ".join(text.split())
    for words in program.says:
        assert words in joined, (words, joined)
    if program.op:
        assert leaf.cuts[0].op == program.op, text
    assert "detach" not in text
    if program.right is None:
        return
    fixes = leaf.fixes
    assert fixes, text
    new = run(mended(program.text, fixes), program.name + " mended")
    gradient = fg.grad(new["fun"], argnums=program.argnums)(*args)
    right = program.right
    expected = numeric(new["fun"], args[0]) if right == "numeric" else eval(right, new)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)
    if program.status in ("cut", "zero", "unused") and right == "numeric":
        assert np.any(gradient != 0), text
    again = fg.explain(new["fun"], argnums=program.argnums)(*args).leaves[program.leaf]
    assert again.status in ("flows", "cancels", "zero") if program.status in ("nan", "inf") else "flows", str(again)


def test_every_row_has_its_function_and_its_programs():
    everything = {*range(1, 82)} - SHIMS_ONLY - ERRORS
    registered = {row for c in (*causes.CAUSES, *causes.ENDS, *causes.REMARKS) for row in c.rows}
    programs = {row for p in PROGRAMS for row in p.rows}
    assert not sorted(everything - registered)
    assert not sorted(everything - programs)


def test_every_status_has_its_programs():
    statuses = {status.value for status in Status} - SHIMS_STATUSES
    assert statuses == {p.status for p in PROGRAMS}


@pytest.mark.filterwarnings("ignore")
def test_every_function_of_the_catalogue_answers_some_program():
    answered = set()
    for program in PROGRAMS:
        for leaf in explained(program)[1].leaves:
            answered |= {leaf.cause, *(cut.cause for cut in leaf.cuts)}
    functions = [c.answer for c in causes.CAUSES if c.status.value not in SHIMS_STATUSES]
    functions += [c.reason for c in causes.ENDS]
    followed = {f.__name__ for f in functions if ".remembered." not in f.__module__}
    assert followed <= answered, followed - answered


def test_rows_that_raise():
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"keyword.*by position"):  # 8
        fg.grad(lambda x: x * 2.0)(x=2.0)
    with pytest.raises(IndexError, match="index 10"):  # 58
        fg.grad(lambda x: x[10])(x)
    with pytest.raises(IndexError, match="index 10"):
        fg.grad(lambda x: fg.vmap(lambda i: x[i])(np.array([1, 10])).sum())(x)
    b = np.ones(3)

    def changed(x):  # 72
        y = x * b
        b[:] = 5.0
        return np.sum(y)

    np.testing.assert_array_equal(fg.grad(changed)(x), np.ones(3))
    kept = []
    fg.grad(lambda x: kept.append(x) or np.sum(x))(x)
    with pytest.raises(fg.errors.EscapedTracerError, match="after the transformation had ended"):  # 80
        fg.grad(lambda y: np.sum(y * kept[0]))(x)


def test_where_peers_are_silently_wrong_grad_raises():
    x = np.array([1.0, 2.0, 3.0])
    for fun in (lambda x: x[0].item() * 2, lambda x: float(x[0])):  # 34
        with pytest.raises(TypeError, match="lost"):
            fg.grad(fun)(x)

    def forgets(x):  # 57
        b = fnp.zeros(3)
        b.at[0].set(x[0])
        return b.sum()

    for transformed in (fg.grad(forgets), fg.jit(forgets)):
        with pytest.raises(TypeError, match=r"at\[\].set.*thrown away"):
            transformed(x)
    assert fnp.at(x)[0].set(5.0) is not None
    fnp.at(x)[0].set(5.0)  # of plain arrays it is as in JAX
    assert not fg.grad(lambda x: np.sum(x.astype(int) * 1.0))(x).any()  # 46: zero, and not 1


@pytest.mark.filterwarnings("ignore")
def test_explaining_changes_no_warning_filter():
    before = list(warnings.filters)
    fg.explain(lambda x: np.sum(np.sqrt(x)))(np.zeros(2))
    assert list(warnings.filters) == before
