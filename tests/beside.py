"""Functions beside SciPy's of the same name: one test of values, dtypes, shapes and errors."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import funcgrad as fg

TOLERANCE = {"f": 1e-5, "d": 1e-10, "F": 1e-5, "D": 1e-10}


def close(y: Any, expected: Any) -> None:
    """One array, or a tuple of them."""
    pairs = zip(y, expected, strict=True) if isinstance(expected, tuple) else [(y, expected)]
    for found, wanted in pairs:
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        tolerance = TOLERANCE.get(wanted.dtype.char, 0)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def same_as(scipys: ModuleType, module: ModuleType) -> Callable[..., None]:
    """A test of the value for traced arguments and for plain ones, or of the type of the error."""

    def same(name: str, *args: Any, **options: Any) -> None:
        ours = lambda *xs: getattr(module, name)(*xs, **options)
        try:
            expected = getattr(scipys, name)(*args, **options)
        except Exception as error:
            with pytest.raises(type(error)):
                fg.vjp(ours, *args)
        else:
            close(fg.vjp(ours, *args)[0], expected)
            close(ours(*args), expected)

    return same
