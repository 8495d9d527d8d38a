"""NumPy's indexing forms, `.at` updates and the primitives beneath them, against NumPy and against loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.compile.jit import jit
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.errors import ConcretizationError, EscapedTracerError
from funcgrad.numpy.places import At
from funcgrad.ops.broadcasting import reduce_sum, reshape
from funcgrad.ops.elementwise import ge, mul, sin
from funcgrad.ops.index import gather, scatter_add, scatter_set
from funcgrad.ops.sort import argsort, sort
from funcgrad.ops.structure import concatenate, pad, transpose
from funcgrad.ops.subscript import getitem, update
from funcgrad.transforms.api import grad, jvp, vjp
from funcgrad.transforms.vmap import vmap
from tests.groups import together

MODES = {"set": None, "add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}
RNG = np.random.default_rng(5)
I2 = np.array([[1, 0], [-1, 1]])

FORMS = [
    ((5,), 2),
    ((5,), -1),
    ((5,), np.int32(3)),
    ((5,), np.array(1)),
    ((5,), slice(1, 4)),
    ((5,), slice(None, None, -1)),
    ((5,), slice(-2, None, -2)),
    ((5,), slice(4, 1)),
    ((5,), ...),
    ((5,), None),
    ((5,), ()),
    ((5,), [0, 3, 3, -1]),
    ((5,), I2),
    ((5,), []),
    ((5,), np.array([True, False, True, False, True])),
    ((5,), np.zeros(5, bool)),
    ((5,), True),
    ((5,), False),
    ((), ()),
    ((), None),
    ((), True),
    ((), ...),
    ((0, 3), slice(None)),
    ((0, 3), (slice(None), [0, 0])),
    ((3, 4), (1, 2)),
    ((3, 4), (slice(None), -1)),
    ((3, 4), (..., 0)),
    ((3, 4), (None, slice(None, None, 2), None, 1)),
    ((3, 4), [2, 0]),
    ((3, 4), ([2, 0, 2], [1, 1, 1])),
    ((3, 4), (np.array([[0], [2]]), np.array([1, 3]))),
    ((3, 4), (slice(None), [0, 0, 3])),
    ((3, 4), (slice(None, None, -1), I2)),
    ((3, 4), np.arange(12).reshape(3, 4) % 3 == 0),
    ((3, 4), (np.array([True, False, True]), [1, 2])),
    ((3, 4), (1, [2, 2, 0])),
    ((3, 4), (True, slice(None), [1, 1])),
    ((2, 3, 4), (0, slice(None), [1, 1, 2])),
    ((2, 3, 4), ([0, 1], slice(None), [1, 1])),
    ((2, 3, 4), (slice(None), [0, 2], [3, 3])),
    ((2, 3, 4), (slice(None), I2, slice(1, None, 2))),
    ((2, 3, 4), (..., I2)),
    ((2, 3, 4), (slice(None), None, [0, 0], 1)),
    ((2, 3, 4), (None, [0, 1], ..., 0)),
    ((2, 3, 4), (slice(None), np.arange(12).reshape(3, 4) % 2 == 0)),
    ((2, 3, 4), (np.arange(6).reshape(2, 3) % 2 == 0, slice(None, None, -1))),
]


def ids(form):
    return repr(form).replace("\n", "")


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def total(x):
    return reduce_sum(x, axes=tuple(range(np.ndim(x))))


def numpy_update(x, idx, v, mode):
    y = np.array(x)
    if mode == "set":
        y[idx] = v
    else:
        MODES[mode].at(y, idx, v)
    return y


def close(actual, expected, **tolerance):
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, **tolerance)


def difference(f, x, t, eps=1e-6):
    return (f(x + eps * t) - f(x - eps * t)) / (2 * eps)


every_form = together("form", [(form,) for form in FORMS], ids)
every_update = together("form, mode", itertools.product(FORMS, MODES), lambda form, _: ids(form))


class TestForms:
    @every_form
    def test_value_and_gradient(self, form):
        shape, idx = form
        x = drawn(shape)
        value, pull = vjp(lambda x: getitem(x, idx), x)
        assert np.array_equal(value, x[idx])
        assert np.shape(value) == np.shape(x[idx])
        ct = drawn(np.shape(value), 1)
        expected = np.zeros(shape)
        np.add.at(expected, idx, ct)
        close(pull(ct)[0], expected, atol=1e-15)

    @every_form
    def test_tangent(self, form):
        shape, idx = form
        x, t = drawn(shape), drawn(shape, 1)
        value, tangent = jvp(lambda x: getitem(x, idx), (x,), (t,))
        assert np.array_equal(value, x[idx])
        assert np.array_equal(tangent, t[idx])

    @every_form
    def test_second_order(self, form):
        shape, idx = form
        x = drawn(shape)

        def f(x):
            return total(sin(getitem(x, idx)) * 2.0)

        got = grad(lambda x: total(grad(f)(x) * x))(x)
        counts = np.zeros(shape)
        np.add.at(counts, idx, 1.0)
        close(got, counts * 2.0 * (np.cos(x) - x * np.sin(x)), atol=1e-14)

    @every_form
    def test_vmap(self, form):
        shape, idx = form
        xs = drawn((3, *shape))
        close(vmap(lambda x: getitem(x, idx))(xs), np.stack([x[idx] for x in xs]))
        each = vmap(grad(lambda x: total(sin(getitem(x, idx)))))(xs)
        close(each, np.stack([grad(lambda x: total(sin(getitem(x, idx))))(x) for x in xs]), atol=1e-15)

    @every_form
    def test_program(self, form):
        shape, idx = form
        x = drawn(shape)
        graph = trace_graph(lambda x: (getitem(x, idx),), [aval_of(x)]).check()
        close(graph(x)[0], x[idx])

    @every_update
    def test_update(self, form, mode):
        shape, idx = form
        x, v = drawn(shape), drawn(np.shape(np.zeros(shape)[idx]), 1)
        before = x.copy()
        close(update(x, idx, v, mode), numpy_update(x, idx, v, mode))
        assert np.array_equal(x, before)
        for fun, point in ((lambda x: update(x, idx, v, mode), x), (lambda v: update(x, idx, v, mode), v)):
            t, ct = drawn(point.shape, 2), drawn(shape, 3)
            value, tangent = jvp(fun, (point,), (t,))
            close(value, numpy_update(x, idx, v, mode))
            close(tangent, difference(fun, point, t), rtol=1e-6, atol=1e-8)
            (cotangent,) = vjp(fun, point)[1](ct)
            close(cotangent.shape, t.shape)
            close((cotangent * t).sum(), (ct * tangent).sum(), rtol=1e-10, atol=1e-12)

    @every_update
    def test_update_under_vmap(self, form, mode):
        shape, idx = form
        xs = drawn((3, *shape))
        v = drawn(np.shape(np.zeros(shape)[idx]), 1)
        vs = np.stack([v, -v, 2 * v])
        close(
            vmap(lambda x: update(x, idx, v, mode))(xs), np.stack([numpy_update(x, idx, v, mode) for x in xs])
        )
        close(
            vmap(lambda v: update(xs[0], idx, v, mode))(vs),
            np.stack([numpy_update(xs[0], idx, v, mode) for v in vs]),
        )
        close(
            vmap(lambda x, v: update(x, idx, v, mode))(xs, vs),
            np.stack([numpy_update(x, idx, v, mode) for x, v in zip(xs, vs)]),
        )


@st.composite
def indices(draw):
    """An array shape and an index for it that mixes all forms."""
    shape = draw(st.lists(st.integers(0, 3), max_size=4).map(tuple))
    bounds = st.none() | st.integers(-4, 4)
    slices = st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2, -1, -2]))
    entries: list = []
    axis = 0
    while axis < len(shape) and draw(st.integers(0, 9)):
        n = shape[axis]
        kind = draw(st.sampled_from(["slice", "int", "array", "mask", "none", "bool", "dots"]))
        if kind == "none":
            entries.append(None)
        elif kind == "bool":
            entries.append(draw(st.booleans()))
        elif kind == "dots":
            if not any(e is Ellipsis for e in entries):
                entries.append(Ellipsis)
        elif kind == "slice" or n == 0:
            entries.append(draw(slices))
            axis += 1
        elif kind == "int":
            entries.append(draw(st.integers(-n, n - 1)))
            axis += 1
        elif kind == "mask":
            rank = draw(st.integers(1, min(2, len(shape) - axis)))
            bits = draw(st.integers(0, 2**9 - 1))
            part = shape[axis : axis + rank]
            entries.append((bits >> np.arange(int(np.prod(part))) & 1).astype(bool).reshape(part))
            axis += rank
        else:
            lengths = draw(st.sampled_from([(), (2,), (1, 2), (2, 1)]))
            flat = draw(st.lists(st.integers(-n, n - 1), min_size=4, max_size=4))
            entries.append(np.resize(flat, lengths))
            axis += 1
    return shape, tuple(entries)


def check_index(form):
    shape, idx = form
    x = drawn(shape)
    try:
        expected = x[idx]
    except IndexError:
        with pytest.raises(IndexError):
            vjp(lambda x: getitem(x, idx), x)
        return
    value, pull = vjp(lambda x: getitem(x, idx), x)
    close(value, expected)
    reference = np.zeros(shape)
    np.add.at(reference, idx, np.cos(expected))
    close(pull(np.cos(expected))[0], reference, atol=1e-15)
    for mode in MODES:
        v = drawn(np.shape(expected), 1)
        close(update(x, idx, v, mode), numpy_update(x, idx, v, mode))


@settings(max_examples=150, deadline=None)
@given(indices())
def test_any_index_is_numpys(form):
    check_index(form)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(indices())
def test_any_of_more_indices_is_numpys(form):
    check_index(form)


class TestTracedIndices:
    def test_vmap_over_each_combination(self):
        xs, x = drawn((3, 5, 2)), drawn((5, 2))
        many, one = np.array([[0, 4], [-1, 2], [3, 3]]), np.array([1, 1])
        single = np.array([4, 0, -2])
        close(vmap(lambda x, i: getitem(x, i))(xs, many), np.stack([a[i] for a, i in zip(xs, many)]))
        close(vmap(lambda i: getitem(x, i))(many), np.stack([x[i] for i in many]))
        close(vmap(lambda i: getitem(x, i))(single), x[single])
        close(
            vmap(lambda x, i: getitem(x, (i, one)))(xs, many), np.stack([a[i, one] for a, i in zip(xs, many)])
        )
        close(vmap(lambda x, i: getitem(x, (slice(None), i)))(xs, single % 2), xs[range(3), :, single % 2])
        pairs = np.array([[0], [1]])
        close(vmap(lambda i: getitem(x, (i, pairs)))(many), np.stack([x[i, pairs] for i in many]))
        close(
            vmap(vmap(lambda x, i: getitem(x, i), (None, 0)), (0, 0))(xs, many),
            np.stack([a[i] for a, i in zip(xs, many)]),
        )

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("axes", [(0, None, 0), (None, None, 0), (None, 0, 0), (0, 0, 0), (0, 0, None)])
    def test_vmap_of_updates_and_their_gradients(self, mode, axes):
        args = drawn((3, 4)), drawn((3, 3), 1), np.array([[0, 1, 1], [-1, 3, 3], [2, 0, 2]])
        args = tuple(a if axis == 0 else a[0] for a, axis in zip(args, axes))

        def f(x, v, i):
            return update(x, i, v, mode)

        def g(x, v, i):
            return grad(lambda x, v: total(sin(f(x, v, i)) * np.arange(1.0, 5.0)), (0, 1))(x, v)

        each = [tuple(a[b] if axis == 0 else a for a, axis in zip(args, axes)) for b in range(3)]
        close(vmap(f, axes)(*args), np.stack([f(*e) for e in each]))
        for got, expected in zip(vmap(g, axes)(*args), zip(*(g(*e) for e in each))):
            close(got, np.stack(expected), atol=1e-14)

    def test_in_a_program(self):
        x, i = drawn((4, 3)), np.array(2)
        fun = lambda x, i: (getitem(x, i), getitem(x, (slice(1, 3), i)), update(x, (i, [0, 1]), 1.0, "set"))
        graph = trace_graph(fun, [aval_of(x), aval_of(i)]).check()
        row, column, changed = graph(x, i)
        close(row, x[2])
        close(column, x[1:3, 2])
        close(changed, numpy_update(x, (2, [0, 1]), 1.0, "set"))
        with pytest.raises(IndexError):
            graph(x, np.array(4))

    def test_gradient_in_a_program(self):
        x, i = drawn(5), np.array([1, 1, -1])
        fun = lambda x, i: (grad(lambda x: total(sin(getitem(x, i)) * getitem(x, 0)))(x),)
        graph = trace_graph(fun, [aval_of(x), aval_of(i)]).check()
        close(graph(x, i)[0], fun(x, i)[0])

    def test_unknown_mask(self):
        x = drawn((3, 4))
        with pytest.raises(ConcretizationError, match="where"):
            vmap(lambda x: getitem(x, ge(x, 0)))(x)
        with pytest.raises(ConcretizationError, match="where"):
            vmap(lambda x: update(x, ge(x, 0), np.ones(4), "set"))(x)

    @pytest.mark.parametrize("mode", MODES)
    def test_unknown_mask_with_one_value(self, mode):
        x = drawn((3, 4))
        f = lambda x: update(x, ge(x, 0), 0.5, mode)
        close(vmap(f)(x), np.stack([numpy_update(r, r >= 0, 0.5, mode) for r in x]))
        close(
            vmap(grad(lambda x: total(f(x) * x)))(x),
            np.stack([grad(lambda x: total(f(x) * x))(r) for r in x]),
        )

    def test_known_mask_under_grad(self):
        x = drawn(6)
        close(grad(lambda x: total(getitem(x, ge(x, 0.0)) * 3.0))(x), np.where(x >= 0, 3.0, 0.0))

    def test_unknown_slice_bound(self):
        with pytest.raises(ConcretizationError, match=r"start \+ np\.arange"):
            vmap(lambda x, i: getitem(x, slice(i, None)))(np.ones((3, 3)), np.arange(3))


class TestErrors:
    @pytest.mark.parametrize(
        "idx",
        [
            3,
            -4,
            (0, 0),
            [3],
            [-4],
            [0.0],
            1.0,
            "a",
            np.array([True, False]),
            (..., ...),
            ([0, 1], [0, 1, 2]),
            slice,
        ],
        ids=ids,
    )
    def test_index_errors_are_numpys(self, idx):
        with pytest.raises(IndexError):
            np.ones(3)[idx]
        with pytest.raises(IndexError):
            grad(lambda x: total(getitem(x, idx)))(np.ones(3))
        with pytest.raises(IndexError):
            update(np.ones(3), idx, 1.0, "add")

    def test_float_traced_index(self):
        with pytest.raises(IndexError, match="integer"):
            grad(lambda x: getitem(x, getitem(x, 0)))(np.ones(3))

    def test_values_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"\(2,\) into shape \(3,\)"):
            update(np.ones(4), slice(0, 3), np.ones(2), "set")
        with pytest.raises(TypeError, match="complex128 values in an array of float64"):
            update(np.ones(4), 0, 1j, "set")
        with pytest.raises(TypeError, match="float64 values in an array of int64"):
            update(np.ones(4, int), 0, 1.5, "add")


class TestAt:
    def test_methods(self):
        x = np.array([1.0, 2.0, 3.0])
        at = At(x)[[0, 0]]
        close(at.get(), [1.0, 1.0])
        close(at.set([5.0, 6.0]), [6.0, 2.0, 3.0])
        close(at.add(1.0), [3.0, 2.0, 3.0])
        close(at.multiply([2.0, 5.0]), [10.0, 2.0, 3.0])
        close(at.mul(2.0), [4.0, 2.0, 3.0])
        close(at.min([0.5, 0.7]), [0.5, 2.0, 3.0])
        close(at.max([0.5, 1.7]), [1.7, 2.0, 3.0])
        assert np.array_equal(x, [1.0, 2.0, 3.0])

    def test_values_take_the_dtype_of_the_array(self):
        assert At(np.ones(3, np.float32))[0].set(np.float64(2)).dtype == np.float32
        close(At(np.arange(3))[1:].set(2.7), [0, 2, 2])
        with pytest.raises(OverflowError):
            At(np.zeros(2, np.uint8))[0].set(300)

    def test_leading_axes_of_length_one_are_dropped(self):
        close(At(np.zeros(3))[:2].set(np.ones((1, 1, 2))), [1.0, 1.0, 0.0])

    def test_several_values_for_one_place(self):
        x, v = drawn(3), np.array([2.0, 3.0, 4.0])
        weights = np.array([1.0, 10.0, 100.0])
        loss = lambda x, v: total(update(x, [0, 0, 2], v, "set") * weights)
        dx, dv = grad(loss, (0, 1))(x, v)
        close(dx, [0.0, 10.0, 0.0])
        close(dv, [0.0, 1.0, 100.0])

    def test_the_last_value_stays_for_views_too(self):
        places = np.array([0, 1, 0])[::-1], np.array([0, 1, 0])[::-1]
        values = np.arange(3.0)[::-1]
        close(scatter_set(np.zeros((2, 2)), values, *places), [[0.0, 0.0], [0.0, 1.0]])

    @pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 1, 2, 3, 4, 5)], ids=str)
    def test_products_at_one_place_with_zeros(self, zeros):
        x = np.array([2.0, 3.0, 0.0])
        v = np.arange(1.5, 7.5)
        v[list(zeros)] = 0.0
        places = np.array([0, 1, 0, 1, 0, 2])

        def reference(x, v):
            y = [getitem(x, k) for k in range(3)]
            for j, place in enumerate(places):
                y[place] = mul(y[place], getitem(v, j))
            return sum(y[k] * (k + 1.0) for k in range(3))

        loss = lambda x, v: total(update(x, places, v, "multiply") * np.array([1.0, 2.0, 3.0]))
        for got, expected in zip(grad(loss, (0, 1))(x, v), grad(reference, (0, 1))(x, v)):
            close(got, expected)
        second = lambda f: grad(lambda x, v: sum(total(sin(g)) for g in grad(f, (0, 1))(x, v)), (0, 1))(x, v)
        for got, expected in zip(second(loss), second(reference)):
            close(got, expected, atol=1e-12)

    def test_equal_winners_share(self):
        x, v = np.array([1.0, 2.0, np.nan]), np.array([2.0, 2.0, 5.0])
        dx, dv = grad(lambda x, v: total(getitem(update(x, [1, 1, 0], v, "max"), slice(0, 2))), (0, 1))(x, v)
        close(dx, [0.0, 1 / 3, 0.0])
        close(dv, [1 / 3, 1 / 3, 1.0])


class TestPrimitives:
    def test_dtypes_of_gradients(self):
        for dtype in (np.float32, np.complex64):
            x = drawn(6).astype(dtype)
            for fun in (
                lambda x: getitem(x, 1),
                lambda x: getitem(x, slice(None, None, -1)),
                lambda x: getitem(x, [1, 1]),
                lambda x: update(x, [1, 1], 2.0, "set"),
                lambda x: update(x, [1, 1], 2.0, "multiply"),
                lambda x: update(x, slice(2), getitem(x, [0, 0]), "add"),
                lambda x: pad(x, widths=((1, 2),)),
                lambda x: concatenate(x, np.ones(2, dtype), axis=0),
            ):
                y, pull = vjp(fun, x)
                assert y.dtype == dtype
                assert pull(np.ones_like(y))[0].dtype == dtype
        x = drawn(6).astype(np.float32)
        for fun in (
            lambda x: sort(x, axis=0),
            lambda x: update(x, [1, 1], 2.0, "min"),
        ):
            assert vjp(fun, x)[1](np.ones(6, np.float32))[0].dtype == np.float32

    def test_concatenating_different_dtypes(self):
        y, pull = vjp(lambda x, z: concatenate(x, z, axis=0), np.ones(2, np.float32), np.ones(1, complex))
        assert y.dtype == np.complex128
        dx, dz = pull(np.array([1 + 1j, 2, 3j]))
        assert dx.dtype == np.float32
        close(dx, [1.0, 2.0])
        close(dz, [3j])

    def test_rows_added_by_elements(self):
        x, v = drawn((40, 8)), drawn((100, 8), 1)
        places = np.random.default_rng(2).integers(-40, 40, 100)
        close(scatter_add(x, v, places), numpy_update(x, places, v, "add"))
        pairs = places, places % 8
        deep = drawn((40, 8, 6)), drawn((100, 6), 1)
        close(scatter_add(*deep, *pairs), numpy_update(deep[0], pairs, deep[1], "add"))
        with pytest.raises(IndexError):
            scatter_add(x, v, places + 40)

    def test_reading_all_elements_in_a_loop(self):
        def f(x):
            s = 0.0
            for i in range(x.shape[0]):
                s = s + getitem(x, i) * getitem(x, -1 - i)
            return s

        x = drawn(9)
        close(grad(f)(x), 2 * x[::-1])
        close(grad(lambda x: total(sin(grad(f)(x))))(x), 2 * np.cos(2 * x))
        assert np.array_equal(x, drawn(9))

    def test_cotangents_are_not_shared(self):
        x, y = drawn(3), drawn(3, 1)
        dx, dy = grad(lambda x, y: total(x + y) + getitem(x, 0) + getitem(y, [1, 1, 2]).sum(), (0, 1))(x, y)
        close(dx, [2.0, 1.0, 1.0])
        close(dy, [1.0, 3.0, 2.0])

    def test_sort(self):
        x = np.array([2.0, 1.0, 2.0, -1.0])
        y, pull = vjp(lambda x: sort(x, axis=0), x)
        close(y, [-1.0, 1.0, 2.0, 2.0])
        close(pull(np.array([1.0, 2.0, 3.0, 4.0]))[0], [3.0, 2.0, 4.0, 1.0])
        m = drawn((3, 4))
        order = argsort(m, axis=1)
        t = drawn((3, 4), 1)
        close(jvp(lambda m: sort(m, axis=1), (m,), (t,))[1], np.take_along_axis(t, order, 1))
        close(grad(lambda x: total(x * argsort(x, axis=0)))(x), [3, 1, 0, 2])
        close(vmap(lambda r: sort(r, axis=0))(m), np.sort(m, axis=1))
        close(sort(np.zeros((0, 2)), axis=0), np.zeros((0, 2)))

    def test_gather_of_a_traced_array_with_traced_indices_in_second_order(self):
        x, i = drawn(4), np.array([[0, 3], [3, 3]])
        f = lambda i: grad(lambda x: total(grad(lambda x: total(sin(gather(x, i))))(x) * x))(x)
        close(vmap(f)(i), np.stack([f(k) for k in i]))

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(ValueError, match="reshape"):
            trace_graph(lambda x: (reshape(x, shape=(2, 2)),), [aval_of(np.ones(3))])
        with pytest.raises(ValueError, match="permutation"):
            trace_graph(lambda x: (transpose(x, axes=(0, 0)),), [aval_of(np.ones((2, 2)))])
        with pytest.raises(ValueError, match="fit together"):
            trace_graph(lambda x: (concatenate(x, np.ones((2, 1)), axis=0),), [aval_of(np.ones((2, 2)))])


def test_interp_between_constant_points_compiles_and_batches():
    points, values = np.array([-2.0, -0.5, 1.0, 2.0]), np.array([0.0, 1.0, -1.0, 3.0])
    x = np.array([-3.0, -1.0, 0.3, 1.5, 4.0])
    f = lambda x: np.interp(x, points, values)
    g = lambda x: np.interp(x, points, values, period=5.0)
    for h in (f, g):
        np.testing.assert_allclose(jit(h)(x), h(x))
        np.testing.assert_allclose(vmap(h)(x), h(x))
        slope = grad(lambda x, h=h: reduce_sum(h(x), axes=(0,)))
        np.testing.assert_allclose(jit(slope)(x), slope(x))


def test_masks_of_nothing_fit_any_axis():
    """As in NumPy, which compares lengths that are not 0."""
    for shape, mask in (((3,), (0,)), ((2, 3), (2, 0)), ((2, 3), (0, 3))):
        x, index = np.ones(shape), np.zeros(mask, bool)
        assert vjp(lambda x, index=index: x[index], x)[0].shape == x[index].shape


# arrays that a batch shares

TABLE = np.arange(10.0).reshape(5, 2)
SHARED: dict[str, Any] = {
    "a row": lambda t, i: t[i],
    "an element": lambda t, i: t[i, 1],
    "what is computed from it": lambda t, i: np.sqrt(2.0 * t)[i],
    "by its own mask": lambda t, i: t[t > 3.0][i],
    "by its own order": lambda t, i: t[np.argsort(-t[:, 0])][i],
    "take": lambda t, i: np.take(t, i, axis=0),
    "where": lambda t, i: np.where(i > 0, t, -t)[0],
    "update": lambda t, i: fnp.at(t)[i].set(7.0),
    "update by its own mask": lambda t, i: fnp.at(t)[t > 3.0].add(i),
    "a branch": lambda t, i: t[i] if t[0, 1] > 0 and (t[:1, 1:] > 0) else i,
    "numbers of it": lambda t, i: (float(t[0, 1]) + int(t[1:2, 1:].item()) + t.tolist()[0][1] + i),
    "an array of it": lambda t, i: np.asarray(t, np.float32)[0] * i,
    "what has no derivative": lambda t, i: np.unwrap(t[:, 0])[i] + np.spacing(t)[i, 0] + np.nonzero(t)[0][i],
    "with a buffer": lambda t, i: np.add(t, 1.0, out=np.zeros(t.shape))[i],
    "bytes": lambda t, i: len(t.tobytes()) + i,
    "itself": lambda t, i: t,
    "its rows": lambda t, i: [row * i for row in t],
    "in another vmap": lambda t, i: vmap(lambda t, j: t[j] + t[i], (None, 0))(t, np.array([1, 2])),
    "in a program": lambda t, i: jit(lambda t, i: t[i])(t, i),
}


@pytest.mark.parametrize("name", SHARED)
def test_an_array_that_a_batch_shares_is_indexed_by_its_elements(name):
    fun, indices = SHARED[name], np.array([0, 3, 1])
    found = vmap(fun, (None, 0))(TABLE, indices)
    each = [fun(TABLE, i) for i in indices]
    for n, y in enumerate(found if isinstance(found, list) else [found]):
        np.testing.assert_array_equal(y, [e[n] if isinstance(found, list) else e for e in each])


def test_derivatives_by_an_array_that_a_batch_shares():
    indices = np.array([0, 3])
    rows = lambda t: vmap(lambda t, i: t[i] ** 2, (None, 0))(t, indices)
    expected = np.zeros((2, 5, 2))
    expected[[0, 1], indices] = 2 * TABLE[indices]
    np.testing.assert_array_equal(grad(lambda t: rows(t).sum())(TABLE), expected.sum(0))
    np.testing.assert_array_equal(jvp(rows, (TABLE,), (TABLE,))[1], 2 * TABLE[indices] ** 2)
    np.testing.assert_array_equal(jit(rows)(TABLE), TABLE[indices] ** 2)
    each = vmap(grad(lambda t, i: (t[i] ** 2).sum()), (None, 0))(TABLE, indices)
    np.testing.assert_array_equal(each, expected)


def test_an_array_of_the_closure_says_what_to_write():
    with pytest.raises(ConcretizationError, match=r"write `fnp\.take\(TABLE, i, axis=0\)`"):
        vmap(lambda i: TABLE[i])(np.array([0, 3]))
    rows = vmap(lambda i: fnp.take(TABLE, i, axis=0) + fnp.at(TABLE)[i].get())(np.array([0, 3]))
    np.testing.assert_array_equal(rows, 2 * TABLE[[0, 3]])


def test_a_shared_array_that_is_kept_is_reported_and_not_written_to():
    kept = []
    vmap(lambda t, i: (kept.append(t), t[i])[1], (None, 0))(TABLE, np.array([0]))
    for use in (lambda t: t + 1, np.sin, np.asarray, lambda t: t.tolist()):
        with pytest.raises(EscapedTracerError):
            use(kept[0])
    before = TABLE.copy()
    written = vmap(lambda t, i: (t.__setitem__(0, 1.0), t[i])[1], (None, 0))(TABLE, np.array([0]))
    np.testing.assert_array_equal(written, np.ones_like(TABLE[:1]))
    np.testing.assert_array_equal(TABLE, before)


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit])
def test_sums_of_many_float16(wrap):
    """Cotangents that meet at one element, or run together along an axis, are added in float32."""
    n = 5000
    x, c = np.ones(n, np.float16), np.full(n, 1e-3, np.float16)
    total = c.astype(np.float32).sum()
    for f in (lambda x: np.sum(x[np.zeros(n, int)] * c), lambda x: np.sum(np.take(x, np.zeros(n, int)) * c)):
        found = wrap(fg.grad(f))(x)
        assert found.dtype == np.float16 and found[0] == np.float16(total)
    assert wrap(fg.grad(lambda x: np.sum(np.cumsum(x) * c)))(x)[0] == np.float16(total)


SHIFTS = [(7, None), ([1, -2], None), (-9, 1), ([1, 2], [0, 1]), (2, [0, 1])]


@pytest.mark.parametrize(("shift", "axis"), SHIFTS, ids=str)
def test_a_traced_shift_rolls_as_a_known_one(shift, axis):
    x, shift = np.arange(12.0).reshape(3, 4), np.array(shift)
    expected = np.roll(x, shift, axis)
    np.testing.assert_array_equal(jit(lambda x, k: np.roll(x, k, axis))(x, shift), expected)
    np.testing.assert_array_equal(vmap(lambda k: fnp.roll(x, k, axis))(shift[None])[0], expected)
    gradient = jit(grad(lambda x, k: np.sum(np.roll(x, k, axis) * expected)))(x, shift)
    np.testing.assert_array_equal(gradient, x)


def test_a_traced_shift_of_nothing_and_one_that_is_no_integer():
    assert jit(lambda x, k: np.roll(x, k))(np.zeros((0, 2)), 1).shape == (0, 2)
    with pytest.raises(TypeError, match="shift must be of integers"):
        jit(lambda x, k: np.roll(x, k))(np.ones(2), 1.5)


@pytest.mark.parametrize("repeats", [[1, 2, 3], [0, 2, 0], [0, 0, 0], 2], ids=str)
@pytest.mark.parametrize("length", [0, 2, 6, 9])
def test_repeat_to_a_length(repeats, length):
    """What NumPy gives, cut off or filled up with the last element; `repeats` may be traced."""
    x, repeats = np.array([1.0, 2.0, 3.0]), np.array(repeats)
    expected = np.append(np.repeat(x, repeats), np.full(length, 3.0))[:length]
    call = lambda x, repeats: fnp.repeat(x, repeats, total_repeat_length=length)
    np.testing.assert_array_equal(call(x, repeats), expected)
    np.testing.assert_array_equal(fg.jit(call)(x, repeats), expected)
    np.testing.assert_array_equal(fg.vmap(call, (0, None))(x[None], repeats), expected[None])
    counts = fg.jit(fg.grad(lambda x, repeats: call(x, repeats).sum()))(x, repeats)
    np.testing.assert_array_equal(counts, [np.sum(expected == v) for v in x])
    stacked = fnp.repeat(np.stack([x, x]), repeats, 1, total_repeat_length=length)
    np.testing.assert_array_equal(stacked, np.stack([expected, expected]))
