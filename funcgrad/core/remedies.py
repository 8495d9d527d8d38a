"""What to write where Python needs the value of something that is only being traced: read from the user's line.

The line is parsed only for an error.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import FrameType

from funcgrad.core.provenance import at, is_internal
from funcgrad.core.reading import LONGEST, Found, around, called, range_of, short, users_frame
from funcgrad.core.staging import StageTracer
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.errors import LongLoopWarning

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


def for_truth(x: Tracer) -> tuple[str, str]:
    """What asks for the truth of `x`, in words, and what to write instead."""
    return _fitting(x, *_for_truth(x))


def _fitting(x: Tracer, what: str, remedy: str) -> tuple[str, str]:
    """vmap has no static arguments."""
    return what, remedy.replace(_STATIC, "") if x._trace.name == "vmap" else remedy


def _for_truth(x: Tracer) -> tuple[str, str]:
    frame = users_frame()
    found = around(frame, _of_truth)
    if not found:
        return "`if`, `while`, `and`, `or`, `not` or `assert`", _PLAIN + _static(frame, None, x=x)
    first = found[0]
    if first.kind == "size":
        return f"a size in `{short(first.node)}`", _known_or(_SIZE, frame, first.node)
    texts = [_TRUTH[first.kind](first)]
    outer = next((f for f in found[1:] if f.kind in ("if", "while", "ternary", "assert")), None)
    if first.kind in ("operator", "chain", "not", "in", "call") and outer is not None:
        texts.append(_TRUTH[outer.kind](outer._replace(test=ast.Name("condition"))))
    return _words(first), " ".join(texts) + _static(frame, first.test)


def for_index(x: Tracer) -> tuple[str, str]:
    """What needs `x` as an integer of Python's, in words, and what to write instead."""
    return _fitting(x, *_for_index(x))


def _for_index(x: Tracer) -> tuple[str, str]:
    frame = users_frame()
    for found in around(frame, _of_index):
        if found.kind == "range":
            instead = f"In place of `for i in {short(found.node)}`, write {_fori(found.node)}."
            return "`range` of a traced value", _known_or(instead, frame, found.node)
        if found.kind == "size":
            return f"a size in `{short(found.node)}`", _known_or(_SIZE, frame, found.node)
        if found.kind == "slice":
            return f"the slice `{short(found.node)}`", _known_or(_SLICE, frame, found.test)
        if found.kind == "item":
            of = short(found.node.value)  # type: ignore[attr-defined]
            return f"the index in `{short(found.node)}`", (
                f"A list is indexed by an integer that Python knows: np.stack({of})[i] takes one of arrays, "
                "fg.lax.switch(i, branches, *operands) one of functions." + _static(frame, found.test, kinds="iu")
            )
    return "`operator.index(x)` of a traced value", _INDEX + _static(frame, None, x=x)


def for_bound() -> tuple[str, str]:
    """What has a bound that is only traced, in words, and what to write instead."""
    frame = users_frame()
    found = next((f for f in around(frame, _of_index) if f.kind == "slice"), None)
    if found is None:
        return "A bound of a slice", _SLICE
    return f"the slice `{short(found.node)}`", _known_or(_SLICE, frame, found.test)


def for_number(remedy: str) -> str:
    """What to write in place of `int(n)` and the like."""
    frame = users_frame()
    return remedy + _static(frame, next((f.node for f in around(frame, _of_index)), None), default="")


def for_size() -> tuple[str, str] | None:
    """What to write where a function is given a size that is only traced; None where that is not the user's line."""
    frame = users_frame()
    found = next((f for f in around(frame, _of_index) if f.kind == "size"), None)
    return found and (f"a size in `{short(found.node)}`", _known_or(_SIZE, frame, found.node))


def for_iteration() -> str:
    """What to write in place of `for i in n`."""
    frame = users_frame()
    where = "" if frame is None else at((frame.f_code, frame.f_lasti))
    return f"iteration over a 0-d traced value{where}. {_ITERATION}"


def warn_of_length(x: Tracer) -> None:
    """Warn where a loop over a traced value writes down many steps, one by one."""
    warn(
        f"a loop over a traced value writes down its {x.shape[0]} steps one by one, which takes long to compile: "
        "fg.lax.scan(step, init, xs) writes down one, fg.lax.map(f, xs) where steps do not depend on each other, and "
        "fg.vmap(f)(xs) runs all at once.",
        LongLoopWarning,
    )


