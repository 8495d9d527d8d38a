"""What a case is: an objective, its data and the derivative that is compiled, written once for every library.

`lib` is a library with JAX's names: `funcgrad` and `jax` as they are, PyTorch behind the few of them that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def gradient(lib: Any, f: Callable) -> Callable:
    return lib.grad(f)


def itself(lib: Any, f: Callable) -> Callable:
    return f


@dataclass(frozen=True)
class Case:
    name: str
    target: float  # the best peer's time over ours
    objective: Callable  # objective(lib, *args)
    data: Callable[[np.random.Generator], tuple]  # the args
    derive: Callable = gradient  # derive(lib, f) is what is compiled, of f(*args)
    torch: Callable | None = None  # the objective in PyTorch's words, where it may be the fastest peer
    timed: bool = True  # False: only the first call counts, the best of all cases of the same name
    plain: Callable = itself  # plain(lib, f) is what the derivative is compared with, on the same args
    passes: int = 1  # how many gradients the derivative is: a Jacobian's rows or columns, 2 for a second derivative

    def program(self, lib: Any, torch: bool = False) -> Callable:
        objective = self.torch if torch else self.objective
        return self.derive(lib, lambda *args: objective(lib, *args))

    def function(self, lib: Any) -> Callable:
        """The function without its derivative."""
        return self.plain(lib, lambda *args: self.objective(lib, *args))
