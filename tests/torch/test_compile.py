"""torch.compile: the same numbers as without it, and nothing that is stale."""

from __future__ import annotations

import gc
import random
import sys
import threading
import types
import warnings
import weakref
from array import array
from contextvars import ContextVar
from functools import lru_cache, partial

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch._tensor.tensor import Tensor

CALLS = 4
SCALE = 2.0


def model_of(seed=0, *more):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), *more, nn.Tanh(), nn.Linear(8, 2)).double()


def data():
    x = torch.linspace(-1.0, 1.0, 32, dtype=torch.float64).reshape(8, 4)
    return x, torch.cos(torch.linspace(-1.0, 1.0, 16, dtype=torch.float64)).reshape(8, 2)


def numbers(*tensors):
    return [np.array(t.detach().tolist()) for t in tensors]


def same(found, wanted, tolerance=1e-12):
    for a, b in zip(numbers(*found), numbers(*wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def step_of(model, optimizer, x, y):
    def step():
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
}


def pair(make, *layers):
    """The same model and step twice: as it is, and compiled."""
    found = []
    for _ in range(2):
        model = model_of(0, *(layer() for layer in layers))
        optimizer = make(model.parameters())
        found.append((model, optimizer, step_of(model, optimizer, *data())))
    (model, optimizer, step), (other, its, compiled) = found
    return (model, optimizer, step), (other, its, torch.compile(compiled, fullgraph=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("scheduled", [False, True])
def test_training_steps_are_those_without_compile(name, scheduled):
    (model, optimizer, step), (other, its, compiled) = pair(OPTIMIZERS[name])
    schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.9) for o in (optimizer, its)] if scheduled else []
    for _ in range(20):
        same([compiled()], [step()])
        for schedule in schedules:
            schedule.step()
        same(other.parameters(), model.parameters())
        same([p.grad for p in other.parameters()], [p.grad for p in model.parameters()])
        assert [p._version for p in other.parameters()] == [p._version for p in model.parameters()]
    (signature,) = (s for s, _ in compiled._signatures.entries.values())
    assert len(signature.programs) == 1, "traced once, for all learning rates"


ROUNDED = 1e-11
"""Eager, a normalisation has a rule of its own, compiled that of its operations: training makes roundings grow."""


def test_buffers_of_batch_norm_follow_in_training_and_are_used_in_evaluation():
    (model, _, step), (other, _, compiled) = pair(OPTIMIZERS["SGD"], lambda: nn.BatchNorm1d(8))
    for _ in range(20):
        same([compiled()], [step()], ROUNDED)
        same(other.buffers(), model.buffers(), ROUNDED)
    x, _ = data()
    forward = torch.compile(other)
    for training in (True, False, True, False, True, False):
        model.train(training)
        other.train(training)
        with torch.no_grad():
            same([forward(x)], [model(x)], ROUNDED)
        same(other.buffers(), model.buffers(), ROUNDED)


def test_dropout_draws_a_mask_at_each_call_from_the_same_stream():
    drop = nn.Dropout(0.5)
    compiled = torch.compile(drop)
    x = torch.ones(64)
    torch.manual_seed(3)
    wanted = [drop(x) for _ in range(CALLS)]
    torch.manual_seed(3)
    found = [compiled(x) for _ in range(CALLS)]
    same(found, wanted)
    assert not np.array_equal(found[2].numpy(), found[3].numpy())


def test_random_tensors_are_drawn_at_each_call():
    f = lambda x: x + torch.randn(20, dtype=torch.float64) * torch.rand(20, dtype=torch.float64)
    compiled = torch.compile(f, fullgraph=True)
    x = torch.zeros(20, dtype=torch.float64)
    torch.manual_seed(1)
    wanted = [f(x) for _ in range(CALLS)]
    torch.manual_seed(1)
    same([compiled(x) for _ in range(CALLS)], wanted)


def test_seeding_inside_runs_uncompiled():
    @torch.compile
    def f(x):
        torch.manual_seed(0)
        return x + torch.rand(3)

    x = torch.zeros(3)
    with pytest.warns(UserWarning, match="state of the random numbers"):
        found = [f(x) for _ in range(CALLS)]
    same(found[1:], found[:-1])


def test_forward_is_recorded_and_its_backward_is_compiled():
    model, other = model_of(), model_of()
    compiled = torch.compile(other, fullgraph=True)
    x, y = data()
    for _ in range(CALLS):
        for forward, m in ((model, model), (compiled, other)):
            m.zero_grad()
            out = forward(x)
            ((out - y) ** 2).mean().backward()
        same([p.grad for p in other.parameters()], [p.grad for p in model.parameters()])
    assert type(out.grad_fn).__name__ == "CompiledFunctionBackward"
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        out.sum().backward()
    assert list(compiled.state_dict()) == ["_orig_mod." + name for name in model.state_dict()]


def test_gradients_flow_on_to_what_was_computed_before():
    f = torch.compile(lambda x, w: (torch.sin(x) * w, x.detach() * w), fullgraph=True)
    for _ in range(CALLS):
        x = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
        w = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
        first, second = f(x * x, w)
        (first * second).sum().backward()
        found = x.grad, w.grad
        a, b = (t.detach().clone().requires_grad_() for t in (x, w))
        square = a * a
        (torch.sin(square) * b * (square.detach() * b)).sum().backward()
        same(found, (a.grad, b.grad))


def test_complex_gradients_are_conjugated_as_without_compile():
    f = lambda z: (z * z * (1 + 2j)).sum()
    compiled = torch.compile(f, fullgraph=True)
    for _ in range(CALLS):
        z, other = (torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True) for _ in range(2))
        f(z).abs().backward()
        compiled(other).abs().backward()
        same([torch.view_as_real(other.grad)], [torch.view_as_real(z.grad)])