def warn_of_compiling(operations: int, seconds: float) -> None:
    """Warn before a program is compiled that is so long that its loops must have been written down step by step."""
    warn(
        f"compiling {operations} operations will take about {seconds:.0f} s: loops of Python's are written down step "
        "by step. jit the step and loop around it, or use fg.lax.scan.",
        LongLoopWarning,
    )


def _of_truth(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    """The parts of a node that it needs the truth of, by kind."""
    if isinstance(node, (ast.If, ast.While, ast.Assert)):
        yield type(node).__name__.lower(), node if range_of(node) == at else node.test  # 3.11, after a method
    elif isinstance(node, ast.IfExp):
        yield "ternary", node if range_of(node) == at else node.test
    elif isinstance(node, ast.BoolOp):
        for value in node.values[:-1]:
            yield "operator", value
        if range_of(node) == at:
            yield "operator", node
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", node
    elif isinstance(node, ast.Compare):
        if any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
            yield "in", node
        elif len(node.ops) > 1 and (range_of(node) == at or at[1] <= range_of(node.comparators[-2])[1]):
            yield "chain", node
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield "comprehension", test
    elif isinstance(node, ast.match_case):
        yield "match", node.pattern
        if node.guard is not None:
            yield "match", node.guard
    elif isinstance(node, ast.Call):
        if called(node) in _CALLS and isinstance(node.func, ast.Attribute) == (called(node) == "sort"):
            yield "call", node
        elif called(node) in _SIZES:
            yield "size", node


def _of_index(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Call):
        name = called(node)
        yield "range" if name == "range" else "size" if name in _SIZES else "other", node
    elif isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield "slice" if any(isinstance(p, ast.Slice) for p in parts) else "item", node


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


def _condition(node: ast.AST) -> str:
    return short(node, "condition")


def _words(found: Found) -> str:
    """The construct, as a message names it."""
    node = found.node
    if isinstance(node, (ast.BoolOp, ast.Compare)):
        return f"`{short(node, type(getattr(node, 'op', node)).__name__.lower())}`"
    return {
        "if": "`if`",
        "while": "`while`",
        "assert": "`assert`",
        "ternary": "`a if condition else b`",
        "not": "`not`",
        "comprehension": "`if` in a comprehension",
        "match": "`match`",
    }.get(found.kind) or (f"`{called(node)}`" if isinstance(node, ast.Call) else "a condition")


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
    test, a, b = _condition(found.test), short(node.body, "a"), short(node.orelse, "b")
    return f"Write np.where({test}, {a}, {b}), or fg.lax.cond({test}, lambda: {a}, lambda: {b}), which computes one."


def _operator(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.BoolOp)
    sign, name = ("&", "and") if isinstance(node.op, ast.And) else ("|", "or")
    parts = f" {sign} ".join(f"({short(v)})" for v in node.values)
    parts = parts if len(parts) <= 2 * LONGEST else f"(a) {sign} (b)"
    return f"In place of `{name}`, write {parts} (or np.logical_{name})."


def _chain(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    pairs = [ast.Compare(a, [op], [b]) for a, op, b in zip(sides, node.ops, sides[1:])]
    return f"A chain of comparisons is an `and`: write {' & '.join(f'({short(p)})' for p in pairs)}."


def _in(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Compare)
    x, items = short(node.left, "x"), short(node.comparators[-1], "items")
    test = f"np.any({x} == np.asarray({items}))"
    return f"In place of `in`, write {'~' * isinstance(node.ops[-1], ast.NotIn)}{test}."


def _call(found: Found) -> str:
    node = found.node
    assert isinstance(node, ast.Call)
    return f"In place of Python's `{called(node)}`, write {_CALLS[called(node)]}".rstrip(",") + "."


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
        f"In place of `not`, write ~({short(found.node.operand)}) (or np.logical_not)."
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
    bounds = [short(a, name) for a, name in zip(args, ("lower", "upper"))]
    if len(bounds) == 1:
        bounds.insert(0, "0")
    return f"fg.lax.fori_loop({', '.join(bounds)}, body_fun, init)"


def _known_or(instead: str, frame: FrameType | None, looked_at: ast.AST) -> str:
    """The static argument that it may be, and what to write where it is computed."""
    static = _static(frame, looked_at, kinds="iu")
    return f"{static[1:]} Otherwise: {instead[:1].lower()}{instead[1:]}" if "(..." in static else instead + static


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
