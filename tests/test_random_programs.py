"""Random programs with views, casts, mixed dtypes and reductions: value and gradient, compiled against eager."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import funcgrad as fg

ROWS, COLUMNS = 3, 4
UNARY = {
    "sin": lambda x: np.sin(x),
    "tanh": lambda x: np.tanh(x),
    "square": lambda x: x * x,
    "scale": lambda x: x * 0.3,
    "halve an integer": lambda x: x / 2,
    "transpose": lambda x: x.T if x.shape[0] == x.shape[1] else x[::-1],
    "reverse": lambda x: x[::-1],
    "stride": lambda x: np.repeat(x[:, ::2], 2, axis=1),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "row": lambda x: x[:1],
    "flat and back": lambda x: x.reshape(-1).reshape(x.shape),
    "to float32": lambda x: x.astype(np.float32),
    "to float64": lambda x: x.astype(np.float64),
    "truth": lambda x: (x > 0.1).astype(np.int8),
    "sum of rows": lambda x: x.sum(axis=1, keepdims=True),
    "mean of columns": lambda x: x.mean(axis=0, keepdims=True),
    "largest": lambda x: x.max(axis=1, keepdims=True),
    "sums": lambda x: np.cumsum(x, axis=1) * 0.2,
    "all": lambda x: x.sum() * 0.1 + x * 0,
}
BINARY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y * 0.5,
    "multiply": lambda x, y: np.tanh(x) * y,
    "maximum": lambda x, y: np.maximum(x, y),
    "where": lambda x, y: np.where(x > y, x, 0.5),
    "product": lambda x, y: (x @ y.T)[:, :1] * 0.1 if x.shape[1] == y.shape[1] else x + y,
}
STEP = st.one_of(
    st.tuples(st.sampled_from(sorted(UNARY)), st.integers(0, 9)),
    st.tuples(st.sampled_from(sorted(BINARY)), st.integers(0, 9), st.integers(0, 9)),
)


def values():
    rng = np.random.default_rng(0)
    x, row, single = rng.normal(size=(ROWS, COLUMNS)), rng.normal(size=(1, COLUMNS)), rng.normal(size=(ROWS, COLUMNS))
    return {"x": x, "row": row, "single": single.astype(np.float32)}, np.arange(-2, 2, dtype=np.int16)[None]


def run(steps, inputs, integers):
    known = [inputs["x"], inputs["row"], inputs["single"], integers]
    for name, *operands in steps:
        chosen = [known[n % len(known)] for n in operands]
        known.append((UNARY | BINARY)[name](*chosen))
    return sum(np.sum(y) for y in known[-3:]) + known[-1].sum()


def text(steps) -> str:
    lines = []
    for n, (name, *operands) in enumerate(steps, 4):
        lines.append(f"v{n} = {name}({', '.join(f'v{i % n}' for i in operands)})")
    return "v0, v1, v2, v3 = x, row, single, integers\n" + "\n".join(lines)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=3, max_size=12))
def test_value_and_gradient_of_compiled_programs(steps):
    note(text(steps))
    inputs, integers = values()
    step = fg.value_and_grad(lambda inputs, integers: run(steps, inputs, integers))
    with np.errstate(all="ignore"):
        value, gradient = step(inputs, integers)
    compiled, compiled_gradient = fg.jit(step)(inputs, integers)
    assert compiled.dtype == value.dtype
    np.testing.assert_allclose(compiled, value, rtol=1e-4, atol=1e-5)
    for name, want in gradient.items():
        got = compiled_gradient[name]
        assert (got.dtype, got.shape) == (want.dtype, want.shape) == (inputs[name].dtype, inputs[name].shape)
        # what passes through float32 somewhere is only as exact as that
        scale = 1 + np.abs(want).max()
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * scale, err_msg=name)
