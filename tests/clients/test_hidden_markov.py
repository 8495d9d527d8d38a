"""A hidden Markov model: the gradient of the likelihood is what the forward-backward algorithm computes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax, nn

STATES, SYMBOLS = 3, 4
DRAW = np.random.default_rng(0).normal
LOGITS = {"start": DRAW(size=STATES), "step": DRAW(size=(STATES, STATES)), "emit": DRAW(size=(STATES, SYMBOLS))}
SEEN = np.array([0, 3, 1, 1, 2, 0, 3])


def log_likelihood(logits: dict[str, Any], seen: np.ndarray) -> Any:
    tables = {name: nn.log_softmax(x) for name, x in logits.items()}
    return of_tables(tables, seen)


def of_tables(tables: dict[str, Any], seen: np.ndarray) -> Any:
    def step(alpha: Any, symbol: Any) -> tuple[Any, None]:
        ahead = nn.logsumexp(alpha[:, None] + tables["step"], axis=0)
        return ahead + tables["emit"][:, symbol], None

    first = tables["start"] + tables["emit"][:, seen[0]]
    return nn.logsumexp(lax.scan(step, first, seen[1:])[0])


def enumerated(tables: dict[str, np.ndarray], seen: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
    """The likelihood by all paths, and how often each entry of a table is expected to be used, given what was seen."""
    total, counts = 0.0, {name: np.zeros_like(t) for name, t in tables.items()}
    for path in itertools.product(range(STATES), repeat=len(seen)):
        used = [("start", (path[0],)), *(("step", pair) for pair in itertools.pairwise(path))]
        used += [("emit", (state, symbol)) for state, symbol in zip(path, seen)]
        chance = np.exp(sum(tables[name][index] for name, index in used))
        total += chance
        for name, index in used:
            counts[name][index] += chance
    return float(np.log(total)), {name: c / total for name, c in counts.items()}


def test_gradients_are_expected_counts() -> None:
    tables = {name: np.asarray(nn.log_softmax(x)) for name, x in LOGITS.items()}
    value, counts = enumerated(tables, SEEN)
    for derivative in (fg.value_and_grad(of_tables), fg.jit(fg.value_and_grad(of_tables))):
        found, slope = derivative(tables, SEEN)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        for name in counts:
            np.testing.assert_allclose(slope[name], counts[name], rtol=1e-10, atol=1e-14)


def test_sequences_in_a_batch_climb() -> None:
    """Gradient ascent over many sequences at once, and states that cannot be reached stay so."""
    batch = np.random.default_rng(1).integers(0, SYMBOLS, size=(16, 9))
    objective = lambda logits: fg.vmap(log_likelihood, (None, 0))(logits, batch).mean()
    step = fg.jit(fg.value_and_grad(objective))
    logits, values = LOGITS, []
    for _ in range(40):
        value, slope = step(logits)
        values.append(value)
        logits = fg.tree.map(lambda x, g: x + 0.3 * g, logits, slope)
    assert (np.diff(values) > 0).all()
    barred = {**LOGITS, "step": np.where(np.eye(STATES), -np.inf, LOGITS["step"])}
    slope = fg.jit(fg.grad(objective))(barred)
    assert all(np.isfinite(g).all() for g in fg.tree.leaves(slope))
    np.testing.assert_array_equal(np.diag(slope["step"]), 0)
    assert fnp.isfinite(objective(barred))
