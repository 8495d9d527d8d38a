"""An error of a compiled program names the user's line of the operation that has failed, in a note."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg


def notes(run, kind):
    with pytest.raises(kind) as error:
        run()
    return getattr(error.value, "__notes__", [])


def solves(p, X):
    a = np.linalg.cholesky(X + np.eye(3))
    return np.linalg.solve(X, p) + a[0]


def test_linear_algebra_between_kernels():
    for transform in (lambda f: f, lambda f: fg.value_and_grad(lambda *args: np.sum(f(*args)))):
        step = fg.jit(transform(solves))
        for _ in range(2):  # the first call, and the gate that takes its place
            (note,) = notes(lambda step=step: step(np.ones(3), np.zeros((3, 3))), np.linalg.LinAlgError)
            assert "test_program_errors.py:19 (`return np.linalg.solve(X, p) + a[0]`)" in note
    (note,) = notes(lambda: fg.jit(solves)(np.ones(3), -2 * np.eye(3)), np.linalg.LinAlgError)
    assert "test_program_errors.py:18 (`a = np.linalg.cholesky(X + np.eye(3))`)" in note
    compiled = fg.jit(solves).lower(np.ones(3), np.eye(3)).compile()
    (note,) = notes(lambda: compiled(np.ones(3), np.zeros((3, 3))), np.linalg.LinAlgError)
    assert "test_program_errors.py:19" in note


def test_an_index_in_a_kernel():
    def pick(x, i):
        y = np.sin(x)
        return y[i] * 2

    (note,) = notes(lambda: fg.jit(pick)(np.ones(3), 7), IndexError)
    assert "(`return y[i] * 2`)" in note


def test_in_the_body_of_a_loop():
    def steps(x):
        def step(carry, _):
            return np.linalg.inv(carry) - np.eye(2), None

        return fg.lax.scan(step, x, None, length=3)[0]

    (note,) = notes(lambda: fg.jit(steps)(np.eye(2)), np.linalg.LinAlgError)
    assert "(`return np.linalg.inv(carry) - np.eye(2), None`)" in note


def test_jitted_in_jitted_says_once_where_it_is_called():
    inner = fg.jit(solves)
    outer = fg.jit(lambda p, X: inner(p, X) * 2)
    (note,) = notes(lambda: outer(np.ones(3), np.zeros((3, 3))), np.linalg.LinAlgError)
    assert "(`outer = fg.jit(lambda p, X: inner(p, X) * 2)`)" in note


def test_no_note_where_the_line_is_shown():
    assert notes(lambda: solves(np.ones(3), np.zeros((3, 3))), np.linalg.LinAlgError) == []
    assert notes(lambda: fg.grad(lambda x: np.sum(x[7]))(np.ones(3)), IndexError) == []

    def fails(x):
        raise ValueError("of the user's")

    called = fg.jit(lambda x: fg.pure_callback(fails, fg.ShapeDtypeStruct((3,), float), x))
    assert [n for n in notes(lambda: called(np.ones(3)), ValueError) if "compiled program" in n] == []
