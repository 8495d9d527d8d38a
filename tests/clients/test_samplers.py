"""Samplers: emcee draws from a compiled density, and a Hamiltonian sampler is one compiled scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax, random

MEAN = np.array([1.0, -2.0, 0.5])
COV = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.3], [0.0, -0.3, 0.5]])
PRECISION = np.linalg.inv(COV)


def log_density(x: Any) -> Any:
    return -0.5 * (x - MEAN) @ PRECISION @ (x - MEAN)


class State(NamedTuple):
    position: Any
    value: Any
    slope: Any


def hamiltonian(density: Callable[[Any], Any], size: float, leaps: int) -> tuple[Callable, Callable]:
    """A sampler in blackjax's form, `init(position)` and `step(key, state)`: leapfrog steps, and Metropolis' choice."""
    value_and_slope = fg.value_and_grad(density)

    def init(position: Any) -> State:
        return State(position, *value_and_slope(position))

    def leap(_: Any, moving: tuple[State, Any]) -> tuple[State, Any]:
        state, momentum = moving
        momentum = momentum + 0.5 * size * state.slope
        state = init(state.position + size * momentum)
        return state, momentum + 0.5 * size * state.slope

    def step(key: Any, state: State) -> tuple[State, Any]:
        for_momentum, for_choice = random.split(key)
        momentum = random.normal(for_momentum, state.position.shape)
        proposed, ended = lax.fori_loop(0, leaps, leap, (state, momentum))
        gain = proposed.value - state.value + 0.5 * fnp.sum(momentum**2 - ended**2)
        taken = fnp.log(random.uniform(for_choice)) < gain
        return fg.tree.map(lambda new, old: fnp.where(taken, new, old), proposed, state), taken

    return init, step


def test_a_hamiltonian_sampler() -> None:
    """Chains side by side, each a scan: means, covariances and the rate of acceptance are those of the distribution."""
    init, step = hamiltonian(log_density, 0.35, 4)

    def chain(key: Any) -> Any:
        turn = lambda state, key: (lambda new, taken: (new, (new.position, taken)))(*step(key, state))
        return lax.scan(turn, init(np.zeros(3)), random.split(key, 600))[1]

    positions, taken = fg.jit(fg.vmap(chain))(random.split(random.key(0), 8))
    kept = positions[:, 100:].reshape(-1, 3)
    assert 0.8 < taken.mean() < 1.0
    np.testing.assert_allclose(kept.mean(0), MEAN, atol=0.08)
    np.testing.assert_allclose(np.cov(kept.T), COV, atol=0.12)
    first = fg.jit(chain)(random.split(random.key(0), 8)[0])
    np.testing.assert_allclose(first[0], positions[0], rtol=1e-6)


@pytest.mark.peers
def test_emcee() -> None:
    emcee = pytest.importorskip("emcee")
    density = fg.jit(fg.vmap(log_density))
    sampler = emcee.EnsembleSampler(24, 3, density, vectorize=True)
    sampler.random_state = np.random.RandomState(0).get_state()
    start = MEAN + 0.1 * np.random.default_rng(0).normal(size=(24, 3))
    sampler.run_mcmc(start, 1200)
    kept = sampler.get_chain(discard=200, flat=True)
    np.testing.assert_allclose(kept.mean(0), MEAN, atol=0.15)
    np.testing.assert_allclose(np.cov(kept.T), COV, atol=0.3)
    np.testing.assert_allclose(sampler.get_log_prob(flat=True)[-1], log_density(sampler.get_chain(flat=True)[-1]))
