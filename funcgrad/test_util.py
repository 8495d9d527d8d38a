"""Numerical checks of derivatives, for the tests of users and our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.frames import hiding
from funcgrad.core.memory import copied
from funcgrad.transforms.api import jvp, vjp

__all__ = ["check_grads"]


def __dir__() -> list[str]:
    return __all__


# Central differences err by O(eps^2) from curvature and by O(machine epsilon / eps) from rounding.
_EPS = {8: 1e-4, 4: 1e-2, 2: 1e-1}
_TOLERANCE = {8: 1e-5, 4: 2e-2, 2: 2e-1}
"""By the bytes of one real number of the least precise dtype involved."""


@hiding
def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int,
    modes: str | Sequence[str] = ("fwd", "rev"),
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Check the derivatives of a function against central differences along random directions.

    Args:
        fun: a function of `args` that is smooth around them and returns a pytree of arrays.
        args: the point, a tuple or list of pytrees; integer leaves stay fixed.
        order: up to which order; derivatives of derivatives are checked in every combination of the modes.
        modes: ``"fwd"`` checks `jvp`, ``"rev"`` checks `vjp`.
        atol: absolute tolerance; by default 1e-5, for float32 2e-2.
        rtol: relative tolerance, by default the same.
        eps: the step of the differences, by default 1e-4, for float32 1e-2.

    Raises:
        AssertionError: a derivative is wrong; the message says in which mode and order, and by how much.

    Example:
        >>> check_grads(lambda x, y: np.sin(x) * y, (np.array([0.1, 0.2]), 3.0), order=2)
    """
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or not set(modes) <= {"fwd", "rev"}:
        raise ValueError(f'check_grads: modes must be of "fwd" and "rev", not {modes!r}')
    if order < 1:
        raise ValueError(f"check_grads: order must be at least 1, not {order}")
    args = tuple(args)
    writing = fun
    fun = lambda *args: writing(*tree.map(copied, args))
    _Check(modes, atol, rtol, eps).check(fun, args, order, "")