def test_double_backward_is_refused():
    f = torch.compile(lambda x: (x**3).sum())
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    f(x), f(x)
    (grad,) = torch.autograd.grad(f(x), x, create_graph=True)
    same([grad], [3 * x.detach() ** 2], 1e-6)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        grad.sum().backward()


def test_results_have_no_history_where_none_is_recorded():
    model = model_of()
    compiled = torch.compile(model)
    x, _ = data()
    for _ in range(CALLS):
        with torch.no_grad():
            assert not compiled(x).requires_grad
        assert compiled(x).requires_grad
        with torch.inference_mode():
            assert compiled(x).is_inference()


def test_tensors_of_closures_and_globals_that_change_are_seen():
    scale, shift = torch.tensor(2.0), [torch.tensor(1.0)]

    def f(x):
        return x * scale * SCALE + shift[0]

    compiled = torch.compile(f, fullgraph=True)
    x = torch.tensor([1.0, 2.0])
    for _ in range(CALLS):
        same([compiled(x)], [f(x)])
    scale.fill_(5.0)
    same([compiled(x)], [f(x)])
    scale = torch.tensor(7.0)
    same([compiled(x)], [f(x)])
    shift[0] = torch.tensor(11.0)
    same([compiled(x)], [f(x)])
    shift[0].data = torch.tensor(13.0)
    same([compiled(x)], [f(x)])
    global SCALE
    before = SCALE
    try:
        SCALE = 3.0
        same([compiled(x)], [f(x)])
        SCALE = torch.tensor(4.0)
        same([compiled(x)], [f(x)])
    finally:
        SCALE = before


def test_what_numpy_writes_is_seen():
    array = np.ones(3)
    shared = torch.from_numpy(array)
    compiled = torch.compile(lambda x: x + shared + torch.from_numpy(array))
    x = torch.zeros(3, dtype=torch.float64)
    for value in (1.0, 2.0, 3.0, 4.0):
        array[:] = value
        same([compiled(x)], [torch.full((3,), 2 * value, dtype=torch.float64)])


def test_freezing_a_parameter_between_calls():
    (model, _, step), (other, _, compiled) = pair(OPTIMIZERS["momentum"])
    for i in range(9):
        if i in (3, 6):
            for m in (model, other):
                m[0].weight.requires_grad_(i == 6)
        same([compiled()], [step()])
        same(other.parameters(), model.parameters())


def test_new_state_in_the_middle_is_made_and_then_compiled():
    (model, optimizer, step), (other, its, compiled) = pair(OPTIMIZERS["Adam"])
    for i in range(8):
        if i == 4:
            optimizer.state.clear()
            its.state.clear()
        same([compiled()], [step()])
        same(other.parameters(), model.parameters())


