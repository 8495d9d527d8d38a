"""
An implicit layer
=================

A layer whose output solves an equation, z = tanh(W z + U x). Its derivative follows from the equation, whatever found
the solution: no step of the solver is kept, and the memory is that of one.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.test_util import check_grads

rng = np.random.default_rng(0)
x = np.concatenate([rng.normal(size=(64, 2)), np.ones((64, 1))], axis=1)
target = np.sin(2.0 * x[:, 0]) * x[:, 1]
params = {"w": 0.1 * rng.normal(size=(12, 12)), "u": rng.normal(size=(3, 12)), "v": 0.1 * rng.normal(size=12)}


def layer(params, x):
    """The fixed point for one input."""

    def residual(z):
        return np.tanh(params["w"] @ z + x @ params["u"]) - z

    def iterate(f, z):
        return fg.lax.fori_loop(0, 60, lambda _, z: z + f(z), z)

    def solve_linear(g, y):
        return np.linalg.solve(fg.jacobian(g)(y), y)

    return fg.lax.custom_root(residual, np.zeros(12), iterate, solve_linear)


def loss(params):
    return np.mean((fg.vmap(layer, in_axes=(None, 0))(params, x) @ params["v"] - target) ** 2)


check_grads(lambda u: np.sum(layer({**params, "u": u}, x[0])), (params["u"],), order=1)
step = fg.jit(fg.value_and_grad(loss))
values = []
for _ in range(400):
    value, gradient = step(params)
    params = fg.tree.map(lambda p, g: p - 0.2 * g, params, gradient)
    values.append(value)
print(f"loss {values[0]:.3f} -> {values[-1]:.3f}")

# %%
plt.semilogy(values)
plt.xlabel("step")
plt.title("Mean squared error")
plt.show()
