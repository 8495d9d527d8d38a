"""G. NaN or infinite."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np

from funcgrad.core.provenance import place
from funcgrad.core.tape import Node, entries
from funcgrad.transforms.explain.causes.registry import Finding, cause, remark
from funcgrad.transforms.explain.diagnosis import Fault, Spot, concrete, operands_of
from funcgrad.transforms.explain.evidence import Evidence, Whole
from funcgrad.transforms.explain.remedies import OUT_OF_RANGE, UNDETERMINED, away, guarded
from funcgrad.transforms.explain.report import Fix, short
from funcgrad.transforms.explain.sources import Written, fitting, in_parentheses, written
from funcgrad.transforms.explain.status import Status

_PRODUCTS = frozenset(("multiply", "mul"))
_SPECTRA = {"eigh": 0, "eig": 0, "svd": 1}
"""Decompositions, and which of their results has the values that must differ."""


def _if_nan(find: Callable[[Evidence], Finding | None]) -> Callable[[Evidence], Finding | None]:
    """The cause, where the gradient is NaN."""

    def found(e: Evidence) -> Finding | None:
        return find(e) if e.gradient is not None and np.isnan(e.gradient).any() else None

    found.__name__ = find.__name__
    return found


@cause(61, 66, status=Status.NAN)
@_if_nan
def thrown_away_later(e: Evidence) -> Finding | None:
    """The element in which it became NaN is thrown away later: by where, a mask, a filter."""
    fault = e.arrival.fault if e.arrival is not None else None
    if fault is None or fault.masked is None or fault.spot.kind != "operation" or not _by_elements(fault.spot.node):
        return None
    masked = fault.masked
    if e.born is not None and e.called(masked.node) in _VANISH:  # where infinity went in
        return None
    name, where, mask = e.called(fault.spot.node), place(fault.spot.line), place(masked.line)
    text = (
        f"{_became(e, fault, 'NaN')}, which `{e.called(masked.node)}` at {short(mask)} throws away; but "
        "0 * inf is NaN."
    )
    pole = _pole(e, fault.spot.node)
    if pole is not None:
        fault = fault._replace(spot=Spot(pole))
        name = e.called(pole)
        text = f"{text[:-1]}: `{name}` at {short(place(pole.loc))} is not finite there."
        where = place(pole.loc)
    repair = _guard(e, fault)
    if repair is not None:
        return Finding(f"{text} Guard the input, so that it is never evaluated there.", "", (where, mask), (repair,))
    call = written(fault.spot.line)
    nudged = away(name, call) if e.called(masked.node) in _FACTORS else ""
    if call is not None and nudged:
        return Finding(f"{text} {_NUDGE}", "", (where, mask), (fitting(call.place, nudged),))
    guard = f"Guard the input: `{name}(where(condition, x, 1))`, so that it is never evaluated there"
    return Finding(f"{text} {UNDETERMINED.get(name, guard)}.", "", (where, mask))


_FACTORS = frozenset(("power", "square", "divide", "true_divide", "pow", "div", "multiply", "mul"))
"""Operations that throw an element away where a factor happens to be zero."""
_NUDGE = "Keep its argument away from that point, by a small constant."


_VANISH = frozenset(
    (
        *("log", "log1p", "exp", "tanh", "sigmoid", "softmax", "log_softmax"),
        *("divide", "reciprocal", "power", "sqrt", "rsqrt"),
    )
)
"""Operations whose derivative vanishes at infinity, which throw nothing away."""


def _by_elements(node: Node) -> bool:
    """Whether an element of the derivative belongs to one of the result: else another argument there guards nothing."""
    return node.prim is not None and node.prim.name not in (*_SPECTRA, "cholesky", "qr", "lu", "solve", "inv", "det")


_POLES = frozenset(("log", "log2", "log10", "log1p", "divide", "true_divide", "reciprocal", "power", "arctanh", "div"))


def _pole(e: Evidence, node: Node) -> Node | None:
    """Where the factor of a product stopped being finite, which makes NaN of a derivative that is zero."""
    if e.called(node) not in _PRODUCTS:
        return None
    for parent in node.parents:
        if parent is None:
            continue
        is_finite = hasattr(parent, "born") and parent.born is None
        if e.called(parent) in _POLES and not is_finite:
            return parent
        found = _pole(e, parent)
        if found is not None:
            return found
    return None


def _guard(e: Evidence, fault: Fault) -> Fix | None:
    call, mask = written(fault.spot.line), fault.masked and written(fault.masked.line)
    if call is None or not mask or fault.masked is None:
        return None
    if isinstance(mask.node, ast.Subscript) and ast.unparse(mask.node.value) == call.text:
        return _filtered(call, mask)
    if fault.spot.line is None or fault.masked.line is None or fault.spot.line[0] is not fault.masked.line[0]:
        return None  # its condition may have no name in the other function
    if isinstance(mask.node, ast.Subscript):
        return _filtered(call, mask)
    condition = _condition(e, fault.spot.node, fault.masked.node, mask)
    code = guarded(e.called(fault.spot.node), call, condition) if condition else ""
    return fitting(call.place, code) if code else None


def _condition(e: Evidence, node: Node, masked: Node, mask: Written) -> str:
    """When the result of `node` is used, as it is written at the mask."""
    name = e.called(masked)
    if name == "where" and len(mask.args) == 3:
        chosen, other = (masked.parents[i] for i in (-2, -1))
        if other is not None and node in entries([other]) and (chosen is None or node not in entries([chosen])):
            return f"~{mask.args[0]}"
        return mask.bare[0]
    if name == "multiply" and len(mask.args) == 2:
        factor = next((i for i, parent in enumerate(masked.parents[:2]) if parent is None), None)
        if factor is None or "*" in mask.args[factor]:
            return ""
        text = mask.args[factor]
        return text.strip("()") if isinstance(ast.parse(text, mode="eval").body, ast.Compare) else f"{text} != 0"
    return ""


def _filtered(call: Written, mask: Written) -> Fix | None:
    """`f(x)[mask]` as `f(x[mask])`; of a result with a name, f of x guarded by a mask that is a comparison."""
    assert isinstance(mask.node, ast.Subscript)
    if ast.unparse(mask.node.value) != call.text and isinstance(mask.node.slice, ast.Compare):
        code = guarded("", call, ast.unparse(mask.node.slice))
        return fitting(call.place, code) if code else None
    if ast.unparse(mask.node.value) != call.text or not call.args:
        return None
    part = f"{call.args[0]}[{ast.unparse(mask.node.slice)}]"
    if isinstance(call.node, ast.BinOp):
        right = in_parentheses(call.node.right)
        operator = ast.unparse(ast.BinOp(ast.Name("a"), call.node.op, ast.Name("b")))[1:-1]
        return fitting(mask.place, f"{part}{operator}{right}")
    if isinstance(call.node, ast.Call) and not call.is_method:
        return fitting(mask.place, f"{call.callee}({', '.join([part, *call.bare[1:]])})")
    return None


@cause(64, status=Status.NAN)
@_if_nan
def equal_values(e: Evidence) -> Finding | None:
    """Vectors of a decomposition whose values are equal."""
    fault = e.arrival.fault if e.arrival is not None else None
    prim = fault.spot.node.prim if fault is not None else None
    saved = e.saved_of(fault.spot.node) if fault is not None else None
    if fault is None or prim is None or prim.name not in _SPECTRA or not isinstance(saved, tuple):
        return None
    values = np.asarray(concrete(saved[0][_SPECTRA[prim.name]]))
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    row = next((r for r in rows if np.unique(r).size < r.size), None)
    if row is None:
        return None
    i, j = next((i, j) for i in range(row.size) for j in range(i + 1, row.size) if row[i] == row[j])
    what = "singular values" if prim.name == "svd" else "eigenvalues"
    name, where = e.called(fault.spot.node), place(fault.spot.line)
    return Finding(
        f"The gradient is NaN: it became so in the derivative of `{name}` at {short(where)}, whose {what} {i} and {j} "
        f"are equal ({row[i]:.6g}): the vectors of equal values are not determined, and have no derivative.",
        f"a function of the {what}, or of all of the matrix; or a matrix without the tie",
        (where,),
    )


@cause(61, 65, status=Status.NAN)
@_if_nan
def value_is_nan(e: Evidence) -> Finding | None:
    return _by_value(e, "NaN")


@cause(62, 63, 65, status=Status.NAN)
@_if_nan
def born_in_derivative(e: Evidence) -> Finding | None:
    return _not_finite(e, "NaN")


@cause(62, 65, status=Status.INF)
def infinite(e: Evidence) -> Finding | None:
    return None if e.is_finite else _by_value(e, "infinite") or _not_finite(e, "infinite")


def _by_value(e: Evidence, kind: str) -> Finding | None:
    if e.born is None:
        return None
    spot, born = e.born
    name, where = e.called(spot.node), place(spot.line)
    value = "NaN" if born == "nan" else "infinite"
    start = f"The gradient is {kind} because {'the value is' if kind == value else 'a value is not finite'}"
    if spot.kind == "leaf":
        return Finding(f"{start}: {e.born_name or 'a leaf'} is {value} itself.", "", (where,))
    if spot.kind == "constant":
        text = f"{start}: `{name}` at {short(where)} was given a constant that is {value}, as data can be."
        return Finding(text, "", (where,))
    text = f"{start}: it became {value} in `{name}` at {short(where)}."
    call = written(spot.line)
    divides = name in ("divide", "true_divide")
    code = away(name, call) if divides or (born == "inf" and name != "power") else ""
    if call is not None and code:
        return Finding(f"{text} {_NUDGE}", "", (where,), (fitting(call.place, code),))
    remedy = OUT_OF_RANGE.get((name, born)) or f"Keep the argument of `{name}` away from where it is {value}"
    return Finding(f"{text} {remedy}.", "", (where,))


def _not_finite(e: Evidence, kind: str) -> Finding:
    fault = e.arrival.fault if e.arrival is not None else None
    if fault is None:
        return Finding(f"The gradient is {kind}.")
    where = place(fault.spot.line)
    if fault.spot.kind != "operation":
        return Finding(f"{_became(e, fault, kind)}.", "", (where,))
    name, call = e.called(fault.spot.node), written(fault.spot.line)
    if name == "power" and _base_is_negative(e, fault.spot.node):
        return Finding(f"{_became(e, fault, kind)}. {_NEGATIVE_BASE}", "", (where,))
    code = away(name, call)
    if call is not None and code:
        return Finding(f"{_became(e, fault, kind)}. {_NUDGE}", "", (where,), (fitting(call.place, code),))
    text = UNDETERMINED.get(name, "Keep its argument away from that point, for example by adding a small constant")
    return Finding(f"{_became(e, fault, kind)}. {text}.", "", (where,))


_NEGATIVE_BASE = (
    "Its base is negative there, and the derivative by the exponent is the power times the logarithm of the base: "
    "bound the base from below, or keep the exponent a constant."
)


def _base_is_negative(e: Evidence, node: Node) -> bool:
    base = operands_of(node, e.saved_of(node))[0]
    return base is not None and bool((np.asarray(base) < 0).any())


def _became(e: Evidence, fault: Fault, kind: str) -> str:
    element = f", element {', '.join(map(str, fault.element))}" if fault.element else ""
    where = f"{_where(e, fault.spot)} at {short(place(fault.spot.line))}"
    return f"The gradient is {kind}: it became so in {where}{element}"


def _where(e: Evidence, spot: Spot) -> str:
    if spot.kind == "hook":
        return "a hook"
    if spot.kind == "given":
        return "the gradient that the backward pass was given"
    return f"the {'backward' if spot.kind == 'rule' else 'derivative'} of `{e.called(spot.node)}`"


@remark(65)
def value_not_finite(w: Whole) -> str | None:
    """Of a value that is NaN the gradient may be finite all the same."""
    if w.born is None:
        return None
    name, loc, kind = w.born
    value = "NaN" if kind == "nan" else "infinite"
    return f"The value is {value}: it became so in `{name}` at {short(place(loc))}."
