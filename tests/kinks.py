"""Derivatives at kinks, ties, zeros, infinities and NaN: the list behind docs/kinks.md and its tests.

`python -m tests.kinks > docs/kinks.md` writes the page. A row's expression is evaluated with the names of
funcgrad.numpy, and of jax.numpy where JAX is installed (tests/parity/test_kinks_jax.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import e, inf, nan
from types import ModuleType
from typing import Any

from tests.torch.values import COMPLEX_DIFFERS, DIFFERS, LEFT_OUT, rounding

QUOTIENT = "the derivative belongs to the quotient 9 that the value 1 - 9 * 0.1 has"


@dataclass(frozen=True)
class Kink:
    """The gradient of `expression` in x, y, z at the point `at`.

    `forward` is forward mode's where it is another, `jax` is JAX's where that is another, and `why` says why.
    """

    expression: str
    at: tuple[Any, ...]
    gradient: tuple[Any, ...]
    forward: tuple[Any, ...] | None = None
    jax: tuple[Any, ...] | None = None
    why: str = ""

    def function(self, module: ModuleType) -> Callable[..., Any]:
        """The expression as a function, with the names of a module like NumPy."""
        names = {**vars(module), "inf": inf, "nan": nan}
        return eval(f"lambda {', '.join('xyz'[: len(self.at)])}: {self.expression}", names)

    def __str__(self) -> str:
        return f"{self.expression} at {shown(self.at)}"


def shown(value: Any) -> str:
    """A number, or a list or tuple of numbers, as in the page: `0`, `-inf`, `(1, [0.5, 0.5])`."""
    if isinstance(value, tuple):
        return shown(value[0]) if len(value) == 1 else f"({', '.join(map(shown, value))})"
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else f"{value:.6g}"


SECTIONS: dict[str, list[Kink]] = {
    "Absolute value, signs and rounding": [
        Kink("abs(x)", (0.0,), (1.0,)),
        Kink("abs(x)", (-0.0,), (1.0,)),
        Kink("abs(x)", (-inf,), (-1.0,)),
        Kink("sign(x)", (0.0,), (0.0,)),
        Kink("sign(x)", (2.0,), (0.0,)),
        Kink("floor(x)", (1.0,), (0.0,)),
        Kink("floor(x)", (1.5,), (0.0,)),
        Kink("rint(x)", (0.5,), (0.0,)),
        Kink("copysign(x, y)", (0.0, 1.0), (1.0, 0.0)),
        Kink("copysign(x, y)", (0.0, -1.0), (-1.0, 0.0)),
        Kink("copysign(x, y)", (-2.0, -0.0), (1.0, 0.0)),
        Kink("heaviside(x, y)", (0.0, 0.5), (0.0, 1.0)),
        Kink("heaviside(x, y)", (1.0, 0.5), (0.0, 0.0)),
        Kink("heaviside(x, y)", (-1.0, 0.5), (0.0, 0.0)),
    ],
    "Ties": [
        Kink("maximum(x, y)", (1.0, 1.0), (0.5, 0.5)),
        Kink("maximum(x, y)", (2.0, 1.0), (1.0, 0.0)),
        Kink("maximum(x, y)", (inf, inf), (0.5, 0.5)),
        Kink("maximum(x, y)", (nan, 1.0), (0.0, 0.0)),
        Kink("minimum(x, y)", (1.0, 1.0), (0.5, 0.5)),
        Kink("minimum(x, y)", (-inf, -inf), (0.5, 0.5)),
        Kink("minimum(x, y)", (1.0, nan), (0.0, 0.0)),
        Kink("fmax(x, y)", (1.0, 1.0), (0.0, 1.0)),
        Kink("fmax(x, y)", (nan, 1.0), (0.0, 1.0)),
        Kink("fmax(x, y)", (1.0, nan), (1.0, 0.0)),
        Kink("fmin(x, y)", (1.0, 1.0), (0.0, 1.0)),
        Kink("fmin(x, y)", (nan, 1.0), (0.0, 1.0)),
        Kink("fmin(x, y)", (1.0, nan), (1.0, 0.0)),
        Kink("maximum(x, 0)", (0.0,), (0.5,)),
        Kink("maximum(x, 0)", (-0.0,), (0.5,)),
        Kink("clip(x, y, z)", (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)),
        Kink("clip(x, y, z)", (1.0, 0.0, 1.0), (0.5, 0.0, 0.5)),
        Kink("clip(x, y, z)", (0.5, 0.5, 0.5), (0.25, 0.25, 0.5)),
        Kink("clip(x, y, z)", (0.0, 0.5, 0.5), (0.0, 0.5, 0.5)),
        Kink("clip(x, y, z)", (1.0, 0.5, 0.5), (0.0, 0.0, 1.0)),
        Kink("clip(x, y, z)", (1.5, 2.0, 1.0), (0.0, 0.0, 1.0)),
        Kink("clip(x, y, z)", (nan, 0.0, 1.0), (0.0, 0.0, 0.0)),
        Kink("where(x > 0, x, 2 * x)", (0.0,), (2.0,)),
    ],
    "Division and remainders": [
        Kink("x / y", (1.0, 0.0), (inf, -inf)),
        Kink("x / y", (0.0, 0.0), (inf, nan)),
        Kink("x / y", (1.0, inf), (0.0, 0.0)),
        Kink("x / y", (inf, inf), (0.0, nan)),
        Kink("reciprocal(x)", (0.0,), (-inf,)),
        Kink("reciprocal(x)", (inf,), (0.0,)),
        Kink("remainder(x, y)", (4.0, 2.0), (1.0, -2.0)),
        Kink("remainder(x, y)", (-4.0, 2.0), (1.0, 2.0)),
        Kink("remainder(x, y)", (-1.0, 2.0), (1.0, 1.0)),
        Kink("remainder(x, y)", (1.0, 0.0), (1.0, -inf)),
        Kink("remainder(x, y)", (0.0, 0.0), (1.0, nan)),
        Kink("remainder(x, y)", (1.0, inf), (1.0, 0.0)),
        Kink("remainder(x, y)", (1.0, -inf), (1.0, 1.0)),
        Kink("fmod(x, y)", (4.0, 2.0), (1.0, -2.0)),
        Kink("fmod(x, y)", (-1.0, 2.0), (1.0, 0.0)),
        Kink("fmod(x, y)", (1.0, inf), (1.0, 0.0)),
        Kink("x // y", (4.0, 2.0), (0.0, 0.0)),
    ],
    "Powers and roots": [
        Kink("x ** 0", (0.0,), (0.0,)),
        Kink("x ** 0", (nan,), (0.0,)),
        Kink("x ** 1", (0.0,), (1.0,)),
        Kink("x ** 1", (inf,), (1.0,)),
        Kink("x ** 2", (0.0,), (0.0,)),
        Kink("x ** 2", (-inf,), (-inf,)),
        Kink("x ** 3", (0.0,), (0.0,)),
        Kink("x ** 3", (-2.0,), (12.0,)),
        Kink("x ** -1", (0.0,), (-inf,)),
        Kink("x ** array(0)", (0.0,), (0.0,)),
        Kink("x ** array(0)", (nan,), (0.0,)),
        Kink("x ** array(2)", (0.0,), (0.0,)),
        Kink("x ** array(2)", (-3.0,), (-6.0,)),
        Kink("x ** 0.0", (1.0,), (0.0,)),
        Kink("x ** 0.5", (0.0,), (inf,)),
        Kink("x ** 1.0", (0.0,), (1.0,)),
        Kink("x ** 2.0", (0.0,), (0.0,)),
        Kink("x ** 2.0", (-3.0,), (-6.0,)),
        Kink("x ** y", (0.0, 1.0), (1.0, 0.0)),
        Kink("x ** y", (0.0, 2.0), (0.0, 0.0)),
        Kink("x ** y", (0.0, 0.5), (inf, 0.0)),
        Kink("x ** y", (-1.0, 2.0), (-2.0, nan)),
        Kink("x ** y", (-8.0, 1 / 3), (nan, nan)),
        Kink("x ** y", (1.0, inf), (inf, 0.0)),
        Kink("x ** y", (inf, 1.0), (1.0, inf)),
        Kink("2.0 ** x", (-inf,), (0.0,)),
        Kink("2.0 ** x", (inf,), (inf,)),
        Kink("sqrt(x)", (0.0,), (inf,)),
        Kink("sqrt(x)", (-0.0,), (-inf,)),
        Kink("sqrt(x)", (-1.0,), (nan,)),
        Kink("sqrt(x)", (inf,), (0.0,)),
        Kink("cbrt(x)", (0.0,), (inf,)),
        Kink("cbrt(x)", (-8.0,), (1 / 12,)),
        Kink("cbrt(x)", (inf,), (0.0,)),
        Kink("hypot(x, y)", (0.0, 0.0), (0.5, 0.5)),
        Kink("hypot(x, y)", (0.0, 1.0), (0.0, 1.0)),
        Kink("hypot(x, y)", (-3.0, 0.0), (-1.0, 0.0)),
    ],
    "Exponentials and logarithms": [
        Kink("exp(x)", (-inf,), (0.0,)),
        Kink("exp(x)", (inf,), (inf,)),
        Kink("exp2(x)", (-inf,), (0.0,)),
        Kink("expm1(x)", (-inf,), (0.0,)),
        Kink("log(x)", (0.0,), (inf,)),
        Kink("log(x)", (-0.0,), (-inf,)),
        Kink("log(x)", (-1.0,), (-1.0,)),
        Kink("log(x)", (inf,), (0.0,)),
        Kink("log2(x)", (0.0,), (inf,)),
        Kink("log10(x)", (0.0,), (inf,)),
        Kink("log1p(x)", (-1.0,), (inf,)),
        Kink("log1p(x)", (inf,), (0.0,)),
        Kink("logaddexp(x, y)", (-inf, 0.0), (0.0, 1.0)),
        Kink("logaddexp(x, y)", (-inf, -inf), (nan, nan)),
        Kink("logaddexp(x, y)", (inf, inf), (1.0, 1.0)),
        Kink("logaddexp(x, y)", (inf, -inf), (1.0, 0.0)),
        Kink("logaddexp(x, y)", (nan, 0.0), (nan, nan)),
        Kink("logaddexp(x, y)", (inf, nan), (nan, nan)),
        Kink("logaddexp2(x, y)", (-inf, 0.0), (0.0, 1.0)),
        Kink("logaddexp2(x, y)", (-inf, -inf), (nan, nan)),
        Kink("logaddexp2(x, y)", (inf, inf), (1.0, 1.0)),
        Kink("where(x > 0, x * log(where(x > 0, x, 1.0)), 0.0)", (0.0,), (0.0,)),
    ],
    "Trigonometric and hyperbolic functions": [
        Kink("arcsin(x)", (1.0,), (inf,)),
        Kink("arcsin(x)", (-1.0,), (inf,)),
        Kink("arcsin(x)", (2.0,), (nan,)),
        Kink("arccos(x)", (1.0,), (-inf,)),
        Kink("arccos(x)", (-1.0,), (-inf,)),
        Kink("arccos(x)", (2.0,), (nan,)),
        Kink("arctan(x)", (inf,), (0.0,)),
        Kink("arctan2(x, y)", (0.0, 0.0), (nan, nan)),
        Kink("arctan2(x, y)", (0.0, 1.0), (1.0, 0.0)),
        Kink("arctan2(x, y)", (0.0, -1.0), (-1.0, 0.0)),
        Kink("arctan2(x, y)", (1.0, 0.0), (0.0, -1.0)),
        Kink("arctan2(x, y)", (inf, 1.0), (0.0, nan)),
        Kink("tanh(x)", (inf,), (0.0,)),
        Kink("tanh(x)", (-inf,), (0.0,)),
        Kink("arcsinh(x)", (0.0,), (1.0,)),
        Kink("arcsinh(x)", (inf,), (0.0,)),
        Kink("arccosh(x)", (1.0,), (inf,)),
        Kink("arccosh(x)", (inf,), (0.0,)),
        Kink("arctanh(x)", (1.0,), (inf,)),
        Kink("arctanh(x)", (-1.0,), (inf,)),
        Kink("arctanh(x)", (0.0,), (1.0,)),
    ],
    "Reductions": [
        Kink("sum(x)", ([1.0, inf],), ([1.0, 1.0],)),
        Kink("max(x)", ([1.0, 3.0, 3.0],), ([0.0, 0.5, 0.5],)),
        Kink("max(x)", ([2.0, 2.0, 2.0, 2.0],), ([0.25, 0.25, 0.25, 0.25],)),
        Kink("max(x)", ([nan, 1.0],), ([nan, nan],)),
        Kink("min(x)", ([1.0, 1.0, 3.0],), ([0.5, 0.5, 0.0],)),
        Kink("prod(x)", ([2.0, 0.0, 3.0],), ([0.0, 6.0, 0.0],)),
        Kink("prod(x)", ([0.0, 0.0, 3.0],), ([0.0, 0.0, 0.0],)),
        Kink("prod(x)", ([2.0, 3.0, 4.0],), ([12.0, 8.0, 6.0],)),
        Kink("sum(cumprod(x))", ([2.0, 0.0, 3.0],), ([1.0, 8.0, 0.0],)),
        Kink("sum(cumprod(x))", ([0.0, 0.0, 3.0],), ([1.0, 0.0, 0.0],)),
        Kink("std(x)", ([1.0, 1.0],), ([nan, nan],)),
        Kink("var(x)", ([1.0, 1.0],), ([0.0, 0.0],)),
        Kink("linalg.norm(x)", ([0.0, 0.0],), ([nan, nan],)),
        Kink("linalg.norm(x)", ([3.0, 4.0],), ([0.6, 0.8],)),
        Kink("linalg.norm(x)", ([inf, 1.0],), ([nan, 0.0],), forward=([nan, nan],)),
        Kink("linalg.norm(x, 1)", ([0.0, -2.0],), ([1.0, -1.0],)),
        Kink("linalg.norm(x, inf)", ([2.0, -2.0],), ([0.5, -0.5],)),
        Kink("linalg.norm(diag(x), 2)", ([3.0, 3.0],), ([0.5, 0.5],)),
        Kink("linalg.norm(diag(x), -2)", ([3.0, 3.0],), ([0.5, 0.5],)),
        Kink("sum(abs(x))", ([0.0, -2.0],), ([1.0, -1.0],)),
        Kink("sum(sort(x) * array([1.0, 10.0, 100.0]))", ([2.0, 2.0, 1.0],), ([10.0, 100.0, 1.0],)),
        Kink("sum(sort(x) * array([1.0, 10.0, 100.0]))", ([3.0, 3.0, 3.0],), ([1.0, 10.0, 100.0],)),
        Kink("ptp(x)", ([1.0, 1.0],), ([0.0, 0.0],)),
        Kink("median(x)", ([1.0, 1.0, 3.0, 3.0],), ([0.0, 0.5, 0.5, 0.0],)),
        Kink("quantile(x, 0.25)", ([2.0, 1.0, 1.0, 3.0],), ([0.0, 0.25, 0.75, 0.0],)),
        Kink("nanquantile(x, 0.5)", ([nan, nan],), ([0.0, 0.0],)),
        Kink("sum(i0(x))", ([0.0, -0.0],), ([0.0, 0.0],)),
        Kink("interp(x, array([0.0, 1.0, 2.0]), array([0.0, 1.0, 3.0]))", (1.0,), (2.0,)),
        Kink("interp(x, array([0.0, 1.0, 2.0]), array([0.0, 1.0, 3.0]))", (2.0,), (2.0,)),
        Kink("interp(x, array([0.0, 1.0, 2.0]), array([0.0, 1.0, 3.0]))", (2.5,), (0.0,)),
    ],
    "Linear algebra": [
        Kink("linalg.norm(x, 3)", ([0.0, 0.0],), ([nan, nan],)),
        Kink("linalg.norm(x, 3)", ([0.0, -2.0],), ([0.0, -1.0],)),
        Kink("linalg.norm(x, 0.5)", ([0.0, 2.0],), ([inf, 1.0],), forward=([inf, nan],)),
        Kink("linalg.norm(x, -1)", ([0.0, 2.0],), ([nan, 0.0],), forward=([nan, nan],)),
        Kink("linalg.norm(x, 0)", ([0.0, 2.0],), ([0.0, 0.0],)),
        Kink("linalg.norm(x, 1)", ([0.0, 0.0],), ([1.0, 1.0],)),
        Kink("linalg.norm(x, inf)", ([0.0, 0.0],), ([0.25, 0.25],)),
        Kink("linalg.norm(x, -inf)", ([2.0, -2.0],), ([0.5, -0.5],)),
        Kink("linalg.norm(diag(x), 'fro')", ([0.0, 0.0],), ([nan, nan],)),
        Kink("linalg.norm(diag(x), 'nuc')", ([2.0, 2.0],), ([1.0, 1.0],)),
        Kink("linalg.norm(diag(x), 'nuc')", ([0.0, 1.0],), ([1.0, 1.0],)),
        Kink("linalg.norm(diag(x), 1)", ([2.0, 2.0],), ([0.5, 0.5],)),
        Kink("linalg.norm(diag(x), -1)", ([2.0, 2.0],), ([0.5, 0.5],)),
        Kink("linalg.norm(diag(x), 2)", ([0.0, 0.0],), ([0.25, 0.25],)),
        Kink("linalg.cond(diag(x))", ([2.0, 2.0],), ([0.5, -0.5],)),
        Kink("linalg.cond(diag(x))", ([0.0, 2.0],), ([nan, nan],)),
        Kink("linalg.cond(diag(x), 1)", ([2.0, 2.0],), ([0.0, 0.0],)),
        Kink("linalg.cond(diag(x), 1)", ([0.0, 2.0],), ([nan, nan],), forward=([0.0, 0.0],)),
        Kink("linalg.svdvals(diag(x))[0]", ([0.0, 0.0],), ([1.0, 0.0],)),
        Kink("linalg.eigvalsh(diag(x))[0]", ([1.0, 1.0],), ([1.0, 0.0],)),
        Kink("linalg.eigvals(diag(x))[0].real", ([1.0, 1.0],), ([1.0, 0.0],)),
        Kink("linalg.det(diag(x))", ([0.0, 2.0],), ([2.0, 0.0],)),
        Kink("sum(linalg.pinv(diag(x)))", ([2.0, 0.0],), ([-0.25, 0.0],)),
        Kink("linalg.lstsq(diag(x), x)[0][0]", ([2.0, 0.0],), ([0.0, 0.0],)),
    ],
    "Where the two modes differ": [
        Kink(
            "where(x > 0, sqrt(x), 0.0)",
            (0.0,),
            (nan,),
            forward=(0.0,),
            why="0 * inf in the branch not taken",
        ),
        Kink(
            "where(x > 0, sqrt(where(x > 0, x, 1.0)), 0.0)", (0.0,), (0.0,), forward=(0.0,), why="the remedy"
        ),
    ],
    "Where funcgrad differs from JAX": [
        Kink(
            "quantile(array([1.0, 2.0, 4.0, 8.0, 9.0]), x)",
            (0.5,),
            (16.0,),
            jax=(0.0,),
            why="the slope above; JAX's is of an interval without length",
        ),
        Kink("x ** 0.0", (0.0,), (0.0,), jax=(nan,), why="the power is constant"),
        Kink("sum(x ** array([0.0, 1.0, 2.0]))", (0.0,), (1.0,), jax=(nan,), why="it is 1 + x + x ** 2"),
        Kink("x ** y", (0.0, 0.0), (0.0, 0.0), jax=(nan, 0.0), why="the power is constant in x"),
        Kink("x ** y", (nan, 0.0), (0.0, nan), jax=(nan, nan), why="the power is constant in x"),
        Kink("x ** y", (0.0, -1.0), (-inf, -inf), jax=(-inf, nan), why="x ** y * log(x)"),
        Kink("logaddexp(x, y)", (inf, 1.0), (1.0, 0.0), jax=(1.0, e), why="a share of a sum is at most 1"),
        Kink("logaddexp(x, y)", (1e17, 1e17), (0.5, 0.5), jax=(1.0, 1.0), why="a share of a sum is at most 1"),
        Kink("logaddexp2(x, y)", (1.0, inf), (0.0, 1.0), jax=(2.0, 1.0), why="a share of a sum is at most 1"),
        Kink("remainder(x, y)", (1.0, 0.1), (1.0, -9.0), jax=(1.0, -10.0), why=QUOTIENT),
        Kink("fmod(x, y)", (1.0, 0.1), (1.0, -9.0), jax=(1.0, -10.0), why=QUOTIENT),
        Kink("remainder(x, y)", (inf, 1.0), (1.0, nan), jax=(1.0, -inf), why="the value is NaN"),
        Kink("fmod(x, y)", (1.0, 0.0), (1.0, nan), jax=(1.0, -inf), why="the value is NaN"),
        Kink("heaviside(x, y)", (nan, 1.0), (0.0, 0.0), jax=(1.0, 0.0), why="the value is NaN"),
        Kink("arccosh(x)", (-1.0,), (nan,), jax=(inf,), why="outside of the domain"),
        Kink("arccosh(x)", (-2.0,), (nan,), jax=(3**-0.5,), why="outside of the domain"),
        Kink("hypot(x, y)", (inf, 1.0), (nan, 0.0), jax=(nan, nan), why="y does not matter there"),
        Kink("arctan2(x, y)", (1e200, 1e200), (5e-201, -5e-201), jax=(0.0, 0.0), why="the squares overflow"),
        Kink("arctan2(x, y)", (1e-200, 1e-200), (5e199, -5e199), jax=(inf, -inf), why="the squares vanish"),
        Kink("sqrt(maximum(x, 0))", (-1.0,), (0.0,), forward=(nan,), jax=(nan,), why="x has no part in it"),
    ],
}
SECOND: list[tuple[str, float, float, float | None]] = [
    ("x ** 0.0", 0.0, 0.0, nan),
    ("x ** 1.0", 0.0, 0.0, nan),
    ("x ** 1.0", 2.0, 0.0, None),
    ("x ** 2.0", 0.0, 2.0, None),
    ("x ** 2.0", -3.0, 2.0, None),
    ("x ** 3.0", 0.0, 0.0, None),
    ("x ** 0.5", 0.0, -inf, None),
    ("sum(x ** array([0.0, 1.0, 2.0, 3.0]))", 0.0, 2.0, nan),
    ("sum(x ** array([0, 1, 2, 3]))", 0.0, 2.0, nan),
    ("0.0 ** x", 2.0, 0.0, None),
    ("0.0 ** x", 0.0, 0.0, None),
    ("hypot(x, 0.0)", 0.0, 0.0, None),
    ("sqrt(x)", 0.0, -inf, None),
    ("cbrt(x)", 0.0, -inf, None),
    ("cbrt(x)", inf, 0.0, None),
    ("arcsin(x)", 1.0, inf, None),
    ("arcsin(x)", 1e-200, 1e-200, None),
    ("arccos(x)", -1.0, inf, None),
    ("arccosh(x)", 1.0, -inf, None),
    ("arctanh(x)", 1e-200, 2e-200, 0.0),
    ("logaddexp(x, 0.0)", inf, 0.0, None),
    ("x * x / x", 0.0, nan, None),
]
"""Second derivatives: the expression, the point, the value, and JAX's where that is another."""
KINKS = [kink for section in SECTIONS.values() for kink in section]