def test_gradients_are_accumulated():
    model, other = model_of(), model_of()
    x, y = data()

    def add(m):
        ((m(x) - y) ** 2).mean().backward()

    compiled = torch.compile(lambda: add(other), fullgraph=True)
    for i in range(6):
        if i == 4:
            model.zero_grad()
            other.zero_grad()
        add(model)
        compiled()
        same([p.grad for p in other.parameters()], [p.grad for p in model.parameters()])


def test_batches_that_are_views_are_one_signature():
    f = torch.compile(lambda x: x * 2)
    x = torch.linspace(0.0, 1.0, 40)
    for i in range(6):
        same([f(x[5 * i : 5 * i + 5])], [x[5 * i : 5 * i + 5] * 2])
    (signature,) = (s for s, _ in f._signatures.entries.values())
    assert len(signature.programs) == 1


def test_writing_in_place_into_arguments():
    def f(x, y):
        x.add_(y)
        x[0] = 5.0
        return x, x * 2

    compiled = torch.compile(f, fullgraph=True)
    for _ in range(CALLS):
        a, b, y = torch.ones(3), torch.ones(3), torch.arange(3.0)
        view = a[1:]
        first, second = compiled(a, y)
        wanted = f(b, y)
        assert first is a
        same([a, second, view], [b, wanted[1], b[1:]])
        assert a._version == b._version


def test_writing_into_an_argument_that_is_held_or_given_twice():
    held = torch.ones(3)

    def f(x, y):
        x.add_(1.0)
        return x + y + held

    compiled = torch.compile(f)
    for _ in range(CALLS):
        same([compiled(torch.zeros(3), torch.zeros(3))], [f(torch.zeros(3), torch.zeros(3))])
    x, y = torch.zeros(3), torch.zeros(3)
    same([compiled(x, x)], [f(y, y)])
    before = held.clone()
    with pytest.warns(UserWarning, match="a tensor that the function also holds"):
        found = compiled(held, y)
    held.copy_(before)
    same([found], [f(held, y)])


def test_results_that_share_memory_share_it():
    compiled = torch.compile(lambda x: (x * 2).chunk(2))
    for _ in range(CALLS):
        a, b = compiled(torch.arange(4.0))
        same([a, b], [torch.tensor([0.0, 2.0]), torch.tensor([4.0, 6.0])])
        assert a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def test_an_error_in_the_middle_leaves_everything_as_it_was():
    (_, _, _), (model, optimizer, _) = pair(OPTIMIZERS["momentum"])
    x, y = data()
    fails = [False]

    def step():
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        kept.append(loss)
        if fails[0]:
            raise KeyError("in the middle")
        kept.clear()
        return loss.detach()

    kept = []
    compiled = torch.compile(step)
    compiled()
    before = numbers(*model.parameters()), numbers(*(p.grad for p in model.parameters()))
    fails[0] = True
    with pytest.raises(KeyError):
        compiled()
    after = numbers(*model.parameters()), numbers(*(p.grad for p in model.parameters()))
    assert all(np.array_equal(a, b) for one, two in zip(before, after) for a, b in zip(one, two))
    assert kept == []
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())
    assert not [name for name in ("_value", "_storage") if name in vars(Tensor)]
    fails[0] = False
    for _ in range(3):
        compiled()


def test_tensors_kept_in_lists_are_not_traced_ones():
    losses = []

    @torch.compile
    def f(x):
        losses.append((x * 2).sum())
        return x + 1

    for _ in range(CALLS):
        f(torch.ones(3))
    assert [x.item() for x in losses] == [6.0] * CALLS


def test_counters_are_seen():
    count = [0]

    def f(x):
        count[0] += 1
        return x * count[0]

    compiled = torch.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [compiled(torch.tensor(1.0)).item() for _ in range(15)]
    assert found == [float(i) for i in range(1, 16)]


def test_constants_are_part_of_the_key_and_named_where_they_cannot_be():
    f = torch.compile(lambda x, options, power=2: x ** power + options["add"])
    x = torch.tensor([2.0])
    for _ in range(3):
        assert f(x, {"add": 1.0}).item() == 5.0
        assert f(x, {"add": 1.0}, power=3).item() == 9.0
        assert f(x, {"add": 2}).item() == 6.0
    g = torch.compile(lambda x, options: x + min(options["add"]), fullgraph=True)
    with pytest.raises(RuntimeError, match=r"argument 1 `options`, leaf \['add'\] is set"):
        g(x, {"add": {1}})


