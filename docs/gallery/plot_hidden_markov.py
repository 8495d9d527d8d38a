"""
A hidden Markov model
=====================

Rates of a model with two hidden states, by the gradient of its likelihood. The gradient of the same likelihood in its
observations' scores gives the probability of each state, so the backward pass needs no code of its own.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import optimize

rng = np.random.default_rng(2)
state, states = 0, []
for _ in range(300):
    state = state if rng.random() < 0.95 else 1 - state
    states.append(state)
seen = np.where(states, 2.0, -1.0) + 1.2 * rng.normal(size=300)


def scores(p):
    """Log-probability of each observation in each state: two means, one spread."""
    return -0.5 * ((seen[:, None] - p["means"]) / np.exp(p["spread"])) ** 2 - p["spread"]


def log_likelihood(p, scores):
    stay = fg.nn.log_sigmoid(p["stay"])
    switch = fg.nn.log_sigmoid(-p["stay"])

    def step(before, score):
        other = before[::-1]
        return score + np.logaddexp(before + stay, other + switch), None

    last, _ = fg.lax.scan(step, scores[0] - np.log(2.0), scores[1:])
    return fg.nn.logsumexp(last)


start = {"means": np.array([-0.5, 0.5]), "spread": 0.0, "stay": 1.0}
flat, unflatten = fg.ravel_pytree(start)
loss = lambda flat: -log_likelihood(unflatten(flat), scores(unflatten(flat)))
fit = optimize.minimize(loss, flat, method="BFGS")
p = unflatten(fit.x)
print("means", p["means"].round(2), "spread", np.exp(p["spread"]).round(2), "stays", fg.nn.sigmoid(p["stay"]).round(3))

# %%
posterior = fg.grad(log_likelihood, argnums=1)(p, scores(p))
high = np.argmax(p["means"])
print("states found:", np.mean((posterior[:, high] > 0.5) == np.array(states)).round(3))
plt.plot(seen, ".", color="gray")
plt.plot(posterior[:, high], label="probability of the upper state")
plt.plot(states, "--", linewidth=0.8, label="state")
plt.legend()
plt.show()
