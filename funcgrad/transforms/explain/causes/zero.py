"""F. Zero for a mathematical reason, or dropped by mistake."""

from __future__ import annotations

import numpy as np

from funcgrad.core.provenance import place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.diagnosis import Spot
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.remedies import SMOOTH, smooth
from funcgrad.transforms.explain.report import Fix, short
from funcgrad.transforms.explain.sources import fitting, written
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order, lead

FLAT_PARTS = frozenset(
    (
        *("abs", "maximum", "minimum", "fmax", "fmin", "clip", "clamp", "clamp_min", "clamp_max"),
        *("threshold", "relu", "relu6"),
        *("hard_tanh", "hardtanh", "hard_sigmoid", "hardsigmoid", "hard_swish", "hardswish", "hard_silu"),
        *("softshrink", "hardshrink", "hinge"),
    )
)
_WRITES = frozenset(("zero", "fill", "copy", "[]="))
STEPS = frozenset(("round", "floor", "ceil", "trunc", "sign", "sgn"))
_SATURATES = frozenset(
    ("sigmoid", "logistic", "expit", "tanh", "erf", "erfc", "softmax", "exp", "softplus", "log_sigmoid", "log_softmax")
)
_PRODUCTS = frozenset(
    ("multiply", "mul", "matmul", "mm", "mv", "bmm", "addmm", "dot", "inner", "outer", "einsum", "tensordot", "linear")
)
_IDENTITIES = {
    "softmax": "its elements always add up to one",
    "standardize": "its mean is always zero, and its variance one",
    "layer_norm": "the mean over what is normalised is always zero",
}


MOST = 3
"""Of more terms that cancel none is named."""


@cause(55, status=Status.CANCELS)
def cancelling(e: Evidence) -> Finding | None:
    spot = None if e.arrival is None or not e.is_zero else e.arrival.cancelled
    if spot is None:
        return None
    start = f"{lead(e.live)} to the output, and their contributions cancel"
    rest = "to first order the output does not change with it"
    terms = spot.terms if len(spot.terms) <= MOST else ()
    named = [f"`{e.called(term.node)}` at {short(place(term.line))}" for term in terms]
    users = f", those of {in_order(named)}" if named else ""
    places = tuple(dict.fromkeys(place(term.line) for term in terms))
    if spot.node.prim is None:
        return Finding(f"{start}{users}: {rest}.", "", places)
    name, where = e.called(spot.node), place(spot.line)
    if spot.kind == "operation":
        identity = _IDENTITIES.get(name)
        start = f"{lead(e.live)} to the output, and the contributions of the elements of `{name}`"
        why = f"{identity}, so " if identity else ""
        return Finding(f"{start} at {short(where)} cancel: {why}{rest}.", "", (where,))
    result = f"at the result of `{name}` at {short(where)}"
    return Finding(f"{start} {result}{users}: {rest}.", "", (where, *places))


@cause(54, 56, status=Status.ZERO)
def dead(e: Evidence) -> Finding | None:
    if not e.is_zero:
        return None
    start = f"{lead(e.live)} to the output, but the derivative is zero at this value"
    spots = () if e.arrival is None else e.arrival.dead
    if not spots:
        return Finding(f"{start}.")
    named = in_order(list(dict.fromkeys(_ended(e, spot) for spot in spots[:3])))
    repair = tuple(fix for fix in (_smooth(e, spot) for spot in spots[:3]) if fix is not None)
    prose = [SMOOTH[name] for name in dict.fromkeys(e.called(s.node) for s in spots[:3]) if name in SMOOTH]
    remedy = "" if repair or not prose else f"{in_order(prose)}, where it is to move"
    return Finding(f"{start}: it ends in {named}.", remedy, tuple(place(spot.line) for spot in spots), repair)


def _smooth(e: Evidence, spot: Spot) -> Fix | None:
    call = written(spot.line) if spot.kind == "operation" else None
    code = smooth(e.called(spot.node), call)
    return fitting(call.place, code) if call is not None and code else None


_SHARES = frozenset(("softmax", "log_softmax"))


def _is_alone(e: Evidence, spot: Spot) -> bool:
    """Whether each element is the only one along the axes of an operation."""
    saved, axes = e.saved_of(spot.node), (spot.node.params or {}).get("axes", ())
    return bool(axes) and isinstance(saved, np.ndarray) and all(saved.shape[axis] == 1 for axis in axes)


def _ended(e: Evidence, spot: Spot) -> str:
    where = short(place(spot.line))
    if spot.kind == "hook":
        return f"the hook at {where}, which gives zeros"
    if spot.kind == "given":
        return "the gradient that the backward pass was given, which is zero"
    name = e.called(spot.node)
    if spot.kind == "rule":
        return f"the backward of `{name}` at {where}, which gives zeros"
    reason = "its derivative is zero here"
    if name in FLAT_PARTS:
        reason = "all elements are in its flat part"
    elif name in _WRITES:
        reason = "it writes over all of it"
    elif name == "checkpoint":
        reason = "inside of it: without the checkpoint, a report says where"
    elif name in STEPS:
        reason = "it moves in steps"
    elif name in _SHARES and _is_alone(e, spot):
        reason = "it is over an axis of one element, whose share is 1 whatever it is"
    elif name in _SATURATES:
        reason = "it is saturated: its derivative is too small for a number"
    elif name == "where":
        reason = "all elements are in the branch not taken"
    elif name in _PRODUCTS:
        reason = "the other factor is zero, or too small for a number"
    return f"`{name}` at {where} ({reason})"
