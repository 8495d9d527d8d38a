"""Writing into arrays inside of transformed functions: NumPy, on plain arrays, is the measure."""

from __future__ import annotations

import contextlib
import copy
import random

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import EscapedTracerError, TracerConversionError
from funcgrad.test_util import check_grads

X = np.array([[1.25, -0.5, 2.0], [0.75, 3.0, -1.5]])


def stores(x):
    b = fnp.zeros(3)
    b[0] = x[0, 0]
    b[1:] = x[1, 1:] ** 2
    b[-1] += b[0] * b[1]
    return b


def another_name(x):
    p = x
    p -= 0.5 * p
    return x * p


def in_a_helper(x):
    def step(p):
        p *= x.sum()

    y = x + 0.0
    step(y)
    return y


def views_write_through(x):
    b = fnp.empty((2, 3))
    t, row = b.T, b[1]
    t[:, 0] = x[0]
    row[...] = x[1] * x[0]
    b[:, ::-1][0, :2] *= 3.0
    return t * row[:, None]


def views_see_writes(x):
    left, flipped, first = x[:, :2], x[::-1], x[0]
    x += 1.0
    x[0, 0] = 7.0 * x[1, 1]
    return left.sum() + flipped[0] * first


def views_of_results(x):
    y = x * 2.0
    z = y[:, 1:]
    w = z[0]
    w *= x[0, 0]
    y[1] -= w.sum()
    return y.sum(0) + z.sum() * w[0]


def overlapping(x):
    y = x.copy().ravel()
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    return y


def rows_alias_as_in_numpy(x):
    y = x.copy()
    y[0], y[1] = y[1], y[0]
    return y


def masks(x):
    b = fnp.full((2, 3), 2.0)
    mask = X > 0
    b[mask] = x[mask] ** 2
    b[~mask] += 1.5 * x.sum()
    return b


def repeated_indices(x):
    b, c = fnp.ones(4), fnp.ones(4)
    b[[0, 0, 2]] += x[0]
    np.add.at(c, [0, 0, 2], x[0])
    np.multiply.at(c, [1, 1], x[1, 0])
    np.subtract.at(c, ([3, 3],), x[1, 1])
    return fnp.stack([b, c])


def methods(x):
    b = fnp.zeros((2, 3))
    b.fill(x[0, 0])
    b += x
    b.sort(axis=1)
    c = b.copy()
    c.put([0, 5], x[1, :2])
    c.partition(1, axis=0)
    return b * c


def functions(x):
    b = fnp.zeros((3, 3))
    np.fill_diagonal(b, x[0])
    np.copyto(b[1:, :2], x[:, :2], where=[[True, False], [True, True]])
    np.put_along_axis(b, np.array([[2], [0], [1]]), x[1, 0], axis=1)
    np.place(b, np.eye(3, k=1) > 0, x[1])
    np.putmask(b, np.eye(3, k=-1) > 0, x[0, 2] * 2)
    return b


def outputs(x):
    b = fnp.empty((2, 3))
    np.multiply(x, 3.0, out=b)
    np.add(b[0], x[1], b[1])
    c = fnp.zeros(3)
    np.sum(b, axis=0, out=c)
    return b + c


def operators(x):
    b = fnp.ones((2, 2)) * x[:, :2]
    b **= 2
    b /= x[0, 0]
    b @= x[:, :2]
    b -= 1.0
    return b


def broadcasting(x):
    b = fnp.zeros((2, 3))
    b += x[0]
    b[:, 1] = x[1, 2]
    b[...] *= x[:, :1]
    return b


def iteration(x):
    b = fnp.zeros((2, 3))
    for row, values in zip(b, x):
        row[1] = values.prod()
    for i in range(6):
        b.flat[i] += i
    return b


def real_and_imaginary(x):
    z = fnp.zeros((2, 3), complex)
    z.real = x
    z.imag[0] = x[1] ** 2
    return (z * z.conj()).real + z.imag


def copies_are_apart(x):
    a, b, c, d = x.copy(), fnp.array(x), copy.copy(x), +x
    e, f, g = x.astype(float), x.flatten(), fnp.copy(x)
    x *= 3.0
    a += 1.0
    return a + b + c + d + e + f.reshape(2, 3) + g + x