class _Check:
    """What stays the same from order to order."""

    def __init__(
        self, modes: Sequence[str], atol: float | None, rtol: float | None, eps: float | None
    ) -> None:
        self.modes = modes
        self.atol = atol
        self.rtol = rtol
        self.eps = eps
        self.draw = np.random.default_rng(0)

    def check(self, fun: Callable[..., Any], args: tuple, order: int, of: str) -> None:
        leaves, treedef = tree.flatten(args)
        direction = [self._random(x) for x in leaves]
        out, differences = self._differences(fun, treedef, leaves, direction)
        tangents = treedef.unflatten(direction)
        if "fwd" in self.modes:
            what = "jvp" + of
            value, moved = jvp(fun, args, tangents)
            self._compare(value, out, f"the value of {what}", leaves)
            self._compare(moved, differences, what, leaves)
            if order > 1:
                self.check(partial(jvp, fun), (args, args), order - 1, f" of {what}")
        if "rev" in self.modes:
            what = "vjp" + of
            value, pullback = vjp(fun, *args)
            self._compare(value, out, f"the value of {what}", leaves)
            cotangents = tree.map(self._random, out)
            precision = _precision([*leaves, *tree.leaves(out)])
            pulled = _inner(pullback(cotangents), tangents, precision)
            self._compare(pulled, _inner(cotangents, differences, precision), what, leaves)
            if order > 1:
                self.check(partial(_pulled_back, fun), args, order - 1, f" of {what}")

    def _random(self, leaf: Any) -> Any:
        """A direction in the space of a leaf; zero for an integer."""
        aval = aval_of(leaf)
        if not is_inexact(aval.dtype):
            return np.zeros(aval.shape, aval.dtype)
        x = self.draw.standard_normal(aval.shape)
        if aval.dtype.kind == "c":
            x = x + 1j * self.draw.standard_normal(aval.shape)
        return np.asarray(x, aval.dtype)

    def _differences(
        self, fun: Any, treedef: tree.TreeDef, leaves: list[Any], direction: list[Any]
    ) -> tuple[Any, Any]:
        """The output, and its central difference along a direction."""
        eps = self.eps or _EPS[_precision(leaves)]

        def moved_by(step: float) -> Any:
            return fun(
                *treedef.unflatten(
                    [x + step * d if is_inexact(aval_of(x).dtype) else x for x, d in zip(leaves, direction)]
                )
            )

        def quotient(above: Any, below: Any) -> Any:
            if not is_inexact(aval_of(above).dtype):
                return above
            above, below = np.asarray(above), np.asarray(below)
            return (above - below) / np.asarray(2 * eps, above.real.dtype)

        return fun(*treedef.unflatten(leaves)), tree.map(quotient, moved_by(eps), moved_by(-eps))

    def _compare(self, found: Any, expected: Any, what: str, leaves: list[Any]) -> None:
        got, treedef = tree.flatten(found)
        wanted, expected_tree = tree.flatten(expected)
        if not treedef.matches(expected_tree):
            raise AssertionError(f"check_grads: {what} has the structure {treedef}, not {expected_tree}")
        for path, a, b in zip(tree.leaf_paths(treedef), got, wanted):
            where = f"{what}{f', output{path}' if path else ''}"
            if not is_inexact(aval_of(b).dtype):
                continue
            a, b = np.asarray(a), np.asarray(b)
            if a.shape != b.shape:
                raise AssertionError(f"check_grads: {where} has shape {a.shape}, not {b.shape}")
            if a.dtype != b.dtype:
                raise AssertionError(f"check_grads: {where} has dtype {a.dtype}, not {b.dtype}")
            self._compare_arrays(a, b, where, leaves)

    def _compare_arrays(self, a: np.ndarray, b: np.ndarray, where: str, leaves: list[Any]) -> None:
        default = _TOLERANCE[_precision([*leaves, a])]
        atol = default if self.atol is None else self.atol
        rtol = default if self.rtol is None else self.rtol
        with np.errstate(invalid="ignore"):
            wrong = ~np.isclose(a, b, rtol, atol, equal_nan=True)
        if wrong.any():
            with np.errstate(invalid="ignore"):
                off = np.where(wrong, np.nan_to_num(np.abs(a - b), nan=np.inf), -1.0)
            worst = np.unravel_index(np.argmax(off), off.shape)
            index = f" at index {tuple(map(int, worst))}" if a.ndim else ""
            raise AssertionError(
                f"check_grads: {where} is wrong in {wrong.sum()} of {a.size} elements, worst{index}: "
                f"{a[worst]} where {b[worst]} is expected (atol={atol:g}, rtol={rtol:g})"
            )


def _pulled_back(fun: Callable[..., Any], *args: Any) -> Any:
    """The cotangents of the arguments where the output is its own cotangent: to be differentiated again."""
    out, pullback = vjp(fun, *args)
    return tuple(ct for ct in tree.leaves(pullback(out)) if is_inexact(aval_of(ct).dtype))


def _inner(xs: Any, ys: Any, precision: int) -> np.ndarray:
    """The real part of the product of two pytrees (bilinear, as `vjp` is), in `precision` bytes."""
    total = np.float64(0.0)
    for x, y in zip(tree.leaves(xs), tree.leaves(ys)):
        if is_inexact(aval_of(x).dtype):
            total += np.sum(np.asarray(x) * np.asarray(y)).real
    return np.asarray(total, f"f{precision}")


def _precision(leaves: Sequence[Any]) -> int:
    """Bytes of a real number of the least precise dtype among the leaves."""
    sizes = [
        aval.dtype.itemsize // (2 if aval.dtype.kind == "c" else 1)
        for aval in map(aval_of, leaves)
        if is_inexact(aval.dtype)
    ]
    return min([8, *sizes])
