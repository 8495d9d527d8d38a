"""Loops as one operation, and loops that Python unrolls."""

from __future__ import annotations

from cases.case import Case


def recurrent(lib, params, x, y):
    np = lib.numpy
    enter, again, bias, leave = params

    def step(hidden, x):
        hidden = np.tanh(x @ enter + hidden @ again + bias)
        return hidden, hidden

    _, states = lib.lax.scan(step, np.zeros(again.shape[0]), x)
    return np.mean((states @ leave - y) ** 2)


def recurrent_data(rng, steps=1000, inputs=16, hidden=32, outputs=8):
    shapes = (inputs, hidden), (hidden, hidden), (hidden,), (hidden, outputs)
    params = tuple(rng.normal(size=shape) / shape[0] ** 0.5 for shape in shapes)
    return params, rng.normal(size=(steps, inputs)), rng.normal(size=(steps, outputs))


def lorenz_step(lib, params, state, dt=0.001):
    """A step of the classical Runge-Kutta method."""

    def slope(state):
        sigma, rho, beta = params
        x, y, z = state
        return lib.numpy.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    first = slope(state)
    second = slope(state + dt / 2 * first)
    third = slope(state + dt / 2 * second)
    last = slope(state + dt * third)
    return state + dt / 6 * (first + 2.0 * second + 2.0 * third + last)


def lorenz_by_scan(lib, params, state):
    state, _ = lib.lax.scan(lambda state, _: (lorenz_step(lib, params, state), None), state, None, 2000)
    return lib.numpy.sum(state**2)


def lorenz_by_fori_loop(lib, params, state):
    state = lib.lax.fori_loop(0, 2000, lambda _, state: lorenz_step(lib, params, state), state)
    return lib.numpy.sum(state**2)


def lorenz_data(rng):
    return [10.0, 28.0, 8.0 / 3.0] + 0.01 * rng.normal(size=3), rng.normal(size=3)


def unrolled(lib, x):
    for _ in range(200):
        x = x - 0.01 * lib.numpy.sin(x)
    return lib.numpy.sum(x * x)


def unrolled_products(lib, params):
    x, weight, bias = params
    for _ in range(200):
        x = lib.numpy.tanh(weight @ x + bias)
    return lib.numpy.sum(x * x)


CASES = [
    Case("RNN by scan, 1000 steps, hidden 32", 1.5, recurrent, recurrent_data),
    Case("Lorenz by RK4, 2000 steps, reverse through scan", 2, lorenz_by_scan, lorenz_data),
    Case(
        "Lorenz by RK4, 2000 steps, forward through fori_loop",
        1.5,
        lorenz_by_fori_loop,
        lorenz_data,
        lambda lib, f: lib.jacfwd(f),
        passes=3,
    ),
    Case("200 unrolled steps, n = 100", 5, unrolled, lambda rng: (rng.normal(size=100),)),
    Case(
        "200 unrolled steps with a 16 x 16 product",
        3,
        unrolled_products,
        lambda rng: ((rng.normal(size=16), rng.normal(size=(16, 16)) / 4, 0.1 * rng.normal(size=16)),),
    ),
]
