"""Rates of a predator and its prey from noisy counts: SciPy's solver and its least squares, with exact Jacobians."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.scipy import integrate, optimize

TIMES = np.linspace(0.0, 6.0, 13)
TRUTH = {"birth": 1.1, "caught": 0.4, "gain": 0.1, "death": 0.4}
START = np.array([10.0, 5.0])
DATA = np.random.default_rng(0)


def growth(state: Any, t: Any, rates: dict[str, Any]) -> list[Any]:
    prey, predators = state
    return [
        prey * (rates["birth"] - rates["caught"] * predators),
        predators * (rates["gain"] * prey - rates["death"]),
    ]


def counts(rates: dict[str, Any], start: Any = START) -> Any:
    return integrate.odeint(growth, start, TIMES, (rates,), rtol=1e-8, atol=1e-10)


OBSERVED = counts(TRUTH) * np.exp(0.02 * DATA.normal(size=(len(TIMES), 2)))


def residuals(rates: dict[str, Any], observed: Any) -> Any:
    return fnp.ravel(fnp.log(counts(rates)) - fnp.log(observed))


def test_rates_are_found() -> None:
    first = dict.fromkeys(TRUTH, 0.3)
    found = optimize.least_squares(residuals, {**first, "birth": 0.8}, args=(OBSERVED,), x_scale="jac")
    assert found.success
    jac = found.jac
    deviation = np.sqrt(2 * found.cost / (2 * len(TIMES) - 4) * np.diag(np.linalg.inv(jac.T @ jac)))
    names = list(TRUTH)
    off = np.array([found.x[name] - TRUTH[name] for name in names])
    assert (abs(off) < 4 * deviation).all()
    assert (deviation < 0.05).all()


def test_sensitivities_are_those_of_small_changes() -> None:
    slopes = fg.jacobian(counts)(TRUTH)
    for name, value in TRUTH.items():
        step = 1e-5 * value
        above, below = (counts({**TRUTH, name: value + s}) for s in (step, -step))
        np.testing.assert_allclose(slopes[name], (above - below) / (2 * step), rtol=1e-4, atol=1e-4)
    start = fg.jacobian(counts, 1)(TRUTH, START)
    step = np.array([0.0, 1e-4])
    moved = (counts(TRUTH, START + step) - counts(TRUTH, START - step)) / 2e-4
    np.testing.assert_allclose(start[..., 1], moved, rtol=1e-4, atol=1e-4)
