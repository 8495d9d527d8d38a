"""The functions that kernels may call on one element, by NumPy's names (or SciPy's): what each is in C and in NumPy.

`Libm` functions come from the C library. glibc has vector variants of most (libmvec, at most 4 units in the
last place from the exact value; 1.2 ns for a sine where the scalar function takes 8.4), which loops use where
the machine has them. `Intrinsic` ones are instructions or sequences of them, by LLVM's names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np


class Libm(NamedTuple):
    """A function of the C library (`symbol` for float64, `symbol` + "f" for float32)."""

    symbol: str
    arity: int = 1
    vectorised: bool = True


class Own(NamedTuple):
    """A function that `vectormath.py` makes of others."""

    arity: int = 1


class Intrinsic(NamedTuple):
    """A floating-point operation that LLVM knows."""

    symbol: str
    arity: int = 1


SCALAR_FUNCTIONS: dict[str, Libm | Own | Intrinsic] = {
    "sin": Libm("sin"),
    "cos": Libm("cos"),
    "tan": Libm("tan"),
    "arcsin": Libm("asin"),
    "arccos": Libm("acos"),
    "arctan": Libm("atan"),
    "arctan2": Libm("atan2", 2),
    "sinh": Libm("sinh"),
    "cosh": Libm("cosh"),
    "tanh": Libm("tanh"),
    "arcsinh": Libm("asinh"),
    "arccosh": Libm("acosh"),
    "arctanh": Libm("atanh"),
    "exp": Libm("exp"),
    "exp2": Libm("exp2"),
    "expm1": Libm("expm1"),
    "log": Libm("log"),
    "log2": Libm("log2"),
    "log10": Libm("log10"),
    "log1p": Libm("log1p"),
    "cbrt": Libm("cbrt"),
    "hypot": Libm("hypot", 2),
    "power": Libm("pow", 2),
    "fmod": Libm("fmod", 2, vectorised=False),
    "nextafter": Libm("nextafter", 2, vectorised=False),
    "floor_divide": Intrinsic("", 2),
    "remainder": Intrinsic("", 2),
    "left_shift": Intrinsic("", 2),
    "right_shift": Intrinsic("", 2),
    "erf": Libm("erf"),
    "erfc": Libm("erfc"),
    "lgamma": Libm("lgamma", vectorised=False),
    "logistic": Own(),
    "softplus": Own(),
    "sqrt": Intrinsic("sqrt"),
    "floor": Intrinsic("floor"),
    "ceil": Intrinsic("ceil"),
    "trunc": Intrinsic("trunc"),
    "rint": Intrinsic("rint"),
    "fabs": Intrinsic("fabs"),
    "copysign": Intrinsic("copysign", 2),
    "maximum": Intrinsic("maximum", 2),
    "minimum": Intrinsic("minimum", 2),
}

PLAIN = {name: getattr(np, name) for name in SCALAR_FUNCTIONS if hasattr(np, name)}

_WHOLE = ("floor_divide", "remainder", "left_shift", "right_shift")
_LARGER = "({0} if ({0} > {1} or {0} != {0}) else {1})"
COMPOSED = {
    "signbit": "copysign(1.0, {0}) < 0",
    "bitwise_not": "{0} ^ -1",
    "deg2rad": f"{{0}} * {np.pi / 180!r}",
    "rad2deg": f"{{0}} * {180 / np.pi!r}",
    "logaddexp": (
        f"({{0}} + {np.log(2).item()!r} if {{0}} == {{1}} else {_LARGER} + log1p(exp(-abs({{0}} - {{1}}))))"
    ),
}
"""Functions that are expressions over others."""

_POWERS: dict[float | None, str] = {2: "{0} * {0}", 3: "{0} * {0} * {0}", 0.5: "sqrt({0})", -1: "1.0 / {0}"}
_NAMES = re.compile(r"\b[a-z_]\w*")
_WORDS = frozenset(("if", "else", "and", "or", "not"))
EXACT = {
    "{0} + {1}": "exact_add({0}, {1})",
    "{0} - {1}": "exact_sub({0}, {1})",
    "{0} * {1}": "exact_mul({0}, {1})",
    "{0} & {1}": "{0} & {1}",
    "{0} | {1}": "{0} | {1}",
    "{0} ^ {1}": "{0} ^ {1}",
    "bitwise_not": "{0} ^ -1",
    "floor_divide": "exact_floor_divide({0}, {1})",
    "remainder": "exact_remainder({0}, {1})",
}
"""Python's operators on Python's integers, which have no largest one: where a result needs more than 64 bits, the
kernel says so, and Python computes it."""
_ARITHMETIC = frozenset(("abs", "exact_add", "exact_sub", "exact_mul", "exact_floor_divide", "exact_remainder",
                         *_WHOLE, *_WORDS))  # fmt: skip


def expression(lower: str, exponent: Any = None) -> str | None:
    """A primitive's `lower` as an expression over `{0}`, `{1}`; None where kernels have no such function.

    `exponent` is the second argument where it is a Python number.
    """
    if lower == "{0} ** {1}":
        # what NumPy's operator does too, but for the cube (13 ns by pow, and then as exact as two products)
        return _POWERS.get(exponent if type(exponent) in (int, float) else None, "power({0}, {1})")
    return _expressed(lower)


@lru_cache(maxsize=1024)  # of the texts of primitives, as those below
def _expressed(lower: str) -> str | None:
    lower = COMPOSED.get(lower, lower)
    if lower in SCALAR_FUNCTIONS:
        arguments = ", ".join(f"{{{i}}}" for i in range(SCALAR_FUNCTIONS[lower].arity))
        lower = f"{lower}({arguments})"
    names = set(_NAMES.findall(lower)) - _ARITHMETIC
    return lower if names <= SCALAR_FUNCTIONS.keys() else None


@lru_cache(maxsize=1024)
def is_arithmetic(template: str) -> bool:
    """Whether an expression has a meaning for integers: operators and `abs`, but no quotients."""
    return set(_NAMES.findall(template)) <= _ARITHMETIC and "/" not in template and "." not in template


def functions(text: str) -> set[str]:
    """The functions that a kernel's text calls."""
    return {name for name in _NAMES.findall(text) if name in SCALAR_FUNCTIONS}
