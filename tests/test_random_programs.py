"""Random programs of views, casts and reductions: `jit(value_and_grad)` against eager, eager against differences."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg

SIZE = 3
STEPS = {
    "add": lambda a, b: a + b,
    "product": lambda a, b: np.sin(a) * b,
    "quotient": lambda a, b: a / (1.0 + b * b),
    "root": lambda a, b: np.sqrt(1.0 + a * a) * b,
    "choice": lambda a, b: np.where(a > b, a, 0.5 * b),
    "matrices": lambda a, b: np.tanh(a) @ b,
    "transposed": lambda a, b: a.T - b,
    "reversed": lambda a, b: a[::-1] * b,
    "shifted": lambda a, b: np.concatenate([a[:, 1:], b[:, :1]], axis=1),
    "reshaped": lambda a, b: a.reshape(-1)[::-1].reshape(SIZE, SIZE) + b,
    "written": lambda a, b: fg.numpy.at(a)[1:].add(b[:-1]),
    "row sums": lambda a, b: a * b.sum(axis=1, keepdims=True),
    "column means": lambda a, b: a - b.mean(axis=0),
    "largest": lambda a, b: a - b.max(axis=1),
    "running sums": lambda a, b: 0.3 * np.cumsum(a, axis=0) + b,
    "sorted": lambda a, b: np.sort(a, axis=0) * b,
    "counted": lambda a, b: a * (b > 0).sum(axis=0) + (a > b),
    "single": lambda a, b: a.astype(np.float32) * b,
    "truncated": lambda a, b: a * (10 * b).astype(np.int64),
}


def drawn_program(seed, names):
    draw = np.random.default_rng(seed)
    steps = [(STEPS[draw.choice(names)], int(draw.integers(99)), int(draw.integers(99))) for _ in range(7)]

    def program(x, y):
        values = [x, y, 0.5 * x.T]
        for step, i, j in steps:
            values.append(step(values[i % len(values)], values[j % len(values)]))
        return np.sum(np.sin(values[-1])) + np.mean(values[-2]) + np.max(values[-3])

    return program, (draw.standard_normal((SIZE, SIZE)), draw.standard_normal((SIZE, SIZE)))


DOUBLE = sorted(STEPS.keys() - {"single"})


def check_compiled(program, args, tolerance):
    differentiated = fg.value_and_grad(program, (0, 1))
    eager, compiled = differentiated(*args), fg.jit(differentiated)(*args)
    for found, expected in zip(fg.tree.leaves(compiled), fg.tree.leaves(eager), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.max(np.abs(expected)))


@pytest.mark.parametrize("seed", range(3))
def test_compiled_is_eager(seed):
    check_compiled(*drawn_program(seed, DOUBLE), 1e-11)


@pytest.mark.parametrize("seed", range(3, 6))
def test_compiled_is_eager_in_mixed_precision(seed):
    program, (x, y) = drawn_program(seed, sorted(STEPS))
    check_compiled(program, (x.astype(np.float32), y), 1e-4)


@pytest.mark.parametrize("seed", range(40))
def test_eager_agrees_with_differences(seed):
    """In double precision: a difference would see little but the rounding of float32."""
    program, point = drawn_program(seed, DOUBLE)
    along = np.random.default_rng(seed).standard_normal((2, SIZE, SIZE))
    value, slope = fg.jvp(program, point, tuple(along))
    gradient = fg.grad(program, (0, 1))(*point)
    assert value == program(*point)
    np.testing.assert_allclose(sum(np.sum(g * t) for g, t in zip(gradient, along)), slope, rtol=1e-10, atol=1e-10)
    step = 1e-6
    above, below = (program(*(x + s * t for x, t in zip(point, along))) for s in (step, -step))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-6, atol=1e-6)
