"""
A small neural network
======================

Two moons, told apart by a network with one hidden layer. One compiled step: value, gradient, and Adam.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

rng = np.random.default_rng(0)
angle, label = np.pi * rng.random(200), np.arange(200) % 2
x = np.stack([np.cos(angle) * (1 - 2 * label) + label, np.sin(angle) * (1 - 2 * label) + label / 2], axis=1)
x = x + 0.15 * rng.normal(size=x.shape)


def logit(params, x):
    hidden = np.tanh(x @ params["w"] + params["b"])
    return hidden @ params["v"] + params["c"]


def loss(params, x, label):
    z = logit(params, x)
    return np.mean(np.logaddexp(0.0, z) - label * z)


@fg.jit
def step(state, i):
    params, mean, square = state
    value, gradient = fg.value_and_grad(loss)(params, x, label)
    mean = fg.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = fg.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, gradient)
    change = lambda p, m, s: p - 0.05 * m / (1 - 0.9**i) / (np.sqrt(s / (1 - 0.99**i)) + 1e-8)
    return (fg.tree.map(change, params, mean, square), mean, square), value


params = {"w": rng.normal(size=(2, 16)), "b": np.zeros(16), "v": 0.1 * rng.normal(size=16), "c": 0.0}
state = params, fg.tree.map(np.zeros_like, params), fg.tree.map(np.zeros_like, params)
values = []
for i in range(1, 301):
    state, value = step(state, float(i))
    values.append(value)
print(f"loss {values[0]:.3f} -> {values[-1]:.4f}; right: {np.mean((logit(state[0], x) > 0) == label):.3f}")

# %%
a, b = np.meshgrid(np.linspace(-2.0, 3.0, 100), np.linspace(-1.5, 2.0, 100))
plt.contourf(a, b, logit(state[0], np.stack([a, b], axis=-1)), levels=[-1e9, 0.0, 1e9], alpha=0.3)
plt.scatter(x[:, 0], x[:, 1], c=label, s=10)
plt.title("Where the network changes its mind")
plt.show()
