"""docs/coverage.md says what there is, and second derivatives are right where it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.ops.operands import any_traced
from funcgrad.transforms.api import grad, jvp
from tests.coverage import LEFT_OUT, page, second_order_calls
from tests.groups import together
from tests.test_numpy import flat, function_of


def test_page_is_up_to_date() -> None:
    assert (Path(__file__).parent.parent / "docs" / "coverage.md").read_text() == page()


def test_what_is_left_out_is_not_there() -> None:
    assert not [name for name in LEFT_OUT if name in np.__all__ and hasattr(fnp, name) and name != "polynomial"]


@together("call", second_order_calls(), lambda call: call.split("(")[0].rpartition(".")[0] or "numpy")
def test_second_derivatives(call: str) -> None:
    """The gradient of a function of the results along a direction, against differences."""
    fun, arrays, floats = function_of(call)
    moving = tuple(np.asarray(x) for x, f in zip(arrays, floats) if f)

    def total(*xs: Any) -> Any:
        given = iter(xs)
        y = 0.0
        for out in flat(fun(fnp, *(next(given) if f else x for x, f in zip(arrays, floats)))):
            if any_traced([out]) and out.dtype.kind in "fc":
                out = out if out.dtype.kind == "f" else out.real + 0.3 * out.imag
                y = y + fnp.sum(fnp.sin(out) * np.cos(np.arange(out.size)).reshape(out.shape))
        return y

    gradient = grad(total, tuple(range(len(moving))))
    along = tuple(np.sin(2.0 + np.arange(x.size)).reshape(x.shape) for x in moving)
    _, found = jvp(gradient, moving, along)
    eps = 1e-5
    ahead, behind = (gradient(*(x + e * t for x, t in zip(moving, along))) for e in (eps, -eps))
    for h, a, b in zip(found, ahead, behind, strict=True):
        expected = (a - b) / (2 * eps)
        np.testing.assert_allclose(h, expected, rtol=1e-5, atol=1e-6 * (1 + np.max(np.abs(expected), initial=0.0)))
