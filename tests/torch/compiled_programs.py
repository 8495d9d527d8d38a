"""Programs in several steps with changes in between, each of which runs as it is and compiled.

A program takes the library and what compiles (`torch.compile`, or what returns its argument), and yields what there is
to see after each step.
"""

from __future__ import annotations

import copy
import io
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

Program = Callable[[Any, Any], Iterator[Any]]
PROGRAMS: dict[str, Program] = {}
"""Those that run compiled."""
UNCOMPILED: dict[str, tuple[Program, str]] = {}
"""Those that run uncompiled, and what the warning says."""


def program(run: Program) -> Program:
    PROGRAMS[run.__name__] = run
    return run


def uncompiled(warning: str) -> Callable[[Program], Program]:
    def enter(run: Program) -> Program:
        UNCOMPILED[run.__name__] = run, warning
        return run

    return enter


def layer(torch: Any, inner: int, outer: int) -> Any:
    made = torch.nn.Linear(inner, outer).double()
    with torch.no_grad():
        made.weight.copy_(torch.linspace(-0.5, 0.7, inner * outer, dtype=torch.float64).reshape(outer, inner))
        made.bias.copy_(torch.linspace(-0.1, 0.1, outer, dtype=torch.float64))
    return made


def perceptron(torch: Any, *between: Any) -> Any:
    return torch.nn.Sequential(layer(torch, 4, 6), *between, torch.nn.Tanh(), layer(torch, 6, 2))


def data(torch: Any, rows: int = 8, shift: float = 0.0) -> tuple[Any, Any]:
    x = torch.linspace(-1.0, 1.0, rows * 4, dtype=torch.float64).reshape(rows, 4) + shift
    return x, torch.cos(3 * x[:, :2])


def error_of(torch: Any, model: Any, x: Any, y: Any) -> Any:
    return ((model(x) - y) ** 2).mean()


def seen(*tensors: Any) -> list[Any]:
    """Values, gradients, versions and flags."""
    return [
        (t.detach().clone(), t.grad if t.is_leaf else None, t._version, t.requires_grad, t.is_leaf, t.grad_fn is None)
        for t in tensors
    ]


def trained(model: Any) -> list[Any]:
    return seen(*model.parameters(), *model.buffers())


def training(torch: Any, compiled: Any, model: Any, optimizer: Any) -> Any:
    x, y = data(torch)

    def step() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return compiled(step)


@program
def accumulating(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @compiled
    def backward(x: Any, y: Any) -> Any:
        loss = error_of(torch, model, x, y) / 3
        loss.backward()
        return loss.detach()

    for i in range(12):
        yield [backward(*data(torch, shift=0.1 * i)), *trained(model)]
        if i % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
            yield trained(model)


@program
def clipping(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = error_of(torch, model, x, y)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()
        return loss.detach(), norm

    for _ in range(6):
        yield [*step(), *trained(model)]


def scheduled(torch: Any, compiled: Any, make: Any, schedule: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = make(model.parameters())
    scheduler = schedule(optimizer)
    step = training(torch, compiled, model, optimizer)
    for _ in range(8):
        yield [step(), *trained(model), optimizer.param_groups[0]["lr"]]
        scheduler.step()


@program
def one_cycle(torch: Any, compiled: Any) -> Iterator[Any]:
    """The schedule changes the momentum as well."""
    return scheduled(
        torch,
        compiled,
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=0.2, total_steps=10),
    )


@program
def cosine(torch: Any, compiled: Any) -> Iterator[Any]:
    return scheduled(
        torch,
        compiled,
        lambda p: torch.optim.AdamW(p, lr=0.1),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 8),
    )


@program
def multi_step(torch: Any, compiled: Any) -> Iterator[Any]:
    return scheduled(
        torch,
        compiled,
        lambda p: torch.optim.RMSprop(p, lr=0.01),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 4]),
    )


@program
def two_groups(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.01, "weight_decay": 0.1}], lr=0.1
    )
    step = training(torch, compiled, model, optimizer)
    for i in range(6):
        yield [step(), *trained(model)]
        optimizer.param_groups[i % 2]["lr"] *= 0.5
    optimizer.param_groups[1]["weight_decay"] = 0.5
    for _ in range(3):
        yield [step(), *trained(model)]


