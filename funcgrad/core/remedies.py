"""What to write where Python needs the value of something that is only being traced: read from the user's line.

The line is parsed only for an error.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import FrameType
from typing import NamedTuple

import numpy as np

from funcgrad.core.graph import StageTracer
from funcgrad.core.provenance import at, is_internal
from funcgrad.core.trace import Tracer
from funcgrad.errors import LongLoopWarning

LONGEST = 60
"""How much of the user's expression a remedy repeats."""
_SIZES = {
    *("zeros", "ones", "empty", "full", "arange", "linspace", "logspace", "geomspace", "eye", "identity", "tri"),
    *("reshape", "resize", "repeat", "tile", "broadcast_to", "indices", "fft", "ifft", "rfft", "irfft", "one_hot"),
}
"""Functions whose arguments say how large the result is."""
_PLAIN = (
    "Choose between values with np.where(condition, a, b), between computations with "
    "fg.lax.cond(condition, true_fun, false_fun, *operands); in place of `while`, write "
    "fg.lax.while_loop(cond_fun, body_fun, init)."
)
_SIZE = (
    "The shape of a result must be known: take the largest size there can be, and mask what is too much, "
    "np.where(np.arange(size) < n, x, 0)."
)
_SLICE = (
    "A bound decides the shape of the result: x[start + np.arange(size)] takes a part of a fixed size, and "
    "np.where(np.arange(len(x)) < n, x, 0) keeps the shape."
)
_INDEX = (
    "Only an integer that Python knows can be a size, a bound of range or an index of a list. In place of "
    "`for i in range(n)`, write fg.lax.fori_loop(0, n, body_fun, init)."
)
_ITERATION = (
    "In place of `for i in range(n)`, write fg.lax.fori_loop(0, n, body_fun, init); np.atleast_1d(x) has an axis."
)
_STATIC = " What is known beforehand may be a static argument of jit (static_argnums)."


_NUMPY = os.path.dirname(np.__file__) + os.sep
_CLASSES = {
    "RClass": "r_",
    "CClass": "c_",
    "MGridClass": "mgrid",
    "OGridClass": "ogrid",
    "vectorize": "vectorize",
    "ndenumerate": "In place of np.ndenumerate(x), write np.ndindex(x.shape), and x[index].",
}
"""Classes of NumPy's, and the name to write in place of theirs, or what else."""
_CONVERSIONS = frozenset(("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require"))


class Found(NamedTuple):
    """A construct of Python's that needs a value: its kind, itself, and the expression that it looks at."""

    kind: str
    node: ast.AST
    test: ast.AST


def for_truth(x: Tracer) -> tuple[str, str]:
    """What asks for the truth of `x`, in words, and what to write instead."""
    frame = _users_frame()
    found = _constructs(frame)
    if not found:
        return "`if`, `while`, `and`, `or`, `not` or `assert`", _PLAIN + _static(frame, None, x=x)
    first = found[0]
    if first.kind == "size":
        return f"a size in `{_short(first.node)}`", _SIZE + _static(frame, first.node, kinds="iu")
    texts = [_TRUTH[first.kind](first)]
    around = next((f for f in found[1:] if f.kind in ("if", "while", "ternary", "assert")), None)
    if first.kind in ("operator", "chain", "not", "in", "call") and around is not None:
        texts.append(_TRUTH[around.kind](around._replace(test=ast.Name("condition"))))
    return _words(first), " ".join(texts) + _static(frame, first.test)


def for_index(x: Tracer) -> tuple[str, str]:
    """What needs `x` as an integer of Python's, in words, and what to write instead."""
    frame = _users_frame()
    for found in _constructs(frame, of_index=True):
        if found.kind == "range":
            instead = f"In place of `for i in {_short(found.node)}`, write {_fori(found.node)}."
            return "`range` of a traced value", instead + _static(frame, found.node, kinds="iu")
        if found.kind == "size":
            return f"a size in `{_short(found.node)}`", _SIZE + _static(frame, found.node, kinds="iu")
        if found.kind == "slice":
            return f"the slice `{_short(found.node)}`", _SLICE + _static(frame, found.test, kinds="iu")
        if found.kind == "item":
            of = _short(found.node.value)  # type: ignore[attr-defined]
            return f"the index in `{_short(found.node)}`", (
                f"A list is indexed by an integer that Python knows: np.stack({of})[i] takes one of arrays, "
                "fg.lax.switch(i, branches, *operands) one of functions." + _static(frame, found.test, kinds="iu")
            )
    return "`operator.index(x)` of a traced value", _INDEX + _static(frame, None, x=x)


