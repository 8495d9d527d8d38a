"""
A Kalman filter that learns its noise
=====================================

The likelihood of a random walk seen through noise, by a ``scan`` over time, compiled with its gradient.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

rng = np.random.default_rng(3)
level = np.cumsum(0.3 * rng.normal(size=400))
seen = level + 0.8 * rng.normal(size=level.size)


def filtered(log_noise, seen):
    """Means of the level after each observation, and the log-likelihood."""
    walk, noise = np.exp(2.0 * log_noise[0]), np.exp(2.0 * log_noise[1])

    def step(state, y):
        mean, variance, total = state
        variance = variance + walk
        spread = variance + noise
        gain = variance / spread
        total = total - 0.5 * (np.log(2.0 * np.pi * spread) + (y - mean) ** 2 / spread)
        mean = mean + gain * (y - mean)
        return (mean, (1.0 - gain) * variance, total), mean

    (_, _, total), means = fg.lax.scan(step, (0.0, 10.0, 0.0), seen)
    return means, total


objective = fg.jit(fg.value_and_grad(lambda p: -filtered(p, seen)[1]))
p = np.zeros(2)
objective(p)
begin = time.perf_counter()
for _ in range(300):
    _, slope = objective(p)
    p = p - 0.002 * slope
print("noise of the walk and of the observations:", np.exp(p).round(2))
print(f"{(time.perf_counter() - begin) / 300 * 1e6:.0f} us for a gradient over {seen.size} steps")

# %%
means, _ = filtered(p, seen)
plt.plot(seen, ".", color="lightgray")
plt.plot(level, color="black", label="level")
plt.plot(means, label="filtered")
plt.legend()
plt.show()
