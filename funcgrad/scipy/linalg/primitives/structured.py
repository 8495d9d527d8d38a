"""Equations with matrices of a structure: banded, Hermitian banded, Toeplitz."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.ops.contract import matmul
from funcgrad.ops.elementwise import conj, real
from funcgrad.ops.linalg.shared import column, triangle
from funcgrad.ops.structure import concatenate, pad
from funcgrad.scipy.linalg.primitives.equations import equation, nan_or


def shifted(x: Any, by: int, axis: int) -> Any:
    """`y[i] = x[i - by]` along one of the last axes, given from the end, with zeros where there is none."""
    n = x.shape[axis]
    by = max(-n, min(n, by))
    left = x[(..., slice(max(-by, 0), n - max(by, 0)), *(slice(None),) * (-1 - axis))]
    widths = [(0, 0)] * x.ndim
    widths[axis] = (max(by, 0), max(-by, 0))
    return pad(left, widths=tuple(widths))


def banded_product(ab: Any, x: Any, lower: int, upper: int) -> Any:
    """A matrix of which row d of `ab` is the diagonal d - upper below the main one, times `x`."""
    parts = [shifted(column(ab[..., d, :]) * x, d - upper, -2) for d in range(lower + upper + 1)]
    return sum(parts[1:], start=parts[0])


def _rows(rows: list[Any]) -> Any:
    return concatenate(*(r[..., None, :] for r in rows), axis=rows[0].ndim - 1)


def _turned_band(ab: Any, lower: int, upper: int) -> Any:
    return _rows([shifted(ab[..., lower + upper - d, :], lower - d, -1) for d in range(lower + upper + 1)])


def from_half(ab: Any, lower: bool) -> Any:
    """All diagonals of a Hermitian matrix, of those above (or below) its main one, and that."""
    reach = ab.shape[-2] - 1
    if not lower:
        below = [conj(shifted(ab[..., reach - k, :], -k, -1)) for k in range(1, reach + 1)]
        above = [ab[..., d, :] for d in range(reach)]
        main = ab[..., reach, :]
    else:
        above = [conj(shifted(ab[..., k, :], k, -1)) for k in range(reach, 0, -1)]
        below = [ab[..., k, :] for k in range(1, reach + 1)]
        main = ab[..., 0, :]
    return _rows([*above, real(main) if main.dtype.kind == "c" else main, *below])


def hermitian_product(ab: Any, x: Any, lower: bool) -> Any:
    reach = ab.shape[-2] - 1
    return banded_product(from_half(ab, lower), x, reach, reach)


banded_solve = equation(
    "banded_solve",
    nan_or(lambda ab, b, lower, upper: scipy.linalg.solve_banded((lower, upper), ab, b, check_finite=False)),
    (2,),
    (banded_product,),
    turned=lambda ab, lower, upper: (_turned_band(ab, lower, upper),),
    turned_params=lambda params: {"lower": params["upper"], "upper": params["lower"]},
)
"""`x` with `a x = b`, where row d of `ab` is the diagonal d - upper below the main one."""

hermitian_banded_solve = equation(
    "hermitian_banded_solve",
    nan_or(lambda ab, b, lower: scipy.linalg.solveh_banded(ab, b, lower=lower, check_finite=False)),
    (2,),
    (hermitian_product,),
    turned=lambda ab, lower: (conj(ab),),
)
"""The same for a positive definite matrix, of which `ab` has one half."""


def _corner(n: int) -> np.ndarray:
    """The distances of the elements of a matrix from its main diagonal."""
    places = np.arange(n)
    return np.abs(places[:, None] - places)


def _below(c: Any, r: Any, x: Any) -> Any:
    matrix = c[..., _corner(c.shape[-1])]
    return matmul(matrix * triangle(matrix, True), x)


def _above(c: Any, r: Any, x: Any) -> Any:
    matrix = r[..., _corner(r.shape[-1])]
    return matmul(matrix * (1 - triangle(matrix, True)), x)


toeplitz_solve = equation(
    "toeplitz_solve",
    nan_or(lambda c, r, b: scipy.linalg.solve_toeplitz((c, r), b, check_finite=False)),
    (1, 1),
    (_below, _above),
    turned=lambda c, r: (concatenate(c[..., :1], r[..., 1:], axis=c.ndim - 1), c),
)
"""`x` with `a x = b`, where `a` has the first column `c` and the first row `r`, but for its first element."""