def numbers_are_replaced(x):
    total = x[0, 0]
    before = total
    total += x[1].sum()
    return fnp.stack([total, before])


def rank_zero(x):
    b = fnp.array(2.0)
    c = b
    b += 1.5
    b *= x[0, 0]
    part = x[0, 1, ...]
    part += 1.0
    return fnp.stack([c * 1.0, x[0, 1]])


def like_another(x):
    b, c, d = np.zeros_like(x), np.empty_like(x), np.full_like(x, 2.0)
    b[0] = x[1]
    c[...] = b + x
    d[1] *= c[0]
    return b + c * d


def constants_become_traced(x):
    b = fnp.ones(3)
    v = b[:2]
    w = b * 2.0
    w[0] = b[1]
    b[0] = x[0, 0]
    return v * w[:2]


def loops(x):
    b = fnp.zeros(5)
    b[0] = x[0, 0]
    for i in range(1, 5):
        b[i] = np.sin(b[i - 1]) + x[0, 1]
    return b


def in_a_scan(x):
    def step(carry, row):
        carry[0] += row.sum()
        y = fnp.zeros(2)
        y[1] = carry[0] * row[0]
        return carry, y

    carry, ys = fg.lax.scan(step, fnp.zeros(2), x)
    return carry.sum() + ys


def nested(x):
    def inner(y):
        b = fnp.zeros(3)
        b[:2] = y[:2] ** 2
        b[2] = x[0, 0] * y[2]
        return b.sum()

    out = fnp.zeros((2, 3))
    out[0] = fg.grad(inner)(x[0] * 1.0)
    out[1] = x[1]
    out[1] += out[0]
    return out


def parts_of_real_arrays(x):
    b = fnp.ones((2, 3))
    b.real = x
    b.real[0] *= 2.0
    c = x.conj()
    c[0, 0] = 4.0 * x[1, 1]
    return b + x


def arrays_of_rank_zero(x):
    t, u = fnp.array(x[0, 0]), fnp.asarray(x[0, 1])
    v = t.reshape(1)
    v[0] = 9.0 * x[1, 1]
    w = u
    w += 1.0
    b = fnp.ones(3)
    part = b[..., 0]
    part[...] = x[0, 2]
    return fnp.stack([t * 1.0, u * 1.0, b[0]])


def filled_where_it_holds(x):
    y = np.divide(1.0, x, out=fnp.zeros((2, 3)), where=x > 0)
    np.add(x, 1.0, out=x, where=x < 0)
    np.copyto(x[0], 2.5)
    x[1] //= 0.7
    return x + y


def reshaped_and_written(x):
    y = (x * 2.0).reshape(3, 2)
    y[0] *= 3.0
    z = x.reshape(-1)
    z[::2] += y[:, 0]
    return x + y.reshape(2, 3)


def sequences(x):
    b = fnp.zeros((2, 3))
    b[0] = [x[0, 0], x[1, 1], 2.0]
    b[1, :2] = (x[0, 1], 1.0)
    x.flat = b[::-1] * x
    return x


def in_place_by_choice(x):
    y = x * 1.0
    z = np.nan_to_num(y, copy=False)
    z[0] = 5.0 * x[1]
    r = fnp.zeros(3)
    grids = np.meshgrid(r, r, copy=False)
    r[:] = x[0]
    return grids[0] * grids[1] + y.sum()


PROGRAMS = [
    parts_of_real_arrays, arrays_of_rank_zero, filled_where_it_holds, reshaped_and_written, sequences,
    in_place_by_choice,
    stores, another_name, in_a_helper, views_write_through, views_see_writes, views_of_results, overlapping,
    rows_alias_as_in_numpy, masks, repeated_indices, methods, functions, outputs, operators, broadcasting, iteration,
    real_and_imaginary, copies_are_apart, numbers_are_replaced, rank_zero, like_another, constants_become_traced, loops,
    in_a_scan, nested,
]  # fmt: skip


