"""
Minimise a function of many variables
=====================================

``funcgrad.scipy.optimize.minimize`` takes SciPy's arguments. The gradient is funcgrad's, compiled; SciPy alone takes
differences, an evaluation for each variable.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize

import funcgrad as fg
from funcgrad.scipy import optimize


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


start = np.zeros(30)
found = optimize.minimize(rosenbrock, start, method="BFGS")
by_differences = scipy.optimize.minimize(rosenbrock, start, method="BFGS")
print("funcgrad:", found.nfev, "evaluations, largest error", np.abs(found.x - 1.0).max())
print("differences:", by_differences.nfev, "evaluations, largest error", np.abs(by_differences.x - 1.0).max())

# %%
# The valley in two dimensions, the way of Newton's method through it, and the gradient along the way.

path = [np.array([-1.2, 1.0])]
gradient, hessian = fg.jit(fg.grad(rosenbrock)), fg.jit(fg.hessian(rosenbrock))
for _ in range(12):
    path.append(path[-1] - 0.7 * np.linalg.solve(hessian(path[-1]), gradient(path[-1])))
path = np.array(path)

x, y = np.meshgrid(np.linspace(-1.6, 1.6, 200), np.linspace(-0.5, 1.6, 200))
heights = fg.vmap(rosenbrock)(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
plt.contour(x, y, np.log(heights + 1e-3), levels=20, linewidths=0.7)
plt.plot(path[:, 0], path[:, 1], "o-", color="black")
plt.title("Newton's method on Rosenbrock's function")
plt.show()