INTRODUCTION = """\
# Derivatives at kinks, ties and singular points

What `funcgrad.grad` returns where a derivative does not exist, is infinite, or is easily got wrong. The
values are JAX's, except where a table says so. Functions of `x, y, z` are listed with the point and
with their derivative by each argument. Forward mode gives the same, unless said otherwise.

This page is written by `python -m tests.kinks`; the tests compare every row with funcgrad, with JAX, and with
this page.

## Three that bite

**A root at zero.** The derivative of `sqrt(x)` at 0 is infinite, and `0 * inf` is NaN: so it is for
`np.linalg.norm(x)` at the origin (JAX's NaN too) and for `std` of equal numbers. Write `np.sqrt(x + 1e-12)`, or
`np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)`.

**The branch not taken.** `np.where(x > 0, np.sqrt(x), 0.0)` has the gradient NaN at 0: both branches are computed, and
the zero that comes back to the one not taken is multiplied by its infinite derivative. The argument must be guarded, as
above; the result is too late.

```python
import numpy as np
import funcgrad as fg

late = lambda x: np.where(x > 0, np.sqrt(x), 0.0)
guarded = lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)
print(fg.grad(late)(0.0), fg.grad(guarded)(0.0))
```

```output
nan 0.0
```

**Ties and corners.** Of equal elements each gets an equal share of the gradient of `max`, `min` and `maximum`, and
`abs` has derivative 1 at 0, `relu` 0: all are some slope between the two sides, as good as another for a descent, but
not what differences show. A test that compares with differences belongs away from such points.

## Tails

Derivatives keep their digits where the textbook's formula subtracts almost equal numbers or squares huge ones: those of
`expm1`, `elu`, `arcsinh`, `hypot`, `spence` and `polygamma`, the second ones too. Left as they are, as in JAX:

- `tanh` and `sigmoid` have derivatives of their value, `1 - y * y` and `y * (1 - y)`: right to 1e-16, not to a part of
  itself. That of `tanh` is 1e-8 off at 10 and 0 from 19 on, that of `sigmoid` 0 from 37 on (in float32 from 9 and 17
  on). `1 / cosh(x) ** 2` would have the digits; it makes a compiled gradient of 1000 elements take twice as long.
- `softmax` and `logsumexp`: a probability p near 1 has the derivative p - p * p, which is right to 1e-16, not to a part
  of itself; from a difference of 37 on it is 0. An exact one would take another exponential of each row.
- `gelu` by its approximation and `squareplus` for x far below 0, where the values cancel as much; `soft_sign` for |x|
  beyond 1e8.
- second derivatives by their recurrences: `log_ndtr` is right to 2e-10 near x = -40.
- `sinc(x)` rounds pi * x, as NumPy's does: for large x its derivative is right to about |x| * 1e-16.

```python
print(fg.grad(np.arcsinh)(1e200), fg.grad(np.expm1)(-50.0))
```

```output
1e-200 1.9287498479639178e-22
```
"""