def weighted(fun):
    """A scalar that depends on each element of the result in its own way."""

    def total(x):
        y = fun(x)
        return np.sum(y * np.cos(np.arange(y.size, dtype=float)).reshape(y.shape))

    return total


def differences(fun, x, step=1e-6):
    steps = step * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(fun(x + s) - fun(x - s)) / (2 * step) for s in steps]).reshape(x.shape)


@pytest.mark.parametrize("fun", PROGRAMS)
def test_as_numpy(fun):
    expected = fun(X.copy())
    given = X.copy()
    close = lambda y, e: np.testing.assert_allclose(y, e, rtol=1e-12, atol=1e-14, strict=True)
    value, _ = fg.vjp(fun, given)
    close(value, expected)
    tangent = np.sin(1.0 + np.arange(X.size)).reshape(X.shape)
    out, _ = fg.jvp(fun, (given,), (tangent,))
    close(out, expected)
    close(fg.jit(fun)(given), expected)
    close(fg.vmap(fun)(np.stack([given, given + 0.25]))[0], expected)
    close(fg.vmap(fun)(np.stack([given + 0.25, given]))[0], fun(X + 0.25))
    np.testing.assert_array_equal(given, X)  # the caller's array is never touched
    gradient = fg.grad(weighted(fun))(given)
    np.testing.assert_allclose(gradient, differences(weighted(fun), X), rtol=1e-6, atol=1e-7)
    close(fg.jit(fg.grad(weighted(fun)))(given), gradient)
    close(fg.vmap(fg.grad(weighted(fun)))(given[None])[0], gradient)
    close(fg.grad(fg.checkpoint(weighted(fun)))(given), gradient)
    np.testing.assert_allclose((gradient * tangent).sum(), fg.jvp(weighted(fun), (given,), (tangent,))[1], rtol=1e-12)
    hessian = fg.hessian(weighted(fun))(given).reshape(6, 6)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    step = 1e-6 * tangent
    curvature = (fg.grad(weighted(fun))(X + step) - fg.grad(weighted(fun))(X - step)) / 2e-6
    np.testing.assert_allclose(hessian @ tangent.ravel(), curvature.ravel(), rtol=1e-5, atol=1e-6)


def test_results_are_plain_arrays_of_their_own():
    kept = []

    def f(x):
        b = fnp.zeros(2)
        b[0] = x[0]
        c = fnp.ones(2)
        kept.append(c)
        return {"b": b, "c": c, "view": b[:1]}

    for call in (
        lambda: fg.vjp(f, np.ones(2))[0],
        lambda: fg.jit(f)(np.ones(2)),
        lambda: fg.jvp(f, (np.ones(2),), (np.ones(2),))[0],
    ):
        out = call()
        assert {type(y) for y in out.values()} == {np.ndarray}
        assert all(y.flags.writeable for y in out.values())
        assert not np.shares_memory(out["b"], out["view"])


def test_what_is_saved_is_what_was_there():
    """Writing into an array after it was used leaves the derivative of the use as it is."""

    def f(x):
        b = fnp.array([2.0, 3.0])
        y = x * b
        b[...] = 100.0 * x
        p = x * 1.0
        z = p * p
        p *= 50.0
        return (y + z).sum()

    np.testing.assert_allclose(fg.grad(f)(np.array([1.0, 5.0])), [4.0, 13.0])

    def outer(x):
        y, pullback = fg.vjp(lambda q: q * x * q, x)
        x *= 10.0
        y += 1000.0
        return pullback(np.ones(2))[0].sum()

    for transform in (lambda f: f, fg.jit):
        np.testing.assert_allclose(transform(fg.grad(outer))(np.array([1.0, 2.0])), [4.0, 8.0])


def into_a_plain_array(x):
    b = np.zeros(2)
    b[0] = x[0]


