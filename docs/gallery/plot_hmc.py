"""
Hamiltonian Monte Carlo
=======================

Samples from a density that is known up to a factor. A whole trajectory, with its gradients, is one compiled program;
``vmap`` runs the chains side by side.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg


def log_density(q):
    """A banana: a normal distribution, bent."""
    return -0.5 * (q[0] ** 2 / 4.0 + (q[1] - 0.5 * q[0] ** 2 + 2.0) ** 2 / 0.3)


slope = fg.grad(log_density)


def transition(q, key, size=0.15, steps=15):
    key, for_momentum, for_choice = fg.random.split(key, 3)
    momentum = fg.random.normal(for_momentum, q.shape)

    def leap(_, state):
        q, p = state
        p = p + 0.5 * size * slope(q)
        q = q + size * p
        return q, p + 0.5 * size * slope(q)

    new, end = fg.lax.fori_loop(0, steps, leap, (q, momentum))
    gain = log_density(new) - log_density(q) - 0.5 * (np.sum(end**2) - np.sum(momentum**2))
    accepted = np.log(fg.random.uniform(for_choice)) < gain
    return np.where(accepted, new, q), key, accepted


advance = fg.jit(fg.vmap(transition))
chains = 50
keys = fg.random.split(fg.random.key(0), chains)
position = np.zeros((chains, 2))
samples, accepted = [], []
for _ in range(300):
    position, keys, taken = advance(position, keys)
    samples.append(position)
    accepted.append(taken)
samples = np.concatenate(samples[50:])
print("accepted", np.mean(accepted).round(2), "mean", samples.mean(axis=0).round(2), "(exact 0 and 0)")

# %%
plt.plot(samples[:, 0], samples[:, 1], ".", markersize=1)
plt.title(f"{len(samples)} samples of {chains} chains")
plt.show()
