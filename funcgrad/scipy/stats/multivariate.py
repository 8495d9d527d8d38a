"""Distributions of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError
from funcgrad.lax.linalg import cholesky, triangular_solve
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.entropy import xlogy
from funcgrad.ops.operands import any_traced
from funcgrad.ops.special import lgamma
from funcgrad.scipy.stats.distribution import Frozen, missing, number, real
from funcgrad.scipy.stats.standard import choose, defined


def _require(condition: Any, y: Array, message: str, *arguments: Array) -> Array:
    """`y` where the condition holds: an error where it is known not to, NaN where a program finds out."""
    if not isinstance(condition, Tracer) and not np.all(condition):
        raise ValueError(message)
    return defined(condition, y, *arguments)


class Multivariate:
    """What the distributions of vectors have in common. Called with parameters, one is frozen."""

    name: str

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        return Frozen(self, args, kwds)

    def __repr__(self) -> str:
        return f"funcgrad.scipy.stats.{self.name}"

    def __getattr__(self, name: str) -> Any:
        raise missing(self.name, name)

    def _plain(self, method: str) -> Any:
        from scipy import stats  # half a second

        return getattr(getattr(stats, self.name), method)


class MultivariateNormal(Multivariate):
    """The normal distribution of vectors."""

    name = "multivariate_normal"

    def pdf(self, x: Array, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Array:
        """The density: `exp(logpdf(...))`."""
        if not any_traced((x, mean, cov)):
            return self._plain("pdf")(x, mean, cov, allow_singular)
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def logpdf(self, x: Array, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Array:
        """The logarithm of the density at vectors `x` along the last axis.

        `cov` is a positive definite matrix (its symmetric part is taken), the vector of its diagonal, or a number.

        Raises:
            NotDifferentiableError: a traced value together with a singular matrix, or with a `Covariance` of SciPy's.
            LinAlgError: the matrix is not positive definite.

        Example:
            >>> fg.grad(multivariate_normal.logpdf, 1)(np.ones(2), np.zeros(2), np.eye(2))
            array([1., 1.])
        """
        if not any_traced((x, mean, cov)):
            return self._plain("logpdf")(x, mean, cov, allow_singular)
        if allow_singular or hasattr(cov, "whiten"):
            raise NotDifferentiableError(
                "multivariate_normal of a traced value takes a positive definite matrix `cov`, "
                "not a Covariance and no allow_singular=True: add a small multiple of np.eye(n) to a singular one"
            )
        with np.errstate(all="ignore"):
            return _normal_logpdf(real(x), *_normal_parameters(mean, cov))


def _normal_parameters(mean: Any, cov: Any) -> tuple[Array, Array]:
    """The mean as a vector, and the covariance as a matrix, as SciPy reads them."""
    cov = real(1.0 if cov is None else cov)
    if mean is None:
        mean = np.zeros(len(cov) if cov.ndim > 1 else 1)
    mean = real(mean)
    size = mean.size
    if size == 1:
        mean, cov = mean.reshape(1), cov.reshape(1, 1)
    if mean.ndim != 1:
        raise ValueError(f"Array 'mean' must be a vector of length {size}.")
    if cov.ndim < 2:
        cov = np.eye(size) * cov
    if cov.shape != (size, size):
        raise ValueError(f"`cov` must be of shape {(size, size)}, as `mean` has {size} elements, but is {cov.shape}")
    return mean, cov


def _normal_logpdf(x: Array, mean: Array, cov: Array) -> Array:
    size = len(mean)
    if x.ndim == 0 or (x.ndim == 1 and size == 1):
        x = x[..., None]
    beyond = x - mean
    factor = cholesky(cov)
    whitened = triangular_solve(factor, beyond.reshape(-1, size).T, left_side=True, lower=True)
    distance = np.sum(whitened * whitened, axis=0).reshape(beyond.shape[:-1])
    log_volume = np.sum(ew.log(np.diagonal(factor)))
    return number(np.squeeze(-0.5 * (distance + size * math.log(2 * math.pi)) - log_volume))


class Dirichlet(Multivariate):
    """The Dirichlet distribution, of vectors of positive numbers with the sum 1."""

    name = "dirichlet"

    def pdf(self, x: Array, alpha: Array) -> Array:
        """The density: `exp(logpdf(...))`."""
        if not any_traced((x, alpha)):
            return self._plain("pdf")(x, alpha)
        return np.exp(self.logpdf(x, alpha))

    def logpdf(self, x: Array, alpha: Array) -> Array:
        """The logarithm of the density at vectors `x` along the first axis, with or without their last number.

        Raises:
            ValueError: the sum is not 1, or a number negative; under `jit` and `vmap` the result is NaN.

        Example:
            >>> fg.grad(dirichlet.logpdf, 1)(np.array([0.5, 0.5]), np.array([1.0, 1.0])).round(6)
            array([0.306853, 0.306853])
        """
        if not any_traced((x, alpha)):
            return self._plain("logpdf")(x, alpha)
        x, alpha = real(x), real(alpha)
        if alpha.ndim != 1 or x.ndim not in (1, 2) or len(alpha) - len(x) not in (0, 1):
            raise ValueError(
                "`alpha` must be a vector, and `x` a vector or matrix of as many rows as it has numbers, or one fewer, "
                f"but alpha.shape = {alpha.shape} and x.shape = {x.shape}"
            )
        if len(x) < len(alpha):
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        column = alpha.reshape(-1, *[1] * (x.ndim - 1))
        with np.errstate(all="ignore"):
            y = np.sum(xlogy(column - 1, x), axis=0) + lgamma(np.sum(alpha)) - np.sum(lgamma(alpha))
        inside = np.all((x > 0) | ((x == 0) & (column >= 1)), axis=0) & (abs(np.sum(x, axis=0) - 1) <= 1e-9)
        arguments = np.sum(x, axis=0), np.sum(alpha)
        y = _require(np.all(alpha > 0), y, "All parameters must be greater than 0", *arguments)
        message = "`x` must be positive numbers whose sum is 1, or 0 where `alpha` is not below 1"
        y = _require(inside, y, message, *arguments)
        return number(np.squeeze(y))


class Multinomial(Multivariate):
    """The multinomial distribution, of counts of `n` draws. Derivatives are taken in `p`."""

    name = "multinomial"

    def pmf(self, x: Array, n: Array, p: Array) -> Array:
        """The probability: `exp(logpmf(...))`."""
        if not any_traced((x, n, p)):
            return self._plain("pmf")(x, n, p)
        return np.exp(self.logpmf(x, n, p))

    def logpmf(self, x: Array, n: Array, p: Array) -> Array:
        """The logarithm of the probability of counts `x` along the last axis, each with its chance in `p`.

        Raises:
            ValueError: the sum of `p` is not 1, or a number negative; under `jit` and `vmap` the result is NaN.

        Example:
            >>> fg.grad(lambda p: multinomial.logpmf(np.array([1, 2]), 3, np.stack([p, 1 - p])))(0.5)
            np.float64(-2.0)
        """
        if not any_traced((x, n, p)):
            return self._plain("logpmf")(x, n, p)
        x, n, p = ew.stop_gradient(real(x)), ew.stop_gradient(real(n)), real(p)
        if x.ndim == 0 or x.shape[-1] != p.shape[-1]:
            raise ValueError(f"`x` and `p` must have last axes of one size, but their shapes are {x.shape}, {p.shape}")
        possible = np.all((x >= 0) & (np.floor(x) == x), axis=-1) & (np.sum(x, axis=-1) == n)
        with np.errstate(all="ignore"):
            y = lgamma(n + 1) + np.sum(xlogy(x, p) - lgamma(x + 1), axis=-1)
        valid = np.all((p >= 0) & (p <= 1), axis=-1) & (abs(np.sum(p, axis=-1) - 1) <= 1e-9)
        y = choose(possible, y, -math.inf)
        return number(_require(valid, y, "`p` must be numbers between 0 and 1 whose sum is 1", np.sum(p, axis=-1)))


dirichlet = Dirichlet()
multinomial = Multinomial()
multivariate_normal = MultivariateNormal()
