"""`fg.ops.segment_sum` and its kin: values, derivatives, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.errors import ConcretizationError
from funcgrad.test_util import check_grads

IDS = np.array([2, 0, 2, 4, 0])
DATA = np.random.default_rng(3).normal(size=(5, 2))
REDUCTIONS = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
FUNCTIONS = {name: getattr(fg.ops, f"segment_{name}") for name in REDUCTIONS}


@pytest.mark.parametrize("name", REDUCTIONS)
class TestSegments:
    def test_values(self, name):
        found = FUNCTIONS[name](DATA, IDS)
        assert found.shape == (5, 2) and type(found) is np.ndarray
        for n in (0, 2, 4):
            np.testing.assert_allclose(found[n], REDUCTIONS[name](DATA[n == IDS], axis=0), rtol=1e-15)
        empty = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}[name]
        np.testing.assert_array_equal(found[[1, 3]], np.full((2, 2), empty))
        whole = FUNCTIONS[name](np.arange(5), IDS)
        assert whole.dtype == np.int64
        assert whole[[0, 2, 4]].tolist() == [REDUCTIONS[name](part) for part in ([1, 4], [0, 2], [3])]
        assert FUNCTIONS[name](DATA.astype(np.float32), IDS).dtype == np.float32
        assert FUNCTIONS[name](DATA[:0], IDS[:0]).shape == (0, 2)

    def test_derivatives(self, name):
        check_grads(lambda d: FUNCTIONS[name](d, IDS)[np.array([0, 2, 4])], (DATA,), 2)

    def test_transformations(self, name):
        f = lambda d, ids: FUNCTIONS[name](d, ids, 5)
        shifted = np.stack([IDS, IDS[::-1]])
        np.testing.assert_array_equal(fg.jit(f)(DATA, IDS), f(DATA, IDS))
        np.testing.assert_array_equal(fg.vmap(f, (None, 0))(DATA, shifted), [f(DATA, ids) for ids in shifted])
        loss = lambda d, ids: np.sum(np.tanh(f(d, ids)))
        expected = [fg.grad(loss)(DATA, ids) for ids in shifted]
        np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(loss), (None, 0)))(DATA, shifted), expected, rtol=1e-12)

    def test_out_of_bounds(self, name):
        ids = np.array([0, -1, 1, 9, 0], np.int8)
        kept = np.array([True, False, True, False, True])
        np.testing.assert_array_equal(FUNCTIONS[name](DATA, ids, 2), FUNCTIONS[name](DATA[kept], ids[kept], 2))
        moved = FUNCTIONS[name](DATA, ids, 2, mode="clip")
        np.testing.assert_array_equal(moved, FUNCTIONS[name](DATA, np.array([0, 0, 1, 1, 0]), 2))
        np.testing.assert_array_equal(FUNCTIONS[name](DATA, ids, 300)[0], FUNCTIONS[name](DATA, ids, 2)[0])

    def test_refusals(self, name):
        call = FUNCTIONS[name]
        with pytest.raises(ValueError, match=rf"^segment_{name}: .*shapes are \(4,\) and \(5, 2\) at .*test_segments"):
            call(DATA, IDS[:4])
        with pytest.raises(TypeError, match=rf"^segment_{name}: segment_ids must be integers, not float64"):
            call(DATA, IDS * 1.0)
        with pytest.raises(ValueError, match=rf"^segment_{name}: num_segments must not be negative"):
            call(DATA, IDS, -1)
        with pytest.raises(ConcretizationError, match=r"^Give num_segments"):
            fg.jit(call)(DATA, IDS)
        with pytest.raises(ConcretizationError, match=r"^Make num_segments a static argument"):
            fg.jit(call)(DATA, IDS, 5)


def test_equal_elements_share_the_derivative():
    f = lambda d: fg.ops.segment_max(d, np.zeros(3, int))[0]
    np.testing.assert_array_equal(fg.grad(f)(np.array([2.0, 2.0, 1.0])), [0.5, 0.5, 0.0])


def test_truth_values():
    both = np.array([True, False, True])
    np.testing.assert_array_equal(fg.ops.segment_sum(both, np.array([0, 0, 0])), [2])
    np.testing.assert_array_equal(fg.ops.segment_max(both, np.array([0, 0, 2])), [True, False, True])
    np.testing.assert_array_equal(fg.ops.segment_min(both, np.array([0, 0, 2])), [False, True, True])


def test_names_that_jax_had_say_what_to_write():
    with pytest.raises(AttributeError, match=r"use x\.at\[index\]\.set\(value\)"):
        fg.ops.index_update
    assert dir(fg.ops) == sorted(f"segment_{name}" for name in REDUCTIONS)
