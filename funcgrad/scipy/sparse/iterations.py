"""Krylov's methods for `a x = b` as loops that programs can have: SciPy's steps, and its `info`.

Each takes the products with the matrix and with the preconditioner as functions of vectors, the right side, a vector
to start from, and the norm of the residual at which it ends. It returns the solution and 0, or `maxiter` where that
many steps were not enough, or the negative number of a breakdown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.lax import control
from funcgrad.numpy.contractions import vdot
from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.linalg import norm
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.contract import matmul, mH

Product = Callable[[Array], Array]


def conjugate_gradients(
    matvec: Product, psolve: Product, b: Array, x: Array, end: Array, maxiter: int
) -> tuple[Array, Array]:
    """For Hermitian positive definite matrices. Hestenes and Stiefel (1952)."""

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        x, r, p, before, k = state
        z = psolve(r)
        rho = vdot(r, z)
        p = z + rho / before * p
        q = matvec(p)
        alpha = rho / vdot(p, q)
        return x + alpha * p, r - alpha * q, p, rho, k + 1

    def goes_on(state: tuple[Any, ...]) -> Any:
        return (state[4] < maxiter) & ~(norm(state[1]) < end)

    start = (x, b - matvec(x), np.zeros(b.shape, b.dtype), b.dtype.type(1), 0)
    x, _, _, _, k = control.while_loop(goes_on, step, start)
    return x, ew.where(k < maxiter, 0, maxiter)


def stabilised_biconjugate_gradients(
    matvec: Product, psolve: Product, b: Array, x: Array, end: Array, maxiter: int
) -> tuple[Array, Array]:
    """For any matrix. Van der Vorst (1992)."""
    r = b - matvec(x)
    smallest = float(np.finfo(b.dtype).eps) ** 2

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        x, r, p, v, before, alpha, omega, k, _, _ = state
        rho = vdot(start, r)
        broken = ew.where(ew.abs(rho) < smallest, -10, ew.where((k > 0) & (ew.abs(omega) < smallest), -11, 0))
        p = r + rho / before * (alpha / omega) * (p - omega * v)
        forward = psolve(p)
        v = matvec(forward)
        along = vdot(start, v)
        broken = ew.where((broken == 0) & (along == 0), -11, broken)
        alpha = rho / along
        s = r - alpha * v
        half = norm(s) < end
        backward = psolve(s)
        t = matvec(backward)
        omega = vdot(t, s) / vdot(t, t)
        moved = x + alpha * forward
        moved, r = ew.where(half, moved, moved + omega * backward), ew.where(half, s, s - omega * t)
        fails = broken != 0
        x, r = ew.where(fails, state[0], moved), ew.where(fails, state[1], r)
        return x, r, p, v, rho, alpha, omega, k + 1, broken, half & ~fails

    def goes_on(state: tuple[Any, ...]) -> Any:
        _, r, *_, k, broken, done = state
        return (k < maxiter) & (broken == 0) & ~done & ~(norm(r) < end)

    start = r
    zeros, one = np.zeros(b.shape, b.dtype), b.dtype.type(1)
    state = (x, r, zeros, zeros, one, one, one, 0, 0, np.False_)  # ~False is an integer
    x, *_, k, broken, done = control.while_loop(goes_on, step, state)
    return x, ew.where(broken != 0, broken, ew.where(done | (k < maxiter), 0, maxiter))


def generalised_minimal_residuals(
    matvec: Product, psolve: Product, b: Array, x: Array, end: Array, maxiter: int, restart: int
) -> tuple[Array, Array]:
    """For any matrix, with `restart` vectors between two restarts, all of which are made. Saad and Schultz (1986)."""

    def cycle(state: tuple[Any, ...]) -> tuple[Any, ...]:
        x, r, k = state
        first = psolve(r)
        size = norm(first)
        basis, projected = _arnoldi(lambda v: psolve(matvec(v)), first * _reciprocal_or_zero(size), restart)
        side = np.eye(restart + 1, 1, dtype=b.dtype) * size
        y = primitive.lstsq(projected, side, rcond=1e-15)
        x = x + matmul(basis[:, :restart], y)[:, 0]
        return x, b - matvec(x), k + 1

    def goes_on(state: tuple[Any, ...]) -> Any:
        return (state[2] < maxiter) & ~(norm(state[1]) <= end)

    x, r, _ = control.while_loop(goes_on, cycle, (x, b - matvec(x), 0))
    return x, ew.where(norm(r) <= end, 0, maxiter)


def _reciprocal_or_zero(x: Array) -> Array:
    zero = ew.convert(ew.eq(x, 0), dtype=x.dtype)
    return 1 / (x + zero) - zero


def _arnoldi(product: Product, first: Array, count: int) -> tuple[Array, Array]:
    """Orthonormal vectors `(n, count + 1)`, and the product with the first `count` of them in terms of all.

    A vector that depends on those before it becomes zero.
    """
    eps = float(np.finfo(first.dtype).eps)
    place = np.arange(count + 1)

    def step(j: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        basis, projected = state
        w = product(matmul(basis, _unit(j)[:, None])[:, 0])
        before = norm(w)
        within = matmul(mH(basis), w[:, None])
        w = w - matmul(basis, within)[:, 0]
        again = matmul(mH(basis), w[:, None])  # once is not enough where w nearly vanishes
        w = w - matmul(basis, again)[:, 0]
        size = norm(w)
        size = size * ew.convert(size > eps * before, dtype=size.dtype)
        w = w * _reciprocal_or_zero(size)
        column = within + again + size * _unit(j + 1)[:, None]
        return basis + w[:, None] * _unit(j + 1), projected + column * _unit(j)[:count]

    def _unit(j: Any) -> Array:
        return ew.convert(ew.eq(place, j), dtype=first.dtype)

    basis = first[:, None] * np.eye(1, count + 1, dtype=first.dtype)
    return control.fori_loop(0, count, step, (basis, np.zeros((count + 1, count), first.dtype)))
