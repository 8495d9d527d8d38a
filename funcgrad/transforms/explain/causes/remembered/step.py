"""E. Operations on tensors that carry no derivative."""

from __future__ import annotations

import re

from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.causes.remembered.words import at
from funcgrad.transforms.explain.evidence import End, Ending
from funcgrad.transforms.explain.sources import Written, written


@ends(46)
def cast_of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.called != "to":
        return None
    called = end.written if end.written not in ("", "to", "type") else f"to({end.as_})"
    if end.used_at is not None:
        why = f"it gives {end.as_} for an index{at(end.used_at)}, which moves in steps"
        return Reason(why, "an interpolation between the elements", op=called)
    return Reason(f"it gives {end.as_}, and an integer has no derivative", "a floating-point dtype", op=called)


_PLACES = ("argmax", "argmin", "argsort", "sort", "topk", "kthvalue", "mode", "median", "nanmedian", "max", "min")
_SEARCHES = ("searchsorted", "bucketize", "nonzero", "cummax", "cummin")
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_TESTS = (*_SIGNS, "isclose", "isin", "isnan", "isinf", "isfinite", "any", "all", "logical_not", "logical_and")
_DRAWS = ("multinomial", "sample", "bernoulli", "poisson")
_HAS_RSAMPLE = re.compile(
    r"\b(Normal|Uniform|Beta|Gamma|Exponential|Laplace|Cauchy|Gumbel|Dirichlet|StudentT|Chi2|Pareto|Weibull|LogNormal|"
    r"HalfNormal|HalfCauchy|MultivariateNormal|Kumaraswamy|LogisticNormal|RelaxedBernoulli|RelaxedOneHotCategorical)\("
)
_COUNTS = ("histc", "bincount", "count_nonzero", "histogram", "norm", "vector_norm", "dist")
"""Of norms and distances, those of order 0."""
_CODE = {
    "argmax": "(torch.arange({0}.numel()) * torch.softmax(10.0 * {0}, 0)).sum()",
    "argmin": "(torch.arange({0}.numel()) * torch.softmax(-10.0 * {0}, 0)).sum()",
    "argsort": "{0}.sort().values",
    **dict.fromkeys(("gt", "ge"), "torch.sigmoid(10.0 * ({0} - {1}))"),
    **dict.fromkeys(("lt", "le"), "torch.sigmoid(10.0 * ({1} - {0}))"),
    "eq": "torch.exp(-(({0} - 1.0 * {1}) ** 2))",
    "count_nonzero": "(torch.tanh(10.0 * {0}) ** 2).sum()",
}


@ends(47, 48, 50, 51, 52, 53)
def flat_of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.kind is not Ending.FLAT:
        return None
    op, name = end.called, end.written or end.called
    call = written(end.loc)
    if end.used_at is not None and (op in _PLACES or op in _SEARCHES):
        why = f"it gives places, which are integers and move in steps, and are an index{at(end.used_at)}"
        remedy = "a mean of all elements with weights that have a derivative, such as torch.softmax(-k * distances, 0)"
        return Reason(why, remedy, op=name)
    code = _CODE[op].format(*call.args) if call is not None and op in _CODE and _fits(op, call) else ""
    if op in _PLACES or op in _SEARCHES:
        why = "it gives places, which are integers and move in steps"
        return Reason(why, "the values themselves, where they come with the places", code, op=name)
    if op in _TESTS:
        why = "it gives True or False, which moves in steps"
        remedy = "a smooth step, such as torch.sigmoid(k * x), or a loss made for it"
        return Reason(why, remedy, code, op=_SIGNS.get(op, name))
    if op in _DRAWS or name in _DRAWS:
        why = "a random draw has no derivative in its distribution's parameters"
        smooth = call is not None and call.text.endswith(".sample()") and _HAS_RSAMPLE.search(call.callee)
        code = f"{call.callee[:-7]}.rsample()" if call is not None and smooth else ""
        return Reason(why, "rsample() of a distribution that has it, or a loss of log_prob(draw)", code, op=name)
    if op in _COUNTS or name in _COUNTS:
        why = "it counts, which moves in steps"
        return Reason(why, "a smooth count, such as a sum of torch.sigmoid(k * x)", code, op=name)
    if name in ("checkpoint", "checkpoint_sequential"):
        why = "with use_reentrant=True nothing is recorded where no input requires grad, even if parameters inside do"
        return Reason(why, "use_reentrant=False, or an input that requires grad", op=name)
    return Reason(f"`{name}` is not recorded: it has no derivative", "an operation that has one", op=name)


def _fits(op: str, call: Written) -> bool:
    """Whether the code for an operation stands for this call of it: for none along a dimension."""
    return len(call.args) == (2 if op in _SIGNS else 1) and not call.keywords
