"""Kullback-Leibler divergences: how much one distribution differs from another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.torch as torch
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions.continuous import Exponential, Gamma, Laplace, Normal, Uniform
from funcgrad.torch.distributions.discrete import Bernoulli, Binomial, Categorical, Poisson
from funcgrad.torch.distributions.distribution import Distribution, ExponentialFamily
from funcgrad.torch.distributions.independent import Independent
from funcgrad.torch.distributions.shared import sum_rightmost
from funcgrad.torch.distributions.vectors import (
    Beta,
    Dirichlet,
    MultivariateNormal,
    half_log_det,
    solved,
    squared_distance,
)
from funcgrad.torch.nn.functional import softplus

Divergence = Callable[[Any, Any], Tensor]
CROSS = (
    "The cross KL-divergence between different exponential families cannot                             be computed "
    "using Bregman divergences"
)
OTHER_EVENTS = (
    "KL-divergence between two Multivariate Normals with                          different event shapes cannot be "
    "computed"
)
_divergences: dict[tuple[type, type], Divergence] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Divergence], Divergence]:
    """A decorator for the divergence of a pair of distributions, and of their subclasses."""

    for kind in (type_p, type_q):
        if not isinstance(kind, type):
            raise TypeError("issubclass() arg 1 must be a class")

    def register(fun: Divergence) -> Divergence:
        _divergences[type_p, type_q] = fun
        return fun

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The mean under p of torch.log(p / q).

    >>> import funcgrad.torch as torch
    >>> normal = torch.distributions.Normal
    >>> kl_divergence(normal(0.0, 1.0), normal(1.0, 1.0))
    tensor(0.5000)
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            found = _divergences.get((kind_p, kind_q))
            if found is not None:
                return found(p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(ExponentialFamily, ExponentialFamily)
def _cross(p: Any, q: Any) -> Tensor:
    raise NotImplementedError(CROSS)


# Of one kind


@register_kl(Bernoulli, Bernoulli)
def _bernoullis(p: Bernoulli, q: Bernoulli) -> Tensor:
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    ones = ones.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return ones + zeros.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)


@register_kl(Beta, Beta)
def _betas(p: Beta, q: Beta) -> Tensor:
    p1, p0, q1, q0 = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    of_p, of_q = p1 + p0, q1 + q0
    t1 = torch.lgamma(q1) + torch.lgamma(q0) + torch.lgamma(of_p)
    t2 = torch.lgamma(p1) + torch.lgamma(p0) + torch.lgamma(of_q)
    return t1 - t2 + (p1 - q1) * torch.digamma(p1) + (p0 - q0) * torch.digamma(p0) + (of_q - of_p) * torch.digamma(of_p)


@register_kl(Binomial, Binomial)
def _binomials(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return kl.masked_fill(p.total_count > q.total_count, math.inf)


@register_kl(Categorical, Categorical)
def _categoricals(p: Categorical, q: Categorical) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    return t.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0).sum(-1)


@register_kl(Dirichlet, Dirichlet)
def _dirichlets(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    t1 = torch.lgamma(a.sum(-1)) - torch.lgamma(b.sum(-1))
    t2 = (torch.lgamma(a) - torch.lgamma(b)).sum(-1)
    return t1 - t2 + ((a - b) * (torch.digamma(a) - torch.digamma(a.sum(-1)).unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponentials(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _gammas(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    t1 = b * (p.rate / q.rate).log()
    return t1 + (torch.lgamma(b) - torch.lgamma(a)) + (a - b) * torch.digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Laplace, Laplace)
def _laplaces(p: Laplace, q: Laplace) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * torch.exp(-distance / p.scale) - 1



@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normals(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(OTHER_EVENTS)
    of_p, of_q, n = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril, p.event_shape[0]
    batch = np.broadcast_shapes(of_p.shape[:-2], of_q.shape[:-2])
    turned = solved(of_q.expand(*batch, n, n), of_p.expand(*batch, n, n))
    trace = turned.pow(2).sum((-2, -1))
    distance = squared_distance(of_q, q.loc - p.loc)
    return half_log_det(of_q) - half_log_det(of_p) + 0.5 * (trace + distance - n)


@register_kl(Normal, Normal)
def _normals(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Poisson, Poisson)
def _poissons(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniforms(p: Uniform, q: Uniform) -> Tensor:
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return kl.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Independent, Independent)
def _independents(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


# Of two kinds


def _to_normal(mean: Tensor, mean_square: Tensor, q: Normal) -> Tensor:
    """The mean of (x - loc)^2 / (2 scale^2), of a variable with these moments."""
    return (0.5 * mean_square - q.loc * mean + 0.5 * q.loc.pow(2)) / q.scale.pow(2)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, Exponential)
def _beta_exponential(p: Beta, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    mean_log = torch.digamma(p.concentration1) - torch.digamma(p.concentration1 + p.concentration0)
    t1 = torch.lgamma(q.concentration) - q.concentration * q.rate.log()
    return -p.entropy() + t1 - (q.concentration - 1) * mean_log + q.rate * p.mean


@register_kl(Beta, Normal)
def _beta_normal(p: Beta, q: Normal) -> Tensor:
    mean = p.mean
    mean_square = mean * (1 - mean) / (p.concentration1 + p.concentration0 + 1) + mean.pow(2)
    return -p.entropy() + 0.5 * (q.scale.pow(2) * 2 * math.pi).log() + _to_normal(mean, mean_square, q)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    kl = -p.entropy() + (q.high - q.low).log()
    return kl.masked_fill((q.low > 0) | (q.high < 1), math.inf)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    ratio, a, euler = q.rate / p.rate, q.concentration, np.euler_gamma
    return -a * torch.log(ratio) + ratio + torch.lgamma(a) + a * euler - (1 + euler)


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    square = p.rate.pow(2)
    t1 = 0.5 * torch.log(square * q.scale.pow(2) * 2 * math.pi)
    return t1 - 1 + _to_normal(1 / p.rate, 2 * square.reciprocal(), q)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Normal)
def _gamma_normal(p: Gamma, q: Normal) -> Tensor:
    a, square = p.concentration, p.rate.pow(2)
    t1 = 0.5 * torch.log(square * q.scale.pow(2) * 2 * math.pi) - a - torch.lgamma(a)
    return t1 + (a - 1) * torch.digamma(a) + _to_normal(a / p.rate, (a.pow(2) + a) / square, q)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    ratio = p.scale.pow(2) / q.scale.pow(2)
    return -0.5 * torch.log(2 * ratio / math.pi) + ratio + _to_normal(p.loc, p.loc.pow(2), q) - 1


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    over = distance / p.scale
    t1 = torch.log(p.scale / q.scale)
    t2 = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * over.pow(2))
    t3 = distance * torch.erf(math.sqrt(0.5) * over)
    return -t1 + (t2 + t3) / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    width, a, b = p.high - p.low, q.concentration1, q.concentration0
    logs = (torch.xlogy(p.high, p.high) - torch.xlogy(p.low, p.low) - width) / width
    low, high = 1 - p.high, 1 - p.low
    logs_of_rest = (torch.xlogy(low, low) - torch.xlogy(high, high) + width) / width
    t4 = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
    kl = (b - 1) * logs_of_rest + t4 - torch.log(width) - (a - 1) * logs
    return kl.masked_fill((p.high > 1) | (p.low < 0), math.inf)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    kl = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return kl.masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    width, a = p.high - p.low, q.concentration
    t2 = torch.lgamma(a) - a * q.rate.log()
    t3 = (1 - a) * (torch.xlogy(p.high, p.high) - torch.xlogy(p.low, p.low) - width) / width
    kl = -width.log() + t2 + t3 + q.rate * (p.high + p.low) / 2
    return kl.masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    t1 = (math.sqrt(math.pi * 2) * q.scale / width).log()
    t3 = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return t1 + 0.5 * (width.pow(2) / 12 + t3) / q.scale.pow(2)


# Where p has what q has not


def _infinite(parameter: str) -> Divergence:
    return lambda p, q: torch.full_like(getattr(p, parameter), math.inf)


for _p, _parameter, _qs in (
    (Exponential, "rate", (Beta, Uniform)),
    (Gamma, "concentration", (Beta, Uniform)),
    (Laplace, "loc", (Beta, Exponential, Gamma, Uniform)),
    (Normal, "loc", (Beta, Exponential, Gamma, Uniform)),
    (Poisson, "rate", (Bernoulli, Binomial)),
):
    for _q in _qs:
        register_kl(_p, _q)(_infinite(_parameter))
