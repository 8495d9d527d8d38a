"""`lax` gives JAX's values, dtypes and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, nn

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
pytestmark = pytest.mark.jax

draw = np.random.default_rng(5).normal
X = draw(size=(4, 5))
Y = draw(size=(4, 5))
T = draw(size=(2, 3, 4))
INTS = np.array([[-7, 7, 0], [12, -3, 5]])
FOURS = np.array([[4, -4, 3], [-5, 2, 5]])
WORDS = [np.array([0, 1, 5, 127, -1, -128], np.int8), np.array([0, 1, 2**31, 2**32 - 1], np.uint32),
         np.array([0, 1, -1, 2**62], np.int64), np.array([3, 2**15], np.uint16)]  # fmt: skip

UNARY = {
    "abs": X, "acos": np.tanh(X), "acosh": abs(X) + 1, "asin": np.tanh(X), "asinh": X, "atan": X, "atanh": np.tanh(X),
    "bessel_i0e": 3 * X, "bessel_i1e": 3 * X, "cbrt": X, "ceil": X, "cos": X, "cosh": X, "exp": X, "exp2": X,
    "expm1": X, "floor": X, "is_finite": X, "log": abs(X), "log1p": abs(X), "neg": X, "round": 3 * X, "rsqrt": abs(X),
    "sign": X, "sin": X, "sinh": X, "sqrt": abs(X), "square": X, "tan": X, "tanh": X,
}  # fmt: skip
BINARY = {
    "add": (X, Y), "atan2": (X, Y), "div": (X, Y), "eq": (X, Y), "ge": (X, Y), "gt": (X, Y), "le": (X, Y), "lt": (X, Y),
    "max": (X, Y), "min": (X, Y), "mul": (X, Y), "ne": (X, Y), "nextafter": (X, Y), "pow": (abs(X), Y),
    "rem": (3 * X, Y),
    "sub": (X, Y), "igamma": (abs(X) + 0.1, abs(Y) + 0.1), "igammac": (abs(X) + 0.1, abs(Y) + 0.1),
    "random_gamma_grad": (abs(X) + 0.1, abs(Y) + 0.1), "igamma_grad_a": (abs(X) + 0.1, abs(Y) + 0.1),
}  # fmt: skip
NO_DERIVATIVE = ("ceil", "eq", "floor", "ge", "gt", "is_finite", "le", "lt", "ne", "nextafter", "round", "sign",
                 "random_gamma_grad", "igamma_grad_a")  # fmt: skip


def same(ours: Any, theirs: Any, rtol: float = 1e-10) -> None:
    for y, e in zip(fg.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert np.shape(y) == e.shape and y.dtype == e.dtype
        np.testing.assert_allclose(y, e, rtol=rtol, atol=1e-12)


def same_with_cotangents(ours: Any, theirs: Any, *args: np.ndarray, rtol: float = 1e-9) -> None:
    y, pullback = fg.vjp(ours, *args)
    expected, their_pullback = jax.vjp(theirs, *args)
    same(y, expected, rtol)
    ct = jax.tree.map(lambda e: np.cos(np.arange(e.size)).reshape(e.shape).astype(e.dtype), expected)
    same(pullback(ct), their_pullback(jax.tree.map(jnp.asarray, ct)), rtol)


@pytest.mark.parametrize("mode", [None, "clip", "drop"])
@pytest.mark.parametrize("ids", [[0, 2, 0, 1], [3, 3, 3, 3], [-1, 0, 7, 0], [5, 5, -9, 5]], ids=str)
@pytest.mark.parametrize("what", ["sum", "prod", "max", "min"])
def test_segments(what, ids, mode):
    ids = np.array(ids, np.int8)
    for data in (X, X[:, 0].astype(np.float32), np.arange(4), X[:, :0]):
        ours = lambda d: getattr(fg.ops, f"segment_{what}")(d, ids, 4, mode=mode)
        theirs = lambda d: getattr(jax.ops, f"segment_{what}")(d, jnp.asarray(ids), 4, mode=mode)
        same(ours(data), theirs(jnp.asarray(data)))
        if what == "sum" and data.dtype.kind == "f":  # JAX gives infinities beside segments without elements
            same_with_cotangents(ours, theirs, data, rtol=1e-6)
    if mode is None and max(ids) > 0:
        same(getattr(fg.ops, f"segment_{what}")(X, ids), getattr(jax.ops, f"segment_{what}")(X, jnp.asarray(ids)))


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    ours, theirs = getattr(lax, name), getattr(jax.lax, name)
    if name in NO_DERIVATIVE:
        same(ours(UNARY[name]), theirs(UNARY[name]))
    else:
        same_with_cotangents(ours, theirs, UNARY[name])


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    ours, theirs = getattr(lax, name), getattr(jax.lax, name)
    if name in NO_DERIVATIVE:
        same(ours(*BINARY[name]), theirs(*BINARY[name]), rtol=1e-9)
    else:
        same_with_cotangents(ours, theirs, *BINARY[name], rtol=1e-8)


@pytest.mark.parametrize("name", ["div", "rem", "bitwise_and", "bitwise_or", "bitwise_xor", "max"])
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_integers(name, dtype):
    x, y = INTS.astype(dtype), FOURS.astype(dtype)
    same(getattr(lax, name)(x, y), getattr(jax.lax, name)(x, y))
    same(fg.jit(getattr(lax, name))(x, y), getattr(jax.lax, name)(x, y))


@pytest.mark.parametrize("words", WORDS, ids=lambda w: w.dtype.name)
def test_bits(words):
    for name in ("population_count", "clz", "bitwise_not"):
        same(getattr(lax, name)(words), getattr(jax.lax, name)(words))
        same(fg.jit(getattr(lax, name))(words), getattr(jax.lax, name)(words))
    for name in ("shift_left", "shift_right_logical", "shift_right_arithmetic"):
        for count in (0, 1, 7, 8, 33, 64):
            by = np.full(words.shape, count, words.dtype)
            same(getattr(lax, name)(words, by), getattr(jax.lax, name)(words, by))


def test_round_to_even():
    x = np.array([0.5, 1.5, -2.5, 2.4999])
    for method in (0, 1):
        same(lax.round(x, method), jax.lax.round(x, jax.lax.RoundingMethod(method)))


def test_bitcast():
    for x, dtype in ((X, "u8"), (X.astype("f4"), "i4"), (X, "u4"), (np.arange(8, dtype="u1").reshape(2, 4), "f4")):
        same(lax.bitcast_convert_type(x, dtype), jax.lax.bitcast_convert_type(x, dtype))


@pytest.mark.parametrize(
    "bad", [lambda m: m.add(X, X[0]), lambda m: m.add(X, X.astype("f4")), lambda m: m.mul(X, INTS)]
)
def test_strict(bad):
    for module in (lax, jax.lax):
        with pytest.raises(TypeError):
            bad(module)


PADS = [((1, 2, 0), (0, 0, 0)), ((-1, 1, 2), (2, -3, 1)), ((0, 0, 1), (-1, -1, 0)), ((3, 0, 3), (0, 2, 0))]
SHAPED = {
    "slice": lambda m, x: m.slice(x, (1, 0), (4, 5), (2, 3)),
    "slice_in_dim": lambda m, x: m.slice_in_dim(x, 1, -1, 2, axis=1),
    "index_in_dim": lambda m, x: m.index_in_dim(x, -2, axis=1, keepdims=False),
    "dynamic_slice": lambda m, x: m.dynamic_slice(x, (3, -2), (2, 2)),
    "dynamic_slice_in_dim": lambda m, x: m.dynamic_slice_in_dim(x, 4, 3, axis=1),
    "dynamic_index_in_dim": lambda m, x: m.dynamic_index_in_dim(x, 9, axis=0, keepdims=False),
    "dynamic_update_slice": lambda m, x: m.dynamic_update_slice(x, 2 * x[:2, :3], (-1, 1)),
    "dynamic_update_slice_in_dim": lambda m, x: m.dynamic_update_slice_in_dim(x, x[:, :2] * x[:, 2:4], 4, axis=1),
    "dynamic_update_index_in_dim": lambda m, x: m.dynamic_update_index_in_dim(x, x[0] * 3, 2, axis=0),
    "broadcast": lambda m, x: m.broadcast(x, (2, 1)),
    "broadcast_in_dim": lambda m, x: m.broadcast_in_dim(x, (4, 3, 5), (0, 2)),
    "reshape": lambda m, x: m.reshape(x, (2, 10), (1, 0)),
    "rev": lambda m, x: m.rev(x, (1,)),
    "expand_dims": lambda m, x: m.expand_dims(x, (0, 3)),
    "squeeze": lambda m, x: m.squeeze(x[:1], (0,)),
    "collapse": lambda m, x: m.collapse(m.expand_dims(x, (0,)), 1, 3),
    "concatenate": lambda m, x: m.concatenate([x, x * x, x[:1]], 0),
    "transpose": lambda m, x: m.transpose(x, (1, 0)),
    "split": lambda m, x: m.split(x, (2, 3), axis=1),
    "clamp": lambda m, x: m.clamp(-0.5, x, 0.5),
    "select": lambda m, x: m.select(Y > 0, x, x * x),
    "select_n": lambda m, x: m.select_n(np.where(Y > 0.5, 2, Y > 0).astype(np.int32), x, x * x, 3 * x),
    "integer_pow": lambda m, x: m.integer_pow(x, -3),
    "complex": lambda m, x: m.abs(m.complex(x, x * x)),
    "convert": lambda m, x: m.convert_element_type(x * x, np.float32),
    "reduce_sum": lambda m, x: m.reduce_sum(x, (1,)),
    "reduce_prod": lambda m, x: m.reduce_prod(x, (0, 1)),
    "reduce_max": lambda m, x: m.reduce_max(x, (0,)),
    "reduce_min": lambda m, x: m.reduce_min(x, (1,)),
    "reduce": lambda m, x: m.reduce(x, np.float64(1.0), m.mul, (1,)),
    "reduce other": lambda m, x: m.reduce(x, np.float64(0.0), lambda a, b: a + b + a * b, (0,)),
    "cumsum": lambda m, x: m.cumsum(x, 1, reverse=True),
    "cumprod": lambda m, x: m.cumprod(x, 0, reverse=True),
    "cummax": lambda m, x: m.cummax(x, 1),
    "cummin": lambda m, x: m.cummin(x, 0, reverse=True),
    "cumlogsumexp": lambda m, x: m.cumlogsumexp(x, 1),
    "sort": lambda m, x: m.sort(x, 0),
    "top_k": lambda m, x: m.top_k(x, 3)[0],
    "dot": lambda m, x: m.dot(x, x.T),
    "dot_general": lambda m, x: m.dot_general(x, x + 1, (((1,), (1,)), ((0,), (0,)))),
    **{f"pad {p}": lambda m, x, p=p: m.pad(x, np.float64(0), p) for p in PADS},
    "pad with value": lambda m, x: m.pad(x, np.float64(1.5), PADS[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_shapes_and_reductions(name):
    fun = SHAPED[name]
    same_with_cotangents(lambda x: fun(lax, x), lambda x: fun(jax.lax, x), X)
    same(fg.jit(lambda x: fun(lax, x))(X), fun(jax.lax, X))


def test_dynamic_places_under_transformations():
    """With starts that are traced: by jit, and by vmap over them."""
    starts = np.array([-3, 0, 2, 9])
    for fun in (
        lambda m, i: m.dynamic_slice(X, (i, 1), (2, 3)),
        lambda m, i: m.dynamic_update_slice(X, Y[:2, :3], (i, i)),
        lambda m, i: m.dynamic_index_in_dim(X, i, 1, False),
        lambda m, i: m.dynamic_update_index_in_dim(X, Y[:, :1], i, 1),
    ):
        expected = jax.vmap(lambda i, fun=fun: fun(jax.lax, i))(starts)
        same(fg.vmap(lambda i, fun=fun: fun(lax, i))(starts), expected)
        for i, e in zip(starts, expected):
            same(fg.jit(lambda i, fun=fun: fun(lax, i))(i), e)
    moved = lambda m: lambda x, i: (m.dynamic_slice(x, (i, i), (2, 2)) ** 2).sum()
    same(fg.jit(fg.grad(moved(lax)))(X, 1), jax.grad(moved(jax.lax))(X, 1))


def test_integers_in_reductions():
    for name in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_and", "reduce_or", "reduce_xor"):
        for dtype in (np.int32, np.uint8):
            x = INTS.astype(dtype)
            if hasattr(jax.lax, name):
                same(getattr(lax, name)(x, (1,)), getattr(jax.lax, name)(jnp.asarray(x), (1,)))
    for name in ("cumsum", "cumprod", "cummax"):
        same(getattr(lax, name)(INTS.astype(np.int32), 1), getattr(jax.lax, name)(INTS.astype(np.int32), 1))
    same(lax.argmax(X, 1, np.int32), jax.lax.argmax(X, 1, np.int32))
    same(lax.argmin(X, 0, np.int64), jax.lax.argmin(X, 0, np.int64))


def test_sorting_several():
    keys = np.array([2, 1, 2, 1, 3, 2])
    other = np.array([0.5, 2.0, -1.0, 1.0, 0.0, 0.5])
    place = np.arange(6)
    same(lax.sort((keys, other, place), num_keys=2), jax.lax.sort((keys, other, place), num_keys=2))
    same(lax.sort((keys, place)), jax.lax.sort((keys, place)))
    same(lax.sort_key_val(other, place), jax.lax.sort_key_val(other, place))
    nans = np.array([1.0, np.nan, 3.0, 3.0, -np.inf])
    values, places = lax.top_k(nans, 4)
    expected, their_places = jax.lax.top_k(nans, 4)
    same(values, expected)
    np.testing.assert_array_equal(places, their_places)


def test_new_arrays():
    same(lax.iota(np.int32, 4), jax.lax.iota(np.int32, 4))
    same(lax.broadcasted_iota(np.int32, (2, 3), 1), jax.lax.broadcasted_iota(np.int32, (2, 3), 1))
    same(lax.full((2, 3), 1.5, np.float32), jax.lax.full((2, 3), 1.5, np.float32))
    same(lax.full_like(INTS, 2), jax.lax.full_like(INTS, 2))
    assert lax.broadcast_shapes((2, 1), (3,)) == jax.lax.broadcast_shapes((2, 1), (3,))


LINE, KERNEL = draw(size=(2, 4, 9)), draw(size=(6, 4, 3))
PLANE, FILTER = draw(size=(2, 4, 7, 6)), draw(size=(6, 4, 3, 2))
CONVOLUTIONS = {
    "line": (LINE, KERNEL, {"window_strides": (1,), "padding": "VALID"}),
    "line strided": (LINE, KERNEL, {"window_strides": (2,), "padding": "SAME"}),
    "plane": (PLANE, FILTER, {"window_strides": (1, 1), "padding": "SAME"}),
    "plane strided": (PLANE, FILTER, {"window_strides": (2, 3), "padding": [(1, 2), (0, 1)]}),
    "cut": (PLANE, FILTER, {"window_strides": (1, 1), "padding": [(-1, 2), (1, -2)]}),
    "kernel dilated": (PLANE, FILTER, {"window_strides": (1, 2), "padding": "SAME", "rhs_dilation": (2, 3)}),
    "array dilated": (PLANE, FILTER, {"window_strides": (2, 1), "padding": [(1, 1), (2, 0)], "lhs_dilation": (2, 3)}),
    "feature groups": (PLANE, FILTER[:, :2], {"window_strides": (1, 2), "padding": "SAME", "feature_group_count": 2}),
    "depthwise": (PLANE, draw(size=(8, 1, 3, 2)),
                  {"window_strides": (1, 1), "padding": "VALID", "feature_group_count": 4}),
    "batch groups": (PLANE, FILTER, {"window_strides": (1, 1), "padding": "VALID", "batch_group_count": 2}),
    "letters": (draw(size=(2, 7, 6, 4)), draw(size=(3, 2, 4, 6)),
                {"window_strides": (2, 1), "padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}),
    "space": (draw(size=(1, 2, 4, 5, 3)), draw(size=(3, 2, 2, 3, 1)),
              {"window_strides": (1, 2, 1), "padding": "SAME_LOWER"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name):
    x, w, options = CONVOLUTIONS[name]
    ours = lambda x, w: lax.conv_general_dilated(x, w, **options)
    same_with_cotangents(ours, lambda x, w: jax.lax.conv_general_dilated(x, w, **options), x, w)
    squared = lambda x, w: (ours(x, w) ** 2).sum()
    eager = fg.grad(squared, (0, 1))(x, w)
    for g, e in zip(fg.jit(fg.grad(squared, (0, 1)))(x, w), eager):
        np.testing.assert_allclose(g, e, rtol=1e-10, atol=1e-10)
    each = [ours(x, w), ours(2 * x, w)]
    np.testing.assert_allclose(fg.vmap(ours, (0, None))(np.stack([x, 2 * x]), w), each, rtol=1e-10, atol=1e-12)
    each = [ours(x, w), ours(x, -w)]
    np.testing.assert_allclose(fg.vmap(ours, (None, 0))(x, np.stack([w, -w])), each, rtol=1e-10, atol=1e-12)


TRANSPOSED = [
    {"strides": (2, 2), "padding": "SAME"}, {"strides": (3, 1), "padding": "VALID"},
    {"strides": (2, 3), "padding": "SAME", "transpose_kernel": True},
    {"strides": (2, 1), "padding": [(1, 1), (2, 0)], "rhs_dilation": (2, 1)},
]  # fmt: skip


@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
def test_transposed_convolutions(options):
    x = draw(size=(2, 4, 5, 3))
    w = draw(size=(3, 2, 2, 3)) if options.get("transpose_kernel") else draw(size=(3, 2, 3, 2))
    same_with_cotangents(
        lambda x, w: lax.conv_transpose(x, w, **options), lambda x, w: jax.lax.conv_transpose(x, w, **options), x, w
    )


WINDOWS = {
    "max": (-np.inf, "max"), "min": (np.inf, "min"), "sum": (0.0, "add"),
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize(
    "options", [((2, 3), (1, 2), "SAME"), ((3, 1), (3, 1), "VALID"), ((2, 2), (2, 1), [(1, 0), (0, 2)])], ids=str
)
def test_windows(name, options):
    init, op = WINDOWS[name]
    x = np.round(2 * draw(size=(6, 5)))  # with ties
    run = lambda m: lambda x: m.reduce_window(x, np.float64(init), getattr(m, op), *options)
    same_with_cotangents(run(lax), run(jax.lax), x)
    np.testing.assert_allclose(fg.jit(run(lax))(x), run(lax)(x))


def test_windows_of_other_kinds():
    x = INTS.astype(np.int64)
    same(
        lax.reduce_window(x, 1, lax.mul, (2, 2), (1, 1), "VALID"),
        jax.lax.reduce_window(x, np.int64(1), jax.lax.mul, (2, 2), (1, 1), "VALID"),
    )
    run = lambda m: m.reduce_window(
        X, np.float64(0), lambda a, b: a + b + a * b, (2, 1), (1, 1), "VALID", (1, 2), (2, 1)
    )
    same(run(lax), run(jax.lax))


def test_pooling():
    x = draw(size=(2, 6, 6, 3))
    ones = lambda m: m.reduce_window(np.ones_like(x), 0.0, m.add, (1, 2, 3, 1), (1, 2, 1, 1), "SAME")
    total = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2, 3, 1), (1, 2, 1, 1), "SAME")
    same(nn.avg_pool(x, (2, 3), (2, 1), "SAME"), total / 6)
    same(nn.avg_pool(x, (2, 3), (2, 1), "SAME", count_include_pad=False), total / ones(jax.lax))
    same(nn.max_pool(x, (2, 3)), jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 2, 3, 1), (1, 1, 1, 1), "VALID"))
    padded = [(0, 0), (0, 1), (1, 1), (0, 0)]
    expected = jax.lax.reduce_window(x, np.inf, jax.lax.min, (1, 2, 3, 1), (1, 1, 1, 1), padded)
    same(nn.min_pool(x, (2, 3), padding=padded[1:3]), expected)


def test_linalg():
    a = X[:, :4] @ X[:, :4].T + 3 * np.eye(4)
    same_with_cotangents(lax.linalg.cholesky, jax.lax.linalg.cholesky, a)
    same(lax.linalg.eigh(a)[1], jax.lax.linalg.eigh(a)[1])
    assert np.allclose((v := lax.linalg.eigh(a)[0]) @ np.diag(lax.linalg.eigh(a)[1]) @ v.T, a)
    same(
        [abs(x) for x in lax.linalg.qr(X, full_matrices=False)],
        [abs(x) for x in jax.lax.linalg.qr(X, full_matrices=False)],
    )
    same(lax.linalg.svd(X, compute_uv=False), jax.lax.linalg.svd(X, compute_uv=False))
    for left in (True, False):
        for lower in (True, False):
            for transposed in (True, False):
                options = {"left_side": left, "lower": lower, "transpose_a": transposed, "unit_diagonal": lower}
                b = Y if left else Y.T
                run = lambda m, options=options: lambda a, b: m.linalg.triangular_solve(a, b, **options)
                same(run(lax)(a, b), run(jax.lax)(a, b))