def for_bound() -> tuple[str, str]:
    """What has a bound that is only traced, in words, and what to write instead."""
    frame = _users_frame()
    found = next((f for f in _constructs(frame, of_index=True) if f.kind == "slice"), None)
    if found is None:
        return "A bound of a slice", _SLICE
    return f"the slice `{_short(found.node)}`", _SLICE + _static(frame, found.test, kinds="iu")


def for_array() -> str | None:
    """What to write in place of NumPy's code that asks for an array, which no protocol of NumPy's tells us of."""
    frame: FrameType | None = sys._getframe(2)
    inner = None
    while frame is not None and is_internal(frame.f_code.co_filename):
        inner, frame = frame, frame.f_back
    if inner is not None and inner.f_code.co_filename.startswith(_NUMPY):
        owner = type(inner.f_locals.get("self")).__name__
        name = _CLASSES.get(owner, inner.f_code.co_name if owner == "NoneType" else None)
        if name is None or " " in name:
            return name
        return f"In place of np.{name}, write fnp.{name}, which takes traced values."
    for found in _constructs(frame, of_index=True):
        called = _name(found.node) if isinstance(found.node, ast.Call) else ""
        if isinstance(getattr(np, called, None), type) and issubclass(getattr(np, called), np.generic):
            return f"In place of np.{called}(x), write x.astype(np.{called}), which keeps the derivative."
        if called in _CONVERSIONS:
            return f"In place of np.{called}, write fnp.{called}, which takes traced values; or use them as they are."
    return None


def for_number(remedy: str) -> str:
    """What to write in place of `int(n)` and the like."""
    frame = _users_frame()
    return remedy + _static(frame, next((f.node for f in _constructs(frame, of_index=True)), None), default="")


def for_size() -> tuple[str, str] | None:
    """What to write where a function is given a size that is only traced; None where that is not the user's line."""
    frame = _users_frame()
    found = next((f for f in _constructs(frame, of_index=True) if f.kind == "size"), None)
    return found and (f"a size in `{_short(found.node)}`", _SIZE + _static(frame, found.node, kinds="iu"))


def for_iteration() -> str:
    """What to write in place of `for i in n`."""
    frame = _users_frame()
    where = "" if frame is None else at((frame.f_code, frame.f_lasti))
    return f"iteration over a 0-d traced value{where}. {_ITERATION}"


def warn_of_length(x: Tracer) -> None:
    """Warn where a loop over a traced value writes down many steps, one by one."""
    _warn(
        f"a loop over a traced value writes down its {x.shape[0]} steps one by one, which takes long to compile: "
        "fg.lax.scan(step, init, xs) writes down one, fg.lax.map(f, xs) where steps do not depend on each other, and "
        "fg.vmap(f)(xs) runs all at once."
    )


def warn_of_compiling(operations: int, seconds: float) -> None:
    """Warn before a program is compiled that is so long that its loops must have been written down step by step."""
    _warn(
        f"compiling {operations} operations will take about {seconds:.0f} s: loops of Python's are written down step "
        "by step. jit the step and loop around it, or use fg.lax.scan."
    )


def _warn(text: str) -> None:
    import warnings

    frame = _users_frame()
    level, inner = 1, sys._getframe(0)
    while inner is not frame and inner.f_back is not None:
        level, inner = level + 1, inner.f_back
    warnings.warn(text, LongLoopWarning, stacklevel=level)


