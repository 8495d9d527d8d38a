"""
Greeks of options
=================

The price of a call by Black and Scholes, its first and second derivatives by ``grad``, for a whole book by ``vmap``.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import special


def price(spot, strike, years, rate, volatility):
    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2.0) * years) / spread
    return spot * special.ndtr(d1) - strike * np.exp(-rate * years) * special.ndtr(d1 - spread)


market = (100.0, 105.0, 0.5, 0.02, 0.25)
delta, vega, theta = fg.grad(price, argnums=(0, 4, 2))(*market)
gamma = fg.grad(fg.grad(price))(*market)
vanna = fg.grad(fg.grad(price), argnums=4)(*market)
print(f"price {price(*market):.3f}  delta {delta:.4f}  gamma {gamma:.5f}  vega {vega:.3f}  vanna {vanna:.4f}")

# %%
# All of it for ten thousand options, as one compiled program.

rng = np.random.default_rng(0)
book = (rng.uniform(80, 120, 10_000), rng.uniform(80, 120, 10_000), rng.uniform(0.1, 2.0, 10_000))
greeks = fg.jit(fg.vmap(fg.grad(price, argnums=(0, 2, 4)), in_axes=(0, 0, 0, None, None)))
deltas, thetas, vegas = greeks(*book, 0.02, 0.25)
print("delta of the book", deltas.sum().round(2), "vega", vegas.sum().round(2))

spots = np.linspace(60.0, 150.0, 200)
for years in (0.05, 0.25, 1.0):
    along = fg.vmap(fg.grad(fg.grad(price)), in_axes=(0, None, None, None, None))
    plt.plot(spots, along(spots, 105.0, years, 0.02, 0.25), label=f"{years} years")
plt.title("Gamma")
plt.xlabel("spot")
plt.legend()
plt.show()
