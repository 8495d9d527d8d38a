"""Anomaly mode: a backward pass that names the forward line of the operation that failed, and of the first NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import place
from funcgrad.core.tape import Node
from funcgrad.core.warned import warn
from funcgrad.torch._record.tape import name_of

SLOW = (
    "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging."
)


class _State:
    enabled = False
    checks = True


state = _State()


class set_detect_anomaly:
    """Sets the mode at once; as a context manager it gives the previous one back at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = state.enabled, state.checks
        state.enabled, state.checks = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        state.enabled, state.checks = self.before


class detect_anomaly(set_detect_anomaly):
    """Anomaly mode inside of a `with`."""

    def __init__(self, check_nan: bool = True) -> None:
        self.wanted = check_nan
        self.before = state.enabled, state.checks
        warn(SLOW, UserWarning)

    def __enter__(self) -> None:
        self.before = state.enabled, state.checks
        state.enabled, state.checks = True, self.wanted


def is_anomaly_enabled() -> bool:
    return state.enabled


def is_anomaly_check_nan_enabled() -> bool:
    return state.checks


def tell_forward(node: Node) -> None:
    """PyTorch's warning that names the line where an operation was recorded."""
    message = f"Error detected in {name_of(node)}. "
    if node.loc is None:
        message += "No forward pass information available."
    else:
        where = place(node.loc)
        message += (
            "Traceback of forward call that caused the error:\n"
            f'  File "{where.filename}", line {where.lineno}, in {node.loc[0].co_name}\n'
            f"    {where.source}\n"
        )
    warn(message, UserWarning)


def check(node: Node, cts: Sequence[Any]) -> None:
    """RuntimeError where an operation has given a NaN."""
    if not state.checks:
        return
    for i, ct in enumerate(cts):
        array = ct.dense() if hasattr(ct, "dense") else ct
        array = getattr(array, "value", array)
        if isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind in "fc" and np.isnan(array).any():
            raise RuntimeError(f"Function '{name_of(node)}' returned nan values in its {i}th output.")
