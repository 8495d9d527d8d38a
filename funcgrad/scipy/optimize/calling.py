"""A solver that runs on numbers: at once where they are known, from the program where they are not."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import OptimizeWarning

from funcgrad.core.avals import Aval
from funcgrad.core.trace import known
from funcgrad.core.warned import warn
from funcgrad.lax import stop_gradient
from funcgrad.transforms.callbacks import pure_callback
from funcgrad.transforms.closure import Captured

OUTCOME = {
    "success": Aval((), np.dtype(bool)),
    **{name: Aval((), np.dtype(np.int64)) for name in ("status", "nfev")},
}
"""What a compiled program learns of a search, beside the solution."""


class Found(NamedTuple):
    """What a solver has found: arrays by name, whether traced values were met, and its own result.

    `trouble` is what the solver says where it has not converged.
    """

    arrays: dict[str, Any]
    moving: bool
    result: Any
    trouble: str | None = None


def run_on_numbers(run: partial[Found], avals: dict[str, Aval], what: str) -> Found:
    """What `run` finds, which is a partial of a solver: all that it holds, traced or not, is given to it as numbers.

    `avals` are of the arrays. `moving` says whether anything traced was there, so that the solution has a derivative.
    """
    captured = Captured((run,))
    values = [known(x) for x in captured.values]
    if all(x is not None for x in values):
        (plain,) = captured.rebuilt(values) if values else (run,)
        found = plain()
        found = found._replace(moving=found.moving or bool(values))
        if found.moving:
            _warn_of(found, what)
        return found

    def host(*numbers: Any) -> dict[str, Any]:
        found = captured.rebuilt(numbers)[0]()
        _warn_of(found, what)
        return {name: np.asarray(found.arrays[name], a.dtype).reshape(a.shape) for name, a in avals.items()}

    arrays = pure_callback(host, avals, *stop_gradient(captured.values), vmap_method="sequential")
    return Found(arrays, True, None)


def outcome(result: Any, names: Iterable[str]) -> dict[str, Any]:
    """The parts of SciPy's result that a compiled program gets; 0 stands for what a method does not tell."""
    return {name: result.get(name, 0) for name in names}


def _warn_of(found: Found, what: str) -> None:
    # line searches that end at the limits of precision have done what they can
    if found.trouble is not None and "precision loss" not in found.trouble:
        warn(
            f"{what} has not converged ({found.trouble}): its result has the derivative of a solution at the point "
            "where it stopped, which may be none",
            OptimizeWarning,
        )