@program
def a_group_that_comes_later(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1, momentum=0.5)
    step = training(torch, compiled, model, optimizer)
    for _ in range(4):
        yield [step(), *trained(model)]
    optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.05})
    for _ in range(4):
        yield [step(), *trained(model)]


@program
def training_and_evaluation(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch, torch.nn.BatchNorm1d(6).double())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = training(torch, compiled, model, optimizer)
    forward = compiled(model)
    for i in range(8):
        yield [step(), *trained(model)]
        if i % 2:
            model.eval()
            with torch.no_grad():
                yield [forward(data(torch, shift=0.1 * i)[0]), *trained(model)]
            model.train()


@program
def a_compiled_module_is_switched(torch: Any, compiled: Any) -> Iterator[Any]:
    model = compiled(perceptron(torch, torch.nn.BatchNorm1d(6).double()))
    x, y = data(torch)
    for i in range(8):
        model.train(i % 4 < 2)
        loss = error_of(torch, model, x, y)
        loss.backward()
        yield [loss.detach(), model.training, *trained(model)]
        model.zero_grad()


@program
def dropout(torch: Any, compiled: Any) -> Iterator[Any]:
    torch.manual_seed(3)
    model = perceptron(torch, torch.nn.Dropout(0.4))
    step = training(torch, compiled, model, torch.optim.SGD(model.parameters(), lr=0.1))
    for i in range(8):
        yield [step(), *trained(model), torch.rand(2)]
        if i == 4:
            torch.manual_seed(5)
        if i == 5:
            model[1].p = 0.7


@program
def noise_of_a_generator(torch: Any, compiled: Any) -> Iterator[Any]:
    generator = torch.Generator().manual_seed(1)

    @compiled
    def f(x: Any) -> Any:
        return x + torch.randn(3, generator=generator, dtype=torch.float64) + torch.rand(3, dtype=torch.float64)

    torch.manual_seed(0)
    for i in range(5):
        yield f(torch.ones(3, dtype=torch.float64))
        if i == 2:
            generator.manual_seed(7)


@program
def tied_weights(torch: Any, compiled: Any) -> Iterator[Any]:
    model = torch.nn.Sequential(layer(torch, 4, 4), torch.nn.Tanh(), layer(torch, 4, 4))
    model[2].weight = model[0].weight
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x, _ = data(torch)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    for i in range(8):
        yield [step(), *trained(model)]
        if i == 4:
            model[2].weight = torch.nn.Parameter(model[0].weight.detach().clone())
            optimizer.add_param_group({"params": [model[2].weight]})