COLUMNS: list[tuple[str, Callable[[Kink], str]]] = [
    ("function", lambda kink: f"`{kink.expression}`"),
    ("at", lambda kink: shown(kink.at)),
    ("derivative", lambda kink: shown(kink.gradient)),
    ("forward mode", lambda kink: "" if kink.forward is None else shown(kink.forward)),
    ("JAX", lambda kink: "" if kink.jax is None else shown(kink.jax)),
    ("why", lambda kink: kink.why),
]


def table(kinks: list[Kink]) -> str:
    """A section's rows in Markdown, without the columns that would be empty."""
    columns = [(head, cell) for head, cell in COLUMNS if any(map(cell, kinks))]
    rows = [[head for head, _ in columns], ["---"] * len(columns)]
    rows += [[cell(kink) for _, cell in columns] for kink in kinks]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


SHIM = """
## Where funcgrad.torch differs from PyTorch

At limits, the values and gradients of `funcgrad.torch` are PyTorch's, but for these (and for rounding):

| functions | why |
| --- | --- |
"""


def shim_table() -> str:
    """The differences on purpose that tests/torch/values.py allows, by their reasons."""
    by_reason: dict[str, list[str]] = {}
    for expression, (why, test) in (*DIFFERS.items(), *COMPLEX_DIFFERS.items()):
        if test is not rounding:
            by_reason.setdefault(why, []).append(f"`{expression}`")
    for (expression, *_), why in LEFT_OUT.items():
        by_reason.setdefault(why, []).append(f"`{expression}`")
    return "".join(f"| {', '.join(dict.fromkeys(found))} | {why} |\n" for why, found in by_reason.items())


def page() -> str:
    """docs/kinks.md."""
    sections = "".join(f"\n## {title}\n\n{table(kinks)}" for title, kinks in SECTIONS.items())
    return INTRODUCTION + sections + SHIM + shim_table()


if __name__ == "__main__":
    print(page(), end="")
