"""
Fit the rates of an ODE
=======================

Predators and prey: the rates of Lotka and Volterra's equations from noisy counts, by gradients through the solver.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import integrate, optimize

rng = np.random.default_rng(0)
times = np.linspace(0.0, 12.0, 40)
start = np.array([10.0, 5.0])


def rates_of_change(y, t, a, b, c, d):
    prey, predators = y
    return np.stack([a * prey - b * prey * predators, -c * predators + d * prey * predators])


truth = np.array([1.1, 0.4, 0.4, 0.1])
counts = integrate.odeint(rates_of_change, start, times, args=tuple(truth)) * np.exp(0.1 * rng.normal(size=(40, 2)))


@fg.jit
def solution(p):
    """Runge and Kutta's method of order four, with ten steps between observations, as one compiled loop."""
    size = (times[1] - times[0]) / 10

    def step(y, _):
        k1 = rates_of_change(y, 0.0, *p)
        k2 = rates_of_change(y + size / 2 * k1, 0.0, *p)
        k3 = rates_of_change(y + size / 2 * k2, 0.0, *p)
        k4 = rates_of_change(y + size * k3, 0.0, *p)
        return y + size / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    def between(y, _):
        return fg.lax.scan(step, y, None, length=10)[0], y

    return fg.lax.scan(between, start, None, length=len(times))[1]


def loss(log_p):
    return np.sum((np.log(solution(np.exp(log_p))) - np.log(counts)) ** 2)


fit = optimize.minimize(loss, np.log(np.array([1.0, 0.3, 0.5, 0.15])), method="BFGS")
print("fitted", np.exp(fit.x).round(3), "true", truth, "in", fit.nfev, "evaluations")

# %%
# ``integrate.odeint`` chooses its steps itself, and has derivatives as well; they agree.

last = lambda p: np.sum(integrate.odeint(rates_of_change, start, times[:5], args=(p[0], p[1], p[2], p[3]))[-1])
print(fg.grad(last)(truth).round(4), fg.grad(lambda p: np.sum(solution(p)[4]))(truth).round(4))

plt.plot(times, counts, "o", markersize=3)
plt.gca().set_prop_cycle(None)
plt.plot(times, solution(np.exp(fit.x)))
plt.title("Prey and predators")
plt.show()