def test_if_on_a_value_is_refused_where_all_must_be_a_program():
    f = torch.compile(lambda x: x if x.sum() > 0 else -x, fullgraph=True)
    f(torch.ones(2))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"torch\.where"):
            f(torch.ones(2))


def test_a_reason_is_told_once():
    f = torch.compile(lambda x, n: x * n if x.sum() > 0 else -x)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for n in range(4):
            for _ in range(3):
                f(torch.ones(2), n)
    assert len(told) == 1


def test_the_settings_of_the_compiler():
    torch._dynamo.config.suppress_errors = True
    torch._dynamo.config.suppress_errors = False
    with pytest.raises(AttributeError, match=r"torch\._dynamo\.config\.suppress does not exist"):
        torch._dynamo.config.suppress = True
    scale = [1.0]
    f = torch.compile(lambda x: x * scale[0])

    def scaled(n):
        scale[0] = float(n)
        return f(torch.ones(())).item()

    torch._dynamo.config.cache_size_limit = 2
    try:
        with pytest.warns(UserWarning, match="it was traced 2 times"):
            found = [scaled(n) for n in range(6)]
    finally:
        torch._dynamo.config.recompile_limit = 8
    assert found == [0, 1, 2, 3, 4, 5]


def test_resetting_drops_programs():
    traces = []
    f = torch.compile(lambda x: (traces.append(torch.compiler.is_compiling()), x + 1)[1])
    g = torch.compile(lambda x: x + int(torch.compiler.is_compiling()))
    for _ in range(2):
        assert [g(torch.zeros(())).item() for _ in range(3)] == [0, 1, 1]
        torch.compiler.reset()
    f(torch.zeros(()))
    assert traces == [False]


def test_options():
    f = lambda x: x + 1
    compiled = torch.compile(f, mode="max-autotune", dynamic=False, fullgraph=True, backend="inductor")
    for _ in range(CALLS):
        assert compiled(torch.ones(1)).item() == 2.0
    assert torch.compile(f, disable=True) is f
    with pytest.raises(RuntimeError, match="Invalid backend: 'triton'"):
        torch.compile(f, backend="triton")
    with pytest.raises(RuntimeError, match="a function or a module, not int"):
        torch.compile(3)


def test_other_threads_see_tensors_as_they_are():
    w = torch.ones(3, requires_grad=True)
    seen = []

    @torch.compile
    def f(x):
        y = x * w
        other = threading.Thread(target=lambda: seen.append((w * 2).tolist()))
        other.start()
        other.join()
        return y

    for _ in range(3):
        f(torch.ones(3))
    assert seen == [[2.0] * 3] * 3


def test_compiled_functions_inside_of_others_and_of_transformations():
    inner = torch.compile(lambda x: torch.sin(x) * 2)
    outer = torch.compile(lambda x: inner(x) + 1, fullgraph=True)
    x = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
    for _ in range(CALLS):
        same([inner(x), outer(x)], [torch.sin(x) * 2, torch.sin(x) * 2 + 1])
        same([torch.func.grad(lambda x: inner(x).sum())(x)], [torch.cos(x) * 2])
        same([torch.func.vmap(inner)(x)], [torch.sin(x) * 2])


class Slotted:
    __slots__ = ("held",)


def test_a_tensor_that_cannot_be_found_again_runs_uncompiled():
    hidden = lru_cache(lambda: torch.tensor(1.0))
    f = torch.compile(lambda x: x + hidden())
    with pytest.warns(UserWarning, match="neither an argument nor in a closure"):
        found = [f(torch.zeros(())).item() for _ in range(3)]
    assert found == [1.0] * 3
    held = Slotted()
    held.held = torch.tensor(2.0)
    g = torch.compile(lambda x: x + held.held, fullgraph=True)
    assert [g(torch.zeros(())).item() for _ in range(3)] == [2.0] * 3
    held.held = torch.tensor(3.0)
    assert g(torch.zeros(())).item() == 3.0


