"""How long the first call takes: chains of operations, each time other ones, for no library to know them already."""

from __future__ import annotations

import random

from cases.case import Case


def chain(length, seed):
    """A function of `length` operations on an array, all of them tame."""
    choices = random.Random(seed).choices(range(6), k=length)

    def objective(lib, x, y):
        np = lib.numpy
        for choice in choices:
            if choice == 0:
                x = np.sin(x)
            elif choice == 1:
                x = x + y
            elif choice == 2:
                x = np.tanh(x)
            elif choice == 3:
                x = x * y
            elif choice == 4:
                x = 1.0 - x
            else:
                x = np.cos(x)
        return x

    return objective


def gradient_of_sum(lib, f):
    return lib.grad(lambda *args: lib.numpy.sum(f(*args)))


CASES = [
    Case(
        f"first call, {length} operations{what}",
        1,
        chain(length, f"{length}{what}{attempt}"),
        lambda rng: (rng.normal(size=100), rng.uniform(0.5, 1.0, 100)),
        derive,
        timed=False,
    )
    for length in (5, 20, 100, 400, 1000)
    for what, derive in (("", lambda lib, f: f), (" and gradient", gradient_of_sum))
    for attempt in range(3)
]
