"""Derivatives at kinks and singular points are those of the list, and docs/kinks.md says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad.transforms.api import grad, jvp
from tests.kinks import KINKS, Kink, page


def arguments(kink: Kink) -> tuple[np.ndarray, ...]:
    return tuple(np.array(x) for x in kink.at)


@pytest.mark.parametrize("kink", KINKS, ids=str)
def test_reverse_mode(kink):
    args = arguments(kink)
    with np.errstate(all="ignore"):
        found = grad(kink.function(fnp), tuple(range(len(args))))(*args)
    for derivative, wanted in zip(found, kink.gradient, strict=True):
        np.testing.assert_allclose(derivative, wanted, rtol=1e-12)


@pytest.mark.parametrize("kink", KINKS, ids=str)
def test_forward_mode(kink):
    args = arguments(kink)
    for i, wanted in enumerate(kink.gradient if kink.forward is None else kink.forward):
        for index in np.ndindex(args[i].shape):
            direction = np.zeros(args[i].shape)
            direction[index] = 1.0

            def along(x, i=i):
                return kink.function(fnp)(*args[:i], x, *args[i + 1 :])

            with np.errstate(all="ignore"):
                _, derivative = jvp(along, (args[i],), (direction,))
            np.testing.assert_allclose(derivative, np.asarray(wanted)[index], rtol=1e-12)


def test_page_is_up_to_date():
    assert (Path(__file__).parent.parent / "docs" / "kinks.md").read_text() == page()
