"""What other programs have done in the same process is not told of this one: notebooks, several scripts, tests."""

from __future__ import annotations

import linecache
import os
import random
import re
import warnings
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from tests.explain import test_tensor_rows
from tests.explain.tensor_programs import PRELUDE, PROGRAMS, Program


def of(report: Any) -> str:
    return " ".join(str(report).split())


class Session:
    """Variables that pieces of text share, each a file of its own, as the cells of a notebook are."""

    cells = 0

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.run(PRELUDE)

    def run(self, text: str, name: str = "") -> None:
        Session.cells += 1
        name = name or f"/sessions/cell{Session.cells}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), self.variables)

    def says(self, ask: str) -> str:
        """A report that a cell asks for."""
        self.run(f"report = {ask}")
        return of(self.variables["report"])

    def note(self, text: str) -> str:
        """The note on the error that a text ends in."""
        with pytest.raises(RuntimeError) as e:
            self.run(text)
        return " ".join(e.value.__notes__)


def test_who_has_freed_a_graph_is_the_pass_that_did():
    session, other = Session(), Session()
    session.run("x = leaf()\nloss = (x ** 2).sum()\nloss.backward()  # mine")
    other.run("(leaf() * 2).sum().backward()  # another's")
    note = session.note("loss.backward()")
    assert "# mine" in note and "another" not in note
    session.run("w = leaf(0.5)\nh = torch.tensor(1.0)\nh = torch.tanh(w * h)\nh.sum().backward()  # first")
    session.run("h = torch.tanh(w * h)\nother = (w * 2).sum()\nother.backward()  # of the same leaf")
    note = session.note("h.sum().backward()")
    assert "# first" in note and "h.detach()" in note and "of the same leaf" not in note


RULE = """
class Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b): return a * b
    @staticmethod
    def backward(ctx, g): return g, None
a, b, c = leaf(), leaf(), leaf()
"""


def test_a_rule_that_gave_none_is_told_to_the_leaves_behind_it():
    session, other = Session(), Session()
    session.run("x = leaf()")
    other.run(f"{RULE}Rule.apply(a, b * c).sum().backward()")
    assert "returned None" not in session.says("x.explain_grad()")
    for name in "bc":
        text = other.says(f"{name}.explain_grad()")
        assert "`Rule.backward`" in text and "returned None" in text
    assert "returned None" not in other.says("a.explain_grad()")


def test_an_idle_optimizer_of_another_program_is_no_matter():
    session, other = Session(), Session()
    other.run("m = nn.Linear(2, 1)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\nopt.step()")
    by_hand = "m = nn.Linear(2, 1)\nfor _ in range(2): m(torch.ones(1, 2)).sum().backward()"
    session.run(by_hand)
    assert "No optimizer holds" not in session.says("m.explain_grads()")
    other.run("opt.step()")
    assert "No optimizer holds" in session.says("m.explain_grads()")


def test_tensors_of_other_cells_are_not_accused():
    session = Session()
    session.run("x, y, z = torch.ones(2), torch.ones(2), torch.ones(2)\nfrozen = leaf().requires_grad_(False)")
    session.run("late = torch.ones(2)\nlate.requires_grad_()\na = torch.ones(2)\nb = torch.ones(2)")
    note = session.note("(a * b).sum().backward()")
    assert "`a`" in note and "`b`" in note
    for name in ("x", "y", "z", "frozen", "late"):
        assert f"`{name}`" not in note
    called = "def compute(): return (a * b).sum()\ncompute().backward()"
    assert "`a`" in (note := session.note(called)) and "`b`" in note and "`x`" not in note


def test_numbers_that_left_in_a_function_that_does_not_run_are_not_this_ones():
    session = Session()
    session.run(
        "def logs():\n    return (leaf() * 2).sum().item()\n"
        "def trains():\n    p, q = torch.ones(2), torch.ones(2)\n    return (p * q).sum().explain_grad()\n"
        "def both():\n    return torch.ones(2) * logs()\n",
        "/sessions/tests.py",
    )
    session.run("logs()")
    assert "item" not in session.says("trains()")
    assert "`item`" in session.says("both().explain_grad()")


def test_lines_are_those_of_the_file_as_it_is_now(tmp_path):
    file = tmp_path / "train.py"

    def ran(text: str) -> dict[str, Any]:
        file.write_text(text)
        variables: dict[str, Any] = {"np": np, "torch": torch, "fg": fg}
        exec(compile(text, file, "exec"), variables)
        return variables

    first = "x = torch.ones(2, requires_grad=True)\nreport = x.detach().sum().explain_grad()\n"
    assert "x.detach()" in str(ran(first)["report"])
    edited = "# a new line\nw = torch.ones(2, requires_grad=True)\nloss = (w * 2).detach().sum()\n"
    report = ran(f"{edited}report = loss.explain_grad()\n")["report"]
    assert "loss = (w * 2).detach().sum()" in str(report) and "`w` (" in str(report)
    assert "np.floor(x)" in str(ran("def f(x):\n    return np.sum(np.floor(x))\nr = fg.explain(f)(np.ones(2))\n")["r"])
    file.unlink()
    assert "w * 2" in str(report)


def text_of(program: Program) -> str:
    """A program's report, wherever its lines break."""
    torch.manual_seed(0)
    with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()):
        variables = test_tensor_rows.run(PRELUDE + program.text, program.name)
        return of(eval(program.ask, variables))


def fresh(program: Program) -> str:
    """The report in a process in which nothing else has run."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, text_of(program).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        text = file.read().decode()
    os.waitpid(child, 0)
    return text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore")
def test_reports_in_a_row_are_those_of_fresh_processes():
    programs = random.Random(0).sample(PROGRAMS, len(PROGRAMS))
    alone = {program.name: fresh(program) for program in programs}
    assert all(len(re.findall(r"\w+", text)) > 5 for text in alone.values())
    for program in [*programs, *programs]:
        assert text_of(program) == alone[program.name]


@pytest.mark.filterwarnings("ignore")
def test_no_explanation_fails_behind_the_errors_and_gradients_it_must_not_replace(monkeypatch):
    raised = []

    class Seen(suppress):
        def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
            raised.extend([error] if error is not None else [])
            return super().__exit__(kind, error, trace)

    monkeypatch.setattr("funcgrad.torch._explain.spoilt.suppress", Seen)
    monkeypatch.setattr("funcgrad.torch._explain.notes.suppress", Seen)
    for program in PROGRAMS:
        text_of(program)
    assert not raised
