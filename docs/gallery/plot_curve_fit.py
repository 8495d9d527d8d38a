"""
Fit a curve, with error bars
============================

A decay with an offset, fitted by least squares. The Jacobian that the fit and its error bars need is exact.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import optimize

rng = np.random.default_rng(1)
t = np.linspace(0.0, 5.0, 60)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


measured = decay(t, 2.0, 1.3, 0.5) + 0.08 * rng.normal(size=t.size)
best, covariance = optimize.curve_fit(decay, t, measured, p0=(1.0, 1.0, 0.0))
print("fitted", best.round(3), "+/-", np.sqrt(np.diag(covariance)).round(3))

# %%
# The uncertainty of the curve itself follows from the derivative of the curve in its parameters.

sensitivity = fg.jacobian(lambda p: decay(t, *p))(best)
band = np.sqrt(np.einsum("ij,jk,ik->i", sensitivity, covariance, sensitivity))
curve = decay(t, *best)
plt.plot(t, measured, ".", color="gray")
plt.plot(t, curve)
plt.fill_between(t, curve - 2 * band, curve + 2 * band, alpha=0.3)
plt.title("Two standard deviations of the fitted curve")
plt.show()
