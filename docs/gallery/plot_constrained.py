"""
Optimisation under constraints
==============================

A portfolio of least variance for a wanted return, its weights not negative and adding up to one. SciPy's SLSQP gets the
derivatives of the objective and of the constraints; the multiplier is a derivative too, and checks the result.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import optimize

rng = np.random.default_rng(4)
returns = rng.normal(0.08, 0.03, 8)
factors = 0.1 * rng.normal(size=(8, 3))
covariance = factors @ factors.T + np.diag(0.02 + 0.03 * rng.random(8))


def variance(w):
    return w @ covariance @ w


def portfolio(wanted):
    rules = [
        {"type": "eq", "fun": lambda w: np.sum(w) - 1.0},
        {"type": "eq", "fun": lambda w: returns @ w - wanted},
    ]
    return optimize.minimize(
        variance, np.full(8, 1 / 8), method="SLSQP", bounds=[(0.0, 1.0)] * 8, constraints=rules, options={"ftol": 1e-12}
    )


found = portfolio(0.09)
print(found.x.round(3), "deviation", np.sqrt(found.fun).round(4), "in", found.nit, "iterations")
free = found.x > 1e-6
slope = fg.grad(variance)(found.x)
multipliers, *_ = np.linalg.lstsq(np.stack([np.ones(8), returns], axis=1)[free], slope[free])
print("the slope is a mix of the constraints' up to", np.abs(slope - multipliers @ [np.ones(8), returns])[free].max())

# %%
wanted = np.linspace(returns.min() + 0.01, returns.max() - 0.005, 25)
plt.plot([np.sqrt(portfolio(r).fun) for r in wanted], wanted)
plt.plot(np.sqrt(np.diag(covariance)), returns, "o")
plt.xlabel("deviation")
plt.ylabel("return")
plt.title("The efficient frontier")
plt.show()
