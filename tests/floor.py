"""Imports the core and the operations as if nothing stood above them, and differentiates with them.

`python -m tests.floor` in a process of its own: `tests/test_layers.py` does.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FLOOR = ("errors", "names", "tree", "config", "core", "ops")


class Above(MetaPathFinder):
    """Refuses what is not of the floor."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name.startswith("funcgrad.") and name.split(".")[1] not in FLOOR:
            raise ImportError(f"{name} stands above the operations")


def build() -> None:
    """A package `funcgrad` of the lower floors alone."""
    package = ModuleType("funcgrad")
    package.__path__ = [str(Path(__file__).parent.parent / "funcgrad")]
    sys.modules["funcgrad"] = package
    sys.meta_path.insert(0, Above())
    for name in FLOOR:
        importlib.import_module(f"funcgrad.{name}")


def gradients(fun: Any, args: tuple[Any, ...]) -> list[Any]:
    """The cotangents of the floating-point arguments, for one of ones, as values that may be traced themselves."""
    from funcgrad.core.avals import aval_of
    from funcgrad.core.tape import TapeTrace, TapeTracer, pull

    trace = TapeTrace()
    moving = [aval_of(a).dtype.kind in "fc" for a in args]
    leaves = [trace.leaf(a) if m else a for a, m in zip(args, moving)]
    out = fun(*leaves)
    outs = [y for y in (out if type(out) is tuple else (out,)) if isinstance(y, TapeTracer) and y._trace is trace]
    trace.end()
    found = pull([(y.node, np.ones(y.shape, y.dtype)) for y in outs])
    return [found.get(x.node.seq) for x, m in zip(leaves, moving) if m]


def samples() -> list[Any]:
    """The rows of primitives that are of the floor."""
    import tests.samples

    found = []
    for module in pkgutil.iter_modules(tests.samples.__path__):
        try:
            found += importlib.import_module(f"tests.samples.{module.name}").ROWS
        except ImportError:
            continue
    return found


def arithmetic() -> None:
    """Operators of traced values: promotion, broadcasting, comparison, both orders of operands."""
    x, y = np.arange(1.0, 4.0, dtype=np.float32), np.array([[2.0], [3.0]])

    def f(x: Any, y: Any) -> Any:
        z = 2 * x + y / x - y**2 @ np.ones((1, 3)) + np.float64(1) * (x // 1 % 2) + abs(-y)
        assert (x < y).shape == (2, 3) and bool((x[0] == x[0]).all())
        assert z.dtype == np.float64 and z.astype(np.float32).reshape(-1).shape == (6,)
        return z

    dx, dy = gradients(f, (x, y))
    assert dx.dtype == np.float32 and dx.shape == (3,) and dy.dtype == np.float64 and dy.shape == (2, 1)
    np.testing.assert_allclose(dx, (2 - y / x**2).sum(0), rtol=1e-6)
    np.testing.assert_allclose(dy, (1 / x - 2 * y + 1).sum(1, keepdims=True), rtol=1e-6)


def main() -> None:
    build()
    arithmetic()
    rows = samples()
    for row in rows:
        with np.errstate(all="ignore"):
            gradients(lambda *args, row=row: tuple(g for g in gradients(row.fun, args) if g is not None), row.args)
    print(len(rows), *sorted(name for name in sys.modules if name.startswith("funcgrad.numpy")))


if __name__ == "__main__":
    main()
