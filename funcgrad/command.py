"""``python -m funcgrad explain script.py``: runs a script, and says why its gradients are what they are."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.config import disable_jit
from funcgrad.core.frames import hide
from funcgrad.core.provenance import here, place
from funcgrad.core.trace import is_traced
from funcgrad.transforms import api
from funcgrad.transforms.explain import explain
from funcgrad.transforms.explain.page import page
from funcgrad.transforms.explain.report import Report, short

ABOUT = """\
Runs SCRIPT and explains its gradients: those of each call of fg.grad and fg.value_and_grad (the first from each line,
and the first that is zero, NaN or infinite), and those of the Tensors and Modules of funcgrad.torch left at its
end. A report whose gradients all flow is printed with --all only. Functions that are compiled run as they are."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m funcgrad explain", description=ABOUT)
    parser.add_argument("script", help="a Python file, which is run as the main program")
    parser.add_argument("rest", nargs="*", help="the script's own arguments, behind --", metavar="ARGUMENT")
    parser.add_argument("--var", metavar="NAME", help="only this argument, or this variable of the script")
    parser.add_argument("--html", metavar="FILE", help="write the reports to a page of HTML")
    parser.add_argument("--all", action="store_true", help="also what is in order")
    given = parser.parse_args(arguments)
    if not os.path.isfile(given.script):
        parser.error(f"there is no file {given.script}")
    watch = Watch()
    module, status = _run(given.script, given.rest, watch)
    reports = [*watch.reports, *_of_tensors(vars(module), given.var)]
    if given.var is not None:
        reports = [_only(report, given.var) for report in reports]
        reports = [report for report in reports if report.leaves]
        if not reports:
            print(f"{given.script}: no gradient of `{given.var}` was asked for", file=sys.stderr)
            return status or 1
    elif not given.all:
        reports = [r for r in reports if any(leaf.status != "flows" for leaf in r.leaves)]
    _show(reports, watch, given.script)
    if given.html:
        with open(given.html, "w", encoding="utf-8") as file:
            file.write(page(reports, f"Gradients of {os.path.basename(given.script)}"))
    return status


def _show(reports: Sequence[Report], watch: Watch, script: str) -> None:
    for report in reports:
        print(report)
        print()
    if not reports:
        calls = f"{watch.calls} call{'s' * (watch.calls != 1)} of grad"
        print(f"{script}: {calls}, and every gradient flows (--all shows the reports)")


def _run(script: str, rest: Sequence[str], watch: Watch) -> tuple[ModuleType, int]:
    """Run a script as the main program; its names, and the exit status."""
    module = ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=__builtins__)
    with open(script, "rb") as file:
        code = compile(file.read(), os.path.abspath(script), "exec")
    before = sys.modules["__main__"], sys.argv, sys.path[:]
    sys.modules["__main__"], sys.argv = module, [script, *rest]
    sys.path[:0] = [os.path.dirname(os.path.abspath(script))]
    status = 0
    try:
        with disable_jit(), watch:
            exec(code, module.__dict__)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        hide(error)
        traceback.print_exception(error)
        status = 1
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before
    return module, status


class Watch:
    """While it is entered, calls of `grad` and `value_and_grad` are explained as they happen."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.calls = 0
        self._seen: set[tuple[Any, ...]] = set()
        self._is_explaining = False

    def __enter__(self) -> Watch:
        self._original = api._value_and_grad

        @wraps(self._original)
        def called(*args: Any, **options: Any) -> Any:
            return self._called(*args, **options)

        api._value_and_grad = called
        return self

    def __exit__(self, *_: Any) -> None:
        api._value_and_grad = self._original

    def _called(self, fun: Any, args: tuple, kwargs: dict, *rest: Any, **options: Any) -> Any:
        if self._is_explaining or is_traced(*tree.leaves((args, kwargs))):
            return self._original(fun, args, kwargs, *rest, **options)
        self.calls += 1
        loc = here()
        try:
            value, gradient = self._original(fun, args, kwargs, *rest, **options)
        except Exception:
            self._explain(fun, args, kwargs, loc, options, ("raised", loc))
            raise
        self._explain(fun, args, kwargs, loc, options, (_looks(gradient), loc))
        return value, gradient

    def _explain(self, fun: Any, args: tuple, kwargs: dict, loc: Any, options: dict, key: tuple[Any, ...]) -> None:
        if key in self._seen:
            return
        self._seen.add(key)
        self._is_explaining = True
        try:
            with _quiet():
                function = _without_aux(fun) if options["has_aux"] else fun
                report = explain(function, options["argnums"])(*args, **kwargs)
        except Exception:
            return  # the script's own error, which it shows itself
        finally:
            self._is_explaining = False
        where = f", called at {short(place(loc))}" if loc is not None else ""
        self.reports.append(Report(report.title + where, report.leaves, report.notes, report.drawing))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The function runs once more: what it prints has been seen."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _without_aux(fun: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(fun)
    def first(*args: Any, **kwargs: Any) -> Any:
        return fun(*args, **kwargs)[0]

    return first


def _looks(gradient: Any) -> str:
    """Whether a gradient has a leaf that is zero, or not finite."""
    leaves = [np.asarray(g) for g in tree.leaves(gradient) if np.asarray(g).dtype.kind in "fc"]
    if not all(np.isfinite(g).all() for g in leaves):
        return "not finite"
    return "zero" if any(g.size and not g.any() for g in leaves) else "finite"


def _only(report: Report, name: str) -> Report:
    leaves = [leaf for leaf in report.leaves if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", leaf.path)]
    return Report(report.title, leaves, report.notes, report.drawing)


def _of_tensors(names: dict[str, Any], name: str | None) -> Iterator[Report]:
    """Reports on the Tensors and Modules of funcgrad.torch among a script's variables."""
    torch = sys.modules.get("funcgrad.torch")
    if torch is None:
        return
    modules = {n: x for n, x in names.items() if isinstance(x, torch.nn.Module)}
    owned = {id(p) for module in modules.values() for p in module.parameters()}
    for n, x in names.items():
        if name is not None and n != name:
            continue
        if n in modules:
            report = x.explain_grads()
            leaves = [leaf._replace(path=f"{n}.{leaf.path}") for leaf in report.leaves]
            yield Report(f"Gradients of `{n}`", leaves, report.notes, report.drawing)
        elif isinstance(x, torch.Tensor) and (n == name or (x.is_leaf and x.requires_grad and id(x) not in owned)):
            report = x.explain_grad()
            leaves = [leaf._replace(path=f"`{n}`" if i == 0 else leaf.path) for i, leaf in enumerate(report.leaves)]
            yield Report(f"Gradient of `{n}`", leaves, report.notes, report.drawing)
