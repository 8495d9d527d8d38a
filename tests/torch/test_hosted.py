"""Tensors as arguments of funcgrad's own transformations: what they give is what they give for arrays, as Tensors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.torch as torch
from funcgrad import tree
from funcgrad.errors import NotDifferentiableError

Tensor = torch.Tensor
POINT = np.array([0.5, -1.25, 2.0])
OTHER = np.array([1.5, 0.75, -0.5])


def cubes(x):
    """For arrays and Tensors alike."""
    return (x * x * x - x).sum()


def parts(p):
    return {"product": p["a"] * p["b"], "more": (p["a"] ** 2, p["b"].sum())}


def tensors(x):
    return tree.map(lambda a: torch.tensor(a), x)


def assert_same(found, expected):
    """Tensors where the other has arrays, of the same structure, dtypes and numbers."""
    got, wanted = tree.leaves(found), tree.leaves(expected)
    assert tree.structure(found) == tree.structure(expected)
    for t, a in zip(got, wanted):
        assert type(t) is Tensor, type(t)
        array = t.detach().numpy()
        assert array.dtype == np.asarray(a).dtype and array.shape == np.shape(a)
        np.testing.assert_array_equal(array, a)


PARAMS = {"a": POINT, "b": OTHER}
CALLS = {
    "grad": lambda x, p: fg.grad(cubes)(x),
    "grad of a tree": lambda x, p: fg.grad(lambda p: (p["a"] * p["b"]).sum())(p),
    "grad by two": lambda x, p: fg.grad(lambda a, b: (a * b * b).sum(), (0, 1))(p["a"], p["b"]),
    "grad with aux": lambda x, p: fg.grad(lambda x: (cubes(x), [x * 2.0]), has_aux=True)(x),
    "grad with a keyword": lambda x, p: fg.grad(lambda x, *, w: (x * x * w).sum())(x, w=p["b"]),
    "value_and_grad": lambda x, p: fg.value_and_grad(cubes)(x),
    "value_and_grad with aux": lambda x, p: fg.value_and_grad(lambda x: (cubes(x), {"x": x}), has_aux=True)(x),
    "vjp": lambda x, p: (lambda out, pull: (out, pull(out)))(*fg.vjp(parts, p)),
    "vjp with aux": lambda x, p: (lambda out, pull, aux: (out, pull(out), aux))(
        *fg.vjp(lambda x: (x * x, x + 1.0), x, has_aux=True)
    ),
    "jvp": lambda x, p: fg.jvp(parts, (p,), (p,)),
    "linearize": lambda x, p: (lambda out, along: (out, along(p)))(*fg.linearize(parts, p)),
    "linear_transpose": lambda x, p: fg.linear_transpose(lambda x: x * 3.0, x)(x),
    "jacrev": lambda x, p: fg.jacrev(parts)(p),
    "jacfwd": lambda x, p: fg.jacfwd(parts)(p),
    "jacfwd with aux": lambda x, p: fg.jacfwd(lambda x: (x * x, x), has_aux=True)(x),
    "hessian": lambda x, p: fg.hessian(cubes)(x),
    "hessian of a tree": lambda x, p: fg.hessian(lambda p: (p["a"] * p["a"] * p["b"]).sum())(p),
    "hvp": lambda x, p: fg.hvp(cubes, (x,), (p["b"],)),
    "elementwise_grad": lambda x, p: fg.elementwise_grad(lambda x: x * x * x)(x),
    "vmap": lambda x, p: fg.vmap(lambda x, y: (x * y, x), (0, None))(x, p["b"]),
    "vmap, other axes": lambda x, p: fg.vmap(lambda m, y: m * y, (1, 0), 1)(x[:, None] * x[:2], p["b"][:2]),
    "jit": lambda x, p: fg.jit(parts)(p),
    "jit, static": lambda x, p: fg.jit(lambda x, n, *, k: x * n + k, 1, "k")(x, 3.0, k=2.0),
    "grad of jit": lambda x, p: fg.grad(fg.jit(cubes))(x),
    "jit of grad": lambda x, p: fg.jit(fg.grad(cubes))(x),
    "vmap of grad": lambda x, p: fg.vmap(fg.grad(lambda a: a * a * a))(x),
    "grad of vmap": lambda x, p: fg.grad(lambda x: fg.vmap(lambda a: a * a)(x).sum())(x),
    "jit of vmap of grad": lambda x, p: fg.jit(fg.vmap(fg.grad(lambda a: a * a * a)))(x),
    "grad of grad": lambda x, p: fg.grad(lambda x: fg.grad(cubes)(x).sum())(x),
    "grad of checkpoint": lambda x, p: fg.grad(fg.checkpoint(cubes))(x),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CALLS)
def test_is_what_arrays_give(name, dtype):
    x, p = POINT.astype(dtype), tree.map(lambda a: a.astype(dtype), PARAMS)
    expected = tree.map(np.asarray, CALLS[name](x, p))
    assert_same(CALLS[name](torch.tensor(x), tensors(p)), expected)


RECORDED = {name: call for name, call in CALLS.items() if name != "linear_transpose"}


@pytest.mark.parametrize("name", RECORDED)
def test_what_comes_from_recorded_values_is_recorded(name):
    """`backward` through a transformation gives what `grad` of it gives for arrays."""

    def total(x, p):
        return sum([(leaf * leaf).sum() for leaf in tree.leaves(RECORDED[name](x, p))])

    x, p = torch.tensor(POINT, requires_grad=True), tensors(PARAMS)
    p["a"].requires_grad_()
    total(x, p).backward()
    by_x, by_p = fg.grad(total, (0, 1))(POINT, PARAMS)
    for t, g in ((x, by_x), (p["a"], by_p["a"])):
        np.testing.assert_allclose(np.zeros(3) if t.grad is None else t.grad.numpy(), g, rtol=1e-12)
    assert np.any(by_x) or np.any(by_p["a"])


@pytest.mark.parametrize("transform", [fg.grad, fg.jit, fg.vmap])
def test_nothing_is_recorded_under_no_grad(transform):
    x, w = torch.tensor(POINT, requires_grad=True), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        found = transform(lambda x: (x * x * w).sum())(x)
    assert not found.requires_grad
    np.testing.assert_array_equal(found.numpy(), transform(lambda x: (x * x * 2.0).sum())(POINT))


@pytest.mark.parametrize("before", [torch.no_grad, torch.enable_grad])
def test_jit_of_a_function_that_captures_what_requires_grad(before):
    """Also where its program was first made while recording was off."""
    w = torch.tensor(OTHER, requires_grad=True)
    scaled = fg.jit(lambda x: x * w)
    with before():
        scaled(torch.tensor(POINT))
    scaled(torch.tensor(POINT)).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), POINT)


def test_grad_of_a_function_that_captures_what_requires_grad():
    w = torch.tensor(OTHER, requires_grad=True)
    fg.grad(lambda x: (x * w * w).sum())(torch.tensor(POINT)).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), 2 * OTHER)


def test_jit_traces_once_for_tensors_of_one_shape():
    calls = []

    @fg.jit
    def traced(x):
        calls.append(type(x))
        return x * 2.0

    for _ in range(3):
        traced(torch.tensor(POINT))
    assert calls == [Tensor] and traced.cache_size() == 1
    assert type(traced(POINT)) is np.ndarray
    assert len(calls) == 2
    traced.clear_cache()
    traced(torch.tensor(POINT))
    assert len(calls) == 3


def test_jit_that_is_turned_off(monkeypatch):
    monkeypatch.setattr(fg.config, "jit", False)
    assert_same(fg.jit(cubes)(torch.tensor(POINT)), np.asarray(cubes(POINT)))


def test_nested_with_the_transformations_of_torch_func():
    x = torch.tensor(POINT)
    expected = fg.grad(lambda x: fg.grad(cubes)(x).sum())(POINT)
    assert_same(fg.grad(lambda x: torch.func.grad(cubes)(x).sum())(x), expected)
    assert_same(torch.func.grad(lambda x: fg.grad(cubes)(x).sum())(x), expected)
    assert_same(torch.func.vmap(fg.jit(lambda a: a * a))(x), POINT * POINT)
    assert_same(fg.vmap(torch.func.grad(lambda a: a * a * a))(x), fg.vmap(fg.grad(lambda a: a * a * a))(POINT))
    assert_same(torch.compile(lambda x: fg.grad(cubes)(x))(x), fg.grad(cubes)(POINT))


def test_a_module_and_its_parameters():
    model = torch.nn.Linear(3, 1).double()
    x = torch.tensor(POINT)
    found = fg.grad(lambda p: torch.func.functional_call(model, p, (x,)).sum())(dict(model.named_parameters()))
    fg.jit(model)(x).sum().backward()
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(found[name].detach().numpy(), p.grad.numpy())
    np.testing.assert_array_equal(model.weight.grad[0].numpy(), POINT)


def test_backward_inside_of_jit():
    def gradient(x):
        leaf = x.detach().requires_grad_()
        fg.jit(cubes)(leaf).backward()
        return leaf.grad, leaf

    assert_same(fg.jit(gradient)(torch.tensor(POINT)), (fg.grad(cubes)(POINT), POINT))


def test_arrays_stay_arrays():
    def fun(x, a):
        assert isinstance(x, Tensor) and not isinstance(a, Tensor)
        return x * 2.0, fnp.sin(a)

    doubled, sines = fg.jit(fun)(torch.tensor(POINT), POINT)
    assert type(doubled) is Tensor and type(sines) is np.ndarray
    by_tensor, by_array = fg.grad(lambda x, a: (x * x).sum(), (0, 1))(torch.tensor(POINT), POINT)
    assert type(by_tensor) is Tensor and type(by_array) is np.ndarray and not by_array.any()


def test_results_have_memory_of_their_own():
    held, shared = torch.tensor(OTHER), torch.tensor(OTHER)
    memory = shared.numpy()
    (_, a, b), _ = fg.jvp(lambda x: (x * 1.0, held, shared), (torch.tensor(POINT),), (torch.tensor(POINT),))
    held += 1.0
    memory += 1.0
    b += 5.0
    np.testing.assert_array_equal(a.numpy(), OTHER)
    np.testing.assert_array_equal(memory, OTHER + 1.0)


@pytest.mark.parametrize("write", [lambda t: t.mul_(2.0), lambda t: t.detach().zero_(), lambda t: t[...].add_(t)])
@pytest.mark.parametrize("transform", [fg.vmap, fg.jit])
def test_an_argument_is_not_written(transform, write):
    x = torch.tensor(POINT)
    with pytest.raises(NotImplementedError, match=rf"fg.{transform.__name__} .*clone\(\)"):
        transform(lambda t: [write(t), t.sum()][1])(x)
    np.testing.assert_array_equal(x.numpy(), POINT)


def test_a_leaf_and_a_captured_tensor_are_not_written():
    x = torch.tensor(POINT)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        fg.grad(lambda t: t.mul_(2.0).sum())(x)
    with pytest.raises(RuntimeError, match="would mutate a captured Tensor"):
        fg.grad(lambda t: (x.mul_(2.0) * t).sum())(x)
    with pytest.raises(RuntimeError, match="writing a traced value into a tensor that was made outside"):
        fg.jit(lambda t: x.mul_(t).sum())(x)
    np.testing.assert_array_equal(x.numpy(), POINT)
    assert_same(fg.grad(cubes)(x), fg.grad(cubes)(POINT))


def test_numpy_functions_of_tensors_are_refused():
    """`__array__` would give numbers without a derivative."""
    x = torch.tensor(POINT)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        fg.grad(lambda t: np.prod(np.sin(t)))(x)
    with pytest.raises(RuntimeError, match="Cannot access data pointer of Tensor that doesn't have storage"):
        fg.jvp(np.sin, (x,), (x,))
    pure, args, _ = torch.to_functional(lambda t: t * torch.from_numpy(t.numpy()), x)
    for derivative in (lambda: fg.vjp(fg.checkpoint(pure), *args), lambda: fg.jvp(pure, args, args)):
        with pytest.raises(RuntimeError, match="Cannot access data pointer of Tensor that doesn't have storage"):
            derivative()
    for transform in (fg.jit, fg.vmap):
        with pytest.raises(fg.errors.ConcretizationError, match="Compute with the Tensor itself"):
            transform(np.sin)(x)
    with pytest.raises(TypeError, match=r"x\.detach\(\)\.numpy\(\).*An operand of `mul`.* is Tensor"):
        fg.grad(lambda a, t: (a * t).sum())(POINT, x)


def test_errors_name_the_argument():
    whole = torch.tensor([1, 2])
    with pytest.raises(NotDifferentiableError, match=r"argument 0 `p`, leaf \['w'\] has dtype int64"):
        fg.grad(lambda p: p["w"].sum())({"w": whole})
    with pytest.raises(NotDifferentiableError, match="argument 0 `x` has dtype int64"):
        fg.grad(lambda x: x.sum())(whole)
    with pytest.raises(ValueError, match="argument 0 `a` has 3 along axis 0; argument 1 `b` has 2"):
        fg.vmap(lambda a, b: a)(torch.tensor(POINT), torch.tensor(POINT[:2]))
    with pytest.raises(TypeError, match=r"has shape \(3,\). Reduce it"):
        fg.grad(lambda x: x * 2)(torch.tensor(POINT))
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        fg.vmap(lambda x: x + torch.rand(()))(torch.tensor(POINT))


def test_explain_and_make_graph_take_tensors():
    report = fg.explain(lambda x: (x.detach() * x.detach()).sum())(torch.tensor(POINT))
    assert "detach" in str(report) and "cut" in str(report)
    assert str(fg.make_graph(cubes)(torch.tensor(POINT))) == str(fg.make_graph(cubes)(POINT))


def test_funcgrad_alone_knows_nothing_of_tensors():
    code = (
        "import sys, funcgrad as fg; from funcgrad.transforms.guests import HOSTS; fg.jit(fg.grad(lambda x: x))(1.0);"
        "assert not HOSTS and 'funcgrad.torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_polynomials_whose_degrees_are_not_known_are_evaluated_in_a_loop():
    x, n = torch.tensor([0.3, 0.5, 2.0]), torch.tensor([2.0, 5.0, -1.0])
    for of in (torch.special.legendre_polynomial_p, torch.special.shifted_chebyshev_polynomial_u):
        wanted = of(x, n).numpy()
        np.testing.assert_allclose(torch.vmap(of)(x, n).numpy(), wanted, rtol=1e-6)
        np.testing.assert_allclose(fg.jit(of)(x, n).numpy(), wanted, rtol=1e-6)
        np.testing.assert_array_equal(torch.func.grad(lambda a: (a + of(a, n)).sum())(x).numpy(), 1)


def test_a_function_that_is_not_recorded_has_no_gradient_in_transformations_either():
    x = torch.tensor([0.3, 0.5])
    for of in (torch.special.bessel_j0, torch.special.modified_bessel_k1):
        np.testing.assert_array_equal(torch.func.grad(lambda a, of=of: (a + of(a)).sum())(x).numpy(), 1)


class Doubled(torch.autograd.Function):
    """Without `setup_context`, and without a rule for batches."""

    @staticmethod
    def forward(ctx, x):
        return 2.0 * x

    @staticmethod
    def backward(ctx, g):
        return 3.0 * g


class OfBatches(torch.autograd.Function):
    """Whose rule for batches is another function, to be told apart."""

    @staticmethod
    def forward(x):
        return 2.0 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return 3.0 * g

    @staticmethod
    def vmap(info, in_dims, x):
        return 5.0 * x, in_dims[0]


def test_a_function_needs_no_more_than_forward_and_backward():
    x = torch.tensor(POINT)
    np.testing.assert_array_equal(fg.vmap(Doubled.apply)(x).numpy(), 2.0 * POINT)
    np.testing.assert_array_equal(fg.grad(lambda x: Doubled.apply(x).sum())(x).numpy(), [3.0] * 3)
    np.testing.assert_array_equal(fg.vmap(fg.grad(Doubled.apply))(x).numpy(), [3.0] * 3)


def test_a_rule_for_batches_is_used():
    x = torch.tensor(POINT)
    np.testing.assert_array_equal(fg.vmap(OfBatches.apply)(x).numpy(), 5.0 * POINT)
    np.testing.assert_array_equal(fg.grad(lambda x: fg.vmap(OfBatches.apply)(x).sum())(x).numpy(), [5.0] * 3)
    np.testing.assert_array_equal(fg.vmap(fg.grad(OfBatches.apply))(x).numpy(), [3.0] * 3)
    pure, args, _ = torch.to_functional(OfBatches.apply, x)
    np.testing.assert_array_equal(fg.vmap(pure)(*args), 5.0 * POINT)


def test_the_batch_of_an_output_has_its_size():
    class Transposed(OfBatches):
        @staticmethod
        def vmap(info, in_dims, x):
            return 2.0 * x, 1

    with pytest.raises(ValueError, match=r"let out_dims of Transposed.vmap .* there are 2 samples.*has 3 along"):
        torch.func.vmap(Transposed.apply)(torch.ones(2, 3))


def test_numpy_of_an_argument_is_no_write():
    assert fg.grad(lambda x: (x * x.detach().numpy().sum()).sum())(torch.ones(2)).tolist() == [2.0, 2.0]
