"""E. Operations on tensors that carry no derivative."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.evidence import End, Ending


@ends(46)
def cast_of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.called != "to":
        return None
    called = end.written if end.written not in ("", "to", "type") else f"to({end.as_})"
    return Reason(f"it gives {end.as_}, and an integer has no derivative", "a floating-point dtype", called)


_PLACES = ("argmax", "argmin", "argsort", "sort", "topk", "kthvalue", "mode", "median", "nanmedian", "max", "min")
_SEARCHES = ("searchsorted", "bucketize", "nonzero", "cummax", "cummin")
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_TESTS = (*_SIGNS, "isclose", "isin", "isnan", "isinf", "isfinite", "any", "all", "logical_not", "logical_and")
_DRAWS = ("multinomial", "sample", "bernoulli", "poisson")
_COUNTS = ("histc", "bincount", "count_nonzero", "histogram")


@ends(47, 48, 50, 51, 52, 53)
def flat_of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.kind is not Ending.FLAT:
        return None
    op, name = end.called, end.written or end.called
    if op in _PLACES or op in _SEARCHES:
        why = "it gives places, which are integers and move in steps"
        if op == "argmax":
            return Reason(why, "the values (x.max()), or a soft choice: (softmax(k * x, 0) * places).sum()", name)
        return Reason(why, "the values themselves, where they come with the places", name)
    if op in _TESTS:
        why = "it gives True or False, which moves in steps"
        return Reason(why, "a smooth step, such as torch.sigmoid(k * x), or a loss made for it", _SIGNS.get(op, name))
    if op in _DRAWS or name in _DRAWS:
        why = "a random draw has no derivative in its distribution's parameters"
        return Reason(why, "rsample(), or a loss of log_prob(draw)", name)
    if op in _COUNTS:
        return Reason("it counts, which moves in steps", "a smooth count, such as a sum of torch.sigmoid(k * x)", name)
    return Reason(f"`{name}` is not recorded: it has no derivative", "an operation that has one", name)
