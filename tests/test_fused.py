"""`fused` is the function itself, as one entry of a tape: values, derivatives of both orders, other transformations."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.core.tape import entries
from funcgrad.errors import EscapedTracerError
from funcgrad.ops import large
from funcgrad.transforms.fused import fused


def gate(x, y, slope, *, shift):
    opened = 1 / (1 + fnp.exp(-(x * slope + shift)))
    return opened * fnp.tanh(y), fnp.where(x > 0, x * y, opened)


def summed(fun, slope=0.7, shift=0.1):
    return lambda x, y: sum(fnp.sum(out * fnp.cos(out)) for out in fun(x, y, slope, shift=shift))


def normalised(x, weight, eps):
    centred = x - fnp.mean(x, axis=1, keepdims=True)
    y = centred / fnp.sqrt(fnp.mean(centred * centred, axis=1, keepdims=True) + eps)
    return y if weight is None else y * fnp.reshape(weight, (1, -1))


@pytest.fixture
def operands():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 4)), rng.standard_normal(4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_are_those_of_the_function_at_each_call(operands, dtype):
    x, y = (v.astype(dtype) for v in operands)
    wanted = fg.grad(summed(gate), (0, 1))(x, y)
    small = fg.grad(summed(fused(gate)), (0, 1))
    for _ in range(4):
        found = small(x, y)
        assert [g.dtype for g in found] == [dtype, dtype]
        for g, w in zip(found, wanted):
            np.testing.assert_allclose(g, w, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def nodes_of(fun, *xs):
    """How many entries a function makes: those of its results, of all that leads to them."""
    seen = []
    fg.grad(lambda *ys: seen.append(ys) or seen.append(fun(*ys)) or fnp.sum(seen[-1]), 0)(*xs)
    return len(entries([seen[-1].node]))


def test_it_is_one_entry_from_the_second_call_on(operands):
    x, weight = operands
    small = fused(normalised)
    counts = [nodes_of(lambda x: small(x, weight, 1e-5), x) for _ in range(3)]
    assert counts[0] > 5 and counts[1:] == [2, 2]  # the argument and the result


def test_other_shapes_dtypes_and_numbers_are_other_programs(operands):
    x, weight = operands
    small = fused(normalised)
    single = x.astype(np.float32), weight.astype(np.float32)
    for _ in range(3):
        for eps in (1e-5, 0.5):
            for v, w in ((x, weight), (x[:2], weight), (single[0], None), single):
                found = fg.grad(lambda v: fnp.sum(small(v, w, eps) ** 3))(v)
                wanted = fg.grad(lambda v: fnp.sum(normalised(v, w, eps) ** 3))(v)
                np.testing.assert_allclose(found, wanted, rtol=1e-5 if v.dtype == np.float32 else 1e-12, atol=1e-6)
                assert found.dtype == v.dtype


def test_numbers_that_are_equal_and_differ_are_kept_apart():
    small = fused(lambda x, number: x * fnp.copysign(number, number) if isinstance(number, float) else x * 10)
    for _ in range(3):
        grads = [float(fg.grad(lambda x: fnp.sum(small(x, n)))(np.ones(2))[0]) for n in (1.0, 1, 0.0, -0.0)]
        assert grads == [1.0, 10.0, 0.0, 0.0] and np.signbit(grads[3])


def test_parameters_are_told_apart_by_their_names():
    small = fused(lambda x, *, times=1.0, by=2.0: fnp.sin(x) * times / by)
    for _ in range(3):
        for params in ({"times": 3.0}, {"by": 3.0}, {"by": 3.0, "times": 4.0}, {"times": 3.0, "by": 4.0}):
            found = fg.grad(lambda x: fnp.sum(small(x, **params)))(np.zeros(1))
            assert found[0] == params.get("times", 1.0) / params.get("by", 2.0), params


def test_other_operands_that_move_are_other_programs(operands):
    x, weight = operands
    small = fused(normalised)
    for _ in range(3):
        for argnums in (0, 1, (0, 1)):
            found, wanted = (
                fg.grad(lambda x, w, f=f: fnp.sum(f(x, w, 1e-5) ** 3), argnums)(x, weight) for f in (small, normalised)
            )
            np.testing.assert_allclose(found[-1], wanted[-1], rtol=1e-12, atol=1e-12)


def test_operands_of_two_tapes(operands):
    x, y = operands
    inner = lambda f: lambda x: fnp.sum(fg.grad(lambda y: fnp.sum(f(x, y, 0.7, shift=0.1)[0]))(y) ** 2)
    small, wanted = fused(gate), fg.grad(inner(gate))(x)
    for _ in range(3):
        np.testing.assert_allclose(fg.grad(inner(small))(x), wanted, rtol=1e-12)


def test_results_that_are_not_used(operands):
    x, y = operands
    small = fused(gate)
    for _ in range(3):
        for number in (0, 1):
            found, wanted = (
                fg.grad(lambda x, y, f=f, n=number: fnp.sum(f(x, y, 0.7, shift=0.1)[n] ** 2), (0, 1))(x, y)
                for f in (small, gate)
            )
            for g, w in zip(found, wanted):
                np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("fun", [
    lambda x: (fnp.sin(x), fnp.argmax(x)), lambda x: (fnp.sin(x), x), lambda x: (fnp.sin(x), np.ones(2)),
    lambda x: (fnp.sin(x),), lambda x: (fnp.sin(x), 2.0),
], ids=["an integer", "an operand", "a constant", "one of a tuple", "a number"])  # fmt: skip
def test_results_of_all_kinds(fun):
    x = np.array([0.3, 0.5])
    small, results = fused(fun), []
    for _ in range(3):
        slope = fg.grad(lambda x: results.append(small(x)) or fnp.sum(results[-1][0]))(x)
        np.testing.assert_array_equal(slope, np.cos(x))
        assert type(results[-1]) is tuple
        assert [type(y) for y in results[-1]] == [type(y) for y in results[0]]


def test_second_order(operands):
    x, y = operands
    for number in (0, 1):
        alone = lambda fun: lambda x, y: fnp.sum(fun(x, y, 0.7, shift=0.1)[number] ** 2)
        small, wanted = alone(fused(gate)), fg.grad(lambda x, y: fnp.sum(fg.grad(alone(gate))(x, y) ** 2), (0, 1))(x, y)
        for _ in range(3):
            found = fg.grad(lambda x, y: fnp.sum(fg.grad(small)(x, y) ** 2), (0, 1))(x, y)
            for g, w in zip(found, wanted):
                np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-12)


def test_jit_vmap_and_jvp_go_through_the_operations(operands):
    x, y = operands
    small, plain = summed(fused(gate)), summed(gate)
    for _ in range(3):
        np.testing.assert_allclose(fg.jit(fg.grad(small))(x, y), fg.grad(plain)(x, y), rtol=1e-12)
        np.testing.assert_allclose(fg.vmap(fg.grad(small), (0, None))(x, y), fg.grad(plain)(x, y), rtol=1e-12)
        found, wanted = (fg.jvp(f, (x, y), (x, y)) for f in (small, plain))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        hessians = (fg.hessian(f)(y, y) for f in (small, plain))
        np.testing.assert_allclose(*hessians, rtol=1e-12, atol=1e-12)


def test_linearize_pushes_through_the_entry(operands):
    x, y = operands
    for _ in range(3):
        found, wanted = (fg.linearize(f, x, y)[1](x, y) for f in (summed(fused(gate)), summed(gate)))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_constants_are_kept_as_they_are_now(operands):
    x, weight = operands
    small = fused(normalised)
    for _ in range(3):
        scale = weight.copy()
        y, pull = fg.vjp(lambda x: small(x, scale, 1e-5), x)
        scale[:] = 0
        wanted = fg.vjp(lambda x: normalised(x, weight, 1e-5), x)[1](np.ones_like(y))
        np.testing.assert_allclose(pull(np.ones_like(y))[0], wanted[0], rtol=1e-12, atol=1e-12)


def test_large_arrays_go_through_the_operations():
    x = np.linspace(-1, 1, large.LEAST)
    small = fused(lambda x: fnp.sin(x) * fnp.exp(x))
    counts = [nodes_of(lambda x: small(x), x) for _ in range(3)]
    assert counts == [4, 4, 4]


def test_an_integer_stays_one():
    x = np.linspace(-1, 1, 5)
    small = fused(lambda x: fnp.ldexp(fnp.sin(x), 3) + 2)
    for _ in range(3):
        np.testing.assert_allclose(fg.grad(lambda x: fnp.sum(small(x)))(x), 8 * np.cos(x), rtol=1e-14)


def test_a_function_that_asks_for_values_is_called():
    x = np.linspace(0.5, 1, 5)
    small = fused(lambda x: fnp.sin(x) if float(fnp.sum(fg.stop_gradient(x))) > 0 else x)
    for _ in range(3):
        np.testing.assert_array_equal(fg.grad(lambda x: fnp.sum(small(x)))(x), np.cos(x))


def test_values_whose_transformation_has_ended_are_refused():
    small, seen = fused(lambda x: fnp.sin(x) * 2), []
    for _ in range(3):
        fg.grad(lambda x: seen.append(x) or fnp.sum(small(x)))(np.ones(2))
    with pytest.raises(EscapedTracerError):
        small(seen[0])


def test_an_error_of_the_function_is_its_own(operands):
    x, weight = operands
    small = fused(normalised)
    for _ in range(3):
        with pytest.raises(ValueError):
            fg.grad(lambda x: fnp.sum(small(x, weight[:3], 1e-5)))(x)