def test_what_cannot_be_looked_into_runs_uncompiled():
    numbers = iter(range(100))
    f = torch.compile(lambda x: x + next(numbers))
    with pytest.warns(UserWarning, match="an iterator"):
        assert [f(torch.zeros(())).item() for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]
    source = np.random.default_rng(0)
    for draw in (np.random.rand, random.random, source.normal):
        f = torch.compile(lambda x, draw=draw: x + draw())
        with pytest.warns(UserWarning, match="random numbers of Python's or NumPy's"):
            assert len({f(torch.zeros((), dtype=torch.float64)).item() for _ in range(5)}) == 5


def test_a_compiled_function_is_freed():
    def gone():
        model = model_of()
        compiled = torch.compile(lambda x: model(x))
        for _ in range(3):
            compiled(data()[0])
        return weakref.ref(model[0])

    layer = gone()
    gc.collect()
    assert layer() is None


def test_a_schedule_inside_goes_on():
    def make():
        model = model_of()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        step = step_of(model, optimizer, *data())

        def both():
            loss = step()
            schedule.step()
            return loss

        return both, optimizer

    (step, optimizer), (other, its) = make(), make()
    compiled = torch.compile(other)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(14):
            same([compiled()], [step()])
            assert its.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


def test_a_learning_rate_that_is_a_tensor():
    (_, optimizer, step), (_, its, compiled) = pair(lambda p: torch.optim.Adam(p, lr=torch.tensor(0.05)))
    for i in range(8):
        for o in (optimizer, its):
            o.param_groups[0]["lr"].fill_(0.05 / (i + 1))
        same([compiled()], [step()])


def test_writes_through_detached_aliases_are_writes():
    def make():
        w = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        buffer = torch.zeros(2, dtype=torch.float64)

        def step():
            before, data = w.detach(), w.data
            loss = (w * w).sum() + buffer.sum()
            loss.backward()
            w.data.sub_(0.1 * w.grad)
            buffer.detach().add_(before)
            w.data -= 0.01
            w.grad.zero_()
            return before * 2 + data

        return step, w, buffer

    (step, w, buffer), (other, v, its) = make(), make()
    compiled = torch.compile(other, fullgraph=True)
    for _ in range(6):
        same([compiled()], [step()])
        same([v, its, v.grad], [w, buffer, w.grad])
        assert (v._version, its._version) == (w._version, buffer._version)


def test_writing_into_a_leaf_whose_results_are_recorded():
    def make():
        w = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)

        def forward(x):
            with torch.no_grad():
                w.mul_(1.5)
            return (w * w * x).sum()

        return forward, w

    (forward, w), (other, v) = make(), make()
    compiled = torch.compile(other)
    x = torch.ones(2, dtype=torch.float64)
    forward(x).backward()
    compiled(x).backward()
    with pytest.warns(UserWarning, match="writes into a tensor that requires a gradient"):
        compiled(x).backward()
    forward(x).backward()
    same([v, v.grad], [w, w.grad])


def test_hooks_run_in_the_program():
    def make():
        model = model_of()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        model[0].weight.register_hook(lambda g: g * 2)
        model[0].bias.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(5))
        model[2].register_forward_hook(lambda module, given, out: out * 3)
        return model, step_of(model, optimizer, *data())

    (model, step), (other, compiled) = make(), make()
    compiled = torch.compile(compiled, fullgraph=True)
    for i in range(8):
        if i == 4:
            for m in (model, other):
                m[2].weight.register_hook(lambda g: g * 7)
        same([compiled()], [step()])
        same(other.parameters(), model.parameters())


def test_checkpointed_and_custom_operations():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * grad * x**2

    def make():
        model = model_of()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        layer = lambda x: torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False, preserve_rng_state=False)
        return model, step_of(lambda x: Cube.apply(layer(x)), optimizer, *data())

    (model, step), (other, compiled) = make(), make()
    compiled = torch.compile(compiled, fullgraph=True)
    for _ in range(CALLS):
        same([compiled()], [step()])
        same(other.parameters(), model.parameters())


ON_TENSORS = [lambda x: fg.eval_shape(fg.numpy.sin, x), lambda x: fg.jit(lambda a: a * x)(np.ones(2))]


@pytest.mark.parametrize("function", ON_TENSORS)
def test_functions_of_arrays_say_what_takes_tensors(function):
    what = r"x\.detach\(\)\.numpy\(\) for .*fg\.grad, fg\.vmap, fg\.jit.*torch\.to_functional.*is Tensor"
    with pytest.raises(TypeError, match=what):
        function(torch.ones(2))


