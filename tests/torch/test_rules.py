"""Rules about gradients, modes and views, as PyTorch has them."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.torch as torch


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_a_complex_scalar_has_no_implicit_gradient(dtype):
    z = torch.tensor([1 + 2j, 3.0], dtype=dtype, requires_grad=True)
    for differentiate in (lambda y: y.backward(), lambda y: torch.autograd.grad(y, z)):
        with pytest.raises(RuntimeError, match=f"only for real scalar outputs but got {dtype}"):
            differentiate((z * z).sum())
    (z * z.conj()).sum().backward(torch.tensor(1.0, dtype=dtype))
    assert z.grad.tolist() == [2 + 4j, 6.0]


MODES = {
    "no_grad": (torch.no_grad, False),
    "no_grad()": (torch.no_grad(), False),
    "enable_grad()": (torch.enable_grad(), True),
    "inference_mode()": (torch.inference_mode(), False),
}


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("outside", [True, False])
def test_a_mode_holds_in_the_body_of_a_generator(name, outside):
    decorator, wanted = MODES[name]
    seen = []

    @decorator
    def steps(first):
        try:
            sent = yield first
            seen.append((torch.is_grad_enabled(), sent))
            try:
                yield "second"
            except ValueError as error:
                seen.append((torch.is_grad_enabled(), str(error)))
            yield "third"
        finally:
            seen.append((torch.is_grad_enabled(), "end"))
        return "returned"

    with torch.set_grad_enabled(outside):
        generator = steps("first")
        values = [next(generator), generator.send("sent"), generator.throw(ValueError("thrown"))]
        assert torch.is_grad_enabled() is outside
        with pytest.raises(StopIteration) as end:
            next(generator)
        closed = steps("first")
        next(closed)
        closed.close()
        assert torch.is_grad_enabled() is outside
    assert values == ["first", "second", "third"]
    assert end.value.value == "returned"
    assert seen == [(wanted, text) for text in ("sent", "thrown", "end", "end")]


def test_set_grad_enabled_decorates_generators():
    @torch.set_grad_enabled(False)
    def steps():
        yield torch.is_grad_enabled()

    assert (list(steps()), torch.is_grad_enabled()) == ([False], True)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8])
def test_data_of_what_requires_a_gradient_is_inexact(dtype):
    w, other = torch.ones(2, requires_grad=True), torch.ones(2, dtype=dtype)
    for t in (w, w * 1):
        with pytest.raises(RuntimeError, match="must be floating point or complex dtype"):
            t.data = other
    w.data = torch.ones(3, dtype=torch.float64)
    assert (w.dtype, w.shape) == (torch.float64, (3,))
    plain = torch.ones(2)
    plain.data = other
    assert plain.dtype is dtype


@pytest.mark.parametrize("given", [None, np.ones(2), [1.0]])
def test_data_is_a_tensor(given):
    with pytest.raises(TypeError, match="Variable data has to be a tensor"):
        torch.ones(2).data = given


@pytest.mark.parametrize("by", ["x", "y", "both"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_that_is_retained_is_filled_by_grad(by, create_graph):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    inputs = {"x": [x], "y": [y], "both": [x, y]}[by]
    torch.autograd.grad((y * y).sum(), inputs, create_graph=create_graph)
    assert (y.grad.tolist(), y.grad.requires_grad, x.grad) == ([4.0, 8.0], create_graph, None)


def test_a_gradient_that_is_retained_is_filled_by_a_backward_pass_to_other_inputs():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward(inputs=[x])
    assert (y.grad.tolist(), x.grad.tolist()) == ([4.0, 8.0], [8.0, 16.0])


AFTER_A_WRITE = {
    "is_leaf": lambda v: v.is_leaf,
    "grad_fn": lambda v: v.grad_fn,
    "elementwise": lambda v: v * 2,
    "of two": lambda v: v * torch.ones(2),
    "reduction": lambda v: v.sum(),
    "view": lambda v: v[:1],
    "clone": lambda v: v.clone(),
}


def written_under_no_grad(x, through):
    with torch.no_grad():
        v = x[:2]
        (v if through == "the view" else v[:1] if through == "another view" else x).mul_(2)
    return v


@pytest.mark.parametrize("name", AFTER_A_WRITE)
@pytest.mark.parametrize("of_leaf", [True, False])
@pytest.mark.parametrize("through", ["the view", "another view", "the base"])
def test_a_view_made_under_no_grad_has_no_entry_after_a_write(name, of_leaf, through):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = written_under_no_grad(x if of_leaf else x * 1, through)
    with pytest.raises(RuntimeError, match="its base or another view of its base has been modified inplace"):
        AFTER_A_WRITE[name](v)


def test_what_a_view_made_under_no_grad_still_does_after_a_write():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = written_under_no_grad(x, "the view")
    assert (v.requires_grad, v.grad, v.tolist(), (v > 3).tolist()) == (True, None, [2.0, 4.0], [False, True])
    assert (v.detach() * 2).tolist() == [4.0, 8.0]
    with torch.no_grad():
        assert (v * 2).tolist() == v[:2].add_(v).tolist() == [4.0, 8.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0, 6.0]
