"""What operations leave behind: no reference cycles, no state that an operation inside another one meets."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.torch._record.modes import mode


class Cubed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x**3
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, _ = ctx.saved_tensors
        return grad * 3 * x**2


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        raise ValueError


def hooked(x):
    y = x * 2
    handle = y.register_hook(lambda grad: grad * y.detach())
    y.retain_grad()
    y.sum().backward()
    handle.remove()


def failing_hook(x):
    def hook(grad):
        raise ValueError

    y = x * 2
    y.register_hook(hook)
    y.sum().backward()


def in_place(x):
    y = x * 2
    view = y[1:]
    view.mul_(3)
    y.add_(1)
    y[0] = x[1]
    y.sum().backward()


def modified(x):
    y = x.exp()
    z = y * 2
    y.add_(1)
    z.sum().backward()


def twice(x):
    y = (x * x).sum()
    y.backward()
    y.backward()


def shared(x):
    t = torch.from_numpy(np.ones(3)).requires_grad_()
    (t * t).sum().backward()
    t.detach().numpy()


def assigned(x):
    w = torch.ones(3, requires_grad=True)
    w.data = w.data
    w.data = w.data - 0.1 * torch.ones(3)
    w.data.mul_(2)


def modes(x):
    with torch.no_grad():
        x * 2
    torch.no_grad()(lambda: x * 2)()


def functional(fn):
    def transformed(x):
        pure, args, _ = torch.to_functional(fn, x)
        pure(*args)
        fg.grad(pure)(*args)

    return transformed


ACTIONS = {
    "tensor": lambda x: torch.tensor([1.0, 2.0]),
    "nested lists": lambda x: torch.tensor([[x[0], x[1]], [1.0, 2.0]]),
    "no data": lambda x: torch.tensor("a"),
    "integers": lambda x: torch.tensor([1, 2], requires_grad=True),
    "backward": lambda x: torch.softmax((x * x).exp(), 0).var().backward(),
    "reductions": lambda x: (x.norm(3) + x.max(0).values + x.sort()[0][0] + x.prod() + x.clamp(x, x).sum()).backward(),
    "second order": lambda x: torch.autograd.grad(
        (torch.autograd.grad((x**3).sum(), x, create_graph=True)[0] ** 2).sum(), x
    ),
    "unused": lambda x: torch.autograd.grad((x * 2).sum(), torch.ones(3, requires_grad=True)),
    "joining": lambda x: torch.cat([x, torch.stack(list(x.unbind()))]).sum().backward(),
    "hooks": hooked,
    "failing hook": failing_hook,
    "in place": in_place,
    "modified": modified,
    "twice": twice,
    "shared": shared,
    "assigned": assigned,
    "modes": modes,
    "Function": lambda x: Cubed.apply(x).sum().backward(),
    "failing Function": lambda x: Failing.apply(x).sum().backward(),
    "shapes": lambda x: x + torch.ones(4),
    "products": lambda x: x @ torch.ones(4),
    "no scalar": lambda x: (x * x).backward(),
    "nothing required": lambda x: x.detach().sum().backward(),
    "leaf": lambda x: x.add_(1),
    "explained": lambda x: str((x.detach() * x).sum().explain_grad()),
    "printed": lambda x: repr(x * 2),
    "copied": lambda x: (copy.deepcopy(x), pickle.loads(pickle.dumps(x))),
    "to_functional": functional(lambda x: (Cubed.apply(x) * x).sum()),
    "failing to_functional": functional(lambda x: x @ torch.ones(4)),
    "traced": lambda x: fg.grad(lambda v: torch.where(x > 0, v, x))(np.ones(3)),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_no_cycles_are_left(name):
    def act():
        with contextlib.suppress(RuntimeError, TypeError, ValueError):
            ACTIONS[name](torch.ones(3, requires_grad=True))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        act()
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                act()
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_data_assigned_again_and_again():
    w = torch.ones(3, requires_grad=True)
    for _ in range(3000):
        w.data = w.data
    (w * w).sum().backward()
    w.data -= w.grad
    assert w.tolist() == [-1.0, -1.0, -1.0]


OPERATIONS = {
    "elementwise": lambda x: x.exp() * x + 1.0,
    "reduction": lambda x: torch.softmax(x, 0).sum(),
    "view": lambda x: x[1:].view(2, 1),
    "backward": lambda x: torch.autograd.grad((x * x).sum(), x)[0],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_inside_another(name):
    x = torch.tensor([1.0, 2.0, 0.0], requires_grad=True)
    outside = OPERATIONS[name](x)
    assert mode.quiet(OPERATIONS[name], x).tolist() == outside.tolist()
    with pytest.raises(RuntimeError, match="must match the size"):
        mode.quiet(lambda: x + torch.ones(4))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no interval timers")
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_operations_in_a_signal_handler():
    x = torch.tensor(np.linspace(0.0, 1.0, 20_000), requires_grad=True)
    inside = []
    before = signal.signal(signal.SIGALRM, lambda *_: inside.append((x[:3] * x[:3] / 0).sum().item()))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(inside) < 50:
            torch.softmax(x.exp() * x, 0).sum().backward()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no interval timers")
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_a_backward_pass_in_a_signal_handler():
    """It meets no state of the pass that it interrupts."""
    failed, gradients = [], []

    def handler(*_):
        try:
            t = torch.tensor([2.0], requires_grad=True)
            (t * t).sum().backward()
            gradients.append(t.grad.item())
        except RuntimeError as error:
            failed.append(error)

    x = torch.tensor(np.ones(5), requires_grad=True)
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(gradients) + len(failed) < 100:
            (x.exp() * x).sin().sum().backward()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not failed and set(gradients) == {4.0}


def test_programs_that_ask_for_another_device_get_the_cpu():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert torch.ones(2, device=device).device == torch.device("cpu")
    assert torch.cuda.device_count() == 0


def test_networks_are_trained_without_scipy():
    """It is an extra: only distributions and special functions ask for it."""
    program = (
        "import sys; sys.modules['scipy'] = None; import funcgrad.torch as torch; "
        "x = torch.nn.Linear(2, 2)(torch.ones(1, 2)); torch.nn.functional.kl_div(x.log_softmax(-1), x.softmax(-1)); "
        "torch.optim.Adam([x.detach().requires_grad_()]); torch.linalg.inv(torch.eye(2)); torch.fft.fft(x); "
        "torch.utils.data.DataLoader([1]); torch.compile(torch.sin); torch.func.grad(torch.sum)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