def _users_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@lru_cache(16)
def _parsed(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []


def _constructs(frame: FrameType | None, of_index: bool = False) -> list[Found]:
    """What stands around the instruction that a frame is at, from the inside."""
    if frame is None:
        return []
    where = next((p for n, p in enumerate(frame.f_code.co_positions()) if n == frame.f_lasti // 2), None)
    if where is None or None in where:
        return []
    line, end_line, col, end_col = where
    start, end = (line, col), (end_line, end_col)
    found: list[tuple[tuple[int, int, int], Found]] = []
    for node in _parsed("".join(linecache.getlines(frame.f_code.co_filename))):
        for kind, looked_at in (_of_index if of_index else _of_truth)(node, (start, end)):
            first, last = _range(looked_at)
            if first <= start and end <= last:
                size = last[0] - first[0], last[1] - first[1], -len(found)  # of equal ones the inner one stands later
                found.append((size, Found(kind, node, getattr(looked_at, "test", looked_at))))
    return [f for _, f in sorted(found, key=lambda pair: pair[0])]


def _range(node: ast.AST) -> tuple[tuple, tuple]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _of_truth(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    """The parts of a node that it needs the truth of, by kind."""
    if isinstance(node, (ast.If, ast.While, ast.Assert)):
        yield type(node).__name__.lower(), node if _range(node) == at else node.test  # 3.11, after the call of a method
    elif isinstance(node, ast.IfExp):
        yield "ternary", node if _range(node) == at else node.test
    elif isinstance(node, ast.BoolOp):
        for value in node.values[:-1]:
            yield "operator", value
        if _range(node) == at:
            yield "operator", node
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", node
    elif isinstance(node, ast.Compare):
        if any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
            yield "in", node
        elif len(node.ops) > 1 and (_range(node) == at or at[1] <= _range(node.comparators[-2])[1]):
            yield "chain", node
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield "comprehension", test
    elif isinstance(node, ast.match_case):
        yield "match", node.pattern
        if node.guard is not None:
            yield "match", node.guard
    elif isinstance(node, ast.Call):
        if _name(node) in _CALLS and isinstance(node.func, ast.Attribute) == (_name(node) == "sort"):
            yield "call", node
        elif _name(node) in _SIZES:
            yield "size", node


def _of_index(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Call):
        name = _name(node)
        yield "range" if name == "range" else "size" if name in _SIZES else "other", node
    elif isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield "slice" if any(isinstance(p, ast.Slice) for p in parts) else "item", node


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


_CALLS = {
    "min": "np.minimum(a, b), or np.min(x) of an array,",
    "max": "np.maximum(a, b), or np.max(x) of an array,",
    "sorted": "np.sort(x) of an array (np.stack makes one of several values)",
    "sort": "np.sort(x) of an array (np.stack makes one of several values)",
    "any": "np.any(x) of an array (np.stack makes one of several values)",
    "all": "np.all(x) of an array (np.stack makes one of several values)",
    "bool": "x != 0, which is traced,",
    "filter": "np.where(condition, x, 0), which keeps the shape,",
}
"""Functions of Python's that look at the truth of their arguments, and what to write."""


def _short(node: ast.AST, otherwise: str = "...") -> str:
    try:
        text = ast.unparse(node)
    except ValueError:
        return otherwise
    return text if len(text) <= LONGEST and "\n" not in text else otherwise


def _condition(node: ast.AST) -> str:
    return _short(node, "condition")


def _words(found: Found) -> str:
    """The construct, as a message names it."""
    node = found.node
    if isinstance(node, (ast.BoolOp, ast.Compare)):
        return f"`{_short(node, type(getattr(node, 'op', node)).__name__.lower())}`"
    return {
        "if": "`if`",
        "while": "`while`",
        "assert": "`assert`",
        "ternary": "`a if condition else b`",
        "not": "`not`",
        "comprehension": "`if` in a comprehension",
        "match": "`match`",
    }.get(found.kind) or (f"`{_name(node)}`" if isinstance(node, ast.Call) else "a condition")


def _if(found: Found) -> str:
    test, node = _condition(found.test), found.node
    if isinstance(node, ast.If) and any(isinstance(s, ast.Break) for s in node.body):
        return (
            "A loop that ends by `break` is fg.lax.while_loop(cond_fun, body_fun, init), where cond_fun says when it "
            "goes on."
        )
    return (
        f"In place of `if`, write fg.lax.cond({test}, true_fun, false_fun, *operands), which computes one of two, "
        f"or np.where({test}, a, b), which chooses between values."
    )


def _while(found: Found) -> str:
    return (
        f"In place of `while {_condition(found.test)}:`, write fg.lax.while_loop(cond_fun, body_fun, init); where "
        "reverse mode is to go through it, fg.lax.scan, of a fixed number of steps."
    )


def _ternary(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.IfExp)
    test, a, b = _condition(found.test), _short(node.body, "a"), _short(node.orelse, "b")
    return f"Write np.where({test}, {a}, {b}), or fg.lax.cond({test}, lambda: {a}, lambda: {b}), which computes one."


def _operator(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.BoolOp)
    sign, name = ("&", "and") if isinstance(node.op, ast.And) else ("|", "or")
    parts = f" {sign} ".join(f"({_short(v)})" for v in node.values)
    parts = parts if len(parts) <= 2 * LONGEST else f"(a) {sign} (b)"
    return f"In place of `{name}`, write {parts} (or np.logical_{name})."


def _chain(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    pairs = [ast.Compare(a, [op], [b]) for a, op, b in zip(sides, node.ops, sides[1:])]
    return f"A chain of comparisons is an `and`: write {' & '.join(f'({_short(p)})' for p in pairs)}."


def _in(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Compare)
    x, items = _short(node.left, "x"), _short(node.comparators[-1], "items")
    test = f"np.any({x} == np.asarray({items}))"
    return f"In place of `in`, write {'~' * isinstance(node.ops[-1], ast.NotIn)}{test}."


def _call(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Call)
    return f"In place of Python's `{_name(node)}`, write {_CALLS[_name(node)]}".rstrip(",") + "."


_TRUTH = {
    "if": _if,
    "while": _while,
    "ternary": _ternary,
    "assert": lambda found: (
        "Values can be checked before the function is called, or on what it returns; while it is traced, shapes and "
        "dtypes only."
    ),
    "operator": _operator,
    "not": lambda found: (
        f"In place of `not`, write ~({_short(found.node.operand)}) (or np.logical_not)."
    ),
    "chain": _chain,
    "in": _in,
    "comprehension": lambda found: (
        "How many elements pass would decide the shape: keep all of them, and write "
        f"np.where({_condition(found.test)}, value, 0)."
    ),
    "match": lambda found: (
        "In place of `match`, write fg.lax.switch(index, branches, *operands) for an integer, "
        "fg.lax.cond(condition, true_fun, false_fun, *operands) for a condition."
    ),
    "call": _call,
}


def _fori(call: ast.AST) -> str:
    args = getattr(call, "args", [])
    bounds = [_short(a, name) for a, name in zip(args, ("lower", "upper"))]
    if len(bounds) == 1:
        bounds.insert(0, "0")
    return f"fg.lax.fori_loop({', '.join(bounds)}, body_fun, init)"


def _static(
    frame: FrameType | None, looked_at: ast.AST | None, default: str = _STATIC, kinds: str = "biuf", x: object = None
) -> str:
    """Which argument of the jitted function would have to be static, as far as the line tells, or being `x` itself."""
    if frame is None or not _is_jitted(frame):
        return default
    code = frame.f_code
    if looked_at is not None:
        named = {node.id for node in ast.walk(looked_at) if isinstance(node, ast.Name)}
    else:
        named = {name for name, value in frame.f_locals.items() if value is x}
    count = code.co_argcount + code.co_kwonlyargcount
    static = [
        (n, name)
        for n, name in enumerate(code.co_varnames[:count])
        if name in named and _is_scalar(frame.f_locals.get(name), kinds)
    ]
    if not static:
        return "" if looked_at is not None else default
    numbers = [n for n, _ in static]
    if max(numbers) < code.co_argcount and code.co_varnames[0] != "self":
        option = f"static_argnums={numbers[0] if len(numbers) == 1 else tuple(numbers)}"
    else:
        names = [name for _, name in static]
        option = f"static_argnames={names[0] if len(names) == 1 else tuple(names)!r}"
    which = " and ".join(f"`{name}`" for _, name in static)
    be, make = ("is", "it a static argument") if len(static) == 1 else ("are", "them static arguments")
    return f" If {which} {be} known beforehand, make {make}: jit(..., {option})."


def _is_scalar(x: object, kinds: str) -> bool:
    return type(x) is StageTracer and x.shape == () and x.dtype.kind in kinds


def _is_jitted(frame: FrameType) -> bool:
    """Whether a frame is the call of a function that jit traces, with jit's arguments."""
    outer = frame.f_back
    through_jit = False
    while outer is not None and is_internal(outer.f_code.co_filename):
        parts = outer.f_code.co_filename.replace("\\", "/").rsplit("/", 2)[1:]
        if parts[0] == "lax" or parts[-1] in ("vmap.py", "batch.py", "remat.py", "rules.py"):
            return False
        through_jit = through_jit or parts[0] == "compile"
        outer = outer.f_back
    return through_jit