REFUSED = {
    "a plain array": (
        into_a_plain_array,
        TracerConversionError,
        r"fnp\.zeros",
    ),
    "np.add.at of a plain array": (lambda x: np.add.at(np.zeros(2), 0, x[0]), TypeError, r"fnp\.zeros"),
    "np.copyto of a plain array": (lambda x: np.copyto(np.zeros(2), x), TypeError, r"fnp\.zeros"),
    "a number": (lambda x: x[0].__setitem__(0, 1.0), TypeError, "'numpy.float64' object does not support item"),
    "another dtype": (lambda x: fnp.ones(2, int).__iadd__(x), TypeError, "Cannot cast ufunc 'add' output"),
    "a larger shape": (
        lambda x: x.__iadd__(np.ones((3, 2))),
        ValueError,
        r"non-broadcastable output operand with shape \(2,\) doesn't match the broadcast shape \(3,2\)|\(3, 2\)",
    ),
    "a store that does not fit": (
        lambda x: fnp.ones(3).__setitem__(slice(2), np.ones(3) * x[0]),
        ValueError,
        "broadcast",
    ),
    "an index out of bounds": (lambda x: fnp.ones(3).__setitem__(3, x[0]), IndexError, "out of bounds"),
    "a read-only view": (lambda x: np.broadcast_to(x, (3, 2)).__setitem__(0, 1.0), ValueError, "read-only"),
    "a diagonal": (lambda x: np.diagonal(np.outer(x, x)).__iadd__(1.0), ValueError, "read-only"),
    "a view or copy, by layout": (
        lambda x: (lambda y: y.ravel().__iadd__(1.0) + y[0, 0])(np.outer(x, x)),
        TypeError,
        "view or a copy",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("transform", [lambda f: lambda x: fg.vjp(f, x), fg.jit, fg.vmap], ids=["vjp", "jit", "vmap"])
def test_refused(name, transform):
    fun, error, text = REFUSED[name]
    x = np.ones((4, 2)) if transform is fg.vmap else np.ones(2)
    with pytest.raises(error, match=text):
        transform(lambda x: [fun(x), x][1])(x)


def test_arrays_from_outside_are_not_written():
    def in_scan(x):
        total = fnp.zeros(2)

        def step(carry, row):
            total[0] = row
            return carry + row, None

        return fg.lax.scan(step, 0.0, x)[0]

    def in_grad(x):
        scaled = x * 2.0

        def inner(y):
            scaled[0] = y
            return y * scaled[1]

        return fg.grad(inner)(x[0])

    def checkpointed(x):
        scaled = x * 2.0

        @fg.checkpoint
        def inner(y):
            scaled[...] = 1.0
            return y * scaled

        return inner(x).sum()

    for fun, transform in ((in_scan, fg.jit), (in_grad, fg.grad), (in_grad, fg.jit), (checkpointed, fg.grad)):
        with pytest.raises(TypeError, match=r"outside of the function|closed over"):
            transform(fun if transform is fg.jit else lambda x, fun=fun: fun(x) * 1.0)(np.array([1.0, 2.0]))


def test_a_copy_may_be_written_where_the_array_may_not():
    def f(x):
        scaled = x * 2.0

        def inner(y):
            mine = scaled.copy()
            mine[0] = y
            return y * mine[1] * mine[0]

        return fg.grad(inner)(x[0]) + scaled[0]

    x = np.array([1.0, 2.0])
    for g in (fg.grad(f), fg.jit(fg.grad(f)), fg.grad(fg.jit(f))):
        np.testing.assert_allclose(g(x), [2 * 2 * 2.0 + 2.0, 2 * 2 * 1.0])


@pytest.mark.parametrize("transform", [lambda f: f, fg.jit, lambda f: lambda x: fg.vjp(f, x)[0]])
def test_a_copy_of_anything_may_be_written(transform):
    """In a function within another, of plain arrays and of values of the outer one."""

    def f(x):
        x = x * 1.0

        def inner(q):
            m = fnp.copy(x)
            m[0] = q[0] * 3.0
            return np.sum(m * m)

        return fg.grad(inner)(x)

    np.testing.assert_allclose(transform(f)(np.array([0.5, -1.0, 2.0])), [9.0, 0.0, 0.0])


def test_what_a_batch_shares_may_come_to_differ():
    def f(b, v):
        b[0] = v
        return b

    x = np.array([5.0, 6.0])
    np.testing.assert_array_equal(fg.vmap(f, (None, 0))(x, np.arange(2.0)), [[0.0, 6.0], [1.0, 6.0]])
    np.testing.assert_array_equal(x, [5.0, 6.0])


def test_arrays_made_read_only():
    def f(x):
        x.setflags(write=False)
        x[0] = 1.0

    for transform in (lambda f: lambda x: fg.vjp(f, x), fg.jit):
        with pytest.raises(ValueError, match="read-only"):
            transform(f)(np.ones(3))


def test_an_operator_of_associative_scan_cannot_write():
    with pytest.raises(ValueError, match="read-only"):
        fg.lax.associative_scan(lambda a, b: a.__iadd__(b), np.arange(4.0))


def test_a_function_that_writes_is_checked_on_copies():
    def f(x):
        x *= 2.0
        return (x * x).sum()

    x = np.array([1.0, 2.0])
    check_grads(f, (x,), order=2)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_arrays_end_with_their_function():
    kept = []

    def f(x):
        b = fnp.zeros(2)
        b[0] = x[0]
        kept.append(b)
        return b.sum()

    fg.grad(f)(np.ones(2))
    with pytest.raises(EscapedTracerError):
        kept[0] + 1.0
    with pytest.raises((TypeError, EscapedTracerError)):
        kept[0][1] = 2.0


def test_outside_of_transformations_arrays_are_numpys():
    for make in (
        lambda: fnp.zeros(3),
        lambda: fnp.array([1.0]),
        lambda: fnp.full(2, 1.0),
        lambda: fnp.eye(2),
        lambda: fnp.arange(3),
    ):
        assert type(make()) is np.ndarray
    fg.grad(lambda x: fnp.zeros(1).sum() + x)(1.0)
    assert type(fnp.zeros(3)) is np.ndarray
    with pytest.raises(ZeroDivisionError):
        fg.grad(lambda x: 1 / 0)(1.0)
    assert type(fnp.zeros(3)) is np.ndarray


def test_an_error_leaves_the_arrays_as_they_were():
    def f(x):
        b = fnp.ones(3)
        view = b[1:]
        with contextlib.suppress(ValueError):
            b[:2] = np.ones(5) * x
        return view * x

    np.testing.assert_array_equal(fg.vjp(f, np.float64(2.0))[0], [2.0, 2.0])


def random_program(seed: int, steps: int = 12):
    """A function that makes arrays, views of them and views of those, and writes into all of them."""

    def fun(x):
        rng = random.Random(seed)
        pool = [x, fnp.zeros((2, 3)), x * 1.5]
        for _ in range(steps):
            a, b = rng.choice(pool), rng.choice(pool)
            kind = rng.randrange(12)
            if kind == 0:
                pool.append(a[rng.randrange(a.shape[0])] if a.ndim > 1 else a[::-1])
            elif kind == 1:
                pool.append(a.T)
            elif kind == 2:
                pool.append(a[..., 1:] if a.shape[-1] > 1 else a[...])
            elif kind == 3:
                pool.append(a.copy().reshape(-1))
            elif kind == 4:
                pool.append(a * 0.5)
            elif kind == 5:
                pool.append(a[..., None][..., 0])
            elif kind == 6:
                a *= b.sum() * 0.1
            elif kind == 7:
                a[...] = b.ravel()[0]
            elif kind == 8:
                a[0] = b[-1].sum()
            elif kind == 9:
                a += np.sin(a)
            elif kind == 10:
                a[::2] -= b.max() * 0.25
            else:
                pool.append(np.flip(a.copy(), 0)[: max(1, a.shape[0] - 1)])
        return sum(np.sum(np.cos(0.3 * i + p)) for i, p in enumerate(pool))

    return fun


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_as_numpy(seed):
    fun = random_program(seed)
    expected = fun(X.copy())
    value, gradient = fg.value_and_grad(fun)(X)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, differences(fun, X), rtol=1e-5, atol=1e-7)
    if seed % 6 == 0:
        np.testing.assert_allclose(fg.jit(fg.grad(fun))(X), gradient, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(fg.vmap(fun)(X[None]), [expected], rtol=1e-12)
        np.testing.assert_allclose(fg.jvp(fun, (X,), (X,))[1], (gradient * X).sum(), rtol=1e-10, atol=1e-12)
