"""The tour, from its first heading to the last."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad.flatten_util import ravel_pytree
from funcgrad.tour.data import load_penguins
from funcgrad.tour.model import accuracy, loss, start
from funcgrad.tour.newton import minimise
from funcgrad.tour.terminal import Terminal


def best_time(run: Callable[[], object], seconds: float) -> float:
    """The best time of one call, trying for `seconds`."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best


def fit(out: Terminal, data: Any, one_hot: np.ndarray) -> dict[str, Any]:
    """Fit the regression with compiled derivatives; returns the parameters."""
    out.heading("Softmax regression by Newton's method")
    out.text(
        "The loss is plain NumPy. Its gradient and Hessian-vector product come from fg.value_and_grad and fg.hvp, "
        "and fg.jit compiles both to machine code at their first call."
    )
    first, unravel = ravel_pytree(start(data.x_train.shape[1], len(data.class_names)))

    def objective(vector: Any) -> Any:
        return loss(unravel(vector), data.x_train, one_hot)

    value_and_gradient = fg.jit(fg.value_and_grad(objective))
    product = fg.jit(lambda point, v: fg.hvp(objective, (point,), (v,)))
    limit = 30
    with out.progress("fitting", limit) as bar:
        for state in minimise(value_and_gradient, product, first, limit):
            bar.advance(1, f"loss {state.value:.6f}, gradient {state.gradient_norm:.0e}")
    params = unravel(state.point)
    out.table(
        [
            ["training rows", len(data.y_train), f"{accuracy(params, data.x_train, data.y_train):.1%}"],
            ["held-out rows", len(data.y_test), f"{accuracy(params, data.x_test, data.y_test):.1%}"],
        ],
        header=["accuracy", "rows", "right"],
    )
    out.line(f"{state.products} Hessian-vector products; no Hessian was formed.")
    return params


def shim(out: Terminal, data: Any, one_hot: np.ndarray, params: dict[str, Any]) -> None:
    """The same gradient by `backward()`, half-way to the solution, where it is not small."""
    import funcgrad.torch as torch  # when the chapter comes to it

    params = fg.tree.map(lambda leaf: leaf / 2, params)

    out.heading("The same gradient in PyTorch's words (funcgrad.torch)")
    weights: Any = torch.tensor(params["weights"], requires_grad=True)
    bias: Any = torch.tensor(params["bias"], requires_grad=True)
    scores: Any = torch.from_numpy(data.x_train) @ weights + bias
    target: Any = torch.from_numpy(one_hot)
    value: Any = -(torch.log_softmax(scores, dim=1) * target).sum(dim=1).mean() + 1e-3 * (weights**2).sum()
    value.backward()
    gradient = fg.grad(loss)(params, data.x_train, one_hot)
    rows = [
        [
            name,
            str(tuple(t.shape)),
            f"{np.max(np.abs(gradient[name])):.1e}",
            f"{np.max(np.abs(t.grad.numpy() - gradient[name])):.1e}",
        ]
        for name, t in (("weights", weights), ("bias", bias))
    ]
    out.table(rows, header=["leaf", "shape", "largest fg.grad", "largest difference to .grad"], align="<<>>")


def timings(out: Terminal, data: Any, one_hot: np.ndarray, params: dict[str, Any], seconds: float) -> None:
    """Compiled against eager, on the same functions."""
    out.heading("Compiled and eager")
    gradient = fg.grad(loss)

    def product(p: Any, v: Any, x: np.ndarray, y: np.ndarray) -> Any:
        return fg.hvp(lambda q: loss(q, x, y), (p,), (v,))

    rows = []
    for name, fun, args in (
        ("gradient", gradient, (params, data.x_train, one_hot)),
        ("Hessian-vector product", product, (params, params, data.x_train, one_hot)),
    ):
        compiled = fg.jit(fun)
        compiled(*args)
        eager = best_time(partial(fun, *args), seconds)
        fast = best_time(partial(compiled, *args), seconds)
        rows.append([name, f"{eager * 1e6:.0f} us", f"{fast * 1e6:.0f} us", f"{eager / fast:.1f} x"])
    out.table(rows, header=["", "eager", "compiled", "faster"], align="<>>>")


def questions(out: Terminal) -> None:
    """What `explain` says."""
    from funcgrad.tour import questions  # when the chapter comes to it

    out.heading("Why is this gradient missing? (explain)")
    out.line(f"The programs are in {questions.__file__}")
    for question, report in questions.answers():
        out.line()
        out.line(question)
        out.line(str(report))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m funcgrad",
        description="A tour of funcgrad on real data: compiled derivatives, the torch shim, explain.",
        epilog="python -m funcgrad explain SCRIPT says why the gradients of a script are what they are; "
        "python -m funcgrad.cache lists the kernels on disk.",
    )
    parser.add_argument("--quick", action="store_true", help="time for a shorter while")
    parser.add_argument("--version", action="version", version=f"funcgrad {fg.__version__}")
    options = parser.parse_args(arguments)

    out = Terminal()
    data = load_penguins()
    one_hot = np.eye(len(data.class_names))[data.y_train]
    out.heading("The data")
    out.text(
        f"{len(data.y_train) + len(data.y_test)} penguins of the Palmer Archipelago ({', '.join(data.class_names)}), "
        "measured by K. Gorman and the Palmer Station LTER; the palmerpenguins data set (Horst, Hill and Gorman 2020), "
        "in the public domain (CC0). The species is told from four body measurements and the sex."
    )
    params = fit(out, data, one_hot)
    shim(out, data, one_hot, params)
    timings(out, data, one_hot, params, 0.05 if options.quick else 0.4)
    questions(out)
    return 0