@program
def freezing(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    step = training(torch, compiled, model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    for i in range(9):
        yield [step(), *trained(model)]
        if i == 2:
            model[0].requires_grad_(False)
        if i == 5:
            model[0].requires_grad_(True)


@program
def loading_a_state(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    step = training(torch, compiled, model, optimizer)
    kept = None
    for i in range(10):
        yield [step(), *trained(model)]
        if i == 3:
            kept = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
        if i == 6:
            model.load_state_dict(kept[0])
            optimizer.load_state_dict(kept[1])


@program
def saving_and_loading(torch: Any, compiled: Any) -> Iterator[Any]:
    model = compiled(perceptron(torch))
    x, y = data(torch)
    file = io.BytesIO()
    for i in range(6):
        loss = error_of(torch, model, x, y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
        model.zero_grad()
        yield [loss.detach(), *trained(model)]
        if i == 2:
            torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    yield [model(x).detach(), *trained(model)]


@program
def a_copy_of_a_compiled_module(torch: Any, compiled: Any) -> Iterator[Any]:
    model = compiled(perceptron(torch))
    x, _ = data(torch)
    for _ in range(3):
        yield model(x).detach()
    other = copy.deepcopy(model)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(2)
    for _ in range(3):
        yield [model(x).detach(), other(x).detach(), *trained(model), *trained(other)]


@program
def a_new_head(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    forward = compiled(model)
    x, _ = data(torch)
    for i in range(6):
        out = forward(x)
        out.sum().backward()
        yield [out.detach(), *trained(model)]
        if i == 2:
            model[2] = layer(torch, 6, 3)
        if i == 4:
            model.append(torch.nn.ReLU())


@program
def an_attribute_of_a_module(torch: Any, compiled: Any) -> Iterator[Any]:
    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.scale, self.calls = layer(torch, 4, 2), 1.0, 0

        def forward(self, x: Any) -> Any:
            return self.layer(x) * self.scale

    model = Scaled()
    forward = compiled(model)
    for i in range(6):
        yield forward(data(torch)[0]).detach()
        if i == 3:
            model.scale = 2.0


@program
def lists_that_grow(torch: Any, compiled: Any) -> Iterator[Any]:
    kept: list[Any] = [torch.ones(2, dtype=torch.float64)]
    f = compiled(lambda x: sum(kept) * x)
    for i in range(6):
        yield f(torch.arange(2.0, dtype=torch.float64))
        if i % 2:
            kept.append(torch.full((2,), 2.0 + i, dtype=torch.float64))


@uncompiled("traced 8 times")
def a_list_that_the_function_makes_longer(torch: Any, compiled: Any) -> Iterator[Any]:
    kept: list[Any] = []

    @compiled
    def f(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y + len(kept)

    for i in range(11):
        yield [f(torch.full((2,), float(i))), len(kept), *kept]


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass
class Output:
    loss: Any
    parts: Any


@program
def structures(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(batch: dict[str, Any], *more: Any, scale: Any = 1.0, names: tuple[str, ...] = ()) -> Any:
        first = batch["x"] * scale
        return {"sum": first + more[0], "rest": [Pair(m * 2, None) for m in more], "names": names, "n": len(more)}

    x, y = (torch.arange(3.0, dtype=torch.float64) + i for i in range(2))
    for i in range(3):
        for scale in (2.0, 3.0):
            found = f({"x": x, "y": y}, y, scale=scale, names=("a",))
            yield [found["sum"], found["rest"][0].first, found["names"], found["n"], sorted(found)]
        found = f({"x": x + i}, x, y)
        yield [found["sum"], *(r.first for r in found["rest"]), found["rest"][1].second]


@uncompiled("new object of Output")
def a_dataclass_as_a_result(torch: Any, compiled: Any) -> Iterator[Any]:
    model = layer(torch, 4, 2)

    @compiled
    def f(x: Any) -> Any:
        out = model(x)
        return Output(out.sum(), {"out": out})

    for i in range(4):
        found = f(data(torch, shift=0.1 * i)[0])
        found.loss.backward()
        yield [type(found).__name__, found.loss.detach(), found.parts["out"].detach(), *trained(model)]


@uncompiled("`o` is Output, which cannot be a key")
def a_dataclass_as_an_argument(torch: Any, compiled: Any) -> Iterator[Any]:
    f = compiled(lambda o: o.loss * o.parts)
    for i in range(5):
        x = torch.full((2,), float(i), dtype=torch.float64)
        yield f(Output(x, 2.0))


@uncompiled("needs the value")
def branches_on_values(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any) -> Any:
        if x.sum() > 1:
            return x * 2
        return x - 1

    for i in range(6):
        x = torch.full((2,), float(i % 3), dtype=torch.float64, requires_grad=True)
        y = f(x)
        y.sum().backward()
        yield [y.detach(), x.grad]


@uncompiled("needs the value")
def a_caught_refusal(torch: Any, compiled: Any) -> Iterator[Any]:
    """What says that a value is not known is no error of the program's."""

    @compiled
    def f(x: Any) -> Any:
        try:
            return x * float(x.sum())
        except Exception:
            return x * 100

    for i in range(4):
        yield f(torch.full((2,), float(i)))


@uncompiled("needs the value")
def items(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(4):
        yield [step(), *trained(model)]


@uncompiled("needs the value")
def curvature_by_closures(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    x, y = data(torch)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        return loss

    @compiled
    def step() -> Any:
        return optimizer.step(closure).detach()

    for _ in range(4):
        yield [step(), *trained(model)]


@uncompiled("traced 8 times")
def a_compiled_closure(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    x, y = data(torch)

    @compiled
    def closure() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        return loss.detach()

    for _ in range(4):
        yield [optimizer.step(closure), *trained(model)]


@program
def new_data(torch: Any, compiled: Any) -> Iterator[Any]:
    """`p.data = ...` outside of the compiled step."""
    model = perceptron(torch)
    step = training(torch, compiled, model, torch.optim.SGD(model.parameters(), lr=0.1))
    for i in range(8):
        yield [step(), *trained(model)]
        if i % 3 == 2:
            for p in model.parameters():
                p.data = p.data * 0.5


@uncompiled("other memory")
def new_data_inside(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        loss = error_of(torch, model, x, y)
        for p, g in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
            p.data = p.data - 0.1 * g
        return loss.detach()

    for _ in range(5):
        yield [step(), *trained(model)]


@program
def writing_to_data(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        loss = error_of(torch, model, x, y)
        for p, g in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
            p.data -= 0.1 * g
            p.data.clamp_(-0.6, 0.6)
        return loss.detach()

    for _ in range(5):
        yield [step(), *trained(model)]


@program
def a_moving_average(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for a, p in zip(average.parameters(), model.parameters()):
                a.mul_(0.9).add_(p, alpha=0.1)
        return loss.detach()

    for _ in range(6):
        yield [step(), *trained(model), *trained(average)]


@program
def loops_over_loaders(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data(torch, 10)), batch_size=4)

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    for _ in range(3):
        for x, y in loader:
            yield [step(x, y), *trained(model)]


@program
def hooks_that_come_and_go(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    step = training(torch, compiled, model, torch.optim.SGD(model.parameters(), lr=0.1))
    handle: Any = None
    for i in range(10):
        yield [step(), *trained(model)]
        if i == 2:
            handle = model[0].weight.register_hook(lambda g: g * 2)
        if i == 5:
            handle.remove()
        if i == 7:
            model[1].register_forward_hook(lambda module, args, out: out * 0.5)


@program
def grad_modes(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    forward = compiled(model)
    x, _ = data(torch)
    for i in range(9):
        with (torch.enable_grad(), torch.no_grad(), torch.inference_mode())[i % 3]:
            out = forward(x)
        yield [out.detach().clone(), out.requires_grad, out.is_inference(), out.grad_fn is None, out._is_view()]


@program
def modes_inside(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)

    @compiled
    def f(x: Any) -> Any:
        with torch.no_grad():
            a = model(x)
        b = model(x).detach()
        return a + model(x) * b, a

    for i in range(4):
        for grad in (True, False):
            with torch.set_grad_enabled(grad):
                found, a = f(data(torch, shift=0.1 * i)[0])
            yield [found.detach(), found.requires_grad, a.requires_grad, torch.is_grad_enabled()]


@program
def penalties(torch: Any, compiled: Any) -> Iterator[Any]:
    """A gradient's norm is part of the loss."""
    model = perceptron(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        x = x.clone().requires_grad_()
        out = model(x)
        (g,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        loss = ((out - y) ** 2).mean() + ((g.norm(dim=1) - 1) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach(), g.detach()

    for i in range(5):
        yield [*step(*data(torch, shift=0.01 * i)), *trained(model)]


@program
def two_optimizers(torch: Any, compiled: Any) -> Iterator[Any]:
    maker, judge = (perceptron(torch) for _ in range(2))
    judge[0] = layer(torch, 2, 6)
    for_maker = torch.optim.Adam(maker.parameters(), lr=0.01)
    for_judge = torch.optim.RMSprop(judge.parameters(), lr=0.01)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        made = maker(x)
        for_judge.zero_grad()
        error = (judge(y) - judge(made.detach())).mean()
        error.backward()
        for_judge.step()
        for_maker.zero_grad()
        loss = judge(made).mean()
        loss.backward()
        for_maker.step()
        return error.detach(), loss.detach()

    for _ in range(6):
        yield [*step(), *trained(maker), *trained(judge)]


@program
def a_state_in_a_closure(torch: Any, compiled: Any) -> Iterator[Any]:
    h = torch.zeros(2, dtype=torch.float64)

    @compiled
    def f(x: Any) -> Any:
        h.mul_(0.5).add_(x)
        return h + x

    for i in range(6):
        yield [f(torch.full((2,), float(i), dtype=torch.float64)), *seen(h)]
        if i == 3:
            h.zero_()


@uncompiled("traced 8 times")
def a_state_that_is_replaced(torch: Any, compiled: Any) -> Iterator[Any]:
    h = torch.zeros(2, dtype=torch.float64)

    @compiled
    def f(x: Any) -> Any:
        nonlocal h
        h = 0.5 * h + x
        return h * 1

    for i in range(11):
        yield [f(torch.full((2,), float(i), dtype=torch.float64)), *seen(h)]


@program
def shapes_that_change(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    step = compiled(lambda x, y: error_of(torch, model, x, y))
    for i in range(12):
        loss = step(*data(torch, 2 + i % 4, 0.1 * i))
        loss.backward()
        yield [loss.detach(), *trained(model)]


@program
def dtypes_that_change(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    forward = compiled(model)
    x = torch.arange(8.0, dtype=torch.float64).reshape(2, 4) / 8
    for i in range(6):
        out = forward(x if i < 3 else x.float()) > 0
        yield [out, forward(x if i < 3 else x.float()).dtype.itemsize]
        if i == 2:
            model.float()


@program
def numbers_that_change(torch: Any, compiled: Any) -> Iterator[Any]:
    f = compiled(lambda x, n: x**n + n)
    for i in range(12):
        yield f(torch.arange(1.0, 4.0, dtype=torch.float64), i % 4 if i % 2 else float(i % 4))


@program
def errors_in_the_middle(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data(torch)
    broken = [False]

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        if broken[0]:
            raise ValueError("in the middle")
        optimizer.step()
        return loss.detach()

    for i in range(9):
        broken[0] = i % 3 == 2
        try:
            yield [step(), *trained(model)]
        except ValueError as error:
            yield [str(error), torch.is_grad_enabled(), *(p.detach().clone() for p in model.parameters())]


@program
def arguments_that_are_written(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any, out: Any) -> Any:
        out.copy_(x * 2)
        out[0] += 1
        x.add_(1)
        return out.sum()

    x, out = torch.arange(3.0, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for i in range(5):
        yield [f(x, out), *seen(x, out)]
        if i == 3:
            yield [f(x[:2], out[1:]), *seen(x, out)]


@program
def views_of_parameters(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
    row = w[0]
    f = compiled(lambda x: (w * x).sum() + row.sum() ** 2)
    for i in range(4):
        loss = f(torch.full((3,), 1.0 + i, dtype=torch.float64))
        loss.backward(retain_graph=True)
        yield [loss.detach(), *seen(w)]


@program
def results_that_are_arguments(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any, y: Any) -> Any:
        return x, x + y, y

    for i in range(4):
        x, y = (torch.full((2,), float(i + j), requires_grad=bool(j)) for j in range(2))
        a, b, c = f(x, y)
        yield [a is x, c is y, b.detach(), b.requires_grad]


@program
def partial_graphs(torch: Any, compiled: Any) -> Iterator[Any]:
    """Only one layer is compiled."""
    model = perceptron(torch)
    model[1] = compiled(model[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data(torch)
    for _ in range(6):
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        optimizer.step()
        yield [loss.detach(), *trained(model)]


@program
def modules_that_compile_themselves(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    if compiled is torch.compile:
        model.compile()
    x, y = data(torch)
    for i in range(6):
        loss = error_of(torch, model, x, y)
        loss.backward()
        yield [loss.detach(), type(model).__name__, sorted(model.state_dict()), *trained(model)]
        if i == 3:
            with torch.no_grad():
                model[0].weight.mul_(0.5)


@program
def steps_of_optimizers(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    update = compiled(lambda: optimizer.step())
    x, y = data(torch)
    for i in range(8):
        optimizer.zero_grad()
        loss = error_of(torch, model, x, y)
        loss.backward()
        update()
        yield [loss.detach(), *trained(model), *(s["exp_avg"] for s in optimizer.state.values())]
        if i == 4:
            optimizer.param_groups[0]["betas"] = (0.5, 0.9)


@uncompiled("never compiled")
def switched_off(torch: Any, compiled: Any) -> Iterator[Any]:
    inner = torch.compiler.disable(lambda x: x * 3)
    f = compiled(lambda x: torch.sin(inner(x)))
    for i in range(4):
        yield f(torch.full((2,), float(i)))
    torch.compiler.reset()
    torch._dynamo.reset()
    yield [f(torch.ones(2)), torch.compiler.is_compiling()]


@program
def threads(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.arange(3.0, dtype=torch.float64, requires_grad=True)
    f = compiled(lambda x: torch.sin(w * x).sum())
    found: dict[int, Any] = {}

    def run(n: int) -> None:
        for _ in range(4):
            found[n] = f(torch.full((3,), float(n), dtype=torch.float64)).detach()

    for _ in range(2):
        workers = [threading.Thread(target=run, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        yield [found[n] for n in range(4)]


@program
def recurrent(torch: Any, compiled: Any) -> Iterator[Any]:
    cell = layer(torch, 6, 4)

    @compiled
    def run(xs: Any, h: Any) -> Any:
        for x in xs:
            h = torch.tanh(cell(torch.cat([x, h])))
        return h

    h = torch.zeros(4, dtype=torch.float64)
    for i in range(5):
        h = run(torch.full((3, 2), 0.1 * i, dtype=torch.float64), h.detach())
        h.sum().backward()
        yield [h.detach(), *trained(cell)]


@program
def embeddings(torch: Any, compiled: Any) -> Iterator[Any]:
    table = torch.nn.Embedding(5, 3, padding_idx=0).double()
    with torch.no_grad():
        table.weight.copy_(torch.arange(15.0).reshape(5, 3))
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)

    @compiled
    def step(index: Any) -> Any:
        optimizer.zero_grad()
        loss = (table(index) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    for i in range(5):
        yield [step(torch.tensor([0, i, (i + 2) % 5, i])), *trained(table)]


@program
def functions_of_ones_own(torch: Any, compiled: Any) -> Iterator[Any]:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float) -> Any:
            ctx.save_for_backward(x)
            ctx.factor = factor
            return factor * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 2 * x * ctx.factor, None

    factors = [1.0]
    f = compiled(lambda x: Square.apply(x, factors[0]).sum())
    for i in range(6):
        x = torch.arange(3.0, dtype=torch.float64, requires_grad=True)
        f(x).backward()
        yield [*seen(x)]
        if i == 3:
            factors[0] = 3.0


@program
def pickled(torch: Any, compiled: Any) -> Iterator[Any]:
    model = compiled(perceptron(torch))
    x, _ = data(torch)
    for _ in range(3):
        yield model(x).detach()
    other = pickle.loads(pickle.dumps(model))
    with torch.no_grad():
        next(model.parameters()).zero_()
    same_names = sorted(model.state_dict()) == sorted(other.state_dict())
    yield [other(x).detach(), model(x).detach(), len(model.state_dict()), same_names]


@uncompiled("prints a tensor")
def printing(torch: Any, compiled: Any) -> Iterator[Any]:
    lines: list[str] = []
    f = compiled(lambda x: (lines.append(str(x)), x * 2)[1])
    for i in range(4):
        yield [f(torch.full((2,), float(i))), *lines]


@uncompiled("changes an argument")
def arguments_that_are_changed(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(state: dict[str, Any]) -> Any:
        state["h"] = 0.5 * state["h"] + 1
        return state["h"] * 2

    state: dict[str, Any] = {"h": torch.zeros(2)}
    for _ in range(6):
        yield [f(state), state["h"]]


@program
def containers_that_are_returned(torch: Any, compiled: Any) -> Iterator[Any]:
    kept = [torch.ones(2)]

    @compiled
    def f(x: Any) -> Any:
        return kept, x + kept[0]

    for i in range(6):
        found, y = f(torch.full((2,), float(i)))
        if i % 2:
            found[0] = torch.full((2,), 3.0)
        yield [found is kept, y]


@program
def gradients_that_are_set(torch: Any, compiled: Any) -> Iterator[Any]:
    model = perceptron(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data(torch)

    @compiled
    def step() -> Any:
        parameters = list(model.parameters())
        loss = error_of(torch, model, x, y)
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
            p.grad = g.sign()
        optimizer.step()
        return loss.detach()

    for i in range(6):
        yield [step(), *trained(model)]
        if i == 3:
            optimizer.zero_grad()


@program
def gradients_between_calls(torch: Any, compiled: Any) -> Iterator[Any]:
    """Gradients are None, zeros, or left, by turns."""
    model = perceptron(torch)
    backward = compiled(lambda x, y: error_of(torch, model, x, y).backward())
    for i in range(9):
        backward(*data(torch))
        yield trained(model)
        if i % 3:
            model.zero_grad(set_to_none=i % 3 == 1)


@uncompiled("hook")
def hooks_that_are_made_inside(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)

    @compiled
    def f(x: Any) -> Any:
        y = w * x
        y.register_hook(lambda g: g * 2)
        return y.sum()

    for i in range(5):
        f(torch.full((3,), float(i), dtype=torch.float64)).backward()
        yield seen(w)


@program
def hooks_inside_of_a_step(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)

    @compiled
    def f(x: Any) -> Any:
        y = w * x
        y.register_hook(lambda g: g * 2)
        y.sum().backward()

    for i in range(5):
        f(torch.full((3,), float(i), dtype=torch.float64))
        yield seen(w)


@program
def hooks_on_leaves_inside(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)

    @compiled
    def f(x: Any) -> Any:
        handle = w.register_hook(lambda g: g * 2)
        (w * x).sum().backward()
        handle.remove()

    for i in range(5):
        f(torch.full((3,), float(i), dtype=torch.float64))
        yield seen(w)


@uncompiled("sets a mode")
def modes_that_are_left(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any) -> Any:
        torch.set_grad_enabled(False)
        return x * 2

    for i in range(4):
        x = torch.full((2,), float(i), requires_grad=True)
        y = f(x)
        yield [y.detach(), y.requires_grad, torch.is_grad_enabled()]
        torch.set_grad_enabled(True)


@uncompiled("sets a mode")
def dtypes_that_are_left(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any) -> Any:
        torch.set_default_dtype(torch.float64)
        return x + torch.ones(2)

    for i in range(4):
        y = f(torch.full((2,), float(i)))
        yield [y, torch.get_default_dtype().itemsize]
        torch.set_default_dtype(torch.float32)


@program
def retained_gradients(torch: Any, compiled: Any) -> Iterator[Any]:
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)

    @compiled
    def f(x: Any) -> Any:
        y = w * x
        y.retain_grad()
        (y * y).sum().backward()
        return y.grad

    for i in range(5):
        yield [f(torch.full((3,), float(i), dtype=torch.float64)), *seen(w)]


@program
def requiring_inside(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any) -> Any:
        z = x.detach().requires_grad_()
        (torch.sin(z) ** 2).sum().backward()
        return z.grad

    for i in range(5):
        x = torch.full((3,), float(i), dtype=torch.float64)
        yield [f(x), x.requires_grad]


@uncompiled("requires a gradient")
def requiring_arguments(torch: Any, compiled: Any) -> Iterator[Any]:
    @compiled
    def f(x: Any) -> Any:
        x.requires_grad_()
        (torch.sin(x) ** 2).sum().backward()
        return x.grad

    for i in range(5):
        x = torch.full((3,), float(i), dtype=torch.float64)
        yield [f(x), x.requires_grad]


@program
def nested(torch: Any, compiled: Any) -> Iterator[Any]:
    scale = [1.0]
    inner = compiled(lambda x: torch.sin(x) * scale[0])
    outer = compiled(lambda x: inner(x) + inner(2 * x))
    for i in range(8):
        x = torch.full((3,), float(i), dtype=torch.float64, requires_grad=True)
        y = outer(x) + inner(x)
        y.sum().backward()
        yield [y.detach(), x.grad]
        if i == 4:
            scale[0] = 2.0


@program
def methods(torch: Any, compiled: Any) -> Iterator[Any]:
    class Filter:
        def __init__(self, gain: float) -> None:
            self.gain, self.state = gain, torch.zeros(2, dtype=torch.float64)

        @compiled
        def step(self, x: Any) -> Any:
            self.state.mul_(self.gain).add_(x)
            return self.state + 0

    filters = [Filter(0.5), Filter(0.25)]
    for i in range(8):
        yield [f.step(torch.full((2,), float(i), dtype=torch.float64)) for f in filters]
        if i == 5:
            filters[0].gain = 0.75


@program
def indices_out_of_range(torch: Any, compiled: Any) -> Iterator[Any]:
    """What eager PyTorch refuses is refused compiled too."""
    table = torch.arange(10.0, dtype=torch.float64).reshape(5, 2)
    functions = {
        "embedding": lambda i: torch.nn.functional.embedding(i, table),
        "index": lambda i: table[i],
        "gather": lambda i: torch.gather(table, 0, i.reshape(1, 2)),
        "index_select": lambda i: table.index_select(0, i),
        "take": lambda i: torch.take(table, i * 2),
        "scatter": lambda i: torch.zeros(5, dtype=torch.float64).scatter(0, i, 1.0),
        "index_add": lambda i: torch.zeros(5, 2, dtype=torch.float64).index_add(0, i, table[:2]),
        "cross_entropy": lambda i: torch.nn.functional.cross_entropy(table[:2].repeat(1, 2)[:, :4], i),
    }
    for name, function in functions.items():
        f = compiled(function)
        for i in (0, 1, 2, 7, -9):
            try:
                yield [name, i, f(torch.tensor([0, i]))]
            except (IndexError, RuntimeError):
                yield [name, i, "refused"]
