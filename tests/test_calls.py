"""What a compiled program does with what NumPy runs: memory, warnings, reasons, products that are not computed."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile import gate, workspace
from funcgrad.compile.calls import may_warn, reason, writes
from funcgrad.compile.plan import Plan
from funcgrad.compile.simplify import simplify
from funcgrad.compile.workspace import Workspace
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.ops.contract import _dot_general, _shape, dot_general
from tests.groups import over_rows
from tests.samples import rows

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(60, 50)), RNG.normal(size=(50, 60))
Z = A + 1j * B.T


# Memory

PRODUCTS = {
    "matrices": ((4, 3), (3, 5), ((1,), (0,)), ((), ())),
    "transposed": ((3, 4), (5, 3), ((0,), (1,)), ((), ())),
    "first transposed": ((3, 4), (3, 5), ((0,), (0,)), ((), ())),
    "second transposed": ((4, 3), (5, 3), ((1,), (1,)), ((), ())),
    "matrix and vector": ((4, 3), (3,), ((1,), (0,)), ((), ())),
    "stacks": ((2, 4, 3), (2, 3, 5), ((2,), (1,)), ((0,), (0,))),
    "three axes": ((4, 3), (5, 1, 3), ((1,), (2,)), ((), ())),
    "two summed": ((4, 3, 2), (2, 5, 3), ((1, 2), (2, 0)), ((), ())),
    "outer": ((4,), (3, 2), ((), ()), ((), ())),
    "outer of stacks": ((2, 4), (2, 3), ((), ()), ((0,), (0,))),
    "nothing summed up": ((4, 0), (0, 5), ((1,), (0,)), ((), ())),
}


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_written_where_they_are_told_to(name, dtype):
    x_shape, y_shape, contract, batch = PRODUCTS[name]
    x, y = RNG.normal(size=x_shape).astype(dtype), RNG.normal(size=y_shape).astype(dtype)
    aval = _shape(aval_of(x), aval_of(y), contract, batch)
    want = _dot_general(x, y, contract, batch)
    out = np.full(aval.shape, np.nan, aval.dtype)
    _dot_general(x, y, contract, batch, out=out)
    assert want.dtype == aval.dtype and want.shape == aval.shape
    np.testing.assert_array_equal(out, want)


def chain(a, b):
    c = a @ b
    return np.sin(c) @ c, c


def test_what_stays_in_the_program_is_written_into_its_workspace():
    program = fg.jit(lambda a, b: np.sin(a @ b) @ a).lower(A, B)
    assert "out=" in program.text and program.workspace >= 60 * 60 * 8
    np.testing.assert_allclose(program(A, B)[0], np.sin(A @ B) @ A, rtol=1e-9)


def test_results_are_never_memory_of_the_program():
    f = fg.jit(chain)
    first = f(A, B)
    kept = [x.copy() for x in first]
    f(2 * A, B)
    for x, y in zip(first, kept, strict=True):
        np.testing.assert_array_equal(x, y)
        assert x.flags.writeable and x.flags.c_contiguous


def test_views_of_products_that_leave_are_never_memory_of_the_program():
    f = fg.jit(lambda z: ((z.T @ z).T.reshape(25, 100), np.exp(z)[::-1]))
    first = f(Z)
    kept = [x.copy() for x in first]
    f(Z + 1)
    for x, y in zip(first, kept, strict=True):
        np.testing.assert_array_equal(x, y)


def test_what_python_gets_to_see_is_never_memory_of_the_program():
    """A loop that runs from Python may keep what it is given."""

    def f(z):
        return lax.fori_loop(0, 3, lambda i, c: c * 0.5j, np.exp(z) * 2.0)

    program = fg.jit(f).lower(Z)
    assert "fori_loop" in str(program.graph) or "while_call" in program.calls or "scan_call" in program.calls
    (line,) = [line for line in program.text.splitlines() if "np_mul" in line]
    assert "out=" not in line
    np.testing.assert_allclose(program(Z)[0], np.exp(Z) * 2.0 * 0.5j**3, rtol=1e-12)


@pytest.mark.parametrize("a, b", [(A, B), (Z[:9, :8], Z[:8, :9])])
def test_threads_have_their_own(a, b):
    f = fg.jit(lambda a, b: np.exp(0.01 * (a @ b)) @ a)
    f(a, b)
    wrong = []

    def work(scale):
        want = np.exp(0.01 * (scale * a @ b)) @ (scale * a)
        for _ in range(15):
            if not np.allclose(f(scale * a, b), want, rtol=1e-9):
                wrong.append(scale)

    threads = [threading.Thread(target=work, args=(k / 16,)) for k in range(1, 17)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def masked(a, b, at):
    """Products of two arrays that a kernel makes, which also returns a number for the other kernel."""
    c = np.sin(a) * 2.0
    keep = c > 0.1
    product = c @ b
    return np.where(keep, c[at], 0.0) @ b, product * 0.5 + np.sum(keep)


AT = np.arange(60) - 3


def test_what_kernels_make_for_numpy_is_in_the_workspace():
    program = fg.jit(masked).lower(A, B, AT)
    kernel = program._plan.kernels[0].gate
    assert [aval.shape for aval in kernel.results] == [()] and len(kernel.given) == 2
    assert "del" not in program.text and program.workspace >= 2 * A.nbytes + 60 * 60 * 8
    for a in (A, A[::-1].copy(), A[::-1], np.asfortranarray(A)):
        for x, y, z in zip(program(a, B, AT), masked(a, B, AT), program.interpret(a, B, AT), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9)
            np.testing.assert_allclose(x, z, rtol=1e-9)


def test_a_kernel_that_numpy_runs_again_writes_into_the_workspace():
    def picked(a, b, at):
        return np.sin(np.exp(a[at]) @ b) @ a

    program = fg.jit(picked).lower(A, B, AT)
    kernel, *_ = program._plan.kernels
    assert kernel.gate.given == [0] and not kernel.gate.results
    out = np.zeros((60, 50))
    assert kernel.on_numpy(A, AT, out) == ()
    np.testing.assert_allclose(out, np.exp(A[AT]), rtol=1e-15)
    with pytest.raises(IndexError):
        program(A, B, AT + 60)
    np.testing.assert_allclose(program(A, B, AT)[0], picked(A, B, AT), rtol=1e-9)


def test_kernels_without_a_direct_way_in(monkeypatch):
    monkeypatch.setattr(gate, "available", lambda: False)
    program = fg.jit(masked).lower(A + 1.0, B, AT)
    for x, y in zip(program(A + 1.0, B, AT), masked(A + 1.0, B, AT), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9)


def test_values_of_different_times_share_memory():
    def long(a, b):
        for _ in range(20):
            a = np.tanh(a @ b) @ b.T
        return a

    program = fg.jit(long).lower(A, B)
    assert len(program.calls) >= 20 and "out=" in program.text
    assert program.workspace <= 4 * 60 * 60 * 8
    np.testing.assert_allclose(program(A, B)[0], long(A, B), rtol=1e-9)


def test_complex_operations_share_memory_too():
    def long(z):
        for _ in range(20):
            z = np.exp(z) / (1 + np.abs(z))
        return z

    program = fg.jit(long).lower(Z)
    assert program.workspace <= 5 * Z.nbytes
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(program(Z)[0], long(Z), rtol=1e-9)


def test_a_large_workspace_is_not_kept(monkeypatch):
    monkeypatch.setattr(workspace, "LARGEST", 60 * 60 * 8 - 1)
    program = fg.jit(lambda a, b: np.sin(a @ b) @ a).lower(A, B)
    assert "out=" not in program.text
    np.testing.assert_allclose(program(A, B)[0], np.sin(A @ B) @ A, rtol=1e-9)


def test_a_workspace_is_lent_once():
    space = Workspace()
    large, small = Aval((4, 4), np.dtype(float)), Aval((3,), np.dtype("f"))
    first = space.plan(large)
    assert space.plan(small) != first
    space.free(first)
    assert space.plan(small) == first and space.size == 4 * 4 * 8 + 3 * 4
    one, other = space.borrow(), space.borrow()
    assert [x.shape for x in one] == [(4, 4), (3,), (3,)] and [x.dtype.char for x in one] == ["d", "f", "f"]
    assert not any(np.shares_memory(x, y) for x in one for y in other)
    assert np.shares_memory(one[0], one[2]) and not np.shares_memory(one[0], one[1])
    space.give_back(other)
    space.give_back(one)
    assert space.borrow() is one and space.borrow() is not other


def test_a_program_runs_again_after_an_error():
    f = fg.jit(lambda a, b: np.linalg.inv(np.sin(a @ b) @ b.T @ b))
    want = f(A, B)
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros_like(A), B)
    np.testing.assert_array_equal(f(A, B), want)


# Warnings

HUGE = np.full((60, 60), 1e200)
LOUD = {
    "product": (lambda x: x @ x, HUGE),
    "product of stacks": (lambda x: x @ x, np.full((2, 200, 200), 1e200)),
    "complex product": (lambda x: x @ x, HUGE * 1j),
    "complex stacks": (lambda x: x @ x, np.full((2, 3, 3), 1e200j)),
    "complex operations": (lambda x: np.exp(x) / (x - x), HUGE * 1j),
    "float16": (lambda x: x * x, np.full(3, 6e4, np.float16)),
    "determinant": (lambda x: np.linalg.det(x), HUGE),
    "sign and logarithm of it": (lambda x: np.linalg.slogdet(x)[1], np.full((3, 3), np.nan)),
    "cast": (lambda x: np.sort(x).astype(np.complex64), np.full(3, 1e200)),
    "many matrices": (lambda x: np.linalg.solve(x, x), np.stack([np.eye(3) * 1e200, np.eye(3) * 1e-200])),
    "single precision": (lambda x: np.linalg.svd(x)[1], np.full((3, 3), 3e38, np.float32)),
    "sorted": (lambda x: np.sort(x), np.array([np.nan, np.inf, 1.0])),
    "loop run by Python": (lambda x: lax.fori_loop(0, 2, lambda i, c: c * c, x), np.full(3, 1e200j)),
}


@pytest.mark.parametrize("name", LOUD)
@pytest.mark.filterwarnings("error")
def test_programs_give_no_floating_point_warnings(name):
    fun, x = LOUD[name]
    program = fg.jit(fun).lower(x)
    assert program.calls
    program(x)


@pytest.mark.filterwarnings("error")
@over_rows(rows())
def test_what_is_called_without_a_guard_gives_no_warning(row):
    """Each operation that `may_warn` says is silent, on numbers that would make others warn."""
    for dtype in ("f", "d", "F", "D"):
        args = [a if a.dtype.kind not in "fc" else a.astype(dtype) for a in map(np.asarray, row.args)]
        try:
            graph = trace_graph(lambda *xs: fg.tree.leaves(row.fun(*xs)), [aval_of(a) for a in args])
        except TypeError:
            continue  # not of these dtypes
        for eqn in graph.eqns:
            if may_warn(eqn) or "run" in eqn.params:
                continue
            for number in (np.nan, np.inf, 1e38, 1e-45):
                values = [
                    np.full(a.aval.shape, number, a.aval.dtype) if a.aval.dtype.kind in "fc"
                    else np.zeros(a.aval.shape, a.aval.dtype)
                    for a in eqn.inputs
                ]  # fmt: skip
                with contextlib.suppress(np.linalg.LinAlgError):
                    eqn.prim.impl(*values, **eqn.params)


def test_a_guard_stands_only_where_it_is_needed():
    silent = fg.jit(lambda a: np.sort(np.sin(np.linalg.inv(np.exp(a))), axis=0)).lower(A[:50])
    assert silent.calls == ["inv", "sort"] and "quiet" not in silent.text
    loud = fg.jit(lambda a, b: np.sort(np.sin(np.sort(a) @ b) @ a)).lower(A, B)
    lines = loud.text[loud.text.index("def program") :].splitlines()
    assert [line.startswith("        ") for line in lines if "np_dot" in line] == [True, True]
    assert [line.startswith("        ") for line in lines if "np_sort" in line] == [False, False]


@pytest.mark.filterwarnings("error")
def test_the_users_setting_is_back_after_a_call():
    with np.errstate(all="raise"):
        fg.jit(lambda z: np.exp(z) * 2.0)(Z * 1e300)
        assert np.geterr()["over"] == "raise"


# Reasons

REASONS = {
    "sort: no kernel": (lambda x: np.sort(x), A[0]),
    "solve: no kernel": (lambda x: np.linalg.solve(x[:50], x[0]), A),
    "qr: no kernel": (lambda x: np.linalg.qr(x)[0], A),
    "exp: complex128 has no kernels": (lambda x: np.exp(x), Z),
    "exp: float16 has no kernels": (lambda x: np.exp(x), A.astype(np.float16)),
    "dot_general: BLAS is faster for 60 x 50 times 50 x 60": (lambda x: x @ x.T, A),
    "dot_general: no kernel for int64 times int64": (lambda x: x @ x, np.arange(9).reshape(3, 3)),
    "reshape: only NumPy reads this view": (lambda x: np.linalg.inv(x.reshape(50, 60)[:, :50].reshape(50, 50)), A),
    "eq: kernels have other rules for int64, uint64": (lambda x: x == np.ones(3, np.uint64), np.arange(3)),
    "scan_call: complex128 has no kernels": (lambda x: lax.scan(lambda c, y: (c * 1j, y), x, x)[0], Z[:, 0]),
    "scan_call: `sort` in its body (no kernel)": (lambda x: lax.scan(lambda c, y: (np.sort(c), y), x, x)[0], A[0]),
    "linear_solve_call: Python runs its programs": (
        lambda x: lax.custom_linear_solve(lambda v: x * v, x, lambda f, b: b / x, symmetric=True), A[0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", REASONS)
def test_a_program_says_why_numpy_runs_a_part(words):
    fun, x = REASONS[words]
    program = fg.jit(fun).lower(x)
    assert words in program.reasons
    assert [r.split(":")[0] for r in program.reasons] == program.calls


@over_rows(rows())
def test_every_call_has_a_reason(row):
    for dtype in ("d", "F"):
        args = [a if a.dtype.kind not in "fc" else a.astype(dtype) for a in map(np.asarray, row.args)]
        try:
            graph = trace_graph(lambda *xs: fg.tree.leaves(row.fun(*xs)), [aval_of(a) for a in args])
        except TypeError:
            continue  # not of these dtypes
        plan = Plan(simplify(graph), set())
        for eqn, kind in plan.kinds.items():
            if kind == "host":
                assert reason(eqn).startswith(f"{eqn.prim.name}: ")


def test_one_kernel_has_no_reasons():
    program = fg.jit(lambda x: np.sum(np.sin(x))).lower(A)
    assert program.calls == program.reasons == []


def test_only_results_that_numpy_can_write_are_planned():
    graph = trace_graph(lambda z: [np.exp(z), np.sort(z), z @ z.T, z.real], [aval_of(Z)])
    found = {e.prim.name: writes(e) for e in graph.eqns}
    assert found == {"exp": True, "sort": False, "transpose": False, "dot_general": True, "real": False}


# Products that are not computed

W = RNG.normal(size=(7, 12))
LINEAR = {
    "matrix times": (lambda x: W @ x, W[0]),
    "times matrix": (lambda x: x @ W, W[:, 0]),
    "from a tensor": (lambda x: np.einsum("ijk,j->ik", W.reshape(2, 7, 6), x), W[:, 0]),
    "of one": (lambda x: np.outer(W[0], x), W[:, 0]),
    "curved": (lambda x: np.sum(np.tanh(W @ x) ** 2), W[0]),
    "curved columns": (lambda x: np.tanh(np.sin(x) @ W), W[:, 0]),
    "of single precision": (lambda x: W.astype("f") @ np.tanh(x), W[0].astype("f")),
    "of two precisions": (lambda x: W @ np.tanh(x), W[0].astype("f")),
    "itself": (lambda x: x, W[0]),
    "many": (lambda x: np.tanh(RNG_LARGE @ x), RNG.normal(size=40)),
}
RNG_LARGE = RNG.normal(size=(30, 40))


@pytest.mark.parametrize("derive", [fg.jacfwd, fg.jacrev, fg.hessian])
@pytest.mark.parametrize("name", LINEAR)
def test_jacobians_are_the_same_without_products_with_the_identity(name, derive):
    fun, x = LINEAR[name]
    got, want = fg.jit(derive(fun))(x), derive(fun)(x)
    assert got.dtype == want.dtype and got.shape == want.shape and got.flags.writeable
    single = x.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-4 if single else 1e-9, atol=1e-5 if single else 1e-13)


@pytest.mark.parametrize("derive", [fg.jacfwd, fg.jacrev])
def test_the_jacobian_of_a_product_is_the_matrix(derive):
    for w, x in ((RNG_LARGE, RNG.normal(size=40)), (W, W[0])):
        program = fg.jit(derive(lambda x, w=w: w @ x)).lower(x)
        assert "dot_general" not in str(program.graph)
        np.testing.assert_array_equal(program(x)[0], w)


def test_an_identity_of_the_users_multiplies():
    """NumPy's result has NaN where an infinity meets a zero."""
    eye = np.eye(40)
    eye.flags.writeable = False
    x = np.ones((40, 40))
    x[3, 4] = np.inf
    got = fg.jit(lambda x: x @ eye)(x)
    assert np.isnan(got[3]).sum() == 39
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(got, x @ eye)


def test_results_are_not_the_unit_vectors_that_were_put_in():
    for derive in (fg.jacfwd, fg.jacrev):
        for compile in (fg.jit, lambda f: f):
            jacobian = compile(derive(lambda x: x))(np.ones(20))
            assert jacobian.flags.writeable
            jacobian[:] = 0
            np.testing.assert_array_equal(compile(derive(lambda x: x))(np.ones(20)), np.eye(20))


def test_batches_of_jacobians():
    x = RNG.normal(size=(3, 12))
    batched = fg.jit(fg.vmap(fg.jacfwd(lambda x: np.tanh(W @ x))))(x)
    np.testing.assert_allclose(batched, [fg.jacfwd(lambda x: np.tanh(W @ x))(row) for row in x], rtol=1e-9)


def test_stacks_and_sums_over_several_axes_keep_their_product():
    eye = np.eye(12)
    x = RNG.normal(size=(12, 12))
    stacked = dot_general(x, eye, contract=((), ()), batch=((0,), (0,)))
    assert fg.jit(lambda x: dot_general(x, eye, contract=((), ()), batch=((0,), (0,))))(x).tolist() == stacked.tolist()
