"""More Kullback-Leibler divergences: of transformed, relaxed and heavy-tailed variables, and of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import funcgrad.torch as torch
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions.continuous import Cauchy, Exponential, Gamma, Laplace, Normal, Uniform
from funcgrad.torch.distributions.continuous_bernoulli import ContinuousBernoulli
from funcgrad.torch.distributions.counts import Geometric, OneHotCategorical
from funcgrad.torch.distributions.kl import _infinite, kl_divergence, register_kl
from funcgrad.torch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from funcgrad.torch.distributions.matrices import Wishart
from funcgrad.torch.distributions.shared import LOG_2PI
from funcgrad.torch.distributions.transformed import EULER, Gumbel, HalfNormal, Pareto, TransformedDistribution
from funcgrad.torch.distributions.vectors import Beta, MultivariateNormal, half_log_det, solved, squared_distance

OTHER_EVENTS = (
    "KL-divergence between two {} Multivariate Normals with                          different event shapes cannot be "
    "computed"
)


# Of one kind


@register_kl(Cauchy, Cauchy)
def _cauchys(p: Cauchy, q: Cauchy) -> Tensor:
    apart = ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log()
    return apart - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoullis(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    of_p, of_q = (d._log_norm() + torch.log1p(-d.probs) for d in (p, q))
    return p.mean * (p.logits - q.logits) + of_p - of_q


@register_kl(Geometric, Geometric)
def _geometrics(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbels(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -ratio.log() + apart + ratio * EULER + torch.exp(torch.lgamma(1 + ratio) - apart) - (1 + EULER)


@register_kl(HalfNormal, HalfNormal)
def _half_normals(p: HalfNormal, q: HalfNormal) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hots(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Pareto, Pareto)
def _paretos(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return kl.masked_fill(p.scale < q.scale, math.inf)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Wishart, Wishart)
def _wisharts(p: Wishart, q: Wishart) -> Tensor:
    n, halves = p.event_shape[-1], (p.df.unsqueeze(-1) - torch.arange(p.event_shape[-1], dtype=p.df.dtype)) / 2
    log_dets = q.df * (half_log_det(q._triangle) - half_log_det(p._triangle))
    trace = torch.cholesky_solve(p._triangle @ p._triangle.mT, q._triangle).diagonal(dim1=-2, dim2=-1).sum(-1)
    gammas = torch.mvlgamma(q.df / 2, n) - torch.mvlgamma(p.df / 2, n)
    return log_dets + p.df / 2 * (trace - n) + gammas + (p.df - q.df) / 2 * torch.digamma(halves).sum(-1)


# Of normal variables, some of which have a covariance of low rank


def _of_normals(p: Any, q: Any, log_dets: Tensor, trace: Tensor, distance: Tensor) -> Tensor:
    return 0.5 * (log_dets + trace + distance - p.event_shape[0])


def _same_events(p: Any, q: Any, kinds: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(OTHER_EVENTS.format(kinds))


def _squares(x: Tensor) -> Tensor:
    return x.pow(2).sum((-2, -1))


def _trace_in(q: LowRankMultivariateNormal, root: Tensor) -> Tensor:
    """The trace of q's inverse covariance times root @ root.mT."""
    inner = solved(q._inner, q._scaled())
    return _squares(root * q._diag.rsqrt().unsqueeze(-1)) - _squares(inner.matmul(root))


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_ranks(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    _same_events(p, q, "Low Rank")
    trace = _trace_in(q, p._factor) + _trace_in(q, torch.diag_embed(p._diag.sqrt()))
    return _of_normals(p, q, q.log_det() - p.log_det(), trace, q.squared_distance(q.loc - p.loc))


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _to_low_rank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    _same_events(p, q, "(Low Rank)")
    triangle = p._unbroadcasted_scale_tril
    log_dets = q.log_det() - 2 * half_log_det(triangle)
    return _of_normals(p, q, log_dets, _trace_in(q, triangle), q.squared_distance(q.loc - p.loc))


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _from_low_rank(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Tensor:
    _same_events(p, q, "(Low Rank)")
    triangle, roots = q._unbroadcasted_scale_tril, torch.diag_embed(p._diag.sqrt())
    batch, n = np.broadcast_shapes(triangle.shape[:-2], p._factor.shape[:-2]), p.event_shape[0]
    whole = triangle.expand(*batch, n, n)
    parts = (p._factor.expand(*batch, n, -1), roots.expand(*batch, n, n))
    trace = sum(_squares(solved(whole, part)) for part in parts)
    log_dets = 2 * half_log_det(triangle) - p.log_det()
    return _of_normals(p, q, log_dets, torch.as_tensor(trace), squared_distance(triangle, q.loc - p.loc))


# Of two kinds: less the entropy of p, less the mean under p of q's logarithm


def _to_gumbel(p: Any, q: Gumbel, mean: Tensor, log_mean_exp: Tensor) -> Tensor:
    """Of a variable with this mean, and this logarithm of the mean of exp(-x / scale)."""
    return -p.entropy() + q.scale.log() + (mean - q.loc) / q.scale + torch.exp(q.loc / q.scale + log_mean_exp)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    rate = p.rate * q.scale
    return _to_gumbel(p, q, 1 / p.rate, -torch.log1p(1 / rate))


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    rate = p.rate * q.scale
    return _to_gumbel(p, q, p.mean, -p.concentration * torch.log1p(1 / rate))


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, p.loc, -p.loc / q.scale + 0.5 * (p.scale / q.scale).pow(2))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    share = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return share.log() + 0.5 * (high + low) - share * (torch.exp(-high) - torch.exp(-low))


def _to_normal(p: Any, q: Normal, mean: Tensor, variance: Tensor) -> Tensor:
    log_scale = 0.5 * LOG_2PI + q.scale.log()
    return -p.entropy() + log_scale + (variance + (mean - q.loc).pow(2)) / (2 * q.scale.pow(2))


@register_kl(Gumbel, Normal)
@register_kl(ContinuousBernoulli, Normal)
def _by_moments(p: Any, q: Normal) -> Tensor:
    return _to_normal(p, q, p.mean, p.variance)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> Tensor:
    a = torch.where(p.alpha > 2, p.alpha, 3.0)
    mean, variance = a * p.scale / (a - 1), p.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))
    return _to_normal(p, q, mean, variance).masked_fill(p.alpha <= 2, math.inf)


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> Tensor:
    a = torch.where(p.alpha > 1, p.alpha, 2.0)
    kl = -p.entropy() - q.rate.log() + q.rate * a * p.scale / (a - 1)
    return kl.masked_fill(p.alpha <= 1, math.inf)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    a = torch.where(p.alpha > 1, p.alpha, 2.0)
    normalizer = torch.lgamma(q.concentration) - q.concentration * q.rate.log()
    mean_log = p.scale.log() + p.alpha.reciprocal()
    kl = -p.entropy() + normalizer + (1 - q.concentration) * mean_log + q.rate * a * p.scale / (a - 1)
    return kl.masked_fill(p.alpha <= 1, math.inf)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    width = p.high - p.low
    mean_log = (torch.xlogy(p.high, p.high) - torch.xlogy(p.low, p.low) - width) / width
    kl = (q.alpha + 1) * mean_log - (q.alpha * q.scale.pow(q.alpha) * width).log()
    return kl.masked_fill(p.low < q.scale, math.inf)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous(p: Beta, q: ContinuousBernoulli) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._log_norm()


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    """As in PyTorch infinite also where an end is 0 or 1 exactly."""
    kl = -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._log_norm()
    return kl.masked_fill((p.high >= 1) | (p.low <= 0), math.inf)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_exponential(p: ContinuousBernoulli, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    """As in PyTorch infinite also where an end is 0 or 1 exactly."""
    return (-p.entropy() + (q.high - q.low).log()).masked_fill((q.low >= 0) | (q.high <= 1), math.inf)


# Where p has what q has not

for _p, _parameter, _qs in (
    (Beta, "concentration1", (Pareto,)),
    (ContinuousBernoulli, "probs", (Pareto,)),
    (Exponential, "rate", (ContinuousBernoulli, Pareto)),
    (Gamma, "concentration", (ContinuousBernoulli, Pareto)),
    (Gumbel, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, "loc", (ContinuousBernoulli, Pareto)),
    (Normal, "loc", (ContinuousBernoulli, Pareto)),
    (Pareto, "scale", (Beta, ContinuousBernoulli, Uniform)),
):
    for _q in _qs:
        register_kl(_p, _q)(_infinite(_parameter))