def test_arguments_are_not_kept():
    compiled = torch.compile(lambda x, w: (x * w).sum().backward())
    w = torch.ones(3, requires_grad=True)
    gone = []
    for _ in range(CALLS):
        x = torch.ones(3)
        gone.append(weakref.ref(x))
        compiled(x, w)
        if w.grad is not None:
            gone.append(weakref.ref(w.grad))
            w.grad = None
    del x
    gc.collect()
    assert [r() for r in gone] == [None] * len(gone)


def test_a_gradient_given_as_an_argument():
    w = torch.ones(3, requires_grad=True)
    w.grad = torch.zeros(3)

    @torch.compile
    def f(x):
        x.add_(1.0)
        return x + w.grad

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(1, 5):
            same([f(w.grad)], [torch.full((3,), 2.0 * i)])
            assert f(torch.zeros(3)).tolist() == [1.0 + i] * 3
            assert f(w.grad.clone()).tolist() == [1.0 + 2 * i] * 3


def test_methods():
    class Scaled:
        def __init__(self, factor):
            self.factor = factor

        @torch.compile
        def times(self, x):
            return x * self.factor

    one, two = Scaled(2.0), Scaled(torch.tensor(3.0))
    for factor in (2.0, 2.0, 5.0, 5.0):
        one.factor = factor
        assert one.times(torch.ones(1)).item() == factor
        assert two.times(torch.ones(1)).item() == 3.0


def test_attributes_of_classes_and_modules_and_arrays_are_seen():
    module = types.ModuleType("settings")
    module.scale = 2.0

    class Options:
        shift = torch.tensor(1.0)

    class Part(Options):
        pass

    array = np.ones(2, np.float32)
    f = lambda x: x * module.scale + Part.shift + torch.tensor(array)
    compiled = torch.compile(f, fullgraph=True)
    x = torch.ones(2)

    def check():
        for _ in range(2):
            same([compiled(x)], [f(x)])

    check()
    check()
    module.scale = torch.tensor(3.0)
    check()
    Options.shift = 7.0
    check()
    Part.shift = 8.0
    check()
    array[1] = 5.0
    check()


def _defaults():
    def f(x, scale=2.0):
        return x * scale

    return lambda x: f(x), lambda: setattr(f, "__defaults__", (3.0,))


def _keyword_defaults():
    def f(x, *, scale=2.0):
        return x * scale

    return lambda x: f(x), lambda: setattr(f, "__kwdefaults__", {"scale": 3.0})


def _code():
    f = lambda x: x * 2
    return lambda x: f(x), lambda: setattr(f, "__code__", (lambda x: x * 3).__code__)


class Settings(dict):
    scale = 2.0

    def scaled(self, x):
        return x * self.scale


class LargerSettings(Settings):
    def scaled(self, x):
        return x * 5


def _class_of_an_object():
    settings = Settings()
    return lambda x: settings.scaled(x), lambda: setattr(settings, "__class__", LargerSettings)


def _attribute_of_a_dict():
    settings = Settings()
    return settings.scaled, lambda: setattr(settings, "scale", 3.0)


def _attribute_of_a_metaclass():
    meta = type("Meta", (type,), {"scale": 2.0})
    cls = meta("Cls", (), {})
    return lambda x: x * cls.scale, lambda: setattr(meta, "scale", 3.0)


def _module_in_a_package():
    package, module = types.ModuleType("package"), types.ModuleType("package.module")
    package.module = module
    module.scale = 2.0
    return lambda x: x * package.module.scale, lambda: setattr(module, "scale", 3.0)


def _module_in_an_attribute():
    holder, module = types.SimpleNamespace(), types.ModuleType("module")
    holder.module = module
    module.scale = 2.0
    return lambda x: x * holder.module.scale, lambda: setattr(module, "scale", 3.0)


def _import_inside():
    module = sys.modules["compiled_settings"]
    module.scale = 2.0

    def f(x):
        from compiled_settings import scale

        return x * scale

    return f, lambda: setattr(module, "scale", 3.0)


def _method_of_a_dict():
    settings = {"scale": 2.0}
    get = settings.get
    return lambda x: x * get("scale"), lambda: settings.update(scale=3.0)


