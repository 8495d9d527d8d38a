"""Rows for funcgrad/ops/elementwise.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.ops import elementwise as ops
from tests.samples import Sample

_draw = np.random.default_rng(7).uniform
ANY = _draw(-2.0, 2.0, (2, 3))
OTHER = _draw(-2.0, 2.0, (2, 3))
ROW = np.array([0.4, -1.3, 2.2])
COLUMN = np.array([[-0.7], [1.6]])
POSITIVE = _draw(0.3, 2.5, (2, 3))
WITHIN_ONE = _draw(-0.8, 0.8, (2, 3))
ABOVE_ONE = _draw(1.2, 3.0, (2, 3))
FRACTIONAL = np.array([[-1.7, -0.4, 0.3], [0.6, 1.4, 2.8]])
EXPONENTS = np.array([-1, 0, 3])
BITS = np.array([[1, 6, 3], [0, 7, 4]])
SHIFTS = np.array([0, 1, 2])
TRUTHS = np.array([[True, False, True], [False, True, True]])


def _row(prim: str, *args: Any, **options: Any) -> Sample:
    return Sample(prim, getattr(ops, prim), args, **options)


def _around(prim: str, fun: Callable[..., Any], *args: Any, label: str, **options: Any) -> Sample:
    return Sample(prim, fun, args, label=label, **options)


def _flat(prim: str, *args: Any, reason: str = "piecewise constant", **options: Any) -> Sample:
    return _row(prim, *args, differentiable=False, reason=reason, **options)


ARITHMETIC = [
    _row("add", ANY, OTHER, complex_too=True),
    _row("add", ROW, COLUMN, label="broadcast"),
    _around("add", lambda x: ops.add(x, 2), ANY, label="python int"),
    _row("sub", ANY, OTHER, complex_too=True),
    _row("sub", COLUMN, ANY, label="broadcast"),
    _around("sub", lambda x: ops.sub(1.5, x), ROW, label="python float first"),
    _row("mul", ANY, OTHER, complex_too=True),
    _row("mul", ROW, COLUMN, label="broadcast", complex_too=True),
    _around("mul", lambda x: ops.mul(x, x), ANY, label="twice the same"),
    _row("div", ANY, POSITIVE, complex_too=True),
    _row("div", np.array(1.2), POSITIVE, label="0-d"),
    _around("div", lambda x: ops.div(1, x), POSITIVE, label="python int first"),
    _row("neg", ANY, complex_too=True),
    _row("abs", ANY),
    _row("square", ANY, complex_too=True),
    _row("reciprocal", POSITIVE, complex_too=True),
    _flat("floor_divide", FRACTIONAL, ROW),
    _row("mod", FRACTIONAL, ROW),
    _row("fmod", FRACTIONAL, ROW),
]

POWERS = [
    _row("pow", POSITIVE, OTHER, complex_too=True),
    _row("pow", POSITIVE[0], COLUMN, label="broadcast"),
    *(
        _around("pow", lambda x, n=n: ops.pow(x, n), ANY, label=f"x ** {n}", complex_too=True)
        for n in range(-2, 4)
    ),
    _around("pow", lambda x: ops.pow(x, 2), np.zeros(3), label="0 ** 2"),
    _around("pow", lambda x: ops.pow(x, 1.5), POSITIVE, label="x ** 1.5"),
    _around("pow", lambda n: ops.pow(2.0, n), ANY, label="2.0 ** n"),
    _around("pow", lambda n: ops.pow(3, n), ROW, label="3 ** n"),
    _row("pow", ANY, EXPONENTS, label="integer exponents", float32=False,
         reason="NumPy raises float32 to int64 exponents in float64"),
    _row("sqrt", POSITIVE, complex_too=True),
    _row("cbrt", POSITIVE),
    _row("hypot", ANY, OTHER),
    _row("hypot", ROW, COLUMN, label="broadcast"),
    _row("cosine", ANY, OTHER),
    _row("cosine", ROW, COLUMN, label="broadcast"),
]  # fmt: skip

EXPONENTIALS = [
    *(_row(prim, ANY, complex_too=True) for prim in ("exp", "exp2", "expm1")),
    *(_row(prim, POSITIVE, complex_too=True) for prim in ("log", "log2", "log10", "log1p")),
    _row("logaddexp", ANY, OTHER),
    _around("logaddexp", lambda x: ops.logaddexp(0.0, x), ROW, label="python float first"),
    _row("logaddexp2", ANY, COLUMN, label="broadcast"),
]

TRIGONOMETRY = [
    *(
        _row(prim, WITHIN_ONE, complex_too=True)
        for prim in ("sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh")
    ),
    *(_row(prim, WITHIN_ONE, complex_too=True) for prim in ("arcsin", "arccos", "arcsinh", "arctanh")),
    _row("one_minus_square", WITHIN_ONE, complex_too=True),
    _row("arccosh", ABOVE_ONE, complex_too=True),
    _row("arctan2", ANY, OTHER),
    _row("arctan2", ROW, COLUMN, label="broadcast"),
    _row("deg2rad", ANY),
    _row("rad2deg", ANY),
]

SELECTION = [
    _row("where", TRUTHS, ANY, OTHER, complex_too=True),
    _row("where", BITS, ROW, COLUMN, label="numbers as condition, broadcast"),
    _around("where", lambda x: ops.where(TRUTHS, x, 1.0), ANY, label="python float"),
    _row("relu", ANY),
    _row("maximum", ANY, OTHER),
    _row("minimum", ROW, COLUMN, label="broadcast"),
    _around("maximum", lambda x: ops.maximum(x, 0), ANY, label="python int"),
    _row("fmax", ANY, OTHER),
    _row("fmin", ANY, OTHER),
    _row("clip", ANY, COLUMN - 1.0, ROW + 1.5),
    _around("clip", lambda x: ops.clip(x, -0.5, 0.5), FRACTIONAL, label="python floats"),
]

STEPS = [
    *(_flat(prim, FRACTIONAL) for prim in ("sign", "floor", "ceil", "trunc", "rint")),
    _row("heaviside", FRACTIONAL, ROW),
    _row("copysign", FRACTIONAL, ROW),
    _row("ldexp", ANY, SHIFTS),
    _flat("exponent", ANY),
    _flat("nextafter", ANY, OTHER, reason="the neighbouring number"),
]

LOGIC = [
    *(_flat(prim, ANY, ROW) for prim in ("eq", "ne", "lt", "le", "gt", "ge")),
    *(_flat(prim, TRUTHS, ROW) for prim in ("logical_and", "logical_or", "logical_xor")),
    _flat("logical_not", ANY),
    *(
        _flat(prim, np.array([1.0, -0.0, np.inf, np.nan]))
        for prim in ("isnan", "isinf", "isfinite", "signbit")
    ),
    *(_flat(prim, BITS, SHIFTS) for prim in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    _flat("bitwise_and", TRUTHS, TRUTHS[0], label="bool"),
    _flat("bitwise_not", BITS),
    _flat("bitwise_not", TRUTHS, label="bool"),
    *(_flat(prim, BITS, SHIFTS) for prim in ("left_shift", "right_shift")),
    *(_flat(prim, BITS, SHIFTS, reason="integers") for prim in ("gcd", "lcm")),
    _flat("bitwise_count", BITS, reason="integers"),
]

CASTS = [
    _around("convert", lambda x: ops.real(ops.convert(x, dtype=np.dtype(complex)) * (1 - 2j)), ANY,
            label="to complex", float32=False, reason="the dtype asked for is double precision"),
    _around("convert", lambda x: ops.convert(x, dtype=np.dtype(np.float64)), ANY, label="to float64",
            float32=False, reason="the dtype asked for is double precision"),
    _around("convert", lambda x: ops.convert(x, dtype=np.dtype(np.int64)), FRACTIONAL, label="to int64",
            differentiable=False, reason="integer result"),
    _around("real", lambda x: ops.real(x * (1 + 2j)), ANY, label="of complex"),
    _row("real", ANY, label="of real"),
    _around("imag", lambda x: ops.imag(x * (1 + 2j)), ANY, label="of complex"),
    _flat("imag", ANY, label="of real", reason="zero"),
    _around("complex_of", lambda x: ops.imag(ops.complex_of(x, 2 * x) * (1 + 2j)), ANY, label="both parts"),
    _around("complex_of", lambda x, y: ops.real(ops.complex_of(x, y) * (1 + 2j)), ROW, COLUMN, label="broadcast"),
    _around("conj", lambda x: ops.imag(ops.conj(x * (1 + 2j))), ANY, label="of complex"),
    _row("conj", ANY, label="of real"),
    _around("abs", lambda x: ops.abs(x * (1 + 2j) + 1j), ANY, label="of complex"),
    _around("checkpoint_name", lambda x: ops.checkpoint_name(x, name="a"), ANY, label="a name"),
    _flat("stop_gradient", ANY, reason="what it is for"),
]  # fmt: skip

ROWS = ARITHMETIC + POWERS + EXPONENTIALS + TRIGONOMETRY + SELECTION + STEPS + LOGIC + CASTS