def _proxy():
    settings = {"scale": 2.0}
    proxy = types.MappingProxyType(settings)
    return lambda x: x * proxy["scale"], lambda: settings.update(scale=3.0)


def _array():
    scales = array("d", [2.0])
    return lambda x: x * scales[0], lambda: scales.__setitem__(0, 3.0)


def _bytes():
    scales = bytearray([2])
    return lambda x: x * scales[0], lambda: scales.__setitem__(0, 3)


def _context():
    scale = ContextVar("scale", default=2.0)
    return lambda x: x * scale.get(), lambda: scale.set(3.0)


def _weak_reference():
    settings = Settings()
    refer = weakref.ref(settings)
    return lambda x: refer().scaled(x), lambda: setattr(settings, "scale", 3.0)


def _attribute_of_a_tensor():
    w = torch.ones(2)
    w.scale = 2.0
    return lambda x: x * w * w.scale, lambda: setattr(w, "scale", 3.0)


def _new_attribute_of_a_tensor():
    w = torch.ones(2)
    return lambda x: x * w * getattr(w, "scale", 2.0), lambda: setattr(w, "scale", 3.0)


def _attribute_of_a_number():
    number = type("Number", (float,), {})(1.0)
    number.scale = 2.0
    return lambda x: x * number.scale, lambda: setattr(number, "scale", 3.0)


CHANGES = [
    _defaults, _keyword_defaults, _code, _class_of_an_object, _attribute_of_a_dict, _attribute_of_a_metaclass,
    _module_in_a_package, _module_in_an_attribute, _import_inside, _method_of_a_dict, _proxy, _array, _bytes, _context,
    _weak_reference, _attribute_of_a_tensor, _new_attribute_of_a_tensor, _attribute_of_a_number,
]  # fmt: skip


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case.__name__[1:])
def test_what_changes_elsewhere_is_seen(case, monkeypatch):
    monkeypatch.setitem(sys.modules, "compiled_settings", types.ModuleType("compiled_settings"))
    f, change = case()
    compiled = torch.compile(f, fullgraph=True)
    x = torch.tensor([1.0, 2.0])
    for _ in range(3):
        same([compiled(x)], [2.0 * x])
    change()
    for _ in range(3):
        same([compiled(x)], [f(x)])
    assert f(x).tolist() != [2.0, 4.0]


def test_a_failed_trace_takes_back_what_it_has_defined():
    def f(x):
        global made_by_f
        made_by_f = x
        return x.tolist()

    compiled = torch.compile(f, fullgraph=True)
    compiled(torch.ones(2))
    del globals()["made_by_f"]
    with pytest.raises(RuntimeError, match="needs the value"):
        compiled(torch.ones(2))
    assert "made_by_f" not in globals()


def test_a_partial_and_a_nested_function():
    def outer(x, by):
        inner = lambda y: y * by["by"] * SCALE
        return inner(x)

    options = {"by": 2.0}
    compiled = torch.compile(partial(outer, by=options), fullgraph=True)
    for by in (2.0, 2.0, 3.0, 3.0):
        options["by"] = by
        assert compiled(torch.ones(1)).item() == by * SCALE


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_written_after_the_forward_pass_does_not_reach_its_backward(shared):
    compiled = torch.compile(lambda w, x: (w * x * x).sum())
    for _ in range(CALLS):
        w = torch.ones(3, requires_grad=True)
        x = torch.arange(3.0)
        x[0] = 4.0
        seen = x.numpy() if shared else None
        loss = compiled(w, x)
        if seen is not None:
            seen[1] = 100.0
        else:
            x.data[1] = 100.0
        loss.backward()
        assert w.grad.tolist() == [16.0, 1.0, 4.0]


def test_a_module_that_code_does_not_import_is_not_looked_into(monkeypatch):
    """PyTorch itself, imported beside, is `torch` in `sys.modules`; here its `sin` is what could not be looked into."""
    beside = types.ModuleType("torch")
    beside.sin = iter(())
    monkeypatch.setitem(sys.modules, "torch", beside)

    @torch.compile(fullgraph=True)
    def f(x):
        return torch.sin(x) * 2.0

    for _ in range(2):  # the second call is traced
        np.testing.assert_allclose(f(torch.ones(3)), 2.0 * np.sin(np.ones(3)), rtol=1e-6)
